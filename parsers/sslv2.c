/*
 * sslv2.c - hellos in SSLv2 framing (draft-hickman-netscape-ssl-00; RFC 5246 appendix E.2 for those
 * that offer SSLv3 or TLS).
 *
 * Nothing but two bits and a few small numbers marks this protocol, so every field is checked as
 * soon as it is there: a stream that merely looks alike is let go at its first wrong byte. Only the
 * two-byte header is read: hellos are never padded.
 */
#include "tls_handshake.h"

enum {
    SSLV2_CLIENT_HELLO = 1,
    SSLV2_SERVER_HELLO = 4,
    SSLV2_VERSION = 0x0002,
    SSL3_MAJOR = 3,
    LONG_HEADER_BIT = 0x8000,
    SPEC_SIZE = 3,
    SESSION_ID_MAX = 32, /* SSLv2: 16; SSLv3 and TLS should send none in this framing */
    CHALLENGE_MIN = 16,
    CHALLENGE_MAX = 32,
    CONNECTION_ID_MIN = 16,
    CONNECTION_ID_MAX = 32,
    CLIENT_FIXED_SIZE = 9,  /* type, version, three lengths */
    SERVER_FIXED_SIZE = 11, /* type, hit, certificate type, version, three lengths */
};

/* Opens the record; its body may still be incomplete. */
static bool read_header(struct reader *reader, uint8_t wanted_type, size_t *length) {
    uint16_t header = reader_u16(reader);
    uint8_t type = reader_u8(reader);
    *length = header & ~(unsigned)LONG_HEADER_BIT;
    return (header & LONG_HEADER_BIT) != 0 && type == wanted_type;
}

static bool is_client_version(uint16_t version) {
    return version == SSLV2_VERSION || (version >> 8U == SSL3_MAJOR && (version & 0xffU) <= 4);
}

enum parse_status client_hello_parse_sslv2(struct span bytes, struct client_hello *hello,
                                           size_t *consumed) {
    struct reader reader = reader_of(bytes);
    size_t length = 0;
    if (bytes.size >= 1 && (bytes.data[0] & 0x80U) == 0)
        return PARSE_FOREIGN;
    bool is_ours = read_header(&reader, SSLV2_CLIENT_HELLO, &length);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    uint16_t version = reader_u16(&reader);
    if (!is_ours || (reader_ok(&reader) && !is_client_version(version)))
        return PARSE_FOREIGN;
    size_t specs_size = reader_u16(&reader);
    size_t session_id_size = reader_u16(&reader);
    size_t challenge_size = reader_u16(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (specs_size == 0 || specs_size % SPEC_SIZE != 0 || session_id_size > SESSION_ID_MAX ||
        challenge_size < CHALLENGE_MIN || challenge_size > CHALLENGE_MAX ||
        length != CLIENT_FIXED_SIZE + specs_size + session_id_size + challenge_size)
        return PARSE_MALFORMED;
    struct span specs = reader_take(&reader, specs_size);
    struct span session_id = reader_take(&reader, session_id_size);
    struct span challenge = reader_take(&reader, challenge_size);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    *hello = (struct client_hello){
        .legacy_version = version,
        .is_sslv2 = true,
        .random = challenge,
        .session_id = session_id,
        .cipher_suites = specs,
    };
    *consumed = 2 + length;
    return PARSE_OK;
}

enum parse_status sslv2_server_hello_parse(struct span bytes, struct sslv2_server_hello *hello,
                                           size_t *consumed) {
    struct reader reader = reader_of(bytes);
    size_t length = 0;
    if (bytes.size >= 1 && (bytes.data[0] & 0x80U) == 0)
        return PARSE_FOREIGN;
    bool is_ours = read_header(&reader, SSLV2_SERVER_HELLO, &length);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    uint8_t session_id_hit = reader_u8(&reader);
    (void)reader_u8(&reader); /* certificate type */
    uint16_t version = reader_u16(&reader);
    if (!is_ours || (reader_ok(&reader) && version != SSLV2_VERSION))
        return PARSE_FOREIGN;
    size_t certificate_size = reader_u16(&reader);
    size_t specs_size = reader_u16(&reader);
    size_t connection_id_size = reader_u16(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (session_id_hit > 1 || specs_size % SPEC_SIZE != 0 ||
        connection_id_size < CONNECTION_ID_MIN || connection_id_size > CONNECTION_ID_MAX ||
        length != SERVER_FIXED_SIZE + certificate_size + specs_size + connection_id_size)
        return PARSE_MALFORMED;
    reader_skip(&reader, certificate_size);
    struct span specs = reader_take(&reader, specs_size);
    reader_skip(&reader, connection_id_size);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    *hello = (struct sslv2_server_hello){version, session_id_hit == 1, specs};
    *consumed = 2 + length;
    return PARSE_OK;
}
