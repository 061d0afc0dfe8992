/*
 * config_keys.c - keys against their table, and each value to the reader of its type.
 */
#include "config_keys.h"

#include "config_lists.h"
#include "config_values.h"

#include <stdarg.h>

void config_complain(const struct config_reader *reader, const struct config_node *node,
                     const char *path, const char *format, ...) {
    char text[CONFIG_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_errors_add(reader->errors, node->line, node->column, "%s: %s", path,
                      length < 0 ? "" : text);
}

static void complain_unknown(const struct config_reader *reader, const struct config_node *name,
                             const char *path, const struct config_key *keys, size_t key_count) {
    const char *names[CONFIG_MAX_KEYS];
    char hint[CONFIG_HINT_SIZE];
    for (size_t i = 0; i < key_count && i < CONFIG_MAX_KEYS; i++)
        names[i] = keys[i].name;
    config_errors_add(reader->errors, name->line, name->column, "unknown key '%.60s' %s%s; %s",
                      name->text, path[0] != '\0' ? "in " : "at the top of the file", path,
                      config_hint(name->text, names, key_count, hint));
}

static bool match_one(const struct config_reader *reader, const struct config_node *name,
                      const char *path, struct config_key *keys, size_t key_count) {
    struct config_key *key = keys;
    while (key < keys + key_count && strcmp(key->name, name->text) != 0)
        key++;
    if (key == keys + key_count) {
        complain_unknown(reader, name, path, keys, key_count);
        return false;
    }
    if (key->name_node != NULL) {
        config_errors_add(reader->errors, name->line, name->column,
                          "doubled key '%s' %s%s: it is in line %u already; take one of them out",
                          key->name, path[0] != '\0' ? "in " : "at the top of the file", path,
                          key->name_node->line);
        return false;
    }
    key->name_node = name;
    key->value = name->next;
    return true;
}

bool config_match(const struct config_reader *reader, const struct config_node *map,
                  const char *path, struct config_key *keys, size_t key_count) {
    bool is_good = true;
    size_t seen = 0;
    const char *where = path[0] != '\0' ? path : "the file";
    if (config_node_is_empty(map))
        return true;
    if (map->kind != CONFIG_NODE_MAP) {
        config_complain(reader, map, where,
                        "%s stands where keys belong; write 'key: value' lines, indented, with a "
                        "blank behind the colon",
                        config_node_kind_name(map));
        return false;
    }
    for (const struct config_node *name = map->first; name != NULL; name = name->next->next) {
        if (++seen > CONFIG_MAX_KEYS) {
            config_complain(reader, name, where, "too many keys; there are %zu at most", key_count);
            return false;
        }
        is_good = match_one(reader, name, path, keys, key_count) && is_good;
    }
    return is_good;
}

bool config_read_key(const struct config_reader *reader, const char *path,
                     const struct config_key *key) {
    char own[CONFIG_PATH_SIZE];
    (void)snprintf(own, sizeof own, "%s%s%s", path, path[0] != '\0' ? "." : "", key->name);
    switch (key->type) {
    case CONFIG_BOOL:
    case CONFIG_LAZY:
    case CONFIG_COUNT:
    case CONFIG_DEPTH:
    case CONFIG_DURATION:
    case CONFIG_LEVEL:
    case CONFIG_SEVERITY:
    case CONFIG_VERSION:
    case CONFIG_THRESHOLD:
    case CONFIG_TEXT:
        return config_read_value(reader, own, key);
    case CONFIG_RULES:
        return config_read_rules(reader, own, key->value, key->target);
    case CONFIG_NETS:
        return config_read_nets(reader, own, key->value, key->target);
    case CONFIG_DOMAINS:
        return config_read_domains(reader, own, key->value, key->target);
    case CONFIG_JA4:
        return config_read_ja4(reader, own, key->value, key->target);
    case CONFIG_OTHER:
        break;
    }
    return true;
}

bool config_read_keys(const struct config_reader *reader, const struct config_node *map,
                      const char *path, struct config_key *keys, size_t key_count) {
    bool is_good = config_match(reader, map, path, keys, key_count);
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].value != NULL)
            is_good = config_read_key(reader, path, &keys[i]) && is_good;
    }
    return is_good;
}
