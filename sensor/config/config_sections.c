/*
 * config_sections.c - the tables of keys (config_sections.h).
 *
 * A key's default is what its field holds before the file is read, so there is no second list of
 * defaults that could differ. Ranges keep a mistyped number from taking the machine's memory, and a
 * table from being too small to be of use.
 */
#include "config_sections.h"

#include "config_entries.h"
#include "redis_addresses.h"

#include <assert.h>

enum section {
    SECTION_SENSOR,
    SECTION_CAPTURE,
    SECTION_TUNNELS,
    SECTION_FLOWS,
    SECTION_BUFFERS,
    SECTION_FRAGMENTS,
    SECTION_HISTORY,
    SECTION_USAGE,
    SECTION_EVE,
    SECTION_REDIS,
    SECTION_STATE,
    SECTION_EVIDENCE,
    SECTION_RIGHTS,
    SECTION_LOG,
    SECTION_COUNT,
};
static_assert((int)SECTION_COUNT == (int)CONFIG_SECTION_COUNT,
              "config_sections.h says how many there are");

enum { KIB = 1 << 10, MIB = 1 << 20 };
static const uint64_t gib = UINT64_C(1) << 30U;
enum { MILLISECOND = 1000, SECOND = 1000 * MILLISECOND, MINUTE = 60 * SECOND };
static const uint64_t day = UINT64_C(86400) * SECOND;

static bool is_sensor_name(const char *text, char why[CONFIG_HINT_SIZE]) {
    if (config_is_name(text))
        return true;
    (void)snprintf(why, CONFIG_HINT_SIZE,
                   "'%.40s' is no name for a sensor; write 1 to %d letters, digits, '.', '_' or "
                   "'-'",
                   text, SOURCE_NAME_SIZE - 1);
    return false;
}

static bool is_redis_url(const char *text, char why[CONFIG_HINT_SIZE]) {
    struct redis_addresses addresses;
    char error[REDIS_URL_ERROR_SIZE];
    bool is_good = text[0] == '\0' || redis_addresses_parse(text, &addresses, error) == 0;
    if (!is_good)
        (void)snprintf(why, CONFIG_HINT_SIZE, "%s", error);
    return is_good;
}

static void bind(struct config_section *section, const char *name, const struct config_key *keys,
                 size_t key_count) {
    assert(key_count <= CONFIG_SECTION_KEYS);
    *section = (struct config_section){.name = name, .key_count = key_count};
    memcpy(section->keys, keys, key_count * sizeof *keys);
}
#define BIND(section, name, keys) bind((section), (name), (keys), sizeof(keys) / sizeof(keys)[0])

static void bind_limits(struct config *config,
                        struct config_section sections[CONFIG_SECTION_COUNT]) {
    struct flow_config *flow = &config->pipeline.flow;
    const struct config_key flow_keys[] = {
        CONFIG_RANGE("connections", CONFIG_COUNT, &flow->flows, 1024, 16777216),
        CONFIG_RANGE("handshakes", CONFIG_COUNT, &flow->handshakes, 64, 1048576),
        CONFIG_RANGE("handshake_timeout", CONFIG_DURATION, &flow->handshake_timeout_us, SECOND,
                     10 * MINUTE),
        CONFIG_RANGE("closing_timeout", CONFIG_DURATION, &flow->closing_timeout_us,
                     100 * MILLISECOND, MINUTE),
        CONFIG_RANGE("idle_timeout", CONFIG_DURATION, &flow->idle_timeout_us, 10 * SECOND, day),
    };
    const struct config_key buffer_keys[] = {
        CONFIG_RANGE("small", CONFIG_COUNT, &flow->small_buffers, 64, 1048576),
        CONFIG_RANGE("medium", CONFIG_COUNT, &flow->medium_buffers, 16, 131072),
        CONFIG_RANGE("large", CONFIG_COUNT, &flow->large_buffers, 4, 16384),
        CONFIG_RANGE("windows", CONFIG_COUNT, &flow->windows, 64, 1048576),
    };
    const struct config_key fragment_keys[] = {
        CONFIG_RANGE("datagrams", CONFIG_COUNT, &config->pipeline.fragments, 16, 16384),
        CONFIG_RANGE("timeout", CONFIG_DURATION, &config->pipeline.fragment_timeout_us, SECOND,
                     2 * MINUTE),
    };
    BIND(&sections[SECTION_FLOWS], "flows", flow_keys);
    BIND(&sections[SECTION_BUFFERS], "buffers", buffer_keys);
    BIND(&sections[SECTION_FRAGMENTS], "fragments", fragment_keys);
}

