/* Times in logs: small readers that each take their form off the front, or nothing. */
#include "analyze/stamp.h"

#include "analyze/internal.h"
#include "base/time.h"

/* What was read: wall clock, and the offset if one was written. */
struct moment {
    int64_t year; /* INT64_MIN: not written */
    int month, day;
    int64_t clock_us, offset_us;
    bool zoned;
};

static bool number(struct rp_str *s, size_t least, size_t most, int *out)
{
    size_t n = 0;
    *out = 0;
    while (n < most && n < s->n && is_digit(s->p[n]))
        *out = *out * 10 + (s->p[n++] - '0');
    if (n < least)
        return false;
    *s = str_from(*s, n);
    return true;
}

static bool byte(struct rp_str *s, const char *any)
{
    if (s->n == 0 || !one_of(s->p[0], any))
        return false;
    *s = str_from(*s, 1);
    return true;
}

static void skip_blanks(struct rp_str *s)
{
    while (byte(s, " \t"))
        ;
}

static int64_t fraction(struct rp_str *s)
{
    struct rp_str rest = *s;
    int64_t us = 0, unit = RP_US_S / 10;
    if (!byte(&rest, ".,") || rest.n == 0 || !is_digit(rest.p[0]))
        return 0;
    for (; rest.n > 0 && is_digit(rest.p[0]); rest = str_from(rest, 1), unit /= 10)
        us += unit * (rest.p[0] - '0');
    *s = rest;
    return us;
}

/* " PM", "am", "p.m." behind a clock of 12 hours: the hour of the day; false: none of these. */
static bool twelve_hours(struct rp_str *s, int *hour)
{
    struct rp_str r = *s;
    (void)byte(&r, " ");
    if (rp_str_starts(r, "\xE2\x80\xAF")) /* the blank of node's toLocaleString */
        r = str_from(r, 3);
    bool pm = r.n > 0 && to_lower(r.p[0]) == 'p';
    if (*hour < 1 || *hour > 12 || !byte(&r, "aApP"))
        return false;
    bool dotted = byte(&r, ".");
    if (!byte(&r, "mM") || (dotted && !byte(&r, ".")) || (r.n > 0 && is_alnum(r.p[0])))
        return false;
    *hour = *hour % 12 + (pm ? 12 : 0);
    *s = r;
    return true;
}

static bool wall_clock(struct rp_str *s, int64_t *us)
{
    int h, m, sec = 0;
    struct rp_str r = *s;
    if (!number(&r, 1, 2, &h) || !byte(&r, ":") || !number(&r, 2, 2, &m) || h > 23 || m > 59)
        return false;
    if (byte(&r, ":") && (!number(&r, 2, 2, &sec) || sec > 60))
        return false;
    int64_t part = fraction(&r);
    (void)twelve_hours(&r, &h);
    *us = (h * INT64_C(3600) + m * INT64_C(60) + sec) * RP_US_S + part;
    *s = r;
    return true;
}

static void zone(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int h, min = 0;
    skip_blanks(&r);
    bool minus = r.n > 0 && r.p[0] == '-';
    if (rp_str_starts(r, "UTC") || rp_str_starts(r, "GMT")) {
        r = str_from(r, 3);
    } else if (r.n > 0 && (r.p[0] == 'Z' || r.p[0] == 'z') && (r.n == 1 || !is_alnum(r.p[1]))) {
        r = str_from(r, 1);
    } else if (byte(&r, "+-") && number(&r, 2, 2, &h)) {
        (void)byte(&r, ":");
        if (!number(&r, 2, 2, &min) || (r.n > 0 && is_digit(r.p[0])))
            return;
        m->offset_us = (h * 60 + min) * RP_US_MIN * (minus ? -1 : 1);
    } else {
        return;
    }
    m->zoned = true;
    *s = r;
}

static bool iso(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int year;
    if (!number(&r, 4, 4, &year) || !byte(&r, "-/.") || !number(&r, 2, 2, &m->month) ||
        !byte(&r, "-/.") || !number(&r, 2, 2, &m->day))
        return false;
    (void)byte(&r, ","); /* Airflow: "2026-06-08, 09:22:07 UTC" */
    if (!byte(&r, "Tt _"))
        return false;
    skip_blanks(&r);
    if (!wall_clock(&r, &m->clock_us))
        return false;
    m->year = year;
    zone(&r, m);
    *s = r;
    return true;
}

