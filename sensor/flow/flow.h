/*
 * flow.h - segments to streams to handshakes.
 *
 * The flow table follows every TCP connection and the UDP flows that speak QUIC or DTLS, puts both
 * directions in order, reads TLS out of them and hands over one `struct handshake` when its story
 * is told: both sides went on encrypted, it was reset or closed, it fell silent, or the capture
 * ended.
 *
 * Memory is chosen at flow_table_new() and never grows: a table of flows, and three sizes of
 * buffers for streams that wait for missing bytes and for hellos. A full table evicts the flow that
 * was idle longest; what that costs is counted. Time is the packets': it is passed in and never
 * asked for.
 */
#ifndef DOWNGRD_FLOW_H
#define DOWNGRD_FLOW_H

#include "flow_key.h"
#include "handshake.h"
#include "packet.h"

/*
 * An open connection whose handshake is over. Of interest are its end and another handshake; and
 * for a while, over TCP, what may contradict the handshake: bytes that were read before, alerts in
 * clear and all that follows either of them, and a packet now and then, to compare those with.
 */
struct flow_bulk {
    const struct flow_key *key;
    enum handshake_protocol protocol;
    uint64_t watch_us;         /* how long from now; 0: it cannot be contradicted any more */
    uint32_t next_sequence[2]; /* valid then: of the first byte of each end that was not read yet */
};

struct flow_config {
    size_t flows;          /* connections followed at once: 131072 */
    size_t handshakes;     /* of them, handshakes in progress: 16384 */
    size_t small_buffers;  /* of 2 KiB: 16384 */
    size_t medium_buffers; /* of 18 KiB: 1024 */
    size_t large_buffers;  /* of 132 KiB: 64 */
    size_t windows;        /* of 2 KiB, for bytes that were read and may be contradicted: 16384 */
    uint64_t handshake_timeout_us; /* silence this long in a handshake ends it: 30 s */
    uint64_t closing_timeout_us;   /* after the first FIN, how long the rest may take: 1 s */
    uint64_t idle_timeout_us;      /* finished connections are forgotten after: 300 s */
    /* Live: told of an open connection whose handshake is over, whenever some more of its payload
     * came in vain. All but what struct flow_bulk names may be kept out before it gets here, and
     * over TCP what an end says when it has gone on encrypted, even before anything is told.
     * `context` is the table's. NULL: nothing is kept out. */
    void (*bulk)(void *context, const struct flow_bulk *bulk);
};
void flow_default_config(struct flow_config *config);

struct flow_counts {
    uint64_t flows;
    uint64_t flows_evicted;
    uint64_t handshakes;
    uint64_t dialogues; /* that spoke of TLS and came to none; told, but no handshakes */
    uint64_t half_seen;
    uint64_t inconclusive;
    uint64_t hello_malformed;
    uint64_t buffers_exhausted;
};

struct flow_table;

/*
 * `finished` is called for each record, in packet order. NULL when out of memory. A record without
 * any hello (HANDSHAKE_HAS_DIALOGUE alone) tells of a dialogue that spoke of TLS and ended without.
 */
struct flow_table *
flow_table_new(const struct flow_config *config,
               void (*finished)(void *context, const struct handshake *handshake), void *context);
void flow_table_delete(struct flow_table *table);

/* One TCP segment or UDP datagram (not a fragment). `number` is the packet's, from 1. */
void flow_table_packet(struct flow_table *table, const struct packet *packet, uint64_t time_us,
                       uint64_t number);

/*
 * The same in steps, for who has several packets at hand: each step asks for the memory that the
 * next one looks at, so that the packets' waits for it overlap. flow_table_place() for all of them,
 * then flow_table_expect_flow() for all, then flow_table_expect_session() for all, and then
 * flow_table_packet_at() for each in order, whose result does not depend on the steps before.
 */
void flow_table_place(const struct flow_table *table, const struct packet *packet,
                      struct flow_place *place);
void flow_table_expect_flow(const struct flow_table *table, const struct flow_place *place);
void flow_table_expect_session(const struct flow_table *table, const struct flow_place *place);
void flow_table_packet_at(struct flow_table *table, const struct packet *packet,
                          const struct flow_place *place, uint64_t time_us, uint64_t number);
/* A fragment of a datagram of this flow (its ports are in *packet) contradicted another one. */
void flow_table_conflict(struct flow_table *table, const struct packet *packet, uint64_t number);

/*
 * Live: no packet came for a while, and it is `time_us` now. What waited in vain until then ends,
 * as it would with a packet of that time.
 */
void flow_table_tick(struct flow_table *table, uint64_t time_us);
/*
 * Live: the capture lost packets of that time, inclusive; they need not be known at once, but
 * before the handshakes that they may belong to are told. Those of them that did not complete are
 * inconclusive (MISSED_CAPTURE).
 */
void flow_table_hole(struct flow_table *table, uint64_t from_us, uint64_t to_us);
/* Live: the clock that stamps the packets was set by so much. Nothing waits longer or shorter for
 * it; handshakes in progress are as in a hole. */
void flow_table_shift(struct flow_table *table, int64_t by_us);

/* The capture has ended: closes every flow, oldest first, and forgets all. */
void flow_table_end(struct flow_table *table);

/* Packet time: that of the latest packet or tick. */
uint64_t flow_table_now(const struct flow_table *table);

/* Since flow_table_new(). */
struct flow_counts flow_table_counts(const struct flow_table *table);

#endif
