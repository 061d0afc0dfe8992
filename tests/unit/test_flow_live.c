/*
 * test_flow_live.c - what only a live capture asks of the flow table: silence, packets that the
 * capture lost, and a clock that is set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow_talk.h"

enum { HOUR = 3600 };

static struct talk talk;
static struct tape tape;

/* The packets of a whole TLS 1.2 handshake but for the last `missing`. */
static void play_part(size_t steps) {
    talk_tls12(&talk, 1000, 2000);
    for (size_t i = 0; i < steps; i++)
        tape_step(&tape, &talk.steps[i]);
}

/* SYN, SYN-ACK, ACK, ClientHello. */
enum { UNTIL_HELLO = 4 };

static int open_tape(void **state) {
    (void)state;
    tape_open(&tape, NULL);
    return 0;
}

static int close_tape(void **state) {
    (void)state;
    tape_close(&tape);
    return 0;
}

static void test_silence_ends_a_handshake(void **state) {
    (void)state;
    play_part(UNTIL_HELLO);
    flow_table_tick(tape.table, tape.now_us + 29 * (uint64_t)SECOND);
    assert_int_equal(tape.count, 0);
    flow_table_tick(tape.table, tape.now_us + 31 * (uint64_t)SECOND);
    assert_int_equal(tape.count, 1);
    assert_int_equal(tape.last.outcome, OUTCOME_FAILED);
    assert_int_equal(tape.last.missed & MISSED_CAPTURE, 0);
    assert_true(flow_table_now(tape.table) == tape.now_us + 31 * (uint64_t)SECOND);
}

static void test_a_tick_does_not_go_back(void **state) {
    (void)state;
    play_part(UNTIL_HELLO);
    flow_table_tick(tape.table, 1);
    assert_true(flow_table_now(tape.table) == tape.now_us);
}

static void test_a_hole_makes_inconclusive(void **state) {
    (void)state;
    play_part(UNTIL_HELLO);
    flow_table_hole(tape.table, tape.now_us + 100, tape.now_us + 200);
    flow_table_tick(tape.table, tape.now_us + 31 * (uint64_t)SECOND);
    assert_int_equal(tape.last.outcome, OUTCOME_INCONCLUSIVE);
    assert_true(tape.last.missed & MISSED_CAPTURE);
    assert_int_equal(flow_table_counts(tape.table).inconclusive, 1);
}

static void test_a_hole_before_or_after_touches_nothing(void **state) {
    (void)state;
    flow_table_hole(tape.table, 1, 2);
    play_part(UNTIL_HELLO);
    flow_table_hole(tape.table, tape.now_us + 40 * (uint64_t)SECOND,
                    tape.now_us + 41 * (uint64_t)SECOND);
    flow_table_tick(tape.table, tape.now_us + 31 * (uint64_t)SECOND);
    assert_int_equal(tape.last.outcome, OUTCOME_FAILED);
    assert_int_equal(tape.last.missed & MISSED_CAPTURE, 0);
}

/* Every byte of it was seen: it is as complete as without the hole, and says that there was one. */
static void test_a_completed_handshake_stays_completed(void **state) {
    (void)state;
    play_part(UNTIL_HELLO);
    flow_table_hole(tape.table, tape.now_us, tape.now_us + 1);
    for (size_t i = UNTIL_HELLO; i < talk.count; i++)
        tape_step(&tape, &talk.steps[i]);
    tape_end(&tape);
    assert_int_equal(tape.count, 1);
    assert_int_equal(tape.last.outcome, OUTCOME_COMPLETED);
    assert_true(tape.last.missed & MISSED_CAPTURE);
}

/* Of many holes the oldest become one, which covers what lies between: never fewer are touched. */
static void test_many_holes_lose_none(void **state) {
    (void)state;
    play_part(UNTIL_HELLO);
    for (uint64_t i = 1; i <= 100; i++)
        flow_table_hole(tape.table, tape.now_us + i * (uint64_t)MILLISECOND * 100,
                        tape.now_us + i * (uint64_t)MILLISECOND * 100 + 1);
    flow_table_tick(tape.table, tape.now_us + 31 * (uint64_t)SECOND);
    assert_true(tape.last.missed & MISSED_CAPTURE);
}

/* The clock is set by hours: nothing times out for it, and the time-out then takes as long as ever.
 */
static void check_shift(int64_t by_us) {
    play_part(UNTIL_HELLO);
    flow_table_shift(tape.table, by_us);
    tape.now_us += (uint64_t)by_us;
    flow_table_tick(tape.table, tape.now_us + 29 * (uint64_t)SECOND);
    assert_int_equal(tape.count, 0);
    flow_table_tick(tape.table, tape.now_us + 31 * (uint64_t)SECOND);
    assert_int_equal(tape.count, 1);
    assert_int_equal(tape.last.outcome, OUTCOME_INCONCLUSIVE);
}

static void test_clock_set_forward(void **state) {
    (void)state;
    check_shift(HOUR * (int64_t)SECOND);
}

static void test_clock_set_back(void **state) {
    (void)state;
    tape.now_us += 2 * HOUR * (uint64_t)SECOND;
    check_shift(-HOUR * (int64_t)SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_silence_ends_a_handshake, open_tape, close_tape),
        cmocka_unit_test_setup_teardown(test_a_tick_does_not_go_back, open_tape, close_tape),
        cmocka_unit_test_setup_teardown(test_a_hole_makes_inconclusive, open_tape, close_tape),
        cmocka_unit_test_setup_teardown(test_a_hole_before_or_after_touches_nothing, open_tape,
                                        close_tape),
        cmocka_unit_test_setup_teardown(test_a_completed_handshake_stays_completed, open_tape,
                                        close_tape),
        cmocka_unit_test_setup_teardown(test_many_holes_lose_none, open_tape, close_tape),
        cmocka_unit_test_setup_teardown(test_clock_set_forward, open_tape, close_tape),
        cmocka_unit_test_setup_teardown(test_clock_set_back, open_tape, close_tape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
