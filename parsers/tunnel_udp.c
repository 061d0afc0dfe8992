/*
 * tunnel_udp.c - tunnels over UDP.
 *
 * A port is a hint and no more: anybody may send anything to it. So each header is read strictly
 * (reserved bits are zero, lengths fit), the inside must lead to TCP or UDP over IP, and whatever
 * fails is a plain datagram again (layer.h). The far end of a tunnel may answer from the port
 * instead of to it, so both ports are looked at.
 *
 * Sources: RFC 7348 (VXLAN), draft-smith-vxlan-group-policy-05 (its group bit),
 * draft-ietf-nvo3-vxlan-gpe-12 (VXLAN-GPE), RFC 8926 (GENEVE), 3GPP TS 29.281 (GTP-U), RFC 5415
 * section 4.3 and RFC 5416 (CAPWAP), RFC 4380 section 5.1.1 (Teredo), RFC 2661 section 3.1 (L2TP).
 *
 * Left out: CAPWAP in DTLS or in fragments of its own, all that controls a tunnel, L2TP version 3
 * (its cookie's length is agreed on elsewhere).
 */
#include "layer.h"

enum {
    PORT_L2TP = 1701,
    PORT_GTP_U = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_VXLAN_GPE = 4790,
    PORT_CAPWAP = 5247,
    PORT_GENEVE = 6081,
    PORT_VXLAN_LINUX = 8472, /* from before the number was assigned */
};

static enum layer layer_of_port(uint16_t port) {
    switch (port) {
    case PORT_L2TP:
        return LAYER_L2TP;
    case PORT_GTP_U:
        return LAYER_GTP_U;
    case PORT_TEREDO:
        return LAYER_TEREDO;
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return LAYER_VXLAN;
    case PORT_VXLAN_GPE:
        return LAYER_VXLAN_GPE;
    case PORT_CAPWAP:
        return LAYER_CAPWAP;
    case PORT_GENEVE:
        return LAYER_GENEVE;
    default:
        return LAYER_DONE;
    }
}

enum layer tunnel_layer_of_ports(uint16_t source, uint16_t destination) {
    enum layer layer = layer_of_port(destination);
    return layer != LAYER_DONE ? layer : layer_of_port(source);
}

/* VXLAN */

enum {
    VXLAN_HEADER_SIZE = 8,
    VXLAN_HAS_VNI = 0x08,
    VXLAN_HAS_GROUP = 0x80, /* then bits of the second byte and a group id are set as well */
    VXLAN_GPE_HAS_NEXT = 0x04,
    VXLAN_GPE_NSH = 4,           /* the others are NSH's own numbers */
    VXLAN_GPE_FIXED_MASK = 0x39, /* version, VNI, "this is maintenance" */
};

enum parse_status tunnel_decode_vxlan(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, VXLAN_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    bool has_group = (header.data[0] & VXLAN_HAS_GROUP) != 0;
    bool is_reserved_clear = has_group || (header_u32(header, 0) & 0x00ffffffU) == 0;
    if ((header.data[0] | VXLAN_HAS_GROUP) != (VXLAN_HAS_GROUP | VXLAN_HAS_VNI) ||
        !is_reserved_clear || header.data[7] != 0)
        return PARSE_FOREIGN;
    return tunnel_enter(cursor, TUNNEL_VXLAN, header_u32(header, 4) >> 8U, LAYER_ETHERNET);
}

static enum layer layer_of_vxlan_next(uint8_t next) {
    return next == VXLAN_GPE_NSH ? LAYER_NSH : switch_layer_of_next(next);
}

enum parse_status tunnel_decode_vxlan_gpe(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, VXLAN_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    if ((header.data[0] & VXLAN_GPE_FIXED_MASK) != VXLAN_HAS_VNI || header_u16(header, 1) != 0 ||
        header.data[7] != 0)
        return PARSE_FOREIGN;
    bool has_next = (header.data[0] & VXLAN_GPE_HAS_NEXT) != 0;
    return tunnel_enter(cursor, TUNNEL_VXLAN, header_u32(header, 4) >> 8U,
                        has_next ? layer_of_vxlan_next(header.data[3]) : LAYER_ETHERNET);
}

/* GENEVE */

enum {
    GENEVE_HEADER_SIZE = 8,
    GENEVE_OPTION_HEADER_SIZE = 4,
    GENEVE_OPTIONS_MASK = 0x3f, /* the bits above are the version: 0 */
    GENEVE_HAS_CRITICAL = 0x40,
};

