/*
 * redis_addresses.h - one text that may name several Redis servers.
 *
 *   what redis_url.h takes                              one server, or a node of a cluster
 *   redis://[[USER]:PASSWORD@]HOST[:PORT],HOST[:PORT]...[/DB]
 *       nodes of a cluster; or a primary and its replicas, whichever is the primary
 *   redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],.../MASTER[/DB]
 *       sentinels (port 26379) that know where the primary of that name is; USER and PASSWORD are
 *       for Redis
 */
#ifndef DOWNGRD_REDIS_ADDRESSES_H
#define DOWNGRD_REDIS_ADDRESSES_H

#include "redis_url.h"

enum { REDIS_MAX_ADDRESSES = 16, REDIS_ADDRESSES_PLACE = 480, REDIS_MASTER_SIZE = 64 };

struct redis_addresses {
    bool is_sentinel;
    char master[REDIS_MASTER_SIZE];
    size_t count;
    struct redis_url urls[REDIS_MAX_ADDRESSES];
    char place[REDIS_ADDRESSES_PLACE]; /* for messages: all of it without user and password */
};

/* 0, or -EINVAL with the reason and the remedy in `error`, which never holds the password. */
int redis_addresses_parse(const char *text, struct redis_addresses *addresses,
                          char error[REDIS_URL_ERROR_SIZE]);

#endif
