/* EVE lines: names, types and values of every member, hostile names, failing writes, same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "digest.h"
#include "eve_lines.h"
#include "fingerprint.h"
#include "publish.h"
#include "verdict_scene.h"

static json_t *parse(const char *line, size_t size) {
    assert_non_null(line);
    assert_int_equal(strlen(line), size);
    assert_null(strchr(line, '\n'));
    json_error_t error;
    json_t *parsed = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!parsed)
        fail_msg("%s in %s", error.text, line);
    return parsed;
}

static json_t *tls_line(struct eve_writer *writer, const struct verdict_scene *scene) {
    size_t size = 0;
    const char *line = eve_write_tls(writer, &scene->verdict, &size);
    return parse(line, size);
}

static void assert_text(const json_t *object, const char *key, const char *expected) {
    const json_t *value = json_object_get(object, key);
    if (expected == NULL) {
        assert_true(json_is_null(value));
        return;
    }
    if (!json_is_string(value))
        fail_msg("%s is no string", key);
    assert_string_equal(json_string_value(value), expected);
}

static void assert_number(const json_t *object, const char *key, json_int_t expected) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no number", key);
    assert_int_equal(json_integer_value(value), expected);
}

static const char downgraded_line[] =
    "{\"timestamp\":\"2026-11-23T12:00:00.123456+0000\",\"flow_id\":1,\"pcap_cnt\":8,"
    "\"event_type\":\"tls\",\"src_ip\":\"192.0.2.1\",\"src_port\":40000,"
    "\"dest_ip\":\"198.51.100.1\",\"dest_port\":443,\"proto\":\"TCP\","
    "\"community_id\":\"1:cVbvRIHSFcVwm1cgGzTNq9NVlCo=\",\"pcap_filename\":\"capture.pcap\",\"app_"
    "proto\":\"tls\","
    "\"tls\":{\"sni\":\"example.com\",\"version\":\"TLS 1.2\","
    "\"ja3\":{\"hash\":\"41d27ada1bde4d11d9e3406a55c2b267\","
    "\"string\":\"771,4865-49199-22016,0-43,,\"},"
    "\"ja3s\":{\"hash\":\"174e7e4992a63f6d419626d97363adb8\",\"string\":\"771,49199,\"},"
    "\"ja4\":\"t13d030200_2a6af5cb80fd_b9a491fefe05\"},"
    "\"downgrade\":{\"legacy_version\":\"TLS 1.2\",\"supported_versions\":[\"TLS 1.3\","
    "\"TLS 1.2\"],\"offered_max\":\"TLS 1.3\",\"selected\":\"TLS 1.2\",\"limiter\":\"downgraded\","
    "\"outcome\":\"failed\",\"sentinel\":\"TLS 1.2\",\"scsv\":true,\"hello_retry\":false,"
    "\"group\":null,\"cipher\":\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\",\"carrier\":\"direct\","
    "\"domain\":\"example.com\",\"domain_source\":\"sni\",\"alerts\":[{\"level\":\"fatal\","
    "\"code\":47,\"description\":\"illegal_parameter\",\"sender\":\"client\","
    "\"time\":\"2026-11-23T12:00:00.124456+0000\"}]}}";

static void test_whole_line(void **state) {
    (void)state;
    struct eve_writer writer = {.fingerprinter = fingerprinter_new(), .sha1 = digest_new("SHA1")};
    struct verdict_scene scene;
    for (int i = 0; i < 2; i++) { /* the second from a writer that was used */
        verdict_scene_init(&scene, "example.com");
        size_t size = 0;
        assert_string_equal(eve_write_tls(&writer, &scene.verdict, &size), downgraded_line);
        json_decref(parse(downgraded_line, size));
    }
    fingerprinter_delete(writer.fingerprinter);
    digest_delete(writer.sha1);
    json_deinit(&writer.json);
}

