/*
 * sheet_table.c - sheets as tables for people.
 *
 * Every cell becomes printable text first; its width in columns is then that of its characters:
 * what is not ASCII are the blocks of bars and trends and the ellipsis of a cut name, one column
 * each. How a table is made to fit is told in fit().
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prose.h"
#include "redis_reply.h"
#include "sheet.h"
#include "sheet_cells.h"

enum {
    CELL_TEXT_SIZE = 1100,
    BAR_WIDTH = 10,
    GAP_WIDTH = 2,
    NAME_COMFORT = 30, /* names are cut to this before columns are left out */
    NAME_LEAST = 14,   /* and to this after */
};

/* ---- drawing ---- */

static const char *const eighths_across[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
static const char *const eighths_up[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const steps_up[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
enum { STEPS = 8 };

static void append(char text[CELL_TEXT_SIZE], size_t *used, const char *part) {
    size_t size = strlen(part);
    if (*used + size >= CELL_TEXT_SIZE)
        return;
    memcpy(text + *used, part, size + 1);
    *used += size;
}

/* Anything that is not 0 shows at least a little, and less than all is never full. */
static void draw_bar(const struct cell *cell, bool utf8, char text[CELL_TEXT_SIZE]) {
    const uint64_t steps = utf8 ? 8 * BAR_WIDTH : BAR_WIDTH;
    double share = (double)cell->number / (double)cell->whole;
    uint64_t filled = share >= 1.0 ? steps : (uint64_t)(share * (double)steps);
    size_t used = 0;
    if (filled == 0 && cell->number > 0)
        filled = 1;
    for (uint64_t at = 0; at < BAR_WIDTH; at++) {
        if (!utf8) {
            append(text, &used, at < filled ? "#" : ".");
            continue;
        }
        uint64_t left = filled > 8 * at ? filled - 8 * at : 0;
        append(text, &used, eighths_across[left < 8 ? left : 8]);
    }
}

/* 0 is the lowest step and nothing else is; what was not seen is blank. */
static void draw_trend(const struct cell *cell, bool utf8, char text[CELL_TEXT_SIZE]) {
    uint64_t largest = 0;
    size_t used = 0;
    for (size_t i = 0; i < cell->size; i++)
        if (cell->trend[i] != SHEET_UNSEEN && cell->trend[i] > largest)
            largest = cell->trend[i];
    text[0] = '\0';
    for (size_t i = 0; i < cell->size; i++) {
        uint64_t value = cell->trend[i];
        if (value == SHEET_UNSEEN) {
            append(text, &used, " ");
            continue;
        }
        size_t step =
            value == 0 ? 0 : 1 + (size_t)((double)value / (double)largest * (STEPS - 1.001));
        append(text, &used, utf8 ? eighths_up[step] : steps_up[step]);
    }
}

static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0U) != 0x80U ? 1 : 0;
    return width;
}

static const char *format_cell(const struct cell *cell, enum sheet_type type, bool utf8,
                               char text[CELL_TEXT_SIZE]) {
    char small[TIME_TEXT_SIZE];
    bool is_time = type == SHEET_TIME || type == SHEET_DATE;
    (void)snprintf(text, CELL_TEXT_SIZE, "-");
    if (cell->is_nothing || (is_time && cell->number == 0))
        return text;
    switch (type) {
    case SHEET_TEXT:
    case SHEET_NAME:
        (void)redis_printable(cell->text, cell->size, text, CELL_TEXT_SIZE);
        break;
    case SHEET_NUMBER:
        (void)snprintf(text, CELL_TEXT_SIZE, "%" PRIu64, cell->number);
        break;
    case SHEET_PERCENT:
        (void)snprintf(text, CELL_TEXT_SIZE, "%s", percent_text(cell->number, cell->whole, small));
        break;
    case SHEET_BAR:
        draw_bar(cell, utf8, text);
        break;
    case SHEET_TREND:
        draw_trend(cell, utf8, text);
        break;
    case SHEET_TIME:
        (void)snprintf(text, CELL_TEXT_SIZE, "%s", time_for_people(cell->number, small));
        break;
    case SHEET_DATE:
        (void)snprintf(text, CELL_TEXT_SIZE, "%.10s", time_for_people(cell->number, small));
        break;
    }
    return text;
}

/* Cuts the middle out of printable ASCII: of a name both its beginning and its end tell. */
static void cut_middle(char *text, size_t width, bool utf8) {
    const char *mark = utf8 ? "…" : "..";
    size_t mark_width = utf8 ? 1 : 2;
    size_t length = strlen(text);
    if (length <= width || width <= mark_width)
        return;
    size_t tail = (width - mark_width) * 3 / 5;
    size_t head = width - mark_width - tail;
    char end[CELL_TEXT_SIZE];
    memcpy(end, text + length - tail, tail + 1);
    (void)snprintf(text + head, CELL_TEXT_SIZE - head, "%s%s", mark, end);
}

/* ---- fitting ---- */

struct layout {
    const struct sheet *sheet;
    const struct sheet_style *style;
    size_t *natural; /* what each column would like */
    size_t *widths;  /* 0: not in the table */
    bool has_dropped;
};

static size_t natural_width(const struct sheet *sheet, size_t column, bool utf8) {
    char text[CELL_TEXT_SIZE];
    size_t width = strlen(sheet->columns[column].title);
    for (size_t i = column; i < sheet->count; i += sheet->column_count) {
        size_t length =
            width_of(format_cell(&sheet->cells[i], sheet->columns[column].type, utf8, text));
        width = length > width ? length : width;
    }
    return width;
}

static size_t total_width(const struct layout *layout) {
    size_t total = 0;
    for (size_t i = 0; i < layout->sheet->column_count; i++)
        if (layout->widths[i] > 0)
            total += layout->widths[i] + (total > 0 ? GAP_WIDTH : 0);
    return total;
}

/* Takes columns from the widest name until the table fits or all are at `least`. */
static void cut_names(struct layout *layout, size_t least) {
    while (total_width(layout) > layout->style->width) {
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < layout->sheet->column_count; i++)
            if (layout->sheet->columns[i].type == SHEET_NAME && layout->widths[i] > least &&
                (widest == SIZE_MAX || layout->widths[i] > layout->widths[widest]))
                widest = i;
        if (widest == SIZE_MAX)
            return;
        layout->widths[widest]--;
    }
}

