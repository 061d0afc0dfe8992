/* ranking.c - see ranking.h. Names are merged in a hash table whose function is keyed by the time:
 * they come from the wire, and nobody shall choose their places. */
#include "ranking.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "redis_keys.h"
#include "reply.h"
#include "usage_sums.h"

enum { LEADING = 1000, RANKINGS_PER_BATCH = 16, FIRST_SLOTS = 4096 };

void ranking_deinit(struct ranking *ranking) {
    for (size_t i = 0; i < ranking->count; i++)
        free(ranking->items[i].name);
    free(ranking->items);
    free(ranking->slots);
    memset(ranking, 0, sizeof *ranking);
}

/* ---- merging ---- */

static uint64_t hash_name(uint64_t seed, const char *name) {
    uint64_t hash = seed ^ 0x9e3779b97f4a7c15U;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3U;
        hash ^= hash >> 29U;
    }
    return hash;
}

/* Where the name is, or where it belongs. */
static size_t *find_slot(struct ranking *ranking, const char *name) {
    size_t at = (size_t)hash_name(ranking->seed, name) & (ranking->slot_count - 1);
    while (ranking->slots[at] != 0 &&
           strcmp(ranking->items[ranking->slots[at] - 1].name, name) != 0)
        at = (at + 1) & (ranking->slot_count - 1);
    return &ranking->slots[at];
}

/* Keeps the table at most half full. */
static int make_room(struct ranking *ranking) {
    if (2 * (ranking->count + 1) <= ranking->slot_count)
        return 0;
    size_t slot_count = ranking->slot_count ? 2 * ranking->slot_count : (size_t)FIRST_SLOTS;
    struct ranked *items = realloc(ranking->items, slot_count / 2 * sizeof *items);
    size_t *slots = calloc(slot_count, sizeof *slots);
    if (items != NULL)
        ranking->items = items;
    if (items == NULL || slots == NULL) {
        free(slots);
        return -ENOMEM;
    }
    free(ranking->slots);
    ranking->slots = slots;
    ranking->slot_count = slot_count;
    for (size_t i = 0; i < ranking->count; i++)
        *find_slot(ranking, ranking->items[i].name) = i + 1;
    return 0;
}

static int add_score(struct ranking *ranking, const redisReply *member, uint64_t score) {
    if (make_room(ranking) != 0)
        return -ENOMEM;
    size_t *slot = find_slot(ranking, member->str);
    if (*slot != 0) {
        ranking->items[*slot - 1].score += score;
        return 0;
    }
    char *name = malloc(member->len + 1);
    if (name == NULL)
        return -ENOMEM;
    memcpy(name, member->str, member->len + 1);
    ranking->items[ranking->count] = (struct ranked){name, score};
    *slot = ++ranking->count;
    return 0;
}

/* *rest grows by what a domain that is not in this answer may have at most. */
static int add_ranking(struct ranking *ranking, const redisReply *reply, uint64_t *rest) {
    uint64_t score = 0;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *member = reply->element[i];
        if (member->type != REDIS_REPLY_STRING || member->len > REDIS_NAME_MAX ||
            strlen(member->str) != member->len)
            continue;
        score = reply_number(reply->element[i + 1]);
        if (add_score(ranking, member, score) != 0)
            return -ENOMEM;
    }
    if (reply->elements >= 2 * (size_t)LEADING)
        *rest += score;
    return 0;
}

static int compare_scores(const void *a, const void *b) {
    const struct ranked *of_a = a;
    const struct ranked *of_b = b;
    if (of_a->score != of_b->score)
        return of_a->score > of_b->score ? -1 : 1;
    return strcmp(of_a->name, of_b->name);
}

/* ---- reading ---- */

static enum redis_rank rank_of(enum query_order order) {
    switch (order) {
    case ORDER_LEGACY:
        return RANK_LEGACY;
    case ORDER_CLIENTS:
        return RANK_LEGACY_CLIENTS;
    case ORDER_ALERTS:
        return RANK_ALERTS;
    case ORDER_HANDSHAKES:
        return RANK_HANDSHAKES;
    }
    return RANK_LEGACY;
}

static int take_batch(const struct query *query, struct redis_batch *batch, struct ranking *ranking,
                      uint64_t *rest) {
    int status = asker_exchange(query->asker, batch);
    for (size_t i = 0; status == 0 && i < batch->reply_count; i++) {
        status = asker_judge(query->asker, batch->replies[i]);
        if (status == 0 && batch->replies[i]->type == REDIS_REPLY_ARRAY)
            status = add_ranking(ranking, batch->replies[i], rest);
    }
    redis_batch_clear(batch);
    return status;
}

/* The first `last` + 1 of each ranking that the index names. */
static int read_days(const struct query *query, const redisReply *days, enum query_order order,
                     const char *last, struct ranking *ranking, uint64_t *rest) {
    struct redis_batch batch = {0};
    uint32_t last_day = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && days->type == REDIS_REPLY_ARRAY && i < days->elements; i++) {
        uint32_t day = 0;
        const char *sensor = NULL;
        if (days->element[i]->type != REDIS_REPLY_STRING ||
            redis_member_read(days->element[i]->str, &day, &sensor) != 0)
            continue;
        if (order == ORDER_CLIENTS && day == last_day) /* one for all sensors */
            continue;
        last_day = day;
        redis_batch_command(&batch, "ZREVRANGE", redis_key_top(day, rank_of(order), sensor).text,
                            "0", last, "WITHSCORES", NULL);
        if (batch.count >= RANKINGS_PER_BATCH)
            status = take_batch(query, &batch, ranking, rest);
    }
    if (status == 0)
        status = take_batch(query, &batch, ranking, rest);
    redis_batch_deinit(&batch);
    return status;
}

/* First the leading ones; all when these do not settle it. */
static int read_ranking(const struct query *query, const redisReply *days, enum query_order order,
                        uint64_t wanted, struct ranking *ranking) {
    char last[16];
    int status = 0;
    (void)snprintf(last, sizeof last, "%d", LEADING - 1);
    for (bool all = wanted == 0;; all = true) {
        uint64_t rest = 0;
        ranking->seed = query->now_us;
        status = read_days(query, days, order, all ? "-1" : last, ranking, &rest);
        if (ranking->count > 1)
            qsort(ranking->items, ranking->count, sizeof *ranking->items, compare_scores);
        ranking->is_whole = all || rest == 0;
        if (status != 0 || ranking->is_whole ||
            (ranking->count >= wanted && ranking->items[wanted - 1].score >= rest))
            return status;
        ranking_deinit(ranking);
    }
}

int ranking_read(const struct query *query, enum query_order order, uint64_t wanted,
                 struct ranking *ranking) {
    struct redis_batch index = {0};
    char begin[16];
    (void)snprintf(begin, sizeof begin, "%u",
                   (unsigned)redis_day_of_us(usage_range_begin_us(query)));
    redis_batch_command(&index, "ZRANGEBYSCORE", REDIS_KEY_DAYS, begin, "+inf", NULL);
    int status = asker_exchange(query->asker, &index);
    if (status == 0)
        status = asker_judge(query->asker, index.replies[0]);
    if (status == 0)
        status = read_ranking(query, index.replies[0], order, wanted, ranking);
    redis_batch_deinit(&index);
    return status;
}
