/* Counts of what ended, from the minute rollups: their cost does not depend on how many jobs there
 * were. Final outcomes and retried attempts are kept apart (U27). */
#include "store/registry.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

#include <stdlib.h>

/* ---- rates ---- */

bool rp_rate_since(struct rp_db *db, struct rp_str type, int64_t since_us, struct rp_rate *out,
                   struct rp_err *err)
{
    int64_t type_id = 0;
    if (type.p != NULL && !rp_type_need(db, type, &type_id, err))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "select sum(case when final = 1 then n else 0 end),"
                   " sum(case when final = 1 and outcome in (2, 3, 4) then n else 0 end),"
                   " sum(case when final = 1 and outcome = 3 then n else 0 end),"
                   " sum(case when final = 0 and outcome in (2, 3, 4) then n else 0 end)"
                   " from rollup where minute >= ?1 and outcome in (1, 2, 3, 4)"
                   " and (?2 is null or type_id = ?2)");
    rp_bind_i64(s, 1, since_us / RP_US_MIN);
    rp_bind_id(s, 2, type_id);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    *out = (struct rp_rate){.runs = rp_col_i64(s, 0),
                            .failed = rp_col_i64(s, 1),
                            .timeouts = rp_col_i64(s, 2),
                            .retried_failures = rp_col_i64(s, 3)};
    return true;
}

/* ---- impact ---- */

/* Unresolved failures of a type since ?1: whole hours from the tally, the first part of an hour (to
 * ?2) from the index of failed jobs. ?3: the hour that is partly in. */
#define SINCE(state)                                                                               \
    "(select coalesce(sum(n), 0) from tally where state = " state                                  \
    " and type_id = t.id and hour > ?3)"                                                           \
    " + (select count(*) from job where type_id = t.id and state in (6, 8) and state = " state     \
    "  and ended_at >= ?1 and ended_at < ?2)"

static const char select_impact[] =
    "select name, failed, unknown, critical, first from (select t.name as name,"
    " " SINCE("6") " as failed, " SINCE(
        "8") " as unknown, t.critical as critical,"
             " (select min(ended_at) from job where type_id = t.id and state in (6, 8)"
             "  and ended_at >= ?1) as first from job_type t)"
             " where failed + unknown > 0 order by critical desc, failed desc, name limit 10000";

bool rp_impact(struct rp_db *db, int64_t since_us, struct rp_arena *a, struct rp_impact **out,
               size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, select_impact);
    int64_t hour = since_us / RP_US_H;
    rp_bind_i64(s, 1, since_us);
    rp_bind_i64(s, 2, (hour + 1) * RP_US_H);
    rp_bind_i64(s, 3, hour);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_impact){
            .type = rp_col_str(s, 0, a),
            .failed = rp_col_i64(s, 1),
            .unknown = rp_col_i64(s, 2),
            .critical = rp_col_i64(s, 3) != 0,
            .since_us = rp_col_i64(s, 4),
        };
    }
    return step == RP_STEP_DONE;
}

/* ---- since when the alert holds ---- */

enum { LOOK_BACK_MIN = 7 * 24 * 60 };

struct minute {
    int64_t runs, failed;
};

/* Minutes going back from `newest`, read from the store as far as they are needed. */
struct past {
    struct rp_stmt *s;
    struct minute *m;
    int64_t newest, pending; /* pending: the minute of the row that s stands on, -1: no more */
    int64_t read;            /* m[0 … read) are known */
    struct rp_err *err;
};

static bool past_step(struct past *p)
{
    enum rp_step step = rp_step(p->s, p->err);
    p->pending = step == RP_STEP_ROW ? rp_col_i64(p->s, 0) : -1;
    return step != RP_STEP_ERROR;
}

static bool past_reach(struct past *p, int64_t back)
{
    for (; p->read <= back; p->read++)
        if (p->pending == p->newest - p->read) {
            p->m[p->read] = (struct minute){rp_col_i64(p->s, 1), rp_col_i64(p->s, 2)};
            if (!past_step(p))
                return false;
        }
    return true;
}

/* How many minutes back the unbroken stretch goes, -1: it does not hold in the newest one. */
static bool stretch(struct past *p, double above, int64_t window, int64_t min_runs, int64_t *back)
{
    struct minute sum = {0, 0};
    *back = -1;
    if (!past_reach(p, window - 1))
        return false;
    for (int64_t i = 0; i < window; i++)
        sum.runs += p->m[i].runs, sum.failed += p->m[i].failed;
    while (sum.runs >= min_runs && sum.runs > 0 && (double)sum.failed > above * (double)sum.runs &&
           ++*back < LOOK_BACK_MIN) {
        if (!past_reach(p, *back + window))
            return false;
        sum.runs += p->m[*back + window].runs - p->m[*back].runs;
        sum.failed += p->m[*back + window].failed - p->m[*back].failed;
    }
    return true;
}

bool rp_rate_alert_since(struct rp_db *db, double above, int64_t window_us, int64_t min_runs,
                         int64_t now_us, int64_t *since_us, struct rp_err *err)
{
    int64_t window = window_us / RP_US_MIN, back = -1;
    if (window < 1 || window > LOOK_BACK_MIN)
        return rp_fail(err, RP_E_BAD_FIELD, "a rate's window is a minute to 7 days long");
    struct past p = {.s = rp_sql(db, "select minute, sum(n),"
                                     " sum(case when outcome in (2, 3, 4) then n else 0 end)"
                                     " from rollup where minute <= ?1 and final = 1"
                                     " and outcome in (1, 2, 3, 4)"
                                     " group by minute order by minute desc"),
                     .m = rp_xcalloc((size_t)(LOOK_BACK_MIN + window + 1), sizeof *p.m),
                     .newest = now_us / RP_US_MIN,
                     .err = err};
    rp_bind_i64(p.s, 1, p.newest);
    bool ok = past_step(&p) && stretch(&p, above, window, min_runs, &back);
    *since_us = back >= 0 ? (p.newest - back) * RP_US_MIN : 0;
    free(p.m);
    rp_reset(p.s);
    return ok;
}
