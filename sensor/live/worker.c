/*
 * worker.c - see worker.h.
 *
 * The thread sleeps in poll() until there are packets or a tenth of a second is over; while packets
 * come it goes from batch to batch without another call. Before each batch it looks at the clocks
 * and at what the kernel dropped. A drop lies between two looks, and packets bear the time of day,
 * so it becomes a hole in packet time (lane_hole()). That is known before any packet behind the
 * hole is read: when the kernel dropped, its ring was full of older ones, and a batch is a small
 * part of it.
 *
 * libpcap gives a block of its ring back to the kernel inside of the call that hands out the last
 * packet of it, and nobody can tell which one that is. So frames of ordinary size are copied: they
 * may wait for each other then (lane_packet_later()), which saves more than the copy costs.
 */
#include "worker.h"

#include "flow_key.h"
#include "frame_copies.h"
#include "kernel_filter.h"
#include "live_clock.h"
#include "log.h"
#include "packet_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    SLEEP_MS = 100,
    SILENCE_US = 200000, /* the kernel hands a packet over long before it is so old */
    HOLE_MARGIN_US = 5000,
    LOOK_MS = 1000,    /* between two looks at the interface */
    PUBLISH_MS = 100,  /* between two copies of the figures */
    DRAIN_MS = 2000,   /* at the end */
    PATIENCE_MS = 100, /* with a judge that is behind, in one batch: the kernel's ring is larger */
    END_PATIENCE_MS = 2000,
    REOPEN_FIRST_MS = 100,
    REOPEN_MAX_MS = 5000,
};

struct worker {
    struct worker_config config;
    struct live *live;
    struct lane *lane;
    struct record_ring *ring;
    pthread_t thread;
    bool is_running;
    int alarm; /* an eventfd that wakes the thread */
    atomic_bool is_stopping;
    _Atomic uint64_t watermark_us;

    /* the thread's own */
    struct live_clock clock;
    struct frame_copies copies; /* of packets that wait in the lane */
    uint64_t number;            /* of the next packet */
    uint64_t dropped;           /* by the kernel, at the last look */
    uint64_t dropped_us;        /* time of day of that look */
    uint64_t looked_ms;
    uint64_t published_ms;
    unsigned patience_ms;    /* what is left of it */
    bool has_records;        /* that the judge was not woken for */
    uint64_t records_lost;   /* the judge had no room for them: handshakes, */
    uint64_t dialogues_lost; /* and dialogues without any */
    uint64_t unread;         /* left behind in the kernel's ring at the end */
    bool is_gone;            /* the interface */
    bool is_down;            /* or only that */
    uint64_t downs;
    uint64_t reopen_ms; /* when to try next */
    uint64_t pause_ms;  /* and how long to wait after that */

    pthread_mutex_t mutex; /* of the copy for others */
    struct run_stats stats;
};

static const char *name_of(const struct worker *worker) {
    return worker->config.live.interface;
}

/* ---- records ---- */

static void lose(struct worker *worker, const struct handshake *record) {
    bool has_hello = handshake_has_hello(record);
    worker->records_lost += has_hello;
    worker->dialogues_lost += !has_hello;
}

static void wake(int descriptor) {
    const uint64_t one = 1;
    if (write(descriptor, &one, sizeof one) < 0)
        return; /* it is awake already */
}

static void on_finished(void *context, const struct handshake *handshake) {
    struct worker *worker = context;
    const struct timespec moment = {0, 1000000};
    uint64_t told_us = lane_now(worker->lane);
    worker->has_records = true;
    while (!record_ring_put(worker->ring, handshake, told_us, live_clock_steady_ms())) {
        if (worker->patience_ms == 0) {
            lose(worker, handshake);
            return;
        }
        worker->patience_ms--;
        wake(worker->config.wake);
        (void)nanosleep(&moment, NULL);
    }
}

/* Nothing more is needed of a connection: the kernel may stop what comes. Should it not take the
 * name, more packets come, and that is all. */
