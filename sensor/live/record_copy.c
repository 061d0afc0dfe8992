/*
 * record_copy.c - see record_copy.h.
 *
 * The spans of a hello mostly point into its extension block. That is copied once, and they are
 * moved along; whatever points elsewhere is copied by itself. Measuring and copying are the same
 * walk, so they cannot disagree.
 */
#include "record_copy.h"

#include <stddef.h>

/* Where the spans of a hello are; the block that others point into comes first. */
static const size_t client_spans[] = {
    offsetof(struct client_hello, extensions),
    offsetof(struct client_hello, random),
    offsetof(struct client_hello, session_id),
    offsetof(struct client_hello, cookie),
    offsetof(struct client_hello, cipher_suites),
    offsetof(struct client_hello, compression_methods),
    offsetof(struct client_hello, server_name),
    offsetof(struct client_hello, supported_versions),
    offsetof(struct client_hello, supported_groups),
    offsetof(struct client_hello, key_share),
    offsetof(struct client_hello, signature_algorithms),
    offsetof(struct client_hello, psk_key_exchange_modes),
    offsetof(struct client_hello, alpn),
    offsetof(struct client_hello, ec_point_formats),
    offsetof(struct client_hello, pre_shared_key),
    offsetof(struct client_hello, session_ticket),
    offsetof(struct client_hello, early_data),
    offsetof(struct client_hello, encrypted_client_hello),
    offsetof(struct client_hello, encrypted_server_name),
};

static const size_t server_spans[] = {
    offsetof(struct server_hello, extensions), offsetof(struct server_hello, random),
    offsetof(struct server_hello, session_id), offsetof(struct server_hello, cookie),
    offsetof(struct server_hello, alpn),
};

/* What follows the record so far. With memory NULL it is only measured. */
struct tail {
    uint8_t *memory;
    size_t size;
};

static const uint8_t *tail_add(struct tail *tail, struct span bytes) {
    uint8_t *at = tail->memory ? tail->memory + tail->size : NULL;
    tail->size += bytes.size;
    if (at != NULL && bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at;
}

static bool is_inside(struct span part, struct span whole) {
    uintptr_t from = (uintptr_t)part.data;
    uintptr_t begin = (uintptr_t)whole.data;
    return !span_is_absent(whole) && from >= begin && from - begin <= whole.size &&
           part.size <= whole.size - (from - begin);
}

/* One structure's spans: `original` is read, `copy` (NULL while measuring) gets the new places. */
static void move_spans(struct tail *tail, const void *original, void *copy, const size_t *offsets,
                       size_t count) {
    struct span block = {NULL, 0};
    const uint8_t *moved_block = NULL;
    for (size_t i = 0; i < count; i++) {
        struct span old;
        struct span moved;
        memcpy(&old, (const uint8_t *)original + offsets[i], sizeof old);
        if (span_is_absent(old))
            continue;
        moved.size = old.size;
        if (i > 0 && is_inside(old, block))
            moved.data = moved_block ? moved_block + (old.data - block.data) : NULL;
        else
            moved.data = tail_add(tail, old);
        if (i == 0) {
            block = old;
            moved_block = moved.data;
        }
        if (copy != NULL)
            memcpy((uint8_t *)copy + offsets[i], &moved, sizeof moved);
    }
}

static void move_client(struct tail *tail, const struct client_hello *hello,
                        struct client_hello *copy) {
    move_spans(tail, hello, copy, client_spans, sizeof client_spans / sizeof client_spans[0]);
}

static void move_server(struct tail *tail, const struct server_hello *hello,
                        struct server_hello *copy) {
    move_spans(tail, hello, copy, server_spans, sizeof server_spans / sizeof server_spans[0]);
}

static void move_one(struct tail *tail, struct span old, struct span *copy) {
    const size_t here[] = {0};
    move_spans(tail, &old, copy, here, 1);
}

/* Everything that points anywhere. */
static void move_all(struct tail *tail, const struct handshake *record, struct handshake *copy) {
    move_client(tail, &record->offer, copy ? &copy->offer : NULL);
    move_client(tail, &record->second_offer, copy ? &copy->second_offer : NULL);
    move_server(tail, &record->retry, copy ? &copy->retry : NULL);
    move_server(tail, &record->choice, copy ? &copy->choice : NULL);
    move_one(tail, record->sslv2_choice.cipher_specs,
             copy ? &copy->sslv2_choice.cipher_specs : NULL);
    move_one(tail, record->quic.offered_versions, copy ? &copy->quic.offered_versions : NULL);
}

size_t record_copy_size(const struct handshake *record) {
    struct tail tail = {NULL, 0};
    move_all(&tail, record, NULL);
    return sizeof *record + tail.size;
}

const struct handshake *record_copy(const struct handshake *record, void *memory) {
    struct handshake *copy = memory;
    struct tail tail = {(uint8_t *)memory + sizeof *copy, 0};
    memcpy(copy, record, sizeof *copy);
    move_all(&tail, record, copy);
    return copy;
}