/* What a line says of half handshakes, newer carriers of the name, and rarer outcomes. */
static void test_unknowns(void **state) {
    (void)state;
    struct eve_writer writer = {0};
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "example.com", 0x0303, 0);
    scene.scene.handshake.outcome = OUTCOME_HALF_SEEN;
    json_t *line = tls_line(&writer, &scene);
    const json_t *facts = json_object_get(line, "downgrade");
    assert_text(json_object_get(line, "tls"), "version", "UNDETERMINED");
    assert_text(facts, "legacy_version", "TLS 1.2");
    assert_text(facts, "offered_max", "TLS 1.2");
    assert_text(facts, "selected", NULL);
    assert_text(facts, "cipher", NULL);
    assert_text(facts, "sentinel", NULL);
    assert_text(facts, "limiter", "unknown");
    assert_text(facts, "outcome", "half_seen");
    assert_null(json_object_get(facts, "supported_versions"));
    assert_number(line, "pcap_cnt", 4);
    assert_text(line, "timestamp", "2026-11-23T12:00:00.113456+0000");
    json_decref(line);

    verdict_scene_versions(&scene, "_none", 0x0303, 0x0303);
    struct handshake *handshake = &scene.scene.handshake;
    handshake->has &= ~(uint32_t)HANDSHAKE_HAS_OFFER;
    handshake->side[SIDE_CLIENT].hello_packet = 0;
    scene.verdict.domain.source = DOMAIN_FROM_IP;
    scene.verdict.limiter = LIMITER_UNKNOWN;
    line = tls_line(&writer, &scene);
    facts = json_object_get(line, "downgrade");
    assert_null(json_object_get(json_object_get(line, "tls"), "sni"));
    assert_text(facts, "legacy_version", NULL);
    assert_text(facts, "offered_max", NULL);
    assert_text(facts, "selected", "TLS 1.2");
    assert_text(facts, "domain_source", "ip");
    assert_true(json_is_false(json_object_get(facts, "scsv")));
    json_decref(line);

    handshake->has = 0;
    handshake->side[SIDE_SERVER].hello_packet = 0;
    line = tls_line(&writer, &scene);
    assert_number(line, "pcap_cnt", 1);
    json_decref(line);
    json_deinit(&writer.json);
}

static void test_rest(void **state) {
    (void)state;
    struct eve_writer writer = {0};
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "www.google.com", 0x0304, 0x0304);
    struct handshake *handshake = &scene.scene.handshake;
    handshake->ip_version = 6;
    memset(handshake->client.address.bytes, 0, 16);
    handshake->client.address.bytes[15] = 1;
    handshake->vlan_count = 3; /* one more than is kept */
    handshake->vlans[0] = 10;
    handshake->vlans[1] = 20;
    handshake->has |= HANDSHAKE_HAS_RETRY;
    handshake->choice.has_pre_shared_key = true;
    handshake->choice.has_key_share_group = true;
    handshake->choice.key_share_group = 29;
    scene.source = (struct source){.sensor = "lab", .name = "eth0"};
    scene.verdict.application = (struct application){"Google", "Web"};
    json_t *line = tls_line(&writer, &scene);
    const json_t *facts = json_object_get(line, "downgrade");
    assert_text(line, "src_ip", "::1");
    assert_text(line, "in_iface", "eth0");
    assert_null(json_object_get(line, "pcap_filename"));
    assert_null(json_object_get(line, "pcap_cnt"));
    assert_int_equal(json_array_size(json_object_get(line, "vlan")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(line, "vlan"), 1)), 20);
    assert_text(json_object_get(line, "tls"), "version", "TLS 1.3");
    assert_true(json_is_true(json_object_get(json_object_get(line, "tls"), "session_resumed")));
    assert_text(json_object_get(line, "ndpi"), "app", "Google");
    assert_text(json_object_get(line, "ndpi"), "category", "Web");
    assert_true(json_is_true(json_object_get(facts, "hello_retry")));
    assert_text(facts, "group", "x25519");
    assert_text(facts, "cipher", "TLS_AES_128_GCM_SHA256");
    assert_text(facts, "limiter", "none");
    json_decref(line);

    handshake->choice.cipher_suite = 0xdead;
    handshake->choice.selected_version = 0x7f17;
    line = tls_line(&writer, &scene);
    assert_text(json_object_get(line, "downgrade"), "cipher", "0xdead");
    assert_text(json_object_get(line, "tls"), "version", "TLS 1.3 draft-23");
    json_decref(line);
    json_deinit(&writer.json);
}

