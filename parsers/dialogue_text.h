/*
 * dialogue_text.h - what dialogue_text.c and dialogue_reply.c share: line protocols and which of
 * them it may be.
 */
#ifndef DOWNGRD_DIALOGUE_TEXT_H
#define DOWNGRD_DIALOGUE_TEXT_H

#include "dialogue_row.h"

enum {
    SMTP = 1 << DIALOGUE_SMTP, /* and LMTP, which differs in one word */
    IMAP = 1 << DIALOGUE_IMAP,
    POP3 = 1 << DIALOGUE_POP3,
    FTP = 1 << DIALOGUE_FTP,
    NNTP = 1 << DIALOGUE_NNTP,
    SIEVE = 1 << DIALOGUE_SIEVE,
    IRC = 1 << DIALOGUE_IRC,
    ALL = SMTP | IMAP | POP3 | FTP | NNTP | SIEVE | IRC,
};

/* Only these protocols say that. A line that contradicts all before it changes nothing. */
void dialogue_text_narrow(struct dialogue_turn *turn, uint32_t protocols);
/* Which one it is; DIALOGUE_NONE while several are left. */
enum dialogue_protocol dialogue_text_protocol(const struct dialogue_turn *turn);

static inline bool dialogue_text_may_be(const struct dialogue_turn *turn, uint32_t protocols) {
    return (turn->reader->memory.candidates & protocols) != 0;
}

/* A server's line, without white space around it, not empty. */
enum dialogue_status dialogue_reply(struct dialogue_turn *turn, struct span line);

#endif
