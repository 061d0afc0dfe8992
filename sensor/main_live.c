/*
 * main_live.c - see main_live.h.
 *
 * This thread opens everything, and then only waits for signals and for the next line of
 * statistics. What is to be done with judge or sinks is done on the judge's thread
 * (live_sensor_ask()), what may block on the writers' (line_writer.h).
 */
#include "main_live.h"

#include "history_place.h"
#include "line_writer.h"
#include "live_sensor.h"
#include "log.h"
#include "notify.h"
#include "publish.h"
#include "publisher.h"
#include "rights.h"
#include "table_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    TABLE_ROWS = 20,
    MIB = 1 << 20,
    HISTORY_US = 300000000, /* between two savings of what was learned */
    HEALTH_US = 5000000,    /* between two reports to Redis */
    PUBLISH_LAST_MS = 5000, /* for what is not published yet, at the end */
};

struct daemon {
    const struct options *options;
    const struct settings *settings;
    struct line_writer *report_writer; /* the terminal's */
    struct line_writer *eve_writer;    /* NULL without --eve */
    struct terminal *terminal;
    struct eve *eve;
    struct evidence_files *evidence;
    struct publisher *publisher;
    const struct sink *sinks[PIPELINE_MAX_SINKS];
    size_t sink_count;
    struct live_sensor *sensor;
    struct config *reloaded; /* whose rules are in force; NULL: those of the start */
    const char *history;     /* where what was learned is kept; NULL: nowhere */
    bool is_ending;
    sigset_t signals;
};

/* ---- the sinks ---- */

static struct line_writer *open_stdout(const struct daemon *daemon, int descriptor) {
    return line_writer_attach(descriptor,
                              descriptor == STDOUT_FILENO ? "standard output" : "stderr",
                              daemon->settings->live.output_bytes);
}

static int open_eve(struct daemon *daemon) {
    const char *path = daemon->settings->eve;
    bool is_stdout = strcmp(path, "-") == 0;
    daemon->eve_writer = is_stdout ? open_stdout(daemon, STDOUT_FILENO)
                                   : line_writer_open(path, daemon->settings->live.output_bytes);
    if (daemon->eve_writer != NULL)
        daemon->eve = eve_new_on(line_writer_stream(daemon->eve_writer));
    if (daemon->eve == NULL) {
        fprintf(stderr, "downgrd: cannot write EVE lines to %s: %s\n", path, strerror(errno));
        return -1;
    }
    daemon->sinks[daemon->sink_count++] = eve_sink(daemon->eve);
    return 0;
}

static int open_report(struct daemon *daemon) {
    bool eve_on_stdout = daemon->settings->eve && strcmp(daemon->settings->eve, "-") == 0;
    int descriptor = eve_on_stdout ? STDERR_FILENO : STDOUT_FILENO;
    daemon->report_writer = open_stdout(daemon, descriptor);
    if (daemon->report_writer == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return -1;
    }
    const struct terminal_config terminal = {
        .out = line_writer_stream(daemon->report_writer),
        .colour = isatty(descriptor) && getenv("NO_COLOR") == NULL,
        .quiet = daemon->options->quiet,
        .max_domains = TABLE_ROWS,
    };
    daemon->terminal = terminal_new(&terminal);
    if (daemon->terminal == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return -1;
    }
    daemon->sinks[daemon->sink_count++] = terminal_sink(daemon->terminal);
    return 0;
}

static int open_evidence(struct daemon *daemon) {
    struct evidence_config config = daemon->settings->evidence;
    config.is_daily = true;
    size_t workers = live_sensor_workers(&daemon->settings->live, daemon->options->interface_count);
    daemon->evidence = evidence_files_new(&config, workers);
    if (daemon->evidence == NULL) {
        fprintf(stderr, "downgrd: cannot keep packets in %s: %s\n", config.dir, strerror(errno));
        return -1;
    }
    daemon->sinks[daemon->sink_count++] = evidence_files_sink(daemon->evidence);
    return 0;
}

static int open_publisher(struct daemon *daemon) {
    char *error = NULL;
    daemon->publisher = publisher_new(&daemon->settings->publisher, &error);
    if (daemon->publisher == NULL) {
        fprintf(stderr, "downgrd: %s\n", error ? error : "out of memory");
        free(error);
        return -1;
    }
    daemon->sinks[daemon->sink_count++] = publisher_sink(daemon->publisher);
    return 0;
}

