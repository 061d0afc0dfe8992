/* pcapng files: sections, interfaces that differ, every kind of packet block, what is stepped over,
 * and everything that breaks the format. */
#include "capture_scene.h"

#include "packet.h"

#include <stdlib.h>
#include <unistd.h>

enum { LINK_USB = 220, LINK_NOBODY_KNOWS = 65000 };

/* Opens what is in the file, reads one packet after the other. */
static struct capture *open_file(const struct file *file, const char *filter) {
    scene_write(file->bytes, file->size);
    return scene_open(scene_path, filter);
}

static struct capture_packet next_packet(struct capture *capture) {
    struct capture_packet packet = {.number = 0};
    if (capture_next(capture, &packet) != 1)
        fail_msg("%s", capture_error(capture));
    return packet;
}

static void end_at(struct capture *capture, int end, const char *says) {
    struct capture_packet packet;
    assert_int_equal(capture_next(capture, &packet), end);
    assert_contains(capture_error(capture), says);
    capture_close(capture);
}

static void put_simple(struct file *file, unsigned nth, uint32_t wire_size, size_t captured) {
    struct file body = {.big_endian = file->big_endian};
    uint8_t frame[FRAME_SIZE];
    frame_make(frame, 1000 + nth);
    file_put(&body, wire_size, 4);
    file_put_bytes(&body, frame, captured);
    file_put_block(file, 3, body.bytes, body.size);
}

static void put_obsolete(struct file *file, unsigned interface, unsigned nth) {
    struct file body = {.big_endian = file->big_endian};
    uint8_t frame[FRAME_SIZE];
    frame_make(frame, 1000 + nth);
    file_put(&body, interface, 2);
    file_put(&body, 0xffff, 2); /* nobody knows how many were dropped */
    file_put(&body, packet_time_us(nth) >> 32U, 4);
    file_put(&body, packet_time_us(nth) & UINT32_MAX, 4);
    file_put(&body, FRAME_SIZE, 4);
    file_put(&body, FRAME_SIZE + 100, 4);
    file_put_bytes(&body, frame, FRAME_SIZE);
    file_put_block(file, 2, body.bytes, body.size);
}

/* Sections with their own byte order, interfaces and idea of a second. */
static void test_sections(void **state) {
    (void)state;
    struct file file = {.size = 0};
    for (unsigned nth = 1; nth <= 4; nth++) {
        file.big_endian = nth % 2 == 0;
        file.nanoseconds = nth > 2;
        file_put_section(&file);
        file_put_interface(&file, LINK_ETHERNET, 0);
        file_put_enhanced(&file, 0, nth);
    }
    assert_file(&file, 4, 0, "");
    /* An interface of a section before does not count any more. */
    file = pcapng_of(1);
    file_put_section(&file);
    size_t offset = file.size;
    file_put_enhanced(&file, 0, 2);
    char says[80];
    snprintf(says, sizeof says,
             "damaged after packet 1 (byte offset %zu): a packet of interface 0, which", offset);
    assert_file(&file, 1, -1, says);
}

/* What a section says of its own length does not matter. */
static void test_section_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {0, 1, 108, UINT64_MAX, UINT64_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct file file = pcapng_of(2);
        memcpy(file.bytes + 16, &lengths[i], 8);
        assert_file(&file, 2, 0, "");
    }
}

