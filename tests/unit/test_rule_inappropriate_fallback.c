/*
 * test_rule_inappropriate_fallback.c - refusals, answers below the server's best, and test tools.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t fallback_suites[] = {0xc02f, 0xc014, 0x002f, 0x5600, 0};
static const uint16_t plain_suites[] = {0xc02f, 0xc014, 0x002f, 0};

static void fallback(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = fallback_suites});
}

static void refused(struct scene *scene) {
    fallback(scene);
    scene_alert(scene, SIDE_SERVER, 86);
}

static void earlier(struct scene *scene, enum handshake_outcome outcome, uint64_t before_us) {
    scene_attempt(scene,
                  (struct attempt){.started_us = scene->handshake.started_us - before_us - 1000,
                                   .ended_us = scene->handshake.started_us - before_us,
                                   .highest_offered = TLS_RANK_1_3,
                                   .outcome = (uint8_t)outcome});
}

static void refused_after_failure(struct scene *scene) {
    refused(scene);
    earlier(scene, OUTCOME_RESET, 500000);
}

static void refused_after_old_failure(struct scene *scene) {
    refused(scene);
    earlier(scene, OUTCOME_RESET, 61000000);
}

static void refused_after_success(struct scene *scene) {
    refused(scene);
    earlier(scene, OUTCOME_COMPLETED, 500000);
}

static void refused_after_success_and_failure(struct scene *scene) {
    refused(scene);
    earlier(scene, OUTCOME_COMPLETED, 1500000);
    earlier(scene, OUTCOME_RESET, 500000);
}

static void refused_after_other_trouble(struct scene *scene) {
    refused(scene);
    scene_attempt(scene, (struct attempt){.started_us = scene->handshake.started_us - 2000,
                                          .ended_us = scene->handshake.started_us - 1000,
                                          .highest_offered = TLS_RANK_1_3,
                                          .outcome = OUTCOME_FAILED,
                                          .fatal_alert = 120, /* no_application_protocol */
                                          .fatal_sender = SIDE_SERVER});
}

static void refused_after_leaving(struct scene *scene) {
    refused(scene);
    scene_attempt(scene, (struct attempt){.started_us = scene->handshake.started_us - 2000,
                                          .ended_us = scene->handshake.started_us - 1000,
                                          .highest_offered = TLS_RANK_1_3,
                                          .negotiated = TLS_RANK_1_3,
                                          .outcome = OUTCOME_RESET,
                                          .closed_by = SIDE_CLIENT});
}

static void refused_without_signal(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = plain_suites});
    scene_alert(scene, SIDE_SERVER, 86);
}

static void answered_by_known_server(struct scene *scene) {
    fallback(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene_know_server(scene, TLS_RANK_1_3);
}

static void answered_with_mark(struct scene *scene) {
    fallback(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void answered_with_mark_after_failure(struct scene *scene) {
    answered_with_mark(scene);
    earlier(scene, OUTCOME_FAILED, 500000);
}

static void answered_after_success(struct scene *scene) {
    answered_with_mark(scene);
    earlier(scene, OUTCOME_COMPLETED, 500000);
}

static void answered_at_servers_best(struct scene *scene) {
    fallback(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene_know_server(scene, TLS_RANK_1_2);
}

static void answered_by_unknown_server(struct scene *scene) {
    fallback(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void no_fallback(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = plain_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void signal_at_tls13(struct scene *scene) {
    static const uint16_t versions[] = {0x0304, 0x0303, 0};
    static const uint16_t suites[] = {0x1301, 0xc02f, 0x5600, 0};
    scene_offer(scene, (struct client_spec){.suites = suites, .versions = versions});
    scene_answer(scene, (struct server_spec){.selected = 0x0304, .suite = 0x1301});
    scene_know_server(scene, TLS_RANK_1_3);
}

static void other_alert(struct scene *scene) {
    fallback(scene);
    scene_alert(scene, SIDE_SERVER, 70);
}

static void alert_of_the_client(struct scene *scene) {
    no_fallback(scene);
    scene_alert(scene, SIDE_CLIENT, 86);
}

static void no_offer(struct scene *scene) {
    scene_alert(scene, SIDE_SERVER, 86);
}

static void no_answer(struct scene *scene) {
    fallback(scene);
    scene_fail(scene, OUTCOME_INCONCLUSIVE);
}

static void test_cases(void **state) {
    (void)state;
    static const struct rule_case cases[] = {
        {"refused", refused, RULE_HIT, CONFIDENCE_MEDIUM, true, "(86)"},
        {"refused after a failure", refused_after_failure, RULE_HIT, CONFIDENCE_HIGH, true,
         "failed just before"},
        {"failure outside the window", refused_after_old_failure, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "(86)"},
        {"refused after a success: a test", refused_after_success, RULE_PASS, 0, false, NULL},
        {"refused after another trouble", refused_after_other_trouble, RULE_PASS, 0, false, NULL},
        {"refused after one that the client left", refused_after_leaving, RULE_PASS, 0, false,
         NULL},
        {"answered after a success: a test", answered_after_success, RULE_PASS, 0, false, NULL},
        {"refused after a success and a failure", refused_after_success_and_failure, RULE_HIT,
         CONFIDENCE_HIGH, true, "failed just before"},
        {"refused without the signal", refused_without_signal, RULE_HIT, CONFIDENCE_LOW, false,
         "no TLS_FALLBACK_SCSV"},
        {"answered, server known", answered_by_known_server, RULE_HIT, CONFIDENCE_LOW, false,
         "since it can do TLS 1.3"},
        {"answered with the mark", answered_with_mark, RULE_HIT, CONFIDENCE_LOW, false, "TLS 1.3"},
        {"answered after a failure", answered_with_mark_after_failure, RULE_HIT, CONFIDENCE_MEDIUM,
         true, "failed just before"},
        {"answered at its best", answered_at_servers_best, RULE_PASS, 0, false, NULL},
        {"answered by nobody known", answered_by_unknown_server, RULE_PASS, 0, false, NULL},
        {"no fallback", no_fallback, RULE_PASS, 0, false, NULL},
        {"the signal at TLS 1.3", signal_at_tls13, RULE_PASS, 0, false, NULL},
        {"another alert", other_alert, RULE_PASS, 0, false, NULL},
        {"alert 86 of the client", alert_of_the_client, RULE_PASS, 0, false, NULL},
        {"no ClientHello", no_offer, RULE_UNKNOWN, 0, false, NULL},
        {"end not seen", no_answer, RULE_UNKNOWN, 0, false, NULL},
    };
    scene_run_cases("inappropriate-fallback", cases, sizeof cases / sizeof cases[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
