/*
 * query_alerts.c - `downgrdctl alerts`: the stream, newest entry first, filtered.
 *
 * The stream is read backwards in pages until enough rows matched. With --since the walk ends a day
 * before it in the stream's own time (when an alert was published): packet time is never later than
 * that but for clocks that are off.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "alert_rows.h"
#include "asker.h"
#include "redis_keys.h"
#include "reply.h"

enum { ENTRIES_PER_PAGE = 500, STREAM_ID_SIZE = 64 };

struct walk {
    const struct query *query;
    struct sheet *sheet;
    json_t *eve; /* an array beside the rows, for JSON only */
    char next[STREAM_ID_SIZE];
    uint64_t hidden;    /* matching alerts from before --since */
    uint64_t newest_us; /* of those */
    bool is_done;
};

static bool is_wanted(struct walk *walk, const redisReply *fields) {
    uint64_t since_us = walk->query->since_us;
    if (!alert_fits(walk->query, fields))
        return false;
    uint64_t time_us = alert_time_us(fields);
    if (since_us == 0 || time_us >= since_us)
        return true;
    walk->hidden++;
    walk->newest_us = time_us > walk->newest_us ? time_us : walk->newest_us;
    return false;
}

static void add_row(struct walk *walk, const redisReply *fields) {
    alert_sheet_add(walk->sheet, fields);
    if (walk->eve != NULL)
        (void)json_array_append_new(walk->eve, alert_eve(fields));
}

static bool has_enough(const struct walk *walk) {
    return walk->query->limit != 0 && sheet_rows(walk->sheet) >= walk->query->limit;
}

static void take_page(struct walk *walk, const redisReply *page) {
    walk->is_done = page->type != REDIS_REPLY_ARRAY || page->elements < ENTRIES_PER_PAGE;
    for (size_t i = 0; page->type == REDIS_REPLY_ARRAY && i < page->elements; i++) {
        const redisReply *entry = page->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
            entry->element[0]->type != REDIS_REPLY_STRING)
            continue;
        (void)snprintf(walk->next, sizeof walk->next, "(%s", entry->element[0]->str);
        if (is_wanted(walk, entry->element[1]))
            add_row(walk, entry->element[1]);
        if (has_enough(walk) || sheet_failed(walk->sheet)) {
            walk->is_done = true;
            return;
        }
    }
}

static int walk_stream(struct walk *walk) {
    const struct query *query = walk->query;
    const uint64_t day_ms = 86400000U;
    struct redis_batch batch = {0};
    char end[STREAM_ID_SIZE] = "-";
    char count[16];
    int status = 0;
    uint64_t since_ms = query->since_us / 1000U;
    if (since_ms > day_ms)
        (void)snprintf(end, sizeof end, "%" PRIu64, since_ms - day_ms);
    (void)snprintf(count, sizeof count, "%d", (int)ENTRIES_PER_PAGE);
    (void)snprintf(walk->next, sizeof walk->next, "+");
    while (status == 0 && !walk->is_done) {
        redis_batch_clear(&batch);
        redis_batch_command(&batch, "XREVRANGE", REDIS_KEY_ALERTS, walk->next, end, "COUNT", count,
                            NULL);
        status = asker_exchange(query->asker, &batch);
        if (status == 0)
            status = asker_judge(query->asker, batch.replies[0]);
        if (status == 0)
            take_page(walk, batch.replies[0]);
    }
    redis_batch_deinit(&batch);
    return status;
}

static void print_json(struct walk *walk) {
    json_t *rows = sheet_json(walk->sheet);
    json_t *row = NULL;
    size_t i = 0;
    json_array_foreach(rows, i, row)(void)
        json_object_set(row, "eve", json_array_get(walk->eve, i));
    json_t *whole = json_pack("{s:o}", "alerts", rows);
    print_json_value(walk->query->out, whole);
}

static void say_nothing(const struct walk *walk) {
    char text[TIME_TEXT_SIZE];
    if (walk->hidden > 0)
        (void)fprintf(stderr,
                      "downgrdctl: no alert since then; the newest that fits is of %s UTC (packet "
                      "time; replayed captures keep theirs): leave out --since to see all\n",
                      time_for_people(walk->newest_us, text));
    else if (walk->query->since_us != 0)
        (void)fputs("downgrdctl: no alert since then (packet time); leave out --since to see "
                    "all\n",
                    stderr);
    else
        (void)fputs("downgrdctl: no such alert\n", stderr);
}

enum query_result query_alerts(const struct query *query) {
    struct walk walk = {.query = query, .sheet = alert_sheet_new()};
    if (query->format == QUERY_JSON)
        walk.eve = json_array();
    int status = walk.sheet == NULL ? -ENOMEM : walk_stream(&walk);
    if (status == 0 && sheet_failed(walk.sheet))
        status = -ENOMEM;
    enum query_result result = QUERY_FAILED;
    if (status != 0) {
        asker_complain(query->asker, status);
    } else {
        result = sheet_rows(walk.sheet) > 0 ? QUERY_FOUND : QUERY_NOTHING;
        if (query->format == QUERY_JSON)
            print_json(&walk);
        else if (query->format == QUERY_CSV)
            sheet_print_csv(walk.sheet, query->out);
        else if (result == QUERY_FOUND)
            sheet_print_table(walk.sheet, query->out, &query->style);
        if (result == QUERY_NOTHING)
            say_nothing(&walk);
        else if (query->format == QUERY_TABLE && has_enough(&walk))
            (void)fprintf(query->out, "(the newest %" PRIu64 "; --limit 0 shows all)\n",
                          query->limit);
    }
    json_decref(walk.eve);
    sheet_delete(walk.sheet);
    return result;
}
