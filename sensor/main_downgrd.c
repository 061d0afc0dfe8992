/*
 * main_downgrd.c - the sensor's command line: options in, a pipeline with its sinks, an exit status
 * out.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pipeline.h"
#include "publish.h"

enum exit_status { EXIT_QUIET = 0, EXIT_ATTACK = 1, EXIT_ERROR = 2 };

struct options {
    const char **files;
    size_t file_count;
    char *filter; /* owned */
    const char *eve;
    const char *redis;
    const char *sensor;
    bool quiet;
    bool exit_zero;
    bool group;
    uint32_t rules_on;
};

struct outputs {
    struct eve *eve;
    struct terminal *terminal;
    struct redis_publisher *redis;
    const struct sink *sinks[PIPELINE_MAX_SINKS];
    size_t sink_count;
};

static const char usage_text[] =
    "Usage: downgrd -r FILE [FILE...] [options] [-- FILTER]\n"
    "\n"
    "Replays captures, pairs every TLS ClientHello with its ServerHello, reports downgrades as it\n"
    "finds them and, at the end, each domain's legacy share.\n"
    "\n"
    "  -r, --read FILE...   capture files (pcap, pcapng), each judged on its own; - is stdin\n"
    "      --filter EXPR    read only packets that match a BPF expression (also: -- EXPR)\n"
    "      --eve FILE       write EVE JSON lines to FILE; - is stdout (the report goes to stderr "
    "then)\n"
    "      --redis URL      publish to redis://[user:pass@]host:port/db or unix:///path\n"
    "      --sensor NAME    this sensor's name in what is published (default: downgrd)\n"
    "      --group          count names under their registrable domain (www.example.com: "
    "example.com)\n"
    "      --enable KIND    switch a rule on (see --rules); may be repeated\n"
    "      --disable KIND   switch a rule off; may be repeated\n"
    "  -q, --quiet          print neither alerts nor the table\n"
    "      --exit-zero      exit 0 also when there were alerts\n"
    "      --rules          print the rules and exit\n"
    "      --version        print the version and exit\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "Exit status: 0 no alert of class attack, 1 at least one, 2 usage, input or output error.\n";

static const char *severity_name(enum rule_severity severity) {
    switch (severity) {
    case RULE_SEVERITY_HIGH:
        return "high";
    case RULE_SEVERITY_MEDIUM:
        return "medium";
    case RULE_SEVERITY_LOW:
        return "low";
    }
    return "";
}

/* Prints `text` behind a label, broken at spaces to lines of 100 columns. */
static void print_wrapped(const char *label, const char *text) {
    enum { LABEL_WIDTH = 18, LINE_WIDTH = 100 };
    int column = printf("  %-*s", LABEL_WIDTH - 3, label);
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column + 1 + word > LINE_WIDTH)
            column = printf("\n%*s", LABEL_WIDTH - 1, "") - 1;
        column += printf(" %.*s", word, text);
        text += word + (int)strspn(text + word, " ");
    }
    putchar('\n');
}

static void print_rules(void) {
    for (size_t i = 0; i < rules_count; i++) {
        const struct rule *rule = rules_all[i];
        printf("%s (%u): %s\n", rule->kind, rule->signature_id, rule->title);
        printf("  %-16s%s, severity %s, %s by default\n", "class",
               rule_class_name(rule->rule_class), severity_name(rule->severity),
               rule->on_by_default ? "on" : "off");
        print_wrapped("fires when", rule->fires_when);
        print_wrapped("silent when", rule->stays_silent_when);
        print_wrapped("confidence", rule->confidence);
        print_wrapped("advice", rule->advice);
        print_wrapped("references", rule->references);
        putchar('\n');
    }
}

static bool rules_switch(uint32_t *rules_on, const char *kind, bool on) {
    for (size_t i = 0; i < rules_count; i++) {
        if (strcmp(rules_all[i]->kind, kind) != 0)
            continue;
        *rules_on = on ? *rules_on | 1U << i : *rules_on & ~(1U << i);
        return true;
    }
    fprintf(stderr, "downgrd: there is no rule '%s'; downgrd --rules prints those there are\n",
            kind);
    return false;
}

/* Joins the words behind `--` to one expression. */
static char *join_words(char **words, size_t count) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(words[i]) + 1;
    char *joined = calloc(1, size);
    size_t at = 0;
    for (size_t i = 0; joined && i < count; i++)
        at += (size_t)snprintf(joined + at, size - at, i ? " %s" : "%s", words[i]);
    return joined;
}

