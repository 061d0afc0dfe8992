/* What the publisher's sink writes into the journal: the cap on names, hostile names, counts that
 * go on after a restart, a full journal live and in a replay. The publisher's thread is not
 * started. */
#define _DEFAULT_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "publisher_state.h"
#include "verdict_scene.h"

enum { CAP = 100, ONE_DAY_S = 86400 };

static char dir[64];
static char path[96];
static struct publisher *publisher;
static uint8_t buffer[JOURNAL_MAX_RECORD];

static void open_publisher(bool is_live) {
    char *error = NULL;
    struct publisher_config config;
    publisher_default_config(&config);
    config.url = "redis://127.0.0.1:1";
    config.sensor = "lab";
    config.state_dir = dir;
    config.journal_bytes = JOURNAL_MIN_BYTES;
    config.domains = CAP;
    config.patience_ms = 50;
    config.is_live = is_live;
    publisher = publisher_new(&config, &error);
    if (publisher == NULL)
        fail_msg("%s", error);
}

static int begin(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/downgrd-sink-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lab.journal", dir);
    return 0;
}

static int end(void **state) {
    (void)state;
    (void)publisher_stop(publisher, 0);
    publisher = NULL;
    (void)unlink(path);
    return rmdir(dir);
}

static void give(const char *domain, uint16_t version, uint64_t time_us) {
    static struct verdict_scene scene;
    const struct sink *sink = publisher_sink(publisher);
    verdict_scene_versions(&scene, domain, version, version);
    scene.scene.handshake.started_us = time_us;
    sink->handshake(sink->context, &scene.verdict);
}

/* Calls visit with each event from a position on. */
static void each_event(uint64_t at, void (*visit)(const struct usage_event *event)) {
    struct journal_record record;
    while (journal_read(publisher->journal, at, buffer, sizeof buffer, &record) == 1) {
        struct usage_event event;
        if (record.kind == JOURNAL_EVENT) {
            assert_true(journal_unpack_event(record.payload, &event));
            visit(&event);
        }
        at = record.next;
    }
}

static unsigned named;
static unsigned others;
static struct usage_event last;
static char last_domain[DOMAIN_SIZE];
static char last_ja4[64];

static void tally(const struct usage_event *event) {
    if (strcmp(event->domain, "_other") == 0)
        others++;
    else
        named++;
    last = *event;
    (void)snprintf(last_domain, sizeof last_domain, "%s", event->domain);
    (void)snprintf(last_ja4, sizeof last_ja4, "%s", event->ja4);
}

static void expect(uint64_t from, unsigned wanted_named, unsigned wanted_others) {
    named = others = 0;
    each_event(from, tally);
    assert_int_equal(named, wanted_named);
    assert_int_equal(others, wanted_others);
}

static void flood(uint64_t time_us, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "x%u.example", i);
        give(name, TLS_VERSION_1_2, time_us);
    }
}

/* A day's names are bounded; the known ones and those that are no names go on. */
static void test_names_are_bounded(void **state) {
    (void)state;
    const uint64_t day_us = UINT64_C(1000000) * ONE_DAY_S;
    open_publisher(false);
    publisher_begin(publisher, "a.pcap", "c1");
    uint64_t at = journal_head(publisher->journal);
    flood(20000 * day_us, 0, CAP + 50);
    expect(at, CAP, 50);
    at = journal_head(publisher->journal);
    flood(20000 * day_us, 0, 10);
    give("_none", TLS_VERSION_1_2, 20000 * day_us);
    give("_invalid", TLS_VERSION_1_2, 20000 * day_us);
    expect(at, 12, 0);
    at = journal_head(publisher->journal);
    flood(20001 * day_us, CAP, CAP + 1); /* the next day */
    expect(at, CAP, 1);
    at = journal_head(publisher->journal);
    publisher_begin(publisher, "b.pcap", "c2"); /* another capture knows nothing of this one */
    flood(20001 * day_us, 5000, CAP + 1);
    expect(at, CAP, 1);
}

