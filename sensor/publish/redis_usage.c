/*
 * redis_usage.c - the usage table's way to Redis: per domain its clients, per domain and day its
 * counters, and the rankings that follow from the answers (redis_publish.c says why that order).
 */
#include <hiredis/hiredis.h>
#include <string.h>

#include "redis_publication.h"
#include "redis_scripts.h"

enum { MEMBERS_PER_COMMAND = 512, HOURS_PER_DAY = 24 };

void publication_add_key(struct redis_batch *batch, struct redis_key key) {
    redis_batch_add_text(batch, key.text);
}

static void expire(struct redis_batch *batch, struct redis_key key, uint64_t seconds) {
    redis_batch_begin(batch, "EXPIRE");
    publication_add_key(batch, key);
    redis_batch_add_number(batch, seconds);
    redis_batch_end(batch);
}

/* Keeps the `count` members with the highest scores. */
void publication_trim(struct redis_batch *batch, const char *key, uint64_t count) {
    redis_batch_begin(batch, "ZREMRANGEBYRANK");
    redis_batch_add_text(batch, key);
    redis_batch_add_number(batch, 0);
    redis_batch_add_negative(batch, count + 1);
    redis_batch_end(batch);
}

void publication_raise_score(struct redis_batch *batch, const char *key, uint64_t score,
                             const char *member) {
    redis_batch_begin(batch, "ZADD");
    redis_batch_add_text(batch, key);
    redis_batch_add_text(batch, "GT");
    redis_batch_add_number(batch, score);
    redis_batch_add_text(batch, member);
    redis_batch_end(batch);
}

void publication_judge_replies(struct publication *publication, const struct redis_batch *batch) {
    struct redis_link *link = publication->publisher->link;
    for (size_t i = 0; i < batch->reply_count; i++) {
        int status = redis_link_judge(link, batch->replies[i]);
        if (status == 0)
            continue;
        if (publication->refused++ > 0)
            continue;
        publication->first_refusal = status;
        (void)snprintf(publication->refusal, sizeof publication->refusal, "%s",
                       redis_link_message(link));
    }
}

/* Bounds, retention and index of a day's rankings. */
static void close_rankings(struct redis_publisher *publisher, struct redis_batch *batch,
                           uint32_t day) {
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        struct redis_key key = redis_key_top(day, (enum redis_rank)rank, publisher->sensor);
        publication_trim(batch, key.text, REDIS_MAX_RANKED);
        expire(batch, key, REDIS_DAY_TTL_S);
    }
    struct redis_key member = redis_member_of(day, publisher->sensor);
    publication_raise_score(batch, REDIS_KEY_DAYS, day, member.text);
    publication_trim(batch, REDIS_KEY_DAYS, REDIS_MAX_BUCKETS);
}

struct total {
    const struct note *note;
    uint64_t values[RANK_COUNT];
};

static bool read_total(const struct note *note, const redisReply *reply, struct total *total) {
    memset(total, 0, sizeof *total);
    total->note = note;
    if (note->is_clients) {
        total->values[RANK_LEGACY_CLIENTS] =
            reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
        return reply->type == REDIS_REPLY_INTEGER;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
        return false;
    static const enum redis_rank order[] = {RANK_HANDSHAKES, RANK_LEGACY, RANK_ALERTS};
    for (size_t i = 0; i < 3; i++)
        total->values[order[i]] = (uint64_t)reply->element[i + 1]->integer;
    return true;
}

/* Sends what is gathered; the totals that come back are the beginning of the next batch. */
void publication_flush(struct publication *publication) {
    struct redis_publisher *publisher = publication->publisher;
    struct redis_batch *batch = publication->batch;
    struct total totals[sizeof publication->notes / sizeof publication->notes[0]];
    size_t count = 0;
    if (publication->status == 0)
        publication->status = redis_link_exchange(publisher->link, batch);
    if (publication->status == 0) {
        publication_judge_replies(publication, batch);
        for (size_t i = 0; i < publication->note_count; i++) {
            const struct note *note = &publication->notes[i];
            if (!read_total(note, batch->replies[note->reply], &totals[count]))
                continue;
            publication->units_done += note->is_clients ? 0 : 1;
            count++;
        }
    }
    redis_batch_clear(batch);
    publication->note_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t day = totals[i].note->day;
        for (int rank = 0; rank < RANK_COUNT; rank++) {
            struct redis_key key = redis_key_top(day, (enum redis_rank)rank, publisher->sensor);
            if (totals[i].values[rank] > 0)
                publication_raise_score(batch, key.text, totals[i].values[rank],
                                        totals[i].note->domain);
        }
        if (i + 1 == count || totals[i + 1].note->day != day)
            close_rankings(publisher, batch, day);
    }
}

