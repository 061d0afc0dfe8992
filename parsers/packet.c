/*
 * packet.c - runs a frame's layers, one after the other, until the packet is complete.
 *
 * The loop knows no protocol: each row of the table eats one header and names the next (layer.h).
 * The number of steps is bounded, so no nesting of tags or extension headers takes long.
 */
#include "packet.h"

#include "layer.h"

/* Link, eight VLAN tags, IP, six extension headers and transport fit twice over. */
enum { MAX_LAYERS = 32 };

typedef enum parse_status layer_decode(struct cursor *cursor);

static layer_decode *const decoders[LAYER_COUNT] = {
    [LAYER_ETHERNET] = link_decode_ethernet,
    [LAYER_VLAN] = link_decode_vlan,
    [LAYER_CISCO_METADATA] = link_decode_cisco_metadata,
    [LAYER_LINUX_SLL] = link_decode_linux_sll,
    [LAYER_LINUX_SLL2] = link_decode_linux_sll2,
    [LAYER_NULL] = link_decode_null,
    [LAYER_LOOP] = link_decode_loop,
    [LAYER_PPP] = link_decode_ppp,
    [LAYER_CISCO_HDLC] = link_decode_cisco_hdlc,
    [LAYER_RAW_IP] = ip_decode_raw,
    [LAYER_IPV4] = ip_decode_v4,
    [LAYER_IPV6] = ip_decode_v6,
    [LAYER_IPV6_OPTIONS] = ip_decode_v6_options,
    [LAYER_IPV6_FRAGMENT] = ip_decode_v6_fragment,
    [LAYER_AUTHENTICATION] = ip_decode_authentication,
    [LAYER_TCP] = transport_decode_tcp,
    [LAYER_UDP] = transport_decode_udp,
};

static enum parse_status decode_layers(struct cursor *cursor) {
    for (unsigned step = 0; step < MAX_LAYERS; step++) {
        if (cursor->layer == LAYER_UNKNOWN)
            return PARSE_FOREIGN;
        enum parse_status status = decoders[cursor->layer](cursor);
        if (status != PARSE_OK)
            return status;
        if (cursor->layer == LAYER_DONE) {
            cursor->packet->payload = cursor->rest;
            cursor->packet->payload_size_wire = cursor->rest_wire;
            return PARSE_OK;
        }
    }
    return PARSE_MALFORMED;
}

bool link_type_is_supported(int link_type) {
    return link_layer_of_link_type(link_type) != LAYER_UNKNOWN;
}

static void clear_fragment(struct packet *packet) {
    packet->is_fragment = false;
    packet->more_fragments = false;
    packet->fragment_offset = 0;
}

enum parse_status packet_decode(int link_type, struct span frame, size_t wire_size,
                                struct packet *packet) {
    struct cursor cursor = {packet, frame, wire_size > frame.size ? wire_size : frame.size,
                            link_layer_of_link_type(link_type)};
    /* What no layer sets on every path; the rest of the struct is left to the layers, for speed. */
    memset(packet->vlans, 0, sizeof packet->vlans);
    packet->vlan_count = 0;
    packet->tunnel_count = 0;
    packet->dont_fragment = false;
    packet->ip_id = 0;
    packet->has = 0;
    clear_fragment(packet);
    return decode_layers(&cursor);
}

enum parse_status packet_decode_transport(struct packet *packet, struct span body) {
    struct cursor cursor = {packet, body, body.size,
                            ip_layer_of_protocol(packet->ip_version, packet->protocol)};
    clear_fragment(packet);
    enum parse_status status = decode_layers(&cursor);
    /* A datagram that was put together cannot be a fragment again. */
    return status == PARSE_OK && packet->is_fragment ? PARSE_MALFORMED : status;
}
