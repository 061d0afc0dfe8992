/*
 * byte_source.h - the bytes of a capture, wherever they come from: a file, a pipe, a device; as
 * they lie there, or unpacked when their first bytes say that they are compressed (unpack.h).
 */
#ifndef DOWNGRD_BYTE_SOURCE_H
#define DOWNGRD_BYTE_SOURCE_H

#include "file_map.h"
#include "unpack.h"

struct byte_source;

/* Takes the descriptor and closes it in the end, also when this fails. Waits for its first bytes.
 * NULL when out of memory. */
struct byte_source *byte_source_new(int descriptor);
void byte_source_delete(struct byte_source *source);

/*
 * Reads up to `size` bytes (1 or more) and returns how many, as soon as there are any. 0 is the
 * end, for good: of all there is, or where byte_source_failure() says why there is no more.
 */
size_t byte_source_read(struct byte_source *source, uint8_t *to, size_t size);

/*
 * Maps all bytes that were not handed out yet, when they lie in a regular file as they are. Then
 * *bytes is what there is now, and byte_source_read() goes on behind it, with what was appended
 * since. False where that is not possible; nothing has changed then. *map is the caller's to close.
 */
bool byte_source_map(struct byte_source *source, struct file_map *map, struct span *bytes);

/* Why the bytes ended early; NULL when they did not. */
const char *byte_source_failure(const struct byte_source *source);

/* Whether that is because the compressed data end in the middle. */
bool byte_source_is_truncated(const struct byte_source *source);

enum packing byte_source_packing(const struct byte_source *source);

/* How many bytes came in, before any unpacking. */
uint64_t byte_source_taken(const struct byte_source *source);

#endif
