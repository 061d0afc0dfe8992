/*
 * test_flow.c - the flow table tells the same record however a handshake's bytes come along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow_scene.h"

static struct exchange dialogue;
static struct plan plan;
static struct plan changed;
static struct told reference;

static const struct layout plain_layout;
static const struct cuts no_cuts;

static void begin(unsigned kind, struct layout layout) {
    dialogue_make(&dialogue, kind, plain_layout);
    plan_make(&plan, &dialogue, no_cuts);
    assert_int_equal(plan_tell(&plan, &reference), 1);
    dialogue_make(&dialogue, kind, layout);
}

/* The plan tells one record, the reference. */
static void expect_same(const struct plan *played, const char *what, size_t number) {
    static struct told told;
    size_t count = plan_tell(played, &told);
    if (count == 1 && strcmp(told.facts, reference.facts) == 0)
        return;
    print_error("%s, %s %zu: %zu records\n%s\ninstead of\n%s\n", played->dialogue->name, what,
                number, count, told.facts, reference.facts);
    fail();
}

static void test_references(void **state) {
    enum {
        HELLOS = HANDSHAKE_HAS_OFFER | HANDSHAKE_HAS_CHOICE,
        FULL = HELLOS | HANDSHAKE_HAS_CERTIFICATE | HANDSHAKE_HAS_SERVER_HELLO_DONE |
               HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE,
    };
    static const struct {
        uint32_t has;
        uint16_t offered;
        uint16_t negotiated;
        uint16_t suite;
        uint16_t group;
        const char *name;
    } rows[DIALOGUE_COUNT] = {
        [DIALOGUE_TLS12] = {FULL | HANDSHAKE_HAS_KEY_EXCHANGE, TLS_VERSION_1_2, TLS_VERSION_1_2,
                            0xc02f, 29, "old.example.net"},
        [DIALOGUE_RESUMED] = {HELLOS, TLS_VERSION_1_2, TLS_VERSION_1_2, 0xc02f, 0,
                              "old.example.net"},
        [DIALOGUE_TLS13] = {HELLOS, TLS_VERSION_1_3, TLS_VERSION_1_3, 0x1301, 29,
                            "www.example.com"},
        [DIALOGUE_RETRY] = {HELLOS | HANDSHAKE_HAS_RETRY | HANDSHAKE_HAS_SECOND_OFFER,
                            TLS_VERSION_1_3, TLS_VERSION_1_3, 0x1301, 23, "www.example.com"},
        [DIALOGUE_SSLV2] = {FULL, TLS_VERSION_1_0, TLS_VERSION_1_0, 0x002f, 0, ""},
        [DIALOGUE_LONG] = {HELLOS, TLS_VERSION_1_3, TLS_VERSION_1_3, 0x1301, 29, "www.example.com"},
    };
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        assert_int_equal(reference.outcome, OUTCOME_COMPLETED);
        assert_int_equal(reference.has, rows[kind].has);
        assert_int_equal(reference.missed, 0);
        assert_int_equal(reference.offered, rows[kind].offered);
        assert_int_equal(reference.negotiated, rows[kind].negotiated);
        assert_int_equal(reference.suite, rows[kind].suite);
        assert_int_equal(reference.group, rows[kind].group);
        assert_string_equal(reference.name, rows[kind].name);
        assert_int_equal(reference.alert_count, 0);
        assert_int_equal(reference.port, 40000);
        assert_int_equal(reference.started_packet, 1);
    }
}

static void test_split_at_every_byte(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (unsigned end = 0; end < SIDE_COUNT; end++) {
            for (size_t at = 1; at < dialogue.stream[end].size; at++) {
                struct cuts cuts = {0};
                cuts.at[end] = at;
                plan_make(&plan, &dialogue, cuts);
                expect_same(&plan, end == SIDE_CLIENT ? "client cut at" : "server cut at", at);
            }
        }
    }
}

