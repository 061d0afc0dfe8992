/*
 * main_downgrd.c - the sensor's command line: options and configuration in, a pipeline with its
 * sinks, an exit status out.
 *
 * What the command line says wins over the file. No file is read unless one is named: a replay
 * gives the same bytes on every machine.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "evidence_files.h"
#include "filter.h"
#include "history_place.h"
#include "main_live.h"
#include "publish.h"
#include "publisher.h"
#include "replay_order.h"
#include "rights.h"
#include "settings.h"
#include "sharing.h"
#include "table_memory.h"

struct outputs {
    struct eve *eve;
    struct terminal *terminal;
    struct publisher *publisher;
    struct evidence_files *evidence;
    const struct sharing *sharing;
    const struct sink *sinks[PIPELINE_MAX_SINKS];
    size_t sink_count;
};

/* Ethernet stands for all links that carry IP; what only Wi-Fi has is tried there. */
static bool filter_check(const char *path, const struct config *config) {
    char reason[FILTER_REASON_SIZE] = "out of memory";
    char ignored[FILTER_REASON_SIZE];
    struct filter *filter = filter_new(config->pipeline.filter);
    bool is_good = filter != NULL && (filter_prepare(filter, LINK_ETHERNET, reason) >= 0 ||
                                      filter_prepare(filter, LINK_RADIOTAP, ignored) >= 0);
    if (!is_good)
        fprintf(stderr,
                "%s:%u:%u: capture.filter: no filter expression: %s; see pcap-filter(7), and try "
                "it with tcpdump -d\n",
                path, config->filter_line, config->filter_column, reason);
    filter_delete(filter);
    return is_good;
}

/* What the stages take is found by setting them up: nothing has to be added up by hand. */
static int check_config(const struct options *options, const struct config *config,
                        const struct settings *settings) {
    if (config->pipeline.filter != NULL && !filter_check(options->config, config))
        return EXIT_ERROR;
    size_t before = memory_taken();
    struct pipeline *pipeline = pipeline_new(&settings->pipeline, NULL, 0);
    if (pipeline == NULL) {
        fprintf(stderr, "%s: there is not enough memory for these tables; lower them\n",
                options->config);
        return EXIT_ERROR;
    }
    size_t taken = memory_taken() - before;
    if (settings->evidence.dir != NULL)
        taken += settings->evidence.memory;
    pipeline_delete(pipeline);
    printf("%s: ok\nmemory: %zu MiB\n", options->config, (taken + (1U << 20U) - 1) >> 20U);
    return EXIT_QUIET;
}

static int evidence_open(const struct settings *settings, struct outputs *outputs) {
    outputs->evidence = evidence_files_new(&settings->evidence, settings->pipeline.taps);
    if (outputs->evidence == NULL) {
        fprintf(stderr, "downgrd: cannot keep packets in %s: %s\n", settings->evidence.dir,
                strerror(errno));
        return -1;
    }
    outputs->sinks[outputs->sink_count++] = evidence_files_sink(outputs->evidence);
    return 0;
}

static int outputs_open(const struct settings *settings, bool quiet, struct outputs *outputs) {
    bool eve_on_stdout = settings->eve && strcmp(settings->eve, "-") == 0;
    FILE *report = eve_on_stdout ? stderr : stdout;
    const struct terminal_config terminal = {
        .out = report,
        .colour = isatty(fileno(report)) && getenv("NO_COLOR") == NULL,
        .quiet = quiet,
        .max_domains = 20,
    };
    outputs->terminal = terminal_new(&terminal);
    if (outputs->terminal == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return -1;
    }
    outputs->sinks[outputs->sink_count++] = terminal_sink(outputs->terminal);
    if (settings->eve) {
        outputs->eve = eve_new(settings->eve);
        if (outputs->eve == NULL) {
            fprintf(stderr, "downgrd: cannot write EVE lines to %s: %s\n", settings->eve,
                    strerror(errno));
            return -1;
        }
        outputs->sinks[outputs->sink_count++] = eve_sink(outputs->eve);
    }
    if (settings->publisher.url) {
        char *error = NULL;
        outputs->publisher = publisher_new(&settings->publisher, &error);
        if (outputs->publisher == NULL) {
            fprintf(stderr, "downgrd: %s\n", error ? error : "out of memory");
            free(error);
            return -1;
        }
        outputs->sinks[outputs->sink_count++] = publisher_sink(outputs->publisher);
    }
    return settings->evidence.dir ? evidence_open(settings, outputs) : 0;
}