static int open_sinks(struct daemon *daemon) {
    const struct settings *settings = daemon->settings;
    if (open_report(daemon) != 0 || (settings->eve && open_eve(daemon) != 0) ||
        (settings->evidence.dir && open_evidence(daemon) != 0) ||
        (settings->publisher.url && open_publisher(daemon) != 0))
        return -1;
    return 0;
}

/* On the judge's thread: what was printed goes to the writers. */
static void flush_sinks(void *context) {
    struct daemon *daemon = context;
    (void)fflush(line_writer_stream(daemon->report_writer));
    if (daemon->eve_writer)
        (void)fflush(line_writer_stream(daemon->eve_writer));
}

/* ---- what is asked of the judge's thread ---- */

static uint64_t lines_lost(const struct daemon *daemon) {
    return line_writer_lost(daemon->report_writer) +
           (daemon->eve_writer ? line_writer_lost(daemon->eve_writer) : 0);
}

/* With what went wrong behind the judge. */
static struct run_stats with_losses(const struct daemon *daemon, const struct run_stats *stats) {
    struct run_stats all = *stats;
    uint64_t late = daemon->evidence ? evidence_files_late(daemon->evidence) : 0;
    all.lines_lost = lines_lost(daemon);
    all.evidence_files -= late;
    all.evidence_lost += late;
    return all;
}

static void tell_stats(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    const struct run_stats all = with_losses(daemon, stats);
    judging_tell_stats(judging, live_sensor_source(daemon->sensor), &all);
}

static void tell_health(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    const struct run_stats all = with_losses(daemon, stats);
    (void)judging;
    publisher_note_stats(daemon->publisher, &all);
}

/* Whoever waits for the judge in vain does not get here. */
static void say_alive(void *context, struct judging *judging, const struct run_stats *stats) {
    char text[NOTIFY_MAX_STATUS];
    (void)context;
    (void)judging;
    (void)snprintf(text, sizeof text,
                   "%" PRIu64 " packets, %" PRIu64 " of them lost; %" PRIu64 " handshakes, %" PRIu64
                   " alerts of class attack",
                   stats->packets, stats->packets_dropped, stats->handshakes, stats->attack_alerts);
    notify_status(text);
    notify_alive();
}

static void print_table(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    const struct run_stats all = with_losses(daemon, stats);
    terminal_table(daemon->terminal, judging_usage_total(judging), &all);
}

static void end_source(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    const struct run_stats all = with_losses(daemon, stats);
    judging_end_source(judging, live_sensor_source(daemon->sensor), &all);
}

static void read_history(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    (void)stats;
    (void)history_read(judging, daemon->history);
}

/* Between two handshakes: it does not wait for the disk. */
static void save_history(void *context, struct judging *judging, const struct run_stats *stats) {
    const struct daemon *daemon = context;
    (void)stats;
    (void)history_write(judging, daemon->history, daemon->is_ending);
}

struct new_rules {
    const struct judge_config *config;
    int status;
};

static void use_rules(void *context, struct judging *judging, const struct run_stats *stats) {
    struct new_rules *rules = context;
    (void)stats;
    rules->status = judging_configure(judging, rules->config);
}

/* ---- signals ---- */

static void reload(struct daemon *daemon) {
    const char *path = daemon->options->config;
    char names[SETTINGS_NAMES_SIZE];
    struct settings settings;
    if (daemon->eve_writer)
        line_writer_reopen(daemon->eve_writer);
    if (path == NULL) {
        log_write(LOG_LEVEL_NOTICE, "reload", "output opened again; there is no --config to read");
        return;
    }
    struct config *config = settings_read(path);
    if (config == NULL) {
        log_write(LOG_LEVEL_ERROR, "reload-failed",
                  "%s has errors: the configuration that is in force stays", path);
        return;
    }
    settings_make(daemon->options, config, &settings);
    struct new_rules rules = {&settings.pipeline.judge, 0};
    live_sensor_ask(daemon->sensor, use_rules, &rules);
    if (rules.status != 0) {
        log_write(LOG_LEVEL_ERROR, "reload-failed",
                  "out of memory: the configuration that is in force stays");
        config_delete(config);
        return;
    }
    config_delete(daemon->reloaded);
    daemon->reloaded = config;
    if (settings_fixed_changes(daemon->settings, &settings, names)[0] != '\0')
        log_write(LOG_LEVEL_WARNING, "reload-fixed",
                  "%s: what has changed in %s is not in force until the sensor is started again",
                  path, names);
    log_write(LOG_LEVEL_NOTICE, "reload", "%s is in force, output opened again", path);
}

