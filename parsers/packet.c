/*
 * packet.c - runs a frame's layers, one after the other, until the packet is complete.
 *
 * The loop knows no protocol: each row of the table eats one header and names the next (layer.h).
 * The number of steps is bounded, so no nesting of tags or extension headers takes long. Only one
 * way leads back: what was taken for a tunnel over UDP and is none is the UDP datagram that it was.
 * That datagram is complete, so nothing is ever tried twice.
 *
 * Most frames are plain: Ethernet, IPv4 or IPv6 without options, TCP or a UDP that can be no
 * tunnel. For these, and for these only, decode_plain() finds everything at its fixed place, with
 * the same result.
 */
#include "packet.h"

#include "layer.h"

/* Link, eight VLAN tags, IP, six extension headers and transport fit, and four tunnels with as much
 * inside each as anybody uses. */
enum { MAX_LAYERS = 64, PORTS_SIZE = 4, MAX_IP_PAYLOAD_SIZE = 65535 };

typedef enum parse_status layer_decode(struct cursor *cursor);

static layer_decode *const decoders[LAYER_COUNT] = {
    [LAYER_ETHERNET] = link_decode_ethernet,
    [LAYER_LLC] = link_decode_llc,
    [LAYER_FDDI] = link_decode_fddi,
    [LAYER_VLAN] = link_decode_vlan,
    [LAYER_CISCO_METADATA] = link_decode_cisco_metadata,
    [LAYER_VN_TAG] = switch_decode_vn_tag,
    [LAYER_E_TAG] = switch_decode_e_tag,
    [LAYER_I_TAG] = switch_decode_i_tag,
    [LAYER_NSH] = switch_decode_nsh,
    [LAYER_LINUX_SLL] = link_decode_linux_sll,
    [LAYER_LINUX_SLL2] = link_decode_linux_sll2,
    [LAYER_NULL] = link_decode_null,
    [LAYER_LOOP] = link_decode_loop,
    [LAYER_PPP] = link_decode_ppp,
    [LAYER_PPP_DIRECTION] = link_decode_ppp_direction,
    [LAYER_PPP_PPPD] = link_decode_ppp_pppd,
    [LAYER_CISCO_HDLC] = link_decode_cisco_hdlc,
    [LAYER_MPLS] = link_decode_mpls,
    [LAYER_IEEE80211] = wireless_decode_ieee80211,
    [LAYER_IEEE80211_SWAPPED] = wireless_decode_ieee80211_swapped,
    [LAYER_RADIOTAP] = wireless_decode_radiotap,
    [LAYER_PPI] = wireless_decode_ppi,
    [LAYER_PRISM] = wireless_decode_prism,
    [LAYER_NFLOG] = log_decode_nflog,
    [LAYER_PKTAP] = log_decode_pktap,
    [LAYER_RAW_IP] = ip_decode_raw,
    [LAYER_IPV4] = ip_decode_v4,
    [LAYER_IPV6] = ip_decode_v6,
    [LAYER_IPV6_OPTIONS] = ip_decode_v6_options,
    [LAYER_IPV6_FRAGMENT] = ip_decode_v6_fragment,
    [LAYER_AUTHENTICATION] = ip_decode_authentication,
    [LAYER_TCP] = transport_decode_tcp,
    [LAYER_UDP] = transport_decode_udp,
    [LAYER_PPPOE] = tunnel_decode_pppoe,
    [LAYER_IP_IN_IP] = tunnel_decode_ip_in_ip,
    [LAYER_GRE] = tunnel_decode_gre,
    [LAYER_VXLAN] = tunnel_decode_vxlan,
    [LAYER_VXLAN_GPE] = tunnel_decode_vxlan_gpe,
    [LAYER_GENEVE] = tunnel_decode_geneve,
    [LAYER_GTP_U] = tunnel_decode_gtp_u,
    [LAYER_CAPWAP] = tunnel_decode_capwap,
    [LAYER_TEREDO] = tunnel_decode_teredo,
    [LAYER_L2TP] = tunnel_decode_l2tp,
};

/* The frame cannot be read on. What the capture cut may still be a tunnel, so it is not taken for a
 * plain datagram either. */
static enum parse_status give_up(struct cursor *cursor, enum parse_status status) {
    if (status == PARSE_MORE || !cursor->has_plain)
        return status;
    *cursor->packet = *cursor->plain;
    return PARSE_OK;
}

