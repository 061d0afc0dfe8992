/*
 * dialogue_proxy.c - what hands a connection on: HTTP's CONNECT (RFC 9110 section 9.3.6), SOCKS4
 * and 4A, SOCKS5 (RFC 1928, its user and password RFC 1929), and HAProxy's PROXY header.
 *
 * A proxy's own credentials are not told: they are no matter of TLS.
 */
#include "dialogue_row.h"

/* ---- CONNECT ---- */

enum { STEP_FIRST_LINE, STEP_FIELDS, STEP_REFUSED_FIELDS, STEP_INTERIM_FIELDS };

/* "Content-Length: 123": the body of a refusal is passed over. */
static void http_field(struct dialogue_turn *turn, struct span line) {
    static const char name[] = "Content-Length:";
    enum { TEN = 10, LARGEST = 1 << 24 };
    uint32_t value = 0;
    if (turn->end->step != STEP_REFUSED_FIELDS || !word_begins(line, name))
        return;
    line = span_from(line, sizeof name - 1);
    for (struct span digits = word_next(&line); digits.size; digits = span_from(digits, 1)) {
        if (digits.data[0] < '0' || digits.data[0] > '9' || value > LARGEST)
            return;
        value = value * TEN + (digits.data[0] - (uint32_t)'0');
    }
    turn->reader->memory.body_size = value;
}

static enum dialogue_status http_first_line(struct dialogue_turn *turn, struct span line) {
    enum { CODE_HUNDREDS = 100 };
    struct span rest = line;
    struct span first = word_next(&rest);
    uint16_t code = word_code(word_trim(rest));
    if (turn->from_client) {
        turn->end->step = STEP_FIELDS;
        return word_equal(first, "CONNECT") && word_find(rest, " HTTP/1.") ? DIALOGUE_GOES_ON
                                                                           : DIALOGUE_FOREIGN;
    }
    if (!word_begins(first, "HTTP/1.") || code < CODE_HUNDREDS)
        return DIALOGUE_FOREIGN;
    turn->end->step = STEP_REFUSED_FIELDS;
    if (code / CODE_HUNDREDS == 1)
        turn->end->step = STEP_INTERIM_FIELDS;
    else if (code / CODE_HUNDREDS == 2)
        turn->end->step = STEP_FIELDS;
    return DIALOGUE_GOES_ON;
}

/* Behind the header's empty line the tunnel begins; or, when the proxy refused, the next request.
 */
static enum dialogue_status http_message(struct dialogue_turn *turn) {
    struct span line = word_trim(turn->message);
    uint8_t step = turn->end->step;
    if (step == STEP_FIRST_LINE)
        return line.size ? http_first_line(turn, line) : DIALOGUE_GOES_ON;
    if (line.size) {
        http_field(turn, line);
        return DIALOGUE_GOES_ON;
    }
    if (step == STEP_INTERIM_FIELDS) {
        turn->end->step = STEP_FIRST_LINE;
        return DIALOGUE_GOES_ON;
    }
    if (step == STEP_REFUSED_FIELDS)
        turn->end->skip = turn->reader->memory.body_size;
    turn->reader->memory.body_size = 0;
    return dialogue_hand_on(turn, !turn->from_client && step == STEP_FIELDS);
}

static enum dialogue_match http_match(struct span bytes) {
    return word_match(bytes, "CONNECT ", MATCH_CLIENT);
}

const struct dialogue_row dialogue_http_connect = {
    .protocol = DIALOGUE_HTTP_CONNECT,
    .first = {'C', 'c'},
    .terminator = '\n',
    .has_blank_messages = true,
    .match = http_match,
    .message = http_message,
};

/* ---- SOCKS5 ---- */

enum {
    SOCKS5_VERSION = 5,
    SOCKS5_LOGIN_VERSION = 1,
    SOCKS5_NO_METHOD = 0xff,
    SOCKS5_METHODS_MAX = 16,
    SOCKS_CONNECT = 1,
    SOCKS_BIND = 2,
};

enum { STEP_METHODS, STEP_REQUEST };

