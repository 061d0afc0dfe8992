/* Capture files as callers see them: pcap in all its variants, numbering, filters, pipes, and every
 * way to be damaged or no capture at all. */
#define _DEFAULT_SOURCE /* descriptors, to play standard input */
#include "capture_scene.h"

#include "packet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_formats(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++) {
        struct file file = {.big_endian = variant & 1U, .nanoseconds = variant & 2U};
        bool is_pcapng = variant & 4U;
        if (is_pcapng) {
            file_put_section(&file);
            file_put_interface(&file, LINK_ETHERNET, 65535);
        } else {
            file_put_pcap_header(&file, LINK_ETHERNET);
        }
        for (unsigned nth = 1; nth <= 3; nth++) {
            if (is_pcapng)
                file_put_enhanced(&file, 0, nth);
            else
                file_put_pcap_packet(&file, nth);
        }
        assert_file(&file, 3, 0, "");
    }
}

/* Versions that have a record's two lengths the other way round. */
static void test_old_versions(void **state) {
    (void)state;
    static const struct {
        uint16_t major;
        uint16_t minor;
        bool exchanged;
        const char *refusal; /* NULL: it is read */
    } cases[] = {{2, 4, false, NULL},
                 {2, 3, false, NULL},
                 {2, 3, true, NULL},
                 {2, 2, true, NULL},
                 {2, 0, true, NULL},
                 {543, 0, true, NULL},
                 {2, 5, false, "not a capture (pcap and pcapng are read): pcap version 2.5"},
                 {1, 0, false, "pcap version 1.0"},
                 {3, 0, false, "pcap version 3.0"},
                 {543, 1, false, "pcap version 543.1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.big_endian = i % 2};
        uint8_t frame[FRAME_SIZE];
        frame_make(frame, 1001);
        file_put(&file, 0xa1b2c3d4, 4);
        file_put(&file, cases[i].major, 2);
        file_put(&file, cases[i].minor, 2);
        file_put(&file, 0, 8);
        file_put(&file, 65535, 4);
        file_put(&file, LINK_ETHERNET, 4);
        file_put(&file, START_SECONDS, 4);
        file_put(&file, 1000, 4);
        file_put(&file, FRAME_SIZE + (cases[i].exchanged ? 100 : 0), 4);
        file_put(&file, FRAME_SIZE + (cases[i].exchanged ? 0 : 100), 4);
        file_put_bytes(&file, frame, FRAME_SIZE);
        if (cases[i].refusal == NULL)
            assert_file(&file, 1, 0, "");
        else
            assert_refused(file.bytes, file.size, cases[i].refusal);
    }
}

/* Its record headers go on with an interface, a protocol and a packet type. */
static void test_modified_pcap(void **state) {
    (void)state;
    for (unsigned big_endian = 0; big_endian < 2; big_endian++) {
        struct file file = {.big_endian = big_endian};
        file_put(&file, 0xa1b2cd34, 4);
        file_put(&file, 2, 2);
        file_put(&file, 4, 2);
        file_put(&file, 0, 8);
        file_put(&file, 65535, 4);
        file_put(&file, LINK_ETHERNET, 4);
        for (unsigned nth = 1; nth <= 2; nth++) {
            uint8_t frame[FRAME_SIZE];
            frame_make(frame, 1000 + nth);
            file_put(&file, START_SECONDS, 4);
            file_put(&file, 1000U * nth, 4);
            file_put(&file, FRAME_SIZE, 4);
            file_put(&file, FRAME_SIZE + 100, 4);
            file_put(&file, 3, 4);
            file_put(&file, 0x0800, 2);
            file_put(&file, 0, 2);
            file_put_bytes(&file, frame, FRAME_SIZE);
        }
        assert_file(&file, 2, 0, "");
        file.size -= FRAME_SIZE + 1;
        assert_file(&file, 1, -1,
                    "truncated after packet 1 (byte offset 90): the record header "
                    "ends after 23 of 24 bytes");
    }
}

static void test_link_types(void **state) {
    (void)state;
    static const struct {
        uint32_t in_file;
        bool supported;
    } cases[] = {{0, true},       {1, true},    {9, true},      {50, true},
                 {101, true},     {104, true},  {108, true},    {113, true},
                 {228, true},     {229, true},  {276, true},    {0x24000001, true},
                 {195, false},    {220, false}, {65000, false}, {0xf4000000 + 220, false},
                 {0x10001, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.size = 0};
        file_put_pcap_header(&file, cases[i].in_file);
        file_put_pcap_packet(&file, 1);
        struct capture_packet packet;
        if (cases[i].supported) {
            scene_write(file.bytes, file.size);
            struct capture *capture = scene_open(scene_path, NULL);
            assert_int_equal(capture_next(capture, &packet), 1);
            assert_int_equal(packet.link_type, cases[i].in_file & 0x03ffffffU);
            capture_close(capture);
        } else {
            char says[64];
            snprintf(says, sizeof says, "(%u) is not supported", cases[i].in_file & 0x03ffffffU);
            assert_refused(file.bytes, file.size, says);
        }
    }
}

static void test_truncated(void **state) {
    (void)state;
    for (unsigned is_pcapng = 0; is_pcapng < 2; is_pcapng++) {
        struct file two = is_pcapng ? pcapng_of(2) : pcap_of(2);
        struct file three = is_pcapng ? pcapng_of(3) : pcap_of(3);
        char says[SCENE_PATH_SIZE + 80];
        snprintf(says, sizeof says, "%s: truncated after packet 2 (byte offset %zu): ", scene_path,
                 two.size);
        size_t whole = three.size;
        for (three.size = two.size; three.size <= whole; three.size++) {
            bool is_cut = three.size > two.size && three.size < whole;
            assert_file(&three, three.size < whole ? 2 : 3, is_cut ? -1 : 0, is_cut ? says : "");
        }
    }
}

static void test_damaged(void **state) {
    (void)state;
    static const struct {
        uint32_t size;
        const char *says;
    } cases[] = {
        {0x7fffffff, ": damaged after packet 1 (byte offset 82): a packet of 2147483647 bytes"},
        {UINT32_MAX, ": damaged after packet 1 (byte offset 82): a packet of 4294967295 bytes"},
        {256 * 1024 + 1, ": damaged after packet 1 (byte offset 82): a packet of 262145 bytes"},
        {256 * 1024, ": truncated after packet 1 (byte offset 82): the packet ends after 58 of "},
        {59, ": truncated after packet 1 (byte offset 82): the packet ends after 58 of 59 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = pcap_of(1);
        file_put(&file, START_SECONDS, 8);
        file_put(&file, cases[i].size, 4);
        file_put(&file, cases[i].size, 4);
        file_put_pcap_packet(&file, 3);
        assert_file(&file, 1, -1, cases[i].says);
        assert_file(&file, 1, -1, scene_path);
    }
}

/* A record may hold more than the file header's snap length says, up to what any may. */
static void test_beyond_snap_length(void **state) {
    (void)state;
    enum { LARGEST = 256 * 1024 };
    for (uint32_t size = LARGEST; size <= LARGEST + 1; size++) {
        struct file file = {.size = 0};
        file_put_pcap_header(&file, LINK_ETHERNET);
        file_put(&file, START_SECONDS, 8);
        file_put(&file, size, 4);
        file_put(&file, size, 4);
        uint8_t *bytes = calloc(1, file.size + size);
        assert_non_null(bytes);
        memcpy(bytes, file.bytes, file.size);
        bytes[file.size + size - 1] = 0x5a;
        scene_write(bytes, file.size + size);
        free(bytes);
        struct capture *capture = scene_open(scene_path, NULL);
        struct capture_packet packet;
        assert_int_equal(capture_next(capture, &packet), size == LARGEST ? 1 : -1);
        if (size == LARGEST) {
            assert_int_equal(packet.frame.size, LARGEST);
            assert_int_equal(packet.frame.data[LARGEST - 1], 0x5a);
            assert_int_equal(capture_next(capture, &packet), 0);
        }
        capture_close(capture);
    }
}

/* More records than the window has room for, so that they lie across its end in every way. */
static void test_many_packets(void **state) {
    (void)state;
    enum { PACKETS = 40000 };
    static const uint8_t zeroes[64];
    FILE *stream = fopen(scene_path, "wb");
    assert_non_null(stream);
    struct file header = pcap_of(0);
    fwrite(header.bytes, 1, header.size, stream);
    for (unsigned nth = 1; nth <= PACKETS; nth++) {
        struct file record = {.size = 0};
        size_t extra = nth % sizeof zeroes;
        file_put(&record, START_SECONDS, 4);
        file_put(&record, nth, 4);
        file_put(&record, 4 + extra, 4);
        file_put(&record, 4 + extra, 4);
        file_put(&record, nth, 4);
        fwrite(record.bytes, 1, record.size, stream);
        fwrite(zeroes, 1, extra, stream);
    }
    assert_int_equal(fclose(stream), 0);
    struct capture *capture = scene_open(scene_path, NULL);
    struct capture_packet packet;
    for (uint32_t nth = 1; nth <= PACKETS; nth++) {
        uint32_t content = 0;
        assert_int_equal(capture_next(capture, &packet), 1);
        assert_int_equal(packet.number, nth);
        assert_int_equal(packet.frame.size, 4 + nth % sizeof zeroes);
        memcpy(&content, packet.frame.data, sizeof content);
        assert_int_equal(content, nth);
    }
    assert_int_equal(capture_next(capture, &packet), 0);
    capture_close(capture);
}

static void test_numbers_before_filter(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        unsigned first;
        unsigned second;
    } cases[] = {{"udp dst port 1002 or udp dst port 1005", 2, 5},
                 {"ip src 192.0.2.1 and portrange 1004-1005", 4, 5},
                 {"tcp", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = i == 1 ? pcapng_of(5) : pcap_of(5);
        scene_write(file.bytes, file.size - (i == 2)); /* a cut is found behind any filter */
        struct capture *capture = scene_open(scene_path, cases[i].filter);
        struct capture_packet packet;
        if (cases[i].first != 0) {
            assert_int_equal(capture_next(capture, &packet), 1);
            assert_packet(&packet, cases[i].first);
            assert_int_equal(capture_next(capture, &packet), 1);
            assert_packet(&packet, cases[i].second);
            assert_int_equal(capture_next(capture, &packet), 0);
        } else {
            assert_int_equal(capture_next(capture, &packet), -1);
            assert_contains(capture_error(capture), "after packet 4 (byte offset 256)");
        }
        capture_close(capture);
    }
}

/* libpcap knows two link types by other numbers than files do. */
static void test_filter_knows_link_type(void **state) {
    (void)state;
    static const struct {
        uint32_t link_type;
        size_t skip; /* of the frame */
    } cases[] = {{LINK_ETHERNET, 0}, {LINK_RAW, 14}, {LINK_IPV4, 14}, {0x24000001, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.size = 0};
        file_put_pcap_header(&file, cases[i].link_type);
        for (unsigned nth = 1; nth <= 2; nth++) {
            uint8_t frame[FRAME_SIZE];
            frame_make(frame, 1000 + nth);
            file_put(&file, START_SECONDS, 8);
            file_put(&file, FRAME_SIZE - cases[i].skip, 4);
            file_put(&file, FRAME_SIZE - cases[i].skip, 4);
            file_put_bytes(&file, frame + cases[i].skip, FRAME_SIZE - cases[i].skip);
        }
        scene_write(file.bytes, file.size);
        struct capture *capture = scene_open(scene_path, "udp port 1002");
        struct capture_packet packet;
        assert_int_equal(capture_next(capture, &packet), 1);
        assert_int_equal(packet.number, 2);
        assert_int_equal(capture_next(capture, &packet), 0);
        capture_close(capture);
    }
}

static void test_bad_filter(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        const char *says;
    } cases[] = {
        {"port https and and", "filter 'port https and and' cannot be used: "},
        {"udp) or (tcp", "cannot be used: "},
        {"tcp and udp", "cannot be used: "}, /* libpcap: nothing can match */
    };
    struct file file = pcap_of(1);
    scene_write(file.bytes, file.size);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[CAPTURE_ERROR_SIZE] = "";
        assert_null(capture_open_file(scene_path, cases[i].filter, error));
        assert_contains(error, cases[i].says);
        assert_contains(error, scene_path);
    }
}

