/* ctl_options.c - see ctl_options.h. */
#include "ctl_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "Usage: downgrdctl [options] COMMAND\n"
    "\n"
    "Answers from what downgrd --redis published.\n"
    "\n"
    "  alerts               the newest alerts; with --follow those that come, as they come\n"
    "  share [DOMAIN...]    per domain: share and count of legacy TLS (below 1.2), by version,\n"
    "                       and by whom it is limited; *.example.com is every name under it\n"
    "  top                  the leading domains: by --legacy handshakes (the default), by\n"
    "                       distinct legacy --clients, by --alerts or by --handshakes\n"
    "  whatif [DOMAIN...]   who breaks if versions below --min are refused, a verdict per domain\n"
    "                       (safe, watch, not safe) with its reasons, and how large a pool for\n"
    "                       the old ones must be\n"
    "  clients DOMAIN       its legacy clients: address, JA4, version, last seen\n"
    "  explain RULE         what a rule fires on, how sure it is, what to do next\n"
    "  explain ALERT-ID     one alert in full\n"
    "  sensors              health: what they saw, dropped and lost, and how far they lag\n"
    "  metrics              the same and the leading domains' counters for Prometheus\n"
    "\n"
    "      --redis URL      redis://[user:pass@]host:port/db or unix:///path?db=N\n"
    "                       (default: $DOWNGRD_REDIS, else redis://127.0.0.1:6379/0)\n"
    "      --since AGE      only what is younger: 90s, 15m, 1h, 30d, 2w. By packet time, and a\n"
    "                       replayed capture keeps the time at which it was taken, so the default\n"
    "                       is everything that is kept. Counters begin with the full hour (up to\n"
    "                       14d) or day (beyond). whatif: for how long there must be evidence,\n"
    "                       back from the newest handshake (default 30d)\n"
    "      --rule RULE      alerts: only of this rule\n"
    "      --domain DOMAIN  alerts: only of this domain, or of all under *.DOMAIN\n"
    "      --follow         alerts: go on with those that come, until interrupted\n"
    "      --group NAME     alerts --follow: as a consumer group, which goes on where it was "
    "after\n"
    "                       a restart; what was printed is acknowledged\n"
    "      --consumer NAME  the group's member that this is (default: the host's name)\n"
    "      --by WHAT        share: one row per hour, day or sensor (without a domain: of all\n"
    "                       together)\n"
    "      --min VERSION    whatif: tls1.1, tls1.2 (the default) or tls1.3\n"
    "      --max-share S    whatif: less than this share may be refused (0.1%)\n"
    "      --max-clients N  whatif: fewer distinct clients may be (10)\n"
    "      --min-handshakes N\n"
    "                       whatif: so many answered ones are needed (100)\n"
    "      --min-coverage S whatif: so much of the handshakes must have been seen whole (95%)\n"
    "      --max-dropped S  whatif: so much of the packets may be missing (1%)\n"
    "      --limit N        rows (alerts, share 50, clients 100, whatif, top, metrics 20; 0: all)\n"
    "      --json           JSON, all fields\n"
    "      --csv            CSV, all fields\n"
    "      --version        print the version and exit\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "Exit status: 0 something found, 1 nothing found or an unknown id, 2 usage or connection\n"
    "error.\n";

enum option_code {
    OPTION_REDIS = 256,
    OPTION_SINCE,
    OPTION_RULE,
    OPTION_DOMAIN,
    OPTION_FOLLOW,
    OPTION_GROUP,
    OPTION_CONSUMER,
    OPTION_BY,
    OPTION_MIN,
    OPTION_MAX_SHARE,
    OPTION_MAX_CLIENTS,
    OPTION_MIN_HANDSHAKES,
    OPTION_MIN_COVERAGE,
    OPTION_MAX_DROPPED,
    OPTION_LIMIT,
    OPTION_LEGACY,
    OPTION_CLIENTS,
    OPTION_ALERTS,
    OPTION_HANDSHAKES,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_VERSION,
    OPTION_HELP = 'h',
};

