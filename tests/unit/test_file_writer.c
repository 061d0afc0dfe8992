/*
 * test_file_writer.c - files that wait for a disk: their bytes, their order, and what happens when
 * the disk takes none.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_writer.h"

enum { QUEUE_BYTES = 4096, FILE_BYTES = 1000 };

static char folder[] = "/tmp/downgrd-test-XXXXXX";
static int directory;

/* Holds the writer's thread up while somebody has it. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static unsigned failures;

static void on_failure(void *context, const char *name, int error) {
    assert_ptr_equal(context, folder);
    assert_non_null(name);
    assert_true(error > 0);
    (void)pthread_mutex_lock(&disk);
    failures++;
    (void)pthread_mutex_unlock(&disk);
}

static struct span content_of(unsigned number, uint8_t bytes[FILE_BYTES]) {
    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = (uint8_t)(number * 31 + i);
    return span_of(bytes, FILE_BYTES - number % 3);
}

static void demand_file(const char *name, unsigned number) {
    uint8_t expected[FILE_BYTES];
    uint8_t found[FILE_BYTES + 1];
    struct span bytes = content_of(number, expected);
    int file = openat(directory, name, O_RDONLY);
    assert_true(file >= 0);
    ssize_t size = read(file, found, sizeof found);
    close(file);
    assert_int_equal(size, bytes.size);
    assert_memory_equal(found, expected, bytes.size);
    assert_int_equal(unlinkat(directory, name, 0), 0);
}

static void files_are_written_around_the_queues_end(void **state) {
    (void)state;
    struct file_writer *writer = file_writer_start(directory, QUEUE_BYTES, on_failure, folder);
    assert_non_null(writer);
    for (unsigned number = 0; number < 40; number++) {
        char name[FILE_WRITER_NAME_SIZE];
        uint8_t bytes[FILE_BYTES];
        (void)snprintf(name, sizeof name, "file-%u", number);
        while (!file_writer_put(writer, name, content_of(number, bytes)))
            (void)usleep(1000);
    }
    file_writer_stop(writer);
    for (unsigned number = 0; number < 40; number++) {
        char name[FILE_WRITER_NAME_SIZE];
        (void)snprintf(name, sizeof name, "file-%u", number);
        demand_file(name, number);
    }
    assert_int_equal(failures, 0);
}

static void a_disk_that_hangs_holds_nobody_up(void **state) {
    (void)state;
    unsigned taken = 0;
    uint8_t bytes[FILE_BYTES];
    failures = 0;
    struct file_writer *writer = file_writer_start(directory, QUEUE_BYTES, on_failure, folder);
    assert_non_null(writer);
    (void)pthread_mutex_lock(&disk);
    while (taken < 100 && file_writer_put(writer, "no/such/folder", content_of(0, bytes)))
        taken++;
    assert_int_equal(taken, QUEUE_BYTES / FILE_BYTES);
    (void)pthread_mutex_unlock(&disk);
    while (!file_writer_put(writer, "afterwards", content_of(1, bytes)))
        (void)usleep(1000);
    file_writer_stop(writer);
    assert_int_equal(failures, taken);
    demand_file("afterwards", 1);
}

static void no_more_files_wait_than_there_are_places(void **state) {
    (void)state;
    unsigned taken = 0;
    const struct span nothing = span_of("", 0);
    failures = 0;
    struct file_writer *writer = file_writer_start(directory, QUEUE_BYTES, on_failure, folder);
    assert_non_null(writer);
    (void)pthread_mutex_lock(&disk);
    while (taken < 10000 && file_writer_put(writer, "no/such/folder", nothing))
        taken++;
    assert_int_equal(taken, FILE_WRITER_FILES);
    (void)pthread_mutex_unlock(&disk);
    file_writer_stop(writer);
    assert_int_equal(failures, taken);
}

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    directory = open(folder, O_RDONLY | O_DIRECTORY);
    return directory >= 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    close(directory);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_around_the_queues_end),
        cmocka_unit_test(a_disk_that_hangs_holds_nobody_up),
        cmocka_unit_test(no_more_files_wait_than_there_are_places),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
