/* A schedule in English, from its fields: when in the day, on which days, in which months. */
#include "base/time.h"
#include "core/internal.h"

enum { TIMES_LISTED = 6 };

#define ALL(n) ((UINT64_C(1) << (n)) - 1)

static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"",        "January",  "February", "March",  "April",
                                          "May",     "June",     "July",     "August", "September",
                                          "October", "November", "December"};
static const char *const ordinals[] = {"first", "second", "third", "fourth", "fifth"};

/* ---- sets of values ---- */

static int lowest(uint64_t mask)
{
    return __builtin_ctzll(mask);
}

static int highest(uint64_t mask)
{
    return 63 - __builtin_clzll(mask);
}

static int size(uint64_t mask)
{
    return __builtin_popcountll(mask);
}

/* The constant distance of three values or more, or 0. */
static int distance(uint64_t mask)
{
    if (size(mask) < 3)
        return 0;
    int first = lowest(mask), step = lowest(mask & (mask - 1)) - first;
    uint64_t expected = 0;
    for (int i = first; i <= highest(mask); i += step)
        expected |= UINT64_C(1) << i;
    return expected == mask ? step : 0;
}

/* The values begin at 0 and go round evenly: `every n` needs no more words. */
static bool goes_round(uint64_t mask, int count)
{
    int step = distance(mask);
    return step > 0 && lowest(mask) == 0 && count % step == 0 && highest(mask) + step == count;
}

/* First value of a run of neighbours that may go round from high to low; -1 if the set is not one
 * run. */
static int run_start(uint64_t mask, int low, int count)
{
    int starts = 0, start = -1;
    for (int i = 0; i < count; i++) {
        int before = low + (i + count - 1) % count;
        if ((mask >> (low + i) & 1) != 0 && (mask >> before & 1) == 0) {
            starts++;
            start = low + i;
        }
    }
    return starts == 1 ? start : -1;
}

/* ---- lists ---- */

typedef void put_value(struct rp_buf *b, int value);

static void put_number(struct rp_buf *b, int v)
{
    rp_buf_fmt(b, "%d", v);
}

static void put_weekday(struct rp_buf *b, int v)
{
    rp_buf_fmt(b, "%s", day_names[v]);
}

static void put_month(struct rp_buf *b, int v)
{
    rp_buf_fmt(b, "%s", month_names[v]);
}

static void put_ordinal(struct rp_buf *b, int v)
{
    int ending = v / 10 != 1 && v % 10 < 4 ? v % 10 : 0;
    rp_buf_fmt(b, "%d%.2s", v, &"thstndrd"[(size_t)ending * 2]);
}

static void put_nth(struct rp_buf *b, int v)
{
    rp_buf_fmt(b, "the ");
    put_ordinal(b, v);
}

static void put_hour(struct rp_buf *b, int v)
{
    rp_buf_fmt(b, "%02d", v);
}

static void separate(struct rp_buf *b, int i, int n, const char *last)
{
    if (i > 0)
        rp_buf_fmt(b, "%s", i == n - 1 ? last : ", ");
}

/* "1, 2 and 3". */
static void list(struct rp_buf *b, uint64_t mask, put_value *put)
{
    int n = size(mask);
    for (int i = 0; i < n; i++, mask &= mask - 1) {
        separate(b, i, n, " and ");
        put(b, lowest(mask));
    }
}

/* "Monday to Friday" for a run of three or more, else a list. */
static void list_or_run(struct rp_buf *b, uint64_t mask, int low, int count, put_value *put)
{
    int start = run_start(mask, low, count), n = size(mask);
    if (n < 3 || start < 0) {
        list(b, mask, put);
        return;
    }
    put(b, start);
    rp_buf_fmt(b, " to ");
    put(b, low + (start - low + n - 1) % count);
}

/* ---- time of day ---- */

static void put_clock(struct rp_buf *b, const struct rp_cron *c, int h, int m, int s)
{
    rp_buf_fmt(b, "%02d:%02d", h, m);
    if (c->field[CRON_SECOND] != 1)
        rp_buf_fmt(b, ":%02d", s);
}

/* "at 09:00, 12:00 and 15:00". */
static void listed_times(struct rp_buf *b, const struct rp_cron *c, int n)
{
    int i = 0;
    rp_buf_fmt(b, "at ");
    for (uint64_t h = c->field[CRON_HOUR]; h != 0; h &= h - 1)
        for (uint64_t m = c->field[CRON_MINUTE]; m != 0; m &= m - 1)
            for (uint64_t s = c->field[CRON_SECOND]; s != 0; s &= s - 1) {
                separate(b, i++, n, " and ");
                put_clock(b, c, lowest(h), lowest(m), lowest(s));
            }
}

