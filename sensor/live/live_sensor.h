/*
 * live_sensor.h - interfaces to verdicts: the workers of every interface and the judge's thread.
 *
 * Everything is opened and allocated by live_sensor_new(), so that rights can be given up between
 * that and live_sensor_start(), which makes the threads. What the configuration allots to flows,
 * buffers and fragments is divided among the workers: memory does not depend on how many there are.
 */
#ifndef DOWNGRD_LIVE_SENSOR_H
#define DOWNGRD_LIVE_SENSOR_H

#include "live_settings.h"
#include "pipeline.h"

enum { LIVE_MAX_INTERFACES = 8, LIVE_MAX_WORKERS = 32 };

struct live_sensor;

struct live_sensor_config {
    const struct pipeline_config *pipeline;
    const struct live_settings *settings;
    const char *const *interfaces; /* borrowed; LIVE_MAX_INTERFACES at most, and LIVE_MAX_WORKERS
                                      workers on all of them together */
    size_t interface_count;
    const struct sink *const *sinks; /* borrowed */
    size_t sink_count;
    /* Where each worker's packets are kept; live_sensor_workers() of them. NULL: nowhere. */
    struct packet_ring *const *rings;
    void (*flush)(void *context); /* see judge_thread.h */
    void *flush_context;
};

/* How many workers there will be. */
size_t live_sensor_workers(const struct live_settings *settings, size_t interface_count);

/* NULL and `error` on failure. What *config points at is borrowed. */
struct live_sensor *live_sensor_new(const struct live_sensor_config *config,
                                    char error[CAPTURE_ERROR_SIZE]);
/* Packets come from here on. 0, or -1 and `error`. */
int live_sensor_start(struct live_sensor *sensor, char error[CAPTURE_ERROR_SIZE]);
/* Ends capturing, judges what there is and what is in progress, and ends the threads: within about
 * three seconds. */
void live_sensor_stop(struct live_sensor *sensor);
void live_sensor_delete(struct live_sensor *sensor);

/* All of them as one, named "eth0,eth1". */
const struct source *live_sensor_source(const struct live_sensor *sensor);

/*
 * Calls `answer` where judge and sinks may be used, with the figures of all workers and the judge
 * since the start, and waits until it has returned. Also after live_sensor_stop().
 */
void live_sensor_ask(struct live_sensor *sensor,
                     void (*answer)(void *context, struct judging *judging,
                                    const struct run_stats *stats),
                     void *context);

#endif
