/*
 * names.h - what follows from a host name alone, remembered for the names seen lately.
 *
 * A name is validated, hashed and looked up by nDPI once, as long as it stays here; after that it
 * is found by the very bytes that a client sends. The cache has one place per hash: a new name
 * takes the place of the one before, and prepared collisions cost their maker's own names what each
 * name would cost without.
 */
#ifndef DOWNGRD_NAMES_H
#define DOWNGRD_NAMES_H

#include "verdict.h"

struct names;
struct classify;

/* `classify` is borrowed; NULL: no application is known. NULL when out of memory. */
struct names *names_new(struct classify *classify);
void names_delete(struct names *names);

/* The same as domain_of_handshake() and classify_domain() give. */
void names_of_handshake(struct names *names, const struct handshake *handshake,
                        struct domain *domain, struct application *application);

#endif
