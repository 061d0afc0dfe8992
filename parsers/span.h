/*
 * span.h - borrowed bytes, and the only code that walks them.
 *
 * A `struct span` borrows bytes that somebody else owns; it never outlives the call it was handed
 * to unless the owner says otherwise. A `struct reader` eats a span from the front. Every read
 * checks itself; a read past the end gives zero (or an empty span) and the reader stays bad from
 * then on, so a parser reads straight down and asks once, at the end, whether all went well.
 *
 * A length-prefixed vector (RFC 8446 section 3.4) opens a narrower child reader, which must be
 * closed, and is good only if it was eaten exactly.
 */
#ifndef DOWNGRD_SPAN_H
#define DOWNGRD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t
        *data;   /* NULL only when the thing is absent; an empty vector has data and size 0 */
    size_t size; /* bytes */
};

/* What every parser returns. Outputs are valid on PARSE_OK only. */
enum parse_status {
    PARSE_OK = 0,
    PARSE_MORE,      /* the input is a good beginning; more bytes are needed */
    PARSE_MALFORMED, /* the input claims to be this protocol and breaks its rules */
    PARSE_FOREIGN,   /* the input is something else */
};

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct span span_of(const void *data, size_t size) {
    return (struct span){(const uint8_t *)data, size};
}

static inline bool span_is_absent(struct span span) {
    return span.data == NULL;
}

static inline bool span_equal(struct span a, struct span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The bytes of `span` from `offset` on; empty when offset is at or past the end. */
static inline struct span span_from(struct span span, size_t offset) {
    size_t skip = offset < span.size ? offset : span.size;
    return span.data ? (struct span){span.data + skip, span.size - skip} : span;
}

/* The first `size` bytes, or all there are. */
static inline struct span span_first(struct span span, size_t size) {
    return (struct span){span.data, size < span.size ? size : span.size};
}

static inline struct reader reader_of(struct span span) {
    static const uint8_t nothing;
    const uint8_t *data = span.data ? span.data : &nothing;
    return (struct reader){data, data + (span.data ? span.size : 0), false};
}

static inline size_t reader_left(const struct reader *reader) {
    return (size_t)(reader->end - reader->at);
}

/* The next `size` bytes. */
static inline struct span reader_take(struct reader *reader, size_t size) {
    if (reader->bad || reader_left(reader) < size) {
        reader->bad = true;
        return (struct span){reader->at, 0};
    }
    struct span taken = {reader->at, size};
    reader->at += size;
    return taken;
}

static inline struct span reader_take_rest(struct reader *reader) {
    return reader_take(reader, reader_left(reader));
}

static inline void reader_skip(struct reader *reader, size_t size) {
    (void)reader_take(reader, size);
}

/* Big-endian (network order) numbers. */
static inline uint8_t reader_u8(struct reader *reader) {
    struct span bytes = reader_take(reader, 1);
    return bytes.size ? bytes.data[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader) {
    struct span bytes = reader_take(reader, 2);
    return bytes.size ? (uint16_t)(((unsigned)bytes.data[0] << 8U) | bytes.data[1]) : 0;
}

static inline uint32_t reader_u24(struct reader *reader) {
    struct span bytes = reader_take(reader, 3);
    return bytes.size
               ? ((uint32_t)bytes.data[0] << 16U) | ((uint32_t)bytes.data[1] << 8U) | bytes.data[2]
               : 0;
}

static inline uint32_t reader_u32(struct reader *reader) {
    uint32_t high = reader_u16(reader);
    return (high << 16U) | reader_u16(reader);
}

static inline uint64_t reader_u64(struct reader *reader) {
    uint64_t high = reader_u32(reader);
    return (high << 32U) | reader_u32(reader);
}

/* True when every read succeeded; reader_done() also wants every byte eaten. */
static inline bool reader_ok(const struct reader *reader) {
    return !reader->bad;
}

static inline bool reader_done(const struct reader *reader) {
    return !reader->bad && reader->at == reader->end;
}

/* A vector with an 8, 16 or 24 bit length in front, as a span. */
static inline struct span reader_vector8(struct reader *reader) {
    size_t size = reader_u8(reader);
    return reader_take(reader, size);
}

static inline struct span reader_vector16(struct reader *reader) {
    size_t size = reader_u16(reader);
    return reader_take(reader, size);
}

static inline struct span reader_vector24(struct reader *reader) {
    size_t size = reader_u24(reader);
    return reader_take(reader, size);
}

/* The same, opened for reading. reader_close() spoils the parent unless the child was eaten
 * exactly. */
static inline struct reader reader_open16(struct reader *parent) {
    struct reader child = reader_of(reader_vector16(parent));
    child.bad = parent->bad;
    return child;
}

static inline void reader_close(struct reader *parent, const struct reader *child) {
    if (!reader_done(child))
        parent->bad = true;
}

/*
 * Walks a list of 16-bit numbers (cipher suites, groups, versions): takes the next into *value and
 * narrows *list; false at the end, or when a single odd byte is left (which stays in *list for
 * whoever cares).
 */
static inline bool span_next_u16(struct span *list, uint16_t *value) {
    if (list->size < 2)
        return false;
    *value = (uint16_t)(((unsigned)list->data[0] << 8U) | list->data[1]);
    list->data += 2;
    list->size -= 2;
    return true;
}

/* The same for a list of {uint16 type, opaque data<0..2^16-1>}: extensions, key shares. What is
 * damaged stays in *list. */
static inline bool span_next_typed(struct span *list, uint16_t *type, struct span *data) {
    enum { HEADER_SIZE = 4 };
    if (list->size < HEADER_SIZE)
        return false;
    const uint8_t *at = list->data;
    size_t size = ((size_t)at[2] << 8U) | at[3];
    if (size > list->size - HEADER_SIZE)
        return false;
    *type = (uint16_t)(((unsigned)at[0] << 8U) | at[1]);
    *data = (struct span){at + HEADER_SIZE, size};
    list->data += HEADER_SIZE + size;
    list->size -= HEADER_SIZE + size;
    return true;
}

/* Each hello is asked for suites and groups many times, so four numbers are looked at together:
 * one of them is the wanted one when its difference is zero, which borrows from its highest bit. */
static inline bool span_has_u16(struct span list, uint16_t wanted) {
    static const uint64_t ones = 0x0001000100010001U;
    const uint8_t bytes[] = {(uint8_t)(wanted >> 8U), (uint8_t)wanted};
    uint16_t as_sent = 0;
    uint64_t four = 0;
    size_t at = 0;
    memcpy(&as_sent, bytes, sizeof as_sent);
    for (; at + sizeof four <= list.size; at += sizeof four) {
        memcpy(&four, list.data + at, sizeof four);
        four ^= ones * as_sent;
        if (((four - ones) & ~four & (ones << 15U)) != 0)
            return true;
    }
    for (; at + 1 < list.size; at += 2)
        if ((((unsigned)list.data[at] << 8U) | list.data[at + 1]) == wanted)
            return true;
    return false;
}

static inline bool span_has_u8(struct span list, uint8_t wanted) {
    return list.size && memchr(list.data, wanted, list.size) != NULL;
}

#endif
