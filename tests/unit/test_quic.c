#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "quic.h"
#include "tls_messages.h"

/* 24 bytes, enough for a packet number and the shortest payload. */
#define REST "000102030405060708090a0b0c0d0e0f1011121314151617"

static struct span exact_hex(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return exact_copy(message.data, message.size);
}

static void knows_versions(void **state) {
    (void)state;
    static const struct {
        uint32_t version;
        enum quic_dialect dialect;
    } cases[] = {
        {QUIC_VERSION_1, QUIC_RFC_9000},
        {QUIC_VERSION_2, QUIC_RFC_9369},
        {0xff000015, QUIC_UNKNOWN},
        {0xff000016, QUIC_DRAFT_22},
        {0xff000017, QUIC_DRAFT_23},
        {0xff00001c, QUIC_DRAFT_23},
        {0xff00001d, QUIC_DRAFT_29},
        {0xff000020, QUIC_DRAFT_29},
        {0xff000021, QUIC_RFC_9000},
        {0xff000022, QUIC_RFC_9000},
        {0xff000023, QUIC_UNKNOWN},
        {0x709a50c4, QUIC_DRAFT_V2},
        {0xfaceb001, QUIC_DRAFT_22},
        {0xfaceb002, QUIC_DRAFT_23},
        {0xfaceb00e, QUIC_DRAFT_23},
        {0xfaceb003, QUIC_RFC_9000},
        {0x54303530, QUIC_GOOGLE_T050},
        {0x54303531, QUIC_GOOGLE_T051},
        {0x51303530 /* Q050 */, QUIC_UNKNOWN},
        {0xbabababa, QUIC_UNKNOWN},
        {0, QUIC_UNKNOWN},
        {2, QUIC_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(quic_dialect_of(cases[i].version), cases[i].dialect);
}

static void reads_varints(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        uint64_t value;
        bool is_whole;
    } cases[] = {
        {"25", 37, true},
        {"3f", 63, true},
        {"4025", 37, true}, /* not the shortest form */
        {"7bbd", 15293, true},
        {"9d7f3e7d", 494878333, true},
        {"c2197c5eff14e88c", UINT64_C(151288809941952652), true},
        {"ffffffffffffffff", UINT64_C(4611686018427387903), true},
        {"", 0, false},
        {"40", 0, false},
        {"9d7f3e", 0, false},
        {"c2197c5eff14e8", 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span bytes = exact_hex(cases[i].hex);
        struct reader reader = reader_of(bytes);
        assert_int_equal(quic_varint(&reader), cases[i].value);
        assert_int_equal(reader_done(&reader), cases[i].is_whole);
        exact_free(bytes);
    }
}

/* ---- headers ---- */

static const struct header_case {
    const char *name;
    const char *hex;
    enum parse_status status;
    enum quic_packet_type type;
    uint32_t version;
    uint8_t destination_size;
    uint8_t source_size;
    uint8_t token_size;
    uint8_t number_at;
    uint8_t packet_size;
    bool is_cut;
} header_cases[] = {
    {"Initial", "c3 00000001 02 d1d2 01 51 00 18 " REST, PARSE_OK, QUIC_INITIAL, 1, 2, 1, 0, 12, 36,
     false},
    {"Initial with a token and a long length", "c3 00000001 00 00 03 aabbcc 4018 " REST, PARSE_OK,
     QUIC_INITIAL, 1, 0, 0, 3, 13, 37, false},
    {"Initial, two in a datagram", "c3 00000001 00 00 00 18 " REST " c3 00000001 00 00 00 18",
     PARSE_OK, QUIC_INITIAL, 1, 0, 0, 0, 9, 33, false},
    {"Initial, cut", "c3 00000001 00 00 00 19 " REST, PARSE_OK, QUIC_INITIAL, 1, 0, 0, 0, 9, 33,
     true},
    {"Initial without the fixed bit", "83 00000001 00 00 00 18 " REST, PARSE_OK, QUIC_INITIAL, 1, 0,
     0, 0, 9, 33, false},
    {"Initial, longest ids",
     "c3 00000001 14 d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4 14 "
     "515253545556575859 5a5b5c5d5e5f6061626364 00 18 " REST,
     PARSE_OK, QUIC_INITIAL, 1, 20, 20, 0, 49, 73, false},
    {"Initial, id too long",
     "c3 00000001 15 d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5 00 00 18 " REST, PARSE_MALFORMED, 0,
     0, 0, 0, 0, 0, 0, false},
    {"Initial, shortest", "c3 00000001 00 00 00 14 0001020304050607 08090a0b0c0d0e0f10111213",
     PARSE_OK, QUIC_INITIAL, 1, 0, 0, 0, 9, 29, false},
    {"Initial, too short to be protected", "c3 00000001 00 00 00 13 " REST, PARSE_MALFORMED, 0, 0,
     0, 0, 0, 0, 0, false},
    {"0-RTT", "d3 00000001 00 00 18 " REST, PARSE_OK, QUIC_ZERO_RTT, 1, 0, 0, 0, 8, 32, false},
    {"Handshake", "e3 00000001 00 00 18 " REST, PARSE_OK, QUIC_HANDSHAKE, 1, 0, 0, 0, 8, 32, false},
    {"Handshake, cut", "e3 00000001 00 00 44d0 " REST, PARSE_OK, QUIC_HANDSHAKE, 1, 0, 0, 0, 9, 33,
     true},
    {"Retry", "f0 00000001 01 d1 02 5152 " REST, PARSE_OK, QUIC_RETRY, 1, 1, 2, 0, 0, 34, false},
    {"version 2 Initial", "d3 6b3343cf 00 00 00 18 " REST, PARSE_OK, QUIC_INITIAL, QUIC_VERSION_2,
     0, 0, 0, 9, 33, false},
    {"version 2 0-RTT", "e3 6b3343cf 00 00 18 " REST, PARSE_OK, QUIC_ZERO_RTT, QUIC_VERSION_2, 0, 0,
     0, 8, 32, false},
    {"version 2 Handshake", "f3 6b3343cf 00 00 18 " REST, PARSE_OK, QUIC_HANDSHAKE, QUIC_VERSION_2,
     0, 0, 0, 8, 32, false},
    {"version 2 Retry", "c0 6b3343cf 00 00 " REST, PARSE_OK, QUIC_RETRY, QUIC_VERSION_2, 0, 0, 0, 0,
     31, false},
    {"draft 29 Initial", "c3 ff00001d 00 00 00 18 " REST, PARSE_OK, QUIC_INITIAL, 0xff00001d, 0, 0,
     0, 9, 33, false},
    {"Version Negotiation", "80 00000000 01 d1 00 00000001 6b3343cf", PARSE_OK,
     QUIC_VERSION_NEGOTIATION, 0, 1, 0, 0, 0, 16, false},
    {"Version Negotiation, empty", "80 00000000 01 d1 00", PARSE_MALFORMED, 0, 0, 0, 0, 0, 0, 0,
     false},
    {"Version Negotiation, odd", "80 00000000 01 d1 00 000000016b", PARSE_MALFORMED, 0, 0, 0, 0, 0,
     0, 0, false},
    {"other version", "c0 babababa 01 d1 02 5152 0102", PARSE_OK, QUIC_OTHER_VERSION, 0xbabababa, 1,
     2, 0, 0, 12, false},
    {"other version, long id", "c0 babababa 18 " REST " 00", PARSE_OK, QUIC_OTHER_VERSION,
     0xbabababa, 24, 0, 0, 0, 31, false},
    {"short header", "40" REST, PARSE_OK, QUIC_ONE_RTT, 0, 0, 0, 0, 0, 25, false},
    {"short header, too short", "40 000102030405060708090a0b0c0d0e0f101112", PARSE_MORE, 0, 0, 0, 0,
     0, 0, 0, false},
    {"STUN", "00 01 0008 2112a442 " REST, PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0, false},
    {"DTLS", "16 feff 0000000000000000 0010 " REST, PARSE_FOREIGN, 0, 0, 0, 0, 0, 0, 0, false},
    {"nothing", "", PARSE_MORE, 0, 0, 0, 0, 0, 0, 0, false},
};

static void reads_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        const struct header_case *want = &header_cases[i];
        struct span bytes = exact_hex(want->hex);
        struct quic_header header = {0};
        enum parse_status status = quic_header_parse(bytes, &header);
        if (status != want->status)
            fail_msg("%s: status %d", want->name, (int)status);
        if (status == PARSE_OK &&
            (header.type != want->type || header.version != want->version ||
             header.destination_id.size != want->destination_size ||
             header.source_id.size != want->source_size || header.token.size != want->token_size ||
             header.number_at != want->number_at || header.packet.size != want->packet_size ||
             header.is_whole == want->is_cut))
            fail_msg("%s: type %d version %08x ids %zu %zu token %zu number at %zu size %zu cut %d",
                     want->name, (int)header.type, header.version, header.destination_id.size,
                     header.source_id.size, header.token.size, header.number_at, header.packet.size,
                     !header.is_whole);
        exact_free(bytes);
    }
}