static bool geneve_options_fit(struct span options) {
    struct reader reader = reader_of(options);
    while (reader_ok(&reader) && reader_left(&reader) > 0) {
        reader_skip(&reader, GENEVE_OPTION_HEADER_SIZE - 1);
        reader_skip(&reader, (reader_u8(&reader) & 0x1fU) * 4U);
    }
    return reader_ok(&reader);
}

enum parse_status tunnel_decode_geneve(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, GENEVE_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    unsigned options_size = (header.data[0] & GENEVE_OPTIONS_MASK) * 4U;
    if (header.data[0] > GENEVE_OPTIONS_MASK ||
        (header.data[1] | GENEVE_HAS_CRITICAL) != GENEVE_HAS_CRITICAL || header.data[7] != 0)
        return PARSE_FOREIGN;
    struct span options;
    status = cursor_take(cursor, options_size, &options);
    if (status != PARSE_OK)
        return status;
    if (!geneve_options_fit(options))
        return PARSE_MALFORMED;
    return tunnel_enter(cursor, TUNNEL_GENEVE, header_u32(header, 4) >> 8U,
                        link_layer_of_ethertype(header_u16(header, 2)));
}

/* GTP-U */

enum {
    GTP_HEADER_SIZE = 8,
    GTP_OPTIONS_SIZE = 4,
    GTP_VERSION_1 = 0x30, /* and protocol type GTP, spare bit 0 */
    GTP_HAS_EXTENSION = 0x04,
    GTP_HAS_OPTIONS = 0x07, /* any of extension, sequence number, N-PDU number */
    GTP_G_PDU = 0xff,
    GTP_EXTENSION_UNIT = 4,
    GTP_MAX_EXTENSIONS = 8, /* one is usual */
};

/* Each names the next in its last byte. */
static enum parse_status skip_gtp_extensions(struct cursor *cursor, uint8_t next) {
    for (unsigned count = 0; next != 0; count++) {
        struct span extension;
        enum parse_status status = cursor_peek(cursor, 1, &extension);
        if (status != PARSE_OK)
            return status;
        size_t size = (size_t)extension.data[0] * GTP_EXTENSION_UNIT;
        if (size == 0 || count == GTP_MAX_EXTENSIONS)
            return PARSE_MALFORMED;
        status = cursor_take(cursor, size, &extension);
        if (status != PARSE_OK)
            return status;
        next = extension.data[size - 1];
    }
    return PARSE_OK;
}

