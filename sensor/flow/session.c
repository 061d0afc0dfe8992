/*
 * session.c - the record of a handshake in progress: what each message adds to it, when it is
 * finished, and how it ended.
 *
 * A record is finished when both sides went on encrypted (nothing in clear can follow; over TCP
 * what comes within a round trip is still looked at, for injections that were late), when only one
 * side is in the capture and that one went on encrypted, or when the flow table says that nothing
 * more will come.
 */
#include "session.h"

#include "dtls.h"
#include "tls_certificate.h"

#include <assert.h>

enum { RESET_FAR = 1 << 16 };
enum { KEPT_CERTIFICATE_BYTES = 16 * 1024, KEPT_KEY_EXCHANGE_BYTES = 4096 };

/* Whole cache lines. A memset() of this size becomes `rep stos`, which takes longer to begin than
 * this takes altogether. */
static void clear_lines(void *memory, size_t size) {
    for (size_t line = 0; line < size; line += CACHE_LINE)
        memset((uint8_t *)memory + line, 0, CACHE_LINE);
}

void session_init(struct session *session, struct session_rest *rest, struct buffers *buffers) {
    /* Pieces of windows, held segments, buffers, and the last part of the record need no clearing:
     * their counts say that there are none. */
    const size_t stream_size = offsetof(struct stream, window.pieces);
    clear_lines(session, offsetof(struct session, streams));
    clear_lines(&session->streams[0], stream_size);
    clear_lines(&session->streams[1], stream_size);
    clear_lines(&rest->record, offsetof(struct handshake, side));
    rest->record.certificate_name[0] = '\0';
    session->record = &rest->record;
    session->kept = rest->kept;
    session->quic = &rest->quic;
    session->dtls = &rest->dtls;
    session->streams[0].held = rest->held[0];
    session->streams[1].held = rest->held[1];
    session->buffers = buffers;
}

void session_flush(struct session *session) {
    if (session->datagrams) {
        session->datagrams->flush(session);
        return;
    }
    stream_flush(session, 0);
    stream_flush(session, 1);
}

void session_release(struct session *session) {
    if (session->datagrams) {
        session->datagrams->release(session);
    } else {
        stream_release(session, 0);
        stream_release(session, 1);
    }
    while (session->kept_count)
        buffers_give(session->buffers, &session->kept[--session->kept_count]);
}

uint8_t *session_keep(struct session *session, size_t size) {
    assert(session->kept != NULL);
    struct buffer *last = session->kept_count ? &session->kept[session->kept_count - 1] : NULL;
    if (last == NULL || last->size - session->kept_used < size) {
        struct buffer buffer = {0};
        if (session->kept_count < SESSION_MAX_BUFFERS)
            buffer = buffers_take(session->buffers, size);
        if (buffer.data == NULL) {
            session->out_of_memory++;
            session_missed(session, MISSED_MEMORY);
            return NULL;
        }
        last = &session->kept[session->kept_count++];
        *last = buffer;
        session->kept_used = 0;
    }
    uint8_t *kept = last->data + session->kept_used;
    session->kept_used += (uint32_t)size;
    return kept;
}

/* What is left of the buffer before it stays unused. */
void session_let_go(struct session *session, const uint8_t *kept, size_t size) {
    if (session->kept_count == 0)
        return;
    struct buffer *last = &session->kept[session->kept_count - 1];
    if (kept + size != last->data + session->kept_used)
        return;
    session->kept_used -= (uint32_t)size;
    if (session->kept_used > 0)
        return;
    buffers_give(session->buffers, last);
    session->kept_count--;
    session->kept_used = session->kept_count > 0 ? last[-1].size : 0;
}

/* A program's reset carries the number behind all that was sent, a kernel's without a socket any
 * number that was acknowledged. Whatever the order of packets in a capture, the first cannot stand
 * before bytes that were seen already, and neither far from all others. */
