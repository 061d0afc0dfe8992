/*
 * flow_table.c - the connections that are followed, and when each is let go.
 *
 * A flow is small (two cache lines): addresses, where each direction began, what is being done with
 * it. Only a connection whose bytes look like TLS gets a session (session.h), which is large and
 * lives as long as its handshake. A finished or foreign flow costs one look-up a packet. Foreign
 * flows are still watched for a segment that begins with a hello: that is how TLS after some other
 * dialogue is found (carrier "unknown").
 *
 * Flows stand in one of four lists, each ordered by time so that expiry looks at the head only:
 * handshaking (by last packet), closing (handshakes, by the packet that began their end), idle (all
 * others, by last packet, touched at most once a second), and closed (by the packet that closed the
 * connection; kept a moment for late packets, then its place is used again while it is in the
 * cache).
 */
#include "flow.h"

#include <stdlib.h>
#include <sys/random.h>

#include "flow_key.h"
#include "session.h"

enum { NONE = UINT32_MAX, TOUCH_US = 1000000, CLOSED_BOTH = 3 };

enum flow_state {
    FLOW_NEW,       /* nothing but SYNs and acknowledgements so far */
    FLOW_HANDSHAKE, /* has a session */
    FLOW_FOREIGN,   /* not TLS, as far as seen */
    FLOW_DONE,      /* its handshake was told */
};

/* In the order in which a full table looks for room. */
enum list_name { LIST_CLOSED, LIST_IDLE, LIST_HANDSHAKE, LIST_CLOSING, LIST_COUNT };

struct list {
    uint32_t head; /* oldest */
    uint32_t tail;
};

/* What is known of a direction before there is a session. */
struct flow_end {
    uint32_t
        first_sequence; /* of the first payload byte, from the SYN or the peer's acknowledgement */
    bool has_first_sequence;
    bool has_syn;
    uint8_t first_hop_limit;
    uint8_t packets; /* saturating */
};

struct flow {
    /* what each packet looks at: one cache line */
    struct flow_key key;
    uint32_t chain;   /* next in the hash bucket */
    uint32_t session; /* NONE without */
    uint64_t last_us;
    uint8_t state;
    uint8_t list;
    uint8_t vlan_count;
    uint8_t closed; /* bit per end: it sent a FIN; a RST closes both */
    /* the rest */
    uint32_t previous;
    uint32_t next;
    uint64_t started_us;
    uint64_t started_packet;
    struct flow_end end[2];
    uint16_t vlans[PACKET_MAX_VLANS];
    bool is_cut; /* FLOW_FOREIGN: too little of some payload was captured to know a hello by */
};

struct flow_table {
    struct flow_config config;
    void (*finished)(void *context, const struct handshake *handshake);
    void *context;
    struct flow *flows;
    uint32_t *buckets;
    uint64_t bucket_mask;
    uint64_t seed[2];
    uint32_t free_flow;  /* chain of unused flows */
    uint32_t fresh_flow; /* flows from here on were never used */
    struct session *sessions;
    uint32_t *free_sessions;
    size_t free_session_count;
    struct buffers buffers;
    struct list lists[LIST_COUNT];
    uint64_t now_us;
    struct flow_counts counts;
};

void flow_default_config(struct flow_config *config) {
    *config = (struct flow_config){
        .flows = 131072,
        .handshakes = 16384,
        .small_buffers = 16384,
        .medium_buffers = 1024,
        .large_buffers = 64,
        .handshake_timeout_us = 30000000,
        .closing_timeout_us = 1000000,
        .idle_timeout_us = 300000000,
    };
}

/* ---- lists ---- */

static void list_remove(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    struct list *list = &table->lists[flow->list];
    if (flow->previous == NONE)
        list->head = flow->next;
    else
        table->flows[flow->previous].next = flow->next;
    if (flow->next == NONE)
        list->tail = flow->previous;
    else
        table->flows[flow->next].previous = flow->previous;
}

static void list_append(struct flow_table *table, uint32_t index, enum list_name name) {
    struct flow *flow = &table->flows[index];
    struct list *list = &table->lists[name];
    flow->list = (uint8_t)name;
    flow->next = NONE;
    flow->previous = list->tail;
    flow->last_us = table->now_us;
    if (list->tail == NONE)
        list->head = index;
    else
        table->flows[list->tail].next = index;
    list->tail = index;
}

