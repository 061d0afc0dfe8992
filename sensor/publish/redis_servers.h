/*
 * redis_servers.h - where the publisher writes: one Redis, whichever of several is the primary, or
 * the nodes of a Redis Cluster.
 *
 * Commands are gathered by the key they work on, for the node that has it, and sent together; the
 * answers stay until the next begins. The whole is sent again when anything of it failed, so every
 * command must be idempotent. Nothing is connected anew behind the caller's back: another
 * connection may be to another server, or to one that began anew, and redis_servers_identity()
 * tells.
 *
 * A cluster's map of slots is read at each connect. A key that is moving (ASK) is followed; one
 * that has moved (MOVED) gives -ESTALE: connect anew and send again.
 */
#ifndef DOWNGRD_REDIS_SERVERS_H
#define DOWNGRD_REDIS_SERVERS_H

#include "redis_link.h"

struct redis_servers;

enum { REDIS_IDENTITY_SIZE = 64, REDIS_MAX_NODES = 64 };

/* `text` is redis_addresses.h's. `scripts` are borrowed. NULL when it is no address, which `error`
 * explains, or out of memory. */
struct redis_servers *redis_servers_new(const char *text, uint32_t timeout_ms,
                                        const char *const *scripts, size_t script_count,
                                        char error[REDIS_URL_ERROR_SIZE]);
void redis_servers_delete(struct redis_servers *servers);
/* For who only reads: when no primary answers, a replica will do. */
void redis_servers_accept_replica(struct redis_servers *servers);

/* Connects, if it is not connected. 0 or the statuses of redis_link.h. */
int redis_servers_connect(struct redis_servers *servers);
bool redis_servers_are_up(const struct redis_servers *servers);
void redis_servers_disconnect(struct redis_servers *servers);

/*
 * What is connected: a text that is another one when the data may be another, because Redis was
 * restarted or something else took its place. "" when it cannot be known (INFO is not allowed).
 * redis_servers_address() is what was asked for, without user and password.
 */
const char *redis_servers_identity(const struct redis_servers *servers);
const char *redis_servers_address(const struct redis_servers *servers);

/* Where commands on that key are gathered. */
struct redis_batch *redis_servers_batch(struct redis_servers *servers, const char *key);
/* The same, with a script's call begun there; its first key is added. */
struct redis_batch *redis_servers_begin_script(struct redis_servers *servers, const char *first_key,
                                               size_t script, size_t key_count);

/* The command that was gathered last with that key, to find its answer. */
struct redis_ticket {
    size_t node;
    size_t reply;
};
struct redis_ticket redis_servers_ticket(struct redis_servers *servers, const char *key);

/* Commands and bytes gathered. */
size_t redis_servers_count(const struct redis_servers *servers);
size_t redis_servers_bytes(const struct redis_servers *servers);

/* Sends all that is gathered. After 0, every answer is there. */
int redis_servers_exchange(struct redis_servers *servers);
const struct redisReply *redis_servers_reply(const struct redis_servers *servers,
                                             struct redis_ticket ticket);
/* The same, and it is the caller's now, to be freed with freeReplyObject(). */
struct redisReply *redis_servers_take_reply(struct redis_servers *servers,
                                            struct redis_ticket ticket);
/* Calls visit with each answer that is an error, and the message for it. */
void redis_servers_each_error(struct redis_servers *servers,
                              void (*visit)(void *context, int status, const char *message),
                              void *context);
/* Forgets commands and answers. */
void redis_servers_clear(struct redis_servers *servers);

/* Of the last call that failed. */
const char *redis_servers_message(const struct redis_servers *servers);

#endif
