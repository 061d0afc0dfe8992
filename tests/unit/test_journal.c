/* The journal: what is written is read, also by the next process; the ring's end, a full ring, and
 * files that cannot be believed. */
#define _DEFAULT_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_records.h"

enum { RING = JOURNAL_MIN_BYTES, RECORD_ROOM = JOURNAL_MAX_RECORD };

static char dir[64];
static char path[96];
static char broken[112];
static char message[JOURNAL_MESSAGE_SIZE];
static uint8_t buffer[RECORD_ROOM];

static int make_dir(void **state) {
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/downgrd-journal-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lab.journal", dir);
    (void)snprintf(broken, sizeof broken, "%s.broken", path);
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(broken);
    return rmdir(dir);
}

static struct journal *open_lab(void) {
    struct journal *journal = journal_open(dir, "lab", RING, message);
    if (journal == NULL)
        fail_msg("%s", message);
    return journal;
}

/* Record n: its number, and so many bytes more that every size and place comes. */
static struct span record_of(uint32_t n, uint8_t *to) {
    size_t size = sizeof n + n * 37 % 5000;
    memset(to, (int)n, size);
    memcpy(to, &n, sizeof n);
    return (struct span){to, size};
}

static int append(struct journal *journal, uint32_t n, bool may_drop) {
    static uint8_t bytes[8192];
    return journal_append(journal, JOURNAL_EVENT, record_of(n, bytes), may_drop);
}

/* Reads from `at` to the head; all must be record after record. Gives how many there were. */
static uint32_t read_all(struct journal *journal, uint64_t at, uint32_t first) {
    static uint8_t bytes[8192];
    struct journal_record record;
    uint32_t n = first;
    int status = 0;
    while ((status = journal_read(journal, at, buffer, sizeof buffer, &record)) == 1) {
        struct span wanted = record_of(n++, bytes);
        assert_int_equal(record.kind, JOURNAL_EVENT);
        assert_int_equal(record.payload.size, wanted.size);
        assert_memory_equal(record.payload.data, wanted.data, wanted.size);
        assert_true(record.next > record.position);
        at = record.next;
    }
    assert_int_equal(status, 0);
    return n - first;
}

static uint32_t number_at(struct journal *journal, uint64_t at) {
    struct journal_record record;
    uint32_t n = 0;
    assert_int_equal(journal_read(journal, at, buffer, sizeof buffer, &record), 1);
    memcpy(&n, record.payload.data, sizeof n);
    return n;
}

static void test_another_process_goes_on(void **state) {
    (void)state;
    char id[JOURNAL_ID_SIZE];
    struct journal *journal = open_lab();
    assert_string_equal(message, "");
    (void)snprintf(id, sizeof id, "%s", journal_id(journal));
    for (uint32_t n = 0; n < 100; n++)
        assert_int_equal(append(journal, n, false), 0);
    journal_close(journal);
    journal = open_lab();
    assert_string_equal(journal_id(journal), id);
    assert_int_equal(read_all(journal, journal_tail(journal), 0), 100);
    assert_true(journal_fill(journal).unpublished > 0);
    assert_int_equal(journal_fill(journal).waiting, 100);
    journal_close(journal);
}

static void test_full(void **state) {
    (void)state;
    struct journal *journal = open_lab();
    uint32_t n = 0;
    while (append(journal, n, false) == 0)
        n++;
    assert_int_equal(append(journal, n, false), -ENOSPC);
    assert_int_equal(read_all(journal, journal_tail(journal), 0), n);
    assert_int_equal(journal_fill(journal).dropped, 0);
    struct journal_record record;
    for (uint32_t more = 0; more < 20000; more++) /* several times around */
        assert_int_equal(append(journal, n++, true), 0);
    uint32_t first = number_at(journal, journal_tail(journal));
    assert_int_equal(journal_fill(journal).dropped, first);
    assert_int_equal(journal_fill(journal).waiting, n - first);
    assert_int_equal(read_all(journal, journal_tail(journal), first), n - first);
    assert_int_equal(journal_read(journal, 0, buffer, sizeof buffer, &record), -ESTALE);
    journal_close(journal);
    journal = open_lab();
    assert_string_equal(message, "");
    assert_int_equal(read_all(journal, journal_tail(journal), first), n - first);
    journal_close(journal);
}

