/*
 * publisher_sink.c - the judge's side of the publisher: verdicts and alerts into the journal.
 *
 * What goes in is final: the domain's name after grouping and after the cap on names, the running
 * counts of its second and minute. So whoever reads it, now or after a restart, adds up the same.
 */
#define _POSIX_C_SOURCE 200809L

#include "publisher_state.h"

#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOM_WAIT_MS = 2, DAY_HOURS = 24 };

static const uint64_t us_per_hour = UINT64_C(3600000000);

bool intake_init(struct intake *intake, const struct publisher_config *config,
                 struct journal *journal) {
    size_t slots = 1024;
    while (slots < 2 * config->domains)
        slots *= 2;
    *intake = (struct intake){
        .journal = journal,
        .meter = usage_meter_new(config->group_domains),
        .eve = eve_new("/dev/null"),
        .fingerprinter = fingerprinter_new(),
        .domains = calloc(slots, sizeof *intake->domains),
        .domain_mask = slots - 1,
        .domain_max = config->domains,
        .dropped_before = journal_fill(journal).dropped,
        .buffer = malloc(JOURNAL_MAX_RECORD),
    };
    return intake->meter && intake->eve && intake->fingerprinter && intake->domains &&
           intake->buffer;
}

void intake_deinit(struct intake *intake) {
    usage_meter_delete(intake->meter);
    if (intake->eve != NULL)
        (void)eve_finish(intake->eve);
    fingerprinter_delete(intake->fingerprinter);
    free(intake->domains);
    free(intake->buffer);
}

/* ---- the cap on names ---- */

static void forget_domains(struct intake *intake) {
    memset(intake->domains, 0, (intake->domain_mask + 1) * sizeof *intake->domains);
    intake->domain_count = 0;
}

/* Is there room for the name among those of the day? Known ones have theirs. */
static bool admit_domain(struct intake *intake, const char *domain, uint64_t time_us) {
    uint64_t day = time_us / us_per_hour / DAY_HOURS;
    if (domain[0] == '_' && strchr(domain, '.') == NULL)
        return true;
    if (day > intake->day) {
        forget_domains(intake);
        intake->day = day;
    }
    uint64_t hash = siphash(domain, strlen(domain), 3) | 1U;
    size_t slot = (size_t)(hash >> 1U) & intake->domain_mask;
    for (; intake->domains[slot] != 0; slot = (slot + 1) & intake->domain_mask)
        if (intake->domains[slot] == hash)
            return true;
    if (intake->domain_count >= intake->domain_max)
        return false;
    intake->domains[slot] = hash;
    intake->domain_count++;
    return true;
}

/* ---- writing ---- */

