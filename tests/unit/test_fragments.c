/* Fragments to datagrams: every order, overlaps that agree and that do not, and every cap. */
#include "fragments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMEOUT_US = 30000000, TCP_HEADER_SIZE = 20, BODY_SIZE = 65536 };

/* One datagram: a TCP header, then bytes that differ from each other. */
static uint8_t body[BODY_SIZE];

static int set_up_body(void **state) {
    (void)state;
    static const uint8_t header[TCP_HEADER_SIZE] = {0xc0, 0x01, 0x01, 0xbb, 0, 0, 0, 1, 0, 0,
                                                    0,    2,    0x50, 0x18, 1, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 31 + i / 251);
    memcpy(body, header, sizeof header);
    return 0;
}

/* A fragment of the datagram `id`. */
static struct packet piece_of(uint32_t id, size_t offset, size_t size, bool more) {
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_TCP,
                            .hop_limit = 64,
                            .source = {{192, 0, 2, 1}},
                            .destination = {{198, 51, 100, 2}},
                            .ip_id = id,
                            .has = PACKET_HAS_IP_ID,
                            .is_fragment = true,
                            .more_fragments = more,
                            .fragment_offset = (uint32_t)offset,
                            .payload = span_of(body + offset, size),
                            .payload_size_wire = size};
    return packet;
}

/* The fragment from an exact-size heap block, so that a sanitizer sees every read past the end. */
static bool add_at(struct fragments *fragments, struct packet *packet, uint64_t time_us) {
    size_t size = packet->payload.size;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, packet->payload.data, size);
    packet->payload = span_of(copy, size);
    bool whole = fragments_add(fragments, packet, time_us) == FRAGMENT_WHOLE;
    free(copy);
    return whole;
}

static bool add(struct fragments *fragments, uint32_t id, size_t offset, size_t size, bool more) {
    struct packet packet = piece_of(id, offset, size, more);
    return add_at(fragments, &packet, 1000000);
}

static void assert_whole(const struct packet *packet, size_t size) {
    assert_false(packet->is_fragment);
    assert_int_equal(packet->source_port, 0xc001);
    assert_int_equal(packet->destination_port, 443);
    assert_int_equal(packet->payload.size, size - TCP_HEADER_SIZE);
    assert_int_equal(packet->payload_size_wire, size - TCP_HEADER_SIZE);
    assert_memory_equal(packet->payload.data, body + TCP_HEADER_SIZE, size - TCP_HEADER_SIZE);
}

static void assert_counts(const struct fragments *fragments, struct fragment_counts expected) {
    struct fragment_counts counts = fragments_counts(fragments);
    assert_int_equal(counts.reassembled, expected.reassembled);
    assert_int_equal(counts.expired, expected.expired);
    assert_int_equal(counts.evicted, expected.evicted);
    assert_int_equal(counts.contradictory, expected.contradictory);
    assert_int_equal(counts.malformed, expected.malformed);
}

/* The `nth` order of five things, as a number in the factorial system. */
static void order_of(unsigned nth, size_t order[5]) {
    size_t left[5] = {0, 1, 2, 3, 4};
    unsigned factorial = 24;
    for (unsigned i = 0; i < 5; i++) {
        unsigned pick = nth / factorial;
        nth %= factorial;
        order[i] = left[pick];
        memmove(left + pick, left + pick + 1, (4 - i - pick) * sizeof *left);
        if (i < 4)
            factorial /= 4 - i;
    }
}

static void test_every_order(void **state) {
    (void)state;
    static const size_t borders[6] = {0, 8, 24, 1024, 1032, 1501};
    struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
    for (unsigned nth = 0; nth < 120; nth++) {
        size_t order[5];
        order_of(nth, order);
        for (size_t i = 0; i < 5; i++) {
            size_t start = borders[order[i]];
            struct packet packet =
                piece_of(nth, start, borders[order[i] + 1] - start, order[i] != 4);
            packet.hop_limit = (uint8_t)(order[i] == 0 ? 64 : 1);
            assert_int_equal(add_at(fragments, &packet, nth), i == 4);
            if (i < 4)
                continue;
            assert_whole(&packet, 1501);
            assert_int_equal(packet.hop_limit, 64); /* the first fragment's */
            assert_int_equal(packet.ip_id, nth);
        }
    }
    assert_counts(fragments, (struct fragment_counts){.reassembled = 120});
    fragments_delete(fragments);
}

