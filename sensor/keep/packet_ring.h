/*
 * packet_ring.h - the latest frames of one tap, so that an alert can show the packets it speaks of.
 *
 * Memory is chosen at packet_ring_new() and never grows: the oldest frames make room, and are
 * counted. Frames are found by their number and by their connection, at a cost that does not depend
 * on what else is in the ring.
 *
 * An alert needs the beginning of a connection, and the bulk that follows would push everything
 * else out. So of each connection the first PACKET_RING_OF_FLOW frames from a SYN on are kept
 * (without one: from the first that is seen on), and after these only what opens, closes or resets.
 * What was not kept for this is counted, too.
 *
 * A connection is the innermost packet's addresses, protocol and ports, as in the flow table.
 * Fragments have no ports: they are kept under their addresses alone.
 */
#ifndef DOWNGRD_PACKET_RING_H
#define DOWNGRD_PACKET_RING_H

#include "flow_key.h"

struct packet_ring;
struct source;

enum { PACKET_RING_OF_FLOW = 512, PACKET_RING_MIN_BYTES = 512 * 1024 };

struct ring_frame {
    uint64_t number; /* in its source, rising */
    uint64_t time_us;
    size_t wire_size;
    int link_type;
    struct span bytes; /* of a frame in the ring: valid until the next packet_ring_add() */
};

struct ring_counts {
    uint64_t kept;    /* frames that were taken in */
    uint64_t evicted; /* of them, those that made room */
    uint64_t passed;  /* not taken in: their connection has enough, or they do not fit */
};

/* Takes about `bytes` of memory, PACKET_RING_MIN_BYTES at least. NULL when there is not enough. */
struct packet_ring *packet_ring_new(size_t bytes);
void packet_ring_delete(struct packet_ring *ring);

/*
 * Live, one thread adds frames and another looks for them: whatever is done with the ring then is
 * done between these two. The thread that adds holds it for a batch of packets, the one that looks
 * while it makes one alert's file.
 */
void packet_ring_lock(struct packet_ring *ring);
void packet_ring_unlock(struct packet_ring *ring);

/* Forgets all frames; those that follow are of this source, which must outlive them. */
void packet_ring_begin(struct packet_ring *ring, const struct source *source);
/* NULL before the first packet_ring_begin(). */
const struct source *packet_ring_source(const struct packet_ring *ring);

/* `packet` is what packet_decode() made of the frame, which is copied. */
void packet_ring_add(struct packet_ring *ring, const struct packet *packet,
                     const struct ring_frame *frame);

/* The frame of this number; false when it is not there. */
bool packet_ring_find(const struct packet_ring *ring, uint64_t number, struct ring_frame *frame);

/* What is asked for of a connection: all of these must hold. */
struct ring_range {
    uint64_t from_number;
    uint64_t to_number;
    uint64_t from_us;
};

/*
 * The numbers of a connection's frames in the range, rising: the first `room` of them. Returns how
 * many were written; *found (if not NULL) is how many there are. The key of fragments has neither
 * ports nor protocol.
 */
size_t packet_ring_list(const struct packet_ring *ring, const struct flow_key *key,
                        const struct ring_range *range, uint64_t *numbers, size_t room,
                        size_t *found);

/* The same of the connection that the frame of this number belongs to: from the SYN before it (or
 * what there is) to the next one. 0 when it is not there. */
size_t packet_ring_list_around(const struct packet_ring *ring, uint64_t number, uint64_t *numbers,
                               size_t room);

struct ring_counts packet_ring_counts(const struct packet_ring *ring);

#endif
