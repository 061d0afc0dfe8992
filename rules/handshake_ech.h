/*
 * handshake_ech.h - what a record shows of Encrypted ClientHello (RFC 9849).
 *
 * A client that has no key of the server sends something that looks the same, GREASE ECH (section
 * 6.2), and browsers do so in nearly every hello. It is made not to be told from an offer that is
 * meant, so most are just "offered". What does tell:
 *
 *   accepted  the ClientHello after a HelloRetryRequest has an empty `enc`: only a client that saw
 *             its offer taken goes on with the same HPKE context (section 6.1.5)
 *   grease    that hello repeats the extension unchanged (section 6.2.1; a client whose offer was
 *             refused may do the same), or the payload's length is none that the recommended
 *             padding gives (section 6.1.3): it holds no hello
 *   refused   a HelloRetryRequest without the extension, or a version below TLS 1.3
 * (section 6.1.4): meant or not, the hello in clear is the one that was answered inner     a
 * ClientHelloInner: the tap is behind the client-facing server
 *
 * Whether a ServerHello took the offer is sealed with keys that a passive sensor does not have.
 */
#ifndef DOWNGRD_HANDSHAKE_ECH_H
#define DOWNGRD_HANDSHAKE_ECH_H

#include "handshake.h"

enum handshake_ech {
    HANDSHAKE_ECH_NONE,    /* no offer, or one without the extension */
    HANDSHAKE_ECH_OFFERED, /* also for encrypted_server_name, ECH's forerunner of 2018 */
    HANDSHAKE_ECH_GREASE,
    HANDSHAKE_ECH_REFUSED,
    HANDSHAKE_ECH_ACCEPTED,
    HANDSHAKE_ECH_INNER,
};

enum handshake_ech handshake_ech(const struct handshake *handshake);
const char *handshake_ech_name(enum handshake_ech ech); /* "none", "offered", "grease", ... */

#endif
