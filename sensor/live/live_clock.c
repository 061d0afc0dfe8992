#include "live_clock.h"

#include <time.h>

enum { MICROSECONDS = 1000000 };

static uint64_t read_clock(clockid_t id) {
    struct timespec now = {0};
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
}

void live_clock_now(uint64_t *day_us, uint64_t *steady_us) {
    *day_us = read_clock(CLOCK_REALTIME);
    *steady_us = read_clock(CLOCK_MONOTONIC);
}

uint64_t live_clock_steady_ms(void) {
    return read_clock(CLOCK_MONOTONIC) / 1000;
}

void live_clock_begin(struct live_clock *clock, uint64_t day_us, uint64_t steady_us) {
    *clock = (struct live_clock){.day_us = day_us, .steady_us = steady_us};
}

int64_t live_clock_look(struct live_clock *clock, uint64_t day_us, uint64_t steady_us) {
    int64_t step_us = (int64_t)(day_us - clock->day_us) - (int64_t)(steady_us - clock->steady_us);
    clock->day_us = day_us;
    clock->steady_us = steady_us;
    if (step_us > -LIVE_CLOCK_STEP_US && step_us < LIVE_CLOCK_STEP_US)
        return 0;
    clock->steps++;
    return step_us;
}

uint64_t live_clock_believe(const struct live_clock *clock, uint64_t packet_us) {
    uint64_t latest_us = clock->day_us + LIVE_CLOCK_STEP_US;
    return packet_us < latest_us ? packet_us : latest_us;
}
