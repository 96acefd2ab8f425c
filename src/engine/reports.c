/* Reports of commands that ended: gathered on the engine thread, written in the tick's transaction,
 * forgotten once that is committed. One that cannot be written by itself, for whatever reason,
 * stays, with its lease, and is tried again; the others are written without it. */
#include "engine/internal.h"

#include "base/log.h"

static const int64_t again_after_us = RP_US_S;

void reports_gather(struct tick *t)
{
    struct rp_engine *e = t->e;
    (void)pthread_mutex_lock(&e->runs.lock);
    for (struct run *r = e->runs.ended; r != NULL && t->n_ended < REPORTS_A_TICK; r = r->next)
        if (r->not_before_us <= t->mono)
            t->ended[t->n_ended++] = (struct ended){.run = r};
        else
            t->n_left++;
    (void)pthread_mutex_unlock(&e->runs.lock);
    for (size_t i = 0; i < t->n_ended;
         i++) /* only the engine thread removes from the list, so no lock is needed here */
        if (!t->ended[i].run->reported)
            run_judge(e, t->ended[i].run);
}

/* A report that the store refuses (its lease was lost) is over all the same: the store's record of
 * it stands. */
static bool write_some(struct tick *t, struct rp_db *db, struct ended *v, size_t n,
                       struct rp_err *err)
{
    struct rp_report *r = RP_NEW_N(&t->arena, struct rp_report, n);
    struct rp_reported *out = RP_NEW_N(&t->arena, struct rp_reported, n);
    for (size_t i = 0; i < n; i++)
        r[i] = v[i].run->report;
    if (!rp_savepoint(db, err))
        return false;
    if (!rp_jobs_report(db, r, n, t->now, &t->arena, out, err)) {
        rp_savepoint_rollback(db);
        return false;
    }
    if (!rp_savepoint_release(db, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        v[i].written = true;
        if (!out[i].ok)
            rp_log_err(RP_WARN, "a report was refused", out[i].err);
    }
    return true;
}

static bool write_one(struct tick *t, struct rp_db *db, struct ended *x, struct rp_err *err)
{
    if (write_some(t, db, x, 1, err))
        return true;
    if (rp_store_broken(err))
        return false;
    t->n_left++;
    rp_log(RP_ERROR, "a report cannot be written", "job=%lld code=%s error=%s",
           (long long)x->run->lease.job.id, rp_code_slug(err->code),
           rp_log_q(rp_str_of(err->message)));
    return true;
}

bool tick_reports(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    if (write_some(t, db, t->ended, t->n_ended, err))
        return true;
    bool ok = !rp_store_broken(err);
    for (size_t i = 0; ok && i < t->n_ended; i++)
        ok = write_one(t, db, &t->ended[i], err);
    return ok;
}

size_t reports_written(const struct tick *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_ended; i++)
        n += t->ended[i].written;
    return n;
}

static void drop(struct runs *runs, struct run *r)
{
    (void)pthread_mutex_lock(&runs->lock);
    struct run **at = &runs->ended;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    runs->n--;
    (void)pthread_mutex_unlock(&runs->lock);
    run_free(r);
}

void reports_forget(struct tick *t)
{
    for (size_t i = 0; i < t->n_ended; i++)
        if (t->ended[i].written)
            drop(&t->e->runs, t->ended[i].run);
        else
            t->ended[i].run->not_before_us = t->mono + again_after_us;
}
