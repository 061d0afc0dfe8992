/*
 * dialogue_text.c - protocols of lines: SMTP, LMTP, FTP, NNTP, POP3, IMAP, Sieve and IRC.
 *
 * They are one row, for their first lines can be the same ("220 ...", "STARTTLS"): each line that
 * only some of them say narrows the candidates, and with one left the protocol is known. A client's
 * line is looked up in a table of commands; a server's line is known by its shape.
 *
 * Most of them answer each command once and in order, so the answer to a request for TLS is found
 * by counting, which also holds when the capture shows the ends in the wrong order or the client
 * did not wait. IMAP's answers carry the command's tag, IRC's a number of their own.
 *
 * Left out: literals of IMAP and Sieve, whose lines are taken for commands that nobody knows.
 */
#include "dialogue_text.h"

/* ---- whose ---- */

enum dialogue_protocol dialogue_text_protocol(const struct dialogue_turn *turn) {
    const struct dialogue_memory *memory = &turn->reader->memory;
    for (unsigned protocol = DIALOGUE_NONE; protocol < DIALOGUE_PROTOCOL_COUNT; protocol++)
        if ((memory->candidates & ALL) == 1U << protocol)
            return protocol == DIALOGUE_SMTP && memory->is_lmtp ? DIALOGUE_LMTP
                                                                : (enum dialogue_protocol)protocol;
    return DIALOGUE_NONE;
}

void dialogue_text_narrow(struct dialogue_turn *turn, uint32_t protocols) {
    struct dialogue_memory *memory = &turn->reader->memory;
    if (memory->candidates & protocols & ALL)
        memory->candidates &= protocols & ALL;
    enum dialogue_protocol protocol = dialogue_text_protocol(turn);
    if (protocol != DIALOGUE_NONE)
        turn->reader->facts.protocol = protocol;
}

/* ---- what a client says ---- */

enum text_meaning {
    SAYS_HELLO, /* nothing but whose it is */
    SAYS_LIST,  /* asks for the capabilities */
    SAYS_ASK,   /* asks for TLS */
    SAYS_USER,
    SAYS_LOGIN, /* with the password in it */
    SAYS_SASL,
    SAYS_DATA, /* what only comes after a login, or instead of TLS */
};

static const struct text_command {
    const char *words;
    uint32_t protocols;
    enum text_meaning meaning;
} commands[] = {
    {"EHLO", SMTP, SAYS_LIST},
    {"LHLO", SMTP, SAYS_LIST},
    {"HELO", SMTP, SAYS_HELLO},
    {"MAIL", SMTP, SAYS_HELLO}, /* may be refused for want of TLS, as every other command */
    {"BDAT", SMTP, SAYS_DATA},
    {"STARTTLS", SMTP | NNTP | SIEVE | IRC, SAYS_ASK},
    {"STLS", POP3, SAYS_ASK},
    {"AUTH TLS", FTP, SAYS_ASK},
    {"AUTH SSL", FTP, SAYS_ASK},
    {"AUTH", SMTP | POP3, SAYS_SASL},
    {"USER", FTP | POP3 | IRC, SAYS_USER},
    {"PASS", FTP | POP3 | IRC, SAYS_LOGIN},
    {"FEAT", FTP, SAYS_LIST},
    {"PORT", FTP, SAYS_DATA},
    {"EPRT", FTP, SAYS_DATA},
    {"PASV", FTP, SAYS_DATA},
    {"EPSV", FTP, SAYS_DATA},
    {"CAPA", POP3, SAYS_LIST},
    {"APOP", POP3, SAYS_HELLO},
    {"STAT", POP3 | NNTP, SAYS_DATA},
    {"UIDL", POP3, SAYS_DATA},
    {"RETR", POP3 | FTP, SAYS_DATA},
    {"LIST", POP3 | NNTP | FTP, SAYS_DATA},
    {"CAPABILITIES", NNTP, SAYS_LIST},
    {"MODE READER", NNTP, SAYS_HELLO},
    {"AUTHINFO USER", NNTP, SAYS_HELLO},
    {"AUTHINFO PASS", NNTP, SAYS_LOGIN},
    {"AUTHINFO SASL", NNTP, SAYS_SASL},
    {"GROUP", NNTP, SAYS_DATA},
    {"ARTICLE", NNTP, SAYS_DATA},
    {"POST", NNTP, SAYS_DATA},
    {"IHAVE", NNTP, SAYS_DATA},
    {"CHECK", NNTP, SAYS_DATA},
    {"TAKETHIS", NNTP, SAYS_DATA},
    {"AUTHENTICATE", SIEVE | IRC, SAYS_SASL},
    {"HAVESPACE", SIEVE, SAYS_DATA},
    {"PUTSCRIPT", SIEVE, SAYS_DATA},
    {"LISTSCRIPTS", SIEVE, SAYS_DATA},
    {"GETSCRIPT", SIEVE, SAYS_DATA},
    {"SETACTIVE", SIEVE, SAYS_DATA},
    {"CAP", IRC, SAYS_HELLO},
    {"NICK", IRC, SAYS_HELLO},
    {"JOIN", IRC, SAYS_DATA},
    {"PRIVMSG", IRC, SAYS_DATA},
};

