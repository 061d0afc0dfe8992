/*
 * history_file.h - what the judge remembers, in a file, so that it survives a restart.
 *
 * The file holds entries of tables (struct history_table), those that are still worth it: of
 * attempts the last hour's, of clients the last minutes', of servers all. It is written beside its
 * place and renamed, so there is always a whole one, the new or the old. A checksum covers it, and
 * its layout is named in it: what is damaged, or another version's, is never believed.
 */
#ifndef DOWNGRD_HISTORY_FILE_H
#define DOWNGRD_HISTORY_FILE_H

#include "lru_table.h"

/* One table: `slots` of it are at `entries`, each `entry_size` long and without pointers. */
struct history_table {
    struct lru_table *table; /* NULL: this run has none; its entries are not written, nor read */
    void *entries;
    size_t entry_size;
    /* Is it worth keeping at this time (the latest of any entry)? */
    bool (*is_worth)(const void *entry, uint64_t now_us);
    /* Could it have been written by a sensor? Asked of what was read. */
    bool (*is_sound)(const void *entry);
};

enum { HISTORY_MESSAGE_SIZE = 1024 };

/* `is_durable`: it is on the disk when the call returns; for the end of a run, since it may wait.
 * 0 or -errno; the old file stays then. */
int history_file_save(const char *path, const struct history_table *tables, size_t count,
                      uint64_t now_us, bool is_durable);

/*
 * Adds what the file holds to the tables. 0 when it did, or there is no file. Else -errno, nothing
 * is added, and `message` says what and why: -EBADMSG for a file that cannot be believed, which was
 * renamed to PATH.broken.
 */
int history_file_load(const char *path, const struct history_table *tables, size_t count,
                      char message[HISTORY_MESSAGE_SIZE]);

#endif
