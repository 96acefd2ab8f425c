/* Runs that others start: `exec` beside the daemon, spooled runs, imported history. They are jobs
 * like all others, marked as from outside: the store never queues them, because it does not know
 * their command. */
#include "base/time.h"
#include "store/internal.h"

static bool queue_for(struct rp_db *db, int64_t type_id, struct rp_str asked, int64_t *id,
                      struct rp_err *err)
{
    const struct rp_type *conf = rp_type_settings(db, type_id);
    struct rp_str queue = asked.p != NULL                         ? asked
                          : conf != NULL && conf->queue.p != NULL ? conf->queue
                                                                  : RP_STR("default");
    return rp_queue_make(db, queue, id, err);
}

/* ---- locks ---- */

struct holder {
    int64_t fence, since_us, job_id, deadline_us; /* job_id 0: free */
    bool kill;
    struct rp_str node, worker;
};

static bool read_holder(struct rp_db *db, struct rp_str lock, struct rp_arena *a, struct holder *h,
                        struct rp_err *err)
{
    *h = (struct holder){0};
    struct rp_stmt *s = rp_sql(
        db,
        "select r.fence, r.since, l.job_id, l.deadline, l.kill, l.node, l.worker from run_lock r "
        "left join lease l on l.id = r.lease_id where r.name = ?1");
    rp_bind_text(s, 1, lock);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    *h = (struct holder){.fence = rp_col_i64(s, 0),
                         .since_us = rp_col_i64(s, 1),
                         .job_id = rp_col_i64(s, 2),
                         .deadline_us = rp_col_i64(s, 3),
                         .kill = rp_col_i64(s, 4) != 0,
                         .node = rp_col_str(s, 5, a),
                         .worker = rp_col_str(s, 6, a)};
    rp_reset(s);
    return true;
}

static bool fail_held(struct rp_str lock, const struct holder *h, struct rp_err *err)
{
    char since[RP_TIME_LEN];
    (void)rp_fail(err, RP_E_LOCK_HELD, "the lock %.*s is held by %.*s on %.*s (job %lld) since %s",
                  RP_FMT(lock), RP_FMT(h->worker), RP_FMT(h->node), (long long)h->job_id,
                  rp_time_format(h->since_us, since));
    return rp_hint(err, "wait for its end, or cancel that job");
}

/* A holder whose lease ran out has lost the lock, whether or not anybody has noticed yet (G15). */
static bool lock_free(struct rp_db *db, struct rp_str lock, int64_t now_us, int64_t *fence,
                      struct rp_err *err)
{
    struct rp_arena a = {0};
    struct holder h;
    struct rp_job_row j;
    bool ok = read_holder(db, lock, &a, &h, err);
    if (ok && h.job_id != 0) {
        ok = h.deadline_us > now_us ? fail_held(lock, &h, err)
                                    : rp_job_load(db, h.job_id, &j, err) &&
                                          rp_attempt_lost(db, &j, h.kill, now_us, err);
    }
    *fence = h.fence + 1;
    rp_arena_free(&a);
    return ok;
}

static bool lock_take(struct rp_db *db, struct rp_str lock, int64_t lease, int64_t fence,
                      int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into run_lock(name, lease_id, fence, since) values (?1, "
                                   "?2, ?3, ?4) on conflict(name) "
                                   "do update set lease_id = excluded.lease_id, fence = "
                                   "excluded.fence, since = excluded.since");
    rp_bind_text(s, 1, lock);
    rp_bind_i64(s, 2, lease);
    rp_bind_i64(s, 3, fence);
    rp_bind_i64(s, 4, now_us);
    return rp_run(s, err);
}

/* ---- starting ---- */

static bool key_free(struct rp_db *db, int64_t type_id, struct rp_str key, struct rp_err *err)
{
    int64_t id;
    if (key.p == NULL)
        return true;
    if (key.n == 0 || key.n > RP_KEY_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "key: 1 to %d bytes are wanted", RP_KEY_MAX);
    struct rp_stmt *s = rp_sql(db, "select id from job where type_id = ?1 and key = ?2 and key is "
                                   "not null and state < 5");
    rp_bind_i64(s, 1, type_id);
    rp_bind_text(s, 2, key);
    if (!rp_get_i64(s, 0, &id, err))
        return false;
    return id == 0 || rp_fail(err, RP_E_CONFLICT, "job %lld with the key %.*s is live",
                              (long long)id, RP_FMT(key));
}

