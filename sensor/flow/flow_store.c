/*
 * flow_store.c - flows come and go, and so do their sessions.
 */
#include "flow_store.h"

enum {
    LINGER_UNKNOWN_US = 200000, /* no round trip time was measured */
    LINGER_EXTRA_US = 50000,    /* for the ends to think */
    LINGER_MAX_US = 1000000,
    LINGER_STEPS = 64, /* so many that are due next are looked at for the same addresses */
};

void flow_free(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    uint32_t *link = &table->buckets[flow_key_hash(table->seed, &flow->key) & table->bucket_mask];
    while (*link != index)
        link = &table->flows[*link].chain;
    *link = flow->chain;
    flow_list_remove(table, index);
    flow->chain = table->free_flow;
    table->free_flow = index;
}

static bool have_same_addresses(const struct flow *a, const struct flow *b) {
    return memcmp(a->key.address, b->key.address, sizeof a->key.address) == 0;
}

static void end_session(struct flow_table *table, uint32_t index, bool timed_out, bool cut_off) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    if (!session->is_finished && !session->is_foreign)
        session_flush(session);
    bool has_hello = session_is_reportable(session);
    bool is_reportable = dialogue_stream_conclude(session) || has_hello;
    table->counts.hello_malformed += session->hello_malformed;
    table->counts.buffers_exhausted += session->out_of_memory;
    if (is_reportable) {
        struct handshake *record = session->record;
        flow->origin = session->origin;
        if (table->hole_count > 0 && flow_has_hole(table, record->started_us))
            session_missed(session, MISSED_CAPTURE);
        session_conclude(session, timed_out, cut_off);
        record->flow_id = flow_key_id(&flow->key, flow->started_us, flow->started_packet);
        record->ended_us = session->over_us ? session->over_us : table->now_us;
        if (record->ended_us < record->started_us) /* the clock was set back meanwhile */
            record->ended_us = record->started_us;
        struct endpoint *ends[2] = {&record->client, &record->server};
        for (unsigned side = 0; side < SIDE_COUNT; side++) {
            unsigned end = session->client_end ^ side;
            memcpy(ends[side]->address.bytes, flow->key.address[end],
                   sizeof ends[side]->address.bytes);
            ends[side]->port = flow->key.port[end];
        }
        table->counts.handshakes += has_hello;
        table->counts.dialogues += !has_hello;
        table->counts.half_seen += has_hello && record->outcome == OUTCOME_HALF_SEEN;
        table->counts.inconclusive += has_hello && record->outcome == OUTCOME_INCONCLUSIVE;
        table->finished(table->context, record);
    }
    for (unsigned end = 0; end < 2 && session->datagrams == NULL; end++) {
        flow->end[end].has_first_sequence = session->streams[end].has_next;
        flow->end[end].first_sequence = session->streams[end].next_sequence;
    }
    session_release(session);
    table->free_sessions[table->free_session_count++] = flow->session;
    flow->session = NONE;
    flow->state = has_hello ? FLOW_DONE : FLOW_FOREIGN;
    /* OpenVPN carries its next handshakes in the same connection, and who keeps packets out sees
     * the outside of tunnels only. */
    bool is_needed = session->openvpn != NULL || session->datagrams == &openvpn_datagrams ||
                     session->record->tunnel_count > 0;
    if (has_hello)
        flow->told = is_needed ? 0 : (uint8_t)(1 + session->record->protocol);
    flow_list_move(table, index, flow->closed == CLOSED_BOTH ? LIST_CLOSED : LIST_IDLE);
}

/* Both addresses of a flow in a few bits. */
static uint32_t hash_addresses(const struct flow *flow) {
    const uint64_t *words = flow->key.address[0];
    uint64_t hash = words[0];
    for (size_t i = 1; i < sizeof flow->key.address / sizeof words[0]; i++)
        hash = (hash ^ (hash >> 29U)) * 0x9e3779b97f4a7c15U + words[i];
    return (uint32_t)(hash >> 32U) ^ (uint32_t)hash;
}

/* Records come in the order of their ends: what lingers between the same two addresses was over
 * before this one. */
static void tell_lingering(struct flow_table *table, uint32_t index) {
    uint32_t addresses = hash_addresses(&table->flows[index]);
    const struct lingering *other = NULL;
    size_t ahead = 0;
    for (unsigned step = 0;
         step < LINGER_STEPS && (other = linger_at(&table->linger, ahead)) != NULL; step++) {
        if (other->addresses == addresses &&
            have_same_addresses(&table->flows[other->flow], &table->flows[index]))
            end_session(table, other->flow, true, false); /* the next one takes its place */
        else
            ahead++;
    }
}

void flow_end_session(struct flow_table *table, uint32_t index, bool timed_out, bool cut_off) {
    if (table->flows[index].list != LIST_LINGER && table->linger.count > 0)
        tell_lingering(table, index);
    end_session(table, index, timed_out, cut_off);
}

static uint32_t first_lingering(const struct flow_table *table) {
    const struct lingering *first = linger_at(&table->linger, 0);
    return first != NULL ? first->flow : NONE;
}

