/*
 * journal_records.c - packs and unpacks payloads.
 *
 * The process that reads a journal may be another one than that which wrote it, but not another
 * version: the layout's number is made from the structs' sizes and the counters' names.
 */
#include "journal_records.h"

#include "journal_file.h"
#include "siphash.h"

#include <string.h>

enum { RECORDS_VERSION = 2 };

const char *const journal_alert_names[JOURNAL_ALERT_FIELD_COUNT] = {
    [JOURNAL_ALERT_KIND] = "kind",
    [JOURNAL_ALERT_CLASS] = "class",
    [JOURNAL_ALERT_SEVERITY] = "severity",
    [JOURNAL_ALERT_CONFIDENCE] = "confidence",
    [JOURNAL_ALERT_DOMAIN] = "domain",
    [JOURNAL_ALERT_SENSOR] = "sensor",
    [JOURNAL_ALERT_CLIENT] = "client",
    [JOURNAL_ALERT_SERVER] = "server",
    [JOURNAL_ALERT_ID] = "id",
    [JOURNAL_ALERT_TIME] = "time",
    [JOURNAL_ALERT_EVE] = "eve",
};

/* Behind it the three texts, each with its NUL. */
struct packed_event {
    uint64_t fields;
    uint64_t started_us;
    struct ip_address client;
    uint32_t running[USAGE_PEAK_COUNT];
    uint32_t running_of_all[USAGE_PEAK_COUNT];
    uint32_t attacks;
    uint8_t negotiated;
    uint8_t ip_version;
    uint8_t is_legacy;
    uint8_t domain_size;
    uint8_t application_size;
    uint8_t ja4_size;
};

_Static_assert(sizeof(struct packed_event) + 3 * 256 > JOURNAL_EVENT_MAX,
               "texts are bounded below");

enum { DOMAIN_MAX = DOMAIN_SIZE - 1, TEXT_MAX = 63 };

uint64_t journal_layout(void) {
    uint64_t layout = siphash("", 0, RECORDS_VERSION);
    const uint64_t sizes[] = {sizeof(struct packed_event),       sizeof(struct journal_stats),
                              sizeof(struct journal_source),     JOURNAL_ALERT_FIELD_COUNT,
                              sizeof(struct journal_batch_slot), USAGE_FIELD_COUNT};
    layout ^= siphash(sizes, sizeof sizes, 1);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        layout = siphash(usage_field_names[i], strlen(usage_field_names[i]), layout);
    return layout;
}

static struct span pack_whole(const void *record, size_t record_size, void *buffer, size_t size) {
    if (record_size > size)
        return (struct span){NULL, 0};
    memcpy(buffer, record, record_size);
    return (struct span){buffer, record_size};
}

static bool unpack_whole(struct span payload, void *record, size_t record_size) {
    if (payload.size != record_size)
        return false;
    memcpy(record, payload.data, record_size);
    return true;
}

struct span journal_pack_source(const struct journal_source *source, void *buffer, size_t size) {
    return pack_whole(source, sizeof *source, buffer, size);
}

bool journal_unpack_source(struct span payload, struct journal_source *source) {
    return unpack_whole(payload, source, sizeof *source) &&
           memchr(source->id, '\0', sizeof source->id) != NULL;
}

struct span journal_pack_stats(const struct journal_stats *stats, void *buffer, size_t size) {
    return pack_whole(stats, sizeof *stats, buffer, size);
}

bool journal_unpack_stats(struct span payload, struct journal_stats *stats) {
    return unpack_whole(payload, stats, sizeof *stats) &&
           memchr(stats->source, '\0', sizeof stats->source) != NULL;
}

static uint8_t *put_text(uint8_t *at, const char *text, size_t size) {
    memcpy(at, text, size);
    at[size] = '\0';
    return at + size + 1;
}

struct span journal_pack_event(const struct usage_event *event, void *buffer, size_t size) {
    struct packed_event packed = {
        .fields = event->fields,
        .started_us = event->started_us,
        .client = event->client,
        .attacks = event->attacks,
        .negotiated = (uint8_t)event->negotiated,
        .ip_version = event->ip_version,
        .is_legacy = event->is_legacy,
        .domain_size = (uint8_t)strnlen(event->domain, DOMAIN_MAX),
        .application_size = (uint8_t)strnlen(event->application, TEXT_MAX),
        .ja4_size = (uint8_t)strnlen(event->ja4, TEXT_MAX),
    };
    size_t whole = sizeof packed + packed.domain_size + packed.application_size + packed.ja4_size;
    if (whole + 3 > size)
        return (struct span){NULL, 0};
    memcpy(packed.running, event->running, sizeof packed.running);
    memcpy(packed.running_of_all, event->running_of_all, sizeof packed.running_of_all);
    memcpy(buffer, &packed, sizeof packed);
    uint8_t *at = (uint8_t *)buffer + sizeof packed;
    at = put_text(at, event->domain, packed.domain_size);
    at = put_text(at, event->application, packed.application_size);
    (void)put_text(at, event->ja4, packed.ja4_size);
    return (struct span){buffer, whole + 3};
}

bool journal_unpack_event(struct span payload, struct usage_event *event) {
    struct packed_event packed;
    if (payload.size < sizeof packed)
        return false;
    memcpy(&packed, payload.data, sizeof packed);
    size_t texts = (size_t)packed.domain_size + packed.application_size + packed.ja4_size + 3;
    if (payload.size != sizeof packed + texts || packed.negotiated >= TLS_RANK_COUNT)
        return false;
    const char *domain = (const char *)payload.data + sizeof packed;
    const char *application = domain + packed.domain_size + 1;
    const char *ja4 = application + packed.application_size + 1;
    if (application[-1] != '\0' || ja4[-1] != '\0' || ja4[packed.ja4_size] != '\0')
        return false;
    *event = (struct usage_event){
        .fields = packed.fields & ((UINT64_C(1) << USAGE_FIELD_COUNT) - 1),
        .attacks = packed.attacks,
        .ip_version = packed.ip_version,
        .is_legacy = packed.is_legacy != 0,
        .negotiated = (enum tls_rank)packed.negotiated,
        .client = packed.client,
        .started_us = packed.started_us,
        .domain = domain,
        .application = application,
        .ja4 = ja4,
    };
    memcpy(event->running, packed.running, sizeof packed.running);
    memcpy(event->running_of_all, packed.running_of_all, sizeof packed.running_of_all);
    return true;
}

struct span journal_pack_alert(const struct journal_alert *alert, void *buffer, size_t size) {
    uint8_t *at = buffer;
    size_t left = size;
    for (size_t i = 0; i < JOURNAL_ALERT_FIELD_COUNT; i++) {
        struct span field = alert->fields[i];
        uint32_t length = (uint32_t)field.size;
        if (field.size > JOURNAL_MAX_RECORD || left < sizeof length + field.size)
            return (struct span){NULL, 0};
        memcpy(at, &length, sizeof length);
        if (field.size > 0)
            memcpy(at + sizeof length, field.data, field.size);
        at += sizeof length + field.size;
        left -= sizeof length + field.size;
    }
    return (struct span){buffer, size - left};
}

bool journal_unpack_alert(struct span payload, struct journal_alert *alert) {
    const uint8_t *at = payload.data;
    size_t left = payload.size;
    for (size_t i = 0; i < JOURNAL_ALERT_FIELD_COUNT; i++) {
        uint32_t length = 0;
        if (left < sizeof length)
            return false;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        left -= sizeof length;
        if (length > left)
            return false;
        alert->fields[i] = (struct span){at, length};
        at += length;
        left -= length;
    }
    return left == 0;
}
