/*
 * stream.c - puts the segments of one direction in order.
 *
 * Bytes are read as soon as all before them are; a byte once read is not read again, so of
 * contradicting copies the first to arrive in order counts (evidence.c keeps both). Segments that
 * come early are held in buffers, sorted, up to STREAM_MAX_HELD. Missing bytes are given up (a
 * hole) when the peer acknowledged them and some more packets went by (a capture may show an
 * acknowledgement before the data), when no more can be held, or at the end. What a snap length cut
 * away is a hole at once.
 */
#include "session.h"

enum { HOLE_PATIENCE_PACKETS = 16 };

static int32_t sequence_distance(uint32_t from, uint32_t to) {
    return (int32_t)(to - from);
}

static void stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                         struct span bytes) {
    if (session->openvpn)
        openvpn_stream_bytes(session, end, segment, bytes);
    else
        tls_stream_bytes(session, end, segment, bytes);
}

static void stream_hole(struct session *session, unsigned end, size_t size) {
    if (session->openvpn)
        openvpn_stream_hole(session, end);
    else
        tls_stream_hole(session, end, size);
}

/* Reads a segment whose beginning is due; the part that was read before is skipped. */
static void stream_deliver(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    size_t known = (size_t) - (int64_t)sequence_distance(stream->next_sequence, segment->sequence);
    if (known > 0)
        evidence_compare(session, end, segment, known);
    if (known >= segment->size_wire) {
        session->end[end].duplicates++;
        return;
    }
    if (known == 0 && segment->size_wire <= STREAM_MAX_PADDING &&
        tls_stream_is_padding(session, end, segment->bytes))
        return;
    struct span bytes = span_from(segment->bytes, known);
    size_t wire = segment->size_wire - known;
    stream->next_sequence += (uint32_t)wire;
    stream->hole_patience = 0;
    if (bytes.size) {
        evidence_keep(session, end, segment, known);
        stream_bytes(session, end, segment, bytes);
    }
    if (wire > bytes.size && stream->await != AWAIT_NOTHING) {
        session_missed(session, MISSED_CUT_PACKET);
        stream_hole(session, end, wire - bytes.size);
    }
}

/* Takes the first held segment out of the list, reads it, and gives its buffer back. */
static void stream_deliver_held(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    struct held_segment held = stream->held[0];
    stream->held_count--;
    memmove(stream->held, stream->held + 1, stream->held_count * sizeof held);
    struct segment segment = {.bytes = span_of(held.buffer.data, held.size),
                              .size_wire = held.size_wire,
                              .sequence = held.sequence,
                              .packet = held.mark.packet,
                              .time_us = held.mark.time_us,
                              .mark = held.mark};
    stream_deliver(session, end, &segment);
    buffers_give(session->buffers, &held.buffer);
}

static void stream_drain(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    while (stream->held_count &&
           sequence_distance(stream->next_sequence, stream->held[0].sequence) <= 0)
        stream_deliver_held(session, end);
}

/* Gives the missing bytes up and goes on behind them. */
static void stream_skip_hole(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    uint32_t size = stream->held[0].sequence - stream->next_sequence;
    stream->next_sequence = stream->held[0].sequence;
    stream->hole_patience = 0;
    session_missed_bytes(session, end);
    stream_hole(session, end, size);
    stream_drain(session, end);
}

/* A retransmission of what is held. Other bytes at the same place are held as well: they will
 * contradict it. */
static bool is_held(const struct held_segment *held, const struct segment *segment) {
    if (held->sequence != segment->sequence || held->size_wire < segment->size_wire)
        return false;
    size_t size = segment->bytes.size < held->size ? segment->bytes.size : held->size;
    return size == 0 || memcmp(held->buffer.data, segment->bytes.data, size) == 0;
}

