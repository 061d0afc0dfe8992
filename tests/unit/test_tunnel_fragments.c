/* Fragments of tunnels and in tunnels: whatever was cut, outside, inside or at every level, comes
 * out as the packet that was sent. Fragments by themselves: test_fragments.c. */
#include "fragments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frames.h"

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

enum { TIMEOUT_US = 30000000, IPV4_HEADER_SIZE = 20, IPV6_HEADER_SIZE = 40, FRAGMENT_HEADER = 8 };

/* A piece of an IPv4 packet's payload, as a packet. */
static struct frame piece_of_v4(const struct frame *whole, uint16_t id, size_t offset,
                                size_t size) {
    size_t body_size = whole->size - IPV4_HEADER_SIZE;
    size = size < body_size - offset ? size : body_size - offset;
    struct frame piece = {.size = IPV4_HEADER_SIZE + size};
    memcpy(piece.bytes, whole->bytes, IPV4_HEADER_SIZE);
    memcpy(piece.bytes + IPV4_HEADER_SIZE, whole->bytes + IPV4_HEADER_SIZE + offset, size);
    bool more = offset + size < body_size;
    piece.bytes[2] = (uint8_t)(piece.size >> 8U);
    piece.bytes[3] = (uint8_t)piece.size;
    piece.bytes[4] = (uint8_t)(id >> 8U);
    piece.bytes[5] = (uint8_t)id;
    piece.bytes[6] = (uint8_t)((more ? 0x20U : 0U) | offset >> 11U);
    piece.bytes[7] = (uint8_t)(offset >> 3U);
    return piece;
}

static struct frame piece_of_v6(const struct frame *whole, uint16_t id, size_t offset,
                                size_t size) {
    size_t body_size = whole->size - IPV6_HEADER_SIZE;
    size = size < body_size - offset ? size : body_size - offset;
    struct frame piece = {.size = IPV6_HEADER_SIZE + FRAGMENT_HEADER + size};
    bool more = offset + size < body_size;
    const uint8_t header[FRAGMENT_HEADER] = {
        whole->bytes[6],     0,          (uint8_t)(offset >> 8U), (uint8_t)(offset | more), 0, 0,
        (uint8_t)(id >> 8U), (uint8_t)id};
    memcpy(piece.bytes, whole->bytes, IPV6_HEADER_SIZE);
    memcpy(piece.bytes + IPV6_HEADER_SIZE, header, sizeof header);
    memcpy(piece.bytes + IPV6_HEADER_SIZE + FRAGMENT_HEADER,
           whole->bytes + IPV6_HEADER_SIZE + offset, size);
    piece.bytes[4] = (uint8_t)((FRAGMENT_HEADER + size) >> 8U);
    piece.bytes[5] = (uint8_t)(FRAGMENT_HEADER + size);
    piece.bytes[6] = 44;
    return piece;
}

static struct frame piece_of(const struct frame *whole, uint16_t id, size_t offset, size_t size) {
    return whole->bytes[0] >> 4U == 4 ? piece_of_v4(whole, id, offset, size)
                                      : piece_of_v6(whole, id, offset, size);
}

/* What the pipeline does with a packet: FRAGMENT_WHOLE also for one that was never cut. */
static enum fragment_result tap(struct fragments *fragments, const struct frame *frame,
                                unsigned max_tunnels, struct packet *packet) {
    uint8_t *copy = frame_copy(frame->bytes, frame->size);
    enum parse_status status =
        packet_decode(LINK_RAW, span_of(copy, frame->size), frame->size, max_tunnels, packet);
    assert_int_equal(status, PARSE_OK);
    enum fragment_result result = FRAGMENT_WHOLE;
    for (unsigned rounds = 0; result == FRAGMENT_WHOLE && packet->is_fragment; rounds++) {
        assert_true(rounds <= PACKET_MAX_TUNNELS);
        result = fragments_add(fragments, packet, 1000000);
    }
    free(copy);
    return result;
}

static void assert_inner(const struct packet *packet) {
    static const uint8_t data[] = {0x16, 3, 1, 0, 5};
    assert_false(packet->is_fragment);
    assert_int_equal(packet->source_port, 49153);
    assert_int_equal(packet->destination_port, 443);
    assert_int_equal(packet->hop_limit, 64);
    assert_true(span_equal(packet->payload, span_of(data, sizeof data)));
}

