/* Next instants by fields. A month's days are one 32-bit mask, a time of day three searches for a
 * bit; a zone is walked span by span of constant offset, which is where rules 8 and 9 are decided.
 */
#include "base/time.h"
#include "core/internal.h"

enum { DAY_S = 86400, REPAIRED_GAP_S = 3 * 3600, YEAR_WALL_END = RP_CRON_YEAR_END + 1 };

/* 2201-01-01T00:00:00Z. */
#define END_S INT64_C(7289654400)

/* Lowest set bit from `from` on, or -1. */
static int bit_from(uint64_t mask, int from)
{
    if (from > 63 || mask >> from == 0)
        return -1;
    return from + __builtin_ctzll(mask >> from);
}

static int month_length(int64_t year, int month)
{
    static const signed char days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month] + (month == 2 && leap);
}

/* Weekday of a day of the month, whose first is weekday `first`. */
static int weekday(int first, int day)
{
    return (first + day - 1) % 7;
}

/* The weekday (Monday to Friday) nearest to a day, within the month. */
static int nearest_weekday(int first, int length, int day)
{
    int w = weekday(first, day);
    if (w == 6)
        return day > 1 ? day - 1 : day + 2;
    if (w == 0)
        return day < length ? day + 1 : day - 2;
    return day;
}

static uint32_t days_of_month(const struct rp_cron *c, int first, int length)
{
    uint32_t days = (uint32_t)c->field[CRON_DOM];
    if (c->last_day)
        days |= UINT32_C(1) << length;
    if (c->last_weekday)
        days |= UINT32_C(1) << nearest_weekday(first, length, length);
    for (int d = bit_from(c->nearest, 1); d > 0 && d <= length; d = bit_from(c->nearest, d + 1))
        days |= UINT32_C(1) << nearest_weekday(first, length, d);
    return days;
}

static uint32_t days_of_week(const struct rp_cron *c, int first, int length)
{
    uint64_t week = c->field[CRON_DOW] & 127;
    /* Turned so that bit 0 is the weekday of day 1, then repeated every 7 bits. */
    week = (week >> first | week << (7 - first)) & 127;
    uint64_t days = (week * UINT64_C(0x10204081)) << 1;
    for (int d = bit_from(c->last_dow, 0); d >= 0; d = bit_from(c->last_dow, d + 1))
        days |= UINT64_C(1) << (length - (weekday(first, length) - d + 7) % 7);
    for (int i = bit_from(c->nth_dow, 0); i >= 0; i = bit_from(c->nth_dow, i + 1))
        days |= UINT64_C(1) << (1 + (i / 5 - first + 7) % 7 + i % 5 * 7);
    return (uint32_t)days;
}

uint32_t rp_cron_month_days(const struct rp_cron *c, int64_t year, int month)
{
    int length = month_length(year, month);
    int64_t since_sunday = (rp_days_from_civil(year, month, 1) + 4) % 7;
    int first = (int)(since_sunday < 0 ? since_sunday + 7 : since_sunday);
    uint32_t valid = (uint32_t)((UINT64_C(2) << length) - 2);
    uint32_t dom = days_of_month(c, first, length), dow = days_of_week(c, first, length);
    bool both = c->star[CRON_DOM] || c->star[CRON_DOW];
    return valid & (both ? dom & dow : dom | dow);
}

/* Moves *day to the first matching day from it on. */
static bool day_from(const struct rp_cron *c, int64_t *day)
{
    int64_t year;
    int month, d;
    rp_civil_from_days(*day, &year, &month, &d);
    uint32_t rest = UINT32_MAX << d;
    while (year < YEAR_WALL_END && month > 0) {
        if ((c->field[CRON_MONTH] >> month & 1) != 0) {
            uint32_t hits = rp_cron_month_days(c, year, month) & rest;
            if (hits != 0) {
                *day = rp_days_from_civil(year, month, __builtin_ctz(hits));
                return true;
            }
        }
        rest = UINT32_MAX;
        month = bit_from(c->field[CRON_MONTH], month + 1);
        if (month < 0) {
            month = bit_from(c->field[CRON_MONTH], 1);
            year++;
        }
    }
    return false;
}

/* The first matching second of a day from `s` on, or -1. */
static int64_t clock_from(const struct rp_cron *c, int s)
{
    const uint64_t *f = c->field;
    int h = s / 3600, m = s / 60 % 60, sec;
    if ((f[CRON_HOUR] >> h & 1) != 0) {
        if ((f[CRON_MINUTE] >> m & 1) != 0 && (sec = bit_from(f[CRON_SECOND], s % 60)) >= 0)
            return h * 3600 + m * 60 + sec;
        m = bit_from(f[CRON_MINUTE], m + 1);
        if (m >= 0)
            return h * 3600 + m * 60 + bit_from(f[CRON_SECOND], 0);
    }
    h = bit_from(f[CRON_HOUR], h + 1);
    if (h < 0)
        return -1;
    return h * 3600 + bit_from(f[CRON_MINUTE], 0) * 60 + bit_from(f[CRON_SECOND], 0);
}

