/* How a job changes: the table of core/states.h decides, this writes. Nothing else in the program
 * sets job.state. */
#include "store/replays_internal.h"

struct rp_job_row rp_job_row_read(struct rp_stmt *s)
{
    return (struct rp_job_row){
        .id = rp_col_i64(s, 0),
        .type_id = rp_col_i64(s, 1),
        .queue_id = rp_col_i64(s, 2),
        .state = (enum rp_state)rp_col_i64(s, 3),
        .attempts = rp_col_i64(s, 4),
        .max_attempts = rp_col_i64(s, 5),
        .last_n = rp_col_i64(s, 6),
        .interrupted_n = rp_col_i64(s, 7),
        .lost_n = rp_col_i64(s, 8),
        .created_us = rp_col_i64(s, 9),
        .due_us = rp_col_i64(s, 10),
        .started_us = rp_col_i64(s, 11),
        .ended_us = rp_col_i64(s, 12),
        .schedule_id = rp_col_i64(s, 13),
        .replay_id = rp_col_i64(s, 14),
        .poison = rp_col_i64(s, 15) != 0,
        .outside = rp_col_i64(s, 16) != 0,
        .failed_as = rp_col_i64(s, 17),
    };
}

bool rp_job_load(struct rp_db *db, int64_t id, struct rp_job_row *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " RP_JOB_ROW " from job j where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "job ", id, "reprise jobs");
    *out = rp_job_row_read(s);
    rp_reset(s);
    return true;
}

/* ---- the row after the move ---- */

static void begin_attempt(struct rp_job_row *j, const struct rp_move *m)
{
    j->last_n++;
    if (j->started_us == 0)
        j->started_us = m->now_us;
    if (j->poison) { /* a person let it run again */
        j->poison = false;
        j->lost_n = j->interrupted_n = 0;
    }
}

static void end_attempt(struct rp_job_row *j, const struct rp_move *m)
{
    if (j->interrupted_n > 0) /* the attempt before this one was no failure */
        j->failed_as = 0;
    j->interrupted_n = m->outcome == RP_OUT_INTERRUPTED ? j->interrupted_n + 1 : 0;
    if (m->outcome == RP_OUT_LOST)
        j->lost_n++;
    else if (m->outcome == RP_OUT_SUCCEEDED)
        j->lost_n = 0;
}

static struct rp_job_row row_after(const struct rp_job_row *before, const struct rp_transition *t,
                                   const struct rp_move *m)
{
    struct rp_job_row j = *before;
    j.state = t->to;
    if (t->effects & RP_FX_NEW_ATTEMPT)
        begin_attempt(&j, m);
    if (t->effects & RP_FX_END_ATTEMPT)
        end_attempt(&j, m);
    if (t->effects & RP_FX_BURN)
        j.attempts++;
    if (t->effects & RP_FX_SET_DUE)
        j.due_us = m->due_us;
    if (t->effects & RP_FX_END_JOB)
        j.ended_us = m->ended_us != 0 ? m->ended_us : m->now_us;
    if (t->effects & RP_FX_REOPEN) {
        j.ended_us = 0;
        j.due_us = m->due_us != 0 ? m->due_us : m->now_us;
    }
    if (m->max_attempts != 0)
        j.max_attempts = m->max_attempts;
    if (m->set_replay)
        j.replay_id = m->replay_id;
    j.poison |= m->poison;
    return j;
}

/* ---- writing ---- */

static bool key_taken(const struct rp_job_row *j, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_CONFLICT, "job %lld cannot run: another live job has its key",
                  (long long)j->id);
    return rp_hint(err, "wait for that job, or cancel it");
}

#define UPDATE                                                                                     \
    "update job set state = ?3, attempts = ?4, max_attempts = ?5, last_n = ?6, interrupted_n = "   \
    "?7, lost_n = ?8, poison = ?9, "                                                               \
    "due_at = ?10, started_at = ?11, ended_at = ?12"
#define SHOWN ", error = ?13, error_class = ?14, pattern_id = ?15"
#define WHERE " where id = ?1 and state = ?2"

static void bind_job(struct rp_stmt *s, const struct rp_job_row *j, enum rp_state from)
{
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, from);
    rp_bind_i64(s, 3, j->state);
    rp_bind_i64(s, 4, j->attempts);
    rp_bind_i64(s, 5, j->max_attempts);
    rp_bind_i64(s, 6, j->last_n);
    rp_bind_i64(s, 7, j->interrupted_n);
    rp_bind_i64(s, 8, j->lost_n);
    rp_bind_i64(s, 9, j->poison);
    rp_bind_i64(s, 10, j->due_us);
    rp_bind_id(s, 11, j->started_us);
    rp_bind_id(s, 12, j->ended_us);
}