/* Behind the tag. */
static const struct text_command imap_commands[] = {
    {"CAPABILITY", IMAP, SAYS_HELLO},  {"STARTTLS", IMAP, SAYS_ASK}, {"LOGIN", IMAP, SAYS_LOGIN},
    {"AUTHENTICATE", IMAP, SAYS_SASL}, {"SELECT", IMAP, SAYS_DATA},  {"EXAMINE", IMAP, SAYS_DATA},
    {"LIST", IMAP, SAYS_DATA},         {"LSUB", IMAP, SAYS_DATA},    {"STATUS", IMAP, SAYS_DATA},
    {"IDLE", IMAP, SAYS_DATA},
};

/* Takes the command's words off the line; NULL when nobody knows it. */
static const struct text_command *text_look_up(const struct text_command *table, size_t count,
                                               uint32_t candidates, struct span *line) {
    for (size_t i = 0; i < count; i++) {
        if (word_capital(*line) != (uint8_t)table[i].words[0])
            continue;
        struct span rest = span_from(*line, strlen(table[i].words));
        bool is_whole = rest.size == 0 || rest.data[0] == ' ' || rest.data[0] == '-';
        if ((table[i].protocols & candidates) && is_whole && word_begins(*line, table[i].words)) {
            *line = rest;
            return &table[i];
        }
    }
    return NULL;
}

static const struct text_command *text_command(struct dialogue_turn *turn, struct span *line,
                                               struct span *tag) {
    uint32_t candidates = turn->reader->memory.candidates & ALL;
    const struct text_command *known =
        text_look_up(commands, sizeof commands / sizeof *commands, candidates, line);
    if (known || !(candidates & IMAP))
        return known;
    struct span rest = *line;
    *tag = word_next(&rest);
    rest = word_trim(rest);
    known = text_look_up(imap_commands, sizeof imap_commands / sizeof *imap_commands, candidates,
                         &rest);
    if (known)
        *line = rest;
    return known;
}

/* Mechanisms that show what the server will accept again: passwords (RFC 4616, LOGIN) and bearer
 * tokens (RFC 7628). */
