/*
 * dialogue_binary.c - protocols of messages with a length: LDAP (RFC 4511), PostgreSQL, MySQL and
 * RDP.
 *
 * Only the messages around the request for TLS are read; every other one tells no more than that it
 * came.
 */
#include "dialogue_row.h"

#include <stdio.h>

/* An answer that is a number. */
static void binary_answer(struct dialogue_turn *turn, bool is_granted, const char *what,
                          uint32_t number) {
    char text[DIALOGUE_TEXT_SIZE];
    snprintf(text, sizeof text, "%s %u", what, number);
    dialogue_note_answer(turn, is_granted, span_of(text, strlen(text)));
}

/* ---- LDAP ---- */

enum {
    BER_SEQUENCE = 0x30,
    BER_INTEGER = 0x02,
    BER_LONG_FORM = 0x80,
    BER_MAX_LENGTH_SIZE = 4,
    LDAP_BIND_REQUEST = 0x60,
    LDAP_BIND_RESPONSE = 0x61,
    LDAP_UNBIND_REQUEST = 0x42,
    LDAP_SEARCH_REQUEST = 0x63,
    LDAP_SEARCH_ENTRY = 0x64,
    LDAP_SEARCH_DONE = 0x65,
    LDAP_SEARCH_REFERENCE = 0x73,
    LDAP_EXTENDED_REQUEST = 0x77,
    LDAP_EXTENDED_RESPONSE = 0x78,
    LDAP_ABANDON_REQUEST = 0x50,
    LDAP_SIMPLE = 0x80, /* authentication choices */
    LDAP_SASL = 0xa3,
};

/* A tag and a length (X.690 section 8.1); the content may be longer than what is left. */
static uint32_t ber_header(struct reader *reader, uint8_t *tag) {
    *tag = reader_u8(reader);
    uint32_t length = reader_u8(reader);
    if (length < BER_LONG_FORM)
        return length;
    size_t size = length - BER_LONG_FORM;
    if (size == 0 || size > BER_MAX_LENGTH_SIZE) /* 0: ended by a mark, which LDAP does not allow */
        reader->bad = true;
    length = 0;
    for (size_t i = 0; i < size && reader_ok(reader); i++)
        length = (length << 8U) | reader_u8(reader);
    return length;
}

/* The content of the next element, as far as it was kept. */
static struct span ber_element(struct reader *reader, uint8_t *tag) {
    uint32_t length = ber_header(reader, tag);
    size_t left = reader_left(reader);
    return reader_take(reader, length < left ? length : left);
}

static uint32_t ldap_measure(const struct dialogue_turn *turn, struct span head) {
    struct reader reader = reader_of(head);
    uint8_t tag = 0;
    uint32_t length = ber_header(&reader, &tag);
    bool is_form = head.size < 2 || (head.data[1] != BER_LONG_FORM &&
                                     head.data[1] <= BER_LONG_FORM + BER_MAX_LENGTH_SIZE);
    (void)turn;
    if (head.data[0] != BER_SEQUENCE || !is_form)
        return DIALOGUE_NO_MESSAGE;
    if (!reader_ok(&reader))
        return 0;
    size_t header_size = head.size - reader_left(&reader);
    return length && length < DIALOGUE_MAX_BYTES ? (uint32_t)header_size + length
                                                 : DIALOGUE_NO_MESSAGE;
}

/* RFC 4511 section 4.2. Without a name or a password it is anonymous. */
static void ldap_bind(struct dialogue_turn *turn, struct reader *reader) {
    uint8_t tag = 0;
    (void)ber_element(reader, &tag); /* version */
    struct span name = ber_element(reader, &tag);
    struct span secret = ber_element(reader, &tag);
    if (!reader_ok(reader))
        return;
    bool is_login = tag == LDAP_SIMPLE && name.size && secret.size;
    if (tag == LDAP_SASL) {
        struct reader choice = reader_of(secret);
        struct span mechanism = ber_element(&choice, &tag);
        struct span credentials = ber_element(&choice, &tag);
        turn->reader->memory.has_login = true;
        is_login = reader_ok(&choice) && word_equal(mechanism, "PLAIN") && credentials.size;
    }
    if (is_login)
        dialogue_note_login(turn);
}

