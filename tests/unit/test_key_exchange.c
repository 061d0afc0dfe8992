/*
 * test_key_exchange.c - ServerKeyExchange messages of real servers, export and odd ones by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_key_exchange.h"
#include "tls_messages.h"

/* openssl s_server 3.0: x25519 signed by ECDSA; DHE with 2048 bits; PSK with a hint; ECDHE_PSK. */
static const char ecdhe_message[] =
    "03001d207f5d1aa2b0785b4b405bb1d0186dc88dd773e5fc87a060ce114924d106d6a034040300473045022059"
    "9183f664c4aac3bbc14b23bdf653fe77527d83c630acc8b52976b2ad18e3790221008bf3498ee5aa9aa14871ef"
    "2526616f61940449ba63011df60ba699d219096002";
static const char dhe_message[] =
    "0100ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08"
    "798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b"
    "0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c"
    "55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f174"
    "6c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817"
    "183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff0001020100aab7372c87dd0d"
    "9cdd318285c0d187635fc43c5bc9897cce85145be11f6a48b7a50937eaeae41cbf50456d9bd6ee57a29faee52c"
    "ab36295d08aa41da2296947f2b9f1a8f86188ad68e721eefef105bfb6cfe0eb45c14f99b2dd51337a4687f8bc0"
    "bc2e5b632343c719109c842497503e95b3834b050f8c1cb710f5cf0cc348b7355697135ef6da84f5ceb72a7d38"
    "5e8a0f4c9e6b7a63b5b6a473171b484ba44e16347694d4456ba2ff22efb45eb6266758c792cee4a0a964a00269"
    "c2c4f031a2b51b8645cfed208d50caf513b669549927274800359256d9ae11fbafd138175251a5cbff72625be3"
    "2a33edee2f78601be5d4250027e06c2e1cab548b577196ab0804010059608e4086ca284deda2a86d8f5e36860a"
    "89b98df00f78640bf71e91e0a713c57cc60863b9a965fb6c1495ec8a375fd563dde93b54e4ce652c0ec6bd905c"
    "828d872d6079905c9e8e66fdb290a1d4fb60203da5e378f20cade33223559e8ffdc57eed7893c33311f13943c9"
    "a7c6fe464dc5ebf82f2c65b2748af97944b2b183c7154cbba759293f55d4b601faa863374f042bb165429fe875"
    "8efd07fb672d49cb851cbd5cea548c227cdc6bc01dc136016c8d797619aa69fcaf13e53691b0ceb109025054d1"
    "37ca2d460b4f4790781f8a2f85b044c1b5d7df87c8c0e5fd230af99e7ccf2393e0ac00400bc2b00bac7bcd5878"
    "b52cc57cde8d80f4d4df3f80439c";
static const char psk_message[] = "000468696e74";
static const char ecdhe_psk_message[] =
    "000468696e7403001d20ff644d8546bdee4a5d9b751db54b9f99faa556ffed5df011d28a320d6ef84006";

#define BYTES_64                                                                                   \
    "80112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"                             \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "

static struct message message_of(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return message;
}