int64_t rp_cron_wall_next(const struct rp_cron *c, int64_t wall_s)
{
    int64_t today = rp_floor_div(wall_s, DAY_S), day = today, clock;
    if (!day_from(c, &day))
        return INT64_MAX;
    clock = clock_from(c, day == today ? (int)(wall_s - today * DAY_S) : 0);
    if (clock < 0) {
        day++;
        if (!day_from(c, &day))
            return INT64_MAX;
        clock = clock_from(c, 0);
    }
    return day * DAY_S + clock;
}

/* Where the search in a span begins: a fixed schedule has fired for the wall times that a fold
 * repeats. */
static int64_t wall_begin(const struct rp_cron *c, const struct rp_zone_span *span, int64_t from_s)
{
    int64_t wall = from_s + span->offset;
    if (c->elapsed || span->before <= span->offset || wall >= span->from_s + span->before)
        return wall;
    return span->from_s + span->before;
}

/* Rule 8: a fixed wall time in the gap between two spans runs at its end. */
static bool repairs(const struct rp_cron *c, const struct rp_zone_span *span, int64_t wall)
{
    int64_t gap = span->offset - span->before;
    return !c->elapsed && gap > 0 && gap <= REPAIRED_GAP_S && wall < span->from_s + span->offset;
}

static int64_t next_s(const struct rp_cron *c, const struct rp_zone *z, int64_t from_s)
{
    struct rp_zone_span span = rp_zone_span_at(z, from_s);
    int64_t wall = rp_cron_wall_next(c, wall_begin(c, &span, from_s));
    while (wall != INT64_MAX && wall - span.offset >= span.to_s) {
        span = rp_zone_span_at(z, span.to_s);
        if (repairs(c, &span, wall))
            return span.from_s;
        int64_t begin = wall_begin(c, &span, span.from_s);
        if (c->elapsed || wall < begin)
            wall = rp_cron_wall_next(c, begin);
    }
    return wall == INT64_MAX ? INT64_MAX : wall - span.offset;
}

static int64_t next_every(int64_t every_us, int64_t after_us, int64_t anchor_us)
{
    __int128 since = (__int128)after_us - anchor_us,
             k = since / every_us - (since % every_us < 0) + 1;
    __int128 next = anchor_us + k * every_us;
    return next < END_S * RP_US_S ? (int64_t)next : INT64_MAX;
}

int64_t rp_cron_next(const struct rp_cron *c, const struct rp_zone *z, int64_t after_us,
                     int64_t anchor_us)
{
    if (c->reboot || after_us >= END_S * RP_US_S)
        return INT64_MAX;
    if (c->every_us > 0)
        return next_every(c->every_us, after_us, anchor_us);
    int64_t s = next_s(c, z, rp_floor_div(after_us, RP_US_S) + 1);
    return s < END_S ? s * RP_US_S : INT64_MAX;
}

/* ---- gaps and folds ahead ---- */

static bool all_hours(const struct rp_cron *c)
{
    return c->field[CRON_HOUR] == (UINT64_C(1) << 24) - 1;
}

/* The instant after from_s at which the change of offset at `at` touches the schedule; INT64_MAX if
 * it does not. */
static int64_t touched(const struct rp_cron *c, int64_t from_s, int64_t at, int64_t before,
                       int64_t after)
{
    if (before < after)
        return rp_cron_wall_next(c, at + before) < at + after ? at : INT64_MAX;
    int64_t low = at + after, asked = from_s + 1 + before;
    int64_t wall = rp_cron_wall_next(c, low > asked ? low : asked);
    return wall < at + before ? wall - before : INT64_MAX;
}

enum rp_cron_shift rp_cron_shift_within(const struct rp_cron *c, const struct rp_zone *z,
                                        int64_t from_us, int64_t to_us, int64_t *at_us)
{
    int64_t from_s = rp_floor_div(from_us, RP_US_S), to_s = rp_floor_div(to_us, RP_US_S), before,
            after;
    if (c->reboot || c->every_us > 0 || (c->elapsed && all_hours(c)))
        return RP_SHIFT_NONE;
    int64_t at = rp_zone_transition(z, from_s + 1, &before, &after);
    while (at != INT64_MAX && at - (before > after ? before - after : 0) <= to_s) {
        int64_t hit = touched(c, from_s, at, before, after);
        if (hit <= to_s) {
            *at_us = hit * RP_US_S;
            return before < after ? RP_SHIFT_GAP : RP_SHIFT_FOLD;
        }
        at = rp_zone_transition(z, at + 1, &before, &after);
    }
    return RP_SHIFT_NONE;
}