static void nap(void) {
    const struct timespec pause = {0, ROOM_WAIT_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* A replay waits while there is progress. */
static void append(struct publisher *publisher, enum journal_kind kind, struct span payload) {
    struct intake *intake = &publisher->intake;
    if (intake->has_failed || payload.data == NULL)
        return;
    bool may_drop = publisher->config.is_live;
    int64_t begun_ms = 0;
    while (journal_append(intake->journal, kind, payload, may_drop) == -ENOSPC) {
        int64_t now_ms = publisher_now_ms();
        int64_t progress_ms = atomic_load(&publisher->progress_ms);
        if (begun_ms == 0)
            begun_ms = now_ms;
        atomic_store(&publisher->wants_room, true);
        if (now_ms - (progress_ms > begun_ms ? progress_ms : begun_ms) >
            publisher->config.patience_ms) {
            intake->has_failed = true;
            break;
        }
        nap();
    }
    atomic_store(&publisher->wants_room, false);
}

static void take_handshake(void *context, const struct verdict *verdict) {
    struct publisher *publisher = context;
    struct intake *intake = &publisher->intake;
    struct usage_event event;
    struct fingerprints fingerprints;
    if (!intake->is_open || verdict->is_seen_elsewhere)
        return;
    const char *domain = usage_meter_domain(intake->meter, verdict);
    if (!admit_domain(intake, domain, verdict->handshake->started_us))
        domain = "_other";
    usage_meter_read(intake->meter, verdict, domain, &event);
    if (verdict->is_legacy) {
        fingerprints_of(intake->fingerprinter, verdict->handshake, &fingerprints);
        if (fingerprints.has_ja4)
            event.ja4 = fingerprints.ja4;
    }
    append(publisher, JOURNAL_EVENT,
           journal_pack_event(&event, intake->buffer, JOURNAL_MAX_RECORD));
}

static struct span text_span(const char *text) {
    return (struct span){(const uint8_t *)text, strlen(text)};
}

enum { ENDPOINT_SIZE = IP_ADDRESS_TEXT_SIZE + 8 };

static struct span endpoint_text(const struct endpoint *endpoint, unsigned ip_version,
                                 char text[ENDPOINT_SIZE]) {
    char address[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&endpoint->address, ip_version, address);
    (void)snprintf(text, ENDPOINT_SIZE, "%s %u", address, (unsigned)endpoint->port);
    return text_span(text);
}

static void take_alert(void *context, const struct alert *alert) {
    struct publisher *publisher = context;
    struct intake *intake = &publisher->intake;
    const struct handshake *handshake = alert->verdict->handshake;
    char severity[16];
    char time[32];
    char client[ENDPOINT_SIZE];
    char server[ENDPOINT_SIZE];
    size_t size = 0;
    if (!intake->is_open)
        return;
    const char *line = eve_format_alert(intake->eve, alert, &size);
    (void)snprintf(severity, sizeof severity, "%d", (int)alert->severity);
    (void)snprintf(time, sizeof time, "%llu", (unsigned long long)handshake->started_us);
    const struct journal_alert record = {
        .fields = {
            [JOURNAL_ALERT_KIND] = text_span(alert->rule->kind),
            [JOURNAL_ALERT_CLASS] = text_span(rule_class_name(alert->rule->rule_class)),
            [JOURNAL_ALERT_SEVERITY] = text_span(severity),
            [JOURNAL_ALERT_CONFIDENCE] =
                text_span(rule_confidence_name(alert->finding->confidence)),
            [JOURNAL_ALERT_DOMAIN] = text_span(alert->verdict->domain.name),
            [JOURNAL_ALERT_SENSOR] = text_span(publisher->config.sensor),
            [JOURNAL_ALERT_CLIENT] =
                endpoint_text(&handshake->client, handshake->ip_version, client),
            [JOURNAL_ALERT_SERVER] =
                endpoint_text(&handshake->server, handshake->ip_version, server),
            [JOURNAL_ALERT_ID] = text_span(alert->id),
            [JOURNAL_ALERT_TIME] = text_span(time),
            [JOURNAL_ALERT_EVE] = {(const uint8_t *)line, size},
        }};
    struct span packed = journal_pack_alert(&record, intake->buffer, JOURNAL_MAX_RECORD);
    if (line == NULL || packed.data == NULL)
        intake->alerts_lost++;
    else
        append(publisher, JOURNAL_ALERT, packed);
}

/* ---- sources ---- */

static void write_stats(struct publisher *publisher, const struct run_stats *stats, bool is_end) {
    struct intake *intake = &publisher->intake;
    uint64_t dropped = journal_fill(intake->journal).dropped;
    struct journal_stats record;
    memset(&record, 0, sizeof record);
    record.is_live = intake->is_live;
    record.is_end = is_end && !intake->is_live;
    record.stats = *stats;
    record.dropped = dropped - intake->dropped_before;
    record.alerts_lost = intake->alerts_lost;
    record.sources = intake->sources;
    (void)snprintf(record.source, sizeof record.source, "%s", intake->source_name);
    intake->dropped_before = dropped;
    intake->alerts_lost = 0;
    intake->sources = 0;
    append(publisher, JOURNAL_STATS,
           journal_pack_stats(&record, intake->buffer, JOURNAL_MAX_RECORD));
}

enum { STATS_COUNTS = sizeof(struct run_stats) / sizeof(uint64_t) };
_Static_assert(STATS_COUNTS * sizeof(uint64_t) == sizeof(struct run_stats), "all are 64 bits");

/* All counts grow; the times are the whole run's. */
static struct run_stats stats_grown(const struct run_stats *now, const struct run_stats *before) {
    uint64_t counts[STATS_COUNTS];
    uint64_t old[STATS_COUNTS];
    struct run_stats grown;
    memcpy(counts, now, sizeof counts);
    memcpy(old, before, sizeof old);
    for (size_t i = 0; i < STATS_COUNTS; i++)
        counts[i] -= old[i];
    memcpy(&grown, counts, sizeof grown);
    grown.first_us = now->first_us;
    grown.last_us = now->last_us;
    return grown;
}

void publisher_note_stats(struct publisher *publisher, const struct run_stats *stats) {
    struct intake *intake = &publisher->intake;
    if (!intake->is_open || !intake->is_live)
        return;
    struct run_stats grown = stats_grown(stats, &intake->noted);
    write_stats(publisher, &grown, false);
    intake->noted = *stats;
}

static void take_source_end(void *context, const struct source *source,
                            const struct run_stats *stats) {
    struct publisher *publisher = context;
    struct intake *intake = &publisher->intake;
    (void)source;
    if (!intake->is_open)
        return;
    if (intake->is_live)
        publisher_note_stats(publisher, stats);
    else if (stats->packets > 0)
        write_stats(publisher, stats, true);
    if (!intake->is_live)
        intake->is_open = false;
}

struct sink publisher_make_sink(struct publisher *publisher) {
    return (struct sink){.context = publisher,
                         .tells_applications = true,
                         .handshake = take_handshake,
                         .alert = take_alert,
                         .source_end = take_source_end};
}

/* The counts that a live source of an earlier process ended with go on. */
static void recall(struct intake *intake) {
    struct journal_record record;
    uint64_t at = journal_tail(intake->journal);
    while (journal_read(intake->journal, at, intake->buffer, JOURNAL_MAX_RECORD, &record) == 1) {
        struct usage_event event;
        at = record.next;
        if (record.kind != JOURNAL_EVENT || !journal_unpack_event(record.payload, &event))
            continue;
        usage_meter_recall(intake->meter, &event);
        (void)admit_domain(intake, event.domain, event.started_us);
    }
}

void publisher_begin(struct publisher *publisher, const char *name, const char *capture_id) {
    struct intake *intake = &publisher->intake;
    struct journal_source record;
    memset(&record, 0, sizeof record);
    record.is_live = capture_id == NULL;
    (void)snprintf(record.id, sizeof record.id, "%s",
                   capture_id != NULL ? capture_id : journal_id(intake->journal));
    (void)snprintf(intake->source_name, sizeof intake->source_name, "%s", name);
    intake->is_live = record.is_live;
    intake->is_open = true;
    intake->noted = (struct run_stats){0};
    intake->sources = 1;
    usage_meter_forget(intake->meter);
    forget_domains(intake);
    intake->day = 0;
    if (intake->is_live)
        recall(intake);
    append(publisher, JOURNAL_SOURCE,
           journal_pack_source(&record, intake->buffer, JOURNAL_MAX_RECORD));
}
