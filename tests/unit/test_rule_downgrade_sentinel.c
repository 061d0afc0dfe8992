/*
 * test_rule_downgrade_sentinel.c - hits, honest marks, missing hellos, and the nearest misses.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0x1303, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t jdk11_suites[] = {0x1301, 0x1302, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t modern_versions[] = {0x0a0a, 0x0304, 0x0303, 0};
static const uint16_t draft_versions[] = {0x7f17, 0x0303, 0};
static const uint16_t modern_groups[] = {29, 23, 0};
static const uint16_t jdk11_groups[] = {23, 24, 0};

static void offer_modern(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites,
                                            .versions = modern_versions,
                                            .groups = modern_groups});
}

static void sentinel_alone(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0x002f, .sentinel = sentinel_tls12});
    scene_fail(scene, OUTCOME_FAILED);
}

static void client_aborts(struct scene *scene) {
    sentinel_alone(scene);
    scene_alert(scene, SIDE_CLIENT, 47);
}

static void signed_and_given_up(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene->handshake.has |= HANDSHAKE_HAS_KEY_EXCHANGE;
    scene->handshake.side[SIDE_CLIENT].reset_packet = 12;
    scene_fail(scene, OUTCOME_RESET);
}

static void signed_and_completed(struct scene *scene) {
    signed_and_given_up(scene);
    scene->handshake.side[SIDE_CLIENT].reset_packet = 0;
    scene->handshake.side[SIDE_CLIENT].encrypted_packet = 14;
    scene_fail(scene, OUTCOME_COMPLETED);
}

static void to_tls11(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0x002f, .sentinel = sentinel_tls11});
    scene_fail(scene, OUTCOME_FAILED);
}

static void tls12_client_to_tls11(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites});
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0x002f, .sentinel = sentinel_tls11});
    scene_fail(scene, OUTCOME_FAILED);
}

static void server_known(struct scene *scene) {
    sentinel_alone(scene);
    scene_know_server(scene, TLS_RANK_1_3);
    scene->handshake.side[SIDE_CLIENT].fin_packet = 12;
}

static void honest_tls12_client(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void honest_capped_list(struct scene *scene) {
    static const uint16_t versions[] = {0x0303, 0x0302, 0};
    scene_offer(scene, (struct client_spec){.suites = modern_suites, .versions = versions});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void honest_tls11_client(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302, .suites = modern_suites});
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0x002f, .sentinel = sentinel_tls11});
}

static void draft_client(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites, .versions = draft_versions});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void old_server(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void almost_the_mark(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = "DOWNGRD\x02"});
}

static void mark_of_tls11_at_tls12(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls11});
}

static void mark_of_tls12_at_tls11(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0x002f, .sentinel = sentinel_tls12});
}

static void jdk_value_to_jdk(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = jdk11_suites,
                                            .versions = modern_versions,
                                            .groups = jdk11_groups});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_jdk});
}

static void jdk_value_to_others(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_jdk});
}

static void no_offer(struct scene *scene) {
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
}

static void no_choice(struct scene *scene) {
    offer_modern(scene);
}

static void unknown_version_chosen(struct scene *scene) {
    offer_modern(scene);
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0909, .suite = 0xc02f, .sentinel = sentinel_tls11});
}

/* DTLS, with its own code points. */
static void dtls12_after(struct scene *scene, const uint16_t *versions, uint16_t chosen,
                         const char *mark) {
    scene_offer(scene, (struct client_spec){.legacy_version = DTLS_VERSION_1_2,
                                            .suites = modern_suites,
                                            .versions = versions});
    scene_answer(scene,
                 (struct server_spec){.legacy_version = chosen, .suite = 0x002f, .sentinel = mark});
    scene->handshake.protocol = HANDSHAKE_DTLS;
    scene_fail(scene, OUTCOME_FAILED);
}

static void dtls13_client(struct scene *scene) {
    static const uint16_t versions[] = {DTLS_VERSION_1_3, DTLS_VERSION_1_2, 0};
    dtls12_after(scene, versions, DTLS_VERSION_1_2, sentinel_tls12);
}

static void dtls12_client(struct scene *scene) {
    dtls12_after(scene, NULL, DTLS_VERSION_1_2, sentinel_tls12);
}

static void dtls12_client_at_dtls10(struct scene *scene) {
    dtls12_after(scene, NULL, DTLS_VERSION_1_0, sentinel_tls11);
}

static void dtls10_server(struct scene *scene) {
    dtls12_after(scene, NULL, DTLS_VERSION_1_0, NULL);
}

static void test_cases(void **state) {
    (void)state;
    static const struct rule_case cases[] = {
        {"the mark alone", sentinel_alone, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "TLS 1.3 (offered in packet 4)"},
        {"client aborts with 47", client_aborts, RULE_HIT, CONFIDENCE_HIGH, true, "(47)"},
        {"signed, client gave up", signed_and_given_up, RULE_HIT, CONFIDENCE_HIGH, true,
         "signature"},
        {"signed, went through", signed_and_completed, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "interception"},
        {"TLS 1.3 client at 1.1", to_tls11, RULE_HIT, CONFIDENCE_MEDIUM, true, "DOWNGRD 00"},
        {"TLS 1.2 client at 1.1", tls12_client_to_tls11, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "DOWNGRD 00"},
        {"server known to do 1.3", server_known, RULE_HIT, CONFIDENCE_HIGH, true, "earlier"},
        {"TLS 1.1 mark at 1.2", mark_of_tls11_at_tls12, RULE_HIT, CONFIDENCE_LOW, false,
         "goes with TLS 1.1"},
        {"TLS 1.2 mark at 1.1", mark_of_tls12_at_tls11, RULE_HIT, CONFIDENCE_LOW, false,
         "goes with TLS 1.2"},
        {"JDK value, no JDK", jdk_value_to_others, RULE_HIT, CONFIDENCE_LOW, false, "JDK 11"},
        {"DTLS 1.3 client", dtls13_client, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "DTLS 1.3 (offered in packet 4)"},
        {"DTLS 1.2 client at 1.0", dtls12_client_at_dtls10, RULE_HIT, CONFIDENCE_MEDIUM, true,
         "DOWNGRD 00"},
        {"honest DTLS 1.2 client", dtls12_client, RULE_PASS, 0, false, NULL},
        {"DTLS 1.0 server, no mark", dtls10_server, RULE_PASS, 0, false, NULL},
        {"honest 1.2 client", honest_tls12_client, RULE_PASS, 0, false, NULL},
        {"honest client capped by list", honest_capped_list, RULE_PASS, 0, false, NULL},
        {"honest 1.1 client", honest_tls11_client, RULE_PASS, 0, false, NULL},
        {"client of a draft", draft_client, RULE_PASS, 0, false, NULL},
        {"old server, no mark", old_server, RULE_PASS, 0, false, NULL},
        {"not quite the mark", almost_the_mark, RULE_PASS, 0, false, NULL},
        {"JDK value to a JDK", jdk_value_to_jdk, RULE_PASS, 0, false, NULL},
        {"no ClientHello", no_offer, RULE_UNKNOWN, 0, false, NULL},
        {"no ServerHello", no_choice, RULE_UNKNOWN, 0, false, NULL},
        {"nobody's version", unknown_version_chosen, RULE_UNKNOWN, 0, false, NULL},
    };
    scene_run_cases("downgrade-sentinel", cases, sizeof cases / sizeof cases[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
