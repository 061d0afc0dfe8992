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

/* Fills the key with the ends in a fixed order; returns which of them (0, 1) sent the packet. */
unsigned flow_key_of(const struct packet *packet, struct flow_key *key);
/* Where in the table a packet's flow is looked for. */
struct flow_place {
    struct flow_key key;
    uint64_t hash;
    unsigned from; /* which of the key's ends sent the packet */
};

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b);

/* For hash buckets. With a random seed nobody can choose addresses that share one; no output
 * depends on it. */
uint64_t flow_key_hash(const uint64_t seed[2], const struct flow_key *key);

/* Names the connection that began then: the same number on every machine, below 2^53 so that JSON
 * readers keep it exact. */
uint64_t flow_key_id(const struct flow_key *key, uint64_t started_us, uint64_t started_packet);

#endif
