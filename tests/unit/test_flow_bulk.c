/*
 * test_flow_bulk.c - of which connections the flow table says that nothing more is needed
 * (flow_config.bulk), and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_talk.h"
#include "flow_key.h"
#include "tls_record.h"

enum { CLIENT_FIRST = 7000, SERVER_FIRST = 9000, FIRST = 8, EVERY = 16 };

static struct talk talk;
static struct dtls_talk dtls;
static struct tape tape;
static struct bytes flight;
static unsigned calls;
static struct flow_bulk called; /* the latest */
static uint16_t called_ports[2];

static void note_bulk(void *context, const struct flow_bulk *bulk) {
    assert_ptr_equal(context, &tape);
    calls++;
    called = *bulk;
    called_ports[0] = bulk->key->port[0];
    called_ports[1] = bulk->key->port[1];
}

static size_t handshake_steps;

static void open_tape(void) {
    struct flow_config config;
    flow_default_config(&config);
    config.flows = 64;
    config.handshakes = 16;
    config.bulk = note_bulk;
    calls = 0;
    tape_open(&tape, &config);
}

static void say_data(enum handshake_side from, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        flight.size = 0;
        record_fill(&flight, TLS_APPLICATION_DATA, 100);
        talk_say(&talk, from, &flight);
    }
}

