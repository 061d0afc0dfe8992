/*
 * test_server_hello.c - ServerHellos and retry requests of real stacks and of drafts, sentinels,
 * and all of them damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_messages.h"

#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "
#define RETRY  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c "

/* openssl s_server 3.0, TLS 1.3 */
static const char tls13_hello[] =
    "0303ef43b22b04a267aadd20954e6bc3b0bc79d6adc1bc391bf523e75052ebd94032200875a368640ceaeee8b4"
    "a68bad2d4687d28d89e429e28d87dd05958f2bb93617130200002e002b0002030400330024001d00209de190ad"
    "7d634181342f0d34bc4c980322fdb743ab966203879a2c95bc3dd11a";

/* openssl s_server 3.0 that wants P-384 */
static const char retry_hello[] =
    "0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c20d2c2cf8c724938bd99b1"
    "db8b7d547fb62c8dc2e2fd46b336c9406d8c5bf27e61130200000c002b00020304003300020018";

/* openssl s_server 3.0, -tls1_2 -alpn h2 */
static const char tls12_hello[] =
    "0303e1af17ae4ffe41de27b5a81b3273b97e0b04ec47bc635e803a93d064d73c413200c02c00001eff01000100"
    "000b0004030001020023000000100005000302683200170000";

/* openssl s_server 3.0, -tls1_2, DHE */
static const char tls12_dhe_hello[] =
    "0303c0903952be823eff77253649925c9c9dfaf2c1bbe06f028ee909d358e1bc82c2000033000011ff01000100"
    "002300000016000000170000";

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

static struct server_hello parse(const char *hex) {
    static struct message message;
    message = message_of(hex);
    struct server_hello hello = {0};
    assert_int_equal(server_hello_parse(span_of(message.data, message.size), &hello), PARSE_OK);
    assert_false(hello.is_truncated || hello.has_malformed_extension);
    return hello;
}

static void parses_tls13(void **state) {
    (void)state;
    struct server_hello hello = parse(tls13_hello);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_int_equal(hello.cipher_suite, 0x1302);
    assert_int_equal(hello.compression_method, 0);
    assert_int_equal(hello.session_id.size, 32);
    assert_true(hello.has_selected_version && hello.has_key_share_group);
    assert_int_equal(hello.selected_version, 0x0304);
    assert_int_equal(hello.key_share_group, 29);
    assert_false(hello.has_pre_shared_key || hello.is_hello_retry_request || hello.is_draft_layout);
    assert_int_equal(tls_sentinel_of(hello.random), TLS_SENTINEL_NONE);
}

static void parses_retry_request(void **state) {
    (void)state;
    struct server_hello hello = parse(retry_hello);
    assert_true(hello.is_hello_retry_request);
    assert_int_equal(hello.selected_version, 0x0304);
    assert_true(hello.has_key_share_group);
    assert_int_equal(hello.key_share_group, 24);
    assert_null(hello.cookie.data);
}

static void parses_tls12(void **state) {
    (void)state;
    struct server_hello hello = parse(tls12_hello);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_int_equal(hello.cipher_suite, 0xc02c);
    assert_false(hello.has_selected_version || hello.has_key_share_group);
    assert_int_equal(hello.session_id.size, 0);
    assert_span_is(hello.alpn, "6832");
    struct tls_extension extension;
    assert_true(tls_extension_find(hello.extensions, TLS_EXT_EXTENDED_MASTER_SECRET, &extension));
    hello = parse(tls12_dhe_hello);
    assert_int_equal(hello.cipher_suite, 0x0033);
    assert_null(hello.alpn.data);
}