/* The pattern only when it changes: it has an index of its own. */
static bool write_job(struct rp_db *db, const struct rp_job_row *j, enum rp_state from,
                      const struct rp_shown *e, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, e->set ? UPDATE SHOWN WHERE : UPDATE WHERE);
    struct rp_err why = {0};
    bind_job(s, j, from);
    if (e->set) {
        rp_bind_text(s, 13, e->error);
        rp_bind_text(s, 14, e->class);
        rp_bind_id(s, 15, e->pattern_id);
    }
    if (!rp_run(s, &why)) {
        if (rp_constraint_failed(&why))
            return key_taken(j, err);
        if (err != NULL)
            *err = why;
        return false;
    }
    return rp_changes(db) == 1 ||
           rp_fail(err, RP_E_INTERNAL, "job %lld moved while it was being moved", (long long)j->id);
}

static bool write_replay(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                         struct rp_err *err)
{
    if (!m->set_replay)
        return true;
    struct rp_stmt *s = rp_sql(db, "update job set replay_id = ?2 where id = ?1");
    rp_bind_i64(s, 1, j->id);
    rp_bind_id(s, 2, j->replay_id);
    return rp_run(s, err);
}

static bool release_lease(struct rp_db *db, int64_t job_id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from lease where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    return rp_run(s, err);
}

/* Whether its end may be what an item of a replay waits for. */
static bool may_settle(const struct rp_job_row *j, enum rp_state from)
{
    return j->replay_id != 0 && rp_state_terminal(j->state) && !rp_state_terminal(from);
}

static bool write_all(struct rp_db *db, const struct rp_job_row *j, enum rp_state from,
                      unsigned effects, const struct rp_move *m, struct rp_arena *a,
                      struct rp_err *err)
{
    struct rp_shown e = {0};
    if ((effects & RP_FX_END_ATTEMPT) && !rp_attempt_finish(db, j, m, a, &e, err))
        return false;
    if (j->state == RP_SUCCEEDED)
        e = (struct rp_shown){.set = j->last_n > 1 ||
                                     from == RP_UNKNOWN}; /* a first attempt has nothing to clear */
    if (!write_job(db, j, from, &e, err) || !write_replay(db, j, m, err) ||
        (may_settle(j, from) && !rp_items_ended(db, &j->id, 1, err)))
        return false;
    return !(effects & RP_FX_RELEASE_LEASE) || release_lease(db, j->id, err);
}

static bool queues_are_limited(const struct rp_config *c)
{
    for (size_t i = 0; i < c->n_queues; i++)
        if (c->queues[i].max_running > 0)
            return true;
    return false;
}

/* Who may claim now: jobs of the type, and where a place in a queue became free, any. */
static unsigned claims_of(struct rp_db *db, int64_t type_id, bool place_free)
{
    const struct rp_type *t = rp_type_settings(db, type_id);
    if (t == NULL || (place_free && queues_are_limited(db->config)))
        return RP_CHANGED_CLAIMS;
    return t->run.n > 0 ? RP_CHANGED_COMMANDS : RP_CHANGED_READY;
}

void rp_job_changed(struct rp_db *db, int64_t type_id, enum rp_state to, unsigned effects)
{
    unsigned bits = RP_CHANGED_JOBS;
    bool place_free = (effects & RP_FX_RELEASE_LEASE) != 0;
    if (to == RP_QUEUED || place_free)
        bits |= claims_of(db, type_id, place_free);
    if (to == RP_SCHEDULED || to == RP_RETRYING)
        bits |= RP_CHANGED_DUE;
    rp_db_changed(db, bits);
}

bool rp_job_apply(struct rp_db *db, struct rp_job_row *j, enum rp_event event,
                  const struct rp_move *m, struct rp_err *err)
{
    const struct rp_transition *t = rp_transition_find(j->state, event);
    if (t == NULL)
        return rp_fail(err, RP_E_BAD_STATE, "job %lld is %s: %s is not possible", (long long)j->id,
                       rp_state_name(j->state), rp_event_name(event));
    struct rp_arena a = {0};
    struct rp_job_row after = row_after(j, t, m);
    bool ok = write_all(db, &after, j->state, t->effects, m, &a, err);
    rp_arena_free(&a);
    if (!ok || !rp_replay_started_move(db, j, &after, err))
        return false;
    rp_tally_move(db, j, &after);
    struct rp_job_row before = *j;
    *j = after;
    rp_job_changed(db, j->type_id, t->to, t->effects);
    return rp_hold_follow(db, &before, j, event, m, err);
}

