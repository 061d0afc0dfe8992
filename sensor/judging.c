#include "judging.h"

#include <stdlib.h>

#include "classify.h"

struct judging {
    struct classify *classify;
    struct judge *judge;
    struct usage_meter *meter;
    struct usage *usage_total;
    struct sink usage_sink;
    const struct sink *sinks[JUDGING_MAX_SINKS + 1];
    size_t sink_count;
    bool is_daily;
    uint64_t day; /* of the usage; days since 1970 */
};

static const uint64_t us_per_day = UINT64_C(86400) * 1000000;

static void begin_day(struct judging *judging, uint64_t day) {
    if (judging->day != 0)
        usage_forget(judging->usage_total);
    judging->day = day;
}

static void count_usage(void *context, const struct verdict *verdict) {
    struct judging *judging = context;
    if (verdict->is_seen_elsewhere)
        return;
    uint64_t day = verdict->handshake->started_us / us_per_day;
    if (judging->is_daily && day > judging->day)
        begin_day(judging, day);
    struct usage_event event;
    const char *domain = usage_meter_domain(judging->meter, verdict);
    usage_meter_read(judging->meter, verdict, domain, &event);
    usage_add(judging->usage_total, &event);
}

static void expect_usage(void *context, const struct verdict *verdict) {
    const struct judging *judging = context;
    usage_expect(judging->usage_total, verdict);
}

static bool tells_applications(const struct judging *judging) {
    for (size_t i = 0; i < judging->sink_count; i++)
        if (judging->sinks[i]->tells_applications)
            return true;
    return false;
}

struct judging *judging_new(const struct judging_config *config, const struct sink *const *sinks,
                            size_t sink_count) {
    struct judging *judging = calloc(1, sizeof *judging);
    if (judging == NULL || sink_count > JUDGING_MAX_SINKS)
        goto fail;
    judging->is_daily = config->is_daily;
    judging->usage_sink =
        (struct sink){.context = judging, .expect = expect_usage, .handshake = count_usage};
    judging->sinks[judging->sink_count++] = &judging->usage_sink;
    for (size_t i = 0; i < sink_count; i++)
        judging->sinks[judging->sink_count++] = sinks[i];
    if (config->classify && tells_applications(judging) &&
        (judging->classify = classify_new()) == NULL)
        goto fail;
    judging->judge =
        judge_new(&config->judge, judging->classify, judging->sinks, judging->sink_count);
    judging->meter = usage_meter_new(config->group_domains);
    judging->usage_total = usage_new(config->usage_buckets);
    if (!judging->judge || !judging->meter || !judging->usage_total)
        goto fail;
    return judging;
fail:
    judging_delete(judging);
    return NULL;
}

void judging_delete(struct judging *judging) {
    if (judging == NULL)
        return;
    judge_delete(judging->judge);
    usage_meter_delete(judging->meter);
    usage_delete(judging->usage_total);
    classify_delete(judging->classify);
    free(judging);
}

int judging_configure(struct judging *judging, const struct judge_config *config) {
    return judge_configure(judging->judge, config);
}

void judging_begin(struct judging *judging) {
    judge_forget(judging->judge);
}

void judging_handshake(struct judging *judging, const struct source *source,
                       const struct handshake *handshake) {
    judge_handshake(judging->judge, source, handshake);
}

void judging_end_source(struct judging *judging, const struct source *source,
                        const struct run_stats *stats) {
    for (size_t i = 0; i < judging->sink_count; i++)
        if (judging->sinks[i]->source_end)
            judging->sinks[i]->source_end(judging->sinks[i]->context, source, stats);
}

void judging_tell_stats(struct judging *judging, const struct source *source,
                        const struct run_stats *stats) {
    for (size_t i = 0; i < judging->sink_count; i++)
        if (judging->sinks[i]->stats)
            judging->sinks[i]->stats(judging->sinks[i]->context, source, stats);
}

size_t judging_take_shared(struct judging *judging) {
    return judge_take_shared(judging->judge);
}

int judging_save(const struct judging *judging, const char *path, bool is_durable) {
    return judge_save(judging->judge, path, is_durable);
}

int judging_load(struct judging *judging, const char *path, char message[HISTORY_MESSAGE_SIZE]) {
    return judge_load(judging->judge, path, message);
}

struct judge_counts judging_counts(const struct judging *judging) {
    return judge_counts(judging->judge);
}

void judging_stats(const struct judging *judging, const struct judge_counts *before,
                   struct run_stats *stats) {
    struct judge_counts now = judge_counts(judging->judge);
    stats->alerts = now.alerts - before->alerts;
    stats->alerts_folded = now.alerts_folded - before->alerts_folded;
    stats->attack_alerts = now.attack_alerts - before->attack_alerts;
    stats->alerts_excepted = now.alerts_excepted - before->alerts_excepted;
    stats->evidence_files = now.evidence_files - before->evidence_files;
    stats->evidence_lost = now.evidence_lost - before->evidence_lost;
}

const struct usage *judging_usage_total(const struct judging *judging) {
    return judging->usage_total;
}