/* What is published makes room without being counted. */
static void test_published_is_overwritten(void **state) {
    (void)state;
    struct journal *journal = open_lab();
    uint32_t n = 0;
    while (append(journal, n, false) == 0)
        n++;
    struct journal_batch batch = {
        .to = journal_head(journal), .number = 7, .is_live = true, .source = "here"};
    journal_batch_freeze(journal, &batch);
    assert_int_equal(journal_live_number(journal), 7);
    assert_int_equal(append(journal, n, false), -ENOSPC);
    journal_acknowledge(journal, 1);
    for (uint32_t more = 0; more < 1000; more++)
        assert_int_equal(append(journal, n + more, false), 0);
    assert_int_equal(journal_fill(journal).dropped, 0);
    assert_int_equal(journal_fill(journal).waiting, 1000);
    journal_close(journal);
    journal = open_lab();
    assert_string_equal(message, "");
    struct journal_batch_range range = journal_batches(journal);
    assert_int_equal(range.first, 0);
    assert_int_equal(range.acknowledged, 1);
    assert_int_equal(range.end, 1);
    struct journal_batch again;
    journal_batch_get(journal, 0, &again);
    assert_int_equal(again.number, 7);
    assert_int_equal(again.to, batch.to);
    assert_string_equal(again.source, "here");
    journal_close(journal);
}

static void test_batches_are_bounded(void **state) {
    (void)state;
    struct journal *journal = open_lab();
    for (uint32_t n = 0; n < 20000; n++) {
        uint64_t from = journal_head(journal);
        assert_int_equal(journal_append(journal, JOURNAL_EVENT, (struct span){buffer, 8}, true), 0);
        struct journal_batch batch = {.from = from, .to = journal_head(journal), .number = n + 1};
        journal_batch_freeze(journal, &batch);
        journal_acknowledge(journal, n + 1);
    }
    struct journal_batch_range range = journal_batches(journal);
    assert_int_equal(range.end, 20000);
    assert_int_equal(range.first, 20000 - 16384);
    struct journal_batch first;
    journal_batch_get(journal, range.first, &first);
    assert_int_equal(first.number, range.first + 1);
    journal_close(journal);
    journal_close(open_lab());
    assert_string_equal(message, "");
}

static void test_one_process(void **state) {
    (void)state;
    struct journal *journal = open_lab();
    assert_null(journal_open(dir, "lab", RING, message));
    assert_non_null(strstr(message, "another process has this journal"));
    assert_non_null(strstr(message, "--sensor"));
    journal_close(journal);
    journal_close(open_lab());
}

static void change_byte(off_t at) {
    int file = open(path, O_RDWR);
    uint8_t byte = 0;
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 1U;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* Whatever byte is changed where something is: it is noticed, or it does not matter. */
static void test_damaged_is_set_aside(void **state) {
    (void)state;
    struct stat status;
    journal_close(open_lab());
    assert_int_equal(stat(path, &status), 0);
    off_t ring = status.st_size - RING;
    const off_t places[] = {0,    9,    17,       30,        60,        130,       192,        4096,
                            4100, ring, ring + 9, ring + 17, ring + 21, ring + 26, ring + 4000};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct journal *journal = open_lab();
        for (uint32_t n = 0; n < 3000; n++)
            assert_int_equal(append(journal, n, true), 0);
        struct journal_batch batch = {
            .from = journal_tail(journal), .to = journal_head(journal), .number = 1};
        journal_batch_freeze(journal, &batch);
        journal_close(journal);
        change_byte(places[i]);
        journal = open_lab();
        if (strstr(message, broken) == NULL)
            fail_msg("byte %lld: '%s'", (long long)places[i], message);
        assert_int_equal(journal_head(journal), 0);
        assert_int_equal(unlink(broken), 0);
        journal_close(journal);
        assert_int_equal(unlink(path), 0);
    }
}

