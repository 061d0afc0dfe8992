/*
 * journal_file.c - opening a journal: where it is, whose it is, whether it can be believed.
 *
 * The lock on the file says that no other process writes it, and ends with the process. Room on the
 * disk is taken at once: a mapped page that the disk has no room for would be a deadly signal
 * later.
 */
#include "journal_file.h"

#include "siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "DGjourn1";

enum { ATTEMPTS = 4, BATCHES_BYTES = JOURNAL_BATCHES * sizeof(struct journal_batch_slot) };

_Static_assert(sizeof(struct journal_header) <= JOURNAL_HEADER_BYTES, "the header is one page");

struct place {
    char path[PATH_MAX];
    const char *sensor;
    size_t bytes;
    char *message; /* JOURNAL_MESSAGE_SIZE */
};

static void tell(const struct place *place, const char *what, const char *remedy) {
    (void)snprintf(place->message, JOURNAL_MESSAGE_SIZE, "%.400s: %.470s%.120s", place->path, what,
                   remedy);
}

bool journal_default_dir(char *path, size_t size) {
    const char *given = getenv("STATE_DIRECTORY");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length = -1;
    if (given != NULL && given[0] == '/')
        length = snprintf(path, size, "%.*s", (int)strcspn(given, ":"), given);
    else if (geteuid() == 0)
        length = snprintf(path, size, "/var/lib/downgrd");
    else if (state != NULL && state[0] == '/')
        length = snprintf(path, size, "%s/downgrd", state);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/.local/state/downgrd", home);
    return length > 0 && (size_t)length < size;
}

int journal_make_dir(const char *dir) {
    char path[PATH_MAX];
    size_t size = strlen(dir);
    if (size == 0 || size >= sizeof path)
        return -ENAMETOOLONG;
    memcpy(path, dir, size + 1);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return -errno;
        if (slash == NULL)
            return 0;
        *slash = '/';
    }
}

static void set_parts(struct journal *journal, uint8_t *mapped) {
    journal->header = (struct journal_header *)mapped;
    journal->slots = (struct journal_batch_slot *)(mapped + JOURNAL_HEADER_BYTES);
    journal->ring = mapped + JOURNAL_HEADER_BYTES + BATCHES_BYTES;
    journal->ring_bytes = journal->mapped - JOURNAL_HEADER_BYTES - BATCHES_BYTES;
}

static int map_file(struct journal *journal, size_t size) {
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, journal->file, 0);
    if (mapped == MAP_FAILED || mapped == NULL)
        return -ENOMEM;
    journal->mapped = size;
    set_parts(journal, mapped);
    return 0;
}

static int fill_new(struct journal *journal, const struct place *place) {
    size_t size = JOURNAL_HEADER_BYTES + BATCHES_BYTES + place->bytes;
    uint8_t bytes[(JOURNAL_JOURNAL_ID_SIZE - 1) / 2];
    int error = posix_fallocate(journal->file, 0, (off_t)size);
    if (error != 0)
        return -error;
    int status = map_file(journal, size);
    if (status != 0)
        return status;
    struct journal_fixed *fixed = &journal->header->fixed;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -EIO;
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(fixed->id + 2 * i, 3, "%02x", bytes[i]);
    (void)snprintf(fixed->sensor, sizeof fixed->sensor, "%s", place->sensor);
    fixed->layout = journal_layout();
    fixed->ring_bytes = place->bytes;
    memcpy(fixed->magic, magic, sizeof magic);
    journal->header->checksum = siphash(fixed, sizeof *fixed, 0);
    return 0;
}

/* All records from the tail to the head, each with its checksum. */
static bool ring_is_sound(const struct journal *journal) {
    uint64_t head = journal_head(journal);
    uint64_t at = journal_tail(journal);
    uint64_t published = journal->header->acknowledged;
    if (at > head || head - at > journal->ring_bytes || published > head || head % 8 != 0 ||
        at % 8 != 0)
        return false;
    while (at < head) {
        struct journal_frame frame;
        at = journal_skip_end(journal, at);
        if (at == head)
            break;
        uint64_t offset = at % journal->ring_bytes;
        memcpy(&frame, journal->ring + offset, sizeof frame);
        uint64_t bytes = journal_frame_bytes(frame.size);
        if (frame.position != at || bytes > head - at || bytes > journal->ring_bytes - offset ||
            frame.kind > JOURNAL_STATS)
            return false;
        const uint8_t *payload = journal->ring + offset + sizeof frame;
        if (frame.kind != JOURNAL_PAD && frame.checksum != journal_frame_checksum(&frame, payload))
            return false;
        at += bytes;
    }
    return at == head;
}

