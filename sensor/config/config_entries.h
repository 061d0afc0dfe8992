/*
 * config_entries.h - the lists of entries: exceptions, interception boxes, expectations.
 */
#ifndef DOWNGRD_CONFIG_ENTRIES_H
#define DOWNGRD_CONFIG_ENTRIES_H

#include "config_keys.h"

/* Either node may be NULL: not written. Interception boxes are exceptions as well. False after an
 * error. */
bool config_read_exceptions(const struct config_reader *reader,
                            const struct config_node *exceptions,
                            const struct config_node *interception, struct exceptions *target);

bool config_read_expectations(const struct config_reader *reader, const struct config_node *node,
                              struct expectations *target);

#endif
