/*
 * dtls_session.h - one DTLS handshake in progress: of both ends, the messages that are put together
 * out of fragments, and which message numbers went by.
 */
#ifndef DOWNGRD_DTLS_SESSION_H
#define DOWNGRD_DTLS_SESSION_H

#include <stdbool.h>

#include "buffers.h"

enum {
    DTLS_MAX_MESSAGES = 5,  /* kept at once, per end: two hellos, certificate, key exchange, and one
                               to spare */
    DTLS_MAX_RANGES = 24,   /* pieces of one message that do not touch each other */
    DTLS_MAX_SEQUENCE = 64, /* no handshake has as many messages */
};

struct dtls_range {
    uint32_t start;
    uint32_t end;
};

struct dtls_message {
    struct buffer buffer; /* data NULL: this place is free */
    uint8_t type;
    uint8_t range_count;
    uint16_t sequence;
    bool is_read;
    uint32_t length; /* on the wire */
    uint32_t kept;   /* how much of its beginning is put together */
    uint64_t packet; /* the one that made it whole; 0 before */
    uint64_t time_us;
    struct dtls_range ranges[DTLS_MAX_RANGES]; /* sorted, none touches another */
};

struct dtls_end {
    uint64_t seen;         /* bit per message_seq: some of it went by in clear */
    uint64_t read;         /* bit per message_seq: nothing more is wanted of it */
    bool has_sealed_early; /* an encrypted record that nothing in clear explains yet */
    bool has_data;         /* encrypted application data */
    bool has_alert;
    uint64_t alert_sequence; /* of the record that carried the latest alert in clear */
    struct dtls_message messages[DTLS_MAX_MESSAGES];
};

struct dtls_session {
    bool has_cookie;  /* a ClientHello had one */
    uint16_t useless; /* datagrams and records that brought nothing */
    uint16_t channel; /* of TURN: the one the handshake was seen on; 0 so far none */
    bool is_wrapped;  /* begun inside of TURN */
    struct dtls_end end[2];
};

#endif