/* Whatever the file becomes while it is open: nothing is read that the ring does not have. */
static void test_changed_while_open(void **state) {
    (void)state;
    struct stat status;
    struct journal_record record;
    struct journal *journal = open_lab();
    for (uint32_t n = 0; n < 10; n++)
        assert_int_equal(append(journal, n, false), 0);
    assert_int_equal(stat(path, &status), 0);
    off_t ring = status.st_size - RING;
    int file = open(path, O_RDWR);
    const uint8_t ones[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    for (off_t at = 0; at < 32; at += 4) { /* over each part of the first frame */
        uint8_t before[4];
        assert_int_equal(pread(file, before, sizeof before, ring + at), sizeof before);
        assert_int_equal(pwrite(file, ones, sizeof before, ring + at), sizeof before);
        int result = journal_read(journal, 0, buffer, sizeof buffer, &record);
        assert_true(result == 1 || result == -EBADMSG);
        assert_int_equal(pwrite(file, before, sizeof before, ring + at), sizeof before);
    }
    assert_int_equal(journal_read(journal, 8, buffer, sizeof buffer, &record), -EBADMSG);
    close(file);
    journal_close(journal);
}

static void test_foreign_is_set_aside(void **state) {
    (void)state;
    struct stat status;
    FILE *file = fopen(path, "w");
    (void)fputs("my diary", file);
    (void)fclose(file);
    journal_close(open_lab());
    assert_non_null(strstr(message, "it is no journal of downgrd"));
    assert_int_equal(stat(broken, &status), 0);
    assert_int_equal(status.st_size, 8);
    char other[96];
    (void)snprintf(other, sizeof other, "%s/other.journal", dir);
    assert_int_equal(rename(path, other), 0);
    struct journal *journal = journal_open(dir, "other", RING, message);
    assert_non_null(strstr(message, "it is another sensor's"));
    journal_close(journal);
    (void)unlink(other);
    (void)snprintf(other, sizeof other, "%s/other.journal.broken", dir);
    assert_int_equal(unlink(other), 0);
}

static void test_size_changes_when_empty(void **state) {
    (void)state;
    struct journal *journal = open_lab();
    assert_int_equal(append(journal, 1, false), 0);
    journal_close(journal);
    journal = journal_open(dir, "lab", 2 * RING, message);
    assert_int_equal(journal_fill(journal).bytes, RING);
    journal_pass_over(journal, journal_head(journal));
    journal_close(journal);
    journal = journal_open(dir, "lab", 2 * RING, message);
    assert_int_equal(journal_fill(journal).bytes, 2 * RING);
    assert_string_equal(message, "");
    journal_close(journal);
}

static void test_no_place(void **state) {
    (void)state;
    assert_null(journal_open("/proc/nowhere", "lab", RING, message));
    assert_non_null(strstr(message, "--state DIR"));
}

static void test_events_survive(void **state) {
    (void)state;
    uint8_t packed[JOURNAL_EVENT_MAX];
    char domain[DOMAIN_SIZE];
    memset(domain, 'd', sizeof domain - 1);
    domain[sizeof domain - 1] = '\0';
    const struct usage_event event = {
        .fields = 1U << USAGE_HANDSHAKES | 1U << USAGE_TLS_1_0,
        .attacks = 3,
        .ip_version = 6,
        .is_legacy = true,
        .negotiated = TLS_RANK_1_0,
        .client.bytes = {1, 2, 3},
        .started_us = 12345678,
        .running = {1, 2, 3},
        .running_of_all = {4, 5, 6},
        .domain = domain,
        .application = "Google",
        .ja4 = "t10d230600_44099cda8a52_195413a0cc0f",
    };
    struct span span = journal_pack_event(&event, packed, sizeof packed);
    struct usage_event back;
    assert_true(journal_unpack_event(span, &back));
    assert_string_equal(back.domain, domain);
    assert_string_equal(back.application, "Google");
    assert_string_equal(back.ja4, event.ja4);
    assert_int_equal(back.fields, event.fields);
    assert_int_equal(back.attacks, 3);
    assert_int_equal(back.running[2], 3);
    assert_int_equal(back.running_of_all[2], 6);
    assert_memory_equal(&back.client, &event.client, sizeof back.client);
    for (size_t size = 0; size < span.size; size++)
        assert_false(journal_unpack_event((struct span){packed, size}, &back));
    for (size_t size = 0; size < span.size; size++)
        assert_null(journal_pack_event(&event, buffer, size).data);
}

static void test_alerts_survive(void **state) {
    (void)state;
    struct journal_alert alert;
    struct journal_alert back;
    uint8_t packed[512];
    for (size_t i = 0; i < JOURNAL_ALERT_FIELD_COUNT; i++)
        alert.fields[i] = (struct span){(const uint8_t *)"a\0b\r\n{}", i % 7};
    struct span span = journal_pack_alert(&alert, packed, sizeof packed);
    assert_true(journal_unpack_alert(span, &back));
    for (size_t i = 0; i < JOURNAL_ALERT_FIELD_COUNT; i++) {
        assert_int_equal(back.fields[i].size, i % 7);
        assert_memory_equal(back.fields[i].data, "a\0b\r\n{}", i % 7);
    }
    for (size_t size = 0; size < span.size; size++)
        assert_false(journal_unpack_alert((struct span){packed, size}, &back));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_process_goes_on, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_full, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_published_is_overwritten, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_batches_are_bounded, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_one_process, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_damaged_is_set_aside, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_changed_while_open, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_foreign_is_set_aside, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_size_changes_when_empty, make_dir, remove_dir),
        cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_events_survive),
        cmocka_unit_test(test_alerts_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
