/*
 * publisher.c - the publisher's thread: takes batch after batch out of the journal and sends it.
 *
 * One step connects if need be, takes the next batch, sends it, and tells the journal. Whatever
 * fails, the connection is given up and the step is done again after a while, each time a longer
 * one. At a new connection the servers are asked who they are: when they are not those that the
 * journal knows (a restart without all of the data, a fail-over to a replica that lagged),
 * everything that the journal keeps is sent again, in order.
 */
#define _POSIX_C_SOURCE 200809L

#include "publisher_state.h"

#include "log.h"
#include "redis_scripts.h"
#include "shared_history.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    POLL_MS = 100, /* a replay's next batch */
    FIRST_BACKOFF_MS = 100,
    MAX_BACKOFF_MS = 10000,
    STOPPING_BACKOFF_MS = 500,
    CYCLE_MS = 1000,
    HEALTH_MS = 5000,
    /* One batch's, with room to spare: no client of it is ever left out. */
    USAGE_ROWS = 2 * BATCH_EVENTS,
    LIMIT_DEFAULT = 100000,
    JOURNAL_DEFAULT = 64 << 20,
};

int64_t publisher_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t wall_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

void publisher_default_config(struct publisher_config *config) {
    *config = (struct publisher_config){
        .sensor = "downgrd",
        .journal_bytes = JOURNAL_DEFAULT,
        .timeout_ms = 3000,
        .patience_ms = 5000,
        .flush_ms = 1000,
        .alerts_maxlen = LIMIT_DEFAULT,
        .domains = LIMIT_DEFAULT,
    };
}

/* ---- waiting ---- */

/* Until the time is over, or the publisher is told to stop. */
static void wait_ms(struct publisher *publisher, int64_t pause_ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(pause_ms / 1000);
    until.tv_nsec += (long)(pause_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&publisher->mutex);
    bool was_stopping = publisher->is_stopping;
    while (publisher->is_stopping == was_stopping &&
           pthread_cond_timedwait(&publisher->wake, &publisher->mutex, &until) == 0)
        continue;
    (void)pthread_mutex_unlock(&publisher->mutex);
}

/* Longer each time, and never the same for two sensors that lost the same Redis. */
static int64_t next_backoff_ms(struct publisher *publisher) {
    uint32_t random = 0;
    uint32_t most = publisher->is_stopping ? STOPPING_BACKOFF_MS : MAX_BACKOFF_MS;
    uint32_t pause_ms = publisher->backoff_ms;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = 0;
    if (pause_ms > most)
        pause_ms = most;
    publisher->backoff_ms = pause_ms < MAX_BACKOFF_MS / 2 ? 2 * pause_ms : MAX_BACKOFF_MS;
    return pause_ms / 2 + random % (pause_ms / 2 + 1);
}

/* ---- connecting ---- */

/* The address with the identity: of another address nothing is sent again. */
static void name_servers(const struct publisher *publisher, char name[JOURNAL_SERVER_SIZE]) {
    (void)snprintf(name, JOURNAL_SERVER_SIZE, "%s|%s", redis_servers_address(publisher->servers),
                   redis_servers_identity(publisher->servers));
}

static bool is_same_address(const char *known, const char *name) {
    size_t size = strcspn(name, "|");
    return strcspn(known, "|") == size && memcmp(known, name, size) == 0;
}

static void meet_servers(struct publisher *publisher) {
    char name[JOURNAL_SERVER_SIZE];
    const char *known = journal_server(publisher->journal);
    name_servers(publisher, name);
    bool is_known = strcmp(known, name) == 0 && redis_servers_identity(publisher->servers)[0];
    if (is_known && !publisher->is_restoring)
        return;
    if (is_same_address(known, name)) {
        uint64_t again = batch_reader_rewind(&publisher->reader);
        atomic_fetch_add(&publisher->restored, again);
        publisher->is_restoring = again > 0;
        if (again > 0)
            log_write(LOG_LEVEL_NOTICE, "redis-restored",
                      "%s: it was restarted or replaced since the last time; %" PRIu64
                      " batches are sent again, and what it still has is not counted twice",
                      redis_servers_address(publisher->servers), again);
    }
    if (!publisher->is_restoring)
        journal_set_server(publisher->journal, name);
}

static int connect_servers(struct publisher *publisher) {
    if (redis_servers_are_up(publisher->servers))
        return 0;
    int status = redis_servers_connect(publisher->servers);
    if (status != 0)
        return status;
    atomic_store(&publisher->is_connected, true);
    meet_servers(publisher);
    return 0;
}

/* ---- one batch ---- */

struct record_walk {
    struct publisher *publisher;
    const struct journal_batch *batch;
    bool is_whole; /* its events are sent */
    uint64_t events_lost;
};

