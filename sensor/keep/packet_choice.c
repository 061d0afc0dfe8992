/*
 * packet_choice.c - see packet_choice.h.
 */
#include "packet_choice.h"

#include <stdlib.h>

enum { MAX_FRAGMENTS = 64, MAX_EARLIER = 64, FRAGMENT_LEAD_US = 1000000 };

static bool is_among(const uint64_t *numbers, size_t count, uint64_t number) {
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

static bool has_chosen(const struct packet_choice *choice, uint64_t number) {
    return is_among(choice->numbers, choice->count, number);
}

/* False when it is not kept, or there is no room for it. */
static bool choose(const struct packet_ring *ring, uint64_t number, struct packet_choice *choice) {
    struct ring_frame frame;
    if (has_chosen(choice, number))
        return true;
    if (!packet_ring_find(ring, number, &frame))
        return false;
    if (choice->count == CHOICE_MAX_FRAMES || frame.bytes.size > CHOICE_MAX_BYTES - choice->bytes) {
        choice->left_out++;
        return false;
    }
    choice->numbers[choice->count++] = number;
    choice->bytes += frame.bytes.size;
    return true;
}

static void choose_named(const struct packet_ring *ring, const struct packet_notes *notes,
                         struct packet_choice *choice) {
    for (size_t i = 0; i < notes->count; i++) {
        uint64_t number = notes->notes[i].packet;
        if (!choose(ring, number, choice) &&
            !is_among(choice->missing, choice->missing_count, number))
            choice->missing[choice->missing_count++] = number;
    }
}

static void choose_all(const struct packet_ring *ring, const uint64_t *numbers, size_t count,
                       struct packet_choice *choice) {
    for (size_t i = 0; i < count; i++)
        (void)choose(ring, numbers[i], choice);
}

static size_t choose_connection(const struct packet_ring *ring, const struct handshake *handshake,
                                uint64_t numbers[CHOICE_MAX_FRAMES], struct packet_choice *choice) {
    struct flow_key key;
    size_t found = 0;
    const struct ring_range range = {handshake->started_packet, UINT64_MAX, 0};
    const struct packet ends = {
        .ip_version = handshake->ip_version,
        .protocol = handshake->transport,
        .source = handshake->client.address,
        .destination = handshake->server.address,
        .source_port = handshake->client.port,
        .destination_port = handshake->server.port,
    };
    (void)flow_key_of(&ends, &key);
    size_t count = packet_ring_list(ring, &key, &range, numbers, CHOICE_MAX_FRAMES, &found);
    choice->left_out += found - count;
    choose_all(ring, numbers, count, choice);
    return count;
}

static void choose_fragments(const struct packet_ring *ring, const struct handshake *handshake,
                             const struct packet *ends, struct packet_choice *choice) {
    struct flow_key key;
    uint64_t numbers[MAX_FRAGMENTS];
    uint64_t from_us =
        handshake->started_us > FRAGMENT_LEAD_US ? handshake->started_us - FRAGMENT_LEAD_US : 0;
    const struct ring_range range = {0, UINT64_MAX, from_us};
    (void)flow_key_of(ends, &key);
    size_t count = packet_ring_list(ring, &key, &range, numbers, MAX_FRAGMENTS, NULL);
    choose_all(ring, numbers, count, choice);
}

static void choose_all_fragments(const struct packet_ring *ring, const struct handshake *handshake,
                                 struct packet_choice *choice) {
    const struct packet inner = {
        .ip_version = handshake->ip_version,
        .source = handshake->client.address,
        .destination = handshake->server.address,
    };
    choose_fragments(ring, handshake, &inner, choice);
    for (size_t i = 0; i < handshake->tunnel_count && i < PACKET_MAX_TUNNELS; i++) {
        const struct packet_tunnel *tunnel = &handshake->tunnels[i];
        const struct packet outer = {
            .ip_version = tunnel->ip_version,
            .source = tunnel->source,
            .destination = tunnel->destination,
        };
        if (tunnel->ip_version != 0)
            choose_fragments(ring, handshake, &outer, choice);
    }
}

static void choose_earlier(const struct packet_ring *ring, const struct packet_notes *notes,
                           const uint64_t *connection, size_t connection_count,
                           struct packet_choice *choice) {
    uint64_t numbers[MAX_EARLIER];
    for (size_t i = 0; i < notes->count; i++) {
        uint64_t number = notes->notes[i].packet;
        if (!notes->notes[i].is_evidence || is_among(connection, connection_count, number))
            continue;
        size_t count = packet_ring_list_around(ring, number, numbers, MAX_EARLIER);
        choose_all(ring, numbers, count, choice);
    }
}

static int compare_numbers(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

void packet_choice_make(const struct packet_ring *ring, const struct handshake *handshake,
                        const struct packet_notes *notes, struct packet_choice *choice) {
    uint64_t connection[CHOICE_MAX_FRAMES];
    memset(choice, 0, sizeof *choice);
    choose_named(ring, notes, choice);
    size_t count = choose_connection(ring, handshake, connection, choice);
    choose_all_fragments(ring, handshake, choice);
    choose_earlier(ring, notes, connection, count, choice);
    choice->has_start = has_chosen(choice, handshake->started_packet);
    qsort(choice->numbers, choice->count, sizeof choice->numbers[0], compare_numbers);
}
