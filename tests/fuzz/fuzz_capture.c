/*
 * fuzz_capture.c - one input as a capture file, in whatever format and packing its bytes say.
 *
 * Byte 0 chooses the filter (its remainder by the number of filters); the rest is the file, which
 * lies in memory. Every packet is read to its last byte, and everything that comes out must keep
 * the promises of capture.h.
 */
#define _GNU_SOURCE /* memfd_create */
#include "capture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MAX_PACKETS = 20000, /* a small compressed input can hold millions */
    MAX_FRAME_SIZE = 256 * 1024,
};

static const uint64_t end_of_9999_us = UINT64_C(253402300800000000);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

/* Reads every byte; the sum keeps the compiler from leaving it out. */
static void touch_bytes(struct span bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    touched = sum;
}

static void read_packets(struct capture *capture) {
    enum { ROW = 5 };
    struct capture_packet row[ROW];
    uint64_t last = 0;
    int count = 1;
    for (unsigned seen = 0; seen < MAX_PACKETS && count > 0; seen += ROW) {
        count = capture_take(capture, row, ROW);
        assert(count <= ROW);
        for (int i = 0; i < count; i++) {
            touch_bytes(row[i].frame);
            assert(row[i].frame.size <= MAX_FRAME_SIZE);
            assert(row[i].wire_size >= row[i].frame.size);
            assert(row[i].time_us < end_of_9999_us);
            assert(row[i].number > last);
            last = row[i].number;
        }
    }
    size_t said = strlen(capture_error(capture));
    assert(said < CAPTURE_ERROR_SIZE);
    if (count <= 0)
        assert((said > 0) == (count == -1) && capture_take(capture, row, ROW) == count);
}

/* The file, made once and filled anew by each run. */
static int open_file(void) {
    static int descriptor = -1;
    if (descriptor < 0)
        descriptor = memfd_create("capture", 0);
    if (descriptor < 0)
        abort();
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const filters[] = {
        NULL, NULL, "tcp port 443", "vlan or ip6", "ether host 02:00:00:00:00:01", "port and"};
    if (size == 0)
        return 0;
    int descriptor = open_file();
    char path[32];
    char error[CAPTURE_ERROR_SIZE] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (ftruncate(descriptor, 0) != 0 ||
        pwrite(descriptor, data + 1, size - 1, 0) != (ssize_t)(size - 1))
        abort();
    struct capture *capture =
        capture_open_file(path, filters[data[0] % (sizeof filters / sizeof *filters)], error);
    assert((capture == NULL) == (error[0] != '\0'));
    if (capture == NULL)
        return 0;
    read_packets(capture);
    uint64_t bytes_read = 0;
    uint64_t bytes_total = 0;
    capture_progress(capture, &bytes_read, &bytes_total);
    assert(bytes_total == size - 1 && bytes_read <= bytes_total);
    capture_close(capture);
    return 0;
}
