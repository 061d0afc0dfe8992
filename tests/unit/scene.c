/*
 * scene.c - hellos from descriptions, and the runner of the rules' tables (scene.h).
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

const char *const sentinel_tls12 = "DOWNGRD\x01";
const char *const sentinel_tls11 = "DOWNGRD\x00";
const char *const sentinel_jdk = "\xed\xbf\xb4\xa8\xc2\x47\x10\xff";

struct writer {
    uint8_t *bytes;
    size_t size;
};

static void put(struct writer *writer, const void *data, size_t size) {
    assert_true(writer->size + size <= SCENE_HELLO_SIZE);
    memcpy(writer->bytes + writer->size, data, size);
    writer->size += size;
}

static void put_u8(struct writer *writer, unsigned value) {
    uint8_t byte = (uint8_t)value;
    put(writer, &byte, 1);
}

static void put_u16(struct writer *writer, unsigned value) {
    put_u8(writer, value >> 8U);
    put_u8(writer, value & 0xffU);
}

static void put_fill(struct writer *writer, uint8_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        put_u8(writer, value);
}

/* Leaves two bytes for a length; close16() writes it. */
static size_t open16(struct writer *writer) {
    put_u16(writer, 0);
    return writer->size;
}

static void close16(struct writer *writer, size_t start) {
    size_t length = writer->size - start;
    writer->bytes[start - 2] = (uint8_t)(length >> 8U);
    writer->bytes[start - 1] = (uint8_t)(length & 0xffU);
}

static void put_list(struct writer *writer, const uint16_t *list) {
    for (size_t i = 0; list[i] != 0; i++)
        put_u16(writer, list[i]);
}

/* Without content, but for the cookie, which may not be empty. */
static void put_extensions(struct writer *writer, const uint16_t *types) {
    for (size_t i = 0; types != NULL && types[i] != 0; i++) {
        put_u16(writer, types[i]);
        if (types[i] == TLS_EXT_COOKIE)
            put(writer, "\x00\x04\x00\x02\x01\x01", 6);
        else
            put_u16(writer, 0);
    }
}

static void put_session_id(struct writer *writer, uint8_t value) {
    put_u8(writer, value ? 32 : 0);
    put_fill(writer, value, value ? 32 : 0);
}

static void put_name(struct writer *writer, const char *name) {
    put_u16(writer, TLS_EXT_SERVER_NAME);
    size_t extension = open16(writer);
    size_t list = open16(writer);
    put_u8(writer, 0);
    size_t host = open16(writer);
    put(writer, name, strlen(name));
    close16(writer, host);
    close16(writer, list);
    close16(writer, extension);
}

static void put_client_extensions(struct writer *writer, const struct client_spec *spec) {
    if (spec->name != NULL)
        put_name(writer, spec->name);
    if (spec->groups != NULL) {
        put_u16(writer, TLS_EXT_SUPPORTED_GROUPS);
        size_t extension = open16(writer);
        size_t list = open16(writer);
        put_list(writer, spec->groups);
        close16(writer, list);
        close16(writer, extension);
    }
    if (spec->has_signature_algorithms)
        put(writer, "\x00\x0d\x00\x06\x00\x04\x04\x03\x08\x04", 10);
    if (spec->versions != NULL) {
        put_u16(writer, TLS_EXT_SUPPORTED_VERSIONS);
        size_t extension = open16(writer);
        size_t length_at = writer->size;
        put_u8(writer, 0);
        put_list(writer, spec->versions);
        writer->bytes[length_at] = (uint8_t)(writer->size - length_at - 1);
        close16(writer, extension);
    }
    if (spec->has_psk_modes)
        put(writer, "\x00\x2d\x00\x02\x01\x01", 6);
    if (spec->shares != NULL) {
        put_u16(writer, TLS_EXT_KEY_SHARE);
        size_t extension = open16(writer);
        size_t list = open16(writer);
        for (size_t i = 0; spec->shares[i] != 0; i++) {
            put_u16(writer, spec->shares[i]);
            put_u16(writer, 4);
            put_fill(writer, 7, 4);
        }
        close16(writer, list);
        close16(writer, extension);
    }
    put_extensions(writer, spec->extensions);
}

