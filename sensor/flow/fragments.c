/*
 * fragments.c - datagrams on their way to being whole.
 *
 * All datagrams are allocated at the start, as one array. They are found through a hash table of
 * chains, and stand in one queue in the order of their first fragments: its head is the one that
 * expires next and the one that makes room. Which bytes are there is kept as one bit for each eight
 * of them, the unit in which both versions of IP cut.
 *
 * Memory that no datagram has used yet is never touched.
 */
#include "fragments.h"

#include <assert.h>
#include <stdlib.h>

enum {
    UNIT = 8,
    MAX_DATAGRAM_SIZE = 65535,
    BUFFER_SIZE = MAX_DATAGRAM_SIZE + 1,
    /* A fast sender has used its identifications up after some seconds (RFC 4963). */
    TELL_WITHIN_US = 1000000,
    MAP_SIZE = BUFFER_SIZE / UNIT / 8,
    NONE = -1,
};

/* A contradicted datagram is dropped in two steps: first its ports must be known. */
enum datagram_state { AWAIT_FRAGMENTS, COMPLETE, AWAIT_PORTS, DROPPED };

/* Without gaps: it is hashed and compared as it lies. */
struct datagram_key {
    struct ip_address source;
    struct ip_address destination;
    uint32_t ip_id;
    uint32_t tunnel_id; /* of the innermost: two customers may use the same addresses */
    uint16_t vlans[PACKET_MAX_VLANS];
    uint8_t vlan_count;
    uint8_t tunnel_count;
    uint8_t ip_version;
    uint8_t protocol; /* IPv4 only: in IPv6 the fragments may name different ones */
};

struct datagram {
    struct datagram_key key;
    uint32_t hash;
    int32_t next_in_chain;
    int32_t older;
    int32_t newer;
    enum datagram_state state;
    uint64_t first_seen_us;
    uint32_t size;       /* bytes; 0 until the last fragment tells */
    uint32_t more_up_to; /* where the farthest fragment ends that says that more follow */
    uint32_t units_have;
    struct packet network; /* the first fragment's */
    uint8_t map[MAP_SIZE]; /* a bit for each unit that is there */
    uint8_t bytes[BUFFER_SIZE];
};

struct fragments {
    struct datagram *datagrams;
    int32_t *chains;
    uint32_t chain_mask;
    int32_t count; /* of datagrams; those from `used` on were never needed so far */
    int32_t used;
    int32_t unused; /* chain of those given back */
    int32_t oldest;
    int32_t newest;
    uint64_t timeout_us;
    unsigned max_tunnels;
    struct fragment_counts counts;
};

struct fragments *fragments_new(size_t datagrams, uint64_t timeout_us, unsigned max_tunnels) {
    assert(datagrams > 0 && datagrams <= INT32_MAX / 2);
    size_t chains = 1;
    while (chains < datagrams)
        chains *= 2;
    struct fragments *fragments = calloc(1, sizeof *fragments);
    if (fragments == NULL)
        return NULL;
    fragments->datagrams = calloc(datagrams, sizeof *fragments->datagrams);
    fragments->chains = malloc(chains * sizeof *fragments->chains);
    if (fragments->datagrams == NULL || fragments->chains == NULL) {
        fragments_delete(fragments);
        return NULL;
    }
    for (size_t i = 0; i < chains; i++)
        fragments->chains[i] = NONE;
    fragments->chain_mask = (uint32_t)(chains - 1);
    fragments->count = (int32_t)datagrams;
    fragments->unused = fragments->oldest = fragments->newest = NONE;
    fragments->timeout_us = timeout_us;
    fragments->max_tunnels = max_tunnels;
    return fragments;
}

void fragments_delete(struct fragments *fragments) {
    if (fragments == NULL)
        return;
    free(fragments->datagrams);
    free(fragments->chains);
    free(fragments);
}

struct fragment_counts fragments_counts(const struct fragments *fragments) {
    return fragments->counts;
}

static struct datagram_key key_of(const struct packet *packet) {
    struct datagram_key key = {
        .source = packet->source,
        .destination = packet->destination,
        .ip_id = packet->ip_id,
        .tunnel_id = packet->tunnel_count ? packet->tunnels[packet->tunnel_count - 1].id : 0,
        .vlan_count = packet->vlan_count,
        .tunnel_count = packet->tunnel_count,
        .ip_version = packet->ip_version,
        .protocol = packet->ip_version == 4 ? packet->protocol : 0,
    };
    memcpy(key.vlans, packet->vlans, sizeof key.vlans);
    return key;
}

/* FNV-1a. Whoever aims at collisions gains a walk over the few datagrams there are. */
static uint32_t hash_of(const struct datagram_key *key) {
    uint32_t hash = 2166136261U;
    struct reader reader = reader_of(span_of(key, sizeof *key));
    while (reader_left(&reader) > 0)
        hash = (uint32_t)((uint64_t)(hash ^ reader_u8(&reader)) * 16777619U);
    return hash;
}

