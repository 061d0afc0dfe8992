/*
 * flow_store.h - the flows that are held, the lists they stand in, and the sessions that some of
 * them have; internal to flow_table.c, flow_tcp.c and flow_udp.c.
 *
 * A flow is small (a few cache lines): addresses, where each direction began, what is being done
 * with it. Only a connection whose bytes may hold a handshake gets a session (session.h), which is
 * large and lives as long as its handshake.
 *
 * Flows stand in one of four lists, each ordered by time so that expiry looks at the head only:
 * handshaking (by last packet), closing (handshakes, by the packet that began their end), idle (all
 * others, by last packet, touched at most once a second), and closed (by the packet that closed the
 * connection; kept a moment for late packets, then its place is used again while it is in the
 * cache); or in linger.h's queue, the handshakes that are over, for about a round trip: what still
 * comes may contradict them.
 */
#ifndef DOWNGRD_FLOW_STORE_H
#define DOWNGRD_FLOW_STORE_H

#include "flow.h"
#include "flow_key.h"
#include "linger.h"
#include "session.h"

enum {
    NONE = UINT32_MAX,
    TOUCH_US = 1000000,
    CLOSED_BOTH = 3,
    BULK_PACKETS = 16, /* with payload come in vain between two calls of bulk(); before the first */
    BULK_FIRST_TCP = 8, /* so many: who keeps packets out mostly knows by itself */
    BULK_FIRST_UDP = 2,
};

enum flow_state {
    FLOW_NEW,       /* nothing but SYNs and acknowledgements so far */
    FLOW_HANDSHAKE, /* has a session */
    FLOW_FOREIGN,   /* not TLS, as far as seen */
    FLOW_DONE,      /* its handshake was told */
};

/* In the order in which a full table looks for room. */
enum list_name {
    LIST_CLOSED,
    LIST_IDLE,
    LIST_HANDSHAKE,
    LIST_CLOSING,
    LIST_COUNT,
    LIST_LINGER = LIST_COUNT, /* in linger.h's queue: last_us is when its record is told */
};

struct list {
    uint32_t head; /* oldest */
    uint32_t tail;
};

/* What is known of a direction before there is a session. */
struct flow_end {
    _Alignas(CACHE_LINE) uint32_t
        first_sequence; /* of the first payload byte, from the SYN or the peer's acknowledgement */
    bool has_first_sequence;
    bool has_syn;
    bool has_syn_again;  /* the SYN came twice: how long its answer took is not known */
    bool has_timestamps; /* this and the next three: of the SYN */
    bool has_window_scale;
    uint8_t window_scale;
    uint16_t mss;
    uint8_t first_hop_limit;
    uint8_t packets; /* saturating */
    uint32_t rtt_us; /* between here and this end; 0: unknown */
    struct packet_mark first;
};

struct flow {
    /* what each packet looks at: one cache line */
    _Alignas(CACHE_LINE) struct flow_key key;
    uint32_t chain;   /* next in the hash bucket */
    uint32_t session; /* NONE without */
    uint64_t last_us;
    uint8_t state;
    uint8_t list;
    uint8_t vlan_count;
    uint8_t closed; /* bit per end: it sent a FIN; a RST closes both */
    uint8_t vain;   /* packets with payload after the handshake was over, modulo BULK_PACKETS */
    uint8_t told;   /* 1 + enum handshake_protocol of the handshake told last; 0: of which more is
                       needed all the same */
    /* the rest */
    _Alignas(CACHE_LINE) uint32_t previous;
    uint32_t next;
    uint64_t started_us;
    uint64_t started_packet;
    uint16_t vlans[PACKET_MAX_VLANS];
    uint32_t origin; /* UDP: of the handshake told last, see session.h */
    uint8_t opener;  /* 1 + the end that sent the SYN (or got its answer); 0: not seen */
    bool is_cut;     /* FLOW_FOREIGN: too little of some payload was captured to know a hello by */
    bool has_stun;   /* UDP: STUN went by */
    struct flow_end end[2];
};

