/*
 * usage.c - counts each event into its domain's hour.
 *
 * usage_add() runs once per handshake between the packets, so all memory is there from the start:
 * one look-up finds the domain, one the hour (mostly the one used last), one the client, and the
 * rest is additions. Everything is counted by the time the handshake began, so the order in which
 * events arrive does not matter. usage_table.h tells how it lies in memory.
 */
#include "usage_table.h"

#include "judge.h"
#include "table_memory.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

enum { CLIENTS_PER_ROW = 4 };

static const uint64_t us_per_hour = 3600000000U;

const char *const usage_field_names[USAGE_FIELD_COUNT] = {
    [USAGE_HANDSHAKES] = "handshakes",
    [USAGE_TLS_1_3] = "tls1.3",
    [USAGE_TLS_1_2] = "tls1.2",
    [USAGE_TLS_1_1] = "tls1.1",
    [USAGE_TLS_1_0] = "tls1.0",
    [USAGE_SSL_3] = "ssl3",
    [USAGE_SSL_2] = "ssl2",
    [USAGE_VERSION_OTHER] = "version_other",
    [USAGE_MAX_TLS_1_3] = "max.tls1.3",
    [USAGE_MAX_TLS_1_2] = "max.tls1.2",
    [USAGE_MAX_TLS_1_1] = "max.tls1.1",
    [USAGE_MAX_TLS_1_0] = "max.tls1.0",
    [USAGE_MAX_SSL_3] = "max.ssl3",
    [USAGE_MAX_SSL_2] = "max.ssl2",
    [USAGE_LIMIT_CLIENT] = "limit.client",
    [USAGE_LIMIT_SERVER] = "limit.server",
    [USAGE_LEGACY_CLIENT] = "legacy.client",
    [USAGE_LEGACY_SERVER] = "legacy.server",
    [USAGE_DOWNGRADED] = "downgraded",
    [USAGE_COMPLETED] = "completed",
    [USAGE_FAILED] = "failed",
    [USAGE_RESET] = "reset",
    [USAGE_HALF_SEEN] = "half_seen",
    [USAGE_INCONCLUSIVE] = "inconclusive",
    [USAGE_RESUMED] = "resumed",
    [USAGE_RESUMED_LEGACY] = "resumed_legacy",
    [USAGE_HELLO_RETRY] = "hello_retry",
    [USAGE_PQ] = "pq",
    [USAGE_QUIC] = "quic",
    [USAGE_NO_SNI] = "no_sni",
    [USAGE_ALERTS] = "alerts",
};

const char *const usage_peak_names[USAGE_PEAK_COUNT] = {
    [USAGE_PEAK_PER_MINUTE] = "peak_legacy_per_min",
    [USAGE_PEAK_PER_SECOND] = "peak_legacy_per_s",
    [USAGE_PEAK_FULL_PER_SECOND] = "peak_legacy_full_per_s",
};

static bool allocate(struct usage *usage) {
    size_t rows = usage->max_rows + USAGE_OTHER_ROWS;
    size_t domains = usage->max_rows + 1;
    usage->domains = table_memory_new(domains, sizeof(*usage->domains));
    usage->rows = table_memory_new(rows, sizeof(*usage->rows));
    usage->clients = table_memory_new(usage->max_clients, sizeof(*usage->clients));
    usage->sorted_rows = calloc(rows, sizeof(const struct usage_row *));
    usage->sorted_domains = calloc(domains, sizeof(const struct usage_domain *));
    usage->sorted_clients = calloc(usage->max_clients, sizeof(const struct client_row *));
    return usage->domains && usage->rows && usage->clients && usage->sorted_rows &&
           usage->sorted_domains && usage->sorted_clients &&
           usage_index_init(&usage->domain_index, domains) &&
           usage_index_init(&usage->row_index, rows) &&
           usage_index_init(&usage->client_index, usage->max_clients);
}

/* Known ones count as well: early in a boot there may be no others, and only flood resistance is
 * lost. */
static void set_seeds(uint64_t seeds[USAGE_SEEDS]) {
    for (size_t i = 0; i < USAGE_SEEDS; i++)
        seeds[i] = (i + 1) * 0x9e3779b97f4a7c15U;
    uint64_t random[USAGE_SEEDS];
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) == (ssize_t)sizeof(random))
        memcpy(seeds, random, sizeof(random));
}

struct usage *usage_new(size_t max_buckets) {
    assert(max_buckets > 0 && max_buckets <= UINT32_MAX / 16);
    struct usage *usage = calloc(1, sizeof(*usage));
    if (!usage)
        return NULL;
    usage->max_rows = max_buckets;
    usage->max_clients = max_buckets * CLIENTS_PER_ROW;
    set_seeds(usage->seeds);
    if (!allocate(usage)) {
        usage_delete(usage);
        return NULL;
    }
    usage_forget(usage);
    return usage;
}

void usage_delete(struct usage *usage) {
    if (!usage)
        return;
    size_t rows = usage->max_rows + USAGE_OTHER_ROWS;
    table_memory_delete(usage->domains, usage->max_rows + 1, sizeof(*usage->domains));
    table_memory_delete(usage->rows, rows, sizeof(*usage->rows));
    table_memory_delete(usage->clients, usage->max_clients, sizeof(*usage->clients));
    free(usage->sorted_rows);
    free(usage->sorted_domains);
    free(usage->sorted_clients);
    usage_index_deinit(&usage->domain_index);
    usage_index_deinit(&usage->row_index);
    usage_index_deinit(&usage->client_index);
    free(usage);
}

