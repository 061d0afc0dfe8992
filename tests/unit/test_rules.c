/*
 * test_rules.c - the list of rules, their metadata, and the helpers for evidence.
 */
#include "rule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_prose(const char *text, size_t at_least) {
    assert_non_null(text);
    assert_true(strlen(text) >= at_least);
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at >= ' ' && *at <= '~');
    assert_null(strstr(text, "  "));
}

static void test_metadata_is_complete(void **state) {
    (void)state;
    assert_true(rules_count > 0 && rules_count <= 32);
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules_all[i];
        assert_prose(rule->kind, 5);
        assert_prose(rule->title, 20);
        assert_prose(rule->fires_when, 60);
        assert_prose(rule->stays_silent_when, 40);
        assert_prose(rule->confidence, 20);
        assert_prose(rule->advice, 80);
        assert_prose(rule->references, 8);
        assert_true(rule->signature_id > 2600000 && rule->signature_id < 2601000);
        assert_true(rule->severity >= RULE_SEVERITY_HIGH && rule->severity <= RULE_SEVERITY_LOW);
        assert_non_null(rule->check);
        assert_ptr_equal(rules_find(rule->kind), rule);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rules_all[j]->kind, rule->kind);
            assert_int_not_equal(rules_all[j]->signature_id, rule->signature_id);
        }
    }
}

/* Kinds and numbers are stored by others: they never change. */
static void test_stable_names(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        uint32_t signature_id;
        bool on_by_default;
    } known[] = {
        {"downgrade-sentinel", 2600001, true},        {"hello-mismatch", 2600002, true},
        {"inconsistent-client-hello", 2600003, true}, {"fallback-dance", 2600004, true},
        {"inappropriate-fallback", 2600005, true},    {"legacy-version", 2600100, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct rule *rule = rules_find(known[i].kind);
        assert_non_null(rule);
        assert_int_equal(rule->signature_id, known[i].signature_id);
        assert_int_equal(rule->on_by_default, known[i].on_by_default);
    }
    assert_null(rules_find("downgrade"));
    assert_null(rules_find(""));
    assert_string_equal(rule_class_name(RULE_ATTACK), "attack");
    assert_string_equal(rule_class_name(RULE_POLICY), "policy");
    assert_string_equal(rule_class_name(RULE_INFO), "info");
    assert_string_equal(rule_confidence_name(CONFIDENCE_LOW), "low");
    assert_string_equal(rule_confidence_name(CONFIDENCE_MEDIUM), "medium");
    assert_string_equal(rule_confidence_name(CONFIDENCE_HIGH), "high");
}

static void test_evidence_is_clean_and_bounded(void **state) {
    (void)state;
    struct finding finding = {0};
    char longer[400];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    finding_add(&finding, longer, 7, "tab\t, escape \x1b[31m, umlaut \xc3\xa4", longer);
    assert_int_equal(finding.evidence_count, 1);
    assert_int_equal(finding.evidence[0].packet, 7);
    assert_int_equal(strlen(finding.evidence[0].what), EVIDENCE_WHAT_SIZE - 1);
    assert_string_equal(finding.evidence[0].expected, "tab?, escape ?[31m, umlaut ??");
    assert_int_equal(strlen(finding.evidence[0].observed), EVIDENCE_TEXT_SIZE - 1);
    for (size_t i = 0; i < 2 * FINDING_MAX_EVIDENCE; i++)
        finding_add(&finding, "what", i, "a", "b");
    assert_int_equal(finding.evidence_count, FINDING_MAX_EVIDENCE);
    assert_int_equal(finding.evidence[FINDING_MAX_EVIDENCE - 1].packet, FINDING_MAX_EVIDENCE - 2);

    char text[EVIDENCE_TEXT_SIZE];
    assert_string_equal(finding_text(text, "%s %d", "suite", 5), "suite 5");
    assert_int_equal(strlen(finding_text(text, "%s", longer)), EVIDENCE_TEXT_SIZE - 1);
}

static void test_default_settings(void **state) {
    (void)state;
    struct rule_settings settings;
    rules_default_settings(&settings);
    assert_int_equal(settings.fallback_window_us, 60000000);
    assert_int_equal(settings.legacy_below, TLS_RANK_1_2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_is_complete),
        cmocka_unit_test(test_stable_names),
        cmocka_unit_test(test_evidence_is_clean_and_bounded),
        cmocka_unit_test(test_default_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
