/*
 * flow_scene.c - dialogues: what both ends of a handshake say (flow_scene.h).
 */
#include "flow_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- records ---- */

static void dialogue_record(struct exchange *dialogue, unsigned end, uint8_t type,
                            const uint8_t *data, size_t size) {
    struct message *stream = &dialogue->stream[end];
    const uint8_t header[] = {type, 3, 3, (uint8_t)(size >> 8U), (uint8_t)size};
    message_add(stream, header, sizeof header);
    message_add(stream, data, size);
}

static struct flight *dialogue_last(struct exchange *dialogue) {
    return dialogue->flight_count ? &dialogue->flights[dialogue->flight_count - 1] : NULL;
}

/* Puts the waiting messages into records and counts all to the flight. */
static void dialogue_flush(struct exchange *dialogue) {
    struct flight *flight = dialogue_last(dialogue);
    size_t limit = dialogue->layout.record_size ? dialogue->layout.record_size : MESSAGE_MAX;
    if (flight == NULL)
        return;
    for (size_t at = 0; at < dialogue->run.size;) {
        size_t left = dialogue->run.size - at;
        size_t size = left < limit ? left : limit;
        dialogue_record(dialogue, flight->end, TLS_HANDSHAKE, dialogue->run.data + at, size);
        at += size;
    }
    dialogue->run.size = 0;
    flight->size = dialogue->stream[flight->end].size - flight->start;
}

/* It is this end's turn to speak. */
static void dialogue_turn(struct exchange *dialogue, unsigned end) {
    const struct flight *flight = dialogue_last(dialogue);
    if (flight && flight->end == end)
        return;
    dialogue_flush(dialogue);
    assert_true(dialogue->flight_count < DIALOGUE_MAX_FLIGHTS);
    dialogue->flights[dialogue->flight_count++] =
        (struct flight){end, dialogue->stream[end].size, 0};
}

static void dialogue_message(struct exchange *dialogue, unsigned end, uint8_t type,
                             struct span body) {
    const uint8_t header[] = {type, 0, (uint8_t)(body.size >> 8U), (uint8_t)body.size};
    dialogue_turn(dialogue, end);
    message_add(&dialogue->run, header, sizeof header);
    message_add(&dialogue->run, body.data, body.size);
    if (!dialogue->layout.is_joined)
        dialogue_flush(dialogue);
}

static void dialogue_filled(struct exchange *dialogue, unsigned end, uint8_t type, size_t size) {
    struct message body = {0};
    message_fill(&body, 0x5a, size);
    dialogue_message(dialogue, end, type, span_of(body.data, body.size));
}

static void dialogue_cipher_change(struct exchange *dialogue, unsigned end) {
    static const uint8_t change[] = {1};
    dialogue_turn(dialogue, end);
    dialogue_flush(dialogue);
    dialogue_record(dialogue, end, TLS_CHANGE_CIPHER_SPEC, change, sizeof change);
    dialogue_flush(dialogue);
}

static void dialogue_encrypted(struct exchange *dialogue, unsigned end, uint8_t type, size_t size) {
    struct message body = {0};
    message_fill(&body, 0xe5, size);
    dialogue_turn(dialogue, end);
    dialogue_flush(dialogue);
    if (dialogue->sealed_at[end] == 0)
        dialogue->sealed_at[end] = dialogue->stream[end].size;
    dialogue_record(dialogue, end, type, body.data, body.size);
    dialogue_flush(dialogue);
}

void dialogue_sealed(struct exchange *dialogue, unsigned end, size_t size) {
    dialogue_encrypted(dialogue, end, TLS_APPLICATION_DATA, size);
}

void dialogue_alert(struct exchange *dialogue, unsigned end, unsigned level, unsigned description) {
    const uint8_t alert[] = {(uint8_t)level, (uint8_t)description};
    dialogue_turn(dialogue, end);
    dialogue_flush(dialogue);
    dialogue_record(dialogue, end, TLS_ALERT, alert, sizeof alert);
    dialogue_flush(dialogue);
}

void dialogue_keep(struct exchange *dialogue, size_t flights) {
    assert_true(flights <= dialogue->flight_count);
    dialogue->flight_count = flights;
    for (unsigned end = 0; end < SIDE_COUNT; end++) {
        dialogue->stream[end].size = 0;
        for (size_t i = 0; i < flights; i++)
            if (dialogue->flights[i].end == end)
                dialogue->stream[end].size = dialogue->flights[i].start + dialogue->flights[i].size;
        if (dialogue->sealed_at[end] >= dialogue->stream[end].size)
            dialogue->sealed_at[end] = 0;
    }
}

