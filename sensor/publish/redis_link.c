/*
 * redis_link.c - the connection (redis_link.h), and the only file that meets hiredis's versions.
 *
 * Batches are sent as one text and read reply by reply with a deadline each. hiredis's own blocking
 * read is not used: its time-out starts again with every byte that trickles in.
 */
#define _POSIX_C_SOURCE 200809L

#include "redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* hiredis 0.14 reports a time-out as REDIS_ERR_IO with errno EAGAIN; 1.x has a code of its own. */
#if HIREDIS_MAJOR >= 1
#define IS_TIMEOUT(context, number) ((void)(number), (context)->err == REDIS_ERR_TIMEOUT)
#else
static bool is_timeout_errno(int number) {
    return number == EAGAIN || number == ETIMEDOUT || number == EINPROGRESS;
}
#define IS_TIMEOUT(context, number) ((context)->err == REDIS_ERR_IO && is_timeout_errno(number))
#endif

struct redis_link {
    struct redis_url url;
    uint32_t timeout_ms;
    redisContext *context; /* NULL: not connected */
    const char *scripts[REDIS_MAX_SCRIPTS];
    size_t script_count;
    char shas[REDIS_MAX_SCRIPTS][REDIS_SHA_SIZE];
    char message[REDIS_MESSAGE_SIZE];
};

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(struct redis_link *link, int status, const char *what, const char *remedy) {
    (void)snprintf(link->message, sizeof link->message, "%s: %s; %s", link->url.place, what,
                   remedy);
    return status;
}

/* Takes the context's error into the message. The connection is of no use after it. */
static int fail_context(struct redis_link *link, bool connecting) {
    int number = errno;
    redisContext *context = link->context;
    char text[200];
    if (context->err == REDIS_ERR_OOM)
        return fail(link, -ENOMEM, "out of memory", "free some");
    if (IS_TIMEOUT(context, number))
        return fail(link, -ETIMEDOUT,
                    connecting ? "no answer to the connection in time" : "no answer in time",
                    "check that Redis is up, not blocked, and reachable from here");
    if (context->err == REDIS_ERR_EOF)
        return fail(link, -ECONNRESET, "Redis closed the connection",
                    "see its log; it may have been stopped");
    if (context->err == REDIS_ERR_IO && (number == ECONNREFUSED || number == ENOENT))
        return fail(link, -number,
                    number == ENOENT ? "there is no such socket" : "connection refused",
                    "check that Redis is running there, or correct the address");
    (void)redis_printable(context->errstr, strlen(context->errstr), text, sizeof text);
    if (context->err == REDIS_ERR_PROTOCOL)
        return fail(link, -EPROTO, text, "what answers there does not speak Redis's protocol");
    if (connecting)
        return fail(link, number > 0 && context->err == REDIS_ERR_IO ? -number : -EHOSTUNREACH,
                    text, "check host and port, and that Redis is reachable from here");
    return fail(link, -ECONNRESET, text, "the connection was lost; check Redis and the network");
}

void redis_link_disconnect(struct redis_link *link) {
    if (link->context != NULL)
        redisFree(link->context);
    link->context = NULL;
}

bool redis_link_is_up(const struct redis_link *link) {
    return link->context != NULL;
}

int redis_link_judge(struct redis_link *link, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ERROR)
        return 0;
    const struct redis_error_meaning *meaning = redis_error_of(reply->str, reply->len);
    char answer[240];
    (void)redis_printable(reply->str, reply->len, answer, sizeof answer);
    if (meaning->error == REDIS_ERROR_OTHER)
        return fail(link, meaning->status, answer, "Redis gave this error; see its log");
    char what[400];
    (void)snprintf(what, sizeof what, "%s (%s)", meaning->meaning, answer);
    return fail(link, meaning->status, what, meaning->remedy);
}

/* A write to a closed socket raises SIGPIPE (hiredis does not ask for MSG_NOSIGNAL): it is blocked
 * in this thread meanwhile, and taken away if it came. */