/* Options and the commands that take them; 0: all. */
static const struct known_option {
    const char *name;
    int has_value;
    enum option_code code;
    unsigned commands;
} known_options[] = {
    {"redis", required_argument, OPTION_REDIS, 0},
    {"since", required_argument, OPTION_SINCE,
     COMMAND_ALERTS | COMMAND_SHARE | COMMAND_TOP | COMMAND_WHATIF | COMMAND_CLIENTS |
         COMMAND_SENSORS},
    {"rule", required_argument, OPTION_RULE, COMMAND_ALERTS},
    {"domain", required_argument, OPTION_DOMAIN, COMMAND_ALERTS},
    {"follow", no_argument, OPTION_FOLLOW, COMMAND_ALERTS},
    {"group", required_argument, OPTION_GROUP, COMMAND_ALERTS},
    {"consumer", required_argument, OPTION_CONSUMER, COMMAND_ALERTS},
    {"by", required_argument, OPTION_BY, COMMAND_SHARE},
    {"min", required_argument, OPTION_MIN, COMMAND_WHATIF},
    {"max-share", required_argument, OPTION_MAX_SHARE, COMMAND_WHATIF},
    {"max-clients", required_argument, OPTION_MAX_CLIENTS, COMMAND_WHATIF},
    {"min-handshakes", required_argument, OPTION_MIN_HANDSHAKES, COMMAND_WHATIF},
    {"min-coverage", required_argument, OPTION_MIN_COVERAGE, COMMAND_WHATIF},
    {"max-dropped", required_argument, OPTION_MAX_DROPPED, COMMAND_WHATIF},
    {"limit", required_argument, OPTION_LIMIT,
     COMMAND_ALERTS | COMMAND_SHARE | COMMAND_TOP | COMMAND_WHATIF | COMMAND_CLIENTS |
         COMMAND_METRICS},
    {"legacy", no_argument, OPTION_LEGACY, COMMAND_TOP},
    {"clients", no_argument, OPTION_CLIENTS, COMMAND_TOP},
    {"alerts", no_argument, OPTION_ALERTS, COMMAND_TOP},
    {"handshakes", no_argument, OPTION_HANDSHAKES, COMMAND_TOP},
    {"json", no_argument, OPTION_JSON, 0},
    {"csv", no_argument, OPTION_CSV, 0},
    {"version", no_argument, OPTION_VERSION, 0},
    {"help", no_argument, OPTION_HELP, 0},
};
enum { OPTION_COUNT = sizeof known_options / sizeof known_options[0] };

static const struct known_command {
    const char *name;
    enum ctl_command command;
    uint64_t limit;     /* when --limit is not given; 0: all */
    size_t least_words; /* behind it */
    size_t most_words;
} known_commands[] = {
    {"alerts", COMMAND_ALERTS, 50, 0, 0},    {"share", COMMAND_SHARE, 50, 0, SIZE_MAX},
    {"top", COMMAND_TOP, 20, 0, 0},          {"whatif", COMMAND_WHATIF, 20, 0, SIZE_MAX},
    {"clients", COMMAND_CLIENTS, 100, 1, 1}, {"explain", COMMAND_EXPLAIN, 0, 1, 1},
    {"sensors", COMMAND_SENSORS, 0, 0, 0},   {"metrics", COMMAND_METRICS, 20, 0, 0},
};
enum { COMMAND_COUNT = sizeof known_commands / sizeof known_commands[0] };

/* What was given, for the checks that need all of it. */
struct reading {
    struct ctl_options *options;
    const struct known_option *given[OPTION_COUNT]; /* by place in known_options; NULL: not given */
    bool has_limit;
};

static int complain(const char *format, const char *text) {
    (void)fputs("downgrdctl: ", stderr);
    (void)fprintf(stderr, format, text);
    (void)fputs("; downgrdctl --help shows how\n", stderr);
    return -EINVAL;
}

