/*
 * query_follow.c - `downgrdctl alerts --follow`: alerts as they come.
 *
 * Without a group the place in the stream is kept here: a lost connection costs nothing, a restart
 * begins anew. With a group Redis keeps it: what was delivered to this consumer and not
 * acknowledged is asked for before anything new, so that what a lost connection or a kill swallowed
 * is printed then; it is acknowledged after it was printed and flushed. So every alert is printed
 * at least once, and again only when this program was killed between printing and acknowledging.
 *
 * Waiting is done by Redis (BLOCK), for a second at a time, which bounds how long a signal waits.
 * Trouble with Redis is said once and tried again, at growing intervals, until it is over.
 */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert_rows.h"
#include "asker.h"
#include "redis_keys.h"
#include "reply.h"

enum {
    ID_SIZE = 64,
    NAME_SIZE = 256,
    BLOCK_MS = 1000,
    ENTRIES_PER_READ = 200,
    FIRST_PAUSE_MS = 250,
    LONGEST_PAUSE_MS = 5000,
};

static volatile sig_atomic_t stop_asked;

struct follower {
    const struct query *query;
    char consumer[NAME_SIZE];
    char last_id[ID_SIZE]; /* the newest entry that was read */
    bool has_place;        /* last_id, or the group, is settled */
    bool has_header;       /* of CSV */
    bool in_trouble;
    uint64_t printed;
    uint32_t pause_ms;
};

static void ask_to_stop(int signal_number) {
    (void)signal_number;
    stop_asked = 1;
}

static void catch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ask_to_stop;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- printing ---- */

static void print_line(struct follower *follower, const struct sheet *sheet,
                       const redisReply *fields) {
    FILE *out = follower->query->out;
    if (follower->query->format == QUERY_JSON) {
        json_t *row = sheet_json_row(sheet, 0);
        (void)json_object_set_new(row, "eve", alert_eve(fields));
        (void)json_dumpf(row, out, JSON_COMPACT | JSON_ENSURE_ASCII);
        (void)fputc('\n', out);
        json_decref(row);
        return;
    }
    if (follower->query->format == QUERY_CSV)
        sheet_print_csv_rows(sheet, out, !follower->has_header);
    else
        alert_print_line(follower->query, fields);
    follower->has_header = true;
}

/* An entry that was trimmed away meanwhile has no fields. */
static void take_entry(struct follower *follower, const redisReply *fields) {
    const struct query *query = follower->query;
    if (fields->type != REDIS_REPLY_ARRAY || !alert_fits(query, fields) ||
        (query->since_us != 0 && alert_time_us(fields) < query->since_us))
        return;
    struct sheet *sheet = alert_sheet_new();
    if (sheet != NULL)
        alert_sheet_add(sheet, fields);
    if (!sheet_failed(sheet)) {
        print_line(follower, sheet, fields);
        follower->printed++;
    }
    sheet_delete(sheet);
}

/* The entries of the one stream in an answer to XREAD or XREADGROUP; NULL when there are none. */
static const redisReply *entries_of(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2)
        return NULL;
    const redisReply *entries = reply->element[0]->element[1];
    return entries->type == REDIS_REPLY_ARRAY && entries->elements > 0 ? entries : NULL;
}

/* Prints them; in a group, their ids go into one XACK. 0 or -errno. */
static int take_entries(struct follower *follower, const redisReply *entries) {
    struct redis_batch batch = {0};
    const struct query *query = follower->query;
    int status = 0;
    redis_batch_begin(&batch, "XACK");
    redis_batch_add_text(&batch, REDIS_KEY_ALERTS);
    redis_batch_add_text(&batch, query->group != NULL ? query->group : "");
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
            entry->element[0]->type != REDIS_REPLY_STRING || entry->element[0]->len >= ID_SIZE)
            continue;
        take_entry(follower, entry->element[1]);
        redis_batch_add_text(&batch, entry->element[0]->str);
        memcpy(follower->last_id, entry->element[0]->str, entry->element[0]->len + 1);
    }
    redis_batch_end(&batch);
    if (fflush(query->out) != 0)
        status = -EPIPE;
    else if (query->group != NULL)
        status = asker_exchange(query->asker, &batch);
    redis_batch_deinit(&batch);
    return status;
}

