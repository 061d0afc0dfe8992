/*
 * dialogue_reply.c - what the servers of line protocols say (see dialogue_text.c).
 *
 * A line is known by its shape: three digits (SMTP, FTP, NNTP), a sign (POP3), a star or a tag
 * (IMAP), quotes or a plain word (Sieve), a name behind a colon (IRC).
 */
#include "dialogue_text.h"

/* What a greeting calls itself; a command may know better. */
static void text_guess(struct dialogue_turn *turn, struct span greeting) {
    static const struct {
        const char *word;
        enum dialogue_protocol protocol;
    } names[] = {{"ESMTP", DIALOGUE_SMTP}, {"SMTP", DIALOGUE_SMTP}, {"LMTP", DIALOGUE_LMTP}};
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span rest = greeting;
    if (dialogue_text_protocol(turn) != DIALOGUE_NONE)
        return;
    for (struct span word = word_next(&rest); word.size; word = word_next(&rest)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (!word_equal(word, names[i].word))
                continue;
            turn->reader->facts.protocol = names[i].protocol;
            memory->is_lmtp = names[i].protocol == DIALOGUE_LMTP;
            return;
        }
    }
    if (word_find(greeting, "FTP"))
        turn->reader->facts.protocol = DIALOGUE_FTP;
}

enum text_verdict { REPLY_YES, REPLY_NO, REPLY_OTHER };

/* The client goes on with its credentials. */
static void text_challenge(struct dialogue_turn *turn) {
    struct dialogue_memory *memory = &turn->reader->memory;
    memory->awaits_credentials = memory->awaits_challenge;
    memory->awaits_challenge = false;
}

static bool list_is_dotted(const struct dialogue_turn *turn) {
    return turn->reader->memory.is_list && !dialogue_text_may_be(turn, ALL & ~(POP3 | NNTP));
}

static void text_greeted(struct dialogue_turn *turn) {
    struct dialogue_memory *memory = &turn->reader->memory;
    if (memory->began && !memory->has_reply)
        dialogue_note(turn, DIALOGUE_GREETED);
    memory->has_reply = true;
}

/* A whole reply, of protocols that answer in order. */
static void text_reply(struct dialogue_turn *turn, struct span line, enum text_verdict verdict) {
    struct dialogue_memory *memory = &turn->reader->memory;
    text_greeted(turn);
    if (memory->began || memory->in_flight > 0)
        memory->in_flight--;
    if (memory->list_in && --memory->list_in == 0 && !list_is_dotted(turn))
        dialogue_list_end(turn);
    if (memory->answer_in && --memory->answer_in == 0 && verdict != REPLY_OTHER)
        dialogue_note_answer(turn, verdict == REPLY_YES, line);
}

/* FTP lists commands with their arguments (RFC 4217 section 6): "AUTH TLS;SSL". */
static void text_feature(struct dialogue_turn *turn, struct span feature) {
    feature = word_trim(feature);
    bool is_auth = word_begins(feature, "AUTH ");
    if (is_auth && (word_find(feature, "TLS") || word_find(feature, "SSL")))
        dialogue_list_offers(turn);
    else if (!is_auth)
        dialogue_list_word(turn, feature, "AUTH TLS");
    else if (word_is_garbled(span_from(feature, strlen("AUTH ")), "TLS"))
        dialogue_list_garbled(turn, feature);
}

enum {
    CODE_NNTP_LIST = 101,
    CODE_NNTP_HELLO = 200,
    CODE_NNTP_HELLO_READ_ONLY = 201,
    CODE_FTP_LIST = 211,
    CODE_HELLO = 220, /* SMTP: also "go ahead" */
    CODE_FTP_LOGIN = 230,
    CODE_FTP_GO_AHEAD = 234,
    CODE_SMTP_LOGIN = 235,
    CODE_SMTP_LIST = 250,
    CODE_NNTP_LOGIN = 281,
    CODE_FTP_PASSWORD = 331,
    CODE_SMTP_CHALLENGE = 334,
    CODE_SMTP_DATA = 354,
    CODE_NNTP_GO_AHEAD = 382,
    CODE_NNTP_CHALLENGE = 383,
    CODE_REFUSES = 400,
    CODE_END = 600,
};