/* Records of any size, messages cut by them and sharing them, in segments of any size. */
static void test_layouts(void **state) {
    static const struct layout layouts[] = {
        {true, 0}, {false, 1}, {true, 1}, {true, 4}, {false, 7}, {true, 7}, {true, 64}, {true, 301},
    };
    static const size_t sizes[] = {0, 1, 2, 5, 6, 63, 1400};
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
            if (kind == DIALOGUE_LONG && layouts[i].record_size > 0 && layouts[i].record_size < 7)
                continue; /* does not fit into a test's message */
            begin(kind, layouts[i]);
            for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
                plan_make(&plan, &dialogue, (struct cuts){.size = sizes[j]});
                expect_same(&plan, "layout and size", i * 100 + j);
            }
        }
    }
}

/* Each direction's bytes as one segment, the client's first. */
static void test_one_segment_each(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        plan_start(&plan, &dialogue);
        plan_open(&plan);
        for (unsigned end = 0; end < SIDE_COUNT; end++) {
            struct piece *piece = plan_add(&plan, end, TCP_ACK);
            piece->size = (uint32_t)dialogue.stream[end].size;
            plan.said[end] = piece->size;
        }
        expect_same(&plan, "one segment", 0);
    }
}

/* The n-th order of `count` things; false past the last. */
static bool order_of(size_t number, size_t count, size_t order[4]) {
    size_t left[4] = {0, 1, 2, 3};
    size_t orders = 1;
    for (size_t i = 2; i <= count; i++)
        orders *= i;
    if (number >= orders)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t remaining = count - i;
        orders /= remaining;
        size_t at = number / orders;
        number %= orders;
        order[i] = left[at];
        memmove(left + at, left + at + 1, (remaining - at - 1) * sizeof left[0]);
    }
    return true;
}

/* Puts the pieces at the given places into every order. */
static void expect_same_in_all_orders(const size_t *places, size_t count, const char *what) {
    size_t order[4];
    for (size_t number = 0; order_of(number, count, order); number++) {
        changed = plan;
        for (size_t i = 0; i < count; i++)
            changed.pieces[places[i]] = plan.pieces[places[order[i]]];
        expect_same(&changed, what, number);
    }
}

static void test_orders_within_a_flight(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (size_t flight = 0; flight < dialogue.flight_count; flight++) {
            size_t size = dialogue.flights[flight].size;
            plan_make(&plan, &dialogue, (struct cuts){.size = (size + 3) / 4});
            size_t places[4];
            size_t count = 0;
            size_t start = dialogue.flights[flight].start;
            for (size_t i = 0; i < plan.count && count < 4; i++) {
                const struct piece *piece = &plan.pieces[i];
                if (piece_is_data(piece) && piece->end == dialogue.flights[flight].end &&
                    piece->offset >= start && piece->offset < start + size)
                    places[count++] = i;
            }
            expect_same_in_all_orders(places, count, "order");
        }
    }
}

/* The first four segments of a direction in any order, across the answers between them. */
static void test_orders_across_flights(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        for (unsigned end = 0; end < SIDE_COUNT; end++) {
            begin(kind, plain_layout);
            plan_make(&plan, &dialogue, (struct cuts){.size = (dialogue.stream[end].size + 3) / 4});
            size_t places[4];
            size_t count = 0;
            for (size_t i = 0; i < plan.count && count < 4; i++) {
                if (piece_is_data(&plan.pieces[i]) && plan.pieces[i].end == end)
                    places[count++] = i;
            }
            expect_same_in_all_orders(places, count,
                                      end == SIDE_CLIENT ? "client's order" : "server's order");
        }
    }
}

/* Two taps of one span port: the answer is captured before the hello. */
static void test_answer_captured_first(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        if (kind == DIALOGUE_RETRY)
            continue; /* its first answer alone comes early in the orders above */
        begin(kind, plain_layout);
        plan_make(&plan, &dialogue, no_cuts);
        struct piece hello = plan.pieces[3];
        assert_true(piece_is_data(&hello) && piece_is_data(&plan.pieces[5]));
        plan.pieces[3] = plan.pieces[5];
        plan.pieces[5] = hello;
        expect_same(&plan, "answer first", 0);
    }
}

