/*
 * log.h - what the sensor says about itself, to people: lines on stderr.
 *
 * Every line has a level and a kind. The kind is a short fixed name of what happened
 * ("interface-down"); of each kind a few lines pass at once and then one each ten seconds, whatever
 * goes on. What was held back is counted, and the next line of that kind says how many there were.
 * So no peer, and no broken disk, can fill the journal.
 *
 * A line is written whole, in one call, by any thread. Control characters and what is not UTF-8 are
 * escaped (\xNN): text of a peer cannot begin a line of its own or reach the terminal as a command.
 *
 * Where stderr is the journal (JOURNAL_STREAM of systemd.exec(5)), each line begins with its
 * priority as sd-daemon(3) has it, "<3>", and nothing else; elsewhere with "downgrd: " and, when it
 * is no error, its level.
 */
#ifndef DOWNGRD_LOG_H
#define DOWNGRD_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers as in syslog(3). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5, /* normal, and worth knowing: started, reloaded */
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

enum {
    LOG_MAX_LINE = 1024, /* bytes, with everything; longer ones end in "..." */
    LOG_MAX_KINDS = 64,  /* further ones share one budget */
    LOG_BURST = 5,       /* lines of a kind at once */
    LOG_INTERVAL_S = 10, /* after that, one line of a kind in this time */
};

/* The level up to which lines are written: LOG_LEVEL_NOTICE until it is set. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/* `kind` is a string literal. errno is left as it was. */
void log_write(enum log_level level, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what was held back and not told yet; at the end of a run. */
void log_flush(void);

/* Lines held back since the start, of all kinds. */
uint64_t log_suppressed(void);

#endif
