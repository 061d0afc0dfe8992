#include "flow_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls_record.h"

enum { GROUP_X25519 = 29, GROUP_P256 = 23, SUITE_TLS13 = 0x1301, SUITE_ECDHE = 0xc02f };

/* ---- bytes ---- */

void bytes_add(struct bytes *bytes, const void *data, size_t size) {
    assert_true(size <= BYTES_MAX - bytes->size);
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_fill(struct bytes *bytes, uint8_t value, size_t count) {
    assert_true(count <= BYTES_MAX - bytes->size);
    memset(bytes->data + bytes->size, value, count);
    bytes->size += count;
}

void bytes_number(struct bytes *bytes, uint32_t value, size_t width) {
    for (size_t i = width; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8U * (i - 1)));
        bytes_add(bytes, &byte, 1);
    }
}

size_t bytes_open(struct bytes *bytes, size_t width) {
    bytes_fill(bytes, 0, width);
    return bytes->size;
}

void bytes_close(struct bytes *bytes, size_t start, size_t width) {
    size_t length = bytes->size - start;
    for (size_t i = 1; i <= width; i++, length >>= 8U)
        bytes->data[start - i] = (uint8_t)length;
}

static size_t extension_open(struct bytes *bytes, uint16_t type) {
    bytes_number(bytes, type, 2);
    return bytes_open(bytes, 2);
}

static void add_versions_and_share(struct bytes *bytes, const struct client_plan *plan) {
    size_t extension = extension_open(bytes, TLS_EXT_SUPPORTED_VERSIONS);
    bytes_number(bytes, 4, 1);
    bytes_number(bytes, TLS_VERSION_1_3, 2);
    bytes_number(bytes, TLS_VERSION_1_2, 2);
    bytes_close(bytes, extension, 2);
    extension = extension_open(bytes, TLS_EXT_KEY_SHARE);
    size_t shares = bytes_open(bytes, 2);
    bytes_number(bytes, plan->share, 2);
    bytes_number(bytes, 32, 2);
    bytes_fill(bytes, 0x77, 32);
    bytes_close(bytes, shares, 2);
    bytes_close(bytes, extension, 2);
}

static void add_client_extensions(struct bytes *bytes, const struct client_plan *plan) {
    size_t block = bytes_open(bytes, 2);
    if (plan->name) {
        size_t extension = extension_open(bytes, TLS_EXT_SERVER_NAME);
        size_t list = bytes_open(bytes, 2);
        bytes_number(bytes, 0, 1);
        size_t name = bytes_open(bytes, 2);
        bytes_add(bytes, plan->name, strlen(plan->name));
        bytes_close(bytes, name, 2);
        bytes_close(bytes, list, 2);
        bytes_close(bytes, extension, 2);
    }
    if (plan->is_13)
        add_versions_and_share(bytes, plan);
    if (plan->has_early_data)
        bytes_close(bytes, extension_open(bytes, TLS_EXT_EARLY_DATA), 2);
    if (plan->padding) {
        size_t extension = extension_open(bytes, 21);
        bytes_fill(bytes, 0, plan->padding);
        bytes_close(bytes, extension, 2);
    }
    bytes_close(bytes, block, 2);
}

void message_client_hello(struct bytes *bytes, struct client_plan plan) {
    static const uint16_t usual[] = {SUITE_TLS13, SUITE_ECDHE, 0x002f};
    bytes_number(bytes, TLS_CLIENT_HELLO, 1);
    size_t body = bytes_open(bytes, 3);
    bytes_number(bytes, TLS_VERSION_1_2, 2);
    bytes_fill(bytes, 0xc1, TLS_RANDOM_SIZE);
    bytes_number(bytes, 32, 1);
    bytes_fill(bytes, 0x51, 32);
    size_t suites = bytes_open(bytes, 2);
    for (size_t i = 0; i < (plan.suites ? plan.suites : 3); i++)
        bytes_number(bytes, i < 3 ? usual[i] : (uint32_t)(0x4000 + i % 0x1000), 2);
    bytes_close(bytes, suites, 2);
    bytes_number(bytes, 0x0100, 2);
    add_client_extensions(bytes, &plan);
    bytes_close(bytes, body, 3);
}

