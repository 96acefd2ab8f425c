/* What came of a replay: rates of its types before and after, and which replays a job was in (rule
 * 20, 22; U6). Its patterns: replay_sums.c. */
#include "base/time.h"
#include "store/replays_internal.h"
#include "store/rows.h"

/* ---- rates ---- */

enum { HOUR_MIN = 60, DAY_MIN = 24 * 60 };

/* All attempts of a type that ended in the minutes [from, until). */
#define RUNS(from, until)                                                                          \
    "(select coalesce(sum(n), 0) from rollup where minute >= " from " and minute < " until         \
    " and type_id = y.type_id and outcome in (1, 2, 3, 4))"
#define FAILED(from, until)                                                                        \
    "(select coalesce(sum(n), 0) from rollup where minute >= " from " and minute < " until         \
    " and type_id = y.type_id and outcome in (2, 3, 4))"

static bool rates_insert(struct rp_db *db, int64_t id, int64_t minute, int64_t span,
                         struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "insert into replay_rate(replay_id, type_id, minute, runs_before, failed_before,"
        " runs_minute, failed_minute) select distinct ?1, y.type_id, ?2, " RUNS(
            "?2 - ?3",
            "?2 + 1") ", " FAILED("?2 - ?3",
                                  "?2 + 1") ", " RUNS("?2",
                                                      "?2 + 1") ", " FAILED("?2",
                                                                            "?2 + 1") " from "
                                                                                      "replay_"
                                                                                      "tally y "
                                                                                      "where "
                                                                                      "y.replay_id "
                                                                                      "= ?1 on "
                                                                                      "conflict do "
                                                                                      "update set"
                                                                                      " runs_"
                                                                                      "before = "
                                                                                      "excluded."
                                                                                      "runs_before,"
                                                                                      " failed_"
                                                                                      "before = "
                                                                                      "excluded."
                                                                                      "failed_"
                                                                                      "before"
                                                                                      " where "
                                                                                      "runs_before "
                                                                                      "= 0");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, minute);
    rp_bind_i64(s, 3, span);
    return rp_run(s, err);
}

bool rp_replay_rates_begin(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    int64_t minute = now_us / RP_US_MIN, n;
    struct rp_stmt *s = rp_sql(db, "select count(*) from replay_rate where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    if (!rp_get_i64(s, 0, &n, err))
        return false;
    return n > 0 || (rates_insert(db, id, minute, HOUR_MIN, err) &&
                     rates_insert(db, id, minute, DAY_MIN, err));
}

bool rp_replay_rates(struct rp_db *db, const struct rp_replay *r, struct rp_replay_rates *out,
                     struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select sum(runs_before), sum(failed_before), sum(" RUNS(
                       "y.minute", "?2") " -"
                                         " runs_minute), sum(" FAILED(
                                             "y.minute",
                                             "?2") " - failed_minute)"
                                                   " from replay_rate y where y.replay_id = ?1");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, r->ended_us > 0 ? r->ended_us / RP_US_MIN + 1 : INT64_MAX);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    *out = (struct rp_replay_rates){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2),
                                    rp_col_i64(s, 3)};
    rp_reset(s);
    return true;
}

/* ---- lineage ---- */

bool rp_job_replays(struct rp_db *db, int64_t job_id, struct rp_arena *a,
                    struct rp_job_replay **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select i.replay_id, i.wave, (select max(t.n) from attempt t where t.job_id = i.job_id"
        "  and t.n > i.n_before and t.replay_id = i.replay_id), i.n_before, r.state, i.fate,"
        " r.actor, r.reason, i.why, r.plan_hash, r.created_at, i.key, i.changed from replay_item i"
        " join replay r"
        " on r.id = i.replay_id where i.job_id = ?1 order by i.replay_id limit 1000");
    rp_bind_i64(s, 1, job_id);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_job_replay){
            .replay_id = rp_col_i64(s, 0),
            .wave = rp_col_i64(s, 1),
            .attempt = rp_col_i64(s, 2),
            .repairs = rp_col_i64(s, 3),
            .state = (enum rp_replay_state)rp_col_i64(s, 4),
            .fate = (enum rp_fate)rp_col_i64(s, 5),
            .actor = rp_col_str(s, 6, a),
            .reason = rp_col_str(s, 7, a),
            .why = rp_col_str(s, 8, a),
            .plan_hash = rp_col_str(s, 9, a),
            .created_us = rp_col_i64(s, 10),
            .key = rp_col_str(s, 11, a),
            .changed = rp_col_str(s, 12, a),
        };
    }
    return step == RP_STEP_DONE;
}
