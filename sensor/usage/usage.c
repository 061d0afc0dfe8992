/*
 * usage.c - counts each handshake into its domain's hour.
 *
 * usage_add() runs once per handshake between the packets, so all memory is there from the start:
 * one look-up finds the domain, one the hour (mostly the one used last), one the client, and the
 * rest is additions. Everything is counted by the time the handshake began, so the order in which
 * records arrive does not matter. usage_table.h tells how it lies in memory.
 */
#include "usage_table.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

enum { CLIENTS_PER_ROW = 4 };

static const uint64_t us_per_hour = 3600000000U;
static const uint64_t us_per_minute = 60000000U;

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

static bool allocate(struct usage *usage) {
    size_t rows = usage->max_rows + USAGE_OTHER_ROWS;
    size_t domains = usage->max_rows + 1;
    usage->domains = calloc(domains, sizeof(*usage->domains));
    usage->rows = calloc(rows, sizeof(*usage->rows));
    usage->clients = calloc(usage->max_clients, sizeof(*usage->clients));
    usage->legacy_minutes = calloc(rows, sizeof(*usage->legacy_minutes));
    usage->sorted_rows = calloc(rows, sizeof(const struct usage_row *));
    usage->sorted_domains = calloc(domains, sizeof(const struct usage_domain *));
    usage->sorted_clients = calloc(usage->max_clients, sizeof(const struct client_row *));
    return usage->domains && usage->rows && usage->clients && usage->legacy_minutes &&
           usage->sorted_rows && usage->sorted_domains && usage->sorted_clients &&
           usage_index_init(&usage->domain_index, domains) &&
           usage_index_init(&usage->row_index, rows) &&
           usage_index_init(&usage->client_index, usage->max_clients);
}

struct usage *usage_new(size_t max_buckets, bool group) {
    assert(max_buckets > 0 && max_buckets <= UINT32_MAX / 16);
    struct usage *usage = calloc(1, sizeof(*usage));
    if (!usage)
        return NULL;
    usage->max_rows = max_buckets;
    usage->max_clients = max_buckets * CLIENTS_PER_ROW;
    if (getrandom(&usage->seed, sizeof(usage->seed), GRND_NONBLOCK) < 0)
        usage->seed =
            0; /* early in a boot: a known seed counts as well, only flood resistance is lost */
    if (group)
        usage->group = usage_group_new();
    if (!allocate(usage) || (group && !usage->group)) {
        usage_delete(usage);
        return NULL;
    }
    usage_forget(usage);
    return usage;
}

void usage_delete(struct usage *usage) {
    if (!usage)
        return;
    usage_group_delete(usage->group);
    free(usage->domains);
    free(usage->rows);
    free(usage->clients);
    free(usage->legacy_minutes);
    free(usage->sorted_rows);
    free(usage->sorted_domains);
    free(usage->sorted_clients);
    free(usage->domain_index.slots);
    free(usage->row_index.slots);
    free(usage->client_index.slots);
    free(usage);
}

void usage_forget(struct usage *usage) {
    usage_clients_forget(usage);
    usage_table_forget(usage);
}

/* The field of a version of this rank in a run that begins with TLS 1.3's: USAGE_TLS_1_3 or
 * USAGE_MAX_TLS_1_3. */
static enum usage_field version_field(enum usage_field run, enum tls_rank rank) {
    return run + (enum usage_field)(TLS_RANK_1_3 - rank);
}

static void count_versions(uint32_t *counts, const struct handshake *handshake) {
    enum tls_rank offered = handshake_highest_offered(handshake);
    if (offered != TLS_RANK_UNKNOWN)
        counts[version_field(USAGE_MAX_TLS_1_3, offered)]++;
    if (!(handshake->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)))
        return;
    enum tls_rank negotiated = handshake_negotiated(handshake);
    bool is_known = negotiated != TLS_RANK_UNKNOWN;
    counts[is_known ? version_field(USAGE_TLS_1_3, negotiated) : USAGE_VERSION_OTHER]++;
}

static void count_limiter(uint32_t *counts, const struct verdict *verdict) {
    switch (verdict->limiter) {
    case LIMITER_CLIENT:
        counts[USAGE_LIMIT_CLIENT]++;
        counts[USAGE_LEGACY_CLIENT] += verdict->is_legacy;
        break;
    case LIMITER_SERVER:
        counts[USAGE_LIMIT_SERVER]++;
        counts[USAGE_LEGACY_SERVER] += verdict->is_legacy;
        break;
    case LIMITER_DOWNGRADED:
        counts[USAGE_DOWNGRADED]++;
        break;
    case LIMITER_NONE:
    case LIMITER_UNKNOWN:
        break;
    }
}

static uint32_t count_attacks(uint32_t rules_hit) {
    uint32_t attacks = 0;
    for (size_t i = 0; rules_hit != 0 && i < rules_count; i++, rules_hit >>= 1U)
        if ((rules_hit & 1U) && rules_all[i]->rule_class == RULE_ATTACK)
            attacks++;
    return attacks;
}

static void count_facts(uint32_t *counts, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    const struct client_hello *offer = &handshake->offer;
    counts[USAGE_HANDSHAKES]++;
    counts[USAGE_COMPLETED + (enum usage_field)handshake->outcome]++;
    if (handshake_is_resumed(handshake)) {
        counts[USAGE_RESUMED]++;
        counts[USAGE_RESUMED_LEGACY] += verdict->is_legacy;
    }
    counts[USAGE_HELLO_RETRY] += (handshake->has & HANDSHAKE_HAS_RETRY) != 0;
    counts[USAGE_PQ] += tls_group_is_post_quantum(handshake_group(handshake));
    counts[USAGE_QUIC] += handshake->protocol == HANDSHAKE_QUIC;
    counts[USAGE_NO_SNI] += (handshake->has & HANDSHAKE_HAS_OFFER) && offer->server_name.size == 0;
    counts[USAGE_ALERTS] += count_attacks(verdict->rules_hit);
}

static void note_times(struct usage *usage, struct usage_row *row, const struct verdict *verdict) {
    uint64_t time_us = verdict->handshake->started_us;
    if (row->counts[USAGE_HANDSHAKES] == 1 || time_us < row->first_us)
        row->first_us = time_us;
    if (time_us > row->last_us)
        row->last_us = time_us;
    if (!verdict->is_legacy)
        return;
    if (time_us > row->last_legacy_us)
        row->last_legacy_us = time_us;
    size_t minute = (size_t)(time_us / us_per_minute % USAGE_MINUTES);
    uint32_t count = ++usage->legacy_minutes[row - usage->rows][minute];
    if (count > row->peak_legacy_per_min)
        row->peak_legacy_per_min = count;
}

void usage_add(struct usage *usage, const struct verdict *verdict) {
    const char *name = verdict->domain.name;
    if (usage->group)
        name = usage_group_name(usage->group, name);
    struct usage_row *row =
        usage_row_get(usage, name, verdict->handshake->started_us / us_per_hour);
    count_facts(row->counts, verdict);
    count_versions(row->counts, verdict->handshake);
    count_limiter(row->counts, verdict);
    note_times(usage, row, verdict);
    struct usage_domain *domain = row->domain;
    const char *application = verdict->application.name;
    if (domain->application[0] == '\0' && domain != &usage->domains[0])
        memcpy(domain->application, application, strnlen(application, APPLICATION_SIZE - 1));
    usage_clients_add(usage, domain, verdict);
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
    if (row->peak_legacy_per_min > bucket->peak_legacy_per_min)
        bucket->peak_legacy_per_min = row->peak_legacy_per_min;
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