/* Members that a line has only when there is something to tell. */
static void add_tunnels(struct handshake *handshake) {
    handshake->tunnel_count = 3;
    handshake->tunnels[0] = (struct packet_tunnel){.type = TUNNEL_PPPOE, .id = 17};
    handshake->tunnels[1] = (struct packet_tunnel){.type = TUNNEL_VXLAN,
                                                   .ip_version = 4,
                                                   .source_port = 50000,
                                                   .destination_port = 4789,
                                                   .source = {{10, 0, 0, 1}},
                                                   .destination = {{10, 0, 0, 2}}};
    handshake->tunnels[2] = (struct packet_tunnel){.type = TUNNEL_GRE, .ip_version = 6};
}

static void add_ipip(struct handshake *handshake) {
    handshake->tunnel_count = 1;
    handshake->tunnels[0] = (struct packet_tunnel){
        .type = TUNNEL_IPIP, .ip_version = 6, .source = {{0xfd}}, .destination = {{0xfe}}};
}

static void add_6in4_and_gre(struct handshake *handshake) {
    handshake->tunnel_count = 2;
    handshake->tunnels[0] = (struct packet_tunnel){.type = TUNNEL_IPIP, .ip_version = 4};
    handshake->tunnels[1] = (struct packet_tunnel){.type = TUNNEL_GRE, .ip_version = 6};
}

static void add_erspan(struct handshake *handshake) {
    handshake->tunnel_count = 1;
    handshake->tunnels[0] = (struct packet_tunnel){.type = TUNNEL_ERSPAN, .ip_version = 4};
}

static void add_pppoe(struct handshake *handshake) {
    handshake->tunnel_count = 1;
    handshake->tunnels[0] = (struct packet_tunnel){.type = TUNNEL_PPPOE};
}

static void add_dialogue(struct handshake *handshake) {
    struct dialogue *dialogue = &handshake->dialogue;
    handshake->carrier = CARRIER_DIALOGUE;
    handshake->has |= HANDSHAKE_HAS_DIALOGUE;
    dialogue->protocol = DIALOGUE_SMTP;
    dialogue->passed = 1U << DIALOGUE_SOCKS5 | 1U << DIALOGUE_PROXY;
    dialogue->has = 1U << DIALOGUE_GREETED | 1U << DIALOGUE_GARBLED | 1U << DIALOGUE_ASKED |
                    1U << DIALOGUE_REFUSED | 1U << DIALOGUE_LOGIN;
    dialogue->packet[DIALOGUE_GREETED] = 4;
    dialogue->packet[DIALOGUE_GARBLED] = 6;
    dialogue->packet[DIALOGUE_ASKED] = 7;
    dialogue->packet[DIALOGUE_REFUSED] = 8;
    dialogue->packet[DIALOGUE_LOGIN] = 9;
    memcpy(dialogue->garbled, "250-XXXX\"A", 11);
    memcpy(dialogue->answer, "454 TLS not available", 22);
}

static void add_quic(struct handshake *handshake) {
    handshake->protocol = HANDSHAKE_QUIC;
    handshake->transport = IP_PROTOCOL_UDP;
    handshake->quic = (struct quic_facts){.first_version = 1, .version = 1, .server_version = 1};
}