/* Sections with options; minor versions that are not known. */
static void test_section_headers(void **state) {
    (void)state;
    static const struct {
        uint16_t major;
        uint16_t minor;
        uint32_t magic;
        const char *refusal;
    } cases[] = {
        {1, 0, 0x1a2b3c4d, NULL},
        {1, 2, 0x1a2b3c4d, NULL},
        {1, 99, 0x1a2b3c4d, NULL},
        {2, 0, 0x1a2b3c4d, "not a capture (pcap and pcapng are read): pcapng version 2.0"},
        {0, 0, 0x1a2b3c4d, "pcapng version 0.0"},
        {1, 0, 0x1a2b3c4e, "a section header without its byte-order magic"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.big_endian = i % 2};
        struct file body = {.big_endian = file.big_endian};
        file_put(&body, cases[i].magic, 4);
        file_put(&body, cases[i].major, 2);
        file_put(&body, cases[i].minor, 2);
        file_put(&body, 0, 8);
        file_put_bytes(&body,
                       "\4\4\x08\x08"
                       "some tool",
                       13);
        file_put_block(&file, 0x0a0d0d0a, body.bytes, body.size);
        file_put_interface(&file, LINK_ETHERNET, 0);
        file_put_enhanced(&file, 0, 1);
        if (cases[i].refusal == NULL)
            assert_file(&file, 1, 0, "");
        else
            assert_refused(file.bytes, file.size, cases[i].refusal);
        /* The same as the second section. */
        struct file second = pcapng_of(1);
        file_put_bytes(&second, file.bytes, body.size + 12 + 3);
        if (cases[i].refusal != NULL)
            assert_file(&second, 1, -1, "damaged after packet 1 (byte offset 136): ");
        else
            assert_file(&second, 1, 0, "");
    }
}

/* A header that ends before the section's length is none. */
static void test_short_section_header(void **state) {
    (void)state;
    static const uint8_t body[] = {0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0, 0, 0, 0};
    struct file file = {.size = 0};
    file_put_block(&file, 0x0a0d0d0a, body, sizeof body);
    file_put_interface(&file, LINK_ETHERNET, 0);
    assert_refused(file.bytes, file.size, "a block of 24 bytes, which none can have");
}

static void put_interface_of(struct file *file, unsigned link_type, uint32_t snap_length,
                             unsigned resolution, int64_t offset_s) {
    struct file body = {.big_endian = file->big_endian};
    file_put(&body, link_type, 2);
    file_put(&body, 0, 2);
    file_put(&body, snap_length, 4);
    file_put(&body, 14, 2);
    file_put(&body, 8, 2);
    file_put(&body, (uint64_t)offset_s, 8);
    file_put(&body, 9, 2);
    file_put(&body, 1, 2);
    file_put(&body, resolution, 1);
    file_put(&body, 0, 3);
    file_put_block(file, 1, body.bytes, body.size);
}