static const struct exchange_case {
    const char *name;
    uint16_t suite;
    const char *hex;
    enum parse_status wanted;
    enum key_exchange_kind kind;
    unsigned curve_type;
    unsigned group;
    unsigned size_bits;
} exchange_cases[] = {
    {"ECDHE", 0xc02c, ecdhe_message, PARSE_OK, KEY_EXCHANGE_ECDHE, 3, 29, 0},
    {"DHE", 0x0033, dhe_message, PARSE_OK, KEY_EXCHANGE_DHE, 0, 0, 2048},
    {"PSK", 0x008c, psk_message, PARSE_OK, KEY_EXCHANGE_PSK, 0, 0, 0},
    {"ECDHE_PSK", 0xc035, ecdhe_psk_message, PARSE_OK, KEY_EXCHANGE_ECDHE, 3, 29, 0},
    {"RSA_PSK", 0x0094, "0000", PARSE_OK, KEY_EXCHANGE_PSK, 0, 0, 0},
    {"DHE_PSK", 0x0090, "0002 6869 0001 07 0001 02 0001 03", PARSE_OK, KEY_EXCHANGE_DHE, 0, 0, 3},
    {"DHE_EXPORT, 512 bits", 0x0014, "0040" BYTES_64 "0001 02 0040" BYTES_64 "0000", PARSE_OK,
     KEY_EXCHANGE_DHE, 0, 0, 512},
    {"leading zeros do not count", 0x0033, "0042 0000" BYTES_64 "0001 02 0001 02", PARSE_OK,
     KEY_EXCHANGE_DHE, 0, 0, 512},
    {"nor do zero bits", 0x0033, "0003 0001ff 0001 02 0001 02", PARSE_OK, KEY_EXCHANGE_DHE, 0, 0,
     9},
    {"a prime of zero", 0x0033, "0002 0000 0001 02 0001 02", PARSE_OK, KEY_EXCHANGE_DHE, 0, 0, 0},
    {"an empty prime", 0x0033, "0000 0001 02 0001 02", PARSE_MALFORMED, 0, 0, 0, 0},
    {"DH_anon, unsigned", 0x0034, "0040" BYTES_64 "0001 02 0001 03", PARSE_OK, KEY_EXCHANGE_DHE, 0,
     0, 512},
    {"ECDH_anon", 0xc018, "03 0017 01 04", PARSE_OK, KEY_EXCHANGE_ECDHE, 3, 23, 0},
    {"explicit prime curve", 0xc013, "01 00", PARSE_OK, KEY_EXCHANGE_ECDHE, 1, 0, 0},
    {"unknown curve type", 0xc013, "04 0017 01 04", PARSE_MALFORMED, 0, 0, 0, 0},
    {"point past the end", 0xc013, "03 0017 05 04", PARSE_MALFORMED, 0, 0, 0, 0},
    {"RSA_EXPORT", 0x0003, "0040" BYTES_64 "0003 010001 0000", PARSE_OK, KEY_EXCHANGE_RSA_EXPORT, 0,
     0, 512},
    {"temporary RSA under a plain RSA suite (FREAK)", 0x002f, "0040" BYTES_64 "0003 010001 0000",
     PARSE_OK, KEY_EXCHANGE_RSA_EXPORT, 0, 0, 512},
    {"RSA modulus past the end", 0x0003, "0041" BYTES_64, PARSE_MALFORMED, 0, 0, 0, 0},
    {"SRP is not read", 0xc01d, "0001 02", PARSE_OK, KEY_EXCHANGE_UNKNOWN, 0, 0, 0},
    {"TLS 1.3 has none", 0x1301, "0001 02", PARSE_OK, KEY_EXCHANGE_UNKNOWN, 0, 0, 0},
    {"unknown suite", 0xfafa, "ff", PARSE_OK, KEY_EXCHANGE_UNKNOWN, 0, 0, 0},
    {"hint past the end", 0x008c, "0005 6869", PARSE_MALFORMED, 0, 0, 0, 0},
    {"empty", 0xc02f, "", PARSE_MALFORMED, 0, 0, 0, 0},
};

static void reads_exchanges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(exchange_cases) / sizeof(exchange_cases[0]); i++) {
        const struct exchange_case *want = &exchange_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct key_exchange read;
        assert_int_equal(key_exchange_parse(body, want->suite, &read), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_int_equal(read.kind, want->kind);
            assert_int_equal(read.curve_type, want->curve_type);
            assert_int_equal(read.group, want->group);
            assert_int_equal(read.size_bits, want->size_bits);
        }
        exact_free(body);
    }
}

/* 8191 bytes of prime are the most that size_bits can say; more say the same. */
static void caps_size(void **state) {
    (void)state;
    enum { SIZE = 9000 };
    static uint8_t body[2 + SIZE + 6];
    body[0] = SIZE >> 8;
    body[1] = SIZE & 0xff;
    memset(body + 2, 0xff, SIZE);
    static const uint8_t rest[] = {0, 1, 2, 0, 1, 2}; /* generator and public value */
    memcpy(body + 2 + SIZE, rest, sizeof(rest));
    struct key_exchange read;
    assert_int_equal(key_exchange_parse(span_of(body, sizeof(body)), 0x0033, &read), PARSE_OK);
    assert_int_equal(read.size_bits, UINT16_MAX);
}

static void feed_exchange(struct span body) {
    static const uint16_t suites[] = {0xc02c, 0x0033, 0x0014, 0x0003, 0x008c,
                                      0xc035, 0x0090, 0x0094, 0xc01d, 0x1301};
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        struct key_exchange read;
        if (key_exchange_parse(body, suites[i], &read) == PARSE_OK)
            DEMAND(read.size_bits <= body.size * 8 && read.kind <= KEY_EXCHANGE_PSK);
    }
}

/* Every cut before the signature is noticed. */
static void notices_every_cut(void **state) {
    (void)state;
    struct message message = message_of(ecdhe_message);
    for (size_t size = 0; size < 4 + 32; size++) {
        struct span body = exact_copy(message.data, size);
        struct key_exchange read;
        assert_int_equal(key_exchange_parse(body, 0xc02c, &read), PARSE_MALFORMED);
        exact_free(body);
    }
}

static void survives_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(exchange_cases) / sizeof(exchange_cases[0]); i++) {
        struct message message = message_of(exchange_cases[i].hex);
        message_feed_damaged(&message, feed_exchange);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_exchanges),
        cmocka_unit_test(caps_size),
        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
