/* publisher_batches.c - see publisher_batches.h. */
#include "publisher_batches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_BYTES = JOURNAL_MAX_RECORD, TEXTS_BYTES = BATCH_EVENTS * JOURNAL_EVENT_MAX };

/* The state behind the batches that are frozen: the last one's source goes on. */
static void recover(struct batch_reader *reader) {
    struct journal_batch_range range = journal_batches(reader->journal);
    reader->next = range.acknowledged;
    reader->live_number = journal_live_number(reader->journal);
    if (range.end == 0)
        return;
    journal_batch_get(reader->journal, range.end - 1, &reader->last);
    reader->position = reader->last.to;
    if (reader->last.is_end)
        reader->last.source[0] = '\0';
}

bool batch_reader_init(struct batch_reader *reader, struct journal *journal) {
    *reader = (struct batch_reader){.journal = journal};
    reader->scratch = malloc(SCRATCH_BYTES);
    reader->texts = malloc(TEXTS_BYTES);
    recover(reader);
    return reader->scratch != NULL && reader->texts != NULL;
}

void batch_reader_deinit(struct batch_reader *reader) {
    free(reader->scratch);
    free(reader->texts);
}

uint64_t batch_reader_rewind(struct batch_reader *reader) {
    struct journal_batch_range range = journal_batches(reader->journal);
    uint64_t tail = journal_tail(reader->journal);
    struct journal_batch batch;
    uint64_t first = range.first;
    for (; first < range.acknowledged; first++) {
        journal_batch_get(reader->journal, first, &batch);
        if (batch.from >= tail)
            break;
    }
    reader->next = first;
    return range.acknowledged - first;
}

/* What is gathered for a new batch. */
struct gathered {
    uint64_t from;
    uint64_t events;
    uint64_t records;
};

static void begin_source(struct batch_reader *reader, struct span payload) {
    struct journal_source source;
    memset(&reader->last, 0, sizeof reader->last);
    if (!journal_unpack_source(payload, &source))
        return;
    reader->last.is_live = source.is_live;
    reader->last.number = source.is_live ? reader->live_number : 0;
    memcpy(reader->last.source, source.id, sizeof source.id);
}

static void freeze(struct batch_reader *reader, const struct gathered *gathered, uint64_t to,
                   bool is_end) {
    struct journal_batch batch = reader->last;
    batch.from = gathered->from;
    batch.to = to;
    batch.number++;
    batch.is_end = is_end;
    journal_batch_freeze(reader->journal, &batch);
    reader->last = batch;
    reader->position = to;
    if (batch.is_live)
        reader->live_number = batch.number;
    if (is_end)
        reader->last.source[0] = '\0';
}

static bool is_end_of_source(struct span payload) {
    struct journal_stats stats;
    return journal_unpack_stats(payload, &stats) && stats.is_end;
}

/* One record for the new batch. True when the batch ends behind it and is frozen. */
static bool gather(struct batch_reader *reader, struct gathered *gathered,
                   const struct journal_record *record) {
    if (reader->last.source[0] == '\0') { /* of no source, or the rest of a broken one */
        *gathered = (struct gathered){.from = record->next};
        return false;
    }
    bool is_event = record->kind == JOURNAL_EVENT;
    bool is_end = record->kind == JOURNAL_STATS && is_end_of_source(record->payload);
    gathered->records++;
    gathered->events += is_event ? 1 : 0;
    if (!is_end && gathered->events < BATCH_EVENTS)
        return false;
    freeze(reader, gathered, record->next, is_end);
    return true;
}

/* Some of what is to come was dropped. A capture with a hole would make other batches. */
static void skip_hole(struct batch_reader *reader, struct gathered *gathered, uint64_t *at) {
    uint64_t tail = journal_tail(reader->journal);
    *at = tail > *at ? tail : journal_head(reader->journal);
    *gathered = (struct gathered){.from = *at};
    if (!reader->last.is_live)
        reader->last.source[0] = '\0';
}

