/*
 * test_rule_hello_mismatch.c - every comparison of the rule once broken and once legal.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x1301, 0x1302, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t scsv_suites[] = {0xc02f, 0xc014, 0x002f, 0x00ff, 0};
static const uint16_t versions[] = {0x1a1a, 0x0304, 0x0303, 0};
static const uint16_t groups[] = {29, 23, 24, 0};
static const uint16_t shares[] = {29, 0};
static const uint16_t retry_shares[] = {24, 0};
static const uint16_t renegotiation_info[] = {0xff01, 0};
static const uint16_t cookie[] = {44, 0};
static const uint16_t unoffered_extension[] = {35, 0};

static struct client_spec modern(void) {
    return (struct client_spec){.random = 9,
                                .session_id = 5,
                                .has_psk_modes = true,
                                .has_signature_algorithms = true,
                                .suites = suites,
                                .versions = versions,
                                .groups = groups,
                                .shares = shares};
}

static struct server_spec tls13(void) {
    return (struct server_spec){.selected = 0x0304, .suite = 0x1301, .group = 29, .session_id = 5};
}

static void answer_modern(struct scene *scene, struct server_spec answer) {
    scene_offer(scene, modern());
    scene_answer(scene, answer);
}

static void honest_tls13(struct scene *scene) {
    answer_modern(scene, tls13());
}

static void honest_tls12(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc02f});
}

static void older_server(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.legacy_version = 0x0301, .suite = 0xc014});
}

static void version_above_the_offer(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = 0x0302, .suites = suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc014});
}

static void selected_not_listed(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.selected = 0x0302;
    answer.suite = 0xc014;
    answer_modern(scene, answer);
}

static void cipher_not_offered(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0x0035});
}

static void tls13_suite_at_tls12(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0x1301});
}

static void tls12_suite_at_tls13(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.suite = 0xc02f;
    answer_modern(scene, answer);
}

static void aead_at_tls11(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.legacy_version = 0x0302, .suite = 0xc02f});
}

static void compression_not_offered(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc02f, .compression = 1});
}

static void compression_offered(struct scene *scene) {
    struct client_spec offer = modern();
    offer.compression = 1;
    scene_offer(scene, offer);
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .compression = 1});
}

static void extension_not_offered(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc02f, .extensions = unoffered_extension});
}

static void renegotiation_info_to_scsv(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = scsv_suites});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .extensions = renegotiation_info});
}

static void renegotiation_info_unasked(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc02f, .extensions = renegotiation_info});
}

static void echo_wrong(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.session_id = 6;
    answer_modern(scene, answer);
}

static void tls12_own_session_id(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc02f, .session_id = 6});
}

static void group_not_shared(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.group = 23;
    answer_modern(scene, answer);
}

static void several_breaks(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.group = 23;
    answer.session_id = 6;
    answer_modern(scene, answer);
}

static void many_breaks(struct scene *scene) {
    static const uint16_t extensions[] = {100, 101, 102, 103, 104, 105, 106, 107,
                                          108, 109, 110, 111, 112, 113, 114, 0};
    answer_modern(scene, (struct server_spec){.suite = 0xc02f, .extensions = extensions});
}

/* HelloRetryRequest: `second` and `choice` are changed by the rows. */
static void retry_with(struct scene *scene, struct client_spec second, struct server_spec choice) {
    struct server_spec retry = tls13();
    retry.is_retry = true;
    retry.group = 24;
    retry.extensions = cookie;
    answer_modern(scene, retry);
    scene_second_offer(scene, second);
    scene_answer(scene, choice);
}

static struct client_spec second_modern(void) {
    struct client_spec second = modern();
    second.shares = retry_shares;
    second.extensions = cookie;
    return second;
}

static struct server_spec tls13_after_retry(void) {
    struct server_spec choice = tls13();
    choice.group = 24;
    return choice;
}

static void honest_retry(struct scene *scene) {
    retry_with(scene, second_modern(), tls13_after_retry());
}

static void retry_with_other_grease(struct scene *scene) {
    static const uint16_t other_versions[] = {0x6a6a, 0x0304, 0x0303, 0};
    struct client_spec second = second_modern();
    second.versions = other_versions;
    retry_with(scene, second, tls13_after_retry());
}

