/*
 * main_downgrdctl.c - the reading side. Needs no privileges: only Redis, and for `explain RULE` not
 * even that.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "asker.h"
#include "ctl_options.h"

enum { LEAST_WIDTH = 40, MOST_WIDTH = 1000, DEFAULT_WIDTH = 120, TIMEOUT_MS = 3000 };

static struct asker *connect_redis(const struct ctl_options *options) {
    char error[ASKER_ERROR_SIZE];
    const char *text = options->redis != NULL ? options->redis : getenv("DOWNGRD_REDIS");
    if (text == NULL || *text == '\0')
        text = "redis://127.0.0.1:6379/0";
    struct asker *asker = asker_new(text, TIMEOUT_MS, error);
    if (asker == NULL)
        (void)fprintf(stderr, "downgrdctl: %s\n", error);
    return asker;
}

static enum query_result ask(const struct ctl_options *options) {
    const struct query *query = &options->query;
    switch (options->command) {
    case COMMAND_ALERTS:
        return query->follow ? query_follow(query) : query_alerts(query);
    case COMMAND_SHARE:
        return query_share(query);
    case COMMAND_TOP:
        return query_top(query);
    case COMMAND_WHATIF:
        return query_whatif(query);
    case COMMAND_CLIENTS:
        return query_clients(query);
    case COMMAND_EXPLAIN:
        return query_explain_alert(query, options->words[0]);
    case COMMAND_SENSORS:
        return query_sensors(query);
    case COMMAND_METRICS:
        return query_metrics(query);
    }
    return QUERY_FAILED;
}

static enum query_result run(struct ctl_options *options) {
    struct query *query = &options->query;
    if (options->command == COMMAND_EXPLAIN) {
        enum query_result result = query_explain_rule(query, options->words[0]);
        if (result != QUERY_NOTHING)
            return result;
    }
    query->asker = connect_redis(options);
    if (query->asker == NULL)
        return QUERY_FAILED;
    enum query_result result = ask(options);
    asker_delete(query->asker);
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

static struct sheet_style table_style(void) {
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    (void)setlocale(LC_CTYPE, "");
    return (struct sheet_style){
        .colour = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0') &&
                  (terminal == NULL || strcmp(terminal, "dumb") != 0),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = table_width(),
    };
}

int main(int argc, char **argv) {
    struct timespec now;
    struct ctl_options options = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    options.query.out = stdout;
    options.query.now_us = (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
    options.query.style = table_style();
    int status = ctl_options_read(&options, argc, argv);
    if (status != 0)
        return status > 0 ? QUERY_FOUND : QUERY_FAILED;
    enum query_result result = run(&options);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "downgrdctl: cannot write the output: %s\n", strerror(errno));
        return QUERY_FAILED;
    }
    return (int)result;
}