/* One file, interfaces of different link types, snap lengths and times. */
static void test_interfaces_differ(void **state) {
    (void)state;
    static const struct {
        unsigned link_type;
        uint32_t snap_length;
        unsigned resolution;
        int64_t offset_s;
        uint64_t ticks;
        uint64_t time_us;
    } cases[] = {
        {LINK_ETHERNET, 65535, 6, 0, 1700000000000001, 1700000000000001},
        {LINK_RAW, 0, 9, 0, 1700000000000002999, 1700000000000002},
        {LINK_LINUX_SLL2, 16, 0x80 + 20, 0, UINT64_C(1700000000) << 20U, 1700000000000000},
        {LINK_USB, 4096, 3, 0, 1700000000004, 1700000000004000},
        {LINK_ETHERNET, 1, 6, 1700000000, 5, 1700000000000005},
        {LINK_NULL, 1, 0, -10, 1700000010, 1700000000000000},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    for (unsigned big_endian = 0; big_endian < 2; big_endian++) {
        struct file file = {.big_endian = big_endian};
        file_put_section(&file);
        for (size_t i = 0; i < COUNT; i++)
            put_interface_of(&file, cases[i].link_type, cases[i].snap_length, cases[i].resolution,
                             cases[i].offset_s);
        for (uint32_t i = 0; i < 2 * COUNT; i++)
            file_put_ticks(&file, i % COUNT, cases[i % COUNT].ticks);
        struct capture *capture = open_file(&file, NULL);
        for (size_t i = 0; i < 2 * COUNT; i++) {
            struct capture_packet packet = next_packet(capture);
            assert_int_equal(packet.number, i + 1);
            assert_int_equal(packet.link_type, cases[i % COUNT].link_type);
            assert_int_equal(packet.time_us, cases[i % COUNT].time_us);
            assert_int_equal(packet.frame.size, FRAME_SIZE);
        }
        end_at(capture, 0, "");
    }
}

/* Interfaces may come between packets, but before those of their own. */
static void test_interfaces_come_later(void **state) {
    (void)state;
    struct file file = pcapng_of(1);
    file_put_interface(&file, LINK_RAW, 0);
    file_put_enhanced(&file, 1, 2);
    file_put_enhanced(&file, 0, 3);
    size_t offset = file.size;
    file_put_enhanced(&file, 2, 4);
    file_put_interface(&file, LINK_ETHERNET, 0);
    struct capture *capture = open_file(&file, NULL);
    assert_int_equal(next_packet(capture).link_type, LINK_ETHERNET);
    assert_int_equal(next_packet(capture).link_type, LINK_RAW);
    assert_int_equal(next_packet(capture).link_type, LINK_ETHERNET);
    char says[80];
    snprintf(says, sizeof says, "damaged after packet 3 (byte offset %zu): a packet of interface 2",
             offset);
    end_at(capture, -1, says);
}

static void test_simple_packets(void **state) {
    (void)state;
    static const struct {
        uint32_t snap_length;
        uint32_t wire_size;
        size_t captured;
        size_t frame_size; /* 0: damaged */
        size_t expected_wire_size;
    } cases[] = {
        {65535, FRAME_SIZE, FRAME_SIZE, FRAME_SIZE, FRAME_SIZE},
        {0, FRAME_SIZE, FRAME_SIZE, FRAME_SIZE, FRAME_SIZE},
        {40, 1500, 40, 40, 1500},
        {40, 30, 30, 30, 30},
        {41, 1500, 41, 41, 1500},
        {0, FRAME_SIZE + 3, FRAME_SIZE, 0, 0}, /* more than the block has, padding included */
        {65535, 1500, 40, 0, 0},
        {65535, UINT32_MAX, 40, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.big_endian = i % 2};
        file_put_section(&file);
        file_put_interface(&file, LINK_ETHERNET, cases[i].snap_length);
        put_simple(&file, 1, cases[i].wire_size, cases[i].captured);
        file_put_enhanced(&file, 0, 2);
        struct capture *capture = open_file(&file, NULL);
        if (cases[i].frame_size == 0) {
            end_at(capture, -1, "damaged after packet 0 (byte offset 60): a packet of ");
            continue;
        }
        struct capture_packet packet = next_packet(capture);
        assert_int_equal(packet.frame.size, cases[i].frame_size);
        assert_int_equal(packet.wire_size, cases[i].expected_wire_size);
        assert_int_equal(packet.time_us, 0);
        uint8_t frame[FRAME_SIZE];
        frame_make(frame, 1001);
        assert_memory_equal(packet.frame.data, frame, cases[i].frame_size);
        packet = next_packet(capture);
        assert_packet(&packet, 2);
        end_at(capture, 0, "");
    }
}

static void test_obsolete_packets(void **state) {
    (void)state;
    for (unsigned big_endian = 0; big_endian < 2; big_endian++) {
        struct file file = {.big_endian = big_endian};
        file_put_section(&file);
        file_put_interface(&file, LINK_ETHERNET, 0);
        put_obsolete(&file, 0, 1);
        put_obsolete(&file, 0, 2);
        assert_file(&file, 2, 0, "");
        put_obsolete(&file, 1, 3);
        assert_file(&file, 2, -1, "a packet of interface 1, which was not described");
    }
}

/* Blocks that hold no packet, and which of them take a number. */
static void test_other_blocks(void **state) {
    (void)state;
    static const struct {
        uint32_t type;
        unsigned numbers;
    } cases[] = {{0, 0},          {4, 0},          {5, 0},          {7, 0},     {8, 0},
                 {9, 1},          {10, 0},         {0xbad, 1},      {0x204, 1}, {0x208, 0},
                 {0x216, 1},      {0x221, 1},      {0x40000bad, 1}, {11, 0},    {0x80000001, 0},
                 {0x0a0d0d0b, 0}, {UINT32_MAX, 0}, {0xa1b2c3d4, 0}};
    static const uint8_t body[23];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.big_endian = i % 2};
        file_put_section(&file);
        file_put_block(&file, cases[i].type, body, sizeof body);
        file_put_interface(&file, LINK_ETHERNET, 0);
        file_put_block(&file, cases[i].type, body, 0);
        file_put_enhanced(&file, 0, 1);
        file_put_block(&file, cases[i].type, body, 4);
        struct capture *capture = open_file(&file, NULL);
        assert_int_equal(next_packet(capture).number, 1 + 2 * cases[i].numbers);
        end_at(capture, 0, "");
    }
}

