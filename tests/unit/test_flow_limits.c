/*
 * test_flow_limits.c - what the flow table tells when bytes are missing, how handshakes end, and
 * what happens at every bound of its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow_scene.h"

enum { SECOND_US = 1000000 };

static struct exchange dialogue;
static struct plan plan;
static struct told reference;
static struct told told;
static struct tap tap;

static const struct layout plain_layout;
static const struct cuts no_cuts;

static void begin(unsigned kind) {
    dialogue_make(&dialogue, kind, plain_layout);
    plan_make(&plan, &dialogue, no_cuts);
    assert_int_equal(plan_tell(&plan, &reference), 1);
    assert_int_equal(reference.outcome, OUTCOME_COMPLETED);
}

/* ---- losses ---- */

static bool is_absent_or(const char *text, const char *expected) {
    return text[0] == '\0' || strcmp(text, expected) == 0;
}

/* Every field is absent or the reference's. */
static bool nothing_is_invented(void) {
    return (told.has & ~reference.has) == 0 && is_absent_or(told.offer, reference.offer) &&
           is_absent_or(told.second_offer, reference.second_offer) &&
           is_absent_or(told.retry, reference.retry) &&
           is_absent_or(told.choice, reference.choice) && told.alert_count == 0 &&
           (told.negotiated == 0 || told.negotiated == reference.negotiated) &&
           (told.group == 0 || told.group == reference.group);
}

static bool outcome_is_careful(bool handshake_is_whole) {
    switch (told.outcome) {
    case OUTCOME_COMPLETED:
        return handshake_is_whole && strcmp(told.offer, reference.offer) == 0 &&
               strcmp(told.choice, reference.choice) == 0;
    case OUTCOME_HALF_SEEN:
    case OUTCOME_INCONCLUSIVE:
        return true;
    case OUTCOME_FAILED:
    case OUTCOME_RESET:
        return false;
    }
    return false;
}

/* Plays a plan that misses something and returns whether what it tells is sound. */
static bool loss_is_sound(bool handshake_is_whole, const char *what, size_t number) {
    size_t count = plan_tell(&plan, &told);
    if (count == 1 && nothing_is_invented() && outcome_is_careful(handshake_is_whole))
        return true;
    print_error("%s, %s %zu: %zu records\n%s\nfrom\n%s\n", plan.dialogue->name, what, number, count,
                told.facts, reference.facts);
    return false;
}

static bool piece_holds_handshake(const struct piece *piece) {
    return piece->offset < dialogue.sealed_at[piece->end];
}

static void test_lost_segments(void **state) {
    static const size_t sizes[] = {0, 20, 64, 200};
    size_t failures = 0;
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            plan_make(&plan, &dialogue, (struct cuts){.size = sizes[i]});
            for (size_t at = 0; at < plan.count; at++) {
                struct piece *piece = &plan.pieces[at];
                if (!piece_is_data(piece))
                    continue;
                piece->is_lost = true;
                failures += !loss_is_sound(!piece_holds_handshake(piece), "lost packet", at + 1);
                piece->is_lost = false;
            }
        }
    }
    assert_int_equal(failures, 0);
}

/* The same in captures that end with a reset, or with nothing. */
static void test_lost_segments_before_other_ends(void **state) {
    size_t failures = 0;
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind);
        for (unsigned end = 0; end <= SIDE_COUNT; end++) {
            plan_start(&plan, &dialogue);
            plan_open(&plan);
            plan_flights(&plan, (struct cuts){.size = 150});
            if (end < SIDE_COUNT)
                plan_add(&plan, end, TCP_RST | TCP_ACK);
            for (size_t at = 0; at < plan.count; at++) {
                struct piece *piece = &plan.pieces[at];
                if (!piece_is_data(piece))
                    continue;
                piece->is_lost = true;
                failures +=
                    !loss_is_sound(!piece_holds_handshake(piece), "lost, then reset", at + 1);
                piece->is_lost = false;
            }
        }
    }
    assert_int_equal(failures, 0);
}

