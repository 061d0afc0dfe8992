/*
 * evidence.c - marks, suspects, and two versions of the same bytes.
 *
 * The window slides: it holds the last bytes that were read of a direction, up to a small buffer,
 * so that a late answer to an early injection still meets what it contradicts. Very short segments
 * are never compared: keep-alives, zero-window probes and link padding carry bytes that mean
 * nothing.
 */
#include "evidence.h"

#include "session.h"

void packet_mark_of(const struct packet *packet, uint64_t time_us, uint64_t number,
                    struct packet_mark *mark) {
    *mark = (struct packet_mark){
        .packet = number,
        .time_us = time_us,
        .ip_id = packet->ip_id,
        .timestamp = packet->tcp_timestamp,
        .window = packet->window,
        .hop_limit = packet->hop_limit,
        .tcp_flags = packet->tcp_flags,
        .dont_fragment = packet->dont_fragment,
    };
    if (packet->has & PACKET_HAS_IP_ID)
        mark->has |= MARK_HAS_IP_ID;
    if (packet->has & PACKET_HAS_TCP_TIMESTAMP)
        mark->has |= MARK_HAS_TIMESTAMP;
}

/* ---- suspects ---- */

/* Who has reset a connection answers what still comes in with more resets, and never acknowledges
 * it. */
static bool hears_on(const struct suspect *suspect, const struct packet *packet) {
    int32_t further = (int32_t)(packet->acknowledgement - suspect->acknowledgement);
    return suspect->has_acknowledgement && (packet->tcp_flags & (TCP_ACK | TCP_SYN)) == TCP_ACK &&
           further > 0 && further <= STREAM_MAX_AHEAD;
}

static void suspect_note_packet(struct suspect *suspect, const struct packet *packet,
                                const struct packet_mark *mark) {
    if (packet->tcp_flags & TCP_RST)
        return; /* injectors send several */
    if (suspect->packets_after < UINT8_MAX)
        suspect->packets_after++;
    if (suspect->after.packet == 0 && !(packet->tcp_flags & TCP_SYN))
        suspect->after = *mark;
    uint32_t end = packet->sequence + (uint32_t)packet->payload_size_wire;
    /* Much further on it is another counting: a firewall that draws new numbers, tapped on both
     * of its sides. */
    int32_t beyond = (int32_t)(end - suspect->end_sequence);
    bool is_beyond = beyond > 0 && beyond <= STREAM_MAX_AHEAD;
    bool is_alert = packet->payload.size != 0 && packet->payload.data[0] == TLS_ALERT;
    bool is_data = packet->payload_size_wire > STREAM_MAX_PADDING && is_beyond && !is_alert &&
                   !(packet->tcp_flags & TCP_SYN);
    if (suspect->data_after_packet == 0 && (is_data || hears_on(suspect, packet))) {
        suspect->data_after_packet = mark->packet;
        suspect->data_after_us = mark->time_us;
    }
}

void evidence_note_packet(struct session *session, unsigned end, const struct packet *packet,
                          const struct packet_mark *mark) {
    struct handshake *record = session->record;
    struct direction *direction = &session->end[end];
    if (direction->first.packet == 0)
        direction->first = *mark;
    direction->previous = direction->last;
    direction->last = *mark;
    for (size_t i = 0; session->has_suspects && i < record->suspect_count; i++)
        if (record->suspects[i].sender == end)
            suspect_note_packet(&record->suspects[i], packet, mark);
}

/* The direction's latest packet before this one, of those that are remembered. */
static struct packet_mark mark_before(const struct direction *direction, uint64_t packet) {
    if (direction->last.packet < packet)
        return direction->last;
    if (direction->previous.packet < packet)
        return direction->previous;
    return direction->first.packet < packet ? direction->first : (struct packet_mark){0};
}

struct suspect *evidence_add_suspect(struct session *session, unsigned end, enum suspect_kind kind,
                                     const struct packet_mark *mark, uint32_t end_sequence) {
    struct handshake *record = session->record;
    const struct direction *direction = &session->end[end];
    if (record->suspect_count == TRANSPORT_MAX_SUSPECTS)
        return NULL;
    struct suspect *suspect = &record->suspects[record->suspect_count++];
    session->has_suspects = true;
    *suspect = (struct suspect){
        .kind = (uint8_t)kind,
        .sender = (uint8_t)end,
        .end_sequence = end_sequence,
        .mark = *mark,
        .before = mark_before(direction, mark->packet),
    };
    if (direction->last.packet > mark->packet && !(direction->last.tcp_flags & TCP_SYN))
        suspect->after = direction->last;
    return suspect;
}

/* ---- the window ---- */

void evidence_release(struct session *session, unsigned end) {
    struct evidence_window *window = &session->streams[end].window;
    buffers_give(session->windows, &window->buffer);
    window->size = 0;
    window->piece_count = 0;
}