static void ldap_extended(struct dialogue_turn *turn, struct reader *reader, struct span id) {
    static const char start_tls[] = "1.3.6.1.4.1.1466.20037";
    struct dialogue_memory *memory = &turn->reader->memory;
    uint8_t tag = 0;
    struct span name = ber_element(reader, &tag);
    if (!reader_ok(reader) || !word_equal(name, start_tls) || id.size > DIALOGUE_TAG_SIZE)
        return;
    memcpy(memory->tag, id.data, id.size);
    memory->tag_size = (uint8_t)id.size;
    dialogue_note_asked(turn);
}

static void ldap_extended_response(struct dialogue_turn *turn, struct reader *reader,
                                   struct span id) {
    struct dialogue_memory *memory = &turn->reader->memory;
    uint8_t tag = 0;
    struct span result = ber_element(reader, &tag);
    bool is_ours = memory->is_asking && span_equal(id, span_of(memory->tag, memory->tag_size));
    if (!reader_ok(reader) || result.size != 1 || !is_ours)
        return;
    binary_answer(turn, result.data[0] == 0, "resultCode", result.data[0]);
}

static enum dialogue_status ldap_message(struct dialogue_turn *turn) {
    struct reader reader = reader_of(turn->message);
    uint8_t tag = 0;
    (void)ber_header(&reader, &tag);
    struct span id = ber_element(&reader, &tag);
    bool is_id = tag == BER_INTEGER && id.size > 0;
    uint8_t operation = 0;
    (void)ber_header(&reader, &operation);
    if (!reader_ok(&reader) || !is_id)
        return DIALOGUE_FOREIGN;
    dialogue_note(turn, DIALOGUE_GREETED);
    switch (operation) {
    case LDAP_BIND_REQUEST:
        ldap_bind(turn, &reader);
        return DIALOGUE_GOES_ON;
    case LDAP_BIND_RESPONSE: {
        struct span result = ber_element(&reader, &tag);
        bool is_in = result.size == 1 && result.data[0] == 0 && turn->reader->memory.has_login;
        return is_in ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
    }
    case LDAP_EXTENDED_REQUEST:
        ldap_extended(turn, &reader, id);
        return DIALOGUE_GOES_ON;
    case LDAP_EXTENDED_RESPONSE:
        ldap_extended_response(turn, &reader, id);
        return DIALOGUE_GOES_ON;
    case LDAP_SEARCH_REQUEST: /* clients look at the server's root entry first */
    case LDAP_SEARCH_ENTRY:
    case LDAP_SEARCH_DONE:
    case LDAP_SEARCH_REFERENCE:
    case LDAP_ABANDON_REQUEST:
        return DIALOGUE_GOES_ON;
    default:
        return DIALOGUE_ENDED;
    }
}

/* A message with an identifier and one of the operations that open a connection. */
static enum dialogue_match ldap_match(struct span bytes) {
    struct reader reader = reader_of(bytes);
    uint8_t tag = 0;
    if (bytes.size && bytes.data[0] != BER_SEQUENCE)
        return MATCH_NO;
    uint32_t length = ber_header(&reader, &tag);
    if (!reader_ok(&reader))
        return bytes.size <= 1 + BER_MAX_LENGTH_SIZE ? MATCH_MORE : MATCH_NO;
    if (length >= DIALOGUE_MAX_BYTES)
        return MATCH_NO;
    uint8_t id_tag = reader_u8(&reader);
    uint8_t id_size = reader_u8(&reader);
    if (!reader_ok(&reader))
        return reader_left(&reader) == 0 || id_tag == BER_INTEGER ? MATCH_MORE : MATCH_NO;
    if (id_tag != BER_INTEGER || id_size == 0 || id_size > BER_MAX_LENGTH_SIZE)
        return MATCH_NO;
    reader_skip(&reader, id_size);
    uint8_t operation = reader_u8(&reader);
    if (!reader_ok(&reader))
        return MATCH_MORE;
    if (operation == LDAP_BIND_REQUEST || operation == LDAP_SEARCH_REQUEST ||
        operation == LDAP_EXTENDED_REQUEST)
        return MATCH_CLIENT;
    return operation == LDAP_BIND_RESPONSE || operation == LDAP_EXTENDED_RESPONSE ? MATCH_SERVER
                                                                                  : MATCH_NO;
}

