/*
 * history_place.h - where what the judge learned outlives the run: DIR/SENSOR.history.
 *
 * A live sensor reads it at the start and writes it now and then and at the end. A replay has one
 * with --continuous and a state directory that was named; any other replay begins with nothing and
 * leaves nothing, so that it gives the same on every machine.
 */
#ifndef DOWNGRD_HISTORY_PLACE_H
#define DOWNGRD_HISTORY_PLACE_H

#include "settings.h"

#include <limits.h>

/* The file's path, in a directory that is there now; false when this run has none. What is in the
 * way is told: a run goes on without. */
bool history_place(const struct options *options, const struct settings *settings,
                   char path[PATH_MAX]);
/* The directory of such a path, for rights.h; written into `dir`. */
const char *history_place_dir(const char *path, char dir[PATH_MAX]);

/* With judging_load() and judging_save(), and a message when that fails; false then. */
bool history_read(struct judging *judging, const char *path);
bool history_write(const struct judging *judging, const char *path, bool is_durable);

#endif
