/*
 * journal.c - the ring: appending and reading records.
 *
 * The writer fills a place and then moves `head` over it (release); the reader looks no further
 * than `head` (acquire). Before a place is written anew, `tail` is moved over it; a reader that
 * copied something out looks at `tail` afterwards, and throws the copy away when it was passed.
 */
#include "journal_file.h"

#include "siphash.h"

#include <errno.h>
#include <string.h>

uint64_t journal_frame_checksum(const struct journal_frame *frame, const uint8_t *payload) {
    const uint64_t head[] = {frame->position, frame->number, frame->size, frame->kind,
                             siphash(payload, frame->size, 1)};
    return siphash(head, sizeof head, 0);
}

static bool is_counted(uint32_t kind) {
    return kind == JOURNAL_EVENT || kind == JOURNAL_ALERT;
}

uint64_t journal_skip_end(const struct journal *journal, uint64_t position) {
    uint64_t left = journal->ring_bytes - position % journal->ring_bytes;
    return left < sizeof(struct journal_frame) ? position + left : position;
}

/* The frame at a position, and its payload if that fits. What was overwritten meanwhile may say
 * anything: no more is believed than the ring has room for. */
static bool copy_record(const struct journal *journal, uint64_t position, void *buffer, size_t size,
                        struct journal_frame *frame) {
    uint64_t offset = position % journal->ring_bytes;
    const uint8_t *at = journal->ring + offset;
    memcpy(frame, at, sizeof *frame);
    bool is_sound = frame->position == position && frame->kind <= JOURNAL_STATS &&
                    journal_frame_bytes(frame->size) <= journal->ring_bytes - offset;
    if (is_sound && frame->kind != JOURNAL_PAD && frame->size <= size)
        memcpy(buffer, at + sizeof *frame, frame->size);
    return is_sound;
}

int journal_read(const struct journal *journal, uint64_t position, void *buffer, size_t size,
                 struct journal_record *record) {
    for (;;) {
        struct journal_frame frame;
        if (position < journal_tail(journal))
            return -ESTALE;
        position = journal_skip_end(journal, position);
        if (position >= journal_head(journal))
            return 0;
        bool is_sound = copy_record(journal, position, buffer, size, &frame);
        atomic_thread_fence(memory_order_acquire);
        if (position < atomic_load_explicit(&journal->header->tail, memory_order_relaxed))
            return -ESTALE;
        if (!is_sound)
            return -EBADMSG;
        uint64_t next = position + journal_frame_bytes(frame.size);
        if (frame.kind == JOURNAL_PAD) {
            position = next;
            continue;
        }
        *record = (struct journal_record){
            position, next, (enum journal_kind)frame.kind, {buffer, frame.size}};
        return frame.size <= size ? 1 : -EMSGSIZE;
    }
}

static void put_record(struct journal *journal, uint64_t position, enum journal_kind kind,
                       struct span payload) {
    uint8_t *at = journal->ring + position % journal->ring_bytes;
    struct journal_frame frame = {
        .position = position,
        .number = atomic_load_explicit(&journal->header->appended, memory_order_relaxed),
        .size = (uint32_t)payload.size,
        .kind = (uint32_t)kind,
    };
    frame.checksum = kind == JOURNAL_PAD ? 0 : journal_frame_checksum(&frame, payload.data);
    memcpy(at, &frame, sizeof frame);
    if (payload.size > 0 && kind != JOURNAL_PAD)
        memcpy(at + sizeof frame, payload.data, payload.size);
}

/* Moves the tail so far that `need` bytes fit behind the head. */
static bool make_room(struct journal *journal, uint64_t head, uint64_t need, bool may_drop) {
    struct journal_header *header = journal->header;
    uint64_t tail = atomic_load_explicit(&header->tail, memory_order_relaxed);
    uint64_t published = atomic_load_explicit(&header->acknowledged, memory_order_acquire);
    uint64_t dropped = 0;
    if (head + need - tail <= journal->ring_bytes)
        return true;
    while (head + need - tail > journal->ring_bytes) {
        struct journal_frame frame;
        tail = journal_skip_end(journal, tail);
        memcpy(&frame, journal->ring + tail % journal->ring_bytes, sizeof frame);
        if (tail >= published && !may_drop)
            return false;
        dropped += tail >= published && is_counted(frame.kind);
        tail += journal_frame_bytes(frame.size);
    }
    atomic_fetch_add_explicit(&header->dropped, dropped, memory_order_relaxed);
    atomic_store_explicit(&header->tail, tail, memory_order_release);
    atomic_thread_fence(memory_order_release);
    return true;
}

int journal_append(struct journal *journal, enum journal_kind kind, struct span payload,
                   bool may_drop) {
    struct journal_header *header = journal->header;
    if (payload.size > JOURNAL_MAX_RECORD)
        return -EMSGSIZE;
    uint64_t head = atomic_load_explicit(&header->head, memory_order_relaxed);
    uint64_t bytes = journal_frame_bytes((uint32_t)payload.size);
    uint64_t left = journal->ring_bytes - head % journal->ring_bytes;
    uint64_t pad = left < bytes ? left : 0;
    if (!make_room(journal, head, pad + bytes, may_drop))
        return -ENOSPC;
    if (pad >= sizeof(struct journal_frame))
        put_record(journal, head, JOURNAL_PAD,
                   (struct span){NULL, (size_t)(pad - sizeof(struct journal_frame))});
    head += pad;
    put_record(journal, head, kind, payload);
    if (is_counted(kind))
        atomic_fetch_add_explicit(&header->appended, 1, memory_order_relaxed);
    atomic_store_explicit(&header->head, head + bytes, memory_order_release);
    return 0;
}

uint64_t journal_head(const struct journal *journal) {
    return atomic_load_explicit(&journal->header->head, memory_order_acquire);
}

uint64_t journal_tail(const struct journal *journal) {
    return atomic_load_explicit(&journal->header->tail, memory_order_acquire);
}

void journal_add_dropped(struct journal *journal, uint64_t count) {
    atomic_fetch_add_explicit(&journal->header->dropped, count, memory_order_relaxed);
}

/* Events and alerts from a position to the head; 0 when the writer has just overwritten it. */
static uint64_t count_from(const struct journal *journal, uint64_t position, uint64_t head) {
    struct journal_frame frame;
    position = journal_skip_end(journal, position);
    if (position >= head)
        return 0;
    memcpy(&frame, journal->ring + position % journal->ring_bytes, sizeof frame);
    uint64_t appended = atomic_load_explicit(&journal->header->appended, memory_order_relaxed);
    return frame.position == position && frame.number <= appended ? appended - frame.number : 0;
}

struct journal_fill journal_fill(const struct journal *journal) {
    const struct journal_header *header = journal->header;
    uint64_t head = journal_head(journal);
    uint64_t tail = journal_tail(journal);
    uint64_t published = atomic_load_explicit(&header->acknowledged, memory_order_acquire);
    uint64_t begin = published > tail ? published : tail;
    return (struct journal_fill){
        .bytes = journal->ring_bytes,
        .unpublished = head > begin ? head - begin : 0,
        .waiting = count_from(journal, begin, head),
        .dropped = atomic_load_explicit(&header->dropped, memory_order_relaxed),
    };
}
