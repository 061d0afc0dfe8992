/*
 * test_flow_cases.c - connections with something odd about them, and what the flow table must tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow_talk.h"
#include "tls_record.h"

enum { X25519 = 29, TLS13_SUITE = 0x1301, TLS12_SUITE = 0xc02f, CLIENT_FIRST = 7000 };

static const uint32_t server_first = 0xfffffff0U; /* wraps around within the first hello */

static struct talk talk;
static struct tape tape;
static struct bytes messages;
static struct bytes flight;

static void say(enum handshake_side from) {
    talk_say(&talk, from, &flight);
    flight.size = 0;
}

static void begin(void) {
    flight.size = 0;
    talk_init(&talk, CLIENT_FIRST, server_first);
    talk_open(&talk);
}

static void add_client_hello(struct client_plan plan) {
    messages.size = 0;
    message_client_hello(&messages, plan);
    record_messages(&flight, &messages);
}

static void add_server_hello(struct server_plan plan) {
    messages.size = 0;
    message_server_hello(&messages, plan);
    record_messages(&flight, &messages);
}

static const struct client_plan client13 = {.name = "a.example", .is_13 = true, .share = X25519};
static const struct server_plan server13 = {
    .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519};
static const struct client_plan client12 = {.name = "a.example"};
static const struct server_plan server12 = {.suite = TLS12_SUITE};

static void say_hellos(struct client_plan client, struct server_plan server) {
    add_client_hello(client);
    say(SIDE_CLIENT);
    add_server_hello(server);
    say(SIDE_SERVER);
}

static void say_rest_of_13(void) {
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 150);
    say(SIDE_SERVER);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 53);
    say(SIDE_CLIENT);
}

/* ---- alerts ---- */

static void arrange_alert_in_two_records(void) {
    static const uint8_t alert[] = {2, 70};
    add_client_hello(client13);
    say(SIDE_CLIENT);
    record_add(&flight, TLS_ALERT, alert, sizeof alert, 1);
    say(SIDE_SERVER);
}

static void arrange_two_alerts_in_one_record(void) {
    static const uint8_t alerts[] = {1, 112, 2, 40};
    add_client_hello(client12);
    say(SIDE_CLIENT);
    record_add(&flight, TLS_ALERT, alerts, sizeof alerts, 0);
    say(SIDE_SERVER);
}

static void arrange_alert_after_hello_of_13(void) {
    say_hellos(client13, server13);
    record_alert(&flight, 2, 47);
    say(SIDE_CLIENT);
}

static void arrange_dummy_then_alert(void) {
    say_hellos(client13, server13);
    record_change_cipher_spec(&flight);
    record_alert(&flight, 2, 47);
    say(SIDE_CLIENT);
}

static void arrange_sealed_alert_of_13(void) {
    say_hellos(client13, server13);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 150);
    say(SIDE_SERVER);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 19);
    say(SIDE_CLIENT);
}

static void arrange_many_alerts(void) {
    add_client_hello(client12);
    say(SIDE_CLIENT);
    for (size_t i = 0; i < HANDSHAKE_MAX_ALERTS + 3; i++)
        record_alert(&flight, 1, 90);
    say(SIDE_SERVER);
}

/* ---- records and messages ---- */

static void arrange_empty_records(void) {
    record_fill(&flight, TLS_HANDSHAKE, 0);
    add_client_hello(client13);
    record_fill(&flight, TLS_HANDSHAKE, 0);
    say(SIDE_CLIENT);
    record_fill(&flight, TLS_HANDSHAKE, 0);
    add_server_hello(server13);
    record_fill(&flight, TLS_HANDSHAKE, 0);
    say(SIDE_SERVER);
    say_rest_of_13();
}

static void arrange_early_data(void) {
    struct client_plan client = client13;
    client.has_early_data = true;
    add_client_hello(client);
    record_change_cipher_spec(&flight);
    for (size_t i = 0; i < 20; i++)
        record_fill(&flight, TLS_APPLICATION_DATA, 90);
    say(SIDE_CLIENT);
    add_server_hello(server13);
    say(SIDE_SERVER);
    say_rest_of_13();
}

/* The server refuses the early data with a HelloRetryRequest. */
static void arrange_early_data_and_retry(void) {
    struct client_plan client = client13;
    client.has_early_data = true;
    add_client_hello(client);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_APPLICATION_DATA, 90);
    say(SIDE_CLIENT);
    struct server_plan retry = server13;
    retry.is_retry = true;
    retry.group = 23;
    add_server_hello(retry);
    record_change_cipher_spec(&flight);
    say(SIDE_SERVER);
    client.has_early_data = false;
    client.share = 23;
    retry.is_retry = false;
    say_hellos(client, retry);
    say_rest_of_13();
}

static void arrange_huge_hello(void) {
    struct client_plan client = client13;
    client.suites = 32000;
    client.padding = 60000;
    messages.size = 0;
    message_client_hello(&messages, client);
    record_add(&flight, TLS_HANDSHAKE, messages.data, messages.size, 0);
    say(SIDE_CLIENT);
    talk_split_all(&talk, 1400);
    add_server_hello(server13);
    say(SIDE_SERVER);
    say_rest_of_13();
}

