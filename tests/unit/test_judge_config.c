/*
 * test_judge_config.c - what the configuration changes in the judge: exceptions, severities,
 * expected versions.
 */
#include "classify.h"
#include "judge.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t modern_versions[] = {0x0304, 0x0303, 0x0302, 0x0301, 0};
static const uint16_t old_suites[] = {0xc014, 0x002f, 0};
static const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};

/* Where every scene's handshake is: 192.0.2.1 to 198.51.100.1, www.example.com. */
static const struct ip_net client_net = {{{192, 0, 2, 0}}, 4, 24};
static const struct ip_net other_net = {{{203, 0, 113, 0}}, 4, 24};
static const struct domain_pattern example_com = {".example.com", 12, true};

struct application classify_domain(struct classify *classify, const char *domain) {
    (void)classify;
    (void)domain;
    return (struct application){"", ""};
}

struct seen {
    size_t alerts;
    enum rule_severity severity; /* of the last alert */
    struct verdict verdict;      /* the last; its handshake is the scene's */
};

static void take_alert(void *context, const struct alert *alert) {
    struct seen *seen = context;
    seen->alerts++;
    seen->severity = alert->severity;
}

static void take_handshake(void *context, const struct verdict *verdict) {
    struct seen *seen = context;
    seen->verdict = *verdict;
}

/* Judges the scene under a configuration; what it led to. */
static struct judge_counts judge_once(const struct judge_config *config, const struct scene *scene,
                                      struct seen *seen) {
    memset(seen, 0, sizeof *seen);
    const struct sink sink = {.context = seen, .handshake = take_handshake, .alert = take_alert};
    const struct sink *const sinks[] = {&sink};
    struct judge *judge = judge_new(config, NULL, sinks, 1);
    assert_non_null(judge);
    judge_handshake(judge, &source, &scene->handshake);
    struct judge_counts counts = judge_counts(judge);
    judge_delete(judge);
    return counts;
}

static void arrange_sentinel(struct scene *scene) {
    scene_init(scene);
    scene_offer(scene, (struct client_spec){.suites = modern_suites,
                                            .versions = modern_versions,
                                            .name = "www.Example.com"});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_fail(scene, OUTCOME_FAILED);
}

/* A client that offers up to `offered` gets TLS 1.1. */
static void arrange_tls11(struct scene *scene, uint16_t offered) {
    bool is_modern = offered == TLS_VERSION_1_3;
    scene_init(scene);
    scene_offer(scene, (struct client_spec){.legacy_version = is_modern ? TLS_VERSION_1_2 : offered,
                                            .suites = is_modern ? modern_suites : old_suites,
                                            .versions = is_modern ? modern_versions : NULL,
                                            .name = "www.example.com"});
    scene_answer(scene, (struct server_spec){.legacy_version = TLS_VERSION_1_1, .suite = 0xc014});
}

static uint32_t bit_of(const char *kind) {
    for (size_t i = 0; i < rules_count; i++) {
        if (strcmp(rules_all[i]->kind, kind) == 0)
            return 1U << i;
    }
    fail_msg("no rule %s", kind);
    return 0;
}

static void test_excepted_alert_is_counted(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    judge_default_config(&config);
    arrange_sentinel(&scene);
    uint32_t sentinel = bit_of("downgrade-sentinel");
    const struct exception list[] = {
        {.rules = sentinel, .where.clients = {&other_net, 1}, .reason = ""},
        {.rules = ~sentinel, .where.clients = {&client_net, 1}, .reason = ""},
        {.rules = sentinel,
         .where = {.clients = {&client_net, 1}, .domains = {&example_com, 1}},
         .reason = ""},
    };

    struct judge_counts counts = judge_once(&config, &scene, &seen);
    assert_int_equal(counts.alerts, 1);
    assert_int_equal(counts.alerts_excepted, 0);
    assert_int_equal(seen.verdict.rules_excepted, 0);

    config.exceptions = (struct exceptions){list, 2}; /* the first two do not fit */
    counts = judge_once(&config, &scene, &seen);
    assert_int_equal(counts.alerts, 1);
    assert_int_equal(counts.alerts_excepted, 0);

    config.exceptions = (struct exceptions){list, 3};
    counts = judge_once(&config, &scene, &seen);
    assert_int_equal(seen.alerts, 0);
    assert_int_equal(counts.alerts, 0);
    assert_int_equal(counts.attack_alerts, 0);
    assert_int_equal(counts.alerts_folded, 0);
    assert_int_equal(counts.alerts_excepted, 1);
    assert_int_equal(seen.verdict.rules_hit, 0);
    assert_int_equal(seen.verdict.rules_excepted, sentinel);
    /* The mark is a fact of the two hellos, alert or not. */
    assert_int_equal(seen.verdict.limiter, LIMITER_DOWNGRADED);
}

