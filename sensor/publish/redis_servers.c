/*
 * redis_servers.c - finds the servers, and divides commands among them (redis_servers.h).
 *
 * A server that stands alone is a cluster of one node, which has all the slots.
 */
#include "redis_servers.h"

#include "redis_addresses.h"
#include "redis_cluster.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct redis_url url;
    struct redis_link *link;
    struct redis_batch batch;
};

struct redis_servers {
    struct redis_addresses addresses;
    uint32_t timeout_ms;
    const char *const *scripts;
    size_t script_count;
    struct node nodes[REDIS_MAX_NODES];
    size_t node_count;
    uint8_t owners[REDIS_SLOTS]; /* number of the node that has the slot */
    size_t next_address;         /* the one to try first */
    bool accepts_replica;
    bool takes_replica; /* in this round of connecting */
    bool is_up;
    bool has_identity;
    uint64_t identity; /* of all nodes together, in whatever order */
    char identity_text[REDIS_IDENTITY_SIZE];
    int map_status; /* while a map is read */
    char message[REDIS_MESSAGE_SIZE];
};

/* What INFO says of a server. */
struct server_info {
    bool is_known; /* INFO is allowed */
    bool is_cluster;
    bool is_replica;
    uint64_t identity;
};

struct redis_servers *redis_servers_new(const char *text, uint32_t timeout_ms,
                                        const char *const *scripts, size_t script_count,
                                        char error[REDIS_URL_ERROR_SIZE]) {
    struct redis_servers *servers = calloc(1, sizeof *servers);
    (void)snprintf(error, REDIS_URL_ERROR_SIZE, "out of memory");
    if (servers == NULL)
        return NULL;
    servers->timeout_ms = timeout_ms;
    servers->scripts = scripts;
    servers->script_count = script_count;
    if (redis_addresses_parse(text, &servers->addresses, error) == 0)
        return servers;
    redis_servers_delete(servers);
    return NULL;
}

static void forget_nodes(struct redis_servers *servers) {
    for (size_t i = 0; i < servers->node_count; i++) {
        redis_link_delete(servers->nodes[i].link);
        redis_batch_deinit(&servers->nodes[i].batch);
    }
    servers->node_count = 0;
    memset(servers->owners, 0, sizeof servers->owners);
}

void redis_servers_delete(struct redis_servers *servers) {
    if (servers == NULL)
        return;
    forget_nodes(servers);
    memset(servers, 0, sizeof *servers); /* the password */
    free(servers);
}

static int refuse(struct redis_servers *servers, int status, const char *place, const char *text) {
    (void)snprintf(servers->message, sizeof servers->message, "%s: %s", place, text);
    return status;
}

static int take_message(struct redis_servers *servers, const struct redis_link *link, int status) {
    (void)snprintf(servers->message, sizeof servers->message, "%s", redis_link_message(link));
    return status;
}

/* ---- one server ---- */

/* FNV-1a of a line "NAME:VALUE" of INFO's answer; `value` gets a copy. */
static uint64_t info_value(const char *info, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    value[0] = '\0';
    for (const char *line = info; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *begin = line + length + 1;
        (void)snprintf(value, size, "%.*s", (int)strcspn(begin, "\r\n"), begin);
        for (const char *at = value; *at != '\0'; at++)
            hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
        break;
    }
    return hash;
}

static int read_info(struct redis_servers *servers, struct redis_link *link,
                     struct server_info *info) {
    struct redis_batch batch = {0};
    char value[80];
    *info = (struct server_info){0};
    redis_batch_command(&batch, "INFO", "server", NULL);
    redis_batch_command(&batch, "INFO", "replication", NULL);
    int status = redis_link_send(link, &batch);
    if (status == 0 && batch.replies[0]->type == REDIS_REPLY_STRING &&
        batch.replies[1]->type == REDIS_REPLY_STRING) {
        const char *server = batch.replies[0]->str;
        const char *replication = batch.replies[1]->str;
        info->is_known = true;
        (void)info_value(server, "redis_mode", value, sizeof value);
        info->is_cluster = strcmp(value, "cluster") == 0;
        (void)info_value(replication, "role", value, sizeof value);
        info->is_replica = strcmp(value, "slave") == 0;
        info->identity = info_value(server, "run_id", value, sizeof value);
        info->identity =
            info->identity * 31 + info_value(replication, "master_replid", value, sizeof value);
    }
    redis_batch_deinit(&batch);
    if (status == -EACCES && redis_link_is_up(link))
        return 0; /* INFO is not allowed */
    return status != 0 ? take_message(servers, link, status) : 0;
}

