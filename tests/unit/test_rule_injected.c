/*
 * test_rule_injected.c - the signals against a packet (transport.h), one by one and with what makes
 * each of them honest, and the three rules that weigh them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules_list.h"
#include "scene.h"
#include "tls_record.h"

enum { HOPS = 57, FIRST_PACKET = 2, BEFORE_PACKET = 10, SUSPECT_PACKET = 12, AFTER_PACKET = 14 };
enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_UNRECOGNIZED_NAME = 112 };

static const uint64_t begun_us = UINT64_C(1000000000);

static struct packet_mark mark_at(uint64_t packet) {
    return (struct packet_mark){.packet = packet,
                                .time_us = begun_us + packet * 1000,
                                .ip_id = 4000 + (uint32_t)packet,
                                .timestamp = 90000 + (uint32_t)packet,
                                .window = 500,
                                .hop_limit = HOPS,
                                .tcp_flags = TCP_ACK,
                                .has = MARK_HAS_IP_ID | MARK_HAS_TIMESTAMP};
}

/* A server's packet among regular ones of its direction: nothing stands against it. */
static struct suspect *arrange_suspect(struct scene *scene, enum suspect_kind kind) {
    struct handshake *handshake = &scene->handshake;
    struct suspect *suspect = &handshake->suspects[handshake->suspect_count++];
    *suspect = (struct suspect){.kind = (uint8_t)kind,
                                .sender = SIDE_SERVER,
                                .alert_level = 2,
                                .alert_description = ALERT_HANDSHAKE_FAILURE,
                                .mark = mark_at(SUSPECT_PACKET),
                                .before = mark_at(BEFORE_PACKET),
                                .after = mark_at(AFTER_PACKET)};
    struct direction *server = &handshake->side[SIDE_SERVER];
    server->first = mark_at(FIRST_PACKET);
    server->first.window = 64240;
    server->first.tcp_flags = TCP_SYN | TCP_ACK;
    server->rtt_us = 20000;
    server->hello_packet = 0;
    handshake->side[SIDE_CLIENT].hello_us = begun_us + SUSPECT_PACKET * 1000 - 25000;
    return suspect;
}

static void add_conflict(struct scene *scene, uint8_t hop_limit, bool is_alert_second) {
    struct handshake *handshake = &scene->handshake;
    struct conflict *conflict = &handshake->conflicts[handshake->conflict_count++];
    struct conflict_version alert = {.mark = mark_at(SUSPECT_PACKET),
                                     .size = 7,
                                     .content_type = TLS_ALERT,
                                     .alert_level = 2,
                                     .alert_description = ALERT_HANDSHAKE_FAILURE,
                                     .bytes = {21, 3, 3, 0, 2, 2, 40}};
    struct conflict_version hello = {.mark = mark_at(AFTER_PACKET),
                                     .size = 9,
                                     .content_type = TLS_HANDSHAKE,
                                     .handshake_type = TLS_SERVER_HELLO,
                                     .has_hello = true,
                                     .version = TLS_VERSION_1_3,
                                     .cipher_suite = 0x1301,
                                     .bytes = {22, 3, 3, 0, 90, 2, 0, 0, 86}};
    alert.mark.hop_limit = hop_limit;
    *conflict = (struct conflict){.sender = SIDE_SERVER,
                                  .sequence = 1,
                                  .first = is_alert_second ? hello : alert,
                                  .second = is_alert_second ? alert : hello};
}

/* ---- signals ---- */

static void nothing(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    (void)suspect;
}

static void other_hops(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.hop_limit = HOPS - 8;
}

static void new_route(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.hop_limit = HOPS - 8;
    suspect->after.hop_limit = HOPS - 8;
}

static void restless_hops(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_SERVER].first.hop_limit = HOPS + 1;
    suspect->mark.hop_limit = HOPS - 8;
}

static void nothing_before(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->before = (struct packet_mark){0};
    suspect->mark.hop_limit = HOPS - 8;
    suspect->mark.ip_id = 60000;
    suspect->mark.has = 0;
}

static void other_id(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.ip_id = 54321;
}

static void random_ids(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_SERVER].first.ip_id = 17;
    suspect->before.ip_id = 33333;
    suspect->mark.ip_id = 54321;
}

static void zero_ids_but_one(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_SERVER].first.ip_id = 0;
    suspect->before.ip_id = 0;
    suspect->after.ip_id = 0;
    suspect->mark.ip_id = 54321;
}

