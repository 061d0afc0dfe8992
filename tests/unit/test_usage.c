/* Usage counters: what each handshake adds, hours, peaks, every cap, grouping, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "usage.h"
#include "verdict_scene.h"

enum { MAX_SEEN = 512 };

static const uint64_t us_per_hour = UINT64_C(3600000000);
static const uint64_t us_per_minute = UINT64_C(60000000);

struct seen {
    size_t count;
    struct usage_bucket buckets[MAX_SEEN];
};

static void see(void *context, const struct usage_bucket *bucket) {
    struct seen *seen = context;
    assert_true(seen->count < MAX_SEEN);
    seen->buckets[seen->count++] = *bucket;
}

static struct usage_meter *meter;

static int make_meter(void **state) {
    (void)state;
    meter = usage_meter_new(false);
    return meter == NULL;
}

static int delete_meter(void **state) {
    (void)state;
    usage_meter_delete(meter);
    return 0;
}

static void add_verdict(struct usage *usage, const struct verdict *verdict) {
    struct usage_event event;
    usage_meter_read(meter, verdict, usage_meter_domain(meter, verdict), &event);
    usage_add(usage, &event);
}

static void add_at(struct usage *usage, struct verdict_scene *scene, uint64_t time_us) {
    scene->scene.handshake.started_us = time_us;
    add_verdict(usage, &scene->verdict);
}

static void set_client(struct verdict_scene *scene, unsigned number) {
    uint8_t *bytes = scene->scene.handshake.client.address.bytes;
    bytes[0] = 10;
    bytes[1] = (uint8_t)(number >> 16U);
    bytes[2] = (uint8_t)(number >> 8U);
    bytes[3] = (uint8_t)number;
}

static void test_names(void **state) {
    (void)state;
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++) {
        assert_non_null(usage_field_names[i]);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(usage_field_names[i], usage_field_names[other]);
    }
    assert_string_equal(usage_field_names[USAGE_TLS_1_0], "tls1.0");
    assert_string_equal(usage_field_names[USAGE_MAX_SSL_2], "max.ssl2");
    assert_string_equal(usage_field_names[USAGE_RESUMED_LEGACY], "resumed_legacy");
}

/* The fields a handshake must raise by one, ended by USAGE_FIELD_COUNT; all others stay 0. */
struct count_case {
    const char *name;
    uint16_t offered;
    uint16_t chosen;
    void (*arrange)(struct verdict_scene *scene);
    enum usage_field fields[12];
};

static void arrange_downgraded(struct verdict_scene *scene) {
    scene->verdict.limiter = LIMITER_DOWNGRADED;
    scene->verdict.rules_hit = 1U << 0U;
}

static void arrange_failed(struct verdict_scene *scene) {
    scene->scene.handshake.outcome = OUTCOME_FAILED;
}

static void arrange_reset(struct verdict_scene *scene) {
    scene->scene.handshake.outcome = OUTCOME_RESET;
}

static void arrange_no_offer(struct verdict_scene *scene) {
    scene->scene.handshake.has &= ~(uint32_t)HANDSHAKE_HAS_OFFER;
    scene->scene.handshake.outcome = OUTCOME_HALF_SEEN;
    scene->verdict.limiter = LIMITER_UNKNOWN;
}

static void arrange_odd(struct verdict_scene *scene) {
    scene->scene.handshake.outcome = OUTCOME_INCONCLUSIVE;
    scene->scene.handshake.offer.server_name = (struct span){0};
    scene->scene.handshake.protocol = HANDSHAKE_QUIC;
    scene->scene.handshake.has |= HANDSHAKE_HAS_RETRY;
    scene->scene.handshake.choice.has_key_share_group = true;
    scene->scene.handshake.choice.key_share_group = 0x11ec;
    scene->scene.handshake.choice.has_pre_shared_key = true;
}

static void arrange_unknown_version(struct verdict_scene *scene) {
    scene->scene.handshake.choice.legacy_version = 0x0999;
    scene->verdict.limiter = LIMITER_UNKNOWN;
    scene->verdict.is_legacy = false;
}

static void arrange_resumed_legacy(struct verdict_scene *scene) {
    scene->scene.handshake.side[SIDE_SERVER].encrypted_packet = 9;
}

static void arrange_sslv2(struct verdict_scene *scene) {
    scene->scene.handshake.offer.legacy_version = TLS_VERSION_SSLV2;
    scene->scene.handshake.has = HANDSHAKE_HAS_OFFER | HANDSHAKE_HAS_SSLV2_CHOICE;
}

