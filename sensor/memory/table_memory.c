/*
 * table_memory.c - anonymous maps, aligned to huge pages when they are as large as one. Under
 * AddressSanitizer it comes from the heap, so that what runs past a table's end is found.
 */
#include "table_memory.h"

#include "cache_line.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 * 1024 * 1024, PAGE = 4096 };

static _Atomic size_t mapped; /* bytes of tables that are not from the heap */

size_t memory_taken(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + atomic_load(&mapped);
}

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED

#include <sanitizer/asan_interface.h>

/* calloc() takes large memory fresh from the kernel and need not touch it. The block to free is
 * written before the table, and all that is not the table's may not be touched. */
void *table_memory_new(size_t count, size_t size) {
    if (count == 0 || size == 0 || count > (SIZE_MAX / 2) / size)
        return NULL;
    uint8_t *block = calloc(1, count * size + CACHE_LINE);
    if (block == NULL)
        return NULL;
    size_t before = CACHE_LINE - (uintptr_t)block % CACHE_LINE;
    uint8_t *memory = block + before;
    memcpy(memory - sizeof block, &block, sizeof block);
    __asan_poison_memory_region(block, before);
    __asan_poison_memory_region(memory + count * size, CACHE_LINE - before);
    return memory;
}

void table_memory_delete(void *memory, size_t count, size_t size) {
    (void)count;
    (void)size;
    void *block = NULL;
    if (memory == NULL)
        return;
    __asan_unpoison_memory_region((uint8_t *)memory - sizeof block, sizeof block);
    memcpy(&block, (uint8_t *)memory - sizeof block, sizeof block);
    free(block);
}

#else

/* Rounded up to whole pages; 0 when that is too much. */
static size_t map_size(size_t count, size_t size) {
    size_t unit = PAGE;
    if (size != 0 && count > (SIZE_MAX / 2) / size)
        return 0;
    return (count * size + unit - 1) / unit * unit;
}

void *table_memory_new(size_t count, size_t size) {
    size_t wanted = map_size(count, size);
    size_t spare = wanted >= HUGE_PAGE ? HUGE_PAGE : 0; /* to begin at a huge page */
    if (wanted == 0)
        return NULL;
    uint8_t *map =
        mmap(NULL, wanted + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    atomic_fetch_add(&mapped, wanted);
    if (spare == 0)
        return map;
    size_t before = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
    if (before > 0)
        munmap(map, before);
    if (spare > before)
        munmap(map + before + wanted, spare - before);
    madvise(map + before, wanted, MADV_HUGEPAGE);
    return map + before;
}

void table_memory_delete(void *memory, size_t count, size_t size) {
    if (memory == NULL)
        return;
    munmap(memory, map_size(count, size));
    atomic_fetch_sub(&mapped, map_size(count, size));
}

#endif
