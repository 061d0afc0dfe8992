/*
 * terminal_text.c - escaping and wrapping (terminal_text.h).
 */
#include "terminal_text.h"

#include <stdarg.h>

enum { ESCAPE_SIZE = 4, DOTS_SIZE = 3, UNIT_SIZE = 1024 };

static bool is_plain(uint8_t byte) {
    return byte >= ' ' && byte <= '~' && byte != '\\';
}

static size_t put_escaped(uint8_t byte, char *at) {
    static const char digits[] = "0123456789abcdef";
    if (is_plain(byte)) {
        at[0] = (char)byte;
        return 1;
    }
    at[0] = '\\';
    at[1] = 'x';
    at[2] = digits[byte >> 4U];
    at[3] = digits[byte & 15U];
    return ESCAPE_SIZE;
}

const char *text_escape(struct span bytes, char *text, size_t size) {
    size_t used = 0;
    size_t last_good = 0; /* the end of the last character after which "..." still fits */
    for (size_t i = 0; i < bytes.size; i++) {
        char one[ESCAPE_SIZE];
        size_t length = put_escaped(bytes.data[i], one);
        if (used + length >= size) {
            memcpy(text + last_good, "...", DOTS_SIZE);
            used = last_good + DOTS_SIZE;
            break;
        }
        memcpy(text + used, one, length);
        used += length;
        if (used + DOTS_SIZE < size)
            last_good = used;
    }
    text[used] = '\0';
    return text;
}

struct text_block text_block_of(FILE *out, size_t indent) {
    return (struct text_block){.out = out, .indent = indent};
}

void text_line(struct text_block *block) {
    if (block->has_unit)
        fputc('\n', block->out);
    fprintf(block->out, "%*s", (int)block->indent, "");
    block->column = block->indent;
    block->has_unit = false;
}

/* One word, on a new line when it does not fit any more. */
static void put_word(struct text_block *block, const char *word, size_t size, size_t blanks) {
    if (block->has_unit && block->column + blanks + size > TEXT_WIDTH)
        text_line(block);
    size_t before = block->has_unit ? blanks : 0;
    fprintf(block->out, "%*s%.*s", (int)before, "", (int)size, word);
    block->column += before + size;
    block->has_unit = true;
}

static void put_words(struct text_block *block, const char *text, size_t blanks) {
    while (*text) {
        size_t word = strcspn(text, " ");
        put_word(block, text, word, blanks);
        text += word;
        text += strspn(text, " ");
        blanks = 1;
    }
}

void text_words(struct text_block *block, const char *text) {
    put_words(block, text, 1);
}

void text_unit(struct text_block *block, const char *text) {
    size_t size = strlen(text);
    if (block->indent + size <= TEXT_WIDTH)
        put_word(block, text, size, 2);
    else
        put_words(block, text, 2);
}

void text_unit_format(struct text_block *block, const char *format, ...) {
    char text[UNIT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_unit(block, text);
}

void text_unit_coloured(struct text_block *block, const char *colour, const char *text) {
    fputs(colour, block->out);
    text_unit(block, text);
    fputs(*colour ? "\033[0m" : "", block->out);
}

void text_end(struct text_block *block) {
    fputc('\n', block->out);
    block->column = 0;
    block->has_unit = false;
}
