/*
 * dialogue_words.c - words of line protocols, which are ASCII in either case.
 */
#include "dialogue_row.h"

static uint8_t upper(uint8_t byte) {
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

uint8_t word_capital(struct span word) {
    return word.size ? upper(word.data[0]) : 0;
}

/* How many bytes at the beginning of both are the same. */
static size_t common_size(struct span bytes, const char *text) {
    size_t size = 0;
    while (size < bytes.size && text[size] != '\0' &&
           upper(bytes.data[size]) == upper((uint8_t)text[size]))
        size++;
    return size;
}

bool word_equal(struct span word, const char *text) {
    size_t same = common_size(word, text);
    return same == word.size && text[same] == '\0';
}

bool word_begins(struct span text, const char *beginning) {
    return beginning[common_size(text, beginning)] == '\0';
}

enum dialogue_match word_match(struct span bytes, const char *beginning,
                               enum dialogue_match whose) {
    size_t same = common_size(bytes, beginning);
    if (beginning[same] == '\0')
        return whose;
    return same == bytes.size ? MATCH_MORE : MATCH_NO;
}

bool word_find(struct span text, const char *wanted) {
    for (; text.size; text = span_from(text, 1))
        if (word_begins(text, wanted))
            return true;
    return false;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct span word_next(struct span *text) {
    size_t size = 0;
    while (text->size && is_blank(text->data[0]))
        *text = span_from(*text, 1);
    while (size < text->size && !is_blank(text->data[size]))
        size++;
    struct span word = span_first(*text, size);
    *text = span_from(*text, size);
    return word;
}

struct span word_trim(struct span text) {
    while (text.size && is_blank(text.data[0]))
        text = span_from(text, 1);
    while (text.size && is_blank(text.data[text.size - 1]))
        text = span_first(text, text.size - 1);
    return text;
}

uint16_t word_code(struct span text) {
    enum { CODE_DIGITS = 3, TEN = 10 };
    unsigned code = 0;
    if (text.size < CODE_DIGITS)
        return 0;
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        code = code * TEN + (text.data[i] - (unsigned)'0');
    }
    bool is_longer =
        text.size > CODE_DIGITS && text.data[CODE_DIGITS] != ' ' && text.data[CODE_DIGITS] != '-';
    return is_longer ? 0 : (uint16_t)code;
}

void word_copy(struct span text, char copy[DIALOGUE_TEXT_SIZE]) {
    text = span_first(text, DIALOGUE_TEXT_SIZE - 1);
    for (size_t i = 0; i < text.size; i++)
        copy[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? (char)text.data[i] : '?';
    copy[text.size] = '\0';
}

/*
 * Boxes between mask what they do not want to be understood and keep its length, so that sequence
 * numbers stay right: "XXXXXXXA", "********". Or they alter a letter or two. Another capability of
 * that length shares few letters in place with the keyword, and repeats none that often.
 */
bool word_is_garbled(struct span word, const char *keyword) {
    size_t size = strlen(keyword);
    size_t same = 0;
    if (word.size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        same += upper(word.data[i]) == upper((uint8_t)keyword[i]);
    if (same == size)
        return false;
    size_t most = 0;
    for (size_t i = 0; i < size; i++) {
        size_t equal = 0;
        for (size_t j = 0; j < size; j++)
            equal += word.data[j] == word.data[i];
        most = equal > most ? equal : most;
    }
    /* of eight bytes: six of a kind, or five in place; of four: three; of three: all, or none */
    size_t wanted_same = size > 4 ? size - 3 : 3;
    return most >= size - size / 4 || same >= wanted_same;
}
