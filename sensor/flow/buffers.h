/*
 * buffers.h - byte buffers of three sizes, all allocated at the start.
 *
 * Streams keep hellos and segments that came too early in them. Taking and giving back cost a few
 * instructions; the buffer given back last is taken first, so that a sensor with little to do
 * touches little memory.
 */
#ifndef DOWNGRD_BUFFERS_H
#define DOWNGRD_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

enum buffer_class { BUFFER_SMALL, BUFFER_MEDIUM, BUFFER_LARGE, BUFFER_CLASS_COUNT };

enum {
    BUFFER_SMALL_SIZE = 2048,
    BUFFER_MEDIUM_SIZE = 18 * 1024,
    BUFFER_LARGE_SIZE =
        132 *
        1024, /* the longest ClientHello: two bytes of extensions length, and all before them */
};

struct buffer {
    uint8_t *data; /* NULL: none */
    uint32_t size;
    uint32_t index;
    enum buffer_class buffer_class;
};

struct buffer_pool {
    uint8_t *memory;
    uint32_t *free;
    size_t free_count;
    size_t count;
    size_t size;
};

struct buffers {
    struct buffer_pool pools[BUFFER_CLASS_COUNT];
};

/* `counts` per class. 0 or -ENOMEM (then nothing is held). */
int buffers_init(struct buffers *buffers, const size_t counts[BUFFER_CLASS_COUNT]);
void buffers_deinit(struct buffers *buffers);

/* A buffer of at least `size` bytes, of the smallest class that fits and is not empty; data is NULL
 * when there is none. */
struct buffer buffers_take(struct buffers *buffers, size_t size);
void buffers_give(struct buffers *buffers,
                  struct buffer *buffer); /* *buffer becomes none; giving none does nothing */

#endif
