/*
 * test_flow_lessons.c - what public captures showed of real stacks and taps, one test each, beside
 * those in test_flow.c (repeated packets, window probes, wrap-around, reused ports, padding, second
 * SYN-ACKs), test_flow_limits.c (holes, cut packets) and test_flow_cases.c (Fast Open).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow_talk.h"
#include "tls_record.h"

enum { CLIENT_FIRST = 7000, SERVER_FIRST = 9000, HELLO_STEP = 3, X25519 = 29, TLS13 = 0x0304 };

static struct talk talk;
static struct tape tape;
static struct bytes messages;
static struct bytes flight;

static void say(enum handshake_side from) {
    talk_say(&talk, from, &flight);
    flight.size = 0;
}

static void begin(void) {
    flight.size = 0;
    talk_init(&talk, CLIENT_FIRST, SERVER_FIRST);
    talk_open(&talk);
}

static void say_client_hello(size_t padding) {
    messages.size = 0;
    message_client_hello(
        &messages, (struct client_plan){
                       .name = "a.example", .is_13 = true, .share = X25519, .padding = padding});
    record_messages(&flight, &messages);
    say(SIDE_CLIENT);
}

static void add_server_hello(uint16_t selected) {
    messages.size = 0;
    message_server_hello(
        &messages, (struct server_plan){.selected = selected, .suite = 0x1301, .group = X25519});
}

static void say_rest(void) {
    record_fill(&flight, TLS_APPLICATION_DATA, 150);
    say(SIDE_SERVER);
    record_fill(&flight, TLS_APPLICATION_DATA, 53);
    say(SIDE_CLIENT);
}

static void demand_told(const char *name, const char *outcome, const char *offer,
                        const char *choice) {
    tape_open(&tape, NULL);
    const char *line = tape_one(&tape, &talk);
    demand_has(name, line, outcome);
    demand_has(name, line, offer);
    demand_has(name, line, choice);
    tape_close(&tape);
}

#define OFFER          "offer{a.example 0303 v2 s3"
#define CHOICE         "choice{0303 0304 suite 1301 group 29"
#define CHOICE_OF_P256 "choice{0303 0304 suite 1301 group 23"

/* Two to six bytes of anything as payload of the SYN-ACK or of the acknowledgement after it. */
static void test_noise_on_bare_packets(void **state) {
    static const uint8_t noise[][6] = {{0}, {0x31, 0x0d, 0xfa, 0x02, 0x99, 0x41}, "GET /"};
    (void)state;
    for (size_t step = 1; step <= 2; step++) {
        for (size_t kind = 0; kind < sizeof noise / sizeof *noise; kind++) {
            for (size_t size = 2; size <= 6; size++) {
                begin();
                talk.steps[step].payload = noise[kind];
                talk.steps[step].size = size;
                say_client_hello(0);
                add_server_hello(TLS13);
                record_messages(&flight, &messages);
                say_rest();
                demand_told("noise", "direct completed missed:00", OFFER, CHOICE);
            }
        }
    }
}

/* The same on what acknowledges the other end's FIN, behind this end's own. */
static void test_noise_behind_the_close(void **state) {
    static const uint8_t noise[6] = {0x5a, 0, 0x13};
    (void)state;
    begin();
    say_client_hello(0);
    record_alert(&flight, 2, 40);
    say(SIDE_SERVER);
    talk_close(&talk);
    struct step *last = &talk.steps[talk.count - 1];
    last->payload = noise;
    last->size = sizeof noise;
    demand_told("behind the close", "direct failed missed:00", OFFER, "alert{s 2 40}");
}

/* A refusal in segments of a byte: none of them is padding. */
static void test_alert_in_single_bytes(void **state) {
    (void)state;
    begin();
    say_client_hello(0);
    record_alert(&flight, 2, 70);
    say(SIDE_SERVER);
    for (size_t i = HELLO_STEP + 1; talk.steps[i].size > 1; i++)
        talk_split(&talk, i, 1);
    talk_close(&talk);
    demand_told("single bytes", "direct failed missed:00", OFFER, "alert{s 2 70}");
}

/* A refusal that the capture shows before the hello that it answers. */
static void test_alert_captured_before_the_hello(void **state) {
    (void)state;
    begin();
    say_client_hello(0);
    record_alert(&flight, 2, 70);
    say(SIDE_SERVER);
    talk_close(&talk);
    struct step hello = talk.steps[HELLO_STEP];
    talk.steps[HELLO_STEP] = talk.steps[HELLO_STEP + 1];
    talk.steps[HELLO_STEP + 1] = hello;
    demand_told("alert first", "direct failed missed:00", OFFER, "alert{s 2 70}");
}

/* The hello that answers a HelloRetryRequest, behind the ServerHello that answers it: no
 * renegotiation. */
static void test_second_hello_captured_behind_its_answer(void **state) {
    enum { SECOND_HELLO_STEP = HELLO_STEP + 2, ANSWER_STEP };
    (void)state;
    talk_retry(&talk, CLIENT_FIRST, SERVER_FIRST);
    struct step second = talk.steps[SECOND_HELLO_STEP];
    assert_int_equal(second.from, SIDE_CLIENT);
    assert_int_equal(talk.steps[ANSWER_STEP].from, SIDE_SERVER);
    talk.steps[SECOND_HELLO_STEP] = talk.steps[ANSWER_STEP];
    talk.steps[ANSWER_STEP] = second;
    demand_told("second hello late", "direct completed missed:00", OFFER, CHOICE_OF_P256);
    assert_true(tape.last.has & HANDSHAKE_HAS_SECOND_OFFER);
    assert_false(tape.last.has & HANDSHAKE_HAS_RENEGOTIATION);
}

