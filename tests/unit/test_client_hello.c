/*
 * test_client_hello.c - ClientHellos of real stacks, then one case per way a hello can be odd, then
 * all of them damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls_messages.h"
#include "tls_names.h"

#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "

/* An outer ECH with a short share, behind its length. */
#define ECH_OUTER "003c 00 0001 0001 aa 0002 e0e1 0030" RANDOM "ffeeddccbbaa99887766554433221100"

/* openssl s_client 3.0, -alpn h2,http/1.1 */
static const char openssl_hello[] =
    "0303afbb4a1c4a8863413e8631c6c014740dd67f6fce9a0eafeb5b5f72be6cddac672000e05e3821601cb6b284"
    "3bd833fb74247ed8dfab5e1c06a0293a2c3ff60606ef003e130213031301c02cc030009fcca9cca8ccaac02bc0"
    "2f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000c3"
    "00000014001200000f7777772e6578616d706c652e636f6d000b000403000102000a00160014001d0017001e00"
    "19001801000101010201030104002300000010000e000c02683208687474702f312e310016000000170000000d"
    "002a0028040305030603080708080809080a080b08040805080604010501060103030301030204020502060200"
    "2b0009080304030303020301002d00020101003300260024001d0020df48442c298df74a6cf05d53ba5ea3f13f"
    "ff96122d402614a1c00f6a45433e2f";

/* openssl s_client 3.0, -tls1_1 */
static const char openssl_tls11_hello[] =
    "03026909ffd6b3b07923055f0e1d5415597068da57eae62351f87ef99fc5cd44035200002ec00ac01400390038"
    "00880087c019003a0089c009c0130033003200450044c0180034004600350084002f004100ff0100003c000000"
    "14001200000f6f6c642e6578616d706c652e636f6d000b000403000102000a000c000a001d0017001e00190018"
    "002300000016000000170000";

/* gnutls-cli 3.7: two key shares, extensions in an order of its own */
static const char gnutls_hello[] =
    "030347f47cc7d1259f98fbb6282585881660175744c45b3afa92b5bd82d26ebf5fbd20907174d94f07d98dec07"
    "43d72eff6e400e0c452fa19833e1d09b58dfbe7fce6a003a1302130313011304c02ccca9c0adc00ac02bc0acc0"
    "09c030cca8c014c02fc013009dc09d0035009cc09c002f009fccaac09f0039009ec09e00330100010100050005"
    "0100000000000a00160014001700180019001d001e01000101010201030104000b00020100000d002200200401"
    "08090804040308070501080a0805050308080601080b0806060302010203001600000017000000230000003300"
    "6b0069001700410492773b874bcf5d458f447a80e1dc9cdc55fc03ed0ae4b67af008fd23539fe580efb3362303"
    "8cde1ae02bfbc040018d13b8b9b10dea7652e40e0f11b9e5a350ee001d0020d43c7fef8fb0db35cbd260e493a7"
    "6d0dbf5a0ca1a62a980af7c7f82a5a439025002b0009080304030303020301ff0100010000000014001200000f"
    "7777772e6578616d706c652e636f6d002d0003020100001c00024001";

static struct message message_of(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return message;
}

/* A TLS 1.2 hello with one suite, then this extension block behind its length. */
static struct message message_with_extensions(const char *hex) {
    struct message message = message_of("0303" RANDOM "00 0002 c02f 0100");
    size_t block = message_open(&message, 2);
    message_hex(&message, hex);
    message_close(&message, block, 2);
    return message;
}

