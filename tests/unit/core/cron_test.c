/* Rules 1-10 of the schedules specification by hand and by the shared cases. The brute-force oracle
 * is in cron_oracle_test.c, words are in cron_words_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/cron.h"
#include "zones.h"

#define CASES   RP_SHARED "/data/cron/cases.tsv"
#define INVALID RP_SHARED "/data/cron/invalid.tsv"

static struct rp_cron parsed_as(const char *text, const char *name)
{
    struct rp_cron c;
    struct rp_err err = {0};
    if (!rp_cron_parse(rp_str_of(text), rp_str_of(name), &c, &err))
        fail_msg("\"%s\" was refused: %s", text, err.message);
    return c;
}

static struct rp_cron parsed(const char *text)
{
    return parsed_as(text, "nightly");
}

static int64_t us(const char *time)
{
    int64_t v;
    if (!rp_time_parse(rp_str_of(time), &v))
        fail_msg("\"%s\" is not a time", time);
    return v;
}

static void check_next(const char *text, const char *tz, int64_t after, int64_t expected,
                       const char *row)
{
    char came[RP_TIME_LEN] = "none", wanted[RP_TIME_LEN] = "none", from[RP_TIME_LEN];
    struct rp_cron c = parsed(text);
    int64_t next = rp_cron_next(&c, zone(tz), after, 0);
    if (next == expected)
        return;
    if (next != INT64_MAX)
        rp_time_format(next, came);
    if (expected != INT64_MAX)
        rp_time_format(expected, wanted);
    fail_msg("\"%s\" in %s after %s: expected %s, came %s (%s)", text, tz,
             rp_time_format(after, from), wanted, came, row);
}

/* Checks up to four instants in a row, each strictly after the one before. */
static void sequence(const char *text, const char *tz, const char *after, const char *const *times)
{
    int64_t from = us(after);
    for (; *times != NULL; times++) {
        check_next(text, tz, from, us(*times), "sequence");
        from = us(*times);
    }
}
#define SEQUENCE(text, tz, after, ...)                                                             \
    sequence(text, tz, after, (const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *text, const char *message)
{
    struct rp_cron c;
    struct rp_err err = {0};
    if (rp_cron_parse(rp_str_of(text), RP_STR("x"), &c, &err))
        fail_msg("\"%s\" was accepted", text);
    assert_int_equal(err.code, RP_E_CRON);
    assert_string_equal(err.message, message);
}

static void same_schedule(const char *a, const char *b)
{
    struct rp_cron x = parsed(a), y = parsed(b);
    if (memcmp(x.field, y.field, sizeof x.field) != 0 || x.last_dow != y.last_dow ||
        x.nth_dow != y.nth_dow || x.nearest != y.nearest || x.last_day != y.last_day ||
        x.last_weekday != y.last_weekday)
        fail_msg("\"%s\" is not \"%s\"", a, b);
}

/* ---- shared data ---- */

/* Next column of a line of tab-separated values. */
static char *column(char **rest)
{
    char *from = *rest, *tab = strpbrk(from, "\t\n");
    if (tab != NULL)
        *tab++ = '\0';
    *rest = tab != NULL ? tab : from + strlen(from);
    return from;
}

static FILE *shared(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    return f;
}

static void every_shared_case_gives_its_three_instants(void **state)
{
    (void)state;
    FILE *f = shared(CASES);
    char line[512];
    int n = 0;
    assert_non_null(fgets(line, sizeof line, f));
    for (; fgets(line, sizeof line, f) != NULL; n++) {
        char *rest = line, *text = column(&rest), *tz = column(&rest);
        int64_t after = us(column(&rest));
        for (int i = 0; i < 3; i++) {
            int64_t expected = us(column(&rest));
            check_next(text, tz, after, expected, "cases.tsv");
            after = expected;
        }
    }
    (void)fclose(f);
    print_message("%d cases\n", n);
    assert_true(n >= 60);
}

static void every_shared_invalid_expression_is_refused_with_column_and_reason(void **state)
{
    (void)state;
    FILE *f = shared(INVALID);
    char line[512];
    int n = 0;
    assert_non_null(fgets(line, sizeof line, f));
    for (; fgets(line, sizeof line, f) != NULL; n++) {
        char *rest = line, *text = column(&rest);
        struct rp_cron c;
        struct rp_err err = {0};
        if (rp_cron_parse(rp_str_of(text), RP_STR("x"), &c, &err))
            fail_msg("\"%s\" was accepted, though: %s", text, column(&rest));
        assert_int_equal(err.code, RP_E_CRON);
        assert_non_null(strstr(err.message, "(column "));
    }
    (void)fclose(f);
    print_message("%d expressions\n", n);
    assert_true(n >= 20);
}

/* ---- rules ---- */

static void rule1_names_sevens_questions_and_wrapping_ranges_read_as_their_numbers(void **state)
{
    (void)state;
    same_schedule("0 0 * * 7", "0 0 * * 0");
    same_schedule("0 0 * jan-Mar sUn,wed", "0 0 * 1-3 0,3");
    same_schedule("0 0 * * FRI-MON", "0 0 * * 0,1,5,6");
    same_schedule("0 0 * * 5-7", "0 0 * * 0,5,6");
    same_schedule("0 0 * * 7-2", "0 0 * * 0-2");
    same_schedule("0 0 * * SAT-SUN", "0 0 * * 6,0");
    same_schedule("0 0 * * FRI-MON/2", "0 0 * * 5,0");
    same_schedule("0 0 * NOV-FEB *", "0 0 * 1,2,11,12 *");
    same_schedule("0 0 * OCT-MAR/2 *", "0 0 * 10,12,2 *");
    same_schedule("0 0 ? * 1", "0 0 * * 1");
    same_schedule("0 0 1 * ?", "0 0 1 * *");
    same_schedule("5-20/5,40 * * * *", "5,10,15,20,40 * * * *");
    same_schedule("\t0  0 1 * * ", "0 0 1 * *");
    same_schedule("0 0 lw * *", "0 0 LW * *");
    same_schedule("0 0 * * friL", "0 0 * * 5L");
    same_schedule("0 0 * * 7#2", "0 0 * * SUN#2");
}

static void rule1_nearest_weekday_never_leaves_the_month(void **state)
{
    (void)state;
    /* 2026-08-01 is a Saturday, 2026-02-01 a Sunday, 2026-05-31 a Sunday, 2026-10-31 a Saturday. */
    SEQUENCE("0 0 1W 8 *", "UTC", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z");
    SEQUENCE("0 0 1W 2 *", "UTC", "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z");
    SEQUENCE("0 0 31W 5 *", "UTC", "2026-01-01T00:00:00Z", "2026-05-29T00:00:00Z");
    SEQUENCE("0 0 31W 10 *", "UTC", "2026-01-01T00:00:00Z", "2026-10-30T00:00:00Z");
    SEQUENCE("0 0 31W * *", "UTC", "2026-05-29T00:00:00Z", "2026-07-31T00:00:00Z");
}

static void rule1_fifth_weekday_comes_only_in_months_that_have_one(void **state)
{
    (void)state;
    SEQUENCE("0 0 * * 5#5", "UTC", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z",
             "2026-05-29T00:00:00Z", "2026-07-31T00:00:00Z");
}

static void rule2_either_day_field_matches_unless_one_begins_with_a_star(void **state)
{
    (void)state;
    SEQUENCE("0 0 13 * 5", "UTC", "2026-01-10T00:00:00Z", "2026-01-13T00:00:00Z",
             "2026-01-16T00:00:00Z");
    SEQUENCE("0 0 13 * */5", "UTC", "2026-01-01T00:00:00Z", "2026-02-13T00:00:00Z",
             "2026-03-13T00:00:00Z", "2026-09-13T00:00:00Z");
    SEQUENCE("0 0 */10 * MON", "UTC", "2026-01-01T00:00:00Z", "2026-05-11T00:00:00Z",
             "2026-06-01T00:00:00Z");
    SEQUENCE("0 0 ? * MON#1", "UTC", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z");
}

static void rule3_words_are_their_expressions(void **state)
{
    (void)state;
    same_schedule("@yearly", "0 0 1 1 *");
    same_schedule("@annually", "0 0 1 1 *");
    same_schedule("@monthly", "0 0 1 * *");
    same_schedule("@weekly", "0 0 * * 0");
    same_schedule("@daily", "0 0 * * *");
    same_schedule("@midnight", "0 0 * * *");
    same_schedule("@Hourly", "0 * * * *");
    struct rp_cron c = parsed("@reboot");
    assert_true(c.reboot);
    assert_int_equal(rp_cron_next(&c, zone("UTC"), 0, 0), INT64_MAX);
}

static void rule3_every_counts_from_the_last_planned_instant(void **state)
{
    (void)state;
    struct rp_cron c = parsed("@every 90s");
    int64_t anchor = us("2026-01-01T00:00:10Z");
    assert_int_equal(rp_cron_next(&c, NULL, anchor, anchor), anchor + 90 * RP_US_S);
    assert_int_equal(rp_cron_next(&c, NULL, anchor + 89 * RP_US_S, anchor), anchor + 90 * RP_US_S);
    assert_int_equal(rp_cron_next(&c, NULL, anchor + 1000 * RP_US_S, anchor),
                     anchor + 1080 * RP_US_S);
    assert_int_equal(rp_cron_next(&c, NULL, anchor - 1, anchor), anchor);
    assert_int_equal(rp_cron_next(&c, NULL, 0, 0), 90 * RP_US_S);
    assert_int_equal(rp_cron_next(&c, NULL, INT64_MAX, INT64_MIN), INT64_MAX);
    assert_int_equal(rp_cron_next(&c, NULL, us("2200-12-31T23:59:59Z"), 0), INT64_MAX);
}

static void rule4_H_is_stable_for_a_name_and_spreads_over_names(void **state)
{
    (void)state;
    uint64_t minutes = 0, days = 0;
    for (int i = 0; i < 2000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "job-%d", i);
        struct rp_cron a = parsed_as("H H(1-5) H * *", name), b = parsed_as("H H(1-5) H * *", name);
        assert_memory_equal(a.field, b.field, sizeof a.field);
        for (int k = 1; k <= 3; k++)
            assert_int_equal(__builtin_popcountll(a.field[k]), 1);
        assert_int_equal(a.field[2] & ~UINT64_C(0x3E), 0);
        minutes |= a.field[1];
        days |= a.field[3];
    }
    assert_int_equal(minutes, (UINT64_C(1) << 60) - 1);
    assert_int_equal(days, (UINT64_C(1) << 29) - 2); /* 1-28: every month has them */
    /* Stored plans depend on this hash: it may never change. */
    same_schedule("H H * * *", "32 6 * * *");
    struct rp_cron here = parsed_as("H H * * *", "reports");
    struct rp_cron there = parsed_as("H H * * *", "billing");
    assert_memory_not_equal(here.field, there.field, sizeof here.field);
}

static void rule4_H_with_a_step_keeps_the_distance_and_stays_in_its_range(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "job-%d", i);
        struct rp_cron c = parsed_as("H/15 H(8-17)/3 * * *", name);
        uint64_t phase = (uint64_t)__builtin_ctzll(c.field[1]);
        assert_int_equal(c.field[1], UINT64_C(0x200040008001) << phase);
        assert_true(phase < 15);
        assert_int_equal(c.field[2] & ~UINT64_C(0x3FF00), 0);
        assert_true(__builtin_popcountll(c.field[2]) >= 3);
    }
}