/* ---- values ---- */

static int set_number(uint64_t *number, const char *option, const char *text) {
    char *end = NULL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0')
        return complain("--%s takes a whole number", option);
    return 0;
}

static int set_share(double *share, const char *option, const char *text) {
    return query_parse_share(text, share)
               ? 0
               : complain("--%s takes a share such as 0.1% or 0.001, of at most 100%", option);
}

static int set_since(struct query *query, const char *text) {
    uint64_t age_us = query_parse_duration(text);
    if (age_us == 0)
        return complain("--since takes an age such as 15m, 1h, 30d or 2w, not '%s'", text);
    query->since_us = age_us < query->now_us ? query->now_us - age_us : 1;
    return 0;
}

struct word {
    const char *name;
    int value;
};

static int find_word(const struct word *words, size_t count, const char *text, int *value) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, text) != 0)
            continue;
        *value = words[i].value;
        return 0;
    }
    return -EINVAL;
}

static int set_by(struct query *query, const char *text) {
    static const struct word words[] = {{"hour", BY_HOUR}, {"day", BY_DAY}, {"sensor", BY_SENSOR}};
    int value = 0;
    if (find_word(words, sizeof words / sizeof words[0], text, &value) != 0)
        return complain("--by takes hour, day or sensor, not '%s'", text);
    query->by = (enum query_by)value;
    return 0;
}

static int set_minimum(struct query *query, const char *text) {
    static const struct word words[] = {
        {"tls1.1", MINIMUM_TLS_1_1}, {"tls1.2", MINIMUM_TLS_1_2}, {"tls1.3", MINIMUM_TLS_1_3}};
    int value = 0;
    if (find_word(words, sizeof words / sizeof words[0], text, &value) != 0)
        return complain("--min takes tls1.1, tls1.2 or tls1.3, not '%s'", text);
    query->minimum = (enum query_minimum)value;
    return 0;
}

static int set_domain(struct ctl_options *options, const char *text) {
    options->query.domain = options->domain;
    return query_normalize_domain(text, options->domain, sizeof options->domain)
               ? 0
               : complain("'%s' is no domain", text);
}

static int set_value(struct ctl_options *options, const struct known_option *option,
                     const char *value) {
    struct query *query = &options->query;
    switch (option->code) {
    case OPTION_REDIS:
        options->redis = value;
        return 0;
    case OPTION_SINCE:
        return set_since(query, value);
    case OPTION_RULE:
        query->rule = value;
        return 0;
    case OPTION_DOMAIN:
        return set_domain(options, value);
    case OPTION_FOLLOW:
        query->follow = true;
        return 0;
    case OPTION_GROUP:
        query->group = value;
        return *value != '\0' ? 0 : complain("--group takes a name%s", "");
    case OPTION_CONSUMER:
        query->consumer = value;
        return *value != '\0' ? 0 : complain("--consumer takes a name%s", "");
    case OPTION_BY:
        return set_by(query, value);
    case OPTION_MIN:
        return set_minimum(query, value);
    case OPTION_MAX_SHARE:
        return set_share(&query->limits.max_share, option->name, value);
    case OPTION_MAX_CLIENTS:
        return set_number(&query->limits.max_clients, option->name, value);
    case OPTION_MIN_HANDSHAKES:
        return set_number(&query->limits.min_handshakes, option->name, value);
    case OPTION_MIN_COVERAGE:
        return set_share(&query->limits.min_coverage, option->name, value);
    case OPTION_MAX_DROPPED:
        return set_share(&query->limits.max_dropped, option->name, value);
    case OPTION_LIMIT:
        return set_number(&query->limit, option->name, value);
    case OPTION_LEGACY:
        query->order = ORDER_LEGACY;
        return 0;
    case OPTION_CLIENTS:
        query->order = ORDER_CLIENTS;
        return 0;
    case OPTION_ALERTS:
        query->order = ORDER_ALERTS;
        return 0;
    case OPTION_HANDSHAKES:
        query->order = ORDER_HANDSHAKES;
        return 0;
    case OPTION_JSON:
        query->format = QUERY_JSON;
        return 0;
    case OPTION_CSV:
        query->format = QUERY_CSV;
        return 0;
    case OPTION_VERSION:
        (void)puts("downgrdctl " DOWNGRD_VERSION);
        return 1;
    case OPTION_HELP:
        (void)fputs(help_text, stdout);
        return 1;
    }
    return -EINVAL;
}