/* One packet cut to each length, and all packets cut to one. */
static void test_cut_packets(void **state) {
    size_t failures = 0;
    (void)state;
    for (unsigned kind = 0; kind < DIALOGUE_COUNT; kind++) {
        begin(kind);
        plan_make(&plan, &dialogue, (struct cuts){.size = 250});
        for (size_t at = 0; at < plan.count; at++) {
            struct piece *piece = &plan.pieces[at];
            for (uint32_t cut = 1; piece_is_data(piece) && cut <= piece->size; cut++) {
                piece->cut = cut;
                bool is_whole = piece->offset + piece->size - cut >= dialogue.sealed_at[piece->end];
                failures += !loss_is_sound(is_whole, "cut packet", at + 1);
            }
            piece->cut = 0;
        }
        for (uint32_t length = 0; length < 250; length++) {
            bool is_whole = true;
            for (size_t at = 0; at < plan.count; at++) {
                struct piece *piece = &plan.pieces[at];
                piece->cut = piece->size > length ? piece->size - length : 0;
                if (piece->cut && piece->offset + length < dialogue.sealed_at[piece->end])
                    is_whole = false;
            }
            if (plan_tell(&plan, &told)) /* else no hello was left */
                failures += !loss_is_sound(is_whole, "snap length", length);
        }
    }
    assert_int_equal(failures, 0);
}

/* ---- outcomes ---- */

static void until(size_t flights) {
    dialogue_keep(&dialogue, flights);
    plan_start(&plan, &dialogue);
    plan_open(&plan);
}

static void arrange_whole(void) {
    plan_start(&plan, &dialogue);
    plan_open(&plan);
    plan_flights(&plan, no_cuts);
}

static void arrange_server_alert_fin(void) {
    until(1);
    dialogue_alert(&dialogue, SIDE_SERVER, 2, 40);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_SERVER, TCP_FIN | TCP_ACK);
    plan_add(&plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
}

static void arrange_server_alert_reset(void) {
    until(1);
    dialogue_alert(&dialogue, SIDE_SERVER, 2, 70);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_SERVER, TCP_RST | TCP_ACK);
}

static void arrange_client_alert_reset(void) {
    until(2);
    dialogue_alert(&dialogue, SIDE_CLIENT, 2, 47);
    dialogue_alert(&dialogue, SIDE_CLIENT, 2, 80);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_CLIENT, TCP_RST);
}

static void arrange_alert_only(void) {
    until(1);
    dialogue_alert(&dialogue, SIDE_SERVER, 2, 86);
    plan_flights(&plan, no_cuts);
}

static void arrange_warning_only(void) {
    until(1);
    dialogue_alert(&dialogue, SIDE_SERVER, 1, 112);
    plan_flights(&plan, no_cuts);
}

static void arrange_sealed_alert(void) {
    until(2);
    dialogue_sealed(&dialogue, SIDE_CLIENT, 19);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
}

static void arrange_server_fin(void) {
    until(1);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_SERVER, TCP_FIN | TCP_ACK);
    plan_add(&plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
}

static void arrange_client_fin(void) {
    until(2);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
}

static void arrange_server_reset(void) {
    until(1);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_SERVER, TCP_RST | TCP_ACK);
    plan_add(&plan, SIDE_SERVER, TCP_RST | TCP_ACK);
}

static void arrange_client_reset(void) {
    until(2);
    plan_flights(&plan, no_cuts);
    plan_add(&plan, SIDE_CLIENT, TCP_RST);
}

/* A packet that belongs to nothing, which moves the time on. */
static void add_passer_by(int64_t later_us) {
    struct piece *piece = plan_add(&plan, SIDE_CLIENT, TCP_ACK);
    piece->shift = 0x40000000;
    piece->later_us = later_us;
}

static void arrange_silence(void) {
    until(1);
    plan_flights(&plan, no_cuts);
    add_passer_by(31 * (int64_t)SECOND_US);
}