static int32_t index_of(const struct fragments *fragments, const struct datagram *datagram) {
    return (int32_t)(datagram - fragments->datagrams);
}

static struct datagram *find(const struct fragments *fragments, const struct datagram_key *key,
                             uint32_t hash) {
    int32_t index = fragments->chains[hash & fragments->chain_mask];
    while (index != NONE) {
        struct datagram *datagram = &fragments->datagrams[index];
        if (datagram->hash == hash && memcmp(&datagram->key, key, sizeof *key) == 0)
            return datagram;
        index = datagram->next_in_chain;
    }
    return NULL;
}

static void unlink_from_chain(struct fragments *fragments, const struct datagram *datagram) {
    int32_t *link = &fragments->chains[datagram->hash & fragments->chain_mask];
    int32_t index = index_of(fragments, datagram);
    while (*link != index)
        link = &fragments->datagrams[*link].next_in_chain;
    *link = datagram->next_in_chain;
}

/* Forgets a datagram; its place goes to the next one. */
static void release(struct fragments *fragments, struct datagram *datagram) {
    unlink_from_chain(fragments, datagram);
    if (datagram->older == NONE)
        fragments->oldest = datagram->newer;
    else
        fragments->datagrams[datagram->older].newer = datagram->newer;
    if (datagram->newer == NONE)
        fragments->newest = datagram->older;
    else
        fragments->datagrams[datagram->newer].older = datagram->older;
    datagram->next_in_chain = fragments->unused;
    fragments->unused = index_of(fragments, datagram);
}

/* A capture's time may step back: that makes nothing old. */
static uint64_t age_of(const struct datagram *datagram, uint64_t time_us) {
    return time_us > datagram->first_seen_us ? time_us - datagram->first_seen_us : 0;
}

static void expire_oldest(struct fragments *fragments) {
    struct datagram *datagram = &fragments->datagrams[fragments->oldest];
    if (datagram->state == AWAIT_FRAGMENTS)
        fragments->counts.expired++;
    release(fragments, datagram);
}

static void expire(struct fragments *fragments, uint64_t time_us) {
    while (fragments->oldest != NONE &&
           age_of(&fragments->datagrams[fragments->oldest], time_us) >= fragments->timeout_us)
        expire_oldest(fragments);
}

void fragments_end(struct fragments *fragments) {
    while (fragments->oldest != NONE)
        expire_oldest(fragments);
}

static struct datagram *take_place(struct fragments *fragments) {
    if (fragments->unused == NONE && fragments->used < fragments->count)
        return &fragments->datagrams[fragments->used++];
    if (fragments->unused == NONE) {
        struct datagram *oldest = &fragments->datagrams[fragments->oldest];
        if (oldest->state == AWAIT_FRAGMENTS)
            fragments->counts.evicted++;
        release(fragments, oldest);
    }
    struct datagram *datagram = &fragments->datagrams[fragments->unused];
    fragments->unused = datagram->next_in_chain;
    return datagram;
}

static struct datagram *begin(struct fragments *fragments, const struct datagram_key *key,
                              uint32_t hash, uint64_t time_us) {
    struct datagram *datagram = take_place(fragments);
    int32_t index = index_of(fragments, datagram);
    int32_t *chain = &fragments->chains[hash & fragments->chain_mask];
    datagram->key = *key;
    datagram->hash = hash;
    datagram->next_in_chain = *chain;
    *chain = index;
    datagram->older = fragments->newest;
    datagram->newer = NONE;
    if (fragments->newest == NONE)
        fragments->oldest = index;
    else
        fragments->datagrams[fragments->newest].newer = index;
    fragments->newest = index;
    datagram->state = AWAIT_FRAGMENTS;
    datagram->first_seen_us = time_us;
    datagram->size = 0;
    datagram->more_up_to = 0;
    datagram->units_have = 0;
    memset(datagram->map, 0, sizeof datagram->map);
    return datagram;
}

static bool has_unit(const struct datagram *datagram, size_t unit) {
    return ((unsigned)datagram->map[unit / 8] >> (unit % 8) & 1U) != 0;
}

/* Where a datagram ends is said by its last fragment; everything else must fit to that. */
static bool end_contradicts(const struct datagram *datagram, const struct packet *packet) {
    uint32_t end = packet->fragment_offset + (uint32_t)packet->payload.size;
    if (packet->more_fragments)
        return datagram->size != 0 && end >= datagram->size;
    return (datagram->size != 0 && end != datagram->size) || end <= datagram->more_up_to;
}

/* True when what is already there of the fragment's range is the same. */
static bool bytes_agree(const struct datagram *datagram, const struct packet *packet) {
    struct span piece = packet->payload;
    for (size_t unit = packet->fragment_offset / UNIT; piece.size > 0; unit++) {
        struct span bytes = span_first(piece, UNIT);
        if (has_unit(datagram, unit) &&
            memcmp(datagram->bytes + unit * UNIT, bytes.data, bytes.size) != 0)
            return false;
        piece = span_from(piece, bytes.size);
    }
    return true;
}