static void test_not_a_capture(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "is empty"},
        {"\xd4", 1, "not a capture (pcap and pcapng are read): its first bytes"},
        {"\xd4\xc3\xb2\xa1\x02\0\x04\0", 8,
         "not a capture (pcap and pcapng are read): its header ends after 8 of 24 bytes"},
        {"\x0a\x0d\x0d\x0a\x1c\0\0\0", 8,
         "not a capture (pcap and pcapng are read): the block ends after 8 of "},
        {"<html><head><title>404 Not Found", 32, "not a capture (pcap and pcapng are read): its"},
        {"\xfd"
         "7zXZ\0",
         6, "compressed with xz; unpack it first, for instance: xz -dc FILE | downgrd -r -"},
        {"BZh91AY&SY", 10, "compressed with bzip2"},
        {"\x04\x22\x4d\x18\x64\x40\xa7", 7, "compressed with lz4; unpack it first"},
        {"\x1f\x9d\x90", 3, "compressed with compress; unpack it first"},
        {"PK\x03\x04\x14", 5, "compressed with zip"},
        {"7z\xbc\xaf\x27\x1c", 6, "compressed with 7-Zip"},
        {"LZIP\x01", 5, "compressed with lzip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].bytes, cases[i].size, cases[i].says);
    char error[CAPTURE_ERROR_SIZE];
    assert_null(capture_open_file(scene_folder, NULL, error));
    assert_contains(error, "is a directory");
    unlink(scene_path);
    assert_null(capture_open_file(scene_path, NULL, error));
    assert_contains(error, "cannot be opened: No such file");
    assert_null(capture_open_file("/proc/self/mem", NULL, error));
    assert_contains(error, "/proc/self/mem: cannot be read: Input/output error");
}

