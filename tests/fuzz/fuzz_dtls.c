/*
 * fuzz_dtls.c - one input as a row of datagrams between two ends, through the flow table: DTLS,
 * STUN and TURN around it, and OpenVPN, which may come over TCP as well. What comes out is read to
 * the last byte and must keep what handshake.h promises.
 *
 * An input is steps: a head byte (bit 0 the sender, bits 1 and 2 the ports, bit 3 time, bit 4 a
 * cut, bit 5 TCP, in order), a size of two bytes, and the payload. A step of time takes only its
 * low size byte, in quarters of a second.
 */
#include "dtls.h"
#include "flow.h"
#include "openvpn.h"
#include "stun.h"
#include "tls_messages.h"

enum { QUARTER_SECOND_US = 250000, CUT_BYTES = 60, CLIENT_PORT = 40000, SERVER_PORT = 443 };

struct run {
    struct flow_table *table;
    uint64_t time_us;
    uint64_t number;
    uint32_t next[4][SIDE_COUNT]; /* sequence numbers, by port */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

static void touch(struct span bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    touched = touched + sum;
}

static void read_hello(const struct client_hello *hello) {
    touch(hello->random);
    touch(hello->session_id);
    touch(hello->cookie);
    touch(hello->cipher_suites);
    touch(hello->compression_methods);
    touch(hello->extensions);
    touch(hello->server_name);
    touch(hello->supported_versions);
}

static void read_answer(const struct server_hello *hello) {
    touch(hello->random);
    touch(hello->session_id);
    touch(hello->extensions);
    touch(hello->cookie);
}

static void take_record(void *context, const struct handshake *record) {
    (void)context;
    DEMAND(handshake_has_hello(record) || (record->has & HANDSHAKE_HAS_DIALOGUE));
    DEMAND(record->started_us <= record->ended_us);
    DEMAND(record->started_packet <= record->ended_packet);
    DEMAND(record->alert_count <= HANDSHAKE_MAX_ALERTS);
    DEMAND(!(record->has & HANDSHAKE_HAS_RENEGOTIATION) || record->protocol != HANDSHAKE_DTLS);
    DEMAND(record->malformed == 0 || record->malformed_packet != 0);
    if (record->has & HANDSHAKE_HAS_OFFER)
        read_hello(&record->offer);
    if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
        read_hello(&record->second_offer);
    if (record->has & HANDSHAKE_HAS_RETRY)
        read_answer(&record->retry);
    if (record->has & HANDSHAKE_HAS_CHOICE)
        read_answer(&record->choice);
    if (record->outcome == OUTCOME_COMPLETED)
        DEMAND((record->has & HANDSHAKE_HAS_OFFER) && (record->has & HANDSHAKE_HAS_CHOICE));
    (void)handshake_failed_encrypted(record);
    (void)handshake_is_resumed(record);
    (void)handshake_limiter(record);
}

static void walk_parsers(struct span bytes) {
    struct turn_data turn;
    struct dtls_record record;
    struct dtls_fragment fragment;
    struct openvpn_packet packet;
    size_t auth_size = 0;
    (void)openvpn_opens_session(bytes, &auth_size);
    if (openvpn_packet_parse(bytes, auth_size, &packet) == PARSE_OK) {
        span_walk(packet.session_id, bytes);
        span_walk(packet.acknowledged, bytes);
        span_walk(packet.payload, bytes);
    }
    if (turn_data_parse(bytes, &turn) == PARSE_OK)
        span_walk(turn.data, bytes);
    for (size_t id_size = 0; id_size < 2; id_size++) {
        struct span rest = bytes;
        while (dtls_record_next(&rest, id_size ? 3 : DTLS_CONNECTION_ID_UNKNOWN, &record) ==
               PARSE_OK) {
            span_walk(record.fragment, bytes);
            DEMAND(record.fragment.size <= record.size);
            while (dtls_fragment_next(&record.fragment, &fragment) == PARSE_OK)
                span_walk(fragment.bytes, bytes);
        }
    }
}

static void send_datagram(struct run *run, unsigned head, struct span bytes) {
    bool from_client = !(head & 1U);
    unsigned port = (head >> 1U) & 3U;
    uint16_t client_port = (uint16_t)(CLIENT_PORT + port);
    uint32_t *next = run->next[port];
    enum handshake_side from = from_client ? SIDE_CLIENT : SIDE_SERVER;
    struct ip_address client = {{10, 0, 0, 1}};
    struct ip_address server = {{192, 0, 2, 1}};
    struct span block = exact_copy(bytes.data, bytes.size);
    struct packet packet = {.ip_version = 4,
                            .protocol = head & 32U ? IP_PROTOCOL_TCP : IP_PROTOCOL_UDP,
                            .hop_limit = 64,
                            .source = from_client ? client : server,
                            .destination = from_client ? server : client,
                            .source_port = from_client ? client_port : SERVER_PORT,
                            .destination_port = from_client ? SERVER_PORT : client_port,
                            .payload = block,
                            .payload_size_wire = block.size + (head & 16U ? CUT_BYTES : 0)};
    packet.tcp_flags = TCP_ACK;
    packet.sequence = next[from];
    packet.acknowledgement = next[from_client ? SIDE_SERVER : SIDE_CLIENT];
    if (head & 32U)
        next[from] += (uint32_t)packet.payload_size_wire;
    walk_parsers(block);
    flow_table_packet(run->table, &packet, run->time_us, ++run->number);
    exact_free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct flow_config config;
    flow_default_config(&config);
    config.flows = 3;
    config.handshakes = 2;
    config.small_buffers = 8;
    config.medium_buffers = 2;
    config.large_buffers = 1;
    config.windows = 8;
    struct run run = {.time_us = UINT64_C(1700000000000000)};
    struct reader input = reader_of(span_of(data, size));
    run.table = flow_table_new(&config, take_record, NULL);
    DEMAND(run.table != NULL);
    while (reader_left(&input) >= 3) {
        unsigned head = reader_u8(&input);
        size_t wanted = reader_u16(&input);
        size_t left = reader_left(&input);
        run.time_us++;
        if (head & 8U)
            run.time_us += (uint64_t)(wanted & 0xffU) * QUARTER_SECOND_US;
        else
            send_datagram(&run, head, reader_take(&input, wanted < left ? wanted : left));
    }
    flow_table_end(run.table);
    flow_table_delete(run.table);
    return 0;
}
