/*
 * usage_table.h - the insides of struct usage, for this folder only.
 *
 * Domains, rows (a domain's hour) and clients live in arrays of fixed size, filled from the front
 * and never moved. Each array has an index of open-addressed slots (entry number + 1; 0 is free)
 * with twice as many slots as entries. The hash has random seeds, so that nobody can prepare names
 * that share a slot; they never show, because every walk is sorted. An entry remembers its
 * slot: emptying costs what was used, not what there is room for.
 */
#ifndef DOWNGRD_USAGE_TABLE_H
#define DOWNGRD_USAGE_TABLE_H

#include "usage.h"

enum { USAGE_OTHER_ROWS = 256, USAGE_SEEDS = 8 };

struct usage_index {
    uint32_t *slots;
    size_t mask;
};

struct usage_row;
struct client_row;

struct usage_domain {         /* what every handshake touches comes first */
    struct usage_row *rows;   /* all hours, newest made first */
    struct usage_row *recent; /* the one used last */
    struct usage_client_counts client_counts;
    uint32_t clients; /* the newest one's number + 1; 0: none */
    uint32_t slot;
    char name[DOMAIN_SIZE];
    char application[APPLICATION_SIZE];
};

struct usage_row {
    struct usage_domain *domain;
    struct usage_row *next; /* of the same domain */
    uint64_t hour;
    uint64_t first_us;
    uint64_t last_us;
    uint64_t last_legacy_us;
    uint32_t slot;
    uint32_t peaks[USAGE_PEAK_COUNT];
    uint32_t counts[USAGE_FIELD_COUNT]; /* one hour's: 32 bits hold a million a second */
};

/* A cache line, for there is one for each client of each domain. */
struct client_row {
    struct ip_address address;
    uint32_t domain; /* where in the array */
    uint32_t next;   /* of the same domain: its number + 1; 0: none */
    uint32_t slot;
    uint8_t ip_version;
    uint8_t is_legacy;
    uint8_t legacy_version; /* enum tls_rank */
    uint32_t handshakes;
    uint32_t legacy_handshakes;
    uint64_t last_us;
    uint64_t last_legacy_us;
    const char *ja4;
};

struct usage {
    uint64_t seeds[USAGE_SEEDS];
    size_t max_rows;
    size_t row_count; /* without "_other"'s */
    size_t other_row_count;
    size_t domain_count; /* domains[0] is "_other" */
    size_t max_clients;
    size_t client_count;
    struct usage_domain *domains; /* max_rows + 1 */
    struct usage_row *rows;       /* max_rows, then USAGE_OTHER_ROWS */
    struct client_row *clients;   /* max_clients */
    struct usage_index domain_index;
    struct usage_index row_index;
    struct usage_index client_index;
    /* For sorting in walks. */
    const struct usage_row **sorted_rows;
    const struct usage_domain **sorted_domains;
    const struct client_row **sorted_clients;
};

/* Up to seven words: any two keys meet in a slot as rarely as chance has it, whoever chose them
 * (multilinear hashing: Lemire and Kaser, Strongly universal string hashing is fast, 2014). The
 * last lines only spread neighbours. */
static inline size_t usage_hash(const struct usage *usage, const uint32_t *words, size_t count) {
    uint64_t sum = usage->seeds[0];
    for (size_t i = 0; i < count; i++)
        sum += usage->seeds[i + 1] * words[i];
    sum = (sum >> 32U) * 0x9e3779b97f4a7c15U;
    return (size_t)(sum >> 32U);
}

/* ---- usage_table.c ---- */
bool usage_index_init(struct usage_index *index, size_t entries);
void usage_index_deinit(struct usage_index *index);

/* Where a name of this hash will be looked for is fetched from memory meanwhile. */
void usage_domain_expect(const struct usage *usage, uint64_t hash);

/* Where the name's domain is in the table; NULL when it is not. `hash` is domain_hash() of it. */
struct usage_domain *usage_domain_find(const struct usage *usage, const char *name, uint64_t hash);

/* The row of a domain's hour, made if need be; "_other"'s when the table is full. Never NULL: when
 * "_other" has too many hours as well, its latest row takes them. */
struct usage_row *usage_row_get(struct usage *usage, const char *name, uint64_t hash,
                                uint64_t hour);

void usage_table_forget(struct usage *usage);

/* ---- usage_clients.c ---- */
/* The hash of a domain's client, by domain_hash() and the event's address. Where it leads to is
 * fetched from memory meanwhile: first the index, then, when that has come, the client. */
size_t usage_client_expect(const struct usage *usage, uint64_t domain,
                           const struct ip_address *address, uint8_t ip_version);
void usage_client_expect_row(const struct usage *usage, size_t hash);
void usage_clients_add(struct usage *usage, struct usage_domain *domain, size_t hash,
                       const struct usage_event *event);
void usage_clients_forget(struct usage *usage);

/* ---- usage_group.c ---- */
struct usage_group;
struct usage_group *usage_group_new(void); /* NULL: no memory, or libpsl has no list */
void usage_group_delete(struct usage_group *group);
/* The registrable domain of a name: a part of `name` itself, all of it when there is none. */
const char *usage_group_name(struct usage_group *group, const char *name);

#endif
