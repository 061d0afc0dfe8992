/*
 * packet_choice.h - which frames of a ring go into an alert's file.
 *
 * First those that the alert names, whatever connection they are of; then the alert's connection
 * from its first packet to the moment it was judged; then IP fragments between its two ends, or the
 * ends of its tunnels, from shortly before it (they have no ports, so they may be another
 * connection's); then the other connections that the evidence names packets of.
 */
#ifndef DOWNGRD_PACKET_CHOICE_H
#define DOWNGRD_PACKET_CHOICE_H

#include "packet_notes.h"
#include "packet_ring.h"

enum { CHOICE_MAX_FRAMES = 256, CHOICE_MAX_BYTES = 1 << 20 };

struct packet_choice {
    size_t count;
    uint64_t numbers[CHOICE_MAX_FRAMES]; /* rising */
    size_t bytes;                        /* of all the frames */
    size_t left_out;                     /* frames that are kept, but more than an alert may have */
    size_t missing_count;
    uint64_t missing[NOTES_MAX]; /* named, and not kept any more (or past the bounds) */
    bool has_start;              /* the connection's first packet is among them */
};

void packet_choice_make(const struct packet_ring *ring, const struct handshake *handshake,
                        const struct packet_notes *notes, struct packet_choice *choice);

#endif
