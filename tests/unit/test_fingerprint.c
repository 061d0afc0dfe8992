/*
 * test_fingerprint.c - JA3, JA3S and JA4: published values first, then what the lists and names of
 * a hello can do to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fingerprint.h"
#include "tls_messages.h"

#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "

static struct fingerprinter *fingerprinter;

static int setup(void **state) {
    (void)state;
    fingerprinter = fingerprinter_new();
    return fingerprinter ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    fingerprinter_delete(fingerprinter);
    return 0;
}

/* The record of a hello: version, the suites, and the extension block (NULL: none), in hex. */
static struct handshake record_of(struct message *message, const char *version, const char *suites,
                                  const char *extensions) {
    struct handshake handshake = {.protocol = HANDSHAKE_TLS, .has = HANDSHAKE_HAS_OFFER};
    message->size = 0;
    message_hex(message, version);
    message_hex(message, RANDOM "00");
    size_t list = message_open(message, 2);
    message_hex(message, suites);
    message_close(message, list, 2);
    message_hex(message, "0100");
    if (extensions != NULL) {
        size_t block = message_open(message, 2);
        message_hex(message, extensions);
        message_close(message, block, 2);
    }
    assert_int_equal(
        client_hello_parse(span_of(message->data, message->size), false, &handshake.offer),
        PARSE_OK);
    return handshake;
}

static void assert_ja3(const struct ja3 *ja3, const char *text, const char *hash) {
    assert_int_equal(ja3->text_size, strlen(text));
    assert_memory_equal(ja3->text, text, ja3->text_size);
    assert_string_equal(ja3->hash, hash);
}

/* The first two are the examples of Salesforce's README. */
static const struct ja3_case {
    const char *name;
    const char *version;
    const char *suites;
    const char *extensions;
    const char *text;
    const char *hash;
} ja3_cases[] = {
    {"published", "0301", "002f 0035 0005 000a c009 c00a c013 c014 0032 0038 0013 0004",
     "0000 0006 0004 00 0001 61 000a 0008 0006 0017 0018 0019 000b 0002 0100",
     "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
     "ada70206e40642a3e4461f35503241d5"},
    {"published, without extensions", "0301",
     "0004 0005 000a 0009 0064 0062 0003 0006 0013 0012 0063", NULL,
     "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6"},
    {"GREASE in every list", "0303", "2a2a 1301 1302",
     "dada 0000 000a 0008 0006 4a4a 11ec 001d 000b 0002 0100 002b 0007 06 6a6a 0304 0303 7a7a 0001 "
     "00",
     "771,4865-4866,10-11-43,4588-29,0", "4fa84fa294493fda48bfebe1f46ee92c"},
    {"nothing but GREASE", "0303", "2a2a", "dada 0000 000a 0004 0002 4a4a", "771,,10,,",
     "cc6a31c85261209424e473bbb7d05de9"},
    {"largest numbers", "ffff", "ffff fffe", "ffff 0000 000b 0003 02ff09",
     "65535,65535-65534,65535-11,,255-9", "97c492714c2f93e5db89c97fcbffc801"},
};

static void test_ja3(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(ja3_cases) / sizeof(ja3_cases[0]); i++) {
        const struct ja3_case *want = &ja3_cases[i];
        print_message("  %s\n", want->name);
        struct message message;
        struct handshake handshake =
            record_of(&message, want->version, want->suites, want->extensions);
        struct fingerprints found;
        fingerprints_of(fingerprinter, &handshake, &found);
        assert_true(found.has_ja3 && !found.has_ja3s);
        assert_ja3(&found.ja3, want->text, want->hash);
    }
}

static void test_ja3s(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        const char *text;
        const char *hash;
    } cases[] = {
        /* as tshark and nDPI have it of many servers */
        {"0303" RANDOM "00 1302 00 000c 002b 0002 0304 0033 0002 001d", "771,4866,43-51",
         "15af977ce25de452b96affa2addb1036"},
        {"0301" RANDOM "00 002f 00", "769,47,", "18e962e106761869a61045bed0e81c2c"},
        {"0303" RANDOM "00 c02f 00 0008 1a1a 0000 0017 0000", "771,49199,23",
         "083a17d1eee567193ca26e03736db9e5"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message message = {.size = 0};
        message_hex(&message, cases[i].hex);
        struct handshake handshake = {.has = HANDSHAKE_HAS_CHOICE};
        assert_int_equal(server_hello_parse(span_of(message.data, message.size), &handshake.choice),
                         PARSE_OK);
        struct fingerprints found;
        fingerprints_of(fingerprinter, &handshake, &found);
        assert_true(found.has_ja3s && !found.has_ja3 && !found.has_ja4);
        assert_ja3(&found.ja3s, cases[i].text, cases[i].hash);
    }
}

