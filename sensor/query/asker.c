/* asker.c - see asker.h. Which key a command is about is read from its text: that of a batch is
 * written by redis_batch.c alone. */
#include "asker.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "redis_servers.h"

enum { KEY_SIZE = 2048, MAX_WORDS = 16 };

struct asker {
    struct redis_servers *servers;
    struct redis_ticket *tickets;
    size_t ticket_room;
    char message[ASKER_ERROR_SIZE];
};

struct asker *asker_new(const char *text, uint32_t timeout_ms, char error[ASKER_ERROR_SIZE]) {
    char reason[REDIS_URL_ERROR_SIZE];
    struct asker *asker = calloc(1, sizeof *asker);
    (void)snprintf(error, ASKER_ERROR_SIZE, "out of memory");
    if (asker == NULL)
        return NULL;
    asker->servers = redis_servers_new(text, timeout_ms, NULL, 0, reason);
    if (asker->servers == NULL) {
        (void)snprintf(error, ASKER_ERROR_SIZE, "--redis: %s", reason);
        free(asker);
        return NULL;
    }
    redis_servers_accept_replica(asker->servers);
    if (redis_servers_connect(asker->servers) == 0)
        return asker;
    (void)snprintf(error, ASKER_ERROR_SIZE, "%s", redis_servers_message(asker->servers));
    asker_delete(asker);
    return NULL;
}

void asker_delete(struct asker *asker) {
    if (asker == NULL)
        return;
    redis_servers_delete(asker->servers);
    free(asker->tickets);
    free(asker);
}

const char *asker_message(const struct asker *asker) {
    return asker->message;
}

void asker_complain(const struct asker *asker, int status) {
    (void)fprintf(stderr, "downgrdctl: %s\n",
                  status == -ENOMEM ? "out of memory" : asker_message(asker));
}

int asker_judge(struct asker *asker, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ERROR)
        return 0;
    const struct redis_error_meaning *meaning = redis_error_of(reply->str, reply->len);
    const char *place = redis_servers_address(asker->servers);
    char answer[240];
    (void)redis_printable(reply->str, reply->len, answer, sizeof answer);
    if (meaning->error == REDIS_ERROR_OTHER)
        (void)snprintf(asker->message, sizeof asker->message,
                       "%s: %s; Redis gave this error; see its log", place, answer);
    else
        (void)snprintf(asker->message, sizeof asker->message, "%s: %s (%s); %s", place,
                       meaning->meaning, answer, meaning->remedy);
    return meaning->status;
}

/* ---- whose key ---- */

struct word {
    const char *bytes;
    size_t size;
};

/* The words of a command: "*N\r\n" and N times "$SIZE\r\nBYTES\r\n". At most MAX_WORDS. */
static size_t read_words(const struct redis_batch *batch, size_t index,
                         struct word words[MAX_WORDS]) {
    char *at = batch->commands.bytes + batch->begins[index] + 1;
    size_t count = (size_t)strtoul(at, &at, 10);
    for (size_t i = 0; i < count && i < MAX_WORDS; i++) {
        size_t size = (size_t)strtoul(at + 3, &at, 10); /* behind "\r\n$" */
        words[i] = (struct word){at + 2, size};
        at += 2 + size;
    }
    return count < MAX_WORDS ? count : (size_t)MAX_WORDS;
}

static bool word_is(const struct word *word, const char *text) {
    return word->size == strlen(text) && memcmp(word->bytes, text, word->size) == 0;
}

/* Mostly the first word behind the command's name. */
static size_t key_place(const struct word *words, size_t count) {
    if (word_is(&words[0], "XGROUP"))
        return 2;
    if (!word_is(&words[0], "XREAD") && !word_is(&words[0], "XREADGROUP"))
        return 1;
    size_t place = 1;
    while (place + 1 < count && !word_is(&words[place], "STREAMS"))
        place++;
    return place + 1;
}

static const char *key_of(const struct redis_batch *batch, size_t index, char key[KEY_SIZE]) {
    struct word words[MAX_WORDS] = {{"", 0}};
    size_t count = read_words(batch, index, words);
    size_t place = key_place(words, count);
    key[0] = '\0';
    if (place < count && words[place].size < KEY_SIZE) {
        memcpy(key, words[place].bytes, words[place].size);
        key[words[place].size] = '\0';
    }
    return key;
}

/* ---- asking ---- */

static int make_room(struct asker *asker, struct redis_batch *batch) {
    redis_batch_free_replies(batch);
    if (batch->reply_room < batch->count) {
        redisReply **replies = realloc(batch->replies, batch->count * sizeof(redisReply *));
        if (replies == NULL)
            return -ENOMEM;
        batch->replies = replies;
        batch->reply_room = batch->count;
    }
    if (asker->ticket_room < batch->count) {
        struct redis_ticket *tickets =
            realloc(asker->tickets, batch->count * sizeof *asker->tickets);
        if (tickets == NULL)
            return -ENOMEM;
        asker->tickets = tickets;
        asker->ticket_room = batch->count;
    }
    return 0;
}

static int try_once(struct asker *asker, struct redis_batch *batch) {
    char key[KEY_SIZE];
    struct redis_servers *servers = asker->servers;
    int status = redis_servers_connect(servers);
    if (status != 0)
        return status;
    redis_servers_clear(servers);
    for (size_t i = 0; i < batch->count; i++) {
        (void)key_of(batch, i, key);
        redis_batch_copy(redis_servers_batch(servers, key), batch, i);
        asker->tickets[i] = redis_servers_ticket(servers, key);
    }
    status = redis_servers_exchange(servers);
    for (size_t i = 0; status == 0 && i < batch->count; i++)
        batch->replies[i] = redis_servers_take_reply(servers, asker->tickets[i]);
    batch->reply_count = status == 0 ? batch->count : 0;
    return status;
}

/* Would another connection, or a fresh map, help? */
static bool is_passing(int status) {
    return status == -ESTALE || status == -ECONNRESET || status == -EPIPE || status == -ENOTCONN;
}

int asker_exchange(struct asker *asker, struct redis_batch *batch) {
    if (batch->count == 0 && !batch->bad)
        return 0;
    if (batch->bad || make_room(asker, batch) != 0) {
        (void)snprintf(asker->message, sizeof asker->message, "out of memory");
        return -ENOMEM;
    }
    int status = try_once(asker, batch);
    if (is_passing(status)) {
        redis_servers_disconnect(asker->servers);
        status = try_once(asker, batch);
    }
    if (status != 0) {
        (void)snprintf(asker->message, sizeof asker->message, "%s",
                       redis_servers_message(asker->servers));
        redis_servers_disconnect(asker->servers);
    }
    return status;
}
