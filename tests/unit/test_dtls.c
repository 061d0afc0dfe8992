/*
 * test_dtls.c - DTLS records of both headers, fragments, HelloVerifyRequest, connection ids, and
 * the STUN and TURN messages that DTLS shares its ports with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dtls.h"
#include "stun.h"
#include "tls_messages.h"
#include "tls_names.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct span block_of(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return exact_copy(message.data, message.size);
}

static void reads_plain_records(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        enum parse_status wanted;
        uint8_t type;
        uint16_t version;
        uint16_t epoch;
        uint64_t sequence;
        size_t size;
        size_t there;
        size_t left;
    } cases[] = {
        {"handshake", "16fefd0000000000000102 0003 aabbcc", PARSE_OK, 22, 0xfefd, 0, 0x102, 3, 3,
         0},
        {"DTLS 1.0", "16feff0000000000000000 0000", PARSE_OK, 22, 0xfeff, 0, 0, 0, 0, 0},
        {"DTLS 1.3 in clear", "16fefc0000000000000000 0000", PARSE_OK, 22, 0xfefc, 0, 0, 0, 0, 0},
        {"OpenSSL's early version", "14 0100 0000 000000000002 0003 010001", PARSE_OK, 20, 0x0100,
         0, 2, 3, 3, 0},
        {"largest sequence", "17fefd0001ffffffffffff 0001 00", PARSE_OK, 23, 0xfefd, 1,
         UINT64_C(0xffffffffffff), 1, 1, 0},
        {"one of two", "15fefd0000000000000001 0002 0228 16fefd", PARSE_OK, 21, 0xfefd, 0, 1, 2, 2,
         3},
        {"longer than the datagram", "16fefd0000000000000001 0009 aabb", PARSE_OK, 22, 0xfefd, 0, 1,
         9, 2, 0},
        {"ACK", "1afefd0000000000000001 0002 0000", PARSE_OK, 26, 0xfefd, 0, 1, 2, 2, 0},
        {"largest", "17fefd0001000000000001 4800", PARSE_OK, 23, 0xfefd, 1, 1, 18432, 0, 0},
        {"too large", "17fefd0001000000000001 4801", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
        {"TLS", "1603010200", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
        {"unknown version", "16fefe0000000000000001 0000", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
        {"type below", "13fefd0000000000000001 0000", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
        {"type above", "1bfefd0000000000000001 0000", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
        {"half a header", "16fefd00000000000000", PARSE_MORE, 0, 0, 0, 0, 0, 0, 0},
        {"nothing", "", PARSE_MORE, 0, 0, 0, 0, 0, 0, 0},
        {"RTP", "806f000100000000", PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct span whole = block_of(cases[i].hex);
        struct span rest = whole;
        struct dtls_record record = {0};
        assert_int_equal(dtls_record_next(&rest, DTLS_CONNECTION_ID_UNKNOWN, &record),
                         cases[i].wanted);
        assert_int_equal(record.type, cases[i].type);
        assert_int_equal(record.version, cases[i].version);
        assert_int_equal(record.epoch, cases[i].epoch);
        assert_true(record.sequence == cases[i].sequence);
        assert_int_equal(record.size, cases[i].size);
        assert_int_equal(record.fragment.size, cases[i].there);
        assert_false(record.is_unified);
        if (cases[i].wanted == PARSE_OK)
            assert_int_equal(rest.size, cases[i].left);
        else
            assert_int_equal(rest.size, whole.size);
        exact_free(whole);
    }
}

/* RFC 9147 section 4, figure 2 and the examples below it; RFC 9146 section 4. */
static void reads_connection_ids_and_unified_headers(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        size_t id_size;
        enum parse_status wanted;
        bool is_unsized;
        uint16_t epoch;
        uint64_t sequence;
        size_t size;
        size_t left;
    } cases[] = {
        {"sequence and length", "2e 1234 0003 aabbcc 2f", 256, PARSE_OK, false, 2, 0x1234, 3, 1},
        {"short sequence and length", "27 12 0002 aabb", 256, PARSE_OK, false, 3, 0x12, 2, 0},
        {"no length", "2a 1234 aabbcc", 256, PARSE_OK, false, 2, 0x1234, 3, 0},
        {"smallest", "23 12 aabbccdd", 256, PARSE_OK, false, 3, 0x12, 4, 0},
        {"connection id of three", "3e c1c2c3 1234 0002 aabb", 3, PARSE_OK, false, 2, 0x1234, 2, 0},
        {"empty connection id", "3e 1234 0002 aabb", 0, PARSE_OK, false, 2, 0x1234, 2, 0},
        {"connection id unknown", "3e c1c2c3 1234 0002 aabb", 256, PARSE_OK, true, 2, 0, 9, 0},
        {"cut in the connection id", "3e c1c2", 3, PARSE_MORE, false, 0, 0, 0, 0},
        {"cut in the length", "2e 1234 00", 256, PARSE_MORE, false, 0, 0, 0, 0},
        {"too large", "2e 1234 ffff", 256, PARSE_FOREIGN, false, 0, 0, 0, 0},
        {"1.2 with an id", "19fefd0001000000000005 c1c2 0003 aabbcc", 2, PARSE_OK, false, 1, 5, 3,
         0},
        {"1.2 with an id of unknown size", "19fefd0001000000000005 c1c2 0003 aabbcc", 256, PARSE_OK,
         true, 1, 5, 7, 0},
        {"1.2 cut in the id", "19fefd0001000000000005 c1", 2, PARSE_MORE, false, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct span whole = block_of(cases[i].hex);
        struct span rest = whole;
        struct dtls_record record = {0};
        assert_int_equal(dtls_record_next(&rest, cases[i].id_size, &record), cases[i].wanted);
        assert_int_equal(record.is_unsized, cases[i].is_unsized);
        assert_int_equal(record.epoch, cases[i].epoch);
        assert_true(record.sequence == cases[i].sequence);
        assert_int_equal(record.size, cases[i].size);
        assert_int_equal(record.fragment.size, cases[i].size);
        if (cases[i].wanted == PARSE_OK) {
            assert_int_equal(record.is_unified, whole.data[0] >= 0x20);
            assert_int_equal(rest.size, cases[i].left);
        }
        exact_free(whole);
    }
}

