#include "replay_order.h"

#include "capture.h"

#include <stdlib.h>

struct part {
    const char *file;
    uint64_t first_us;
};

/* 0 when it is not known; what is wrong is told when the file is replayed. */
static uint64_t first_time(const char *file) {
    char error[CAPTURE_ERROR_SIZE];
    struct capture_packet packet = {0};
    struct capture *capture = capture_open_file(file, NULL, error);
    if (capture == NULL)
        return 0;
    bool has_packet = capture_next(capture, &packet) > 0;
    capture_close(capture);
    return has_packet ? packet.time_us : 0;
}

int replay_order(const char **files, size_t count) {
    struct part *parts = calloc(count + 1, sizeof *parts);
    if (parts == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct part part = {files[i], first_time(files[i])};
        if (part.first_us == 0 && i > 0)
            part.first_us = parts[i].first_us;
        parts[i + 1] = part; /* parts[0] is before all */
    }
    for (size_t i = 2; i <= count; i++) {
        struct part part = parts[i];
        size_t at = i;
        for (; parts[at - 1].first_us > part.first_us; at--)
            parts[at] = parts[at - 1];
        parts[at] = part;
    }
    for (size_t i = 0; i < count; i++)
        files[i] = parts[i + 1].file;
    free(parts);
    return 0;
}
