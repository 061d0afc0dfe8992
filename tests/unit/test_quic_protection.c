#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "quic_protection.h"
#include "quic_talk.h"
#include "tls_messages.h"

/* RFC 9001 appendix A and RFC 9369 appendix A: a ClientHello for example.com in a packet of 1200
 * bytes, the server's answer, and the connection id that both keys follow from. */
static const char client_id[] = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";
static const char server_id[] = "\xf0\x67\xa5\x50\x2a\x42\x62\xb5";

static const char client_frames[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff";

static const char server_frames[] =
    "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739"
    "88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94"
    "0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
    "020304";

static const struct key_vector {
    enum quic_dialect dialect;
    enum quic_sender sender;
    const char *key;
    const char *iv;
    const char *header_key;
} key_vectors[] = {
    {QUIC_RFC_9000, QUIC_CLIENT, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
     "9f50449e04a0e810283a1e9933adedd2"},
    {QUIC_RFC_9000, QUIC_SERVER, "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
     "c206b8d9b9f0f37644430b490eeaa314"},
    {QUIC_RFC_9369, QUIC_CLIENT, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
     "45b95e15235d6f45a6b19cbcb0294ba9"},
    {QUIC_RFC_9369, QUIC_SERVER, "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
     "edf6d05c83121201b436e16877593c3a"},
};

/* Beginning and end of the packets as the RFCs print them; the tag at the end covers the rest. */
static const struct packet_vector {
    uint32_t version;
    enum handshake_side from;
    uint64_t number;
    unsigned number_size;
    const char *frames;
    size_t size;
    const char *beginning;
    const char *end;
} packet_vectors[] = {
    {QUIC_VERSION_1, SIDE_CLIENT, 2, 4, client_frames, 1200,
     "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec",
     "e221af44860018ab0856972e194cd934"},
    {QUIC_VERSION_1, SIDE_SERVER, 1, 2, server_frames, 135,
     "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780"
     "b"
     "b38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb",
     "2158407dd074ee"},
    {QUIC_VERSION_2, SIDE_CLIENT, 2, 4, client_frames, 1200,
     "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e7",
     "a18b2faa745b6fe189cf772a9f84cbfc"},
    {QUIC_VERSION_2, SIDE_SERVER, 1, 2, server_frames, 135,
     "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87",
     "4bed8521e2e140"},
};

static struct quic_protection *protection;

static int open_protection(void **state) {
    (void)state;
    protection = quic_protection_new();
    return protection == NULL;
}

static int close_protection(void **state) {
    (void)state;
    quic_protection_delete(protection);
    quic_protection_delete(NULL);
    return 0;
}

static void demand_hex(const char *hex, const uint8_t *found) {
    struct message wanted = {.size = 0};
    message_hex(&wanted, hex);
    assert_memory_equal(found, wanted.data, wanted.size);
}

static struct quic_keys keys_of(enum quic_dialect dialect, enum quic_sender sender) {
    struct quic_keys keys;
    assert_true(quic_keys_derive(protection, dialect, span_of(client_id, 8), sender, &keys));
    return keys;
}

static void derives_the_keys_of_the_rfcs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof key_vectors / sizeof key_vectors[0]; i++) {
        const struct key_vector *vector = &key_vectors[i];
        struct quic_keys keys = keys_of(vector->dialect, vector->sender);
        demand_hex(vector->key, keys.key);
        demand_hex(vector->iv, keys.iv);
        demand_hex(vector->header_key, keys.header_key);
    }
    struct quic_keys unused;
    assert_false(
        quic_keys_derive(protection, QUIC_UNKNOWN, span_of(client_id, 8), QUIC_CLIENT, &unused));
}

/* A packet of the RFCs, in a block of its exact size. */
static struct span make_packet(const struct packet_vector *vector) {
    static struct bytes datagram;
    static struct bytes frames;
    struct message plain = {.size = 0};
    message_hex(&plain, vector->frames);
    bool from_client = vector->from == SIDE_CLIENT;
    datagram.size = 0;
    frames.size = 0;
    bytes_add(&frames, plain.data, plain.size);
    wire_initial(&datagram,
                 (struct initial_plan){.version = vector->version,
                                       .from = vector->from,
                                       .keys = client_id,
                                       .to = from_client ? client_id : NULL,
                                       .as = from_client ? NULL : server_id,
                                       .number = vector->number,
                                       .number_size = vector->number_size,
                                       .pad_to = from_client ? vector->size : 0},
                 &frames);
    return exact_copy(datagram.data, datagram.size);
}

static void opens_the_packets_of_the_rfcs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof packet_vectors / sizeof packet_vectors[0]; i++) {
        const struct packet_vector *vector = &packet_vectors[i];
        struct span packet = make_packet(vector);
        struct quic_header header;
        struct quic_opened opened;
        assert_int_equal(quic_header_parse(packet, &header), PARSE_OK);
        struct quic_keys keys =
            keys_of(header.dialect, vector->from == SIDE_CLIENT ? QUIC_CLIENT : QUIC_SERVER);
        assert_true(quic_packet_open(protection, &keys, &header, 0, &opened));
        assert_int_equal(opened.number, vector->number);
        assert_true(opened.payload.size >= strlen(vector->frames) / 2);
        demand_hex(vector->frames, opened.payload.data);
        exact_free(packet);
    }
}