static void send_record(void *context, const struct journal_record *record) {
    struct record_walk *walk = context;
    struct publication *publication = &walk->publisher->publication;
    struct journal_alert alert;
    struct journal_stats stats;
    if (record->kind == JOURNAL_ALERT && journal_unpack_alert(record->payload, &alert))
        publication_add_alert(publication, &alert);
    else if (record->kind == JOURNAL_STATS && journal_unpack_stats(record->payload, &stats))
        publication_add_stats(publication, &stats,
                              walk->batch->is_live ? record->position : walk->batch->number);
    else if (record->kind == JOURNAL_EVENT && !walk->is_whole)
        walk->events_lost++;
}

static void note_progress(void *context) {
    struct publisher *publisher = context;
    atomic_store(&publisher->progress_ms, publisher_now_ms());
}

static void note_refusals(struct publisher *publisher) {
    const struct publication *publication = &publisher->publication;
    if (publication->refused == 0)
        return;
    if (atomic_fetch_add(&publisher->refused, publication->refused) == 0) {
        log_write(LOG_LEVEL_ERROR, "redis-refused", "%s", publication->refusal);
        publisher->status = publication->refusal_status;
    }
}

/* 1 when a batch was published, 0 when there is none, or -errno. */
static int publish_next(struct publisher *publisher) {
    struct publication *publication = &publisher->publication;
    struct batch_reader *reader = &publisher->reader;
    struct journal_batch batch;
    if (!batch_reader_get(reader, atomic_load(&publisher->wants_room), &batch))
        return 0;
    bool is_again = reader->next < journal_batches(publisher->journal).acknowledged;
    struct record_walk walk = {.publisher = publisher, .batch = &batch};
    publication_begin(publication, batch.source, batch.number);
    walk.is_whole = batch_reader_add_up(reader, &batch, publisher->usage);
    if (walk.is_whole && batch.is_live)
        atomic_store(&publisher->lag_since_us, reader->oldest_us);
    batch_reader_each(reader, &batch, send_record, &walk);
    if (walk.is_whole)
        publication_add_usage(publication, publisher->usage);
    int status = publication_end(publication);
    if (status != 0)
        return status;
    if (!walk.is_whole && !is_again)
        journal_add_dropped(publisher->journal, walk.events_lost);
    note_refusals(publisher);
    batch_reader_done(reader);
    atomic_fetch_add(&publisher->batches, 1);
    return 1;
}

/* ---- the sensor's own health ---- */

static void note_failure(struct publisher *publisher, int status) {
    const char *message = redis_servers_message(publisher->servers);
    (void)snprintf(publisher->message, sizeof publisher->message, "%s", message);
    redis_servers_disconnect(publisher->servers);
    if (atomic_exchange(&publisher->is_connected, false))
        atomic_fetch_add(&publisher->reconnects, 1);
    if (status == -ESTALE) /* slots have moved to another node: nothing failed */
        return;
    if (!publisher->has_complained && publisher->config.is_live)
        log_write(LOG_LEVEL_ERROR, "redis-away", "%s; what is judged waits in the journal",
                  message);
    publisher->has_complained = true;
}

static uint64_t shared_lost(const struct shared_history *shared) {
    if (shared == NULL)
        return 0;
    return shared_history_lost(shared, SHARED_OUT) + shared_history_lost(shared, SHARED_IN);
}

static void send_health(struct publisher *publisher) {
    struct publisher_health health;
    struct redis_servers *servers = publisher->servers;
    struct redis_key key = redis_key_health(publisher->config.sensor);
    publisher_health(publisher, &health);
    const struct {
        const char *field;
        uint64_t value;
    } fields[] = {
        {"alive", wall_us()},
        {"lag_us", health.lag_us},
        {"journal_size", health.journal_size},
        {"journal_bytes", health.journal_used},
        {"journal_unpublished", health.journal_unpublished},
        {"journal_dropped_ever", health.dropped},
        {"reconnects", health.reconnects},
        {"restored", health.restored},
        {"refused", health.refused},
        {"shared_lost", shared_lost(publisher->config.shared)},
    };
    struct redis_batch *batch = redis_servers_batch(servers, key.text);
    redis_batch_begin(batch, "HSET");
    redis_batch_add_text(batch, key.text);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        redis_batch_add_text(batch, fields[i].field);
        redis_batch_add_number(batch, fields[i].value);
    }
    redis_batch_end(batch);
    publication_expire(&publisher->publication, key.text, REDIS_DAY_TTL_S);
    publication_raise_score(&publisher->publication, REDIS_KEY_SENSORS, wall_us(),
                            publisher->config.sensor);
    int status = redis_servers_exchange(servers);
    if (status != 0)
        note_failure(publisher, status);
    redis_servers_clear(servers);
}

