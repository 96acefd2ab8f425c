#include "store/registry.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

/* ---- reading ---- */

#define COUNT(state) "(select sum(n) from tally where state = " state " and type_id = t.id)"

/* ?1: the first minute of the last 24 hours, ?2: a name, or null for all. */
static const char select_types[] =
    "with day as materialized (select type_id, sum(n) as runs,"
    "  sum(case when outcome in (2, 3, 4) then n else 0 end) as failed"
    "  from rollup where minute > ?1 and final = 1 and outcome in (1, 2, 3, 4) group by type_id),"
    /* cross: from the few leases to their jobs, whatever the planner thinks */
    " live as materialized (select j.type_id, count(*) as n from lease l"
    "  cross join job j where j.id = l.job_id group by j.type_id)"
    " select t.id, t.name, t.configured, t.external, t.critical,"
    " " RP_TYPE_HELD ", " COUNT("2") ", live.n, " COUNT("4") ", " COUNT("6") ", " COUNT(
        "8") ","
             " day.runs, day.failed from job_type t"
             " left join day on day.type_id = t.id left join live on live.type_id = t.id"
             " where ?2 is null or t.name = ?2 order by t.name limit 10000";

static void read_type(struct rp_stmt *s, struct rp_arena *a, struct rp_type_row *t)
{
    *t = (struct rp_type_row){
        .id = rp_col_i64(s, 0),
        .name = rp_col_str(s, 1, a),
        .configured = rp_col_i64(s, 2) != 0,
        .external = rp_col_i64(s, 3) != 0,
        .critical = rp_col_i64(s, 4) != 0,
        .held = rp_col_str(s, 5, a),
        .waiting = rp_col_i64(s, 6),
        .running = rp_col_i64(s, 7),
        .retrying = rp_col_i64(s, 8),
        .failed = rp_col_i64(s, 9),
        .unknown = rp_col_i64(s, 10),
        .runs_24h = rp_col_i64(s, 11),
        .failed_24h = rp_col_i64(s, 12),
    };
}

static struct rp_stmt *select_of(struct rp_db *db, struct rp_str name, int64_t now_us)
{
    struct rp_stmt *s = rp_sql(db, select_types);
    rp_bind_i64(s, 1, now_us / RP_US_MIN - RP_US_DAY / RP_US_MIN);
    rp_bind_text(s, 2, name);
    return s;
}

bool rp_types_list(struct rp_db *db, int64_t now_us, struct rp_arena *a, struct rp_type_row **out,
                   size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = select_of(db, RP_NONE, now_us);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_type(s, a, &(*out)[*n]);
    }
    return step == RP_STEP_DONE;
}

bool rp_type_get(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_arena *a,
                 struct rp_type_row *out, struct rp_err *err)
{
    struct rp_stmt *s = select_of(db, name.p != NULL ? name : RP_STR(""), now_us);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW)
        read_type(s, a, out);
    return step == RP_STEP_ROW ||
           (step == RP_STEP_DONE && rp_absent(err, "job type", name, "reprise types"));
}

/* ---- hold ---- */

bool rp_type_hold(struct rp_db *db, struct rp_str name, struct rp_str why, int64_t now_us,
                  struct rp_err *err)
{
    (void)now_us;
    struct rp_stmt *s = rp_sql(db, "select held from job_type where name = ?1");
    rp_bind_text(s, 1, name);
    struct rp_arena a = {0};
    enum rp_step step = rp_step(s, err);
    struct rp_str before = step == RP_STEP_ROW ? rp_col_str(s, 0, &a) : RP_NONE;
    bool same = (before.p == NULL) == (why.p == NULL) && rp_str_eq(before, why),
         paused = rp_str_is(before, RP_HELD_PAUSED);
    rp_arena_free(&a);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent(err, "job type", name, "reprise types");
    if (same || paused)
        return true;
    s = rp_sql(db, "update job_type set held = ?2 where name = ?1");
    rp_bind_text(s, 1, name);
    rp_bind_text(s, 2, why);
    rp_lanes_ruled(db);
    rp_db_changed(db, why.p != NULL ? RP_CHANGED_JOBS : RP_CHANGED_JOBS | RP_CHANGED_CLAIMS);
    return rp_run(s, err);
}
