#include "window.h"

#include <assert.h>
#include <stdlib.h>

int window_init(struct window *window, struct byte_source *source) {
    *window = (struct window){.source = source, .block = malloc(WINDOW_SIZE)};
    return window->block != NULL ? 0 : -1;
}

void window_deinit(struct window *window) {
    free(window->block);
    window->block = NULL;
}

bool window_refill(struct window *window, size_t size) {
    assert(size <= WINDOW_MAX_WANT);
    size_t left = window_left(window);
    memmove(window->block, window->block + window->at, left);
    window->base += window->at;
    window->at = 0;
    window->end = left;
    while (window->end < size) {
        size_t got = byte_source_read(window->source, window->block + window->end,
                                      WINDOW_SIZE - window->end);
        if (got == 0)
            return false;
        window->end += got;
    }
    return true;
}

bool window_skip(struct window *window, uint64_t size) {
    while (size > window_left(window)) {
        size -= window_left(window);
        window_move(window, window_left(window));
        if (!window_refill(window, 1))
            return false;
    }
    window_move(window, (size_t)size);
    return true;
}
