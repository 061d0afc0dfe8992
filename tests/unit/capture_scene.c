#define _GNU_SOURCE /* mkdtemp, fork, pipes of packets */
#include "capture_scene.h"

#include "packet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

char scene_folder[SCENE_PATH_SIZE] = "test_capture_XXXXXX";
char scene_path[SCENE_PATH_SIZE + 16];

int scene_set_up(void **state) {
    (void)state;
    if (mkdtemp(scene_folder) == NULL)
        return -1;
    snprintf(scene_path, sizeof scene_path, "%s/test.pcap", scene_folder);
    return 0;
}

int scene_tear_down(void **state) {
    (void)state;
    unlink(scene_path);
    return rmdir(scene_folder);
}

void file_put(struct file *file, uint64_t value, size_t size) {
    assert_true(file->size + size <= sizeof file->bytes);
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (file->big_endian ? size - 1 - i : i);
        file->bytes[file->size++] = (uint8_t)(shift < 64 ? value >> shift : 0);
    }
}

void file_put_bytes(struct file *file, const void *bytes, size_t size) {
    assert_true(file->size + size <= sizeof file->bytes);
    if (size > 0)
        memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

void frame_make(uint8_t frame[FRAME_SIZE], unsigned port) {
    static const uint8_t head[FRAME_SIZE] = {
        2, 0,  0,  0, 0, 1,   2, 0, 0, 0,   0,  2,   8, 0,    0x45, 0, 0, 28, 0, 0, 0,
        0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0xc0, 1,    0, 0, 0,  8, 0, 0};
    memcpy(frame, head, FRAME_SIZE);
    frame[36] = (uint8_t)(port >> 8U);
    frame[37] = (uint8_t)port;
}

uint64_t packet_time_us(uint64_t nth) {
    return START_SECONDS * UINT64_C(1000000) + 1000 * nth;
}

void file_put_pcap_header(struct file *file, uint32_t link_type) {
    file_put(file, file->nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4);
    file_put(file, 2, 2);
    file_put(file, 4, 2);
    file_put(file, 0, 8);
    file_put(file, 65535, 4);
    file_put(file, link_type, 4);
}

void file_put_pcap_packet(struct file *file, unsigned nth) {
    uint8_t frame[FRAME_SIZE];
    frame_make(frame, 1000 + nth);
    file_put(file, START_SECONDS, 4);
    file_put(file, (file->nanoseconds ? UINT64_C(1000000) : 1000) * nth, 4);
    file_put(file, FRAME_SIZE, 4);
    file_put(file, FRAME_SIZE + 100, 4);
    file_put_bytes(file, frame, FRAME_SIZE);
}

struct file pcap_of(unsigned packets) {
    struct file file = {.size = 0};
    file_put_pcap_header(&file, LINK_ETHERNET);
    for (unsigned nth = 1; nth <= packets; nth++)
        file_put_pcap_packet(&file, nth);
    return file;
}

void file_put_block(struct file *file, uint32_t type, const void *body, size_t size) {
    size_t padding = -size & 3U;
    uint64_t total = 12 + size + padding;
    file_put(file, type, 4);
    file_put(file, total, 4);
    file_put_bytes(file, body, size);
    file_put(file, 0, padding);
    file_put(file, total, 4);
}

void file_put_section(struct file *file) {
    file_put(file, 0x0a0d0d0a, 4);
    file_put(file, SECTION_SIZE, 4);
    file_put(file, 0x1a2b3c4d, 4);
    file_put(file, 1, 2);
    file_put(file, 0, 2);
    file_put(file, UINT64_MAX, 8);
    file_put(file, SECTION_SIZE, 4);
}

void file_put_interface(struct file *file, unsigned link_type, uint32_t snap_length) {
    file_put(file, 1, 4);
    file_put(file, INTERFACE_SIZE, 4);
    file_put(file, link_type, 2);
    file_put(file, 0, 2);
    file_put(file, snap_length, 4);
    file_put(file, 9, 2); /* if_tsresol, one byte, padded */
    file_put(file, 1, 2);
    file_put_bytes(file, file->nanoseconds ? "\x09\0\0" : "\x06\0\0", 4);
    file_put(file, 0, 4);
    file_put(file, INTERFACE_SIZE, 4);
}

static void put_enhanced(struct file *file, uint32_t interface, uint64_t ticks, unsigned nth) {
    uint8_t frame[FRAME_SIZE + 2] = {0};
    frame_make(frame, 1000 + nth);
    file_put(file, 6, 4);
    file_put(file, ENHANCED_SIZE, 4);
    file_put(file, interface, 4);
    file_put(file, ticks >> 32U, 4);
    file_put(file, ticks & UINT32_MAX, 4);
    file_put(file, FRAME_SIZE, 4);
    file_put(file, FRAME_SIZE + 100, 4);
    file_put_bytes(file, frame, sizeof frame);
    file_put(file, ENHANCED_SIZE, 4);
}

void file_put_ticks(struct file *file, uint32_t interface, uint64_t ticks) {
    put_enhanced(file, interface, ticks, 1);
}

void file_put_enhanced(struct file *file, uint32_t interface, unsigned nth) {
    put_enhanced(file, interface, packet_time_us(nth) * (file->nanoseconds ? 1000 : 1), nth);
}

struct file pcapng_of(unsigned packets) {
    struct file file = {.size = 0};
    file_put_section(&file);
    file_put_interface(&file, LINK_ETHERNET, 65535);
    for (unsigned nth = 1; nth <= packets; nth++)
        file_put_enhanced(&file, 0, nth);
    return file;
}

void scene_write(const void *bytes, size_t size) {
    FILE *stream = fopen(scene_path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static void write_pieces(int descriptor, const uint8_t *bytes, size_t size, size_t piece) {
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size < piece ? size : piece);
        if (written <= 0)
            break;
        bytes += written;
        size -= (size_t)written;
    }
}

int scene_pipe(const void *bytes, size_t size, size_t piece) {
    int ends[2];
    /* A pipe of packets gives a reader no more than was written at once. */
    assert_int_equal(pipe2(ends, piece == 1 ? O_DIRECT : 0), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        /* A grandchild writes, so that nobody has to wait for it. */
        if (fork() == 0)
            write_pieces(ends[1], bytes, size, piece ? piece : size);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return ends[0];
}

struct capture *scene_open(const char *path, const char *filter) {
    char error[CAPTURE_ERROR_SIZE] = "";
    struct capture *capture = capture_open_file(path, filter, error);
    if (capture == NULL)
        fail_msg("%s", error);
    return capture;
}

void assert_packet(const struct capture_packet *packet, unsigned nth) {
    uint8_t frame[FRAME_SIZE];
    frame_make(frame, 1000 + nth);
    assert_int_equal(packet->number, nth);
    assert_int_equal(packet->time_us, packet_time_us(nth));
    assert_int_equal(packet->wire_size, FRAME_SIZE + 100);
    assert_int_equal(packet->frame.size, FRAME_SIZE);
    assert_memory_equal(packet->frame.data, frame, FRAME_SIZE);
    assert_int_equal(packet->link_type, LINK_ETHERNET);
}

void assert_packets(struct capture *capture, unsigned packets, int end) {
    struct capture_packet packet;
    for (unsigned nth = 1; nth <= packets; nth++) {
        if (capture_next(capture, &packet) != 1)
            fail_msg("packet %u: %s", nth, capture_error(capture));
        assert_packet(&packet, nth);
    }
    assert_int_equal(capture_next(capture, &packet), end);
    assert_int_equal(capture_next(capture, &packet), end);
}

/* Not inlined: gcc 12 with LTO then takes the empty text for one without its end. */
__attribute__((noinline)) void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void assert_opened(struct capture *capture, unsigned packets, int end, const char *says) {
    assert_packets(capture, packets, end);
    assert_contains(capture_error(capture), says);
    if (end == 0)
        assert_string_equal(capture_error(capture), "");
    capture_close(capture);
}

void assert_file(const struct file *file, unsigned packets, int end, const char *says) {
    scene_write(file->bytes, file->size);
    assert_opened(scene_open(scene_path, NULL), packets, end, says);
}

void assert_refused(const void *bytes, size_t size, const char *says) {
    char error[CAPTURE_ERROR_SIZE] = "";
    scene_write(bytes, size);
    assert_null(capture_open_file(scene_path, NULL, error));
    assert_contains(error, scene_path);
    assert_contains(error, says);
}

void assert_stdin(int descriptor, unsigned packets, int end, const char *says) {
    int saved = dup(STDIN_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(descriptor, STDIN_FILENO), STDIN_FILENO);
    assert_opened(scene_open("-", NULL), packets, end, says);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    close(descriptor);
}

void assert_ends(const void *bytes, size_t size) {
    scene_write(bytes, size);
    char error[CAPTURE_ERROR_SIZE] = "";
    struct capture *capture = capture_open_file(scene_path, "udp", error);
    if (capture == NULL) {
        assert_contains(error, scene_path);
        return;
    }
    struct capture_packet packet;
    int status = 0;
    uint64_t last = 0;
    while ((status = capture_next(capture, &packet)) == 1) {
        assert_true(packet.number > last && packet.number <= size);
        assert_true(packet.wire_size >= packet.frame.size);
        assert_true(packet.time_us < UINT64_C(253402300800000000));
        last = packet.number;
    }
    if (status == -1)
        assert_contains(capture_error(capture), scene_path);
    capture_close(capture);
}

void assert_ends_always(const struct file *file) {
    static const uint8_t values[] = {0x00, 0x01, 0x04, 0x7f, 0x80, 0xff};
    for (size_t size = 0; size < file->size; size++)
        assert_ends(file->bytes, size);
    for (size_t at = 0; at < file->size; at++) {
        for (size_t i = 0; i < sizeof values; i++) {
            struct file changed = *file;
            changed.bytes[at] = values[i];
            assert_ends(changed.bytes, changed.size);
        }
    }
}