/* The longest name there is, and one that would break a key or a line, are only bytes. */
static void test_hostile_names(void **state) {
    (void)state;
    char name[DOMAIN_SIZE];
    open_publisher(false);
    publisher_begin(publisher, "a.pcap", "c1");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    give(name, TLS_VERSION_1_0, 1);
    expect(0, 1, 0);
    assert_string_equal(last_domain, name);
    assert_true(last_ja4[0] != '\0'); /* a legacy client's */
    uint64_t at = journal_head(publisher->journal);
    give("{}\r\n*3\033[31m%s}{", TLS_VERSION_1_3, 1);
    expect(at, 1, 0);
    assert_string_equal(last_domain, "{}\r\n*3\033[31m%s}{");
    assert_string_equal(last_ja4, "");
}

/* A second that a restart divides has one peak; a capture's does not depend on the one before. */
static void test_running_counts(void **state) {
    (void)state;
    open_publisher(true);
    publisher_begin(publisher, "eth0", NULL);
    give("a.example", TLS_VERSION_1_0, 5000000);
    give("a.example", TLS_VERSION_1_0, 5000001);
    give("b.example", TLS_VERSION_1_0, 5000001);
    (void)publisher_stop(publisher, 0);
    open_publisher(true);
    publisher_begin(publisher, "eth0", NULL);
    uint64_t at = journal_head(publisher->journal);
    give("a.example", TLS_VERSION_1_0, 5999999);
    expect(at, 1, 0);
    assert_int_equal(last.running[USAGE_PEAK_PER_SECOND], 3);
    assert_int_equal(last.running[USAGE_PEAK_FULL_PER_SECOND], 3);
    assert_int_equal(last.running[USAGE_PEAK_PER_MINUTE], 3);
    publisher_begin(publisher, "a.pcap", "c1");
    at = journal_head(publisher->journal);
    give("a.example", TLS_VERSION_1_0, 5999999);
    expect(at, 1, 0);
    assert_int_equal(last.running[USAGE_PEAK_PER_SECOND], 1);
}

static struct journal_stats last_stats(uint64_t at) {
    struct journal_stats stats = {0};
    struct journal_record record;
    while (journal_read(publisher->journal, at, buffer, sizeof buffer, &record) == 1) {
        if (record.kind == JOURNAL_STATS)
            assert_true(journal_unpack_stats(record.payload, &stats));
        at = record.next;
    }
    return stats;
}

/* Live the oldest goes, and the loss is in the sensor's figures, once. */
static void test_full_live(void **state) {
    (void)state;
    open_publisher(true);
    publisher_begin(publisher, "eth0", NULL);
    while (journal_fill(publisher->journal).dropped < 1000)
        give("a.example", TLS_VERSION_1_2, 5000000);
    uint64_t dropped = journal_fill(publisher->journal).dropped;
    uint64_t at = journal_head(publisher->journal);
    struct run_stats stats = {.packets = 10, .handshakes = 4, .first_us = 1, .last_us = 9};
    publisher_note_stats(publisher, &stats);
    struct journal_stats told = last_stats(at);
    assert_int_equal(told.dropped, dropped);
    assert_int_equal(told.stats.packets, 10);
    assert_int_equal(told.sources, 1);
    stats.packets = 15;
    stats.last_us = 12;
    at = journal_head(publisher->journal);
    publisher_note_stats(publisher, &stats);
    told = last_stats(at);
    assert_true(told.dropped < 10); /* what the first one itself pushed out */
    assert_int_equal(told.stats.packets, 5);
    assert_int_equal(told.stats.handshakes, 0);
    assert_int_equal(told.stats.last_us, 12);
    assert_int_equal(told.sources, 0);
    assert_false(told.is_end);
}

/* A replay waits, and gives up when nothing is published: nothing that is kept is lost. */
static void test_full_replay(void **state) {
    (void)state;
    open_publisher(false);
    publisher_begin(publisher, "a.pcap", "c1");
    unsigned given = 0;
    while (!publisher->intake.has_failed) {
        give("a.example", TLS_VERSION_1_2, 5000000);
        given++;
    }
    give("a.example", TLS_VERSION_1_2, 5000000);
    expect(0, given - 1, 0);
    assert_int_equal(journal_fill(publisher->journal).dropped, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_hostile_names, begin, end),
        cmocka_unit_test_setup_teardown(test_running_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_full_live, begin, end),
        cmocka_unit_test_setup_teardown(test_full_replay, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
