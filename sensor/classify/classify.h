/*
 * classify.h - nDPI's owner: the application and category of a host name.
 *
 * The only file that knows nDPI. Versions, suites and names never come from it: nDPI 4.2 reports
 * the client's version as the connection's. nDPI itself is set up at the first name asked.
 */
#ifndef DOWNGRD_CLASSIFY_H
#define DOWNGRD_CLASSIFY_H

#include "verdict.h"

struct classify;

struct classify *classify_new(void); /* NULL when out of memory */
void classify_delete(struct classify *classify);

/* The application of a domain (lower-case, NUL-terminated). Unknown ones give empty strings, and so
 * do all when nDPI cannot be set up. The texts are nDPI's and live until classify_delete(). */
struct application classify_domain(struct classify *classify, const char *domain);

#endif
