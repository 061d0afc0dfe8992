/* sheet.c - see sheet.h. Cells are kept as values; each way out formats them for itself: CSV and
 * JSON here, tables in sheet_table.c. */
#include "sheet.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sheet_cells.h"

struct sheet *sheet_new(const struct sheet_column *columns, size_t column_count) {
    struct sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL)
        return NULL;
    sheet->columns = columns;
    sheet->column_count = column_count;
    return sheet;
}

void sheet_delete(struct sheet *sheet) {
    if (sheet == NULL)
        return;
    for (size_t i = 0; i < sheet->count; i++) {
        free(sheet->cells[i].text);
        free(sheet->cells[i].trend);
    }
    free(sheet->cells);
    free(sheet);
}

bool sheet_failed(const struct sheet *sheet) {
    return sheet == NULL || sheet->failed;
}

size_t sheet_rows(const struct sheet *sheet) {
    return sheet->count / sheet->column_count;
}

/* ---- cells ---- */

static struct cell *add_cell(struct sheet *sheet) {
    if (sheet->count == sheet->room) {
        size_t room = sheet->room ? sheet->room * 2 : 256;
        struct cell *grown = realloc(sheet->cells, room * sizeof *grown);
        if (grown == NULL) {
            sheet->failed = true;
            return NULL;
        }
        sheet->cells = grown;
        sheet->room = room;
    }
    struct cell *cell = &sheet->cells[sheet->count++];
    memset(cell, 0, sizeof *cell);
    return cell;
}

