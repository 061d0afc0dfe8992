/*
 * test_record.c - record headers and cleartext alerts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_messages.h"
#include "tls_record.h"

static const struct header_case {
    const char *name;
    const char *hex;
    enum parse_status wanted;
    uint8_t type;
    uint16_t version;
    uint16_t length;
} header_cases[] = {
    {"ClientHello's", "1603010200", PARSE_OK, TLS_HANDSHAKE, 0x0301, 512},
    {"alert", "1503030002", PARSE_OK, TLS_ALERT, 0x0303, 2},
    {"change_cipher_spec", "1403030001 01", PARSE_OK, TLS_CHANGE_CIPHER_SPEC, 0x0303, 1},
    {"heartbeat", "1803020003", PARSE_OK, TLS_HEARTBEAT, 0x0302, 3},
    {"SSLv3", "1603000040", PARSE_OK, TLS_HANDSHAKE, 0x0300, 64},
    {"draft's version", "167f120040", PARSE_OK, TLS_HANDSHAKE, 0x7f12, 64},
    {"odd minor version", "1603ff0040", PARSE_OK, TLS_HANDSHAKE, 0x03ff, 64},
    {"no fragment", "1703030000", PARSE_OK, TLS_APPLICATION_DATA, 0x0303, 0},
    {"largest ciphertext", "1703034800", PARSE_OK, TLS_APPLICATION_DATA, 0x0303, 18432},
    {"too large", "1703034801", PARSE_FOREIGN, 0, 0, 0},
    {"nothing", "", PARSE_MORE, 0, 0, 0},
    {"type alone", "16", PARSE_MORE, 0, 0, 0},
    {"four bytes", "16030102", PARSE_MORE, 0, 0, 0},
    {"type below", "13", PARSE_FOREIGN, 0, 0, 0},
    {"type above", "19", PARSE_FOREIGN, 0, 0, 0},
    {"text", "47455420", PARSE_FOREIGN, 0, 0, 0},
    {"other major version", "1602", PARSE_FOREIGN, 0, 0, 0},
    {"DTLS", "16fefd", PARSE_FOREIGN, 0, 0, 0},
};

static void reads_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(header_cases) / sizeof(header_cases[0]); i++) {
        const struct header_case *want = &header_cases[i];
        print_message("  %s\n", want->name);
        struct message message = {.size = 0};
        message_hex(&message, want->hex);
        struct span bytes = exact_copy(message.data, message.size);
        struct tls_record_header header = {0};
        assert_int_equal(tls_record_header_parse(bytes, &header), want->wanted);
        assert_int_equal(header.type, want->type);
        assert_int_equal(header.version, want->version);
        assert_int_equal(header.length, want->length);
        exact_free(bytes);
    }
}

static void reads_alerts(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        enum parse_status wanted;
        uint8_t level;
        uint8_t description;
    } cases[] = {
        {"0228", PARSE_OK, 2, 40},
        {"0100", PARSE_OK, 1, 0},
        {"02ff", PARSE_OK, 2, 255}, /* unknown descriptions are data */
        {"0028", PARSE_MALFORMED, 0, 0},
        {"0328", PARSE_MALFORMED, 0, 0},
        {"", PARSE_MALFORMED, 0, 0},
        {"02", PARSE_MALFORMED, 0, 0},
        {"022800", PARSE_MALFORMED, 0, 0},
        {"02280228", PARSE_MALFORMED, 0, 0},
        {"0000000000000001aabbccddeeff00112233445566778899aabb", PARSE_MALFORMED, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message message = {.size = 0};
        message_hex(&message, cases[i].hex);
        struct span fragment = exact_copy(message.data, message.size);
        struct tls_alert alert = {0};
        assert_int_equal(tls_alert_parse(fragment, &alert), cases[i].wanted);
        assert_int_equal(alert.level, cases[i].level);
        assert_int_equal(alert.description, cases[i].description);
        exact_free(fragment);
    }
}

static void feed_record(struct span bytes) {
    struct tls_record_header header;
    struct tls_alert alert;
    if (tls_record_header_parse(bytes, &header) == PARSE_OK) {
        DEMAND(bytes.size >= TLS_RECORD_HEADER_SIZE);
        DEMAND(header.length <= TLS_RECORD_MAX_FRAGMENT);
    }
    if (tls_alert_parse(bytes, &alert) == PARSE_OK)
        DEMAND(bytes.size == 2);
}

static void survives_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(header_cases) / sizeof(header_cases[0]); i++) {
        struct message message = {.size = 0};
        message_hex(&message, header_cases[i].hex);
        message_feed_damaged(&message, feed_record);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_headers),
        cmocka_unit_test(reads_alerts),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
