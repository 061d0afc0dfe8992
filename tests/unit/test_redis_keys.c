/* test_redis_keys.c - key names, days, and commands as bytes: no name gets out of its place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "redis_batch.h"
#include "redis_keys.h"

#define HOUR UINT64_C(498732) /* 2026-11-23 12h */

static void test_names(void **state) {
    (void)state;
    const struct {
        struct redis_key key;
        const char *wanted;
    } cases[] = {
        {redis_key_hour("example.com", "lab", HOUR),
         "downgrd:usage:{example.com}:lab:h:2026112312"},
        {redis_key_day("example.com", "lab", 20261123),
         "downgrd:usage:{example.com}:lab:d:20261123"},
        {redis_key_applied("_none", "lab", 20261123), "downgrd:applied:{_none}:lab:20261123"},
        {redis_key_buckets("*.a-b.c"), "downgrd:buckets:{*.a-b.c}"},
        {redis_key_clients("a", 0, 20261123), "downgrd:clients:{a}:all:20261123"},
        {redis_key_clients("a", 1, 20261123), "downgrd:clients:{a}:legacy:20261123"},
        {redis_key_legacy("a"), "downgrd:legacy:{a}"},
        {redis_key_top(20261123, RANK_LEGACY, "s"), "downgrd:top:{20261123}:legacy:s"},
        {redis_key_top(20261123, RANK_HANDSHAKES, "s"), "downgrd:top:{20261123}:handshakes:s"},
        {redis_key_top(20261123, RANK_ALERTS, "s"), "downgrd:top:{20261123}:alerts:s"},
        {redis_key_top(20261123, RANK_LEGACY_CLIENTS, "s"),
         "downgrd:top:{20261123}:legacy_clients"},
        {redis_key_health("a b"), "downgrd:health:{a%20b}"},
        {redis_key_health_day("s", 20261123), "downgrd:health:{s}:d:20261123"},
        {redis_key_health_applied("s", 20261123), "downgrd:health_applied:{s}:20261123"},
        {redis_key_day("}x{\r\n%:\xff", "a:b", 1),
         "downgrd:usage:{%7Dx%7B%0D%0A%25%3A%FF}:a%3Ab:d:00000001"},
        {redis_key_legacy(""), "downgrd:legacy:{}"},
        {redis_member_of(20261123, "a:b c"), "20261123:a:b c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(cases[i].key.text, cases[i].wanted);
}

/* The longest names, every byte escaped: nothing is cut but the name itself. */
static void test_longest(void **state) {
    (void)state;
    char name[1000];
    memset(name, '{', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct redis_key key = redis_key_hour(name, name, HOUR);
    assert_string_equal(key.text + strlen(key.text) - 13, ":h:2026112312");
    assert_int_equal(strlen(key.text), strlen("downgrd:usage:{}::h:2026112312") + 6 * 255);
    assert_non_null(strchr(redis_key_top(20261123, RANK_LEGACY, name).text, '{'));
}

static void test_days(void **state) {
    (void)state;
    const struct {
        uint64_t hours;
        uint32_t stamp;
    } cases[] = {
        {0, 1970010100},      {23, 1970010123},     {24, 1970010200},     {HOUR, 2026112312},
        {262968, 2000010100}, {264384, 2000022900}, {264408, 2000030100}, {UINT64_MAX, 4294967295U},
    };
    for (size_t i = 0; i + 1 < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(redis_stamp_of_hours(cases[i].hours), cases[i].stamp);
    assert_int_equal(redis_day_of_hours(UINT64_MAX), 99991231);
    for (uint64_t day = 0; day < 80000; day += 13) { /* against the C library */
        time_t seconds = (time_t)(day * 86400);
        const struct tm *tm = gmtime(&seconds);
        uint32_t wanted = (uint32_t)((tm->tm_year + 1900) * 10000 + (tm->tm_mon + 1) * 100) +
                          (uint32_t)tm->tm_mday;
        assert_int_equal(redis_day_of_hours(day * 24 + 5), wanted);
        assert_int_equal(redis_day_of_us(day * 86400 * 1000000 + 7), wanted);
        assert_int_equal(redis_hours_of_day(wanted), day * 24);
    }
    assert_int_equal(redis_hours_of_day(20261301), 0);
    assert_int_equal(redis_hours_of_day(20261100), 0);
    assert_int_equal(redis_hours_of_day(19691231), 0);
}

static void test_members(void **state) {
    (void)state;
    uint32_t day = 0;
    const char *sensor = NULL;
    assert_int_equal(redis_member_read("20261123:a:b", &day, &sensor), 0);
    assert_int_equal(day, 20261123);
    assert_string_equal(sensor, "a:b");
    const char *const bad[] = {"", "2026112", "20261123", "2026112x:a", "20261123.a", ":"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(redis_member_read(bad[i], &day, &sensor), -EINVAL);
}

static void test_commands(void **state) {
    (void)state;
    static const char wanted[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8\r\n\r\n*1\r\n\0$\r\n"
                                 "*4\r\n$4\r\nZADD\r\n$20\r\n18446744073709551615\r\n$2\r\n-7\r\n"
                                 "$0\r\n\r\n"
                                 "*1\r\n$4\r\nPING\r\n";
    struct redis_batch batch = {0};
    redis_batch_begin(&batch, "SET");
    redis_batch_add_text(&batch, "k");
    redis_batch_add(&batch, "\r\n*1\r\n\0$", 8);
    redis_batch_end(&batch);
    redis_batch_begin(&batch, "ZADD");
    redis_batch_add_number(&batch, UINT64_MAX);
    redis_batch_add_negative(&batch, 7);
    redis_batch_add_text(&batch, "");
    redis_batch_end(&batch);
    redis_batch_command(&batch, "PING", NULL);
    assert_false(batch.bad);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.commands.size, sizeof wanted - 1);
    assert_memory_equal(batch.commands.bytes, wanted, sizeof wanted - 1);
    redis_batch_clear(&batch);
    assert_int_equal(batch.count, 0);
    redis_batch_command(&batch, "PING", NULL);
    assert_memory_equal(batch.commands.bytes, "*1\r\n$4\r\nPING\r\n", 14);
    redis_batch_deinit(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_longest),
        cmocka_unit_test(test_days),     cmocka_unit_test(test_members),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
