/*
 * quic_session.c - a QUIC handshake out of its datagrams.
 *
 * It begins with an Initial packet that opens with the keys that its own header gives: nothing but
 * a client's first flight does (RFC 9001 section 5.2). Two things may come before it, and wait for
 * it a moment: the server's answer, in a capture that holds packets out of order, and a long header
 * of an unknown version that a server refuses with a Version Negotiation.
 *
 * A client may begin anew. After a Retry it goes on with the same ClientHello and other keys; after
 * a Version Negotiation it makes another attempt, and the record tells the last one. Any other
 * beginning is another handshake on the same ports. Neither Retry nor Version Negotiation proves
 * who sent it: both are noted when they name the client's connection ids.
 *
 * All that is known of what follows the hellos is that it is there: Handshake and 1-RTT packets
 * count as encrypted records do in TLS. 0-RTT packets say nothing, for the server may not take
 * them.
 */
#include "session.h"

enum {
    MIN_FIRST_DATAGRAM =
        1200,            /* a client's first flight is padded to that (RFC 9000 section 14.1) */
    MIN_FIRST_ID = 8,    /* section 7.2 */
    MAX_DATAGRAMS = 512, /* then nothing more about the handshake is to be expected */
    MAX_OFFERED_VERSIONS = 2048, /* bytes kept of a Version Negotiation's list */
    FATAL = 2,
};

/* ---- what may begin a handshake ---- */

static bool is_first_of_unknown_version(const struct quic_header *header, size_t datagram_size) {
    enum { LONG_WITH_FIXED_BIT = 0xc0 };
    return header->type == QUIC_OTHER_VERSION && datagram_size >= MIN_FIRST_DATAGRAM &&
           (header->packet.data[0] & LONG_WITH_FIXED_BIT) == LONG_WITH_FIXED_BIT &&
           header->destination_id.size >= MIN_FIRST_ID &&
           header->destination_id.size <= QUIC_MAX_CONNECTION_ID &&
           header->source_id.size <= QUIC_MAX_CONNECTION_ID;
}

static bool is_first(struct span datagram, struct quic_header *header) {
    enum { LONG_HEADER = 0x80 };
    if (datagram.size == 0 || !(datagram.data[0] & LONG_HEADER) ||
        quic_header_parse(datagram, header) != PARSE_OK)
        return false;
    return (header->type == QUIC_INITIAL && header->is_whole) ||
           is_first_of_unknown_version(header, datagram.size);
}

static bool quic_may_start(struct span datagram) {
    struct quic_header header;
    return is_first(datagram, &header);
}

/* FNV-1a. */
static uint32_t origin_of(struct span id) {
    static const uint32_t basis = 0x811c9dc5;
    static const uint32_t prime = 0x01000193;
    uint32_t hash = basis;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ id.data[i]) * prime;
    return hash ? hash : 1;
}

static uint32_t quic_origin(struct span datagram) {
    struct quic_header header;
    return is_first(datagram, &header) ? origin_of(header.destination_id) : 0;
}

static void quic_begin(struct session *session) {
    memset(session->quic, 0, sizeof *session->quic);
    session->record->protocol = HANDSHAKE_QUIC;
    session->record->carrier = CARRIER_DIRECT;
}

/* ---- the client's beginnings ---- */

/* The first one. What is known of a refused version stays if this is who had sent it. */
static void begin_handshake(struct session *session, unsigned end, const struct quic_header *header,
                            const struct quic_opener *opener) {
    struct quic_session *quic = session->quic;
    struct quic_facts *facts = &session->record->quic;
    if (quic->other_version == 0 || quic->client_end != end)
        *facts = (struct quic_facts){.first_version = header->version};
    quic->is_proven = true;
    quic->client_end = (uint8_t)end;
    quic->version = header->version;
    quic->openers[end] = *opener;
    quic_id_set(&quic->ids[QUIC_ID_ORIGINAL], header->destination_id);
    facts->version = header->version;
    session->origin = origin_of(header->destination_id);
    session->is_closing = false;
}

static void forget_end(struct session *session, unsigned end) {
    struct direction *direction = &session->end[end];
    quic_crypto_release(session, end);
    memset(&session->quic->crypto[end], 0, sizeof session->quic->crypto[end]);
    session->quic->close_packet[end] = 0;
    session->quic->has_unopened[end] = false;
    session->quic->own[end].is_known = false;
    direction->hello_packet = 0;
    direction->hello_us = 0;
    direction->encrypted_packet = 0;
    direction->fin_packet = 0;
    direction->fin_us = 0;
}

