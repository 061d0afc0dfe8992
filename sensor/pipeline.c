#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "classify.h"
#include "fragments.h"
#include "packet_ring.h"

enum { PROGRESS_PACKETS = 1 << 16, TAPS_HELLOS = 65536 };

/* One tap: its packets know nothing of another tap's. */
struct lane {
    struct pipeline *pipeline;
    struct source source;
    struct flow_table *flows;
    struct fragments *fragments;
    struct capture *capture; /* while it is read */
    struct capture_packet next;
    bool has_next;
    struct run_stats stats;
    struct packet_ring *ring; /* NULL: packets are not kept */
};

struct pipeline {
    struct pipeline_config config;
    struct lane lanes[PIPELINE_MAX_TAPS];
    size_t lane_count;
    struct classify *classify;
    struct judge *judge;
    struct usage *usage;
    struct usage *usage_total;
    struct sink usage_sink;
    const struct sink *sinks[PIPELINE_MAX_SINKS + 1];
    size_t sink_count;
};

void pipeline_default_config(struct pipeline_config *config) {
    memset(config, 0, sizeof *config);
    flow_default_config(&config->flow);
    judge_default_config(&config->judge);
    config->fragments = 256;
    config->fragment_timeout_us = 30000000;
    config->tunnel_depth = PACKET_MAX_TUNNELS;
    config->taps = 1;
    config->usage_buckets = 65536;
    config->sensor = "downgrd";
    config->classify = true;
}

static void pipeline_handshake(void *context, const struct handshake *handshake) {
    struct lane *lane = context;
    judge_handshake(lane->pipeline->judge, &lane->source, handshake);
}

static void pipeline_count_usage(void *context, const struct verdict *verdict) {
    struct pipeline *pipeline = context;
    if (verdict->is_seen_elsewhere)
        return;
    usage_add(pipeline->usage_total, verdict);
    if (pipeline->usage)
        usage_add(pipeline->usage, verdict);
}

static bool lane_init(struct lane *lane, struct pipeline *pipeline) {
    const struct pipeline_config *config = &pipeline->config;
    lane->pipeline = pipeline;
    lane->flows = flow_table_new(&config->flow, pipeline_handshake, lane);
    lane->fragments =
        fragments_new(config->fragments, config->fragment_timeout_us, config->tunnel_depth);
    return lane->flows != NULL && lane->fragments != NULL;
}

struct pipeline *pipeline_new(const struct pipeline_config *config, const struct sink *const *sinks,
                              size_t sink_count) {
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL || sink_count > PIPELINE_MAX_SINKS) {
        free(pipeline);
        return NULL;
    }
    pipeline->config = *config;
    pipeline->usage_sink = (struct sink){.context = pipeline, .handshake = pipeline_count_usage};
    pipeline->sinks[pipeline->sink_count++] = &pipeline->usage_sink;
    for (size_t i = 0; i < sink_count; i++)
        pipeline->sinks[pipeline->sink_count++] = sinks[i];
    if (config->classify)
        pipeline->classify = classify_new();
    bool has_lanes = config->taps >= 1 && config->taps <= PIPELINE_MAX_TAPS;
    while (has_lanes && pipeline->lane_count < config->taps) {
        struct lane *lane = &pipeline->lanes[pipeline->lane_count];
        lane->ring = config->rings[pipeline->lane_count++];
        has_lanes = lane_init(lane, pipeline);
    }
    struct judge_config judge = config->judge;
    if (config->taps > 1 && judge.hellos == 0)
        judge.hellos = TAPS_HELLOS;
    pipeline->judge = judge_new(&judge, pipeline->classify, pipeline->sinks, pipeline->sink_count);
    if (config->usage_per_file)
        pipeline->usage = usage_new(config->usage_buckets, config->group_domains);
    pipeline->usage_total = usage_new(config->usage_buckets, config->group_domains);
    if (!has_lanes || !pipeline->judge || !pipeline->usage_total ||
        (config->usage_per_file && !pipeline->usage) || (config->classify && !pipeline->classify)) {
        pipeline_delete(pipeline);
        return NULL;
    }
    return pipeline;
}

void pipeline_delete(struct pipeline *pipeline) {
    if (pipeline == NULL)
        return;
    for (size_t i = 0; i < pipeline->lane_count; i++) {
        flow_table_delete(pipeline->lanes[i].flows);
        fragments_delete(pipeline->lanes[i].fragments);
    }
    judge_delete(pipeline->judge);
    usage_delete(pipeline->usage);
    usage_delete(pipeline->usage_total);
    classify_delete(pipeline->classify);
    free(pipeline);
}

/* A datagram put together may be a tunnel's and hold a fragment again. False when there is nothing
 * to go on with. */