/* A new node, connected. NULL when that fails: *status and the message say why. */
static struct node *add_node(struct redis_servers *servers, const struct redis_url *url,
                             struct server_info *info, int *status) {
    if (servers->node_count == REDIS_MAX_NODES) {
        *status = refuse(servers, -E2BIG, servers->addresses.place, "more than 64 nodes");
        return NULL;
    }
    struct node *node = &servers->nodes[servers->node_count];
    *node = (struct node){.url = *url};
    node->link = redis_link_prepare(&node->url, servers->timeout_ms, servers->scripts,
                                    servers->script_count);
    if (node->link == NULL) {
        *status = refuse(servers, -ENOMEM, url->place, "out of memory");
        return NULL;
    }
    servers->node_count++;
    *status = redis_link_connect(node->link);
    if (*status != 0)
        (void)take_message(servers, node->link, *status);
    else
        *status = read_info(servers, node->link, info);
    if (*status != 0)
        return NULL;
    servers->has_identity = servers->has_identity && info->is_known;
    servers->identity ^= info->identity;
    return node;
}

/* ---- a cluster ---- */

static struct node *find_node(struct redis_servers *servers, const char *host, uint16_t port) {
    for (size_t i = 0; i < servers->node_count; i++) {
        const struct redis_url *url = &servers->nodes[i].url;
        if (!url->is_unix && url->port == port && strcmp(url->host, host) == 0)
            return &servers->nodes[i];
    }
    return NULL;
}

static struct node *get_node(struct redis_servers *servers, const char *host, uint16_t port,
                             int *status) {
    struct server_info info;
    if (host[0] == '\0')
        host = servers->nodes[0].url.host;
    struct node *node = find_node(servers, host, port);
    if (node != NULL)
        return node;
    struct redis_url url = redis_url_elsewhere(&servers->addresses.urls[0], host, port);
    return add_node(servers, &url, &info, status);
}

static void visit_range(void *context, const struct redis_slot_range *range) {
    struct redis_servers *servers = context;
    if (servers->map_status != 0)
        return;
    const struct node *node = get_node(servers, range->host, range->port, &servers->map_status);
    for (uint32_t slot = range->first; node != NULL && slot <= range->last; slot++)
        servers->owners[slot] = (uint8_t)(node - servers->nodes);
}

static int read_map(struct redis_servers *servers) {
    struct redis_batch batch = {0};
    struct redis_link *link = servers->nodes[0].link;
    redis_batch_command(&batch, "CLUSTER", "SLOTS", NULL);
    int status = redis_link_send(link, &batch);
    servers->map_status = 0;
    if (status != 0)
        (void)take_message(servers, link, status);
    else if (!redis_cluster_read_slots(batch.replies[0], visit_range, servers))
        status = refuse(servers, -EPROTO, servers->nodes[0].url.place,
                        "its answer to CLUSTER SLOTS is none");
    redis_batch_deinit(&batch);
    return status != 0 ? status : servers->map_status;
}

/* ---- connecting ---- */

static int try_server(struct redis_servers *servers, const struct redis_url *url) {
    struct server_info info;
    int status = 0;
    forget_nodes(servers);
    servers->has_identity = true;
    servers->identity = 0;
    if (add_node(servers, url, &info, &status) == NULL)
        return status;
    if (info.is_cluster) {
        servers->identity = 0; /* it comes again if it has slots */
        servers->nodes[0].url.port = 0;
        return read_map(servers);
    }
    if (info.is_replica && !servers->takes_replica)
        return refuse(servers, -EROFS, url->place,
                      "it is a read-only replica; give the address of its primary");
    return 0;
}