/* A block that is too long for the window: its first `size` bytes are `head`, the rest zeroes but
 * for the length at its end. */
static void write_long(const struct file *before, const struct file *head, uint32_t size,
                       uint32_t tail, const struct file *behind) {
    static const uint8_t zeroes[4096];
    FILE *stream = fopen(scene_path, "wb");
    assert_non_null(stream);
    fwrite(before->bytes, 1, before->size, stream);
    fwrite(head->bytes, 1, head->size, stream);
    for (size_t left = size - head->size - 4; left > 0;) {
        size_t piece = left < sizeof zeroes ? left : sizeof zeroes;
        fwrite(zeroes, 1, piece, stream);
        left -= piece;
    }
    struct file end = {.big_endian = before->big_endian};
    file_put(&end, tail, 4);
    file_put_bytes(&end, behind->bytes, behind->size);
    fwrite(end.bytes, 1, end.size, stream);
    assert_int_equal(fclose(stream), 0);
}

static void test_long_blocks(void **state) {
    (void)state;
    enum { LONG = 3000000 };
    static const uint32_t sizes[] = {256 * 1024 + 60, 256 * 1024 + 64, 256 * 1024 + 68,
                                     512 * 1024,      1024 * 1024,     LONG};
    struct file before = pcapng_of(1);
    struct file behind = {.size = 0};
    file_put_enhanced(&behind, 0, 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct file head = {.size = 0};
        file_put(&head, 10, 4); /* secrets */
        file_put(&head, sizes[i], 4);
        write_long(&before, &head, sizes[i], sizes[i], &behind);
        struct capture *capture = scene_open(scene_path, NULL);
        assert_packets(capture, 2, 0);
        capture_close(capture);

        write_long(&before, &head, sizes[i], sizes[i] + 4, &behind);
        capture = scene_open(scene_path, NULL);
        assert_int_equal(next_packet(capture).number, 1);
        end_at(capture, -1,
               "damaged after packet 1 (byte offset 136): the length at the block's end");

        behind.size = 0;
        write_long(&before, &head, sizes[i] - 5, 0, &behind);
        capture = scene_open(scene_path, NULL);
        assert_int_equal(next_packet(capture).number, 1);
        char says[100];
        snprintf(says, sizeof says,
                 "truncated after packet 1 (byte offset 136): the block ends after %u of %u bytes",
                 sizes[i] - 5, sizes[i]);
        end_at(capture, -1, says);
        file_put_enhanced(&behind, 0, 2);
    }
}

