/*
 * usage_clients.c - the clients of each domain: an exact set as long as there is room.
 *
 * The last quarter of the room, of the whole table and of each domain, is for legacy clients only:
 * they are what a planner asks for, and a flood of others must not crowd them out.
 */
#include "usage_table.h"

#include "judge.h"

#include <assert.h>
#include <stdlib.h>

size_t usage_client_expect(const struct usage *usage, uint64_t domain,
                           const struct ip_address *address, uint8_t ip_version) {
    uint32_t words[3 + sizeof(*address) / sizeof(uint32_t)] = {
        (uint32_t)domain, (uint32_t)(domain >> 32U), ip_version};
    static_assert(sizeof(words) / sizeof(words[0]) < USAGE_SEEDS, "a seed for each word");
    memcpy(words + 3, address, sizeof(*address));
    size_t hash = usage_hash(usage, words, sizeof(words) / sizeof(words[0]));
    __builtin_prefetch(&usage->client_index.slots[hash & usage->client_index.mask], 1);
    return hash;
}

void usage_client_expect_row(const struct usage *usage, size_t hash) {
    uint32_t entry = usage->client_index.slots[hash & usage->client_index.mask];
    if (entry == 0)
        return;
    __builtin_prefetch(&usage->clients[entry - 1], 1);
}

static size_t client_slot(const struct usage *usage, const struct usage_domain *domain, size_t hash,
                          const struct usage_event *event) {
    const struct usage_index *index = &usage->client_index;
    size_t slot = hash & index->mask;
    for (; index->slots[slot] != 0; slot = (slot + 1) & index->mask) {
        const struct client_row *row = &usage->clients[index->slots[slot] - 1];
        if (&usage->domains[row->domain] == domain && row->ip_version == event->ip_version &&
            memcmp(&row->address, &event->client, sizeof(event->client)) == 0)
            break;
    }
    return slot;
}

static bool has_room(size_t used, size_t room, bool is_legacy) {
    return used < (is_legacy ? room : room - room / 4);
}

static struct client_row *client_make(struct usage *usage, struct usage_domain *domain,
                                      const struct usage_event *event, size_t slot) {
    if (!has_room(usage->client_count, usage->max_clients, event->is_legacy) ||
        !has_room(domain->client_counts.all, usage->max_clients / 4, event->is_legacy)) {
        domain->client_counts.lost++;
        return NULL;
    }
    struct client_row *row = &usage->clients[usage->client_count++];
    usage->client_index.slots[slot] = (uint32_t)usage->client_count;
    domain->client_counts.all++;
    *row = (struct client_row){
        .address = event->client,
        .domain = (uint32_t)(domain - usage->domains),
        .next = domain->clients,
        .slot = (uint32_t)slot,
        .ip_version = event->ip_version,
        .ja4 = "",
    };
    domain->clients = (uint32_t)usage->client_count;
    return row;
}

static void note_legacy(struct client_row *client, struct usage_domain *domain,
                        const struct usage_event *event) {
    client->legacy_handshakes++;
    if (!client->is_legacy)
        domain->client_counts.legacy++;
    if (client->is_legacy && event->started_us < client->last_legacy_us)
        return;
    client->is_legacy = true;
    client->last_legacy_us = event->started_us;
    client->legacy_version = (uint8_t)event->negotiated;
    client->ja4 = event->ja4;
}

void usage_clients_add(struct usage *usage, struct usage_domain *domain, size_t hash,
                       const struct usage_event *event) {
    size_t slot = client_slot(usage, domain, hash, event);
    uint32_t entry = usage->client_index.slots[slot];
    struct client_row *client =
        entry ? &usage->clients[entry - 1] : client_make(usage, domain, event, slot);
    if (!client)
        return;
    client->handshakes++;
    if (event->started_us > client->last_us)
        client->last_us = event->started_us;
    if (event->is_legacy)
        note_legacy(client, domain, event);
}

void usage_clients_forget(struct usage *usage) {
    for (size_t i = 0; i < usage->client_count; i++)
        usage->client_index.slots[usage->clients[i].slot] = 0;
    usage->client_count = 0;
}

static int compare_clients(const void *left, const void *right) {
    const struct client_row *a = *(const struct client_row *const *)left;
    const struct client_row *b = *(const struct client_row *const *)right;
    if (a->ip_version != b->ip_version)
        return a->ip_version < b->ip_version ? -1 : 1;
    return memcmp(&a->address, &b->address, sizeof(a->address));
}

static struct usage_client client_of(const struct client_row *row) {
    return (struct usage_client){
        .address = row->address,
        .ip_version = row->ip_version,
        .is_legacy = row->is_legacy,
        .last_us = row->last_us,
        .handshakes = row->handshakes,
        .last_legacy_us = row->last_legacy_us,
        .legacy_handshakes = row->legacy_handshakes,
        .legacy_version = (enum tls_rank)row->legacy_version,
        .ja4 = row->ja4,
    };
}

void usage_clients(const struct usage *usage, const char *domain,
                   void (*visit)(void *context, const struct usage_client *client), void *context) {
    const struct usage_domain *found = usage_domain_find(usage, domain, domain_hash(domain));
    size_t count = 0;
    for (uint32_t number = found ? found->clients : 0; number != 0;) {
        const struct client_row *row = &usage->clients[number - 1];
        usage->sorted_clients[count++] = row;
        number = row->next;
    }
    qsort(usage->sorted_clients, count, sizeof(const struct client_row *), compare_clients);
    for (size_t i = 0; i < count; i++) {
        const struct usage_client client = client_of(usage->sorted_clients[i]);
        visit(context, &client);
    }
}

struct usage_client_counts usage_client_counts(const struct usage *usage, const char *domain) {
    const struct usage_domain *found = usage_domain_find(usage, domain, domain_hash(domain));
    return found ? found->client_counts : (struct usage_client_counts){0};
}