/* Layouts of the fixed fields. */
static const struct layout_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    uint16_t cipher_suite;
    bool is_draft_layout;
    bool is_truncated;
    bool has_group;
    uint16_t group;
} layout_cases[] = {
    {"empty", "", PARSE_MALFORMED, 0, false, false, false, 0},
    {"SSLv3 without extensions", "0300" RANDOM "20" RANDOM "0005 00", PARSE_OK, 0x0005, false,
     false, false, 0},
    {"DTLS 1.2", "fefd" RANDOM "00 c02f 00 0000", PARSE_OK, 0xc02f, false, false, false, 0},
    {"session id of 33", "0303" RANDOM "21" RANDOM "00 0005 00", PARSE_MALFORMED, 0, false, false,
     false, 0},
    {"cut in the suite", "0303" RANDOM "00 c0", PARSE_MALFORMED, 0, false, false, false, 0},
    {"cut before compression", "0303" RANDOM "00 c02f", PARSE_MALFORMED, 0, false, false, false, 0},
    {"draft 18, key share as 40", "7f12" RANDOM "1301 0009 0028 0005 001d 0001 aa", PARSE_OK,
     0x1301, true, false, true, 29},
    {"draft 21", "7f15" RANDOM "1301 0009 0033 0005 001d 0001 aa", PARSE_OK, 0x1301, true, false,
     true, 29},
    {"Facebook's draft 20", "fb14" RANDOM "1301 0009 0033 0005 001d 0001 aa", PARSE_OK, 0x1301,
     true, false, true, 29},
    {"Facebook's draft 22", "fb16" RANDOM "00 1301 00 0000", PARSE_OK, 0x1301, false, false, false,
     0},
    {"Google's experiment, old layout", "7e02" RANDOM "1302 0009 0028 0005 001d 0001 aa", PARSE_OK,
     0x1302, true, false, true, 29},
    {"Google's experiment, final layout", "7e01" RANDOM "00 1302 00 0000", PARSE_OK, 0x1302, false,
     false, false, 0},
    {"Google's experiment, cut", "7e01" RANDOM, PARSE_MALFORMED, 0, false, false, false, 0},
    {"draft 14 without extensions", "7f0e" RANDOM "1302", PARSE_OK, 0x1302, true, false, false, 0},
    {"draft cut in the suite", "7f12" RANDOM "13", PARSE_MALFORMED, 0, false, false, false, 0},
    {"draft 22 has the final layout", "7f16" RANDOM "00 1301 00 0009 0028 0005 001d 0001 aa",
     PARSE_OK, 0x1301, false, false, true, 29},
    {"draft 23 as it is", "0303" RANDOM "00 1301 00 000f 002b 0002 7f17 0033 0005 001d 0001 aa",
     PARSE_OK, 0x1301, false, false, true, 29},
    {"block cut in an extension", "0303" RANDOM "00 c02f 00 000e 0017 0000 0023 0009 00", PARSE_OK,
     0xc02f, false, true, false, 0},
    {"extension past the block", "0303" RANDOM "00 c02f 00 0009 0017 0000 0023 0009 00", PARSE_OK,
     0xc02f, false, true, false, 0},
    {"half a block length", "0303" RANDOM "00 c02f 00 00", PARSE_OK, 0xc02f, false, true, false, 0},
    {"bytes behind the block", "0303" RANDOM "00 c02f 00 0000 ff", PARSE_OK, 0xc02f, false, false,
     false, 0},
};

static void reads_layouts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(layout_cases) / sizeof(layout_cases[0]); i++) {
        const struct layout_case *want = &layout_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct server_hello hello;
        assert_int_equal(server_hello_parse(body, &hello), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_int_equal(hello.cipher_suite, want->cipher_suite);
            assert_int_equal(hello.is_draft_layout, want->is_draft_layout);
            assert_int_equal(hello.is_truncated, want->is_truncated);
            assert_int_equal(hello.has_key_share_group, want->has_group);
            assert_int_equal(hello.key_share_group, want->group);
            assert_false(hello.has_malformed_extension);
        }
        exact_free(body);
    }
}

enum { NONE_MALFORMED = -1 };