/* Whose a code is, where it is not everybody's. */
static uint32_t code_protocols(uint16_t code) {
    static const struct {
        uint16_t code;
        uint32_t protocols;
    } codes[] = {
        {CODE_NNTP_LIST, NNTP},       {CODE_NNTP_HELLO, FTP | NNTP},
        {CODE_FTP_LIST, FTP | NNTP},  {CODE_NNTP_HELLO_READ_ONLY, NNTP},
        {CODE_HELLO, SMTP | FTP},     {CODE_FTP_GO_AHEAD, FTP},
        {CODE_SMTP_LIST, SMTP | FTP}, {CODE_NNTP_GO_AHEAD, NNTP},
        {CODE_FTP_PASSWORD, FTP},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return codes[i].protocols;
    return SMTP | FTP | NNTP;
}

static enum text_verdict code_verdict(uint16_t code) {
    if (code == CODE_HELLO || code == CODE_FTP_GO_AHEAD || code == CODE_NNTP_GO_AHEAD)
        return REPLY_YES;
    return code >= CODE_REFUSES && code < CODE_END ? REPLY_NO : REPLY_OTHER;
}

/* A further line of a reply. */
static void text_reply_line(struct dialogue_turn *turn, uint16_t code, struct span text) {
    if (code == CODE_FTP_LIST)
        text_feature(turn, text);
    else if (code == CODE_SMTP_LIST)
        dialogue_list_word(turn, word_next(&text), "STARTTLS");
    else if (code == CODE_HELLO && !turn->reader->memory.has_reply)
        text_guess(turn, text);
}

static enum dialogue_status text_code(struct dialogue_turn *turn, struct span line, uint16_t code) {
    enum { TEXT_AT = 4 };
    struct dialogue_memory *memory = &turn->reader->memory;
    bool is_first = memory->reply_code == 0;
    bool is_last = line.size < TEXT_AT || line.data[TEXT_AT - 1] == ' ';
    bool is_list = code == CODE_SMTP_LIST || code == CODE_FTP_LIST || code == CODE_NNTP_LIST;
    dialogue_text_narrow(turn, code_protocols(code));
    if (is_first && is_list && memory->list_in == 1)
        dialogue_list_begin(turn);
    if (!is_first || code == CODE_HELLO)
        text_reply_line(turn, code, span_from(line, TEXT_AT));
    memory->list_is_whole &= !turn->is_cut;
    memory->reply_code = is_last ? 0 : code;
    if (!is_last)
        return DIALOGUE_GOES_ON;
    text_reply(turn, line, code_verdict(code));
    if (code == CODE_SMTP_CHALLENGE || code == CODE_NNTP_CHALLENGE)
        text_challenge(turn);
    bool is_over = code == CODE_FTP_LOGIN || code == CODE_SMTP_LOGIN || code == CODE_NNTP_LOGIN ||
                   code == CODE_SMTP_DATA;
    return is_over ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
}

static void pop3_line(struct dialogue_turn *turn, struct span line) {
    bool is_yes = word_begins(line, "+OK");
    dialogue_text_narrow(turn, POP3);
    if (is_yes && turn->reader->memory.list_in == 1)
        dialogue_list_begin(turn);
    text_reply(turn, line, is_yes ? REPLY_YES : REPLY_NO);
}

/* "CAPABILITY IMAP4rev1 STARTTLS ...", up to the end or a bracket. */
static void imap_list(struct dialogue_turn *turn, struct span words) {
    dialogue_list_begin(turn);
    bool is_over = false;
    for (struct span word = word_next(&words); word.size && !is_over; word = word_next(&words)) {
        is_over = word.data[word.size - 1] == ']';
        dialogue_list_word(turn, span_first(word, word.size - is_over), "STARTTLS");
    }
    turn->reader->memory.list_is_whole = is_over || !turn->is_cut;
    dialogue_list_end(turn);
}

static void imap_line(struct dialogue_turn *turn, struct span line) {
    dialogue_text_narrow(turn, IMAP);
    (void)word_next(&line); /* the star */
    struct span word = word_next(&line);
    if (word_equal(word, "CAPABILITY")) {
        imap_list(turn, line);
        return;
    }
    text_greeted(turn);
    if (word_equal(word_next(&line), "[CAPABILITY"))
        imap_list(turn, line);
}

/* The answer to the command whose tag was kept. */
static enum dialogue_status imap_answer(struct dialogue_turn *turn, struct span line) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span rest = line;
    (void)word_next(&rest); /* the tag */
    bool is_yes = word_equal(word_next(&rest), "OK");
    dialogue_text_narrow(turn, IMAP);
    memory->tag_size = 0;
    if (!memory->tag_is_login)
        dialogue_note_answer(turn, is_yes, line);
    return memory->tag_is_login && is_yes ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
}

