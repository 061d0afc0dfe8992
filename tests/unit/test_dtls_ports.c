/*
 * test_dtls_ports.c - DTLS handshakes as a tap sees them: between STUN and RTP, in TURN's channels,
 * with parts of them lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_stage.h"

/* ---- shared ports ---- */

static void rides_on_stun(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    char usual[LINE_SIZE];
    dtls_usual_line(stage, usual);
    char *carrier = strstr(usual, "direct");
    assert_non_null(carrier);
    memmove(carrier + 4, carrier + 6, strlen(carrier + 6) + 1);
    memcpy(carrier, "stun", 4);
    for (size_t where = 0; where < 6; where++) {
        dtls_talk_init(talk);
        dtls_say_all(talk);
        dtls_say_stun(talk, SIDE_SERVER);
        dtls_move(talk, 6, where);
        demand_line("one STUN message", usual, dtls_one(&stage->tape, talk));
    }
    /* what went by before counts as the other side's packets */
    dtls_talk_init(talk);
    dtls_say_stun(talk, SIDE_CLIENT);
    dtls_say_stun(talk, SIDE_SERVER);
    dtls_say_hello(talk);
    demand_has("unanswered", dtls_one(&stage->tape, talk), "stun inconclusive missed:40");
    assert_int_equal(stage->tape.last.started_packet, stage->tape.number);
}

