/*
 * link_wireless.c - 802.11 frames, and what capture programs put before them.
 *
 * Only data in clear is of use: a captured radio network is encrypted unless it is an open one, its
 * keys are the access point's, or the frames were taken behind it (CAPWAP). Control and management
 * frames, encrypted ones, fragments, and aggregates of several packets in one frame are foreign.
 *
 * Sources: IEEE 802.11-2020 section 9.3.2.1, https://www.radiotap.org/,
 * https://www.tcpdump.org/linktypes.html (PPI, Prism, AVS). 802.11 and most of these headers count
 * in little-endian.
 */
#include "layer.h"

enum {
    DATA_HEADER_SIZE = 24,
    FOURTH_ADDRESS_SIZE = 6,
    QOS_CONTROL_SIZE = 2,
    HT_CONTROL_SIZE = 4,
    FRAGMENT_NUMBER_OFFSET = 22, /* in the lower half of the byte */
    FRAGMENT_NUMBER_MASK = 0x0f,
    PADDED_UNIT = 4,
};

/* Of the frame control's first byte. */
enum {
    TYPE_MASK = 0x0f, /* version and type */
    TYPE_DATA = 0x08,
    SUBTYPE_NO_DATA = 0x40,
    SUBTYPE_QOS = 0x80,
};

/* Of its second. */
enum {
    FLAGS_TWO_SYSTEMS = 0x03, /* from one distribution system to another: four addresses */
    FLAG_MORE_FRAGMENTS = 0x04,
    FLAG_PROTECTED = 0x40,
    FLAG_HT_CONTROL = 0x80, /* in frames with QoS control */
};

enum { QOS_AGGREGATE = 0x80 };

enum {
    RADIOTAP_HEADER_SIZE = 8,
    RADIOTAP_WORD_SIZE = 4,
    RADIOTAP_HAS_TIME = 0x00000001,
    RADIOTAP_HAS_FLAGS = 0x00000002,
    RADIOTAP_TIME_SIZE = 8, /* and its alignment */
    RADIOTAP_FLAG_PADDED = 0x20,
    RADIOTAP_FLAG_BROKEN = 0x40, /* the frame's checksum is wrong: nobody received it */
};

static const uint32_t radiotap_has_more = 0x80000000U;

enum { PPI_HEADER_SIZE = 8, PPI_MAX_LINK_TYPE = 0xffff };

enum { PRISM_HEADER_SIZE = 144, AVS_HEADER_SIZE = 8 };

static const uint32_t avs_magic = 0x80211000U; /* and a version in the last three digits */

static uint16_t little_u16(struct span header, size_t offset) {
    return (uint16_t)((unsigned)header.data[offset] | ((unsigned)header.data[offset + 1] << 8U));
}

static uint32_t little_u32(struct span header, size_t offset) {
    return little_u16(header, offset) | ((uint32_t)little_u16(header, offset + 2) << 16U);
}

/* Frames with an IP packet are data, with LLC behind the header. Some network cards pad the header
 * to whole words. */
static enum parse_status decode_data(struct cursor *cursor, uint8_t type, uint8_t flags,
                                     bool is_padded) {
    if ((type & TYPE_MASK) != TYPE_DATA || (type & SUBTYPE_NO_DATA) != 0 ||
        (flags & (FLAG_PROTECTED | FLAG_MORE_FRAGMENTS)) != 0)
        return PARSE_FOREIGN;
    bool has_qos = (type & SUBTYPE_QOS) != 0;
    size_t size = DATA_HEADER_SIZE;
    if ((flags & FLAGS_TWO_SYSTEMS) == FLAGS_TWO_SYSTEMS)
        size += FOURTH_ADDRESS_SIZE;
    size_t qos_offset = size;
    if (has_qos)
        size += QOS_CONTROL_SIZE;
    if (has_qos && (flags & FLAG_HT_CONTROL) != 0)
        size += HT_CONTROL_SIZE;
    if (is_padded)
        size = (size + PADDED_UNIT - 1) / PADDED_UNIT * PADDED_UNIT;
    struct span header;
    enum parse_status status = cursor_take(cursor, size, &header);
    if (status != PARSE_OK)
        return status;
    if ((header.data[FRAGMENT_NUMBER_OFFSET] & FRAGMENT_NUMBER_MASK) != 0 ||
        (has_qos && (header.data[qos_offset] & QOS_AGGREGATE) != 0))
        return PARSE_FOREIGN;
    cursor->layer = LAYER_LLC;
    return PARSE_OK;
}

