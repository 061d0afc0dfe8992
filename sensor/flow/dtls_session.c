/*
 * dtls_session.c - reads DTLS handshakes out of datagrams (RFC 6347, RFC 9147).
 *
 * Messages come as numbered fragments, repeated, out of order and in pieces of any size. Each
 * message that is worth keeping is put together in a buffer of its own and read as soon as it is
 * whole; what was read is remembered by its number, so that a repetition changes nothing. Hellos
 * stay until the session ends: a repetition that says something else is noted. Messages are read in
 * whatever order they become whole; only the ServerKeyExchange waits for the ServerHello that gives
 * it its meaning, and the two ClientHellos are told apart by their numbers.
 *
 * Epoch 0 is in clear and everything else is encrypted: no state decides that. Encrypted records
 * count once the ServerHello is known. Before that they belong to an older association on the same
 * ports, or come early, or what explains them was lost: then the record says that something is
 * missing.
 *
 * Ports are shared (RFC 7983): STUN and RTP pass by. What TURN carries is unwrapped; where one
 * allocation carries several handshakes at once, the ones after the first are not told.
 */
#include "dtls.h"
#include "session.h"
#include "stun.h"

enum {
    MAX_USELESS = 2048,         /* datagrams: no handshake will come to an end here any more */
    SMALLEST_CLIENT_HELLO = 41, /* version, random, three lengths, one suite, one compression */
    SMALLEST_SERVER_HELLO = 38,
    LONGEST_HELLO_VERIFY = 2 + 1 + 255,
    CLOSE_NOTIFY = 0,
    SUITE_AES_128_CCM_8_SHA256 = 0x1305,
};

/* ---- the beginning ---- */

static bool is_turn_byte(uint8_t first) {
    return first == 0 || (first >= 0x40 && first <= 0x7f);
}

/* What may be DTLS in a datagram: what TURN carries, else all of it. */
static struct span unwrap(struct span datagram, struct turn_data *turn) {
    *turn = (struct turn_data){0};
    if (datagram.size && is_turn_byte(datagram.data[0]) &&
        turn_data_parse(datagram, turn) == PARSE_OK)
        return turn->data;
    return datagram;
}

static bool has_hello_length(const struct dtls_fragment *fragment) {
    uint8_t type = fragment->type;
    uint32_t length = fragment->length;
    if (type == TLS_HELLO_VERIFY_REQUEST)
        return length <= LONGEST_HELLO_VERIFY;
    if (type != TLS_CLIENT_HELLO && type != TLS_SERVER_HELLO)
        return false;
    return length <= BUFFER_LARGE_SIZE &&
           length >= (type == TLS_CLIENT_HELLO ? SMALLEST_CLIENT_HELLO : SMALLEST_SERVER_HELLO);
}

/* All three hello messages begin with a version. */
static bool has_hello_version(const struct dtls_fragment *fragment) {
    static const uint8_t dtls_major = 0xfe;
    struct reader reader = reader_of(fragment->bytes);
    uint16_t version = reader_u16(&reader);
    return fragment->offset != 0 || !reader_ok(&reader) || version >> 8U == dtls_major ||
           version == DTLS_VERSION_OPENSSL;
}

/* Does a datagram begin with (part of) a hello in clear? */
static bool read_hello_start(struct span bytes, struct dtls_fragment *fragment) {
    struct dtls_record record;
    if (bytes.size < DTLS_RECORD_HEADER_SIZE + DTLS_HANDSHAKE_HEADER_SIZE ||
        bytes.data[0] != TLS_HANDSHAKE ||
        dtls_record_next(&bytes, DTLS_CONNECTION_ID_UNKNOWN, &record) != PARSE_OK ||
        record.epoch != 0 || record.sequence > UINT32_MAX)
        return false;
    struct span inside = record.fragment;
    return dtls_fragment_next(&inside, fragment) == PARSE_OK && fragment->size != 0 &&
           fragment->size + DTLS_HANDSHAKE_HEADER_SIZE <= record.size &&
           fragment->message_sequence < DTLS_MAX_SEQUENCE && has_hello_length(fragment) &&
           has_hello_version(fragment);
}