static uint64_t steady_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What is told from time to time, and when next. */
struct due {
    uint64_t stats_us;
    uint64_t health_us;
    uint64_t history_us;
    uint64_t alive_us; /* UINT64_MAX: nobody waits for it */
};

static uint64_t earlier(uint64_t one_us, uint64_t other_us) {
    return one_us < other_us ? one_us : other_us;
}

static void tell_what_is_due(struct daemon *daemon, struct due *due) {
    uint64_t now_us = steady_us();
    if (now_us >= due->stats_us) {
        live_sensor_ask(daemon->sensor, tell_stats, daemon);
        due->stats_us = now_us + daemon->settings->live.stats_interval_us;
    }
    if (now_us >= due->health_us) {
        if (daemon->publisher)
            live_sensor_ask(daemon->sensor, tell_health, daemon);
        due->health_us = now_us + HEALTH_US;
    }
    if (now_us >= due->history_us) {
        if (daemon->history)
            live_sensor_ask(daemon->sensor, save_history, daemon);
        due->history_us = now_us + HISTORY_US;
    }
    if (now_us >= due->alive_us) {
        live_sensor_ask(daemon->sensor, say_alive, daemon);
        due->alive_us = now_us + notify_watchdog_us();
    }
}

/* Until it is to end. */
static void attend(struct daemon *daemon) {
    struct due due = {steady_us() + daemon->settings->live.stats_interval_us,
                      steady_us() + HEALTH_US, steady_us() + HISTORY_US,
                      notify_watchdog_us() > 0 ? steady_us() : UINT64_MAX};
    for (;;) {
        uint64_t now_us = steady_us();
        uint64_t next_us =
            earlier(earlier(due.alive_us, due.history_us), earlier(due.stats_us, due.health_us));
        uint64_t left_us = next_us > now_us ? next_us - now_us : 0;
        const struct timespec left = {(time_t)(left_us / 1000000),
                                      (long)(left_us % 1000000) * 1000};
        switch (sigtimedwait(&daemon->signals, NULL, &left)) {
        case SIGHUP:
            notify_reloading();
            reload(daemon);
            notify_ready();
            break;
        case SIGUSR1:
            live_sensor_ask(daemon->sensor, print_table, daemon);
            break;
        case SIGTERM:
        case SIGINT:
            return;
        default: /* time is up */
            break;
        }
        tell_what_is_due(daemon, &due);
    }
}

/* ---- beginning and end ---- */

/* Ours, the journal that is mapped, and the rings that the kernel keeps for us. */
static size_t memory_in_all(const struct daemon *daemon) {
    const struct live_settings *live = &daemon->settings->live;
    size_t journal = daemon->publisher ? daemon->settings->publisher.journal_bytes : 0;
    return memory_taken() + journal +
           live->buffer_bytes * live_sensor_workers(live, daemon->options->interface_count);
}

