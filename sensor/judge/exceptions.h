/*
 * exceptions.h - alerts that the configuration does not want raised, because somebody knows what is
 * behind them.
 *
 * An exception names rules and at least one of client nets, server nets, domains and client
 * fingerprints; a finding that fits all that is given is set aside: no alert, no attack counted, no
 * say in who limited the version. How many were set aside is counted and printed, so nothing
 * vanishes silently. Known interception boxes are exceptions too, of the rules that see a hello
 * which was changed on the way (struct rule, is_left_by_interception).
 */
#ifndef DOWNGRD_EXCEPTIONS_H
#define DOWNGRD_EXCEPTIONS_H

#include "selector.h"

struct exception {
    uint32_t rules; /* bit n: rules_all[n] */
    struct selector where;
    const char *const *ja4; /* client fingerprints; without any everybody fits */
    size_t ja4_count;
    const char *reason; /* "" when none is given */
};

/* Borrowed from the configuration. */
struct exceptions {
    const struct exception *list;
    size_t count;
};

struct fingerprinter;

/* Does any of them ask for a fingerprint? */
bool exceptions_want_ja4(const struct exceptions *exceptions);

/* The first exception that sets aside what rules_all[rule] found; NULL when there is none.
 * `fingerprinter` may be NULL where exceptions_want_ja4() says no. */
const struct exception *exceptions_find(const struct exceptions *exceptions,
                                        struct fingerprinter *fingerprinter, size_t rule,
                                        const struct handshake *handshake,
                                        const struct domain *domain);

#endif
