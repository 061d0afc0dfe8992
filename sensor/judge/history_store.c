/*
 * history_store.c - three bounded tables (history_store.h).
 *
 * "Lately" for the facts about clients is a window of ten minutes that starts anew when it is over.
 * The distinct servers are counted in a 256-bit map: exact enough to tell a scanner from a person,
 * a few too low for busy clients.
 */
#include "history_store.h"

#include "cache_line.h"
#include "history_tables.h"
#include "siphash.h"
#include "table_memory.h"

#include <errno.h>
#include <stdlib.h>

enum { LANE_CLIENT = 4, LANE_SERVER_MAP };
enum { CLIENT_WINDOW_S = 600, US_PER_S = 1000000 };

static uint64_t hash_address(const struct ip_address *address, unsigned ip_version, uint64_t lane) {
    uint8_t key[1 + sizeof address->bytes];
    size_t size = ip_version == 4 ? 4 : sizeof address->bytes;
    key[0] = (uint8_t)ip_version;
    memcpy(key + 1, address->bytes, sizeof address->bytes);
    return siphash(key, 1 + size, lane);
}

/* Addresses and the name are hashed once; what else it takes is made of these. What listens on a
 * port of UDP (DTLS, QUIC) is another service than on that of TCP, and does other versions. */
void history_keys_of(const struct handshake *handshake, const struct domain *domain,
                     struct history_keys *keys) {
    uint64_t port = (uint64_t)handshake->server.port << 8U | handshake->transport;
    uint64_t client = hash_address(&handshake->client.address, handshake->ip_version, LANE_CLIENT);
    uint64_t server =
        hash_address(&handshake->server.address, handshake->ip_version, LANE_SERVER_MAP);
    keys->has_name = domain->source == DOMAIN_FROM_SNI && strcmp(domain->name, "_invalid") != 0;
    keys->client = client;
    keys->client_bit = (uint64_t)1 << (client % 64U);
    keys->server_address = server;
    keys->service = hash_join(server, port);
    keys->server = keys->has_name ? hash_join(keys->service, domain->hash) : keys->service;
    keys->addressed = hash_join(client, keys->service);
    keys->named = keys->has_name ? hash_join(hash_join(client, port), domain->hash) : 0;
}

struct history_store *history_store_new(size_t attempts, size_t servers) {
    struct history_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    if (!lru_table_init(&store->attempt_table, attempts) ||
        !lru_table_init(&store->server_table, servers) ||
        !lru_table_init(&store->client_table, attempts))
        goto fail;
    store->rings = table_memory_new(lru_table_slots(&store->attempt_table), sizeof *store->rings);
    store->servers =
        table_memory_new(lru_table_slots(&store->server_table), sizeof *store->servers);
    store->clients =
        table_memory_new(lru_table_slots(&store->client_table), sizeof *store->clients);
    if (store->rings == NULL || store->servers == NULL || store->clients == NULL)
        goto fail;
    return store;
fail:
    history_store_delete(store);
    return NULL;
}

void history_store_delete(struct history_store *store) {
    if (store == NULL)
        return;
    table_memory_delete(store->rings, lru_table_slots(&store->attempt_table), sizeof *store->rings);
    table_memory_delete(store->servers, lru_table_slots(&store->server_table),
                        sizeof *store->servers);
    table_memory_delete(store->clients, lru_table_slots(&store->client_table),
                        sizeof *store->clients);
    table_memory_delete(store->others, lru_table_slots(&store->server_table),
                        sizeof *store->others);
    lru_table_deinit(&store->attempt_table);
    lru_table_deinit(&store->server_table);
    lru_table_deinit(&store->client_table);
    free(store);
}

void history_store_clear(struct history_store *store) {
    lru_table_clear(&store->attempt_table);
    lru_table_clear(&store->server_table);
    lru_table_clear(&store->client_table);
}

static bool is_recent(const struct client_record *client, uint64_t now_us) {
    return now_us < client->window_us + (uint64_t)CLIENT_WINDOW_S * US_PER_S;
}

void history_store_expect(const struct history_store *store, const struct handshake *handshake,
                          const struct history_keys *keys) {
    if (keys->has_name)
        lru_table_expect(&store->attempt_table, keys->named);
    lru_table_expect(&store->attempt_table, keys->addressed);
    lru_table_expect(&store->server_table, keys->server);
    if (handshake->has & HANDSHAKE_HAS_DIALOGUE)
        lru_table_expect(&store->server_table, keys->service);
    lru_table_expect(&store->client_table, keys->client);
}

