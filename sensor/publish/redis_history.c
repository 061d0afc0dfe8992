/*
 * redis_history.c - one cycle: tell, ask what is new, fetch it (redis_history.h).
 *
 * A server's knowledge is a hash with a field a sensor, each with the last word of that sensor, so
 * saying it again changes nothing. A stream names the servers that changed; another one carries the
 * hellos themselves. Every reader keeps its own place in both. Bounds: the streams' lengths, the
 * number of servers (those told longest ago go), and a time to live.
 */
#define _POSIX_C_SOURCE 200809L

#include "redis_history.h"

#include "log.h"
#include "redis_keys.h"
#include "redis_servers.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SERVERS_AT_ONCE = 256,
    HELLOS_AT_ONCE = 512,
    ROUNDS = 16, /* of a cycle, as long as there is more */
    BACKOFF_S = 5,
    REFUSED_BACKOFF_S = 300,
    POLL_MS = 20,
    ID_SIZE = 48,
    KEY_SIZE = 64,
    TTL_S = 60 * 86400,
    MOST_SERVERS = 100000,
    MOST_CHANGES = 20000,
    MOST_HELLOS = 20000,
    DROP_AT_ONCE = 256,
};

#define HISTORY_CHANGES "downgrd:history:changes"
#define HISTORY_HELLOS  "downgrd:history:hellos"
#define HISTORY_SERVERS "downgrd:history:servers"

struct redis_history {
    struct redis_servers *servers;
    struct shared_history *shared;
    const char *sensor;
    time_t next_try;
    bool has_complained;
    atomic_bool has_read_all; /* once: all that was there at the beginning */
    char changes_id[ID_SIZE]; /* the last entry that was read */
    char hellos_id[ID_SIZE];
    size_t count;
    struct shared_server batch[SERVERS_AT_ONCE]; /* to be told, each server once */
    uint64_t changed[SERVERS_AT_ONCE];           /* by others */
    struct redis_ticket tickets[SERVERS_AT_ONCE];
};

struct redis_history *redis_history_new(const char *url, const char *sensor, uint32_t timeout_ms,
                                        struct shared_history *shared) {
    char error[REDIS_URL_ERROR_SIZE];
    struct redis_history *history = calloc(1, sizeof *history);
    if (history == NULL)
        return NULL;
    history->servers = redis_servers_new(url, timeout_ms, NULL, 0, error);
    history->shared = shared;
    history->sensor = sensor;
    memcpy(history->changes_id, "0-0", sizeof "0-0");
    memcpy(history->hellos_id, "0-0", sizeof "0-0");
    if (history->servers != NULL)
        return history;
    free(history);
    return NULL;
}

void redis_history_delete(struct redis_history *history) {
    if (history == NULL)
        return;
    redis_servers_delete(history->servers);
    free(history);
}

static time_t steady_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- telling ---- */

static struct redis_batch *begin(struct redis_history *history, const char *key,
                                 const char *command) {
    struct redis_batch *batch = redis_servers_batch(history->servers, key);
    redis_batch_begin(batch, command);
    redis_batch_add_text(batch, key);
    return batch;
}

static void server_key(uint64_t server, char key[KEY_SIZE]) {
    (void)snprintf(key, KEY_SIZE, "downgrd:history:{%016" PRIx64 "}", server);
}

static void add_hex(struct redis_batch *batch, const char *field, uint64_t number) {
    char text[SHARED_HASH_TEXT];
    if (field != NULL)
        redis_batch_add_text(batch, field);
    redis_batch_add_text(batch, shared_hash_format(number, text));
}

static void begin_entry(struct redis_batch *batch, uint64_t most) {
    redis_batch_add_text(batch, "MAXLEN");
    redis_batch_add_text(batch, "~");
    redis_batch_add_number(batch, most);
    redis_batch_add_text(batch, "*");
}

