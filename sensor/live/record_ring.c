/*
 * record_ring.c - see record_ring.h.
 *
 * Entries lie one behind the other and never across the end of the memory: what is left there is
 * passed over with an entry that holds nothing. Positions only grow; the place in memory is the
 * position modulo the size. Each side writes its own position and reads the other's.
 *
 * An empty ring begins anew at the beginning of its memory, so that a judge who keeps up uses the
 * same few pages, which are in the caches. Nobody else looks at the base then: who takes reads it
 * for an entry only, behind the position that was put after it.
 */
#include "record_ring.h"

#include "record_copy.h"

#include <stdatomic.h>
#include <stdlib.h>

struct entry {
    size_t size; /* in the ring, with this head */
    uint64_t told_us;
    uint64_t put_ms;
    const struct handshake *record; /* NULL: what is left at the end of the memory */
};

enum {
    ENTRY_SIZE = (sizeof(struct entry) + RECORD_COPY_ALIGNMENT - 1) / RECORD_COPY_ALIGNMENT *
                 RECORD_COPY_ALIGNMENT
};

struct record_ring {
    uint8_t *memory;
    size_t size;                         /* a power of two */
    _Alignas(64) _Atomic uint64_t put;   /* position behind the newest entry */
    _Atomic uint64_t base;               /* the position that is at the beginning of the memory */
    _Alignas(64) _Atomic uint64_t taken; /* position of the oldest one */
};

struct record_ring *record_ring_new(size_t bytes) {
    struct record_ring *ring = aligned_alloc(64, sizeof *ring);
    if (ring == NULL)
        return NULL;
    ring->size = RECORD_RING_MIN_BYTES;
    while (ring->size < bytes)
        ring->size *= 2;
    ring->memory = aligned_alloc(64, ring->size);
    atomic_init(&ring->put, 0);
    atomic_init(&ring->base, 0);
    atomic_init(&ring->taken, 0);
    if (ring->memory == NULL) {
        free(ring);
        return NULL;
    }
    return ring;
}

void record_ring_delete(struct record_ring *ring) {
    if (ring == NULL)
        return;
    free(ring->memory);
    free(ring);
}

static size_t place_of(const struct record_ring *ring, uint64_t position) {
    uint64_t base = atomic_load_explicit(&ring->base, memory_order_relaxed);
    return (size_t)((position - base) & (ring->size - 1));
}

static struct entry *entry_at(const struct record_ring *ring, uint64_t position) {
    return (struct entry *)(void *)(ring->memory + place_of(ring, position));
}

/* One entry at `put`, in `room` bytes of which the last are for the next entry's head. Its size; 0
 * when it is too large. */
static size_t put_entry(struct record_ring *ring, uint64_t put, size_t room,
                        const struct handshake *record) {
    struct entry *entry = entry_at(ring, put);
    uint8_t *copy = (uint8_t *)entry + ENTRY_SIZE;
    if (room < (size_t)2 * ENTRY_SIZE + RECORD_COPY_ALIGNMENT)
        return 0;
    size_t size = record_copy(record, copy, room - (size_t)2 * ENTRY_SIZE - RECORD_COPY_ALIGNMENT);
    if (size == 0)
        return 0;
    entry->record = (const struct handshake *)(const void *)copy;
    entry->size = ENTRY_SIZE + (size + RECORD_COPY_ALIGNMENT - 1) / RECORD_COPY_ALIGNMENT *
                                   RECORD_COPY_ALIGNMENT;
    return entry->size;
}

bool record_ring_put(struct record_ring *ring, const struct handshake *record, uint64_t told_us,
                     uint64_t put_ms) {
    uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
    if (put == taken)
        atomic_store_explicit(&ring->base, put, memory_order_relaxed);
    size_t free_size = ring->size - (size_t)(put - taken);
    size_t to_end = ring->size - place_of(ring, put);
    size_t size = put_entry(ring, put, free_size < to_end ? free_size : to_end, record);
    if (size == 0 && free_size > to_end) { /* at the beginning, then */
        size = put_entry(ring, put + to_end, free_size - to_end, record);
        if (size > 0)
            *entry_at(ring, put) = (struct entry){.size = to_end};
        put += size > 0 ? to_end : 0;
    }
    if (size == 0)
        return false;
    struct entry *entry = entry_at(ring, put);
    entry->told_us = told_us;
    entry->put_ms = put_ms;
    atomic_store_explicit(&ring->put, put + size, memory_order_release);
    return true;
}

bool record_ring_first(struct record_ring *ring, struct ringed_record *first) {
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&ring->put, memory_order_acquire);
    if (taken == put)
        return false;
    const struct entry *entry = entry_at(ring, taken);
    if (entry->record == NULL) { /* it is put together with the one behind it */
        taken += entry->size;
        atomic_store_explicit(&ring->taken, taken, memory_order_release);
        entry = entry_at(ring, taken);
    }
    *first = (struct ringed_record){entry->record, entry->told_us, entry->put_ms};
    return true;
}

void record_ring_drop(struct record_ring *ring) {
    uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    size_t size = entry_at(ring, taken)->size;
    atomic_store_explicit(&ring->taken, taken + size, memory_order_release);
}