/* The longest packets are cut, and seen to be cut. */
static void test_long_packets(void **state) {
    (void)state;
    enum { LARGEST = 256 * 1024 };
    static const struct {
        uint32_t size;
        uint32_t wire_size;
        size_t expected_wire_size;
    } cases[] = {{LARGEST, LARGEST, LARGEST},
                 {LARGEST + 1, LARGEST + 1, LARGEST + 1},
                 {300000, 300000, 300000},
                 {300000, 1, 300000},
                 {3000000, 3000000, 1024 * 1024}};
    struct file before = pcapng_of(1);
    struct file behind = {.size = 0};
    file_put_enhanced(&behind, 0, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t block_size = (32 + cases[i].size + 3) & ~3U;
        struct file head = {.size = 0};
        file_put(&head, 6, 4);
        file_put(&head, block_size, 4);
        file_put(&head, 0, 12);
        file_put(&head, cases[i].size, 4);
        file_put(&head, cases[i].wire_size, 4);
        write_long(&before, &head, block_size, block_size, &behind);
        struct capture *capture = scene_open(scene_path, NULL);
        struct capture_packet packet = next_packet(capture);
        assert_packet(&packet, 1);
        packet = next_packet(capture);
        assert_int_equal(packet.number, 2);
        assert_int_equal(packet.frame.size, LARGEST);
        assert_int_equal(packet.wire_size, cases[i].expected_wire_size);
        assert_int_equal(packet.frame.data[LARGEST - 1], 0);
        packet = next_packet(capture);
        assert_packet(&packet, 3);
        end_at(capture, 0, "");
    }
}

