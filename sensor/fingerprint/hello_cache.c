#include "hello_cache.h"

#include "tls_names.h"

enum { OF_CLIENT = 'c', OF_SERVER = 's' };

static void put_u16(struct hello_identity *identity, unsigned number) {
    size_t at = identity->size;
    identity->size += 2;
    if (identity->size > IDENTITY_SIZE)
        return;
    identity->bytes[at] = (uint8_t)(number >> 8U);
    identity->bytes[at + 1] = (uint8_t)number;
}

/* Where a list began, so that its length can go before it. */
static size_t open_list(struct hello_identity *identity) {
    put_u16(identity, 0);
    return identity->size;
}

static void close_list(struct hello_identity *identity, size_t start) {
    if (identity->size > IDENTITY_SIZE)
        return;
    size_t size = identity->size - start;
    identity->bytes[start - 2] = (uint8_t)(size >> 8U);
    identity->bytes[start - 1] = (uint8_t)size;
}

/* A list that does not fit as a whole is not taken, even if it would without its GREASE. */
static bool has_room(struct hello_identity *identity, size_t size) {
    if (identity->size + 2 + size <= IDENTITY_SIZE)
        return true;
    identity->size = IDENTITY_SIZE + 1;
    return false;
}

/* Each number is written, and what is GREASE is written over. */
static void put_numbers(struct hello_identity *identity, struct span list) {
    if (!has_room(identity, list.size))
        return;
    size_t start = open_list(identity);
    uint8_t *at = identity->bytes + start;
    uint16_t number = 0;
    while (span_next_u16(&list, &number)) {
        at[0] = (uint8_t)(number >> 8U);
        at[1] = (uint8_t)number;
        at += tls_is_grease(number) ? 0 : 2;
    }
    identity->size = (size_t)(at - identity->bytes);
    close_list(identity, start);
}

static void put_extension_types(struct hello_identity *identity, struct span extensions) {
    size_t start = open_list(identity);
    struct tls_extension extension;
    while (identity->size <= IDENTITY_SIZE && tls_extension_next(&extensions, &extension))
        if (!tls_is_grease(extension.type))
            put_u16(identity, extension.type);
    close_list(identity, start);
}

static void put_bytes(struct hello_identity *identity, struct span bytes) {
    put_u16(identity, (unsigned)(bytes.size & UINT16_MAX));
    size_t at = identity->size;
    identity->size += bytes.size;
    if (identity->size <= IDENTITY_SIZE && bytes.size != 0)
        memcpy(identity->bytes + at, bytes.data, bytes.size);
}

void hello_identity_of_client(const struct client_hello *hello, enum ja4_transport transport,
                              struct hello_identity *identity) {
    identity->size = 0;
    put_u16(identity, (unsigned)OF_CLIENT << 8U | (unsigned)transport);
    put_u16(identity, hello->is_sslv2);
    put_u16(identity, hello->legacy_version);
    put_numbers(identity, hello->cipher_suites);
    put_extension_types(identity, hello->extensions);
    put_numbers(identity, hello->supported_groups);
    put_bytes(identity, hello->ec_point_formats);
    put_numbers(identity, hello->signature_algorithms);
    put_numbers(identity, hello->supported_versions);
    put_bytes(identity, hello->alpn);
}

void hello_identity_of_server(const struct server_hello *hello, struct hello_identity *identity) {
    identity->size = 0;
    put_u16(identity, (unsigned)OF_SERVER << 8U);
    put_u16(identity, hello->legacy_version);
    put_u16(identity, hello->cipher_suite);
    put_extension_types(identity, hello->extensions);
}

/* The first of its places. Eight bytes at a time, the last ones possibly twice; there are eight at
 * least. */
static size_t place_of(const struct hello_identity *identity) {
    uint64_t hash = identity->size;
    uint64_t word = 0;
    for (size_t at = 0; at + sizeof word < identity->size; at += sizeof word) {
        memcpy(&word, identity->bytes + at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 32U;
    }
    memcpy(&word, identity->bytes + identity->size - sizeof word, sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return (size_t)(hash >> 32U) & (HELLO_CACHE_SIZE - HELLO_CACHE_WAYS);
}

const struct cached_hello *hello_cache_find(const struct hello_cache *cache,
                                            const struct hello_identity *identity) {
    if (identity->size > IDENTITY_SIZE || identity->size < sizeof(uint64_t))
        return NULL;
    const struct cached_hello *first = &cache->hellos[place_of(identity)];
    for (const struct cached_hello *cached = first; cached < first + HELLO_CACHE_WAYS; cached++)
        if (cached->identity.size == identity->size &&
            memcmp(cached->identity.bytes, identity->bytes, identity->size) == 0)
            return cached;
    return NULL;
}

void hello_cache_put(struct hello_cache *cache, const struct hello_identity *identity,
                     const struct ja3 *ja3, const char *ja4) {
    if (identity->size > IDENTITY_SIZE || identity->size < sizeof(uint64_t) ||
        (ja3 && (ja3->text_size == 0 || ja3->text_size > CACHED_TEXT_SIZE)))
        return;
    struct cached_hello *cached =
        &cache->hellos[place_of(identity) + cache->turn++ % HELLO_CACHE_WAYS];
    cached->identity.size = identity->size;
    memcpy(cached->identity.bytes, identity->bytes, identity->size);
    cached->has_ja3 = ja3 != NULL;
    cached->has_ja4 = ja4 != NULL;
    if (ja3) {
        memcpy(cached->ja3_hash, ja3->hash, sizeof cached->ja3_hash);
        cached->text_size = ja3->text_size;
        memcpy(cached->text, ja3->text, ja3->text_size);
    }
    if (ja4)
        memcpy(cached->ja4, ja4, sizeof cached->ja4);
}