static void gives_ids_and_versions(void **state) {
    (void)state;
    struct quic_header header;
    struct span bytes = exact_hex("80 00000000 02 d1d2 03 515253 0a0a0a0a 00000001");
    assert_int_equal(quic_header_parse(bytes, &header), PARSE_OK);
    assert_memory_equal(header.destination_id.data, "\xd1\xd2", 2);
    assert_memory_equal(header.source_id.data, "\x51\x52\x53", 3);
    assert_int_equal(header.versions.size, 8);
    assert_memory_equal(header.versions.data, "\x0a\x0a\x0a\x0a\x00\x00\x00\x01", 8);
    exact_free(bytes);
}

/* A header whose rest is not there yet is a good beginning, whatever its length says. */
static void waits_for_the_header(void **state) {
    (void)state;
    struct message message = {.size = 0};
    message_hex(&message, "c3 00000001 02 d1d2 01 51 4003 aabbcc 4018");
    for (size_t size = 0; size < message.size; size++) {
        struct span bytes = exact_copy(message.data, size);
        struct quic_header header;
        assert_int_equal(quic_header_parse(bytes, &header), PARSE_MORE);
        exact_free(bytes);
    }
}

static void feed_header(struct span bytes) {
    struct quic_header header;
    if (quic_header_parse(bytes, &header) != PARSE_OK)
        return;
    DEMAND(header.packet.data == bytes.data && header.packet.size <= bytes.size);
    DEMAND(header.packet.size != 0);
    span_walk(header.packet, bytes);
    span_walk(header.destination_id, bytes);
    span_walk(header.source_id, bytes);
    span_walk(header.token, bytes);
    span_walk(header.versions, bytes);
    DEMAND(header.versions.size % 4 == 0);
    if (header.dialect != QUIC_UNKNOWN)
        DEMAND(header.destination_id.size <= QUIC_MAX_CONNECTION_ID);
    if (header.number_at != 0 && header.is_whole)
        DEMAND(header.number_at + 20 <= header.packet.size);
}

