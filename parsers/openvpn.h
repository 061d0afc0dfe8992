/*
 * openvpn.h - packets of OpenVPN's control channel, which carries a TLS handshake in pieces.
 *
 * A packet is an opcode with a key number, the sender's session id, with --tls-auth an HMAC of the
 * configured digest and a packet number with a time, then acknowledgements, the message's number,
 * and a piece of the TLS stream. Nothing in it says whether the HMAC is there or how long it is:
 * that follows from the size of the packet that opens a session, which is fixed but for it. Over
 * TCP each packet has its length in front, in two bytes.
 *
 * With --tls-crypt everything behind the session id is encrypted: such a session does not open.
 *
 * Source: the protocol's description in OpenVPN's own ssl_pkt.h and openvpn-rfc.
 */
#ifndef DOWNGRD_OPENVPN_H
#define DOWNGRD_OPENVPN_H

#include "span.h"

enum openvpn_opcode {
    OPENVPN_HARD_RESET_CLIENT_V1 = 1,
    OPENVPN_HARD_RESET_SERVER_V1 = 2,
    OPENVPN_SOFT_RESET_V1 = 3,
    OPENVPN_CONTROL_V1 = 4,
    OPENVPN_ACK_V1 = 5,
    OPENVPN_DATA_V1 = 6,
    OPENVPN_HARD_RESET_CLIENT_V2 = 7,
    OPENVPN_HARD_RESET_SERVER_V2 = 8,
    OPENVPN_DATA_V2 = 9,
};

enum { OPENVPN_SESSION_ID_SIZE = 8, OPENVPN_MAX_ACKS = 8, OPENVPN_LENGTH_SIZE = 2 };

struct openvpn_packet {
    uint8_t opcode;
    uint8_t key_id;           /* 0 to 7: each key is negotiated by a TLS session of its own */
    struct span session_id;   /* the sender's */
    struct span acknowledged; /* list of uint32: message numbers of the other side */
    uint32_t message_id;      /* counts this side's messages of this key from 0; not of an ACK */
    struct span payload;      /* of CONTROL_V1: bytes of the TLS stream */
};

/*
 * Reads a control packet (not data, which has another layout). `auth_size` is what stands between
 * session id and acknowledgements.
 *   PARSE_OK         *packet is there
 *   PARSE_FOREIGN    another opcode
 *   PARSE_MALFORMED  too short for what it says, or more acknowledgements than there may be
 */
enum parse_status openvpn_packet_parse(struct span bytes, size_t auth_size,
                                       struct openvpn_packet *packet);

/* Does this packet open a session: a hard reset of either side, or the message that begins with the
 * ClientHello? Sets *auth_size. Cheap for everything else. */
bool openvpn_opens_session(struct span bytes, size_t *auth_size);

/* Is it sent by the client? Of packets that open a session. */
bool openvpn_is_from_client(const struct openvpn_packet *packet);

#endif
