/*
 * test_handshake.c - derived facts: offers, choices, who limits, resumption, and what an attempt
 * keeps.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x2a2a, 0x1301, 0xc02f, 0x002f, 0x00ff, 0x5600, 0};

struct offer_case {
    const char *name;
    uint16_t legacy_version;
    uint16_t versions[6]; /* ends with 0; empty: absent */
    uint16_t highest;
    enum tls_rank rank;
};

static void test_highest_offered(void **state) {
    (void)state;
    static const struct offer_case cases[] = {
        {"legacy_version alone", 0x0303, {0}, 0x0303, TLS_RANK_1_2},
        {"TLS 1.0", 0x0301, {0}, 0x0301, TLS_RANK_1_0},
        {"list wins over legacy_version", 0x0303, {0x0302, 0x0301}, 0x0302, TLS_RANK_1_1},
        {"GREASE does not count", 0x0303, {0xfafa, 0x0303}, 0x0303, TLS_RANK_1_2},
        {"only GREASE", 0x0303, {0xfafa}, 0, TLS_RANK_UNKNOWN},
        {"order does not count", 0x0303, {0x0301, 0x0304, 0x0303}, 0x0304, TLS_RANK_1_3},
        {"final wins over draft", 0x0303, {0x7f1c, 0x0304}, 0x0304, TLS_RANK_1_3},
        {"final before draft", 0x0303, {0x0304, 0x7f1c}, 0x0304, TLS_RANK_1_3},
        {"draft only", 0x0303, {0x7f1c, 0x0303}, 0x7f1c, TLS_RANK_1_3},
        {"unknown only", 0x0303, {0x0505}, 0, TLS_RANK_UNKNOWN},
    };
    static struct scene scene;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene_init(&scene);
        scene_offer(&scene, (struct client_spec){
                                .legacy_version = cases[i].legacy_version,
                                .suites = suites,
                                .versions = cases[i].versions[0] ? cases[i].versions : NULL});
        print_message("%s\n", cases[i].name);
        assert_int_equal(handshake_highest_offered_version(&scene.handshake), cases[i].highest);
        assert_int_equal(handshake_highest_offered(&scene.handshake), cases[i].rank);
    }
    scene_init(&scene);
    assert_int_equal(handshake_highest_offered_version(&scene.handshake), 0);
    assert_false(handshake_offers_version(&scene.handshake, 0x0303));
}

static void test_damaged_list_is_unknown(void **state) {
    (void)state;
    static struct scene scene;
    scene_init(&scene);
    scene_offer(&scene, (struct client_spec){.suites = suites});
    scene.handshake.offer.has_malformed_extension = true;
    scene.handshake.offer.malformed_extension = TLS_EXT_SUPPORTED_VERSIONS;
    assert_int_equal(handshake_highest_offered_version(&scene.handshake), 0);
    assert_false(handshake_offers_version(&scene.handshake, 0x0303));
    scene.handshake.offer.malformed_extension = TLS_EXT_ALPN;
    assert_int_equal(handshake_highest_offered_version(&scene.handshake), 0x0303);
}

static void test_offers_version(void **state) {
    (void)state;
    static const uint16_t versions[] = {0x0304, 0x0302, 0};
    static struct scene scene;
    scene_init(&scene);
    scene_offer(&scene, (struct client_spec){.suites = suites, .versions = versions});
    assert_true(handshake_offers_version(&scene.handshake, 0x0304));
    assert_false(handshake_offers_version(&scene.handshake, 0x0303));
    assert_true(handshake_offers_version(&scene.handshake, 0x0302));
    scene_offer(&scene, (struct client_spec){.legacy_version = 0x0302, .suites = suites});
    assert_true(handshake_offers_version(&scene.handshake, 0x0300));
    assert_true(handshake_offers_version(&scene.handshake, 0x0302));
    assert_false(handshake_offers_version(&scene.handshake, 0x0303));
    assert_false(handshake_offers_version(&scene.handshake, 0x2a2a));
    assert_false(handshake_offers_version(&scene.handshake, TLS_VERSION_SSLV2));
    scene.handshake.offer.is_sslv2 = true;
    assert_true(handshake_offers_version(&scene.handshake, TLS_VERSION_SSLV2));
}

