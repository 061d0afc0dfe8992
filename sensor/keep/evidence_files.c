/*
 * evidence_files.c - see evidence_files.h.
 *
 * A file is made in memory of a fixed size, and written (file_writer.h) at once or, live, by a
 * thread of its own.
 */
#include "evidence_files.h"

#include "file_writer.h"
#include "packet_choice.h"
#include "packet_notes.h"
#include "pcapng_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MIB = 1 << 20,
    /* beside the frames: block heads, padding, interfaces, comments */
    OVERHEAD = 128 * 1024,
    COMMENT_SIZE = 16 * 1024,
    MAX_LINKS = 32, /* more than there are link types that are read */
    FILE_NAME_SIZE = ALERT_ID_SIZE + 8,
    FILE_MAX_SIZE = CHOICE_MAX_BYTES + OVERHEAD,
    WAITING_BYTES = 8 * MIB, /* of files, live */
};

struct evidence_files {
    struct evidence_config config;
    int directory;
    char *path; /* config.dir, a slash, and the name of the file written last */
    size_t path_head;
    uint8_t *buffer;
    struct packet_ring *rings[EVIDENCE_MAX_RINGS];
    size_t ring_count;
    struct packet_notes notes;
    struct packet_choice choice;
    char comment[COMMENT_SIZE];
    struct file_writer *writer; /* NULL: files are written at once */
    bool has_complained;        /* the writer's, while there is one */
    _Atomic uint64_t late;
    struct evidence_counts counts;
    struct evidence_counts before; /* what does not count for the bounds any more */
    uint64_t day;                  /* days since 1970 */
    struct sink sink;
};

static const uint64_t us_per_day = UINT64_C(86400) * 1000000;

void evidence_default_config(struct evidence_config *config) {
    *config = (struct evidence_config){
        .max_files = 1000,
        .max_bytes = (size_t)256 * MIB,
        .memory = (size_t)64 * MIB,
    };
}

/* ---- what is in a file ---- */

static void add_ends(struct comment *comment, const struct handshake *handshake) {
    char client[IP_ADDRESS_TEXT_SIZE];
    char server[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&handshake->client.address, handshake->ip_version, client);
    ip_address_format(&handshake->server.address, handshake->ip_version, server);
    comment_add(comment, "client %s port %u, server %s port %u", client,
                (unsigned)handshake->client.port, server, (unsigned)handshake->server.port);
}

static void add_domain(struct comment *comment, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    const char *name = verdict->domain.name;
    comment_add(comment, "\ndomain ");
    comment_add_bytes(comment, span_of(name, strlen(name)));
    if (strcmp(name, "_invalid") != 0 || !(handshake->has & HANDSHAKE_HAS_OFFER))
        return;
    comment_add(comment, ", sent as ");
    comment_add_bytes(comment, span_first(handshake->offer.server_name, DOMAIN_SIZE));
}

static void add_missing(struct comment *comment, const struct packet_choice *choice) {
    if (!choice->has_start)
        comment_add(comment, "\nnot here: the connection's beginning, which is not kept any more");
    for (size_t i = 0; i < choice->missing_count; i++)
        comment_add(comment, "%s%llu",
                    i == 0 ? "\nnot here, though the alert names them: packets " : ", ",
                    (unsigned long long)choice->missing[i]);
    if (choice->left_out > 0)
        comment_add(comment, "\nnot here: %zu more packets; an alert gets %d packets and %d MiB",
                    choice->left_out, CHOICE_MAX_FRAMES, CHOICE_MAX_BYTES / MIB);
}

