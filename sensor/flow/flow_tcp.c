/*
 * flow_tcp.c - what a TCP segment does to its flow.
 *
 * A connection whose first bytes look like TLS, or like a dialogue that may come to TLS, gets a
 * session. A finished or foreign flow costs one
 * look-up a packet. Foreign flows are still watched for a segment that begins with a hello: that is
 * how TLS after something that was not understood is found (carrier "unknown").
 */
#include "flow_store.h"

enum {
    MAX_RTT_US = 3000000,
    MAX_BEFORE_LATE_SYN = 1 << 17, /* bytes: what a handshake says at most */
};

/* Does this packet carry stream bytes? On a SYN only when they are a hello (Fast Open, RFC 7413):
 * some stacks put noise there. */
static bool packet_has_data(const struct packet *packet) {
    if (packet->payload_size_wire == 0 || (packet->tcp_flags & TCP_RST))
        return false;
    return !(packet->tcp_flags & TCP_SYN) || tls_stream_looks_like_hello(packet->payload);
}

/* Did the snap length leave less of it than a hello is known by? */
static bool packet_is_cut_short(const struct packet *packet) {
    return packet->payload.size < packet->payload_size_wire &&
           packet->payload.size < TLS_STREAM_HELLO_START;
}

/* Where its payload stands in the stream: a SYN takes a number of its own. */
static uint32_t packet_data_sequence(const struct packet *packet) {
    return packet->sequence + (packet->tcp_flags & TCP_SYN ? 1 : 0);
}

static struct segment segment_of(const struct packet *packet, const struct packet_mark *mark) {
    return (struct segment){.bytes = packet->payload,
                            .size_wire = packet->payload_size_wire,
                            .sequence = packet_data_sequence(packet),
                            .packet = mark->packet,
                            .time_us = mark->time_us,
                            .mark = *mark};
}

/* Payload came that contradicts nothing: what is like it may be kept out, unless something did
 * before. */
static void flow_note_afterwards(struct flow_table *table, struct flow *flow,
                                 const struct session *session) {
    const struct handshake *record = session->record;
    if (!session->is_thinned)
        return;
    if (record->tunnel_count > 0 || record->suspect_count > 0 || record->conflict_count > 0 ||
        !flow_note_vain(table, flow))
        return;
    const struct flow_bulk bulk = {
        .key = &flow->key,
        .protocol = record->protocol,
        .watch_us = flow->last_us > table->now_us ? flow->last_us - table->now_us : 0,
        .next_sequence = {session->streams[0].next_sequence, session->streams[1].next_sequence},
    };
    table->config.bulk(table->context, &bulk);
}

/* A packet that comes within a round trip of a finished handshake: only what contradicts it, or was
 * never its sender's, is looked for. */
static void flow_packet_afterwards(struct flow_table *table, uint32_t index, unsigned from,
                                   const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    struct packet_mark mark;
    packet_mark_of(packet, time_us, number, &mark);
    evidence_note_packet(session, from, packet, &mark);
    if (!packet_has_data(packet))
        return;
    struct segment segment = segment_of(packet, &mark);
    stream_afterwards(session, from, &segment);
    flow_note_afterwards(table, flow, session);
}

/* One packet of a connection whose handshake is in progress. */
static void flow_session_packet(struct flow_table *table, uint32_t index, unsigned from,
                                const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    if (session->is_finished) {
        flow_packet_afterwards(table, index, from, packet, time_us, number);
        return;
    }
    session_note_packet(session, from, packet, time_us, number);
    if (packet_has_data(packet)) {
        struct segment segment = segment_of(packet, &session->end[from].last);
        stream_segment(session, from, &segment);
    }
    if (packet->tcp_flags & (TCP_FIN | TCP_RST))
        stream_final(session, from, packet->sequence + (uint32_t)packet->payload_size_wire,
                     (packet->tcp_flags & TCP_RST) != 0);
    if (packet->tcp_flags & TCP_ACK)
        stream_acknowledged(session, from ^ 1U, packet->acknowledgement);
    if (session->is_finished && session_may_be_contradicted(session)) {
        session->over_us = time_us;
        flow_linger(table, index);
        return;
    }
    if (session->is_finished || session->is_foreign) {
        flow_end_session(table, index, false, false);
        return;
    }
    session_note_end(session, packet, time_us);
    if (session->over_us != 0) {
        if (flow->list != LIST_LINGER)
            flow_linger(table, index);
    } else if (session->is_closing || (packet->tcp_flags & TCP_FIN)) {
        if (flow->list != LIST_CLOSING)
            flow_list_move(table, index, LIST_CLOSING);
    } else if (flow->list == LIST_HANDSHAKE && flow->last_us + TOUCH_US < table->now_us) {
        flow_list_move(table, index, LIST_HANDSHAKE);
    }
}

/* ---- packets ---- */