const struct dialogue_row dialogue_ldap = {
    .protocol = DIALOGUE_LDAP,
    .first = {BER_SEQUENCE, BER_SEQUENCE},
    .match = ldap_match,
    .measure = ldap_measure,
    .message = ldap_message,
};

/* ---- PostgreSQL: "Message Formats" ---- */

enum {
    POSTGRESQL_MAJOR = 3,
    POSTGRESQL_CODE_MAJOR = 1234, /* of requests that are no start-up */
    POSTGRESQL_SSL = 5679,
    POSTGRESQL_GSS = 5680,
    POSTGRESQL_CLEARTEXT_PASSWORD = 3,
    POSTGRESQL_MIN_SIZE = 8,
    POSTGRESQL_MAX_STARTUP = 10000,
};

enum { STEP_UNTYPED, STEP_TYPED };

/* A client's messages have no type until its start-up; the server's answer to a request for
 * encryption is one byte. */
static uint32_t postgresql_measure(const struct dialogue_turn *turn, struct span head) {
    struct reader reader = reader_of(head);
    bool is_typed = turn->end->step == STEP_TYPED;
    if (!turn->from_client) {
        bool is_byte = head.data[0] == 'S' || head.data[0] == 'N' || head.data[0] == 'G';
        is_typed = true;
        if (is_byte && turn->reader->memory.answer_in && turn->end->step == STEP_UNTYPED)
            return 1;
    }
    if (is_typed)
        reader_skip(&reader, 1);
    uint32_t size = reader_u32(&reader);
    if (!reader_ok(&reader))
        return 0;
    return size >= 4 && size < DIALOGUE_MAX_BYTES ? size + (is_typed ? 1 : 0) : DIALOGUE_NO_MESSAGE;
}

static enum dialogue_status postgresql_client(struct dialogue_turn *turn) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct reader reader = reader_of(turn->message);
    if (turn->end->step == STEP_TYPED) {
        if (reader_u8(&reader) == 'p' && memory->awaits_credentials)
            dialogue_note_login(turn);
        memory->awaits_credentials = false;
        return DIALOGUE_GOES_ON;
    }
    reader_skip(&reader, 4);
    uint16_t major = reader_u16(&reader);
    uint16_t minor = reader_u16(&reader);
    dialogue_note(turn, DIALOGUE_GREETED);
    if (!reader_ok(&reader))
        return DIALOGUE_FOREIGN;
    if (major == POSTGRESQL_MAJOR) {
        turn->end->step = STEP_TYPED;
        return DIALOGUE_GOES_ON;
    }
    if (major != POSTGRESQL_CODE_MAJOR || (minor != POSTGRESQL_SSL && minor != POSTGRESQL_GSS))
        return DIALOGUE_ENDED; /* cancels, or an age-old client */
    memory->answer_in++;
    if (minor == POSTGRESQL_SSL)
        dialogue_note_asked(turn);
    return DIALOGUE_GOES_ON;
}