static void housekeep(struct publisher *publisher) {
    int64_t now_ms = publisher_now_ms();
    if (publisher->config.cycle != NULL && now_ms >= publisher->next_cycle_ms) {
        publisher->next_cycle_ms = now_ms + CYCLE_MS;
        publisher->config.cycle(publisher->config.cycle_context);
    }
    if (publisher->config.is_live && now_ms >= publisher->next_health_ms &&
        redis_servers_are_up(publisher->servers)) {
        publisher->next_health_ms = now_ms + HEALTH_MS;
        send_health(publisher);
    }
}

/* ---- the thread ---- */

static void note_success(struct publisher *publisher) {
    if (publisher->has_complained && publisher->config.is_live)
        log_write(LOG_LEVEL_NOTICE, "redis-back", "%s: publishing again",
                  redis_servers_address(publisher->servers));
    publisher->has_complained = false;
    publisher->backoff_ms = FIRST_BACKOFF_MS;
}

static int step(struct publisher *publisher) {
    int status = connect_servers(publisher);
    if (status == 0)
        status = publish_next(publisher);
    if (status < 0) {
        note_failure(publisher, status);
        return status;
    }
    note_success(publisher);
    struct journal_batch_range range = journal_batches(publisher->journal);
    if (publisher->is_restoring && publisher->reader.next >= range.acknowledged) {
        char name[JOURNAL_SERVER_SIZE];
        publisher->is_restoring = false;
        name_servers(publisher, name);
        journal_set_server(publisher->journal, name);
    }
    if (status == 0)
        atomic_store(&publisher->lag_since_us, 0);
    return status;
}

/* A failure that no waiting mends. */
static bool is_lasting(int status) {
    return status == -EACCES || status == -EINVAL || status == -ENOSYS;
}

static bool is_time_over(const struct publisher *publisher, int status) {
    int64_t now_ms = publisher_now_ms();
    int64_t since_ms =
        publisher->progress_ms > publisher->stop_ms ? publisher->progress_ms : publisher->stop_ms;
    return is_lasting(status) || now_ms - since_ms >= publisher->config.patience_ms ||
           (publisher->deadline_ms != 0 && now_ms >= publisher->deadline_ms);
}

static void end_early(struct publisher *publisher, int status) {
    publisher->status = status < 0 ? status : -ETIMEDOUT;
    if (status > 0)
        (void)snprintf(publisher->message, sizeof publisher->message,
                       "%s: there was no time to publish all",
                       redis_servers_address(publisher->servers));
}

static void *run(void *context) {
    struct publisher *publisher = context;
    for (;;) {
        bool is_stopping = atomic_load(&publisher->is_stopping);
        int status = step(publisher);
        housekeep(publisher);
        if (is_stopping && (status == 0 || is_time_over(publisher, status))) {
            if (status != 0)
                end_early(publisher, status);
            else if (publisher->config.is_live)
                send_health(publisher);
            break;
        }
        if (status < 0)
            wait_ms(publisher, next_backoff_ms(publisher));
        else if (status == 0)
            wait_ms(publisher, publisher->config.is_live ? publisher->config.flush_ms : POLL_MS);
    }
    if (publisher->config.cycle != NULL)
        publisher->config.cycle(publisher->config.cycle_context);
    return NULL;
}

/* Signals are the main thread's. */
int publisher_start(struct publisher *publisher) {
    sigset_t all;
    sigset_t before;
    if (publisher == NULL)
        return 0;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&publisher->thread, NULL, run, publisher);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    publisher->has_thread = error == 0;
    if (error != 0)
        log_write(LOG_LEVEL_ERROR, "redis", "no thread to publish with: %s", strerror(error));
    return -error;
}

/* ---- from outside ---- */

const struct sink *publisher_sink(struct publisher *publisher) {
    return &publisher->sink;
}

void publisher_health(struct publisher *publisher, struct publisher_health *health) {
    struct journal_fill fill = journal_fill(publisher->journal);
    uint64_t since_us = atomic_load(&publisher->lag_since_us);
    uint64_t now_us = wall_us();
    *health = (struct publisher_health){
        .is_connected = atomic_load(&publisher->is_connected),
        .journal_size = fill.bytes,
        .journal_used = fill.unpublished,
        .journal_unpublished = fill.waiting,
        .dropped = fill.dropped,
        .lag_us = since_us != 0 && now_us > since_us ? now_us - since_us : 0,
        .batches = atomic_load(&publisher->batches),
        .reconnects = atomic_load(&publisher->reconnects),
        .restored = atomic_load(&publisher->restored),
        .refused = atomic_load(&publisher->refused),
    };
}

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static void publisher_free(struct publisher *publisher) {
    (void)pthread_mutex_destroy(&publisher->mutex);
    (void)pthread_cond_destroy(&publisher->wake);
    intake_deinit(&publisher->intake);
    batch_reader_deinit(&publisher->reader);
    redis_servers_delete(publisher->servers);
    usage_delete(publisher->usage);
    journal_close(publisher->journal);
    free(publisher);
}

