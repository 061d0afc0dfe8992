/*
 * test_flow_bounds.c - every bound of the flow table is reached: what is told then, and that all
 * comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow_talk.h"
#include "tls_record.h"

enum { CLIENT_FIRST = 7000, SERVER_FIRST = 9000, HELLO_STEP = 3, ANSWER_STEP = 4 };

static const struct flow_config tight = {.flows = 8,
                                         .handshakes = 2,
                                         .small_buffers = 32,
                                         .medium_buffers = 2,
                                         .large_buffers = 1,
                                         .handshake_timeout_us = 30 * SECOND,
                                         .closing_timeout_us = SECOND,
                                         .idle_timeout_us = 300 * SECOND};

static struct talk talk;
static struct tape tape;
static struct tape other_tape;
static struct bytes messages;
static struct bytes flight;

static void play_part(const struct talk *whole, size_t from, size_t to, uint16_t port) {
    for (size_t i = from; i < to; i++) {
        struct step step = whole->steps[i];
        step.client_port = port;
        tape_step(&tape, &step);
    }
}

static uint64_t evicted(void) {
    return flow_table_counts(tape.table).flows_evicted;
}

/* Connections that never end push the oldest out, which is told as far as it got. */
static void test_flows_full(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.flows = 2;
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    tape_open(&tape, &config);
    for (uint16_t port = 1; port <= 4; port++)
        play_part(&talk, 0, HELLO_STEP + 1, port);
    assert_int_equal(tape.count, 2);
    assert_int_equal(evicted(), 2);
    demand_has("first", tape.lines[0], "1-443 direct inconclusive missed:40 offer{a.example");
    demand_has("second", tape.lines[1], "2-443 direct inconclusive missed:40 offer{a.example");
    /* Flows without a handshake go first. */
    play_part(&talk, 0, 1, 5);
    play_part(&talk, HELLO_STEP + 1, talk.count, 4);
    play_part(&talk, 0, 1, 6);
    play_part(&talk, 0, 1, 7);
    tape_end(&tape);
    assert_int_equal(tape.count, 4);
    demand_has("third", tape.lines[2], "3-443 direct inconclusive missed:40 offer{a.example");
    demand_has("fourth", tape.lines[3], "4-443 direct completed missed:00 offer{a.example");
    tape_close(&tape);
}

static void test_sessions_full(void **state) {
    (void)state;
    talk_tls12(&talk, CLIENT_FIRST, SERVER_FIRST);
    tape_open(&tape, &tight);
    for (uint16_t port = 1; port <= 3; port++)
        play_part(&talk, 0, ANSWER_STEP + 1, port);
    assert_int_equal(tape.count, 1);
    assert_int_equal(evicted(), 1);
    demand_has("oldest", tape.lines[0], "1-443 direct inconclusive missed:40 offer{a.example");
    for (uint16_t port = 1; port <= 3; port++)
        play_part(&talk, ANSWER_STEP + 1, talk.count, port);
    tape_end(&tape); /* what is over waits for late injections, and makes room if need be */
    assert_int_equal(tape.count, 3);
    assert_int_equal(evicted(), 1);
    demand_has("second", tape.lines[1], "2-443 direct completed missed:00 offer{a.example");
    demand_has("third", tape.lines[2], "3-443 direct completed missed:00 offer{a.example");
    tape_close(&tape);
}

/* Silence is noticed by the clock of other packets; closing connections wait for less. */
static void test_time_outs(void **state) {
    (void)state;
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    tape_open(&tape, &tight);
    play_part(&talk, 0, HELLO_STEP + 1, 1);
    tape.now_us += 29 * SECOND;
    play_part(&talk, 0, HELLO_STEP + 1, 2);
    assert_int_equal(tape.count, 0);
    tape.now_us += 2 * SECOND;
    play_part(&talk, ANSWER_STEP, ANSWER_STEP + 1, 2);
    assert_int_equal(tape.count, 1);
    demand_has("silence", tape.lines[0], "1-443 direct failed missed:00 offer{a.example");
    struct step close = talk.steps[ANSWER_STEP + 1];
    close.size = 0;
    close.flags = TCP_FIN | TCP_ACK;
    close.client_port = 2;
    tape_step(&tape, &close);
    tape.now_us += 2 * SECOND;
    play_part(&talk, 0, 1, 3);
    assert_int_equal(tape.count, 2);
    demand_has("close", tape.lines[1], "2-443 direct failed missed:00 offer{a.example");
    tape_close(&tape);
}

/* The clock goes on by a packet of another connection: what lingered is told. */
static void tell_lingering(void) {
    tape.now_us += 2 * SECOND;
    play_part(&talk, 0, 1, 9);
}

