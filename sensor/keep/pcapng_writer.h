/*
 * pcapng_writer.h - the blocks of a pcapng file, one after the other into a buffer that the caller
 * owns.
 *
 * Numbers are little-endian on every machine, times are microseconds: the same calls give the same
 * bytes everywhere. What does not fit sets `failed` and leaves the buffer as it was; ask once, at
 * the end.
 *
 * Source: draft-ietf-opsawg-pcapng, sections 3.5 (options), 4.1 (section header), 4.2 (interface
 * description), 4.3 (enhanced packet).
 */
#ifndef DOWNGRD_PCAPNG_WRITER_H
#define DOWNGRD_PCAPNG_WRITER_H

#include "span.h"

struct pcapng_writer {
    uint8_t *bytes;
    size_t size; /* written so far */
    size_t room;
    bool failed;
};

struct pcapng_writer pcapng_writer_of(uint8_t *bytes, size_t room);

/* Begins the file. Texts are UTF-8, at most 65535 bytes. */
void pcapng_put_section(struct pcapng_writer *writer, const char *application, const char *comment);

/* Interfaces count from 0, in the order in which they are put. */
void pcapng_put_interface(struct pcapng_writer *writer, int link_type);

struct pcapng_frame {
    uint32_t interface;
    uint64_t time_us;
    size_t wire_size;
    uint64_t id; /* epb_packetid */
    struct span bytes;
};

/* `comment` is NULL for a packet of which there is nothing to say. */
void pcapng_put_packet(struct pcapng_writer *writer, const struct pcapng_frame *frame,
                       const char *comment);

#endif
