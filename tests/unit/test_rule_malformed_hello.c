/*
 * test_rule_malformed_hello.c - broken messages, and the missing bytes that look like them.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x1301, 0xc02f, 0};
static const uint16_t versions[] = {0x0304, 0x0303, 0};

static void sound(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = suites, .versions = versions});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void malformed(struct scene *scene, enum handshake_malformed what, uint64_t packet) {
    scene->handshake.malformed |= what;
    scene->handshake.malformed_packet = packet;
}

static void repeated_in_offer(struct scene *scene) {
    sound(scene);
    scene->handshake.offer.has_repeated_extension = true;
    scene->handshake.offer.repeated_extension = TLS_EXT_SUPPORTED_VERSIONS;
    malformed(scene, MALFORMED_CLIENT_HELLO, 4);
}

static void damaged_alpn(struct scene *scene) {
    sound(scene);
    scene->handshake.offer.has_malformed_extension = true;
    scene->handshake.offer.malformed_extension = TLS_EXT_ALPN;
    malformed(scene, MALFORMED_CLIENT_HELLO, 4);
}

static void damaged_alpn_that_the_server_minds(struct scene *scene) {
    damaged_alpn(scene);
    scene_alert(scene, SIDE_SERVER, 50);
}

static void damaged_alpn_and_an_alert_of_the_client(struct scene *scene) {
    damaged_alpn(scene);
    scene_alert(scene, SIDE_CLIENT, 50);
}

static void damaged_alpn_and_another_alert(struct scene *scene) {
    damaged_alpn(scene);
    scene_alert(scene, SIDE_SERVER, 40);
}

static void half_a_suite(struct scene *scene) {
    sound(scene);
    scene->handshake.offer.cipher_suites.size--;
    malformed(scene, MALFORMED_CLIENT_HELLO, 4);
}

static void truncated_answer(struct scene *scene) {
    sound(scene);
    scene->handshake.choice.is_truncated = true;
    malformed(scene, MALFORMED_SERVER_HELLO, 8);
    scene_alert(scene, SIDE_CLIENT, 47);
}

static void second_offer(struct scene *scene) {
    sound(scene);
    scene_second_offer(scene, (struct client_spec){.suites = suites, .versions = versions});
    scene->handshake.second_offer.is_truncated = true;
    malformed(scene, MALFORMED_CLIENT_HELLO, 9);
}

static void broken_retry(struct scene *scene) {
    sound(scene);
    scene_answer(scene, (struct server_spec){.is_retry = true, .suite = 0x1301, .group = 23});
    scene->handshake.retry.has_repeated_extension = true;
    scene->handshake.retry.repeated_extension = TLS_EXT_KEY_SHARE;
    malformed(scene, MALFORMED_SERVER_HELLO, 6);
}

static void unreadable_answer(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = suites, .versions = versions});
    malformed(scene, MALFORMED_SERVER_HELLO, 8);
}

static void unreadable_answer_from_the_middle(struct scene *scene) {
    unreadable_answer(scene);
    scene->handshake.missed = MISSED_START;
}

static void damaged_alpn_from_the_middle(struct scene *scene) {
    damaged_alpn(scene);
    scene->handshake.missed = MISSED_START | MISSED_SERVER_SIDE | MISSED_END;
}

static void key_exchange(struct scene *scene) {
    sound(scene);
    malformed(scene, MALFORMED_KEY_EXCHANGE, 8);
}

static void record_and_fragments(struct scene *scene) {
    sound(scene);
    malformed(scene, MALFORMED_RECORD | MALFORMED_FRAGMENT, 5);
    scene_alert(scene, SIDE_SERVER, 50);
}

static void damaged_alpn_cut(struct scene *scene) {
    damaged_alpn(scene);
    scene->handshake.missed = MISSED_CUT_PACKET;
}

static void damaged_alpn_hole(struct scene *scene) {
    damaged_alpn(scene);
    scene->handshake.missed = MISSED_CLIENT_BYTES;
}

static void sound_with_a_hole(struct scene *scene) {
    sound(scene);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

static void no_hello(struct scene *scene) {
    scene->handshake.has = HANDSHAKE_HAS_DIALOGUE;
}

/* Unknown is not broken. */
static void unknown_numbers(struct scene *scene) {
    static const uint16_t odd_suites[] = {0xdead, 0x0a0a, 0};
    static const uint16_t odd_versions[] = {0x3a3a, 0x0999, 0};
    static const uint16_t odd_extensions[] = {0xabcd, 0x5a5a, 0};
    scene_offer(scene, (struct client_spec){.suites = odd_suites,
                                            .versions = odd_versions,
                                            .extensions = odd_extensions});
    assert_false(client_hello_is_malformed(&scene->handshake.offer));
}

static void test_cases(void **state) {
    (void)state;
    static const struct rule_case cases[] = {
        {"an extension twice", repeated_in_offer, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "supported_versions (43) twice"},
        {"a damaged extension", damaged_alpn, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "application_layer_protocol_negotiation (16) does not"},
        {"which the server minds", damaged_alpn_that_the_server_minds, RULE_HIT, CONFIDENCE_HIGH,
         false, "alert decode_error (50)"},
        {"which its own sender minds", damaged_alpn_and_an_alert_of_the_client, RULE_HIT,
         CONFIDENCE_MEDIUM, false, "ClientHello"},
        {"and an alert that does not say so", damaged_alpn_and_another_alert, RULE_HIT,
         CONFIDENCE_MEDIUM, false, "ClientHello"},
        {"half a suite", half_a_suite, RULE_HIT, CONFIDENCE_MEDIUM, false, "half a cipher suite"},
        {"ServerHello that ends too soon", truncated_answer, RULE_HIT, CONFIDENCE_HIGH, false,
         "its extensions run past its end"},
        {"second ClientHello", second_offer, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "second ClientHello"},
        {"HelloRetryRequest", broken_retry, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "HelloRetryRequest"},
        {"unreadable ServerHello", unreadable_answer, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "ServerHello"},
        {"ServerKeyExchange", key_exchange, RULE_HIT, CONFIDENCE_MEDIUM, false,
         "ServerKeyExchange"},
        {"a record and fragments", record_and_fragments, RULE_HIT, CONFIDENCE_HIGH, false,
         "contradict"},
        {"from the middle, readable", damaged_alpn_from_the_middle, RULE_HIT, CONFIDENCE_MEDIUM,
         false, "ClientHello"},
        {"from the middle, unreadable", unreadable_answer_from_the_middle, RULE_UNKNOWN, 0, false,
         NULL},
        {"cut by the capture", damaged_alpn_cut, RULE_UNKNOWN, 0, false, NULL},
        {"with a hole", damaged_alpn_hole, RULE_UNKNOWN, 0, false, NULL},
        {"sound, with a hole", sound_with_a_hole, RULE_UNKNOWN, 0, false, NULL},
        {"no hello", no_hello, RULE_UNKNOWN, 0, false, NULL},
        {"sound", sound, RULE_PASS, 0, false, NULL},
        {"unknown numbers", unknown_numbers, RULE_PASS, 0, false, NULL},
    };
    scene_run_cases("malformed-hello", cases, sizeof cases / sizeof cases[0]);
}

static void test_is_information(void **state) {
    (void)state;
    const struct rule *rule = rules_find("malformed-hello");
    assert_int_equal(rule->rule_class, RULE_INFO);
    assert_int_equal(rule->severity, RULE_SEVERITY_LOW);
    assert_true(rule->on_by_default);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_is_information),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
