/*
 * quic_crypto.c - CRYPTO frames to handshake messages.
 */
#include "session.h"

#include <assert.h>

enum { LONGEST_WAIT = BUFFER_LARGE_SIZE }; /* bytes behind the first missing one */

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* ---- what is there ---- */

/* Are the bytes from `start` on the same as `known`, which begins at `known_start`, where both are?
 */
static bool overlap_agrees(struct quic_range range, const uint8_t *data, struct quic_range known,
                           const uint8_t *known_data) {
    uint32_t start = larger(range.start, known.start);
    uint32_t end = smaller(range.end, known.end);
    return start >= end || memcmp(data + (start - range.start), known_data + (start - known.start),
                                  end - start) == 0;
}

static bool range_agrees(const struct quic_crypto *crypto, struct quic_range range,
                         const uint8_t *data) {
    struct quic_range known = {0, 0};
    for (size_t i = 0; i < crypto->told_count; i++) {
        const struct quic_told *told = &crypto->told[i];
        known = (struct quic_range){known.end, known.end + told->size};
        if (told->data && !overlap_agrees(range, data, known, told->data))
            return false;
    }
    for (size_t i = 0; i < crypto->range_count; i++) {
        known = crypto->ranges[i];
        if (!overlap_agrees(range, data, known, crypto->buffer.data + (known.start - crypto->base)))
            return false;
    }
    return true;
}

/* False when the data is too far away to be waited for. */
static bool range_of(const struct quic_crypto *crypto, uint64_t offset, size_t size,
                     struct quic_range *range) {
    uint64_t limit = (uint64_t)crypto->base + LONGEST_WAIT;
    if (offset > limit || size > limit - offset)
        return false;
    *range = (struct quic_range){(uint32_t)offset, (uint32_t)(offset + size)};
    return true;
}

bool quic_crypto_agrees(const struct quic_crypto *crypto, uint64_t offset, struct span data) {
    struct quic_range range;
    return !range_of(crypto, offset, data.size, &range) || range_agrees(crypto, range, data.data);
}

bool quic_crypto_is_waiting(const struct quic_crypto *crypto) {
    return crypto->range_count != 0;
}

/* ---- taking bytes in ---- */

/* Room for bytes up to `end`. What was kept of them moves along. */
static bool buffer_grow(struct session *session, struct quic_crypto *crypto, uint32_t end) {
    uint32_t size = end - crypto->base;
    if (size <= crypto->buffer.size && crypto->buffer.data != NULL)
        return true;
    struct buffer buffer = buffers_take(session->buffers, size);
    if (buffer.data == NULL) {
        session->out_of_memory++;
        return false;
    }
    if (crypto->range_count) {
        assert(crypto->buffer.data != NULL);
        memcpy(buffer.data, crypto->buffer.data,
               crypto->ranges[crypto->range_count - 1].end - crypto->base);
    }
    buffers_give(session->buffers, &crypto->buffer);
    crypto->buffer = buffer;
    return true;
}

/* Copies what is not there yet. */
static void buffer_fill(const struct quic_crypto *crypto, struct quic_range range,
                        const uint8_t *data) {
    uint32_t at = range.start;
    for (size_t i = 0; i <= crypto->range_count && at < range.end; i++) {
        bool is_last = i == crypto->range_count;
        uint32_t gap_end = is_last ? range.end : smaller(crypto->ranges[i].start, range.end);
        if (at < gap_end)
            memcpy(crypto->buffer.data + (at - crypto->base), data + (at - range.start),
                   gap_end - at);
        if (!is_last)
            at = larger(at, crypto->ranges[i].end);
    }
}

/* Puts a range among the others, which it may touch, join or cover. False when there are too many.
 */
static bool ranges_add(struct quic_crypto *crypto, struct quic_range range) {
    struct quic_range *ranges = crypto->ranges;
    size_t count = crypto->range_count;
    size_t first = 0;
    while (first < count && ranges[first].end < range.start)
        first++;
    size_t after = first;
    while (after < count && ranges[after].start <= range.end)
        after++;
    if (first == after && count == QUIC_MAX_RANGES)
        return false;
    if (first != after) {
        range.start = smaller(range.start, ranges[first].start);
        range.end = larger(range.end, ranges[after - 1].end);
    }
    memmove(ranges + first + 1, ranges + after, (count - after) * sizeof *ranges);
    ranges[first] = range;
    crypto->range_count = (uint8_t)(count + 1 - (after - first));
    return true;
}

