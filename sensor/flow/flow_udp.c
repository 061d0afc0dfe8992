/*
 * flow_udp.c - what a UDP datagram does to its flow.
 *
 * Most datagrams are nobody's: a flow is made only for one that may begin a handshake, and let go
 * again when it turns out that it did not. A flow whose handshake was told is kept, so that what
 * comes again (captures hold packets twice, peers repeat themselves) begins no second record;
 * another handshake on the same ports is known by its origin (session.h).
 *
 * STUN is the one exception: a flow is kept for it, so that DTLS on the same ports is known to ride
 * on it (WebRTC's peers look for a path before they begin). That costs one idle flow for each pair
 * of ports, and no session.
 */
#include "flow_store.h"
#include "stun.h"

static const struct datagram_protocol *const protocols[] = {&quic_datagrams, &dtls_datagrams,
                                                            &openvpn_datagrams};

static const struct datagram_protocol *protocol_of(struct span datagram) {
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (protocols[i]->may_start(datagram))
            return protocols[i];
    return NULL;
}

static void flow_begin_datagrams(struct flow_table *table, uint32_t index,
                                 const struct packet *packet,
                                 const struct datagram_protocol *protocol) {
    struct session *session = flow_begin_session(table, index, packet);
    session->record->carrier = table->flows[index].has_stun ? CARRIER_STUN : CARRIER_DIRECT;
    session->datagrams = protocol;
    session->origin = protocol->origin(packet->payload);
    protocol->begin(session);
}

/* One datagram of a flow that has a session. False when it belongs to another handshake, and ended
 * the session. */
static bool flow_session_datagram(struct flow_table *table, uint32_t index, unsigned from,
                                  const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    session_note_packet(session, from, packet, time_us, number);
    const struct segment datagram = {.bytes = packet->payload,
                                     .size_wire = packet->payload_size_wire,
                                     .packet = number,
                                     .time_us = time_us,
                                     .mark = session->end[from].last};
    session->datagrams->datagram(session, from, &datagram);
    bool begins_another = session->begins_another;
    bool is_given_up = begins_another && !session_knows_version(session);
    if (session->is_finished || session->is_foreign || begins_another)
        flow_end_session(table, index, is_given_up, false);
    else if (session->is_closing != (flow->list == LIST_CLOSING))
        flow_list_move(table, index, session->is_closing ? LIST_CLOSING : LIST_HANDSHAKE);
    else if (flow->list == LIST_HANDSHAKE && flow->last_us + TOUCH_US < table->now_us)
        flow_list_move(table, index, LIST_HANDSHAKE);
    return !begins_another;
}

/* A datagram of a flow without a session: does it begin a handshake, and not the one again that was
 * told last? */
static void flow_idle_datagram(struct flow_table *table, uint32_t index, unsigned from,
                               const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    const struct datagram_protocol *protocol = protocol_of(packet->payload);
    uint32_t origin = protocol ? protocol->origin(packet->payload) : 0;
    bool is_after_told = flow->state == FLOW_DONE;
    flow->has_stun |= stun_is_message(packet->payload);
    if (protocol == NULL || (is_after_told && (origin == 0 || origin == flow->origin))) {
        flow->end[from].packets = 1;
        flow->end[from].first_hop_limit = packet->hop_limit;
        if (is_after_told)
            flow_note_done(table, index);
        if (flow->last_us + TOUCH_US < table->now_us)
            flow_list_move(table, index, LIST_IDLE);
        return;
    }
    flow->started_us = table->now_us;
    flow->started_packet = number;
    flow_begin_datagrams(table, index, packet, protocol);
    table->sessions[flow->session].is_after_told = is_after_told;
    flow_session_datagram(table, index, from, packet, time_us, number);
    if (flow->state == FLOW_FOREIGN && is_after_told)
        flow->state = FLOW_DONE;
}

void flow_udp_datagram(struct flow_table *table, const struct packet *packet,
                       const struct flow_place *place, uint64_t time_us, uint64_t number) {
    if (packet->payload.size == 0)
        return;
    unsigned from = place->from;
    uint32_t index = flow_find(table, &place->key, place->hash);
    if (index == NONE) {
        if (protocol_of(packet->payload) == NULL && !stun_is_message(packet->payload))
            return;
        index = flow_new(table, place, packet, number);
        table->flows[index].state = FLOW_FOREIGN;
    }
    struct flow *flow = &table->flows[index];
    bool is_idle = flow->session == NONE;
    if (is_idle || !flow_session_datagram(table, index, from, packet, time_us, number))
        flow_idle_datagram(table, index, from, packet, time_us, number);
    if (flow->state == FLOW_FOREIGN && !flow->has_stun)
        flow_free(table, index);
}
