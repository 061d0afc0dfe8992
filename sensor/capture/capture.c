/*
 * capture.c - capture files read through libpcap.
 *
 * Three things libpcap leaves to its callers are done here. It reads a file through stdio's 4 KiB
 * buffer: ours is larger, which saves a sixth of the cost of reading. It drops what a filter does
 * not want without counting it: we run the compiled filter ourselves, so that packet numbers stay
 * those that Wireshark shows. And it says what is wrong with a damaged file, but not where: we keep
 * the offset of each pcap record (asking stdio for it would cost more than reading the packet).
 *
 * Left to libpcap: all formats and byte orders, and time resolutions, which become microseconds.
 * A pcapng file whose interfaces differ in link type ends, with libpcap's words, where the second
 * type appears.
 */
#include "capture.h"

#include "packet.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_BUFFER_SIZE = 256 * 1024, /* of the sizes tried the quickest: it stays in the cache */
    BLOCK_SIZE = 512 * 1024,       /* holds the longest record that libpcap lets pass, twice */
    MAX_RECORD_BYTES = 256 * 1024,
    PCAP_FILE_HEADER_SIZE = 24,
    PCAP_RECORD_HEADER_SIZE = 16,
    PCAP_MAJOR_VERSION = 2,      /* pcapng counts from 1 */
    MAX_WIRE_SIZE = 1024 * 1024, /* larger than any frame, offloading included */
    NAME_SIZE = 200,             /* characters of a path that an error message keeps */
};

/* The last second of year 9999, where calendars as we print them end. */
static const uint64_t max_seconds = 253402300799U;

struct capture {
    pcap_t *pcap;
    FILE *file;
    char *buffer;
    struct bpf_program filter;
    bool has_filter;
    bool is_pcap;
    bool is_regular;
    bool is_walked;  /* the records are read by walk_next(), not by libpcap */
    bool is_swapped; /* the file's numbers are of the other byte order */
    bool is_nanosecond;
    uint8_t *block;
    size_t block_at;     /* the next record in it */
    size_t block_end;    /* bytes in it */
    uint64_t block_next; /* file offset of what comes after it */
    int link_type;
    int state; /* what capture_next() returns: 1 while there may be more, then 0 or -1 for good */
    uint64_t number;
    uint64_t offset; /* of the record after the last packet; exact in pcap files only */
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

static int open_stream(struct capture *capture, const char *path, char *error) {
    if (is_stdin(path)) {
        /* libpcap closes what it is given, but never stdin itself: a duplicate keeps one rule. */
        int descriptor = dup(STDIN_FILENO);
        capture->file = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
        if (capture->file == NULL && descriptor >= 0)
            close(descriptor);
    } else {
        capture->file = fopen(path, "rb");
    }
    struct stat status;
    if (capture->file == NULL || fstat(fileno(capture->file), &status) != 0) {
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: cannot be opened: %s", capture->name,
                 strerror(errno));
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: is a directory; name the capture files in it",
                 capture->name);
        return -1;
    }
    capture->is_regular = S_ISREG(status.st_mode);
    capture->total = capture->is_regular ? (uint64_t)status.st_size : 0;
    return setvbuf(capture->file, capture->buffer, _IOFBF, READ_BUFFER_SIZE);
}

static const struct compression {
    uint8_t magic[4];
    size_t size;
    const char *name;
    const char *command;
} compressions[] = {
    {{0x1f, 0x8b}, 2, "gzip", "gzip -dc"},
    {{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd", "zstd -dc"},
    {{0xfd, '7', 'z', 'X'}, 4, "xz", "xz -dc"},
    {{'B', 'Z', 'h'}, 3, "bzip2", "bzip2 -dc"},
};

static const struct compression *find_compression(const struct capture *capture) {
    uint8_t magic[4] = {0};
    if (!capture->is_regular || pread(fileno(capture->file), magic, sizeof magic, 0) < 2)
        return NULL;
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++)
        if (memcmp(magic, compressions[i].magic, compressions[i].size) == 0)
            return &compressions[i];
    return NULL;
}

/* Says what the file is instead of a capture, as far as a look at its start tells. */
static void explain_refusal(const struct capture *capture, const char *reason, char *error) {
    const struct compression *compression = find_compression(capture);
    if (compression != NULL)
        snprintf(error, CAPTURE_ERROR_SIZE,
                 "%s: compressed with %s; unpack it first, for instance: %s FILE | downgrd -r -",
                 capture->name, compression->name, compression->command);
    else if (capture->is_regular && capture->total == 0)
        snprintf(error, CAPTURE_ERROR_SIZE,
                 "%s: is empty, not even a capture without packets (pcap and pcapng are read)",
                 capture->name);
    else
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: not a capture (pcap and pcapng are read): %s",
                 capture->name, reason);
}