struct limiter_case {
    const char *name;
    uint16_t versions[4];
    uint16_t offered; /* legacy_version of the client; 0: no ClientHello */
    uint16_t answered;
    uint16_t selected;
    enum limiter limiter;
    const char *sentinel;
    bool has_answer;
};

static void test_limiter(void **state) {
    (void)state;
    const struct limiter_case cases[] = {
        {"TLS 1.3", {0x0304, 0x0303}, 0x0303, 0x0303, 0x0304, LIMITER_NONE, NULL, true},
        {"a draft", {0x7f1c, 0x0303}, 0x0303, 0x0303, 0x7f1c, LIMITER_NONE, NULL, true},
        {"old client", {0}, 0x0301, 0x0301, 0, LIMITER_CLIENT, NULL, true},
        {"1.2 client, able server", {0}, 0x0303, 0x0303, 0, LIMITER_CLIENT, sentinel_tls12, true},
        {"old server", {0x0304, 0x0303}, 0x0303, 0x0303, 0, LIMITER_SERVER, NULL, true},
        {"marked", {0x0304, 0x0303}, 0x0303, 0x0303, 0, LIMITER_DOWNGRADED, sentinel_tls12, true},
        {"marked at 1.0", {0}, 0x0303, 0x0301, 0, LIMITER_DOWNGRADED, sentinel_tls11, true},
        {"draft client marked",
         {0x7f1c, 0x0303},
         0x0303,
         0x0303,
         0,
         LIMITER_SERVER,
         sentinel_tls12,
         true},
        {"JDK value", {0x0304, 0x0303}, 0x0303, 0x0303, 0, LIMITER_SERVER, sentinel_jdk, true},
        {"answer above the offer", {0}, 0x0301, 0x0303, 0, LIMITER_UNKNOWN, NULL, true},
        {"nobody's version, marked", {0}, 0x0303, 0x0909, 0, LIMITER_UNKNOWN, sentinel_tls11, true},
        {"no ServerHello", {0}, 0x0303, 0, 0, LIMITER_UNKNOWN, NULL, false},
        {"no ClientHello", {0}, 0, 0x0301, 0, LIMITER_UNKNOWN, NULL, true},
    };
    static struct scene scene;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct limiter_case *row = &cases[i];
        print_message("%s\n", row->name);
        scene_init(&scene);
        if (row->offered != 0)
            scene_offer(&scene,
                        (struct client_spec){.legacy_version = row->offered,
                                             .suites = suites,
                                             .versions = row->versions[0] ? row->versions : NULL});
        if (row->has_answer)
            scene_answer(&scene, (struct server_spec){.legacy_version = row->answered,
                                                      .selected = row->selected,
                                                      .suite = 0xc02f,
                                                      .sentinel = row->sentinel});
        assert_int_equal(handshake_limiter(&scene.handshake), row->limiter);
    }
}

static void test_sslv2_choice(void **state) {
    (void)state;
    static struct scene scene;
    scene_init(&scene);
    scene.handshake.has = HANDSHAKE_HAS_SSLV2_CHOICE;
    assert_int_equal(handshake_negotiated_version(&scene.handshake), TLS_VERSION_SSLV2);
    assert_int_equal(handshake_negotiated(&scene.handshake), TLS_RANK_SSLV2);
}