static void add_quic_negotiation(struct handshake *handshake) {
    static const uint8_t offered[] = {0x6b, 0x33, 0x43, 0xcf, 0xff, 0x00, 0x00,
                                      0x1d, 0x0a, 0x1a, 0x2a, 0x3a, 0xff};
    add_quic(handshake);
    handshake->quic.first_version = 0xfaceb00e;
    handshake->quic.version = 0xff000009;
    handshake->quic.server_version = 0x6b3343cf;
    handshake->quic.version_negotiation_packet = 2;
    handshake->quic.retry_packet = 4;
    handshake->quic.offered_versions = span_of(offered, sizeof(offered));
}

static void add_ech(struct handshake *handshake) {
    handshake->offer.encrypted_client_hello = span_of("\x01", 1);
}

static void add_malformed(struct handshake *handshake) {
    handshake->malformed = MALFORMED_CLIENT_HELLO | MALFORMED_FRAGMENT;
}

static void add_renegotiation(struct handshake *handshake) {
    handshake->has |= HANDSHAKE_HAS_RENEGOTIATION;
}

static void add_alpns(struct handshake *handshake) {
    handshake->offer.alpn = span_of("\x02h2\x00\x03\"\x0a\xff", 8);
    handshake->choice.alpn = span_of("h2", 2);
}

static void test_facts(void **state) {
    (void)state;
    static const struct {
        void (*add)(struct handshake *handshake);
        const char *in; /* the object that holds it; NULL: the line itself */
        const char *key;
        const char *wanted; /* NULL: the key must be absent */
    } cases[] = {
        {add_tunnels, NULL, "tunnel",
         "{\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"10.0.0.2\",\"dest_port\":4789,"
         "\"proto\":\"UDP\",\"depth\":2}"},
        {add_tunnels, "downgrade", "tunnels", "[\"pppoe\",\"vxlan\",\"gre\"]"},
        {add_ipip, NULL, "tunnel",
         "{\"src_ip\":\"fd00::\",\"dest_ip\":\"fe00::\",\"proto\":\"IPv4\",\"depth\":1}"},
        {add_6in4_and_gre, NULL, "tunnel",
         "{\"src_ip\":\"0.0.0.0\",\"dest_ip\":\"0.0.0.0\",\"proto\":\"IPv6\",\"depth\":2}"},
        {add_erspan, NULL, "tunnel",
         "{\"src_ip\":\"0.0.0.0\",\"dest_ip\":\"0.0.0.0\",\"proto\":\"GRE\",\"depth\":1}"},
        {add_pppoe, NULL, "tunnel", NULL},
        {add_pppoe, "downgrade", "tunnels", "[\"pppoe\"]"},
        {add_dialogue, "downgrade", "dialogue",
         "{\"protocol\":\"smtp\",\"passed\":[\"socks5\",\"proxy\"],\"greeted\":4,\"garbled\":6,"
         "\"asked\":7,\"refused\":8,\"login\":9,\"garbled_text\":\"250-XXXX\\\"A\","
         "\"answer\":\"454 TLS not available\"}"},
        {add_dialogue, "downgrade", "carrier", "\"smtp\""},
        {add_quic, NULL, "app_proto", "\"quic\""},
        {add_quic, NULL, "proto", "\"UDP\""},
        {add_quic, "downgrade", "quic",
         "{\"version\":\"v1\",\"version_negotiation\":false,\"retry\":false}"},
        {add_quic_negotiation, "downgrade", "quic",
         "{\"version\":\"draft-9\",\"client_version\":\"0xfaceb00e\",\"server_version\":\"v2\","
         "\"version_negotiation\":true,\"offered_versions\":[\"v2\",\"draft-29\",\"0x0a1a2a3a\"],"
         "\"retry\":true}"},
        {add_ech, "downgrade", "ech", "\"inner\""},
        {add_ech, "downgrade", "quic", NULL},
        {add_ech, "downgrade", "dialogue", NULL},
        {add_ech, "downgrade", "tunnels", NULL},
        {add_ech, "downgrade", "malformed", NULL},
        {add_ech, "tls", "client_alpns", NULL},
        {add_malformed, "downgrade", "malformed", "[\"client_hello\",\"fragment\"]"},
        {add_malformed, "downgrade", "ech", NULL},
        {add_malformed, "downgrade", "renegotiation", NULL},
        {add_renegotiation, "downgrade", "renegotiation", "true"},
        {add_alpns, "tls", "client_alpns", "[\"h2\",\"\",\"\\\"\\n\xc3\xbf\"]"},
        {add_alpns, "tls", "server_alpns", "[\"h2\"]"},
    };
    struct eve_writer writer = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict_scene scene;
        verdict_scene_init(&scene, "example.com");
        cases[i].add(&scene.scene.handshake);
        json_t *line = tls_line(&writer, &scene);
        const json_t *in = cases[i].in ? json_object_get(line, cases[i].in) : line;
        const json_t *found = json_object_get(in, cases[i].key);
        char *text = found ? json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        if (cases[i].wanted == NULL)
            assert_null(text);
        else if (text == NULL)
            fail_msg("row %zu: no %s", i, cases[i].key);
        else
            assert_string_equal(text, cases[i].wanted);
        free(text);
        json_decref(line);
    }
    json_deinit(&writer.json);
}

