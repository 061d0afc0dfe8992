/*
 * test_packet_ring.c - the latest frames: found by number and by connection, whole or not at all,
 * whatever made room for what.
 */
#include "packet_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_FRAME = 300000, LIST = 1024 };

struct source {
    int dummy;
};
static struct source tap;
static uint8_t frame_bytes[MAX_FRAME];

static struct packet_ring *ring_set_up(void) {
    struct packet_ring *ring = packet_ring_new(PACKET_RING_MIN_BYTES);
    assert_non_null(ring);
    packet_ring_begin(ring, &tap);
    return ring;
}

/* A segment between two hosts; the client's port names the connection. */
static struct packet segment_of(uint16_t port, uint8_t flags) {
    struct packet packet = {
        .ip_version = 4,
        .protocol = IP_PROTOCOL_TCP,
        .source_port = port,
        .destination_port = 443,
        .tcp_flags = flags,
    };
    packet.source.bytes[0] = 10;
    packet.destination.bytes[0] = 192;
    return packet;
}

static uint8_t content_of(uint64_t number, size_t at) {
    return (uint8_t)(number * 31 + at * 7 + (at >> 8U));
}

static void add_frame(struct packet_ring *ring, const struct packet *packet, uint64_t number,
                      size_t size) {
    assert_true(size <= sizeof frame_bytes);
    for (size_t i = 0; i < size; i++)
        frame_bytes[i] = content_of(number, i);
    const struct ring_frame frame = {
        .number = number,
        .time_us = number * 10,
        .wire_size = size + 5,
        .link_type = LINK_ETHERNET,
        .bytes = span_of(frame_bytes, size),
    };
    packet_ring_add(ring, packet, &frame);
}

static void add_segment(struct packet_ring *ring, uint16_t port, uint8_t flags, uint64_t number) {
    struct packet packet = segment_of(port, flags);
    add_frame(ring, &packet, number, 100);
}

static bool assert_whole(const struct packet_ring *ring, uint64_t number, size_t size) {
    struct ring_frame frame;
    if (!packet_ring_find(ring, number, &frame))
        return false;
    assert_int_equal(frame.number, number);
    assert_int_equal(frame.time_us, number * 10);
    assert_int_equal(frame.link_type, LINK_ETHERNET);
    assert_int_equal(frame.bytes.size, size);
    assert_int_equal(frame.wire_size, size + 5);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(frame.bytes.data[i], content_of(number, i));
    return true;
}

static size_t list_port(const struct packet_ring *ring, uint16_t port, uint64_t numbers[LIST]) {
    struct flow_key key;
    struct packet packet = segment_of(port, 0);
    const struct ring_range range = {0, UINT64_MAX, 0};
    (void)flow_key_of(&packet, &key);
    return packet_ring_list(ring, &key, &range, numbers, LIST, NULL);
}

static void test_the_oldest_make_room(void **state) {
    (void)state;
    static const size_t sizes[] = {60, 1514, 54, 90, 0, 9000, 1};
    enum { SIZES = sizeof sizes / sizeof sizes[0], FRAMES = 20000 };
    struct packet_ring *ring = ring_set_up();
    uint64_t numbers[LIST];
    for (uint64_t number = 1; number <= FRAMES; number++) {
        struct packet packet = segment_of((uint16_t)(number % 400), TCP_ACK);
        add_frame(ring, &packet, number, sizes[number % SIZES]);
    }
    struct ring_counts counts = packet_ring_counts(ring);
    uint64_t found = 0;
    for (uint64_t number = 1; number <= FRAMES; number++) {
        bool is_there = assert_whole(ring, number, sizes[number % SIZES]);
        assert_true(is_there || found == 0); /* none is missing between those that are there */
        found += is_there;
    }
    assert_true(found > 100 && found < FRAMES);
    assert_int_equal(counts.kept, FRAMES);
    assert_int_equal(counts.kept - counts.evicted, found);
    uint64_t listed = 0;
    for (uint16_t port = 0; port < 400; port++) {
        size_t count = list_port(ring, port, numbers);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(numbers[i] % 400, port);
            assert_true(numbers[i] > FRAMES - found);
            assert_true(i == 0 || numbers[i] > numbers[i - 1]);
        }
        listed += count;
    }
    assert_int_equal(listed, found);
    packet_ring_delete(ring);
}

static void test_large_frames(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    struct packet packet = segment_of(1, TCP_ACK | TCP_RST);
    static const size_t sizes[] = {262144, 200000, 65535, 262144, 100000, 1};
    for (uint64_t number = 1; number <= 60; number++) {
        size_t size = sizes[number % (sizeof sizes / sizeof sizes[0])];
        add_frame(ring, &packet, number, size);
        assert_true(assert_whole(ring, number, size));
    }
    packet_ring_delete(ring);
}

static void test_a_frame_larger_than_memory_is_passed(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    static uint8_t huge[PACKET_RING_MIN_BYTES];
    struct packet packet = segment_of(1, TCP_ACK);
    const struct ring_frame frame = {.number = 2, .bytes = span_of(huge, sizeof huge)};
    add_frame(ring, &packet, 1, 80);
    packet_ring_add(ring, &packet, &frame);
    struct ring_frame found;
    assert_false(packet_ring_find(ring, 2, &found));
    assert_true(assert_whole(ring, 1, 80));
    assert_int_equal(packet_ring_counts(ring).passed, 1);
    packet_ring_delete(ring);
}

