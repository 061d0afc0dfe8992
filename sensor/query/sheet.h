/*
 * sheet.h - rows and columns that are printed as a table for people, as CSV, or become JSON.
 *
 * Text in cells is not trusted: in a table it is escaped for terminals (\xNN), in CSV also quoted
 * and kept from being a formula, in JSON it is what jansson writes in ASCII. Columns' keys are the
 * stable names in CSV and JSON; a column without a title is not in the table.
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
    SHEET_NUMBER,
    SHEET_PERCENT, /* a share of 0 to 1 in JSON and CSV, percent in the table */
    SHEET_TIME,    /* microseconds since 1970; 0 is "never": "-" or null */
};

struct sheet_column {
    const char *key;
    const char *title;
    enum sheet_type type;
};

struct sheet;

/* `columns` is borrowed. NULL when out of memory, as in every later call a sheet keeps in mind:
 * sheet_failed() tells. */
struct sheet *sheet_new(const struct sheet_column *columns, size_t column_count);
void sheet_delete(struct sheet *sheet);
bool sheet_failed(const struct sheet *sheet);
size_t sheet_rows(const struct sheet *sheet);

/* Cells are added in column order; after the last one of a row the next row begins. */
void sheet_add_text(struct sheet *sheet, const char *text, size_t size);
void sheet_add_number(struct sheet *sheet, uint64_t number);              /* also for SHEET_TIME */
void sheet_add_share(struct sheet *sheet, uint64_t part, uint64_t whole); /* whole 0: no value */
void sheet_add_nothing(struct sheet *sheet);
void sheet_mark(struct sheet *sheet); /* the cell added last stands out where there is colour */

void sheet_print_table(const struct sheet *sheet, FILE *out, bool colour);
void sheet_print_csv(const struct sheet *sheet, FILE *out);
/* An array of objects, to be released by the caller; NULL when out of memory. */
struct json_t *sheet_json(const struct sheet *sheet);

/* ---- the escaping, for what is printed without a sheet ---- */

/* Escaped for terminals (redis_printable()), whatever its length. */
void print_escaped(FILE *out, const char *text, size_t size);
/* One CSV field. Text that a spreadsheet would take for a formula gets an apostrophe in front. */
void print_csv_text(FILE *out, const char *text, size_t size);
/* A JSON string; what is no UTF-8 is escaped as for a terminal. NULL when out of memory. */
struct json_t *json_of_text(const char *text, size_t size);

enum { TIME_TEXT_SIZE = 32 };
/* "2026-11-23 12:00:00", UTC. */
const char *time_for_people(uint64_t time_us, char text[TIME_TEXT_SIZE]);
/* "2026-11-23T12:00:00.123456Z" */
const char *time_for_programs(uint64_t time_us, char text[TIME_TEXT_SIZE]);

#endif
