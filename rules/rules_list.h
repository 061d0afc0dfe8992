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
extern const struct rule rule_legacy_version;

#endif
