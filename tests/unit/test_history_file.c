/*
 * test_history_file.c - what the judge learned survives a restart, fades with time, and is never
 * believed when it is damaged.
 */
#include "classify.h"
#include "judge.h"
#include "scene.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const uint16_t modern_suites[] = {0x1301, 0xc02f, 0xc014, 0x002f, 0};
static const uint16_t lower_suites[] = {0xc02f, 0xc014, 0x002f, 0};
static const uint16_t modern_versions[] = {0x0304, 0x0303, 0};
static const uint16_t modern_groups[] = {29, 0};
static const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};
static const uint64_t second_us = 1000000;

enum { HANDSHAKES = 30, SMALL_TABLE = 64 };

/* In the place of nDPI's. */
struct application classify_domain(struct classify *classify, const char *domain) {
    (void)classify;
    (void)domain;
    return (struct application){.name = "", .category = ""};
}

struct fixture {
    char dir[64];
    char path[PATH_MAX];
    uint32_t rules_hit; /* of the last handshake */
    struct sink sink;
    const struct sink *sinks[1];
    struct judge *judge;
    struct scene scene;
};

static void take(void *context, const struct verdict *verdict) {
    struct fixture *fixture = context;
    fixture->rules_hit = verdict->rules_hit;
}

static void start(struct fixture *fixture, size_t hellos) {
    struct judge_config config;
    judge_default_config(&config);
    config.attempts = config.servers = config.folds = SMALL_TABLE;
    config.hellos = hellos;
    fixture->sink = (struct sink){.context = fixture, .handshake = take};
    fixture->sinks[0] = &fixture->sink;
    fixture->judge = judge_new(&config, NULL, fixture->sinks, 1);
    assert_non_null(fixture->judge);
}

static void restart(struct fixture *fixture) {
    char message[HISTORY_MESSAGE_SIZE];
    assert_int_equal(judge_save(fixture->judge, fixture->path, true), 0);
    judge_delete(fixture->judge);
    start(fixture, 0);
    assert_int_equal(judge_load(fixture->judge, fixture->path, message), 0);
    assert_string_equal(message, "");
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->dir, sizeof fixture->dir, "history-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/a.history", fixture->dir);
    scene_init(&fixture->scene);
    start(fixture, 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    char broken[PATH_MAX + 8];
    snprintf(broken, sizeof broken, "%s.broken", fixture->path);
    judge_delete(fixture->judge);
    (void)unlink(broken);
    (void)unlink(fixture->path);
    assert_int_equal(rmdir(fixture->dir), 0); /* and nothing else was left there */
    free(fixture);
    return 0;
}

static void offer(struct fixture *fixture, bool is_modern) {
    scene_offer(&fixture->scene,
                (struct client_spec){.suites = is_modern ? modern_suites : lower_suites,
                                     .versions = is_modern ? modern_versions : NULL,
                                     .groups = modern_groups,
                                     .shares = is_modern ? modern_groups : NULL,
                                     .name = "www.example.com"});
}

static void judge_at(struct fixture *fixture, uint64_t seconds) {
    struct handshake *handshake = &fixture->scene.handshake;
    handshake->started_us = seconds * second_us;
    handshake->ended_us = handshake->started_us + second_us / 10;
    handshake->client.port++;
    handshake->flow_id++;
    judge_handshake(fixture->judge, &source, handshake);
}

static void answer(struct fixture *fixture, bool is_modern) {
    offer(fixture, true);
    scene_answer(&fixture->scene,
                 is_modern ? (struct server_spec){.selected = 0x0304, .suite = 0x1301, .group = 29}
                           : (struct server_spec){.suite = 0xc02f});
    fixture->scene.handshake.outcome = OUTCOME_COMPLETED;
}

static bool has_hit(const struct fixture *fixture, const char *kind) {
    for (size_t i = 0; i < rules_count; i++)
        if (strcmp(rules_all[i]->kind, kind) == 0)
            return (fixture->rules_hit & (1U << i)) != 0;
    fail_msg("no rule %s", kind);
    return false;
}

static void learn(struct fixture *fixture, uint64_t from_s) {
    answer(fixture, true);
    for (uint64_t i = 0; i < HANDSHAKES; i++)
        judge_at(fixture, from_s + i);
}

static void test_a_server_is_known_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    learn(fixture, 1000);
    restart(fixture);
    answer(fixture, false);
    judge_at(fixture, 2000);
    assert_true(has_hit(fixture, "server-regression"));
}

static void test_a_dance_goes_on_over_a_restart(void **state) {
    struct fixture *fixture = *state;
    offer(fixture, true);
    fixture->scene.handshake.side[SIDE_SERVER].reset_packet = 5;
    fixture->scene.handshake.outcome = OUTCOME_RESET;
    judge_at(fixture, 1000);
    restart(fixture);
    scene_init(&fixture->scene);
    offer(fixture, false);
    scene_answer(&fixture->scene, (struct server_spec){.suite = 0xc02f});
    judge_at(fixture, 1002);
    assert_true(has_hit(fixture, "fallback-dance"));
}

