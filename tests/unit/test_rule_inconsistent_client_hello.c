/*
 * test_rule_inconsistent_client_hello.c - cut hellos, and the shapes that honest capped clients
 * have (OpenSSL 3.0, GnuTLS 3.7, Go, rustls and scanners, as seen on the wire).
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0x1302, 0xc02f, 0xc027, 0xc014, 0x002f, 0};
static const uint16_t tls12_suites[] = {0xc02f, 0xc027, 0xc014, 0x002f, 0};
static const uint16_t old_suites[] = {0xc014, 0xc013, 0x0039, 0x0035, 0x002f, 0};
static const uint16_t shares[] = {29, 0};
static const uint16_t cut_versions[] = {0x0303, 0x0302, 0};

static struct client_spec modern(void) {
    return (struct client_spec){.suites = modern_suites,
                                .has_psk_modes = true,
                                .has_signature_algorithms = true,
                                .shares = shares};
}

static void versions_removed(struct scene *scene) {
    scene_offer(scene, modern());
    scene_fail(scene, OUTCOME_FAILED);
}

static void tls13_taken_out(struct scene *scene) {
    struct client_spec spec = modern();
    spec.versions = cut_versions;
    scene_offer(scene, spec);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_alert(scene, SIDE_CLIENT, 47);
}

static void two_features(struct scene *scene) {
    struct client_spec spec = modern();
    spec.has_psk_modes = false;
    scene_offer(scene, spec);
    scene_fail(scene, OUTCOME_RESET);
}

static void one_feature(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = tls12_suites, .has_psk_modes = true});
    scene_fail(scene, OUTCOME_FAILED);
}

static void one_feature_complained(struct scene *scene) {
    one_feature(scene);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene_alert(scene, SIDE_SERVER, 51);
}

static void one_feature_unfinished(struct scene *scene) {
    one_feature(scene);
    scene_fail(scene, OUTCOME_INCONCLUSIVE);
}

static void lowered_to_tls11(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302,
                                            .suites = tls12_suites,
                                            .has_signature_algorithms = true});
    scene_fail(scene, OUTCOME_FAILED);
}

static void signature_algorithms_alone(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0301,
                                            .suites = old_suites,
                                            .has_signature_algorithms = true});
    scene_fail(scene, OUTCOME_FAILED);
}

static void broken_at_once(struct scene *scene) {
    scene_offer(scene, modern());
    scene_answer(scene, (struct server_spec){.suite = 0x0014});
    scene->handshake.has |= HANDSHAKE_HAS_KEY_EXCHANGE;
    scene->handshake.key_exchange.kind = KEY_EXCHANGE_DHE;
    scene->handshake.key_exchange.size_bits = 512;
}

static void honest_tls13(struct scene *scene) {
    static const uint16_t versions[] = {0x0304, 0x0303, 0};
    struct client_spec spec = modern();
    spec.versions = versions;
    scene_offer(scene, spec);
    scene_fail(scene, OUTCOME_FAILED);
}

static void honest_draft(struct scene *scene) {
    static const uint16_t versions[] = {0x2a2a, 0x7f1c, 0x0303, 0};
    struct client_spec spec = modern();
    spec.versions = versions;
    scene_offer(scene, spec);
    scene_fail(scene, OUTCOME_FAILED);
}

static void honest_tls12(struct scene *scene) {
    scene_offer(scene,
                (struct client_spec){.suites = tls12_suites, .has_signature_algorithms = true});
    scene_fail(scene, OUTCOME_FAILED);
}

static void honest_tls12_with_list(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = tls12_suites,
                                            .has_signature_algorithms = true,
                                            .versions = cut_versions});
    scene_fail(scene, OUTCOME_FAILED);
}

static void honest_tls11(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302, .suites = old_suites});
    scene_fail(scene, OUTCOME_FAILED);
}

static void suites_configured_apart(struct scene *scene) {
    scene_offer(scene,
                (struct client_spec){.suites = modern_suites, .has_signature_algorithms = true});
    scene_fail(scene, OUTCOME_FAILED);
}

static void suites_apart_at_tls10(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0301, .suites = tls12_suites});
    scene_fail(scene, OUTCOME_FAILED);
}

static void odd_but_went_through(struct scene *scene) {
    scene_offer(scene, modern());
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void honest_dtls12(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = DTLS_VERSION_1_2,
                                            .suites = tls12_suites,
                                            .has_signature_algorithms = true});
    scene->handshake.protocol = HANDSHAKE_DTLS;
    scene_fail(scene, OUTCOME_FAILED);
}

static void honest_dtls13(struct scene *scene) {
    static const uint16_t versions[] = {DTLS_VERSION_1_3, 0};
    struct client_spec spec = modern();
    spec.legacy_version = DTLS_VERSION_1_2;
    spec.versions = versions;
    scene_offer(scene, spec);
    scene->handshake.protocol = HANDSHAKE_DTLS;
    scene_fail(scene, OUTCOME_FAILED);
}

static void cut_dtls13(struct scene *scene) {
    struct client_spec spec = modern();
    spec.legacy_version = DTLS_VERSION_1_2;
    scene_offer(scene, spec);
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_2, .suite = 0xc02f});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

/* The Finished messages cover the hello with the cookie, and that one was another. */
static void first_hello_of_dtls_cut(struct scene *scene) {
    cut_dtls13(scene);
    scene_second_offer(
        scene, (struct client_spec){.legacy_version = DTLS_VERSION_1_2, .suites = tls12_suites});
    scene->handshake.has |= HANDSHAKE_HAS_HELLO_VERIFY;
}

