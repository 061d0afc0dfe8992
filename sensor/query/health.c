/* health.c - see health.h. */
#include "health.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "redis_keys.h"
#include "reply.h"
#include "usage_sums.h"

enum { HOURS_PER_DAY = 24 };

const char *const health_field_names[HEALTH_FIELD_COUNT] = {
    [HEALTH_PACKETS] = "packets",
    [HEALTH_BYTES] = "bytes",
    [HEALTH_PACKETS_DROPPED] = "packets_dropped",
    [HEALTH_INTERFACE_DROPS] = "interface_drops",
    [HEALTH_RECORDS_LOST] = "records_lost",
    [HEALTH_PACKETS_IGNORED] = "packets_ignored",
    [HEALTH_PACKETS_MALFORMED] = "packets_malformed",
    [HEALTH_PACKETS_CUT] = "packets_cut",
    [HEALTH_FLOWS] = "flows",
    [HEALTH_FLOWS_EVICTED] = "flows_evicted",
    [HEALTH_BUFFERS_EXHAUSTED] = "buffers_exhausted",
    [HEALTH_FRAGMENTS_DROPPED] = "fragments_dropped",
    [HEALTH_HANDSHAKES] = "handshakes",
    [HEALTH_HALF_SEEN] = "half_seen",
    [HEALTH_INCONCLUSIVE] = "inconclusive",
    [HEALTH_HELLO_MALFORMED] = "hello_malformed",
    [HEALTH_ALERTS] = "alerts",
    [HEALTH_ATTACK_ALERTS] = "attack_alerts",
    [HEALTH_ALERTS_FOLDED] = "alerts_folded",
    [HEALTH_ALERTS_EXCEPTED] = "alerts_excepted",
    [HEALTH_ALERTS_LOST] = "alerts_lost",
    [HEALTH_CLIENTS_LOST] = "clients_lost",
    [HEALTH_JOURNAL_DROPPED] = "journal_dropped",
    [HEALTH_SOURCES] = "sources",
};

void health_add(struct sensor_health *sensor, const redisReply *reply) {
    for (size_t field = 0; field < HEALTH_FIELD_COUNT; field++) {
        const redisReply *value = reply_field(reply, health_field_names[field]);
        if (value == NULL)
            continue;
        sensor->counts[field] += reply_number(value);
        sensor->told |= UINT64_C(1) << field;
    }
}

/* NULL when out of memory. */
static struct sensor_health *get_sensor(struct health *health, const char *name) {
    for (size_t i = 0; i < health->count; i++)
        if (strcmp(health->items[i].name, name) == 0)
            return &health->items[i];
    if (health->count == health->room) {
        size_t room = health->room ? health->room * 2 : 8;
        struct sensor_health *grown = realloc(health->items, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        health->items = grown;
        health->room = room;
    }
    struct sensor_health *sensor = &health->items[health->count++];
    memset(sensor, 0, sizeof *sensor);
    (void)snprintf(sensor->name, sizeof sensor->name, "%s", name);
    return sensor;
}

static int take_day(struct health *health, const char *member, const redisReply *reply) {
    uint32_t day = 0;
    const char *name = NULL;
    if (redis_member_read(member, &day, &name) != 0 || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements == 0)
        return 0;
    struct sensor_health *sensor = get_sensor(health, name);
    if (sensor == NULL)
        return -ENOMEM;
    health_add(sensor, reply);
    uint64_t number = redis_hours_of_day(day) / HOURS_PER_DAY;
    if (health->first_day == 0)
        health->first_day = number;
    uint64_t bit = number - health->first_day;
    if (number >= health->first_day && bit < HEALTH_MAX_DAYS)
        sensor->days[bit / 64] |= UINT64_C(1) << bit % 64;
    return 0;
}

/* All days of all sensors in the index (at most REDIS_MAX_BUCKETS). */
static int take_days(const struct query *query, const redisReply *index, struct health *health) {
    struct redis_batch batch = {0};
    for (size_t i = 0; i < index->elements; i++) {
        uint32_t day = 0;
        const char *name = NULL;
        if (index->element[i]->type == REDIS_REPLY_STRING &&
            redis_member_read(index->element[i]->str, &day, &name) == 0)
            redis_batch_command(&batch, "HGETALL", redis_key_health_day(name, day).text, NULL);
        else
            redis_batch_command(&batch, "PING", NULL); /* keeps the numbering */
    }
    int status = asker_exchange(query->asker, &batch);
    for (size_t i = 0; status == 0 && i < batch.reply_count; i++)
        if (index->element[i]->type == REDIS_REPLY_STRING)
            status = take_day(health, index->element[i]->str, batch.replies[i]);
    redis_batch_deinit(&batch);
    return status;
}

int health_read(const struct query *query, struct health *health) {
    struct redis_batch index = {0};
    char begin[16];
    uint64_t begin_us = usage_range_begin_us(query);
    (void)snprintf(begin, sizeof begin, "%u", (unsigned)redis_day_of_us(begin_us));
    redis_batch_command(&index, "ZRANGEBYSCORE", REDIS_KEY_DAYS, begin, "+inf", NULL);
    int status = asker_exchange(query->asker, &index);
    if (status == 0)
        status = asker_judge(query->asker, index.replies[0]);
    if (status == 0 && index.replies[0]->type == REDIS_REPLY_ARRAY)
        status = take_days(query, index.replies[0], health);
    redis_batch_deinit(&index);
    return status;
}

void health_deinit(struct health *health) {
    free(health->items);
    memset(health, 0, sizeof *health);
}

uint64_t health_missed(const struct sensor_health *sensor) {
    return sensor->counts[HEALTH_PACKETS_DROPPED] + sensor->counts[HEALTH_INTERFACE_DROPS];
}

uint64_t health_lost(const struct sensor_health *sensor) {
    return sensor->counts[HEALTH_RECORDS_LOST] + sensor->counts[HEALTH_JOURNAL_DROPPED] +
           sensor->counts[HEALTH_ALERTS_LOST];
}

static bool is_named(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

struct sensor_health health_total(const struct health *health, const char *const *names,
                                  size_t count) {
    struct sensor_health total = {0};
    for (size_t i = 0; i < health->count; i++) {
        const struct sensor_health *sensor = &health->items[i];
        if (names != NULL && !is_named(sensor->name, names, count))
            continue;
        for (size_t field = 0; field < HEALTH_FIELD_COUNT; field++)
            total.counts[field] += sensor->counts[field];
        total.told |= sensor->told;
    }
    return total;
}

uint64_t health_days_watched(const struct health *health, const char *const *names, size_t count,
                             uint64_t first_day) {
    uint64_t days[HEALTH_DAY_WORDS] = {0};
    uint64_t watched = 0;
    for (size_t i = 0; i < health->count; i++)
        for (size_t word = 0;
             is_named(health->items[i].name, names, count) && word < HEALTH_DAY_WORDS; word++)
            days[word] |= health->items[i].days[word];
    uint64_t skipped = first_day > health->first_day ? first_day - health->first_day : 0;
    for (uint64_t bit = skipped; bit < HEALTH_MAX_DAYS; bit++)
        watched += days[bit / 64] >> bit % 64 & 1U;
    return watched;
}
