/*
 * flow_tap.c - plans of packets, the tap that feeds them, and the text of what was told
 * (flow_scene.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow_scene.h"

/* ---- plans ---- */

void plan_start(struct plan *plan, const struct exchange *dialogue) {
    plan->dialogue = dialogue;
    plan->port = 40000;
    plan->isn[SIDE_CLIENT] = 0x10000000;
    plan->isn[SIDE_SERVER] = 0xa0000000;
    plan->count = 0;
    for (unsigned end = 0; end < SIDE_COUNT; end++) {
        plan->said[end] = 0;
        plan->closed[end] = 0;
    }
}

struct piece *plan_add(struct plan *plan, unsigned end, unsigned flags) {
    assert_true(plan->count < PLAN_MAX_PIECES);
    struct piece *piece = &plan->pieces[plan->count++];
    unsigned other = end ^ 1U;
    *piece = (struct piece){.end = (uint8_t)end,
                            .flags = (uint8_t)flags,
                            .offset = (uint32_t)(plan->said[end] + plan->closed[end]),
                            .ack = (uint32_t)(plan->said[other] + plan->closed[other])};
    if (flags & TCP_FIN)
        plan->closed[end] = 1;
    return piece;
}

void plan_insert(struct plan *plan, size_t at, struct piece piece) {
    assert_true(plan->count < PLAN_MAX_PIECES && at <= plan->count);
    memmove(plan->pieces + at + 1, plan->pieces + at, (plan->count - at) * sizeof piece);
    plan->pieces[at] = piece;
    plan->count++;
}

bool piece_is_data(const struct piece *piece) {
    return piece->size != 0 && piece->junk == NULL;
}

void plan_open(struct plan *plan) {
    plan_add(plan, SIDE_CLIENT, TCP_SYN);
    plan_add(plan, SIDE_SERVER, TCP_SYN | TCP_ACK);
    plan_add(plan, SIDE_CLIENT, TCP_ACK);
}

static void plan_flight(struct plan *plan, const struct flight *flight, struct cuts cuts) {
    size_t end_of_flight = flight->start + flight->size;
    for (size_t at = flight->start; at < end_of_flight;) {
        size_t size = end_of_flight - at;
        size_t border = cuts.at[flight->end];
        if (cuts.size && cuts.size < size)
            size = cuts.size;
        if (border > at && border - at < size)
            size = border - at;
        struct piece *piece = plan_add(plan, flight->end, TCP_ACK | TCP_PSH);
        size_t repeated = cuts.overlap < at ? cuts.overlap : at;
        piece->offset = (uint32_t)(at - repeated);
        piece->size = (uint32_t)(size + repeated);
        plan->said[flight->end] += size;
        at += size;
    }
    plan_add(plan, flight->end ^ 1U, TCP_ACK);
}

void plan_flights(struct plan *plan, struct cuts cuts) {
    for (size_t i = 0; i < plan->dialogue->flight_count; i++)
        plan_flight(plan, &plan->dialogue->flights[i], cuts);
}

void plan_make(struct plan *plan, const struct exchange *dialogue, struct cuts cuts) {
    plan_start(plan, dialogue);
    plan_open(plan);
    plan_flights(plan, cuts);
    plan_add(plan, SIDE_CLIENT, TCP_FIN | TCP_ACK);
    plan_add(plan, SIDE_SERVER, TCP_FIN | TCP_ACK);
    plan_add(plan, SIDE_CLIENT, TCP_ACK);
}

/* ---- what was told ---- */

static void append(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...) {
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
    assert_true(added >= 0 && (size_t)added < size - used);
}

static void append_hex(char *text, size_t size, const char *name, struct span bytes) {
    enum { SHOWN = 32 };
    if (span_is_absent(bytes))
        return;
    append(text, size, " %s(%zu)=", name, bytes.size);
    for (size_t i = 0; i < bytes.size && i < SHOWN; i++)
        append(text, size, "%02x", bytes.data[i]);
}

static void client_hello_text(const struct client_hello *hello, char *text, size_t size) {
    append(text, size, "%04x%s%s%s random %02x..%02x", hello->legacy_version,
           hello->is_sslv2 ? " sslv2" : "", hello->is_truncated ? " truncated" : "",
           hello->has_malformed_extension ? " malformed" : "", hello->random.data[0],
           hello->random.data[hello->random.size - 1]);
    append_hex(text, size, "suites", hello->cipher_suites);
    append_hex(text, size, "versions", hello->supported_versions);
    append_hex(text, size, "name", hello->server_name);
    append_hex(text, size, "shares", hello->key_share);
    append(text, size, " session %zu extensions %zu", hello->session_id.size,
           hello->extensions.size);
}

static void server_hello_text(const struct server_hello *hello, char *text, size_t size) {
    append(text, size, "%04x%s%s%s suite %04x selected %04x group %u random %02x..%02x",
           hello->legacy_version, hello->is_hello_retry_request ? " retry" : "",
           hello->is_truncated ? " truncated" : "",
           hello->has_malformed_extension ? " malformed" : "", hello->cipher_suite,
           hello->selected_version, hello->key_share_group, hello->random.data[0],
           hello->random.data[hello->random.size - 1]);
    append(text, size, " session %zu extensions %zu", hello->session_id.size,
           hello->extensions.size);
}

