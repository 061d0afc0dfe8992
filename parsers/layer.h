/*
 * layer.h - one step of packet_decode(); internal to packet.c, link.c, ip.c and transport.c.
 *
 * A frame is a row of layers. A cursor stands before the next one and says which it is; the
 * layer's function eats its header, notes what it found in the packet and names the layer that
 * follows. packet.c runs the steps from a table, so a new encapsulation is one function, one row
 * there, and one line where its predecessor names its successor.
 *
 * A step returns PARSE_OK with cursor->layer set to what comes next (LAYER_DONE: the packet is
 * complete), or the reason why the frame ends here.
 */
#ifndef DOWNGRD_LAYER_H
#define DOWNGRD_LAYER_H

#include "packet.h"

enum layer {
    LAYER_UNKNOWN, /* nothing we read: PARSE_FOREIGN */
    LAYER_DONE,
    LAYER_ETHERNET,
    LAYER_VLAN,
    LAYER_CISCO_METADATA,
    LAYER_LINUX_SLL,
    LAYER_LINUX_SLL2,
    LAYER_NULL,
    LAYER_LOOP,
    LAYER_PPP,
    LAYER_CISCO_HDLC,
    LAYER_RAW_IP,
    LAYER_IPV4,
    LAYER_IPV6,
    LAYER_IPV6_OPTIONS, /* hop-by-hop, routing, destination and their kind */
    LAYER_IPV6_FRAGMENT,
    LAYER_AUTHENTICATION,
    LAYER_TCP,
    LAYER_UDP,
    LAYER_COUNT,
};

struct cursor {
    struct packet *packet;
    struct span rest; /* captured and not yet eaten */
    size_t rest_wire; /* what there was on the wire: rest.size or more */
    enum layer layer; /* what `rest` begins with */
};

/* Eats a header of `size` bytes. PARSE_MORE when only the capture lacks it, PARSE_MALFORMED when
 * the wire did. */
static inline enum parse_status cursor_take(struct cursor *cursor, size_t size,
                                            struct span *header) {
    if (cursor->rest.size < size)
        return cursor->rest_wire >= size ? PARSE_MORE : PARSE_MALFORMED;
    *header = span_first(cursor->rest, size);
    cursor->rest = span_from(cursor->rest, size);
    cursor->rest_wire -= size;
    return PARSE_OK;
}

/* A header says that `size` bytes follow it: what lies behind them is padding. Bytes that it
 * promises and that the frame never had are not believed in. */
static inline void cursor_limit(struct cursor *cursor, size_t size) {
    cursor->rest = span_first(cursor->rest, size);
    cursor->rest_wire = size < cursor->rest_wire ? size : cursor->rest_wire;
}

/* Numbers at a fixed place in a header that was taken whole. */
static inline uint16_t header_u16(struct span header, size_t offset) {
    return (uint16_t)(((unsigned)header.data[offset] << 8U) | header.data[offset + 1]);
}

static inline uint32_t header_u32(struct span header, size_t offset) {
    return ((uint32_t)header_u16(header, offset) << 16U) | header_u16(header, offset + 2);
}

/* Which layer a number names; LAYER_UNKNOWN for those that we do not read. */
enum layer link_layer_of_link_type(int link_type);
enum layer link_layer_of_ethertype(uint16_t ethertype);
enum layer ip_layer_of_protocol(unsigned ip_version, uint8_t protocol);

enum parse_status link_decode_ethernet(struct cursor *cursor);
enum parse_status link_decode_vlan(struct cursor *cursor);
enum parse_status link_decode_cisco_metadata(struct cursor *cursor);
enum parse_status link_decode_linux_sll(struct cursor *cursor);
enum parse_status link_decode_linux_sll2(struct cursor *cursor);
enum parse_status link_decode_null(struct cursor *cursor);
enum parse_status link_decode_loop(struct cursor *cursor);
enum parse_status link_decode_ppp(struct cursor *cursor);
enum parse_status link_decode_cisco_hdlc(struct cursor *cursor);

enum parse_status ip_decode_raw(struct cursor *cursor);
enum parse_status ip_decode_v4(struct cursor *cursor);
enum parse_status ip_decode_v6(struct cursor *cursor);
enum parse_status ip_decode_v6_options(struct cursor *cursor);
enum parse_status ip_decode_v6_fragment(struct cursor *cursor);
enum parse_status ip_decode_authentication(struct cursor *cursor);

enum parse_status transport_decode_tcp(struct cursor *cursor);
enum parse_status transport_decode_udp(struct cursor *cursor);

/* The packet has no transport header: its fields are zero. */
void transport_clear(struct packet *packet);

#endif
