/*
 * terminal_text.h - text for people: escaped, and wrapped at 100 columns.
 */
#ifndef DOWNGRD_TERMINAL_TEXT_H
#define DOWNGRD_TERMINAL_TEXT_H

#include "span.h"

#include <stdio.h>

enum { TEXT_WIDTH = 100 };

/*
 * Copies at most size - 1 characters and ends them with NUL: printable ASCII as it is, every other
 * byte and the backslash as \xNN, so that what came from the wire cannot move the cursor, and no
 * two inputs look the same. What does not fit ends in "...". Returns `text`; `size` is at least 8.
 */
const char *text_escape(struct span bytes, char *text, size_t size);

/* A paragraph of units (a word, a "name: value", a sentence) with two blanks between. A unit that
 * does not fit begins a new line, indented; one that is longer than a line is broken at blanks. */
struct text_block {
    FILE *out;
    size_t indent;
    size_t column;
    bool has_unit; /* on this line */
};

struct text_block text_block_of(FILE *out, size_t indent);
/* Starts a line, so that the next unit stands at the indent. */
void text_line(struct text_block *block);
void text_unit(struct text_block *block, const char *text);
void text_unit_format(struct text_block *block, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Words that go on where the last unit ended, broken at any blank. */
void text_words(struct text_block *block, const char *text);
/* A unit with an escape sequence (no columns wide) before and after it. */
void text_unit_coloured(struct text_block *block, const char *colour, const char *text);
void text_end(struct text_block *block); /* ends the last line */

#endif
