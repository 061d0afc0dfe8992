/*
 * record_copy.c - see record_copy.h.
 *
 * The spans of a hello mostly point into its extension block. That is copied once, and they are
 * moved along; whatever points elsewhere is copied by itself.
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

/* What follows the record so far. */
struct tail {
    uint8_t *memory;
    size_t size;
    size_t room;
    bool is_short; /* there was not enough of it */
};

static const uint8_t *tail_add(struct tail *tail, struct span bytes) {
    uint8_t *at = tail->memory + tail->size;
    tail->is_short |= bytes.size > tail->room - tail->size;
    if (tail->is_short)
        return NULL;
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    tail->size += bytes.size;
    return at;
}

static bool is_inside(struct span part, struct span whole) {
    uintptr_t from = (uintptr_t)part.data;
    uintptr_t begin = (uintptr_t)whole.data;
    return !span_is_absent(whole) && from >= begin && from - begin <= whole.size &&
           part.size <= whole.size - (from - begin);
}

/* One structure's spans: `hello` is a copy, and gets the new places. */
static void move_spans(struct tail *tail, void *hello, const size_t *offsets, size_t count) {
    struct span block = {NULL, 0};
    const uint8_t *moved_block = NULL;
    for (size_t i = 0; i < count && !tail->is_short; i++) {
        struct span *span = (struct span *)(void *)((uint8_t *)hello + offsets[i]);
        const struct span old = *span;
        if (span_is_absent(old))
            continue;
        if (i > 0 && is_inside(old, block))
            span->data = moved_block + (old.data - block.data);
        else
            span->data = tail_add(tail, old);
        if (i == 0) {
            block = old;
            moved_block = span->data;
        }
    }
}

static void move_client(struct tail *tail, struct client_hello *hello) {
    move_spans(tail, hello, client_spans, sizeof client_spans / sizeof client_spans[0]);
}

static void move_server(struct tail *tail, struct server_hello *hello) {
    move_spans(tail, hello, server_spans, sizeof server_spans / sizeof server_spans[0]);
}

static void move_one(struct tail *tail, struct span *span) {
    const size_t here[] = {0};
    move_spans(tail, span, here, 1);
}

/* Everything that points anywhere. Few handshakes have a second offer. */
static void move_all(struct tail *tail, struct handshake *copy) {
    move_client(tail, &copy->offer);
    if (copy->has & HANDSHAKE_HAS_SECOND_OFFER)
        move_client(tail, &copy->second_offer);
    else
        memset(&copy->second_offer, 0, sizeof copy->second_offer);
    if (copy->has & HANDSHAKE_HAS_RETRY)
        move_server(tail, &copy->retry);
    else
        memset(&copy->retry, 0, sizeof copy->retry);
    move_server(tail, &copy->choice);
    move_one(tail, &copy->sslv2_choice.cipher_specs);
    move_one(tail, &copy->quic.offered_versions);
}

#define IS_NEXT(member, next)                                                                      \
    (offsetof(struct handshake, next) - offsetof(struct handshake, member) -                       \
         sizeof(((struct handshake *)NULL)->member) <                                              \
     _Alignof(max_align_t))
_Static_assert(IS_NEXT(certificate_name, tunnels) && IS_NEXT(tunnels, alerts) &&
                   IS_NEXT(alerts, suspects) && IS_NEXT(suspects, conflicts) &&
                   sizeof(struct handshake) - offsetof(struct handshake, conflicts) -
                           sizeof(((struct handshake *)NULL)->conflicts) <
                       _Alignof(struct handshake),
               "copy_used() knows every member from certificate_name on");

/* The end of a record is mostly empty, and nobody has touched it: what is not in use is left. */
static void copy_used(const struct handshake *record, struct handshake *copy) {
    memcpy(copy, record, offsetof(struct handshake, certificate_name));
    size_t name = strnlen(record->certificate_name, HANDSHAKE_MAX_NAME);
    memcpy(copy->certificate_name, record->certificate_name, name);
    copy->certificate_name[name] = '\0';
    if (record->tunnel_count > 0)
        memcpy(copy->tunnels, record->tunnels, sizeof copy->tunnels);
    memcpy(copy->alerts, record->alerts, record->alert_count * sizeof copy->alerts[0]);
    memcpy(copy->suspects, record->suspects, record->suspect_count * sizeof copy->suspects[0]);
    memcpy(copy->conflicts, record->conflicts, record->conflict_count * sizeof copy->conflicts[0]);
}

size_t record_copy(const struct handshake *record, void *memory, size_t room) {
    struct handshake *copy = memory;
    if (room < sizeof *copy)
        return 0;
    struct tail tail = {(uint8_t *)memory + sizeof *copy, 0, room - sizeof *copy, false};
    copy_used(record, copy);
    move_all(&tail, copy);
    return tail.is_short ? 0 : sizeof *copy + tail.size;
}
