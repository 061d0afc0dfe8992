/*
 * expectations.h - the configuration's expected version ranges, by server net and domain. The first
 * entry that fits is laid into the history that the rules see (expected_range.h says what it is
 * worth there).
 */
#ifndef DOWNGRD_EXPECTATIONS_H
#define DOWNGRD_EXPECTATIONS_H

#include "selector.h"

struct expected_server {
    struct selector where; /* clients are not asked */
    struct expected_range range;
    const char *reason; /* "" when none is given */
};

/* Borrowed from the configuration. */
struct expectations {
    const struct expected_server *list;
    size_t count;
};

/* NULL when nothing is expected of this server. */
const struct expected_range *expectations_find(const struct expectations *expectations,
                                               const struct handshake *handshake,
                                               const struct domain *domain);

#endif