/* What history_store_add() will change. Of a ring the head only: the rest takes its place. */
static void expect_records(const struct history_store *store, const struct history_keys *keys) {
    if (keys->has_name)
        expect_memory(&store->rings[lru_table_place(&store->attempt_table, keys->named)], 1);
    expect_memory(&store->rings[lru_table_place(&store->attempt_table, keys->addressed)], 1);
    expect_memory(&store->servers[lru_table_place(&store->server_table, keys->server)],
                  sizeof *store->servers);
    expect_memory(&store->clients[lru_table_place(&store->client_table, keys->client)], 1);
}

static bool is_known(const struct server_record *server) {
    return server->handshakes > 0 || server->starttls_seen > 0;
}

/* As it is known now, by this sensor and the others; NULL when it is not. */
static const struct server_record *find_server(struct history_store *store, uint64_t hash,
                                               uint64_t now_us, struct server_record *joint) {
    size_t slot = lru_table_find(&store->server_table, hash);
    if (slot == SIZE_MAX)
        return NULL;
    struct server_record *server = &store->servers[slot];
    history_fade(server, now_us);
    if (store->others == NULL || !is_known(&store->others[slot]))
        return server;
    history_fade(&store->others[slot], now_us);
    *joint = *server;
    history_merge(joint, &store->others[slot]);
    return joint;
}

/* A server's slot; of a new one nothing is known. */
static size_t touch_server(struct history_store *store, uint64_t hash, uint64_t now_us) {
    bool is_new = false;
    size_t slot = lru_table_touch(&store->server_table, hash, &is_new);
    if (is_new)
        store->servers[slot] = (struct server_record){.first_us = now_us};
    if (is_new && store->others != NULL)
        store->others[slot] = (struct server_record){0};
    return slot;
}

int history_store_share(struct history_store *store, struct shared_history *shared) {
    size_t slots = lru_table_slots(&store->server_table);
    store->others = table_memory_new(slots, sizeof *store->others);
    store->shared = store->others != NULL ? shared : NULL;
    return store->others != NULL ? 0 : -ENOMEM;
}

void history_store_know(struct history_store *store, const struct shared_server *server) {
    if (store->others == NULL)
        return;
    size_t slot = touch_server(store, server->server, server->known.last_us);
    store->others[slot] = server->known;
}

/* Every word at first, when the counts are near thresholds, then now and then. */
static void tell_others(struct history_store *store, uint64_t hash,
                        const struct server_record *server) {
    enum { OFTEN = 64, SELDOM = 64 };
    uint32_t count = server->handshakes + server->starttls_seen;
    if (store->shared == NULL || (count >= OFTEN && count % SELDOM != 0))
        return;
    const struct shared_server told = {hash, *server};
    (void)shared_history_put_server(store->shared, SHARED_OUT, &told); /* a loss is counted */
}

static void view_ring(const struct attempt_ring *ring, struct history *view) {
    view->attempts = ring->attempts;
    view->attempt_count = ring->count;
    view->newest = ring->newest;
    for (size_t i = 0; i < ring->count; i++)
        view->attempted_ranks |= 1U << ring->offered[i];
}

void history_store_view(struct history_store *store, const struct handshake *handshake,
                        const struct history_keys *keys, struct history *view) {
    expect_records(store, keys);
    *view = (struct history){0};
    size_t slot =
        lru_table_find(&store->attempt_table, keys->has_name ? keys->named : keys->addressed);
    if (slot != SIZE_MAX)
        view_ring(&store->rings[slot], view);
    view->server = find_server(store, keys->server, handshake->ended_us, &store->joint_server);
    if (handshake->has & HANDSHAKE_HAS_DIALOGUE)
        view->service =
            find_server(store, keys->service, handshake->ended_us, &store->joint_service);
    slot = lru_table_find(&store->client_table, keys->client);
    if (slot != SIZE_MAX && is_recent(&store->clients[slot], handshake->ended_us)) {
        view->client_servers = store->clients[slot].server_count;
        view->client_failures = store->clients[slot].failures;
        view->client_handshakes = store->clients[slot].handshakes;
    }
    view->client_bit = keys->client_bit;
}

