/*
 * frames.h - frames written down in a test, byte for byte or as a recipe of headers.
 *
 * A recipe names the headers from the outside in, separated by blanks:
 *   HEX             these bytes; LLLL among them is the number of bytes that follow the token, TTTT
 *                   the same with the token itself
 *   eth:TYPE        an Ethernet header
 *   v4:PROTOCOL:N   an IPv4 header from 10.0.N.1 to 10.0.N.2, TTL 17, identification 0x7700 + N
 *   v6:PROTOCOL:N   an IPv6 header from fd00::N:1 to fd00::N:2, hop limit 17
 *   udp:FROM:TO     a UDP header
 *   tcp4, tcp6      what is inside of it all: an IP packet from 192.0.2.1 (2001:db8::1) port 49153
 * to udp4            198.51.100.2 (2001:db8::2) port 443, hop limit 64, with five bytes of payload
 * Types and protocols are in hex, N and ports in decimal. Lengths come out right.
 */
#ifndef DOWNGRD_FRAMES_H
#define DOWNGRD_FRAMES_H

#include "packet.h"

enum { FRAME_MAX_SIZE = 4096 };

struct frame {
    uint8_t bytes[FRAME_MAX_SIZE];
    size_t size;
};

struct frame frame_of_hex(const char *hex);
struct frame frame_of_recipe(const char *recipe);
/* The recipe's headers around a frame that is there. */
struct frame frame_wrap(const char *recipe, const struct frame *inside);

/* An exact-size heap block, so that a sanitizer sees every read past the end. */
uint8_t *frame_copy(const uint8_t *bytes, size_t size);

/* Of a good frame: cut by the capture it is incomplete up to the payload and short of payload from
 * there; as short as that on the wire it is never good before the payload. */
void frame_assert_prefixes(int link_type, const struct frame *frame);

/* Of a good frame: with any one byte changed to anything it is refused, or keeps packet.h's
 * promises. */
void frame_assert_any_byte(int link_type, const struct frame *frame);

#endif