/* Around an IPv4 packet, the number of tunnels and the last one's type. */
static const struct {
    const char *recipe;
    unsigned count;
    enum tunnel_type type;
} tunnels[] = {
    {"v4:2f:1 20000800 0000002a", 1, TUNNEL_GRE},
    {"v4:04:1", 1, TUNNEL_IPIP},
    {"v6:04:1", 1, TUNNEL_IPIP},
    {"v4:11:1 udp:50000:4789 0800000000002a00 eth:0800", 1, TUNNEL_VXLAN},
    {"v6:11:1 udp:50000:6081 0000080000002a00", 1, TUNNEL_GENEVE},
    {"v4:11:1 udp:50000:2152 30ffLLLL0000002a", 1, TUNNEL_GTP_U},
    {"v4:2f:1 100088be 00000001 10640465 00000003 eth:0800", 1, TUNNEL_ERSPAN},
    {"v4:11:1 udp:1701:1701 0002000a0014 0021", 1, TUNNEL_L2TP},
    {"v4:2f:1 00006558 eth:8864 1100002aLLLL 0021", 2, TUNNEL_PPPOE},
};

/* The last of `count` frames completes the packet. */
static void assert_sequence(const struct frame *frames, size_t count, size_t tunnel) {
    for (unsigned reversed = 0; reversed < 2; reversed++) {
        struct fragments *fragments = fragments_new(8, TIMEOUT_US, PACKET_MAX_TUNNELS);
        for (size_t i = 0; i < count; i++) {
            struct packet packet;
            const struct frame *frame = &frames[reversed ? count - 1 - i : i];
            enum fragment_result result = tap(fragments, frame, PACKET_MAX_TUNNELS, &packet);
            assert_int_equal(result, i + 1 < count ? FRAGMENT_HELD : FRAGMENT_WHOLE);
            if (i + 1 < count)
                continue;
            assert_inner(&packet);
            assert_int_equal(packet.tunnel_count, tunnels[tunnel].count);
            assert_int_equal(packet.tunnels[packet.tunnel_count - 1].type, tunnels[tunnel].type);
        }
        fragments_delete(fragments);
    }
}

static void test_outer(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tunnels); i++) {
        struct frame inside = frame_of_recipe("tcp4");
        struct frame whole = frame_wrap(tunnels[i].recipe, &inside);
        size_t header = whole.bytes[0] >> 4U == 4 ? IPV4_HEADER_SIZE : IPV6_HEADER_SIZE;
        for (size_t size = 8; size < whole.size - header; size += 8) {
            struct frame pieces[32];
            size_t count = 0;
            for (size_t offset = 0; offset < whole.size - header; offset += size)
                pieces[count++] = piece_of(&whole, 7, offset, size);
            assert_sequence(pieces, count, i);
        }
    }
}

static void test_inner(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tunnels); i++) {
        struct frame whole = frame_of_recipe("tcp4");
        struct frame pieces[4];
        for (size_t n = 0; n < COUNT_OF(pieces); n++) {
            struct frame piece = piece_of(&whole, 7, n * 8, 8);
            pieces[n] = frame_wrap(tunnels[i].recipe, &piece);
        }
        assert_sequence(pieces, COUNT_OF(pieces), i);
    }
}

/* Cuts every packet in two and, after each cut but the last, puts each piece into a tunnel: with
 * four tunnels the last of 32 frames completes a datagram at five levels at once. */
static void test_every_level(void **state) {
    (void)state;
    static struct frame frames[2][32];
    for (unsigned depth = 0; depth <= PACKET_MAX_TUNNELS; depth++) {
        struct fragments *fragments = fragments_new(16, TIMEOUT_US, PACKET_MAX_TUNNELS);
        struct frame(*now) = frames[0];
        size_t count = 1;
        uint16_t id = 0;
        now[0] = frame_of_recipe("tcp4");
        for (unsigned level = 0; level <= depth; level++) {
            struct frame(*next) = now == frames[0] ? frames[1] : frames[0];
            for (size_t i = 0; i < count; i++) {
                struct frame whole = level ? frame_wrap("v4:2f:1 00000800", &now[i]) : now[i];
                id++;
                next[2 * i] = piece_of(&whole, id, 0, 16);
                next[2 * i + 1] = piece_of(&whole, id, 16, whole.size);
            }
            count *= 2;
            now = next;
        }
        for (size_t i = 0; i < count; i++) {
            struct packet packet;
            enum fragment_result result = tap(fragments, &now[i], PACKET_MAX_TUNNELS, &packet);
            assert_int_equal(result, i + 1 < count ? FRAGMENT_HELD : FRAGMENT_WHOLE);
            if (i + 1 < count)
                continue;
            assert_inner(&packet);
            assert_int_equal(packet.tunnel_count, depth);
        }
        fragments_delete(fragments);
    }
}

