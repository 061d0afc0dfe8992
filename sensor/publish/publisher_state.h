/*
 * publisher_state.h - the inside of struct publisher: the judge's side writes the journal
 * (publisher_sink.c), the publisher's thread reads it (publisher.c).
 */
#ifndef DOWNGRD_PUBLISHER_STATE_H
#define DOWNGRD_PUBLISHER_STATE_H

#include "fingerprint.h"
#include "publish.h"
#include "publisher.h"
#include "publisher_batches.h"
#include "redis_publication.h"

#include <pthread.h>
#include <stdatomic.h>

/* The judge's side. */
struct intake {
    struct journal *journal;
    struct usage_meter *meter;
    struct eve *eve; /* formats alerts; writes nothing */
    struct fingerprinter *fingerprinter;
    bool is_open; /* a source has begun */
    bool is_live;
    bool has_failed; /* the replay waited for room in vain */
    char source_name[256];
    /* Domains of the day that are counted under their names: hashes, open addressing; 0 is free. */
    uint64_t *domains;
    size_t domain_mask;
    size_t domain_count;
    size_t domain_max;
    uint64_t day;
    struct run_stats noted; /* of a live source: what its health has already */
    uint64_t alerts_lost;
    uint64_t dropped_before; /* by the journal, when it was last told */
    uint64_t sources;        /* 1 until told */
    uint8_t *buffer;         /* JOURNAL_MAX_RECORD */
};

struct publisher {
    struct publisher_config config;
    struct journal *journal;
    struct sink sink;
    struct intake intake;
    /* The thread's own. */
    struct redis_servers *servers;
    struct batch_reader reader;
    struct usage *usage;
    struct publication publication;
    bool is_restoring;
    bool has_complained; /* of the failure that lasts */
    uint32_t backoff_ms;
    int64_t next_cycle_ms;
    int64_t next_health_ms;
    int status; /* how it ended */
    char message[REDIS_MESSAGE_SIZE];
    /* Shared. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic bool is_stopping;
    _Atomic bool wants_room;       /* the replay waits for room in the journal */
    _Atomic int64_t stop_ms;       /* when it was told to stop, and when it must */
    _Atomic int64_t deadline_ms;   /* 0: none */
    _Atomic int64_t progress_ms;   /* when something was published last */
    _Atomic uint64_t lag_since_us; /* when the oldest that is not published began; 0: none */
    _Atomic bool is_connected;
    _Atomic uint64_t batches;
    _Atomic uint64_t reconnects;
    _Atomic uint64_t restored;
    _Atomic uint64_t refused;
};

int64_t publisher_now_ms(void);

/* False when out of memory. */
bool intake_init(struct intake *intake, const struct publisher_config *config,
                 struct journal *journal);
void intake_deinit(struct intake *intake);
struct sink publisher_make_sink(struct publisher *publisher);

#endif
