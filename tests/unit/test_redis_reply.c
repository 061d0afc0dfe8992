/* test_redis_reply.c - what error answers mean, and text made fit for a message. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis_reply.h"

struct answer_case {
    const char *text; /* as Redis 7.0 sends it */
    enum redis_error error;
    int status;
    bool is_general;
};

static const struct answer_case answer_cases[] = {
    {"LOADING Redis is loading the dataset in memory", REDIS_ERROR_LOADING, -EAGAIN, true},
    {"READONLY You can't write against a read only replica.", REDIS_ERROR_READONLY, -EROFS, true},
    {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_ERROR_MEMORY, -ENOMEM, true},
    {"OOM", REDIS_ERROR_MEMORY, -ENOMEM, true},
    {"NOAUTH Authentication required.", REDIS_ERROR_PASSWORD_NEEDED, -EACCES, true},
    {"WRONGPASS invalid username-password pair or user is disabled.", REDIS_ERROR_PASSWORD_WRONG,
     -EACCES, true},
    {"ERR AUTH <password> called without any password configured for the default user.",
     REDIS_ERROR_PASSWORD_WRONG, -EACCES, true},
    {"NOPERM this user has no permissions to run the 'xadd' command", REDIS_ERROR_PERMISSION,
     -EACCES, true},
    {"MOVED 3999 127.0.0.1:6381", REDIS_ERROR_MOVED, -ESTALE, true},
    {"ASK 3999 127.0.0.1:6381", REDIS_ERROR_ASK, -EAGAIN, true},
    {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_ERROR_CLUSTER, -EAGAIN, true},
    {"CROSSSLOT Keys in request don't hash to the same slot", REDIS_ERROR_CLUSTER, -EOPNOTSUPP,
     true},
    {"CLUSTERDOWN Hash slot not served", REDIS_ERROR_CLUSTER, -EAGAIN, true},
    {"MASTERDOWN Link with MASTER is down", REDIS_ERROR_REPLICA_LOST, -EAGAIN, true},
    {"NOREPLICAS Not enough good replicas to write.", REDIS_ERROR_REPLICA_LOST, -EAGAIN, true},
    {"MISCONF Redis is configured to save RDB snapshots", REDIS_ERROR_DISK, -EIO, true},
    {"BUSY Redis is busy running a script.", REDIS_ERROR_BUSY, -EBUSY, true},
    {"BUSYGROUP Consumer Group name already exists", REDIS_ERROR_OTHER, -EPROTO, false},
    {"WRONGTYPE Operation against a key", REDIS_ERROR_TYPE, -EINVAL, false},
    {"NOSCRIPT No matching script.", REDIS_ERROR_SCRIPT_MISSING, -EAGAIN, true},
    {"ERR DB index is out of range", REDIS_ERROR_DATABASE, -EINVAL, true},
    {"ERR unknown command 'EVALSHA'", REDIS_ERROR_TOO_OLD, -ENOSYS, true},
    {"ERR max number of clients reached", REDIS_ERROR_CLIENTS, -EAGAIN, true},
    {"DENIED Redis is running in protected mode", REDIS_ERROR_PROTECTED, -EACCES, true},
    {"ERR syntax error", REDIS_ERROR_OTHER, -EPROTO, false},
    {"OO", REDIS_ERROR_OTHER, -EPROTO, false},
    {"OOMPH", REDIS_ERROR_OTHER, -EPROTO, false},
    {"", REDIS_ERROR_OTHER, -EPROTO, false},
};

static void test_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answer_cases / sizeof answer_cases[0]; i++) {
        const struct answer_case *wanted = &answer_cases[i];
        size_t size = strlen(wanted->text);
        char *exact = malloc(size + (size == 0)); /* no NUL behind it */
        assert_non_null(exact);
        memcpy(exact, wanted->text, size);
        const struct redis_error_meaning *meaning = redis_error_of(exact, size);
        free(exact);
        if (meaning->error != wanted->error || meaning->status != wanted->status ||
            meaning->is_general != wanted->is_general)
            fail_msg("%s: taken for %d", wanted->text, (int)meaning->error);
        if (meaning->error != REDIS_ERROR_OTHER) {
            assert_true(meaning->meaning[0] != '\0');
            assert_true(meaning->remedy[0] != '\0');
        }
    }
}

struct printable_case {
    const char *text;
    size_t size;
    size_t room;
    const char *wanted;
};

static const struct printable_case printable_cases[] = {
    {"plain ~ text", 12, 64, "plain ~ text"},
    {"\x1b[31m\r\n", 7, 64, "\\x1b[31m\\x0d\\x0a"},
    {"a\0b\\\x7f\xff", 6, 64, "a\\x00b\\\\\\x7f\\xff"},
    {"", 0, 64, ""},
    {"abc", 3, 3, "ab"},
    {"a\x01", 2, 5, "a"},
    {"a\x01", 2, 6, "a\\x01"},
    {"abc", 3, 1, ""},
};

static void test_printable(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof printable_cases / sizeof printable_cases[0]; i++) {
        const struct printable_case *wanted = &printable_cases[i];
        char *room = malloc(wanted->room);
        assert_non_null(room);
        assert_ptr_equal(redis_printable(wanted->text, wanted->size, room, wanted->room), room);
        assert_string_equal(room, wanted->wanted);
        free(room);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
