/* The JSON writer: what is escaped how, commas, growth; every line read back with jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "json.h"

static const char *finish(struct json *json) {
    size_t size = 0;
    const char *line = json_finish(json, &size);
    assert_non_null(line);
    assert_int_equal(strlen(line), size);
    return line;
}

static void test_shape(void **state) {
    (void)state;
    struct json json;
    json_init(&json);
    json_open_object(&json);
    json_put_key(&json, "a");
    json_put_number(&json, 0);
    json_put_key(&json, "b");
    json_put_number(&json, UINT64_MAX);
    json_put_key(&json, "c");
    json_open_array(&json);
    json_close_array(&json);
    json_put_key(&json, "d");
    json_open_array(&json);
    json_put_bool(&json, true);
    json_put_bool(&json, false);
    json_put_null(&json);
    json_open_object(&json);
    json_close_object(&json);
    json_put_plain(&json, "x[");
    json_put_plain(&json, "y");
    json_close_array(&json);
    json_put_key(&json, "e");
    json_put_text(&json, "");
    json_close_object(&json);
    assert_string_equal(finish(&json), "{\"a\":0,\"b\":18446744073709551615,\"c\":[],"
                                       "\"d\":[true,false,null,{},\"x[\",\"y\"],\"e\":\"\"}");
    json_reset(&json);
    json_open_array(&json);
    json_close_array(&json);
    assert_string_equal(finish(&json), "[]");
    json_deinit(&json);
}

struct text_case {
    const char *name;
    const char *bytes;
    size_t size;
    const char *as_text;
    const char *as_bytes;
};

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct text_case text_cases[] = {
    {"plain", BYTES("example.com"), "\"example.com\"", "\"example.com\""},
    {"quote and backslash", BYTES("a\"b\\c"), "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
    {"controls", BYTES("\0\n\x1b[2J\x7f"), "\"\\u0000\\u000a\\u001b[2J\\u007f\"",
     "\"\\u0000\\u000a\\u001b[2J\\u007f\""},
    {"UTF-8", BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
     "\"\\u00c3\\u00a9\\u00e2\\u0082\\u00ac\\u00f0\\u009f\\u0098\\u0080\""},
    {"ISO 8859-1", BYTES("\xe9t\xe9"), "\"\\u00e9t\\u00e9\"", "\"\\u00e9t\\u00e9\""},
    {"C1 control in UTF-8", BYTES("\xc2\x85"), "\"\\u00c2\\u0085\"", "\"\\u00c2\\u0085\""},
    {"overlong", BYTES("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"),
     "\"\\u00c0\\u00af\\u00e0\\u0080\\u00af\\u00f0\\u0080\\u0080\\u00af\"",
     "\"\\u00c0\\u00af\\u00e0\\u0080\\u00af\\u00f0\\u0080\\u0080\\u00af\""},
    {"surrogate", BYTES("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\"", "\"\\u00ed\\u00a0\\u0080\""},
    {"past U+10FFFF", BYTES("\xf4\x90\x80\x80\xff"), "\"\\u00f4\\u0090\\u0080\\u0080\\u00ff\"",
     "\"\\u00f4\\u0090\\u0080\\u0080\\u00ff\""},
    {"cut", BYTES("a\xe2\x82"), "\"a\\u00e2\\u0082\"", "\"a\\u00e2\\u0082\""},
};

/* From a block of exactly its size, so that reading past it shows. */
static const char *write_exact(struct json *json, const struct text_case *row, bool is_text) {
    uint8_t *exact = malloc(row->size + (row->size == 0));
    assert_non_null(exact);
    memcpy(exact, row->bytes, row->size);
    json_reset(json);
    if (is_text)
        json_put_text_of(json, (const char *)exact, row->size);
    else
        json_put_bytes(json, span_of(exact, row->size));
    free(exact);
    return finish(json);
}

static void test_strings(void **state) {
    (void)state;
    struct json json;
    json_init(&json);
    for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]); i++) {
        const struct text_case *row = &text_cases[i];
        print_message("%s\n", row->name);
        assert_string_equal(write_exact(&json, row, true), row->as_text);
        assert_string_equal(write_exact(&json, row, false), row->as_bytes);
    }
    json_reset(&json);
    json_put_bytes(&json, (struct span){0});
    assert_string_equal(finish(&json), "\"\"");
    json_deinit(&json);
}

/* Every pair of bytes is legal JSON, and the wire's come back as their own code points. */
static void test_every_pair(void **state) {
    (void)state;
    struct json json;
    json_init(&json);
    for (unsigned value = 0; value <= 0xffff; value++) {
        uint8_t pair[] = {(uint8_t)(value >> 8U), (uint8_t)value};
        for (int is_text = 0; is_text < 2; is_text++) {
            json_reset(&json);
            if (is_text)
                json_put_text_of(&json, (const char *)pair, 2);
            else
                json_put_bytes(&json, span_of(pair, 2));
            json_error_t error;
            json_t *back = json_loads(finish(&json), JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
            assert_non_null(back);
            const uint8_t *text = (const uint8_t *)json_string_value(back);
            size_t size = json_string_length(back);
            size_t at = 0;
            for (size_t i = 0; i < 2 && !is_text; i++) {
                unsigned code = text[at] < 0x80
                                    ? text[at]
                                    : ((text[at] & 0x1fU) << 6U) | (text[at + 1] & 0x3fU);
                at += text[at] < 0x80 ? 1 : 2;
                assert_int_equal(code, pair[i]);
            }
            assert_true(is_text || at == size);
            json_decref(back);
        }
    }
    json_deinit(&json);
}

static void test_growth(void **state) {
    (void)state;
    struct json json;
    json_init(&json);
    json_open_array(&json);
    for (uint64_t i = 0; i < 20000; i++)
        json_put_number(&json, i);
    json_close_array(&json);
    json_error_t error;
    json_t *back = json_loads(finish(&json), 0, &error);
    assert_int_equal(json_array_size(back), 20000);
    json_decref(back);
    size_t capacity = json.capacity;
    json_reset(&json);
    json_put_null(&json);
    assert_int_equal(json.capacity, capacity);
    json_deinit(&json);
}

static void test_memory_ran_out(void **state) {
    (void)state;
    struct json json;
    json_init(&json);
    json_put_text(&json, "begun");
    json.failed = true;
    json_put_key(&json, "more");
    json_put_text(&json, "text");
    json_put_number(&json, 1);
    size_t size = 1;
    assert_null(json_finish(&json, &size));
    assert_int_equal(size, 0);
    json_reset(&json);
    json_put_text(&json, "again");
    assert_string_equal(finish(&json), "\"again\"");
    json_deinit(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),          cmocka_unit_test(test_strings),
        cmocka_unit_test(test_every_pair),     cmocka_unit_test(test_growth),
        cmocka_unit_test(test_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
