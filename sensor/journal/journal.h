/*
 * journal.h - what was judged and is not published yet: a ring of records in a mapped file.
 *
 * One thread writes (the judge's), one reads (the publisher's); neither waits for the other, and no
 * call of either enters the kernel. What was appended is in the kernel's page cache: kill -9 loses
 * none of it. (The machine's own death may: the file is not flushed to the disk record by record.)
 *
 * Records have a position, the bytes written before them since the journal was made. They lie from
 * `tail`, the oldest, to `head`. What was published stays until its place is needed: a Redis that
 * lost its latest seconds is given them again. When the ring is full of what is not published, the
 * oldest goes and is counted, or the writer is told that there is no room.
 *
 * Batches divide the records into what is published together. The reader freezes a batch, source,
 * number and ends, before it is sent for the first time; a later attempt, also by another process,
 * finds the same batch with the same number. So a server can tell by the number alone whether it
 * has it already.
 *
 * A file that is no journal, of another sensor or version, or whose content is not what its
 * checksums say is renamed to PATH.broken and not believed.
 */
#ifndef DOWNGRD_JOURNAL_H
#define DOWNGRD_JOURNAL_H

#include "span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_ID_SIZE = 65, /* of a source: a capture's SHA-256 in hex, or the journal's own id */
    JOURNAL_MESSAGE_SIZE = 1024,
    JOURNAL_MIN_BYTES = 16 << 20,
    JOURNAL_MAX_RECORD = 1 << 20, /* bytes of a payload */
    JOURNAL_SERVER_SIZE = 1024,
};

enum journal_kind { JOURNAL_PAD, JOURNAL_SOURCE, JOURNAL_EVENT, JOURNAL_ALERT, JOURNAL_STATS };

struct journal;

/*
 * Opens DIR/SENSOR.journal, with a ring of `bytes` (a file that is there keeps its size until all
 * of it is published); makes the directories and the file when they are not there. NULL when that
 * fails, or when another process has it: then `message` says why. Else `message` is "", or says
 * what was set aside.
 */
struct journal *journal_open(const char *dir, const char *sensor, size_t bytes,
                             char message[JOURNAL_MESSAGE_SIZE]);
void journal_close(struct journal *journal);

const char *journal_id(const struct journal *journal); /* random, 32 hex digits */

/* ---- the writer ---- */

/*
 * Appends a record. With `may_drop` the oldest records make room when there is none; else -ENOSPC,
 * and nothing is written. -EMSGSIZE past JOURNAL_MAX_RECORD.
 */
int journal_append(struct journal *journal, enum journal_kind kind, struct span payload,
                   bool may_drop);

/* ---- both ---- */

struct journal_fill {
    uint64_t bytes;       /* of the ring */
    uint64_t unpublished; /* bytes of it */
    uint64_t waiting;     /* events and alerts in them */
    uint64_t dropped;     /* events and alerts dropped before they were known to be published, since
                             the journal was made */
};
void journal_add_dropped(struct journal *journal, uint64_t count);
struct journal_fill journal_fill(const struct journal *journal);
uint64_t journal_head(const struct journal *journal);
uint64_t journal_tail(const struct journal *journal);

/* ---- the reader ---- */

struct journal_record {
    uint64_t position;
    uint64_t next; /* position of the record behind it */
    enum journal_kind kind;
    struct span payload; /* in the caller's buffer */
};

/* The record at a position, copied into `buffer`. 1; 0 at the head; -ESTALE when it is not there
 * any more (go on at the tail); -EMSGSIZE when the buffer is too small for it: *record is set, but
 * for the payload's bytes. */
int journal_read(const struct journal *journal, uint64_t position, void *buffer, size_t size,
                 struct journal_record *record);

struct journal_batch {
    uint64_t from; /* position of the first record, and behind the last */
    uint64_t to;
    uint64_t number; /* within the source, from 1 */
    bool is_live;    /* the source is an interface: it goes on when the process begins again */
    bool is_end;     /* the source's last */
    char source[JOURNAL_ID_SIZE];
};

/* Batches are counted since the journal was made. Those from first to end are kept; those before
 * `acknowledged` were published. */
struct journal_batch_range {
    uint64_t first;
    uint64_t acknowledged;
    uint64_t end;
};
struct journal_batch_range journal_batches(const struct journal *journal);
void journal_batch_get(const struct journal *journal, uint64_t index, struct journal_batch *batch);
void journal_batch_freeze(struct journal *journal, const struct journal_batch *batch);
/* The number of the last batch of a live source; 0: none. */
uint64_t journal_live_number(const struct journal *journal);
/* All batches before `index` are published; with the last of them, everything before its end. */
void journal_acknowledge(struct journal *journal, uint64_t index);
/* Records before the position need not be kept: they are in no batch and never will be. */
void journal_pass_over(struct journal *journal, uint64_t position);

/* Which servers the acknowledged batches are at; "" at first. */
const char *journal_server(const struct journal *journal);
void journal_set_server(struct journal *journal, const char *server);

/* DIR of the user's or the system's state: $STATE_DIRECTORY, /var/lib/downgrd for root,
 * $XDG_STATE_HOME/downgrd, ~/.local/state/downgrd. False when there is none of them. */
bool journal_default_dir(char *path, size_t size);
/* Makes that directory and those above it, if they are not there. 0 or -errno. */
int journal_make_dir(const char *dir);

#endif
