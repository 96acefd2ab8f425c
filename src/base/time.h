/* Time: microseconds since 1970 in UTC as int64_t, durations in microseconds. The only place that
 * reads a clock.
 *
 * A caller that needs the time is handed a struct rp_clock, so that tests can hand in their own. */
#ifndef RP_BASE_TIME_H
#define RP_BASE_TIME_H

#include "base/err.h"
#include "base/str.h"

#include <pthread.h>

#define RP_US_S   INT64_C(1000000)
#define RP_US_MIN (60 * RP_US_S)
#define RP_US_H   (60 * RP_US_MIN)
#define RP_US_DAY (24 * RP_US_H)

struct rp_clock {
    int64_t (*wall_us)(void *ctx); /* UTC, may jump */
    int64_t (*mono_us)(void *ctx); /* CLOCK_BOOTTIME: never jumps, goes on during suspend */
    void *ctx;
};

extern const struct rp_clock rp_clock_system;

static inline int64_t rp_wall(const struct rp_clock *c)
{
    return c->wall_us(c->ctx);
}
static inline int64_t rp_mono(const struct rp_clock *c)
{
    return c->mono_us(c->ctx);
}

int64_t rp_thread_cpu(void); /* microseconds of processor time of the calling thread */

/* The instant `us` from now (below 0: now) as pthread_cond_timedwait wants it. Every condition
 * variable that waits so is made by rp_cond_init: it goes by CLOCK_MONOTONIC. */
struct timespec;
struct timespec rp_deadline(int64_t us);
void rp_cond_init(pthread_cond_t *c);

/* RFC 3339 with any fraction and offset; false if it is not one (leap second 60 is read as the next
 * second's start). */
bool rp_time_parse(struct rp_str s, int64_t *us);
/* 2026-11-24T01:43:44.000000Z; buf of RP_TIME_LEN bytes; returns buf. */
enum { RP_TIME_LEN = 32 };
char *rp_time_format(int64_t us, char buf[RP_TIME_LEN]);

/* `90s 5m 2h 1d 250ms`, sums like `1h30m`; no sign, no bare number but 0. False if it is not one or
 * over 100 years. */
bool rp_duration_parse(struct rp_str s, int64_t *us);
/* Shortest exact form that rp_duration_parse reads again: 5m, 1h30m, 250ms; 0s if us is below 0. */
enum { RP_DURATION_LEN = 48 };
char *rp_duration_format(int64_t us, char buf[RP_DURATION_LEN]);

/* A time as users give it: RFC 3339, `now`, `-24h`, `24h` (both: that long ago; the CLI's --since),
 * relative to now_us. */
bool rp_time_parse_user(struct rp_str s, int64_t now_us, int64_t *us, struct rp_err *err);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back (Howard Hinnant, chrono-compatible
 * date algorithms). */
int64_t rp_days_from_civil(int64_t year, int month, int day);
void rp_civil_from_days(int64_t days, int64_t *year, int *month, int *day);

#endif