static enum parse_status decode_layers(struct cursor *cursor) {
    for (unsigned step = 0; step < MAX_LAYERS; step++) {
        if (cursor->layer == LAYER_UNKNOWN)
            return give_up(cursor, PARSE_FOREIGN);
        enum parse_status status = decoders[cursor->layer](cursor);
        if (status != PARSE_OK)
            return give_up(cursor, status);
        if (cursor->layer == LAYER_DONE) {
            cursor->packet->payload = cursor->rest;
            cursor->packet->payload_size_wire = cursor->rest_wire;
            return PARSE_OK;
        }
    }
    return give_up(cursor, PARSE_MALFORMED);
}

bool link_type_is_supported(int link_type) {
    return link_layer_of_link_type(link_type) != LAYER_UNKNOWN;
}

static unsigned tunnel_limit(unsigned max_tunnels) {
    return max_tunnels < PACKET_MAX_TUNNELS ? max_tunnels : PACKET_MAX_TUNNELS;
}

static void clear_fragment(struct packet *packet) {
    packet->is_fragment = false;
    packet->more_fragments = false;
    packet->fragment_offset = 0;
}

enum {
    ETHERNET_SIZE = 14,
    IPV4_SIZE = 20,
    IPV6_SIZE = 40,
    TCP_SIZE = 20,
    UDP_SIZE = 8,
    PLAIN_SIZE = ETHERNET_SIZE + IPV4_SIZE + TCP_SIZE, /* at least */
    IPV4_WITHOUT_OPTIONS = 0x080045, /* the Ethertype, and the first byte behind it */
    IPV6_OF_ANY_CLASS = 0x086dd6,
    IPV4_DONT_FRAGMENT = 0x40,
    IPV4_FRAGMENT = 0x3fff,
};

/* Where the transport header begins in a plain frame, and where IP says that it ends. */
struct plain {
    size_t at;
    size_t end;
};

/* In two whole words, as it will be looked at: the processor waits for a word that was written in
 * pieces. */
static inline void set_plain_address(struct ip_address *address, const uint8_t *bytes) {
    uint64_t words[2] = {0};
    memcpy(words, bytes, 4);
    memcpy(address->bytes, words, sizeof words);
}

static inline bool read_plain_ipv4(struct span frame, struct packet *packet, struct plain *plain) {
    struct span header = span_of(frame.data + ETHERNET_SIZE, IPV4_SIZE);
    if (header_u16(header, 6) & IPV4_FRAGMENT)
        return false;
    *plain =
        (struct plain){ETHERNET_SIZE + IPV4_SIZE, ETHERNET_SIZE + (size_t)header_u16(header, 2)};
    packet->ip_version = 4;
    packet->protocol = header.data[9];
    packet->hop_limit = header.data[8];
    packet->dont_fragment = (header.data[6] & IPV4_DONT_FRAGMENT) != 0;
    packet->ip_id = header_u16(header, 4);
    packet->has = PACKET_HAS_IP_ID;
    set_plain_address(&packet->source, header.data + 12);
    set_plain_address(&packet->destination, header.data + 16);
    return true;
}

static inline bool read_plain_ipv6(struct span frame, struct packet *packet, struct plain *plain) {
    struct span header = span_of(frame.data + ETHERNET_SIZE, IPV6_SIZE);
    if (frame.size < ETHERNET_SIZE + IPV6_SIZE + TCP_SIZE)
        return false;
    *plain = (struct plain){ETHERNET_SIZE + IPV6_SIZE,
                            ETHERNET_SIZE + IPV6_SIZE + (size_t)header_u16(header, 4)};
    packet->ip_version = 6;
    packet->protocol = header.data[6];
    packet->hop_limit = header.data[7];
    packet->dont_fragment = false;
    packet->ip_id = 0;
    packet->has = 0;
    memcpy(packet->source.bytes, header.data + 8, sizeof packet->source.bytes);
    memcpy(packet->destination.bytes, header.data + 24, sizeof packet->destination.bytes);
    return true;
}

static inline bool read_plain_ip(struct span frame, struct packet *packet, struct plain *plain) {
    uint32_t start = header_u32(frame, ETHERNET_SIZE - 2);
    if (start >> 8U == IPV4_WITHOUT_OPTIONS)
        return read_plain_ipv4(frame, packet, plain);
    return start >> 12U == IPV6_OF_ANY_CLASS && read_plain_ipv6(frame, packet, plain);
}

static inline bool read_plain_tcp(struct span frame, size_t wire_size, const struct plain *plain,
                                  struct packet *packet) {
    size_t captured = plain->end < frame.size ? plain->end : frame.size;
    size_t header_size = (size_t)(frame.data[plain->at + 12] >> 4U) * 4;
    size_t data = plain->at + header_size;
    if (header_size < TCP_SIZE || data > captured)
        return false;
    transport_read_tcp(packet, span_of(frame.data + plain->at, header_size));
    packet->payload = span_of(frame.data + data, captured - data);
    packet->payload_size_wire = (plain->end < wire_size ? plain->end : wire_size) - data;
    return true;
}

