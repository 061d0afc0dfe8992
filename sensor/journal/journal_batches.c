/*
 * journal_batches.c - the table of frozen batches.
 *
 * The reader alone writes it. An entry is written before `batches_end` is moved over it, and an old
 * one is given up by the same move.
 */
#include "journal_file.h"

#include "siphash.h"

#include <assert.h>
#include <string.h>

static struct journal_batch_slot *slot_of(const struct journal *journal, uint64_t index) {
    return &journal->slots[index % JOURNAL_BATCHES];
}

static uint64_t first_kept(const struct journal_header *header) {
    return header->batches_end > JOURNAL_BATCHES ? header->batches_end - JOURNAL_BATCHES : 0;
}

struct journal_batch_range journal_batches(const struct journal *journal) {
    const struct journal_header *header = journal->header;
    return (struct journal_batch_range){first_kept(header), header->batches_acknowledged,
                                        header->batches_end};
}

void journal_batch_get(const struct journal *journal, uint64_t index, struct journal_batch *batch) {
    assert(index >= first_kept(journal->header) && index < journal->header->batches_end);
    *batch = slot_of(journal, index)->batch;
}

void journal_batch_freeze(struct journal *journal, const struct journal_batch *batch) {
    struct journal_batch_slot *slot = slot_of(journal, journal->header->batches_end);
    memset(slot, 0, sizeof *slot);
    slot->batch = *batch;
    slot->checksum = siphash(&slot->batch, sizeof slot->batch, 2);
    if (batch->is_live)
        journal->header->live_number = batch->number;
    atomic_thread_fence(memory_order_release);
    journal->header->batches_end++;
}

uint64_t journal_live_number(const struct journal *journal) {
    return journal->header->live_number;
}

void journal_acknowledge(struct journal *journal, uint64_t index) {
    struct journal_header *header = journal->header;
    if (index <= header->batches_acknowledged)
        return;
    journal_pass_over(journal, slot_of(journal, index - 1)->batch.to);
    header->batches_acknowledged = index;
}

void journal_pass_over(struct journal *journal, uint64_t position) {
    struct journal_header *header = journal->header;
    if (position > atomic_load_explicit(&header->acknowledged, memory_order_relaxed))
        atomic_store_explicit(&header->acknowledged, position, memory_order_release);
}

const char *journal_server(const struct journal *journal) {
    return journal->header->server;
}

void journal_set_server(struct journal *journal, const char *server) {
    char text[JOURNAL_SERVER_SIZE] = {0};
    memcpy(text, server, strnlen(server, sizeof text - 1));
    memcpy(journal->header->server, text, sizeof text);
}

bool journal_batches_are_sound(const struct journal *journal) {
    const struct journal_header *header = journal->header;
    uint64_t head = journal_head(journal);
    uint64_t behind = 0;
    if (header->batches_acknowledged > header->batches_end || header->batches_end > head ||
        memchr(header->server, '\0', sizeof header->server) == NULL)
        return false;
    for (uint64_t i = first_kept(header); i < header->batches_end; i++) {
        const struct journal_batch_slot *slot = slot_of(journal, i);
        const struct journal_batch *batch = &slot->batch;
        if (slot->checksum != siphash(batch, sizeof *batch, 2) || batch->from < behind ||
            batch->to < batch->from || batch->to > head ||
            memchr(batch->source, '\0', sizeof batch->source) == NULL)
            return false;
        behind = batch->to;
    }
    return header->batches_acknowledged == header->batches_end ||
           header->batches_acknowledged >= first_kept(header);
}
