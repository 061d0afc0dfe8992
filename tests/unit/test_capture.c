/* Capture files, written here byte by byte: formats, numbering, filters, and every way to be
 * damaged or no capture at all. */
#define _DEFAULT_SOURCE /* mkdtemp and descriptors, to play standard input */
#include "capture.h"

#include "packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAME_SIZE = 42, START_SECONDS = 1700000000, PCAP_HEADER_SIZE = 24, RECORD_SIZE = 16 + 42 };

struct file {
    uint8_t bytes[4096];
    size_t size;
    bool big_endian;
    bool nanoseconds;
};

static char folder[] = "test_capture_XXXXXX";
static char path[sizeof folder + 16];

static void put(struct file *file, uint64_t value, size_t size) {
    assert_true(file->size + size <= sizeof file->bytes);
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (file->big_endian ? size - 1 - i : i);
        file->bytes[file->size++] = (uint8_t)(value >> shift);
    }
}

static void put_bytes(struct file *file, const void *bytes, size_t size) {
    assert_true(file->size + size <= sizeof file->bytes);
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

/* Ethernet, IPv4, UDP to the given port, no payload. */
static void make_frame(uint8_t frame[FRAME_SIZE], unsigned port) {
    static const uint8_t head[FRAME_SIZE] = {
        2, 0,  0,  0, 0, 1,   2, 0, 0, 0,   0,  2,   8, 0,    0x45, 0, 0, 28, 0, 0, 0,
        0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0xc0, 1,    0, 0, 0,  8, 0, 0};
    memcpy(frame, head, FRAME_SIZE);
    frame[36] = (uint8_t)(port >> 8U);
    frame[37] = (uint8_t)port;
}

/* The nth packet's time, in microseconds. */
static uint64_t time_of(uint64_t nth) {
    return START_SECONDS * UINT64_C(1000000) + 1000 * nth;
}

static void put_pcap_header(struct file *file, uint32_t link_type) {
    put(file, file->nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4);
    put(file, 2, 2);
    put(file, 4, 2);
    put(file, 0, 8);
    put(file, 65535, 4);
    put(file, link_type, 4);
}

/* The nth packet (from 1) goes to port 1000 + n, n milliseconds after the start. */
static void put_pcap_packet(struct file *file, unsigned nth) {
    uint8_t frame[FRAME_SIZE];
    make_frame(frame, 1000 + nth);
    put(file, START_SECONDS, 4);
    put(file, (file->nanoseconds ? UINT64_C(1000000) : 1000) * nth, 4);
    put(file, FRAME_SIZE, 4);
    put(file, FRAME_SIZE + 100, 4);
    put_bytes(file, frame, FRAME_SIZE);
}

static struct file pcap_of(unsigned packets) {
    struct file file = {.size = 0};
    put_pcap_header(&file, LINK_ETHERNET);
    for (unsigned nth = 1; nth <= packets; nth++)
        put_pcap_packet(&file, nth);
    return file;
}

static void put_pcapng_headers(struct file *file) {
    put(file, 0x0a0d0d0a, 4);
    put(file, 28, 4);
    put(file, 0x1a2b3c4d, 4);
    put(file, 1, 2);
    put(file, 0, 2);
    put(file, UINT64_MAX, 8);
    put(file, 28, 4);
    put(file, 1, 4); /* interface description */
    put(file, 32, 4);
    put(file, LINK_ETHERNET, 2);
    put(file, 0, 2);
    put(file, 65535, 4);
    put(file, 9, 2); /* if_tsresol, one byte, padded */
    put(file, 1, 2);
    put_bytes(file, file->nanoseconds ? "\x09\0\0" : "\x06\0\0", 4);
    put(file, 0, 4);
    put(file, 32, 4);
}

static void put_pcapng_packet(struct file *file, unsigned nth) {
    uint8_t frame[FRAME_SIZE + 2] = {0};
    make_frame(frame, 1000 + nth);
    uint64_t time = time_of(nth) * (file->nanoseconds ? 1000 : 1);
    put(file, 6, 4); /* enhanced packet */
    put(file, 32 + sizeof frame, 4);
    put(file, 0, 4);
    put(file, time >> 32U, 4);
    put(file, time & UINT32_MAX, 4);
    put(file, FRAME_SIZE, 4);
    put(file, FRAME_SIZE + 100, 4);
    put_bytes(file, frame, sizeof frame);
    put(file, 32 + sizeof frame, 4);
}

static struct file pcapng_of(unsigned packets) {
    struct file file = {.size = 0};
    put_pcapng_headers(&file);
    for (unsigned nth = 1; nth <= packets; nth++)
        put_pcapng_packet(&file, nth);
    return file;
}

static void write_bytes(const void *bytes, size_t size) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static struct capture *open_good(const char *name, const char *filter) {
    char error[CAPTURE_ERROR_SIZE] = "";
    struct capture *capture = capture_open_file(name, filter, error);
    if (capture == NULL)
        fail_msg("%s", error);
    return capture;
}

static void assert_packet(const struct capture_packet *packet, unsigned nth) {
    uint8_t frame[FRAME_SIZE];
    make_frame(frame, 1000 + nth);
    assert_int_equal(packet->number, nth);
    assert_int_equal(packet->time_us, time_of(nth));
    assert_int_equal(packet->wire_size, FRAME_SIZE + 100);
    assert_int_equal(packet->frame.size, FRAME_SIZE);
    assert_memory_equal(packet->frame.data, frame, FRAME_SIZE);
    assert_int_equal(packet->link_type, LINK_ETHERNET);
}

/* Reads packets 1 to `packets`, then expects the given end, twice. */
static void read_all(struct capture *capture, unsigned packets, int end) {
    struct capture_packet packet;
    for (unsigned nth = 1; nth <= packets; nth++) {
        assert_int_equal(capture_next(capture, &packet), 1);
        assert_packet(&packet, nth);
    }
    assert_int_equal(capture_next(capture, &packet), end);
    assert_int_equal(capture_next(capture, &packet), end);
}

static void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void test_formats(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++) {
        struct file file = {.big_endian = variant & 1U, .nanoseconds = variant & 2U};
        bool is_pcapng = variant & 4U;
        if (is_pcapng)
            put_pcapng_headers(&file);
        else
            put_pcap_header(&file, LINK_ETHERNET);
        for (unsigned nth = 1; nth <= 3; nth++) {
            if (is_pcapng)
                put_pcapng_packet(&file, nth);
            else
                put_pcap_packet(&file, nth);
        }
        write_bytes(file.bytes, file.size);
        struct capture *capture = open_good(path, NULL);
        read_all(capture, 3, 0);
        capture_close(capture);
    }
}

