/*
 * json.c - appends to one buffer (json.h says why and how).
 *
 * Whether a comma is due follows from what was written last: after an opening bracket or a key none
 * is. No stack of levels is kept, so brackets are the caller's duty.
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
    json->is_comma_due = false;
    json->failed = false;
}

const char *json_finish(struct json *json, size_t *size) {
    bool has_line = !json->failed && (json->size < json->capacity || json_grow(json, 1));
    *size = has_line ? json->size : 0;
    if (has_line)
        json->data[json->size] = '\0';
    return has_line ? json->data : NULL;
}

/* A comma and the NUL at the end are room for two more. */
bool json_grow(struct json *json, size_t more) {
    size_t capacity = json->capacity ? json->capacity : JSON_FIRST_CAPACITY;
    while (capacity < json->size + more + 2)
        capacity *= 2;
    char *data = json->failed ? NULL : realloc(json->data, capacity);
    if (data == NULL) {
        json->failed = true;
        return false;
    }
    json->data = data;
    json->capacity = capacity;
    return true;
}

static inline void append(struct json *json, const void *bytes, size_t size) {
    if (json->capacity - json->size < size + 2 && !json_grow(json, size))
        return;
    memcpy(json->data + json->size, bytes, size);
    json->size += size;
}

void json_put_plain_of(struct json *json, const char *text, size_t size) {
    json_put_quoted(json, text, size, '\0');
}

/* Two digits at a time, from the end. */
void json_put_number(struct json *json, uint64_t number) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "68697071727374757677787980818283848586878889909192939495969798"
        "99";
    char digits[JSON_NUMBER_SIZE];
    size_t start = sizeof(digits);
    for (; number >= 10; number /= 100) {
        start -= 2;
        memcpy(digits + start, pairs + 2 * (number % 100), 2);
    }
    if (number > 0 || start == sizeof(digits))
        digits[--start] = (char)('0' + number);
    json_put_piece(json, digits + start, sizeof(digits) - start, true);
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

/* A byte of `word` is zero: its high bit is set in the result; above the first one others may be.
 */
static inline uint64_t zero_bytes(uint64_t word) {
    return (word - 0x0101010101010101U) & ~word & 0x8080808080808080U;
}

/* Are eight bytes plain? */
static inline bool are_plain(const uint8_t *at) {
    static const uint64_t each = 0x0101010101010101U;
    uint64_t word = 0;
    memcpy(&word, at, sizeof word);
    uint64_t odd = zero_bytes(word ^ each * '"') | zero_bytes(word ^ each * '\\') |
                   zero_bytes(word ^ each * 0x7f) | zero_bytes(word & each * 0x60) |
                   (word & each * 0x80);
    return odd == 0;
}

static inline size_t plain_run(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    while (end - at >= 8 && are_plain(at))
        at += 8;
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
    json_put_piece(json, "\"", 1, true);
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