static int open_pcap(struct capture *capture, char *error) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    capture->pcap = pcap_fopen_offline(capture->file, reason);
    if (capture->pcap == NULL) {
        explain_refusal(capture, reason, error);
        return -1;
    }
    capture->is_pcap = pcap_major_version(capture->pcap) == PCAP_MAJOR_VERSION;
    capture->offset = PCAP_FILE_HEADER_SIZE;
    capture->link_type = pcap_datalink(capture->pcap);
    if (link_type_is_supported(capture->link_type))
        return 0;
    const char *name = pcap_datalink_val_to_name(capture->link_type);
    snprintf(error, CAPTURE_ERROR_SIZE,
             "%s: link type %s (%d) is not supported; these are: Ethernet, raw IP, Linux cooked "
             "(SLL, SLL2), BSD loopback (NULL, LOOP), PPP, Cisco HDLC",
             capture->name, name ? name : "unknown", capture->link_type);
    return -1;
}

/* Ordinary pcap files, of version 2.4 and either byte order and resolution, are walked here. */
static void begin_walk(struct capture *capture) {
    static const uint32_t micro = 0xa1b2c3d4;
    static const uint32_t nano = 0xa1b23c4d;
    uint32_t magic = 0;
    if (!capture->is_pcap || !capture->is_regular || pcap_minor_version(capture->pcap) != 4 ||
        pread(fileno(capture->file), &magic, sizeof magic, 0) != (ssize_t)sizeof magic)
        return;
    capture->is_swapped = magic == __builtin_bswap32(micro) || magic == __builtin_bswap32(nano);
    if (capture->is_swapped)
        magic = __builtin_bswap32(magic);
    if (magic != micro && magic != nano)
        return;
    capture->is_nanosecond = magic == nano;
    capture->block = malloc(BLOCK_SIZE);
    capture->block_next = PCAP_FILE_HEADER_SIZE;
    capture->is_walked = capture->block != NULL;
}

static int compile_filter(struct capture *capture, const char *filter, char *error) {
    if (filter == NULL)
        return 0;
    if (pcap_compile(capture->pcap, &capture->filter, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: filter '%.100s' cannot be used: %s", capture->name,
                 filter, pcap_geterr(capture->pcap));
        return -1;
    }
    capture->has_filter = true;
    return 0;
}

struct capture *capture_open_file(const char *path, const char *filter,
                                  char error[CAPTURE_ERROR_SIZE]) {
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture != NULL)
        capture->buffer = malloc(READ_BUFFER_SIZE);
    if (capture == NULL || capture->buffer == NULL) {
        snprintf(error, CAPTURE_ERROR_SIZE, "out of memory for reading a capture");
        free(capture);
        return NULL;
    }
    capture->state = 1;
    set_name(capture, path);
    if (open_stream(capture, path, error) != 0 || open_pcap(capture, error) != 0 ||
        compile_filter(capture, filter, error) != 0) {
        capture_close(capture);
        return NULL;
    }
    begin_walk(capture);
    return capture;
}

void capture_close(struct capture *capture) {
    if (capture == NULL)
        return;
    if (capture->has_filter)
        pcap_freecode(&capture->filter);
    if (capture->pcap != NULL)
        pcap_close(capture->pcap); /* and the file with it */
    else if (capture->file != NULL)
        fclose(capture->file);
    free(capture->buffer);
    free(capture->block);
    free(capture);
}

/* Damaged times are brought into range, not refused: the packet's bytes may well be good. */
static uint64_t time_of(const struct capture *capture, const struct pcap_pkthdr *header) {
    int64_t seconds = header->ts.tv_sec;
    int64_t micros = header->ts.tv_usec;
    /* pcap's seconds are unsigned (they reach 2106), libpcap takes them for signed. */
    if (capture->is_pcap)
        seconds = (int64_t)(uint32_t)seconds;
    if (seconds < 0)
        return 0;
    if (micros < 0 || micros > 999999)
        micros = 999999;
    uint64_t whole = (uint64_t)seconds < max_seconds ? (uint64_t)seconds : max_seconds;
    return whole * 1000000U + (uint64_t)micros;
}

