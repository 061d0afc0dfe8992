/*
 * share_sheet.c - see share_sheet.h.
 *
 * The share is of handshakes with a ServerHello: of the others nobody knows what would have been
 * negotiated. How many those are is printed under every table, beside what the sensors lost.
 */
#include "share_sheet.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "prose.h"
#include "redis_keys.h"
#include "reply.h"

/* ---- order ---- */

static uint64_t order_value(const struct usage_sum *sum, enum query_order order) {
    switch (order) {
    case ORDER_LEGACY:
        return usage_sum_legacy(sum);
    case ORDER_CLIENTS:
        return sum->legacy_clients;
    case ORDER_ALERTS:
        return sum->counts[USAGE_ALERTS];
    case ORDER_HANDSHAKES:
        return sum->counts[USAGE_HANDSHAKES];
    }
    return 0;
}

static int compare(const struct usage_sum *a, const struct usage_sum *b, enum query_order order) {
    uint64_t of_a = order_value(a, order);
    uint64_t of_b = order_value(b, order);
    if (a->label[0] != '\0' || b->label[0] != '\0') {
        int by_domain = strcmp(a->domain, b->domain);
        return by_domain != 0 ? by_domain : strcmp(a->label, b->label);
    }
    if (of_a != of_b)
        return of_a > of_b ? -1 : 1;
    of_a = a->counts[USAGE_HANDSHAKES];
    of_b = b->counts[USAGE_HANDSHAKES];
    if (of_a != of_b)
        return of_a > of_b ? -1 : 1;
    return strcmp(a->domain, b->domain);
}

static int compare_legacy(const void *a, const void *b) {
    return compare(a, b, ORDER_LEGACY);
}
static int compare_clients(const void *a, const void *b) {
    return compare(a, b, ORDER_CLIENTS);
}
static int compare_alerts(const void *a, const void *b) {
    return compare(a, b, ORDER_ALERTS);
}
static int compare_handshakes(const void *a, const void *b) {
    return compare(a, b, ORDER_HANDSHAKES);
}

void usage_sums_sort(struct usage_sums *sums, enum query_order order) {
    static int (*const by_order[])(const void *, const void *) = {
        [ORDER_LEGACY] = compare_legacy,
        [ORDER_CLIENTS] = compare_clients,
        [ORDER_ALERTS] = compare_alerts,
        [ORDER_HANDSHAKES] = compare_handshakes,
    };
    if (sums->count > 1)
        qsort(sums->items, sums->count, sizeof *sums->items, by_order[order]);
}

/* ---- rows ---- */

/* Columns before and after the counters; the counters of usage_field_names[] that have no title
 * here are in JSON and CSV only. */
enum { LEADING = 11, TRAILING = 9, COLUMN_COUNT = LEADING + USAGE_FIELD_COUNT + TRAILING };

/* What a narrow table can do without, most dispensable last. */
enum drop { ALWAYS, LATE, MIDDLE, EARLY, FIRST };

static struct sheet_column counter_column(size_t field) {
    const char *title = NULL;
    enum drop drop = MIDDLE;
    switch (field) {
    case USAGE_TLS_1_3:
        title = "1.3";
        drop = FIRST;
        break;
    case USAGE_TLS_1_2:
        title = "1.2";
        drop = FIRST;
        break;
    case USAGE_TLS_1_1:
        title = "1.1";
        drop = EARLY;
        break;
    case USAGE_TLS_1_0:
        title = "1.0";
        drop = EARLY;
        break;
    case USAGE_SSL_3:
        title = "SSL3";
        drop = FIRST;
        break;
    case USAGE_SSL_2:
        title = "SSL2";
        drop = FIRST;
        break;
    case USAGE_LEGACY_CLIENT:
        title = "CLIENT";
        drop = LATE;
        break;
    case USAGE_LEGACY_SERVER:
        title = "SERVER";
        drop = LATE;
        break;
    case USAGE_DOWNGRADED:
        title = "DOWNGR";
        break;
    case USAGE_ALERTS:
        title = "ALERTS";
        break;
    default:
        break;
    }
    return (struct sheet_column){usage_field_names[field], title, SHEET_NUMBER, (uint8_t)drop};
}

