/*
 * options.c - reads the options, and prints what can be printed without a run: help, version,
 * rules.
 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"

static const char usage_text[] =
    "Usage: downgrd -r FILE [FILE...] [options] [-- FILTER]\n"
    "       downgrd -i INTERFACE [-i INTERFACE...] [options] [-- FILTER]\n"
    "\n"
    "Replays captures or listens on interfaces, pairs every TLS ClientHello with its ServerHello,\n"
    "reports downgrades as it finds them and, at the end, each domain's legacy share.\n"
    "\n"
    "  -r, --read FILE...   capture files (pcap, pcapng), each judged on its own; - is stdin\n"
    "  -i, --interface NAME listen until SIGTERM or SIGINT; each -i is another tap; any: all of "
    "them.\n"
    "                       SIGHUP reads --config and opens --eve again, SIGUSR1 prints the table\n"
    "      --continuous     the files are parts of one capture (tcpdump -G, -C): connections and "
    "history\n"
    "                       go on from one to the next, in the order of their time\n"
    "      --taps           the files are taps of one network at one time: merged by packet time,\n"
    "                       flows apart, one history (split-view sees what is rewritten between)\n"
    "      --kernel-filter  -i: the bulk of finished handshakes ends in the kernel (CAP_BPF)\n"
    "      --config FILE    read a configuration (YAML); options win over it\n"
    "      --check-config   only say whether it is good, and how much memory it takes\n"
    "      --filter EXPR    read only packets that match a BPF expression (also: -- EXPR)\n"
    "      --eve FILE       write EVE JSON lines to FILE; - is stdout (the report goes to stderr "
    "then)\n"
    "      --evidence DIR   keep the packets behind each alert in DIR/ID.pcapng, with comments\n"
    "      --redis URL      publish to redis://[user:pass@]host:port/db or unix:///path\n"
    "      --state DIR      keep what is not published yet in DIR/NAME.journal, and what was "
    "learned\n"
    "                       of servers in DIR/NAME.history (live, and --continuous; default: the "
    "user's or\n"
    "                       the system's state directory)\n"
    "      --user NAME      when started as root, become this user before anything is opened\n"
    "      --no-confine     keep rights that a run does not need once everything is open\n"
    "      --sensor NAME    this sensor's name in what is published (default: downgrd)\n"
    "      --group          count names under their registrable domain (www.example.com: "
    "example.com);\n"
    "                       --no-group when the configuration says so and you do not\n"
    "      --enable KIND    switch a rule on (see --rules); may be repeated\n"
    "      --disable KIND   switch a rule off; may be repeated\n"
    "  -q, --quiet          print neither alerts nor the table\n"
    "      --exit-zero      exit 0 also when there were alerts\n"
    "      --rules          print the rules and exit\n"
    "      --version        print the version and exit\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "--eve, --evidence, --redis and --filter take an empty text for none, over the configuration.\n"
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
        for (size_t at = 0; at < rule->threshold_count; at++) {
            char threshold[RULE_THRESHOLD_SIZE];
            print_wrapped("setting", rule_threshold_format(&rule->thresholds[at], threshold));
        }
        putchar('\n');
    }
}

static bool rules_switch(struct options *options, const char *kind, bool on) {
    for (size_t i = 0; i < rules_count; i++) {
        if (strcmp(rules_all[i]->kind, kind) != 0)
            continue;
        options->rules_on = (options->rules_on & ~(1U << i)) | (on ? 1U << i : 0U);
        options->rules_off = (options->rules_off & ~(1U << i)) | (on ? 0U : 1U << i);
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
    OPTION_CONFIG = 256,
    OPTION_CHECK_CONFIG,
    OPTION_FILTER,
    OPTION_EVE,
    OPTION_EVIDENCE,
    OPTION_REDIS,
    OPTION_STATE,
    OPTION_SENSOR,
    OPTION_USER,
    OPTION_NO_CONFINE,
    OPTION_KERNEL_FILTER,
    OPTION_GROUP,
    OPTION_NO_GROUP,
    OPTION_TAPS,
    OPTION_CONTINUOUS,
    OPTION_ENABLE,
    OPTION_DISABLE,
    OPTION_EXIT_ZERO,
    OPTION_RULES,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"read", required_argument, NULL, 'r'},
    {"interface", required_argument, NULL, 'i'},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"filter", required_argument, NULL, OPTION_FILTER},
    {"eve", required_argument, NULL, OPTION_EVE},
    {"evidence", required_argument, NULL, OPTION_EVIDENCE},
    {"redis", required_argument, NULL, OPTION_REDIS},
    {"state", required_argument, NULL, OPTION_STATE},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"user", required_argument, NULL, OPTION_USER},
    {"no-confine", no_argument, NULL, OPTION_NO_CONFINE},
    {"kernel-filter", no_argument, NULL, OPTION_KERNEL_FILTER},
    {"group", no_argument, NULL, OPTION_GROUP},
    {"no-group", no_argument, NULL, OPTION_NO_GROUP},
    {"continuous", no_argument, NULL, OPTION_CONTINUOUS},
    {"taps", no_argument, NULL, OPTION_TAPS},
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
    case 'i':
        options->interfaces[options->interface_count++] = optarg;
        return -1;
    case OPTION_CONFIG:
        options->config = optarg;
        return -1;
    case OPTION_TAPS:
        options->taps = true;
        return -1;
    case OPTION_CONTINUOUS:
        options->continuous = true;
        return -1;
    case OPTION_CHECK_CONFIG:
        options->check_config = true;
        return -1;
    case OPTION_FILTER:
        free(options->filter);
        options->filter = strdup(optarg);
        return options->filter ? -1 : EXIT_ERROR;
    case OPTION_EVE:
        options->eve = optarg;
        return -1;
    case OPTION_EVIDENCE:
        options->evidence = optarg;
        return -1;
    case OPTION_REDIS:
        options->redis = optarg;
        return -1;
    case OPTION_STATE:
        options->state = optarg;
        return -1;
    case OPTION_SENSOR:
        options->sensor = optarg;
        return -1;
    case OPTION_USER:
        options->user = optarg;
        return -1;
    case OPTION_NO_CONFINE:
        options->no_confine = true;
        return -1;
    case OPTION_KERNEL_FILTER:
        options->kernel_filter = true;
        return -1;
    case OPTION_GROUP:
    case OPTION_NO_GROUP:
        options->group = code == OPTION_GROUP;
        options->no_group = code == OPTION_NO_GROUP;
        return -1;
    case OPTION_ENABLE:
    case OPTION_DISABLE:
        return rules_switch(options, optarg, code == OPTION_ENABLE) ? -1 : EXIT_ERROR;
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

static bool reads_stdin(const struct options *options) {
    for (size_t i = 0; i < options->file_count; i++)
        if (strcmp(options->files[i], "-") == 0)
            return true;
    return false;
}

/* What is missing, or does not go together. */
static int options_check(const struct options *options) {
    const char *problem = NULL;
    if (options->check_config && options->config == NULL)
        problem = "no configuration to check: name one with --config FILE";
    else if (options->interface_count > 0 && (options->file_count > 0 || options->taps))
        problem = "-i listens, -r replays: one of them at a time (and --taps goes with -r)";
    else if (options->continuous && options->interface_count > 0)
        problem = "--continuous goes with -r: what is captured live has no parts";
    else if (options->continuous && options->taps)
        problem = "--continuous joins parts of one tap, --taps replays several: one of them at a "
                  "time; join each tap's parts with mergecap first";
    else if (options->continuous && options->file_count > 1 && reads_stdin(options))
        problem = "--continuous puts the files in order first, which stdin (-) has none of: give "
                  "it alone";
    else if (options->file_count == 0 && options->interface_count == 0 && !options->check_config)
        problem = "no capture to read: name one with -r FILE, or listen with -i INTERFACE";
    if (problem != NULL) {
        fprintf(stderr, "downgrd: %s\nTry 'downgrd --help'.\n", problem);
        return EXIT_ERROR;
    }
    if (options->sensor != NULL && !config_is_name(options->sensor)) {
        fprintf(stderr,
                "downgrd: --sensor takes 1 to %d letters, digits, dots, underscores or dashes\n",
                SOURCE_NAME_SIZE - 1);
        return EXIT_ERROR;
    }
    return -1;
}

int options_parse(int argc, char **argv, struct options *options) {
    int words = argc;
    *options = (struct options){
        .files = calloc((size_t)argc + 1, sizeof *options->files),
        .interfaces = calloc((size_t)argc + 1, sizeof *options->interfaces),
    };
    if (options->files == NULL || options->interfaces == NULL)
        return EXIT_ERROR;
    for (int i = 1; i < argc && words == argc; i++)
        if (strcmp(argv[i], "--") == 0)
            words = i;
    if (words < argc - 1)
        options->filter = join_words(argv + words + 1, (size_t)(argc - words - 1));
    int code = 0;
    while ((code = getopt_long(words, argv, "r:i:qh", long_options, NULL)) != -1) {
        int status = options_take(options, code);
        if (status >= 0)
            return status;
    }
    while (optind < words)
        options->files[options->file_count++] = argv[optind++];
    return options_check(options);
}

void options_release(struct options *options) {
    free(options->filter);
    free(options->files);
    free(options->interfaces);
}