/* Two hours later the attempt is no one's business, and is not in the file. */
static void test_old_attempts_are_left_out(void **state) {
    struct fixture *fixture = *state;
    struct stat alone;
    struct stat later;
    offer(fixture, true);
    fixture->scene.handshake.outcome = OUTCOME_RESET;
    judge_at(fixture, 1000);
    assert_int_equal(judge_save(fixture->judge, fixture->path, false), 0);
    assert_int_equal(stat(fixture->path, &alone), 0);
    fixture->scene.handshake.client.address.bytes[3] = 77;
    judge_at(fixture, 1000 + 7200);
    assert_int_equal(judge_save(fixture->judge, fixture->path, false), 0);
    assert_int_equal(stat(fixture->path, &later), 0);
    assert_int_equal(later.st_size, alone.st_size);
}

/* A server that retires a version is known by its past for some weeks, not for good. */
static void test_knowledge_fades(void **state) {
    struct fixture *fixture = *state;
    const uint64_t week_s = HISTORY_FADE_US / 1000000;
    learn(fixture, 1000);
    answer(fixture, false);
    judge_at(fixture, 1000 + week_s - 10);
    assert_true(has_hit(fixture, "server-regression"));
    restart(fixture);
    judge_at(fixture, 1000 + week_s + 10); /* half of what was known is too little */
    assert_false(has_hit(fixture, "server-regression"));
}

static void test_no_file_is_no_error(void **state) {
    struct fixture *fixture = *state;
    char message[HISTORY_MESSAGE_SIZE];
    assert_int_equal(judge_load(fixture->judge, fixture->path, message), 0);
    assert_string_equal(message, "");
}

static void test_a_place_that_cannot_be_written(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(judge_save(fixture->judge, "no-such-dir/a.history", true), -ENOENT);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, size, file);
    fclose(file);
    return count;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void demand_refused(struct fixture *fixture, const char *name, size_t at) {
    char message[HISTORY_MESSAGE_SIZE];
    int status = judge_load(fixture->judge, fixture->path, message);
    if (status != -EBADMSG || strstr(message, ".broken") == NULL)
        fail_msg("%s at %zu: %d '%s'", name, at, status, message);
    if (access(fixture->path, F_OK) == 0)
        fail_msg("%s at %zu: it was not set aside", name, at);
}

/* Every prefix, and every byte changed: refused as a whole, nothing of it is known. */
static void test_damage_is_not_believed(void **state) {
    struct fixture *fixture = *state;
    static uint8_t good[1 << 16];
    learn(fixture, 1000);
    assert_int_equal(judge_save(fixture->judge, fixture->path, true), 0);
    size_t size = read_file(fixture->path, good, sizeof good);
    assert_true(size > 100 && size < sizeof good);
    judge_forget(fixture->judge);
    for (size_t at = 0; at < size; at++) {
        write_file(fixture->path, good, at);
        demand_refused(fixture, "cut", at);
        good[at] ^= 0x21;
        write_file(fixture->path, good, size);
        demand_refused(fixture, "changed", at);
        good[at] ^= 0x21;
    }
    answer(fixture, false);
    judge_at(fixture, 2000);
    assert_false(has_hit(fixture, "server-regression"));
    write_file(fixture->path, good, size);
    char message[HISTORY_MESSAGE_SIZE];
    assert_int_equal(judge_load(fixture->judge, fixture->path, message), 0);
    judge_at(fixture, 2001);
    assert_true(has_hit(fixture, "server-regression"));
}

static void test_what_is_no_file(void **state) {
    struct fixture *fixture = *state;
    char message[HISTORY_MESSAGE_SIZE];
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_int_not_equal(judge_load(fixture->judge, fixture->path, message), 0);
    assert_non_null(strstr(message, "name another directory"));
    assert_int_equal(rmdir(fixture->path), 0);
}

/* A run with several taps and one with a single one read each other's files. */
static void test_with_and_without_hellos(void **state) {
    struct fixture *fixture = *state;
    char message[HISTORY_MESSAGE_SIZE];
    judge_delete(fixture->judge);
    start(fixture, SMALL_TABLE);
    learn(fixture, 1000);
    restart(fixture);
    answer(fixture, false);
    judge_at(fixture, 2000);
    assert_true(has_hit(fixture, "server-regression"));
    assert_int_equal(judge_save(fixture->judge, fixture->path, false), 0);
    judge_delete(fixture->judge);
    start(fixture, SMALL_TABLE);
    assert_int_equal(judge_load(fixture->judge, fixture->path, message), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_server_is_known_after_a_restart),
        TEST(test_a_dance_goes_on_over_a_restart),
        TEST(test_old_attempts_are_left_out),
        TEST(test_knowledge_fades),
        TEST(test_no_file_is_no_error),
        TEST(test_a_place_that_cannot_be_written),
        TEST(test_damage_is_not_believed),
        TEST(test_what_is_no_file),
        TEST(test_with_and_without_hellos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
