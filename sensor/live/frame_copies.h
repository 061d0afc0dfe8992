/*
 * frame_copies.h - a few frames that outlive the ring of the kernel's in which they came.
 *
 * The memory goes round: a frame stays until FRAME_COPIES_KEPT others have come after it.
 */
#ifndef DOWNGRD_FRAME_COPIES_H
#define DOWNGRD_FRAME_COPIES_H

#include "lane.h"

enum {
    FRAME_COPIES_MAX_SIZE = 2048,
    FRAME_COPIES_KEPT = LANE_ROW,
    FRAME_COPIES_BYTES = (FRAME_COPIES_KEPT + 2) * FRAME_COPIES_MAX_SIZE,
};

struct frame_copies {
    size_t used; /* of the memory, this time round */
    _Alignas(64) uint8_t memory[FRAME_COPIES_BYTES];
};

/* The copy. A frame may have FRAME_COPIES_MAX_SIZE bytes. */
struct span frame_copies_add(struct frame_copies *copies, struct span frame);

#endif
