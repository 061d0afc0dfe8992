/* nDPI's labels: known names, names that are none, many names, and that nDPI waits for a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "classify.h"

struct name_case {
    const char *domain;
    const char *application; /* NULL: any but "" */
    const char *category;    /* NULL: not looked at, for it changes with nDPI's version */
};

static const struct name_case name_cases[] = {
    {"www.google.com", "Google", "Web"},
    {"www.facebook.com", "Facebook", "SocialNetwork"},
    {"x.whatsapp.net", "WhatsApp", "Chat"},
    {"api.dropbox.com", "Dropbox", "Cloud"},
    {"www.youtube.com", "YouTube", NULL},
    {"login.microsoftonline.com", NULL, NULL},
    {"example.com", "", ""},
    {"host.example.org", "", ""},
    {"_none", "", ""},
    {"_invalid", "", ""},
    {"_other", "", ""},
    {"", "", ""},
};

static void test_names(void **state) {
    (void)state;
    struct classify *classify = classify_new();
    assert_non_null(classify);
    for (int pass = 0; pass < 2; pass++) { /* the same again */
        for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
            const struct name_case *row = &name_cases[i];
            struct application application = classify_domain(classify, row->domain);
            print_message("%s: %s, %s\n", row->domain, application.name, application.category);
            if (row->application)
                assert_string_equal(application.name, row->application);
            else
                assert_string_not_equal(application.name, "");
            if (row->category)
                assert_string_equal(application.category, row->category);
        }
    }
    classify_delete(classify);
}

/* Each answer is its own name's. */
static void test_many_names(void **state) {
    (void)state;
    struct classify *classify = classify_new();
    assert_non_null(classify);
    char name[DOMAIN_SIZE];
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 20000; i++) {
            snprintf(name, sizeof(name), i % 2 ? "h%d.google.com" : "h%d.example.org", i);
            struct application application = classify_domain(classify, name);
            assert_string_equal(application.name, i % 2 ? "Google" : "");
        }
    }
    classify_delete(classify);
}

static void test_odd_sizes(void **state) {
    (void)state;
    struct classify *classify = classify_new();
    assert_non_null(classify);
    char name[DOMAIN_SIZE + 16];
    for (size_t size = 1; size < sizeof(name); size++) {
        memset(name, 'a', size);
        name[size] = '\0';
        if (size > 11)
            memcpy(name + size - 11, ".google.com", 11);
        struct application application = classify_domain(classify, name);
        bool is_google = size > 11 && size < DOMAIN_SIZE;
        assert_string_equal(application.name, is_google ? "Google" : "");
    }
    classify_delete(classify);
}

/* Without a name nothing is set up: a hundred that ask for none cost less CPU than ten set-ups. */
static void test_unused(void **state) {
    (void)state;
    struct classify *used = classify_new();
    assert_non_null(used);
    clock_t start = clock();
    assert_string_equal(classify_domain(used, "www.google.com").name, "Google");
    clock_t one_set_up = clock() - start;
    classify_delete(used);

    start = clock();
    for (int i = 0; i < 100; i++) {
        struct classify *classify = classify_new();
        assert_non_null(classify);
        assert_string_equal(classify_domain(classify, "_none").name, "");
        classify_delete(classify);
    }
    assert_true(clock() - start < 10 * one_set_up);
    classify_delete(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
