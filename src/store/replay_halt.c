/* What the halt test of a replay is made of: counts of outcomes, now and when each wave began (rule
 * 14, 16). */
#include "base/time.h"
#include "store/registry.h"
#include "store/replays_internal.h"
#include "store/rows.h"

bool rp_replay_test_begin(struct rp_db *db, int64_t id, const struct rp_halt_rule *rule,
                          struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "insert into replay_test(replay_id, baseline, p0, alpha) values(?1, ?2, ?3, ?4)");
    rp_bind_i64(s, 1, id);
    rp_bind_f64(s, 2, rule->baseline);
    rp_bind_f64(s, 3, rule->p0 > 0 ? rule->p0 : rp_halt_p0(rule->baseline));
    rp_bind_f64(s, 4, rule->alpha);
    return rp_run(s, err);
}

bool rp_replay_test_lost(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay_test set lost = lost + 1 where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err);
}

bool rp_replay_test_spare(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update replay_test set spared = spared + 1 where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err);
}

/* ---- counts ---- */

static bool outcomes(struct rp_db *db, const struct rp_replay *r, struct rp_replay_test *out,
                     struct rp_err *err)
{
    struct rp_replay_from now = rp_replay_progress(r);
    int64_t more = 0;
    struct rp_stmt *s =
        rp_sql(db, "select lost - spared, running from replay_test where replay_id = ?1");
    rp_bind_i64(s, 1, r->id);
    enum rp_step step = rp_step(s, err);
    out->running = 0;
    if (step == RP_STEP_ROW) {
        more = rp_col_i64(s, 0);
        out->running = rp_col_i64(s, 1);
    }
    rp_reset(s);
    if (step == RP_STEP_ERROR)
        return false;
    out->ended = now.ended + more;
    out->failed = now.failed + more;
    return true;
}

bool rp_replay_wave_begin(struct rp_db *db, const struct rp_replay *r, int64_t wave, int64_t now_us,
                          struct rp_err *err)
{
    struct rp_replay_test at;
    if (wave <= r->wave)
        return true;
    if (!outcomes(db, r, &at, err))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "insert into replay_wave(replay_id, wave, began_at, ended, failed, running)"
                   " values(?1, ?2, ?3, ?4, ?5, ?6) on conflict do nothing");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, wave);
    rp_bind_i64(s, 3, now_us);
    rp_bind_i64(s, 4, at.ended);
    rp_bind_i64(s, 5, at.failed);
    rp_bind_i64(s, 6, at.running);
    return rp_run(s, err);
}

/* Of the newest waves; the first row is that of the wave with which the test began. */
bool rp_replay_test(struct rp_db *db, const struct rp_replay *r, struct rp_replay_test *out,
                    struct rp_err *err)
{
    struct rp_replay_test now;
    *out = (struct rp_replay_test){0};
    if (!outcomes(db, r, &now, err))
        return false;
    out->running = now.running;
    struct rp_stmt *s =
        rp_sql(db, "select wave, ended, failed, running from replay_wave where replay_id = ?1 and"
                   " (wave = ?2 + 1 or wave > ?3 - ?4) and wave > ?2 order by wave");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, r->from.wave);
    rp_bind_i64(s, 3, r->wave);
    rp_bind_i64(s, 4, RP_HALT_PROCESSES);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        int64_t wave = rp_col_i64(s, 0), ended = now.ended - rp_col_i64(s, 1),
                failed = now.failed - rp_col_i64(s, 2), before = rp_col_i64(s, 3);
        if (wave == r->from.wave + 1) {
            out->ended = ended;
            out->failed = failed;
            out->before = before;
        }
        if (wave > r->wave - RP_HALT_PROCESSES && out->n < RP_HALT_PROCESSES)
            out->process[out->n++] =
                (struct rp_halt_process){wave - r->from.wave, failed, ended - failed, before};
    }
    return step == RP_STEP_DONE;
}

/* ---- baseline ---- */