static void counter_wraps(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_SERVER].first.ip_id = 65530;
    suspect->before.ip_id = 65535;
    suspect->mark.ip_id = 1;
    suspect->after.ip_id = 3;
}

static void no_timestamp(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.has = MARK_HAS_IP_ID;
}

static void timestamp_of_the_past(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.timestamp -= 500000;
}

static void timestamp_of_the_future(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.timestamp += 500000;
}

/* On a clock of a microsecond, out of order by two milliseconds. */
static void timestamp_out_of_order(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.timestamp += 2000;
    suspect->after.timestamp = suspect->before.timestamp;
}

static void id_out_of_order(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.ip_id = (uint16_t)(suspect->before.ip_id - 1);
}

static void never_timestamps(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_SERVER].first.has = MARK_HAS_IP_ID;
    suspect->before.has = MARK_HAS_IP_ID;
    suspect->mark.has = MARK_HAS_IP_ID;
}

static void raw_window(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.window = 8192;
}

static void window_grows(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->mark.window = 2000;
    suspect->after.window = 8000;
}

static void window_after_syn(struct scene *scene, struct suspect *suspect) {
    suspect->before = scene->handshake.side[SIDE_SERVER].first;
}

static void sends_on(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->data_after_packet = AFTER_PACKET;
    suspect->data_after_us = suspect->mark.time_us + 30000;
}

static void warning_then_more(struct scene *scene, struct suspect *suspect) {
    sends_on(scene, suspect);
    suspect->alert_level = 1;
}

static void in_encrypted_epoch(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->is_in_encrypted_epoch = true;
}

static void at_once(struct scene *scene, struct suspect *suspect) {
    scene->handshake.side[SIDE_CLIENT].hello_us = suspect->mark.time_us - 4000;
}

static void at_once_on_a_short_path(struct scene *scene, struct suspect *suspect) {
    at_once(scene, suspect);
    scene->handshake.side[SIDE_SERVER].rtt_us = 900;
    scene->handshake.side[SIDE_CLIENT].hello_us = suspect->mark.time_us - 100;
}

/* The capture shows the server's alert before the hello that it answers. */
static void at_once_in_disorder(struct scene *scene, struct suspect *suspect) {
    at_once(scene, suspect);
    scene->handshake.side[SIDE_CLIENT].hello_packet = BEFORE_PACKET;
    scene->handshake.alerts[scene->handshake.alert_count++] =
        (struct handshake_alert){.packet = BEFORE_PACKET - 1, .sender = SIDE_SERVER};
}

static void close_notify_then_more(struct scene *scene, struct suspect *suspect) {
    warning_then_more(scene, suspect);
    suspect->alert_description = 0;
}

static void close_notify_contradicted(struct scene *scene, struct suspect *suspect) {
    close_notify_then_more(scene, suspect);
    add_conflict(scene, HOPS, false);
}

static void contradicted(struct scene *scene, struct suspect *suspect) {
    (void)suspect;
    add_conflict(scene, HOPS, false);
}

/* A balancer that refuses in the server's place: everything differs, and it is the end. */
static void another_machine_ends(struct scene *scene, struct suspect *suspect) {
    other_hops(scene, suspect);
    other_id(scene, suspect);
    no_timestamp(scene, suspect);
    raw_window(scene, suspect);
    suspect->after = (struct packet_mark){0};
    scene->handshake.outcome = OUTCOME_FAILED;
}

static void another_machine_contradicted(struct scene *scene, struct suspect *suspect) {
    another_machine_ends(scene, suspect);
    contradicted(scene, suspect);
}

static void another_machine_is_not_believed(struct scene *scene, struct suspect *suspect) {
    another_machine_ends(scene, suspect);
    scene->handshake.outcome = OUTCOME_COMPLETED;
}

static void at_once_after_a_lost_syn(struct scene *scene, struct suspect *suspect) {
    at_once(scene, suspect);
    scene->handshake.side[SIDE_SERVER].rtt_us = 1003000;
}

static void out_of_place(struct scene *scene, struct suspect *suspect) {
    (void)scene;
    suspect->is_out_of_place = true;
}

