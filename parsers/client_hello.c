/*
 * client_hello.c - ClientHello in its TLS and DTLS form (RFC 8446 section 4.1.2, RFC 6347
 * section 4.2.1) and the walks over its lists.
 *
 * Fixed fields are read straight down. Then each extension goes through one switch to the reader of
 * its shape, which stores the list when it was eaten exactly, and else only says so: damage in one
 * extension costs that extension and no other.
 */
#include "tls_handshake.h"

#include "ech.h"

enum { SESSION_ID_MAX = 32 };

/* The first extension of a type counts. */
static bool keep(struct span *slot, struct span value) {
    if (span_is_absent(*slot))
        *slot = value;
    return true;
}

/* opaque list<..2^8-1> of elements of that size, and nothing else. */
static bool keep_list8(struct span *slot, struct span data, size_t element_size) {
    struct reader reader = reader_of(data);
    struct span list = reader_vector8(&reader);
    return reader_done(&reader) && list.size % element_size == 0 && keep(slot, list);
}

/* The same with a 16 bit length. */
static bool keep_list16(struct span *slot, struct span data, size_t element_size) {
    struct reader reader = reader_of(data);
    struct span list = reader_vector16(&reader);
    return reader_done(&reader) && list.size % element_size == 0 && keep(slot, list);
}

/* ServerNameList (RFC 6066 section 3): the first host_name. */
static bool keep_server_name(struct span *slot, struct span data) {
    enum { HOST_NAME = 0 };
    struct reader reader = reader_of(data);
    struct reader list = reader_open16(&reader);
    struct span host_name = {NULL, 0};
    while (reader_ok(&list) && reader_left(&list) != 0) {
        uint8_t type = reader_u8(&list);
        struct span name = reader_vector16(&list);
        if (type == HOST_NAME && span_is_absent(host_name))
            host_name = name;
    }
    reader_close(&reader, &list);
    return reader_done(&reader) && !span_is_absent(host_name) && keep(slot, host_name);
}

/* ProtocolNameList (RFC 7301 section 3.1). */
static bool keep_alpn(struct span *slot, struct span data) {
    struct reader reader = reader_of(data);
    struct span list = reader_vector16(&reader);
    struct reader names = reader_of(list);
    while (reader_ok(&names) && reader_left(&names) != 0)
        (void)reader_vector8(&names);
    return reader_done(&reader) && reader_done(&names) && keep(slot, list);
}

/* KeyShareClientHello (RFC 8446 section 4.2.8). */
static bool keep_key_share(struct span *slot, struct span data) {
    struct reader reader = reader_of(data);
    struct span list = reader_vector16(&reader);
    struct span rest = list;
    struct span key;
    uint16_t group = 0;
    while (client_hello_next_key_share(&rest, &group, &key))
        continue;
    return reader_done(&reader) && rest.size == 0 && keep(slot, list);
}

/* ECHClientHello (RFC 9849 section 5). */
static bool keep_ech(struct span *slot, struct span data) {
    struct ech_extension ech;
    return ech_extension_parse(data, &ech) == PARSE_OK && keep(slot, data);
}

/* False when the inside of an extension is not what its type says. */
static bool read_extension(struct client_hello *hello, const struct tls_extension *extension) {
    struct span data = extension->data;
    switch (extension->type) {
    case TLS_EXT_SERVER_NAME:
        return keep_server_name(&hello->server_name, data);
    case TLS_EXT_SUPPORTED_GROUPS:
        return keep_list16(&hello->supported_groups, data, 2);
    case TLS_EXT_EC_POINT_FORMATS:
        return keep_list8(&hello->ec_point_formats, data, 1);
    case TLS_EXT_SIGNATURE_ALGORITHMS:
        return keep_list16(&hello->signature_algorithms, data, 2);
    case TLS_EXT_ALPN:
        return keep_alpn(&hello->alpn, data);
    case TLS_EXT_SESSION_TICKET:
        return keep(&hello->session_ticket, data);
    case TLS_EXT_DRAFT_KEY_SHARE: /* reserved now: anything may stand there */
        (void)keep_key_share(&hello->key_share, data);
        return true;
    case TLS_EXT_PRE_SHARED_KEY:
        return keep(&hello->pre_shared_key, data);
    case TLS_EXT_EARLY_DATA:
        return keep(&hello->early_data, data);
    case TLS_EXT_SUPPORTED_VERSIONS:
        return keep_list8(&hello->supported_versions, data, 2);
    case TLS_EXT_PSK_KEY_EXCHANGE_MODES:
        return keep_list8(&hello->psk_key_exchange_modes, data, 1);
    case TLS_EXT_KEY_SHARE:
        return keep_key_share(&hello->key_share, data);
    case TLS_EXT_ENCRYPTED_CLIENT_HELLO:
        return keep_ech(&hello->encrypted_client_hello, data);
    case TLS_EXT_RENEGOTIATION_INFO:
        hello->has_renegotiation_info = true;
        return true;
    case TLS_EXT_ENCRYPTED_SERVER_NAME:
        return keep(&hello->encrypted_server_name, data);
    default:
        return true;
    }
}

