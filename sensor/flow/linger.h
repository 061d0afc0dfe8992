/*
 * linger.h - the handshakes that are over and wait to be told, in the order in which they are due.
 *
 * What is looked at often (when each is due, and between which addresses) stands in one dense
 * array, away from the flows, so that looking ahead costs nothing: expiry asks for the memory of
 * those that are due soon while it tells those that are due.
 */
#ifndef DOWNGRD_LINGER_H
#define DOWNGRD_LINGER_H

#include <stddef.h>
#include <stdint.h>

struct lingering {
    uint64_t due_us;
    uint32_t flow;      /* its index */
    uint32_t addresses; /* a hash of both: others may share it */
};

struct linger {
    struct lingering *entries;
    size_t first; /* of `count` entries, the one that is due first */
    size_t count;
    size_t capacity;
};

/* Room for `max` of them at once. 0 or -ENOMEM. linger_deinit() is safe after either, and on
 * zeroes.
 */
int linger_init(struct linger *linger, size_t max);
void linger_deinit(struct linger *linger);

/* Behind all that are due at that time or before. Fewer than `max` are waiting. */
void linger_add(struct linger *linger, const struct lingering *entry);
/* Takes out the one of this flow, which is due then. */
void linger_remove(struct linger *linger, uint64_t due_us, uint32_t flow);
/* The clock was set: all are due so much later. */
void linger_shift(struct linger *linger, int64_t by_us);

/* The one that has `ahead` others before it; NULL when there are not so many. */
static inline const struct lingering *linger_at(const struct linger *linger, size_t ahead) {
    return ahead < linger->count ? &linger->entries[linger->first + ahead] : NULL;
}

#endif