static void bind_memory(struct config *config,
                        struct config_section sections[CONFIG_SECTION_COUNT]) {
    struct judge_config *judge = &config->pipeline.judge;
    const struct config_key history_keys[] = {
        CONFIG_RANGE("clients", CONFIG_COUNT, &judge->attempts, 1024, 16777216),
        CONFIG_RANGE("servers", CONFIG_COUNT, &judge->servers, 1024, 16777216),
        CONFIG_RANGE("repeats", CONFIG_COUNT, &judge->folds, 1024, 16777216),
    };
    const struct config_key usage_keys[] = {
        CONFIG_RANGE("buckets", CONFIG_COUNT, &config->pipeline.usage_buckets, 1024, 4194304),
        CONFIG_KEY("group_domains", CONFIG_BOOL, &config->pipeline.group_domains),
    };
    BIND(&sections[SECTION_HISTORY], "history", history_keys);
    BIND(&sections[SECTION_USAGE], "usage", usage_keys);
}

static void bind_evidence(struct config *config, struct config_section *section) {
    struct evidence_config *evidence = &config->evidence;
    const struct config_key keys[] = {
        CONFIG_KEY("dir", CONFIG_TEXT, &evidence->dir),
        CONFIG_RANGE("max_files", CONFIG_COUNT, &evidence->max_files, 1, 1000000),
        CONFIG_RANGE("max_bytes", CONFIG_COUNT, &evidence->max_bytes, MIB, 1024 * gib),
        CONFIG_RANGE("memory", CONFIG_COUNT, &evidence->memory, 4 * MIB, 64 * gib),
        CONFIG_KEY("all_classes", CONFIG_BOOL, &evidence->all_classes),
    };
    BIND(section, "evidence", keys);
}

static void bind_conduct(struct config *config,
                         struct config_section sections[CONFIG_SECTION_COUNT]) {
    const struct config_key rights[] = {
        CONFIG_KEY("user", CONFIG_TEXT, &config->user),
        CONFIG_KEY("confine", CONFIG_BOOL, &config->confine),
        CONFIG_KEY("reopen", CONFIG_BOOL, &config->reopen),
    };
    const struct config_key log[] = {
        CONFIG_KEY("level", CONFIG_LEVEL, &config->log_level),
    };
    BIND(&sections[SECTION_RIGHTS], "rights", rights);
    BIND(&sections[SECTION_LOG], "log", log);
}

