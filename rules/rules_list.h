/*
 * rules_list.h - every rule's name for the list in rules.c. One line here and one there registers a
 * rule.
 */
#ifndef DOWNGRD_RULES_LIST_H
#define DOWNGRD_RULES_LIST_H

#include "rule.h"

extern const struct rule rule_downgrade_sentinel;
extern const struct rule rule_hello_mismatch;
extern const struct rule rule_inconsistent_client_hello;
extern const struct rule rule_fallback_dance;
extern const struct rule rule_inappropriate_fallback;
extern const struct rule rule_injected_alert;
extern const struct rule rule_injected_hello;
extern const struct rule rule_injected_reset;
extern const struct rule rule_weak_key_exchange;
extern const struct rule rule_starttls_stripping;
extern const struct rule rule_server_regression;
extern const struct rule rule_split_view;
extern const struct rule rule_pq_downgrade;
extern const struct rule rule_scanner;
extern const struct rule rule_legacy_version;
extern const struct rule rule_malformed_hello;

#endif