static void on_bulk(void *context, const struct flow_bulk *bulk) {
    static const enum kernel_filter_kind kinds[] = {
        [HANDSHAKE_TLS] = KERNEL_FILTER_TLS,
        [HANDSHAKE_SSLV2] = KERNEL_FILTER_TLS,
        [HANDSHAKE_DTLS] = KERNEL_FILTER_DTLS,
        [HANDSHAKE_QUIC] = KERNEL_FILTER_QUIC,
    };
    const struct worker *worker = context;
    const struct flow_key *key = bulk->key;
    struct kernel_filter_flow flow = {
        .port = {key->port[0], key->port[1]},
        .ip_version = (uint8_t)key->ip_version,
        .protocol = (uint8_t)key->protocol,
        .kind = kinds[bulk->protocol],
        .watch_us = bulk->watch_us,
        .next_sequence = {bulk->next_sequence[0], bulk->next_sequence[1]},
    };
    for (unsigned end = 0; end < 2; end++)
        memcpy(flow.address[end].bytes, key->address[end], sizeof flow.address[end].bytes);
    uint64_t day_us = 0;
    uint64_t steady_us = 0;
    uint64_t known_us = lane_now(worker->lane);
    live_clock_now(&day_us, &steady_us);
    (void)kernel_filter_stop(worker->config.live.kernel_filter, &flow,
                             day_us > known_us ? day_us - known_us : 0);
}

/* ---- packets and time ---- */

static void on_packet(void *context, const struct capture_packet *captured) {
    struct worker *worker = context;
    struct capture_packet packet = *captured;
    packet.number = worker->number;
    packet.time_us = live_clock_believe(&worker->clock, captured->time_us);
    worker->number += worker->config.number_step;
    if (packet.frame.size <= FRAME_COPIES_MAX_SIZE) {
        packet.frame = frame_copies_add(&worker->copies, packet.frame);
        lane_packet_later(worker->lane, &packet);
    } else {
        lane_catch_up(worker->lane);
        lane_packet(worker->lane, &packet);
    }
}

static void look_at_clock(struct worker *worker) {
    uint64_t day_us = 0;
    uint64_t steady_us = 0;
    live_clock_now(&day_us, &steady_us);
    int64_t step_us = live_clock_look(&worker->clock, day_us, steady_us);
    if (step_us == 0)
        return;
    log_write(LOG_LEVEL_NOTICE, "clock-step", "the time of day was set by %" PRId64 " ms",
              step_us / 1000);
    lane_shift(worker->lane, step_us);
    worker->dropped_us += (uint64_t)step_us;
}

/* What the kernel dropped since the last look. */
static void look_at_drops(struct worker *worker) {
    uint64_t dropped = live_count(worker->live)->dropped;
    uint64_t now_us = worker->clock.day_us;
    if (dropped > worker->dropped) {
        lane_hole(worker->lane, worker->dropped_us - HOLE_MARGIN_US, now_us);
        log_write(LOG_LEVEL_WARNING, "packets-dropped",
                  "%s: the kernel dropped %" PRIu64 " packets, the sensor was too slow for them",
                  name_of(worker), dropped - worker->dropped);
    }
    worker->dropped = dropped;
    worker->dropped_us = now_us;
}

/* Nothing is captured while the interface is gone or down. */
static void note_absence(struct worker *worker) {
    if (worker->is_gone || worker->is_down)
        lane_hole(worker->lane, worker->clock.day_us - SILENCE_US, worker->clock.day_us);
}

static void look_at_interface(struct worker *worker, uint64_t now_ms) {
    if (worker->is_gone || now_ms - worker->looked_ms < LOOK_MS)
        return;
    worker->looked_ms = now_ms;
    live_count_card(worker->live);
    bool is_down = !live_is_up(worker->live);
    if (is_down && !worker->is_down) {
        worker->downs++;
        lane_hole(worker->lane, worker->clock.day_us - LOOK_MS * (uint64_t)1000,
                  worker->clock.day_us);
        log_write(LOG_LEVEL_WARNING, "interface-down", "%s is down", name_of(worker));
    } else if (!is_down && worker->is_down) {
        log_write(LOG_LEVEL_NOTICE, "interface-up", "%s is up again", name_of(worker));
    }
    worker->is_down = is_down;
}

