/*
 * test_evidence.c - what the flow table keeps of packets that may be somebody else's: marks,
 * suspects, and two versions of the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow_talk.h"
#include "tls_record.h"

enum { X25519 = 29, TLS13_SUITE = 0x1301, TLS12_SUITE = 0xc02f, SERVER_HOPS = 57, OTHER_HOPS = 49 };
enum { CLIENT_FIRST = 7000 };
static const uint32_t server_first = 0xfffffff8U; /* wraps around within the first hello */

static const struct client_plan client13 = {.name = "a.example", .is_13 = true, .share = X25519};
static const struct server_plan server13 = {
    .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519};

static struct talk talk;
static struct tape tape;
static struct bytes messages;
static struct bytes flight;
static struct bytes forged;

/* SYN, SYN-ACK, ACK, ClientHello. */
static void begin(void) {
    flight.size = 0;
    forged.size = 0;
    talk_init(&talk, CLIENT_FIRST, server_first);
    talk_open(&talk);
    messages.size = 0;
    message_client_hello(&messages, client13);
    record_messages(&flight, &messages);
    talk_say(&talk, SIDE_CLIENT, &flight);
    flight.size = 0;
}

static void say_server_hello(struct server_plan plan) {
    messages.size = 0;
    message_server_hello(&messages, plan);
    record_messages(&flight, &messages);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
}

static void say_rest(void) {
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 150);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 53);
    talk_say(&talk, SIDE_CLIENT, &flight);
    flight.size = 0;
}

/* A packet that somebody else sends in the server's name, `ahead` bytes into its stream. */
static struct step forge(uint8_t flags, uint32_t ahead) {
    return (struct step){.from = SIDE_SERVER,
                         .flags = flags,
                         .hop_limit = OTHER_HOPS,
                         .client_port = CLIENT_PORT,
                         .sequence = server_first + ahead,
                         .acknowledgement = CLIENT_FIRST,
                         .payload = forged.size ? forged.data : NULL,
                         .size = forged.size,
                         .after_us = MILLISECOND};
}

static const struct handshake *play(void) {
    for (size_t i = 0; i < talk.count; i++)
        if (talk.steps[i].from == SIDE_SERVER && talk.steps[i].hop_limit != OTHER_HOPS)
            talk.steps[i].hop_limit = SERVER_HOPS;
    tape_open(&tape, NULL);
    tape_one(&tape, &talk);
    return &tape.last;
}

static const struct suspect *find_suspect(const struct handshake *record, enum suspect_kind kind) {
    for (size_t i = 0; i < record->suspect_count; i++)
        if (record->suspects[i].kind == kind && record->suspects[i].sender == SIDE_SERVER)
            return &record->suspects[i];
    fail_msg("no suspect of kind %d", (int)kind);
    return NULL;
}

/* The race is won: the forged alert comes first, the genuine hello contradicts it. */
static void test_forged_alert_before_the_hello(void **state) {
    (void)state;
    begin();
    size_t at = talk.count;
    say_server_hello(server13);
    record_alert(&forged, 2, 40);
    talk_insert(&talk, at, forge(TCP_ACK | TCP_PSH, 0));
    const struct handshake *record = play();
    const struct suspect *suspect = find_suspect(record, SUSPECT_ALERT);
    assert_int_equal(suspect->mark.hop_limit, OTHER_HOPS);
    assert_int_equal(suspect->before.hop_limit, SERVER_HOPS);
    assert_int_equal(suspect->after.hop_limit, SERVER_HOPS);
    assert_int_equal(suspect->alert_description, 40);
    assert_int_equal(record->conflict_count, 1);
    const struct conflict *conflict = &record->conflicts[0];
    assert_int_equal(conflict->sender, SIDE_SERVER);
    assert_int_equal(conflict->sequence, server_first);
    assert_int_equal(conflict->first.content_type, TLS_ALERT);
    assert_int_equal(conflict->first.alert_description, 40);
    assert_int_equal(conflict->first.size, 7);
    assert_int_equal(conflict->first.bytes[0], TLS_ALERT);
    assert_int_equal(conflict->second.content_type, TLS_HANDSHAKE);
    assert_int_equal(conflict->second.handshake_type, TLS_SERVER_HELLO);
    assert_true(conflict->second.has_hello);
    assert_int_equal(conflict->second.version, TLS_VERSION_1_3);
    assert_int_equal(conflict->second.cipher_suite, TLS13_SUITE);
    assert_int_equal(conflict->second.size, TRANSPORT_CONFLICT_SIZE);
    assert_int_equal(transport_signals(record, suspect),
                     SIGNAL_CONFLICT | SIGNAL_DATA_AFTER | SIGNAL_HOP_LIMIT);
    tape_close(&tape);
}

