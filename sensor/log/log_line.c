#include "log_line.h"

#include <stdio.h>
#include <string.h>

bool log_kind_admit(struct log_kind *kind, uint64_t now_s, uint64_t *suppressed) {
    if (now_s > kind->filled_s) {
        uint64_t grown = (now_s - kind->filled_s) / LOG_INTERVAL_S;
        uint64_t allowance = kind->allowance + grown;
        kind->allowance = allowance < LOG_BURST ? (unsigned)allowance : LOG_BURST;
        kind->filled_s += grown * LOG_INTERVAL_S;
    }
    if (kind->allowance == 0) {
        kind->suppressed++;
        return false;
    }
    kind->allowance--;
    *suppressed = kind->suppressed;
    kind->suppressed = 0;
    return true;
}

/* The bytes of the UTF-8 character that begins at `text`; 0 when none does. No C1 controls, no
 * surrogates, no longer form than need be. */
static size_t utf8_size(const unsigned char *text) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = text[0];
    size_t size = 0;
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    if (first >= 0xc2 && first < 0xe0)
        size = 2;
    else if (first >= 0xe0 && first < 0xf0)
        size = 3;
    else if (first >= 0xf0 && first < 0xf5)
        size = 4;
    if (size == 0)
        return 0;
    uint32_t character = first & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0U) != 0x80)
            return 0;
        character = (character << 6U) | (text[i] & 0x3fU);
    }
    bool is_sound = character >= least[size] && character >= 0xa0 && character <= 0x10ffff &&
                    (character < 0xd800 || character > 0xdfff);
    return is_sound ? size : 0;
}

/* Appends `text` as long as there is room for all of a character; returns the new length, and
 * whether everything went in. */
static size_t append_escaped(char *line, size_t length, size_t limit, const char *text,
                             bool *is_whole) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        char escaped[8];
        size_t size = utf8_size(at);
        size_t written = size;
        if (size == 0)
            written = (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", *at);
        else
            memcpy(escaped, at, size);
        if (length + written > limit)
            break;
        memcpy(line + length, escaped, written);
        length += written;
        at += size ? size : 1;
    }
    *is_whole = *at == '\0';
    return length;
}

static const char *level_prefix(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "downgrd: ";
    case LOG_LEVEL_WARNING:
        return "downgrd: warning: ";
    case LOG_LEVEL_NOTICE:
        return "downgrd: notice: ";
    case LOG_LEVEL_INFO:
        return "downgrd: info: ";
    case LOG_LEVEL_DEBUG:
        return "downgrd: debug: ";
    }
    return "downgrd: ";
}

size_t log_line_format(char line[LOG_MAX_LINE], enum log_level level, bool to_journal,
                       const char *message, uint64_t suppressed) {
    static const char cut[] = "...";
    char prefix[32];
    char note[64] = "";
    bool is_whole = true;
    if (to_journal)
        snprintf(prefix, sizeof prefix, "<%d>", (int)level);
    else
        snprintf(prefix, sizeof prefix, "%s", level_prefix(level));
    if (suppressed)
        snprintf(note, sizeof note, " (and %llu more like this were held back)",
                 (unsigned long long)suppressed);
    size_t tail = strlen(note) + 1;
    size_t length = append_escaped(line, 0, LOG_MAX_LINE, prefix, &is_whole);
    length =
        append_escaped(line, length, LOG_MAX_LINE - tail - (sizeof cut - 1), message, &is_whole);
    if (!is_whole)
        length = append_escaped(line, length, LOG_MAX_LINE, cut, &is_whole);
    length = append_escaped(line, length, LOG_MAX_LINE, note, &is_whole);
    line[length++] = '\n';
    return length;
}
