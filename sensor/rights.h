/*
 * rights.h - which rights a run needs, and when it gives up the others (confine.h says how).
 */
#ifndef DOWNGRD_RIGHTS_H
#define DOWNGRD_RIGHTS_H

#include "confine.h"

#include <stddef.h>

/* What is still to be opened or connected to when everything that can be is open. Texts are
 * borrowed, and NULL where there is none. */
struct rights {
    const char *const *captures; /* files to be replayed; "-" is stdin */
    size_t capture_count;
    const char *filter; /* may name hosts */
    const char *redis;
    const char *folders[3]; /* written to: evidence, state */
    /* live */
    bool is_live;
    const char *config; /* read again on SIGHUP */
    const char *eve;    /* opened again on SIGHUP */
    bool reopens;       /* interfaces that vanished and came back */
    bool kernel_filter;
};

/* Becomes that user (NULL: stays), before anything is opened. 0, or -1 with a line on stderr. */
int rights_become(const char *user, bool is_live, bool kernel_filter);

/* Gives up all other rights for good. No thread may be running. 0, or -1 with a line on stderr. */
int rights_drop(const struct rights *rights);

#endif