static void test_largest(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
    for (size_t offset = 0; offset < 65528; offset += 1448) {
        size_t size = 65528 - offset < 1448 ? 65528 - offset : 1448;
        assert_false(add(fragments, 1, offset, size, true));
    }
    struct packet last = piece_of(1, 65528, 7, false);
    assert_true(add_at(fragments, &last, 1000000));
    assert_whole(&last, 65535);
    assert_false(add(fragments, 2, 65528, 8, false)); /* one byte more */
    assert_counts(fragments, (struct fragment_counts){.reassembled = 1, .malformed = 1});
    fragments_delete(fragments);
}

struct step {
    size_t offset;
    size_t size;
    bool more;
    bool changed; /* its last byte differs from the datagram's */
};

static const struct overlap_case {
    const char *name;
    struct step steps[5]; /* up to the first of size 0 */
    bool whole;
    bool contradictory;
} overlap_cases[] = {
    {"no overlap", {{0, 64, true, false}, {64, 30, false, false}}, true, false},
    {"twice the same",
     {{0, 64, true, false}, {0, 64, true, false}, {64, 30, false, false}},
     true,
     false},
    {"the last twice",
     {{64, 30, false, false}, {64, 30, false, false}, {0, 64, true, false}},
     true,
     false},
    {"in part", {{0, 64, true, false}, {32, 64, true, false}, {96, 9, false, false}}, true, false},
    {"one covers all",
     {{8, 8, true, false}, {24, 8, true, false}, {0, 94, false, false}},
     true,
     false},
    {"last over middle", {{0, 64, true, false}, {32, 40, false, false}}, true, false},
    {"other bytes",
     {{0, 64, true, false}, {32, 32, true, true}, {64, 8, false, false}},
     false,
     true},
    {"other bytes first",
     {{32, 32, true, true}, {0, 64, true, false}, {64, 8, false, false}},
     false,
     true},
    {"other bytes in the last",
     {{64, 30, false, true}, {64, 30, false, false}, {0, 64, true, false}},
     false,
     true},
    {"two ends, shorter second",
     {{64, 30, false, false}, {64, 29, false, false}, {0, 64, true, false}},
     false,
     true},
    {"two ends, longer second",
     {{64, 30, false, false}, {64, 31, false, false}, {0, 64, true, false}},
     false,
     true},
    {"more behind the end",
     {{64, 30, false, false}, {96, 8, true, false}, {0, 64, true, false}},
     false,
     true},
    {"more up to the end",
     {{64, 32, false, false}, {88, 8, true, false}, {0, 64, true, false}},
     false,
     true},
    {"end before more",
     {{96, 8, true, false}, {64, 30, false, false}, {0, 64, true, false}},
     false,
     true},
    {"end where more ends",
     {{88, 8, true, false}, {64, 32, false, false}, {0, 64, true, false}},
     false,
     true},
    {"a hole", {{0, 64, true, false}, {72, 8, false, false}}, false, false},
    {"no end", {{0, 64, true, false}, {64, 64, true, false}}, false, false},
    {"no start", {{8, 64, true, false}, {72, 8, false, false}}, false, false},
};