static void write_section(struct evidence_files *files, const struct alert *alert,
                          struct pcapng_writer *writer) {
    const struct finding *finding = alert->finding;
    struct comment comment = comment_of(files->comment, sizeof files->comment);
    comment_add(&comment, "%s: %s\n", alert->rule->kind, alert->rule->title);
    add_ends(&comment, alert->verdict->handshake);
    add_domain(&comment, alert->verdict);
    comment_add(&comment, "\nconfidence %s\nalert id %s", rule_confidence_name(finding->confidence),
                alert->id);
    for (size_t i = 0; i < finding->evidence_count; i++) {
        if (finding->evidence[i].packet != 0)
            continue;
        comment_add(&comment, "\n");
        comment_add_evidence(&comment, &finding->evidence[i]);
    }
    comment_add(&comment, "\nThe packets that matter have a comment; packet numbers are those of "
                          "the capture, and each packet's id.");
    add_missing(&comment, &files->choice);
    pcapng_put_section(writer, "downgrd", comment.text);
}

/* The link types of the chosen frames, in the order of their coming. */
struct links {
    int types[MAX_LINKS];
    size_t count;
};

static uint32_t find_link(struct links *links, int link_type) {
    size_t at = 0;
    while (at < links->count && links->types[at] != link_type)
        at++;
    if (at == links->count && links->count < MAX_LINKS)
        links->types[links->count++] = link_type;
    return (uint32_t)at;
}

static void write_packets(struct evidence_files *files, const struct packet_ring *ring,
                          struct pcapng_writer *writer) {
    const struct packet_choice *choice = &files->choice;
    struct links links = {.count = 0};
    for (size_t i = 0; i < choice->count; i++) {
        struct ring_frame frame;
        size_t known = links.count;
        if (!packet_ring_find(ring, choice->numbers[i], &frame))
            continue;
        const struct pcapng_frame written = {
            .interface = find_link(&links, frame.link_type),
            .time_us = frame.time_us,
            .wire_size = frame.wire_size,
            .id = frame.number,
            .bytes = frame.bytes,
        };
        if (links.count > known)
            pcapng_put_interface(writer, frame.link_type);
        struct comment comment = comment_of(files->comment, sizeof files->comment);
        bool has_comment = packet_notes_comment(&files->notes, frame.number, &comment);
        pcapng_put_packet(writer, &written, has_comment ? comment.text : NULL);
    }
}

/* ---- the file ---- */

static void complain(struct evidence_files *files, const char *name, const char *why) {
    if (!files->has_complained)
        fprintf(
            stderr,
            "downgrd: evidence: cannot write %.*s%s: %s; alerts go on, those it happens to have "
            "no file\n",
            (int)files->path_head, files->path, name, why);
    files->has_complained = true;
}

/* On the writer's thread. */
static void note_failure(void *context, const char *name, int error) {
    struct evidence_files *files = context;
    atomic_fetch_add_explicit(&files->late, 1, memory_order_relaxed);
    complain(files, name, strerror(error));
}

/* Now, or by the writer's thread. False when it could not be written, or there is no room. */
static bool put_file(struct evidence_files *files, const char *name, struct span bytes) {
    if (files->writer != NULL) {
        bool has_room = file_writer_put(files->writer, name, bytes);
        files->counts.past_bounds += !has_room;
        return has_room;
    }
    int status = file_write(files->directory, name, bytes, span_of(NULL, 0));
    if (status == 0)
        return true;
    files->counts.failed++;
    complain(files, name, strerror(-status));
    return false;
}

static struct packet_ring *find_ring(const struct evidence_files *files,
                                     const struct source *source) {
    for (size_t i = 0; i < files->ring_count; i++) {
        if (packet_ring_source(files->rings[i]) == source)
            return files->rings[i];
    }
    return NULL;
}

/* Makes the file in memory; its size, or 0 when none of its packets is kept any more. */
static size_t make_file(struct evidence_files *files, const struct alert *alert) {
    struct packet_ring *ring = find_ring(files, alert->verdict->source);
    if (ring == NULL)
        return 0;
    struct pcapng_writer writer = pcapng_writer_of(files->buffer, FILE_MAX_SIZE);
    packet_notes_of(alert, &files->notes);
    packet_ring_lock(ring);
    packet_choice_make(ring, alert->verdict->handshake, &files->notes, &files->choice);
    write_section(files, alert, &writer);
    write_packets(files, ring, &writer);
    packet_ring_unlock(ring);
    return writer.failed || files->choice.count == 0 ? 0 : writer.size;
}

