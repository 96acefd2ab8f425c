/* Leases: granted, extended, run out. */
#include "base/log.h"
#include "base/time.h"
#include "store/replays_internal.h"

/* ---- granting ---- */

void rp_leased_read(struct rp_stmt *s, int at, struct rp_arena *a, struct rp_job *out)
{
    *out = (struct rp_job){
        .priority = rp_col_i64(s, at),
        .key = rp_col_str(s, at + 1, a),
        .payload = rp_col_str(s, at + 2, a),
        .labels = rp_col_str(s, at + 3, a),
        .instant_us = rp_col_i64(s, at + 4),
        .schedule = rp_col_str(s, at + 5, a),
    };
}

static bool read_job(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_job_row *row,
                     struct rp_job *out, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select " RP_JOB_ROW ", " RP_LEASED("j.payload") " from job j where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "job ", id, "reprise jobs");
    *row = rp_job_row_read(s);
    rp_leased_read(s, RP_JOB_ROW_N, a, out);
    rp_reset(s);
    return true;
}

static bool name_job(struct rp_db *db, const struct rp_job_row *row, struct rp_arena *a,
                     struct rp_job *job, struct rp_err *err)
{
    struct rp_name *type, *queue;
    if (!rp_type_of_id(db, row->type_id, &type, err) ||
        !rp_queue_of_id(db, row->queue_id, &queue, err))
        return false;
    job->id = row->id;
    job->type = rp_str_dup(a, type->name);
    job->queue = rp_str_dup(a, queue->name);
    job->state = row->state;
    job->attempts = row->attempts;
    job->max_attempts = row->max_attempts;
    job->last_n = row->last_n;
    job->created_us = row->created_us;
    job->due_us = row->due_us;
    job->started_us = row->started_us;
    job->replay_id = row->replay_id;
    return true;
}

#define ROW "(?, ?, ?, ?, ?, ?, ?, ?)"
#define INSERT                                                                                     \
    "insert or fail into lease(job_id, n, token, node, worker, started_at, deadline, command) "    \
    "values "
enum { COLUMNS = 8 };

static void bind_lease(struct rp_stmt *s, int at, const struct rp_lease *l,
                       const struct rp_grant *g)
{
    rp_bind_i64(s, at + 1, l->job.id);
    rp_bind_i64(s, at + 2, l->attempt);
    rp_bind_i64(s, at + 3, (int64_t)l->token);
    rp_bind_text(s, at + 4, g->node.p != NULL ? g->node : RP_STR(""));
    rp_bind_text(s, at + 5, g->worker.p != NULL ? g->worker : RP_STR(""));
    rp_bind_i64(s, at + 6, g->now_us);
    rp_bind_i64(s, at + 7, l->deadline_us);
    rp_bind_i64(s, at + 8, g->command);
}

/* Rows of one statement get ids in a row, the last of which is the one that the driver tells. */
static bool insert_leases(struct rp_db *db, struct rp_lease *l, size_t n, const struct rp_grant *g,
                          struct rp_err *err)
{
    while (n > 0) {
        size_t some = rp_rows_some(n);
        struct rp_stmt *s = rp_sql(db, RP_INSERT(some, INSERT, ROW));
        for (size_t i = 0; i < some; i++)
            bind_lease(s, (int)i * COLUMNS, &l[i], g);
        if (!rp_run(s, err))
            return false;
        for (size_t i = 0; i < some; i++)
            l[i].id = rp_last_id(db) - (int64_t)(some - 1 - i);
        l += some;
        n -= some;
    }
    return true;
}

bool rp_leases_write(struct rp_db *db, const struct rp_job_row *rows, size_t n,
                     const struct rp_grant *g, struct rp_arena *a, struct rp_lease *out,
                     struct rp_err *err)
{
    for (size_t i = 0; i < n; i++) {
        out[i].token = rp_db_random(db);
        out[i].deadline_us = g->deadline_us;
        out[i].attempt = rows[i].last_n;
        if (!rp_memory_next(db, &rows[i], &out[i].memory_bytes, err) ||
            !name_job(db, &rows[i], a, &out[i].job, err))
            return false;
    }
    return insert_leases(db, out, n, g, err);
}

