/*
 * flow_key.h - what names a connection: both ends in a fixed order, whoever speaks.
 */
#ifndef DOWNGRD_FLOW_KEY_H
#define DOWNGRD_FLOW_KEY_H

#include "packet.h"

struct flow_key {
    uint64_t address[2][2];
    uint16_t port[2];
    uint16_t ip_version;
    uint16_t protocol;
};

/* Where in the table a packet's flow is looked for. */
struct flow_place {
    struct flow_key key;
    uint64_t hash;
    unsigned from; /* which of the key's ends sent the packet */
};

/* Is it the source's end that comes second? The order is that of the addresses' bytes, and of the
 * ports where both are the same. */
bool flow_key_is_swapped(const struct packet *packet);

static inline uint64_t flow_key_ipv4_end(const struct ip_address *address, uint16_t port) {
    const uint8_t *bytes = address->bytes;
    uint32_t number =
        (uint32_t)bytes[0] << 24U | (uint32_t)bytes[1] << 16U | (uint32_t)bytes[2] << 8U | bytes[3];
    return (uint64_t)number << 16U | port;
}

/* Fills the key with the ends in a fixed order; returns which of them (0, 1) sent the packet. That
 * cannot be foreseen, so it is no branch. */
static inline unsigned flow_key_of(const struct packet *packet, struct flow_key *key) {
    uint64_t source[2];
    uint64_t destination[2];
    unsigned is_swapped =
        packet->ip_version == 4
            ? flow_key_ipv4_end(&packet->source, packet->source_port) >
                  flow_key_ipv4_end(&packet->destination, packet->destination_port)
            : flow_key_is_swapped(packet);
    uint64_t swap = 0 - (uint64_t)is_swapped;
    memcpy(source, packet->source.bytes, sizeof source);
    memcpy(destination, packet->destination.bytes, sizeof destination);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t both = (source[i] ^ destination[i]) & swap;
        key->address[0][i] = source[i] ^ both;
        key->address[1][i] = destination[i] ^ both;
    }
    unsigned ports = (packet->source_port ^ packet->destination_port) & (unsigned)swap;
    key->port[0] = (uint16_t)(packet->source_port ^ ports);
    key->port[1] = (uint16_t)(packet->destination_port ^ ports);
    key->ip_version = packet->ip_version;
    key->protocol = packet->protocol;
    return is_swapped;
}

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b) {
    uint64_t rest[2];
    memcpy(&rest[0], a->port, sizeof rest[0]);
    memcpy(&rest[1], b->port, sizeof rest[1]);
    return ((a->address[0][0] ^ b->address[0][0]) | (a->address[0][1] ^ b->address[0][1]) |
            (a->address[1][0] ^ b->address[1][0]) | (a->address[1][1] ^ b->address[1][1]) |
            (rest[0] ^ rest[1])) == 0;
}

static inline uint64_t flow_key_mix(uint64_t a, uint64_t b) {
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64U);
}

/* For hash buckets. With a random seed nobody can choose addresses that share one; no output
 * depends on it. */
static inline uint64_t flow_key_hash(const uint64_t seed[2], const struct flow_key *key) {
    uint64_t rest = (uint64_t)key->port[0] << 48U | (uint64_t)key->port[1] << 32U |
                    (uint64_t)key->protocol << 16U | key->ip_version;
    uint64_t hash = flow_key_mix(key->address[0][0] ^ seed[0], key->address[1][0] ^ seed[1]);
    if (key->ip_version == 6)
        hash = flow_key_mix(hash ^ key->address[0][1], key->address[1][1] ^ seed[1]);
    return flow_key_mix(hash ^ rest, seed[0] ^ 0x9e3779b97f4a7c15U);
}

/* Names the connection that began then: the same number on every machine, below 2^53 so that JSON
 * readers keep it exact. */
uint64_t flow_key_id(const struct flow_key *key, uint64_t started_us, uint64_t started_packet);

_Static_assert(sizeof(struct flow_key) == 40, "ports, version and protocol are one word");

#endif
