/*
 * line_writer.c - see line_writer.h.
 *
 * The FILE is glibc's, with a write function of ours (fopencookie(3)), so that what prints need not
 * know. The queue is a ring of bytes under a mutex. The thread takes it piece by piece and writes
 * without the mutex. To pipes and terminals it writes small pieces, and only when they are ready,
 * so that no reader can hold it up for ever.
 */
#include "line_writer.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    STREAM_BYTES = 1 << 20, /* of the FILE's buffer: more than the longest line */
    PIECE_BYTES = 64 * 1024,
    RETRY_MS = 1000, /* between two tries of an output that failed */
    READY_MS = 200,  /* how long one wait for a pipe takes at most */
    STOP_S = 5,
};

struct line_writer {
    const char *name;
    const char *path; /* NULL: a descriptor of somebody else's */
    FILE *stream;
    char *stream_buffer;

    /* the thread's own, once it runs */
    pthread_t thread;
    bool is_running;
    int descriptor;
    bool is_regular;
    bool has_failed; /* and that was told */

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    char *queue;
    size_t size;
    size_t head;
    size_t used;
    bool is_mid_line; /* what was left out last did not end a line: neither does its rest go in */
    bool is_broken;   /* the reader has gone: nothing is written any more */
    bool wants_reopen;
    bool is_stopping;
    uint64_t lost;
};