enum parse_status wireless_decode_ieee80211(struct cursor *cursor) {
    struct span control;
    enum parse_status status = cursor_peek(cursor, 2, &control);
    if (status != PARSE_OK)
        return status;
    return decode_data(cursor, control.data[0], control.data[1], false);
}

/* Controllers of one maker read the two bytes as one number, in network order. The flags of a frame
 * to or from an access point never look like a type. */
enum parse_status wireless_decode_ieee80211_swapped(struct cursor *cursor) {
    struct span control;
    enum parse_status status = cursor_peek(cursor, 2, &control);
    if (status != PARSE_OK)
        return status;
    bool is_swapped = (control.data[0] & TYPE_MASK) != TYPE_DATA;
    return decode_data(cursor, control.data[is_swapped], control.data[!is_swapped], false);
}

/* The flags field is the first, or the second after a time stamp. Its place counts from the
 * header's start, after as many words of presence bits as there are. */
static uint8_t radiotap_flags(uint32_t present, struct span fields) {
    size_t offset = 0;
    for (uint32_t word = present; (word & radiotap_has_more) != 0; offset += RADIOTAP_WORD_SIZE) {
        if (fields.size < offset + RADIOTAP_WORD_SIZE)
            return 0;
        word = little_u32(fields, offset);
    }
    if ((present & RADIOTAP_HAS_FLAGS) == 0)
        return 0;
    if ((present & RADIOTAP_HAS_TIME) != 0)
        offset = (offset / RADIOTAP_TIME_SIZE + (offset % RADIOTAP_TIME_SIZE != 0) + 1) *
                 RADIOTAP_TIME_SIZE;
    return offset < fields.size ? fields.data[offset] : 0;
}

enum parse_status wireless_decode_radiotap(struct cursor *cursor) {
    struct span header;
    struct span fields;
    struct span control;
    enum parse_status status = cursor_take(cursor, RADIOTAP_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = little_u16(header, 2);
    if (header.data[0] != 0)
        return PARSE_FOREIGN;
    if (size < RADIOTAP_HEADER_SIZE)
        return PARSE_MALFORMED;
    status = cursor_take(cursor, size - RADIOTAP_HEADER_SIZE, &fields);
    if (status == PARSE_OK)
        status = cursor_peek(cursor, 2, &control);
    if (status != PARSE_OK)
        return status;
    uint8_t flags = radiotap_flags(little_u32(header, 4), fields);
    if ((flags & RADIOTAP_FLAG_BROKEN) != 0)
        return PARSE_FOREIGN;
    return decode_data(cursor, control.data[0], control.data[1],
                       (flags & RADIOTAP_FLAG_PADDED) != 0);
}

/* A header of fields that we have no use for, before a frame of any link type. */
enum parse_status wireless_decode_ppi(struct cursor *cursor) {
    struct span header;
    struct span fields;
    enum parse_status status = cursor_take(cursor, PPI_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    size_t size = little_u16(header, 2);
    uint32_t link_type = little_u32(header, 4);
    if (header.data[0] != 0 || link_type > PPI_MAX_LINK_TYPE)
        return PARSE_FOREIGN;
    if (size < PPI_HEADER_SIZE)
        return PARSE_MALFORMED;
    cursor->layer = link_layer_of_link_type((int)link_type);
    return cursor_take(cursor, size - PPI_HEADER_SIZE, &fields);
}

/* Captures marked as one of the two hold the other as well: the first bytes tell. */
enum parse_status wireless_decode_prism(struct cursor *cursor) {
    struct span header;
    enum parse_status status = cursor_peek(cursor, AVS_HEADER_SIZE, &header);
    if (status != PARSE_OK)
        return status;
    bool is_avs = (header_u32(header, 0) & 0xfffff000U) == avs_magic;
    size_t size = is_avs ? header_u32(header, 4) : PRISM_HEADER_SIZE;
    if (size < AVS_HEADER_SIZE)
        return PARSE_MALFORMED;
    cursor->layer = LAYER_IEEE80211;
    return cursor_take(cursor, size, &header);
}
