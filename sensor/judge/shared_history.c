#include "shared_history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Head and tail only grow; each is written by one end alone. */
struct queue {
    uint8_t *entries;
    size_t entry_size;
    size_t count;
    atomic_size_t head; /* entries put so far */
    atomic_size_t tail; /* entries taken so far */
    _Atomic uint64_t lost;
};

enum queue_kind { QUEUE_SERVERS, QUEUE_HELLOS, QUEUE_KINDS };

struct shared_history {
    struct queue queues[SHARED_DIRECTIONS][QUEUE_KINDS];
};

static bool queue_init(struct queue *queue, size_t count, size_t entry_size) {
    queue->entries = calloc(count, entry_size);
    queue->entry_size = entry_size;
    queue->count = count;
    return queue->entries != NULL;
}

static bool queue_put(struct queue *queue, const void *entry) {
    size_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&queue->tail, memory_order_acquire);
    if (head - tail == queue->count) {
        atomic_fetch_add_explicit(&queue->lost, 1, memory_order_relaxed);
        return false;
    }
    memcpy(queue->entries + head % queue->count * queue->entry_size, entry, queue->entry_size);
    atomic_store_explicit(&queue->head, head + 1, memory_order_release);
    return true;
}

static bool queue_take(struct queue *queue, void *entry) {
    size_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
    size_t head = atomic_load_explicit(&queue->head, memory_order_acquire);
    if (head == tail)
        return false;
    memcpy(entry, queue->entries + tail % queue->count * queue->entry_size, queue->entry_size);
    atomic_store_explicit(&queue->tail, tail + 1, memory_order_release);
    return true;
}

struct shared_history *shared_history_new(size_t entries) {
    struct shared_history *shared = calloc(1, sizeof *shared);
    bool is_good = shared != NULL;
    for (size_t i = 0; i < SHARED_DIRECTIONS && is_good; i++)
        is_good =
            queue_init(&shared->queues[i][QUEUE_SERVERS], entries, sizeof(struct shared_server)) &&
            queue_init(&shared->queues[i][QUEUE_HELLOS], entries, sizeof(struct shared_hello));
    if (is_good)
        return shared;
    shared_history_delete(shared);
    return NULL;
}

void shared_history_delete(struct shared_history *shared) {
    if (shared == NULL)
        return;
    for (size_t i = 0; i < SHARED_DIRECTIONS; i++)
        for (size_t kind = 0; kind < QUEUE_KINDS; kind++)
            free(shared->queues[i][kind].entries);
    free(shared);
}

bool shared_history_put_server(struct shared_history *shared, enum shared_direction direction,
                               const struct shared_server *server) {
    return queue_put(&shared->queues[direction][QUEUE_SERVERS], server);
}

bool shared_history_put_hello(struct shared_history *shared, enum shared_direction direction,
                              const struct shared_hello *hello) {
    return queue_put(&shared->queues[direction][QUEUE_HELLOS], hello);
}

bool shared_history_take_server(struct shared_history *shared, enum shared_direction direction,
                                struct shared_server *server) {
    return queue_take(&shared->queues[direction][QUEUE_SERVERS], server);
}

bool shared_history_take_hello(struct shared_history *shared, enum shared_direction direction,
                               struct shared_hello *hello) {
    return queue_take(&shared->queues[direction][QUEUE_HELLOS], hello);
}

uint64_t shared_history_lost(const struct shared_history *shared, enum shared_direction direction) {
    return atomic_load(&shared->queues[direction][QUEUE_SERVERS].lost) +
           atomic_load(&shared->queues[direction][QUEUE_HELLOS].lost);
}
