/*
 * quic_protection.h - takes the protection off Initial packets (RFC 9001 section 5, RFC 9369
 * section 3.3), with OpenSSL's libcrypto.
 *
 * Initial keys follow from the version and the client's first destination connection id: anyone on
 * the path can read them. One `struct quic_protection` holds the library's contexts; it is made
 * once and serves every session of a flow table.
 */
#ifndef DOWNGRD_QUIC_PROTECTION_H
#define DOWNGRD_QUIC_PROTECTION_H

#include "quic.h"

struct quic_protection;

struct quic_protection *quic_protection_new(void); /* NULL when out of memory */
void quic_protection_delete(struct quic_protection *protection);

enum { QUIC_KEY_SIZE = 16, QUIC_IV_SIZE = 12 };

enum quic_sender { QUIC_CLIENT, QUIC_SERVER };

/* Of the Initial packets of one sender. */
struct quic_keys {
    uint8_t key[QUIC_KEY_SIZE];
    uint8_t iv[QUIC_IV_SIZE];
    uint8_t header_key[QUIC_KEY_SIZE];
};

/* `connection_id` is the destination of the client's first Initial packet, or of its first one
 * after a Retry. False for QUIC_UNKNOWN, or when the library fails. */
bool quic_keys_derive(struct quic_protection *protection, enum quic_dialect dialect,
                      struct span connection_id, enum quic_sender sender, struct quic_keys *keys);

struct quic_opened {
    uint64_t number;     /* the packet number */
    struct span payload; /* its frames; lives until the next packet is opened */
};

/*
 * Opens a whole Initial packet. `expected` is the number after the highest one that was opened of
 * this sender (0 before the first): numbers are sent cut short (RFC 9000 appendix A.3). False when
 * these are not the packet's keys, or a byte of it was changed.
 */
bool quic_packet_open(struct quic_protection *protection, const struct quic_keys *keys,
                      const struct quic_header *header, uint64_t expected,
                      struct quic_opened *opened);

#endif