/* A connection is remembered as told for five minutes, and after its close for a second. */
static void test_told_flows_are_forgotten(void **state) {
    (void)state;
    size_t close = 0;
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    while (!(talk.steps[close].flags & TCP_FIN))
        close++;
    tape_open(&tape, &tight);
    play_part(&talk, 0, close, 1);
    tell_lingering();
    tape.now_us += 298 * SECOND;
    play_part(&talk, HELLO_STEP, ANSWER_STEP + 1, 1);
    tape_end(&tape);
    assert_int_equal(tape.count, 1);
    play_part(&talk, 0, close, 1);
    tell_lingering();
    tape.now_us += 302 * SECOND;
    play_part(&talk, HELLO_STEP, ANSWER_STEP + 1, 1);
    tape_end(&tape);
    assert_int_equal(tape.count, 3);
    demand_has("again", tape.lines[2], "1-443 direct inconclusive missed:41 offer{a.example");
    tape_close(&tape);
}

/* ---- buffers ---- */

static void arrange_hello(size_t padding) {
    struct client_plan plan = {.name = "a.example", .padding = padding};
    messages.size = 0;
    flight.size = 0;
    message_client_hello(&messages, plan);
    record_messages(&flight, &messages);
    talk_init(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk_open(&talk);
    talk_say(&talk, SIDE_CLIENT, &flight);
    messages.size = 0;
    flight.size = 0;
    message_server_hello(&messages, (struct server_plan){.suite = 0xc02f});
    record_messages(&flight, &messages);
    talk_say(&talk, SIDE_SERVER, &flight);
}

/* The second of two long hellos finds no buffer: what could not be kept is missing, and said so. */
static void test_buffers_exhausted(void **state) {
    (void)state;
    static const size_t paddings[] = {1900, 17000, 60000};
    for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++) {
        struct flow_config config = tight;
        config.small_buffers = i == 0;
        config.medium_buffers = i == 1;
        config.large_buffers = i == 2;
        arrange_hello(paddings[i]);
        tape_open(&tape, &config);
        play_part(&talk, 0, HELLO_STEP + 1, 1);
        play_part(&talk, 0, HELLO_STEP + 1, 2);
        tape_end(&tape);
        assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 1);
        assert_int_equal(tape.count, 1);
        demand_has("kept", tape.lines[0], "1-443 direct inconclusive missed:40 offer{a.example");
        tape_close(&tape);
        if (i == 0)
            continue;
        config.small_buffers = 1; /* the second's answer finds room, its hello did not */
        tape_open(&tape, &config);
        play_part(&talk, 0, HELLO_STEP + 1, 1);
        play_part(&talk, 0, ANSWER_STEP + 1, 2);
        tape_end(&tape);
        assert_int_equal(tape.count, 2);
        demand_has("lost", tape.lines[1], "2-443 direct inconclusive missed:c0 choice{0303");
        tape_close(&tape);
    }
}

/* More segments wait than can be held: the hole before them is given up. */
/* A certificate is kept until its name was read, and no longer: thousands of handshakes may wait to
 * be told. */
static void test_certificates_give_their_buffer_back(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.flows = 16;
    config.handshakes = 16;
    config.medium_buffers = 1;
    config.large_buffers = 0;
    talk_init(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk_open(&talk);
    messages.size = 0;
    flight.size = 0;
    message_client_hello(&messages, (struct client_plan){.suites = 3});
    record_messages(&flight, &messages);
    talk_say(&talk, SIDE_CLIENT, &flight);
    messages.size = 0;
    flight.size = 0;
    message_server_hello(&messages, (struct server_plan){.suite = 0xc02f});
    message_plain(&messages, TLS_CERTIFICATE, 3000);
    message_key_exchange(&messages);
    record_messages(&flight, &messages);
    talk_say(&talk, SIDE_SERVER, &flight);
    tape_open(&tape, &config);
    for (uint16_t port = 1; port <= 10; port++)
        play_part(&talk, 0, talk.count, port);
    tape_end(&tape);
    assert_int_equal(tape.count, 10);
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 0);
    for (size_t i = 0; i < tape.count; i++) {
        demand_has("offer", tape.lines[i], "offer{");
        demand_has("choice", tape.lines[i], "choice{");
        demand_line("the same", strchr(tape.lines[0], ' '), strchr(tape.lines[i], ' '));
    }
    tape_close(&tape);
}

