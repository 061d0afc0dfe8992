/*
 * config_values.h - one text to one value: numbers, times with units, words of a list.
 */
#ifndef DOWNGRD_CONFIG_VALUES_H
#define DOWNGRD_CONFIG_VALUES_H

#include "config_keys.h"

/* Reads key->value into key->target. `path` is the key's own. False after an error. */
bool config_read_value(const struct config_reader *reader, const char *path,
                       const struct config_key *key);

#endif
