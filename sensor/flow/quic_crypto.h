/*
 * quic_crypto.h - the handshake messages of one end's Initial packets, out of CRYPTO frames that
 * come in any order, any size and any number of times (RFC 9000 sections 7.5 and 19.6).
 *
 * Bytes wait in a buffer until all before them are there; each message that is whole goes to
 * session_message() and is kept as long as the session. Bytes that come again are compared, with
 * told messages too: of contradicting ones the first stay.
 */
#ifndef DOWNGRD_QUIC_CRYPTO_H
#define DOWNGRD_QUIC_CRYPTO_H

#include <stdbool.h>

#include "buffers.h"
#include "span.h"

enum {
    QUIC_MAX_RANGES = 64, /* pieces that wait, with holes between them */
    QUIC_MAX_TOLD = 2, /* a ClientHello each before and after a HelloRetryRequest; the latter and a
                          ServerHello */
};

/* Offsets in an end's stream of CRYPTO data. */
struct quic_range {
    uint32_t start;
    uint32_t end;
};

/* A message that was told, with its header. */
struct quic_told {
    const uint8_t *data; /* NULL: there was no memory to keep it */
    uint32_t size;
};

struct quic_crypto {
    bool is_done; /* nothing more is wanted of this end */
    uint8_t told_count;
    uint8_t range_count;
    uint32_t base;                             /* the first byte that was not told */
    struct buffer buffer;                      /* the bytes from `base` on */
    struct quic_told told[QUIC_MAX_TOLD];      /* one after the other, from offset 0 on */
    struct quic_range ranges[QUIC_MAX_RANGES]; /* what is there of them: sorted, apart */
};

/* Is this data the same as what is there of its range? */
bool quic_crypto_agrees(const struct quic_crypto *crypto, uint64_t offset, struct span data);
/* Part of a message is missing. */
bool quic_crypto_is_waiting(const struct quic_crypto *crypto);

struct session;
struct segment;

/* The data of one CRYPTO frame of an end; what is wrong with it is noted in the record. */
void quic_crypto_add(struct session *session, unsigned end, uint64_t offset, struct span data,
                     const struct segment *segment);
/* Gives the buffer back. */
void quic_crypto_release(struct session *session, unsigned end);

#endif
