/*
 * main_downgrdctl.c - the reading side's command line. Needs no privileges: only Redis, and for
 * `explain RULE` not even that.
 */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "query.h"
#include "redis_link.h"

enum { LEAST_WIDTH = 40, MOST_WIDTH = 1000, DEFAULT_WIDTH = 120 };
enum { TIMEOUT_MS = 3000, DEFAULT_ALERTS = 50, DEFAULT_DOMAINS = 50, DEFAULT_TOP = 20 };

static const char help_text[] =
    "Usage: downgrdctl [options] COMMAND\n"
    "\n"
    "Answers from what downgrd --redis published.\n"
    "\n"
    "  alerts               the newest alerts\n"
    "  share [DOMAIN...]    per domain: share and count of legacy TLS (below 1.2), by version, "
    "and\n"
    "                       by whom it is limited; *.example.com is every name under it\n"
    "  top                  the leading domains: by --legacy handshakes (the default), by "
    "distinct\n"
    "                       legacy --clients, by --alerts or by --handshakes\n"
    "  explain RULE         what a rule fires on, how sure it is, what to do next\n"
    "  explain ALERT-ID     one alert in full\n"
    "\n"
    "      --redis URL      redis://[user:pass@]host:port/db or unix:///path?db=N\n"
    "                       (default: $DOWNGRD_REDIS, else redis://127.0.0.1:6379/0)\n"
    "      --since AGE      only what is younger: 90s, 15m, 1h, 30d, 2w. By packet time, and a\n"
    "                       replayed capture keeps the time at which it was taken, so the default\n"
    "                       is everything that is kept. share and top begin with the full hour\n"
    "                       (up to 14d) or day (beyond)\n"
    "      --rule RULE      alerts: only of this rule\n"
    "      --domain DOMAIN  alerts: only of this domain, or of all under *.DOMAIN\n"
    "      --by WHAT        share: one row per hour, day or sensor\n"
    "      --limit N        rows (alerts 50, share 50, top 20; 0: all)\n"
    "      --json           JSON, all fields\n"
    "      --csv            CSV, all fields\n"
    "      --version        print the version and exit\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "Exit status: 0 something found, 1 nothing found or an unknown id, 2 usage or connection "
    "error.\n";

enum option_code {
    OPTION_REDIS = 256,
    OPTION_SINCE,
    OPTION_RULE,
    OPTION_DOMAIN,
    OPTION_BY,
    OPTION_LIMIT,
    OPTION_LEGACY,
    OPTION_CLIENTS,
    OPTION_ALERTS,
    OPTION_HANDSHAKES,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_VERSION,
};

/* Which command takes which option: bits of enum command. */
enum command { COMMAND_ALERTS = 1, COMMAND_SHARE = 2, COMMAND_TOP = 4, COMMAND_EXPLAIN = 8 };

enum { MAX_OPTIONS_GIVEN = 32 };

struct given {
    const char *name;
    unsigned commands; /* that take it */
};

struct options {
    struct query query;
    const char *redis;
    bool has_limit;
    struct given given[MAX_OPTIONS_GIVEN]; /* those that not every command takes */
    size_t given_count;
    char domain[256];
};

static int complain(const char *format, const char *text) {
    (void)fprintf(stderr, "downgrdctl: ");
    (void)fprintf(stderr, format, text);
    (void)fputs("; downgrdctl --help shows how\n", stderr);
    return -EINVAL;
}

static int set_by(struct query *query, const char *text) {
    static const struct {
        const char *name;
        enum query_by by;
    } known[] = {{"hour", BY_HOUR}, {"day", BY_DAY}, {"sensor", BY_SENSOR}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(text, known[i].name) != 0)
            continue;
        query->by = known[i].by;
        return 0;
    }
    return complain("--by takes hour, day or sensor, not '%s'", text);
}

static int set_limit(struct options *options, const char *text) {
    char *end = NULL;
    errno = 0;
    options->query.limit = strtoull(text, &end, 10);
    options->has_limit = true;
    if (errno != 0 || end == text || *end != '\0' || *text == '-')
        return complain("--limit takes a number, not '%s'", text);
    return 0;
}

