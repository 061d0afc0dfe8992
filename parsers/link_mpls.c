/*
 * link_mpls.c - label stacks, and a guess at what is below.
 *
 * No label says what it carries. The rule of RFC 4928 section 3 is the first nibble: 4 and 6 are
 * IP, 0 is the control word of a pseudowire (RFC 4385), 1 its maintenance. A pseudowire without
 * control word breaks that rule: its first nibble is the destination address's. So an Ethernet
 * header is believed in where a type that we read stands in its place and IP's length, if it looked
 * like IP, cannot be.
 *
 * Sources: RFC 3032 (stack), RFC 4448 (Ethernet pseudowires). Other pseudowires are not read.
 */
#include "layer.h"

enum {
    MPLS_ENTRY_SIZE = 4,
    MPLS_BOTTOM_OF_STACK = 0x100,
    MPLS_MAX_LABELS = 16, /* four are usual */
    CONTROL_WORD_SIZE = 4,
    ETHERNET_HEADER_SIZE = 14,
    ETHERTYPE_OFFSET = 12,
    IPV4_HEADER_SIZE = 20,
    IPV6_HEADER_SIZE = 40,
};

static bool is_ethernet_at(struct span start, size_t offset) {
    uint16_t ethertype = header_u16(start, offset + ETHERTYPE_OFFSET);
    return link_layer_of_ethertype(ethertype) != LAYER_UNKNOWN;
}

static bool is_length_possible(const struct cursor *cursor, struct span start, unsigned version) {
    if (version == 6)
        return IPV6_HEADER_SIZE + (size_t)header_u16(start, 4) <= cursor->rest_wire;
    size_t size = header_u16(start, 2);
    return size >= IPV4_HEADER_SIZE && size <= cursor->rest_wire;
}

static enum parse_status follow_stack(struct cursor *cursor) {
    struct span start;
    enum parse_status status =
        cursor_peek(cursor, CONTROL_WORD_SIZE + ETHERNET_HEADER_SIZE, &start);
    if (status != PARSE_OK)
        return status;
    unsigned nibble = (unsigned)start.data[0] >> 4U;
    bool is_bare = is_ethernet_at(start, 0);
    if ((nibble == 4 || nibble == 6) && (is_length_possible(cursor, start, nibble) || !is_bare)) {
        cursor->layer = LAYER_RAW_IP;
        return PARSE_OK;
    }
    /* All of an Ethernet pseudowire's control word but the sequence number is zero; addresses that
     * begin like that were hardly ever given out. */
    bool has_control_word = nibble == 0 && is_ethernet_at(start, CONTROL_WORD_SIZE) &&
                            (header_u16(start, 0) == 0 || !is_bare);
    cursor->layer = has_control_word || is_bare ? LAYER_ETHERNET : LAYER_UNKNOWN;
    return has_control_word ? cursor_take(cursor, CONTROL_WORD_SIZE, &start) : PARSE_OK;
}

enum parse_status link_decode_mpls(struct cursor *cursor) {
    for (unsigned count = 0; count < MPLS_MAX_LABELS; count++) {
        struct span entry;
        enum parse_status status = cursor_take(cursor, MPLS_ENTRY_SIZE, &entry);
        if (status != PARSE_OK)
            return status;
        if (header_u32(entry, 0) & MPLS_BOTTOM_OF_STACK)
            return follow_stack(cursor);
    }
    return PARSE_MALFORMED;
}
