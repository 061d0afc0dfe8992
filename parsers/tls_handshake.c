/*
 * tls_handshake.c - what the handshake messages have in common: the header, the extension block,
 * and the sentinel that a server leaves in its random.
 */
#include "tls_handshake.h"

enum parse_status tls_handshake_header_parse(struct span bytes,
                                             struct tls_handshake_header *header) {
    struct reader reader = reader_of(bytes);
    uint8_t type = reader_u8(&reader);
    uint32_t length = reader_u24(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    *header = (struct tls_handshake_header){type, length};
    return PARSE_OK;
}

struct span tls_extension_block_read(struct reader *reader, bool *is_truncated) {
    *is_truncated = false;
    if (reader_left(reader) == 0)
        return (struct span){NULL, 0};
    size_t size = reader_u16(reader);
    if (!reader_ok(reader)) { /* half of the length */
        *is_truncated = true;
        return (struct span){NULL, 0};
    }
    *is_truncated = size > reader_left(reader);
    return reader_take(reader, *is_truncated ? reader_left(reader) : size);
}

bool tls_extension_next(struct span *extensions, struct tls_extension *extension) {
    return span_next_typed(extensions, &extension->type, &extension->data);
}

bool tls_extension_find(struct span extensions, uint16_t type, struct tls_extension *extension) {
    struct tls_extension candidate;
    while (tls_extension_next(&extensions, &candidate)) {
        if (candidate.type == type) {
            *extension = candidate;
            return true;
        }
    }
    return false;
}

bool tls_extension_set_add(struct tls_extension_set *set, uint16_t type) {
    if (type < TLS_EXTENSION_LOW_TYPES) {
        uint64_t bit = UINT64_C(1) << type;
        bool is_new = (set->low & bit) == 0;
        set->low |= bit;
        return is_new;
    }
    for (size_t i = 0; i < set->count; i++)
        if (set->high[i] == type)
            return false;
    if (set->count < TLS_EXTENSION_SET_SIZE)
        set->high[set->count++] = type;
    return true;
}

enum tls_sentinel tls_sentinel_of(struct span server_random) {
    enum { SENTINEL_SIZE = 8 };
    static const struct {
        uint8_t bytes[SENTINEL_SIZE];
        enum tls_sentinel sentinel;
    } sentinels[] = {
        {{'D', 'O', 'W', 'N', 'G', 'R', 'D', 0x01}, TLS_SENTINEL_TLS12},
        {{'D', 'O', 'W', 'N', 'G', 'R', 'D', 0x00}, TLS_SENTINEL_TLS11},
        {{0xed, 0xbf, 0xb4, 0xa8, 0xc2, 0x47, 0x10, 0xff}, TLS_SENTINEL_JDK11},
    };
    if (server_random.size != TLS_RANDOM_SIZE)
        return TLS_SENTINEL_NONE;
    struct span tail = span_from(server_random, TLS_RANDOM_SIZE - SENTINEL_SIZE);
    for (size_t i = 0; i < sizeof(sentinels) / sizeof(sentinels[0]); i++)
        if (memcmp(tail.data, sentinels[i].bytes, SENTINEL_SIZE) == 0)
            return sentinels[i].sentinel;
    return TLS_SENTINEL_NONE;
}
