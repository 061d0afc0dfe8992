/*
 * fuzz_packet.c - frames of every link type through packet_decode(), fragments through
 * fragments_add().
 *
 * Input: one byte that chooses the link type, then frames, each behind two bytes: 12 bits of size,
 * one bit that says the capture cut the frame, one that lets the fragments' clock jump. Each frame
 * lies in a heap block of its exact size, so that a read past its end is seen. What is decoded must
 * keep the promises of packet.h.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "fragments.h"
#include "packet.h"

enum {
    SIZE_MASK = 0x0fff,
    FLAG_CUT = 0x8000,
    FLAG_TIME_JUMP = 0x4000,
    CUT_BYTES = 700,
    DATAGRAMS = 4,
    TIMEOUT_US = 5000000,
    JUMP_US = 3000000,
};

static const int link_types[] = {
    LINK_ETHERNET, LINK_NULL,       LINK_PPP,  LINK_RAW_BSD,    LINK_RAW_OPENBSD,
    LINK_PPP_HDLC, LINK_RAW,        LINK_LOOP, LINK_IPV4,       LINK_LINUX_SLL,
    LINK_IPV6,     LINK_LINUX_SLL2, 0x7fff,    LINK_CISCO_HDLC,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

/* Reads every byte of a payload; the sum keeps the compiler from leaving it out. */
static void touch_bytes(struct span bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    touched = sum;
}

static void check_packet(const struct packet *packet) {
    assert(packet->ip_version == 4 || packet->ip_version == 6);
    assert(packet->payload.size <= packet->payload_size_wire);
    char text[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&packet->source, packet->ip_version, text);
    ip_address_format(&packet->destination, packet->ip_version, text);
    touch_bytes(packet->payload);
}

static void decode_frame(int link_type, struct span frame, size_t wire_size,
                         struct fragments *fragments, uint64_t time_us) {
    struct packet packet;
    if (packet_decode(link_type, frame, wire_size, &packet) != PARSE_OK)
        return;
    check_packet(&packet);
    assert(packet.payload.size == 0 ||
           (packet.payload.data >= frame.data &&
            packet.payload.data + packet.payload.size <= frame.data + frame.size));
    if (!packet.is_fragment || !fragments_add(fragments, &packet, time_us))
        return;
    assert(!packet.is_fragment);
    check_packet(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reader input = reader_of(span_of(data, size));
    int link_type = link_types[reader_u8(&input) % (sizeof link_types / sizeof *link_types)];
    struct fragments *fragments = fragments_new(DATAGRAMS, TIMEOUT_US);
    uint64_t time_us = 1;

    if (!fragments)
        abort();
    while (reader_left(&input) > 2) {
        unsigned head = reader_u16(&input);
        size_t wanted = head & SIZE_MASK;
        size_t frame_size = wanted < reader_left(&input) ? wanted : reader_left(&input);
        struct span bytes = reader_take(&input, frame_size);
        uint8_t *block = malloc(frame_size ? frame_size : 1);
        if (!block)
            abort();
        memcpy(block, bytes.data, frame_size);
        time_us += head & FLAG_TIME_JUMP ? JUMP_US : 1;
        decode_frame(link_type, span_of(block, frame_size),
                     frame_size + (head & FLAG_CUT ? CUT_BYTES : 0), fragments, time_us);
        free(block);
    }
    fragments_delete(fragments);
    return 0;
}
