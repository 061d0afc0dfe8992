/*
 * config_entries.c - see config_entries.h.
 *
 * An entry that would fit everything is an error: whoever wants a rule silent everywhere switches
 * it off, where everybody can see it.
 */
#include "config_entries.h"

static const char no_text[] = "";

static size_t count_entries(const struct config_node *list) {
    return list != NULL && list->kind == CONFIG_NODE_LIST ? list->count : 0;
}

/* Is it a list of a bearable length? Nothing behind the key is an empty one. */
static bool check_list(const struct config_reader *reader, const struct config_node *list,
                       const char *path) {
    if (list == NULL || config_node_is_empty(list))
        return true;
    if (list->kind != CONFIG_NODE_LIST) {
        config_complain(reader, list, path,
                        "%s stands where a list belongs; begin each entry with '- '",
                        config_node_kind_name(list));
        return false;
    }
    if (list->count > CONFIG_MAX_ITEMS) {
        config_complain(reader, list, path,
                        "%zu entries; %d at most: one entry may list many networks and domains",
                        list->count, CONFIG_MAX_ITEMS);
        return false;
    }
    return true;
}

static bool is_anywhere(const struct selector *where) {
    return where->clients.count == 0 && where->servers.count == 0 && where->domains.count == 0;
}

static bool read_exception(const struct config_reader *reader, const struct config_node *node,
                           const char *path, struct exception *exception) {
    struct config_texts ja4 = {NULL, 0};
    struct config_key keys[] = {
        CONFIG_KEY("rules", CONFIG_RULES, &exception->rules),
        CONFIG_KEY("client", CONFIG_NETS, &exception->where.clients),
        CONFIG_KEY("server", CONFIG_NETS, &exception->where.servers),
        CONFIG_KEY("domain", CONFIG_DOMAINS, &exception->where.domains),
        CONFIG_KEY("ja4", CONFIG_JA4, &ja4),
        CONFIG_KEY("reason", CONFIG_TEXT, &exception->reason),
    };
    if (!config_read_keys(reader, node, path, keys, sizeof keys / sizeof keys[0]))
        return false;
    if (keys[0].value == NULL) {
        config_complain(reader, node, path,
                        "'rules' is missing; name the rules that are excepted, or write "
                        "'rules: all'");
        return false;
    }
    exception->ja4 = ja4.texts;
    exception->ja4_count = ja4.count;
    if (is_anywhere(&exception->where) && ja4.count == 0) {
        config_complain(
            reader, node, path,
            "this fits everything; add client, server, domain or ja4, or switch the rule "
            "off under 'rules' with 'enabled: false'");
        return false;
    }
    return true;
}

/* The rules whose evidence such a box leaves. */
static uint32_t interception_rules(void) {
    uint32_t rules = 0;
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++)
        rules |= rules_all[i]->is_left_by_interception ? 1U << i : 0U;
    return rules;
}

static bool read_interception(const struct config_reader *reader, const struct config_node *node,
                              const char *path, struct exception *exception) {
    struct config_key keys[] = {
        CONFIG_KEY("client", CONFIG_NETS, &exception->where.clients),
        CONFIG_KEY("server", CONFIG_NETS, &exception->where.servers),
        CONFIG_KEY("reason", CONFIG_TEXT, &exception->reason),
    };
    exception->rules = interception_rules();
    if (!config_read_keys(reader, node, path, keys, sizeof keys / sizeof keys[0]))
        return false;
    if (!is_anywhere(&exception->where))
        return true;
    config_complain(reader, node, path,
                    "this fits everything; write under client which clients are behind the box, "
                    "or under server which servers it stands before");
    return false;
}