static bool lane_reassemble(struct lane *lane, const struct capture_packet *captured,
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

static void lane_keep(struct lane *lane, const struct capture_packet *captured,
                      const struct packet *packet) {
    const struct ring_frame frame = {
        .number = captured->number,
        .time_us = captured->time_us,
        .wire_size = captured->wire_size,
        .link_type = captured->link_type,
        .bytes = captured->frame,
    };
    packet_ring_add(lane->ring, packet, &frame);
}

static void lane_decode(struct lane *lane, const struct capture_packet *captured) {
    struct run_stats *stats = &lane->stats;
    struct packet packet;
    switch (packet_decode(captured->link_type, captured->frame, captured->wire_size,
                          lane->pipeline->config.tunnel_depth, &packet)) {
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
    if (lane->ring)
        lane_keep(lane, captured, &packet);
    if (packet.is_fragment && !lane_reassemble(lane, captured, &packet))
        return;
    flow_table_packet(lane->flows, &packet, captured->time_us, captured->number);
}

/* The wall clock serves this line only; nothing that is judged or written depends on it. */
static void pipeline_progress(const struct capture *capture, const char *path, uint64_t packets,
                              const struct timespec *begun) {
    struct timespec now;
    uint64_t done = 0;
    uint64_t total = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds =
        (double)(now.tv_sec - begun->tv_sec) + (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
    if (seconds < 0.5)
        return;
    capture_progress(capture, &done, &total);
    fprintf(stderr, "\r%s: %.1f M packets, %.0f MB/s", path, (double)packets / 1e6,
            (double)done / 1e6 / seconds);
    if (total && done)
        fprintf(stderr, ", %.0f %%, %.0f s left ", 100.0 * (double)done / (double)total,
                seconds * (double)(total - done) / (double)done);
    fputs("\033[K", stderr);
}

static void lane_packet(struct lane *lane, const struct capture_packet *captured) {
    struct run_stats *stats = &lane->stats;
    stats->packets++;
    stats->bytes += captured->wire_size;
    if (stats->first_us == 0 || captured->time_us < stats->first_us)
        stats->first_us = captured->time_us;
    if (captured->time_us > stats->last_us)
        stats->last_us = captured->time_us;
    lane_decode(lane, captured);
}

static int lane_read(struct lane *lane) {
    bool has_progress = lane->pipeline->config.progress;
    struct capture_packet captured;
    struct timespec begun;
    int status = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    while ((status = capture_next(lane->capture, &captured)) > 0) {
        lane_packet(lane, &captured);
        if (has_progress && lane->stats.packets % PROGRESS_PACKETS == 0)
            pipeline_progress(lane->capture, lane->source.name, lane->stats.packets, &begun);
    }
    if (has_progress && lane->stats.packets >= PROGRESS_PACKETS)
        fputs("\r\033[K", stderr);
    return status;
}

/* The stages count from their beginning; a file's figures are the difference. */
struct stage_counts {
    struct flow_counts flow;
    struct judge_counts judge;
    uint64_t fragments_dropped;
};

static struct stage_counts lane_counts(const struct lane *lane) {
    struct fragment_counts fragments = fragments_counts(lane->fragments);
    return (struct stage_counts){flow_table_counts(lane->flows),
                                 judge_counts(lane->pipeline->judge),
                                 fragments.evicted + fragments.contradictory + fragments.malformed};
}

/* What the stages counted for this file, beside what lane_packet() did. */
static void lane_gather(struct lane *lane, const struct stage_counts *before) {
    struct run_stats *stats = &lane->stats;
    struct stage_counts now = lane_counts(lane);
    stats->flows = now.flow.flows - before->flow.flows;
    stats->flows_evicted = now.flow.flows_evicted - before->flow.flows_evicted;
    stats->handshakes = now.flow.handshakes - before->flow.handshakes;
    stats->dialogues = now.flow.dialogues - before->flow.dialogues;
    stats->half_seen = now.flow.half_seen - before->flow.half_seen;
    stats->inconclusive = now.flow.inconclusive - before->flow.inconclusive;
    stats->hello_malformed = now.flow.hello_malformed - before->flow.hello_malformed;
    stats->buffers_exhausted = now.flow.buffers_exhausted - before->flow.buffers_exhausted;
    stats->alerts = now.judge.alerts - before->judge.alerts;
    stats->alerts_folded = now.judge.alerts_folded - before->judge.alerts_folded;
    stats->attack_alerts = now.judge.attack_alerts - before->judge.attack_alerts;
    stats->alerts_excepted = now.judge.alerts_excepted - before->judge.alerts_excepted;
    stats->evidence_files = now.judge.evidence_files - before->judge.evidence_files;
    stats->evidence_lost = now.judge.evidence_lost - before->judge.evidence_lost;
    stats->fragments_dropped = now.fragments_dropped - before->fragments_dropped;
}

static int lane_open(struct lane *lane, const char *path, char error[CAPTURE_ERROR_SIZE]) {
    const struct pipeline_config *config = &lane->pipeline->config;
    memset(&lane->stats, 0, sizeof lane->stats);
    lane->source = (struct source){config->sensor, path, true};
    if (lane->ring)
        packet_ring_begin(lane->ring, &lane->source);
    lane->capture = capture_open_file(path, config->filter, error);
    return lane->capture == NULL ? -1 : 0;
}

/* The capture has ended, with that status of capture_next(). */
static void lane_close(struct lane *lane, int status, char error[CAPTURE_ERROR_SIZE]) {
    if (status < 0)
        snprintf(error, CAPTURE_ERROR_SIZE, "%s", capture_error(lane->capture));
    capture_close(lane->capture);
    lane->capture = NULL;
    fragments_end(lane->fragments);
    flow_table_end(lane->flows);
}

static void lane_tell_end(const struct lane *lane) {
    const struct pipeline *pipeline = lane->pipeline;
    for (size_t i = 0; i < pipeline->sink_count; i++)
        if (pipeline->sinks[i]->source_end)
            pipeline->sinks[i]->source_end(pipeline->sinks[i]->context, &lane->source,
                                           &lane->stats);
}

int pipeline_replay(struct pipeline *pipeline, const char *path, struct run_stats *stats,
                    char error[CAPTURE_ERROR_SIZE]) {
    struct lane *lane = &pipeline->lanes[0];
    if (pipeline->usage)
        usage_forget(pipeline->usage);
    int status = lane_open(lane, path, error);
    *stats = lane->stats;
    if (status < 0)
        return -1;
    judge_forget(pipeline->judge);
    struct stage_counts before = lane_counts(lane);
    status = lane_read(lane);
    lane_close(lane, status, error);
    lane_gather(lane, &before);
    lane_tell_end(lane);
    *stats = lane->stats;
    return status;
}

/* The tap whose next packet is the earliest; of equals the first. NULL when all have ended. */
static struct lane *earliest_lane(struct pipeline *pipeline) {
    struct lane *earliest = NULL;
    for (size_t i = 0; i < pipeline->lane_count; i++) {
        struct lane *lane = &pipeline->lanes[i];
        if (lane->has_next && (!earliest || lane->next.time_us < earliest->next.time_us))
            earliest = lane;
    }
    return earliest;
}

/* Reads on; at the end of the file the tap is over. */
static int lane_advance(struct lane *lane, char error[CAPTURE_ERROR_SIZE]) {
    int status = capture_next(lane->capture, &lane->next);
    lane->has_next = status > 0;
    if (!lane->has_next)
        lane_close(lane, status, error);
    return status < 0 ? -1 : 0;
}

int pipeline_replay_taps(struct pipeline *pipeline, const char *const *paths,
                         struct run_stats *stats, char error[CAPTURE_ERROR_SIZE]) {
    struct stage_counts before[PIPELINE_MAX_TAPS];
    struct lane *lane = NULL;
    int status = 0;
    judge_forget(pipeline->judge);
    for (size_t i = 0; i < pipeline->lane_count && status == 0; i++) {
        status = lane_open(&pipeline->lanes[i], paths[i], error);
        pipeline->lanes[i].has_next = false;
    }
    for (size_t i = 0; i < pipeline->lane_count; i++) {
        before[i] = lane_counts(&pipeline->lanes[i]);
        if (status == 0 && lane_advance(&pipeline->lanes[i], error) < 0)
            status = -1;
    }
    while ((lane = earliest_lane(pipeline)) != NULL) {
        lane_packet(lane, &lane->next);
        if (lane_advance(lane, error) < 0)
            status = -1;
    }
    for (size_t i = 0; i < pipeline->lane_count; i++) {
        lane = &pipeline->lanes[i];
        capture_close(lane->capture);
        lane->capture = NULL;
        lane_gather(lane, &before[i]);
        lane_tell_end(lane);
        run_stats_add(stats, &lane->stats);
    }
    return status;
}

const struct usage *pipeline_usage(const struct pipeline *pipeline) {
    return pipeline->usage;
}

const struct usage *pipeline_usage_total(const struct pipeline *pipeline) {
    return pipeline->usage_total;
}

const struct source *pipeline_source(const struct pipeline *pipeline) {
    return &pipeline->lanes[0].source;
}

void run_stats_add(struct run_stats *total, const struct run_stats *stats) {
    total->packets += stats->packets;
    total->bytes += stats->bytes;
    total->packets_ignored += stats->packets_ignored;
    total->packets_malformed += stats->packets_malformed;
    total->packets_cut += stats->packets_cut;
    total->flows += stats->flows;
    total->flows_evicted += stats->flows_evicted;
    total->handshakes += stats->handshakes;
    total->dialogues += stats->dialogues;
    total->half_seen += stats->half_seen;
    total->inconclusive += stats->inconclusive;
    total->hello_malformed += stats->hello_malformed;
    total->buffers_exhausted += stats->buffers_exhausted;
    total->fragments_dropped += stats->fragments_dropped;
    total->alerts += stats->alerts;
    total->alerts_folded += stats->alerts_folded;
    total->attack_alerts += stats->attack_alerts;
    total->alerts_excepted += stats->alerts_excepted;
    total->evidence_files += stats->evidence_files;
    total->evidence_lost += stats->evidence_lost;
    if (stats->packets && (total->first_us == 0 || stats->first_us < total->first_us))
        total->first_us = stats->first_us;
    if (stats->last_us > total->last_us)
        total->last_us = stats->last_us;
}
