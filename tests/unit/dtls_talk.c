#include "dtls_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SUITE_ECDHE = 0xc02f, SUITE_AES_128_GCM_SHA256 = 0x1301, EXTENSION_CONNECTION_ID = 54 };

void dtls_talk_init(struct dtls_talk *talk) {
    talk->store.size = 0;
    talk->count = 0;
    talk->client_port = CLIENT_PORT;
    talk->version = DTLS_VERSION_1_2;
    talk->random = 0xc1;
    talk->most = 1 << 20;
    talk->sequence[SIDE_CLIENT] = 0;
    talk->sequence[SIDE_SERVER] = 0;
}

/* ---- datagrams ---- */

void dtls_datagram(struct dtls_talk *talk, enum handshake_side from) {
    assert_true(talk->count < DATAGRAMS_MAX);
    talk->datagrams[talk->count++] =
        (struct datagram){.from = from, .at = talk->store.size, .after_us = MILLISECOND};
}

/* Bytes of the datagram that was begun last. */
static void add(struct dtls_talk *talk, const void *data, size_t size) {
    bytes_add(&talk->store, data, size);
    talk->datagrams[talk->count - 1].size += size;
}

static void add_number(struct dtls_talk *talk, uint64_t value, size_t width) {
    for (size_t i = width; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8U * (i - 1)));
        add(talk, &byte, 1);
    }
}

static void add_fill(struct dtls_talk *talk, uint8_t value, size_t count) {
    for (size_t i = 0; i < count; i++)
        add(talk, &value, 1);
}

static void add_header(struct dtls_talk *talk, uint8_t type, uint16_t epoch, size_t size) {
    add_number(talk, type, 1);
    add_number(talk, talk->version, 2);
    add_number(talk, epoch, 2);
    add_number(talk, talk->sequence[talk->datagrams[talk->count - 1].from]++, 6);
    add_number(talk, size, 2);
}

void dtls_record(struct dtls_talk *talk, uint8_t type, uint16_t epoch, const void *data,
                 size_t size) {
    add_header(talk, type, epoch, size);
    if (data)
        add(talk, data, size);
    else
        add_fill(talk, 0xd5, size);
}

void dtls_unified_record(struct dtls_talk *talk, uint8_t epoch, size_t size) {
    add_number(talk, 0x2cU | epoch, 1);
    add_number(talk, 7, 2);
    add_number(talk, size, 2);
    add_fill(talk, 0xd5, size);
}

void dtls_fragment(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                   const struct bytes *body, size_t offset, size_t size) {
    add_header(talk, TLS_HANDSHAKE, 0, size + DTLS_HANDSHAKE_HEADER_SIZE);
    add_number(talk, type, 1);
    add_number(talk, body->size, 3);
    add_number(talk, message_sequence, 2);
    add_number(talk, offset, 3);
    add_number(talk, size, 3);
    add(talk, body->data + offset, size);
}

void dtls_message(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                  const struct bytes *body) {
    enum handshake_side from = talk->datagrams[talk->count - 1].from;
    size_t offset = 0;
    for (;;) {
        size_t left = body->size - offset;
        size_t size = left < talk->most ? left : talk->most;
        dtls_fragment(talk, type, message_sequence, body, offset, size);
        offset += size;
        if (offset == body->size)
            return;
        dtls_datagram(talk, from);
    }
}

void dtls_plain_message(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                        size_t size) {
    struct bytes *body = test_malloc(sizeof *body);
    body->size = 0;
    bytes_fill(body, 0xee, size);
    dtls_message(talk, type, message_sequence, body);
    test_free(body);
}

/* ---- hellos ---- */

static size_t extension_open(struct bytes *bytes, uint16_t type) {
    bytes_number(bytes, type, 2);
    return bytes_open(bytes, 2);
}

static void add_connection_id(struct bytes *body, size_t size_plus_one) {
    if (size_plus_one == 0)
        return;
    size_t extension = extension_open(body, EXTENSION_CONNECTION_ID);
    bytes_number(body, (uint32_t)size_plus_one - 1, 1);
    bytes_fill(body, 0xcd, size_plus_one - 1);
    bytes_close(body, extension, 2);
}