bool rp_run_start(struct rp_db *db, const struct rp_run_start *r, int64_t now_us,
                  struct rp_arena *a, struct rp_lease *out, int64_t *fence, struct rp_err *err)
{
    struct rp_name *type;
    struct rp_job_row row;
    struct rp_job_new job = {
        .max_attempts = 1, .due_us = now_us, .created_us = now_us, .key = r->key, .outside = true};
    struct rp_grant g = {r->node, r->worker, false, now_us, now_us + r->lease_us};
    *fence = 0;
    if (r->lock.n > RP_NAME_MAX || (r->lock.p != NULL && r->lock.n == 0))
        return rp_fail(err, RP_E_BAD_FIELD, "lock: 1 to %d bytes are wanted", RP_NAME_MAX);
    if (r->lock.p != NULL && !lock_free(db, r->lock, now_us, fence, err))
        return false;
    if (!rp_type_make(db, r->type, now_us, &type, err) || !key_free(db, type->id, r->key, err) ||
        !queue_for(db, type->id, RP_NONE, &job.queue_id, err))
        return false;
    job.type_id = type->id;
    return rp_job_insert(db, &job, now_us, &row, err) &&
           rp_leases_grant(db, &row.id, 1, &g, a, out, err) &&
           (r->lock.p == NULL || lock_take(db, r->lock, out->id, *fence, now_us, err));
}

/* ---- runs that are over ---- */

static bool first_seen(struct rp_db *db, struct rp_str spool_id, int64_t now_us, bool *first,
                       struct rp_err *err)
{
    *first = true;
    if (spool_id.p == NULL)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "insert into spool(id, at) values (?1, ?2) on conflict do nothing");
    rp_bind_text(s, 1, spool_id);
    rp_bind_i64(s, 2, now_us);
    if (!rp_run(s, err))
        return false;
    *first = rp_changes(db) == 1;
    return true;
}

static bool known_job(struct rp_db *db, int64_t type_id, struct rp_str external_id, int64_t *id,
                      struct rp_err *err)
{
    *id = 0;
    if (external_id.p == NULL)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "select max(id) from job where type_id = ?1 and external_id = ?2");
    rp_bind_i64(s, 1, type_id);
    rp_bind_text(s, 2, external_id);
    return rp_get_i64(s, 0, id, err);
}

static bool new_job(struct rp_db *db, const struct rp_run_record *r, int64_t type_id,
                    int64_t now_us, struct rp_job_row *row, struct rp_err *err)
{
    int64_t at = r->submitted_us != 0 ? r->submitted_us : r->report.facts.started_us;
    struct rp_job_new job = {.type_id = type_id,
                             .max_attempts = 1,
                             .created_us = at != 0 && at < now_us ? at : now_us,
                             .labels = r->labels,
                             .external_id = r->external_id,
                             .outside = true};
    job.due_us = job.created_us;
    return queue_for(db, type_id, r->queue, &job.queue_id, err) &&
           rp_job_insert(db, &job, now_us, row, err);
}

/* Only once it is over: it may share its key with a job that is live now. */
static bool give_key(struct rp_db *db, int64_t id, struct rp_str key, struct rp_err *err)
{
    if (key.p == NULL)
        return true;
    struct rp_stmt *s = rp_sql(db, "update job set key = ?2 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, key);
    return rp_run(s, err);
}

static bool end_unknown(struct rp_db *db, struct rp_job_row *j, struct rp_report report,
                        int64_t at_us, struct rp_err *err)
{
    if (report.facts.error.p == NULL)
        report.facts.error = RP_STR("it began, and no end was recorded");
    report.facts.ended_us = report.facts.ended_us != 0 ? report.facts.ended_us : at_us;
    struct rp_move m = {.now_us = at_us,
                        .ended_us = report.facts.ended_us,
                        .outcome = RP_OUT_LOST,
                        .report = &report};
    return rp_job_apply(db, j, RP_EV_LOST_UNKNOWN, &m, err);
}

/* The same steps as a run here would take, at their own times. */
static bool add_attempt(struct rp_db *db, struct rp_job_row *j, const struct rp_run_record *r,
                        struct rp_str source, int64_t now_us, struct rp_err *err)
{
    const struct rp_attempt *f = &r->report.facts;
    int64_t at_us = f->started_us != 0 ? f->started_us : f->ended_us != 0 ? f->ended_us : now_us;
    struct rp_move begin = {.now_us = at_us, .max_attempts = j->attempts + 1};
    struct rp_report report = r->report;
    report.permanent = true; /* no retry of ours */
    report.facts.node = f->node.p != NULL ? f->node : source;
    report.facts.started_us = at_us;
    if (rp_state_terminal(j->state) && !rp_job_apply(db, j, RP_EV_REPLAY, &begin, err))
        return false;
    j->last_n = r->attempt > 1 ? r->attempt - 1 : j->last_n;
    if (!rp_job_apply(db, j, RP_EV_CLAIM, &begin, err))
        return false;
    return r->unfinished ? end_unknown(db, j, report, at_us, err)
                         : rp_attempt_end(db, j, &report, NULL, false,
                                          f->ended_us != 0 ? f->ended_us : at_us, err);
}

/* ---- runs that began here, and whose end was spooled ---- */

/* While it moves through the live states, another live job may have its key. */
static bool take_key(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update job set key = null where id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err);
}