/* Leaves out what matters least; of equals the last one. */
static void drop_columns(struct layout *layout) {
    while (total_width(layout) > layout->style->width) {
        size_t least = SIZE_MAX;
        uint8_t highest = 1;
        for (size_t i = 0; i < layout->sheet->column_count; i++) {
            if (layout->widths[i] == 0 || layout->sheet->columns[i].drop < highest)
                continue;
            highest = layout->sheet->columns[i].drop;
            least = i;
        }
        if (least == SIZE_MAX)
            return;
        layout->widths[least] = 0;
        layout->has_dropped = true;
    }
}

/* What dropping a column freed goes back to the names. */
static void grow_names(struct layout *layout) {
    for (size_t i = 0; i < layout->sheet->column_count; i++) {
        size_t total = total_width(layout);
        if (layout->widths[i] == 0 || total >= layout->style->width)
            continue;
        size_t spare = layout->style->width - total;
        size_t wanted = layout->natural[i] - layout->widths[i];
        layout->widths[i] += wanted < spare ? wanted : spare;
    }
}

static void fit(struct layout *layout) {
    if (layout->style->width == 0)
        return;
    cut_names(layout, NAME_COMFORT);
    drop_columns(layout);
    cut_names(layout, NAME_LEAST);
    grow_names(layout);
}

/* ---- printing ---- */

static bool is_left(enum sheet_type type) {
    return type != SHEET_NUMBER && type != SHEET_PERCENT;
}

static void print_cell(const struct layout *layout, FILE *out, size_t column, char *text,
                       bool is_last) {
    const struct sheet_column *kind = &layout->sheet->columns[column];
    if (kind->type == SHEET_NAME)
        cut_middle(text, layout->widths[column], layout->style->utf8);
    size_t width = width_of(text);
    int padding = width < layout->widths[column] ? (int)(layout->widths[column] - width) : 0;
    if (is_left(kind->type))
        (void)fprintf(out, "%s%*s", text, is_last ? 0 : padding, "");
    else
        (void)fprintf(out, "%*s%s", padding, "", text);
}

/* row NULL: the titles. */
static void print_row(const struct layout *layout, FILE *out, const struct cell *row) {
    const struct sheet *sheet = layout->sheet;
    char text[CELL_TEXT_SIZE];
    bool is_first = true;
    size_t last = sheet->column_count - 1;
    while (last > 0 && layout->widths[last] == 0)
        last--;
    for (size_t column = 0; column < sheet->column_count; column++) {
        if (layout->widths[column] == 0)
            continue;
        (void)fputs(is_first ? "" : "  ", out);
        is_first = false;
        if (row != NULL)
            (void)format_cell(&row[column], sheet->columns[column].type, layout->style->utf8, text);
        else
            (void)snprintf(text, sizeof text, "%s", sheet->columns[column].title);
        bool is_marked = layout->style->colour && row != NULL && row[column].is_marked;
        (void)fputs(is_marked ? "\033[31m" : "", out);
        print_cell(layout, out, column, text, column == last);
        (void)fputs(is_marked ? "\033[0m" : "", out);
    }
}

static void print_dropped(const struct layout *layout, FILE *out) {
    char text[CELL_TEXT_SIZE] = "";
    size_t used = 0;
    if (!layout->has_dropped)
        return;
    for (size_t i = 0; i < layout->sheet->column_count; i++) {
        if (layout->sheet->columns[i].title == NULL || layout->widths[i] > 0)
            continue;
        append(text, &used, used > 0 ? ", " : "");
        append(text, &used, layout->sheet->columns[i].title);
    }
    prose_print(out, layout->style, "(no room for %s; --csv has all)", text);
}

void sheet_print_table(const struct sheet *sheet, FILE *out, const struct sheet_style *style) {
    size_t *widths = calloc(2 * sheet->column_count, sizeof *widths);
    if (widths == NULL)
        return;
    struct layout layout = {
        .sheet = sheet, .style = style, .natural = widths + sheet->column_count, .widths = widths};
    for (size_t column = 0; column < sheet->column_count; column++) {
        if (sheet->columns[column].title != NULL)
            widths[column] = natural_width(sheet, column, style->utf8);
        layout.natural[column] = widths[column];
    }
    fit(&layout);
    (void)fputs(style->colour ? "\033[1m" : "", out);
    print_row(&layout, out, NULL);
    (void)fputs(style->colour ? "\033[0m\n" : "\n", out);
    for (size_t i = 0; i < sheet->count; i += sheet->column_count) {
        print_row(&layout, out, &sheet->cells[i]);
        (void)fputc('\n', out);
    }
    print_dropped(&layout, out);
    free(widths);
}
