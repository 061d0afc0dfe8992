/*
 * pcapng_block.h - what the bodies of pcapng's blocks say: the bytes between a block's type and
 * lengths. No file, no state: spans in, plain structs out.
 *
 * Source: draft-ietf-opsawg-pcapng, sections 4.2 (interfaces and the options that tell what their
 * times mean), 4.3 (enhanced packet), 4.4 (simple packet), appendix A (the obsolete packet block).
 */
#ifndef DOWNGRD_PCAPNG_BLOCK_H
#define DOWNGRD_PCAPNG_BLOCK_H

#include "span.h"

enum pcapng_block_type {
    PCAPNG_INTERFACE = 0x00000001,
    PCAPNG_OBSOLETE_PACKET = 0x00000002,
    PCAPNG_SIMPLE_PACKET = 0x00000003,
    PCAPNG_ENHANCED_PACKET = 0x00000006,
    PCAPNG_SECTION = 0x0a0d0d0a, /* the same in either byte order */
};

struct pcapng_interface {
    uint16_t link_type;
    uint8_t resolution;   /* if_tsresol: a tick is 10^-n seconds; with the highest bit set, 2^-n */
    uint32_t snap_length; /* 0: none */
    int64_t offset_s;     /* if_tsoffset: seconds to add to every time */
};

/*
 * Reads an interface description. `is_swapped`: the section's numbers are in the byte order that
 * this machine does not use. False when it is too short, an option runs past its end, or one that
 * times depend on is there twice or has another size than it must.
 */
bool pcapng_interface_read(struct span body, bool is_swapped, struct pcapng_interface *interface);

/* Microseconds since 1970, rounded down; what lies outside 1970 to 9999 is brought to its edge. */
uint64_t pcapng_time_us(const struct pcapng_interface *interface, uint64_t ticks);

struct pcapng_packet {
    uint32_t interface;
    bool has_time; /* simple packets have none */
    uint64_t ticks;
    uint32_t size; /* captured bytes; of a simple packet the interface's snap length at most */
    uint32_t wire_size;
    size_t data_offset; /* in the body */
};

/*
 * Reads the head of a packet block of one of the three types, from a body of which the first
 * `body.size` bytes are at hand. False when they are too few for that.
 */
bool pcapng_packet_read(uint32_t type, struct span body, bool is_swapped,
                        struct pcapng_packet *packet);

#endif