/* All rules hit: only those of class attack count. */
static void arrange_all_rules(struct verdict_scene *scene) {
    for (size_t i = 0; i < rules_count; i++)
        if (rules_all[i]->rule_class != RULE_ATTACK)
            scene->verdict.rules_hit |= 1U << i;
}

#define END USAGE_FIELD_COUNT
static const struct count_case count_cases[] = {
    {"1.3", 0x0304, 0x0304, NULL, {USAGE_TLS_1_3, USAGE_MAX_TLS_1_3, USAGE_COMPLETED, END}},
    {"server-limited 1.2",
     0x0304,
     0x0303,
     NULL,
     {USAGE_TLS_1_2, USAGE_MAX_TLS_1_3, USAGE_LIMIT_SERVER, USAGE_COMPLETED, END}},
    {"client-limited 1.2",
     0x0303,
     0x0303,
     NULL,
     {USAGE_TLS_1_2, USAGE_MAX_TLS_1_2, USAGE_LIMIT_CLIENT, USAGE_COMPLETED, END}},
    {"client-limited 1.0",
     0x0301,
     0x0301,
     NULL,
     {USAGE_TLS_1_0, USAGE_MAX_TLS_1_0, USAGE_LIMIT_CLIENT, USAGE_LEGACY_CLIENT, USAGE_COMPLETED,
      END}},
    {"server-limited 1.1",
     0x0303,
     0x0302,
     NULL,
     {USAGE_TLS_1_1, USAGE_MAX_TLS_1_2, USAGE_LIMIT_SERVER, USAGE_LEGACY_SERVER, USAGE_COMPLETED,
      END}},
    {"SSLv3",
     0x0300,
     0x0300,
     NULL,
     {USAGE_SSL_3, USAGE_MAX_SSL_3, USAGE_LIMIT_CLIENT, USAGE_LEGACY_CLIENT, USAGE_COMPLETED, END}},
    {"SSLv2",
     0x0300,
     0x0300,
     arrange_sslv2,
     {USAGE_SSL_2, USAGE_MAX_SSL_2, USAGE_LIMIT_CLIENT, USAGE_LEGACY_CLIENT, USAGE_COMPLETED, END}},
    {"downgraded",
     0x0304,
     0x0302,
     arrange_downgraded,
     {USAGE_TLS_1_1, USAGE_MAX_TLS_1_3, USAGE_DOWNGRADED, USAGE_COMPLETED, USAGE_ALERTS, END}},
    {"failed without an answer", 0x0304, 0, arrange_failed, {USAGE_MAX_TLS_1_3, USAGE_FAILED, END}},
    {"reset without an answer", 0x0304, 0, arrange_reset, {USAGE_MAX_TLS_1_3, USAGE_RESET, END}},
    {"no ClientHello", 0x0304, 0x0303, arrange_no_offer, {USAGE_TLS_1_2, USAGE_HALF_SEEN, END}},
    {"retry, post-quantum, QUIC, resumed, no name",
     0x0304,
     0x0304,
     arrange_odd,
     {USAGE_TLS_1_3, USAGE_MAX_TLS_1_3, USAGE_INCONCLUSIVE, USAGE_HELLO_RETRY, USAGE_PQ, USAGE_QUIC,
      USAGE_NO_SNI, USAGE_RESUMED, END}},
    {"unknown version",
     0x0303,
     0x0303,
     arrange_unknown_version,
     {USAGE_VERSION_OTHER, USAGE_MAX_TLS_1_2, USAGE_COMPLETED, END}},
    {"resumed 1.0",
     0x0301,
     0x0301,
     arrange_resumed_legacy,
     {USAGE_TLS_1_0, USAGE_MAX_TLS_1_0, USAGE_LIMIT_CLIENT, USAGE_LEGACY_CLIENT, USAGE_COMPLETED,
      USAGE_RESUMED, USAGE_RESUMED_LEGACY, END}},
    {"policy findings are no alerts",
     0x0304,
     0x0304,
     arrange_all_rules,
     {USAGE_TLS_1_3, USAGE_MAX_TLS_1_3, USAGE_COMPLETED, END}},
};

