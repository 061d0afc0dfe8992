/*
 * quic.c - packet headers, as far as they are in clear.
 *
 * A datagram may hold several packets with long headers, each with its length, and one with a short
 * header at the end (RFC 9000 section 12.2). A long header's connection ids and version mean the
 * same in every version there will be (RFC 8999); the rest is read for known versions only.
 */
#include "quic.h"

enum {
    LONG_HEADER = 0x80,
    FIXED_BIT = 0x40,
    TYPE_SHIFT = 4,
    TYPE_MASK = 3,
    SHORTEST_LENGTH = 20, /* packet number and payload: what header protection samples, from the
                             fourth byte after the number's first on (RFC 9001 section 5.4.2) */
    SHORTEST_ONE_RTT = 1 + SHORTEST_LENGTH,
    VERSION_SIZE = 4,
};

enum quic_dialect quic_dialect_of(uint32_t version) {
    static const struct {
        uint32_t first;
        uint32_t last;
        enum quic_dialect dialect;
    } dialects[] = {
        {0x00000001, 0x00000001, QUIC_RFC_9000},
        {0x6b3343cf, 0x6b3343cf, QUIC_RFC_9369},
        {0xff00001d, 0xff000020, QUIC_DRAFT_29},
        {0xff000017, 0xff00001c, QUIC_DRAFT_23},
        {0xff000021, 0xff000022, QUIC_RFC_9000},
        {0xff000016, 0xff000016, QUIC_DRAFT_22},
        {0x709a50c4, 0x709a50c4, QUIC_DRAFT_V2},
        {0x54303530, 0x54303530, QUIC_GOOGLE_T050},
        {0x54303531, 0x54303531, QUIC_GOOGLE_T051},
        /* mvfst */
        {0xfaceb001, 0xfaceb001, QUIC_DRAFT_22},
        {0xfaceb002, 0xfaceb002, QUIC_DRAFT_23},
        {0xfaceb003, 0xfaceb003, QUIC_RFC_9000},
        {0xfaceb00e, 0xfaceb00e, QUIC_DRAFT_23},
        {0xfaceb010, 0xfaceb013, QUIC_DRAFT_23},
    };
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        if (version >= dialects[i].first && version <= dialects[i].last)
            return dialects[i].dialect;
    return QUIC_UNKNOWN;
}

uint64_t quic_varint(struct reader *reader) {
    enum { LENGTH_SHIFT = 6, FIRST_MASK = 0x3f };
    uint8_t first = reader_u8(reader);
    uint64_t value = first & FIRST_MASK;
    for (unsigned more = (1U << (first >> LENGTH_SHIFT)) - 1U; more > 0; more--)
        value = value << 8U | reader_u8(reader);
    return reader_ok(reader) ? value : 0;
}

/* RFC 9000 section 17.2; version 2 numbers them anew (RFC 9369 section 3.2). */
static enum quic_packet_type packet_type(enum quic_dialect dialect, uint8_t first) {
    static const enum quic_packet_type types[] = {QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE,
                                                  QUIC_RETRY};
    static const enum quic_packet_type types_v2[] = {QUIC_RETRY, QUIC_INITIAL, QUIC_ZERO_RTT,
                                                     QUIC_HANDSHAKE};
    bool is_v2 = dialect == QUIC_RFC_9369 || dialect == QUIC_DRAFT_V2;
    return (is_v2 ? types_v2 : types)[((unsigned)first >> TYPE_SHIFT) & TYPE_MASK];
}

static enum parse_status parse_version_negotiation(struct span bytes, struct reader *reader,
                                                   struct quic_header *header) {
    header->type = QUIC_VERSION_NEGOTIATION;
    header->versions = reader_take_rest(reader);
    header->packet = bytes;
    header->is_whole = true;
    bool is_list = header->versions.size != 0 && header->versions.size % VERSION_SIZE == 0;
    return is_list ? PARSE_OK : PARSE_MALFORMED;
}

/* What follows the connection ids of Initial, 0-RTT and Handshake packets: (token,) length, packet
 * number. */
static enum parse_status parse_numbered(struct span bytes, struct reader *reader,
                                        struct quic_header *header) {
    if (header->type == QUIC_INITIAL) {
        uint64_t token_size = quic_varint(reader);
        if (token_size > reader_left(reader))
            return PARSE_MORE;
        header->token = reader_take(reader, (size_t)token_size);
    }
    uint64_t length = quic_varint(reader);
    if (!reader_ok(reader))
        return PARSE_MORE;
    if (length < SHORTEST_LENGTH)
        return PARSE_MALFORMED;
    header->number_at = bytes.size - reader_left(reader);
    header->is_whole = length <= reader_left(reader);
    header->packet =
        header->is_whole ? span_first(bytes, header->number_at + (size_t)length) : bytes;
    return PARSE_OK;
}

static enum parse_status parse_long(struct span bytes, struct quic_header *header) {
    struct reader reader = reader_of(bytes);
    uint8_t first = reader_u8(&reader);
    header->version = reader_u32(&reader);
    header->destination_id = reader_vector8(&reader);
    header->source_id = reader_vector8(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (header->version == 0)
        return parse_version_negotiation(bytes, &reader, header);
    header->dialect = quic_dialect_of(header->version);
    if (header->dialect == QUIC_UNKNOWN) {
        header->type = QUIC_OTHER_VERSION;
        header->packet = bytes;
        header->is_whole = true;
        return PARSE_OK;
    }
    if (header->destination_id.size > QUIC_MAX_CONNECTION_ID ||
        header->source_id.size > QUIC_MAX_CONNECTION_ID)
        return PARSE_MALFORMED;
    header->type = packet_type(header->dialect, first);
    if (header->type != QUIC_RETRY)
        return parse_numbered(bytes, &reader, header);
    header->packet = bytes;
    header->is_whole = true;
    return PARSE_OK;
}

enum parse_status quic_header_parse(struct span bytes, struct quic_header *header) {
    struct reader reader = reader_of(bytes);
    uint8_t first = reader_u8(&reader);
    struct quic_header parsed = {0};
    enum parse_status status = PARSE_OK;
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (first & LONG_HEADER) {
        status = parse_long(bytes, &parsed);
    } else if (!(first & FIXED_BIT)) {
        status = PARSE_FOREIGN;
    } else {
        parsed.type = QUIC_ONE_RTT;
        parsed.packet = bytes;
        parsed.is_whole = true;
        if (bytes.size < SHORTEST_ONE_RTT)
            status = PARSE_MORE;
    }
    if (status == PARSE_OK)
        *header = parsed;
    return status;
}
