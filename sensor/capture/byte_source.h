/*
 * byte_source.h - the bytes of a capture, wherever they come from: a file, a pipe, a device; as
 * they lie there, or unpacked when their first bytes say that they are compressed (unpack.h).
 */
#ifndef DOWNGRD_BYTE_SOURCE_H
#define DOWNGRD_BYTE_SOURCE_H

#include "span.h"
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

/* Why the bytes ended early; NULL when they did not. */
const char *byte_source_failure(const struct byte_source *source);

/* Whether that is because there are fewer of them than there should be. */
bool byte_source_is_truncated(const struct byte_source *source);

enum packing byte_source_packing(const struct byte_source *source);

/* How many bytes came in, before any unpacking. */
uint64_t byte_source_taken(const struct byte_source *source);

#endif