/* Another attempt with another version. */
static void begin_anew(struct session *session, unsigned end, const struct quic_header *header) {
    struct quic_session *quic = session->quic;
    struct handshake *record = session->record;
    quic->abandoned_version = quic->version;
    quic->ids[QUIC_ID_ABANDONED] = quic->ids[QUIC_ID_ORIGINAL];
    quic->ids[QUIC_ID_RETRY].is_known = false;
    quic_id_set(&quic->ids[QUIC_ID_ORIGINAL], header->destination_id);
    quic->openers[end].id = QUIC_ID_ORIGINAL;
    quic->version = header->version;
    record->quic.version = header->version;
    session->origin = origin_of(header->destination_id);
    session->is_closing = false;
    forget_end(session, 0);
    forget_end(session, 1);
    record->has = 0;
    record->alert_count = 0;
    record->retry_packet = 0;
    record->choice_packet = 0;
    memset(&record->offer, 0, sizeof record->offer);
    memset(&record->second_offer, 0, sizeof record->second_offer);
    memset(&record->retry, 0, sizeof record->retry);
    memset(&record->choice, 0, sizeof record->choice);
}

/* The same handshake under other keys, after a Retry. */
static void go_on_after_retry(struct session *session, unsigned end,
                              const struct quic_header *header) {
    struct quic_session *quic = session->quic;
    quic->openers[end].id = QUIC_ID_RETRY;
    quic_id_set(&quic->ids[QUIC_ID_RETRY], header->destination_id);
    session->origin = origin_of(header->destination_id);
}

static bool frames_agree(const struct quic_crypto *crypto, struct span frames,
                         enum quic_dialect dialect) {
    struct quic_frame frame;
    while (quic_frame_next(&frames, dialect, &frame))
        if (frame.type == QUIC_CRYPTO && !quic_crypto_agrees(crypto, frame.offset, frame.data))
            return false;
    return true;
}

/* Does a packet without a token bring (part of) the hello that is known? Then the client sent it
 * before the Retry that the others answer. */
static bool is_late_beginning(const struct quic_crypto *crypto, const struct quic_header *header,
                              struct span frames) {
    static const uint64_t telling = TLS_HANDSHAKE_HEADER_SIZE + sizeof(uint16_t) + TLS_RANDOM_SIZE;
    uint64_t known_size = crypto->told_count && crypto->told[0].data ? crypto->told[0].size : 0;
    uint64_t same = 0;
    struct quic_frame frame;
    if (header->token.size != 0 || !frames_agree(crypto, frames, header->dialect))
        return false;
    while (quic_frame_next(&frames, header->dialect, &frame))
        if (frame.type == QUIC_CRYPTO && frame.offset < known_size &&
            frame.data.size <= known_size - frame.offset)
            same += frame.data.size;
    return same >= telling;
}

/* An Initial of the client that opens with its own id, though the handshake has begun. A token may
 * come out of a Retry that was not captured, and so does one that repeats the hello. */
static bool begin_again(struct session *session, unsigned end, const struct quic_header *header,
                        const struct quic_opener *opener, struct span frames) {
    struct quic_session *quic = session->quic;
    bool is_same_version = header->version == quic->version;
    bool may_go_on =
        header->token.size != 0 && frames_agree(&quic->crypto[end], frames, header->dialect);
    if (is_same_version && is_late_beginning(&quic->crypto[end], header, frames))
        return false;
    if (is_same_version && !may_go_on) {
        session->begins_another = true;
        return false;
    }
    quic->openers[end] = *opener;
    if (is_same_version)
        go_on_after_retry(session, end, header);
    else
        begin_anew(session, end, header);
    return true;
}

/* ---- frames ---- */

