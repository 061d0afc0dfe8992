/*
 * judging.h - the stages behind the lanes: judge, application names, usage, sinks. All of them see
 * every lane's handshakes, so they run on one thread.
 */
#ifndef DOWNGRD_JUDGING_H
#define DOWNGRD_JUDGING_H

#include "judge.h"
#include "usage.h"

enum { JUDGING_MAX_SINKS = 4 };

struct judging_config {
    struct judge_config judge;
    size_t usage_buckets;
    bool group_domains;
    bool classify; /* ask nDPI for applications, if a sink tells them */
    bool is_daily; /* the usage is that of the day (UTC, packet time): a sensor runs for months */
};

struct judging;

/* `sinks` are borrowed, at most JUDGING_MAX_SINKS. NULL when out of memory. */
struct judging *judging_new(const struct judging_config *config, const struct sink *const *sinks,
                            size_t sink_count);
void judging_delete(struct judging *judging);

/* See judge_configure(). */
int judging_configure(struct judging *judging, const struct judge_config *config);

/* A source that has nothing to do with those before: history is forgotten. */
void judging_begin(struct judging *judging);
void judging_handshake(struct judging *judging, const struct source *source,
                       const struct handshake *handshake);
void judging_end_source(struct judging *judging, const struct source *source,
                        const struct run_stats *stats);

void judging_tell_stats(struct judging *judging, const struct source *source,
                        const struct run_stats *stats);

/* See judge_take_shared(). */
size_t judging_take_shared(struct judging *judging);

/* See judge_save() and judge_load(). */
int judging_save(const struct judging *judging, const char *path, bool is_durable);
int judging_load(struct judging *judging, const char *path, char message[HISTORY_MESSAGE_SIZE]);

/* Sets the judge's figures of *stats: what was counted since `before`. */
void judging_stats(const struct judging *judging, const struct judge_counts *before,
                   struct run_stats *stats);
struct judge_counts judging_counts(const struct judging *judging);

/* Of all sources since judging_new(), or since the day began. */
const struct usage *judging_usage_total(const struct judging *judging);

#endif