static bool end_lost(struct rp_db *db, struct rp_job_row *j, const struct rp_run_record *r,
                     struct rp_str source, int64_t now_us, struct rp_err *err)
{
    struct rp_run_record next = *r;
    next.attempt = 1; /* the one after the lost one, whatever its number */
    return take_key(db, j->id, err) && add_attempt(db, j, &next, source, now_us, err) &&
           give_key(db, j->id, r->key, err);
}

/* *begun: it did begin here. The job may be gone, or its number another's in a new store. */
static bool end_begun(struct rp_db *db, const struct rp_run_record *r, int64_t type_id,
                      struct rp_str source, int64_t now_us, bool *begun, int64_t *added,
                      struct rp_err *err)
{
    struct rp_job_row j;
    struct rp_err why = {0};
    enum rp_state state;
    *begun = r->job_id != 0 && rp_job_load(db, r->job_id, &j, &why) && j.outside &&
             j.type_id == type_id && j.last_n >= r->attempt;
    if (!*begun) {
        if (why.code == RP_OK || why.code == RP_E_NOT_FOUND)
            return true;
        if (err != NULL)
            *err = why;
        return false;
    }
    bool lost = j.state == RP_UNKNOWN && j.last_n == r->attempt;
    if (j.state != RP_RUNNING && !lost)
        return true; /* its report had arrived, or a person has settled it */
    ++*added;
    return lost ? end_lost(db, &j, r, source, now_us, err)
                : rp_job_report(db, &r->report, now_us, &state, err);
}

static bool record_one(struct rp_db *db, const struct rp_run_record *r, struct rp_str source,
                       int64_t now_us, int64_t *added, struct rp_err *err)
{
    struct rp_name *type;
    struct rp_job_row j;
    bool first, begun;
    int64_t id;
    if (!first_seen(db, r->spool_id, now_us, &first, err) || !first)
        return !first;
    if (!rp_type_make(db, r->type, now_us, &type, err) ||
        !end_begun(db, r, type->id, source, now_us, &begun, added, err))
        return false;
    if (begun)
        return true;
    if (!known_job(db, type->id, r->external_id, &id, err))
        return false;
    if (!(id != 0 ? rp_job_load(db, id, &j, err) : new_job(db, r, type->id, now_us, &j, err)))
        return false;
    if (id != 0 && r->attempt <= j.last_n)
        return true; /* recorded before */
    if (id != 0 && !rp_state_terminal(j.state))
        return rp_fail(err, RP_E_CONFLICT, "job %lld is live: attempts of others cannot be added",
                       (long long)id);
    if (!add_attempt(db, &j, r, source, now_us, err) ||
        !give_key(db, j.id, id == 0 ? r->key : RP_NONE, err))
        return false;
    ++*added;
    return true;
}

bool rp_runs_record(struct rp_db *db, const struct rp_run_record *r, size_t n, struct rp_str source,
                    int64_t now_us, int64_t *added, struct rp_err *err)
{
    *added = 0;
    if (n > RP_BATCH_MAX)
        return rp_fail(err, RP_E_TOO_LARGE, "a batch of %zu runs: at most %d are taken at once", n,
                       RP_BATCH_MAX);
    for (size_t i = 0; i < n; i++)
        if (!record_one(db, &r[i], source, now_us, added, err))
            return false;
    return true;
}
