/*
 * history_tables.h - what lies in the history store's tables; for the store and its file.
 */
#ifndef DOWNGRD_HISTORY_TABLES_H
#define DOWNGRD_HISTORY_TABLES_H

#include "history.h"
#include "lru_table.h"

#include <stdalign.h>

enum { CLIENT_MAP_WORDS = 4, CLIENT_MAP_BITS = CLIENT_MAP_WORDS * 64 };

/* Most clients come once: then the head and the one attempt are all, in one cache line. */
struct attempt_ring {
    alignas(64) uint8_t count;
    uint8_t newest;                        /* before it lie the older ones, round the beginning */
    uint8_t offered[HISTORY_MAX_ATTEMPTS]; /* their highest_offered: most rules ask no more */
    struct attempt attempts[HISTORY_MAX_ATTEMPTS];
};

struct client_record {
    uint64_t window_us;
    uint64_t servers[CLIENT_MAP_WORDS];
    uint32_t server_count; /* bits in it */
    uint32_t failures;
    uint32_t handshakes;
};

struct history_store {
    struct lru_table attempt_table;
    struct lru_table server_table;
    struct lru_table client_table;
    struct attempt_ring *rings;
    struct server_record *servers;
    struct client_record *clients;
    /* With others: what they know of the server in the same slot (no handshakes and no dialogues:
     * nothing), and both together for a view. */
    struct shared_history *shared;
    struct server_record *others;
    struct server_record joint_server;
    struct server_record joint_service;
};

#endif