static void reads_fragments(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        enum parse_status wanted;
        uint8_t type;
        uint16_t message_sequence;
        uint32_t length;
        uint32_t offset;
        uint32_t size;
        size_t there;
        size_t left;
    } cases[] = {
        {"whole", "01 000003 0000 000000 000003 aabbcc", PARSE_OK, 1, 0, 3, 0, 3, 3, 0},
        {"the middle", "0b 000300 0102 000100 000002 aabb 0e", PARSE_OK, 11, 0x102, 0x300, 0x100, 2,
         2, 1},
        {"empty message", "0e 000000 0004 000000 000000", PARSE_OK, 14, 4, 0, 0, 0, 0, 0},
        {"empty fragment", "01 000005 0000 000003 000000", PARSE_OK, 1, 0, 5, 3, 0, 0, 0},
        {"up to the end", "01 000005 0000 000003 000002 aabb", PARSE_OK, 1, 0, 5, 3, 2, 2, 0},
        {"past the message", "01 000005 0000 000003 000003 aabbcc", PARSE_MALFORMED, 0, 0, 0, 0, 0,
         0, 0},
        {"far past it", "01 000005 0000 ffffff ffffff aa", PARSE_MALFORMED, 0, 0, 0, 0, 0, 0, 0},
        {"cut", "01 000005 0000 000000 000005 aabb", PARSE_OK, 1, 0, 5, 0, 5, 2, 0},
        {"header cut", "01 000005 0000 000000 0000", PARSE_MORE, 0, 0, 0, 0, 0, 0, 0},
        {"nothing", "", PARSE_MORE, 0, 0, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct span whole = block_of(cases[i].hex);
        struct span rest = whole;
        struct dtls_fragment fragment = {0};
        assert_int_equal(dtls_fragment_next(&rest, &fragment), cases[i].wanted);
        assert_int_equal(fragment.type, cases[i].type);
        assert_int_equal(fragment.message_sequence, cases[i].message_sequence);
        assert_int_equal(fragment.length, cases[i].length);
        assert_int_equal(fragment.offset, cases[i].offset);
        assert_int_equal(fragment.size, cases[i].size);
        assert_int_equal(fragment.bytes.size, cases[i].there);
        if (cases[i].wanted == PARSE_OK)
            assert_int_equal(rest.size, cases[i].left);
        exact_free(whole);
    }
}

