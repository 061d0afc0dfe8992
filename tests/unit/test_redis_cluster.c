/* Slots of keys, lists of addresses, where a moved key went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "redis_addresses.h"
#include "redis_cluster.h"

/* Of the specification, and of CLUSTER KEYSLOT. */
static const struct {
    const char *key;
    uint16_t slot;
} slot_cases[] = {
    {"123456789", 0x31c3},
    {"foo", 12182},
    {"bar", 5061},
    {"{bar}", 5061},
    {"foo{bar}{zap}", 5061},
    {"foo{}{bar}", 8363},
    {"foo{{bar}}zap", 4015},
    {"{user1000}.followers", 3443},
    {"", 0},
};

static void test_slots(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof slot_cases / sizeof slot_cases[0]; i++)
        if (redis_slot_of(slot_cases[i].key, strlen(slot_cases[i].key)) != slot_cases[i].slot)
            fail_msg("%s", slot_cases[i].key);
}

static void test_lists(void **state) {
    (void)state;
    static struct redis_addresses list;
    char error[REDIS_URL_ERROR_SIZE];
    assert_int_equal(redis_addresses_parse("redis://u:p%2C,q@a:1,b,[::1]:3/4", &list, error), 0);
    assert_int_equal(list.count, 3);
    assert_false(list.is_sentinel);
    const char *hosts[] = {"a", "b", "::1"};
    const uint16_t ports[] = {1, 6379, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(list.urls[i].host, hosts[i]);
        assert_int_equal(list.urls[i].port, ports[i]);
        assert_string_equal(list.urls[i].password, "p,,q");
        assert_string_equal(list.urls[i].user, "u");
        assert_int_equal(list.urls[i].database, 4);
    }
    assert_string_equal(list.place, "redis://a:1,b:6379,[::1]:3");

    assert_int_equal(redis_addresses_parse("redis+sentinel://:pw@s1,s2:5/main.a/2", &list, error),
                     0);
    assert_true(list.is_sentinel);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.master, "main.a");
    assert_int_equal(list.urls[0].port, 26379);
    assert_int_equal(list.urls[1].port, 5);
    assert_int_equal(list.urls[1].database, 2);
    assert_string_equal(list.urls[0].password, "pw");
    assert_non_null(strstr(list.place, "main.a"));
    assert_null(strstr(list.place, "pw"));

    assert_int_equal(redis_addresses_parse("unix:///a,b?db=1", &list, error), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.urls[0].path, "/a,b");
}

static void test_refused_lists(void **state) {
    (void)state;
    static struct redis_addresses list;
    static const char *const bad[] = {
        "redis://a,,b",
        "redis://,a",
        "redis://a,b:0",
        "redis://a,b/x",
        "redis+sentinel://a,b",
        "redis+sentinel://a/",
        "redis+sentinel://a/m/x",
        "redis+sentinel:///m",
        "redis://u:secret@a,b:x",
        "rediss://a,b",
        "redis://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char error[REDIS_URL_ERROR_SIZE];
        if (redis_addresses_parse(bad[i], &list, error) != -EINVAL || error[0] == '\0')
            fail_msg("%s", bad[i]);
        assert_null(strstr(error, "secret"));
    }
}

static void test_targets(void **state) {
    (void)state;
    char host[256];
    uint16_t port = 0;
    const char *ask = "ASK 3999 127.0.0.1:6381";
    const char *moved = "MOVED 3999 2001:db8::1:6381";
    assert_true(redis_cluster_read_target(ask, strlen(ask), host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 6381);
    assert_true(redis_cluster_read_target(moved, strlen(moved), host, &port));
    assert_string_equal(host, "2001:db8::1");
    for (size_t size = 0; size < strlen("ASK 3999 127.0.0.1:"); size++)
        assert_false(redis_cluster_read_target(ask, size, host, &port));
    assert_false(redis_cluster_read_target("ASK 1 a:99999", 13, host, &port));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_refused_lists),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
