/*
 * packet_notes.h - which packets an alert speaks of, and what it says of each.
 *
 * Named are the packets of the evidence, the hellos that were compared, cleartext alerts, whatever
 * could end the handshake, and both versions of bytes that contradict each other. All texts are
 * printable ASCII: what may come from the wire is escaped, so a comment shows in Wireshark what was
 * meant and cannot be taken for anything else.
 */
#ifndef DOWNGRD_PACKET_NOTES_H
#define DOWNGRD_PACKET_NOTES_H

#include "verdict.h"

/* A text that grows in a caller's buffer, always ended by NUL; what does not fit is left out. */
struct comment {
    char *text;
    size_t size; /* without the NUL */
    size_t room;
};

struct comment comment_of(char *text, size_t room);
void comment_add(struct comment *comment, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Printable ASCII as it is, every other byte and the backslash as \xNN. */
void comment_add_bytes(struct comment *comment, struct span bytes);

enum {
    NOTE_SIZE = 512,
    NOTES_MAX = FINDING_MAX_EVIDENCE + HANDSHAKE_MAX_ALERTS + 2 * TRANSPORT_MAX_SUSPECTS +
                2 * TRANSPORT_MAX_CONFLICTS + 4,
};

struct packet_note {
    uint64_t packet;
    bool is_evidence; /* a line of the alert's own */
    char text[NOTE_SIZE];
};

/* In the order in which they are told; several may be of one packet. */
struct packet_notes {
    size_t count;
    struct packet_note notes[NOTES_MAX];
};

void packet_notes_of(const struct alert *alert, struct packet_notes *notes);

/* One line of evidence: "WHAT: expected ..., observed ...". */
void comment_add_evidence(struct comment *comment, const struct evidence *evidence);

/* All that is said of a packet, one line each; false when there is nothing. */
bool packet_notes_comment(const struct packet_notes *notes, uint64_t packet,
                          struct comment *comment);

#endif
