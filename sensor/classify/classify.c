/*
 * classify.c - asks nDPI about a name.
 *
 * nDPI's set-up costs 12 to 18 ms of CPU (it builds its automata of host names; switching
 * dissectors or lists off saves nothing), so it waits for the first real name: a capture without
 * TLS, and one without names, never pays. A look-up costs a few hundred nanoseconds; the judge
 * remembers what it got (sensor/judge/names.h).
 *
 * Only the host name automaton is asked. It needs no flow, sees no packet, and its call has kept
 * its shape from nDPI 4.0 to 5.x; ndpi_match_host_subprotocol() wants a flow and changed. Left out:
 * nDPI's packet detection.
 */
#include "classify.h"

#include <ndpi/ndpi_api.h>
#include <stdlib.h>

struct classify {
    struct ndpi_detection_module_struct *ndpi;
    bool is_unusable; /* nDPI could not be set up; it is not tried again */
};

static const struct application unknown = {"", ""};

struct classify *classify_new(void) {
    return calloc(1, sizeof(struct classify));
}

void classify_delete(struct classify *classify) {
    if (classify && classify->ndpi)
        ndpi_exit_detection_module(classify->ndpi);
    free(classify);
}

/* nDPI 5 takes a context to be shared between modules where nDPI 4 takes preferences: 0 means none
 * of either. Its dissectors are chosen by configuration; before, no host name of a protocol that is
 * not in the bitmask need match. */
static struct ndpi_detection_module_struct *set_up(void) {
    struct ndpi_detection_module_struct *ndpi = ndpi_init_detection_module(0);
    if (!ndpi)
        return NULL;
#if NDPI_MAJOR < 5
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(ndpi, &all);
#endif
    ndpi_finalize_initialization(ndpi);
    return ndpi;
}

static struct application ask(struct classify *classify, const char *domain) {
    if (!classify->ndpi && !classify->is_unusable) {
        classify->ndpi = set_up();
        classify->is_unusable = !classify->ndpi;
    }
    if (classify->is_unusable)
        return unknown;
    char name[DOMAIN_SIZE]; /* nDPI's parameter is not const */
    size_t size = strnlen(domain, sizeof(name) - 1);
    memcpy(name, domain, size);
    name[size] = '\0';
    ndpi_protocol_match_result match = {0};
    int id = (int)ndpi_match_string_subprotocol(classify->ndpi, name, (u_int)size, &match);
    if (id <= NDPI_PROTOCOL_UNKNOWN)
        return unknown;
    return (struct application){
        ndpi_get_proto_name(classify->ndpi, (u_int16_t)id),
        match.protocol_category == NDPI_PROTOCOL_CATEGORY_UNSPECIFIED
            ? ""
            : ndpi_category_get_name(classify->ndpi, match.protocol_category),
    };
}

/* "_none", "_invalid", "_other" */
static bool is_no_name(const char *domain) {
    return domain[0] == '\0' || (domain[0] == '_' && !strchr(domain, '.'));
}

struct application classify_domain(struct classify *classify, const char *domain) {
    if (is_no_name(domain) || strlen(domain) >= DOMAIN_SIZE)
        return unknown;
    return ask(classify, domain);
}
