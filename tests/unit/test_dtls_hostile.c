/*
 * test_dtls_hostile.c - datagrams that nobody honest sends: contradictions, impossible lengths,
 * floods. What matters: nothing is invented, memory stays bounded, and the next handshake is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_talk.h"

struct stage {
    struct tape tape;
    struct dtls_talk talk;
    struct bytes body;
};

static int open_stage(void **state) {
    struct stage *stage = test_calloc(1, sizeof *stage);
    tape_open(&stage->tape, NULL);
    dtls_talk_init(&stage->talk);
    *state = stage;
    return 0;
}

static int close_stage(void **state) {
    struct stage *stage = (struct stage *)*state;
    tape_close(&stage->tape);
    test_free(stage);
    return 0;
}

/* All that was taken was given back: a whole handshake still finds its place, many times over. */
static void demand_healthy(struct stage *stage) {
    struct dtls_talk *talk = &stage->talk;
    flow_table_end(stage->tape.table);
    for (unsigned i = 0; i < 40; i++) {
        dtls_talk_init(talk);
        talk->most = 100;
        dtls_say_all(talk);
        demand_has("the next handshake", dtls_one(&stage->tape, talk),
                   "completed missed:00 offer{ fefd");
        stage->body.size = 0;
        dtls_talk_init(talk);
        dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = 40000});
        talk->most = 1200;
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_message(talk, TLS_CLIENT_HELLO, 0, &stage->body);
        demand_has("a large hello", dtls_one(&stage->tape, talk), "missed:44 offer{ fefd");
    }
}

/* Changes one byte of a datagram, counted from its end. */
static void damage(struct dtls_talk *talk, size_t at, size_t from_end) {
    struct datagram *datagram = &talk->datagrams[at];
    size_t start = talk->store.size;
    bytes_fill(&talk->store, 0, datagram->size);
    memcpy(talk->store.data + start, talk->store.data + datagram->at, datagram->size);
    talk->store.data[start + datagram->size - from_end] ^= 0xff;
    datagram->at = start;
}

static void contradictions_are_noted(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    const struct handshake *record = &stage->tape.last;
    /* two pieces of a hello that overlap and differ: the first stays */
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = 100});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, 0, 80);
    stage->body.data[79] ^= 1;
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, 60, stage->body.size - 60);
    demand_has("overlap", dtls_one(&stage->tape, talk), "offer{ fefd v0 s1 k0");
    assert_int_equal(record->malformed, MALFORMED_FRAGMENT);
    assert_int_equal(record->malformed_packet, 2);
    uint8_t kept = record->offer.extensions.data ? 1 : 0;
    assert_int_equal(kept, 1);
    /* a second version of a hello that was read already, of the client and of the server */
    for (size_t which = 0; which < 4; which += 3) {
        dtls_talk_init(talk);
        talk->most = 800;
        dtls_say_all(talk);
        dtls_copy(talk, which, which + 1);
        damage(talk, which + 1, which ? talk->datagrams[3].size - 40 : 1);
        demand_has("two versions", dtls_one(&stage->tape, talk), "completed missed:00 offer{");
        assert_int_equal(record->malformed, MALFORMED_FRAGMENT);
    }
    /* without the client's side they may be two handshakes */
    dtls_talk_init(talk);
    talk->most = 800;
    dtls_say_server_flight(talk);
    dtls_copy(talk, 0, 1);
    damage(talk, 1, talk->datagrams[1].size - 40);
    demand_has("one side", dtls_one(&stage->tape, talk), "half_seen");
    assert_int_equal(record->malformed, 0);
    /* another length, another type under the same number */
    for (unsigned what = 0; what < 2; what++) {
        dtls_talk_init(talk);
        dtls_say_hello(talk);
        stage->body.size = 0;
        dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = what ? 0 : 9});
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_fragment(talk, what ? TLS_CERTIFICATE : TLS_CLIENT_HELLO, 0, &stage->body, 0, 40);
        demand_has("another message", dtls_one(&stage->tape, talk), "offer{ fefd v0 s1 k0");
        assert_int_equal(record->malformed, MALFORMED_FRAGMENT);
    }
    demand_healthy(stage);
}

