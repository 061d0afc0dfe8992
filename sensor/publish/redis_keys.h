/* clang-format off */
/*
 * redis_keys.h - every key in Redis: its name, type, fields, who may read what out of it, how long
 * it stays.
 *
 * A stable interface: others may read these keys. {D} is a domain, {S} a sensor's name, {DAY} a day
 * of packet time (UTC) as YYYYMMDD, HOUR as YYYYMMDDHH. The braces are part of the key: they are
 * Redis Cluster's hash tag, so all keys of one domain lie in one slot. Bytes of a name other than
 * letters, digits, '-', '_', '.', '*' and '~' are written as %XX in a key (members and fields hold
 * names as they are). Times are microseconds since 1970-01-01 UTC unless told otherwise.
 *
 * | key | type | holds | kept |
 * |---|---|---|---|
 * | downgrd:alerts | stream | one entry per alert: kind, class, severity (1 high .. 3 low), confidence, domain, sensor, client, server (both "address port"), id, time (packet time), eve (the EVE JSON line) | about the newest 100000 |
 * | downgrd:seen:{downgrd:alerts} | zset | the ids of alerts that were added, scored by the millisecond part of their stream id: the guard against adding one twice, and the way from an id to its entry | twice the stream's length |
 * | downgrd:usage:{D}:S:h:HOUR | hash | counters of one domain, sensor and hour: the fields of usage.h (handshakes, tls1.3, ..., alerts) that are not 0, and peak_legacy_per_min, peak_legacy_per_s, peak_legacy_full_per_s (most legacy handshakes begun in a minute, in a second, in a second and not resumed; when there were any), first_seen, last_seen, last_legacy | 14 days after the last write |
 * | downgrd:usage:{D}:S:d:DAY | hash | the same for the day, and application (nDPI's name, when known) | 400 days after the last write |
 * | downgrd:applied:{D}:S:DAY | hash | which sources are in the two above already: source id -> number of the last batch applied (a capture's SHA-256, or the id of a live sensor's journal) | as the day's counters |
 * | downgrd:buckets:{D} | zset | which days and sensors there are: member DAY:S, score DAY; the newest 4096 | 400 days after the last write |
 * | downgrd:clients:{D}:all:DAY | HyperLogLog | distinct client addresses of the day, all sensors; a client counts for the day of its last handshake in a batch | 400 days after the last write |
 * | downgrd:clients:{D}:legacy:DAY | HyperLogLog | the same, of those that ended below TLS 1.2 | 400 days after the last write |
 * | downgrd:legacy:{D} | zset | legacy clients: member is the address (more words may follow after a space in later versions), score the time last seen; the newest 1000 | 400 days after the last write |
 * | downgrd:legacy_clients:{D} | hash | of the clients of that ranking: address -> "HANDSHAKES VERSION JA4" (more words may follow), the legacy handshakes of all sensors, and of the last of them the version (tls1.1, tls1.0, ssl3, ssl2) and the client's JA4 (- when not known) | as the ranking |
 * | downgrd:top:{DAY}:handshakes:S | zset | ranking of domains of the day, one sensor's; score is the counter's value; the first 10000 | 400 days after the last write |
 * | downgrd:top:{DAY}:legacy:S | zset | the same by legacy handshakes (below TLS 1.2) | " |
 * | downgrd:top:{DAY}:alerts:S | zset | the same by alerts of class attack | " |
 * | downgrd:top:{DAY}:legacy_clients | zset | the same by distinct legacy clients, all sensors | " |
 * | downgrd:days | zset | which rankings and health there are: member DAY:S, score DAY; the newest 4096 | always |
 * | downgrd:domains | zset | known domains, scored by the time last seen; the newest 100000 | always |
 * | downgrd:sensors | zset | known sensors, scored by the packet time of their newest source; the newest 1000 | always |
 * | downgrd:health:{S}:d:DAY | hash | what the sensor saw in sources that ended that day, summed: packets, bytes, packets_dropped (by the kernel), packets_stopped and bytes_stopped (by the filter in the kernel, as of no interest), interface_drops (by the card), interface_downs, lines_lost (of output), packets_ignored, packets_malformed, packets_cut, flows, flows_evicted, handshakes, half_seen, inconclusive, hello_malformed, buffers_exhausted, fragments_dropped, alerts, alerts_folded, attack_alerts, alerts_excepted, records_lost (handshakes that the judge had no room for), alerts_lost (too large to be published), journal_dropped (handshakes and alerts that the journal had no room for: every figure of the day may be too low by as many), sources | 400 days after the last write |
 * | downgrd:health:{S} | hash | the same fields of the last source alone, and source (its name), source_id, first_seen, last_seen (packet time), published (Redis's clock); of a live sensor every few seconds: see "The sensor's own health" | 400 days after the last write |
 * | downgrd:health_applied:{S}:DAY | hash | guard of the two above: source id -> number of the last batch applied, or position in the journal | as the day's health |
 * | downgrd:history:{H} | hash | what sensors learned of one server: field sensor -> words (version 1: "1 first_us last_us faded_us proven_us handshakes highest_proven hybrid_offered hybrid_taken starttls_seen starttls_offered" and three maps of clients in hex, then OFFERED:NEGOTIATED:COUNT); H is a hash of address, port and name, 16 hex digits | 60 days after the last write |
 * | downgrd:history:servers | zset | those servers, scored by the second in which one was told last; past 100000 the oldest go, with their hash | always |
 * | downgrd:history:changes | stream | one entry per change: server, sensor; for the sensors that read it | about the newest 20000 |
 * | downgrd:history:hellos | stream | one entry per ClientHello that a sensor saw: sensor, hashes of random, content, answer and connection (hex), facts (time, packet, highest version offered, version negotiated, suites, extensions) | about the newest 20000 |
 * | downgrd:history:{H} | hash | what sensors learned of one server: field sensor -> words (version 1: "1 first_us last_us faded_us proven_us handshakes highest_proven hybrid_offered hybrid_taken starttls_seen starttls_offered" and three maps of clients in hex, then OFFERED:NEGOTIATED:COUNT); H is a hash of address, port and name, 16 hex digits | 60 days after the last write |
 * | downgrd:history:servers | zset | those servers, scored by the second in which one was told last; past 100000 the oldest go, with their hash | always |
 * | downgrd:history:changes | stream | one entry per change: server, sensor; for the sensors that read it | about the newest 20000 |
 * | downgrd:history:hellos | stream | one entry per ClientHello that a sensor saw: sensor, hashes of random, content, answer and connection (hex), facts (time, packet, highest version offered, version negotiated, suites, extensions) | about the newest 20000 |
 *
 * All handshakes count once more under the domain _all, which is in no ranking and no list, and has
 * no downgrd:legacy keys: totals, distinct clients and peaks of everything together, without reading
 * every domain.
 *
 * Retention counts from the time of writing, not from packet time: what a replay of an old capture
 * wrote can be read like any other. Redis must not evict by itself (maxmemory-policy noeviction):
 * with a guard evicted, a second replay would count twice.
 */
