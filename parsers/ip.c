/*
 * ip.c - IPv4, IPv6 and its extension headers.
 *
 * IP's own length decides what is payload: bytes behind it are padding, bytes missing were cut by
 * the capture, or never were in the frame. Two lengths need care: an IPv4 total length of 0 is a
 * large segment that the capturing machine's network card was still to split (the frame's length
 * stands in for it), and an IPv6 jumbogram (RFC 2675) is refused. Checksums are not verified:
 * offloading leaves wrong ones in honest captures.
 */
#include "layer.h"

enum {
    IPV4_HEADER_SIZE = 20,
    IPV6_HEADER_SIZE = 40,
    EXTENSION_UNIT = 8,
    AUTHENTICATION_HEADER_SIZE = 12,
};

enum {
    IPV4_DONT_FRAGMENT = 0x4000,
    IPV4_MORE_FRAGMENTS = 0x2000,
    IPV4_OFFSET_MASK = 0x1fff, /* in units of eight bytes */
    IPV6_MORE_FRAGMENTS = 0x0001,
    IPV6_OFFSET_MASK = 0xfff8, /* in bytes as it stands */
};

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140,
};

enum layer ip_layer_of_protocol(unsigned ip_version, uint8_t protocol) {
    switch (protocol) {
    case IP_PROTOCOL_TCP:
        return LAYER_TCP;
    case IP_PROTOCOL_UDP:
        return LAYER_UDP;
    case PROTOCOL_IPV4:
    case PROTOCOL_IPV6:
        return LAYER_IP_IN_IP;
    case PROTOCOL_GRE:
        return LAYER_GRE;
    case PROTOCOL_AUTHENTICATION:
        return LAYER_AUTHENTICATION;
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_HIP:
    case PROTOCOL_SHIM6:
        return ip_version == 6 ? LAYER_IPV6_OPTIONS : LAYER_UNKNOWN;
    case PROTOCOL_FRAGMENT:
        return ip_version == 6 ? LAYER_IPV6_FRAGMENT : LAYER_UNKNOWN;
    default:
        return LAYER_UNKNOWN;
    }
}

static void follow_protocol(struct cursor *cursor, uint8_t protocol) {
    cursor->packet->protocol = protocol;
    cursor->layer = ip_layer_of_protocol(cursor->packet->ip_version, protocol);
}

/* The rest is a piece of a datagram. Pieces of what we would not read are not worth keeping. */
static enum parse_status end_as_fragment(struct cursor *cursor, uint32_t offset, bool more) {
    bool is_tunnel = cursor->layer == LAYER_IP_IN_IP || cursor->layer == LAYER_GRE;
    if (cursor->layer == LAYER_UNKNOWN ||
        (is_tunnel && cursor->packet->tunnel_count >= cursor->max_tunnels))
        return PARSE_FOREIGN;
    cursor->packet->is_fragment = true;
    cursor->packet->fragment_offset = offset;
    cursor->packet->more_fragments = more;
    transport_clear(cursor->packet);
    cursor->layer = LAYER_DONE;
    return PARSE_OK;
}

enum parse_status ip_decode_raw(struct cursor *cursor) {
    if (cursor->rest.size == 0)
        return cursor->rest_wire > 0 ? PARSE_MORE : PARSE_MALFORMED;
    unsigned version = (unsigned)cursor->rest.data[0] >> 4U;
    cursor->layer = version == 4 ? LAYER_IPV4 : version == 6 ? LAYER_IPV6 : LAYER_UNKNOWN;
    return PARSE_OK;
}

static void set_ipv4_address(struct ip_address *address, const uint8_t *bytes) {
    memcpy(address->bytes, bytes, 4);
    memset(address->bytes + 4, 0, sizeof address->bytes - 4);
}

