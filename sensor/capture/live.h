/*
 * live.h - packets off an interface, by libpcap (TPACKET_V3 on Linux).
 *
 * One `struct live` is one worker's share of one interface. With several workers the kernel hands
 * each packet to one of them (fanout.h): both directions of a connection and all its fragments to
 * the same one. Packets begin to come with live_start(), which is called when all of a group are
 * open, so that none is seen twice.
 *
 * An interface that goes down stays open and goes on when it comes back. One that vanishes (a veth
 * taken away, a driver unloaded) ends live_read() with -1; live_reopen() tries to find it again by
 * its name.
 *
 * Nothing here waits: whoever reads polls live_descriptor().
 */
#ifndef DOWNGRD_LIVE_H
#define DOWNGRD_LIVE_H

#include "capture.h"

struct fanout_group;
struct live;
struct kernel_filter;

struct live_config {
    const char *interface; /* "any": all of them, as cooked frames. Borrowed, as is the filter */
    const char *filter;    /* BPF expression or NULL */
    size_t snap_length;    /* bytes of each frame: 262144 */
    size_t buffer_bytes;   /* of the kernel's ring: 64 MiB */
    bool promiscuous;      /* true */
    /* the fan-out that it shares with other workers of this interface, see fanout_join(); borrowed.
     * NULL: all packets are this one's */
    struct fanout_group *group;
    /* kernel_filter.h, borrowed; NULL: none. It takes the place of `filter` in the kernel, which
     * goes by it here then, and is used on Ethernet only. */
    struct kernel_filter *kernel_filter;
};

enum {
    LIVE_BATCH = 1024,      /* packets that one live_read() gives at most, */
    LIVE_BATCH_PART = 8,    /* or as many bytes as this part of the kernel's ring */
    LIVE_MAX_DELAY_MS = 20, /* how long the kernel gathers packets before it hands them over */
};

/* NULL on failure: `error` says what, and what to do. */
struct live *live_open(const struct live_config *config, char error[CAPTURE_ERROR_SIZE]);
/* Lets packets through. 0, or -1 and `error`. */
int live_start(struct live *live, char error[CAPTURE_ERROR_SIZE]);
void live_close(struct live *live);

/* Readable when there are packets, or something has happened to the interface; -1 while it is gone.
 */
int live_descriptor(const struct live *live);

/*
 * Gives what is there, a batch at most, to `packet`; numbers are left 0. How many there
 * were, or -1: the interface is gone, and live_error() says why.
 */
int live_read(struct live *live,
              void (*packet)(void *context, const struct capture_packet *captured), void *context);
const char *live_error(const struct live *live);

/* Opens a vanished interface again; packets come at once. 0, or -1 and `error` when it is not back.
 * A group's other members must have lost it, too. */
int live_reopen(struct live *live, char error[CAPTURE_ERROR_SIZE]);

/* Is the interface up, as far as the kernel says? */
bool live_is_up(const struct live *live);

/* Since live_start(), also across live_reopen(). */
struct live_counts {
    uint64_t received;        /* by the kernel, those that it dropped included */
    uint64_t dropped;         /* by the kernel: its ring was full */
    uint64_t read;            /* by live_read(); the rest is in the ring still */
    uint64_t interface_drops; /* by the card or its driver, where they tell: the interface's, not
                                 this worker's alone */
};
/* One cheap system call; interface_drops are those of the last live_count_card(). */
const struct live_counts *live_count(struct live *live);
void live_count_card(struct live *live);

#endif
