/*
 * test_judge.c - order, folding, ids, limiter, history and every cap of the judge.
 */
#include "classify.h"
#include "history_store.h"
#include "judge.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t lower_suites[] = {0xc02f, 0xc014, 0x002f, 0};
static const uint16_t modern_versions[] = {0x0304, 0x0303, 0};
static const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};

enum { SECOND_US = 1000000, KEPT_ALERTS = 64 };

/* In the place of nDPI's. */
struct application classify_domain(struct classify *classify, const char *domain) {
    (void)classify;
    return (struct application){.name = strcmp(domain, "www.example.com") == 0 ? "Example" : "",
                                .category = "Web"};
}

struct seen {
    size_t alerts;
    size_t handshakes;
    char ids[KEPT_ALERTS][ALERT_ID_SIZE];
    char kinds[KEPT_ALERTS][64];
    uint64_t repeats[KEPT_ALERTS];
    enum limiter limiter; /* of the last handshake */
    enum limiter alert_limiter;
    bool is_legacy;
    uint32_t rules_hit;
    const char *application;
    char domain[DOMAIN_SIZE];
    bool alert_came_late; /* an alert after its handshake */
    const struct handshake *last;
};

static void take_alert(void *context, const struct alert *alert) {
    struct seen *seen = context;
    if (seen->last == alert->verdict->handshake)
        seen->alert_came_late = true;
    seen->alert_limiter = alert->verdict->limiter;
    if (seen->alerts < KEPT_ALERTS) {
        memcpy(seen->ids[seen->alerts], alert->id, ALERT_ID_SIZE);
        snprintf(seen->kinds[seen->alerts], 64, "%s", alert->rule->kind);
        seen->repeats[seen->alerts] = alert->repeats;
    }
    seen->alerts++;
}

static void take_handshake(void *context, const struct verdict *verdict) {
    struct seen *seen = context;
    seen->handshakes++;
    seen->limiter = verdict->limiter;
    seen->is_legacy = verdict->is_legacy;
    seen->rules_hit = verdict->rules_hit;
    seen->application = verdict->application.name;
    seen->last = verdict->handshake;
    memcpy(seen->domain, verdict->domain.name, DOMAIN_SIZE);
}

struct fixture {
    struct seen seen;
    struct sink sink;
    struct sink silent; /* takes nothing */
    const struct sink *sinks[2];
    struct judge *judge;
    struct scene scene;
};

static void setup_with(struct fixture *fixture, const struct judge_config *config) {
    memset(fixture, 0, sizeof *fixture);
    fixture->sink =
        (struct sink){.context = &fixture->seen, .handshake = take_handshake, .alert = take_alert};
    fixture->sinks[0] = &fixture->silent;
    fixture->sinks[1] = &fixture->sink;
    fixture->judge = judge_new(config, NULL, fixture->sinks, 2);
    assert_non_null(fixture->judge);
    scene_init(&fixture->scene);
}

static void setup(struct fixture *fixture) {
    struct judge_config config;
    judge_default_config(&config);
    assert_int_equal(config.attempts, 65536);
    assert_int_equal(config.servers, 65536);
    assert_int_equal(config.folds, 16384);
    setup_with(fixture, &config);
}

static void judge_now(struct fixture *fixture) {
    judge_handshake(fixture->judge, &source, &fixture->scene.handshake);
    fixture->seen.last = NULL;
}

static void arrange_sentinel(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = modern_suites,
                                            .versions = modern_versions,
                                            .name = "www.Example.com"});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_fail(scene, OUTCOME_FAILED);
}

static void later(struct scene *scene, uint64_t by_us) {
    scene->handshake.started_us += by_us;
    scene->handshake.ended_us += by_us;
    scene->handshake.client.port++;
    scene->handshake.flow_id++;
}

static void test_alert_then_handshake(void **state) {
    (void)state;
    static struct fixture fixture;
    setup(&fixture);
    arrange_sentinel(&fixture.scene);
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 1);
    assert_int_equal(fixture.seen.handshakes, 1);
    assert_false(fixture.seen.alert_came_late);
    assert_string_equal(fixture.seen.kinds[0], "downgrade-sentinel");
    assert_int_equal(fixture.seen.repeats[0], 1);
    assert_int_equal(fixture.seen.rules_hit, 1);
    assert_int_equal(fixture.seen.limiter, LIMITER_DOWNGRADED);
    assert_false(fixture.seen.is_legacy);
    assert_string_equal(fixture.seen.domain, "www.example.com");
    assert_string_equal(fixture.seen.application, "");
    assert_int_equal(judge_counts(fixture.judge).alerts, 1);
    assert_int_equal(judge_counts(fixture.judge).attack_alerts, 1);
    assert_int_equal(judge_counts(fixture.judge).alerts_folded, 0);
    judge_delete(fixture.judge);
}