/* As a browser of 2024 sends it: GREASE in every list, a post-quantum share, ECH. */
static struct message message_of_browser(void) {
    struct message message =
        message_of("0303" RANDOM "20" RANDOM "0020 2a2a 1301 1302 1303 c02b c02f c02c c030 cca9 "
                   "cca8 c013 c014 009c 009d 002f 0035 0100");
    size_t block = message_open(&message, 2);
    message_hex(&message, "dada 0000"
                          "fe0d" ECH_OUTER "0010 000e 000c 02 6832 08 687474702f312e31"
                          "0005 0005 0100000000"
                          "0000 0010 000e 00 000b 6578616d706c652e636f6d"
                          "000b 0002 0100"
                          "002d 0002 0101"
                          "000d 0012 0010 0403 0804 0401 0503 0805 0501 0806 0601"
                          "000a 000c 000a 4a4a 11ec 001d 0017 0018"
                          "ff01 0001 00"
                          "002b 0007 06 6a6a 0304 0303"
                          "0023 0000"
                          "0033");
    size_t data = message_open(&message, 2);
    size_t shares = message_open(&message, 2);
    message_hex(&message, "4a4a 0001 00 11ec 04c0");
    message_fill(&message, 0x5a, 1216);
    message_hex(&message, "001d 0020" RANDOM);
    message_close(&message, shares, 2);
    message_close(&message, data, 2);
    message_hex(&message, "001b 0003 020002 7a7a 0001 00");
    message_close(&message, block, 2);
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

static void parses_openssl(void **state) {
    (void)state;
    struct message message = message_of(openssl_hello);
    struct client_hello hello;
    assert_int_equal(client_hello_parse(span_of(message.data, message.size), false, &hello),
                     PARSE_OK);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_false(hello.is_sslv2 || hello.is_truncated || hello.has_malformed_extension);
    assert_int_equal(hello.random.size, 32);
    assert_int_equal(hello.session_id.size, 32);
    assert_null(hello.cookie.data);
    assert_int_equal(hello.cipher_suites.size, 62);
    assert_span_is(hello.compression_methods, "00");
    assert_span_is(hello.server_name, "7777772e6578616d706c652e636f6d");
    assert_span_is(hello.supported_versions, "0304 0303 0302 0301");
    assert_span_is(hello.ec_point_formats, "000102");
    assert_span_is(hello.psk_key_exchange_modes, "01");
    assert_span_is(hello.alpn, "02 6832 08 687474702f312e31");
    assert_span_is(hello.session_ticket, "");
    assert_int_equal(hello.signature_algorithms.size, 40);
    assert_null(hello.pre_shared_key.data);
    assert_null(hello.early_data.data);
    assert_null(hello.encrypted_client_hello.data);
    assert_true(client_hello_has_cipher(&hello, 0x1301));
    assert_true(client_hello_has_cipher(&hello, TLS_SCSV_RENEGOTIATION));
    assert_false(client_hello_has_cipher(&hello, TLS_SCSV_FALLBACK));
    assert_true(client_hello_has_key_share(&hello, 29));
    assert_false(client_hello_has_key_share(&hello, 23));
}

static void parses_openssl_tls11(void **state) {
    (void)state;
    struct message message = message_of(openssl_tls11_hello);
    struct client_hello hello;
    assert_int_equal(client_hello_parse(span_of(message.data, message.size), false, &hello),
                     PARSE_OK);
    assert_int_equal(hello.legacy_version, 0x0302);
    assert_int_equal(hello.session_id.size, 0);
    assert_non_null(hello.session_id.data);
    assert_null(hello.supported_versions.data);
    assert_null(hello.signature_algorithms.data);
    assert_null(hello.key_share.data);
    assert_span_is(hello.server_name, "6f6c642e6578616d706c652e636f6d");
}

static void parses_gnutls(void **state) {
    (void)state;
    struct message message = message_of(gnutls_hello);
    struct client_hello hello;
    assert_int_equal(client_hello_parse(span_of(message.data, message.size), false, &hello),
                     PARSE_OK);
    struct span shares = hello.key_share;
    struct span key;
    uint16_t group = 0;
    assert_true(client_hello_next_key_share(&shares, &group, &key));
    assert_int_equal(group, 23);
    assert_int_equal(key.size, 65);
    assert_true(client_hello_next_key_share(&shares, &group, &key));
    assert_int_equal(group, 29);
    assert_int_equal(key.size, 32);
    assert_false(client_hello_next_key_share(&shares, &group, &key));
    assert_span_is(hello.server_name, "7777772e6578616d706c652e636f6d");
    assert_span_is(hello.psk_key_exchange_modes, "0100");
}

static void parses_browser(void **state) {
    (void)state;
    struct message message = message_of_browser();
    struct client_hello hello;
    assert_int_equal(client_hello_parse(span_of(message.data, message.size), false, &hello),
                     PARSE_OK);
    assert_false(hello.is_truncated || hello.has_malformed_extension);
    assert_span_is(hello.supported_versions, "6a6a 0304 0303");
    assert_span_is(hello.supported_groups, "4a4a 11ec 001d 0017 0018");
    assert_span_is(hello.server_name, "6578616d706c652e636f6d");
    assert_span_is(hello.encrypted_client_hello, &ECH_OUTER[5]);
    assert_true(client_hello_has_cipher(&hello, 0x2a2a));
    assert_true(client_hello_has_key_share(&hello, 0x4a4a));
    assert_true(client_hello_has_key_share(&hello, 0x11ec));
    assert_true(client_hello_has_key_share(&hello, 0x001d));
    struct tls_extension extension;
    assert_true(tls_extension_find(hello.extensions, TLS_EXT_RENEGOTIATION_INFO, &extension));
    assert_span_is(extension.data, "00");
    assert_true(tls_extension_find(hello.extensions, 0x7a7a, &extension));
    assert_false(tls_extension_find(hello.extensions, TLS_EXT_EARLY_DATA, &extension));
}

/* Fixed fields: `wanted` is the status; the rest is looked at when it is PARSE_OK. */
static const struct fixed_case {
    const char *name;
    const char *hex;
    bool is_dtls;
    enum parse_status wanted;
    bool is_truncated;
    const char *cipher_suites;
    const char *cookie;
    const char *extensions; /* NULL: absent */
} fixed_cases[] = {
    {"empty body", "", false, PARSE_MALFORMED, false, NULL, NULL, NULL},
    {"no extensions", "0301" RANDOM "00 0002 0005 0100", false, PARSE_OK, false, "0005", NULL,
     NULL},
    {"SSLv3", "0300" RANDOM "00 0004 000a 0005 0100", false, PARSE_OK, false, "000a0005", NULL,
     NULL},
    {"empty extension block", "0301" RANDOM "00 0002 0005 0100 0000", false, PARSE_OK, false,
     "0005", NULL, ""},
    {"no suites, no compression", "0301" RANDOM "00 0000 00", false, PARSE_OK, false, "", NULL,
     NULL},
    {"odd suites", "0301" RANDOM "00 0003 0005ff 0100", false, PARSE_OK, false, "0005ff", NULL,
     NULL},
    {"suites past the end", "0301" RANDOM "00 0012 0005 0100", false, PARSE_MALFORMED, false, NULL,
     NULL, NULL},
    {"session id of 33", "0301" RANDOM "21" RANDOM "00 0002 0005 0100", false, PARSE_MALFORMED,
     false, NULL, NULL, NULL},
    {"no compression field", "0301" RANDOM "00 0002 0005", false, PARSE_MALFORMED, false, NULL,
     NULL, NULL},
    {"half an extension length", "0301" RANDOM "00 0002 0005 0100 00", false, PARSE_OK, true,
     "0005", NULL, NULL},
    {"block cut between extensions", "0301" RANDOM "00 0002 0005 0100 0010 00230000", false,
     PARSE_OK, true, "0005", NULL, "00230000"},
    {"block cut in an extension", "0301" RANDOM "00 0002 0005 0100 0010 00230000 000a 0004 00",
     false, PARSE_OK, true, "0005", NULL, "00230000"},
    {"extension past the block", "0301" RANDOM "00 0002 0005 0100 0009 00230000 000a 0004 00",
     false, PARSE_OK, true, "0005", NULL, "00230000"},
    {"bytes behind the block", "0301" RANDOM "00 0002 0005 0100 0004 00230000 ffff", false,
     PARSE_OK, false, "0005", NULL, "00230000"},
    {"DTLS, first flight", "feff" RANDOM "00 00 0002 0005 0100", true, PARSE_OK, false, "0005", "",
     NULL},
    {"DTLS with a cookie", "fefd" RANDOM "00 04 01020304 0002 c02f 0100 0000", true, PARSE_OK,
     false, "c02f", "01020304", ""},
    {"DTLS, cookie past the end", "fefd" RANDOM "00 24 01020304 0002 c02f 0100 0000", true,
     PARSE_MALFORMED, false, NULL, NULL, NULL},
};

static void reads_fixed_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(fixed_cases) / sizeof(fixed_cases[0]); i++) {
        const struct fixed_case *want = &fixed_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_of(want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct client_hello hello;
        assert_int_equal(client_hello_parse(body, want->is_dtls, &hello), want->wanted);
        if (want->wanted == PARSE_OK) {
            assert_int_equal(hello.is_truncated, want->is_truncated);
            assert_span_is(hello.cipher_suites, want->cipher_suites);
            assert_span_is(hello.cookie, want->cookie);
            assert_span_is(hello.extensions, want->extensions);
        }
        exact_free(body);
    }
}