enum parse_status ip_decode_v4(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span header;
    enum parse_status status = cursor_take(cursor, IPV4_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t header_size = (size_t)(header.data[0] & 0x0fU) * 4;
    size_t total_size = header_u16(header, 2);
    if (total_size == 0)
        total_size = IPV4_HEADER_SIZE + cursor->rest_wire;
    if (header.data[0] >> 4U != 4 || header_size < IPV4_HEADER_SIZE || total_size < header_size)
        return PARSE_MALFORMED;
    cursor_limit(cursor, total_size - IPV4_HEADER_SIZE);
    if (header_size > IPV4_HEADER_SIZE) {
        struct span options;
        status = cursor_take(cursor, header_size - IPV4_HEADER_SIZE, &options);
        if (status != PARSE_OK)
            return status;
    }
    unsigned fragment = header_u16(header, 6);
    packet->ip_version = 4;
    packet->ip_id = header_u16(header, 4);
    packet->has |= PACKET_HAS_IP_ID;
    packet->dont_fragment = (fragment & IPV4_DONT_FRAGMENT) != 0;
    packet->hop_limit = header.data[8];
    set_ipv4_address(&packet->source, header.data + 12);
    set_ipv4_address(&packet->destination, header.data + 16);
    follow_protocol(cursor, header.data[9]);
    if ((fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) == 0)
        return PARSE_OK;
    return end_as_fragment(cursor, (fragment & IPV4_OFFSET_MASK) * 8U,
                           (fragment & IPV4_MORE_FRAGMENTS) != 0);
}

enum parse_status ip_decode_v6(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span header;
    enum parse_status status = cursor_take(cursor, IPV6_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t payload_size = header_u16(header, 4);
    uint8_t protocol = header.data[6];
    if (header.data[0] >> 4U != 6 || (payload_size == 0 && protocol == PROTOCOL_HOP_BY_HOP))
        return PARSE_MALFORMED;
    cursor_limit(cursor, payload_size);
    packet->ip_version = 6;
    packet->hop_limit = header.data[7];
    memcpy(packet->source.bytes, header.data + 8, sizeof packet->source.bytes);
    memcpy(packet->destination.bytes, header.data + 24, sizeof packet->destination.bytes);
    follow_protocol(cursor, protocol);
    return PARSE_OK;
}

/* Eats what is left of an extension header, whose `start` was taken, and goes on with what its
 * first byte names. */
static enum parse_status follow_extension(struct cursor *cursor, struct span start, size_t size) {
    struct span body;
    if (size > start.size) {
        enum parse_status status = cursor_take(cursor, size - start.size, &body);
        if (status != PARSE_OK)
            return status;
    }
    follow_protocol(cursor, start.data[0]);
    return PARSE_OK;
}

enum parse_status ip_decode_v6_options(struct cursor *cursor) {
    struct span start;
    enum parse_status status = cursor_take(cursor, EXTENSION_UNIT, &start);
    if (status != PARSE_OK)
        return status;
    return follow_extension(cursor, start, ((size_t)start.data[1] + 1) * EXTENSION_UNIT);
}

/* RFC 4302 section 2.2: the length counts 32-bit words, minus two. */
enum parse_status ip_decode_authentication(struct cursor *cursor) {
    struct span start;
    enum parse_status status = cursor_take(cursor, AUTHENTICATION_HEADER_SIZE, &start);
    if (status != PARSE_OK)
        return status;
    size_t size = ((size_t)start.data[1] + 2) * 4;
    if (size < AUTHENTICATION_HEADER_SIZE)
        return PARSE_MALFORMED;
    return follow_extension(cursor, start, size);
}

/* An atomic fragment (RFC 6946) is the whole datagram: it only carries an identification. */
enum parse_status ip_decode_v6_fragment(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span header;
    enum parse_status status = cursor_take(cursor, EXTENSION_UNIT, &header);
    if (status != PARSE_OK)
        return status;
    unsigned fragment = header_u16(header, 2);
    packet->ip_id = header_u32(header, 4);
    packet->has |= PACKET_HAS_IP_ID;
    follow_protocol(cursor, header.data[0]);
    if ((fragment & (IPV6_OFFSET_MASK | IPV6_MORE_FRAGMENTS)) == 0)
        return PARSE_OK;
    return end_as_fragment(cursor, fragment & IPV6_OFFSET_MASK,
                           (fragment & IPV6_MORE_FRAGMENTS) != 0);
}
