/*
 * lru_table.h - a table of fixed size that forgets what was used longest ago.
 *
 * It maps a 64-bit hash to a slot number; what lives in the slot is the caller's array. Entries are
 * found in sets of eight, one cache line each; a hash belongs to one set and takes the place (and
 * the slot) of that set's longest unused entry when the set is full. So every look-up touches one
 * line whatever the input is, and the same sequence of calls gives the same slots everywhere. Slots
 * are given out from the front: what is not used yet is not touched. A set may be full before the
 * table is.
 *
 * Some 50 bits of the hash are the identity (those that name the set, and 39 more): two keys that
 * agree there share a slot, which a good hash makes rare enough for what is kept here.
 */
#ifndef DOWNGRD_LRU_TABLE_H
#define DOWNGRD_LRU_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LRU_SET_SIZE = 8, LRU_MAX_SLOTS = (1 << 24) - 1 };

/* A cache line. */
struct lru_set {
    uint64_t ways[LRU_SET_SIZE]; /* the one used last first: bits of the hash, and slot + 1; 0:
                                    free */
};

struct lru_table {
    struct lru_set *sets;
    uint64_t *hashes; /* by slot */
    size_t set_count; /* a power of two */
    size_t count;     /* slots given out */
    uint64_t evicted;
};

/* Room for at least `slots` entries; lru_table_slots() tells how many it came to. False when out of
 * memory, or for more than half of LRU_MAX_SLOTS. */
bool lru_table_init(struct lru_table *table, size_t slots);
void lru_table_deinit(struct lru_table *table);
void lru_table_clear(struct lru_table *table);
size_t lru_table_slots(const struct lru_table *table);

/* This hash will be looked for soon: its set is fetched from memory meanwhile. */
void lru_table_expect(const struct lru_table *table, uint64_t hash);

/* The slot that lru_table_touch() would give now. */
size_t lru_table_place(const struct lru_table *table, uint64_t hash);

/* The slot of a hash, or SIZE_MAX. Does not count as use. */
size_t lru_table_find(const struct lru_table *table, uint64_t hash);

/* The slot of a hash, made if need be: then *is_new is true and the slot's old content is void. */
size_t lru_table_touch(struct lru_table *table, uint64_t hash, bool *is_new);

/* For walking over all that is there: slots 0 to lru_table_count() - 1, or the slots of each of
 * lru_table_sets() sets, the longest unused first. */
size_t lru_table_count(const struct lru_table *table);
size_t lru_table_sets(const struct lru_table *table);
size_t lru_table_set(const struct lru_table *table, size_t set, size_t slots[LRU_SET_SIZE]);
/* Whose a slot is. */
uint64_t lru_table_hash(const struct lru_table *table, size_t slot);

#endif