static void list_move(struct flow_table *table, uint32_t index, enum list_name name) {
    list_remove(table, index);
    list_append(table, index, name);
}

/* ---- flows ---- */

static uint32_t flow_find(const struct flow_table *table, const struct flow_key *key,
                          uint64_t hash) {
    uint32_t index = table->buckets[hash & table->bucket_mask];
    while (index != NONE && !flow_key_equal(&table->flows[index].key, key))
        index = table->flows[index].chain;
    return index;
}

static void flow_free(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    uint32_t *link = &table->buckets[flow_key_hash(table->seed, &flow->key) & table->bucket_mask];
    while (*link != index)
        link = &table->flows[*link].chain;
    *link = flow->chain;
    list_remove(table, index);
    flow->chain = table->free_flow;
    table->free_flow = index;
}

/* Tells the session's record (if it has one) and gives the session back. The flow is FLOW_DONE or
 * FLOW_FOREIGN then. */
static void flow_end_session(struct flow_table *table, uint32_t index, bool timed_out,
                             bool cut_off) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    if (!session->is_finished && !session->is_foreign) {
        stream_flush(session, 0);
        stream_flush(session, 1);
    }
    bool is_reportable = session_is_reportable(session);
    table->counts.hello_malformed += session->hello_malformed;
    table->counts.buffers_exhausted += session->out_of_memory;
    if (is_reportable) {
        struct handshake *record = &session->record;
        session_conclude(session, timed_out, cut_off);
        record->flow_id = flow_key_id(&flow->key, flow->started_us, flow->started_packet);
        record->ended_us = table->now_us;
        struct endpoint *ends[2] = {&record->client, &record->server};
        for (unsigned side = 0; side < SIDE_COUNT; side++) {
            unsigned end = session->client_end ^ side;
            memcpy(ends[side]->address.bytes, flow->key.address[end],
                   sizeof ends[side]->address.bytes);
            ends[side]->port = flow->key.port[end];
        }
        table->counts.handshakes++;
        table->counts.half_seen += record->outcome == OUTCOME_HALF_SEEN;
        table->counts.inconclusive += record->outcome == OUTCOME_INCONCLUSIVE;
        table->finished(table->context, record);
    }
    for (unsigned end = 0; end < 2; end++) {
        flow->end[end].has_first_sequence = session->streams[end].has_next;
        flow->end[end].first_sequence = session->streams[end].next_sequence;
    }
    session_release(session);
    table->free_sessions[table->free_session_count++] = flow->session;
    flow->session = NONE;
    flow->state = is_reportable ? FLOW_DONE : FLOW_FOREIGN;
    list_move(table, index, flow->closed == CLOSED_BOTH ? LIST_CLOSED : LIST_IDLE);
}

/* Makes room: the flow that was idle longest goes, one with a handshake in progress last of all. */
static void flow_evict(struct flow_table *table) {
    for (unsigned name = 0; name < LIST_COUNT; name++) {
        uint32_t index = table->lists[name].head;
        if (index == NONE)
            continue;
        table->counts.flows_evicted += table->flows[index].session != NONE;
        if (table->flows[index].session != NONE)
            flow_end_session(table, index, false, true);
        flow_free(table, index);
        return;
    }
}

static uint32_t flow_new(struct flow_table *table, const struct flow_key *key, uint64_t hash,
                         const struct packet *packet, uint64_t number) {
    if (table->free_flow == NONE && table->fresh_flow == table->config.flows)
        flow_evict(table);
    uint32_t index = table->free_flow;
    if (index != NONE)
        table->free_flow = table->flows[index].chain;
    else
        index = table->fresh_flow++;
    struct flow *flow = &table->flows[index];
    uint32_t *bucket = &table->buckets[hash & table->bucket_mask];
    memset(flow, 0, sizeof *flow);
    flow->key = *key;
    flow->chain = *bucket;
    *bucket = index;
    flow->session = NONE;
    flow->started_us = table->now_us;
    flow->started_packet = number;
    flow->vlan_count = packet->vlan_count;
    memcpy(flow->vlans, packet->vlans, sizeof flow->vlans);
    list_append(table, index, LIST_IDLE);
    table->counts.flows++;
    return index;
}