/* Reads a checked list entry by entry. */
static bool
read_list(const struct config_reader *reader, const struct config_node *list, const char *name,
          bool (*read_entry)(const struct config_reader *reader, const struct config_node *node,
                             const char *path, struct exception *exception),
          struct exception *entries) {
    bool is_good = true;
    const struct config_node *node = count_entries(list) > 0 ? list->first : NULL;
    for (size_t i = 0; node != NULL; node = node->next, i++) {
        char path[CONFIG_PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s[%zu]", name, i);
        entries[i].reason = no_text;
        is_good = read_entry(reader, node, path, &entries[i]) && is_good;
        if (entries[i].reason == NULL)
            entries[i].reason = no_text;
    }
    return is_good;
}

bool config_read_exceptions(const struct config_reader *reader,
                            const struct config_node *exceptions,
                            const struct config_node *interception, struct exceptions *target) {
    bool is_good = true;
    if (!check_list(reader, exceptions, "exceptions")) {
        exceptions = NULL;
        is_good = false;
    }
    if (!check_list(reader, interception, "interception")) {
        interception = NULL;
        is_good = false;
    }
    size_t first = count_entries(exceptions);
    size_t count = first + count_entries(interception);
    if (count == 0)
        return is_good;
    struct exception *entries = config_arena_take(reader->arena, count, sizeof *entries);
    if (entries == NULL) {
        config_errors_add(reader->errors, 0, 0, "out of memory");
        return false;
    }
    is_good = read_list(reader, exceptions, "exceptions", read_exception, entries) && is_good;
    is_good = read_list(reader, interception, "interception", read_interception, entries + first) &&
              is_good;
    *target = (struct exceptions){entries, count};
    return is_good;
}

static bool is_pool_name(const char *text, char why[CONFIG_HINT_SIZE]) {
    if (text[0] == '\0' || config_is_name(text))
        return true;
    (void)snprintf(why, CONFIG_HINT_SIZE,
                   "'%.40s' is no name for a pool; write 1 to 63 letters, digits, '.', '_' or '-'",
                   text);
    return false;
}

static bool read_expectation(const struct config_reader *reader, const struct config_node *node,
                             const char *path, struct expected_server *server) {
    struct expected_range *range = &server->range;
    struct config_key keys[] = {
        CONFIG_KEY("server", CONFIG_NETS, &server->where.servers),
        CONFIG_KEY("domain", CONFIG_DOMAINS, &server->where.domains),
        CONFIG_RANGE("min", CONFIG_VERSION, &range->min, TLS_RANK_SSLV2, TLS_RANK_1_3),
        CONFIG_RANGE("max", CONFIG_VERSION, &range->max, TLS_RANK_SSLV2, TLS_RANK_1_3),
        CONFIG_CHECKED("pool", &range->pool, is_pool_name),
        CONFIG_KEY("reason", CONFIG_TEXT, &server->reason),
    };
    const struct config_key *min = &keys[2];
    const struct config_key *max = &keys[3];
    if (!config_read_keys(reader, node, path, keys, sizeof keys / sizeof keys[0]))
        return false;
    if (is_anywhere(&server->where)) {
        config_complain(reader, node, path, "this fits every server; add server or domain");
        return false;
    }
    if (min->value == NULL || max->value == NULL) {
        config_complain(reader, node, path,
                        "'%s' is missing; write both ends of the range, such as 'min: tls1.0' and "
                        "'max: tls1.3'",
                        min->value == NULL ? "min" : "max");
        return false;
    }
    if (range->min > range->max) {
        config_complain(reader, min->value, path, "min %s is above max %s; exchange them",
                        min->value->text, max->value->text);
        return false;
    }
    return true;
}

bool config_read_expectations(const struct config_reader *reader, const struct config_node *node,
                              struct expectations *target) {
    if (!check_list(reader, node, "expectations"))
        return false;
    size_t count = count_entries(node);
    if (count == 0)
        return true;
    struct expected_server *servers = config_arena_take(reader->arena, count, sizeof *servers);
    if (servers == NULL) {
        config_errors_add(reader->errors, 0, 0, "out of memory");
        return false;
    }
    bool is_good = true;
    const struct config_node *entry = node->first;
    for (size_t i = 0; i < count; i++, entry = entry->next) {
        char path[CONFIG_PATH_SIZE];
        (void)snprintf(path, sizeof path, "expectations[%zu]", i);
        is_good = read_expectation(reader, entry, path, &servers[i]) && is_good;
        if (servers[i].range.pool == NULL)
            servers[i].range.pool = no_text;
        if (servers[i].reason == NULL)
            servers[i].reason = no_text;
    }
    *target = (struct expectations){servers, count};
    return is_good;
}