static void rule5_the_zone_may_stand_before_the_expression(void **state)
{
    (void)state;
    assert_string_equal(parsed("CRON_TZ=Europe/Berlin 0 3 * * *").zone, "Europe/Berlin");
    assert_string_equal(parsed("TZ=Asia/Tokyo @daily").zone, "Asia/Tokyo");
    assert_string_equal(parsed("0 3 * * *").zone, "");
    same_schedule("CRON_TZ=Europe/Berlin  0 3 * * *", "0 3 * * *");
    refused("CRON_TZ= 0 3 * * *", "the time zone after CRON_TZ= is missing (column 9)");
}

static void rule6_refusals_name_field_reason_and_column(void **state)
{
    (void)state;
    refused("60 * * * *", "minute: 60 is out of range 0-59 (column 1)");
    refused("0 0 0 * *", "day-of-month: 0 is out of range 1-31 (column 5)");
    refused("1,,2 * * * *", "minute: the list has an empty item (column 3)");
    refused("1, * * * *", "minute: the list has an empty item (column 3)");
    refused("*/0 * * * *", "minute: a step of 0 never moves (column 3)");
    refused("*/90 * * * *",
            "minute: step 90 is larger than the field, which has 60 values (column 3)");
    refused("* * * * * * *", "more than six fields (column 13)");
    refused("* * * FOO *", "month: \"FOO\" is not a name of this field (column 7)");
    refused("* * * * FRIDAY", "day-of-week: \"FRIDAY\" is not a name of this field (column 9)");
    refused("L * * * *", "minute: L is only for day-of-month and day-of-week (column 1)");
    refused("? * * * *", "minute: ? is only for day-of-month and day-of-week (column 1)");
    refused("* 22-6 * * *", "hour: the range runs backwards from 22 to 6 (column 3)");
    refused("5/15 * * * *", "minute: a step needs a range or *, such as 5-59/2 (column 2)");
    refused("* * * * L", "day-of-week: L needs a weekday before it, such as 5L for the last Friday "
                         "(column 9)");
    refused("* * * * 5W", "day-of-week: W is only for day-of-month (column 10)");
    refused("* * 5#2 * *", "day-of-month: # is only for day-of-week (column 6)");
    refused("CRON_TZ=UTC 61 * * * *", "minute: 61 is out of range 0-59 (column 13)");
    refused("99999999999999999999 * * * *", "minute: 999999999999 is out of range 0-59 (column 1)");
    refused("@daily 5", "nothing may follow the @ word (column 8)");
    refused("@every 10ms", "@every is at least 1s (column 8)");
    struct rp_cron c;
    assert_false(rp_cron_parse(RP_STR("@every\0 1s"), RP_STR(""), &c, NULL));
    assert_false(rp_cron_parse(RP_STR("0\0 * * * *"), RP_STR(""), &c, NULL));
    refused("\x01 * * * *", "minute: byte 0x01 is not expected here (column 1)");
}

