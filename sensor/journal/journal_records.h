/*
 * journal_records.h - what is written into a journal: the payloads of its records.
 *
 * Packing goes into the caller's buffer and fails (an empty span) when that is too small. Unpacking
 * borrows from the payload, and believes nothing: a payload that does not fit is refused.
 */
#ifndef DOWNGRD_JOURNAL_RECORDS_H
#define DOWNGRD_JOURNAL_RECORDS_H

#include "journal.h"
#include "usage.h"

/* A source begins: what comes is of it. When the one before has not ended, the process was killed:
 * a capture is repeated from its begin then. */
struct journal_source {
    bool is_live;
    char id[JOURNAL_ID_SIZE];
};

/* The fields of an alert's entry in the stream, in this order. */
enum journal_alert_field {
    JOURNAL_ALERT_KIND,
    JOURNAL_ALERT_CLASS,
    JOURNAL_ALERT_SEVERITY,
    JOURNAL_ALERT_CONFIDENCE,
    JOURNAL_ALERT_DOMAIN,
    JOURNAL_ALERT_SENSOR,
    JOURNAL_ALERT_CLIENT,
    JOURNAL_ALERT_SERVER,
    JOURNAL_ALERT_ID,
    JOURNAL_ALERT_TIME,
    JOURNAL_ALERT_EVE,
    JOURNAL_ALERT_FIELD_COUNT,
};
extern const char *const journal_alert_names[JOURNAL_ALERT_FIELD_COUNT];

struct journal_alert {
    struct span fields[JOURNAL_ALERT_FIELD_COUNT];
};

/* What a source saw since its last record of this kind. */
struct journal_stats {
    bool is_live;
    bool is_end;
    char source[256]; /* its name, cut to fit */
    struct run_stats stats;
    uint64_t dropped;     /* by the journal */
    uint64_t alerts_lost; /* larger than a record can be */
    uint64_t sources;     /* 1 when this is the source's first */
};

enum { JOURNAL_EVENT_MAX = 512 };

struct span journal_pack_source(const struct journal_source *source, void *buffer, size_t size);
struct span journal_pack_event(const struct usage_event *event, void *buffer, size_t size);
struct span journal_pack_alert(const struct journal_alert *alert, void *buffer, size_t size);
struct span journal_pack_stats(const struct journal_stats *stats, void *buffer, size_t size);

bool journal_unpack_source(struct span payload, struct journal_source *source);
bool journal_unpack_event(struct span payload, struct usage_event *event);
bool journal_unpack_alert(struct span payload, struct journal_alert *alert);
bool journal_unpack_stats(struct span payload, struct journal_stats *stats);

#endif