/* How long the path to an end is: from a packet that passed by to its answer's coming back. */
static void flow_end_note_rtt(struct flow_end *end, const struct flow_end *asker, uint64_t now_us) {
    if (end->rtt_us != 0 || !asker->has_syn || asker->has_syn_again || end->has_syn_again ||
        now_us <= asker->first.time_us || now_us - asker->first.time_us > MAX_RTT_US)
        return;
    end->rtt_us = (uint32_t)(now_us - asker->first.time_us);
}

static void flow_end_note_syn(struct flow_end *end, const struct flow_end *other,
                              const struct packet *packet, uint64_t now_us) {
    end->has_syn_again |= end->has_syn;
    end->mss = packet->has & PACKET_HAS_TCP_MSS ? packet->tcp_mss : 0;
    end->has_window_scale = (packet->has & PACKET_HAS_TCP_WINDOW_SCALE) != 0;
    end->window_scale = end->has_window_scale ? packet->tcp_window_scale : 0;
    end->has_timestamps = (packet->has & PACKET_HAS_TCP_TIMESTAMP) != 0;
    if (packet->tcp_flags & TCP_ACK)
        flow_end_note_rtt(end, other, now_us);
}

/* A SYN that the capture shows behind what its sender said after it: its number lies just before
 * that. A connection that reuses the ports begins elsewhere (RFC 6528). */
static bool flow_syn_is_late(const struct flow_table *table, const struct flow *flow, unsigned from,
                             uint32_t first_sequence) {
    bool has_next = flow->end[from].has_first_sequence;
    uint32_t next = flow->end[from].first_sequence;
    if (flow->session != NONE) {
        const struct stream *stream = &table->sessions[flow->session].streams[from];
        has_next = stream->has_next;
        next = stream->next_sequence;
    }
    return flow->state != FLOW_NEW && has_next && next - first_sequence <= MAX_BEFORE_LATE_SYN;
}

/* It still says who began, and whether the first bytes were seen. It came too late to tell how long
 * the path is. */
static void flow_note_late_syn(struct flow_table *table, uint32_t index, unsigned from,
                               const struct packet *packet) {
    struct flow *flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    if (flow->session == NONE || end->has_syn)
        return;
    flow_end_note_syn(end, &flow->end[from ^ 1U], packet, table->now_us);
    end->has_syn = true;
    end->has_syn_again = true;
    flow->opener = (uint8_t)(1 + from);
    struct session *session = &table->sessions[flow->session];
    session->end[from].has_syn = true;
    stream_check_begin(session, from, packet->sequence + 1);
}

static void flow_note_syn(struct flow_table *table, uint32_t index, unsigned from,
                          const struct packet *packet, uint64_t number) {
    struct flow *flow = &table->flows[index];
    uint32_t first_sequence = packet->sequence + 1;
    bool is_answer = (packet->tcp_flags & TCP_ACK) != 0;
    bool is_same = flow->end[from].has_syn && flow->end[from].first_sequence == first_sequence;
    bool is_unused = flow->state == FLOW_NEW || (is_answer && flow->state == FLOW_HANDSHAKE);
    if (!is_same && !is_answer && flow_syn_is_late(table, flow, from, first_sequence)) {
        flow_note_late_syn(table, index, from, packet);
        return;
    }
    if (!is_same && !is_unused && !is_answer)
        flow_restart(table, index, number);
    flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    if (flow->state != FLOW_NEW && !is_unused)
        return;
    flow_end_note_syn(end, &flow->end[from ^ 1U], packet, table->now_us);
    end->has_syn = true;
    end->has_first_sequence = true;
    end->first_sequence = first_sequence;
    struct flow_end *other = &flow->end[from ^ 1U];
    if (is_answer && !other->has_first_sequence) { /* the SYN is missing: its answer names it */
        other->has_first_sequence = true;
        other->first_sequence = packet->acknowledgement;
    }
    flow->opener = (uint8_t)(1 + (from ^ (is_answer ? 1U : 0U)));
    if (flow->session != NONE) {
        /* A second SYN-ACK with another initial sequence number, before any of its bytes were read.
         */
        struct session *session = &table->sessions[flow->session];
        session->end[from].has_syn = true;
        if (stream_is_untouched(session, from))
            stream_begins_at(session, from, first_sequence);
        if (is_answer && !flow->end[from ^ 1U].has_syn)
            stream_check_begin(session, from ^ 1U, packet->acknowledgement);
    }
}

