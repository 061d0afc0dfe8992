/*
 * test_sslv2.c - hellos in SSLv2 framing, which no stack sends any more: written by hand after the
 * standards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_messages.h"

static struct message message_of(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return message;
}

static void assert_span_is(struct span span, const char *hex) {
    if (hex == NULL) {
        assert_null(span.data);
        return;
    }
    struct message wanted = message_of(hex);
    assert_non_null(span.data);
    assert_int_equal(span.size, wanted.size);
    assert_memory_equal(span.data, wanted.data, wanted.size);
}

#define CHALLENGE "00112233445566778899aabbccddeeff "

/* What browsers of 2000 sent: an SSLv2 frame that offers TLS 1.0, SSLv2 specs among the suites. */
#define TLS_OFFER                                                                                  \
    "802e 01 0301 0015 0000 0010 000004 00000a 010080 030080 0700c0 0000ff 005600" CHALLENGE

static const struct client_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    uint16_t version;
    const char *suites;
    const char *session_id;
    size_t consumed;
} client_cases[] = {
    {"offers TLS 1.0", TLS_OFFER, PARSE_OK, 0x0301,
     "000004 00000a 010080 030080 0700c0 0000ff 005600", "", 48},
    {"SSLv2 alone", "801c 01 0002 0003 0000 0010 010080" CHALLENGE, PARSE_OK, 0x0002, "010080", "",
     30},
    {"SSLv2, resumed", "802c 01 0002 0003 0010 0010 010080" CHALLENGE CHALLENGE, PARSE_OK, 0x0002,
     "010080", CHALLENGE, 46},
    {"challenge of 32", "802c 01 0303 0003 0000 0020 00c02f" CHALLENGE CHALLENGE, PARSE_OK, 0x0303,
     "00c02f", "", 46},
    {"bytes behind are not ours", "801c 01 0300 0003 0000 0010 010080" CHALLENGE "1603", PARSE_OK,
     0x0300, "010080", "", 30},
    {"nothing yet", "", PARSE_MORE, 0, NULL, NULL, 0},
    {"one byte", "80", PARSE_MORE, 0, NULL, NULL, 0},
    {"cut in the challenge", "801c 01 0002 0003 0000 0010 010080 0011", PARSE_MORE, 0, NULL, NULL,
     0},
    {"a TLS record", "1603010100010000fc0303", PARSE_FOREIGN, 0, NULL, NULL, 0},
    {"first byte of one", "16", PARSE_FOREIGN, 0, NULL, NULL, 0},
    {"other type", "801c 02 0002", PARSE_FOREIGN, 0, NULL, NULL, 0},
    {"other version", "801c 01 0500 0003 0000 0010", PARSE_FOREIGN, 0, NULL, NULL, 0},
    {"version past TLS 1.3", "801c 01 0305 0003 0000 0010", PARSE_FOREIGN, 0, NULL, NULL, 0},
    {"no specs", "8019 01 0002 0000 0000 0010" CHALLENGE, PARSE_MALFORMED, 0, NULL, NULL, 0},
    {"specs not in threes", "801d 01 0002 0004 0000 0010 01008000" CHALLENGE, PARSE_MALFORMED, 0,
     NULL, NULL, 0},
    {"lengths do not add up", "801d 01 0002 0003 0000 0010 010080" CHALLENGE "00", PARSE_MALFORMED,
     0, NULL, NULL, 0},
    {"short challenge", "8014 01 0002 0003 0000 0008 010080 0011223344556677", PARSE_MALFORMED, 0,
     NULL, NULL, 0},
    {"long challenge", "802d 01 0002 0003 0000 0021 010080" CHALLENGE CHALLENGE "00",
     PARSE_MALFORMED, 0, NULL, NULL, 0},
};

static void reads_client_hellos(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(client_cases) / sizeof(client_cases[0]); i++) {
        const struct client_case *want = &client_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span bytes = exact_copy(message.data, message.size);
        struct client_hello hello;
        size_t consumed = 0;
        assert_int_equal(client_hello_parse_sslv2(bytes, &hello, &consumed), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_true(hello.is_sslv2);
            assert_int_equal(hello.legacy_version, want->version);
            assert_span_is(hello.cipher_suites, want->suites);
            assert_span_is(hello.session_id, want->session_id);
            assert_null(hello.extensions.data);
            assert_null(hello.compression_methods.data);
            assert_int_equal(consumed, want->consumed);
        }
        exact_free(bytes);
    }
}

