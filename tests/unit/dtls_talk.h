/*
 * dtls_talk.h - DTLS handshakes put together by hand, for tests of the flow table.
 *
 * A `struct dtls_talk` holds datagrams. A test builds them out of records and fragments of
 * messages, changes their order, drops or repeats some, and plays them into a tape (flow_talk.h),
 * which tells each record as one line of text. So a harmless change gives the same line.
 */
#ifndef DOWNGRD_DTLS_TALK_H
#define DOWNGRD_DTLS_TALK_H

#include "dtls.h"
#include "flow_talk.h"

enum { DATAGRAMS_MAX = 4096 };

struct datagram {
    enum handshake_side from;
    size_t at; /* in the store */
    size_t size;
    size_t cut; /* bytes of its end that the capture does not hold */
    uint64_t after_us;
};

struct dtls_talk {
    struct bytes store;
    struct datagram datagrams[DATAGRAMS_MAX];
    size_t count;
    uint16_t client_port;
    uint16_t version;     /* of the records and the hellos; DTLS 1.2 */
    uint8_t random;       /* each byte of the client's */
    size_t most;          /* of a message in one fragment; each further one is a datagram */
    uint32_t sequence[2]; /* of the next record in clear */
};

void dtls_talk_init(struct dtls_talk *talk);

/* Begins a datagram; what follows goes into it. */
void dtls_datagram(struct dtls_talk *talk, enum handshake_side from);
void dtls_record(struct dtls_talk *talk, uint8_t type, uint16_t epoch, const void *data,
                 size_t size);
/* An encrypted record with DTLS 1.3's header: its epoch in two bits, a length, no connection id. */
void dtls_unified_record(struct dtls_talk *talk, uint8_t epoch, size_t size);
/* One fragment in a record of its own. */
void dtls_fragment(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                   const struct bytes *body, size_t offset, size_t size);
/* A whole message, cut at `most`. */
void dtls_message(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                  const struct bytes *body);
void dtls_plain_message(struct dtls_talk *talk, uint8_t type, uint16_t message_sequence,
                        size_t size);

struct dtls_hello_plan {
    size_t cookie;        /* bytes of it */
    size_t padding;       /* bytes of the padding extension; 0: absent */
    uint16_t highest;     /* supported_versions holds it; 0: absent */
    uint16_t share;       /* group of the key share; 0: absent */
    uint16_t suite;       /* further one; 0: none */
    size_t connection_id; /* size of it plus one; 0: no such extension */
};
/* Bodies of hellos, without any header. */
void dtls_client_hello(const struct dtls_talk *talk, struct bytes *body,
                       struct dtls_hello_plan plan);
struct dtls_answer_plan {
    bool is_retry;
    uint16_t version; /* legacy_version; 0: the talk's */
    uint16_t suite;
    uint16_t selected; /* supported_versions; 0: absent */
    uint16_t group;    /* key_share; 0: absent */
    size_t connection_id;
};
void dtls_server_hello(const struct dtls_talk *talk, struct bytes *body,
                       struct dtls_answer_plan plan);
void dtls_hello_verify(struct bytes *body, size_t cookie);

/* Flights of a handshake with a cookie. */
void dtls_say_hello(struct dtls_talk *talk);         /* number 0 */
void dtls_say_verify(struct dtls_talk *talk);        /* number 0 */
void dtls_say_second_hello(struct dtls_talk *talk);  /* number 1 */
void dtls_say_server_flight(struct dtls_talk *talk); /* numbers 1 to 4 */
void dtls_say_client_flight(struct dtls_talk *talk); /* number 2, and an encrypted Finished */
void dtls_say_server_finish(struct dtls_talk *talk);
void dtls_say_all(struct dtls_talk *talk);
/* A STUN binding request. */
void dtls_say_stun(struct dtls_talk *talk, enum handshake_side from);

void dtls_move(struct dtls_talk *talk, size_t from, size_t to);
void dtls_copy(struct dtls_talk *talk, size_t from, size_t to);
void dtls_remove(struct dtls_talk *talk, size_t at);

/* Any datagram, then all of them. */
void dtls_step(struct tape *tape, const struct dtls_talk *talk, size_t at);
void dtls_play(struct tape *tape, const struct dtls_talk *talk);
/* The one line of a table that saw just this; fails the test when there is not exactly one. */
const char *dtls_one(struct tape *tape, const struct dtls_talk *talk);

#endif
