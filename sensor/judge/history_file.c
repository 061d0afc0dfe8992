/*
 * history_file.c - writing and reading the judge's memory (history_file.h).
 *
 * A header, then each table: how many entries, and the entries with their hashes, in every set of a
 * table from the one used longest ago to the one used last, so that a smaller table that reads them
 * forgets the right ones. The checksum over all stands at the end. Numbers are the machine's own: a
 * file that comes from another kind of machine has another layout, and is not read.
 */
#define _POSIX_C_SOURCE 200809L

#include "history_file.h"

#include "cache_line.h"
#include "siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "DGhist4";

enum { WRITE_BUFFER = 1 << 16, MOST_BYTES = 1 << 30, LANE_LAYOUT = 32, LANE_CONTENT };

struct file_header {
    char magic[8];
    uint64_t layout;
};

struct writer {
    FILE *file;
    uint64_t checksum;
};

static uint64_t layout_of(const struct history_table *tables, size_t count) {
    uint64_t layout = LANE_LAYOUT;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = tables[i].entry_size;
        layout = siphash(&size, sizeof size, layout);
    }
    return layout;
}

/* ---- writing ---- */

static void put(struct writer *writer, const void *bytes, size_t size) {
    writer->checksum = siphash(bytes, size, writer->checksum);
    (void)fwrite(bytes, 1, size, writer->file); /* ferror() is asked at the end */
}

static const uint8_t *entry_at(const struct history_table *table, size_t slot) {
    return (const uint8_t *)table->entries + slot * table->entry_size;
}

/* How many are worth it. */
static uint64_t count_kept(const struct history_table *table, uint64_t now_us) {
    uint64_t count = 0;
    for (size_t slot = 0; slot < lru_table_count(table->table); slot++)
        count += table->is_worth(entry_at(table, slot), now_us);
    return count;
}

static void put_entry(struct writer *writer, const struct history_table *table, size_t slot) {
    uint64_t hash = lru_table_hash(table->table, slot);
    put(writer, &hash, sizeof hash);
    put(writer, entry_at(table, slot), table->entry_size);
}

static void put_table(struct writer *writer, const struct history_table *table, uint64_t now_us) {
    uint64_t count = table->table != NULL ? count_kept(table, now_us) : 0;
    put(writer, &count, sizeof count);
    for (size_t set = 0; count != 0 && set < lru_table_sets(table->table); set++) {
        size_t slots[LRU_SET_SIZE];
        size_t used = lru_table_set(table->table, set, slots);
        for (size_t i = 0; i < used; i++)
            if (table->is_worth(entry_at(table, slots[i]), now_us))
                put_entry(writer, table, slots[i]);
    }
}

static int write_all(FILE *file, const struct history_table *tables, size_t count, uint64_t now_us,
                     bool is_durable) {
    struct writer writer = {.file = file, .checksum = LANE_CONTENT};
    struct file_header header = {.layout = layout_of(tables, count)};
    memcpy(header.magic, magic, sizeof magic);
    (void)setvbuf(file, NULL, _IOFBF, WRITE_BUFFER);
    put(&writer, &header, sizeof header);
    for (size_t i = 0; i < count; i++)
        put_table(&writer, &tables[i], now_us);
    uint64_t checksum = writer.checksum;
    put(&writer, &checksum, sizeof checksum);
    if (fflush(file) != 0 || ferror(file))
        return errno != 0 ? -errno : -EIO;
    return is_durable && fdatasync(fileno(file)) != 0 ? -errno : 0;
}

int history_file_save(const char *path, const struct history_table *tables, size_t count,
                      uint64_t now_us, bool is_durable) {
    char beside[PATH_MAX];
    int length = snprintf(beside, sizeof beside, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof beside)
        return -ENAMETOOLONG;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        int error = errno;
        if (fd >= 0)
            (void)close(fd);
        return -error;
    }
    errno = 0;
    int status = write_all(file, tables, count, now_us, is_durable);
    if (fclose(file) != 0 && status == 0)
        status = -errno;
    if (status == 0 && rename(beside, path) != 0)
        status = -errno;
    if (status != 0)
        (void)unlink(beside);
    return status;
}

/* ---- reading ---- */

struct image {
    uint8_t *bytes;
    size_t size;
    size_t at;
    uint64_t checksum;
};