/* The request and its reply: version, command or code, a zero, the kind of the address, it, a port.
 */
static uint32_t socks5_measure_address(struct span head) {
    enum { KIND_AT = 3, NAME_AT = 4, REST_SIZE = 6, IPV4_SIZE = 4, IPV6_SIZE = 16 };
    enum { KIND_IPV4 = 1, KIND_NAME = 3, KIND_IPV6 = 4 };
    if (head.size <= KIND_AT)
        return 0;
    switch (head.data[KIND_AT]) {
    case KIND_IPV4:
        return REST_SIZE + IPV4_SIZE;
    case KIND_IPV6:
        return REST_SIZE + IPV6_SIZE;
    case KIND_NAME:
        return head.size <= NAME_AT ? 0 : REST_SIZE + 1U + head.data[NAME_AT];
    default:
        return DIALOGUE_NO_MESSAGE;
    }
}

/* User and password, each behind its length. */
static uint32_t socks5_measure_login(struct span head) {
    enum { FIXED_SIZE = 3, USER_SIZE_AT = 1 };
    if (head.size <= USER_SIZE_AT)
        return 0;
    size_t password_size_at = 2U + head.data[USER_SIZE_AT];
    if (head.size <= password_size_at)
        return 0;
    return FIXED_SIZE + (uint32_t)head.data[USER_SIZE_AT] + head.data[password_size_at];
}

static uint32_t socks5_measure(const struct dialogue_turn *turn, struct span head) {
    bool is_login = head.data[0] == SOCKS5_LOGIN_VERSION && turn->end->step == STEP_REQUEST;
    if (head.data[0] != SOCKS5_VERSION && !is_login)
        return DIALOGUE_NO_MESSAGE;
    if (!turn->from_client && (is_login || turn->end->step == STEP_METHODS))
        return 2;
    if (is_login)
        return socks5_measure_login(head);
    if (turn->end->step == STEP_METHODS)
        return head.size < 2 ? 0 : 2U + head.data[1];
    return socks5_measure_address(head);
}

static enum dialogue_status socks5_message(struct dialogue_turn *turn) {
    uint8_t code = turn->message.data[1];
    bool is_login = turn->message.data[0] == SOCKS5_LOGIN_VERSION;
    if (is_login)
        return DIALOGUE_GOES_ON; /* a refused one ends the connection */
    if (turn->end->step == STEP_METHODS) {
        turn->end->step = STEP_REQUEST;
        dialogue_note(turn, DIALOGUE_GREETED);
        bool is_known = turn->from_client || code == 0 || code == 2;
        return is_known ? DIALOGUE_GOES_ON : DIALOGUE_ENDED;
    }
    if (turn->from_client ? code != SOCKS_CONNECT && code != SOCKS_BIND : code != 0)
        return DIALOGUE_ENDED;
    return dialogue_hand_on(turn, !turn->from_client);
}

static enum dialogue_match socks5_match(struct span bytes) {
    if (bytes.size && bytes.data[0] != SOCKS5_VERSION)
        return MATCH_NO;
    if (bytes.size < 2)
        return MATCH_MORE;
    if (bytes.data[1] == 0 || bytes.data[1] > SOCKS5_METHODS_MAX)
        return MATCH_NO;
    return bytes.size < 2U + bytes.data[1] ? MATCH_MORE : MATCH_CLIENT;
}

const struct dialogue_row dialogue_socks5 = {
    .protocol = DIALOGUE_SOCKS5,
    .first = {SOCKS5_VERSION, SOCKS5_VERSION},
    .match = socks5_match,
    .measure = socks5_measure,
    .message = socks5_message,
};

/* ---- SOCKS4 and 4A ---- */

enum { SOCKS4_VERSION = 4, SOCKS4_FIXED_SIZE = 8, SOCKS4_GRANTED = 90 };

/* The size of the text at `from` with the NUL that ends it; 0 when that is not there. */
static size_t socks4_text_size(struct span head, size_t from) {
    struct span text = span_from(head, from);
    const uint8_t *nul = text.size ? memchr(text.data, 0, text.size) : NULL;
    return nul ? (size_t)(nul - text.data) + 1 : 0;
}

