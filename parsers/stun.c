#include "stun.h"

enum {
    STUN_METHOD_CLASS_MASK = 0xc000, /* zero in every STUN message */
    TURN_SEND_INDICATION = 0x0016,
    TURN_DATA_INDICATION = 0x0017,
    ATTRIBUTE_DATA = 0x0013,
    CHANNEL_FIRST = 0x4000,
    CHANNEL_LAST = 0x7fff,
    PADDING = 4, /* attributes fill whole words, and ChannelData may */
};

static const uint32_t magic_cookie = 0x2112a442U;

/* Reads the header; false when these are no STUN message. */
static bool read_header(struct reader *reader, uint16_t *type) {
    *type = reader_u16(reader);
    uint16_t length = reader_u16(reader);
    uint32_t cookie = reader_u32(reader);
    reader_skip(reader, STUN_HEADER_SIZE - 8);
    return reader_ok(reader) && !(*type & STUN_METHOD_CLASS_MASK) && length % PADDING == 0 &&
           cookie == magic_cookie && reader_left(reader) <= length;
}

bool stun_is_message(struct span datagram) {
    struct reader reader = reader_of(datagram);
    uint16_t type = 0;
    return read_header(&reader, &type);
}

static enum parse_status read_indication(struct span datagram, struct turn_data *turn) {
    struct reader reader = reader_of(datagram);
    uint16_t type = 0;
    if (!read_header(&reader, &type) ||
        (type != TURN_SEND_INDICATION && type != TURN_DATA_INDICATION))
        return PARSE_FOREIGN;
    while (reader_ok(&reader) && reader_left(&reader) >= PADDING) {
        uint16_t attribute = reader_u16(&reader);
        size_t size = reader_u16(&reader);
        size_t left = reader_left(&reader);
        if (attribute == ATTRIBUTE_DATA) {
            *turn = (struct turn_data){0, reader_take(&reader, size < left ? size : left)};
            return PARSE_OK;
        }
        reader_skip(&reader, (size + PADDING - 1) / PADDING * PADDING);
    }
    return PARSE_FOREIGN;
}

enum parse_status turn_data_parse(struct span datagram, struct turn_data *turn) {
    struct reader reader = reader_of(datagram);
    uint16_t channel = reader_u16(&reader);
    size_t size = reader_u16(&reader);
    if (!reader_ok(&reader))
        return PARSE_FOREIGN;
    if (channel < CHANNEL_FIRST)
        return read_indication(datagram, turn);
    size_t left = reader_left(&reader);
    if (channel > CHANNEL_LAST || (left > size && left - size >= PADDING))
        return PARSE_FOREIGN;
    *turn = (struct turn_data){channel, reader_take(&reader, size < left ? size : left)};
    return PARSE_OK;
}
