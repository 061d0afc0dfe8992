/* sensor_list.c - see sensor_list.h. */
#include "sensor_list.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "redis_keys.h"
#include "reply.h"

static uint64_t number_of(const redisReply *hash, const char *field) {
    const redisReply *value = reply_field(hash, field);
    return value != NULL ? reply_number(value) : 0;
}

static void take_state(struct sensor_state *state, const redisReply *hash) {
    const redisReply *source = reply_field(hash, "source");
    if (source != NULL && source->type == REDIS_REPLY_STRING)
        (void)snprintf(state->source, sizeof state->source, "%s", source->str);
    health_add(&state->last, hash);
    state->published_us = number_of(hash, "published");
    state->has_lag = reply_field(hash, "lag_us") != NULL;
    state->lag_us = number_of(hash, "lag_us");
    state->journal_bytes = number_of(hash, "journal_bytes");
    state->journal_unpublished = number_of(hash, "journal_unpublished");
    state->alive_us = number_of(hash, "alive");
}

static int take_names(const redisReply *names, struct sensor_list *list,
                      struct redis_batch *batch) {
    list->items = calloc(names->elements / 2 + 1, sizeof *list->items);
    if (list->items == NULL)
        return -ENOMEM;
    for (size_t i = 0; i + 1 < names->elements; i += 2) {
        if (names->element[i]->type != REDIS_REPLY_STRING)
            continue;
        struct sensor_state *state = &list->items[list->count++];
        (void)snprintf(state->name, sizeof state->name, "%s", names->element[i]->str);
        state->last_seen_us = reply_number(names->element[i + 1]);
        redis_batch_command(batch, "HGETALL", redis_key_health(state->name).text, NULL);
    }
    return 0;
}

int sensor_list_read(const struct query *query, struct sensor_list *list) {
    struct redis_batch index = {0};
    struct redis_batch batch = {0};
    redis_batch_command(&index, "ZREVRANGE", REDIS_KEY_SENSORS, "0", "-1", "WITHSCORES", NULL);
    int status = asker_exchange(query->asker, &index);
    if (status == 0)
        status = asker_judge(query->asker, index.replies[0]);
    if (status == 0 && index.replies[0]->type == REDIS_REPLY_ARRAY)
        status = take_names(index.replies[0], list, &batch);
    if (status == 0)
        status = asker_exchange(query->asker, &batch);
    for (size_t i = 0; status == 0 && i < batch.reply_count; i++)
        take_state(&list->items[i], batch.replies[i]);
    redis_batch_deinit(&index);
    redis_batch_deinit(&batch);
    return status;
}

void sensor_list_deinit(struct sensor_list *list) {
    free(list->items);
    memset(list, 0, sizeof *list);
}

const struct sensor_health *sensor_sums(const struct health *health, const char *name) {
    for (size_t i = 0; i < health->count; i++)
        if (strcmp(health->items[i].name, name) == 0)
            return &health->items[i];
    return NULL;
}