static void read_close(struct session *session, unsigned end, const struct quic_frame *frame,
                       const struct segment *segment) {
    struct direction *direction = &session->end[end];
    session->quic->close_packet[end] = segment->packet;
    session->is_closing = true;
    if (direction->fin_packet != 0)
        return;
    direction->fin_packet = segment->packet;
    direction->fin_us = segment->time_us;
    if (frame->type != QUIC_CONNECTION_CLOSE || frame->error_code < QUIC_CRYPTO_ERROR ||
        frame->error_code > QUIC_CRYPTO_ERROR_LAST)
        return;
    struct tls_alert alert = {FATAL, (uint8_t)(frame->error_code - QUIC_CRYPTO_ERROR)};
    session_alert(session, end, alert, segment);
}

static void read_frames(struct session *session, unsigned end, const struct quic_header *header,
                        struct span frames, const struct segment *segment) {
    struct quic_frame frame;
    while (quic_frame_next(&frames, header->dialect, &frame)) {
        switch (frame.type) {
        case QUIC_CRYPTO:
            quic_crypto_add(session, end, frame.offset, frame.data, segment);
            break;
        case QUIC_CONNECTION_CLOSE:
        case QUIC_APPLICATION_CLOSE:
            read_close(session, end, &frame, segment);
            break;
        case QUIC_PADDING:
        case QUIC_PING:
        case QUIC_ACK:
        case QUIC_ACK_ECN:
            break;
        }
    }
    if (frames.size != 0)
        session_malformed(session, MALFORMED_RECORD, segment);
}

/* ---- packets ---- */

static void read_server_initial(struct session *session, unsigned end,
                                const struct quic_header *header, struct span frames,
                                const struct segment *segment) {
    struct quic_session *quic = session->quic;
    struct quic_facts *facts = &session->record->quic;
    if (facts->server_version == 0)
        facts->server_version = header->version;
    if (quic->openers[end].id == QUIC_ID_ABANDONED || header->version == quic->abandoned_version)
        return;
    quic_id_set(&quic->own[end], header->source_id);
    read_frames(session, end, header, frames, segment);
}

/* A version that the client did not begin with: does it begin anew, with an id of its own, or
 * follow the server's answer (RFC 9368)? */
static bool is_beginning(const struct quic_session *quic, const struct quic_facts *facts,
                         const struct quic_header *header) {
    return header->version != quic->version && header->version != facts->server_version &&
           quic_id_is(&quic->ids[QUIC_ID_ORIGINAL], header->destination_id);
}

/* Packets of an attempt that the client gave up say nothing more. */
static void read_client_initial(struct session *session, unsigned end,
                                const struct quic_header *header, struct span frames,
                                const struct segment *segment) {
    struct quic_session *quic = session->quic;
    const struct quic_id *retry = &quic->ids[QUIC_ID_RETRY];
    if (quic->openers[end].id == QUIC_ID_ABANDONED || header->version == quic->abandoned_version)
        return;
    if (is_beginning(quic, &session->record->quic, header))
        begin_anew(session, end, header);
    else if (quic->openers[end].id == QUIC_ID_RETRY)
        session->origin = origin_of(span_of(retry->bytes, retry->size));
    quic_id_set(&quic->own[end], header->source_id);
    read_frames(session, end, header, frames, segment);
}

static void read_initial(struct session *session, unsigned end, const struct quic_header *header,
                         const struct segment *segment) {
    struct quic_session *quic = session->quic;
    struct quic_opener opener;
    struct quic_opened opened;
    if (!header->is_whole) {
        if (segment->size_wire > segment->bytes.size)
            session_missed(session, MISSED_CUT_PACKET);
        return;
    }
    if (!quic->is_proven) {
        if (!quic_open_own(session, header, &opener, &opened)) {
            quic->is_promising = true;
            return;
        }
        begin_handshake(session, end, header, &opener);
    } else if (!quic_open_known(session, end, header, &opened)) {
        if (end != quic->client_end || !quic_open_own(session, header, &opener, &opened)) {
            quic->has_unopened[end] = true;
            return;
        }
        if (!begin_again(session, end, header, &opener, opened.payload))
            return;
    }
    if (end == quic->client_end)
        read_client_initial(session, end, header, opened.payload, segment);
    else
        read_server_initial(session, end, header, opened.payload, segment);
}

/* Does this packet belong to the handshake? An end keeps its own id in long headers (RFC 9000
 * section 7.2), but may soon use another one of its peer's. A short header has the peer's id alone,
 * and does not say how long that is. */