void message_server_hello(struct bytes *bytes, struct server_plan plan) {
    static const uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                    0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                    0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    bytes_number(bytes, TLS_SERVER_HELLO, 1);
    size_t body = bytes_open(bytes, 3);
    bytes_number(bytes, plan.version ? plan.version : TLS_VERSION_1_2, 2);
    if (plan.is_retry)
        bytes_add(bytes, retry, sizeof retry);
    else
        bytes_fill(bytes, 0x5e, TLS_RANDOM_SIZE);
    bytes_number(bytes, 32, 1);
    bytes_fill(bytes, plan.selected ? 0x51 : 0x99, 32);
    bytes_number(bytes, plan.suite, 2);
    bytes_number(bytes, 0, 1);
    size_t block = bytes_open(bytes, 2);
    if (plan.selected) {
        size_t extension = extension_open(bytes, TLS_EXT_SUPPORTED_VERSIONS);
        bytes_number(bytes, plan.selected, 2);
        bytes_close(bytes, extension, 2);
    }
    if (plan.group) {
        size_t extension = extension_open(bytes, TLS_EXT_KEY_SHARE);
        bytes_number(bytes, plan.group, 2);
        if (!plan.is_retry) {
            bytes_number(bytes, 32, 2);
            bytes_fill(bytes, 0x88, 32);
        }
        bytes_close(bytes, extension, 2);
    }
    bytes_close(bytes, block, 2);
    bytes_close(bytes, body, 3);
}

void message_key_exchange(struct bytes *bytes) {
    bytes_number(bytes, TLS_SERVER_KEY_EXCHANGE, 1);
    size_t body = bytes_open(bytes, 3);
    bytes_number(bytes, 3, 1); /* named_curve */
    bytes_number(bytes, GROUP_X25519, 2);
    bytes_number(bytes, 32, 1);
    bytes_fill(bytes, 0x66, 32);
    bytes_number(bytes, 0x0804, 2);
    bytes_number(bytes, 64, 2);
    bytes_fill(bytes, 0x67, 64);
    bytes_close(bytes, body, 3);
}

void message_plain(struct bytes *bytes, uint8_t type, size_t size) {
    bytes_number(bytes, type, 1);
    bytes_number(bytes, (uint32_t)size, 3);
    bytes_fill(bytes, 0xee, size);
}

void record_add(struct bytes *bytes, uint8_t type, const void *data, size_t size, size_t most) {
    const uint8_t *at = (const uint8_t *)data;
    size_t limit = most ? most : 16384;
    do {
        size_t part = size < limit ? size : limit;
        bytes_number(bytes, type, 1);
        bytes_number(bytes, 0x0303, 2);
        bytes_number(bytes, (uint32_t)part, 2);
        bytes_add(bytes, at, part);
        at += part;
        size -= part;
    } while (size);
}

void record_fill(struct bytes *bytes, uint8_t type, size_t size) {
    bytes_number(bytes, type, 1);
    bytes_number(bytes, 0x0303, 2);
    bytes_number(bytes, (uint32_t)size, 2);
    bytes_fill(bytes, 0xd5, size);
}

void record_messages(struct bytes *bytes, const struct bytes *messages) {
    record_add(bytes, TLS_HANDSHAKE, messages->data, messages->size, 0);
}

void record_change_cipher_spec(struct bytes *bytes) {
    record_add(bytes, TLS_CHANGE_CIPHER_SPEC, "\x01", 1, 0);
}

void record_alert(struct bytes *bytes, uint8_t level, uint8_t description) {
    const uint8_t alert[] = {level, description};
    record_add(bytes, TLS_ALERT, alert, sizeof alert, 0);
}

/* ---- packets ---- */

void talk_init(struct talk *talk, uint32_t client_first, uint32_t server_first) {
    talk->client_port = CLIENT_PORT;
    talk->first_sequence[SIDE_CLIENT] = client_first;
    talk->first_sequence[SIDE_SERVER] = server_first;
    talk->said[SIDE_CLIENT].size = 0;
    talk->said[SIDE_SERVER].size = 0;
    talk->count = 0;
}

static uint32_t talk_next(const struct talk *talk, enum handshake_side side) {
    return talk->first_sequence[side] + (uint32_t)talk->said[side].size;
}

struct step *talk_packet(struct talk *talk, enum handshake_side from, uint8_t flags) {
    assert_true(talk->count < STEPS_MAX);
    struct step *step = &talk->steps[talk->count++];
    *step = (struct step){.from = from,
                          .flags = flags,
                          .hop_limit = from == SIDE_CLIENT ? 64 : 55,
                          .client_port = talk->client_port,
                          .sequence = talk_next(talk, from),
                          .acknowledgement =
                              talk_next(talk, from == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT),
                          .after_us = MILLISECOND};
    return step;
}

