/*
 * expected_range.h - which versions the configuration expects of a server: the legacy pool.
 *
 * A pool of old servers negotiates old versions all day, and that is neither news nor an attack. So
 * the operator says what to expect of it, and rules that speak of versions alone ask here first. A
 * range excuses the server, not the path: when the client offered more and the pool does more, then
 * both could do better, and that is as odd there as anywhere.
 *
 * It is no evidence against evidence: what a hello, a mark or a retry gives away is judged as
 * always.
 */
#ifndef DOWNGRD_EXPECTED_RANGE_H
#define DOWNGRD_EXPECTED_RANGE_H

#include "handshake.h"

struct expected_range {
    enum tls_rank min; /* the lowest version that is all right */
    enum tls_rank max; /* the highest one that its servers do */
    const char *pool;  /* the pool's name, for evidence; "" when it has none */
};

enum expectation {
    EXPECTATION_NONE,    /* nothing is said of this server */
    EXPECTATION_UNKNOWN, /* no version was negotiated, or what the client offered is not known and
                            would decide */
    EXPECTATION_MET,     /* in the range, and the best that both ends do; or above it */
    EXPECTATION_MISSED,  /* below the range, or both ends do better */
};

/* `range` may be NULL. */
enum expectation expected_range_check(const struct expected_range *range,
                                      const struct handshake *handshake);

enum { EXPECTED_RANGE_SIZE = 128 };
/* "TLS 1.0 to TLS 1.3 (pool legacy)", into a caller's buffer. */
const char *expected_range_format(const struct expected_range *range,
                                  char buffer[EXPECTED_RANGE_SIZE]);

#endif
