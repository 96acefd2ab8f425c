/* How attempts end: as reported, or without a word. */
#include "store/internal.h"

enum { INTERRUPTED_MAX = 5, POISON_AFTER = 3 };

/* A type that is not configured any more keeps its jobs' number of attempts and the usual delays.
 */
static const struct rp_retry usual_retry = {
    .kind = RP_BACKOFF_EXPONENTIAL, .base_us = INT64_C(1000000), .max_us = INT64_C(3600000000)};

int64_t rp_retry_at(struct rp_db *db, const struct rp_job_row *j, int64_t now_us)
{
    const struct rp_type *type = rp_type_settings(db, j->type_id);
    const struct rp_retry *policy = type != NULL ? &type->retry : &usual_retry;
    return now_us + rp_retry_delay_us(policy, j->attempts + 1, rp_db_random(db));
}

/* ---- as reported ---- */

static enum rp_event failed(const struct rp_job_row *j, const struct rp_report *r)
{
    return !r->permanent && j->attempts + 1 < j->max_attempts ? RP_EV_FAIL_RETRY : RP_EV_FAIL_FINAL;
}

/* Interrupted again and again: it is the job that ends its worker (U12). What others started cannot
 * be queued here. */
static enum rp_event interrupted(const struct rp_job_row *j, bool *poison)
{
    *poison = j->interrupted_n + 1 >= INTERRUPTED_MAX;
    return *poison || j->outside ? RP_EV_FAIL_FINAL : RP_EV_INTERRUPT;
}

/* `kill`: somebody asked for its end, so whatever is not success is the answer to that. */
static enum rp_event event_of(const struct rp_job_row *j, const struct rp_report *r, bool kill,
                              bool *poison)
{
    *poison = false;
    if (r->outcome == RP_OUT_SUCCEEDED)
        return RP_EV_SUCCEED;
    if (kill || r->outcome == RP_OUT_CANCELLED || r->outcome == RP_OUT_SKIPPED)
        return RP_EV_CANCEL;
    return r->outcome == RP_OUT_INTERRUPTED ? interrupted(j, poison) : failed(j, r);
}

/* What ran out of memory may be tried with more, whatever tries are left (U15); not within a
 * replay, which tries once (replay, rule 17) and begins with more by itself. */
static bool more_memory(struct rp_db *db, const struct rp_job_row *j, const struct rp_report *r,
                        enum rp_event *event, int64_t *max_attempts, struct rp_err *err)
{
    bool replayed;
    if (*event != RP_EV_FAIL_FINAL || !rp_memory_may_grow(db, j, r))
        return true;
    if (!rp_job_in_replay(db, j, &replayed, err))
        return false;
    if (!replayed) {
        *event = RP_EV_FAIL_RETRY;
        *max_attempts = j->max_attempts + 1;
    }
    return true;
}

static bool outcome_usable(enum rp_outcome o)
{
    return o == RP_OUT_SUCCEEDED || o == RP_OUT_FAILED || o == RP_OUT_TIMEOUT ||
           o == RP_OUT_CANCELLED || o == RP_OUT_SKIPPED || o == RP_OUT_INTERRUPTED;
}

bool rp_attempt_end(struct rp_db *db, struct rp_job_row *j, const struct rp_report *r,
                    const struct rp_held *held, bool kill, int64_t now_us, struct rp_err *err)
{
    if (!outcome_usable(r->outcome))
        return rp_fail(err, RP_E_BAD_FIELD, "outcome: %s cannot be reported",
                       rp_outcome_name(r->outcome));
    struct rp_move m = {.now_us = now_us,
                        .outcome = r->outcome,
                        .report = r,
                        .ended_us = r->facts.ended_us,
                        .held = held};
    struct rp_hold hold;
    m.hold = &hold;
    enum rp_event event = event_of(j, r, kill, &m.poison);
    if (event == RP_EV_CANCEL && r->outcome != RP_OUT_SKIPPED)
        m.outcome = RP_OUT_CANCELLED;
    if (event == RP_EV_FAIL_RETRY || event == RP_EV_FAIL_FINAL) {
        if (!rp_hold_judge(db, j, r, now_us, &hold, err))
            return false;
        if (hold.dependency.p != NULL)
            event = RP_EV_HOLD;
        else if (!more_memory(db, j, r, &event, &m.max_attempts, err))
            return false;
        m.due_us = event == RP_EV_HOLD ? hold.until_us : rp_retry_at(db, j, now_us);
    }
    if (event == RP_EV_INTERRUPT && j->replay_id != 0)
        rp_db_changed(db, RP_CHANGED_ITEMS); /* where nothing is to start, before it is claimed */
    return rp_job_apply(db, j, event, &m, err);
}

