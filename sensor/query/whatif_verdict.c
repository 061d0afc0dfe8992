/* whatif_verdict.c - see whatif_verdict.h. Limits are compared without rounding: what is shown as
 * 0.10% may be a little more or less. */
#include "whatif_verdict.h"

#include <inttypes.h>
#include <stdio.h>

const struct whatif_limits whatif_default_limits = {
    .max_share = 0.001,
    .max_clients = 10,
    .min_handshakes = 100,
    .min_coverage = 0.95,
    .max_dropped = 0.01,
};

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static double part_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static double coverage_of(const struct whatif_facts *facts) {
    return 1.0 - part_of(facts->not_seen, facts->handshakes);
}

static bool applies(enum whatif_reason reason, const struct whatif_facts *facts,
                    const struct whatif_limits *limits) {
    switch (reason) {
    case WHATIF_SHARE:
        return facts->refused > 0 && part_of(facts->refused, facts->answered) >= limits->max_share;
    case WHATIF_CLIENTS:
        return facts->has_clients && facts->clients > 0 && facts->clients >= limits->max_clients;
    case WHATIF_UNSEEN:
        return facts->answered == 0;
    case WHATIF_FEW_HANDSHAKES:
        return facts->answered > 0 && facts->answered < limits->min_handshakes;
    case WHATIF_FEW_DAYS:
        return facts->days_watched < facts->days_asked;
    case WHATIF_STALE:
        return facts->days_stale > 0;
    case WHATIF_COVERAGE:
        return coverage_of(facts) < limits->min_coverage;
    case WHATIF_DROPPED:
        return part_of(facts->packets_dropped, facts->packets) > limits->max_dropped;
    case WHATIF_RECORDS_LOST:
        return facts->records_lost > 0;
    case WHATIF_CLIENTS_LOST:
        return facts->clients_lost > 0;
    case WHATIF_CLIENTS_UNKNOWN:
        return !facts->has_clients;
    case WHATIF_REASON_COUNT:
        break;
    }
    return false;
}

struct whatif_judgement whatif_judge(const struct whatif_facts *facts,
                                     const struct whatif_limits *limits) {
    struct whatif_judgement judgement = {WHATIF_SAFE, 0};
    for (unsigned reason = 0; reason < WHATIF_REASON_COUNT; reason++) {
        if (!applies((enum whatif_reason)reason, facts, limits))
            continue;
        judgement.reasons |= UINT32_C(1) << reason;
        if (reason < WHATIF_AGAINST)
            judgement.verdict = WHATIF_NOT_SAFE;
        else if (judgement.verdict == WHATIF_SAFE)
            judgement.verdict = WHATIF_WATCH;
    }
    return judgement;
}

const char *whatif_verdict_name(enum whatif_verdict verdict) {
    static const char *const names[] = {
        [WHATIF_SAFE] = "safe", [WHATIF_WATCH] = "watch", [WHATIF_NOT_SAFE] = "not safe"};
    return names[verdict];
}

const char *whatif_reason_name(enum whatif_reason reason) {
    static const char *const names[WHATIF_REASON_COUNT] = {
        [WHATIF_SHARE] = "share",
        [WHATIF_CLIENTS] = "clients",
        [WHATIF_UNSEEN] = "unseen",
        [WHATIF_FEW_HANDSHAKES] = "few_handshakes",
        [WHATIF_FEW_DAYS] = "few_days",
        [WHATIF_STALE] = "stale",
        [WHATIF_COVERAGE] = "coverage",
        [WHATIF_DROPPED] = "dropped",
        [WHATIF_RECORDS_LOST] = "records_lost",
        [WHATIF_CLIENTS_LOST] = "clients_lost",
        [WHATIF_CLIENTS_UNKNOWN] = "clients_unknown",
    };
    return names[reason];
}

const char *whatif_reason_text(enum whatif_reason reason, const struct whatif_facts *facts,
                               const struct whatif_limits *limits, char text[WHATIF_TEXT_SIZE]) {
    const size_t size = WHATIF_TEXT_SIZE;
    switch (reason) {
    case WHATIF_SHARE:
        (void)snprintf(text, size,
                       "%" PRIu64 " of %" PRIu64 " answered handshakes would be refused (%.3g%%; "
                       "the limit is below %.3g%%): %" PRIu64 " by old clients, %" PRIu64
                       " by old servers, %" PRIu64 " pushed down or not known by whom",
                       facts->refused, facts->answered,
                       100.0 * part_of(facts->refused, facts->answered), 100.0 * limits->max_share,
                       facts->by_client, facts->by_server,
                       facts->refused - least(facts->refused, facts->by_client + facts->by_server));
        break;
    case WHATIF_CLIENTS:
        (void)snprintf(text, size,
                       "%" PRIu64 " distinct clients would be refused (the limit is fewer than "
                       "%" PRIu64 ")",
                       facts->clients, limits->max_clients);
        break;
    case WHATIF_UNSEEN:
        (void)snprintf(text, size, "no answered handshake was seen: nothing is known");
        break;
    case WHATIF_FEW_HANDSHAKES:
        (void)snprintf(text, size,
                       "only %" PRIu64 " answered handshakes were seen (%" PRIu64 " are wanted)",
                       facts->answered, limits->min_handshakes);
        break;
    case WHATIF_FEW_DAYS:
        (void)snprintf(text, size, "watched on %" PRIu64 " of the %" PRIu64 " days asked for",
                       facts->days_watched, facts->days_asked);
        break;
    case WHATIF_STALE:
        (void)snprintf(text, size, "nothing newer than %" PRIu64 " days was seen",
                       facts->days_stale);
        break;
    case WHATIF_COVERAGE:
        (void)snprintf(text, size,
                       "only %.3g%% of the handshakes were seen whole (%.3g%% are wanted)",
                       100.0 * coverage_of(facts), 100.0 * limits->min_coverage);
        break;
    case WHATIF_DROPPED:
        (void)snprintf(
            text, size, "%.3g%% of the packets did not reach the sensors (the limit is %.3g%%)",
            100.0 * part_of(facts->packets_dropped, facts->packets), 100.0 * limits->max_dropped);
        break;
    case WHATIF_RECORDS_LOST:
        (void)snprintf(text, size,
                       "%" PRIu64 " handshakes or alerts of these days were lost by the sensors "
                       "(full journal or ring)",
                       facts->records_lost);
        break;
    case WHATIF_CLIENTS_LOST:
        (void)snprintf(text, size,
                       "%" PRIu64 " handshakes were of clients that a sensor could not tell apart",
                       facts->clients_lost);
        break;
    case WHATIF_CLIENTS_UNKNOWN:
        (void)snprintf(text, size, "distinct clients are counted for versions below TLS 1.2 only");
        break;
    case WHATIF_REASON_COUNT:
        text[0] = '\0';
        break;
    }
    return text;
}
