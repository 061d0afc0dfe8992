/*
 * sheet.h - rows and columns that are printed as a table for people, as CSV, or become JSON.
 *
 * Text in cells is not trusted: in a table it is escaped for terminals (\xNN), in CSV also quoted
 * and kept from being a formula, in JSON it is what jansson writes in ASCII. Columns' keys are the
 * stable names in CSV and JSON; a column without a title is not in the table, one without a key is
 * only there.
 *
 * A table fits the style's width where that can be: long names are cut in their middle, then
 * columns are left out (and named under the table), the least important first. CSV and JSON have
 * everything.
 */
#ifndef DOWNGRD_SHEET_H
#define DOWNGRD_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_t;

enum sheet_type {
    SHEET_TEXT,
    SHEET_NAME, /* text that may be cut in a table: a domain, an address */
    SHEET_NUMBER,
    SHEET_PERCENT, /* a share of 0 to 1 in JSON and CSV, percent in the table */
    SHEET_BAR,     /* a share, drawn */
    SHEET_TREND,   /* numbers in the order of time, drawn; in JSON an array, in CSV with blanks */
    SHEET_TIME,    /* microseconds since 1970; 0 is "never": "-" or null */
    SHEET_DATE,    /* the same; in a table only the day */
};

struct sheet_column {
    const char *key;
    const char *title;
    enum sheet_type type;
    uint8_t drop; /* 0: always in the table; else left out of a narrow one, the highest first */
};

/* How a table is drawn: ASCII only unless utf8. */
struct sheet_style {
    bool colour;
    bool utf8;
    size_t width; /* columns; 0: as wide as it gets */
};

enum { SHEET_TREND_SLOTS = 16 };
/* In a trend: nothing was seen then, which is not the number 0. */
#define SHEET_UNSEEN UINT64_MAX

struct sheet;

/* `columns` is borrowed. NULL when out of memory, as in every later call a sheet keeps in mind:
 * sheet_failed() tells. */
struct sheet *sheet_new(const struct sheet_column *columns, size_t column_count);
void sheet_delete(struct sheet *sheet);
bool sheet_failed(const struct sheet *sheet);
size_t sheet_rows(const struct sheet *sheet);

/* Cells are added in column order; after the last one of a row the next row begins. */
void sheet_add_text(struct sheet *sheet, const char *text, size_t size);
void sheet_add_string(struct sheet *sheet, const char *text);
void sheet_add_number(struct sheet *sheet, uint64_t number);              /* also for times */
void sheet_add_share(struct sheet *sheet, uint64_t part, uint64_t whole); /* whole 0: no value */
/* At most SHEET_TREND_SLOTS values; drawn against the largest of them. */
void sheet_add_trend(struct sheet *sheet, const uint64_t *values, size_t count);
void sheet_add_nothing(struct sheet *sheet);
void sheet_mark(struct sheet *sheet); /* the cell added last stands out where there is colour */

void sheet_print_table(const struct sheet *sheet, FILE *out, const struct sheet_style *style);
void sheet_print_csv(const struct sheet *sheet, FILE *out);
/* The same without the line of names, unless it is wanted. */
void sheet_print_csv_rows(const struct sheet *sheet, FILE *out, bool has_names);
/* An array of objects, to be released by the caller; NULL when out of memory. */
struct json_t *sheet_json(const struct sheet *sheet);
/* The object of one row. */
struct json_t *sheet_json_row(const struct sheet *sheet, size_t row);

/* ---- the escaping, for what is printed without a sheet ---- */

/* Escaped for terminals (redis_printable()), whatever its length. */
void print_escaped(FILE *out, const char *text, size_t size);
/* One CSV field. Text that a spreadsheet would take for a formula gets an apostrophe in front. */
void print_csv_text(FILE *out, const char *text, size_t size);
/* A JSON string; what is no UTF-8 is escaped as for a terminal. NULL when out of memory. */
struct json_t *json_of_text(const char *text, size_t size);
/* A whole answer, and its end: it is released. NULL prints nothing. */
void print_json_value(FILE *out, struct json_t *value);

enum { TIME_TEXT_SIZE = 32, PERCENT_TEXT_SIZE = 32 };
/* "2026-11-23 12:00:00", UTC. */
const char *time_for_people(uint64_t time_us, char text[TIME_TEXT_SIZE]);
/* "2026-11-23T12:00:00.123456Z" */
const char *time_for_programs(uint64_t time_us, char text[TIME_TEXT_SIZE]);
/* "33.33%"; never "0.00%" for what is not 0, nor "100.00%" for what is less. */
const char *percent_text(uint64_t part, uint64_t whole, char text[PERCENT_TEXT_SIZE]);

#endif