static void session_note_reset(struct session *session, unsigned from, const struct packet *packet,
                               const struct packet_mark *mark) {
    struct suspect *suspect =
        evidence_add_suspect(session, from, SUSPECT_RESET, mark, packet->sequence);
    if (suspect != NULL && (packet->tcp_flags & TCP_ACK)) {
        suspect->has_acknowledgement = true;
        suspect->acknowledgement = packet->acknowledgement;
    }
    if (suspect == NULL || session->datagrams != NULL || !session->streams[from].has_next)
        return;
    int32_t ahead = (int32_t)(packet->sequence - session->streams[from].next_sequence);
    bool is_far = ahead > RESET_FAR || ahead < -RESET_FAR;
    suspect->is_out_of_place = is_far || ((packet->tcp_flags & TCP_ACK) && ahead < 0);
}

void session_note_packet(struct session *session, unsigned from, const struct packet *packet,
                         uint64_t time_us, uint64_t number) {
    struct direction *direction = &session->end[from];
    direction->packets++;
    if (packet->hop_limit < direction->min_hop_limit || direction->min_hop_limit == 0)
        direction->min_hop_limit = packet->hop_limit;
    if (packet->hop_limit > direction->max_hop_limit)
        direction->max_hop_limit = packet->hop_limit;
    if (direction->first_hop_limit == 0)
        direction->first_hop_limit = packet->hop_limit;
    struct packet_mark mark;
    packet_mark_of(packet, time_us, number, &mark);
    evidence_note_packet(session, from, packet, &mark);
    if (session->over_us == 0)
        session->latest_packet = number;
    if ((packet->tcp_flags & TCP_FIN) && direction->fin_packet == 0) {
        direction->fin_packet = number;
        direction->fin_us = time_us;
        evidence_add_suspect(session, from, SUSPECT_FIN, &mark,
                             packet->sequence + (uint32_t)packet->payload_size_wire);
    }
    if ((packet->tcp_flags & TCP_RST) && direction->reset_packet == 0) {
        direction->reset_packet = number;
        direction->reset_us = time_us;
        session_note_reset(session, from, packet, &mark);
    }
}

void session_note_end(struct session *session, const struct packet *packet, uint64_t time_us) {
    const struct direction *ends = session->end;
    bool is_over = (packet->tcp_flags & TCP_RST) || (ends[0].fin_packet && ends[1].fin_packet);
    if (!is_over || session->over_us != 0)
        return;
    session->is_closing = true;
    session->over_us = time_us;
}

void session_missed(struct session *session, enum handshake_missed what) {
    session->record->missed |= what;
}

void session_missed_bytes(struct session *session, unsigned end) {
    session->missed_bytes[end] = true;
}

bool session_is_tls13(const struct session *session) {
    const struct handshake *record = session->record;
    const struct server_hello *hello = NULL;
    if (record->has & HANDSHAKE_HAS_CHOICE)
        hello = &record->choice;
    else if (record->has & HANDSHAKE_HAS_RETRY)
        hello = &record->retry;
    if (hello == NULL)
        return false;
    return hello->has_selected_version || hello->is_hello_retry_request ||
           tls_version_rank(hello->legacy_version) == TLS_RANK_1_3;
}

bool session_knows_version(const struct session *session) {
    return (session->record->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_RETRY)) != 0;
}

bool session_is_reportable(const struct session *session) {
    return handshake_has_hello(session->record);
}

