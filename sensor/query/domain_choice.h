/*
 * domain_choice.h - which domains a command about many of them reads.
 *
 * Named ones are read as they are. Patterns and "all" mean the known domains that were seen in the
 * range; when these are many and only the first rows are wanted, the rankings choose some more
 * candidates than rows (days' rankings do not quite add up to the range's), and only these are
 * read: that is what keeps an answer over 100,000 domains and 90 days within two seconds.
 */
#ifndef DOWNGRD_DOMAIN_CHOICE_H
#define DOWNGRD_DOMAIN_CHOICE_H

#include "query.h"
#include "ranking.h"

struct domain_choice {
    const char **names; /* owned, the texts in it not */
    size_t count;
    uint64_t total; /* how many fit what was asked for */
    bool is_some;   /* only the leading ones are in names */
    char **list;    /* where the texts are */
    struct ranking rankings[2];
};

/* By query->domains, limit and order. 0 or -errno. */
int domain_choice_read(const struct query *query, struct domain_choice *choice);
/* Only those that the ranking of query->order has. */
int domain_choice_top(const struct query *query, struct domain_choice *choice);
void domain_choice_deinit(struct domain_choice *choice);

#endif