/* Version, command, port, address; a user's name; and in 4A, with an address of 0.0.0.x, a host's.
 */
static uint32_t socks4_request_size(struct span head) {
    struct reader reader = reader_of(span_from(head, 4));
    uint32_t address = reader_u32(&reader);
    size_t user_size = socks4_text_size(head, SOCKS4_FIXED_SIZE);
    if (!reader_ok(&reader) || user_size == 0)
        return 0;
    if (address == 0 || address > UINT8_MAX)
        return (uint32_t)(SOCKS4_FIXED_SIZE + user_size);
    size_t host_size = socks4_text_size(head, SOCKS4_FIXED_SIZE + user_size);
    return host_size ? (uint32_t)(SOCKS4_FIXED_SIZE + user_size + host_size) : 0;
}

static uint32_t socks4_measure(const struct dialogue_turn *turn, struct span head) {
    if (turn->from_client)
        return socks4_request_size(head);
    return head.data[0] == 0 ? SOCKS4_FIXED_SIZE : DIALOGUE_NO_MESSAGE;
}

static enum dialogue_status socks4_message(struct dialogue_turn *turn) {
    uint8_t code = turn->message.data[1];
    if (turn->from_client)
        dialogue_note(turn, DIALOGUE_GREETED);
    else if (code != SOCKS4_GRANTED)
        return DIALOGUE_ENDED;
    return dialogue_hand_on(turn, !turn->from_client);
}

static enum dialogue_match socks4_match(struct span bytes) {
    enum { LONGEST = 300 };
    if ((bytes.size > 0 && bytes.data[0] != SOCKS4_VERSION) ||
        (bytes.size > 1 && bytes.data[1] != SOCKS_CONNECT && bytes.data[1] != SOCKS_BIND) ||
        (bytes.size > 3 && bytes.data[2] == 0 && bytes.data[3] == 0))
        return MATCH_NO;
    if (socks4_request_size(bytes))
        return MATCH_CLIENT;
    return bytes.size < LONGEST ? MATCH_MORE : MATCH_NO;
}

const struct dialogue_row dialogue_socks4 = {
    .protocol = DIALOGUE_SOCKS4,
    .first = {SOCKS4_VERSION, SOCKS4_VERSION},
    .match = socks4_match,
    .measure = socks4_measure,
    .message = socks4_message,
};

/* ---- the PROXY header ---- */

static const uint8_t proxy_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                            0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static uint32_t proxy_measure(const struct dialogue_turn *turn, struct span head) {
    enum { LONGEST_LINE = 107, SIZE_AT = 14, FIXED_SIZE = 16 };
    (void)turn;
    if (head.data[0] == 'P') {
        bool is_whole = head.data[head.size - 1] == '\n';
        if (is_whole)
            return (uint32_t)head.size;
        return head.size < LONGEST_LINE ? 0 : DIALOGUE_NO_MESSAGE;
    }
    struct reader reader = reader_of(span_from(head, SIZE_AT));
    uint32_t size = reader_u16(&reader);
    return reader_ok(&reader) ? FIXED_SIZE + size : 0;
}

static enum dialogue_status proxy_message(struct dialogue_turn *turn) {
    return dialogue_hand_on(turn, true);
}

static enum dialogue_match proxy_match(struct span bytes) {
    struct span signature = span_of(proxy_signature, sizeof proxy_signature);
    enum dialogue_match line = word_match(bytes, "PROXY ", MATCH_CLIENT);
    if (bytes.size >= signature.size)
        return span_equal(span_first(bytes, signature.size), signature) ? MATCH_CLIENT : line;
    bool is_beginning = span_equal(bytes, span_first(signature, bytes.size));
    return is_beginning ? MATCH_MORE : line;
}

const struct dialogue_row dialogue_proxy_header = {
    .protocol = DIALOGUE_PROXY,
    .first = {'\r', 'P'},
    .match = proxy_match,
    .measure = proxy_measure,
    .message = proxy_message,
};
