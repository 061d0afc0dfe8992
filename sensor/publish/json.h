/*
 * json.h - an append-only JSON writer into a buffer that grows and is kept between lines.
 *
 * One line per handshake has to cost less than the handshake did, so values are appended straight
 * into one buffer: no tree is built and nothing is allocated once the buffer has grown to the
 * longest line (a library that builds a tree first, such as jansson, takes several times as long).
 * Numbers and text are written without the C library's locale.
 *
 * The caller keeps the order: a key, then its value; inside arrays just values. Commas come by
 * themselves. Nothing fails on the way: when memory runs out the writer drops everything from then
 * on, and json_finish() gives NULL.
 *
 * json_put_text() is for UTF-8 made by us or by the operator (file names): bytes that are no valid
 * UTF-8 become \u0080 to \u00ff, their own number.
 *
 * json_put_bytes() is for bytes from the wire, which are in no known encoding: each byte becomes
 * the code point of the same number (ISO 8859-1), so that no two inputs look the same, and decoding
 * the string as ISO 8859-1 gives the bytes back.
 *
 * In both, control characters (NUL and C1 included), DEL, the quote and the backslash are escaped:
 * a line is always one line, and harmless on a terminal.
 */
#ifndef DOWNGRD_JSON_H
#define DOWNGRD_JSON_H

#include "span.h"

struct json {
    char *data;
    size_t size;
    size_t capacity;
    bool is_comma_due; /* before the next value or key */
    bool failed;       /* memory ran out since json_reset() */
};

void json_init(struct json *json); /* holds nothing: the first line allocates */
void json_deinit(struct json *json);
void json_reset(struct json *json); /* empties it and keeps the buffer */

/* The line, NUL-terminated, until the next call; NULL when memory ran out. */
const char *json_finish(struct json *json, size_t *size);

/* Makes room for so many bytes more; false when there is none. */
bool json_grow(struct json *json, size_t more);

/* Where so many bytes may be written, behind a comma if one is due; NULL when there is no room. The
 * caller adds to the size what it wrote. In line, as all that a line has dozens of. */
static inline char *json_begin(struct json *json, size_t most) {
    if (json->capacity - json->size < most + 2 && !json_grow(json, most))
        return NULL;
    if (json->is_comma_due)
        json->data[json->size++] = ',';
    return json->data + json->size;
}

static inline void json_put_piece(struct json *json, const char *text, size_t size,
                                  bool is_comma_due) {
    char *at = json_begin(json, size);
    if (at == NULL)
        return;
    memcpy(at, text, size);
    json->size += size;
    json->is_comma_due = is_comma_due;
}

static inline void json_open_object(struct json *json) {
    json_put_piece(json, "{", 1, false);
}

static inline void json_open_array(struct json *json) {
    json_put_piece(json, "[", 1, false);
}

static inline void json_close(struct json *json, char bracket) {
    json->is_comma_due = false;
    json_put_piece(json, &bracket, 1, true);
}

static inline void json_close_object(struct json *json) {
    json_close(json, '}');
}

static inline void json_close_array(struct json *json) {
    json_close(json, ']');
}

static inline void json_put_quoted(struct json *json, const char *text, size_t size, char after) {
    char *at = json_begin(json, size + 3);
    if (at == NULL)
        return;
    *at++ = '"';
    memcpy(at, text, size);
    at += size;
    *at++ = '"';
    json->size += size + 2;
    json->is_comma_due = after == '\0';
    if (after == '\0')
        return;
    *at = after;
    json->size++;
}

/* `key` is plain ASCII without quotes and backslashes: a constant of ours. */
static inline void json_put_key_of(struct json *json, const char *key, size_t size) {
    json_put_quoted(json, key, size, ':');
}
static inline void json_put_key(struct json *json, const char *key) {
    json_put_key_of(json, key, strlen(key));
}

void json_put_bytes(struct json *json, struct span bytes);
void json_put_text_of(struct json *json, const char *text, size_t size);
static inline void json_put_text(struct json *json, const char *text) {
    json_put_text_of(json, text, strlen(text));
}
void json_put_number(struct json *json, uint64_t number);

static inline void json_put_bool(struct json *json, bool value) {
    json_put_piece(json, value ? "true" : "false", value ? 4 : 5, true);
}

static inline void json_put_null(struct json *json) {
    json_put_piece(json, "null", 4, true);
}

/* A string whose characters are known to need no escape. */
void json_put_plain_of(struct json *json, const char *text, size_t size);
static inline void json_put_plain(struct json *json, const char *text) {
    json_put_plain_of(json, text, strlen(text));
}

#endif