/* ---- telling messages ---- */

/* How many bytes are there without a hole. */
static uint32_t bytes_ready(const struct quic_crypto *crypto) {
    bool is_ready = crypto->range_count && crypto->ranges[0].start == crypto->base;
    return is_ready ? crypto->ranges[0].end - crypto->base : 0;
}

/* Takes the first `size` bytes, which are there, out of the buffer. */
static void drop_front(struct quic_crypto *crypto, uint32_t size) {
    uint32_t top = crypto->ranges[crypto->range_count - 1].end - crypto->base;
    memmove(crypto->buffer.data, crypto->buffer.data + size, top - size);
    crypto->base += size;
    crypto->ranges[0].start = crypto->base;
    if (crypto->ranges[0].end > crypto->base)
        return;
    crypto->range_count--;
    memmove(crypto->ranges, crypto->ranges + 1, crypto->range_count * sizeof crypto->ranges[0]);
}

static void tell_message(struct session *session, unsigned end, uint8_t type, uint32_t size,
                         const struct segment *segment) {
    struct quic_crypto *crypto = &session->quic->crypto[end];
    uint8_t *kept = session_keep(session, size);
    if (kept != NULL)
        memcpy(kept, crypto->buffer.data, size);
    crypto->told[crypto->told_count++] = (struct quic_told){kept, size};
    crypto->is_done = crypto->told_count == QUIC_MAX_TOLD;
    drop_front(crypto, size);
    if (kept != NULL)
        session_message(session, end, type,
                        span_from(span_of(kept, size), TLS_HANDSHAKE_HEADER_SIZE), true, segment);
}

/* Tells what is whole. Each end has one kind of message to send in clear. */
static void tell_messages(struct session *session, unsigned end, const struct segment *segment) {
    struct quic_crypto *crypto = &session->quic->crypto[end];
    uint8_t expected = end == session->quic->client_end ? TLS_CLIENT_HELLO : TLS_SERVER_HELLO;
    struct tls_handshake_header header;
    while (!crypto->is_done) {
        uint32_t ready = bytes_ready(crypto);
        if (tls_handshake_header_parse(span_of(crypto->buffer.data, ready), &header) != PARSE_OK)
            break;
        uint32_t size = TLS_HANDSHAKE_HEADER_SIZE + header.length;
        if (header.type != expected || header.length == 0 || size > LONGEST_WAIT) {
            session_malformed(session, MALFORMED_RECORD, segment);
            crypto->is_done = true;
        } else if (session_wants(session, header.type, header.length) == 0) {
            crypto->is_done = true;
        } else if (ready < size) {
            break;
        } else {
            tell_message(session, end, header.type, size, segment);
        }
    }
    if (crypto->is_done || crypto->range_count == 0)
        quic_crypto_release(session, end);
}

void quic_crypto_add(struct session *session, unsigned end, uint64_t offset, struct span data,
                     const struct segment *segment) {
    struct quic_crypto *crypto = &session->quic->crypto[end];
    struct quic_range range;
    if (data.size == 0)
        return;
    if (!range_of(crypto, offset, data.size, &range)) {
        if (!crypto->is_done)
            session_missed(session, MISSED_MEMORY);
        return;
    }
    if (!range_agrees(crypto, range, data.data))
        session_malformed(session, MALFORMED_FRAGMENT, segment);
    if (crypto->is_done || range.end <= crypto->base)
        return;
    if (range.start < crypto->base) {
        data = span_from(data, crypto->base - range.start);
        range.start = crypto->base;
    }
    if (!buffer_grow(session, crypto, range.end)) {
        session_missed(session, MISSED_MEMORY);
        return;
    }
    buffer_fill(crypto, range, data.data);
    if (!ranges_add(crypto, range))
        session_missed(session, MISSED_MEMORY);
    tell_messages(session, end, segment);
}

void quic_crypto_release(struct session *session, unsigned end) {
    struct quic_crypto *crypto = &session->quic->crypto[end];
    buffers_give(session->buffers, &crypto->buffer);
    crypto->range_count = 0;
}
