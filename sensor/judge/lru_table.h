/*
 * lru_table.h - a table of fixed size that forgets what was used longest ago.
 *
 * It maps a 64-bit hash to a slot number; what lives in the slot is the caller's array. Slots come
 * in sets of eight; a hash belongs to one set and takes the place of that set's longest unused
 * entry when the set is full. So every look-up touches one set whatever the input is, and the same
 * sequence of calls gives the same slots everywhere. The hash is the identity: two keys of one hash
 * share a slot, which a good 64-bit hash makes rare enough for what is kept here. A set may be full
 * before the table is.
 */
#ifndef DOWNGRD_LRU_TABLE_H
#define DOWNGRD_LRU_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LRU_SET_SIZE = 8 };

/* Two cache lines, side by side. */
struct lru_set {
    uint64_t hashes[LRU_SET_SIZE]; /* 0: free */
    uint64_t used[LRU_SET_SIZE];   /* when each was last touched, by `clock` */
};

struct lru_table {
    struct lru_set *sets;
    size_t set_count; /* a power of two */
    uint64_t clock;
    uint64_t evicted;
};

/* Room for at least `slots` entries; lru_table_slots() tells how many it came to. False when out of
 * memory. */
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

/* For walking over all slots: whose a slot is (0: free), and a number that is larger the later it
 * was touched. */
uint64_t lru_table_hash(const struct lru_table *table, size_t slot);
uint64_t lru_table_used(const struct lru_table *table, size_t slot);

#endif