static bool fail_lost(const struct rp_report *r, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_LEASE_LOST, "lease %lld is not held any more", (long long)r->lease);
    return rp_hint(err, "stop this work: its attempt has ended, and another may be running");
}

/* A report's job, as its lease finds it. */
struct held_job {
    struct rp_job_row row;
    struct rp_held held;
    bool kill;
};

static bool load_held(struct rp_db *db, const struct rp_report *r, struct rp_arena *a,
                      struct held_job *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " RP_JOB_ROW ", l.kill, l.node, l.worker, l.started_at, "
                                   "l.output_bytes from lease l join job j on j.id = l.job_id "
                                   "where l.id = ?1 and l.token = ?2");
    rp_bind_i64(s, 1, r->lease);
    rp_bind_i64(s, 2, (int64_t)r->token);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && fail_lost(r, err);
    int c = RP_JOB_ROW_N;
    *out = (struct held_job){.row = rp_job_row_read(s),
                             .kill = rp_col_i64(s, c) != 0,
                             .held = {rp_col_str(s, c + 1, a), rp_col_str(s, c + 2, a),
                                      rp_col_i64(s, c + 3), rp_col_i64(s, c + 4)}};
    rp_reset(s);
    return true;
}

bool rp_job_report(struct rp_db *db, const struct rp_report *r, int64_t now_us,
                   enum rp_state *state, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct held_job h;
    bool ok = load_held(db, r, &a, &h, err) &&
              rp_attempt_end(db, &h.row, r, &h.held, h.kill, now_us, err);
    if (ok)
        *state = h.row.state;
    rp_arena_free(&a);
    return ok;
}

/* ---- many at once ---- */

/* Successes that wait to be written together. */
struct waiting {
    struct rp_job_row row[RP_ROWS];
    struct rp_ending end[RP_ROWS];
    int64_t lease[RP_ROWS];
    size_t n;
    bool first; /* they show no error that a success would have to clear; the same for all */
};

/* Nothing to keep. */
static bool plain_success(const struct rp_report *r)
{
    return r->outcome == RP_OUT_SUCCEEDED && r->output.p == NULL && r->facts.error.p == NULL;
}

static bool flush(struct rp_db *db, struct waiting *w, struct rp_err *err)
{
    size_t n = w->n;
    w->n = 0;
    return n == 0 || rp_jobs_succeed(db, w->row, w->end, w->lease, n, w->first, err);
}

static bool fits(const struct waiting *w, const struct rp_ending *e, int64_t lease)
{
    if (w->n > 0 && w->first != (e->job->last_n == 1))
        return false;
    for (size_t i = 0; i < w->n; i++)
        if (w->lease[i] == lease || w->end[i].ended_us != e->ended_us)
            return false;
    return w->n < RP_ROWS;
}

static bool add_success(struct rp_db *db, struct waiting *w, const struct held_job *h,
                        const struct rp_report *r, int64_t now_us, struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us, .outcome = r->outcome, .report = r, .held = &h->held};
    struct rp_ending e;
    rp_ending_of(&h->row, &m, &e);
    if (!fits(w, &e, r->lease) && !flush(db, w, err))
        return false;
    w->first = h->row.last_n == 1;
    w->row[w->n] = h->row;
    w->end[w->n] = e;
    w->lease[w->n++] = r->lease;
    return true;
}

