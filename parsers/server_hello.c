/*
 * server_hello.c - ServerHello and HelloRetryRequest (RFC 8446 sections 4.1.3, 4.1.4; RFC 5246
 * section 7.4.1.3), also as the drafts of TLS 1.3 wrote them.
 *
 * Drafts up to 21 say their number in legacy_version and leave session id and compression out;
 * their HelloRetryRequest is a message of its own. From draft 22 on the layout is the final one,
 * and legacy_version says TLS 1.2. Facebook counted its own drafts likewise. Google's experiments
 * of 2017 had either layout; a TLS 1.3 suite where the session id's length should be tells which.
 */
#include "tls_handshake.h"

enum {
    SESSION_ID_MAX = 32,
    DRAFT_MAJOR = 0x7f,
    DRAFT_MAJOR_FACEBOOK = 0xfb,
    EXPERIMENT_MAJOR_GOOGLE = 0x7e,
    TLS13_SUITE_MAJOR = 0x13,
    DRAFT_LAST_OWN_LAYOUT = 21,
    DRAFT_FIRST_RETRY_CIPHER = 19,
};

/* SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3). */
static const uint8_t hello_retry_request_random[TLS_RANDOM_SIZE] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* An extension that is one number; the first one counts. */
static bool keep_u16(bool *has, uint16_t *slot, struct span data) {
    struct reader reader = reader_of(data);
    uint16_t value = reader_u16(&reader);
    if (!reader_done(&reader))
        return false;
    if (!*has)
        *slot = value;
    *has = true;
    return true;
}

/* A ServerHello shares {group, key}; a HelloRetryRequest asks for a group (RFC 8446 section 4.2.8).
 */
static bool keep_key_share(struct server_hello *hello, struct span data) {
    if (!hello->is_hello_retry_request) {
        struct reader reader = reader_of(data);
        struct span group = reader_take(&reader, 2);
        (void)reader_vector16(&reader);
        if (!reader_done(&reader))
            return false;
        data = group;
    }
    return keep_u16(&hello->has_key_share_group, &hello->key_share_group, data);
}

static bool keep_cookie(struct span *slot, struct span data) {
    struct reader reader = reader_of(data);
    struct span cookie = reader_vector16(&reader);
    if (!reader_done(&reader))
        return false;
    if (span_is_absent(*slot))
        *slot = cookie;
    return true;
}

/* A list of exactly one name (RFC 7301 section 3.1). */
static bool keep_alpn(struct span *slot, struct span data) {
    struct reader reader = reader_of(data);
    struct reader list = reader_open16(&reader);
    struct span name = reader_vector8(&list);
    reader_close(&reader, &list);
    if (!reader_done(&reader))
        return false;
    if (span_is_absent(*slot))
        *slot = name;
    return true;
}

/* False when the inside of an extension is not what its type says. */
static bool read_extension(struct server_hello *hello, const struct tls_extension *extension) {
    struct span data = extension->data;
    switch (extension->type) {
    case TLS_EXT_ALPN:
        return keep_alpn(&hello->alpn, data);
    case TLS_EXT_DRAFT_KEY_SHARE: /* reserved now: anything may stand there */
        (void)keep_key_share(hello, data);
        return true;
    case TLS_EXT_PRE_SHARED_KEY:
        return keep_u16(&hello->has_pre_shared_key, &hello->selected_identity, data);
    case TLS_EXT_SUPPORTED_VERSIONS:
        return keep_u16(&hello->has_selected_version, &hello->selected_version, data);
    case TLS_EXT_COOKIE:
        return keep_cookie(&hello->cookie, data);
    case TLS_EXT_KEY_SHARE:
        return keep_key_share(hello, data);
    default:
        return true;
    }
}

static void read_extensions(struct server_hello *hello, struct reader *reader) {
    hello->extensions = tls_extension_block_read(reader, &hello->is_truncated);
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
    if (rest.size != 0) {
        hello->is_truncated = true;
        hello->extensions.size -= rest.size;
    }
}

static bool is_experiment(uint16_t version) {
    return version >> 8U == EXPERIMENT_MAJOR_GOOGLE;
}

static bool is_draft(uint16_t version) {
    unsigned major = version >> 8U;
    return (major == DRAFT_MAJOR || major == DRAFT_MAJOR_FACEBOOK) &&
           (version & 0xffU) <= DRAFT_LAST_OWN_LAYOUT;
}

/* `reader` stands behind the random. */
static bool has_draft_layout(uint16_t version, struct reader reader) {
    return is_draft(version) || (is_experiment(version) && reader_u8(&reader) == TLS13_SUITE_MAJOR);
}

enum parse_status server_hello_parse(struct span body, struct server_hello *hello) {
    struct reader reader = reader_of(body);
    struct server_hello read = {.legacy_version = reader_u16(&reader)};
    read.random = reader_take(&reader, TLS_RANDOM_SIZE);
    read.is_draft_layout = has_draft_layout(read.legacy_version, reader);
    if (!read.is_draft_layout)
        read.session_id = reader_vector8(&reader);
    read.cipher_suite = reader_u16(&reader);
    if (!read.is_draft_layout)
        read.compression_method = reader_u8(&reader);
    if (!reader_ok(&reader) || read.session_id.size > SESSION_ID_MAX)
        return PARSE_MALFORMED;
    read.is_hello_retry_request =
        span_equal(read.random, span_of(hello_retry_request_random, TLS_RANDOM_SIZE));
    read_extensions(&read, &reader);
    *hello = read;
    return PARSE_OK;
}

enum parse_status draft_hello_retry_request_parse(struct span body, struct server_hello *hello) {
    struct reader reader = reader_of(body);
    struct server_hello read = {
        .legacy_version = reader_u16(&reader),
        .is_hello_retry_request = true,
        .is_draft_layout = true,
    };
    bool is_of_google = is_experiment(read.legacy_version);
    if (reader_ok(&reader) && !is_of_google && !is_draft(read.legacy_version))
        return PARSE_MALFORMED;
    if (is_of_google || (read.legacy_version & 0xffU) >= DRAFT_FIRST_RETRY_CIPHER)
        read.cipher_suite = reader_u16(&reader);
    if (!reader_ok(&reader))
        return PARSE_MALFORMED;
    read_extensions(&read, &reader);
    *hello = read;
    return PARSE_OK;
}

bool server_hello_is_malformed(const struct server_hello *hello) {
    return hello->is_truncated || hello->has_malformed_extension || hello->has_repeated_extension;
}
