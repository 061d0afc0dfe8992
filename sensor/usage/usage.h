/*
 * usage.h - per domain: how much of its traffic is legacy, and who limits it.
 *
 * A meter reads a verdict into a `struct usage_event`, what one handshake adds: small, without the
 * handshake, and the same whenever and however often it is added up. Counters per (domain, hour
 * bucket of packet time) sum up events, in a table fixed at start; past the cap further domains are
 * counted under "_other". The client sets are HyperLogLog sketches at the reader's side (Redis) and
 * small exact sets here. The field names of usage_fields[] are the names in Redis and in --json
 * output: a stable interface.
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

/* The most legacy handshakes (below TLS 1.2) begun within one minute or second of the clock. */
enum usage_peak {
    USAGE_PEAK_PER_MINUTE,      /* "peak_legacy_per_min" */
    USAGE_PEAK_PER_SECOND,      /* "peak_legacy_per_s" */
    USAGE_PEAK_FULL_PER_SECOND, /* "peak_legacy_full_per_s": those that were not resumed */
    USAGE_PEAK_COUNT,
};
extern const char *const usage_peak_names[USAGE_PEAK_COUNT];

/* The name under which every handshake counts once more, whatever its domain. Names of one label
 * that begin with '_' come from no client. */
#define USAGE_DOMAIN_ALL "_all"

struct usage_event {
    uint64_t fields;  /* bit n: one more of usage_field n; USAGE_ALERTS has no bit */
    uint32_t attacks; /* more of USAGE_ALERTS */
    uint8_t ip_version;
    bool is_legacy;
    enum tls_rank negotiated;
    struct ip_address client;
    uint64_t started_us;
    /* How many there are now in this one's second or minute, itself included; 0 for one that does
     * not count there. Their maximum is the peak, however the events are divided. */
    uint32_t running[USAGE_PEAK_COUNT];
    uint32_t running_of_all[USAGE_PEAK_COUNT]; /* the same, of all domains together */
    const char *domain;   /* borrowed, like the others: under which it counts */
    uint64_t domain_hash; /* domain_hash() of it; 0: not computed */
    const char *application;
    const char *ja4; /* of a legacy client; "" when not known */
};

/*
 * Makes events. `group` merges names under their registrable domain (libpsl's built-in list;
 * "_none", "_invalid" and names that have none stay themselves). The running counts are kept for
 * 65536 pairs of domain and second or minute, the latest ones; so many legacy handshakes of
 * different domains may pass before one that comes late begins its second anew. NULL when out of
 * memory, or when grouping is wanted and libpsl came without a list.
 */
struct usage_meter;
struct usage_meter *usage_meter_new(bool group);
void usage_meter_delete(struct usage_meter *meter);
/* The name that the verdict's domain counts under: a part of verdict->domain.name. */
const char *usage_meter_domain(struct usage_meter *meter, const struct verdict *verdict);
/* *event borrows from the verdict, and `domain`, which is usage_meter_domain() or "_other". */
void usage_meter_read(struct usage_meter *meter, const struct verdict *verdict, const char *domain,
                      struct usage_event *event);
/* An event of an earlier run: what comes next in its second goes on from there. */
void usage_meter_recall(struct usage_meter *meter, const struct usage_event *event);
/* The event as it counts for USAGE_DOMAIN_ALL. */
struct usage_event usage_event_of_all(const struct usage_event *event);
/* Forgets the running counts: what comes next has nothing to do with what was. */
void usage_meter_forget(struct usage_meter *meter);

struct usage_bucket {
    const char *domain;
    const char *application;
    uint64_t hour; /* hours since 1970-01-01 UTC */
    uint64_t counts[USAGE_FIELD_COUNT];
    uint32_t peaks[USAGE_PEAK_COUNT]; /* "_other": the highest of its domains */
    uint64_t first_us; /* packet time of the first and last handshake, and of the last legacy one
                          (0: none) */
    uint64_t last_us;
    uint64_t last_legacy_us;
};

struct usage;

/*
 * `max_buckets` caps the table (domain and hour count together) and so the domains; four times as
 * many clients are kept. NULL when out of memory.
 */
struct usage *usage_new(size_t max_buckets);
void usage_delete(struct usage *usage);
void usage_add(struct usage *usage, const struct usage_event *event);
/* This handshake's event will be added soon, under the verdict's domain: where that is looked for
 * is fetched from memory meanwhile. */
void usage_expect(const struct usage *usage, const struct verdict *verdict);
void usage_forget(struct usage *usage); /* empties it */

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
    uint64_t last_legacy_us; /* 0: none */
    uint64_t legacy_handshakes;
    enum tls_rank legacy_version; /* of the last legacy one, as is the next */
    const char *ja4;              /* the event's: borrowed */
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
