/*
 * flow_scene.h - whole handshakes and the packets that carry them, for tests of the flow table.
 *
 * A dialogue is what both ends say, in TLS records: hellos from a rule's scene (scene.h), the rest
 * as noise of the right shape. A plan is the packets that carry a dialogue, which a test may cut,
 * swap, repeat, lose or put others between. A tap plays plans into a flow table and keeps what the
 * table told, as values and as text to compare.
 */
#ifndef DOWNGRD_FLOW_SCENE_H
#define DOWNGRD_FLOW_SCENE_H

#include "flow.h"
#include "scene.h"
#include "tls_messages.h"
#include "tls_record.h"

enum dialogue_kind {
    DIALOGUE_TLS12,
    DIALOGUE_RESUMED, /* TLS 1.2 by session id */
    DIALOGUE_TLS13,
    DIALOGUE_RETRY, /* TLS 1.3 with a HelloRetryRequest */
    DIALOGUE_SSLV2, /* TLS 1.0 after an SSLv2-framed hello */
    DIALOGUE_LONG,  /* TLS 1.3 with a hello of 3 KB and without dummy ChangeCipherSpecs */
    DIALOGUE_COUNT,
};

/* ---- dialogues ---- */

/* How messages lie in records. */
struct layout {
    bool is_joined;     /* messages in a row share a record */
    size_t record_size; /* longest record of handshake messages in clear; 0: no limit */
};

/* What one end says until the other does. */
struct flight {
    unsigned end; /* enum handshake_side, as everywhere here */
    size_t start; /* in the end's stream */
    size_t size;
};

enum { DIALOGUE_MAX_FLIGHTS = 8 };

struct exchange {
    const char *name;
    struct message stream[SIDE_COUNT];
    struct flight flights[DIALOGUE_MAX_FLIGHTS];
    size_t flight_count;
    size_t sealed_at[SIDE_COUNT]; /* where the first encrypted record begins; 0: there is none */
    struct layout layout;
    struct message run; /* messages that are not in a record yet */
};

void dialogue_make(struct exchange *dialogue, enum dialogue_kind kind, struct layout layout);
/* Keeps the first flights only. */
void dialogue_keep(struct exchange *dialogue, size_t flights);
/* Go on with a dialogue: a cleartext alert, and an encrypted record as of TLS 1.3. */
void dialogue_alert(struct exchange *dialogue, unsigned end, unsigned level, unsigned description);
void dialogue_sealed(struct exchange *dialogue, unsigned end, size_t size);

/* ---- plans ---- */

struct piece { /* a packet */
    uint8_t end;
    uint8_t flags;
    bool is_lost;        /* not in the capture */
    uint32_t offset;     /* of its payload in the stream */
    uint32_t size;       /* of its payload */
    uint32_t cut;        /* so much of it was not captured */
    uint32_t shift;      /* added to the sequence number */
    uint32_t ack;        /* acknowledged bytes of the other stream */
    int64_t later_us;    /* since the packet before; 0: 100 us */
    const uint8_t *junk; /* payload that is not the stream's */
};

enum { PLAN_MAX_PIECES = 12000 };

struct plan {
    const struct exchange *dialogue;
    uint16_t port; /* the client's */
    uint32_t isn[SIDE_COUNT];
    size_t said[SIDE_COUNT];
    size_t closed[SIDE_COUNT]; /* 1 after a FIN */
    size_t count;
    struct piece pieces[PLAN_MAX_PIECES];
};

/* Where a plan cuts the streams into segments. */
struct cuts {
    size_t size;           /* longest segment; 0: no limit */
    size_t at[SIDE_COUNT]; /* a border at this byte of the stream; 0: none */
    size_t overlap;        /* each segment repeats so many bytes before it */
};

void plan_start(struct plan *plan, const struct exchange *dialogue);
/* A packet without payload where the streams stand, at the end. */
struct piece *plan_add(struct plan *plan, unsigned end, unsigned flags);
void plan_insert(struct plan *plan, size_t at, struct piece piece);
void plan_open(struct plan *plan); /* SYN, SYN-ACK, ACK */
/* All flights, each acknowledged. */
void plan_flights(struct plan *plan, struct cuts cuts);
/* All of it: from the SYN to the last acknowledgement of the FINs. */
void plan_make(struct plan *plan, const struct exchange *dialogue, struct cuts cuts);
bool piece_is_data(const struct piece *piece);

/* ---- taps ---- */

/* What a record said. Texts are empty for what was absent. */
struct told {
    enum handshake_outcome outcome;
    uint32_t has;
    uint32_t missed;
    uint16_t port; /* the client's */
    uint16_t offered;
    uint16_t negotiated;
    uint16_t suite;
    uint16_t group;
    uint8_t alert_count;
    uint64_t flow_id;
    uint64_t started_packet;
    uint64_t ended_us;
    char name[64];
    char offer[400];
    char second_offer[400];
    char retry[200];
    char choice[200];
    char alerts[200];
    char facts[1800]; /* all that does not depend on packet numbers and times */
};

enum { TAP_MAX_TOLD = 16 };

struct tap {
    struct flow_table *table;
    uint64_t number;
    uint64_t time_us;
    size_t told_count; /* past TAP_MAX_TOLD they are only counted */
    struct told told[TAP_MAX_TOLD];
};

void tap_small_config(struct flow_config *config);
void tap_open(struct tap *tap, const struct flow_config *config); /* NULL: the small one */
void tap_play(struct tap *tap, const struct plan *plan);
void tap_play_part(struct tap *tap, const struct plan *plan, size_t from, size_t to);
void tap_end_capture(struct tap *tap); /* and begins the next one: nothing was told */
void tap_close(struct tap *tap);

/* Plays a plan alone. Returns how many records were told, the first of them in *told. */
size_t plan_tell(const struct plan *plan, struct told *told);

#endif