#define FIELD(name) offsetof(struct client_hello, name)
enum { NONE_MALFORMED = -1 };

/* Insides of extensions: the field that one of them fills, and which one is called malformed. */
static const struct extension_case {
    const char *name;
    const char *hex; /* the block */
    size_t field;
    const char *wanted; /* NULL: absent */
    int malformed;
} extension_cases[] = {
    {"a name", "0000 0008 0006 00 0003 612e62", FIELD(server_name), "612e62", NONE_MALFORMED},
    {"first host_name of several", "0000 000e 000c 07 0001 78 00 0001 61 00 0001 62",
     FIELD(server_name), "61", NONE_MALFORMED},
    {"no host_name", "0000 0006 0004 07 0001 78", FIELD(server_name), NULL, 0},
    {"empty name", "0000 0005 0003 00 0000", FIELD(server_name), "", NONE_MALFORMED},
    {"empty name list", "0000 0002 0000", FIELD(server_name), NULL, 0},
    {"empty server_name", "0000 0000", FIELD(server_name), NULL, 0},
    {"name past its list", "0000 0008 0006 00 0009 612e62", FIELD(server_name), NULL, 0},
    {"bytes behind the name list", "0000 0009 0006 00 0003 612e62 00", FIELD(server_name), NULL, 0},
    {"damage does not hide others", "0000 0000 002b 0003 02 0304", FIELD(supported_versions),
     "0304", 0},
    {"nor those in front", "002b 0003 02 0304 000a 0001 00", FIELD(supported_versions), "0304", 10},
    {"first damage is named", "000d 0000 000a 0000", FIELD(supported_groups), NULL, 13},
    {"repeated, the first damaged", "002b 0003 04 0303 002b 0003 02 0304",
     FIELD(supported_versions), "0304", 43},
    {"no versions", "002b 0001 00", FIELD(supported_versions), "", NONE_MALFORMED},
    {"odd versions", "002b 0004 03 030403", FIELD(supported_versions), NULL, 43},
    {"versions as a ServerHello sends them", "002b 0002 0304", FIELD(supported_versions), NULL, 43},
    {"groups", "000a 0006 0004 001d 0017", FIELD(supported_groups), "001d0017", NONE_MALFORMED},
    {"odd groups", "000a 0005 0003 001d 00", FIELD(supported_groups), NULL, 10},
    {"groups past the end", "000a 0004 0004 001d", FIELD(supported_groups), NULL, 10},
    {"point formats", "000b 0002 0100", FIELD(ec_point_formats), "00", NONE_MALFORMED},
    {"point formats too long", "000b 0003 010000", FIELD(ec_point_formats), NULL, 11},
    {"signature algorithms", "000d 0004 0002 0403", FIELD(signature_algorithms), "0403",
     NONE_MALFORMED},
    {"psk modes", "002d 0002 0101", FIELD(psk_key_exchange_modes), "01", NONE_MALFORMED},
    {"psk modes without length", "002d 0000", FIELD(psk_key_exchange_modes), NULL, 45},
    {"ALPN", "0010 0005 0003 02 6832", FIELD(alpn), "026832", NONE_MALFORMED},
    {"ALPN with a name past the list", "0010 0005 0003 03 6832", FIELD(alpn), NULL, 16},
    {"ALPN not ASCII", "0010 0005 0003 02 ff00", FIELD(alpn), "02ff00", NONE_MALFORMED},
    {"key share", "0033 0008 0006 001d 0002 aabb", FIELD(key_share), "001d0002aabb",
     NONE_MALFORMED},
    {"no key shares (asks for a retry)", "0033 0002 0000", FIELD(key_share), "", NONE_MALFORMED},
    {"key past its list", "0033 0008 0006 001d 0003 aabb", FIELD(key_share), NULL, 51},
    {"draft key share", "0028 0008 0006 001d 0002 aabb", FIELD(key_share), "001d0002aabb",
     NONE_MALFORMED},
    {"extension 40 that is none", "0028 0003 414243", FIELD(key_share), NULL, NONE_MALFORMED},
    {"session ticket, asked for", "0023 0000", FIELD(session_ticket), "", NONE_MALFORMED},
    {"session ticket", "0023 0003 010203", FIELD(session_ticket), "010203", NONE_MALFORMED},
    {"pre_shared_key", "0029 0002 0102", FIELD(pre_shared_key), "0102", NONE_MALFORMED},
    {"early data", "002a 0000", FIELD(early_data), "", NONE_MALFORMED},
    {"inner ECH", "fe0d 0001 01", FIELD(encrypted_client_hello), "01", NONE_MALFORMED},
    {"outer ECH", "fe0d 000b 00 0001 0001 aa 0000 0001 bb", FIELD(encrypted_client_hello),
     "0000010001aa00000001bb", NONE_MALFORMED},
    {"ECH of no type", "fe0d 0001 02", FIELD(encrypted_client_hello), NULL, 0xfe0d},
    {"ECH cut in its payload", "fe0d 000b 00 0001 0001 aa 0000 0002 bb",
     FIELD(encrypted_client_hello), NULL, 0xfe0d},
    {"ESNI", "ffce 0003 130100", FIELD(encrypted_server_name), "130100", NONE_MALFORMED},
    {"unknown extension", "abcd 0001 01", FIELD(early_data), NULL, NONE_MALFORMED},
};