static void test_link_types(void **state) {
    (void)state;
    static const struct {
        uint32_t in_file;
        bool supported;
    } cases[] = {{0, true},    {1, true},    {9, true},    {50, true},    {101, true}, {104, true},
                 {108, true},  {113, true},  {228, true},  {229, true},   {276, true}, {105, false},
                 {127, false}, {195, false}, {220, false}, {65000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.size = 0};
        put_pcap_header(&file, cases[i].in_file);
        put_pcap_packet(&file, 1);
        write_bytes(file.bytes, file.size);
        char error[CAPTURE_ERROR_SIZE] = "";
        struct capture *capture = capture_open_file(path, NULL, error);
        struct capture_packet packet;
        if (cases[i].supported) {
            assert_non_null(capture);
            assert_int_equal(capture_next(capture, &packet), 1);
            assert_true(link_type_is_supported(packet.link_type));
        } else {
            char number[16];
            snprintf(number, sizeof number, "(%u)", cases[i].in_file);
            assert_null(capture);
            assert_contains(error, path);
            assert_contains(error, number);
            assert_contains(error, "is not supported");
        }
        capture_close(capture);
    }
}

static void test_truncated(void **state) {
    (void)state;
    for (unsigned is_pcapng = 0; is_pcapng < 2; is_pcapng++) {
        struct file two = is_pcapng ? pcapng_of(2) : pcap_of(2);
        struct file three = is_pcapng ? pcapng_of(3) : pcap_of(3);
        for (size_t size = two.size; size <= three.size; size++) {
            write_bytes(three.bytes, size);
            struct capture *capture = open_good(path, NULL);
            bool cut = size > two.size && size < three.size;
            read_all(capture, size < three.size ? 2 : 3, cut ? -1 : 0);
            char expected[sizeof path + 64];
            snprintf(expected, sizeof expected,
                     "%s: truncated after packet 2 (byte offset %zu): ", path,
                     is_pcapng ? size : two.size);
            if (cut)
                assert_contains(capture_error(capture), expected);
            else
                assert_string_equal(capture_error(capture), "");
            capture_close(capture);
        }
    }
}