/* NULL when the file can be believed, else why not. */
static const char *flaw_of(const struct journal *journal, const struct place *place) {
    const struct journal_fixed *fixed = &journal->header->fixed;
    if (memcmp(fixed->magic, magic, sizeof magic) != 0)
        return "it is no journal of downgrd";
    if (journal->header->checksum != siphash(fixed, sizeof *fixed, 0) ||
        fixed->ring_bytes != journal->ring_bytes ||
        memchr(fixed->sensor, '\0', sizeof fixed->sensor) == NULL ||
        memchr(fixed->id, '\0', sizeof fixed->id) == NULL)
        return "its header is damaged";
    if (fixed->layout != journal_layout())
        return "another version of downgrd wrote it";
    if (strcmp(fixed->sensor, place->sensor) != 0)
        return "it is another sensor's";
    if (!ring_is_sound(journal) || !journal_batches_are_sound(journal))
        return "its content is damaged";
    return NULL;
}

static int set_aside(const struct place *place, const char *flaw) {
    char broken[PATH_MAX + 8];
    char what[480];
    (void)snprintf(broken, sizeof broken, "%s.broken", place->path);
    if (rename(place->path, broken) != 0)
        return -errno;
    (void)snprintf(what, sizeof what, "%s: it was renamed to %.360s, and a new one begun", flaw,
                   broken);
    tell(place, what, "; what it held and was not published must be replayed");
    return 0;
}

static void unmap(struct journal *journal) {
    if (journal->header != NULL)
        (void)munmap(journal->header, journal->mapped);
    journal->header = NULL;
}

/* The lock is on the file that has the name now: another process may have set one aside. */
static int open_locked(const struct place *place, struct stat *status) {
    struct stat named;
    int file = open(place->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (file < 0)
        return -errno;
    int error = flock(file, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    if (error == 0 && (fstat(file, status) != 0 || stat(place->path, &named) != 0 ||
                       named.st_ino != status->st_ino))
        error = ERESTART;
    if (error == 0 && !S_ISREG(status->st_mode))
        error = EINVAL;
    if (error == 0)
        return file;
    (void)close(file);
    return error == EWOULDBLOCK ? -EBUSY : -error;
}

/* 0; -ERESTART when the file was set aside, or another size is wanted: then open it anew. */
static int open_once(struct journal *journal, const struct place *place) {
    struct stat status = {0};
    size_t least = JOURNAL_HEADER_BYTES + BATCHES_BYTES;
    journal->file = open_locked(place, &status);
    if (journal->file < 0)
        return journal->file;
    if (status.st_size == 0) {
        int error = fill_new(journal, place);
        if (error != 0)
            (void)unlink(place->path);
        return error;
    }
    const char *flaw = "it is no journal of downgrd";
    if ((size_t)status.st_size > least) {
        int error = map_file(journal, (size_t)status.st_size);
        if (error != 0)
            return error;
        flaw = flaw_of(journal, place);
    }
    if (flaw != NULL) {
        int error = set_aside(place, flaw);
        return error != 0 ? error : -ERESTART;
    }
    if (journal->ring_bytes != place->bytes && journal_fill(journal).unpublished == 0)
        return unlink(place->path) == 0 ? -ERESTART : -errno;
    return 0;
}

static void explain(const struct place *place, int status) {
    if (status == -EBUSY)
        tell(place, "another process has this journal",
             "; give one of them another name (--sensor) or directory (--state)");
    else if (status == -EINVAL)
        tell(place, "it is no regular file", "; remove it, or name another directory (--state)");
    else
        tell(place, strerror(-status), "; name a directory that can be written (--state DIR)");
}

struct journal *journal_open(const char *dir, const char *sensor, size_t bytes,
                             char message[JOURNAL_MESSAGE_SIZE]) {
    struct place place = {
        .sensor = sensor, .bytes = (bytes + 4095) & ~(size_t)4095, .message = message};
    struct journal *journal = calloc(1, sizeof *journal);
    message[0] = '\0';
    int status = journal == NULL ? -ENOMEM : journal_make_dir(dir);
    int length = snprintf(place.path, sizeof place.path, "%s/%s.journal", dir, sensor);
    if (status == 0 && (length < 0 || (size_t)length >= sizeof place.path))
        status = -ENAMETOOLONG;
    for (int i = 0; i < ATTEMPTS && journal != NULL && (i == 0 || status == -ERESTART); i++) {
        if (status == 0 || status == -ERESTART) {
            unmap(journal);
            if (i > 0)
                (void)close(journal->file);
            *journal = (struct journal){.file = -1};
            status = open_once(journal, &place);
        }
    }
    if (status == 0)
        return journal;
    explain(&place, status);
    if (journal != NULL) {
        unmap(journal);
        if (journal->file >= 0)
            (void)close(journal->file);
    }
    free(journal);
    return NULL;
}

void journal_close(struct journal *journal) {
    if (journal == NULL)
        return;
    unmap(journal);
    (void)close(journal->file);
    free(journal);
}

const char *journal_id(const struct journal *journal) {
    return journal->header->fixed.id;
}