static bool sasl_reveals(struct span mechanism) {
    static const char *const names[] = {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"};
    if (mechanism.size >= 2 && mechanism.data[0] == '"') /* Sieve */
        mechanism = span_first(span_from(mechanism, 1), mechanism.size - 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (word_equal(mechanism, names[i]))
            return true;
    return false;
}

static void text_sasl(struct dialogue_turn *turn, struct span arguments) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span mechanism = word_next(&arguments);
    struct span response = word_next(&arguments);
    if (mechanism.size == 0) /* asks which there are */
        return;
    memory->has_login = true;
    if (!sasl_reveals(mechanism))
        return;
    if (response.size && !word_equal(response, "="))
        dialogue_note_login(turn);
    else
        memory->awaits_challenge = true;
}

/* The command whose tagged answer tells how it went; a login does not hide a request for TLS. */
static void text_keep_tag(struct dialogue_turn *turn, struct span tag, bool is_login) {
    struct dialogue_memory *memory = &turn->reader->memory;
    if (tag.size == 0 || tag.size > DIALOGUE_TAG_SIZE ||
        (is_login && memory->is_asking && memory->tag_size))
        return;
    memcpy(memory->tag, tag.data, tag.size);
    memory->tag_size = (uint8_t)tag.size;
    memory->tag_is_login = is_login;
}

static enum dialogue_status text_act(struct dialogue_turn *turn, const struct text_command *command,
                                     struct span arguments, struct span tag) {
    struct dialogue_memory *memory = &turn->reader->memory;
    uint32_t turn_number = memory->in_flight > 0 ? (uint32_t)memory->in_flight : 0;
    switch (command->meaning) {
    case SAYS_HELLO:
        break;
    case SAYS_LIST:
        memory->list_in = turn_number;
        break;
    case SAYS_ASK:
        memory->answer_in = turn_number;
        dialogue_note_asked(turn);
        text_keep_tag(turn, tag, false);
        break;
    case SAYS_USER:
        arguments = word_trim(arguments);
        memory->is_anonymous = word_equal(arguments, "anonymous") || word_equal(arguments, "ftp");
        break;
    case SAYS_LOGIN:
        text_keep_tag(turn, tag, true);
        if (!(memory->is_anonymous && dialogue_text_may_be(turn, FTP)))
            dialogue_note_login(turn);
        break;
    case SAYS_SASL:
        text_keep_tag(turn, tag, true);
        text_sasl(turn, arguments);
        break;
    case SAYS_DATA:
        return DIALOGUE_ENDED;
    }
    return DIALOGUE_GOES_ON;
}

static enum dialogue_status text_client_line(struct dialogue_turn *turn, struct span line) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct span tag = {0};
    memory->in_flight++;
    if (memory->awaits_credentials) {
        memory->awaits_credentials = false;
        if (!word_equal(line, "*") && !word_equal(line, "\"*\""))
            dialogue_note_login(turn);
        return DIALOGUE_GOES_ON;
    }
    memory->awaits_challenge = false;
    bool is_lmtp = word_begins(line, "LHLO");
    const struct text_command *command = text_command(turn, &line, &tag);
    if (command == NULL)
        return DIALOGUE_GOES_ON;
    if (command->meaning == SAYS_LIST && (command->protocols & SMTP))
        memory->is_lmtp = is_lmtp;
    dialogue_text_narrow(turn, command->protocols);
    return text_act(turn, command, line, tag);
}

static enum dialogue_status text_message(struct dialogue_turn *turn) {
    struct span line = word_trim(turn->message);
    if (line.size == 0)
        return DIALOGUE_GOES_ON;
    if (line.data[0] < ' ')
        return DIALOGUE_FOREIGN;
    return turn->from_client ? text_client_line(turn, line) : dialogue_reply(turn, line);
}

/* ---- first bytes ---- */

static bool is_tag_byte(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '.';
}

/* "a1 STARTTLS": a tag, and a command that opens a connection. */
static enum dialogue_match imap_match_tagged(struct span bytes) {
    enum { LONGEST_TAG = 16 };
    static const char *const opening_commands[] = {"CAPABILITY", "STARTTLS", "LOGIN ",
                                                   "AUTHENTICATE "};
    size_t tag = 0;
    while (tag < bytes.size && tag <= LONGEST_TAG && is_tag_byte(bytes.data[tag]))
        tag++;
    if (tag == 0 || tag > LONGEST_TAG)
        return MATCH_NO;
    if (tag == bytes.size)
        return MATCH_MORE;
    struct span rest = span_from(bytes, tag + 1);
    enum dialogue_match best = rest.size || bytes.data[tag] != ' ' ? MATCH_NO : MATCH_MORE;
    for (size_t i = 0; i < sizeof opening_commands / sizeof *opening_commands; i++) {
        if (bytes.data[tag] != ' ' || word_capital(rest) != (uint8_t)opening_commands[i][0])
            continue;
        enum dialogue_match match = word_match(rest, opening_commands[i], MATCH_CLIENT);
        best = match > best ? match : best;
    }
    return best;
}

