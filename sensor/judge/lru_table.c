/*
 * lru_table.c - set-associative, like a processor's cache (lru_table.h).
 */
#include "lru_table.h"

#include "table_memory.h"

#include <string.h>

static uint64_t usable(uint64_t hash) {
    return hash == 0 ? 1 : hash;
}

static size_t set_of(const struct lru_table *table, uint64_t hash) {
    return (size_t)(hash >> 16U) & (table->set_count - 1);
}

bool lru_table_init(struct lru_table *table, size_t slots) {
    *table = (struct lru_table){.set_count = 1};
    while (table->set_count * LRU_SET_SIZE < slots)
        table->set_count *= 2;
    table->sets = table_memory_new(table->set_count, sizeof *table->sets);
    return table->sets != NULL;
}

void lru_table_deinit(struct lru_table *table) {
    table_memory_delete(table->sets, table->set_count, sizeof *table->sets);
    *table = (struct lru_table){0};
}

void lru_table_clear(struct lru_table *table) {
    if (table->clock != 0)
        memset(table->sets, 0, table->set_count * sizeof *table->sets);
    table->clock = 0;
}

size_t lru_table_slots(const struct lru_table *table) {
    return table->set_count * LRU_SET_SIZE;
}

void lru_table_expect(const struct lru_table *table, uint64_t hash) {
    const struct lru_set *set = &table->sets[set_of(table, usable(hash))];
    __builtin_prefetch(set->hashes);
    __builtin_prefetch(set->used, 1);
}

static unsigned find_way(const struct lru_set *set, uint64_t wanted) {
    unsigned way = 0;
    while (way < LRU_SET_SIZE && set->hashes[way] != wanted)
        way++;
    return way;
}

/* Free ones were never used: they are the oldest. */
static unsigned oldest_way(const struct lru_set *set) {
    unsigned oldest = 0;
    for (unsigned way = 1; way < LRU_SET_SIZE; way++)
        if (set->used[way] < set->used[oldest])
            oldest = way;
    return oldest;
}

size_t lru_table_find(const struct lru_table *table, uint64_t hash) {
    size_t number = set_of(table, usable(hash));
    unsigned way = find_way(&table->sets[number], usable(hash));
    return way < LRU_SET_SIZE ? number * LRU_SET_SIZE + way : SIZE_MAX;
}

size_t lru_table_place(const struct lru_table *table, uint64_t hash) {
    size_t number = set_of(table, usable(hash));
    const struct lru_set *set = &table->sets[number];
    unsigned way = find_way(set, usable(hash));
    return number * LRU_SET_SIZE + (way < LRU_SET_SIZE ? way : oldest_way(set));
}

size_t lru_table_touch(struct lru_table *table, uint64_t hash, bool *is_new) {
    size_t number = set_of(table, usable(hash));
    struct lru_set *set = &table->sets[number];
    unsigned way = find_way(set, usable(hash));
    *is_new = way == LRU_SET_SIZE;
    if (*is_new) {
        way = oldest_way(set);
        if (set->hashes[way] != 0)
            table->evicted++;
        set->hashes[way] = usable(hash);
    }
    set->used[way] = ++table->clock;
    return number * LRU_SET_SIZE + way;
}

uint64_t lru_table_hash(const struct lru_table *table, size_t slot) {
    return table->sets[slot / LRU_SET_SIZE].hashes[slot % LRU_SET_SIZE];
}

uint64_t lru_table_used(const struct lru_table *table, size_t slot) {
    return table->sets[slot / LRU_SET_SIZE].used[slot % LRU_SET_SIZE];
}
