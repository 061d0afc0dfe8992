/*
 * layer.h - one step of packet_decode(); internal to packet.c and the link, ip, transport and
 * tunnel files.
 *
 * A frame is a row of layers. A cursor stands before the next one and says which it is; the
 * layer's function eats its header, notes what it found in the packet and names the layer that
 * follows. packet.c runs the steps from a table, so a new encapsulation is one function, one row
 * there, and one line where its predecessor names its successor.
 *
 * A step returns PARSE_OK with cursor->layer set to what comes next (LAYER_DONE: the packet is
 * complete), or the reason why the frame ends here.
 *
 * A tunnel is a step like any other that calls tunnel_enter(). What UDP carries is a tunnel only if
 * all of it turns out to be one: transport_decode_udp() keeps the datagram as it is in
 * cursor->plain, and when a later step fails packet.c takes that for the packet.
 */
#ifndef DOWNGRD_LAYER_H
#define DOWNGRD_LAYER_H

#include "packet.h"

enum layer {
    LAYER_UNKNOWN, /* nothing we read: PARSE_FOREIGN */
    LAYER_DONE,
    LAYER_ETHERNET,
    LAYER_LLC,
    LAYER_FDDI,
    LAYER_VLAN,
    LAYER_CISCO_METADATA,
    LAYER_VN_TAG,
    LAYER_E_TAG,
    LAYER_I_TAG,
    LAYER_NSH,
    LAYER_LINUX_SLL,
    LAYER_LINUX_SLL2,
    LAYER_NULL,
    LAYER_LOOP,
    LAYER_PPP,
    LAYER_PPP_DIRECTION, /* PPP behind a byte that tells the direction */
    LAYER_PPP_PPPD,      /* PPP whose address byte was made to tell the direction */
    LAYER_CISCO_HDLC,
    LAYER_MPLS,
    LAYER_IEEE80211,
    LAYER_IEEE80211_SWAPPED, /* the two bytes of its frame control may have changed places */
    LAYER_RADIOTAP,
    LAYER_PPI,
    LAYER_PRISM, /* Prism's or AVS's header before 802.11 */
    LAYER_NFLOG,
    LAYER_PKTAP,
    LAYER_RAW_IP,
    LAYER_IPV4,
    LAYER_IPV6,
    LAYER_IPV6_OPTIONS, /* hop-by-hop, routing, destination and their kind */
    LAYER_IPV6_FRAGMENT,
    LAYER_AUTHENTICATION,
    LAYER_TCP,
    LAYER_UDP,
    LAYER_PPPOE,
    LAYER_IP_IN_IP,
    LAYER_GRE,
    LAYER_VXLAN,
    LAYER_VXLAN_GPE,
    LAYER_GENEVE,
    LAYER_GTP_U,
    LAYER_CAPWAP,
    LAYER_TEREDO,
    LAYER_L2TP,
    LAYER_COUNT,
};

struct cursor {
    struct packet *packet;
    struct span rest; /* captured and not yet eaten */
    size_t rest_wire; /* what there was on the wire: rest.size or more */
    enum layer layer; /* what `rest` begins with */
    unsigned max_tunnels;
    struct packet *plain; /* the innermost UDP datagram whose inside is tried as a tunnel */
    bool has_plain;
};

/* Looks at the next `size` bytes. PARSE_MORE when only the capture lacks them, PARSE_MALFORMED when
 * the wire did. */
static inline enum parse_status cursor_peek(const struct cursor *cursor, size_t size,
                                            struct span *header) {
    if (cursor->rest.size < size)
        return cursor->rest_wire >= size ? PARSE_MORE : PARSE_MALFORMED;
    *header = span_first(cursor->rest, size);
    return PARSE_OK;
}

