/*
 * config_values.c - see config_values.h.
 *
 * Types are strict: a number in quotes is a text, and yes is no bool, so that a file means the same
 * to everything that reads it. The message says what to write instead.
 */
#include "config_values.h"

/* The words of a type, by value; none for numbers and times. */
struct words {
    const char *const *list;
    size_t count;
    uint64_t first;  /* the value of list[0] */
    bool is_ordered; /* key->min to key->max are allowed */
};

static struct words words_of(const struct config_key *key) {
    static const char *const bools[] = {"false", "true"};
    static const char *const lazy[] = {"off", "lazy"};
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
    static const char *const severities[] = {"high", "medium", "low"};
    static const char *const versions[] = {"ssl2", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3"};
    bool is_version = key->type == CONFIG_VERSION ||
                      (key->threshold != NULL && key->threshold->type == THRESHOLD_VERSION);
    if (key->type == CONFIG_BOOL)
        return (struct words){bools, 2, 0, false};
    if (key->type == CONFIG_LAZY)
        return (struct words){lazy, 2, 0, false};
    if (key->type == CONFIG_LEVEL)
        return (struct words){levels, 5, LOG_LEVEL_ERROR, false};
    if (key->type == CONFIG_SEVERITY)
        return (struct words){severities, 3, RULE_SEVERITY_HIGH, false};
    if (is_version)
        return (struct words){versions, 6, TLS_RANK_SSLV2, true};
    return (struct words){NULL, 0, 0, false};
}

static bool is_duration(const struct config_key *key) {
    return key->type == CONFIG_DURATION ||
           (key->threshold != NULL && key->threshold->type == THRESHOLD_DURATION);
}

const char *config_range_format(const struct config_key *key, char text[CONFIG_HINT_SIZE]) {
    char min[RULE_VALUE_SIZE];
    char max[RULE_VALUE_SIZE];
    struct words words = words_of(key);
    if (words.count == 0 || words.is_ordered) {
        enum rule_threshold_type type = THRESHOLD_COUNT;
        if (is_duration(key))
            type = THRESHOLD_DURATION;
        if (words.is_ordered)
            type = THRESHOLD_VERSION;
        (void)snprintf(text, CONFIG_HINT_SIZE, "%s to %s", rule_value_format(type, key->min, min),
                       rule_value_format(type, key->max, max));
        return text;
    }
    size_t size = 0;
    for (size_t i = 0; i < words.count; i++) {
        const char *gap = i + 1 == words.count ? " or " : ", ";
        size += (size_t)snprintf(text + size, CONFIG_HINT_SIZE - size, "%s%s", i > 0 ? gap : "",
                                 words.list[i]);
    }
    return text;
}

/* The digits a text begins with as a number; UINT64_MAX when they are more than it holds. */
static uint64_t read_digits(const char *text, size_t *digits) {
    uint64_t number = 0;
    *digits = strspn(text, "0123456789");
    for (size_t i = 0; i < *digits; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return UINT64_MAX;
        number = number * 10 + digit;
    }
    return number;
}

static bool check_range(const struct config_reader *reader, const char *path,
                        const struct config_key *key, uint64_t value) {
    char range[CONFIG_HINT_SIZE];
    if (value >= key->min && value <= key->max)
        return true;
    config_complain(reader, key->value, path, "%.40s is out of range; it goes from %s",
                    key->value->text, config_range_format(key, range));
    return false;
}

static bool read_number(const struct config_reader *reader, const char *path,
                        const struct config_key *key, uint64_t *value) {
    char range[CONFIG_HINT_SIZE];
    const char *text = key->value->text;
    size_t digits = 0;
    *value = read_digits(text, &digits);
    if (digits == 0 || text[digits] != '\0') {
        config_complain(reader, key->value, path, "'%.40s' is no whole number; write %s", text,
                        config_range_format(key, range));
        return false;
    }
    return check_range(reader, path, key, *value);
}

static bool read_duration(const struct config_reader *reader, const char *path,
                          const struct config_key *key, uint64_t *value) {
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"us", 1},
                 {"ms", 1000},
                 {"s", 1000000},
                 {"m", 60000000},
                 {"h", UINT64_C(3600000000)},
                 {"d", UINT64_C(86400000000)}};
    enum { UNIT_COUNT = sizeof units / sizeof units[0] };
    char range[CONFIG_HINT_SIZE];
    const char *text = key->value->text;
    size_t digits = 0;
    size_t unit = 0;
    uint64_t number = read_digits(text, &digits);
    (void)config_range_format(key, range);
    while (unit < UNIT_COUNT && strcmp(units[unit].name, text + digits) != 0)
        unit++;
    if (digits > 0 && text[digits] == '\0') {
        config_complain(reader, key->value, path,
                        "'%.40s' has no unit; write %.40ss if seconds are meant (%s)", text, text,
                        range);
        return false;
    }
    if (digits == 0 || unit == UNIT_COUNT) {
        config_complain(reader, key->value, path,
                        "'%.40s' is no time; write a whole number and ms, s, m, h or d, such as "
                        "30s (%s)",
                        text, range);
        return false;
    }
    *value = number > UINT64_MAX / units[unit].us ? UINT64_MAX : number * units[unit].us;
    return check_range(reader, path, key, *value);
}