void talk_open(struct talk *talk) {
    struct step *syn = talk_packet(talk, SIDE_CLIENT, TCP_SYN);
    syn->sequence--;
    syn->acknowledgement = 0;
    talk_packet(talk, SIDE_SERVER, TCP_SYN | TCP_ACK)->sequence--;
    talk_packet(talk, SIDE_CLIENT, TCP_ACK);
}

struct step *talk_say(struct talk *talk, enum handshake_side from, const struct bytes *bytes) {
    struct step *step = talk_packet(talk, from, TCP_ACK | TCP_PSH);
    struct bytes *said = &talk->said[from];
    step->payload = said->data + said->size;
    step->size = bytes->size;
    bytes_add(said, bytes->data, bytes->size);
    return step;
}

void talk_close(struct talk *talk) {
    talk_packet(talk, SIDE_CLIENT, TCP_FIN | TCP_ACK);
    talk_packet(talk, SIDE_SERVER, TCP_FIN | TCP_ACK)->acknowledgement++;
    struct step *last = talk_packet(talk, SIDE_CLIENT, TCP_ACK);
    last->sequence++;
    last->acknowledgement++;
}

static void talk_say_sealed(struct talk *talk, enum handshake_side from, uint8_t type,
                            size_t size) {
    struct bytes *flight = test_malloc(sizeof *flight);
    flight->size = 0;
    record_fill(flight, type, size);
    talk_say(talk, from, flight);
    test_free(flight);
}

/* What goes over a connection after the handshake, and its end. */
static void talk_finish(struct talk *talk) {
    talk_say_sealed(talk, SIDE_CLIENT, TLS_APPLICATION_DATA, 120);
    talk_say_sealed(talk, SIDE_SERVER, TLS_APPLICATION_DATA, 240);
    talk_close(talk);
}

/* Two builders that a conversation needs at once: messages and the flight made of them. */
struct workshop {
    struct bytes messages;
    struct bytes flight;
};

static void workshop_say(struct workshop *shop, struct talk *talk, enum handshake_side from) {
    talk_say(talk, from, &shop->flight);
    shop->messages.size = 0;
    shop->flight.size = 0;
}

static void say_client_hello(struct workshop *shop, struct talk *talk, struct client_plan plan) {
    message_client_hello(&shop->messages, plan);
    record_messages(&shop->flight, &shop->messages);
    workshop_say(shop, talk, SIDE_CLIENT);
}

void talk_tls12(struct talk *talk, uint32_t client_first, uint32_t server_first) {
    struct workshop *shop = test_calloc(1, sizeof *shop);
    talk_init(talk, client_first, server_first);
    talk_open(talk);
    say_client_hello(shop, talk, (struct client_plan){.name = "a.example"});
    message_server_hello(&shop->messages, (struct server_plan){.suite = SUITE_ECDHE});
    message_plain(&shop->messages, TLS_CERTIFICATE, 90);
    message_key_exchange(&shop->messages);
    message_plain(&shop->messages, TLS_SERVER_HELLO_DONE, 0);
    record_messages(&shop->flight, &shop->messages);
    workshop_say(shop, talk, SIDE_SERVER);
    message_plain(&shop->messages, TLS_CLIENT_KEY_EXCHANGE, 33);
    record_messages(&shop->flight, &shop->messages);
    record_change_cipher_spec(&shop->flight);
    record_fill(&shop->flight, TLS_HANDSHAKE, 40);
    workshop_say(shop, talk, SIDE_CLIENT);
    record_change_cipher_spec(&shop->flight);
    record_fill(&shop->flight, TLS_HANDSHAKE, 40);
    workshop_say(shop, talk, SIDE_SERVER);
    talk_finish(talk);
    test_free(shop);
}

void talk_tls13(struct talk *talk, uint32_t client_first, uint32_t server_first) {
    struct workshop *shop = test_calloc(1, sizeof *shop);
    talk_init(talk, client_first, server_first);
    talk_open(talk);
    say_client_hello(
        shop, talk,
        (struct client_plan){.name = "a.example", .is_13 = true, .share = GROUP_X25519});
    message_server_hello(&shop->messages, (struct server_plan){.selected = TLS_VERSION_1_3,
                                                               .suite = SUITE_TLS13,
                                                               .group = GROUP_X25519});
    record_messages(&shop->flight, &shop->messages);
    record_change_cipher_spec(&shop->flight);
    record_fill(&shop->flight, TLS_APPLICATION_DATA, 150);
    workshop_say(shop, talk, SIDE_SERVER);
    record_change_cipher_spec(&shop->flight);
    record_fill(&shop->flight, TLS_APPLICATION_DATA, 53);
    workshop_say(shop, talk, SIDE_CLIENT);
    talk_finish(talk);
    test_free(shop);
}