/* What alerts have no file for; -1 when some could not be written. */
static int evidence_close(struct outputs *outputs, const struct evidence_config *config) {
    struct evidence_counts counts = evidence_files_counts(outputs->evidence);
    if (counts.past_bounds)
        fprintf(stderr,
                "downgrd: evidence: %llu alerts have no file in %s: %llu files with %llu bytes "
                "were written, see max_files, max_bytes and memory in the configuration\n",
                (unsigned long long)counts.past_bounds, config->dir,
                (unsigned long long)counts.written, (unsigned long long)counts.bytes);
    if (counts.failed)
        fprintf(stderr, "downgrd: evidence: %llu alerts have no file: writing to %s failed\n",
                (unsigned long long)counts.failed, config->dir);
    evidence_files_delete(outputs->evidence);
    return counts.failed ? -1 : 0;
}

static int outputs_close(struct outputs *outputs, const struct settings *settings) {
    int status = 0;
    if (outputs->eve)
        status = eve_finish(outputs->eve);
    if (status < 0)
        fprintf(stderr, "downgrd: EVE lines were lost: writing to %s failed: %s\n", settings->eve,
                strerror(-status));
    if (outputs->evidence && evidence_close(outputs, &settings->evidence) < 0)
        status = -1;
    terminal_delete(outputs->terminal);
    if (publisher_stop(outputs->publisher, 0) < 0)
        status = -1;
    return status;
}

/* What comes next is published under the name of the file's content. */
static bool publish_file(struct publisher *publisher, const char *path) {
    char id[CAPTURE_ID_SIZE];
    int status = capture_content_id(path, id);
    if (status < 0) {
        fprintf(stderr, "downgrd: %s: its content cannot be named (%s), so it was not published\n",
                path, strerror(-status));
        return false;
    }
    publisher_begin(publisher, path, id);
    return true;
}

/* The files one after the other, each judged on its own or as parts of a whole. False when one of
 * them failed. */
static bool run_files(const struct options *options, struct pipeline *pipeline,
                      struct outputs *outputs, struct run_stats *total) {
    bool failed = false;
    for (size_t i = 0; i < options->file_count; i++) {
        struct run_stats stats;
        char error[CAPTURE_ERROR_SIZE];
        const char *path = options->files[i];
        if (options->continuous)
            pipeline_set_part(pipeline, (i == 0 ? PIPELINE_FIRST : 0U) |
                                            (i + 1 == options->file_count ? PIPELINE_LAST : 0U));
        if (outputs->publisher && !publish_file(outputs->publisher, path))
            failed = true;
        if (pipeline_replay(pipeline, path, &stats, error) != 0) {
            fprintf(stderr, "downgrd: %s\n", error);
            failed = true;
        }
        run_stats_add(total, &stats);
    }
    return !failed;
}

/* The files side by side. */
static bool run_taps(const struct options *options, struct pipeline *pipeline,
                     struct run_stats *total) {
    char error[CAPTURE_ERROR_SIZE];
    if (pipeline_replay_taps(pipeline, options->files, total, error) == 0)
        return true;
    fprintf(stderr, "downgrd: %s\n", error);
    return false;
}

