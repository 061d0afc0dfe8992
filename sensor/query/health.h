/*
 * health.h - what the sensors say of themselves (downgrd:health:{S}:d:DAY), summed per sensor over
 * the days of the query's range.
 *
 * A sensor that does not tell a figure (an older one, or a replay that has no kernel drops) is not
 * the same as one that tells 0: `told` knows.
 */
#ifndef DOWNGRD_HEALTH_H
#define DOWNGRD_HEALTH_H

#include "query.h"

struct redisReply;

enum health_field {
    HEALTH_PACKETS,
    HEALTH_BYTES,
    HEALTH_PACKETS_DROPPED, /* by the kernel, before the sensor saw them */
    HEALTH_INTERFACE_DROPS, /* by the card or its driver, as far as they tell */
    HEALTH_RECORDS_LOST,    /* handshakes that found no room on their way to be judged */
    HEALTH_PACKETS_IGNORED,
    HEALTH_PACKETS_MALFORMED,
    HEALTH_PACKETS_CUT,
    HEALTH_FLOWS,
    HEALTH_FLOWS_EVICTED,
    HEALTH_BUFFERS_EXHAUSTED,
    HEALTH_FRAGMENTS_DROPPED,
    HEALTH_HANDSHAKES,
    HEALTH_HALF_SEEN,
    HEALTH_INCONCLUSIVE,
    HEALTH_HELLO_MALFORMED,
    HEALTH_ALERTS,
    HEALTH_ATTACK_ALERTS,
    HEALTH_ALERTS_FOLDED,
    HEALTH_ALERTS_EXCEPTED,
    HEALTH_ALERTS_LOST,
    HEALTH_CLIENTS_LOST,
    HEALTH_JOURNAL_DROPPED, /* judged, and lost before they were published: the journal was full */
    HEALTH_SOURCES,
    HEALTH_FIELD_COUNT,
};
extern const char *const health_field_names[HEALTH_FIELD_COUNT];

enum { HEALTH_DAY_WORDS = 7, HEALTH_MAX_DAYS = 64 * HEALTH_DAY_WORDS };

struct sensor_health {
    char name[256];
    uint64_t counts[HEALTH_FIELD_COUNT];
    uint64_t told;                   /* bit n: field n was there */
    uint64_t days[HEALTH_DAY_WORDS]; /* bit n: there is health of the range's day n */
};

struct health {
    struct sensor_health *items;
    size_t count;
    size_t room;
    uint64_t first_day; /* days since 1970 of bit 0 */
};

/* 0 or -errno; then asker_message() says why. */
int health_read(const struct query *query, struct health *health);
void health_deinit(struct health *health);

/* Packets that were on the wire and did not reach the sensor. */
uint64_t health_missed(const struct sensor_health *sensor);
/* Handshakes and alerts that were lost after they had been seen. */
uint64_t health_lost(const struct sensor_health *sensor);

/* The sums of all sensors, or of those that are named: `names` NULL is all. */
struct sensor_health health_total(const struct health *health, const char *const *names,
                                  size_t count);

/* Adds a hash of health fields to the counts. */
void health_add(struct sensor_health *sensor, const struct redisReply *reply);

/* Days, from `first_day` (since 1970) on, for which any of the named sensors has health. */
uint64_t health_days_watched(const struct health *health, const char *const *names, size_t count,
                             uint64_t first_day);

#endif
