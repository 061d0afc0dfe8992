/*
 * test_quic_session.c - QUIC handshakes through the flow table: versions, keys, connection ids,
 * what may come before, between and after. test_quic_crypto.c looks into the CRYPTO frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quic_talk.h"
#include "tls_messages.h"

enum { X25519 = 29, P256 = 23, TLS13_SUITE = 0x1301 };
enum { UNKNOWN_VERSION = 0x5a6a7a8a, DRAFT_29 = 0xff00001d };

static struct quic_tape tape;
static struct bytes datagram;
static struct bytes frames;
static struct bytes message;

static const struct client_plan hello_plan = {.name = "a.example", .is_13 = true, .share = X25519};
static const struct client_plan other_plan = {
    .name = "other.example", .is_13 = true, .share = X25519};
static const struct server_plan answer_plan = {
    .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519};

static const struct initial_plan from_client = {
    .from = SIDE_CLIENT, .keys = "original", .to = "original", .as = "client"};
static const struct initial_plan from_server = {
    .from = SIDE_SERVER, .keys = "original", .to = "client", .as = "server"};

/* How a plan differs from the usual one. */
static struct initial_plan with_version(struct initial_plan plan, uint32_t version) {
    plan.version = version;
    return plan;
}

static struct initial_plan with_keys(struct initial_plan plan, const char *keys, const char *to) {
    plan.keys = keys;
    plan.to = to;
    return plan;
}

static void send(enum handshake_side from) {
    quic_tape_send(&tape, from, &datagram, 0);
    datagram.size = 0;
}

static void add_initial(struct initial_plan plan) {
    wire_initial(&datagram, plan, &frames);
    frames.size = 0;
}

static void add_client_hello(struct client_plan plan) {
    message.size = 0;
    message_client_hello(&message, plan);
    frame_crypto(&frames, 0, message.data, message.size);
}

static void add_server_hello(struct server_plan plan, uint64_t offset) {
    message.size = 0;
    message_server_hello(&message, plan);
    frame_crypto(&frames, offset, message.data, message.size);
}

static void say_hello_of(struct initial_plan plan, struct client_plan hello) {
    add_client_hello(hello);
    plan.pad_to = QUIC_FIRST_SIZE;
    add_initial(plan);
    send(SIDE_CLIENT);
}

static void say_hello(struct initial_plan plan) {
    say_hello_of(plan, hello_plan);
}

static void say_answer(struct initial_plan plan) {
    frame_ack(&frames);
    add_server_hello(answer_plan, 0);
    add_initial(plan);
    wire_handshake(&datagram, plan.version, plan.to, plan.as, 700);
    send(SIDE_SERVER);
}

static void say_finish(struct initial_plan plan) {
    frame_ack(&frames);
    plan.to = "server";
    plan.number = 1;
    add_initial(plan);
    wire_handshake(&datagram, plan.version, "server", plan.as, 60);
    wire_one_rtt(&datagram, "server", 100);
    send(SIDE_CLIENT);
}

static void say_all(uint32_t version) {
    say_hello(with_version(from_client, version));
    say_answer(with_version(from_server, version));
    say_finish(with_version(from_client, version));
}

static void begin(void) {
    quic_tape_open(&tape, NULL);
    datagram.size = 0;
    frames.size = 0;
}

/* Ends the capture; the lines that were told, one a row, must be these. */
static void demand_told(const char *name, const char *wanted) {
    static char told[LINES_MAX * LINE_SIZE];
    size_t used = 0;
    quic_tape_end(&tape);
    quic_tape_close(&tape);
    told[0] = '\0';
    for (size_t i = 0; i < tape.count; i++)
        used +=
            (size_t)snprintf(told + used, sizeof told - used, "%s%s", i ? "\n" : "", tape.lines[i]);
    demand_line(name, wanted, told);
}

