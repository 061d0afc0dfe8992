/*
 * redis_usage.c - the counters of a batch: per domain and day one script with its counters and
 * clients, and the rankings that follow from the answers (redis_publication.h).
 */
#include <hiredis/hiredis.h>
#include <string.h>

#include "redis_publication.h"
#include "redis_scripts.h"

enum { HOURS_PER_DAY = 24 };

/* ---- rankings ---- */

struct total {
    const struct note *note;
    uint64_t values[RANK_COUNT];
};

static bool read_total(const struct note *note, const redisReply *reply, struct total *total) {
    static const enum redis_rank order[] = {RANK_HANDSHAKES, RANK_LEGACY, RANK_ALERTS,
                                            RANK_LEGACY_CLIENTS};
    enum { RANKS = sizeof order / sizeof order[0] };
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != RANKS + 1)
        return false;
    total->note = note;
    for (size_t i = 0; i < RANKS; i++)
        total->values[order[i]] = (uint64_t)reply->element[i + 1]->integer;
    return true;
}

/* Bounds, retention and index of a day's rankings. */
static void close_rankings(struct publication *publication, uint32_t day) {
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        struct redis_key key = redis_key_top(day, (enum redis_rank)rank, publication->sensor);
        publication_trim(publication, key.text, REDIS_MAX_RANKED);
        publication_expire(publication, key.text, REDIS_DAY_TTL_S);
    }
    struct redis_key member = redis_member_of(day, publication->sensor);
    publication_raise_score(publication, REDIS_KEY_DAYS, day, member.text);
    publication_trim(publication, REDIS_KEY_DAYS, REDIS_MAX_BUCKETS);
    publication_trim(publication, REDIS_KEY_DOMAINS, REDIS_MAX_DOMAINS);
}

void publication_rank(struct publication *publication) {
    struct total totals[PUBLICATION_MAX_NOTES];
    size_t count = 0;
    for (size_t i = 0; i < publication->note_count; i++) {
        const struct note *note = &publication->notes[i];
        const redisReply *reply = redis_servers_reply(publication->servers, note->ticket);
        count += read_total(note, reply, &totals[count]) ? 1 : 0;
    }
    redis_servers_clear(publication->servers);
    for (size_t i = 0; i < count; i++) {
        uint32_t day = totals[i].note->day;
        for (int rank = 0; rank < RANK_COUNT; rank++) {
            struct redis_key key = redis_key_top(day, (enum redis_rank)rank, publication->sensor);
            if (totals[i].values[rank] > 0)
                publication_raise_score(publication, key.text, totals[i].values[rank],
                                        totals[i].note->domain);
        }
        if (i + 1 == count || totals[i + 1].note->day != day)
            close_rankings(publication, day);
    }
}

/* ---- clients ---- */

enum client_list { LIST_ALL, LIST_LEGACY, LIST_DETAILS };

/* One walk over a domain's clients: those of a day. Without a batch it only counts them. */
struct client_walk {
    uint32_t day;
    enum client_list list;
    uint64_t count;
    struct redis_batch *batch;
};

static void add_details(struct redis_batch *batch, const struct usage_client *client) {
    static const char *const versions[TLS_RANK_COUNT] = {
        [TLS_RANK_SSLV2] = "ssl2",
        [TLS_RANK_SSLV3] = "ssl3",
        [TLS_RANK_1_0] = "tls1.0",
        [TLS_RANK_1_1] = "tls1.1",
    };
    char what[96];
    const char *version = versions[client->legacy_version];
    (void)snprintf(what, sizeof what, "%s %s", version != NULL ? version : "-",
                   client->ja4[0] != '\0' ? client->ja4 : "-");
    redis_batch_add_number(batch, client->last_legacy_us);
    redis_batch_add_number(batch, client->legacy_handshakes);
    redis_batch_add_text(batch, what);
}

static void visit_client(void *context, const struct usage_client *client) {
    struct client_walk *walk = context;
    char address[IP_ADDRESS_TEXT_SIZE];
    if (redis_day_of_us(client->last_us) != walk->day ||
        (walk->list != LIST_ALL && !client->is_legacy))
        return;
    walk->count++;
    if (walk->batch == NULL)
        return;
    ip_address_format(&client->address, client->ip_version, address);
    redis_batch_add_text(walk->batch, address);
    if (walk->list == LIST_DETAILS)
        add_details(walk->batch, client);
}

static void add_clients(const struct publication *publication, struct redis_batch *batch,
                        const char *domain, uint32_t day) {
    bool has_details = strcmp(domain, USAGE_DOMAIN_ALL) != 0; /* too many, the newest say nothing */
    for (int list = LIST_ALL; list <= LIST_DETAILS; list++) {
        struct client_walk walk = {.day = day, .list = (enum client_list)list};
        if (list != LIST_DETAILS || has_details)
            usage_clients(publication->usage, domain, visit_client, &walk);
        redis_batch_add_number(batch, walk.count);
        walk.batch = batch;
        if (walk.count > 0)
            usage_clients(publication->usage, domain, visit_client, &walk);
    }
}

