/*
 * test_log.c - lines of the log: escaped, cut, held back and counted, whole under threads, and with
 * the journal's priorities where stderr is the journal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "log_line.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void line_is(enum log_level level, bool to_journal, const char *message, uint64_t suppressed,
                    const char *wanted) {
    char line[LOG_MAX_LINE + 1];
    size_t length = log_line_format(line, level, to_journal, message, suppressed);
    assert_true(length <= LOG_MAX_LINE);
    line[length] = '\0';
    assert_string_equal(line, wanted);
}

static void lines_are_prefixed_and_escaped(void **state) {
    (void)state;
    line_is(LOG_LEVEL_ERROR, false, "it broke", 0, "downgrd: it broke\n");
    line_is(LOG_LEVEL_WARNING, false, "it bent", 0, "downgrd: warning: it bent\n");
    line_is(LOG_LEVEL_ERROR, true, "it broke", 0, "<3>it broke\n");
    line_is(LOG_LEVEL_DEBUG, true, "it broke", 0, "<7>it broke\n");
    line_is(LOG_LEVEL_NOTICE, true, "again", 17,
            "<5>again (and 17 more like this were held back)\n");
    line_is(LOG_LEVEL_ERROR, true, "a\nb\r\t\x1b[31m\x7f", 0,
            "<3>a\\x0ab\\x0d\\x09\\x1b[31m\\x7f\n");
    line_is(LOG_LEVEL_ERROR, true, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91", 0,
            "<3>gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91\n");
    /* alone, too long a form, a surrogate, past the last character, a C1 control, cut short */
    line_is(LOG_LEVEL_ERROR, true, "\xff \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xc2\x9b \xe2\x82",
            0, "<3>\\xff \\xc0\\x80 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xc2\\x9b \\xe2\\x82\n");
}

static void long_lines_are_cut_between_characters(void **state) {
    (void)state;
    char message[3 * LOG_MAX_LINE];
    char line[LOG_MAX_LINE];
    memset(message, '\x01', sizeof message);
    message[sizeof message - 1] = '\0';
    size_t length = log_line_format(line, LOG_LEVEL_ERROR, false, message, UINT64_MAX);
    static const char end[] = "\\x01... (and 18446744073709551615 more like this were held back)\n";
    assert_true(length <= LOG_MAX_LINE);
    assert_memory_equal(line + length - strlen(end), end, strlen(end));
    assert_null(memchr(line, '\n', length - 1));
}

static void repeats_are_held_back_and_counted(void **state) {
    (void)state;
    struct log_kind kind = {.name = "kind", .allowance = LOG_BURST, .filled_s = 100};
    uint64_t suppressed = 99;
    for (int i = 0; i < LOG_BURST; i++) {
        assert_true(log_kind_admit(&kind, 100, &suppressed));
        assert_int_equal(suppressed, 0);
    }
    for (int i = 0; i < 1000; i++)
        assert_false(log_kind_admit(&kind, 100 + LOG_INTERVAL_S - 1, &suppressed));
    assert_true(log_kind_admit(&kind, 100 + LOG_INTERVAL_S, &suppressed));
    assert_int_equal(suppressed, 1000);
    assert_false(log_kind_admit(&kind, 100 + LOG_INTERVAL_S, &suppressed));
    assert_false(log_kind_admit(&kind, 50, &suppressed)); /* a clock that steps gives nothing */
    for (int i = 0; i < LOG_BURST; i++) {
        assert_true(log_kind_admit(&kind, 1000000, &suppressed));
        assert_int_equal(suppressed, i == 0 ? 2 : 0);
    }
    assert_false(log_kind_admit(&kind, 1000000, &suppressed));
}

/* ---- what reaches stderr: a child process writes into a pipe ---- */

enum { CAPTURED_SIZE = 256 * 1024, THREADS = 4, LINES = 200 };

