/*
 * file_map.h - a whole capture file as bytes in memory, without a copy: for the quick way through
 * files that lie there as they are.
 *
 * The file stays mapped until it is closed, so bytes once seen stay where they are; what lies far
 * behind the reader is let go all the same (its pages come back by themselves when they are looked
 * at again), so that the memory in use does not grow with the file.
 *
 * Somebody may make the file shorter, or its disk may fail, while it is mapped: then bytes that
 * cannot be had read as zeroes, and file_map_is_broken() says so. That takes a handler for SIGBUS,
 * which is installed with each map and leaves all other bus errors what they are.
 */
#ifndef DOWNGRD_FILE_MAP_H
#define DOWNGRD_FILE_MAP_H

#include "span.h"

#include <signal.h>

enum { FILE_MAP_AHEAD = 512 * 1024 }; /* more than anybody looks ahead of where he stands */

struct file_map {
    uint8_t *bytes; /* read only; NULL: not mapped */
    size_t size;
    size_t ready;   /* up to here pages were asked for */
    size_t dropped; /* up to here they were let go */
    size_t guard;   /* which of the guarded ranges it is */
};

/* Maps `size` bytes of a regular file. False where that is not possible, and then *map is zero. */
bool file_map_open(struct file_map *map, int descriptor, uint64_t size);
/* Safe on zeroes. */
void file_map_close(struct file_map *map);

bool file_map_is_broken(const struct file_map *map);

/* file_map_advance() when there is something to do. */
void file_map_step(struct file_map *map, size_t offset);

/* The reader stands at `offset` and goes forwards. */
static inline void file_map_advance(struct file_map *map, size_t offset) {
    if (offset + FILE_MAP_AHEAD > map->ready && map->ready < map->size)
        file_map_step(map, offset);
}

#endif
