/*
 * test_rule_fallback_dance.c - dances in both orders of judging, and everything that only looks
 * like one: other devices, honest refusals, scanners, habits, holes.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t lower_suites[] = {0xc02f, 0xc014, 0x002f, 0};
static const uint16_t fallback_suites[] = {0xc02f, 0xc014, 0x002f, 0x5600, 0};
static const uint16_t other_suites[] = {0xc02f, 0x0004, 0x0005, 0x000a, 0x0013, 0};
static const uint16_t modern_versions[] = {0x0304, 0x0303, 0};

enum { SECOND_US = 1000000 };

/* The bits of a suite list, for attempts. */
static uint64_t suites_of(const uint16_t *list) {
    uint8_t bytes[64];
    size_t size = 0;
    for (size_t i = 0; list[i] != 0; i++) {
        bytes[size++] = (uint8_t)(list[i] >> 8U);
        bytes[size++] = (uint8_t)(list[i] & 0xffU);
    }
    static struct handshake handshake;
    struct attempt attempt;
    handshake.has = HANDSHAKE_HAS_OFFER;
    handshake.offer.cipher_suites = span_of(bytes, size);
    history_attempt_of(&handshake, &attempt);
    return attempt.suites;
}

/* A first try that was reset, from two seconds to one second before the record at hand. */
static struct attempt failed_try(const struct scene *scene) {
    return (struct attempt){.started_us = scene->handshake.started_us - 2 * SECOND_US,
                            .ended_us = scene->handshake.started_us - SECOND_US,
                            .packet = 3,
                            .highest_offered = TLS_RANK_1_3,
                            .lowest_offered = TLS_RANK_1_2,
                            .outcome = OUTCOME_RESET,
                            .closed_by = SIDE_SERVER,
                            .fatal_sender = SIDE_COUNT,
                            .suites = suites_of(modern_suites)};
}

static void lower_completes(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = lower_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void dance(struct scene *scene) {
    lower_completes(scene);
    scene_attempt(scene, failed_try(scene));
}

static void dance_with_mark(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = lower_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_attempt(scene, failed_try(scene));
}

static void dance_after_an_injected_reset(struct scene *scene) {
    dance_with_mark(scene);
    scene->attempts[0].is_suspect = true;
}

static void dance_with_scsv(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = fallback_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_attempt(scene, failed_try(scene));
}

static void dance_refused_by_86(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = fallback_suites});
    scene_alert(scene, SIDE_SERVER, 86);
    scene_attempt(scene, failed_try(scene));
}

static void dance_by_forged_alert(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.outcome = OUTCOME_FAILED;
    failed.fatal_alert = 70;
    failed.fatal_sender = SIDE_SERVER;
    scene_attempt(scene, failed);
}

static void dance_in_steps(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302, .suites = lower_suites});
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0xc014, .sentinel = sentinel_tls11});
    struct attempt first = failed_try(scene);
    first.started_us -= 2 * SECOND_US;
    first.ended_us -= 2 * SECOND_US;
    struct attempt second = failed_try(scene);
    second.highest_offered = TLS_RANK_1_2;
    second.lowest_offered = TLS_RANK_UNKNOWN;
    scene_attempt(scene, first);
    scene_attempt(scene, second);
}

static void dance_after_working_tls13(struct scene *scene) {
    lower_completes(scene);
    struct attempt worked = failed_try(scene);
    worked.outcome = OUTCOME_COMPLETED;
    worked.negotiated = TLS_RANK_1_3;
    worked.started_us -= 10 * SECOND_US;
    worked.ended_us -= 10 * SECOND_US;
    scene_attempt(scene, worked);
    scene_attempt(scene, failed_try(scene));
    scene_know_server(scene, TLS_RANK_1_3);
}

static void repeated_dance(struct scene *scene) {
    lower_completes(scene);
    struct attempt first = failed_try(scene);
    first.started_us -= 20 * SECOND_US;
    first.ended_us -= 20 * SECOND_US;
    struct attempt lower = failed_try(scene);
    lower.highest_offered = TLS_RANK_1_2;
    lower.lowest_offered = TLS_RANK_UNKNOWN;
    lower.outcome = OUTCOME_COMPLETED;
    lower.negotiated = TLS_RANK_1_2;
    lower.suites = suites_of(lower_suites);
    lower.started_us -= 18 * SECOND_US;
    lower.ended_us -= 18 * SECOND_US;
    scene_attempt(scene, first);
    scene_attempt(scene, lower);
    scene_attempt(scene, failed_try(scene));
}