static const struct {
    const char *name;
    enum suspect_kind kind;
    void (*arrange)(struct scene *scene, struct suspect *suspect);
    uint32_t signals;
} signal_cases[] = {
    {"regular", SUSPECT_ALERT, nothing, 0},
    {"another hop limit", SUSPECT_ALERT, other_hops, SIGNAL_HOP_LIMIT},
    {"another hop limit, reset", SUSPECT_RESET, other_hops, SIGNAL_HOP_LIMIT},
    {"a new route", SUSPECT_ALERT, new_route, 0},
    {"hop limits that change anyway", SUSPECT_ALERT, restless_hops, 0},
    {"nothing to compare with", SUSPECT_ALERT, nothing_before, 0},
    {"outside the counter", SUSPECT_ALERT, other_id, SIGNAL_IP_ID},
    {"outside the counter, reset", SUSPECT_RESET, other_id, 0},
    {"random identifications", SUSPECT_ALERT, random_ids, 0},
    {"always zero but once", SUSPECT_ALERT, zero_ids_but_one, SIGNAL_IP_ID},
    {"the counter wraps", SUSPECT_ALERT, counter_wraps, 0},
    {"no timestamp", SUSPECT_ALERT, no_timestamp, SIGNAL_TIMESTAMP},
    {"no timestamp, reset", SUSPECT_RESET, no_timestamp, 0},
    {"a timestamp of the past", SUSPECT_ALERT, timestamp_of_the_past, SIGNAL_TIMESTAMP},
    {"a timestamp of the future", SUSPECT_ALERT, timestamp_of_the_future, SIGNAL_TIMESTAMP},
    {"a timestamp out of order", SUSPECT_ALERT, timestamp_out_of_order, 0},
    {"the counter out of order", SUSPECT_ALERT, id_out_of_order, 0},
    {"another machine ends it", SUSPECT_ALERT, another_machine_ends, 0},
    {"another machine resets it", SUSPECT_RESET, another_machine_ends, 0},
    {"another machine, contradicted", SUSPECT_ALERT, another_machine_contradicted,
     SIGNAL_CONFLICT | SIGNAL_HOP_LIMIT | SIGNAL_IP_ID | SIGNAL_TIMESTAMP | SIGNAL_WINDOW},
    {"another machine, and the handshake goes on", SUSPECT_RESET, another_machine_is_not_believed,
     SIGNAL_HOP_LIMIT},
    {"fast after a SYN that was lost", SUSPECT_ALERT, at_once_after_a_lost_syn, 0},
    {"no timestamps at all", SUSPECT_ALERT, never_timestamps, 0},
    {"a raw window", SUSPECT_ALERT, raw_window, SIGNAL_WINDOW},
    {"a window that grows", SUSPECT_ALERT, window_grows, 0},
    {"the window behind a SYN", SUSPECT_ALERT, window_after_syn, 0},
    {"its sender goes on", SUSPECT_ALERT, sends_on, SIGNAL_DATA_AFTER},
    {"its sender goes on, FIN", SUSPECT_FIN, sends_on, SIGNAL_DATA_AFTER},
    {"a warning, and its sender goes on", SUSPECT_ALERT, warning_then_more, 0},
    {"a close_notify, and its sender goes on", SUSPECT_ALERT, close_notify_then_more, 0},
    {"a close_notify contradicted", SUSPECT_ALERT, close_notify_contradicted,
     SIGNAL_CONFLICT | SIGNAL_DATA_AFTER},
    {"clear after encryption", SUSPECT_ALERT, in_encrypted_epoch, SIGNAL_ENCRYPTED_EPOCH},
    {"faster than the path", SUSPECT_ALERT, at_once, SIGNAL_TOO_EARLY},
    {"faster than the path, in disorder", SUSPECT_FIN, at_once_in_disorder, 0},
    {"fast on a short path", SUSPECT_ALERT, at_once_on_a_short_path, 0},
    {"contradicted", SUSPECT_ALERT, contradicted, SIGNAL_CONFLICT},
    {"a reset out of place", SUSPECT_RESET, out_of_place, SIGNAL_OUT_OF_PLACE},
};

static void test_signals(void **state) {
    (void)state;
    static struct scene scene;
    for (size_t i = 0; i < sizeof signal_cases / sizeof signal_cases[0]; i++) {
        scene_init(&scene);
        struct suspect *suspect = arrange_suspect(&scene, signal_cases[i].kind);
        signal_cases[i].arrange(&scene, suspect);
        uint32_t found = transport_signals(&scene.handshake, suspect);
        if (found != signal_cases[i].signals)
            fail_msg("%s: %#x instead of %#x", signal_cases[i].name, found,
                     signal_cases[i].signals);
    }
}