/* Makes room for `size` bytes (at most the buffer's) by letting the oldest go. */
static void window_slide(struct evidence_window *window, size_t size) {
    size_t room = window->buffer.size - window->size;
    if (size <= room)
        return;
    size_t gone = window->buffer.size / 2 > size - room ? window->buffer.size / 2 : size - room;
    gone = gone < window->size ? gone : window->size;
    memmove(window->buffer.data, window->buffer.data + gone, window->size - gone);
    window->start += (uint32_t)gone;
    window->size -= (uint32_t)gone;
}

/* Past their number the latest takes the oldest one's place. */
static void window_add_piece(struct evidence_window *window, uint32_t sequence, bool begins_record,
                             const struct packet_mark *mark) {
    window->pieces[window->piece_next] = (struct evidence_piece){sequence, begins_record, *mark};
    window->piece_next = (uint8_t)((window->piece_next + 1) % EVIDENCE_MAX_PIECES);
    if (window->piece_count < EVIDENCE_MAX_PIECES)
        window->piece_count++;
}

/* The one that has `later` others behind it: fewer than there are. */
static const struct evidence_piece *window_piece(const struct evidence_window *window,
                                                 size_t later) {
    size_t at = (size_t)window->piece_next + EVIDENCE_MAX_PIECES - 1 - later;
    return &window->pieces[at % EVIDENCE_MAX_PIECES];
}

void evidence_keep(struct session *session, unsigned end, const struct segment *segment,
                   size_t known) {
    struct stream *stream = &session->streams[end];
    struct evidence_window *window = &stream->window;
    struct span bytes = span_from(segment->bytes, known);
    uint32_t sequence = segment->sequence + (uint32_t)known;
    bool begins_record =
        (stream->await == AWAIT_START || stream->await == AWAIT_HEADER) && stream->header_have == 0;
    if (window->buffer.data == NULL)
        window->buffer = buffers_take(session->windows, 1);
    if (window->buffer.data == NULL || bytes.data == NULL || bytes.size == 0)
        return;
    if (window->size == 0 || window->start + window->size != sequence) {
        window->size = 0;
        window->piece_count = 0;
        window->start = sequence;
    }
    window_add_piece(window, sequence, begins_record, &segment->mark);
    if (bytes.size > window->buffer.size) { /* its beginning says what it is */
        bytes = span_first(bytes, window->buffer.size);
        window->size = 0;
        window->start = sequence;
    }
    window_slide(window, bytes.size);
    memcpy(window->buffer.data + window->size, bytes.data, bytes.size);
    window->size += (uint32_t)bytes.size;
}

/* ---- conflicts ---- */

/* The piece that brought the byte at this sequence number; NULL when it is not remembered. */
static const struct evidence_piece *find_piece(const struct evidence_window *window,
                                               uint32_t sequence) {
    for (size_t later = 0; later < window->piece_count; later++) {
        const struct evidence_piece *piece = window_piece(window, later);
        if ((int32_t)(sequence - piece->sequence) >= 0)
            return piece;
    }
    return NULL;
}

/* The latest place at or before `sequence` where a record is known to begin and that is still in
 * the window; false when there is none. */
static bool find_record_start(const struct evidence_window *window, uint32_t sequence,
                              uint32_t *start) {
    for (size_t later = 0; later < window->piece_count; later++) {
        const struct evidence_piece *piece = window_piece(window, later);
        if (piece->begins_record && (int32_t)(sequence - piece->sequence) >= 0 &&
            (int32_t)(piece->sequence - window->start) >= 0) {
            *start = piece->sequence;
            return true;
        }
    }
    return false;
}

static void read_hello(struct conflict_version *version, struct span message) {
    struct tls_handshake_header header = {0};
    if (tls_handshake_header_parse(message, &header) != PARSE_OK)
        return;
    struct span body = span_from(message, TLS_HANDSHAKE_HEADER_SIZE);
    version->handshake_type = header.type;
    if (body.size < header.length)
        return;
    body = span_first(body, header.length);
    struct server_hello choice;
    struct client_hello offer;
    if (header.type == TLS_SERVER_HELLO && server_hello_parse(body, &choice) == PARSE_OK) {
        version->has_hello = true;
        version->version =
            choice.has_selected_version ? choice.selected_version : choice.legacy_version;
        version->cipher_suite = choice.cipher_suite;
    } else if (header.type == TLS_CLIENT_HELLO &&
               client_hello_parse(body, false, &offer) == PARSE_OK) {
        version->has_hello = true;
        version->version = offer.legacy_version;
    }
}

/* What the record says that holds the byte at `offset` of these bytes, which begin with a record.
 */
