/*
 * file_writer.c - see file_writer.h.
 *
 * The queue is a ring of bytes and a ring of names under one mutex. The thread writes the oldest
 * file out of the ring without the mutex: its bytes are not used again before it is done.
 */
#include "file_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { STOP_S = 5 };

struct waiting_file {
    char name[FILE_WRITER_NAME_SIZE];
    size_t size;
};

struct file_writer {
    int directory;
    void (*failed)(void *context, const char *name, int error);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    uint8_t *bytes;
    size_t size;
    size_t head;
    size_t used;
    struct waiting_file files[FILE_WRITER_FILES];
    size_t first;
    size_t count;
    bool is_stopping;
};

/* ---- one file ---- */

static int write_bytes(int descriptor, struct span bytes) {
    while (bytes.size > 0) {
        ssize_t written = write(descriptor, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes = span_from(bytes, (size_t)written);
    }
    return 0;
}

int file_write(int directory, const char *name, struct span first, struct span second) {
    char temporary[FILE_WRITER_NAME_SIZE + 32];
    (void)snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
    (void)unlinkat(directory, temporary, 0);
    int descriptor =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return -errno;
    int status = write_bytes(descriptor, first);
    if (status == 0)
        status = write_bytes(descriptor, second);
    if (close(descriptor) != 0 && status == 0)
        status = -errno;
    if (status == 0 && renameat(directory, temporary, directory, name) != 0)
        status = -errno;
    if (status != 0)
        (void)unlinkat(directory, temporary, 0);
    return status;
}

/* ---- the thread ---- */

/* With the mutex held, which is let go while it writes. */
static void write_oldest(struct file_writer *writer, bool is_too_late) {
    const struct waiting_file *file = &writer->files[writer->first];
    size_t to_end = writer->size - writer->head;
    size_t first = file->size < to_end ? file->size : to_end;
    (void)pthread_mutex_unlock(&writer->mutex);
    int status = is_too_late ? -ETIMEDOUT
                             : file_write(writer->directory, file->name,
                                          span_of(writer->bytes + writer->head, first),
                                          span_of(writer->bytes, file->size - first));
    if (status != 0)
        writer->failed(writer->context, file->name, -status);
    (void)pthread_mutex_lock(&writer->mutex);
    writer->head = (writer->head + file->size) % writer->size;
    writer->used -= file->size;
    writer->first = (writer->first + 1) % FILE_WRITER_FILES;
    writer->count--;
}

static time_t now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void *run(void *context) {
    struct file_writer *writer = context;
    time_t deadline = 0;
    (void)prctl(PR_SET_NAME, "evidence");
    (void)pthread_mutex_lock(&writer->mutex);
    while (!writer->is_stopping || writer->count > 0) {
        if (writer->is_stopping && deadline == 0)
            deadline = now_s() + STOP_S;
        if (writer->count > 0)
            write_oldest(writer, deadline != 0 && now_s() >= deadline);
        else
            (void)pthread_cond_wait(&writer->changed, &writer->mutex);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

/* ---- from outside ---- */

static void release(struct file_writer *writer) {
    (void)pthread_mutex_destroy(&writer->mutex);
    (void)pthread_cond_destroy(&writer->changed);
    free(writer->bytes);
    free(writer);
}

struct file_writer *file_writer_start(int directory, size_t bytes,
                                      void (*failed)(void *context, const char *name, int error),
                                      void *context) {
    struct file_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return NULL;
    writer->directory = directory;
    writer->failed = failed;
    writer->context = context;
    writer->size = bytes;
    writer->bytes = malloc(bytes);
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)pthread_cond_init(&writer->changed, NULL);
    int status =
        writer->bytes == NULL ? ENOMEM : pthread_create(&writer->thread, NULL, run, writer);
    if (status == 0)
        return writer;
    release(writer);
    errno = status;
    return NULL;
}

bool file_writer_put(struct file_writer *writer, const char *name, struct span bytes) {
    assert(strlen(name) < FILE_WRITER_NAME_SIZE);
    (void)pthread_mutex_lock(&writer->mutex);
    bool has_room = writer->count < FILE_WRITER_FILES && bytes.size <= writer->size - writer->used;
    if (has_room) {
        size_t at = (writer->head + writer->used) % writer->size;
        size_t first = bytes.size < writer->size - at ? bytes.size : writer->size - at;
        struct waiting_file *file =
            &writer->files[(writer->first + writer->count) % FILE_WRITER_FILES];
        memcpy(writer->bytes + at, bytes.data, first);
        memcpy(writer->bytes, bytes.data + first, bytes.size - first);
        memcpy(file->name, name, strlen(name) + 1);
        file->size = bytes.size;
        writer->used += bytes.size;
        writer->count++;
        (void)pthread_cond_signal(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return has_room;
}

void file_writer_stop(struct file_writer *writer) {
    if (writer == NULL)
        return;
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    (void)pthread_cond_signal(&writer->changed);
    (void)pthread_mutex_unlock(&writer->mutex);
    (void)pthread_join(writer->thread, NULL);
    release(writer);
}