static void tell_server(struct redis_history *history, const struct shared_server *server,
                        uint64_t now_s) {
    char key[KEY_SIZE];
    char text[SHARED_SERVER_TEXT];
    server_key(server->server, key);
    struct redis_batch *batch = begin(history, key, "HSET");
    redis_batch_add_text(batch, history->sensor);
    redis_batch_add_text(batch, shared_server_format(&server->known, text));
    redis_batch_end(batch);
    batch = begin(history, key, "EXPIRE");
    redis_batch_add_number(batch, TTL_S);
    redis_batch_end(batch);
    batch = begin(history, HISTORY_SERVERS, "ZADD");
    redis_batch_add_number(batch, now_s);
    add_hex(batch, NULL, server->server);
    redis_batch_end(batch);
    batch = begin(history, HISTORY_CHANGES, "XADD");
    begin_entry(batch, MOST_CHANGES);
    add_hex(batch, "server", server->server);
    redis_batch_add_text(batch, "sensor");
    redis_batch_add_text(batch, history->sensor);
    redis_batch_end(batch);
}

static void tell_hello(struct redis_history *history, const struct shared_hello *hello) {
    char text[SHARED_FACTS_TEXT];
    struct redis_batch *batch = begin(history, HISTORY_HELLOS, "XADD");
    begin_entry(batch, MOST_HELLOS);
    redis_batch_add_text(batch, "sensor");
    redis_batch_add_text(batch, history->sensor);
    add_hex(batch, "random", hello->random);
    add_hex(batch, "content", hello->content);
    add_hex(batch, "answer", hello->answer);
    add_hex(batch, "connection", hello->connection);
    redis_batch_add_text(batch, "facts");
    redis_batch_add_text(batch, shared_facts_format(&hello->facts, text));
    redis_batch_end(batch);
}

/* Of several words about a server the last one. */
static bool gather_servers(struct redis_history *history) {
    struct shared_server server;
    history->count = 0;
    while (history->count < SERVERS_AT_ONCE) {
        if (!shared_history_take_server(history->shared, SHARED_OUT, &server))
            return false;
        size_t at = 0;
        while (at < history->count && history->batch[at].server != server.server)
            at++;
        history->batch[at] = server;
        history->count += at == history->count;
    }
    return true;
}

/* True when there is more. */
static bool tell(struct redis_history *history) {
    struct shared_hello hello;
    bool has_more = gather_servers(history);
    uint64_t now_s = (uint64_t)time(NULL);
    for (size_t i = 0; i < history->count; i++)
        tell_server(history, &history->batch[i], now_s);
    int hellos = 0;
    while (hellos < HELLOS_AT_ONCE &&
           shared_history_take_hello(history->shared, SHARED_OUT, &hello)) {
        tell_hello(history, &hello);
        hellos++;
    }
    return has_more || hellos == HELLOS_AT_ONCE;
}

/* ---- reading ---- */

static struct redis_ticket ask_stream(struct redis_history *history, const char *key,
                                      const char *after, uint64_t most) {
    struct redis_batch *batch = redis_servers_batch(history->servers, key);
    redis_batch_begin(batch, "XREAD");
    redis_batch_add_text(batch, "COUNT");
    redis_batch_add_number(batch, most);
    redis_batch_add_text(batch, "STREAMS");
    redis_batch_add_text(batch, key);
    redis_batch_add_text(batch, after);
    redis_batch_end(batch);
    return redis_servers_ticket(history->servers, key);
}

/* The entries of the one stream that was asked; NULL when there are none, or it is no such answer.
 */
static const struct redisReply *entries_of(const struct redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2 ||
        reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    return reply->element[0]->element[1];
}

static bool is_text(const struct redisReply *reply) {
    return reply->type == REDIS_REPLY_STRING;
}

/* An entry's fields, and its place; NULL when it is no entry. */
static const struct redisReply *fields_of(const struct redisReply *entry, char id[ID_SIZE]) {
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !is_text(entry->element[0]) ||
        entry->element[0]->len >= ID_SIZE)
        return NULL;
    memcpy(id, entry->element[0]->str, entry->element[0]->len + 1);
    return entry->element[1]->type == REDIS_REPLY_ARRAY ? entry->element[1] : NULL;
}

/* The value of a field; NULL without. */
static const struct redisReply *field(const struct redisReply *fields, const char *name) {
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (is_text(fields->element[i]) && strcmp(fields->element[i]->str, name) == 0)
            return is_text(fields->element[i + 1]) ? fields->element[i + 1] : NULL;
    return NULL;
}