/* Packets of that time were lost by the capture; the latest holes, the oldest first. */
enum { FLOW_MAX_HOLES = 16 };
struct hole {
    uint64_t from_us;
    uint64_t to_us;
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
    struct session_rest *rests; /* of the same index */
    uint32_t *free_sessions;
    size_t free_session_count;
    struct buffers buffers;
    struct buffers windows;
    struct quic_protection *quic;
    struct list lists[LIST_COUNT];
    struct linger linger;
    uint64_t now_us;
    uint64_t check_us; /* no list has anything due before that is over */
    struct hole holes[FLOW_MAX_HOLES];
    size_t hole_count;
    struct flow_counts counts;
};

static inline void flow_list_remove(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    if (flow->list == LIST_LINGER) {
        linger_remove(&table->linger, flow->last_us, index);
        return;
    }
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

static inline void flow_list_append(struct flow_table *table, uint32_t index, enum list_name name) {
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

static inline void flow_list_move(struct flow_table *table, uint32_t index, enum list_name name) {
    flow_list_remove(table, index);
    flow_list_append(table, index, name);
}

/* By key; NONE when it is not held. */
static inline uint32_t flow_find(const struct flow_table *table, const struct flow_key *key,
                                 uint64_t hash) {
    uint32_t index = table->buckets[hash & table->bucket_mask];
    while (index != NONE && !flow_key_equal(&table->flows[index].key, key))
        index = table->flows[index].chain;
    return index;
}

/* A flow for this key, which is not held yet; a full store evicts the one that was idle longest. */
uint32_t flow_new(struct flow_table *table, const struct flow_place *place,
                  const struct packet *packet, uint64_t number);
void flow_free(struct flow_table *table, uint32_t index);
/* A new connection on the same addresses and ports. */
void flow_restart(struct flow_table *table, uint32_t index, uint64_t number);

/* A session for a flow that has none, started from `packet`. */
struct session *flow_begin_session(struct flow_table *table, uint32_t index,
                                   const struct packet *packet);
/* Tells the session's record (if it has one) and gives the session back. The flow is FLOW_DONE or
 * FLOW_FOREIGN then. */
void flow_end_session(struct flow_table *table, uint32_t index, bool timed_out, bool cut_off);

/* Did the capture lose packets between then and now? */
bool flow_has_hole(const struct flow_table *table, uint64_t since_us);

/* Its handshake is over: the record is told in about two round trips, or before the next record
 * between the same addresses, so that they come in the order of their ends. */
void flow_linger(struct flow_table *table, uint32_t index);

/* Payload came on a flow whose handshake is over. True when that is to be told. */
static inline bool flow_note_vain(const struct flow_table *table, struct flow *flow) {
    uint8_t first = flow->key.protocol == IP_PROTOCOL_TCP ? BULK_FIRST_TCP : BULK_FIRST_UDP;
    if (table->config.bulk == NULL || flow->closed != 0)
        return false;
    flow->vain = (uint8_t)((flow->vain + 1) % BULK_PACKETS);
    return flow->vain == first;
}

/* Payload came on a flow whose handshake was told. */
static inline void flow_note_done(struct flow_table *table, uint32_t index) {
    struct flow *flow = &table->flows[index];
    if (flow->told == 0 || !flow_note_vain(table, flow))
        return;
    const struct flow_bulk bulk = {.key = &flow->key,
                                   .protocol = (enum handshake_protocol)(flow->told - 1)};
    table->config.bulk(table->context, &bulk);
}

/* flow_tcp.c, flow_udp.c: one packet of each. */
void flow_tcp_segment(struct flow_table *table, const struct packet *packet,
                      const struct flow_place *place, uint64_t time_us, uint64_t number);
void flow_udp_datagram(struct flow_table *table, const struct packet *packet,
                       const struct flow_place *place, uint64_t time_us, uint64_t number);

#endif
