/*
 * record_copy.h - a finished record with everything that its spans point at, in one piece of
 * memory: the record that a flow table tells lives until the call returns only, and the judge is on
 * another thread.
 */
#ifndef DOWNGRD_RECORD_COPY_H
#define DOWNGRD_RECORD_COPY_H

#include "handshake.h"

enum { RECORD_COPY_ALIGNMENT = 16 };

/*
 * Makes the copy at the beginning of `memory` (aligned, with room for that many bytes), its spans
 * point behind it. Entries of its arrays past their counts have no value. How many bytes it takes,
 * at most about 600 KiB (two of the longest hellos each way); 0 when there is no room.
 */
size_t record_copy(const struct handshake *record, void *memory, size_t room);

#endif
