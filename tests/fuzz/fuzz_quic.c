/*
 * fuzz_quic.c - QUIC: the parsers on raw bytes, and sessions behind the AEAD.
 *
 * Input: a byte that says what the rest is. 0: a datagram, read as packets, and as frames of every
 * dialect. Else: moves of four bytes and their payload, played into a flow table. Initial packets
 * are protected here, so that what the input says about their frames arrives:
 *
 *   byte 0     bit 0 the sender (0 client, 1 server), bit 1 the connection, bits 2-4 the kind of
 *              packet (enum kind), bit 5 more packets follow in this datagram, bit 6 the capture
 *              cut it
 *   byte 1     bits 0-1 version, bits 2-3 the id that the keys follow from, bits 4-5 whom it is
 *              sent to, bit 6 who sends it, bit 7 with a token; 1/4 seconds
 *   bytes 2-3  size of the payload, up to what is left: frames, or bytes of the kind
 *
 * Tables are tiny, so that every bound is reached. Each datagram lies in a heap block of its exact
 * size. Every record is read to its last byte and must keep the promises of handshake.h.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "quic_talk.h"
#include "tls_messages.h"

enum kind {
    KIND_INITIAL,
    KIND_SEALED, /* Handshake, 0-RTT or 1-RTT, by the payload's first byte */
    KIND_RETRY,
    KIND_VERSIONS,
    KIND_UNKNOWN_VERSION,
    KIND_RAW,
    KIND_PADDED_INITIAL,
    KIND_TIME,
};

enum { QUARTER_SECOND_US = 250000, LONGEST_PAYLOAD = 4096, MOST_MOVES = 64 };