static int set_since(struct query *query, const char *text) {
    uint64_t age_us = query_parse_duration(text);
    if (age_us == 0)
        return complain("--since takes an age such as 15m, 1h, 30d or 2w, not '%s'", text);
    query->since_us = age_us < query->now_us ? query->now_us - age_us : 1;
    return 0;
}

static void narrow(struct options *options, unsigned commands, const char *name) {
    if (options->given_count < MAX_OPTIONS_GIVEN)
        options->given[options->given_count++] = (struct given){name, commands};
}

static int set_order(struct options *options, enum query_order order, const char *name) {
    options->query.order = order;
    narrow(options, COMMAND_TOP, name);
    return 0;
}

static int set_option(struct options *options, int code, const char *value) {
    struct query *query = &options->query;
    switch (code) {
    case OPTION_REDIS:
        options->redis = value;
        return 0;
    case OPTION_SINCE:
        narrow(options, COMMAND_ALERTS | COMMAND_SHARE | COMMAND_TOP, "--since");
        return set_since(query, value);
    case OPTION_RULE:
        narrow(options, COMMAND_ALERTS, "--rule");
        query->rule = value;
        return 0;
    case OPTION_DOMAIN:
        narrow(options, COMMAND_ALERTS, "--domain");
        query->domain = options->domain;
        if (!query_normalize_domain(value, options->domain, sizeof options->domain))
            return complain("'%s' is no domain", value);
        return 0;
    case OPTION_BY:
        narrow(options, COMMAND_SHARE, "--by");
        return set_by(query, value);
    case OPTION_LIMIT:
        narrow(options, COMMAND_ALERTS | COMMAND_SHARE | COMMAND_TOP, "--limit");
        return set_limit(options, value);
    case OPTION_LEGACY:
        return set_order(options, ORDER_LEGACY, "--legacy");
    case OPTION_CLIENTS:
        return set_order(options, ORDER_CLIENTS, "--clients");
    case OPTION_ALERTS:
        return set_order(options, ORDER_ALERTS, "--alerts");
    case OPTION_HANDSHAKES:
        return set_order(options, ORDER_HANDSHAKES, "--handshakes");
    case OPTION_JSON:
        query->format = QUERY_JSON;
        return 0;
    case OPTION_CSV:
        query->format = QUERY_CSV;
        return 0;
    default:
        (void)fputs("downgrdctl --help shows what there is\n", stderr);
        return -EINVAL;
    }
}