bool rp_job_move(struct rp_db *db, int64_t id, enum rp_event event, const struct rp_move *m,
                 struct rp_job_row *out, struct rp_err *err)
{
    struct rp_job_row j = {0};
    if (!rp_job_load(db, id, &j, err) || !rp_job_apply(db, &j, event, m, err))
        return false;
    if (out != NULL)
        *out = j;
    return true;
}

/* ---- many at once ---- */

/* Statements on `job` open all its indexes: for a row each they would cost more than the rows. */
static bool run_for(struct rp_db *db, struct rp_stmt *s, size_t n, struct rp_err *err)
{
    return rp_run(s, err) &&
           (rp_changes(db) == (int64_t)n ||
            rp_fail(err, RP_E_INTERNAL, "jobs moved while they were being moved"));
}

#define BEGIN                                                                                      \
    "update or fail job set state = ?1, last_n = last_n + 1, started_at = coalesce(started_at, "   \
    "?2) where +state = ?3 and id"

static bool write_begun(struct rp_db *db, const struct rp_job_row *j, size_t n,
                        const struct rp_move *m, struct rp_err *err)
{
    int64_t ids[RP_ROWS] = {0};
    for (size_t i = 0; i < n; i++)
        ids[i] = j[i].id;
    struct rp_stmt *s = RP_SQL_SOME(db, BEGIN, ids, n);
    rp_bind_i64(s, 1, j->state);
    rp_bind_i64(s, 2, m->now_us);
    rp_bind_i64(s, 3, RP_QUEUED);
    rp_bind_some(s, ids, n);
    return run_for(db, s, n, err);
}

static bool begin_chunk(struct rp_db *db, struct rp_job_row *j, size_t n,
                        const struct rp_transition *t, const struct rp_move *m, struct rp_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct rp_job_row after = row_after(&j[i], t, m);
        rp_tally_move(db, &j[i], &after);
        rp_job_changed(db, j[i].type_id, t->to, t->effects);
        j[i] = after;
    }
    return write_begun(db, j, n, m, err);
}

bool rp_jobs_begin(struct rp_db *db, struct rp_job_row *j, size_t n, const struct rp_move *m,
                   struct rp_err *err)
{
    const struct rp_transition *t = rp_transition_find(RP_QUEUED, RP_EV_CLAIM);
    for (size_t i = 0; i < n;) {
        size_t some = i;
        while (some < n && some - i < RP_ROWS && j[some].state == RP_QUEUED && !j[some].poison)
            some++;
        /* One that needs more than that is moved by itself, and so is one that cannot be moved. */
        if (some - i > 1 ? !begin_chunk(db, &j[i], some - i, t, m, err)
                         : !rp_job_apply(db, &j[i], RP_EV_CLAIM, m, err))
            return false;
        i += some - i > 1 ? some - i : 1;
    }
    return true;
}

#define SUCCEED                                                                                    \
    "update or fail job set state = ?1, attempts = attempts + 1, interrupted_n = 0, lost_n = 0, "  \
    "ended_at = ?2"
#define CLEAR ", error = null, error_class = null, pattern_id = null"
#define ENDED " where +state = ?3 and id"

static bool write_succeeded(struct rp_db *db, const struct rp_ending *e, size_t n, bool first,
                            struct rp_err *err)
{
    int64_t ids[RP_ROWS] = {0};
    for (size_t i = 0; i < n; i++)
        ids[i] = e[i].job->id;
    struct rp_stmt *s = first ? RP_SQL_SOME(db, SUCCEED ENDED, ids, n)
                              : RP_SQL_SOME(db, SUCCEED CLEAR ENDED, ids, n);
    rp_bind_i64(s, 1, RP_SUCCEEDED);
    rp_bind_i64(s, 2, e[0].ended_us);
    rp_bind_i64(s, 3, RP_RUNNING);
    rp_bind_some(s, ids, n);
    return run_for(db, s, n, err);
}

static bool release_leases(struct rp_db *db, const int64_t *ids, size_t n, struct rp_err *err)
{
    struct rp_stmt *s = RP_SQL_SOME(db, "delete from lease where id", ids, n);
    rp_bind_some(s, ids, n);
    return run_for(db, s, n, err);
}