static void test_damaged(void **state) {
    (void)state;
    struct file file = pcap_of(1);
    put(&file, START_SECONDS, 8);
    put(&file, 0x7fffffff, 4); /* captured bytes */
    put(&file, 0x7fffffff, 4);
    put_pcap_packet(&file, 3);
    write_bytes(file.bytes, file.size);
    struct capture *capture = open_good(path, NULL);
    read_all(capture, 1, -1);
    assert_contains(capture_error(capture), ": damaged after packet 1 (byte offset 82): ");
    assert_contains(capture_error(capture), path);
    capture_close(capture);

    file = pcapng_of(1);
    put(&file, 6, 4);
    put(&file, 13, 4); /* no block is that short, nor of an odd length */
    put(&file, 0, 8);
    write_bytes(file.bytes, file.size);
    capture = open_good(path, NULL);
    read_all(capture, 1, -1);
    assert_contains(capture_error(capture), ": damaged after packet 1 (byte offset ");
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
        write_bytes(file.bytes, file.size - (i == 2)); /* a cut is found behind any filter */
        struct capture *capture = open_good(path, cases[i].filter);
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

static void test_bad_filter(void **state) {
    (void)state;
    struct file file = pcap_of(1);
    write_bytes(file.bytes, file.size);
    char error[CAPTURE_ERROR_SIZE] = "";
    assert_null(capture_open_file(path, "port https and and", error));
    assert_contains(error, "filter 'port https and and' cannot be used: ");
    assert_contains(error, path);
}

static void test_not_a_capture(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "is empty"},
        {"\xd4", 1, "not a capture (pcap and pcapng are read)"},
        {"\xd4\xc3\xb2\xa1\x02\0\x04\0", 8, "not a capture (pcap and pcapng are read)"},
        {"<html><head><title>404 Not Found", 32, "not a capture (pcap and pcapng are read)"},
        {"\x1f\x8b\x08\0\0\0\0\0\0\x03", 10, "compressed with gzip; unpack it first"},
        {"\x28\xb5\x2f\xfd\x04\0", 6, "compressed with zstd"},
        {"\xfd"
         "7zXZ\0",
         6, "compressed with xz"},
        {"BZh91AY&SY", 10, "compressed with bzip2"},
    };
    char error[CAPTURE_ERROR_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes(cases[i].bytes, cases[i].size);
        memset(error, 0, sizeof error);
        assert_null(capture_open_file(path, NULL, error));
        assert_contains(error, path);
        assert_contains(error, cases[i].says);
    }
    assert_null(capture_open_file(folder, NULL, error));
    assert_contains(error, "is a directory");
    unlink(path);
    assert_null(capture_open_file(path, NULL, error));
    assert_contains(error, "cannot be opened: No such file");
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
        write_bytes(file.bytes, file.size);
        struct capture *capture = open_good(path, NULL);
        read_all(capture, 0, 0);
        capture_close(capture);
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
        put(&file, cases[i].seconds, 4);
        put(&file, cases[i].micros, 4);
        put(&file, FRAME_SIZE, 4);
        put(&file, cases[i].wire_size, 4);
        put_bytes(&file, frame, sizeof frame);
        write_bytes(file.bytes, file.size);
        struct capture *capture = open_good(path, NULL);
        struct capture_packet packet;
        assert_int_equal(capture_next(capture, &packet), 1);
        assert_int_equal(packet.time_us, cases[i].time_us);
        assert_int_equal(packet.wire_size, cases[i].expected_wire_size);
        capture_close(capture);
    }
}

/* pcapng counts 64 bits of units since 1970: up to year 586524. */
static void test_far_future(void **state) {
    (void)state;
    struct file file = pcapng_of(1);
    memset(file.bytes + 60 + 12, 0xff, 8);
    write_bytes(file.bytes, file.size);
    struct capture *capture = open_good(path, NULL);
    struct capture_packet packet;
    assert_int_equal(capture_next(capture, &packet), 1);
    assert_int_equal(packet.time_us / 1000000, UINT64_C(253402300799));
    capture_close(capture);
}

