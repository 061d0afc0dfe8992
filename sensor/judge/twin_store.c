#include "twin_store.h"

#include "lru_table.h"
#include "siphash.h"

#include <stdlib.h>

enum { LANE_RANDOM = 16, LANE_CONTENT, LANE_ANSWER, LANE_CONNECTION };

/* A ClientHello that was seen. */
struct hello {
    uint64_t content;
    uint64_t answer;
    uint64_t connection;
    struct twin twin;
};

struct twin_store {
    struct lru_table table;
    struct hello *hellos;
    struct twin met;
};

struct twin_store *twin_store_new(size_t hellos) {
    struct twin_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    if (lru_table_init(&store->table, hellos))
        store->hellos = calloc(lru_table_slots(&store->table), sizeof *store->hellos);
    if (store->hellos == NULL) {
        twin_store_delete(store);
        return NULL;
    }
    return store;
}

void twin_store_delete(struct twin_store *store) {
    if (store == NULL)
        return;
    lru_table_deinit(&store->table);
    free(store->hellos);
    free(store);
}

void twin_store_clear(struct twin_store *store) {
    lru_table_clear(&store->table);
}

/* Several spans as one number. */
static uint64_t hash_spans(const struct span *spans, size_t count, uint64_t lane) {
    uint64_t hash = lane;
    for (size_t i = 0; i < count; i++)
        hash = siphash(spans[i].data ? spans[i].data : (const uint8_t *)"", spans[i].size,
                       hash ^ spans[i].size);
    return hash;
}

static void describe(const struct handshake *handshake, struct hello *hello) {
    const struct client_hello *offer = &handshake->offer;
    const struct server_hello *choice = &handshake->choice;
    const uint8_t version[] = {(uint8_t)(offer->legacy_version >> 8U),
                               (uint8_t)offer->legacy_version};
    const struct span content[] = {span_of(version, sizeof version), offer->session_id,
                                   offer->cipher_suites, offer->compression_methods,
                                   offer->extensions};
    const struct span connection[] = {
        span_of(handshake->client.address.bytes, sizeof handshake->client.address.bytes),
        span_of(handshake->server.address.bytes, sizeof handshake->server.address.bytes)};
    uint64_t ports = (uint64_t)handshake->client.port << 16U | handshake->server.port;
    *hello = (struct hello){
        .content = hash_spans(content, sizeof content / sizeof content[0], LANE_CONTENT),
        .connection = hash_spans(connection, 2, LANE_CONNECTION ^ ports << 8U),
        .twin = {.time_us = handshake->started_us,
                 .packet = handshake->side[SIDE_CLIENT].hello_packet,
                 .highest_offered = handshake_highest_offered_version(handshake),
                 .negotiated = handshake_negotiated_version(handshake),
                 .suites = (uint32_t)(offer->cipher_suites.size / 2)}};
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        hello->answer = hash_spans(&choice->random, 1, LANE_ANSWER) ^ choice->cipher_suite;
    struct span rest = offer->extensions;
    struct tls_extension extension;
    while (tls_extension_next(&rest, &extension))
        hello->twin.extensions++;
}

const struct twin *twin_store_meet(struct twin_store *store, const struct handshake *handshake,
                                   bool *is_known) {
    const struct client_hello *offer = &handshake->offer;
    *is_known = false;
    /* A hello that is not whole would differ from its twin for that alone. */
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || offer->is_sslv2 || offer->is_truncated)
        return NULL;
    struct hello hello;
    bool is_new = false;
    describe(handshake, &hello);
    size_t slot =
        lru_table_touch(&store->table, hash_spans(&offer->random, 1, LANE_RANDOM), &is_new);
    if (is_new) { /* the first one seen is what others are compared with */
        store->hellos[slot] = hello;
        return NULL;
    }
    const struct hello *seen = &store->hellos[slot];
    *is_known = seen->connection == hello.connection;
    if (seen->content == hello.content)
        return NULL;
    store->met = seen->twin;
    store->met.is_same_connection = seen->connection == hello.connection;
    store->met.answers_differ = seen->answer != hello.answer && hello.answer != 0;
    return &store->met;
}

enum { KEPT_S = 600, US_PER_S = 1000000 };

static bool is_worth(const void *entry, uint64_t now_us) {
    const struct hello *hello = entry;
    return hello->twin.time_us + (uint64_t)KEPT_S * US_PER_S >= now_us;
}

static bool is_sound(const void *entry) {
    (void)entry;
    return true;
}

struct history_table twin_store_table(struct twin_store *store) {
    return (struct history_table){.table = store != NULL ? &store->table : NULL,
                                  .entries = store != NULL ? store->hellos : NULL,
                                  .entry_size = sizeof(struct hello),
                                  .is_worth = is_worth,
                                  .is_sound = is_sound};
}
