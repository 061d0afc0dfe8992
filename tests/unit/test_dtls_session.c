/*
 * test_dtls_session.c - DTLS handshakes through the flow table: in every order and cut in every
 * way, with cookies and retries, several in one flow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_stage.h"

enum { GROUP_X25519 = 29, GROUP_P256 = 23, SUITE_TLS13 = 0x1301 };

static void tells_a_handshake_with_a_cookie(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    char line[LINE_SIZE];
    dtls_usual_line(stage, line);
    const struct handshake *record = &stage->tape.last;
    demand_has("outcome", line, "40000-443 direct completed missed:00");
    demand_has("key exchange", line, "kx{29}");
    demand_has("the rest", line, "cert{} done cke sealed{48 48}");
    assert_null(strstr(line, "second"));
    assert_null(strstr(line, "renegotiation"));
    assert_int_equal(record->protocol, HANDSHAKE_DTLS);
    assert_int_equal(record->transport, IP_PROTOCOL_UDP);
    assert_true(record->has & HANDSHAKE_HAS_HELLO_VERIFY);
    assert_int_equal(record->hello_verify_packet, 2);
    assert_int_equal(record->side[SIDE_CLIENT].hello_packet, 1);
    assert_int_equal(record->choice_packet, 4);
    assert_int_equal(record->malformed, 0);
    assert_int_equal(handshake_negotiated(record), TLS_RANK_1_2);
    assert_int_equal(handshake_limiter(record), LIMITER_CLIENT);
    assert_false(handshake_is_resumed(record));
}

static void repetition_changes_nothing(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (size_t from = 0; from < 6; from++) {
        for (size_t to = from; to <= 6; to++) {
            dtls_talk_init(talk);
            dtls_say_all(talk);
            dtls_copy(talk, from, to);
            dtls_demand_usual(stage, "one datagram twice");
        }
    }
    dtls_talk_init(talk);
    dtls_say_all(talk);
    for (size_t i = 0; i < 6; i++)
        dtls_copy(talk, 2 * i, 2 * i);
    dtls_demand_usual(stage, "each datagram twice");
    dtls_talk_init(talk);
    dtls_say_all(talk);
    for (size_t i = 0; i < 6; i++)
        dtls_copy(talk, i, talk->count);
    dtls_demand_usual(stage, "all again after the end");
}

/* The messages of one flight in datagrams of their own, in all 24 orders. */
static void order_within_a_flight_does_not_matter(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (unsigned order = 0; order < 24; order++) {
        dtls_talk_init(talk);
        talk->most = 700; /* the certificate fits */
        dtls_say_all(talk);
        /* four messages: cut the server's datagram at its records */
        struct datagram whole = talk->datagrams[3];
        size_t at = whole.at;
        dtls_remove(talk, 3);
        for (unsigned i = 0; i < 4; i++) {
            size_t size = DTLS_RECORD_HEADER_SIZE +
                          ((size_t)talk->store.data[at + 11] << 8U | talk->store.data[at + 12]);
            talk->datagrams[talk->count] = whole;
            talk->datagrams[talk->count].at = at;
            talk->datagrams[talk->count++].size = size;
            dtls_move(talk, talk->count - 1, 3 + i);
            at += size;
        }
        assert_int_equal(at, whole.at + whole.size);
        unsigned rest = order;
        for (unsigned i = 0; i < 4; i++) {
            dtls_move(talk, 3 + i + rest % (4 - i), 3 + i);
            rest /= 4 - i;
        }
        dtls_demand_usual(stage, "server's flight");
    }
}

static void fragments_of_any_size_and_order(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const size_t sizes[] = {1, 2, 13, 34, 60, 100};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        dtls_talk_init(talk);
        talk->most = sizes[i];
        dtls_say_all(talk);
        dtls_demand_usual(stage, "in order");
        dtls_talk_init(talk);
        talk->most = sizes[i];
        dtls_say_all(talk);
        for (size_t at = talk->count; at > 1; at--)
            dtls_copy(talk, at / 2, at);
        dtls_demand_usual(stage, "with older ones in between");
    }
}