bool rp_leases_grant(struct rp_db *db, const int64_t *job_ids, size_t n, const struct rp_grant *g,
                     struct rp_arena *a, struct rp_lease *out, struct rp_err *err)
{
    struct rp_job_row *rows = RP_NEW_N(a, struct rp_job_row, n);
    int64_t *first = RP_NEW_N(a, int64_t, n);
    struct rp_move m = {.now_us = g->now_us};
    for (size_t i = 0; i < n; i++)
        if (!read_job(db, job_ids[i], a, &rows[i], &out[i].job, err))
            return false;
    return rp_replay_given(db, rows, n, a, out, first, err) &&
           rp_jobs_begin(db, rows, n, &m, err) && rp_replay_started_claim(db, first, n, err) &&
           rp_leases_write(db, rows, n, g, a, out, err);
}

bool rp_held_read(struct rp_db *db, int64_t job_id, struct rp_arena *a, struct rp_held *out,
                  struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select node, worker, started_at, output_bytes from lease where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    enum rp_step step = rp_step(s, err);
    *out = (struct rp_held){0};
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    *out = (struct rp_held){rp_col_str(s, 0, a), rp_col_str(s, 1, a), rp_col_i64(s, 2),
                            rp_col_i64(s, 3)};
    rp_reset(s);
    return true;
}

/* ---- beats ---- */

static bool extend_one(struct rp_db *db, int64_t lease, uint64_t token, int64_t until_us, bool *ok,
                       struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update lease set deadline = max(deadline, ?3) where id = ?1 and token = ?2");
    rp_bind_i64(s, 1, lease);
    rp_bind_i64(s, 2, (int64_t)token);
    rp_bind_i64(s, 3, until_us);
    if (!rp_run(s, err))
        return false;
    *ok = rp_changes(db) == 1;
    return true;
}

bool rp_leases_extend(struct rp_db *db, const int64_t *leases, const uint64_t *tokens, size_t n,
                      int64_t until_us, bool *ok, struct rp_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!extend_one(db, leases[i], tokens[i], until_us, &ok[i], err))
            return false;
    return true;
}

bool rp_job_lease(struct rp_db *db, int64_t id, int64_t *lease, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from lease where job_id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_get_i64(s, 0, lease, err) &&
           (*lease != 0 || rp_fail(err, RP_E_NOT_FOUND, "job %lld is not running", (long long)id));
}

/* ---- clocks and gaps ---- */

enum { FAR_DAYS = 1 };

/* A deadline that lies days ahead was set by a clock that has been corrected since. */
bool rp_leases_spare(struct rp_db *db, int64_t until_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "update lease set deadline = ?1 where command = 0 and (deadline < ?1 or deadline > ?2)");
    rp_bind_i64(s, 1, until_us);
    rp_bind_i64(s, 2, until_us + FAR_DAYS * RP_US_DAY);
    return rp_run(s, err);
}

bool rp_jobs_clock_set(struct rp_db *db, int64_t by_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update lease set deadline = deadline + ?1");
    rp_bind_i64(s, 1, by_us);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "update job set due_at = due_at + ?1 where state in (1, 4) and state = 4");
    rp_bind_i64(s, 1, by_us);
    rp_db_changed(db, RP_CHANGED_DUE);
    return rp_run(s, err) && rp_holds_clock_set(db, by_us, err);
}

/* ---- those that ran out ---- */

struct lapsed {
    int64_t job_id;
    bool kill;
};

