/*
 * replay_order.h - the parts of one capture in the order of their time.
 *
 * Rotated captures are named so that a shell sorts them wrongly (cap, cap1, cap10, cap2), or
 * written round and round: what counts is the time of each file's first packet.
 */
#ifndef DOWNGRD_REPLAY_ORDER_H
#define DOWNGRD_REPLAY_ORDER_H

#include <stddef.h>

/* Sorts by the first packet's time; equal ones stay in their order. A file that cannot be read, or
 * is empty, stands behind the one that it was named after. 0, or -1 when out of memory. */
int replay_order(const char **files, size_t count);

#endif