static void test_failed_encrypted(void **state) {
    (void)state;
    static const struct {
        uint16_t suite;
        uint16_t size;
        bool is_failed;
    } cases[] = {
        {0x1301, 19, true},  {0x1301, 53, false}, {0x1302, 69, false}, {0x1301, 25, false},
        {0x1301, 21, false}, {0x1305, 11, true},  {0x1305, 19, false},
    };
    static struct scene scene;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene_init(&scene);
        scene_answer(&scene, (struct server_spec){.selected = 0x0304, .suite = cases[i].suite});
        assert_false(handshake_failed_encrypted(&scene.handshake));
        scene.handshake.side[SIDE_CLIENT].encrypted_packet = 9;
        scene.handshake.side[SIDE_CLIENT].encrypted_size = cases[i].size;
        assert_int_equal(handshake_failed_encrypted(&scene.handshake), cases[i].is_failed);
        scene.handshake.protocol = HANDSHAKE_QUIC; /* these are packets, and say nothing */
        assert_false(handshake_failed_encrypted(&scene.handshake));
    }
    scene_init(&scene);
    scene_answer(&scene, (struct server_spec){.suite = 0xc02f});
    scene.handshake.side[SIDE_CLIENT].encrypted_packet = 9;
    scene.handshake.side[SIDE_CLIENT].encrypted_size = 19;
    assert_false(handshake_failed_encrypted(&scene.handshake));
}

static void test_resumption(void **state) {
    (void)state;
    static struct scene scene;
    struct handshake *handshake = &scene.handshake;
    scene_init(&scene);
    assert_false(handshake_is_resumed(handshake));
    scene_offer(&scene, (struct client_spec){.suites = suites, .session_id = 3});
    scene_answer(&scene, (struct server_spec){.suite = 0xc02f, .session_id = 3});
    assert_true(handshake_is_resumed(handshake));
    handshake->has |= HANDSHAKE_HAS_CERTIFICATE;
    assert_false(handshake_is_resumed(handshake));
    handshake->has &= ~(uint32_t)HANDSHAKE_HAS_CERTIFICATE;
    scene_answer(&scene, (struct server_spec){.suite = 0xc02f, .session_id = 4});
    assert_false(handshake_is_resumed(handshake));
    /* The echoed session id of TLS 1.3 means nothing; an accepted PSK does. */
    scene_answer(&scene,
                 (struct server_spec){.selected = 0x0304, .suite = 0x1301, .session_id = 3});
    assert_false(handshake_is_resumed(handshake));
    handshake->choice.has_pre_shared_key = true;
    assert_true(handshake_is_resumed(handshake));
    /* A ticket without a session id: the server goes on encrypted at once. */
    scene_offer(&scene, (struct client_spec){.suites = suites});
    scene_answer(&scene, (struct server_spec){.suite = 0xc02f});
    assert_false(handshake_is_resumed(handshake));
    handshake->side[SIDE_SERVER].encrypted_packet = 9;
    assert_true(handshake_is_resumed(handshake));
    handshake->missed = MISSED_SERVER_BYTES;
    assert_false(handshake_is_resumed(handshake));
}

static void test_group_and_alerts(void **state) {
    (void)state;
    static struct scene scene;
    struct handshake *handshake = &scene.handshake;
    scene_init(&scene);
    assert_int_equal(handshake_group(handshake), 0);
    handshake->has |= HANDSHAKE_HAS_KEY_EXCHANGE;
    handshake->key_exchange.group = 23;
    assert_int_equal(handshake_group(handshake), 23);
    scene_answer(&scene, (struct server_spec){.selected = 0x0304, .suite = 0x1301, .group = 29});
    assert_int_equal(handshake_group(handshake), 29);

    assert_null(handshake_fatal_alert(handshake, SIDE_COUNT));
    handshake->alerts[handshake->alert_count++] =
        (struct handshake_alert){.level = 1, .description = 0, .sender = SIDE_CLIENT};
    assert_null(handshake_fatal_alert(handshake, SIDE_COUNT));
    scene_alert(&scene, SIDE_SERVER, 40);
    scene_alert(&scene, SIDE_CLIENT, 47);
    assert_int_equal(handshake_fatal_alert(handshake, SIDE_COUNT)->description, 40);
    assert_int_equal(handshake_fatal_alert(handshake, SIDE_CLIENT)->description, 47);
}