bool rp_types_hours(struct rp_db *db, int64_t since_us, struct rp_arena *a,
                    struct rp_type_hours **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select type_id, minute / 60, sum(n), sum(case when outcome in (2, 3, 4) then n else 0"
            " end) from rollup where minute >= ?1 and outcome in (1, 2, 3, 4)"
            " group by type_id, minute / 60 order by type_id, minute / 60");
    rp_bind_i64(s, 1, since_us / RP_US_MIN);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW;) {
        int64_t type = rp_col_i64(s, 0);
        if (*n == 0 || (*out)[*n - 1].type_id != type) {
            *out = rp_rows_grow(a, *out, *n, sizeof **out);
            (*out)[(*n)++] = (struct rp_type_hours){.type_id = type};
        }
        struct rp_type_hours *t = &(*out)[*n - 1];
        t->v = rp_rows_grow(a, t->v, t->n, sizeof *t->v);
        t->v[t->n++] = (struct rp_halt_hour){rp_col_i64(s, 2), rp_col_i64(s, 3)};
    }
    return step == RP_STEP_DONE;
}

/* ---- beside the replay ---- */

bool rp_replay_open_types(struct rp_db *db, int64_t id, struct rp_arena *a,
                          struct rp_replay_type **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select t.id, t.name, sum(iif(y.fate = 1, y.n, 0)) w, sum(iif(y.fate = 2, y.n, 0)) r,"
            " sum(iif(y.fate in (3, 4, 5), y.n, 0)), sum(iif(y.fate in (4, 5), y.n, 0))"
            " from replay_tally y join job_type t on t.id = y.type_id where y.replay_id = ?1"
            " group by t.id having w + r > 0 order by t.id");
    rp_bind_i64(s, 1, id);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_replay_type){
            rp_col_i64(s, 0), rp_col_str(s, 1, a), rp_col_i64(s, 2),
            rp_col_i64(s, 3), rp_col_i64(s, 4),    rp_col_i64(s, 5),
        };
    }
    return step == RP_STEP_DONE;
}

bool rp_replay_kept_back(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_str *says,
                         struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select t.name || ': ' || " RP_TYPE_HELD " why from replay_tally y join job_type t"
        " on t.id = y.type_id where y.replay_id = ?1 and y.fate = 2 and y.n > 0 and why is not"
        " null union all select 'queue ' || q.name || ' is paused' from replay_queue z join queue q"
        " on q.id = z.queue_id where z.replay_id = ?1 and q.paused_at is not null limit 1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    *says = step == RP_STEP_ROW ? rp_col_str(s, 0, a) : RP_NONE;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

int64_t rp_replay_half(const struct rp_type *type)
{
    if (type == NULL || type->max_running <= 0)
        return INT64_MAX;
    return type->max_running > 1 ? type->max_running / 2 : 1;
}

/* ---- live jobs, then and now ---- */

/* Minutes from `from` up to `until`. */
static bool type_outcomes(struct rp_db *db, int64_t type_id, int64_t from, int64_t until,
                          int64_t *runs, int64_t *failed, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select sum(n), sum(case when outcome in (2, 3) then n else 0 end) from rollup"
                   " where minute >= ?2 and minute < ?3 and type_id = ?1 and outcome in (1, 2, 3)");
    rp_bind_i64(s, 1, type_id);
    rp_bind_i64(s, 2, from);
    rp_bind_i64(s, 3, until);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    *runs = rp_col_i64(s, 0);
    *failed = rp_col_i64(s, 1);
    rp_reset(s);
    return true;
}

/* Minutes are the smallest that is counted: what of its own ends before the first whole one is
 * known apart, so that it is not taken off what follows. */
static bool live_begin(struct rp_db *db, int64_t id, const struct rp_replay_type *t, int64_t now_us,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into replay_beside(replay_id, type_id, minute, ended,"
                                   " failed) values(?1, ?2, ?3, ?4, ?5) on conflict do nothing");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, t->type_id);
    rp_bind_i64(s, 3, now_us / RP_US_MIN + 1);
    rp_bind_i64(s, 4, t->ended);
    rp_bind_i64(s, 5, t->failed);
    return rp_run(s, err);
}

static int64_t at_least_0(int64_t v)
{
    return v > 0 ? v : 0;
}

