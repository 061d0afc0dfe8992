/*
 * dialogue.c - cuts the bytes of both ends into messages, finds where TLS begins, and keeps the
 * facts.
 *
 * Every message begins with a look for TLS: a record that begins with a hello (or an alert), or an
 * SSLv2-framed hello. None of the protocols has a message like that. So TLS is found whatever was
 * asked or granted before, in whatever order the capture shows both ends, and also when a side is
 * missing.
 *
 * The ends go through layers: a proxy hands the connection on to the next protocol, at each end at
 * its own moment. Which protocol a layer speaks is chosen by the first bytes of either end in it.
 * The PROXY header is no layer: it comes from one end and has no answer.
 */
#include "dialogue_row.h"

enum { ROW_PROXY_HEADER = 1, ROW_FIRST_CHOICE = 2 };

static const struct dialogue_row *const rows[] = {
    NULL,                   /* 0: not chosen */
    &dialogue_proxy_header, /* ROW_PROXY_HEADER */
    &dialogue_text,
    &dialogue_xmpp,
    &dialogue_http_connect,
    &dialogue_socks5,
    &dialogue_socks4,
    &dialogue_ldap,
    &dialogue_mysql,
    &dialogue_postgresql,
    &dialogue_rdp,
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const char *dialogue_protocol_name(enum dialogue_protocol protocol) {
    static const char *const names[DIALOGUE_PROTOCOL_COUNT] = {
        "",    "smtp", "lmtp",       "imap",  "pop3", "ftp",          "nntp",   "sieve",  "xmpp",
        "irc", "ldap", "postgresql", "mysql", "rdp",  "http-connect", "socks4", "socks5", "proxy",
    };
    return names[protocol];
}

bool dialogue_is_telling(const struct dialogue *dialogue) {
    static const uint32_t telling = 1U << DIALOGUE_ADVERTISED | 1U << DIALOGUE_NOT_ADVERTISED |
                                    1U << DIALOGUE_GARBLED | 1U << DIALOGUE_ASKED |
                                    1U << DIALOGUE_REFUSED | 1U << DIALOGUE_LOGIN;
    return (dialogue->has & telling) != 0;
}

/* ---- facts ---- */

static void facts_note(struct dialogue *facts, enum dialogue_fact fact, uint64_t packet,
                       uint64_t time_us) {
    facts->has |= 1U << (unsigned)fact;
    facts->packet[fact] = packet;
    facts->time_us[fact] = time_us;
}

void dialogue_note(struct dialogue_turn *turn, enum dialogue_fact fact) {
    if (!dialogue_has(&turn->reader->facts, fact))
        facts_note(&turn->reader->facts, fact, turn->packet, turn->time_us);
}

/* Cleartext behind the request or its answer is early bytes once TLS begins behind it; behind the
 * request only if that was granted, for a refused client may say what it likes. */
static void dialogue_settle_early(struct dialogue_reader *reader, const struct dialogue_end *end) {
    struct dialogue *facts = &reader->facts;
    bool is_sure =
        dialogue_has(facts, DIALOGUE_GRANTED) ||
        (dialogue_has(facts, DIALOGUE_ASKED) && facts->packet[DIALOGUE_ASKED] == end->early_packet);
    if (end->early_packet && end->has_tls && is_sure && !dialogue_has(facts, DIALOGUE_EARLY_BYTES))
        facts_note(facts, DIALOGUE_EARLY_BYTES, end->early_packet, end->early_us);
}

static void dialogue_note_early(struct dialogue_turn *turn) {
    const struct dialogue_reader *reader = turn->reader;
    bool is_early = dialogue_has(&reader->facts, DIALOGUE_GRANTED) ||
                    (reader->memory.is_asking && turn->from_client);
    if (!is_early || turn->end->early_packet)
        return;
    turn->end->early_packet = turn->packet;
    turn->end->early_us = turn->time_us;
}

void dialogue_note_asked(struct dialogue_turn *turn) {
    facts_note(&turn->reader->facts, DIALOGUE_ASKED, turn->packet, turn->time_us);
    turn->reader->memory.is_asking = true;
}

void dialogue_note_answer(struct dialogue_turn *turn, bool is_granted, struct span answer) {
    struct dialogue_reader *reader = turn->reader;
    facts_note(&reader->facts, is_granted ? DIALOGUE_GRANTED : DIALOGUE_REFUSED, turn->packet,
               turn->time_us);
    word_copy(answer, reader->facts.answer);
    reader->memory.is_asking = false;
    for (unsigned end = 0; end < 2; end++) {
        if (is_granted)
            dialogue_settle_early(reader, &reader->end[end]);
        else
            reader->end[end].early_packet = 0;
    }
}

void dialogue_note_login(struct dialogue_turn *turn) {
    dialogue_note(turn, DIALOGUE_LOGIN);
    turn->reader->memory.has_login = true;
}

void dialogue_list_begin(struct dialogue_turn *turn) {
    struct dialogue_memory *memory = &turn->reader->memory;
    memory->is_list = true;
    memory->list_is_whole = true;
    memory->list_has_tls = false;
}

void dialogue_list_offers(struct dialogue_turn *turn) {
    turn->reader->memory.list_has_tls = true;
    dialogue_note(turn, DIALOGUE_ADVERTISED);
}

/* It is noted when the list has ended without the keyword. */
void dialogue_list_garbled(struct dialogue_turn *turn, struct span word) {
    struct dialogue *facts = &turn->reader->facts;
    if (turn->reader->memory.is_list && facts->garbled[0] == '\0')
        word_copy(word, facts->garbled);
}

void dialogue_list_word(struct dialogue_turn *turn, struct span word, const char *keyword) {
    if (word_equal(word, keyword))
        dialogue_list_offers(turn);
    else if (word_is_garbled(word, keyword))
        dialogue_list_garbled(turn, word);
}

void dialogue_list_end(struct dialogue_turn *turn) {
    struct dialogue *facts = &turn->reader->facts;
    struct dialogue_memory *memory = &turn->reader->memory;
    bool is_sound = memory->is_list && memory->list_is_whole && !memory->has_login &&
                    !dialogue_has(facts, DIALOGUE_GRANTED); /* what comes then is early */
    bool is_without = is_sound && !memory->list_has_tls;
    memory->is_list = false;
    if (is_without)
        dialogue_note(turn, DIALOGUE_NOT_ADVERTISED);
    if (is_without && facts->garbled[0] != '\0')
        dialogue_note(turn, DIALOGUE_GARBLED);
    else if (!dialogue_has(facts, DIALOGUE_GARBLED))
        facts->garbled[0] = '\0';
}

/* ---- ends ---- */

static unsigned end_index(const struct dialogue_reader *reader, const struct dialogue_end *end) {
    return end == &reader->end[1];
}

void dialogue_set_client(struct dialogue_turn *turn, bool is_this_end) {
    struct dialogue_reader *reader = turn->reader;
    if (!reader->knows_client)
        reader->client_end = (uint8_t)(end_index(reader, turn->end) ^ (is_this_end ? 0U : 1U));
    reader->knows_client = true;
    turn->from_client = end_index(reader, turn->end) == reader->client_end;
}

static void end_forget_message(struct dialogue_end *end) {
    end->line_size = 0;
    end->head_is_known = false;
    end->line_is_cut = false;
}

enum dialogue_status dialogue_hand_on(struct dialogue_turn *turn, bool is_accepted) {
    struct dialogue_end *end = turn->end;
    if (is_accepted)
        turn->reader->facts.passed |= 1U << rows[end->row]->protocol;
    if (end->row != ROW_PROXY_HEADER)
        end->layer++;
    end->row = 0;
    end->step = 0;
    return end->layer < DIALOGUE_MAX_LAYERS ? DIALOGUE_GOES_ON : DIALOGUE_ENDED;
}

void dialogue_init(struct dialogue_reader *reader, int client_end) {
    memset(reader, 0, offsetof(struct dialogue_reader, end));
    for (unsigned end = 0; end < 2; end++)
        memset(&reader->end[end], 0, offsetof(struct dialogue_end, line));
    reader->memory.candidates = UINT32_MAX;
    if (client_end < 0)
        return;
    reader->knows_client = true;
    reader->client_end = (uint8_t)client_end;
    reader->memory.began = true;
    reader->memory.in_flight = 1; /* the greeting, of protocols that have one */
}

struct span dialogue_kept(const struct dialogue_reader *reader, unsigned end) {
    return span_of(reader->end[end].line, reader->end[end].line_size);
}

bool dialogue_is_between(const struct dialogue_reader *reader, unsigned end) {
    return reader->end[end].line_size == 0 && reader->end[end].skip == 0 &&
           !reader->end[end].is_lost;
}

/* ---- where TLS begins ---- */

static enum dialogue_match ranges_match(const struct byte_range *ranges, size_t count,
                                        struct span bytes) {
    for (size_t i = 0; i < count && i < bytes.size; i++)
        if (bytes.data[i] < ranges[i].low || bytes.data[i] > ranges[i].high)
            return MATCH_NO;
    return bytes.size < count ? MATCH_MORE : MATCH_EITHER;
}

/* A record (RFC 8446 section 5.1) that begins with a hello or holds an alert, and the hellos of
 * SSLv2 framing (RFC 5246 appendix E.2; its ServerHello only in answer to TLS). */
static enum dialogue_match tls_match(struct span head, bool is_answer) {
    static const struct byte_range hello[] = {{22, 22},  {3, 3},    {0, 4},
                                              {0, 0x48}, {0, 0xff}, {1, 2}};
    static const struct byte_range alert[] = {{21, 21}, {3, 3}, {0, 4}, {0, 0}, {2, 2}, {1, 2}};
    static const struct byte_range old_hello[] = {{0x80, 0xff}, {0, 0xff}, {1, 1}, {0, 0}, {2, 2}};
    static const struct byte_range framed_hello[] = {
        {0x80, 0xff}, {0, 0xff}, {1, 1}, {3, 3}, {0, 3}};
    static const struct byte_range old_answer[] = {{0x80, 0xff}, {0, 0xff}, {4, 4}, {0, 1},
                                                   {0, 3},       {0, 0},    {2, 2}};
    static const struct {
        const struct byte_range *ranges;
        size_t count;
    } beginnings[] = {
        {hello, sizeof hello / sizeof *hello},
        {alert, sizeof alert / sizeof *alert},
        {old_hello, sizeof old_hello / sizeof *old_hello},
        {framed_hello, sizeof framed_hello / sizeof *framed_hello},
        {old_answer, sizeof old_answer / sizeof *old_answer}, /* last */
    };
    size_t count = sizeof beginnings / sizeof *beginnings - (is_answer ? 0 : 1);
    if (head.size && head.data[0] != hello->low && head.data[0] != alert->low &&
        head.data[0] < old_hello->low)
        return MATCH_NO;
    enum dialogue_match best = MATCH_NO;
    for (size_t i = 0; i < count; i++) {
        enum dialogue_match match = ranges_match(beginnings[i].ranges, beginnings[i].count, head);
        best = match > best ? match : best;
    }
    return best;
}

static void dialogue_tls_began(struct dialogue_turn *turn) {
    turn->end->has_tls = true;
    dialogue_settle_early(turn->reader, turn->end);
}

void dialogue_begin_tls(struct dialogue_reader *reader, unsigned end, uint64_t packet,
                        uint64_t time_us) {
    struct dialogue_turn turn = {.reader = reader,
                                 .end = &reader->end[end],
                                 .from_client = reader->knows_client && end == reader->client_end,
                                 .packet = packet,
                                 .time_us = time_us};
    if (turn.end->has_tls)
        return;
    if (turn.end->line_size)
        dialogue_note_early(&turn);
    end_forget_message(turn.end);
    turn.end->skip = 0;
    dialogue_tls_began(&turn);
}

/* ---- which protocol ---- */

static enum dialogue_match row_match(size_t row, struct span bytes) {
    if (bytes.data[0] < rows[row]->first.low || bytes.data[0] > rows[row]->first.high)
        return MATCH_NO;
    return rows[row]->match(bytes);
}

/* Does a match agree with what is known of the ends? */
static bool match_fits(const struct dialogue_turn *turn, enum dialogue_match match) {
    if (match == MATCH_NO || match == MATCH_MORE)
        return false;
    return match == MATCH_EITHER || !turn->reader->knows_client ||
           (match == MATCH_CLIENT) == turn->from_client;
}

static void dialogue_take_row(struct dialogue_turn *turn, size_t row, enum dialogue_match match) {
    struct dialogue *facts = &turn->reader->facts;
    turn->end->row = (uint8_t)row;
    if (match != MATCH_EITHER)
        dialogue_set_client(turn, match == MATCH_CLIENT);
    if (row == ROW_PROXY_HEADER) {
        if (facts->protocol == DIALOGUE_NONE || facts->protocol >= DIALOGUE_HTTP_CONNECT)
            facts->protocol = DIALOGUE_PROXY;
        return;
    }
    turn->reader->layers[turn->end->layer] = (uint8_t)row;
    if (rows[row]->protocol != DIALOGUE_NONE)
        facts->protocol = rows[row]->protocol;
}

/* The first message of an end in its layer: whose is it? */
static enum dialogue_match dialogue_choose(struct dialogue_turn *turn) {
    struct dialogue_end *end = turn->end;
    struct span head = span_of(end->line, end->line_size);
    enum dialogue_match proxy = row_match(ROW_PROXY_HEADER, head);
    if (proxy == MATCH_MORE)
        return MATCH_MORE;
    if (match_fits(turn, proxy)) {
        dialogue_take_row(turn, ROW_PROXY_HEADER, proxy);
        return proxy;
    }
    if (turn->reader->layers[end->layer]) {
        end->row = turn->reader->layers[end->layer];
        return MATCH_EITHER;
    }
    enum dialogue_match best = MATCH_NO;
    for (size_t row = ROW_FIRST_CHOICE; row < ROW_COUNT; row++) {
        enum dialogue_match match = row_match(row, head);
        if (match_fits(turn, match)) {
            dialogue_take_row(turn, row, match);
            return match;
        }
        if (match == MATCH_MORE)
            best = MATCH_MORE;
    }
    return best;
}

/* Most of what is no TLS. */
static bool is_plain_web(struct span bytes) {
    enum { WORD_SIZE = 4 };
    static const char words[][WORD_SIZE + 1] = {"GET ", "POST", "HTTP"};
    if (bytes.size < WORD_SIZE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memcmp(bytes.data, words[i], WORD_SIZE) == 0)
            return true;
    return false;
}

bool dialogue_may_start(struct span bytes) {
    static const size_t telling = 7; /* fewer bytes begin anything, link padding too */
    if (is_plain_web(bytes))
        return false;
    for (size_t row = ROW_PROXY_HEADER; row < ROW_COUNT && bytes.size; row++) {
        enum dialogue_match match = row_match(row, bytes);
        if (match > MATCH_MORE || (match == MATCH_MORE && bytes.size >= telling))
            return true;
    }
    return false;
}

/* ---- messages ---- */

/* Moves up to `size` bytes to the message in progress; past its room they are only counted. */
static void dialogue_take(struct dialogue_turn *turn, size_t size) {
    struct dialogue_end *end = turn->end;
    struct span part = span_first(turn->left, size);
    size_t room = DIALOGUE_LINE_SIZE - (size_t)end->line_size;
    turn->is_starved = part.size == 0;
    turn->left = span_from(turn->left, part.size);
    end->line_is_cut |= part.size > room;
    part = span_first(part, room);
    if (part.data && part.size)
        memcpy(end->line + end->line_size, part.data, part.size);
    end->line_size = (uint16_t)(end->line_size + part.size);
}

/* `size`: of what is kept, without the byte that ends it. */
static enum dialogue_status dialogue_message(struct dialogue_turn *turn, size_t size) {
    struct dialogue_end *end = turn->end;
    turn->message = span_of(end->line, size);
    turn->is_cut = end->line_is_cut || end->skip != 0;
    end_forget_message(end);
    dialogue_note_early(turn);
    return rows[end->row]->message(turn);
}

static enum dialogue_status dialogue_read_terminated(struct dialogue_turn *turn) {
    struct dialogue_end *end = turn->end;
    const struct dialogue_row *row = rows[end->row];
    uint8_t last = end->line[end->line_size - 1];
    bool is_white = last == '\r' || last == '\n' || last == ' ';
    if (end->line_size == 1 && is_white && !row->has_blank_messages) {
        end_forget_message(end);
        return DIALOGUE_GOES_ON;
    }
    if (last == row->terminator && !end->line_is_cut)
        return dialogue_message(turn, end->line_size - 1U);
    const uint8_t *found =
        turn->left.size ? memchr(turn->left.data, row->terminator, turn->left.size) : NULL;
    if (found == NULL) {
        dialogue_take(turn, turn->left.size);
        turn->is_starved = true;
        return DIALOGUE_GOES_ON;
    }
    dialogue_take(turn, (size_t)(found - turn->left.data) + 1);
    return end->line_is_cut ? dialogue_message(turn, end->line_size) : DIALOGUE_GOES_ON;
}

static enum dialogue_status dialogue_read_measured(struct dialogue_turn *turn) {
    struct dialogue_end *end = turn->end;
    uint32_t size = rows[end->row]->measure(turn, span_of(end->line, end->line_size));
    if (size == DIALOGUE_NO_MESSAGE || (size == 0 && end->line_size == DIALOGUE_LINE_SIZE))
        return DIALOGUE_FOREIGN;
    size_t wanted = size < DIALOGUE_LINE_SIZE ? size : DIALOGUE_LINE_SIZE;
    if (size == 0) {
        dialogue_take(turn, 1);
        return DIALOGUE_GOES_ON;
    }
    if (end->line_size < wanted) {
        dialogue_take(turn, wanted - end->line_size);
        return DIALOGUE_GOES_ON;
    }
    end->skip = size - end->line_size;
    return dialogue_message(turn, end->line_size);
}

/* After a hole: line protocols go on behind the next end of a line. */
static enum dialogue_status dialogue_read_lost(struct dialogue_turn *turn) {
    struct dialogue_end *end = turn->end;
    if (end->row == 0)
        end->row = turn->reader->layers[end->layer];
    if (end->row == 0)
        return DIALOGUE_FOREIGN;
    uint8_t terminator = rows[end->row]->terminator;
    const uint8_t *found =
        terminator && turn->left.size ? memchr(turn->left.data, terminator, turn->left.size) : NULL;
    end->is_lost = found == NULL;
    turn->is_starved = found == NULL;
    turn->left = found ? span_from(turn->left, (size_t)(found - turn->left.data) + 1)
                       : span_from(turn->left, turn->left.size);
    return DIALOGUE_GOES_ON;
}

static enum dialogue_status dialogue_step(struct dialogue_turn *turn) {
    struct dialogue_end *end = turn->end;
    if (end->is_lost)
        return dialogue_read_lost(turn);
    if (end->skip) {
        struct span part = span_first(turn->left, end->skip);
        turn->left = span_from(turn->left, part.size);
        end->skip -= (uint32_t)part.size;
        turn->is_starved = part.size == 0;
        return DIALOGUE_GOES_ON;
    }
    struct span head = span_of(end->line, end->line_size);
    if (!end->head_is_known) {
        bool is_answer = turn->reader->end[end_index(turn->reader, end) ^ 1U].has_tls;
        enum dialogue_match tls = tls_match(head, is_answer);
        if (tls == MATCH_EITHER)
            return DIALOGUE_TLS_BEGINS;
        end->head_is_known = tls == MATCH_NO;
    }
    enum dialogue_match match = MATCH_EITHER;
    if (end->head_is_known && end->row == 0)
        match = dialogue_choose(turn);
    if (match == MATCH_NO)
        return DIALOGUE_FOREIGN;
    if (!end->head_is_known || match == MATCH_MORE) {
        dialogue_take(turn, 1);
        return end->line_is_cut ? DIALOGUE_FOREIGN : DIALOGUE_GOES_ON;
    }
    return rows[end->row]->terminator ? dialogue_read_terminated(turn)
                                      : dialogue_read_measured(turn);
}

enum dialogue_status dialogue_read(struct dialogue_reader *reader, unsigned end_number,
                                   struct span bytes, uint64_t packet, uint64_t time_us,
                                   size_t *eaten) {
    struct dialogue_end *end = &reader->end[end_number];
    size_t room = DIALOGUE_MAX_BYTES - (size_t)end->eaten;
    enum dialogue_status status = end->has_tls ? DIALOGUE_TLS_BEGINS : DIALOGUE_GOES_ON;
    struct dialogue_turn turn = {.reader = reader,
                                 .end = end,
                                 .left = span_first(bytes, room),
                                 .packet = packet,
                                 .time_us = time_us};
    while (status == DIALOGUE_GOES_ON && !turn.is_starved) {
        turn.from_client = reader->knows_client && end_number == reader->client_end;
        status = dialogue_step(&turn);
    }
    *eaten = span_first(bytes, room).size - turn.left.size;
    end->eaten += (uint32_t)*eaten;
    if (status == DIALOGUE_TLS_BEGINS && !end->has_tls) {
        /* Those of its bytes that this call brought are not eaten. */
        size_t back = *eaten < end->line_size ? *eaten : end->line_size;
        end->line_size = (uint16_t)(end->line_size - back);
        end->eaten -= (uint32_t)back;
        *eaten -= back;
        dialogue_tls_began(&turn);
    }
    if (status == DIALOGUE_GOES_ON && bytes.size > room)
        status = DIALOGUE_ENDED;
    return status;
}

void dialogue_hole(struct dialogue_reader *reader, unsigned end_number) {
    struct dialogue_memory *memory = &reader->memory;
    struct dialogue_end *end = &reader->end[end_number];
    if (end->has_tls)
        return;
    end_forget_message(end);
    end->skip = 0;
    end->is_lost = true;
    end->early_packet = 0;
    memory->began = false;
    memory->in_flight = 0;
    memory->answer_in = 0;
    memory->list_in = 0;
    memory->reply_code = 0;
    memory->tag_size = 0;
    memory->is_asking = false;
    memory->awaits_challenge = false;
    memory->awaits_credentials = false;
    memory->list_is_whole = false;
    if (!dialogue_has(&reader->facts, DIALOGUE_GARBLED))
        reader->facts.garbled[0] = '\0';
}