static void rule6_a_date_that_never_comes_is_refused_and_a_rare_one_is_not(void **state)
{
    (void)state;
    refused("0 0 31 2 *", "day-of-month: this date does not come within 28 years (column 5)");
    refused("0 0 31 FEB,APR,JUN,SEP,NOV *",
            "day-of-month: this date does not come within 28 years (column 5)");
    refused("0 0 0 30 2 *", "day-of-month: this date does not come within 28 years (column 7)");
    refused("0 0 31W 4 *", "day-of-month: this date does not come within 28 years (column 5)");
    refused("0 0 */29 * 1#2", "day-of-month: this date does not come within 28 years (column 5)");
    parsed("0 0 31 4 1");     /* Mondays in April */
    parsed("0 0 29 2 */7");   /* 29 February on a Sunday */
    parsed("0 0 */28 2 1#5"); /* 29 February as the fifth Monday */
}

static void rule6_29_february_skips_2100_even_with_a_weekday(void **state)
{
    (void)state;
    SEQUENCE("0 0 29 2 *", "UTC", "2096-01-01T00:00:00Z", "2096-02-29T00:00:00Z",
             "2104-02-29T00:00:00Z");
    /* Sundays: 2088, then 40 years later because 2100 has no leap day. */
    SEQUENCE("0 0 29 2 */7", "UTC", "2061-01-01T00:00:00Z", "2088-02-29T00:00:00Z",
             "2128-02-29T00:00:00Z", "2156-02-29T00:00:00Z");
}

