/*
 * query_sensors.c - `downgrdctl sensors`: what each sensor saw and lost in the range, and how far
 * its publishing is behind.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "asker.h"
#include "prose.h"
#include "sensor_list.h"
#include "usage_sums.h"

/* From here on a sensor is called late, and lossy. */
static const uint64_t late_us = 10U * 1000000U;
static const double lossy_share = 0.01;

static const struct sheet_column leading[] = {
    {"sensor", "SENSOR", SHEET_NAME, 0},
    {"state", "STATE", SHEET_TEXT, 0},
    {"source", NULL, SHEET_TEXT, 0},
    {"last_seen", "LAST PACKET (UTC)", SHEET_TIME, 0},
    {"published", "PUBLISHED (UTC)", SHEET_TIME, 4},
    {NULL, "PACKETS", SHEET_NUMBER, 0},
    {"dropped_share", "DROPPED", SHEET_PERCENT, 0},
    {NULL, "HANDSHAKES", SHEET_NUMBER, 1},
    {"half_seen_share", "HALF", SHEET_PERCENT, 1},
    {"inconclusive_share", "INCONCL", SHEET_PERCENT, 1},
    {NULL, "LAG", SHEET_TEXT, 0},
    {"lag_us", NULL, SHEET_NUMBER, 0},
    {"journal_bytes", NULL, SHEET_NUMBER, 0},
    {"journal_unpublished", "WAITING", SHEET_NUMBER, 1},
    {"alive", "ALIVE (UTC)", SHEET_TIME, 2},
    {NULL, "LOST", SHEET_NUMBER, 0},
    {NULL, "EVICTED", SHEET_NUMBER, 3},
    {NULL, "FOLDED", SHEET_NUMBER, 4},
};
enum {
    LEADING = sizeof leading / sizeof leading[0],
    COLUMN_COUNT = LEADING + HEALTH_FIELD_COUNT,
};

static const char *state_of(const struct sensor_state *state, const struct sensor_health *sums) {
    uint64_t dropped = health_missed(sums);
    uint64_t packets = sums->counts[HEALTH_PACKETS] + dropped;
    if (health_lost(sums) > 0 || (double)dropped > lossy_share * (double)packets)
        return "lossy";
    return state->has_lag && state->lag_us > late_us ? "late" : "ok";
}

static bool is_told(const struct sensor_health *sums, enum health_field field) {
    return (sums->told >> field & 1U) != 0;
}

static void add_lag(struct sheet *sheet, const struct sensor_state *state) {
    char text[32];
    (void)snprintf(text, sizeof text, "%.1fs", (double)state->lag_us / 1e6);
    if (!state->has_lag) {
        for (size_t i = 0; i < 5; i++)
            sheet_add_nothing(sheet);
        return;
    }
    sheet_add_string(sheet, text);
    sheet_add_number(sheet, state->lag_us);
    sheet_add_number(sheet, state->journal_bytes);
    sheet_add_number(sheet, state->journal_unpublished);
    sheet_add_number(sheet, state->alive_us);
}

static void add_row(struct sheet *sheet, const struct sensor_state *state,
                    const struct sensor_health *sums) {
    const char *word = state_of(state, sums);
    uint64_t dropped = health_missed(sums);
    uint64_t handshakes = sums->counts[HEALTH_HANDSHAKES];
    sheet_add_string(sheet, state->name);
    sheet_add_string(sheet, word);
    if (strcmp(word, "ok") != 0)
        sheet_mark(sheet);
    sheet_add_string(sheet, state->source);
    sheet_add_number(sheet, state->last_seen_us);
    sheet_add_number(sheet, state->published_us);
    sheet_add_number(sheet, sums->counts[HEALTH_PACKETS]);
    if (is_told(sums, HEALTH_PACKETS_DROPPED))
        sheet_add_share(sheet, dropped, dropped + sums->counts[HEALTH_PACKETS]);
    else
        sheet_add_nothing(sheet);
    sheet_add_number(sheet, handshakes);
    sheet_add_share(sheet, sums->counts[HEALTH_HALF_SEEN], handshakes);
    sheet_add_share(sheet, sums->counts[HEALTH_INCONCLUSIVE], handshakes);
    add_lag(sheet, state);
    sheet_add_number(sheet, health_lost(sums));
    sheet_add_number(sheet, sums->counts[HEALTH_FLOWS_EVICTED]);
    sheet_add_number(sheet, sums->counts[HEALTH_ALERTS_FOLDED]);
    for (unsigned i = 0; i < HEALTH_FIELD_COUNT; i++) {
        if (is_told(sums, (enum health_field)i))
            sheet_add_number(sheet, sums->counts[i]);
        else
            sheet_add_nothing(sheet);
    }
}

static void print_sheet(const struct query *query, const struct sheet *sheet) {
    char text[TIME_TEXT_SIZE];
    if (query->format == QUERY_CSV) {
        sheet_print_csv(sheet, query->out);
        return;
    }
    if (query->format == QUERY_JSON) {
        json_t *whole = json_pack("{s:o}", "sensors", sheet_json(sheet));
        print_json_value(query->out, whole);
        return;
    }
    sheet_print_table(sheet, query->out, &query->style);
    (void)fputc('\n', query->out);
    prose_print(query->out, &query->style,
                "late: more than 10 seconds behind. lossy: records were lost, or more than 1%% of "
                "the packets dropped. DROPPED: packets that kernel or interface lost before the "
                "sensor. HALF, INCONCL: part of the handshakes. LAG: age of the oldest record that "
                "was not published, WAITING: how many there are. LOST: handshakes and alerts for "
                "want of room in ring, journal "
                "or memory. EVICTED: connections for want of room.");
    if (query->since_us != 0)
        prose_print(query->out, &query->style, "Figures since %s UTC (packet time).",
                    time_for_people(usage_range_begin_us(query), text));
}

static int fill_sheet(const struct query *query, struct sheet *sheet) {
    static const struct sensor_health none = {0};
    struct sensor_list list = {0};
    struct health health = {0};
    int status = sensor_list_read(query, &list);
    if (status == 0)
        status = health_read(query, &health);
    for (size_t i = 0; status == 0 && i < list.count; i++) {
        const struct sensor_health *sums = sensor_sums(&health, list.items[i].name);
        add_row(sheet, &list.items[i], sums != NULL ? sums : &none);
    }
    sensor_list_deinit(&list);
    health_deinit(&health);
    return status;
}

enum query_result query_sensors(const struct query *query) {
    struct sheet_column columns[COLUMN_COUNT];
    enum query_result result = QUERY_FAILED;
    memcpy(columns, leading, sizeof leading);
    for (size_t i = 0; i < HEALTH_FIELD_COUNT; i++)
        columns[LEADING + i] = (struct sheet_column){health_field_names[i], NULL, SHEET_NUMBER, 0};
    struct sheet *sheet = sheet_new(columns, COLUMN_COUNT);
    int status = sheet == NULL ? -ENOMEM : fill_sheet(query, sheet);
    if (status == 0 && sheet_failed(sheet))
        status = -ENOMEM;
    if (status != 0) {
        asker_complain(query->asker, status);
    } else {
        result = sheet_rows(sheet) > 0 ? QUERY_FOUND : QUERY_NOTHING;
        if (result == QUERY_NOTHING)
            (void)fputs("downgrdctl: no sensor has published yet: downgrd --redis URL does that\n",
                        stderr);
        if (result == QUERY_FOUND || query->format != QUERY_TABLE)
            print_sheet(query, sheet);
    }
    sheet_delete(sheet);
    return result;
}