static void test_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(count_cases) / sizeof(count_cases[0]); i++) {
        const struct count_case *row = &count_cases[i];
        print_message("%s\n", row->name);
        struct verdict_scene scene;
        verdict_scene_versions(&scene, "example.com", row->offered, row->chosen);
        if (row->arrange)
            row->arrange(&scene);
        uint64_t expected[USAGE_FIELD_COUNT] = {[USAGE_HANDSHAKES] = 1};
        for (size_t at = 0; row->fields[at] != END; at++)
            expected[row->fields[at]] = 1;
        struct usage *usage = usage_new(16);
        assert_non_null(usage);
        add_verdict(usage, &scene.verdict);
        struct seen seen = {0};
        usage_each(usage, see, &seen);
        assert_int_equal(seen.count, 1);
        for (size_t field = 0; field < USAGE_FIELD_COUNT; field++)
            if (seen.buckets[0].counts[field] != expected[field])
                fail_msg("%s: %s is %llu", row->name, usage_field_names[field],
                         (unsigned long long)seen.buckets[0].counts[field]);
        usage_delete(usage);
    }
}

/* Hours, minutes, times; records come in any order. */
static void test_hours_and_peaks(void **state) {
    (void)state;
    struct usage *usage = usage_new(64);
    struct verdict_scene old;
    struct verdict_scene new;
    verdict_scene_versions(&old, "b.example", 0x0301, 0x0301);
    verdict_scene_versions(&new, "b.example", 0x0304, 0x0304);
    new.verdict.application = (struct application){"Google", "Web"};
    const uint64_t hour = 1000;
    const uint64_t base = hour * us_per_hour;
    add_at(usage, &new, base + us_per_hour);
    add_at(usage, &old, base + 5 * us_per_minute);
    add_at(usage, &old, base + 7 * us_per_minute);
    add_at(usage, &old, base + 6 * us_per_minute - 1); /* the same minute as the first */
    add_at(usage, &old, base + 5 * us_per_minute + 7);
    add_at(usage, &new, base + 5 * us_per_minute);
    add_at(usage, &new, base);
    struct seen seen = {0};
    usage_each(usage, see, &seen);
    assert_int_equal(seen.count, 2);
    const struct usage_bucket *first = &seen.buckets[0];
    assert_int_equal(first->hour, hour);
    assert_int_equal(first->counts[USAGE_HANDSHAKES], 6);
    assert_int_equal(first->peaks[USAGE_PEAK_PER_MINUTE], 3);
    assert_int_equal(first->first_us, base);
    assert_int_equal(first->last_us, base + 7 * us_per_minute);
    assert_int_equal(first->last_legacy_us, base + 7 * us_per_minute);
    assert_string_equal(first->application, "Google");
    assert_int_equal(seen.buckets[1].hour, hour + 1);
    assert_int_equal(seen.buckets[1].peaks[USAGE_PEAK_PER_MINUTE], 0);
    assert_int_equal(seen.buckets[1].last_legacy_us, 0);

    struct seen total = {0};
    usage_total(usage, see, &total);
    assert_int_equal(total.count, 1);
    assert_int_equal(total.buckets[0].hour, 0);
    assert_int_equal(total.buckets[0].counts[USAGE_HANDSHAKES], 7);
    assert_int_equal(total.buckets[0].peaks[USAGE_PEAK_PER_MINUTE], 3);
    assert_int_equal(total.buckets[0].first_us, base);
    assert_int_equal(total.buckets[0].last_us, base + us_per_hour);

    usage_forget(usage);
    usage_meter_forget(meter);
    add_at(usage, &old, base + 5 * us_per_minute); /* the minute's count begins anew */
    seen.count = 0;
    usage_each(usage, see, &seen);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.buckets[0].peaks[USAGE_PEAK_PER_MINUTE], 1);
    usage_delete(usage);
}

