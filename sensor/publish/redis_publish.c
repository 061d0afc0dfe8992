/*
 * redis_publish.c - the Redis sink (publish.h): gathers alerts while a source is judged, publishes
 * them and the usage table at its end.
 *
 * Order: alerts, then domain by domain its counters, clients and rankings, health last. Everything
 * is idempotent, so a publish that was cut anywhere is completed by another one of the same
 * capture:
 *   - counters and health are guarded scripts, one per domain and day (redis_scripts.h);
 *   - client sets take members, which can be there but once;
 *   - rankings are absolute: a counters script answers with the day's totals whether it applied
 *     something or not, and those are written with ZADD GT.
 * Commands go in batches of bounded size; the answers of one batch become the rankings of the next.
 *
 * Left out here: waiting for a Redis that is away. What could not be published is said; the capture
 * can be published again.
 */
#include "redis_publication.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "redis_scripts.h"

/* ---- alerts ---- */

static void add_field(struct redis_batch *batch, const char *name, const char *value) {
    redis_batch_add_text(batch, name);
    redis_batch_add_text(batch, value);
}

static void add_endpoint(struct redis_batch *batch, const char *name,
                         const struct endpoint *endpoint, unsigned ip_version) {
    char address[IP_ADDRESS_TEXT_SIZE];
    char text[IP_ADDRESS_TEXT_SIZE + 8];
    ip_address_format(&endpoint->address, ip_version, address);
    (void)snprintf(text, sizeof text, "%s %u", address, (unsigned)endpoint->port);
    add_field(batch, name, text);
}

static void gather_alert(void *context, const struct alert *alert) {
    struct redis_publisher *publisher = context;
    const struct handshake *handshake = alert->verdict->handshake;
    size_t eve_size = 0;
    const char *eve = eve_format_alert(publisher->eve, alert, &eve_size);
    struct redis_batch *batch = &publisher->alerts[publisher->alert_batch];
    if (batch->commands.size >= PUBLICATION_BYTES &&
        publisher->alert_batch + 1 < PUBLICATION_ALERT_BATCHES)
        batch = &publisher->alerts[++publisher->alert_batch];
    if (eve == NULL || batch->bad || batch->commands.size >= PUBLICATION_BYTES) {
        publisher->alerts_lost++;
        return;
    }
    char severity[16];
    (void)snprintf(severity, sizeof severity, "%d", (int)alert->severity);
    redis_link_begin_script(publisher->link, batch, SCRIPT_ALERT, 2);
    redis_batch_add_text(batch, REDIS_KEY_ALERTS);
    redis_batch_add_text(batch, REDIS_KEY_SEEN);
    redis_batch_add_text(batch, alert->id);
    redis_batch_add_number(batch, publisher->alerts_maxlen);
    redis_batch_add_number(batch, (uint64_t)publisher->alerts_maxlen * REDIS_SEEN_PER_ALERT);
    add_field(batch, "kind", alert->rule->kind);
    add_field(batch, "class", rule_class_name(alert->rule->rule_class));
    add_field(batch, "severity", severity);
    add_field(batch, "confidence", rule_confidence_name(alert->finding->confidence));
    add_field(batch, "domain", alert->verdict->domain.name);
    add_field(batch, "sensor", publisher->sensor);
    add_endpoint(batch, "client", &handshake->client, handshake->ip_version);
    add_endpoint(batch, "server", &handshake->server, handshake->ip_version);
    add_field(batch, "id", alert->id);
    redis_batch_add_text(batch, "time");
    redis_batch_add_number(batch, handshake->started_us);
    redis_batch_add_text(batch, "eve");
    redis_batch_add(batch, eve, eve_size);
    redis_batch_end(batch);
    publisher->alerts_gathered++;
}

static void forget_alerts(struct redis_publisher *publisher) {
    for (size_t i = 0; i <= publisher->alert_batch; i++)
        redis_batch_clear(&publisher->alerts[i]);
    publisher->alert_batch = 0;
    publisher->alerts_gathered = 0;
    publisher->alerts_lost = 0;
}

static void ignore_handshake(void *context, const struct verdict *verdict) {
    (void)context;
    (void)verdict;
}