/* ---- the place in the stream ---- */

static int ask(const struct query *query, struct redis_batch *batch) {
    int status = asker_exchange(query->asker, batch);
    return status != 0 ? status : asker_judge(query->asker, batch->replies[0]);
}

/* The id of the newest entry; "" when there is none. */
static int read_newest(const struct query *query, char id[ID_SIZE]) {
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "XREVRANGE", REDIS_KEY_ALERTS, "+", "-", "COUNT", "1", NULL);
    int status = ask(query, &batch);
    const redisReply *entries = status == 0 ? batch.replies[0] : NULL;
    id[0] = '\0';
    if (entries != NULL && entries->type == REDIS_REPLY_ARRAY && entries->elements == 1 &&
        entries->element[0]->type == REDIS_REPLY_ARRAY && entries->element[0]->elements == 2 &&
        entries->element[0]->element[0]->type == REDIS_REPLY_STRING)
        (void)snprintf(id, ID_SIZE, "%s", entries->element[0]->element[0]->str);
    redis_batch_deinit(&batch);
    return status;
}

/* Ids are "MILLISECONDS-NUMBER". */
static bool is_before(const char *a, const char *b) {
    char *end_a = NULL;
    char *end_b = NULL;
    unsigned long long of_a = strtoull(a, &end_a, 10);
    unsigned long long of_b = strtoull(b, &end_b, 10);
    if (of_a != of_b)
        return of_a < of_b;
    return strtoull(*end_a == '-' ? end_a + 1 : "0", NULL, 10) <
           strtoull(*end_b == '-' ? end_b + 1 : "0", NULL, 10);
}

/*
 * At first: the stream's end; with --since a day before that in the stream's own time, as alerts
 * does (query_alerts.c). Later, after trouble: where it was, unless the stream is another one,
 * which shows in its newest entry being older than what was read.
 */
static int settle_place(struct follower *follower) {
    const uint64_t day_ms = 86400000;
    uint64_t since_ms = follower->query->since_us / 1000;
    char newest[ID_SIZE];
    int status = read_newest(follower->query, newest);
    if (status != 0)
        return status;
    if (follower->last_id[0] != '\0') {
        if (newest[0] == '\0' || is_before(newest, follower->last_id))
            (void)snprintf(follower->last_id, ID_SIZE, "0");
    } else if (since_ms != 0) {
        (void)snprintf(follower->last_id, ID_SIZE, "%" PRIu64,
                       since_ms > day_ms ? since_ms - day_ms : 0);
    } else {
        (void)snprintf(follower->last_id, ID_SIZE, "%s", newest[0] != '\0' ? newest : "0");
    }
    return 0;
}

static bool begins_with(const redisReply *reply, const char *word) {
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, strlen(word)) == 0;
}

/* Makes the group when it is not there, at last_id. */
static int make_group(struct follower *follower) {
    const struct query *query = follower->query;
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "XGROUP", "CREATE", REDIS_KEY_ALERTS, query->group,
                        follower->last_id, "MKSTREAM", NULL);
    int status = asker_exchange(query->asker, &batch);
    if (status == 0 && !begins_with(batch.replies[0], "BUSYGROUP"))
        status = asker_judge(query->asker, batch.replies[0]);
    redis_batch_deinit(&batch);
    return status;
}

static int settle(struct follower *follower) {
    int status = settle_place(follower);
    if (status == 0 && follower->query->group != NULL)
        status = make_group(follower);
    follower->has_place = status == 0;
    return status;
}

/* ---- reading ---- */