/* Insides of extensions: `value` is what the named field must hold, -1 that it must be absent. */
static const struct extension_case {
    const char *name;
    const char *random;
    const char *hex; /* the block with its length */
    int version;
    int group;
    int identity;
    int malformed;
} extension_cases[] = {
    {"all numbers", RANDOM, "0015 002b 0002 0304 0033 0005 001d 0001 aa 0029 0002 0001", 0x0304, 29,
     1, NONE_MALFORMED},
    {"unknown version", RANDOM, "0006 002b 0002 fb1a", 0xfb1a, -1, -1, NONE_MALFORMED},
    {"versions as a list", RANDOM, "0007 002b 0003 02 0304", -1, -1, -1, 43},
    {"repeated: the first counts", RANDOM, "000c 002b 0002 0303 002b 0002 0304", 0x0303, -1, -1,
     NONE_MALFORMED},
    {"share without key", RANDOM, "0006 0033 0002 001d", -1, -1, -1, 51},
    {"key past the extension", RANDOM, "0009 0033 0005 001d 0002 aa", -1, -1, -1, 51},
    {"damage does not hide others", RANDOM, "000c 0033 0002 001d 002b 0002 0304", 0x0304, -1, -1,
     51},
    {"retry with a share", RETRY, "0009 0033 0005 001d 0001 aa", -1, -1, -1, 51},
    {"retry with a group", RETRY, "0006 0033 0002 0017", -1, 23, -1, NONE_MALFORMED},
    {"draft 22 retry, group as 40", RETRY, "0006 0028 0002 0017", -1, 23, -1, NONE_MALFORMED},
    {"extension 40 that is none", RANDOM, "0007 0028 0003 414243", -1, -1, -1, NONE_MALFORMED},
    {"identity too long", RANDOM, "0007 0029 0003 000000", -1, -1, -1, 41},
    {"cookie past the extension", RETRY, "0007 002c 0003 0002 aa", -1, -1, -1, 44},
    {"two ALPN names", RANDOM, "000c 0010 0008 0006 02 6832 02 6833", -1, -1, -1, 16},
    {"no ALPN name", RANDOM, "0006 0010 0002 0000", -1, -1, -1, 16},
};

static void reads_extensions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
        const struct extension_case *want = &extension_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of("0303");
        message_hex(&message, want->random);
        message_hex(&message, "00 1301 00");
        message_hex(&message, want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct server_hello hello;
        assert_int_equal(server_hello_parse(body, &hello), PARSE_OK);
        assert_false(hello.is_truncated);
        assert_int_equal(hello.has_selected_version ? hello.selected_version : -1, want->version);
        assert_int_equal(hello.has_key_share_group ? hello.key_share_group : -1, want->group);
        assert_int_equal(hello.has_pre_shared_key ? hello.selected_identity : -1, want->identity);
        assert_int_equal(hello.has_malformed_extension ? hello.malformed_extension : -1,
                         want->malformed);
        exact_free(body);
    }
    struct server_hello hello = parse("0303" RETRY "00 1301 00 0008 002c 0004 0002 abcd");
    assert_span_is(hello.cookie, "abcd");
}

static void tells_broken_hellos(void **state) {
    (void)state;
    static const struct {
        const char *hex; /* the block with its length */
        bool is_malformed;
        int repeated; /* -1: none */
    } cases[] = {
        {"0006 002b 0002 0304", false, -1}, {"000c 002b 0002 0304 002b 0002 0304", true, 43},
        {"0006 0033 0002 001d", true, -1},  {"0006 0017 0000", true, -1},
        {"0000 ffff", false, -1},           {"", false, -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("  %s\n", cases[i].hex);
        struct message message = message_of("0303" RANDOM "00 1301 00");
        message_hex(&message, cases[i].hex);
        struct server_hello hello;
        assert_int_equal(server_hello_parse(span_of(message.data, message.size), &hello), PARSE_OK);
        assert_int_equal(server_hello_is_malformed(&hello), cases[i].is_malformed);
        assert_int_equal(hello.has_repeated_extension ? hello.repeated_extension : -1,
                         cases[i].repeated);
    }
}

/* HelloRetryRequest as drafts up to 21 sent it. */
static const struct retry_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    uint16_t cipher_suite;
    int group;
} retry_cases[] = {
    {"draft 18", "7f12 0006 0028 0002 0018", PARSE_OK, 0, 24},
    {"draft 19 names the suite", "7f13 1301 0006 0028 0002 0018", PARSE_OK, 0x1301, 24},
    {"draft 19 without one", "7f13 13", PARSE_MALFORMED, 0, -1},
    {"draft 22 has none", "7f16 1301 0006 0028 0002 0018", PARSE_MALFORMED, 0, -1},
    {"Facebook's draft 20", "fb14 1301 0006 0028 0002 0018", PARSE_OK, 0x1301, 24},
    {"Google's experiment", "7e02 1301 0006 0033 0002 0018", PARSE_OK, 0x1301, 24},
    {"no draft", "0303 1301 0006 0028 0002 0018", PARSE_MALFORMED, 0, -1},
    {"empty", "", PARSE_MALFORMED, 0, -1},
};