static bool read_hex(const struct redisReply *fields, const char *name, uint64_t *number) {
    const struct redisReply *value = field(fields, name);
    return value != NULL && shared_hash_parse(value->str, value->len, number);
}

/* Of another sensor? */
static bool is_others(const struct redis_history *history, const struct redisReply *fields) {
    const struct redisReply *sensor = field(fields, "sensor");
    return sensor != NULL && strcmp(sensor->str, history->sensor) != 0;
}

static void take_hello(struct redis_history *history, const struct redisReply *fields) {
    struct shared_hello hello = {0};
    const struct redisReply *text = field(fields, "facts");
    if (!is_others(history, fields) || text == NULL || !read_hex(fields, "random", &hello.random) ||
        !read_hex(fields, "content", &hello.content) ||
        !read_hex(fields, "answer", &hello.answer) ||
        !read_hex(fields, "connection", &hello.connection) ||
        !shared_facts_parse(text->str, text->len, &hello.facts))
        return;
    (void)shared_history_put_hello(history->shared, SHARED_IN, &hello); /* a loss is counted */
}

static size_t take_hellos(struct redis_history *history, const struct redisReply *entries) {
    for (size_t i = 0; i < entries->elements; i++) {
        const struct redisReply *fields = fields_of(entries->element[i], history->hellos_id);
        if (fields != NULL)
            take_hello(history, fields);
    }
    return entries->elements;
}

/* Which servers others told of, each once. */
static size_t take_changes(struct redis_history *history, const struct redisReply *entries) {
    history->count = 0;
    for (size_t i = 0; i < entries->elements && history->count < SERVERS_AT_ONCE; i++) {
        const struct redisReply *fields = fields_of(entries->element[i], history->changes_id);
        uint64_t server = 0;
        if (fields == NULL || !is_others(history, fields) || !read_hex(fields, "server", &server))
            continue;
        size_t at = 0;
        while (at < history->count && history->changed[at] != server)
            at++;
        history->changed[at] = server;
        history->count += at == history->count;
    }
    return entries->elements;
}

/* What all others know of a server, together, aged to the latest of them. */
static void take_server(struct redis_history *history, uint64_t server,
                        const struct redisReply *reply) {
    struct shared_server sum = {.server = server};
    struct server_record known;
    uint64_t latest_us = 0;
    for (int round = 0; round < 2 && reply->type == REDIS_REPLY_ARRAY; round++) {
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
            const struct redisReply *sensor = reply->element[i];
            const struct redisReply *text = reply->element[i + 1];
            if (!is_text(sensor) || !is_text(text) || strcmp(sensor->str, history->sensor) == 0 ||
                !shared_server_parse(text->str, text->len, &known))
                continue;
            if (known.last_us > latest_us)
                latest_us = known.last_us;
            if (round == 0)
                continue;
            history_fade(&known, latest_us);
            history_merge(&sum.known, &known);
        }
    }
    if (sum.known.handshakes > 0 || sum.known.starttls_seen > 0)
        (void)shared_history_put_server(history->shared, SHARED_IN, &sum);
}

static int fetch_servers(struct redis_history *history) {
    redis_servers_clear(history->servers);
    for (size_t i = 0; i < history->count; i++) {
        char key[KEY_SIZE];
        server_key(history->changed[i], key);
        redis_batch_end(begin(history, key, "HGETALL"));
        history->tickets[i] = redis_servers_ticket(history->servers, key);
    }
    int status = history->count > 0 ? redis_servers_exchange(history->servers) : 0;
    for (size_t i = 0; i < history->count && status == 0; i++)
        take_server(history, history->changed[i],
                    redis_servers_reply(history->servers, history->tickets[i]));
    return status;
}