/* The lists of the example in JA4's specification, in the order in which they are sent. */
#define SPEC_SUITES                                                                                \
    "2a2a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"
#define SPEC_FRONT                                                                                 \
    "0a0a 0000 001b 0000 0000 0000 0033 0000 0010 0005 0003 02 6832 4469 0000 0017 0000 "          \
    "002d 0000 "
#define SPEC_BACK                                                                                  \
    "0005 0000 0023 0000 0012 0000 002b 0007 06 1a1a 0304 0303 ff01 0000 000b 0000 000a 0000 "     \
    "0015 0000 7a7a 0001 00"

static const struct ja4_case {
    const char *name;
    const char *version;
    const char *suites;
    const char *extensions;
    const char *ja4;
} ja4_cases[] = {
    {"specification", "0303", SPEC_SUITES,
     SPEC_FRONT "000d 0012 0010 0403 0804 0401 0503 0805 0501 0806 0601" SPEC_BACK,
     "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    {"GREASE among the signature algorithms", "0303", SPEC_SUITES,
     SPEC_FRONT "000d 0016 0014 5a5a 0403 0804 0401 0503 0805 0501 0806 0601 baba" SPEC_BACK,
     "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    {"specification, no signature algorithms", "0303", SPEC_SUITES,
     SPEC_FRONT "000d 0000" SPEC_BACK, "t13d1516h2_8daaf6152771_6d807ffa2a79"},
    {"nothing at all", "0303", "", NULL, "t12i000000_000000000000_000000000000"},
    {"nothing but GREASE", "0303", "0a0a 1a1a", "3a3a 0000",
     "t12i000000_000000000000_000000000000"},
    {"nothing but a name and ALPN", "0303", "", "0000 0006 0004 00 0001 61 0010 0005 0003 02 6833",
     "t12d0002h3_000000000000_000000000000"},
    {"an unreadable name is there all the same", "0303", "", "0000 0000",
     "t12d000100_000000000000_000000000000"},
    {"SCSVs count", "0301", "00ff 5600 fefe", NULL, "t10i030000_3993b3dfb2ae_000000000000"},
};

static void test_ja4(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(ja4_cases) / sizeof(ja4_cases[0]); i++) {
        const struct ja4_case *want = &ja4_cases[i];
        print_message("  %s\n", want->name);
        struct message message;
        struct handshake handshake =
            record_of(&message, want->version, want->suites, want->extensions);
        struct fingerprints found;
        fingerprints_of(fingerprinter, &handshake, &found);
        assert_true(found.has_ja4);
        assert_string_equal(found.ja4, want->ja4);
    }
}

/* The ALPN names are those of the specification, and then some. */
static void test_ja4_alpn(void **state) {
    (void)state;
    static const struct {
        const char *hex; /* the list with its length; NULL: no extension */
        const char *wanted;
    } cases[] = {
        {NULL, "00"},
        {"0000", "00"},
        {"0001 00", "00"},
        {"0003 02 6832", "h2"},
        {"000c 02 6832 08 687474702f312e31", "h2"},
        {"0009 08 687474702f312e31", "h1"},
        {"0002 01 78", "xx"},
        {"0002 01 ab", "ab"},
        {"0003 02 abcd", "ad"},
        {"0003 02 30ab", "3b"},
        {"0005 04 3031abcd", "3d"},
        {"0005 04 30abcd31", "01"},
        {"0003 02 0a0a", "0a"},
        {"0004 03 5a2f39", "Z9"},
        {"0004 03 682d2d", "6d"},
        {"0003 05 6832", "00"}, /* past its list: the extension cannot be read */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message block = {.size = 0};
        struct message message;
        struct handshake handshake = record_of(&message, "0303", "c02f", NULL);
        if (cases[i].hex != NULL) {
            message_hex(&block, "0010");
            size_t data = message_open(&block, 2);
            message_hex(&block, cases[i].hex);
            message_close(&block, data, 2);
            size_t start = message_open(&message, 2);
            message_add(&message, block.data, block.size);
            message_close(&message, start, 2);
            assert_int_equal(
                client_hello_parse(span_of(message.data, message.size), false, &handshake.offer),
                PARSE_OK);
        }
        struct fingerprints found;
        fingerprints_of(fingerprinter, &handshake, &found);
        assert_memory_equal(found.ja4 + 8, cases[i].wanted, 2);
    }
}

