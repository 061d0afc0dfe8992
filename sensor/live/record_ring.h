/*
 * record_ring.h - finished records on their way from one worker to the judge: one thread puts, one
 * takes, and neither waits for the other.
 *
 * Memory is chosen at the start. When there is no room for a record its worker may try again
 * or lose it: the judge is too slow, or was held up.
 */
#ifndef DOWNGRD_RECORD_RING_H
#define DOWNGRD_RECORD_RING_H

#include "handshake.h"

struct record_ring;

enum { RECORD_RING_MIN_BYTES = 1 << 20 };

/* About `bytes` of memory (rounded up to a power of two, RECORD_RING_MIN_BYTES at least). NULL when
 * there is not enough. */
struct record_ring *record_ring_new(size_t bytes);
void record_ring_delete(struct record_ring *ring);

/* One in the ring. */
struct ringed_record {
    const struct handshake *record; /* with all its spans, in the ring */
    uint64_t told_us;               /* packet time at which it was told: rising, of one ring */
    uint64_t put_ms;                /* the clock that does not step, when it was put */
};

/* The worker's side. False: there is no room now. */
bool record_ring_put(struct record_ring *ring, const struct handshake *record, uint64_t told_us,
                     uint64_t put_ms);

/* The judge's side: the oldest one, valid until record_ring_drop(); false when there is none. */
bool record_ring_first(struct record_ring *ring, struct ringed_record *first);
void record_ring_drop(struct record_ring *ring);

#endif