static enum dialogue_status postgresql_server(struct dialogue_turn *turn) {
    struct dialogue_memory *memory = &turn->reader->memory;
    struct reader reader = reader_of(turn->message);
    uint8_t type = reader_u8(&reader);
    bool is_answer = memory->answer_in > 0 && turn->end->step == STEP_UNTYPED;
    if (is_answer && turn->message.size == 1) {
        memory->answer_in--;
        /* Of several requests the one for TLS comes last. */
        if (memory->answer_in == 0 && memory->is_asking && type != 'G')
            dialogue_note_answer(turn, type == 'S', turn->message);
        return type == 'G' ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
    }
    turn->end->step = STEP_TYPED;
    if (type == 'E') { /* ErrorResponse */
        if (memory->is_asking)
            dialogue_note_answer(turn, false, turn->message);
        return DIALOGUE_ENDED;
    }
    reader_skip(&reader, 4);
    uint32_t kind = reader_u32(&reader);
    if (type != 'R' || !reader_ok(&reader))
        return DIALOGUE_GOES_ON;
    memory->awaits_credentials = kind == POSTGRESQL_CLEARTEXT_PASSWORD;
    return kind == 0 ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
}

static enum dialogue_status postgresql_message(struct dialogue_turn *turn) {
    return turn->from_client ? postgresql_client(turn) : postgresql_server(turn);
}

static enum dialogue_match postgresql_match(struct span bytes) {
    struct reader reader = reader_of(bytes);
    uint32_t size = reader_u32(&reader);
    if (!reader_ok(&reader))
        return bytes.size == 0 || bytes.data[0] == 0 ? MATCH_MORE : MATCH_NO;
    uint16_t major = reader_u16(&reader);
    uint16_t minor = reader_u16(&reader);
    if (size < POSTGRESQL_MIN_SIZE || size > POSTGRESQL_MAX_STARTUP)
        return MATCH_NO;
    if (!reader_ok(&reader))
        return MATCH_MORE;
    bool is_request = size == POSTGRESQL_MIN_SIZE && major == POSTGRESQL_CODE_MAJOR &&
                      (minor == POSTGRESQL_SSL || minor == POSTGRESQL_GSS);
    return is_request || (major == POSTGRESQL_MAJOR && size > POSTGRESQL_MIN_SIZE) ? MATCH_CLIENT
                                                                                   : MATCH_NO;
}

const struct dialogue_row dialogue_postgresql = {
    .protocol = DIALOGUE_POSTGRESQL,
    .first = {0, 0},
    .match = postgresql_match,
    .measure = postgresql_measure,
    .message = postgresql_message,
};

/* ---- MySQL: "Connection Phase" ---- */

enum {
    MYSQL_HEADER_SIZE = 4,
    MYSQL_VERSION = 10,
    MYSQL_CLIENT_SSL = 0x0800, /* in the lower half of the capabilities */
    MYSQL_CLIENT_PROTOCOL_41 = 0x0200,
    MYSQL_SSL_REQUEST_SIZE = 32,
    MYSQL_OLD_SSL_REQUEST_SIZE = 5,
    MYSQL_MAX_GREETING = 1024,
    MYSQL_MIN_GREETING = 16,
};

static uint32_t reader_little(struct reader *reader, size_t size) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)reader_u8(reader) << (8U * i);
    return value;
}

static uint32_t mysql_measure(const struct dialogue_turn *turn, struct span head) {
    struct reader reader = reader_of(head);
    uint32_t size = reader_little(&reader, 3);
    (void)turn;
    if (!reader_ok(&reader))
        return 0;
    return size && size < DIALOGUE_MAX_BYTES ? size + MYSQL_HEADER_SIZE : DIALOGUE_NO_MESSAGE;
}

/* HandshakeV10: version, the server's name for it, a number, eight bytes of challenge and a zero,
 * and the capabilities. */
static enum dialogue_status mysql_greeting(struct dialogue_turn *turn, struct reader *reader) {
    enum { BEFORE_CAPABILITIES = 4 + 8 + 1 };
    reader_skip(reader, 1);
    while (reader_ok(reader) && reader_u8(reader) != 0)
        continue;
    reader_skip(reader, BEFORE_CAPABILITIES);
    uint32_t capabilities = reader_little(reader, 2);
    dialogue_note(turn, DIALOGUE_GREETED);
    if (!reader_ok(reader))
        return turn->is_cut ? DIALOGUE_GOES_ON : DIALOGUE_FOREIGN;
    dialogue_note(turn,
                  capabilities & MYSQL_CLIENT_SSL ? DIALOGUE_ADVERTISED : DIALOGUE_NOT_ADVERTISED);
    return DIALOGUE_GOES_ON;
}

