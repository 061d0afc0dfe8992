/* How a journal is divided: the same batches whenever it is read, also by the next process; killed
 * replays, holes, live sources, and what comes again. */
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

#include "publisher_batches.h"

enum { RING = JOURNAL_MIN_BYTES };

static char dir[64];
static char path[96];
static struct journal *journal;
static struct batch_reader reader;

static void open_all(void) {
    char message[JOURNAL_MESSAGE_SIZE];
    journal = journal_open(dir, "lab", RING, message);
    assert_non_null(journal);
    assert_string_equal(message, "");
    assert_true(batch_reader_init(&reader, journal));
}

static void close_all(void) {
    batch_reader_deinit(&reader);
    journal_close(journal);
}

static int begin(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/downgrd-batches-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lab.journal", dir);
    open_all();
    return 0;
}

static int end(void **state) {
    (void)state;
    close_all();
    (void)unlink(path);
    return rmdir(dir);
}

static void write_source(const char *id, bool is_live) {
    uint8_t bytes[256];
    struct journal_source source;
    memset(&source, 0, sizeof source);
    source.is_live = is_live;
    (void)snprintf(source.id, sizeof source.id, "%s", id);
    struct span span = journal_pack_source(&source, bytes, sizeof bytes);
    assert_int_equal(journal_append(journal, JOURNAL_SOURCE, span, is_live), 0);
}

static void write_events(unsigned count) {
    uint8_t bytes[JOURNAL_EVENT_MAX];
    const struct usage_event event = {
        .fields = 1, .ip_version = 4, .domain = "a.example", .application = "", .ja4 = ""};
    struct span span = journal_pack_event(&event, bytes, sizeof bytes);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(journal_append(journal, JOURNAL_EVENT, span, true), 0);
}

static void write_alert(void) {
    assert_int_equal(
        journal_append(journal, JOURNAL_ALERT, (struct span){(const uint8_t *)"a", 1}, true), 0);
}

static void write_end(void) {
    static struct journal_stats stats;
    uint8_t bytes[sizeof stats];
    memset(&stats, 0, sizeof stats);
    stats.is_end = true;
    struct span span = journal_pack_stats(&stats, bytes, sizeof bytes);
    assert_int_equal(journal_append(journal, JOURNAL_STATS, span, true), 0);
}

static uint64_t handshakes;
static uint64_t handshakes_of_all;

static void sum_up(void *context, const struct usage_bucket *bucket) {
    bool is_of_all = strcmp(bucket->domain, USAGE_DOMAIN_ALL) == 0;
    (void)context;
    *(is_of_all ? &handshakes_of_all : &handshakes) += bucket->counts[USAGE_HANDSHAKES];
}

/* The next batch is of that source, number and so many events. */
static void take(const char *source, uint64_t number, uint64_t events) {
    struct journal_batch batch;
    struct usage *usage = usage_new(64);
    assert_true(batch_reader_get(&reader, false, &batch));
    assert_string_equal(batch.source, source);
    assert_int_equal(batch.number, number);
    handshakes = 0;
    handshakes_of_all = 0;
    assert_true(batch_reader_add_up(&reader, &batch, usage));
    usage_total(usage, sum_up, NULL);
    assert_int_equal(handshakes, events);
    assert_int_equal(handshakes_of_all, events);
    batch_reader_done(&reader);
    usage_delete(usage);
}

static void take_nothing(void) {
    struct journal_batch batch;
    assert_false(batch_reader_get(&reader, false, &batch));
}

static void test_a_capture(void **state) {
    (void)state;
    write_source("c1", false);
    write_events(BATCH_EVENTS - 1);
    write_alert();
    take_nothing(); /* wherever the writer is, a batch ends at the same handshake */
    write_events(1);
    write_alert();
    write_events(10);
    take("c1", 1, BATCH_EVENTS);
    take_nothing();
    write_events(BATCH_EVENTS);
    take("c1", 2, BATCH_EVENTS);
    write_end();
    take("c1", 3, 10);
    take_nothing();
    assert_int_equal(journal_fill(journal).unpublished, 0);
}

