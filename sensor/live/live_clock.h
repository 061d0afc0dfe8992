/*
 * live_clock.h - the two clocks of a live sensor, and whether the one that stamps packets was set.
 *
 * Packets bear the time of day, and that may be set at any moment, by hours. The clock that only
 * counts tells: when the difference of the two jumps, the time of day was set, and the flow table
 * is told to move with it (flow_table_shift()). Between two looks a packet's own time is not
 * believed when it lies ahead of what can be.
 */
#ifndef DOWNGRD_LIVE_CLOCK_H
#define DOWNGRD_LIVE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LIVE_CLOCK_STEP_US = 1000000, /* what is less is left to the time-outs' own slack */
};

struct live_clock {
    uint64_t day_us;    /* time of day at the last look */
    uint64_t steady_us; /* the clock that only counts, at the same moment */
    uint64_t steps;     /* how often it was set so far */
};

/* Now, by both clocks. */
void live_clock_now(uint64_t *day_us, uint64_t *steady_us);
uint64_t live_clock_steady_ms(void);

void live_clock_begin(struct live_clock *clock, uint64_t day_us, uint64_t steady_us);
/* Looks again: by how much the time of day was set since; 0 when it was not. */
int64_t live_clock_look(struct live_clock *clock, uint64_t day_us, uint64_t steady_us);
/* A packet's time as it may be believed before the next look. */
uint64_t live_clock_believe(const struct live_clock *clock, uint64_t packet_us);

#endif