enum option_code {
    OPTION_FILTER = 256,
    OPTION_EVE,
    OPTION_REDIS,
    OPTION_SENSOR,
    OPTION_GROUP,
    OPTION_ENABLE,
    OPTION_DISABLE,
    OPTION_EXIT_ZERO,
    OPTION_RULES,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"read", required_argument, NULL, 'r'},
    {"filter", required_argument, NULL, OPTION_FILTER},
    {"eve", required_argument, NULL, OPTION_EVE},
    {"redis", required_argument, NULL, OPTION_REDIS},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"group", no_argument, NULL, OPTION_GROUP},
    {"enable", required_argument, NULL, OPTION_ENABLE},
    {"disable", required_argument, NULL, OPTION_DISABLE},
    {"quiet", no_argument, NULL, 'q'},
    {"exit-zero", no_argument, NULL, OPTION_EXIT_ZERO},
    {"rules", no_argument, NULL, OPTION_RULES},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* One option. -1 to go on, else the status to exit with. */
static int options_take(struct options *options, int code) {
    switch (code) {
    case 'r':
        options->files[options->file_count++] = optarg;
        return -1;
    case OPTION_FILTER:
        free(options->filter);
        options->filter = strdup(optarg);
        return options->filter ? -1 : EXIT_ERROR;
    case OPTION_EVE:
        options->eve = optarg;
        return -1;
    case OPTION_REDIS:
        options->redis = optarg;
        return -1;
    case OPTION_SENSOR:
        options->sensor = optarg;
        return -1;
    case OPTION_GROUP:
        options->group = true;
        return -1;
    case OPTION_ENABLE:
    case OPTION_DISABLE:
        return rules_switch(&options->rules_on, optarg, code == OPTION_ENABLE) ? -1 : EXIT_ERROR;
    case 'q':
        options->quiet = true;
        return -1;
    case OPTION_EXIT_ZERO:
        options->exit_zero = true;
        return -1;
    case OPTION_RULES:
        print_rules();
        return EXIT_QUIET;
    case OPTION_VERSION:
        printf("downgrd %s\n", DOWNGRD_VERSION);
        return EXIT_QUIET;
    case 'h':
        fputs(usage_text, stdout);
        return EXIT_QUIET;
    default:
        fputs("Try 'downgrd --help'.\n", stderr);
        return EXIT_ERROR;
    }
}

