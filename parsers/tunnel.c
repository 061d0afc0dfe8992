/*
 * tunnel.c - what all tunnels have in common, and those that need hardly more: IP in IP and PPPoE.
 *
 * Sources: RFC 2003 (IPv4 in IPv4), RFC 2473 (IPv4 and IPv6 in IPv6), RFC 4213 (IPv6 in IPv4, which
 * 6to4, 6rd and ISATAP use too), RFC 2516 (PPPoE).
 */
#include "layer.h"

enum { PROTOCOL_IPV4 = 4 };

enum { PPPOE_HEADER_SIZE = 6, PPPOE_VERSION_AND_TYPE = 0x11, PPPOE_SESSION_DATA = 0 };

const char *tunnel_type_name(enum tunnel_type type) {
    static const char *const names[TUNNEL_TYPE_COUNT] = {
        "ipip", "gre", "erspan", "vxlan", "geneve", "gtp-u", "capwap", "teredo", "pppoe", "l2tp"};
    return names[type];
}

enum parse_status tunnel_enter(struct cursor *cursor, enum tunnel_type type, uint32_t id,
                               enum layer inside) {
    struct packet *packet = cursor->packet;
    if (packet->tunnel_count >= cursor->max_tunnels)
        return PARSE_FOREIGN;
    struct packet_tunnel *tunnel = &packet->tunnels[packet->tunnel_count++];
    memset(tunnel, 0, sizeof *tunnel);
    tunnel->type = (uint8_t)type;
    tunnel->id = id;
    if (type != TUNNEL_PPPOE) {
        tunnel->ip_version = packet->ip_version;
        tunnel->source = packet->source;
        tunnel->destination = packet->destination;
    }
    if (type != TUNNEL_PPPOE && packet->protocol == IP_PROTOCOL_UDP) {
        tunnel->source_port = packet->source_port;
        tunnel->destination_port = packet->destination_port;
    }
    packet->dont_fragment = false;
    packet->ip_id = 0;
    packet->has = 0;
    cursor->layer = inside;
    return PARSE_OK;
}

enum parse_status tunnel_decode_ip_in_ip(struct cursor *cursor) {
    bool is_ipv4 = cursor->packet->protocol == PROTOCOL_IPV4;
    return tunnel_enter(cursor, TUNNEL_IPIP, 0, is_ipv4 ? LAYER_IPV4 : LAYER_IPV6);
}

/* Of a session only: discovery (another Ethertype) carries no packets. */
enum parse_status tunnel_decode_pppoe(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, PPPOE_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    if (header.data[0] != PPPOE_VERSION_AND_TYPE || header.data[1] != PPPOE_SESSION_DATA)
        return PARSE_FOREIGN;
    cursor_limit(cursor, header_u16(header, 4));
    return tunnel_enter(cursor, TUNNEL_PPPOE, header_u16(header, 2), LAYER_PPP);
}
