/*
 * judge_thread.h - the one thread that judges: it takes the records of all workers in the order in
 * which they were told, and hands them to the stages behind the lanes (judging.h).
 *
 * A record waits until no other worker can come with an earlier one, but never longer than a
 * quarter of a second: then it is judged, in whatever order.
 */
#ifndef DOWNGRD_JUDGE_THREAD_H
#define DOWNGRD_JUDGE_THREAD_H

#include "judging.h"
#include "worker.h"

struct judge_thread;

struct judge_thread_config {
    struct judging *judging; /* the thread's alone from judge_thread_start() on; borrowed */
    struct worker *const *workers;
    size_t worker_count;
    int wake; /* the eventfd that workers write to */
    /* Called when some records were judged and no more are waiting, or many were: what the sinks
     * gathered is to go out. May be NULL. */
    void (*flush)(void *context);
    void *context;
};

/* NULL when out of memory. */
struct judge_thread *judge_thread_new(const struct judge_thread_config *config);
int judge_thread_start(struct judge_thread *thread); /* 0 or -errno */
/* Waits until all workers have ended and all their records are judged. */
void judge_thread_join(struct judge_thread *thread);
void judge_thread_delete(struct judge_thread *thread);

/*
 * Calls something on the judge's thread, between two records, and waits until it is done: whoever
 * wants the judge's tables or the sinks asks this way. From one thread only, and not after
 * judge_thread_join().
 */
void judge_thread_call(struct judge_thread *thread, void (*call)(void *context), void *context);

#endif