static void note_day(struct evidence_files *files, const struct alert *alert) {
    uint64_t day = alert->verdict->handshake->ended_us / us_per_day;
    if (!files->config.is_daily || day <= files->day)
        return;
    files->day = day;
    files->before = files->counts;
}

static enum keep_result keep(void *context, const struct alert *alert, const char **path) {
    struct evidence_files *files = context;
    struct evidence_counts *counts = &files->counts;
    char *name = files->path + files->path_head;
    if (alert->rule->rule_class != RULE_ATTACK && !files->config.all_classes)
        return KEEP_NOTHING;
    note_day(files, alert);
    bool has_room = counts->written - files->before.written < files->config.max_files;
    size_t size = has_room ? make_file(files, alert) : 0;
    if (size == 0 || size > files->config.max_bytes - (counts->bytes - files->before.bytes)) {
        counts->past_bounds++;
        return KEEP_LOST;
    }
    (void)snprintf(name, FILE_NAME_SIZE, "%s.pcapng", alert->id);
    if (!put_file(files, name, span_of(files->buffer, size)))
        return KEEP_LOST;
    counts->written++;
    counts->bytes += size;
    *path = files->path;
    return KEEP_WRITTEN;
}

/* ---- beginning and end ---- */

static int open_directory(const char *path) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct evidence_files *evidence_files_new(const struct evidence_config *config, size_t taps) {
    struct evidence_files *files = calloc(1, sizeof *files);
    if (files == NULL)
        return NULL;
    size_t length = strlen(config->dir);
    bool has_slash = length > 0 && config->dir[length - 1] == '/';
    files->config = *config;
    files->path_head = length + (has_slash ? 0 : 1);
    files->sink = (struct sink){.context = files, .keep = keep};
    files->path = malloc(files->path_head + FILE_NAME_SIZE);
    files->buffer = malloc(FILE_MAX_SIZE);
    bool is_good = files->path != NULL && files->buffer != NULL;
    while (is_good && files->ring_count < taps && files->ring_count < EVIDENCE_MAX_RINGS) {
        struct packet_ring *ring = packet_ring_new(config->memory / taps);
        is_good = ring != NULL;
        if (is_good)
            files->rings[files->ring_count++] = ring;
    }
    errno = ENOMEM;
    files->directory = is_good ? open_directory(config->dir) : -1;
    if (files->directory < 0) {
        int error = errno;
        evidence_files_delete(files);
        errno = error;
        return NULL;
    }
    memcpy(files->path, config->dir, length);
    files->path[files->path_head - 1] = '/';
    files->path[files->path_head] = '\0';
    return files;
}

void evidence_files_delete(struct evidence_files *files) {
    if (files == NULL)
        return;
    evidence_files_stop(files);
    if (files->directory >= 0)
        (void)close(files->directory);
    for (size_t i = 0; i < files->ring_count; i++)
        packet_ring_delete(files->rings[i]);
    free(files->path);
    free(files->buffer);
    free(files);
}

int evidence_files_start(struct evidence_files *files) {
    files->writer = file_writer_start(files->directory, WAITING_BYTES, note_failure, files);
    return files->writer != NULL ? 0 : -errno;
}

void evidence_files_stop(struct evidence_files *files) {
    file_writer_stop(files->writer);
    files->writer = NULL;
}

uint64_t evidence_files_late(const struct evidence_files *files) {
    return atomic_load_explicit(&files->late, memory_order_relaxed);
}

const struct sink *evidence_files_sink(struct evidence_files *files) {
    return &files->sink;
}

struct packet_ring *evidence_files_ring(struct evidence_files *files, size_t tap) {
    return tap < files->ring_count ? files->rings[tap] : NULL;
}

struct evidence_counts evidence_files_counts(const struct evidence_files *files) {
    return files->counts;
}