/* A handshake that is over, and the connection still open. */
static void say_handshake(void) {
    talk_tls13(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk.count -= 5; /* some data of both, and the close */
    for (unsigned side = 0; side < SIDE_COUNT; side++)
        talk.said[side].size -= talk.steps[talk.count + side].size;
    handshake_steps = talk.count;
}

/* How often bulk() was called for a handshake and what came behind it, long enough afterwards that
 * nothing can contradict it any more. */
static unsigned calls_of_talk(void) {
    open_tape();
    for (size_t i = 0; i < talk.count; i++) {
        if (i == handshake_steps)
            tape.now_us += 2000000;
        tape_step(&tape, &talk.steps[i]);
    }
    unsigned count = calls;
    tape_end(&tape);
    assert_int_equal(calls, count);
    assert_int_equal(tape.count, 1);
    tape_close(&tape);
    return count;
}

static void is_called_while_payload_comes_in_vain(void **state) {
    (void)state;
    say_handshake();
    unsigned before = calls_of_talk();
    assert_int_equal(before, 0);
    say_data(SIDE_SERVER, EVERY * 5);
    say_data(SIDE_CLIENT, EVERY * 5);
    unsigned count = calls_of_talk();
    assert_in_range(count, 10, 11); /* some data is in the handshake's own packets */
    assert_int_equal(called.protocol, HANDSHAKE_TLS);
    assert_int_equal(called_ports[0] + called_ports[1], CLIENT_PORT + SERVER_PORT);
}

/* Soon at first: much may follow. */
static void is_called_early(void **state) {
    (void)state;
    say_handshake();
    say_data(SIDE_SERVER, FIRST - 1);
    assert_int_equal(calls_of_talk(), 0);
    say_handshake();
    say_data(SIDE_SERVER, FIRST);
    assert_int_equal(calls_of_talk(), 1);
}

static void acknowledgements_are_not_counted(void **state) {
    (void)state;
    say_handshake();
    for (unsigned i = 0; i < 10 * EVERY; i++)
        talk_packet(&talk, SIDE_CLIENT, TCP_ACK);
    assert_int_equal(calls_of_talk(), 0);
}

static void is_not_called_once_an_end_was_closed(void **state) {
    (void)state;
    say_handshake();
    talk_packet(&talk, SIDE_CLIENT, TCP_FIN | TCP_ACK);
    say_data(SIDE_SERVER, EVERY * 5);
    assert_int_equal(calls_of_talk(), 0);
}

static void is_not_called_during_the_next_handshake(void **state) {
    (void)state;
    say_handshake();
    open_tape();
    tape_play(&tape, &talk);
    talk_init(&talk, CLIENT_FIRST + 500000, SERVER_FIRST + 500000);
    talk_open(&talk);
    flight.size = 0;
    bytes_fill(&flight, TLS_HANDSHAKE, 1);
    for (unsigned i = 0; i < 4 * EVERY; i++)
        talk_say(&talk, SIDE_CLIENT, &flight);
    tape_play(&tape, &talk);
    assert_int_equal(calls, 0);
    tape_close(&tape);
}

static void foreign_connections_are_followed_on(void **state) {
    (void)state;
    talk_init(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk_open(&talk);
    flight.size = 0;
    bytes_add(&flight, "GET / HTTP/1.1\r\n", 16);
    for (unsigned i = 0; i < 10 * EVERY; i++)
        talk_say(&talk, SIDE_CLIENT, &flight);
    open_tape();
    tape_play(&tape, &talk);
    assert_int_equal(calls, 0);
    tape_close(&tape);
}

/* A handshake and so much data, which come at once: it can be contradicted still. */
static void play_at_once(unsigned count) {
    say_handshake();
    say_data(SIDE_CLIENT, count);
    say_data(SIDE_SERVER, count);
    open_tape();
    tape_play(&tape, &talk);
}

static void says_what_may_contradict_the_handshake(void **state) {
    (void)state;
    play_at_once(FIRST);
    assert_int_equal(calls, 1); /* when the client has said its part */
    assert_int_equal(called.protocol, HANDSHAKE_TLS);
    assert_in_range(called.watch_us, 1, SECOND);
    unsigned server = called_ports[0] == SERVER_PORT ? 0 : 1;
    const struct step *next = &talk.steps[talk.count - FIRST]; /* the server's first */
    assert_int_equal(called.next_sequence[server], next->sequence);
    assert_int_equal(called.next_sequence[server ^ 1U], next->acknowledgement);
    tape_close(&tape);
}

static void is_called_again_while_it_can_be_contradicted(void **state) {
    (void)state;
    play_at_once(EVERY);
    assert_int_equal(calls, 2);
    tape_close(&tape);
}

/* In the server's name, at the first byte that it has not said yet. The bytes stay until it does.
 */
static struct step forged_alert(void) {
    flight.size = 0;
    record_alert(&flight, 2, 40);
    struct step step = *talk_say(&talk, SIDE_SERVER, &flight);
    talk.said[SIDE_SERVER].size -= flight.size;
    talk.count--;
    step.hop_limit = 7;
    return step;
}

static void is_not_called_once_something_is_suspect(void **state) {
    (void)state;
    play_at_once(0);
    const struct step forged = forged_alert();
    tape_step(&tape, &forged);
    size_t before = talk.count;
    say_data(SIDE_SERVER, EVERY);
    for (size_t i = before; i < talk.count; i++)
        tape_step(&tape, &talk.steps[i]);
    assert_int_equal(calls, 0);
    tape_close(&tape);
}

/* Some of the server's bytes were kept out when an alert is forged in its name; what it says next
 * stands in the same place. */
static void a_forged_alert_behind_what_was_kept_out_is_contradicted(void **state) {
    (void)state;
    play_at_once(2);
    assert_int_equal(calls, 0); /* kept out all the same */
    say_data(SIDE_SERVER, 20);  /* not played */
    const struct step forged = forged_alert();
    tape_step(&tape, &forged);
    say_data(SIDE_SERVER, 1);
    tape_step(&tape, &talk.steps[talk.count - 1]);
    tape_end(&tape);
    assert_int_equal(tape.count, 1);
    const struct handshake *record = &tape.last;
    assert_int_equal(record->outcome, OUTCOME_COMPLETED);
    assert_int_equal(record->missed & ~(uint32_t)MISSED_END, 0);
    assert_int_equal(record->suspect_count, 1);
    const struct suspect *suspect = &record->suspects[0];
    assert_int_equal(transport_signals(record, suspect), SIGNAL_CONFLICT | SIGNAL_DATA_AFTER |
                                                             SIGNAL_HOP_LIMIT |
                                                             SIGNAL_ENCRYPTED_EPOCH);
    tape_close(&tape);
}

static void dtls_is_named_as_what_it_is(void **state) {
    (void)state;
    dtls_talk_init(&dtls);
    dtls_say_all(&dtls);
    open_tape();
    dtls_play(&tape, &dtls);
    assert_int_equal(calls, 0);
    dtls.count = 0;
    for (unsigned i = 0; i < 3 * EVERY; i++) {
        dtls_datagram(&dtls, SIDE_SERVER);
        dtls_record(&dtls, TLS_APPLICATION_DATA, 1, "0123456789abcdef", 16);
    }
    dtls_play(&tape, &dtls);
    assert_int_equal(calls, 3);
    assert_int_equal(called.protocol, HANDSHAKE_DTLS);
    tape_close(&tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_called_while_payload_comes_in_vain),
        cmocka_unit_test(is_called_early),
        cmocka_unit_test(acknowledgements_are_not_counted),
        cmocka_unit_test(is_not_called_once_an_end_was_closed),
        cmocka_unit_test(is_not_called_during_the_next_handshake),
        cmocka_unit_test(foreign_connections_are_followed_on),
        cmocka_unit_test(says_what_may_contradict_the_handshake),
        cmocka_unit_test(is_called_again_while_it_can_be_contradicted),
        cmocka_unit_test(is_not_called_once_something_is_suspect),
        cmocka_unit_test(a_forged_alert_behind_what_was_kept_out_is_contradicted),
        cmocka_unit_test(dtls_is_named_as_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
