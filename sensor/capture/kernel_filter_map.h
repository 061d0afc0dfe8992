/*
 * kernel_filter_map.h - what the program in the kernel and its owner have in common: the layout of
 * the maps. Included by kernel_filter.bpf.c and kernel_filter.c only.
 */
#ifndef DOWNGRD_KERNEL_FILTER_MAP_H
#define DOWNGRD_KERNEL_FILTER_MAP_H

#include <linux/types.h>

/* No padding: the kernel compares all of its bytes. */
struct kernel_filter_key {
    __u64 address[2][2]; /* as they stand in the packet; the lower end first */
    __u16 port[2];       /* in network order */
    __u8 ip_version;
    __u8 protocol;
    __u16 zero;
};

struct kernel_filter_entry {
    __u64 stopped_ns;       /* of CLOCK_MONOTONIC */
    __u64 seen_ns;          /* the owner had seen everything up to then */
    __u64 watched_ns;       /* until then the handshake may be contradicted */
    __u64 open_ns;          /* it may have been: until then all passes */
    __u32 next_sequence[2]; /* by end, in the key's order: what is before that may contradict */
    __u32 packets[2];       /* of each end, while watched */
    __u8 kind;              /* enum kernel_filter_kind */
    __u8 is_checked;        /* no SYN came between seen_ns and the entry */
    __u8 has_sealed;        /* bit per end: a segment began with a sealed record, */
    __u8 is_bulk;           /* its bytes need not pass any more, */
    __u8 has_fin;           /* and it has closed */
    __u8 zero[3];
};

/* While watched: one of so many packets of an end passes. */
enum { KERNEL_FILTER_SAMPLE = 32 };

/* When the latest SYN of each connection was seen, by a hash of it. */
enum { KERNEL_FILTER_SYNS = 65536 };

enum kernel_filter_counter {
    COUNTER_PACKETS,
    COUNTER_BYTES,
    COUNTER_EXPIRED,
    COUNTER_REVIVED,
    COUNTER_COUNT
};

/* Both directions have one key: the ends are put in the order of their numbers, whatever that is on
 * this machine. Which of them came first: 0 or 1. */
static inline __attribute__((always_inline)) __u32
kernel_filter_key_sort(struct kernel_filter_key *key) {
    __u64 high = key->address[0][0];
    __u64 low = key->address[0][1];
    __u16 port = key->port[0];
    if (high < key->address[1][0])
        return 0;
    if (high == key->address[1][0]) {
        if (low < key->address[1][1])
            return 0;
        if (low == key->address[1][1] && port <= key->port[1])
            return 0;
    }
    key->address[0][0] = key->address[1][0];
    key->address[0][1] = key->address[1][1];
    key->port[0] = key->port[1];
    key->address[1][0] = high;
    key->address[1][1] = low;
    key->port[1] = port;
    return 1;
}

#endif