/* A request for TLS is a login that ends before the name (the old one has shorter fields). */
static enum dialogue_status mysql_client(struct dialogue_turn *turn, struct reader *reader) {
    size_t size = reader_left(reader);
    uint32_t capabilities = reader_little(reader, 2);
    size_t request_size = capabilities & MYSQL_CLIENT_PROTOCOL_41 ? MYSQL_SSL_REQUEST_SIZE
                                                                  : MYSQL_OLD_SSL_REQUEST_SIZE;
    if ((capabilities & MYSQL_CLIENT_SSL) && size == request_size) {
        dialogue_note_asked(turn);
        return DIALOGUE_GOES_ON;
    }
    if (reader_ok(reader))
        dialogue_note_login(turn);
    return DIALOGUE_ENDED;
}

static enum dialogue_status mysql_message(struct dialogue_turn *turn) {
    struct reader reader = reader_of(turn->message);
    reader_skip(&reader, MYSQL_HEADER_SIZE);
    if (turn->from_client)
        return mysql_client(turn, &reader);
    if (turn->end->step != 0)
        return DIALOGUE_ENDED;
    turn->end->step = 1;
    return mysql_greeting(turn, &reader);
}

static enum dialogue_match mysql_match(struct span bytes) {
    enum { NUMBER_AT = 3 };
    struct reader reader = reader_of(bytes);
    if (bytes.size > NUMBER_AT && bytes.data[NUMBER_AT] != 0) /* nearly all that is not ours */
        return MATCH_NO;
    uint32_t size = reader_little(&reader, 3);
    if (!reader_ok(&reader))
        return MATCH_MORE;
    uint8_t number = reader_u8(&reader);
    uint8_t version = reader_u8(&reader);
    uint8_t digit = reader_u8(&reader);
    bool is_size = size >= MYSQL_MIN_GREETING && size <= MYSQL_MAX_GREETING;
    if (!is_size || number != 0 || (bytes.size > MYSQL_HEADER_SIZE && version != MYSQL_VERSION))
        return MATCH_NO;
    if (!reader_ok(&reader))
        return MATCH_MORE;
    return digit >= '0' && digit <= '9' ? MATCH_SERVER : MATCH_NO;
}

const struct dialogue_row dialogue_mysql = {
    .protocol = DIALOGUE_MYSQL,
    .first = {0, UINT8_MAX},
    .match = mysql_match,
    .measure = mysql_measure,
    .message = mysql_message,
};

/* ---- RDP: TPKT (RFC 2126 section 4.3), X.224 (RFC 905 section 13), [MS-RDPBCGR] 2.2.1.1 ---- */

enum {
    TPKT_VERSION = 3,
    TPKT_HEADER_SIZE = 4,
    TPKT_MIN_SIZE = 7,
    X224_REQUEST = 0xe0,
    X224_CONFIRM = 0xd0,
    X224_FIXED_REST = 5, /* both references and the class */
    RDP_NEGOTIATION_REQUEST = 1,
    RDP_NEGOTIATION_RESPONSE = 2,
    RDP_NEGOTIATION_FAILURE = 3,
    RDP_NEGOTIATION_SIZE = 8,
};

static uint32_t rdp_measure(const struct dialogue_turn *turn, struct span head) {
    struct reader reader = reader_of(head);
    (void)turn;
    reader_skip(&reader, 2);
    uint32_t size = reader_u16(&reader);
    if (head.data[0] != TPKT_VERSION)
        return DIALOGUE_NO_MESSAGE;
    if (!reader_ok(&reader))
        return 0;
    return size >= TPKT_MIN_SIZE ? size : DIALOGUE_NO_MESSAGE;
}