static void build_client(const struct client_spec *spec, uint8_t bytes[SCENE_HELLO_SIZE],
                         struct client_hello *hello) {
    struct writer writer = {bytes, 0};
    put_u16(&writer, spec->legacy_version ? spec->legacy_version : TLS_VERSION_1_2);
    put_fill(&writer, spec->random, TLS_RANDOM_SIZE);
    put_session_id(&writer, spec->session_id);
    size_t suites = open16(&writer);
    put_list(&writer, spec->suites);
    close16(&writer, suites);
    put_u8(&writer, spec->compression ? 2 : 1);
    if (spec->compression)
        put_u8(&writer, spec->compression);
    put_u8(&writer, 0);
    size_t extensions = open16(&writer);
    put_client_extensions(&writer, spec);
    close16(&writer, extensions);
    assert_int_equal(client_hello_parse(span_of(bytes, writer.size), false, hello), PARSE_OK);
    assert_false(hello->is_truncated);
    assert_false(hello->has_malformed_extension);
}

static void put_server_random(struct writer *writer, const struct server_spec *spec) {
    static const uint8_t retry[TLS_RANDOM_SIZE] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                                   0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                                   0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                                   0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    if (spec->is_retry) {
        put(writer, retry, sizeof retry);
        return;
    }
    put_fill(writer, 0x55, TLS_RANDOM_SIZE - 8);
    if (spec->sentinel != NULL)
        put(writer, spec->sentinel, 8);
    else
        put_fill(writer, 0x55, 8);
}

static void build_server(const struct server_spec *spec, uint8_t bytes[SCENE_HELLO_SIZE],
                         struct server_hello *hello) {
    struct writer writer = {bytes, 0};
    put_u16(&writer, spec->legacy_version ? spec->legacy_version : TLS_VERSION_1_2);
    put_server_random(&writer, spec);
    put_session_id(&writer, spec->session_id);
    put_u16(&writer, spec->suite);
    put_u8(&writer, spec->compression);
    size_t extensions = open16(&writer);
    if (spec->selected != 0) {
        put_u16(&writer, TLS_EXT_SUPPORTED_VERSIONS);
        put_u16(&writer, 2);
        put_u16(&writer, spec->selected);
    }
    if (spec->group != 0) {
        put_u16(&writer, TLS_EXT_KEY_SHARE);
        put_u16(&writer, spec->is_retry ? 2 : 8);
        put_u16(&writer, spec->group);
        if (!spec->is_retry)
            put(&writer, "\x00\x04\x07\x07\x07\x07", 6);
    }
    put_extensions(&writer, spec->extensions);
    close16(&writer, extensions);
    assert_int_equal(server_hello_parse(span_of(bytes, writer.size), hello), PARSE_OK);
    assert_false(hello->is_truncated);
}

void scene_init(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    scene->history.attempts = scene->attempts;
    rules_default_settings(&scene->settings);
    struct handshake *handshake = &scene->handshake;
    handshake->outcome = OUTCOME_COMPLETED;
    handshake->ip_version = 4;
    handshake->transport = IP_PROTOCOL_TCP;
    memcpy(handshake->client.address.bytes, (const uint8_t[]){192, 0, 2, 1}, 4);
    memcpy(handshake->server.address.bytes, (const uint8_t[]){198, 51, 100, 1}, 4);
    handshake->client.port = 40000;
    handshake->server.port = 443;
    handshake->flow_id = 1;
    handshake->started_us = 1000000000U;
    handshake->started_packet = 1;
    handshake->ended_us = handshake->started_us + 100000U;
    handshake->ended_packet = 20;
}

void scene_offer(struct scene *scene, struct client_spec spec) {
    build_client(&spec, scene->offer, &scene->handshake.offer);
    scene->handshake.has |= HANDSHAKE_HAS_OFFER;
    scene->handshake.side[SIDE_CLIENT].hello_packet = 4;
}

void scene_second_offer(struct scene *scene, struct client_spec spec) {
    build_client(&spec, scene->second_offer, &scene->handshake.second_offer);
    scene->handshake.has |= HANDSHAKE_HAS_SECOND_OFFER;
}

void scene_answer(struct scene *scene, struct server_spec spec) {
    if (spec.is_retry) {
        build_server(&spec, scene->retry, &scene->handshake.retry);
        assert_true(scene->handshake.retry.is_hello_retry_request);
        scene->handshake.has |= HANDSHAKE_HAS_RETRY;
        scene->handshake.retry_packet = 6;
        return;
    }
    build_server(&spec, scene->choice, &scene->handshake.choice);
    scene->handshake.has |= HANDSHAKE_HAS_CHOICE;
    scene->handshake.side[SIDE_SERVER].hello_packet = 8;
}