static void set_columns(const struct query *query, const struct usage_sums *sums,
                        struct sheet_column columns[COLUMN_COUNT]) {
    static const char *const keys[] = {
        [BY_DOMAIN] = "group", [BY_HOUR] = "hour", [BY_DAY] = "day", [BY_SENSOR] = "sensor"};
    static const char *const titles[] = {[BY_DOMAIN] = NULL,
                                         [BY_HOUR] = "HOUR (UTC)",
                                         [BY_DAY] = "DAY (UTC)",
                                         [BY_SENSOR] = "SENSOR"};
    bool has_trend = query->by == BY_DOMAIN && sums->slots > 2;
    const struct sheet_column leading[LEADING] = {
        {"domain", "DOMAIN", SHEET_NAME, ALWAYS},
        {keys[query->by], titles[query->by], SHEET_TEXT, ALWAYS},
        {"application", NULL, SHEET_TEXT, ALWAYS},
        {"negotiated", "ANSWERED", SHEET_NUMBER, ALWAYS},
        {"legacy", "LEGACY", SHEET_NUMBER, ALWAYS},
        {"legacy_share", "SHARE", SHEET_PERCENT, ALWAYS},
        {NULL, query->by == BY_DOMAIN ? NULL : "OF ALL", SHEET_BAR, LATE},
        {"seen_share", "SEEN", SHEET_PERCENT, ALWAYS},
        {NULL, has_trend ? "SHARE'S TREND" : NULL, SHEET_TREND, MIDDLE},
        {"legacy_trend", NULL, SHEET_TREND, ALWAYS},
        {"answered_trend", NULL, SHEET_TREND, ALWAYS},
    };
    const struct sheet_column trailing[TRAILING] = {
        {"clients", "CLIENTS", SHEET_NUMBER, EARLY},
        {"legacy_clients", "OLD", SHEET_NUMBER, LATE},
        {REDIS_FIELD_PEAK, "PEAK", SHEET_NUMBER, MIDDLE},
        {USAGE_FIELD_PEAK_SECOND, NULL, SHEET_NUMBER, ALWAYS},
        {USAGE_FIELD_PEAK_FULL_SECOND, NULL, SHEET_NUMBER, ALWAYS},
        {REDIS_FIELD_LAST_LEGACY, "LAST", SHEET_DATE, MIDDLE},
        {REDIS_FIELD_FIRST, NULL, SHEET_TIME, ALWAYS},
        {REDIS_FIELD_LAST, NULL, SHEET_TIME, ALWAYS},
        {REDIS_FIELD_CLIENTS_LOST, NULL, SHEET_NUMBER, ALWAYS},
    };
    memcpy(columns, leading, sizeof leading);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        columns[LEADING + i] = counter_column(i);
    memcpy(columns + LEADING + USAGE_FIELD_COUNT, trailing, sizeof trailing);
}

void usage_sum_add_trend(struct sheet *sheet, const struct usage_sums *sums,
                         const struct usage_sum *sum, const uint64_t *values) {
    uint64_t shown[SHEET_TREND_SLOTS];
    for (size_t i = 0; i < sums->slots; i++)
        shown[i] = sum->trend_answered[i] == 0 ? SHEET_UNSEEN : values[i];
    sheet_add_trend(sheet, shown, sums->slots);
}

/* Parts of the range differ in length by a day: shares are alike all the same. */
void usage_sum_add_share_trend(struct sheet *sheet, const struct usage_sums *sums,
                               const struct usage_sum *sum) {
    const double millionth = 1e6;
    uint64_t shares[SHEET_TREND_SLOTS];
    for (size_t i = 0; i < sums->slots; i++)
        shares[i] = sum->trend_answered[i] == 0
                        ? SHEET_UNSEEN
                        : (uint64_t)(millionth * (double)sum->trend_legacy[i] /
                                     (double)sum->trend_answered[i]);
    sheet_add_trend(sheet, shares, sums->slots);
}

uint64_t usage_sum_seen(const struct usage_sum *sum) {
    uint64_t missing = sum->counts[USAGE_HALF_SEEN] + sum->counts[USAGE_INCONCLUSIVE];
    return sum->counts[USAGE_HANDSHAKES] > missing ? sum->counts[USAGE_HANDSHAKES] - missing : 0;
}

static void add_row(struct sheet *sheet, const struct usage_sums *sums,
                    const struct usage_sum *sum) {
    uint64_t legacy = usage_sum_legacy(sum);
    uint64_t answered = usage_sum_negotiated(sum);
    sheet_add_string(sheet, sum->domain);
    sheet_add_string(sheet, sum->label);
    sheet_add_string(sheet, sum->application);
    sheet_add_number(sheet, answered);
    sheet_add_number(sheet, legacy);
    sheet_add_share(sheet, legacy, answered);
    sheet_add_share(sheet, legacy, answered);
    sheet_add_share(sheet, usage_sum_seen(sum), sum->counts[USAGE_HANDSHAKES]);
    usage_sum_add_share_trend(sheet, sums, sum);
    usage_sum_add_trend(sheet, sums, sum, sum->trend_legacy);
    usage_sum_add_trend(sheet, sums, sum, sum->trend_answered);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++) {
        sheet_add_number(sheet, sum->counts[i]);
        if ((i == USAGE_DOWNGRADED || i == USAGE_ALERTS) && sum->counts[i] != 0)
            sheet_mark(sheet);
    }
    if (sum->has_clients) {
        sheet_add_number(sheet, sum->clients);
        sheet_add_number(sheet, sum->legacy_clients);
    } else {
        sheet_add_nothing(sheet);
        sheet_add_nothing(sheet);
    }
    sheet_add_number(sheet, sum->peaks.legacy_per_min);
    sheet_add_number(sheet, sum->peaks.legacy_per_s);
    sheet_add_number(sheet, sum->peaks.legacy_full_per_s);
    sheet_add_number(sheet, sum->last_legacy_us);
    sheet_add_number(sheet, sum->first_us);
    sheet_add_number(sheet, sum->last_us);
    sheet_add_number(sheet, sum->clients_lost);
}

