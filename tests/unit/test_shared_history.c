/*
 * test_shared_history.c - the queues between judge and Redis, the words in Redis, and what the
 * judge does with what others know.
 */
#include "classify.h"
#include "judge.h"
#include "redis_history.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x1301, 0xc02f, 0};
static const uint16_t versions[] = {0x0304, 0x0303, 0};
static const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};

enum { ROOM = 4 };

/* In the place of nDPI's. */
struct application classify_domain(struct classify *classify, const char *domain) {
    (void)classify;
    (void)domain;
    return (struct application){.name = "", .category = ""};
}

static void test_queues_are_bounded(void **state) {
    (void)state;
    struct shared_history *shared = shared_history_new(ROOM);
    struct shared_server server = {0};
    struct shared_hello hello = {0};
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < ROOM + 2; i++) {
            server.server = round * 100 + i;
            assert_int_equal(shared_history_put_server(shared, SHARED_OUT, &server), i < ROOM);
        }
        for (uint64_t i = 0; i < ROOM; i++) {
            assert_true(shared_history_take_server(shared, SHARED_OUT, &server));
            assert_int_equal(server.server, round * 100 + i);
        }
        assert_false(shared_history_take_server(shared, SHARED_OUT, &server));
        assert_int_equal(shared_history_lost(shared, SHARED_OUT), 2 * (round + 1));
    }
    assert_false(shared_history_take_hello(shared, SHARED_IN, &hello));
    assert_true(shared_history_put_hello(shared, SHARED_IN, &hello));
    assert_int_equal(shared_history_lost(shared, SHARED_IN), 0);
    shared_history_delete(shared);
}

static struct server_record some_record(void) {
    struct server_record record = {.handshakes = 42,
                                   .highest_negotiated = TLS_RANK_1_3,
                                   .highest_proven = TLS_RANK_1_2,
                                   .first_us = 1,
                                   .last_us = UINT64_MAX,
                                   .proven_us = 77,
                                   .hybrid_offered = 9,
                                   .hybrid_taken = 8,
                                   .lowered_clients = 0xdeadbeefULL << 16U,
                                   .starttls_seen = 5,
                                   .starttls_offered = 4,
                                   .stripped_clients = 1,
                                   .classical_clients = UINT64_MAX};
    record.by_offer[TLS_RANK_1_3][TLS_RANK_1_3] = 40;
    record.by_offer[TLS_RANK_1_3][TLS_RANK_1_2] = UINT16_MAX;
    record.negotiated[TLS_RANK_1_3] = 40;
    record.negotiated[TLS_RANK_1_2] = UINT16_MAX;
    return record;
}

static void test_words_and_back(void **state) {
    (void)state;
    char text[SHARED_SERVER_TEXT];
    const struct server_record record = some_record();
    struct server_record read;
    shared_server_format(&record, text);
    assert_true(shared_server_parse(text, strlen(text), &read));
    assert_memory_equal(&read, &record, sizeof record);
}

/* The longest that can be written fits. */
static void test_every_pair_has_room(void **state) {
    (void)state;
    char text[SHARED_SERVER_TEXT];
    struct server_record record = some_record();
    struct server_record read;
    for (unsigned offered = 0; offered < TLS_RANK_COUNT; offered++)
        for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++)
            record.by_offer[offered][rank] = UINT16_MAX;
    shared_server_format(&record, text);
    assert_true(strlen(text) < SHARED_SERVER_TEXT - 1);
    assert_true(shared_server_parse(text, strlen(text), &read));
    assert_memory_equal(read.by_offer, record.by_offer, sizeof record.by_offer);
}

static void test_other_words_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "1",
        "2 1 1 0 0 1 0 0 0 0 0 0 0 0",
        "1 1 1 0 0 1 0 0 0 0 0 0 0",            /* a word short */
        "1 1 1 0 0 1 99 0 0 0 0 0 0 0",         /* no such rank */
        "1 1 1 0 0 1 0 1 2 0 0 0 0 0",          /* more taken than offered */
        "1 1 1 0 0 4294967296 0 0 0 0 0 0 0 0", /* too large */
        "1 99999999999999999999 1 0 0 1 0 0 0 0 0 0 0 0",
        "1 1 1 0 0 1 0 0 0 0 0 0 0 0 7:99:1",
        "1 1 1 0 0 1 0 0 0 0 0 0 0 0 3:3:65536",
        "1 1 1 0 0 1 0 0 0 0 0 0 0 0 3:3",
        "1 1 1 0 0 1 0 0 0 0 0 0 0 0 ",
        "1 1 1 0 0 -1 0 0 0 0 0 0 0 0",
        "1  1 1 0 0 1 0 0 0 0 0 0 0 0",
    };
    struct server_record read;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (shared_server_parse(texts[i], strlen(texts[i]), &read))
            fail_msg("'%s' was read", texts[i]);
}

static void test_hello_words(void **state) {
    (void)state;
    static const char *const texts[] = {"", "1 2 3 4 5", "1 2 65536 4 5 6", "1 2 3 4 5 6 ", "a b"};
    const struct twin facts = {.time_us = 7, .packet = 6, .highest_offered = 0x0304, .suites = 9};
    struct twin read;
    char text[SHARED_FACTS_TEXT];
    shared_facts_format(&facts, text);
    assert_true(shared_facts_parse(text, strlen(text), &read));
    assert_memory_equal(&read, &facts, sizeof facts);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(shared_facts_parse(texts[i], strlen(texts[i]), &read));
}