static void add_attempt(struct history_store *store, uint64_t hash, const struct attempt *attempt) {
    bool is_new = false;
    struct attempt_ring *ring =
        &store->rings[lru_table_touch(&store->attempt_table, hash, &is_new)];
    if (is_new)
        ring->count = 0;
    ring->newest = ring->count == 0 ? 0 : (uint8_t)((ring->newest + 1U) % HISTORY_MAX_ATTEMPTS);
    if (ring->count < HISTORY_MAX_ATTEMPTS)
        ring->count++;
    ring->offered[ring->newest] = attempt->highest_offered;
    ring->attempts[ring->newest] = *attempt;
}

/* Clients that got less than nearly all others: how many different ones tells an attack on one of
 * them from a server that has changed. */
static void note_lowered(struct server_record *server, const struct handshake *handshake,
                         const struct history_keys *keys, const struct attempt *attempt) {
    enum tls_rank offered = (enum tls_rank)attempt->highest_offered;
    enum tls_rank negotiated = (enum tls_rank)attempt->negotiated;
    uint32_t all = 0;
    uint32_t above = 0;
    if (negotiated == TLS_RANK_UNKNOWN)
        return;
    if (negotiated < offered) {
        history_count_answers(server, offered, negotiated, &all, &above);
        if (above > all / 2)
            server->lowered_clients |= keys->client_bit;
    }
    if (attempt->shares_hybrid && server->hybrid_taken > server->hybrid_offered / 2 &&
        !tls_group_is_post_quantum(handshake_group(handshake)))
        server->classical_clients |= keys->client_bit;
}

static void add_server(struct history_store *store, const struct handshake *handshake,
                       const struct history_keys *keys, const struct attempt *attempt) {
    struct server_record *server =
        &store->servers[touch_server(store, keys->server, handshake->ended_us)];
    server->handshakes++;
    server->last_us = handshake->ended_us;
    enum tls_rank proven = history_proven_by_sentinel(handshake);
    if (proven > server->highest_proven)
        server->highest_proven = (uint8_t)proven;
    if (proven != TLS_RANK_UNKNOWN && proven == server->highest_proven)
        server->proven_us = handshake->ended_us;
    note_lowered(server, handshake, keys, attempt);
    uint8_t negotiated = attempt->negotiated;
    uint8_t offered = attempt->highest_offered;
    if (attempt->is_suspect || negotiated == TLS_RANK_UNKNOWN ||
        handshake->outcome != OUTCOME_COMPLETED)
        return;
    server->negotiated[negotiated]++;
    if (server->by_offer[offered][negotiated] < UINT16_MAX)
        server->by_offer[offered][negotiated]++;
    if (attempt->shares_hybrid && !handshake_is_resumed(handshake)) {
        server->hybrid_offered++;
        server->hybrid_taken += tls_group_is_post_quantum(handshake_group(handshake));
    }
    if (negotiated > server->highest_negotiated)
        server->highest_negotiated = negotiated;
}

/* What a dialogue shows of the server's TLS, before any login. */
static void add_dialogue(struct history_store *store, const struct handshake *handshake,
                         const struct history_keys *keys) {
    const struct dialogue *dialogue = &handshake->dialogue;
    bool is_offered =
        dialogue_has(dialogue, DIALOGUE_ADVERTISED) || dialogue_has(dialogue, DIALOGUE_GRANTED);
    bool is_withheld = dialogue_has(dialogue, DIALOGUE_GARBLED) ||
                       (!is_offered && (dialogue_has(dialogue, DIALOGUE_NOT_ADVERTISED) ||
                                        dialogue_has(dialogue, DIALOGUE_REFUSED)));
    const uint32_t gap = MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET;
    if ((!is_offered && !is_withheld) || (is_withheld && (handshake->missed & gap)))
        return;
    struct server_record *service =
        &store->servers[touch_server(store, keys->service, handshake->ended_us)];
    service->last_us = handshake->ended_us;
    service->starttls_seen++;
    service->starttls_offered += is_offered && !is_withheld;
    if (is_withheld)
        service->stripped_clients |= keys->client_bit;
    tell_others(store, keys->service, service);
}

