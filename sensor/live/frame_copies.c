#include "frame_copies.h"

#include <assert.h>

enum { ALIGNMENT = 64 };

/* The rest of the memory that is left unused is smaller than a frame, and so is the frame that
 * would be overwritten next: of all others there is room for FRAME_COPIES_KEPT. */
struct span frame_copies_add(struct frame_copies *copies, struct span frame) {
    assert(frame.size <= FRAME_COPIES_MAX_SIZE);
    if (frame.size > FRAME_COPIES_BYTES - copies->used)
        copies->used = 0;
    uint8_t *copy = copies->memory + copies->used;
    memcpy(copy, frame.data, frame.size);
    copies->used += (frame.size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return span_of(copy, frame.size);
}
