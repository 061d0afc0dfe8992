/*
 * eve.c - EVE lines to a file: opening, writing, and remembering what failed.
 *
 * The first write that fails ends the file: what is there are whole lines (but for the last one),
 * and eve_finish() tells the caller why. Replay goes on, since the other sinks still want its
 * results. Lines are gathered in a large buffer that is flushed when a source ends.
 */
#include "digest.h"
#include "eve_lines.h"
#include "fingerprint.h"
#include "publish.h"

#include <errno.h>
#include <stdlib.h>

enum { EVE_BUFFER_SIZE = 64 * 1024 };

struct eve {
    FILE *out;
    bool is_own; /* to be closed */
    int error;   /* errno of the first failure; 0 */
    struct eve_writer writer;
    struct sink sink;
};

static void remember_error(struct eve *eve, int error) {
    if (eve->error == 0)
        eve->error = error ? error : EIO;
}

/* `line` is NULL when memory ran out while it was made. */
static void write_line(struct eve *eve, const char *line, size_t size) {
    if (eve->error != 0)
        return;
    errno = 0;
    if (!line)
        remember_error(eve, ENOMEM);
    else if (fwrite(line, 1, size, eve->out) != size || putc('\n', eve->out) == EOF)
        remember_error(eve, errno);
}

/* A dialogue that came to no TLS is no handshake: only an alert may speak of it. */
static void on_handshake(void *context, const struct verdict *verdict) {
    struct eve *eve = context;
    size_t size = 0;
    if (!handshake_has_hello(verdict->handshake))
        return;
    const char *line = eve_write_tls(&eve->writer, verdict, &size);
    write_line(eve, line, size);
}

static void on_alert(void *context, const struct alert *alert) {
    struct eve *eve = context;
    size_t size = 0;
    const char *line = eve_write_alert(&eve->writer, alert, &size);
    write_line(eve, line, size);
}

static void flush(struct eve *eve) {
    errno = 0;
    if (eve->error == 0 && fflush(eve->out) != 0)
        remember_error(eve, errno);
}

static void on_source_end(void *context, const struct source *source,
                          const struct run_stats *stats) {
    struct eve *eve = context;
    size_t size = 0;
    const char *line = eve_write_stats(&eve->writer, source, stats, &size);
    write_line(eve, line, size);
    flush(eve);
}

static void on_stats(void *context, const struct source *source, const struct run_stats *stats) {
    on_source_end(context, source, stats);
}

static void eve_delete(struct eve *eve) {
    fingerprinter_delete(eve->writer.fingerprinter);
    digest_delete(eve->writer.sha1);
    json_deinit(&eve->writer.json);
    free(eve);
}

static struct eve *new_eve(void) {
    struct eve *eve = calloc(1, sizeof(*eve));
    if (!eve)
        return NULL;
    json_init(&eve->writer.json);
    eve->writer.sha1 = digest_new("SHA1");
    eve->writer.fingerprinter = fingerprinter_new();
    if (!eve->writer.fingerprinter) {
        eve_delete(eve);
        return NULL;
    }
    eve->sink = (struct sink){.context = eve,
                              .tells_applications = true,
                              .handshake = on_handshake,
                              .alert = on_alert,
                              .source_end = on_source_end,
                              .stats = on_stats};
    return eve;
}

struct eve *eve_new(const char *path) {
    struct eve *eve = new_eve();
    if (!eve) {
        errno = ENOMEM;
        return NULL;
    }
    eve->out = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");
    if (!eve->out) {
        int error = errno;
        eve_delete(eve);
        errno = error;
        return NULL;
    }
    eve->is_own = eve->out != stdout;
    (void)setvbuf(eve->out, NULL, _IOFBF, EVE_BUFFER_SIZE);
    return eve;
}

struct eve *eve_new_on(FILE *out) {
    struct eve *eve = new_eve();
    if (eve)
        eve->out = out;
    return eve;
}

const struct sink *eve_sink(struct eve *eve) {
    return &eve->sink;
}

const char *eve_format_alert(struct eve *eve, const struct alert *alert, size_t *size) {
    return eve_write_alert(&eve->writer, alert, size);
}

int eve_finish(struct eve *eve) {
    flush(eve);
    errno = 0;
    if (eve->is_own && fclose(eve->out) != 0)
        remember_error(eve, errno);
    int error = eve->error;
    eve_delete(eve);
    return -error;
}