static bool belongs(const struct quic_session *quic, unsigned end,
                    const struct quic_header *header) {
    const struct quic_id *own = &quic->own[end];
    const struct quic_id *peer = &quic->own[end ^ 1U];
    if (header->type == QUIC_HANDSHAKE)
        return !own->is_known || quic_id_is(own, header->source_id);
    return peer->is_known && quic_id_is(peer, span_first(span_from(header->packet, 1), peer->size));
}

static void read_sealed(struct session *session, unsigned end, const struct quic_header *header,
                        const struct segment *segment) {
    struct quic_session *quic = session->quic;
    if (!quic->is_proven || !belongs(quic, end, header))
        return;
    if (header->type == QUIC_HANDSHAKE) {
        if (header->version != quic->version &&
            header->version != session->record->quic.server_version)
            return;
        if (!quic->own[end].is_known)
            quic_id_set(&quic->own[end], header->source_id);
    }
    /* An end that gives up says so in every kind of packet that the other may be able to open. */
    if (quic->close_packet[end] != segment->packet)
        session_encrypted(session, end, header->packet.size, segment);
}

static void read_retry(struct session *session, unsigned end, const struct quic_header *header,
                       const struct segment *segment) {
    struct quic_session *quic = session->quic;
    if (!quic->is_proven || end == quic->client_end || quic->own[end].is_known ||
        session->record->quic.retry_packet != 0 || header->version != quic->version ||
        !quic_id_is(&quic->own[end ^ 1U], header->destination_id))
        return;
    session->record->quic.retry_packet = segment->packet;
    quic_id_set(&quic->ids[QUIC_ID_RETRY], header->source_id);
}

static void read_version_negotiation(struct session *session, unsigned end,
                                     const struct quic_header *header,
                                     const struct segment *segment) {
    struct quic_session *quic = session->quic;
    struct quic_facts *facts = &session->record->quic;
    quic->is_promising = quic->other_version != 0;
    if (end == quic->client_end || facts->version_negotiation_packet != 0 ||
        !quic_id_is(&quic->own[end ^ 1U], header->destination_id) ||
        !quic_id_is(&quic->ids[QUIC_ID_ORIGINAL], header->source_id))
        return;
    facts->version_negotiation_packet = segment->packet;
    if (header->versions.size > MAX_OFFERED_VERSIONS)
        return;
    uint8_t *kept = session_keep(session, header->versions.size);
    if (kept == NULL)
        return;
    memcpy(kept, header->versions.data, header->versions.size);
    facts->offered_versions = span_of(kept, header->versions.size);
}

static void read_other_version(struct session *session, unsigned end,
                               const struct quic_header *header, const struct segment *segment) {
    struct quic_session *quic = session->quic;
    if (quic->is_proven || !is_first_of_unknown_version(header, segment->bytes.size))
        return;
    if (quic->other_version != 0) {
        quic->is_promising |= end == quic->client_end && header->version == quic->other_version;
        return;
    }
    quic->is_promising = true;
    quic->other_version = header->version;
    quic->client_end = (uint8_t)end;
    quic_id_set(&quic->own[end], header->source_id);
    quic_id_set(&quic->ids[QUIC_ID_ORIGINAL], header->destination_id);
    session->record->quic.first_version = header->version;
}

static void read_packet(struct session *session, unsigned end, const struct quic_header *header,
                        const struct segment *segment) {
    switch (header->type) {
    case QUIC_INITIAL:
        read_initial(session, end, header, segment);
        break;
    case QUIC_HANDSHAKE:
    case QUIC_ONE_RTT:
        read_sealed(session, end, header, segment);
        break;
    case QUIC_RETRY:
        read_retry(session, end, header, segment);
        break;
    case QUIC_VERSION_NEGOTIATION:
        read_version_negotiation(session, end, header, segment);
        break;
    case QUIC_OTHER_VERSION:
        read_other_version(session, end, header, segment);
        break;
    case QUIC_ZERO_RTT:
        break;
    }
}

static void read_packets(struct session *session, unsigned end, const struct segment *segment) {
    struct span rest = segment->bytes;
    struct quic_header header;
    while (rest.size != 0 && !session->is_finished && !session->begins_another &&
           quic_header_parse(rest, &header) == PARSE_OK) {
        rest = span_from(rest, header.packet.size);
        read_packet(session, end, &header, segment);
    }
}

/* ---- datagrams ---- */