static void arrange_client_hello_of_the_server(void) {
    add_client_hello(client13);
    say(SIDE_CLIENT);
    add_client_hello(client12); /* a proxy's echo; no second offer */
    say(SIDE_SERVER);
}

static void arrange_answer_in_plain_text(void) {
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    add_client_hello(client12);
    say(SIDE_CLIENT);
    bytes_add(&flight, text, sizeof text - 1);
    say(SIDE_SERVER);
    talk_close(&talk);
}

/* A Finished that begins like a ServerHello: what is sealed is not read. */
static void arrange_resumption(void) {
    static const uint8_t sealed[40] = {TLS_SERVER_HELLO, 0, 0, 36, 3, 3};
    say_hellos(client12, server12);
    record_change_cipher_spec(&flight);
    record_add(&flight, TLS_HANDSHAKE, sealed, sizeof sealed, 0);
    say(SIDE_SERVER);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_HANDSHAKE, 40);
    say(SIDE_CLIENT);
}

static void arrange_hello_after_something(void) {
    static const char greeting[] = "WELCOME to mail.example\r\n";
    static const char request[] = "UPGRADE\r\n";
    bytes_add(&flight, greeting, sizeof greeting - 1);
    say(SIDE_SERVER);
    bytes_add(&flight, request, sizeof request - 1);
    say(SIDE_CLIENT);
    bytes_add(&flight, greeting, sizeof greeting - 1);
    say(SIDE_SERVER);
    say_hellos(client13, server13);
    say_rest_of_13();
}

static void arrange_sslv2(void) {
    static const uint8_t hello[] = {0x80, 0x1f, 1, 0, 2, 0, 6, 0, 0, 0, 16, 7, 0, 0xc0, 1, 0, 0x80,
                                    1,    2,    3, 4, 5, 6, 7, 8, 9, 1, 2,  3, 4, 5,    6, 7};
    static const uint8_t answer[] = {0x80, 0x1e, 4, 0, 1, 0, 2, 0, 0, 0, 3, 0, 16, 7, 0, 0xc0,
                                     1,    2,    3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4,  5, 6, 7};
    bytes_add(&flight, hello, sizeof hello);
    say(SIDE_CLIENT);
    bytes_add(&flight, answer, sizeof answer);
    say(SIDE_SERVER);
}

/* ---- TCP ---- */

/* Bytes that are no data, on a bare acknowledgement where the sender's next data belongs. */
static void add_padding(enum handshake_side from, size_t size) {
    static const uint8_t zeroes[8];
    struct step *step = talk_packet(&talk, from, TCP_ACK);
    step->payload = zeroes;
    step->size = size;
}

static void arrange_padding(void) {
    add_padding(SIDE_CLIENT, 6);
    add_client_hello(client12);
    say(SIDE_CLIENT);
    add_padding(SIDE_SERVER, 2);
    add_server_hello(server12);
    messages.size = 0;
    message_plain(&messages, TLS_SERVER_HELLO_DONE, 0);
    record_messages(&flight, &messages);
    say(SIDE_SERVER);
    add_padding(SIDE_CLIENT, 6);
    messages.size = 0;
    message_plain(&messages, TLS_CLIENT_KEY_EXCHANGE, 33);
    record_messages(&flight, &messages);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_HANDSHAKE, 40);
    say(SIDE_CLIENT);
    add_padding(SIDE_SERVER, 4);
    record_change_cipher_spec(&flight);
    record_fill(&flight, TLS_HANDSHAKE, 40);
    say(SIDE_SERVER);
}

/* The hello on the SYN, `taken` or not; if not it comes again. */
static void arrange_fast_open(bool taken) {
    flight.size = 0;
    talk_init(&talk, CLIENT_FIRST, server_first);
    add_client_hello(client13);
    size_t size = flight.size;
    struct step *hello = talk_say(&talk, SIDE_CLIENT, &flight);
    flight.size = 0;
    hello->flags = TCP_SYN;
    hello->sequence--;
    struct step *answer = talk_packet(&talk, SIDE_SERVER, TCP_SYN | TCP_ACK);
    answer->sequence--;
    if (!taken) {
        answer->acknowledgement -= (uint32_t)size;
        struct step again = talk.steps[0];
        again.flags = TCP_ACK | TCP_PSH;
        again.sequence++;
        talk_insert(&talk, talk.count, again);
    }
    add_server_hello(server13);
    say(SIDE_SERVER);
    say_rest_of_13();
}

static void arrange_fast_open_taken(void) {
    arrange_fast_open(true);
}

static void arrange_fast_open_ignored(void) {
    arrange_fast_open(false);
}

/* Of two servers' SYN-ACKs the later one counts, and the stale one is repeated. */
static void arrange_stale_syn_ack(void) {
    add_client_hello(client13);
    say(SIDE_CLIENT);
    struct step stale = talk.steps[1];
    stale.sequence += 0x80000001U;
    talk_insert(&talk, 1, stale);
    talk_insert(&talk, talk.count, stale);
    add_server_hello(server13);
    say(SIDE_SERVER);
    say_rest_of_13();
}

