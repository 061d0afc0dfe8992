/* prose.h - sentences under and beside tables, broken at blanks to fit the width. */
#ifndef DOWNGRD_PROSE_H
#define DOWNGRD_PROSE_H

#include "sheet.h"

enum { PROSE_SIZE = 2048, PROSE_WIDTH = 96 /* at most, and when no width is known */ };

/* A paragraph of printf's text, escaped for terminals, cut at PROSE_SIZE. Blanks at its beginning
 * indent all of its lines. */
void prose_print(FILE *out, const struct sheet_style *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same behind a label that is `indent` columns wide with its padding; further lines are
 * indented so, too. */
void prose_print_labelled(FILE *out, const struct sheet_style *style, const char *label,
                          size_t indent, const char *text);

#endif