static void ignore_source_end(void *context, const struct source *source,
                              const struct run_stats *stats) {
    (void)context;
    (void)source;
    (void)stats;
}

/* ---- health ---- */

static void add_stats(struct redis_batch *batch, const struct run_stats *stats,
                      uint64_t alerts_lost) {
    const struct {
        const char *field;
        uint64_t value;
    } counts[] = {
        {"packets", stats->packets},
        {"bytes", stats->bytes},
        {"packets_ignored", stats->packets_ignored},
        {"packets_malformed", stats->packets_malformed},
        {"packets_cut", stats->packets_cut},
        {"flows", stats->flows},
        {"flows_evicted", stats->flows_evicted},
        {"handshakes", stats->handshakes},
        {"half_seen", stats->half_seen},
        {"inconclusive", stats->inconclusive},
        {"hello_malformed", stats->hello_malformed},
        {"buffers_exhausted", stats->buffers_exhausted},
        {"fragments_dropped", stats->fragments_dropped},
        {"alerts", stats->alerts},
        {"alerts_folded", stats->alerts_folded},
        {"attack_alerts", stats->attack_alerts},
        {"alerts_excepted", stats->alerts_excepted},
        {"alerts_lost", alerts_lost},
        {"sources", 1},
    };
    size_t count = sizeof counts / sizeof counts[0];
    redis_batch_add_number(batch, count);
    for (size_t i = 0; i < count; i++) {
        redis_batch_add_text(batch, counts[i].field);
        redis_batch_add_number(batch, counts[i].value);
    }
}

static void send_health(struct publication *publication, const struct source *source,
                        const struct run_stats *stats) {
    struct redis_publisher *publisher = publication->publisher;
    struct redis_batch *batch = publication->batch;
    const char *sensor = publisher->sensor;
    uint32_t day = redis_day_of_us(stats->last_us);
    publication_raise_score(batch, REDIS_KEY_SENSORS, stats->last_us, sensor);
    publication_raise_score(batch, REDIS_KEY_DAYS, day, redis_member_of(day, sensor).text);
    publication_trim(batch, REDIS_KEY_DAYS, REDIS_MAX_BUCKETS);
    publication_trim(batch, REDIS_KEY_SENSORS, REDIS_MAX_SENSORS);
    publication_trim(batch, REDIS_KEY_DOMAINS, REDIS_MAX_DOMAINS);
    redis_link_begin_script(publisher->link, batch, SCRIPT_HEALTH, 3);
    publication_add_key(batch, redis_key_health_applied(sensor, day));
    publication_add_key(batch, redis_key_health_day(sensor, day));
    publication_add_key(batch, redis_key_health(sensor));
    redis_batch_add_text(batch, publication->capture_id);
    redis_batch_add_number(batch, PUBLICATION_POSITION);
    redis_batch_add_number(batch, REDIS_DAY_TTL_S);
    add_stats(batch, stats, publisher->alerts_lost);
    add_field(batch, "source", source->name);
    redis_batch_add_text(batch, REDIS_FIELD_FIRST);
    redis_batch_add_number(batch, stats->first_us);
    redis_batch_add_text(batch, REDIS_FIELD_LAST);
    redis_batch_add_number(batch, stats->last_us);
    redis_batch_end(batch);
    publication_flush(publication);
}

/* ---- the whole ---- */

static void send_alerts(struct publication *publication) {
    struct redis_publisher *publisher = publication->publisher;
    for (size_t i = 0; i <= publisher->alert_batch && publication->status == 0; i++) {
        struct redis_batch *batch = &publisher->alerts[i];
        publication->status = redis_link_exchange(publisher->link, batch);
        if (publication->status != 0)
            break;
        publication_judge_replies(publication, batch);
        for (size_t reply = 0; reply < batch->reply_count; reply++)
            if (batch->replies[reply]->type == REDIS_REPLY_INTEGER)
                publication->alerts_done++;
    }
}

