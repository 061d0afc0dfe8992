/*
 * stun.h - STUN messages told from others, and what TURN carries inside (RFC 8489 section 5,
 * RFC 8656 sections 11 and 12).
 *
 * WebRTC's DTLS shares its ports with STUN (RFC 7983 tells them apart by their first byte), and a
 * TURN server's client wraps it in ChannelData or in Send and Data indications.
 */
#ifndef DOWNGRD_STUN_H
#define DOWNGRD_STUN_H

#include "span.h"

enum { STUN_HEADER_SIZE = 20, TURN_CHANNEL_HEADER_SIZE = 4 };

/* A STUN message with the magic cookie, as long as it says or cut by the capture. */
bool stun_is_message(struct span datagram);

struct turn_data {
    uint16_t channel; /* of ChannelData, 0x4000 to 0x7fff; 0 of an indication */
    struct span data;
};

/*
 * What a datagram between TURN client and server carries for the peer.
 *   PARSE_OK       *turn is filled; the data may be empty or cut by the capture
 *   PARSE_FOREIGN  neither ChannelData nor a Send or Data indication with data
 */
enum parse_status turn_data_parse(struct span datagram, struct turn_data *turn);

#endif
