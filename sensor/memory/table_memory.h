/*
 * table_memory.h - memory for large tables that are looked into all over the place.
 *
 * It comes in huge pages where the kernel has them: a look-up then costs a miss of the cache and
 * not one of the address translation as well, and first use costs one fault for two megabytes.
 * Memory that was never used takes no room, as with calloc(), but by the huge page.
 */
#ifndef DOWNGRD_TABLE_MEMORY_H
#define DOWNGRD_TABLE_MEMORY_H

#include <stddef.h>

/* `count` entries of `size` bytes, all zero, beginning at a cache line. NULL when out of memory (or
 * for no entries). */
void *table_memory_new(size_t count, size_t size);
/* With the same numbers. NULL does nothing. */
void table_memory_delete(void *memory, size_t count, size_t size);

/* Bytes that this process has allocated: tables, and all else from the heap. */
size_t memory_taken(void);

#endif