/* ---- the whole ---- */

static void print_legend(const struct query *query) {
    char text[TIME_TEXT_SIZE];
    (void)fputc('\n', query->out);
    prose_print(query->out, &query->style,
                "LEGACY: below TLS 1.2, of the ANSWERED (those with a ServerHello). SEEN: part of "
                "the handshakes that was seen whole. CLIENT, SERVER: who kept the legacy ones "
                "there. DOWNGR: both could do better, whatever the version. OLD: CLIENTS with a "
                "legacy handshake. PEAK: most legacy handshakes in a minute. LAST: day of the "
                "newest of them.");
    if (query->since_us != 0)
        prose_print(query->out, &query->style, "Since %s UTC (packet time).",
                    time_for_people(usage_range_begin_us(query), text));
}

static void print_table(const struct query *query, const struct sheet *sheet, uint64_t total,
                        const struct coverage *coverage) {
    sheet_print_table(sheet, query->out, &query->style);
    if (sheet_rows(sheet) < total)
        (void)fprintf(query->out, "... and %" PRIu64 " more (--limit 0 shows all)\n",
                      total - sheet_rows(sheet));
    print_legend(query);
    if (coverage->is_of_all) {
        char share[PERCENT_TEXT_SIZE];
        prose_print(query->out, &query->style,
                    "All domains: %" PRIu64 " answered, %" PRIu64 " legacy (%s).",
                    coverage->negotiated, coverage->legacy,
                    percent_text(coverage->legacy, coverage->negotiated, share));
    } else if (sheet_rows(sheet) < total) {
        prose_print(query->out, &query->style,
                    "The next line is of the domains that were read for this table, not of all.");
    }
    coverage_print(query, coverage);
}

static void print_json(const struct query *query, const struct sheet *sheet, uint64_t total,
                       const struct coverage *coverage) {
    char text[TIME_TEXT_SIZE];
    json_t *since = query->since_us == 0
                        ? json_null()
                        : json_string(time_for_programs(usage_range_begin_us(query), text));
    json_t *whole =
        json_pack("{s:o,s:o,s:I,s:o}", "since", since, "domains", sheet_json(sheet), "rows_in_all",
                  (json_int_t)total, "coverage", coverage_json(coverage));
    print_json_value(query->out, whole);
}

enum query_result share_sheet_print(const struct query *query, const struct usage_sums *sums,
                                    uint64_t total, const struct coverage *coverage) {
    struct sheet_column columns[COLUMN_COUNT];
    set_columns(query, sums, columns);
    struct sheet *sheet = sheet_new(columns, COLUMN_COUNT);
    size_t rows = query->limit != 0 && query->limit < sums->count ? query->limit : sums->count;
    for (size_t i = 0; sheet != NULL && i < rows; i++)
        add_row(sheet, sums, &sums->items[i]);
    if (sheet_failed(sheet)) {
        (void)fputs("downgrdctl: out of memory\n", stderr);
        sheet_delete(sheet);
        return QUERY_FAILED;
    }
    if (query->format == QUERY_CSV)
        sheet_print_csv(sheet, query->out);
    else if (query->format == QUERY_JSON)
        print_json(query, sheet, total, coverage);
    else
        print_table(query, sheet, total, coverage);
    sheet_delete(sheet);
    return sums->count > 0 ? QUERY_FOUND : QUERY_NOTHING;
}

void share_say_nothing(const struct query *query) {
    char text[TIME_TEXT_SIZE];
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "ZREVRANGE", REDIS_KEY_DOMAINS, "0", "0", "WITHSCORES", NULL);
    int status = asker_exchange(query->asker, &batch);
    bool is_known = status == 0 && batch.replies[0]->type == REDIS_REPLY_ARRAY &&
                    batch.replies[0]->elements == 2;
    if (query->since_us != 0 && is_known)
        (void)fprintf(stderr,
                      "downgrdctl: nothing since then; the newest handshake is of %s UTC (packet "
                      "time; replayed captures keep theirs): leave out --since to see all\n",
                      time_for_people(reply_number(batch.replies[0]->element[1]), text));
    else if (query->domain_count > 0 && is_known)
        (void)fputs("downgrdctl: nothing is known of that; downgrdctl share shows what is\n",
                    stderr);
    else
        (void)fputs("downgrdctl: nothing published yet: downgrd -r FILE --redis URL does that\n",
                    stderr);
    redis_batch_deinit(&batch);
}
