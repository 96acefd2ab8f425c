/* How much a type handles when it is well: the median of its minutes, over its last day of health
 * (replay rule 13). From the minute rollups, newest first, and no further back than needed. */
#include "store/replays.h"

#include "base/time.h"
#include "store/internal.h"

#include <stdlib.h>

enum { HOURS_OF_A_DAY = 24, MINUTES_OF_AN_HOUR = 60, LOOK_BACK_HOURS = 7 * 24 };
/* Of healthy hours, and of the one under way. */
enum { MINUTES_MOST = (HOURS_OF_A_DAY + 1) * MINUTES_OF_AN_HOUR };

/* A type while its hours are gone through; the newest comes first. */
struct well {
    int64_t *runs; /* a minute each, of healthy hours */
    size_t n, hours;
    int64_t hour, ended, failed; /* the hour under way */
    size_t begun;                /* where its minutes begin in `runs` */
};

/* An hour in which too much failed is not one of health: its minutes go. */
static void end_hour(struct well *w, double unhealthy_above)
{
    bool healthy = w->ended > 0 && (double)w->failed <= unhealthy_above * (double)w->ended;
    if (healthy)
        w->hours++;
    else
        w->n = w->begun;
    w->begun = w->n;
    w->ended = w->failed = 0;
}

static void add_minute(struct well *w, int64_t minute, int64_t runs, int64_t ended, int64_t failed,
                       double unhealthy_above)
{
    int64_t hour = minute / MINUTES_OF_AN_HOUR;
    if (hour != w->hour)
        end_hour(w, unhealthy_above);
    if (w->hours == HOURS_OF_A_DAY)
        return;
    w->hour = hour;
    w->ended += ended;
    w->failed += failed;
    if (runs > 0)
        w->runs[w->n++] = runs;
}

static int by_size(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static void median_of(struct well *w, struct rp_handled *out)
{
    qsort(w->runs, w->n, sizeof *w->runs, by_size);
    out->minutes = (int64_t)w->n;
    if (w->n == 0)
        return;
    size_t below = (w->n - 1) / 2, above = w->n / 2;
    out->median = (double)(w->runs[below] + w->runs[above]) / 2;
}

static bool all_known(const struct well *w, size_t n)
{
    size_t i = 0;
    while (i < n && w[i].hours == HOURS_OF_A_DAY)
        i++;
    return i == n;
}

static bool read_minutes(struct rp_db *db, int64_t now_us, double unhealthy_above,
                         const struct rp_handled *v, struct well *w, size_t n, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select minute, type_id, sum(n), sum(case when final = 1 then n else 0 end),"
                   " sum(case when final = 1 and outcome <> 1 then n else 0 end) from rollup"
                   " where minute >= ?1 and minute < ?2 and outcome in (1, 2, 3, 4)"
                   " group by minute, type_id order by minute desc");
    rp_bind_i64(s, 1, now_us / RP_US_MIN - (int64_t)LOOK_BACK_HOURS * MINUTES_OF_AN_HOUR);
    rp_bind_i64(s, 2, now_us / RP_US_MIN); /* the minute under way is not whole */
    enum rp_step step = RP_STEP_DONE;
    while (!all_known(w, n) && (step = rp_step(s, err)) == RP_STEP_ROW)
        for (size_t i = 0; i < n; i++)
            if (v[i].type_id == rp_col_i64(s, 1) && w[i].hours < HOURS_OF_A_DAY)
                add_minute(&w[i], rp_col_i64(s, 0), rp_col_i64(s, 2), rp_col_i64(s, 3),
                           rp_col_i64(s, 4), unhealthy_above);
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

bool rp_types_handled(struct rp_db *db, int64_t now_us, double unhealthy_above,
                      struct rp_handled *v, size_t n, struct rp_arena *a, struct rp_err *err)
{
    struct well *w = RP_NEW_N(a, struct well, n + 1);
    for (size_t i = 0; i < n; i++)
        w[i].runs = RP_NEW_N(a, int64_t, MINUTES_MOST);
    if (!read_minutes(db, now_us, unhealthy_above, v, w, n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        end_hour(&w[i], unhealthy_above);
        median_of(&w[i], &v[i]);
    }
    return true;
}
