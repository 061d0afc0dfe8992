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
        assert_true(rule->threshold_count == 0 || rule->thresholds != NULL);
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
        {"malformed-hello", 2600200, true},
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

/* What a rule declares reaches the field that it reads, in the words that are documented. */
static void test_thresholds(void **state) {
    (void)state;
    struct rule_settings settings;
    char text[RULE_THRESHOLD_SIZE];
    for (size_t i = 0; i < rules_count; i++) {
        for (size_t j = 0; j < rules_all[i]->threshold_count; j++) {
            const struct rule_threshold *threshold = &rules_all[i]->thresholds[j];
            rules_default_settings(&settings);
            uint64_t value = rule_threshold_get(threshold, &settings);
            assert_true(value >= threshold->min && value <= threshold->max);
            assert_prose(threshold->meaning, 20);
            assert_true(strlen(rule_threshold_format(threshold, text)) < RULE_THRESHOLD_SIZE - 1);
            rule_threshold_set(threshold, &settings, threshold->min);
            assert_int_equal(rule_threshold_get(threshold, &settings), threshold->min);
            rule_threshold_set(threshold, &settings, threshold->max);
            assert_int_equal(rule_threshold_get(threshold, &settings), threshold->max);
        }
    }
    const struct rule_threshold *window = &rules_find("fallback-dance")->thresholds[0];
    rules_default_settings(&settings);
    rule_threshold_set(window, &settings, 5000000);
    assert_int_equal(settings.fallback_window_us, 5000000);
    assert_int_equal(settings.legacy_below, TLS_RANK_1_2);
    const struct rule_threshold *below = &rules_find("legacy-version")->thresholds[0];
    rule_threshold_set(below, &settings, TLS_RANK_1_1);
    assert_int_equal(settings.fallback_window_us, 5000000);
    assert_int_equal(settings.legacy_below, TLS_RANK_1_1);
    assert_string_equal(
        rule_threshold_format(below, text),
        "below: versions under this one are legacy to this rule; ssl3 to tls1.3, default tls1.2");
}

static void test_values_as_they_are_written(void **state) {
    (void)state;
    static const struct {
        enum rule_threshold_type type;
        uint64_t value;
        const char *text;
    } cases[] = {
        {THRESHOLD_DURATION, 0, "0us"},
        {THRESHOLD_DURATION, 1, "1us"},
        {THRESHOLD_DURATION, 1500000, "1500ms"},
        {THRESHOLD_DURATION, 60000000, "60s"},
        {THRESHOLD_DURATION, 90000000, "90s"},
        {THRESHOLD_DURATION, 300000000, "5m"},
        {THRESHOLD_DURATION, UINT64_C(3600000000), "1h"},
        {THRESHOLD_DURATION, UINT64_C(5400000000), "90m"},
        {THRESHOLD_DURATION, UINT64_C(172800000000), "2d"},
        {THRESHOLD_DURATION, UINT64_MAX, "18446744073709551615us"},
        {THRESHOLD_COUNT, 1024, "1024"},
        {THRESHOLD_VERSION, TLS_RANK_SSLV2, "ssl2"},
        {THRESHOLD_VERSION, TLS_RANK_1_3, "tls1.3"},
        {THRESHOLD_VERSION, 99, "unknown"},
    };
    char text[RULE_VALUE_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(rule_value_format(cases[i].type, cases[i].value, text), cases[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_is_complete),
        cmocka_unit_test(test_stable_names),
        cmocka_unit_test(test_evidence_is_clean_and_bounded),
        cmocka_unit_test(test_default_settings),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_values_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
