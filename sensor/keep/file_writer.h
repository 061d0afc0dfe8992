/*
 * file_writer.h - small files into one directory: whoever looks sees the old file of a name, the
 * new one, or none.
 *
 * A replay writes each at once. A live sensor must not wait for a disk: there they go into a queue
 * of fixed size, and a thread writes them, in their order. What there is no room for is refused.
 */
#ifndef DOWNGRD_FILE_WRITER_H
#define DOWNGRD_FILE_WRITER_H

#include "span.h"

struct file_writer;

enum {
    FILE_WRITER_NAME_SIZE = 64,
    FILE_WRITER_FILES = 256, /* that wait at most */
};

/* 0 or -errno; nothing is left behind then. `first` and `second` are the file's bytes. */
int file_write(int directory, const char *name, struct span first, struct span second);

/*
 * A queue of so many bytes, and its thread. `failed` is called on that thread for each file that
 * could not be written. `directory` and `context` are borrowed. NULL and errno on failure.
 */
struct file_writer *file_writer_start(int directory, size_t bytes,
                                      void (*failed)(void *context, const char *name, int error),
                                      void *context);
/* Takes a copy; false when there is no room. One thread may. The name has less than
 * FILE_WRITER_NAME_SIZE letters. */
bool file_writer_put(struct file_writer *writer, const char *name, struct span bytes);
/* Writes what waits, for five seconds at most; what is left then has failed. */
void file_writer_stop(struct file_writer *writer);

#endif
