/*
 * terminal_table.c - the table per domain at the end of a replay, and how far to trust it.
 *
 * Domains with the most legacy handshakes come first: they are what a planner asks about. The
 * legacy share is of the handshakes with a ServerHello, since the others have no version. A column
 * is as wide as its widest cell; the domain gets what 100 columns leave, and a longer name loses
 * its beginning, because its end says whose it is.
 */
#include "terminal.h"

#include "terminal_text.h"

#include <stdlib.h>

enum { CELL_SIZE = 48, NAME_MIN_WIDTH = 22, LEGEND_INDENT = 2 };

struct table_row {
    const char *name;
    uint64_t counts[USAGE_FIELD_COUNT];
    struct usage_client_counts clients;
    bool has_clients; /* sums over domains have none: a client may speak to several */
};

struct table {
    const struct usage *usage;
    struct table_row *rows;
    size_t count;
    size_t room;
    struct table_row total;
};

static uint64_t legacy_count(const struct table_row *row) {
    return row->counts[USAGE_TLS_1_1] + row->counts[USAGE_TLS_1_0] + row->counts[USAGE_SSL_3] +
           row->counts[USAGE_SSL_2];
}

static uint64_t answered_count(const struct table_row *row) {
    return row->counts[USAGE_TLS_1_3] + row->counts[USAGE_TLS_1_2] + legacy_count(row) +
           row->counts[USAGE_VERSION_OTHER];
}

/* One decimal; what is not nothing or not all never looks so. */
static void format_share(const struct table_row *row, char cell[CELL_SIZE]) {
    uint64_t part = legacy_count(row);
    uint64_t whole = answered_count(row);
    if (whole == 0) {
        snprintf(cell, CELL_SIZE, "-");
        return;
    }
    unsigned permille = (unsigned)((part * 2000 + whole) / (2 * whole));
    if (part != 0 && permille == 0)
        snprintf(cell, CELL_SIZE, "<0.1%%");
    else if (part != whole && permille == 1000)
        snprintf(cell, CELL_SIZE, ">99.9%%");
    else
        snprintf(cell, CELL_SIZE, "%u.%u%%", permille / 10, permille % 10);
}

static void format_clients(const struct table_row *row, char cell[CELL_SIZE]) {
    if (!row->has_clients)
        snprintf(cell, CELL_SIZE, "-");
    else
        snprintf(cell, CELL_SIZE, "%llu/%llu%s", (unsigned long long)row->clients.legacy,
                 (unsigned long long)row->clients.all, row->clients.lost ? "+" : "");
}

struct column {
    const char *head[2];
    size_t gap;                                                        /* blanks before it */
    void (*format)(const struct table_row *row, char cell[CELL_SIZE]); /* or the sum of: */
    enum usage_field fields[2];
};

static const struct column columns[] = {
    {{"hand-", "shakes"}, 2, NULL, {USAGE_HANDSHAKES, USAGE_FIELD_COUNT}},
    {{"legacy", "share"}, 2, format_share, {USAGE_FIELD_COUNT, USAGE_FIELD_COUNT}},
    {{"TLS", "1.3"}, 2, NULL, {USAGE_TLS_1_3, USAGE_FIELD_COUNT}},
    {{"TLS", "1.2"}, 1, NULL, {USAGE_TLS_1_2, USAGE_FIELD_COUNT}},
    {{"TLS", "1.1"}, 1, NULL, {USAGE_TLS_1_1, USAGE_FIELD_COUNT}},
    {{"TLS", "1.0"}, 1, NULL, {USAGE_TLS_1_0, USAGE_FIELD_COUNT}},
    {{"", "SSL"}, 1, NULL, {USAGE_SSL_3, USAGE_SSL_2}},
    {{"client", "limits"}, 2, NULL, {USAGE_LIMIT_CLIENT, USAGE_FIELD_COUNT}},
    {{"server", "limits"}, 2, NULL, {USAGE_LIMIT_SERVER, USAGE_FIELD_COUNT}},
    {{"down-", "graded"}, 2, NULL, {USAGE_DOWNGRADED, USAGE_FIELD_COUNT}},
    {{"", "failed"}, 2, NULL, {USAGE_FAILED, USAGE_RESET}},
    {{"legacy/", "clients"}, 2, format_clients, {USAGE_FIELD_COUNT, USAGE_FIELD_COUNT}},
};
enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static void format_cell(const struct column *column, const struct table_row *row,
                        char cell[CELL_SIZE]) {
    if (column->format) {
        column->format(row, cell);
        return;
    }
    uint64_t sum = row->counts[column->fields[0]];
    if (column->fields[1] != USAGE_FIELD_COUNT)
        sum += row->counts[column->fields[1]];
    snprintf(cell, CELL_SIZE, "%llu", (unsigned long long)sum);
}

static void row_add(struct table_row *sum, const struct table_row *row) {
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++)
        sum->counts[i] += row->counts[i];
}

