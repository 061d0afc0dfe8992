/* sensor_list.h - the known sensors and what each said last (downgrd:health:{S}). */
#ifndef DOWNGRD_SENSOR_LIST_H
#define DOWNGRD_SENSOR_LIST_H

#include "health.h"

struct sensor_state {
    char name[256];
    char source[256];             /* what it read last: a capture's name, an interface */
    struct sensor_health last;    /* of the last source alone */
    uint64_t last_seen_us;        /* packet time */
    uint64_t published_us;        /* Redis's clock */
    bool has_lag;                 /* the rest is told by sensors with a journal that are live */
    uint64_t lag_us;              /* age of the oldest record that was not published yet */
    uint64_t journal_bytes;       /* in use */
    uint64_t journal_unpublished; /* records */
    uint64_t alive_us;            /* the sensor's clock when it said this */
};

struct sensor_list {
    struct sensor_state *items; /* the one that was active last first */
    size_t count;
};

/* 0 or -errno. */
int sensor_list_read(const struct query *query, struct sensor_list *list);
void sensor_list_deinit(struct sensor_list *list);

/* The sensor's sums over the days of `health`; NULL when there are none. */
const struct sensor_health *sensor_sums(const struct health *health, const char *name);

#endif
