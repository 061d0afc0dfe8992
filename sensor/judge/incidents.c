#include "incidents.h"

#include "lru_table.h"

#include <stdlib.h>

enum { INCIDENT_WINDOW_S = 600, US_PER_S = 1000000 };

struct incident {
    char id[ALERT_ID_SIZE];
    uint64_t last_us;
    uint32_t parts;
};

struct incidents {
    struct lru_table table;
    struct incident *list;
};

struct incidents *incidents_new(size_t count) {
    struct incidents *incidents = calloc(1, sizeof *incidents);
    if (incidents == NULL)
        return NULL;
    if (lru_table_init(&incidents->table, count))
        incidents->list = calloc(lru_table_slots(&incidents->table), sizeof *incidents->list);
    if (incidents->list == NULL) {
        incidents_delete(incidents);
        return NULL;
    }
    return incidents;
}

void incidents_delete(struct incidents *incidents) {
    if (incidents == NULL)
        return;
    lru_table_deinit(&incidents->table);
    free(incidents->list);
    free(incidents);
}

void incidents_clear(struct incidents *incidents) {
    lru_table_clear(&incidents->table);
}

const char *incidents_join(struct incidents *incidents, uint64_t story, uint64_t time_us,
                           const char id[ALERT_ID_SIZE], uint32_t *parts) {
    bool is_new = false;
    struct incident *incident =
        &incidents->list[lru_table_touch(&incidents->table, story, &is_new)];
    if (is_new || time_us > incident->last_us + (uint64_t)INCIDENT_WINDOW_S * US_PER_S) {
        memcpy(incident->id, id, ALERT_ID_SIZE);
        incident->last_us = time_us;
        incident->parts = 0;
    }
    if (time_us > incident->last_us)
        incident->last_us = time_us;
    *parts = ++incident->parts;
    return incident->id;
}
