/*
 * config.c - a file into a config, or into its errors (config.h).
 */
#include "config.h"

#include "config_sections.h"

#include <errno.h>
#include <stdlib.h>

/* A config with the memory that its texts and lists lie in. */
struct config_owner {
    struct config config; /* first: a pointer to it is one to the owner */
    struct config_arena arena;
};

struct config *config_default(void) {
    struct config_owner *owner = calloc(1, sizeof *owner);
    if (owner == NULL)
        return NULL;
    pipeline_default_config(&owner->config.pipeline);
    live_default_settings(&owner->config.live);
    evidence_default_config(&owner->config.evidence);
    owner->config.confine = true;
    owner->config.log_level = LOG_LEVEL_NOTICE;
    publisher_default_config(&owner->config.publisher);
    return &owner->config;
}

void config_delete(struct config *config) {
    struct config_owner *owner = (struct config_owner *)config;
    if (owner == NULL)
        return;
    config_arena_deinit(&owner->arena);
    free(owner);
}

bool config_is_name(const char *text) {
    size_t size = strlen(text);
    return size > 0 && size < SOURCE_NAME_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

struct config *config_parse(const char *text, size_t size, struct config_errors *errors) {
    const struct config_node *root = NULL;
    struct config_arena nodes = {0};
    memset(errors, 0, sizeof *errors);
    struct config_owner *owner = (struct config_owner *)config_default();
    if (owner == NULL) {
        config_errors_add(errors, 0, 0, "out of memory");
        return NULL;
    }
    const struct config_reader reader = {&owner->arena, errors};
    bool is_good = config_tree_parse(text, size, &nodes, errors, &root);
    if (is_good && root != NULL)
        is_good = config_sections_read(&reader, root, &owner->config);
    config_arena_deinit(&nodes);
    if (is_good)
        return &owner->config;
    config_delete(&owner->config);
    return NULL;
}

/* The whole file; NULL when it cannot be read or is too large to be a configuration. */
static char *read_file(const char *path, size_t *size, struct config_errors *errors) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        config_errors_add(errors, 0, 0, "cannot be opened: %s; check the path and its rights",
                          strerror(errno));
        return NULL;
    }
    char *text = malloc(CONFIG_MAX_BYTES + 1);
    errno = 0;
    *size = text != NULL ? fread(text, 1, CONFIG_MAX_BYTES + 1, file) : 0;
    if (text == NULL)
        config_errors_add(errors, 0, 0, "out of memory");
    else if (ferror(file))
        config_errors_add(errors, 0, 0, "cannot be read: %s; name a file", strerror(errno));
    else if (*size > CONFIG_MAX_BYTES)
        config_errors_add(errors, 0, 0,
                          "larger than %d bytes; is it a configuration? Entries of one kind go "
                          "into one entry with lists",
                          CONFIG_MAX_BYTES);
    (void)fclose(file);
    if (errors->count == 0)
        return text;
    free(text);
    return NULL;
}

struct config *config_read(const char *path, struct config_errors *errors) {
    size_t size = 0;
    memset(errors, 0, sizeof *errors);
    char *text = read_file(path, &size, errors);
    if (text == NULL)
        return NULL;
    struct config *config = config_parse(text, size, errors);
    free(text);
    return config;
}
