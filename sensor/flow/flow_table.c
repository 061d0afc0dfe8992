/*
 * flow_table.c - the table's life, and when each flow is let go.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "flow_store.h"
#include "quic_protection.h"
#include "table_memory.h"

void flow_default_config(struct flow_config *config) {
    *config = (struct flow_config){
        .flows = 131072,
        .handshakes = 16384,
        .small_buffers = 16384,
        .medium_buffers = 1024,
        .large_buffers = 64,
        .windows = 16384,
        .handshake_timeout_us = 30000000,
        .closing_timeout_us = 1000000,
        .idle_timeout_us = 300000000,
    };
}

/* How long a flow stays in each list after its last_us. */
static uint64_t list_timeout(const struct flow_config *config, enum list_name name) {
    switch (name) {
    case LIST_CLOSED:
    case LIST_CLOSING:
        return config->closing_timeout_us;
    case LIST_HANDSHAKE:
        return config->handshake_timeout_us;
    case LIST_IDLE:
        return config->idle_timeout_us;
    case LIST_COUNT:
        break;
    }
    return 0;
}

/* What telling a record looks at. */
static void expect_record(const struct flow_table *table, uint32_t index) {
    const struct session *session = &table->sessions[index];
    const struct session_rest *rest = &table->rests[index];
    expect_memory(session, offsetof(struct session, streams));
    expect_memory(&rest->record, offsetof(struct handshake, certificate_name));
    expect_memory(rest->kept, CACHE_LINE);
    for (unsigned end = 0; end < 2; end++) {
        expect_memory(&session->streams[end], CACHE_LINE);
        expect_memory(&session->streams[end].window, CACHE_LINE);
    }
}

/* And then: the hellos that the record points into. */
static void expect_hello(const struct session *session) {
    enum { HELLO_SIZE = 512 };
    if (session->kept_count > 0)
        expect_memory(session->kept[0].data, HELLO_SIZE);
}

/* One is told now: the memory of some that come after it is asked for, in three steps. */
static void expect_lingering(const struct flow_table *table) {
    enum { FLOW_AHEAD = 6, RECORD_AHEAD = 4, HELLO_AHEAD = 2 };
    const struct lingering *next = linger_at(&table->linger, FLOW_AHEAD);
    if (next != NULL)
        expect_memory(&table->flows[next->flow], sizeof table->flows[0]);
    next = linger_at(&table->linger, RECORD_AHEAD);
    if (next != NULL)
        expect_record(table, table->flows[next->flow].session);
    next = linger_at(&table->linger, HELLO_AHEAD);
    if (next != NULL)
        expect_hello(&table->sessions[table->flows[next->flow].session]);
}

static void expire_lingering(struct flow_table *table) {
    const struct lingering *first = NULL;
    while ((first = linger_at(&table->linger, 0)) != NULL && first->due_us < table->now_us) {
        expect_lingering(table);
        flow_end_session(table, first->flow, true, false);
    }
}

static void expire_list(struct flow_table *table, enum list_name name) {
    uint64_t timeout_us = list_timeout(&table->config, name);
    uint32_t index = 0;
    while ((index = table->lists[name].head) != NONE &&
           table->flows[index].last_us + timeout_us < table->now_us) {
        if (table->flows[index].session != NONE)
            flow_end_session(table, index, true, false);
        else
            flow_free(table, index);
        if (table->lists[name].head != NONE) /* due soon, and not looked at for long */
            __builtin_prefetch(&table->flows[table->lists[name].head].key);
    }
}

/* Until when the lists that are in order need not be looked at: their heads are not due before, and
 * neither is what joins them from now on. */
static uint64_t next_check(const struct flow_table *table) {
    static const enum list_name names[] = {LIST_CLOSING, LIST_HANDSHAKE, LIST_IDLE, LIST_CLOSED};
    uint64_t check_us = UINT64_MAX;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t head = table->lists[names[i]].head;
        uint64_t from_us = head == NONE ? table->now_us : table->flows[head].last_us;
        uint64_t due_us = from_us + list_timeout(&table->config, names[i]);
        check_us = due_us < check_us ? due_us : check_us;
    }
    return check_us;
}

