/*
 * share_sheet.c - see share_sheet.h.
 *
 * The share is of handshakes with a ServerHello: of the others nobody knows what would have been
 * negotiated. How many those are is printed under every table, beside what the sensors lost.
 */
#include "share_sheet.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "redis_keys.h"
#include "redis_link.h"
#include "reply.h"
#include "sheet.h"

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

/* ---- coverage ---- */

/* What the sensors say of themselves for the days of the range. */
static const char *const health_fields[] = {
    "packets",           "packets_malformed", "packets_cut",   "flows_evicted", "buffers_exhausted",
    "fragments_dropped", "hello_malformed",   "alerts_folded", "alerts_lost",   "sources",
};
enum { HEALTH_COUNT = sizeof health_fields / sizeof health_fields[0] };
enum {
    HEALTH_PACKETS,
    HEALTH_MALFORMED,
    HEALTH_CUT,
    HEALTH_EVICTED,
    HEALTH_BUFFERS,
    HEALTH_FRAGMENTS
};

struct coverage {
    uint64_t handshakes;
    uint64_t negotiated;
    uint64_t legacy;
    uint64_t half_seen;
    uint64_t inconclusive;
    uint64_t clients_lost;
    uint64_t health[HEALTH_COUNT];
};

static int read_health(const struct query *query, struct coverage *coverage) {
    struct redis_batch index = {0};
    struct redis_batch batch = {0};
    char begin[16];
    (void)snprintf(begin, sizeof begin, "%u",
                   (unsigned)redis_day_of_us(usage_range_begin_us(query)));
    redis_batch_command(&index, "ZRANGEBYSCORE", REDIS_KEY_DAYS, begin, "+inf", NULL);
    int status = redis_link_exchange(query->link, &index);
    const redisReply *days = status == 0 ? index.replies[0] : NULL;
    for (size_t i = 0; status == 0 && days->type == REDIS_REPLY_ARRAY && i < days->elements; i++) {
        uint32_t day = 0;
        const char *sensor = NULL;
        if (days->element[i]->type == REDIS_REPLY_STRING &&
            redis_member_read(days->element[i]->str, &day, &sensor) == 0)
            redis_batch_command(&batch, "HGETALL", redis_key_health_day(sensor, day).text, NULL);
    }
    if (status == 0)
        status = redis_link_exchange(query->link, &batch);
    for (size_t i = 0; status == 0 && i < batch.reply_count; i++) {
        for (size_t field = 0; field < HEALTH_COUNT; field++) {
            const redisReply *value = reply_field(batch.replies[i], health_fields[field]);
            coverage->health[field] += value != NULL ? reply_number(value) : 0;
        }
    }
    redis_batch_deinit(&index);
    redis_batch_deinit(&batch);
    return status;
}

static int measure(const struct query *query, const struct usage_sums *sums,
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
    return read_health(query, coverage);
}