/* Runs with the given descriptor in the place of standard input. */
static void read_from(int descriptor, unsigned packets, int end, const char *says) {
    int saved = dup(STDIN_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(descriptor, STDIN_FILENO), STDIN_FILENO);
    struct capture *capture = open_good("-", NULL);
    read_all(capture, packets, end);
    assert_contains(capture_error(capture), says);
    uint64_t bytes_read = 0;
    uint64_t bytes_total = 0;
    capture_progress(capture, &bytes_read, &bytes_total);
    assert_true(bytes_read > 0);
    capture_close(capture);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    close(descriptor);
}

static int pipe_of(const struct file *file, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], file->bytes, size), size);
    close(ends[1]);
    return ends[0];
}

static void test_stdin(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    read_from(pipe_of(&file, file.size), 3, 0, "");
    read_from(pipe_of(&file, file.size - 1), 2, -1,
              "standard input: truncated after packet 2 (byte offset 140): ");
    struct file pcapng = pcapng_of(3);
    read_from(pipe_of(&pcapng, pcapng.size - 1), 2, -1,
              "standard input: truncated after packet 2: ");
    write_bytes(file.bytes, file.size);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    read_from(dup(fileno(stream)), 3, 0, "");
    fclose(stream);
}

static void test_progress(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    write_bytes(file.bytes, file.size);
    struct capture *capture = open_good(path, NULL);
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t total = 0;
    capture_progress(capture, &before, &total);
    assert_true(before <= file.size);
    assert_int_equal(total, file.size);
    read_all(capture, 3, 0);
    capture_progress(capture, &after, &total);
    assert_int_equal(after, file.size);
    assert_true(before < after);
    capture_close(capture);
}

/* Reads what it can; whatever it is, that ends. */
static void read_anything(const struct file *file, size_t size) {
    write_bytes(file->bytes, size);
    char error[CAPTURE_ERROR_SIZE] = "";
    struct capture *capture = capture_open_file(path, "udp", error);
    if (capture == NULL) {
        assert_contains(error, path);
        return;
    }
    struct capture_packet packet;
    int status = 0;
    uint64_t last = 0;
    while ((status = capture_next(capture, &packet)) == 1) {
        assert_true(packet.number > last && packet.number <= file->size);
        assert_true(packet.wire_size >= packet.frame.size);
        assert_true(packet.time_us < UINT64_C(253402300800000000));
        last = packet.number;
    }
    if (status == -1)
        assert_contains(capture_error(capture), path);
    capture_close(capture);
}

static void test_every_prefix_and_byte(void **state) {
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (unsigned is_pcapng = 0; is_pcapng < 2; is_pcapng++) {
        struct file file = is_pcapng ? pcapng_of(2) : pcap_of(2);
        for (size_t size = 0; size < file.size; size++)
            read_anything(&file, size);
        for (size_t at = 0; at < file.size; at++) {
            for (size_t i = 0; i < sizeof values; i++) {
                struct file changed = file;
                changed.bytes[at] = values[i];
                read_anything(&changed, changed.size);
            }
        }
    }
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
        FILE *stream = fopen(path, "wb");
        assert_non_null(stream);
        for (size_t n = 0; n < cases[i].times; n++)
            fputs(cases[i].text, stream);
        assert_int_equal(fclose(stream), 0);
        memset(id, 'x', sizeof id);
        assert_int_equal(capture_content_id(path, id), 0);
        assert_string_equal(id, cases[i].id);
    }
    assert_int_equal(capture_content_id(folder, id), -ESPIPE);
    unlink(path);
    assert_int_equal(capture_content_id(path, id), -ENOENT);
}

static int set_up(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/test.pcap", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_link_types),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_numbers_before_filter),
        cmocka_unit_test(test_bad_filter),
        cmocka_unit_test(test_not_a_capture),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_no_packets),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_far_future),
        cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_every_prefix_and_byte),
        cmocka_unit_test(test_content_id),
    };
    return cmocka_run_group_tests_name("capture", tests, set_up, tear_down);
}