/* ---- injected-alert ---- */

static void alert_none(struct scene *scene) {
    (void)scene;
}

static void alert_regular(struct scene *scene) {
    arrange_suspect(scene, SUSPECT_ALERT);
}

static void alert_one_signal(struct scene *scene) {
    other_hops(scene, arrange_suspect(scene, SUSPECT_ALERT));
}

static void alert_one_signal_and_a_gap(struct scene *scene) {
    alert_one_signal(scene);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

static void alert_two_weak(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    other_hops(scene, suspect);
    other_id(scene, suspect);
}

static void alert_three_weak(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    other_hops(scene, suspect);
    other_id(scene, suspect);
    raw_window(scene, suspect);
}

static void alert_matched_but_contradicted(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    contradicted(scene, suspect);
    sends_on(scene, suspect);
}

static void alert_contradicted_from_elsewhere(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    other_hops(scene, suspect);
    sends_on(scene, suspect);
    add_conflict(scene, HOPS - 8, false);
}

static void alert_contradicted_in_a_gap(struct scene *scene) {
    alert_contradicted_from_elsewhere(scene);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

/* The hello is the forged one of the two. */
static void alert_genuine_hello_forged(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    sends_on(scene, suspect);
    add_conflict(scene, HOPS, false);
    scene->handshake.conflicts[0].second.mark.hop_limit = HOPS - 8;
}

static void alert_warning(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_ALERT);
    other_hops(scene, suspect);
    other_id(scene, suspect);
    suspect->alert_level = 1;
    suspect->alert_description = ALERT_UNRECOGNIZED_NAME;
}

static const struct rule_case alert_cases[] = {
    {.name = "no alert", .arrange = alert_none, .result = RULE_PASS},
    {.name = "a regular one", .arrange = alert_regular, .result = RULE_PASS},
    {.name = "one signal", .arrange = alert_one_signal, .result = RULE_PASS},
    {.name = "one signal and a gap", .arrange = alert_one_signal_and_a_gap, .result = RULE_UNKNOWN},
    {.name = "two that tell machines apart",
     .arrange = alert_two_weak,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_LOW,
     .evidence = "near 57, as in packet 10"},
    {.name = "three that tell machines apart",
     .arrange = alert_three_weak,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM},
    {.name = "all matched but the bytes",
     .arrange = alert_matched_but_contradicted,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM,
     .evidence = "ServerHello TLS 1.3 TLS_AES_128_GCM_SHA256"},
    {.name = "contradicted, from elsewhere",
     .arrange = alert_contradicted_from_elsewhere,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_HIGH,
     .evidence = "went on sending 30000 us later"},
    {.name = "contradicted, in a gap",
     .arrange = alert_contradicted_in_a_gap,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM},
    {.name = "the hello is the forged one",
     .arrange = alert_genuine_hello_forged,
     .result = RULE_PASS},
    {.name = "a warning", .arrange = alert_warning, .result = RULE_PASS},
};

static void test_injected_alert(void **state) {
    (void)state;
    scene_run_cases("injected-alert", alert_cases, sizeof alert_cases / sizeof alert_cases[0]);
}

/* ---- injected-reset ---- */

static void reset_one_signal(struct scene *scene) {
    other_hops(scene, arrange_suspect(scene, SUSPECT_RESET));
}

static void reset_from_elsewhere_and_more_data(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_RESET);
    other_hops(scene, suspect);
    sends_on(scene, suspect);
}

static void reset_too_early_from_elsewhere(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_RESET);
    other_hops(scene, suspect);
    at_once(scene, suspect);
    sends_on(scene, suspect);
}

/* A kernel without a socket; what it had sent before comes later in the capture. */
static void reset_bare_and_reordered(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_RESET);
    suspect->mark.tcp_flags = TCP_RST;
    suspect->is_out_of_place = true;
    suspect->data_after_packet = AFTER_PACKET;
    suspect->data_after_us = suspect->mark.time_us + 5000;
}

static void reset_matched_and_more_data(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_RESET);
    suspect->mark.tcp_flags = TCP_RST | TCP_ACK;
    sends_on(scene, suspect);
}

static void reset_matched_and_more_data_in_a_gap(struct scene *scene) {
    reset_matched_and_more_data(scene);
    scene->handshake.missed = MISSED_SERVER_BYTES;
}

