/*
 * kernel_filter_none.c - in place of kernel_filter.c where clang, bpftool or libbpf were missing at
 * build time.
 */
#include "kernel_filter.h"

#include <errno.h>
#include <stdio.h>

struct kernel_filter *kernel_filter_new(const struct kernel_filter_config *config,
                                        char error[KERNEL_FILTER_ERROR_SIZE]) {
    (void)config;
    snprintf(
        error, KERNEL_FILTER_ERROR_SIZE,
        "this build has no filter for the kernel: it was made without clang, bpftool or libbpf");
    return NULL;
}

void kernel_filter_delete(struct kernel_filter *filter) {
    (void)filter;
}

int kernel_filter_attach(struct kernel_filter *filter, int packet_socket) {
    (void)filter;
    (void)packet_socket;
    return -ENOSYS;
}

int kernel_filter_stop(struct kernel_filter *filter, const struct kernel_filter_flow *flow,
                       uint64_t behind_us) {
    (void)filter;
    (void)flow;
    (void)behind_us;
    return -ENOSYS;
}

struct kernel_filter_counts kernel_filter_count(const struct kernel_filter *filter) {
    (void)filter;
    return (struct kernel_filter_counts){0};
}
