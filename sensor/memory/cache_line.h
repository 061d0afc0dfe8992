/*
 * cache_line.h - what memory is fetched by, and asking for it early.
 */
#ifndef DOWNGRD_CACHE_LINE_H
#define DOWNGRD_CACHE_LINE_H

#include <stddef.h>
#include <stdint.h>

enum { CACHE_LINE = 64 }; /* bytes */

/* Has `size` bytes fetched that will be written soon, without waiting for them. */
static inline void expect_memory(const void *memory, size_t size) {
    for (size_t at = 0; at < size; at += CACHE_LINE)
        __builtin_prefetch((const uint8_t *)memory + at, 1);
}

#endif