static void reads_extensions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
        const struct extension_case *want = &extension_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_with_extensions(want->hex);
        struct span body = exact_copy(message.data, message.size);
        struct client_hello hello;
        assert_int_equal(client_hello_parse(body, false, &hello), PARSE_OK);
        struct span field;
        memcpy(&field, (const char *)&hello + want->field, sizeof(field));
        assert_span_is(field, want->wanted);
        assert_int_equal(hello.has_malformed_extension, want->malformed != NONE_MALFORMED);
        if (hello.has_malformed_extension)
            assert_int_equal(hello.malformed_extension, want->malformed);
        assert_false(hello.is_truncated);
        exact_free(body);
    }
}

/* What breaks the format and can still be read. */
static void tells_broken_hellos(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex; /* suites, compression and block, each behind its length */
        bool is_malformed;
        int repeated; /* -1: none */
        const char *versions;
    } cases[] = {
        {"sound", "0002 c02f 0100 0007 002b 0003 02 0304 ffff", false, -1, "0304"},
        {"repeated: the first counts", "0002 c02f 0100 000e 002b 0003 02 0303 002b 0003 02 0304",
         true, 43, "0303"},
        {"unknown ones repeated", "0002 c02f 0100 000c abcd 0000 1234 0000 abcd 0000", true, 0xabcd,
         NULL},
        {"GREASE, another one each", "0002 c02f 0100 0008 0a0a 0000 1a1a 0000", false, -1, NULL},
        {"half a suite", "0003 c02f00 0100 0004 0017 0000", true, -1, NULL},
        {"block past the message", "0002 c02f 0100 0009 0017 0000", true, -1, NULL},
        {"damaged extension", "0002 c02f 0100 0005 002d 0001 09", true, -1, NULL},
        {"no extensions", "0002 c02f 0100", false, -1, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("  %s\n", cases[i].name);
        struct message message = message_of("0303" RANDOM "00");
        message_hex(&message, cases[i].hex);
        struct client_hello hello;
        assert_int_equal(client_hello_parse(span_of(message.data, message.size), false, &hello),
                         PARSE_OK);
        assert_int_equal(client_hello_is_malformed(&hello), cases[i].is_malformed);
        assert_int_equal(hello.has_repeated_extension ? hello.repeated_extension : -1,
                         cases[i].repeated);
        assert_span_is(hello.supported_versions, cases[i].versions);
    }
}