/* Collected before anything is moved: a statement must not walk an index that its loop changes. */
static bool collect(struct rp_stmt *s, struct rp_arena *a, int64_t max, struct lapsed **out,
                    size_t *n, struct rp_err *err)
{
    enum rp_step step = RP_STEP_DONE;
    *out = RP_NEW_N(a, struct lapsed, (size_t)max);
    *n = 0;
    while ((int64_t)*n < max && (step = rp_step(s, err)) == RP_STEP_ROW)
        (*out)[(*n)++] = (struct lapsed){rp_col_i64(s, 0), rp_col_i64(s, 1) != 0};
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

static const int64_t again_after_us = RP_US_MIN;

/* What cannot be ended by itself stays, a record of what runs nowhere, and keeps no other from it.
 */
static bool put_off(struct rp_db *db, int64_t job_id, int64_t now_us, struct rp_err *err)
{
    rp_log(RP_ERROR, "a lost attempt cannot be ended", "job=%lld code=%s error=%s",
           (long long)job_id, rp_code_slug(err->code), rp_log_q(rp_str_of(err->message)));
    struct rp_stmt *s = rp_sql(db, "update lease set deadline = ?2 where job_id = ?1");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, now_us + again_after_us);
    return rp_run(s, err);
}

static bool end_one(struct rp_db *db, const struct lapsed *v, int64_t now_us, int64_t *ended,
                    struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_savepoint(db, err))
        return false;
    if (rp_job_load(db, v->job_id, &j, err) && rp_attempt_lost(db, &j, v->kill, now_us, err)) {
        ++*ended;
        return rp_savepoint_release(db, err);
    }
    rp_savepoint_rollback(db);
    return !rp_store_broken(err) && put_off(db, v->job_id, now_us, err);
}

static bool end_lapsed(struct rp_db *db, const struct lapsed *v, size_t n, int64_t now_us,
                       int64_t *ended, struct rp_err *err)
{
    *ended = 0;
    for (size_t i = 0; i < n; i++)
        if (!end_one(db, &v[i], now_us, ended, err))
            return false;
    return true;
}

bool rp_leases_expire(struct rp_db *db, int64_t now_us, int64_t max, int64_t *expired,
                      int64_t *next_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct lapsed *v;
    size_t n;
    struct rp_stmt *s = rp_sql(
        db, "select job_id, kill from lease where deadline <= ?1 order by deadline limit ?2");
    rp_bind_i64(s, 1, now_us);
    rp_bind_i64(s, 2, max);
    bool ok = collect(s, &a, max, &v, &n, err) && end_lapsed(db, v, n, now_us, expired, err) &&
              rp_get_i64(rp_sql(db, "select min(deadline) from lease"), INT64_MAX, next_us, err);
    rp_arena_free(&a);
    return ok;
}

enum { ORPHANS_AT_ONCE = 1000 };

bool rp_leases_orphaned(struct rp_db *db, struct rp_str node, int64_t now_us, int64_t *n,
                        struct rp_err *err)
{
    size_t some;
    int64_t ended;
    bool ok;
    *n = 0;
    do {
        struct rp_arena a = {0};
        struct lapsed *v;
        struct rp_stmt *s =
            rp_sql(db, "select job_id, kill from lease where node = ?1 and command = 1 limit ?2");
        rp_bind_text(s, 1, node);
        rp_bind_i64(s, 2, ORPHANS_AT_ONCE);
        ok = collect(s, &a, ORPHANS_AT_ONCE, &v, &some, err) &&
             end_lapsed(db, v, some, now_us, &ended, err);
        *n += ok ? ended : 0;
        rp_arena_free(&a);
    } while (ok && some == ORPHANS_AT_ONCE && ended > 0);
    return ok;
}

enum { KILLS_MAX = 10000 };

bool rp_jobs_to_kill(struct rp_db *db, struct rp_arena *a, int64_t **leases, size_t *n,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from lease where kill > 0 order by id limit ?1");
    enum rp_step step;
    rp_bind_i64(s, 1, KILLS_MAX);
    struct rp_buf ids = {0};
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        int64_t id = rp_col_i64(s, 0);
        rp_buf_add(&ids, &id, sizeof id);
    }
    *n = ids.n / sizeof **leases;
    *leases = RP_NEW_N(a, int64_t, *n);
    if (*n > 0)
        memcpy(*leases, ids.p, ids.n);
    rp_buf_free(&ids);
    return step == RP_STEP_DONE;
}