static void grease_at_tls12(struct scene *scene) {
    static const uint16_t suites[] = {0x3a3a, 0xc02f, 0xc014, 0};
    static const uint16_t extensions[] = {0x4a4a, 0x001b, 0};
    scene_offer(scene, (struct client_spec){.suites = suites,
                                            .has_signature_algorithms = true,
                                            .extensions = extensions});
    scene_fail(scene, OUTCOME_FAILED);
}

/* sslscan: everything there is at TLS 1.0, and a reset after the answer. */
static void probe_hangs_up(struct scene *scene) {
    lowered_to_tls11(scene);
    scene_answer(scene, (struct server_spec){
                            .legacy_version = 0x0302, .suite = 0xc014, .sentinel = sentinel_tls11});
    scene->handshake.side[SIDE_CLIENT].reset_packet = 12;
    scene_fail(scene, OUTCOME_RESET);
}

static void probe_without_encryption(struct scene *scene) {
    static const uint16_t suites[] = {0xc02f, 0xc027, 0x003b, 0x002f, 0};
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0301,
                                            .suites = suites,
                                            .has_signature_algorithms = true});
    scene_alert(scene, SIDE_SERVER, 70);
}

static void probe_of_everything(struct scene *scene) {
    uint16_t suites[202];
    for (size_t i = 0; i < 201; i++)
        suites[i] = i == 0 ? 0xc02f : 0xc014;
    suites[201] = 0;
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0301,
                                            .suites = suites,
                                            .has_signature_algorithms = true});
    scene_alert(scene, SIDE_SERVER, 70);
}

static void no_offer(struct scene *scene) {
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void truncated(struct scene *scene) {
    versions_removed(scene);
    scene->handshake.offer.is_truncated = true;
}

static void damaged(struct scene *scene) {
    versions_removed(scene);
    scene->handshake.offer.has_malformed_extension = true;
    scene->handshake.offer.malformed_extension = TLS_EXT_ALPN;
}

static void cut_by_capture(struct scene *scene) {
    versions_removed(scene);
    scene->handshake.missed = MISSED_CUT_PACKET;
}

static void test_cases(void **state) {
    (void)state;
    static const struct rule_case cases[] = {
        {"supported_versions removed", versions_removed, RULE_HIT, CONFIDENCE_HIGH, false,
         "key_share"},
        {"1.3 taken out of the list", tls13_taken_out, RULE_HIT, CONFIDENCE_HIGH, true,
         "known or marked"},
        {"two features", two_features, RULE_HIT, CONFIDENCE_MEDIUM, false, "TLS 1.3 cipher suites"},
        {"one feature", one_feature, RULE_HIT, CONFIDENCE_LOW, false, "psk_key_exchange_modes"},
        {"one feature and a complaint", one_feature_complained, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "decrypt_error"},
        {"lowered to TLS 1.1", lowered_to_tls11, RULE_HIT, CONFIDENCE_HIGH, false, "AEAD"},
        {"signature_algorithms alone", signature_algorithms_alone, RULE_HIT, CONFIDENCE_LOW, false,
         "signature_algorithms"},
        {"went through, but breakable", broken_at_once, RULE_HIT, CONFIDENCE_HIGH, false,
         "key_share"},
        {"first of two DTLS hellos", first_hello_of_dtls_cut, RULE_HIT, CONFIDENCE_HIGH, false,
         "key_share"},
        {"odd DTLS that went through", cut_dtls13, RULE_PASS, 0, false, NULL},
        {"honest DTLS 1.2", honest_dtls12, RULE_PASS, 0, false, NULL},
        {"honest DTLS 1.3", honest_dtls13, RULE_PASS, 0, false, NULL},
        {"one feature, end not seen", one_feature_unfinished, RULE_PASS, 0, false, NULL},
        {"honest TLS 1.3", honest_tls13, RULE_PASS, 0, false, NULL},
        {"honest draft of 1.3", honest_draft, RULE_PASS, 0, false, NULL},
        {"honest TLS 1.2 (OpenSSL, GnuTLS)", honest_tls12, RULE_PASS, 0, false, NULL},
        {"honest TLS 1.2 with a list (Go)", honest_tls12_with_list, RULE_PASS, 0, false, NULL},
        {"honest TLS 1.1", honest_tls11, RULE_PASS, 0, false, NULL},
        {"suites of 1.3 alone (rustls)", suites_configured_apart, RULE_PASS, 0, false, NULL},
        {"suites of 1.2 alone", suites_apart_at_tls10, RULE_PASS, 0, false, NULL},
        {"odd, but went through", odd_but_went_through, RULE_PASS, 0, false, NULL},
        {"GREASE", grease_at_tls12, RULE_PASS, 0, false, NULL},
        {"probe that hangs up", probe_hangs_up, RULE_PASS, 0, false, NULL},
        {"probe without encryption", probe_without_encryption, RULE_PASS, 0, false, NULL},
        {"probe of everything", probe_of_everything, RULE_PASS, 0, false, NULL},
        {"no ClientHello", no_offer, RULE_UNKNOWN, 0, false, NULL},
        {"truncated hello", truncated, RULE_UNKNOWN, 0, false, NULL},
        {"damaged hello", damaged, RULE_UNKNOWN, 0, false, NULL},
        {"cut by the snap length", cut_by_capture, RULE_UNKNOWN, 0, false, NULL},
    };
    scene_run_cases("inconsistent-client-hello", cases, sizeof cases / sizeof cases[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