size_t session_wants(const struct session *session, uint8_t type, size_t length) {
    const struct handshake *record = session->record;
    switch ((enum tls_handshake_type)type) {
    case TLS_CLIENT_HELLO:
        if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
            return 0;
        return length <= BUFFER_LARGE_SIZE ? length : 0;
    case TLS_SERVER_HELLO:
    case TLS_DRAFT_HELLO_RETRY_REQUEST:
        if (record->has & HANDSHAKE_HAS_CHOICE)
            return 0;
        return length <= BUFFER_LARGE_SIZE ? length : 0;
    case TLS_CERTIFICATE:
        if ((record->has & HANDSHAKE_HAS_CERTIFICATE) || record->offer.server_name.size != 0)
            return 0;
        return length < KEPT_CERTIFICATE_BYTES ? length : KEPT_CERTIFICATE_BYTES;
    case TLS_SERVER_KEY_EXCHANGE:
        return length <= KEPT_KEY_EXCHANGE_BYTES ? length : 0;
    case TLS_HELLO_REQUEST:
    case TLS_HELLO_VERIFY_REQUEST:
    case TLS_NEW_SESSION_TICKET:
    case TLS_ENCRYPTED_EXTENSIONS:
    case TLS_CERTIFICATE_REQUEST:
    case TLS_SERVER_HELLO_DONE:
    case TLS_CERTIFICATE_VERIFY:
    case TLS_CLIENT_KEY_EXCHANGE:
    case TLS_FINISHED:
    case TLS_CERTIFICATE_STATUS:
        return 0;
    }
    return 0;
}

bool session_refers_to(uint8_t type) {
    return type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO ||
           type == TLS_DRAFT_HELLO_RETRY_REQUEST;
}

static void session_set_client(struct session *session, unsigned client_end) {
    if (session->role_known)
        return;
    session->role_known = true;
    session->client_end = (uint8_t)client_end;
}

static void session_note_hello(struct session *session, unsigned end,
                               const struct segment *segment) {
    struct direction *direction = &session->end[end];
    if (direction->hello_packet)
        return;
    direction->hello_packet = segment->packet;
    direction->hello_us = segment->time_us;
}

/* Was this end's first hello perhaps among what is missing? */
static bool session_may_lack_hello(const struct session *session, unsigned end) {
    return session->missed_bytes[end] || !session->end[end].has_syn ||
           (session->record->missed & (MISSED_CUT_PACKET | MISSED_MEMORY));
}

void session_malformed(struct session *session, enum handshake_malformed what,
                       const struct segment *segment) {
    struct handshake *record = session->record;
    if (record->malformed == 0)
        record->malformed_packet = segment->packet;
    record->malformed |= what;
}

void session_offer(struct session *session, unsigned end, const struct client_hello *hello,
                   bool is_first, const struct segment *segment) {
    struct handshake *record = session->record;
    if (client_hello_is_malformed(hello))
        session_malformed(session, MALFORMED_CLIENT_HELLO, segment);
    *(is_first ? &record->offer : &record->second_offer) = *hello;
    record->has |= is_first ? HANDSHAKE_HAS_OFFER : HANDSHAKE_HAS_SECOND_OFFER;
    session_set_client(session, end);
    session_note_hello(session, end, segment);
}

static void session_client_hello(struct session *session, unsigned end, struct span body,
                                 const struct segment *segment) {
    struct handshake *record = session->record;
    /* The one that answers a HelloRetryRequest may come behind the ServerHello in a capture. */
    bool is_awaited =
        (record->has & HANDSHAKE_HAS_RETRY) && !(record->has & HANDSHAKE_HAS_SECOND_OFFER);
    if ((record->has & HANDSHAKE_HAS_OFFER) && (record->has & HANDSHAKE_HAS_CHOICE) &&
        !is_awaited) {
        record->has |= HANDSHAKE_HAS_RENEGOTIATION;
        return;
    }
    /* A capture may show the second hello before the HelloRetryRequest that it answers, and the
     * first one after it, or never. */
    bool is_first = !(record->has & HANDSHAKE_HAS_OFFER);
    if ((record->has & HANDSHAKE_HAS_RETRY) && session_may_lack_hello(session, end))
        is_first = false;
    struct client_hello hello;
    if (client_hello_parse(body, false, &hello) != PARSE_OK) {
        session->hello_malformed++;
        session_malformed(session, MALFORMED_CLIENT_HELLO, segment);
        return;
    }
    session_offer(session, end, &hello, is_first, segment);
}