/* The packets that these tests make are those of the RFCs. */
static void tests_make_the_packets_of_the_rfcs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof packet_vectors / sizeof packet_vectors[0]; i++) {
        const struct packet_vector *vector = &packet_vectors[i];
        struct span packet = make_packet(vector);
        assert_int_equal(packet.size, vector->size);
        demand_hex(vector->beginning, packet.data);
        demand_hex(vector->end, packet.data + packet.size - strlen(vector->end) / 2);
        exact_free(packet);
    }
}

static void refuses_what_was_changed(void **state) {
    (void)state;
    struct span packet = make_packet(&packet_vectors[1]);
    struct quic_keys keys = keys_of(QUIC_RFC_9000, QUIC_SERVER);
    struct quic_keys others = keys_of(QUIC_RFC_9000, QUIC_CLIENT);
    struct quic_header header;
    struct quic_opened opened;
    for (size_t at = 0; at < packet.size; at++) {
        uint8_t changed[256];
        memcpy(changed, packet.data, packet.size);
        changed[at] ^= 1U;
        struct span copy = exact_copy(changed, packet.size);
        if (quic_header_parse(copy, &header) == PARSE_OK && header.type == QUIC_INITIAL)
            assert_false(quic_packet_open(protection, &keys, &header, 0, &opened));
        exact_free(copy);
    }
    for (size_t size = 0; size < packet.size; size++) {
        struct span copy = exact_copy(packet.data, size);
        if (quic_header_parse(copy, &header) == PARSE_OK)
            assert_false(quic_packet_open(protection, &keys, &header, 0, &opened));
        exact_free(copy);
    }
    assert_int_equal(quic_header_parse(packet, &header), PARSE_OK);
    assert_false(quic_packet_open(protection, &others, &header, 0, &opened));
    assert_true(quic_packet_open(protection, &keys, &header, 0, &opened));
    exact_free(packet);
}

/* RFC 9000 appendix A.3: numbers are sent cut to one to four bytes. */
static void restores_packet_numbers(void **state) {
    (void)state;
    static const struct {
        uint64_t number;
        unsigned size;
        uint64_t expected;
    } cases[] = {
        {0, 1, 0},
        {255, 1, 0},
        {255, 1, 300},
        {256, 1, 255},
        {300, 1, 256},
        {0, 1, 127},
        {0xa82f9b32, 2, 0xa82f30eb},
        {0x10000, 2, 0xffff},
        {0xffff, 2, 0x10010},
        {0x1000000, 3, 0xfffff0},
        {0x123456789, 4, 0x123456000},
        {(UINT64_C(1) << 62U) - 1, 4, (UINT64_C(1) << 62U) - 1},
    };
    static struct bytes datagram;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct quic_keys keys = keys_of(QUIC_RFC_9000, QUIC_CLIENT);
        struct quic_header header;
        struct quic_opened opened;
        datagram.size = 0;
        wire_initial(&datagram,
                     (struct initial_plan){.keys = client_id,
                                           .number = cases[i].number,
                                           .number_size = cases[i].size},
                     NULL);
        assert_int_equal(quic_header_parse(span_of(datagram.data, datagram.size), &header),
                         PARSE_OK);
        assert_true(quic_packet_open(protection, &keys, &header, cases[i].expected, &opened));
        assert_true(opened.number == cases[i].number);
        assert_int_equal(opened.payload.size, 4 - cases[i].size);
    }
}

static void opens_the_largest_datagram(void **state) {
    (void)state;
    static struct bytes datagram;
    struct quic_keys keys = keys_of(QUIC_RFC_9000, QUIC_CLIENT);
    struct quic_header header;
    struct quic_opened opened;
    for (size_t size = 65527; size <= 65537; size++) {
        datagram.size = 0;
        wire_initial(&datagram, (struct initial_plan){.keys = client_id, .pad_to = size}, NULL);
        assert_int_equal(datagram.size, size);
        struct span copy = exact_copy(datagram.data, datagram.size);
        assert_int_equal(quic_header_parse(copy, &header), PARSE_OK);
        assert_int_equal(quic_packet_open(protection, &keys, &header, 0, &opened), size <= 65536);
        exact_free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_the_keys_of_the_rfcs),
        cmocka_unit_test(tests_make_the_packets_of_the_rfcs),
        cmocka_unit_test(opens_the_packets_of_the_rfcs),
        cmocka_unit_test(refuses_what_was_changed),
        cmocka_unit_test(restores_packet_numbers),
        cmocka_unit_test(opens_the_largest_datagram),
    };
    return cmocka_run_group_tests(tests, open_protection, close_protection);
}
