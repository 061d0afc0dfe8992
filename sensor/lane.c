/*
 * lane.c - one packet after the other through the stages.
 *
 * A sensor mostly waits for memory: the packet's bytes, its flow's place in the table, the flow,
 * its session, none of which is in the processor's cache. Packets that stay where they are
 * (lane_packet_later()) therefore wait in a short row. Each one that joins moves one before it a
 * stage on, and each stage asks for the memory that the next one needs, so that it comes while
 * others are worked on. What is found does not depend on it: only the last stage, in order, changes
 * anything.
 */
#include "lane.h"

#include <assert.h>
#include <stdlib.h>

#include "fragments.h"
#include "packet_ring.h"

/* How many packets are between a packet and its next stage. */
enum {
    WAIT_DECODE = 4,
    WAIT_FLOW = WAIT_DECODE + 4,
    WAIT_SESSION = WAIT_FLOW + 4,
    WAIT_FOLLOW = LANE_WAITING,
    WAITING_ROOM = 32, /* a power of two, and room for all that wait */
};

struct waiting {
    struct capture_packet captured;
    enum parse_status status; /* from here on: of decoding it */
    bool has_place;           /* it is complete: no fragment */
    struct flow_place place;
    struct packet packet;
};

struct lane {
    struct lane_config config;
    struct flow_table *flows;
    struct fragments *fragments;
    struct run_stats stats;         /* what lane_packet() counts; the stages count for themselves */
    struct flow_counts flow_before; /* their figures at lane_begin() */
    uint64_t fragments_before;
    /* How many packets came to each stage. */
    uint64_t arrived;
    uint64_t decoded;
    uint64_t flow_expected;
    uint64_t session_expected;
    uint64_t followed;
    struct waiting waiting[WAITING_ROOM];
};

struct lane *lane_new(const struct lane_config *config,
                      void (*finished)(void *context, const struct handshake *handshake),
                      void *context) {
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->config = *config;
    lane->flows = flow_table_new(&config->flow, finished, context);
    lane->fragments =
        fragments_new(config->fragments, config->fragment_timeout_us, config->tunnel_depth);
    if (lane->flows == NULL || lane->fragments == NULL) {
        lane_delete(lane);
        return NULL;
    }
    return lane;
}

void lane_delete(struct lane *lane) {
    if (lane == NULL)
        return;
    flow_table_delete(lane->flows);
    fragments_delete(lane->fragments);
    free(lane);
}

/* A datagram put together may be a tunnel's and hold a fragment again. False when there is nothing
 * to go on with. */
static bool reassemble(struct lane *lane, const struct capture_packet *captured,
                       struct packet *packet) {
    while (packet->is_fragment) {
        switch (fragments_add(lane->fragments, packet, captured->time_us)) {
        case FRAGMENT_WHOLE:
            break;
        case FRAGMENT_HELD:
            return false;
        case FRAGMENT_CONTRADICTS:
            flow_table_conflict(lane->flows, packet, captured->number);
            return false;
        case FRAGMENT_FOREIGN:
            lane->stats.packets_ignored++;
            return false;
        }
    }
    return true;
}

static void keep(struct lane *lane, const struct capture_packet *captured,
                 const struct packet *packet) {
    const struct ring_frame frame = {
        .number = captured->number,
        .time_us = captured->time_us,
        .wire_size = captured->wire_size,
        .link_type = captured->link_type,
        .bytes = captured->frame,
    };
    packet_ring_add(lane->config.ring, packet, &frame);
}

static void decode(const struct lane *lane, struct waiting *waiting) {
    const struct capture_packet *captured = &waiting->captured;
    struct packet *packet = &waiting->packet;
    waiting->status = packet_decode(captured->link_type, captured->frame, captured->wire_size,
                                    lane->config.tunnel_depth, packet);
    waiting->has_place = waiting->status == PARSE_OK && !packet->is_fragment;
    if (waiting->has_place)
        flow_table_place(lane->flows, packet, &waiting->place);
}

static void note(struct run_stats *stats, const struct capture_packet *captured) {
    stats->packets++;
    stats->bytes += captured->wire_size;
    if (stats->first_us == 0 || captured->time_us < stats->first_us)
        stats->first_us = captured->time_us;
    if (captured->time_us > stats->last_us)
        stats->last_us = captured->time_us;
}