/* The same, and eats them: a header. */
static inline enum parse_status cursor_take(struct cursor *cursor, size_t size,
                                            struct span *header) {
    enum parse_status status = cursor_peek(cursor, size, header);
    if (status != PARSE_OK)
        return status;
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
/* Of the last field of an Ethernet header or a tag on it: a type, or a length with LLC behind. */
enum layer link_layer_of_type_or_length(uint16_t field);
/* Of the next protocol that service chains (RFC 8300) and VXLAN-GPE name. */
enum layer switch_layer_of_next(uint8_t next);
enum layer ip_layer_of_protocol(unsigned ip_version, uint8_t protocol);
/* LAYER_DONE for a datagram that is no tunnel's by its ports. */
enum layer tunnel_layer_of_ports(uint16_t source, uint16_t destination);

enum parse_status link_decode_ethernet(struct cursor *cursor);
enum parse_status link_decode_llc(struct cursor *cursor);
enum parse_status link_decode_fddi(struct cursor *cursor);
enum parse_status link_decode_vlan(struct cursor *cursor);
enum parse_status link_decode_cisco_metadata(struct cursor *cursor);
enum parse_status link_decode_linux_sll(struct cursor *cursor);
enum parse_status link_decode_linux_sll2(struct cursor *cursor);
enum parse_status link_decode_null(struct cursor *cursor);
enum parse_status link_decode_loop(struct cursor *cursor);
enum parse_status link_decode_ppp(struct cursor *cursor);
enum parse_status link_decode_ppp_direction(struct cursor *cursor);
enum parse_status link_decode_ppp_pppd(struct cursor *cursor);
enum parse_status link_decode_cisco_hdlc(struct cursor *cursor);
enum parse_status link_decode_mpls(struct cursor *cursor);

enum parse_status switch_decode_vn_tag(struct cursor *cursor);
enum parse_status switch_decode_e_tag(struct cursor *cursor);
enum parse_status switch_decode_i_tag(struct cursor *cursor);
enum parse_status switch_decode_nsh(struct cursor *cursor);

enum parse_status log_decode_nflog(struct cursor *cursor);
enum parse_status log_decode_pktap(struct cursor *cursor);

enum parse_status wireless_decode_ieee80211(struct cursor *cursor);
enum parse_status wireless_decode_ieee80211_swapped(struct cursor *cursor);
enum parse_status wireless_decode_radiotap(struct cursor *cursor);
enum parse_status wireless_decode_ppi(struct cursor *cursor);
enum parse_status wireless_decode_prism(struct cursor *cursor);

enum parse_status ip_decode_raw(struct cursor *cursor);
enum parse_status ip_decode_v4(struct cursor *cursor);
enum parse_status ip_decode_v6(struct cursor *cursor);
enum parse_status ip_decode_v6_options(struct cursor *cursor);
enum parse_status ip_decode_v6_fragment(struct cursor *cursor);
enum parse_status ip_decode_authentication(struct cursor *cursor);

enum parse_status transport_decode_tcp(struct cursor *cursor);
enum parse_status transport_decode_udp(struct cursor *cursor);

enum parse_status tunnel_decode_pppoe(struct cursor *cursor);
enum parse_status tunnel_decode_ip_in_ip(struct cursor *cursor);
enum parse_status tunnel_decode_gre(struct cursor *cursor);
enum parse_status tunnel_decode_vxlan(struct cursor *cursor);
enum parse_status tunnel_decode_vxlan_gpe(struct cursor *cursor);
enum parse_status tunnel_decode_geneve(struct cursor *cursor);
enum parse_status tunnel_decode_gtp_u(struct cursor *cursor);
enum parse_status tunnel_decode_capwap(struct cursor *cursor);
enum parse_status tunnel_decode_teredo(struct cursor *cursor);
enum parse_status tunnel_decode_l2tp(struct cursor *cursor);

/*
 * The tunnel's header is eaten: notes it with the packet's addresses (and ports, over UDP) as its
 * ends, forgets what only the outer packet had, and goes on with `inside`. PARSE_FOREIGN when no
 * further tunnel may be entered.
 */
enum parse_status tunnel_enter(struct cursor *cursor, enum tunnel_type type, uint32_t id,
                               enum layer inside);

/* The packet has no transport header: its fields are zero. */
void transport_clear(struct packet *packet);
/* A whole TCP header with its options, or a UDP one: fills the transport fields. */
void transport_read_tcp(struct packet *packet, struct span header);
void transport_read_udp(struct packet *packet, struct span header);

#endif
