/*
 * fuzz_flow.c - segments through the flow table and the judge, all rules on.
 *
 * Input: steps of four bytes and, for segments with payload, the payload:
 *
 *   byte 0     bit 0 the sender (0 client, 1 server), bits 1-2 the connection, bits 3-4 the step:
 *              data in order, data at another place, a segment with the flags of byte 1, time
 *              passes; bit 5 the capture cut the payload
 *   byte 1     data at another place: how far from the next byte (signed); flags; 1/4 seconds
 *   bytes 2-3  size of the payload, up to what is left
 *
 * Tables are tiny, so that every bound is reached. Each payload lies in a heap block of its exact
 * size. Every record and alert that comes out is read to its last byte and must keep the promises
 * of handshake.h, rule.h and verdict.h.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "flow.h"
#include "judge.h"

enum step { STEP_IN_ORDER, STEP_ELSEWHERE, STEP_FLAGS, STEP_TIME };

enum {
    CONNECTIONS = 4,
    CUT_BYTES = 100,
    QUARTER_SECOND_US = 250000,
    CLIENT_PORT = 40000,
    SERVER_PORT = 443,
};

struct run {
    struct flow_table *table;
    struct judge *judge;
    uint64_t time_us;
    uint64_t number;
    uint32_t next[CONNECTIONS][SIDE_COUNT]; /* sequence numbers */
};

static const struct source source = {.sensor = "fuzz", .name = "input", .is_file = true};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

/* Reads every byte; the sum keeps the compiler from leaving it out. */
static void touch_bytes(struct span bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    touched = sum;
}

static void touch_text(const char *text) {
    touch_bytes(span_of(text, strlen(text)));
}

