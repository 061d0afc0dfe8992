/*
 * transport.h - what packets show of who sent them.
 *
 * TLS before its encryption authenticates nothing: an alert, a reset or a hello may come from
 * anybody who knows the sequence numbers. What an injector finds hard to fake is the rest of the
 * packet: how many hops it came (the hop limit), the sender's IP identification and TCP timestamp
 * clocks, its window, the time it took, and that the genuine sender goes on as if nothing had
 * happened. Packets that matter are kept here as marks, with the ones of the same direction before
 * and after them; transport_signals() counts what does not fit.
 *
 * Sources: RFC 9293 (TCP), RFC 7323 (timestamps, window scale), RFC 6864 (IP identification), RFC
 * 5961 (blind attacks).
 */
#ifndef DOWNGRD_TRANSPORT_H
#define DOWNGRD_TRANSPORT_H

#include "packet.h"

enum mark_has { MARK_HAS_IP_ID = 1U << 0U, MARK_HAS_TIMESTAMP = 1U << 1U };

/* One packet, as far as it tells of its sender. */
struct packet_mark {
    uint64_t packet; /* its number; 0: there is none */
    uint64_t time_us;
    uint32_t ip_id;
    uint32_t timestamp; /* TCP's, in the sender's units */
    uint16_t window;    /* raw, unscaled */
    uint8_t hop_limit;
    uint8_t tcp_flags;
    uint8_t has; /* enum mark_has */
    bool dont_fragment;
};

enum {
    TRANSPORT_MAX_SUSPECTS = 4,
    TRANSPORT_MAX_CONFLICTS = 2,
    TRANSPORT_CONFLICT_SIZE = 64,
};

enum suspect_kind { SUSPECT_ALERT, SUSPECT_RESET, SUSPECT_FIN };

/* A packet that can end a handshake, and what its alleged sender sent around it. */
struct suspect {
    uint8_t kind;   /* enum suspect_kind */
    uint8_t sender; /* enum handshake_side */
    uint8_t alert_level;
    uint8_t alert_description;
    bool is_in_encrypted_epoch; /* an alert in clear after its sender had gone on encrypted */
    bool is_out_of_place;       /* a reset whose sequence number is not the one that was due */
    uint8_t packets_after;      /* further packets of that direction, saturating */
    bool has_acknowledgement;   /* a reset that says how far its sender had heard */
    uint32_t end_sequence;      /* what follows it would have this number */
    uint32_t acknowledgement;
    struct packet_mark mark;
    struct packet_mark before;  /* the direction's packet before it */
    struct packet_mark after;   /* the direction's next packet, whenever it came */
    uint64_t data_after_packet; /* the first packet of that direction that carries bytes which the
                                   suspect says do not exist, or that acknowledges what came in
                                   after a reset; 0: none came */
    uint64_t data_after_us;
};

/* What a version of some bytes says. */
struct conflict_version {
    struct packet_mark mark; /* the packet that brought it */
    uint8_t size;            /* of bytes[] */
    uint8_t content_type;    /* enum tls_content_type of the record they are in; 0: none */
    uint8_t handshake_type;  /* valid with content_type TLS_HANDSHAKE */
    uint8_t alert_level;     /* valid with content_type TLS_ALERT */
    uint8_t alert_description;
    bool has_hello; /* a whole ServerHello (or ClientHello): version and, of a server, suite */
    uint16_t version;
    uint16_t cipher_suite;
    uint8_t bytes[TRANSPORT_CONFLICT_SIZE]; /* from the first byte that differs */
};

/* Two versions of the same bytes of one direction. */
struct conflict {
    uint8_t sender;                /* enum handshake_side */
    uint32_t sequence;             /* number of the first byte that differs */
    struct conflict_version first; /* the one that was read: it came first */
    struct conflict_version second;
};

/* What does not fit a suspect, each independent of the others. */
enum transport_signal {
    SIGNAL_CONFLICT = 1U << 0U,        /* other bytes came at the same sequence numbers */
    SIGNAL_DATA_AFTER = 1U << 1U,      /* its alleged sender went on sending */
    SIGNAL_HOP_LIMIT = 1U << 2U,       /* unlike the direction's packets before and after */
    SIGNAL_IP_ID = 1U << 3U,           /* outside of the direction's counter */
    SIGNAL_TIMESTAMP = 1U << 4U,       /* absent, or outside of the direction's clock */
    SIGNAL_WINDOW = 1U << 5U,          /* far from the direction's window */
    SIGNAL_ENCRYPTED_EPOCH = 1U << 6U, /* in clear where its sender had begun to encrypt */
    SIGNAL_TOO_EARLY = 1U << 7U,       /* it answers faster than the path to its sender allows */
    SIGNAL_OUT_OF_PLACE = 1U << 8U,    /* a reset at a sequence number that was not due */
};

struct handshake;

/* The signals (enum transport_signal) about a suspect of this record. */
uint32_t transport_signals(const struct handshake *handshake, const struct suspect *suspect);
/* How many signals are set. */
unsigned transport_signal_count(uint32_t signals);
/* The conflict in which this suspect's bytes are one version; NULL when there is none. */
const struct conflict *transport_conflict_of(const struct handshake *handshake,
                                             const struct suspect *suspect);

#endif