static void retry_for_unsupported_group(struct scene *scene) {
    struct server_spec retry = tls13();
    retry.is_retry = true;
    retry.group = 30;
    answer_modern(scene, retry);
}

static void retry_then_other_suite(struct scene *scene) {
    struct server_spec choice = tls13_after_retry();
    choice.suite = 0x1302;
    retry_with(scene, second_modern(), choice);
}

static void retry_then_tls12(struct scene *scene) {
    retry_with(scene, second_modern(), (struct server_spec){.suite = 0xc02f});
}

static void retry_then_other_group(struct scene *scene) {
    static const uint16_t both[] = {24, 23, 0};
    struct client_spec second = second_modern();
    struct server_spec choice = tls13_after_retry();
    second.shares = both;
    choice.group = 23;
    retry_with(scene, second, choice);
}

static void second_hello_other_suites(struct scene *scene) {
    static const uint16_t fewer[] = {0x1301, 0xc014, 0x002f, 0};
    struct client_spec second = second_modern();
    second.suites = fewer;
    retry_with(scene, second, tls13_after_retry());
}

static void second_hello_fewer_versions(struct scene *scene) {
    static const uint16_t fewer[] = {0x1a1a, 0x0304, 0};
    struct client_spec second = second_modern();
    second.versions = fewer;
    retry_with(scene, second, tls13_after_retry());
}

static void second_hello_other_random(struct scene *scene) {
    struct client_spec second = second_modern();
    second.random = 10;
    retry_with(scene, second, tls13_after_retry());
}

static void second_hello_other_session(struct scene *scene) {
    struct client_spec second = second_modern();
    second.session_id = 0;
    retry_with(scene, second, tls13_after_retry());
}

static void cookie_outside_retry(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.extensions = cookie;
    answer_modern(scene, answer);
}

static void draft_answer(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.selected = 0x7f17;
    answer.session_id = 0;
    answer_modern(scene, answer);
}

static void facebook_draft_answer(struct scene *scene) {
    struct server_spec answer = tls13();
    answer.selected = 0xfb1a;
    answer_modern(scene, answer);
}

static void dressed_up(struct scene *scene) {
    answer_modern(scene, (struct server_spec){.suite = 0xc755, .extensions = renegotiation_info});
}

static void no_offer(struct scene *scene) {
    scene_answer(scene, tls13());
}

static void no_answer(struct scene *scene) {
    scene_offer(scene, modern());
}

static void truncated_offer(struct scene *scene) {
    cipher_not_offered(scene);
    scene->handshake.offer.is_truncated = true;
}

static void damaged_answer(struct scene *scene) {
    cipher_not_offered(scene);
    scene->handshake.choice.has_malformed_extension = true;
}

static void bytes_missed(struct scene *scene) {
    cipher_not_offered(scene);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

static void two_client_hellos(struct scene *scene) {
    cipher_not_offered(scene);
    scene->handshake.has |= HANDSHAKE_HAS_RENEGOTIATION;
}

/* ---- DTLS ---- */

static struct client_spec dtls(void) {
    static const uint16_t dtls_suites[] = {0xc02f, 0xc014, 0x002f, 0};
    return (struct client_spec){.legacy_version = DTLS_VERSION_1_2,
                                .random = 9,
                                .has_signature_algorithms = true,
                                .suites = dtls_suites,
                                .groups = groups};
}

static void honest_dtls12(struct scene *scene) {
    scene_offer(scene, dtls());
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_2, .suite = 0xc02f});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

static void older_dtls_server(struct scene *scene) {
    scene_offer(scene, dtls());
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_0, .suite = 0xc014});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