static bool month_name(struct rp_str *s, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (s->n < 3)
        return false;
    for (int i = 0; i < 12; i++)
        if (memcmp(s->p, names + (size_t)i * 3, 3) == 0) {
            *month = i + 1;
            *s = str_from(*s, 3);
            return true;
        }
    return false;
}

static bool day_name(struct rp_str *s)
{
    bool hit =
        s->n > 4 && is_upper(s->p[0]) && is_lower(s->p[1]) && is_lower(s->p[2]) && s->p[3] == ' ';
    if (hit)
        *s = str_from(*s, 4);
    return hit;
}

/* "Nov 23 22:28:42", with or without the week day before and zone and year behind. */
static bool named(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int year;
    if (!month_name(&r, &m->month) && (!day_name(&r) || !month_name(&r, &m->month)))
        return false;
    skip_blanks(&r);
    if (!number(&r, 1, 2, &m->day))
        return false;
    skip_blanks(&r);
    m->year = INT64_MIN;
    struct rp_str with_year = r;
    if (number(&with_year, 4, 4, &year) && byte(&with_year, " ")) {
        m->year = year;
        r = with_year;
    }
    if (!wall_clock(&r, &m->clock_us))
        return false;
    *s = r;
    zone(&r, m);
    skip_blanks(&r);
    if (m->year == INT64_MIN && number(&r, 4, 4, &year) && (r.n == 0 || !is_alnum(r.p[0]))) {
        m->year = year;
        *s = r;
    } else if (m->zoned) {
        zone(s, m);
    }
    return true;
}

static bool apache(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int year;
    if (!number(&r, 2, 2, &m->day) || !byte(&r, "/") || !month_name(&r, &m->month) ||
        !byte(&r, "/") || !number(&r, 4, 4, &year) || !byte(&r, ": ") ||
        !wall_clock(&r, &m->clock_us))
        return false;
    m->year = year;
    zone(&r, m);
    *s = r;
    return true;
}

/* "11/23/2026 10:28:42 PM", "23/11/2026 22:28:42", "23.11.2026, 22:28:42": the year last. Behind
 * slashes the day is first only where a number above 12 has shown it. */
static bool year_last(struct rp_stamp *st, struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int first, second, year;
    if (!number(&r, 1, 2, &first) || r.n == 0 || !one_of(r.p[0], "/.-"))
        return false;
    char mark = r.p[0];
    r = str_from(r, 1);
    if (!number(&r, 1, 2, &second) || r.n == 0 || r.p[0] != mark || !byte(&r, "/.-") ||
        !number(&r, 4, 4, &year))
        return false;
    (void)byte(&r, ",");
    if (!byte(&r, " T"))
        return false;
    skip_blanks(&r);
    if (!wall_clock(&r, &m->clock_us))
        return false;
    st->day_first = st->day_first || first > 12;
    bool day_first = mark != '/' || (st->day_first && second <= 12);
    m->day = day_first ? first : second;
    m->month = day_first ? second : first;
    m->year = year;
    zone(&r, m);
    *s = r;
    return true;
}

/* "Mon, 23 Nov 2026 22:28:42 +0000" of RFC 5322, "23-Nov-2026 22:28:42": the month by its name. */
static bool day_month(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int year;
    if (r.n > 5 && is_upper(r.p[0]) && is_lower(r.p[1]) && is_lower(r.p[2]) && r.p[3] == ',')
        r = str_from(r, r.p[4] == ' ' ? 5 : 4);
    if (!number(&r, 1, 2, &m->day) || !byte(&r, " -") || !month_name(&r, &m->month) ||
        !byte(&r, " -") || !number(&r, 4, 4, &year) || !byte(&r, " ") ||
        !wall_clock(&r, &m->clock_us))
        return false;
    m->year = year;
    zone(&r, m);
    *s = r;
    return true;
}

/* "20261123T222842Z", "20261123 22:28:42": ISO 8601's basic form. */
static bool basic(struct rp_str *s, struct moment *m)
{
    struct rp_str r = *s;
    int year, h, min, sec;
    if (!number(&r, 4, 4, &year) || !number(&r, 2, 2, &m->month) || !number(&r, 2, 2, &m->day) ||
        !byte(&r, "T -"))
        return false;
    if (r.n > 2 && is_digit(r.p[2])) {
        if (!number(&r, 2, 2, &h) || !number(&r, 2, 2, &min) || !number(&r, 2, 2, &sec) || h > 23 ||
            min > 59 || sec > 60)
            return false;
        m->clock_us = (h * INT64_C(3600) + min * INT64_C(60) + sec) * RP_US_S + fraction(&r);
    } else if (!wall_clock(&r, &m->clock_us)) {
        return false;
    }
    m->year = year;
    zone(&r, m);
    *s = r;
    return true;
}

