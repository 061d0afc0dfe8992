/*
 * history_store.h - what the judge remembers across handshakes, in tables of fixed size.
 *
 * A port is one of TCP or of UDP: what speaks DTLS or QUIC is known apart from what speaks TLS on
 * the same number. Three tables, each forgetting what was used longest ago (lru_table.h):
 *   attempts  per client and name (at one server port): its last HISTORY_MAX_ATTEMPTS handshakes.
 *             Every handshake is kept under the server's address as well, which is where a client
 *             that sends no name is looked up: SSLv3 has no extensions to put one in;
 *   servers   per address, port and name: what it was seen to negotiate;
 *   clients   per address: how many servers it spoke to lately, and how often that failed.
 */
#ifndef DOWNGRD_HISTORY_STORE_H
#define DOWNGRD_HISTORY_STORE_H

#include "history.h"
#include "history_file.h"
#include "shared_history.h"
#include "verdict.h"

struct history_store;

/* Capacities as in struct judge_config. NULL when out of memory. */
struct history_store *history_store_new(size_t attempts, size_t servers);
void history_store_delete(struct history_store *store);
void history_store_clear(struct history_store *store);

/* What is learned of servers goes to other sensors, and theirs comes here, through `shared`
 * (borrowed). 0, or -ENOMEM and nothing is shared. */
int history_store_share(struct history_store *store, struct shared_history *shared);
/* What all other sensors know of a server, together; it takes the place of what was known of them.
 */
void history_store_know(struct history_store *store, const struct shared_server *server);

/* Under what a handshake is looked up and kept: hashes, made once for both. */
struct history_keys {
    bool has_name;      /* the client sent a usable one */
    uint64_t named;     /* client, name, port */
    uint64_t addressed; /* client, server address, port */
    uint64_t server;    /* server address, port, name */
    uint64_t service;   /* server address, port */
    uint64_t client;
    uint64_t client_bit; /* one of 64 */
    uint64_t server_address;
};
void history_keys_of(const struct handshake *handshake, const struct domain *domain,
                     struct history_keys *keys);

/* These keys will be looked for soon: what is kept under them is fetched from memory meanwhile. */
void history_store_expect(const struct history_store *store, const struct handshake *handshake,
                          const struct history_keys *keys);

/* Lays out what is known about this handshake's client, server and name; not the handshake itself
 * (view->now). The view points into the store and is good until the next call on it. */
void history_store_view(struct history_store *store, const struct handshake *handshake,
                        const struct history_keys *keys, struct history *view);

/* Remembers a judged handshake, of which `attempt` is what history_attempt_of() says, and whether
 * it is suspect: an attack-class rule hit. Then what was negotiated is kept out of the server's
 * record; what its mark proves is kept always. */
void history_store_add(struct history_store *store, const struct handshake *handshake,
                       const struct history_keys *keys, const struct attempt *attempt);

/* The tables, for history_file.h. */
enum { HISTORY_STORE_TABLES = 3 };
void history_store_tables(struct history_store *store,
                          struct history_table tables[HISTORY_STORE_TABLES]);
/* The latest time of anything that is remembered. */
uint64_t history_store_now(const struct history_store *store);

#endif
