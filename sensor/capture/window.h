/*
 * window.h - a window on a byte source that moves forwards: readers of a format make the bytes that
 * they want stand in it, look at them in place, and move on.
 *
 * A file is read by the piece, into memory that stays in the processor's cache. That is quicker
 * than mapping it: the pages need no mapping, and nobody waits for a packet's bytes.
 */
#ifndef DOWNGRD_WINDOW_H
#define DOWNGRD_WINDOW_H

#include "byte_source.h"

enum {
    WINDOW_READ_SIZE = 128 * 1024, /* at a time; of the sizes tried the quickest */
    WINDOW_MAX_WANT = 320 * 1024,  /* what window_fill() may be asked for */
};

struct window {
    struct byte_source *source; /* borrowed */
    uint8_t *block;
    size_t at;      /* where the reader stands in it */
    size_t end;     /* up to here there are bytes */
    uint64_t taken; /* how many bytes of the stream came into view so far */
};

/* 0, or -1 when out of memory. window_deinit() is safe after either, and on zeroes. */
int window_init(struct window *window, struct byte_source *source);
void window_deinit(struct window *window);

/* window_fill() where the bytes are not there yet. */
bool window_refill(struct window *window, size_t size);

/* Moves `size` bytes on; false when there are fewer, and then the window stands at the end. */
bool window_skip(struct window *window, uint64_t size);

static inline size_t window_left(const struct window *window) {
    return window->end - window->at;
}

/* Makes the next `size` bytes stand in the window; false when there are fewer: then those that
 * there are do. When they do already, nothing moves. */
static inline bool window_fill(struct window *window, size_t size) {
    return window_left(window) >= size || window_refill(window, size);
}

/* The next `size` bytes, which stand in the window; valid until they are moved by a fill or skip
 * of more than stands there. */
static inline struct span window_span(const struct window *window, size_t size) {
    return span_of(window->block + window->at, size);
}

/* Moves on over bytes that stand in the window. */
static inline void window_move(struct window *window, size_t size) {
    window->at += size;
}

/* Where the reader stands, counted from the first byte of the (unpacked) stream. */
static inline uint64_t window_offset(const struct window *window) {
    return window->taken - window_left(window);
}

#endif
