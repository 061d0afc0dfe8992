/*
 * capture_scene.h - capture files for tests, written byte by byte, and what is expected of reading
 * them.
 *
 * The nth packet (from 1) is a UDP datagram to port 1000 + n, n milliseconds after the start, with
 * 100 bytes more on the wire than were captured.
 */
#ifndef DOWNGRD_CAPTURE_SCENE_H
#define DOWNGRD_CAPTURE_SCENE_H

#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum {
    FRAME_SIZE = 42,
    START_SECONDS = 1700000000,
    PCAP_HEADER_SIZE = 24,
    PCAP_RECORD_SIZE = 16 + FRAME_SIZE,
    SECTION_SIZE = 28,
    INTERFACE_SIZE = 32, /* with the one option that file_put_interface() writes */
    ENHANCED_SIZE = 32 + FRAME_SIZE + 2,
};

struct file {
    uint8_t bytes[8192];
    size_t size;
    bool big_endian;
    bool nanoseconds;
};

void file_put(struct file *file, uint64_t value, size_t size);
void file_put_bytes(struct file *file, const void *bytes, size_t size);

/* Ethernet, IPv4, UDP to the given port, no payload. */
void frame_make(uint8_t frame[FRAME_SIZE], unsigned port);
/* The nth packet's time, in microseconds. */
uint64_t packet_time_us(uint64_t nth);

void file_put_pcap_header(struct file *file, uint32_t link_type);
void file_put_pcap_packet(struct file *file, unsigned nth);
struct file pcap_of(unsigned packets);

void file_put_block(struct file *file, uint32_t type, const void *body, size_t size);
void file_put_section(struct file *file);
/* An interface whose ticks are micro- or nanoseconds, as the file says. */
void file_put_interface(struct file *file, unsigned link_type, uint32_t snap_length);
/* An enhanced packet with the given ticks, or with the nth packet's time. */
void file_put_ticks(struct file *file, uint32_t interface, uint64_t ticks);
void file_put_enhanced(struct file *file, uint32_t interface, unsigned nth);
/* A section with one Ethernet interface, and its packets. */
struct file pcapng_of(unsigned packets);

/* The file of every test, in a folder that set-up makes and tear-down takes away. */
enum { SCENE_PATH_SIZE = 40 };
extern char scene_folder[SCENE_PATH_SIZE];
extern char scene_path[SCENE_PATH_SIZE + 16];
int scene_set_up(void **state);
int scene_tear_down(void **state);

void scene_write(const void *bytes, size_t size);
/* The same file as a pipe that gives `piece` bytes at a time, from a process of its own; 0: all
 * that there is. The descriptor goes to scene_read_stdin(). */
int scene_pipe(const void *bytes, size_t size, size_t piece);

/* Opens a file that can be opened. */
struct capture *scene_open(const char *path, const char *filter);
void assert_packet(const struct capture_packet *packet, unsigned nth);
/* Reads packets 1 to `packets`, then expects the given end, twice. */
void assert_packets(struct capture *capture, unsigned packets, int end);
void assert_contains(const char *text, const char *part);
/* Writes and opens the file, expects the packets and the end, and the error to say so. */
void assert_file(const struct file *file, unsigned packets, int end, const char *says);
/* The file cannot be opened; the error names it and says so. */
void assert_refused(const void *bytes, size_t size, const char *says);
/* Reads with the given descriptor, which it closes, in the place of standard input. */
void assert_stdin(int descriptor, unsigned packets, int end, const char *says);
/* Reads what it can; whatever the file is, that ends and keeps capture.h's promises. */
void assert_ends(const void *bytes, size_t size);
/* assert_ends() for every prefix of the file, and for every byte changed to each of some values. */
void assert_ends_always(const struct file *file);

#endif
