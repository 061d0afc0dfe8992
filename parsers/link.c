/*
 * link.c - link layers: what stands before IP in a capture.
 *
 * Sources: https://www.tcpdump.org/linktypes.html and the pages it links to (SLL, SLL2), IEEE
 * 802.1Q and 802.1ad, RFC 1042 (IP over LLC and SNAP, which 802.11 always uses), RFC 1661 and RFC
 * 1662 (PPP). The length of an 802.3 frame is not asked for: IP has its own.
 */
#include "layer.h"

enum {
    ETHERNET_HEADER_SIZE = 14,
    ETHERNET_MAX_LENGTH = 1500, /* above, the field is a type */
    LLC_HEADER_SIZE = 3,
    SNAP_HEADER_SIZE = 5,
    FDDI_HEADER_SIZE = 13,
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
    ETHERTYPE_BRIDGED_ETHERNET = 0x6558, /* in GRE and GENEVE */
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_PPP = 0x880b, /* in GRE */
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_MULTICAST = 0x8848,
    ETHERTYPE_PPPOE_SESSION = 0x8864,
    ETHERTYPE_PROVIDER_VLAN = 0x88a8,
    ETHERTYPE_I_TAG = 0x88e7,
    ETHERTYPE_CISCO_METADATA = 0x8909,
    ETHERTYPE_VN_TAG = 0x8926,
    ETHERTYPE_E_TAG = 0x893f,
    ETHERTYPE_NSH = 0x894f,
    ETHERTYPE_OLD_PROVIDER_VLAN = 0x9100,
    ETHERTYPE_OLDER_PROVIDER_VLAN = 0x9200,
};

enum {
    LLC_SNAP = 0xaaaa03, /* both service access points, and an unnumbered frame */
    SNAP_ETHERTYPE = 0x000000,
    SNAP_BRIDGED_ETHERTYPE = 0x0000f8, /* IEEE 802.1H */
    FDDI_LLC_MASK = 0xf8,
    FDDI_LLC = 0x50, /* an asynchronous frame of any priority */
};

enum {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_MPLS_MULTICAST = 0x0283,
    PPP_ALL_STATIONS = 0xff, /* RFC 1662 section 3.1: the address field, then control 0x03 */
    CISCO_UNICAST = 0x0f,
    CISCO_MULTICAST = 0x8f,
};

/* ARPHRD numbers for which the SLL protocol field is no Ethertype. (Of a GRE device it is what GRE
 * says, which is one.) */
enum { ARPHRD_FRAD = 770, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };

enum { COOKED_LLC = 4 }; /* in the SLL protocol field */

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
    case LINK_PPP_ETHER:
        return LAYER_PPPOE;
    case LINK_PPP_PPPD:
        return LAYER_PPP_PPPD;
    case LINK_PPP_WITH_DIRECTION:
        return LAYER_PPP_DIRECTION;
    case LINK_CISCO_HDLC:
        return LAYER_CISCO_HDLC;
    case LINK_MPLS:
        return LAYER_MPLS;
    case LINK_FDDI:
        return LAYER_FDDI;
    case LINK_IEEE80211:
        return LAYER_IEEE80211;
    case LINK_RADIOTAP:
        return LAYER_RADIOTAP;
    case LINK_PRISM:
    case LINK_AVS:
        return LAYER_PRISM;
    case LINK_PPI:
        return LAYER_PPI;
    case LINK_NFLOG:
        return LAYER_NFLOG;
    case LINK_PKTAP:
        return LAYER_PKTAP;
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
    case ETHERTYPE_OLDER_PROVIDER_VLAN:
        return LAYER_VLAN;
    case ETHERTYPE_CISCO_METADATA:
        return LAYER_CISCO_METADATA;
    case ETHERTYPE_VN_TAG:
        return LAYER_VN_TAG;
    case ETHERTYPE_E_TAG:
        return LAYER_E_TAG;
    case ETHERTYPE_I_TAG:
        return LAYER_I_TAG;
    case ETHERTYPE_NSH:
        return LAYER_NSH;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        return LAYER_MPLS;
    case ETHERTYPE_PPPOE_SESSION:
        return LAYER_PPPOE;
    case ETHERTYPE_PPP:
        return LAYER_PPP;
    case ETHERTYPE_BRIDGED_ETHERNET:
        return LAYER_ETHERNET;
    default:
        return LAYER_UNKNOWN;
    }
}

enum layer link_layer_of_type_or_length(uint16_t field) {
    enum layer layer = link_layer_of_ethertype(field);
    return layer == LAYER_UNKNOWN && field <= ETHERNET_MAX_LENGTH ? LAYER_LLC : layer;
}

enum parse_status link_decode_ethernet(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, ETHERNET_HEADER_SIZE, &header);
    if (status == PARSE_OK)
        cursor->layer = link_layer_of_type_or_length(header_u16(header, 12));
    return status;
}

enum parse_status link_decode_llc(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, LLC_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    if (((uint32_t)header_u16(header, 0) << 8U | header.data[2]) != LLC_SNAP)
        return PARSE_FOREIGN;
    status = cursor_take(cursor, SNAP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    uint32_t organization = header_u32(header, 0) >> 8U;
    if (organization != SNAP_ETHERTYPE && organization != SNAP_BRIDGED_ETHERTYPE)
        return PARSE_FOREIGN;
    cursor->layer = link_layer_of_ethertype(header_u16(header, 3));
    return PARSE_OK;
}

enum parse_status link_decode_fddi(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, FDDI_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    bool is_llc = (header.data[0] & FDDI_LLC_MASK) == FDDI_LLC;
    cursor->layer = is_llc ? LAYER_LLC : LAYER_UNKNOWN;
    return PARSE_OK;
}

enum parse_status link_decode_vlan(struct cursor *cursor) {
    struct packet *packet = cursor->packet;
    struct span tag;
    enum parse_status status = cursor_take(cursor, VLAN_TAG_SIZE, &tag);
    if (status != PARSE_OK)
        return status;
    cursor->layer = link_layer_of_type_or_length(header_u16(tag, 2));
    if (packet->tunnel_count > 0)
        return PARSE_OK;
    if (packet->vlan_count == MAX_VLAN_TAGS)
        return PARSE_MALFORMED;
    if (packet->vlan_count < PACKET_MAX_VLANS)
        packet->vlans[packet->vlan_count] = header_u16(tag, 0) & 0x0fffU;
    packet->vlan_count++;
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
    case ARPHRD_NETLINK:
        return LAYER_UNKNOWN;
    case ARPHRD_RADIOTAP:
        return LAYER_RADIOTAP;
    default:
        return protocol == COOKED_LLC ? LAYER_LLC : link_layer_of_ethertype(protocol);
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

static enum layer layer_of_ppp(unsigned protocol) {
    switch (protocol) {
    case PPP_IPV4:
        return LAYER_IPV4;
    case PPP_IPV6:
        return LAYER_IPV6;
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
        return LAYER_MPLS;
    default:
        return LAYER_UNKNOWN;
    }
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
    cursor->layer = layer_of_ppp(protocol);
    return PARSE_OK;
}

enum parse_status link_decode_ppp_direction(struct cursor *cursor) {
    struct span direction;
    cursor->layer = LAYER_PPP;
    return cursor_take(cursor, 1, &direction);
}

/* The direction stands where the address was, before the control byte. */
enum parse_status link_decode_ppp_pppd(struct cursor *cursor) {
    struct span direction;
    cursor->layer = LAYER_PPP;
    return cursor_take(cursor, 2, &direction);
}
