#include "flow_key.h"

bool flow_key_is_swapped(const struct packet *packet) {
    int order = memcmp(packet->source.bytes, packet->destination.bytes, sizeof packet->source);
    return order > 0 || (order == 0 && packet->source_port > packet->destination_port);
}

uint64_t flow_key_id(const struct flow_key *key, uint64_t started_us, uint64_t started_packet) {
    uint8_t bytes[sizeof key->address + 4 + 8 + 8];
    size_t size = sizeof key->address;
    memcpy(bytes, key->address, size);
    for (unsigned end = 0; end < 2; end++) {
        bytes[size++] = (uint8_t)(key->port[end] >> 8U);
        bytes[size++] = (uint8_t)key->port[end];
    }
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes[size++] = (uint8_t)(started_us >> shift);
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes[size++] = (uint8_t)(started_packet >> shift);
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a, then mixed */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    hash ^= hash >> 32U;
    return (hash * 0x9e3779b97f4a7c15U) >> 11U;
}