void dtls_client_hello(const struct dtls_talk *talk, struct bytes *body,
                       struct dtls_hello_plan plan) {
    bytes_number(body, talk->version, 2);
    bytes_fill(body, talk->random, TLS_RANDOM_SIZE);
    bytes_number(body, 0, 1);
    bytes_number(body, (uint32_t)plan.cookie, 1);
    bytes_fill(body, 0xc0, plan.cookie);
    size_t suites = bytes_open(body, 2);
    bytes_number(body, SUITE_ECDHE, 2);
    if (plan.highest)
        bytes_number(body, SUITE_AES_128_GCM_SHA256, 2);
    if (plan.suite)
        bytes_number(body, plan.suite, 2);
    bytes_close(body, suites, 2);
    bytes_number(body, 0x0100, 2);
    size_t block = bytes_open(body, 2);
    if (plan.highest) {
        size_t extension = extension_open(body, TLS_EXT_SUPPORTED_VERSIONS);
        bytes_number(body, 4, 1);
        bytes_number(body, plan.highest, 2);
        bytes_number(body, DTLS_VERSION_1_2, 2);
        bytes_close(body, extension, 2);
    }
    if (plan.share) {
        size_t extension = extension_open(body, TLS_EXT_KEY_SHARE);
        size_t shares = bytes_open(body, 2);
        bytes_number(body, plan.share, 2);
        bytes_number(body, 32, 2);
        bytes_fill(body, 0x77, 32);
        bytes_close(body, shares, 2);
        bytes_close(body, extension, 2);
    }
    add_connection_id(body, plan.connection_id);
    if (plan.padding) {
        size_t extension = extension_open(body, 21);
        for (size_t i = 0; i < plan.padding; i++)
            bytes_number(body, (uint32_t)(i * 7) & 0xffU, 1);
        bytes_close(body, extension, 2);
    }
    bytes_close(body, block, 2);
}

void dtls_server_hello(const struct dtls_talk *talk, struct bytes *body,
                       struct dtls_answer_plan plan) {
    static const uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                    0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                    0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    bytes_number(body, plan.version ? plan.version : talk->version, 2);
    if (plan.is_retry)
        bytes_add(body, retry, sizeof retry);
    else
        bytes_fill(body, 0x5e, TLS_RANDOM_SIZE);
    bytes_number(body, 0, 1);
    bytes_number(body, plan.suite ? plan.suite : SUITE_ECDHE, 2);
    bytes_number(body, 0, 1);
    size_t block = bytes_open(body, 2);
    if (plan.selected) {
        size_t extension = extension_open(body, TLS_EXT_SUPPORTED_VERSIONS);
        bytes_number(body, plan.selected, 2);
        bytes_close(body, extension, 2);
    }
    if (plan.group) {
        size_t extension = extension_open(body, TLS_EXT_KEY_SHARE);
        bytes_number(body, plan.group, 2);
        if (!plan.is_retry) {
            bytes_number(body, 32, 2);
            bytes_fill(body, 0x88, 32);
        }
        bytes_close(body, extension, 2);
    }
    add_connection_id(body, plan.connection_id);
    bytes_close(body, block, 2);
}

void dtls_hello_verify(struct bytes *body, size_t cookie) {
    bytes_number(body, DTLS_VERSION_1_0, 2);
    bytes_number(body, (uint32_t)cookie, 1);
    bytes_fill(body, 0xc0, cookie);
}

/* ---- flights ---- */

static void say_client_hello(struct dtls_talk *talk, uint16_t number, size_t cookie) {
    struct bytes *body = test_malloc(sizeof *body);
    body->size = 0;
    dtls_client_hello(talk, body, (struct dtls_hello_plan){.cookie = cookie});
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_message(talk, TLS_CLIENT_HELLO, number, body);
    test_free(body);
}

void dtls_say_hello(struct dtls_talk *talk) {
    say_client_hello(talk, 0, 0);
}

void dtls_say_verify(struct dtls_talk *talk) {
    struct bytes *body = test_malloc(sizeof *body);
    body->size = 0;
    dtls_hello_verify(body, 20);
    dtls_datagram(talk, SIDE_SERVER);
    dtls_fragment(talk, TLS_HELLO_VERIFY_REQUEST, 0, body, 0, body->size);
    test_free(body);
}

void dtls_say_second_hello(struct dtls_talk *talk) {
    say_client_hello(talk, 1, 20);
}

static void add_key_exchange(struct dtls_talk *talk, uint16_t number) {
    struct bytes *message = test_malloc(sizeof *message);
    message->size = 0;
    message_key_exchange(message);
    memmove(message->data, message->data + TLS_HANDSHAKE_HEADER_SIZE,
            message->size - TLS_HANDSHAKE_HEADER_SIZE);
    message->size -= TLS_HANDSHAKE_HEADER_SIZE;
    dtls_message(talk, TLS_SERVER_KEY_EXCHANGE, number, message);
    test_free(message);
}