static void keep(struct datagram *datagram, const struct packet *packet) {
    uint32_t end = packet->fragment_offset + (uint32_t)packet->payload.size;
    /* A piece that came out of a tunnel may lie in the very place that this datagram took over. */
    memmove(datagram->bytes + packet->fragment_offset, packet->payload.data, packet->payload.size);
    for (size_t unit = packet->fragment_offset / UNIT; unit * UNIT < end; unit++) {
        if (has_unit(datagram, unit))
            continue;
        datagram->map[unit / 8] |= (uint8_t)(1U << (unit % 8));
        datagram->units_have++;
    }
    if (!packet->more_fragments)
        datagram->size = end;
    else if (end > datagram->more_up_to)
        datagram->more_up_to = end;
    if (packet->fragment_offset == 0)
        datagram->network = *packet;
}

/* A fragment must hold something, end on a unit's border unless it is the last, and fit into a
 * datagram; and all of it must have been captured. */
static bool is_usable(const struct packet *packet) {
    return !span_is_absent(packet->payload) && packet->payload.size > 0 &&
           packet->payload.size == packet->payload_size_wire &&
           packet->fragment_offset + packet->payload.size <= MAX_DATAGRAM_SIZE &&
           (!packet->more_fragments || packet->payload.size % UNIT == 0);
}

/* The datagram that a fragment belongs to. */
static struct datagram *find_or_begin(struct fragments *fragments, const struct packet *packet,
                                      uint64_t time_us) {
    struct datagram_key key = key_of(packet);
    uint32_t hash = hash_of(&key);
    struct datagram *datagram = find(fragments, &key, hash);
    return datagram ? datagram : begin(fragments, &key, hash, time_us);
}

static bool agrees(const struct datagram *datagram, const struct packet *packet) {
    return !end_contradicts(datagram, packet) && bytes_agree(datagram, packet);
}

/* What there is of a datagram from its first byte on. */
static struct span beginning_of(const struct datagram *datagram) {
    size_t unit = 0;
    while (unit < MAP_SIZE * 8 && has_unit(datagram, unit))
        unit++;
    size_t size =
        datagram->size != 0 && datagram->size < unit * UNIT ? datagram->size : unit * UNIT;
    return span_of(datagram->bytes, size);
}

/* Tells whose datagram is contradicted, if what is held of it, or else the fragment that
 * contradicts it, has the ports. */
static enum fragment_result tell_contradiction(const struct fragments *fragments,
                                               struct datagram *datagram, struct packet *packet,
                                               uint64_t time_us) {
    bool is_held = has_unit(datagram, 0);
    struct packet whole = is_held ? datagram->network : *packet;
    struct span beginning = is_held ? beginning_of(datagram) : packet->payload;
    datagram->state = AWAIT_PORTS;
    if (!is_held && packet->fragment_offset != 0)
        return FRAGMENT_HELD;
    datagram->state = DROPPED;
    if (age_of(datagram, time_us) > TELL_WITHIN_US ||
        packet_decode_ports(&whole, beginning, fragments->max_tunnels) != PARSE_OK)
        return FRAGMENT_HELD;
    *packet = whole;
    return FRAGMENT_CONTRADICTS;
}

static enum fragment_result complete(struct fragments *fragments, struct datagram *datagram,
                                     struct packet *packet) {
    datagram->state = COMPLETE;
    struct packet whole = datagram->network;
    struct span body = span_of(datagram->bytes, datagram->size);
    switch (packet_decode_transport(&whole, body, fragments->max_tunnels)) {
    case PARSE_OK:
        fragments->counts.reassembled++;
        *packet = whole;
        return FRAGMENT_WHOLE;
    case PARSE_FOREIGN:
        fragments->counts.reassembled++;
        return FRAGMENT_FOREIGN;
    case PARSE_MORE:
    case PARSE_MALFORMED:
        break;
    }
    fragments->counts.malformed++;
    return FRAGMENT_HELD;
}

enum fragment_result fragments_add(struct fragments *fragments, struct packet *packet,
                                   uint64_t time_us) {
    assert(packet->is_fragment);
    expire(fragments, time_us);
    if (!is_usable(packet)) {
        fragments->counts.malformed++;
        return FRAGMENT_HELD;
    }
    struct datagram *datagram = find_or_begin(fragments, packet, time_us);
    if (datagram->state == DROPPED)
        return FRAGMENT_HELD;
    if (datagram->state == AWAIT_PORTS)
        return tell_contradiction(fragments, datagram, packet, time_us);
    bool is_agreeing = agrees(datagram, packet);
    if (datagram->state == COMPLETE) {
        if (is_agreeing)
            return FRAGMENT_HELD;
        release(fragments, datagram);
        datagram = find_or_begin(fragments, packet, time_us);
    } else if (!is_agreeing) {
        fragments->counts.contradictory++;
        return tell_contradiction(fragments, datagram, packet, time_us);
    }
    keep(datagram, packet);
    if (datagram->size == 0 || datagram->units_have * UNIT < datagram->size)
        return FRAGMENT_HELD;
    return complete(fragments, datagram, packet);
}