static int report(const struct publication *publication, const struct source *source) {
    const struct redis_publisher *publisher = publication->publisher;
    char name[256];
    (void)redis_printable(source->name, strlen(source->name), name, sizeof name);
    if (publisher->alerts_lost > 0)
        (void)fprintf(stderr,
                      "downgrd: Redis: %" PRIu64 " alerts of %s were not kept for publishing: "
                      "more than %d MiB of them; --eve FILE takes them all\n",
                      publisher->alerts_lost, name,
                      PUBLICATION_ALERT_BATCHES * (PUBLICATION_BYTES / 1024) / 1024);
    if (publication->status == 0 && publication->refused == 0)
        return 0;
    const char *message =
        publication->status != 0 ? redis_link_message(publisher->link) : publication->refusal;
    (void)fprintf(stderr, "downgrd: %s\n", message);
    if (publication->status != 0)
        (void)fprintf(stderr,
                      "downgrd: not published of %s: %" PRIu64 " of %" PRIu64 " alerts, %" PRIu64
                      " of %" PRIu64 " counters (domain and day), health; publish the capture "
                      "again to complete it: nothing is counted twice\n",
                      name, publisher->alerts_gathered - publication->alerts_done,
                      publisher->alerts_gathered, publication->units - publication->units_done,
                      publication->units);
    else
        (void)fprintf(stderr,
                      "downgrd: Redis refused %" PRIu64 " commands of %s, the rest is published; "
                      "publish the capture again when the cause is gone: nothing is counted "
                      "twice\n",
                      publication->refused, name);
    return publication->status != 0 ? publication->status : publication->first_refusal;
}

int redis_publisher_publish(struct redis_publisher *publisher, const struct usage *usage,
                            const struct source *source, const char *capture_id,
                            const struct run_stats *stats) {
    struct publication *publication = calloc(1, sizeof *publication);
    if (publication == NULL) {
        (void)fprintf(stderr, "downgrd: Redis: out of memory; nothing was published of %s\n",
                      source->name);
        forget_alerts(publisher);
        return -ENOMEM;
    }
    publication->publisher = publisher;
    publication->batch = &publisher->batch;
    publication->usage = usage;
    publication->capture_id = capture_id;
    redis_batch_clear(&publisher->batch);
    send_alerts(publication);
    publication_send_usage(publication);
    send_health(publication, source, stats); /* behind the last rankings */
    int status = report(publication, source);
    redis_batch_clear(&publisher->batch);
    forget_alerts(publisher);
    free(publication);
    return status;
}

const struct sink *redis_publisher_sink(struct redis_publisher *publisher) {
    return &publisher->sink;
}

void redis_publisher_delete(struct redis_publisher *publisher) {
    if (publisher == NULL)
        return;
    for (size_t i = 0; i < PUBLICATION_ALERT_BATCHES; i++)
        redis_batch_deinit(&publisher->alerts[i]);
    redis_batch_deinit(&publisher->batch);
    redis_link_delete(publisher->link);
    if (publisher->eve != NULL)
        (void)eve_finish(publisher->eve);
    free(publisher->sensor);
    free(publisher);
}

/* A copy for the heap; NULL when out of memory. */
static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

struct redis_publisher *redis_publisher_new(const struct redis_config *config, char **error) {
    char url_error[REDIS_URL_ERROR_SIZE];
    char message[REDIS_MESSAGE_SIZE];
    struct redis_url url;
    *error = NULL;
    if (redis_url_parse(config->url, &url, url_error) != 0) {
        (void)snprintf(message, sizeof message, "--redis: %s", url_error);
        *error = copy_text(message);
        return NULL;
    }
    struct redis_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL)
        return NULL;
    publisher->alerts_maxlen = config->alerts_maxlen;
    publisher->sensor = copy_text(config->sensor);
    publisher->eve = eve_new("/dev/null"); /* formats alerts; writes nothing */
    publisher->sink =
        (struct sink){publisher, ignore_handshake, gather_alert, ignore_source_end, NULL};
    (void)snprintf(message, sizeof message, "Redis: out of memory");
    if (publisher->sensor != NULL && publisher->eve != NULL)
        publisher->link =
            redis_link_new(&url, config->timeout_ms, redis_scripts, SCRIPT_COUNT, message);
    memset(&url, 0, sizeof url);
    if (publisher->link == NULL) {
        *error = copy_text(message);
        redis_publisher_delete(publisher);
        return NULL;
    }
    return publisher;
}
