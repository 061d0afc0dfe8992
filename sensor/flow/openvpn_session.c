#include "openvpn_session.h"

#include <assert.h>

#include "session.h"

enum {
    LONGEST_PACKET = 1600, /* a longer one is data: control packets fit into a link's frames */
    WINDOW = 16,           /* messages that a sender may be ahead; OpenVPN's own is smaller */
    MAX_USELESS = 2048,
};

/* One direction. Over UDP, pieces that came early wait in the held segments of its stream, with
 * their message number in place of a sequence number. */
struct openvpn_end {
    uint32_t next_message;
    uint32_t acknowledged; /* messages that the other side has: up to this number, exclusive */
    bool has_session_id;
    bool is_lost; /* TCP: where packets begin is not known any more */
    uint8_t session_id[OPENVPN_SESSION_ID_SIZE];
    /* TCP: the packet on its way */
    uint8_t length[OPENVPN_LENGTH_SIZE];
    uint8_t length_have;
    uint16_t have;
    uint16_t size;
    uint8_t *partial; /* NULL: walked over, or all of it is in one segment */
};

struct openvpn_session {
    bool has_auth_size;
    size_t auth_size;
    uint16_t useless;
    struct openvpn_end end[2];
};

_Static_assert(sizeof(struct openvpn_session) + LONGEST_PACKET <= BUFFER_SMALL_SIZE,
               "both fit the smallest buffer");

static void begin(struct session *session) {
    uint8_t *kept = session_keep(session, sizeof(struct openvpn_session));
    if (kept == NULL) {
        session->is_foreign = true;
        return;
    }
    session->openvpn = (struct openvpn_session *)(void *)kept;
    memset(session->openvpn, 0, sizeof *session->openvpn);
    session->record->carrier = CARRIER_OPENVPN;
}

/* ---- messages ---- */

static void read_payload(struct session *session, unsigned end, const struct segment *segment,
                         struct span payload) {
    session->openvpn->end[end].next_message++;
    if (payload.size)
        tls_stream_bytes(session, end, segment, payload);
}

/* Reads the held pieces that are due. */
static void drain(struct session *session, unsigned end) {
    struct stream *stream = &session->streams[end];
    const struct openvpn_end *from = &session->openvpn->end[end];
    size_t i = 0;
    while (i < stream->held_count) {
        struct held_segment held = stream->held[i];
        if (held.sequence != from->next_message) {
            i++;
            continue;
        }
        stream->held[i] = stream->held[--stream->held_count];
        const struct segment segment = {.bytes = span_of(held.buffer.data, held.size),
                                        .size_wire = held.size,
                                        .packet = held.mark.packet,
                                        .time_us = held.mark.time_us,
                                        .mark = held.mark};
        read_payload(session, end, &segment, segment.bytes);
        buffers_give(session->buffers, &held.buffer);
        i = 0;
    }
}

static void hold(struct session *session, unsigned end, const struct openvpn_packet *packet,
                 const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    for (size_t i = 0; i < stream->held_count; i++)
        if (stream->held[i].sequence == packet->message_id)
            return;
    struct buffer buffer = {0};
    if (stream->held_count < STREAM_MAX_HELD)
        buffer = buffers_take(session->buffers, packet->payload.size);
    if (buffer.data == NULL) {
        session->out_of_memory++;
        session_missed(session, MISSED_MEMORY);
        return;
    }
    if (packet->payload.size)
        memcpy(buffer.data, packet->payload.data, packet->payload.size);
    stream->held[stream->held_count++] =
        (struct held_segment){.buffer = buffer,
                              .sequence = packet->message_id,
                              .size = (uint32_t)packet->payload.size,
                              .size_wire = (uint32_t)packet->payload.size,
                              .mark = segment->mark};
}

static void take_message(struct session *session, unsigned end, const struct openvpn_packet *packet,
                         const struct segment *segment) {
    struct openvpn_end *from = &session->openvpn->end[end];
    uint32_t ahead = packet->message_id - from->next_message;
    if (ahead == 0) {
        read_payload(session, end, segment, packet->payload);
        if (session->datagrams != NULL)
            drain(session, end);
        return;
    }
    if (ahead > WINDOW)
        return; /* it came before */
    if (session->datagrams != NULL) {
        hold(session, end, packet, segment);
        return;
    }
    session_missed_bytes(session, end); /* TCP loses nothing: the sender left it out */
    from->is_lost = true;
}

static void note_acknowledged(struct openvpn_end *to, struct span list) {
    struct reader reader = reader_of(list);
    while (reader_left(&reader) >= sizeof(uint32_t)) {
        uint32_t next = reader_u32(&reader) + 1;
        if (next > to->acknowledged && next - to->acknowledged <= WINDOW)
            to->acknowledged = next;
    }
}

/* The sender's id is that of its first packet; one with another id is of another session. */
static bool is_of_session(struct openvpn_end *from, struct span session_id) {
    if (!from->has_session_id) {
        from->has_session_id = true;
        memcpy(from->session_id, session_id.data, sizeof from->session_id);
    }
    return span_equal(session_id, span_of(from->session_id, sizeof from->session_id));
}

static void note_useless(struct session *session) {
    if (++session->openvpn->useless < MAX_USELESS)
        return;
    if (session_is_reportable(session))
        session->is_finished = true;
    else
        session->is_foreign = true;
}

