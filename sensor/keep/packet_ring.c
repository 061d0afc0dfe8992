/*
 * packet_ring.c - see packet_ring.h.
 *
 * Three fixed arrays: the frames' bytes, a ring of entries that tell where each lies, and a hash
 * table of the connections that have frames in the ring. Entries and bytes are taken in turn, so
 * the oldest entry is always the one with the oldest bytes. Each entry knows the previous one of
 * its connection; a connection leaves the table with its last frame.
 *
 * Entries are named by a running number that is never used twice, `turn`: one that is below the
 * oldest is gone, so nothing has to be mended when entries go.
 */
#include "packet_ring.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* An entry for so much memory: hellos are larger, acknowledgements smaller. */
enum { BYTES_PER_ENTRY = 512, ENTRIES_PER_FLOW = 2 };
static const uint32_t no_flow = UINT32_MAX;

struct entry {
    uint64_t number;
    uint64_t time_us;
    uint64_t position; /* of its bytes, counted on past the end of the array */
    uint64_t previous; /* turn of the connection's frame before this one; 0: none */
    uint32_t flow;
    uint32_t size;
    uint32_t wire_size;
    uint16_t link_type;
    bool is_start; /* a SYN that opens */
};

struct ring_flow {
    struct flow_key key;
    uint64_t newest;      /* turn */
    uint32_t frames;      /* in the ring */
    uint32_t since_start; /* taken in since the latest SYN */
    uint32_t next;        /* in its bucket, or in the list of free ones */
};

struct packet_ring {
    const struct source *source;
    uint8_t *bytes;
    size_t byte_count;
    struct entry *entries;
    size_t entry_count;
    struct ring_flow *flows;
    size_t flow_count;
    uint32_t *buckets;
    size_t bucket_mask;
    uint32_t free_flow;
    uint64_t seed[2];
    uint64_t position; /* where the next frame's bytes go */
    uint64_t oldest;   /* turn of the oldest entry there is */
    uint64_t next;     /* turn of the next entry; equal to oldest: empty */
    struct ring_counts counts;
    pthread_mutex_t mutex;
};

static void forget_all(struct packet_ring *ring) {
    for (size_t i = 0; i <= ring->bucket_mask; i++)
        ring->buckets[i] = no_flow;
    for (size_t i = 0; i < ring->flow_count; i++)
        ring->flows[i].next = i + 1 < ring->flow_count ? (uint32_t)(i + 1) : no_flow;
    ring->free_flow = 0;
    ring->position = 0;
    ring->oldest = 1;
    ring->next = 1;
}

struct packet_ring *packet_ring_new(size_t bytes) {
    struct packet_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return NULL;
    (void)pthread_mutex_init(&ring->mutex, NULL);
    size_t room = bytes > PACKET_RING_MIN_BYTES ? bytes : PACKET_RING_MIN_BYTES;
    ring->entry_count = room / BYTES_PER_ENTRY;
    ring->flow_count = ring->entry_count / ENTRIES_PER_FLOW;
    size_t buckets = 1;
    while (buckets < ring->flow_count)
        buckets *= 2;
    ring->bucket_mask = buckets - 1;
    ring->byte_count = room - ring->entry_count * sizeof *ring->entries -
                       ring->flow_count * sizeof *ring->flows - buckets * sizeof *ring->buckets;
    ring->bytes = malloc(ring->byte_count);
    ring->entries = calloc(ring->entry_count, sizeof *ring->entries);
    ring->flows = calloc(ring->flow_count, sizeof *ring->flows);
    ring->buckets = calloc(buckets, sizeof *ring->buckets);
    if (ring->bytes == NULL || ring->entries == NULL || ring->flows == NULL ||
        ring->buckets == NULL ||
        getrandom(ring->seed, sizeof ring->seed, 0) != (ssize_t)sizeof ring->seed) {
        packet_ring_delete(ring);
        return NULL;
    }
    forget_all(ring);
    return ring;
}

void packet_ring_delete(struct packet_ring *ring) {
    if (ring == NULL)
        return;
    free(ring->bytes);
    free(ring->entries);
    free(ring->flows);
    free(ring->buckets);
    (void)pthread_mutex_destroy(&ring->mutex);
    free(ring);
}

