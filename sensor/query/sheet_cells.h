/* sheet_cells.h - what a sheet holds, for the two files that write it out (sheet.c, sheet_table.c).
 */
#ifndef DOWNGRD_SHEET_CELLS_H
#define DOWNGRD_SHEET_CELLS_H

#include "sheet.h"

struct cell {
    bool is_nothing;
    bool is_marked;
    uint64_t number; /* the part of a share */
    uint64_t whole;
    char *text;      /* owned; texts and names */
    uint64_t *trend; /* owned; trends */
    size_t size;     /* of the text, or of the trend in values */
};

struct sheet {
    const struct sheet_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t count;
    size_t room;
    bool failed;
};

#endif
