/*
 * fingerprint.h - the names that others give to the software behind a handshake: JA3, JA3S, JA4
 * (ja3.h and ja4.h say what goes into them).
 *
 * They are computed when a sink asks, not for every handshake: it costs about as much as reading it
 * did.
 */
#ifndef DOWNGRD_FINGERPRINT_H
#define DOWNGRD_FINGERPRINT_H

#include "handshake.h"
#include "ja3.h"
#include "ja4.h"

struct fingerprints {
    bool has_ja3;
    bool has_ja3s;
    bool has_ja4;
    struct ja3 ja3;  /* of the first ClientHello */
    struct ja3 ja3s; /* of the ServerHello; a HelloRetryRequest has none */
    char ja4[JA4_SIZE];
};

/* What computing them takes: libcrypto's digests and some memory. NULL when memory ran out. Where a
 * digest is not to be had (MD5 under a FIPS policy), its fingerprints are left out. */
struct fingerprinter;
struct fingerprinter *fingerprinter_new(void);
void fingerprinter_delete(struct fingerprinter *fingerprinter);

void fingerprints_of(struct fingerprinter *fingerprinter, const struct handshake *handshake,
                     struct fingerprints *fingerprints);

#endif
