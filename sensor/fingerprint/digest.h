/*
 * digest.h - one hash function of libcrypto, made ready once and used again and again, and texts
 * that are hashed while they are written.
 */
#ifndef DOWNGRD_DIGEST_H
#define DOWNGRD_DIGEST_H

#include "span.h"

struct digest;

/* `name` as libcrypto knows it: "MD5", "SHA256". NULL when it refuses (MD5 may be switched off by
 * policy) or memory ran out. */
struct digest *digest_new(const char *name);
void digest_delete(struct digest *digest);

/* The hash of some bytes, and how many bytes it is; 0 when libcrypto refuses. */
enum { DIGEST_MAX = 64 };
size_t digest_of(struct digest *digest, const void *bytes, size_t size, uint8_t hash[DIGEST_MAX]);

enum { DIGEST_HEX_MAX = 64 };

/* A text that goes into a hash: as long as it fits it stays in the caller's buffer, then the buffer
 * is emptied into the hash and filled again. Bounded memory for a text of any length. */
struct digest_text {
    struct digest *digest;
    char *buffer;
    size_t room;
    size_t used;
    bool has_begun; /* some of it is gone from the buffer */
    bool failed;
};

/* `room` is at least DIGEST_TEXT_PIECE. */
struct digest_text digest_text_begin(struct digest *digest, char *buffer, size_t room);

/* Where the next piece of the text may be written: so many bytes are free there. Numbers are
 * written in place, since copying them would cost more than they do. digest_text_put() takes what
 * was written, up to `end`. */
enum { DIGEST_TEXT_PIECE = 8 };
void digest_text_flush(struct digest_text *text);
static inline char *digest_text_at(struct digest_text *text) {
    if (text->room - text->used < DIGEST_TEXT_PIECE)
        digest_text_flush(text);
    return text->buffer + text->used;
}
static inline void digest_text_put(struct digest_text *text, const char *end) {
    text->used = (size_t)(end - text->buffer);
}

/* Writes `digits` (at most DIGEST_HEX_MAX, no more than the hash has) lower-case hexadecimal digits
 * and a NUL. False when libcrypto failed. */
bool digest_text_finish(struct digest_text *text, char *hex, size_t digits);

#endif
