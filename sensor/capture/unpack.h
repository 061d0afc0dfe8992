/*
 * unpack.h - compressed bytes to plain ones, a piece at a time: gzip (RFC 1952) and Zstandard (RFC
 * 8878), known by their first bytes. zlib's and libzstd's owner.
 *
 * Several members or frames one after the other give their contents one after the other, as gzip
 * and zstd themselves do. Memory does not depend on what is unpacked: gzip takes 32 KiB, zstd the
 * window that its frames ask for, at most 128 MiB, which is what the zstd program allows by itself.
 */
#ifndef DOWNGRD_UNPACK_H
#define DOWNGRD_UNPACK_H

#include "span.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

enum { PACKING_MAGIC_SIZE = 4 };

/* What the first bytes (four, if there are as many) say. */
enum packing packing_of(struct span start);

/* "gzip", "zstd"; "" for PACKING_NONE. */
const char *packing_name(enum packing packing);

struct unpacker;

/* For PACKING_GZIP or PACKING_ZSTD. NULL when out of memory. */
struct unpacker *unpacker_new(enum packing packing);
void unpacker_delete(struct unpacker *unpacker);

/*
 * Takes from the front of *input and writes up to `size` bytes to `to`; returns how many. 0 says
 * that more input is needed, or that something is wrong: unpacker_failure(). With an empty input it
 * gives what is still inside.
 */
size_t unpacker_step(struct unpacker *unpacker, struct span *input, uint8_t *to, size_t size);

/* What is wrong with the input, for good; NULL while nothing is. */
const char *unpacker_failure(const struct unpacker *unpacker);

/* True where the input may end: behind a member or frame that was complete. */
bool unpacker_may_end(const struct unpacker *unpacker);

#endif
