/*
 * capture.c - what callers see of a capture file: opening it in whatever format it is, packet after
 * packet through the filter, and what to tell the user when that does not work.
 *
 * bytes (byte_source.h: file, pipe, gzip, zstd) -> window.h -> packets (pcap_file.h, pcapng_file.h)
 * -> filter.h
 *
 * libpcap compiles the filter and reads nothing. It would refuse a pcapng file whose interfaces
 * differ in link type or snap length and sections that differ in byte order, drops what a filter
 * does not want without counting it, reads no compressed file, and says what is wrong with a
 * damaged one but not where.
 */
#include "capture.h"

#include "filter.h"
#include "packet.h"
#include "pcap_file.h"
#include "pcapng_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_SIZE = 200, /* characters of a path that an error message keeps */
    MAGIC_SIZE = 6,  /* of the longest format that is known by name */
    NO_LINK_TYPE = -1,
};

struct capture {
    struct byte_source *source;
    struct window window;
    struct filter *filter; /* NULL without one */
    bool is_pcapng;
    struct pcap_file pcap;
    struct pcapng_file pcapng;
    int link_type;         /* of the last packet */
    int foreign_link_type; /* the first that packet_decode() does not know, in a pcapng file */
    bool has_known_link_type;
    int state; /* 1 while there may be more; then what capture_take() returns for good, 0 or -1 */
    uint64_t total;
    char name[NAME_SIZE];
    char error[CAPTURE_ERROR_SIZE];
};

static bool is_stdin(const char *path) {
    return strcmp(path, "-") == 0;
}

/* How errors call the file: a long path by its end. */
static void set_name(struct capture *capture, const char *path) {
    size_t size = strlen(path);
    if (is_stdin(path))
        snprintf(capture->name, sizeof capture->name, "standard input");
    else if (size < sizeof capture->name)
        memcpy(capture->name, path, size + 1);
    else
        snprintf(capture->name, sizeof capture->name, "...%s",
                 path + size - (sizeof capture->name - 4));
}

