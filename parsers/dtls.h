/*
 * dtls.h - the DTLS record layer, fragments of handshake messages, and HelloVerifyRequest (RFC 6347
 * sections 4.1, 4.2.1 and 4.2.2; RFC 9147 section 4; RFC 9146).
 *
 * A datagram holds whole records, a record whole fragments of handshake messages. Hellos inside of
 * whole messages are tls_handshake.h's: DTLS only adds the cookie field. OpenSSL's DTLS from before
 * the RFC (version 0x0100) has the same layout; its ChangeCipherSpec and alerts are a few bytes
 * longer.
 */
#ifndef DOWNGRD_DTLS_H
#define DOWNGRD_DTLS_H

#include "tls_handshake.h"
#include "tls_record.h"

/* Content types that TLS does not have. */
enum { DTLS_CONNECTION_ID_RECORD = 25, DTLS_ACK = 26 };

enum {
    DTLS_RECORD_HEADER_SIZE = 13,
    DTLS_HANDSHAKE_HEADER_SIZE = 12,
    DTLS_CONNECTION_ID_UNKNOWN = 256, /* in place of a size: the longest has 255 bytes */
};

/* One record of either header. Records of another epoch than 0 are encrypted. */
struct dtls_record {
    bool is_unified; /* DTLS 1.3's header for encrypted records; type and version are 0 then */
    bool is_unsized; /* a connection id of unknown length is in front: the fragment is all that
                        is left of the datagram, that id and what follows it included */
    uint8_t type;    /* enum tls_content_type, or one of the above */
    uint16_t version;
    uint16_t epoch; /* of a unified header: its two low bits */
    uint64_t sequence;
    size_t size;          /* of the fragment, by its header */
    struct span fragment; /* shorter when the datagram ends first, which it may only when the
                             capture cut it */
};

/*
 * Takes the next record off a datagram. `connection_id_size` is that of the ids which this sender
 * puts into its records, or DTLS_CONNECTION_ID_UNKNOWN.
 *
 *   PARSE_OK       *record is there; *datagram is what follows it
 *   PARSE_MORE     a good beginning of a header
 *   PARSE_FOREIGN  no record of DTLS: its type, or a version that is none of 0xfeff, 0xfefd,
 *                  0xfefc, 0x0100, or a length above the limit
 */
enum parse_status dtls_record_next(struct span *datagram, size_t connection_id_size,
                                   struct dtls_record *record);

/* Part of a handshake message. */
struct dtls_fragment {
    uint8_t type; /* enum tls_handshake_type */
    uint16_t message_sequence;
    uint32_t length; /* of the whole message, headers not counted */
    uint32_t offset; /* of this part */
    uint32_t size;
    struct span bytes; /* shorter than `size` when the record was cut */
};

/*
 * Takes the next fragment off the inside of a handshake record.
 *
 *   PARSE_OK         *fragment is there; *record is what follows it
 *   PARSE_MORE       less than a header is left
 *   PARSE_MALFORMED  it reaches past its message
 */
enum parse_status dtls_fragment_next(struct span *record, struct dtls_fragment *fragment);

struct dtls_hello_verify {
    uint16_t server_version; /* says nothing: servers are told to write DTLS 1.0 there */
    struct span cookie;
};

/* `body` is the whole message without its header. PARSE_OK or PARSE_MALFORMED. */
enum parse_status dtls_hello_verify_parse(struct span body, struct dtls_hello_verify *verify);

/* The connection_id extension of a hello (RFC 9146 section 3): how long the ids are that the other
 * side puts into its records. False when the hello has none. */
bool dtls_connection_id_size(struct span extensions, size_t *size);

#endif