/* A dialogue that came to no TLS, in an alert. */
static void test_no_hello(void **state) {
    (void)state;
    struct eve_writer writer = {.fingerprinter = fingerprinter_new()};
    struct verdict_scene scene;
    verdict_scene_init(&scene, "_none");
    add_dialogue(&scene.scene.handshake);
    scene.scene.handshake.has = HANDSHAKE_HAS_DIALOGUE;
    scene.scene.handshake.side[SIDE_CLIENT].hello_packet = 0;
    scene.scene.handshake.side[SIDE_SERVER].hello_packet = 0;
    size_t size = 0;
    const char *text = eve_write_alert(&writer, &scene.alert, &size);
    json_t *line = parse(text, size);
    const json_t *tls = json_object_get(line, "tls");
    assert_text(tls, "version", "UNDETERMINED");
    assert_int_equal(json_object_size(tls), 1);
    assert_text(json_object_get(line, "downgrade"), "offered_max", NULL);
    json_decref(line);
    fingerprinter_delete(writer.fingerprinter);
    json_deinit(&writer.json);
}

/* Names that try to break out of the line: the bytes come back as ISO 8859-1. */
static void test_hostile_names(void **state) {
    (void)state;
    static const char *const names[] = {"\"},{\"",      "a\\",          "\n{}",
                                        "\x1b]0;x\x07", "\xff\xfe\x80", "\xc3\xa9.example",
                                        "\xed\xa0\x80"};
    struct eve_writer writer = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct verdict_scene scene;
        verdict_scene_init(&scene, "_invalid");
        scene.scene.handshake.offer.server_name = span_of(names[i], strlen(names[i]));
        scene.source.name = names[i];
        json_t *line = tls_line(&writer, &scene);
        assert_non_null(json_object_get(line, "pcap_filename"));
        const uint8_t *text = (const uint8_t *)json_string_value(
            json_object_get(json_object_get(line, "tls"), "sni"));
        for (const uint8_t *at = (const uint8_t *)names[i]; *at; at++) {
            unsigned code = *text++;
            if (code >= 0x80)
                code = ((code & 0x1fU) << 6U) | (*text++ & 0x3fU);
            assert_int_equal(code, *at);
        }
        assert_int_equal(*text, 0);
        json_decref(line);
    }
    struct verdict_scene scene;
    verdict_scene_init(&scene, "_none");
    scene.scene.handshake.offer.server_name = span_of("", 0); /* there, and empty */
    json_t *line = tls_line(&writer, &scene);
    assert_text(json_object_get(line, "tls"), "sni", "");
    json_decref(line);
    json_deinit(&writer.json);
}

