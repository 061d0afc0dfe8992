/* redis_publication.c - alerts, health, and sending (redis_publication.h). */
#include "redis_publication.h"

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <string.h>

#include "redis_scripts.h"

void publication_begin(struct publication *publication, const char *source, uint64_t number) {
    (void)snprintf(publication->source, sizeof publication->source, "%s", source);
    publication->number = number;
    publication->status = 0;
    publication->refused = 0;
    publication->note_count = 0;
    publication->hour_count = 0;
    redis_servers_clear(publication->servers);
}

/* ---- sending ---- */

void publication_raise_score(struct publication *publication, const char *key, uint64_t score,
                             const char *member) {
    struct redis_batch *batch = redis_servers_batch(publication->servers, key);
    redis_batch_begin(batch, "ZADD");
    redis_batch_add_text(batch, key);
    redis_batch_add_text(batch, "GT");
    redis_batch_add_number(batch, score);
    redis_batch_add_text(batch, member);
    redis_batch_end(batch);
}

void publication_trim(struct publication *publication, const char *key, uint64_t count) {
    struct redis_batch *batch = redis_servers_batch(publication->servers, key);
    redis_batch_begin(batch, "ZREMRANGEBYRANK");
    redis_batch_add_text(batch, key);
    redis_batch_add_number(batch, 0);
    redis_batch_add_negative(batch, count + 1);
    redis_batch_end(batch);
}

void publication_expire(struct publication *publication, const char *key, uint64_t seconds) {
    struct redis_batch *batch = redis_servers_batch(publication->servers, key);
    redis_batch_begin(batch, "EXPIRE");
    redis_batch_add_text(batch, key);
    redis_batch_add_number(batch, seconds);
    redis_batch_end(batch);
}

static void note_refusal(void *context, int status, const char *message) {
    struct publication *publication = context;
    if (publication->refused++ > 0)
        return;
    publication->refusal_status = status;
    (void)snprintf(publication->refusal, sizeof publication->refusal, "%s", message);
}

void publication_flush(struct publication *publication) {
    struct redis_servers *servers = publication->servers;
    if (publication->status == 0)
        publication->status = redis_servers_exchange(servers);
    if (publication->status == 0) {
        publication->on_progress(publication->context);
        redis_servers_each_error(servers, note_refusal, publication);
        publication_rank(publication);
    } else {
        redis_servers_clear(servers);
    }
    publication->note_count = 0;
}

void publication_flush_when_full(struct publication *publication) {
    const struct redis_servers *servers = publication->servers;
    if (redis_servers_count(servers) >= PUBLICATION_COMMANDS ||
        publication->note_count >= PUBLICATION_COMMANDS ||
        redis_servers_bytes(servers) >= PUBLICATION_BYTES)
        publication_flush(publication);
}

int publication_end(struct publication *publication) {
    while (publication->status == 0 && redis_servers_count(publication->servers) > 0)
        publication_flush(publication);
    redis_servers_clear(publication->servers);
    return publication->status;
}

/* ---- alerts ---- */

void publication_add_alert(struct publication *publication, const struct journal_alert *alert) {
    if (publication->status != 0)
        return;
    struct span id = alert->fields[JOURNAL_ALERT_ID];
    struct redis_batch *batch =
        redis_servers_begin_script(publication->servers, REDIS_KEY_ALERTS, SCRIPT_ALERT, 2);
    redis_batch_add_text(batch, REDIS_KEY_SEEN);
    redis_batch_add(batch, id.data, id.size);
    redis_batch_add_number(batch, publication->alerts_maxlen);
    redis_batch_add_number(batch, REDIS_SEEN_PER_ALERT * publication->alerts_maxlen);
    for (size_t i = 0; i < JOURNAL_ALERT_FIELD_COUNT; i++) {
        redis_batch_add_text(batch, journal_alert_names[i]);
        redis_batch_add(batch, alert->fields[i].data, alert->fields[i].size);
    }
    redis_batch_end(batch);
    publication_flush_when_full(publication);
}

/* ---- health ---- */

static const struct {
    const char *name;
    size_t offset; /* in struct journal_stats */
} health_fields[] = {
#define STATS(field)                                                                               \
    { #field, offsetof(struct journal_stats, stats.field) }
    STATS(packets),
    STATS(bytes),
    STATS(packets_dropped),
    STATS(packets_stopped),
    STATS(bytes_stopped),
    STATS(interface_drops),
    STATS(interface_downs),
    STATS(records_lost),
    STATS(lines_lost),
    STATS(packets_ignored),
    STATS(packets_malformed),
    STATS(packets_cut),
    STATS(flows),
    STATS(flows_evicted),
    STATS(handshakes),
    STATS(half_seen),
    STATS(inconclusive),
    STATS(hello_malformed),
    STATS(buffers_exhausted),
    STATS(fragments_dropped),
    STATS(alerts),
    STATS(alerts_folded),
    STATS(attack_alerts),
    STATS(alerts_excepted),
#undef STATS
    {"alerts_lost", offsetof(struct journal_stats, alerts_lost)},
    {"journal_dropped", offsetof(struct journal_stats, dropped)},
    {"sources", offsetof(struct journal_stats, sources)},
};

static void add_health_script(struct publication *publication, const struct journal_stats *stats,
                              uint64_t position) {
    const char *sensor = publication->sensor;
    uint32_t day = redis_day_of_us(stats->stats.last_us);
    struct redis_key applied = redis_key_health_applied(sensor, day);
    size_t count = sizeof health_fields / sizeof health_fields[0];
    struct redis_batch *batch =
        redis_servers_begin_script(publication->servers, applied.text, SCRIPT_HEALTH, 3);
    redis_batch_add_text(batch, redis_key_health_day(sensor, day).text);
    redis_batch_add_text(batch, redis_key_health(sensor).text);
    redis_batch_add_text(batch, publication->source);
    redis_batch_add_number(batch, position);
    redis_batch_add_number(batch, REDIS_DAY_TTL_S);
    redis_batch_add_number(batch, stats->is_live ? 1 : 0);
    redis_batch_add_number(batch, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)stats + health_fields[i].offset, sizeof value);
        redis_batch_add_text(batch, health_fields[i].name);
        redis_batch_add_number(batch, value);
    }
    redis_batch_add_text(batch, "source");
    redis_batch_add_text(batch, stats->source);
    redis_batch_add_text(batch, REDIS_FIELD_FIRST);
    redis_batch_add_number(batch, stats->stats.first_us);
    redis_batch_add_text(batch, REDIS_FIELD_LAST);
    redis_batch_add_number(batch, stats->stats.last_us);
    redis_batch_end(batch);
}

void publication_add_stats(struct publication *publication, const struct journal_stats *stats,
                           uint64_t position) {
    const char *sensor = publication->sensor;
    uint32_t day = redis_day_of_us(stats->stats.last_us);
    if (publication->status != 0)
        return;
    publication_raise_score(publication, REDIS_KEY_SENSORS, stats->stats.last_us, sensor);
    publication_raise_score(publication, REDIS_KEY_DAYS, day, redis_member_of(day, sensor).text);
    publication_trim(publication, REDIS_KEY_DAYS, REDIS_MAX_BUCKETS);
    publication_trim(publication, REDIS_KEY_SENSORS, REDIS_MAX_SENSORS);
    add_health_script(publication, stats, position);
    publication_flush_when_full(publication);
}