bool rp_replay_live(struct rp_db *db, const struct rp_replay *r, const struct rp_replay_type *t,
                    int64_t now_us, struct rp_replay_live *out, struct rp_err *err)
{
    int64_t start = r->started_us / RP_US_MIN;
    if (!live_begin(db, r->id, t, now_us, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "select minute, ended, failed from replay_beside"
                                   " where replay_id = ?1 and type_id = ?2");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, t->type_id);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    int64_t from = rp_col_i64(s, 0), ended = t->ended - rp_col_i64(s, 1),
            failed = t->failed - rp_col_i64(s, 2);
    rp_reset(s);
    if (!type_outcomes(db, t->type_id, start - RP_US_H / RP_US_MIN, start, &out->runs_before,
                       &out->failed_before, err) ||
        !type_outcomes(db, t->type_id, from, INT64_MAX, &out->runs, &out->failed, err))
        return false;
    out->runs = at_least_0(out->runs - ended);
    out->failed = at_least_0(out->failed - failed);
    return true;
}

/* Attempts that are the replay's own, in whole minutes from `from` on. */
static bool own_attempts(struct rp_db *db, int64_t id, int64_t type_id, int64_t from, int64_t *runs,
                         int64_t *failed, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select count(*), coalesce(sum(a.outcome in (2, 3)), 0) from replay_item i"
                   " cross join attempt a on a.job_id = i.job_id and a.n > i.n_before"
                   " where i.replay_id = ?1 and i.type_id = ?2 and a.replay_id = ?1"
                   " and a.ended_at >= ?3 and a.outcome in (1, 2, 3)");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, from * RP_US_MIN);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    *runs = rp_col_i64(s, 0);
    *failed = rp_col_i64(s, 1);
    rp_reset(s);
    return true;
}

bool rp_replay_live_tries(struct rp_db *db, const struct rp_replay *r,
                          const struct rp_replay_type *t, struct rp_replay_live *out,
                          struct rp_err *err)
{
    int64_t from, runs, failed;
    struct rp_stmt *s =
        rp_sql(db, "select minute from replay_beside where replay_id = ?1 and type_id = ?2");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, t->type_id);
    if (!rp_get_i64(s, 0, &from, err) ||
        !type_outcomes(db, t->type_id, from, INT64_MAX, &out->runs, &out->failed, err) ||
        !own_attempts(db, r->id, t->type_id, from, &runs, &failed, err))
        return false;
    out->runs = at_least_0(out->runs - runs);
    out->failed = at_least_0(out->failed - failed);
    return true;
}

static const int64_t live_every_us = 5 * RP_US_S;

bool rp_replay_live_due(struct rp_db *db, int64_t id, int64_t now_us, bool *due, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay_test set live_seen_at = ?2 where replay_id = ?1"
                                   " and not live_seen_at between ?2 - ?3 and ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, now_us);
    rp_bind_i64(s, 3, live_every_us);
    if (!rp_run(s, err))
        return false;
    *due = rp_changes(db) > 0;
    return true;
}

bool rp_replay_say(struct rp_db *db, const struct rp_replay *r, struct rp_str says,
                   struct rp_err *err)
{
    if (rp_str_eq(r->says, says))
        return true;
    struct rp_stmt *s = rp_sql(db, "update replay set says = ?2 where id = ?1");
    rp_bind_i64(s, 1, r->id);
    rp_bind_text(s, 2, says);
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    return rp_run(s, err);
}

/* ---- dependencies ---- */

bool rp_replay_dependency_down(struct rp_db *db, int64_t id, int64_t after_us, struct rp_arena *a,
                               struct rp_str *says, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select 'dependency ' || d.name || ' is down' || coalesce(': ' || d.says, '')"
                   " from replay_tally y join type_need w on w.type_id = y.type_id"
                   " join dependency d on d.name = w.dependency"
                   " where y.replay_id = ?1 and y.fate in (1, 2) and y.n > 0 and d.active = 1"
                   " and d.state = 2 and coalesce(d.since, 0) > ?2 order by d.name limit 1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, after_us);
    enum rp_step step = rp_step(s, err);
    *says = step == RP_STEP_ROW ? rp_col_str(s, 0, a) : RP_NONE;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}