static void every(struct rp_buf *b, int step, const char *unit)
{
    if (step == 1)
        rp_buf_fmt(b, "every %s", unit);
    else
        rp_buf_fmt(b, "every %d %ss", step, unit);
}

/* "every 10 seconds", "at seconds 5 and 20"; `unit` is second or minute. */
static void within_hour(struct rp_buf *b, uint64_t mask, const char *unit)
{
    int step = distance(mask);
    if (step == 0) {
        rp_buf_fmt(b, "at %s%s ", unit, size(mask) > 1 ? "s" : "");
        list(b, mask, put_number);
        return;
    }
    every(b, step, unit);
    if (!goes_round(mask, 60))
        rp_buf_fmt(b, " from %s %d through %d", unit, lowest(mask), highest(mask));
}

/* Minutes of hours that are not all: bounds in full where the hours are one run. */
static void hours_of_minutes(struct rp_buf *b, const struct rp_cron *c)
{
    uint64_t hours = c->field[CRON_HOUR], minutes = c->field[CRON_MINUTE];
    bool run = highest(hours) - lowest(hours) + 1 == size(hours);
    if (run && (minutes == ALL(60) || goes_round(minutes, 60))) {
        rp_buf_fmt(b, " from %02d:%02d through %02d:%02d", lowest(hours), lowest(minutes),
                   highest(hours), highest(minutes));
        return;
    }
    rp_buf_fmt(b, " of hour%s ", size(hours) > 1 ? "s" : "");
    list_or_run(b, hours, 0, 24, put_hour);
}

static void once_an_hour(struct rp_buf *b, const struct rp_cron *c)
{
    uint64_t hours = c->field[CRON_HOUR];
    int minute = lowest(c->field[CRON_MINUTE]), step = distance(hours);
    if (step == 0) {
        rp_buf_fmt(b, "at minute %d of hours ", minute);
        list_or_run(b, hours, 0, 24, put_hour);
        return;
    }
    every(b, step, "hour");
    if (hours != ALL(24) && !goes_round(hours, 24))
        rp_buf_fmt(b, " from %02d:%02d through %02d:%02d", lowest(hours), minute, highest(hours),
                   minute);
    else if (minute > 0)
        rp_buf_fmt(b, " at minute %d", minute);
}

static void minutes_and_hours(struct rp_buf *b, const struct rp_cron *c)
{
    if (size(c->field[CRON_MINUTE]) == 1) {
        once_an_hour(b, c);
        return;
    }
    within_hour(b, c->field[CRON_MINUTE], "minute");
    if (c->field[CRON_HOUR] != ALL(24))
        hours_of_minutes(b, c);
    else if (c->field[CRON_MINUTE] != ALL(60) && !goes_round(c->field[CRON_MINUTE], 60))
        rp_buf_fmt(b, " of every hour");
}

static bool spans_day(const struct rp_cron *c)
{
    return c->field[CRON_HOUR] == ALL(24) || goes_round(c->field[CRON_HOUR], 24);
}

static void time_of_day(struct rp_buf *b, const struct rp_cron *c)
{
    uint64_t seconds = c->field[CRON_SECOND];
    bool every_minute = c->field[CRON_MINUTE] == ALL(60) && c->field[CRON_HOUR] == ALL(24);
    int times = size(seconds) * size(c->field[CRON_MINUTE]) * size(c->field[CRON_HOUR]);
    bool spread = (seconds & (seconds - 1)) == 0 && spans_day(c);
    if (times <= TIMES_LISTED && !spread &&
        !(seconds == 1 && distance(c->field[CRON_MINUTE]) > 0)) {
        listed_times(b, c, times);
        return;
    }
    if (seconds != 1)
        within_hour(b, seconds, "second");
    if (seconds != 1 && every_minute) {
        if (seconds != ALL(60) && !goes_round(seconds, 60))
            rp_buf_fmt(b, " of every minute");
        return;
    }
    if (seconds != 1)
        rp_buf_fmt(b, " of the minute, ");
    minutes_and_hours(b, c);
}

/* ---- days ---- */

static bool any_dom(const struct rp_cron *c)
{
    return (c->field[CRON_DOM] >> 1) == ALL(31);
}

static bool any_dow(const struct rp_cron *c)
{
    return c->field[CRON_DOW] == ALL(7);
}

static void joined(struct rp_buf *b, bool *begun)
{
    rp_buf_fmt(b, *begun ? " and " : "");
    *begun = true;
}

