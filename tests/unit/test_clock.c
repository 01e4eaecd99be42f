/* SEES: base */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

static void assert_time(const char *text, int64_t want_ms)
{
    int64_t at_ms = -1;
    if (!time_parse(str_of(text), &at_ms))
        fail_msg("refused: %s", text);
    if (at_ms != want_ms)
        fail_msg("%s: %lld, not %lld", text, (long long)at_ms, (long long)want_ms);
}

static void assert_http_time(const char *text, int64_t want_ms)
{
    int64_t at_ms = -1;
    if (!time_parse_http(str_of(text), &at_ms))
        fail_msg("refused: %s", text);
    if (at_ms != want_ms)
        fail_msg("%s: %lld, not %lld", text, (long long)at_ms, (long long)want_ms);
}

/* ---- RFC 3339 ---- */

static void test_time_parse_when_plain_then_instant(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("2026-11-21T22:01:23Z", INT64_C(1795298483000));
    assert_time("1969-12-31T23:59:59Z", -1000);
    assert_time("0001-01-01T00:00:00Z", INT64_C(-62135596800000)); /* Go's zero time */
    assert_time("9999-12-31T23:59:59Z", INT64_C(253402300799000)); /* RFC 5280's "never" */
    assert_time("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
    assert_time("2000-01-01t00:00:00z", INT64_C(946684800000));
}

static void test_time_parse_when_fraction_then_cut_to_milliseconds(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00.5Z", 500);
    assert_time("1970-01-01T00:00:00.25Z", 250);
    assert_time("1970-01-01T00:00:00.001Z", 1);
    assert_time("1970-01-01T00:00:00.0009999Z", 0);
    assert_time("1970-01-01T00:00:00.123456789Z", 123);
    assert_time("1969-12-31T23:59:59.750Z", -250);
    assert_time("1970-01-01T00:00:00.0000000000000000000000000000000000000001Z", 0);
}

static void test_time_parse_when_offset_then_utc(void **state)
{
    (void)state;
    assert_time("1970-01-01T01:00:00+01:00", 0);
    assert_time("1969-12-31T18:30:00-05:30", 0);
    assert_time("1970-01-01T00:00:00-00:00", 0);
    assert_time("1970-01-01T23:59:00+23:59", 0);
    assert_time("1985-04-12T23:20:50.52Z", INT64_C(482196050520));
    assert_time("1996-12-19T16:39:57-08:00", INT64_C(851042397000));
    assert_time("1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130));
}

static void test_time_parse_when_offset_leaves_the_years_then_refused(void **state)
{
    (void)state;
    int64_t at_ms = 7;
    assert_false(time_parse(STR("0001-01-01T00:00:00+00:01"), &at_ms));
    assert_false(time_parse(STR("9999-12-31T23:59:59-00:01"), &at_ms));
    assert_time("9999-12-31T23:59:59+00:01", INT64_C(253402300739000));
    assert_int_equal(at_ms, 7);
}

static void test_time_parse_when_leap_days_then_as_gregory_says(void **state)
{
    (void)state;
    int64_t at_ms;
    assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800000));
    assert_time("2000-02-29T00:00:00Z", INT64_C(951782400000));
    assert_false(time_parse(STR("2023-02-29T00:00:00Z"), &at_ms));
    assert_false(time_parse(STR("1900-02-29T00:00:00Z"), &at_ms));
    assert_false(time_parse(STR("2100-02-29T00:00:00Z"), &at_ms));
    assert_false(time_parse(STR("2024-02-30T00:00:00Z"), &at_ms));
    assert_false(time_parse(STR("2024-04-31T00:00:00Z"), &at_ms));
}

static void test_time_parse_when_leap_second_then_next_second(void **state)
{
    (void)state;
    int64_t at_ms;
    assert_time("1990-12-31T23:59:60Z", INT64_C(662688000000));
    assert_time("1990-12-31T15:59:60-08:00", INT64_C(662688000000));
    assert_time("1990-12-31T23:59:60.5Z", INT64_C(662688000500));
    assert_false(time_parse(STR("1990-12-31T23:59:61Z"), &at_ms));
    assert_false(time_parse(STR("9999-12-31T23:59:60Z"), &at_ms));
}

