/*
 * redis_cluster.h - Redis Cluster's map: which of 16384 slots a key lies in, and who has which slot
 * (https://redis.io/docs/reference/cluster-spec).
 */
#ifndef DOWNGRD_REDIS_CLUSTER_H
#define DOWNGRD_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

enum { REDIS_SLOTS = 16384 };

/* Of the key's part between the first '{' and the next '}', if there is one and something in it;
 * else of the whole key. */
uint16_t redis_slot_of(const char *key, size_t size);

struct redis_slot_range {
    uint16_t first;
    uint16_t last;
    char host[256]; /* "": the one that was asked */
    uint16_t port;
};

/* Reads the answer to CLUSTER SLOTS; calls visit for each range. False when it is none. */
bool redis_cluster_read_slots(const struct redisReply *reply,
                              void (*visit)(void *context, const struct redis_slot_range *range),
                              void *context);

/* Reads "ASK 3999 127.0.0.1:6381" (or MOVED) of an error answer. */
bool redis_cluster_read_target(const char *text, size_t size, char host[256], uint16_t *port);

#endif
