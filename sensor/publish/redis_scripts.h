/*
 * redis_scripts.h - the Lua scripts that write what must not be written twice.
 *
 * Each works in one slot, first checks that all its keys have the right type (so that it never
 * stops half done), then its guard, then writes everything and the guard. Running one again with
 * the same source and position (or alert id) changes nothing.
 *
 * A guard is a hash: source id -> highest position applied, the number of a batch of the source.
 */
#ifndef DOWNGRD_REDIS_SCRIPTS_H
#define DOWNGRD_REDIS_SCRIPTS_H

enum redis_script {
    /*
     * Counters and clients of one domain, sensor and day.
     * KEYS: applied, day, buckets index, clients, legacy clients, legacy ranking, legacy details,
     *       one per hour
     * ARGV: source, position, hour TTL, day TTL, index member, index score, index cap,
     *       application, ranking's cap, then n and n addresses of clients, n and n addresses of
     *       legacy ones, n and n times (address, last seen, handshakes, "VERSION JA4"), then per
     *       hour: n, and n times (operation, field, value)
     * The operation is '+' (add), '<' (keep the smaller) or '>' (keep the larger); each is done to
     * its hour and to the day. Gives {1 when applied now, 0 when it was before; the day's
     * handshakes, legacy handshakes, alerts, distinct legacy clients}.
     */
    SCRIPT_USAGE,
    /*
     * One alert. KEYS: stream, seen. ARGV: id, stream's maximal length, ids remembered, then the
     * entry's fields and values. Gives 1 when added, 0 when it was there.
     */
    SCRIPT_ALERT,
    /*
     * Health. KEYS: applied, day, latest. ARGV: source, position, TTL, 1 when the source goes on
     * (then `latest` sums up as long as it is the same one), n, n times (field, number to add to
     * the day and to latest), then (field, value) to set in latest. Gives 1 when applied now.
     */
    SCRIPT_HEALTH,
    SCRIPT_COUNT,
};

extern const char *const redis_scripts[SCRIPT_COUNT];

#endif
