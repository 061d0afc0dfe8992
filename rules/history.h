/*
 * history.h - what the judge remembers of other connections, as one handshake's rules may see it.
 *
 * The judge (sensor/judge/) owns the tables; before each handshake is judged it lays out this small
 * read-only view of what concerns its client, server and name. Everything is from before this
 * handshake ended, oldest facts evicted first.
 */
#ifndef DOWNGRD_HISTORY_H
#define DOWNGRD_HISTORY_H

#include "expected_range.h"
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
    bool is_suspect;    /* an alert of class attack was raised about it */
    bool shares_hybrid; /* a key share for a post-quantum group */
    uint32_t missed;    /* enum handshake_missed */
    uint64_t suites;    /* a 64-bit Bloom filter of the offered suites without GREASE, SCSVs and
                           TLS 1.3's */
};

enum { HISTORY_MAX_ATTEMPTS = 8 };

/*
 * What this server (address, port and name) was seen to negotiate.
 *
 * Knowledge fades: every HISTORY_FADE_US all counts are halved and the maps of clients begin anew
 * (history_fade()), so that a server that has changed is taken for what it is now after some weeks,
 * also where its handshakes are kept out of its record because they were told as attacks.
 */
struct server_record {
    uint32_t handshakes;
    uint32_t negotiated[TLS_RANK_COUNT];
    uint8_t highest_negotiated; /* enum tls_rank */
    uint8_t highest_proven;     /* at least that much by its own sentinels (RFC 8446 4.1.3);
                                   TLS_RANK_UNKNOWN when none */
    uint64_t first_us;
    uint64_t last_us;
    uint64_t faded_us;  /* when the counts were halved last; 0: never, then first_us counts */
    uint64_t proven_us; /* when highest_proven was proven last */
    /* completed ones by what was offered at most and what was negotiated, saturating */
    uint16_t by_offer[TLS_RANK_COUNT][TLS_RANK_COUNT];
    uint32_t hybrid_offered;  /* completed ones whose client shared a post-quantum key */
    uint32_t hybrid_taken;    /* of them, those that used it */
    uint64_t lowered_clients; /* one bit a client (hashed) that was answered lower than is usual */
    uint32_t starttls_seen; /* by address and port: dialogues that showed whether TLS is on offer */
    uint32_t starttls_offered;  /* of them, those where it was */
    uint64_t stripped_clients;  /* those that were offered none */
    uint64_t classical_clients; /* the same, of those that shared a post-quantum key in vain */
};

/* What is kept of a ClientHello that was seen. */
struct twin {
    uint64_t time_us;
    uint64_t packet;          /* in its own capture */
    uint16_t highest_offered; /* code point; 0 unknown */
    uint16_t negotiated;      /* code point; 0 without a ServerHello */
    uint32_t suites;          /* how many it offered */
    uint32_t extensions;
    bool is_same_connection; /* addresses and ports are those of the handshake at hand */
    bool answers_differ;     /* the ServerHellos are not the same */
};

struct history {
    const struct attempt *now;      /* the handshake at hand: what will be remembered of it */
    const struct attempt *attempts; /* a ring: history_attempt() has them newest first */
    size_t attempt_count;
    size_t newest;                       /* where the newest one is */
    uint32_t attempted_ranks;            /* bit n: one of them offered enum tls_rank n at most */
    const struct server_record *server;  /* NULL when nothing is known */
    const struct server_record *service; /* of dialogues: the same without a name */
    uint32_t
        client_servers; /* distinct servers this client spoke to lately (for telling scanners) */
    uint32_t client_failures; /* of its handshakes lately */
    uint32_t client_handshakes;
    uint64_t client_bit;     /* this client in server_record's maps */
    const struct twin *twin; /* the same ClientHello (by its random), seen elsewhere with other
                                content; NULL: none */
    const struct twin *mine; /* what is kept of the handshake's own, when the record is gone because
                                its twin became known later; NULL: the record has it */

    const struct expected_range *expected; /* what the configuration says of this server and name;
                                              NULL: nothing */
};

/* The attempt that is older than so many others. */
static inline const struct attempt *history_attempt(const struct history *history, size_t age) {
    return &history
                ->attempts[(history->newest + HISTORY_MAX_ATTEMPTS - age) % HISTORY_MAX_ATTEMPTS];
}

/* Of the handshake at hand, without another walk through its hello. */
static inline enum tls_rank history_offered(const struct history *history) {
    return (enum tls_rank)history->now->highest_offered;
}
static inline enum tls_rank history_negotiated(const struct history *history) {
    return (enum tls_rank)history->now->negotiated;
}

/* A week; what a mark proved is forgotten when it was not seen for so many of them. */
#define HISTORY_FADE_US UINT64_C(604800000000)
enum { HISTORY_PROVEN_FADES = 4 };

/* Ages what is known of a server to this time. A time that lies back changes nothing. */
void history_fade(struct server_record *server, uint64_t now_us);

/* Adds what another sensor knows of the same server, aged to the same time. */
void history_merge(struct server_record *server, const struct server_record *other);

/* What is kept of the handshake's ClientHello; is_same_connection and answers_differ stay false. */
void history_hello_facts(const struct handshake *handshake, struct twin *facts);

/* What will be remembered of a handshake: the same facts, so that rules can compare the record at
 * hand with earlier ones on equal terms. */
void history_attempt_of(const struct handshake *handshake, struct attempt *attempt);

/* Did it fail by an alert about certificates, names, authorization, application protocols: nothing
 * a lower version would cure? */
bool history_is_other_trouble(const struct attempt *attempt);

/* Of the server's completed handshakes with clients that offered this at most: how many, and how
 * many ended above `negotiated`. */
void history_count_answers(const struct server_record *server, enum tls_rank offered,
                           enum tls_rank negotiated, uint32_t *all, uint32_t *above);
unsigned history_count_clients(uint64_t map);
/* The highest version this server is known to do: by its earlier handshakes, or by the DOWNGRD mark
 * in the record at hand. TLS_RANK_UNKNOWN when nothing says. */
enum tls_rank history_server_ability(const struct history *history,
                                     const struct handshake *handshake);
/* What the mark alone proves. */
enum tls_rank history_proven_by_sentinel(const struct handshake *handshake);

#endif