static void reads_hello_verify(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        enum parse_status wanted;
        uint16_t version;
        size_t cookie;
    } cases[] = {
        {"feff 04 c0c1c2c3", PARSE_OK, 0xfeff, 4}, {"0100 00", PARSE_OK, 0x0100, 0},
        {"feff 04 c0c1c2", PARSE_MALFORMED, 0, 0}, {"feff 04 c0c1c2c3 00", PARSE_MALFORMED, 0, 0},
        {"feff", PARSE_MALFORMED, 0, 0},           {"", PARSE_MALFORMED, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span body = block_of(cases[i].hex);
        struct dtls_hello_verify verify = {0};
        assert_int_equal(dtls_hello_verify_parse(body, &verify), cases[i].wanted);
        assert_int_equal(verify.server_version, cases[i].version);
        assert_int_equal(verify.cookie.size, cases[i].cookie);
        exact_free(body);
    }
}

static void finds_the_size_of_connection_ids(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        bool wanted;
        size_t size;
    } cases[] = {
        {"0017 0000 0036 0004 03 c1c2c3", true, 3},
        {"0036 0001 00", true, 0},
        {"0036 0004 02 c1c2c3", false, 99}, /* a byte too many */
        {"0036 0000", false, 99},
        {"0017 0000", false, 99},
        {"", false, 99},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span extensions = block_of(cases[i].hex);
        size_t size = 99;
        assert_int_equal(dtls_connection_id_size(extensions, &size), cases[i].wanted);
        assert_int_equal(size, cases[i].size);
        exact_free(extensions);
    }
}

#define STUN_HEADER(type, length) type length "2112a442 000102030405060708090a0b"

static void tells_stun(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        bool wanted;
    } cases[] = {
        {"binding request", STUN_HEADER("0001", "0000"), true},
        {"with an attribute", STUN_HEADER("0101", "0008") "0020 0004 01020304", true},
        {"cut", STUN_HEADER("0101", "0008") "0020", true},
        {"no whole words", STUN_HEADER("0001", "0002") "0000", false},
        {"longer than it says", STUN_HEADER("0001", "0000") "00", false},
        {"another cookie", "0001 0000 2112a443 000102030405060708090a0b", false},
        {"RTP", "8001 0000 2112a442 000102030405060708090a0b", false},
        {"shorter than a header", "0001 0000 2112a442 0001020304050607", false},
        {"nothing", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct span datagram = block_of(cases[i].hex);
        assert_int_equal(stun_is_message(datagram), cases[i].wanted);
        exact_free(datagram);
    }
}