void config_sections_bind(struct config *config,
                          struct config_section sections[CONFIG_SECTION_COUNT]) {
    struct publisher_config *publisher = &config->publisher;
    const struct config_key sensor[] = {
        CONFIG_CHECKED("name", &config->pipeline.sensor, is_sensor_name),
    };
    struct live_settings *live = &config->live;
    const struct config_key capture[] = {
        CONFIG_KEY("filter", CONFIG_TEXT, &config->pipeline.filter),
        CONFIG_RANGE("workers", CONFIG_COUNT, &live->workers, 1, 32),
        CONFIG_RANGE("buffer", CONFIG_COUNT, &live->buffer_bytes, 4 * MIB, gib),
        CONFIG_RANGE("snap_length", CONFIG_COUNT, &live->snap_length, 256, 262144),
        CONFIG_KEY("promiscuous", CONFIG_BOOL, &live->promiscuous),
        CONFIG_KEY("kernel_filter", CONFIG_BOOL, &live->kernel_filter),
        CONFIG_RANGE("record_memory", CONFIG_COUNT, &live->record_bytes, MIB, gib),
        CONFIG_RANGE("output_memory", CONFIG_COUNT, &live->output_bytes, 64 * KIB, gib),
        CONFIG_RANGE("stats_interval", CONFIG_DURATION, &live->stats_interval_us, SECOND, day),
    };
    const struct config_key tunnels[] = {
        CONFIG_RANGE("depth", CONFIG_DEPTH, &config->pipeline.tunnel_depth, 0, PACKET_MAX_TUNNELS),
    };
    const struct config_key eve[] = {
        CONFIG_KEY("path", CONFIG_TEXT, &config->eve_path),
    };
    const struct config_key redis[] = {
        CONFIG_CHECKED("url", &publisher->url, is_redis_url),
        CONFIG_RANGE("alerts", CONFIG_COUNT, &publisher->alerts_maxlen, 100, 10000000),
        CONFIG_RANGE("domains", CONFIG_COUNT, &publisher->domains, 1000, 1000000),
    };
    const struct config_key state[] = {
        CONFIG_KEY("dir", CONFIG_TEXT, &publisher->state_dir),
        CONFIG_RANGE("journal", CONFIG_COUNT, &publisher->journal_bytes, 16 * MIB, 64 * gib),
    };
    BIND(&sections[SECTION_SENSOR], "sensor", sensor);
    BIND(&sections[SECTION_CAPTURE], "capture", capture);
    BIND(&sections[SECTION_TUNNELS], "tunnels", tunnels);
    BIND(&sections[SECTION_EVE], "eve", eve);
    BIND(&sections[SECTION_REDIS], "redis", redis);
    BIND(&sections[SECTION_STATE], "state", state);
    bind_evidence(config, &sections[SECTION_EVIDENCE]);
    bind_conduct(config, sections);
    bind_limits(config, sections);
    bind_memory(config, sections);
}

/* ---- rules ---- */

size_t config_rule_keys(struct config *config, size_t rule, bool *is_on,
                        struct config_key keys[CONFIG_SECTION_KEYS]) {
    struct judge_config *judge = &config->pipeline.judge;
    const struct rule *described = rules_all[rule];
    const struct config_key common[] = {
        CONFIG_KEY("enabled", CONFIG_BOOL, is_on),
        CONFIG_KEY("severity", CONFIG_SEVERITY, &judge->severities[rule]),
    };
    size_t count = sizeof common / sizeof common[0];
    memcpy(keys, common, sizeof common);
    for (size_t i = 0; i < described->threshold_count && count < CONFIG_SECTION_KEYS; i++) {
        const struct rule_threshold *threshold = &described->thresholds[i];
        keys[count++] = (struct config_key){
            .name = threshold->name,
            .type = CONFIG_THRESHOLD,
            .target = &judge->settings,
            .min = threshold->min,
            .max = threshold->max,
            .threshold = threshold,
        };
    }
    return count;
}

static bool read_rule(const struct config_reader *reader, const struct config_node *node,
                      struct config *config, size_t rule) {
    uint32_t *rules_on = &config->pipeline.judge.rules_on;
    bool is_on = (*rules_on >> rule & 1U) != 0;
    struct config_key keys[CONFIG_SECTION_KEYS];
    char path[CONFIG_PATH_SIZE];
    (void)snprintf(path, sizeof path, "rules.%s", rules_all[rule]->kind);
    size_t count = config_rule_keys(config, rule, &is_on, keys);
    bool is_good = config_read_keys(reader, node, path, keys, count);
    *rules_on = is_on ? *rules_on | 1U << rule : *rules_on & ~(1U << rule);
    return is_good;
}

