/* sheet.c - see sheet.h. Cells are kept as values; each way out formats them for itself. */
#include "sheet.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "redis_keys.h"
#include "redis_reply.h"

struct cell {
    bool is_nothing;
    bool is_marked;
    uint64_t number; /* the part of a share */
    uint64_t whole;
    char *text; /* owned; SHEET_TEXT only */
    size_t size;
};

struct sheet {
    const struct sheet_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t count;
    size_t room;
    bool failed;
};

enum { CELL_TEXT_SIZE = 1100, ESCAPE_CHUNK = 256 };

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
    for (size_t i = 0; i < sheet->count; i++)
        free(sheet->cells[i].text);
    free(sheet->cells);
    free(sheet);
}

bool sheet_failed(const struct sheet *sheet) {
    return sheet == NULL || sheet->failed;
}

size_t sheet_rows(const struct sheet *sheet) {
    return sheet->count / sheet->column_count;
}

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

void sheet_add_nothing(struct sheet *sheet) {
    struct cell *cell = add_cell(sheet);
    if (cell != NULL)
        cell->is_nothing = true;
}

void sheet_mark(struct sheet *sheet) {
    if (sheet->count > 0)
        sheet->cells[sheet->count - 1].is_marked = true;
}

/* ---- escaping and formatting ---- */

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

/* A share with all its meaning: 1 of 100000 is not "0.00 %", and 99999 of 100000 not "100 %". */
static void format_percent(uint64_t part, uint64_t whole, char *text, size_t size) {
    double percent = 100.0 * (double)part / (double)whole;
    if (part > 0 && percent < 0.01)
        (void)snprintf(text, size, "<0.01%%");
    else if (part < whole && percent > 99.99)
        (void)snprintf(text, size, ">99.99%%");
    else
        (void)snprintf(text, size, "%.2f%%", percent);
}

static const char *format_cell(const struct cell *cell, enum sheet_type type,
                               char text[CELL_TEXT_SIZE]) {
    bool is_never = type == SHEET_TIME && cell->number == 0;
    if (cell->is_nothing || is_never) {
        (void)snprintf(text, CELL_TEXT_SIZE, "-");
        return text;
    }
    switch (type) {
    case SHEET_TEXT:
        (void)redis_printable(cell->text, cell->size, text, CELL_TEXT_SIZE);
        break;
    case SHEET_NUMBER:
        (void)snprintf(text, CELL_TEXT_SIZE, "%" PRIu64, cell->number);
        break;
    case SHEET_PERCENT:
        format_percent(cell->number, cell->whole, text, CELL_TEXT_SIZE);
        break;
    case SHEET_TIME:
        (void)time_for_people(cell->number, text);
        break;
    }
    return text;
}

/* ---- the three ways out ---- */

static size_t column_width(const struct sheet *sheet, size_t column) {
    char text[CELL_TEXT_SIZE];
    size_t width = strlen(sheet->columns[column].title);
    for (size_t i = column; i < sheet->count; i += sheet->column_count) {
        size_t length = strlen(format_cell(&sheet->cells[i], sheet->columns[column].type, text));
        width = length > width ? length : width;
    }
    return width;
}

static void print_cell(FILE *out, const char *text, size_t width, bool is_left, bool pads) {
    int padding = (int)width - (int)strlen(text);
    if (is_left)
        (void)fprintf(out, "%s%*s", text, pads ? padding : 0, "");
    else
        (void)fprintf(out, "%*s%s", padding, "", text);
}