static void test_held_segments_full(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.small_buffers = 64;
    arrange_hello(900);
    talk_split(&talk, HELLO_STEP, 300);
    for (size_t i = HELLO_STEP + 1; talk.steps[i].size > 10; i++)
        talk_split(&talk, i, 10);
    talk_remove(&talk, HELLO_STEP);
    tape_open(&tape, &config);
    demand_has("hole", tape_one(&tape, &talk), "40000-443 direct inconclusive missed:48 choice{");
    tape_close(&tape);
    /* And when the buffers to hold them in are used up, there is no room for the answer either. */
    config.small_buffers = 8;
    config.medium_buffers = 0;
    config.large_buffers = 0;
    tape_open(&tape, &config);
    tape.count = 0;
    tape_play(&tape, &talk);
    tape_end(&tape);
    assert_int_equal(tape.count, 0);
    assert_true(flow_table_counts(tape.table).buffers_exhausted > 0);
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    demand_has("next", tape_one(&tape, &talk), "direct completed missed:00 offer{a.example");
    tape_close(&tape);
}

/* A bulk transfer whose first packet was lost holds a place among the handshakes, but not for long.
 */
static void test_lost_beginning_of_no_handshake(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.handshakes = 1;
    tape_open(&tape, &config);
    flight.size = 0;
    bytes_fill(&flight, 'x', 140000);
    talk_init(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk_open(&talk);
    talk_say(&talk, SIDE_SERVER, &flight);
    talk_split_all(&talk, 1400);
    talk_remove(&talk, HELLO_STEP);
    play_part(&talk, 0, talk.count, 1);
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    demand_has("next", tape_one(&tape, &talk), "direct completed missed:00 offer{a.example");
    assert_int_equal(evicted(), 0);
    tape_close(&tape);
}

/* ---- the end ---- */

/* Leaves streams with held segments, hellos half kept, closing and open connections behind. */
static void leave_work(uint16_t port) {
    arrange_hello(3000);
    talk_split_all(&talk, 500);
    talk_remove(&talk, HELLO_STEP + 1);
    play_part(&talk, 0, talk.count - 1, port);
    talk_tls12(&talk, CLIENT_FIRST, SERVER_FIRST);
    play_part(&talk, 0, ANSWER_STEP + 1, (uint16_t)(port + 1));
    struct step close = talk.steps[ANSWER_STEP + 1];
    close.size = 0;
    close.flags = TCP_FIN | TCP_ACK;
    close.client_port = (uint16_t)(port + 1);
    tape_step(&tape, &close);
}

static void test_all_comes_back(void **state) {
    (void)state;
    static char first[LINES_MAX][LINE_SIZE];
    size_t count = 0;
    tape_open(&tape, &tight);
    for (size_t round = 0; round < 200; round++) {
        tape.count = 0;
        /* Each capture begins at its own time, which may be long before the last one's. */
        tape.now_us = UINT64_C(1700000000) * SECOND - round * 1000 * SECOND;
        tape.number = 0;
        leave_work(1);
        tape_end(&tape);
        if (round == 0) {
            count = tape.count;
            memcpy(first, tape.lines, sizeof first);
        }
        assert_true(count > 0);
        assert_int_equal(tape.count, count);
        for (size_t i = 0; i < count; i++)
            demand_line("round", first[i], tape.lines[i]);
    }
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 0);
    assert_int_equal(evicted(), 0);
    tape_close(&tape);
}

/* Two tables hash with different seeds and tell the same, in the same order, with the same ids. */
static void test_output_does_not_depend_on_the_seed(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.flows = 64;
    config.handshakes = 24;
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    uint64_t last_id = 0;
    for (size_t round = 0; round < 2; round++) {
        tape_open(&tape, &config);
        for (uint16_t port = 20; port > 0; port--)
            play_part(&talk, 0, HELLO_STEP + 1, (uint16_t)(port * 7));
        for (uint16_t port = 1; port <= 20; port += 3)
            play_part(&talk, ANSWER_STEP, ANSWER_STEP + 1, (uint16_t)(port * 7));
        tape_end(&tape);
        assert_int_equal(tape.count, 20);
        if (round == 0)
            other_tape = tape;
        else
            assert_int_equal(tape.last.flow_id, last_id);
        last_id = tape.last.flow_id;
        for (size_t i = 0; i < tape.count; i++)
            demand_line("order", other_tape.lines[i], tape.lines[i]);
        tape_close(&tape);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_full),
        cmocka_unit_test(test_sessions_full),
        cmocka_unit_test(test_time_outs),
        cmocka_unit_test(test_told_flows_are_forgotten),
        cmocka_unit_test(test_buffers_exhausted),
        cmocka_unit_test(test_certificates_give_their_buffer_back),
        cmocka_unit_test(test_held_segments_full),
        cmocka_unit_test(test_lost_beginning_of_no_handshake),
        cmocka_unit_test(test_all_comes_back),
        cmocka_unit_test(test_output_does_not_depend_on_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
