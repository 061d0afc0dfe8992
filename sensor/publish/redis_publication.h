/*
 * redis_publication.h - one batch of the journal as commands: redis_publication.c (alerts, health,
 * sending), redis_usage.c (counters, clients, rankings).
 *
 * Everything is idempotent, so a batch that was cut anywhere is completed by sending it again:
 *   - counters, clients and health are guarded scripts, one per domain and day (redis_scripts.h);
 *   - an alert's script knows the ids that are in the stream;
 *   - rankings are absolute: a counters script answers with the day's totals whether it applied
 *     something or not, and those are written with ZADD GT.
 * Commands are sent when so many are gathered; the answers become the rankings of the next.
 */
#ifndef DOWNGRD_REDIS_PUBLICATION_H
#define DOWNGRD_REDIS_PUBLICATION_H

#include "journal_records.h"
#include "redis_keys.h"
#include "redis_servers.h"

enum {
    PUBLICATION_COMMANDS = 512, /* that are sent together */
    PUBLICATION_BYTES = 256 * 1024,
    PUBLICATION_MAX_HOURS = 24,
    PUBLICATION_MAX_NOTES = PUBLICATION_COMMANDS + 8,
};

/* An answer that is waited for: totals of a domain's day that belong in the rankings. */
struct note {
    char domain[DOMAIN_SIZE];
    uint32_t day;
    struct redis_ticket ticket;
};

struct publication {
    struct redis_servers *servers;
    const char *sensor;
    size_t alerts_maxlen;
    void (*on_progress)(void *context); /* Redis took what was sent together */
    void *context;
    const struct usage *usage; /* while it is walked */
    /* The batch that is published. */
    char source[JOURNAL_ID_SIZE];
    uint64_t number;
    int status;       /* of the first exchange that failed: nothing more is sent */
    uint64_t refused; /* commands that were refused alone, and why the first one was */
    int refusal_status;
    char refusal[REDIS_MESSAGE_SIZE];
    struct note notes[PUBLICATION_MAX_NOTES];
    size_t note_count;
    struct usage_bucket hours[PUBLICATION_MAX_HOURS]; /* of one domain and day */
    size_t hour_count;
};

/* Begins a batch. `source` and `number` are the guards'. */
void publication_begin(struct publication *publication, const char *source, uint64_t number);
void publication_add_alert(struct publication *publication, const struct journal_alert *alert);
/* Its guard is `position`. */
void publication_add_stats(struct publication *publication, const struct journal_stats *stats,
                           uint64_t position);
/* All that the events of the batch add up to. */
void publication_add_usage(struct publication *publication, const struct usage *usage);
/* Sends what is left. 0, or the first failure; then the whole batch is to be sent again. What was
 * refused alone (a key that holds something else) is in `refused`, and fails nothing. */
int publication_end(struct publication *publication);

/* ---- shared by the two files ---- */

/* Sends what is gathered when there is enough of it, or in any case. */
void publication_flush_when_full(struct publication *publication);
void publication_flush(struct publication *publication);
/* Reads the noted answers, and gathers the rankings that follow from them. */
void publication_rank(struct publication *publication);

/* ZADD GT, ZREMRANGEBYRANK that keeps the `count` members with the highest scores, EXPIRE. */
void publication_raise_score(struct publication *publication, const char *key, uint64_t score,
                             const char *member);
void publication_trim(struct publication *publication, const char *key, uint64_t count);
void publication_expire(struct publication *publication, const char *key, uint64_t seconds);

#endif
