/*
 * test_dialogue_flow.c - dialogues before TLS through the flow table: the handshake behind them is
 * the same as without, the record has their facts, and what came to no TLS is told apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dialogue_play.h"
#include "flow_talk.h"
#include "tls_record.h"

enum { CLIENT_FIRST = 7000, TLS13_SUITE = 0x1301, X25519 = 29, SYN_STEPS = 3 };

static const uint32_t server_first = 0xffffffe0U; /* wraps around within the dialogue */

static struct talk talk;
static struct talk changed;
static struct tape tape;
static struct bytes messages;
static struct bytes flight;
static char facts[PLAY_TEXT_SIZE];

static void say(enum handshake_side from) {
    talk_say(&talk, from, &flight);
    flight.size = 0;
}

static void say_text(enum handshake_side from, const char *text) {
    bytes_add(&flight, text, strlen(text));
    say(from);
}

static void say_client_hello(void) {
    messages.size = 0;
    message_client_hello(&messages,
                         (struct client_plan){.name = "a.example", .is_13 = true, .share = X25519});
    record_messages(&flight, &messages);
    say(SIDE_CLIENT);
}

static void say_server_hello(void) {
    messages.size = 0;
    message_server_hello(
        &messages,
        (struct server_plan){.selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519});
    record_messages(&flight, &messages);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 150);
    say(SIDE_SERVER);
}

static void say_tls(void) {
    say_client_hello();
    say_server_hello();
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 53);
    say(SIDE_CLIENT);
}

static void begin(void) {
    flight.size = 0;
    talk_init(&talk, CLIENT_FIRST, server_first);
    talk_open(&talk);
}

static void say_smtp(const char *list, const char *answer) {
    say_text(SIDE_SERVER, "220 mx.example ESMTP\r\n");
    say_text(SIDE_CLIENT, "EHLO me\r\n");
    say_text(SIDE_SERVER, list);
    say_text(SIDE_CLIENT, "STARTTLS\r\n");
    say_text(SIDE_SERVER, answer);
}

#define LIST  "250-mx.example\r\n250-SIZE\r\n250-STARTTLS\r\n250 HELP\r\n"
#define HELLO "offer{a.example 0303 v2 s3"
#define REST  "choice{0303 0304 suite 1301 group 29"

static void arrange_smtp(void) {
    begin();
    say_smtp(LIST, "220 go\r\n");
    say_tls();
    talk_close(&talk);
}

static const char smtp_facts[] = "smtp greeted:4 advertised:6 asked:7 granted:8 [220 go]";

/* Plays into a table of its own; what was told first is in tape.lines[0] and facts. */
static size_t told(const struct talk *played, const struct flow_config *config) {
    tape_open(&tape, config);
    tape_play(&tape, played);
    tape_end(&tape);
    struct flow_counts counts = flow_table_counts(tape.table);
    assert_int_equal(counts.handshakes + counts.dialogues, tape.count);
    tape_close(&tape);
    facts[0] = '\0';
    if (tape.count)
        dialogue_tell(&tape.last.dialogue, facts);
    return tape.count;
}

static void demand(const char *name, const char *line, const char *wanted_facts) {
    assert_int_equal(told(&talk, NULL), 1);
    demand_has(name, tape.lines[0], line);
    demand_line(name, wanted_facts, facts);
}

/* ---- TLS behind a dialogue ---- */

static void test_starttls(void **state) {
    (void)state;
    arrange_smtp();
    demand("SMTP", "40000-443 smtp completed missed:00 " HELLO, smtp_facts);
    demand_has("SMTP", tape.lines[0], REST);
    demand_has("SMTP", tape.lines[0], "sealed{53 150}");
    assert_true(tape.last.has & HANDSHAKE_HAS_DIALOGUE);
    assert_int_equal(tape.last.carrier, CARRIER_DIALOGUE);
    assert_int_equal(tape.last.started_packet, 1);
    assert_int_equal(tape.last.dialogue.time_us[DIALOGUE_ASKED] - tape.last.started_us,
                     6 * MILLISECOND);
}