void packet_ring_lock(struct packet_ring *ring) {
    (void)pthread_mutex_lock(&ring->mutex);
}

void packet_ring_unlock(struct packet_ring *ring) {
    (void)pthread_mutex_unlock(&ring->mutex);
}

void packet_ring_begin(struct packet_ring *ring, const struct source *source) {
    forget_all(ring);
    ring->source = source;
}

const struct source *packet_ring_source(const struct packet_ring *ring) {
    return ring->source;
}

struct ring_counts packet_ring_counts(const struct packet_ring *ring) {
    return ring->counts;
}

static struct entry *entry_of(const struct packet_ring *ring, uint64_t turn) {
    return &ring->entries[turn % ring->entry_count];
}

static uint32_t *bucket_of(const struct packet_ring *ring, const struct flow_key *key) {
    return &ring->buckets[flow_key_hash(ring->seed, key) & ring->bucket_mask];
}

static uint32_t find_flow(const struct packet_ring *ring, const struct flow_key *key) {
    uint32_t index = *bucket_of(ring, key);
    while (index != no_flow && !flow_key_equal(&ring->flows[index].key, key))
        index = ring->flows[index].next;
    return index;
}

static void release_flow(struct packet_ring *ring, uint32_t index) {
    struct ring_flow *flow = &ring->flows[index];
    uint32_t *link = bucket_of(ring, &flow->key);
    while (*link != index)
        link = &ring->flows[*link].next;
    *link = flow->next;
    flow->next = ring->free_flow;
    ring->free_flow = index;
}

static void evict_oldest(struct packet_ring *ring) {
    assert(ring->oldest < ring->next);
    uint32_t index = entry_of(ring, ring->oldest)->flow;
    ring->oldest++;
    ring->counts.evicted++;
    if (--ring->flows[index].frames == 0)
        release_flow(ring, index);
}

/* The connection's place, made if need be; the caller gives it a frame. */
static uint32_t take_flow(struct packet_ring *ring, const struct flow_key *key) {
    uint32_t index = find_flow(ring, key);
    if (index != no_flow)
        return index;
    while (ring->free_flow == no_flow)
        evict_oldest(ring);
    index = ring->free_flow;
    struct ring_flow *flow = &ring->flows[index];
    uint32_t *bucket = bucket_of(ring, key);
    ring->free_flow = flow->next;
    *flow = (struct ring_flow){.key = *key, .next = *bucket};
    *bucket = index;
    return index;
}

/* Where the next `size` bytes go, in one piece, after as many frames as must have made room. */
static uint64_t make_room(struct packet_ring *ring, size_t size) {
    uint64_t position = ring->position;
    size_t offset = (size_t)(position % ring->byte_count);
    if (offset + size > ring->byte_count)
        position += ring->byte_count - offset;
    while (ring->oldest < ring->next &&
           (ring->next - ring->oldest == ring->entry_count ||
            position + size - entry_of(ring, ring->oldest)->position > ring->byte_count))
        evict_oldest(ring);
    return position;
}