static void flush_when_full(struct publication *publication) {
    if (publication->batch->count >= PUBLICATION_COMMANDS ||
        publication->note_count >= PUBLICATION_COMMANDS ||
        publication->batch->commands.size >= PUBLICATION_BYTES)
        publication_flush(publication);
}

static void note_reply(struct publication *publication, const char *domain, uint32_t day,
                       bool is_clients) {
    publication->notes[publication->note_count++] =
        (struct note){domain, day, publication->batch->count - 1, is_clients};
}

static void add_operation(struct redis_batch *batch, const char *operation, const char *field,
                          uint64_t value) {
    redis_batch_add_text(batch, operation);
    redis_batch_add_text(batch, field);
    redis_batch_add_number(batch, value);
}

static void add_hour(struct redis_batch *batch, const struct usage_bucket *hour,
                     uint64_t clients_lost) {
    uint64_t operations = 3 + (hour->last_legacy_us != 0 ? 1U : 0U) + (clients_lost != 0 ? 1U : 0U);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        operations += hour->counts[i] != 0 ? 1U : 0U;
    redis_batch_add_number(batch, operations);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        if (hour->counts[i] != 0)
            add_operation(batch, "+", usage_field_names[i], hour->counts[i]);
    add_operation(batch, ">", REDIS_FIELD_PEAK, hour->peak_legacy_per_min);
    add_operation(batch, "<", REDIS_FIELD_FIRST, hour->first_us);
    add_operation(batch, ">", REDIS_FIELD_LAST, hour->last_us);
    if (hour->last_legacy_us != 0)
        add_operation(batch, ">", REDIS_FIELD_LAST_LEGACY, hour->last_legacy_us);
    if (clients_lost != 0)
        add_operation(batch, "+", REDIS_FIELD_CLIENTS_LOST, clients_lost);
}

/* Sends the gathered hours of one domain and day. */
static void send_unit(struct publication *publication) {
    if (publication->hour_count == 0)
        return;
    const struct usage_bucket *hours = publication->hours;
    size_t count = publication->hour_count;
    const char *domain = hours[0].domain;
    const char *sensor = publication->publisher->sensor;
    uint32_t day = redis_day_of_hours(hours[0].hour);
    struct redis_batch *batch = publication->batch;
    publication->hour_count = 0;
    publication->units++;
    if (publication->status != 0)
        return;
    redis_link_begin_script(publication->publisher->link, batch, SCRIPT_USAGE, 3 + count);
    publication_add_key(batch, redis_key_applied(domain, sensor, day));
    publication_add_key(batch, redis_key_day(domain, sensor, day));
    publication_add_key(batch, redis_key_buckets(domain));
    for (size_t i = 0; i < count; i++)
        publication_add_key(batch, redis_key_hour(domain, sensor, hours[i].hour));
    redis_batch_add_text(batch, publication->capture_id);
    redis_batch_add_number(batch, PUBLICATION_POSITION);
    redis_batch_add_number(batch, REDIS_HOUR_TTL_S);
    redis_batch_add_number(batch, REDIS_DAY_TTL_S);
    publication_add_key(batch, redis_member_of(day, sensor));
    redis_batch_add_number(batch, day);
    redis_batch_add_number(batch, REDIS_MAX_BUCKETS);
    redis_batch_add_text(batch, hours[0].application != NULL ? hours[0].application : "");
    for (size_t i = 0; i < count; i++) {
        add_hour(batch, &hours[i], publication->clients_lost);
        publication->clients_lost = 0;
    }
    redis_batch_end(batch);
    note_reply(publication, domain, day, false);
    publication_raise_score(batch, REDIS_KEY_DOMAINS, hours[count - 1].last_us, domain);
    flush_when_full(publication);
}

