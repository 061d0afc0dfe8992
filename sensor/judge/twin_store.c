#include "twin_store.h"

#include "lru_table.h"
#include "siphash.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEPT_DOMAIN = 64 };
enum { LANE_RANDOM = 16, LANE_CONTENT, LANE_ANSWER, LANE_CONNECTION };

/* A ClientHello that was seen, and the handshake that it belongs to. */
struct hello {
    uint64_t content;
    uint64_t answer;
    uint64_t connection;
    struct twin twin;
    bool is_shared; /* by another sensor: the rest is not known */
    uint8_t ip_version;
    uint8_t transport;
    uint8_t outcome;
    struct endpoint client;
    struct endpoint server;
    uint64_t flow_id;
    uint64_t started_packet;
    uint64_t ended_us;
    uint64_t ended_packet;
    char domain[KEPT_DOMAIN]; /* cut */
    uint8_t domain_source;
};

struct twin_store {
    struct lru_table table;
    struct hello *hellos;
    struct shared_history *shared; /* NULL: nobody shares */
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

static void describe(const struct handshake *handshake, const struct domain *domain,
                     struct hello *hello) {
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
        .ip_version = handshake->ip_version,
        .transport = handshake->transport,
        .outcome = (uint8_t)handshake->outcome,
        .client = handshake->client,
        .server = handshake->server,
        .flow_id = handshake->flow_id,
        .started_packet = handshake->started_packet,
        .ended_us = handshake->ended_us,
        .ended_packet = handshake->ended_packet,
        .domain_source = (uint8_t)domain->source,
    };
    (void)snprintf(hello->domain, sizeof hello->domain, "%.*s", KEPT_DOMAIN - 1, domain->name);
    history_hello_facts(handshake, &hello->twin);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        hello->answer = hash_spans(&choice->random, 1, LANE_ANSWER) ^ choice->cipher_suite;
}

void twin_store_share(struct twin_store *store, struct shared_history *shared) {
    store->shared = shared;
}

static void tell_others(struct twin_store *store, uint64_t random, const struct hello *hello) {
    const struct shared_hello told = {.random = random,
                                      .content = hello->content,
                                      .answer = hello->answer,
                                      .connection = hello->connection,
                                      .facts = hello->twin};
    if (store->shared != NULL)
        (void)shared_history_put_hello(store->shared, SHARED_OUT, &told); /* a loss is counted */
}

/* `seen` met a hello of other content. */
static struct twin twin_of(const struct hello *seen, uint64_t connection, uint64_t answer) {
    struct twin twin = seen->twin;
    twin.is_same_connection = seen->connection == connection;
    twin.answers_differ = seen->answer != answer && answer != 0;
    return twin;
}

const struct twin *twin_store_meet(struct twin_store *store, const struct handshake *handshake,
                                   const struct domain *domain, bool *is_known) {
    const struct client_hello *offer = &handshake->offer;
    *is_known = false;
    /* A hello that is not whole would differ from its twin for that alone. */
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || offer->is_sslv2 || offer->is_truncated)
        return NULL;
    struct hello hello;
    bool is_new = false;
    describe(handshake, domain, &hello);
    uint64_t random = hash_spans(&offer->random, 1, LANE_RANDOM);
    size_t slot = lru_table_touch(&store->table, random, &is_new);
    tell_others(store, random, &hello);
    if (is_new) { /* the first one seen is what others are compared with */
        store->hellos[slot] = hello;
        return NULL;
    }
    const struct hello *seen = &store->hellos[slot];
    *is_known = !seen->is_shared && seen->connection == hello.connection;
    if (seen->content == hello.content)
        return NULL;
    store->met = twin_of(seen, hello.connection, hello.answer);
    return &store->met;
}

static void describe_late(const struct hello *hello, struct late_twin *late) {
    struct handshake *handshake = &late->handshake;
    memset(handshake, 0, sizeof *handshake);
    handshake->ip_version = hello->ip_version;
    handshake->transport = hello->transport;
    handshake->outcome = (enum handshake_outcome)hello->outcome;
    handshake->client = hello->client;
    handshake->server = hello->server;
    handshake->flow_id = hello->flow_id;
    handshake->started_us = hello->twin.time_us;
    handshake->started_packet = hello->started_packet;
    handshake->ended_us = hello->ended_us;
    handshake->ended_packet = hello->ended_packet;
    handshake->side[SIDE_CLIENT].hello_packet = hello->twin.packet;
    late->domain.source = (enum domain_source)hello->domain_source;
    (void)snprintf(late->domain.name, sizeof late->domain.name, "%s", hello->domain);
    late->mine = hello->twin;
}

bool twin_store_meet_shared(struct twin_store *store, const struct shared_hello *other,
                            struct late_twin *late) {
    bool is_new = false;
    size_t slot = lru_table_touch(&store->table, other->random, &is_new);
    struct hello *seen = &store->hellos[slot];
    const struct hello arrived = {.content = other->content,
                                  .answer = other->answer,
                                  .connection = other->connection,
                                  .twin = other->facts,
                                  .is_shared = true};
    if (is_new) {
        *seen = arrived;
        return false;
    }
    if (seen->is_shared || seen->content == arrived.content)
        return false;
    describe_late(seen, late);
    late->twin = twin_of(&arrived, seen->connection, seen->answer);
    return true;
}

enum { KEPT_S = 600, US_PER_S = 1000000 };

static bool is_worth(const void *entry, uint64_t now_us) {
    const struct hello *hello = entry;
    return hello->twin.time_us + (uint64_t)KEPT_S * US_PER_S >= now_us;
}

static bool is_sound(const void *entry) {
    const struct hello *hello = entry;
    return hello->outcome <= OUTCOME_INCONCLUSIVE &&
           hello->domain_source <= DOMAIN_FROM_ECH_OUTER &&
           memchr(hello->domain, '\0', sizeof hello->domain) != NULL;
}

struct history_table twin_store_table(struct twin_store *store) {
    return (struct history_table){.table = store != NULL ? &store->table : NULL,
                                  .entries = store != NULL ? store->hellos : NULL,
                                  .entry_size = sizeof(struct hello),
                                  .is_worth = is_worth,
                                  .is_sound = is_sound};
}