static void follow(struct lane *lane, struct waiting *waiting) {
    struct run_stats *stats = &lane->stats;
    const struct capture_packet *captured = &waiting->captured;
    struct packet *packet = &waiting->packet;
    note(stats, captured);
    switch (waiting->status) {
    case PARSE_OK:
        break;
    case PARSE_MORE:
        stats->packets_cut++;
        return;
    case PARSE_MALFORMED:
        stats->packets_malformed++;
        return;
    case PARSE_FOREIGN:
        stats->packets_ignored++;
        return;
    }
    if (lane->config.ring)
        keep(lane, captured, packet);
    if (waiting->has_place)
        flow_table_packet_at(lane->flows, packet, &waiting->place, captured->time_us,
                             captured->number);
    else if (reassemble(lane, captured, packet))
        flow_table_packet(lane->flows, packet, captured->time_us, captured->number);
}

static struct waiting *waiting_at(struct lane *lane, uint64_t number) {
    return &lane->waiting[number % WAITING_ROOM];
}

static void expect_flow(struct lane *lane) {
    const struct waiting *waiting = waiting_at(lane, lane->flow_expected++);
    if (waiting->has_place)
        flow_table_expect_flow(lane->flows, &waiting->place);
}

static void expect_session(struct lane *lane) {
    const struct waiting *waiting = waiting_at(lane, lane->session_expected++);
    if (waiting->has_place)
        flow_table_expect_session(lane->flows, &waiting->place);
}

void lane_packet_later(struct lane *lane, const struct capture_packet *captured) {
    waiting_at(lane, lane->arrived++)->captured = *captured;
    if (lane->arrived - lane->decoded > WAIT_DECODE)
        decode(lane, waiting_at(lane, lane->decoded++));
    if (lane->arrived - lane->flow_expected > WAIT_FLOW)
        expect_flow(lane);
    if (lane->arrived - lane->session_expected > WAIT_SESSION)
        expect_session(lane);
    if (lane->arrived - lane->followed > WAIT_FOLLOW)
        follow(lane, waiting_at(lane, lane->followed++));
}

void lane_catch_up(struct lane *lane) {
    while (lane->decoded < lane->arrived)
        decode(lane, waiting_at(lane, lane->decoded++));
    while (lane->followed < lane->arrived)
        follow(lane, waiting_at(lane, lane->followed++));
    lane->flow_expected = lane->arrived;
    lane->session_expected = lane->arrived;
}

void lane_packet(struct lane *lane, const struct capture_packet *captured) {
    lane_packet_later(lane, captured);
    lane_catch_up(lane);
}

static uint64_t fragments_dropped(const struct lane *lane) {
    struct fragment_counts counts = fragments_counts(lane->fragments);
    return counts.evicted + counts.contradictory + counts.malformed;
}

void lane_begin_part(struct lane *lane) {
    memset(&lane->stats, 0, sizeof lane->stats);
    lane->flow_before = flow_table_counts(lane->flows);
    lane->fragments_before = fragments_dropped(lane);
}

void lane_begin(struct lane *lane, const struct source *source) {
    lane_begin_part(lane);
    if (lane->config.ring)
        packet_ring_begin(lane->config.ring, source);
}

void lane_end(struct lane *lane) {
    assert(lane->followed == lane->arrived);
    fragments_end(lane->fragments);
    flow_table_end(lane->flows);
}

void lane_tick(struct lane *lane, uint64_t time_us) {
    flow_table_tick(lane->flows, time_us);
}

void lane_hole(struct lane *lane, uint64_t from_us, uint64_t to_us) {
    flow_table_hole(lane->flows, from_us, to_us);
}

void lane_shift(struct lane *lane, int64_t by_us) {
    flow_table_shift(lane->flows, by_us);
}

uint64_t lane_now(const struct lane *lane) {
    return flow_table_now(lane->flows);
}

void lane_stats(const struct lane *lane, struct run_stats *stats) {
    const struct flow_counts *before = &lane->flow_before;
    struct flow_counts now = flow_table_counts(lane->flows);
    *stats = lane->stats;
    stats->flows = now.flows - before->flows;
    stats->flows_evicted = now.flows_evicted - before->flows_evicted;
    stats->handshakes = now.handshakes - before->handshakes;
    stats->dialogues = now.dialogues - before->dialogues;
    stats->half_seen = now.half_seen - before->half_seen;
    stats->inconclusive = now.inconclusive - before->inconclusive;
    stats->hello_malformed = now.hello_malformed - before->hello_malformed;
    stats->buffers_exhausted = now.buffers_exhausted - before->buffers_exhausted;
    stats->fragments_dropped = fragments_dropped(lane) - lane->fragments_before;
}
