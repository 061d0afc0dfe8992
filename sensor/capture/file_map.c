#include "file_map.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    STEP = 2 * 1024 * 1024, /* asked for at a time: quicker than a page fault for every few pages */
    KEPT_BEHIND = 2 * STEP, /* and not let go, because evidence may look back */
    MAX_GUARDED = 32,       /* files that are mapped at the same time; more are read instead */
};

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ                                                                         \
    22 /* Linux 5.14; an older one says no, and then pages come when used                          \
        */
#endif

static struct guarded {
    atomic_uintptr_t start; /* 0: free */
    atomic_uintptr_t end;
    atomic_bool is_broken;
} guarded[MAX_GUARDED];

static struct sigaction previous_action;
static uintptr_t page_size;

/* Puts zeroes where the file has no bytes any more, from there to its end. */
static void handle_bus_error(int number, siginfo_t *info, void *context) {
    uintptr_t at = (uintptr_t)info->si_addr;
    (void)context;
    for (size_t i = 0; i < MAX_GUARDED; i++) {
        uintptr_t end = atomic_load(&guarded[i].end);
        if (at < atomic_load(&guarded[i].start) || at >= end)
            continue;
        uint8_t *page = (uint8_t *)info->si_addr - at % page_size;
        atomic_store(&guarded[i].is_broken, true);
        if (mmap(page, end - (uintptr_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                 -1, 0) != MAP_FAILED)
            return;
    }
    sigaction(number, &previous_action, NULL); /* not ours: it happens again, to whom it concerns */
}

/* With each map, because others may have put theirs in its place since. */
static void install_handler(void) {
    struct sigaction action = {.sa_sigaction = handle_bus_error, .sa_flags = SA_SIGINFO};
    struct sigaction current;
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (sigaction(SIGBUS, NULL, &current) != 0 || current.sa_sigaction == handle_bus_error)
        return;
    previous_action = current;
    sigaction(SIGBUS, &action, NULL);
}

/* MAX_GUARDED when all are taken. */
static size_t take_guard(void) {
    for (size_t i = 0; i < MAX_GUARDED; i++) {
        uintptr_t nobody = 0;
        if (atomic_compare_exchange_strong(&guarded[i].start, &nobody, UINTPTR_MAX))
            return i;
    }
    return MAX_GUARDED;
}

bool file_map_open(struct file_map *map, int descriptor, uint64_t size) {
    *map = (struct file_map){0};
    if (size == 0 || size > SIZE_MAX / 2)
        return false;
    size_t guard = take_guard();
    if (guard == MAX_GUARDED)
        return false;
    void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        atomic_store(&guarded[guard].start, 0);
        return false;
    }
    install_handler();
    atomic_store(&guarded[guard].is_broken, false);
    atomic_store(&guarded[guard].end, (uintptr_t)bytes + (size_t)size);
    atomic_store(&guarded[guard].start, (uintptr_t)bytes);
    madvise(bytes, (size_t)size, MADV_SEQUENTIAL);
    *map = (struct file_map){.bytes = bytes, .size = (size_t)size, .guard = guard};
    return true;
}

void file_map_close(struct file_map *map) {
    if (map->bytes == NULL)
        return;
    atomic_store(&guarded[map->guard].end, 0);
    atomic_store(&guarded[map->guard].start, 0);
    munmap(map->bytes, map->size);
    *map = (struct file_map){0};
}

bool file_map_is_broken(const struct file_map *map) {
    return map->bytes != NULL &&
           atomic_load_explicit(&guarded[map->guard].is_broken, memory_order_relaxed);
}

static void advise(const struct file_map *map, size_t from, size_t to, int advice) {
    madvise(map->bytes + from, to - from, advice);
}

void file_map_step(struct file_map *map, size_t offset) {
    size_t from = map->ready > offset - offset % STEP ? map->ready : offset - offset % STEP;
    size_t to = offset - offset % STEP + 2 * (size_t)STEP;
    to = to < map->size ? to : map->size;
    if (to > from)
        advise(map, from, to, MADV_POPULATE_READ);
    map->ready = to;
    if (offset < KEPT_BEHIND)
        return;
    size_t behind = (offset - KEPT_BEHIND) - (offset - KEPT_BEHIND) % STEP;
    if (behind > map->dropped)
        advise(map, map->dropped, behind, MADV_DONTNEED);
    map->dropped = behind > map->dropped ? behind : map->dropped;
}
