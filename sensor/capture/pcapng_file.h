/*
 * pcapng_file.h - the block-structured capture format, read block by block.
 *
 * Each section has its own byte order and its own interfaces, and each interface its own link type,
 * snap length and kind of time; all of that may differ from packet to packet. Sections and blocks
 * are found by walking, so a section's stated length does not matter. Blocks that hold no packet
 * (names, statistics, decryption secrets, custom ones, whatever is unknown) are stepped over by
 * their length, however long they are.
 *
 * Numbers are Wireshark's: it also numbers custom blocks, systemd's journal entries and sysdig's
 * events, so each of these takes a number here, though none is handed out.
 *
 * What breaks the format ends the file: a block's two lengths that differ, a length that is no
 * multiple of four, a packet longer than its block or of an interface that was not described. Past
 * that nothing can be trusted to be where it seems to be. A simple packet has no time; it gets 0.
 *
 * Sources: draft-ietf-opsawg-pcapng; Wireshark's reader for the numbering.
 */
#ifndef DOWNGRD_PCAPNG_FILE_H
#define DOWNGRD_PCAPNG_FILE_H

#include "capture.h"
#include "damage.h"
#include "pcapng_block.h"
#include "window.h"

struct pcapng_file {
    struct pcapng_interface *interfaces; /* of the section */
    size_t interface_count;
    size_t interface_room;
    bool is_swapped;      /* the section's numbers are of the other byte order */
    uint32_t block_type;  /* of the block that the window stands in */
    uint32_t block_size;  /* all of it, both lengths included */
    size_t block_held;    /* how much of it stands in the window: all, unless it is very long */
    uint64_t block_start; /* its offset */
    bool is_given;        /* the block's packet was handed out: go on behind it */
    uint64_t number;      /* of the last packet */
    int status;           /* 1, or what pcapng_file_take() returned for good */
    struct damage damage; /* for -1 */
};

/* Whether four bytes at a file's start are a section header's. */
bool pcapng_file_is_magic(struct span start);

/*
 * Reads the first section header and goes on to the first packet, so that the interfaces before it
 * are known. 0; or -1 and file->damage when the file does not begin with a section header that can
 * be read. What is wrong behind it is for pcapng_file_take() to say. pcapng_file_close() is safe
 * after either, and on zeroes.
 */
int pcapng_file_open(struct pcapng_file *file, struct window *window);
void pcapng_file_close(struct pcapng_file *file);

/* As capture_take(); for -1 file->damage says why. */
int pcapng_file_take(struct pcapng_file *file, struct window *window,
                     struct capture_packet *packets, int most);

#endif
