/*
 * publish.h - the sinks: EVE JSON lines, the terminal; for Redis see publisher.h.
 *
 * Each constructor returns a sink for the judge; context is freed by its delete. No sink ends the
 * process: a full disk or a closed pipe is remembered and comes back as -errno from eve_finish(),
 * which leaves the words to its caller.
 */
#ifndef DOWNGRD_PUBLISH_H
#define DOWNGRD_PUBLISH_H

#include <stdio.h>

#include "usage.h"
#include "verdict.h"

/* ---- EVE: Suricata's JSON lines (README, "EVE") ---- */
struct eve;
struct eve *eve_new(const char *path); /* "-" is stdout; NULL and errno when it cannot be opened */
/* Onto a stream of the caller's, who buffers and flushes it; NULL when out of memory. */
struct eve *eve_new_on(FILE *out);
const struct sink *eve_sink(struct eve *eve);
int eve_finish(
    struct eve *eve); /* flushes; 0 or -errno of the first write that failed. Frees eve. */

/* The text of one alert or handshake as an EVE line without newline, in a buffer that lives until
 * the next call (Redis wants it too). */
const char *eve_format_alert(struct eve *eve, const struct alert *alert, size_t *size);

/* ---- the terminal: alerts as they are found, a table per domain at the end ---- */
struct terminal_config {
    FILE *out;
    bool colour;
    bool quiet;         /* neither alerts nor the table */
    size_t max_domains; /* rows of the table: 20; the rest is summed up in one line */
};
struct terminal;
struct terminal *terminal_new(const struct terminal_config *config);
const struct sink *terminal_sink(struct terminal *terminal);
void terminal_table(struct terminal *terminal, const struct usage *usage,
                    const struct run_stats *total);
void terminal_delete(struct terminal *terminal);

#endif
