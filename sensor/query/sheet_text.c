/* sheet_text.c - the escaping and the times of sheet.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "redis_keys.h"
#include "redis_reply.h"
#include "sheet.h"

enum { ESCAPE_CHUNK = 256 };

void print_escaped(FILE *out, const char *text, size_t size) {
    char escaped[4 * ESCAPE_CHUNK + 1];
    for (size_t at = 0; at < size; at += ESCAPE_CHUNK) {
        size_t chunk = size - at < ESCAPE_CHUNK ? size - at : (size_t)ESCAPE_CHUNK;
        (void)fputs(redis_printable(text + at, chunk, escaped, sizeof escaped), out);
    }
}

void print_csv_text(FILE *out, const char *text, size_t size) {
    bool is_formula = size > 0 && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    bool is_plain = !is_formula;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '"' || text[i] == ',' || text[i] == ';')
            is_plain = false;
    if (is_plain) {
        print_escaped(out, text, size);
        return;
    }
    (void)fputs(is_formula ? "\"'" : "\"", out);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            (void)fputc('"', out);
        print_escaped(out, &text[i], 1);
    }
    (void)fputc('"', out);
}

json_t *json_of_text(const char *text, size_t size) {
    json_t *string = json_stringn(text, size);
    if (string != NULL)
        return string;
    char *escaped = malloc(4 * size + 1);
    if (escaped == NULL)
        return NULL;
    string = json_string(redis_printable(text, size, escaped, 4 * size + 1));
    free(escaped);
    return string;
}

void print_json_value(FILE *out, json_t *value) {
    if (value == NULL)
        return;
    (void)json_dumpf(value, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    (void)fputc('\n', out);
    json_decref(value);
}

static const char *time_text(uint64_t time_us, bool for_people, char text[TIME_TEXT_SIZE]) {
    uint32_t day = redis_day_of_us(time_us);
    unsigned second = (unsigned)(time_us / 1000000U % 86400U);
    int length =
        snprintf(text, TIME_TEXT_SIZE, "%04u-%02u-%02u%c%02u:%02u:%02u", (unsigned)(day / 10000U),
                 (unsigned)(day / 100U % 100U), (unsigned)(day % 100U), for_people ? ' ' : 'T',
                 second / 3600U, second / 60U % 60U, second % 60U);
    if (!for_people && length > 0)
        (void)snprintf(text + length, TIME_TEXT_SIZE - (size_t)length, ".%06uZ",
                       (unsigned)(time_us % 1000000U));
    return text;
}

const char *time_for_people(uint64_t time_us, char text[TIME_TEXT_SIZE]) {
    return time_text(time_us, true, text);
}

const char *time_for_programs(uint64_t time_us, char text[TIME_TEXT_SIZE]) {
    return time_text(time_us, false, text);
}

/* A share with all its meaning: 1 of 100000 is not "0.00%", and 99999 of 100000 not "100%". */
const char *percent_text(uint64_t part, uint64_t whole, char text[PERCENT_TEXT_SIZE]) {
    double percent = whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
    if (part > 0 && percent < 0.01)
        (void)snprintf(text, PERCENT_TEXT_SIZE, "<0.01%%");
    else if (part < whole && percent > 99.99)
        (void)snprintf(text, PERCENT_TEXT_SIZE, ">99.99%%");
    else
        (void)snprintf(text, PERCENT_TEXT_SIZE, "%.2f%%", percent);
    return text;
}