static void print_row(const struct sheet *sheet, FILE *out, const size_t *widths,
                      const struct cell *row, bool colour) {
    char text[CELL_TEXT_SIZE];
    bool is_first = true;
    size_t last = sheet->column_count - 1;
    while (last > 0 && sheet->columns[last].title == NULL)
        last--;
    for (size_t column = 0; column < sheet->column_count; column++) {
        const struct sheet_column *kind = &sheet->columns[column];
        if (kind->title == NULL)
            continue;
        if (!is_first)
            (void)fputs("  ", out);
        is_first = false;
        bool is_marked = colour && row != NULL && row[column].is_marked;
        if (is_marked)
            (void)fputs("\033[31m", out);
        print_cell(out, row != NULL ? format_cell(&row[column], kind->type, text) : kind->title,
                   widths[column], kind->type == SHEET_TEXT || kind->type == SHEET_TIME,
                   column != last);
        if (is_marked)
            (void)fputs("\033[0m", out);
    }
}

void sheet_print_table(const struct sheet *sheet, FILE *out, bool colour) {
    size_t *widths = calloc(sheet->column_count, sizeof *widths);
    if (widths == NULL)
        return;
    for (size_t column = 0; column < sheet->column_count; column++)
        if (sheet->columns[column].title != NULL)
            widths[column] = column_width(sheet, column);
    (void)fputs(colour ? "\033[1m" : "", out);
    print_row(sheet, out, widths, NULL, false);
    (void)fputs(colour ? "\033[0m\n" : "\n", out);
    for (size_t i = 0; i < sheet->count; i += sheet->column_count) {
        print_row(sheet, out, widths, &sheet->cells[i], colour);
        (void)fputc('\n', out);
    }
    free(widths);
}

static double share_of(const struct cell *cell) {
    return cell->whole == 0 ? 0.0 : (double)cell->number / (double)cell->whole;
}

static void print_csv_cell(FILE *out, const struct cell *cell, enum sheet_type type) {
    char text[TIME_TEXT_SIZE];
    if (cell->is_nothing || (type == SHEET_TIME && cell->number == 0))
        return;
    switch (type) {
    case SHEET_TEXT:
        print_csv_text(out, cell->text, cell->size);
        break;
    case SHEET_NUMBER:
        (void)fprintf(out, "%" PRIu64, cell->number);
        break;
    case SHEET_PERCENT:
        (void)fprintf(out, "%.6f", share_of(cell));
        break;
    case SHEET_TIME:
        (void)fputs(time_for_programs(cell->number, text), out);
        break;
    }
}

void sheet_print_csv(const struct sheet *sheet, FILE *out) {
    for (size_t column = 0; column < sheet->column_count; column++)
        (void)fprintf(out, "%s%s", column ? "," : "", sheet->columns[column].key);
    (void)fputs("\r\n", out);
    for (size_t row = 0; row < sheet->count; row += sheet->column_count) {
        for (size_t column = 0; column < sheet->column_count; column++) {
            (void)fputs(column > 0 ? "," : "", out);
            print_csv_cell(out, &sheet->cells[row + column], sheet->columns[column].type);
        }
        (void)fputs("\r\n", out);
    }
}

static json_t *json_of_cell(const struct cell *cell, enum sheet_type type) {
    char text[TIME_TEXT_SIZE];
    if (cell->is_nothing || (type == SHEET_TIME && cell->number == 0))
        return json_null();
    switch (type) {
    case SHEET_TEXT:
        return json_of_text(cell->text, cell->size);
    case SHEET_NUMBER:
        return json_integer((json_int_t)cell->number);
    case SHEET_PERCENT:
        return json_real(share_of(cell));
    case SHEET_TIME:
        return json_string(time_for_programs(cell->number, text));
    }
    return NULL;
}

json_t *sheet_json(const struct sheet *sheet) {
    json_t *rows = json_array();
    json_t *row = NULL;
    for (size_t i = 0; i < sheet->count; i++) {
        size_t column = i % sheet->column_count;
        if (column == 0) {
            row = json_object();
            (void)json_array_append_new(rows, row);
        }
        (void)json_object_set_new(row, sheet->columns[column].key,
                                  json_of_cell(&sheet->cells[i], sheet->columns[column].type));
    }
    return rows;
}