static bool read_rules(const struct config_reader *reader, const struct config_node *node,
                       struct config *config) {
    struct config_key kinds[JUDGE_MAX_RULES];
    size_t count = rules_count < JUDGE_MAX_RULES ? rules_count : JUDGE_MAX_RULES;
    for (size_t i = 0; i < count; i++)
        kinds[i] = (struct config_key)CONFIG_KEY(rules_all[i]->kind, CONFIG_OTHER, NULL);
    bool is_good = config_match(reader, node, "rules", kinds, count);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].value != NULL)
            is_good = read_rule(reader, kinds[i].value, config, i) && is_good;
    }
    return is_good;
}

/* ---- the whole ---- */

enum other_key {
    OTHER_CLASSIFY,
    OTHER_RULES,
    OTHER_EXCEPTIONS,
    OTHER_INTERCEPTION,
    OTHER_EXPECTATIONS,
    OTHER_COUNT
};

static bool read_others(const struct config_reader *reader, const struct config_key *others,
                        struct config *config) {
    struct judge_config *judge = &config->pipeline.judge;
    bool is_good = true;
    if (others[OTHER_CLASSIFY].value != NULL)
        is_good = config_read_key(reader, "", &others[OTHER_CLASSIFY]);
    if (others[OTHER_RULES].value != NULL)
        is_good = read_rules(reader, others[OTHER_RULES].value, config) && is_good;
    is_good = config_read_exceptions(reader, others[OTHER_EXCEPTIONS].value,
                                     others[OTHER_INTERCEPTION].value, &judge->exceptions) &&
              is_good;
    return config_read_expectations(reader, others[OTHER_EXPECTATIONS].value,
                                    &judge->expectations) &&
           is_good;
}

/* What no key can say alone. */
static bool check_together(const struct config_reader *reader,
                           const struct config_section sections[CONFIG_SECTION_COUNT],
                           const struct config *config) {
    const struct flow_config *flow = &config->pipeline.flow;
    const struct config_key *connections = &sections[SECTION_FLOWS].keys[0];
    const struct config_key *handshakes = &sections[SECTION_FLOWS].keys[1];
    if (flow->handshakes <= flow->flows)
        return true;
    config_complain(reader, handshakes->value != NULL ? handshakes->value : connections->value,
                    "flows.handshakes",
                    "%zu handshakes in progress are more than the %zu connections they belong to; "
                    "lower handshakes or raise connections",
                    flow->handshakes, flow->flows);
    return false;
}

bool config_sections_read(const struct config_reader *reader, const struct config_node *root,
                          struct config *config) {
    struct config_section sections[CONFIG_SECTION_COUNT];
    struct config_key top[CONFIG_SECTION_COUNT + OTHER_COUNT] = {
        [OTHER_CLASSIFY] = CONFIG_KEY("classify", CONFIG_LAZY, &config->pipeline.classify),
        [OTHER_RULES] = CONFIG_KEY("rules", CONFIG_OTHER, NULL),
        [OTHER_EXCEPTIONS] = CONFIG_KEY("exceptions", CONFIG_OTHER, NULL),
        [OTHER_INTERCEPTION] = CONFIG_KEY("interception", CONFIG_OTHER, NULL),
        [OTHER_EXPECTATIONS] = CONFIG_KEY("expectations", CONFIG_OTHER, NULL),
    };
    config_sections_bind(config, sections);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
        top[OTHER_COUNT + i] = (struct config_key)CONFIG_KEY(sections[i].name, CONFIG_OTHER, NULL);
    bool is_good = config_match(reader, root, "", top, CONFIG_SECTION_COUNT + OTHER_COUNT);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        struct config_section *section = &sections[i];
        if (top[OTHER_COUNT + i].value != NULL)
            is_good = config_read_keys(reader, top[OTHER_COUNT + i].value, section->name,
                                       section->keys, section->key_count) &&
                      is_good;
    }
    is_good = read_others(reader, top, config) && is_good;
    const struct config_node *filter = sections[SECTION_CAPTURE].keys[0].value;
    config->filter_line = filter != NULL ? filter->line : 0;
    config->filter_column = filter != NULL ? filter->column : 0;
    return is_good && check_together(reader, sections, config);
}
