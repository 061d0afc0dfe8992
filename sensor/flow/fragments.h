/*
 * fragments.h - IPv4 and IPv6 fragments put together again (RFC 791 section 3.2, RFC 8200
 * section 4.5, RFC 5722).
 *
 * A fixed number of datagrams is held, 66 KiB each, allocated at the start; the oldest makes room.
 * Overlaps with equal bytes are harmless; contradictory ones drop the datagram (RFC 5722 for IPv6;
 * for IPv4 because no one can know which version the receiver took), are counted, and told to the
 * caller: no honest sender makes them.
 *
 * Fragments may be of a tunnel's outer packets or of the packets inside; both at once are put
 * together one after the other.
 *
 * A datagram is known by its addresses, identification, VLANs, innermost tunnel and, in IPv4,
 * protocol. It is remembered for the whole timeout: once it is complete its fragments may come
 * again (captures hold packets twice) and change nothing, unless their bytes differ, which begins a
 * new datagram with the same identification; once it is dropped, its later fragments are ignored.
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
    uint64_t malformed; /* fragments that cannot be, or that the capture cut, and datagrams whose
                           headers break their standards */
};

/* Holds up to `datagrams` (at least one), each for `timeout_us` from its first fragment on.
 * `max_tunnels` is packet_decode()'s. NULL when out of memory. */
struct fragments *fragments_new(size_t datagrams, uint64_t timeout_us, unsigned max_tunnels);
void fragments_delete(struct fragments *fragments);

enum fragment_result {
    FRAGMENT_HELD,  /* it waits for others, or came for nothing: *packet is left as it is */
    FRAGMENT_WHOLE, /* it completed its datagram: *packet is the whole one, decoded */
    /* It contradicts others of its datagram, whose addresses, ports and tunnels stand in *packet
     * (and nothing else of use). Told once for a datagram, as soon as its ports are known, and not
     * when a second has passed since its first fragment: then it may be another datagram with the
     * same identification. */
    FRAGMENT_CONTRADICTS,
    FRAGMENT_FOREIGN, /* it completed its datagram, and nothing that we read is in there */
};

/*
 * Takes a fragment (packet->is_fragment). A whole datagram's payload lives until the next call,
 * which it may be handed to: when a tunnel was in the datagram and a fragment in the tunnel,
 * *packet is a fragment again, with one more tunnel passed, so this ends. The network layer told is
 * the first fragment's.
 */
enum fragment_result fragments_add(struct fragments *fragments, struct packet *packet,
                                   uint64_t time_us);
/* The capture has ended: forgets all datagrams. Incomplete ones count as expired. */
void fragments_end(struct fragments *fragments);

struct fragment_counts fragments_counts(const struct fragments *fragments);

#endif