/* `"STARTTLS"`, between other capabilities (RFC 5804 section 1.7). */
static void sieve_capability(struct dialogue_turn *turn, struct span line) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span word = word_next(&line);
    dialogue_text_narrow(turn, SIEVE);
    if (!memory->is_list) {
        dialogue_list_begin(turn);
        memory->list_is_whole = memory->began && !memory->has_reply;
    }
    if (word.size > 2 && word.data[word.size - 1] == '"')
        dialogue_list_word(turn, span_first(span_from(word, 1), word.size - 2), "STARTTLS");
}

static void sieve_answer(struct dialogue_turn *turn, struct span line, bool is_yes) {
    dialogue_text_narrow(turn, SIEVE);
    if (turn->reader->memory.is_list)
        dialogue_list_end(turn);
    text_reply(turn, line, is_yes ? REPLY_YES : REPLY_NO);
}

/* ":server CAP * LS :multi-prefix tls" (with a star before the colon: more lines follow). */
static void irc_capabilities(struct dialogue_turn *turn, struct span words) {
    struct dialogue_memory *memory = &turn->reader->memory;
    (void)word_next(&words); /* whom it is told */
    if (!word_equal(word_next(&words), "LS"))
        return;
    if (!memory->is_list)
        dialogue_list_begin(turn);
    struct span word = word_next(&words);
    bool is_last = !word_equal(word, "*");
    if (!is_last)
        word = word_next(&words);
    for (; word.size; word = word_next(&words))
        dialogue_list_word(turn, span_from(word, word.data[0] == ':'), "tls");
    memory->list_is_whole &= !turn->is_cut;
    if (is_last)
        dialogue_list_end(turn);
}

/* Behind the server's name. */
static enum dialogue_status irc_line(struct dialogue_turn *turn, struct span line,
                                     struct span rest) {
    enum { WELCOME = 1, UNKNOWN_COMMAND = 421, NOT_REGISTERED = 451, GO_AHEAD = 670, FAILED = 691 };
    struct span word = word_next(&rest);
    uint16_t code = word_code(word);
    dialogue_text_narrow(turn, IRC);
    text_greeted(turn);
    if (word_equal(word, "CAP"))
        irc_capabilities(turn, rest);
    if (word_equal(word, "AUTHENTICATE"))
        text_challenge(turn);
    bool is_no = code == FAILED || code == UNKNOWN_COMMAND || code == NOT_REGISTERED;
    if (turn->reader->memory.is_asking && (code == GO_AHEAD || is_no))
        dialogue_note_answer(turn, code == GO_AHEAD, line);
    return code == WELCOME ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
}

/* A line that only the words at its beginning tell. */
static enum dialogue_status text_server_words(struct dialogue_turn *turn, struct span line) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span rest = line;
    struct span word = word_next(&rest);
    if (memory->tag_size && span_equal(word, span_of(memory->tag, memory->tag_size)) &&
        dialogue_text_may_be(turn, IMAP))
        return imap_answer(turn, line);
    if (word_equal(word, "OK") || word_equal(word, "NO") || word_equal(word, "BYE"))
        sieve_answer(turn, line, word_equal(word, "OK"));
    else if (word_equal(word, "AUTHENTICATE") || word_equal(word, "NOTICE"))
        return irc_line(turn, line, line);
    return DIALOGUE_GOES_ON;
}

enum dialogue_status dialogue_reply(struct dialogue_turn *turn, struct span line) {
    struct dialogue_memory *memory = &turn->reader->memory;
    if (list_is_dotted(turn)) {
        if (word_equal(line, "."))
            dialogue_list_end(turn);
        else
            dialogue_list_word(turn, word_next(&line),
                               dialogue_text_may_be(turn, POP3) ? "STLS" : "STARTTLS");
        return DIALOGUE_GOES_ON;
    }
    uint16_t code = word_code(line);
    if (memory->reply_code && code != memory->reply_code) {
        text_reply_line(turn, memory->reply_code, line);
        return DIALOGUE_GOES_ON;
    }
    if (code && dialogue_text_may_be(turn, SMTP | FTP | NNTP))
        return text_code(turn, line, code);
    if (word_begins(line, "+OK") || word_begins(line, "-ERR")) {
        pop3_line(turn, line);
    } else if (line.data[0] == '+') {
        text_challenge(turn);
        text_reply(turn, line, REPLY_OTHER);
    } else if (line.data[0] == '*') {
        imap_line(turn, line);
    } else if (line.data[0] == '"') {
        sieve_capability(turn, line);
    } else if (line.data[0] == ':') {
        struct span rest = line;
        (void)word_next(&rest);
        return irc_line(turn, line, rest);
    } else {
        return text_server_words(turn, line);
    }
    return DIALOGUE_GOES_ON;
}
