/*
 * asker.h - batches of commands to wherever their keys are: one Redis, a replica of it, whichever
 * of several addresses answers, or the nodes of a cluster (redis_servers.h).
 *
 * A connection that was lost, or a cluster's map that is out of date, is made anew once and the
 * whole batch sent again: what is asked must bear that.
 *
 * Calls return 0 or the statuses of redis_link.h; asker_message() then says what happened.
 */
#ifndef DOWNGRD_ASKER_H
#define DOWNGRD_ASKER_H

#include "redis_batch.h"
#include "redis_url.h"

struct asker;

/* `text` is redis_addresses.h's. Connects; NULL when that fails, or it is no address: `error` says
 * why. */
enum { ASKER_ERROR_SIZE = 1024 };
struct asker *asker_new(const char *text, uint32_t timeout_ms, char error[ASKER_ERROR_SIZE]);
void asker_delete(struct asker *asker);

/* Sends each command to the node that has its key and takes the answers into batch->replies, in the
 * order of the commands. Error answers that are not general stay there, for asker_judge(). */
int asker_exchange(struct asker *asker, struct redis_batch *batch);

/* 0 when the reply is no error; else its status, with the message set. */
int asker_judge(struct asker *asker, const struct redisReply *reply);

/* Of the last call that failed. One line, printable ASCII. */
const char *asker_message(const struct asker *asker);
/* The same on stderr, or that memory is out. */
void asker_complain(const struct asker *asker, int status);

#endif
