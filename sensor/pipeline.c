#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "classify.h"
#include "fragments.h"

enum { PROGRESS_PACKETS = 1 << 16, FRAGMENT_TIMEOUT_US = 30000000 };

struct pipeline {
    struct pipeline_config config;
    struct flow_table *flows;
    struct fragments *fragments;
    struct classify *classify;
    struct judge *judge;
    struct usage *usage;
    struct usage *usage_total;
    struct source source;
    struct sink usage_sink;
    const struct sink *sinks[PIPELINE_MAX_SINKS + 1];
    size_t sink_count;
};

void pipeline_default_config(struct pipeline_config *config) {
    memset(config, 0, sizeof *config);
    flow_default_config(&config->flow);
    judge_default_config(&config->judge);
    config->fragments = 256;
    config->tunnel_depth = PACKET_MAX_TUNNELS;
    config->usage_buckets = 65536;
    config->sensor = "downgrd";
    config->classify = true;
}

static void pipeline_handshake(void *context, const struct handshake *handshake) {
    struct pipeline *pipeline = context;
    judge_handshake(pipeline->judge, &pipeline->source, handshake);
}

static void pipeline_count_usage(void *context, const struct verdict *verdict) {
    struct pipeline *pipeline = context;
    usage_add(pipeline->usage_total, verdict);
    if (pipeline->usage)
        usage_add(pipeline->usage, verdict);
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
    pipeline->flows = flow_table_new(&config->flow, pipeline_handshake, pipeline);
    pipeline->fragments =
        fragments_new(config->fragments, FRAGMENT_TIMEOUT_US, config->tunnel_depth);
    pipeline->judge =
        judge_new(&config->judge, pipeline->classify, pipeline->sinks, pipeline->sink_count);
    if (config->usage_per_file)
        pipeline->usage = usage_new(config->usage_buckets, config->group_domains);
    pipeline->usage_total = usage_new(config->usage_buckets, config->group_domains);
    if (!pipeline->flows || !pipeline->fragments || !pipeline->judge || !pipeline->usage_total ||
        (config->usage_per_file && !pipeline->usage) || (config->classify && !pipeline->classify)) {
        pipeline_delete(pipeline);
        return NULL;
    }
    return pipeline;
}

void pipeline_delete(struct pipeline *pipeline) {
    if (pipeline == NULL)
        return;
    flow_table_delete(pipeline->flows);
    fragments_delete(pipeline->fragments);
    judge_delete(pipeline->judge);
    usage_delete(pipeline->usage);
    usage_delete(pipeline->usage_total);
    classify_delete(pipeline->classify);
    free(pipeline);
}

/* A datagram put together may be a tunnel's and hold a fragment again. False when there is nothing
 * to go on with. */
static bool pipeline_reassemble(struct pipeline *pipeline, const struct capture_packet *captured,
                                struct packet *packet, struct run_stats *stats) {
    while (packet->is_fragment) {
        switch (fragments_add(pipeline->fragments, packet, captured->time_us)) {
        case FRAGMENT_WHOLE:
            break;
        case FRAGMENT_HELD:
            return false;
        case FRAGMENT_CONTRADICTS:
            flow_table_conflict(pipeline->flows, packet, captured->number);
            return false;
        case FRAGMENT_FOREIGN:
            stats->packets_ignored++;
            return false;
        }
    }
    return true;
}

static void pipeline_packet(struct pipeline *pipeline, const struct capture_packet *captured,
                            struct run_stats *stats) {
    struct packet packet;
    switch (packet_decode(captured->link_type, captured->frame, captured->wire_size,
                          pipeline->config.tunnel_depth, &packet)) {
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
    if (packet.is_fragment && !pipeline_reassemble(pipeline, captured, &packet, stats))
        return;
    flow_table_packet(pipeline->flows, &packet, captured->time_us, captured->number);
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

static int pipeline_read(struct pipeline *pipeline, struct capture *capture, const char *path,
                         struct run_stats *stats) {
    struct capture_packet captured;
    struct timespec begun;
    int status = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    while ((status = capture_next(capture, &captured)) > 0) {
        stats->packets++;
        stats->bytes += captured.wire_size;
        if (stats->first_us == 0 || captured.time_us < stats->first_us)
            stats->first_us = captured.time_us;
        if (captured.time_us > stats->last_us)
            stats->last_us = captured.time_us;
        pipeline_packet(pipeline, &captured, stats);
        if (pipeline->config.progress && stats->packets % PROGRESS_PACKETS == 0)
            pipeline_progress(capture, path, stats->packets, &begun);
    }
    if (pipeline->config.progress && stats->packets >= PROGRESS_PACKETS)
        fputs("\r\033[K", stderr);
    return status;
}

/* The stages count from their beginning; a file's figures are the difference. */
struct stage_counts {
    struct flow_counts flow;
    struct judge_counts judge;
    uint64_t fragments_dropped;
};

static struct stage_counts pipeline_counts(const struct pipeline *pipeline) {
    struct fragment_counts fragments = fragments_counts(pipeline->fragments);
    return (struct stage_counts){flow_table_counts(pipeline->flows), judge_counts(pipeline->judge),
                                 fragments.evicted + fragments.contradictory + fragments.malformed};
}

/* What the stages counted for this file, beside what pipeline_read() did. */
static void pipeline_gather(const struct pipeline *pipeline, const struct stage_counts *before,
                            struct run_stats *stats) {
    struct stage_counts now = pipeline_counts(pipeline);
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
    stats->fragments_dropped = now.fragments_dropped - before->fragments_dropped;
}

int pipeline_replay(struct pipeline *pipeline, const char *path, struct run_stats *stats,
                    char error[CAPTURE_ERROR_SIZE]) {
    memset(stats, 0, sizeof *stats);
    if (pipeline->usage)
        usage_forget(pipeline->usage);
    pipeline->source = (struct source){pipeline->config.sensor, path, true};
    struct capture *capture = capture_open_file(path, pipeline->config.filter, error);
    if (capture == NULL)
        return -1;
    judge_forget(pipeline->judge);
    struct stage_counts before = pipeline_counts(pipeline);
    int status = pipeline_read(pipeline, capture, path, stats);
    if (status < 0)
        snprintf(error, CAPTURE_ERROR_SIZE, "%s", capture_error(capture));
    capture_close(capture);
    fragments_end(pipeline->fragments);
    flow_table_end(pipeline->flows);
    pipeline_gather(pipeline, &before, stats);
    for (size_t i = 0; i < pipeline->sink_count; i++)
        if (pipeline->sinks[i]->source_end)
            pipeline->sinks[i]->source_end(pipeline->sinks[i]->context, &pipeline->source, stats);
    return status;
}

const struct usage *pipeline_usage(const struct pipeline *pipeline) {
    return pipeline->usage;
}

const struct usage *pipeline_usage_total(const struct pipeline *pipeline) {
    return pipeline->usage_total;
}

const struct source *pipeline_source(const struct pipeline *pipeline) {
    return &pipeline->source;
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
    if (stats->packets && (total->first_us == 0 || stats->first_us < total->first_us))
        total->first_us = stats->first_us;
    if (stats->last_us > total->last_us)
        total->last_us = stats->last_us;
}
