#include "buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table_memory.h"

int buffers_init(struct buffers *buffers, const size_t counts[BUFFER_CLASS_COUNT]) {
    static const size_t sizes[BUFFER_CLASS_COUNT] = {BUFFER_SMALL_SIZE, BUFFER_MEDIUM_SIZE,
                                                     BUFFER_LARGE_SIZE};
    memset(buffers, 0, sizeof *buffers);
    for (size_t i = 0; i < BUFFER_CLASS_COUNT; i++) {
        struct buffer_pool *pool = &buffers->pools[i];
        pool->count = counts[i];
        pool->size = sizes[i];
        if (counts[i] == 0)
            continue;
        pool->memory = table_memory_new(counts[i], sizes[i]);
        pool->free = calloc(counts[i], sizeof *pool->free);
        if (pool->memory == NULL || pool->free == NULL) {
            buffers_deinit(buffers);
            return -ENOMEM;
        }
        pool->free_count = counts[i];
        for (size_t slot = 0; slot < counts[i]; slot++)
            pool->free[slot] = (uint32_t)(counts[i] - 1 - slot);
    }
    return 0;
}

void buffers_deinit(struct buffers *buffers) {
    for (size_t i = 0; i < BUFFER_CLASS_COUNT; i++) {
        table_memory_delete(buffers->pools[i].memory, buffers->pools[i].count,
                            buffers->pools[i].size);
        free(buffers->pools[i].free);
    }
    memset(buffers, 0, sizeof *buffers);
}

struct buffer buffers_take(struct buffers *buffers, size_t size) {
    for (size_t i = 0; i < BUFFER_CLASS_COUNT; i++) {
        struct buffer_pool *pool = &buffers->pools[i];
        if (size > pool->size || pool->free_count == 0)
            continue;
        uint32_t index = pool->free[--pool->free_count];
        return (struct buffer){pool->memory + index * pool->size, (uint32_t)pool->size, index,
                               (enum buffer_class)i};
    }
    return (struct buffer){0};
}

void buffers_give(struct buffers *buffers, struct buffer *buffer) {
    if (buffer->data == NULL)
        return;
    struct buffer_pool *pool = &buffers->pools[buffer->buffer_class];
    pool->free[pool->free_count++] = buffer->index;
    buffer->data = NULL;
}
