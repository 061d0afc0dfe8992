/*
 * query_explain.c - `downgrdctl explain`: a rule from its compiled-in documentation, or one alert
 * of the stream in full.
 *
 * An alert's id may be cut short, as tables do it, when only one begins so. An alert's way:
 * downgrd:seen:{downgrd:alerts} scores its id with the millisecond of its stream entry; of that
 * millisecond's entries the one that carries the id is printed.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "prose.h"
#include "query.h"
#include "redis_keys.h"
#include "reply.h"
#include "rule.h"

enum { LABEL_WIDTH = 14, ALERT_ID_SIZE = 128, LEAST_BEGINNING = 6 };

static void print_wrapped(const struct query *query, const char *label, const char *text) {
    prose_print_labelled(query->out, &query->style, label, LABEL_WIDTH, text);
}

/* ---- rules ---- */

static const char *severity_text(enum rule_severity severity) {
    switch (severity) {
    case RULE_SEVERITY_HIGH:
        return "high";
    case RULE_SEVERITY_MEDIUM:
        return "medium";
    case RULE_SEVERITY_LOW:
        return "low";
    }
    return "";
}

struct described {
    const char *key;
    const char *label;
    const char *text;
};

enum query_result query_explain_rule(const struct query *query, const char *kind) {
    const struct rule *rule = rules_find(kind);
    if (rule == NULL)
        return QUERY_NOTHING;
    char number[16];
    (void)snprintf(number, sizeof number, "%u", (unsigned)rule->signature_id);
    const struct described lines[] = {
        {"kind", "Rule", rule->kind},
        {"title", "What", rule->title},
        {"signature_id", "Signature", number},
        {"class", "Class", rule_class_name(rule->rule_class)},
        {"severity", "Severity", severity_text(rule->severity)},
        {"default", "By default", rule->on_by_default ? "on" : "off"},
        {"fires_when", "Fires when", rule->fires_when},
        {"stays_silent_when", "Silent when", rule->stays_silent_when},
        {"confidence", "Confidence", rule->confidence},
        {"advice", "What next", rule->advice},
        {"references", "References", rule->references},
    };
    json_t *object = query->format == QUERY_JSON ? json_object() : NULL;
    if (query->format == QUERY_CSV)
        (void)fputs("key,value\r\n", query->out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (query->format == QUERY_TABLE) {
            print_wrapped(query, lines[i].label, lines[i].text);
        } else if (query->format == QUERY_JSON) {
            (void)json_object_set_new(object, lines[i].key, json_string(lines[i].text));
        } else {
            (void)fprintf(query->out, "%s,", lines[i].key);
            print_csv_text(query->out, lines[i].text, strlen(lines[i].text));
            (void)fputs("\r\n", query->out);
        }
    }
    print_json_value(query->out, object);
    return QUERY_FOUND;
}

/* ---- one alert ---- */

static const char *const entry_fields[] = {"kind",   "class",  "severity", "confidence", "domain",
                                           "client", "server", "sensor",   "id"};
enum { ENTRY_FIELD_COUNT = sizeof entry_fields / sizeof entry_fields[0] };

static void print_field(const struct query *query, const char *label, const char *text) {
    if (text != NULL)
        print_wrapped(query, label, text);
}

/* What was compared, from the EVE line's downgrade.evidence[]. */
static void print_evidence(const struct query *query, const json_t *evidence) {
    for (size_t i = 0; i < json_array_size(evidence); i++) {
        const json_t *line = json_array_get(evidence, i);
        const char *what = json_string_value(json_object_get(line, "what"));
        const char *expected = json_string_value(json_object_get(line, "expected"));
        const char *observed = json_string_value(json_object_get(line, "observed"));
        json_int_t packet = json_integer_value(json_object_get(line, "packet"));
        (void)fprintf(query->out, "  - ");
        print_escaped(query->out, what != NULL ? what : "?", strlen(what != NULL ? what : "?"));
        if (packet > 0)
            (void)fprintf(query->out, " (packet %" JSON_INTEGER_FORMAT ")", packet);
        (void)fputs("\n      expected  ", query->out);
        print_escaped(query->out, expected != NULL ? expected : "-",
                      strlen(expected != NULL ? expected : "-"));
        (void)fputs("\n      observed  ", query->out);
        print_escaped(query->out, observed != NULL ? observed : "-",
                      strlen(observed != NULL ? observed : "-"));
        (void)fputc('\n', query->out);
    }
}

