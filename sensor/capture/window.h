/*
 * window.h - a window on a byte source that moves forwards: readers of a format make the bytes that
 * they want stand in it, look at them in place, and move on.
 */
#ifndef DOWNGRD_WINDOW_H
#define DOWNGRD_WINDOW_H

#include "byte_source.h"

enum {
    WINDOW_SIZE = 512 * 1024,     /* of the sizes tried the quickest: it stays in the cache */
    WINDOW_MAX_WANT = 320 * 1024, /* what window_fill() may be asked for */
};

struct window {
    struct byte_source *source; /* borrowed */
    const uint8_t *bytes;       /* in view: the block's, or the map's */
    size_t at;                  /* where the reader stands in them */
    size_t end;                 /* how many they are */
    uint64_t base;              /* offset in the stream of bytes of the first one */
    uint8_t *block;             /* NULL while the map is in view */
    size_t map_skipped;         /* bytes of the map that the stream begins behind */
    struct file_map map;
};

/* 0, or -1 when out of memory. window_deinit() is safe after either, and on zeroes. */
int window_init(struct window *window, struct byte_source *source);
void window_deinit(struct window *window);

/* True when what was seen so far, and what comes up to the next window_fill() that is not in view,
 * stays valid until window_deinit(). */
static inline bool window_is_mapped(const struct window *window) {
    return window->block == NULL;
}

/* To be called now and then, as the reader moves on. False when a mapped file lost bytes that it
 * had: then some of what was seen last are zeroes. */
static inline bool window_advance(struct window *window) {
    if (window->block != NULL)
        return true;
    file_map_advance(&window->map, window->map_skipped + window->at);
    return !file_map_is_broken(&window->map);
}

/* window_fill() where the bytes are not there yet. */
bool window_refill(struct window *window, size_t size);

/* Moves `size` bytes on; false when there are fewer, and then the window stands at the end. */
bool window_skip(struct window *window, uint64_t size);

static inline size_t window_left(const struct window *window) {
    return window->end - window->at;
}

/* Makes the next `size` bytes stand in the window; false when there are fewer: then those that
 * there are do. */
static inline bool window_fill(struct window *window, size_t size) {
    return window_left(window) >= size || window_refill(window, size);
}

/* The next `size` bytes, which window_fill() put there; valid until the next fill or skip. */
static inline struct span window_span(const struct window *window, size_t size) {
    return span_of(window->bytes + window->at, size);
}

/* Moves on over bytes that stand in the window. */
static inline void window_move(struct window *window, size_t size) {
    window->at += size;
}

/* What is `distance` bytes ahead will be looked at soon. */
static inline void window_expect(const struct window *window, size_t distance) {
    if (distance < window_left(window))
        __builtin_prefetch(window->bytes + window->at + distance);
}

/* Where the reader stands, counted from the first byte of the (unpacked) stream. */
static inline uint64_t window_offset(const struct window *window) {
    return window->base + window->at;
}

#endif