static void session_server_hello(struct session *session, unsigned end, uint8_t type,
                                 struct span body, const struct segment *segment) {
    struct handshake *record = session->record;
    struct server_hello hello;
    if (record->has & HANDSHAKE_HAS_CHOICE)
        return;
    enum parse_status status = type == TLS_SERVER_HELLO
                                   ? server_hello_parse(body, &hello)
                                   : draft_hello_retry_request_parse(body, &hello);
    if (status != PARSE_OK) {
        session->hello_malformed++;
        session_malformed(session, MALFORMED_SERVER_HELLO, segment);
        return;
    }
    if (server_hello_is_malformed(&hello))
        session_malformed(session, MALFORMED_SERVER_HELLO, segment);
    session_set_client(session, end ^ 1U);
    session_note_hello(session, end, segment);
    if (!hello.is_hello_retry_request) {
        record->choice = hello;
        record->choice_packet = segment->packet;
        record->has |= HANDSHAKE_HAS_CHOICE;
    } else if (!(record->has & HANDSHAKE_HAS_RETRY)) {
        record->retry = hello;
        record->retry_packet = segment->packet;
        record->has |= HANDSHAKE_HAS_RETRY;
    }
}

/* A certificate's name is text of its issuer's choice: kept as bytes, cut at a NUL. */
static void session_certificate(struct session *session, struct span body) {
    struct handshake *record = session->record;
    struct span name = {0};
    record->has |= HANDSHAKE_HAS_CERTIFICATE;
    if (body.size == 0 || certificate_name_parse(body, &name) != PARSE_OK)
        return;
    size_t size = name.size < HANDSHAKE_MAX_NAME ? name.size : HANDSHAKE_MAX_NAME;
    if (size)
        memcpy(record->certificate_name, name.data, size);
    record->certificate_name[size] = '\0';
}

static void session_key_exchange(struct session *session, struct span body,
                                 const struct segment *segment) {
    struct handshake *record = session->record;
    if (!(record->has & HANDSHAKE_HAS_CHOICE) || (record->has & HANDSHAKE_HAS_KEY_EXCHANGE))
        return;
    if (key_exchange_parse(body, record->choice.cipher_suite, &record->key_exchange) != PARSE_OK) {
        memset(&record->key_exchange, 0, sizeof record->key_exchange);
        session_malformed(session, MALFORMED_KEY_EXCHANGE, segment);
        return;
    }
    record->has |= HANDSHAKE_HAS_KEY_EXCHANGE;
    record->key_exchange_packet = segment->packet;
}

/* It tells who the client is, and nothing else. */
static void session_hello_verify(struct session *session, unsigned end, struct span body,
                                 const struct segment *segment) {
    struct handshake *record = session->record;
    struct dtls_hello_verify verify;
    if (record->protocol != HANDSHAKE_DTLS || (record->has & HANDSHAKE_HAS_HELLO_VERIFY) ||
        dtls_hello_verify_parse(body, &verify) != PARSE_OK)
        return;
    record->has |= HANDSHAKE_HAS_HELLO_VERIFY;
    record->hello_verify_packet = segment->packet;
    session_set_client(session, end ^ 1U);
}

void session_message(struct session *session, unsigned end, uint8_t type, struct span body,
                     bool is_whole, const struct segment *segment) {
    struct handshake *record = session->record;
    bool from_client = session->role_known && end == session->client_end;
    bool from_server = session->role_known && end != session->client_end;
    switch ((enum tls_handshake_type)type) {
    case TLS_CLIENT_HELLO:
        if (is_whole && !from_server)
            session_client_hello(session, end, body, segment);
        break;
    case TLS_SERVER_HELLO:
    case TLS_DRAFT_HELLO_RETRY_REQUEST:
        if (is_whole && !from_client)
            session_server_hello(session, end, type, body, segment);
        break;
    case TLS_CERTIFICATE:
        if (!from_client)
            session_certificate(session, body);
        break;
    case TLS_SERVER_KEY_EXCHANGE:
        if (is_whole && !from_client)
            session_key_exchange(session, body, segment);
        break;
    case TLS_SERVER_HELLO_DONE:
        record->has |= HANDSHAKE_HAS_SERVER_HELLO_DONE;
        break;
    case TLS_CLIENT_KEY_EXCHANGE:
        record->has |= HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE;
        break;
    case TLS_HELLO_VERIFY_REQUEST:
        if (is_whole && !from_client)
            session_hello_verify(session, end, body, segment);
        break;
    case TLS_HELLO_REQUEST:
    case TLS_NEW_SESSION_TICKET:
    case TLS_ENCRYPTED_EXTENSIONS:
    case TLS_CERTIFICATE_REQUEST:
    case TLS_CERTIFICATE_VERIFY:
    case TLS_FINISHED:
    case TLS_CERTIFICATE_STATUS:
        break;
    }
}