/* The client's SYN, at every later place of the connection: it begins no other one. */
static void test_syn_captured_late(void **state) {
    (void)state;
    size_t count = 1;
    for (size_t late = 0; late < count; late++) {
        begin();
        say_client_hello(0);
        add_server_hello(TLS13);
        record_messages(&flight, &messages);
        say(SIDE_SERVER);
        say_rest();
        talk_close(&talk);
        count = talk.count;
        struct step syn = talk.steps[0];
        talk_remove(&talk, 0);
        talk_insert(&talk, late, syn);
        demand_told("late SYN", "direct completed missed:00", OFFER, CHOICE);
    }
}

/* The ServerHello stands at the beginning of a long record, whose rest the capture never shows. */
static void test_server_hello_in_an_unfinished_record(void **state) {
    static const uint8_t header[] = {TLS_HANDSHAKE, 3, 3, 0x3f, 0xf0};
    (void)state;
    for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
        begin();
        say_client_hello(0);
        bytes_add(&flight, header, sizeof header);
        add_server_hello(TLS13);
        bytes_add(&flight, messages.data, messages.size);
        bytes_fill(&flight, 0x0b, 100);
        say(SIDE_SERVER);
        if (is_closed)
            talk_packet(&talk, SIDE_CLIENT, TCP_FIN | TCP_ACK);
        demand_told("unfinished", is_closed ? "direct failed missed:00" : "inconclusive missed:40",
                    OFFER, CHOICE);
    }
}

/* A ClientHello of 16 KB in twelve segments, captured from the last to the first. */
static void test_client_hello_in_twelve_segments(void **state) {
    enum { SEGMENTS = 12, SEGMENT_SIZE = 1400 };
    (void)state;
    begin();
    say_client_hello(SEGMENTS * SEGMENT_SIZE - 600);
    talk_split_all(&talk, SEGMENT_SIZE);
    assert_int_equal(talk.count, HELLO_STEP + SEGMENTS);
    for (size_t i = 0; i < SEGMENTS / 2; i++) {
        struct step early = talk.steps[HELLO_STEP + i];
        talk.steps[HELLO_STEP + i] = talk.steps[HELLO_STEP + SEGMENTS - 1 - i];
        talk.steps[HELLO_STEP + SEGMENTS - 1 - i] = early;
    }
    add_server_hello(TLS13);
    record_messages(&flight, &messages);
    say_rest();
    demand_told("twelve", "direct completed missed:00", OFFER, CHOICE);
}

/* Experiments of large operators: versions that no standard names are data. */
static void test_unknown_versions_are_selected(void **state) {
    static const uint16_t versions[] = {0xfb1a, 0x7e01, 0x7f17};
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char choice[64];
        begin();
        say_client_hello(0);
        add_server_hello(versions[i]);
        record_messages(&flight, &messages);
        say_rest();
        snprintf(choice, sizeof choice, "choice{0303 %04x suite 1301", versions[i]);
        demand_told("version", "direct completed missed:00", OFFER, choice);
    }
}

/* Sealed handshake records that begin with the byte of a ServerHello, seen without any hello. */
static void test_sealed_records_are_no_hellos(void **state) {
    static const uint8_t sealed[64] = {TLS_SERVER_HELLO, 0, 0, 60, 3, 3};
    (void)state;
    begin();
    for (size_t i = 0; i < HELLO_STEP; i++)
        talk_remove(&talk, 0);
    record_change_cipher_spec(&flight);
    record_add(&flight, TLS_HANDSHAKE, sealed, sizeof sealed, 0);
    record_fill(&flight, TLS_APPLICATION_DATA, 300);
    say(SIDE_SERVER);
    record_fill(&flight, TLS_APPLICATION_DATA, 300);
    say(SIDE_CLIENT);
    tape_open(&tape, NULL);
    tape_play(&tape, &talk);
    tape_end(&tape);
    assert_int_equal(tape.count, 0);
    tape_close(&tape);
}

/* The capture shows the SYN-ACK last, and neither the SYN nor the first of two hellos: the second
 * is not taken for the client's only one. */
static void test_late_syn_ack_says_what_is_missing(void **state) {
    (void)state;
    begin();
    say_client_hello(0);
    say_client_hello(100);
    struct step syn_ack = talk.steps[1];
    talk_remove(&talk, HELLO_STEP);
    for (size_t i = 0; i < HELLO_STEP; i++)
        talk_remove(&talk, 0);
    talk_insert(&talk, 1, syn_ack);
    talk.steps[1].acknowledgement = talk.first_sequence[SIDE_CLIENT];
    add_server_hello(TLS13);
    record_messages(&flight, &messages);
    say_rest();
    demand_told("late SYN-ACK", "direct inconclusive missed:08", OFFER, CHOICE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_on_bare_packets),
        cmocka_unit_test(test_noise_behind_the_close),
        cmocka_unit_test(test_alert_in_single_bytes),
        cmocka_unit_test(test_alert_captured_before_the_hello),
        cmocka_unit_test(test_syn_captured_late),
        cmocka_unit_test(test_second_hello_captured_behind_its_answer),
        cmocka_unit_test(test_server_hello_in_an_unfinished_record),
        cmocka_unit_test(test_client_hello_in_twelve_segments),
        cmocka_unit_test(test_unknown_versions_are_selected),
        cmocka_unit_test(test_sealed_records_are_no_hellos),
        cmocka_unit_test(test_late_syn_ack_says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
