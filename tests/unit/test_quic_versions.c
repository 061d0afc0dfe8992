/*
 * test_quic_versions.c - QUIC handshakes whose version, ids and keys change on the way: Retry,
 * Version Negotiation, a version that the server chooses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quic_scene.h"

enum { UNKNOWN_VERSION = 0x5a6a7a8a, DRAFT_29 = 0xff00001d };

static const struct initial_plan after_retry = {.from = SIDE_CLIENT,
                                                .keys = "retry id",
                                                .to = "retry id",
                                                .as = "client",
                                                .token = "token of a retry"};
static const struct initial_plan answer_after_retry = {
    .from = SIDE_SERVER, .keys = "retry id", .to = "client", .as = "server"};

static void say_retry(const char *id) {
    wire_retry(&datagram, 0, "client", id);
    send_datagram(SIDE_SERVER);
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
    assert_int_equal(tape.last.quic.retry_packet, 2);

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
    send_datagram(SIDE_SERVER);
    wire_retry(&datagram, QUIC_VERSION_2, "client", "retry id");
    send_datagram(SIDE_SERVER);
    say_answer(from_server);
    say_retry("retry id"); /* too late */
    say_finish(from_client);
    demand_told("Retry of others", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

static void the_beginning_may_come_late(void **state) {
    (void)state;
    begin();
    say_hello(after_retry);
    say_retry("retry id");
    say_hello(from_client);
    say_answer(answer_after_retry);
    say_finish(with_keys(after_retry, "retry id", "server"));
    demand_told("late beginning", COMPLETED OFFER CHOICE " versions{1 1 1} moved");

    begin(); /* another hello is another handshake */
    say_hello(after_retry);
    say_answer(answer_after_retry);
    say_finish(with_keys(after_retry, "retry id", "server"));
    say_hello_of(from_client, other_plan);
    say_answer(from_server);
    say_finish(from_client);
    quic_tape_close(&tape);
    assert_int_equal(tape.count, 2);
}

static const uint32_t offered[] = {QUIC_VERSION_1, DRAFT_29, 0};

static void say_versions(const char *to, const char *as) {
    wire_versions(&datagram, to, as, offered);
    send_datagram(SIDE_SERVER);
}

static void begins_anew_after_version_negotiation(void **state) {
    (void)state;
    begin();
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE);
    send_datagram(SIDE_CLIENT);
    say_versions("client", "stranger");
    say_versions("client", "unknown1");
    say_versions("client", "unknown1");
    say_all(QUIC_VERSION_1);
    demand_told("unknown version",
                COMPLETED OFFER CHOICE " versions{5a6a7a8a 1 1 refused 1 ff00001d}");
    assert_int_equal(tape.last.quic.version_negotiation_packet, 3);

    begin(); /* the first attempt can be read */
    say_hello_of(with_version(with_keys(from_client, "first id", "first id"), QUIC_VERSION_2),
                 other_plan);
    say_versions("client", "first id");
    frame_close(&frames, 0); /* it gives that one up */
    add_initial(with_version(with_keys(from_client, "first id", "first id"), QUIC_VERSION_2));
    send_datagram(SIDE_CLIENT);
    say_hello(from_client);
    quic_tape_wait(&tape, 3 * SECOND);
    say_answer(from_server);
    say_finish(from_client);
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
    say_versions("client", "original");
    demand_told("ignored by the client",
                COMPLETED OFFER CHOICE " versions{1 1 1 refused 1 ff00001d}");

    begin();
    say_hello_of(with_version(with_keys(from_client, "first id", "first id"), QUIC_VERSION_2),
                 other_plan);
    say_versions("client", "first id");
    say_hello(from_client);
    add_server_hello((struct server_plan){.selected = TLS_VERSION_1_3, .suite = 0x1302}, 0);
    add_initial(with_version(with_keys(from_server, "first id", "client"), QUIC_VERSION_2));
    send_datagram(SIDE_SERVER);
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

    begin(); /* before the client took its id over */
    say_hello(from_client);
    say_answer(with_version(from_server, QUIC_VERSION_2));
    frame_ack(&frames);
    add_initial(with_version(from_client, QUIC_VERSION_2));
    send_datagram(SIDE_CLIENT);
    say_finish(with_version(from_client, QUIC_VERSION_2));
    demand_told("version 2, old id", COMPLETED OFFER CHOICE " versions{1 1 6b3343cf}");

    begin(); /* its answer is not in the capture */
    say_hello(from_client);
    say_finish(with_version(from_client, QUIC_VERSION_2));
    wire_handshake(&datagram, QUIC_VERSION_1, "client", "server", 700);
    send_datagram(SIDE_SERVER);
    demand_told("lost answer",
                "40000 inconclusive missed:50 malformed:00" OFFER " versions{1 1 0}");
}

static void unknown_versions_alone_tell_nothing(void **state) {
    (void)state;
    begin();
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE);
    send_datagram(SIDE_CLIENT);
    say_versions("client", "unknown1");
    quic_tape_wait(&tape, 2 * SECOND); /* it waits for a moment only */
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown1", "client", QUIC_FIRST_SIZE - 1);
    send_datagram(SIDE_CLIENT);
    say_versions("client", "unknown1");
    wire_unknown(&datagram, UNKNOWN_VERSION, "unknown", "client", QUIC_FIRST_SIZE);
    send_datagram(SIDE_CLIENT);
    say_versions("client", "unknown");
    say_all(QUIC_VERSION_1);
    demand_told("later", COMPLETED OFFER CHOICE " versions{1 1 1}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_a_retry),
        cmocka_unit_test(the_beginning_may_come_late),
        cmocka_unit_test(begins_anew_after_version_negotiation),
        cmocka_unit_test(forged_version_negotiation),
        cmocka_unit_test(server_may_choose_the_version),
        cmocka_unit_test(unknown_versions_alone_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