static void tls13_only_then_lower(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.lowest_offered = TLS_RANK_1_3;
    scene_attempt(scene, failed);
}

static void tls13_only_at_known_server(struct scene *scene) {
    tls13_only_then_lower(scene);
    scene_know_server(scene, TLS_RANK_1_3);
}

/* The record at hand is the failed higher try: it ends by time-out, the lower one is done. */
static void swallowed_first_try(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites, .versions = modern_versions});
    scene_fail(scene, OUTCOME_FAILED);
    scene->handshake.ended_us = scene->handshake.started_us + 30 * SECOND_US;
    struct attempt lower = {.started_us = scene->handshake.started_us + 5 * SECOND_US,
                            .ended_us = scene->handshake.started_us + 6 * SECOND_US,
                            .packet = 15,
                            .highest_offered = TLS_RANK_1_2,
                            .negotiated = TLS_RANK_1_2,
                            .outcome = OUTCOME_COMPLETED,
                            .closed_by = SIDE_COUNT,
                            .fatal_sender = SIDE_COUNT,
                            .suites = suites_of(lower_suites)};
    scene_attempt(scene, lower);
}

static void parallel_then_reset(struct scene *scene) {
    swallowed_first_try(scene);
    scene_fail(scene, OUTCOME_RESET);
    scene->handshake.side[SIDE_SERVER].reset_packet = 18;
}

static void swallowed_try_with_hole(struct scene *scene) {
    swallowed_first_try(scene);
    scene->handshake.missed = MISSED_CLIENT_BYTES;
}

static void no_history(struct scene *scene) {
    lower_completes(scene);
}

static void first_try_worked(struct scene *scene) {
    lower_completes(scene);
    struct attempt worked = failed_try(scene);
    worked.outcome = OUTCOME_COMPLETED;
    scene_attempt(scene, worked);
}

static void same_version_again(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites, .versions = modern_versions});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene_attempt(scene, failed_try(scene));
}

static void too_late(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.started_us -= 60 * SECOND_US;
    failed.ended_us -= 60 * SECOND_US;
    scene_attempt(scene, failed);
}

static void at_the_edge_of_the_window(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.started_us -= 59 * SECOND_US;
    failed.ended_us -= 59 * SECOND_US;
    scene_attempt(scene, failed);
}

static void other_device_behind_nat(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = other_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_attempt(scene, failed_try(scene));
}

static void certificate_refused(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.outcome = OUTCOME_FAILED;
    failed.fatal_alert = 48;
    failed.fatal_sender = SIDE_CLIENT;
    scene_attempt(scene, failed);
}

static void cancelled_at_once(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.outcome = OUTCOME_FAILED;
    failed.closed_by = SIDE_CLIENT;
    failed.started_us = failed.ended_us - 300000;
    scene_attempt(scene, failed);
    scene_know_server(scene, TLS_RANK_1_3);
}

static void hung_up_after_the_answer(struct scene *scene) {
    dance(scene);
    scene->attempts[0].negotiated = TLS_RANK_1_3;
    scene->attempts[0].closed_by = SIDE_CLIENT;
    scene->attempts[0].outcome = OUTCOME_RESET;
}

/* sslscan at one version: the same offer with ever fewer suites, until the server gives up. */
static void put_crowd(struct scene *scene, size_t kinds) {
    static const uint16_t other[][4] = {{0xc014, 0x0035, 0}, {0xc013, 0x0033, 0}};
    for (size_t i = 0; i + 1 < kinds; i++) {
        struct attempt attempt = failed_try(scene);
        attempt.started_us -= (3 - i) * SECOND_US;
        attempt.ended_us -= (3 - i) * SECOND_US;
        attempt.suites = suites_of(other[i]);
        attempt.negotiated = TLS_RANK_1_3;
        attempt.outcome = OUTCOME_COMPLETED;
        scene_attempt(scene, attempt);
    }
    scene_attempt(scene, failed_try(scene));
}

static void crowd(struct scene *scene) {
    lower_completes(scene);
    put_crowd(scene, 3);
}

static void crowd_below(struct scene *scene) {
    lower_completes(scene);
    put_crowd(scene, 3);
    for (size_t i = 0; i < 2; i++) { /* the crowd's tries come after the failure */
        scene->attempts[i + 1].highest_offered = TLS_RANK_1_2;
        scene->attempts[i + 1].started_us = scene->handshake.started_us - (i + 1) * 1000;
        scene->attempts[i + 1].ended_us = scene->handshake.started_us - (i + 1) * 1000 + 500;
    }
}