/* A new connection on the same addresses and ports. */
static void flow_restart(struct flow_table *table, uint32_t index, uint64_t number) {
    struct flow *flow = &table->flows[index];
    if (flow->session != NONE)
        flow_end_session(table, index, false, false);
    flow->state = FLOW_NEW;
    flow->closed = 0;
    flow->is_cut = false;
    list_move(table, index, LIST_IDLE);
    flow->started_us = table->now_us;
    flow->started_packet = number;
    memset(flow->end, 0, sizeof flow->end);
    table->counts.flows++;
}

/* ---- sessions ---- */

static struct session *flow_begin_session(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    if (table->free_session_count == 0) {
        uint32_t oldest = table->lists[LIST_CLOSING].head;
        if (oldest == NONE)
            oldest = table->lists[LIST_HANDSHAKE].head;
        flow_end_session(table, oldest, false, true);
        table->counts.flows_evicted++;
    }
    flow->session = table->free_sessions[--table->free_session_count];
    struct session *session = &table->sessions[flow->session];
    session_init(session, &table->buffers);
    session->record.ip_version = (uint8_t)flow->key.ip_version;
    session->record.transport = IP_PROTOCOL_TCP;
    session->record.vlan_count = flow->vlan_count;
    memcpy(session->record.vlans, flow->vlans, sizeof flow->vlans);
    session->record.carrier = flow->state == FLOW_FOREIGN ? CARRIER_UNKNOWN : CARRIER_DIRECT;
    session->record.started_us = flow->started_us;
    session->record.started_packet = flow->started_packet;
    for (unsigned end = 0; end < 2; end++) {
        const struct flow_end *known = &flow->end[end];
        session->end[end].has_syn = known->has_syn;
        session->end[end].packets = known->packets;
        session->end[end].first_hop_limit = known->first_hop_limit;
        session->end[end].min_hop_limit = known->first_hop_limit;
        session->end[end].max_hop_limit = known->first_hop_limit;
        session->streams[end].has_next = known->has_first_sequence;
        session->streams[end].next_sequence = known->first_sequence;
    }
    flow->state = FLOW_HANDSHAKE;
    list_move(table, index, LIST_HANDSHAKE);
    return session;
}

static void session_note_packet(struct session *session, unsigned from, const struct packet *packet,
                                uint64_t time_us, uint64_t number) {
    struct direction *direction = &session->end[from];
    direction->packets++;
    if (packet->hop_limit < direction->min_hop_limit || direction->min_hop_limit == 0)
        direction->min_hop_limit = packet->hop_limit;
    if (packet->hop_limit > direction->max_hop_limit)
        direction->max_hop_limit = packet->hop_limit;
    if (direction->first_hop_limit == 0)
        direction->first_hop_limit = packet->hop_limit;
    session->record.ended_packet = number;
    if ((packet->tcp_flags & TCP_FIN) && direction->fin_packet == 0) {
        direction->fin_packet = number;
        direction->fin_us = time_us;
    }
    if ((packet->tcp_flags & TCP_RST) && direction->reset_packet == 0) {
        direction->reset_packet = number;
        direction->reset_us = time_us;
    }
}

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

/* One packet of a connection whose handshake is in progress. */
static void flow_session_packet(struct flow_table *table, uint32_t index, unsigned from,
                                const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct session *session = &table->sessions[flow->session];
    session_note_packet(session, from, packet, time_us, number);
    if (packet_has_data(packet)) {
        struct segment segment = {packet->payload, packet->payload_size_wire,
                                  packet_data_sequence(packet), number, time_us};
        stream_segment(session, from, &segment);
    }
    if (packet->tcp_flags & (TCP_FIN | TCP_RST))
        stream_final(session, from, packet->sequence + (uint32_t)packet->payload_size_wire);
    if (packet->tcp_flags & TCP_ACK)
        stream_acknowledged(session, from ^ 1U, packet->acknowledgement);
    const struct direction *ends = session->end;
    bool is_over = (packet->tcp_flags & TCP_RST) || (ends[0].fin_packet && ends[1].fin_packet);
    if (is_over || session->is_finished || session->is_foreign) {
        flow_end_session(table, index, false, false);
        return;
    }
    if (session->is_closing || (packet->tcp_flags & TCP_FIN)) {
        if (flow->list != LIST_CLOSING)
            list_move(table, index, LIST_CLOSING);
    } else if (flow->list == LIST_HANDSHAKE && flow->last_us + TOUCH_US < table->now_us) {
        list_move(table, index, LIST_HANDSHAKE);
    }
}