static void early_dtls_of_openssl(struct scene *scene) {
    struct client_spec offer = dtls();
    offer.legacy_version = DTLS_VERSION_OPENSSL;
    scene_offer(scene, offer);
    scene_answer(scene,
                 (struct server_spec){.legacy_version = DTLS_VERSION_OPENSSL, .suite = 0x002f});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

/* RFC 9147 section 5: no compatibility mode, so the session id is not echoed. */
static void honest_dtls13(struct scene *scene) {
    static const uint16_t dtls_versions[] = {DTLS_VERSION_1_3, DTLS_VERSION_1_2, 0};
    struct client_spec offer = modern();
    offer.legacy_version = DTLS_VERSION_1_2;
    offer.versions = dtls_versions;
    scene_offer(scene, offer);
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_2,
                                             .selected = DTLS_VERSION_1_3,
                                             .suite = 0x1301,
                                             .group = 29});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

static void dtls_version_above_the_offer(struct scene *scene) {
    struct client_spec offer = dtls();
    offer.legacy_version = DTLS_VERSION_1_0;
    scene_offer(scene, offer);
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_2, .suite = 0xc014});
    scene->handshake.protocol = HANDSHAKE_DTLS;
}

/* The server answered the second hello, which offers more suites than the first. */
static void hello_with_cookie_differs(struct scene *scene) {
    static const uint16_t more[] = {0xc02f, 0xc014, 0x002f, 0x0035, 0};
    struct client_spec second = dtls();
    second.suites = more;
    scene_offer(scene, dtls());
    scene_second_offer(scene, second);
    scene_answer(scene, (struct server_spec){.legacy_version = DTLS_VERSION_1_2, .suite = 0x0035});
    scene->handshake.protocol = HANDSHAKE_DTLS;
    scene->handshake.has |= HANDSHAKE_HAS_HELLO_VERIFY;
}

static const struct rule_case broken[] = {
    {"version above the offer", version_above_the_offer, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "version chosen"},
    {"selected version not listed", selected_not_listed, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "one of TLS 1.3, TLS 1.2"},
    {"suite not offered", cipher_not_offered, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "TLS_RSA_WITH_AES_256_CBC_SHA, not offered"},
    {"TLS 1.3 suite in 1.2", tls13_suite_at_tls12, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "suite and version"},
    {"TLS 1.2 suite in 1.3", tls12_suite_at_tls13, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "TLS 1.2 or older"},
    {"AEAD in TLS 1.1", aead_at_tls11, RULE_HIT, CONFIDENCE_MEDIUM, true, "suite and version"},
    {"compression not offered", compression_not_offered, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "compression"},
    {"extension not offered", extension_not_offered, RULE_HIT, CONFIDENCE_LOW, false,
     "session_ticket"},
    {"renegotiation_info unasked", renegotiation_info_unasked, RULE_HIT, CONFIDENCE_LOW, false,
     "renegotiation_info"},
    {"cookie outside a retry", cookie_outside_retry, RULE_HIT, CONFIDENCE_LOW, false, "cookie"},
    {"session id echo", echo_wrong, RULE_HIT, CONFIDENCE_MEDIUM, false, "session id echo"},
    {"group without a share", group_not_shared, RULE_HIT, CONFIDENCE_MEDIUM, false, "secp256r1"},
    {"two breaks", several_breaks, RULE_HIT, CONFIDENCE_HIGH, false, "session id echo"},
    {"more breaks than lines", many_breaks, RULE_HIT, CONFIDENCE_LOW, false, "extension"},
    {"retry for a group not supported", retry_for_unsupported_group, RULE_HIT, CONFIDENCE_MEDIUM,
     false, "supported_groups"},
    {"other suite after the retry", retry_then_other_suite, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "suite after HelloRetryRequest"},
    {"TLS 1.2 after the retry", retry_then_tls12, RULE_HIT, CONFIDENCE_HIGH, true,
     "version after HelloRetryRequest"},
    {"other group after the retry", retry_then_other_group, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "group after HelloRetryRequest"},
    {"second hello: suites", second_hello_other_suites, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "cipher suites"},
    {"second hello: versions", second_hello_fewer_versions, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "supported_versions"},
    {"second hello: random", second_hello_other_random, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "random"},
    {"second hello: session id", second_hello_other_session, RULE_HIT, CONFIDENCE_MEDIUM, false,
     "session id"},
    {"DTLS version above the offer", dtls_version_above_the_offer, RULE_HIT, CONFIDENCE_MEDIUM,
     false, "DTLS 1.2, not offered"},
};