void talk_retry(struct talk *talk, uint32_t client_first, uint32_t server_first) {
    struct workshop *shop = test_calloc(1, sizeof *shop);
    struct client_plan client = {.name = "a.example", .is_13 = true, .share = GROUP_X25519};
    struct server_plan server = {
        .is_retry = true, .selected = TLS_VERSION_1_3, .suite = SUITE_TLS13, .group = GROUP_P256};
    talk_init(talk, client_first, server_first);
    talk_open(talk);
    say_client_hello(shop, talk, client);
    message_server_hello(&shop->messages, server);
    record_messages(&shop->flight, &shop->messages);
    record_change_cipher_spec(&shop->flight);
    workshop_say(shop, talk, SIDE_SERVER);
    record_change_cipher_spec(&shop->flight);
    client.share = GROUP_P256;
    say_client_hello(shop, talk, client);
    server.is_retry = false;
    message_server_hello(&shop->messages, server);
    record_messages(&shop->flight, &shop->messages);
    record_fill(&shop->flight, TLS_APPLICATION_DATA, 150);
    workshop_say(shop, talk, SIDE_SERVER);
    record_fill(&shop->flight, TLS_APPLICATION_DATA, 53);
    workshop_say(shop, talk, SIDE_CLIENT);
    talk_finish(talk);
    test_free(shop);
}

void talk_insert(struct talk *talk, size_t at, struct step step) {
    assert_true(talk->count < STEPS_MAX && at <= talk->count);
    memmove(talk->steps + at + 1, talk->steps + at, (talk->count - at) * sizeof step);
    talk->steps[at] = step;
    talk->count++;
}

void talk_remove(struct talk *talk, size_t at) {
    assert_true(at < talk->count);
    talk->count--;
    memmove(talk->steps + at, talk->steps + at + 1, (talk->count - at) * sizeof *talk->steps);
}

void talk_split(struct talk *talk, size_t step, size_t at) {
    struct step rest = talk->steps[step];
    assert_true(at > 0 && at < rest.size);
    talk->steps[step].size = at;
    rest.payload += at;
    rest.size -= at;
    rest.sequence += (uint32_t)at;
    talk_insert(talk, step + 1, rest);
}

void talk_split_all(struct talk *talk, size_t most) {
    for (size_t i = 0; i < talk->count; i++)
        if (talk->steps[i].size > most)
            talk_split(talk, i, most);
}

/* ---- playing ---- */

static unsigned hash_of(const struct span *spans, size_t count) {
    unsigned hash = 2166136261U;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < spans[i].size; at++)
            hash = (hash ^ spans[i].data[at]) * 16777619U;
    return hash & 0xffffU;
}

__attribute__((format(printf, 3, 4))) static void line_add(char *line, size_t *used,
                                                           const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line + *used, LINE_SIZE - *used, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t)size < LINE_SIZE - *used);
    *used += (size_t)size;
}

static void tell_offer(char *line, size_t *used, const char *what,
                       const struct client_hello *hello) {
    const struct span all[] = {hello->random, hello->session_id, hello->cipher_suites,
                               hello->compression_methods, hello->extensions};
    line_add(line, used, " %s{%.*s %04x v%zu s%zu k%d #%04x}", what, (int)hello->server_name.size,
             hello->server_name.size ? (const char *)hello->server_name.data : "",
             hello->legacy_version, hello->supported_versions.size / 2,
             hello->cipher_suites.size / 2, client_hello_has_key_share(hello, GROUP_P256),
             hash_of(all, sizeof all / sizeof *all));
}

static void tell_answer(char *line, size_t *used, const char *what,
                        const struct server_hello *hello) {
    const struct span all[] = {hello->random, hello->session_id, hello->extensions};
    line_add(line, used, " %s{%04x %04x suite %04x group %u #%04x}", what, hello->legacy_version,
             hello->selected_version, hello->cipher_suite, hello->key_share_group,
             hash_of(all, sizeof all / sizeof *all));
}