static void test_duplicates(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        plan_make(&plan, &dialogue, (struct cuts){.size = 100});
        for (size_t distance = 1; distance <= 4; distance++) {
            for (size_t i = 0; i < plan.count; i++) { /* each packet alone */
                changed = plan;
                size_t at = i + distance < plan.count ? i + distance : plan.count;
                plan_insert(&changed, at, plan.pieces[i]);
                expect_same(&changed, "repeated", i);
            }
        }
        changed = plan; /* and every packet twice */
        changed.count = 0;
        for (size_t i = 0; i < plan.count; i++) {
            plan_insert(&changed, changed.count, plan.pieces[i]);
            plan_insert(&changed, changed.count, plan.pieces[i]);
        }
        expect_same(&changed, "all twice", 0);
    }
}

static void test_overlaps(void **state) {
    static const struct cuts cuts[] = {
        {.size = 64, .overlap = 1}, {.size = 64, .overlap = 30},  {.size = 64, .overlap = 64},
        {.size = 7, .overlap = 20}, {.size = 1, .overlap = 1000}, {.size = 500, .overlap = 4000},
    };
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            plan_make(&plan, &dialogue, cuts[i]);
            expect_same(&plan, "overlap", i);
            for (size_t at = 0; at + 1 < plan.count && kind != DIALOGUE_LONG; at++) {
                if (!piece_is_data(&plan.pieces[at]) || !piece_is_data(&plan.pieces[at + 1]))
                    continue;
                changed = plan; /* two overlapping neighbours in the other order */
                changed.pieces[at] = plan.pieces[at + 1];
                changed.pieces[at + 1] = plan.pieces[at];
                expect_same(&changed, "swapped overlap", at);
            }
        }
    }
}

/* This end's numbers wrap around within its bytes; two segments there are out of order. */
static void expect_same_at_wrap(unsigned end, uint32_t back) {
    plan_make(&plan, &dialogue, (struct cuts){.size = 150});
    plan.isn[end] = 0U - back;
    if (plan.count > 8) {
        struct piece piece = plan.pieces[5];
        plan.pieces[5] = plan.pieces[6];
        plan.pieces[6] = piece;
    }
    expect_same(&plan, "wrap", back);
}

static void test_sequence_wraps(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (unsigned end = 0; end < SIDE_COUNT; end++)
            for (uint32_t back = 0; back <= dialogue.stream[end].size + 2; back++)
                expect_same_at_wrap(end, back);
    }
}

/* Packets that come between others and must change nothing, put at every place in turn. */
static void test_intruders(void **state) {
    static const uint8_t zeroes[8];
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        plan_make(&plan, &dialogue, (struct cuts){.size = 300});
        for (size_t at = 2; at < plan.count; at++) {
            struct piece bare = plan.pieces[at];
            bool is_bare = at > 2 && bare.size == 0 && bare.flags == TCP_ACK;
            bool is_data = piece_is_data(&bare);
            struct piece probe = bare;
            if (is_data) { /* a zero-window probe: the next byte, before the rest */
                probe.size = 1;
                changed = plan;
                plan_insert(&changed, at, probe);
                expect_same(&changed, "window probe", at);
            }
            if (is_data && bare.offset) { /* a keep-alive: a byte that was acknowledged before */
                probe.size = 1;
                probe.offset--;
                probe.junk = zeroes;
                changed = plan;
                plan_insert(&changed, at, probe);
                expect_same(&changed, "keep-alive", at);
            }
            if (is_bare && !bare.offset)
                continue;
            struct piece syn = plan.pieces[0];
            changed = plan;
            plan_insert(&changed, at, syn);
            expect_same(&changed, "SYN again", at);
            changed = plan;
            plan_insert(&changed, at, plan.pieces[1]);
            expect_same(&changed, "SYN-ACK again", at);
        }
    }
}

