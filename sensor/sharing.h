/*
 * sharing.h - whether this run shares what it learns with other sensors, and the parts that do it.
 *
 * A run shares when it publishes to Redis and has a history of its own (history_place.h): live, or
 * --continuous with a state directory. A plain replay neither tells nor asks anybody.
 */
#ifndef DOWNGRD_SHARING_H
#define DOWNGRD_SHARING_H

#include "settings.h"

struct shared_history;
struct redis_history;

struct sharing {
    struct shared_history *queues; /* NULL: nothing is shared */
    struct redis_history *redis;
};

/* Makes the parts, and lets judge and publisher of these settings use them; without memory for
 * them, nothing is shared. */
void sharing_open(struct sharing *sharing, const struct options *options,
                  struct settings *settings);
/* After publisher and judge. */
void sharing_close(struct sharing *sharing);
/* A replay begins with what others know: waits for it, as long as Redis may take to answer. */
void sharing_wait(const struct sharing *sharing, const struct settings *settings);

#endif
