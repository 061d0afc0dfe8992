/*
 * ctl_options.h - downgrdctl's command line.
 *
 * Which command takes which option stands in one table (ctl_options.c), the help text beside it; an
 * option that a command does not take is an error, not ignored.
 */
#ifndef DOWNGRD_CTL_OPTIONS_H
#define DOWNGRD_CTL_OPTIONS_H

#include "query.h"

/* Bits, so that an option can name several. */
enum ctl_command {
    COMMAND_ALERTS = 1,
    COMMAND_SHARE = 2,
    COMMAND_TOP = 4,
    COMMAND_WHATIF = 8,
    COMMAND_CLIENTS = 16,
    COMMAND_EXPLAIN = 32,
    COMMAND_SENSORS = 64,
    COMMAND_METRICS = 128,
};

struct ctl_options {
    enum ctl_command command;
    char **words; /* behind the command: domains (made lower-case), a rule, an alert's id */
    size_t word_count;
    const char *redis; /* NULL: not given */
    struct query query;
    char domain[256]; /* of --domain */
};

/* query.out, style and now_us are set already. 0 to go on, 1 when all is said (help, version),
 * -EINVAL after a message on stderr. The words stay in argv. */
int ctl_options_read(struct ctl_options *options, int argc, char **argv);

#endif