/* Reads on until a batch is full. */
static bool make_batch(struct batch_reader *reader, bool force) {
    struct gathered gathered = {.from = reader->position};
    struct journal_record record;
    uint64_t at = reader->position;
    for (;;) {
        int status = journal_read(reader->journal, at, reader->scratch, SCRATCH_BYTES, &record);
        if (status == 0)
            break;
        if (status != 1) {
            skip_hole(reader, &gathered, &at);
            continue;
        }
        if (record.kind != JOURNAL_SOURCE) {
            if (gather(reader, &gathered, &record))
                return true;
        } else if (gathered.records > 0 && reader->last.is_live) {
            freeze(reader, &gathered, record.position, false);
            return true;
        } else {
            begin_source(reader, record.payload);
            gathered = (struct gathered){.from = record.position};
        }
        at = record.next;
        if (gathered.records == 0) { /* what is before it is in no batch */
            reader->position = gathered.from;
            journal_pass_over(reader->journal, gathered.from);
        }
    }
    if (gathered.records == 0 || (!reader->last.is_live && !force))
        return false;
    freeze(reader, &gathered, at, false);
    return true;
}

bool batch_reader_get(struct batch_reader *reader, bool force, struct journal_batch *batch) {
    struct journal_batch_range range = journal_batches(reader->journal);
    if (reader->next == range.end && !make_batch(reader, force))
        return false;
    journal_batch_get(reader->journal, reader->next, batch);
    return true;
}

void batch_reader_done(struct batch_reader *reader) {
    reader->next++;
    journal_acknowledge(reader->journal, reader->next);
}

bool batch_reader_add_up(struct batch_reader *reader, const struct journal_batch *batch,
                         struct usage *usage) {
    struct journal_record record;
    size_t used = 0;
    reader->oldest_us = 0;
    usage_forget(usage);
    for (uint64_t at = batch->from; at < batch->to; at = record.next) {
        int status =
            journal_read(reader->journal, at, reader->texts + used, TEXTS_BYTES - used, &record);
        bool is_other = status == -EMSGSIZE && record.kind != JOURNAL_EVENT;
        if (status != 1 && !is_other)
            return false;
        struct usage_event event;
        if (record.kind == JOURNAL_EVENT && journal_unpack_event(record.payload, &event)) {
            const struct usage_event of_all = usage_event_of_all(&event);
            usage_add(usage, &event);
            usage_add(usage, &of_all);
            if (reader->oldest_us == 0)
                reader->oldest_us = event.started_us;
            used += record.payload.size;
        }
    }
    return true;
}

void batch_reader_each(struct batch_reader *reader, const struct journal_batch *batch,
                       void (*visit)(void *context, const struct journal_record *record),
                       void *context) {
    struct journal_record record;
    uint64_t at = batch->from;
    while (at < batch->to) {
        int status = journal_read(reader->journal, at, reader->scratch, SCRATCH_BYTES, &record);
        if (status == -ESTALE) {
            at = journal_tail(reader->journal); /* it is past `at` */
            continue;
        }
        if (status != 1 || record.position >= batch->to)
            return;
        visit(context, &record);
        at = record.next;
    }
}

static void count_rest(void *context, const struct journal_record *record) {
    struct batch_rest *rest = context;
    rest->events += record->kind == JOURNAL_EVENT ? 1 : 0;
    rest->alerts += record->kind == JOURNAL_ALERT ? 1 : 0;
}

struct batch_rest batch_reader_rest(struct batch_reader *reader) {
    struct batch_rest rest = {0};
    struct journal_batch_range range = journal_batches(reader->journal);
    struct journal_batch all = {.from = reader->position, .to = journal_head(reader->journal)};
    if (range.acknowledged < range.end) {
        struct journal_batch first;
        journal_batch_get(reader->journal, range.acknowledged, &first);
        all.from = first.from;
    }
    batch_reader_each(reader, &all, count_rest, &rest);
    return rest;
}