static void add_client(struct history_store *store, const struct handshake *handshake,
                       const struct history_keys *keys) {
    bool is_new = false;
    size_t slot = lru_table_touch(&store->client_table, keys->client, &is_new);
    struct client_record *client = &store->clients[slot];
    if (is_new || !is_recent(client, handshake->ended_us))
        *client = (struct client_record){.window_us = handshake->ended_us};
    uint64_t bit = keys->server_address % CLIENT_MAP_BITS;
    uint64_t *word = &client->servers[bit / 64U];
    client->server_count += !(*word >> (bit % 64U) & 1U);
    *word |= (uint64_t)1 << (bit % 64U);
    client->handshakes++;
    if (handshake->outcome == OUTCOME_FAILED || handshake->outcome == OUTCOME_RESET)
        client->failures++;
}

void history_store_add(struct history_store *store, const struct handshake *handshake,
                       const struct history_keys *keys, const struct attempt *attempt) {
    if (handshake->has & HANDSHAKE_HAS_OFFER) {
        if (keys->has_name)
            add_attempt(store, keys->named, attempt);
        add_attempt(store, keys->addressed, attempt);
    }
    if (handshake->has & HANDSHAKE_HAS_DIALOGUE)
        add_dialogue(store, handshake, keys);
    if (!handshake_has_hello(handshake))
        return;
    add_server(store, handshake, keys, attempt);
    size_t slot = lru_table_find(&store->server_table, keys->server);
    if (slot != SIZE_MAX)
        tell_others(store, keys->server, &store->servers[slot]);
    add_client(store, handshake, keys);
}

/* ---- what is kept over a restart ---- */

enum { ATTEMPT_KEPT_S = 3600 };

static bool is_within(uint64_t time_us, uint64_t now_us, uint64_t seconds) {
    return time_us + seconds * US_PER_S >= now_us;
}

static bool ring_is_worth(const void *entry, uint64_t now_us) {
    const struct attempt_ring *ring = entry;
    return ring->count > 0 &&
           is_within(ring->attempts[ring->newest].ended_us, now_us, ATTEMPT_KEPT_S);
}

static bool ring_is_sound(const void *entry) {
    const struct attempt_ring *ring = entry;
    if (ring->count > HISTORY_MAX_ATTEMPTS || ring->newest >= HISTORY_MAX_ATTEMPTS ||
        (ring->count < HISTORY_MAX_ATTEMPTS && ring->newest + 1 != ring->count))
        return false;
    for (size_t at = 0; at < ring->count; at++) {
        const struct attempt *attempt = &ring->attempts[at];
        if (ring->offered[at] != attempt->highest_offered ||
            attempt->highest_offered >= TLS_RANK_COUNT ||
            attempt->lowest_offered >= TLS_RANK_COUNT || attempt->negotiated >= TLS_RANK_COUNT ||
            attempt->outcome > OUTCOME_INCONCLUSIVE || attempt->closed_by > SIDE_COUNT ||
            attempt->fatal_sender > SIDE_COUNT)
            return false;
    }
    return true;
}

static bool server_is_worth(const void *entry, uint64_t now_us) {
    const struct server_record *server = entry;
    (void)now_us;
    return is_known(server);
}

static bool server_is_sound(const void *entry) {
    const struct server_record *server = entry;
    return server->highest_negotiated < TLS_RANK_COUNT && server->highest_proven < TLS_RANK_COUNT &&
           server->hybrid_taken <= server->hybrid_offered &&
           server->starttls_offered <= server->starttls_seen;
}

static bool client_is_worth(const void *entry, uint64_t now_us) {
    const struct client_record *client = entry;
    return is_within(client->window_us, now_us, CLIENT_WINDOW_S);
}

static bool client_is_sound(const void *entry) {
    const struct client_record *client = entry;
    return client->failures <= client->handshakes;
}

void history_store_tables(struct history_store *store,
                          struct history_table tables[HISTORY_STORE_TABLES]) {
    tables[0] = (struct history_table){&store->attempt_table, store->rings, sizeof *store->rings,
                                       ring_is_worth, ring_is_sound};
    tables[1] = (struct history_table){&store->server_table, store->servers, sizeof *store->servers,
                                       server_is_worth, server_is_sound};
    tables[2] = (struct history_table){&store->client_table, store->clients, sizeof *store->clients,
                                       client_is_worth, client_is_sound};
}

uint64_t history_store_now(const struct history_store *store) {
    uint64_t now_us = 0;
    for (size_t slot = 0; slot < lru_table_count(&store->server_table); slot++)
        if (store->servers[slot].last_us > now_us)
            now_us = store->servers[slot].last_us;
    return now_us;
}