static const char *version_of(const json_t *downgrade, const char *key) {
    const char *text = json_string_value(json_object_get(downgrade, key));
    return text != NULL ? text : "unknown";
}

static void print_alert(const struct query *query, const redisReply *fields, const json_t *eve) {
    static const char *const labels[ENTRY_FIELD_COUNT] = {
        "Rule", "Class", "Severity", "Confidence", "Domain", "Client", "Server", "Sensor", "Id"};
    char text[TIME_TEXT_SIZE];
    const json_t *downgrade = json_object_get(eve, "downgrade");
    const redisReply *kind = reply_field(fields, "kind");
    const struct rule *rule =
        kind != NULL && kind->type == REDIS_REPLY_STRING ? rules_find(kind->str) : NULL;
    const redisReply *time = reply_field(fields, "time");
    print_field(query, "What", rule != NULL ? rule->title : NULL);
    print_field(query, "When (UTC)", time_for_people(time != NULL ? reply_number(time) : 0, text));
    for (size_t i = 0; i < ENTRY_FIELD_COUNT; i++) {
        const redisReply *value = reply_field(fields, entry_fields[i]);
        if (value == NULL || value->type != REDIS_REPLY_STRING)
            continue;
        bool is_severity = strcmp(entry_fields[i], "severity") == 0;
        print_field(query, labels[i],
                    is_severity ? severity_text((enum rule_severity)reply_number(value))
                                : value->str);
    }
    if (downgrade != NULL) {
        print_field(query, "Offered", version_of(downgrade, "offered_max"));
        print_field(query, "Selected", version_of(downgrade, "selected"));
        print_field(query, "Limited by", version_of(downgrade, "limiter"));
        print_field(query, "Outcome", version_of(downgrade, "outcome"));
        (void)fputs("\nEvidence\n", query->out);
        print_evidence(query, json_object_get(downgrade, "evidence"));
        (void)fputc('\n', query->out);
    }
    const char *advice = json_string_value(json_object_get(downgrade, "advice"));
    if (advice == NULL && rule != NULL)
        advice = rule->advice;
    print_field(query, "What next", advice);
    print_field(query, "Packets in",
                json_string_value(json_object_get(downgrade, "evidence_file")));
    print_field(query, "References", rule != NULL ? rule->references : NULL);
}

static void print_alert_csv(const struct query *query, const redisReply *fields) {
    (void)fputs("key,value\r\n", query->out);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const char *text = NULL;
        size_t size = 0;
        for (size_t part = 0; part < 2; part++) {
            if (reply_text(fields->element[i + part], &text, &size))
                print_csv_text(query->out, text, size);
            (void)fputs(part == 0 ? "," : "\r\n", query->out);
        }
    }
}

static void print_alert_json(const struct query *query, const redisReply *fields, json_t *eve) {
    json_t *object = json_object();
    for (size_t i = 0; i < ENTRY_FIELD_COUNT; i++) {
        const redisReply *value = reply_field(fields, entry_fields[i]);
        const char *text = NULL;
        size_t size = 0;
        if (value != NULL && reply_text(value, &text, &size))
            (void)json_object_set_new(object, entry_fields[i], json_of_text(text, size));
    }
    (void)json_object_set(object, "eve", eve != NULL ? eve : json_null());
    print_json_value(query->out, object);
}

static void print_found(const struct query *query, const redisReply *fields) {
    const char *text = NULL;
    size_t size = 0;
    const redisReply *line = reply_field(fields, "eve");
    json_t *eve = line != NULL && reply_text(line, &text, &size)
                      ? json_loadb(text, size, JSON_ALLOW_NUL, NULL)
                      : NULL;
    if (query->format == QUERY_CSV)
        print_alert_csv(query, fields);
    else if (query->format == QUERY_JSON)
        print_alert_json(query, fields, eve);
    else
        print_alert(query, fields, eve);
    json_decref(eve);
}

