#include "linger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int linger_init(struct linger *linger, size_t max) {
    /* Twice the room: the entries move to the front once in `max` additions. */
    *linger = (struct linger){.capacity = 2 * max};
    linger->entries = calloc(linger->capacity, sizeof *linger->entries);
    return linger->entries != NULL ? 0 : -ENOMEM;
}

void linger_deinit(struct linger *linger) {
    free(linger->entries);
    *linger = (struct linger){0};
}

/* The first position whose entry is due at `due_us` or later. */
static size_t lower_bound(const struct linger *linger, uint64_t due_us) {
    size_t low = linger->first;
    size_t high = linger->first + linger->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (linger->entries[middle].due_us < due_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void linger_add(struct linger *linger, const struct lingering *entry) {
    assert(linger->count < linger->capacity);
    if (linger->first + linger->count == linger->capacity) {
        memmove(linger->entries, linger->entries + linger->first,
                linger->count * sizeof linger->entries[0]);
        linger->first = 0;
    }
    size_t end = linger->first + linger->count;
    size_t at = lower_bound(linger, entry->due_us + 1);
    memmove(linger->entries + at + 1, linger->entries + at, (end - at) * sizeof linger->entries[0]);
    linger->entries[at] = *entry;
    linger->count++;
}

void linger_remove(struct linger *linger, uint64_t due_us, uint32_t flow) {
    size_t end = linger->first + linger->count;
    size_t at = lower_bound(linger, due_us);
    while (at < end && linger->entries[at].flow != flow)
        at++;
    assert(at < end);
    linger->count--;
    if (linger->count == 0)
        linger->first = 0;
    else if (at == linger->first)
        linger->first++;
    else
        memmove(linger->entries + at, linger->entries + at + 1,
                (end - at - 1) * sizeof linger->entries[0]);
}

void linger_shift(struct linger *linger, int64_t by_us) {
    for (size_t i = 0; i < linger->count; i++)
        linger->entries[linger->first + i].due_us += (uint64_t)by_us;
}
