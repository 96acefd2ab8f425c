/* POSIX TZ strings, the footers of TZif files: `CET-1CEST,M3.5.0,M10.5.0/3`. */
#include "base/time.h"
#include "core/internal.h"

struct scan {
    const char *p, *end;
};

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool number(struct scan *s, int most, int *out)
{
    const char *from = s->p;
    *out = 0;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9' && s->p - from < 3)
        *out = *out * 10 + (*s->p++ - '0');
    return s->p > from && *out <= most;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_quoted_part(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* `CET`, or in angle brackets with digits and signs too: `<+0330>`. */
static bool abbreviation(struct scan *s, char out[RP_ZONE_ABBREVIATION])
{
    bool quoted = take(s, '<');
    size_t n = 0;
    while (s->p < s->end && (quoted ? is_quoted_part(*s->p) : is_letter(*s->p))) {
        if (n == RP_ZONE_ABBREVIATION - 1)
            return false;
        out[n++] = *s->p++;
    }
    out[n] = '\0';
    return n >= 3 && (!quoted || take(s, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool clock_time(struct scan *s, int most_hours, int64_t *out)
{
    int h, m = 0, sec = 0;
    bool minus = take(s, '-');
    if (!minus)
        (void)take(s, '+');
    if (!number(s, most_hours, &h))
        return false;
    if (take(s, ':') && (!number(s, 59, &m) || (take(s, ':') && !number(s, 59, &sec))))
        return false;
    *out = (h * INT64_C(3600) + m * INT64_C(60) + sec) * (minus ? -1 : 1);
    return true;
}

static bool date(struct scan *s, struct rp_posix_date *d)
{
    *d = (struct rp_posix_date){.kind = 'N', .time_s = INT64_C(2) * 3600};
    if (take(s, 'J'))
        d->kind = 'J';
    else if (take(s, 'M'))
        d->kind = 'M';
    if (d->kind == 'M') {
        if (!number(s, 12, &d->month) || d->month < 1 || !take(s, '.') || !number(s, 5, &d->week) ||
            d->week < 1 || !take(s, '.') || !number(s, 6, &d->day))
            return false;
    } else if (!number(s, 365, &d->day) || (d->kind == 'J' && d->day == 0)) {
        return false;
    }
    return !take(s, '/') || clock_time(s, 167, &d->time_s);
}

/* The sign of a TZ string counts west of Greenwich. */
static bool zone_type(struct scan *s, struct rp_zone_type *t)
{
    if (!abbreviation(s, t->abbreviation) || !clock_time(s, 24, &t->offset))
        return false;
    t->offset = -t->offset;
    return true;
}

static bool daylight_type(struct scan *s, const struct rp_zone_type *standard,
                          struct rp_zone_type *t)
{
    if (!abbreviation(s, t->abbreviation))
        return false;
    t->offset = -standard->offset - 3600;
    if (s->p < s->end && *s->p != ',' && !clock_time(s, 24, &t->offset))
        return false;
    t->offset = -t->offset;
    return true;
}

bool rp_posix_tz_parse(struct rp_str text, struct rp_posix_tz *out)
{
    struct scan s = {text.p, text.p + text.n};
    *out = (struct rp_posix_tz){0};
    if (!zone_type(&s, &out->standard))
        return false;
    if (s.p == s.end)
        return true;
    out->has_daylight = true;
    return daylight_type(&s, &out->standard, &out->daylight) && take(&s, ',') &&
           date(&s, &out->start) && take(&s, ',') && date(&s, &out->end) && s.p == s.end;
}

static bool is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Week 5 is the last one, be it the fourth or the fifth. */
static int64_t nth_weekday(const struct rp_posix_date *d, int64_t year)
{
    int64_t first = rp_days_from_civil(year, d->month, 1);
    int64_t next = d->month == 12 ? rp_days_from_civil(year + 1, 1, 1)
                                  : rp_days_from_civil(year, d->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (d->day - weekday + 7) % 7 + (int64_t)(d->week - 1) * 7;
    return day < next ? day : day - 7;
}

int64_t rp_posix_date_wall(const struct rp_posix_date *d, int64_t year)
{
    int64_t day;
    if (d->kind == 'M')
        day = nth_weekday(d, year);
    else if (d->kind == 'J')
        day = rp_days_from_civil(year, 1, 1) + d->day - 1 + (d->day >= 60 && is_leap(year));
    else
        day = rp_days_from_civil(year, 1, 1) + d->day;
    return day * 86400 + d->time_s;
}