static bool hold_datagram(struct session *session, unsigned end, const struct segment *segment) {
    struct quic_session *quic = session->quic;
    if (quic->held_count == QUIC_MAX_HELD)
        return false;
    struct buffer buffer = buffers_take(session->buffers, segment->bytes.size);
    if (buffer.data == NULL)
        return false;
    memcpy(buffer.data, segment->bytes.data, segment->bytes.size);
    quic->held[quic->held_count++] = (struct quic_held){.buffer = buffer,
                                                        .size = (uint32_t)segment->bytes.size,
                                                        .size_wire = (uint32_t)segment->size_wire,
                                                        .packet = segment->packet,
                                                        .time_us = segment->time_us,
                                                        .end = (uint8_t)end};
    return true;
}

static void release_held(struct session *session) {
    struct quic_session *quic = session->quic;
    while (quic->held_count)
        buffers_give(session->buffers, &quic->held[--quic->held_count].buffer);
}

static void read_held(struct session *session) {
    struct quic_session *quic = session->quic;
    for (size_t i = 0; i < quic->held_count; i++) {
        const struct quic_held *held = &quic->held[i];
        struct segment segment = {.bytes = span_of(held->buffer.data, held->size),
                                  .size_wire = held->size_wire,
                                  .packet = held->packet,
                                  .time_us = held->time_us};
        read_packets(session, held->end, &segment);
    }
    release_held(session);
}

/* The client's beginning did not come yet. It has a moment, unless this flow told of a handshake
 * before: then these are late packets of that one. */
static void await_client(struct session *session, unsigned end, const struct segment *segment) {
    struct quic_session *quic = session->quic;
    struct quic_header header;
    bool is_waiting =
        quic->held_count != 0 || session->record->quic.version_negotiation_packet != 0;
    if (session->is_after_told || (!quic->is_promising && !is_waiting)) {
        session->is_foreign = true;
        return;
    }
    session->is_closing = true;
    if (quic->is_promising && quic_header_parse(segment->bytes, &header) == PARSE_OK &&
        header.type == QUIC_INITIAL && !hold_datagram(session, end, segment))
        session->is_foreign = true;
}

/* What the record would show, had the capture shown everything. */
static void note_missing(struct session *session) {
    const struct quic_session *quic = session->quic;
    uint32_t has = session->record->has;
    unsigned client = quic->client_end;
    unsigned server = client ^ 1U;
    bool went_on = session->end[client].encrypted_packet || session->end[server].encrypted_packet;
    bool lacks_offer = !(has & HANDSHAKE_HAS_OFFER) ||
                       ((has & HANDSHAKE_HAS_RETRY) && (has & HANDSHAKE_HAS_CHOICE) &&
                        !(has & HANDSHAKE_HAS_SECOND_OFFER));
    bool lacks_choice = !(has & HANDSHAKE_HAS_CHOICE) && session->end[server].packets != 0 &&
                        (went_on || quic->has_unopened[server]);
    if (quic_crypto_is_waiting(&quic->crypto[client]) ||
        (lacks_offer && !quic->crypto[client].is_done))
        session_missed_bytes(session, client);
    if (quic_crypto_is_waiting(&quic->crypto[server]) ||
        (lacks_choice && !quic->crypto[server].is_done))
        session_missed_bytes(session, server);
}

static void quic_datagram(struct session *session, unsigned end, const struct segment *segment) {
    struct quic_session *quic = session->quic;
    bool was_proven = quic->is_proven;
    quic->is_promising = false;
    read_packets(session, end, segment);
    if (!quic->is_proven) {
        await_client(session, end, segment);
        return;
    }
    if (!was_proven)
        read_held(session);
    if (++quic->datagrams == MAX_DATAGRAMS) {
        session->is_finished = session_is_reportable(session);
        session->is_foreign = !session->is_finished;
    }
    if (session->is_finished)
        note_missing(session);
}

static void quic_flush(struct session *session) {
    if (session->quic->is_proven)
        note_missing(session);
}

static void quic_release(struct session *session) {
    release_held(session);
    quic_crypto_release(session, 0);
    quic_crypto_release(session, 1);
}

const struct datagram_protocol quic_datagrams = {quic_may_start, quic_origin, quic_begin,
                                                 quic_datagram,  quic_flush,  quic_release};
