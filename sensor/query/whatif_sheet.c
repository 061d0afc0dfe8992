/* whatif_sheet.c - see whatif_sheet.h. */
#include "whatif_sheet.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "prose.h"
#include "redis_keys.h"
#include "share_sheet.h"

enum { REASON_NAMES_SIZE = 256, POOL_INDENT = 18 };

const char *whatif_minimum_name(enum query_minimum minimum) {
    static const char *const names[] = {[MINIMUM_TLS_1_1] = "TLS 1.1",
                                        [MINIMUM_TLS_1_2] = "TLS 1.2",
                                        [MINIMUM_TLS_1_3] = "TLS 1.3"};
    return names[minimum];
}

/* ---- the pool ---- */

/* What a pool for old versions has to stand: of all domains together where that is known, else the
 * sum of the rows, which their busiest seconds being different ones makes too high. */
struct pool {
    struct usage_peaks peaks;
    uint64_t handshakes;
    uint64_t resumed;
    uint64_t clients;
    uint64_t domains;
    bool is_of_all;
    bool has_seconds; /* the sensors tell peaks per second */
};

static void add_to_pool(struct pool *pool, const struct usage_sum *sum) {
    uint64_t legacy = usage_sum_legacy(sum);
    pool->peaks.legacy_per_min += sum->peaks.legacy_per_min;
    pool->peaks.legacy_per_s += sum->peaks.legacy_per_s;
    pool->peaks.legacy_full_per_s += sum->peaks.legacy_full_per_s;
    pool->handshakes += legacy;
    pool->resumed += sum->counts[USAGE_RESUMED_LEGACY];
    pool->clients += sum->legacy_clients;
    pool->domains += legacy > 0 ? 1 : 0;
    pool->has_seconds = pool->has_seconds && (legacy == 0 || sum->peaks.legacy_per_s > 0);
}

static struct pool measure_pool(const struct whatif_answer *answer) {
    struct pool pool = {.is_of_all = answer->all != NULL, .has_seconds = true};
    if (answer->all != NULL)
        add_to_pool(&pool, answer->all);
    for (size_t i = 0; answer->all == NULL && i < answer->row_count; i++)
        add_to_pool(&pool, answer->rows[i].sum);
    return pool;
}

static void print_pool(const struct query *query, const struct whatif_answer *answer) {
    struct pool pool = measure_pool(answer);
    const struct usage_peaks *peaks = &pool.peaks;
    const char *bound = pool.is_of_all || pool.domains <= 1 ? "" : "at most ";
    char share[PERCENT_TEXT_SIZE];
    char text[PROSE_SIZE];
    prose_print(query->out, &query->style, "Legacy pool, for versions below TLS 1.2 at %s:",
                pool.is_of_all ? "all domains together" : "these domains");
    if (pool.has_seconds)
        (void)snprintf(text, sizeof text, "%s%" PRIu64 " (full handshakes in theirs: %" PRIu64 ")",
                       bound, peaks->legacy_per_s, peaks->legacy_full_per_s);
    else
        (void)snprintf(text, sizeof text, "not told by every sensor");
    prose_print_labelled(query->out, &query->style, "  busiest second", POOL_INDENT, text);
    (void)snprintf(text, sizeof text, "%s%" PRIu64, bound, peaks->legacy_per_min);
    prose_print_labelled(query->out, &query->style, "  busiest minute", POOL_INDENT, text);
    (void)snprintf(text, sizeof text, "%" PRIu64 ", of these resumed %" PRIu64 " (%s)",
                   pool.handshakes, pool.resumed,
                   percent_text(pool.resumed, pool.handshakes, share));
    prose_print_labelled(query->out, &query->style, "  handshakes", POOL_INDENT, text);
    (void)snprintf(text, sizeof text, "%s%" PRIu64, bound, pool.clients);
    prose_print_labelled(query->out, &query->style, "  clients", POOL_INDENT, text);
    if (*bound != '\0')
        prose_print(query->out, &query->style,
                    "at most: the domains' figures added up; their peaks need not fall together, "
                    "and one client may use several domains.");
}