static void fin_and_more_data_from_elsewhere(struct scene *scene) {
    struct suspect *suspect = arrange_suspect(scene, SUSPECT_FIN);
    other_hops(scene, suspect);
    sends_on(scene, suspect);
}

static void fin_of_an_alert(struct scene *scene) {
    fin_and_more_data_from_elsewhere(scene);
    arrange_suspect(scene, SUSPECT_ALERT);
}

static const struct rule_case reset_cases[] = {
    {.name = "none", .arrange = alert_none, .result = RULE_PASS},
    {.name = "one signal", .arrange = reset_one_signal, .result = RULE_PASS},
    {.name = "from elsewhere, and data after it",
     .arrange = reset_from_elsewhere_and_more_data,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM,
     .evidence = "RST in the server's name"},
    {.name = "matched, and data after it",
     .arrange = reset_matched_and_more_data,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM},
    {.name = "matched, and data after it, in a gap",
     .arrange = reset_matched_and_more_data_in_a_gap,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_LOW},
    {.name = "from elsewhere, too early, and data after it",
     .arrange = reset_too_early_from_elsewhere,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_HIGH},
    {.name = "by a kernel, in a shuffled capture",
     .arrange = reset_bare_and_reordered,
     .result = RULE_PASS},
    {.name = "a FIN, and data after it",
     .arrange = fin_and_more_data_from_elsewhere,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM,
     .evidence = "FIN in the server's name"},
    {.name = "the same, in the packet of an alert",
     .arrange = fin_of_an_alert,
     .result = RULE_PASS},
};

static void test_injected_reset(void **state) {
    (void)state;
    scene_run_cases("injected-reset", reset_cases, sizeof reset_cases / sizeof reset_cases[0]);
}

/* ---- injected-hello ---- */

static void hello_conflict(struct scene *scene, uint8_t first_hops, uint8_t second_hops) {
    arrange_suspect(scene, SUSPECT_FIN);
    add_conflict(scene, first_hops, false);
    struct conflict *conflict = &scene->handshake.conflicts[0];
    conflict->first = conflict->second;
    conflict->first.mark = mark_at(SUSPECT_PACKET);
    conflict->first.mark.hop_limit = first_hops;
    conflict->second.mark.hop_limit = second_hops;
    conflict->second.version = TLS_VERSION_1_2;
}

static void hello_twice_same_sender(struct scene *scene) {
    hello_conflict(scene, HOPS, HOPS);
}

static void hello_twice_two_senders(struct scene *scene) {
    hello_conflict(scene, HOPS - 8, HOPS);
}

static void hello_parts(struct scene *scene) {
    hello_conflict(scene, HOPS, HOPS);
    scene->handshake.conflicts[0].second.has_hello = false;
}

static void hello_against_alert(struct scene *scene) {
    arrange_suspect(scene, SUSPECT_ALERT);
    add_conflict(scene, HOPS - 8, false);
}

static void hello_forged_against_genuine_alert(struct scene *scene) {
    arrange_suspect(scene, SUSPECT_ALERT);
    add_conflict(scene, HOPS, false);
    scene->handshake.conflicts[0].second.mark.hop_limit = HOPS - 8;
}

static void hello_against_noise(struct scene *scene) {
    hello_conflict(scene, HOPS, HOPS - 8);
    scene->handshake.conflicts[0].second.content_type = 0;
}

static const struct rule_case hello_cases[] = {
    {.name = "no conflict", .arrange = alert_none, .result = RULE_PASS},
    {.name = "two hellos",
     .arrange = hello_twice_same_sender,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM,
     .evidence = "ServerHello TLS 1.2"},
    {.name = "two hellos of two senders",
     .arrange = hello_twice_two_senders,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_HIGH,
     .evidence = "the first version is the odd one"},
    {.name = "parts of hellos",
     .arrange = hello_parts,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_LOW},
    {.name = "a forged alert", .arrange = hello_against_alert, .result = RULE_PASS},
    {.name = "a forged hello over a genuine alert",
     .arrange = hello_forged_against_genuine_alert,
     .result = RULE_HIT,
     .confidence = CONFIDENCE_MEDIUM},
    {.name = "noise", .arrange = hello_against_noise, .result = RULE_PASS},
};

static void test_injected_hello(void **state) {
    (void)state;
    scene_run_cases("injected-hello", hello_cases, sizeof hello_cases / sizeof hello_cases[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_injected_alert),
        cmocka_unit_test(test_injected_reset),
        cmocka_unit_test(test_injected_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