static void lose_interface(struct worker *worker, uint64_t now_ms) {
    worker->is_gone = true;
    worker->downs += !worker->is_down;
    worker->pause_ms = REOPEN_FIRST_MS;
    worker->reopen_ms = now_ms + worker->pause_ms;
    log_write(LOG_LEVEL_WARNING, "interface-gone", "%s is gone: %s; waiting for it to come back",
              name_of(worker), live_error(worker->live));
}

static void find_interface(struct worker *worker, uint64_t now_ms) {
    char error[CAPTURE_ERROR_SIZE];
    if (!worker->is_gone || now_ms < worker->reopen_ms)
        return;
    if (live_reopen(worker->live, error) == 0) {
        note_absence(worker);
        worker->is_gone = false;
        worker->is_down = false;
        log_write(LOG_LEVEL_NOTICE, "interface-back", "%s is back", name_of(worker));
        return;
    }
    bool is_first = worker->pause_ms == REOPEN_FIRST_MS;
    if (is_first && errno == EPERM)
        log_write(LOG_LEVEL_ERROR, "interface-not-back",
                  "%s; the right to open it again was given up: see rights.reopen in the "
                  "configuration, or start the sensor again",
                  error);
    else
        log_write(LOG_LEVEL_INFO, "interface-not-back", "%s", error);
    worker->pause_ms = worker->pause_ms * 2 < REOPEN_MAX_MS ? worker->pause_ms * 2 : REOPEN_MAX_MS;
    worker->reopen_ms = now_ms + worker->pause_ms;
}

/* ---- the thread ---- */

static void publish(struct worker *worker, uint64_t now_ms) {
    atomic_store_explicit(&worker->watermark_us, lane_now(worker->lane), memory_order_release);
    if (worker->has_records)
        wake(worker->config.wake);
    worker->has_records = false;
    if (now_ms - worker->published_ms < PUBLISH_MS)
        return;
    worker->published_ms = now_ms;
    struct run_stats stats;
    const struct live_counts *counts = live_count(worker->live);
    lane_stats(worker->lane, &stats);
    stats.packets_dropped = counts->dropped + worker->unread;
    stats.interface_drops = counts->interface_drops;
    stats.interface_downs = worker->downs;
    stats.records_lost = worker->records_lost;
    stats.dialogues_lost = worker->dialogues_lost;
    stats.clock_steps = worker->clock.steps;
    (void)pthread_mutex_lock(&worker->mutex);
    worker->stats = stats;
    (void)pthread_mutex_unlock(&worker->mutex);
}

/* How many packets there were. */
static int read_batch(struct worker *worker) {
    struct packet_ring *kept = worker->config.lane.ring;
    if (worker->is_gone)
        return 0;
    if (kept)
        packet_ring_lock(kept);
    int count = live_read(worker->live, on_packet, worker);
    lane_catch_up(worker->lane);
    if (kept)
        packet_ring_unlock(kept);
    return count;
}

/* One round; false when there was nothing to read. */
static bool turn(struct worker *worker) {
    uint64_t now_ms = live_clock_steady_ms();
    look_at_clock(worker);
    look_at_drops(worker);
    look_at_interface(worker, now_ms);
    note_absence(worker);
    find_interface(worker, now_ms);
    worker->patience_ms = PATIENCE_MS;
    int count = read_batch(worker);
    if (count < 0)
        lose_interface(worker, now_ms);
    if (count <= 0)
        lane_tick(worker->lane, worker->clock.day_us - SILENCE_US);
    publish(worker, now_ms);
    return count > 0;
}

static void wait_for_packets(struct worker *worker) {
    struct pollfd waits[] = {{.fd = live_descriptor(worker->live), .events = POLLIN},
                             {.fd = worker->alarm, .events = POLLIN}};
    (void)poll(waits, 2, SLEEP_MS);
}

/* At the end: what the kernel has taken in until now, and what it still holds back. When there is
 * more than time allows, the rest counts as dropped. */