/* From: ">" is what is new to the group, "0" what this consumer did not acknowledge. */
static void add_read(const struct follower *follower, struct redis_batch *batch, const char *from) {
    bool waits = strcmp(from, "0") != 0;
    redis_batch_begin(batch, follower->query->group != NULL ? "XREADGROUP" : "XREAD");
    if (follower->query->group != NULL) {
        redis_batch_add_text(batch, "GROUP");
        redis_batch_add_text(batch, follower->query->group);
        redis_batch_add_text(batch, follower->consumer);
    }
    redis_batch_add_text(batch, "COUNT");
    redis_batch_add_number(batch, ENTRIES_PER_READ);
    if (waits) {
        redis_batch_add_text(batch, "BLOCK");
        redis_batch_add_number(batch, BLOCK_MS);
    }
    redis_batch_add_text(batch, "STREAMS");
    redis_batch_add_text(batch, REDIS_KEY_ALERTS);
    redis_batch_add_text(batch, from);
    redis_batch_end(batch);
}

/* *got tells whether there was anything. */
static int read_from(struct follower *follower, const char *from, bool *got) {
    struct redis_batch batch = {0};
    *got = false;
    add_read(follower, &batch, from);
    int status = asker_exchange(follower->query->asker, &batch);
    if (status == 0 && begins_with(batch.replies[0], "NOGROUP")) {
        follower->has_place = false; /* the stream or the group was deleted: made anew */
        redis_batch_deinit(&batch);
        return 0;
    }
    if (status == 0)
        status = asker_judge(follower->query->asker, batch.replies[0]);
    const redisReply *entries = status == 0 ? entries_of(batch.replies[0]) : NULL;
    if (entries != NULL) {
        *got = true;
        status = take_entries(follower, entries);
    }
    redis_batch_deinit(&batch);
    return status;
}

static int step(struct follower *follower) {
    bool got = false;
    int status = follower->has_place ? 0 : settle(follower);
    if (status == 0 && follower->query->group != NULL)
        status = read_from(follower, "0", &got);
    if (status != 0 || got || !follower->has_place)
        return status;
    if (follower->query->group != NULL)
        return read_from(follower, ">", &got);
    status = read_from(follower, follower->last_id, &got);
    /* A group goes with its stream; without one nothing tells that the stream is another one, if
     * the connection was made anew unnoticed. */
    follower->has_place = got;
    return status;
}

/* Waits before the next try; says what is wrong the first time. */
static void rest(struct follower *follower) {
    const struct timespec pause = {follower->pause_ms / 1000,
                                   (long)(follower->pause_ms % 1000) * 1000000};
    if (!follower->in_trouble)
        (void)fprintf(stderr, "downgrdctl: %s (trying again until it is back)\n",
                      asker_message(follower->query->asker));
    follower->in_trouble = true;
    follower->has_place = false;
    (void)nanosleep(&pause, NULL);
    follower->pause_ms *= 2;
    if (follower->pause_ms > LONGEST_PAUSE_MS)
        follower->pause_ms = LONGEST_PAUSE_MS;
}

/* Errors that waiting does not mend. */
static bool is_final(int status) {
    return status == -EPIPE || status == -ENOMEM || status == -EACCES || status == -EPERM ||
           status == -EINVAL;
}

enum query_result query_follow(const struct query *query) {
    struct follower follower = {.query = query, .pause_ms = FIRST_PAUSE_MS};
    if (query->consumer != NULL)
        (void)snprintf(follower.consumer, sizeof follower.consumer, "%s", query->consumer);
    else if (gethostname(follower.consumer, sizeof follower.consumer - 1) != 0)
        (void)snprintf(follower.consumer, sizeof follower.consumer, "downgrdctl");
    catch_signals();
    while (!stop_asked) {
        int status = step(&follower);
        if (status == 0) {
            if (follower.in_trouble)
                (void)fputs("downgrdctl: Redis is back\n", stderr);
            follower.in_trouble = false;
            follower.pause_ms = FIRST_PAUSE_MS;
            continue;
        }
        if (is_final(status)) {
            (void)fprintf(stderr, "downgrdctl: %s\n",
                          status == -EPIPE ? "cannot write the output"
                                           : asker_message(query->asker));
            return QUERY_FAILED;
        }
        rest(&follower);
    }
    return QUERY_FOUND;
}
