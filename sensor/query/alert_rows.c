/* alert_rows.c - see alert_rows.h. */
#include "alert_rows.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <string.h>

#include "reply.h"

static const struct sheet_column columns[] = {
    {"time", "TIME (UTC)", SHEET_TIME, 0}, {"severity", NULL, SHEET_NUMBER, 0},
    {"kind", "RULE", SHEET_TEXT, 0},       {"class", "CLASS", SHEET_TEXT, 5},
    {"confidence", "SURE", SHEET_TEXT, 1}, {"domain", "DOMAIN", SHEET_NAME, 0},
    {"client", "CLIENT", SHEET_NAME, 2},   {"server", "SERVER", SHEET_NAME, 3},
    {"sensor", "SENSOR", SHEET_NAME, 4},   {"id", NULL, SHEET_TEXT, 0},
    {NULL, "ID", SHEET_TEXT, 0}, /* its beginning */
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

struct sheet *alert_sheet_new(void) {
    return sheet_new(columns, COLUMN_COUNT);
}

static bool field_is(const redisReply *fields, const char *name, const char *wanted) {
    const redisReply *value = reply_field(fields, name);
    const char *text = NULL;
    size_t size = 0;
    return value != NULL && reply_text(value, &text, &size) && size == strlen(wanted) &&
           memcmp(text, wanted, size) == 0;
}

void alert_sheet_add(struct sheet *sheet, const redisReply *fields) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const char *key = columns[i].key != NULL ? columns[i].key : "id";
        const redisReply *value = reply_field(fields, key);
        const char *text = NULL;
        size_t size = 0;
        bool is_text = value != NULL && reply_text(value, &text, &size);
        if (!is_text)
            sheet_add_nothing(sheet);
        else if (columns[i].type != SHEET_TEXT && columns[i].type != SHEET_NAME)
            sheet_add_number(sheet, reply_number(value));
        else if (columns[i].key == NULL && size > ALERT_SHORT_ID)
            sheet_add_text(sheet, text, ALERT_SHORT_ID);
        else
            sheet_add_text(sheet, text, size);
        if (strcmp(key, "kind") == 0 && field_is(fields, "class", "attack"))
            sheet_mark(sheet);
    }
}

static void print_field(const struct query *query, const char *before, const redisReply *fields,
                        const char *name) {
    const redisReply *value = reply_field(fields, name);
    const char *text = "-";
    size_t size = 1;
    if (value != NULL)
        (void)reply_text(value, &text, &size);
    (void)fputs(before, query->out);
    print_escaped(query->out, text, size);
}

void alert_print_line(const struct query *query, const redisReply *fields) {
    char text[TIME_TEXT_SIZE];
    static const char *const severities[] = {"-", "HIGH", "MEDIUM", "LOW"};
    const redisReply *severity = reply_field(fields, "severity");
    uint64_t number = severity != NULL ? reply_number(severity) : 0;
    bool is_attack = query->style.colour && field_is(fields, "class", "attack");
    (void)fprintf(query->out, "%s  %s%-6s", time_for_people(alert_time_us(fields), text),
                  is_attack ? "\033[31m" : "", severities[number <= 3 ? number : 0]);
    print_field(query, "  ", fields, "kind");
    (void)fputs(is_attack ? "\033[0m" : "", query->out);
    print_field(query, "  ", fields, "domain");
    print_field(query, "  ", fields, "client");
    print_field(query, " -> ", fields, "server");
    print_field(query, "  confidence ", fields, "confidence");
    print_field(query, "  id ", fields, "id");
    (void)fputc('\n', query->out);
}

json_t *alert_eve(const redisReply *fields) {
    const redisReply *line = reply_field(fields, "eve");
    const char *text = NULL;
    size_t size = 0;
    json_t *eve = line != NULL && reply_text(line, &text, &size)
                      ? json_loadb(text, size, JSON_ALLOW_NUL, NULL)
                      : NULL;
    return eve != NULL ? eve : json_null();
}

bool alert_fits(const struct query *query, const redisReply *fields) {
    const char *text = NULL;
    size_t size = 0;
    if (query->rule != NULL && !field_is(fields, "kind", query->rule))
        return false;
    const redisReply *domain = reply_field(fields, "domain");
    return query->domain == NULL || (domain != NULL && reply_text(domain, &text, &size) &&
                                     query_domain_matches(query->domain, text, size));
}

uint64_t alert_time_us(const redisReply *fields) {
    const redisReply *time = reply_field(fields, "time");
    return time != NULL ? reply_number(time) : 0;
}