static int write_all(struct redis_link *link, int64_t deadline_ms) {
    sigset_t pipe_only;
    sigset_t before;
    sigset_t pending;
    int done = 0;
    int status = 0;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    while (done == 0 && status == 0) {
        if (redisBufferWrite(link->context, &done) != REDIS_OK)
            status = fail_context(link, false);
        else if (done == 0 && now_ms() > deadline_ms)
            status = fail(link, -ETIMEDOUT, "it does not take what is sent in time",
                          "check that Redis is up, not blocked, and reachable from here");
    }
    if (status != 0 && !was_pending) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe_only, NULL, &at_once) == -1 && errno == EINTR)
            continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int read_reply(struct redis_link *link, redisReply **reply) {
    int64_t deadline_ms = now_ms() + link->timeout_ms;
    void *got = NULL;
    for (;;) {
        if (redisGetReplyFromReader(link->context, &got) != REDIS_OK)
            return fail_context(link, false);
        if (got != NULL)
            break;
        if (now_ms() > deadline_ms)
            return fail(link, -ETIMEDOUT, "no full answer in time",
                        "check that Redis is up, not blocked, and reachable from here");
        if (redisBufferRead(link->context) != REDIS_OK)
            return fail_context(link, false);
    }
    *reply = got;
    return 0;
}

static int make_room_for_replies(struct redis_batch *batch) {
    redis_batch_free_replies(batch);
    if (batch->reply_room >= batch->count)
        return 0;
    redisReply **grown = realloc(batch->replies, batch->count * sizeof(redisReply *));
    if (grown == NULL)
        return -ENOMEM;
    batch->replies = grown;
    batch->reply_room = batch->count;
    return 0;
}

/* One attempt. */
static int send_batch(struct redis_link *link, struct redis_batch *batch) {
    if (link->context == NULL)
        return -ENOTCONN;
    if (make_room_for_replies(batch) != 0 ||
        redisAppendFormattedCommand(link->context, batch->commands.bytes, batch->commands.size) !=
            REDIS_OK)
        return fail(link, -ENOMEM, "out of memory", "free some");
    int status = write_all(link, now_ms() + link->timeout_ms);
    while (status == 0 && batch->reply_count < batch->count) {
        status = read_reply(link, &batch->replies[batch->reply_count]);
        if (status == 0)
            batch->reply_count++;
    }
    if (status != 0)
        redis_link_disconnect(link);
    return status;
}

/* Sends and has every error answer count, for the few commands that open a connection. */
static int send_strictly(struct redis_link *link, struct redis_batch *batch) {
    int status = send_batch(link, batch);
    for (size_t i = 0; status == 0 && i < batch->reply_count; i++)
        status = redis_link_judge(link, batch->replies[i]);
    return status;
}

static int load_scripts(struct redis_link *link) {
    struct redis_batch batch = {0};
    for (size_t i = 0; i < link->script_count; i++)
        redis_batch_command(&batch, "SCRIPT", "LOAD", link->scripts[i], NULL);
    int status = link->script_count ? send_strictly(link, &batch) : 0;
    for (size_t i = 0; status == 0 && i < link->script_count; i++) {
        const redisReply *reply = batch.replies[i];
        if (reply->type != REDIS_REPLY_STRING || reply->len != REDIS_SHA_SIZE - 1)
            status = fail(link, -EPROTO, "no digest in the answer to SCRIPT LOAD",
                          "what answers there does not speak Redis's protocol");
        else
            memcpy(link->shas[i], reply->str, REDIS_SHA_SIZE);
    }
    redis_batch_deinit(&batch);
    return status;
}

static int log_in(struct redis_link *link) {
    struct redis_batch batch = {0};
    char number[16];
    if (link->url.has_password && link->url.user[0] != '\0')
        redis_batch_command(&batch, "AUTH", link->url.user, link->url.password, NULL);
    else if (link->url.has_password)
        redis_batch_command(&batch, "AUTH", link->url.password, NULL);
    redis_batch_command(&batch, "PING", NULL);
    (void)snprintf(number, sizeof number, "%u", (unsigned)link->url.database);
    if (link->url.database != 0)
        redis_batch_command(&batch, "SELECT", number, NULL);
    int status = batch.bad ? -ENOMEM : send_strictly(link, &batch);
    if (batch.commands.bytes != NULL) /* the password passed through it */
        memset(batch.commands.bytes, 0, batch.commands.room);
    redis_batch_deinit(&batch);
    return status;
}