static void stream_hold(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    if (stream->held_count == STREAM_MAX_HELD)
        stream_skip_hole(session, end);
    if (sequence_distance(stream->next_sequence, segment->sequence) <= 0) {
        stream_deliver(session, end, segment);
        return;
    }
    size_t at = stream->held_count;
    while (at > 0 && sequence_distance(stream->held[at - 1].sequence, segment->sequence) < 0)
        at--;
    if (at > 0 && is_held(&stream->held[at - 1], segment))
        return;
    struct buffer buffer = buffers_take(session->buffers, segment->bytes.size);
    if (buffer.data == NULL || stream->held_count == STREAM_MAX_HELD) {
        buffers_give(session->buffers, &buffer);
        session->out_of_memory++;
        session_missed(session, MISSED_MEMORY);
        return;
    }
    if (segment->bytes.size)
        memcpy(buffer.data, segment->bytes.data, segment->bytes.size);
    memmove(stream->held + at + 1, stream->held + at,
            (stream->held_count - at) * sizeof stream->held[0]);
    stream->held[at] =
        (struct held_segment){buffer, segment->sequence, (uint32_t)segment->bytes.size,
                              (uint32_t)segment->size_wire, segment->mark};
    stream->held_count++;
}

bool stream_is_untouched(const struct session *session, unsigned end) {
    const struct stream *stream = &session->streams[end];
    if (session->dialogue && !dialogue_stream_is_untouched(session, end))
        return false;
    return (session->dialogue || stream->await == AWAIT_START) && stream->header_have == 0 &&
           stream->held_count == 0;
}

/* Of several SYN-ACKs with different numbers, the peer's acknowledgement names the one that counts.
 */
static bool stream_begins_with(const struct session *session, unsigned end,
                               const struct segment *segment) {
    const struct stream *stream = &session->streams[end];
    return stream_is_untouched(session, end) && stream->has_acknowledged &&
           segment->sequence == stream->acknowledged;
}

/* Of a segment behind what is read. */
static int32_t most_ahead(const struct session *session) {
    return session->is_thinned ? STREAM_MAX_THINNED : STREAM_MAX_AHEAD;
}

/* All that can be read was read. What still comes may contradict it, or be an alert in clear. */
static void stream_watch(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    int32_t ahead = sequence_distance(stream->next_sequence, segment->sequence);
    size_t known = ahead < 0 ? (size_t) - (int64_t)ahead : 0;
    if (!stream->has_next || ahead > most_ahead(session) || ahead < -STREAM_MAX_AHEAD)
        return;
    if (known > 0)
        evidence_compare(session, end, segment, known);
    if (known >= segment->size_wire)
        return;
    evidence_keep(session, end, segment, known);
    stream->next_sequence = segment->sequence + (uint32_t)segment->size_wire;
    struct tls_alert alert = {0};
    if (known == 0 && segment->size_wire == segment->bytes.size &&
        tls_stream_is_clear_alert(segment->bytes, &alert))
        session_alert(session, end, alert, segment);
}

/* Link padding on an acknowledgement behind this end's FIN. */
static bool is_behind_final(const struct stream *stream, const struct segment *segment) {
    return stream->has_final && segment->sequence == stream->final_sequence + 1 &&
           segment->size_wire <= STREAM_MAX_PADDING;
}

void stream_segment(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    if (is_behind_final(stream, segment))
        return;
    if (stream->await == AWAIT_NOTHING) {
        stream_watch(session, end, segment);
        return;
    }
    if (!stream->has_next)
        stream_begins_at(session, end, segment->sequence);
    int32_t ahead = sequence_distance(stream->next_sequence, segment->sequence);
    if ((ahead > STREAM_MAX_AHEAD || ahead < -STREAM_MAX_AHEAD) &&
        stream_begins_with(session, end, segment)) {
        stream_begins_at(session, end, segment->sequence);
        ahead = 0;
    }
    if (ahead > STREAM_MAX_AHEAD || ahead < -STREAM_MAX_AHEAD)
        return;
    if (ahead > 0) {
        stream_hold(session, end, segment);
        return;
    }
    stream_deliver(session, end, segment);
    stream_drain(session, end);
}