static void test_excepted_finding_has_no_say_in_the_limiter(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    judge_default_config(&config);
    scene_init(&scene);
    /* An answer nobody asked for: TLS 1.1 is not in the list. */
    static const uint16_t only_new[] = {0x0304, 0x0303, 0};
    scene_offer(&scene, (struct client_spec){.suites = modern_suites,
                                             .versions = only_new,
                                             .legacy_version = TLS_VERSION_1_0,
                                             .name = "www.example.com"});
    scene_answer(&scene, (struct server_spec){.legacy_version = TLS_VERSION_1_1, .suite = 0xc02f});
    judge_once(&config, &scene, &seen);
    assert_true(seen.verdict.rules_hit & bit_of("hello-mismatch"));
    assert_int_equal(seen.verdict.limiter, LIMITER_DOWNGRADED);
    const struct exception list[] = {
        {.rules = UINT32_MAX, .where.clients = {&client_net, 1}, .reason = ""}};
    config.exceptions = (struct exceptions){list, 1};
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, 0);
    assert_int_equal(seen.verdict.limiter, LIMITER_SERVER);
}

static void test_fingerprint_exception(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    judge_default_config(&config);
    arrange_sentinel(&scene);
    /* Of the scene's ClientHello, by the specification: four suites, server_name and
     * supported_versions; SHA-256 of "002f,1301,c014,c02f" and of "002b". */
    static const char *const right[] = {"t13d0000h2_000000000000_000000000000",
                                        "t13d040200_bc6b8beeac7c_b9a491fefe05"};
    static const char *const wrong[] = {"t13d1516h2_8daaf6152771_02713d6af862"};
    struct exception exception = {.rules = UINT32_MAX, .ja4 = right, .ja4_count = 2, .reason = ""};
    config.exceptions = (struct exceptions){&exception, 1};
    assert_int_equal(judge_once(&config, &scene, &seen).alerts_excepted, 1);
    exception.ja4 = wrong;
    exception.ja4_count = 1;
    assert_int_equal(judge_once(&config, &scene, &seen).alerts_excepted, 0);
    exception.ja4 = right;
    exception.ja4_count = 2;
    exception.where.servers = (struct net_list){&other_net, 1};
    assert_int_equal(judge_once(&config, &scene, &seen).alerts_excepted, 0);
    /* Without a ClientHello there is no fingerprint, and nothing that it excuses. */
    exception.where.servers = (struct net_list){NULL, 0};
    arrange_tls11(&scene, TLS_VERSION_1_1);
    scene.handshake.has &= ~(uint32_t)HANDSHAKE_HAS_OFFER;
    config.rules_on = bit_of("legacy-version");
    assert_int_equal(judge_once(&config, &scene, &seen).alerts_excepted, 0);
    assert_int_equal(seen.alerts, 1);
}

static void test_severity_of_the_configuration(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    judge_default_config(&config);
    arrange_sentinel(&scene);
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.severity, RULE_SEVERITY_HIGH);
    for (size_t i = 0; i < rules_count; i++)
        assert_int_equal(config.severities[i], rules_all[i]->severity);
    config.severities[0] = RULE_SEVERITY_LOW;
    assert_string_equal(rules_all[0]->kind, "downgrade-sentinel");
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.severity, RULE_SEVERITY_LOW);
}

static void test_expected_versions(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    const struct expected_server pool[] = {
        {.where.servers = {&other_net, 1}, .range = {TLS_RANK_1_3, TLS_RANK_1_3, ""}},
        {.where.domains = {&example_com, 1}, .range = {TLS_RANK_1_0, TLS_RANK_1_3, "legacy"}},
    };
    judge_default_config(&config);
    config.rules_on |= bit_of("legacy-version");

    /* Without an expectation both are legacy. */
    arrange_tls11(&scene, TLS_VERSION_1_1);
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, bit_of("legacy-version"));

    /* With one, the old client gets the best it can do, the modern one does not. */
    config.expectations = (struct expectations){pool, 2};
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, 0);
    assert_true(seen.verdict.is_legacy); /* and is counted all the same */
    arrange_tls11(&scene, TLS_VERSION_1_3);
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, bit_of("legacy-version"));

    /* Evidence of tampering is what it is everywhere. */
    arrange_sentinel(&scene);
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, bit_of("downgrade-sentinel"));

    /* The first entry that fits counts: its servers must do TLS 1.3. */
    const struct expected_server strict[] = {
        {.where.domains = {&example_com, 1}, .range = {TLS_RANK_1_3, TLS_RANK_1_3, ""}}, pool[1]};
    config.expectations = (struct expectations){strict, 2};
    arrange_tls11(&scene, TLS_VERSION_1_1);
    judge_once(&config, &scene, &seen);
    assert_int_equal(seen.verdict.rules_hit, bit_of("legacy-version"));
}

static void test_legacy_is_below_tls12_whatever_the_rule_says(void **state) {
    (void)state;
    static struct scene scene;
    struct judge_config config;
    struct seen seen;
    judge_default_config(&config);
    config.settings.legacy_below = TLS_RANK_1_3;
    arrange_sentinel(&scene); /* TLS 1.2 */
    judge_once(&config, &scene, &seen);
    assert_false(seen.verdict.is_legacy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excepted_alert_is_counted),
        cmocka_unit_test(test_excepted_finding_has_no_say_in_the_limiter),
        cmocka_unit_test(test_fingerprint_exception),
        cmocka_unit_test(test_severity_of_the_configuration),
        cmocka_unit_test(test_expected_versions),
        cmocka_unit_test(test_legacy_is_below_tls12_whatever_the_rule_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
