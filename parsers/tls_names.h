/*
 * tls_names.h - code points: their names, their order, and what kind of thing they are.
 *
 * Names are IANA's (https://www.iana.org/assignments/tls-parameters), versions as Suricata prints
 * them.
 */
#ifndef DOWNGRD_TLS_NAMES_H
#define DOWNGRD_TLS_NAMES_H

#include "span.h"

enum {
    TLS_VERSION_SSLV2 = 0x0002,
    TLS_VERSION_SSLV2_SWAPPED = 0x0200, /* some write it so */
    TLS_VERSION_SSLV3 = 0x0300,
    TLS_VERSION_1_0 = 0x0301,
    TLS_VERSION_1_1 = 0x0302,
    TLS_VERSION_1_2 = 0x0303,
    TLS_VERSION_1_3 = 0x0304,
    DTLS_VERSION_OPENSSL = 0x0100, /* OpenSSL's DTLS before the RFC */
    DTLS_VERSION_1_0 = 0xfeff,
    DTLS_VERSION_1_2 = 0xfefd,
    DTLS_VERSION_1_3 = 0xfefc,
};

/* RFC 8701: 0x?a?a with both bytes equal. */
static inline bool tls_is_grease(uint16_t value) {
    return (value & 0x0f0fU) == 0x0a0aU && (value >> 8U) == (value & 0xffU);
}

/*
 * The order of versions, old to new, DTLS beside its TLS equivalent (DTLS 1.0 is TLS 1.1, RFC
 * 4347). Drafts of TLS 1.3 (0x7fxx, Facebook's 0xfbxx, Google's 0x7exx) rank as TLS 1.3. GREASE and
 * unknown numbers are TLS_RANK_UNKNOWN.
 */
enum tls_rank {
    TLS_RANK_UNKNOWN = 0,
    TLS_RANK_SSLV2,
    TLS_RANK_SSLV3,
    TLS_RANK_1_0,
    TLS_RANK_1_1,
    TLS_RANK_1_2,
    TLS_RANK_1_3,
    TLS_RANK_COUNT,
};
enum tls_rank tls_version_rank_of_other(uint16_t version); /* than SSLv3 to TLS 1.3 */
static inline enum tls_rank tls_version_rank(uint16_t version) {
    if (version >= TLS_VERSION_SSLV3 && version <= TLS_VERSION_1_3)
        return (enum tls_rank)(TLS_RANK_SSLV3 + (version - TLS_VERSION_SSLV3));
    return tls_version_rank_of_other(version);
}

enum { TLS_NAME_SIZE = 64 };

/* "TLS 1.3", "TLS 1.2", "TLS 1.1", "TLSv1", "SSLv3", "SSLv2", "DTLS 1.3", "DTLS 1.2", "DTLS 1.0",
 * "TLS 1.3 draft-23", else "0xfb1a" (OpenSSL's early DTLS is "0x0100"). */
const char *tls_version_name(uint16_t version, char buffer[TLS_NAME_SIZE]);

/* "TLS 1.0" and so on for a rank, for prose and tables; "unknown". */
const char *tls_rank_name(enum tls_rank rank);

/* Writes any code point as "0xc02f" and returns `buffer`. */
const char *tls_code_point_format(uint16_t code, char buffer[TLS_NAME_SIZE]);

/* IANA names, or numbers in `buffer` for unassigned ones: "0xc02f" for suites and groups, "25" for
 * alerts and extensions. Never NULL; `buffer` is written only then. */
const char *tls_cipher_suite_name(uint16_t suite, char buffer[TLS_NAME_SIZE]);
const char *tls_group_name(uint16_t group, char buffer[TLS_NAME_SIZE]);
const char *tls_alert_name(uint8_t description, char buffer[TLS_NAME_SIZE]);
const char *tls_extension_name(uint16_t type, char buffer[TLS_NAME_SIZE]);

/* What a suite is good for; 0 for unassigned suites: nothing is claimed about them. */
enum cipher_suite_trait {
    CIPHER_SUITE_KNOWN = 1U << 0U,
    CIPHER_SUITE_TLS13 =
        1U << 1U, /* only legal in TLS 1.3 (RFC 8446 appendix B.4 and later AEAD-only suites) */
    CIPHER_SUITE_AEAD =
        1U << 2U, /* GCM, CCM, ChaCha20-Poly1305: needs TLS 1.2 (RFC 5246 6.2.3.3) */
    CIPHER_SUITE_SHA2 =
        1U << 3U, /* SHA-256/384 MAC in CBC mode: TLS 1.2 only (RFC 5246 A.5, RFC 5289) */
    CIPHER_SUITE_EXPORT = 1U << 4U,
    CIPHER_SUITE_NULL = 1U << 5U, /* no encryption */
    CIPHER_SUITE_ANONYMOUS = 1U << 6U,
    CIPHER_SUITE_STATIC_RSA = 1U << 7U, /* RSA key transport: the server random is not signed */
    CIPHER_SUITE_ECDHE = 1U << 8U,
    CIPHER_SUITE_DHE = 1U << 9U,
    CIPHER_SUITE_PSK = 1U << 10U,
    CIPHER_SUITE_WEAK = 1U << 11U, /* RC2, RC4, DES, 3DES or IDEA */
    CIPHER_SUITE_SCSV = 1U << 12U, /* a signal, not a cipher */
};
uint32_t tls_cipher_suite_traits(uint16_t suite);

/* Post-quantum groups, hybrid or not: X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024,
 * MLKEM768, X25519Kyber768Draft00, CECPQ2, Open Quantum Safe's numbers, ... */
bool tls_group_is_post_quantum(uint16_t group);

#endif