static void count_domain(void *context, const struct usage_bucket *bucket) {
    (void)bucket;
    size_t *count = context;
    (*count)++;
}

static void collect(void *context, const struct usage_bucket *bucket) {
    struct table *table = context;
    struct table_row row = {.name = bucket->domain,
                            .clients = usage_client_counts(table->usage, bucket->domain),
                            .has_clients = true};
    memcpy(row.counts, bucket->counts, sizeof(row.counts));
    row_add(&table->total, &row);
    if (table->count < table->room)
        table->rows[table->count++] = row;
}

static int compare_numbers(uint64_t a, uint64_t b) { /* the larger first */
    return a == b ? 0 : (a > b ? -1 : 1);
}

static int compare_rows(const void *left, const void *right) {
    const struct table_row *a = left;
    const struct table_row *b = right;
    int order = compare_numbers(legacy_count(a), legacy_count(b));
    if (order == 0)
        order = compare_numbers(a->counts[USAGE_HANDSHAKES], b->counts[USAGE_HANDSHAKES]);
    return order != 0 ? order : strcmp(a->name, b->name);
}

struct layout {
    FILE *out;
    size_t name_width;
    size_t widths[COLUMN_COUNT];
};

static void layout_widen(struct layout *layout, const struct table_row *row) {
    char cell[CELL_SIZE];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        format_cell(&columns[i], row, cell);
        size_t width = strlen(cell);
        if (width > layout->widths[i])
            layout->widths[i] = width;
    }
    if (strlen(row->name) > layout->name_width)
        layout->name_width = strlen(row->name);
}

static void layout_init(struct layout *layout, FILE *out) {
    *layout = (struct layout){.out = out, .name_width = NAME_MIN_WIDTH};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        for (size_t line = 0; line < 2; line++)
            if (strlen(columns[i].head[line]) > layout->widths[i])
                layout->widths[i] = strlen(columns[i].head[line]);
}

/* Gives the name what the other columns leave of a line, but never less than its minimum. */
static void layout_fit(struct layout *layout) {
    size_t others = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        others += columns[i].gap + layout->widths[i];
    size_t left = others < TEXT_WIDTH ? TEXT_WIDTH - others : 0;
    if (left < NAME_MIN_WIDTH)
        left = NAME_MIN_WIDTH;
    if (layout->name_width > left)
        layout->name_width = left;
}

static void put_cells(const struct layout *layout, const char *name,
                      const char cells[COLUMN_COUNT][CELL_SIZE]) {
    size_t size = strlen(name);
    if (size > layout->name_width)
        fprintf(layout->out, "...%s", name + (size - layout->name_width) + 3);
    else
        fprintf(layout->out, "%-*s", (int)layout->name_width, name);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        fprintf(layout->out, "%*s", (int)(columns[i].gap + layout->widths[i]), cells[i]);
    fputc('\n', layout->out);
}

static void put_heads(const struct layout *layout) {
    for (size_t line = 0; line < 2; line++) {
        char cells[COLUMN_COUNT][CELL_SIZE];
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            snprintf(cells[i], CELL_SIZE, "%s", columns[i].head[line]);
        put_cells(layout, line == 1 ? "domain" : "", (const char(*)[CELL_SIZE])cells);
    }
}

static void put_row(const struct layout *layout, const struct table_row *row) {
    char cells[COLUMN_COUNT][CELL_SIZE];
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        format_cell(&columns[i], row, cells[i]);
    put_cells(layout, row->name, (const char(*)[CELL_SIZE])cells);
}

static void put_rows(const struct terminal *terminal, struct table *table) {
    size_t shown = table->count;
    if (shown > terminal->config.max_domains)
        shown = terminal->config.max_domains;
    char rest_name[CELL_SIZE];
    struct table_row rest = {.name = rest_name};
    for (size_t i = shown; i < table->count; i++)
        row_add(&rest, &table->rows[i]);
    snprintf(rest_name, sizeof(rest_name), "(%zu more)", table->count - shown);

    struct layout layout;
    layout_init(&layout, terminal->config.out);
    layout_widen(&layout, &table->total);
    for (size_t i = 0; i < shown; i++)
        layout_widen(&layout, &table->rows[i]);
    layout_fit(&layout);
    put_heads(&layout);
    for (size_t i = 0; i < shown; i++)
        put_row(&layout, &table->rows[i]);
    if (shown < table->count)
        put_row(&layout, &rest);
    put_row(&layout, &table->total);
}

