/* redis_peers.c - see redis_peers.h. */
#include "redis_peers.h"

#include "redis_cluster.h"
#include "redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PEERS = 64 };

struct peer {
    struct redis_url url;
    struct redis_link *link;
    struct redis_batch batch;
    size_t *places; /* which answers of the caller's batch its own are */
    size_t place_count;
    size_t place_room;
};

struct redis_peers {
    struct peer peers[MAX_PEERS];
    size_t count;
};

void redis_peers_delete(struct redis_peers *peers) {
    for (size_t i = 0; peers != NULL && i < peers->count; i++) {
        redis_link_delete(peers->peers[i].link);
        redis_batch_deinit(&peers->peers[i].batch);
        free(peers->peers[i].places);
    }
    free(peers);
}

static struct peer *get_peer(struct redis_peers *peers, const struct redis_url *login,
                             uint32_t timeout_ms, const redisReply *reply) {
    char host[256];
    uint16_t port = 0;
    if (!redis_cluster_read_target(reply->str, reply->len, host, &port))
        return NULL;
    if (host[0] == '\0')
        (void)snprintf(host, sizeof host, "%s", login->host);
    for (size_t i = 0; i < peers->count; i++)
        if (peers->peers[i].url.port == port && strcmp(peers->peers[i].url.host, host) == 0)
            return &peers->peers[i];
    if (peers->count == MAX_PEERS)
        return NULL;
    struct peer *peer = &peers->peers[peers->count];
    *peer = (struct peer){.url = redis_url_elsewhere(login, host, port)};
    peer->link = redis_link_prepare(&peer->url, timeout_ms, NULL, 0);
    if (peer->link == NULL)
        return NULL;
    peers->count++;
    return peer;
}

/* The peer answers ASKING as well, when it is told so: that answer belongs nowhere. */
static bool note_place(struct peer *peer, size_t place) {
    if (peer->place_count == peer->place_room) {
        size_t room = peer->place_room != 0 ? 2 * peer->place_room : 64;
        size_t *grown = realloc(peer->places, room * sizeof *grown);
        if (grown == NULL)
            return false;
        peer->places = grown;
        peer->place_room = room;
    }
    peer->places[peer->place_count++] = place;
    return true;
}

static bool gather(struct peer *peer, const struct redis_batch *batch, size_t index, bool is_ask) {
    if (is_ask) {
        redis_batch_command(&peer->batch, "ASKING", NULL);
        if (!note_place(peer, SIZE_MAX))
            return false;
    }
    redis_batch_copy(&peer->batch, batch, index);
    return note_place(peer, index);
}

static int exchange(struct peer *peer, struct redis_batch *batch, char *message) {
    int status = redis_link_is_up(peer->link) ? 0 : redis_link_connect(peer->link);
    if (status == 0)
        status = redis_link_send(peer->link, &peer->batch);
    bool is_whole = peer->batch.reply_count == peer->batch.count;
    if (status != 0 && !is_whole) {
        (void)snprintf(message, REDIS_MESSAGE_SIZE, "%s", redis_link_message(peer->link));
        return status;
    }
    for (size_t i = 0; i < peer->place_count; i++) {
        size_t place = peer->places[i];
        if (place == SIZE_MAX)
            continue;
        redisReply *old = batch->replies[place];
        batch->replies[place] = peer->batch.replies[i];
        peer->batch.replies[i] = old;
    }
    return 0;
}

int redis_peers_follow(struct redis_peers **peers, const struct redis_url *login,
                       uint32_t timeout_ms, struct redis_batch *batch, char *message) {
    int status = 0;
    if (*peers == NULL)
        *peers = calloc(1, sizeof **peers);
    (void)snprintf(message, REDIS_MESSAGE_SIZE, "out of memory");
    if (*peers == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < batch->reply_count; i++) {
        const redisReply *reply = batch->replies[i];
        enum redis_error error = reply->type == REDIS_REPLY_ERROR
                                     ? redis_error_of(reply->str, reply->len)->error
                                     : REDIS_ERROR_OTHER;
        if (error != REDIS_ERROR_MOVED && error != REDIS_ERROR_ASK)
            continue;
        struct peer *peer = get_peer(*peers, login, timeout_ms, reply);
        if (peer == NULL || !gather(peer, batch, i, error == REDIS_ERROR_ASK))
            return -ENOMEM;
    }
    for (size_t i = 0; i < (*peers)->count; i++) {
        struct peer *peer = &(*peers)->peers[i];
        if (peer->place_count > 0 && status == 0)
            status = exchange(peer, batch, message);
        redis_batch_clear(&peer->batch);
        peer->place_count = 0;
    }
    return status;
}