static void test_limiter_is_raised_before_the_alert(void **state) {
    (void)state;
    static struct fixture fixture;
    setup(&fixture);
    /* The hellos alone say server-limited; an unoffered suite says more. */
    scene_offer(&fixture.scene,
                (struct client_spec){.suites = modern_suites, .versions = modern_versions});
    scene_answer(&fixture.scene, (struct server_spec){.suite = 0x0035});
    assert_int_equal(handshake_limiter(&fixture.scene.handshake), LIMITER_SERVER);
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alert_limiter, LIMITER_DOWNGRADED);
    assert_int_equal(fixture.seen.limiter, LIMITER_DOWNGRADED);
    /* A low-confidence finding does not. */
    later(&fixture.scene, SECOND_US);
    scene_answer(&fixture.scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls11});
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 2);
    assert_int_equal(fixture.seen.limiter, LIMITER_SERVER);
    judge_delete(fixture.judge);
}

static void test_policy_and_legacy(void **state) {
    (void)state;
    static struct fixture fixture;
    struct judge_config config;
    judge_default_config(&config);
    for (int on = 0; on < 2; on++) {
        if (on)
            config.rules_on = UINT32_MAX;
        setup_with(&fixture, &config);
        scene_offer(&fixture.scene,
                    (struct client_spec){.legacy_version = 0x0301, .suites = lower_suites});
        scene_answer(&fixture.scene,
                     (struct server_spec){.legacy_version = 0x0301, .suite = 0xc014});
        judge_now(&fixture);
        assert_true(fixture.seen.is_legacy);
        assert_int_equal(fixture.seen.alerts, on);
        assert_int_equal(fixture.seen.limiter, LIMITER_CLIENT);
        assert_int_equal(judge_counts(fixture.judge).attack_alerts, 0);
        judge_delete(fixture.judge);
    }
}

static void test_applications(void **state) {
    (void)state;
    static struct fixture fixture;
    static int borrowed;
    struct judge_config config;
    judge_default_config(&config);
    setup_with(&fixture, &config);
    judge_delete(fixture.judge);
    /* The judge hands the pointer on and never looks inside. */
    fixture.judge = judge_new(&config, (struct classify *)(void *)&borrowed, fixture.sinks, 2);
    assert_non_null(fixture.judge);
    arrange_sentinel(&fixture.scene);
    judge_now(&fixture);
    assert_string_equal(fixture.seen.application, "Example");
    judge_delete(fixture.judge);
}

static void test_folding(void **state) {
    (void)state;
    static struct fixture fixture;
    setup(&fixture);
    arrange_sentinel(&fixture.scene);
    for (int i = 0; i < 1234; i++) {
        judge_now(&fixture);
        later(&fixture.scene, SECOND_US);
    }
    assert_int_equal(fixture.seen.alerts, 4);
    assert_int_equal(fixture.seen.repeats[0], 1);
    assert_int_equal(fixture.seen.repeats[1], 10);
    assert_int_equal(fixture.seen.repeats[2], 100);
    assert_int_equal(fixture.seen.repeats[3], 1000);
    assert_int_equal(fixture.seen.handshakes, 1234);
    struct judge_counts counts = judge_counts(fixture.judge);
    assert_int_equal(counts.alerts, 4);
    assert_int_equal(counts.alerts_folded, 1230);
    assert_int_equal(counts.attack_alerts, 1234);

    /* Another client, server or domain is another story. */
    fixture.scene.handshake.client.address.bytes[3]++;
    judge_now(&fixture);
    fixture.scene.handshake.server.address.bytes[3]++;
    judge_now(&fixture);
    scene_offer(&fixture.scene, (struct client_spec){.suites = modern_suites,
                                                     .versions = modern_versions,
                                                     .name = "other.example"});
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 7);
    judge_forget(fixture.judge);
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 8);
    judge_delete(fixture.judge);
}

static void test_fold_table_is_bounded(void **state) {
    (void)state;
    static struct fixture fixture;
    struct judge_config config;
    judge_default_config(&config);
    config.folds = 8;
    config.attempts = 8;
    config.servers = 8;
    setup_with(&fixture, &config);
    arrange_sentinel(&fixture.scene);
    for (int i = 0; i < 40; i++) {
        fixture.scene.handshake.client.address.bytes[3] = (uint8_t)i;
        judge_now(&fixture);
        later(&fixture.scene, 1);
    }
    assert_int_equal(fixture.seen.alerts, 40);
    /* The first client was forgotten, the last was not. */
    fixture.scene.handshake.client.address.bytes[3] = 39;
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 40);
    fixture.scene.handshake.client.address.bytes[3] = 0;
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 41);
    judge_delete(fixture.judge);
}

