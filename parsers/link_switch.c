/*
 * link_switch.c - what switches put between an Ethernet header and what it carries, beside VLAN
 * tags (link.c) and labels (link_mpls.c).
 *
 * Tags for virtual interfaces and bridge ports (VN-Tag, E-Tag), the service instance tag of
 * provider backbone bridges, behind which a customer's whole frame stands, and the header of
 * service chains. None of them is a tunnel here, for they have no ends of their own.
 *
 * Sources: IEEE 802.1BR section 11 (E-Tag) and Cisco's VN-Tag before it, IEEE 802.1Q section 9.7
 * (I-Tag), RFC 8300 section 2 (NSH).
 */
#include "layer.h"

enum {
    VN_TAG_SIZE = 4,
    E_TAG_SIZE = 6,
    I_TAG_SIZE = 4,
    TYPE_SIZE = 2,
    NSH_BASE_SIZE = 8, /* and the service path */
    NSH_UNIT = 4,
    NSH_LENGTH_MASK = 0x3f,
    NSH_REFUSED = 0xe0, /* versions above 0, and what is no packet but maintenance */
};

enum {
    NSH_IPV4 = 1,
    NSH_IPV6 = 2,
    NSH_ETHERNET = 3,
    NSH_MPLS = 5,
};

/* A tag, and the type of what follows it. */
static enum parse_status take_tag(struct cursor *cursor, size_t size) {
    struct span tag;
    enum parse_status status = cursor_take(cursor, size + TYPE_SIZE, &tag);
    if (status == PARSE_OK)
        cursor->layer = link_layer_of_type_or_length(header_u16(tag, size));
    return status;
}

enum parse_status switch_decode_vn_tag(struct cursor *cursor) {
    return take_tag(cursor, VN_TAG_SIZE);
}

enum parse_status switch_decode_e_tag(struct cursor *cursor) {
    return take_tag(cursor, E_TAG_SIZE);
}

enum parse_status switch_decode_i_tag(struct cursor *cursor) {
    struct span tag;
    cursor->layer = LAYER_ETHERNET;
    return cursor_take(cursor, I_TAG_SIZE, &tag);
}

enum layer switch_layer_of_next(uint8_t next) {
    switch (next) {
    case NSH_IPV4:
        return LAYER_IPV4;
    case NSH_IPV6:
        return LAYER_IPV6;
    case NSH_ETHERNET:
        return LAYER_ETHERNET;
    case NSH_MPLS:
        return LAYER_MPLS;
    default:
        return LAYER_UNKNOWN;
    }
}

enum parse_status switch_decode_nsh(struct cursor *cursor) {
    struct span header;
    struct span metadata;
    enum parse_status status = cursor_take(cursor, NSH_BASE_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = (size_t)(header.data[1] & NSH_LENGTH_MASK) * NSH_UNIT;
    if ((header.data[0] & NSH_REFUSED) != 0)
        return PARSE_FOREIGN;
    if (size < NSH_BASE_SIZE)
        return PARSE_MALFORMED;
    cursor->layer = switch_layer_of_next(header.data[3]);
    return cursor_take(cursor, size - NSH_BASE_SIZE, &metadata);
}