static double share_of(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static void print_coverage(const struct query *query, const struct coverage *coverage) {
    char text[TIME_TEXT_SIZE];
    FILE *out = query->out;
    (void)fputs(
        "\nLEGACY: below TLS 1.2, of the ANSWERED (those with a ServerHello). CLIENT, SERVER: who "
        "kept "
        "the\nlegacy ones there. DOWNGR: both could do better, whatever the version. OLD: CLIENTS "
        "with a\nlegacy handshake. PEAK: most legacy handshakes in a minute. LAST: the newest of "
        "them.\n",
        out);
    (void)fprintf(
        out,
        "Coverage: %" PRIu64 " handshakes, %" PRIu64 " with a ServerHello (the shares "
        "are of these); %" PRIu64 " half-seen (%.2f%%), %" PRIu64 " inconclusive (%.2f%%).\n",
        coverage->handshakes, coverage->negotiated, coverage->half_seen,
        100.0 * share_of(coverage->half_seen, coverage->handshakes), coverage->inconclusive,
        100.0 * share_of(coverage->inconclusive, coverage->handshakes));
    const uint64_t *health = coverage->health;
    (void)fprintf(out,
                  "Sensors: %" PRIu64 " packets, of these %" PRIu64 " malformed and %" PRIu64
                  " cut; lost for want of room: %" PRIu64 " flows, %" PRIu64 " messages, %" PRIu64
                  " fragments.\n",
                  health[HEALTH_PACKETS], health[HEALTH_MALFORMED], health[HEALTH_CUT],
                  health[HEALTH_EVICTED], health[HEALTH_BUFFERS], health[HEALTH_FRAGMENTS]);
    if (coverage->clients_lost != 0)
        (void)fprintf(out,
                      "Distinct clients are too few: %" PRIu64
                      " handshakes were of clients that a sensor had no room for.\n",
                      coverage->clients_lost);
    if (query->since_us != 0)
        (void)fprintf(out, "Since %s UTC (packet time).\n",
                      time_for_people(usage_range_begin_us(query), text));
}

static json_t *json_of_coverage(const struct coverage *coverage) {
    json_t *health = json_object();
    for (size_t i = 0; i < HEALTH_COUNT; i++)
        (void)json_object_set_new(health, health_fields[i],
                                  json_integer((json_int_t)coverage->health[i]));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:o}", "handshakes",
                     (json_int_t)coverage->handshakes, "negotiated",
                     (json_int_t)coverage->negotiated, "legacy", (json_int_t)coverage->legacy,
                     "half_seen", (json_int_t)coverage->half_seen, "inconclusive",
                     (json_int_t)coverage->inconclusive, "half_seen_share",
                     share_of(coverage->half_seen, coverage->handshakes), "inconclusive_share",
                     share_of(coverage->inconclusive, coverage->handshakes), "legacy_share",
                     share_of(coverage->legacy, coverage->negotiated), "clients_lost",
                     (json_int_t)coverage->clients_lost, "sensors", health);
}

/* ---- rows ---- */

/* Columns before and after the counters; the counters of usage_field_names[] that have no title
 * here are in JSON and CSV only. */
enum { LEADING = 6, TRAILING = 7, COLUMN_COUNT = LEADING + USAGE_FIELD_COUNT + TRAILING };

static const char *counter_title(size_t field) {
    switch (field) {
    case USAGE_TLS_1_3:
        return "1.3";
    case USAGE_TLS_1_2:
        return "1.2";
    case USAGE_TLS_1_1:
        return "1.1";
    case USAGE_TLS_1_0:
        return "1.0";
    case USAGE_SSL_3:
        return "SSL3";
    case USAGE_SSL_2:
        return "SSL2";
    case USAGE_LEGACY_CLIENT:
        return "CLIENT";
    case USAGE_LEGACY_SERVER:
        return "SERVER";
    case USAGE_DOWNGRADED:
        return "DOWNGR";
    case USAGE_ALERTS:
        return "ALERTS";
    default:
        return NULL;
    }
}

static void set_columns(enum query_by by, struct sheet_column columns[COLUMN_COUNT]) {
    static const char *const keys[] = {
        [BY_DOMAIN] = "group", [BY_HOUR] = "hour", [BY_DAY] = "day", [BY_SENSOR] = "sensor"};
    static const char *const titles[] = {[BY_DOMAIN] = NULL,
                                         [BY_HOUR] = "HOUR (UTC)",
                                         [BY_DAY] = "DAY (UTC)",
                                         [BY_SENSOR] = "SENSOR"};
    const struct sheet_column leading[LEADING] = {
        {"domain", "DOMAIN", SHEET_TEXT},   {keys[by], titles[by], SHEET_TEXT},
        {"application", NULL, SHEET_TEXT},  {"negotiated", "ANSWERED", SHEET_NUMBER},
        {"legacy", "LEGACY", SHEET_NUMBER}, {"legacy_share", "SHARE", SHEET_PERCENT},
    };
    const struct sheet_column trailing[TRAILING] = {
        {"clients", "CLIENTS", SHEET_NUMBER},
        {"legacy_clients", "OLD", SHEET_NUMBER},
        {REDIS_FIELD_PEAK, "PEAK", SHEET_NUMBER},
        {REDIS_FIELD_LAST_LEGACY, "LAST (UTC)", SHEET_TIME},
        {REDIS_FIELD_FIRST, NULL, SHEET_TIME},
        {REDIS_FIELD_LAST, NULL, SHEET_TIME},
        {REDIS_FIELD_CLIENTS_LOST, NULL, SHEET_NUMBER},
    };
    memcpy(columns, leading, sizeof leading);
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        columns[LEADING + i] =
            (struct sheet_column){usage_field_names[i], counter_title(i), SHEET_NUMBER};
    memcpy(columns + LEADING + USAGE_FIELD_COUNT, trailing, sizeof trailing);
}