/* ---- what is said ---- */

static const uint16_t suites[] = {0x1301, 0x1302, 0xc02f, 0xc030, 0x009c, 0};
static const uint16_t old_suites[] = {0xc02f, 0xc013, 0x002f, 0};
static const uint16_t versions[] = {TLS_VERSION_1_3, TLS_VERSION_1_2, 0};
static const uint16_t groups[] = {29, 23, 0};
static const uint16_t first_share[] = {29, 0};
static const uint16_t second_share[] = {23, 0};

enum { MODERN_SESSION = 0x22, OLD_SESSION = 0x77 };

static const struct client_spec modern_client = {.random = 0x11,
                                                 .session_id = MODERN_SESSION,
                                                 .has_psk_modes = true,
                                                 .has_signature_algorithms = true,
                                                 .name = "www.example.com",
                                                 .suites = suites,
                                                 .versions = versions,
                                                 .groups = groups,
                                                 .shares = first_share};
static const struct client_spec older_client = {
    .random = 0x33, .name = "old.example.net", .suites = old_suites, .groups = groups};

/* A hello's body ends with its extensions. */
static struct span hello_body(const uint8_t *start, struct span extensions) {
    return span_of(start, (size_t)(extensions.data + extensions.size - start));
}

static void say_offer(struct exchange *dialogue, struct client_spec spec) {
    static struct scene scene;
    scene_init(&scene);
    scene_offer(&scene, spec);
    dialogue_message(dialogue, SIDE_CLIENT, TLS_CLIENT_HELLO,
                     hello_body(scene.offer, scene.handshake.offer.extensions));
}

static void say_choice(struct exchange *dialogue, struct server_spec spec) {
    static struct scene scene;
    scene_init(&scene);
    scene_answer(&scene, spec);
    struct span body = spec.is_retry ? hello_body(scene.retry, scene.handshake.retry.extensions)
                                     : hello_body(scene.choice, scene.handshake.choice.extensions);
    dialogue_message(dialogue, SIDE_SERVER, TLS_SERVER_HELLO, body);
}

static void say_finished(struct exchange *dialogue, unsigned end) {
    dialogue_cipher_change(dialogue, end);
    dialogue_encrypted(dialogue, end, TLS_HANDSHAKE, 40);
}

/* All after the hellos of TLS 1.2 and below. */
static void say_full_handshake(struct exchange *dialogue, bool has_key_exchange) {
    dialogue_filled(dialogue, SIDE_SERVER, TLS_CERTIFICATE, 300);
    if (has_key_exchange) {
        struct message body = {0};
        message_hex(&body, "03 00 1d 20"); /* named_curve x25519 */
        message_fill(&body, 0x44, 32);
        message_hex(&body, "08 04 00 40");
        message_fill(&body, 0x66, 64);
        dialogue_message(dialogue, SIDE_SERVER, TLS_SERVER_KEY_EXCHANGE,
                         span_of(body.data, body.size));
    }
    dialogue_filled(dialogue, SIDE_SERVER, TLS_SERVER_HELLO_DONE, 0);
    dialogue_filled(dialogue, SIDE_CLIENT, TLS_CLIENT_KEY_EXCHANGE, 33);
    say_finished(dialogue, SIDE_CLIENT);
    say_finished(dialogue, SIDE_SERVER);
    dialogue_sealed(dialogue, SIDE_CLIENT, 120);
}

static void say_tls12(struct exchange *dialogue) {
    say_offer(dialogue, older_client);
    say_choice(dialogue, (struct server_spec){.suite = 0xc02f, .session_id = OLD_SESSION});
    say_full_handshake(dialogue, true);
}

static void say_resumed(struct exchange *dialogue) {
    struct client_spec client = older_client;
    client.session_id = OLD_SESSION;
    say_offer(dialogue, client);
    say_choice(dialogue, (struct server_spec){.suite = 0xc02f, .session_id = OLD_SESSION});
    say_finished(dialogue, SIDE_SERVER);
    say_finished(dialogue, SIDE_CLIENT);
    dialogue_sealed(dialogue, SIDE_CLIENT, 120);
}

