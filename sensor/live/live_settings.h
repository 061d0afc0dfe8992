/*
 * live_settings.h - what the configuration says of live capture.
 */
#ifndef DOWNGRD_LIVE_SETTINGS_H
#define DOWNGRD_LIVE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_settings {
    size_t snap_length;  /* bytes of each frame: 262144 */
    size_t buffer_bytes; /* of the kernel's ring, for each worker: 64 MiB */
    size_t workers;      /* threads for each interface: 1 */
    size_t record_bytes; /* for handshakes on their way to the judge, for each worker: 16 MiB */
    size_t output_bytes; /* for lines on their way to a file or terminal, for each: 8 MiB */
    uint64_t stats_interval_us; /* between two lines of statistics: 60 s */
    bool promiscuous;           /* true */
    bool kernel_filter;         /* bulk of finished handshakes ends in the kernel: false */
};
void live_default_settings(struct live_settings *settings);

#endif
