/*
 * test_quic_crypto.c - hellos in CRYPTO frames that are cut, shuffled, repeated, overlapping,
 * contradicting, too many or too far, through the flow table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quic_crypto.h"
#include "quic_talk.h"
#include "tls_messages.h"

enum { X25519 = 29, TLS13_SUITE = 0x1301 };

static struct quic_tape tape;
static struct bytes datagram;
static struct bytes frames;
static struct bytes hello;
static struct bytes answer;
static char usual[LINE_SIZE];

static const struct initial_plan from_client = {.from = SIDE_CLIENT,
                                                .keys = "original",
                                                .to = "original",
                                                .as = "client",
                                                .pad_to = QUIC_FIRST_SIZE};
static const struct initial_plan from_server = {
    .from = SIDE_SERVER, .keys = "original", .to = "client", .as = "server"};

static void make_hellos(size_t padding) {
    hello.size = 0;
    answer.size = 0;
    message_client_hello(
        &hello, (struct client_plan){
                    .name = "a.example", .is_13 = true, .share = X25519, .padding = padding});
    message_server_hello(
        &answer,
        (struct server_plan){.selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519});
}

static void begin(const struct flow_config *config) {
    quic_tape_open(&tape, config);
    datagram.size = 0;
    frames.size = 0;
}

static void add_part(const struct bytes *message, size_t from, size_t to) {
    frame_crypto(&frames, from, message->data + from, to - from);
}

static void send(struct initial_plan plan) {
    wire_initial(&datagram, plan, &frames);
    quic_tape_send(&tape, plan.from, &datagram, 0);
    datagram.size = 0;
    frames.size = 0;
}

static void send_answer(void) {
    add_part(&answer, 0, answer.size);
    wire_initial(&datagram, from_server, &frames);
    wire_handshake(&datagram, 0, "client", "server", 700);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    datagram.size = 0;
    frames.size = 0;
}

static void send_finish(void) {
    wire_handshake(&datagram, 0, "server", "client", 60);
    quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
    datagram.size = 0;
}

/* Ends the capture, in which there was one handshake. */
static const char *told(void) {
    quic_tape_end(&tape);
    quic_tape_close(&tape);
    if (tape.count != 1)
        fail_msg("%zu records instead of one", tape.count);
    return tape.lines[0];
}

static const char *told_after_answer(void) {
    send_answer();
    send_finish();
    return told();
}

/* What is told when nothing is odd. */
static void make_usual(size_t padding) {
    make_hellos(padding);
    begin(NULL);
    add_part(&hello, 0, hello.size);
    send(from_client);
    memcpy(usual, told_after_answer(), sizeof usual);
    demand_has("usual", usual, "completed missed:00 malformed:00 offer{a.example");
}

static void a_hello_may_be_cut_anywhere(void **state) {
    (void)state;
    make_usual(0);
    for (size_t at = 1; at < hello.size; at++) {
        begin(NULL);
        add_part(&hello, 0, at);
        add_part(&hello, at, hello.size);
        send(from_client);
        demand_line("one packet, in order", usual, told_after_answer());
        begin(NULL);
        add_part(&hello, at, hello.size);
        add_part(&hello, 0, at);
        send(from_client);
        demand_line("one packet, other order", usual, told_after_answer());
        begin(NULL);
        add_part(&hello, at, hello.size);
        send(from_client);
        add_part(&hello, 0, at);
        send(from_client);
        demand_line("two packets", usual, told_after_answer());
    }
}

static uint64_t random_state = 7;

static size_t random_below(size_t limit) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33U) % limit;
}

/* Cuts into `count` pieces of random sizes, in random order, some of them repeated and some longer
 * than they would have to be; `per_packet` in each packet, with PING and PADDING between. */