/* ---- the whole ---- */

static int read_options(struct reading *reading, int argc, char **argv) {
    struct option known[OPTION_COUNT + 1];
    memset(known, 0, sizeof known);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        known[i] = (struct option){known_options[i].name, known_options[i].has_value, NULL,
                                   (int)known_options[i].code};
    for (;;) {
        int code = getopt_long(argc, argv, "h", known, NULL);
        if (code == -1)
            return 0;
        int status = -EINVAL;
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            if ((int)known_options[i].code != code)
                continue;
            reading->given[i] = &known_options[i];
            reading->has_limit = reading->has_limit || code == OPTION_LIMIT;
            status = set_value(reading->options, &known_options[i], optarg);
        }
        if (code == '?')
            (void)fputs("downgrdctl --help shows what there is\n", stderr);
        if (status != 0)
            return status;
    }
}

/* The domains, lower-cased where they stand. */
static int normalize_words(struct ctl_options *options) {
    for (size_t i = 0; i < options->word_count; i++) {
        char name[sizeof options->domain];
        char *word = options->words[i];
        if (!query_normalize_domain(word, name, sizeof name))
            return complain("'%s' is no domain", word);
        memcpy(word, name, strlen(name) + 1);
    }
    options->query.domains = (const char *const *)options->words;
    options->query.domain_count = options->word_count;
    return 0;
}

static int check_together(const struct reading *reading, const struct known_command *command) {
    const struct query *query = &reading->options->query;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (reading->given[i] != NULL && known_options[i].commands != 0 &&
            (known_options[i].commands & command->command) == 0)
            return complain("--%s does not go with this command", known_options[i].name);
    if (query->group != NULL && !query->follow)
        return complain("--group needs --follow%s", "");
    if (query->consumer != NULL && query->group == NULL)
        return complain("--consumer needs --group%s", "");
    if (query->follow && reading->has_limit)
        return complain("--limit does not go with --follow%s", "");
    return 0;
}

static int read_command(struct reading *reading, const char *name) {
    struct ctl_options *options = reading->options;
    const struct known_command *command = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(known_commands[i].name, name) == 0)
            command = &known_commands[i];
    if (command == NULL)
        return complain("there is no command '%s'", name);
    options->command = command->command;
    int status = check_together(reading, command);
    if (status != 0)
        return status;
    if (options->word_count < command->least_words)
        return complain("%s needs one more word", name);
    if (options->word_count > command->most_words)
        return complain(command->most_words == 0 ? "%s takes options only" : "%s takes one word",
                        name);
    if (!reading->has_limit)
        options->query.limit = options->query.by == BY_DOMAIN ? command->limit : 0;
    return command->command == COMMAND_EXPLAIN ? 0 : normalize_words(options);
}

int ctl_options_read(struct ctl_options *options, int argc, char **argv) {
    struct reading reading = {.options = options};
    options->query.minimum = MINIMUM_TLS_1_2;
    options->query.limits = whatif_default_limits;
    int status = read_options(&reading, argc, argv);
    if (status != 0)
        return status;
    if (optind >= argc) {
        (void)fputs(help_text, stderr);
        return -EINVAL;
    }
    options->words = argv + optind + 1;
    options->word_count = (size_t)(argc - optind - 1);
    return read_command(&reading, argv[optind]);
}
