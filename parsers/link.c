/*
 * link.c - link layers: what stands before IP in a capture.
 *
 * Sources: https://www.tcpdump.org/linktypes.html and the pages it links to (SLL, SLL2), IEEE
 * 802.1Q and 802.1ad, RFC 1661 and RFC 1662 (PPP). 802.3 frames with a length instead of a type
 * (LLC, SNAP) carry no TLS that anybody has seen and are foreign.
 */
#include "layer.h"

enum {
    ETHERNET_HEADER_SIZE = 14,
    VLAN_TAG_SIZE = 4,
    LINUX_SLL_HEADER_SIZE = 16,
    LINUX_SLL2_HEADER_SIZE = 20,
    FAMILY_HEADER_SIZE = 4, /* of LINK_NULL and LINK_LOOP */
    CISCO_HDLC_HEADER_SIZE = 4,
    CISCO_METADATA_VERSION = 1,
    MAX_VLAN_TAGS = 8, /* two are usual, four exist */
};

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_PROVIDER_VLAN = 0x88a8,
    ETHERTYPE_CISCO_METADATA = 0x8909,
    ETHERTYPE_OLD_PROVIDER_VLAN = 0x9100,
};

enum {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_ALL_STATIONS = 0xff, /* RFC 1662 section 3.1: the address field, then control 0x03 */
    CISCO_UNICAST = 0x0f,
    CISCO_MULTICAST = 0x8f,
};

/* ARPHRD numbers for which the SLL protocol field is no Ethertype. */
enum { ARPHRD_FRAD = 770, ARPHRD_GRE = 778, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };

enum layer link_layer_of_link_type(int link_type) {
    switch (link_type) {
    case LINK_ETHERNET:
        return LAYER_ETHERNET;
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_RAW:
        return LAYER_RAW_IP;
    case LINK_IPV4:
        return LAYER_IPV4;
    case LINK_IPV6:
        return LAYER_IPV6;
    case LINK_LINUX_SLL:
        return LAYER_LINUX_SLL;
    case LINK_LINUX_SLL2:
        return LAYER_LINUX_SLL2;
    case LINK_NULL:
        return LAYER_NULL;
    case LINK_LOOP:
        return LAYER_LOOP;
    case LINK_PPP:
    case LINK_PPP_HDLC:
        return LAYER_PPP;
    case LINK_CISCO_HDLC:
        return LAYER_CISCO_HDLC;
    default:
        return LAYER_UNKNOWN;
    }
}

enum layer link_layer_of_ethertype(uint16_t ethertype) {
    switch (ethertype) {
    case ETHERTYPE_IPV4:
        return LAYER_IPV4;
    case ETHERTYPE_IPV6:
        return LAYER_IPV6;
    case ETHERTYPE_VLAN:
    case ETHERTYPE_PROVIDER_VLAN:
    case ETHERTYPE_OLD_PROVIDER_VLAN:
        return LAYER_VLAN;
    case ETHERTYPE_CISCO_METADATA:
        return LAYER_CISCO_METADATA;
    default:
        return LAYER_UNKNOWN;
    }
}

enum parse_status link_decode_ethernet(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, ETHERNET_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = link_layer_of_ethertype(header_u16(header, 12));
    return status;
}

enum parse_status link_decode_vlan(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span tag;
    enum parse_status status = cursor_take(cursor, VLAN_TAG_SIZE, &tag);
    if (status != PARSE_OK)
        return status;
    if (packet->vlan_count == MAX_VLAN_TAGS)
        return PARSE_MALFORMED;
    if (packet->vlan_count < PACKET_MAX_VLANS)
        packet->vlans[packet->vlan_count] = header_u16(tag, 0) & 0x0fffU;
    packet->vlan_count++;
    cursor->layer = link_layer_of_ethertype(header_u16(tag, 2));
    return PARSE_OK;
}

/* Version, how many options, the options of four bytes each (a security group tag, as a rule), and
 * the Ethertype of what follows. */
enum parse_status link_decode_cisco_metadata(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, 2, &header);
    if (status != PARSE_OK)
        return status;
    if (header.data[0] != CISCO_METADATA_VERSION)
        return PARSE_FOREIGN;
    size_t options_size = (size_t)header.data[1] * 4;
    status = cursor_take(cursor, options_size + 2, &header);
    if (status == PARSE_OK)
        cursor->layer = link_layer_of_ethertype(header_u16(header, options_size));
    return status;
}

static enum layer layer_of_cooked(uint16_t hardware_type, uint16_t protocol) {
    switch (hardware_type) {
    case ARPHRD_FRAD:
    case ARPHRD_GRE:
    case ARPHRD_RADIOTAP:
    case ARPHRD_NETLINK:
        return LAYER_UNKNOWN;
    default:
        return link_layer_of_ethertype(protocol);
    }
}

enum parse_status link_decode_linux_sll(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, LINUX_SLL_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = layer_of_cooked(header_u16(header, 2), header_u16(header, 14));
    return status;
}

enum parse_status link_decode_linux_sll2(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, LINUX_SLL2_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = layer_of_cooked(header_u16(header, 8), header_u16(header, 0));
    return status;
}

/* AF_INET is 2 everywhere; AF_INET6 is what the system of the capture made of it. */
static enum layer layer_of_family(uint32_t family) {
    switch (family) {
    case 2:
        return LAYER_IPV4;
    case 10: /* Linux */
    case 23: /* Windows */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */
        return LAYER_IPV6;
    default:
        return LAYER_UNKNOWN;
    }
}

enum parse_status link_decode_loop(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, FAMILY_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = layer_of_family(header_u32(header, 0));
    return status;
}

/* The family is in the byte order of the machine that captured. Families are small numbers, so
 * only one of the two readings can be one. */
enum parse_status link_decode_null(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, FAMILY_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    const uint8_t *bytes = header.data;
    uint32_t little = ((uint32_t)bytes[3] << 24U) | ((uint32_t)bytes[2] << 16U) |
                      ((uint32_t)bytes[1] << 8U) | bytes[0];
    uint32_t big = header_u32(header, 0);
    cursor->layer = layer_of_family(little < big ? little : big);
    return PARSE_OK;
}

enum parse_status link_decode_cisco_hdlc(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, CISCO_HDLC_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = link_layer_of_ethertype(header_u16(header, 2));
    return status;
}

/* Serial lines mix PPP, with or without its HDLC-like framing, and Cisco's HDLC: the first byte
 * tells. The protocol field is one byte where that was negotiated (RFC 1661 section 6.5). */
enum parse_status link_decode_ppp(struct cursor *cursor) {
    struct span field;
    if (cursor->rest.size > 0) {
        uint8_t first = cursor->rest.data[0];
        if (first == CISCO_UNICAST || first == CISCO_MULTICAST)
            return link_decode_cisco_hdlc(cursor);
        if (first == PPP_ALL_STATIONS) {
            enum parse_status status = cursor_take(cursor, 2, &field);
            if (status != PARSE_OK)
                return status;
        }
    }
    enum parse_status status = cursor_take(cursor, 1, &field);
    if (status != PARSE_OK)
        return status;
    unsigned protocol = field.data[0];
    if ((protocol & 1U) == 0) {
        status = cursor_take(cursor, 1, &field);
        if (status != PARSE_OK)
            return status;
        protocol = (protocol << 8U) | field.data[0];
    }
    cursor->layer = protocol == PPP_IPV4   ? LAYER_IPV4
                    : protocol == PPP_IPV6 ? LAYER_IPV6
                                           : LAYER_UNKNOWN;
    return PARSE_OK;
}
