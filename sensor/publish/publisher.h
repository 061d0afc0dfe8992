/*
 * publisher.h - publishes to Redis what is judged, each handshake and each alert exactly once.
 *
 * The sink writes into the journal (journal.h) and returns; a thread of its own reads the journal,
 * divides it into batches (publisher_batches.h) and sends them (redis_publication.h). Redis away,
 * restarted, replaced or full, a connection cut anywhere, the process killed: what was written to
 * the journal is sent again, under the same numbers, and Redis's guards leave out what they have.
 *
 *   publisher_new -> publisher_start -> publisher_begin, (sink), ... -> publisher_stop
 *
 * Live, nothing here waits: when the journal is full the oldest goes and is counted. A replay waits
 * until there is room, as long as publishing makes progress.
 */
#ifndef DOWNGRD_PUBLISHER_H
#define DOWNGRD_PUBLISHER_H

#include "verdict.h"

struct publisher;

struct shared_history;

struct publisher_config {
    const char *url; /* of redis_url.h */
    const char *sensor;
    const char *state_dir; /* NULL: journal_default_dir() */
    size_t journal_bytes;  /* 64 MiB */
    uint32_t timeout_ms;   /* for connecting and for each answer: 3000 */
    uint32_t patience_ms;  /* how long publisher_stop() waits without any progress: 5000 */
    uint32_t flush_ms;     /* a live source's batch ends after: 1000 */
    size_t alerts_maxlen;  /* of the stream, trimmed with ~: 100000 */
    size_t domains;        /* of one day that are counted under their names, the rest as "_other":
                              100000 */
    bool group_domains;
    bool is_live; /* never wait */
    /* Called in the publisher's thread about every second, and once before it ends; for others who
     * share what they know through the same Redis. NULL: nobody. */
    void (*cycle)(void *context);
    void *cycle_context;
    /* Theirs, for the sensor's health: what found no room in it is told. NULL: nothing is shared.
     */
    const struct shared_history *shared;
};
void publisher_default_config(struct publisher_config *config);

/*
 * Opens the journal. NULL when there is no journal, address or memory: *error says what, where and
 * what to do, and must be freed. The texts of `config` are borrowed.
 */
struct publisher *publisher_new(const struct publisher_config *config, char **error);

/*
 * Starts the thread, which begins with what the journal still holds. That Redis cannot be reached
 * is no failure: it is tried again and again. 0 (also for NULL), or -errno with a line on stderr.
 */
int publisher_start(struct publisher *publisher);

const struct sink *publisher_sink(struct publisher *publisher);

/*
 * A source begins, a file or interface of that name: what the sink is given next is of it, until
 * its source_end. `capture_id` (hex) names the capture's content: publishing the same capture of
 * the same sensor again changes nothing. NULL for an interface.
 */
void publisher_begin(struct publisher *publisher, const char *name, const char *capture_id);

/* What a live source has seen so far, for the sensor's health: every few seconds. `stats` count
 * from publisher_begin(). */
void publisher_note_stats(struct publisher *publisher, const struct run_stats *stats);

struct publisher_health {
    bool is_connected;
    uint64_t journal_size;        /* bytes */
    uint64_t journal_used;        /* bytes of it that are not published */
    uint64_t journal_unpublished; /* handshakes and alerts in them */
    uint64_t dropped;             /* handshakes and alerts that it had no room for, ever */
    uint64_t lag_us;              /* age of the oldest that is not published; 0: none */
    uint64_t batches;             /* published by this process */
    uint64_t reconnects;
    uint64_t restored; /* batches sent again because Redis was restarted or replaced */
    uint64_t refused;  /* commands that Redis refused for a key of the wrong type */
};
void publisher_health(struct publisher *publisher, struct publisher_health *health);

/*
 * Publishes what is left and ends the thread. 0; or -errno after a message on stderr that says what
 * is not published, why, and where it is kept. Waits `patience_ms` at most without progress, and
 * `deadline_ms` at most in all (0: as long as there is progress). Frees the publisher, started or
 * not.
 */
int publisher_stop(struct publisher *publisher, uint32_t deadline_ms);

#endif