/* A retransmission with other bytes: what was read first counts. */
static void arrange_contradiction(void) {
    static uint8_t other[2048];
    say_hellos(client13, server13);
    struct step forged = talk.steps[3];
    memcpy(other, forged.payload, forged.size);
    memset(other + 11, 0x41, TLS_RANDOM_SIZE);
    forged.payload = other;
    talk_insert(&talk, 4, forged);
    say_rest_of_13();
}

/* No SYN, and the server's segments in the wrong order. */
static void arrange_mid_stream_reordered(void) {
    say_hellos(client13, server13);
    say_rest_of_13();
    talk_split(&talk, 4, 40);
    struct step first = talk.steps[4];
    talk.steps[4] = talk.steps[5];
    talk.steps[5] = first;
    for (size_t i = 0; i < 3; i++)
        talk_remove(&talk, 0);
}

#define HELLO12  "offer{a.example 0303 v0 s3"
#define HELLO13  "offer{a.example 0303 v2 s3"
#define CHOICE12 "choice{0303 0000 suite c02f"
#define CHOICE13 "choice{0303 0304 suite 1301 group 29"

static const struct {
    const char *name;
    void (*arrange)(void);
    const char *has[4];
} cases[] = {
    {"alert in two records",
     arrange_alert_in_two_records,
     {"direct failed missed:00 " HELLO13, " alert{s 2 70} "}},
    {"two alerts in one record",
     arrange_two_alerts_in_one_record,
     {"direct failed missed:00 " HELLO12, " alert{s 1 112} alert{s 2 40} "}},
    {"cleartext alert after a hello of TLS 1.3",
     arrange_alert_after_hello_of_13,
     {"direct failed missed:00 " HELLO13, CHOICE13, " alert{c 2 47} sealed{0 0}"}},
    {"cleartext alert after a dummy ChangeCipherSpec",
     arrange_dummy_then_alert,
     {"direct failed missed:00 " HELLO13, CHOICE13, " alert{c 2 47} sealed{0 0}"}},
    {"sealed alert",
     arrange_sealed_alert_of_13,
     {"direct failed missed:00 " HELLO13, CHOICE13, "sealed{19 150}"}},
    {"more alerts than fit", arrange_many_alerts, {"direct inconclusive missed:40 " HELLO12}},
    {"empty records",
     arrange_empty_records,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"early data",
     arrange_early_data,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"early data, then a HelloRetryRequest",
     arrange_early_data_and_retry,
     {"direct completed missed:00 " HELLO13, "retry{0303 0304 suite 1301 group 23",
      "second{a.example 0303 v2 s3 k1", "sealed{53 150}"}},
    {"ClientHello of 124 KB",
     arrange_huge_hello,
     {"direct completed missed:00 offer{a.example 0303 v2 s32000", CHOICE13, "sealed{53 150}"}},
    {"ClientHello of the server",
     arrange_client_hello_of_the_server,
     {"40000-443 direct inconclusive missed:40 " HELLO13, "} sealed{0 0}"}},
    {"answer in plain text",
     arrange_answer_in_plain_text,
     {"direct failed missed:00 " HELLO12, "} sealed{0 0}"}},
    {"resumption",
     arrange_resumption,
     {"direct completed missed:00 " HELLO12, CHOICE12, "} sealed{40 40}"}},
    {"TLS after something unknown",
     arrange_hello_after_something,
     {"40000-443 unknown completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"SSLv2", arrange_sslv2, {"direct inconclusive missed:40 offer{", " sslv2{0002 3} "}},
    {"padding",
     arrange_padding,
     {"direct completed missed:00 " HELLO12, CHOICE12, " done cke sealed{40 40}"}},
    {"Fast Open, taken",
     arrange_fast_open_taken,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"Fast Open, ignored",
     arrange_fast_open_ignored,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"stale SYN-ACK",
     arrange_stale_syn_ack,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"contradicting copies",
     arrange_contradiction,
     {"direct completed missed:00 " HELLO13, CHOICE13, "sealed{53 150}"}},
    {"reordered from the middle",
     arrange_mid_stream_reordered,
     {"direct completed missed:01 " HELLO13, CHOICE13, "sealed{53 150}"}},
};

static void test_cases(void **state) {
    size_t failures = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        cases[i].arrange();
        tape_open(&tape, NULL);
        tape_play(&tape, &talk);
        tape_end(&tape);
        tape_close(&tape);
        bool is_good = tape.count == 1;
        for (size_t text = 0; text < 4 && is_good && cases[i].has[text]; text++)
            is_good = strstr(tape.lines[0], cases[i].has[text]) != NULL;
        if (is_good)
            continue;
        print_error("%s: %zu records\n%s\n", cases[i].name, tape.count,
                    tape.count ? tape.lines[0] : "");
        failures++;
    }
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