static void read_offer(const struct client_hello *offer) {
    const struct span spans[] = {
        offer->random,         offer->session_id,           offer->cookie,
        offer->cipher_suites,  offer->compression_methods,  offer->extensions,
        offer->server_name,    offer->supported_versions,   offer->supported_groups,
        offer->key_share,      offer->signature_algorithms, offer->psk_key_exchange_modes,
        offer->alpn,           offer->ec_point_formats,     offer->pre_shared_key,
        offer->session_ticket, offer->early_data,           offer->encrypted_client_hello,
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        touch_bytes(spans[i]);
}

static void read_choice(const struct server_hello *choice) {
    touch_bytes(choice->random);
    touch_bytes(choice->session_id);
    touch_bytes(choice->extensions);
    touch_bytes(choice->cookie);
    touch_bytes(choice->alpn);
}

static void read_handshake(const struct handshake *handshake) {
    assert(handshake->has != 0);
    assert(handshake->alert_count <= HANDSHAKE_MAX_ALERTS);
    assert(handshake->started_packet <= handshake->ended_packet);
    assert(handshake->started_us <= handshake->ended_us);
    assert(handshake->flow_id < UINT64_C(1) << 53U);
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        read_offer(&handshake->offer);
    if (handshake->has & HANDSHAKE_HAS_SECOND_OFFER)
        read_offer(&handshake->second_offer);
    if (handshake->has & HANDSHAKE_HAS_RETRY)
        read_choice(&handshake->retry);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        read_choice(&handshake->choice);
    if (handshake->has & HANDSHAKE_HAS_SSLV2_CHOICE)
        touch_bytes(handshake->sslv2_choice.cipher_specs);
    assert(memchr(handshake->certificate_name, '\0', sizeof handshake->certificate_name));
    touch_text(handshake_outcome_name(handshake->outcome));
    touch_text(handshake_carrier_name(handshake));
    (void)handshake_highest_offered(handshake);
    (void)handshake_highest_offered_version(handshake);
    (void)handshake_negotiated_version(handshake);
    (void)handshake_failed_encrypted(handshake);
    (void)handshake_is_resumed(handshake);
    (void)handshake_group(handshake);
}

static void take_verdict(void *context, const struct verdict *verdict) {
    (void)context;
    read_handshake(verdict->handshake);
    assert(verdict->domain.name[0] != '\0');
    assert(strspn(verdict->domain.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.*") ==
           strlen(verdict->domain.name));
    touch_text(limiter_name(verdict->limiter));
}

static void take_alert(void *context, const struct alert *alert) {
    (void)context;
    assert(alert->repeats > 0);
    assert(strlen(alert->id) == ALERT_ID_SIZE - 1);
    assert(alert->finding->evidence_count <= FINDING_MAX_EVIDENCE);
    for (size_t i = 0; i < alert->finding->evidence_count; i++) {
        const struct evidence *evidence = &alert->finding->evidence[i];
        const char *texts[] = {evidence->what, evidence->expected, evidence->observed};
        for (size_t text = 0; text < sizeof texts / sizeof *texts; text++)
            for (const char *at = texts[text]; *at; at++)
                assert(*at >= ' ' && *at <= '~');
    }
    touch_text(rule_confidence_name(alert->finding->confidence));
}

static void take_record(void *context, const struct handshake *handshake) {
    struct run *run = (struct run *)context;
    judge_handshake(run->judge, &source, handshake);
}

/* What both ends of a connection look like; the first two connections differ in the port only. */
static struct packet make_packet(unsigned connection, enum handshake_side side) {
    struct packet packet = {.ip_version = connection < 3 ? 4 : 6,
                            .protocol = IP_PROTOCOL_TCP,
                            .hop_limit = 64,
                            .window = 1000,
                            .has = PACKET_HAS_IP_ID};
    struct ip_address client = {{10, 0, 0, connection < 2 ? 1 : 2}};
    struct ip_address server = {{192, 0, 2, 1}};
    uint16_t client_port = (uint16_t)(CLIENT_PORT + connection);
    packet.source = side == SIDE_CLIENT ? client : server;
    packet.destination = side == SIDE_CLIENT ? server : client;
    packet.source_port = side == SIDE_CLIENT ? client_port : SERVER_PORT;
    packet.destination_port = side == SIDE_CLIENT ? SERVER_PORT : client_port;
    return packet;
}

static void send_segment(struct run *run, struct packet *packet, struct span payload, bool is_cut) {
    uint8_t *block = malloc(payload.size ? payload.size : 1);
    if (!block)
        abort();
    memcpy(block, payload.data, payload.size);
    packet->payload = span_of(block, payload.size);
    packet->payload_size_wire = payload.size + (is_cut ? CUT_BYTES : 0);
    packet->ip_id = (uint32_t)run->number & 0xffffU;
    flow_table_packet(run->table, packet, run->time_us, ++run->number);
    free(block);
}

/* One step; `argument` is its second byte. */
static void take_step(struct run *run, unsigned head, unsigned argument, struct span payload) {
    enum handshake_side side = head & 1U ? SIDE_SERVER : SIDE_CLIENT;
    unsigned connection = (head >> 1U) & 3U;
    enum step step = (enum step)((head >> 3U) & 3U);
    uint32_t *next = &run->next[connection][side];
    struct packet packet = make_packet(connection, side);
    bool is_cut = head & 32U;

    packet.acknowledgement = run->next[connection][1 - side];
    packet.tcp_flags = TCP_ACK | TCP_PSH;
    packet.sequence = *next;
    switch (step) {
    case STEP_IN_ORDER:
        send_segment(run, &packet, payload, is_cut);
        *next += (uint32_t)packet.payload_size_wire;
        break;
    case STEP_ELSEWHERE:
        packet.sequence += (uint32_t)(int32_t)(int8_t)argument;
        send_segment(run, &packet, payload, is_cut);
        break;
    case STEP_FLAGS:
        packet.tcp_flags = (uint8_t)argument;
        send_segment(run, &packet, payload, is_cut);
        *next += (uint32_t)packet.payload_size_wire + (argument & (TCP_SYN | TCP_FIN) ? 1 : 0);
        break;
    case STEP_TIME:
        run->time_us += (uint64_t)argument * QUARTER_SECOND_US;
        break;
    }
    run->time_us++;
}

static struct judge *new_judge(const struct sink *const *sinks) {
    struct judge_config config;
    judge_default_config(&config);
    config.attempts = 4;
    config.servers = 4;
    config.folds = 4;
    config.rules_on = (1U << rules_count) - 1;
    return judge_new(&config, NULL, sinks, 1);
}

static struct flow_table *new_flow_table(struct run *run) {
    struct flow_config config;
    flow_default_config(&config);
    config.flows = 3;
    config.handshakes = 2;
    config.small_buffers = 4;
    config.medium_buffers = 2;
    config.large_buffers = 1;
    config.windows = 8;
    return flow_table_new(&config, take_record, run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct sink sink = {.handshake = take_verdict, .alert = take_alert};
    const struct sink *const sinks[] = {&sink};
    struct run run = {.time_us = UINT64_C(1700000000000000)};
    struct reader input = reader_of(span_of(data, size));

    run.judge = new_judge(sinks);
    run.table = new_flow_table(&run);
    if (!run.judge || !run.table)
        abort();
    for (size_t i = 0; i < CONNECTIONS; i++) {
        run.next[i][SIDE_CLIENT] = 1000;
        run.next[i][SIDE_SERVER] = UINT32_MAX - 50; /* wraps around */
    }
    while (reader_left(&input) >= 4) {
        unsigned head = reader_u8(&input);
        unsigned argument = reader_u8(&input);
        size_t wanted = reader_u16(&input);
        size_t left = reader_left(&input);
        take_step(&run, head, argument, reader_take(&input, wanted < left ? wanted : left));
    }
    flow_table_end(run.table);
    flow_table_delete(run.table);
    judge_delete(run.judge);
    return 0;
}