static void send_shuffled(const struct bytes *message, size_t count, size_t per_packet) {
    size_t cuts[QUIC_MAX_RANGES + 1] = {0};
    size_t order[QUIC_MAX_RANGES] = {0};
    for (size_t i = 1; i < count; i++)
        cuts[i] =
            cuts[i - 1] + 1 + random_below((message->size - cuts[i - 1]) * 2 / (count - i + 1));
    cuts[count] = message->size;
    for (size_t i = 0; i < count; i++) {
        size_t other = random_below(i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = cuts[order[i]];
        size_t end = cuts[order[i] + 1];
        size_t before = random_below(4) ? 0 : random_below(start + 1);
        add_part(message, start - before, end);
        if (random_below(3) == 0)
            add_part(message, start, end);
        bytes_fill(&frames, (uint8_t)random_below(2), random_below(3));
        if ((i + 1) % per_packet == 0 || i + 1 == count)
            send(from_client);
    }
}

static void pieces_may_come_in_any_order(void **state) {
    (void)state;
    make_usual(300);
    for (size_t round = 0; round < 400; round++) {
        begin(NULL);
        send_shuffled(&hello, 2 + random_below(38), 1 + random_below(20));
        demand_line("shuffled", usual, told_after_answer());
    }
}

/* Post-quantum and padded hellos, over many datagrams, in both orders. */
static void long_hellos_are_whole(void **state) {
    (void)state;
    static const size_t paddings[] = {1500, 2200, 17000, 19000, 60000};
    enum { PIECE = 1100 };
    for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
        make_usual(paddings[i]);
        begin(NULL);
        for (size_t at = 0; at < hello.size; at += PIECE) {
            add_part(&hello, at, at + PIECE < hello.size ? at + PIECE : hello.size);
            send(from_client);
        }
        demand_line("in order", usual, told_after_answer());
        begin(NULL);
        for (size_t at = (hello.size - 1) / PIECE * PIECE;; at -= PIECE) {
            add_part(&hello, at, at + PIECE < hello.size ? at + PIECE : hello.size);
            send(from_client);
            if (at == 0)
                break;
        }
        demand_line("backwards", usual, told_after_answer());
    }
}

static void contradictions_are_noted(void **state) {
    (void)state;
    make_usual(0);
    char wanted[LINE_SIZE];
    memcpy(wanted, usual, sizeof wanted);
    memcpy(strstr(wanted, "malformed:00"), "malformed:10", 12);
    for (size_t at = 0; at < hello.size; at++) {
        uint8_t byte = (uint8_t)(hello.data[at] ^ 1U);
        begin(NULL); /* before the hello is whole; the first bytes stay */
        add_part(&hello, at, at + 1);
        frame_crypto(&frames, at, &byte, 1);
        add_part(&hello, 0, hello.size);
        send(from_client);
        demand_line("while it waits", wanted, told_after_answer());
        begin(NULL); /* and after */
        add_part(&hello, 0, hello.size);
        send(from_client);
        frame_crypto(&frames, at, &byte, 1);
        send(from_client);
        demand_line("after it was told", wanted, told_after_answer());
        assert_int_equal(tape.last.malformed_packet, 2);
    }
    begin(NULL); /* a second answer, with another random */
    add_part(&hello, 0, hello.size);
    send(from_client);
    send_answer();
    answer.data[20] ^= 1U;
    send_answer();
    send_finish();
    demand_line("two answers", wanted, told());
}

static void repetitions_are_not_contradictions(void **state) {
    (void)state;
    make_usual(0);
    begin(NULL);
    for (size_t at = 0; at + 20 < hello.size; at += 7) {
        add_part(&hello, at, at + 20);
        send(from_client);
    }
    add_part(&hello, 0, hello.size);
    send(from_client);
    for (size_t at = 0; at + 20 < hello.size; at += 7) {
        add_part(&hello, at, at + 20);
        send(from_client);
    }
    demand_line("repeated", usual, told_after_answer());
}

/* Every second byte, so that each is a range of its own. */
static void too_many_pieces_are_said(void **state) {
    (void)state;
    make_usual(300);
    begin(NULL);
    for (size_t i = 0; i < QUIC_MAX_RANGES; i++)
        add_part(&hello, 2 * i + 1, 2 * i + 2);
    send(from_client);
    add_part(&hello, 0, hello.size);
    send(from_client);
    demand_line("as many as fit", usual, told_after_answer());
    begin(NULL);
    for (size_t i = 0; i <= QUIC_MAX_RANGES; i++)
        add_part(&hello, 2 * i + 1, 2 * i + 2);
    send(from_client);
    add_part(&hello, 0, hello.size);
    send(from_client);
    demand_has("one too many", told_after_answer(), "inconclusive missed:80 malformed:00 offer");
}

static void far_pieces_are_not_waited_for(void **state) {
    (void)state;
    static const uint64_t offsets[] = {BUFFER_LARGE_SIZE, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                       (UINT64_C(1) << 62U) - 1};
    make_usual(0);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        begin(NULL);
        frame_crypto(&frames, offsets[i], "x", 1);
        add_part(&hello, 0, hello.size);
        send(from_client);
        demand_has("far", told_after_answer(), "inconclusive missed:80 malformed:00 offer");
    }
    begin(NULL); /* the last place there is */
    frame_crypto(&frames, BUFFER_LARGE_SIZE - 1, "x", 1);
    add_part(&hello, 0, hello.size);
    send(from_client);
    demand_has("far enough", told_after_answer(), "inconclusive missed:08 malformed:00 offer");
}

