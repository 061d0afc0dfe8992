/*
 * quic_talk.h - QUIC packets made by hand, for tests and the fuzz target of QUIC sessions.
 *
 * Protection is put on here with the library's own HKDF and with keys of this file's own, so that a
 * mistake in the sensor's is seen. A datagram is a `struct bytes` (flow_talk.h) to which packets
 * are added. Connection ids are written as text.
 */
#ifndef DOWNGRD_QUIC_TALK_H
#define DOWNGRD_QUIC_TALK_H

#include "flow_talk.h"

enum { QUIC_FIRST_SIZE = 1200 }; /* what a client's first datagrams are padded to */

struct initial_plan {
    uint32_t version; /* 0: version 1 */
    enum handshake_side from;
    const char *keys; /* the connection id that the keys follow from; a string that stays */
    const char *to;   /* connection ids; NULL: empty */
    const char *as;
    const char *token;    /* NULL: none */
    uint64_t number;      /* packet number */
    unsigned number_size; /* bytes of it that are sent; 0: one */
    size_t pad_to;        /* PADDING frames until the datagram is that long */
};

/* Appends a packet to a datagram. */
void wire_initial(struct bytes *datagram, struct initial_plan plan, const struct bytes *frames);
/* Packets whose payload is noise, of `size` bytes with their packet number. */
void wire_handshake(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                    size_t size);
void wire_zero_rtt(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                   size_t size);
void wire_one_rtt(struct bytes *datagram, const char *to, size_t size);
void wire_retry(struct bytes *datagram, uint32_t version, const char *to, const char *as);
/* `versions` ends with 0. */
void wire_versions(struct bytes *datagram, const char *to, const char *as,
                   const uint32_t *versions);
/* What a client of a version that nobody knows sends first. */
void wire_unknown(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                  size_t size);

/* Appends a frame. */
void frame_crypto(struct bytes *frames, uint64_t offset, const void *data, size_t size);
void frame_ack(struct bytes *frames);
void frame_close(struct bytes *frames, uint64_t error);
void bytes_varint(struct bytes *bytes, uint64_t value);

/* ---- playing ---- */

struct quic_tape {
    struct flow_table *table;
    uint64_t now_us;
    uint64_t number;
    uint16_t client_port;
    size_t count;
    char lines[LINES_MAX][LINE_SIZE];
    struct handshake last; /* its spans are gone */
};

void quic_tape_open(struct quic_tape *tape, const struct flow_config *config); /* NULL: small */
void quic_tape_close(struct quic_tape *tape);
/* One datagram, a millisecond after the one before; `cut` bytes of its end were not captured. */
void quic_tape_send(struct quic_tape *tape, enum handshake_side from, const struct bytes *datagram,
                    size_t cut);
void quic_tape_wait(struct quic_tape *tape, uint64_t us);
/* Ends the capture; the tape can go on with another one then. */
void quic_tape_end(struct quic_tape *tape);

#endif
