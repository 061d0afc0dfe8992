#include "tls_key_exchange.h"

#include "tls_names.h"

/* ECCurveType (RFC 8422 section 5.4). */
enum { EXPLICIT_PRIME = 1, EXPLICIT_CHAR2 = 2, NAMED_CURVE = 3 };

/* Significant bits of a big-endian number; UINT16_MAX when there are more. */
static uint16_t count_bits(struct span number) {
    while (number.size != 0 && number.data[0] == 0)
        number = span_from(number, 1);
    if (number.size == 0)
        return 0;
    size_t bits = (number.size - 1) * 8;
    for (unsigned first = number.data[0]; first != 0; first >>= 1U)
        bits++;
    return bits < UINT16_MAX ? (uint16_t)bits : UINT16_MAX;
}

/* ServerECDHParams. Explicit curves (RFC 4492) are named as such and not read further. */
static void read_ecdhe(struct reader *reader, struct key_exchange *read) {
    read->kind = KEY_EXCHANGE_ECDHE;
    read->curve_type = reader_u8(reader);
    if (read->curve_type == EXPLICIT_PRIME || read->curve_type == EXPLICIT_CHAR2)
        return;
    if (read->curve_type != NAMED_CURVE)
        reader->bad = true;
    read->group = reader_u16(reader);
    (void)reader_vector8(reader); /* the point */
}

/* ServerDHParams: prime, generator, public value. */
static void read_dhe(struct reader *reader, struct key_exchange *read) {
    read->kind = KEY_EXCHANGE_DHE;
    struct span prime = reader_vector16(reader);
    (void)reader_vector16(reader);
    (void)reader_vector16(reader);
    read->size_bits = count_bits(prime);
    if (prime.size == 0)
        reader->bad = true;
}

/* ServerRSAParams (RFC 2246 section 7.4.3): modulus, exponent. */
static void read_rsa(struct reader *reader, struct key_exchange *read) {
    read->kind = KEY_EXCHANGE_RSA_EXPORT;
    struct span modulus = reader_vector16(reader);
    (void)reader_vector16(reader);
    read->size_bits = count_bits(modulus);
    if (modulus.size == 0)
        reader->bad = true;
}

enum parse_status key_exchange_parse(struct span body, uint16_t cipher_suite,
                                     struct key_exchange *key_exchange) {
    uint32_t traits = tls_cipher_suite_traits(cipher_suite);
    struct reader reader = reader_of(body);
    struct key_exchange read = {.kind = KEY_EXCHANGE_UNKNOWN};
    if (traits & CIPHER_SUITE_PSK) {
        read.kind = KEY_EXCHANGE_PSK;
        (void)reader_vector16(&reader); /* the identity hint stands in front (RFC 4279) */
    }
    if (traits & CIPHER_SUITE_ECDHE)
        read_ecdhe(&reader, &read);
    else if (traits & CIPHER_SUITE_DHE)
        read_dhe(&reader, &read);
    else if ((traits & CIPHER_SUITE_STATIC_RSA) && !(traits & CIPHER_SUITE_PSK))
        read_rsa(&reader, &read);
    if (!reader_ok(&reader))
        return PARSE_MALFORMED;
    *key_exchange = read;
    return PARSE_OK;
}