static json_t *json_of_pool(const struct whatif_answer *answer) {
    struct pool pool = measure_pool(answer);
    json_t *object = json_pack(
        "{s:b,s:I,s:I,s:I,s:I}", "of_all_domains", (int)pool.is_of_all, REDIS_FIELD_PEAK,
        (json_int_t)pool.peaks.legacy_per_min, "legacy", (json_int_t)pool.handshakes,
        "resumed_legacy", (json_int_t)pool.resumed, "legacy_clients", (json_int_t)pool.clients);
    (void)json_object_set_new(object, USAGE_FIELD_PEAK_SECOND,
                              pool.has_seconds ? json_integer((json_int_t)pool.peaks.legacy_per_s)
                                               : json_null());
    (void)json_object_set_new(
        object, USAGE_FIELD_PEAK_FULL_SECOND,
        pool.has_seconds ? json_integer((json_int_t)pool.peaks.legacy_full_per_s) : json_null());
    return object;
}

/* ---- rows ---- */

static const struct sheet_column columns[] = {
    {"domain", "DOMAIN", SHEET_NAME, 0},
    {"verdict", "VERDICT", SHEET_TEXT, 0},
    {"reasons", NULL, SHEET_TEXT, 0},
    {"answered", "ANSWERED", SHEET_NUMBER, 0},
    {"refused", "REFUSED", SHEET_NUMBER, 3},
    {"refused_share", "SHARE", SHEET_PERCENT, 0},
    {"seen_share", "SEEN", SHEET_PERCENT, 0},
    {"refused_by_client", "CLIENT", SHEET_NUMBER, 1},
    {"refused_by_server", "SERVER", SHEET_NUMBER, 1},
    {"clients", "OLD", SHEET_NUMBER, 1},
    {"days_watched", "DAYS", SHEET_NUMBER, 2},
    {REDIS_FIELD_PEAK, "/MIN", SHEET_NUMBER, 4},
    {USAGE_FIELD_PEAK_SECOND, "/S", SHEET_NUMBER, 3},
    {USAGE_FIELD_PEAK_FULL_SECOND, "FULL/S", SHEET_NUMBER, 3},
    {REDIS_FIELD_LAST_LEGACY, "LAST", SHEET_DATE, 3},
    {"legacy_trend", NULL, SHEET_TREND, 0},
    {NULL, "LEGACY'S TREND", SHEET_TREND, 5},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

static const char *reason_names(uint32_t reasons, char names[REASON_NAMES_SIZE]) {
    size_t used = 0;
    names[0] = '\0';
    for (unsigned i = 0; i < WHATIF_REASON_COUNT; i++) {
        if ((reasons >> i & 1U) == 0)
            continue;
        int length = snprintf(names + used, REASON_NAMES_SIZE - used, "%s%s", used > 0 ? " " : "",
                              whatif_reason_name((enum whatif_reason)i));
        used += length > 0 ? (size_t)length : 0;
    }
    return names;
}

static void add_or_nothing(struct sheet *sheet, bool is_known, uint64_t number) {
    if (is_known)
        sheet_add_number(sheet, number);
    else
        sheet_add_nothing(sheet);
}

static void add_row(struct sheet *sheet, const struct whatif_answer *answer,
                    const struct whatif_row *row) {
    char names[REASON_NAMES_SIZE];
    const struct whatif_facts *facts = &row->facts;
    const struct usage_sum *sum = row->sum;
    bool has_seconds = usage_sum_legacy(sum) == 0 || sum->peaks.legacy_per_s > 0;
    sheet_add_string(sheet, sum->domain);
    sheet_add_string(sheet, whatif_verdict_name(row->judgement.verdict));
    if (row->judgement.verdict == WHATIF_NOT_SAFE)
        sheet_mark(sheet);
    sheet_add_string(sheet, reason_names(row->judgement.reasons, names));
    sheet_add_number(sheet, facts->answered);
    sheet_add_number(sheet, facts->refused);
    sheet_add_share(sheet, facts->refused, facts->answered);
    sheet_add_share(sheet, facts->handshakes - facts->not_seen, facts->handshakes);
    sheet_add_number(sheet, facts->by_client);
    sheet_add_number(sheet, facts->by_server);
    add_or_nothing(sheet, facts->has_clients, facts->clients);
    sheet_add_number(sheet, facts->days_watched);
    sheet_add_number(sheet, sum->peaks.legacy_per_min);
    add_or_nothing(sheet, has_seconds, sum->peaks.legacy_per_s);
    add_or_nothing(sheet, has_seconds, sum->peaks.legacy_full_per_s);
    sheet_add_number(sheet, sum->last_legacy_us);
    usage_sum_add_trend(sheet, answer->sums, sum, sum->trend_legacy);
    usage_sum_add_share_trend(sheet, answer->sums, sum);
}

/* ---- for people ---- */

static void print_reasons(const struct query *query, const struct whatif_row *row) {
    char text[WHATIF_TEXT_SIZE];
    const char *verdict = whatif_verdict_name(row->judgement.verdict);
    prose_print(query->out, &query->style, "%s: %s%s", row->sum->domain, verdict,
                row->judgement.reasons == 0 ? ", by all limits" : "");
    for (unsigned i = 0; i < WHATIF_REASON_COUNT; i++)
        if (row->judgement.reasons >> i & 1U)
            prose_print(
                query->out, &query->style, "    %s",
                whatif_reason_text((enum whatif_reason)i, &row->facts, &query->limits, text));
}

static void print_limits(const struct query *query, uint64_t days) {
    const struct whatif_limits *limits = &query->limits;
    prose_print(query->out, &query->style,
                "safe: for %" PRIu64 " days less than %.3g%% of the answered handshakes would be "
                "refused, of fewer than %" PRIu64 " clients, and the evidence is whole: at least "
                "%" PRIu64 " answered handshakes, %.3g%% of all seen whole, at most %.3g%% of the "
                "packets dropped, nothing lost. watch: so far nobody would break, but evidence is "
                "missing. not safe: somebody would.",
                days, 100.0 * limits->max_share, limits->max_clients, limits->min_handshakes,
                100.0 * limits->min_coverage, 100.0 * limits->max_dropped);
    prose_print(
        query->out, &query->style,
        "CLIENT: refused, since the client offers no more. SERVER: the client offers more, "
        "its server does not. OLD: distinct clients. DAYS: on which a sensor watched since "
        "the domain was first seen.%s",
        query->minimum == MINIMUM_TLS_1_2
            ? " /MIN, /S, FULL/S: most legacy handshakes in a minute, a second, and of full "
              "ones in a second."
            : " Peaks and trend are of versions below TLS 1.2.");
}

static void print_counts(const struct query *query, const struct whatif_answer *answer) {
    uint64_t counts[3] = {0};
    char begin[TIME_TEXT_SIZE];
    char end[TIME_TEXT_SIZE];
    for (size_t i = 0; i < answer->row_count; i++)
        counts[answer->rows[i].judgement.verdict]++;
    prose_print(query->out, &query->style,
                "If versions below %s were refused (%.16s to %.16s UTC): %" PRIu64 " safe, %" PRIu64
                " watch, %" PRIu64 " not safe, of the %zu domains %s.",
                whatif_minimum_name(query->minimum),
                time_for_people(usage_range_begin_us(query), begin),
                time_for_people(answer->newest_us, end), counts[WHATIF_SAFE], counts[WHATIF_WATCH],
                counts[WHATIF_NOT_SAFE], answer->row_count,
                answer->row_count < answer->total ? "shown" : "asked for");
}

static void print_people(const struct query *query, const struct sheet *sheet,
                         const struct whatif_answer *answer) {
    sheet_print_table(sheet, query->out, &query->style);
    if (answer->row_count < answer->total)
        (void)fprintf(query->out, "... and %" PRIu64 " more (--limit 0 shows all)\n",
                      answer->total - answer->row_count);
    (void)fputc('\n', query->out);
    print_counts(query, answer);
    (void)fputc('\n', query->out);
    for (size_t i = 0; i < answer->row_count; i++)
        print_reasons(query, &answer->rows[i]);
    (void)fputc('\n', query->out);
    print_pool(query, answer);
    (void)fputc('\n', query->out);
    print_limits(query, answer->row_count > 0 ? answer->rows[0].facts.days_asked : 0);
    coverage_print(query, answer->coverage);
}

/* ---- for programs ---- */

static json_t *json_of_reasons(const struct query *query, const struct whatif_row *row) {
    char text[WHATIF_TEXT_SIZE];
    json_t *reasons = json_array();
    for (unsigned i = 0; i < WHATIF_REASON_COUNT; i++)
        if (row->judgement.reasons >> i & 1U)
            (void)json_array_append_new(
                reasons,
                json_pack(
                    "{s:s,s:s}", "name", whatif_reason_name((enum whatif_reason)i), "text",
                    whatif_reason_text((enum whatif_reason)i, &row->facts, &query->limits, text)));
    return reasons;
}

static void print_json(const struct query *query, const struct sheet *sheet,
                       const struct whatif_answer *answer) {
    char begin[TIME_TEXT_SIZE];
    char end[TIME_TEXT_SIZE];
    const struct whatif_limits *limits = &query->limits;
    json_t *rows = sheet_json(sheet);
    for (size_t i = 0; i < answer->row_count; i++)
        (void)json_object_set_new(json_array_get(rows, i), "reasons",
                                  json_of_reasons(query, &answer->rows[i]));
    json_t *whole = json_pack("{s:s,s:s,s:s,s:{s:f,s:I,s:I,s:f,s:f},s:o,s:I,s:o,s:o}", "minimum",
                              whatif_minimum_name(query->minimum), "since",
                              time_for_programs(usage_range_begin_us(query), begin), "until",
                              time_for_programs(answer->newest_us, end), "limits", "max_share",
                              limits->max_share, "max_clients", (json_int_t)limits->max_clients,
                              "min_handshakes", (json_int_t)limits->min_handshakes, "min_coverage",
                              limits->min_coverage, "max_dropped", limits->max_dropped, "domains",
                              rows, "rows_in_all", (json_int_t)answer->total, "pool",
                              json_of_pool(answer), "coverage", coverage_json(answer->coverage));
    print_json_value(query->out, whole);
}

enum query_result whatif_sheet_print(const struct query *query,
                                     const struct whatif_answer *answer) {
    struct sheet_column shown[COLUMN_COUNT];
    memcpy(shown, columns, sizeof shown);
    if (answer->sums->slots <= 2)
        shown[COLUMN_COUNT - 1].title = NULL;
    struct sheet *sheet = sheet_new(shown, COLUMN_COUNT);
    for (size_t i = 0; sheet != NULL && i < answer->row_count; i++)
        add_row(sheet, answer, &answer->rows[i]);
    if (sheet_failed(sheet)) {
        (void)fputs("downgrdctl: out of memory\n", stderr);
        sheet_delete(sheet);
        return QUERY_FAILED;
    }
    if (query->format == QUERY_CSV)
        sheet_print_csv(sheet, query->out);
    else if (query->format == QUERY_JSON)
        print_json(query, sheet, answer);
    else
        print_people(query, sheet, answer);
    sheet_delete(sheet);
    return QUERY_FOUND;
}
