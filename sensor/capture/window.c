#include "window.h"

#include <assert.h>
#include <stdlib.h>

/* What is left stands before this place, what is read behind it: the kernel copies whole pages
 * best. */
enum { READ_AT = WINDOW_MAX_WANT, PAGE = 4096 };

int window_init(struct window *window, struct byte_source *source) {
    *window = (struct window){.source = source};
    window->block = aligned_alloc(PAGE, READ_AT + WINDOW_MAX_WANT + WINDOW_READ_SIZE);
    return window->block != NULL ? 0 : -1;
}

void window_deinit(struct window *window) {
    free(window->block);
    window->block = NULL;
}

bool window_refill(struct window *window, size_t size) {
    assert(size <= WINDOW_MAX_WANT);
    size_t left = window_left(window);
    memmove(window->block + READ_AT - left, window->block + window->at, left);
    window->at = READ_AT - left;
    window->end = READ_AT;
    while (window_left(window) < size) {
        size_t got =
            byte_source_read(window->source, window->block + window->end, WINDOW_READ_SIZE);
        if (got == 0)
            return false;
        window->end += got;
        window->taken += got;
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
