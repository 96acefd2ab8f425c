/* How a job comes to be held for a dependency, and how it leaves; the waves are in hold_wave.c. */
#include "store/internal.h"

#include "base/time.h"

/* Where no check comes for so much longer than it should, the attempt counts. */
static const int64_t doubt_slack_us = 10 * RP_US_S;

/* ---- what a type needs ---- */

/* From one check to the end of the next. */
static int64_t round_of(struct rp_db *db, struct rp_str dependency)
{
    const struct rp_dep *d = rp_config_dep(rp_db_config(db), dependency);
    return d != NULL ? d->every_us + d->timeout_us : 0;
}

bool rp_needs_read(struct rp_db *db, const struct rp_type *t, struct rp_needs *out,
                   struct rp_err *err)
{
    *out = (struct rp_needs){.checked_us = INT64_MAX};
    for (size_t i = 0; t != NULL && i < t->needs.n; i++) {
        struct rp_stmt *s = rp_sql(db, "select state, coalesce(checked_at, 0) from dependency"
                                       " where name = ?1 and active = 1");
        rp_bind_text(s, 1, t->needs.v[i]);
        enum rp_step step = rp_step(s, err);
        if (step == RP_STEP_ERROR)
            return false;
        if (step == RP_STEP_DONE)
            continue;
        if (rp_col_i64(s, 0) == 2 && out->down.p == NULL)
            out->down = t->needs.v[i];
        if (rp_col_i64(s, 1) < out->checked_us) {
            out->checked_us = rp_col_i64(s, 1);
            out->oldest = t->needs.v[i];
        }
        rp_reset(s);
        int64_t round_us = round_of(db, t->needs.v[i]);
        if (round_us > out->round_us)
            out->round_us = round_us;
    }
    return true;
}

/* ---- holding ---- */

/* What a person said of the pattern goes before the rule. */
static bool dependency_failed(struct rp_db *db, const struct rp_report *r, bool *is,
                              struct rp_err *err)
{
    *is = rp_str_is(r->error_group, "dependency");
    if (r->pattern_hash == 0)
        return true;
    /* Of what its form counts for now, as rp_pattern_count finds it. */
    struct rp_stmt *s = rp_sql(
        db,
        "select p.grp = 'dependency' from pattern p where p.class_by_person is not null and p.id = "
        "(select coalesce(born.joined, born.id) from pattern born where born.id = coalesce((select"
        " pattern_id from pattern_form where hash = ?1), (select id from pattern where hash = ?1), "
        "?2))");
    int64_t said;
    rp_bind_i64(s, 1, (int64_t)r->pattern_hash);
    rp_bind_id(s, 2, r->pattern_like);
    if (!rp_get_i64(s, *is, &said, err))
        return false;
    *is = said != 0;
    return true;
}

/* A replay is there to see whether its items work now: they end with their failure, and it halts
 * (replay, rules 14 and 17). */
bool rp_job_in_replay(struct rp_db *db, const struct rp_job_row *j, bool *in, struct rp_err *err)
{
    int64_t open = 0;
    *in = false;
    if (j->replay_id == 0)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "select 1 from replay_item where job_id = ?1 and replay_id = ?2 and fate = 2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->replay_id);
    if (!rp_get_i64(s, 0, &open, err))
        return false;
    *in = open != 0;
    return true;
}

/* Since when the job has been held, 0: it is not; it has been let out since. */
static bool held_since(struct rp_db *db, const struct rp_job_row *j, int64_t *since_us,
                       struct rp_err *err)
{
    *since_us = 0;
    if (j->last_n < 2)
        return true;
    struct rp_stmt *s = rp_sql(db, "select since from hold where job_id = ?1");
    rp_bind_i64(s, 1, j->id);
    return rp_get_i64(s, 0, since_us, err);
}

/* Is a dependency down that it needs, or was the job let out too soon, or is that not known? */
static void rule(const struct rp_needs *needs, int64_t now_us, struct rp_hold *out)
{
    bool doubt = needs->down.p == NULL && !out->again && needs->checked_us < now_us;
    if (needs->down.p == NULL && !out->again && !doubt)
        return;
    out->dependency = needs->down.p != NULL ? needs->down : needs->oldest;
    out->phase = doubt ? RP_HOLD_DOUBTED : RP_HOLD_HELD;
    int64_t doubt_us = doubt ? now_us + doubt_slack_us + 2 * needs->round_us : INT64_MAX;
    if (doubt_us < out->until_us)
        out->until_us = doubt_us;
}

bool rp_hold_judge(struct rp_db *db, const struct rp_job_row *j, const struct rp_report *r,
                   int64_t now_us, struct rp_hold *out, struct rp_err *err)
{
    const struct rp_type *t = rp_type_settings(db, j->type_id);
    struct rp_needs needs;
    int64_t since;
    bool is, replayed;
    *out = (struct rp_hold){0};
    if (r->outcome != RP_OUT_FAILED || r->permanent || j->outside || t == NULL || t->needs.n == 0 ||
        t->hold_max_us == 0)
        return true;
    if (!dependency_failed(db, r, &is, err))
        return false;
    if (!is)
        return true;
    if (!rp_job_in_replay(db, j, &replayed, err) || !held_since(db, j, &since, err) ||
        !rp_needs_read(db, t, &needs, err))
        return false;
    out->again = since != 0;
    out->since_us = out->again ? since : now_us;
    out->until_us = out->since_us + t->hold_max_us;
    if (!replayed && now_us < out->until_us && needs.oldest.p != NULL)
        rule(&needs, now_us, out);
    return true;
}