static bool sensor_name_is_good(const char *name) {
    size_t size = strlen(name);
    return size > 0 && size < SOURCE_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

/* -1 when the run may begin, else the status to exit with. */
static int options_parse(int argc, char **argv, struct options *options) {
    int words = argc;
    for (int i = 1; i < argc && words == argc; i++)
        if (strcmp(argv[i], "--") == 0)
            words = i;
    if (words < argc - 1)
        options->filter = join_words(argv + words + 1, (size_t)(argc - words - 1));
    int code = 0;
    while ((code = getopt_long(words, argv, "r:qh", long_options, NULL)) != -1) {
        int status = options_take(options, code);
        if (status >= 0)
            return status;
    }
    if (options->file_count == 0 && optind == words) {
        fputs("downgrd: no capture to read: name one with -r FILE\n"
              "Try 'downgrd --help'.\n",
              stderr);
        return EXIT_ERROR;
    }
    while (optind < words)
        options->files[options->file_count++] = argv[optind++];
    if (!sensor_name_is_good(options->sensor)) {
        fprintf(stderr,
                "downgrd: --sensor takes 1 to %d letters, digits, dots, underscores or dashes\n",
                SOURCE_NAME_SIZE - 1);
        return EXIT_ERROR;
    }
    return -1;
}

static int outputs_open(const struct options *options, struct outputs *outputs) {
    bool eve_on_stdout = options->eve && strcmp(options->eve, "-") == 0;
    FILE *report = eve_on_stdout ? stderr : stdout;
    const struct terminal_config terminal = {
        .out = report,
        .colour = isatty(fileno(report)) && getenv("NO_COLOR") == NULL,
        .quiet = options->quiet,
        .max_domains = 20,
    };
    outputs->terminal = terminal_new(&terminal);
    if (outputs->terminal == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return -1;
    }
    outputs->sinks[outputs->sink_count++] = terminal_sink(outputs->terminal);
    if (options->eve) {
        outputs->eve = eve_new(options->eve);
        if (outputs->eve == NULL) {
            fprintf(stderr, "downgrd: cannot write EVE lines to %s: %s\n", options->eve,
                    strerror(errno));
            return -1;
        }
        outputs->sinks[outputs->sink_count++] = eve_sink(outputs->eve);
    }
    if (options->redis) {
        char *error = NULL;
        const struct redis_config redis = {options->redis, options->sensor, 3000, 100000};
        outputs->redis = redis_publisher_new(&redis, &error);
        if (outputs->redis == NULL) {
            fprintf(stderr, "downgrd: %s\n", error ? error : "out of memory");
            free(error);
            return -1;
        }
        outputs->sinks[outputs->sink_count++] = redis_publisher_sink(outputs->redis);
    }
    return 0;
}

static int outputs_close(struct outputs *outputs, const char *eve_path) {
    int status = 0;
    if (outputs->eve)
        status = eve_finish(outputs->eve);
    if (status < 0)
        fprintf(stderr, "downgrd: EVE lines were lost: writing to %s failed: %s\n", eve_path,
                strerror(-status));
    terminal_delete(outputs->terminal);
    redis_publisher_delete(outputs->redis);
    return status;
}

/* Publishes one file's figures and alerts under the name of its content. */
static bool publish_file(struct outputs *outputs, const struct pipeline *pipeline, const char *path,
                         const struct run_stats *stats) {
    char id[CAPTURE_ID_SIZE];
    int status = capture_content_id(path, id);
    if (status < 0) {
        fprintf(stderr, "downgrd: %s: its content cannot be named (%s), so it was not published\n",
                path, strerror(-status));
        return false;
    }
    return redis_publisher_publish(outputs->redis, pipeline_usage(pipeline),
                                   pipeline_source(pipeline), id, stats) == 0;
}

static int run(const struct options *options, struct outputs *outputs) {
    struct pipeline_config config;
    pipeline_default_config(&config);
    config.judge.rules_on = options->rules_on;
    config.sensor = options->sensor;
    config.filter = options->filter;
    config.group_domains = options->group;
    config.usage_per_file = options->redis != NULL;
    config.progress = isatty(STDERR_FILENO) && !options->quiet;
    struct pipeline *pipeline = pipeline_new(&config, outputs->sinks, outputs->sink_count);
    if (pipeline == NULL) {
        fputs("downgrd: out of memory\n", stderr);
        return EXIT_ERROR;
    }
    bool failed = false;
    struct run_stats total = {0};
    for (size_t i = 0; i < options->file_count; i++) {
        struct run_stats stats;
        char error[CAPTURE_ERROR_SIZE];
        if (pipeline_replay(pipeline, options->files[i], &stats, error) != 0) {
            fprintf(stderr, "downgrd: %s\n", error);
            failed = true;
        }
        run_stats_add(&total, &stats);
        if (outputs->redis && stats.packets &&
            !publish_file(outputs, pipeline, options->files[i], &stats))
            failed = true;
    }
    if (total.packets || !failed)
        terminal_table(outputs->terminal, pipeline_usage_total(pipeline), &total);
    pipeline_delete(pipeline);
    if (failed)
        return EXIT_ERROR;
    return total.attack_alerts && !options->exit_zero ? EXIT_ATTACK : EXIT_QUIET;
}

int main(int argc, char **argv) {
    struct judge_config judge;
    judge_default_config(&judge);
    struct options options = {.sensor = "downgrd", .rules_on = judge.rules_on};
    struct outputs outputs = {0};
    signal(SIGPIPE, SIG_IGN);
    options.files = calloc((size_t)argc + 1, sizeof *options.files);
    int status = options.files ? options_parse(argc, argv, &options) : EXIT_ERROR;
    if (status < 0) {
        status = EXIT_ERROR;
        if (outputs_open(&options, &outputs) == 0)
            status = run(&options, &outputs);
        if (outputs_close(&outputs, options.eve) < 0)
            status = EXIT_ERROR;
    }
    if (fflush(stdout) != 0 && errno != EPIPE) {
        fprintf(stderr, "downgrd: writing to stdout failed: %s\n", strerror(errno));
        status = EXIT_ERROR;
    }
    free(options.filter);
    free(options.files);
    return status;
}
