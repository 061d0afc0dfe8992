/*
 * pipeline.h - replay: capture files through every stage, in packet order, on packet time, on one
 * thread.
 *
 * packet -> segment -> stream -> hello -> handshake -> verdict -> event -> sink: each arrow is one
 * call forwards. Several files are judged each on its own, so their order does not matter; or they
 * are parts of one timeline (`continuous`), or taps of one time.
 */
#ifndef DOWNGRD_PIPELINE_H
#define DOWNGRD_PIPELINE_H

#include "judging.h"
#include "lane.h"

enum { PIPELINE_MAX_SINKS = JUDGING_MAX_SINKS, PIPELINE_MAX_TAPS = 8 };

struct pipeline_config {
    struct flow_config flow;
    struct judge_config judge;
    size_t fragments;             /* datagrams in reassembly: 256 */
    uint64_t fragment_timeout_us; /* how long one waits for the rest: 30 s */
    unsigned tunnel_depth; /* tunnels entered, one in the other; at most PACKET_MAX_TUNNELS: 4 */
    size_t
        taps; /* captures of one time that are replayed together, each with flows of its own: 1 */
    bool continuous;      /* the files are parts of one capture, one after the other */
    size_t usage_buckets; /* domains times hours: 65536 */
    bool group_domains;   /* under their registrable domain */
    const char *sensor;
    const char *filter; /* BPF expression or NULL */
    bool progress;      /* a line on stderr that is kept up to date */
    bool classify;      /* ask nDPI for applications */
    /* Where each tap's packets are kept, borrowed; NULL: nowhere. */
    struct packet_ring *rings[PIPELINE_MAX_TAPS];
};
void pipeline_default_config(struct pipeline_config *config);
/* What of it each lane, and what the judge's side goes by. */
void pipeline_lane_config(const struct pipeline_config *config, struct lane_config *lane);
void pipeline_judging_config(const struct pipeline_config *config, struct judging_config *judging);

struct pipeline;

/* `sinks` are borrowed. NULL when out of memory. */
struct pipeline *pipeline_new(const struct pipeline_config *config, const struct sink *const *sinks,
                              size_t sink_count);
void pipeline_delete(struct pipeline *pipeline);

/*
 * Replays one file. 0, or -1 when it could not be read (to its end): `error` says where and why,
 * and what could be read was judged. *stats are this file's.
 */
int pipeline_replay(struct pipeline *pipeline, const char *path, struct run_stats *stats,
                    char error[CAPTURE_ERROR_SIZE]);

/*
 * With `continuous`: which part of the whole pipeline_replay() gets next. Flows and history go on
 * from file to file, packets are numbered on as if the files were one, and what is still in
 * progress is told with the last file. Not called: every file is a whole of its own.
 */
enum pipeline_part { PIPELINE_FIRST = 1U << 0U, PIPELINE_LAST = 1U << 1U };
void pipeline_set_part(struct pipeline *pipeline, unsigned part);

/* The judge's side, between two files. */
struct judging *pipeline_judging(struct pipeline *pipeline);

/*
 * Replays `taps` files as taps of one network at one time: merged by packet time, flows apart, one
 * history. A handshake that another tap showed before is counted once. *stats is added to. Returns
 * and `error` as above; a file that cannot be opened ends it before it begins.
 */
int pipeline_replay_taps(struct pipeline *pipeline, const char *const *paths,
                         struct run_stats *stats, char error[CAPTURE_ERROR_SIZE]);

/* Of all files since pipeline_new(). */
const struct usage *pipeline_usage_total(const struct pipeline *pipeline);

/* Adds one file's figures to the sum of several. */
void run_stats_add(struct run_stats *total, const struct run_stats *stats);

#endif
