/*
 * query.h - the commands of downgrdctl, the reading side: one function each.
 *
 * Each command reads what redis_keys.h documents and prints to `out` as a table for people, JSON or
 * CSV. It never uses KEYS or SCAN: indexes name what there is. Nothing from Redis is trusted with
 * the terminal (sheet.h).
 *
 * Times are packet time. A replayed capture carries the time at which it was taken, so by default
 * everything kept is shown, and when `since_us` leaves nothing the command says what it hid.
 */
#ifndef DOWNGRD_QUERY_H
#define DOWNGRD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sheet.h"
#include "whatif_verdict.h"

struct asker;

/* Also downgrdctl's exit statuses. */
enum query_result {
    QUERY_FOUND = 0,
    QUERY_NOTHING = 1, /* nothing there, or an unknown id */
    QUERY_FAILED = 2,  /* said on stderr why */
};

enum query_format { QUERY_TABLE, QUERY_JSON, QUERY_CSV };
enum query_by { BY_DOMAIN, BY_HOUR, BY_DAY, BY_SENSOR };
enum query_minimum { MINIMUM_TLS_1_1, MINIMUM_TLS_1_2, MINIMUM_TLS_1_3 };
enum query_order { ORDER_LEGACY, ORDER_CLIENTS, ORDER_ALERTS, ORDER_HANDSHAKES };

struct query {
    struct asker *asker;
    FILE *out;
    enum query_format format;
    struct sheet_style style;
    uint64_t now_us;
    uint64_t since_us;          /* 0: all */
    const char *rule;           /* NULL: any */
    const char *domain;         /* NULL: any; "*.example.com" is every name under it */
    const char *const *domains; /* of share: NULL-terminated; none: all known */
    size_t domain_count;
    uint64_t limit; /* rows; 0: all */
    enum query_by by;
    enum query_order order;
    bool only_legacy_clients;    /* distinct clients of all handshakes are not needed */
    bool follow;                 /* alerts: those that come */
    const char *group;           /* NULL: none */
    const char *consumer;        /* NULL: the host's name */
    enum query_minimum minimum;  /* of whatif */
    struct whatif_limits limits; /* of whatif */
};

enum query_result query_alerts(const struct query *query);
/* The alerts that come, from now on or from since_us on, or from where the group was, until SIGINT
 * or SIGTERM. */
enum query_result query_follow(const struct query *query);
enum query_result query_share(const struct query *query);
enum query_result query_top(const struct query *query);
/* Who would break, and the verdict per domain. since_us says for how long there must be evidence:
 * as long before the newest handshake that was seen (0: 30 days). */
enum query_result query_whatif(const struct query *query);
/* The legacy clients of domains[0]. */
enum query_result query_clients(const struct query *query);
enum query_result query_sensors(const struct query *query);
/* In the Prometheus text format; JSON and CSV have the same samples. */
enum query_result query_metrics(const struct query *query);

/* Prints a rule's documentation; QUERY_NOTHING when there is no rule of that name. No Redis. */
enum query_result query_explain_rule(const struct query *query, const char *kind);
/* Prints an alert in full. */
enum query_result query_explain_alert(const struct query *query, const char *id);

/* "90s", "15m", "1h", "30d", "2w" in microseconds; 0 when it is none of these. */
uint64_t query_parse_duration(const char *text);

/* "0.1%" or "0.001"; false when it is no share of 0 to 1. */
bool query_parse_share(const char *text, double *share);

/* Lower case, without a trailing dot, as domains are in Redis. False when it does not fit. */
bool query_normalize_domain(const char *text, char *name, size_t size);

/* Is the domain the wanted one, or under it when it begins with "*."? */
bool query_domain_matches(const char *wanted, const char *domain, size_t size);

#endif
