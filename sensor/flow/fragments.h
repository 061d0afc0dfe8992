/*
 * fragments.h - IPv4 and IPv6 fragments put together again (RFC 791 section 3.2, RFC 8200
 * section 4.5, RFC 5722).
 *
 * A fixed number of datagrams is held; the oldest makes room. Overlaps with equal bytes are
 * harmless; contradictory ones drop the datagram (RFC 5722 for IPv6; for IPv4 because no one can
 * know which version the receiver took) and are counted.
 */
#ifndef DOWNGRD_FRAGMENTS_H
#define DOWNGRD_FRAGMENTS_H

#include "packet.h"

struct fragments;

struct fragment_counts {
    uint64_t reassembled;
    uint64_t evicted;
    uint64_t contradictory;
    uint64_t malformed;
};

struct fragments *fragments_new(size_t datagrams, uint64_t timeout_us);
void fragments_delete(struct fragments *fragments);

/*
 * Takes a fragment. True when it completed its datagram: *packet then is the whole one, decoded
 * (packet_decode_transport), and its payload lives until the next call.
 */
bool fragments_add(struct fragments *fragments, struct packet *packet, uint64_t time_us);
struct fragment_counts fragments_counts(const struct fragments *fragments);

#endif