static void arrange_short_silence(void) {
    until(1);
    plan_flights(&plan, no_cuts);
    add_passer_by(29 * (int64_t)SECOND_US);
}

static void arrange_silence_after_fin(void) {
    arrange_client_fin();
    add_passer_by(5 * (int64_t)SECOND_US);
}

static void drop_side(unsigned end) {
    arrange_whole();
    for (size_t i = 0; i < plan.count; i++)
        plan.pieces[i].is_lost = plan.pieces[i].end == end;
}

static void arrange_client_side_only(void) {
    drop_side(SIDE_SERVER);
}

static void arrange_server_side_only(void) {
    drop_side(SIDE_CLIENT);
}

static void arrange_late_start(void) {
    arrange_whole();
    for (size_t i = 0; i < 5; i++)
        plan.pieces[i].is_lost = true;
}

static void arrange_late_start_whole(void) {
    arrange_whole();
    for (size_t i = 0; i < 3; i++)
        plan.pieces[i].is_lost = true;
}

static void arrange_capture_ends(void) {
    until(2);
    plan_flights(&plan, no_cuts);
}

static void arrange_hole(void) {
    until(2);
    plan_flights(&plan, (struct cuts){.size = 40});
    plan.pieces[plan.count - 4].is_lost = true;
    plan_add(&plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
}

struct outcome_row {
    const char *name;
    enum dialogue_kind kind;
    void (*arrange)(void);
    enum handshake_outcome outcome;
    uint32_t missed;
    const char *alerts;
};

static const struct outcome_row outcome_rows[] = {
    {"whole", DIALOGUE_TLS12, arrange_whole, OUTCOME_COMPLETED, 0, ""},
    {"whole", DIALOGUE_TLS13, arrange_whole, OUTCOME_COMPLETED, 0, ""},
    {"server's alert, FIN", DIALOGUE_TLS13, arrange_server_alert_fin, OUTCOME_FAILED, 0,
     "server 2 40"},
    {"server's alert, reset", DIALOGUE_TLS12, arrange_server_alert_reset, OUTCOME_FAILED, 0,
     "server 2 70"},
    {"client's alerts, reset", DIALOGUE_TLS12, arrange_client_alert_reset, OUTCOME_FAILED, 0,
     "client 2 47, client 2 80"},
    {"alert to an SSLv2-framed hello", DIALOGUE_SSLV2, arrange_server_alert_fin, OUTCOME_FAILED, 0,
     "server 2 40"},
    {"alert, end of capture", DIALOGUE_TLS13, arrange_alert_only, OUTCOME_FAILED, 0, "server 2 86"},
    {"warning, end of capture", DIALOGUE_TLS12, arrange_warning_only, OUTCOME_INCONCLUSIVE,
     MISSED_END, "server 1 112"},
    {"sealed alert of the client", DIALOGUE_TLS13, arrange_sealed_alert, OUTCOME_FAILED, 0, ""},
    {"server closes", DIALOGUE_TLS13, arrange_server_fin, OUTCOME_FAILED, 0, ""},
    {"client closes", DIALOGUE_TLS12, arrange_client_fin, OUTCOME_FAILED, 0, ""},
    {"server resets", DIALOGUE_TLS13, arrange_server_reset, OUTCOME_RESET, 0, ""},
    {"client resets", DIALOGUE_TLS12, arrange_client_reset, OUTCOME_RESET, 0, ""},
    {"31 s of silence", DIALOGUE_TLS13, arrange_silence, OUTCOME_FAILED, 0, ""},
    {"29 s of silence", DIALOGUE_TLS13, arrange_short_silence, OUTCOME_INCONCLUSIVE, MISSED_END,
     ""},
    {"silence after a FIN", DIALOGUE_TLS12, arrange_silence_after_fin, OUTCOME_FAILED, 0, ""},
    {"client's side", DIALOGUE_TLS12, arrange_client_side_only, OUTCOME_HALF_SEEN,
     MISSED_SERVER_SIDE, ""},
    {"client's side", DIALOGUE_TLS13, arrange_client_side_only, OUTCOME_HALF_SEEN,
     MISSED_SERVER_SIDE, ""},
    {"server's side", DIALOGUE_TLS12, arrange_server_side_only, OUTCOME_HALF_SEEN,
     MISSED_CLIENT_SIDE, ""},
    {"server's side", DIALOGUE_RETRY, arrange_server_side_only, OUTCOME_HALF_SEEN,
     MISSED_CLIENT_SIDE, ""},
    {"begun after the hello", DIALOGUE_TLS12, arrange_late_start, OUTCOME_HALF_SEEN, MISSED_START,
     ""},
    {"begun after the hello", DIALOGUE_TLS13, arrange_late_start, OUTCOME_HALF_SEEN,
     MISSED_START | MISSED_CLIENT_SIDE, ""}, /* told before the client's next packet */
    {"begun with the hello", DIALOGUE_TLS12, arrange_late_start_whole, OUTCOME_COMPLETED,
     MISSED_START, ""},
    {"end of capture", DIALOGUE_TLS12, arrange_capture_ends, OUTCOME_INCONCLUSIVE, MISSED_END, ""},
    {"hole", DIALOGUE_TLS12, arrange_hole, OUTCOME_INCONCLUSIVE, MISSED_SERVER_BYTES, ""},
};

static void test_outcomes(void **state) {
    size_t failures = 0;
    (void)state;
    for (size_t i = 0; i < sizeof outcome_rows / sizeof outcome_rows[0]; i++) {
        const struct outcome_row *row = &outcome_rows[i];
        dialogue_make(&dialogue, row->kind, plain_layout);
        row->arrange();
        size_t count = plan_tell(&plan, &told);
        if (count == 1 && told.outcome == row->outcome && told.missed == row->missed &&
            strcmp(told.alerts, row->alerts) == 0)
            continue;
        failures++;
        print_error("%s (%s): %zu records\n%s\n", row->name, dialogue.name, count, told.facts);
    }
    assert_int_equal(failures, 0);
}

/* Silence is known by the next packet of whatever connection. */
static void test_silence_is_told_in_time(void **state) {
    (void)state;
    dialogue_make(&dialogue, DIALOGUE_TLS13, plain_layout);
    arrange_silence();
    tap_open(&tap, NULL);
    tap_play_part(&tap, &plan, 0, plan.count - 1);
    assert_int_equal(tap.told_count, 0);
    plan.port++; /* the passer-by is of another connection */
    tap_play_part(&tap, &plan, plan.count - 1, plan.count);
    assert_int_equal(tap.told_count, 1);
    assert_int_equal(tap.told[0].outcome, OUTCOME_FAILED);
    flow_table_end(tap.table);
    assert_int_equal(tap.told_count, 1);
    tap_close(&tap);
}

static void test_nothing_to_tell(void **state) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
    (void)state;
    dialogue_make(&dialogue, DIALOGUE_TLS13, plain_layout);
    plan_start(&plan, &dialogue);
    plan_open(&plan);
    plan_add(&plan, SIDE_CLIENT, TCP_RST);
    assert_int_equal(plan_tell(&plan, &told), 0);
    plan_start(&plan, &dialogue);
    plan_open(&plan);
    struct piece *piece = plan_add(&plan, SIDE_CLIENT, TCP_ACK);
    piece->junk = (const uint8_t *)request;
    piece->size = sizeof request - 1;
    plan_add(&plan, SIDE_SERVER, TCP_FIN | TCP_ACK);
    assert_int_equal(plan_tell(&plan, &told), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_segments),
        cmocka_unit_test(test_lost_segments_before_other_ends),
        cmocka_unit_test(test_cut_packets),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_silence_is_told_in_time),
        cmocka_unit_test(test_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