static void reads_draft_retry_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(retry_cases) / sizeof(retry_cases[0]); i++) {
        const struct retry_case *want = &retry_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct server_hello hello;
        assert_int_equal(draft_hello_retry_request_parse(body, &hello), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_true(hello.is_hello_retry_request && hello.is_draft_layout);
            assert_null(hello.random.data);
            assert_int_equal(hello.cipher_suite, want->cipher_suite);
            assert_int_equal(hello.has_key_share_group ? hello.key_share_group : -1, want->group);
        }
        exact_free(body);
    }
}

static void tells_sentinels(void **state) {
    (void)state;
#define FRONT "00112233445566778899aabbccddeeff0011223344556677"
    static const struct {
        const char *random;
        enum tls_sentinel wanted;
    } cases[] = {
        {FRONT "444f574e47524401", TLS_SENTINEL_TLS12},
        {FRONT "444f574e47524400", TLS_SENTINEL_TLS11},
        {FRONT "edbfb4a8c24710ff", TLS_SENTINEL_JDK11},
        {FRONT "444f574e47524402", TLS_SENTINEL_NONE},
        {FRONT "544f574e47524401", TLS_SENTINEL_NONE},
        {FRONT "edbfb4a8c24710fe", TLS_SENTINEL_NONE},
        {"444f574e47524401" FRONT, TLS_SENTINEL_NONE},
        {"444f574e47524401", TLS_SENTINEL_NONE}, /* no ServerHello.random is that short */
        {"", TLS_SENTINEL_NONE},
    };
#undef FRONT
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message message = message_of(cases[i].random);
        assert_int_equal(tls_sentinel_of(span_of(message.data, message.size)), cases[i].wanted);
    }
    assert_int_equal(tls_sentinel_of((struct span){NULL, 0}), TLS_SENTINEL_NONE);
}

static void feed_hello(struct span body) {
    struct server_hello hello;
    if (server_hello_parse(body, &hello) == PARSE_OK)
        server_hello_walk(&hello, body);
    if (draft_hello_retry_request_parse(body, &hello) == PARSE_OK)
        server_hello_walk(&hello, body);
}

static void survives_damage(void **state) {
    (void)state;
    const char *const hellos[] = {tls13_hello, retry_hello, tls12_hello, tls12_dhe_hello};
    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        struct message message = message_of(hellos[i]);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(layout_cases) / sizeof(layout_cases[0]); i++) {
        struct message message = message_of(layout_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
        struct message message = message_of("0303" RETRY "00 1301 00");
        message_hex(&message, extension_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(retry_cases) / sizeof(retry_cases[0]); i++) {
        struct message message = message_of(retry_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_tls13),        cmocka_unit_test(parses_retry_request),
        cmocka_unit_test(parses_tls12),        cmocka_unit_test(reads_layouts),
        cmocka_unit_test(reads_extensions),    cmocka_unit_test(reads_draft_retry_requests),
        cmocka_unit_test(tells_sentinels),     cmocka_unit_test(survives_damage),
        cmocka_unit_test(tells_broken_hellos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
