/*
 * lane.h - the stages that know one tap's packets only: decoding, fragments, streams, handshakes.
 *
 * A replay has one lane per capture file of the same time, a live sensor one per worker. Lanes
 * share nothing, so that each may run on a thread of its own; what they find goes to `finished`, in
 * the order of the packets. Time is the packets'.
 */
#ifndef DOWNGRD_LANE_H
#define DOWNGRD_LANE_H

#include "capture.h"
#include "flow.h"
#include "verdict.h"

struct packet_ring;

struct lane_config {
    struct flow_config flow;
    size_t fragments; /* see struct pipeline_config */
    uint64_t fragment_timeout_us;
    unsigned tunnel_depth;
    struct packet_ring *ring; /* where its packets are kept, borrowed; NULL: nowhere */
};

struct lane;

/* NULL when out of memory. */
struct lane *lane_new(const struct lane_config *config,
                      void (*finished)(void *context, const struct handshake *handshake),
                      void *context);
void lane_delete(struct lane *lane);

/* A new capture begins: the figures start at zero. `source` must outlive it. */
void lane_begin(struct lane *lane, const struct source *source);
/* What comes now is the next part of the same capture: the figures start at zero, and nothing else.
 */
void lane_begin_part(struct lane *lane);
void lane_packet(struct lane *lane, const struct capture_packet *captured);
/* Several packets: quicker than one by one, and at its quickest with rows of LANE_ROW. */
enum { LANE_ROW = 32 }; /* no more than that wait with lane_packet_later() */
void lane_packets(struct lane *lane, const struct capture_packet *packets, size_t count);
/* For who has one packet at a time: it may wait until the row is full, and its bytes must stay
 * until lane_catch_up(). */
void lane_packet_later(struct lane *lane, const struct capture_packet *captured);
/* No packet waits any more. */
void lane_catch_up(struct lane *lane);
/* The capture has ended, and no packet waits: whatever is in progress is told, and forgotten. */
void lane_end(struct lane *lane);

/* Live: see flow_table_tick(), flow_table_hole() and flow_table_shift(). */
void lane_tick(struct lane *lane, uint64_t time_us);
void lane_hole(struct lane *lane, uint64_t from_us, uint64_t to_us);
void lane_shift(struct lane *lane, int64_t by_us);
/* Packet time: that of the latest packet or tick. */
uint64_t lane_now(const struct lane *lane);

/* What the lane's stages counted since lane_begin(); the judge's figures are zero. */
void lane_stats(const struct lane *lane, struct run_stats *stats);

#endif
