#include "lane.h"

#include <stdlib.h>

#include "fragments.h"
#include "packet_ring.h"

struct lane {
    struct lane_config config;
    struct flow_table *flows;
    struct fragments *fragments;
    struct run_stats stats;         /* what lane_packet() counts; the stages count for themselves */
    struct flow_counts flow_before; /* their figures at lane_begin() */
    uint64_t fragments_before;
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

static void decode(struct lane *lane, const struct capture_packet *captured) {
    struct run_stats *stats = &lane->stats;
    struct packet packet;
    switch (packet_decode(captured->link_type, captured->frame, captured->wire_size,
                          lane->config.tunnel_depth, &packet)) {
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
        keep(lane, captured, &packet);
    if (packet.is_fragment && !reassemble(lane, captured, &packet))
        return;
    flow_table_packet(lane->flows, &packet, captured->time_us, captured->number);
}

void lane_packet(struct lane *lane, const struct capture_packet *captured) {
    struct run_stats *stats = &lane->stats;
    stats->packets++;
    stats->bytes += captured->wire_size;
    if (stats->first_us == 0 || captured->time_us < stats->first_us)
        stats->first_us = captured->time_us;
    if (captured->time_us > stats->last_us)
        stats->last_us = captured->time_us;
    decode(lane, captured);
}

static uint64_t fragments_dropped(const struct lane *lane) {
    struct fragment_counts counts = fragments_counts(lane->fragments);
    return counts.evicted + counts.contradictory + counts.malformed;
}

void lane_begin(struct lane *lane, const struct source *source) {
    memset(&lane->stats, 0, sizeof lane->stats);
    lane->flow_before = flow_table_counts(lane->flows);
    lane->fragments_before = fragments_dropped(lane);
    if (lane->config.ring)
        packet_ring_begin(lane->config.ring, source);
}

void lane_end(struct lane *lane) {
    fragments_end(lane->fragments);
    flow_table_end(lane->flows);
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
