/*
 * test_ech.c - the encrypted_client_hello extension: both types, every damage, and the padding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ech.h"
#include "tls_messages.h"

static const struct ech_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    enum ech_type type;
    uint8_t config_id;
    size_t enc_size;
    size_t payload_size;
} cases[] = {
    {"outer", "00 0001 0003 2a 0004 e0e1e2e3 0003 b0b1b2", PARSE_OK, ECH_TYPE_OUTER, 0x2a, 4, 3},
    {"outer after a retry", "00 0001 0003 2a 0000 0003 b0b1b2", PARSE_OK, ECH_TYPE_OUTER, 0x2a, 0,
     3},
    {"inner", "01", PARSE_OK, ECH_TYPE_INNER, 0, 0, 0},
    {"nothing", "", PARSE_MALFORMED, 0, 0, 0, 0},
    {"unknown type", "02", PARSE_MALFORMED, 0, 0, 0, 0},
    {"unknown type with content", "02 0001 0003 2a 0000 0001 b0", PARSE_MALFORMED, 0, 0, 0, 0},
    {"inner with content", "01 00", PARSE_MALFORMED, 0, 0, 0, 0},
    {"outer without payload", "00 0001 0003 2a 0000 0000", PARSE_MALFORMED, 0, 0, 0, 0},
    {"bytes behind the payload", "00 0001 0003 2a 0000 0001 b0 00", PARSE_MALFORMED, 0, 0, 0, 0},
    {"share past the end", "00 0001 0003 2a 0009 e0e1 0001 b0", PARSE_MALFORMED, 0, 0, 0, 0},
};

static void reads_both_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ech_case *want = &cases[i];
        print_message("  %s\n", want->name);
        struct message message = {.size = 0};
        message_hex(&message, want->hex);
        struct span data = exact_copy(message.data, message.size);
        struct ech_extension ech = {.config_id = 0x99};
        assert_int_equal(ech_extension_parse(data, &ech), want->wanted);
        if (want->wanted != PARSE_OK) {
            assert_int_equal(ech.config_id, 0x99); /* not written */
        } else {
            assert_int_equal(ech.type, want->type);
            assert_int_equal(ech.config_id, want->config_id);
            assert_int_equal(ech.kdf_id, want->type == ECH_TYPE_OUTER ? 1 : 0);
            assert_int_equal(ech.aead_id, want->type == ECH_TYPE_OUTER ? 3 : 0);
            assert_int_equal(ech.enc.size, want->enc_size);
            assert_int_equal(ech.payload.size, want->payload_size);
        }
        exact_free(data);
    }
}

static void tells_padding(void **state) {
    (void)state;
    static const struct {
        size_t size;
        bool is_padded;
    } sizes[] = {{144, true},  {176, true},  {208, true}, {240, true}, {16, true},
                 {239, false}, {207, false}, {32, false}, {1, false},  {0, false}};
    static const uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct ech_extension ech = {.payload = span_of(bytes, sizes[i].size)};
        assert_int_equal(ech_extension_is_padded(&ech), sizes[i].is_padded);
    }
}

static void feed(struct span data) {
    struct ech_extension ech;
    if (ech_extension_parse(data, &ech) != PARSE_OK)
        return;
    span_walk(ech.enc, data);
    span_walk(ech.payload, data);
    DEMAND(ech.type == ECH_TYPE_INNER || ech.payload.size != 0);
}

static void survives_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message message = {.size = 0};
        message_hex(&message, cases[i].hex);
        message_feed_damaged(&message, feed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_types),
        cmocka_unit_test(tells_padding),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