static size_t captured(void (*speak)(void), char text[CAPTURED_SIZE]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        speak();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t got = 0;
    while ((got = read(ends[0], text + length, CAPTURED_SIZE - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    text[length] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return length;
}

static void speak_of_levels(void) {
    log_write(LOG_LEVEL_ERROR, "a", "error %d", 1);
    log_write(LOG_LEVEL_NOTICE, "a", "notice");
    log_write(LOG_LEVEL_INFO, "a", "not shown");
    log_set_level(LOG_LEVEL_DEBUG);
    log_write(LOG_LEVEL_DEBUG, "a", "debug");
    log_set_level(LOG_LEVEL_ERROR);
    log_write(LOG_LEVEL_WARNING, "a", "not shown");
}

static void levels_choose(void **state) {
    (void)state;
    char text[CAPTURED_SIZE];
    captured(speak_of_levels, text);
    assert_string_equal(text, "downgrd: error 1\ndowngrd: notice: notice\ndowngrd: debug: debug\n");
}

static void speak_to_journal(void) {
    struct stat status;
    char stream[64];
    (void)fstat(STDERR_FILENO, &status);
    (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
                   (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_write(LOG_LEVEL_WARNING, "a", "to the journal");
}

static void speak_beside_journal(void) {
    setenv("JOURNAL_STREAM", "1:2", 1);
    log_write(LOG_LEVEL_WARNING, "a", "to a file");
}

static void journal_gets_priorities(void **state) {
    (void)state;
    char text[CAPTURED_SIZE];
    captured(speak_to_journal, text);
    assert_string_equal(text, "<4>to the journal\n");
    captured(speak_beside_journal, text);
    assert_string_equal(text, "downgrd: warning: to a file\n");
}

static void speak_a_lot(void) {
    for (int i = 0; i < 1000; i++)
        log_write(LOG_LEVEL_ERROR, "often", "again");
    log_write(LOG_LEVEL_ERROR, "once", "something else");
    log_flush();
    log_flush();
    if (log_suppressed() != 1000 - LOG_BURST)
        _exit(1);
}

static void a_storm_is_a_few_lines(void **state) {
    (void)state;
    char text[CAPTURED_SIZE];
    captured(speak_a_lot, text);
    assert_string_equal(text, "downgrd: again\ndowngrd: again\ndowngrd: again\ndowngrd: again\n"
                              "downgrd: again\ndowngrd: something else\n"
                              "downgrd: often: 995 more messages were held back\n");
}

static void speak_of_many_kinds(void) {
    static char names[LOG_MAX_KINDS * 2][8];
    for (int i = 0; i < LOG_MAX_KINDS * 2; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%d", i);
        log_write(LOG_LEVEL_ERROR, names[i], "%d", i);
    }
}

static void kinds_past_the_table_share_a_budget(void **state) {
    (void)state;
    char text[CAPTURED_SIZE];
    captured(speak_of_many_kinds, text);
    unsigned lines = 0;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, LOG_MAX_KINDS - 1 + LOG_BURST);
}

static void *speak_in_thread(void *kind) {
    for (int i = 0; i < LINES; i++)
        log_write(LOG_LEVEL_ERROR, kind, "%s %s", (const char *)kind,
                  "a line that is long enough to be torn apart if anything could tear it");
    return NULL;
}

static void speak_in_threads(void) {
    static char names[THREADS][8] = {"one", "two", "three", "four"};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, speak_in_thread, names[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void lines_of_threads_stay_whole(void **state) {
    (void)state;
    char text[CAPTURED_SIZE];
    captured(speak_in_threads, text);
    unsigned lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        assert_int_equal(strncmp(line, "downgrd: ", 9), 0);
        assert_non_null(strstr(line, "a line that is long enough to be torn apart if anything "
                                     "could tear it"));
    }
    assert_int_equal(lines, THREADS * LOG_BURST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_prefixed_and_escaped),
        cmocka_unit_test(long_lines_are_cut_between_characters),
        cmocka_unit_test(repeats_are_held_back_and_counted),
        cmocka_unit_test(levels_choose),
        cmocka_unit_test(journal_gets_priorities),
        cmocka_unit_test(a_storm_is_a_few_lines),
        cmocka_unit_test(kinds_past_the_table_share_a_budget),
        cmocka_unit_test(lines_of_threads_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
