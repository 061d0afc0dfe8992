/*
 * config_arena.c - see config_arena.h.
 */
#include "config_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16384 };

struct config_arena_block {
    struct config_arena_block *older;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void *config_arena_take(struct config_arena *arena, size_t count, size_t size) {
    size_t unit = alignof(max_align_t);
    if (size != 0 && count > (SIZE_MAX / 2 - sizeof(struct config_arena_block)) / size)
        return NULL;
    size_t wanted = (count * size + unit - 1) / unit * unit;
    if (arena->blocks == NULL || arena->blocks->size - arena->used < wanted) {
        size_t room = wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE;
        struct config_arena_block *block = calloc(1, sizeof *block + room);
        if (block == NULL)
            return NULL;
        block->older = arena->blocks;
        block->size = room;
        arena->blocks = block;
        arena->used = 0;
    }
    void *taken = arena->blocks->bytes + arena->used;
    arena->used += wanted;
    return taken;
}

char *config_arena_copy(struct config_arena *arena, const char *text, size_t size) {
    char *copy = config_arena_take(arena, size + 1, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void config_arena_deinit(struct config_arena *arena) {
    while (arena->blocks != NULL) {
        struct config_arena_block *block = arena->blocks;
        arena->blocks = block->older;
        free(block);
    }
    arena->used = 0;
}
