/* How attempts end: as reported, or without a word. */
#include "store/internal.h"

enum { INTERRUPTED_MAX = 5, POISON_AFTER = 3 };

/* A type that is not configured any more keeps its jobs' number of attempts and the usual delays.
 */
static const struct rp_retry usual_retry = {
    .kind = RP_BACKOFF_EXPONENTIAL, .base_us = INT64_C(1000000), .max_us = INT64_C(3600000000)};

static int64_t retry_at(struct rp_db *db, const struct rp_job_row *j, const struct rp_type *type,
                        int64_t now_us)
{
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

static bool outcome_usable(enum rp_outcome o)
{
    return o == RP_OUT_SUCCEEDED || o == RP_OUT_FAILED || o == RP_OUT_TIMEOUT ||
           o == RP_OUT_CANCELLED || o == RP_OUT_SKIPPED || o == RP_OUT_INTERRUPTED;
}

bool rp_attempt_end(struct rp_db *db, struct rp_job_row *j, const struct rp_report *r, bool kill,
                    int64_t now_us, struct rp_err *err)
{
    if (!outcome_usable(r->outcome))
        return rp_fail(err, RP_E_BAD_FIELD, "outcome: %s cannot be reported",
                       rp_outcome_name(r->outcome));
    struct rp_move m = {
        .now_us = now_us, .outcome = r->outcome, .report = r, .ended_us = r->facts.ended_us};
    enum rp_event event = event_of(j, r, kill, &m.poison);
    if (event == RP_EV_CANCEL && r->outcome != RP_OUT_SKIPPED)
        m.outcome = RP_OUT_CANCELLED;
    if (event == RP_EV_FAIL_RETRY)
        m.due_us = retry_at(db, j, rp_type_settings(db, j->type_id), now_us);
    return rp_job_apply(db, j, event, &m, err);
}

static bool fail_lost(const struct rp_report *r, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_LEASE_LOST, "lease %lld is not held any more", (long long)r->lease);
    return rp_hint(err, "stop this work: its attempt has ended, and another may be running");
}

bool rp_job_report(struct rp_db *db, const struct rp_report *r, int64_t now_us,
                   enum rp_state *state, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select " RP_JOB_ROW ", l.kill from lease l join job j on j.id = l.job_id "
                   "where l.id = ?1 and l.token = ?2");
    rp_bind_i64(s, 1, r->lease);
    rp_bind_i64(s, 2, (int64_t)r->token);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && fail_lost(r, err);
    struct rp_job_row j = rp_job_row_read(s);
    bool kill = rp_col_i64(s, RP_JOB_ROW_N) != 0;
    rp_reset(s);
    if (!rp_attempt_end(db, &j, r, kill, now_us, err))
        return false;
    *state = j.state;
    return true;
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

bool rp_jobs_promote(struct rp_db *db, int64_t now_us, int64_t max, int64_t *n, int64_t *next_us,
                     struct rp_err *err)
{
    struct rp_move m = {.now_us = now_us};
    *n = 0;
    for (;;) {
        /* One at a time: a statement must not walk an index that its loop changes. */
        struct rp_stmt *s =
            rp_sql(db, "select id, due_at from job where state in (1, 4) order by due_at limit 1");
        enum rp_step step = rp_step(s, err);
        *next_us = step == RP_STEP_ROW ? rp_col_i64(s, 1) : INT64_MAX;
        int64_t id = step == RP_STEP_ROW ? rp_col_i64(s, 0) : 0;
        rp_reset(s);
        if (step != RP_STEP_ROW || *next_us > now_us || *n >= max)
            return step != RP_STEP_ERROR;
        if (!rp_job_move(db, id, RP_EV_DUE, &m, NULL, err))
            return false;
        ++*n;
    }
}
