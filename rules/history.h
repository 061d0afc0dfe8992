/*
 * history.h - what the judge remembers of other connections, as one handshake's rules may see it.
 *
 * The judge (sensor/judge/) owns the tables; before each handshake is judged it lays out this small
 * read-only view of what concerns its client, server and name. Everything is from before this
 * handshake ended, oldest facts evicted first.
 */
#ifndef DOWNGRD_HISTORY_H
#define DOWNGRD_HISTORY_H

#include "handshake.h"

/* One earlier handshake of the same client to the same name (without a name: to the same server
 * address). */
struct attempt {
    uint64_t started_us;
    uint64_t ended_us;
    uint64_t packet;         /* its last packet */
    uint8_t highest_offered; /* enum tls_rank */
    uint8_t
        lowest_offered;   /* enum tls_rank; TLS_RANK_UNKNOWN when supported_versions did not say */
    uint8_t negotiated;   /* enum tls_rank; TLS_RANK_UNKNOWN without a ServerHello */
    uint8_t outcome;      /* enum handshake_outcome */
    uint8_t fatal_alert;  /* description of the fatal alert that ended it; 0 when none did
                             (close_notify is no fatal) */
    uint8_t fatal_sender; /* enum handshake_side */
    uint8_t closed_by;    /* enum handshake_side of the first FIN or RST; SIDE_COUNT when neither */
    bool has_fallback_scsv;
    uint32_t missed; /* enum handshake_missed */
    uint64_t suites; /* a 64-bit Bloom filter of the offered suites without GREASE, SCSVs and
                        TLS 1.3's */
};

enum { HISTORY_MAX_ATTEMPTS = 8 };

/* What this server (address, port and name) was seen to negotiate. */
struct server_record {
    uint32_t handshakes;
    uint32_t negotiated[TLS_RANK_COUNT];
    uint8_t highest_negotiated; /* enum tls_rank */
    uint8_t highest_proven;     /* at least that much by its own sentinels (RFC 8446 4.1.3);
                                   TLS_RANK_UNKNOWN when none */
    uint64_t first_us;
    uint64_t last_us;
};

struct history {
    const struct attempt *attempts; /* newest first */
    size_t attempt_count;
    const struct server_record *server; /* NULL when nothing is known */
    uint32_t
        client_servers; /* distinct servers this client spoke to lately (for telling scanners) */
    uint32_t client_failures; /* of its handshakes lately */
};

/* The Bloom filter of attempt.suites for an offer: one bit a suite. 0 when nothing is left to
 * count.
 */
uint64_t history_suites_of(const struct client_hello *hello);

/* What will be remembered of a handshake: the same facts, so that rules can compare the record at
 * hand with earlier ones on equal terms. */
void history_attempt_of(const struct handshake *handshake, struct attempt *attempt);

/* The highest version this server is known to do: by its earlier handshakes, or by the DOWNGRD mark
 * in the record at hand. TLS_RANK_UNKNOWN when nothing says. */
enum tls_rank history_server_ability(const struct history *history,
                                     const struct handshake *handshake);
/* What the mark alone proves. */
enum tls_rank history_proven_by_sentinel(const struct handshake *handshake);

#endif
