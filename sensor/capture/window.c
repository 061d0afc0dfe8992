#include "window.h"

#include <assert.h>
#include <stdlib.h>

static int use_block(struct window *window) {
    window->block = malloc(WINDOW_SIZE);
    window->bytes = window->block;
    return window->block != NULL ? 0 : -1;
}

int window_init(struct window *window, struct byte_source *source) {
    struct span bytes;
    *window = (struct window){.source = source};
    if (!byte_source_map(source, &window->map, &bytes))
        return use_block(window);
    window->bytes = bytes.data;
    window->end = bytes.size;
    window->map_skipped = window->map.size - bytes.size;
    return 0;
}

void window_deinit(struct window *window) {
    free(window->block);
    window->block = NULL;
    file_map_close(&window->map);
}

bool window_refill(struct window *window, size_t size) {
    assert(size <= WINDOW_MAX_WANT);
    const uint8_t *old = window->bytes;
    size_t left = window_left(window);
    if (window->block == NULL && use_block(window) != 0) {
        window->bytes = old;
        return false;
    }
    memmove(window->block, old + window->at, left);
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
