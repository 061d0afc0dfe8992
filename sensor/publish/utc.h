/*
 * utc.h - packet times as text, always UTC, by integer arithmetic.
 *
 * No call of the C library's calendar: it would read the time zone and take a lock for each line.
 * The second is kept from call to call, since packets that follow each other mostly share it.
 */
#ifndef DOWNGRD_UTC_H
#define DOWNGRD_UTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTC_SECOND_SIZE = 19, UTC_STAMP_SIZE = 32, UTC_TEXT_SIZE = 24 };

/* Zero it before the first use. */
struct utc_date {
    bool is_known;
    uint64_t second;            /* since 1970-01-01 */
    char text[UTC_SECOND_SIZE]; /* "2026-11-23 12:00:00" */
};

/* Times are microseconds since 1970-01-01; what is past the year 9999 is printed as its last
 * microsecond. Both write a NUL-terminated text and return it. */

/* "2026-11-23T12:00:00.123456+0000", as Suricata writes it. */
const char *utc_format_stamp(struct utc_date *date, uint64_t time_us, char text[UTC_STAMP_SIZE]);
/* "2026-11-23 12:00:00 UTC" */
const char *utc_format_text(struct utc_date *date, uint64_t time_us, char text[UTC_TEXT_SIZE]);

#endif
