/*
 * query_clients.c - `downgrdctl clients DOMAIN`: the ranking of a domain's legacy clients, the
 * newest first, with what downgrd:legacy_clients:{D} tells of each: "HANDSHAKES VERSION JA4". Older
 * sensors wrote the address only; what is not known is "-".
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "asker.h"
#include "prose.h"
#include "query.h"
#include "redis_keys.h"
#include "reply.h"

static const struct sheet_column columns[] = {
    {"address", "ADDRESS", SHEET_NAME, 0},     {"handshakes", "COUNT", SHEET_NUMBER, 2},
    {"version", "VERSION", SHEET_TEXT, 0},     {"ja4", "JA4", SHEET_TEXT, 1},
    {"last_seen", "LAST SEEN", SHEET_DATE, 0},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0], WORD_COUNT = 3 };

/* Empty and "-" are not known. */
static void add_word(struct sheet *sheet, const char *text, size_t size) {
    if (size == 0 || (size == 1 && *text == '-'))
        sheet_add_nothing(sheet);
    else
        sheet_add_text(sheet, text, size);
}

/* The words of "HANDSHAKES VERSION JA4"; those that are missing are empty. */
static void add_client(struct sheet *sheet, const redisReply *address, const redisReply *known,
                       uint64_t last_us) {
    const char *words[WORD_COUNT] = {"", "", ""};
    size_t sizes[WORD_COUNT] = {0};
    const char *text = "";
    size_t size = 0;
    size_t at = 0;
    (void)reply_text(known, &text, &size);
    for (size_t word = 0; word < WORD_COUNT && at < size; word++) {
        const char *end = memchr(text + at, ' ', size - at);
        words[word] = text + at;
        sizes[word] = end != NULL ? (size_t)(end - words[word]) : size - at;
        at += sizes[word] + 1;
    }
    add_word(sheet, address->str, address->len);
    if (sizes[0] > 0)
        sheet_add_number(sheet, reply_number(known));
    else
        sheet_add_nothing(sheet);
    add_word(sheet, words[1], sizes[1]);
    add_word(sheet, words[2], sizes[2]);
    sheet_add_number(sheet, last_us);
}

/* What is known of each address of the ranking: in batch->replies[0], in its order. */
static int read_known(const struct query *query, const redisReply *ranking,
                      struct redis_batch *batch) {
    redis_batch_begin(batch, "HMGET");
    redis_batch_add_text(batch, redis_key_legacy_clients(query->domains[0]).text);
    for (size_t i = 0; i + 1 < ranking->elements; i += 2)
        redis_batch_add(batch, ranking->element[i]->str != NULL ? ranking->element[i]->str : "",
                        ranking->element[i]->str != NULL ? ranking->element[i]->len : 0);
    redis_batch_end(batch);
    int status = asker_exchange(query->asker, batch);
    return status != 0 ? status : asker_judge(query->asker, batch->replies[0]);
}

static int add_clients(const struct query *query, const redisReply *ranking, struct sheet *sheet) {
    struct redis_batch batch = {0};
    if (ranking->type != REDIS_REPLY_ARRAY || ranking->elements < 2)
        return 0;
    int status = read_known(query, ranking, &batch);
    const redisReply *known = status == 0 ? batch.replies[0] : NULL;
    for (size_t i = 0; known != NULL && i + 1 < ranking->elements; i += 2)
        if (ranking->element[i]->type == REDIS_REPLY_STRING && i / 2 < known->elements)
            add_client(sheet, ranking->element[i], known->element[i / 2],
                       reply_number(ranking->element[i + 1]));
    redis_batch_deinit(&batch);
    return status;
}

static int read_clients(const struct query *query, struct redis_batch *batch) {
    char begin[24];
    char limit[24];
    struct redis_key key = redis_key_legacy(query->domains[0]);
    (void)snprintf(begin, sizeof begin, "%" PRIu64, query->since_us);
    (void)snprintf(limit, sizeof limit, "%" PRIu64,
                   query->limit != 0 ? query->limit : (uint64_t)REDIS_MAX_LEGACY_CLIENTS);
    redis_batch_command(batch, "ZREVRANGEBYSCORE", key.text, "+inf", begin, "WITHSCORES", "LIMIT",
                        "0", limit, NULL);
    redis_batch_command(batch, "ZCOUNT", key.text, begin, "+inf", NULL);
    redis_batch_command(batch, "ZCOUNT", key.text, "-inf", "+inf", NULL);
    int status = asker_exchange(query->asker, batch);
    for (size_t i = 0; status == 0 && i < batch->reply_count; i++)
        status = asker_judge(query->asker, batch->replies[i]);
    return status;
}

static void print_people(const struct query *query, const struct sheet *sheet, uint64_t fitting,
                         uint64_t kept) {
    sheet_print_table(sheet, query->out, &query->style);
    if (sheet_rows(sheet) < fitting)
        (void)fprintf(query->out, "... and %" PRIu64 " more (--limit 0 shows all)\n",
                      fitting - sheet_rows(sheet));
    (void)fputc('\n', query->out);
    prose_print(query->out, &query->style,
                "Clients that ended below TLS 1.2 at %s. VERSION and JA4 are of the last such "
                "handshake. Behind a NAT many devices are one address.%s",
                query->domains[0],
                kept >= REDIS_MAX_LEGACY_CLIENTS
                    ? " Only the newest 1000 are kept: there were more; share counts them."
                    : "");
}

static void print_json(const struct query *query, const struct sheet *sheet, uint64_t fitting,
                       uint64_t kept) {
    json_t *whole = json_pack("{s:o,s:o,s:I,s:b}", "domain",
                              json_of_text(query->domains[0], strlen(query->domains[0])), "clients",
                              sheet_json(sheet), "rows_in_all", (json_int_t)fitting,
                              "more_were_seen", (int)(kept >= REDIS_MAX_LEGACY_CLIENTS));
    print_json_value(query->out, whole);
}

static void say_none(uint64_t kept) {
    if (kept > 0)
        (void)fputs("downgrdctl: no legacy client since then; leave out --since to see all\n",
                    stderr);
    else
        (void)fputs("downgrdctl: no legacy client is known of that domain; downgrdctl share shows "
                    "which domains are\n",
                    stderr);
}

enum query_result query_clients(const struct query *query) {
    struct redis_batch batch = {0};
    struct sheet *sheet = sheet_new(columns, COLUMN_COUNT);
    enum query_result result = QUERY_FAILED;
    int status = read_clients(query, &batch);
    if (status == 0 && sheet != NULL)
        status = add_clients(query, batch.replies[0], sheet);
    if (status != 0) {
        (void)fprintf(stderr, "downgrdctl: %s\n", asker_message(query->asker));
    } else if (sheet_failed(sheet)) {
        (void)fputs("downgrdctl: out of memory\n", stderr);
    } else {
        uint64_t fitting = reply_number(batch.replies[1]);
        uint64_t kept = reply_number(batch.replies[2]);
        result = sheet_rows(sheet) > 0 ? QUERY_FOUND : QUERY_NOTHING;
        if (query->format == QUERY_CSV)
            sheet_print_csv(sheet, query->out);
        else if (query->format == QUERY_JSON)
            print_json(query, sheet, fitting, kept);
        else if (result == QUERY_FOUND)
            print_people(query, sheet, fitting, kept);
        if (result == QUERY_NOTHING)
            say_none(kept);
    }
    sheet_delete(sheet);
    redis_batch_deinit(&batch);
    return result;
}
