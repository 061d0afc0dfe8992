#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the command line says, over what the file says. */
static const char *text_over(const char *option, const char *configured) {
    const char *text = option != NULL ? option : configured;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

void settings_make(const struct options *options, const struct config *config,
                   struct settings *settings) {
    struct pipeline_config *pipeline = &settings->pipeline;
    *pipeline = config->pipeline;
    settings->live = config->live;
    settings->live.kernel_filter |= options->kernel_filter;
    settings->eve = text_over(options->eve, config->eve_path);
    settings->publisher = config->publisher;
    settings->publisher.url = text_over(options->redis, config->publisher.url);
    settings->publisher.state_dir = text_over(options->state, config->publisher.state_dir);
    settings->evidence = config->evidence;
    settings->evidence.dir = text_over(options->evidence, config->evidence.dir);
    settings->user = text_over(options->user, config->user);
    settings->confine = config->confine && !options->no_confine;
    settings->reopen = config->reopen;
    pipeline->filter = text_over(options->filter, pipeline->filter);
    pipeline->judge.rules_on |= options->rules_on;
    pipeline->judge.rules_on &= ~options->rules_off;
    if (options->sensor != NULL)
        pipeline->sensor = options->sensor;
    if (options->group || options->no_group)
        pipeline->group_domains = options->group;
    settings->publisher.sensor = pipeline->sensor;
    settings->publisher.group_domains = pipeline->group_domains;
    settings->publisher.is_live = options->interface_count > 0;
    pipeline->continuous = options->continuous;
    if (options->taps)
        pipeline->taps = options->file_count;
    pipeline->progress = isatty(STDERR_FILENO) && !options->quiet;
}

struct config *settings_read(const char *path) {
    struct config_errors *errors = calloc(1, sizeof *errors);
    struct config *config = NULL;
    if (errors != NULL)
        config = path != NULL ? config_read(path, errors) : config_default();
    if (config == NULL && errors != NULL && errors->count > 0)
        config_errors_print(errors, path, stderr);
    else if (config == NULL)
        fputs("downgrd: out of memory\n", stderr);
    free(errors);
    return config;
}

static bool is_same_text(const char *one, const char *other) {
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool are_same_tables(const struct judge_config *one, const struct judge_config *other) {
    return one->attempts == other->attempts && one->servers == other->servers &&
           one->folds == other->folds;
}

static bool is_same_evidence(const struct evidence_config *one,
                             const struct evidence_config *other) {
    return is_same_text(one->dir, other->dir) && one->max_files == other->max_files &&
           one->max_bytes == other->max_bytes && one->memory == other->memory &&
           one->all_classes == other->all_classes;
}

static bool is_same_live(const struct live_settings *one, const struct live_settings *other) {
    return one->snap_length == other->snap_length && one->buffer_bytes == other->buffer_bytes &&
           one->workers == other->workers && one->record_bytes == other->record_bytes &&
           one->output_bytes == other->output_bytes &&
           one->stats_interval_us == other->stats_interval_us &&
           one->promiscuous == other->promiscuous && one->kernel_filter == other->kernel_filter;
}

const char *settings_fixed_changes(const struct settings *running, const struct settings *wanted,
                                   char names[SETTINGS_NAMES_SIZE]) {
    const struct pipeline_config *one = &running->pipeline;
    const struct pipeline_config *other = &wanted->pipeline;
    const struct {
        const char *name;
        bool is_same;
    } sections[] = {
        {"sensor", is_same_text(one->sensor, other->sensor)},
        {"capture",
         is_same_text(one->filter, other->filter) && is_same_live(&running->live, &wanted->live)},
        {"tunnels", one->tunnel_depth == other->tunnel_depth},
        {"classify", one->classify == other->classify},
        {"eve", is_same_text(running->eve, wanted->eve)},
        {"redis", is_same_text(running->publisher.url, wanted->publisher.url)},
        {"evidence", is_same_evidence(&running->evidence, &wanted->evidence)},
        {"flows or buffers", memcmp(&one->flow, &other->flow, sizeof one->flow) == 0},
        {"fragments", one->fragments == other->fragments &&
                          one->fragment_timeout_us == other->fragment_timeout_us},
        {"history", are_same_tables(&one->judge, &other->judge)},
        {"usage",
         one->usage_buckets == other->usage_buckets && one->group_domains == other->group_domains},
    };
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!sections[i].is_same && used < SETTINGS_NAMES_SIZE - 1)
            used += (size_t)snprintf(names + used, SETTINGS_NAMES_SIZE - used, "%s%s",
                                     used > 0 ? ", " : "", sections[i].name);
    }
    return names;
}