static void test_alert(void **state) {
    (void)state;
    struct eve_writer writer = {0};
    struct verdict_scene scene;
    verdict_scene_init(&scene, "example.com");
    scene.alert.repeats = 4;
    size_t size = 0;
    const char *text = eve_write_alert(&writer, &scene.alert, &size);
    json_t *line = parse(text, size);
    const json_t *alert = json_object_get(line, "alert");
    const json_t *facts = json_object_get(line, "downgrade");
    const json_t *evidence = json_object_get(facts, "evidence");
    assert_text(line, "event_type", "alert");
    assert_text(line, "src_ip", "192.0.2.1");
    assert_text(json_object_get(line, "tls"), "version", "TLS 1.2");
    assert_text(alert, "action", "allowed");
    assert_number(alert, "gid", 1);
    assert_number(alert, "rev", 1);
    assert_number(alert, "signature_id", scene.alert.rule->signature_id);
    assert_text(alert, "signature", scene.alert.rule->title);
    assert_text(alert, "category", "TLS downgrade");
    assert_number(alert, "severity", 1);
    assert_int_equal(json_object_size(alert), 7);
    assert_text(facts, "kind", "downgrade-sentinel");
    assert_text(facts, "class", "attack");
    assert_text(facts, "confidence", "high");
    assert_text(facts, "advice", scene.alert.rule->advice);
    assert_text(facts, "id", scene.alert.id);
    assert_text(facts, "domain", "example.com");
    assert_text(facts, "limiter", "downgraded");
    assert_number(facts, "repeats", 4);
    assert_int_equal(json_array_size(evidence), 2);
    const json_t *first = json_array_get(evidence, 0);
    assert_text(first, "what", "version");
    assert_text(first, "expected", "TLS 1.3 (offered in packet 4)");
    assert_text(first, "observed", "TLS 1.2");
    assert_number(first, "packet", 8);
    assert_text(json_array_get(evidence, 1), "packet", NULL);
    json_decref(line);
    json_deinit(&writer.json);
}

static void test_what_the_configuration_says(void **state) {
    (void)state;
    struct eve_writer writer = {0};
    struct verdict_scene scene;
    verdict_scene_init(&scene, "example.com");
    scene.alert.severity = RULE_SEVERITY_LOW; /* its rule's is high */
    size_t size = 0;
    const char *text = eve_write_alert(&writer, &scene.alert, &size);
    json_t *line = parse(text, size);
    assert_number(json_object_get(line, "alert"), "severity", 3);
    json_decref(line);

    text = eve_write_tls(&writer, &scene.verdict, &size);
    line = parse(text, size);
    assert_null(json_object_get(json_object_get(line, "downgrade"), "excepted"));
    json_decref(line);

    scene.verdict.rules_excepted = 5;
    text = eve_write_tls(&writer, &scene.verdict, &size);
    line = parse(text, size);
    const json_t *excepted = json_object_get(json_object_get(line, "downgrade"), "excepted");
    assert_int_equal(json_array_size(excepted), 2);
    assert_string_equal(json_string_value(json_array_get(excepted, 0)), rules_all[0]->kind);
    assert_string_equal(json_string_value(json_array_get(excepted, 1)), rules_all[2]->kind);
    json_decref(line);
    json_deinit(&writer.json);
}