/* What other programs take for true and false. */
static const char *meant_bool(const char *text) {
    static const char *const yes[] = {"yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE", "1"};
    static const char *const no[] = {"no", "No", "NO", "off", "Off", "OFF", "False", "FALSE", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text, yes[i]) == 0)
            return "true";
        if (strcmp(text, no[i]) == 0)
            return "false";
    }
    return NULL;
}

static bool read_word(const struct config_reader *reader, const char *path,
                      const struct config_key *key, struct words words, uint64_t *value) {
    char range[CONFIG_HINT_SIZE];
    const char *text = key->value->text;
    for (size_t i = 0; i < words.count; i++) {
        *value = words.first + i;
        if (strcmp(text, words.list[i]) == 0)
            return !words.is_ordered || check_range(reader, path, key, *value);
    }
    (void)config_range_format(key, range);
    if (words.is_ordered) {
        config_complain(reader, key->value, path,
                        "'%.40s' is no version; write ssl2, ssl3, tls1.0, tls1.1, tls1.2 or tls1.3 "
                        "(here %s)",
                        text, range);
        return false;
    }
    const char *meant = key->type == CONFIG_BOOL ? meant_bool(text) : NULL;
    if (meant == NULL)
        meant = config_nearest(text, words.list, words.count);
    if (meant != NULL)
        config_complain(reader, key->value, path, "'%.40s' is not %s; did you mean '%s'?", text,
                        range, meant);
    else
        config_complain(reader, key->value, path, "'%.40s' is not known; write %s", text, range);
    return false;
}

static bool read_text(const struct config_reader *reader, const char *path,
                      const struct config_key *key) {
    const char **target = key->target;
    const char *text = key->value->text;
    char why[CONFIG_HINT_SIZE] = "";
    if (strlen(text) > CONFIG_MAX_TEXT) {
        config_complain(reader, key->value, path, "the text is too long; %d bytes at most",
                        CONFIG_MAX_TEXT);
        return false;
    }
    if (key->check != NULL && !key->check(text, why)) {
        config_complain(reader, key->value, path, "%s", why);
        return false;
    }
    if (text[0] == '\0') {
        *target = NULL;
        return true;
    }
    *target = config_arena_copy(reader->arena, text, strlen(text));
    if (*target == NULL)
        config_complain(reader, key->value, path, "out of memory");
    return *target != NULL;
}

static void store(const struct config_key *key, uint64_t value) {
    switch (key->type) {
    case CONFIG_BOOL:
    case CONFIG_LAZY:
        *(bool *)key->target = value != 0;
        break;
    case CONFIG_COUNT:
        *(size_t *)key->target = (size_t)value;
        break;
    case CONFIG_DEPTH:
        *(unsigned *)key->target = (unsigned)value;
        break;
    case CONFIG_DURATION:
        *(uint64_t *)key->target = value;
        break;
    case CONFIG_LEVEL:
        *(enum log_level *)key->target = (enum log_level)value;
        break;
    case CONFIG_SEVERITY:
        *(enum rule_severity *)key->target = (enum rule_severity)value;
        break;
    case CONFIG_VERSION:
        *(enum tls_rank *)key->target = (enum tls_rank)value;
        break;
    case CONFIG_THRESHOLD:
        rule_threshold_set(key->threshold, key->target, value);
        break;
    case CONFIG_TEXT:
    case CONFIG_RULES:
    case CONFIG_NETS:
    case CONFIG_DOMAINS:
    case CONFIG_JA4:
    case CONFIG_OTHER:
        break;
    }
}

/* A value of its kind at all: one text, in quotes only where text is meant. */
static bool check_form(const struct config_reader *reader, const char *path,
                       const struct config_key *key, bool is_word) {
    const struct config_node *node = key->value;
    char range[CONFIG_HINT_SIZE];
    const char *wanted =
        key->type == CONFIG_TEXT ? "a text (\"\" for none)" : config_range_format(key, range);
    if (node->kind != CONFIG_NODE_TEXT) {
        config_complain(reader, node, path, "%s stands where one value belongs; write %s",
                        config_node_kind_name(node), wanted);
        return false;
    }
    if (config_node_is_empty(node)) {
        config_complain(reader, node, path, "there is no value; write %s, or leave the key out",
                        wanted);
        return false;
    }
    if (node->is_quoted && key->type != CONFIG_TEXT && (!is_word || key->type == CONFIG_BOOL)) {
        config_complain(reader, node, path,
                        "\"%.40s\" in quotes is a text; take the quotes away (%s)", node->text,
                        wanted);
        return false;
    }
    return true;
}

bool config_read_value(const struct config_reader *reader, const char *path,
                       const struct config_key *key) {
    uint64_t value = 0;
    bool is_good = false;
    struct words words = words_of(key);
    if (!check_form(reader, path, key, words.count > 0))
        return false;
    if (key->type == CONFIG_TEXT)
        return read_text(reader, path, key);
    if (words.count > 0)
        is_good = read_word(reader, path, key, words, &value);
    else if (is_duration(key))
        is_good = read_duration(reader, path, key, &value);
    else
        is_good = read_number(reader, path, key, &value);
    if (is_good)
        store(key, value);
    return is_good;
}
