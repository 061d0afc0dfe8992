/*
 * redis_publication.h - the inside of the Redis sink, shared by redis_publish.c (alerts, health,
 * the whole) and redis_usage.c (counters, clients, rankings).
 */
#ifndef DOWNGRD_REDIS_PUBLICATION_H
#define DOWNGRD_REDIS_PUBLICATION_H

#include "publish.h"
#include "redis_keys.h"
#include "redis_link.h"

enum {
    PUBLICATION_COMMANDS = 256, /* of a batch */
    PUBLICATION_BYTES = 256 * 1024,
    PUBLICATION_ALERT_BATCHES = 64, /* of PUBLICATION_BYTES: gathered at most, 16 MiB */
    PUBLICATION_POSITION = 1,       /* of a capture, for the guards */
    PUBLICATION_MAX_HOURS = 24,
    PUBLICATION_MAX_NOTES = PUBLICATION_COMMANDS + 8,
};

struct redis_publisher {
    struct redis_link *link;
    struct eve *eve;
    struct sink sink;
    char *sensor;
    size_t alerts_maxlen;
    struct redis_batch alerts[PUBLICATION_ALERT_BATCHES];
    size_t alert_batch; /* the one being filled */
    uint64_t alerts_gathered;
    uint64_t alerts_lost; /* past the bound */
    struct redis_batch batch;
};

/* A reply that is waited for: totals of a domain's day that belong in the rankings. */
struct note {
    const char *domain;
    uint32_t day;
    size_t reply;
    bool is_clients; /* a PFCOUNT of legacy clients; else a counters script */
};

/* The state of one redis_publisher_publish(). */
struct publication {
    struct redis_publisher *publisher;
    struct redis_batch *batch;
    const struct usage *usage;
    const char *capture_id;
    int status; /* a general failure: nothing more is sent */
    int first_refusal;
    char refusal[REDIS_MESSAGE_SIZE]; /* the first command that was refused alone */
    uint64_t refused;
    uint64_t alerts_done;
    uint64_t units;
    uint64_t units_done;
    struct note notes[PUBLICATION_MAX_NOTES];
    size_t note_count;
    struct usage_bucket hours[PUBLICATION_MAX_HOURS]; /* of one domain and day */
    size_t hour_count;
    char domain[DOMAIN_SIZE]; /* the one whose clients were sent last */
    uint64_t clients_lost;    /* of that domain, until a unit has taken it along */
};

/* Sends what is gathered and judges the answers; the totals that come back are the beginning of the
 * next batch. */
void publication_flush(struct publication *publication);
void publication_judge_replies(struct publication *publication, const struct redis_batch *batch);

/* The whole usage table. Leaves its last rankings in the batch for the next flush. */
void publication_send_usage(struct publication *publication);

/* ZADD GT, and ZREMRANGEBYRANK that keeps the `count` members with the highest scores. */
void publication_raise_score(struct redis_batch *batch, const char *key, uint64_t score,
                             const char *member);
void publication_trim(struct redis_batch *batch, const char *key, uint64_t count);
void publication_add_key(struct redis_batch *batch, struct redis_key key);

#endif
