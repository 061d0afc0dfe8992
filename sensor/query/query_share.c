/* query_share.c - `downgrdctl share` and `top`: legacy shares of given, of all, or of the leading
 * domains. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "redis_keys.h"
#include "redis_link.h"
#include "reply.h"
#include "share_sheet.h"

enum {
    CANDIDATES_PER_ROW = 4, /* daily rankings do not add up to the range's: look at some more */
    RANKINGS_PER_BATCH = 64,
};

static enum query_result fail(const struct query *query, int status) {
    (void)fprintf(stderr, "downgrdctl: %s\n",
                  status == -ENOMEM ? "out of memory" : redis_link_message(query->link));
    return QUERY_FAILED;
}

/* The known domains that match "*.example.com", in place. */
static void filter_list(const struct query *query, char **list, size_t *count) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool is_wanted = false;
        for (size_t wanted = 0; wanted < query->domain_count && !is_wanted; wanted++)
            is_wanted = query_domain_matches(query->domains[wanted], list[i], strlen(list[i]));
        if (is_wanted)
            list[kept++] = list[i];
        else
            free(list[i]);
    }
    list[kept] = NULL;
    *count = kept;
}

static enum query_result print_sums(const struct query *query, const char *const *domains,
                                    size_t count) {
    struct usage_sums sums = {0};
    int status = usage_sums_read(query, domains, count, &sums);
    enum query_result result = QUERY_FAILED;
    if (status != 0) {
        result = fail(query, status);
    } else {
        usage_sums_sort(&sums, query->order);
        if (sums.count == 0)
            share_say_nothing(query);
        if (sums.count > 0 || query->format != QUERY_TABLE)
            result = share_sheet_print(query, &sums);
        else
            result = QUERY_NOTHING;
    }
    usage_sums_deinit(&sums);
    return result;
}

enum query_result query_share(const struct query *query) {
    bool is_pattern = query->domain_count == 0;
    for (size_t i = 0; i < query->domain_count; i++)
        is_pattern = is_pattern || strncmp(query->domains[i], "*.", 2) == 0;
    if (!is_pattern)
        return print_sums(query, query->domains, query->domain_count);
    char **list = NULL;
    size_t count = 0;
    int status = domain_list_read(query, &list, &count);
    if (status != 0)
        return fail(query, status);
    if (query->domain_count > 0 && list != NULL)
        filter_list(query, list, &count);
    enum query_result result = print_sums(query, (const char *const *)list, count);
    domain_list_delete(list);
    return result;
}

/* ---- top ---- */

struct ranked {
    char name[REDIS_NAME_MAX + 1];
    uint64_t score;
};

struct ranking {
    struct ranked *items;
    size_t count;
    size_t room;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct ranked *)a)->name, ((const struct ranked *)b)->name);
}

static int compare_scores(const void *a, const void *b) {
    uint64_t of_a = ((const struct ranked *)a)->score;
    uint64_t of_b = ((const struct ranked *)b)->score;
    if (of_a != of_b)
        return of_a > of_b ? -1 : 1;
    return compare_names(a, b);
}

static int add_ranked(struct ranking *ranking, const redisReply *reply) {
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *member = reply->element[i];
        if (member->type != REDIS_REPLY_STRING || member->len > REDIS_NAME_MAX)
            continue;
        if (ranking->count == ranking->room) {
            size_t room = ranking->room ? ranking->room * 2 : 1024;
            struct ranked *grown = realloc(ranking->items, room * sizeof *grown);
            if (grown == NULL)
                return -ENOMEM;
            ranking->items = grown;
            ranking->room = room;
        }
        struct ranked *item = &ranking->items[ranking->count++];
        memcpy(item->name, member->str, member->len + 1);
        item->score = reply_number(reply->element[i + 1]);
    }
    return 0;
}

static int take_rankings(const struct query *query, struct redis_batch *batch,
                         struct ranking *ranking) {
    int status = redis_link_exchange(query->link, batch);
    for (size_t i = 0; status == 0 && i < batch->reply_count; i++) {
        status = redis_link_judge(query->link, batch->replies[i]);
        if (status == 0 && batch->replies[i]->type == REDIS_REPLY_ARRAY)
            status = add_ranked(ranking, batch->replies[i]);
    }
    redis_batch_clear(batch);
    return status;
}

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

/* All rankings of the days in the range, one after the other. */
static int read_rankings(const struct query *query, struct ranking *ranking) {
    struct redis_batch index = {0};
    struct redis_batch batch = {0};
    char begin[16];
    uint32_t last = 0;
    (void)snprintf(begin, sizeof begin, "%u",
                   (unsigned)redis_day_of_us(usage_range_begin_us(query)));
    redis_batch_command(&index, "ZRANGEBYSCORE", REDIS_KEY_DAYS, begin, "+inf", NULL);
    int status = redis_link_exchange(query->link, &index);
    if (status == 0)
        status = redis_link_judge(query->link, index.replies[0]);
    const redisReply *days = status == 0 ? index.replies[0] : NULL;
    for (size_t i = 0; status == 0 && days->type == REDIS_REPLY_ARRAY && i < days->elements; i++) {
        uint32_t day = 0;
        const char *sensor = NULL;
        if (days->element[i]->type != REDIS_REPLY_STRING ||
            redis_member_read(days->element[i]->str, &day, &sensor) != 0)
            continue;
        if (query->order == ORDER_CLIENTS && day == last) /* one for all sensors */
            continue;
        last = day;
        redis_batch_command(&batch, "ZREVRANGE",
                            redis_key_top(day, rank_of(query->order), sensor).text, "0", "-1",
                            "WITHSCORES", NULL);
        if (batch.count >= RANKINGS_PER_BATCH)
            status = take_rankings(query, &batch, ranking);
    }
    if (status == 0)
        status = take_rankings(query, &batch, ranking);
    redis_batch_deinit(&index);
    redis_batch_deinit(&batch);
    return status;
}

/* One entry per name with the sum of its scores, the highest first. */
static void merge(struct ranking *ranking) {
    size_t kept = 0;
    if (ranking->count == 0)
        return;
    qsort(ranking->items, ranking->count, sizeof *ranking->items, compare_names);
    for (size_t i = 1; i < ranking->count; i++) {
        if (strcmp(ranking->items[kept].name, ranking->items[i].name) == 0)
            ranking->items[kept].score += ranking->items[i].score;
        else
            ranking->items[++kept] = ranking->items[i];
    }
    ranking->count = kept + 1;
    qsort(ranking->items, ranking->count, sizeof *ranking->items, compare_scores);
}

enum query_result query_top(const struct query *query) {
    struct ranking ranking = {0};
    int status = read_rankings(query, &ranking);
    if (status != 0) {
        free(ranking.items);
        return fail(query, status);
    }
    merge(&ranking);
    size_t count = ranking.count;
    if (query->limit != 0 && query->limit * CANDIDATES_PER_ROW < count)
        count = query->limit * CANDIDATES_PER_ROW;
    const char **names = calloc(count + 1, sizeof *names);
    if (names == NULL) {
        free(ranking.items);
        return fail(query, -ENOMEM);
    }
    for (size_t i = 0; i < count; i++)
        names[i] = ranking.items[i].name;
    enum query_result result = print_sums(query, names, count);
    free(names);
    free(ranking.items);
    return result;
}