static void test_long_path(void **state) {
    (void)state;
    char name[3000];
    memset(name, 'x', sizeof name);
    memcpy(name + sizeof name - 9, "end.pcap", 9);
    char error[CAPTURE_ERROR_SIZE];
    memset(error, 'y', sizeof error);
    assert_null(capture_open_file(name, NULL, error));
    assert_contains(error, "...xxx");
    assert_contains(error, "xend.pcap: cannot be opened: ");
}

static void test_no_packets(void **state) {
    (void)state;
    for (unsigned is_pcapng = 0; is_pcapng < 2; is_pcapng++) {
        struct file file = is_pcapng ? pcapng_of(0) : pcap_of(0);
        assert_file(&file, 0, 0, "");
    }
}

static void test_odd_numbers(void **state) {
    (void)state;
    static const struct {
        uint32_t seconds;
        uint32_t micros;
        uint32_t wire_size;
        uint64_t time_us;
        size_t expected_wire_size;
    } cases[] = {
        {0, 0, FRAME_SIZE, 0, FRAME_SIZE},
        {UINT32_MAX, 5, FRAME_SIZE, UINT64_C(4294967295000005), FRAME_SIZE},
        {7, 1000000, 1500, 7999999, 1500},
        {7, UINT32_MAX, 1500, 7999999, 1500},
        {7, 0, FRAME_SIZE - 1, 7000000, FRAME_SIZE}, /* captured more than there was */
        {7, 0, 0, 7000000, FRAME_SIZE},
        {7, 0, 1U << 20U, 7000000, 1U << 20U},
        {7, 0, UINT32_MAX, 7000000, FRAME_SIZE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = pcap_of(0);
        uint8_t frame[FRAME_SIZE] = {0};
        file_put(&file, cases[i].seconds, 4);
        file_put(&file, cases[i].micros, 4);
        file_put(&file, FRAME_SIZE, 4);
        file_put(&file, cases[i].wire_size, 4);
        file_put_bytes(&file, frame, sizeof frame);
        scene_write(file.bytes, file.size);
        struct capture *capture = scene_open(scene_path, NULL);
        struct capture_packet packet;
        assert_int_equal(capture_next(capture, &packet), 1);
        assert_int_equal(packet.time_us, cases[i].time_us);
        assert_int_equal(packet.wire_size, cases[i].expected_wire_size);
        capture_close(capture);
    }
}

/* Nanoseconds become microseconds, rounded down. */
static void test_nanoseconds(void **state) {
    (void)state;
    struct file file = {.nanoseconds = true};
    uint8_t frame[FRAME_SIZE] = {0};
    file_put_pcap_header(&file, LINK_ETHERNET);
    file_put(&file, 7, 4);
    file_put(&file, 1000999, 4);
    file_put(&file, FRAME_SIZE, 4);
    file_put(&file, FRAME_SIZE, 4);
    file_put_bytes(&file, frame, sizeof frame);
    scene_write(file.bytes, file.size);
    struct capture *capture = scene_open(scene_path, NULL);
    struct capture_packet packet;
    assert_int_equal(capture_next(capture, &packet), 1);
    assert_int_equal(packet.time_us, 7001000);
    capture_close(capture);
}

static void test_stdin(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    struct file pcapng = pcapng_of(3);
    for (size_t piece = 0; piece < 60; piece += 1 + piece / 2) {
        assert_stdin(scene_pipe(file.bytes, file.size, piece), 3, 0, "");
        assert_stdin(scene_pipe(pcapng.bytes, pcapng.size, piece), 3, 0, "");
        assert_stdin(scene_pipe(file.bytes, file.size - 1, piece), 2, -1,
                     "standard input: truncated after packet 2 (byte offset 140): ");
        assert_stdin(scene_pipe(pcapng.bytes, pcapng.size - 1, piece), 2, -1,
                     "standard input: truncated after packet 2 (byte offset 212): ");
    }
    scene_write(file.bytes, file.size);
    FILE *stream = fopen(scene_path, "rb");
    assert_non_null(stream);
    assert_stdin(dup(fileno(stream)), 3, 0, "");
    fclose(stream);
}

/* A pipe that somebody made non-blocking is waited for all the same. */
static void test_stdin_without_blocking(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        size_t half = file.size / 2;
        usleep(20000);
        bool good = write(ends[1], file.bytes, half) == (ssize_t)half;
        usleep(20000);
        size_t rest = file.size - half;
        _exit(good && write(ends[1], file.bytes + half, rest) == (ssize_t)rest ? 0 : 1);
    }
    close(ends[1]);
    assert_stdin(ends[0], 3, 0, "");
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Packets are given in rows, and those of one row are valid together, wherever the pieces end in
 * which the file is read. */
static void assert_rows(const struct file *file, size_t head, size_t repeated) {
    enum { REPEATS = 3000, ROW = 16 };
    FILE *out = fopen(scene_path, "wb");
    assert_non_null(out);
    fwrite(file->bytes, 1, head, out);
    for (unsigned i = 0; i < REPEATS; i++)
        fwrite(file->bytes + head, 1, repeated, out);
    fclose(out);
    struct capture *capture = scene_open(scene_path, NULL);
    struct capture_packet row[ROW];
    uint64_t number = 0;
    unsigned full = 0;
    int count = 0;
    while ((count = capture_take(capture, row, ROW)) > 0) {
        full += count == ROW;
        for (int i = 0; i < count; i++) {
            assert_int_equal(row[i].number, ++number);
            row[i].number = (number - 1) % 3 + 1;
            assert_packet(&row[i], (unsigned)row[i].number);
        }
    }
    assert_int_equal(count, 0);
    assert_int_equal(number, REPEATS * 3);
    assert_true(full > REPEATS * 3 / ROW - 20);
    capture_close(capture);
}

static void test_rows(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    assert_rows(&file, PCAP_HEADER_SIZE, file.size - PCAP_HEADER_SIZE);
    struct file pcapng = pcapng_of(3);
    assert_rows(&pcapng, SECTION_SIZE + INTERFACE_SIZE, 3 * ENHANCED_SIZE);
}

/* What stands before damage is given first. */
static void test_row_before_damage(void **state) {
    (void)state;
    struct file files[] = {pcap_of(3), pcapng_of(3)};
    for (size_t i = 0; i < 2; i++) {
        struct capture_packet row[16];
        scene_write(files[i].bytes, files[i].size - 1);
        struct capture *capture = scene_open(scene_path, NULL);
        assert_int_equal(capture_take(capture, row, 16), 2);
        assert_packet(&row[0], 1);
        assert_packet(&row[1], 2);
        assert_int_equal(capture_take(capture, row, 16), -1);
        assert_contains(capture_error(capture), "truncated after packet 2");
        capture_close(capture);
    }
}

/* What is appended while the file is read is read as well. */
static void test_growing_file(void **state) {
    (void)state;
    struct file file = pcap_of(5);
    size_t two = PCAP_HEADER_SIZE + 2 * PCAP_RECORD_SIZE;
    scene_write(file.bytes, two + 9);
    struct capture *capture = scene_open(scene_path, NULL);
    FILE *more = fopen(scene_path, "ab");
    assert_non_null(more);
    assert_int_equal(fwrite(file.bytes + two + 9, 1, file.size - two - 9, more),
                     file.size - two - 9);
    fclose(more);
    assert_packets(capture, 5, 0);
    capture_close(capture);
}

/* Somebody cuts the file while it is read: it ends with an error, and nothing else happens. */
static void test_shrinking_file(void **state) {
    (void)state;
    enum { PACKETS = 100000 };
    struct file file = pcap_of(1);
    FILE *out = fopen(scene_path, "wb");
    assert_non_null(out);
    fwrite(file.bytes, 1, PCAP_HEADER_SIZE, out);
    for (unsigned i = 0; i < PACKETS; i++)
        fwrite(file.bytes + PCAP_HEADER_SIZE, 1, PCAP_RECORD_SIZE, out);
    fclose(out);
    struct capture *capture = scene_open(scene_path, NULL);
    struct capture_packet packet;
    unsigned seen = 0;
    int status = 0;
    while ((status = capture_next(capture, &packet)) == 1)
        if (++seen == 10)
            assert_int_equal(truncate(scene_path, PCAP_HEADER_SIZE + 20 * PCAP_RECORD_SIZE), 0);
    assert_int_equal(status, -1);
    assert_true(seen < PACKETS / 2);
    assert_contains(capture_error(capture), "the file became shorter while it was read");
    capture_close(capture);
}

static void test_progress(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    scene_write(file.bytes, file.size);
    struct capture *capture = scene_open(scene_path, NULL);
    uint64_t bytes_read = 0;
    uint64_t bytes_total = 0;
    capture_progress(capture, &bytes_read, &bytes_total);
    assert_true(bytes_read > 0 && bytes_read <= file.size);
    assert_int_equal(bytes_total, file.size);
    assert_packets(capture, 3, 0);
    capture_progress(capture, &bytes_read, &bytes_total);
    assert_int_equal(bytes_read, file.size);
    capture_close(capture);
}

static void test_every_prefix_and_byte(void **state) {
    (void)state;
    struct file file = pcap_of(2);
    assert_ends_always(&file);
}

static void test_content_id(void **state) {
    (void)state;
    /* FIPS 180-4's examples */
    static const struct {
        const char *text;
        size_t times;
        const char *id;
    } cases[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    char id[CAPTURE_ID_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *stream = fopen(scene_path, "wb");
        assert_non_null(stream);
        for (size_t n = 0; n < cases[i].times; n++)
            fputs(cases[i].text, stream);
        assert_int_equal(fclose(stream), 0);
        memset(id, 'x', sizeof id);
        assert_int_equal(capture_content_id(scene_path, id), 0);
        assert_string_equal(id, cases[i].id);
    }
    assert_int_equal(capture_content_id(scene_folder, id), -ESPIPE);
    unlink(scene_path);
    assert_int_equal(capture_content_id(scene_path, id), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_modified_pcap),
        cmocka_unit_test(test_link_types),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_beyond_snap_length),
        cmocka_unit_test(test_many_packets),
        cmocka_unit_test(test_numbers_before_filter),
        cmocka_unit_test(test_filter_knows_link_type),
        cmocka_unit_test(test_bad_filter),
        cmocka_unit_test(test_not_a_capture),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_no_packets),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_nanoseconds),
        cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_stdin_without_blocking),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_row_before_damage),
        cmocka_unit_test(test_growing_file),
        cmocka_unit_test(test_shrinking_file),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_every_prefix_and_byte),
        cmocka_unit_test(test_content_id),
    };
    return cmocka_run_group_tests_name("capture", tests, scene_set_up, scene_tear_down);
}