/* The race is lost: what was read is the genuine hello, and the forgery is seen nevertheless. */
static void test_forged_alert_behind_the_hello(void **state) {
    (void)state;
    begin();
    say_server_hello(server13);
    record_alert(&forged, 2, 40);
    talk_insert(&talk, talk.count, forge(TCP_ACK | TCP_PSH, 0));
    say_rest();
    const struct handshake *record = play();
    assert_int_equal(record->outcome, OUTCOME_COMPLETED);
    assert_int_equal(record->alert_count, 0);
    const struct suspect *suspect = find_suspect(record, SUSPECT_ALERT);
    assert_int_equal(suspect->alert_description, 40);
    const struct conflict *conflict = transport_conflict_of(record, suspect);
    assert_non_null(conflict);
    assert_true(conflict->first.has_hello);
    assert_int_equal(conflict->second.content_type, TLS_ALERT);
    assert_int_equal(transport_signal_count(transport_signals(record, suspect)), 3);
    tape_close(&tape);
}

/* Two hellos for the same bytes, however they are cut. */
/* The server encrypts, and an alert in clear comes in its name before the client's answer. */
static void test_forged_alert_in_the_encrypted_epoch(void **state) {
    (void)state;
    begin();
    say_server_hello(server13);
    size_t at = talk.count + 1;
    uint32_t said = (uint32_t)talk.said[SIDE_SERVER].size;
    say_rest();
    uint32_t ahead = (uint32_t)talk.said[SIDE_SERVER].size;
    assert_true(ahead > said);
    record_alert(&forged, 2, 40);
    talk_insert(&talk, at, forge(TCP_ACK | TCP_PSH, ahead));
    const struct handshake *record = play();
    const struct suspect *suspect = find_suspect(record, SUSPECT_ALERT);
    assert_true(suspect->is_in_encrypted_epoch);
    assert_int_equal(record->alert_count, 1);
    tape_close(&tape);
}

/* The handshake is over when the forged alert comes: at the next place, and at the hello's. */
static void test_forged_alert_afterwards(void **state) {
    (void)state;
    for (unsigned at_hello = 0; at_hello < 2; at_hello++) {
        begin();
        say_server_hello(server13);
        say_rest();
        uint32_t ahead = at_hello ? 0 : (uint32_t)talk.said[SIDE_SERVER].size;
        record_alert(&forged, 2, 40);
        talk_insert(&talk, talk.count, forge(TCP_ACK | TCP_PSH, ahead));
        record_fill(&flight, TLS_APPLICATION_DATA, 90);
        talk_say(&talk, SIDE_SERVER, &flight);
        const struct handshake *record = play();
        assert_int_equal(record->outcome, OUTCOME_COMPLETED);
        const struct suspect *suspect = find_suspect(record, SUSPECT_ALERT);
        assert_int_equal(suspect->is_in_encrypted_epoch, !at_hello);
        assert_non_null(transport_conflict_of(record, suspect));
        assert_true(transport_signals(record, suspect) & SIGNAL_DATA_AFTER);
        tape_close(&tape);
    }
}