static void impossible_lengths_are_not_believed(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    /* offset and size reach past the message; the fragment past its record */
    static const struct {
        size_t at; /* of the byte, behind the record header */
        uint8_t value;
    } changes[] = {{6, 0xff}, {7, 0xff}, {9, 0xff}, {11, 0xff}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        dtls_talk_init(talk);
        dtls_say_all(talk);
        dtls_say_server_flight(talk);
        dtls_move(talk, 6, 3);
        talk->store.data[talk->datagrams[3].at + DTLS_RECORD_HEADER_SIZE + changes[i].at] =
            changes[i].value;
        demand_has("damaged first", dtls_one(&stage->tape, talk), "completed missed:00 offer{");
        assert_int_equal(stage->tape.last.malformed, MALFORMED_RECORD);
        assert_int_equal(stage->tape.last.malformed_packet, stage->tape.number - 3);
    }
    /* a record that goes on past its datagram is nobody's */
    dtls_talk_init(talk);
    dtls_say_all(talk);
    talk->store.data[talk->datagrams[3].at + 11] = 0x20;
    demand_has("long record", dtls_one(&stage->tape, talk), "inconclusive missed:58 offer{");
    /* messages of which nobody could ever send all */
    dtls_talk_init(talk);
    dtls_say_all(talk);
    for (size_t i = 0; i < 3; i++) {
        dtls_datagram(talk, SIDE_SERVER);
        dtls_record(talk, TLS_HANDSHAKE, 0,
                    "\x02\xff\xff\xff\x00\x01\x00\x00\x00\x00\x00\x04\xfe\xfd\x00\x00", 16);
        dtls_move(talk, 6 + i, 3);
    }
    const char *line = dtls_one(&stage->tape, talk);
    assert_null(strstr(line, "choice"));
    demand_has("endless hello", line, "inconclusive");
    demand_healthy(stage);
}

/* Nothing may begin a session but (part of) a sound hello. */
static void only_a_hello_begins_a_session(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } changes[] = {
        {"content type", 0, 23},
        {"version", 1, 3},
        {"version", 2, 0xfe},
        {"epoch", 3, 1},
        {"epoch", 4, 1},
        {"sequence of long ago", 5, 1},
        {"record size", 12, 40},
        {"message type", 13, 11},
        {"message type", 13, 0},
        {"message length", 14, 3},
        {"message length", 16, 20},
        {"message number", 17, 1},
        {"message number", 18, 64},
        {"offset", 21, 9},
        {"fragment length", 24, 255},
        {"hello's version", 25, 3},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        dtls_talk_init(talk);
        dtls_say_hello(talk);
        talk->store.data[talk->datagrams[0].at + changes[i].at] = changes[i].value;
        stage->tape.count = 0;
        uint64_t flows = flow_table_counts(stage->tape.table).flows;
        dtls_play(&stage->tape, talk);
        if (flow_table_counts(stage->tape.table).flows != flows)
            fail_msg("%s: a flow", changes[i].name);
        flow_table_end(stage->tape.table);
        assert_int_equal(stage->tape.count, 0);
    }
    /* cut short, not by the capture: sessions do not wait for the rest */
    for (uint16_t size = 0; size < 100; size++) {
        dtls_talk_init(talk);
        talk->client_port = (uint16_t)(1000 + size);
        dtls_say_hello(talk);
        talk->datagrams[0].size -= size + 1U < talk->datagrams[0].size ? size + 1U : 1U;
        dtls_play(&stage->tape, talk);
    }
    assert_int_equal(flow_table_counts(stage->tape.table).flows_evicted, 0);
    assert_int_equal(stage->tape.count, 0);
    demand_healthy(stage);
}

/* One byte a piece, from the end: the pieces always touch. Every second one: they never do. */
static void single_bytes_are_put_together(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = 300});
    for (size_t at = stage->body.size; at > 0; at--) {
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, at - 1, 1);
    }
    demand_has("backwards", dtls_one(&stage->tape, talk), "missed:44 offer{ fefd v0 s1 k0");
    dtls_talk_init(talk);
    for (unsigned odd = 0; odd < 2; odd++) {
        for (size_t at = odd; at < stage->body.size; at += 2) {
            dtls_datagram(talk, SIDE_CLIENT);
            dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, at, 1);
        }
    }
    stage->tape.count = 0;
    dtls_play(&stage->tape, talk);
    flow_table_end(stage->tape.table);
    assert_int_equal(stage->tape.count, 0); /* too many pieces at once: some were dropped */
    assert_true(flow_table_counts(stage->tape.table).buffers_exhausted > 0);
    /* sent once more, all fits */
    for (size_t at = 0; at < stage->body.size; at++) {
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, at, 1);
    }
    demand_has("sent again", dtls_one(&stage->tape, talk), "offer{ fefd v0 s1 k0");
    assert_true(stage->tape.last.missed & MISSED_MEMORY);
    demand_healthy(stage);
}

/* Beginnings of messages with every number, each of them large; the genuine ones have low numbers
 * and are read. */