static void walks_ciphers(void **state) {
    (void)state;
    static const uint32_t wanted[] = {0x000004, 0x00000a, 0x010080, 0x030080,
                                      0x0700c0, 0x0000ff, 0x005600};
    struct message message = message_of(TLS_OFFER);
    struct client_hello hello;
    size_t consumed = 0;
    assert_int_equal(
        client_hello_parse_sslv2(span_of(message.data, message.size), &hello, &consumed), PARSE_OK);
    struct span list = hello.cipher_suites;
    uint32_t cipher = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(client_hello_next_cipher(&hello, &list, &cipher));
        assert_int_equal(cipher, wanted[i]);
    }
    assert_false(client_hello_next_cipher(&hello, &list, &cipher));
    assert_true(client_hello_has_cipher(&hello, TLS_SCSV_FALLBACK));
    assert_true(client_hello_has_cipher(&hello, TLS_SCSV_RENEGOTIATION));
    assert_true(client_hello_has_cipher(&hello, 0x000a));
    assert_false(client_hello_has_cipher(&hello, 0x0080)); /* only as SSLv2's 01 00 80 */
    assert_span_is(hello.random, CHALLENGE);
}

static const struct server_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    bool session_id_hit;
    const char *specs;
    size_t consumed;
} server_cases[] = {
    {"with a certificate", "8024 04 00 01 0002 0003 0006 0010 aabbcc 010080 0700c0" CHALLENGE,
     PARSE_OK, false, "010080 0700c0", 38},
    {"resumed", "801b 04 01 00 0002 0000 0000 0010" CHALLENGE, PARSE_OK, true, "", 29},
    {"nothing yet", "", PARSE_MORE, false, NULL, 0},
    {"cut in the certificate", "8024 04 00 01 0002 0003 0006 0010 aabb", PARSE_MORE, false, NULL,
     0},
    {"a TLS record", "160301", PARSE_FOREIGN, false, NULL, 0},
    {"an SSLv2 error", "8003 00 0001", PARSE_FOREIGN, false, NULL, 0},
    {"other version", "801b 04 01 00 0301 0000 0000 0010", PARSE_FOREIGN, false, NULL, 0},
    {"hit of 2", "801b 04 02 00 0002 0000 0000 0010" CHALLENGE, PARSE_MALFORMED, false, NULL, 0},
    {"specs not in threes", "801c 04 00 01 0002 0000 0001 0010 aa" CHALLENGE, PARSE_MALFORMED,
     false, NULL, 0},
    {"lengths do not add up", "801c 04 01 00 0002 0000 0000 0010" CHALLENGE "00", PARSE_MALFORMED,
     false, NULL, 0},
    {"short connection id", "800d 04 01 00 0002 0000 0000 0002 aabb", PARSE_MALFORMED, false, NULL,
     0},
};

static void reads_server_hellos(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]); i++) {
        const struct server_case *want = &server_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span bytes = exact_copy(message.data, message.size);
        struct sslv2_server_hello hello;
        size_t consumed = 0;
        assert_int_equal(sslv2_server_hello_parse(bytes, &hello, &consumed), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_int_equal(hello.version, 0x0002);
            assert_int_equal(hello.session_id_hit, want->session_id_hit);
            assert_span_is(hello.cipher_specs, want->specs);
            assert_int_equal(consumed, want->consumed);
        }
        exact_free(bytes);
    }
}

/* A good hello asks for more at every cut. */
static void asks_for_more(void **state) {
    (void)state;
    struct message client = message_of(client_cases[0].hex);
    struct message server = message_of(server_cases[0].hex);
    size_t consumed = 0;
    for (size_t size = 0; size < client.size; size++) {
        struct span bytes = exact_copy(client.data, size);
        struct client_hello hello;
        assert_int_equal(client_hello_parse_sslv2(bytes, &hello, &consumed), PARSE_MORE);
        exact_free(bytes);
    }
    for (size_t size = 0; size < server.size; size++) {
        struct span bytes = exact_copy(server.data, size);
        struct sslv2_server_hello hello;
        assert_int_equal(sslv2_server_hello_parse(bytes, &hello, &consumed), PARSE_MORE);
        exact_free(bytes);
    }
}

static void feed_hello(struct span bytes) {
    struct client_hello client;
    struct sslv2_server_hello server;
    size_t consumed = 0;
    if (client_hello_parse_sslv2(bytes, &client, &consumed) == PARSE_OK) {
        DEMAND(consumed <= bytes.size);
        client_hello_walk(&client, bytes);
    }
    if (sslv2_server_hello_parse(bytes, &server, &consumed) == PARSE_OK) {
        DEMAND(consumed <= bytes.size);
        span_walk(server.cipher_specs, bytes);
    }
}

static void survives_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(client_cases) / sizeof(client_cases[0]); i++) {
        struct message message = message_of(client_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]); i++) {
        struct message message = message_of(server_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_client_hellos), cmocka_unit_test(walks_ciphers),
        cmocka_unit_test(reads_server_hellos), cmocka_unit_test(asks_for_more),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
