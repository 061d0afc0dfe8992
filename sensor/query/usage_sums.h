/*
 * usage_sums.h - the counters in Redis, summed per domain, or per domain and hour, day or sensor.
 *
 * Days come from the day hashes. Hour hashes are read instead when `by` is BY_HOUR or when since_us
 * lies within the time for which they are kept; then the range begins with the hour of since_us,
 * else with its day. Distinct clients are kept per day, so they are known per domain (of the days
 * touched) and per domain and day.
 */
#ifndef DOWNGRD_USAGE_SUMS_H
#define DOWNGRD_USAGE_SUMS_H

#include "query.h"
#include "usage.h"

enum { USAGE_SUM_LABEL_SIZE = 256, USAGE_SUM_APPLICATION_SIZE = 32 };

struct usage_sum {
    char domain[256];
    char label[USAGE_SUM_LABEL_SIZE]; /* hour, day or sensor; "" for BY_DOMAIN */
    char application[USAGE_SUM_APPLICATION_SIZE];
    uint64_t counts[USAGE_FIELD_COUNT];
    uint64_t peak_legacy_per_min;
    uint64_t first_us;
    uint64_t last_us;
    uint64_t last_legacy_us;
    uint64_t clients_lost;
    bool has_clients;
    uint64_t clients;
    uint64_t legacy_clients;
};

struct usage_sums {
    struct usage_sum *items;
    size_t count;
    size_t room;
};

/* Sums for each of the domains that has something in the range. 0 or -errno: then the link's
 * message says why. */
int usage_sums_read(const struct query *query, const char *const *domains, size_t domain_count,
                    struct usage_sums *sums);
void usage_sums_deinit(struct usage_sums *sums);

/* Handshakes with a ServerHello, and those among them below TLS 1.2. */
uint64_t usage_sum_negotiated(const struct usage_sum *sum);
uint64_t usage_sum_legacy(const struct usage_sum *sum);

/* Does the range of the query read hour hashes? Its beginning, rounded down as the header says. */
bool usage_range_is_hours(const struct query *query);
uint64_t usage_range_begin_us(const struct query *query);

/* All known domains, the last seen first: a NULL-terminated list to be freed with
 * domain_list_delete(). */
int domain_list_read(const struct query *query, char ***list, size_t *count);
void domain_list_delete(char **list);

#endif