static void drain(struct worker *worker) {
    uint64_t begun_ms = live_clock_steady_ms();
    struct pollfd wait = {.fd = live_descriptor(worker->live), .events = POLLIN};
    while (live_clock_steady_ms() - begun_ms < DRAIN_MS)
        if (!turn(worker) && poll(&wait, 1, LIVE_MAX_DELAY_MS * 3) <= 0)
            return;
    const struct live_counts *counts = live_count(worker->live);
    if (counts->received <= counts->dropped + counts->read)
        return;
    worker->unread = counts->received - counts->dropped - counts->read;
    log_write(LOG_LEVEL_WARNING, "packets-unread",
              "%s: %" PRIu64 " packets were not read any more, there was no time for them",
              name_of(worker), worker->unread);
}

static void *run(void *context) {
    struct worker *worker = context;
    (void)prctl(PR_SET_NAME, "worker");
    while (!atomic_load(&worker->is_stopping))
        if (!turn(worker))
            wait_for_packets(worker);
    drain(worker);
    worker->patience_ms = END_PATIENCE_MS;
    lane_end(worker->lane);
    worker->published_ms = 0;
    publish(worker, live_clock_steady_ms());
    atomic_store_explicit(&worker->watermark_us, UINT64_MAX, memory_order_release);
    wake(worker->config.wake);
    return NULL;
}

/* ---- from outside ---- */

struct worker *worker_new(const struct worker_config *config, char error[CAPTURE_ERROR_SIZE]) {
    struct worker *worker = calloc(1, sizeof *worker);
    snprintf(error, CAPTURE_ERROR_SIZE, "out of memory for a worker");
    if (worker == NULL)
        return NULL;
    worker->config = *config;
    worker->number = config->number_first;
    if (config->live.kernel_filter != NULL)
        worker->config.lane.flow.bulk = on_bulk;
    (void)pthread_mutex_init(&worker->mutex, NULL);
    atomic_init(&worker->is_stopping, false);
    atomic_init(&worker->watermark_us, 0);
    worker->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->lane = lane_new(&worker->config.lane, on_finished, worker);
    worker->ring = record_ring_new(config->ring_bytes);
    if (worker->alarm >= 0 && worker->lane != NULL && worker->ring != NULL)
        worker->live = live_open(&config->live, error);
    if (worker->live == NULL) {
        worker_delete(worker);
        return NULL;
    }
    return worker;
}

int worker_start(struct worker *worker, char error[CAPTURE_ERROR_SIZE]) {
    uint64_t steady_us = 0;
    live_clock_now(&worker->dropped_us, &steady_us);
    live_clock_begin(&worker->clock, worker->dropped_us, steady_us);
    worker->looked_ms = steady_us / 1000;
    lane_begin(worker->lane, worker->config.source);
    if (live_start(worker->live, error) != 0)
        return -1;
    worker->is_running = pthread_create(&worker->thread, NULL, run, worker) == 0;
    if (!worker->is_running)
        snprintf(error, CAPTURE_ERROR_SIZE, "a thread cannot be started");
    return worker->is_running ? 0 : -1;
}

void worker_stop(struct worker *worker) {
    atomic_store(&worker->is_stopping, true);
    wake(worker->alarm);
}

void worker_join(struct worker *worker) {
    if (worker->is_running)
        (void)pthread_join(worker->thread, NULL);
    worker->is_running = false;
}

void worker_delete(struct worker *worker) {
    if (worker == NULL)
        return;
    live_close(worker->live);
    lane_delete(worker->lane);
    record_ring_delete(worker->ring);
    if (worker->alarm >= 0)
        close(worker->alarm);
    (void)pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

struct record_ring *worker_ring(const struct worker *worker) {
    return worker->ring;
}

const struct source *worker_source(const struct worker *worker) {
    return worker->config.source;
}

uint64_t worker_watermark(const struct worker *worker) {
    return atomic_load_explicit(&worker->watermark_us, memory_order_acquire);
}

void worker_stats(struct worker *worker, struct run_stats *stats) {
    (void)pthread_mutex_lock(&worker->mutex);
    *stats = worker->stats;
    (void)pthread_mutex_unlock(&worker->mutex);
}
