/*
 * tls_names.c - versions and their order, and the small registries: groups, alerts, extensions.
 * Cipher suites have a file of their own. Each table is sorted by code point and searched by
 * halves; names are only looked up for output. Versions are ranked for every handshake: two
 * comparisons.
 */
#include "tls_names.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

struct code_name {
    uint16_t code;
    const char *name;
};

/* TLS Supported Groups; the last four blocks are numbers in use that IANA does not list. */
static const struct code_name groups[] = {
    {1, "sect163k1"},
    {2, "sect163r1"},
    {3, "sect163r2"},
    {4, "sect193r1"},
    {5, "sect193r2"},
    {6, "sect233k1"},
    {7, "sect233r1"},
    {8, "sect239k1"},
    {9, "sect283k1"},
    {10, "sect283r1"},
    {11, "sect409k1"},
    {12, "sect409r1"},
    {13, "sect571k1"},
    {14, "sect571r1"},
    {15, "secp160k1"},
    {16, "secp160r1"},
    {17, "secp160r2"},
    {18, "secp192k1"},
    {19, "secp192r1"},
    {20, "secp224k1"},
    {21, "secp224r1"},
    {22, "secp256k1"},
    {23, "secp256r1"},
    {24, "secp384r1"},
    {25, "secp521r1"},
    {26, "brainpoolP256r1"},
    {27, "brainpoolP384r1"},
    {28, "brainpoolP512r1"},
    {29, "x25519"},
    {30, "x448"},
    {31, "brainpoolP256r1tls13"},
    {32, "brainpoolP384r1tls13"},
    {33, "brainpoolP512r1tls13"},
    {34, "GC256A"},
    {35, "GC256B"},
    {36, "GC256C"},
    {37, "GC256D"},
    {38, "GC512A"},
    {39, "GC512B"},
    {40, "GC512C"},
    {41, "curveSM2"},
    {256, "ffdhe2048"},
    {257, "ffdhe3072"},
    {258, "ffdhe4096"},
    {259, "ffdhe6144"},
    {260, "ffdhe8192"},
    {512, "MLKEM512"},
    {513, "MLKEM768"},
    {514, "MLKEM1024"},
    {4587, "SecP256r1MLKEM768"},
    {4588, "X25519MLKEM768"},
    {4589, "SecP384r1MLKEM1024"},
    {4590, "curveSM2MLKEM768"},
    {16696, "CECPQ2"}, /* BoringSSL's experiment of 2019 */
    {25497, "X25519Kyber768Draft00"},
    {25498, "SecP256r1Kyber768Draft00"},
    {65072, "X25519Kyber512Draft00"}, /* 65072 to 65074: private use by Cloudflare */
    {65073, "X25519Kyber768Draft00Old"},
    {65074, "P256Kyber768Draft00"},
    {65281, "arbitrary_explicit_prime_curves"},
    {65282, "arbitrary_explicit_char2_curves"},
};