/* One walk over a domain's clients: members of one set are gathered into commands. */
struct client_walk {
    struct publication *publication;
    const char *domain;
    enum { WALK_ALL, WALK_LEGACY, WALK_RANKING } kind;
    uint32_t day;   /* of the open command */
    size_t members; /* in the open command; 0: none is open */
};

static void close_members(struct client_walk *walk) {
    struct redis_batch *batch = walk->publication->batch;
    if (walk->members == 0)
        return;
    walk->members = 0;
    redis_batch_end(batch);
    if (walk->kind == WALK_RANKING) {
        struct redis_key key = redis_key_legacy(walk->domain);
        publication_trim(batch, key.text, REDIS_MAX_LEGACY_CLIENTS);
        expire(batch, key, REDIS_DAY_TTL_S);
    } else {
        struct redis_key key =
            redis_key_clients(walk->domain, walk->kind == WALK_LEGACY, walk->day);
        expire(batch, key, REDIS_DAY_TTL_S);
        if (walk->kind == WALK_LEGACY) {
            redis_batch_command(batch, "PFCOUNT", key.text, NULL);
            note_reply(walk->publication, walk->domain, walk->day, true);
        }
    }
    flush_when_full(walk->publication);
}

static void open_members(struct client_walk *walk) {
    struct redis_batch *batch = walk->publication->batch;
    if (walk->kind == WALK_RANKING) {
        redis_batch_begin(batch, "ZADD");
        publication_add_key(batch, redis_key_legacy(walk->domain));
        redis_batch_add_text(batch, "GT");
        return;
    }
    redis_batch_begin(batch, "PFADD");
    publication_add_key(batch,
                        redis_key_clients(walk->domain, walk->kind == WALK_LEGACY, walk->day));
}

static void visit_client(void *context, const struct usage_client *client) {
    struct client_walk *walk = context;
    struct redis_batch *batch = walk->publication->batch;
    uint32_t day = redis_day_of_us(client->last_us);
    char address[IP_ADDRESS_TEXT_SIZE];
    if (walk->publication->status != 0 || (walk->kind != WALK_ALL && !client->is_legacy))
        return;
    if (walk->members >= MEMBERS_PER_COMMAND ||
        (walk->kind != WALK_RANKING && walk->members > 0 && walk->day != day))
        close_members(walk);
    if (walk->members++ == 0) {
        walk->day = day;
        open_members(walk);
    }
    ip_address_format(&client->address, client->ip_version, address);
    if (walk->kind == WALK_RANKING)
        redis_batch_add_number(batch, client->last_us);
    redis_batch_add_text(batch, address);
}

static void send_clients(struct publication *publication, const char *domain) {
    struct client_walk walk = {.publication = publication, .domain = domain};
    for (int kind = WALK_ALL; kind <= WALK_RANKING; kind++) {
        walk.kind = kind;
        usage_clients(publication->usage, domain, visit_client, &walk);
        close_members(&walk);
    }
}

static void visit_bucket(void *context, const struct usage_bucket *bucket) {
    struct publication *publication = context;
    const struct usage_bucket *first = &publication->hours[0];
    bool is_new_domain = strcmp(publication->domain, bucket->domain) != 0;
    if (publication->hour_count > 0 &&
        (is_new_domain || publication->hour_count == PUBLICATION_MAX_HOURS ||
         first->hour / HOURS_PER_DAY != bucket->hour / HOURS_PER_DAY))
        send_unit(publication);
    if (is_new_domain) {
        (void)snprintf(publication->domain, sizeof publication->domain, "%s", bucket->domain);
        send_clients(publication, bucket->domain);
        publication->clients_lost = usage_client_counts(publication->usage, bucket->domain).lost;
    }
    publication->hours[publication->hour_count++] = *bucket;
}

void publication_send_usage(struct publication *publication) {
    usage_each(publication->usage, visit_bucket, publication);
    send_unit(publication);
    publication_flush(publication);
}