static bool may_start(struct span datagram) {
    struct turn_data turn;
    struct dtls_fragment fragment;
    return read_hello_start(unwrap(datagram, &turn), &fragment);
}

/* The beginning of a ClientHello, up to its cookie. */
static bool read_client_hello_start(struct span bytes, struct dtls_fragment *fragment,
                                    struct span *random, bool *has_cookie) {
    if (!read_hello_start(bytes, fragment) || fragment->type != TLS_CLIENT_HELLO ||
        fragment->offset != 0)
        return false;
    struct reader reader = reader_of(fragment->bytes);
    reader_skip(&reader, sizeof(uint16_t));
    *random = reader_take(&reader, TLS_RANDOM_SIZE);
    bool has_random = reader_ok(&reader);
    (void)reader_vector8(&reader); /* the session id */
    *has_cookie = reader_u8(&reader) != 0;
    return has_random;
}

/* FNV-1a of the client's random, which both hellos of a handshake share; never 0. */
static uint32_t origin_of_random(struct span random) {
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < random.size; i++)
        hash = (hash ^ random.data[i]) * 16777619U;
    return hash ? hash : 1;
}

static uint32_t origin(struct span datagram) {
    struct turn_data turn;
    struct dtls_fragment fragment;
    struct span random = {0};
    bool has_cookie = false;
    if (!read_client_hello_start(unwrap(datagram, &turn), &fragment, &random, &has_cookie))
        return 0;
    return origin_of_random(random);
}

/* Is this another first hello of the client? */
static bool is_other_beginning(const struct session *session, unsigned end, struct span bytes) {
    struct dtls_fragment fragment;
    struct span random = {0};
    bool has_cookie = false;
    return session->origin != 0 && (!session->role_known || end == session->client_end) &&
           read_client_hello_start(bytes, &fragment, &random, &has_cookie) && !has_cookie &&
           fragment.message_sequence == 0 && origin_of_random(random) != session->origin;
}

static void begin(struct session *session) {
    memset(session->dtls, 0, sizeof *session->dtls);
    session->record->protocol = HANDSHAKE_DTLS;
}

/* ---- messages out of fragments ---- */