static void test_hashes(void **state) {
    (void)state;
    static const char *const texts[] = {"", "12", "0123456789abcdeg", "00123456789abcdef"};
    uint64_t hash = 0;
    char text[SHARED_HASH_TEXT];
    assert_true(shared_hash_parse(shared_hash_format(0xfedcba9876543210, text), 16, &hash));
    assert_true(hash == 0xfedcba9876543210);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(shared_hash_parse(texts[i], strlen(texts[i]), &hash));
}

/* ---- the judge ---- */

struct fixture {
    size_t alerts;
    char kind[32];
    char domain[DOMAIN_SIZE];
    char client_port[8];
    struct sink sink;
    const struct sink *sinks[1];
    struct shared_history *shared;
    struct judge *judge;
    struct scene scene;
};

static void take_alert(void *context, const struct alert *alert) {
    struct fixture *fixture = context;
    fixture->alerts++;
    snprintf(fixture->kind, sizeof fixture->kind, "%s", alert->rule->kind);
    snprintf(fixture->domain, sizeof fixture->domain, "%s", alert->verdict->domain.name);
    snprintf(fixture->client_port, sizeof fixture->client_port, "%u",
             alert->verdict->handshake->client.port);
}

static void start(struct fixture *fixture) {
    struct judge_config config;
    memset(fixture, 0, sizeof *fixture);
    judge_default_config(&config);
    fixture->shared = shared_history_new(64);
    config.attempts = config.servers = config.folds = config.hellos = 64;
    config.shared = fixture->shared;
    fixture->sink = (struct sink){.context = fixture, .alert = take_alert};
    fixture->sinks[0] = &fixture->sink;
    fixture->judge = judge_new(&config, NULL, fixture->sinks, 1);
    assert_non_null(fixture->judge);
    scene_init(&fixture->scene);
    scene_offer(&fixture->scene, (struct client_spec){.suites = suites,
                                                      .versions = versions,
                                                      .random = 9,
                                                      .name = "www.example.com"});
    scene_answer(&fixture->scene, (struct server_spec){.suite = 0xc02f});
    fixture->scene.handshake.outcome = OUTCOME_COMPLETED;
}

static void stop(struct fixture *fixture) {
    judge_delete(fixture->judge);
    shared_history_delete(fixture->shared);
}

static void test_others_know_the_server(void **state) {
    (void)state;
    static struct fixture fixture;
    struct shared_server told;
    start(&fixture);
    judge_handshake(fixture.judge, &source, &fixture.scene.handshake);
    assert_int_equal(fixture.alerts, 0);
    assert_true(shared_history_take_server(fixture.shared, SHARED_OUT, &told));
    assert_int_equal(told.known.handshakes, 1);
    told.known = (struct server_record){.handshakes = 100, .first_us = 1, .last_us = 1000};
    told.known.by_offer[TLS_RANK_1_3][TLS_RANK_1_3] = 200;
    told.known.last_us = told.known.first_us = fixture.scene.handshake.ended_us;
    assert_true(shared_history_put_server(fixture.shared, SHARED_IN, &told));
    judge_handshake(fixture.judge, &source, &fixture.scene.handshake);
    assert_int_equal(fixture.alerts, 1);
    assert_string_equal(fixture.kind, "server-regression");
    stop(&fixture);
}

/* A hello of another sensor comes when the handshake here was judged and is gone. */
static void test_a_late_twin_raises_an_alert(void **state) {
    (void)state;
    static struct fixture fixture;
    struct shared_hello hello;
    start(&fixture);
    judge_handshake(fixture.judge, &source, &fixture.scene.handshake);
    assert_true(shared_history_take_hello(fixture.shared, SHARED_OUT, &hello));
    assert_true(shared_history_put_hello(fixture.shared, SHARED_IN, &hello));
    assert_int_equal(judge_take_shared(fixture.judge), 0); /* the same content: no alert */
    hello.content++;
    hello.facts.highest_offered = 0x0303;
    assert_true(shared_history_put_hello(fixture.shared, SHARED_IN, &hello));
    assert_int_equal(judge_take_shared(fixture.judge), 1);
    assert_int_equal(fixture.alerts, 1);
    assert_string_equal(fixture.kind, "split-view");
    assert_string_equal(fixture.domain, "www.example.com");
    assert_string_equal(fixture.client_port, "40000");
    stop(&fixture);
}

/* A hello that only another sensor saw first is counted here all the same. */
static void test_an_early_twin(void **state) {
    (void)state;
    static struct fixture fixture;
    struct shared_hello hello;
    start(&fixture);
    judge_handshake(fixture.judge, &source, &fixture.scene.handshake);
    assert_true(shared_history_take_hello(fixture.shared, SHARED_OUT, &hello));
    judge_forget(fixture.judge);
    hello.content++;
    assert_true(shared_history_put_hello(fixture.shared, SHARED_IN, &hello));
    judge_handshake(fixture.judge, &source, &fixture.scene.handshake);
    assert_int_equal(fixture.alerts, 1);
    assert_string_equal(fixture.kind, "split-view");
    stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queues_are_bounded),
        cmocka_unit_test(test_words_and_back),
        cmocka_unit_test(test_every_pair_has_room),
        cmocka_unit_test(test_other_words_are_refused),
        cmocka_unit_test(test_hello_words),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_others_know_the_server),
        cmocka_unit_test(test_a_late_twin_raises_an_alert),
        cmocka_unit_test(test_an_early_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