static void test_time_parse_when_malformed_then_refused_and_output_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2024",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-1-01T00:00:00Z",
        "24-01-01T00:00:00Z",
        "02024-01-01T00:00:00Z",
        "+2024-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00Z ",
        " 2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+01",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+01:60",
        "2024-01-01T00:00:00 01:00",
        "2024-01-01T00:00:-1Z",
        "2024-01-01T00:00:00+01:00Z",
        "2024/01/01T00:00:00Z",
        "2024-01-01T00.00.00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t at_ms = 42;
        if (time_parse(str_of(bad[i]), &at_ms))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(at_ms, 42);
    }
    int64_t at_ms;
    assert_false(time_parse(STR_NONE, &at_ms));
    assert_false(time_parse(STR("2024-01-01T00:00:00Z\0"), &at_ms));
}

static void test_time_format_when_parsed_again_then_same_instant(void **state)
{
    (void)state;
    /* Every 37th day and some milliseconds from year 1 to 9999: all months, all kinds of years. */
    const int64_t first = time_from_civil(1, 1, 1, 0, 0, 0);
    const int64_t end = time_from_civil(10000, 1, 1, 0, 0, 0);
    for (int64_t at_ms = first; at_ms < end; at_ms += 37 * MS_DAY + 12345678) {
        char text[TIME_TEXT_MAX];
        int64_t again = -1;
        time_format(at_ms, true, text);
        if (!time_parse(str_of(text), &again) || again != at_ms)
            fail_msg("%s: %lld became %lld", text, (long long)at_ms, (long long)again);
    }
}

static void test_time_format_when_compared_with_the_c_library_then_equal(void **state)
{
    (void)state;
    for (int64_t at_s = INT64_C(-62135596800); at_s < INT64_C(253402300800);
         at_s += 86400 * 53 + 777) {
        time_t t = (time_t)at_s;
        struct tm tm;
        char want[64], got[TIME_TEXT_MAX];
        assert_non_null(gmtime_r(&t, &tm));
        /* (%Y does not pad in glibc) */
        snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        time_format(at_s * 1000, false, got);
        assert_string_equal(got, want);
    }
}

static void test_time_format_when_milliseconds_then_only_where_wanted_and_not_zero(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX];
    time_format(INT64_C(1795298483250), true, text);
    assert_string_equal(text, "2026-11-21T22:01:23.250Z");
    time_format(INT64_C(1795298483250), false, text);
    assert_string_equal(text, "2026-11-21T22:01:23Z");
    time_format(INT64_C(1795298483000), true, text);
    assert_string_equal(text, "2026-11-21T22:01:23Z");
    time_format(-1, true, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void test_time_format_when_absurd_then_still_a_text(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX];
    time_format(INT64_MAX, true, text);
    assert_string_equal(text, "292278994-08-17T07:12:55.807Z");
    time_format(INT64_MIN, true, text);
    assert_string_equal(text, "-292275055-05-16T16:47:04.192Z");
}

/* ---- HTTP-date ---- */

static void test_time_format_http_when_parsed_again_then_the_same_instant_and_weekday(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX], want[64];
    time_format_http(INT64_C(784111777000), text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (int64_t at_s = time_from_civil(1000, 1, 1, 0, 0, 0) / 1000; at_s < INT64_C(253402300800);
         at_s += 86400 * 53 + 777) {
        time_t t = (time_t)at_s;
        struct tm tm;
        int64_t again = -1;
        time_format_http(at_s * 1000, text);
        assert_non_null(gmtime_r(&t, &tm));
        strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_string_equal(text, want);
        assert_true(time_parse_http(str_of(text), &again));
        assert_int_equal(again, at_s * 1000);
    }
}

