#include "pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PROGRESS_PACKETS = 1 << 16, TAPS_HELLOS = 65536 };

/* One capture on its way through. */
struct tap {
    struct pipeline *pipeline;
    struct source source;
    struct lane *lane;
    struct capture *capture; /* while it is read */
    struct capture_packet next;
    bool has_next;
    uint64_t packets_before; /* of the parts before this one */
};

struct pipeline {
    struct pipeline_config config;
    struct tap taps[PIPELINE_MAX_TAPS];
    size_t tap_count;
    struct judging *judging;
    unsigned part; /* of enum pipeline_part: what pipeline_replay() gets next */
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

void pipeline_lane_config(const struct pipeline_config *config, struct lane_config *lane) {
    *lane = (struct lane_config){
        .flow = config->flow,
        .fragments = config->fragments,
        .fragment_timeout_us = config->fragment_timeout_us,
        .tunnel_depth = config->tunnel_depth,
    };
}

void pipeline_judging_config(const struct pipeline_config *config, struct judging_config *judging) {
    *judging = (struct judging_config){
        .judge = config->judge,
        .usage_buckets = config->usage_buckets,
        .group_domains = config->group_domains,
        .classify = config->classify,
    };
    if (config->taps > 1 && judging->judge.hellos == 0)
        judging->judge.hellos = TAPS_HELLOS;
}

static void on_finished(void *context, const struct handshake *handshake) {
    struct tap *tap = context;
    judging_handshake(tap->pipeline->judging, &tap->source, handshake);
}

struct pipeline *pipeline_new(const struct pipeline_config *config, const struct sink *const *sinks,
                              size_t sink_count) {
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return NULL;
    pipeline->config = *config;
    pipeline->part = PIPELINE_FIRST | PIPELINE_LAST;
    struct judging_config judging;
    pipeline_judging_config(config, &judging);
    pipeline->judging = judging_new(&judging, sinks, sink_count);
    bool is_good =
        pipeline->judging != NULL && config->taps >= 1 && config->taps <= PIPELINE_MAX_TAPS;
    while (is_good && pipeline->tap_count < config->taps) {
        struct tap *tap = &pipeline->taps[pipeline->tap_count];
        struct lane_config lane;
        pipeline_lane_config(config, &lane);
        lane.ring = config->rings[pipeline->tap_count++];
        tap->pipeline = pipeline;
        tap->lane = lane_new(&lane, on_finished, tap);
        is_good = tap->lane != NULL;
    }
    if (!is_good) {
        pipeline_delete(pipeline);
        return NULL;
    }
    return pipeline;
}

void pipeline_delete(struct pipeline *pipeline) {
    if (pipeline == NULL)
        return;
    for (size_t i = 0; i < pipeline->tap_count; i++)
        lane_delete(pipeline->taps[i].lane);
    judging_delete(pipeline->judging);
    free(pipeline);
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

static int tap_read(struct tap *tap) {
    bool has_progress = tap->pipeline->config.progress;
    struct capture_packet row[LANE_ROW];
    struct timespec begun;
    uint64_t packets = 0;
    int count = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    while ((count = capture_take(tap->capture, row, LANE_ROW)) > 0) {
        for (int i = 0; i < count && tap->packets_before > 0; i++)
            row[i].number += tap->packets_before;
        lane_packets(tap->lane, row, (size_t)count);
        bool is_due = packets / PROGRESS_PACKETS < (packets + (size_t)count) / PROGRESS_PACKETS;
        packets += (size_t)count;
        if (has_progress && is_due)
            pipeline_progress(tap->capture, tap->source.name, packets, &begun);
    }
    tap->packets_before += capture_last_number(tap->capture);
    if (has_progress && packets >= PROGRESS_PACKETS)
        fputs("\r\033[K", stderr);
    return count;
}

static int tap_open(struct tap *tap, const char *path, char error[CAPTURE_ERROR_SIZE]) {
    const struct pipeline_config *config = &tap->pipeline->config;
    tap->source = (struct source){config->sensor, path, true};
    if (tap->pipeline->part & PIPELINE_FIRST) {
        lane_begin(tap->lane, &tap->source);
        tap->packets_before = 0;
    } else {
        lane_begin_part(tap->lane);
    }
    tap->capture = capture_open_file(path, config->filter, error);
    return tap->capture == NULL ? -1 : 0;
}

/* The capture has ended, with that status of capture_next(). */
static void tap_close(struct tap *tap, int status, char error[CAPTURE_ERROR_SIZE]) {
    if (status < 0)
        snprintf(error, CAPTURE_ERROR_SIZE, "%s", capture_error(tap->capture));
    capture_close(tap->capture);
    tap->capture = NULL;
    if (tap->pipeline->part & PIPELINE_LAST)
        lane_end(tap->lane);
}

void pipeline_set_part(struct pipeline *pipeline, unsigned part) {
    pipeline->part = part;
}

struct judging *pipeline_judging(struct pipeline *pipeline) {
    return pipeline->judging;
}

int pipeline_replay(struct pipeline *pipeline, const char *path, struct run_stats *stats,
                    char error[CAPTURE_ERROR_SIZE]) {
    struct tap *tap = &pipeline->taps[0];
    struct judge_counts before = judging_counts(pipeline->judging);
    int status = tap_open(tap, path, error);
    memset(stats, 0, sizeof *stats);
    if (status < 0 && (tap->packets_before == 0 || !(pipeline->part & PIPELINE_LAST)))
        return -1;
    if (!pipeline->config.continuous)
        judging_begin(pipeline->judging);
    if (status == 0) {
        status = tap_read(tap);
        tap_close(tap, status, error);
    } else { /* what the other parts left in progress is told nevertheless */
        lane_end(tap->lane);
    }
    lane_stats(tap->lane, stats);
    judging_stats(pipeline->judging, &before, stats);
    judging_end_source(pipeline->judging, &tap->source, stats);
    return status;
}

/* The tap whose next packet is the earliest; of equals the first. NULL when all have ended. */
static struct tap *earliest_tap(struct pipeline *pipeline) {
    struct tap *earliest = NULL;
    for (size_t i = 0; i < pipeline->tap_count; i++) {
        struct tap *tap = &pipeline->taps[i];
        if (tap->has_next && (!earliest || tap->next.time_us < earliest->next.time_us))
            earliest = tap;
    }
    return earliest;
}

/* Reads on; at the end of the file the tap is over. */
static int tap_advance(struct tap *tap, char error[CAPTURE_ERROR_SIZE]) {
    int status = capture_next(tap->capture, &tap->next);
    tap->has_next = status > 0;
    if (!tap->has_next)
        tap_close(tap, status, error);
    return status < 0 ? -1 : 0;
}

/* Each tap's own figures; the judge's, which are of all of them, go with the first. */
static void tell_ends(struct pipeline *pipeline, const struct judge_counts *before,
                      struct run_stats *total) {
    for (size_t i = 0; i < pipeline->tap_count; i++) {
        struct tap *tap = &pipeline->taps[i];
        struct run_stats stats;
        lane_stats(tap->lane, &stats);
        if (i == 0)
            judging_stats(pipeline->judging, before, &stats);
        judging_end_source(pipeline->judging, &tap->source, &stats);
        run_stats_add(total, &stats);
    }
}

int pipeline_replay_taps(struct pipeline *pipeline, const char *const *paths,
                         struct run_stats *stats, char error[CAPTURE_ERROR_SIZE]) {
    struct tap *tap = NULL;
    int status = 0;
    judging_begin(pipeline->judging);
    struct judge_counts before = judging_counts(pipeline->judging);
    for (size_t i = 0; i < pipeline->tap_count; i++) {
        pipeline->taps[i].has_next = false;
        if (status == 0)
            status = tap_open(&pipeline->taps[i], paths[i], error);
    }
    for (size_t i = 0; i < pipeline->tap_count && status == 0; i++)
        if (tap_advance(&pipeline->taps[i], error) < 0)
            status = -1;
    while ((tap = earliest_tap(pipeline)) != NULL) {
        lane_packet(tap->lane, &tap->next);
        if (tap_advance(tap, error) < 0)
            status = -1;
    }
    for (size_t i = 0; i < pipeline->tap_count; i++) {
        capture_close(pipeline->taps[i].capture);
        pipeline->taps[i].capture = NULL;
    }
    tell_ends(pipeline, &before, stats);
    return status;
}

const struct usage *pipeline_usage_total(const struct pipeline *pipeline) {
    return judging_usage_total(pipeline->judging);
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
    total->packets_dropped += stats->packets_dropped;
    total->packets_stopped += stats->packets_stopped;
    total->bytes_stopped += stats->bytes_stopped;
    total->interface_drops += stats->interface_drops;
    total->interface_downs += stats->interface_downs;
    total->records_lost += stats->records_lost;
    total->dialogues_lost += stats->dialogues_lost;
    total->lines_lost += stats->lines_lost;
    total->clock_steps += stats->clock_steps;
    if (stats->packets && (total->first_us == 0 || stats->first_us < total->first_us))
        total->first_us = stats->first_us;
    if (stats->last_us > total->last_us)
        total->last_us = stats->last_us;
}
