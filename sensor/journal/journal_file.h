/*
 * journal_file.h - how a journal lies in its file, for this folder only.
 *
 * A page of header, the table of batches, the ring. The header's first part never changes; behind
 * it each counter has one writer. All numbers are the machine's own: a journal does not travel.
 */
#ifndef DOWNGRD_JOURNAL_FILE_H
#define DOWNGRD_JOURNAL_FILE_H

#include "journal.h"

#include <stdatomic.h>

enum {
    JOURNAL_HEADER_BYTES = 4096,
    JOURNAL_BATCHES = 16384, /* kept: more than four hours of one a second */
    JOURNAL_SENSOR_SIZE = 64,
    JOURNAL_JOURNAL_ID_SIZE = 33,
};

struct journal_fixed {
    char magic[8];
    uint64_t layout; /* journal_layout(): what the records look like */
    uint64_t ring_bytes;
    char id[JOURNAL_JOURNAL_ID_SIZE];
    char sensor[JOURNAL_SENSOR_SIZE];
};

struct journal_header {
    struct journal_fixed fixed;
    uint64_t checksum; /* of `fixed` */
    /* the writer's */
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint64_t tail;
    _Atomic uint64_t dropped;
    _Atomic uint64_t appended; /* events and alerts */
    /* the reader's */
    _Alignas(64) _Atomic uint64_t acknowledged; /* position */
    uint64_t batches_end;
    uint64_t batches_acknowledged;
    uint64_t live_number;
    char server[JOURNAL_SERVER_SIZE];
};

struct journal_batch_slot {
    uint64_t checksum;
    struct journal_batch batch;
};

/* In front of every payload; the whole is a multiple of 8 bytes and never goes around the ring's
 * end. A pad fills what is left there. */
struct journal_frame {
    uint64_t checksum; /* of the rest and the payload */
    uint64_t position;
    uint64_t number; /* of events and alerts before it */
    uint32_t size;   /* of the payload */
    uint32_t kind;
};

struct journal {
    int file;
    struct journal_header *header; /* the mapped file */
    struct journal_batch_slot *slots;
    uint8_t *ring;
    uint64_t ring_bytes;
    size_t mapped;
};

/* ---- journal.c ---- */
uint64_t journal_frame_checksum(const struct journal_frame *frame, const uint8_t *payload);
/* Where the ring's end has no room for a frame, records go on at its begin. */
uint64_t journal_skip_end(const struct journal *journal, uint64_t position);
static inline uint64_t journal_frame_bytes(uint32_t size) {
    return (sizeof(struct journal_frame) + size + 7U) & ~(uint64_t)7U;
}

/* ---- journal_batches.c ---- */
/* Are the batches, and where they begin and end, what they should be? */
bool journal_batches_are_sound(const struct journal *journal);

/* ---- journal_records.c ---- */
/* Changes whenever the records of this program look different. */
uint64_t journal_layout(void);

#endif