static void flow_end_note(struct flow_end *end, const struct flow_end *other,
                          const struct packet *packet, uint64_t time_us, uint64_t number) {
    if (end->packets < UINT8_MAX)
        end->packets++;
    if (end->first.packet == 0)
        packet_mark_of(packet, time_us, number, &end->first);
    if (end->has_syn && (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_ACK)
        flow_end_note_rtt(end, other, time_us);
    if (end->first_hop_limit == 0)
        end->first_hop_limit = packet->hop_limit;
}

/* What was read of a direction that is no TLS (yet): the next byte to come. */
static void flow_end_advance(struct flow_end *end, const struct packet *packet) {
    uint32_t next = packet->sequence + (uint32_t)packet->payload_size_wire;
    if (!end->has_first_sequence || (int32_t)(next - end->first_sequence) > 0)
        end->first_sequence = next;
    end->has_first_sequence = true;
}

/* Payload on a flow that is not TLS so far. Both directions go on from a hello: its own with the
 * hello, the other with what is acknowledged. Bytes missing just before it are a hole: it may not
 * be the first one. */
static void flow_foreign_payload(struct flow_table *table, uint32_t index, unsigned from,
                                 const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    if (!tls_stream_looks_like_hello(packet->payload)) {
        flow_end_advance(end, packet);
        flow->is_cut |= packet_is_cut_short(packet);
        return;
    }
    bool is_ahead =
        end->has_first_sequence && (int32_t)(packet->sequence - end->first_sequence) > 0;
    end->has_first_sequence = true;
    end->first_sequence = packet->sequence;
    struct flow_end *other = &flow->end[from ^ 1U];
    other->has_first_sequence = (packet->tcp_flags & TCP_ACK) != 0;
    other->first_sequence = packet->acknowledgement;
    struct session *session = flow_begin_session(table, index, packet);
    if (is_ahead)
        session_missed_bytes(session, from);
    if (flow->is_cut)
        session_missed(session, MISSED_CUT_PACKET);
    flow_session_packet(table, index, from, packet, time_us, number);
}

/* The first payload of a new flow: is it TLS, or what may go before it? */
static void flow_first_payload(struct flow_table *table, uint32_t index, unsigned from,
                               const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    int32_t ahead =
        end->has_first_sequence ? (int32_t)(packet_data_sequence(packet) - end->first_sequence) : 0;
    if (ahead < 0 || ahead >= STREAM_MAX_AHEAD)
        return;
    bool is_openvpn = ahead == 0 && openvpn_stream_may_start(packet->payload);
    if (ahead == 0 && !is_openvpn && !tls_stream_may_start(packet->payload) &&
        !dialogue_may_start(packet->payload)) {
        /* Some stacks and taps count link padding as payload of a bare acknowledgement. */
        if (packet->payload_size_wire > STREAM_MAX_PADDING) {
            flow->state = FLOW_FOREIGN;
            flow->is_cut = packet_is_cut_short(packet);
            flow_end_advance(end, packet);
        }
        return;
    }
    /* The first ClientHello acknowledges nothing but the other end's SYN. */
    struct flow_end *other = &flow->end[from ^ 1U];
    if (!other->has_first_sequence && (packet->tcp_flags & TCP_ACK) &&
        tls_stream_is_client_hello(packet->payload)) {
        other->has_first_sequence = true;
        other->first_sequence = packet->acknowledgement;
    }
    struct session *session = flow_begin_session(table, index, packet);
    if (is_openvpn)
        openvpn_stream_begin(session);
    flow_session_packet(table, index, from, packet, time_us, number);
}

void flow_tcp_segment(struct flow_table *table, const struct packet *packet,
                      const struct flow_place *place, uint64_t time_us, uint64_t number) {
    unsigned from = place->from;
    uint32_t index = flow_find(table, &place->key, place->hash);
    bool is_syn = (packet->tcp_flags & TCP_SYN) != 0;
    if (index == NONE) {
        if (!is_syn && packet->payload_size_wire == 0)
            return;
        index = flow_new(table, place, packet, number);
    }
    if (is_syn)
        flow_note_syn(table, index, from, packet, number);
    struct flow *flow = &table->flows[index];
    if (packet->tcp_flags & TCP_RST)
        flow->closed = CLOSED_BOTH;
    else if (packet->tcp_flags & TCP_FIN)
        flow->closed |= (uint8_t)(1U << from);
    if (flow->state == FLOW_HANDSHAKE) {
        flow_session_packet(table, index, from, packet, time_us, number);
        return;
    }
    if (flow->state == FLOW_NEW)
        flow_end_note(&flow->end[from], &flow->end[from ^ 1U], packet, time_us, number);
    if (packet_has_data(packet)) {
        if (flow->state == FLOW_NEW)
            flow_first_payload(table, index, from, packet, time_us, number);
        else if (flow->state == FLOW_FOREIGN && !is_syn)
            flow_foreign_payload(table, index, from, packet, time_us, number);
        else if (flow->state == FLOW_DONE)
            flow_note_done(table, index);
    }
    if (flow->list != LIST_IDLE)
        return;
    if (flow->closed == CLOSED_BOTH)
        flow_list_move(table, index, LIST_CLOSED);
    else if (flow->last_us + TOUCH_US < table->now_us)
        flow_list_move(table, index, LIST_IDLE);
}