static void test_direct_tls_has_no_dialogue(void **state) {
    (void)state;
    begin();
    say_tls();
    assert_int_equal(told(&talk, NULL), 1);
    demand_has("direct", tape.lines[0], "direct completed missed:00 " HELLO);
    assert_false(tape.last.has & HANDSHAKE_HAS_DIALOGUE);
}

static void test_several_kinds(void **state) {
    static const struct {
        const char *name;
        const char *texts[6]; /* the server's first; NULL: none */
        const char *line;
        const char *facts;
    } cases[] = {
        {"POP3",
         {"+OK\r\n", "STLS\r\n", "+OK go\r\n"},
         "40000-443 pop3 completed missed:00 " HELLO,
         "pop3 greeted:4 asked:5 granted:6 [+OK go]"},
        {"CONNECT",
         {NULL, "CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
         "40000-443 http-connect completed missed:00 " HELLO,
         "http-connect via:http-connect"},
        {"PROXY",
         {NULL, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"},
         "40000-443 proxy completed missed:00 " HELLO,
         "proxy via:proxy"},
        {"PROXY, then IMAP",
         {NULL, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "* OK ready\r\n", "a STARTTLS\r\n",
          "a OK go\r\n"},
         "40000-443 imap completed missed:00 " HELLO,
         "imap via:proxy greeted:5 asked:6 granted:7 [a OK go]"},
        {"a greeting that says too little",
         {"220 hello\r\n"},
         "40000-443 unknown completed missed:00 " HELLO,
         "unknown greeted:4"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        for (size_t text = 0; text < 6; text++)
            if (cases[i].texts[text])
                say_text(text % 2 ? SIDE_CLIENT : SIDE_SERVER, cases[i].texts[text]);
        say_tls();
        demand(cases[i].name, cases[i].line, cases[i].facts);
    }
}

static void test_segments_of_any_size(void **state) {
    static const size_t sizes[] = {1, 2, 3, 5, 7, 11, 40};
    (void)state;
    arrange_smtp();
    assert_int_equal(told(&talk, NULL), 1);
    static char reference[LINE_SIZE];
    memcpy(reference, tape.lines[0], sizeof reference);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        changed = talk;
        /* The greeting's first bytes begin the session: fewer than four are no beginning. */
        talk_split_all(&changed, sizes[i] < 4 ? 4 : sizes[i]);
        for (size_t at = SYN_STEPS + 1; at < changed.count; at++)
            if (changed.steps[at].size > sizes[i])
                talk_split(&changed, at, sizes[i]);
        assert_int_equal(told(&changed, NULL), 1);
        demand_line("cut", reference, tape.lines[0]);
    }
}

/* The request, the hello and all else in one segment of each side. */
static void test_one_segment_each(void **state) {
    (void)state;
    arrange_smtp();
    assert_int_equal(told(&talk, NULL), 1);
    static char reference[LINE_SIZE];
    memcpy(reference, tape.lines[0], sizeof reference);
    for (unsigned first = 0; first < SIDE_COUNT; first++) {
        begin();
        struct talk *whole = &changed;
        arrange_smtp();
        talk_init(whole, CLIENT_FIRST, server_first);
        talk_open(whole);
        for (unsigned turn = 0; turn < SIDE_COUNT; turn++) {
            enum handshake_side from = turn == first ? SIDE_CLIENT : SIDE_SERVER;
            talk_say(whole, from, &talk.said[from]);
        }
        talk_close(whole);
        assert_int_equal(told(whole, NULL), 1);
        demand_line("one segment", reference, tape.lines[0]);
    }
}

static void test_swapped_repeated_and_overlapping(void **state) {
    (void)state;
    arrange_smtp();
    talk_split_all(&talk, 60);
    assert_int_equal(told(&talk, NULL), 1);
    static char reference[LINE_SIZE];
    memcpy(reference, tape.lines[0], sizeof reference);
    for (size_t at = SYN_STEPS; at + 1 < talk.count - 3; at++) {
        changed = talk;
        changed.steps[at] = talk.steps[at + 1];
        changed.steps[at + 1] = talk.steps[at];
        assert_int_equal(told(&changed, NULL), 1);
        demand_line("swapped", reference, tape.lines[0]);
        changed = talk;
        talk_insert(&changed, at + 2, talk.steps[at]);
        assert_int_equal(told(&changed, NULL), 1);
        demand_line("repeated", reference, tape.lines[0]);
        struct step longer = talk.steps[at + 1]; /* with eight bytes from before it */
        size_t into = (size_t)(longer.sequence - talk.first_sequence[longer.from]);
        if (longer.size == 0 || into < 8)
            continue;
        changed = talk;
        changed.steps[at + 1].payload -= 8;
        changed.steps[at + 1].size += 8;
        changed.steps[at + 1].sequence -= 8;
        assert_int_equal(told(&changed, NULL), 1);
        demand_line("overlapping", reference, tape.lines[0]);
    }
}

static void test_padding_and_stale_syn_ack(void **state) {
    static const uint8_t zeroes[6];
    (void)state;
    for (size_t at = SYN_STEPS; at <= SYN_STEPS + 5; at++) {
        arrange_smtp();
        struct step padding = talk.steps[at];
        padding.flags = TCP_ACK;
        padding.payload = zeroes;
        padding.size = sizeof zeroes;
        talk_insert(&talk, at, padding);
        assert_int_equal(told(&talk, NULL), 1);
        demand_has("padding", tape.lines[0], "smtp completed missed:00 " HELLO);
        arrange_smtp();
        struct step stale = talk.steps[1];
        stale.sequence += 0x80000001U;
        talk_insert(&talk, at, stale);
        assert_int_equal(told(&talk, NULL), 1);
        demand_has("stale SYN-ACK", tape.lines[0], "smtp completed missed:00 " HELLO);
    }
    /* The client speaks first, and the second of two SYN-ACKs is the one that counts. */
    begin();
    talk.steps[1].sequence += 0x80000001U;
    say_text(SIDE_CLIENT, "CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    struct step late = talk.steps[1];
    late.sequence -= 0x80000001U;
    talk_insert(&talk, talk.count, late);
    say_text(SIDE_SERVER, "HTTP/1.1 200 OK\r\n\r\n");
    say_tls();
    assert_int_equal(told(&talk, NULL), 1);
    demand_has("late SYN-ACK", tape.lines[0], "http-connect completed missed:00 " HELLO);
}

static void test_from_the_middle(void **state) {
    (void)state;
    arrange_smtp();
    for (size_t i = 0; i < SYN_STEPS; i++)
        talk_remove(&talk, 0);
    demand("no SYN", "smtp completed missed:01 " HELLO,
           "smtp advertised:3 asked:4 granted:5 [220 go]");
    for (size_t i = 0; i < 3; i++)
        talk_remove(&talk, 0);
    demand("from the request on", "smtp completed missed:01 " HELLO,
           "smtp asked:1 granted:2 [220 go]");
}

static void test_one_side_only(void **state) {
    (void)state;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        arrange_smtp();
        for (size_t i = talk.count; i > 0; i--)
            if (talk.steps[i - 1].from == side)
                talk_remove(&talk, i - 1);
        assert_int_equal(told(&talk, NULL), 1);
        demand_has("one side", tape.lines[0],
                   side ? "smtp half_seen missed:04 " HELLO : "smtp half_seen missed:02 " REST);
    }
}

/* Any one packet is missing, or its second half was not captured: the handshake is found, and what
 * is known of it is never called complete when something of it or before it is missing. */
static void test_holes_are_inconclusive(void **state) {
    (void)state;
    arrange_smtp();
    size_t last = SYN_STEPS + 7; /* what the client says last before it closes */
    for (size_t at = SYN_STEPS; at <= last; at++) {
        changed = talk;
        talk_remove(&changed, at);
        assert_int_equal(told(&changed, NULL), 1);
        demand_has("lost", tape.lines[0], " inconclusive missed:");
        demand_has("lost", tape.lines[0], at == SYN_STEPS + 5 ? "choice{" : HELLO);
        assert_true(tape.last.missed & (MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES));
        assert_false(dialogue_has(&tape.last.dialogue, DIALOGUE_NOT_ADVERTISED));
        assert_false(dialogue_has(&tape.last.dialogue, DIALOGUE_REFUSED));
        if (at > SYN_STEPS + 5)
            continue; /* the first half of what the ends say then is all that is needed */
        changed = talk;
        changed.steps[at].cut = changed.steps[at].size / 2;
        assert_int_equal(told(&changed, NULL), 1);
        demand_has("cut", tape.lines[0], " inconclusive missed:");
        assert_true(tape.last.missed & MISSED_CUT_PACKET);
        assert_false(dialogue_has(&tape.last.dialogue, DIALOGUE_NOT_ADVERTISED));
    }
}

/* The answer is lost, and the hellos follow it. */
static void test_carrier_after_a_hole(void **state) {
    (void)state;
    arrange_smtp();
    talk_remove(&talk, SYN_STEPS + 4);
    demand("no answer", "smtp inconclusive missed:10 " HELLO,
           "smtp greeted:4 advertised:6 asked:7");
    demand_has("no answer", tape.lines[0], REST);
}

/* A line without an end, and a segment that begins with a hello behind it. */
static void test_hello_within_a_line(void **state) {
    (void)state;
    begin();
    say_text(SIDE_SERVER, "220 mx ESMTP\r\n");
    say_text(SIDE_CLIENT, "STARTTLS\r\n");
    say_text(SIDE_SERVER, "220 go");
    say_tls();
    demand("within a line", "smtp completed missed:00 " HELLO, "smtp greeted:4 asked:5");
}

/* The server goes on in clear. */
static void test_answer_in_clear(void **state) {
    (void)state;
    begin();
    say_smtp(LIST, "220 go\r\n");
    say_client_hello();
    say_text(SIDE_SERVER, "500 what?\r\n");
    talk_close(&talk);
    demand("in clear", "smtp failed missed:00 " HELLO, smtp_facts);
    begin();
    say_smtp(LIST, "220 go\r\n");
    say_client_hello();
    say_text(SIDE_SERVER, "\x01\x02\x03\r\n");
    talk_close(&talk);
    demand("in binary", "smtp failed missed:00 " HELLO, smtp_facts);
}

/* ---- dialogues that come to no TLS ---- */

static const char *const no_tls_facts = "smtp greeted:4 advertised:6 asked:7 refused:8 [454 no]";

static void arrange_refusal(void) {
    begin();
    say_smtp(LIST, "454 no\r\n");
}

static void test_dialogue_without_tls(void **state) {
    static const struct {
        const char *name;
        uint8_t flags; /* of the client's last packet */
        uint64_t silence_us;
        const char *line;
    } ends[] = {
        {"end of the capture", 0, 0, "40000-443 smtp inconclusive missed:40"},
        {"closed", TCP_FIN | TCP_ACK, 0, "40000-443 smtp failed missed:00"},
        {"reset", TCP_RST, 0, "40000-443 smtp reset missed:00"},
        {"silence", 0, 31 * SECOND, "40000-443 smtp failed missed:00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        arrange_refusal();
        if (ends[i].flags)
            talk_packet(&talk, SIDE_CLIENT, ends[i].flags);
        if (ends[i].silence_us) {
            struct step *passer_by = talk_packet(&talk, SIDE_CLIENT, TCP_SYN);
            passer_by->client_port = 1;
            passer_by->after_us = ends[i].silence_us;
        }
        demand(ends[i].name, ends[i].line, no_tls_facts);
        assert_int_equal(tape.last.has, HANDSHAKE_HAS_DIALOGUE);
        assert_int_equal(tape.last.client.port, CLIENT_PORT);
        assert_int_equal(tape.last.server.port, SERVER_PORT);
    }
}

static void test_login_in_clear_is_told_at_once(void **state) {
    (void)state;
    begin();
    say_text(SIDE_SERVER, "+OK\r\n");
    say_text(SIDE_CLIENT, "USER me\r\nPASS secret\r\n");
    say_text(SIDE_SERVER, "+OK\r\n+OK\r\n");
    say_text(SIDE_CLIENT, "STAT\r\n");
    tape_open(&tape, NULL);
    tape_play(&tape, &talk);
    assert_int_equal(tape.count, 1);
    demand_has("login", tape.lines[0], "40000-443 pop3 failed missed:00");
    dialogue_tell(&tape.last.dialogue, facts);
    demand_line("login", "pop3 greeted:4 login:5", facts);
    struct flow_counts counts = flow_table_counts(tape.table);
    assert_int_equal(counts.handshakes, 0);
    assert_int_equal(counts.half_seen + counts.inconclusive, 0);
    assert_int_equal(counts.dialogues, 1);
    tape_close(&tape);
}

/* The flow is watched further: TLS that comes after all is found. */
static void test_tls_after_the_dialogue_ended(void **state) {
    (void)state;
    begin();
    say_text(SIDE_SERVER, "+OK\r\n");
    say_text(SIDE_CLIENT, "USER me\r\nPASS secret\r\nSTAT\r\n");
    say_text(SIDE_SERVER, "+OK\r\n+OK\r\n+OK\r\n");
    say_tls();
    assert_int_equal(told(&talk, NULL), 2);
    demand_has("dialogue", tape.lines[0], "40000-443 pop3 failed missed:00");
    demand_has("handshake", tape.lines[1], "40000-443 unknown completed missed:00 " HELLO);
}

static void test_nothing_said_of_tls_is_not_told(void **state) {
    static const char *const dialogues[][3] = {
        {"220 mx ESMTP\r\n", "HELO me\r\n", "250 mx\r\n"},
        {"* OK ready\r\n", "a SELECT x\r\n", "a OK\r\n"},
        {"220 ftp\r\n", "USER anonymous\r\nPASS x\r\n", "331 ok\r\n230 in\r\n"},
        {"+OK\r\n", "*3\r\n$3\r\nSET\r\n", "+OK\r\n"}, /* another protocol's word */
    };
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++) {
        begin();
        for (size_t text = 0; text < 3; text++)
            say_text(text == 1 ? SIDE_CLIENT : SIDE_SERVER, dialogues[i][text]);
        talk_close(&talk);
        assert_int_equal(told(&talk, NULL), 0);
    }
}

/* ---- bounds ---- */

static const struct flow_config tight = {.flows = 8,
                                         .handshakes = 2,
                                         .small_buffers = 4,
                                         .medium_buffers = 2,
                                         .large_buffers = 1,
                                         .windows = 4,
                                         .handshake_timeout_us = 30 * SECOND,
                                         .closing_timeout_us = SECOND,
                                         .idle_timeout_us = 300 * SECOND};

static void play_as(uint16_t port) {
    for (size_t i = 0; i < talk.count; i++) {
        struct step step = talk.steps[i];
        step.client_port = port;
        tape_step(&tape, &step);
    }
}

/* What is no dialogue takes no place among the handshakes. */
static void test_plain_web_takes_no_session(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.handshakes = 1;
    tape_open(&tape, &config);
    begin();
    say_client_hello();
    play_as(1);
    for (uint16_t port = 2; port < 5; port++) {
        begin();
        say_text(SIDE_CLIENT, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        say_text(SIDE_SERVER, "HTTP/1.1 200 OK\r\n\r\n");
        play_as(port);
    }
    assert_int_equal(flow_table_counts(tape.table).flows_evicted, 0);
    assert_int_equal(tape.count, 0);
    arrange_refusal(); /* and a dialogue does */
    play_as(5);
    assert_int_equal(flow_table_counts(tape.table).flows_evicted, 1);
    assert_int_equal(tape.count, 1);
    tape_close(&tape);
}

static void test_evicted(void **state) {
    (void)state;
    tape_open(&tape, &tight);
    for (uint16_t port = 1; port <= 3; port++) {
        arrange_refusal();
        play_as(port);
    }
    assert_int_equal(flow_table_counts(tape.table).flows_evicted, 1);
    assert_int_equal(tape.count, 1);
    demand_has("oldest", tape.lines[0], "1-443 smtp inconclusive missed:40");
    tape_end(&tape);
    assert_int_equal(tape.count, 3);
    tape_close(&tape);
}

/* Dialogues that are over, but not told yet, make room as well. */
static void test_evicted_after_a_reset(void **state) {
    (void)state;
    tape_open(&tape, &tight);
    for (uint16_t port = 1; port <= 5; port++) {
        arrange_refusal();
        talk_packet(&talk, SIDE_CLIENT, TCP_RST);
        play_as(port);
    }
    tape_end(&tape);
    assert_int_equal(tape.count, 5);
    for (size_t i = 0; i < tape.count; i++)
        demand_has("over", tape.lines[i], "-443 smtp reset missed:");
    tape_close(&tape);
}

/* Without a buffer for the dialogue the connection is a stranger; the hello in it is still found.
 */
static void test_no_buffer(void **state) {
    (void)state;
    struct flow_config config = tight;
    config.handshakes = 8;
    config.small_buffers = 1;
    config.medium_buffers = 0;
    config.large_buffers = 0;
    tape_open(&tape, &config);
    begin();
    say_text(SIDE_SERVER, "220 mx ESMTP\r\n");
    play_as(1);
    begin();
    say_text(SIDE_SERVER, "220 mx ESMTP\r\n");
    say_text(SIDE_CLIENT, "STARTTLS\r\n");
    play_as(2);
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 1);
    struct step close = talk.steps[talk.count - 1];
    close.client_port = 1;
    close.flags = TCP_RST;
    close.size = 0;
    tape_step(&tape, &close);
    tape.now_us += 5 * SECOND;
    talk.count = 0;
    say_tls();
    play_as(2);
    tape_end(&tape);
    assert_int_equal(tape.count, 1);
    demand_has("found", tape.lines[0], "2-443 unknown completed missed:00 " HELLO);
    tape_close(&tape);
}

/* 64 KiB of a dialogue are enough. */
static void test_endless_dialogue(void **state) {
    (void)state;
    begin();
    say_text(SIDE_SERVER, "220 mx ESMTP\r\n");
    say_text(SIDE_CLIENT, "EHLO me\r\n");
    while (talk.said[SIDE_SERVER].size < DIALOGUE_MAX_BYTES + 1000)
        say_text(SIDE_SERVER, "250-SIZE of a capability that has many brothers and sisters\r\n");
    tape_open(&tape, NULL);
    tape_play(&tape, &talk);
    assert_int_equal(tape.count, 0);
    say_tls();
    tape.count = 0;
    tape_play(&tape, &talk); /* from the beginning: retransmissions, and the hellos */
    tape_end(&tape);
    assert_int_equal(tape.count, 1);
    demand_has("behind it", tape.lines[0], " unknown completed ");
    tape_close(&tape);
}

static void test_all_comes_back(void **state) {
    (void)state;
    tape_open(&tape, &tight);
    for (size_t round = 0; round < 100; round++) {
        tape.count = 0;
        tape.number = 0;
        arrange_refusal();
        play_as(1);
        arrange_smtp();
        play_as(2);
        arrange_smtp();
        talk_remove(&talk, SYN_STEPS + 3);
        play_as(3);
        tape_end(&tape);
        assert_int_equal(tape.count, 3);
    }
    assert_int_equal(flow_table_counts(tape.table).buffers_exhausted, 0);
    tape_close(&tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starttls),
        cmocka_unit_test(test_direct_tls_has_no_dialogue),
        cmocka_unit_test(test_several_kinds),
        cmocka_unit_test(test_segments_of_any_size),
        cmocka_unit_test(test_one_segment_each),
        cmocka_unit_test(test_swapped_repeated_and_overlapping),
        cmocka_unit_test(test_padding_and_stale_syn_ack),
        cmocka_unit_test(test_from_the_middle),
        cmocka_unit_test(test_one_side_only),
        cmocka_unit_test(test_holes_are_inconclusive),
        cmocka_unit_test(test_carrier_after_a_hole),
        cmocka_unit_test(test_hello_within_a_line),
        cmocka_unit_test(test_answer_in_clear),
        cmocka_unit_test(test_dialogue_without_tls),
        cmocka_unit_test(test_login_in_clear_is_told_at_once),
        cmocka_unit_test(test_tls_after_the_dialogue_ended),
        cmocka_unit_test(test_nothing_said_of_tls_is_not_told),
        cmocka_unit_test(test_plain_web_takes_no_session),
        cmocka_unit_test(test_evicted),
        cmocka_unit_test(test_evicted_after_a_reset),
        cmocka_unit_test(test_no_buffer),
        cmocka_unit_test(test_endless_dialogue),
        cmocka_unit_test(test_all_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
