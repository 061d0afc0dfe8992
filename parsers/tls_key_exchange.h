/*
 * tls_key_exchange.h - what a cleartext ServerKeyExchange tells (RFC 5246 section 7.4.3, RFC 8422
 * section 5.4, RFC 2246).
 *
 * The message does not name its own layout: the cipher suite does. So the suite decides here which
 * layout is read.
 */
#ifndef DOWNGRD_TLS_KEY_EXCHANGE_H
#define DOWNGRD_TLS_KEY_EXCHANGE_H

#include "span.h"

enum key_exchange_kind {
    KEY_EXCHANGE_UNKNOWN = 0,
    KEY_EXCHANGE_ECDHE,      /* named curve in `group` (0 for explicit curves) */
    KEY_EXCHANGE_DHE,        /* prime size in `size_bits` */
    KEY_EXCHANGE_RSA_EXPORT, /* temporary RSA modulus size in `size_bits`; also under a suite that
                                is not an export one, as a FREAK victim sees it */
    KEY_EXCHANGE_PSK,        /* an identity hint only */
};

struct key_exchange {
    enum key_exchange_kind kind;
    uint8_t curve_type; /* ECDHE: 3 is named_curve */
    uint16_t group;     /* ECDHE: NamedGroup */
    uint16_t size_bits; /* DHE, RSA: significant bits, leading zeros left out */
};

/*
 * `body` is the whole message without the four header bytes. With a PSK suite the identity hint in
 * front of the parameters is skipped. The signature behind them is not read.
 *
 *   PARSE_OK         *key_exchange is filled; KEY_EXCHANGE_UNKNOWN for suites that are unknown,
 *                    send no such message, or have a layout not read here (SRP, ECCPWD)
 *   PARSE_MALFORMED  the message does not have its suite's layout
 */
enum parse_status key_exchange_parse(struct span body, uint16_t cipher_suite,
                                     struct key_exchange *key_exchange);

#endif
