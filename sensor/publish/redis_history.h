/*
 * redis_history.h - what sensors know together, exchanged through Redis (shared_history.h).
 *
 * Runs in the publisher's thread, on a connection of its own: redis_history_cycle() is its `cycle`
 * (publisher.h). Each cycle sends what waits in the outgoing queues and reads what others wrote
 * since the last one; both are bounded, what does not fit waits for the next. A Redis that is away
 * or refuses is tried again later, and told once. Keys: redis_keys.h.
 */
#ifndef DOWNGRD_REDIS_HISTORY_H
#define DOWNGRD_REDIS_HISTORY_H

#include "shared_history.h"

struct redis_history;

/* Does not connect. Texts and queues are borrowed. NULL when the address is none or out of memory.
 */
struct redis_history *redis_history_new(const char *url, const char *sensor, uint32_t timeout_ms,
                                        struct shared_history *shared);
void redis_history_delete(struct redis_history *history);

/* `context` is a struct redis_history. */
void redis_history_cycle(void *context);

/* Waits until all that others had written before is in the incoming queues, or they are full, or
 * the time is over (false): a replay begins with what is known. */
bool redis_history_wait(struct redis_history *history, uint32_t most_ms);

/* ---- the texts in Redis, for tests ---- */

enum { SHARED_SERVER_TEXT = 4096 };
/* One sensor's knowledge of a server, in words. Returns `text`. */
const char *shared_server_format(const struct server_record *known, char text[SHARED_SERVER_TEXT]);
/* False when the text is none that shared_server_format() writes: it comes from outside. */
bool shared_server_parse(const char *text, size_t size, struct server_record *known);

enum { SHARED_FACTS_TEXT = 128, SHARED_HASH_TEXT = 17 };
/* The same of a hello: time, packet, versions, how many suites and extensions. */
const char *shared_facts_format(const struct twin *facts, char text[SHARED_FACTS_TEXT]);
bool shared_facts_parse(const char *text, size_t size, struct twin *facts);
/* A hash as 16 hex digits. */
const char *shared_hash_format(uint64_t hash, char text[SHARED_HASH_TEXT]);
bool shared_hash_parse(const char *text, size_t size, uint64_t *hash);

#endif
