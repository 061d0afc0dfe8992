#include "judge_thread.h"

#include "live_clock.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    SLEEP_MS = 100,
    MERGE_SLEEP_MS = 10,  /* while a record waits for another worker */
    MERGE_DELAY_MS = 250, /* at most */
    FLUSH_RECORDS = 64,
};

struct judge_thread {
    struct judge_thread_config config;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t mutex;
    pthread_cond_t called;
    void (*call)(void *context); /* that waits to be made; NULL: none */
    void *call_context;
    size_t unflushed;
};

/* The worker whose record is next; NULL when none is due. *is_waiting: but there is one. */
static struct worker *next_of(const struct judge_thread *thread, struct ringed_record *record,
                              bool *is_waiting) {
    struct worker *best = NULL;
    uint64_t bound_us = UINT64_MAX;
    for (size_t i = 0; i < thread->config.worker_count; i++) {
        struct worker *worker = thread->config.workers[i];
        struct ringed_record first;
        /* Before the ring is looked into: what is put later is told later. */
        uint64_t watermark_us = worker_watermark(worker);
        if (!record_ring_first(worker_ring(worker), &first)) {
            bound_us = watermark_us < bound_us ? watermark_us : bound_us;
        } else if (best == NULL || first.told_us < record->told_us) {
            best = worker;
            *record = first;
        }
    }
    *is_waiting = best != NULL;
    if (best == NULL || record->told_us <= bound_us ||
        live_clock_steady_ms() - record->put_ms >= MERGE_DELAY_MS)
        return best;
    return NULL;
}

static bool have_all_ended(const struct judge_thread *thread) {
    for (size_t i = 0; i < thread->config.worker_count; i++)
        if (worker_watermark(thread->config.workers[i]) != UINT64_MAX)
            return false;
    return true;
}

static void flush(struct judge_thread *thread) {
    if (thread->unflushed > 0 && thread->config.flush != NULL)
        thread->config.flush(thread->config.context);
    thread->unflushed = 0;
}

static void make_call(struct judge_thread *thread) {
    (void)pthread_mutex_lock(&thread->mutex);
    if (thread->call != NULL) {
        thread->call(thread->call_context);
        thread->call = NULL;
        thread->unflushed++;
        (void)pthread_cond_signal(&thread->called);
    }
    (void)pthread_mutex_unlock(&thread->mutex);
}

static void wait_for_records(struct judge_thread *thread, int ms) {
    struct pollfd wait = {.fd = thread->config.wake, .events = POLLIN};
    uint64_t count = 0;
    if (poll(&wait, 1, ms) > 0 && read(thread->config.wake, &count, sizeof count) < 0)
        return; /* somebody else was faster, or it was a signal */
}

static void *run(void *context) {
    struct judge_thread *thread = context;
    bool is_over = false;
    (void)prctl(PR_SET_NAME, "judge");
    while (!is_over) {
        struct ringed_record record = {0};
        bool is_waiting = false;
        bool have_ended = have_all_ended(thread); /* before the rings are found empty */
        make_call(thread);
        struct worker *worker = next_of(thread, &record, &is_waiting);
        if (worker != NULL) {
            judging_handshake(thread->config.judging, worker_source(worker), record.record);
            record_ring_drop(worker_ring(worker));
            if (++thread->unflushed >= FLUSH_RECORDS)
                flush(thread);
            continue;
        }
        thread->unflushed += judging_take_shared(thread->config.judging);
        flush(thread);
        is_over = have_ended && !is_waiting;
        if (!is_over)
            wait_for_records(thread, is_waiting ? MERGE_SLEEP_MS : SLEEP_MS);
    }
    return NULL;
}

struct judge_thread *judge_thread_new(const struct judge_thread_config *config) {
    struct judge_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL)
        return NULL;
    thread->config = *config;
    (void)pthread_mutex_init(&thread->mutex, NULL);
    (void)pthread_cond_init(&thread->called, NULL);
    return thread;
}

int judge_thread_start(struct judge_thread *thread) {
    int status = pthread_create(&thread->thread, NULL, run, thread);
    thread->is_running = status == 0;
    return -status;
}

void judge_thread_join(struct judge_thread *thread) {
    if (thread->is_running)
        (void)pthread_join(thread->thread, NULL);
    thread->is_running = false;
}

void judge_thread_delete(struct judge_thread *thread) {
    if (thread == NULL)
        return;
    (void)pthread_mutex_destroy(&thread->mutex);
    (void)pthread_cond_destroy(&thread->called);
    free(thread);
}

void judge_thread_call(struct judge_thread *thread, void (*call)(void *context), void *context) {
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&thread->mutex);
    thread->call = call;
    thread->call_context = context;
    if (write(thread->config.wake, &one, sizeof one) < 0) {
        /* it is awake already */
    }
    while (thread->call != NULL)
        (void)pthread_cond_wait(&thread->called, &thread->mutex);
    (void)pthread_mutex_unlock(&thread->mutex);
}
