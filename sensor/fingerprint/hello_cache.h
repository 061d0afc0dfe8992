/*
 * hello_cache.h - fingerprints by what they are made of: hellos of one program look alike, so most
 * need no hashing.
 *
 * An identity holds everything of a hello that JA3, JA3S and JA4 depend on, GREASE left out as they
 * do, and nothing else. It is compared byte by byte: a hash only says where to look, so nobody can
 * make a hello that is taken for another. A hash has four places, taken in turn. Hellos that are
 * unusually long are not kept.
 */
#ifndef DOWNGRD_HELLO_CACHE_H
#define DOWNGRD_HELLO_CACHE_H

#include "ja3.h"
#include "ja4.h"

enum { IDENTITY_SIZE = 512, CACHED_TEXT_SIZE = 512 };

struct hello_identity {
    size_t size; /* more than IDENTITY_SIZE: it is too long, and not all there */
    uint8_t bytes[IDENTITY_SIZE];
};

void hello_identity_of_client(const struct client_hello *hello, enum ja4_transport transport,
                              struct hello_identity *identity);
void hello_identity_of_server(const struct server_hello *hello, struct hello_identity *identity);

/* What is kept of a client's hello, or of a server's (which has no JA4). */
struct cached_hello {
    struct hello_identity identity; /* size 0: free */
    bool has_ja3;
    bool has_ja4;
    char ja3_hash[JA3_HASH_SIZE];
    char ja4[JA4_SIZE];
    size_t text_size;
    char text[CACHED_TEXT_SIZE];
};

enum { HELLO_CACHE_SIZE = 1024, HELLO_CACHE_WAYS = 4 }; /* powers of two */

struct hello_cache {
    unsigned turn;
    struct cached_hello hellos[HELLO_CACHE_SIZE];
};

/* NULL when it is not kept. */
const struct cached_hello *hello_cache_find(const struct hello_cache *cache,
                                            const struct hello_identity *identity);

/* Keeps the fingerprints of that hello, if it is not too long. `ja3` and `ja4` may be NULL: it has
 * none. */
void hello_cache_put(struct hello_cache *cache, const struct hello_identity *identity,
                     const struct ja3 *ja3, const char *ja4);

#endif
