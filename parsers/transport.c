/*
 * transport.c - TCP and UDP headers.
 *
 * TCP options are read until they make no sense, and never fail a segment: a receiver ignores what
 * it does not understand. The ones that mean something in a SYN only are read there only.
 */
#include "layer.h"

enum { TCP_HEADER_SIZE = 20, UDP_HEADER_SIZE = 8 };

enum tcp_option {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_TIMESTAMP = 8,
};

/* NOP, NOP, timestamp, its length: how nearly all segments carry it (RFC 7323 appendix A). */
enum { USUAL_TIMESTAMP = 0x0101080a, USUAL_TIMESTAMP_SIZE = 12 };

static void set_timestamp(struct packet *packet, struct span value) {
    packet->tcp_timestamp = header_u32(value, 0);
    packet->tcp_timestamp_echo = header_u32(value, 4);
    packet->has |= PACKET_HAS_TCP_TIMESTAMP;
}

/* False when the option's length is not the one its kind has. */
static bool read_option(struct packet *packet, uint8_t kind, struct span value) {
    bool syn = (packet->tcp_flags & TCP_SYN) != 0;
    switch (kind) {
    case OPTION_TIMESTAMP:
        if (value.size != 8)
            return false;
        set_timestamp(packet, value);
        return true;
    case OPTION_MSS:
        if (value.size != 2)
            return false;
        if (syn) {
            packet->tcp_mss = header_u16(value, 0);
            packet->has |= PACKET_HAS_TCP_MSS;
        }
        return true;
    case OPTION_WINDOW_SCALE:
        if (value.size != 1)
            return false;
        if (syn) {
            packet->tcp_window_scale = value.data[0];
            packet->has |= PACKET_HAS_TCP_WINDOW_SCALE;
        }
        return true;
    case OPTION_SACK_PERMITTED:
        if (value.size != 0)
            return false;
        if (syn)
            packet->has |= PACKET_HAS_TCP_SACK_PERMITTED;
        return true;
    default:
        return true;
    }
}

static void read_options(struct packet *packet, struct span options) {
    struct reader reader = reader_of(options);
    while (reader_left(&reader) > 0) {
        uint8_t kind = reader_u8(&reader);
        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        size_t size = reader_u8(&reader);
        if (size < 2)
            return;
        struct span value = reader_take(&reader, size - 2);
        if (!reader_ok(&reader) || !read_option(packet, kind, value))
            return;
        if (kind == OPTION_TIMESTAMP && (packet->tcp_flags & TCP_SYN) == 0)
            return;
    }
}

void transport_clear(struct packet *packet) {
    packet->source_port = 0;
    packet->destination_port = 0;
    packet->sequence = 0;
    packet->acknowledgement = 0;
    packet->window = 0;
    packet->tcp_flags = 0;
    packet->tcp_window_scale = 0;
    packet->tcp_mss = 0;
    packet->tcp_timestamp = 0;
    packet->tcp_timestamp_echo = 0;
    packet->has &= PACKET_HAS_IP_ID;
}

void transport_read_tcp(struct packet *packet, struct span header) {
    struct span options = span_of(header.data + TCP_HEADER_SIZE, header.size - TCP_HEADER_SIZE);
    packet->tcp_window_scale = 0;
    packet->tcp_mss = 0;
    packet->tcp_timestamp = 0;
    packet->tcp_timestamp_echo = 0;
    packet->has &= PACKET_HAS_IP_ID;
    packet->source_port = header_u16(header, 0);
    packet->destination_port = header_u16(header, 2);
    packet->sequence = header_u32(header, 4);
    packet->acknowledgement = header_u32(header, 8);
    packet->tcp_flags = header.data[13];
    packet->window = header_u16(header, 14);
    if (options.size == USUAL_TIMESTAMP_SIZE && header_u32(options, 0) == USUAL_TIMESTAMP)
        set_timestamp(packet, span_from(options, 4));
    else if (options.size > 0)
        read_options(packet, options);
}

enum parse_status transport_decode_tcp(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span header;
    enum parse_status status = cursor_peek(cursor, TCP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t header_size = (size_t)(header.data[12] >> 4U) * 4;
    if (header_size < TCP_HEADER_SIZE)
        return PARSE_MALFORMED;
    status = cursor_take(cursor, header_size, &header);
    if (status != PARSE_OK)
        return status;
    transport_read_tcp(packet, header);
    cursor->layer = LAYER_DONE;
    return PARSE_OK;
}

void transport_read_udp(struct packet *packet, struct span header) {
    transport_clear(packet);
    packet->source_port = header_u16(header, 0);
    packet->destination_port = header_u16(header, 2);
}

/* The datagram may be a tunnel's. Until that is sure it is also what it is. */
static void keep_plain(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    if (packet->tunnel_count >= cursor->max_tunnels) {
        cursor->layer = LAYER_DONE;
        return;
    }
    packet->payload = cursor->rest;
    packet->payload_size_wire = cursor->rest_wire;
    *cursor->plain = *packet;
    cursor->has_plain = true;
}

enum parse_status transport_decode_udp(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span header;
    enum parse_status status = cursor_take(cursor, UDP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = header_u16(header, 4);
    if (size < UDP_HEADER_SIZE || size - UDP_HEADER_SIZE > cursor->rest_wire)
        return PARSE_MALFORMED;
    cursor_limit(cursor, size - UDP_HEADER_SIZE);
    transport_read_udp(packet, header);
    cursor->layer = tunnel_layer_of_ports(packet->source_port, packet->destination_port);
    if (cursor->layer != LAYER_DONE)
        keep_plain(cursor);
    return PARSE_OK;
}