/* ---- packets ---- */

static void flow_note_syn(struct flow_table *table, uint32_t index, unsigned from,
                          const struct packet *packet, uint64_t number) {
    struct flow *flow = &table->flows[index];
    uint32_t first_sequence = packet->sequence + 1;
    bool is_answer = (packet->tcp_flags & TCP_ACK) != 0;
    bool is_same = flow->end[from].has_syn && flow->end[from].first_sequence == first_sequence;
    bool is_unused = flow->state == FLOW_NEW || (is_answer && flow->state == FLOW_HANDSHAKE);
    if (!is_same && !is_unused && !is_answer)
        flow_restart(table, index, number);
    flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    if (flow->state != FLOW_NEW && !is_unused)
        return;
    end->has_syn = true;
    end->has_first_sequence = true;
    end->first_sequence = first_sequence;
    if (flow->session != NONE) {
        /* A second SYN-ACK with another initial sequence number, before any of its bytes were read.
         */
        struct session *session = &table->sessions[flow->session];
        struct stream *stream = &session->streams[from];
        session->end[from].has_syn = true;
        if (stream->await == AWAIT_START && stream->header_have == 0 && stream->held_count == 0) {
            stream->has_next = true;
            stream->next_sequence = first_sequence;
        }
    }
}

static void flow_end_note(struct flow_end *end, const struct packet *packet) {
    if (end->packets < UINT8_MAX)
        end->packets++;
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
    struct session *session = flow_begin_session(table, index);
    if (is_ahead)
        session_missed_bytes(session, from);
    if (flow->is_cut)
        session_missed(session, MISSED_CUT_PACKET);
    flow_session_packet(table, index, from, packet, time_us, number);
}

