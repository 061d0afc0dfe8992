#include "sharing.h"

#include "redis_history.h"

enum { QUEUE_ENTRIES = 4096, SHARED_HELLOS = 65536 };

void sharing_open(struct sharing *sharing, const struct options *options,
                  struct settings *settings) {
    struct publisher_config *publisher = &settings->publisher;
    bool has_history = options->interface_count > 0 ||
                       (settings->pipeline.continuous && publisher->state_dir != NULL);
    *sharing = (struct sharing){0};
    if (publisher->url == NULL || !has_history)
        return;
    sharing->queues = shared_history_new(QUEUE_ENTRIES);
    if (sharing->queues != NULL)
        sharing->redis = redis_history_new(publisher->url, publisher->sensor, publisher->timeout_ms,
                                           sharing->queues);
    if (sharing->redis == NULL) {
        /* Of an address that is none the publisher says what is wrong with it. */
        sharing_close(sharing);
        return;
    }
    settings->pipeline.judge.shared = sharing->queues;
    if (settings->pipeline.judge.hellos == 0)
        settings->pipeline.judge.hellos = SHARED_HELLOS;
    publisher->shared = sharing->queues;
    publisher->cycle = redis_history_cycle;
    publisher->cycle_context = sharing->redis;
}

void sharing_close(struct sharing *sharing) {
    redis_history_delete(sharing->redis);
    shared_history_delete(sharing->queues);
    *sharing = (struct sharing){0};
}

void sharing_wait(const struct sharing *sharing, const struct settings *settings) {
    if (sharing->redis != NULL)
        (void)redis_history_wait(sharing->redis, settings->publisher.timeout_ms);
}