void usage_forget(struct usage *usage) {
    usage_clients_forget(usage);
    usage_table_forget(usage);
}

static void note_times(struct usage_row *row, const struct usage_event *event) {
    if (row->counts[USAGE_HANDSHAKES] == 1 || event->started_us < row->first_us)
        row->first_us = event->started_us;
    if (event->started_us > row->last_us)
        row->last_us = event->started_us;
    if (event->is_legacy && event->started_us > row->last_legacy_us)
        row->last_legacy_us = event->started_us;
    for (size_t i = 0; i < USAGE_PEAK_COUNT; i++)
        if (event->running[i] > row->peaks[i])
            row->peaks[i] = event->running[i];
}

void usage_expect(const struct usage *usage, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    usage_domain_expect(usage, verdict->domain.hash);
    (void)usage_client_expect(usage, verdict->domain.hash, &handshake->client.address,
                              handshake->ip_version);
}

void usage_add(struct usage *usage, const struct usage_event *event) {
    uint64_t hash = event->domain_hash != 0 ? event->domain_hash : domain_hash(event->domain);
    size_t client = usage_client_expect(usage, hash, &event->client, event->ip_version);
    struct usage_row *row =
        usage_row_get(usage, event->domain, hash, event->started_us / us_per_hour);
    struct usage_domain *domain = row->domain;
    if (domain == &usage->domains[0])
        client = usage_client_expect(usage, 0, &event->client, event->ip_version);
    usage_client_expect_row(usage, client);
    for (uint64_t fields = event->fields; fields != 0; fields &= fields - 1)
        row->counts[__builtin_ctzll(fields)]++;
    row->counts[USAGE_ALERTS] += event->attacks;
    note_times(row, event);
    if (domain->application[0] == '\0' && domain != &usage->domains[0])
        memcpy(domain->application, event->application,
               strnlen(event->application, APPLICATION_SIZE - 1));
    usage_clients_add(usage, domain, client, event);
}

static int compare_domains(const void *left, const void *right) {
    const struct usage_domain *a = *(const struct usage_domain *const *)left;
    const struct usage_domain *b = *(const struct usage_domain *const *)right;
    return strcmp(a->name, b->name);
}

static int compare_rows(const void *left, const void *right) {
    const struct usage_row *a = *(const struct usage_row *const *)left;
    const struct usage_row *b = *(const struct usage_row *const *)right;
    int order = a->domain == b->domain ? 0 : strcmp(a->domain->name, b->domain->name);
    if (order == 0 && a->hour != b->hour)
        order = a->hour < b->hour ? -1 : 1;
    return order;
}

/* Adds a row to a bucket whose handshakes are still 0 before the first. */
static void bucket_add(struct usage_bucket *bucket, const struct usage_row *row) {
    bool is_first = bucket->counts[USAGE_HANDSHAKES] == 0;
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        bucket->counts[i] += row->counts[i];
    for (size_t i = 0; i < USAGE_PEAK_COUNT; i++)
        if (row->peaks[i] > bucket->peaks[i])
            bucket->peaks[i] = row->peaks[i];
    if (is_first || row->first_us < bucket->first_us)
        bucket->first_us = row->first_us;
    if (row->last_us > bucket->last_us)
        bucket->last_us = row->last_us;
    if (row->last_legacy_us > bucket->last_legacy_us)
        bucket->last_legacy_us = row->last_legacy_us;
}

static struct usage_bucket bucket_of(const struct usage_domain *domain, uint64_t hour) {
    return (struct usage_bucket){
        .domain = domain->name, .application = domain->application, .hour = hour};
}

void usage_each(const struct usage *usage,
                void (*visit)(void *context, const struct usage_bucket *bucket), void *context) {
    const struct usage_row **sorted = usage->sorted_rows;
    size_t count = 0;
    for (size_t i = 0; i < usage->row_count; i++)
        sorted[count++] = &usage->rows[i];
    for (size_t i = 0; i < usage->other_row_count; i++)
        sorted[count++] = &usage->rows[usage->max_rows + i];
    qsort(sorted, count, sizeof(const struct usage_row *), compare_rows);
    for (size_t i = 0; i < count; i++) {
        struct usage_bucket bucket = bucket_of(sorted[i]->domain, sorted[i]->hour);
        bucket_add(&bucket, sorted[i]);
        visit(context, &bucket);
    }
}

void usage_total(const struct usage *usage,
                 void (*visit)(void *context, const struct usage_bucket *bucket), void *context) {
    const struct usage_domain **sorted = usage->sorted_domains;
    size_t count = 0;
    for (size_t i = 0; i < usage->domain_count; i++)
        if (usage->domains[i].rows)
            sorted[count++] = &usage->domains[i];
    qsort(sorted, count, sizeof(const struct usage_domain *), compare_domains);
    for (size_t i = 0; i < count; i++) {
        struct usage_bucket bucket = bucket_of(sorted[i], 0);
        for (const struct usage_row *row = sorted[i]->rows; row; row = row->next)
            bucket_add(&bucket, row);
        visit(context, &bucket);
    }
}