/* Called for every packet that brings a new time: mostly there is nothing to do. */
static inline void flow_table_expire(struct flow_table *table) {
    expire_lingering(table);
    if (table->now_us <= table->check_us)
        return;
    expire_list(table, LIST_CLOSING);
    expire_list(table, LIST_HANDSHAKE);
    expire_list(table, LIST_IDLE);
    expire_list(table, LIST_CLOSED);
    table->check_us = next_check(table);
}

void flow_table_tick(struct flow_table *table, uint64_t time_us) {
    if (time_us <= table->now_us)
        return;
    table->now_us = time_us;
    flow_table_expire(table);
}

uint64_t flow_table_now(const struct flow_table *table) {
    return table->now_us;
}

bool flow_has_hole(const struct flow_table *table, uint64_t since_us) {
    for (size_t i = 0; i < table->hole_count; i++) {
        if (table->holes[i].to_us >= since_us && table->holes[i].from_us <= table->now_us)
            return true;
    }
    return false;
}

/* Past their number the two oldest become one, with what lies between them. */
void flow_table_hole(struct flow_table *table, uint64_t from_us, uint64_t to_us) {
    struct hole *holes = table->holes;
    struct hole *latest = table->hole_count > 0 ? &holes[table->hole_count - 1] : NULL;
    if (latest != NULL && from_us <= latest->to_us && to_us >= latest->from_us) {
        latest->from_us = from_us < latest->from_us ? from_us : latest->from_us;
        latest->to_us = to_us > latest->to_us ? to_us : latest->to_us;
        return;
    }
    if (table->hole_count == FLOW_MAX_HOLES) {
        holes[1].from_us = holes[0].from_us;
        memmove(&holes[0], &holes[1], (FLOW_MAX_HOLES - 1) * sizeof holes[0]);
        table->hole_count--;
    }
    holes[table->hole_count++] = (struct hole){from_us, to_us};
}

void flow_table_shift(struct flow_table *table, int64_t by_us) {
    uint64_t before_us = table->now_us;
    if (before_us == 0)
        return;
    table->now_us += (uint64_t)by_us;
    table->check_us = 0;
    for (size_t name = 0; name < LIST_COUNT; name++) {
        uint32_t index = table->lists[name].head;
        for (; index != NONE; index = table->flows[index].next)
            table->flows[index].last_us += (uint64_t)by_us;
    }
    for (size_t i = 0; i < table->linger.count; i++)
        table->flows[linger_at(&table->linger, i)->flow].last_us += (uint64_t)by_us;
    linger_shift(&table->linger, by_us);
    if (by_us < 0)
        flow_table_hole(table, table->now_us, before_us);
    else
        flow_table_hole(table, before_us, table->now_us);
}

/* Packets are TCP or UDP: packet_decode() lets nothing else through. */
void flow_table_packet_at(struct flow_table *table, const struct packet *packet,
                          const struct flow_place *place, uint64_t time_us, uint64_t number) {
    if (time_us > table->now_us) {
        table->now_us = time_us;
        flow_table_expire(table);
    }
    if (packet->protocol == IP_PROTOCOL_TCP)
        flow_tcp_segment(table, packet, place, time_us, number);
    else
        flow_udp_datagram(table, packet, place, time_us, number);
}

void flow_table_packet(struct flow_table *table, const struct packet *packet, uint64_t time_us,
                       uint64_t number) {
    struct flow_place place;
    flow_table_place(table, packet, &place);
    flow_table_packet_at(table, packet, &place, time_us, number);
}

void flow_table_place(const struct flow_table *table, const struct packet *packet,
                      struct flow_place *place) {
    place->from = flow_key_of(packet, &place->key);
    place->hash = flow_key_hash(table->seed, &place->key);
    __builtin_prefetch(&table->buckets[place->hash & table->bucket_mask]);
}

