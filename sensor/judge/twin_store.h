/*
 * twin_store.h - ClientHellos by their random: has this one been seen elsewhere with other content?
 *
 * Worth its cost where the same connections pass several taps (rules/split_view.c). It remembers
 * hashes, of fixed number, and forgets what was used longest ago.
 */
#ifndef DOWNGRD_TWIN_STORE_H
#define DOWNGRD_TWIN_STORE_H

#include "history.h"
#include "history_file.h"
#include "shared_history.h"
#include "verdict.h"

struct twin_store;

struct twin_store *twin_store_new(size_t hellos); /* NULL when out of memory */
void twin_store_delete(struct twin_store *store);
void twin_store_clear(struct twin_store *store);

/* What other sensors saw comes and goes through `shared`, borrowed; NULL: there are none. */
void twin_store_share(struct twin_store *store, struct shared_history *shared);

/* A handshake whose record is gone, as far as it was kept: ends, times, outcome and domain. */
struct late_twin {
    struct handshake handshake; /* without hellos */
    struct domain domain;
    struct twin mine;
    struct twin twin; /* what another sensor saw */
};
/* A hello of another sensor. True when one of the same random, with other content, passed here
 * before: *late tells of it. Else it is remembered. */
bool twin_store_meet_shared(struct twin_store *store, const struct shared_hello *other,
                            struct late_twin *late);

/* Looks for the handshake's twin and remembers the handshake if its ClientHello is the first of its
 * random. NULL when it has none; else good until the next call. *is_known says that the same random
 * was seen before on the same addresses and ports, whatever the rest of the hello was. */
const struct twin *twin_store_meet(struct twin_store *store, const struct handshake *handshake,
                                   const struct domain *domain, bool *is_known);

/* The table, for history_file.h; of no store (NULL) as well. */
struct history_table twin_store_table(struct twin_store *store);

#endif
