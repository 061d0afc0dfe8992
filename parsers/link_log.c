/*
 * link_log.c - what systems put before packets that they log themselves: Linux's netfilter (NFLOG)
 * and macOS (PKTAP).
 *
 * NFLOG is a row of attributes, one of which is the IP packet, in the byte order of the machine
 * that logged. PKTAP is a header of fixed fields, little-endian, before a frame of any link type.
 *
 * Sources: https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html and LINKTYPE_PKTAP.html.
 */
#include "layer.h"

enum {
    NFLOG_HEADER_SIZE = 4, /* family, version 0, a number for the group */
    NFLOG_ATTRIBUTE_HEADER_SIZE = 4,
    NFLOG_ALIGNMENT = 4,
    NFLOG_PAYLOAD = 9,
    NFLOG_MAX_ATTRIBUTES = 64, /* twenty kinds are known */
    PKTAP_HEADER_SIZE = 12,    /* what is read of it: its length, what follows, the link type */
    PKTAP_PACKET = 1,
    PKTAP_MAX_LINK_TYPE = 0xffff,
};

static uint32_t little_u32(struct span header, size_t offset) {
    const uint8_t *at = header.data + offset;
    return (uint32_t)at[3] << 24U | (uint32_t)at[2] << 16U | (uint32_t)at[1] << 8U | at[0];
}

/* Takes an attribute's header. Kinds are small numbers, so one of their two bytes is zero: it tells
 * the byte order. */
static enum parse_status take_attribute(struct cursor *cursor, unsigned *kind, size_t *size) {
    struct span header;
    enum parse_status status = cursor_take(cursor, NFLOG_ATTRIBUTE_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    bool is_little = header.data[3] == 0;
    *kind = header.data[is_little ? 2 : 3];
    *size = is_little ? (size_t)header.data[1] << 8U | header.data[0] : header_u16(header, 0);
    if (*size < NFLOG_ATTRIBUTE_HEADER_SIZE)
        return PARSE_MALFORMED;
    *size -= NFLOG_ATTRIBUTE_HEADER_SIZE;
    return PARSE_OK;
}

enum parse_status log_decode_nflog(struct cursor *cursor) {
    struct span skipped;
    enum parse_status status = cursor_take(cursor, NFLOG_HEADER_SIZE, &skipped);
    if (status == PARSE_OK && skipped.data[1] != 0)
        return PARSE_FOREIGN;
    for (unsigned count = 0; status == PARSE_OK && count < NFLOG_MAX_ATTRIBUTES; count++) {
        unsigned kind = 0;
        size_t size = 0;
        if (cursor->rest_wire == 0)
            return PARSE_FOREIGN; /* an event without a packet */
        status = take_attribute(cursor, &kind, &size);
        if (status != PARSE_OK)
            return status;
        if (kind == NFLOG_PAYLOAD) {
            cursor_limit(cursor, size);
            cursor->layer = LAYER_RAW_IP;
            return PARSE_OK;
        }
        size = (size + NFLOG_ALIGNMENT - 1) / NFLOG_ALIGNMENT * NFLOG_ALIGNMENT;
        status = cursor_take(cursor, size, &skipped);
    }
    return status == PARSE_OK ? PARSE_MALFORMED : status;
}

enum parse_status log_decode_pktap(struct cursor *cursor) {
    struct span header;
    struct span fields;
    enum parse_status status = cursor_take(cursor, PKTAP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = little_u32(header, 0);
    uint32_t link_type = little_u32(header, 8);
    if (little_u32(header, 4) != PKTAP_PACKET || link_type > PKTAP_MAX_LINK_TYPE)
        return PARSE_FOREIGN;
    if (size < PKTAP_HEADER_SIZE)
        return PARSE_MALFORMED;
    cursor->layer = link_layer_of_link_type((int)link_type);
    return cursor_take(cursor, size - PKTAP_HEADER_SIZE, &fields);
}
