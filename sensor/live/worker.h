/*
 * worker.h - one thread that captures its share of one interface and makes records of it.
 *
 * capture -> lane (decode, fragments, flows) -> record_ring.h. A worker shares nothing with others:
 * the judge reads its ring, and anyone a copy of its figures. When the link is silent the time of
 * day drives its flows, so that handshakes end. An interface that vanishes is looked for again,
 * with growing pauses.
 */
#ifndef DOWNGRD_WORKER_H
#define DOWNGRD_WORKER_H

#include "lane.h"
#include "live.h"
#include "record_ring.h"

struct worker;

struct worker_config {
    struct live_config live;
    struct lane_config lane;
    size_t ring_bytes;
    const struct source *source; /* of its records; its alone, borrowed */
    uint64_t number_first;       /* of its first packet; from 1 */
    uint64_t number_step;        /* how many workers number packets */
    int wake;                    /* an eventfd, written when there are records for the judge */
};

/* Opens the interface. NULL and `error` on failure. */
struct worker *worker_new(const struct worker_config *config, char error[CAPTURE_ERROR_SIZE]);
/* When all of an interface are open: packets begin to come, and the thread runs. 0, or -1 and
 * `error`. */
int worker_start(struct worker *worker, char error[CAPTURE_ERROR_SIZE]);
/* Reads what the kernel still has (for half a second at most), tells what is in progress, and ends
 * the thread. Does not wait; worker_join() does. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_delete(struct worker *worker);

struct record_ring *worker_ring(const struct worker *worker);
const struct source *worker_source(const struct worker *worker);
/* No record told later has an earlier told_us. UINT64_MAX once the worker has ended. */
uint64_t worker_watermark(const struct worker *worker);
/* Its figures, at most a tenth of a second old. */
void worker_stats(struct worker *worker, struct run_stats *stats);

#endif
