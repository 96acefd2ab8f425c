/* Times against timegm and gmtime_r; durations against their sums. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static int64_t random_i64(int64_t from, int64_t to)
{
    uint64_t bits = (uint64_t)lrand48() << 62 ^ (uint64_t)lrand48() << 31 ^ (uint64_t)lrand48();
    return from + (int64_t)(bits % (uint64_t)(to - from));
}

static void dates_are_those_of_gmtime_over_two_hundred_thousand_years(void **state)
{
    (void)state;
    srand48(1582);
    for (int i = 0; i < 200000; i++) {
        int64_t days = i < 80000 ? i - 40000 : random_i64(-36524000, 36524000), y;
        time_t t = (time_t)(days * 86400);
        struct tm tm;
        int m, d;
        assert_non_null(gmtime_r(&t, &tm));
        rp_civil_from_days(days, &y, &m, &d);
        if (y != tm.tm_year + INT64_C(1900) || m != tm.tm_mon + 1 || d != tm.tm_mday)
            fail_msg("day %lld: %lld-%d-%d", (long long)days, (long long)y, m, d);
        assert_int_equal(rp_days_from_civil(y, m, d), days);
    }
}

static void a_written_time_is_that_of_gmtime_and_reads_back(void **state)
{
    (void)state;
    srand48(3339);
    /* The years that RFC 3339 can write: 0000 to 9999. */
    for (int i = 0; i < 100000; i++) {
        int64_t us = random_i64(INT64_C(-62167219200) * RP_US_S, INT64_C(253402300800) * RP_US_S);
        int64_t second = us / RP_US_S - (us % RP_US_S < 0), back;
        time_t t = (time_t)second;
        struct tm tm;
        char got[RP_TIME_LEN], want[64];
        (void)gmtime_r(&t, &tm);
        (void)snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                       (int)(us - second * RP_US_S));
        assert_string_equal(rp_time_format(us, got), want);
        assert_true(rp_time_parse(rp_str_of(got), &back));
        assert_int_equal(back, us);
    }
}

static void a_time_with_an_offset_is_what_timegm_says(void **state)
{
    (void)state;
    srand48(1970);
    for (int i = 0; i < 20000; i++) {
        struct tm tm = {.tm_year = (int)random_i64(-1900, 8100),
                        .tm_mon = (int)random_i64(0, 12),
                        .tm_mday = (int)random_i64(1, 29),
                        .tm_hour = (int)random_i64(0, 24),
                        .tm_min = (int)random_i64(0, 60),
                        .tm_sec = (int)random_i64(0, 60)};
        int offset = (int)random_i64(-1439, 1440), ms = (int)random_i64(0, 1000);
        char text[80];
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, ms, offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
        int64_t got, want = ((int64_t)timegm(&tm) - offset * INT64_C(60)) * RP_US_S + ms * 1000;
        assert_true(rp_time_parse(rp_str_of(text), &got));
        assert_int_equal(got, want);
    }
}

static void every_form_of_rfc_3339_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1985-04-12T23:20:50.52Z", INT64_C(482196050520000)}, /* the RFC's own examples, 5.8 */
        {"1996-12-19T16:39:57-08:00", INT64_C(851042397000000)},
        {"1990-12-31T23:59:60Z", INT64_C(662688000000000)},
        {"1990-12-31T15:59:60-08:00", INT64_C(662688000000000)},
        {"1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130000)},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00Z", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T00:00:00.0000019Z", 1},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us;
        assert_true(rp_time_parse(rp_str_of(rows[i].text), &us));
        assert_int_equal(us, rows[i].us);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T01:02:03",
        "2026-11-24T01:02Z",
        "2026-11-24T01:02:03.Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T01:60:00Z",
        "2026-11-24T01:02:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-11-24T01:02:03+0100",
        "2026-11-24T01:02:03+24:00",
        "2026-11-24T01:02:03+01:60",
        "2026-11-24T01:02:03Zx",
        " 2026-11-24T01:02:03Z",
        "26-11-24T01:02:03.000Z",
        "2026-1-24T01:02:03.00Z",
        "+2026-11-24T01:02:03Z",
        "2026-11-24_01:02:03Z",
    };
    int64_t us;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rp_time_parse(rp_str_of(bad[i]), &us))
            fail_msg("%s was read", bad[i]);
    assert_false(rp_time_parse(RP_NONE, &us));
}

/* ---- durations ---- */

