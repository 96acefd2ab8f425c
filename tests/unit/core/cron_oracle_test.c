/* rp_cron_next against a reference that steps through every minute of the system's own local time,
 * around changes of offset. Expressions are made as text and as sets of values at once, so that the
 * reference never parses. RP_SEED=n runs another set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/cron.h"

enum { MINUTES = 3 * 1440, CHECKED_FROM = 30 * 60, GAP_MOST_S = 3 * 3600 };
enum { WINDOWS = 8, EXPRESSIONS = 40, ANYWHERE = 30 };

static const char *const zones[] = {
    "Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe", "Pacific/Apia",
    "America/Sao_Paulo", "Africa/Casablanca", "Atlantic/Azores",     "Asia/Beirut",
    "Europe/Dublin",     "America/Caracas",   "Antarctica/Troll",    "Pacific/Kwajalein",
    "America/Nuuk",      "Africa/Cairo",      "Asia/Kathmandu",      "UTC",
};

/* ---- the reference ---- */

struct reference {
    char text[256];
    bool second[60], minute[60], hour[24], dom[32], month[13], dow[7];
    bool nearest[32], nth[7][6], last_dow[7], last_day, last_weekday;
    bool dom_star, dow_star, elapsed;
};

struct minute {
    int64_t utc_s, wall_s;
    struct tm tm;
};

static struct minute window[MINUTES];

static int month_length(const struct tm *tm)
{
    struct tm next = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon + 1, .tm_mday = 1};
    time_t last = timegm(&next) - 86400;
    struct tm out;
    gmtime_r(&last, &out);
    return out.tm_mday;
}

static bool works(const struct tm *tm, int day)
{
    int weekday = ((tm->tm_wday + day - tm->tm_mday) % 7 + 7) % 7;
    return weekday >= 1 && weekday <= 5;
}

/* The working day that is nearest to `day`, tried in the order of nearness. */
static int nearest(const struct tm *tm, int day, int length)
{
    static const int tries[] = {0, -1, 1, -2, 2};
    for (int i = 0; i < 5; i++) {
        int d = day + tries[i];
        if (d >= 1 && d <= length && works(tm, d))
            return d;
    }
    return 0;
}

static bool dom_matches(const struct reference *r, const struct tm *tm)
{
    int length = month_length(tm), day = tm->tm_mday;
    if (r->dom[day] || (r->last_day && day == length))
        return true;
    if (r->last_weekday && day == nearest(tm, length, length))
        return true;
    for (int d = 1; d <= length; d++)
        if (r->nearest[d] && day == nearest(tm, d, length))
            return true;
    return false;
}

static bool dow_matches(const struct reference *r, const struct tm *tm)
{
    int w = tm->tm_wday;
    return r->dow[w] || r->nth[w][(tm->tm_mday - 1) / 7 + 1] ||
           (r->last_dow[w] && tm->tm_mday + 7 > month_length(tm));
}

static bool matches(const struct reference *r, const struct tm *tm)
{
    if (!r->minute[tm->tm_min] || !r->hour[tm->tm_hour] || !r->month[tm->tm_mon + 1])
        return false;
    bool dom = dom_matches(r, tm), dow = dow_matches(r, tm);
    return r->dom_star || r->dow_star ? dom && dow : dom || dow;
}

static bool in_gap(const struct reference *r, int i)
{
    int64_t first = window[i - 1].wall_s + 60, end = window[i].wall_s;
    if (r->elapsed || end - first > GAP_MOST_S)
        return false;
    for (int64_t wall = first; wall < end; wall += 60) {
        struct tm tm;
        time_t t = wall;
        gmtime_r(&t, &tm);
        if (matches(r, &tm))
            return true;
    }
    return false;
}