/* Makes room: the flow that was idle longest goes, one with a handshake in progress last of all. */
static void flow_evict(struct flow_table *table) {
    uint32_t index = NONE;
    for (unsigned name = 0; name < LIST_COUNT && index == NONE; name++)
        index = table->lists[name].head;
    if (index == NONE)
        index = first_lingering(table);
    table->counts.flows_evicted += table->flows[index].session != NONE;
    if (table->flows[index].session != NONE)
        flow_end_session(table, index, false, true);
    flow_free(table, index);
}

uint32_t flow_new(struct flow_table *table, const struct flow_place *place,
                  const struct packet *packet, uint64_t number) {
    if (table->free_flow == NONE && table->fresh_flow == table->config.flows)
        flow_evict(table);
    uint32_t index = table->free_flow;
    if (index != NONE)
        table->free_flow = table->flows[index].chain;
    else
        index = table->fresh_flow++;
    struct flow *flow = &table->flows[index];
    uint32_t *bucket = &table->buckets[place->hash & table->bucket_mask];
    memset(flow, 0, sizeof *flow);
    flow->key = place->key;
    flow->chain = *bucket;
    *bucket = index;
    flow->session = NONE;
    flow->started_us = table->now_us;
    flow->started_packet = number;
    flow->vlan_count = packet->vlan_count;
    memcpy(flow->vlans, packet->vlans, sizeof flow->vlans);
    flow_list_append(table, index, LIST_IDLE);
    table->counts.flows++;
    return index;
}

void flow_restart(struct flow_table *table, uint32_t index, uint64_t number) {
    struct flow *flow = &table->flows[index];
    if (flow->session != NONE)
        flow_end_session(table, index, false, false);
    flow->state = FLOW_NEW;
    flow->closed = 0;
    flow->is_cut = false;
    flow_list_move(table, index, LIST_IDLE);
    flow->started_us = table->now_us;
    flow->started_packet = number;
    flow->opener = 0;
    memset(flow->end, 0, sizeof flow->end);
    table->counts.flows++;
}

struct session *flow_begin_session(struct flow_table *table, uint32_t index,
                                   const struct packet *packet) {
    struct flow *flow = &table->flows[index];
    if (table->free_session_count == 0) {
        uint32_t oldest = first_lingering(table); /* over: nothing is lost */
        bool is_over = oldest != NONE;
        if (oldest == NONE)
            oldest = table->lists[LIST_CLOSING].head;
        if (oldest == NONE)
            oldest = table->lists[LIST_HANDSHAKE].head;
        flow_end_session(table, oldest, is_over, !is_over);
        table->counts.flows_evicted += !is_over;
    }
    flow->session = table->free_sessions[--table->free_session_count];
    flow->vain = 0;
    struct session *session = &table->sessions[flow->session];
    session_init(session, &table->rests[flow->session], &table->buffers);
    session->windows = &table->windows;
    session->is_thinned = table->config.bulk != NULL;
    session->opener = flow->opener;
    session->record->ip_version = (uint8_t)flow->key.ip_version;
    session->record->transport = packet->protocol;
    session->quic_protection = table->quic;
    session->record->vlan_count = flow->vlan_count;
    memcpy(session->record->vlans, flow->vlans, sizeof flow->vlans);
    session->record->tunnel_count = packet->tunnel_count;
    memcpy(session->record->tunnels, packet->tunnels,
           packet->tunnel_count * sizeof packet->tunnels[0]);
    session->record->carrier = flow->state == FLOW_FOREIGN ? CARRIER_UNKNOWN : CARRIER_DIRECT;
    session->record->started_us = flow->started_us;
    session->record->started_packet = flow->started_packet;
    for (unsigned end = 0; end < 2; end++) {
        const struct flow_end *known = &flow->end[end];
        session->end[end].has_syn = known->has_syn;
        session->end[end].packets = known->packets;
        session->end[end].first_hop_limit = known->first_hop_limit;
        session->end[end].min_hop_limit = known->first_hop_limit;
        session->end[end].max_hop_limit = known->first_hop_limit;
        session->end[end].first = known->first;
        session->end[end].last = known->first;
        session->end[end].rtt_us = known->rtt_us;
        session->end[end].mss = known->mss;
        session->end[end].window_scale = known->window_scale;
        session->end[end].has_window_scale = known->has_window_scale;
        session->end[end].has_timestamps = known->has_timestamps;
        session->streams[end].has_next = known->has_first_sequence;
        session->streams[end].next_sequence = known->first_sequence;
        session->streams[end].begin_sequence = known->first_sequence;
    }
    flow->state = FLOW_HANDSHAKE;
    flow_list_move(table, index, LIST_HANDSHAKE);
    return session;
}

void flow_linger(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    const struct direction *ends = table->sessions[flow->session].end;
    uint64_t wait_us = LINGER_UNKNOWN_US;
    if (ends[0].rtt_us && ends[1].rtt_us)
        wait_us = ((uint64_t)ends[0].rtt_us + ends[1].rtt_us) * 2 + LINGER_EXTRA_US;
    wait_us = wait_us > LINGER_MAX_US ? LINGER_MAX_US : wait_us;
    flow_list_remove(table, index);
    flow->list = LIST_LINGER;
    flow->last_us = table->now_us + wait_us;
    linger_add(&table->linger, &(struct lingering){flow->last_us, index, hash_addresses(flow)});
}