/* The negotiation structure: type, flags, its size and a number, little-endian. */
static uint8_t rdp_negotiation(struct reader *reader, uint32_t *number) {
    uint8_t type = reader_u8(reader);
    reader_skip(reader, 1);
    uint32_t size = reader_little(reader, 2);
    *number = reader_little(reader, 4);
    return reader_ok(reader) && size == RDP_NEGOTIATION_SIZE ? type : 0;
}

/* A cookie's line may stand before the structure. */
static enum dialogue_status rdp_request(struct dialogue_turn *turn, struct reader *reader) {
    uint32_t protocols = 0;
    struct span rest = reader_take_rest(reader);
    bool has_cookie = word_begins(rest, "Cookie: ");
    const uint8_t *end = has_cookie ? memchr(rest.data, '\n', rest.size) : NULL;
    if (has_cookie)
        rest = end ? span_from(rest, (size_t)(end - rest.data) + 1) : span_from(rest, rest.size);
    struct reader structure = reader_of(rest);
    uint8_t type = rdp_negotiation(&structure, &protocols);
    if (rest.size && type != RDP_NEGOTIATION_REQUEST)
        return DIALOGUE_FOREIGN; /* another protocol over the same transport */
    dialogue_note(turn, DIALOGUE_GREETED);
    if (protocols != 0)
        dialogue_note_asked(turn);
    return DIALOGUE_GOES_ON;
}

/* Without a structure the server does not negotiate. */
static enum dialogue_status rdp_confirm(struct dialogue_turn *turn, struct reader *reader) {
    uint32_t number = 0;
    bool is_bare = reader_left(reader) == 0;
    uint8_t type = rdp_negotiation(reader, &number);
    bool is_failure = is_bare || type == RDP_NEGOTIATION_FAILURE;
    if (!is_failure && type != RDP_NEGOTIATION_RESPONSE)
        return DIALOGUE_FOREIGN;
    if (!turn->reader->memory.is_asking)
        return number ? DIALOGUE_GOES_ON : DIALOGUE_ENDED;
    if (is_bare)
        dialogue_note_answer(turn, false, span_of("no negotiation", strlen("no negotiation")));
    else
        binary_answer(turn, !is_failure && number != 0,
                      is_failure ? "failureCode" : "selectedProtocol", number);
    return is_failure || number == 0 ? DIALOGUE_ENDED : DIALOGUE_GOES_ON;
}

static enum dialogue_status rdp_message(struct dialogue_turn *turn) {
    struct reader reader = reader_of(turn->message);
    reader_skip(&reader, TPKT_HEADER_SIZE + 1);
    uint8_t type = reader_u8(&reader);
    reader_skip(&reader, X224_FIXED_REST);
    if (!reader_ok(&reader) || turn->is_cut)
        return DIALOGUE_FOREIGN;
    if (type == X224_REQUEST && turn->from_client)
        return rdp_request(turn, &reader);
    if (type == X224_CONFIRM && !turn->from_client)
        return rdp_confirm(turn, &reader);
    return DIALOGUE_ENDED;
}

static enum dialogue_match rdp_match(struct span bytes) {
    enum { TYPE_AT = 5, SIZE_HIGH_AT = 2 };
    if ((bytes.size > 0 && bytes.data[0] != TPKT_VERSION) || (bytes.size > 1 && bytes.data[1]) ||
        (bytes.size > SIZE_HIGH_AT && bytes.data[SIZE_HIGH_AT] > 1))
        return MATCH_NO;
    if (bytes.size <= TYPE_AT)
        return MATCH_MORE;
    if (bytes.data[TYPE_AT] == X224_REQUEST)
        return MATCH_CLIENT;
    return bytes.data[TYPE_AT] == X224_CONFIRM ? MATCH_SERVER : MATCH_NO;
}

const struct dialogue_row dialogue_rdp = {
    .protocol = DIALOGUE_RDP,
    .first = {TPKT_VERSION, TPKT_VERSION},
    .match = rdp_match,
    .measure = rdp_measure,
    .message = rdp_message,
};
