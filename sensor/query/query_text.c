/* query_text.c - what the user types: durations and domains. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static uint64_t seconds_of_unit(char unit) {
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 7 * 86400;
    default:
        return 0;
    }
}

uint64_t query_parse_duration(const char *text) {
    const uint64_t most_seconds = 100ULL * 366 * 86400;
    uint64_t number = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 11; digits++)
        number = number * 10 + (uint64_t)(text[digits] - '0');
    uint64_t unit = digits > 0 ? seconds_of_unit(text[digits]) : 0;
    if (unit == 0 || text[digits + 1] != '\0' || number > most_seconds / unit)
        return 0;
    return number * unit * 1000000U;
}

bool query_parse_share(const char *text, double *share) {
    char *end = NULL;
    if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.%")] != '\0')
        return false;
    double value = strtod(text, &end);
    if (strcmp(end, "%") == 0)
        value /= 100.0;
    else if (*end != '\0')
        return false;
    *share = value;
    return value >= 0.0 && value <= 1.0;
}

bool query_normalize_domain(const char *text, char *name, size_t size) {
    size_t length = strlen(text);
    if (length > 1 && text[length - 1] == '.')
        length--;
    if (length == 0 || length >= size)
        return false;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)tolower((unsigned char)text[i]);
    name[length] = '\0';
    return true;
}

bool query_domain_matches(const char *wanted, const char *domain, size_t size) {
    size_t length = strlen(wanted);
    if (strncmp(wanted, "*.", 2) != 0)
        return size == length && memcmp(domain, wanted, size) == 0;
    return size > length - 1 && memcmp(domain + size - (length - 1), wanted + 1, length - 1) == 0;
}