static void test_time_parse_http_when_three_forms_then_same_instant(void **state)
{
    (void)state;
    const int64_t want = INT64_C(784111777000);
    assert_http_time("Sun, 06 Nov 1994 08:49:37 GMT", want);
    assert_http_time("Sunday, 06-Nov-94 08:49:37 GMT", want);
    assert_http_time("Sun Nov  6 08:49:37 1994", want);
    assert_http_time(" Sun, 06 Nov 1994 08:49:37 GMT\r\n", want);
    assert_http_time("sun, 06 nov 1994 08:49:37 gmt", want);
    assert_http_time("Wed Nov 16 08:49:37 1994", want + 10 * MS_DAY);
}

static void test_time_parse_http_when_each_day_and_month_then_taken(void **state)
{
    (void)state;
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    for (int i = 0; i < 12; i++) {
        char text[64];
        snprintf(text, sizeof text, "%.3s, 01 %s 2030 00:00:00 GMT", days[i % 7], months[i]);
        assert_http_time(text, time_from_civil(2030, i + 1, 1, 0, 0, 0));
        snprintf(text, sizeof text, "%s, 01-%s-30 00:00:00 GMT", days[i % 7], months[i]);
        assert_http_time(text, time_from_civil(2030, i + 1, 1, 0, 0, 0));
    }
}

static void test_time_parse_http_when_two_digit_year_then_pivot_at_70(void **state)
{
    (void)state;
    assert_http_time("Friday, 01-Jan-70 00:00:00 GMT", 0);
    assert_http_time("Friday, 01-Jan-69 00:00:00 GMT", time_from_civil(2069, 1, 1, 0, 0, 0));
    assert_http_time("Friday, 31-Dec-99 00:00:00 GMT", time_from_civil(1999, 12, 31, 0, 0, 0));
}

static void test_time_parse_http_when_year_9999_or_leap_second_then_in_bounds(void **state)
{
    (void)state;
    int64_t at_ms;
    assert_http_time("Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000));
    assert_http_time("Sat, 31 Dec 2016 23:59:60 GMT", time_from_civil(2017, 1, 1, 0, 0, 0));
    assert_false(time_parse_http(STR("Fri, 31 Dec 9999 23:59:60 GMT"), &at_ms));
    assert_http_time("Thu, 29 Feb 2024 00:00:00 GMT", time_from_civil(2024, 2, 29, 0, 0, 0));
    assert_false(time_parse_http(STR("Thu, 29 Feb 2023 00:00:00 GMT"), &at_ms));
}

static void test_time_parse_http_when_malformed_then_refused_and_output_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "120",
        "Sun",
        "Sun,",
        "Sun, ",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday Nov  6 08:49:37 1994",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMTx",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t at_ms = 42;
        if (time_parse_http(str_of(bad[i]), &at_ms))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(at_ms, 42);
    }
    int64_t at_ms;
    assert_false(time_parse_http(STR_NONE, &at_ms));
}

/* ---- lengths of time ---- */

static void test_duration_parse_when_units_then_their_sum(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"90s", 90000},     {"10m", 600000},
        {"12h", 43200000},  {"45d", INT64_C(3888000000)},
        {"1h30m", 5400000}, {"1d2h3m4s5ms", INT64_C(93784005)},
        {"250ms", 250},     {"0s", 0},
        {"1m1ms", 60001},   {"106751991167d", INT64_C(106751991167) * MS_DAY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        assert_true(duration_parse(str_of(rows[i].text), &ms));
        assert_true(ms == rows[i].ms);
    }
}

static void test_duration_parse_when_malformed_then_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "10",
                                      "s",
                                      "-5s",
                                      "+5s",
                                      "1.5h",
                                      "1h 30m",
                                      "5 s",
                                      " 5s",
                                      "30m1h",
                                      "1h1h",
                                      "1S",
                                      "1w",
                                      "1y",
                                      "1h30",
                                      "5sec",
                                      "0x5s",
                                      "106751991168d",
                                      "9223372036854775808ms",
                                      "106751991167d24h"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        if (duration_parse(str_of(bad[i]), &ms))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(ms, 42);
    }
}

