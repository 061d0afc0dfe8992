/*
 * rule_threshold.c - a rule's numbers as the configuration writes and reads them.
 */
#include "rule.h"

#include <stdio.h>

/* "tls1.2" and so on, by rank; the same words as the field names of the usage counters. */
static const char *const version_words[TLS_RANK_COUNT] = {
    [TLS_RANK_UNKNOWN] = "unknown", [TLS_RANK_SSLV2] = "ssl2", [TLS_RANK_SSLV3] = "ssl3",
    [TLS_RANK_1_0] = "tls1.0",      [TLS_RANK_1_1] = "tls1.1", [TLS_RANK_1_2] = "tls1.2",
    [TLS_RANK_1_3] = "tls1.3",
};

/* In the largest unit that leaves no rest, so that what is printed can be written. Up to two
 * minutes are seconds: people say 60s. */
static void format_duration(uint64_t value_us, char buffer[RULE_VALUE_SIZE]) {
    static const struct {
        const char *name;
        uint64_t us;
        uint64_t from_us;
    } units[] = {
        {"d", UINT64_C(86400000000), UINT64_C(86400000000)},
        {"h", UINT64_C(3600000000), UINT64_C(3600000000)},
        {"m", 60000000, 120000000},
        {"s", 1000000, 1000000},
        {"ms", 1000, 1000},
        {"us", 1, 0},
    };
    size_t unit = 0;
    while (value_us < units[unit].from_us || value_us % units[unit].us != 0)
        unit++;
    (void)snprintf(buffer, RULE_VALUE_SIZE, "%llu%s",
                   (unsigned long long)(value_us / units[unit].us), units[unit].name);
}

const char *rule_value_format(enum rule_threshold_type type, uint64_t value,
                              char buffer[RULE_VALUE_SIZE]) {
    switch (type) {
    case THRESHOLD_DURATION:
        format_duration(value, buffer);
        break;
    case THRESHOLD_COUNT:
        (void)snprintf(buffer, RULE_VALUE_SIZE, "%llu", (unsigned long long)value);
        break;
    case THRESHOLD_VERSION:
        (void)snprintf(buffer, RULE_VALUE_SIZE, "%s",
                       version_words[value < TLS_RANK_COUNT ? value : TLS_RANK_UNKNOWN]);
        break;
    }
    return buffer;
}

uint64_t rule_threshold_get(const struct rule_threshold *threshold,
                            const struct rule_settings *settings) {
    const char *field = (const char *)settings + threshold->field;
    uint64_t wide = 0;
    uint32_t count = 0;
    enum tls_rank version = TLS_RANK_UNKNOWN;
    switch (threshold->type) {
    case THRESHOLD_DURATION:
        memcpy(&wide, field, sizeof wide);
        break;
    case THRESHOLD_COUNT:
        memcpy(&count, field, sizeof count);
        wide = count;
        break;
    case THRESHOLD_VERSION:
        memcpy(&version, field, sizeof version);
        wide = version;
        break;
    }
    return wide;
}

void rule_threshold_set(const struct rule_threshold *threshold, struct rule_settings *settings,
                        uint64_t value) {
    char *field = (char *)settings + threshold->field;
    uint32_t count = (uint32_t)value;
    enum tls_rank version = (enum tls_rank)value;
    switch (threshold->type) {
    case THRESHOLD_DURATION:
        memcpy(field, &value, sizeof value);
        break;
    case THRESHOLD_COUNT:
        memcpy(field, &count, sizeof count);
        break;
    case THRESHOLD_VERSION:
        memcpy(field, &version, sizeof version);
        break;
    }
}

const char *rule_threshold_format(const struct rule_threshold *threshold,
                                  char buffer[RULE_THRESHOLD_SIZE]) {
    struct rule_settings defaults;
    char min[RULE_VALUE_SIZE];
    char max[RULE_VALUE_SIZE];
    char value[RULE_VALUE_SIZE];
    rules_default_settings(&defaults);
    (void)snprintf(
        buffer, RULE_THRESHOLD_SIZE, "%s: %s; %s to %s, default %s", threshold->name,
        threshold->meaning, rule_value_format(threshold->type, threshold->min, min),
        rule_value_format(threshold->type, threshold->max, max),
        rule_value_format(threshold->type, rule_threshold_get(threshold, &defaults), value));
    return buffer;
}
