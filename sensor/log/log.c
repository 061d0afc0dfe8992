/*
 * log.c - the kinds there are, their budgets, and the writing (log.h).
 *
 * One mutex guards the table and orders the lines. It is held during the write, so a stderr that
 * blocks (a full pipe that nobody reads) blocks who logs: the packet path counts and does not log.
 */
#include "log_line.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int level_limit = LOG_LEVEL_NOTICE;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_journal;
static struct log_kind kinds[LOG_MAX_KINDS]; /* the last is all others' */
static uint64_t suppressed_total;

/* JOURNAL_STREAM is "device:inode" of the stream that systemd gave; whoever redirected stderr
 * afterwards has another one. */
static void find_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];
    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return;
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    is_journal = strcmp(own, stream) == 0;
}

static uint64_t now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* Whole or not at all, as far as the kernel lets it: a line is below PIPE_BUF. */
static void write_line(enum log_level level, const char *message, uint64_t suppressed) {
    char line[LOG_MAX_LINE];
    size_t length = log_line_format(line, level, is_journal, message, suppressed);
    while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR) {
    }
}

static struct log_kind *find_kind(const char *name, enum log_level level) {
    size_t i = 0;
    while (i < LOG_MAX_KINDS - 1 && kinds[i].name != NULL && strcmp(kinds[i].name, name) != 0)
        i++;
    struct log_kind *kind = &kinds[i];
    if (kind->name == NULL) {
        *kind = (struct log_kind){.name = i < LOG_MAX_KINDS - 1 ? name : "others",
                                  .allowance = LOG_BURST,
                                  .filled_s = now_s()};
    }
    kind->level = level;
    return kind;
}

void log_set_level(enum log_level level) {
    atomic_store(&level_limit, level);
}

bool log_is_on(enum log_level level) {
    return (int)level <= atomic_load(&level_limit);
}

void log_write(enum log_level level, const char *kind_name, const char *format, ...) {
    int error = errno;
    char message[LOG_MAX_LINE];
    uint64_t suppressed = 0;
    va_list arguments;
    if (!log_is_on(level))
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pthread_once(&once, find_journal);
    pthread_mutex_lock(&mutex);
    if (log_kind_admit(find_kind(kind_name, level), now_s(), &suppressed))
        write_line(level, message, suppressed);
    else
        suppressed_total++;
    pthread_mutex_unlock(&mutex);
    errno = error;
}

void log_flush(void) {
    pthread_once(&once, find_journal);
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < LOG_MAX_KINDS && kinds[i].name != NULL; i++) {
        char message[LOG_MAX_LINE];
        if (kinds[i].suppressed == 0)
            continue;
        snprintf(message, sizeof message, "%s: %llu more messages were held back", kinds[i].name,
                 (unsigned long long)kinds[i].suppressed);
        kinds[i].suppressed = 0;
        write_line(kinds[i].level, message, 0);
    }
    pthread_mutex_unlock(&mutex);
}

uint64_t log_suppressed(void) {
    pthread_mutex_lock(&mutex);
    uint64_t count = suppressed_total;
    pthread_mutex_unlock(&mutex);
    return count;
}