/* One that comes back ends its wave, and the next one waits: longer each time, at most 10 min. */
static bool wave_returned(struct rp_db *db, int64_t type_id, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update hold_wave set size = 0, returned = returned + 1, not_before = ?2 +"
                   " min(600000000, 10000000 << min(returned, 6)) where type_id = ?1 and size > 0");
    rp_bind_i64(s, 1, type_id);
    rp_bind_i64(s, 2, now_us);
    return rp_run(s, err);
}

static bool attempt_held(struct rp_db *db, const struct rp_job_row *j, struct rp_str by,
                         struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update attempt set held = ?3 where job_id = ?1 and n = ?2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_text(s, 3, by);
    return rp_run(s, err);
}

static bool hold(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                 struct rp_err *err)
{
    const struct rp_hold *h = m->hold;
    struct rp_stmt *s =
        rp_sql(db, "insert into hold(job_id, type_id, dependency, since, failed_at, phase)"
                   " values(?1, ?2, ?3, ?4, ?5, ?6) on conflict(job_id) do update set"
                   " dependency = excluded.dependency, failed_at = excluded.failed_at,"
                   " phase = excluded.phase");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->type_id);
    rp_bind_text(s, 3, h->dependency);
    rp_bind_i64(s, 4, h->since_us);
    rp_bind_i64(s, 5, m->now_us);
    rp_bind_i64(s, 6, h->phase);
    if (h->phase == RP_HOLD_DOUBTED)
        rp_db_changed(db, RP_CHANGED_DOUBT);
    return rp_run(s, err) && attempt_held(db, j, h->dependency, err) &&
           (!h->again || wave_returned(db, j->type_id, m->now_us, err));
}

bool rp_holds_drop(struct rp_db *db, const int64_t *job_ids, size_t n, struct rp_err *err)
{
    struct rp_stmt *s = RP_SQL_SOME(db, "delete from hold where job_id", job_ids, n);
    rp_bind_some(s, job_ids, n);
    if (!rp_run(s, err))
        return false;
    if (rp_changes(db) > 0) /* the next wave may go */
        rp_db_changed(db, RP_CHANGED_DUE);
    return true;
}

/* Only who has had an attempt before can have been held. */
bool rp_hold_follow(struct rp_db *db, const struct rp_job_row *before,
                    const struct rp_job_row *after, enum rp_event event, const struct rp_move *m,
                    struct rp_err *err)
{
    int64_t ended = before->last_n - (before->state == RP_RUNNING);
    bool counts = event == RP_EV_COUNT_RETRY || event == RP_EV_COUNT_FINAL;
    if (event == RP_EV_HOLD)
        return hold(db, after, m, err);
    if (ended < 1 || rp_state_terminal(before->state) ||
        !(rp_state_terminal(after->state) || event == RP_EV_FAIL_RETRY || counts))
        return true;
    return (!counts || attempt_held(db, after, RP_NONE, err)) &&
           rp_holds_drop(db, &after->id, 1, err);
}

/* ---- leaving ---- */

/* The attempt that ended the job was counted as one that another follows. */
static bool count_final(struct rp_db *db, const struct rp_job_row *j, int64_t now_us,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select ended_at, outcome, coalesce(pattern_id, 0) from attempt"
                                   " where job_id = ?1 and n = ?2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    rp_rollup_final(db, rp_col_i64(s, 0), now_us, j, (enum rp_outcome)rp_col_i64(s, 1),
                    rp_col_i64(s, 2));
    rp_reset(s);
    return true;
}

bool rp_hold_count(struct rp_db *db, int64_t job_id, int64_t now_us, struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, job_id, &j, err))
        return false;
    bool final = j.attempts + 1 >= j.max_attempts;
    struct rp_move m = {.now_us = now_us, .due_us = rp_retry_at(db, &j, now_us)};
    return rp_job_apply(db, &j, final ? RP_EV_COUNT_FINAL : RP_EV_COUNT_RETRY, &m, err) &&
           (!final || count_final(db, &j, now_us, err));
}

bool rp_hold_let_out(struct rp_db *db, int64_t job_id, int64_t now_us, struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us};
    struct rp_stmt *s = rp_sql(db, "update hold set phase = 2 where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    return rp_run(s, err) && rp_job_move(db, job_id, RP_EV_DUE, &m, NULL, err);
}

static bool give_up(struct rp_db *db, int64_t job_id, struct rp_str down, int64_t waited_us,
                    int64_t now_us, struct rp_err *err)
{
    char waited[RP_DURATION_LEN];
    struct rp_arena a = {0};
    struct rp_job_row j;
    struct rp_move m = {.now_us = now_us};
    struct rp_stmt *s = rp_sql(db, "update job set error = ?2 || coalesce(error, '')"
                                   " where id = ?1");
    rp_bind_i64(s, 1, job_id);
    rp_bind_text(s, 2,
                 rp_str_fmt(&a,
                            "held for %s, the longest that its type waits, and"
                            " dependency %.*s is still down: ",
                            rp_duration_format(waited_us / RP_US_S * RP_US_S, waited),
                            RP_FMT(down)));
    bool ok = rp_run(s, err) && rp_job_move(db, job_id, RP_EV_HOLD_OVER, &m, &j, err) &&
              count_final(db, &j, now_us, err);
    rp_arena_free(&a);
    return ok;
}

bool rp_hold_due(struct rp_db *db, int64_t job_id, int64_t type_id, enum rp_hold_phase phase,
                 int64_t since_us, int64_t now_us, struct rp_err *err)
{
    struct rp_needs needs;
    if (phase == RP_HOLD_DOUBTED)
        return rp_hold_count(db, job_id, now_us, err);
    if (!rp_needs_read(db, rp_type_settings(db, type_id), &needs, err))
        return false;
    return needs.down.p != NULL ? give_up(db, job_id, needs.down, now_us - since_us, now_us, err)
                                : rp_hold_let_out(db, job_id, now_us, err);
}