void sheet_add_text(struct sheet *sheet, const char *text, size_t size) {
    struct cell *cell = add_cell(sheet);
    char *copy = malloc(size + 1);
    if (cell == NULL || copy == NULL) {
        sheet->failed = true;
        free(copy);
        return;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    cell->text = copy;
    cell->size = size;
}

void sheet_add_string(struct sheet *sheet, const char *text) {
    sheet_add_text(sheet, text, strlen(text));
}

void sheet_add_number(struct sheet *sheet, uint64_t number) {
    struct cell *cell = add_cell(sheet);
    if (cell != NULL)
        cell->number = number;
}

void sheet_add_share(struct sheet *sheet, uint64_t part, uint64_t whole) {
    struct cell *cell = add_cell(sheet);
    if (cell == NULL)
        return;
    cell->number = part;
    cell->whole = whole;
    cell->is_nothing = whole == 0;
}

void sheet_add_trend(struct sheet *sheet, const uint64_t *values, size_t count) {
    struct cell *cell = add_cell(sheet);
    size_t kept = count < SHEET_TREND_SLOTS ? count : (size_t)SHEET_TREND_SLOTS;
    uint64_t *copy = calloc(kept + 1, sizeof *copy);
    if (cell == NULL || copy == NULL) {
        sheet->failed = true;
        free(copy);
        return;
    }
    memcpy(copy, values, kept * sizeof *copy);
    cell->trend = copy;
    cell->size = kept;
    cell->is_nothing = kept == 0;
}

void sheet_add_nothing(struct sheet *sheet) {
    struct cell *cell = add_cell(sheet);
    if (cell != NULL)
        cell->is_nothing = true;
}

void sheet_mark(struct sheet *sheet) {
    if (sheet->count > 0)
        sheet->cells[sheet->count - 1].is_marked = true;
}

/* ---- CSV ---- */

static bool is_absent(const struct cell *cell, enum sheet_type type) {
    return cell->is_nothing || ((type == SHEET_TIME || type == SHEET_DATE) && cell->number == 0);
}

static double share_of(const struct cell *cell) {
    return cell->whole == 0 ? 0.0 : (double)cell->number / (double)cell->whole;
}

static void print_csv_trend(FILE *out, const struct cell *cell) {
    for (size_t i = 0; i < cell->size; i++) {
        (void)fputs(i > 0 ? " " : "", out);
        if (cell->trend[i] == SHEET_UNSEEN)
            (void)fputc('-', out);
        else
            (void)fprintf(out, "%" PRIu64, cell->trend[i]);
    }
}

static void print_csv_cell(FILE *out, const struct cell *cell, enum sheet_type type) {
    char text[TIME_TEXT_SIZE];
    if (is_absent(cell, type))
        return;
    switch (type) {
    case SHEET_TEXT:
    case SHEET_NAME:
        print_csv_text(out, cell->text, cell->size);
        break;
    case SHEET_NUMBER:
        (void)fprintf(out, "%" PRIu64, cell->number);
        break;
    case SHEET_PERCENT:
    case SHEET_BAR:
        (void)fprintf(out, "%.6f", share_of(cell));
        break;
    case SHEET_TREND:
        (void)fputc('"', out);
        print_csv_trend(out, cell);
        (void)fputc('"', out);
        break;
    case SHEET_TIME:
    case SHEET_DATE:
        (void)fputs(time_for_programs(cell->number, text), out);
        break;
    }
}

static void print_csv_names(const struct sheet *sheet, FILE *out) {
    const char *comma = "";
    for (size_t column = 0; column < sheet->column_count; column++) {
        if (sheet->columns[column].key == NULL)
            continue;
        (void)fprintf(out, "%s%s", comma, sheet->columns[column].key);
        comma = ",";
    }
    (void)fputs("\r\n", out);
}

void sheet_print_csv_rows(const struct sheet *sheet, FILE *out, bool has_names) {
    if (has_names)
        print_csv_names(sheet, out);
    for (size_t row = 0; row < sheet->count; row += sheet->column_count) {
        const char *comma = "";
        for (size_t column = 0; column < sheet->column_count; column++) {
            if (sheet->columns[column].key == NULL)
                continue;
            (void)fputs(comma, out);
            comma = ",";
            print_csv_cell(out, &sheet->cells[row + column], sheet->columns[column].type);
        }
        (void)fputs("\r\n", out);
    }
}

void sheet_print_csv(const struct sheet *sheet, FILE *out) {
    sheet_print_csv_rows(sheet, out, true);
}

/* ---- JSON ---- */

static json_t *json_of_trend(const struct cell *cell) {
    json_t *values = json_array();
    for (size_t i = 0; i < cell->size; i++)
        (void)json_array_append_new(values, cell->trend[i] == SHEET_UNSEEN
                                                ? json_null()
                                                : json_integer((json_int_t)cell->trend[i]));
    return values;
}

static json_t *json_of_cell(const struct cell *cell, enum sheet_type type) {
    char text[TIME_TEXT_SIZE];
    if (is_absent(cell, type))
        return json_null();
    switch (type) {
    case SHEET_TEXT:
    case SHEET_NAME:
        return json_of_text(cell->text, cell->size);
    case SHEET_NUMBER:
        return json_integer((json_int_t)cell->number);
    case SHEET_PERCENT:
    case SHEET_BAR:
        return json_real(share_of(cell));
    case SHEET_TREND:
        return json_of_trend(cell);
    case SHEET_TIME:
    case SHEET_DATE:
        return json_string(time_for_programs(cell->number, text));
    }
    return NULL;
}

json_t *sheet_json_row(const struct sheet *sheet, size_t row) {
    json_t *object = json_object();
    const struct cell *cells = &sheet->cells[row * sheet->column_count];
    for (size_t column = 0; column < sheet->column_count; column++)
        if (sheet->columns[column].key != NULL)
            (void)json_object_set_new(object, sheet->columns[column].key,
                                      json_of_cell(&cells[column], sheet->columns[column].type));
    return object;
}

json_t *sheet_json(const struct sheet *sheet) {
    json_t *rows = json_array();
    for (size_t row = 0; row < sheet_rows(sheet); row++)
        (void)json_array_append_new(rows, sheet_json_row(sheet, row));
    return rows;
}
