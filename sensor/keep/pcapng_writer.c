/*
 * pcapng_writer.c - see pcapng_writer.h.
 *
 * A block's length stands at both of its ends, so it is put in when the block is closed.
 */
#include "pcapng_writer.h"

enum block_type { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum option_code {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_APPLICATION = 4, /* shb_userappl */
    OPTION_PACKET_ID = 5,   /* epb_packetid */
    OPTION_RESOLUTION = 9,  /* if_tsresol */
};
enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, MICROSECONDS = 6, MAX_OPTION = 65535 };

struct pcapng_writer pcapng_writer_of(uint8_t *bytes, size_t room) {
    return (struct pcapng_writer){.bytes = bytes, .room = room};
}

static void put_bytes(struct pcapng_writer *writer, const void *bytes, size_t size) {
    if (writer->failed || size > writer->room - writer->size) {
        writer->failed = true;
        return;
    }
    if (size > 0)
        memcpy(writer->bytes + writer->size, bytes, size);
    writer->size += size;
}

static void put_number(struct pcapng_writer *writer, uint64_t number, size_t size) {
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8U * i));
    put_bytes(writer, bytes, size);
}

/* To a multiple of four, as everything in a block. */
static void put_padded(struct pcapng_writer *writer, const void *bytes, size_t size) {
    static const uint8_t zeros[4];
    put_bytes(writer, bytes, size);
    put_bytes(writer, zeros, (4 - size % 4) % 4);
}

static void put_option(struct pcapng_writer *writer, enum option_code code, const void *bytes,
                       size_t size) {
    size_t taken = size < MAX_OPTION ? size : MAX_OPTION;
    put_number(writer, code, 2);
    put_number(writer, taken, 2);
    put_padded(writer, bytes, taken);
}

static size_t open_block(struct pcapng_writer *writer, enum block_type type) {
    size_t start = writer->size;
    put_number(writer, type, 4);
    put_number(writer, 0, 4);
    return start;
}

static void close_block(struct pcapng_writer *writer, size_t start) {
    size_t length = writer->size - start + 4;
    put_number(writer, length, 4);
    if (writer->failed) {
        writer->size = start;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        writer->bytes[start + 4 + i] = (uint8_t)(length >> (8U * i));
}

void pcapng_put_section(struct pcapng_writer *writer, const char *application,
                        const char *comment) {
    size_t start = open_block(writer, BLOCK_SECTION);
    put_number(writer, BYTE_ORDER_MAGIC, 4);
    put_number(writer, 1, 2); /* version 1.0 */
    put_number(writer, 0, 2);
    put_number(writer, UINT64_MAX, 8); /* the section's length is not told */
    put_option(writer, OPTION_COMMENT, comment, strlen(comment));
    put_option(writer, OPTION_APPLICATION, application, strlen(application));
    put_option(writer, OPTION_END, NULL, 0);
    close_block(writer, start);
}

void pcapng_put_interface(struct pcapng_writer *writer, int link_type) {
    const uint8_t resolution = MICROSECONDS;
    size_t start = open_block(writer, BLOCK_INTERFACE);
    put_number(writer, (uint16_t)link_type, 2);
    put_number(writer, 0, 2);
    put_number(writer, 0, 4); /* no snap length: each frame tells its own sizes */
    put_option(writer, OPTION_RESOLUTION, &resolution, sizeof resolution);
    put_option(writer, OPTION_END, NULL, 0);
    close_block(writer, start);
}

void pcapng_put_packet(struct pcapng_writer *writer, const struct pcapng_frame *frame,
                       const char *comment) {
    uint8_t id[8];
    size_t start = open_block(writer, BLOCK_PACKET);
    put_number(writer, frame->interface, 4);
    put_number(writer, frame->time_us >> 32U, 4);
    put_number(writer, frame->time_us & UINT32_MAX, 4);
    put_number(writer, frame->bytes.size, 4);
    put_number(writer, frame->wire_size, 4);
    put_padded(writer, frame->bytes.data, frame->bytes.size);
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(frame->id >> (8U * i));
    if (comment != NULL)
        put_option(writer, OPTION_COMMENT, comment, strlen(comment));
    put_option(writer, OPTION_PACKET_ID, id, sizeof id);
    put_option(writer, OPTION_END, NULL, 0);
    close_block(writer, start);
}
