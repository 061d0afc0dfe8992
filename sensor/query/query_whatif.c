/*
 * query_whatif.c - `downgrdctl whatif`: facts of each domain out of its sums and its sensors'
 * health, judged by whatif_verdict.c.
 *
 * The range ends with the newest handshake that was published, so that a replayed capture is judged
 * like the day it was taken; how long ago that is counts as a reason not to call anything safe.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "domain_choice.h"
#include "redis_keys.h"
#include "reply.h"
#include "share_sheet.h"
#include "whatif_sheet.h"

enum { DAYS_BY_DEFAULT = 30 };

static const uint64_t us_per_day = 86400ULL * 1000000ULL;

/* ---- facts ---- */

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Who would be refused. Below TLS 1.1 nobody counts by whom that is: clients that offer no more can
 * only be had of all hellos, answered or not. */
static void set_refused(const struct usage_sum *sum, enum query_minimum minimum,
                        struct whatif_facts *facts) {
    const uint64_t *counts = sum->counts;
    switch (minimum) {
    case MINIMUM_TLS_1_1:
        facts->refused = counts[USAGE_TLS_1_0] + counts[USAGE_SSL_3] + counts[USAGE_SSL_2];
        facts->by_client =
            least(facts->refused,
                  counts[USAGE_MAX_TLS_1_0] + counts[USAGE_MAX_SSL_3] + counts[USAGE_MAX_SSL_2]);
        facts->by_server = facts->refused - facts->by_client;
        break;
    case MINIMUM_TLS_1_2:
        facts->refused = usage_sum_legacy(sum);
        facts->by_client = counts[USAGE_LEGACY_CLIENT];
        facts->by_server = counts[USAGE_LEGACY_SERVER];
        break;
    case MINIMUM_TLS_1_3:
        facts->refused = usage_sum_legacy(sum) + counts[USAGE_TLS_1_2];
        facts->by_client = counts[USAGE_LIMIT_CLIENT];
        facts->by_server = counts[USAGE_LIMIT_SERVER];
        break;
    }
}

/* Distinct clients are known below TLS 1.2: for a lower minimum there are at most so many. */
static void set_clients(const struct usage_sum *sum, const struct query *query,
                        struct whatif_facts *facts) {
    facts->clients_lost = sum->clients_lost;
    if (facts->refused == 0) {
        facts->has_clients = true;
        return;
    }
    bool is_bound =
        query->minimum == MINIMUM_TLS_1_1 && sum->legacy_clients < query->limits.max_clients;
    facts->has_clients = sum->has_clients && sum->legacy_clients > 0 &&
                         (query->minimum == MINIMUM_TLS_1_2 || is_bound);
    facts->clients = facts->has_clients ? sum->legacy_clients : 0;
}

/* What the sensors that know the domain say; the last one's bit stands for all further ones. */
static void set_health(const struct usage_sums *sums, const struct usage_sum *sum,
                       const struct health *health, struct whatif_facts *facts) {
    const char *names[USAGE_SUM_SENSORS];
    size_t count = 0;
    for (size_t i = 0; i < sums->sensor_count; i++)
        if (sum->sensors >> i & 1U)
            names[count++] = sums->sensors[i];
    const struct sensor_health total = health_total(health, names, count);
    facts->packets_dropped = health_missed(&total);
    facts->packets = total.counts[HEALTH_PACKETS] + facts->packets_dropped;
    facts->records_lost = health_lost(&total);
    facts->days_watched = health_days_watched(health, names, count, sum->first_us / us_per_day);
}

struct range {
    uint64_t days_asked;
    uint64_t newest_us;
};

static struct whatif_row judge_row(const struct query *query, const struct range *range,
                                   const struct usage_sums *sums, const struct usage_sum *sum,
                                   const struct health *health) {
    struct whatif_row row = {.sum = sum};
    struct whatif_facts *facts = &row.facts;
    facts->handshakes = sum->counts[USAGE_HANDSHAKES];
    facts->answered = usage_sum_negotiated(sum);
    facts->not_seen = facts->handshakes - usage_sum_seen(sum);
    facts->days_asked = range->days_asked;
    if (query->now_us > range->newest_us)
        facts->days_stale = (query->now_us - range->newest_us) / us_per_day;
    set_refused(sum, query->minimum, facts);
    set_clients(sum, query, facts);
    set_health(sums, sum, health, facts);
    row.judgement = whatif_judge(facts, &query->limits);
    return row;
}

/* ---- reading ---- */

