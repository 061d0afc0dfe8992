/*
 * evidence_files.h - DIR/ID.pcapng for each alert that is shown: the packets it speaks of, with a
 * comment on each one that matters.
 *
 * The file's name is the alert's id (hex digits), so nothing from the wire gets into a path. The
 * section's comment tells the alert; a packet's comment what was expected and observed in it; the
 * packet id is the packet's number in the capture. The same capture gives the same bytes.
 *
 * Bounded: CHOICE_MAX_FRAMES packets and CHOICE_MAX_BYTES bytes of them an alert, and so many files
 * and bytes a run. Past that, alerts go on without a file, and are counted. A file of that name is
 * replaced at once or not at all; no other file is touched. What cannot be written is said once on
 * stderr and counted: it stops nothing.
 *
 * A replay writes a file before it shows the alert. A live sensor does not wait for the disk: the
 * file comes a moment after the alert that names it.
 */
#ifndef DOWNGRD_EVIDENCE_FILES_H
#define DOWNGRD_EVIDENCE_FILES_H

#include "packet_ring.h"
#include "verdict.h"

enum { EVIDENCE_MAX_RINGS = 32 };

struct evidence_config {
    const char *dir;  /* NULL: no files are kept; made (0700) when it is not there */
    size_t max_files; /* a run: 1000 */
    size_t max_bytes; /* of all files of a run: 256 MiB */
    size_t memory;    /* for the latest packets, of all taps together: 64 MiB */
    bool all_classes; /* policy and info alerts get a file too: false */
    bool is_daily; /* a run may last for months: the bounds are those of a day (UTC, packet time) */
};
void evidence_default_config(struct evidence_config *config);

struct evidence_files;

/* For so many taps (1 to EVIDENCE_MAX_RINGS). NULL and errno: the directory cannot be made or
 * opened, or there is not enough memory. */
struct evidence_files *evidence_files_new(const struct evidence_config *config, size_t taps);
void evidence_files_delete(struct evidence_files *files);

/* From now on files are written by a thread; 0 or -errno. */
int evidence_files_start(struct evidence_files *files);
/* Ends it: within about five seconds what waits is written, or has failed. */
void evidence_files_stop(struct evidence_files *files);
/* Files that the thread could not write, though their alerts name them; from any thread. */
uint64_t evidence_files_late(const struct evidence_files *files);

const struct sink *evidence_files_sink(struct evidence_files *files);
/* Where a tap's frames are to be put. Each is to begin with a source of its own. */
struct packet_ring *evidence_files_ring(struct evidence_files *files, size_t tap);

struct evidence_counts {
    uint64_t written;
    uint64_t bytes;
    uint64_t past_bounds; /* alerts without a file: the run has all the files or bytes that it may
                             have, memory was too small for any packet of theirs, or too many files
                             wait for the disk */
    uint64_t failed;      /* alerts without a file: it could not be written */
};
struct evidence_counts evidence_files_counts(const struct evidence_files *files);

#endif
