/*
 * redis_link.h - one connection to Redis: connects, logs in, sends batches, says in one line what
 * went wrong.
 *
 * Every wait is bounded: connecting, sending, and each answer take at most timeout_ms each (name
 * look-up has the resolver's own limit). A connection lost in the middle of a batch is made anew
 * once, and the whole batch sent again. SIGPIPE is held back for the calling thread while sending.
 *
 * Calls return 0 or a negative errno; redis_link_message() then says what happened, where, and what
 * to do: -ECONNREFUSED, -ENOENT (no such socket), -ETIMEDOUT, -ECONNRESET (lost, also after the
 * second try), the statuses of redis_reply.h for general errors, -EPROTO, -ENOMEM.
 */
#ifndef DOWNGRD_REDIS_LINK_H
#define DOWNGRD_REDIS_LINK_H

#include "redis_batch.h"
#include "redis_reply.h"
#include "redis_url.h"

struct redis_link;

enum { REDIS_MAX_SCRIPTS = 8, REDIS_SHA_SIZE = 41, REDIS_MESSAGE_SIZE = 1024 };

/*
 * Connects. `scripts` are the Lua texts that batches call with redis_batch_begin_script(); they are
 * loaded at every connect, and again when Redis forgot them. The texts are borrowed until the link
 * is deleted. NULL when it fails: then `message` says why.
 */
struct redis_link *redis_link_new(const struct redis_url *url, uint32_t timeout_ms,
                                  const char *const *scripts, size_t script_count,
                                  char message[REDIS_MESSAGE_SIZE]);
/* The same without connecting; NULL when out of memory. */
struct redis_link *redis_link_prepare(const struct redis_url *url, uint32_t timeout_ms,
                                      const char *const *scripts, size_t script_count);
void redis_link_delete(struct redis_link *link);

/* Connects (anew), logs in, loads the scripts. */
int redis_link_connect(struct redis_link *link);
void redis_link_disconnect(struct redis_link *link);
bool redis_link_is_up(const struct redis_link *link);

/* Begins a call of a script: then come its keys (`key_count`) and its arguments. */
void redis_link_begin_script(const struct redis_link *link, struct redis_batch *batch,
                             size_t script, size_t key_count);

/*
 * Sends the batch and takes all answers into batch->replies (those of an earlier exchange are
 * freed). An error answer that is general (redis_reply.h) fails the exchange; others (a wrong type)
 * stay among the replies, to be judged by redis_link_judge(). An empty batch is done at once. It
 * does not connect anew: the caller must know that it is another connection.
 */
int redis_link_send(struct redis_link *link, struct redis_batch *batch);

/* 0 when the reply is no error; else its status, with the message set. */
int redis_link_judge(struct redis_link *link, const struct redisReply *reply);

/* Of the last call that failed. One line, printable ASCII. */
const char *redis_link_message(const struct redis_link *link);

#endif