/* Asks a sentinel where the primary is. */
static int ask_sentinel(struct redis_servers *servers, const struct redis_url *sentinel,
                        struct redis_url *primary) {
    struct redis_batch batch = {0};
    struct redis_url bare = *sentinel;
    bare.has_password = false;
    bare.database = 0;
    struct redis_link *link = redis_link_prepare(&bare, servers->timeout_ms, NULL, 0);
    if (link == NULL)
        return refuse(servers, -ENOMEM, sentinel->place, "out of memory");
    redis_batch_command(&batch, "SENTINEL", "get-master-addr-by-name", servers->addresses.master,
                        NULL);
    int status = redis_link_connect(link);
    if (status == 0)
        status = redis_link_send(link, &batch);
    if (status != 0) {
        (void)take_message(servers, link, status);
    } else {
        const redisReply *reply = batch.replies[0];
        bool is_answer = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                         reply->element[0]->type == REDIS_REPLY_STRING &&
                         reply->element[1]->type == REDIS_REPLY_STRING;
        if (is_answer)
            *primary = redis_url_elsewhere(sentinel, reply->element[0]->str,
                                           (uint16_t)strtoul(reply->element[1]->str, NULL, 10));
        else
            status = refuse(servers, -ENOENT, sentinel->place,
                            "this sentinel knows no primary of that name; see SENTINEL MASTERS");
    }
    redis_batch_deinit(&batch);
    redis_link_delete(link);
    return status;
}

static int try_address(struct redis_servers *servers, const struct redis_url *url) {
    struct redis_url primary;
    if (!servers->addresses.is_sentinel)
        return try_server(servers, url);
    int status = ask_sentinel(servers, url, &primary);
    return status == 0 ? try_server(servers, &primary) : status;
}

/* Of several failures the one that says most is told: not that a replica is one. */
static int try_addresses(struct redis_servers *servers) {
    char told[REDIS_MESSAGE_SIZE] = "";
    int status = 0;
    int result = -EROFS;
    for (size_t i = 0; i < servers->addresses.count; i++) {
        size_t index = (servers->next_address + i) % servers->addresses.count;
        status = try_address(servers, &servers->addresses.urls[index]);
        if (status == 0) {
            servers->next_address = index;
            servers->is_up = true;
            (void)snprintf(servers->identity_text, sizeof servers->identity_text,
                           servers->has_identity ? "%016" PRIx64 : "", servers->identity);
            return 0;
        }
        if (told[0] == '\0' || result == -EROFS) {
            memcpy(told, servers->message, sizeof told);
            result = status;
        }
    }
    memcpy(servers->message, told, sizeof told);
    redis_servers_disconnect(servers);
    return result;
}

int redis_servers_connect(struct redis_servers *servers) {
    if (servers->is_up)
        return 0;
    servers->takes_replica = false;
    int status = try_addresses(servers);
    if (status == 0 || !servers->accepts_replica)
        return status;
    servers->takes_replica = true;
    return try_addresses(servers);
}

void redis_servers_accept_replica(struct redis_servers *servers) {
    servers->accepts_replica = true;
}

bool redis_servers_are_up(const struct redis_servers *servers) {
    return servers->is_up;
}

void redis_servers_disconnect(struct redis_servers *servers) {
    servers->is_up = false;
    for (size_t i = 0; i < servers->node_count; i++)
        redis_link_disconnect(servers->nodes[i].link);
}

const char *redis_servers_identity(const struct redis_servers *servers) {
    return servers->identity_text;
}

const char *redis_servers_address(const struct redis_servers *servers) {
    return servers->addresses.place;
}

/* ---- gathering ---- */

static struct node *node_of(struct redis_servers *servers, const char *key) {
    return &servers->nodes[servers->owners[redis_slot_of(key, strlen(key))]];
}

struct redis_batch *redis_servers_batch(struct redis_servers *servers, const char *key) {
    return &node_of(servers, key)->batch;
}

struct redis_batch *redis_servers_begin_script(struct redis_servers *servers, const char *first_key,
                                               size_t script, size_t key_count) {
    struct node *node = node_of(servers, first_key);
    redis_link_begin_script(node->link, &node->batch, script, key_count);
    redis_batch_add_text(&node->batch, first_key);
    return &node->batch;
}

struct redis_ticket redis_servers_ticket(struct redis_servers *servers, const char *key) {
    const struct node *node = node_of(servers, key);
    return (struct redis_ticket){(size_t)(node - servers->nodes), node->batch.count - 1};
}