static void test_duration_format_when_any_then_two_largest_units(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0ms"},
        {350, "350ms"},
        {999, "999ms"},
        {1000, "1s"},
        {45 * MS_SECOND + 999, "45s"},
        {65 * MS_SECOND, "1m 5s"},
        {MS_MINUTE, "1m"},
        {MS_HOUR + 59 * MS_SECOND, "1h"},
        {2 * MS_DAY + 3 * MS_HOUR + 59 * MS_MINUTE, "2d 3h"},
        {90 * MS_DAY, "90d"},
        {-65 * MS_SECOND, "-1m 5s"},
        {INT64_MAX, "106751991167d 7h"},
        {INT64_MIN, "-106751991167d 7h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TIME_TEXT_MAX];
        duration_format(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* ---- clocks ---- */

static void test_clock_manual_when_advanced_then_both_times_move(void **state)
{
    (void)state;
    struct clock_manual m;
    clock_manual_init(&m, 5000);
    const struct clock *c = &m.clock;
    assert_int_equal(clock_wall_ms(c), 5000);
    assert_int_equal(clock_boot_ms(c), 0);
    clock_manual_advance(&m, 250);
    assert_int_equal(clock_wall_ms(c), 5250);
    assert_int_equal(clock_boot_ms(c), 250);
    m.wall_now_ms = 1; /* the wall clock may step back alone */
    assert_int_equal(clock_wall_ms(c), 1);
    assert_int_equal(clock_boot_ms(c), 250);
}

static void test_clock_system_when_asked_then_near_the_real_time(void **state)
{
    (void)state;
    int64_t wall_s = (int64_t)time(NULL), got_ms = clock_wall_ms(&clock_system);
    assert_true(got_ms >= wall_s * 1000 - 2000 && got_ms <= wall_s * 1000 + 10000);
    int64_t boot_ms = clock_boot_ms(&clock_system);
    assert_true(boot_ms > 0);
    assert_true(clock_boot_ms(&clock_system) >= boot_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_parse_when_plain_then_instant),
        cmocka_unit_test(test_time_parse_when_fraction_then_cut_to_milliseconds),
        cmocka_unit_test(test_time_parse_when_offset_then_utc),
        cmocka_unit_test(test_time_parse_when_offset_leaves_the_years_then_refused),
        cmocka_unit_test(test_time_parse_when_leap_days_then_as_gregory_says),
        cmocka_unit_test(test_time_parse_when_leap_second_then_next_second),
        cmocka_unit_test(test_time_parse_when_malformed_then_refused_and_output_kept),
        cmocka_unit_test(test_time_format_when_parsed_again_then_same_instant),
        cmocka_unit_test(test_time_format_when_compared_with_the_c_library_then_equal),
        cmocka_unit_test(test_time_format_when_milliseconds_then_only_where_wanted_and_not_zero),
        cmocka_unit_test(test_time_format_when_absurd_then_still_a_text),
        cmocka_unit_test(test_time_format_http_when_parsed_again_then_the_same_instant_and_weekday),
        cmocka_unit_test(test_time_parse_http_when_three_forms_then_same_instant),
        cmocka_unit_test(test_time_parse_http_when_each_day_and_month_then_taken),
        cmocka_unit_test(test_time_parse_http_when_two_digit_year_then_pivot_at_70),
        cmocka_unit_test(test_time_parse_http_when_year_9999_or_leap_second_then_in_bounds),
        cmocka_unit_test(test_time_parse_http_when_malformed_then_refused_and_output_kept),
        cmocka_unit_test(test_duration_parse_when_units_then_their_sum),
        cmocka_unit_test(test_duration_parse_when_malformed_then_refused),
        cmocka_unit_test(test_duration_format_when_any_then_two_largest_units),
        cmocka_unit_test(test_clock_manual_when_advanced_then_both_times_move),
        cmocka_unit_test(test_clock_system_when_asked_then_near_the_real_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
