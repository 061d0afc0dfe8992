/*
 * log_line.h - the text of one line (log.h) and who may write another one; no output, no clock.
 */
#ifndef DOWNGRD_LOG_LINE_H
#define DOWNGRD_LOG_LINE_H

#include "log.h"

#include <stddef.h>

/* What has been said of one kind. */
struct log_kind {
    const char *name; /* NULL: unused */
    enum log_level level;
    unsigned allowance;  /* lines that may pass now */
    uint64_t filled_s;   /* when it grew last */
    uint64_t suppressed; /* since the last line that passed */
};

/* True when a line of this kind may pass at that time (seconds, of any clock that does not step).
 * *suppressed is how many did not since the last one that did. */
bool log_kind_admit(struct log_kind *kind, uint64_t now_s, uint64_t *suppressed);

/* `line` gets the prefix, the escaped message, how many were suppressed (0: nothing is said), and a
 * newline; not terminated. Returns its length. */
size_t log_line_format(char line[LOG_MAX_LINE], enum log_level level, bool to_journal,
                       const char *message, uint64_t suppressed);

#endif