/* What --taps cannot go with. */
static bool taps_are_possible(const struct options *options, const struct settings *settings) {
    if (options->file_count > PIPELINE_MAX_TAPS) {
        fprintf(stderr, "downgrd: --taps takes %d files at most; merge some with mergecap\n",
                PIPELINE_MAX_TAPS);
        return false;
    }
    if (settings->publisher.url != NULL) {
        fputs("downgrd: --taps does not publish: a set of captures has no name of its own; "
              "publish the files without it\n",
              stderr);
        return false;
    }
    return true;
}

static int confine(const struct options *options, const struct settings *settings,
                   const char *history) {
    char dir[PATH_MAX];
    const struct rights rights = {
        .captures = options->files,
        .capture_count = options->file_count,
        .filter = settings->pipeline.filter,
        .redis = settings->publisher.url,
        .folders = {settings->evidence.dir,
                    history != NULL ? history_place_dir(history, dir) : NULL},
    };
    return settings->confine ? rights_drop(&rights) : 0;
}

static int run(const struct options *options, const struct settings *settings,
               struct outputs *outputs) {
    struct pipeline_config config = settings->pipeline;
    for (size_t i = 0; i < config.taps && outputs->evidence; i++)
        config.rings[i] = evidence_files_ring(outputs->evidence, i);
    struct pipeline *pipeline = pipeline_new(&config, outputs->sinks, outputs->sink_count);
    if (pipeline == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return EXIT_ERROR;
    }
    char path[PATH_MAX];
    const char *history = history_place(options, settings, path) ? path : NULL;
    if (history != NULL)
        (void)history_read(pipeline_judging(pipeline), history);
    if (confine(options, settings, history) != 0 || publisher_start(outputs->publisher) < 0) {
        pipeline_delete(pipeline);
        return EXIT_ERROR;
    }
    sharing_wait(outputs->sharing, settings);
    struct run_stats total = {0};
    bool failed = options->taps ? !run_taps(options, pipeline, &total)
                                : !run_files(options, pipeline, outputs, &total);
    if (history != NULL && !history_write(pipeline_judging(pipeline), history, true))
        failed = true;
    if (total.packets || !failed)
        terminal_table(outputs->terminal, pipeline_usage_total(pipeline), &total);
    pipeline_delete(pipeline);
    if (failed)
        return EXIT_ERROR;
    return total.attack_alerts && !options->exit_zero ? EXIT_ATTACK : EXIT_QUIET;
}

/* Everything behind the options. */
static int run_or_check(const struct options *options) {
    struct settings settings;
    struct sharing sharing = {0};
    struct outputs outputs = {0};
    int status = EXIT_ERROR;
    struct config *config = settings_read(options->config);
    if (config == NULL)
        return EXIT_ERROR;
    settings_make(options, config, &settings);
    log_set_level(config->log_level);
    if (options->taps && !taps_are_possible(options, &settings)) {
        config_delete(config);
        return EXIT_ERROR;
    }
    if (options->continuous && replay_order(options->files, options->file_count) != 0) {
        config_delete(config);
        return EXIT_ERROR;
    }
    if (!options->check_config)
        sharing_open(&sharing, options, &settings);
    outputs.sharing = &sharing;
    if (options->check_config) {
        status = check_config(options, config, &settings);
    } else if (options->interface_count > 0) {
        status = run_live(options, &settings);
    } else {
        if (rights_become(settings.user, false, false) == 0 &&
            outputs_open(&settings, options->quiet, &outputs) == 0)
            status = run(options, &settings, &outputs);
        if (outputs_close(&outputs, &settings) < 0)
            status = EXIT_ERROR;
    }
    sharing_close(&sharing);
    config_delete(config);
    return status;
}

int main(int argc, char **argv) {
    struct options options;
    signal(SIGPIPE, SIG_IGN);
    int status = options_parse(argc, argv, &options);
    if (status < 0)
        status = run_or_check(&options);
    if (fflush(stdout) != 0 && errno != EPIPE) {
        fprintf(stderr, "downgrd: writing to stdout failed: %s\n", strerror(errno));
        status = EXIT_ERROR;
    }
    options_release(&options);
    return status;
}
