/*
 * usage_sums.h - the counters in Redis, summed per domain, or per domain and hour, day or sensor.
 *
 * Days come from the day hashes. Hour hashes are read instead when `by` is BY_HOUR or when since_us
 * lies within the time for which they are kept; then the range begins with the hour of since_us,
 * else with its day. Distinct clients are kept per day, so they are known per domain (of the days
 * touched) and per domain and day.
 *
 * Peaks of several sensors are added within a day, since their busiest minutes may be the same one,
 * and the highest day counts: never too low for a pool, perhaps too high.
 */
#ifndef DOWNGRD_USAGE_SUMS_H
#define DOWNGRD_USAGE_SUMS_H

#include "query.h"
#include "sheet.h"
#include "usage.h"

enum { USAGE_SUM_LABEL_SIZE = 256, USAGE_SUM_APPLICATION_SIZE = 32, USAGE_SUM_SENSORS = 64 };

/* Fields of a usage hash, beside those of redis_keys.h. */
#define USAGE_FIELD_PEAK_SECOND      "peak_legacy_per_s"
#define USAGE_FIELD_PEAK_FULL_SECOND "peak_legacy_full_per_s"

struct usage_peaks {
    uint64_t legacy_per_min;
    uint64_t legacy_per_s;
    uint64_t legacy_full_per_s; /* of handshakes that were not resumed */
};

/* Where the addition of peaks stands; of use to usage_sums.c only. */
struct usage_peak_walk {
    uint64_t day;
    size_t sensor;
    struct usage_peaks of_sensor;
    struct usage_peaks of_day;
};

struct usage_sum {
    char domain[256];
    char label[USAGE_SUM_LABEL_SIZE]; /* hour, day or sensor; "" for BY_DOMAIN */
    char application[USAGE_SUM_APPLICATION_SIZE];
    uint64_t counts[USAGE_FIELD_COUNT];
    struct usage_peaks peaks;
    struct usage_peak_walk walk;
    uint64_t first_us;
    uint64_t last_us;
    uint64_t last_legacy_us;
    uint64_t clients_lost;
    bool has_clients;
    uint64_t clients;
    uint64_t legacy_clients;
    uint64_t days;     /* distinct days with a handshake */
    uint64_t last_day; /* hours since 1970 of the day that was added last */
    uint64_t sensors;  /* bit i: sums.sensors[i] saw it */
    uint64_t trend_answered[SHEET_TREND_SLOTS];
    uint64_t trend_legacy[SHEET_TREND_SLOTS];
};

struct usage_sums {
    struct usage_sum *items;
    size_t count;
    size_t room;
    char *sensors[USAGE_SUM_SENSORS]; /* names; those past the last share its bit */
    size_t sensor_count;
    uint64_t begin_hours; /* of the trends, hours since 1970 */
    uint64_t end_hours;
    size_t slots; /* 0: no trend */
};

/* Sums for each of the domains that has something in the range. 0 or -errno: then the link's
 * message says why. */
int usage_sums_read(const struct query *query, const char *const *domains, size_t domain_count,
                    struct usage_sums *sums);
void usage_sums_deinit(struct usage_sums *sums);
/* One more, all zeros, for a domain of which nothing was read. 0 or -ENOMEM. */
int usage_sums_add(struct usage_sums *sums, const char *domain);

/* Handshakes with a ServerHello, and those among them below TLS 1.2. */
uint64_t usage_sum_negotiated(const struct usage_sum *sum);
uint64_t usage_sum_legacy(const struct usage_sum *sum);

/* Does the range of the query read hour hashes? Its beginning, rounded down as the header says. */
bool usage_range_is_hours(const struct query *query);
uint64_t usage_range_begin_us(const struct query *query);

/* The first and last day of the range for which there is anything, in hours since 1970; both 0 when
 * there is nothing. */
int usage_days_read(const struct query *query, uint64_t *first_hours, uint64_t *last_hours);

/* The known domains that were seen in the range, the last seen first: a NULL-terminated list to be
 * freed with domain_list_delete(). */
int domain_list_read(const struct query *query, char ***list, size_t *count);
void domain_list_delete(char **list);
/* How many there are. */
int domain_count_read(const struct query *query, uint64_t *count);

#endif
