#include "history_place.h"

#include "journal.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

bool history_place(const struct options *options, const struct settings *settings,
                   char path[PATH_MAX]) {
    char dir[PATH_MAX];
    const char *named = settings->publisher.state_dir;
    bool is_live = options->interface_count > 0;
    if (!is_live && (!settings->pipeline.continuous || named == NULL))
        return false;
    if (named != NULL && strlen(named) < sizeof dir)
        memcpy(dir, named, strlen(named) + 1);
    else if (named != NULL || !journal_default_dir(dir, sizeof dir))
        return false;
    int status = journal_make_dir(dir);
    if (status != 0) {
        log_write(is_live ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "history",
                  "%s: %s; what is learned of servers will not outlive this run: name a directory "
                  "that can be written (--state DIR)",
                  dir, strerror(-status));
        return false;
    }
    int length = snprintf(path, PATH_MAX, "%s/%s.history", dir, settings->pipeline.sensor);
    return length > 0 && length < PATH_MAX;
}

const char *history_place_dir(const char *path, char dir[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL && slash != path ? (size_t)(slash - path) : 1;
    memcpy(dir, path, size);
    dir[size] = '\0';
    return dir;
}

bool history_read(struct judging *judging, const char *path) {
    char message[HISTORY_MESSAGE_SIZE];
    if (judging_load(judging, path, message) == 0)
        return true;
    log_write(LOG_LEVEL_ERROR, "history", "%s", message);
    return false;
}

bool history_write(const struct judging *judging, const char *path, bool is_durable) {
    int status = judging_save(judging, path, is_durable);
    if (status != 0)
        log_write(LOG_LEVEL_ERROR, "history", "%s: what was learned is not saved: %s", path,
                  strerror(-status));
    return status == 0;
}
