/*
 * usage_meter.c - reads a verdict into what it adds to the counters.
 *
 * Peaks cannot be summed up later from parts: a second may lie in two batches, or in two runs. So
 * each legacy handshake is given its number within its second and minute right here, from a table
 * of the latest ones, and whoever sums up takes the highest.
 */
#include "usage_table.h"

#include "judge.h"
#include "lru_table.h"
#include "siphash.h"

#include <stdlib.h>

enum { METER_SLOTS = 65536 };

static const uint64_t us_per_second = 1000000U;
static const uint64_t us_per_minute = 60000000U;

struct meter_counts {
    uint32_t legacy;
    uint32_t full;
};

struct usage_meter {
    struct usage_group *group; /* NULL: names stay as they are */
    struct lru_table table;
    struct meter_counts *counts; /* by the table's slots */
    uint64_t all_hash;           /* of USAGE_DOMAIN_ALL */
};

struct usage_meter *usage_meter_new(bool group) {
    struct usage_meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return NULL;
    meter->all_hash = domain_hash(USAGE_DOMAIN_ALL);
    if (group)
        meter->group = usage_group_new();
    if (lru_table_init(&meter->table, METER_SLOTS))
        meter->counts = calloc(lru_table_slots(&meter->table), sizeof(*meter->counts));
    if (!meter->counts || (group && !meter->group)) {
        usage_meter_delete(meter);
        return NULL;
    }
    return meter;
}

void usage_meter_delete(struct usage_meter *meter) {
    if (!meter)
        return;
    usage_group_delete(meter->group);
    lru_table_deinit(&meter->table);
    free(meter->counts);
    free(meter);
}

void usage_meter_forget(struct usage_meter *meter) {
    lru_table_clear(&meter->table);
}

const char *usage_meter_domain(struct usage_meter *meter, const struct verdict *verdict) {
    const char *name = verdict->domain.name;
    return meter->group ? usage_group_name(meter->group, name) : name;
}

static void set(struct usage_event *event, enum usage_field field, bool value) {
    event->fields |= (uint64_t)value << (unsigned)field;
}

/* The field of a version of this rank in a run that begins with TLS 1.3's: USAGE_TLS_1_3 or
 * USAGE_MAX_TLS_1_3. */
static enum usage_field version_field(enum usage_field run, enum tls_rank rank) {
    return run + (enum usage_field)(TLS_RANK_1_3 - rank);
}

static void count_versions(struct usage_event *event, const struct handshake *handshake) {
    enum tls_rank offered = handshake_highest_offered(handshake);
    if (offered != TLS_RANK_UNKNOWN)
        set(event, version_field(USAGE_MAX_TLS_1_3, offered), true);
    if (!(handshake->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)))
        return;
    enum tls_rank negotiated = handshake_negotiated(handshake);
    bool is_known = negotiated != TLS_RANK_UNKNOWN;
    set(event, is_known ? version_field(USAGE_TLS_1_3, negotiated) : USAGE_VERSION_OTHER, true);
}

static void count_limiter(struct usage_event *event, const struct verdict *verdict) {
    switch (verdict->limiter) {
    case LIMITER_CLIENT:
        set(event, USAGE_LIMIT_CLIENT, true);
        set(event, USAGE_LEGACY_CLIENT, verdict->is_legacy);
        break;
    case LIMITER_SERVER:
        set(event, USAGE_LIMIT_SERVER, true);
        set(event, USAGE_LEGACY_SERVER, verdict->is_legacy);
        break;
    case LIMITER_DOWNGRADED:
        set(event, USAGE_DOWNGRADED, true);
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

static void count_facts(struct usage_event *event, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    const struct client_hello *offer = &handshake->offer;
    set(event, USAGE_HANDSHAKES, true);
    set(event, USAGE_COMPLETED + (enum usage_field)handshake->outcome, true);
    if (handshake_is_resumed(handshake)) {
        set(event, USAGE_RESUMED, true);
        set(event, USAGE_RESUMED_LEGACY, verdict->is_legacy);
    }
    set(event, USAGE_HELLO_RETRY, (handshake->has & HANDSHAKE_HAS_RETRY) != 0);
    set(event, USAGE_PQ, tls_group_is_post_quantum(handshake_group(handshake)));
    set(event, USAGE_QUIC, handshake->protocol == HANDSHAKE_QUIC);
    set(event, USAGE_NO_SNI,
        (handshake->has & HANDSHAKE_HAS_OFFER) && offer->server_name.size == 0);
    event->attacks = count_attacks(verdict->rules_hit);
}

/* The running counts of the domain's span of time, one more than they were. */
static struct meter_counts count_span(struct usage_meter *meter, uint64_t domain,
                                      uint64_t length_us, const struct usage_event *event) {
    uint64_t hash = hash_join(hash_join(domain, length_us), event->started_us / length_us);
    bool is_new = false;
    size_t slot = lru_table_touch(&meter->table, hash, &is_new);
    struct meter_counts *counts = &meter->counts[slot];
    if (is_new)
        *counts = (struct meter_counts){0};
    counts->legacy++;
    counts->full += !(event->fields >> USAGE_RESUMED_LEGACY & 1U);
    return *counts;
}

static void count_running(struct usage_meter *meter, uint64_t domain,
                          const struct usage_event *event, uint32_t running[USAGE_PEAK_COUNT]) {
    struct meter_counts minute = count_span(meter, domain, us_per_minute, event);
    struct meter_counts second = count_span(meter, domain, us_per_second, event);
    running[USAGE_PEAK_PER_MINUTE] = minute.legacy;
    running[USAGE_PEAK_PER_SECOND] = second.legacy;
    running[USAGE_PEAK_FULL_PER_SECOND] =
        event->fields >> USAGE_RESUMED_LEGACY & 1U ? 0 : second.full;
}

void usage_meter_recall(struct usage_meter *meter, const struct usage_event *event) {
    if (!event->is_legacy)
        return;
    uint32_t running[USAGE_PEAK_COUNT];
    count_running(meter, domain_hash(event->domain), event, running);
    count_running(meter, meter->all_hash, event, running);
}

struct usage_event usage_event_of_all(const struct usage_event *event) {
    struct usage_event of_all = *event;
    of_all.domain = USAGE_DOMAIN_ALL;
    of_all.domain_hash = 0;
    of_all.application = "";
    memcpy(of_all.running, event->running_of_all, sizeof of_all.running);
    return of_all;
}

void usage_meter_read(struct usage_meter *meter, const struct verdict *verdict, const char *domain,
                      struct usage_event *event) {
    const struct handshake *handshake = verdict->handshake;
    *event = (struct usage_event){
        .ip_version = handshake->ip_version,
        .is_legacy = verdict->is_legacy,
        .negotiated = handshake_negotiated(handshake),
        .client = handshake->client.address,
        .started_us = handshake->started_us,
        .domain = domain,
        .domain_hash = domain == verdict->domain.name ? verdict->domain.hash : 0,
        .application = verdict->application.name,
        .ja4 = "",
    };
    count_facts(event, verdict);
    count_versions(event, handshake);
    count_limiter(event, verdict);
    if (!verdict->is_legacy)
        return;
    uint64_t hash = event->domain_hash != 0 ? event->domain_hash : domain_hash(domain);
    count_running(meter, hash, event, event->running);
    count_running(meter, meter->all_hash, event, event->running_of_all);
}
