/*
 * utc.c - the Gregorian calendar in integers.
 *
 * Years are counted from 1 March, so that the leap day is the last of its year; a cycle of 400
 * years has 146,097 days, whatever year it begins in.
 */
#include "utc.h"

#include <string.h>

enum {
    DAYS_PER_CYCLE = 146097,
    DAYS_PER_CENTURY = 36524,
    DAYS_PER_FOUR_YEARS = 1461,
    DAYS_0000_03_01_TO_1970_01_01 = 719468,
    SECONDS_PER_DAY = 86400,
    US_PER_SECOND = 1000000,
};

static const uint64_t last_us = 253402300799999999U; /* 9999-12-31T23:59:59.999999 */

static void put_digits(char *at, unsigned value, unsigned digits) {
    while (digits > 0) {
        at[--digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void put_date(char *text, uint64_t day) {
    uint64_t days = day + DAYS_0000_03_01_TO_1970_01_01;
    unsigned in_cycle = (unsigned)(days % DAYS_PER_CYCLE);
    unsigned year_of_cycle = (in_cycle - in_cycle / (DAYS_PER_FOUR_YEARS - 1) +
                              in_cycle / DAYS_PER_CENTURY - in_cycle / (DAYS_PER_CYCLE - 1)) /
                             365;
    unsigned in_year = in_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    unsigned month_from_march = (5 * in_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    unsigned year = year_of_cycle + (unsigned)(days / DAYS_PER_CYCLE) * 400 + (month <= 2 ? 1 : 0);
    put_digits(text, year, 4);
    text[4] = '-';
    put_digits(text + 5, month, 2);
    text[7] = '-';
    put_digits(text + 8, in_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

static void put_time(char *text, unsigned of_day) {
    put_digits(text, of_day / 3600, 2);
    text[2] = ':';
    put_digits(text + 3, of_day / 60 % 60, 2);
    text[5] = ':';
    put_digits(text + 6, of_day % 60, 2);
}

/* "2026-11-23 12:00:00"; the rest is the caller's. */
static void put_second(struct utc_date *date, uint64_t second, char *text) {
    if (!date->is_known || date->second != second) {
        put_date(date->text, second / SECONDS_PER_DAY);
        date->text[10] = ' ';
        put_time(date->text + 11, (unsigned)(second % SECONDS_PER_DAY));
        date->second = second;
        date->is_known = true;
    }
    memcpy(text, date->text, UTC_SECOND_SIZE);
}

const char *utc_format_stamp(struct utc_date *date, uint64_t time_us, char text[UTC_STAMP_SIZE]) {
    uint64_t bounded = time_us < last_us ? time_us : last_us;
    put_second(date, bounded / US_PER_SECOND, text);
    text[10] = 'T';
    text[19] = '.';
    put_digits(text + 20, (unsigned)(bounded % US_PER_SECOND), 6);
    memcpy(text + 26, "+0000", 6);
    return text;
}

const char *utc_format_text(struct utc_date *date, uint64_t time_us, char text[UTC_TEXT_SIZE]) {
    uint64_t bounded = time_us < last_us ? time_us : last_us;
    put_second(date, bounded / US_PER_SECOND, text);
    memcpy(text + 19, " UTC", 5);
    return text;
}
