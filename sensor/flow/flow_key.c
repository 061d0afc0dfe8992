#include "flow_key.h"

unsigned flow_key_of(const struct packet *packet, struct flow_key *key) {
    enum { ADDRESS_SIZE = sizeof packet->source.bytes };
    int order = memcmp(packet->source.bytes, packet->destination.bytes, ADDRESS_SIZE);
    bool is_swapped = order > 0 || (order == 0 && packet->source_port > packet->destination_port);
    unsigned from = is_swapped ? 1 : 0;
    memcpy(key->address[from], packet->source.bytes, ADDRESS_SIZE);
    memcpy(key->address[from ^ 1U], packet->destination.bytes, ADDRESS_SIZE);
    key->port[from] = packet->source_port;
    key->port[from ^ 1U] = packet->destination_port;
    key->ip_version = packet->ip_version;
    key->protocol = packet->protocol;
    return from;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64U);
}

uint64_t flow_key_hash(const uint64_t seed[2], const struct flow_key *key) {
    uint64_t ports = (uint64_t)key->port[0] << 48U | (uint64_t)key->port[1] << 32U |
                     (uint64_t)key->protocol << 16U | key->ip_version;
    uint64_t hash = mix(key->address[0][0] ^ seed[0], key->address[1][0] ^ seed[1]);
    hash = mix(hash ^ ports, seed[0] ^ 0x9e3779b97f4a7c15U);
    if (key->ip_version == 6)
        hash = mix(hash ^ key->address[0][1], key->address[1][1] ^ seed[1]);
    return hash;
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

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b) {
    uint64_t difference = 0;
    for (unsigned end = 0; end < 2; end++)
        difference |= (a->address[end][0] ^ b->address[end][0]) |
                      (a->address[end][1] ^ b->address[end][1]) |
                      (uint64_t)(a->port[end] ^ b->port[end]);
    return difference == 0 && a->ip_version == b->ip_version && a->protocol == b->protocol;
}
