/*
 * test_expected_range.c - what is expected of a server, and what legacy-version makes of it.
 */
#include "expected_range.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t suites[] = {0xc014, 0x002f, 0};
static const uint16_t all_versions[] = {0x0304, 0x0303, 0x0302, 0x0301, 0};

/* `offered` 0: the ClientHello was not seen; `chosen` 0: no answer. */
static void arrange(struct scene *scene, uint16_t offered, uint16_t chosen) {
    bool is_new = offered == TLS_VERSION_1_3;
    scene_init(scene);
    if (offered != 0)
        scene_offer(scene, (struct client_spec){.legacy_version = is_new ? 0 : offered,
                                                .suites = suites,
                                                .versions = is_new ? all_versions : NULL});
    if (chosen == TLS_VERSION_1_3)
        scene_answer(scene, (struct server_spec){.suite = 0x1301, .selected = chosen});
    else if (chosen != 0)
        scene_answer(scene, (struct server_spec){.legacy_version = chosen, .suite = 0x002f});
}

static const struct expected_range pool = {TLS_RANK_1_0, TLS_RANK_1_3, "legacy"};
static const struct expected_range old_pool = {TLS_RANK_1_0, TLS_RANK_1_1, ""};
static const struct expected_range modern = {TLS_RANK_1_3, TLS_RANK_1_3, ""};

static const struct {
    const char *name;
    const struct expected_range *range;
    uint16_t offered;
    uint16_t chosen;
    enum expectation expectation;
    enum rule_result legacy_version;
} cases[] = {
    {"nothing said, old", NULL, TLS_VERSION_1_1, TLS_VERSION_1_1, EXPECTATION_NONE, RULE_HIT},
    {"nothing said, new", NULL, TLS_VERSION_1_3, TLS_VERSION_1_2, EXPECTATION_NONE, RULE_PASS},
    {"legacy client in the pool", &pool, TLS_VERSION_1_0, TLS_VERSION_1_0, EXPECTATION_MET,
     RULE_PASS},
    {"modern client pushed to 1.1", &pool, TLS_VERSION_1_3, TLS_VERSION_1_1, EXPECTATION_MISSED,
     RULE_HIT},
    {"modern client pushed to 1.2", &pool, TLS_VERSION_1_3, TLS_VERSION_1_2, EXPECTATION_MISSED,
     RULE_PASS},
    {"TLS 1.2 client pushed to 1.0", &pool, TLS_VERSION_1_2, TLS_VERSION_1_0, EXPECTATION_MISSED,
     RULE_HIT},
    {"modern client at its best", &pool, TLS_VERSION_1_3, TLS_VERSION_1_3, EXPECTATION_MET,
     RULE_PASS},
    {"below the pool's range", &pool, TLS_VERSION_SSLV3, TLS_VERSION_SSLV3, EXPECTATION_MISSED,
     RULE_HIT},
    {"the pool does no more", &old_pool, TLS_VERSION_1_3, TLS_VERSION_1_1, EXPECTATION_MET,
     RULE_PASS},
    {"the pool could do 1.1", &old_pool, TLS_VERSION_1_3, TLS_VERSION_1_0, EXPECTATION_MISSED,
     RULE_HIT},
    {"better than expected", &old_pool, TLS_VERSION_1_3, TLS_VERSION_1_2, EXPECTATION_MET,
     RULE_PASS},
    {"below what modern servers must do", &modern, TLS_VERSION_1_2, TLS_VERSION_1_2,
     EXPECTATION_MISSED, RULE_HIT},
    {"no ClientHello, old", &pool, 0, TLS_VERSION_1_0, EXPECTATION_UNKNOWN, RULE_UNKNOWN},
    {"no ClientHello, 1.2", &pool, 0, TLS_VERSION_1_2, EXPECTATION_UNKNOWN, RULE_PASS},
    {"no ClientHello, below the range", &pool, 0, TLS_VERSION_SSLV3, EXPECTATION_MISSED, RULE_HIT},
    {"no ClientHello, at the top", &old_pool, 0, TLS_VERSION_1_1, EXPECTATION_MET, RULE_PASS},
    {"no answer", &pool, TLS_VERSION_1_3, 0, EXPECTATION_UNKNOWN, RULE_UNKNOWN},
};

static void test_cases(void **state) {
    (void)state;
    static struct scene scene;
    const struct rule *rule = rules_find("legacy-version");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arrange(&scene, cases[i].offered, cases[i].chosen);
        scene.history.expected = cases[i].range;
        enum expectation expectation = expected_range_check(cases[i].range, &scene.handshake);
        enum rule_result result = scene_check(&scene, rule);
        if (expectation != cases[i].expectation || result != cases[i].legacy_version)
            fail_msg("%s: expectation %d, rule %d", cases[i].name, (int)expectation, (int)result);
    }
}

static void test_evidence_names_the_pool(void **state) {
    (void)state;
    static struct scene scene;
    char text[EXPECTED_RANGE_SIZE];
    assert_string_equal(expected_range_format(&pool, text), "TLS 1.0 to TLS 1.3 (pool legacy)");
    assert_string_equal(expected_range_format(&old_pool, text), "TLS 1.0 to TLS 1.1");
    arrange(&scene, TLS_VERSION_1_3, TLS_VERSION_1_1);
    scene.history.expected = &pool;
    (void)scene_check(&scene, rules_find("legacy-version"));
    assert_true(scene.finding.evidence_count > 0);
    assert_string_equal(scene.finding.evidence[0].expected,
                        "TLS 1.0 to TLS 1.3 (pool legacy), the best that both ends do");
    assert_string_equal(scene.finding.evidence[0].observed, "TLS 1.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_evidence_names_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
