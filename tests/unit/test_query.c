/* test_query.c - what users type to downgrdctl, and how its sheets come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "query.h"
#include "sheet.h"

static void test_durations(void **state) {
    (void)state;
    const struct {
        const char *text;
        uint64_t seconds; /* 0: refused */
    } cases[] = {
        {"90s", 90},
        {"15m", 900},
        {"1h", 3600},
        {"30d", 2592000},
        {"2w", 1209600},
        {"", 0},
        {"h", 0},
        {"1", 0},
        {"0h", 0},
        {"1hh", 0},
        {"-1h", 0},
        {"1.5h", 0},
        {"1 h", 0},
        {"1y", 0},
        {"99999999999w", 0},
        {"999999999999s", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (query_parse_duration(cases[i].text) != cases[i].seconds * 1000000)
            fail_msg("%s", cases[i].text);
}

static void test_domains(void **state) {
    (void)state;
    char name[16];
    assert_true(query_normalize_domain("WWW.Example.", name, sizeof name));
    assert_string_equal(name, "www.example");
    assert_true(query_normalize_domain(".", name, sizeof name));
    assert_false(query_normalize_domain("", name, sizeof name));
    assert_false(query_normalize_domain("0123456789abcdef", name, sizeof name));
    const struct {
        const char *wanted;
        const char *domain;
        bool matches;
    } cases[] = {
        {"a.b", "a.b", true},     {"a.b", "x.a.b", false},  {"*.a.b", "x.a.b", true},
        {"*.a.b", "a.b", false},  {"*.a.b", "xa.b", false}, {"*.a.b", "y.x.a.b", true},
        {"*.a.b", ".a.b", false}, {"a.b", "", false},       {"*.a.b", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].domain);
        char *exact = malloc(size + (size == 0));
        assert_non_null(exact);
        memcpy(exact, cases[i].domain, size);
        if (query_domain_matches(cases[i].wanted, exact, size) != cases[i].matches)
            fail_msg("%s and %s", cases[i].wanted, cases[i].domain);
        free(exact);
    }
}

static const struct sheet_column columns[] = {
    {"name", "NAME", SHEET_TEXT, 0},
    {"hidden", NULL, SHEET_NUMBER, 0},
    {"share", "SHARE", SHEET_PERCENT, 0},
    {"time", "TIME", SHEET_TIME, 0},
};

static const struct sheet_style plain = {.colour = false};
static const struct sheet_style coloured = {.colour = true};

static struct sheet *example(void) {
    struct sheet *sheet = sheet_new(columns, 4);
    assert_non_null(sheet);
    sheet_add_text(sheet, "a\033\n", 3);
    sheet_add_number(sheet, 7);
    sheet_add_share(sheet, 1, 3);
    sheet_add_number(sheet, UINT64_C(1795435200123456));
    sheet_add_text(sheet, "=1,\"2\"", 6);
    sheet_mark(sheet);
    sheet_add_nothing(sheet);
    sheet_add_share(sheet, 0, 0);
    sheet_add_number(sheet, 0);
    assert_false(sheet_failed(sheet));
    assert_int_equal(sheet_rows(sheet), 2);
    return sheet;
}

/* What `print` writes, in a buffer to be freed. */
static char *printed(void (*print)(const struct sheet *sheet, FILE *out)) {
    struct sheet *sheet = example();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(sheet, out);
    (void)fclose(out);
    sheet_delete(sheet);
    return text;
}

static void print_plain(const struct sheet *sheet, FILE *out) {
    sheet_print_table(sheet, out, &plain);
}

static void print_coloured(const struct sheet *sheet, FILE *out) {
    sheet_print_table(sheet, out, &coloured);
}

static void test_table(void **state) {
    (void)state;
    char *text = printed(print_plain);
    assert_string_equal(text, "NAME        SHARE  TIME\n"
                              "a\\x1b\\x0a  33.33%  2026-11-23 12:00:00\n"
                              "=1,\"2\"          -  -\n");
    free(text);
    text = printed(print_coloured);
    assert_non_null(strstr(text, "\033[31m=1,\"2\"   \033[0m"));
    assert_memory_equal(text, "\033[1mNAME", 8);
    free(text);
}

static void test_csv(void **state) {
    (void)state;
    char *text = printed(sheet_print_csv);
    assert_string_equal(text, "name,hidden,share,time\r\n"
                              "a\\x1b\\x0a,7,0.333333,2026-11-23T12:00:00.123456Z\r\n"
                              "\"'=1,\"\"2\"\"\",,,\r\n");
    free(text);
    static const char formulas[] = "=+-@\t\r";
    for (size_t i = 0; i < sizeof formulas - 1; i++) {
        char *field = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&field, &size);
        assert_non_null(out);
        print_csv_text(out, &formulas[i], 1);
        (void)fclose(out);
        assert_memory_equal(field, "\"'", 2);
        free(field);
    }
}

static void test_json(void **state) {
    (void)state;
    struct sheet *sheet = example();
    json_t *rows = sheet_json(sheet);
    char *text = json_dumps(rows, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(3));
    assert_string_equal(text, "[{\"name\":\"a\\u001B\\n\",\"hidden\":7,\"share\":0.333,"
                              "\"time\":\"2026-11-23T12:00:00.123456Z\"},"
                              "{\"name\":\"=1,\\\"2\\\"\",\"hidden\":null,\"share\":null,"
                              "\"time\":null}]");
    free(text);
    json_decref(rows);
    sheet_delete(sheet);
    json_t *invalid = json_of_text("a\xff", 2);
    assert_string_equal(json_string_value(invalid), "a\\xff");
    json_decref(invalid);
}

static void test_long_text(void **state) {
    (void)state;
    char text[5000];
    memset(text, '\033', sizeof text);
    char *copy = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&copy, &size);
    assert_non_null(out);
    print_escaped(out, text, sizeof text);
    struct sheet *sheet = sheet_new(columns, 1);
    sheet_add_text(sheet, text, sizeof text);
    sheet_print_table(sheet, out, &plain);
    (void)fclose(out);
    assert_true(size > 4 * sizeof text);
    assert_null(strchr(copy, '\033'));
    sheet_delete(sheet);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_domains),
        cmocka_unit_test(test_table),     cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),      cmocka_unit_test(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