/* The first payload of a new flow: is it TLS? */
static void flow_first_payload(struct flow_table *table, uint32_t index, unsigned from,
                               const struct packet *packet, uint64_t time_us, uint64_t number) {
    struct flow *flow = &table->flows[index];
    struct flow_end *end = &flow->end[from];
    int32_t ahead =
        end->has_first_sequence ? (int32_t)(packet_data_sequence(packet) - end->first_sequence) : 0;
    if (ahead < 0 || ahead >= STREAM_MAX_AHEAD)
        return;
    if (ahead == 0 && !tls_stream_may_start(packet->payload)) {
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
    flow_begin_session(table, index);
    flow_session_packet(table, index, from, packet, time_us, number);
}

static void flow_table_expire(struct flow_table *table) {
    const struct flow_config *config = &table->config;
    uint64_t now = table->now_us;
    uint32_t index = 0;
    while ((index = table->lists[LIST_CLOSING].head) != NONE &&
           table->flows[index].last_us + config->closing_timeout_us < now)
        flow_end_session(table, index, true, false);
    while ((index = table->lists[LIST_HANDSHAKE].head) != NONE &&
           table->flows[index].last_us + config->handshake_timeout_us < now)
        flow_end_session(table, index, true, false);
    while ((index = table->lists[LIST_IDLE].head) != NONE &&
           table->flows[index].last_us + config->idle_timeout_us < now)
        flow_free(table, index);
    while ((index = table->lists[LIST_CLOSED].head) != NONE &&
           table->flows[index].last_us + config->closing_timeout_us < now)
        flow_free(table, index);
}

void flow_table_segment(struct flow_table *table, const struct packet *packet, uint64_t time_us,
                        uint64_t number) {
    if (time_us > table->now_us) {
        table->now_us = time_us;
        flow_table_expire(table);
    }
    struct flow_key key;
    unsigned from = flow_key_of(packet, &key);
    uint64_t hash = flow_key_hash(table->seed, &key);
    uint32_t index = flow_find(table, &key, hash);
    bool is_syn = (packet->tcp_flags & TCP_SYN) != 0;
    if (index == NONE) {
        if (!is_syn && packet->payload_size_wire == 0)
            return;
        index = flow_new(table, &key, hash, packet, number);
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
        flow_end_note(&flow->end[from], packet);
    if (packet_has_data(packet)) {
        if (flow->state == FLOW_NEW)
            flow_first_payload(table, index, from, packet, time_us, number);
        else if (flow->state == FLOW_FOREIGN && !is_syn)
            flow_foreign_payload(table, index, from, packet, time_us, number);
    }
    if (flow->list != LIST_IDLE)
        return;
    if (flow->closed == CLOSED_BOTH)
        list_move(table, index, LIST_CLOSED);
    else if (flow->last_us + TOUCH_US < table->now_us)
        list_move(table, index, LIST_IDLE);
}

/* ---- the table ---- */

struct flow_table *
flow_table_new(const struct flow_config *config,
               void (*finished)(void *context, const struct handshake *handshake), void *context) {
    struct flow_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    size_t bucket_count = 1;
    while (bucket_count < config->flows)
        bucket_count *= 2;
    const size_t buffer_counts[BUFFER_CLASS_COUNT] = {config->small_buffers, config->medium_buffers,
                                                      config->large_buffers};
    table->config = *config;
    table->finished = finished;
    table->context = context;
    table->flows = calloc(config->flows, sizeof *table->flows);
    table->buckets = malloc(bucket_count * sizeof *table->buckets);
    table->bucket_mask = bucket_count - 1;
    table->sessions = calloc(config->handshakes, sizeof *table->sessions);
    table->free_sessions = calloc(config->handshakes, sizeof *table->free_sessions);
    if (!table->flows || !table->buckets || !table->sessions || !table->free_sessions ||
        buffers_init(&table->buffers, buffer_counts) != 0 ||
        getrandom(table->seed, sizeof table->seed, 0) != (ssize_t)sizeof table->seed) {
        flow_table_delete(table);
        return NULL;
    }
    memset(table->buckets, 0xff, bucket_count * sizeof *table->buckets);
    table->free_flow = NONE;
    for (size_t i = 0; i < config->handshakes; i++)
        table->free_sessions[i] = (uint32_t)(config->handshakes - 1 - i);
    table->free_session_count = config->handshakes;
    for (size_t i = 0; i < LIST_COUNT; i++)
        table->lists[i] = (struct list){NONE, NONE};
    return table;
}

void flow_table_delete(struct flow_table *table) {
    if (table == NULL)
        return;
    buffers_deinit(&table->buffers);
    free(table->flows);
    free(table->buckets);
    free(table->sessions);
    free(table->free_sessions);
    free(table);
}

/* Of the connections with a session, the one that was quiet longest. */
static uint32_t flow_table_oldest_session(const struct flow_table *table) {
    uint32_t closing = table->lists[LIST_CLOSING].head;
    uint32_t open = table->lists[LIST_HANDSHAKE].head;
    if (closing == NONE || open == NONE)
        return closing == NONE ? open : closing;
    return table->flows[closing].last_us <= table->flows[open].last_us ? closing : open;
}

void flow_table_end(struct flow_table *table) {
    uint32_t index = 0;
    while ((index = flow_table_oldest_session(table)) != NONE) {
        const struct session *session = &table->sessions[table->flows[index].session];
        bool is_closed = session->is_closing || table->flows[index].list == LIST_CLOSING;
        flow_end_session(table, index, false, !is_closed);
    }
    memset(table->buckets, 0xff, (table->bucket_mask + 1) * sizeof *table->buckets);
    table->lists[LIST_IDLE] = (struct list){NONE, NONE};
    table->lists[LIST_CLOSED] = (struct list){NONE, NONE};
    table->free_flow = NONE;
    table->fresh_flow = 0;
    table->now_us = 0;
}

struct flow_counts flow_table_counts(const struct flow_table *table) {
    return table->counts;
}