void stream_begins_at(struct session *session, unsigned end, uint32_t sequence) {
    struct stream *stream = &session->streams[end];
    stream->has_next = true;
    stream->next_sequence = sequence;
    stream->begin_sequence = sequence;
}

void stream_check_begin(struct session *session, unsigned end, uint32_t sequence) {
    const struct stream *stream = &session->streams[end];
    int32_t before = sequence_distance(sequence, stream->begin_sequence);
    if (stream->has_next && before > 0 && before <= STREAM_MAX_AHEAD)
        session_missed_bytes(session, end);
}

void stream_afterwards(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    const struct evidence_window *window = &stream->window;
    struct tls_alert alert = {0};
    int32_t ahead = sequence_distance(stream->next_sequence, segment->sequence);
    if (!stream->has_next || ahead > most_ahead(session))
        return;
    if (session->is_thinned && ahead > 0) {
        stream->next_sequence = segment->sequence;
        ahead = 0;
    }
    size_t known = ahead < 0 ? (size_t) - (int64_t)ahead : 0;
    if (known > 0)
        evidence_compare(session, end, segment, known);
    bool is_behind_window = sequence_distance(window->start + window->size, segment->sequence) >= 0;
    if (is_behind_window && tls_stream_is_clear_alert(segment->bytes, &alert)) {
        if (ahead == 0)
            evidence_keep(session, end, segment, 0);
        session_alert(session, end, alert, segment);
    }
    if (ahead <= 0 && known < segment->size_wire)
        stream->next_sequence += (uint32_t)(segment->size_wire - known);
}

void stream_acknowledged(struct session *session, unsigned end, uint32_t acknowledgement) {
    struct stream *stream = &session->streams[end];
    if (!stream->has_acknowledged || sequence_distance(stream->acknowledged, acknowledgement) > 0) {
        stream->has_acknowledged = true;
        stream->acknowledged = acknowledgement;
    }
    if (stream->held_count == 0 || stream->await == AWAIT_NOTHING)
        return;
    if (sequence_distance(stream->held[0].sequence, acknowledgement) <= 0)
        return;
    if (++stream->hole_patience >= HOLE_PATIENCE_PACKETS)
        stream_skip_hole(session, end);
}

void stream_final(struct session *session, unsigned end, uint32_t sequence, bool is_reset) {
    struct stream *stream = &session->streams[end];
    if (stream->has_final)
        return; /* a RST after the FIN counts the FIN */
    stream->has_final = true;
    stream->final_sequence = sequence;
    stream->final_is_reset = is_reset;
}

/* Bytes at the end that were on the wire, by the word of either peer, and never seen here. */
static bool stream_lacks_tail(const struct stream *stream) {
    static const int32_t fin_size = 1;
    if (!stream->has_next)
        return false;
    int32_t final = sequence_distance(stream->next_sequence, stream->final_sequence);
    int32_t acknowledged = sequence_distance(stream->next_sequence, stream->acknowledged);
    int32_t unseen = stream->final_is_reset ? fin_size : 0; /* its FIN may have got lost */
    return (stream->has_final && final > unseen && final <= STREAM_MAX_AHEAD) ||
           (stream->has_acknowledged && acknowledged > fin_size &&
            acknowledged <= STREAM_MAX_AHEAD);
}

void stream_flush(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    while (stream->held_count && stream->await != AWAIT_NOTHING)
        stream_skip_hole(session, end);
    if (stream->await != AWAIT_NOTHING && stream_lacks_tail(stream))
        session_missed_bytes(session, end);
}

void stream_release(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    while (stream->held_count)
        buffers_give(session->buffers, &stream->held[--stream->held_count].buffer);
    evidence_release(session, end);
}