static const redisReply *find_entry(const redisReply *entries, const char *id) {
    for (size_t i = 0; entries->type == REDIS_REPLY_ARRAY && i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2)
            continue;
        const redisReply *value = reply_field(entry->element[1], "id");
        if (value != NULL && value->type == REDIS_REPLY_STRING && strcmp(value->str, id) == 0)
            return entry->element[1];
    }
    return NULL;
}

/* One command, its answer in batch->replies[0]. */
static int ask(const struct query *query, struct redis_batch *batch) {
    int status = asker_exchange(query->asker, batch);
    return status != 0 ? status : asker_judge(query->asker, batch->replies[0]);
}

/* The one id that begins as told, out of all that are kept. 0, -ENOENT, -EEXIST (there are
 * several), or what asker_message() tells. */
static int complete_id(const struct query *query, const char *beginning, char id[ALERT_ID_SIZE]) {
    struct redis_batch batch = {0};
    size_t found = 0;
    redis_batch_command(&batch, "ZRANGE", REDIS_KEY_SEEN, "0", "-1", NULL);
    int status = ask(query, &batch);
    for (size_t i = 0; status == 0 && batch.replies[0]->type == REDIS_REPLY_ARRAY &&
                       i < batch.replies[0]->elements;
         i++) {
        const redisReply *member = batch.replies[0]->element[i];
        if (member->type != REDIS_REPLY_STRING || member->len >= ALERT_ID_SIZE ||
            strncmp(member->str, beginning, strlen(beginning)) != 0)
            continue;
        memcpy(id, member->str, member->len + 1);
        found++;
    }
    redis_batch_deinit(&batch);
    if (status != 0 || found == 1)
        return status;
    return found == 0 ? -ENOENT : -EEXIST;
}

/* The millisecond of the alert's stream entry; "" when there is no such alert. */
static int find_millisecond(const struct query *query, const char *id, char text[32]) {
    struct redis_batch batch = {0};
    redis_batch_command(&batch, "ZSCORE", REDIS_KEY_SEEN, id, NULL);
    int status = ask(query, &batch);
    text[0] = '\0';
    if (status == 0 && batch.replies[0]->type == REDIS_REPLY_STRING && batch.replies[0]->len < 32)
        memcpy(text, batch.replies[0]->str, batch.replies[0]->len + 1);
    redis_batch_deinit(&batch);
    return status;
}

static void say_unknown(const char *id) {
    (void)fputs("downgrdctl: neither a rule nor an alert that is still kept: ", stderr);
    print_escaped(stderr, id, strlen(id));
    (void)fputs("; the rules are:", stderr);
    for (size_t i = 0; i < rules_count; i++)
        (void)fprintf(stderr, "%s %s", i > 0 ? "," : "", rules_all[i]->kind);
    (void)fputc('\n', stderr);
}

enum query_result query_explain_alert(const struct query *query, const char *id) {
    struct redis_batch batch = {0};
    enum query_result result = QUERY_NOTHING;
    char whole[ALERT_ID_SIZE];
    char millisecond[32];
    int status = find_millisecond(query, id, millisecond);
    if (status == 0 && millisecond[0] == '\0' && strlen(id) >= LEAST_BEGINNING) {
        status = complete_id(query, id, whole);
        if (status == -EEXIST) {
            (void)fputs("downgrdctl: more than one alert begins so; give more of its id\n", stderr);
            return QUERY_NOTHING;
        }
        id = status == 0 ? whole : id;
        status = status == 0 ? find_millisecond(query, id, millisecond)
                             : (status == -ENOENT ? 0 : status);
    }
    if (status == 0 && millisecond[0] != '\0') {
        redis_batch_command(&batch, "XRANGE", REDIS_KEY_ALERTS, millisecond, millisecond, NULL);
        status = ask(query, &batch);
        const redisReply *fields = status == 0 ? find_entry(batch.replies[0], id) : NULL;
        if (fields != NULL) {
            print_found(query, fields);
            result = QUERY_FOUND;
        }
    }
    redis_batch_deinit(&batch);
    if (status != 0) {
        (void)fprintf(stderr, "downgrdctl: %s\n", asker_message(query->asker));
        return QUERY_FAILED;
    }
    if (result == QUERY_NOTHING)
        say_unknown(id);
    return result;
}