static size_t find_flight(const struct dtls_talk *talk, size_t start) {
    size_t end = start;
    while (end < talk->count && talk->datagrams[end].from == talk->datagrams[start].from)
        end++;
    return end;
}

static void fragments_backwards_and_interleaved(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (size_t most = 20; most < 120; most += 7) {
        dtls_talk_init(talk);
        talk->most = most;
        dtls_say_all(talk);
        for (size_t start = 0; start < talk->count; start = find_flight(talk, start)) {
            size_t end = find_flight(talk, start);
            if (end == talk->count || talk->datagrams[start].size > most + 25)
                continue; /* encrypted records come last */
            bool has_sealed = talk->datagrams[end - 1].size > most + 50;
            for (size_t i = start; i + 1 < end - has_sealed; i++)
                dtls_move(talk, end - 1 - has_sealed, i);
        }
        dtls_demand_usual(stage, "backwards");
    }
    /* A hello repeated by someone who found that the path takes less at once: pieces of two sizes
     * overlap. */
    dtls_talk_init(talk);
    talk->most = 40;
    dtls_say_hello(talk);
    talk->most = 25;
    dtls_say_hello(talk);
    dtls_remove(talk, 1);
    talk->most = 1 << 20;
    dtls_say_verify(talk);
    dtls_say_second_hello(talk);
    dtls_say_server_flight(talk);
    dtls_say_client_flight(talk);
    dtls_say_server_finish(talk);
    dtls_demand_usual(stage, "overlapping");
    assert_int_equal(stage->tape.last.malformed, 0);
}

static void takes_large_hellos(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const size_t paddings[] = {1200, 5000, 16384, 40000, 65000};
    for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            stage->body.size = 0;
            dtls_talk_init(talk);
            dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = paddings[i]});
            talk->most = paddings[i] > 30000 ? 2900 : 1100;
            dtls_datagram(talk, SIDE_CLIENT);
            dtls_message(talk, TLS_CLIENT_HELLO, 0, &stage->body);
            for (size_t at = 0; backwards && at + 1 < talk->count; at++)
                dtls_move(talk, talk->count - 1, at);
            const char *line = dtls_one(&stage->tape, talk);
            demand_has("large", line, "half_seen missed:44 offer{ fefd v0 s1 k0");
            assert_int_equal(stage->tape.last.malformed, 0);
        }
    }
}

/* ---- cookies and retries ---- */

static void the_second_hello_stands_in_for_the_first(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_all(talk);
    dtls_remove(talk, 0);
    dtls_remove(talk, 0);
    const char *line = dtls_one(&stage->tape, talk);
    demand_has("from the second hello on", line, "completed missed:01 offer{ fefd v0 s1");
    assert_null(strstr(line, "second"));
    assert_false(stage->tape.last.has & HANDSHAKE_HAS_HELLO_VERIFY);
}

/* RFC 6347 4.2.1 forbids it: both are kept, and neither is taken for a renegotiation. */
static void a_second_hello_that_differs_is_kept(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_hello(talk);
    dtls_say_verify(talk);
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.cookie = 20, .suite = 0x002f});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_message(talk, TLS_CLIENT_HELLO, 1, &stage->body);
    dtls_say_server_flight(talk);
    dtls_say_client_flight(talk);
    dtls_say_server_finish(talk);
    const char *line = dtls_one(&stage->tape, talk);
    demand_has("outcome", line, "completed missed:00 offer{ fefd v0 s1");
    demand_has("second", line, "second{ fefd v0 s2");
    assert_null(strstr(line, "renegotiation"));
    assert_true(stage->tape.last.has & HANDSHAKE_HAS_HELLO_VERIFY);
}

