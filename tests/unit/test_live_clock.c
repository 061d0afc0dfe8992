#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live_clock.h"

enum { SECOND = 1000000 };
static const uint64_t day0 = UINT64_C(1700000000) * SECOND;
static const uint64_t steady0 = UINT64_C(5000) * SECOND;

/* {time of day, steady clock} after the first look, and the step that is seen. */
static const struct {
    const char *name;
    int64_t day_us;
    int64_t steady_us;
    int64_t step_us;
} cases[] = {
    {"both go on", 100 * (int64_t)SECOND, 100 * (int64_t)SECOND, 0},
    {"slewed a little", 100 * (int64_t)SECOND + 400000, 100 * (int64_t)SECOND, 0},
    {"an hour forward", 3610 * (int64_t)SECOND, 10 * (int64_t)SECOND, 3600 * (int64_t)SECOND},
    {"an hour back", -3590 * (int64_t)SECOND, 10 * (int64_t)SECOND, -3600 * (int64_t)SECOND},
    {"a second is a step", 2 * (int64_t)SECOND, (int64_t)SECOND, (int64_t)SECOND},
};

static void test_steps(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct live_clock clock;
        live_clock_begin(&clock, day0, steady0);
        int64_t step_us = live_clock_look(&clock, day0 + (uint64_t)cases[i].day_us,
                                          steady0 + (uint64_t)cases[i].steady_us);
        if (step_us != cases[i].step_us)
            fail_msg("%s: a step of %lld us", cases[i].name, (long long)step_us);
        assert_int_equal(clock.steps, cases[i].step_us != 0);
        /* told once */
        assert_int_equal(live_clock_look(&clock, day0 + (uint64_t)cases[i].day_us + SECOND / 2,
                                         steady0 + (uint64_t)cases[i].steady_us + SECOND / 2),
                         0);
    }
}

/* A packet stamped by a clock that was set since the last look moves no time-out. */
static void test_what_is_believed(void **state) {
    struct live_clock clock;
    (void)state;
    live_clock_begin(&clock, day0, steady0);
    assert_true(live_clock_believe(&clock, day0 + 1000) == day0 + 1000);
    assert_true(live_clock_believe(&clock, day0 - SECOND) == day0 - SECOND);
    assert_true(live_clock_believe(&clock, day0 + UINT64_C(3600) * SECOND) ==
                day0 + LIVE_CLOCK_STEP_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_what_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
