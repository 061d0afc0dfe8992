/*
 * config_lists.h - lists of rules, networks, domains and fingerprints. One text stands for a list
 * of one.
 */
#ifndef DOWNGRD_CONFIG_LISTS_H
#define DOWNGRD_CONFIG_LISTS_H

#include "config_keys.h"

/* Each reads `node`, the value of the key at `path`. False after an error. */

/* Kinds of rules as a mask by their places in rules_all[]; `all` is every rule. */
bool config_read_rules(const struct config_reader *reader, const char *path,
                       const struct config_node *node, uint32_t *rules);

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.7". Bits past the prefix must be 0. */
bool config_read_nets(const struct config_reader *reader, const char *path,
                      const struct config_node *node, struct net_list *list);

/* "example.org", "*.example.org", and the names of counters: "_none", "_invalid". */
bool config_read_domains(const struct config_reader *reader, const char *path,
                         const struct config_node *node, struct domain_list *list);

/* "t13d1516h2_8daaf6152771_02713d6af862". */
bool config_read_ja4(const struct config_reader *reader, const char *path,
                     const struct config_node *node, struct config_texts *list);

#endif