static void test_stats(void **state) {
    (void)state;
    struct eve_writer writer = {0};
    const struct source source = {.sensor = "lab", .name = "capture.pcap", .is_file = true};
    const struct run_stats stats = {.packets = 100,
                                    .bytes = 5000,
                                    .packets_malformed = 3,
                                    .flows = 7,
                                    .handshakes = 5,
                                    .half_seen = 1,
                                    .attack_alerts = 2,
                                    .alerts_excepted = 6,
                                    .first_us = SCENE_HELLO_US,
                                    .last_us = SCENE_HELLO_US + 2500000};
    size_t size = 0;
    const char *text = eve_write_stats(&writer, &source, &stats, &size);
    json_t *line = parse(text, size);
    const json_t *counts = json_object_get(line, "stats");
    assert_text(line, "event_type", "stats");
    assert_text(line, "timestamp", "2026-11-23T12:00:02.623456+0000");
    assert_text(line, "pcap_filename", "capture.pcap");
    assert_number(counts, "uptime", 2);
    assert_number(json_object_get(counts, "decoder"), "pkts", 100);
    assert_number(json_object_get(counts, "decoder"), "bytes", 5000);
    assert_number(json_object_get(counts, "decoder"), "invalid", 3);
    assert_number(json_object_get(counts, "flow"), "total", 7);
    assert_number(json_object_get(line, "downgrade"), "handshakes", 5);
    assert_number(json_object_get(line, "downgrade"), "attack_alerts", 2);
    assert_number(json_object_get(line, "downgrade"), "alerts_excepted", 6);
    json_decref(line);
    json_deinit(&writer.json);
}

/* Feeds one of each event through the sink. */
static void feed(struct eve *eve, const struct verdict_scene *scene) {
    const struct sink *sink = eve_sink(eve);
    const struct run_stats stats = {0};
    sink->alert(sink->context, &scene->alert);
    sink->handshake(sink->context, &scene->verdict);
    sink->source_end(sink->context, &scene->source, &stats);
}

static void test_file(void **state) {
    (void)state;
    char path[] = "test_eve.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(close(descriptor), 0);
    struct verdict_scene scene;
    verdict_scene_init(&scene, "example.com");
    for (int run = 0; run < 2; run++) { /* written anew, not appended */
        struct eve *eve = eve_new(path);
        assert_non_null(eve);
        size_t size = 0;
        const char *alert = eve_format_alert(eve, &scene.alert, &size);
        assert_int_equal(strlen(alert), size);
        feed(eve, &scene);
        uint32_t has = scene.scene.handshake.has;
        scene.scene.handshake.has = HANDSHAKE_HAS_DIALOGUE; /* no line of its own */
        eve_sink(eve)->handshake(eve_sink(eve)->context, &scene.verdict);
        scene.scene.handshake.has = has;
        assert_int_equal(eve_finish(eve), 0);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static char lines[3][8192];
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(fgets(lines[i], sizeof(lines[i]), file));
        lines[i][strcspn(lines[i], "\n")] = '\0';
        json_decref(parse(lines[i], strlen(lines[i])));
    }
    assert_int_equal(fgetc(file), EOF);
    assert_non_null(strstr(lines[0], "\"event_type\":\"alert\""));
    assert_string_equal(lines[1], downgraded_line);
    assert_non_null(strstr(lines[2], "\"event_type\":\"stats\""));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
}

static void test_failures(void **state) {
    (void)state;
    errno = 0;
    assert_null(eve_new("no-such-folder/eve.json"));
    assert_int_equal(errno, ENOENT);
    if (access("/dev/full", W_OK) != 0)
        skip();
    struct verdict_scene scene;
    verdict_scene_init(&scene, "example.com");
    struct eve *eve = eve_new("/dev/full");
    assert_non_null(eve);
    for (int i = 0; i < 1000; i++)
        feed(eve, &scene);
    assert_int_equal(eve_finish(eve), -ENOSPC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_line), cmocka_unit_test(test_unknowns),
        cmocka_unit_test(test_rest),       cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_alert),      cmocka_unit_test(test_what_the_configuration_says),
        cmocka_unit_test(test_stats),      cmocka_unit_test(test_file),
        cmocka_unit_test(test_failures),   cmocka_unit_test(test_facts),
        cmocka_unit_test(test_no_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