static void media_passes_by(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const uint8_t rtp[] = {0x80, 0x6f, 0x00, 0x01, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    dtls_say_all(talk);
    for (size_t where = 1; where < 6; where++) {
        dtls_datagram(talk, where % 2 ? SIDE_CLIENT : SIDE_SERVER);
        bytes_add(&talk->store, rtp, sizeof rtp);
        talk->datagrams[talk->count - 1].size = sizeof rtp;
        dtls_move(talk, talk->count - 1, 2 * where - 1);
    }
    dtls_demand_usual(stage, "RTP in between");
    /* media alone, without end: it is not waited for the handshake for ever */
    dtls_talk_init(talk);
    dtls_say_hello(talk);
    stage->tape.count = 0;
    dtls_play(&stage->tape, talk);
    for (size_t i = 0; i < 4000; i++) {
        dtls_talk_init(talk);
        dtls_datagram(talk, SIDE_SERVER);
        bytes_add(&talk->store, rtp, sizeof rtp);
        talk->datagrams[0].size = sizeof rtp;
        dtls_step(&stage->tape, talk, 0);
    }
    assert_int_equal(stage->tape.count, 1);
    demand_has("media", stage->tape.lines[0], "inconclusive");
}

/* Wraps a datagram in ChannelData. */
static void wrap(struct dtls_talk *talk, size_t at, uint16_t channel) {
    struct datagram *datagram = &talk->datagrams[at];
    struct bytes *store = &talk->store;
    size_t start = store->size;
    bytes_number(store, channel, 2);
    bytes_number(store, (uint32_t)datagram->size, 2);
    bytes_fill(store, 0, datagram->size);
    memcpy(store->data + start + 4, store->data + datagram->at, datagram->size);
    datagram->at = start;
    datagram->size += 4;
}

/* The same in a Send or Data indication. */
static void wrap_in_indication(struct dtls_talk *talk, size_t at) {
    struct datagram *datagram = &talk->datagrams[at];
    struct bytes *store = &talk->store;
    size_t start = store->size;
    size_t padded = (datagram->size + 3) / 4 * 4;
    bytes_number(store, datagram->from == SIDE_CLIENT ? 0x0016 : 0x0017, 2);
    bytes_number(store, (uint32_t)(12 + 4 + padded), 2);
    bytes_number(store, 0x2112a442, 4);
    bytes_fill(store, 0x07, 12);
    bytes_number(store, 0x00120008, 4);
    bytes_fill(store, 0x01, 8);
    bytes_number(store, 0x0013, 2);
    bytes_number(store, (uint32_t)datagram->size, 2);
    bytes_fill(store, 0, padded);
    memcpy(store->data + start + 36, store->data + datagram->at, datagram->size);
    datagram->at = start;
    datagram->size = 36 + padded;
}

static void is_taken_out_of_turn(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (unsigned kind = 0; kind < 3; kind++) {
        dtls_talk_init(talk);
        dtls_say_all(talk);
        for (size_t i = 0; i < 6; i++) {
            if (kind == 0 || (kind == 2 && i >= 2))
                wrap(talk, i, 0x4001);
            else
                wrap_in_indication(talk, i);
        }
        const char *line = dtls_one(&stage->tape, talk);
        demand_has("in TURN", line, "stun completed missed:00 offer{");
        demand_has("in TURN", line, "kx{29} cert{} done cke sealed{48 48}");
    }
    /* two at once in one allocation: the second is left out, and nothing is concluded */
    dtls_talk_init(talk);
    dtls_say_all(talk);
    talk->random = 0xc2;
    dtls_say_hello(talk);
    dtls_move(talk, 6, 1);
    for (size_t i = 0; i < 7; i++)
        wrap_in_indication(talk, i);
    demand_has("two peers", dtls_one(&stage->tape, talk), "stun inconclusive missed:18 offer{");
    /* on channels of their own they are told apart */
    dtls_talk_init(talk);
    dtls_say_all(talk);
    for (size_t i = 0; i < 6; i++)
        wrap(talk, i, 0x4001);
    dtls_datagram(talk, SIDE_SERVER);
    dtls_record(talk, TLS_ALERT, 0, "\x02\x28", 2);
    wrap(talk, 6, 0x4002);
    dtls_move(talk, 6, 1);
    demand_has("two channels", dtls_one(&stage->tape, talk), "stun completed missed:00 offer{");
    assert_int_equal(stage->tape.last.alert_count, 0);
}

/* ---- losses ---- */

static void what_is_lost_is_not_guessed(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    static const struct {
        const char *name;
        size_t lost;
        const char *wanted;
    } cases[] = {
        {"first hello", 0, "completed missed:01 offer{"},
        {"HelloVerifyRequest", 1, "completed missed:00 offer{"},
        {"second hello", 2, "inconclusive missed:08 offer{"},
        {"server's hello", 3, "inconclusive missed:58 offer{"},
        {"client's Finished", 4, "inconclusive missed:48 offer{"},
        {"server's Finished", 5, "inconclusive missed:40 offer{"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dtls_talk_init(talk);
        dtls_say_all(talk);
        dtls_remove(talk, cases[i].lost);
        demand_has(cases[i].name, dtls_one(&stage->tape, talk), cases[i].wanted);
    }
    /* the client goes on with data, so there was an answer */
    dtls_talk_init(talk);
    dtls_say_all(talk);
    dtls_remove(talk, 5);
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_record(talk, TLS_APPLICATION_DATA, 1, NULL, 80);
    demand_has("answer", dtls_one(&stage->tape, talk), "inconclusive missed:50 offer{");
}

static void a_lost_fragment_is_missed(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_talk_init(talk);
    talk->most = 50;
    dtls_say_all(talk);
    size_t count = talk->count;
    for (size_t lost = 0; lost < count; lost++) {
        dtls_talk_init(talk);
        talk->most = 50;
        dtls_say_all(talk);
        bool has_sealed = talk->datagrams[lost].size > 80;
        uint8_t type = talk->store.data[talk->datagrams[lost].at + DTLS_RECORD_HEADER_SIZE];
        dtls_remove(talk, lost);
        const char *line = dtls_one(&stage->tape, talk);
        bool is_harmless = type == TLS_HELLO_VERIFY_REQUEST || strstr(line, "missed:01");
        if (!is_harmless || has_sealed)
            demand_has("one fragment less", line, "inconclusive missed:");
    }
    /* but for what came again */
    dtls_talk_init(talk);
    talk->most = 50;
    dtls_say_all(talk);
    dtls_copy(talk, 0, 2);
    dtls_remove(talk, 0);
    dtls_demand_usual(stage, "sent again");
}

static void a_cut_capture_is_noticed(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_all(talk);
    talk->datagrams[3].cut = talk->datagrams[3].size - 120;
    demand_has("server's flight", dtls_one(&stage->tape, talk), "inconclusive missed:");
    assert_true(stage->tape.last.missed & MISSED_CUT_PACKET);
    assert_true(stage->tape.last.has & HANDSHAKE_HAS_CHOICE);
    dtls_talk_init(talk);
    dtls_say_all(talk);
    talk->datagrams[5].cut = 30;
    demand_has("encrypted record", dtls_one(&stage->tape, talk), "completed missed:00");
}

static void one_side_is_told_as_half(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    for (unsigned lost = 0; lost < 2; lost++) {
        dtls_talk_init(talk);
        dtls_say_all(talk);
        for (size_t i = talk->count; i > 0; i--)
            if (talk->datagrams[i - 1].from == (lost ? SIDE_SERVER : SIDE_CLIENT))
                dtls_remove(talk, i - 1);
        stage->tape.count = 0;
        dtls_play(&stage->tape, talk);
        assert_int_equal(stage->tape.count, 1); /* told at once: nothing in clear can follow */
        demand_has("half", stage->tape.lines[0],
                   lost ? "40000-443 direct half_seen missed:04 offer{"
                        : "40000-443 direct half_seen missed:02 choice{");
        flow_table_end(stage->tape.table);
        assert_int_equal(stage->tape.count, 1);
    }
}

/* An older association's records go on while the next handshake begins. */
static void older_encrypted_records_finish_nothing(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    struct dtls_talk *talk = &stage->talk;
    dtls_say_all(talk);
    for (size_t i = 0; i < 2; i++) {
        dtls_datagram(talk, i ? SIDE_SERVER : SIDE_CLIENT);
        dtls_record(talk, TLS_APPLICATION_DATA, 1, NULL, 80);
        dtls_move(talk, talk->count - 1, 1);
    }
    dtls_demand_usual(stage, "data of before");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DTLS_STAGED(rides_on_stun),
        DTLS_STAGED(media_passes_by),
        DTLS_STAGED(is_taken_out_of_turn),
        DTLS_STAGED(what_is_lost_is_not_guessed),
        DTLS_STAGED(a_lost_fragment_is_missed),
        DTLS_STAGED(a_cut_capture_is_noticed),
        DTLS_STAGED(one_side_is_told_as_half),
        DTLS_STAGED(older_encrypted_records_finish_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