static int open_parts(struct publisher *publisher, char message[JOURNAL_MESSAGE_SIZE]) {
    const struct publisher_config *config = &publisher->config;
    char dir[512];
    char url_error[REDIS_URL_ERROR_SIZE];
    publisher->servers =
        redis_servers_new(config->url, config->timeout_ms, redis_scripts, SCRIPT_COUNT, url_error);
    if (publisher->servers == NULL) {
        (void)snprintf(message, JOURNAL_MESSAGE_SIZE, "--redis: %s", url_error);
        return -EINVAL;
    }
    if (config->state_dir == NULL && !journal_default_dir(dir, sizeof dir)) {
        (void)snprintf(message, JOURNAL_MESSAGE_SIZE,
                       "no directory for the journal: name one with --state DIR");
        return -ENOENT;
    }
    publisher->journal = journal_open(config->state_dir != NULL ? config->state_dir : dir,
                                      config->sensor, config->journal_bytes, message);
    if (publisher->journal == NULL)
        return -EIO;
    if (message[0] != '\0')
        log_write(LOG_LEVEL_WARNING, "journal", "%s", message);
    publisher->usage = usage_new(USAGE_ROWS);
    (void)snprintf(message, JOURNAL_MESSAGE_SIZE, "Redis: out of memory");
    bool is_good = intake_init(&publisher->intake, config, publisher->journal) &&
                   batch_reader_init(&publisher->reader, publisher->journal) &&
                   publisher->usage != NULL;
    return is_good ? 0 : -ENOMEM;
}

static void init_shared(struct publisher *publisher) {
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&publisher->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&publisher->mutex, NULL);
}

struct publisher *publisher_new(const struct publisher_config *config, char **error) {
    char message[JOURNAL_MESSAGE_SIZE] = "out of memory";
    struct publisher *publisher = calloc(1, sizeof *publisher);
    *error = NULL;
    if (publisher == NULL)
        return NULL;
    publisher->config = *config;
    publisher->backoff_ms = FIRST_BACKOFF_MS;
    publisher->sink = publisher_make_sink(publisher);
    init_shared(publisher);
    int status = open_parts(publisher, message);
    publisher->publication = (struct publication){.servers = publisher->servers,
                                                  .sensor = config->sensor,
                                                  .alerts_maxlen = config->alerts_maxlen,
                                                  .on_progress = note_progress,
                                                  .context = publisher};
    if (status == 0)
        return publisher;
    *error = copy_text(message);
    publisher_free(publisher);
    return NULL;
}

static void report(struct publisher *publisher) {
    struct batch_rest rest = batch_reader_rest(&publisher->reader);
    uint64_t refused = atomic_load(&publisher->refused);
    if (publisher->status != 0 && refused == 0)
        log_write(LOG_LEVEL_ERROR, "redis-end", "%s", publisher->message);
    if (rest.events + rest.alerts > 0 || publisher->intake.has_failed)
        log_write(LOG_LEVEL_ERROR, "redis-end",
                  "not published: %" PRIu64 " handshakes and %" PRIu64
                  " alerts; the journal keeps them, and the next run of sensor %s publishes "
                  "them",
                  rest.events, rest.alerts, publisher->config.sensor);
    if (publisher->intake.has_failed)
        log_write(LOG_LEVEL_ERROR, "redis-end",
                  "the journal was full while Redis took nothing: the rest of %s was "
                  "not kept; replay it again to complete it, nothing is counted twice",
                  publisher->intake.source_name);
    if (refused > 0)
        log_write(LOG_LEVEL_ERROR, "redis-end",
                  "Redis refused %" PRIu64 " commands, the rest is published; replay "
                  "again when the cause is gone: nothing is counted twice",
                  refused);
}

static int stop_thread(struct publisher *publisher, uint32_t deadline_ms) {
    int64_t now_ms = publisher_now_ms();
    (void)pthread_mutex_lock(&publisher->mutex);
    publisher->stop_ms = now_ms;
    publisher->deadline_ms = deadline_ms != 0 ? now_ms + deadline_ms : 0;
    publisher->is_stopping = true;
    (void)pthread_cond_signal(&publisher->wake);
    (void)pthread_mutex_unlock(&publisher->mutex);
    (void)pthread_join(publisher->thread, NULL);
    int status = publisher->status;
    if (status == 0 && publisher->intake.has_failed)
        status = -ENOSPC;
    if (status != 0)
        report(publisher);
    return status;
}

int publisher_stop(struct publisher *publisher, uint32_t deadline_ms) {
    int status = 0;
    if (publisher == NULL)
        return 0;
    if (publisher->has_thread)
        status = stop_thread(publisher, deadline_ms);
    publisher_free(publisher);
    return status;
}