/* clang-format on */
#ifndef DOWNGRD_REDIS_KEYS_H
#define DOWNGRD_REDIS_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_HOUR_TTL_S = 14 * 86400,
    REDIS_DAY_TTL_S = 400 * 86400,
    REDIS_MAX_BUCKETS = 4096,
    REDIS_MAX_LEGACY_CLIENTS = 1000,
    REDIS_MAX_RANKED = 10000,
    REDIS_MAX_DOMAINS = 100000,
    REDIS_MAX_SENSORS = 1000,
    REDIS_SEEN_PER_ALERT = 2, /* ids remembered per entry the stream may hold */
};

#define REDIS_KEY_ALERTS  "downgrd:alerts"
#define REDIS_KEY_SEEN    "downgrd:seen:{downgrd:alerts}"
#define REDIS_KEY_DAYS    "downgrd:days"
#define REDIS_KEY_DOMAINS "downgrd:domains"
#define REDIS_KEY_SENSORS "downgrd:sensors"

/* Fields of a usage hash beside usage_field_names[]. */
#define REDIS_FIELD_PEAK         "peak_legacy_per_min"
#define REDIS_FIELD_FIRST        "first_seen"
#define REDIS_FIELD_LAST         "last_seen"
#define REDIS_FIELD_LAST_LEGACY  "last_legacy"
#define REDIS_FIELD_APPLICATION  "application"
#define REDIS_FIELD_CLIENTS_LOST "clients_lost"

enum { REDIS_NAME_MAX = 255, REDIS_KEY_SIZE = 2 * 3 * REDIS_NAME_MAX + 64 };

/* A key's text; NUL-terminated and free of NULs before that. Names past REDIS_NAME_MAX are cut. */
struct redis_key {
    char text[REDIS_KEY_SIZE];
};

enum redis_rank { RANK_HANDSHAKES, RANK_LEGACY, RANK_ALERTS, RANK_LEGACY_CLIENTS, RANK_COUNT };

/* YYYYMMDD of a time, and of hours since 1970; YYYYMMDDHH of the latter. Years past 9999 are 9999.
 */
uint32_t redis_day_of_us(uint64_t time_us);
uint32_t redis_day_of_hours(uint64_t hours);
uint32_t redis_stamp_of_hours(uint64_t hours);
/* Hours since 1970 of a day's first hour; 0 for what is no day. */
uint64_t redis_hours_of_day(uint32_t day);

struct redis_key redis_key_hour(const char *domain, const char *sensor, uint64_t hours);
struct redis_key redis_key_day(const char *domain, const char *sensor, uint32_t day);
struct redis_key redis_key_applied(const char *domain, const char *sensor, uint32_t day);
struct redis_key redis_key_buckets(const char *domain);
struct redis_key redis_key_clients(const char *domain, int legacy, uint32_t day);
struct redis_key redis_key_legacy(const char *domain);
struct redis_key redis_key_legacy_clients(const char *domain);
struct redis_key redis_key_top(uint32_t day, enum redis_rank rank, const char *sensor);
struct redis_key redis_key_health(const char *sensor);
struct redis_key redis_key_health_day(const char *sensor, uint32_t day);
struct redis_key redis_key_health_applied(const char *sensor, uint32_t day);

/* "DAY:SENSOR", the member of downgrd:buckets:{D} and downgrd:days. redis_member_read() takes one
 * apart: *sensor points into `member`; -EINVAL for what is none. */
struct redis_key redis_member_of(uint32_t day, const char *sensor);
int redis_member_read(const char *member, uint32_t *day, const char **sensor);

#endif