/* Every way in which the numbers of the second packet's block can be wrong. */
static void test_damaged(void **state) {
    (void)state;
    enum { HERE = SECTION_SIZE + INTERFACE_SIZE + ENHANCED_SIZE };
    static const struct {
        size_t at; /* in the block */
        uint32_t value;
        const char *says;
    } cases[] = {
        {4, 0, "a block of 0 bytes, which none can have"},
        {4, 8, "a block of 8 bytes, which none can have"},
        {4, ENHANCED_SIZE + 1, "a block of 77 bytes, which none can have"},
        {4, ENHANCED_SIZE + 2, "a block of 78 bytes, which none can have"},
        {4, 0x7fffffff, "a block of 2147483647 bytes, which none can have"},
        {4, 0xfffffffc, "a block of 4294967292 bytes, which none can have"},
        {4, 12, "the length at the block's end is not that at its start (12)"},
        {4, ENHANCED_SIZE - 4, "the length at the block's end is not that at its start (72)"},
        {ENHANCED_SIZE - 4, ENHANCED_SIZE + 4, "the length at the block's end is not that at its"},
        {ENHANCED_SIZE - 4, 0, "the length at the block's end is not that at its start (76)"},
        {8, 1, "a packet of interface 1, which was not described"},
        {8, UINT32_MAX, "a packet of interface 4294967295, which was not described"},
        {20, FRAME_SIZE + 3, "a packet of 45 bytes where 44 have room"},
        {20, UINT32_MAX, "a packet of 4294967295 bytes where 44 have room"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = pcapng_of(3);
        memcpy(file.bytes + HERE + cases[i].at, &cases[i].value, 4);
        char says[160];
        snprintf(says, sizeof says, "%s: damaged after packet 1 (byte offset %d): %s", scene_path,
                 HERE, cases[i].says);
        assert_file(&file, 1, -1, says);
    }
    /* A block can be too short for the packet that its type promises. */
    for (uint32_t type = 2; type <= 6; type++) {
        struct file file = pcapng_of(1);
        file_put_block(&file, type, "", 0);
        bool is_packet = type != 4 && type != 5;
        assert_file(&file, 1, is_packet ? -1 : 0, is_packet ? "a packet block of 12 bytes" : "");
    }
}

static void test_damaged_interfaces(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t size;
    } cases[] = {
        {"\1\0\0\0\0\0\0", 4},                          /* no snap length */
        {"\1\0\0\0\0\0\0\0\x09\0\2\0\6\6\0", 16},       /* a resolution of two bytes */
        {"\1\0\0\0\0\0\0\0\x02\0\x09\0name\0\0\0", 16}, /* a name past the end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = pcapng_of(1);
        file_put_block(&file, 1, cases[i].body, cases[i].size);
        file_put_enhanced(&file, 0, 2);
        assert_file(
            &file, 1, -1,
            "damaged after packet 1 (byte offset 136): an interface description that breaks");
    }
}

static void test_many_interfaces(void **state) {
    (void)state;
    enum { MOST = 65536 };
    for (unsigned too_many = 0; too_many < 2; too_many++) {
        FILE *stream = fopen(scene_path, "wb");
        assert_non_null(stream);
        struct file file = {.size = 0};
        file_put_section(&file);
        fwrite(file.bytes, 1, file.size, stream);
        file.size = 0;
        file_put_interface(&file, LINK_ETHERNET, 0);
        for (unsigned i = 0; i < MOST + too_many; i++)
            fwrite(file.bytes, 1, file.size, stream);
        file.size = 0;
        file_put_enhanced(&file, MOST - 1, 1);
        fwrite(file.bytes, 1, file.size, stream);
        assert_int_equal(fclose(stream), 0);
        struct capture *capture = scene_open(scene_path, NULL);
        if (too_many) {
            end_at(capture, -1, "more than 65536 interfaces in one section");
            continue;
        }
        struct capture_packet packet = next_packet(capture);
        assert_packet(&packet, 1);
        end_at(capture, 0, "");
    }
}

/* Packets that cannot be decoded stand beside others, but not alone. */
static void test_foreign_link_types(void **state) {
    (void)state;
    struct file file = {.size = 0};
    file_put_section(&file);
    file_put_interface(&file, LINK_USB, 0);
    file_put_interface(&file, LINK_ETHERNET, 0);
    size_t no_packets = file.size;
    file_put_enhanced(&file, 0, 1);
    struct capture *capture = open_file(&file, NULL);
    assert_int_equal(next_packet(capture).link_type, LINK_USB);
    end_at(capture, -1, "link type USB_LINUX_MMAPPED (220) is not supported; these are: ");

    file_put_enhanced(&file, 1, 2);
    capture = open_file(&file, NULL);
    assert_int_equal(next_packet(capture).link_type, LINK_USB);
    assert_int_equal(next_packet(capture).link_type, LINK_ETHERNET);
    end_at(capture, 0, "");

    /* The one that is known does not have to pass the filter. */
    capture = open_file(&file, "udp port 1");
    end_at(capture, 0, "");

    file.size = no_packets;
    capture = open_file(&file, NULL);
    end_at(capture, 0, "");
}

/* Ethernet, raw IP, a type without any filter, IPv4 alone; in turn, twice. */
static struct file file_of_link_types(void) {
    static const unsigned link_types[] = {LINK_ETHERNET, LINK_RAW, LINK_NOBODY_KNOWS, LINK_IPV4};
    struct file file = {.size = 0};
    file_put_section(&file);
    for (size_t i = 0; i < 4; i++)
        file_put_interface(&file, link_types[i], 0);
    for (uint32_t i = 0; i < 8; i++) {
        struct file body = {.size = 0};
        uint8_t frame[FRAME_SIZE];
        size_t skip = link_types[i % 4] == LINK_ETHERNET ? 0 : 14;
        frame_make(frame, 1001 + i);
        file_put(&body, i % 4, 4);
        file_put(&body, 0, 8);
        file_put(&body, FRAME_SIZE - skip, 4);
        file_put(&body, FRAME_SIZE - skip, 4);
        file_put_bytes(&body, frame + skip, FRAME_SIZE - skip);
        file_put_block(&file, 6, body.bytes, body.size);
    }
    return file;
}

static void test_filters(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        const char *numbers; /* of the packets that match */
        const char *error;   /* "": none */
    } cases[] = {
        {"udp", "124568", ""},
        {"udp port 1002 or udp port 1004 or udp port 1005", "245", ""},
        {"ip6", "", ""}, /* IPv4 alone cannot match, which is no error */
        {"ether host 02:00:00:00:00:01", "1",
         "the filter cannot be used on packet 2, of link type RAW (101)"},
        {"greater 41", "15", ""},
        {"less 41", "2468", ""},
    };
    struct file file = file_of_link_types();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture *capture = open_file(&file, cases[i].filter);
        struct capture_packet packet;
        int status = 0;
        char numbers[16] = "";
        for (size_t n = 0; (status = capture_next(capture, &packet)) == 1; n++)
            numbers[n] = (char)('0' + packet.number);
        assert_string_equal(numbers, cases[i].numbers);
        assert_int_equal(status, cases[i].error[0] ? -1 : 0);
        assert_contains(capture_error(capture), cases[i].error);
        capture_close(capture);
    }
}

