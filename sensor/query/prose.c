/* prose.c - see prose.h. */
#include "prose.h"

#include <stdarg.h>
#include <string.h>

static size_t line_width(const struct sheet_style *style) {
    return style->width > 0 && style->width < PROSE_WIDTH ? style->width : (size_t)PROSE_WIDTH;
}

/* Words from `column` on; lines begin at `indent`. */
static void print_words(FILE *out, size_t width, size_t indent, const char *text) {
    size_t column = indent;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > indent && column + 1 + word > width) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            (void)fputc(' ', out);
            column++;
        }
        print_escaped(out, text, word);
        column += word;
        text += word + strspn(text + word, " ");
    }
    (void)fputc('\n', out);
}

void prose_print(FILE *out, const struct sheet_style *style, const char *format, ...) {
    char text[PROSE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t indent = strspn(text, " ");
    (void)fprintf(out, "%*s", (int)indent, "");
    print_words(out, line_width(style), indent, text + indent);
}

void prose_print_labelled(FILE *out, const struct sheet_style *style, const char *label,
                          size_t indent, const char *text) {
    (void)fprintf(out, "%s%-*s%s", style->colour ? "\033[1m" : "", (int)indent, label,
                  style->colour ? "\033[0m" : "");
    print_words(out, line_width(style), indent, text);
}
