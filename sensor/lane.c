/*
 * lane.c - packets through the stages.
 *
 * A sensor mostly waits for memory: the packet's bytes, its flow's place in the table, the flow,
 * its session, none of which is in the processor's cache. Packets therefore come in rows, and each
 * stage goes through the row before the next one begins: it asks for the memory that the next one
 * needs, so that it comes while others are worked on. What is found does not depend on it: only the
 * last stage, in order, changes anything.
 */
#include "lane.h"

#include <assert.h>
#include <stdlib.h>

#include "fragments.h"
#include "packet_ring.h"

/* What a packet of the row turned out to be. */
struct decoded {
    enum parse_status status;
    bool has_place; /* it is complete: no fragment */
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
    struct capture_packet waiting[LANE_ROW];
    size_t waiting_count;
    struct decoded decoded[LANE_ROW];
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

static void decode(const struct lane *lane, const struct capture_packet *captured,
                   struct decoded *decoded) {
    struct packet *packet = &decoded->packet;
    decoded->status = packet_decode(captured->link_type, captured->frame, captured->wire_size,
                                    lane->config.tunnel_depth, packet);
    decoded->has_place = decoded->status == PARSE_OK && !packet->is_fragment;
    if (decoded->has_place)
        flow_table_place(lane->flows, packet, &decoded->place);
}

static void note(struct run_stats *stats, const struct capture_packet *captured) {
    stats->packets++;
    stats->bytes += captured->wire_size;
    if (stats->first_us == 0 || captured->time_us < stats->first_us)
        stats->first_us = captured->time_us;
    if (captured->time_us > stats->last_us)
        stats->last_us = captured->time_us;
}

static void follow(struct lane *lane, const struct capture_packet *captured,
                   struct decoded *decoded) {
    struct run_stats *stats = &lane->stats;
    struct packet *packet = &decoded->packet;
    switch (decoded->status) {
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
    if (decoded->has_place)
        flow_table_packet_at(lane->flows, packet, &decoded->place, captured->time_us,
                             captured->number);
    else if (reassemble(lane, captured, packet))
        flow_table_packet(lane->flows, packet, captured->time_us, captured->number);
}

static void follow_row(struct lane *lane, const struct capture_packet *row, size_t count) {
    struct decoded *decoded = lane->decoded;
    for (size_t i = 0; i < count; i++)
        decode(lane, &row[i], &decoded[i]);
    for (size_t i = 0; i < count; i++)
        if (decoded[i].has_place)
            flow_table_expect_flow(lane->flows, &decoded[i].place);
    for (size_t i = 0; i < count; i++)
        if (decoded[i].has_place)
            flow_table_expect_session(lane->flows, &decoded[i].place);
    for (size_t i = 0; i < count; i++) {
        note(&lane->stats, &row[i]);
        follow(lane, &row[i], &decoded[i]);
    }
}

void lane_packets(struct lane *lane, const struct capture_packet *packets, size_t count) {
    assert(lane->waiting_count == 0);
    while (count > 0) {
        size_t row = count < LANE_ROW ? count : LANE_ROW;
        follow_row(lane, packets, row);
        packets += row;
        count -= row;
    }
}

void lane_packet_later(struct lane *lane, const struct capture_packet *captured) {
    lane->waiting[lane->waiting_count++] = *captured;
    if (lane->waiting_count == LANE_ROW)
        lane_catch_up(lane);
}

void lane_catch_up(struct lane *lane) {
    size_t count = lane->waiting_count;
    lane->waiting_count = 0;
    follow_row(lane, lane->waiting, count);
}

void lane_packet(struct lane *lane, const struct capture_packet *captured) {
    lane_packets(lane, captured, 1);
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
    assert(lane->waiting_count == 0);
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