void session_sslv2_message(struct session *session, unsigned end, struct span bytes,
                           const struct segment *segment) {
    struct handshake *record = session->record;
    size_t consumed = 0;
    if (!(record->has & HANDSHAKE_HAS_OFFER) &&
        client_hello_parse_sslv2(bytes, &record->offer, &consumed) == PARSE_OK) {
        record->has |= HANDSHAKE_HAS_OFFER;
        session_set_client(session, end);
        session_note_hello(session, end, segment);
        return;
    }
    if (!(record->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)) &&
        sslv2_server_hello_parse(bytes, &record->sslv2_choice, &consumed) == PARSE_OK) {
        record->has |= HANDSHAKE_HAS_SSLV2_CHOICE;
        record->protocol = HANDSHAKE_SSLV2;
        session_set_client(session, end ^ 1U);
        session_note_hello(session, end, segment);
        return;
    }
    if (!session_is_reportable(session))
        session->is_foreign = true;
}

void session_alert(struct session *session, unsigned end, struct tls_alert alert,
                   const struct segment *segment) {
    struct handshake *record = session->record;
    if (alert.level == 2)
        session->is_closing = true;
    if (record->alert_count == HANDSHAKE_MAX_ALERTS) {
        record->alerts_lost++;
        return;
    }
    /* The sender is an end until session_conclude() knows which end is the client. */
    record->alerts[record->alert_count++] = (struct handshake_alert){
        segment->time_us, segment->packet, alert.level, alert.description, (uint8_t)end};
    if (session->datagrams != NULL)
        return;
    struct suspect *suspect =
        evidence_add_suspect(session, end, SUSPECT_ALERT, &segment->mark,
                             segment->sequence + (uint32_t)segment->size_wire);
    if (suspect == NULL)
        return;
    suspect->alert_level = alert.level;
    suspect->alert_description = alert.description;
    suspect->is_in_encrypted_epoch = session->end[end].encrypted_packet != 0;
}

bool session_is_early_data(const struct session *session, unsigned end) {
    return session->record->protocol != HANDSHAKE_QUIC && session->role_known &&
           end == session->client_end && !(session->record->has & HANDSHAKE_HAS_CHOICE) &&
           !span_is_absent(session->record->offer.early_data);
}

void session_encrypted(struct session *session, unsigned end, size_t size,
                       const struct segment *segment) {
    struct direction *direction = &session->end[end];
    if (direction->encrypted_packet || session_is_early_data(session, end))
        return;
    direction->encrypted_packet = segment->packet;
    direction->encrypted_size = (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX);
    if (session->datagrams == NULL &&
        (session->record->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)))
        session->streams[end].await = AWAIT_NOTHING;
    bool other_is_encrypted = session->end[end ^ 1U].encrypted_packet != 0;
    bool other_is_unseen = session->end[end ^ 1U].packets == 0;
    if (other_is_encrypted || (other_is_unseen && session_is_reportable(session)))
        session->is_finished = true;
}

bool session_may_be_contradicted(const struct session *session) {
    return session->datagrams == NULL && session->openvpn == NULL && session->over_us == 0 &&
           session->end[0].encrypted_packet != 0 && session->end[1].encrypted_packet != 0 &&
           session_is_reportable(session);
}