/* A second later nobody looks any more. */
static void test_forged_alert_much_later(void **state) {
    (void)state;
    begin();
    say_server_hello(server13);
    say_rest();
    record_alert(&forged, 2, 40);
    struct step late = forge(TCP_ACK | TCP_PSH, 0);
    late.after_us = 2000 * MILLISECOND;
    talk_insert(&talk, talk.count, late);
    const struct handshake *record = play();
    assert_int_equal(record->suspect_count, 0);
    tape_close(&tape);
}

static void test_two_hellos(void **state) {
    (void)state;
    static const struct server_plan lower = {.suite = TLS12_SUITE};
    for (size_t cut = 0; cut < 60; cut += 7) {
        begin();
        size_t at = talk.count;
        say_server_hello(server13);
        if (cut)
            talk_split(&talk, at, cut);
        messages.size = 0;
        message_server_hello(&messages, lower);
        record_messages(&forged, &messages);
        talk_insert(&talk, talk.count, forge(TCP_ACK | TCP_PSH, 0));
        say_rest();
        const struct handshake *record = play();
        assert_int_equal(record->conflict_count, 1);
        const struct conflict *conflict = &record->conflicts[0];
        assert_int_equal(conflict->first.version, TLS_VERSION_1_3);
        assert_int_equal(conflict->second.version, TLS_VERSION_1_2);
        assert_int_equal(conflict->second.cipher_suite, TLS12_SUITE);
        assert_int_equal(conflict->second.mark.hop_limit, OTHER_HOPS);
        assert_int_equal(conflict->first.mark.hop_limit, SERVER_HOPS);
        tape_close(&tape);
    }
}

/* A segment that waits for an earlier one is contradicted as well. */
static void test_conflict_with_a_held_segment(void **state) {
    (void)state;
    begin();
    size_t at = talk.count;
    say_server_hello(server13);
    talk_split(&talk, at, 20);
    struct step late = talk.steps[at];
    talk_remove(&talk, at);
    bytes_fill(&forged, 0xee, 40);
    talk_insert(&talk, talk.count, forge(TCP_ACK, 20));
    talk_insert(&talk, talk.count, late);
    say_rest();
    const struct handshake *record = play();
    assert_int_equal(record->conflict_count, 1);
    assert_int_equal(record->conflicts[0].sequence, server_first + 20);
    tape_close(&tape);
}

static void arrange_honest_alert(void) {
    record_alert(&flight, 2, 70);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
    talk_close(&talk);
}

static void arrange_close_notify_behind_alert(void) {
    record_alert(&flight, 2, 70);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
    record_alert(&flight, 1, 0);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
    talk_close(&talk);
}

static void arrange_each_packet_twice(void) {
    say_server_hello(server13);
    arrange_honest_alert();
    for (size_t i = talk.count; i > 0; i--)
        talk_insert(&talk, i, talk.steps[i - 1]);
}

/* One byte before what is due, of any value: keep-alives and zero-window probes. */
static void arrange_keep_alive(void) {
    say_server_hello(server13);
    bytes_fill(&forged, 0x5a, 1);
    struct step probe = forge(TCP_ACK, (uint32_t)talk.said[SIDE_SERVER].size - 1);
    probe.hop_limit = SERVER_HOPS;
    talk_insert(&talk, talk.count, probe);
    say_rest();
}

static void arrange_other_cuts(void) {
    say_server_hello(server13);
    struct step whole = talk.steps[talk.count - 1];
    for (size_t start = 3; start + 50 < whole.size; start += 20) {
        struct step again = whole;
        again.sequence += (uint32_t)start;
        again.payload += start;
        again.size = 50;
        talk_insert(&talk, talk.count, again);
    }
    say_rest();
}

static void arrange_warning_then_hello(void) {
    record_alert(&flight, 1, 112);
    talk_say(&talk, SIDE_SERVER, &flight);
    flight.size = 0;
    say_server_hello(server13);
    say_rest();
}

