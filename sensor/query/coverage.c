/* coverage.c - see coverage.h. */
#include "coverage.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "prose.h"

int coverage_read(const struct query *query, const struct usage_sums *sums,
                  struct coverage *coverage) {
    memset(coverage, 0, sizeof *coverage);
    for (size_t i = 0; i < sums->count; i++) {
        const struct usage_sum *sum = &sums->items[i];
        coverage->handshakes += sum->counts[USAGE_HANDSHAKES];
        coverage->negotiated += usage_sum_negotiated(sum);
        coverage->legacy += usage_sum_legacy(sum);
        coverage->half_seen += sum->counts[USAGE_HALF_SEEN];
        coverage->inconclusive += sum->counts[USAGE_INCONCLUSIVE];
        coverage->clients_lost += sum->clients_lost;
    }
    return health_read(query, &coverage->health);
}

void coverage_deinit(struct coverage *coverage) {
    health_deinit(&coverage->health);
}

uint64_t coverage_packets(const struct coverage *coverage) {
    return health_total(&coverage->health, HEALTH_PACKETS) +
           health_total(&coverage->health, HEALTH_PACKETS_DROPPED);
}

/* What was lost, in words, only where something was. */
static void print_losses(const struct query *query, const struct coverage *coverage) {
    const struct health *health = &coverage->health;
    uint64_t journal = health_total(health, HEALTH_JOURNAL_LOST);
    uint64_t alerts = health_total(health, HEALTH_ALERTS_LOST);
    uint64_t records = health_total(health, HEALTH_RECORDS_DROPPED);
    if (coverage->clients_lost != 0)
        prose_print(query->out, &query->style,
                    "Distinct clients are too few: %" PRIu64
                    " handshakes were of clients that a sensor had no room for.",
                    coverage->clients_lost);
    if (records != 0)
        prose_print(query->out, &query->style,
                    "Not judged: %" PRIu64 " handshakes, for want of room before the judge.",
                    records);
    if (journal != 0 || alerts != 0)
        prose_print(query->out, &query->style,
                    "Not published: %" PRIu64 " records of a full journal, %" PRIu64
                    " alerts: every figure of these days may be too low.",
                    journal, alerts);
}

void coverage_print(const struct query *query, const struct coverage *coverage) {
    const struct health *health = &coverage->health;
    char half[PERCENT_TEXT_SIZE];
    char inconclusive[PERCENT_TEXT_SIZE];
    char dropped[PERCENT_TEXT_SIZE];
    prose_print(query->out, &query->style,
                "Coverage%s: %" PRIu64 " handshakes, %" PRIu64
                " with a ServerHello (the shares are of these); %" PRIu64
                " half-seen (%s), %" PRIu64 " inconclusive (%s).",
                coverage->is_of_all ? " of all domains" : "", coverage->handshakes,
                coverage->negotiated, coverage->half_seen,
                percent_text(coverage->half_seen, coverage->handshakes, half),
                coverage->inconclusive,
                percent_text(coverage->inconclusive, coverage->handshakes, inconclusive));
    uint64_t lost = health_total(health, HEALTH_PACKETS_DROPPED);
    prose_print(
        query->out, &query->style,
        "Sensors: %" PRIu64 " packets, of these %" PRIu64 " malformed and %" PRIu64 " cut; %" PRIu64
        " more dropped before the sensor (%s); lost for want of room: "
        "%" PRIu64 " flows, %" PRIu64 " messages, %" PRIu64 " fragments.",
        health_total(health, HEALTH_PACKETS), health_total(health, HEALTH_PACKETS_MALFORMED),
        health_total(health, HEALTH_PACKETS_CUT), lost,
        percent_text(lost, coverage_packets(coverage), dropped),
        health_total(health, HEALTH_FLOWS_EVICTED), health_total(health, HEALTH_BUFFERS_EXHAUSTED),
        health_total(health, HEALTH_FRAGMENTS_DROPPED));
    print_losses(query, coverage);
}

static double share_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

json_t *coverage_json(const struct coverage *coverage) {
    json_t *health = json_object();
    for (size_t i = 0; i < HEALTH_FIELD_COUNT; i++)
        (void)json_object_set_new(
            health, health_field_names[i],
            json_integer((json_int_t)health_total(&coverage->health, (enum health_field)i)));
    return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:I,s:o}", "of_all_domains",
                     (int)coverage->is_of_all, "handshakes", (json_int_t)coverage->handshakes,
                     "negotiated", (json_int_t)coverage->negotiated, "legacy",
                     (json_int_t)coverage->legacy, "half_seen", (json_int_t)coverage->half_seen,
                     "inconclusive", (json_int_t)coverage->inconclusive, "half_seen_share",
                     share_of(coverage->half_seen, coverage->handshakes), "inconclusive_share",
                     share_of(coverage->inconclusive, coverage->handshakes), "legacy_share",
                     share_of(coverage->legacy, coverage->negotiated), "dropped_share",
                     share_of(health_total(&coverage->health, HEALTH_PACKETS_DROPPED),
                              coverage_packets(coverage)),
                     "clients_lost", (json_int_t)coverage->clients_lost, "sensors", health);
}
