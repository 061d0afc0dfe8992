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

struct twin_store;

struct twin_store *twin_store_new(size_t hellos); /* NULL when out of memory */
void twin_store_delete(struct twin_store *store);
void twin_store_clear(struct twin_store *store);

/* Looks for the handshake's twin and remembers the handshake if its ClientHello is the first of its
 * random. NULL when it has none; else good until the next call. *is_known says that the same random
 * was seen before on the same addresses and ports, whatever the rest of the hello was. */
const struct twin *twin_store_meet(struct twin_store *store, const struct handshake *handshake,
                                   bool *is_known);

/* The table, for history_file.h; of no store (NULL) as well. */
struct history_table twin_store_table(struct twin_store *store);

#endif
