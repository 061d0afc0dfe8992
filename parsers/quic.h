/*
 * quic.h - QUIC packets: headers that are not protected, and the frames of Initial packets once
 * their protection is off (RFC 8999, RFC 9000 section 17, RFC 9369; drafts 23 to 34).
 *
 * Taking the protection off is not done here: it wants a cryptographic library, see
 * sensor/flow/quic_protection.h.
 */
#ifndef DOWNGRD_QUIC_H
#define DOWNGRD_QUIC_H

#include "span.h"

enum { QUIC_MAX_CONNECTION_ID = 20, QUIC_VERSION_1 = 0x00000001, QUIC_VERSION_2 = 0x6b3343cf };

#endif
