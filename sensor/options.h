/*
 * options.h - downgrd's command line.
 */
#ifndef DOWNGRD_OPTIONS_H
#define DOWNGRD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_status { EXIT_QUIET = 0, EXIT_ATTACK = 1, EXIT_ERROR = 2 };

/* Texts are argv's, but for what is marked. */
struct options {
    const char **files; /* owned */
    size_t file_count;
    const char **interfaces; /* owned; -i */
    size_t interface_count;
    const char *config;
    bool check_config;
    /* Over the configuration. NULL: not said. "" takes away what the file says. */
    char *filter; /* owned */
    const char *eve;
    const char *redis;
    const char *state;
    const char *evidence;
    const char *sensor;
    const char *user;
    bool no_confine;
    bool kernel_filter;
    uint32_t rules_on; /* bit n: --enable, the last word on rules_all[n] */
    uint32_t rules_off;
    bool group;
    bool no_group;
    bool taps;
    bool continuous;
    bool quiet;
    bool exit_zero;
};

/* -1 when the run may begin, else the status to exit with: what was asked for is printed, or what
 * is wrong. *options is to be released either way. */
int options_parse(int argc, char **argv, struct options *options);
void options_release(struct options *options);

#endif
