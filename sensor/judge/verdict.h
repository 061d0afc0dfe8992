/*
 * verdict.h - what the judge hands on: one `struct verdict` per handshake, one `struct alert` per
 * alert that is to be shown, and the `struct sink` that takes them (usage counters, EVE, terminal,
 * Redis).
 *
 * Everything is borrowed until the sink's function returns.
 */
#ifndef DOWNGRD_VERDICT_H
#define DOWNGRD_VERDICT_H

#include "handshake.h"
#include "rule.h"

enum domain_source {
    DOMAIN_FROM_SNI,
    DOMAIN_FROM_CERTIFICATE,
    DOMAIN_FROM_IP,
    DOMAIN_FROM_ECH_OUTER
};

enum { DOMAIN_SIZE = 256, APPLICATION_SIZE = 32, SOURCE_NAME_SIZE = 64, ALERT_ID_SIZE = 33 };

/* A domain ready for keys and tables: lower-case, LDH characters and dots (and '*', '_'), or
 * "_none", "_invalid". */
struct domain {
    char name[DOMAIN_SIZE];
    enum domain_source source; /* DOMAIN_FROM_IP goes with "_none" */
    uint64_t hash;             /* domain_hash() of the name; 0: not computed */
};

struct application {
    const char *name;     /* nDPI's: "Google", "GoogleServices"; "" when unknown. Static storage. */
    const char *category; /* "Web", "VPN"; "" when unknown */
};

/* Where the packets came from: one capture file or one interface. Lives as long as the run. */
struct source {
    const char *sensor; /* --sensor's name */
    const char *name;   /* file name as given, or interface */
    bool is_file;
};

struct verdict {
    const struct handshake *handshake;
    const struct source *source;
    struct domain domain;
    struct application application;
    enum limiter limiter; /* handshake_limiter(), raised to LIMITER_DOWNGRADED by findings */
    bool
        is_seen_elsewhere; /* another tap showed this ClientHello before: not to be counted again */
    bool is_legacy;        /* negotiated below TLS 1.2 */
    uint32_t rules_hit;    /* bit n: rules_all[n] hit, folded or not */
    uint32_t rules_excepted; /* bit n: rules_all[n] hit, and the configuration excepts it */
};

struct alert {
    char
        id[ALERT_ID_SIZE]; /* hex, the same for the same alert of the same capture on any machine */
    const struct rule *rule;
    enum rule_severity severity; /* the configuration's, else the rule's own */
    const struct verdict *verdict;
    const struct finding *finding;
    const char *incident; /* id of the first alert of the same attack, see incidents.h */
    uint32_t part;        /* the how-manieth alert of it this is: 1 for the first */
    uint64_t repeats; /* how many like it (rule, client, server, domain) there have been, this one
                         included: 1 for the first */
    const char *evidence_file; /* its packets, as a capture file; NULL: none was written */
};

/* Counts of one run (one source), for the end and for health. */
struct run_stats {
    uint64_t packets;
    uint64_t bytes;
    uint64_t packets_ignored; /* no IP, no TCP */
    uint64_t packets_malformed;
    uint64_t packets_cut; /* by the snap length, in the headers */
    uint64_t flows;
    uint64_t flows_evicted; /* while still in use, for want of room */
    uint64_t handshakes;
    uint64_t dialogues; /* that spoke of TLS and came to none */
    uint64_t half_seen;
    uint64_t inconclusive;
    uint64_t hello_malformed;
    uint64_t buffers_exhausted; /* streams or messages that were not kept for want of room */
    uint64_t fragments_dropped;
    uint64_t alerts; /* shown */
    uint64_t alerts_folded;
    uint64_t attack_alerts;   /* of class attack, folded ones included */
    uint64_t alerts_excepted; /* not raised: an exception of the configuration fits */
    uint64_t evidence_files;  /* written */
    uint64_t evidence_lost;   /* alerts that were to have one, and do not */
    /* live only */
    uint64_t packets_dropped; /* by the kernel: its ring was full */
    uint64_t packets_stopped; /* by the filter in the kernel, as of no interest; no loss */
    uint64_t bytes_stopped;   /* of them */
    uint64_t interface_drops; /* by the card or its driver, where they tell */
    uint64_t interface_downs; /* how often the interface went away */
    uint64_t records_lost;    /* handshakes for which the judge's ring had no room */
    uint64_t dialogues_lost;  /* the same of dialogues that came to no handshake */
    uint64_t lines_lost;      /* of output, for want of room or of disk */
    uint64_t clock_steps;     /* how often the time of day was set */
    uint64_t first_us;        /* packet time */
    uint64_t last_us;
};

enum keep_result {
    KEEP_NOTHING, /* this alert gets no file */
    KEEP_WRITTEN, /* or is about to be */
    KEEP_LOST,    /* it was to get one; the sink counts why not */
};

struct sink {
    void *context;
    bool tells_applications; /* else nDPI is not asked, if no other sink does */
    /* Before the rules run: handshake, source and domain are known, the rest is not. What
     * handshake() will look at may be fetched from memory meanwhile. */
    void (*expect)(void *context, const struct verdict *verdict);
    void (*handshake)(void *context, const struct verdict *verdict);
    void (*alert)(void *context, const struct alert *alert);
    /* A source is done (the capture was read to its end). */
    void (*source_end)(void *context, const struct source *source, const struct run_stats *stats);
    /* Before any sink is given the alert: keeps its packets. On KEEP_WRITTEN *path is the file's,
     * until the next call. */
    enum keep_result (*keep)(void *context, const struct alert *alert, const char **path);
    /* Live, from time to time: what a source that goes on has seen since the start. */
    void (*stats)(void *context, const struct source *source, const struct run_stats *stats);
};

#endif