static void test_names(void **state) {
    (void)state;
    static const char *const outcomes[] = {"completed", "failed", "reset", "half_seen",
                                           "inconclusive"};
    static const char *const limiters[] = {"none", "client", "server", "downgraded", "unknown"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(handshake_outcome_name((enum handshake_outcome)i), outcomes[i]);
        assert_string_equal(limiter_name((enum limiter)i), limiters[i]);
    }
    static const struct {
        enum handshake_carrier carrier;
        enum dialogue_protocol protocol;
        const char *name;
    } carriers[] = {
        {CARRIER_DIRECT, DIALOGUE_NONE, "direct"},   {CARRIER_UNKNOWN, DIALOGUE_NONE, "unknown"},
        {CARRIER_DIALOGUE, DIALOGUE_SMTP, "smtp"},   {CARRIER_DIALOGUE, DIALOGUE_PROXY, "proxy"},
        {CARRIER_OPENVPN, DIALOGUE_NONE, "openvpn"}, {CARRIER_STUN, DIALOGUE_NONE, "stun"},
    };
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
        const struct handshake handshake = {.carrier = carriers[i].carrier,
                                            .dialogue.protocol = carriers[i].protocol};
        assert_string_equal(handshake_carrier_name(&handshake), carriers[i].name);
    }
}

static void test_attempt(void **state) {
    (void)state;
    static const uint16_t versions[] = {0x0a0a, 0x0304, 0x0303, 0x0302, 0};
    static const uint16_t plain[] = {0xc02f, 0x002f, 0};
    static struct scene scene;
    struct attempt attempt;
    scene_init(&scene);
    scene_offer(&scene, (struct client_spec){.suites = suites, .versions = versions});
    scene_alert(&scene, SIDE_SERVER, 86);
    scene.handshake.side[SIDE_SERVER].fin_packet = 9;
    scene.handshake.side[SIDE_CLIENT].reset_packet = 10;
    history_attempt_of(&scene.handshake, &attempt);
    assert_int_equal(attempt.highest_offered, TLS_RANK_1_3);
    assert_int_equal(attempt.lowest_offered, TLS_RANK_1_1);
    assert_int_equal(attempt.negotiated, TLS_RANK_UNKNOWN);
    assert_int_equal(attempt.outcome, OUTCOME_FAILED);
    assert_int_equal(attempt.fatal_alert, 86);
    assert_int_equal(attempt.fatal_sender, SIDE_SERVER);
    assert_int_equal(attempt.closed_by, SIDE_SERVER);
    assert_int_equal(attempt.packet, 20);
    assert_true(attempt.has_fallback_scsv);

    /* GREASE, signals and TLS 1.3's suites leave no mark. */
    uint64_t with_noise = attempt.suites;
    scene_offer(&scene, (struct client_spec){.suites = plain});
    history_attempt_of(&scene.handshake, &attempt);
    assert_int_equal(attempt.suites, with_noise);
    assert_false(attempt.has_fallback_scsv);
    assert_int_not_equal(with_noise, 0);

    scene_init(&scene);
    history_attempt_of(&scene.handshake, &attempt);
    assert_int_equal(attempt.closed_by, SIDE_COUNT);
    assert_int_equal(attempt.suites, 0);
    assert_int_equal(attempt.lowest_offered, TLS_RANK_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_highest_offered), cmocka_unit_test(test_damaged_list_is_unknown),
        cmocka_unit_test(test_offers_version),  cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_sslv2_choice),    cmocka_unit_test(test_failed_encrypted),
        cmocka_unit_test(test_resumption),      cmocka_unit_test(test_group_and_alerts),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
