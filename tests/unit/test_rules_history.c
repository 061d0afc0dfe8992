/*
 * test_rules_history.c - the rules that compare a handshake with what is known of its server, its
 * client and its twin, and those of keys and dialogues: hits, nearest misses, and what is unknown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scene.h"

enum { X25519 = 29, SECP256R1 = 23, SECP192R1 = 19, HYBRID = 4588 };
enum { THIS_CLIENT = 1U << 3U, OTHER_CLIENT = 1U << 4U, THIRD_CLIENT = 1U << 5U };

static const uint16_t suites[] = {0x1301, 0xc02f, 0x0033, 0x002f, 0};
static const uint16_t versions[] = {TLS_VERSION_1_3, TLS_VERSION_1_2, 0};
static const uint16_t hybrid_shares[] = {HYBRID, X25519, 0};
static const uint16_t plain_shares[] = {X25519, 0};
static const uint16_t groups[] = {X25519, SECP256R1, 0};
static const uint16_t weak_groups[] = {SECP192R1, 0};

static void offer13(struct scene *scene, const uint16_t *shares) {
    scene_offer(scene, (struct client_spec){.suites = suites,
                                            .versions = versions,
                                            .groups = groups,
                                            .shares = shares,
                                            .name = "a.example"});
}

static void answer12(struct scene *scene) {
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void answer13(struct scene *scene, uint16_t group) {
    scene_answer(
        scene, (struct server_spec){.selected = TLS_VERSION_1_3, .suite = 0x1301, .group = group});
}

static void nothing(struct scene *scene) {
    (void)scene;
}

/* ---- server-regression ---- */

static void know_answers(struct scene *scene, uint16_t high, uint16_t low, uint64_t clients) {
    scene_know_server(scene, TLS_RANK_1_3);
    scene->server.by_offer[TLS_RANK_1_3][TLS_RANK_1_3] = high;
    scene->server.by_offer[TLS_RANK_1_3][TLS_RANK_1_2] = low;
    scene->server.lowered_clients = clients;
    scene->history.client_bit = THIS_CLIENT;
}

static void lower(struct scene *scene) {
    offer13(scene, plain_shares);
    answer12(scene);
}

static void lower_after_20(struct scene *scene) {
    lower(scene);
    know_answers(scene, 20, 0, 0);
}

static void lower_after_19(struct scene *scene) {
    lower(scene);
    know_answers(scene, 19, 0, 0);
}

static void lower_after_100(struct scene *scene) {
    lower(scene);
    know_answers(scene, 100, 1, OTHER_CLIENT);
}

static void lower_in_a_mixed_pool(struct scene *scene) {
    lower(scene);
    know_answers(scene, 100, 2, OTHER_CLIENT);
}

static void lower_for_three_clients(struct scene *scene) {
    lower(scene);
    know_answers(scene, 500, 0, OTHER_CLIENT | THIRD_CLIENT);
}

static void lower_again_for_the_same(struct scene *scene) {
    lower(scene);
    know_answers(scene, 500, 0, THIS_CLIENT | THIRD_CLIENT);
}

static void as_always(struct scene *scene) {
    offer13(scene, plain_shares);
    answer13(scene, X25519);
    know_answers(scene, 500, 0, 0);
}

static void other_offer(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = suites, .name = "a.example"});
    answer12(scene);
    know_answers(scene, 500, 0, 0);
}

static void expected_pool(struct scene *scene) {
    static const struct expected_range range = {TLS_RANK_1_0, TLS_RANK_1_2, "legacy"};
    lower_after_100(scene);
    scene->history.expected = &range;
}

static void expected_to_do_better(struct scene *scene) {
    static const struct expected_range range = {TLS_RANK_1_0, TLS_RANK_1_3, "legacy"};
    lower_after_100(scene);
    scene->history.expected = &range;
}

static void lower_in_a_gap(struct scene *scene) {
    lower_after_100(scene);
    scene->handshake.missed = MISSED_CUT_PACKET;
}

static void no_answer(struct scene *scene) {
    offer13(scene, plain_shares);
    know_answers(scene, 500, 0, 0);
}