static inline bool read_plain_udp(struct span frame, size_t wire_size, const struct plain *plain,
                                  struct packet *packet) {
    struct span header = span_of(frame.data + plain->at, UDP_SIZE);
    size_t size = header_u16(header, 4);
    size_t data = plain->at + UDP_SIZE;
    size_t end = plain->at + size;
    if (size < UDP_SIZE || end > plain->end || end > wire_size ||
        tunnel_layer_of_ports(header_u16(header, 0), header_u16(header, 2)) != LAYER_DONE)
        return false;
    transport_read_udp(packet, header);
    packet->payload = span_of(frame.data + data, (end < frame.size ? end : frame.size) - data);
    packet->payload_size_wire = size - UDP_SIZE;
    return true;
}

/* False when the frame is not plain, and then the packet's network and transport fields are to be
 * read anew. `wire_size` is frame.size or more. */
static bool decode_plain(struct span frame, size_t wire_size, struct packet *packet) {
    struct plain plain = {0};
    if (frame.size < PLAIN_SIZE || !read_plain_ip(frame, packet, &plain))
        return false;
    if (packet->protocol == IP_PROTOCOL_TCP)
        return read_plain_tcp(frame, wire_size, &plain, packet);
    return packet->protocol == IP_PROTOCOL_UDP && read_plain_udp(frame, wire_size, &plain, packet);
}

/* Not inlined: what it needs room for costs plain frames nothing then. */
__attribute__((noinline)) static enum parse_status decode_frame(int link_type, struct span frame,
                                                                size_t wire_size,
                                                                unsigned max_tunnels,
                                                                struct packet *packet) {
    struct packet plain;
    struct cursor cursor = {.packet = packet,
                            .rest = frame,
                            .rest_wire = wire_size,
                            .layer = link_layer_of_link_type(link_type),
                            .max_tunnels = tunnel_limit(max_tunnels),
                            .plain = &plain};
    packet->dont_fragment = false;
    packet->ip_id = 0;
    packet->has = 0;
    return decode_layers(&cursor);
}

enum parse_status packet_decode(int link_type, struct span frame, size_t wire_size,
                                unsigned max_tunnels, struct packet *packet) {
    wire_size = wire_size > frame.size ? wire_size : frame.size;
    /* What no layer sets on every path; the rest of the struct is left to the layers, for speed. */
    memset(packet->vlans, 0, sizeof packet->vlans);
    packet->vlan_count = 0;
    packet->tunnel_count = 0;
    clear_fragment(packet);
    if (link_type == LINK_ETHERNET && decode_plain(frame, wire_size, packet))
        return PARSE_OK;
    return decode_frame(link_type, frame, wire_size, max_tunnels, packet);
}

enum parse_status packet_decode_transport(struct packet *packet, struct span body,
                                          unsigned max_tunnels) {
    struct packet plain;
    struct cursor cursor = {.packet = packet,
                            .rest = body,
                            .rest_wire = body.size,
                            .layer = ip_layer_of_protocol(packet->ip_version, packet->protocol),
                            .max_tunnels = tunnel_limit(max_tunnels),
                            .plain = &plain};
    unsigned passed = packet->tunnel_count;
    clear_fragment(packet);
    enum parse_status status = decode_layers(&cursor);
    /* A datagram that was put together cannot be a fragment again, unless inside of a tunnel. */
    bool is_absurd = packet->is_fragment && packet->tunnel_count == passed;
    return status == PARSE_OK && is_absurd ? PARSE_MALFORMED : status;
}

enum parse_status packet_decode_ports(struct packet *packet, struct span beginning,
                                      unsigned max_tunnels) {
    struct packet plain;
    struct cursor cursor = {.packet = packet,
                            .rest = beginning,
                            .rest_wire = MAX_IP_PAYLOAD_SIZE,
                            .layer = ip_layer_of_protocol(packet->ip_version, packet->protocol),
                            .max_tunnels = tunnel_limit(max_tunnels),
                            .plain = &plain};
    clear_fragment(packet);
    enum parse_status status = decode_layers(&cursor);
    bool is_transport = cursor.layer == LAYER_TCP || cursor.layer == LAYER_UDP;
    if (status == PARSE_MORE && is_transport && cursor.rest.size >= PORTS_SIZE) {
        packet->source_port = header_u16(cursor.rest, 0);
        packet->destination_port = header_u16(cursor.rest, 2);
        return PARSE_OK;
    }
    if (status == PARSE_MORE && cursor.has_plain) {
        *packet = plain;
        return PARSE_OK;
    }
    return status == PARSE_OK && packet->is_fragment ? PARSE_MORE : status;
}