/* The next bytes; NULL when there are not as many. */
static const uint8_t *take(struct image *image, size_t size) {
    const uint8_t *bytes = image->bytes + image->at;
    if (size > image->size - image->at)
        return NULL;
    image->checksum = siphash(bytes, size, image->checksum);
    image->at += size;
    return bytes;
}

static bool take_number(struct image *image, uint64_t *number) {
    const uint8_t *bytes = take(image, sizeof *number);
    if (bytes != NULL)
        memcpy(number, bytes, sizeof *number);
    return bytes != NULL;
}

/* One table's entries, each copied to `entry`; added, or only looked at. */
static bool take_table(struct image *image, const struct history_table *table, bool is_added,
                       void *entry) {
    uint64_t count = 0;
    if (!take_number(image, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = 0;
        const uint8_t *bytes = take_number(image, &hash) ? take(image, table->entry_size) : NULL;
        if (bytes == NULL)
            return false;
        memcpy(entry, bytes, table->entry_size);
        if (!table->is_sound(entry))
            return false;
        if (!is_added || table->table == NULL)
            continue;
        bool is_new = false;
        size_t slot = lru_table_touch(table->table, hash, &is_new);
        memcpy((uint8_t *)table->entries + slot * table->entry_size, entry, table->entry_size);
    }
    return true;
}

/* NULL when all of it could be read, else what is wrong. Adds only on the second round. */
static const char *walk(struct image *image, const struct history_table *tables, size_t count,
                        bool is_added) {
    struct file_header header;
    size_t largest = 1; /* entries may be aligned to cache lines */
    image->at = 0;
    image->checksum = LANE_CONTENT;
    const uint8_t *bytes = take(image, sizeof header);
    if (bytes != NULL)
        memcpy(&header, bytes, sizeof header);
    if (bytes == NULL || memcmp(header.magic, magic, sizeof magic) != 0)
        return "it is no history of downgrd";
    if (header.layout != layout_of(tables, count))
        return "another version of downgrd wrote it";
    for (size_t i = 0; i < count; i++)
        largest = tables[i].entry_size > largest ? tables[i].entry_size : largest;
    void *entry = aligned_alloc(CACHE_LINE, (largest + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    bool is_good = entry != NULL;
    for (size_t i = 0; i < count && is_good; i++)
        is_good = take_table(image, &tables[i], is_added, entry);
    free(entry);
    uint64_t checksum = image->checksum;
    uint64_t written = 0;
    if (!is_good || !take_number(image, &written) || written != checksum ||
        image->at != image->size)
        return "it is damaged";
    return NULL;
}

static int read_image(int fd, struct image *image) {
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size > MOST_BYTES)
        return -EINVAL;
    image->size = (size_t)status.st_size;
    image->bytes = malloc(image->size + 1);
    if (image->bytes == NULL)
        return -ENOMEM;
    size_t have = 0;
    while (have < image->size) {
        ssize_t count = read(fd, image->bytes + have, image->size - have);
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        have += (size_t)count;
    }
    image->size = have;
    return 0;
}

static int set_aside(const char *path, const char *flaw, char message[HISTORY_MESSAGE_SIZE]) {
    char broken[PATH_MAX];
    int length = snprintf(broken, sizeof broken, "%s.broken", path);
    bool is_moved = length > 0 && (size_t)length < sizeof broken && rename(path, broken) == 0;
    (void)snprintf(message, HISTORY_MESSAGE_SIZE,
                   "%.400s: %s: %s; what earlier runs learned of servers is not known now", path,
                   flaw, is_moved ? "it was renamed to .broken" : "it cannot be renamed");
    return -EBADMSG;
}

int history_file_load(const char *path, const struct history_table *tables, size_t count,
                      char message[HISTORY_MESSAGE_SIZE]) {
    struct image image = {0};
    message[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    int status = fd >= 0 ? read_image(fd, &image) : -errno;
    if (fd >= 0)
        (void)close(fd);
    const char *flaw = status == 0 ? walk(&image, tables, count, false) : NULL;
    if (status != 0)
        (void)snprintf(message, HISTORY_MESSAGE_SIZE,
                       "%.400s: %s; name another directory (--state)", path,
                       status == -EINVAL ? "it is no file of history" : strerror(-status));
    else if (flaw != NULL)
        status = set_aside(path, flaw, message);
    else
        (void)walk(&image, tables, count, true);
    free(image.bytes);
    return status;
}