void dtls_say_server_flight(struct dtls_talk *talk) {
    struct bytes *body = test_malloc(sizeof *body);
    body->size = 0;
    dtls_server_hello(talk, body, (struct dtls_answer_plan){0});
    dtls_datagram(talk, SIDE_SERVER);
    dtls_message(talk, TLS_SERVER_HELLO, 1, body);
    dtls_plain_message(talk, TLS_CERTIFICATE, 2, 700);
    add_key_exchange(talk, 3);
    dtls_plain_message(talk, TLS_SERVER_HELLO_DONE, 4, 0);
    test_free(body);
}

void dtls_say_client_flight(struct dtls_talk *talk) {
    dtls_datagram(talk, SIDE_CLIENT);
    dtls_plain_message(talk, TLS_CLIENT_KEY_EXCHANGE, 2, 33);
    dtls_record(talk, TLS_CHANGE_CIPHER_SPEC, 0, "\x01", 1);
    dtls_record(talk, TLS_HANDSHAKE, 1, NULL, 48);
}

void dtls_say_server_finish(struct dtls_talk *talk) {
    dtls_datagram(talk, SIDE_SERVER);
    dtls_record(talk, TLS_CHANGE_CIPHER_SPEC, 0, "\x01", 1);
    dtls_record(talk, TLS_HANDSHAKE, 1, NULL, 48);
}

void dtls_say_all(struct dtls_talk *talk) {
    dtls_say_hello(talk);
    dtls_say_verify(talk);
    dtls_say_second_hello(talk);
    dtls_say_server_flight(talk);
    dtls_say_client_flight(talk);
    dtls_say_server_finish(talk);
}

void dtls_say_stun(struct dtls_talk *talk, enum handshake_side from) {
    static const uint8_t header[] = {0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42};
    dtls_datagram(talk, from);
    add(talk, header, sizeof header);
    add_fill(talk, 0x77, 12);
    add_number(talk, 0x00240004, 4);
    add_number(talk, 0x6e7f1eff, 4);
}

/* ---- changes ---- */

void dtls_move(struct dtls_talk *talk, size_t from, size_t to) {
    struct datagram moved = talk->datagrams[from];
    dtls_remove(talk, from);
    memmove(talk->datagrams + to + 1, talk->datagrams + to,
            (talk->count - to) * sizeof talk->datagrams[0]);
    talk->datagrams[to] = moved;
    talk->count++;
}

void dtls_copy(struct dtls_talk *talk, size_t from, size_t to) {
    struct datagram copy = talk->datagrams[from];
    assert_true(talk->count < DATAGRAMS_MAX);
    memmove(talk->datagrams + to + 1, talk->datagrams + to,
            (talk->count - to) * sizeof talk->datagrams[0]);
    talk->datagrams[to] = copy;
    talk->count++;
}

void dtls_remove(struct dtls_talk *talk, size_t at) {
    talk->count--;
    memmove(talk->datagrams + at, talk->datagrams + at + 1,
            (talk->count - at) * sizeof talk->datagrams[0]);
}

/* ---- playing ---- */

void dtls_step(struct tape *tape, const struct dtls_talk *talk, size_t at) {
    static const struct ip_address client = {{192, 0, 2, 1}};
    static const struct ip_address server = {{198, 51, 100, 1}};
    const struct datagram *datagram = &talk->datagrams[at];
    bool from_client = datagram->from == SIDE_CLIENT;
    size_t captured = datagram->size - datagram->cut;
    /* A block of its exact size, gone after the call: reads past it and kept pointers are seen. */
    uint8_t *payload = test_malloc(captured ? captured : 1);
    if (captured)
        memcpy(payload, talk->store.data + datagram->at, captured);
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_UDP,
                            .hop_limit = from_client ? 64 : 55,
                            .source = from_client ? client : server,
                            .destination = from_client ? server : client,
                            .source_port = from_client ? talk->client_port : SERVER_PORT,
                            .destination_port = from_client ? SERVER_PORT : talk->client_port,
                            .payload = span_of(payload, captured),
                            .payload_size_wire = datagram->size};
    tape->now_us += datagram->after_us;
    flow_table_packet(tape->table, &packet, tape->now_us, ++tape->number);
    test_free(payload);
}

void dtls_play(struct tape *tape, const struct dtls_talk *talk) {
    for (size_t i = 0; i < talk->count; i++)
        dtls_step(tape, talk, i);
}

const char *dtls_one(struct tape *tape, const struct dtls_talk *talk) {
    tape->count = 0;
    dtls_play(tape, talk);
    flow_table_end(tape->table);
    if (tape->count != 1)
        fail_msg("%zu records instead of one", tape->count);
    return tape->lines[0];
}