/* Below 64 a bit each, above a bounded list: what no longer fits is never called a repetition. */
static void remembers_extension_types(void **state) {
    (void)state;
    struct tls_extension_set set = {.count = 0};
    for (uint16_t type = 0; type < 64; type++)
        assert_true(tls_extension_set_add(&set, type));
    for (uint16_t type = 0; type < 64; type++)
        assert_false(tls_extension_set_add(&set, type));
    for (size_t i = 0; i < TLS_EXTENSION_SET_SIZE; i++)
        assert_true(tls_extension_set_add(&set, (uint16_t)(64 + 7 * i)));
    assert_true(tls_extension_set_add(&set, 0xffff));
    assert_true(tls_extension_set_add(&set, 0xffff));
    assert_false(tls_extension_set_add(&set, 64));
}

static void reads_headers(void **state) {
    (void)state;
    const uint8_t bytes[] = {1, 0x01, 0x02, 0x03, 0xff};
    struct tls_handshake_header header = {0};
    for (size_t size = 0; size < TLS_HANDSHAKE_HEADER_SIZE; size++)
        assert_int_equal(tls_handshake_header_parse(span_of(bytes, size), &header), PARSE_MORE);
    assert_int_equal(tls_handshake_header_parse(span_of(bytes, 4), &header), PARSE_OK);
    assert_int_equal(header.type, TLS_CLIENT_HELLO);
    assert_int_equal(header.length, 0x010203);
    assert_int_equal(tls_handshake_header_parse(span_of(bytes, 5), &header), PARSE_OK);
}