/* The year of a time that has none. */
static int64_t guess_year(struct rp_stamp *st, const struct moment *m)
{
    if (st->year == 0) {
        int64_t y, at;
        int month, day;
        rp_civil_from_days(st->now_us / RP_US_DAY, &y, &month, &day);
        at = rp_days_from_civil(y, m->month, m->day) * RP_US_DAY + m->clock_us;
        st->year = (int)(at > st->now_us + RP_US_DAY ? y - 1 : y);
    } else if (st->last_month == 12 && m->month == 1) {
        st->year++;
    } else if (st->last_month == 1 && m->month == 12) {
        st->year--; /* lines around midnight need not be in order */
    }
    st->last_month = m->month;
    return st->year;
}

static bool to_instant(struct rp_stamp *st, const struct moment *m, int64_t *us)
{
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > 31)
        return false;
    int64_t year = m->year == INT64_MIN ? guess_year(st, m) : m->year;
    *us = rp_days_from_civil(year, m->month, m->day) * RP_US_DAY + m->clock_us;
    if (m->zoned)
        *us -= m->offset_us;
    else if (st->to_utc != NULL)
        *us = st->to_utc(st->ctx, *us);
    return true;
}

/* 10 digits are seconds, 13 milliseconds; the years 2001 to 2286. */
static bool epoch(struct rp_str *s, int64_t *us)
{
    size_t n = 0;
    while (n < s->n && is_digit(s->p[n]))
        n++;
    int64_t v;
    if ((n != 10 && n != 13) || s->p[0] == '0' || !rp_str_i64(str_head(*s, n), &v))
        return false;
    *s = str_from(*s, n);
    *us = n == 10 ? v * RP_US_S + fraction(s) : v * 1000;
    return s->n == 0 || !is_alnum(s->p[0]);
}

static size_t upper_len(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && is_upper(s.p[n]))
        n++;
    return n;
}

bool rp_stamp_take(struct rp_stamp *st, struct rp_str *s, int64_t *us, bool *syslog)
{
    struct rp_str r = *s;
    struct moment m = {0};
    *syslog = false;
    bool open = byte(&r, "[(<");
    if (r.n < 10)
        return false;
    struct rp_str day = r; /* journalctl's short-full: "Mon 2026-11-23 22:37:14 UTC" */
    if (day_name(&day) && is_digit(day.p[0]) && iso(&day, &m)) {
        r = day;
        skip_blanks(&day);
        size_t letters = upper_len(day);
        if (!m.zoned && letters > 1 && letters < 6) /* "JST": what that is, --tz says */
            r = str_from(day, letters);
        if (!to_instant(st, &m, us))
            return false;
    } else if (is_digit(r.p[0]) ? !iso(&r, &m) && !apache(&r, &m) && !year_last(st, &r, &m) &&
                                      !day_month(&r, &m) && !basic(&r, &m)
                                : !named(&r, &m) && !day_month(&r, &m)) {
        if (!is_digit(r.p[0]) || !epoch(&r, us))
            return false;
    } else if (!to_instant(st, &m, us)) {
        return false;
    }
    *syslog = m.year == INT64_MIN;
    if (open && !byte(&r, "])>"))
        return false;
    if (r.n > 0 && is_alnum(r.p[0]))
        return false;
    *s = r;
    return true;
}

bool rp_stamp_take_clock(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    struct rp_str r = *s;
    int64_t clock;
    if (!wall_clock(&r, &clock) || (r.n > 0 && is_alnum(r.p[0])))
        return false;
    if (st->day_us == 0)
        st->day_us = st->now_us / RP_US_DAY * RP_US_DAY;
    else if (st->clock_us - clock > RP_US_DAY / 2)
        st->day_us += RP_US_DAY; /* midnight went by */
    else if (clock - st->clock_us > RP_US_DAY / 2)
        st->day_us -= RP_US_DAY; /* lines around midnight need not be in order */
    st->clock_us = clock;
    *us = st->day_us + clock;
    if (st->to_utc != NULL)
        *us = st->to_utc(st->ctx, *us);
    *s = r;
    return true;
}
