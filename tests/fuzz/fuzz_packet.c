/*
 * fuzz_packet.c - frames of every link type and any nesting of tunnels through packet_decode(),
 * fragments through fragments_add(), as the pipeline does it.
 *
 * Input: one byte whose lower five bits choose the link type and whose upper three the depth of
 * tunnels (0: all that there may be, n: n - 1), then frames, each behind two bytes: 12 bits of
 * size, one bit that says the capture cut the frame, one that lets the fragments' clock jump. Each
 * frame lies in a heap block of its exact size, so that a read past its end is seen. What is
 * decoded must keep the promises of packet.h; one of them is that reading tunnels loses no packet
 * that would be one without.
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
    LINK_TYPE_MASK = 0x1f,
    DEPTH_SHIFT = 5,
};

static const int link_types[] = {
    LINK_ETHERNET,
    LINK_NULL,
    LINK_PPP,
    LINK_RAW_BSD,
    LINK_RAW_OPENBSD,
    LINK_PPP_HDLC,
    LINK_RAW,
    LINK_LOOP,
    LINK_IPV4,
    LINK_LINUX_SLL,
    LINK_IPV6,
    LINK_LINUX_SLL2,
    0x7fff,
    LINK_CISCO_HDLC,
    LINK_FDDI,
    LINK_PPP_ETHER,
    LINK_IEEE80211,
    LINK_PRISM,
    LINK_RADIOTAP,
    LINK_AVS,
    LINK_PPP_PPPD,
    LINK_PPI,
    LINK_PPP_WITH_DIRECTION,
    LINK_MPLS,
    LINK_NFLOG,
    LINK_PKTAP,
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

static void check_packet(const struct packet *packet, unsigned depth) {
    assert(packet->ip_version == 4 || packet->ip_version == 6);
    assert(packet->is_fragment || packet->protocol == IP_PROTOCOL_TCP ||
           packet->protocol == IP_PROTOCOL_UDP);
    assert(packet->payload.size <= packet->payload_size_wire);
    assert(packet->tunnel_count <= depth && packet->tunnel_count <= PACKET_MAX_TUNNELS);
    char text[IP_ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < packet->tunnel_count; i++) {
        const struct packet_tunnel *tunnel = &packet->tunnels[i];
        assert(tunnel_type_name(tunnel->type)[0] != '\0');
        assert((tunnel->type == TUNNEL_PPPOE) == (tunnel->ip_version == 0));
        ip_address_format(&tunnel->source, tunnel->ip_version, text);
        ip_address_format(&tunnel->destination, tunnel->ip_version, text);
    }
    ip_address_format(&packet->source, packet->ip_version, text);
    ip_address_format(&packet->destination, packet->ip_version, text);
    touch_bytes(packet->payload);
}

/* The same frame where no tunnels are read. A capture that cut a tunnel's header may hide both. */
static void check_without_tunnels(int link_type, struct span frame, size_t wire_size,
                                  enum parse_status status, const struct packet *packet) {
    struct packet plain;
    enum parse_status plain_status = packet_decode(link_type, frame, wire_size, 0, &plain);
    if (plain_status == PARSE_OK)
        assert(status == PARSE_OK || status == PARSE_MORE);
    if (status != PARSE_OK || packet->tunnel_count > 0)
        return;
    if (packet->is_fragment && plain_status == PARSE_FOREIGN)
        return; /* of a tunnel's packet */
    assert(plain_status == PARSE_OK);
    assert(packet->protocol == plain.protocol && packet->is_fragment == plain.is_fragment);
    assert(packet->source_port == plain.source_port && packet->has == plain.has);
    assert(packet->payload.data == plain.payload.data);
    assert(packet->payload.size == plain.payload.size);
}

/* The quick way through plain frames finds what the layers find one after the other. */
static void check_plain(struct span frame, size_t wire_size, enum parse_status status,
                        const struct packet *packet) {
    enum { HEADER = 14 };
    struct packet layered;
    if (frame.size < HEADER || frame.data[12] != 0x08 || frame.data[13] != 0x00)
        return;
    assert(packet_decode(LINK_IPV4, span_from(frame, HEADER), wire_size - HEADER,
                         PACKET_MAX_TUNNELS, &layered) == status);
    if (status != PARSE_OK)
        return;
    assert(packet->protocol == layered.protocol && packet->hop_limit == layered.hop_limit);
    assert(packet->dont_fragment == layered.dont_fragment && packet->ip_id == layered.ip_id);
    assert(memcmp(&packet->source, &layered.source, sizeof layered.source) == 0);
    assert(memcmp(&packet->destination, &layered.destination, sizeof layered.destination) == 0);
    assert(packet->is_fragment == layered.is_fragment);
    assert(packet->source_port == layered.source_port);
    assert(packet->destination_port == layered.destination_port);
    assert(packet->sequence == layered.sequence);
    assert(packet->acknowledgement == layered.acknowledgement);
    assert(packet->window == layered.window && packet->tcp_flags == layered.tcp_flags);
    assert(packet->tcp_timestamp == layered.tcp_timestamp && packet->has == layered.has);
    assert(packet->payload.data == layered.payload.data);
    assert(packet->payload.size == layered.payload.size);
    assert(packet->payload_size_wire == layered.payload_size_wire);
}

static void decode_frame(int link_type, unsigned depth, struct span frame, size_t wire_size,
                         struct fragments *fragments, uint64_t time_us) {
    struct packet packet;
    enum parse_status status = packet_decode(link_type, frame, wire_size, depth, &packet);
    check_without_tunnels(link_type, frame, wire_size, status, &packet);
    if (link_type == LINK_ETHERNET && depth == PACKET_MAX_TUNNELS)
        check_plain(frame, wire_size, status, &packet);
    if (status != PARSE_OK)
        return;
    check_packet(&packet, depth);
    assert(packet.payload.size == 0 ||
           (packet.payload.data >= frame.data &&
            packet.payload.data + packet.payload.size <= frame.data + frame.size));
    for (unsigned rounds = 0; packet.is_fragment; rounds++) {
        assert(rounds <= depth);
        if (fragments_add(fragments, &packet, time_us) != FRAGMENT_WHOLE)
            return;
        check_packet(&packet, depth);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reader input = reader_of(span_of(data, size));
    unsigned choice = reader_u8(&input);
    int link_type =
        link_types[(choice & LINK_TYPE_MASK) % (sizeof link_types / sizeof *link_types)];
    unsigned depth = choice >> DEPTH_SHIFT ? (choice >> DEPTH_SHIFT) - 1 : PACKET_MAX_TUNNELS;
    struct fragments *fragments = fragments_new(DATAGRAMS, TIMEOUT_US, depth);
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
        decode_frame(link_type, depth, span_of(block, frame_size),
                     frame_size + (head & FLAG_CUT ? CUT_BYTES : 0), fragments, time_us);
        free(block);
    }
    fragments_delete(fragments);
    return 0;
}
