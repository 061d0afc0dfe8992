/*
 * config_errors.h - errors with their places, and guesses at what was meant.
 */
#ifndef DOWNGRD_CONFIG_ERRORS_H
#define DOWNGRD_CONFIG_ERRORS_H

#include "config.h"

/* Keeps the first CONFIG_MAX_ERRORS by place, whatever the order in which they are found. */
void config_errors_add(struct config_errors *errors, unsigned line, unsigned column,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The name that `word` was probably meant to be; NULL when none is near. */
const char *config_nearest(const char *word, const char *const *names, size_t count);

enum { CONFIG_HINT_SIZE = 320 };
/* "did you mean 'severity'?", or else "known here: enabled, severity", into a caller's buffer. */
const char *config_hint(const char *word, const char *const *names, size_t count,
                        char hint[CONFIG_HINT_SIZE]);

#endif