static void test_a_killed_replay_is_repeated(void **state) {
    (void)state;
    write_source("c1", false);
    write_events(BATCH_EVENTS + 100);
    take("c1", 1, BATCH_EVENTS);
    take_nothing();
    close_all();
    open_all();
    take_nothing();
    assert_int_equal(batch_reader_rest(&reader).events, 100);
    write_source("c1", false);
    write_events(BATCH_EVENTS + 200);
    write_end();
    take("c1", 1, BATCH_EVENTS);
    take("c1", 2, 200);
    take_nothing();
}

/* Killed behind the end, and before it was published. */
static void test_the_next_process_goes_on(void **state) {
    (void)state;
    write_source("c1", false);
    write_events(BATCH_EVENTS + 5);
    write_end();
    take("c1", 1, BATCH_EVENTS);
    struct journal_batch batch;
    assert_true(batch_reader_get(&reader, false, &batch)); /* frozen, perhaps sent */
    close_all();
    open_all();
    write_source("c2", false);
    write_events(3);
    write_end();
    take("c1", 2, 5);
    take("c2", 1, 3);
    take_nothing();
}

static void test_a_live_source_goes_on(void **state) {
    (void)state;
    write_source("j", true);
    write_events(5);
    take("j", 1, 5);
    take_nothing();
    write_events(6);
    struct journal_batch batch;
    assert_true(batch_reader_get(&reader, false, &batch));
    write_events(7); /* behind the frozen one */
    close_all();
    open_all();
    write_source("j", true);
    write_events(BATCH_EVENTS + 1);
    take("j", 2, 6);
    take("j", 3, 7);
    take("j", 4, BATCH_EVENTS);
    take("j", 5, 1);
    take_nothing();
    write_source("c", false); /* a capture in between */
    write_events(2);
    write_end();
    write_source("j", true);
    write_alert();
    take("c", 1, 2);
    take("j", 6, 0);
    take_nothing();
}

static void test_all_comes_again(void **state) {
    (void)state;
    write_source("j", true);
    for (unsigned i = 1; i <= 3; i++) {
        write_events(i);
        take("j", i, i);
    }
    write_events(4);
    assert_int_equal(batch_reader_rewind(&reader), 3);
    close_all();
    open_all();
    assert_int_equal(batch_reader_rewind(&reader), 3);
    for (unsigned i = 1; i <= 4; i++)
        take("j", i, i);
    take_nothing();
}

static uint64_t alerts;

static void count_alerts(void *context, const struct journal_record *record) {
    (void)context;
    alerts += record->kind == JOURNAL_ALERT;
}

/* A frozen batch whose begin was overwritten cannot be sent as it was; its alerts can. */
static void test_overwritten(void **state) {
    (void)state;
    struct journal_batch batch;
    struct usage *usage = usage_new(64);
    write_source("j", true);
    write_events(1000);
    write_alert();
    assert_true(batch_reader_get(&reader, false, &batch));
    while (journal_tail(journal) <= batch.from)
        write_events(1);
    assert_false(batch_reader_add_up(&reader, &batch, usage));
    alerts = 0;
    batch_reader_each(&reader, &batch, count_alerts, NULL);
    assert_int_equal(alerts, 1);
    batch_reader_done(&reader);
    while (journal_tail(journal) < batch.to + 1000)
        write_events(100);
    assert_true(batch_reader_get(&reader, false, &batch)); /* goes on at the tail */
    assert_int_equal(batch.number, 2);
    assert_true(batch_reader_add_up(&reader, &batch, usage));
    assert_int_equal(batch_reader_rewind(&reader), 0);
    usage_delete(usage);
}

/* A capture of which some was dropped by a later live run: its rest would make other batches. */
static void test_a_capture_with_a_hole(void **state) {
    (void)state;
    write_source("c", false);
    write_events(BATCH_EVENTS * 2);
    take("c", 1, BATCH_EVENTS);
    while (journal_tail(journal) < journal_head(journal) / 2 + RING / 2)
        write_events(100);
    take_nothing();
    write_source("c2", false);
    write_events(1);
    write_end();
    take("c2", 1, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_capture, begin, end),
        cmocka_unit_test_setup_teardown(test_a_killed_replay_is_repeated, begin, end),
        cmocka_unit_test_setup_teardown(test_the_next_process_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(test_a_live_source_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(test_all_comes_again, begin, end),
        cmocka_unit_test_setup_teardown(test_overwritten, begin, end),
        cmocka_unit_test_setup_teardown(test_a_capture_with_a_hole, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