static void test_bad_filters(void **state) {
    (void)state;
    static const unsigned link_types[] = {LINK_ETHERNET, LINK_NOBODY_KNOWS, LINK_USB};
    static const char *const filters[] = {"port https and and", "udp) or (tcp", "nonsense"};
    for (size_t i = 0; i <= sizeof link_types / sizeof *link_types; i++) {
        struct file file = {.size = 0};
        file_put_section(&file);
        if (i > 0)
            file_put_interface(&file, link_types[i - 1], 0);
        scene_write(file.bytes, file.size);
        for (size_t n = 0; n < sizeof filters / sizeof *filters; n++) {
            char error[CAPTURE_ERROR_SIZE] = "";
            assert_null(capture_open_file(scene_path, filters[n], error));
            assert_contains(error, "cannot be used: ");
        }
    }
}

/* More link types than the filter keeps programs for: those that are known still match. */
static void test_filter_of_many_link_types(void **state) {
    (void)state;
    enum { TYPES = 100 };
    struct file file = {.size = 0};
    file_put_section(&file);
    for (unsigned i = 0; i < TYPES; i++)
        file_put_interface(&file, i < TYPES - 1 ? 30000 + i : LINK_ETHERNET, 0);
    FILE *stream = fopen(scene_path, "wb");
    assert_non_null(stream);
    fwrite(file.bytes, 1, file.size, stream);
    for (unsigned i = 0; i < TYPES; i++) {
        file.size = 0;
        file_put_enhanced(&file, i, i + 1);
        fwrite(file.bytes, 1, file.size, stream);
    }
    assert_int_equal(fclose(stream), 0);
    struct capture *capture = scene_open(scene_path, "udp");
    assert_int_equal(next_packet(capture).number, TYPES);
    end_at(capture, 0, "");
}

static void test_every_prefix_and_byte(void **state) {
    (void)state;
    for (unsigned big_endian = 0; big_endian < 2; big_endian++) {
        struct file file = {.big_endian = big_endian};
        file_put_section(&file);
        file_put_interface(&file, LINK_ETHERNET, 0);
        put_interface_of(&file, LINK_RAW, 64, 9, -5);
        file_put_enhanced(&file, 0, 1);
        put_simple(&file, 2, FRAME_SIZE, FRAME_SIZE);
        put_obsolete(&file, 1, 3);
        assert_ends_always(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_section_lengths),
        cmocka_unit_test(test_section_headers),
        cmocka_unit_test(test_short_section_header),
        cmocka_unit_test(test_interfaces_differ),
        cmocka_unit_test(test_interfaces_come_later),
        cmocka_unit_test(test_simple_packets),
        cmocka_unit_test(test_obsolete_packets),
        cmocka_unit_test(test_other_blocks),
        cmocka_unit_test(test_long_blocks),
        cmocka_unit_test(test_long_packets),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_damaged_interfaces),
        cmocka_unit_test(test_many_interfaces),
        cmocka_unit_test(test_foreign_link_types),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bad_filters),
        cmocka_unit_test(test_filter_of_many_link_types),
        cmocka_unit_test(test_every_prefix_and_byte),
    };
    return cmocka_run_group_tests_name("capture_pcapng", tests, scene_set_up, scene_tear_down);
}