/* ---- counters ---- */

static void add_operation(struct redis_batch *batch, const char *operation, const char *field,
                          uint64_t value) {
    redis_batch_add_text(batch, operation);
    redis_batch_add_text(batch, field);
    redis_batch_add_number(batch, value);
}

static void add_hour(struct redis_batch *batch, const struct usage_bucket *hour) {
    uint64_t operations = 2 + (hour->last_legacy_us != 0 ? 1U : 0U);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        operations += hour->counts[i] != 0 ? 1U : 0U;
    for (size_t i = 0; i < USAGE_PEAK_COUNT; i++)
        operations += hour->peaks[i] != 0 ? 1U : 0U;
    redis_batch_add_number(batch, operations);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        if (hour->counts[i] != 0)
            add_operation(batch, "+", usage_field_names[i], hour->counts[i]);
    for (size_t i = 0; i < USAGE_PEAK_COUNT; i++)
        if (hour->peaks[i] != 0)
            add_operation(batch, ">", usage_peak_names[i], hour->peaks[i]);
    add_operation(batch, "<", REDIS_FIELD_FIRST, hour->first_us);
    add_operation(batch, ">", REDIS_FIELD_LAST, hour->last_us);
    if (hour->last_legacy_us != 0)
        add_operation(batch, ">", REDIS_FIELD_LAST_LEGACY, hour->last_legacy_us);
}

static void add_unit_keys(const struct publication *publication, struct redis_batch *batch,
                          uint32_t day) {
    const struct usage_bucket *hours = publication->hours;
    const char *domain = hours[0].domain;
    redis_batch_add_text(batch, redis_key_day(domain, publication->sensor, day).text);
    redis_batch_add_text(batch, redis_key_buckets(domain).text);
    redis_batch_add_text(batch, redis_key_clients(domain, 0, day).text);
    redis_batch_add_text(batch, redis_key_clients(domain, 1, day).text);
    redis_batch_add_text(batch, redis_key_legacy(domain).text);
    redis_batch_add_text(batch, redis_key_legacy_clients(domain).text);
    for (size_t i = 0; i < publication->hour_count; i++)
        redis_batch_add_text(batch,
                             redis_key_hour(domain, publication->sensor, hours[i].hour).text);
}

static void note_unit(struct publication *publication, const char *domain, uint32_t day,
                      const char *key) {
    struct note *note = &publication->notes[publication->note_count++];
    (void)snprintf(note->domain, sizeof note->domain, "%s", domain);
    note->day = day;
    note->ticket = redis_servers_ticket(publication->servers, key);
}

/* The gathered hours of one domain and day. */
static void add_unit(struct publication *publication) {
    const struct usage_bucket *hours = publication->hours;
    size_t count = publication->hour_count;
    if (count == 0 || publication->status != 0)
        return;
    const char *domain = hours[0].domain;
    uint32_t day = redis_day_of_hours(hours[0].hour);
    struct redis_key applied = redis_key_applied(domain, publication->sensor, day);
    struct redis_batch *batch =
        redis_servers_begin_script(publication->servers, applied.text, SCRIPT_USAGE, 7 + count);
    add_unit_keys(publication, batch, day);
    redis_batch_add_text(batch, publication->source);
    redis_batch_add_number(batch, publication->number);
    redis_batch_add_number(batch, REDIS_HOUR_TTL_S);
    redis_batch_add_number(batch, REDIS_DAY_TTL_S);
    redis_batch_add_text(batch, redis_member_of(day, publication->sensor).text);
    redis_batch_add_number(batch, day);
    redis_batch_add_number(batch, REDIS_MAX_BUCKETS);
    redis_batch_add_text(batch, hours[0].application);
    redis_batch_add_number(batch, REDIS_MAX_LEGACY_CLIENTS);
    add_clients(publication, batch, domain, day);
    for (size_t i = 0; i < count; i++)
        add_hour(batch, &hours[i]);
    redis_batch_end(batch);
    if (strcmp(domain, USAGE_DOMAIN_ALL) != 0) { /* which is no domain of any list */
        note_unit(publication, domain, day, applied.text);
        publication_raise_score(publication, REDIS_KEY_DOMAINS, hours[count - 1].last_us, domain);
    }
    publication_flush_when_full(publication);
}

static void visit_bucket(void *context, const struct usage_bucket *bucket) {
    struct publication *publication = context;
    const struct usage_bucket *first = &publication->hours[0];
    if (publication->hour_count > 0 &&
        (first->hour / HOURS_PER_DAY != bucket->hour / HOURS_PER_DAY ||
         strcmp(first->domain, bucket->domain) != 0)) {
        add_unit(publication);
        publication->hour_count = 0;
    }
    publication->hours[publication->hour_count++] = *bucket;
}

void publication_add_usage(struct publication *publication, const struct usage *usage) {
    publication->usage = usage;
    publication->hour_count = 0;
    usage_each(usage, visit_bucket, publication);
    add_unit(publication);
    publication->hour_count = 0;
    publication->usage = NULL;
}