/* Stale cookies: the server asks again and again. */
static void cookies_may_be_asked_for_many_times(void **state) {
    static const uint16_t times = 9;
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_hello(talk);
    for (uint16_t time = 0; time < times; time++) {
        stage->body.size = 0;
        dtls_hello_verify(&stage->body, 16 + time);
        dtls_datagram(talk, SIDE_SERVER);
        dtls_fragment(talk, TLS_HELLO_VERIFY_REQUEST, time, &stage->body, 0, stage->body.size);
        stage->body.size = 0;
        dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.cookie = 16 + time});
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_message(talk, TLS_CLIENT_HELLO, (uint16_t)(time + 1), &stage->body);
    }
    stage->body.size = 0;
    dtls_server_hello(talk, &stage->body, (struct dtls_answer_plan){0});
    dtls_datagram(talk, SIDE_SERVER);
    dtls_message(talk, TLS_SERVER_HELLO, times, &stage->body);
    dtls_record(talk, TLS_HANDSHAKE, 1, NULL, 48);
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_record(talk, TLS_HANDSHAKE, 1, NULL, 48);
    const char *line = dtls_one(&stage->tape, talk);
    demand_has("outcome", line, "completed missed:00 offer{ fefd v0 s1");
    assert_null(strstr(line, "second"));
}

/* RFC 9147: the same with a HelloRetryRequest, and encrypted records with their own header. */
static void say_dtls13(struct dtls_stage *stage, size_t last_record) {
    struct dtls_talk *talk = &stage->talk;
    struct bytes *body = &stage->body;
    const struct dtls_answer_plan retry = {
        .is_retry = true, .suite = SUITE_TLS13, .selected = DTLS_VERSION_1_3, .group = GROUP_P256};
    struct dtls_answer_plan answer = retry;
    struct dtls_hello_plan hello = {.highest = DTLS_VERSION_1_3, .share = GROUP_X25519};
    answer.is_retry = false;
    dtls_talk_init(talk);
    for (uint16_t number = 0; number < 2; number++) {
        body->size = 0;
        dtls_client_hello(talk, body, hello);
        hello.share = GROUP_P256;
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_message(talk, TLS_CLIENT_HELLO, number, body);
        body->size = 0;
        dtls_server_hello(talk, body, number ? answer : retry);
        dtls_datagram(talk, SIDE_SERVER);
        dtls_message(talk, TLS_SERVER_HELLO, number, body);
    }
    dtls_datagram(talk, SIDE_SERVER);
    dtls_unified_record(talk, 2, 36);
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_unified_record(talk, 2, last_record);
}

static void tells_dtls13_with_a_retry(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    char line[LINE_SIZE];
    say_dtls13(stage, 53);
    snprintf(line, sizeof line, "%s", dtls_one(&stage->tape, &stage->talk));
    demand_has("outcome", line, "direct completed missed:00 offer{ fefd v2 s2 k0");
    demand_has("retry", line, "retry{fefd fefc suite 1301 group 23");
    demand_has("second", line, "second{ fefd v2 s2 k1");
    demand_has("choice", line, "choice{fefd fefc suite 1301 group 23");
    demand_has("sealed", line, "sealed{53 36}");
    assert_int_equal(handshake_negotiated(&stage->tape.last), TLS_RANK_1_3);
    assert_false(handshake_failed_encrypted(&stage->tape.last));
    /* the hellos change places: their numbers tell which is the first */
    say_dtls13(stage, 53);
    dtls_move(&stage->talk, 2, 0);
    demand_line("second hello first", line, dtls_one(&stage->tape, &stage->talk));
    say_dtls13(stage, 53);
    dtls_move(&stage->talk, 1, 0);
    demand_line("retry first", line, dtls_one(&stage->tape, &stage->talk));
    say_dtls13(stage, 53);
    dtls_move(&stage->talk, 3, 1);
    demand_has("answer before the retry", dtls_one(&stage->tape, &stage->talk),
               "inconclusive missed:10 offer{");
}

/* A client whose only encrypted record has the size of an alert (and of an empty ACK) has not gone
 * on. */
static void a_sealed_alert_completes_nothing(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct tape *tape = &stage->tape;
    say_dtls13(stage, 19);
    demand_has("open", dtls_one(tape, &stage->talk), "inconclusive missed:40");
    say_dtls13(stage, 19);
    tape->count = 0;
    dtls_play(tape, &stage->talk);
    dtls_talk_init(&stage->talk);
    stage->talk.client_port++;
    dtls_say_hello(&stage->talk);
    stage->talk.datagrams[0].after_us = 60 * (uint64_t)SECOND;
    dtls_play(tape, &stage->talk);
    assert_int_equal(tape->count, 1);
    demand_has("silence", tape->lines[0], "failed missed:00");
    /* an empty ACK, then Finished */
    say_dtls13(stage, 19);
    dtls_datagram(&stage->talk, SIDE_CLIENT);
    dtls_unified_record(&stage->talk, 2, 53);
    flow_table_end(tape->table);
    demand_has("goes on", dtls_one(tape, &stage->talk), "completed missed:00");
    /* 0-RTT data is no going on either */
    say_dtls13(stage, 53);
    stage->talk.store.data[stage->talk.datagrams[5].at] = 0x2d;
    demand_has("early data", dtls_one(tape, &stage->talk), "inconclusive missed:40");
}