static void arrange_reset_then_silence(void) {
    say_server_hello(server13);
    talk_packet(&talk, SIDE_SERVER, TCP_RST | TCP_ACK);
}

/* The route changes: everything from the alert on comes another way, and keeps to it. */
static void arrange_new_route(void) {
    record_alert(&flight, 2, 70);
    talk_say(&talk, SIDE_SERVER, &flight)->hop_limit = OTHER_HOPS;
    flight.size = 0;
    size_t at = talk.count;
    talk_close(&talk);
    for (; at < talk.count; at++)
        if (talk.steps[at].from == SIDE_SERVER)
            talk.steps[at].hop_limit = OTHER_HOPS;
}

static void test_honest_connections_show_no_signal(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*arrange)(void);
    } cases[] = {
        {"a fatal alert, then the end", arrange_honest_alert},
        {"a fatal alert, then close_notify", arrange_close_notify_behind_alert},
        {"each packet twice", arrange_each_packet_twice},
        {"a keep-alive with a byte of its own", arrange_keep_alive},
        {"retransmissions cut elsewhere", arrange_other_cuts},
        {"a warning, then the hello", arrange_warning_then_hello},
        {"a reset, then nothing", arrange_reset_then_silence},
        {"a new route", arrange_new_route},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        cases[i].arrange();
        const struct handshake *record = play();
        if (record->conflict_count != 0)
            fail_msg("%s: a conflict", cases[i].name);
        for (size_t n = 0; n < record->suspect_count; n++)
            if (transport_signals(record, &record->suspects[n]) != 0)
                fail_msg("%s: signals %#x", cases[i].name,
                         transport_signals(record, &record->suspects[n]));
        tape_close(&tape);
    }
}

/* Both ends go on as if the reset had not come: nobody believed it. */
static void test_reset_that_nobody_believes(void **state) {
    (void)state;
    begin();
    talk_insert(&talk, talk.count, forge(TCP_RST, 300000));
    say_server_hello(server13);
    say_rest();
    const struct handshake *record = play();
    assert_int_equal(record->outcome, OUTCOME_COMPLETED);
    const struct suspect *suspect = find_suspect(record, SUSPECT_RESET);
    assert_int_equal(transport_signals(record, suspect), SIGNAL_HOP_LIMIT | SIGNAL_OUT_OF_PLACE);
    tape_close(&tape);
}

static void test_reset_and_the_genuine_answer_behind_it(void **state) {
    (void)state;
    begin();
    talk_insert(&talk, talk.count, forge(TCP_RST | TCP_ACK, 0));
    uint64_t reset = talk.count;
    say_server_hello(server13);
    const struct handshake *record = play();
    assert_int_equal(record->outcome, OUTCOME_RESET);
    assert_int_equal(record->ended_packet, reset);
    const struct suspect *suspect = find_suspect(record, SUSPECT_RESET);
    assert_int_equal(transport_signals(record, suspect), SIGNAL_HOP_LIMIT | SIGNAL_DATA_AFTER);
    assert_int_equal(suspect->data_after_packet, reset + 1);
    tape_close(&tape);
}

/* The server never speaks again, but acknowledges what it says it has dropped. An acknowledgement
 * of no more than the reset's own may be an older packet in disorder. */
static void test_reset_and_an_acknowledgement_behind_it(void **state) {
    (void)state;
    for (unsigned is_further = 0; is_further < 2; is_further++) {
        begin();
        struct step reset = forge(TCP_RST | TCP_ACK, 0);
        struct step *heard = talk_packet(&talk, SIDE_SERVER, TCP_ACK);
        reset.acknowledgement = heard->acknowledgement - (is_further ? 100 : 0);
        talk_insert(&talk, talk.count - 1, reset);
        const struct handshake *record = play();
        const struct suspect *suspect = find_suspect(record, SUSPECT_RESET);
        assert_int_equal((transport_signals(record, suspect) & SIGNAL_DATA_AFTER) != 0, is_further);
        tape_close(&tape);
    }
}