static void test_bulk_leaves_room_for_others(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    struct ring_frame frame;
    uint64_t number = 1;
    add_segment(ring, 7, TCP_SYN, number++);
    add_segment(ring, 8, TCP_SYN, number++);
    while (number < 100000)
        add_segment(ring, 7, TCP_ACK, number++);
    assert_true(packet_ring_find(ring, 1, &frame));
    assert_true(packet_ring_find(ring, 2, &frame));
    assert_true(packet_ring_find(ring, PACKET_RING_OF_FLOW + 1, &frame));
    assert_false(packet_ring_find(ring, PACKET_RING_OF_FLOW + 2, &frame));
    assert_int_equal(packet_ring_counts(ring).kept, PACKET_RING_OF_FLOW + 1);
    /* What ends it is kept, and a new connection between the same ports begins anew. */
    static const struct {
        uint8_t flags;
        bool is_kept;
    } rows[] = {{TCP_ACK | TCP_FIN, true}, {TCP_RST, true},  {TCP_ACK, false},
                {TCP_SYN | TCP_ACK, true}, {TCP_ACK, false}, {TCP_SYN, true},
                {TCP_ACK | TCP_PSH, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add_segment(ring, 7, rows[i].flags, number);
        assert_int_equal(packet_ring_find(ring, number++, &frame), rows[i].is_kept);
    }
    packet_ring_delete(ring);
}

static void test_more_connections_than_there_is_room_for(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    uint64_t numbers[LIST];
    for (uint64_t number = 1; number <= 60000; number++)
        add_segment(ring, (uint16_t)number, TCP_SYN, number);
    assert_int_equal(list_port(ring, 60000, numbers), 1);
    assert_int_equal(numbers[0], 60000);
    assert_int_equal(list_port(ring, 59900, numbers), 1);
    assert_int_equal(list_port(ring, 1, numbers), 0);
    struct ring_counts counts = packet_ring_counts(ring);
    assert_true(counts.evicted > 50000 && counts.kept == 60000);
    packet_ring_delete(ring);
}

static void test_ranges_and_rooms(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    struct flow_key key;
    struct packet packet = segment_of(7, 0);
    uint64_t numbers[LIST];
    size_t found = 0;
    for (uint64_t number = 1; number <= 40; number++)
        add_segment(ring, (uint16_t)(7 + number % 2), TCP_ACK, number);
    (void)flow_key_of(&packet, &key);
    const struct ring_range all = {0, UINT64_MAX, 0};
    assert_int_equal(packet_ring_list(ring, &key, &all, numbers, 3, &found), 3);
    assert_int_equal(found, 20);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[2], 6);
    const struct ring_range some = {9, 20, 150};
    assert_int_equal(packet_ring_list(ring, &key, &some, numbers, LIST, &found), 3);
    assert_int_equal(numbers[0], 16);
    assert_int_equal(numbers[2], 20);
    packet_ring_delete(ring);
}

static void test_a_connection_ends_where_the_next_begins(void **state) {
    (void)state;
    static const uint8_t flags[] = {TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_SYN, TCP_ACK};
    static const struct {
        uint64_t number;
        size_t count;
        uint64_t first;
    } rows[] = {{1, 1, 1}, {2, 3, 2}, {3, 3, 2}, {4, 3, 2}, {5, 2, 5}, {6, 2, 5}, {7, 0, 0}};
    struct packet_ring *ring = ring_set_up();
    uint64_t numbers[LIST];
    for (size_t i = 0; i < sizeof flags; i++)
        add_segment(ring, 7, flags[i], i + 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t count = packet_ring_list_around(ring, rows[i].number, numbers, LIST);
        assert_int_equal(count, rows[i].count);
        if (count > 0)
            assert_int_equal(numbers[0], rows[i].first);
    }
    packet_ring_delete(ring);
}

static void test_fragments_are_known_by_their_addresses(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    struct packet fragment = segment_of(0, 0);
    struct packet back = segment_of(0, 0);
    uint64_t numbers[LIST];
    struct flow_key key;
    const struct ring_range all = {0, UINT64_MAX, 0};
    fragment.is_fragment = true;
    add_frame(ring, &fragment, 1, 80);
    add_segment(ring, 7, TCP_SYN, 2);
    back.is_fragment = true;
    back.source = fragment.destination;
    back.destination = fragment.source;
    add_frame(ring, &back, 3, 80);
    struct packet ends = segment_of(0, 0);
    ends.protocol = 0;
    ends.destination_port = 0;
    (void)flow_key_of(&ends, &key);
    assert_int_equal(packet_ring_list(ring, &key, &all, numbers, LIST, NULL), 2);
    assert_int_equal(numbers[1], 3);
    assert_int_equal(list_port(ring, 7, numbers), 1);
    packet_ring_delete(ring);
}

static void test_a_new_source_forgets(void **state) {
    (void)state;
    struct packet_ring *ring = ring_set_up();
    struct source other;
    struct ring_frame frame;
    uint64_t numbers[LIST];
    add_segment(ring, 7, TCP_SYN, 1);
    assert_ptr_equal(packet_ring_source(ring), &tap);
    packet_ring_begin(ring, &other);
    assert_ptr_equal(packet_ring_source(ring), &other);
    assert_false(packet_ring_find(ring, 1, &frame));
    assert_int_equal(list_port(ring, 7, numbers), 0);
    add_segment(ring, 7, TCP_ACK, 1);
    assert_int_equal(list_port(ring, 7, numbers), 1);
    packet_ring_delete(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_make_room),
        cmocka_unit_test(test_large_frames),
        cmocka_unit_test(test_a_frame_larger_than_memory_is_passed),
        cmocka_unit_test(test_bulk_leaves_room_for_others),
        cmocka_unit_test(test_more_connections_than_there_is_room_for),
        cmocka_unit_test(test_ranges_and_rooms),
        cmocka_unit_test(test_a_connection_ends_where_the_next_begins),
        cmocka_unit_test(test_fragments_are_known_by_their_addresses),
        cmocka_unit_test(test_a_new_source_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
