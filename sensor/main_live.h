/*
 * main_live.h - downgrd -i: the sensor as a daemon, from its first line to its last.
 */
#ifndef DOWNGRD_MAIN_LIVE_H
#define DOWNGRD_MAIN_LIVE_H

#include "settings.h"

/*
 * Runs until SIGTERM or SIGINT. SIGHUP reads the configuration again and opens --eve again, SIGUSR1
 * prints the table. The status to exit with: EXIT_QUIET, or EXIT_ERROR when it could not start or
 * its output could not be written.
 */
int run_live(const struct options *options, const struct settings *settings);

#endif
