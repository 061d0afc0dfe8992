/*
 * config_arena.h - memory that is taken in small pieces and let go as a whole.
 */
#ifndef DOWNGRD_CONFIG_ARENA_H
#define DOWNGRD_CONFIG_ARENA_H

#include <stddef.h>

struct config_arena_block;

struct config_arena {
    struct config_arena_block *blocks; /* the newest first; {0} is an empty arena */
    size_t used;                       /* of the newest */
};

/* `count` times `size` bytes, zeroed and aligned for anything; never shrinks or moves. NULL when
 * out of memory. */
void *config_arena_take(struct config_arena *arena, size_t count, size_t size);
/* A copy of `size` bytes, with a NUL behind it. */
char *config_arena_copy(struct config_arena *arena, const char *text, size_t size);
void config_arena_deinit(struct config_arena *arena);

#endif