/* The busiest second of all domains together is no domain's busiest second. */
static void test_peaks_of_all_domains(void **state) {
    (void)state;
    const uint64_t second = UINT64_C(1000000);
    static const char *const names[] = {"a.example", "b.example", "a.example", "c.example"};
    struct usage *usage = usage_new(16);
    struct usage_meter *next = usage_meter_new(false);
    struct verdict_scene old;
    verdict_scene_versions(&old, "a.example", 0x0301, 0x0301);
    usage_meter_forget(meter);
    for (unsigned i = 0; i < 4; i++) {
        struct usage_event event;
        old.scene.handshake.started_us = 2000 * second + i;
        usage_meter_read(i < 3 ? meter : next, &old.verdict, names[i], &event);
        usage_meter_recall(next, &event); /* the last one is read by another, that goes on */
        const struct usage_event of_all = usage_event_of_all(&event);
        usage_add(usage, &event);
        usage_add(usage, &of_all);
    }
    struct seen seen = {0};
    usage_each(usage, see, &seen);
    assert_int_equal(seen.count, 4);
    assert_string_equal(seen.buckets[0].domain, USAGE_DOMAIN_ALL);
    assert_int_equal(seen.buckets[0].counts[USAGE_HANDSHAKES], 4);
    assert_int_equal(seen.buckets[0].peaks[USAGE_PEAK_PER_SECOND], 4);
    assert_int_equal(seen.buckets[0].peaks[USAGE_PEAK_FULL_PER_SECOND], 4);
    assert_int_equal(seen.buckets[1].peaks[USAGE_PEAK_PER_SECOND], 2);
    usage_meter_delete(next);
    usage_delete(usage);
}

/* A second that is divided over two tables, or over two runs, has one peak. */
static void test_peaks_of_parts(void **state) {
    (void)state;
    const uint64_t second = UINT64_C(1000000);
    struct usage *parts[] = {usage_new(16), usage_new(16)};
    struct usage_meter *next = usage_meter_new(false);
    struct verdict_scene old;
    verdict_scene_versions(&old, "b.example", 0x0301, 0x0301);
    usage_meter_forget(meter);
    for (unsigned i = 0; i < 5; i++) {
        struct usage_event event;
        bool is_resumed = i == 1;
        old.scene.handshake.started_us = 1000 * second + i;
        usage_meter_read(i < 3 ? meter : next, &old.verdict, "b.example", &event);
        if (is_resumed) { /* read anew as the meter would have, had it been resumed */
            event.fields |= UINT64_C(1) << USAGE_RESUMED_LEGACY;
            event.running[USAGE_PEAK_FULL_PER_SECOND] = 0;
        }
        usage_add(parts[i < 2 ? 0 : 1], &event);
        if (i < 3)
            usage_meter_recall(next, &event);
    }
    struct seen seen = {0};
    usage_each(parts[0], see, &seen);
    usage_each(parts[1], see, &seen);
    assert_int_equal(seen.buckets[0].peaks[USAGE_PEAK_PER_SECOND], 2);
    assert_int_equal(seen.buckets[1].peaks[USAGE_PEAK_PER_SECOND], 5);
    assert_int_equal(seen.buckets[1].peaks[USAGE_PEAK_PER_MINUTE], 5);
    assert_int_equal(seen.buckets[0].peaks[USAGE_PEAK_FULL_PER_SECOND], 1);
    assert_int_equal(seen.buckets[1].peaks[USAGE_PEAK_FULL_PER_SECOND], 4);
    usage_meter_delete(next);
    usage_delete(parts[0]);
    usage_delete(parts[1]);
}

static uint64_t sum_of(const struct seen *seen, enum usage_field field) {
    uint64_t sum = 0;
    for (size_t i = 0; i < seen->count; i++)
        sum += seen->buckets[i].counts[field];
    return sum;
}

static const struct usage_bucket *find(const struct seen *seen, const char *domain) {
    for (size_t i = 0; i < seen->count; i++)
        if (strcmp(seen->buckets[i].domain, domain) == 0)
            return &seen->buckets[i];
    return NULL;
}

static void assert_sorted(const struct seen *seen) {
    for (size_t i = 1; i < seen->count; i++) {
        const struct usage_bucket *a = &seen->buckets[i - 1];
        const struct usage_bucket *b = &seen->buckets[i];
        int order = strcmp(a->domain, b->domain);
        assert_true(order < 0 || (order == 0 && a->hour < b->hour));
    }
}