static void tell(char *line, const struct handshake *record) {
    size_t used = 0;
    line_add(line, &used, "%u-%u %s %s missed:%02x", record->client.port, record->server.port,
             handshake_carrier_name(record), handshake_outcome_name(record->outcome),
             record->missed);
    if (record->has & HANDSHAKE_HAS_OFFER)
        tell_offer(line, &used, "offer", &record->offer);
    if (record->has & HANDSHAKE_HAS_RETRY)
        tell_answer(line, &used, "retry", &record->retry);
    if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
        tell_offer(line, &used, "second", &record->second_offer);
    if (record->has & HANDSHAKE_HAS_CHOICE)
        tell_answer(line, &used, "choice", &record->choice);
    if (record->has & HANDSHAKE_HAS_SSLV2_CHOICE)
        line_add(line, &used, " sslv2{%04x %zu}", record->sslv2_choice.version,
                 record->sslv2_choice.cipher_specs.size);
    if (record->has & HANDSHAKE_HAS_KEY_EXCHANGE)
        line_add(line, &used, " kx{%u}", handshake_group(record));
    if (record->has & HANDSHAKE_HAS_CERTIFICATE)
        line_add(line, &used, " cert{%s}", record->certificate_name);
    if (record->has & HANDSHAKE_HAS_RENEGOTIATION)
        line_add(line, &used, " renegotiation");
    if (record->has & HANDSHAKE_HAS_SERVER_HELLO_DONE)
        line_add(line, &used, " done");
    if (record->has & HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE)
        line_add(line, &used, " cke");
    for (size_t i = 0; i < record->alert_count; i++)
        line_add(line, &used, " alert{%c %u %u}",
                 record->alerts[i].sender == SIDE_CLIENT ? 'c' : 's', record->alerts[i].level,
                 record->alerts[i].description);
    line_add(line, &used, " sealed{%u %u}", record->side[SIDE_CLIENT].encrypted_size,
             record->side[SIDE_SERVER].encrypted_size);
}

static void tape_take(void *context, const struct handshake *record) {
    struct tape *tape = (struct tape *)context;
    assert_true(tape->count < LINES_MAX);
    assert_true(record->started_us <= record->ended_us);
    assert_true(record->started_packet <= record->ended_packet);
    tell(tape->lines[tape->count++], record);
    tape->last = *record;
}

void tape_open(struct tape *tape, const struct flow_config *config) {
    struct flow_config small;
    flow_default_config(&small);
    small.flows = 64;
    small.handshakes = 16;
    small.small_buffers = 96;
    small.medium_buffers = 16;
    small.large_buffers = 4;
    small.windows = 32;
    memset(tape, 0, sizeof *tape);
    tape->now_us = UINT64_C(1700000000) * SECOND;
    tape->table = flow_table_new(config ? config : &small, tape_take, tape);
    assert_non_null(tape->table);
}

void tape_close(struct tape *tape) {
    flow_table_delete(tape->table);
    tape->table = NULL;
}

void tape_step(struct tape *tape, const struct step *step) {
    static const struct ip_address client = {{192, 0, 2, 1}};
    static const struct ip_address server = {{198, 51, 100, 1}};
    bool from_client = step->from == SIDE_CLIENT;
    size_t captured = step->size - step->cut;
    /* A block of its exact size, gone after the call: reads past it and kept pointers are seen. */
    uint8_t *payload = test_malloc(captured ? captured : 1);
    if (captured)
        memcpy(payload, step->payload, captured);
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_TCP,
                            .hop_limit = step->hop_limit,
                            .source = from_client ? client : server,
                            .destination = from_client ? server : client,
                            .source_port = from_client ? step->client_port : SERVER_PORT,
                            .destination_port = from_client ? SERVER_PORT : step->client_port,
                            .sequence = step->sequence,
                            .acknowledgement = step->acknowledgement,
                            .tcp_flags = step->flags,
                            .payload = span_of(payload, captured),
                            .payload_size_wire = step->size};
    tape->now_us += step->after_us;
    flow_table_packet(tape->table, &packet, tape->now_us, ++tape->number);
    test_free(payload);
}

void tape_play(struct tape *tape, const struct talk *talk) {
    for (size_t i = 0; i < talk->count; i++)
        tape_step(tape, &talk->steps[i]);
}

void tape_end(struct tape *tape) {
    flow_table_end(tape->table);
}

const char *tape_one(struct tape *tape, const struct talk *talk) {
    tape->count = 0;
    tape_play(tape, talk);
    tape_end(tape);
    if (tape->count != 1)
        fail_msg("%zu records instead of one", tape->count);
    return tape->lines[0];
}

void demand_line(const char *name, const char *expected, const char *found) {
    if (strcmp(expected, found) != 0)
        fail_msg("%s\n expected: %s\n found:    %s", name, expected, found);
}

void demand_has(const char *name, const char *line, const char *text) {
    if (strstr(line, text) == NULL)
        fail_msg("%s\n expected: %s\n in:       %s", name, text, line);
}