size_t redis_servers_count(const struct redis_servers *servers) {
    size_t count = 0;
    for (size_t i = 0; i < servers->node_count; i++)
        count += servers->nodes[i].batch.count;
    return count;
}

size_t redis_servers_bytes(const struct redis_servers *servers) {
    size_t bytes = 0;
    for (size_t i = 0; i < servers->node_count; i++)
        bytes += servers->nodes[i].batch.commands.size;
    return bytes;
}

void redis_servers_clear(struct redis_servers *servers) {
    for (size_t i = 0; i < servers->node_count; i++)
        redis_batch_clear(&servers->nodes[i].batch);
}

/* ---- sending ---- */

static const struct redis_error_meaning *meaning_of(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ERROR ? redis_error_of(reply->str, reply->len) : NULL;
}

/* Sends command `index` to the node that is taking its slot over, and takes the answer. */
static int follow(struct redis_servers *servers, struct redis_batch *batch, size_t index) {
    struct redis_batch again = {0};
    const redisReply *reply = batch->replies[index];
    char host[256];
    uint16_t port = 0;
    int status = -EPROTO;
    const struct node *target = NULL;
    if (redis_cluster_read_target(reply->str, reply->len, host, &port))
        target = get_node(servers, host, port, &status);
    if (target == NULL)
        return status;
    redis_batch_command(&again, "ASKING", NULL);
    redis_batch_copy(&again, batch, index);
    status = redis_link_send(target->link, &again);
    if (status == 0) {
        freeReplyObject(batch->replies[index]);
        batch->replies[index] = again.replies[1];
        again.replies[1] = NULL;
        again.reply_count = 1;
    } else {
        (void)take_message(servers, target->link, status);
    }
    redis_batch_deinit(&again);
    return status;
}

/* The answers are there, and some are general errors: `status` is the first one's. When none of
 * them is worse than ASK, all are mended. */
static int mend(struct redis_servers *servers, struct node *node, int status) {
    struct redis_batch *batch = &node->batch;
    for (size_t i = 0; i < batch->reply_count; i++) {
        const struct redis_error_meaning *meaning = meaning_of(batch->replies[i]);
        if (meaning != NULL && meaning->is_general && meaning->error != REDIS_ERROR_ASK) {
            status = redis_link_judge(node->link, batch->replies[i]);
            return take_message(servers, node->link, status);
        }
    }
    status = 0;
    for (size_t i = 0; i < batch->reply_count && status == 0; i++) {
        const struct redis_error_meaning *meaning = meaning_of(batch->replies[i]);
        if (meaning != NULL && meaning->error == REDIS_ERROR_ASK)
            status = follow(servers, batch, i);
    }
    return status;
}

int redis_servers_exchange(struct redis_servers *servers) {
    size_t count = servers->node_count; /* those that have commands */
    for (size_t i = 0; i < count; i++) {
        struct node *node = &servers->nodes[i];
        int status = redis_link_send(node->link, &node->batch);
        if (status != 0)
            (void)take_message(servers, node->link, status);
        if (status != 0 && redis_link_is_up(node->link) && node->batch.reply_count > 0)
            status = mend(servers, node, status);
        if (status != 0)
            return status;
    }
    return 0;
}

const struct redisReply *redis_servers_reply(const struct redis_servers *servers,
                                             struct redis_ticket ticket) {
    return servers->nodes[ticket.node].batch.replies[ticket.reply];
}

struct redisReply *redis_servers_take_reply(struct redis_servers *servers,
                                            struct redis_ticket ticket) {
    redisReply **reply = &servers->nodes[ticket.node].batch.replies[ticket.reply];
    redisReply *taken = *reply;
    *reply = NULL;
    return taken;
}

void redis_servers_each_error(struct redis_servers *servers,
                              void (*visit)(void *context, int status, const char *message),
                              void *context) {
    for (size_t n = 0; n < servers->node_count; n++) {
        struct node *node = &servers->nodes[n];
        for (size_t i = 0; i < node->batch.reply_count; i++) {
            int status = redis_link_judge(node->link, node->batch.replies[i]);
            if (status != 0)
                visit(context, status, redis_link_message(node->link));
        }
    }
}

const char *redis_servers_message(const struct redis_servers *servers) {
    return servers->message;
}