/* A descriptor for the path, or -1 and capture->error. */
static int open_path(struct capture *capture, const char *path) {
    struct stat status;
    int descriptor = is_stdin(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        snprintf(capture->error, sizeof capture->error, "%s: cannot be opened: %s", capture->name,
                 strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        snprintf(capture->error, sizeof capture->error,
                 "%s: is a directory; name the capture files in it", capture->name);
    } else {
        capture->total = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
        return descriptor;
    }
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static const struct refused_packing {
    uint8_t magic[MAGIC_SIZE];
    size_t size;
    const char *name;
    const char *command;
} refused_packings[] = {
    {{0x1f, 0x8b}, 2, "gzip, twice", "gzip -dc"},
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd, twice", "zstd -dc"},
    {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, "xz", "xz -dc"},
    {{'B', 'Z', 'h'}, 3, "bzip2", "bzip2 -dc"},
    {{0x04, 0x22, 0x4d, 0x18}, 4, "lz4", "lz4 -dc"},
    {{'L', 'Z', 'I', 'P'}, 4, "lzip", "lzip -dc"},
    {{0x1f, 0x9d}, 2, "compress", "gzip -dc"},
    {{'P', 'K', 3, 4}, 4, "zip", "unzip -p"},
    {{'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}, 6, "7-Zip", "7z x -so"},
};

static const struct refused_packing *find_packing(struct span start) {
    for (size_t i = 0; i < sizeof refused_packings / sizeof *refused_packings; i++) {
        const struct refused_packing *packing = &refused_packings[i];
        if (span_equal(span_first(start, packing->size), span_of(packing->magic, packing->size)))
            return packing;
    }
    return NULL;
}

/* Says what the file is instead of a capture, as far as a look at its start tells. */
static int refuse(struct capture *capture, const char *reason) {
    struct span start = window_span(&capture->window, window_left(&capture->window));
    const struct refused_packing *packing = find_packing(start);
    const char *failure = byte_source_failure(capture->source);
    if (packing != NULL)
        snprintf(capture->error, sizeof capture->error,
                 "%s: compressed with %s; unpack it first, for instance: %s FILE | downgrd -r -",
                 capture->name, packing->name, packing->command);
    else if (failure != NULL)
        snprintf(capture->error, sizeof capture->error, "%s: cannot be read: %s", capture->name,
                 failure);
    else if (start.size == 0 && window_offset(&capture->window) == 0)
        snprintf(capture->error, sizeof capture->error,
                 "%s: is empty, not even a capture without packets (pcap and pcapng are read)",
                 capture->name);
    else
        snprintf(capture->error, sizeof capture->error,
                 "%s: not a capture (pcap and pcapng are read): %s", capture->name, reason);
    return -1;
}

static void say_link_type(struct capture *capture, int link_type) {
    snprintf(capture->error, sizeof capture->error,
             "%s: link type %s (%d) is not supported; these are: Ethernet, FDDI, 802.11 (bare, "
             "radiotap, Prism, AVS, PPI), raw IP, Linux cooked (SLL, SLL2), BSD loopback (NULL, "
             "LOOP), PPP, Cisco HDLC, MPLS",
             capture->name, filter_link_type_name(link_type), link_type);
}

static int open_pcap(struct capture *capture) {
    if (pcap_file_open(&capture->pcap, &capture->window) != 0)
        return refuse(capture, capture->pcap.damage.reason);
    if (link_type_is_supported(capture->pcap.link_type))
        return 0;
    say_link_type(capture, capture->pcap.link_type);
    return -1;
}

static int open_pcapng(struct capture *capture) {
    capture->is_pcapng = true;
    if (pcapng_file_open(&capture->pcapng, &capture->window) != 0)
        return refuse(capture, capture->pcapng.damage.reason);
    return 0;
}

static int open_format(struct capture *capture) {
    window_fill(&capture->window, MAGIC_SIZE);
    struct span start = window_span(&capture->window, window_left(&capture->window));
    if (pcapng_file_is_magic(start))
        return open_pcapng(capture);
    if (pcap_file_is_magic(start))
        return open_pcap(capture);
    return refuse(capture, "its first bytes are those of neither");
}
/* A filter that is wrong is refused before anything is judged. */
static int open_filter(struct capture *capture, const char *expression) {
    if (expression == NULL)
        return 0;
    capture->filter = filter_new(expression);
    if (capture->filter == NULL) {
        snprintf(capture->error, sizeof capture->error, "out of memory for a filter");
        return -1;
    }
    int link_type = capture->is_pcapng ? LINK_ETHERNET : capture->pcap.link_type;
    if (capture->pcapng.interface_count > 0)
        link_type = capture->pcapng.interfaces[0].link_type;
    char reason[FILTER_REASON_SIZE];
    int result = filter_prepare(capture->filter, link_type, reason);
    /* Of a pcapng file other packets may match. */
    if (result > 0 || (result == 0 && capture->is_pcapng))
        return 0;
    snprintf(capture->error, sizeof capture->error, "%s: filter '%.100s' cannot be used: %s",
             capture->name, expression, reason);
    return -1;
}

static int open_all(struct capture *capture, const char *path, const char *filter) {
    int descriptor = open_path(capture, path);
    if (descriptor < 0)
        return -1;
    capture->source = byte_source_new(descriptor);
    if (capture->source == NULL || window_init(&capture->window, capture->source) != 0) {
        snprintf(capture->error, sizeof capture->error, "out of memory for reading a capture");
        return -1;
    }
    return open_format(capture) == 0 ? open_filter(capture, filter) : -1;
}

struct capture *capture_open_file(const char *path, const char *filter,
                                  char error[CAPTURE_ERROR_SIZE]) {
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        snprintf(error, CAPTURE_ERROR_SIZE, "out of memory for reading a capture");
        return NULL;
    }
    capture->state = 1;
    capture->link_type = NO_LINK_TYPE;
    capture->foreign_link_type = NO_LINK_TYPE;
    set_name(capture, path);
    if (open_all(capture, path, filter) == 0)
        return capture;
    memcpy(error, capture->error, CAPTURE_ERROR_SIZE);
    capture_close(capture);
    return NULL;
}

void capture_close(struct capture *capture) {
    if (capture == NULL)
        return;
    filter_delete(capture->filter);
    pcapng_file_close(&capture->pcapng);
    window_deinit(&capture->window);
    byte_source_delete(capture->source);
    free(capture);
}

uint64_t capture_last_number(const struct capture *capture) {
    return capture->is_pcapng ? capture->pcapng.number : capture->pcap.number;
}

static int end_damaged(struct capture *capture, const struct damage *damage) {
    const char *failure = byte_source_failure(capture->source);
    const char *reason = failure ? failure : damage->reason;
    bool is_truncated = failure ? byte_source_is_truncated(capture->source) : damage->is_truncated;
    enum packing packing = byte_source_packing(capture->source);
    char unpacked[32] = "";
    if (packing != PACKING_NONE)
        snprintf(unpacked, sizeof unpacked, " of the unpacked %s data", packing_name(packing));
    snprintf(capture->error, sizeof capture->error,
             "%s: %s after packet %" PRIu64 " (byte offset %" PRIu64 "%s): %s", capture->name,
             is_truncated ? "truncated" : "damaged", capture_last_number(capture), damage->offset,
             unpacked, reason);
    return -1;
}

/* 0 when all is read; but not when that was nothing which could be decoded. */
static int end(struct capture *capture) {
    if (byte_source_failure(capture->source) != NULL) {
        const struct damage here = {.offset = window_offset(&capture->window)};
        return end_damaged(capture, &here);
    }
    if (capture->foreign_link_type != NO_LINK_TYPE && !capture->has_known_link_type) {
        say_link_type(capture, capture->foreign_link_type);
        return -1;
    }
    return 0;
}

/* As capture_take(), before the filter. */
static int read_packets(struct capture *capture, struct capture_packet *packets, int most) {
    int count = capture->is_pcapng
                    ? pcapng_file_take(&capture->pcapng, &capture->window, packets, most)
                    : pcap_file_take(&capture->pcap, &capture->window, packets, most);
    if (count < 0)
        return end_damaged(capture,
                           capture->is_pcapng ? &capture->pcapng.damage : &capture->pcap.damage);
    return count == 0 ? end(capture) : count;
}

static void note_link_type(struct capture *capture, int link_type) {
    capture->link_type = link_type;
    if (link_type_is_supported(link_type))
        capture->has_known_link_type = true;
    else if (capture->foreign_link_type == NO_LINK_TYPE)
        capture->foreign_link_type = link_type;
}

/* As filter_match(); -1 ends the capture. */
static int is_wanted(struct capture *capture, const struct capture_packet *packet) {
    char reason[FILTER_REASON_SIZE];
    int result = filter_match(capture->filter, packet, reason);
    if (result < 0)
        snprintf(capture->error, sizeof capture->error,
                 "%s: the filter cannot be used on packet %" PRIu64 ", of link type %s (%d): %s",
                 capture->name, packet->number, filter_link_type_name(packet->link_type),
                 packet->link_type, reason);
    return result;
}

/* Leaves those that the filter wants, and returns how many. */
static int choose(struct capture *capture, struct capture_packet *packets, int count) {
    int wanted = 0;
    for (int i = 0; i < count; i++) {
        int result = is_wanted(capture, &packets[i]);
        if (result < 0)
            capture->state = -1;
        if (result > 0)
            packets[wanted++] = packets[i];
    }
    return wanted;
}

int capture_take(struct capture *capture, struct capture_packet *packets, int most) {
    int count = 0;
    if (capture->filter && capture->is_pcapng)
        most = 1; /* of another link type it may be one that ends it all */
    while (capture->state == 1 && count == 0) {
        count = read_packets(capture, packets, most);
        if (count <= 0)
            capture->state = count;
        for (int i = 0; i < count; i++)
            if (packets[i].link_type != capture->link_type)
                note_link_type(capture, packets[i].link_type);
        if (capture->filter && count > 0)
            count = choose(capture, packets, count);
    }
    return count > 0 ? count : capture->state;
}

const char *capture_error(const struct capture *capture) {
    return capture->error;
}

void capture_progress(const struct capture *capture, uint64_t *bytes_read, uint64_t *bytes_total) {
    *bytes_read = byte_source_taken(capture->source);
    *bytes_total = capture->total;
}