static const uint32_t versions[] = {QUIC_VERSION_1, QUIC_VERSION_2, 0xff00001d, 0xfaceb001};
static const char *const ids[] = {"original", "retry id", "server", "third id"};
static const uint32_t offers[] = {QUIC_VERSION_1, 0xff00001d, 0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_raw(struct span bytes) {
    struct quic_header header;
    for (struct span rest = bytes;
         rest.size != 0 && quic_header_parse(rest, &header) == PARSE_OK;) {
        assert(header.packet.size != 0 && header.packet.size <= rest.size);
        span_walk(header.packet, bytes);
        span_walk(header.destination_id, bytes);
        span_walk(header.source_id, bytes);
        span_walk(header.token, bytes);
        span_walk(header.versions, bytes);
        assert(header.number_at == 0 || !header.is_whole ||
               header.number_at + 20 <= header.packet.size);
        rest = span_from(rest, header.packet.size);
    }
    for (enum quic_dialect dialect = 0; dialect < QUIC_DIALECT_COUNT; dialect++) {
        struct quic_frame frame;
        struct span frames = bytes;
        size_t left = frames.size;
        while (quic_frame_next(&frames, dialect, &frame)) {
            assert(frames.size < left);
            left = frames.size;
            span_walk(frame.data, bytes);
        }
    }
}

/* Record spans lie in the sensor's buffers: reading them is the check. */
static void read_span(struct span span) {
    span_walk(span, span);
}

static void read_offer(const struct client_hello *hello) {
    read_span(hello->random);
    read_span(hello->session_id);
    read_span(hello->cipher_suites);
    read_span(hello->extensions);
    read_span(hello->server_name);
    read_span(hello->supported_versions);
}

static void take_record(void *context, const struct handshake *record) {
    (void)context;
    assert(handshake_has_hello(record));
    if (record->protocol != HANDSHAKE_QUIC) /* raw datagrams may be OpenVPN's or DTLS's */
        return;
    assert(record->alert_count <= HANDSHAKE_MAX_ALERTS);
    assert(record->started_packet <= record->ended_packet);
    assert(record->started_us <= record->ended_us);
    assert((record->malformed != 0) == (record->malformed_packet != 0));
    assert(record->quic.first_version != 0 && record->quic.version != 0);
    assert(record->quic.offered_versions.size % 4 == 0);
    read_span(record->quic.offered_versions);
    if (record->has & HANDSHAKE_HAS_OFFER)
        read_offer(&record->offer);
    if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
        read_offer(&record->second_offer);
    if (record->has & HANDSHAKE_HAS_CHOICE) {
        read_span(record->choice.random);
        read_span(record->choice.extensions);
    }
    if (record->outcome == OUTCOME_COMPLETED)
        assert((record->has & HANDSHAKE_HAS_OFFER) && (record->has & HANDSHAKE_HAS_CHOICE));
}

struct move {
    uint8_t head;
    uint8_t detail;
    struct span payload;
};

/* `detail` also says who sends and gets it. */
static void add_packet(struct bytes *datagram, const struct move *move) {
    static struct bytes frames;
    enum kind kind = (enum kind)((move->head >> 2U) & 7U);
    enum handshake_side from = move->head & 1U ? SIDE_SERVER : SIDE_CLIENT;
    uint32_t version = versions[move->detail & 3U];
    const char *to = from == SIDE_SERVER ? "client" : ids[(move->detail >> 4U) & 3U];
    const char *as = from == SIDE_CLIENT ? "client" : ids[(move->detail >> 4U) & 3U];
    struct initial_plan plan = {.version = version,
                                .from = from,
                                .keys = ids[(move->detail >> 2U) & 3U],
                                .to = to,
                                .as = move->detail & 0x40U ? "another" : as,
                                .token = move->detail & 0x80U ? "token" : NULL,
                                .pad_to = kind == KIND_PADDED_INITIAL ? QUIC_FIRST_SIZE : 0};
    uint8_t first = move->payload.size ? move->payload.data[0] : 0;
    switch (kind) {
    case KIND_INITIAL:
    case KIND_PADDED_INITIAL:
        frames.size = 0;
        bytes_add(&frames, move->payload.data, move->payload.size);
        wire_initial(datagram, plan, &frames);
        break;
    case KIND_SEALED:
        if (first % 3 == 0)
            wire_handshake(datagram, version, to, plan.as, 20 + first);
        else if (first % 3 == 1)
            wire_zero_rtt(datagram, version, to, plan.as, 20 + first);
        else
            wire_one_rtt(datagram, to, first);
        break;
    case KIND_RETRY:
        wire_retry(datagram, version, to, plan.as);
        break;
    case KIND_VERSIONS:
        wire_versions(datagram, to, plan.as, offers);
        break;
    case KIND_UNKNOWN_VERSION:
        wire_unknown(datagram, 0x0a0a0a0aU + first, to, plan.as, QUIC_FIRST_SIZE);
        break;
    case KIND_RAW:
        bytes_add(datagram, move->payload.data, move->payload.size);
        break;
    case KIND_TIME:
        break;
    }
}

struct run {
    struct flow_table *table;
    uint64_t time_us;
    uint64_t number;
};

static void send_datagram(struct run *run, const struct move *move, const struct bytes *datagram) {
    bool from_server = move->head & 1U;
    size_t cut = move->head & 0x40U ? datagram->size / 3 : 0;
    struct span block = exact_copy(datagram->data, datagram->size - cut);
    uint16_t client_port = (uint16_t)(CLIENT_PORT + ((move->head >> 1U) & 1U));
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_UDP,
                            .hop_limit = 64,
                            .source = {{10, 0, 0, from_server ? 2 : 1}},
                            .destination = {{10, 0, 0, from_server ? 1 : 2}},
                            .source_port = from_server ? SERVER_PORT : client_port,
                            .destination_port = from_server ? client_port : SERVER_PORT,
                            .payload = block,
                            .payload_size_wire = datagram->size};
    flow_table_packet(run->table, &packet, ++run->time_us, ++run->number);
    exact_free(block);
}

static struct flow_table *new_table(void) {
    struct flow_config config;
    flow_default_config(&config);
    config.flows = 2;
    config.handshakes = 1;
    config.small_buffers = 5;
    config.medium_buffers = 2;
    config.large_buffers = 1;
    config.windows = 1;
    return flow_table_new(&config, take_record, NULL);
}

static void play(struct span input) {
    static struct bytes datagram;
    static struct flow_table *table; /* made once: the library's set-up takes longer than a run */
    if (table == NULL)
        table = new_table();
    struct run run = {.table = table, .time_us = UINT64_C(1700000000000000)};
    struct reader reader = reader_of(input);
    datagram.size = 0;
    for (unsigned i = 0; i < MOST_MOVES && reader_left(&reader) >= 4; i++) {
        struct move move = {.head = reader_u8(&reader), .detail = reader_u8(&reader)};
        size_t size = reader_u16(&reader) % LONGEST_PAYLOAD;
        size = size < reader_left(&reader) ? size : reader_left(&reader);
        move.payload = reader_take(&reader, size);
        if (((move.head >> 2U) & 7U) == KIND_TIME)
            run.time_us += (uint64_t)move.detail * QUARTER_SECOND_US;
        add_packet(&datagram, &move);
        if (move.head & 0x20U && datagram.size < LONGEST_PAYLOAD)
            continue;
        send_datagram(&run, &move, &datagram);
        datagram.size = 0;
    }
    flow_table_end(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct span copy = exact_copy(data + 1, size - 1);
    if (data[0] == 0)
        read_raw(copy);
    else
        play(copy);
    exact_free(copy);
    return 0;
}