enum parse_status tunnel_decode_gtp_u(struct cursor *cursor) {
    struct span header;
    struct span options;
    enum parse_status status = cursor_take(cursor, GTP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = header_u16(header, 2);
    if ((header.data[0] & ~(unsigned)GTP_HAS_OPTIONS) != GTP_VERSION_1 ||
        header.data[1] != GTP_G_PDU || size > cursor->rest_wire)
        return PARSE_FOREIGN;
    cursor_limit(cursor, size);
    if (header.data[0] & GTP_HAS_OPTIONS) {
        status = cursor_take(cursor, GTP_OPTIONS_SIZE, &options);
        if (status == PARSE_OK && (header.data[0] & GTP_HAS_EXTENSION))
            status = skip_gtp_extensions(cursor, options.data[3]);
        if (status != PARSE_OK)
            return status;
    }
    return tunnel_enter(cursor, TUNNEL_GTP_U, header_u32(header, 4), LAYER_RAW_IP);
}

/* CAPWAP */

enum {
    CAPWAP_HEADER_SIZE = 8,
    CAPWAP_LENGTH_SHIFT = 19, /* of the whole header, in words */
    CAPWAP_LENGTH_MASK = 0x1f,
    CAPWAP_BINDING_SHIFT = 9,
    CAPWAP_BINDING_MASK = 0x1f,
    CAPWAP_IEEE80211 = 1,     /* the one binding that there is */
    CAPWAP_NATIVE = 0x000100, /* the frame is the binding's, not 802.3 */
    CAPWAP_REFUSED = 0x8f,    /* fragment, keep-alive, reserved flags */
    CAPWAP_CLEAR = 0,         /* preamble: version 0, no DTLS */
};

/* Radio address and wireless information, where flags promise them, are within the header's length
 * and of no interest. */
enum parse_status tunnel_decode_capwap(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, CAPWAP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    uint32_t bits = header_u32(header, 0);
    size_t size = (size_t)(bits >> CAPWAP_LENGTH_SHIFT & CAPWAP_LENGTH_MASK) * 4;
    bool is_native = (bits & CAPWAP_NATIVE) != 0;
    bool is_ieee80211 = (bits >> CAPWAP_BINDING_SHIFT & CAPWAP_BINDING_MASK) == CAPWAP_IEEE80211;
    if (header.data[0] != CAPWAP_CLEAR || (bits & CAPWAP_REFUSED) != 0 ||
        size < CAPWAP_HEADER_SIZE || header_u16(header, 6) != 0 || (is_native && !is_ieee80211))
        return PARSE_FOREIGN;
    struct span options;
    status = cursor_take(cursor, size - CAPWAP_HEADER_SIZE, &options);
    if (status != PARSE_OK)
        return status;
    return tunnel_enter(cursor, TUNNEL_CAPWAP, 0,
                        is_native ? LAYER_IEEE80211_SWAPPED : LAYER_ETHERNET);
}

/* Teredo */

enum {
    TEREDO_AUTHENTICATION = 1,
    TEREDO_ORIGIN = 0,
    TEREDO_INDICATOR_SIZE = 2,
    TEREDO_AUTHENTICATION_SIZE =
        4,                 /* indicator, lengths of client id and of what it is proved by */
    TEREDO_NONCE_SIZE = 9, /* and the byte that confirms */
    TEREDO_ORIGIN_SIZE = 8,
    TEREDO_ADDRESSES = 8, /* of the IPv6 header: source, destination */
    TEREDO_ADDRESSES_END = 40,
};

/* Either end of a packet in a Teredo tunnel has an address of its own service, 2001::/32. */
static bool is_teredo_address(struct span header, size_t offset) {
    return header_u32(header, offset) == 0x20010000U;
}

static enum parse_status skip_teredo_indications(struct cursor *cursor) {
    struct span start;
    struct span skipped;
    enum parse_status status = cursor_peek(cursor, TEREDO_AUTHENTICATION_SIZE, &start);
    if (status == PARSE_OK && header_u16(start, 0) == TEREDO_AUTHENTICATION) {
        size_t size = (size_t)TEREDO_AUTHENTICATION_SIZE + start.data[2] + start.data[3];
        status = cursor_take(cursor, size + TEREDO_NONCE_SIZE, &skipped);
        if (status == PARSE_OK)
            status = cursor_peek(cursor, TEREDO_INDICATOR_SIZE, &start);
    }
    if (status == PARSE_OK && header_u16(start, 0) == TEREDO_ORIGIN)
        status = cursor_take(cursor, TEREDO_ORIGIN_SIZE, &skipped);
    return status;
}

enum parse_status tunnel_decode_teredo(struct cursor *cursor) {
    struct span header;
    enum parse_status status = skip_teredo_indications(cursor);
    if (status == PARSE_OK)
        status = cursor_peek(cursor, TEREDO_ADDRESSES_END, &header);
    if (status != PARSE_OK)
        return status;
    if (!is_teredo_address(header, TEREDO_ADDRESSES) &&
        !is_teredo_address(header, TEREDO_ADDRESSES + sizeof(struct ip_address)))
        return PARSE_FOREIGN;
    return tunnel_enter(cursor, TUNNEL_TEREDO, 0, LAYER_IPV6);
}

/* L2TP */

enum {
    L2TP_HAS_LENGTH = 0x4000,
    L2TP_HAS_SEQUENCE = 0x0800,
    L2TP_HAS_OFFSET = 0x0200,
    L2TP_FIXED_MASK = 0xb4ff, /* all but those three and the priority */
    L2TP_FIXED = 0x0002,      /* data, version 2 */
    L2TP_FIELD_SIZE = 2,
};

enum parse_status tunnel_decode_l2tp(struct cursor *cursor) {
    struct span header;
    size_t datagram_size = cursor->rest_wire;
    enum parse_status status = cursor_take(cursor, L2TP_FIELD_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    unsigned flags = header_u16(header, 0);
    if ((flags & L2TP_FIXED_MASK) != L2TP_FIXED)
        return PARSE_FOREIGN;
    size_t length_size = flags & L2TP_HAS_LENGTH ? L2TP_FIELD_SIZE : 0;
    size_t sequence_size = flags & L2TP_HAS_SEQUENCE ? 2 * L2TP_FIELD_SIZE : 0;
    size_t offset_size = flags & L2TP_HAS_OFFSET ? L2TP_FIELD_SIZE : 0;
    size_t size = length_size + 2 * L2TP_FIELD_SIZE + sequence_size + offset_size;
    status = cursor_take(cursor, size, &header);
    if (status != PARSE_OK)
        return status;
    if (length_size && header_u16(header, 0) != datagram_size)
        return PARSE_FOREIGN;
    if (offset_size) {
        struct span padding;
        status = cursor_take(cursor, header_u16(header, size - L2TP_FIELD_SIZE), &padding);
        if (status != PARSE_OK)
            return status;
    }
    return tunnel_enter(cursor, TUNNEL_L2TP, header_u32(header, length_size), LAYER_PPP);
}