static void two_kinds(struct scene *scene) {
    lower_completes(scene);
    put_crowd(scene, 2);
}

static void crowd_with_scsv(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = fallback_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    put_crowd(scene, 3);
}

static void waited_in_vain(struct scene *scene) {
    cancelled_at_once(scene);
    scene->attempts[0].started_us = scene->attempts[0].ended_us - 3 * SECOND_US;
}

/* The client's last packet, a reset, is not in the capture. */
static void silent_after_the_answer(struct scene *scene) {
    hung_up_after_the_answer(scene);
    scene->attempts[0].closed_by = SIDE_COUNT;
}

static void reset_in_the_clients_name(struct scene *scene) {
    cancelled_at_once(scene);
    scene->attempts[0].outcome = OUTCOME_RESET;
}

static void server_answered_lower(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.outcome = OUTCOME_FAILED;
    failed.negotiated = TLS_RANK_1_0;
    failed.fatal_alert = 70;
    failed.fatal_sender = SIDE_CLIENT;
    scene_attempt(scene, failed);
}

static void refused_alike(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302, .suites = fallback_suites});
    scene_alert(scene, SIDE_SERVER, 70);
    struct attempt failed = failed_try(scene);
    failed.highest_offered = TLS_RANK_1_2;
    failed.lowest_offered = TLS_RANK_UNKNOWN;
    failed.fatal_alert = 70;
    failed.fatal_sender = SIDE_SERVER;
    failed.outcome = OUTCOME_FAILED;
    scene_attempt(scene, failed);
}

static void server_is_down(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = lower_suites});
    scene_fail(scene, OUTCOME_RESET);
    scene_attempt(scene, failed_try(scene));
}

/* 1.3 works, 1.2 works, 1.1 is refused, then 1.0: sslscan. */
static void scanner(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0301, .suites = lower_suites});
    scene_answer(scene, (struct server_spec){.legacy_version = 0x0301, .suite = 0xc014});
    struct attempt probe = failed_try(scene);
    probe.outcome = OUTCOME_COMPLETED;
    probe.lowest_offered = TLS_RANK_1_3;
    probe.negotiated = TLS_RANK_1_3;
    probe.started_us -= 2 * SECOND_US;
    probe.ended_us -= 2 * SECOND_US;
    scene_attempt(scene, probe);
    probe.highest_offered = TLS_RANK_1_2;
    probe.negotiated = TLS_RANK_1_2;
    probe.lowest_offered = TLS_RANK_UNKNOWN;
    probe.started_us += SECOND_US;
    probe.ended_us += SECOND_US;
    scene_attempt(scene, probe);
    probe = failed_try(scene);
    probe.highest_offered = TLS_RANK_1_1;
    probe.lowest_offered = TLS_RANK_UNKNOWN;
    probe.outcome = OUTCOME_FAILED;
    probe.fatal_alert = 70;
    probe.fatal_sender = SIDE_SERVER;
    scene_attempt(scene, probe);
}

/* A monitor that asks for TLS 1.2 anyway, before and after. */
static void habit(struct scene *scene) {
    dance(scene);
    struct attempt earlier = failed_try(scene);
    earlier.highest_offered = TLS_RANK_1_2;
    earlier.lowest_offered = TLS_RANK_UNKNOWN;
    earlier.outcome = OUTCOME_COMPLETED;
    earlier.negotiated = TLS_RANK_1_2;
    earlier.started_us -= 30 * SECOND_US;
    earlier.ended_us -= 30 * SECOND_US;
    scene->history.attempt_count = 0;
    scene_attempt(scene, earlier);
    scene_attempt(scene, failed_try(scene));
}

static void recovered(struct scene *scene) {
    dance(scene);
    struct attempt worked = failed_try(scene);
    worked.outcome = OUTCOME_COMPLETED;
    worked.negotiated = TLS_RANK_1_3;
    worked.started_us += SECOND_US / 2;
    worked.ended_us += SECOND_US / 2;
    scene_attempt(scene, worked);
}

static void failed_try_with_hole(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.missed = MISSED_SERVER_BYTES;
    scene_attempt(scene, failed);
}

static void failed_try_half_seen(struct scene *scene) {
    lower_completes(scene);
    struct attempt failed = failed_try(scene);
    failed.outcome = OUTCOME_HALF_SEEN;
    scene_attempt(scene, failed);
}