static void say_tls13_answer(struct exchange *dialogue, uint16_t group) {
    say_choice(dialogue, (struct server_spec){.selected = TLS_VERSION_1_3,
                                              .suite = 0x1301,
                                              .group = group,
                                              .session_id = MODERN_SESSION});
}

static void say_tls13_rest(struct exchange *dialogue, bool has_dummies) {
    if (has_dummies)
        dialogue_cipher_change(dialogue, SIDE_SERVER);
    dialogue_sealed(dialogue, SIDE_SERVER, 41);
    dialogue_sealed(dialogue, SIDE_SERVER, 400);
    if (has_dummies)
        dialogue_cipher_change(dialogue, SIDE_CLIENT);
    dialogue_sealed(dialogue, SIDE_CLIENT, 53);
    dialogue_sealed(dialogue, SIDE_CLIENT, 120);
    dialogue_sealed(dialogue, SIDE_SERVER, 200);
}

static void say_tls13(struct exchange *dialogue) {
    say_offer(dialogue, modern_client);
    say_tls13_answer(dialogue, 29);
    say_tls13_rest(dialogue, true);
}

static void say_retry(struct exchange *dialogue) {
    struct client_spec second = modern_client;
    second.shares = second_share;
    say_offer(dialogue, modern_client);
    say_choice(dialogue, (struct server_spec){.selected = TLS_VERSION_1_3,
                                              .suite = 0x1301,
                                              .group = 23,
                                              .session_id = MODERN_SESSION,
                                              .is_retry = true});
    dialogue_cipher_change(dialogue, SIDE_SERVER);
    dialogue_cipher_change(dialogue, SIDE_CLIENT);
    say_offer(dialogue, second);
    say_tls13_answer(dialogue, 23);
    dialogue_sealed(dialogue, SIDE_SERVER, 400);
    dialogue_sealed(dialogue, SIDE_CLIENT, 53);
}

static void say_sslv2(struct exchange *dialogue) {
    struct message *stream = &dialogue->stream[SIDE_CLIENT];
    dialogue_turn(dialogue, SIDE_CLIENT);
    message_hex(stream, "80 25 01 03 01 00 0c 00 00 00 10 00 00 2f 00 00 0a 01 00 80 07 00 c0");
    message_fill(stream, 0x99, 16);
    dialogue_flush(dialogue);
    say_choice(dialogue, (struct server_spec){.legacy_version = TLS_VERSION_1_0,
                                              .suite = 0x002f,
                                              .session_id = OLD_SESSION});
    say_full_handshake(dialogue, false);
}

static void say_long(struct exchange *dialogue) {
    static struct scene scene;
    struct message body = {0};
    scene_init(&scene);
    scene_offer(&scene, modern_client);
    struct span extensions = scene.handshake.offer.extensions;
    message_add(&body, scene.offer, hello_body(scene.offer, extensions).size - extensions.size - 2);
    size_t block = message_open(&body, 2);
    message_add(&body, extensions.data, extensions.size);
    message_hex(&body, "00 15"); /* padding */
    size_t padding = message_open(&body, 2);
    message_fill(&body, 0, 3000);
    message_close(&body, padding, 2);
    message_close(&body, block, 2);
    dialogue_message(dialogue, SIDE_CLIENT, TLS_CLIENT_HELLO, span_of(body.data, body.size));
    say_tls13_answer(dialogue, 29);
    say_tls13_rest(dialogue, false);
}

void dialogue_make(struct exchange *dialogue, enum dialogue_kind kind, struct layout layout) {
    static const struct {
        const char *name;
        void (*say)(struct exchange *dialogue);
    } kinds[DIALOGUE_COUNT] = {
        [DIALOGUE_TLS12] = {"TLS 1.2", say_tls12},
        [DIALOGUE_RESUMED] = {"TLS 1.2 resumption", say_resumed},
        [DIALOGUE_TLS13] = {"TLS 1.3", say_tls13},
        [DIALOGUE_RETRY] = {"HelloRetryRequest", say_retry},
        [DIALOGUE_SSLV2] = {"SSLv2-framed hello", say_sslv2},
        [DIALOGUE_LONG] = {"long ClientHello", say_long},
    };
    memset(dialogue, 0, sizeof *dialogue);
    dialogue->name = kinds[kind].name;
    dialogue->layout = layout;
    kinds[kind].say(dialogue);
    dialogue_flush(dialogue);
}
