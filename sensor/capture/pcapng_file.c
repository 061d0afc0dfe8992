#include "pcapng_file.h"

#include <inttypes.h>
#include <stdlib.h>

#include "file_number.h"

enum {
    BLOCK_HEAD_SIZE = 8, /* type, length */
    BLOCK_TAIL_SIZE = 4, /* the length again */
    MIN_BLOCK_SIZE = BLOCK_HEAD_SIZE + BLOCK_TAIL_SIZE,
    SECTION_HEAD_SIZE = 16, /* up to and including its version */
    MIN_SECTION_SIZE = 28,
    MAX_BLOCK_SIZE = 256 * 1024 * 1024, /* the longest packets of any link type have half of it */
    MAX_FRAME_SIZE = 256 * 1024,        /* of a longer packet the rest is left out */
    MAX_HELD_SIZE = MAX_FRAME_SIZE + 64,
    MAX_INTERFACES = 65536,
    MAJOR_VERSION = 1,
};

_Static_assert(MAX_HELD_SIZE <= (int)WINDOW_MAX_WANT, "a long packet's head stands in the window");

static const uint32_t byte_order_magic = 0x1a2b3c4d;

/* Blocks that Wireshark numbers like packets. */
enum numbered_block {
    BLOCK_JOURNAL_ENTRY = 0x00000009,
    BLOCK_SYSDIG_EVENT = 0x00000204,
    BLOCK_SYSDIG_EVENT_2 = 0x00000216,
    BLOCK_SYSDIG_EVENT_2_LARGE = 0x00000221,
    BLOCK_CUSTOM = 0x00000bad,
    BLOCK_CUSTOM_NOT_COPIED = 0x40000bad,
};

bool pcapng_file_is_magic(struct span start) {
    return start.size >= 4 && file_u32(start, 0, false) == PCAPNG_SECTION;
}

/* The file ends inside a block: what is in the window is the last of it. */
static int fail_truncated(struct pcapng_file *file, const struct window *window, uint64_t size) {
    uint64_t there = window_offset(window) + window_left(window) - file->block_start;
    return damage_set(&file->damage, file->block_start, true,
                      "the block ends after %" PRIu64 " of %" PRIu64 " bytes", there, size);
}

/* Learns the byte order from a section header, whose length cannot be read before. */
static int begin_section(struct pcapng_file *file, struct window *window) {
    if (!window_fill(window, MIN_SECTION_SIZE))
        return fail_truncated(file, window, MIN_SECTION_SIZE);
    struct span head = window_span(window, SECTION_HEAD_SIZE);
    file->is_swapped = file_u32(head, 8, false) != byte_order_magic;
    if (file_u32(head, 8, file->is_swapped) != byte_order_magic)
        return damage_set(&file->damage, file->block_start, false,
                          "a section header without its byte-order magic");
    unsigned major = file_u16(head, 12, file->is_swapped);
    if (major != MAJOR_VERSION)
        return damage_set(&file->damage, file->block_start, false,
                          "pcapng version %u.%u; read is version %d", major,
                          file_u16(head, 14, file->is_swapped), MAJOR_VERSION);
    file->interface_count = 0;
    return 1;
}

static bool tail_is_good(const struct pcapng_file *file, struct span tail) {
    return file_u32(tail, 0, file->is_swapped) == file->block_size;
}

static int fail_tail(struct pcapng_file *file) {
    return damage_set(&file->damage, file->block_start, false,
                      "the length at the block's end is not that at its start (%" PRIu32 ")",
                      file->block_size);
}

/* Makes the next block stand in the window, its head at least. 1, 0 at the end of the file, -1. */
static int begin_block(struct pcapng_file *file, struct window *window) {
    file->block_start = window_offset(window);
    if (!window_fill(window, MIN_BLOCK_SIZE)) {
        if (window_left(window) > 0)
            return fail_truncated(file, window, MIN_BLOCK_SIZE);
        return 0;
    }
    file->block_type = file_u32(window_span(window, BLOCK_HEAD_SIZE), 0, file->is_swapped);
    if (file->block_type == PCAPNG_SECTION && begin_section(file, window) < 0)
        return -1;
    uint32_t size = file_u32(window_span(window, BLOCK_HEAD_SIZE), 4, file->is_swapped);
    uint32_t least = file->block_type == PCAPNG_SECTION ? MIN_SECTION_SIZE : MIN_BLOCK_SIZE;
    if (size < least || size > MAX_BLOCK_SIZE || size % 4 != 0)
        return damage_set(&file->damage, file->block_start, false,
                          "a block of %" PRIu32 " bytes, which none can have", size);
    file->block_size = size;
    file->block_held = size < MAX_HELD_SIZE ? size : MAX_HELD_SIZE;
    if (!window_fill(window, file->block_held))
        return fail_truncated(file, window, size);
    if (file->block_held == size &&
        !tail_is_good(file, span_from(window_span(window, size), size - BLOCK_TAIL_SIZE)))
        return fail_tail(file);
    return 1;
}

/* Moves on behind the block that begin_block() found. */
static int end_block(struct pcapng_file *file, struct window *window) {
    if (file->block_held == file->block_size) {
        window_move(window, file->block_size);
    } else {
        if (!window_skip(window, file->block_size - BLOCK_TAIL_SIZE) ||
            !window_fill(window, BLOCK_TAIL_SIZE))
            return fail_truncated(file, window, file->block_size);
        if (!tail_is_good(file, window_span(window, BLOCK_TAIL_SIZE)))
            return fail_tail(file);
        window_move(window, BLOCK_TAIL_SIZE);
    }
    file->block_size = 0;
    return 1;
}

