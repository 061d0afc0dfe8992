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

#endif
