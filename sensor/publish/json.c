/*
 * json.c - appends to one buffer (json.h says why and how).
 *
 * Whether a comma is due is read off the last byte written: after an opening bracket or a key's
 * colon none is. No stack of levels is kept, so brackets are the caller's duty.
 */
#include "json.h"

#include <stdlib.h>

enum { JSON_FIRST_CAPACITY = 4096, JSON_ESCAPE_SIZE = 6, JSON_NUMBER_SIZE = 20 };

static const char hex_digits[] = "0123456789abcdef";

void json_init(struct json *json) {
    *json = (struct json){0};
}

void json_deinit(struct json *json) {
    free(json->data);
    json_init(json);
}

void json_reset(struct json *json) {
    json->size = 0;
    json->failed = false;
}

const char *json_finish(struct json *json, size_t *size) {
    *size = json->failed ? 0 : json->size;
    return json->failed ? NULL : json->data;
}

static bool grow(struct json *json, size_t wanted) {
    size_t capacity = json->capacity ? json->capacity : JSON_FIRST_CAPACITY;
    while (capacity < wanted)
        capacity *= 2;
    char *data = realloc(json->data, capacity);
    if (!data) {
        json->failed = true;
        return false;
    }
    json->data = data;
    json->capacity = capacity;
    return true;
}

/* Room for `more` bytes and the NUL that json_finish() promises; false when there is none. */
static inline bool reserve(struct json *json, size_t more) {
    if (json->failed)
        return false;
    size_t wanted = json->size + more + 1;
    return wanted <= json->capacity || grow(json, wanted);
}

static inline void append(struct json *json, const void *bytes, size_t size) {
    if (!reserve(json, size))
        return;
    memcpy(json->data + json->size, bytes, size);
    json->size += size;
    json->data[json->size] = '\0';
}

static inline void separate(struct json *json) {
    if (json->size == 0 || json->failed)
        return;
    char last = json->data[json->size - 1];
    if (last != '{' && last != '[' && last != ':')
        append(json, ",", 1);
}

static void put_value(struct json *json, const char *text, size_t size) {
    separate(json);
    append(json, text, size);
}

void json_open_object(struct json *json) {
    put_value(json, "{", 1);
}

void json_close_object(struct json *json) {
    append(json, "}", 1);
}

void json_open_array(struct json *json) {
    put_value(json, "[", 1);
}

void json_close_array(struct json *json) {
    append(json, "]", 1);
}

void json_put_key_of(struct json *json, const char *key, size_t size) {
    if (!reserve(json, size + 4))
        return;
    separate(json);
    char *at = json->data + json->size;
    *at++ = '"';
    memcpy(at, key, size);
    at += size;
    *at++ = '"';
    *at++ = ':';
    *at = '\0';
    json->size += size + 3;
}

void json_put_plain_of(struct json *json, const char *text, size_t size) {
    if (!reserve(json, size + 3))
        return;
    separate(json);
    char *at = json->data + json->size;
    *at++ = '"';
    memcpy(at, text, size);
    at += size;
    *at++ = '"';
    *at = '\0';
    json->size += size + 2;
}

void json_put_bool(struct json *json, bool value) {
    put_value(json, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json *json) {
    put_value(json, "null", 4);
}

void json_put_number(struct json *json, uint64_t number) {
    char digits[JSON_NUMBER_SIZE];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    put_value(json, digits + start, sizeof(digits) - start);
}

static void append_escape(struct json *json, uint8_t byte) {
    char escape[JSON_ESCAPE_SIZE] = {
        '\\', 'u', '0', '0', hex_digits[byte >> 4U], hex_digits[byte & 15U]};
    if (byte == '"' || byte == '\\') {
        escape[1] = (char)byte;
        append(json, escape, 2);
    } else {
        append(json, escape, sizeof(escape));
    }
}

/* Printable ASCII but the quote and the backslash: stands for itself. */
static inline bool is_plain(uint8_t byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static inline size_t plain_run(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    while (at < end && is_plain(*at))
        at++;
    return (size_t)(at - start);
}

static bool is_continuation(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] & 0xc0U) != 0x80)
            return false;
    return true;
}

/* Bytes of the UTF-8 sequence at `at` (RFC 3629 section 4) when it is a whole, shortest one above
 * the C1 controls; else 0. */
static size_t utf8_sequence(const uint8_t *at, const uint8_t *end) {
    uint8_t lead = at[0];
    size_t size = 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        size = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        size = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        size = 4;
    if (size == 0 || (size_t)(end - at) < size || !is_continuation(at + 1, size - 1))
        return 0;
    uint8_t second = at[1];
    bool is_control = lead == 0xc2 && second < 0xa0;
    bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool is_surrogate = lead == 0xed && second > 0x9f;
    bool is_too_high = lead == 0xf4 && second > 0x8f;
    return is_control || is_overlong || is_surrogate || is_too_high ? 0 : size;
}

static void string(struct json *json, const uint8_t *at, size_t size, bool is_utf8) {
    const uint8_t *end = at + size;
    put_value(json, "\"", 1);
    while (at < end) {
        size_t run = plain_run(at, end);
        if (run == 0 && is_utf8)
            run = utf8_sequence(at, end);
        if (run) {
            append(json, at, run);
            at += run;
        } else {
            append_escape(json, *at++);
        }
    }
    append(json, "\"", 1);
}

void json_put_bytes(struct json *json, struct span bytes) {
    struct reader reader = reader_of(bytes);
    string(json, reader.at, reader_left(&reader), false);
}

void json_put_text_of(struct json *json, const char *text, size_t size) {
    string(json, (const uint8_t *)text, size, true);
}