static void test_overlaps(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof overlap_cases / sizeof *overlap_cases; i++) {
        const struct overlap_case *overlap = &overlap_cases[i];
        struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
        bool whole = false;
        size_t end = 0;
        print_message("%s\n", overlap->name);
        for (size_t n = 0; n < 5 && overlap->steps[n].size > 0; n++) {
            const struct step *step = &overlap->steps[n];
            struct packet packet = piece_of(7, step->offset, step->size, step->more);
            uint8_t changed[128];
            memcpy(changed, packet.payload.data, step->size);
            if (step->changed)
                changed[step->size - 1] ^= 0x80U;
            packet.payload.data = changed;
            end = step->offset + step->size > end ? step->offset + step->size : end;
            whole = add_at(fragments, &packet, 1000000);
            if (whole)
                assert_whole(&packet, end);
        }
        assert_int_equal(whole, overlap->whole);
        assert_counts(fragments, (struct fragment_counts){.reassembled = overlap->whole,
                                                          .contradictory = overlap->contradictory});
        fragments_delete(fragments);
    }
}

/* RFC 5722: a dropped datagram stays dropped, also for the fragments not yet received. */
static void test_dropped_stays_dropped(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct packet packet = piece_of(7, 0, 64, true);
    assert_false(add_at(fragments, &packet, 0));
    packet = piece_of(7, 0, 64, true);
    packet.payload.data = body + 8;
    assert_false(add_at(fragments, &packet, 0));
    packet = piece_of(7, 0, 64, true);
    assert_false(add_at(fragments, &packet, 0));
    packet = piece_of(7, 64, 9, false);
    assert_false(add_at(fragments, &packet, TIMEOUT_US - 1));
    assert_counts(fragments, (struct fragment_counts){.contradictory = 1});
    /* After the timeout the identification is free again. */
    packet = piece_of(7, 0, 64, true);
    assert_false(add_at(fragments, &packet, TIMEOUT_US));
    packet = piece_of(7, 64, 9, false);
    assert_true(add_at(fragments, &packet, TIMEOUT_US));
    assert_counts(fragments, (struct fragment_counts){.contradictory = 1, .reassembled = 1});
    fragments_delete(fragments);
}

/* A contradiction is told once, with addresses and ports, as soon as those are known. */
static const struct told_case {
    const char *name;
    struct step steps[5]; /* up to the first of size 0 */
    size_t told;          /* which step tells it; 5: none */
} told_cases[] = {
    {"the middle", {{0, 64, true, false}, {64, 8, true, false}, {64, 8, true, true}}, 2},
    {"once only",
     {{0, 64, true, false}, {64, 8, true, true}, {64, 8, true, false}, {0, 64, true, true}},
     2},
    {"the first fragment's, eight bytes long",
     {{0, 8, true, false}, {8, 8, true, false}, {8, 8, true, true}},
     2},
    {"two first fragments", {{0, 64, true, false}, {0, 64, true, true}}, 1},
    {"two last fragments before the first",
     {{64, 9, false, false}, {64, 9, false, true}, {72, 1, false, false}, {0, 64, true, false}},
     3},
    {"a first fragment that contradicts", {{32, 32, true, true}, {0, 64, true, false}}, 1},
    {"two ends, after it was whole",
     {{0, 64, true, false}, {64, 9, false, false}, {64, 8, false, false}},
     5},
    {"two ends, the second one longer",
     {{0, 64, true, false}, {72, 9, false, false}, {72, 10, false, false}},
     2},
    {"no first fragment", {{64, 9, false, false}, {64, 9, false, true}, {32, 8, true, false}}, 5},
};

static void test_contradiction_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof told_cases / sizeof *told_cases; i++) {
        struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
        print_message("%s\n", told_cases[i].name);
        for (size_t n = 0; n < 5 && told_cases[i].steps[n].size > 0; n++) {
            const struct step *step = &told_cases[i].steps[n];
            struct packet packet = piece_of(7, step->offset, step->size, step->more);
            uint8_t *changed = malloc(step->size);
            assert_non_null(changed);
            memcpy(changed, packet.payload.data, step->size);
            changed[step->size - 1] ^= step->changed ? 0x80U : 0;
            packet.payload.data = changed;
            enum fragment_result result = fragments_add(fragments, &packet, 1000000);
            free(changed);
            assert_int_equal(result == FRAGMENT_CONTRADICTS, n == told_cases[i].told);
            if (n != told_cases[i].told)
                continue;
            assert_int_equal(packet.source.bytes[0], 192);
            assert_int_equal(packet.destination.bytes[0], 198);
            assert_int_equal(packet.protocol, IP_PROTOCOL_TCP);
            assert_int_equal(packet.source_port, 0xc001);
            assert_int_equal(packet.destination_port, 443);
        }
        fragments_delete(fragments);
    }
}

