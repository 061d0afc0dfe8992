/*
 * redis_scripts.h - the Lua scripts that write what must not be written twice.
 *
 * Each works in one slot, first checks that all its keys have the right type (so that it never
 * stops half done), then its guard, then writes everything and the guard. Running one again with
 * the same source and position (or alert id) changes nothing.
 *
 * A guard is a hash: source id -> highest position applied. A capture has the one position 1; a
 * source that goes on (a journal) gives rising ones.
 */
#ifndef DOWNGRD_REDIS_SCRIPTS_H
#define DOWNGRD_REDIS_SCRIPTS_H

enum redis_script {
    /*
     * Counters of one domain, sensor and day.
     * KEYS: applied, day, buckets index, one per hour
     * ARGV: source, position, hour TTL, day TTL, index member, index score, index cap,
     *       application, then per hour: n, and n times (operation, field, value)
     * The operation is '+' (add), '<' (keep the smaller) or '>' (keep the larger); each is done to
     * its hour and to the day. Gives {1 when applied now, 0 when it was before; the day's
     * handshakes, legacy handshakes, alerts}.
     */
    SCRIPT_USAGE,
    /*
     * One alert. KEYS: stream, seen. ARGV: id, stream's maximal length, ids remembered, then the
     * entry's fields and values. Gives 1 when added, 0 when it was there.
     */
    SCRIPT_ALERT,
    /*
     * Health. KEYS: applied, day, latest. ARGV: source, position, TTL, n, n times (field, number
     * to add to the day and to set in latest), then (field, value) to set in latest.
     */
    SCRIPT_HEALTH,
    SCRIPT_COUNT,
};

extern const char *const redis_scripts[SCRIPT_COUNT];

#endif
