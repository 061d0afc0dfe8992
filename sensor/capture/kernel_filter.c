/*
 * kernel_filter.c - the owner of libbpf: loads the program that kernel_filter.bpf.c became at build
 * time (a skeleton with its bytes), attaches it, and writes its maps.
 */
#include "kernel_filter.h"

#include "kernel_filter_map.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "kernel_filter.skel.h"

enum { CLOCK_SLACK_US = 1000 }; /* packets are stamped a little before the filter sees them */

struct kernel_filter {
    struct kernel_filter_bpf *program;
    int stopped; /* descriptors of its maps */
    int counters;
    size_t processors;
    uint64_t *values; /* one for each processor */
};

/* Failures are told by kernel_filter_new(); the library's own lines are for who works on it. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments) {
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static int refuse(char *error, const char *what, int status) {
    const char *remedy = status == -EPERM ? " (it needs CAP_BPF, or root)" : "";
    snprintf(error, KERNEL_FILTER_ERROR_SIZE, "the kernel's filter cannot be %s: %s%s", what,
             strerror(-status), remedy);
    return status;
}

static int load(struct kernel_filter *filter, const struct kernel_filter_config *config,
                char *error) {
    int processors = libbpf_num_possible_cpus();
    filter->program = kernel_filter_bpf__open();
    if (filter->program == NULL || processors < 1)
        return refuse(error, "prepared", filter->program == NULL ? -errno : processors);
    filter->program->rodata->snap_length = config->snap_length;
    filter->program->rodata->only_named = config->only_named;
    filter->program->rodata->lifetime_ns = (uint64_t)config->lifetime_s * 1000000000U;
    int status = bpf_map__set_max_entries(filter->program->maps.stopped, (uint32_t)config->flows);
    if (status == 0)
        status = kernel_filter_bpf__load(filter->program);
    if (status != 0)
        return refuse(error, "loaded", status);
    filter->stopped = bpf_map__fd(filter->program->maps.stopped);
    filter->counters = bpf_map__fd(filter->program->maps.counters);
    filter->processors = (size_t)processors;
    filter->values = calloc(filter->processors, sizeof *filter->values);
    return filter->values != NULL ? 0 : refuse(error, "loaded", -ENOMEM);
}

struct kernel_filter *kernel_filter_new(const struct kernel_filter_config *config,
                                        char error[KERNEL_FILTER_ERROR_SIZE]) {
    struct kernel_filter *filter = calloc(1, sizeof *filter);
    libbpf_set_print(say_nothing);
    if (filter == NULL) {
        (void)refuse(error, "made", -ENOMEM);
        return NULL;
    }
    if (load(filter, config, error) == 0)
        return filter;
    kernel_filter_delete(filter);
    return NULL;
}

void kernel_filter_delete(struct kernel_filter *filter) {
    if (filter == NULL)
        return;
    kernel_filter_bpf__destroy(filter->program);
    free(filter->values);
    free(filter);
}

int kernel_filter_attach(struct kernel_filter *filter, int packet_socket) {
    int program = bpf_program__fd(filter->program->progs.kernel_filter);
    return setsockopt(packet_socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) == 0
               ? 0
               : -errno;
}

int kernel_filter_stop(struct kernel_filter *filter, const struct kernel_filter_flow *flow,
                       uint64_t behind_us) {
    struct kernel_filter_key key = {.ip_version = flow->ip_version, .protocol = flow->protocol};
    struct kernel_filter_entry entry = {.kind = (__u8)flow->kind, .has_sealed = 3, .is_bulk = 3};
    struct timespec now;
    for (unsigned end = 0; end < 2; end++) {
        memcpy(key.address[end], flow->address[end].bytes, sizeof key.address[end]);
        key.port[end] = htons(flow->port[end]);
    }
    unsigned first = kernel_filter_key_sort(&key);
    clock_gettime(CLOCK_MONOTONIC, &now);
    entry.stopped_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    uint64_t behind_ns = (behind_us + CLOCK_SLACK_US) * 1000U;
    entry.seen_ns = entry.stopped_ns > behind_ns ? entry.stopped_ns - behind_ns : 0;
    if (flow->watch_us > 0)
        entry.watched_ns = entry.seen_ns + (flow->watch_us + CLOCK_SLACK_US) * 1000U;
    for (unsigned end = 0; end < 2; end++)
        entry.next_sequence[end] = flow->next_sequence[end ^ first];
    return bpf_map_update_elem(filter->stopped, &key, &entry, BPF_ANY);
}

struct kernel_filter_counts kernel_filter_count(const struct kernel_filter *filter) {
    uint64_t sums[COUNTER_COUNT] = {0};
    for (uint32_t counter = 0; counter < COUNTER_COUNT; counter++) {
        if (bpf_map_lookup_elem(filter->counters, &counter, filter->values) != 0)
            continue;
        for (size_t i = 0; i < filter->processors; i++)
            sums[counter] += filter->values[i];
    }
    return (struct kernel_filter_counts){sums[COUNTER_PACKETS], sums[COUNTER_BYTES],
                                         sums[COUNTER_EXPIRED], sums[COUNTER_REVIVED]};
}