/* What hides how a handshake went on. */
static const uint32_t spoiled =
    MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET | MISSED_MEMORY;

static enum handshake_outcome session_outcome(const struct session *session, bool timed_out) {
    const struct handshake *record = session->record;
    const struct direction *client = &record->side[SIDE_CLIENT];
    const struct direction *server = &record->side[SIDE_SERVER];
    if (client->packets == 0 || server->packets == 0)
        return OUTCOME_HALF_SEEN;
    if (record->missed & spoiled)
        return OUTCOME_INCONCLUSIVE;
    bool has_hello = handshake_has_hello(record);
    if (has_hello && !(record->has & HANDSHAKE_HAS_OFFER))
        return OUTCOME_HALF_SEEN;
    if (client->encrypted_packet && server->encrypted_packet) {
        if (!(record->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)))
            return OUTCOME_INCONCLUSIVE;
        return handshake_failed_encrypted(record) ? OUTCOME_FAILED : OUTCOME_COMPLETED;
    }
    /* Every byte up to there was seen, or it would be spoiled; from here on what is absent counts.
     */
    if (record->missed & MISSED_CAPTURE)
        return OUTCOME_INCONCLUSIVE;
    /* What follows a fatal alert is only its sender's way to close. */
    if (handshake_fatal_alert(record, SIDE_COUNT))
        return OUTCOME_FAILED;
    if (client->reset_packet || server->reset_packet)
        return OUTCOME_RESET;
    bool is_over = session->is_foreign && !has_hello; /* a dialogue that went on in clear */
    if (client->fin_packet || server->fin_packet || timed_out || is_over)
        return OUTCOME_FAILED;
    return OUTCOME_INCONCLUSIVE;
}

void session_conclude(struct session *session, bool timed_out, bool cut_off) {
    struct handshake *record = session->record;
    unsigned client = session->client_end;
    record->ended_packet = session->latest_packet;
    record->side[SIDE_CLIENT] = session->end[client];
    record->side[SIDE_SERVER] = session->end[client ^ 1U];
    for (size_t i = 0; i < record->alert_count; i++)
        record->alerts[i].sender = record->alerts[i].sender == client ? SIDE_CLIENT : SIDE_SERVER;
    for (size_t i = 0; i < record->suspect_count; i++)
        record->suspects[i].sender =
            record->suspects[i].sender == client ? SIDE_CLIENT : SIDE_SERVER;
    for (size_t i = 0; i < record->conflict_count; i++)
        record->conflicts[i].sender =
            record->conflicts[i].sender == client ? SIDE_CLIENT : SIDE_SERVER;
    if (session->missed_bytes[client])
        record->missed |= MISSED_CLIENT_BYTES;
    if (session->missed_bytes[client ^ 1U])
        record->missed |= MISSED_SERVER_BYTES;
    if (record->side[SIDE_CLIENT].packets == 0)
        record->missed |= MISSED_CLIENT_SIDE;
    if (record->side[SIDE_SERVER].packets == 0)
        record->missed |= MISSED_SERVER_SIDE;
    if (session->datagrams == NULL && !record->side[SIDE_CLIENT].has_syn &&
        !record->side[SIDE_SERVER].has_syn)
        record->missed |= MISSED_START;
    if (cut_off)
        record->missed |= MISSED_END;
    /* A DTLS hello with a cookie answers a HelloVerifyRequest, seen or not. */
    if ((record->has & HANDSHAKE_HAS_SECOND_OFFER) && !(record->has & HANDSHAKE_HAS_RETRY) &&
        record->second_offer.cookie.size == 0) {
        record->has &= ~(uint32_t)HANDSHAKE_HAS_SECOND_OFFER;
        memset(&record->second_offer, 0, sizeof record->second_offer);
        if (session->datagrams == NULL &&
            !(record->missed & (spoiled | MISSED_SERVER_SIDE))) /* else it answered what is lost */
            record->has |= HANDSHAKE_HAS_RENEGOTIATION;
    }
    record->outcome = session_outcome(session, timed_out);
}
