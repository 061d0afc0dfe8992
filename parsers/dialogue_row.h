/*
 * dialogue_row.h - what a protocol is to the dialogue reader; internal to dialogue*.c.
 *
 * A protocol is a row: how its first bytes look, how its messages are told apart (by a byte at
 * their end, or by a length at their beginning), and what each message means. dialogue.c cuts the
 * bytes of an end into messages and looks for TLS at the beginning of each; a row's functions note
 * facts and say how it goes on. To add a protocol: its row here and in dialogue.c's list. A new
 * line protocol is a few lines of the tables in dialogue_text.c.
 */
#ifndef DOWNGRD_DIALOGUE_ROW_H
#define DOWNGRD_DIALOGUE_ROW_H

#include "dialogue.h"

/* What some bytes at the beginning of an end are to a protocol. */
enum dialogue_match {
    MATCH_NO,
    MATCH_MORE, /* a good beginning */
    MATCH_CLIENT,
    MATCH_SERVER,
    MATCH_EITHER, /* of both */
};

/* One message on its way to its row. */
struct dialogue_turn {
    struct dialogue_reader *reader;
    struct dialogue_end *end;
    bool from_client;
    bool is_cut;         /* the message is longer than what was kept of it */
    struct span message; /* what was kept, without the byte that ended it */
    struct span left;    /* what the call still has to read */
    bool is_starved;     /* more than that is needed */
    uint64_t packet;
    uint64_t time_us;
};

struct byte_range {
    uint8_t low;
    uint8_t high;
};

enum { DIALOGUE_NO_MESSAGE = UINT32_MAX };

struct dialogue_row {
    enum dialogue_protocol protocol; /* DIALOGUE_NONE: what is said will tell */
    uint8_t terminator;              /* of a message; 0: measure() */
    bool has_blank_messages;         /* else white space between messages is passed over */
    struct byte_range first;         /* bytes that it may begin with */
    /* Right for every prefix of what it accepts; bytes may follow. */
    enum dialogue_match (*match)(struct span bytes);
    /* Bytes of the message that begins so: 0 when more is needed to know, DIALOGUE_NO_MESSAGE when
     * none does. `head` is never empty. */
    uint32_t (*measure)(const struct dialogue_turn *turn, struct span head);
    enum dialogue_status (*message)(struct dialogue_turn *turn);
};

extern const struct dialogue_row dialogue_text;         /* dialogue_text.c */
extern const struct dialogue_row dialogue_xmpp;         /* dialogue_xmpp.c */
extern const struct dialogue_row dialogue_ldap;         /* dialogue_binary.c */
extern const struct dialogue_row dialogue_postgresql;   /* dialogue_binary.c */
extern const struct dialogue_row dialogue_mysql;        /* dialogue_binary.c */
extern const struct dialogue_row dialogue_rdp;          /* dialogue_binary.c */
extern const struct dialogue_row dialogue_http_connect; /* dialogue_proxy.c */
extern const struct dialogue_row dialogue_socks4;       /* dialogue_proxy.c */
extern const struct dialogue_row dialogue_socks5;       /* dialogue_proxy.c */
extern const struct dialogue_row dialogue_proxy_header; /* dialogue_proxy.c */

/* ---- for the rows: dialogue.c ---- */

void dialogue_note(struct dialogue_turn *turn, enum dialogue_fact fact);
void dialogue_note_asked(struct dialogue_turn *turn);
void dialogue_note_answer(struct dialogue_turn *turn, bool is_granted, struct span answer);
void dialogue_note_login(struct dialogue_turn *turn);
/* This end (or the other one) is the client, if nothing said so before. */
void dialogue_set_client(struct dialogue_turn *turn, bool is_this_end);
/* What comes next from this end belongs to another protocol. `is_accepted`: the server said so, or
 * is not asked. */
enum dialogue_status dialogue_hand_on(struct dialogue_turn *turn, bool is_accepted);

/* A list of capabilities: begun, one of its words (which may be the keyword, or was it before
 * somebody garbled it), and ended. Words of a list whose beginning was
 * not seen count too, but nothing follows from what it lacks. */
void dialogue_list_begin(struct dialogue_turn *turn);
void dialogue_list_word(struct dialogue_turn *turn, struct span word, const char *keyword);
void dialogue_list_offers(struct dialogue_turn *turn);
void dialogue_list_garbled(struct dialogue_turn *turn, struct span word);
void dialogue_list_end(struct dialogue_turn *turn);

/* ---- for the rows: dialogue_words.c ---- */

/* ASCII in either case. */
uint8_t word_capital(struct span word); /* its first byte, as a capital; 0 when it is empty */
bool word_equal(struct span word, const char *text);
bool word_begins(struct span text, const char *beginning);
/* `text` is as long as `bytes`, or longer, and they are the same so far. */
enum dialogue_match word_match(struct span bytes, const char *beginning, enum dialogue_match whose);
bool word_find(struct span text, const char *wanted); /* anywhere */
/* Takes the next word off; words stand between blanks and tabs. Empty at the end. */
struct span word_next(struct span *text);
struct span word_trim(struct span text); /* without white space around it */
/* A number of exactly three digits at the beginning; 0 when there is none. */
uint16_t word_code(struct span text);
void word_copy(struct span text, char copy[DIALOGUE_TEXT_SIZE]);
/* Has `word` the shape of the keyword, most of it masked or altered? */
bool word_is_garbled(struct span word, const char *keyword);

#endif