static int end_damaged(struct capture *capture) {
    const char *reason = pcap_geterr(capture->pcap);
    const char *what = strncmp(reason, "truncated", 9) == 0 ? "truncated" : "damaged";
    off_t stopped = capture->is_pcap ? (off_t)capture->offset : ftello(capture->file);
    char where[64] = "";
    if (stopped >= 0)
        snprintf(where, sizeof where, " (byte offset %llu)", (unsigned long long)stopped);
    snprintf(capture->error, sizeof capture->error, "%s: %s after packet %llu%s: %s", capture->name,
             what, (unsigned long long)capture->number, where, reason);
    capture->state = -1;
    return capture->state;
}

/* Makes `size` bytes of the next record stand in the block; false when the file has fewer. */
static bool walk_fill(struct capture *capture, size_t size) {
    size_t left = capture->block_end - capture->block_at;
    if (left >= size)
        return true;
    memmove(capture->block, capture->block + capture->block_at, left);
    capture->block_at = 0;
    capture->block_end = left;
    while (capture->block_end < size) {
        ssize_t got = pread(fileno(capture->file), capture->block + capture->block_end,
                            BLOCK_SIZE - capture->block_end, (off_t)capture->block_next);
        if (got <= 0)
            return false;
        capture->block_end += (size_t)got;
        capture->block_next += (uint64_t)got;
    }
    return true;
}

/* From this record on libpcap reads: it ends the file, or says what is wrong with it. */
static void walk_end(struct capture *capture) {
    capture->is_walked = false;
    fseeko(capture->file, (off_t)capture->offset, SEEK_SET);
}

static uint32_t walk_number(const struct capture *capture, size_t index) {
    uint32_t value = 0;
    memcpy(&value, capture->block + capture->block_at + index * sizeof value, sizeof value);
    return capture->is_swapped ? __builtin_bswap32(value) : value;
}

static bool walk_next(struct capture *capture, struct pcap_pkthdr *header, const u_char **data) {
    if (!walk_fill(capture, PCAP_RECORD_HEADER_SIZE)) {
        walk_end(capture);
        return false;
    }
    uint32_t fraction = walk_number(capture, 1);
    uint32_t size = walk_number(capture, 2);
    header->ts.tv_sec = walk_number(capture, 0);
    header->ts.tv_usec = capture->is_nanosecond ? fraction / 1000 : fraction;
    header->caplen = size;
    header->len = walk_number(capture, 3);
    if (size > MAX_RECORD_BYTES || size > (uint32_t)pcap_snapshot(capture->pcap) ||
        !walk_fill(capture, PCAP_RECORD_HEADER_SIZE + size)) {
        walk_end(capture);
        return false;
    }
    *data = capture->block + capture->block_at + PCAP_RECORD_HEADER_SIZE;
    capture->block_at += PCAP_RECORD_HEADER_SIZE + size;
    return true;
}

int capture_next(struct capture *capture, struct capture_packet *packet) {
    while (capture->state == 1) {
        struct pcap_pkthdr walked;
        struct pcap_pkthdr *header = &walked;
        const u_char *data = NULL;
        int status = 1;
        if (!capture->is_walked || !walk_next(capture, &walked, &data))
            status = pcap_next_ex(capture->pcap, &header, &data);
        if (status == PCAP_ERROR_BREAK) {
            capture->state = 0;
            break;
        }
        if (status != 1)
            return end_damaged(capture);
        capture->number++;
        capture->offset += PCAP_RECORD_HEADER_SIZE + header->caplen;
        if (capture->has_filter && pcap_offline_filter(&capture->filter, header, data) == 0)
            continue;
        bool sane = header->len >= header->caplen && header->len <= MAX_WIRE_SIZE;
        packet->frame = span_of(data, header->caplen);
        packet->wire_size = sane ? header->len : header->caplen;
        packet->time_us = time_of(capture, header);
        packet->number = capture->number;
        packet->link_type = capture->link_type;
        return 1;
    }
    return capture->state;
}

const char *capture_error(const struct capture *capture) {
    return capture->error;
}

void capture_progress(const struct capture *capture, uint64_t *bytes_read, uint64_t *bytes_total) {
    off_t position = capture->is_walked ? -1 : ftello(capture->file);
    *bytes_read = position >= 0 ? (uint64_t)position : capture->offset;
    *bytes_total = capture->total;
}