static void take_packet(struct session *session, unsigned end, struct span bytes,
                        const struct segment *segment) {
    struct openvpn_session *openvpn = session->openvpn;
    struct openvpn_end *from = &openvpn->end[end];
    struct openvpn_packet packet;
    if (!openvpn->has_auth_size) {
        if (!openvpn_opens_session(bytes, &openvpn->auth_size)) {
            session->is_foreign = true;
            return;
        }
        openvpn->has_auth_size = true;
    }
    if (openvpn_packet_parse(bytes, openvpn->auth_size, &packet) != PARSE_OK ||
        packet.key_id != 0 || !is_of_session(from, packet.session_id)) {
        note_useless(session);
        return;
    }
    note_acknowledged(&openvpn->end[end ^ 1U], packet.acknowledged);
    if (packet.opcode == OPENVPN_ACK_V1)
        return;
    /* A capture that begins with the ClientHello did not see the reset before it. */
    if (packet.opcode == OPENVPN_CONTROL_V1 && from->next_message == 0 && packet.message_id == 1)
        from->next_message = 1;
    take_message(session, end, &packet, segment);
}

/* ---- UDP ---- */

static bool may_start(struct span datagram) {
    size_t auth_size = 0;
    return openvpn_opens_session(datagram, &auth_size);
}

/* FNV-1a of the client's session id; never 0. */
static uint32_t origin(struct span datagram) {
    size_t auth_size = 0;
    struct openvpn_packet packet;
    if (!openvpn_opens_session(datagram, &auth_size) ||
        openvpn_packet_parse(datagram, auth_size, &packet) != PARSE_OK ||
        !openvpn_is_from_client(&packet))
        return 0;
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < packet.session_id.size; i++)
        hash = (hash ^ packet.session_id.data[i]) * 16777619U;
    return hash ? hash : 1;
}

static void datagram(struct session *session, unsigned end, const struct segment *segment) {
    if (session->openvpn == NULL)
        return;
    uint32_t number = origin(segment->bytes);
    if (number != 0 && session->origin != 0 && number != session->origin) {
        session->begins_another = true;
        return;
    }
    if (session->origin == 0)
        session->origin = number;
    if (segment->bytes.size < segment->size_wire) {
        session_missed(session, MISSED_CUT_PACKET);
        return;
    }
    take_packet(session, end, segment->bytes, segment);
}

/* Pieces that wait for one that never came, and those that only the other side has. */
static void flush(struct session *session) {
    for (unsigned end = 0; end < 2 && session->openvpn; end++) {
        const struct openvpn_end *from = &session->openvpn->end[end];
        if (session->streams[end].held_count || from->acknowledged > from->next_message)
            session_missed_bytes(session, end);
    }
}

static void release(struct session *session) {
    stream_release(session, 0);
    stream_release(session, 1);
}

const struct datagram_protocol openvpn_datagrams = {.may_start = may_start,
                                                    .origin = origin,
                                                    .begin = begin,
                                                    .datagram = datagram,
                                                    .flush = flush,
                                                    .release = release};

/* ---- TCP ---- */

static bool read_length(struct span bytes, size_t *size) {
    struct reader reader = reader_of(bytes);
    *size = reader_u16(&reader);
    return reader_ok(&reader);
}

bool openvpn_stream_may_start(struct span bytes) {
    size_t size = 0;
    size_t auth_size = 0;
    return read_length(bytes, &size) && size + OPENVPN_LENGTH_SIZE <= bytes.size &&
           openvpn_opens_session(span_first(span_from(bytes, OPENVPN_LENGTH_SIZE), size),
                                 &auth_size);
}

void openvpn_stream_begin(struct session *session) {
    begin(session);
}

bool openvpn_stream_is_padding(const struct session *session, unsigned end, struct span bytes) {
    const struct openvpn_end *from = &session->openvpn->end[end];
    bool is_between = from->length_have == 0;
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] != 0)
            return false;
    return is_between && bytes.size >= OPENVPN_LENGTH_SIZE; /* no packet is empty */
}

void openvpn_stream_hole(struct session *session, unsigned end) {
    session->openvpn->end[end].is_lost = true;
}

/* The length is complete: how is the packet taken? */
static void packet_begin(struct session *session, struct openvpn_end *from, size_t available) {
    size_t size = 0;
    (void)read_length(span_of(from->length, sizeof from->length), &size);
    from->size = (uint16_t)size;
    from->have = 0;
    if (size == 0 || size > LONGEST_PACKET || size <= available)
        return;
    if (from->partial == NULL)
        from->partial = session_keep(session, LONGEST_PACKET);
}

/* Eats bytes of the packet on its way. */
static struct span packet_bytes(struct session *session, unsigned end,
                                const struct segment *segment, struct span bytes) {
    struct openvpn_end *from = &session->openvpn->end[end];
    struct span part = span_first(bytes, (size_t)(from->size - from->have));
    bool is_kept = from->size <= LONGEST_PACKET && from->partial != NULL;
    bool is_all = part.size == from->size;
    assert(part.data != NULL);
    if (is_kept && !is_all)
        memcpy(from->partial + from->have, part.data, part.size);
    from->have = (uint16_t)(from->have + part.size);
    if (from->have < from->size)
        return span_from(bytes, part.size);
    from->length_have = 0;
    if (is_all)
        take_packet(session, end, part, segment);
    else if (is_kept)
        take_packet(session, end, span_of(from->partial, from->size), segment);
    return span_from(bytes, part.size);
}

void openvpn_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                          struct span bytes) {
    struct openvpn_end *from = &session->openvpn->end[end];
    while (bytes.size && !from->is_lost && !session->is_finished && !session->is_foreign) {
        if (from->length_have == sizeof from->length) {
            bytes = packet_bytes(session, end, segment, bytes);
            continue;
        }
        from->length[from->length_have++] = bytes.data[0];
        bytes = span_from(bytes, 1);
        if (from->length_have < sizeof from->length)
            continue;
        packet_begin(session, from, bytes.size);
        if (from->size == 0) {
            session_missed_bytes(session, end);
            from->is_lost = true;
        }
    }
}