static void test_ja4_transport_and_version(void **state) {
    (void)state;
    static const struct {
        enum handshake_protocol protocol;
        const char *version;
        const char *versions; /* supported_versions; NULL: absent */
        const char *wanted;
    } cases[] = {
        {HANDSHAKE_TLS, "0304", NULL, "t13"},
        {HANDSHAKE_TLS, "0303", NULL, "t12"},
        {HANDSHAKE_TLS, "0302", NULL, "t11"},
        {HANDSHAKE_TLS, "0301", NULL, "t10"},
        {HANDSHAKE_TLS, "0300", NULL, "ts3"},
        {HANDSHAKE_TLS, "0002", NULL, "ts2"},
        {HANDSHAKE_TLS, "0999", NULL, "t00"},
        {HANDSHAKE_TLS, "0303", "04 0303 0304", "t13"},
        {HANDSHAKE_TLS, "0303", "06 fafa 0302 0301", "t11"},
        {HANDSHAKE_TLS, "0303", "02 fafa", "t12"},
        {HANDSHAKE_TLS, "0302", "00", "t11"},
        {HANDSHAKE_TLS, "0303", "08 0304 7f1c 7f1b 7f1a", "t00"},
        {HANDSHAKE_TLS, "0303", "04 0304 fb1a", "t00"},
        {HANDSHAKE_QUIC, "0303", "02 0304", "q13"},
        {HANDSHAKE_DTLS, "feff", NULL, "dd1"},
        {HANDSHAKE_DTLS, "fefd", NULL, "dd2"},
        {HANDSHAKE_DTLS, "0100", NULL, "d00"},
        {HANDSHAKE_DTLS, "fefd", "02 fefc", "dd3"},
        {HANDSHAKE_DTLS, "fefd", "04 fefc fefd", "dd2"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char block[64] = "";
        if (cases[i].versions != NULL)
            snprintf(block, sizeof(block), "002b 00%02zx %s",
                     (strlen(cases[i].versions) + 1) / 5 * 2 + 1, cases[i].versions);
        struct message message;
        struct handshake handshake =
            record_of(&message, cases[i].version, "c02f", cases[i].versions ? block : NULL);
        assert_false(handshake.offer.has_malformed_extension);
        handshake.protocol = cases[i].protocol;
        struct fingerprints found;
        fingerprints_of(fingerprinter, &handshake, &found);
        assert_memory_equal(found.ja4, cases[i].wanted, 3);
    }
}

static void test_sslv2_has_none(void **state) {
    (void)state;
    struct message message = {.size = 0};
    message_hex(&message, "802b 01 0301 0012 0000 0010 010080 0700c0 030080 000004 000005 00000a"
                          "00112233445566778899aabbccddeeff");
    struct handshake handshake = {.has = HANDSHAKE_HAS_OFFER | HANDSHAKE_HAS_SSLV2_CHOICE};
    size_t consumed = 0;
    assert_int_equal(
        client_hello_parse_sslv2(span_of(message.data, message.size), &handshake.offer, &consumed),
        PARSE_OK);
    struct fingerprints found;
    fingerprints_of(fingerprinter, &handshake, &found);
    assert_false(found.has_ja3 || found.has_ja3s || found.has_ja4);
    handshake.has = 0; /* only a dialogue */
    fingerprints_of(fingerprinter, &handshake, &found);
    assert_false(found.has_ja3 || found.has_ja3s || found.has_ja4);
}

/* As many suites and extensions as a hello can hold: the text does not fit and is left out, the
 * hashes are of all of it, in memory that was there before. */
static void test_largest_hello(void **state) {
    (void)state;
    enum { SUITES = 32767, EXTENSIONS = 16383 };
    static uint8_t suites[2 * SUITES];
    static uint8_t extensions[4 * EXTENSIONS];
    for (size_t i = 0; i < SUITES; i++) { /* descending: the long way for a sort */
        size_t suite = SUITES - i;
        suites[2 * i] = (uint8_t)(suite >> 8U);
        suites[2 * i + 1] = (uint8_t)suite;
    }
    for (size_t i = 0; i < EXTENSIONS; i++) {
        extensions[4 * i] = (uint8_t)(i >> 8U);
        extensions[4 * i + 1] = (uint8_t)i;
    }
    struct handshake handshake = {.has = HANDSHAKE_HAS_OFFER};
    handshake.offer.legacy_version = 0x0303;
    handshake.offer.cipher_suites = span_of(suites, sizeof(suites));
    handshake.offer.extensions = span_of(extensions, sizeof(extensions));
    struct fingerprints found;
    fingerprints_of(fingerprinter, &handshake, &found);
    assert_true(found.has_ja3 && found.has_ja4);
    assert_int_equal(found.ja3.text_size, 0);
    assert_string_equal(found.ja3.hash, "94e79232b1eaf7761cfefa99d1296fea");
    assert_string_equal(found.ja4, "t12d999900_4cfc205a3c85_cad08ddadf80");
}

/* The same hello again has the same fingerprints, and one that differs in anything has its own:
 * what is kept of earlier hellos changes nothing. */
static void test_again(void **state) {
    (void)state;
    static const struct {
        const char *version;
        const char *suites;
        const char *extensions;
    } hellos[] = {
        {"0303", "13011302c02f",
         "000a00040002001d"
         "000b00020100"
         "000d000400020403"},
        {"0301", "13011302c02f",
         "000a00040002001d"
         "000b00020100"
         "000d000400020403"},
        {"0303", "130113021303",
         "000a00040002001d"
         "000b00020100"
         "000d000400020403"},
        {"0303", "13011302c02f",
         "000a000400020017"
         "000b00020100"
         "000d000400020403"},
        {"0303", "13011302c02f",
         "000a00040002001d"
         "000b00020101"
         "000d000400020403"},
        {"0303", "13011302c02f",
         "000a00040002001d"
         "000b00020100"
         "000d000400020804"},
        {"0303", "13011302c02f",
         "000b00020100"
         "000a00040002001d"
         "000d000400020403"},
        {"0303", "13011302c02f",
         "00100005000302"
         "6832"},
        {"0303", "13011302c02f", "002b0003020304"},
        {"0303", "13011302c02f", NULL},
    };
    enum { COUNT = sizeof hellos / sizeof hellos[0] };
    struct fingerprints seen[COUNT];
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            struct message message;
            struct fingerprints fingerprints;
            struct handshake record =
                record_of(&message, hellos[i].version, hellos[i].suites, hellos[i].extensions);
            fingerprints_of(fingerprinter, &record, &fingerprints);
            assert_true(fingerprints.has_ja3 && fingerprints.has_ja4 && !fingerprints.has_ja3s);
            if (round == 0) {
                seen[i] = fingerprints;
                continue;
            }
            assert_string_equal(fingerprints.ja3.hash, seen[i].ja3.hash);
            assert_int_equal(fingerprints.ja3.text_size, seen[i].ja3.text_size);
            assert_memory_equal(fingerprints.ja3.text, seen[i].ja3.text, seen[i].ja3.text_size);
            assert_string_equal(fingerprints.ja4, seen[i].ja4);
        }
    }
    for (size_t i = 1; i < COUNT; i++)
        assert_true(strcmp(seen[0].ja3.hash, seen[i].ja3.hash) != 0 ||
                    strcmp(seen[0].ja4, seen[i].ja4) != 0);
}

/* The same hello over QUIC is another client. */
static void test_again_over_quic(void **state) {
    (void)state;
    struct message message;
    struct fingerprints tcp;
    struct fingerprints quic;
    struct handshake record = record_of(&message, "0303", "1301", "002b0003020304");
    fingerprints_of(fingerprinter, &record, &tcp);
    record.protocol = HANDSHAKE_QUIC;
    fingerprints_of(fingerprinter, &record, &quic);
    assert_int_equal(tcp.ja4[0], 't');
    assert_int_equal(quic.ja4[0], 'q');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_again_over_quic),
        cmocka_unit_test(test_ja3),
        cmocka_unit_test(test_ja3s),
        cmocka_unit_test(test_ja4),
        cmocka_unit_test(test_ja4_alpn),
        cmocka_unit_test(test_ja4_transport_and_version),
        cmocka_unit_test(test_sslv2_has_none),
        cmocka_unit_test(test_largest_hello),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
