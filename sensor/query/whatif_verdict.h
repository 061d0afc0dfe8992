/*
 * whatif_verdict.h - may versions below a minimum be refused? The verdict of one domain, from facts
 * and limits alone: no Redis, no clock, no output.
 *
 * not safe: there is evidence that somebody would break, however thin the rest of it is: the share
 *           of answered handshakes below the minimum is not below its limit, or the distinct
 *           clients with one are not fewer than theirs.
 * watch:    no such evidence, but something that would be needed to call it safe is missing or
 *           incomplete.
 * safe:     neither.
 */
#ifndef DOWNGRD_WHATIF_VERDICT_H
#define DOWNGRD_WHATIF_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct whatif_facts {
    uint64_t handshakes;   /* all records of the domain */
    uint64_t answered;     /* of these with a ServerHello */
    uint64_t refused;      /* of those below the minimum: they would be refused */
    uint64_t by_client;    /* of the refused, whose client offers no more: it breaks */
    uint64_t by_server;    /* whose client offered the minimum or more: the server must learn it */
    bool has_clients;      /* distinct clients are counted for this minimum */
    uint64_t clients;      /* distinct ones with a refused handshake */
    uint64_t clients_lost; /* handshakes of clients that could not be told apart */
    uint64_t not_seen;     /* half-seen or inconclusive handshakes */
    uint64_t days_asked;   /* for how long there should be evidence */
    uint64_t days_watched; /* days on which a sensor that knows the domain was watching, from the
                              first handshake on; quiet ones count */
    uint64_t days_stale;   /* full days since anything was seen, by any sensor */
    uint64_t packets;      /* on the wire of the sensors */
    uint64_t packets_dropped; /* of these not seen by the sensors */
    uint64_t records_lost;    /* handshakes lost before they were judged or published */
};

struct whatif_limits {
    double max_share;        /* refused / answered must be below */
    uint64_t max_clients;    /* distinct clients must be fewer */
    uint64_t min_handshakes; /* answered must be at least */
    double min_coverage;     /* handshakes seen whole / handshakes must be at least */
    double max_dropped;      /* packets_dropped / packets must be at most */
};

/* 0.1%, 10 clients, 100 handshakes, 95%, 1%. */
extern const struct whatif_limits whatif_default_limits;

enum whatif_verdict { WHATIF_SAFE, WHATIF_WATCH, WHATIF_NOT_SAFE };

/* The first WHATIF_AGAINST speak against it, the others are missing evidence. */
enum whatif_reason {
    WHATIF_SHARE,
    WHATIF_CLIENTS,
    WHATIF_AGAINST,
    WHATIF_UNSEEN = WHATIF_AGAINST, /* no answered handshake at all */
    WHATIF_FEW_HANDSHAKES,
    WHATIF_FEW_DAYS,
    WHATIF_STALE,
    WHATIF_COVERAGE,
    WHATIF_DROPPED,
    WHATIF_RECORDS_LOST,
    WHATIF_CLIENTS_LOST,
    WHATIF_CLIENTS_UNKNOWN,
    WHATIF_REASON_COUNT,
};

struct whatif_judgement {
    enum whatif_verdict verdict;
    uint32_t reasons; /* bit n: enum whatif_reason n */
};

struct whatif_judgement whatif_judge(const struct whatif_facts *facts,
                                     const struct whatif_limits *limits);

/* "safe", "watch", "not safe" */
const char *whatif_verdict_name(enum whatif_verdict verdict);
/* The stable name of a reason: "share", "few_days", ... */
const char *whatif_reason_name(enum whatif_reason reason);

enum { WHATIF_TEXT_SIZE = 256 };
/* The reason in words, with the figure and its limit. */
const char *whatif_reason_text(enum whatif_reason reason, const struct whatif_facts *facts,
                               const struct whatif_limits *limits, char text[WHATIF_TEXT_SIZE]);

#endif