/* An identification may have come round again. */
static void test_contradiction_told_late(void **state) {
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
        struct packet packet = piece_of(7, 0, 64, true);
        assert_int_equal(fragments_add(fragments, &packet, 5), FRAGMENT_HELD);
        packet = piece_of(7, 0, 64, true);
        packet.payload.data = body + 8;
        assert_int_equal(fragments_add(fragments, &packet, 5 + 1000000 + late),
                         late ? FRAGMENT_HELD : FRAGMENT_CONTRADICTS);
        assert_counts(fragments, (struct fragment_counts){.contradictory = 1});
        fragments_delete(fragments);
    }
}

/* The next capture may hold the same packets, at the same times. */
static void test_end(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
    for (unsigned capture = 0; capture < 3; capture++) {
        assert_false(add(fragments, 7, 0, 64, true));
        assert_true(add(fragments, 7, 64, 9, false));
        assert_false(add(fragments, 8, 0, 64, true));
        fragments_end(fragments);
        assert_false(add(fragments, 8, 64, 9, false));
        fragments_end(fragments);
    }
    assert_counts(fragments, (struct fragment_counts){.reassembled = 3, .expired = 6});
    fragments_delete(fragments);
}

static void test_seen_twice(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
    assert_false(add(fragments, 7, 0, 64, true));
    assert_false(add(fragments, 7, 0, 64, true));
    assert_true(add(fragments, 7, 64, 9, false));
    assert_false(add(fragments, 7, 64, 9, false));
    assert_false(add(fragments, 7, 0, 64, true));
    assert_counts(fragments, (struct fragment_counts){.reassembled = 1});
    /* The same identification with other bytes is another datagram. */
    struct packet first = piece_of(7, 0, 64, true);
    uint8_t other[64];
    memcpy(other, body, sizeof other);
    other[40] ^= 1U;
    first.payload.data = other;
    assert_false(add_at(fragments, &first, 1000000));
    assert_true(add(fragments, 7, 64, 9, false));
    assert_counts(fragments, (struct fragment_counts){.reassembled = 2});
    fragments_delete(fragments);
}

static void test_timeout(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct packet packet = piece_of(1, 0, 64, true);
    assert_false(add_at(fragments, &packet, 5000));
    packet = piece_of(2, 0, 64, true);
    assert_false(add_at(fragments, &packet, 6000));
    /* Time that steps back makes nothing old. */
    packet = piece_of(3, 0, 64, true);
    assert_false(add_at(fragments, &packet, 10));
    packet = piece_of(1, 64, 8, false);
    assert_false(add_at(fragments, &packet, 5000 + TIMEOUT_US));
    assert_counts(fragments, (struct fragment_counts){.expired = 1});
    packet = piece_of(2, 64, 8, false);
    assert_true(add_at(fragments, &packet, 5999 + TIMEOUT_US));
    assert_counts(fragments, (struct fragment_counts){.expired = 1, .reassembled = 1});
    /* All of them, complete ones uncounted. */
    packet = piece_of(9, 0, 64, true);
    assert_false(add_at(fragments, &packet, UINT64_MAX));
    assert_counts(fragments, (struct fragment_counts){.expired = 3, .reassembled = 1});
    fragments_delete(fragments);
}

