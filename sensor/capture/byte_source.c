#include "byte_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_SIZE = 128 * 1024, FAILURE_SIZE = 160 };

struct byte_source {
    int descriptor;
    bool has_ended; /* the descriptor gives no more */
    bool is_truncated;
    struct span input; /* in `block`: what came in and was not handed out yet */
    struct unpacker *unpacker;
    enum packing packing;
    uint64_t taken;
    uint64_t promised;          /* how many bytes a regular file had at the start; else 0 */
    char failure[FAILURE_SIZE]; /* empty while there is none */
    uint8_t block[INPUT_SIZE];
};

static void set_failure(struct byte_source *source, const char *reason) {
    if (source->failure[0] == '\0')
        snprintf(source->failure, sizeof source->failure, "%s", reason);
}

static void set_truncated(struct byte_source *source, const char *reason) {
    source->is_truncated = source->failure[0] == '\0';
    set_failure(source, reason);
}

/* How many bytes there are from here on, if that can be known; else 0. */
static uint64_t bytes_promised(int descriptor) {
    struct stat status;
    off_t at = lseek(descriptor, 0, SEEK_CUR);
    bool is_known = at >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    return is_known && status.st_size > at ? (uint64_t)(status.st_size - at) : 0;
}

/* One read, as far as it gets. 0 at the end and when reading fails. */
static size_t read_some(struct byte_source *source, uint8_t *to, size_t size) {
    while (!source->has_ended) {
        ssize_t got = read(source->descriptor, to, size);
        if (got > 0) {
            source->taken += (uint64_t)got;
            return (size_t)got;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            /* Somebody else made this pipe non-blocking. */
            struct pollfd wanted = {.fd = source->descriptor, .events = POLLIN};
            poll(&wanted, 1, -1);
            continue;
        }
        source->has_ended = true;
        if (got < 0)
            set_failure(source, strerror(errno));
        else if (source->taken < source->promised)
            set_truncated(source, "the file became shorter while it was read");
    }
    return 0;
}

struct byte_source *byte_source_new(int descriptor) {
    struct byte_source *source = malloc(sizeof *source);
    if (source == NULL) {
        close(descriptor);
        return NULL;
    }
    memset(source, 0,
           offsetof(struct byte_source, block)); /* the rest is written before it is read */
    source->descriptor = descriptor;
    source->promised = bytes_promised(descriptor);
    size_t size = 0;
    while (size < PACKING_MAGIC_SIZE && !source->has_ended)
        size += read_some(source, source->block + size, INPUT_SIZE - size);
    source->input = span_of(source->block, size);
    source->packing = packing_of(source->input);
    if (source->packing == PACKING_NONE)
        return source;
    source->unpacker = unpacker_new(source->packing);
    if (source->unpacker == NULL) {
        byte_source_delete(source);
        return NULL;
    }
    return source;
}

void byte_source_delete(struct byte_source *source) {
    if (source == NULL)
        return;
    unpacker_delete(source->unpacker);
    close(source->descriptor);
    free(source);
}

static size_t read_plain(struct byte_source *source, uint8_t *to, size_t size) {
    struct span first = span_first(source->input, size);
    if (first.size == 0)
        return read_some(source, to, size);
    memcpy(to, first.data, first.size);
    source->input = span_from(source->input, first.size);
    return first.size;
}

static size_t read_unpacked(struct byte_source *source, uint8_t *to, size_t size) {
    for (;;) {
        if (source->input.size == 0)
            source->input = span_of(source->block, read_some(source, source->block, INPUT_SIZE));
        size_t before = source->input.size;
        size_t got = unpacker_step(source->unpacker, &source->input, to, size);
        if (got > 0)
            return got;
        const char *failure = unpacker_failure(source->unpacker);
        if (failure != NULL) {
            set_failure(source, failure);
            return 0;
        }
        if (source->input.size < before)
            continue;
        if (!unpacker_may_end(source->unpacker) && source->failure[0] == '\0')
            set_truncated(source, "the compressed data end too early");
        return 0;
    }
}

size_t byte_source_read(struct byte_source *source, uint8_t *to, size_t size) {
    return source->unpacker ? read_unpacked(source, to, size) : read_plain(source, to, size);
}

const char *byte_source_failure(const struct byte_source *source) {
    return source->failure[0] ? source->failure : NULL;
}

bool byte_source_is_truncated(const struct byte_source *source) {
    return source->is_truncated;
}

enum packing byte_source_packing(const struct byte_source *source) {
    return source->packing;
}

uint64_t byte_source_taken(const struct byte_source *source) {
    return source->taken;
}
