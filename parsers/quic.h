/*
 * quic.h - QUIC packets: headers that are not protected, and the frames of Initial packets once
 * their protection is off (RFC 8999, RFC 9000 sections 16, 17 and 19, RFC 9369; drafts 22 to 34,
 * which Facebook's mvfst numbers differ from; Google's T050 and T051, QUIC's packets with gQUIC's
 * frames).
 *
 * Taking the protection off is not done here: it wants a cryptographic library, see
 * sensor/flow/quic_protection.h. gQUIC up to Q050 is left out: it has packets like these, but no
 * TLS inside.
 */
#ifndef DOWNGRD_QUIC_H
#define DOWNGRD_QUIC_H

#include "span.h"

enum { QUIC_MAX_CONNECTION_ID = 20, QUIC_VERSION_1 = 0x00000001, QUIC_VERSION_2 = 0x6b3343cf };

/* Versions that differ in their Initial keys, packet types or frames. */
enum quic_dialect {
    QUIC_UNKNOWN, /* only what RFC 8999 says holds for it */
    QUIC_DRAFT_22,
    QUIC_DRAFT_23, /* to 28 */
    QUIC_DRAFT_29, /* to 32 */
    QUIC_RFC_9000, /* version 1, drafts 33 and 34 */
    QUIC_DRAFT_V2, /* version 2 before it was done */
    QUIC_RFC_9369, /* version 2 */
    QUIC_GOOGLE_T050,
    QUIC_GOOGLE_T051,
    QUIC_DIALECT_COUNT,
};

enum quic_dialect quic_dialect_of(uint32_t version);

/* A variable-length integer (RFC 9000 section 16). */
uint64_t quic_varint(struct reader *reader);

enum quic_packet_type {
    QUIC_INITIAL,
    QUIC_ZERO_RTT,
    QUIC_HANDSHAKE,
    QUIC_RETRY,
    QUIC_VERSION_NEGOTIATION,
    QUIC_ONE_RTT,       /* a short header */
    QUIC_OTHER_VERSION, /* a long header of a version that is not known */
};

struct quic_header {
    enum quic_packet_type type;
    uint32_t version; /* of a long header */
    enum quic_dialect dialect;
    struct span destination_id; /* of a long header; a short one does not say how long its is */
    struct span source_id;      /* of a long header */
    struct span token;          /* of an Initial packet; empty without */
    struct span versions;       /* Version Negotiation: list of uint32, one at least */
    struct span packet;         /* this one of the datagram's packets, as far as it is there */
    size_t number_at; /* Initial, 0-RTT, Handshake: where in `packet` the protected packet number
                         begins; at least 20 bytes stand between it and the end of a whole packet */
    bool is_whole;    /* false: its length runs past the bytes that there are */
};

/*
 * Reads the header at the beginning of a datagram, or of the rest of one that holds several
 * packets: the next begins after header->packet.
 *
 *   PARSE_OK         the header is there; see is_whole for the rest
 *   PARSE_MORE       the bytes end inside of the header
 *   PARSE_MALFORMED  a long header that breaks the rules of its version
 *   PARSE_FOREIGN    neither a long header nor a short one with its fixed bit set
 */
enum parse_status quic_header_parse(struct span bytes, struct quic_header *header);

enum quic_frame_type {
    QUIC_PADDING = 0x00, /* all that stand in a row */
    QUIC_PING = 0x01,
    QUIC_ACK = 0x02,
    QUIC_ACK_ECN = 0x03,
    QUIC_CRYPTO = 0x06,
    QUIC_CONNECTION_CLOSE = 0x1c,
    QUIC_APPLICATION_CLOSE = 0x1d, /* and gQUIC's CONNECTION_CLOSE: its codes are others */
};

/* Codes of CONNECTION_CLOSE that carry a TLS alert: this and the alert's number (RFC 9001 section
 * 4.8). */
enum { QUIC_CRYPTO_ERROR = 0x0100, QUIC_CRYPTO_ERROR_LAST = 0x01ff };

struct quic_frame {
    enum quic_frame_type type;
    uint64_t offset;     /* CRYPTO */
    struct span data;    /* CRYPTO */
    uint64_t error_code; /* CONNECTION_CLOSE, APPLICATION_CLOSE */
};

/* Takes the next frame of an Initial packet's payload; false at the end or at damage (also a frame
 * that has no place in an Initial packet), which then stays in *frames. */
bool quic_frame_next(struct span *frames, enum quic_dialect dialect, struct quic_frame *frame);

#endif
