/*
 * frames.c - recipes to bytes, from the inside out (frames.h).
 */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_TOKEN_SIZE = 512, IPV4_HEADER_SIZE = 20, UDP_HEADER_SIZE = 8 };

#define TCP_AND_DATA "c00101bb1122334455667788501800ff000000001603010005"
#define UDP_AND_DATA "c00101bb000d00001603010005"

static const struct {
    const char *name;
    const char *hex;
} packets[] = {
    {"tcp4", "4500002d1234400040060000c0000201c6336402" TCP_AND_DATA},
    {"udp4", "450000211234000040110000c0000201c6336402" UDP_AND_DATA},
    {"tcp6", "600000000019064020010db800000000000000000000000120010db800000000000000000000000"
             "2" TCP_AND_DATA},
};

static unsigned nibble_of(char digit) {
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

struct frame frame_of_hex(const char *hex) {
    struct frame frame = {.size = 0};
    while (hex[0] != '\0') {
        if (hex[0] == ' ') {
            hex++;
            continue;
        }
        assert_true(frame.size < sizeof frame.bytes && hex[1] != '\0' && hex[1] != ' ');
        frame.bytes[frame.size++] = (uint8_t)(nibble_of(hex[0]) * 16 + nibble_of(hex[1]));
        hex += 2;
    }
    return frame;
}

static void prepend(struct frame *frame, const char *hex) {
    struct frame head = frame_of_hex(hex);
    assert_true(frame->size + head.size <= sizeof frame->bytes);
    memmove(frame->bytes + head.size, frame->bytes, frame->size);
    memcpy(frame->bytes, head.bytes, head.size);
    frame->size += head.size;
}

static void prepend_length(char *token, const char *mark, size_t size) {
    char digits[5];
    char *place = strstr(token, mark);
    if (place == NULL)
        return;
    snprintf(digits, sizeof digits, "%04x", (unsigned)(size & 0xffffU));
    memcpy(place, digits, 4);
}

static unsigned long field_of(const char *token, unsigned nth, int base) {
    for (unsigned i = 0; i < nth; i++) {
        token = strchr(token, ':');
        assert_non_null(token);
        token++;
    }
    return strtoul(token, NULL, base);
}

static void prepend_token(struct frame *frame, const char *token) {
    char hex[MAX_TOKEN_SIZE];
    unsigned size = (unsigned)frame->size;
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        if (strcmp(token, packets[i].name) == 0) {
            prepend(frame, packets[i].hex);
            return;
        }
    }
    if (strncmp(token, "eth:", 4) == 0) {
        snprintf(hex, sizeof hex, "020000000001020000000002%04lx", field_of(token, 1, 16));
    } else if (strncmp(token, "v4:", 3) == 0) {
        unsigned long n = field_of(token, 2, 10);
        snprintf(hex, sizeof hex, "4500%04x77%02lx400011%02lx00000a00%02lx010a00%02lx02",
                 IPV4_HEADER_SIZE + size, n, field_of(token, 1, 16), n, n);
    } else if (strncmp(token, "v6:", 3) == 0) {
        unsigned long n = field_of(token, 2, 10);
        snprintf(hex, sizeof hex,
                 "60000000%04x%02lx11fd000000000000000000000000%02lx0001fd000000000000000000000000"
                 "%02lx0002",
                 size, field_of(token, 1, 16), n, n);
    } else if (strncmp(token, "udp:", 4) == 0) {
        snprintf(hex, sizeof hex, "%04lx%04lx%04x0000", field_of(token, 1, 10),
                 field_of(token, 2, 10), UDP_HEADER_SIZE + size);
    } else {
        snprintf(hex, sizeof hex, "%s", token);
        prepend_length(hex, "LLLL", size);
        prepend_length(hex, "TTTT", size + strlen(token) / 2);
    }
    prepend(frame, hex);
}

struct frame frame_of_recipe(const char *recipe) {
    const struct frame nothing = {.size = 0};
    return frame_wrap(recipe, &nothing);
}

struct frame frame_wrap(const char *recipe, const struct frame *inside) {
    struct frame frame = *inside;
    const char *end = recipe + strlen(recipe);
    while (end > recipe) {
        const char *start = end;
        char token[MAX_TOKEN_SIZE];
        while (start > recipe && start[-1] != ' ')
            start--;
        snprintf(token, sizeof token, "%.*s", (int)(end - start), start);
        prepend_token(&frame, token);
        end = start > recipe ? start - 1 : start;
    }
    return frame;
}

uint8_t *frame_copy(const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void assert_sane(const struct packet *packet, const uint8_t *block, size_t size) {
    assert_true(packet->payload.data >= block);
    assert_true(packet->payload.data + packet->payload.size <= block + size);
    assert_true(packet->payload.size <= packet->payload_size_wire);
    assert_true(packet->payload_size_wire <= 65535);
    assert_true(packet->ip_version == 4 || packet->ip_version == 6);
    assert_true(packet->is_fragment || packet->protocol == IP_PROTOCOL_TCP ||
                packet->protocol == IP_PROTOCOL_UDP);
    assert_true(packet->tunnel_count <= PACKET_MAX_TUNNELS);
    for (size_t i = 0; i < packet->tunnel_count; i++) {
        assert_true(packet->tunnels[i].type < TUNNEL_TYPE_COUNT);
        assert_true(packet->tunnels[i].ip_version == 0 || packet->tunnels[i].ip_version == 4 ||
                    packet->tunnels[i].ip_version == 6);
    }
}

void frame_assert_prefixes(int link_type, const struct frame *frame) {
    struct packet whole;
    assert_int_equal(packet_decode(link_type, span_of(frame->bytes, frame->size), frame->size,
                                   PACKET_MAX_TUNNELS, &whole),
                     PARSE_OK);
    size_t headers = (size_t)(whole.payload.data - frame->bytes);
    for (size_t size = 0; size < frame->size; size++) {
        uint8_t *copy = frame_copy(frame->bytes, size);
        struct packet packet;
        enum parse_status status =
            packet_decode(link_type, span_of(copy, size), frame->size, PACKET_MAX_TUNNELS, &packet);
        assert_int_equal(status, size < headers ? PARSE_MORE : PARSE_OK);
        if (status == PARSE_OK) {
            assert_true(
                span_equal(packet.payload, span_first(span_of(copy + headers, size - headers),
                                                      whole.payload.size)));
            assert_int_equal(packet.payload_size_wire, whole.payload_size_wire);
        }
        status = packet_decode(link_type, span_of(copy, size), size, PACKET_MAX_TUNNELS, &packet);
        if (status == PARSE_OK)
            assert_true(size >= headers);
        free(copy);
    }
}

void frame_assert_any_byte(int link_type, const struct frame *frame) {
    uint8_t *copy = frame_copy(frame->bytes, frame->size);
    for (size_t at = 0; at < frame->size; at++) {
        for (unsigned value = 0; value < 256; value++) {
            copy[at] = (uint8_t)value;
            struct packet packet;
            if (packet_decode(link_type, span_of(copy, frame->size), frame->size,
                              PACKET_MAX_TUNNELS, &packet) == PARSE_OK)
                assert_sane(&packet, copy, frame->size);
        }
        copy[at] = frame->bytes[at];
    }
    free(copy);
}
