/*
 * settings.h - what a run goes by: the configuration with the command line over it.
 */
#ifndef DOWNGRD_SETTINGS_H
#define DOWNGRD_SETTINGS_H

#include "config.h"
#include "options.h"

/* Texts are the options' and the configuration's. */
struct settings {
    struct pipeline_config pipeline;
    struct live_settings live;
    const char *eve;                   /* NULL: none */
    struct publisher_config publisher; /* url NULL: none */
    struct evidence_config evidence;   /* dir NULL: none */
    const char *user;
    bool confine;
    bool reopen;
};

/* Default (`path` NULL) or file; NULL after all its errors were printed. */
struct config *settings_read(const char *path);
void settings_make(const struct options *options, const struct config *config,
                   struct settings *settings);

/*
 * What is different and cannot change while the sensor runs: the names of such sections, for a
 * message, "" when there are none.
 */
enum { SETTINGS_NAMES_SIZE = 160 };
const char *settings_fixed_changes(const struct settings *running, const struct settings *wanted,
                                   char names[SETTINGS_NAMES_SIZE]);

#endif