/* Fills `out` with the expected seconds of the window from minute CHECKED_FROM on. */
static int expected(const struct reference *r, int64_t *out)
{
    int n = 0;
    int64_t seen = INT64_MIN;
    for (int i = 1; i < MINUTES; i++) {
        bool repeated = !r->elapsed && window[i].wall_s <= seen;
        bool hit = !repeated && matches(r, &window[i].tm), repaired = in_gap(r, i);
        seen = window[i].wall_s > seen ? window[i].wall_s : seen;
        if (i < CHECKED_FROM)
            continue;
        for (int s = 0; s < 60; s++)
            if ((hit && r->second[s]) || (repaired && s == 0))
                out[n++] = window[i].utc_s + s;
    }
    return n;
}

static void fill_window(int64_t middle_s)
{
    int64_t from = (middle_s / 60 - MINUTES / 2) * 60;
    for (int i = 0; i < MINUTES; i++) {
        struct minute *m = &window[i];
        time_t t = m->utc_s = from + (int64_t)i * 60;
        localtime_r(&t, &m->tm);
        struct tm as_utc = m->tm;
        m->wall_s = timegm(&as_utc);
    }
}

/* ---- random expressions ---- */

static uint64_t seed;

static int pick(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

static void text(struct reference *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void text(struct reference *r, const char *fmt, ...)
{
    size_t n = strlen(r->text);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->text + n, sizeof r->text - n, fmt, ap);
    va_end(ap);
}

/* One field of plain items; returns whether it begins with a star. `usual` is the upper end of most
 * values. */
static bool plain(struct reference *r, bool *set, int low, int high, int usual)
{
    int kind = pick(6), a = low + pick(usual - low + 1), step = 1 + pick(5);
    int b = a + pick(high - a + 1);
    if (kind == 0) {
        text(r, "*");
        for (int i = low; i <= high; i++)
            set[i] = true;
    } else if (kind == 1) {
        text(r, "*/%d", step);
        for (int i = low; i <= high; i += step)
            set[i] = true;
    } else if (kind == 2) {
        text(r, "%d-%d", a, b);
        for (int i = a; i <= b; i++)
            set[i] = true;
    } else if (kind == 3) {
        text(r, "%d-%d/%d", a, b, step);
        for (int i = a; i <= b; i += step)
            set[i] = true;
    } else {
        text(r, kind == 4 ? "%d" : "%d,%d", a, b);
        set[a] = true;
        set[kind == 4 ? a : b] = true;
    }
    return kind < 2;
}

static bool make_dom(struct reference *r)
{
    int day = 1 + pick(31);
    switch (pick(8)) {
    case 0:
        text(r, "L");
        r->last_day = true;
        return false;
    case 1:
        text(r, "LW,%d", day);
        r->last_weekday = r->dom[day] = true;
        return false;
    case 2:
        text(r, "%dW", day);
        r->nearest[day] = true;
        return false;
    case 3:
    case 4:
        return plain(r, r->dom, 1, 31, 31);
    default:
        text(r, "*");
        memset(r->dom, 1, sizeof r->dom);
        return true;
    }
}

static bool make_dow(struct reference *r)
{
    int day = pick(7), nth = 1 + pick(5);
    switch (pick(8)) {
    case 0:
        text(r, "%d#%d", day, nth);
        r->nth[day][nth] = true;
        return false;
    case 1:
        text(r, "%dL", day);
        r->last_dow[day] = true;
        return false;
    case 2:
    case 3:
        return plain(r, r->dow, 0, 6, 6);
    default:
        text(r, "?");
        memset(r->dow, 1, sizeof r->dow);
        return true;
    }
}

static struct reference make(void)
{
    struct reference r = {0};
    if (pick(8) == 0) {
        (void)plain(&r, r.second, 0, 59, 59);
        text(&r, " ");
    } else {
        r.second[0] = true;
    }
    r.elapsed = plain(&r, r.minute, 0, 59, 59);
    text(&r, " ");
    r.elapsed |= plain(&r, r.hour, 0, 23, pick(3) > 0 ? 4 : 23);
    text(&r, " ");
    r.dom_star = make_dom(&r);
    text(&r, " ");
    if (pick(4) == 0) {
        (void)plain(&r, r.month, 1, 12, 12);
    } else {
        text(&r, "*");
        memset(r.month, 1, sizeof r.month);
    }
    text(&r, " ");
    r.dow_star = make_dow(&r);
    return r;
}

/* ---- comparison ---- */

static void differ(const struct reference *r, const struct rp_zone *z, int64_t after,
                   int64_t want_s, int64_t came)
{
    char a[RP_TIME_LEN], w[RP_TIME_LEN], c[RP_TIME_LEN];
    fail_msg("\"%s\" in %s after %s: the reference says %s, rp_cron_next %s", r->text,
             rp_zone_name(z), rp_time_format(after, a), rp_time_format(want_s * RP_US_S, w),
             rp_time_format(came, c));
}

/* From any instant of the window, also from inside a fold: the first expected one after it. */
static void compare_anywhere(const struct reference *r, const struct rp_cron *c,
                             const struct rp_zone *z, const int64_t *wanted, int n)
{
    int64_t first = window[CHECKED_FROM].utc_s, end = window[MINUTES - 1].utc_s + 60;
    for (int k = 0; k < ANYWHERE; k++) {
        int64_t after_s = first + pick((int)(end - first)), expected_s = end;
        for (int i = n - 1; i >= 0 && wanted[i] > after_s; i--)
            expected_s = wanted[i];
        int64_t next = rp_cron_next(c, z, after_s * RP_US_S + pick(1000000), 0);
        if (expected_s < end ? next != expected_s * RP_US_S : next < end * RP_US_S)
            differ(r, z, after_s * RP_US_S, expected_s, next);
    }
}

static int compare(const struct reference *r, const struct rp_zone *z)
{
    static int64_t wanted[MINUTES * 60 + 60];
    struct rp_cron c;
    struct rp_err err = {0};
    if (!rp_cron_parse(rp_str_of(r->text), RP_STR(""), &c, &err)) {
        if (strstr(err.message, "28 years") == NULL)
            fail_msg("\"%s\": %s", r->text, err.message);
        return 0;
    }
    int n = expected(r, wanted);
    int64_t at = window[CHECKED_FROM].utc_s * RP_US_S - 1;
    for (int i = 0; i < n; i++) {
        int64_t next = rp_cron_next(&c, z, at, 0);
        if (next != wanted[i] * RP_US_S)
            differ(r, z, at, wanted[i], next);
        at = next;
    }
    int64_t end = (window[MINUTES - 1].utc_s + 60) * RP_US_S, beyond = rp_cron_next(&c, z, at, 0);
    if (beyond < end)
        differ(r, z, at, end / RP_US_S, beyond);
    compare_anywhere(r, &c, z, wanted, n);
    return n;
}

/* Changes of offset between 1973 (whole minutes everywhere since) and 2150, else any instant. */
static int64_t interesting(const struct rp_zone *z)
{
    int64_t at = INT64_C(94694400) + (int64_t)pick(177 * 365) * 86400, before, after;
    int64_t change =
        pick(8) > 0 ? rp_zone_transition(z, pick(2) > 0 ? at / 3 + 63129600 : at, &before, &after)
                    : INT64_MAX;
    return change < INT64_C(5680281600) ? change : at;
}

static void next_agrees_with_stepping_through_every_minute(void **state)
{
    (void)state;
    const char *asked = getenv("RP_SEED");
    seed = asked != NULL ? strtoull(asked, NULL, 10) : 20260101;
    print_message("seed %llu\n", (unsigned long long)seed);
    long instants = 0, runs = 0;
    for (size_t k = 0; k < sizeof zones / sizeof *zones; k++) {
        const struct rp_zone *z = rp_zone_load(rp_str_of(zones[k]), NULL);
        assert_non_null(z);
        assert_int_equal(setenv("TZ", zones[k], 1), 0);
        tzset();
        for (int w = 0; w < WINDOWS; w++) {
            fill_window(interesting(z));
            for (int e = 0; e < EXPRESSIONS; e++, runs++) {
                struct reference r = make();
                instants += compare(&r, z);
            }
        }
    }
    print_message("%ld expressions, %ld instants\n", runs, instants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_agrees_with_stepping_through_every_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