static uint64_t count_lines(const char *text, size_t size) {
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* ---- the printing side ---- */

/* With the mutex held, as all of the queue's. */
static void queue_put(struct line_writer *writer, const char *text, size_t size) {
    size_t at = (writer->head + writer->used) % writer->size;
    size_t first = size < writer->size - at ? size : writer->size - at;
    memcpy(writer->queue + at, text, first);
    memcpy(writer->queue, text + first, size - first);
    writer->used += size;
}

static void take(struct line_writer *writer, const char *text, size_t size) {
    if (writer->is_mid_line) {
        const char *end = memchr(text, '\n', size);
        size_t rest = end != NULL ? (size_t)(end - text) + 1 : size;
        writer->lost += end != NULL;
        writer->is_mid_line = end == NULL;
        text += rest;
        size -= rest;
    }
    if (size == 0)
        return;
    if (size <= writer->size - writer->used && !writer->is_broken) {
        queue_put(writer, text, size);
        (void)pthread_cond_signal(&writer->changed);
    } else {
        writer->lost += count_lines(text, size);
        writer->is_mid_line = text[size - 1] != '\n';
    }
}

static ssize_t on_write(void *cookie, const char *text, size_t size) {
    struct line_writer *writer = cookie;
    (void)pthread_mutex_lock(&writer->mutex);
    take(writer, text, size);
    (void)pthread_mutex_unlock(&writer->mutex);
    return (ssize_t)size;
}

/* ---- the writing side ---- */

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

static void use_descriptor(struct line_writer *writer, int descriptor) {
    struct stat status;
    writer->descriptor = descriptor;
    writer->is_regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static void reopen(struct line_writer *writer) {
    int descriptor = writer->path != NULL ? open_file(writer->path) : -1;
    if (descriptor >= 0) {
        close(writer->descriptor);
        use_descriptor(writer, descriptor);
    } else if (writer->path != NULL) {
        log_write(LOG_LEVEL_ERROR, "output-reopen",
                  "%s cannot be opened again: %s; what was open is written on", writer->name,
                  strerror(errno));
    }
}

/* How many bytes went out, or -errno; 0 and -errno: to be tried again, but for -EPIPE. */
static ssize_t write_piece(struct line_writer *writer, const char *text, size_t size) {
    if (!writer->is_regular) {
        struct pollfd ready = {.fd = writer->descriptor, .events = POLLOUT};
        size = size < PIPE_BUF ? size : PIPE_BUF;
        if (poll(&ready, 1, READY_MS) <= 0)
            return 0;
    }
    ssize_t written = write(writer->descriptor, text, size);
    if (written < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    return written;
}

static void tell(struct line_writer *writer, ssize_t written) {
    if (written < 0 && !writer->has_failed)
        log_write(LOG_LEVEL_ERROR, "output-failed", "%s cannot be written: %s%s", writer->name,
                  strerror((int)-written),
                  written == -EPIPE ? "" : "; trying on, and keeping what there is room for");
    if (written > 0 && writer->has_failed)
        log_write(LOG_LEVEL_NOTICE, "output-works", "%s can be written again", writer->name);
    if (written != 0)
        writer->has_failed = written < 0;
}

/* With the mutex held: until something is to be done, or so long. */
static void wait_for_change(struct line_writer *writer, unsigned ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms * (uint64_t)1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&writer->changed, &writer->mutex, &until);
}

/* With the mutex held, which is let go while it writes: the oldest bytes. */
static void write_oldest(struct line_writer *writer, char piece[PIECE_BYTES]) {
    size_t size = writer->size - writer->head;
    size = writer->used < size ? writer->used : size;
    size = size < PIECE_BYTES ? size : PIECE_BYTES;
    memcpy(piece, writer->queue + writer->head, size);
    (void)pthread_mutex_unlock(&writer->mutex);
    ssize_t written = write_piece(writer, piece, size);
    tell(writer, written);
    (void)pthread_mutex_lock(&writer->mutex);
    if (written > 0) {
        writer->head = (writer->head + (size_t)written) % writer->size;
        writer->used -= (size_t)written;
    } else {
        writer->is_broken = written == -EPIPE;
        wait_for_change(writer, written == 0 || writer->is_stopping ? READY_MS : RETRY_MS);
    }
}

/* What is still there when it is over, or when nobody reads any more. */
static void lose_all(struct line_writer *writer) {
    for (; writer->used > 0; writer->used--) {
        writer->lost += writer->queue[writer->head] == '\n';
        writer->head = (writer->head + 1) % writer->size;
    }
}

static void *run(void *context) {
    struct line_writer *writer = context;
    char piece[PIECE_BYTES];
    struct timespec now;
    time_t deadline = 0;
    (void)prctl(PR_SET_NAME, "writer");
    (void)pthread_mutex_lock(&writer->mutex);
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (writer->is_stopping && deadline == 0)
            deadline = now.tv_sec + STOP_S;
        if (writer->is_broken || (writer->is_stopping && now.tv_sec >= deadline))
            lose_all(writer);
        if (writer->is_stopping && writer->used == 0)
            break;
        if (writer->wants_reopen) {
            writer->wants_reopen = false;
            (void)pthread_mutex_unlock(&writer->mutex);
            reopen(writer);
            (void)pthread_mutex_lock(&writer->mutex);
        }
        if (writer->used == 0)
            wait_for_change(writer, RETRY_MS);
        else
            write_oldest(writer, piece);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

/* ---- beginning and end ---- */

static struct line_writer *new_writer(size_t queue_bytes) {
    struct line_writer *writer = calloc(1, sizeof *writer);
    pthread_condattr_t attributes;
    if (writer == NULL)
        return NULL;
    const cookie_io_functions_t functions = {.write = on_write};
    writer->descriptor = -1;
    writer->size = queue_bytes > LINE_WRITER_MIN_BYTES ? queue_bytes : LINE_WRITER_MIN_BYTES;
    writer->queue = malloc(writer->size);
    writer->stream_buffer = malloc(STREAM_BYTES);
    writer->stream = fopencookie(writer, "w", functions);
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&writer->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (writer->queue == NULL || writer->stream_buffer == NULL || writer->stream == NULL) {
        line_writer_delete(writer);
        errno = ENOMEM;
        return NULL;
    }
    (void)setvbuf(writer->stream, writer->stream_buffer, _IOFBF, STREAM_BYTES);
    return writer;
}

struct line_writer *line_writer_open(const char *path, size_t queue_bytes) {
    int descriptor = open_file(path);
    if (descriptor < 0)
        return NULL;
    struct line_writer *writer = new_writer(queue_bytes);
    if (writer == NULL) {
        close(descriptor);
        return NULL;
    }
    writer->name = path;
    writer->path = path;
    use_descriptor(writer, descriptor);
    return writer;
}

struct line_writer *line_writer_attach(int descriptor, const char *name, size_t queue_bytes) {
    struct line_writer *writer = new_writer(queue_bytes);
    if (writer == NULL)
        return NULL;
    writer->name = name;
    use_descriptor(writer, descriptor);
    return writer;
}

void line_writer_delete(struct line_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->stream != NULL)
        (void)fclose(writer->stream);
    if (writer->path != NULL && writer->descriptor >= 0)
        close(writer->descriptor);
    (void)pthread_mutex_destroy(&writer->mutex);
    (void)pthread_cond_destroy(&writer->changed);
    free(writer->stream_buffer);
    free(writer->queue);
    free(writer);
}

FILE *line_writer_stream(struct line_writer *writer) {
    return writer->stream;
}

int line_writer_start(struct line_writer *writer) {
    int status = pthread_create(&writer->thread, NULL, run, writer);
    writer->is_running = status == 0;
    return -status;
}

void line_writer_reopen(struct line_writer *writer) {
    (void)pthread_mutex_lock(&writer->mutex);
    writer->wants_reopen = true;
    (void)pthread_cond_signal(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
}

void line_writer_stop(struct line_writer *writer) {
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    (void)pthread_cond_signal(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
    if (writer->is_running)
        (void)pthread_join(writer->thread, NULL);
    writer->is_running = false;
}

uint64_t line_writer_lost(struct line_writer *writer) {
    (void)pthread_mutex_lock(&writer->mutex);
    uint64_t lost = writer->lost;
    (void)pthread_mutex_unlock(&writer->mutex);
    return lost;
}