static void told_fill(struct told *told, const struct handshake *record) {
    memset(told, 0, sizeof *told);
    told->outcome = record->outcome;
    told->has = record->has;
    told->missed = record->missed;
    told->port = record->client.port;
    told->offered = handshake_highest_offered_version(record);
    told->negotiated = handshake_negotiated_version(record);
    told->suite = record->choice.cipher_suite;
    told->group = handshake_group(record);
    told->alert_count = record->alert_count;
    told->flow_id = record->flow_id;
    told->started_packet = record->started_packet;
    told->ended_us = record->ended_us;
    assert_true(record->offer.server_name.size < sizeof told->name);
    if (record->offer.server_name.size)
        memcpy(told->name, record->offer.server_name.data, record->offer.server_name.size);
    if (record->has & HANDSHAKE_HAS_OFFER)
        client_hello_text(&record->offer, told->offer, sizeof told->offer);
    if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
        client_hello_text(&record->second_offer, told->second_offer, sizeof told->second_offer);
    if (record->has & HANDSHAKE_HAS_RETRY)
        server_hello_text(&record->retry, told->retry, sizeof told->retry);
    if (record->has & HANDSHAKE_HAS_CHOICE)
        server_hello_text(&record->choice, told->choice, sizeof told->choice);
    for (size_t i = 0; i < record->alert_count; i++)
        append(told->alerts, sizeof told->alerts, "%s%s %u %u", i ? ", " : "",
               record->alerts[i].sender == SIDE_CLIENT ? "client" : "server",
               record->alerts[i].level, record->alerts[i].description);
    append(told->facts, sizeof told->facts,
           "%s, has %x, missed %x, %s %s, version %04x, group %u, sealed %u %u\n offer %s\n second "
           "%s\n retry %s\n choice %s\n alerts %s",
           handshake_outcome_name(record->outcome), record->has, record->missed,
           handshake_carrier_name(record), record->protocol == HANDSHAKE_TLS ? "TLS" : "SSLv2",
           told->negotiated, told->group, record->side[SIDE_CLIENT].encrypted_size,
           record->side[SIDE_SERVER].encrypted_size, told->offer, told->second_offer, told->retry,
           told->choice, told->alerts);
}

/* ---- taps ---- */

static void tap_hear(void *context, const struct handshake *record) {
    struct tap *tap = context;
    if (tap->told_count < TAP_MAX_TOLD)
        told_fill(&tap->told[tap->told_count], record);
    tap->told_count++;
}

void tap_small_config(struct flow_config *config) {
    flow_default_config(config);
    config->flows = 16;
    config->handshakes = 8;
    config->small_buffers = 64;
    config->medium_buffers = 8;
    config->large_buffers = 1;
    config->windows = 8;
}

static void tap_rewind(struct tap *tap) {
    tap->number = 0;
    tap->time_us = 1700000000000000;
    tap->told_count = 0;
}

void tap_open(struct tap *tap, const struct flow_config *config) {
    struct flow_config small;
    tap_small_config(&small);
    tap->table = flow_table_new(config ? config : &small, tap_hear, tap);
    assert_non_null(tap->table);
    tap_rewind(tap);
}

void tap_end_capture(struct tap *tap) {
    flow_table_end(tap->table);
    tap_rewind(tap);
}

void tap_close(struct tap *tap) {
    flow_table_delete(tap->table);
    tap->table = NULL;
}

static void tap_play_piece(struct tap *tap, const struct plan *plan, const struct piece *piece) {
    static const struct ip_address addresses[SIDE_COUNT] = {{{192, 0, 2, 1}}, {{198, 51, 100, 1}}};
    unsigned end = piece->end;
    unsigned other = end ^ 1U;
    uint16_t ports[SIDE_COUNT] = {plan->port, 443};
    const uint8_t *bytes = piece->junk ? piece->junk : plan->dialogue->stream[end].data;
    if (piece_is_data(piece)) {
        assert_true(piece->offset + piece->size <= plan->dialogue->stream[end].size);
        bytes += piece->offset;
    }
    struct span payload = exact_copy(bytes, piece->size - piece->cut);
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_TCP,
                            .hop_limit = end == SIDE_CLIENT ? 64 : 57,
                            .source = addresses[end],
                            .destination = addresses[other],
                            .source_port = ports[end],
                            .destination_port = ports[other],
                            .sequence = plan->isn[end] + piece->offset + piece->shift,
                            .window = 1000,
                            .tcp_flags = piece->flags,
                            .payload = payload,
                            .payload_size_wire = piece->size};
    if (!(piece->flags & TCP_SYN))
        packet.sequence++;
    if (piece->flags & TCP_ACK)
        packet.acknowledgement = plan->isn[other] + 1 + piece->ack;
    flow_table_packet(tap->table, &packet, tap->time_us, tap->number);
    exact_free(payload);
}

void tap_play_part(struct tap *tap, const struct plan *plan, size_t from, size_t to) {
    for (size_t i = from; i < to && i < plan->count; i++) {
        const struct piece *piece = &plan->pieces[i];
        if (piece->is_lost)
            continue;
        tap->number++;
        tap->time_us += (uint64_t)(piece->later_us ? piece->later_us : 100);
        tap_play_piece(tap, plan, piece);
    }
}

void tap_play(struct tap *tap, const struct plan *plan) {
    tap_play_part(tap, plan, 0, plan->count);
}

size_t plan_tell(const struct plan *plan, struct told *told) {
    static struct tap tap;
    tap_open(&tap, NULL);
    tap_play(&tap, plan);
    flow_table_end(tap.table);
    tap_close(&tap);
    memset(told, 0, sizeof *told);
    if (tap.told_count)
        *told = tap.told[0];
    return tap.told_count;
}