/* Past the bound the servers told longest ago go. */
static int drop_servers(struct redis_history *history, const struct redisReply *count) {
    if (count->type != REDIS_REPLY_INTEGER || count->integer <= MOST_SERVERS)
        return 0;
    redis_servers_clear(history->servers);
    struct redis_batch *batch = begin(history, HISTORY_SERVERS, "ZPOPMIN");
    redis_batch_add_number(batch, DROP_AT_ONCE);
    redis_batch_end(batch);
    struct redis_ticket ticket = redis_servers_ticket(history->servers, HISTORY_SERVERS);
    int status = redis_servers_exchange(history->servers);
    if (status != 0)
        return status;
    char keys[DROP_AT_ONCE][KEY_SIZE];
    size_t dropped = 0;
    const struct redisReply *reply = redis_servers_reply(history->servers, ticket);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i += 2) {
        uint64_t server = 0;
        if (dropped < DROP_AT_ONCE && is_text(reply->element[i]) &&
            shared_hash_parse(reply->element[i]->str, reply->element[i]->len, &server))
            server_key(server, keys[dropped++]);
    }
    redis_servers_clear(history->servers);
    for (size_t i = 0; i < dropped; i++)
        redis_batch_end(begin(history, keys[i], "DEL"));
    return dropped > 0 ? redis_servers_exchange(history->servers) : 0;
}

/* ---- a cycle ---- */

static void note_error(void *context, int status, const char *message) {
    const char **first = context;
    (void)status;
    if (*first == NULL)
        *first = message;
}

/* One round: 1 when there is more, 0 when there is not, or -errno. */
static int exchange(struct redis_history *history) {
    redis_servers_clear(history->servers);
    bool has_more = tell(history);
    struct redis_ticket changes =
        ask_stream(history, HISTORY_CHANGES, history->changes_id, SERVERS_AT_ONCE);
    struct redis_ticket hellos =
        ask_stream(history, HISTORY_HELLOS, history->hellos_id, HELLOS_AT_ONCE);
    redis_batch_end(begin(history, HISTORY_SERVERS, "ZCARD"));
    struct redis_ticket count = redis_servers_ticket(history->servers, HISTORY_SERVERS);
    int status = redis_servers_exchange(history->servers);
    if (status != 0)
        return status;
    const char *error = NULL;
    redis_servers_each_error(history->servers, note_error, &error);
    if (error != NULL && !history->has_complained)
        log_write(LOG_LEVEL_ERROR, "history-refused", "%s", error);
    history->has_complained |= error != NULL;
    const struct redisReply *entries = entries_of(redis_servers_reply(history->servers, hellos));
    has_more |= entries != NULL && take_hellos(history, entries) == HELLOS_AT_ONCE;
    entries = entries_of(redis_servers_reply(history->servers, changes));
    history->count = 0;
    has_more |= entries != NULL && take_changes(history, entries) == SERVERS_AT_ONCE;
    status = drop_servers(history, redis_servers_reply(history->servers, count));
    if (status == 0)
        status = fetch_servers(history);
    return status != 0 ? status : has_more;
}

static void give_up(struct redis_history *history, int status) {
    bool is_refused = status == -EACCES || status == -EINVAL;
    if (!history->has_complained)
        log_write(LOG_LEVEL_WARNING, "history-away",
                  "%s; what sensors know of servers is not shared until it is mended",
                  redis_servers_message(history->servers));
    history->has_complained = true;
    history->next_try = steady_s() + (is_refused ? REFUSED_BACKOFF_S : BACKOFF_S);
    redis_servers_disconnect(history->servers);
}

void redis_history_cycle(void *context) {
    struct redis_history *history = context;
    if (steady_s() < history->next_try)
        return;
    int status =
        redis_servers_are_up(history->servers) ? 0 : redis_servers_connect(history->servers);
    bool has_more = status == 0;
    for (int round = 0; round < ROUNDS && has_more; round++) {
        status = exchange(history);
        has_more = status == 1;
    }
    redis_servers_clear(history->servers);
    if (status < 0)
        give_up(history, status);
    else if (!has_more)
        atomic_store(&history->has_read_all, true);
}

bool redis_history_wait(struct redis_history *history, uint32_t most_ms) {
    const struct timespec pause = {0, POLL_MS * 1000000L};
    for (uint32_t waited_ms = 0; waited_ms < most_ms; waited_ms += POLL_MS) {
        if (atomic_load(&history->has_read_all))
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}
