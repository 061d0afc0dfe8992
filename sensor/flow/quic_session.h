/*
 * quic_session.h - one QUIC handshake in progress: connection ids, keys, and what its Initial
 * packets carried so far.
 */
#ifndef DOWNGRD_QUIC_SESSION_H
#define DOWNGRD_QUIC_SESSION_H

#include "quic.h"
#include "quic_crypto.h"
#include "quic_protection.h"

enum { QUIC_MAX_HELD = 4 }; /* datagrams that came before the client's first */

struct quic_id {
    bool is_known;
    uint8_t size;
    uint8_t bytes[QUIC_MAX_CONNECTION_ID];
};

/* The connection ids that Initial keys may follow from, in the order in which they are tried. */
enum quic_key_id {
    QUIC_ID_RETRY,     /* of the client's Initial packets after a Retry */
    QUIC_ID_ORIGINAL,  /* of its first one */
    QUIC_ID_ABANDONED, /* of its first one before it began anew with another version */
    QUIC_ID_COUNT,
};

/* The keys that opened an end's latest Initial packet, and what they follow from. */
struct quic_opener {
    bool is_set;
    enum quic_key_id id;
    uint32_t version;
    uint64_t expected; /* the number after the highest one that was opened */
    struct quic_keys keys;
};

struct quic_held {
    struct buffer buffer;
    uint32_t size;
    uint32_t size_wire;
    uint64_t packet;
    uint64_t time_us;
    uint8_t end;
};

struct quic_session {
    bool is_proven;      /* an Initial packet opened with the keys that its own header gives, as the
                            client's first one does */
    bool is_promising;   /* before that: the latest datagram may belong to a handshake */
    uint8_t client_end;  /* with is_proven; before that, who sent other_version */
    uint8_t failures[2]; /* by sender: keys derived in vain, saturating */
    uint8_t held_count;
    uint16_t datagrams;         /* since is_proven, saturating */
    bool has_unopened[2];       /* by end: an Initial packet that no keys opened */
    uint32_t other_version;     /* before is_proven: nobody knows it, the other end may refuse it */
    uint32_t version;           /* that the client began with */
    uint32_t abandoned_version; /* what it had begun with before; 0: none */
    uint64_t close_packet[2];   /* by end: the latest with a CONNECTION_CLOSE */
    struct quic_id ids[QUIC_ID_COUNT];
    struct quic_id own[2]; /* by end: how it wants to be addressed */
    struct quic_opener openers[2];
    struct quic_crypto crypto[2];
    struct quic_held held[QUIC_MAX_HELD];
};

struct session;

/* quic_opener.c */
void quic_id_set(struct quic_id *id, struct span bytes); /* too long a one stays unknown */
bool quic_id_is(const struct quic_id *id, struct span bytes);
/* Opens an end's Initial packet with keys that follow from a connection id seen before; says in
 * openers[end] which. */
bool quic_open_known(struct session *session, unsigned end, const struct quic_header *header,
                     struct quic_opened *opened);
/* Opens a client's Initial packet with the keys that its own header gives; *opener is for the
 * caller to keep. */
bool quic_open_own(struct session *session, const struct quic_header *header,
                   struct quic_opener *opener, struct quic_opened *opened);

#endif
