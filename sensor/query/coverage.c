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
    int status = health_read(query, &coverage->health);
    coverage->total = health_total(&coverage->health, NULL, 0);
    return status;
}

void coverage_deinit(struct coverage *coverage) {
    health_deinit(&coverage->health);
}

/* Packets that were on the wire, as far as the sensors know. */
static uint64_t packets_of(const struct coverage *coverage) {
    return coverage->total.counts[HEALTH_PACKETS] + health_missed(&coverage->total);
}

/* What was lost, in words, only where something was. */
static void print_losses(const struct query *query, const struct coverage *coverage) {
    uint64_t journal = coverage->total.counts[HEALTH_JOURNAL_DROPPED];
    uint64_t alerts = coverage->total.counts[HEALTH_ALERTS_LOST];
    uint64_t records = coverage->total.counts[HEALTH_RECORDS_LOST];
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
    const uint64_t *counts = coverage->total.counts;
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
    uint64_t missed = health_missed(&coverage->total);
    prose_print(query->out, &query->style,
                "Sensors: %" PRIu64 " packets, of these %" PRIu64 " malformed and %" PRIu64
                " cut; %" PRIu64 " more dropped before the sensor (%s); lost for want of room: "
                "%" PRIu64 " flows, %" PRIu64 " messages, %" PRIu64 " fragments.",
                counts[HEALTH_PACKETS], counts[HEALTH_PACKETS_MALFORMED],
                counts[HEALTH_PACKETS_CUT], missed,
                percent_text(missed, packets_of(coverage), dropped), counts[HEALTH_FLOWS_EVICTED],
                counts[HEALTH_BUFFERS_EXHAUSTED], counts[HEALTH_FRAGMENTS_DROPPED]);
    print_losses(query, coverage);
}

static double share_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

json_t *coverage_json(const struct coverage *coverage) {
    json_t *health = json_object();
    for (size_t i = 0; i < HEALTH_FIELD_COUNT; i++)
        (void)json_object_set_new(health, health_field_names[i],
                                  json_integer((json_int_t)coverage->total.counts[i]));
    return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f,s:I,s:o}", "of_all_domains",
                     (int)coverage->is_of_all, "handshakes", (json_int_t)coverage->handshakes,
                     "negotiated", (json_int_t)coverage->negotiated, "legacy",
                     (json_int_t)coverage->legacy, "half_seen", (json_int_t)coverage->half_seen,
                     "inconclusive", (json_int_t)coverage->inconclusive, "half_seen_share",
                     share_of(coverage->half_seen, coverage->handshakes), "inconclusive_share",
                     share_of(coverage->inconclusive, coverage->handshakes), "legacy_share",
                     share_of(coverage->legacy, coverage->negotiated), "dropped_share",
                     share_of(health_missed(&coverage->total), packets_of(coverage)),
                     "clients_lost", (json_int_t)coverage->clients_lost, "sensors", health);
}
