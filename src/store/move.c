/* How a job changes: the table of core/states.h decides, this writes. Nothing else in the program
 * sets job.state. */
#include "base/time.h"
#include "store/internal.h"

enum { ERROR_MAX = 16384 };

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
    };
}

bool rp_job_load(struct rp_db *db, int64_t id, struct rp_job_row *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " RP_JOB_ROW " from job j where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE &&
               rp_fail(err, RP_E_NOT_FOUND, "there is no job %lld", (long long)id);
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

/* The error that a job shows is that of its newest attempt that did not work; success clears it. */
struct shown {
    bool set;
    struct rp_str error, class;
    int64_t pattern_id;
};

static bool key_taken(const struct rp_job_row *j, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_CONFLICT, "job %lld cannot run: another live job has its key",
                  (long long)j->id);
    return rp_hint(err, "wait for that job, or cancel it");
}

static bool write_job(struct rp_db *db, const struct rp_job_row *j, enum rp_state from,
                      const struct shown *e, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update job set state = ?3, attempts = ?4, max_attempts = ?5, "
                                   "last_n = ?6, interrupted_n = ?7, lost_n = ?8, "
                                   "poison = ?9, due_at = ?10, started_at = ?11, ended_at = ?12, "
                                   "replay_id = ?13 where id = ?1 and state = ?2");
    struct rp_err why;
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
    rp_bind_id(s, 13, j->replay_id);
    if (!rp_run(s, &why)) {
        if (rp_constraint_failed(&why))
            return key_taken(j, err);
        if (err != NULL)
            *err = why;
        return false;
    }
    if (rp_changes(db) != 1)
        return rp_fail(err, RP_E_INTERNAL, "job %lld moved while it was being moved",
                       (long long)j->id);
    if (!e->set)
        return true;
    s = rp_sql(db, "update job set error = ?2, error_class = ?3, pattern_id = ?4 where id = ?1");
    rp_bind_i64(s, 1, j->id);
    rp_bind_text(s, 2, e->error);
    rp_bind_text(s, 3, e->class);
    rp_bind_id(s, 4, e->pattern_id);
    return rp_run(s, err);
}

static bool insert_attempt(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                           struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into attempt(job_id, n, node, worker, started_at, "
                                   "replay_id) values (?1, ?2, ?3, ?4, ?5, ?6)");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_text(s, 3, m->node);
    rp_bind_text(s, 4, m->worker);
    rp_bind_i64(s, 5, m->now_us);
    rp_bind_id(s, 6, j->replay_id);
    return rp_run(s, err);
}

static struct rp_str cut(struct rp_str s)
{
    if (s.n <= ERROR_MAX)
        return s;
    s.n = ERROR_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
        s.n--;
    return s;
}

static void bind_known(struct rp_stmt *s, int i, bool known, int64_t v)
{
    if (known)
        rp_bind_i64(s, i, v);
    else
        rp_bind_null(s, i);
}

static bool write_attempt(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                          const struct rp_report *r, const struct shown *e, struct rp_err *err)
{
    const struct rp_attempt *f = &r->facts;
    struct rp_stmt *s = rp_sql(
        db,
        "update attempt set outcome = ?3, started_at = coalesce(?4, started_at), ended_at = ?5, "
        "duration_us = coalesce(?6, max(?5 - coalesce(?4, started_at), 0)), exit_code = ?7, signal "
        "= ?8, ended_by = ?9, "
        "cpu_us = ?10, memory_peak = ?11, survivors = ?12, error = ?13, error_class = ?14, rule = "
        "?15, contract = ?16, "
        "pattern_id = ?17, output_bytes = max(output_bytes, ?18), output_dropped = ?19, result = "
        "?20, "
        "contract_bytes = ?21 where job_id = ?1 and n = ?2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_i64(s, 3, m->outcome);
    rp_bind_id(s, 4, f->started_us);
    rp_bind_i64(s, 5, f->ended_us != 0 ? f->ended_us : m->now_us);
    rp_bind_id(s, 6, f->duration_us);
    bind_known(s, 7, f->has_exit, f->exit_code);
    bind_known(s, 8, f->has_exit && f->signal != 0, f->signal);
    rp_bind_text(s, 9, f->ended_by);
    rp_bind_id(s, 10, f->cpu_us);
    rp_bind_id(s, 11, f->memory_peak);
    rp_bind_text(s, 12, f->survivors);
    rp_bind_text(s, 13, e->error);
    rp_bind_text(s, 14, e->class);
    rp_bind_text(s, 15, f->rule);
    rp_bind_text(s, 16, f->contract);
    rp_bind_id(s, 17, e->pattern_id);
    rp_bind_i64(s, 18, f->output_bytes);
    rp_bind_i64(s, 19, f->output_dropped);
    rp_bind_text(s, 20, r->result);
    rp_bind_id(s, 21, f->contract_bytes);
    return rp_run(s, err);
}

static bool write_output(struct rp_db *db, const struct rp_job_row *j, struct rp_str packed,
                         struct rp_err *err)
{
    if (packed.p == NULL)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "insert into output(job_id, n, packed) values (?1, ?2, ?3) on conflict(job_id, n) "
            "do update set packed = excluded.packed");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->last_n);
    rp_bind_blob(s, 3, packed);
    return rp_run(s, err);
}