static void test_eviction(void **state) {
    (void)state;
    for (size_t places = 1; places <= 9; places++) {
        struct fragments *fragments = fragments_new(places, TIMEOUT_US, PACKET_MAX_TUNNELS);
        for (uint32_t id = 0; id < 2 * places; id++)
            assert_false(add(fragments, id, 0, 64, true));
        assert_counts(fragments, (struct fragment_counts){.evicted = places});
        /* The younger half is there still, and is complete with its second fragments. */
        for (uint32_t id = (uint32_t)places; id < 2 * places; id++)
            assert_true(add(fragments, id, 64, 5, false));
        assert_counts(fragments,
                      (struct fragment_counts){.evicted = places, .reassembled = places});
        /* Complete ones make room without loss; the older half is really gone. */
        for (uint32_t id = 0; id < places; id++)
            assert_false(add(fragments, id, 64, 5, false));
        assert_counts(fragments,
                      (struct fragment_counts){.evicted = places, .reassembled = places});
        fragments_delete(fragments);
    }
}

/* A flood over few places: each one is evicted once and nothing else happens. */
static void test_flood(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(16, TIMEOUT_US, PACKET_MAX_TUNNELS);
    for (uint32_t id = 0; id < 20000; id++)
        assert_false(add(fragments, id * 2654435761U, (size_t)(id % 7) * 8, 8, true));
    assert_counts(fragments, (struct fragment_counts){.evicted = 20000 - 16});
    fragments_delete(fragments);
}

static void test_unusable(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
    assert_false(add(fragments, 1, 0, 0, true));
    assert_false(add(fragments, 1, 64, 0, false));
    assert_false(add(fragments, 1, 0, 63, true)); /* not on a unit's border, and more follow */
    struct packet cut = piece_of(1, 0, 64, true);
    cut.payload_size_wire = 128;
    assert_false(add_at(fragments, &cut, 0));
    assert_counts(fragments, (struct fragment_counts){.malformed = 4});
    /* None of them left a trace. */
    assert_false(add(fragments, 1, 0, 64, true));
    assert_true(add(fragments, 1, 64, 8, false));
    /* Whole, but no TCP header inside. */
    assert_false(add(fragments, 2, 0, 8, true));
    assert_false(add(fragments, 2, 8, 8, false));
    assert_counts(fragments, (struct fragment_counts){.malformed = 5, .reassembled = 1});
    fragments_delete(fragments);
}

/* What makes two fragments belong to different datagrams. */
static void test_key(void **state) {
    (void)state;
    static const char *const differences[] = {"source",  "destination", "id",
                                              "version", "protocol",    "vlan"};
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
        assert_false(add(fragments, 7, 0, 64, true));
        struct packet last = piece_of(7, 64, 9, false);
        print_message("%s\n", differences[i]);
        last.source.bytes[3] ^= i == 0;
        last.destination.bytes[15] ^= i == 1;
        last.ip_id ^= i == 2 ? 0x10000U : 0;
        last.ip_version = i == 3 ? 6 : 4;
        last.protocol = i == 4 ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP;
        last.vlan_count = i == 5;
        assert_false(add_at(fragments, &last, 1000000));
        assert_true(add(fragments, 7, 64, 9, false));
        fragments_delete(fragments);
    }
}

/* In IPv6 only the first fragment's protocol counts, and extension headers may be fragmented. */
static void test_ipv6(void **state) {
    (void)state;
    static const uint8_t destination_options[8] = {IP_PROTOCOL_TCP, 0, 1, 4, 0, 0, 0, 0};
    struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct packet second = piece_of(0xdeadbeef, 0, 40, false);
    second.ip_version = 6;
    second.fragment_offset = 8;
    second.protocol = IP_PROTOCOL_UDP;
    assert_false(add_at(fragments, &second, 0));
    struct packet first = piece_of(0xdeadbeef, 0, 8, true);
    first.ip_version = 6;
    first.protocol = 60;
    first.payload.data = destination_options;
    assert_true(add_at(fragments, &first, 0));
    assert_whole(&first, 40);
    assert_int_equal(first.protocol, IP_PROTOCOL_TCP);
    assert_int_equal(first.ip_id, 0xdeadbeef);
    fragments_delete(fragments);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_dropped_stays_dropped),
        cmocka_unit_test(test_seen_twice),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_contradiction_told),
        cmocka_unit_test(test_contradiction_told_late),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests_name("fragments", tests, set_up_body, NULL);
}