#define OFFER       " offer{a.example 69}"
#define OTHER_OFFER " offer{other.example 73}"
#define CHOICE      " choice{0304 1301}"
#define COMPLETED   "40000 completed missed:00 malformed:00"

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
    send(SIDE_CLIENT);
    demand_told("empty ids", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

/* RFC 9000 section 5.1: an end may use any id that the other gave it. */
static void ids_of_the_peer_may_change(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    wire_handshake(&datagram, 0, "new id", "client", 60);
    send(SIDE_CLIENT);
    demand_told("changed id", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void packets_of_others_do_not_count(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    wire_handshake(&datagram, 0, "server", "stranger", 60);
    send(SIDE_CLIENT);
    wire_handshake(&datagram, QUIC_VERSION_2, "server", "client", 60);
    send(SIDE_CLIENT);
    wire_one_rtt(&datagram, "strange", 100);
    send(SIDE_CLIENT);
    bytes_fill(&datagram, 0x16, 100);
    send(SIDE_CLIENT);
    demand_told("strangers",
                "40000 inconclusive missed:40 malformed:00" OFFER CHOICE " versions{1 1 1}");
}

static void each_datagram_may_come_twice(void **state) {
    (void)state;
    begin();
    add_client_hello(hello_plan);
    add_initial(from_client);
    quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
    send(SIDE_CLIENT);
    frame_ack(&frames);
    add_server_hello(answer_plan, 0);
    add_initial(from_server);
    wire_handshake(&datagram, 0, "client", "server", 700);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    send(SIDE_SERVER);
    frame_ack(&frames);
    add_initial(with_keys(from_client, "original", "server"));
    wire_handshake(&datagram, 0, "server", "client", 60);
    quic_tape_send(&tape, SIDE_CLIENT, &datagram, 0);
    send(SIDE_CLIENT);
    say_hello(from_client); /* these come late */
    say_answer(from_server);
    frame_ack(&frames);
    add_initial(with_keys(from_client, "original", "server"));
    send(SIDE_CLIENT);
    demand_told("twice", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void early_data_says_nothing(void **state) {
    (void)state;
    static const struct client_plan early = {
        .name = "a.example", .is_13 = true, .share = X25519, .has_early_data = true};
    begin();
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send(SIDE_CLIENT);
    add_client_hello(early);
    add_initial(from_client);
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send(SIDE_CLIENT);
    wire_zero_rtt(&datagram, 0, "original", "client", 300);
    send(SIDE_CLIENT);
    say_answer(from_server);
    demand_told("0-RTT", "40000 inconclusive missed:40 malformed:00 offer{a.example 73}" CHOICE
                         " versions{1 1 1}");
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
    send(SIDE_SERVER);
    message.size = 0;
    message_client_hello(&message, again);
    frame_crypto(&frames, first_size, message.data, message.size);
    add_initial(with_keys(from_client, "original", "server"));
    send(SIDE_CLIENT);
    add_server_hello(answer, retry_size);
    add_initial(from_server);
    wire_handshake(&datagram, 0, "client", "server", 700);
    send(SIDE_SERVER);
    say_finish(from_client);
    demand_told("HelloRetryRequest",
                COMPLETED OFFER " retry{23} second{a.example 69}" CHOICE " versions{1 1 1}");
}

/* ---- Retry, Version Negotiation ---- */

static const struct initial_plan after_retry = {.from = SIDE_CLIENT,
                                                .keys = "retry id",
                                                .to = "retry id",
                                                .as = "client",
                                                .token = "token of a retry"};
static const struct initial_plan answer_after_retry = {
    .from = SIDE_SERVER, .keys = "retry id", .to = "client", .as = "server"};

static void say_retry(const char *id) {
    wire_retry(&datagram, 0, "client", id);
    send(SIDE_SERVER);
}

static void goes_on_after_a_retry(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_retry("retry id");
    say_retry("other id"); /* a client takes the first */
    say_hello(after_retry);
    say_hello(after_retry);
    say_answer(answer_after_retry);
    say_finish(with_keys(after_retry, "retry id", "server"));
    say_hello(after_retry); /* late */
    demand_told("Retry", COMPLETED OFFER CHOICE " versions{1 1 1} moved");

    begin(); /* the tap did not see the first one */
    say_hello(from_client);
    say_retry("other id");
    say_hello(after_retry);
    say_answer(answer_after_retry);
    say_finish(with_keys(after_retry, "retry id", "server"));
    demand_told("another Retry", COMPLETED OFFER CHOICE " versions{1 1 1} moved");

    begin();
    say_hello(from_client);
    say_hello(after_retry);
    say_answer(answer_after_retry);
    say_finish(with_keys(after_retry, "retry id", "server"));
    demand_told("unseen Retry", COMPLETED OFFER CHOICE " versions{1 1 1}");

    begin();
    say_hello(from_client);
    wire_retry(&datagram, 0, "stranger", "retry id");
    send(SIDE_SERVER);
    wire_retry(&datagram, QUIC_VERSION_2, "client", "retry id");
    send(SIDE_SERVER);
    say_answer(from_server);
    say_finish(from_client);
    demand_told("Retry of others", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static const uint32_t offered[] = {QUIC_VERSION_1, DRAFT_29, 0};

static void say_versions(const char *to, const char *as) {
    wire_versions(&datagram, to, as, offered);
    send(SIDE_SERVER);
}

static void begins_anew_after_version_negotiation(void **state) {
    (void)state;
    begin();
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE);
    send(SIDE_CLIENT);
    say_versions("client", "stranger");
    say_versions("client", "unknown1");
    say_versions("client", "unknown1");
    say_all(QUIC_VERSION_1);
    demand_told("unknown version",
                COMPLETED OFFER CHOICE " versions{5a6a7a8a 1 1 refused 1 ff00001d}");

    begin(); /* the first attempt can be read */
    say_hello_of(with_version(with_keys(from_client, "first id", "first id"), QUIC_VERSION_2),
                 other_plan);
    say_versions("client", "first id");
    say_all(QUIC_VERSION_1);
    demand_told("known version",
                COMPLETED OFFER CHOICE " versions{6b3343cf 1 1 refused 1 ff00001d}");

    begin(); /* with the same id, and the first attempt comes again */
    say_hello_of(with_version(from_client, QUIC_VERSION_2), other_plan);
    say_versions("client", "original");
    say_hello(from_client);
    say_hello_of(with_version(from_client, QUIC_VERSION_2), other_plan);
    say_answer(from_server);
    say_finish(from_client);
    demand_told("same id", COMPLETED OFFER CHOICE " versions{6b3343cf 1 1 refused 1 ff00001d}");

    begin(); /* unseen */
    say_hello_of(with_version(from_client, QUIC_VERSION_2), other_plan);
    say_all(QUIC_VERSION_1);
    demand_told("unseen", COMPLETED OFFER CHOICE " versions{6b3343cf 1 1}");
}

/* Anybody can send one. What its forger achieves is told as it is. */
static void forged_version_negotiation(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_versions("client", "original");
    say_answer(from_server);
    say_finish(from_client);
    demand_told("ignored by the client",
                COMPLETED OFFER CHOICE " versions{1 1 1 refused 1 ff00001d}");

    begin();
    say_hello_of(with_version(with_keys(from_client, "first id", "first id"), QUIC_VERSION_2),
                 other_plan);
    say_versions("client", "first id");
    say_hello(from_client);
    say_answer(with_version(with_keys(from_server, "first id", "client"), QUIC_VERSION_2));
    say_answer(from_server);
    say_finish(from_client);
    demand_told("heeded, and the server answers the first attempt too",
                COMPLETED OFFER CHOICE " versions{6b3343cf 1 6b3343cf refused 1 ff00001d}");
}

/* RFC 9368: the server answers in another version, with keys from the same id. */
static void server_may_choose_the_version(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(with_version(from_server, QUIC_VERSION_2));
    say_hello(from_client); /* repeated before the answer came */
    say_finish(with_version(from_client, QUIC_VERSION_2));
    demand_told("version 2", COMPLETED OFFER CHOICE " versions{1 1 6b3343cf}");

    begin(); /* its answer is not in the capture */
    say_hello(from_client);
    say_finish(with_version(from_client, QUIC_VERSION_2));
    wire_handshake(&datagram, QUIC_VERSION_1, "client", "server", 700);
    send(SIDE_SERVER);
    demand_told("lost answer",
                "40000 inconclusive missed:50 malformed:00" OFFER " versions{1 1 0}");
}

static void unknown_versions_alone_tell_nothing(void **state) {
    (void)state;
    begin();
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE);
    send(SIDE_CLIENT);
    say_versions("client", "unknown1");
    quic_tape_wait(&tape, 2 * SECOND); /* it waits for a moment only */
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE - 1);
    send(SIDE_CLIENT);
    say_all(QUIC_VERSION_1);
    demand_told("later", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

/* ---- how it ends ---- */

static void closes_are_told(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 120);
    add_initial(from_server);
    quic_tape_send(&tape, SIDE_SERVER, &datagram, 0);
    send(SIDE_SERVER);
    demand_told("alert of the server",
                "40000 failed missed:00 malformed:00" OFFER " alert{s 2 120} versions{1 1 1}");

    begin();
    say_hello(from_client);
    say_answer(from_server);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 47);
    add_initial(with_keys(from_client, "original", "server"));
    wire_handshake(&datagram, 0, "server", "client", 40); /* says the same */
    send(SIDE_CLIENT);
    quic_tape_wait(&tape, 2 * SECOND);
    say_answer(from_server); /* after it was told */
    demand_told("alert of the client", "40000 failed missed:00 malformed:00" OFFER CHOICE
                                       " alert{c 2 47} versions{1 1 1}");

    begin();
    say_hello(from_client);
    frame_close(&frames, 2);
    add_initial(from_server);
    send(SIDE_SERVER);
    demand_told("refused", "40000 failed missed:00 malformed:00" OFFER " versions{1 1 1}");

    begin(); /* whoever sent that, the handshake goes on */
    say_hello(from_client);
    frame_close(&frames, QUIC_CRYPTO_ERROR + 40);
    add_initial(from_server);
    send(SIDE_SERVER);
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
    send(SIDE_SERVER);
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

    begin(); /* its middle was lost */
    say_hello(from_client);
    message.size = 0;
    message_server_hello(&message, answer_plan);
    frame_crypto(&frames, 10, message.data + 10, message.size - 10);
    add_initial(from_server);
    send(SIDE_SERVER);
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

static void an_endless_one_is_told(void **state) {
    (void)state;
    begin();
    say_hello(from_client);
    say_answer(from_server);
    for (unsigned i = 0; i < 600 && tape.count == 0; i++) {
        wire_one_rtt(&datagram, "elsewhere", 100);
        send(SIDE_CLIENT);
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
        send(i & 4U ? SIDE_SERVER : SIDE_CLIENT);
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
        cmocka_unit_test(retry_request_of_tls),
        cmocka_unit_test(goes_on_after_a_retry),
        cmocka_unit_test(begins_anew_after_version_negotiation),
        cmocka_unit_test(forged_version_negotiation),
        cmocka_unit_test(server_may_choose_the_version),
        cmocka_unit_test(unknown_versions_alone_tell_nothing),
        cmocka_unit_test(closes_are_told),
        cmocka_unit_test(one_side_alone),
        cmocka_unit_test(the_answer_may_stand_first),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(another_handshake_on_the_same_ports),
        cmocka_unit_test(an_endless_one_is_told),
        cmocka_unit_test(changed_packets_begin_nothing),
        cmocka_unit_test(noise_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
