/*
 * file_number.h - the numbers of a capture file, which are in the byte order of whoever wrote it.
 *
 * The caller made sure that the bytes are there; `is_swapped` says that they are in the order that
 * this machine does not use.
 */
#ifndef DOWNGRD_FILE_NUMBER_H
#define DOWNGRD_FILE_NUMBER_H

#include <assert.h>

#include "span.h"

static inline uint16_t file_u16(struct span bytes, size_t offset, bool is_swapped) {
    uint16_t value = 0;
    assert(bytes.data != NULL && offset + sizeof value <= bytes.size);
    memcpy(&value, bytes.data + offset, sizeof value);
    return is_swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t file_u32(struct span bytes, size_t offset, bool is_swapped) {
    uint32_t value = 0;
    assert(bytes.data != NULL && offset + sizeof value <= bytes.size);
    memcpy(&value, bytes.data + offset, sizeof value);
    return is_swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t file_u64(struct span bytes, size_t offset, bool is_swapped) {
    uint64_t value = 0;
    assert(bytes.data != NULL && offset + sizeof value <= bytes.size);
    memcpy(&value, bytes.data + offset, sizeof value);
    return is_swapped ? __builtin_bswap64(value) : value;
}

enum { FILE_MAX_WIRE_SIZE = 1024 * 1024 }; /* larger than any frame, offloading included */

/* How long a packet was on the wire: what the file says of it, unless that cannot be. */
static inline size_t file_wire_size(uint32_t captured, uint32_t claimed) {
    if (claimed >= captured && claimed <= FILE_MAX_WIRE_SIZE)
        return claimed;
    return captured < FILE_MAX_WIRE_SIZE ? captured : FILE_MAX_WIRE_SIZE;
}

#endif
