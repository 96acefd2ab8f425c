/* How much memory the next attempt of a job gets, where its type says `on_oom` (users.md U15): what
 * ran out of memory runs again with more, never with the same. What an attempt may use is on its
 * record, so the limit of the next follows from those before it. */
#include "store/internal.h"

static bool has_policy(const struct rp_type *t)
{
    return t != NULL && t->oom_factor > 1 && t->limits.memory_bytes > 0;
}

static int64_t most(const struct rp_type *t)
{
    return t->oom_max_bytes > t->limits.memory_bytes ? t->oom_max_bytes : t->limits.memory_bytes;
}

static int64_t grown(const struct rp_type *t, int64_t bytes)
{
    double more = (double)bytes * t->oom_factor;
    return more < (double)most(t) ? (int64_t)more : most(t);
}

/* Never less than an attempt before it had, more than any that was not enough. */
bool rp_memory_next(struct rp_db *db, const struct rp_job_row *j, int64_t *bytes,
                    struct rp_err *err)
{
    const struct rp_type *t = rp_type_settings(db, j->type_id);
    *bytes = 0;
    if (!has_policy(t) || j->last_n < 2)
        return true;
    struct rp_stmt *s = rp_sql(
        db, "select max(memory_limit), max(case when error_class = 'oom' then memory_limit end)"
            " from attempt where job_id = ?1");
    rp_bind_i64(s, 1, j->id);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW) {
        int64_t had = rp_col_i64(s, 0), needs = grown(t, rp_col_i64(s, 1));
        *bytes = had > needs ? had : needs;
        *bytes = *bytes > t->limits.memory_bytes ? *bytes : t->limits.memory_bytes;
        *bytes = *bytes < most(t) ? *bytes : most(t);
    }
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

bool rp_memory_may_grow(struct rp_db *db, const struct rp_job_row *j, const struct rp_report *r)
{
    const struct rp_type *t = rp_type_settings(db, j->type_id);
    return has_policy(t) && !j->outside && !r->permanent && r->outcome == RP_OUT_FAILED &&
           rp_str_is(r->facts.error_class, "oom") && r->facts.memory_limit > 0 &&
           r->facts.memory_limit < most(t);
}
