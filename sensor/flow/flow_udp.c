/*
 * flow_udp.c - what a UDP datagram does to its flow.
 *
 * Most datagrams are nobody's: a flow is made only for one that may begin a handshake, and let go
 * again when it turns out that it did not. A flow whose handshake was told is kept, so that what
 * comes again (captures hold packets twice, peers repeat themselves) begins no second record;
 * another handshake on the same ports is known by its origin (session.h).
 */
#include "flow_store.h"

static const struct datagram_protocol *const protocols[] = {&quic_datagrams, &dtls_datagrams};

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
    session->datagrams = protocol;
    session->origin = protocol->origin(packet->payload);
    protocol->begin(session);
}

/* One datagram of a flow that has a session. */
static void flow_session_datagram(struct flow_table *table, uint32_t index, unsigned from,
                                  const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    const struct segment datagram = {packet->payload, packet->payload_size_wire, 0, number,
                                     time_us};
    session_note_packet(session, from, packet, time_us, number);
    session->datagrams->datagram(session, from, &datagram);
    if (session->is_finished || session->is_foreign)
        flow_end_session(table, index, false, false);
    else if (session->is_closing && flow->list != LIST_CLOSING)
        flow_list_move(table, index, LIST_CLOSING);
    else if (flow->list == LIST_HANDSHAKE && flow->last_us + TOUCH_US < table->now_us)
        flow_list_move(table, index, LIST_HANDSHAKE);
}

/* A datagram of a flow whose handshake was told: does it begin another one? */
static void flow_done_datagram(struct flow_table *table, uint32_t index, unsigned from,
                               const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    const struct datagram_protocol *protocol = protocol_of(packet->payload);
    uint32_t origin = protocol ? protocol->origin(packet->payload) : 0;
    if (origin == 0 || origin == flow->origin) {
        if (flow->last_us + TOUCH_US < table->now_us)
            flow_list_move(table, index, LIST_IDLE);
        return;
    }
    uint32_t told = flow->origin;
    flow->started_us = table->now_us;
    flow->started_packet = number;
    flow_begin_datagrams(table, index, packet, protocol);
    flow_session_datagram(table, index, from, packet, time_us, number);
    if (flow->state != FLOW_FOREIGN)
        return;
    flow->state = FLOW_DONE;
    flow->origin = told;
}

void flow_udp_datagram(struct flow_table *table, const struct packet *packet, uint64_t time_us,
                       uint64_t number) {
    if (packet->payload.size == 0)
        return;
    struct flow_key key;
    unsigned from = flow_key_of(packet, &key);
    uint64_t hash = flow_key_hash(table->seed, &key);
    uint32_t index = flow_find(table, &key, hash);
    if (index == NONE) {
        const struct datagram_protocol *protocol = protocol_of(packet->payload);
        if (protocol == NULL)
            return;
        index = flow_new(table, &key, hash, packet, number);
        flow_begin_datagrams(table, index, packet, protocol);
    }
    if (table->flows[index].session == NONE) {
        flow_done_datagram(table, index, from, packet, time_us, number);
        return;
    }
    flow_session_datagram(table, index, from, packet, time_us, number);
    if (table->flows[index].state == FLOW_FOREIGN)
        flow_free(table, index);
}
