#include "flow_key.h"

bool flow_key_is_swapped(const struct packet *packet) {
    int order = memcmp(packet->source.bytes, packet->destination.bytes, sizeof packet->source);
    return order > 0 || (order == 0 && packet->source_port > packet->destination_port);
}

/* FNV-1a */
static const uint64_t fnv_start = 0xcbf29ce484222325U;
static const uint64_t fnv_prime = 0x100000001b3U;

static uint64_t fnv_add(uint64_t hash, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * fnv_prime;
    return hash;
}

static uint64_t fnv_add_number(uint64_t hash, uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8)
        hash = (hash ^ (uint8_t)(number >> shift)) * fnv_prime;
    return hash;
}

/* An IPv4 address ends in twelve zeroes: each of them only multiplies. */
static uint64_t fnv_add_address(uint64_t hash, const struct flow_key *key, unsigned end) {
    enum { IPV4_SIZE = 4 };
    static const uint64_t fnv_prime_to_12th = 0xf54383a05ace38b1U;
    uint8_t bytes[sizeof key->address[0]];
    memcpy(bytes, key->address[end], sizeof bytes);
    return key->ip_version == 4 ? fnv_add(hash, bytes, IPV4_SIZE) * fnv_prime_to_12th
                                : fnv_add(hash, bytes, sizeof bytes);
}

uint64_t flow_key_id(const struct flow_key *key, uint64_t started_us, uint64_t started_packet) {
    uint64_t hash = fnv_add_address(fnv_add_address(fnv_start, key, 0), key, 1);
    for (unsigned end = 0; end < 2; end++) {
        const uint8_t port[] = {(uint8_t)(key->port[end] >> 8U), (uint8_t)key->port[end]};
        hash = fnv_add(hash, port, sizeof port);
    }
    hash = fnv_add_number(fnv_add_number(hash, started_us), started_packet);
    hash ^= hash >> 32U;
    return (hash * 0x9e3779b97f4a7c15U) >> 11U;
}
