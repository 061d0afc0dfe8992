/* The bodies of pcapng's blocks: what times mean, options, and every body that is too short, from
 * heap blocks of their exact size. */
#include "pcapng_block.h"

#include "tls_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t last_us = 253402300799999999U; /* of year 9999 */

static void test_times(void **state) {
    (void)state;
    enum { BINARY = 0x80 };
    static const struct {
        unsigned resolution;
        int64_t offset_s;
        uint64_t ticks;
        uint64_t time_us;
    } cases[] = {
        {0, 0, 1700000000, 1700000000000000},
        {3, 0, 1700000000123, 1700000000123000},
        {6, 0, 1700000000123456, 1700000000123456},
        {7, 0, 17000000001234569, 1700000000123456},
        {9, 0, 1700000000123456999, 1700000000123456},
        {12, 0, 999999, 0},
        {12, 0, 1000000, 1},
        {19, 0, UINT64_MAX, 1844674},
        {25, 0, UINT64_MAX, 1},
        {26, 0, UINT64_MAX, 0},
        {127, 0, UINT64_MAX, 0},
        {0, 0, 253402300799, 253402300799000000},
        {0, 0, UINT64_MAX, 253402300799999999},
        {5, 0, UINT64_MAX, 253402300799999999},
        {6, 0, 253402300799999999, 253402300799999999},
        {6, 0, 253402300800000000, 253402300799999999},
        {6, 0, UINT64_MAX, 253402300799999999},
        {BINARY, 0, 1700000000, 1700000000000000},
        {BINARY, 0, UINT64_MAX, 253402300799999999},
        {BINARY + 1, 0, 3, 1500000},
        {BINARY + 10, 0, 1024 + 512 + 1, 1500976}, /* 1/1024 s are 976.56 us */
        {BINARY + 31, 0, 0xffffffff, 1999999},
        {BINARY + 32, 0, 0x180000000, 1500000},
        {BINARY + 32, 0, 0x1ffffffff, 1999999},
        {BINARY + 33, 0, 0x180000000, 750000},
        {BINARY + 60, 0, UINT64_C(0xf800000000000000), 15500000},
        {BINARY + 63, 0, UINT64_MAX, 1999999},
        {BINARY + 64, 0, UINT64_C(1) << 63U, 500000},
        {BINARY + 64, 0, UINT64_MAX, 999999},
        {BINARY + 83, 0, UINT64_MAX, 1},
        {BINARY + 84, 0, UINT64_MAX, 0},
        {BINARY + 95, 0, UINT64_MAX, 0},
        {BINARY + 96, 0, UINT64_MAX, 0},
        {BINARY + 127, 0, UINT64_MAX, 0},
        {6, 1700000000, 123456, 1700000000123456},
        {6, -1, 1700000000123456, 1699999999123456},
        {6, -1, 1000000, 0},
        {6, -2, 1999999, 0},
        {6, INT64_MIN, 1700000000123456, 0},
        {6, INT64_MAX, 1700000000123456, 253402300799999999},
        {6, 253402300799, 999999, 253402300799999999},
        {6, 253402300799, 1000000, 253402300799999999},
        {9, INT64_MAX, UINT64_MAX, 253402300799999999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pcapng_interface interface = {.resolution = (uint8_t)cases[i].resolution,
                                                   .offset_s = cases[i].offset_s};
        uint64_t time_us = pcapng_time_us(&interface, cases[i].ticks);
        if (time_us != cases[i].time_us)
            fail_msg("case %zu: %llu", i, (unsigned long long)time_us);
        assert_true(time_us <= last_us);
    }
}

/* Ethernet, snap length 0x10203, then options. Bodies are as a little-endian machine writes them;
 * the one that runs this test may read them as swapped. */
#define HEAD          "\x01\0\0\0\x03\x02\x01\0"
#define BODY(options) HEAD options, (sizeof HEAD - 1 + sizeof(options) - 1)

static bool is_swapped(bool is_big) {
    static const uint16_t one = 1;
    uint8_t first = 0;
    memcpy(&first, &one, 1);
    return is_big == (first == 1);
}

static void test_interface_options(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t size;
        bool good;
        unsigned resolution;
        int64_t offset_s;
    } cases[] = {
        {BODY(""), true, 6, 0},
        {BODY("\0\0\0\0"), true, 6, 0},
        {BODY("\x09\0\x01\0\x09\0\0\0\0\0\0\0"), true, 9, 0},
        {BODY("\x09\0\x01\0\x8a\0\0\0"), true, 0x8a, 0},
        {BODY("\x0e\0\x08\0\xff\xff\xff\xff\xff\xff\xff\xff"), true, 6, -1},
        {BODY("\x0e\0\x08\0\x01\x02\0\0\0\0\0\0\x09\0\x01\0\x03\0\0\0\0\0\0\0"), true, 3, 0x201},
        /* a name of five bytes and an unknown option before it; what follows the end is nothing */
        {BODY("\x02\0\x05\0abcde\0\0\0\xff\xee\0\0\x09\0\x01\0\x03\0\0\0\0\0\0\0\x09\0\x02\0"),
         true, 3, 0},
        {BODY("\x09\0\x02\0\x09\0\0\0"), false, 0, 0},
        {BODY("\x09\0\0\0"), false, 0, 0},
        {BODY("\x0e\0\x04\0\xff\xff\xff\xff"), false, 0, 0},
        {BODY("\x0e\0\x0c\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), false, 0, 0},
        {BODY("\x09\0\x01\0\x09\0\0\0\x09\0\x01\0\x06\0\0\0"), false, 0, 0}, /* twice */
        {BODY("\x02\0\x05\0abcd"), false, 0, 0},
        {BODY("\x02\0\xff\xff"
              "abcd"),
         false, 0, 0},
        {BODY("\x02\0"), false, 0, 0},
        {HEAD, 7, false, 0, 0},
        {HEAD, 0, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pcapng_interface interface;
        struct span body = exact_copy((const uint8_t *)cases[i].body, cases[i].size);
        if (pcapng_interface_read(body, is_swapped(false), &interface) != cases[i].good)
            fail_msg("case %zu", i);
        if (cases[i].good) {
            assert_int_equal(interface.link_type, 1);
            assert_int_equal(interface.snap_length, 0x10203);
            assert_int_equal(interface.resolution, cases[i].resolution);
            assert_int_equal(interface.offset_s, cases[i].offset_s);
        }
        exact_free(body);
    }
}

static void test_interface_big_endian(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 1, 0, 0, 0, 1, 2, 3, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 2, 1};
    struct pcapng_interface interface;
    struct span body = exact_copy(bytes, sizeof bytes);
    assert_true(pcapng_interface_read(body, is_swapped(true), &interface));
    assert_int_equal(interface.link_type, 1);
    assert_int_equal(interface.snap_length, 0x10203);
    assert_int_equal(interface.offset_s, 0x201);
    exact_free(body);
}

/* Every prefix, and every byte changed to every value: read to its end, no further. */
static void test_interface_hostile(void **state) {
    (void)state;
    static const uint8_t bytes[] = {1,   0, 0, 0, 0, 0, 4, 0, 2, 0, 3,  0, 'a', 'b',
                                    'c', 0, 9, 0, 1, 0, 6, 0, 0, 0, 14, 0, 8,   0,
                                    1,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0};
    struct pcapng_interface interface;
    for (size_t size = 0; size <= sizeof bytes; size++) {
        struct span body = exact_copy(bytes, size);
        bool good = pcapng_interface_read(body, is_swapped(false), &interface);
        bool at_an_end = size == 8 || size == 16 || size == 24 || size == 36 || size == 40;
        assert_int_equal(good, at_an_end);
        exact_free(body);
    }
    for (size_t at = 0; at < sizeof bytes; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t changed[sizeof bytes];
            memcpy(changed, bytes, sizeof bytes);
            changed[at] = (uint8_t)value;
            struct span body = exact_copy(changed, sizeof changed);
            if (pcapng_interface_read(body, value & 1U, &interface))
                assert_true(pcapng_time_us(&interface, UINT64_MAX) <= last_us);
            exact_free(body);
        }
    }
}

static void test_packet_heads(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x02, 0x01, 0x04, 0x03, 1, 0, 0, 0, 2, 0,
                                    0,    0,    3,    0,    0, 0, 4, 0, 0, 0};
    static const struct {
        uint32_t type;
        size_t head_size;
        uint32_t interface;
    } cases[] = {{PCAPNG_ENHANCED_PACKET, 20, 0x03040102},
                 {PCAPNG_OBSOLETE_PACKET, 20, 0x0102},
                 {PCAPNG_SIMPLE_PACKET, 4, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t size = 0; size <= sizeof bytes; size++) {
            struct pcapng_packet packet;
            struct span body = exact_copy(bytes, size);
            bool good = pcapng_packet_read(cases[i].type, body, is_swapped(false), &packet);
            assert_int_equal(good, size >= cases[i].head_size);
            exact_free(body);
            if (!good)
                continue;
            bool is_simple = cases[i].type == PCAPNG_SIMPLE_PACKET;
            assert_int_equal(packet.data_offset, cases[i].head_size);
            assert_int_equal(packet.interface, cases[i].interface);
            assert_int_equal(packet.has_time, !is_simple);
            assert_int_equal(packet.ticks, is_simple ? 0 : 0x100000002);
            assert_int_equal(packet.size, is_simple ? 0x03040102 : 3);
            assert_int_equal(packet.wire_size, is_simple ? 0x03040102 : 4);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_interface_options),
        cmocka_unit_test(test_interface_big_endian),
        cmocka_unit_test(test_interface_hostile),
        cmocka_unit_test(test_packet_heads),
    };
    return cmocka_run_group_tests_name("pcapng_block", tests, NULL, NULL);
}
