/*
 * lru_table.c - set-associative, like a processor's cache (lru_table.h).
 */
#include "lru_table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t usable(uint64_t hash) {
    return hash == 0 ? 1 : hash;
}

static size_t first_slot(const struct lru_table *table, uint64_t hash) {
    return ((size_t)(hash >> 16U) & (table->sets - 1)) * LRU_SET_SIZE;
}

/* A set is one cache line: a look-up that finds nothing costs one miss. */
static uint64_t *new_column(size_t slots) {
    enum { CACHE_LINE = 64 };
    uint64_t *column = aligned_alloc(CACHE_LINE, slots * sizeof *column);
    if (column != NULL)
        memset(column, 0, slots * sizeof *column);
    return column;
}

bool lru_table_init(struct lru_table *table, size_t slots) {
    *table = (struct lru_table){.sets = 1};
    while (table->sets * LRU_SET_SIZE < slots)
        table->sets *= 2;
    table->hashes = new_column(lru_table_slots(table));
    table->used = new_column(lru_table_slots(table));
    if (table->hashes != NULL && table->used != NULL)
        return true;
    lru_table_deinit(table);
    return false;
}

void lru_table_deinit(struct lru_table *table) {
    free(table->hashes);
    free(table->used);
    *table = (struct lru_table){0};
}

void lru_table_clear(struct lru_table *table) {
    memset(table->hashes, 0, lru_table_slots(table) * sizeof *table->hashes);
    memset(table->used, 0, lru_table_slots(table) * sizeof *table->used);
    table->clock = 0;
}

size_t lru_table_slots(const struct lru_table *table) {
    return table->sets * LRU_SET_SIZE;
}

size_t lru_table_find(const struct lru_table *table, uint64_t hash) {
    uint64_t wanted = usable(hash);
    size_t first = first_slot(table, wanted);
    for (size_t slot = first; slot < first + LRU_SET_SIZE; slot++) {
        if (table->hashes[slot] == wanted)
            return slot;
    }
    return SIZE_MAX;
}

size_t lru_table_touch(struct lru_table *table, uint64_t hash, bool *is_new) {
    size_t slot = lru_table_find(table, hash);
    *is_new = slot == SIZE_MAX;
    if (*is_new) {
        size_t first = first_slot(table, usable(hash));
        slot = first; /* free slots were never used: they are the oldest */
        for (size_t i = first + 1; i < first + LRU_SET_SIZE; i++) {
            if (table->used[i] < table->used[slot])
                slot = i;
        }
        if (table->hashes[slot] != 0)
            table->evicted++;
        table->hashes[slot] = usable(hash);
    }
    table->used[slot] = ++table->clock;
    return slot;
}
