/*
 * shared_history.h - what several sensors know together: queues between the judge, which must never
 * wait, and the thread that talks to Redis.
 *
 * Outgoing goes what this sensor learned: of a server all that it knows (absolute, so that the last
 * word counts however often it is said), of a ClientHello a digest. Incoming comes the same of the
 * others: of a server the sum of what all others know. Entries are plain values; the queues are
 * bounded, have one thread at each end, and take no locks. What finds no room is counted and gone:
 * a server is told again when more is known of it, a hello is not.
 *
 * Servers and hellos go by hashes that are the same on every sensor (siphash.h).
 */
#ifndef DOWNGRD_SHARED_HISTORY_H
#define DOWNGRD_SHARED_HISTORY_H

#include "history.h"

struct shared_server {
    uint64_t server; /* hash of address, port and name */
    struct server_record known;
};

/* A ClientHello that was seen: hashes of its random, of the rest of it, of the answer (0 without),
 * and of addresses and ports; and what a message may say of it. */
struct shared_hello {
    uint64_t random;
    uint64_t content;
    uint64_t answer;
    uint64_t connection;
    struct twin facts;
};

enum shared_direction { SHARED_OUT, SHARED_IN, SHARED_DIRECTIONS };

struct shared_history;

/* `entries` fit into each queue. NULL when out of memory. */
struct shared_history *shared_history_new(size_t entries);
void shared_history_delete(struct shared_history *shared);

/* False when there is no room. */
bool shared_history_put_server(struct shared_history *shared, enum shared_direction direction,
                               const struct shared_server *server);
bool shared_history_put_hello(struct shared_history *shared, enum shared_direction direction,
                              const struct shared_hello *hello);
/* False when there is none. */
bool shared_history_take_server(struct shared_history *shared, enum shared_direction direction,
                                struct shared_server *server);
bool shared_history_take_hello(struct shared_history *shared, enum shared_direction direction,
                               struct shared_hello *hello);

/* Entries that found no room so far. */
uint64_t shared_history_lost(const struct shared_history *shared, enum shared_direction direction);

#endif
