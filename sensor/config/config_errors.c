/*
 * config_errors.c - see config_errors.h.
 */
#include "config_errors.h"

#include <stdarg.h>

enum { MAX_WORD = 40 };

static bool is_before(const struct config_error *error, unsigned line, unsigned column) {
    return error->line < line || (error->line == line && error->column <= column);
}

void config_errors_add(struct config_errors *errors, unsigned line, unsigned column,
                       const char *format, ...) {
    size_t kept = errors->count < CONFIG_MAX_ERRORS ? errors->count : CONFIG_MAX_ERRORS;
    size_t at = kept;
    while (at > 0 && !is_before(&errors->kept[at - 1], line, column))
        at--;
    errors->count++;
    if (at == CONFIG_MAX_ERRORS)
        return;
    size_t moved = (kept < CONFIG_MAX_ERRORS ? kept : CONFIG_MAX_ERRORS - 1) - at;
    struct config_error *error = &errors->kept[at];
    memmove(error + 1, error, moved * sizeof *error);
    error->line = line;
    error->column = column;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (length < 0)
        error->text[0] = '\0';
    for (char *byte = error->text; *byte != '\0'; byte++)
        if (*byte < ' ' || *byte > '~')
            *byte = '?';
}

void config_errors_print(const struct config_errors *errors, const char *path, FILE *out) {
    size_t kept = errors->count < CONFIG_MAX_ERRORS ? errors->count : CONFIG_MAX_ERRORS;
    for (size_t i = 0; i < kept; i++) {
        const struct config_error *error = &errors->kept[i];
        if (error->line == 0)
            (void)fprintf(out, "downgrd: %s: %s\n", path, error->text);
        else
            (void)fprintf(out, "%s:%u:%u: %s\n", path, error->line, error->column, error->text);
    }
    if (errors->count > kept)
        (void)fprintf(out, "%s: %zu more errors\n", path, errors->count - kept);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many letters must be put in, taken out, changed or swapped with their neighbour (optimal
 * string alignment). */
static size_t distance(const char *one, const char *other) {
    size_t size = strlen(one);
    size_t other_size = strlen(other);
    size_t rows[3][MAX_WORD + 1];
    if (size > MAX_WORD || other_size > MAX_WORD)
        return SIZE_MAX;
    for (size_t column = 0; column <= other_size; column++)
        rows[0][column] = column;
    for (size_t row = 1; row <= size; row++) {
        size_t *now = rows[row % 3];
        const size_t *above = rows[(row + 2) % 3];
        const size_t *twice_above = rows[(row + 1) % 3];
        now[0] = row;
        for (size_t column = 1; column <= other_size; column++) {
            bool is_same = one[row - 1] == other[column - 1];
            now[column] = least(least(now[column - 1], above[column]) + 1,
                                above[column - 1] + (is_same ? 0 : 1));
            if (row > 1 && column > 1 && one[row - 1] == other[column - 2] &&
                one[row - 2] == other[column - 1])
                now[column] = least(now[column], twice_above[column - 2] + 1);
        }
    }
    return rows[size % 3][other_size];
}

const char *config_nearest(const char *word, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t best_distance = least(strlen(word) / 3, 3) + 1;
    for (size_t i = 0; i < count; i++) {
        size_t changes = distance(word, names[i]);
        if (changes < best_distance || (best == NULL && changes == best_distance)) {
            best = names[i];
            best_distance = changes;
        }
    }
    return best;
}

const char *config_hint(const char *word, const char *const *names, size_t count,
                        char hint[CONFIG_HINT_SIZE]) {
    const char *nearest = config_nearest(word, names, count);
    if (nearest != NULL) {
        (void)snprintf(hint, CONFIG_HINT_SIZE, "did you mean '%s'?", nearest);
        return hint;
    }
    size_t size = (size_t)snprintf(hint, CONFIG_HINT_SIZE, "known here: ");
    for (size_t i = 0; i < count && size < CONFIG_HINT_SIZE; i++)
        size += (size_t)snprintf(hint + size, CONFIG_HINT_SIZE - size, "%s%s", i > 0 ? ", " : "",
                                 names[i]);
    return hint;
}