/* The datagram inside takes the only place there is from the one that it comes out of. */
static void test_one_place(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(1, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct frame whole = frame_of_recipe("tcp4");
    struct frame first = piece_of(&whole, 7, 0, 16);
    struct frame second = piece_of(&whole, 7, 16, 16);
    struct frame outer = frame_wrap("v4:04:1", &first);
    struct frame pieces[] = {piece_of(&outer, 8, 0, 16), piece_of(&outer, 8, 16, 64)};
    struct packet packet;
    assert_int_equal(tap(fragments, &pieces[0], 4, &packet), FRAGMENT_HELD);
    assert_int_equal(tap(fragments, &pieces[1], 4, &packet), FRAGMENT_HELD);
    outer = frame_wrap("v4:04:1", &second);
    assert_int_equal(tap(fragments, &outer, 4, &packet), FRAGMENT_WHOLE);
    assert_inner(&packet);
    fragments_delete(fragments);
}

/* The limit counts through reassembly, and what is beyond it is foreign there too. */
static void test_depth(void **state) {
    (void)state;
    struct frame whole = frame_of_recipe("v4:2f:1 00000800 v4:2f:2 00000800 tcp4");
    struct frame pieces[] = {piece_of(&whole, 7, 0, 40), piece_of(&whole, 7, 40, 80)};
    for (unsigned limit = 1; limit <= 3; limit++) {
        struct fragments *fragments = fragments_new(2, TIMEOUT_US, limit);
        struct packet packet;
        assert_int_equal(tap(fragments, &pieces[0], limit, &packet), FRAGMENT_HELD);
        assert_int_equal(tap(fragments, &pieces[1], limit, &packet),
                         limit < 2 ? FRAGMENT_FOREIGN : FRAGMENT_WHOLE);
        fragments_delete(fragments);
    }
    struct packet packet;
    assert_int_equal(packet_decode(LINK_RAW, span_of(pieces[0].bytes, pieces[0].size),
                                   pieces[0].size, 0, &packet),
                     PARSE_FOREIGN);
}

static void test_foreign(void **state) {
    (void)state;
    struct fragments *fragments = fragments_new(2, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct frame whole = frame_of_recipe("v4:2f:1 00006558 eth:0806 0001080006040001");
    struct frame pieces[] = {piece_of(&whole, 7, 0, 16), piece_of(&whole, 7, 16, 16)};
    struct packet packet;
    assert_int_equal(tap(fragments, &pieces[0], 4, &packet), FRAGMENT_HELD);
    assert_int_equal(tap(fragments, &pieces[1], 4, &packet), FRAGMENT_FOREIGN);
    assert_true(packet.is_fragment);
    struct fragment_counts counts = fragments_counts(fragments);
    assert_int_equal(counts.reassembled, 1);
    assert_int_equal(counts.malformed, 0);
    /* Over UDP it is a datagram. */
    whole = frame_of_recipe("v4:11:1 udp:50000:4789 0800000000002a00 eth:0806 0001080006040001");
    pieces[0] = piece_of(&whole, 9, 0, 16);
    pieces[1] = piece_of(&whole, 9, 16, 32);
    assert_int_equal(tap(fragments, &pieces[0], 4, &packet), FRAGMENT_HELD);
    assert_int_equal(tap(fragments, &pieces[1], 4, &packet), FRAGMENT_WHOLE);
    assert_int_equal(packet.tunnel_count, 0);
    assert_int_equal(packet.destination_port, 4789);
    assert_int_equal(packet.payload.size, 30);
    fragments_delete(fragments);
}

/* Two customers with the same addresses and the same identification: their fragments are not one
 * datagram's, and do not contradict each other. */
static void test_two_networks(void **state) {
    (void)state;
    static const char *const networks[] = {
        "v4:11:1 udp:50000:4789 0800000000002a00 eth:0800",
        "v4:11:1 udp:50000:4789 0800000000002b00 eth:0800",
    };
    struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
    struct packet packet;
    for (size_t piece = 0; piece < 2; piece++) {
        for (size_t i = 0; i < 2; i++) {
            struct frame whole = frame_of_recipe("tcp4");
            whole.bytes[IPV4_HEADER_SIZE + 7] ^= (uint8_t)i;
            struct frame inside = piece_of(&whole, 7, piece * 16, 16);
            struct frame frame = frame_wrap(networks[i], &inside);
            assert_int_equal(tap(fragments, &frame, 4, &packet),
                             piece ? FRAGMENT_WHOLE : FRAGMENT_HELD);
            if (piece)
                assert_int_equal(packet.sequence, 0x11223344 ^ i);
        }
    }
    assert_int_equal(fragments_counts(fragments).contradictory, 0);
    fragments_delete(fragments);
}

/* What is contradicted is told by the connection that it belongs to: the one inside, where a tunnel
 * was cut. */
static void test_contradiction(void **state) {
    (void)state;
    static const struct {
        const char *recipe;
        size_t cut;
        unsigned tunnel_count;
        uint16_t source_port;
    } outers[] = {
        {"v4:2f:1 00000800 tcp4", 32, 1, 49153},          /* held: 16 bytes of the TCP header */
        {"v4:2f:1 20000800 0000002a udp4", 24, 1, 49153}, /* held: of the UDP header the ports */
        {"v6:04:1 tcp4", 32, 1, 49153},
        {"v4:11:1 udp:50000:4789 0800000000002a00 eth:0800 tcp4", 64, 1, 49153},
        {"v4:11:1 udp:50000:4789 0800000000002a00 eth:0800 tcp4", 8, 0, 50000},
        {"v4:11:1 udp:50000:53 0800000000002a00 eth:0800 tcp4", 16, 0, 50000},
    };
    for (size_t i = 0; i < COUNT_OF(outers); i++) {
        struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
        struct frame whole = frame_of_recipe(outers[i].recipe);
        struct frame first = piece_of(&whole, 7, 0, outers[i].cut);
        struct frame second = piece_of(&whole, 7, outers[i].cut, 8);
        struct packet packet;
        assert_int_equal(tap(fragments, &first, 4, &packet), FRAGMENT_HELD);
        assert_int_equal(tap(fragments, &second, 4, &packet), FRAGMENT_HELD);
        second.bytes[second.size - 1] ^= 1U;
        assert_int_equal(tap(fragments, &second, 4, &packet), FRAGMENT_CONTRADICTS);
        assert_int_equal(packet.tunnel_count, outers[i].tunnel_count);
        assert_int_equal(packet.source_port, outers[i].source_port);
        assert_int_equal(packet.source.bytes[0], outers[i].tunnel_count ? 192 : 10);
        assert_int_equal(packet.ip_version, 4);
        assert_int_equal(tap(fragments, &second, 4, &packet), FRAGMENT_HELD);
        assert_int_equal(fragments_counts(fragments).contradictory, 1);
        fragments_delete(fragments);
    }
}

/* The ports are behind a fragment inside, or in what was never held: nothing can be told. */
static void test_contradiction_untold(void **state) {
    (void)state;
    static const char *const recipes[] = {"v4:2f:1 00000800 tcp4", "v4:2f:1 00000806 tcp4"};
    for (size_t i = 0; i < COUNT_OF(recipes); i++) {
        struct fragments *fragments = fragments_new(4, TIMEOUT_US, PACKET_MAX_TUNNELS);
        struct frame whole = frame_of_recipe(recipes[i]);
        struct frame first = piece_of(&whole, 7, 0, 16);
        struct packet packet;
        assert_int_equal(tap(fragments, &first, 4, &packet), FRAGMENT_HELD);
        first.bytes[first.size - 1] ^= 1U;
        assert_int_equal(tap(fragments, &first, 4, &packet), FRAGMENT_HELD);
        assert_true(packet.is_fragment);
        assert_int_equal(fragments_counts(fragments).contradictory, 1);
        fragments_delete(fragments);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outer),
        cmocka_unit_test(test_inner),
        cmocka_unit_test(test_every_level),
        cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_two_networks),
        cmocka_unit_test(test_contradiction),
        cmocka_unit_test(test_contradiction_untold),
    };
    return cmocka_run_group_tests_name("fragments and tunnels", tests, NULL, NULL);
}
