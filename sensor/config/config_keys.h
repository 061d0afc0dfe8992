/*
 * config_keys.h - a mapping read by a table: which keys there are, of what type, in which range,
 * and where their values go.
 *
 * The tables are config_sections.c's. The same table answers what may be written, for messages and
 * for the test that holds the sample configuration to it.
 */
#ifndef DOWNGRD_CONFIG_KEYS_H
#define DOWNGRD_CONFIG_KEYS_H

#include "config_tree.h"

enum config_type {
    CONFIG_BOOL,      /* true, false -> bool */
    CONFIG_LAZY,      /* lazy, off -> bool */
    CONFIG_COUNT,     /* whole number -> size_t */
    CONFIG_DEPTH,     /* whole number -> unsigned */
    CONFIG_DURATION,  /* 30s -> uint64_t, microseconds */
    CONFIG_LEVEL,     /* error, warning, ... -> enum log_level */
    CONFIG_SEVERITY,  /* high, medium, low -> enum rule_severity */
    CONFIG_VERSION,   /* tls1.2 -> enum tls_rank */
    CONFIG_THRESHOLD, /* as `threshold` says -> struct rule_settings */
    CONFIG_TEXT,      /* -> const char *; "" gives NULL */
    CONFIG_RULES,     /* kinds, or all -> uint32_t */
    CONFIG_NETS,      /* -> struct net_list */
    CONFIG_DOMAINS,   /* -> struct domain_list */
    CONFIG_JA4,       /* -> struct config_texts */
    CONFIG_OTHER,     /* a section: not read here */
};

struct config_texts {
    const char *const *texts;
    size_t count;
};

struct config_key {
    const char *name;
    enum config_type type;
    void *target; /* its own value stays when the key is not written */
    uint64_t min; /* of counts, durations and versions, in the target's unit */
    uint64_t max;
    const struct rule_threshold *threshold;
    /* Of texts: true, or false with what is wrong and what to do. NULL: any text will do. */
    bool (*check)(const char *text, char why[CONFIG_HINT_SIZE]);

    const struct config_node *name_node; /* where it was written; NULL: it was not */
    const struct config_node *value;
};

#define CONFIG_KEY(key_name, key_type, key_target)                                                 \
    { .name = (key_name), .type = (key_type), .target = (key_target) }
#define CONFIG_RANGE(key_name, key_type, key_target, least, most)                                  \
    {                                                                                              \
        .name = (key_name), .type = (key_type), .target = (key_target), .min = (least),            \
        .max = (most)                                                                              \
    }
#define CONFIG_CHECKED(key_name, key_target, key_check)                                            \
    { .name = (key_name), .type = CONFIG_TEXT, .target = (key_target), .check = (key_check) }

/* Where what is read is kept, and where errors go. */
struct config_reader {
    struct config_arena *arena;
    struct config_errors *errors;
};

enum {
    CONFIG_PATH_SIZE = 128, /* "rules.fallback-dance.window", "exceptions[3].client[0]" */
    CONFIG_MAX_KEYS = 64,   /* of one mapping: many more than any table has */
    CONFIG_MAX_ITEMS = 1024,
    CONFIG_MAX_TEXT = 4096,
};

/* Adds an error at a node: "PATH: ..." with the format's text. */
void config_complain(const struct config_reader *reader, const struct config_node *node,
                     const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Finds each key of `map` in the table; complains of unknown and doubled ones. `path` is the
 * mapping's, "" for the whole file. An empty mapping node (`flows:`) has no keys. False when there
 * was an error.
 */
bool config_match(const struct config_reader *reader, const struct config_node *map,
                  const char *path, struct config_key *keys, size_t key_count);

/* config_match(), then reads every value that was written. False when there was an error; what was
 * good is in its target all the same. */
bool config_read_keys(const struct config_reader *reader, const struct config_node *map,
                      const char *path, struct config_key *keys, size_t key_count);

/* Reads the value of one key that was matched. */
bool config_read_key(const struct config_reader *reader, const char *path,
                     const struct config_key *key);

/* What may be written: "1024 to 16777216", "1s to 1h", "high, medium or low", "tls1.0 to tls1.3";
 * into a caller's buffer. */
const char *config_range_format(const struct config_key *key, char text[CONFIG_HINT_SIZE]);

#endif