/* Most of it is touched only when there is something to keep. */
static size_t memory_in_use(void) {
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

static int open_sensor(struct daemon *daemon) {
    struct packet_ring *rings[LIVE_MAX_WORKERS] = {NULL};
    char error[CAPTURE_ERROR_SIZE];
    const struct live_sensor_config config = {
        .pipeline = &daemon->settings->pipeline,
        .settings = &daemon->settings->live,
        .interfaces = daemon->options->interfaces,
        .interface_count = daemon->options->interface_count,
        .sinks = daemon->sinks,
        .sink_count = daemon->sink_count,
        .rings = rings,
        .flush = flush_sinks,
        .flush_context = daemon,
    };
    for (size_t i = 0; daemon->evidence && i < LIVE_MAX_WORKERS; i++)
        rings[i] = evidence_files_ring(daemon->evidence, i);
    daemon->sensor = live_sensor_new(&config, error);
    if (daemon->sensor == NULL)
        fprintf(stderr, "downgrd: %s\n", error);
    return daemon->sensor != NULL ? 0 : -1;
}

/* Threads inherit the mask: signals come to this one only. */
static void block_signals(struct daemon *daemon) {
    sigemptyset(&daemon->signals);
    sigaddset(&daemon->signals, SIGTERM);
    sigaddset(&daemon->signals, SIGINT);
    sigaddset(&daemon->signals, SIGHUP);
    sigaddset(&daemon->signals, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &daemon->signals, NULL);
}

static int confine(const struct daemon *daemon) {
    char dir[PATH_MAX];
    const struct settings *settings = daemon->settings;
    const struct rights rights = {
        .redis = settings->publisher.url,
        .folders = {settings->evidence.dir,
                    daemon->history != NULL ? history_place_dir(daemon->history, dir) : NULL},
        .is_live = true,
        .config = daemon->options->config,
        .eve = settings->eve,
        .reopens = settings->reopen,
        .kernel_filter = settings->live.kernel_filter,
    };
    return settings->confine ? rights_drop(&rights) : 0;
}

static int start(struct daemon *daemon) {
    char error[CAPTURE_ERROR_SIZE] = "a thread cannot be started";
    if (daemon->publisher)
        publisher_begin(daemon->publisher, live_sensor_source(daemon->sensor)->name, NULL);
    if (publisher_start(daemon->publisher) != 0)
        return -1;
    if (line_writer_start(daemon->report_writer) != 0 ||
        (daemon->eve_writer && line_writer_start(daemon->eve_writer) != 0) ||
        (daemon->evidence && evidence_files_start(daemon->evidence) != 0) ||
        live_sensor_start(daemon->sensor, error) != 0) {
        fprintf(stderr, "downgrd: %s\n", error);
        return -1;
    }
    size_t workers = live_sensor_workers(&daemon->settings->live, daemon->options->interface_count);
    log_write(LOG_LEVEL_NOTICE, "started",
              "listening on %s with %zu worker%s; memory: %zu MiB at most, %zu MiB of it in use",
              live_sensor_source(daemon->sensor)->name, workers, workers == 1 ? "" : "s",
              (memory_in_all(daemon) + MIB - 1) / MIB, (memory_in_use() + MIB - 1) / MIB);
    return 0;
}

static void stop(struct daemon *daemon) {
    live_sensor_stop(daemon->sensor);
    daemon->is_ending = true;
    if (daemon->evidence)
        evidence_files_stop(daemon->evidence);
    if (daemon->history)
        live_sensor_ask(daemon->sensor, save_history, daemon);
    live_sensor_ask(daemon->sensor, end_source, daemon);
    live_sensor_ask(daemon->sensor, print_table, daemon);
    flush_sinks(daemon);
}

static void close_all(struct daemon *daemon) {
    if (daemon->report_writer)
        line_writer_stop(daemon->report_writer);
    if (daemon->eve_writer)
        line_writer_stop(daemon->eve_writer);
    if (daemon->report_writer && lines_lost(daemon) > 0)
        log_write(LOG_LEVEL_WARNING, "lines-lost", "%" PRIu64 " lines of output were lost",
                  lines_lost(daemon));
    live_sensor_delete(daemon->sensor);
    if (daemon->eve)
        (void)eve_finish(daemon->eve);
    terminal_delete(daemon->terminal);
    (void)publisher_stop(daemon->publisher, PUBLISH_LAST_MS);
    if (daemon->evidence)
        evidence_files_delete(daemon->evidence);
    line_writer_delete(daemon->report_writer);
    line_writer_delete(daemon->eve_writer);
    config_delete(daemon->reloaded);
    log_flush();
}

static bool is_possible(const struct options *options, const struct settings *settings) {
    size_t workers = live_sensor_workers(&settings->live, options->interface_count);
    if (options->interface_count > LIVE_MAX_INTERFACES || workers > LIVE_MAX_WORKERS) {
        fprintf(stderr,
                "downgrd: %zu interfaces with %zu workers each are too many: %d interfaces and %d "
                "workers in all can be\n",
                options->interface_count, settings->live.workers, LIVE_MAX_INTERFACES,
                LIVE_MAX_WORKERS);
        return false;
    }
    return true;
}

int run_live(const struct options *options, const struct settings *settings) {
    struct daemon daemon = {.options = options, .settings = settings};
    char history[PATH_MAX];
    int status = EXIT_ERROR;
    if (!is_possible(options, settings))
        return EXIT_ERROR;
    block_signals(&daemon);
    notify_open();
    if (rights_become(settings->user, true, settings->live.kernel_filter) != 0)
        return EXIT_ERROR;
    if (open_sinks(&daemon) == 0 && open_sensor(&daemon) == 0) {
        if (history_place(options, settings, history))
            daemon.history = history;
        if (daemon.history)
            live_sensor_ask(daemon.sensor, read_history, &daemon);
        if (confine(&daemon) == 0 && start(&daemon) == 0) {
            notify_ready();
            attend(&daemon);
            status = EXIT_QUIET;
        }
        notify_stopping();
        stop(&daemon);
    }
    close_all(&daemon);
    notify_close();
    return status;
}