static void put_legend(struct text_block *block, const struct table *table) {
    static const struct {
        const char *name;
        const char *meaning;
    } specials[] = {
        {"_none", "_none: neither a server name nor a readable certificate."},
        {"_invalid", "_invalid: the name sent is no host name."},
        {"_other", "_other: domains and hours past the table's size."},
    };
    text_line(block);
    text_unit_format(block,
                     "legacy: negotiated below TLS 1.2; its share is of the %llu handshakes with a "
                     "ServerHello.",
                     (unsigned long long)answered_count(&table->total));
    text_unit(block, "client limits: it got the best it offered, below TLS 1.3.");
    text_unit(block, "server limits: the client offered more.");
    text_unit(block, "downgraded: both could do better.");
    text_unit(block, "failed: resets included.");
    bool has_lost = false;
    for (size_t i = 0; i < table->count; i++)
        has_lost = has_lost || table->rows[i].clients.lost != 0;
    if (has_lost)
        text_unit(block, "clients with a +: at least so many.");
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        struct usage_client_counts clients = usage_client_counts(table->usage, specials[i].name);
        if (clients.all != 0 || clients.lost != 0)
            text_unit(block, specials[i].meaning);
    }
}

static unsigned long long number(uint64_t value) {
    return value;
}

/* What was lost between the wire and the output. */
static void put_live_losses(struct text_block *block, const struct run_stats *stats) {
    if (stats->packets_dropped || stats->interface_drops || stats->records_lost ||
        stats->lines_lost) {
        text_line(block);
        text_unit_format(
            block,
            "lost: %llu packets by the kernel, %llu by the card, %llu handshakes on "
            "their way to the judge, %llu lines of output, so the figures are too low.",
            number(stats->packets_dropped), number(stats->interface_drops),
            number(stats->records_lost), number(stats->lines_lost));
    }
    if (stats->packets_stopped) {
        text_line(block);
        text_unit_format(block,
                         "%llu packets of finished handshakes (%llu MB) ended in the kernel.",
                         number(stats->packets_stopped), number(stats->bytes_stopped / 1000000));
    }
    if (stats->interface_downs) {
        text_line(block);
        text_unit_format(block, "the interface went away %llu times.",
                         number(stats->interface_downs));
    }
}

static void put_coverage(struct terminal *terminal, struct text_block *block,
                         const struct run_stats *stats) {
    char first[UTC_TEXT_SIZE];
    char last[UTC_TEXT_SIZE];
    text_line(block);
    text_unit_format(block, "seen: %llu packets, %llu flows, %llu handshakes",
                     number(stats->packets), number(stats->flows), number(stats->handshakes));
    if (stats->packets != 0) {
        utc_format_text(&terminal->date, stats->first_us, first);
        utc_format_text(&terminal->date, stats->last_us, last);
        text_unit_format(block, "from %s to %s.", first, last);
    }
    text_line(block);
    text_unit_format(block, "not fully seen: %llu handshakes of one side or without their start,",
                     number(stats->half_seen));
    text_unit_format(block, "%llu inconclusive,", number(stats->inconclusive));
    text_unit_format(block, "%llu hellos malformed;", number(stats->hello_malformed));
    text_unit_format(block, "packets: %llu without TCP,", number(stats->packets_ignored));
    text_unit_format(block, "%llu malformed,", number(stats->packets_malformed));
    text_unit_format(block, "%llu cut by the snap length.", number(stats->packets_cut));
    if (stats->flows_evicted || stats->buffers_exhausted || stats->fragments_dropped) {
        text_line(block);
        text_unit_format(block,
                         "the sensor ran out of room: %llu flows, %llu streams or messages and "
                         "%llu fragments were dropped, so the figures are too low.",
                         number(stats->flows_evicted), number(stats->buffers_exhausted),
                         number(stats->fragments_dropped));
    }
    put_live_losses(block, stats);
    text_line(block);
    text_unit_format(block, "alerts: %llu shown, %llu repeats folded into them;",
                     number(stats->alerts), number(stats->alerts_folded));
    text_unit_format(block, "%llu of class attack, folded ones included.",
                     number(stats->attack_alerts));
    if (stats->alerts_excepted != 0)
        text_unit_format(block, "%llu not raised: the configuration excepts them.",
                         number(stats->alerts_excepted));
}

void terminal_table(struct terminal *terminal, const struct usage *usage,
                    const struct run_stats *total) {
    FILE *out = terminal->config.out;
    if (terminal->config.quiet)
        return;
    struct table table = {.usage = usage, .total = {.name = "total"}};
    usage_total(usage, count_domain, &table.room);
    table.rows = calloc(table.room + 1, sizeof(*table.rows));
    if (!table.rows) {
        fputs("no table per domain: out of memory\n", out);
        table.room = 0;
    }
    usage_total(usage, collect, &table);
    struct text_block block = text_block_of(out, LEGEND_INDENT);
    if (table.count == 0 && table.rows) {
        fputs("no TLS handshake seen\n", out);
    } else if (table.rows) {
        qsort(table.rows, table.count, sizeof(*table.rows), compare_rows);
        put_rows(terminal, &table);
        fputc('\n', out);
        put_legend(&block, &table);
    }
    put_coverage(terminal, &block, total);
    text_end(&block);
    fflush(out);
    free(table.rows);
}
