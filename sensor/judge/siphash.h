/*
 * siphash.h - SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, 2012), for table keys and alert ids.
 *
 * The key is fixed, so that the same capture gives the same ids on every machine. Somebody who
 * prepares collisions for it gains little: tables are bounded, and each looks at one small set of
 * entries only (lru_table.h).
 */
#ifndef DOWNGRD_SIPHASH_H
#define DOWNGRD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* `lane` gives independent hashes of the same bytes: two of them make 128 bits. */
uint64_t siphash(const void *data, size_t size, uint64_t lane);

/* One hash out of two that are good already, for keys of several parts; not the same the other way
 * round. */
static inline uint64_t hash_join(uint64_t left, uint64_t right) {
    uint64_t hash = (left ^ (left >> 29U)) * 0xbf58476d1ce4e5b9U + right;
    hash = (hash ^ (hash >> 32U)) * 0x94d049bb133111ebU;
    return hash ^ (hash >> 31U);
}

#endif