static void unwraps_turn(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        enum parse_status wanted;
        uint16_t channel;
        size_t size;
    } cases[] = {
        {"ChannelData", "4001 0003 16feff", PARSE_OK, 0x4001, 3},
        {"padded", "4001 0003 16feff 00", PARSE_OK, 0x4001, 3},
        {"cut", "7fff 0005 16fe", PARSE_OK, 0x7fff, 2},
        {"empty", "4001 0000", PARSE_OK, 0x4001, 0},
        {"more behind it", "4001 0003 16feff 00000000", PARSE_FOREIGN, 0, 0},
        {"no channel", "8001 0003 16feff", PARSE_FOREIGN, 0, 0},
        {"short", "4001 00", PARSE_FOREIGN, 0, 0},
        {"Send indication",
         STUN_HEADER("0016", "0014") "0012 0008 0001 1111 22223333 0013 0002 16fe 0000", PARSE_OK,
         0, 2},
        {"Data indication", STUN_HEADER("0017", "0008") "0013 0004 16feff00", PARSE_OK, 0, 4},
        {"data cut", STUN_HEADER("0017", "0008") "0013 0004 16fe", PARSE_OK, 0, 2},
        {"attribute past the end", STUN_HEADER("0017", "0008") "0012 ffff 00000000", PARSE_FOREIGN,
         0, 0},
        {"no data", STUN_HEADER("0016", "0008") "0012 0004 00000000", PARSE_FOREIGN, 0, 0},
        {"another message", STUN_HEADER("0001", "0008") "0013 0004 16feff00", PARSE_FOREIGN, 0, 0},
        {"nothing", "", PARSE_FOREIGN, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct span datagram = block_of(cases[i].hex);
        struct turn_data turn = {0};
        assert_int_equal(turn_data_parse(datagram, &turn), cases[i].wanted);
        assert_int_equal(turn.channel, cases[i].channel);
        assert_int_equal(turn.data.size, cases[i].size);
        if (turn.data.size)
            assert_int_equal(turn.data.data[0], 0x16);
        exact_free(datagram);
    }
}

/* Everything that any parser here gives out lies inside of what it was given. */
static void feed(struct span bytes) {
    static const size_t id_sizes[] = {0, 3, DTLS_CONNECTION_ID_UNKNOWN};
    for (size_t i = 0; i < COUNT_OF(id_sizes); i++) {
        struct span rest = bytes;
        struct dtls_record record;
        while (dtls_record_next(&rest, id_sizes[i], &record) == PARSE_OK) {
            span_walk(record.fragment, bytes);
            span_walk(rest, bytes);
            assert_true(record.fragment.size <= record.size);
            struct span inside = record.fragment;
            struct dtls_fragment fragment;
            while (dtls_fragment_next(&inside, &fragment) == PARSE_OK) {
                span_walk(fragment.bytes, record.fragment);
                assert_true(fragment.offset + fragment.size <= fragment.length);
            }
        }
    }
    struct dtls_hello_verify verify;
    struct turn_data turn;
    size_t size = 0;
    if (dtls_hello_verify_parse(bytes, &verify) == PARSE_OK)
        span_walk(verify.cookie, bytes);
    if (dtls_connection_id_size(bytes, &size))
        assert_true(size <= 255);
    (void)stun_is_message(bytes);
    if (turn_data_parse(bytes, &turn) == PARSE_OK)
        span_walk(turn.data, bytes);
}

static void survives_damage(void **state) {
    (void)state;
    static const char *const messages[] = {
        "16fefd0000000000000001 0014 01 000008 0000 000000 000008 0102030405060708"
        "16fefd0000000000000002 000f 0e 000000 0001 000000 000000 aabbcc 2e 1234 0002 aabb",
        "19fefd0001000000000005 c1c2c3 0003 aabbcc 3e c1c2c3 1234 0002 aabb",
        "feff 14 c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3",
        "0017 0000 0036 0004 03 c1c2c3",
        STUN_HEADER("0016", "0014") "0012 0008 0001 1111 22223333 0013 0002 16fe 0000",
        "4001 0003 16feff 00",
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct message message = {.size = 0};
        message_hex(&message, messages[i]);
        message_feed_damaged(&message, feed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_records),
        cmocka_unit_test(reads_connection_ids_and_unified_headers),
        cmocka_unit_test(reads_fragments),
        cmocka_unit_test(reads_hello_verify),
        cmocka_unit_test(finds_the_size_of_connection_ids),
        cmocka_unit_test(tells_stun),
        cmocka_unit_test(unwraps_turn),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
