/*
 * lru_table.c - set-associative, like a processor's cache (lru_table.h).
 */
#include "lru_table.h"

#include "table_memory.h"

#include <string.h>

static const uint64_t slot_mask = 0xffffffU;

static struct lru_set *set_of(const struct lru_table *table, uint64_t hash) {
    return &table->sets[hash & (table->set_count - 1)];
}

/* What of a hash is kept beside the slot: its upper bits, once the lower ones had their say; never
 * 0, which is a free way's. */
static uint64_t tag_of(uint64_t hash) {
    return ((hash * 0x9e3779b97f4a7c15U) & ~slot_mask) | (slot_mask + 1);
}

static size_t slot_of(uint64_t way) {
    return (size_t)(way & slot_mask) - 1;
}

bool lru_table_init(struct lru_table *table, size_t slots) {
    *table = (struct lru_table){.set_count = 1};
    while (table->set_count * LRU_SET_SIZE < slots)
        table->set_count *= 2;
    if (lru_table_slots(table) > LRU_MAX_SLOTS)
        return false;
    table->sets = table_memory_new(table->set_count, sizeof *table->sets);
    table->hashes = table_memory_new(lru_table_slots(table), sizeof *table->hashes);
    return table->sets != NULL && table->hashes != NULL;
}

void lru_table_deinit(struct lru_table *table) {
    table_memory_delete(table->sets, table->set_count, sizeof *table->sets);
    table_memory_delete(table->hashes, lru_table_slots(table), sizeof *table->hashes);
    *table = (struct lru_table){0};
}

void lru_table_clear(struct lru_table *table) {
    if (table->count != 0)
        memset(table->sets, 0, table->set_count * sizeof *table->sets);
    table->count = 0;
}

size_t lru_table_slots(const struct lru_table *table) {
    return table->set_count * LRU_SET_SIZE;
}

void lru_table_expect(const struct lru_table *table, uint64_t hash) {
    __builtin_prefetch(set_of(table, hash), 1);
}

static unsigned find_way(const struct lru_set *set, uint64_t hash) {
    uint64_t tag = tag_of(hash);
    unsigned way = 0;
    while (way < LRU_SET_SIZE && (set->ways[way] ^ tag) > slot_mask)
        way++;
    return way;
}

size_t lru_table_find(const struct lru_table *table, uint64_t hash) {
    const struct lru_set *set = set_of(table, hash);
    unsigned way = find_way(set, hash);
    return way < LRU_SET_SIZE ? slot_of(set->ways[way]) : SIZE_MAX;
}

/* Free ones were never used: they are the last. */
static size_t free_slot(const struct lru_table *table, const struct lru_set *set) {
    uint64_t oldest = set->ways[LRU_SET_SIZE - 1];
    return oldest != 0 ? slot_of(oldest) : table->count;
}

size_t lru_table_place(const struct lru_table *table, uint64_t hash) {
    const struct lru_set *set = set_of(table, hash);
    unsigned way = find_way(set, hash);
    return way < LRU_SET_SIZE ? slot_of(set->ways[way]) : free_slot(table, set);
}

static uint64_t make(struct lru_table *table, const struct lru_set *set, uint64_t hash) {
    size_t slot = free_slot(table, set);
    if (slot == table->count)
        table->count++;
    else
        table->evicted++;
    table->hashes[slot] = hash;
    return tag_of(hash) | (slot + 1);
}

size_t lru_table_touch(struct lru_table *table, uint64_t hash, bool *is_new) {
    struct lru_set *set = set_of(table, hash);
    unsigned way = find_way(set, hash);
    *is_new = way == LRU_SET_SIZE;
    if (*is_new)
        way--;
    uint64_t touched = *is_new ? make(table, set, hash) : set->ways[way];
    for (; way > 0; way--)
        set->ways[way] = set->ways[way - 1];
    set->ways[0] = touched;
    return slot_of(touched);
}

size_t lru_table_count(const struct lru_table *table) {
    return table->count;
}

size_t lru_table_sets(const struct lru_table *table) {
    return table->set_count;
}

size_t lru_table_set(const struct lru_table *table, size_t set, size_t slots[LRU_SET_SIZE]) {
    size_t count = 0;
    for (size_t way = LRU_SET_SIZE; way > 0; way--)
        if (table->sets[set].ways[way - 1] != 0)
            slots[count++] = slot_of(table->sets[set].ways[way - 1]);
    return count;
}

uint64_t lru_table_hash(const struct lru_table *table, size_t slot) {
    return table->hashes[slot];
}