static void headers_survive_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        struct message message = {.size = 0};
        message_hex(&message, header_cases[i].hex);
        message_feed_damaged(&message, feed_header);
    }
}

/* ---- frames ---- */

/* What a payload holds, as text: P padding, N ping, A acknowledgement, C{offset size} crypto,
 * X{code} and Y{code} closes; ! for what cannot be read. */
static const struct frame_case {
    const char *hex;
    const char *told;
    enum quic_dialect dialect;
} frame_cases[] = {
    {"", "", QUIC_RFC_9000},
    {"00", "P", QUIC_RFC_9000},
    {"0000000001", "PN", QUIC_RFC_9000},
    {"01000100000001", "NPNPN", QUIC_RFC_9000},
    {"06 00 02 aabb", "C{0 2}", QUIC_RFC_9000},
    {"06 4100 01 aa 06 4101 00 00", "C{256 1}C{257 0}P", QUIC_RFC_9000},
    {"06 ffffffffffffffff 01 aa", "C{4611686018427387903 1}", QUIC_RFC_9000},
    {"06 00 02 aa", "!", QUIC_RFC_9000},
    {"06 00 ffffffffffffffff aa", "!", QUIC_RFC_9000},
    {"01 06 00", "N!", QUIC_RFC_9000},
    {"4006 00 01 aa", "C{0 1}", QUIC_RFC_9000}, /* a type in a longer form */
    {"02 05 4064 00 02 01", "AN", QUIC_RFC_9000},
    {"02 05 00 02 00 01 01 02 02 01", "AN", QUIC_RFC_9000},
    {"02 05 00 03 00 01 01 02 02", "!", QUIC_RFC_9000},
    {"02 05 00 ffffffffffffffff 00 01 01", "!", QUIC_RFC_9000},
    {"03 05 00 00 00 01 02 03 01", "AN", QUIC_RFC_9000},
    {"03 05 00 00 00 01 02", "!", QUIC_RFC_9000},
    {"1c 4128 06 03 626164 01", "X{296}N", QUIC_RFC_9000},
    {"1c 0a 00 00", "X{10}", QUIC_RFC_9000},
    {"1c 0a 00 01", "!", QUIC_RFC_9000},
    {"1d 4101 03 626164 00", "Y{257}P", QUIC_RFC_9000},
    {"1d 4101 04 626164", "!", QUIC_RFC_9000},
    {"07 00", "!", QUIC_RFC_9000}, /* NEW_TOKEN and the rest of them */
    {"08 00", "!", QUIC_RFC_9000},
    {"1e", "!", QUIC_RFC_9000},
    {"7fff", "!", QUIC_RFC_9000},
    {"40", "!", QUIC_RFC_9000},
    {"07 08 00 02 aabb 00", "NC{0 2}P", QUIC_GOOGLE_T050},
    {"40 01 0000 01 00 07", "AN", QUIC_GOOGLE_T050},
    {"65 0001 0000 02 0001 03 0001 04 0002 00 07", "AN", QUIC_GOOGLE_T051},
    {"60 01 0000 01 01 03 0001 07", "!", QUIC_GOOGLE_T051},
    {"40 01 0000 01 02 01 02030405 010203 07", "AN", QUIC_GOOGLE_T050},
    {"40 01 0000 01 02 01 02030405 0102", "!", QUIC_GOOGLE_T050},
    {"02 0000001c 0003 626164 07", "Y{28}N", QUIC_GOOGLE_T050},
    {"02 0000001c 0003 6261", "!", QUIC_GOOGLE_T050},
    {"06 00 02 aabb", "!", QUIC_GOOGLE_T050},
};