/* TLS Alerts, without the registry's _RESERVED suffixes. */
static const struct code_name alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {117, "general_error"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

/* TLS ExtensionType Values, and widely seen numbers that IANA lists as unassigned or reserved. */
static const struct code_name extensions[] = {
    {0, "server_name"},
    {1, "max_fragment_length"},
    {2, "client_certificate_url"},
    {3, "trusted_ca_keys"},
    {4, "truncated_hmac"},
    {5, "status_request"},
    {6, "user_mapping"},
    {7, "client_authz"},
    {8, "server_authz"},
    {9, "cert_type"},
    {10, "supported_groups"},
    {11, "ec_point_formats"},
    {12, "srp"},
    {13, "signature_algorithms"},
    {14, "use_srtp"},
    {15, "heartbeat"},
    {16, "application_layer_protocol_negotiation"},
    {17, "status_request_v2"},
    {18, "signed_certificate_timestamp"},
    {19, "client_certificate_type"},
    {20, "server_certificate_type"},
    {21, "padding"},
    {22, "encrypt_then_mac"},
    {23, "extended_master_secret"},
    {24, "token_binding"},
    {25, "cached_info"},
    {26, "tls_lts"},
    {27, "compress_certificate"},
    {28, "record_size_limit"},
    {29, "pwd_protect"},
    {30, "pwd_clear"},
    {31, "password_salt"},
    {32, "ticket_pinning"},
    {33, "tls_cert_with_extern_psk"},
    {34, "delegated_credential"},
    {35, "session_ticket"},
    {36, "TLMSP"},
    {37, "TLMSP_proxying"},
    {38, "TLMSP_delegate"},
    {39, "supported_ekt_ciphers"},
    {40, "key_share_draft"}, /* reserved since drafts of TLS 1.3 up to 22 used it */
    {41, "pre_shared_key"},
    {42, "early_data"},
    {43, "supported_versions"},
    {44, "cookie"},
    {45, "psk_key_exchange_modes"},
    {47, "certificate_authorities"},
    {48, "oid_filters"},
    {49, "post_handshake_auth"},
    {50, "signature_algorithms_cert"},
    {51, "key_share"},
    {52, "transparency_info"},
    {53, "connection_id_deprecated"},
    {54, "connection_id"},
    {55, "external_id_hash"},
    {56, "external_session_id"},
    {57, "quic_transport_parameters"},
    {58, "ticket_request"},
    {59, "dnssec_chain"},
    {60, "sequence_number_encryption_algorithms"},
    {61, "rrc"},
    {62, "tls_flags"},
    {13172, "next_protocol_negotiation"},
    {17513, "application_settings_old"},
    {17613, "application_settings"},
    {30031, "channel_id_old"},
    {30032, "channel_id"},
    {64768, "ech_outer_extensions"},
    {65037, "encrypted_client_hello"},
    {65281, "renegotiation_info"},
    {65445, "quic_transport_parameters_draft"},
    {65486, "encrypted_server_name"},
};

/* The name of `code`; NULL when the table has none. */
static const char *code_name_find(const struct code_name *rows, size_t count, uint16_t code) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].code == code)
            return rows[middle].name;
        if (rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *tls_code_point_format(uint16_t code, char buffer[TLS_NAME_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    buffer[0] = '0';
    buffer[1] = 'x';
    for (unsigned i = 0; i < 4; i++)
        buffer[2 + i] = digits[((unsigned)code >> (12U - 4U * i)) & 0xfU];
    buffer[6] = '\0';
    return buffer;
}

static const char *number_format(unsigned number, char buffer[TLS_NAME_SIZE]) {
    enum { MOST_DIGITS = 10 };
    char digits[MOST_DIGITS + 1];
    char *at = digits + MOST_DIGITS;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    memcpy(buffer, at, (size_t)(digits + sizeof digits - at));
    return buffer;
}

enum tls_rank tls_version_rank_of_other(uint16_t version) {
    switch (version >> 8U) {
    case 0x7f: /* drafts of TLS 1.3 */
    case 0x7e: /* Google's experiments with it */
    case 0xfb: /* Facebook's */
        return TLS_RANK_1_3;
    default:
        break;
    }
    switch (version) {
    case TLS_VERSION_SSLV2:
    case TLS_VERSION_SSLV2_SWAPPED:
        return TLS_RANK_SSLV2;
    case DTLS_VERSION_OPENSSL:
    case DTLS_VERSION_1_0:
        return TLS_RANK_1_1;
    case DTLS_VERSION_1_2:
        return TLS_RANK_1_2;
    case DTLS_VERSION_1_3:
        return TLS_RANK_1_3;
    default:
        return TLS_RANK_UNKNOWN;
    }
}

const char *tls_version_name(uint16_t version, char buffer[TLS_NAME_SIZE]) {
    switch (version) {
    case TLS_VERSION_1_3:
        return "TLS 1.3";
    case TLS_VERSION_1_2:
        return "TLS 1.2";
    case TLS_VERSION_1_1:
        return "TLS 1.1";
    case TLS_VERSION_1_0:
        return "TLSv1";
    case TLS_VERSION_SSLV3:
        return "SSLv3";
    case TLS_VERSION_SSLV2:
    case TLS_VERSION_SSLV2_SWAPPED:
        return "SSLv2";
    case DTLS_VERSION_1_3:
        return "DTLS 1.3";
    case DTLS_VERSION_1_2:
        return "DTLS 1.2";
    case DTLS_VERSION_1_0:
        return "DTLS 1.0";
    default:
        break;
    }
    if (version >> 8U != 0x7f)
        return tls_code_point_format(version, buffer);
    static const char draft[] = "TLS 1.3 draft-";
    char number[TLS_NAME_SIZE];
    memcpy(buffer, draft, sizeof draft);
    number_format(version & 0xffU, number);
    memcpy(buffer + sizeof draft - 1, number, strlen(number) + 1);
    return buffer;
}

const char *tls_rank_name(enum tls_rank rank) {
    static const char *const names[TLS_RANK_COUNT] = {
        [TLS_RANK_UNKNOWN] = "unknown", [TLS_RANK_SSLV2] = "SSLv2", [TLS_RANK_SSLV3] = "SSLv3",
        [TLS_RANK_1_0] = "TLS 1.0",     [TLS_RANK_1_1] = "TLS 1.1", [TLS_RANK_1_2] = "TLS 1.2",
        [TLS_RANK_1_3] = "TLS 1.3",
    };
    return (unsigned)rank < TLS_RANK_COUNT ? names[rank] : names[TLS_RANK_UNKNOWN];
}

const char *tls_group_name(uint16_t group, char buffer[TLS_NAME_SIZE]) {
    const char *name = code_name_find(groups, COUNT_OF(groups), group);
    return name != NULL ? name : tls_code_point_format(group, buffer);
}

const char *tls_alert_name(uint8_t description, char buffer[TLS_NAME_SIZE]) {
    const char *name = code_name_find(alerts, COUNT_OF(alerts), description);
    return name != NULL ? name : number_format(description, buffer);
}

const char *tls_extension_name(uint16_t type, char buffer[TLS_NAME_SIZE]) {
    const char *name = code_name_find(extensions, COUNT_OF(extensions), type);
    return name != NULL ? name : number_format(type, buffer);
}

bool tls_group_is_post_quantum(uint16_t group) {
    if (tls_is_grease(group))
        return false;
    switch (group >> 8U) {
    case 0x02: /* ML-KEM alone, and Open Quantum Safe's numbers for single algorithms */
    case 0x2f: /* Open Quantum Safe's hybrids */
        return true;
    default:
        break;
    }
    switch (group) {
    case 4587:  /* SecP256r1MLKEM768 */
    case 4588:  /* X25519MLKEM768 */
    case 4589:  /* SecP384r1MLKEM1024 */
    case 4590:  /* curveSM2MLKEM768 */
    case 16696: /* CECPQ2 */
    case 25497: /* X25519Kyber768Draft00 */
    case 25498: /* SecP256r1Kyber768Draft00 */
    case 65072: /* X25519Kyber512Draft00 */
    case 65073: /* X25519Kyber768Draft00Old */
    case 65074: /* P256Kyber768Draft00 */
        return true;
    default:
        return false;
    }
}
