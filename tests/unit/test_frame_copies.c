/*
 * test_frame_copies.c - frames that wait: so many stay whole, whatever their sizes are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frame_copies.h"

enum { FRAMES = 5000 };

static struct frame_copies copies;
static struct span kept[FRAMES];

static uint8_t byte_of(size_t number) {
    return (uint8_t)(number * 7 + 1);
}

static void add(size_t number, size_t size) {
    uint8_t frame[FRAME_COPIES_MAX_SIZE];
    memset(frame, byte_of(number), sizeof frame);
    kept[number] = frame_copies_add(&copies, span_of(frame, size));
    assert_int_equal(kept[number].size, size);
}

static void demand_whole(size_t number) {
    const uint8_t *end = copies.memory + sizeof copies.memory;
    assert_true(kept[number].data >= copies.memory && kept[number].data + kept[number].size <= end);
    for (size_t i = 0; i < kept[number].size; i++)
        assert_int_equal(kept[number].data[i], byte_of(number));
}

/* The new one, and as many before it as wait in a lane. */
static void add_all(size_t (*size_of)(size_t number)) {
    memset(&copies, 0, sizeof copies);
    for (size_t number = 0; number < FRAMES; number++) {
        add(number, size_of(number));
        for (size_t back = 0; back <= FRAME_COPIES_KEPT && back <= number; back++)
            demand_whole(number - back);
    }
}

static size_t largest(size_t number) {
    (void)number;
    return FRAME_COPIES_MAX_SIZE;
}

static size_t nothing(size_t number) {
    (void)number;
    return 0;
}

/* Sizes that leave gaps of every kind at the end of the memory. */
static size_t mixed(size_t number) {
    return number * number * 31 % (FRAME_COPIES_MAX_SIZE + 1);
}

static size_t nearly_largest(size_t number) {
    return FRAME_COPIES_MAX_SIZE - number % 65;
}

static void frames_that_wait_stay_whole(void **state) {
    (void)state;
    add_all(largest);
    add_all(nothing);
    add_all(mixed);
    add_all(nearly_largest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_wait_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