static void read_version(struct conflict_version *version, struct span bytes, size_t offset) {
    struct tls_record_header header = {0};
    struct tls_alert alert = {0};
    while (tls_record_header_parse(bytes, &header) == PARSE_OK) {
        size_t size = TLS_RECORD_HEADER_SIZE + header.length;
        if (offset >= size) {
            bytes = span_from(bytes, size);
            offset -= size;
            continue;
        }
        struct span fragment = span_first(span_from(bytes, TLS_RECORD_HEADER_SIZE), header.length);
        version->content_type = header.type;
        if (header.type == TLS_HANDSHAKE)
            read_hello(version, fragment);
        if (header.type == TLS_ALERT && tls_alert_parse(fragment, &alert) == PARSE_OK) {
            version->alert_level = alert.level;
            version->alert_description = alert.description;
        }
        return;
    }
}

static void keep_version(struct conflict_version *version, const struct packet_mark *mark,
                         struct span bytes) {
    bytes = span_first(bytes, sizeof version->bytes);
    *version = (struct conflict_version){.mark = *mark, .size = (uint8_t)bytes.size};
    if (bytes.size)
        memcpy(version->bytes, bytes.data, bytes.size);
}

/* Room for a record that begins before the segment that contradicts a part of it. */
enum { STITCH_SIZE = 2 * BUFFER_SMALL_SIZE };

/* Both versions from where their record begins: the kept bytes, and the kept bytes up to the
 * segment followed by the segment's own. */
static void read_versions(const struct evidence_window *window, const struct segment *segment,
                          uint32_t differs, struct conflict *conflict) {
    uint32_t start = 0;
    if (!find_record_start(window, differs, &start))
        return;
    struct span kept = span_from(span_of(window->buffer.data, window->size), start - window->start);
    read_version(&conflict->first, kept, differs - start);
    int32_t ahead = (int32_t)(segment->sequence - start);
    if (ahead <= 0) {
        read_version(&conflict->second, span_from(segment->bytes, (size_t) - (int64_t)ahead),
                     differs - start);
        return;
    }
    uint8_t stitched[STITCH_SIZE];
    struct span before = span_first(kept, (size_t)ahead);
    struct span after = span_first(segment->bytes, sizeof stitched - before.size);
    memcpy(stitched, before.data, before.size);
    if (after.size)
        memcpy(stitched + before.size, after.data, after.size);
    read_version(&conflict->second, span_of(stitched, before.size + after.size), differs - start);
}

static void add_conflict(struct session *session, unsigned end, const struct segment *segment,
                         uint32_t differs) {
    struct handshake *record = session->record;
    const struct evidence_window *window = &session->streams[end].window;
    const struct evidence_piece *piece = find_piece(window, differs);
    for (size_t i = 0; i < record->conflict_count; i++)
        if (record->conflicts[i].sender == end &&
            record->conflicts[i].second.mark.packet == segment->packet)
            return;
    if (record->conflict_count == TRANSPORT_MAX_CONFLICTS || piece == NULL ||
        piece->mark.packet == segment->packet)
        return;
    struct conflict *conflict = &record->conflicts[record->conflict_count++];
    conflict->sender = (uint8_t)end;
    conflict->sequence = differs;
    keep_version(&conflict->first, &piece->mark,
                 span_from(span_of(window->buffer.data, window->size), differs - window->start));
    keep_version(&conflict->second, &segment->mark,
                 span_from(segment->bytes, differs - segment->sequence));
    read_versions(window, segment, differs, conflict);
    if (conflict->second.content_type != TLS_ALERT)
        return;
    /* An alert that came too late to be read is suspect all the same. */
    struct suspect *suspect =
        evidence_add_suspect(session, end, SUSPECT_ALERT, &segment->mark,
                             segment->sequence + (uint32_t)segment->size_wire);
    if (suspect == NULL)
        return;
    suspect->alert_level = conflict->second.alert_level;
    suspect->alert_description = conflict->second.alert_description;
}

void evidence_compare(struct session *session, unsigned end, const struct segment *segment,
                      size_t known) {
    const struct evidence_window *window = &session->streams[end].window;
    struct span bytes = span_first(segment->bytes, known);
    if (segment->size_wire <= STREAM_MAX_PADDING || window->size == 0)
        return;
    int32_t ahead = (int32_t)(segment->sequence - window->start);
    size_t skipped = ahead < 0 ? (size_t) - (int64_t)ahead : 0;
    size_t at = ahead > 0 ? (size_t)ahead : 0;
    if (bytes.data == NULL || skipped >= bytes.size || at >= window->size)
        return;
    bytes = span_first(span_from(bytes, skipped), window->size - at);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] == window->buffer.data[at + i])
            continue;
        add_conflict(session, end, segment, window->start + (uint32_t)(at + i));
        return;
    }
}