/* The body of the block, or what stands in the window of a very long one. */
static struct span block_body(const struct pcapng_file *file, const struct window *window) {
    size_t end = file->block_held;
    if (file->block_held == file->block_size)
        end -= BLOCK_TAIL_SIZE;
    return span_from(window_span(window, end), BLOCK_HEAD_SIZE);
}

static int add_interface(struct pcapng_file *file, const struct window *window) {
    if (file->interface_count == MAX_INTERFACES)
        return damage_set(&file->damage, file->block_start, false,
                          "more than %d interfaces in one section", MAX_INTERFACES);
    if (file->interface_count == file->interface_room) {
        size_t room = file->interface_room ? 2 * file->interface_room : 4;
        struct pcapng_interface *grown = realloc(file->interfaces, room * sizeof *file->interfaces);
        if (grown == NULL)
            return damage_set(&file->damage, file->block_start, false,
                              "out of memory for %zu interfaces", room);
        file->interfaces = grown;
        file->interface_room = room;
    }
    if (file->block_held < file->block_size)
        return damage_set(&file->damage, file->block_start, false,
                          "an interface description of %" PRIu32 " bytes; read are up to %d",
                          file->block_size, MAX_HELD_SIZE);
    if (!pcapng_interface_read(block_body(file, window), file->is_swapped,
                               &file->interfaces[file->interface_count]))
        return damage_set(&file->damage, file->block_start, false,
                          "an interface description that breaks the format");
    file->interface_count++;
    return 1;
}

static bool type_is_packet(uint32_t block_type) {
    return block_type == PCAPNG_ENHANCED_PACKET || block_type == PCAPNG_SIMPLE_PACKET ||
           block_type == PCAPNG_OBSOLETE_PACKET;
}

static bool block_is_numbered(const struct pcapng_file *file) {
    switch (file->block_type) {
    case BLOCK_JOURNAL_ENTRY:
    case BLOCK_SYSDIG_EVENT:
    case BLOCK_SYSDIG_EVENT_2:
    case BLOCK_SYSDIG_EVENT_2_LARGE:
    case BLOCK_CUSTOM:
    case BLOCK_CUSTOM_NOT_COPIED:
        return true;
    default:
        return false;
    }
}

/* Goes on to the next packet's block, unless the window stands at one. 1, 0 or -1. */
static int find_packet(struct pcapng_file *file, struct window *window) {
    while (file->status == 1 && file->block_size == 0) {
        file->status = begin_block(file, window);
        if (file->status != 1 || type_is_packet(file->block_type))
            break;
        if (file->block_type == PCAPNG_INTERFACE)
            file->status = add_interface(file, window);
        if (file->status != 1)
            break;
        file->number += block_is_numbered(file);
        file->status = end_block(file, window);
    }
    return file->status;
}

int pcapng_file_open(struct pcapng_file *file, struct window *window) {
    *file = (struct pcapng_file){.status = 0};
    if (begin_block(file, window) != 1)
        return -1;
    file->status = end_block(file, window);
    find_packet(file, window);
    return 0;
}

void pcapng_file_close(struct pcapng_file *file) {
    free(file->interfaces);
    file->interfaces = NULL;
}

static int take_packet(struct pcapng_file *file, const struct window *window,
                       struct capture_packet *packet) {
    struct span body = block_body(file, window);
    struct pcapng_packet head;
    if (!pcapng_packet_read(file->block_type, body, file->is_swapped, &head))
        return damage_set(&file->damage, file->block_start, false,
                          "a packet block of %" PRIu32 " bytes", file->block_size);
    if (head.interface >= file->interface_count)
        return damage_set(&file->damage, file->block_start, false,
                          "a packet of interface %" PRIu32 ", which was not described",
                          head.interface);
    const struct pcapng_interface *interface = &file->interfaces[head.interface];
    bool is_cut = !head.has_time && interface->snap_length && head.size > interface->snap_length;
    uint32_t size = is_cut ? interface->snap_length : head.size;
    size_t room = file->block_size - MIN_BLOCK_SIZE - head.data_offset;
    if (size > room)
        return damage_set(&file->damage, file->block_start, false,
                          "a packet of %" PRIu32 " bytes where %zu have room", size, room);
    packet->frame = span_first(span_from(body, head.data_offset),
                               size < MAX_FRAME_SIZE ? size : MAX_FRAME_SIZE);
    packet->wire_size = file_wire_size(size, head.wire_size);
    packet->time_us = head.has_time ? pcapng_time_us(interface, head.ticks) : 0;
    packet->number = ++file->number;
    packet->link_type = interface->link_type;
    file->is_given = true;
    return 1;
}

static int next_packet(struct pcapng_file *file, struct window *window,
                       struct capture_packet *packet) {
    if (file->is_given) {
        file->is_given = false;
        file->status = end_block(file, window);
    }
    if (find_packet(file, window) == 1)
        file->status = take_packet(file, window, packet);
    return file->status;
}

/* Whether a packet follows the one that was given, and both stand in the window. */
static bool is_next_in_view(const struct pcapng_file *file, const struct window *window) {
    size_t left = window_left(window);
    if (file->block_held != file->block_size || left - file->block_size < MIN_BLOCK_SIZE)
        return false;
    struct span head = span_from(window_span(window, left), file->block_size);
    uint32_t type = file_u32(head, 0, file->is_swapped);
    uint32_t size = file_u32(head, 4, file->is_swapped);
    return type_is_packet(type) && size <= head.size && size < MAX_HELD_SIZE;
}

int pcapng_file_take(struct pcapng_file *file, struct window *window,
                     struct capture_packet *packets, int most) {
    int count = 0;
    do {
        int status = next_packet(file, window, &packets[count]);
        if (status != 1)
            return count > 0 ? count : status;
    } while (++count < most && is_next_in_view(file, window));
    return count;
}