int redis_link_connect(struct redis_link *link) {
    const struct timeval timeout = {
        .tv_sec = (time_t)(link->timeout_ms / 1000),
        .tv_usec = (suseconds_t)(link->timeout_ms % 1000) * 1000,
    };
    redis_link_disconnect(link);
    link->context = link->url.is_unix
                        ? redisConnectUnixWithTimeout(link->url.path, timeout)
                        : redisConnectWithTimeout(link->url.host, link->url.port, timeout);
    if (link->context == NULL)
        return fail(link, -ENOMEM, "out of memory", "free some");
    bool is_up = link->context->err == 0 && redisSetTimeout(link->context, timeout) == REDIS_OK;
    int status = is_up ? 0 : fail_context(link, true);
    if (status == 0)
        status = log_in(link);
    if (status == 0)
        status = load_scripts(link);
    if (status != 0)
        redis_link_disconnect(link);
    return status;
}

struct redis_link *redis_link_prepare(const struct redis_url *url, uint32_t timeout_ms,
                                      const char *const *scripts, size_t script_count) {
    struct redis_link *link = script_count <= REDIS_MAX_SCRIPTS ? calloc(1, sizeof *link) : NULL;
    if (link == NULL)
        return NULL;
    link->url = *url;
    link->timeout_ms = timeout_ms;
    link->script_count = script_count;
    for (size_t i = 0; i < script_count; i++)
        link->scripts[i] = scripts[i];
    return link;
}

struct redis_link *redis_link_new(const struct redis_url *url, uint32_t timeout_ms,
                                  const char *const *scripts, size_t script_count,
                                  char message[REDIS_MESSAGE_SIZE]) {
    struct redis_link *link = redis_link_prepare(url, timeout_ms, scripts, script_count);
    if (link == NULL) {
        (void)snprintf(message, REDIS_MESSAGE_SIZE, "out of memory");
        return NULL;
    }
    if (redis_link_connect(link) != 0) {
        (void)snprintf(message, REDIS_MESSAGE_SIZE, "%s", link->message);
        redis_link_delete(link);
        return NULL;
    }
    return link;
}

void redis_link_delete(struct redis_link *link) {
    if (link == NULL)
        return;
    redis_link_disconnect(link);
    memset(&link->url, 0, sizeof link->url);
    free(link);
}

void redis_link_begin_script(const struct redis_link *link, struct redis_batch *batch,
                             size_t script, size_t key_count) {
    redis_batch_begin(batch, "EVALSHA");
    redis_batch_add_text(batch, link->shas[script]);
    redis_batch_add_number(batch, key_count);
}

/* The first general error among the replies, or NULL. */
static const redisReply *general_error(const struct redis_batch *batch) {
    for (size_t i = 0; i < batch->reply_count; i++)
        if (batch->replies[i]->type == REDIS_REPLY_ERROR &&
            redis_error_of(batch->replies[i]->str, batch->replies[i]->len)->is_general)
            return batch->replies[i];
    return NULL;
}

int redis_link_send(struct redis_link *link, struct redis_batch *batch) {
    if (link->context == NULL && batch->count > 0)
        return fail(link, -ENOTCONN, "not connected", "connect first");
    if (batch->bad)
        return fail(link, -ENOMEM, "out of memory", "free some");
    if (batch->count == 0)
        return 0;
    int status = send_batch(link, batch);
    const redisReply *error = status == 0 ? general_error(batch) : NULL;
    if (error != NULL &&
        redis_error_of(error->str, error->len)->error == REDIS_ERROR_SCRIPT_MISSING) {
        status = load_scripts(link);
        if (status == 0)
            status = send_batch(link, batch);
        error = status == 0 ? general_error(batch) : NULL;
    }
    return error != NULL ? redis_link_judge(link, error) : status;
}

const char *redis_link_message(const struct redis_link *link) {
    return link->message;
}
