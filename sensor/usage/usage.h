/*
 * usage.h - per domain: how much of its traffic is legacy, and who limits it.
 *
 * Counters per (domain, hour bucket of packet time), in a table fixed at start; past the cap
 * further domains are counted under "_other". The client sets are HyperLogLog sketches at the
 * reader's side (Redis) and small exact sets here. The field names of usage_fields[] are the names
 * in Redis and in --json output: a stable interface.
 */
#ifndef DOWNGRD_USAGE_H
#define DOWNGRD_USAGE_H

#include "verdict.h"

enum usage_field {
    USAGE_HANDSHAKES, /* "handshakes": all records, half-seen ones too */
    USAGE_TLS_1_3,    /* "tls1.3": negotiated versions of handshakes with a ServerHello */
    USAGE_TLS_1_2,
    USAGE_TLS_1_1,
    USAGE_TLS_1_0,
    USAGE_SSL_3,         /* "ssl3" */
    USAGE_SSL_2,         /* "ssl2" */
    USAGE_VERSION_OTHER, /* "version_other" */
    USAGE_MAX_TLS_1_3,   /* "max.tls1.3": highest version offered by the client */
    USAGE_MAX_TLS_1_2,
    USAGE_MAX_TLS_1_1,
    USAGE_MAX_TLS_1_0,
    USAGE_MAX_SSL_3,
    USAGE_MAX_SSL_2,
    USAGE_LIMIT_CLIENT, /* "limit.client": of the negotiated ones below TLS 1.3, who set the version
                         */
    USAGE_LIMIT_SERVER, /* "limit.server" */
    USAGE_LEGACY_CLIENT, /* "legacy.client": the same, of the legacy ones (below TLS 1.2) only */
    USAGE_LEGACY_SERVER, /* "legacy.server" */
    USAGE_DOWNGRADED,    /* "downgraded" */
    USAGE_COMPLETED,
    USAGE_FAILED, /* "failed": ended by alert, close or silence */
    USAGE_RESET,
    USAGE_HALF_SEEN,
    USAGE_INCONCLUSIVE,
    USAGE_RESUMED,
    USAGE_RESUMED_LEGACY, /* "resumed_legacy" */
    USAGE_HELLO_RETRY,
    USAGE_PQ, /* "pq": a hybrid post-quantum group was chosen */
    USAGE_QUIC,
    USAGE_NO_SNI,
    USAGE_ALERTS, /* "alerts": findings of class attack */
    USAGE_FIELD_COUNT,
};
extern const char *const usage_field_names[USAGE_FIELD_COUNT];

struct usage_bucket {
    const char *domain;
    const char *application;
    uint64_t hour; /* hours since 1970-01-01 UTC */
    uint64_t counts[USAGE_FIELD_COUNT];
    uint32_t peak_legacy_per_min; /* most legacy handshakes begun within one minute of the clock */
    uint64_t first_us; /* packet time of the first and last handshake, and of the last legacy one
                          (0: none) */
    uint64_t last_us;
    uint64_t last_legacy_us;
};

struct usage;

/*
 * `max_buckets` caps the table (domain and hour count together) and so the domains; four times as
 * many clients are kept. `group` merges names under their registrable domain (libpsl's built-in
 * list; "_none", "_invalid" and names that have none stay themselves). NULL when out of memory, or
 * when grouping is wanted and libpsl came without a list.
 */
struct usage *usage_new(size_t max_buckets, bool group);
void usage_delete(struct usage *usage);
void usage_add(struct usage *usage, const struct verdict *verdict);
void usage_forget(struct usage *usage); /* empties it (after each source was published) */

/*
 * Walks the buckets sorted by domain, then hour: calls visit for each. usage_total() sums all hours
 * of each domain instead (hour 0, the peak is the highest of its hours'). A visit may ask for the
 * clients of a domain, but not start the same walk again.
 */
void usage_each(const struct usage *usage,
                void (*visit)(void *context, const struct usage_bucket *bucket), void *context);
void usage_total(const struct usage *usage,
                 void (*visit)(void *context, const struct usage_bucket *bucket), void *context);

/*
 * Clients of a bucket's domain in all hours: distinct addresses seen, and the legacy ones among
 * them, sorted by address, IPv4 first. Both the whole table and each domain's part of it are
 * bounded, and the last quarter of either is kept for legacy clients: when there is no room left,
 * the newcomer is not kept, and its handshake is counted as lost.
 */
struct usage_client {
    struct ip_address address;
    uint8_t ip_version;
    bool is_legacy;
    uint64_t last_us;
    uint64_t handshakes;
};
void usage_clients(const struct usage *usage, const char *domain,
                   void (*visit)(void *context, const struct usage_client *client), void *context);

struct usage_client_counts {
    uint64_t all; /* distinct clients kept */
    uint64_t legacy;
    uint64_t lost; /* handshakes of clients that were not kept: when not 0, `all` is too low */
};
/* Zeros for a domain that is not there. */
struct usage_client_counts usage_client_counts(const struct usage *usage, const char *domain);

#endif