/* A person may have corrected the class of the pattern: that holds for what comes after. */
static bool explain(struct rp_db *db, const struct rp_move *m, const struct rp_report *r,
                    int64_t at_us, struct rp_arena *a, struct shown *e, struct rp_err *err)
{
    *e = (struct shown){.error = cut(r->facts.error), .class = r->facts.error_class};
    if (m->outcome != RP_OUT_SUCCEEDED &&
        !rp_pattern_count(db, r, at_us, a, &e->pattern_id, &e->class, err))
        return false;
    e->set = m->outcome == RP_OUT_FAILED || m->outcome == RP_OUT_TIMEOUT ||
             m->outcome == RP_OUT_LOST || (e->error.p != NULL && m->outcome != RP_OUT_SUCCEEDED);
    return true;
}

static bool finish_attempt(struct rp_db *db, const struct rp_job_row *j, const struct rp_move *m,
                           struct rp_arena *a, struct shown *e, struct rp_err *err)
{
    static const struct rp_report nothing_known;
    const struct rp_report *r = m->report != NULL ? m->report : &nothing_known;
    int64_t at_us = r->facts.ended_us != 0 ? r->facts.ended_us : m->now_us;
    return explain(db, m, r, at_us, a, e, err) && write_attempt(db, j, m, r, e, err) &&
           write_output(db, j, r->output, err) &&
           rp_rollup_count(db, at_us, j->type_id, j->queue_id, m->outcome,
                           rp_state_terminal(j->state), e->pattern_id, err);
}

static bool release_lease(struct rp_db *db, int64_t job_id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from lease where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    return rp_run(s, err);
}

static bool write_all(struct rp_db *db, const struct rp_job_row *j, enum rp_state from,
                      unsigned effects, const struct rp_move *m, struct rp_arena *a,
                      struct rp_err *err)
{
    struct shown e = {0};
    if ((effects & RP_FX_END_ATTEMPT) && !finish_attempt(db, j, m, a, &e, err))
        return false;
    if (j->state == RP_SUCCEEDED)
        e = (struct shown){.set = j->last_n > 1 ||
                                  from == RP_UNKNOWN}; /* a first attempt has nothing to clear */
    if (!write_job(db, j, from, &e, err))
        return false;
    if ((effects & RP_FX_NEW_ATTEMPT) && !insert_attempt(db, j, m, err))
        return false;
    return !(effects & RP_FX_RELEASE_LEASE) || release_lease(db, j->id, err);
}

static unsigned changed_by(enum rp_state to, unsigned effects)
{
    unsigned bits = RP_CHANGED_JOBS;
    if (to == RP_QUEUED || (effects & RP_FX_RELEASE_LEASE)) /* its place under a limit is free */
        bits |= RP_CHANGED_READY;
    if (to == RP_SCHEDULED || to == RP_RETRYING)
        bits |= RP_CHANGED_DUE;
    return bits;
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
    if (!ok)
        return false;
    if (!rp_tally_move(db, j, &after, err))
        return false;
    *j = after;
    rp_db_changed(db, changed_by(t->to, t->effects));
    return true;
}

bool rp_job_move(struct rp_db *db, int64_t id, enum rp_event event, const struct rp_move *m,
                 struct rp_job_row *out, struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, id, &j, err) || !rp_job_apply(db, &j, event, m, err))
        return false;
    if (out != NULL)
        *out = j;
    return true;
}

/* ---- new jobs ---- */

/* Ids rise, so the lowest one of each hour makes a window of time a range of ids (jobs_list.c). */
static bool mark_hour(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    int64_t hour = now_us / RP_US_H;
    if (hour == db->hour)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "insert into job_hour(hour, first_id) values (?1, ?2) on conflict do nothing");
    rp_bind_i64(s, 1, hour);
    rp_bind_i64(s, 2, id);
    db->hour = hour;
    db->grown++;
    return rp_run(s, err);
}

bool rp_job_insert(struct rp_db *db, const struct rp_job_new *in, int64_t now_us,
                   struct rp_job_row *out, struct rp_err *err)
{
    const struct rp_transition *t =
        rp_transition_find(RP_STATE_NONE, in->due_us > now_us ? RP_EV_SCHEDULE : RP_EV_ENQUEUE);
    struct rp_stmt *s =
        rp_sql(db, "insert into job(type_id, queue_id, state, priority, key, payload, labels, "
                   "max_attempts, created_at, "
                   "due_at, schedule_id, instant, manual, external_id, outside) "
                   "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
    *out = (struct rp_job_row){.type_id = in->type_id,
                               .queue_id = in->queue_id,
                               .state = t->to,
                               .max_attempts = in->max_attempts,
                               .created_us = in->created_us,
                               .due_us = in->due_us != 0 ? in->due_us : now_us,
                               .schedule_id = in->schedule_id,
                               .outside = in->outside};
    rp_bind_i64(s, 1, in->type_id);
    rp_bind_i64(s, 2, in->queue_id);
    rp_bind_i64(s, 3, t->to);
    rp_bind_i64(s, 4, in->priority);
    rp_bind_text(s, 5, in->key);
    rp_bind_blob(s, 6, in->payload);
    rp_bind_text(s, 7, in->labels);
    rp_bind_i64(s, 8, in->max_attempts);
    rp_bind_i64(s, 9, in->created_us);
    rp_bind_i64(s, 10, out->due_us);
    rp_bind_id(s, 11, in->schedule_id);
    rp_bind_id(s, 12, in->instant_us);
    rp_bind_i64(s, 13, in->manual);
    rp_bind_text(s, 14, in->external_id);
    rp_bind_i64(s, 15, in->outside);
    if (!rp_run(s, err))
        return false;
    out->id = rp_last_id(db);
    rp_db_changed(db, changed_by(t->to, 0));
    return rp_tally_move(db, NULL, out, err) && mark_hour(db, out->id, now_us, err);
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
