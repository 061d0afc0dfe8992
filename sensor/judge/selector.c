/*
 * selector.c - nets by prefix, domains by label (selector.h).
 */
#include "selector.h"

bool ip_net_contains(const struct ip_net *net, const struct ip_address *address,
                     unsigned ip_version) {
    if (net->ip_version != ip_version)
        return false;
    size_t whole = net->bits / 8U;
    unsigned rest = net->bits % 8U;
    if (memcmp(net->address.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           (unsigned)(net->address.bytes[whole] ^ address->bytes[whole]) >> (8U - rest) == 0;
}

bool domain_pattern_matches(const struct domain_pattern *pattern, const char *name, size_t size) {
    if (!pattern->is_suffix)
        return size == pattern->size && memcmp(name, pattern->name, size) == 0;
    return size > pattern->size &&
           memcmp(name + (size - pattern->size), pattern->name, pattern->size) == 0;
}

static bool nets_match(const struct net_list *list, const struct endpoint *endpoint,
                       unsigned ip_version) {
    for (size_t i = 0; i < list->count; i++) {
        if (ip_net_contains(&list->nets[i], &endpoint->address, ip_version))
            return true;
    }
    return list->count == 0;
}

static bool domains_match(const struct domain_list *list, const struct domain *domain) {
    size_t size = list->count == 0 ? 0 : strlen(domain->name);
    for (size_t i = 0; i < list->count; i++) {
        if (domain_pattern_matches(&list->patterns[i], domain->name, size))
            return true;
    }
    return list->count == 0;
}

bool selector_matches(const struct selector *selector, const struct handshake *handshake,
                      const struct domain *domain) {
    unsigned ip_version = handshake->ip_version;
    return nets_match(&selector->servers, &handshake->server, ip_version) &&
           nets_match(&selector->clients, &handshake->client, ip_version) &&
           domains_match(&selector->domains, domain);
}
