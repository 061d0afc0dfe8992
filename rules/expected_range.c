/*
 * expected_range.c - a handshake against what its server is expected to do (expected_range.h).
 */
#include "expected_range.h"

#include <stdio.h>

enum expectation expected_range_check(const struct expected_range *range,
                                      const struct handshake *handshake) {
    if (range == NULL)
        return EXPECTATION_NONE;
    enum tls_rank negotiated = handshake_negotiated(handshake);
    if (negotiated == TLS_RANK_UNKNOWN)
        return EXPECTATION_UNKNOWN;
    if (negotiated < range->min)
        return EXPECTATION_MISSED;
    if (negotiated >= range->max)
        return EXPECTATION_MET;
    enum tls_rank offered = handshake_highest_offered(handshake);
    if (offered == TLS_RANK_UNKNOWN)
        return EXPECTATION_UNKNOWN;
    return offered > negotiated ? EXPECTATION_MISSED : EXPECTATION_MET;
}

const char *expected_range_format(const struct expected_range *range,
                                  char buffer[EXPECTED_RANGE_SIZE]) {
    bool has_pool = range->pool[0] != '\0';
    (void)snprintf(buffer, EXPECTED_RANGE_SIZE, "%s to %s%s%s%s", tls_rank_name(range->min),
                   tls_rank_name(range->max), has_pool ? " (pool " : "", range->pool,
                   has_pool ? ")" : "");
    return buffer;
}
