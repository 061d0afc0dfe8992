/*
 * capture.h - libpcap's owner: packets out of capture files (later: out of interfaces).
 *
 * Packets come in file order, with their number (from 1, before any filter, as Wireshark counts
 * them) and time.
 */
#ifndef DOWNGRD_CAPTURE_H
#define DOWNGRD_CAPTURE_H

#include "span.h"

struct capture;

struct capture_packet {
    struct span frame;
    size_t wire_size;
    uint64_t time_us;
    uint64_t number;
    int link_type;
};

enum { CAPTURE_ERROR_SIZE = 512, CAPTURE_ID_SIZE = 65 };

/* `filter` is a BPF expression or NULL; packets that it leaves out are counted, not returned. NULL
 * on failure: `error` says what, where and what to do. "-" is stdin. */
struct capture *capture_open_file(const char *path, const char *filter,
                                  char error[CAPTURE_ERROR_SIZE]);
void capture_close(struct capture *capture);

/*
 * 1: *packet is the next one, valid until the next call. 0: the end. -1: the file is damaged;
 * capture_error() says where. 0 and -1 are final.
 *
 * Lengths and times that cannot be are brought into range: wire_size is frame.size or more, time_us
 * lies between 1970 and the end of 9999.
 */
int capture_next(struct capture *capture, struct capture_packet *packet);

/* Why capture_next() returned -1: names the file, the last good packet and a byte offset. In a pcap
 * file that is where the damaged record begins, in a pcapng file where reading stopped; a pcapng
 * from a pipe has none. */
const char *capture_error(const struct capture *capture);

/* How much of the file was read, for a progress line; total is 0 when unknown (stdin). */
void capture_progress(const struct capture *capture, uint64_t *bytes_read, uint64_t *bytes_total);

/* Names the capture's content: SHA-256 (hex) of the file. 0 or -errno; -ESPIPE for what is no
 * regular file, because reading it twice is not possible. */
int capture_content_id(const char *path, char id[CAPTURE_ID_SIZE]);

#endif
