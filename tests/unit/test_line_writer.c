/*
 * test_line_writer.c - output that may block: whole lines, in order, none lost unsaid; slow
 * readers, full disks, readers that go, files that are moved away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "line_writer.h"

enum { PATH_SIZE = 128 };

static char folder[] = "/tmp/downgrd-writer-XXXXXX";
static char path[PATH_SIZE];
static char moved[PATH_SIZE];

static int make_folder(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lines", folder);
    (void)snprintf(moved, sizeof moved, "%s/lines.1", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(moved);
    return rmdir(folder);
}

/* How many lines a file has; each must be "line N" with N rising from `first` without a gap. */
static unsigned count_lines(const char *name, unsigned first) {
    char line[64];
    unsigned lines = 0;
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "line %u\n", first + lines);
        assert_string_equal(line, expected);
        lines++;
    }
    (void)fclose(file);
    return lines;
}

static void print_lines(struct line_writer *writer, unsigned from, unsigned count) {
    FILE *stream = line_writer_stream(writer);
    for (unsigned i = from; i < from + count; i++)
        (void)fprintf(stream, "line %u\n", i);
    (void)fflush(stream);
}

static void wait_ms(unsigned ms) {
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static void test_all_lines_in_order(void **state) {
    (void)state;
    struct line_writer *writer = line_writer_open(path, 1 << 20);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    for (unsigned i = 0; i < 50; i++)
        print_lines(writer, i * 1000, 1000);
    line_writer_stop(writer);
    unsigned lost = (unsigned)line_writer_lost(writer);
    line_writer_delete(writer);
    assert_int_equal(lost, 0);
    assert_int_equal(count_lines(path, 0), 50000);
}

static void test_appends_and_opens_again(void **state) {
    (void)state;
    (void)unlink(path);
    struct line_writer *writer = line_writer_open(path, 0);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    print_lines(writer, 0, 10);
    wait_ms(100);
    assert_int_equal(rename(path, moved), 0);
    print_lines(writer, 10, 5); /* still into the old one */
    wait_ms(100);
    line_writer_reopen(writer);
    wait_ms(100);
    print_lines(writer, 15, 7);
    line_writer_stop(writer);
    line_writer_delete(writer);
    assert_int_equal(count_lines(moved, 0), 15);
    assert_int_equal(count_lines(path, 15), 7);
    writer = line_writer_open(path, 0);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    print_lines(writer, 22, 1);
    line_writer_stop(writer);
    line_writer_delete(writer);
    assert_int_equal(count_lines(path, 15), 8);
}

/* Nobody reads: printing does not wait, what has no room is counted, and stopping comes to an end.
 */
static void test_a_reader_that_does_not_read(void **state) {
    int ends[2];
    char text[4096];
    uint64_t lines = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct line_writer *writer = line_writer_attach(ends[1], "pipe", 0);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    print_lines(writer, 0, 50000);
    line_writer_stop(writer);
    uint64_t lost = line_writer_lost(writer);
    line_writer_delete(writer);
    (void)close(ends[1]);
    for (ssize_t size = 0; (size = read(ends[0], text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < size; i++)
            lines += text[i] == '\n';
    (void)close(ends[0]);
    assert_true(lost > 0);
    assert_int_equal(lines + lost, 50000);
}

static void test_a_reader_that_goes(void **state) {
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct line_writer *writer = line_writer_attach(ends[1], "pipe", 0);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    (void)close(ends[0]);
    print_lines(writer, 0, 1000);
    wait_ms(100);
    print_lines(writer, 1000, 500);
    line_writer_stop(writer);
    assert_int_equal(line_writer_lost(writer), 1500);
    line_writer_delete(writer);
    (void)close(ends[1]);
}

/* /dev/full stands for a full disk: it is tried on, and what does not go out is counted. */
static void test_a_full_disk(void **state) {
    (void)state;
    int descriptor = open("/dev/full", O_WRONLY);
    assert_true(descriptor >= 0);
    struct line_writer *writer = line_writer_attach(descriptor, "/dev/full", 0);
    assert_non_null(writer);
    assert_int_equal(line_writer_start(writer), 0);
    print_lines(writer, 0, 100);
    line_writer_stop(writer);
    assert_int_equal(line_writer_lost(writer), 100);
    line_writer_delete(writer);
    (void)close(descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_lines_in_order),
        cmocka_unit_test(test_appends_and_opens_again),
        cmocka_unit_test(test_a_reader_that_does_not_read),
        cmocka_unit_test(test_a_reader_that_goes),
        cmocka_unit_test(test_a_full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
