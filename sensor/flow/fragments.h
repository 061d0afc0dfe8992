/*
 * fragments.h - IPv4 and IPv6 fragments put together again (RFC 791 section 3.2, RFC 8200
 * section 4.5, RFC 5722).
 *
 * A fixed number of datagrams is held, 66 KiB each, allocated at the start; the oldest makes room.
 * Overlaps with equal bytes are harmless; contradictory ones drop the datagram (RFC 5722 for IPv6;
 * for IPv4 because no one can know which version the receiver took) and are counted.
 *
 * A datagram is known by its addresses, identification, VLANs and, in IPv4, protocol. It is
 * remembered for the whole timeout: once it is complete its fragments may come again (captures hold
 * packets twice) and change nothing, unless their bytes differ, which begins a new datagram with
 * the same identification; once it is dropped, its later fragments are ignored.
 */
#ifndef DOWNGRD_FRAGMENTS_H
#define DOWNGRD_FRAGMENTS_H

#include "packet.h"

struct fragments;

struct fragment_counts {
    uint64_t reassembled;
    uint64_t expired;       /* incomplete datagrams given up after the timeout */
    uint64_t evicted;       /* incomplete datagrams that made room for others */
    uint64_t contradictory; /* datagrams dropped for fragments that contradict each other */
    uint64_t malformed;     /* fragments that cannot be, or that the capture cut, and datagrams that
                               hold no transport header */
};

/* Holds up to `datagrams` (at least one), each for `timeout_us` from its first fragment on. NULL
 * when out of memory. */
struct fragments *fragments_new(size_t datagrams, uint64_t timeout_us);
void fragments_delete(struct fragments *fragments);

/*
 * Takes a fragment (packet->is_fragment). True when it completed its datagram: *packet then is the
 * whole one, decoded (packet_decode_transport), and its payload lives until the next call.
 * Otherwise *packet is left as it is. The network layer told is the first fragment's.
 */
bool fragments_add(struct fragments *fragments, struct packet *packet, uint64_t time_us);
struct fragment_counts fragments_counts(const struct fragments *fragments);

#endif