static void read_extensions(struct client_hello *hello) {
    struct span rest = hello->extensions;
    struct tls_extension extension;
    struct tls_extension_set seen = {.count = 0};
    while (tls_extension_next(&rest, &extension)) {
        if (!tls_extension_set_add(&seen, extension.type) && !hello->has_repeated_extension) {
            hello->has_repeated_extension = true;
            hello->repeated_extension = extension.type;
        }
        if (!read_extension(hello, &extension) && !hello->has_malformed_extension) {
            hello->has_malformed_extension = true;
            hello->malformed_extension = extension.type;
        }
    }
    hello->low_extensions = seen.low;
    if (rest.size != 0) {
        hello->is_truncated = true;
        hello->extensions.size -= rest.size;
    }
}

enum parse_status client_hello_parse(struct span body, bool is_dtls, struct client_hello *hello) {
    struct reader reader = reader_of(body);
    uint16_t version = reader_u16(&reader);
    struct span random = reader_take(&reader, TLS_RANDOM_SIZE);
    struct span session_id = reader_vector8(&reader);
    struct span cookie = is_dtls ? reader_vector8(&reader) : (struct span){NULL, 0};
    struct span cipher_suites = reader_vector16(&reader);
    struct span compression_methods = reader_vector8(&reader);
    if (!reader_ok(&reader) || session_id.size > SESSION_ID_MAX)
        return PARSE_MALFORMED;
    bool is_truncated = false;
    struct span extensions = tls_extension_block_read(&reader, &is_truncated);
    *hello = (struct client_hello){
        .legacy_version = version,
        .is_truncated = is_truncated,
        .random = random,
        .session_id = session_id,
        .cookie = cookie,
        .cipher_suites = cipher_suites,
        .compression_methods = compression_methods,
        .extensions = extensions,
    };
    read_extensions(hello);
    return PARSE_OK;
}

bool client_hello_has_extension(const struct client_hello *hello, uint16_t type) {
    struct tls_extension unused;
    if (type < TLS_EXTENSION_LOW_TYPES)
        return hello->low_extensions >> type & 1U;
    if (type == TLS_EXT_RENEGOTIATION_INFO)
        return hello->has_renegotiation_info;
    return tls_extension_find(hello->extensions, type, &unused);
}

bool client_hello_is_malformed(const struct client_hello *hello) {
    size_t suite_size = hello->is_sslv2 ? 3 : 2;
    return hello->is_truncated || hello->has_malformed_extension || hello->has_repeated_extension ||
           hello->cipher_suites.size % suite_size != 0;
}

bool client_hello_next_cipher(const struct client_hello *hello, struct span *list,
                              uint32_t *cipher) {
    if (!hello->is_sslv2) {
        uint16_t suite = 0;
        if (!span_next_u16(list, &suite))
            return false;
        *cipher = suite;
        return true;
    }
    struct reader reader = reader_of(*list);
    uint32_t spec = reader_u24(&reader);
    if (!reader_ok(&reader))
        return false;
    *cipher = spec;
    *list = reader_take_rest(&reader);
    return true;
}

bool client_hello_has_cipher(const struct client_hello *hello, uint16_t suite) {
    if (!hello->is_sslv2)
        return span_has_u16(hello->cipher_suites, suite);
    struct span list = hello->cipher_suites;
    uint32_t cipher = 0;
    while (client_hello_next_cipher(hello, &list, &cipher))
        if (cipher == suite)
            return true;
    return false;
}

bool client_hello_next_key_share(struct span *shares, uint16_t *group, struct span *key) {
    return span_next_typed(shares, group, key);
}

bool client_hello_has_key_share(const struct client_hello *hello, uint16_t group) {
    struct span shares = hello->key_share;
    struct span key;
    uint16_t shared = 0;
    while (client_hello_next_key_share(&shares, &shared, &key))
        if (shared == group)
            return true;
    return false;
}