static void test_ids(void **state) {
    (void)state;
    static struct fixture first;
    static struct fixture second;
    setup(&first);
    setup(&second);
    for (int i = 0; i < 20; i++) {
        struct fixture *both[] = {&first, &second};
        for (int j = 0; j < 2; j++) {
            arrange_sentinel(&both[j]->scene);
            both[j]->scene.handshake.client.address.bytes[3] = (uint8_t)i;
            judge_now(both[j]);
        }
    }
    /* The very same flow fields once more, one field changed at a time. */
    first.scene.handshake.client.address.bytes[3] = 100;
    judge_now(&first);
    judge_forget(first.judge);
    first.scene.handshake.client.port++;
    judge_now(&first);
    judge_forget(first.judge);
    first.scene.handshake.started_us++;
    judge_now(&first);
    assert_int_equal(first.seen.alerts, 23);
    for (size_t i = 0; i < first.seen.alerts; i++) {
        assert_int_equal(strlen(first.seen.ids[i]), ALERT_ID_SIZE - 1);
        assert_int_equal(strspn(first.seen.ids[i], "0123456789abcdef"), ALERT_ID_SIZE - 1);
        if (i < second.seen.alerts)
            assert_string_equal(first.seen.ids[i], second.seen.ids[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(first.seen.ids[i], first.seen.ids[j]);
    }
    /* Pinned: other machines and later releases give the same. */
    assert_string_equal(first.seen.ids[0], "a07c6e51d3bcaaf5b0203df0429ed5ca");
    judge_delete(first.judge);
    judge_delete(second.judge);
}

/* A failed TLS 1.3 try, then a lower one: the history carries it from one to the other. */
static void dance_first(struct scene *scene, const char *name) {
    scene_offer(scene, (struct client_spec){
                           .suites = modern_suites, .versions = modern_versions, .name = name});
    scene->handshake.has &= ~(uint32_t)HANDSHAKE_HAS_CHOICE;
    scene->handshake.outcome = OUTCOME_RESET;
    scene->handshake.side[SIDE_SERVER].reset_packet = 9;
}

static void dance_second(struct scene *scene, const char *name) {
    later(scene, SECOND_US);
    scene_offer(scene, (struct client_spec){.suites = lower_suites, .name = name});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene->handshake.side[SIDE_SERVER].reset_packet = 0;
    scene->handshake.outcome = OUTCOME_COMPLETED;
}

static void test_history_by_name(void **state) {
    (void)state;
    static struct fixture fixture;
    setup(&fixture);
    dance_first(&fixture.scene, "www.example.com");
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 0);
    /* The name resolves to another address of the same pool. */
    dance_second(&fixture.scene, "WWW.example.com");
    fixture.scene.handshake.server.address.bytes[3]++;
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 1);
    assert_string_equal(fixture.seen.kinds[0], "fallback-dance");
    judge_delete(fixture.judge);
}

static void test_history_without_a_name(void **state) {
    (void)state;
    static struct fixture fixture;
    setup(&fixture);
    dance_first(&fixture.scene, "www.example.com");
    judge_now(&fixture);
    dance_second(&fixture.scene, NULL); /* as SSLv3 would: looked up by the server's address */
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 1);
    judge_delete(fixture.judge);
}

static void test_history_keeps_strangers_apart(void **state) {
    (void)state;
    static struct fixture fixture;
    for (int i = 0; i < 6; i++) {
        setup(&fixture);
        dance_first(&fixture.scene, "www.example.com");
        judge_now(&fixture);
        dance_second(&fixture.scene, i == 0 ? "other.example" : "www.example.com");
        if (i == 1)
            fixture.scene.handshake.client.address.bytes[3]++;
        if (i == 2)
            fixture.scene.handshake.server.port = 8443;
        if (i == 3)
            judge_forget(fixture.judge);
        if (i == 4)
            fixture.scene.handshake.ip_version = 6;
        if (i == 5) /* DTLS on a port of the same number */
            fixture.scene.handshake.transport = IP_PROTOCOL_UDP;
        judge_now(&fixture);
        assert_int_equal(fixture.seen.alerts, 0);
        judge_delete(fixture.judge);
    }
}

