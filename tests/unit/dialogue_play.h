/*
 * dialogue_play.h - dialogues as scripts, for tests of the dialogue reader.
 *
 * A script is what both ends say in turn. It is played into a reader whole, byte by byte, and cut
 * in two at each place; what the reader made of it is told as one line of text, which must be the
 * same each time: the protocol, those it passed through, each fact with the number of the step
 * (from 1) that completed it, where TLS began at each end, and how it ended.
 */
#ifndef DOWNGRD_DIALOGUE_PLAY_H
#define DOWNGRD_DIALOGUE_PLAY_H

#include "dialogue.h"

enum { CLIENT, SERVER };

struct line {
    unsigned end;
    const char *bytes;
    size_t size;
};

#define C(text)                                                                                    \
    { CLIENT, (text), sizeof(text) - 1 }
#define S(text)                                                                                    \
    { SERVER, (text), sizeof(text) - 1 }

/* The beginnings of a ClientHello and of a ServerHello. */
#define TLS_OFFER_BYTES                                                                            \
    "\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03"                                                 \
    "a random number"
#define TLS_CHOICE_BYTES                                                                           \
    "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"                                                 \
    "another one"
#define TLS_ALERT_BYTES "\x15\x03\x01\x00\x02\x02\x46"
#define SSLV2_OFFER_BYTES                                                                          \
    "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"                                                 \
    "and so on"

enum { SCRIPT_MAX_LINES = 24, PLAY_TEXT_SIZE = 640 };

struct script {
    const char *name;
    bool no_syn; /* which end is the client is not told */
    struct line lines[SCRIPT_MAX_LINES];
    const char *expected;
};

/* "smtp via:socks5 greeted:1 asked:3 (XXXXXXXA) [454 no]" */
void dialogue_tell(const struct dialogue *facts, char text[PLAY_TEXT_SIZE]);

/* How a script is cut: 0 and up: so many bytes of it, then the rest; or one of these. */
enum { PLAY_WHOLE = -1, PLAY_BYTES = -2 };

void play_script(const struct script *script, long cut, char text[PLAY_TEXT_SIZE]);
/* Whole and by bytes are the same, whatever it is. */
void demand_same_however_cut(const struct script *script);
/* All ways; fails the test with the script's name when one differs from what is expected. And with
 * each byte changed, see above. */
void demand_script(const struct script *script);
void demand_scripts(const struct script *scripts, size_t count);

#endif
