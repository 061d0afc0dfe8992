/*
 * tunnel_gre.c - generic routing encapsulation, and what switches and access servers made of it.
 *
 * Version 0 (RFC 2784, RFC 2890) names its inside by an Ethertype: IP, MPLS, PPP, a whole Ethernet
 * frame (transparent bridging, NVGRE of RFC 7637), the mirrored frames of ERSPAN
 * (draft-foschiano-erspan-03), or what a router redirected by WCCP (draft-mclaggan-wccp-v2rev1-00,
 * section 4.10). Version 1 is PPTP's (RFC 2637 section 4.1) and carries PPP.
 *
 * Left out: source routes (RFC 1701), which RFC 2784 has dropped. Checksums are not verified.
 */
#include "layer.h"

enum {
    GRE_HEADER_SIZE = 4,
    GRE_WORD_SIZE = 4, /* of each optional field */
    ERSPAN_2_HEADER_SIZE = 8,
    ERSPAN_3_HEADER_SIZE = 12,
    ERSPAN_3_SUBHEADER_SIZE = 8,
    WCCP_HEADER_SIZE = 4,
};

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGEMENT = 0x0080, /* version 1 only */
    GRE_VERSION_MASK = 0x0007,
    GRE_REFUSED = 0x4c00,     /* routing, strict source route, and a bit that must be zero */
    PPTP_FIXED_MASK = 0xef7f, /* all but sequence and acknowledgement */
    PPTP_FIXED = 0x2001,
};

enum {
    PROTOCOL_ERSPAN_3 = 0x22eb,
    PROTOCOL_WCCP = 0x883e,
    PROTOCOL_PPP = 0x880b,
    PROTOCOL_ERSPAN = 0x88be, /* types I and II */
};

enum {
    ERSPAN_2_VERSION = 1,
    ERSPAN_3_VERSION = 2,
    ERSPAN_SESSION_MASK = 0x03ff,
    ERSPAN_3_HAS_SUBHEADER = 0x0001,
    ERSPAN_3_ETHERNET = 0,
    ERSPAN_3_IP = 2,
};

static enum parse_status decode_erspan_2(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, ERSPAN_2_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    if (header.data[0] >> 4U != ERSPAN_2_VERSION)
        return PARSE_FOREIGN;
    return tunnel_enter(cursor, TUNNEL_ERSPAN, header_u16(header, 2) & ERSPAN_SESSION_MASK,
                        LAYER_ETHERNET);
}

static enum layer layer_of_erspan_frame_type(unsigned frame_type) {
    switch (frame_type) {
    case ERSPAN_3_ETHERNET:
        return LAYER_ETHERNET;
    case ERSPAN_3_IP:
        return LAYER_RAW_IP;
    default:
        return LAYER_UNKNOWN;
    }
}

static enum parse_status decode_erspan_3(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, ERSPAN_3_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    if (header.data[0] >> 4U != ERSPAN_3_VERSION)
        return PARSE_FOREIGN;
    unsigned flags = header_u16(header, 10);
    if (flags & ERSPAN_3_HAS_SUBHEADER) {
        struct span subheader;
        status = cursor_take(cursor, ERSPAN_3_SUBHEADER_SIZE, &subheader);
        if (status != PARSE_OK)
            return status;
    }
    return tunnel_enter(cursor, TUNNEL_ERSPAN, header_u16(header, 2) & ERSPAN_SESSION_MASK,
                        layer_of_erspan_frame_type(flags >> 10U & 0x1fU));
}

/* The packet that a router redirected; in version 2 of WCCP behind a header, which does not begin
 * like IPv4. */
static enum parse_status decode_wccp(struct cursor *cursor, uint32_t key) {
    struct span start;
    enum parse_status status = cursor_peek(cursor, 1, &start);
    if (status == PARSE_OK && start.data[0] >> 4U != 4)
        status = cursor_take(cursor, WCCP_HEADER_SIZE, &start);
    return status == PARSE_OK ? tunnel_enter(cursor, TUNNEL_GRE, key, LAYER_IPV4) : status;
}

static enum parse_status decode_gre_0(struct cursor *cursor, unsigned flags, uint16_t protocol) {
    if (flags & GRE_REFUSED)
        return PARSE_FOREIGN;
    size_t checksum_size = flags & GRE_CHECKSUM ? GRE_WORD_SIZE : 0;
    size_t key_size = flags & GRE_KEY ? GRE_WORD_SIZE : 0;
    size_t sequence_size = flags & GRE_SEQUENCE ? GRE_WORD_SIZE : 0;
    struct span options;
    enum parse_status status =
        cursor_take(cursor, checksum_size + key_size + sequence_size, &options);
    if (status != PARSE_OK)
        return status;
    uint32_t key = key_size ? header_u32(options, checksum_size) : 0;
    switch (protocol) {
    case PROTOCOL_ERSPAN:
        /* Type I has no header of its own, and its GRE no sequence number. */
        return sequence_size ? decode_erspan_2(cursor)
                             : tunnel_enter(cursor, TUNNEL_ERSPAN, 0, LAYER_ETHERNET);
    case PROTOCOL_ERSPAN_3:
        return decode_erspan_3(cursor);
    case PROTOCOL_WCCP:
        return decode_wccp(cursor, key);
    default:
        return tunnel_enter(cursor, TUNNEL_GRE, key, link_layer_of_ethertype(protocol));
    }
}

/* The key is the payload's length and the call id. Without a sequence number there is no payload:
 * it only acknowledges. */
static enum parse_status decode_pptp(struct cursor *cursor, unsigned flags, uint16_t protocol) {
    if ((flags & PPTP_FIXED_MASK) != PPTP_FIXED || protocol != PROTOCOL_PPP ||
        (flags & GRE_SEQUENCE) == 0)
        return PARSE_FOREIGN;
    size_t acknowledgement_size = flags & GRE_ACKNOWLEDGEMENT ? GRE_WORD_SIZE : 0;
    struct span rest;
    enum parse_status status = cursor_take(cursor, 2 * GRE_WORD_SIZE + acknowledgement_size, &rest);
    if (status != PARSE_OK)
        return status;
    cursor_limit(cursor, header_u16(rest, 0));
    return tunnel_enter(cursor, TUNNEL_GRE, header_u16(rest, 2), LAYER_PPP);
}

enum parse_status tunnel_decode_gre(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_take(cursor, GRE_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    unsigned flags = header_u16(header, 0);
    switch (flags & GRE_VERSION_MASK) {
    case 0:
        return decode_gre_0(cursor, flags, header_u16(header, 2));
    case 1:
        return decode_pptp(cursor, flags, header_u16(header, 2));
    default:
        return PARSE_FOREIGN;
    }
}