/* Past the cap new domains, and new hours of known ones, go to "_other"; known buckets go on. */
static void test_domain_cap(void **state) {
    (void)state;
    enum { CAP = 8, DOMAINS = 40 };
    struct usage *usage = usage_new(CAP);
    for (int pass = 0; pass < 2; pass++) { /* the second after usage_forget() */
        struct verdict_scene scene;
        for (int i = 0; i < DOMAINS; i++) {
            char name[DOMAIN_SIZE];
            snprintf(name, sizeof(name), "host%02d.example", i);
            verdict_scene_versions(&scene, name, 0x0301, 0x0301);
            scene.verdict.application.name = "Google";
            add_at(usage, &scene, us_per_hour);
        }
        verdict_scene_versions(&scene, "host03.example", 0x0301, 0x0301);
        add_at(usage, &scene, us_per_hour);
        add_at(usage, &scene, 9 * us_per_hour);
        struct seen seen = {0};
        usage_each(usage, see, &seen);
        assert_int_equal(seen.count, CAP + 2);
        assert_sorted(&seen);
        assert_int_equal(sum_of(&seen, USAGE_HANDSHAKES), DOMAINS + 2);
        assert_int_equal(find(&seen, "host03.example")->counts[USAGE_HANDSHAKES], 2);
        assert_null(find(&seen, "host08.example"));
        assert_string_equal(seen.buckets[0].domain, "_other");
        assert_int_equal(seen.buckets[0].hour, 1);
        assert_int_equal(seen.buckets[0].counts[USAGE_HANDSHAKES], DOMAINS - CAP);
        assert_string_equal(seen.buckets[0].application, "");
        assert_int_equal(seen.buckets[1].hour, 9);
        usage_forget(usage);
    }
    struct seen none = {0};
    usage_each(usage, see, &none);
    usage_total(usage, see, &none);
    assert_int_equal(none.count, 0);
    usage_delete(usage);
}

/* "_other" has a bounded number of hours too: its latest takes what comes after. Nothing is lost.
 */
static void test_hour_cap(void **state) {
    (void)state;
    enum { HOURS = 1000 };
    struct usage *usage = usage_new(1);
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "a.example", 0x0301, 0x0301);
    for (unsigned i = 0; i < HOURS; i++)
        add_at(usage, &scene, i * us_per_hour);
    struct seen seen = {0};
    usage_each(usage, see, &seen);
    assert_true(seen.count < HOURS);
    assert_sorted(&seen);
    assert_int_equal(sum_of(&seen, USAGE_HANDSHAKES), HOURS);
    const struct usage_bucket *latest = &seen.buckets[seen.count - 2]; /* "a.example" is last */
    assert_int_equal(latest->counts[USAGE_HANDSHAKES], HOURS - (seen.count - 1));
    usage_delete(usage);
}

struct clients {
    size_t count;
    size_t legacy;
    struct usage_client last;
};

static void see_client(void *context, const struct usage_client *client) {
    struct clients *clients = context;
    if (clients->count != 0) {
        int versions = clients->last.ip_version - client->ip_version;
        assert_true(versions < 0 ||
                    (versions == 0 && memcmp(&clients->last.address, &client->address, 16) < 0));
    }
    clients->count++;
    clients->legacy += client->is_legacy;
    clients->last = *client;
}

static void test_clients(void **state) {
    (void)state;
    struct usage *usage = usage_new(64);
    struct verdict_scene new;
    struct verdict_scene old;
    verdict_scene_versions(&new, "a.example", 0x0304, 0x0304);
    verdict_scene_versions(&old, "a.example", 0x0301, 0x0301);
    for (unsigned i = 20; i > 0; i--) {
        set_client(&new, i);
        add_at(usage, &new, i * us_per_hour); /* distinct over hours */
        add_at(usage, &new, (i + 1) * us_per_hour);
    }
    set_client(&old, 7); /* one that came with 1.3 as well */
    add_at(usage, &old, 100 * us_per_hour);
    set_client(&old, 99);
    old.scene.handshake.ip_version = 6;
    add_at(usage, &old, 100 * us_per_hour);
    struct verdict_scene other;
    verdict_scene_versions(&other, "b.example", 0x0304, 0x0304);
    set_client(&other, 7);
    add_verdict(usage, &other.verdict);

    struct clients clients = {0};
    usage_clients(usage, "a.example", see_client, &clients);
    assert_int_equal(clients.count, 21);
    assert_int_equal(clients.legacy, 2);
    assert_int_equal(clients.last.ip_version, 6);
    assert_int_equal(clients.last.last_us, 100 * us_per_hour);
    struct usage_client_counts counts = usage_client_counts(usage, "a.example");
    assert_int_equal(counts.all, 21);
    assert_int_equal(counts.legacy, 2);
    assert_int_equal(counts.lost, 0);
    counts = usage_client_counts(usage, "b.example");
    assert_int_equal(counts.all, 1);
    assert_int_equal(counts.legacy, 0);
    clients = (struct clients){0};
    usage_clients(usage, "b.example", see_client, &clients);
    assert_int_equal(clients.last.handshakes, 1);
    clients = (struct clients){0};
    usage_clients(usage, "c.example", see_client, &clients);
    assert_int_equal(clients.count, 0);
    assert_int_equal(usage_client_counts(usage, "c.example").all, 0);
    usage_forget(usage);
    assert_int_equal(usage_client_counts(usage, "a.example").all, 0);
    usage_delete(usage);
}