static const struct rule_case legal[] = {
    {"honest TLS 1.3", honest_tls13, RULE_PASS, 0, false, NULL},
    {"honest TLS 1.2", honest_tls12, RULE_PASS, 0, false, NULL},
    {"server older than the list", older_server, RULE_PASS, 0, false, NULL},
    {"compression offered", compression_offered, RULE_PASS, 0, false, NULL},
    {"renegotiation_info to the SCSV", renegotiation_info_to_scsv, RULE_PASS, 0, false, NULL},
    {"own session id in TLS 1.2", tls12_own_session_id, RULE_PASS, 0, false, NULL},
    {"honest retry with a cookie", honest_retry, RULE_PASS, 0, false, NULL},
    {"other GREASE in the second hello", retry_with_other_grease, RULE_PASS, 0, false, NULL},
    {"a draft", draft_answer, RULE_PASS, 0, false, NULL},
    {"Facebook's draft", facebook_draft_answer, RULE_PASS, 0, false, NULL},
    {"honest DTLS 1.2", honest_dtls12, RULE_PASS, 0, false, NULL},
    {"honest DTLS 1.3", honest_dtls13, RULE_PASS, 0, false, NULL},
    {"DTLS 1.0 server", older_dtls_server, RULE_PASS, 0, false, NULL},
    {"OpenSSL's early DTLS", early_dtls_of_openssl, RULE_PASS, 0, false, NULL},
    {"DTLS hello with a cookie differs", hello_with_cookie_differs, RULE_UNKNOWN, 0, false, NULL},
    {"dressed up as TLS", dressed_up, RULE_UNKNOWN, 0, false, NULL},
    {"no ClientHello", no_offer, RULE_UNKNOWN, 0, false, NULL},
    {"no ServerHello", no_answer, RULE_UNKNOWN, 0, false, NULL},
    {"truncated ClientHello", truncated_offer, RULE_UNKNOWN, 0, false, NULL},
    {"damaged ServerHello", damaged_answer, RULE_UNKNOWN, 0, false, NULL},
    {"bytes missed", bytes_missed, RULE_UNKNOWN, 0, false, NULL},
    {"two ClientHellos", two_client_hellos, RULE_UNKNOWN, 0, false, NULL},
};

static void test_broken(void **state) {
    (void)state;
    scene_run_cases("hello-mismatch", broken, sizeof broken / sizeof broken[0]);
}

static void test_legal_and_unknown(void **state) {
    (void)state;
    scene_run_cases("hello-mismatch", legal, sizeof legal / sizeof legal[0]);
}

static void test_sslv2_framing(void **state) {
    (void)state;
    /* client version TLS 1.0, three specs: an SSLv2 one, AES128-SHA and the renegotiation SCSV */
    static const uint8_t bytes[] = {0x80, 0x22, 0x01, 0x03, 0x01, 0x00, 0x09, 0x00, 0x00,
                                    0x00, 0x10, 0x01, 0x00, 0x80, 0x00, 0x00, 0x2f, 0x00,
                                    0x00, 0xff, 1,    2,    3,    4,    5,    6,    7,
                                    8,    9,    10,   11,   12,   13,   14,   15,   16};
    static struct scene scene;
    const struct rule *rule = rules_find("hello-mismatch");
    for (unsigned offered = 0; offered < 2; offered++) {
        size_t consumed = 0;
        scene_init(&scene);
        assert_int_equal(client_hello_parse_sslv2(span_of(bytes, sizeof bytes),
                                                  &scene.handshake.offer, &consumed),
                         PARSE_OK);
        scene.handshake.has |= HANDSHAKE_HAS_OFFER;
        scene_answer(&scene, (struct server_spec){.legacy_version = 0x0301,
                                                  .suite = offered ? 0x002f : 0x0035,
                                                  .extensions = renegotiation_info});
        assert_int_equal(scene_check(&scene, rule), offered ? RULE_PASS : RULE_HIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_legal_and_unknown),
        cmocka_unit_test(test_sslv2_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
