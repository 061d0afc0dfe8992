/*
 * config.h - the configuration file (YAML): what the sensor looks for, excuses, remembers and
 * writes to.
 *
 * downgrd.yaml beside this file is the manual: every key with its meaning, unit, range and default.
 * Nothing is read unless a file is named, so a replay depends on its command line alone.
 *
 * A file is read to its end and every error in it is told, each with its place and its remedy: an
 * unknown or doubled key, a value of the wrong type or out of range, a net, domain or rule that is
 * none. A file with an error gives no configuration at all. One that is good gives a `struct
 * config` that nobody changes afterwards: whoever wants another one reads another one and lets go
 * of the first when nothing points into it any more.
 */
#ifndef DOWNGRD_CONFIG_H
#define DOWNGRD_CONFIG_H

#include "evidence_files.h"
#include "live_settings.h"
#include "log.h"
#include "pipeline.h"
#include "publisher.h"

#include <stdio.h>

struct config {
    struct pipeline_config pipeline; /* texts and lists in it live as long as the config */
    struct live_settings live;
    const char *eve_path;              /* NULL: none */
    struct publisher_config publisher; /* url NULL: none; its form was checked */
    struct evidence_config evidence;
    const char *user;         /* becomes that one; NULL: stays who it is */
    bool confine;             /* gives up all rights that it does not need */
    bool reopen;              /* but for opening interfaces again */
    enum log_level log_level; /* up to which lines are written */
    unsigned filter_line;     /* where pipeline.filter was written, for messages of whoever */
    unsigned filter_column;   /* compiles it */
};

enum { CONFIG_MAX_BYTES = 1 << 20, CONFIG_MAX_ERRORS = 50, CONFIG_ERROR_SIZE = 512 };

struct config_error {
    unsigned line; /* from 1; 0 when it is no place in the file */
    unsigned column;
    char text[CONFIG_ERROR_SIZE]; /* printable ASCII: the key, what is wrong, what to do */
};

struct config_errors {
    size_t count;                                /* all of them */
    struct config_error kept[CONFIG_MAX_ERRORS]; /* the first ones, by place */
};

/* What holds without a file. NULL when out of memory. */
struct config *config_default(void);
/* NULL when there are errors; *errors then has at least one. */
struct config *config_read(const char *path, struct config_errors *errors);
/* The same of a text in memory, which is not needed afterwards. */
struct config *config_parse(const char *text, size_t size, struct config_errors *errors);
void config_delete(struct config *config);

/* One line each, "FILE:LINE:COLUMN: text" as compilers do, and how many more there are. */
void config_errors_print(const struct config_errors *errors, const char *path, FILE *out);

/* 1 to 63 letters, digits, dots, underscores and dashes: what a sensor may be called. */
bool config_is_name(const char *text);

#endif