static void add_text(struct sheet *sheet, const char *text) {
    sheet_add_text(sheet, text, strlen(text));
}

static void add_row(struct sheet *sheet, const struct usage_sum *sum) {
    add_text(sheet, sum->domain);
    add_text(sheet, sum->label);
    add_text(sheet, sum->application);
    sheet_add_number(sheet, usage_sum_negotiated(sum));
    sheet_add_number(sheet, usage_sum_legacy(sum));
    sheet_add_share(sheet, usage_sum_legacy(sum), usage_sum_negotiated(sum));
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
    sheet_add_number(sheet, sum->peak_legacy_per_min);
    sheet_add_number(sheet, sum->last_legacy_us);
    sheet_add_number(sheet, sum->first_us);
    sheet_add_number(sheet, sum->last_us);
    sheet_add_number(sheet, sum->clients_lost);
}

static void print_json(const struct query *query, const struct sheet *sheet, size_t total,
                       const struct coverage *coverage) {
    char text[TIME_TEXT_SIZE];
    json_t *since = query->since_us == 0
                        ? json_null()
                        : json_string(time_for_programs(usage_range_begin_us(query), text));
    json_t *whole =
        json_pack("{s:o,s:o,s:I,s:o}", "since", since, "domains", sheet_json(sheet), "rows_in_all",
                  (json_int_t)total, "coverage", json_of_coverage(coverage));
    if (whole == NULL)
        return;
    (void)json_dumpf(whole, query->out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    (void)fputc('\n', query->out);
    json_decref(whole);
}

enum query_result share_sheet_print(const struct query *query, const struct usage_sums *sums) {
    struct sheet_column columns[COLUMN_COUNT];
    struct coverage coverage;
    int status = measure(query, sums, &coverage);
    if (status != 0) {
        (void)fprintf(stderr, "downgrdctl: %s\n", redis_link_message(query->link));
        return QUERY_FAILED;
    }
    set_columns(query->by, columns);
    struct sheet *sheet = sheet_new(columns, COLUMN_COUNT);
    size_t rows = query->limit != 0 && query->limit < sums->count ? query->limit : sums->count;
    for (size_t i = 0; sheet != NULL && i < rows; i++)
        add_row(sheet, &sums->items[i]);
    if (sheet_failed(sheet)) {
        (void)fputs("downgrdctl: out of memory\n", stderr);
        sheet_delete(sheet);
        return QUERY_FAILED;
    }
    if (query->format == QUERY_CSV) {
        sheet_print_csv(sheet, query->out);
    } else if (query->format == QUERY_JSON) {
        print_json(query, sheet, sums->count, &coverage);
    } else {
        sheet_print_table(sheet, query->out, query->colour);
        if (rows < sums->count)
            (void)fprintf(query->out, "... and %zu more (--limit 0 shows all)\n",
                          sums->count - rows);
        print_coverage(query, &coverage);
    }
    sheet_delete(sheet);
    return sums->count > 0 ? QUERY_FOUND : QUERY_NOTHING;
}

void share_say_nothing(const struct query *query) {
    char text[TIME_TEXT_SIZE];
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "ZREVRANGE", REDIS_KEY_DOMAINS, "0", "0", "WITHSCORES", NULL);
    int status = redis_link_exchange(query->link, &batch);
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