/* 16 buckets: room for 64 clients, 16 of one domain, 12 of them without a legacy handshake. */
static void test_client_caps(void **state) {
    (void)state;
    struct usage *usage = usage_new(16);
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "a.example", 0x0304, 0x0304);
    for (unsigned i = 0; i < 30; i++) {
        set_client(&scene, i);
        add_verdict(usage, &scene.verdict);
    }
    struct usage_client_counts counts = usage_client_counts(usage, "a.example");
    assert_int_equal(counts.all, 12);
    assert_int_equal(counts.lost, 18);
    set_client(&scene, 3); /* a known one goes on */
    add_verdict(usage, &scene.verdict);
    assert_int_equal(usage_client_counts(usage, "a.example").lost, 18);
    verdict_scene_versions(&scene, "a.example", 0x0301, 0x0301);
    for (unsigned i = 100; i < 110; i++) {
        set_client(&scene, i);
        add_verdict(usage, &scene.verdict);
    }
    counts = usage_client_counts(usage, "a.example");
    assert_int_equal(counts.all, 16);
    assert_int_equal(counts.legacy, 4);
    assert_int_equal(counts.lost, 24);

    uint64_t all = counts.all;
    for (int domain = 0; domain < 10; domain++) { /* the whole table's cap */
        char name[DOMAIN_SIZE];
        snprintf(name, sizeof(name), "d%d.example", domain);
        verdict_scene_versions(&scene, name, 0x0304, 0x0304);
        for (unsigned i = 0; i < 12; i++) {
            set_client(&scene, i);
            add_verdict(usage, &scene.verdict);
        }
        all += usage_client_counts(usage, name).all;
    }
    assert_int_equal(all, 48);
    verdict_scene_versions(&scene, "late.example", 0x0301, 0x0301);
    add_verdict(usage, &scene.verdict);
    assert_int_equal(usage_client_counts(usage, "late.example").legacy, 1);
    usage_delete(usage);
}

struct group_case {
    const char *domain;
    const char *group;
};

static const struct group_case group_cases[] = {
    {"www.example.com", "example.com"},
    {"example.com", "example.com"},
    {"*.example.com", "example.com"},
    {"a.b.c.example.co.uk", "example.co.uk"},
    {"example.co.uk", "example.co.uk"},
    {"co.uk", "co.uk"}, /* nobody's: stays itself */
    {"com", "com"},
    {"localhost", "localhost"},
    {"me.github.io", "me.github.io"},
    {"host.lan.internal-unknown-tld", "lan.internal-unknown-tld"},
    {"_dmarc.example.com", "example.com"},
    {"_none", "_none"},
    {"_invalid", "_invalid"},
};

static void test_grouping(void **state) {
    (void)state;
    struct usage *usage = usage_new(64);
    usage_meter_delete(meter);
    meter = usage_meter_new(true);
    assert_non_null(meter);
    assert_non_null(usage);
    for (int pass = 0; pass < 2; pass++) { /* looked up, then cached */
        for (size_t i = 0; i < sizeof(group_cases) / sizeof(group_cases[0]); i++) {
            struct verdict_scene scene;
            verdict_scene_versions(&scene, group_cases[i].domain, 0x0304, 0x0304);
            add_verdict(usage, &scene.verdict);
            struct seen seen = {0};
            usage_total(usage, see, &seen);
            assert_int_equal(seen.count, 1);
            assert_string_equal(seen.buckets[0].domain, group_cases[i].group);
            usage_forget(usage);
        }
    }
    usage_delete(usage);
    usage_delete(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_hours_and_peaks),
        cmocka_unit_test(test_domain_cap),
        cmocka_unit_test(test_hour_cap),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_client_caps),
        cmocka_unit_test(test_grouping),
        cmocka_unit_test(test_peaks_of_all_domains),
        cmocka_unit_test(test_peaks_of_parts),
    };
    return cmocka_run_group_tests(tests, make_meter, delete_meter);
}
