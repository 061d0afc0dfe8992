/* redis_servers.c - see redis_servers.h. */
#include "redis_servers.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_servers {
    struct redis_url url;
    struct redis_link *link;
    struct redis_batch batch;
    bool is_up;
    char identity[REDIS_IDENTITY_SIZE];
    char message[REDIS_MESSAGE_SIZE];
};

struct redis_servers *redis_servers_new(const char *url, uint32_t timeout_ms,
                                        const char *const *scripts, size_t script_count,
                                        char error[REDIS_URL_ERROR_SIZE]) {
    struct redis_servers *servers = calloc(1, sizeof *servers);
    (void)snprintf(error, REDIS_URL_ERROR_SIZE, "out of memory");
    if (servers == NULL)
        return NULL;
    if (redis_url_parse(url, &servers->url, error) == 0)
        servers->link = redis_link_prepare(&servers->url, timeout_ms, scripts, script_count);
    if (servers->link == NULL) {
        redis_servers_delete(servers);
        return NULL;
    }
    return servers;
}

void redis_servers_delete(struct redis_servers *servers) {
    if (servers == NULL)
        return;
    redis_link_delete(servers->link);
    redis_batch_deinit(&servers->batch);
    memset(servers, 0, sizeof *servers); /* the password */
    free(servers);
}

/* The value of a line "NAME:VALUE" of INFO's answer. */
static void info_value(const char *info, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    value[0] = '\0';
    for (const char *line = info; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            const char *begin = line + length + 1;
            (void)snprintf(value, size, "%.*s", (int)strcspn(begin, "\r\n"), begin);
            return;
        }
    }
}

static int refuse(struct redis_servers *servers, int status, const char *text) {
    (void)snprintf(servers->message, sizeof servers->message, "%s: %s", servers->url.place, text);
    return status;
}

/* A replica is refused at once: it would refuse every write. */
static int read_identity(struct redis_servers *servers) {
    struct redis_batch batch = {0};
    char run[64] = "";
    char role[16] = "";
    char replication[64] = "";
    servers->identity[0] = '\0';
    redis_batch_command(&batch, "INFO", "server", NULL);
    redis_batch_command(&batch, "INFO", "replication", NULL);
    int status = redis_link_send(servers->link, &batch);
    if (status == 0 && batch.replies[0]->type == REDIS_REPLY_STRING &&
        batch.replies[1]->type == REDIS_REPLY_STRING) {
        info_value(batch.replies[0]->str, "run_id", run, sizeof run);
        info_value(batch.replies[1]->str, "role", role, sizeof role);
        info_value(batch.replies[1]->str, "master_replid", replication, sizeof replication);
    }
    redis_batch_deinit(&batch);
    if (status == -EACCES && redis_link_is_up(servers->link))
        return 0; /* INFO is not allowed */
    if (status != 0)
        return refuse(servers, status, redis_link_message(servers->link));
    if (strcmp(role, "slave") == 0)
        return refuse(servers, -EROFS,
                      "it is a read-only replica; give the address of its primary");
    if (run[0] != '\0' && replication[0] != '\0')
        (void)snprintf(servers->identity, sizeof servers->identity, "%s %s", run, replication);
    return 0;
}

int redis_servers_connect(struct redis_servers *servers) {
    if (servers->is_up)
        return 0;
    int status = redis_link_connect(servers->link);
    if (status != 0)
        (void)snprintf(servers->message, sizeof servers->message, "%s",
                       redis_link_message(servers->link));
    else
        status = read_identity(servers);
    servers->is_up = status == 0;
    if (status != 0)
        redis_link_disconnect(servers->link);
    return status;
}

bool redis_servers_are_up(const struct redis_servers *servers) {
    return servers->is_up;
}

void redis_servers_disconnect(struct redis_servers *servers) {
    servers->is_up = false;
    redis_link_disconnect(servers->link);
}

const char *redis_servers_identity(const struct redis_servers *servers) {
    return servers->identity;
}

const char *redis_servers_address(const struct redis_servers *servers) {
    return servers->url.place;
}

struct redis_batch *redis_servers_batch(struct redis_servers *servers, const char *key) {
    (void)key;
    return &servers->batch;
}

struct redis_batch *redis_servers_begin_script(struct redis_servers *servers, const char *first_key,
                                               size_t script, size_t key_count) {
    struct redis_batch *batch = redis_servers_batch(servers, first_key);
    redis_link_begin_script(servers->link, batch, script, key_count);
    redis_batch_add_text(batch, first_key);
    return batch;
}

struct redis_ticket redis_servers_ticket(struct redis_servers *servers, const char *key) {
    (void)key;
    return (struct redis_ticket){0, servers->batch.count - 1};
}

size_t redis_servers_count(const struct redis_servers *servers) {
    return servers->batch.count;
}

size_t redis_servers_bytes(const struct redis_servers *servers) {
    return servers->batch.commands.size;
}

int redis_servers_exchange(struct redis_servers *servers) {
    int status = redis_link_send(servers->link, &servers->batch);
    if (status != 0)
        (void)snprintf(servers->message, sizeof servers->message, "%s",
                       redis_link_message(servers->link));
    return status;
}

const struct redisReply *redis_servers_reply(const struct redis_servers *servers,
                                             struct redis_ticket ticket) {
    return servers->batch.replies[ticket.reply];
}

void redis_servers_each_error(struct redis_servers *servers,
                              void (*visit)(void *context, int status, const char *message),
                              void *context) {
    for (size_t i = 0; i < servers->batch.reply_count; i++) {
        int status = redis_link_judge(servers->link, servers->batch.replies[i]);
        if (status != 0)
            visit(context, status, redis_link_message(servers->link));
    }
}

void redis_servers_clear(struct redis_servers *servers) {
    redis_batch_clear(&servers->batch);
}

const char *redis_servers_message(const struct redis_servers *servers) {
    return servers->message;
}