/* Buffers are bounded, and come back: what one handshake cannot have, the next ones can. */
static void memory_is_bounded(void **state) {
    (void)state;
    struct flow_config config;
    flow_default_config(&config);
    config.flows = 8;
    config.handshakes = 4;
    config.small_buffers = 6;
    config.medium_buffers = 1;
    config.large_buffers = 1;
    config.windows = 8;
    config.windows = 2;
    make_hellos(20000);
    begin(&config);
    for (unsigned i = 0; i < 50; i++) {
        tape.client_port = (uint16_t)(CLIENT_PORT + i);
        tape.count = 0;
        add_part(&hello, 1, hello.size);
        send(from_client); /* there is no second large buffer to keep it in */
        add_part(&hello, 0, 1);
        send(from_client);
        quic_tape_wait(&tape, 40 * SECOND);
    }
    assert_int_equal(flow_table_counts(tape.table).handshakes, 0);
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 49); /* one still waits */
    make_hellos(0);
    for (unsigned i = 0; i < 50; i++) {
        tape.client_port = (uint16_t)(CLIENT_PORT + i);
        tape.count = 0;
        add_part(&hello, 1, hello.size);
        send(from_client);
        add_part(&hello, 0, 1);
        send(from_client);
        send_answer();
        send_finish();
        assert_int_equal(tape.count, 1);
        demand_has("again", tape.lines[0], "completed missed:00");
    }
    quic_tape_close(&tape);
}

/* Whole and one behind the other, in one frame. */
static void messages_may_be_joined(void **state) {
    (void)state;
    static const struct server_plan retry = {
        .is_retry = true, .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519};
    make_usual(0);
    begin(NULL);
    add_part(&hello, 0, hello.size);
    send(from_client);
    struct bytes *joined = &answer;
    joined->size = 0;
    message_server_hello(joined, retry);
    message_server_hello(
        joined,
        (struct server_plan){.selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519});
    demand_has("joined", told_after_answer(), " retry{29} choice{0304 1301}");
    begin(NULL); /* more of them than there can be */
    add_part(&hello, 0, hello.size);
    send(from_client);
    joined->size = 0;
    for (unsigned i = 0; i < 6; i++)
        message_server_hello(joined, retry);
    demand_has("too many", told_after_answer(), " retry{29} versions");
}

static void empty_frames_say_nothing(void **state) {
    (void)state;
    make_usual(0);
    begin(NULL);
    add_part(&hello, 0, 0);
    frame_crypto(&frames, 5000, NULL, 0);
    frame_crypto(&frames, (UINT64_C(1) << 62U) - 1, NULL, 0);
    add_part(&hello, 0, hello.size);
    send(from_client);
    demand_line("empty", usual, told_after_answer());
}

static void what_is_no_hello_is_noted(void **state) {
    (void)state;
    struct bytes *others = &frames;
    make_usual(0);
    begin(NULL); /* a server sends a ClientHello */
    add_part(&hello, 0, hello.size);
    send(from_client);
    add_part(&hello, 0, hello.size);
    wire_initial(&datagram, from_server, &frames);
    wire_handshake(&datagram, 0, "client", "server", 700);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    datagram.size = 0;
    frames.size = 0;
    send_finish();
    demand_has("other type", told(), "inconclusive missed:00 malformed:08 offer");
    begin(NULL); /* frames that have no place there */
    add_part(&hello, 0, hello.size);
    bytes_number(others, 0x1e, 1);
    send(from_client);
    demand_has("other frame", told_after_answer(), "completed missed:00 malformed:08 offer");
    begin(NULL); /* a length nobody has room for */
    add_part(&hello, 0, hello.size);
    send(from_client);
    frame_crypto(&frames, 0, "\x02\xff\xff\xff", 4);
    send(from_server);
    demand_has("length", told(), "malformed:08 offer");
    begin(NULL); /* a hello that breaks its own format */
    hello.data[4 + 2 + 32] = 33;
    add_part(&hello, 0, hello.size);
    send(from_client);
    send_answer();
    send_finish();
    demand_has("hello", told(), "inconclusive missed:08 malformed:01 choice");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_may_be_cut_anywhere),
        cmocka_unit_test(pieces_may_come_in_any_order),
        cmocka_unit_test(long_hellos_are_whole),
        cmocka_unit_test(contradictions_are_noted),
        cmocka_unit_test(repetitions_are_not_contradictions),
        cmocka_unit_test(too_many_pieces_are_said),
        cmocka_unit_test(far_pieces_are_not_waited_for),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(messages_may_be_joined),
        cmocka_unit_test(empty_frames_say_nothing),
        cmocka_unit_test(what_is_no_hello_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
