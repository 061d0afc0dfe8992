#include "damage.h"

#include <stdarg.h>
#include <stdio.h>

int damage_set(struct damage *damage, uint64_t offset, bool is_truncated, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(damage->reason, sizeof damage->reason, format, arguments);
    va_end(arguments);
    damage->offset = offset;
    damage->is_truncated = is_truncated;
    return -1;
}