void flow_table_expect_flow(const struct flow_table *table, const struct flow_place *place) {
    uint32_t index = table->buckets[place->hash & table->bucket_mask];
    if (index == NONE)
        return;
    expect_memory(&table->flows[index], CACHE_LINE);
    expect_memory(&table->flows[index].end[place->from], CACHE_LINE);
}

/* What nearly every packet of a handshake looks at. */
void flow_table_expect_session(const struct flow_table *table, const struct flow_place *place) {
    uint32_t index = table->buckets[place->hash & table->bucket_mask];
    if (index == NONE || table->flows[index].session == NONE)
        return;
    const struct session *session = &table->sessions[table->flows[index].session];
    expect_memory(session, CACHE_LINE);
    expect_memory(&session->end[place->from], sizeof session->end[0]);
    expect_memory(&session->streams[place->from], offsetof(struct stream, window.pieces));
}

void flow_table_conflict(struct flow_table *table, const struct packet *packet, uint64_t number) {
    struct flow_place place;
    flow_table_place(table, packet, &place);
    uint32_t index = flow_find(table, &place.key, place.hash);
    if (index == NONE || table->flows[index].session == NONE)
        return;
    struct handshake *record = table->sessions[table->flows[index].session].record;
    if (record->conflict_packet == 0)
        record->conflict_packet = number;
}

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
    const size_t window_counts[BUFFER_CLASS_COUNT] = {config->windows, 0, 0};
    table->config = *config;
    table->finished = finished;
    table->context = context;
    table->quic = quic_protection_new();
    table->flows = table_memory_new(config->flows, sizeof *table->flows);
    table->buckets = table_memory_new(bucket_count, sizeof *table->buckets);
    table->bucket_mask = bucket_count - 1;
    table->sessions = table_memory_new(config->handshakes, sizeof *table->sessions);
    table->rests = table_memory_new(config->handshakes, sizeof *table->rests);
    table->free_sessions = calloc(config->handshakes, sizeof *table->free_sessions);
    if (!table->quic || !table->flows || !table->buckets || !table->sessions || !table->rests ||
        !table->free_sessions || buffers_init(&table->buffers, buffer_counts) != 0 ||
        buffers_init(&table->windows, window_counts) != 0 ||
        linger_init(&table->linger, config->handshakes) != 0 ||
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
    quic_protection_delete(table->quic);
    buffers_deinit(&table->buffers);
    buffers_deinit(&table->windows);
    linger_deinit(&table->linger);
    table_memory_delete(table->flows, table->config.flows, sizeof *table->flows);
    table_memory_delete(table->buckets, table->bucket_mask + 1, sizeof *table->buckets);
    table_memory_delete(table->sessions, table->config.handshakes, sizeof *table->sessions);
    table_memory_delete(table->rests, table->config.handshakes, sizeof *table->rests);
    free(table->free_sessions);
    free(table);
}

/* Of the connections with a session, the one that was quiet longest; first those that are over. */
static uint32_t flow_table_oldest_session(const struct flow_table *table) {
    const struct lingering *over = linger_at(&table->linger, 0);
    if (over != NULL)
        return over->flow;
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
        bool is_closed = session->is_closing || table->flows[index].list >= LIST_CLOSING;
        flow_end_session(table, index, false, !is_closed);
    }
    memset(table->buckets, 0xff, (table->bucket_mask + 1) * sizeof *table->buckets);
    table->lists[LIST_IDLE] = (struct list){NONE, NONE};
    table->lists[LIST_CLOSED] = (struct list){NONE, NONE};
    table->free_flow = NONE;
    table->fresh_flow = 0;
    table->now_us = 0;
    table->check_us = 0;
}

struct flow_counts flow_table_counts(const struct flow_table *table) {
    return table->counts;
}
