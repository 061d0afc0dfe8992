/*
 * test_quic_session.c - QUIC handshakes through the flow table: what may come before, between and
 * after, and how they end. test_quic_versions.c has those whose keys change, test_quic_crypto.c
 * looks into the CRYPTO frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quic_scene.h"

static void tells_handshakes_of_every_version(void **state) {
    (void)state;
    static const uint32_t versions[] = {QUIC_VERSION_1, QUIC_VERSION_2, 0xff000022, 0xff00001d,
                                        0xff00001c,     0xff000017,     0xfaceb001, 0xfaceb002};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        char wanted[LINE_SIZE];
        begin();
        say_all(versions[i]);
        snprintf(wanted, sizeof wanted, COMPLETED OFFER CHOICE " versions{%x %x %x}", versions[i],
                 versions[i], versions[i]);
        demand_told("handshake", wanted);
    }
}

static void ids_may_be_empty(void **state) {
    (void)state;
    begin();
    struct initial_plan client = from_client;
    struct initial_plan server = from_server;
    client.as = NULL;
    server.to = NULL;
    say_hello(client);
    say_answer(server);
    wire_one_rtt(&datagram, "server", 100); /* its Handshake packet was lost */
    send_datagram(SIDE_CLIENT);
    demand_told("empty ids", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

/* RFC 9000 section 5.1: an end may use any id that the other gave it. */
static void ids_of_the_peer_may_change(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    wire_handshake(&datagram, 0, "new id", "client", 60);
    send_datagram(SIDE_CLIENT);
    demand_told("changed id", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void packets_of_others_do_not_count(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    wire_handshake(&datagram, 0, "server", "stranger", 60);
    send_datagram(SIDE_CLIENT);
    wire_handshake(&datagram, QUIC_VERSION_2, "server", "client", 60);
    send_datagram(SIDE_CLIENT);
    wire_one_rtt(&datagram, "strange", 100);
    send_datagram(SIDE_CLIENT);
    bytes_fill(&datagram, 0x16, 100);
    send_datagram(SIDE_CLIENT);
    demand_told("strangers",
                "40000 inconclusive missed:40 malformed:00" OFFER CHOICE " versions{1 1 1}");
}

static void each_datagram_may_come_twice(void **state) {
    (void)state;
    begin();
    add_client_hello(hello_plan);
    add_initial(from_client);
    quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
    send_datagram(SIDE_CLIENT);
    frame_ack(&frames);
    add_server_hello(answer_plan, 0);
    add_initial(from_server);
    wire_handshake(&datagram, 0, "client", "server", 700);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    send_datagram(SIDE_SERVER);
    frame_ack(&frames);
    add_initial(with_keys(from_client, "original", "server"));
    wire_handshake(&datagram, 0, "server", "client", 60);
    quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
    send_datagram(SIDE_CLIENT);
    say_hello(from_client); /* these come late */
    say_answer(from_server);
    frame_ack(&frames);
    add_initial(with_keys(from_client, "original", "server"));
    send_datagram(SIDE_CLIENT);
    demand_told("twice", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void early_data_says_nothing(void **state) {
    (void)state;
    static const struct client_plan early = {
        .name = "a.example", .is_13 = true, .share = X25519, .has_early_data = true};
    begin();
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send_datagram(SIDE_CLIENT);
    add_client_hello(early);
    add_initial(from_client);
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send_datagram(SIDE_CLIENT);
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send_datagram(SIDE_CLIENT);
    say_answer(from_server);
    demand_told("0-RTT", "40000 inconclusive missed:40 malformed:00 offer{a.example 73}" CHOICE
                         " versions{1 1 1}");
}

static void early_data_hides_nothing_after_it(void **state) {
    (void)state;
    static const struct client_plan early = {
        .name = "a.example", .is_13 = true, .share = X25519, .has_early_data = true};
    begin();
    say_hello_of(from_client, early);
    wire_handshake(&datagram, 0, "client", "server", 700);
    send_datagram(SIDE_SERVER);
    say_finish(from_client);
    demand_told("lost answer",
                "40000 inconclusive missed:10 malformed:00 offer{a.example 73} versions{1 1 0}");
}

static void numbers_may_be_any(void **state) {
    (void)state;
    struct initial_plan plan = from_client;
    begin();
    message.size = 0;
    message_client_hello(&message, hello_plan);
    frame_crypto(&frames, 0, message.data, 50);
    plan.number = 250;
    add_initial(plan);
    send_datagram(SIDE_CLIENT);
    frame_crypto(&frames, 50, message.data + 50, message.size - 50);
    plan.number = 300; /* sent as 44 */
    add_initial(plan);
    send_datagram(SIDE_CLIENT);
    say_answer(from_server);
    wire_handshake(&datagram, 0, "server", "client", 60);
    send_datagram(SIDE_CLIENT);
    demand_told("numbers", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void retry_request_of_tls(void **state) {
    (void)state;
    static const struct server_plan retry = {
        .is_retry = true, .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = P256};
    static const struct client_plan again = {.name = "a.example", .is_13 = true, .share = P256};
    static const struct server_plan answer = {
        .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = P256};
    begin();
    say_hello(from_client);
    size_t first_size = message.size;
    add_server_hello(retry, 0);
    size_t retry_size = message.size;
    add_initial(from_server);
    send_datagram(SIDE_SERVER);
    message.size = 0;
    message_client_hello(&message, again);
    frame_crypto(&frames, first_size, message.data, message.size);
    add_initial(with_keys(from_client, "original", "server"));
    send_datagram(SIDE_CLIENT);
    add_server_hello(answer, retry_size);
    add_initial(from_server);
    wire_handshake(&datagram, 0, "client", "server", 700);
    send_datagram(SIDE_SERVER);
    say_finish(from_client);
    demand_told("HelloRetryRequest",
                COMPLETED OFFER " retry{23} second{a.example 69}" CHOICE " versions{1 1 1}");
}

/* ---- how it ends ---- */

static void closes_are_told(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 120);
    add_initial(from_server);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    send_datagram(SIDE_SERVER);
    demand_told("alert of the server",
                "40000 failed missed:00 malformed:00" OFFER " alert{s 2 120} versions{1 1 1}");

    begin();
    say_hello(from_client);
    say_answer(from_server);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 47);
    add_initial(with_keys(from_client, "original", "server"));
    wire_handshake(&datagram, 0, "server", "client", 40); /* says the same */
    send_datagram(SIDE_CLIENT);
    quic_tape_wait(&tape, 2 * SECOND);
    say_answer(from_server); /* after it was told */
    demand_told("alert of the client", "40000 failed missed:00 malformed:00" OFFER CHOICE
                                       " alert{c 2 47} versions{1 1 1}");

    begin();
    say_hello(from_client);
    frame_close(&frames, 2);
    add_initial(from_server);
    send_datagram(SIDE_SERVER);
    demand_told("refused", "40000 failed missed:00 malformed:00" OFFER " versions{1 1 1}");

    begin(); /* whoever sent that, the handshake goes on */
    say_hello(from_client);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 40);
    add_initial(from_server);
    send_datagram(SIDE_SERVER);
    say_answer(from_server);
    say_finish(from_client);
    demand_told("not its server's", COMPLETED OFFER CHOICE " alert{s 2 40} versions{1 1 1}");
}

static void one_side_alone(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_finish(from_client);
    demand_told("client only", "40000 half_seen missed:04 malformed:00" OFFER " versions{1 1 0}");
    begin();
    say_answer(from_server);
    say_answer(from_server);
    wire_one_rtt(&datagram, "client", 1000);
    send_datagram(SIDE_SERVER);
    demand_told("server only", "");
    begin();
    say_hello(from_client);
    quic_tape_wait(&tape, 40 * SECOND);
    tape.client_port++;
    say_hello(from_client);
    demand_told("no answer", "40000 half_seen missed:04 malformed:00" OFFER " versions{1 1 0}\n"
                             "40001 half_seen missed:44 malformed:00" OFFER " versions{1 1 0}");
}

static void the_answer_may_stand_first(void **state) {
    (void)state;
    begin();
    say_answer(from_server);
    say_hello(from_client);
    quic_tape_wait(&tape, 2 * SECOND);
    say_finish(from_client);
    demand_told("answer first", COMPLETED OFFER CHOICE " versions{1 1 1}");
    begin();
    say_answer(from_server);
    quic_tape_wait(&tape, 2 * SECOND);
    say_all(QUIC_VERSION_1);
    demand_told("long before", COMPLETED OFFER CHOICE " versions{1 1 1}");
    begin();
    for (unsigned i = 0; i < 20; i++)
        say_answer(with_keys(from_server, "nobody's", "client"));
    say_all(QUIC_VERSION_1);
    demand_told("many others first", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void what_is_missing_is_said(void **state) {
    (void)state;
    begin(); /* the snap length cut the answer */
    say_hello(from_client);
    add_server_hello(answer_plan, 0);
    add_initial(from_server);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 20);
    datagram.size = 0;
    wire_handshake(&datagram, 0, "client", "server", 700);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 600);
    datagram.size = 0;
    say_finish(from_client);
    demand_told("cut", "40000 inconclusive missed:30 malformed:00" OFFER " versions{1 1 0}");

    begin(); /* the answer opens with no key */
    say_hello(from_client);
    say_answer(with_keys(from_server, "nobody's", "client"));
    say_finish(from_client);
    demand_told("sealed with others",
                "40000 inconclusive missed:10 malformed:00" OFFER " versions{1 1 0}");

    begin(); /* nor does it with the right one any more, after too many */
    say_hello(from_client);
    for (unsigned i = 0; i < 100; i++) {
        add_initial(with_keys(from_server, "nobody's", "client"));
        send_datagram(SIDE_SERVER);
    }
    add_server_hello(answer_plan, 0);
    add_initial(from_server);
    send_datagram(SIDE_SERVER);
    demand_told("flood", "40000 inconclusive missed:50 malformed:00" OFFER " versions{1 1 0}");

    begin(); /* its middle was lost */
    say_hello(from_client);
    message.size = 0;
    message_server_hello(&message, answer_plan);
    frame_crypto(&frames, 10, message.data + 10, message.size - 10);
    add_initial(from_server);
    send_datagram(SIDE_SERVER);
    quic_tape_wait(&tape, 40 * SECOND);
    tape.client_port++;
    say_hello(from_client);
    demand_has("lost", tape.lines[0],
               "40000 inconclusive missed:10 malformed:00" OFFER " versions{1 1 1}");
    quic_tape_close(&tape);
}

static void another_handshake_on_the_same_ports(void **state) {
    (void)state;
    const struct initial_plan client2 = with_keys(from_client, "second id", "second id");
    const struct initial_plan server2 = with_keys(from_server, "second id", "client");
    begin();
    say_all(QUIC_VERSION_1);
    say_hello_of(client2, other_plan);
    say_answer(server2);
    say_finish(client2);
    demand_told("after the first", COMPLETED OFFER CHOICE
                " versions{1 1 1}\n" COMPLETED OTHER_OFFER CHOICE " versions{1 1 1}");
    begin();
    say_hello(from_client);
    say_answer(from_server);
    say_hello_of(client2, other_plan);
    say_answer(server2);
    say_finish(client2);
    demand_told("amid the first",
                "40000 inconclusive missed:00 malformed:00" OFFER CHOICE
                " versions{1 1 1}\n" COMPLETED OTHER_OFFER CHOICE " versions{1 1 1}");
    begin(); /* a token from an earlier connection (NEW_TOKEN), and another hello */
    say_hello(from_client);
    say_hello_of(
        (struct initial_plan){
            .keys = "second id", .to = "second id", .as = "client", .token = "kept from before"},
        other_plan);
    say_answer(server2);
    say_finish(client2);
    demand_told("with a token",
                "40000 half_seen missed:04 malformed:00" OFFER
                " versions{1 1 0}\n" COMPLETED OTHER_OFFER CHOICE " versions{1 1 1}");
}

/* Its first packet that is seen says nothing against the first handshake's hello. */
static void another_handshake_without_its_beginning(void **state) {
    (void)state;
    const struct initial_plan client2 = with_keys(from_client, "second id", "second id");
    begin();
    say_hello(from_client);
    message.size = 0;
    message_client_hello(&message, (struct client_plan){.name = "other.example", .padding = 900});
    frame_crypto(&frames, 600, message.data + 600, message.size - 600);
    add_initial(client2);
    send_datagram(SIDE_CLIENT);
    frame_crypto(&frames, 0, message.data, 600);
    add_initial(client2);
    send_datagram(SIDE_CLIENT);
    demand_told("later part first",
                "40000 half_seen missed:04 malformed:00" OFFER " versions{1 1 0}\n"
                "40000 half_seen missed:44 malformed:00 offer{other.example 926} versions{1 1 0}");
}

static void an_endless_one_is_told(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    for (unsigned i = 0; i < 600 && tape.count == 0; i++) {
        wire_one_rtt(&datagram, "elsewhere", 100);
        send_datagram(SIDE_CLIENT);
    }
    assert_int_equal(tape.count, 1);
    demand_told("endless",
                "40000 inconclusive missed:00 malformed:00" OFFER CHOICE " versions{1 1 1}");
}

/* ---- what is no handshake ---- */

static void changed_packets_begin_nothing(void **state) {
    (void)state;
    begin();
    add_client_hello(hello_plan);
    add_initial(from_client);
    for (size_t at = 0; at < datagram.size; at++) {
        datagram.data[at] ^= 0x10U;
        tape.client_port = (uint16_t)(CLIENT_PORT + at);
        quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
        datagram.data[at] ^= 0x10U;
    }
    demand_told("changed", "");
}

static void noise_begins_nothing(void **state) {
    (void)state;
    uint64_t seed = 1;
    begin();
    for (unsigned i = 0; i < 5000; i++) {
        datagram.size = 0;
        bytes_number(&datagram, i & 1U ? 0xc3 : 0xff, 1);
        bytes_number(&datagram, i & 2U ? QUIC_VERSION_1 : QUIC_VERSION_2, 4);
        while (datagram.size < 1250) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            bytes_number(&datagram, (uint32_t)(seed >> 60U), 1);
        }
        tape.client_port = (uint16_t)(CLIENT_PORT + i % 100);
        send_datagram(i & 4U ? SIDE_SERVER : SIDE_CLIENT);
    }
    assert_int_equal(flow_table_counts(tape.table).handshakes, 0);
    demand_told("noise", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_handshakes_of_every_version),
        cmocka_unit_test(ids_may_be_empty),
        cmocka_unit_test(ids_of_the_peer_may_change),
        cmocka_unit_test(packets_of_others_do_not_count),
        cmocka_unit_test(each_datagram_may_come_twice),
        cmocka_unit_test(early_data_says_nothing),
        cmocka_unit_test(early_data_hides_nothing_after_it),
        cmocka_unit_test(numbers_may_be_any),
        cmocka_unit_test(retry_request_of_tls),
        cmocka_unit_test(closes_are_told),
        cmocka_unit_test(one_side_alone),
        cmocka_unit_test(the_answer_may_stand_first),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(another_handshake_on_the_same_ports),
        cmocka_unit_test(another_handshake_without_its_beginning),
        cmocka_unit_test(an_endless_one_is_told),
        cmocka_unit_test(changed_packets_begin_nothing),
        cmocka_unit_test(noise_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