void scene_alert(struct scene *scene, enum handshake_side sender, uint8_t description) {
    assert_true(scene->handshake.alert_count < HANDSHAKE_MAX_ALERTS);
    scene->handshake.alerts[scene->handshake.alert_count++] = (struct handshake_alert){
        .packet = 12, .level = 2, .description = description, .sender = (uint8_t)sender};
    scene->handshake.outcome = OUTCOME_FAILED;
}

void scene_fail(struct scene *scene, enum handshake_outcome outcome) {
    scene->handshake.outcome = outcome;
}

void scene_attempt(struct scene *scene, struct attempt attempt) {
    assert_true(scene->history.attempt_count < HISTORY_MAX_ATTEMPTS);
    memmove(&scene->attempts[1], &scene->attempts[0],
            scene->history.attempt_count * sizeof attempt);
    scene->attempts[0] = attempt;
    scene->history.attempt_count++;
}

void scene_know_server(struct scene *scene, enum tls_rank highest_negotiated) {
    scene->server.handshakes = 3;
    scene->server.highest_negotiated = (uint8_t)highest_negotiated;
    scene->history.server = &scene->server;
}

static bool is_printable(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static bool has_evidence(const struct finding *finding, const char *wanted) {
    bool is_found = wanted == NULL;
    for (size_t i = 0; i < finding->evidence_count; i++) {
        const struct evidence *line = &finding->evidence[i];
        if (!is_printable(line->what) || !is_printable(line->expected) ||
            !is_printable(line->observed) || line->what[0] == '\0' || line->observed[0] == '\0')
            return false;
        if (wanted != NULL && (strstr(line->what, wanted) != NULL ||
                               strstr(line->expected, wanted) || strstr(line->observed, wanted)))
            is_found = true;
    }
    return is_found && finding->evidence_count > 0;
}

enum rule_result scene_check(struct scene *scene, const struct rule *rule) {
    history_attempt_of(&scene->handshake, &scene->now);
    scene->history.now = &scene->now;
    size_t count = scene->history.attempt_count;
    for (size_t i = 0; i < count; i++) {
        scene->ring[count - 1 - i] = scene->attempts[i];
        scene->history.attempted_ranks |= 1U << scene->attempts[i].highest_offered;
    }
    scene->history.attempts = scene->ring;
    scene->history.newest = count > 0 ? count - 1 : 0;
    enum rule_result result =
        rule->check(&scene->handshake, &scene->history, &scene->settings, &scene->finding);
    if (result == RULE_HIT)
        assert_int_equal(rule->needs & ~rule_needs_met(&scene->handshake, &scene->history), 0);
    return result;
}

static bool case_holds(const struct rule *rule, const struct rule_case *row, struct scene *scene) {
    enum rule_result result = scene_check(scene, rule);
    if (result != row->result) {
        print_error("%s / %s: result %d, expected %d\n", rule->kind, row->name, (int)result,
                    (int)row->result);
        return false;
    }
    if (result != RULE_HIT)
        return true;
    const struct finding *finding = &scene->finding;
    if (finding->confidence == row->confidence && finding->is_downgrade == row->is_downgrade &&
        has_evidence(finding, row->evidence))
        return true;
    print_error("%s / %s: confidence %s, downgrade %d, evidence:\n", rule->kind, row->name,
                rule_confidence_name(finding->confidence), finding->is_downgrade);
    for (size_t i = 0; i < finding->evidence_count; i++)
        print_error("    %s | %s | %s\n", finding->evidence[i].what, finding->evidence[i].expected,
                    finding->evidence[i].observed);
    return false;
}

void scene_run_cases(const char *kind, const struct rule_case *cases, size_t count) {
    static struct scene scene;
    const struct rule *rule = rules_find(kind);
    size_t failures = 0;
    assert_non_null(rule);
    for (size_t i = 0; i < count; i++) {
        scene_init(&scene);
        cases[i].arrange(&scene);
        failures += case_holds(rule, &cases[i], &scene) ? 0 : 1;
    }
    assert_int_equal(failures, 0);
}
