/* Packet times as text: the calendar's corners, against dates known by heart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "utc.h"

struct time_case {
    uint64_t time_us;
    const char *stamp;
    const char *text;
};

static const struct time_case time_cases[] = {
    {0, "1970-01-01T00:00:00.000000+0000", "1970-01-01 00:00:00 UTC"},
    {UINT64_C(1795435200123456), "2026-11-23T12:00:00.123456+0000", "2026-11-23 12:00:00 UTC"},
    {UINT64_C(951782399999999), "2000-02-28T23:59:59.999999+0000", "2000-02-28 23:59:59 UTC"},
    {UINT64_C(951782400000000), "2000-02-29T00:00:00.000000+0000", "2000-02-29 00:00:00 UTC"},
    {UINT64_C(951868800000000), "2000-03-01T00:00:00.000000+0000", "2000-03-01 00:00:00 UTC"},
    {UINT64_C(978307199000001), "2000-12-31T23:59:59.000001+0000", "2000-12-31 23:59:59 UTC"},
    {UINT64_C(4107542399000000), "2100-02-28T23:59:59.000000+0000", "2100-02-28 23:59:59 UTC"},
    {UINT64_C(4107542400000000), "2100-03-01T00:00:00.000000+0000", "2100-03-01 00:00:00 UTC"},
    {UINT64_C(253402300799999999), "9999-12-31T23:59:59.999999+0000", "9999-12-31 23:59:59 UTC"},
    {UINT64_MAX, "9999-12-31T23:59:59.999999+0000", "9999-12-31 23:59:59 UTC"},
};

/* One date for all, so that each is formatted after another day was kept. */
static void test_corners(void **state) {
    (void)state;
    struct utc_date date = {0};
    for (size_t i = 0; i < sizeof(time_cases) / sizeof(time_cases[0]); i++) {
        char stamp[UTC_STAMP_SIZE];
        char text[UTC_TEXT_SIZE];
        assert_string_equal(utc_format_stamp(&date, time_cases[i].time_us, stamp),
                            time_cases[i].stamp);
        assert_string_equal(utc_format_text(&date, time_cases[i].time_us, text),
                            time_cases[i].text);
    }
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 ? is_leap : 0);
}

/* Every day of eight hundred years, counted day by day. */
static void test_every_day(void **state) {
    (void)state;
    struct utc_date date = {0};
    int year = 1970;
    int month = 1;
    int day = 1;
    for (uint64_t number = 0; year < 2770; number++) {
        char text[UTC_TEXT_SIZE];
        utc_format_text(&date, number * UINT64_C(86400000000), text);
        int seen =
            (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
        assert_int_equal(seen, year);
        assert_int_equal((text[5] - '0') * 10 + (text[6] - '0'), month);
        assert_int_equal((text[8] - '0') * 10 + (text[9] - '0'), day);
        if (++day > days_of_month(year, month)) {
            day = 1;
            year += month == 12;
            month = month == 12 ? 1 : month + 1;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_every_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