static const struct rule_case regression_cases[] = {
    {"20 better ones", lower_after_20, RULE_HIT, CONFIDENCE_LOW, true, "20 of 20"},
    {"19 better ones", lower_after_19, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"100 better ones", lower_after_100, RULE_HIT, CONFIDENCE_MEDIUM, true, "100 of 101"},
    {"a mixed pool", lower_in_a_mixed_pool, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"three clients", lower_for_three_clients, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"two clients", lower_again_for_the_same, RULE_HIT, CONFIDENCE_MEDIUM, true, NULL},
    {"as always", as_always, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"an offer of another height", other_offer, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"a pool that is expected", expected_pool, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"a pool that does better", expected_to_do_better, RULE_HIT, CONFIDENCE_MEDIUM, true, NULL},
    {"an unknown server", lower, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"bytes were missed", lower_in_a_gap, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
    {"no answer", no_answer, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

/* ---- pq-downgrade ---- */

static void know_hybrid(struct scene *scene, uint32_t offered, uint32_t taken, uint64_t clients) {
    scene_know_server(scene, TLS_RANK_1_3);
    scene->server.hybrid_offered = offered;
    scene->server.hybrid_taken = taken;
    scene->server.classical_clients = clients;
    scene->history.client_bit = THIS_CLIENT;
}

static void classical(struct scene *scene) {
    offer13(scene, hybrid_shares);
    answer13(scene, X25519);
}

static void classical_after_20(struct scene *scene) {
    classical(scene);
    know_hybrid(scene, 20, 20, 0);
}

static void classical_after_19(struct scene *scene) {
    classical(scene);
    know_hybrid(scene, 19, 19, 0);
}

static void classical_in_a_mixed_pool(struct scene *scene) {
    classical(scene);
    know_hybrid(scene, 100, 90, OTHER_CLIENT);
}

static void classical_for_three_clients(struct scene *scene) {
    classical(scene);
    know_hybrid(scene, 500, 500, OTHER_CLIENT | THIRD_CLIENT);
}

static void older_version_instead(struct scene *scene) {
    offer13(scene, hybrid_shares);
    answer12(scene);
    know_hybrid(scene, 200, 200, 0);
}

static void taken(struct scene *scene) {
    offer13(scene, hybrid_shares);
    answer13(scene, HYBRID);
    know_hybrid(scene, 200, 200, 0);
}

static void never_shared(struct scene *scene) {
    offer13(scene, plain_shares);
    answer13(scene, X25519);
    know_hybrid(scene, 200, 200, 0);
}

static const struct rule_case hybrid_cases[] = {
    {"20 that took it", classical_after_20, RULE_HIT, CONFIDENCE_LOW, false, "20 of 20"},
    {"19 that took it", classical_after_19, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"a mixed pool", classical_in_a_mixed_pool, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"three clients", classical_for_three_clients, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"TLS 1.2 instead", older_version_instead, RULE_HIT, CONFIDENCE_MEDIUM, true, "TLS 1.2"},
    {"taken", taken, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no such share", never_shared, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"an unknown server", classical, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no answer", no_answer, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

/* ---- split-view ---- */

static struct twin twin;

static void meet(struct scene *scene, bool is_same_connection, uint64_t apart_us) {
    lower(scene);
    twin = (struct twin){.time_us = scene->handshake.started_us + apart_us,
                         .packet = 77,
                         .highest_offered = TLS_VERSION_1_2,
                         .negotiated = TLS_VERSION_1_2,
                         .suites = 3,
                         .extensions = 2,
                         .is_same_connection = is_same_connection,
                         .answers_differ = true};
    scene->history.twin = &twin;
}

static void twin_of_the_same_connection(struct scene *scene) {
    meet(scene, true, 0);
}

static void twin_behind_a_nat(struct scene *scene) {
    meet(scene, false, 1000000);
}

static void twin_much_later(struct scene *scene) {
    meet(scene, false, 3000000);
}

static void twin_of_a_cut_hello(struct scene *scene) {
    meet(scene, true, 0);
    scene->handshake.missed = MISSED_CUT_PACKET;
}

static const struct rule_case twin_cases[] = {
    {"the same connection", twin_of_the_same_connection, RULE_HIT, CONFIDENCE_HIGH, true,
     "packet 77: TLS 1.2 at most, 3 suites"},
    {"other addresses, the same moment", twin_behind_a_nat, RULE_HIT, CONFIDENCE_MEDIUM, true,
     NULL},
    {"other addresses, later", twin_much_later, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"a hello that was cut", twin_of_a_cut_hello, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
    {"none", lower, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no hello", nothing, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

/* ---- scanner ---- */

static void try_before(struct scene *scene, enum tls_rank offered, uint64_t before_us) {
    scene_attempt(scene, (struct attempt){.started_us = scene->handshake.started_us - before_us,
                                          .highest_offered = (uint8_t)offered});
}

static void four_versions(struct scene *scene) {
    lower(scene);
    try_before(scene, TLS_RANK_1_2, 1000);
    try_before(scene, TLS_RANK_1_1, 2000);
    try_before(scene, TLS_RANK_1_0, 3000);
}

static void three_versions(struct scene *scene) {
    lower(scene);
    try_before(scene, TLS_RANK_1_2, 1000);
    try_before(scene, TLS_RANK_1_1, 2000);
    try_before(scene, TLS_RANK_1_0, UINT64_C(61000000));
}

static void many_servers(struct scene *scene) {
    lower(scene);
    scene->history.client_servers = 40;
    scene->history.client_handshakes = 100;
    scene->history.client_failures = 50;
}

static void many_servers_that_answer(struct scene *scene) {
    many_servers(scene);
    scene->history.client_failures = 49;
}

static const struct rule_case scanner_cases[] = {
    {"four versions", four_versions, RULE_HIT, CONFIDENCE_MEDIUM, false, "4 within"},
    {"three versions", three_versions, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"many servers", many_servers, RULE_HIT, CONFIDENCE_MEDIUM, false, "50 of 100"},
    {"many servers that answer", many_servers_that_answer, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no hello", nothing, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

/* ---- weak-key-exchange ---- */

static void key(struct scene *scene, uint16_t suite, struct key_exchange exchange) {
    scene_offer(scene, (struct client_spec){.suites = suites, .groups = groups});
    scene_answer(scene, (struct server_spec){.suite = suite});
    scene->handshake.key_exchange = exchange;
    scene->handshake.has |= HANDSHAKE_HAS_KEY_EXCHANGE;
}

static void freak(struct scene *scene) {
    key(scene, 0x002f, (struct key_exchange){.kind = KEY_EXCHANGE_RSA_EXPORT, .size_bits = 512});
}

static void logjam(struct scene *scene) {
    key(scene, 0x0033, (struct key_exchange){.kind = KEY_EXCHANGE_DHE, .size_bits = 512});
}

static void small_group(struct scene *scene) {
    key(scene, 0x0033, (struct key_exchange){.kind = KEY_EXCHANGE_DHE, .size_bits = 768});
}

static void ordinary_group(struct scene *scene) {
    key(scene, 0x0033, (struct key_exchange){.kind = KEY_EXCHANGE_DHE, .size_bits = 1024});
}

static void configured_group(struct scene *scene) {
    ordinary_group(scene);
    scene->settings.dh_bits = 2048;
}

static void weak_curve(struct scene *scene) {
    key(scene, 0xc02f, (struct key_exchange){.kind = KEY_EXCHANGE_ECDHE, .group = SECP192R1});
}

static void ordinary_curve(struct scene *scene) {
    key(scene, 0xc02f, (struct key_exchange){.kind = KEY_EXCHANGE_ECDHE, .group = SECP256R1});
}

static void only_weak_curves_offered(struct scene *scene) {
    scene_offer(scene, (struct client_spec){.suites = suites, .groups = weak_groups});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
    scene->handshake.key_exchange =
        (struct key_exchange){.kind = KEY_EXCHANGE_ECDHE, .group = SECP192R1};
    scene->handshake.has |= HANDSHAKE_HAS_KEY_EXCHANGE;
}

static void export_suite(struct scene *scene) {
    static const uint16_t with_export[] = {0x002f, 0x0003, 0};
    scene_offer(scene, (struct client_spec){.suites = with_export});
    scene_answer(scene, (struct server_spec){.suite = 0x0003});
}

static void only_export_suites_offered(struct scene *scene) {
    static const uint16_t only_export[] = {0x0003, 0x00ff, 0};
    scene_offer(scene, (struct client_spec){.suites = only_export});
    scene_answer(scene, (struct server_spec){.suite = 0x0003});
}

static const struct rule_case key_cases[] = {
    {"a temporary RSA key", freak, RULE_HIT, CONFIDENCE_HIGH, true, "temporary RSA key of 512"},
    {"a group of export size", logjam, RULE_HIT, CONFIDENCE_HIGH, true, "512 bits"},
    {"a small group", small_group, RULE_HIT, CONFIDENCE_LOW, false, "768 bits"},
    {"an ordinary group", ordinary_group, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"below the configured size", configured_group, RULE_HIT, CONFIDENCE_LOW, false, "2048"},
    {"a weak curve", weak_curve, RULE_HIT, CONFIDENCE_LOW, false, "secp192r1"},
    {"an ordinary curve", ordinary_curve, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no better curve offered", only_weak_curves_offered, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"an export suite", export_suite, RULE_HIT, CONFIDENCE_MEDIUM, true, "EXPORT"},
    {"no better suite offered", only_export_suites_offered, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"no hello", nothing, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

/* ---- starttls-stripping ---- */

static void fact(struct scene *scene, enum dialogue_fact which) {
    struct handshake *handshake = &scene->handshake;
    handshake->has |= HANDSHAKE_HAS_DIALOGUE;
    handshake->dialogue.protocol = DIALOGUE_SMTP;
    handshake->dialogue.has |= 1U << which;
    handshake->dialogue.packet[which] = 10 + (uint64_t)which;
    snprintf(handshake->dialogue.garbled, DIALOGUE_TEXT_SIZE, "XXXXXXXA");
    snprintf(handshake->dialogue.answer, DIALOGUE_TEXT_SIZE, "454 TLS not available");
}

static void know_service(struct scene *scene, uint32_t seen, uint32_t offered, uint64_t clients) {
    scene->server.starttls_seen = seen;
    scene->server.starttls_offered = offered;
    scene->server.stripped_clients = clients;
    scene->history.service = &scene->server;
    scene->history.client_bit = THIS_CLIENT;
}

static void garbled(struct scene *scene) {
    fact(scene, DIALOGUE_GARBLED);
}

static void garbled_and_login(struct scene *scene) {
    garbled(scene);
    fact(scene, DIALOGUE_LOGIN);
}

static void garbled_but_tls_came(struct scene *scene) {
    garbled(scene);
    lower(scene);
}

static void missing(struct scene *scene) {
    fact(scene, DIALOGUE_NOT_ADVERTISED);
}

static void missing_and_login(struct scene *scene) {
    missing(scene);
    fact(scene, DIALOGUE_LOGIN);
}

static void missing_at_a_known_server(struct scene *scene) {
    missing(scene);
    know_service(scene, 3, 3, 0);
}

static void missing_at_a_hardly_known_server(struct scene *scene) {
    missing(scene);
    know_service(scene, 2, 2, 0);
}

static void missing_with_login_at_a_known_server(struct scene *scene) {
    missing_and_login(scene);
    know_service(scene, 50, 50, 0);
}

static void missing_for_three_clients(struct scene *scene) {
    missing(scene);
    know_service(scene, 50, 40, OTHER_CLIENT | THIRD_CLIENT);
}

static void refused(struct scene *scene) {
    fact(scene, DIALOGUE_ADVERTISED);
    fact(scene, DIALOGUE_ASKED);
    fact(scene, DIALOGUE_REFUSED);
}

static void refused_and_login(struct scene *scene) {
    refused(scene);
    fact(scene, DIALOGUE_LOGIN);
}

static void refused_at_a_known_server(struct scene *scene) {
    refused(scene);
    know_service(scene, 10, 10, 0);
}

static void granted(struct scene *scene) {
    fact(scene, DIALOGUE_ADVERTISED);
    fact(scene, DIALOGUE_ASKED);
    fact(scene, DIALOGUE_GRANTED);
    lower(scene);
    know_service(scene, 10, 10, 0);
}

static void never_asked(struct scene *scene) {
    fact(scene, DIALOGUE_ADVERTISED);
    fact(scene, DIALOGUE_LOGIN);
    know_service(scene, 10, 10, 0);
}

static void missing_in_a_gap(struct scene *scene) {
    missing_at_a_known_server(scene);
    scene->handshake.missed = MISSED_CLIENT_BYTES;
}

static void overwritten_in_a_gap(struct scene *scene) {
    garbled(scene);
    scene->handshake.missed = MISSED_CLIENT_BYTES;
}

/* After the login the list has no more TLS in it. */
static void missing_after_it_was_there(struct scene *scene) {
    missing_with_login_at_a_known_server(scene);
    fact(scene, DIALOGUE_ADVERTISED);
}

static void gap_in_the_list(struct scene *scene) {
    fact(scene, DIALOGUE_GREETED);
    know_service(scene, 10, 10, 0);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

static const struct rule_case dialogue_cases[] = {
    {"no dialogue", lower, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"overwritten", garbled, RULE_HIT, CONFIDENCE_MEDIUM, true, "XXXXXXXA"},
    {"overwritten, then a password", garbled_and_login, RULE_HIT, CONFIDENCE_HIGH, true,
     "sent in clear"},
    {"overwritten, and TLS all the same", garbled_but_tls_came, RULE_HIT, CONFIDENCE_LOW, false,
     NULL},
    {"missing, of an unknown server", missing, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"missing, then a password, of an unknown server", missing_and_login, RULE_PASS, CONFIDENCE_LOW,
     false, NULL},
    {"missing, of a known server", missing_at_a_known_server, RULE_HIT, CONFIDENCE_MEDIUM, true,
     "3 of 3"},
    {"missing, of a hardly known server", missing_at_a_hardly_known_server, RULE_PASS,
     CONFIDENCE_LOW, false, NULL},
    {"missing, then a password, of a known server", missing_with_login_at_a_known_server, RULE_HIT,
     CONFIDENCE_HIGH, true, NULL},
    {"missing for three clients", missing_for_three_clients, RULE_PASS, CONFIDENCE_LOW, false,
     NULL},
    {"refused", refused, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"refused, then a password", refused_and_login, RULE_HIT, CONFIDENCE_LOW, true, "454"},
    {"refused by a known server", refused_at_a_known_server, RULE_HIT, CONFIDENCE_MEDIUM, true,
     NULL},
    {"granted", granted, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"never asked for", never_asked, RULE_PASS, CONFIDENCE_LOW, false, NULL},
    {"missing, in a gap", missing_in_a_gap, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
    {"overwritten, in a gap", overwritten_in_a_gap, RULE_HIT, CONFIDENCE_MEDIUM, true, NULL},
    {"missing after it was there", missing_after_it_was_there, RULE_PASS, CONFIDENCE_LOW, false,
     NULL},
    {"a gap in the list", gap_in_the_list, RULE_UNKNOWN, CONFIDENCE_LOW, false, NULL},
};

#define RULE_TEST(name, kind, cases)                                                               \
    static void name(void **state) {                                                               \
        (void)state;                                                                               \
        scene_run_cases(kind, cases, sizeof(cases) / sizeof(cases)[0]);                            \
    }

RULE_TEST(test_server_regression, "server-regression", regression_cases)
RULE_TEST(test_pq_downgrade, "pq-downgrade", hybrid_cases)
RULE_TEST(test_split_view, "split-view", twin_cases)
RULE_TEST(test_scanner, "scanner", scanner_cases)
RULE_TEST(test_weak_key_exchange, "weak-key-exchange", key_cases)
RULE_TEST(test_starttls_stripping, "starttls-stripping", dialogue_cases)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_regression), cmocka_unit_test(test_pq_downgrade),
        cmocka_unit_test(test_split_view),        cmocka_unit_test(test_scanner),
        cmocka_unit_test(test_weak_key_exchange), cmocka_unit_test(test_starttls_stripping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
