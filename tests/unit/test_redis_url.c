/* test_redis_url.c - Redis URLs: what is taken, what is refused, and that no password leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis_url.h"

struct good_case {
    const char *text;
    const char *host_or_path;
    unsigned port; /* 0: a socket */
    unsigned database;
    const char *user;
    const char *password; /* NULL: none */
    const char *place;
};

static const struct good_case good_cases[] = {
    {"redis://localhost", "localhost", 6379, 0, "", NULL, "redis://localhost:6379"},
    {"redis://localhost/", "localhost", 6379, 0, "", NULL, "redis://localhost:6379"},
    {"redis://10.0.0.1:7000/15", "10.0.0.1", 7000, 15, "", NULL, "redis://10.0.0.1:7000"},
    {"redis://[2001:db8::1]:1/2", "2001:db8::1", 1, 2, "", NULL, "redis://[2001:db8::1]:1"},
    {"redis://[::1]", "::1", 6379, 0, "", NULL, "redis://[::1]:6379"},
    {"redis://:secret@h/3", "h", 6379, 3, "", "secret", "redis://h:6379"},
    {"redis://me:secret@h:65535", "h", 65535, 0, "me", "secret", "redis://h:65535"},
    {"redis://m%40e:a%2Fb%3ac%25@h", "h", 6379, 0, "m@e", "a/b:c%", "redis://h:6379"},
    {"redis://me:@h", "h", 6379, 0, "me", "", "redis://h:6379"},
    {"redis://me:a:b@h", "h", 6379, 0, "me", "a:b", "redis://h:6379"},
    {"unix:///run/redis.sock", "/run/redis.sock", 0, 0, "", NULL, "unix:///run/redis.sock"},
    {"unix:///r%20s?db=4", "/r s", 0, 4, "", NULL, "unix:///r s"},
    {"unix://me:secret@/r", "/r", 0, 0, "me", "secret", "unix:///r"},
    {"redis://h%0a", "h\n", 6379, 0, "", NULL, "redis://h?:6379"},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good_cases / sizeof good_cases[0]; i++) {
        const struct good_case *wanted = &good_cases[i];
        struct redis_url url;
        char error[REDIS_URL_ERROR_SIZE];
        int status = redis_url_parse(wanted->text, &url, error);
        if (status != 0)
            fail_msg("%s: %s", wanted->text, error);
        assert_string_equal(error, "");
        assert_int_equal(url.is_unix, wanted->port == 0);
        assert_string_equal(url.is_unix ? url.path : url.host, wanted->host_or_path);
        assert_int_equal(url.port, wanted->port);
        assert_int_equal(url.database, wanted->database);
        assert_string_equal(url.user, wanted->user);
        assert_int_equal(url.has_password, wanted->password != NULL);
        assert_string_equal(url.password, wanted->password ? wanted->password : "");
        assert_string_equal(url.place, wanted->place);
    }
}

struct bad_case {
    const char *text;
    const char *says;
};

static const struct bad_case bad_cases[] = {
    {"", "no Redis URL"},
    {"localhost:6379", "no Redis URL"},
    {"http://h", "no Redis URL"},
    {"rediss://h:6379", "stunnel"},
    {"redis://", "no host"},
    {"redis://:6379", "no host"},
    {"redis://h:", "port"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:6379x/0", "port"},
    {"redis://h:99999999999999999999", "port"},
    {"redis://h/db", "database"},
    {"redis://h/1/2", "database"},
    {"redis://h/-1", "database"},
    {"redis://h/9999999", "database"},
    {"redis://h?db=1", "after host and port"},
    {"redis://[::1", "']'"},
    {"redis://[]:1", "no host"},
    {"redis://me@h", "user name without a password"},
    {"redis://me:s3cret%@h", "%25"},
    {"redis://me:s3cret%0@h", "%25"},
    {"redis://me:s3cret%zz@h", "%25"},
    {"redis://me:s3cret%00@h", "%25"},
    {"redis://me:s3cret/more@h", "port"},
    {"unix://run/redis.sock", "full path"},
    {"unix://", "full path"},
    {"unix:///", "full path"},
    {"unix:///r?db=", "database"},
    {"unix:///r?x=1", "?db="},
    {"unix:///0123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456",
     "too long"},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        struct redis_url url;
        char error[REDIS_URL_ERROR_SIZE];
        int status = redis_url_parse(bad_cases[i].text, &url, error);
        if (status == 0 || strstr(error, bad_cases[i].says) == NULL)
            fail_msg("%s: status %d, said '%s'", bad_cases[i].text, status, error);
        assert_null(strstr(error, "s3cret"));
        assert_null(strchr(error, '\n'));
    }
}

/* Every prefix, and every byte changed to each of a few that mean something, from an exact-size
 * block. */
static void test_every_change(void **state) {
    (void)state;
    static const char text[] = "redis://u%41:p%42@[::1]:6379/12";
    static const char bytes[] = "%:/@?[]0a\xff";
    struct redis_url url;
    char error[REDIS_URL_ERROR_SIZE];
    for (size_t size = 0; size < sizeof text; size++) {
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, text, size);
        copy[size] = '\0';
        int status = redis_url_parse(copy, &url, error);
        assert_true((status == 0) == (error[0] == '\0'));
        for (size_t at = 0; at < size; at++) {
            for (size_t byte = 0; byte < sizeof bytes - 1; byte++) {
                copy[at] = bytes[byte];
                status = redis_url_parse(copy, &url, error);
                assert_true((status == 0) == (error[0] == '\0'));
            }
            copy[at] = text[at];
        }
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