static void no_offer(struct scene *scene) {
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene_attempt(scene, failed_try(scene));
}

static const struct rule_case hits[] = {
    {"reset, then lower", dance, RULE_HIT, CONFIDENCE_MEDIUM, false, "reset from the server"},
    {"the mark in the lower answer", dance_with_mark, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "known or marked"},
    {"with the SCSV", dance_with_scsv, RULE_HIT, CONFIDENCE_HIGH, true, "TLS_FALLBACK_SCSV"},
    {"refused by 86", dance_refused_by_86, RULE_HIT, CONFIDENCE_MEDIUM, true, "1000 ms later"},
    {"by an alert", dance_by_forged_alert, RULE_HIT, CONFIDENCE_LOW, false, "protocol_version"},
    {"two steps", dance_in_steps, RULE_HIT, CONFIDENCE_HIGH, true, "2 failed tries"},
    {"TLS 1.3 had worked before", dance_after_working_tls13, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "known or marked"},
    {"an injected reset, then lower", dance_after_an_injected_reset, RULE_HIT, CONFIDENCE_HIGH,
     true, "an alert of its own"},
    {"the second dance", repeated_dance, RULE_HIT, CONFIDENCE_MEDIUM, false, "first try"},
    {"1.3 only, server does it", tls13_only_at_known_server, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "known or marked"},
    {"swallowed first try, judged last", swallowed_first_try, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "silence"},
    {"client waited in vain", waited_in_vain, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "closed without an alert from the client"},
    {"reset in the client's name", reset_in_the_clients_name, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "reset from the client"},
    {"two kinds of client", two_kinds, RULE_HIT, CONFIDENCE_MEDIUM, false, "first try"},
    {"a crowd, but marked by the SCSV", crowd_with_scsv, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "TLS_FALLBACK_SCSV"},
    {"just within the window", at_the_edge_of_the_window, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "60000 ms later"},
};

static const struct rule_case silent[] = {
    {"no history", no_history, RULE_PASS, 0, false, NULL},
    {"first try worked", first_try_worked, RULE_PASS, 0, false, NULL},
    {"same version again", same_version_again, RULE_PASS, 0, false, NULL},
    {"too late", too_late, RULE_PASS, 0, false, NULL},
    {"begun before the failure", parallel_then_reset, RULE_PASS, 0, false, NULL},
    {"other device behind a NAT", other_device_behind_nat, RULE_PASS, 0, false, NULL},
    {"client cancelled at once", cancelled_at_once, RULE_PASS, 0, false, NULL},
    {"client hung up after the answer", hung_up_after_the_answer, RULE_PASS, 0, false, NULL},
    {"silence after the answer", silent_after_the_answer, RULE_PASS, 0, false, NULL},
    {"a crowd", crowd, RULE_UNKNOWN, 0, false, NULL},
    {"a crowd at the lower version", crowd_below, RULE_UNKNOWN, 0, false, NULL},
    {"certificate refused", certificate_refused, RULE_PASS, 0, false, NULL},
    {"server chose the old version", server_answered_lower, RULE_PASS, 0, false, NULL},
    {"1.3 only, honest refusal", tls13_only_then_lower, RULE_PASS, 0, false, NULL},
    {"both refused alike", refused_alike, RULE_PASS, 0, false, NULL},
    {"server is down", server_is_down, RULE_PASS, 0, false, NULL},
    {"scanner", scanner, RULE_PASS, 0, false, NULL},
    {"habit", habit, RULE_PASS, 0, false, NULL},
    {"recovered in between", recovered, RULE_PASS, 0, false, NULL},
    {"hole in the failed try", failed_try_with_hole, RULE_UNKNOWN, 0, false, NULL},
    {"failed try half seen", failed_try_half_seen, RULE_UNKNOWN, 0, false, NULL},
    {"hole in the swallowed try", swallowed_try_with_hole, RULE_UNKNOWN, 0, false, NULL},
    {"no ClientHello", no_offer, RULE_UNKNOWN, 0, false, NULL},
};

static void test_hits(void **state) {
    (void)state;
    scene_run_cases("fallback-dance", hits, sizeof hits / sizeof hits[0]);
}

static void test_silent(void **state) {
    (void)state;
    scene_run_cases("fallback-dance", silent, sizeof silent / sizeof silent[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits),
        cmocka_unit_test(test_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