/* A reset behind a FIN that the capture shows later stands one number further: nothing is missing.
 */
static void test_reset_before_its_fin(void **state) {
    (void)state;
    for (uint32_t beyond = 1; beyond <= 2; beyond++) {
        begin();
        record_alert(&flight, 2, 47);
        talk_say(&talk, SIDE_CLIENT, &flight);
        struct step *reset = talk_packet(&talk, SIDE_CLIENT, TCP_RST | TCP_ACK);
        reset->sequence += beyond;
        const struct handshake *record = play();
        assert_int_equal((record->missed & MISSED_CLIENT_BYTES) != 0, beyond == 2);
        tape_close(&tape);
    }
}

/* The window slides: what left it long ago is not compared, what is in it still is. */
static void test_window_slides(void **state) {
    (void)state;
    for (uint32_t back = 500; back <= 9000; back += 8500) {
        begin();
        say_server_hello(server13);
        messages.size = 0;
        message_plain(&messages, TLS_CERTIFICATE, 12000);
        record_messages(&flight, &messages);
        talk_say(&talk, SIDE_SERVER, &flight);
        talk_split_all(&talk, 1400);
        bytes_fill(&forged, 0x11, 100);
        uint32_t said = (uint32_t)talk.said[SIDE_SERVER].size;
        talk_insert(&talk, talk.count, forge(TCP_ACK, said - back));
        const struct handshake *record = play();
        assert_int_equal(record->conflict_count, back == 500);
        tape_close(&tape);
    }
}

/* The paths' lengths, from TCP's own handshake. */
static void test_round_trip_times(void **state) {
    (void)state;
    begin();
    talk.steps[1].after_us = 30 * MILLISECOND;
    talk.steps[2].after_us = 7 * MILLISECOND;
    say_server_hello(server13);
    say_rest();
    const struct handshake *record = play();
    assert_int_equal(record->side[SIDE_SERVER].rtt_us, 30 * MILLISECOND);
    assert_int_equal(record->side[SIDE_CLIENT].rtt_us, 7 * MILLISECOND);
    tape_close(&tape);
    begin();
    talk_insert(&talk, 1, talk.steps[0]);
    say_server_hello(server13);
    record = play();
    assert_int_equal(record->side[SIDE_SERVER].rtt_us, 0);
    tape_close(&tape);
}

/* No window is free: nothing is compared, and nothing else changes. */
static void test_without_windows(void **state) {
    (void)state;
    struct flow_config config;
    flow_default_config(&config);
    config.windows = 0;
    begin();
    say_server_hello(server13);
    record_alert(&forged, 2, 40);
    talk_insert(&talk, talk.count, forge(TCP_ACK | TCP_PSH, 0));
    say_rest();
    tape_open(&tape, &config);
    tape_one(&tape, &talk);
    assert_int_equal(tape.last.outcome, OUTCOME_COMPLETED);
    assert_int_equal(tape.last.conflict_count, 0);
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 0);
    tape_close(&tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forged_alert_before_the_hello),
        cmocka_unit_test(test_forged_alert_behind_the_hello),
        cmocka_unit_test(test_forged_alert_in_the_encrypted_epoch),
        cmocka_unit_test(test_forged_alert_afterwards),
        cmocka_unit_test(test_forged_alert_much_later),
        cmocka_unit_test(test_two_hellos),
        cmocka_unit_test(test_conflict_with_a_held_segment),
        cmocka_unit_test(test_honest_connections_show_no_signal),
        cmocka_unit_test(test_reset_that_nobody_believes),
        cmocka_unit_test(test_reset_and_the_genuine_answer_behind_it),
        cmocka_unit_test(test_reset_and_an_acknowledgement_behind_it),
        cmocka_unit_test(test_reset_before_its_fin),
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_round_trip_times),
        cmocka_unit_test(test_without_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
