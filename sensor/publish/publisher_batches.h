/*
 * publisher_batches.h - divides the journal into batches, and hands them out in order.
 *
 * A capture's batches end at every BATCH_EVENTS handshakes and at its end, wherever and whenever it
 * is read: a replay that was killed is completed by the next one, which makes the same batches.
 * What a killed replay left behind its last full batch is passed over. A live source's batches end
 * where the reader found the journal's head; the journal keeps where that was.
 */
#ifndef DOWNGRD_PUBLISHER_BATCHES_H
#define DOWNGRD_PUBLISHER_BATCHES_H

#include "journal_records.h"

enum { BATCH_EVENTS = 4096 };

struct batch_reader {
    struct journal *journal;
    uint64_t next; /* index of the batch that comes next; the journal's `end`: a new one */
    /* Where the next new batch begins, and of which source it is. */
    uint64_t position;
    struct journal_batch last; /* the source, and the number of its last batch; source "": none */
    uint64_t live_number;
    uint64_t oldest_us; /* when the first event began that batch_reader_add_up() added */
    uint8_t *scratch;   /* one record */
    uint8_t *texts;     /* the events of one batch */
};

/* False when out of memory. */
bool batch_reader_init(struct batch_reader *reader, struct journal *journal);
void batch_reader_deinit(struct batch_reader *reader);

/* The servers may have lost what they had: all that the journal keeps comes again. Gives the number
 * of batches that come again. */
uint64_t batch_reader_rewind(struct batch_reader *reader);

/* The batch that comes next, frozen if it is new. False when there is none yet. `force` freezes a
 * capture's batch though it is not full: the writer has no room to fill it. */
bool batch_reader_get(struct batch_reader *reader, bool force, struct journal_batch *batch);
/* It is published. */
void batch_reader_done(struct batch_reader *reader);

/* Adds up the events of a batch in `usage`, which borrows texts from the reader until the next
 * call. False when some of them were overwritten: the batch cannot be sent as it was. */
bool batch_reader_add_up(struct batch_reader *reader, const struct journal_batch *batch,
                         struct usage *usage);

/* Calls visit with the other records of a batch that are still there. */
void batch_reader_each(struct batch_reader *reader, const struct journal_batch *batch,
                       void (*visit)(void *context, const struct journal_record *record),
                       void *context);

/* Events and alerts from a position to the head. */
struct batch_rest {
    uint64_t events;
    uint64_t alerts;
};
struct batch_rest batch_reader_rest(struct batch_reader *reader);

#endif