static void dates(struct rp_buf *b, uint64_t mask)
{
    if (distance(mask) < 2 || size(mask) < 5) {
        list_or_run(b, mask, 1, 31, put_nth);
        return;
    }
    rp_buf_fmt(b, "every ");
    put_ordinal(b, distance(mask));
    rp_buf_fmt(b, " day from ");
    put_nth(b, lowest(mask));
    rp_buf_fmt(b, " through ");
    put_nth(b, highest(mask));
}

static void days_of_month(struct rp_buf *b, const struct rp_cron *c)
{
    bool begun = false;
    if (c->field[CRON_DOM] != 0) {
        joined(b, &begun);
        dates(b, c->field[CRON_DOM]);
    }
    for (uint64_t m = c->nearest; m != 0; m &= m - 1) {
        joined(b, &begun);
        rp_buf_fmt(b, "the weekday nearest ");
        put_nth(b, lowest(m));
    }
    if (c->last_weekday) {
        joined(b, &begun);
        rp_buf_fmt(b, "the last weekday");
    }
    if (c->last_day) {
        joined(b, &begun);
        rp_buf_fmt(b, "the last day");
    }
}

static void days_of_week(struct rp_buf *b, const struct rp_cron *c)
{
    bool begun = false;
    if (c->field[CRON_DOW] != 0) {
        joined(b, &begun);
        list_or_run(b, c->field[CRON_DOW], 0, 7, put_weekday);
    }
    for (uint64_t m = c->nth_dow; m != 0; m &= m - 1) {
        joined(b, &begun);
        rp_buf_fmt(b, "the %s %s", ordinals[lowest(m) % 5], day_names[lowest(m) / 5]);
    }
    for (uint64_t m = c->last_dow; m != 0; m &= m - 1) {
        joined(b, &begun);
        rp_buf_fmt(b, "the last %s", day_names[lowest(m)]);
    }
}

static void months(struct rp_buf *b, const struct rp_cron *c, const char *before)
{
    if (c->field[CRON_MONTH] >> 1 == ALL(12))
        return;
    rp_buf_fmt(b, "%s", before);
    list_or_run(b, c->field[CRON_MONTH], 1, 12, put_month);
}

static void of_the_month(struct rp_buf *b, const struct rp_cron *c)
{
    if (c->field[CRON_MONTH] >> 1 == ALL(12))
        rp_buf_fmt(b, " of the month");
    months(b, c, " of ");
}

/* A schedule through all hours of all days says enough without "every day". */
static void every_day(struct rp_buf *b, const struct rp_cron *c)
{
    if (!spans_day(c))
        rp_buf_fmt(b, " every day");
    months(b, c, " in ");
}

static void both_days(struct rp_buf *b, const struct rp_cron *c)
{
    bool both = c->star[CRON_DOM] || c->star[CRON_DOW];
    rp_buf_fmt(b, " on ");
    days_of_month(b, c);
    of_the_month(b, c);
    rp_buf_fmt(b, both ? ", if it is " : " or on ");
    days_of_week(b, c);
    if (!both)
        months(b, c, " in ");
}

static void days(struct rp_buf *b, const struct rp_cron *c)
{
    /* Without a star either field lets its days through: a full one lets all through. */
    bool either = !c->star[CRON_DOM] && !c->star[CRON_DOW];
    if (either ? any_dom(c) || any_dow(c) : any_dom(c) && any_dow(c)) {
        every_day(b, c);
    } else if (any_dom(c)) {
        rp_buf_fmt(b, " on ");
        days_of_week(b, c);
        months(b, c, " in ");
        if (c->field[CRON_MONTH] >> 1 == ALL(12) && c->field[CRON_DOW] == 0)
            rp_buf_fmt(b, " of the month");
    } else if (any_dow(c)) {
        rp_buf_fmt(b, " on ");
        days_of_month(b, c);
        of_the_month(b, c);
    } else {
        both_days(b, c);
    }
}

static void describe(struct rp_buf *b, const struct rp_cron *c)
{
    char duration[RP_DURATION_LEN];
    if (c->reboot) {
        rp_buf_fmt(b, "once when the daemon starts");
    } else if (c->every_us > 0) {
        rp_buf_fmt(b, "every %s, counted from the last planned instant",
                   rp_duration_format(c->every_us, duration));
    } else {
        time_of_day(b, c);
        days(b, c);
    }
    if (c->zone[0] != '\0')
        rp_buf_fmt(b, ", %s time", c->zone);
}

struct rp_str rp_cron_words(struct rp_arena *a, const struct rp_cron *c)
{
    struct rp_buf b = {0};
    describe(&b, c);
    struct rp_str words = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return words;
}
