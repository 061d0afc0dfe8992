/*
 * dtls.c - DTLS records (both headers), fragments, and HelloVerifyRequest (dtls.h).
 */
#include "dtls.h"

#include "tls_names.h"

enum { EXTENSION_CONNECTION_ID = 54 };

/* The first byte of a unified header is 001CSLEE (RFC 9147 section 4). */
enum {
    UNIFIED_MASK = 0xe0,
    UNIFIED_START = 0x20,
    UNIFIED_HAS_CONNECTION_ID = 0x10,
    UNIFIED_HAS_LONG_SEQUENCE = 0x08,
    UNIFIED_HAS_LENGTH = 0x04,
    UNIFIED_EPOCH = 0x03,
};

static bool is_dtls_version(uint16_t version) {
    return version == DTLS_VERSION_1_0 || version == DTLS_VERSION_1_2 ||
           version == DTLS_VERSION_1_3 || version == DTLS_VERSION_OPENSSL;
}

/* The fragment of `size` bytes, or what is there of it. */
static void take_fragment(struct reader *reader, struct dtls_record *record, size_t size) {
    record->size = size;
    record->fragment = reader_take(reader, size < reader_left(reader) ? size : reader_left(reader));
}

static enum parse_status unified_next(struct span *datagram, size_t connection_id_size,
                                      struct dtls_record *record) {
    struct reader reader = reader_of(*datagram);
    uint8_t first = reader_u8(&reader);
    struct dtls_record read = {.is_unified = true, .epoch = first & UNIFIED_EPOCH};
    bool has_connection_id = first & UNIFIED_HAS_CONNECTION_ID;
    read.is_unsized = has_connection_id && connection_id_size == DTLS_CONNECTION_ID_UNKNOWN;
    size_t size = reader_left(&reader);
    if (!read.is_unsized) {
        reader_skip(&reader, has_connection_id ? connection_id_size : 0);
        read.sequence =
            first & UNIFIED_HAS_LONG_SEQUENCE ? reader_u16(&reader) : reader_u8(&reader);
        size = first & UNIFIED_HAS_LENGTH ? reader_u16(&reader) : reader_left(&reader);
    }
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (!read.is_unsized && size > TLS_RECORD_MAX_FRAGMENT)
        return PARSE_FOREIGN;
    take_fragment(&reader, &read, size);
    *record = read;
    *datagram = reader_take_rest(&reader);
    return PARSE_OK;
}

/* The header of all versions up to 1.2, and of 1.3 in clear; with a connection id before the length
 * when the type says so. */
static enum parse_status plain_next(struct span *datagram, size_t connection_id_size,
                                    struct dtls_record *record) {
    struct reader reader = reader_of(*datagram);
    struct dtls_record read = {.type = reader_u8(&reader)};
    read.version = reader_u16(&reader);
    if (reader_ok(&reader) && !is_dtls_version(read.version))
        return PARSE_FOREIGN;
    read.epoch = reader_u16(&reader);
    uint64_t high = reader_u16(&reader);
    read.sequence = high << 32U | reader_u32(&reader);
    bool has_connection_id = read.type == DTLS_CONNECTION_ID_RECORD;
    read.is_unsized = has_connection_id && connection_id_size == DTLS_CONNECTION_ID_UNKNOWN;
    size_t size = reader_left(&reader);
    if (!read.is_unsized) {
        reader_skip(&reader, has_connection_id ? connection_id_size : 0);
        size = reader_u16(&reader);
    }
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (!read.is_unsized && size > TLS_RECORD_MAX_FRAGMENT)
        return PARSE_FOREIGN;
    take_fragment(&reader, &read, size);
    *record = read;
    *datagram = reader_take_rest(&reader);
    return PARSE_OK;
}

enum parse_status dtls_record_next(struct span *datagram, size_t connection_id_size,
                                   struct dtls_record *record) {
    struct reader reader = reader_of(*datagram);
    uint8_t first = reader_u8(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if ((first & UNIFIED_MASK) == UNIFIED_START)
        return unified_next(datagram, connection_id_size, record);
    if (first < TLS_CHANGE_CIPHER_SPEC || first > DTLS_ACK)
        return PARSE_FOREIGN;
    return plain_next(datagram, connection_id_size, record);
}

enum parse_status dtls_fragment_next(struct span *record, struct dtls_fragment *fragment) {
    struct reader reader = reader_of(*record);
    struct dtls_fragment read = {.type = reader_u8(&reader)};
    read.length = reader_u24(&reader);
    read.message_sequence = reader_u16(&reader);
    read.offset = reader_u24(&reader);
    read.size = reader_u24(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (read.offset + read.size > read.length)
        return PARSE_MALFORMED;
    size_t left = reader_left(&reader);
    read.bytes = reader_take(&reader, read.size < left ? read.size : left);
    *fragment = read;
    *record = reader_take_rest(&reader);
    return PARSE_OK;
}

enum parse_status dtls_hello_verify_parse(struct span body, struct dtls_hello_verify *verify) {
    struct reader reader = reader_of(body);
    uint16_t version = reader_u16(&reader);
    struct span cookie = reader_vector8(&reader);
    if (!reader_done(&reader))
        return PARSE_MALFORMED;
    *verify = (struct dtls_hello_verify){version, cookie};
    return PARSE_OK;
}

bool dtls_connection_id_size(struct span extensions, size_t *size) {
    struct tls_extension extension;
    if (!tls_extension_find(extensions, EXTENSION_CONNECTION_ID, &extension))
        return false;
    struct reader reader = reader_of(extension.data);
    struct span id = reader_vector8(&reader);
    if (!reader_done(&reader))
        return false;
    *size = id.size;
    return true;
}
