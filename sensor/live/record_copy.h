/*
 * record_copy.h - a finished record with everything that its spans point at, in one piece of
 * memory: the record that a flow table tells lives until the call returns only, and the judge is on
 * another thread.
 */
#ifndef DOWNGRD_RECORD_COPY_H
#define DOWNGRD_RECORD_COPY_H

#include "handshake.h"

enum { RECORD_COPY_ALIGNMENT = 16 };

/* Bytes that the copy takes; at most about 600 KiB (two of the longest hellos each way). */
size_t record_copy_size(const struct handshake *record);

/* The copy, at the beginning of `memory` (that many bytes, aligned); its spans point behind it. */
const struct handshake *record_copy(const struct handshake *record, void *memory);

#endif
