/*
 * capture.h - packets out of capture files (later: out of interfaces).
 *
 * Read are pcap (pcap_file.h) and pcapng (pcapng_file.h), each as it is or compressed with gzip or
 * zstd (unpack.h), from a file or a pipe. What a file is is told by its content, never by its name.
 * Memory does not depend on the file: about a megabyte, and with zstd its window, at most 128 MiB.
 *
 * Packets come in file order, with their number (from 1, before any filter, as Wireshark counts
 * them) and time.
 */
#ifndef DOWNGRD_CAPTURE_H
#define DOWNGRD_CAPTURE_H

#include "span.h"

struct capture;

struct capture_packet {
    struct span frame; /* what was captured, 256 KiB at most */
    size_t wire_size;
    uint64_t time_us;
    uint64_t number;
    int link_type; /* as in capture files; in a pcapng file one may differ from the next */
};

enum { CAPTURE_ERROR_SIZE = 512, CAPTURE_ID_SIZE = 65 };

/*
 * `filter` is a BPF expression or NULL; packets that it leaves out are counted, not returned. "-"
 * is stdin. NULL on failure: `error` says what, where and what to do.
 *
 * A pcap file whose link type packet_decode() does not know is refused here. A pcapng file may have
 * interfaces of such types beside others, so their packets are returned; when it has packets and
 * none of them is of a type that is known, it ends with the same refusal.
 */
struct capture *capture_open_file(const char *path, const char *filter,
                                  char error[CAPTURE_ERROR_SIZE]);
void capture_close(struct capture *capture);

/*
 * Reads on: up to `most` packets (1 or more), as many as are at hand, which stay valid until the
 * next call. Returns how many; 0 is the end, -1 that the file is damaged: capture_error() says
 * where. 0 and -1 are final, and come when all packets before were given.
 *
 * Lengths and times that cannot be are brought into range: wire_size is frame.size or more, time_us
 * lies between 1970 and the end of 9999, in microseconds rounded down. A packet without a time has
 * 0.
 */
int capture_take(struct capture *capture, struct capture_packet *packets, int most);

/* The same for one packet. */
static inline int capture_next(struct capture *capture, struct capture_packet *packet) {
    return capture_take(capture, packet, 1);
}

/* Why capture_take() returned -1: names the file, the last good packet and the byte offset where
 * the record or block begins that cannot be read. In a compressed file offsets count unpacked
 * bytes, and the text says so. */
const char *capture_error(const struct capture *capture);

/* The number of the packet read last, also of one that no filter let through. */
uint64_t capture_last_number(const struct capture *capture);

/* How much of the file was read (as it lies there, compressed or not), for a progress line; total
 * is 0 when unknown (a pipe). */
void capture_progress(const struct capture *capture, uint64_t *bytes_read, uint64_t *bytes_total);

/* Names the capture's content: SHA-256 (hex) of the file as it lies there; compressed, it is
 * another content. 0 or -errno; -ESPIPE for what is no regular file, because reading it twice is
 * not possible. */
int capture_content_id(const char *path, char id[CAPTURE_ID_SIZE]);

#endif