/* Link padding that was taken for payload, on acknowledgements before an end's first data. */
static void test_padding(void **state) {
    static const uint8_t zeroes[8];
    static const size_t places[] = {2, 4};
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (size_t i = 0; i < 2; i++) {
            for (uint32_t size = 2; size <= 6; size++) {
                plan_make(&plan, &dialogue, no_cuts);
                struct piece *piece = &plan.pieces[places[i]];
                assert_int_equal(piece->flags, TCP_ACK);
                assert_int_equal(piece->offset, 0);
                piece->junk = zeroes;
                piece->size = size;
                expect_same(&plan, i ? "server's padding of" : "client's padding of", size);
            }
        }
    }
}

static void test_second_syn_ack(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        plan_make(&plan, &dialogue, no_cuts);
        struct piece stale = plan.pieces[1];
        stale.shift = 0x12345;
        plan_insert(&plan, 1, stale);
        expect_same(&plan, "stale SYN-ACK", 0);
        plan_make(&plan, &dialogue, no_cuts); /* also when the client's hello came between */
        plan.pieces[1].shift = 0x12345;
        stale.shift = 0;
        plan_insert(&plan, 4, stale);
        expect_same(&plan, "late SYN-ACK", 0);
    }
}

static void test_time_goes_backwards(void **state) {
    static const int64_t steps[] = {-1, -1000, -1000000, -3600000000};
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            plan_make(&plan, &dialogue, (struct cuts){.size = 200});
            for (size_t at = 1; at < plan.count; at++)
                plan.pieces[at].later_us = steps[i];
            expect_same(&plan, "backwards", i);
            for (size_t at = 2; at < plan.count; at += 2) /* to and fro */
                plan.pieces[at].later_us = -steps[i] / 1000;
            expect_same(&plan, "to and fro", i);
        }
    }
}

/* A new connection on the same ports: after the first handshake, and in the middle of it. */
static void test_port_reuse(void **state) {
    (void)state;
    static struct tap tap;
    static struct exchange second;
    static struct told second_reference;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind, plain_layout);
        dialogue_make(&second, (kind + 2) % DIALOGUE_COUNT, plain_layout);
        plan_make(&changed, &second, no_cuts);
        changed.isn[SIDE_CLIENT] += 0x5000;
        changed.isn[SIDE_SERVER] += 0x7000000;
        assert_int_equal(plan_tell(&changed, &second_reference), 1);
        plan_make(&plan, &dialogue, no_cuts);
        for (size_t stop = 4; stop <= plan.count; stop++) {
            tap_open(&tap, NULL);
            tap_play_part(&tap, &plan, 0, stop);
            tap_play(&tap, &changed);
            flow_table_end(tap.table);
            tap_close(&tap);
            assert_int_equal(tap.told_count, 2);
            assert_string_equal(tap.told[1].facts, second_reference.facts);
            assert_int_equal(tap.told[1].started_packet, stop + 1);
            assert_true(tap.told[0].flow_id != tap.told[1].flow_id);
            assert_string_equal(tap.told[0].offer, reference.offer);
            if (stop == plan.count)
                assert_string_equal(tap.told[0].facts, reference.facts);
            if (tap.told[0].outcome != OUTCOME_COMPLETED)
                assert_int_equal(tap.told[0].outcome, OUTCOME_INCONCLUSIVE);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_one_segment_each),
        cmocka_unit_test(test_orders_within_a_flight),
        cmocka_unit_test(test_orders_across_flights),
        cmocka_unit_test(test_answer_captured_first),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_sequence_wraps),
        cmocka_unit_test(test_intruders),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_second_syn_ack),
        cmocka_unit_test(test_time_goes_backwards),
        cmocka_unit_test(test_port_reuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
