#include "pcapng_block.h"

#include "file_number.h"

enum {
    INTERFACE_HEAD_SIZE = 8,
    PACKET_HEAD_SIZE = 20, /* of the enhanced and the obsolete one */
    SIMPLE_PACKET_HEAD_SIZE = 4,
    OPTION_HEAD_SIZE = 4,
    OPTION_END = 0,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14,
    RESOLUTION_IS_BINARY = 0x80,
    RESOLUTION_MICROSECONDS = 6,
    MAX_POWER_OF_TEN = 19, /* below 2^64 */
};

static const uint64_t micros_per_second = 1000000;
/* The last second of year 9999, where calendars as we print them end. */
static const uint64_t max_seconds = 253402300799U;
static const uint64_t max_time_us = 253402300799999999U;

/* False when an option that counts has a size that it cannot have. */
static bool take_option(struct pcapng_interface *interface, unsigned code, struct span value,
                        bool is_swapped) {
    if (code == OPTION_RESOLUTION) {
        if (value.size != 1)
            return false;
        interface->resolution = value.data[0];
    } else if (code == OPTION_OFFSET) {
        if (value.size != sizeof interface->offset_s)
            return false;
        interface->offset_s = (int64_t)file_u64(value, 0, is_swapped);
    }
    return true;
}

bool pcapng_interface_read(struct span body, bool is_swapped, struct pcapng_interface *interface) {
    struct reader reader = reader_of(body);
    struct span head = reader_take(&reader, INTERFACE_HEAD_SIZE);
    if (!reader_ok(&reader))
        return false;
    *interface = (struct pcapng_interface){.link_type = file_u16(head, 0, is_swapped),
                                           .snap_length = file_u32(head, 4, is_swapped),
                                           .resolution = RESOLUTION_MICROSECONDS};
    uint32_t seen = 0;
    while (reader_left(&reader) > 0) {
        struct span option = reader_take(&reader, OPTION_HEAD_SIZE);
        if (!reader_ok(&reader))
            return false;
        unsigned code = file_u16(option, 0, is_swapped);
        size_t size = file_u16(option, 2, is_swapped);
        if (code == OPTION_END)
            break;
        struct span value = reader_take(&reader, size);
        reader_skip(&reader, -size & 3U); /* values are padded to four bytes */
        if (!reader_ok(&reader) || !take_option(interface, code, value, is_swapped))
            return false;
        uint32_t bit = code == OPTION_RESOLUTION || code == OPTION_OFFSET ? 1U << code : 0;
        if (seen & bit)
            return false;
        seen |= bit;
    }
    return true;
}

static uint64_t power_of_ten(unsigned exponent) {
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static uint64_t decimal_time_us(unsigned resolution, uint64_t ticks) {
    if (resolution > RESOLUTION_MICROSECONDS + MAX_POWER_OF_TEN)
        return 0; /* 64 bits of such ticks do not reach a microsecond */
    if (resolution >= RESOLUTION_MICROSECONDS)
        return ticks / power_of_ten(resolution - RESOLUTION_MICROSECONDS);
    uint64_t factor = power_of_ten(RESOLUTION_MICROSECONDS - resolution);
    return ticks <= max_time_us / factor ? ticks * factor : max_time_us;
}

static uint64_t binary_time_us(unsigned resolution, uint64_t ticks) {
    uint64_t seconds = resolution < 64 ? ticks >> resolution : 0;
    uint64_t rest = resolution < 64 ? ticks - (seconds << resolution) : ticks;
    /* rest * 10^6 / 2^resolution, by halves: the product has up to 84 bits */
    uint64_t low = (rest & UINT32_MAX) * micros_per_second;
    uint64_t high = (rest >> 32U) * micros_per_second + (low >> 32U);
    uint64_t micros = 0;
    if (resolution < 32)
        micros = high << (32 - resolution) | (low & UINT32_MAX) >> resolution;
    else if (resolution < 32 + 64)
        micros = high >> (resolution - 32);
    return seconds <= max_seconds ? seconds * micros_per_second + micros : max_time_us;
}

uint64_t pcapng_time_us(const struct pcapng_interface *interface, uint64_t ticks) {
    unsigned exponent = interface->resolution & ~(unsigned)RESOLUTION_IS_BINARY;
    uint64_t time_us = interface->resolution & RESOLUTION_IS_BINARY
                           ? binary_time_us(exponent, ticks)
                           : decimal_time_us(exponent, ticks);
    if (time_us > max_time_us)
        time_us = max_time_us;
    int64_t offset_s = interface->offset_s;
    if (offset_s == 0)
        return time_us;
    bool is_back = offset_s < 0;
    uint64_t seconds = is_back ? -(uint64_t)offset_s : (uint64_t)offset_s;
    uint64_t offset_us = seconds <= max_seconds ? seconds * micros_per_second : max_time_us;
    if (is_back)
        return time_us > offset_us ? time_us - offset_us : 0;
    return time_us < max_time_us - offset_us ? time_us + offset_us : max_time_us;
}

bool pcapng_packet_read(uint32_t type, struct span body, bool is_swapped,
                        struct pcapng_packet *packet) {
    bool is_simple = type == PCAPNG_SIMPLE_PACKET;
    packet->data_offset = is_simple ? SIMPLE_PACKET_HEAD_SIZE : PACKET_HEAD_SIZE;
    if (body.size < packet->data_offset)
        return false;
    packet->has_time = !is_simple;
    if (is_simple) {
        packet->interface = 0;
        packet->ticks = 0;
        packet->size = packet->wire_size = file_u32(body, 0, is_swapped);
        return true;
    }
    /* The obsolete one has 16 bits of interface, then 16 bits of how many were dropped. */
    packet->interface = type == PCAPNG_OBSOLETE_PACKET ? file_u16(body, 0, is_swapped)
                                                       : file_u32(body, 0, is_swapped);
    uint64_t high = file_u32(body, 4, is_swapped);
    packet->ticks = high << 32U | file_u32(body, 8, is_swapped);
    packet->size = file_u32(body, 12, is_swapped);
    packet->wire_size = file_u32(body, 16, is_swapped);
    return true;
}