/* When the newest handshake of all was; 0 when there is none. */
static int read_newest(const struct query *query, uint64_t *newest_us) {
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "ZREVRANGE", REDIS_KEY_DOMAINS, "0", "0", "WITHSCORES", NULL);
    int status = asker_exchange(query->asker, &batch);
    if (status == 0)
        status = asker_judge(query->asker, batch.replies[0]);
    *newest_us = 0;
    if (status == 0 && batch.replies[0]->type == REDIS_REPLY_ARRAY &&
        batch.replies[0]->elements == 2)
        *newest_us = reply_number(batch.replies[0]->element[1]);
    if (*newest_us > query->now_us)
        *newest_us = query->now_us;
    redis_batch_deinit(&batch);
    return status;
}

static struct range set_range(struct query *query, uint64_t newest_us) {
    uint64_t age_us =
        query->since_us != 0 ? query->now_us - query->since_us : DAYS_BY_DEFAULT * us_per_day;
    struct range range = {(age_us + us_per_day - 1) / us_per_day, newest_us};
    query->since_us = newest_us > age_us ? newest_us - age_us : 1;
    return range;
}

/* A named domain of which nothing is known gets a row, too: not seen is not safe. */
static int add_unseen(const struct query *query, struct usage_sums *sums) {
    for (size_t i = 0; i < query->domain_count; i++) {
        bool is_there = strncmp(query->domains[i], "*.", 2) == 0;
        for (size_t at = 0; at < sums->count && !is_there; at++)
            is_there = strcmp(sums->items[at].domain, query->domains[i]) == 0;
        if (!is_there && usage_sums_add(sums, query->domains[i]) != 0)
            return -ENOMEM;
    }
    return 0;
}

static enum query_result print_rows(const struct query *query, const struct range *range,
                                    struct whatif_answer *answer) {
    size_t count = answer->sums->count;
    if (query->limit != 0 && query->limit < count)
        count = (size_t)query->limit;
    struct whatif_row *rows = calloc(count + 1, sizeof *rows);
    if (rows == NULL) {
        (void)fputs("downgrdctl: out of memory\n", stderr);
        return QUERY_FAILED;
    }
    for (size_t i = 0; i < count; i++)
        rows[i] = judge_row(query, range, answer->sums, &answer->sums->items[i],
                            &answer->coverage->health);
    answer->rows = rows;
    answer->row_count = count;
    answer->newest_us = range->newest_us;
    enum query_result result = whatif_sheet_print(query, answer);
    free(rows);
    return result;
}

static int read_all(const struct query *query, struct usage_sums *all) {
    static const char *const names[] = {USAGE_DOMAIN_ALL, NULL};
    return query->domain_count == 0 ? usage_sums_read(query, names, 1, all) : 0;
}

enum query_result query_whatif(const struct query *query) {
    struct query scoped = *query;
    struct domain_choice choice = {0};
    struct usage_sums sums = {0};
    struct usage_sums all = {0};
    struct coverage coverage = {0};
    uint64_t newest_us = 0;
    enum query_result result = QUERY_FAILED;
    scoped.only_legacy_clients = true;
    scoped.order = scoped.minimum == MINIMUM_TLS_1_3 ? ORDER_HANDSHAKES : ORDER_LEGACY;
    int status = read_newest(&scoped, &newest_us);
    struct range range = set_range(&scoped, newest_us);
    if (status == 0)
        status = domain_choice_read(&scoped, &choice);
    if (status == 0)
        status = usage_sums_read(&scoped, choice.names, choice.count, &sums);
    if (status == 0)
        status = add_unseen(&scoped, &sums);
    if (status == 0)
        status = read_all(&scoped, &all);
    if (status == 0)
        status = coverage_read(&scoped, all.count > 0 ? &all : &sums, &coverage);
    coverage.is_of_all = all.count > 0;
    usage_sums_sort(&sums, scoped.order);
    struct whatif_answer answer = {.sums = &sums,
                                   .total = choice.is_some ? choice.total : sums.count,
                                   .coverage = &coverage,
                                   .all = all.count > 0 ? &all.items[0] : NULL};
    if (status != 0) {
        asker_complain(scoped.asker, status);
    } else if (newest_us == 0 || sums.count == 0) {
        share_say_nothing(query);
        result = QUERY_NOTHING;
    } else {
        result = print_rows(&scoped, &range, &answer);
    }
    coverage_deinit(&coverage);
    usage_sums_deinit(&all);
    usage_sums_deinit(&sums);
    domain_choice_deinit(&choice);
    return result;
}