static void rule7_instants_end_with_the_year_2200(void **state)
{
    (void)state;
    SEQUENCE("0 0 1 1 *", "UTC", "2199-06-01T00:00:00Z", "2200-01-01T00:00:00Z");
    check_next("0 0 1 1 *", "UTC", us("2200-01-01T00:00:00Z"), INT64_MAX, "");
    SEQUENCE("59 23 31 12 *", "UTC", "2200-01-01T00:00:00Z", "2200-12-31T23:59:00Z");
    check_next("0 0 1 1 *", "Asia/Tokyo", us("2200-06-01T00:00:00Z"), us("2200-12-31T15:00:00Z"),
               "");
    check_next("* * * * *", "UTC", INT64_MAX, INT64_MAX, "");
    check_next("0 0 1 1 *", "UTC", us("1900-06-01T00:00:00Z"), us("1901-01-01T00:00:00Z"), "");
}

static void the_instant_itself_is_not_its_next(void **state)
{
    (void)state;
    int64_t at = us("2026-01-01T00:05:00Z");
    check_next("*/5 * * * *", "UTC", at - 1, at, "one microsecond before");
    check_next("*/5 * * * *", "UTC", at, at + 5 * RP_US_MIN, "at it");
    check_next("* * * * * *", "UTC", at, at + RP_US_S, "seconds");
    check_next("* * * * *", "UTC", -1, 0, "across 1970");
}

