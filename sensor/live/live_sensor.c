#include "live_sensor.h"

#include "fanout.h"
#include "judge_thread.h"
#include "kernel_filter.h"
#include "log.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    NAMES_SIZE = LIVE_MAX_INTERFACES * 17,
    TAPS_HELLOS = 65536,
    /* the least that a worker gets of anything */
    MIN_FLOWS = 1024,
    MIN_HANDSHAKES = 64,
    MIN_LARGE_BUFFERS = 4,
    MIN_MEDIUM_BUFFERS = 16,
    MIN_FRAGMENTS = 16,
};

struct live_sensor {
    size_t worker_count;
    size_t interface_count;
    struct worker *workers[LIVE_MAX_WORKERS];
    struct source sources[LIVE_MAX_WORKERS];            /* of each worker */
    struct fanout_group groups[LIVE_MAX_INTERFACES];    /* the kernel's fan-out of each interface */
    struct kernel_filter *filters[LIVE_MAX_INTERFACES]; /* NULL: none */
    char names[NAMES_SIZE];
    struct source source; /* of all */
    struct judging *judging;
    struct judge_thread *judge;
    bool is_running;
    int wake;
};

void live_default_settings(struct live_settings *settings) {
    *settings = (struct live_settings){
        .snap_length = 262144,
        .buffer_bytes = (size_t)64 << 20U,
        .workers = 1,
        .record_bytes = (size_t)16 << 20U,
        .output_bytes = (size_t)8 << 20U,
        .stats_interval_us = 60000000,
        .promiscuous = true,
        .kernel_filter = false,
    };
}

size_t live_sensor_workers(const struct live_settings *settings, size_t interface_count) {
    return settings->workers * interface_count;
}

static size_t share_of(size_t whole, size_t parts, size_t least) {
    size_t part = (whole + parts - 1) / parts;
    return part > least ? part : least;
}

/* One worker's share of what the configuration allots. */
static void divide(struct lane_config *lane, size_t workers) {
    struct flow_config *flow = &lane->flow;
    flow->flows = share_of(flow->flows, workers, MIN_FLOWS);
    flow->handshakes = share_of(flow->handshakes, workers, MIN_HANDSHAKES);
    flow->small_buffers = share_of(flow->small_buffers, workers, MIN_HANDSHAKES);
    flow->medium_buffers = share_of(flow->medium_buffers, workers, MIN_MEDIUM_BUFFERS);
    flow->large_buffers = share_of(flow->large_buffers, workers, MIN_LARGE_BUFFERS);
    flow->windows = share_of(flow->windows, workers, MIN_HANDSHAKES);
    lane->fragments = share_of(lane->fragments, workers, MIN_FRAGMENTS);
}

static bool add_worker(struct live_sensor *sensor, const struct live_sensor_config *config,
                       size_t interface, char error[CAPTURE_ERROR_SIZE]) {
    const struct live_settings *settings = config->settings;
    size_t at = sensor->worker_count;
    size_t all = live_sensor_workers(settings, config->interface_count);
    sensor->sources[at] =
        (struct source){config->pipeline->sensor, config->interfaces[interface], false};
    struct worker_config worker = {
        .live = {.interface = config->interfaces[interface],
                 .filter = config->pipeline->filter,
                 .snap_length = settings->snap_length,
                 .buffer_bytes = settings->buffer_bytes,
                 .promiscuous = settings->promiscuous,
                 .group = settings->workers > 1 ? &sensor->groups[interface] : NULL,
                 .kernel_filter = sensor->filters[interface]},
        .ring_bytes = settings->record_bytes,
        .source = &sensor->sources[at],
        .number_first = at + 1,
        .number_step = all,
        .wake = sensor->wake,
    };
    pipeline_lane_config(config->pipeline, &worker.lane);
    divide(&worker.lane, all);
    worker.lane.ring = config->rings != NULL ? config->rings[at] : NULL;
    sensor->workers[at] = worker_new(&worker, error);
    sensor->worker_count += sensor->workers[at] != NULL;
    return sensor->workers[at] != NULL;
}

/* A sensor without it is slower, and that is all. A connection is named again before the flow table
 * forgets it for want of packets. */
static void add_kernel_filter(struct live_sensor *sensor, const struct live_sensor_config *config,
                              size_t interface) {
    char error[KERNEL_FILTER_ERROR_SIZE];
    uint64_t patience_s = config->pipeline->flow.idle_timeout_us / 2 / 1000000;
    const struct kernel_filter_config filter = {
        .flows = KERNEL_FILTER_FLOWS,
        .lifetime_s =
            patience_s < KERNEL_FILTER_LIFETIME_S ? (unsigned)patience_s : KERNEL_FILTER_LIFETIME_S,
        .snap_length = (uint32_t)config->settings->snap_length,
        .only_named = config->pipeline->filter != NULL,
    };
    if (!config->settings->kernel_filter)
        return;
    sensor->filters[interface] = kernel_filter_new(&filter, error);
    if (sensor->filters[interface] == NULL)
        log_write(LOG_LEVEL_WARNING, "kernel-filter", "%s: %s; going on without it",
                  config->interfaces[interface], error);
}