/* Of jobs that had an attempt before. */
static bool drop_holds(struct rp_db *db, const struct rp_job_row *j, size_t n, struct rp_err *err)
{
    int64_t ids[RP_ROWS];
    for (size_t i = 0; i < n; i++)
        ids[i] = j[i].id;
    return rp_holds_drop(db, ids, n, err);
}

bool rp_jobs_succeed(struct rp_db *db, const struct rp_job_row *rows, struct rp_ending *e,
                     const int64_t *leases, size_t n, bool first, struct rp_err *err)
{
    const struct rp_transition *t = rp_transition_find(RP_RUNNING, RP_EV_SUCCEED);
    struct rp_job_row after[RP_ROWS];
    for (size_t i = 0; i < n; i++) {
        struct rp_move m = {.ended_us = e[i].ended_us, .outcome = RP_OUT_SUCCEEDED};
        after[i] = row_after(&rows[i], t, &m);
        e[i].job = &after[i];
        rp_tally_move(db, &rows[i], &after[i]);
        rp_job_changed(db, rows[i].type_id, t->to, t->effects);
        rp_ending_count(db, &e[i]);
    }
    return write_succeeded(db, e, n, first, err) && release_leases(db, leases, n, err) &&
           rp_attempts_write(db, e, n, err) && (first || drop_holds(db, after, n, err)) &&
           rp_items_worked(db, after, n, err);
}

#define REPLAY                                                                                     \
    "update or fail job set state = ?1, due_at = ?2, ended_at = null, replay_id = ?3,"             \
    " max_attempts = attempts + ?20"
#define BEGUN    ", last_n = last_n + 1, started_at = coalesce(started_at, ?2)"
#define REPLAYED " where +state = ?21 and id"

/* In memory, and who is to hear of it: out, or begun at once. */
static bool replayed(struct rp_db *db, struct rp_job_row *j, bool begin, const struct rp_move *m,
                     struct rp_err *err)
{
    const struct rp_transition *t = rp_transition_find(j->state, RP_EV_REPLAY);
    struct rp_job_row after = row_after(j, t, m);
    if (begin) {
        t = rp_transition_find(after.state, RP_EV_CLAIM);
        after = row_after(&after, t, m);
    }
    if (j->replay_id != 0 && !rp_replay_started_move(db, j, &after, err))
        return false;
    rp_tally_move(db, j, &after);
    rp_job_changed(db, j->type_id, t->to, t->effects);
    *j = after;
    return true;
}

static bool replay_chunk(struct rp_db *db, struct rp_job_row *j, size_t n, bool begin,
                         int64_t replay_id, int64_t tries, int64_t now_us, struct rp_err *err)
{
    int64_t ids[RP_ROWS] = {0};
    enum rp_state from = j->state;
    for (size_t i = 0; i < n; i++) {
        struct rp_move m = {.now_us = now_us,
                            .max_attempts = j[i].attempts + tries,
                            .set_replay = true,
                            .replay_id = replay_id};
        ids[i] = j[i].id;
        if (!replayed(db, &j[i], begin, &m, err))
            return false;
    }
    struct rp_stmt *s = begin ? RP_SQL_SOME(db, REPLAY BEGUN REPLAYED, ids, n)
                              : RP_SQL_SOME(db, REPLAY REPLAYED, ids, n);
    rp_bind_i64(s, 1, j->state);
    rp_bind_i64(s, 2, now_us);
    rp_bind_i64(s, 3, replay_id);
    rp_bind_i64(s, 20, tries);
    rp_bind_i64(s, 21, from);
    rp_bind_some(s, ids, n);
    return run_for(db, s, n, err);
}

bool rp_jobs_replay(struct rp_db *db, struct rp_job_row *j, size_t n, int64_t replay_id,
                    int64_t tries, int64_t now_us, struct rp_err *err)
{
    return replay_chunk(db, j, n, false, replay_id, tries, now_us, err);
}

bool rp_jobs_replay_begin(struct rp_db *db, struct rp_job_row *j, size_t n, int64_t replay_id,
                          int64_t tries, int64_t now_us, struct rp_err *err)
{
    return replay_chunk(db, j, n, true, replay_id, tries, now_us, err);
}

bool rp_lease_kill(struct rp_db *db, int64_t job_id, int why, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update lease set kill = ?2 where job_id = ?1 and kill = 0");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, why);
    if (!rp_run(s, err))
        return false;
    rp_db_changed(db, RP_CHANGED_KILL);
    return true;
}
