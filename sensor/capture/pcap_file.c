#include "pcap_file.h"

#include <inttypes.h>

#include "file_number.h"

enum {
    FILE_HEADER_SIZE = 24,
    RECORD_HEADER_SIZE = 16,
    MODIFIED_RECORD_HEADER_SIZE = 24, /* interface, protocol and packet type follow */
    MAX_RECORD_BYTES = 256 * 1024,    /* libpcap's limit for every link type that can be decoded */
    MAJOR_VERSION = 2,
    MAX_MINOR_VERSION = 4,
    DG_UX_MAJOR_VERSION = 543,
    LINK_TYPE_BITS = 0x03ffffff,
};

enum pcap_magic {
    MAGIC_MICROSECONDS = 0xa1b2c3d4,
    MAGIC_NANOSECONDS = 0xa1b23c4d,
    MAGIC_MODIFIED = 0xa1b2cd34,
};

static bool is_known(uint32_t magic) {
    return magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS || magic == MAGIC_MODIFIED;
}

bool pcap_file_is_magic(struct span start) {
    return start.size >= 4 &&
           (is_known(file_u32(start, 0, false)) || is_known(file_u32(start, 0, true)));
}

/* False when the version is none that is known. */
static bool set_version(struct pcap_file *file, unsigned major, unsigned minor) {
    bool is_dg_ux = major == DG_UX_MAJOR_VERSION && minor == 0;
    if (!is_dg_ux && (major != MAJOR_VERSION || minor > MAX_MINOR_VERSION))
        return false;
    if (is_dg_ux || minor < 3)
        file->lengths = PCAP_LENGTHS_EXCHANGED;
    else if (minor == 3)
        file->lengths = PCAP_LENGTHS_MAYBE_EXCHANGED;
    else
        file->lengths = PCAP_LENGTHS_IN_ORDER;
    return true;
}

int pcap_file_open(struct pcap_file *file, struct window *window) {
    if (!window_fill(window, FILE_HEADER_SIZE))
        return damage_set(&file->damage, 0, true, "its header ends after %zu of %d bytes",
                          window_left(window), FILE_HEADER_SIZE);
    struct span header = window_span(window, FILE_HEADER_SIZE);
    *file = (struct pcap_file){.is_swapped = !is_known(file_u32(header, 0, false))};
    uint32_t magic = file_u32(header, 0, file->is_swapped);
    unsigned major = file_u16(header, 4, file->is_swapped);
    unsigned minor = file_u16(header, 6, file->is_swapped);
    if (!set_version(file, major, minor))
        return damage_set(&file->damage, 0, false,
                          "pcap version %u.%u; read are versions up to %d.%d", major, minor,
                          MAJOR_VERSION, MAX_MINOR_VERSION);
    file->is_nanosecond = magic == MAGIC_NANOSECONDS;
    file->header_size = magic == MAGIC_MODIFIED ? MODIFIED_RECORD_HEADER_SIZE : RECORD_HEADER_SIZE;
    file->link_type = (int)(file_u32(header, 20, file->is_swapped) & LINK_TYPE_BITS);
    window_move(window, FILE_HEADER_SIZE);
    return 0;
}

/* Why there is no whole record of `size` bytes behind its header. */
static int fail_record(struct pcap_file *file, const struct window *window, uint32_t size) {
    size_t left = window_left(window);
    uint64_t offset = window_offset(window);
    struct damage *damage = &file->damage;
    if (left < file->header_size)
        return damage_set(damage, offset, true, "the record header ends after %zu of %zu bytes",
                          left, file->header_size);
    if (size <= MAX_RECORD_BYTES)
        return damage_set(damage, offset, true, "the packet ends after %zu of %" PRIu32 " bytes",
                          left - file->header_size, size);
    return damage_set(damage, offset, false, "a packet of %" PRIu32 " bytes; none has more than %d",
                      size, MAX_RECORD_BYTES);
}

/* A record's header. */
struct record {
    uint32_t seconds;
    uint32_t fraction; /* of a second, in the file's unit */
    uint32_t size;     /* captured */
    uint32_t wire_size;
};

static inline struct record read_header(const struct pcap_file *file, const struct window *window) {
    struct span header = window_span(window, RECORD_HEADER_SIZE);
    struct record record = {
        .seconds = file_u32(header, 0, file->is_swapped),
        .fraction = file_u32(header, 4, file->is_swapped),
        .size = file_u32(header, 8, file->is_swapped),
        .wire_size = file_u32(header, 12, file->is_swapped),
    };
    if (file->lengths == PCAP_LENGTHS_EXCHANGED ||
        (file->lengths == PCAP_LENGTHS_MAYBE_EXCHANGED && record.size > record.wire_size)) {
        uint32_t exchanged = record.size;
        record.size = record.wire_size;
        record.wire_size = exchanged;
    }
    return record;
}

/* Whether a whole record stands in the window. */
static inline bool is_in_view(const struct pcap_file *file, const struct window *window,
                              struct record *record) {
    if (window_left(window) < file->header_size)
        return false;
    *record = read_header(file, window);
    return record->size <= MAX_RECORD_BYTES &&
           record->size <= window_left(window) - file->header_size;
}

/* Makes it stand there. 1, 0 at the end of the file, -1. */
static int bring(struct pcap_file *file, struct window *window, struct record *record) {
    if (!window_fill(window, file->header_size))
        return window_left(window) ? fail_record(file, window, 0) : 0;
    *record = read_header(file, window);
    if (record->size > MAX_RECORD_BYTES || !window_fill(window, file->header_size + record->size))
        return fail_record(file, window, record->size);
    return 1;
}

static inline void take(struct pcap_file *file, struct window *window, const struct record *record,
                        struct capture_packet *packet) {
    uint32_t micros = file->is_nanosecond ? record->fraction / 1000 : record->fraction;
    if (micros > 999999) /* damaged, but the packet's bytes may well be good */
        micros = 999999;
    window_move(window, file->header_size);
    packet->frame = window_span(window, record->size);
    packet->wire_size = file_wire_size(record->size, record->wire_size);
    packet->time_us = (uint64_t)record->seconds * 1000000U + micros;
    packet->number = ++file->number;
    packet->link_type = file->link_type;
    window_move(window, record->size);
}

int pcap_file_take(struct pcap_file *file, struct window *window, struct capture_packet *packets,
                   int most) {
    struct record record = {0};
    int count = 0;
    if (!is_in_view(file, window, &record)) {
        int status = bring(file, window, &record);
        if (status <= 0)
            return status;
    }
    do
        take(file, window, &record, &packets[count++]);
    while (count < most && is_in_view(file, window, &record));
    return count;
}