static void rule8_all_fixed_times_of_a_gap_make_one_run_at_its_end(void **state)
{
    (void)state;
    SEQUENCE("0,15,30,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:59:00Z",
             "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z");
    SEQUENCE("* 30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z",
             "2026-03-30T00:30:00Z");
    /* A day field that the gap's day does not match keeps it quiet. */
    SEQUENCE("30 2 * * 1", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T00:30:00Z");
}

static void rule8_a_fold_runs_fixed_times_at_their_first_occurrence_only(void **state)
{
    (void)state;
    SEQUENCE("0,30 2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z",
             "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z");
    /* Asked from inside the second pass, too. */
    SEQUENCE("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z");
}

static void rule9_a_step_keeps_firing_through_a_fold_and_adds_nothing_after_a_gap(void **state)
{
    (void)state;
    struct rp_cron c = parsed("*/15 2 * * *");
    int64_t at = us("2026-10-24T12:00:00Z"), end = us("2026-10-25T12:00:00Z");
    int n = 0;
    while ((at = rp_cron_next(&c, zone("Europe/Berlin"), at, 0)) < end)
        n++;
    assert_int_equal(n, 8);
    SEQUENCE("*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z");
    SEQUENCE("7,*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z");
}

static void rule10_a_gap_of_more_than_three_hours_is_not_repaired(void **state)
{
    (void)state;
    SEQUENCE("30 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-29T19:30:00Z",
             "2011-12-30T19:30:00Z");
    SEQUENCE("0 0 21 8 *", "Pacific/Kwajalein", "1993-01-01T00:00:00Z", "1994-08-20T12:00:00Z");
}

/* ---- shifts ahead (U19) ---- */

static void shift(const char *text, const char *tz, const char *from, const char *to,
                  enum rp_cron_shift expected, const char *at)
{
    struct rp_cron c = parsed(text);
    int64_t came = 0;
    assert_int_equal(rp_cron_shift_within(&c, zone(tz), us(from), us(to), &came), expected);
    if (at != NULL)
        assert_int_equal(came, us(at));
}

static void check_warns_of_the_first_gap_or_fold_that_touches_the_schedule(void **state)
{
    (void)state;
    const char *from = "2026-01-01T00:00:00Z", *to = "2027-01-01T00:00:00Z";
    shift("30 2 * * *", "Europe/Berlin", from, to, RP_SHIFT_GAP, "2026-03-29T01:00:00Z");
    shift("0 3 * * *", "Europe/Berlin", from, to, RP_SHIFT_NONE, NULL);
    shift("30 2 * 10 *", "Europe/Berlin", from, to, RP_SHIFT_FOLD, "2026-10-25T00:30:00Z");
    shift("*/20 2 * 10 *", "Europe/Berlin", from, to, RP_SHIFT_FOLD, "2026-10-25T00:00:00Z");
    shift("0 */2 * * *", "Europe/Berlin", from, to, RP_SHIFT_GAP, "2026-03-29T01:00:00Z");
    shift("0 0 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00Z", to, RP_SHIFT_GAP,
          "2011-12-30T10:00:00Z");
    shift("30 2 * * 1", "Europe/Berlin", from, to, RP_SHIFT_NONE, NULL);
    shift("30 2 * * *", "UTC", from, to, RP_SHIFT_NONE, NULL);
    shift("*/5 * * * *", "Europe/Berlin", from, to, RP_SHIFT_NONE, NULL);
    shift("@every 1h", "Europe/Berlin", from, to, RP_SHIFT_NONE, NULL);
    shift("@reboot", "Europe/Berlin", from, to, RP_SHIFT_NONE, NULL);
}

static void the_interval_of_shifts_leaves_out_its_beginning_and_takes_its_end(void **state)
{
    (void)state;
    const char *gap = "2026-03-29T01:00:00Z", *fold = "2026-10-25T00:30:00Z";
    shift("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", gap, RP_SHIFT_GAP, gap);
    shift("30 2 * * *", "Europe/Berlin", gap, "2026-10-25T00:29:59Z", RP_SHIFT_NONE, NULL);
    shift("30 2 * * *", "Europe/Berlin", gap, fold, RP_SHIFT_FOLD, fold);
    shift("15,30 2 * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", "2027-01-01T00:00:00Z",
          RP_SHIFT_FOLD, fold);
    shift("30 2 * * *", "Europe/Berlin", fold, "2027-01-01T00:00:00Z", RP_SHIFT_NONE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shared_case_gives_its_three_instants),
        cmocka_unit_test(every_shared_invalid_expression_is_refused_with_column_and_reason),
        cmocka_unit_test(rule1_names_sevens_questions_and_wrapping_ranges_read_as_their_numbers),
        cmocka_unit_test(rule1_nearest_weekday_never_leaves_the_month),
        cmocka_unit_test(rule1_fifth_weekday_comes_only_in_months_that_have_one),
        cmocka_unit_test(rule2_either_day_field_matches_unless_one_begins_with_a_star),
        cmocka_unit_test(rule3_words_are_their_expressions),
        cmocka_unit_test(rule3_every_counts_from_the_last_planned_instant),
        cmocka_unit_test(rule4_H_is_stable_for_a_name_and_spreads_over_names),
        cmocka_unit_test(rule4_H_with_a_step_keeps_the_distance_and_stays_in_its_range),
        cmocka_unit_test(rule5_the_zone_may_stand_before_the_expression),
        cmocka_unit_test(rule6_refusals_name_field_reason_and_column),
        cmocka_unit_test(rule6_a_date_that_never_comes_is_refused_and_a_rare_one_is_not),
        cmocka_unit_test(rule6_29_february_skips_2100_even_with_a_weekday),
        cmocka_unit_test(rule7_instants_end_with_the_year_2200),
        cmocka_unit_test(the_instant_itself_is_not_its_next),
        cmocka_unit_test(rule8_all_fixed_times_of_a_gap_make_one_run_at_its_end),
        cmocka_unit_test(rule8_a_fold_runs_fixed_times_at_their_first_occurrence_only),
        cmocka_unit_test(rule9_a_step_keeps_firing_through_a_fold_and_adds_nothing_after_a_gap),
        cmocka_unit_test(rule10_a_gap_of_more_than_three_hours_is_not_repaired),
        cmocka_unit_test(check_warns_of_the_first_gap_or_fold_that_touches_the_schedule),
        cmocka_unit_test(the_interval_of_shifts_leaves_out_its_beginning_and_takes_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