/* What is refused is refused before anything is written, so no savepoint is needed around each. */
static bool report_next(struct rp_db *db, struct waiting *w, const struct rp_report *r,
                        int64_t now_us, struct rp_arena *a, enum rp_state *state,
                        struct rp_err *err)
{
    struct held_job h;
    bool again = false;
    for (size_t i = 0; i < w->n; i++)
        again |= w->lease[i] == r->lease;
    if ((again && !flush(db, w, err)) || !load_held(db, r, a, &h, err))
        return false;
    *state = RP_SUCCEEDED;
    if (plain_success(r))
        return add_success(db, w, &h, r, now_us, err);
    if (!rp_attempt_end(db, &h.row, r, &h.held, h.kill, now_us, err))
        return false;
    *state = h.row.state;
    return true;
}

bool rp_jobs_report(struct rp_db *db, const struct rp_report *r, size_t n, int64_t now_us,
                    struct rp_arena *a, struct rp_reported *out, struct rp_err *err)
{
    struct waiting *w = RP_NEW(a, struct waiting);
    struct rp_err why;
    for (size_t i = 0; i < n; i++) {
        out[i].ok = report_next(db, w, &r[i], now_us, a, &out[i].state, &why);
        if (out[i].ok)
            continue;
        if (rp_code_http(why.code) >= 500) {
            *err = why;
            return false;
        }
        out[i].err = RP_NEW(a, struct rp_err);
        *out[i].err = why;
    }
    return flush(db, w, err);
}

/* ---- without a word ---- */

/* G12, and poison after so many workers died with it in their hands (U14). The outcome of what must
 * not be repeated is not known, however often that happens: a person decides. */
static enum rp_event lost(const struct rp_job_row *j, const struct rp_type *type, bool kill,
                          bool *poison)
{
    int64_t after = type != NULL && type->poison_after > 0 ? type->poison_after : POISON_AFTER;
    *poison = !kill && j->lost_n + 1 >= after;
    if (kill)
        return RP_EV_CANCEL;
    if (j->outside || type == NULL || !type->idempotent)
        return RP_EV_LOST_UNKNOWN;
    return *poison || j->attempts + 1 >= j->max_attempts ? RP_EV_LOST_FINAL : RP_EV_LOST_REPEAT;
}

bool rp_attempt_lost(struct rp_db *db, struct rp_job_row *j, bool kill, int64_t now_us,
                     struct rp_err *err)
{
    struct rp_str words = RP_STR("the lease ran out: the worker went away without a word");
    struct rp_report r = {
        .facts = {.error = words, .error_class = RP_STR("worker_lost"), .rule = RP_STR("lease")},
        .template = words,
        .error_group = RP_STR("transient"),
        .action = RP_STR("replay"),
        .pattern_hash = rp_hash64(words)};
    struct rp_move m = {.now_us = now_us, .outcome = RP_OUT_LOST, .report = &r};
    enum rp_event event = lost(j, rp_type_settings(db, j->type_id), kill, &m.poison);
    return rp_job_apply(db, j, event, &m, err);
}

/* ---- due ---- */

struct due_job {
    int64_t id, type_id, due_us, since_us; /* since: it has been held; 0: it is not */
    enum rp_hold_phase phase;
};

/* One at a time: a statement must not walk an index that its loop changes. */
static enum rp_step next_due(struct rp_db *db, struct due_job *out, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select j.id, j.type_id, j.due_at, h.since, h.phase from job j left join hold h"
                   " on h.job_id = j.id where j.state in (1, 4) order by j.due_at limit 1");
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW)
        *out = (struct due_job){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2),
                                rp_col_i64(s, 3), (enum rp_hold_phase)rp_col_i64(s, 4)};
    rp_reset(s);
    return step;
}

bool rp_jobs_promote(struct rp_db *db, int64_t now_us, int64_t max, int64_t *n, int64_t *next_us,
                     struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us};
    struct due_job j;
    *n = 0;
    for (;;) {
        enum rp_step step = next_due(db, &j, err);
        *next_us = step == RP_STEP_ROW ? j.due_us : INT64_MAX;
        if (step != RP_STEP_ROW || j.due_us > now_us || *n >= max)
            return step != RP_STEP_ERROR;
        if (j.since_us != 0 ? !rp_hold_due(db, j.id, j.type_id, j.phase, j.since_us, now_us, err)
                            : !rp_job_move(db, j.id, RP_EV_DUE, &m, NULL, err))
            return false;
        ++*n;
    }
}