static bool is_opening(const struct packet *packet) {
    return packet->protocol == IP_PROTOCOL_TCP && !packet->is_fragment &&
           (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static bool is_turning_point(const struct packet *packet) {
    return packet->protocol == IP_PROTOCOL_TCP && !packet->is_fragment &&
           (packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0;
}

static void key_of_packet(const struct packet *packet, struct flow_key *key) {
    (void)flow_key_of(packet, key);
    if (!packet->is_fragment)
        return;
    key->port[0] = 0;
    key->port[1] = 0;
    key->protocol = 0;
}

void packet_ring_add(struct packet_ring *ring, const struct packet *packet,
                     const struct ring_frame *frame) {
    struct flow_key key;
    key_of_packet(packet, &key);
    uint32_t index = find_flow(ring, &key);
    bool has_enough = index != no_flow && ring->flows[index].since_start >= PACKET_RING_OF_FLOW;
    if ((has_enough && !is_turning_point(packet)) || frame->bytes.size > ring->byte_count) {
        ring->counts.passed++;
        return;
    }
    uint64_t position = make_room(ring, frame->bytes.size);
    index = take_flow(ring, &key);
    struct ring_flow *flow = &ring->flows[index];
    struct entry *entry = entry_of(ring, ring->next);
    *entry = (struct entry){
        .number = frame->number,
        .time_us = frame->time_us,
        .position = position,
        .previous = flow->newest,
        .flow = index,
        .size = (uint32_t)frame->bytes.size,
        .wire_size = frame->wire_size < UINT32_MAX ? (uint32_t)frame->wire_size : UINT32_MAX,
        .link_type = (uint16_t)frame->link_type,
        .is_start = is_opening(packet),
    };
    if (frame->bytes.size > 0)
        memcpy(ring->bytes + position % ring->byte_count, frame->bytes.data, frame->bytes.size);
    flow->since_start = entry->is_start ? 1 : flow->since_start + 1;
    flow->newest = ring->next;
    flow->frames++;
    ring->position = position + frame->bytes.size;
    ring->next++;
    ring->counts.kept++;
}

/* The turn of the first entry whose number is not below this one. Numbers rise. */
static uint64_t turn_of(const struct packet_ring *ring, uint64_t number) {
    uint64_t low = ring->oldest;
    uint64_t high = ring->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (entry_of(ring, middle)->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct entry *find_entry(const struct packet_ring *ring, uint64_t number,
                                      uint64_t *turn) {
    *turn = turn_of(ring, number);
    if (*turn == ring->next || entry_of(ring, *turn)->number != number)
        return NULL;
    return entry_of(ring, *turn);
}

bool packet_ring_find(const struct packet_ring *ring, uint64_t number, struct ring_frame *frame) {
    uint64_t turn = 0;
    const struct entry *entry = find_entry(ring, number, &turn);
    if (entry == NULL)
        return false;
    *frame = (struct ring_frame){
        .number = entry->number,
        .time_us = entry->time_us,
        .wire_size = entry->wire_size,
        .link_type = entry->link_type,
        .bytes = span_of(ring->bytes + entry->position % ring->byte_count, entry->size),
    };
    return true;
}

/* A walk back through a connection: of what it meets the last `room` are the first in time. */
struct walk {
    uint64_t *numbers;
    size_t room;
    size_t found;
};

static struct walk walk_of(uint64_t *numbers, size_t room) {
    return (struct walk){.numbers = numbers, .room = room};
}

static void walk_add(struct walk *walk, uint64_t number) {
    walk->numbers[walk->found++ % walk->room] = number;
}

static int compare_numbers(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static size_t walk_end(const struct walk *walk) {
    size_t count = walk->found < walk->room ? walk->found : walk->room;
    qsort(walk->numbers, count, sizeof *walk->numbers, compare_numbers);
    return count;
}

size_t packet_ring_list(const struct packet_ring *ring, const struct flow_key *key,
                        const struct ring_range *range, uint64_t *numbers, size_t room,
                        size_t *found) {
    struct walk walk = walk_of(numbers, room);
    uint32_t index = find_flow(ring, key);
    uint64_t turn = index != no_flow ? ring->flows[index].newest : 0;
    while (turn >= ring->oldest) {
        const struct entry *entry = entry_of(ring, turn);
        if (entry->number < range->from_number)
            break;
        if (entry->number <= range->to_number && entry->time_us >= range->from_us)
            walk_add(&walk, entry->number);
        turn = entry->previous;
    }
    if (found != NULL)
        *found = walk.found;
    return walk_end(&walk);
}

size_t packet_ring_list_around(const struct packet_ring *ring, uint64_t number, uint64_t *numbers,
                               size_t room) {
    struct walk walk = walk_of(numbers, room);
    uint64_t turn = 0;
    const struct entry *named = find_entry(ring, number, &turn);
    if (named == NULL)
        return 0;
    turn = ring->flows[named->flow].newest;
    while (turn >= ring->oldest) {
        const struct entry *entry = entry_of(ring, turn);
        walk_add(&walk, entry->number);
        if (entry->is_start && entry->number <= number)
            break;
        if (entry->is_start) /* of a later connection between the same ports */
            walk.found = 0;
        turn = entry->previous;
    }
    return walk_end(&walk);
}
