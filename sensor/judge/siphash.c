/*
 * siphash.c - SipHash-2-4 over a byte string, little-endian words as the paper has them.
 */
#include "siphash.h"

#include <string.h>

struct state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t rotate(uint64_t value, unsigned bits) {
    return (value << bits) | (value >> (64U - bits));
}

static inline void sip_round(struct state *s) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word) {
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

/* Written out, because compilers make one load of it. */
static inline uint64_t whole_word(const uint8_t *at) {
    return (uint64_t)at[0] | ((uint64_t)at[1] << 8U) | ((uint64_t)at[2] << 16U) |
           ((uint64_t)at[3] << 24U) | ((uint64_t)at[4] << 32U) | ((uint64_t)at[5] << 40U) |
           ((uint64_t)at[6] << 48U) | ((uint64_t)at[7] << 56U);
}

static inline uint64_t half_word(const uint8_t *at) {
    return (uint64_t)at[0] | ((uint64_t)at[1] << 8U) | ((uint64_t)at[2] << 16U) |
           ((uint64_t)at[3] << 24U);
}

/* Up to seven bytes; some may be read twice, to the same place. */
static uint64_t last_word(const uint8_t *bytes, size_t size) {
    if (size >= 4)
        return half_word(bytes) | half_word(bytes + size - 4) << (8U * (size - 4));
    if (size == 0)
        return 0;
    return (uint64_t)bytes[0] | ((uint64_t)bytes[size / 2] << (8U * (size / 2))) |
           ((uint64_t)bytes[size - 1] << (8U * (size - 1)));
}

uint64_t siphash(const void *data, size_t size, uint64_t lane) {
    const uint64_t key0 = 0x646f776e67726400U ^ lane;
    const uint64_t key1 = 0x7061737369766500U;
    struct state s = {
        key0 ^ 0x736f6d6570736575U,
        key1 ^ 0x646f72616e646f6dU,
        key0 ^ 0x6c7967656e657261U,
        key1 ^ 0x7465646279746573U,
    };
    const uint8_t *bytes = data;
    size_t whole = size - size % 8U;
    for (size_t at = 0; at < whole; at += 8)
        absorb(&s, whole_word(bytes + at));
    absorb(&s, last_word(bytes + whole, size - whole) | ((uint64_t)(size & 0xffU) << 56U));
    s.v2 ^= 0xffU;
    for (int i = 0; i < 4; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