static void floods_do_not_push_the_handshake_out(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = 1500});
    for (unsigned after = 0; after < 2; after++) {
        dtls_talk_init(talk);
        dtls_say_hello(talk);
        for (uint16_t number = 63; number > 4; number--) {
            for (unsigned from = 0; from < 2; from++) {
                dtls_datagram(talk, from ? SIDE_SERVER : SIDE_CLIENT);
                dtls_fragment(talk, from ? TLS_SERVER_HELLO : TLS_CLIENT_HELLO, number,
                              &stage->body, 60, 20);
            }
        }
        size_t flood = talk->count;
        dtls_say_verify(talk);
        dtls_say_second_hello(talk);
        dtls_say_server_flight(talk);
        dtls_say_client_flight(talk);
        dtls_say_server_finish(talk);
        if (after)
            for (size_t i = 1; i < flood; i++)
                dtls_move(talk, 1, talk->count - 4);
        const char *line = dtls_one(&stage->tape, talk);
        demand_has("flood", line, "inconclusive");
        demand_has("flood", line, "offer{ fefd v0 s1 k0");
        demand_has("flood", line, "choice{fefd 0000 suite c02f");
        assert_true(stage->tape.last.missed & MISSED_MEMORY);
    }
    demand_healthy(stage);
}

/* What was read stays, whatever its number: the record points into it. */
static void floods_do_not_push_out_what_was_read(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    char line[LINE_SIZE];
    struct bytes *hello = &stage->body;
    dtls_client_hello(talk, hello, (struct dtls_hello_plan){0});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_message(talk, TLS_CLIENT_HELLO, 9, hello);
    snprintf(line, sizeof line, "%s", dtls_one(&stage->tape, talk));
    memset(hello->data + 20, 0x99, 20);
    for (unsigned number = 6; number > 0; number--) {
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_fragment(talk, TLS_CLIENT_HELLO, (uint16_t)(number - 1), hello, 20, 20);
    }
    char *offer = strstr(line, "offer");
    assert_non_null(offer);
    demand_has("offer", dtls_one(&stage->tape, talk), offer);
    demand_healthy(stage);
}

/* Many flows, each with a message that claims to be as long as can be: the buffers run out, the
 * flows are told or dropped, and all comes back. */
static void many_flows_with_large_claims(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_client_hello(talk, &stage->body, (struct dtls_hello_plan){.padding = 65000});
    for (uint16_t flow = 0; flow < 500; flow++) {
        dtls_talk_init(talk);
        talk->client_port = (uint16_t)(1000 + flow);
        dtls_datagram(talk, SIDE_CLIENT);
        dtls_fragment(talk, TLS_CLIENT_HELLO, 0, &stage->body, 0, 1200);
        dtls_play(&stage->tape, talk);
    }
    struct flow_counts counts = flow_table_counts(stage->tape.table);
    assert_true(counts.flows_evicted > 0);
    assert_true(counts.buffers_exhausted > 0);
    demand_healthy(stage);
}

/* Another client's hello on the same ports, again and again: each ends the one before. */
static void hellos_with_changing_randoms(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (unsigned i = 0; i < 20; i++) {
        talk->random = (uint8_t)i;
        dtls_say_hello(talk);
    }
    dtls_say_verify(talk);
    stage->tape.count = 0;
    dtls_play(&stage->tape, talk);
    assert_int_equal(stage->tape.count, 19);
    flow_table_end(stage->tape.table);
    assert_int_equal(stage->tape.count, 20);
    demand_healthy(stage);
}

/* Each byte of each datagram of a handshake changed: no crash, no second record out of nothing but
 * what a changed random makes. */
static void survives_every_changed_byte(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    dtls_say_all(talk);
    for (size_t i = 0; i < talk->count; i++) {
        for (size_t at = 0; at < talk->datagrams[i].size; at++) {
            for (size_t flip = 0; flip < sizeof flips; flip++) {
                uint8_t *byte = talk->store.data + talk->datagrams[i].at + at;
                *byte ^= flips[flip];
                stage->tape.count = 0;
                dtls_play(&stage->tape, talk);
                flow_table_end(stage->tape.table);
                assert_in_range(stage->tape.count, 1, 2);
                *byte ^= flips[flip];
            }
        }
    }
    demand_healthy(stage);
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        STAGED(contradictions_are_noted),
        STAGED(impossible_lengths_are_not_believed),
        STAGED(only_a_hello_begins_a_session),
        STAGED(single_bytes_are_put_together),
        STAGED(floods_do_not_push_the_handshake_out),
        STAGED(floods_do_not_push_out_what_was_read),
        STAGED(many_flows_with_large_claims),
        STAGED(hellos_with_changing_randoms),
        STAGED(survives_every_changed_byte),
    };
#undef STAGED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
