/*
 * redis_keys.c - builds the key names that redis_keys.h documents.
 *
 * Names come from the wire or from other sensors. They are escaped by byte, so that no name can
 * close the hash tag, look like another key's part, or carry a NUL or a line break.
 */
#include "redis_keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { HOURS_PER_DAY = 24, NAME_TEXT_SIZE = 3 * REDIS_NAME_MAX + 1 };

static const uint64_t us_per_hour = 3600ULL * 1000000ULL;
static const uint64_t last_hours = 2932896ULL * HOURS_PER_DAY + 23; /* 9999-12-31 23h */

static bool is_plain(unsigned char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-_.*~", byte) != NULL);
}

static const char *escape_name(const char *name, char text[NAME_TEXT_SIZE]) {
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (size_t i = 0; name[i] != '\0' && i < REDIS_NAME_MAX; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (is_plain(byte)) {
            text[used++] = (char)byte;
            continue;
        }
        text[used++] = '%';
        text[used++] = digits[byte >> 4U];
        text[used++] = digits[byte & 15U];
    }
    text[used] = '\0';
    return text;
}

/* Proleptic Gregorian calendar; the era is 400 years that begin on a 1st of March. */
uint32_t redis_day_of_hours(uint64_t hours) {
    uint64_t days = (hours < last_hours ? hours : last_hours) / HOURS_PER_DAY + 719468;
    uint64_t era = days / 146097;
    uint64_t of_era = days % 146097;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t from_march = (5 * of_year + 2) / 153;
    uint64_t day = of_year - (153 * from_march + 2) / 5 + 1;
    uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    uint64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (uint32_t)(year * 10000 + month * 100 + day);
}

uint32_t redis_stamp_of_hours(uint64_t hours) {
    uint64_t capped = hours < last_hours ? hours : last_hours;
    return redis_day_of_hours(capped) * 100U + (uint32_t)(capped % HOURS_PER_DAY);
}

uint32_t redis_day_of_us(uint64_t time_us) {
    return redis_day_of_hours(time_us / us_per_hour);
}

uint64_t redis_hours_of_day(uint32_t day) {
    uint64_t month = day / 100 % 100;
    uint64_t of_month = day % 100;
    if (day < 19700101 || day > 99991231 || month < 1 || month > 12 || of_month < 1 ||
        of_month > 31)
        return 0;
    uint64_t year = day / 10000 - (month <= 2 ? 1U : 0U);
    uint64_t year_of_era = year % 400;
    uint64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + of_month - 1;
    uint64_t of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    return (year / 400 * 146097 + of_era - 719468) * HOURS_PER_DAY;
}

struct redis_key redis_key_hour(const char *domain, const char *sensor, uint64_t hours) {
    char tag[NAME_TEXT_SIZE];
    char name[NAME_TEXT_SIZE];
    struct redis_key key;
    (void)snprintf(key.text, sizeof key.text, "downgrd:usage:{%s}:%s:h:%010" PRIu32,
                   escape_name(domain, tag), escape_name(sensor, name),
                   redis_stamp_of_hours(hours));
    return key;
}

struct redis_key redis_key_day(const char *domain, const char *sensor, uint32_t day) {
    char tag[NAME_TEXT_SIZE];
    char name[NAME_TEXT_SIZE];
    struct redis_key key;
    (void)snprintf(key.text, sizeof key.text, "downgrd:usage:{%s}:%s:d:%08" PRIu32,
                   escape_name(domain, tag), escape_name(sensor, name), day);
    return key;
}

struct redis_key redis_key_applied(const char *domain, const char *sensor, uint32_t day) {
    char tag[NAME_TEXT_SIZE];
    char name[NAME_TEXT_SIZE];
    struct redis_key key;
    (void)snprintf(key.text, sizeof key.text, "downgrd:applied:{%s}:%s:%08" PRIu32,
                   escape_name(domain, tag), escape_name(sensor, name), day);
    return key;
}

/* "downgrd:KIND:{TAG}" and, where `rest` is not empty, ":REST". */
static struct redis_key key_of(const char *kind, const char *tag, const char *rest) {
    char text[NAME_TEXT_SIZE];
    struct redis_key key;
    (void)snprintf(key.text, sizeof key.text, "downgrd:%s:{%s}%s%s", kind, escape_name(tag, text),
                   *rest != '\0' ? ":" : "", rest);
    return key;
}

struct redis_key redis_key_buckets(const char *domain) {
    return key_of("buckets", domain, "");
}

struct redis_key redis_key_clients(const char *domain, int legacy, uint32_t day) {
    char rest[32];
    (void)snprintf(rest, sizeof rest, "%s:%08" PRIu32, legacy ? "legacy" : "all", day);
    return key_of("clients", domain, rest);
}

struct redis_key redis_key_legacy(const char *domain) {
    return key_of("legacy", domain, "");
}

struct redis_key redis_key_legacy_clients(const char *domain) {
    return key_of("legacy_clients", domain, "");
}

struct redis_key redis_key_top(uint32_t day, enum redis_rank rank, const char *sensor) {
    static const char *const names[RANK_COUNT] = {
        [RANK_HANDSHAKES] = "handshakes",
        [RANK_LEGACY] = "legacy",
        [RANK_ALERTS] = "alerts",
        [RANK_LEGACY_CLIENTS] = "legacy_clients",
    };
    char tag[16];
    char name[NAME_TEXT_SIZE];
    char rest[NAME_TEXT_SIZE + 32];
    (void)snprintf(tag, sizeof tag, "%08" PRIu32, day);
    if (rank == RANK_LEGACY_CLIENTS)
        return key_of("top", tag, names[rank]);
    (void)snprintf(rest, sizeof rest, "%s:%s", names[rank], escape_name(sensor, name));
    return key_of("top", tag, rest);
}

struct redis_key redis_key_health(const char *sensor) {
    return key_of("health", sensor, "");
}

struct redis_key redis_key_health_day(const char *sensor, uint32_t day) {
    char rest[16];
    (void)snprintf(rest, sizeof rest, "d:%08" PRIu32, day);
    return key_of("health", sensor, rest);
}

struct redis_key redis_key_health_applied(const char *sensor, uint32_t day) {
    char rest[16];
    (void)snprintf(rest, sizeof rest, "%08" PRIu32, day);
    return key_of("health_applied", sensor, rest);
}

struct redis_key redis_member_of(uint32_t day, const char *sensor) {
    struct redis_key key;
    (void)snprintf(key.text, sizeof key.text, "%08" PRIu32 ":%.*s", day, (int)REDIS_NAME_MAX,
                   sensor);
    return key;
}

int redis_member_read(const char *member, uint32_t *day, const char **sensor) {
    uint32_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        if (member[i] < '0' || member[i] > '9')
            return -EINVAL;
        number = number * 10 + (uint32_t)(member[i] - '0');
    }
    if (member[8] != ':' || strlen(member + 9) > REDIS_NAME_MAX)
        return -EINVAL;
    *day = number;
    *sensor = member + 9;
    return 0;
}