static void connection_ids_hide_nothing(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (size_t id = 0; id < 3; id++) {
        dtls_talk_init(talk);
        stage->body.size = 0;
        dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.connection_id = 1 + id});
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_message(talk, TLS_CLIENT_HELLO, 0, &stage->body);
        stage->body.size = 0;
        dtls_server_hello(talk, &stage->body, (struct dtls_answer_plan){.connection_id = 4});
        dtls_datagram(talk, SIDE_SERVER);
        dtls_message(talk, TLS_SERVER_HELLO, 0, &stage->body);
        /* the client's record carries the server's three bytes, and the length after them */
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_record(talk, DTLS_CONNECTION_ID_RECORD, 1, NULL, 48);
        uint8_t *sealed = talk->store.data + talk->datagrams[2].at;
        memcpy(sealed + 11, "\xcd\xcd\xcd\x00\x2d", 5);
        dtls_datagram(talk, SIDE_SERVER);
        dtls_record(talk, DTLS_CONNECTION_ID_RECORD, 1, NULL, 50);
        sealed = talk->store.data + talk->datagrams[3].at;
        memset(sealed + 11, 0xcd, id);
        sealed[11 + id] = 0;
        sealed[12 + id] = (uint8_t)(50 - id);
        const char *line = dtls_one(&stage->tape, talk);
        char text[40];
        snprintf(text, sizeof text, "sealed{45 %zu}", 50 - id);
        demand_has("sizes", line, text);
        demand_has("outcome", line, "completed missed:00");
    }
}

static void tells_the_early_version_of_openssl(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    talk->version = DTLS_VERSION_OPENSSL;
    dtls_say_all(talk);
    const char *line = dtls_one(&stage->tape, talk);
    demand_has("version", line, "completed missed:00 offer{ 0100 v0");
    demand_has("version", line, "choice{0100 0000");
    /* its alerts may be longer */
    dtls_talk_init(talk);
    talk->version = DTLS_VERSION_OPENSSL;
    dtls_say_hello(talk);
    dtls_datagram(talk, SIDE_SERVER);
    dtls_record(talk, TLS_ALERT, 0, "\x02\x6e\x00\x00\x00\x00\x00", 7);
    demand_has("alert", dtls_one(&stage->tape, talk), "failed missed:00");
    demand_has("alert", stage->tape.lines[0], "alert{s 2 110}");
}

/* ---- alerts, several handshakes ---- */

static void an_alert_in_clear_ends_it(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_hello(talk);
    dtls_datagram(talk, SIDE_SERVER);
    dtls_record(talk, TLS_ALERT, 0, "\x02\x46", 2);
    dtls_copy(talk, 1, 1); /* captured twice */
    dtls_copy(talk, 0, 3); /* the client repeats itself all the same */
    demand_has("refused", dtls_one(&stage->tape, talk), "failed missed:00");
    demand_has("alert", stage->tape.lines[0], "alert{s 2 70} sealed{0 0}");
    assert_int_equal(stage->tape.last.alert_count, 1);
    dtls_talk_init(talk);
    dtls_say_hello(talk);
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_record(talk, TLS_ALERT, 0, "\x01\x00", 2);
    dtls_say_stun(talk, SIDE_SERVER);
    stage->tape.count = 0;
    dtls_play(&stage->tape, talk);
    dtls_talk_init(talk);
    talk->client_port++;
    dtls_say_hello(talk);
    talk->datagrams[0].after_us = 2 * (uint64_t)SECOND;
    dtls_play(&stage->tape, talk);
    assert_int_equal(stage->tape.count, 1); /* no need to wait for the long time-out */
    demand_has("closed", stage->tape.lines[0], "failed missed:00");
    demand_has("closed", stage->tape.lines[0], "alert{c 1 0}");
}