static void every_duration_is_written_so_that_it_reads_back(void **state)
{
    (void)state;
    srand48(90);
    char text[RP_DURATION_LEN];
    int64_t back;
    for (int i = 0; i < 100000; i++) {
        int64_t us = random_i64(0, 36525 * RP_US_DAY + 1) >> random_i64(0, 50);
        assert_true(rp_duration_parse(rp_str_of(rp_duration_format(us, text)), &back));
        assert_int_equal(back, us);
    }
    assert_true(strlen(rp_duration_format(INT64_MAX, text)) < sizeof text - 1);
    assert_string_equal(rp_duration_format(INT64_MIN, text), "0s");
}

static void durations_are_written_short_and_read_as_sums(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        const char *shortest;
    } rows[] = {
        {"90s", 90 * RP_US_S, "1m30s"},
        {"5m", 5 * RP_US_MIN, "5m"},
        {"1h30m", 90 * RP_US_MIN, "1h30m"},
        {"24h", RP_US_DAY, "1d"},
        {"250ms", 250000, "250ms"},
        {"7us", 7, "7us"},
        {"1d1h1m1s1ms1us", RP_US_DAY + RP_US_H + RP_US_MIN + RP_US_S + 1001, "1d1h1m1s1ms1us"},
        {"0", 0, "0s"},
        {"0s", 0, "0s"},
        {"36525d", 36525 * RP_US_DAY, "36525d"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us;
        char text[RP_DURATION_LEN];
        assert_true(rp_duration_parse(rp_str_of(rows[i].text), &us));
        assert_int_equal(us, rows[i].us);
        assert_string_equal(rp_duration_format(us, text), rows[i].shortest);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "5",      "s",
                                      "-5s",  "+5s",    "5 s",
                                      "5s ",  "1.5h",   "5S",
                                      "5min", "1h30",   "00",
                                      "5w",   "36526d", "9223372036854775807d",
                                      "1e3s", "5s5",    "99999999999999999999s"};
    int64_t us;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rp_duration_parse(rp_str_of(bad[i]), &us))
            fail_msg("%s was read", bad[i]);
    assert_false(rp_duration_parse(RP_NONE, &us));
}

static void users_give_times_as_ages_too(void **state)
{
    (void)state;
    const int64_t now = INT64_C(1795000000000000);
    static const struct {
        const char *text;
        int64_t ago;
    } rows[] = {{"now", 0}, {"24h", RP_US_DAY}, {"-24h", RP_US_DAY}, {"1h30m", 90 * RP_US_MIN}};
    int64_t us;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(rp_time_parse_user(rp_str_of(rows[i].text), now, &us, NULL));
        assert_int_equal(us, now - rows[i].ago);
    }
    assert_true(rp_time_parse_user(RP_STR("1970-01-01T00:00:01Z"), now, &us, NULL));
    assert_int_equal(us, RP_US_S);
    struct rp_err err = {0};
    assert_false(rp_time_parse_user(RP_STR("--1h"), now, &us, &err));
    assert_int_equal(err.code, RP_E_BAD_FIELD);
    assert_string_equal(err.message, "\"--1h\" is not a time");
    assert_true(err.hint[0] != '\0');
}

static void the_system_clock_is_that_of_the_system(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL), wall = rp_wall(&rp_clock_system),
            mono = rp_mono(&rp_clock_system);
    assert_in_range(wall / RP_US_S, before - 1, before + 60);
    assert_true(rp_mono(&rp_clock_system) >= mono);
}

static void a_deadline_is_that_far_from_now_and_never_in_the_past(void **state)
{
    (void)state;
    static const int64_t far[] = {0, 999999, RP_US_S, 90 * RP_US_S + 1, RP_US_DAY, -RP_US_DAY};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct timespec at = rp_deadline(far[i]), now = rp_deadline(0);
        int64_t us = (at.tv_sec - now.tv_sec) * RP_US_S + (at.tv_nsec - now.tv_nsec) / 1000;
        int64_t want = far[i] > 0 ? far[i] : 0;
        assert_in_range(at.tv_nsec, 0, 999999999);
        assert_true(us <= want && us > want - 10 * RP_US_S);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_is_that_far_from_now_and_never_in_the_past),
        cmocka_unit_test(dates_are_those_of_gmtime_over_two_hundred_thousand_years),
        cmocka_unit_test(a_written_time_is_that_of_gmtime_and_reads_back),
        cmocka_unit_test(a_time_with_an_offset_is_what_timegm_says),
        cmocka_unit_test(every_form_of_rfc_3339_is_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_duration_is_written_so_that_it_reads_back),
        cmocka_unit_test(durations_are_written_short_and_read_as_sums),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(users_give_times_as_ages_too),
        cmocka_unit_test(the_system_clock_is_that_of_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