static bool add_interface(struct live_sensor *sensor, const struct live_sensor_config *config,
                          size_t interface, char error[CAPTURE_ERROR_SIZE]) {
    size_t used = strlen(sensor->names);
    (void)snprintf(sensor->names + used, sizeof sensor->names - used, "%s%s",
                   interface > 0 ? "," : "", config->interfaces[interface]);
    add_kernel_filter(sensor, config, interface);
    for (size_t i = 0; i < config->settings->workers; i++)
        if (!add_worker(sensor, config, interface, error))
            return false;
    return true;
}

static bool add_judge(struct live_sensor *sensor, const struct live_sensor_config *config) {
    struct judging_config judging;
    pipeline_judging_config(config->pipeline, &judging);
    judging.is_daily = true;
    if (config->interface_count > 1 && judging.judge.hellos == 0)
        judging.judge.hellos = TAPS_HELLOS;
    sensor->judging = judging_new(&judging, config->sinks, config->sink_count);
    if (sensor->judging == NULL)
        return false;
    const struct judge_thread_config judge = {
        .judging = sensor->judging,
        .workers = sensor->workers,
        .worker_count = sensor->worker_count,
        .wake = sensor->wake,
        .flush = config->flush,
        .context = config->flush_context,
    };
    sensor->judge = judge_thread_new(&judge);
    return sensor->judge != NULL;
}

struct live_sensor *live_sensor_new(const struct live_sensor_config *config,
                                    char error[CAPTURE_ERROR_SIZE]) {
    struct live_sensor *sensor = calloc(1, sizeof *sensor);
    (void)snprintf(error, CAPTURE_ERROR_SIZE, "out of memory");
    if (sensor == NULL)
        return NULL;
    sensor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sensor->source = (struct source){config->pipeline->sensor, sensor->names, false};
    bool is_good = sensor->wake >= 0;
    while (is_good && sensor->interface_count < config->interface_count)
        is_good = add_interface(sensor, config, sensor->interface_count++, error);
    if (!is_good || !add_judge(sensor, config)) {
        live_sensor_delete(sensor);
        return NULL;
    }
    return sensor;
}

int live_sensor_start(struct live_sensor *sensor, char error[CAPTURE_ERROR_SIZE]) {
    for (size_t i = 0; i < sensor->worker_count; i++)
        if (worker_start(sensor->workers[i], error) != 0)
            return -1;
    if (judge_thread_start(sensor->judge) != 0) {
        (void)snprintf(error, CAPTURE_ERROR_SIZE, "a thread cannot be started");
        return -1;
    }
    sensor->is_running = true;
    return 0;
}

void live_sensor_stop(struct live_sensor *sensor) {
    for (size_t i = 0; i < sensor->worker_count; i++)
        worker_stop(sensor->workers[i]);
    for (size_t i = 0; i < sensor->worker_count; i++)
        worker_join(sensor->workers[i]);
    judge_thread_join(sensor->judge);
    sensor->is_running = false;
}

void live_sensor_delete(struct live_sensor *sensor) {
    if (sensor == NULL)
        return;
    judge_thread_delete(sensor->judge);
    judging_delete(sensor->judging);
    for (size_t i = 0; i < sensor->worker_count; i++)
        worker_delete(sensor->workers[i]);
    for (size_t i = 0; i < sensor->interface_count; i++)
        kernel_filter_delete(sensor->filters[i]);
    if (sensor->wake >= 0)
        close(sensor->wake);
    free(sensor);
}

const struct source *live_sensor_source(const struct live_sensor *sensor) {
    return &sensor->source;
}

struct question {
    struct live_sensor *sensor;
    void (*answer)(void *context, struct judging *judging, const struct run_stats *stats);
    void *context;
};

static void answer_question(void *context) {
    const struct question *question = context;
    struct live_sensor *sensor = question->sensor;
    const struct judge_counts none = {0};
    struct run_stats total = {0};
    judging_stats(sensor->judging, &none, &total);
    for (size_t i = 0; i < sensor->worker_count; i++) {
        struct run_stats stats;
        worker_stats(sensor->workers[i], &stats);
        run_stats_add(&total, &stats);
    }
    for (size_t i = 0; i < sensor->interface_count; i++) {
        if (sensor->filters[i] == NULL)
            continue;
        struct kernel_filter_counts counts = kernel_filter_count(sensor->filters[i]);
        total.packets_stopped += counts.packets;
        total.bytes_stopped += counts.bytes;
    }
    question->answer(question->context, sensor->judging, &total);
}

void live_sensor_ask(struct live_sensor *sensor,
                     void (*answer)(void *context, struct judging *judging,
                                    const struct run_stats *stats),
                     void *context) {
    struct question question = {sensor, answer, context};
    if (sensor->is_running)
        judge_thread_call(sensor->judge, answer_question, &question);
    else
        answer_question(&question);
}