static void test_attempts_are_bounded(void **state) {
    (void)state;
    static struct fixture fixture;
    struct judge_config config;
    judge_default_config(&config);
    config.attempts = 8;
    setup_with(&fixture, &config);
    dance_first(&fixture.scene, "www.example.com");
    judge_now(&fixture);
    static struct scene others;
    scene_init(&others);
    for (int i = 0; i < 200; i++) {
        scene_offer(&others, (struct client_spec){.suites = lower_suites, .name = "x.example"});
        others.handshake.client.address.bytes[2] = (uint8_t)(i + 3);
        judge_handshake(fixture.judge, &source, &others.handshake);
    }
    dance_second(&fixture.scene, "www.example.com");
    judge_now(&fixture);
    assert_int_equal(fixture.seen.alerts, 0); /* evicted: no longer known */
    judge_delete(fixture.judge);
}

static void add(struct history_store *store, const struct handshake *handshake,
                const struct history_keys *keys, bool is_suspect) {
    struct attempt attempt;
    history_attempt_of(handshake, &attempt);
    attempt.is_suspect = is_suspect;
    history_store_add(store, handshake, keys, &attempt);
}

static void test_store_rings_and_servers(void **state) {
    (void)state;
    static struct scene scene;
    struct history view;
    struct history_keys keys;
    struct domain domain;
    struct history_store *store = history_store_new(64, 64);
    assert_non_null(store);
    scene_init(&scene);
    arrange_sentinel(&scene);
    domain_of_handshake(&scene.handshake, &domain);
    history_keys_of(&scene.handshake, &domain, &keys);
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_int_equal(view.attempt_count, 0);
    assert_null(view.server);
    assert_int_equal(view.client_servers, 0);

    for (uint64_t i = 1; i <= HISTORY_MAX_ATTEMPTS + 3; i++) {
        scene.handshake.ended_packet = i;
        add(store, &scene.handshake, &keys, true);
    }
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_int_equal(view.attempt_count, HISTORY_MAX_ATTEMPTS);
    for (size_t i = 0; i < view.attempt_count; i++)
        assert_int_equal(history_attempt(&view, i)->packet, HISTORY_MAX_ATTEMPTS + 3 - i);
    assert_int_equal(view.client_failures, HISTORY_MAX_ATTEMPTS + 3);
    assert_int_equal(view.client_servers, 1);

    /* Suspect handshakes teach nothing about versions, but the mark proves TLS 1.3. */
    assert_non_null(view.server);
    assert_int_equal(view.server->handshakes, HISTORY_MAX_ATTEMPTS + 3);
    assert_int_equal(view.server->highest_negotiated, TLS_RANK_UNKNOWN);
    assert_int_equal(view.server->highest_proven, TLS_RANK_1_3);
    scene.handshake.outcome = OUTCOME_COMPLETED;
    add(store, &scene.handshake, &keys, false);
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_int_equal(view.server->highest_negotiated, TLS_RANK_1_2);
    assert_int_equal(view.server->negotiated[TLS_RANK_1_2], 1);

    /* Ten minutes later the client starts with a clean sheet. */
    scene.handshake.ended_us += (uint64_t)601 * SECOND_US;
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_int_equal(view.client_failures, 0);
    history_store_clear(store);
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_int_equal(view.attempt_count, 0);
    assert_null(view.server);
    history_store_delete(store);
}

static void test_client_map(void **state) {
    (void)state;
    static struct scene scene;
    struct history view;
    struct history_keys keys;
    struct domain domain;
    struct history_store *store = history_store_new(64, 64);
    assert_non_null(store);
    scene_init(&scene);
    arrange_sentinel(&scene);
    domain_of_handshake(&scene.handshake, &domain);
    for (int i = 0; i < 2000; i++) {
        scene.handshake.server.address.bytes[2] = (uint8_t)(i >> 8);
        scene.handshake.server.address.bytes[3] = (uint8_t)(i & 0xff);
        history_keys_of(&scene.handshake, &domain, &keys);
        add(store, &scene.handshake, &keys, false);
        if (i == 9) {
            history_store_view(store, &scene.handshake, &keys, &view);
            assert_in_range(view.client_servers, 8, 10);
        }
    }
    history_store_view(store, &scene.handshake, &keys, &view);
    assert_in_range(view.client_servers, 200, 256);
    history_store_delete(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alert_then_handshake),
        cmocka_unit_test(test_limiter_is_raised_before_the_alert),
        cmocka_unit_test(test_policy_and_legacy),
        cmocka_unit_test(test_applications),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_fold_table_is_bounded),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_history_by_name),
        cmocka_unit_test(test_history_without_a_name),
        cmocka_unit_test(test_history_keeps_strangers_apart),
        cmocka_unit_test(test_attempts_are_bounded),
        cmocka_unit_test(test_store_rings_and_servers),
        cmocka_unit_test(test_client_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
