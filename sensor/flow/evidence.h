/*
 * evidence.h - what the packets of a session show of who sent them (rules/transport.h), and bytes
 * that contradict each other.
 *
 * The latest bytes of each direction stay in a buffer after they were read, with a short list of
 * the segments that brought them. A segment that brings them again is compared: equal bytes are a
 * retransmission, other bytes are a conflict, whichever came first and however they were cut.
 */
#ifndef DOWNGRD_EVIDENCE_H
#define DOWNGRD_EVIDENCE_H

#include "buffers.h"
#include "transport.h"

enum { EVIDENCE_MAX_PIECES = 6 };

/* A segment whose bytes were read. */
struct evidence_piece {
    uint32_t sequence; /* of the first byte that was read of it */
    bool begins_record;
    struct packet_mark mark;
};

/* The bytes of a direction that were read last. */
struct evidence_window {
    struct buffer buffer; /* data NULL: nothing is kept (yet) */
    uint32_t start;       /* sequence number of its first byte */
    uint32_t size;        /* bytes kept, without a hole */
    uint8_t piece_count;
    uint8_t piece_next; /* where the next one goes; the latest stands before it, round about */
    struct evidence_piece pieces[EVIDENCE_MAX_PIECES];
};

struct session;
struct segment;

void packet_mark_of(const struct packet *packet, uint64_t time_us, uint64_t number,
                    struct packet_mark *mark);

/* A packet of this end, before its bytes are read: the direction's marks, and what it says about
 * earlier suspects. */
void evidence_note_packet(struct session *session, unsigned end, const struct packet *packet,
                          const struct packet_mark *mark);

/* Bytes of this end that are read now, in order: the part of `segment` from `known` on. */
void evidence_keep(struct session *session, unsigned end, const struct segment *segment,
                   size_t known);
/* The first `known` bytes of `segment` were read before: are they the same? */
void evidence_compare(struct session *session, unsigned end, const struct segment *segment,
                      size_t known);
void evidence_release(struct session *session, unsigned end);

/* A packet that can end the handshake. The caller fills kind, the alert and is_...; `sender` is an
 * end until session_conclude(). */
struct suspect *evidence_add_suspect(struct session *session, unsigned end, enum suspect_kind kind,
                                     const struct packet_mark *mark, uint32_t end_sequence);

#endif