static uint64_t bit_of(uint16_t sequence) {
    return (uint64_t)1 << sequence;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static struct dtls_message *find_message(struct dtls_end *from, uint16_t sequence) {
    for (size_t i = 0; i < DTLS_MAX_MESSAGES; i++)
        if (from->messages[i].buffer.data && from->messages[i].sequence == sequence)
            return &from->messages[i];
    return NULL;
}

/* A free place; else that of the unfinished message with the highest number above this one: the
 * messages of a handshake have low numbers. NULL when there is none. */
static struct dtls_message *find_place(struct session *session, struct dtls_end *from,
                                       uint16_t sequence) {
    struct dtls_message *place = NULL;
    for (size_t i = 0; i < DTLS_MAX_MESSAGES; i++) {
        struct dtls_message *message = &from->messages[i];
        if (message->buffer.data == NULL)
            return message;
        if (!message->is_read && message->sequence > (place ? place->sequence : sequence))
            place = message;
    }
    session->out_of_memory++;
    session_missed(session, MISSED_MEMORY);
    if (place)
        buffers_give(session->buffers, &place->buffer);
    return place;
}

static struct dtls_message *message_begin(struct session *session, struct dtls_end *from,
                                          const struct dtls_fragment *fragment, size_t kept) {
    struct dtls_message *message = find_place(session, from, fragment->message_sequence);
    if (message == NULL)
        return NULL;
    memset(message, 0, offsetof(struct dtls_message, ranges));
    message->buffer = buffers_take(session->buffers, kept);
    if (message->buffer.data == NULL) {
        session->out_of_memory++;
        session_missed(session, MISSED_MEMORY);
        return NULL;
    }
    message->type = fragment->type;
    message->sequence = fragment->message_sequence;
    message->length = fragment->length;
    message->kept = (uint32_t)kept;
    return message;
}

/* Adds a range, joined with all that it touches. False when there is no place for it. */
static bool message_add_range(struct dtls_message *message, uint32_t start, uint32_t end) {
    struct dtls_range *ranges = message->ranges;
    size_t first = 0;
    while (first < message->range_count && ranges[first].end < start)
        first++;
    size_t last = first;
    while (last < message->range_count && ranges[last].start <= end) {
        start = least(start, ranges[last].start);
        end = ranges[last].end > end ? ranges[last].end : end;
        last++;
    }
    if (first == last && message->range_count == DTLS_MAX_RANGES)
        return false;
    memmove(ranges + first + 1, ranges + last, (message->range_count - last) * sizeof *ranges);
    ranges[first] = (struct dtls_range){start, end};
    message->range_count = (uint8_t)(message->range_count + 1 - (last - first));
    return true;
}

/* Copies what is new of a fragment. False when what is known already says something else: it
 * stays. */
static bool message_copy(struct dtls_message *message, uint32_t offset, struct span bytes) {
    uint32_t at = offset;
    uint32_t end = offset + (uint32_t)bytes.size;
    bool agrees = true;
    for (size_t i = 0; i < message->range_count && at < end; i++) {
        const struct dtls_range *range = &message->ranges[i];
        if (range->end <= at)
            continue;
        uint32_t known = least(range->start > at ? range->start : at, end);
        memcpy(message->buffer.data + at, bytes.data + (at - offset), known - at);
        at = least(range->end, end);
        if (known < at &&
            memcmp(message->buffer.data + known, bytes.data + (known - offset), at - known) != 0)
            agrees = false;
    }
    if (at < end)
        memcpy(message->buffer.data + at, bytes.data + (at - offset), end - at);
    return agrees;
}

static void message_take(struct session *session, struct dtls_message *message,
                         const struct dtls_fragment *fragment, const struct segment *segment) {
    /* Without the client's side it may as well be the answer to another handshake. */
    bool is_comparable = !message->is_read || (session->record->has & HANDSHAKE_HAS_OFFER);
    bool is_same = fragment->type == message->type && fragment->length == message->length;
    if (is_same && fragment->offset < message->kept && fragment->bytes.size) {
        struct span bytes = span_first(fragment->bytes, message->kept - fragment->offset);
        is_same = message_copy(message, fragment->offset, bytes);
        if (!message_add_range(message, fragment->offset,
                               fragment->offset + (uint32_t)bytes.size)) {
            session->out_of_memory++;
            session_missed(session, MISSED_MEMORY);
        }
    }
    if (!is_same && is_comparable)
        session_malformed(session, MALFORMED_FRAGMENT, segment);
    bool is_whole = message->range_count == 1 && message->ranges[0].start == 0 &&
                    message->ranges[0].end == message->kept;
    if (!is_whole || message->packet)
        return;
    message->packet = segment->packet;
    message->time_us = segment->time_us;
}

/* ---- messages ---- */

static bool is_same_but_cookie(const struct client_hello *a, const struct client_hello *b) {
    return a->legacy_version == b->legacy_version && span_equal(a->random, b->random) &&
           span_equal(a->session_id, b->session_id) &&
           span_equal(a->cipher_suites, b->cipher_suites) &&
           span_equal(a->compression_methods, b->compression_methods) &&
           span_equal(a->extensions, b->extensions);
}

/*
 * The first hello has number 0 (RFC 6347 section 4.2.2) and stays the offer. One with a higher
 * number repeats it with a cookie and adds nothing then, answers a HelloRetryRequest, or is the
 * offer because the first was not seen. True when the record points into it from now on.
 */
static bool read_client_hello(struct session *session, unsigned end, uint16_t sequence,
                              const struct segment *segment) {
    struct handshake *record = session->record;
    struct client_hello hello;
    if (session->role_known && end != session->client_end)
        return false;
    if (client_hello_parse(segment->bytes, true, &hello) != PARSE_OK) {
        session->hello_malformed++;
        session_malformed(session, MALFORMED_CLIENT_HELLO, segment);
        return false;
    }
    session->dtls->has_cookie |= hello.cookie.size != 0;
    bool has_offer = record->has & HANDSHAKE_HAS_OFFER;
    bool has_retry = record->has & HANDSHAKE_HAS_RETRY;
    bool is_first = sequence == 0 || (!has_offer && !has_retry);
    if (has_offer && !has_retry && is_same_but_cookie(&hello, &record->offer))
        return false;
    if (is_first && has_offer) { /* the second one came before it */
        record->second_offer = record->offer;
        record->has |= HANDSHAKE_HAS_SECOND_OFFER;
    } else if (!is_first && (record->has & HANDSHAKE_HAS_SECOND_OFFER)) {
        return false;
    }
    session_offer(session, end, &hello, is_first, segment);
    return true;
}

static void read_message(struct session *session, unsigned end, struct dtls_message *message) {
    struct dtls_end *from = &session->dtls->end[end];
    const struct segment segment = {.bytes = span_of(message->buffer.data, message->kept),
                                    .size_wire = message->length,
                                    .packet = message->packet,
                                    .time_us = message->time_us};
    bool stays =
        message->type == TLS_SERVER_HELLO || message->type == TLS_DRAFT_HELLO_RETRY_REQUEST;
    message->is_read = true;
    from->read |= bit_of(message->sequence);
    if (message->type == TLS_CLIENT_HELLO)
        stays = read_client_hello(session, end, message->sequence, &segment);
    else
        session_message(session, end, message->type, segment.bytes,
                        message->kept == message->length, &segment);
    if (!stays)
        buffers_give(session->buffers, &message->buffer);
}

static bool is_ready(const struct session *session, const struct dtls_message *message) {
    return message->buffer.data && message->packet && !message->is_read &&
           (message->type != TLS_SERVER_KEY_EXCHANGE ||
            (session->record->has & HANDSHAKE_HAS_CHOICE));
}

/* Reads what is whole; one message may be what another one waits for. */
static void read_messages(struct session *session, unsigned end) {
    struct dtls_end *from = &session->dtls->end[end];
    bool has_read = true;
    while (has_read) {
        has_read = false;
        for (size_t i = 0; i < DTLS_MAX_MESSAGES; i++) {
            if (!is_ready(session, &from->messages[i]))
                continue;
            read_message(session, end, &from->messages[i]);
            has_read = true;
        }
    }
}

/* A message of which nothing is kept: that it went by is all there is to know. A HelloVerifyRequest
 * is short enough to come in one piece. A server's hello behind its successor says what came before
 * that too late. */
static void walk_over(struct session *session, unsigned end, const struct dtls_fragment *fragment,
                      const struct segment *segment) {
    struct dtls_end *from = &session->dtls->end[end];
    bool is_verify = fragment->type == TLS_HELLO_VERIFY_REQUEST;
    if (is_verify && fragment->bytes.size != fragment->length)
        return;
    if (fragment->type == TLS_SERVER_HELLO)
        session_missed_bytes(session, end);
    from->read |= bit_of(fragment->message_sequence);
    session_message(session, end, fragment->type, fragment->bytes, is_verify, segment);
}

static void take_fragment(struct session *session, unsigned end,
                          const struct dtls_fragment *fragment, const struct segment *segment) {
    struct dtls_end *from = &session->dtls->end[end];
    if (fragment->message_sequence >= DTLS_MAX_SEQUENCE)
        return;
    from->seen |= bit_of(fragment->message_sequence);
    struct dtls_message *message = find_message(from, fragment->message_sequence);
    if (message == NULL) {
        if (from->read & bit_of(fragment->message_sequence))
            return;
        size_t kept = session_wants(session, fragment->type, fragment->length);
        if (kept == 0) {
            walk_over(session, end, fragment, segment);
            return;
        }
        message = message_begin(session, from, fragment, kept);
    }
    if (message == NULL)
        return;
    message_take(session, message, fragment, segment);
    read_messages(session, end);
}

/* ---- records ---- */

static void handshake_record(struct session *session, unsigned end,
                             const struct dtls_record *record, const struct segment *segment) {
    struct span inside = record->fragment;
    struct dtls_fragment fragment;
    while (inside.size) {
        enum parse_status status = dtls_fragment_next(&inside, &fragment);
        bool is_cut = record->fragment.size < record->size;
        bool reaches_out = status == PARSE_OK && fragment.bytes.size < fragment.size && !is_cut;
        if (status != PARSE_OK || reaches_out) {
            if (!is_cut)
                session_malformed(session, MALFORMED_RECORD, segment);
            return;
        }
        take_fragment(session, end, &fragment, segment);
    }
}

/* OpenSSL's early DTLS could write more behind the two bytes of an alert. A captured repetition is
 * known by its record number. */
static void alert_record(struct session *session, unsigned end, const struct dtls_record *record,
                         const struct segment *segment) {
    struct dtls_end *from = &session->dtls->end[end];
    struct tls_alert alert;
    struct span bytes = record->version == DTLS_VERSION_OPENSSL ? span_first(record->fragment, 2)
                                                                : record->fragment;
    if (from->has_alert && from->alert_sequence == record->sequence)
        return;
    if (tls_alert_parse(bytes, &alert) != PARSE_OK)
        return;
    from->has_alert = true;
    from->alert_sequence = record->sequence;
    session_alert(session, end, alert, segment);
    if (alert.description == CLOSE_NOTIFY)
        session->is_closing = true;
}

/* In DTLS 1.3 a client that refuses sends one sealed alert, which has the size of an empty ACK (RFC
 * 9147 section 7): either way it has not gone on by that. */
static bool is_sealed_alert(const struct session *session, unsigned end,
                            const struct dtls_record *record) {
    static const size_t alert_and_type = 3;
    bool has_short_tag = session->record->choice.cipher_suite == SUITE_AES_128_CCM_8_SHA256;
    return end == session->client_end && record->is_unified && !record->is_unsized &&
           record->size == alert_and_type + (has_short_tag ? 8 : 16);
}

static void note_useless(struct session *session) {
    if (++session->dtls->useless < MAX_USELESS)
        return;
    if (session_is_reportable(session))
        session->is_finished = true;
    else
        session->is_foreign = true;
}

static void sealed_record(struct session *session, unsigned end, const struct dtls_record *record,
                          const struct segment *segment) {
    static const uint16_t early_data_epoch = 1;
    bool has_choice = session->record->has & HANDSHAKE_HAS_CHOICE;
    bool other_is_unseen = session->end[end ^ 1U].packets == 0;
    if (record->is_unified && record->epoch == early_data_epoch)
        return;
    if (!has_choice && !other_is_unseen) {
        session->dtls->end[end].has_sealed_early = true;
        note_useless(session);
        return;
    }
    if (has_choice && record->is_unified && !session_is_tls13(session))
        return; /* not DTLS at all */
    if (has_choice && is_sealed_alert(session, end, record))
        return;
    if (record->type == TLS_APPLICATION_DATA)
        session->dtls->end[end].has_data = true;
    session_encrypted(session, end, record->is_unsized ? 0 : record->size, segment);
}

/* Whose ids the records of an end carry: the other end chose them in its hello. */
static size_t connection_id_size(const struct session *session, unsigned end) {
    const struct handshake *record = session->record;
    uint32_t both = HANDSHAKE_HAS_OFFER | HANDSHAKE_HAS_CHOICE;
    size_t of_client = 0;
    size_t of_server = 0;
    if ((record->has & both) != both ||
        !dtls_connection_id_size(record->offer.extensions, &of_client) ||
        !dtls_connection_id_size(record->choice.extensions, &of_server))
        return DTLS_CONNECTION_ID_UNKNOWN;
    return end == session->client_end ? of_server : of_client;
}

static void take_record(struct session *session, unsigned end, const struct dtls_record *record,
                        const struct segment *segment) {
    if (record->is_unified || record->epoch != 0 || record->type == DTLS_CONNECTION_ID_RECORD)
        sealed_record(session, end, record, segment);
    else if (record->type == TLS_HANDSHAKE)
        handshake_record(session, end, record, segment);
    else if (record->type == TLS_ALERT)
        alert_record(session, end, record, segment);
}

/* False when the datagram does not even begin with a record. */
static bool take_records(struct session *session, unsigned end, struct span rest,
                         const struct segment *segment) {
    bool is_cut = segment->bytes.size < segment->size_wire;
    bool is_clear = false;
    size_t count = 0;
    struct dtls_record record;
    size_t id_size = connection_id_size(session, end);
    while (!session->is_finished && !session->is_foreign &&
           dtls_record_next(&rest, id_size, &record) == PARSE_OK) {
        if (record.fragment.size < record.size && !is_cut)
            break; /* a record does not go on in the next datagram: nobody reads it */
        take_record(session, end, &record, segment);
        is_clear = !record.is_unified && record.epoch == 0;
        count++;
    }
    if (is_cut && is_clear)
        session_missed(session, MISSED_CUT_PACKET);
    return count > 0;
}

/* ---- the end ---- */

/* Bits from the lowest to the highest that is set. */
static uint64_t filled(uint64_t bits) {
    uint64_t below_highest = bits;
    for (unsigned shift = 1; shift < 64; shift *= 2)
        below_highest |= below_highest >> shift;
    uint64_t lowest = bits & (~bits + 1);
    return bits ? below_highest & ~(lowest - 1) : 0;
}

/* Whether an end must have sent encrypted records that were not seen: early ones that nothing
 * explained, or those that the other end's answer tells of. */
static bool lacks_sealed(const struct session *session, unsigned end) {
    const struct direction *ends = session->end;
    bool is_client = end == session->client_end;
    bool is_full = session->record->has & HANDSHAKE_HAS_SERVER_HELLO_DONE;
    return ends[end].packets != 0 && ends[end].encrypted_packet == 0 &&
           (session->dtls->end[end].has_sealed_early || session->dtls->end[end ^ 1U].has_data ||
            (is_client && is_full && ends[end ^ 1U].encrypted_packet != 0));
}

/* What was sent and not seen, by the numbers of the messages and by what came after it. A hello
 * with a cookie stands for the HelloVerifyRequest that it answers. */
static void note_missing(struct session *session) {
    for (unsigned end = 0; end < 2; end++) {
        uint64_t seen = session->dtls->end[end].seen;
        bool has_gap = seen != filled(seen) || (seen & ~session->dtls->end[end].read);
        if (has_gap || lacks_sealed(session, end))
            session_missed_bytes(session, end);
    }
    uint64_t of_client = session->dtls->end[session->client_end].seen;
    uint64_t of_server = session->dtls->end[session->client_end ^ 1U].seen;
    if (of_client && !(of_client & 1U))
        session_missed(session, MISSED_START);
    else if (of_client && of_server && !(of_server & 1U) && !session->dtls->has_cookie)
        session_missed_bytes(session, session->client_end ^ 1U);
}

/* Another handshake inside of the same TURN allocation: whose messages come from now on is not
 * known. False when the datagram is not this handshake's. */
static bool take_turn(struct session *session, unsigned end, const struct turn_data *turn) {
    struct dtls_session *dtls = session->dtls;
    session->record->carrier = CARRIER_STUN;
    dtls->is_wrapped = true;
    if (is_other_beginning(session, end, turn->data)) {
        session_missed_bytes(session, 0);
        session_missed_bytes(session, 1);
        return false;
    }
    if (turn->channel == 0 || turn->channel == dtls->channel)
        return true;
    if (dtls->channel != 0 || turn->data.size == 0 || turn->data.data[0] != TLS_HANDSHAKE)
        return dtls->channel == 0;
    dtls->channel = turn->channel;
    return true;
}

static void datagram(struct session *session, unsigned end, const struct segment *segment) {
    struct turn_data turn;
    struct span bytes = unwrap(segment->bytes, &turn);
    if (!span_is_absent(turn.data) && !take_turn(session, end, &turn))
        return;
    if (span_is_absent(turn.data) && is_other_beginning(session, end, bytes)) {
        session->begins_another = true;
        return;
    }
    if (stun_is_message(bytes)) {
        session->record->carrier = CARRIER_STUN;
        return;
    }
    if (session->origin == 0)
        session->origin = origin(segment->bytes);
    if (!take_records(session, end, bytes, segment))
        note_useless(session);
    if ((session->dtls->end[0].seen | session->dtls->end[1].seen) == 0)
        session->is_foreign = true; /* its first datagram only looked like a beginning */
    if (session->is_finished)
        note_missing(session);
}

static void release(struct session *session) {
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < DTLS_MAX_MESSAGES; i++)
            buffers_give(session->buffers, &session->dtls->end[end].messages[i].buffer);
}

const struct datagram_protocol dtls_datagrams = {.may_start = may_start,
                                                 .origin = origin,
                                                 .begin = begin,
                                                 .datagram = datagram,
                                                 .flush = note_missing,
                                                 .release = release};
