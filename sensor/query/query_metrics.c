/*
 * query_metrics.c - `downgrdctl metrics`: the sensors' health and the leading domains' counters in
 * the Prometheus text format (0.0.4), to be written to a file for the node exporter or served by
 * any one-line CGI.
 *
 * Counters are sums over what is kept, so one falls when a day expires after 400 days: Prometheus
 * takes that for a restart. How many domains there are is bounded by --limit: every label value is
 * a series of its own there.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "asker.h"
#include "domain_choice.h"
#include "redis_keys.h"
#include "redis_reply.h"
#include "reply.h"
#include "sensor_list.h"
#include "share_sheet.h"

/* Names of 255 bytes, each of them as \\xNN with the backslash escaped again. */
enum { LABEL_SIZE = 5 * 256, LABELS_SIZE = 2 * LABEL_SIZE + 64, NAME_SIZE = 128 };

static const struct sheet_column columns[] = {
    {"metric", "METRIC", SHEET_TEXT, 0},
    {"labels", "LABELS", SHEET_TEXT, 0},
    {"value", "VALUE", SHEET_TEXT, 0},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

/* What is read, and where samples go. */
struct exposition {
    const struct query *query;
    struct sheet *sheet; /* JSON and CSV; NULL: the text format */
    char family[NAME_SIZE];
    struct sensor_list sensors;
    struct health health;
    struct usage_sums all;
    struct usage_sums domains;
    uint64_t domain_count;
    uint64_t alert_count;
};

/* ---- the format ---- */

static void begin_family(struct exposition *out, const char *name, const char *type,
                         const char *help) {
    (void)snprintf(out->family, sizeof out->family, "%s", name);
    if (out->sheet == NULL)
        (void)fprintf(out->query->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label value: printable ASCII, with backslash and quote escaped as the format wants. */
static const char *label_value(const char *text, char value[LABEL_SIZE]) {
    char printable[4 * 256];
    size_t used = 0;
    (void)redis_printable(text, strlen(text), printable, sizeof printable);
    for (const char *at = printable; *at != '\0' && used + 2 < LABEL_SIZE; at++) {
        if (*at == '"' || *at == '\\')
            value[used++] = '\\';
        value[used++] = *at;
    }
    value[used] = '\0';
    return value;
}

/* `second` may be NULL. The value is a whole number of `scale` parts: 1, or 1000000 for seconds. */
struct label {
    const char *name;
    const char *value;
};

static void print_sample(struct exposition *out, const struct label labels[2], uint64_t value,
                         uint64_t scale) {
    char text[LABELS_SIZE] = "";
    char escaped[LABEL_SIZE];
    char number[48];
    size_t used = 0;
    for (size_t i = 0; i < 2 && labels[i].name != NULL; i++) {
        int length = snprintf(text + used, sizeof text - used, "%s%s=\"%s\"", i > 0 ? "," : "",
                              labels[i].name, label_value(labels[i].value, escaped));
        used += length > 0 ? (size_t)length : 0;
    }
    if (scale == 1)
        (void)snprintf(number, sizeof number, "%" PRIu64, value);
    else
        (void)snprintf(number, sizeof number, "%" PRIu64 ".%06" PRIu64, value / scale,
                       value % scale);
    if (out->sheet != NULL) {
        sheet_add_string(out->sheet, out->family);
        sheet_add_string(out->sheet, text);
        sheet_add_string(out->sheet, number);
        return;
    }
    (void)fprintf(out->query->out, used > 0 ? "%s{%s} %s\n" : "%s%s %s\n", out->family, text,
                  number);
}

static void print_plain(struct exposition *out, const char *name, const char *help,
                        uint64_t value) {
    const struct label none[2] = {{NULL, NULL}, {NULL, NULL}};
    begin_family(out, name, "gauge", help);
    print_sample(out, none, value, 1);
}

/* ---- sensors ---- */

static const char *const health_help[HEALTH_FIELD_COUNT] = {
    [HEALTH_PACKETS] = "Packets that the sensor read.",
    [HEALTH_BYTES] = "Bytes of these packets.",
    [HEALTH_PACKETS_DROPPED] = "Packets that the kernel dropped before the sensor.",
    [HEALTH_INTERFACE_DROPS] = "Packets that card or driver dropped.",
    [HEALTH_RECORDS_LOST] = "Handshakes that found no room before the judge.",
    [HEALTH_PACKETS_IGNORED] = "Packets of protocols that are not read.",
    [HEALTH_PACKETS_MALFORMED] = "Packets whose headers break their format.",
    [HEALTH_PACKETS_CUT] = "Packets that the capture cut short.",
    [HEALTH_FLOWS] = "Connections.",
    [HEALTH_FLOWS_EVICTED] = "Connections given up for want of room.",
    [HEALTH_BUFFERS_EXHAUSTED] = "Messages given up for want of room.",
    [HEALTH_FRAGMENTS_DROPPED] = "IP fragments given up for want of room.",
    [HEALTH_HANDSHAKES] = "Handshakes, half-seen ones too.",
    [HEALTH_HALF_SEEN] = "Handshakes of which one side was seen.",
    [HEALTH_INCONCLUSIVE] = "Handshakes with bytes missing.",
    [HEALTH_HELLO_MALFORMED] = "Hellos that break their format.",
    [HEALTH_ALERTS] = "Alerts raised.",
    [HEALTH_ATTACK_ALERTS] = "Alerts of class attack.",
    [HEALTH_ALERTS_FOLDED] = "Repeats of an alert that were counted and not raised.",
    [HEALTH_ALERTS_EXCEPTED] = "Alerts that the configuration excepts.",
    [HEALTH_ALERTS_LOST] = "Alerts that were not published for want of room.",
    [HEALTH_CLIENTS_LOST] = "Handshakes of clients that found no room to be told apart.",
    [HEALTH_JOURNAL_DROPPED] = "Records lost from a full journal before they were published.",
    [HEALTH_SOURCES] = "Captures or runs that were published.",
};

static void print_health(struct exposition *out) {
    for (unsigned field = 0; field < HEALTH_FIELD_COUNT; field++) {
        char name[NAME_SIZE];
        (void)snprintf(name, sizeof name, "downgrd_sensor_%s_total", health_field_names[field]);
        bool has_begun = false;
        for (size_t i = 0; i < out->health.count; i++) {
            const struct sensor_health *sensor = &out->health.items[i];
            const struct label labels[2] = {{"sensor", sensor->name}, {NULL, NULL}};
            if ((sensor->told >> field & 1U) == 0)
                continue;
            if (!has_begun)
                begin_family(out, name, "counter", health_help[field]);
            has_begun = true;
            print_sample(out, labels, sensor->counts[field], 1);
        }
    }
}

enum state_figure {
    STATE_SEEN,
    STATE_PUBLISHED,
    STATE_LAG,
    STATE_BYTES,
    STATE_WAITING,
    STATE_ALIVE,
    STATE_COUNT
};

static uint64_t state_value(const struct sensor_state *state, enum state_figure figure) {
    const uint64_t values[STATE_COUNT] = {[STATE_SEEN] = state->last_seen_us,
                                          [STATE_PUBLISHED] = state->published_us,
                                          [STATE_LAG] = state->lag_us,
                                          [STATE_BYTES] = state->journal_bytes,
                                          [STATE_WAITING] = state->journal_unpublished,
                                          [STATE_ALIVE] = state->alive_us};
    return values[figure];
}

static void print_states(struct exposition *out) {
    static const struct {
        const char *name;
        const char *help;
        uint64_t scale;
        bool is_of_journal;
    } figures[STATE_COUNT] = {
        [STATE_SEEN] = {"downgrd_sensor_last_packet_timestamp_seconds",
                        "Packet time of the newest source.", 1000000, false},
        [STATE_PUBLISHED] = {"downgrd_sensor_published_timestamp_seconds",
                             "When the sensor published last.", 1000000, false},
        [STATE_LAG] = {"downgrd_sensor_lag_seconds",
                       "Age of the oldest record that was not published yet.", 1000000, true},
        [STATE_BYTES] = {"downgrd_sensor_journal_bytes", "Journal in use.", 1, true},
        [STATE_WAITING] = {"downgrd_sensor_journal_unpublished_records",
                           "Records that were not published yet.", 1, true},
        [STATE_ALIVE] = {"downgrd_sensor_alive_timestamp_seconds",
                         "The sensor's clock when it told this.", 1000000, true},
    };
    for (unsigned figure = 0; figure < STATE_COUNT; figure++) {
        bool has_begun = false;
        for (size_t i = 0; i < out->sensors.count; i++) {
            const struct sensor_state *state = &out->sensors.items[i];
            const struct label labels[2] = {{"sensor", state->name}, {NULL, NULL}};
            if (figures[figure].is_of_journal && !state->has_lag)
                continue;
            if (!has_begun)
                begin_family(out, figures[figure].name, "gauge", figures[figure].help);
            has_begun = true;
            print_sample(out, labels, state_value(state, (enum state_figure)figure),
                         figures[figure].scale);
        }
    }
}

/* ---- domains ---- */

static void print_versions(struct exposition *out, const char *name, const char *help,
                           const struct usage_sums *sums, bool has_domain) {
    if (sums->count > 0)
        begin_family(out, name, "counter", help);
    for (size_t i = 0; i < sums->count; i++) {
        for (size_t field = USAGE_TLS_1_3; field <= USAGE_VERSION_OTHER; field++) {
            const struct label version = {"version", usage_field_names[field]};
            const struct label domain = {"domain", sums->items[i].domain};
            const struct label labels[2] = {has_domain ? domain : version,
                                            has_domain ? version : (struct label){NULL, NULL}};
            if (sums->items[i].counts[field] > 0)
                print_sample(out, labels, sums->items[i].counts[field], 1);
        }
    }
}

static void print_limiters(struct exposition *out) {
    static const struct {
        enum usage_field field;
        const char *limiter;
    } limiters[] = {{USAGE_LEGACY_CLIENT, "client"}, {USAGE_LEGACY_SERVER, "server"}};
    const struct usage_sums *sums = &out->domains;
    if (sums->count > 0)
        begin_family(out, "downgrd_domain_legacy_handshakes_total", "counter",
                     "Handshakes below TLS 1.2, by who kept them there.");
    for (size_t i = 0; i < sums->count; i++)
        for (size_t at = 0; at < 2; at++) {
            const struct label labels[2] = {{"domain", sums->items[i].domain},
                                            {"limiter", limiters[at].limiter}};
            print_sample(out, labels, sums->items[i].counts[limiters[at].field], 1);
        }
}

enum domain_figure { DOMAIN_DOWNGRADED, DOMAIN_ALERTS, DOMAIN_CLIENTS, DOMAIN_LAST, DOMAIN_COUNT };

static uint64_t domain_value(const struct usage_sum *sum, enum domain_figure figure) {
    const uint64_t values[DOMAIN_COUNT] = {[DOMAIN_DOWNGRADED] = sum->counts[USAGE_DOWNGRADED],
                                           [DOMAIN_ALERTS] = sum->counts[USAGE_ALERTS],
                                           [DOMAIN_CLIENTS] = sum->legacy_clients,
                                           [DOMAIN_LAST] = sum->last_legacy_us};
    return values[figure];
}

static void print_domains(struct exposition *out) {
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        uint64_t scale;
    } figures[DOMAIN_COUNT] = {
        [DOMAIN_DOWNGRADED] = {"downgrd_domain_downgraded_handshakes_total", "counter",
                               "Handshakes of which both ends could do better.", 1},
        [DOMAIN_ALERTS] = {"downgrd_domain_attack_alerts_total", "counter",
                           "Findings of class attack.", 1},
        [DOMAIN_CLIENTS] = {"downgrd_domain_legacy_clients", "gauge",
                            "Distinct clients with a handshake below TLS 1.2.", 1},
        [DOMAIN_LAST] = {"downgrd_domain_last_legacy_timestamp_seconds", "gauge",
                         "When the newest handshake below TLS 1.2 began; 0 when there is none.",
                         1000000},
    };
    for (unsigned figure = 0; figure < DOMAIN_COUNT && out->domains.count > 0; figure++) {
        begin_family(out, figures[figure].name, figures[figure].type, figures[figure].help);
        for (size_t i = 0; i < out->domains.count; i++) {
            const struct label labels[2] = {{"domain", out->domains.items[i].domain}, {NULL, NULL}};
            print_sample(out, labels,
                         domain_value(&out->domains.items[i], (enum domain_figure)figure),
                         figures[figure].scale);
        }
    }
}

/* ---- the whole ---- */

static int read_domains(struct exposition *out) {
    static const char *const all[] = {USAGE_DOMAIN_ALL, NULL};
    const struct query *query = out->query;
    struct domain_choice choice = {0};
    int status = usage_sums_read(query, all, 1, &out->all);
    if (status == 0)
        status = domain_choice_read(query, &choice);
    if (status == 0)
        status = usage_sums_read(query, choice.names, choice.count, &out->domains);
    usage_sums_sort(&out->domains, query->order);
    if (query->limit != 0 && query->limit < out->domains.count)
        out->domains.count = (size_t)query->limit;
    domain_choice_deinit(&choice);
    return status;
}

static int read_counts(struct exposition *out) {
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "XLEN", REDIS_KEY_ALERTS, NULL);
    int status = asker_exchange(out->query->asker, &batch);
    if (status == 0)
        status = asker_judge(out->query->asker, batch.replies[0]);
    out->alert_count = status == 0 ? reply_number(batch.replies[0]) : 0;
    redis_batch_deinit(&batch);
    return status != 0 ? status : domain_count_read(out->query, &out->domain_count);
}

static void print_all(struct exposition *out) {
    print_health(out);
    print_states(out);
    print_plain(out, "downgrd_domains", "Known domains.", out->domain_count);
    print_plain(out, "downgrd_alerts_kept", "Alerts in the stream.", out->alert_count);
    print_versions(out, "downgrd_handshakes_total",
                   "Handshakes with a ServerHello of all domains, by negotiated version.",
                   &out->all, false);
    print_versions(out, "downgrd_domain_handshakes_total",
                   "Handshakes with a ServerHello, by negotiated version.", &out->domains, true);
    print_limiters(out);
    print_domains(out);
}

static void print_sheet(const struct exposition *out) {
    if (out->query->format == QUERY_CSV) {
        sheet_print_csv(out->sheet, out->query->out);
        return;
    }
    json_t *whole = json_pack("{s:o}", "metrics", sheet_json(out->sheet));
    print_json_value(out->query->out, whole);
}

enum query_result query_metrics(const struct query *query) {
    struct exposition out = {.query = query};
    if (query->format != QUERY_TABLE)
        out.sheet = sheet_new(columns, COLUMN_COUNT);
    int status = sensor_list_read(query, &out.sensors);
    if (status == 0)
        status = health_read(query, &out.health);
    if (status == 0)
        status = read_domains(&out);
    if (status == 0)
        status = read_counts(&out);
    if (status == 0) {
        print_all(&out);
        if (query->format != QUERY_TABLE && sheet_failed(out.sheet))
            status = -ENOMEM;
        else if (out.sheet != NULL)
            print_sheet(&out);
    }
    if (status != 0)
        asker_complain(query->asker, status);
    sheet_delete(out.sheet);
    sensor_list_deinit(&out.sensors);
    health_deinit(&out.health);
    usage_sums_deinit(&out.all);
    usage_sums_deinit(&out.domains);
    return status == 0 ? QUERY_FOUND : QUERY_FAILED;
}
