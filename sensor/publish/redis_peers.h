/*
 * redis_peers.h - the other nodes of a cluster, for a reader who asks one of them: what that one
 * says to be elsewhere (MOVED, ASK) is asked there. A reader needs no map of slots for that.
 */
#ifndef DOWNGRD_REDIS_PEERS_H
#define DOWNGRD_REDIS_PEERS_H

#include "redis_batch.h"
#include "redis_url.h"

struct redis_peers;

void redis_peers_delete(struct redis_peers *peers);

/*
 * Takes the answers of `batch` that say where a key is, and puts the answers from there in their
 * place; what is still elsewhere stays. `login` is the asked server's address, whose user and
 * password the others have, too. *peers is made when it is NULL. 0, or -errno with `message` (of
 * REDIS_MESSAGE_SIZE) set when another node cannot be asked.
 */
int redis_peers_follow(struct redis_peers **peers, const struct redis_url *login,
                       uint32_t timeout_ms, struct redis_batch *batch, char *message);

#endif
