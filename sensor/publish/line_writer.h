/*
 * line_writer.h - output that may block, on a thread of its own: the EVE file and the terminal of a
 * live sensor, each with a writer.
 *
 * Whoever prints gets a FILE, as always; what is flushed out of it goes into a queue of fixed size
 * and never waits. When the queue is full, whole lines are left out and counted. A disk that is
 * full (or gone) is told once, written to again every second, and told again when it works; until
 * then the queue holds what it can. Files are appended to, and opened again under their name when
 * somebody has moved them away (logrotate).
 */
#ifndef DOWNGRD_LINE_WRITER_H
#define DOWNGRD_LINE_WRITER_H

#include <stdint.h>
#include <stdio.h>

enum { LINE_WRITER_MIN_BYTES = 64 * 1024 };

struct line_writer;

/* To a file, or to a descriptor that is open already and stays so (`name` is for messages). A queue
 * of so many bytes, LINE_WRITER_MIN_BYTES at least. NULL and errno on failure. */
struct line_writer *line_writer_open(const char *path, size_t queue_bytes);
struct line_writer *line_writer_attach(int descriptor, const char *name, size_t queue_bytes);
/* Not before line_writer_stop(). Closes the stream, too. */
void line_writer_delete(struct line_writer *writer);

/* Where to print: one thread may, and flushes when its lines are whole. */
FILE *line_writer_stream(struct line_writer *writer);

int line_writer_start(struct line_writer *writer); /* 0 or -errno */
/* Opens the file again by its path; when it cannot be opened the old one stays, and that is told.
 * Does not wait. */
void line_writer_reopen(struct line_writer *writer);
/* Writes what is in the queue, for five seconds at most, and ends the thread. What could not be
 * written is counted as lost. */
void line_writer_stop(struct line_writer *writer);

/* Lines that were left out so far; from any thread. */
uint64_t line_writer_lost(struct line_writer *writer);

#endif
