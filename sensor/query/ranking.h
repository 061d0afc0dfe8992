/*
 * ranking.h - the leading domains of a range of days, from the rankings that the sensors keep per
 * day (downgrd:top:*).
 *
 * Of each ranking only the first thousand are read, unless these cannot settle who leads: what is
 * below them in every ranking is at most the sum of their last scores, and when that could be
 * enough to be among those asked for, the rankings are read in full. A domain that was beyond the
 * first 10,000 of a day (they are not kept) has too low a sum.
 */
#ifndef DOWNGRD_RANKING_H
#define DOWNGRD_RANKING_H

#include "query.h"

struct ranked {
    char *name;
    uint64_t
        score; /* summed over the days; distinct clients: more than there are, if they return */
};

struct ranking {
    struct ranked *items; /* the highest score first */
    size_t count;
    bool is_whole; /* every domain of these rankings is there, not only the leading ones */
    size_t *slots; /* while reading: name -> item + 1 */
    size_t slot_count;
    uint64_t seed;
};

/* At least the first `wanted` (0: all that are ranked). 0 or -errno. */
int ranking_read(const struct query *query, enum query_order order, uint64_t wanted,
                 struct ranking *ranking);
void ranking_deinit(struct ranking *ranking);

#endif