/* 0 to go on, 1 when all is said (help, version), -EINVAL. */
static int read_options(int argc, char **argv, struct options *options) {
    static const struct option known[] = {
        {"redis", required_argument, NULL, OPTION_REDIS},
        {"since", required_argument, NULL, OPTION_SINCE},
        {"rule", required_argument, NULL, OPTION_RULE},
        {"domain", required_argument, NULL, OPTION_DOMAIN},
        {"by", required_argument, NULL, OPTION_BY},
        {"limit", required_argument, NULL, OPTION_LIMIT},
        {"legacy", no_argument, NULL, OPTION_LEGACY},
        {"clients", no_argument, NULL, OPTION_CLIENTS},
        {"alerts", no_argument, NULL, OPTION_ALERTS},
        {"handshakes", no_argument, NULL, OPTION_HANDSHAKES},
        {"json", no_argument, NULL, OPTION_JSON},
        {"csv", no_argument, NULL, OPTION_CSV},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (;;) {
        int code = getopt_long(argc, argv, "h", known, NULL);
        if (code == -1)
            return 0;
        if (code == 'h') {
            (void)fputs(help_text, stdout);
            return 1;
        }
        if (code == OPTION_VERSION) {
            (void)puts("downgrdctl " DOWNGRD_VERSION);
            return 1;
        }
        int status = set_option(options, code, optarg);
        if (status != 0)
            return status;
    }
}

static enum command command_of(const char *name) {
    static const struct {
        const char *name;
        enum command command;
    } known[] = {{"alerts", COMMAND_ALERTS},
                 {"share", COMMAND_SHARE},
                 {"top", COMMAND_TOP},
                 {"explain", COMMAND_EXPLAIN}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].command;
    return 0;
}

static int check_command(const struct options *options, enum command command, const char *name,
                         int words) {
    if (command == 0)
        return complain("there is no command '%s'", name);
    for (size_t i = 0; i < options->given_count; i++)
        if ((options->given[i].commands & command) == 0)
            return complain("%s does not go with this command", options->given[i].name);
    if (command == COMMAND_EXPLAIN && words != 1)
        return complain("%s takes one rule or alert id", name);
    if ((command == COMMAND_ALERTS || command == COMMAND_TOP) && words != 0)
        return complain("%s takes options only", name);
    return 0;
}

static struct redis_link *connect_redis(const struct options *options) {
    char message[REDIS_MESSAGE_SIZE];
    char error[REDIS_URL_ERROR_SIZE];
    struct redis_url url;
    const char *text = options->redis != NULL ? options->redis : getenv("DOWNGRD_REDIS");
    if (text == NULL || *text == '\0')
        text = "redis://127.0.0.1:6379/0";
    if (redis_url_parse(text, &url, error) != 0) {
        (void)fprintf(stderr, "downgrdctl: --redis: %s\n", error);
        return NULL;
    }
    struct redis_link *link = redis_link_new(&url, TIMEOUT_MS, NULL, 0, message);
    if (link == NULL)
        (void)fprintf(stderr, "downgrdctl: %s\n", message);
    return link;
}

/* The domains of share, lower-cased where they stand. */
static int normalize_words(char **words, int count) {
    for (int i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 1;
        char *name = malloc(size);
        bool is_good = name != NULL && size <= sizeof((struct options *)NULL)->domain &&
                       query_normalize_domain(words[i], name, size);
        if (is_good)
            memcpy(words[i], name, strlen(name) + 1);
        free(name);
        if (!is_good)
            return complain("'%s' is no domain", words[i]);
    }
    return 0;
}

static enum query_result run(struct options *options, enum command command, char **words,
                             int count) {
    struct query *query = &options->query;
    enum query_result result = QUERY_NOTHING;
    if (command == COMMAND_EXPLAIN) {
        result = query_explain_rule(query, words[0]);
        if (result != QUERY_NOTHING)
            return result;
    }
    if (command == COMMAND_SHARE && normalize_words(words, count) != 0)
        return QUERY_FAILED;
    query->link = connect_redis(options);
    if (query->link == NULL)
        return QUERY_FAILED;
    switch (command) {
    case COMMAND_ALERTS:
        query->limit = options->has_limit ? query->limit : DEFAULT_ALERTS;
        result = query_alerts(query);
        break;
    case COMMAND_SHARE:
        query->domains = (const char *const *)words;
        query->domain_count = (size_t)count;
        query->limit = options->has_limit       ? query->limit
                       : query->by == BY_DOMAIN ? DEFAULT_DOMAINS
                                                : 0;
        result = query_share(query);
        break;
    case COMMAND_TOP:
        query->limit = options->has_limit ? query->limit : DEFAULT_TOP;
        result = query_top(query);
        break;
    case COMMAND_EXPLAIN:
        result = query_explain_alert(query, words[0]);
        break;
    }
    redis_link_delete(query->link);
    return result;
}

/* Of the terminal, or as COLUMNS says, or so that a page of text holds it. */
static size_t table_width(void) {
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    unsigned long wanted = columns != NULL ? strtoul(columns, NULL, 10) : 0;
    if (wanted >= LEAST_WIDTH && wanted <= MOST_WIDTH)
        return wanted;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= LEAST_WIDTH)
        return size.ws_col;
    return DEFAULT_WIDTH;
}

int main(int argc, char **argv) {
    struct timespec now;
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    struct options options = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    options.query.out = stdout;
    options.query.now_us = (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
    (void)setlocale(LC_CTYPE, "");
    options.query.style = (struct sheet_style){
        .colour = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0') &&
                  (terminal == NULL || strcmp(terminal, "dumb") != 0),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = table_width(),
    };
    int status = read_options(argc, argv, &options);
    if (status != 0)
        return status > 0 ? QUERY_FOUND : QUERY_FAILED;
    if (optind >= argc) {
        (void)fputs(help_text, stderr);
        return QUERY_FAILED;
    }
    const char *name = argv[optind];
    enum command command = command_of(name);
    int words = argc - optind - 1;
    if (check_command(&options, command, name, words) != 0)
        return QUERY_FAILED;
    enum query_result result = run(&options, command, argv + optind + 1, words);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "downgrdctl: cannot write the output: %s\n", strerror(errno));
        return QUERY_FAILED;
    }
    return (int)result;
}
