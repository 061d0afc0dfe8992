/*
 * selector.h - which handshakes an entry of the configuration speaks of: client nets, server nets,
 * domains.
 *
 * A list that is empty says nothing, so everything fits it; lists that are given must all fit.
 * Everything is compared one after the other: entries are few and are asked per alert or per
 * handshake, never per packet.
 */
#ifndef DOWNGRD_SELECTOR_H
#define DOWNGRD_SELECTOR_H

#include "verdict.h"

struct ip_net {
    struct ip_address address; /* bits past the prefix are 0 */
    uint8_t ip_version;        /* 4 or 6 */
    uint8_t bits;              /* of the prefix: up to 32 or 128 */
};

/* One name, or all names below one. Lower-case, without a dot at the end. */
struct domain_pattern {
    const char *name; /* "example.org"; of "*.example.org" it is ".example.org" */
    size_t size;
    bool is_suffix;
};

/* Arrays are borrowed from the configuration. */
struct net_list {
    const struct ip_net *nets;
    size_t count;
};
struct domain_list {
    const struct domain_pattern *patterns;
    size_t count;
};

struct selector {
    struct net_list clients;
    struct net_list servers;
    struct domain_list domains;
};

bool ip_net_contains(const struct ip_net *net, const struct ip_address *address,
                     unsigned ip_version);

/* `name` as in struct domain: lower-case. "*.example.org" fits "www.example.org" and
 * "a.b.example.org", and neither "example.org" nor "badexample.org". */
bool domain_pattern_matches(const struct domain_pattern *pattern, const char *name, size_t size);

bool selector_matches(const struct selector *selector, const struct handshake *handshake,
                      const struct domain *domain);

#endif
