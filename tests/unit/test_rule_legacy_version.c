/*
 * test_rule_legacy_version.c - the policy rule and its setting.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t suites[] = {0xc014, 0x002f, 0};

static void answer_with(struct scene *scene, uint16_t version) {
    scene_offer(scene, (struct client_spec){.suites = suites});
    scene_answer(scene, (struct server_spec){.legacy_version = version, .suite = 0x002f});
}

static void tls11(struct scene *scene) {
    answer_with(scene, TLS_VERSION_1_1);
}

static void tls12(struct scene *scene) {
    answer_with(scene, TLS_VERSION_1_2);
}

static void tls12_of_strict_policy(struct scene *scene) {
    tls12(scene);
    scene->settings.legacy_below = TLS_RANK_1_3;
}

static void server_side_only(struct scene *scene) {
    scene_answer(scene, (struct server_spec){.legacy_version = TLS_VERSION_1_0, .suite = 0x002f});
    scene_fail(scene, OUTCOME_HALF_SEEN);
}

static void sslv2_answer(struct scene *scene) {
    scene->handshake.has |= HANDSHAKE_HAS_SSLV2_CHOICE;
}

static void no_answer(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.legacy_version = TLS_VERSION_1_0, .suites = suites});
}

static void test_cases(void **state) {
    (void)state;
    static const struct rule_case cases[] = {
        {"TLS 1.1", tls11, RULE_HIT, CONFIDENCE_HIGH, false, "TLS 1.1"},
        {"TLS 1.2 where 1.3 is asked", tls12_of_strict_policy, RULE_HIT, CONFIDENCE_HIGH, false,
         "TLS 1.3 or later"},
        {"only the server's side", server_side_only, RULE_HIT, CONFIDENCE_HIGH, false, "TLSv1"},
        {"SSLv2", sslv2_answer, RULE_HIT, CONFIDENCE_HIGH, false, "SSLv2"},
        {"TLS 1.2", tls12, RULE_PASS, 0, false, NULL},
        {"no ServerHello", no_answer, RULE_UNKNOWN, 0, false, NULL},
    };
    scene_run_cases("legacy-version", cases, sizeof cases / sizeof cases[0]);
}

static void test_is_quiet_unless_asked(void **state) {
    (void)state;
    const struct rule *rule = rules_find("legacy-version");
    assert_int_equal(rule->rule_class, RULE_POLICY);
    assert_int_equal(rule->severity, RULE_SEVERITY_LOW);
    assert_false(rule->on_by_default);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_is_quiet_unless_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
