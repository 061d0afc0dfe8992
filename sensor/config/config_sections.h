/*
 * config_sections.h - what a configuration file may hold: its sections with their keys, the rules,
 * and the lists of entries.
 */
#ifndef DOWNGRD_CONFIG_SECTIONS_H
#define DOWNGRD_CONFIG_SECTIONS_H

#include "config_keys.h"

enum { CONFIG_SECTION_KEYS = 12, CONFIG_SECTION_COUNT = 14 };

/* A section of single values, bound to the config whose fields its keys set. */
struct config_section {
    const char *name;
    struct config_key keys[CONFIG_SECTION_KEYS];
    size_t key_count;
};
void config_sections_bind(struct config *config,
                          struct config_section sections[CONFIG_SECTION_COUNT]);

/* The keys of rules_all[rule]: enabled, severity, and its own. Its `enabled` is *is_on. */
size_t config_rule_keys(struct config *config, size_t rule, bool *is_on,
                        struct config_key keys[CONFIG_SECTION_KEYS]);

/* The root mapping into *config. False when there was an error. */
bool config_sections_read(const struct config_reader *reader, const struct config_node *root,
                          struct config *config);

#endif