static void each_handshake_of_a_flow_is_told(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    struct tape *tape = &stage->tape;
    dtls_say_all(talk);
    talk->random = 0xc2;
    dtls_say_all(talk);
    dtls_play(tape, talk);
    assert_int_equal(tape->count, 2);
    demand_has("second", tape->lines[1], "completed missed:00");
    flow_table_end(tape->table);
    assert_int_equal(tape->count, 2);
    /* given up without an answer: the next one begins with another random */
    tape->count = 0;
    dtls_talk_init(talk);
    dtls_say_hello(talk);
    dtls_say_stun(talk, SIDE_SERVER);
    talk->random = 0xc3;
    dtls_say_all(talk);
    dtls_play(tape, talk);
    flow_table_end(tape->table);
    assert_int_equal(tape->count, 2);
    demand_has("given up", tape->lines[0], "failed missed:00");
    demand_has("next", tape->lines[1], "completed missed:00");
    assert_int_equal(tape->last.malformed, 0);
}

/* A client that changes its random between its hellos breaks the protocol; it does not begin
 * anew. */
static void a_changed_random_is_no_beginning(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_hello(talk);
    dtls_say_verify(talk);
    talk->random = 0xc2;
    dtls_say_second_hello(talk);
    dtls_say_server_flight(talk);
    demand_has("with a cookie", dtls_one(&stage->tape, talk), "second{ fefd v0 s1");
    dtls_talk_init(talk);
    dtls_say_hello(talk);
    talk->random = 0xc2;
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){0});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_message(talk, TLS_CLIENT_HELLO, 1, &stage->body);
    demand_has("by its number", dtls_one(&stage->tape, talk), "offer{ fefd");
    dtls_talk_init(talk);
    dtls_say_hello(talk);
    talk->random = 0xc2;
    stage->body.size = 0;
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.cookie = 20});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_message(talk, TLS_CLIENT_HELLO, 0, &stage->body);
    demand_has("by its cookie", dtls_one(&stage->tape, talk), "offer{ fefd");
    assert_int_equal(stage->tape.last.malformed, MALFORMED_FRAGMENT);
}

/* The fragment that holds the random comes last, and all of it comes again when it was told. */
static void is_known_by_its_random_when_that_comes_late(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    talk->most = 40;
    dtls_say_hello(talk);
    dtls_move(talk, 0, talk->count - 1);
    talk->most = 1 << 20;
    dtls_say_verify(talk);
    dtls_say_second_hello(talk);
    dtls_say_server_flight(talk);
    dtls_say_client_flight(talk);
    dtls_say_server_finish(talk);
    size_t count = talk->count;
    for (size_t i = 0; i < count; i++)
        dtls_copy(talk, i, talk->count);
    dtls_demand_usual(stage, "all twice");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DTLS_STAGED(tells_a_handshake_with_a_cookie),
        DTLS_STAGED(repetition_changes_nothing),
        DTLS_STAGED(order_within_a_flight_does_not_matter),
        DTLS_STAGED(fragments_of_any_size_and_order),
        DTLS_STAGED(fragments_backwards_and_interleaved),
        DTLS_STAGED(takes_large_hellos),
        DTLS_STAGED(the_second_hello_stands_in_for_the_first),
        DTLS_STAGED(a_second_hello_that_differs_is_kept),
        DTLS_STAGED(cookies_may_be_asked_for_many_times),
        DTLS_STAGED(tells_dtls13_with_a_retry),
        DTLS_STAGED(a_sealed_alert_completes_nothing),
        DTLS_STAGED(connection_ids_hide_nothing),
        DTLS_STAGED(tells_the_early_version_of_openssl),
        DTLS_STAGED(an_alert_in_clear_ends_it),
        DTLS_STAGED(each_handshake_of_a_flow_is_told),
        DTLS_STAGED(a_changed_random_is_no_beginning),
        DTLS_STAGED(is_known_by_its_random_when_that_comes_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