static void feed_hello(struct span body) {
    struct client_hello hello;
    if (client_hello_parse(body, false, &hello) == PARSE_OK)
        client_hello_walk(&hello, body);
    if (client_hello_parse(body, true, &hello) == PARSE_OK)
        client_hello_walk(&hello, body);
}

/* Every proper prefix is either malformed or says that it is truncated, but for the one that ends
 * where extensions may be left out. */
static void notices_every_cut(void **state) {
    (void)state;
    struct message message = message_of(openssl_hello);
    size_t before_extensions = 2 + 32 + 33 + 2 + 62 + 2;
    for (size_t size = 0; size < message.size; size++) {
        struct span body = exact_copy(message.data, size);
        struct client_hello hello;
        enum parse_status status = client_hello_parse(body, false, &hello);
        assert_int_equal(status, size < before_extensions ? PARSE_MALFORMED : PARSE_OK);
        if (status == PARSE_OK)
            assert_int_equal(hello.is_truncated, size != before_extensions);
        exact_free(body);
    }
}

static void survives_damage(void **state) {
    (void)state;
    struct message browser = message_of_browser();
    message_feed_damaged(&browser, feed_hello);
    const char *const hellos[] = {openssl_hello, openssl_tls11_hello, gnutls_hello};
    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        struct message message = message_of(hellos[i]);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(fixed_cases) / sizeof(fixed_cases[0]); i++) {
        struct message message = message_of(fixed_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
    for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
        struct message message = message_with_extensions(extension_cases[i].hex);
        message_feed_damaged(&message, feed_hello);
    }
}

/* A number is found at every place of lists of every length, and only at whole places. */
static void finds_numbers_in_lists(void **state) {
    (void)state;
    static const uint16_t wanted[] = {0x0000, 0x0001, 0x00ff, 0x1301, 0x5600, 0x8000, 0xffff};
    for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++) {
        uint8_t high = (uint8_t)(wanted[w] >> 8U);
        uint8_t low = (uint8_t)wanted[w];
        uint8_t near = (uint8_t)(low ^ 1U);
        for (size_t size = 0; size <= 27; size++) {
            uint8_t *list = malloc(size + 1);
            assert_non_null(list);
            for (size_t at = 0; at < size; at++)
                list[at] = at % 2 == 0 ? high : near;
            assert_false(span_has_u16(span_of(list, size), wanted[w]));
            for (size_t at = 1; at < size; at += 2) {
                list[at] = low;
                assert_true(span_has_u16(span_of(list, size), wanted[w]));
                list[at] = near;
            }
            for (size_t at = 0; at < size; at++) /* beside its place */
                list[at] = at % 2 == 0 ? near : high;
            assert_false(span_has_u16(span_of(list, size), wanted[w]));
            free(list);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),
        cmocka_unit_test(parses_openssl),
        cmocka_unit_test(parses_openssl_tls11),
        cmocka_unit_test(parses_gnutls),
        cmocka_unit_test(parses_browser),
        cmocka_unit_test(reads_fixed_fields),
        cmocka_unit_test(reads_extensions),
        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(tells_broken_hellos),
        cmocka_unit_test(remembers_extension_types),
        cmocka_unit_test(finds_numbers_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