/* ":irc.example NOTICE ..." */
static enum dialogue_match irc_match_server(struct span bytes) {
    enum { LONGEST_NAME = 64 };
    static const char *const openings[] = {" NOTICE ", " CAP ", " 0", " 4", " 6"};
    size_t name = 0;
    while (name < bytes.size && name <= LONGEST_NAME && bytes.data[name] > ' ')
        name++;
    if (name > LONGEST_NAME)
        return MATCH_NO;
    enum dialogue_match best = MATCH_NO;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        enum dialogue_match match = word_match(span_from(bytes, name), openings[i], MATCH_SERVER);
        best = match > best ? match : best;
    }
    return best;
}

static const char first_letters[] = "2+*\"NEHLSCAFUP"; /* of the openings below */

static const struct text_opening {
    const char *text;
    enum dialogue_match whose;
} openings[] = {
    {"220 ", MATCH_SERVER},           {"220-", MATCH_SERVER},
    {"250-", MATCH_SERVER},           {"200 ", MATCH_SERVER},
    {"201 ", MATCH_SERVER},           {"+OK", MATCH_SERVER},
    {"* OK", MATCH_SERVER},           {"* PREAUTH", MATCH_SERVER},
    {"* CAPABILITY", MATCH_SERVER},   {"\"IMPLEMENTATION\"", MATCH_SERVER},
    {"\"SIEVE\"", MATCH_SERVER},      {"\"STARTTLS\"", MATCH_SERVER},
    {"\"SASL\"", MATCH_SERVER},       {"NOTICE ", MATCH_SERVER},
    {"EHLO ", MATCH_CLIENT},          {"LHLO ", MATCH_CLIENT},
    {"HELO ", MATCH_CLIENT},          {"STARTTLS\r", MATCH_CLIENT},
    {"STARTTLS\n", MATCH_CLIENT},     {"STLS\r", MATCH_CLIENT},
    {"CAPA\r", MATCH_CLIENT},         {"AUTH TLS", MATCH_CLIENT},
    {"AUTH SSL", MATCH_CLIENT},       {"FEAT\r", MATCH_CLIENT},
    {"CAPABILITIES\r", MATCH_CLIENT}, {"CAP LS", MATCH_CLIENT},
    {"NICK ", MATCH_CLIENT},          {"USER ", MATCH_CLIENT},
    {"PASS ", MATCH_CLIENT},
};

static enum dialogue_match text_match(struct span bytes) {
    if (bytes.size == 0)
        return MATCH_MORE;
    if (bytes.data[0] == ':')
        return irc_match_server(bytes);
    uint8_t capital = word_capital(bytes);
    enum dialogue_match best = MATCH_NO;
    bool is_any = memchr(first_letters, capital, sizeof first_letters - 1) != NULL;
    size_t count = is_any ? sizeof openings / sizeof *openings : 0;
    for (size_t i = 0; i < count && best <= MATCH_MORE; i++) {
        if ((uint8_t)openings[i].text[0] != capital)
            continue;
        enum dialogue_match match = word_match(bytes, openings[i].text, openings[i].whose);
        best = match > best ? match : best;
    }
    enum dialogue_match tagged = best > MATCH_MORE ? MATCH_NO : imap_match_tagged(bytes);
    return tagged > best ? tagged : best;
}

const struct dialogue_row dialogue_text = {
    .terminator = '\n',
    .first = {'!', 'z'},
    .match = text_match,
    .message = text_message,
};
