/*
 * names.c - see names.h.
 *
 * Only names that stand for themselves are kept: whatever is found by the bytes of a server_name or
 * of a certificate's name is its domain. Those of our own ("_none") are not, and wildcards are for
 * certificates only.
 */
#include "names.h"

#include "cache_line.h"
#include "classify.h"
#include "judge.h"
#include "table_memory.h"

#include <stdalign.h>
#include <stdlib.h>

enum { PLACE_BITS = 12, PLACES = 1 << PLACE_BITS };

/* A name of usual length lies in one cache line with all that is known of it. */
struct known_name {
    alignas(CACHE_LINE) uint64_t hash;
    struct application application;
    uint16_t size; /* 0: free */
    char text[DOMAIN_SIZE];
};

struct names {
    struct classify *classify;
    struct known_name *places;
};

struct names *names_new(struct classify *classify) {
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return NULL;
    names->classify = classify;
    names->places = table_memory_new(PLACES, sizeof *names->places);
    if (names->places == NULL) {
        free(names);
        return NULL;
    }
    return names;
}

void names_delete(struct names *names) {
    if (names == NULL)
        return;
    table_memory_delete(names->places, PLACES, sizeof *names->places);
    free(names);
}

/* Eight bytes at a time, the last ones possibly twice. */
static struct known_name *place_of(const struct names *names, struct span bytes) {
    static const uint64_t factor = 0x9e3779b97f4a7c15U;
    uint64_t hash = bytes.size;
    uint64_t word = 0;
    size_t at = 0;
    for (; at + sizeof word < bytes.size; at += sizeof word) {
        memcpy(&word, bytes.data + at, sizeof word);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32U;
    }
    word = 0;
    if (bytes.size >= sizeof word)
        memcpy(&word, bytes.data + bytes.size - sizeof word, sizeof word);
    else
        for (; at < bytes.size; at++)
            word = word << 8U | bytes.data[at];
    return &names->places[((hash ^ word) * factor) >> (64U - PLACE_BITS)];
}

static bool is_name(const struct known_name *known, struct span bytes) {
    return known->size == bytes.size && memcmp(known->text, bytes.data, bytes.size) == 0;
}

static bool is_of_our_own(const struct domain *domain) {
    return domain->name[0] == '_' && strchr(domain->name, '.') == NULL;
}

static struct application application_of(const struct names *names, const struct domain *domain) {
    if (names->classify == NULL)
        return (struct application){.name = "", .category = ""};
    return classify_domain(names->classify, domain->name);
}

/* What is known of a domain, made if need be. */
static const struct known_name *get(struct names *names, const struct domain *domain) {
    struct span name = span_of(domain->name, strlen(domain->name));
    struct known_name *known = place_of(names, name);
    if (!is_name(known, name)) {
        known->hash = domain->hash;
        known->application = application_of(names, domain);
        known->size = (uint16_t)name.size;
        memcpy(known->text, name.data, name.size + 1);
    }
    return known;
}

/* The bytes that name the handshake, as they were sent. */
static struct span sent_name(const struct handshake *handshake, enum domain_source *source) {
    *source = DOMAIN_FROM_SNI;
    if ((handshake->has & HANDSHAKE_HAS_OFFER) && handshake->offer.server_name.size != 0)
        return handshake->offer.server_name;
    *source = DOMAIN_FROM_CERTIFICATE;
    return span_of(handshake->certificate_name, strlen(handshake->certificate_name));
}

/* NULL when it is not known, or not allowed there. */
static const struct known_name *find(const struct names *names, struct span bytes,
                                     enum domain_source source) {
    if (bytes.size == 0 || (bytes.data[0] == '*' && source == DOMAIN_FROM_SNI))
        return NULL;
    const struct known_name *known = place_of(names, bytes);
    return is_name(known, bytes) ? known : NULL;
}

void names_of_handshake(struct names *names, const struct handshake *handshake,
                        struct domain *domain, struct application *application) {
    enum domain_source source = DOMAIN_FROM_SNI;
    struct span bytes = sent_name(handshake, &source);
    const struct known_name *known = find(names, bytes, source);
    if (known == NULL) {
        domain_of_handshake(handshake, domain);
        *application =
            is_of_our_own(domain) ? application_of(names, domain) : get(names, domain)->application;
        return;
    }
    memcpy(domain->name, known->text, known->size + 1U);
    domain->hash = known->hash;
    domain->source = source;
    if (source == DOMAIN_FROM_SNI && domain_is_outer(handshake, domain->name))
        domain->source = DOMAIN_FROM_ECH_OUTER;
    *application = known->application;
}