static void tell_frames(struct span frames, enum quic_dialect dialect, char *told, size_t size) {
    struct quic_frame frame;
    size_t used = 0;
    told[0] = '\0';
    while (quic_frame_next(&frames, dialect, &frame)) {
        int added = 0;
        switch (frame.type) {
        case QUIC_PADDING:
            added = snprintf(told + used, size - used, "P");
            break;
        case QUIC_PING:
            added = snprintf(told + used, size - used, "N");
            break;
        case QUIC_ACK:
        case QUIC_ACK_ECN:
            added = snprintf(told + used, size - used, "A");
            break;
        case QUIC_CRYPTO:
            added = snprintf(told + used, size - used, "C{%llu %zu}",
                             (unsigned long long)frame.offset, frame.data.size);
            break;
        case QUIC_CONNECTION_CLOSE:
        case QUIC_APPLICATION_CLOSE:
            added = snprintf(told + used, size - used, "%c{%llu}",
                             frame.type == QUIC_CONNECTION_CLOSE ? 'X' : 'Y',
                             (unsigned long long)frame.error_code);
            break;
        }
        used += (size_t)added;
        DEMAND(used < size);
    }
    if (frames.size != 0)
        snprintf(told + used, size - used, "!");
}

static void reads_frames(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frame_cases / sizeof frame_cases[0]; i++) {
        struct span bytes = exact_hex(frame_cases[i].hex);
        char told[256];
        tell_frames(bytes, frame_cases[i].dialect, told, sizeof told);
        if (strcmp(told, frame_cases[i].told) != 0)
            fail_msg("%s: %s instead of %s", frame_cases[i].hex, told, frame_cases[i].told);
        exact_free(bytes);
    }
}

static void padding_ends_where_it_ends(void **state) {
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        uint8_t bytes[64] = {0};
        bytes[size] = QUIC_PING;
        struct span copy = exact_copy(bytes, size + 1);
        struct span frames = copy;
        struct quic_frame frame;
        assert_true(quic_frame_next(&frames, QUIC_RFC_9000, &frame));
        assert_int_equal(frame.type, QUIC_PADDING);
        assert_int_equal(frames.size, 1);
        exact_free(copy);
    }
}

static void feed_frames_of(struct span bytes, enum quic_dialect dialect) {
    struct span frames = bytes;
    struct quic_frame frame;
    size_t left = frames.size;
    while (quic_frame_next(&frames, dialect, &frame)) {
        DEMAND(frames.size < left);
        left = frames.size;
        span_walk(frame.data, bytes);
    }
    span_walk(frames, bytes);
}

static void feed_frames(struct span bytes) {
    feed_frames_of(bytes, QUIC_RFC_9000);
    feed_frames_of(bytes, QUIC_GOOGLE_T050);
}

static void frames_survive_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frame_cases / sizeof frame_cases[0]; i++) {
        struct message message = {.size = 0};
        message_hex(&message, frame_cases[i].hex);
        message_feed_damaged(&message, feed_frames);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_versions),        cmocka_unit_test(reads_varints),
        cmocka_unit_test(reads_headers),         cmocka_unit_test(gives_ids_and_versions),
        cmocka_unit_test(waits_for_the_header),  cmocka_unit_test(headers_survive_damage),
        cmocka_unit_test(reads_frames),          cmocka_unit_test(padding_ends_where_it_ends),
        cmocka_unit_test(frames_survive_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
