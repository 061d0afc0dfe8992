/*
 * incidents.h - which alerts belong together: one attack leaves several marks.
 *
 * A reset that provokes a fallback dance that ends in an old version is one incident. Alerts of
 * class attack of one client, server and domain, each begun within ten minutes of the one before,
 * share an incident; it is called by the id of its first alert. Fixed memory; what was longest
 * without an alert is forgotten first.
 */
#ifndef DOWNGRD_INCIDENTS_H
#define DOWNGRD_INCIDENTS_H

#include "verdict.h"

struct incidents;

struct incidents *incidents_new(size_t count); /* NULL when out of memory */
void incidents_delete(struct incidents *incidents);
void incidents_clear(struct incidents *incidents);

/* The incident of an alert with this id: its own id when it is the first, else the first one's,
 * with *parts counting the incident's alerts, this one included. `story` names client, server and
 * domain. Good until the next call. */
const char *incidents_join(struct incidents *incidents, uint64_t story, uint64_t time_us,
                           const char id[ALERT_ID_SIZE], uint32_t *parts);

#endif
