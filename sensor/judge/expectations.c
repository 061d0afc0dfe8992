/*
 * expectations.c - asked for each handshake (expectations.h).
 */
#include "expectations.h"

const struct expected_range *expectations_find(const struct expectations *expectations,
                                               const struct handshake *handshake,
                                               const struct domain *domain) {
    for (size_t i = 0; i < expectations->count; i++) {
        const struct expected_server *server = &expectations->list[i];
        if (selector_matches(&server->where, handshake, domain))
            return &server->range;
    }
    return NULL;
}
