/* Jobs that failed again and again: by themselves, or with others of the same type and payload. */
#include "store/analysis.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

#include <stdlib.h>

enum {
    TRIES_LEAST = 3,
    JOBS_OF_ONE = 200,     /* of very many jobs with one payload the newest say as much */
    SUCCESSES_MOST = 10000 /* looked at for one payload */
};

#define PAYLOAD_MOST "65536" /* a longer one is not read: it counts as the job's own */

struct failed_job {
    int64_t id, type_id, tries;
    uint64_t what;
};

static uint64_t what_of(struct rp_stmt *s, int column, int64_t type_id)
{
    if (rp_col_null(s, column))
        return 0;
    return (rp_hash64(rp_col_view(s, column)) ^ ((uint64_t)type_id * 0x9E3779B97F4A7C15u)) | 1;
}

static bool newest(struct rp_db *db, const struct rp_window *in, int64_t limit, struct rp_arena *a,
                   struct failed_job **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select id, type_id, last_n, case when length(payload) <= " PAYLOAD_MOST
                   " then payload end from job where state in (6, 8) and ended_at >= ?1"
                   " and ended_at < ?2 and (?3 is null or +type_id = ?3)"
                   " order by ended_at desc limit ?4");
    rp_bind_i64(s, 1, in->since_us);
    rp_bind_i64(s, 2, in->until_us);
    rp_bind_id(s, 3, in->type_id);
    rp_bind_i64(s, 4, limit);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct failed_job){.id = rp_col_i64(s, 0),
                                         .type_id = rp_col_i64(s, 1),
                                         .tries = rp_col_i64(s, 2),
                                         .what = what_of(s, 3, rp_col_i64(s, 1))};
    }
    return step == RP_STEP_DONE;
}

static int together(const void *x, const void *y)
{
    const struct failed_job *a = x, *b = y;
    if (a->what != b->what)
        return a->what < b->what ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static bool add_tries(struct rp_db *db, const struct failed_job *job, struct rp_arena *a,
                      struct rp_failing **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select " RP_PATTERN_NOW(
                "a.pattern_id") ", a.ended_at, a.node, t.name from attempt a"
                                " join job_type t on t.id = ?2 where a.job_id = ?1 and a.outcome "
                                "in (2, 3, 4)"
                                " and a.pattern_id > 0 and a.ended_at is not null order by a.n");
    rp_bind_i64(s, 1, job->id);
    rp_bind_i64(s, 2, job->type_id);
    enum rp_step step;
    for (; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_failing){.job_id = job->id,
                                         .type_id = job->type_id,
                                         .what = job->what,
                                         .pattern_id = rp_col_i64(s, 0),
                                         .ended_us = rp_col_i64(s, 1),
                                         .node = rp_col_str(s, 2, a),
                                         .type = rp_col_str(s, 3, a)};
    }
    return step == RP_STEP_DONE;
}

bool rp_failing_again(struct rp_db *db, const struct rp_window *in, int64_t limit,
                      struct rp_arena *a, struct rp_failing **out, size_t *n, struct rp_err *err)
{
    struct failed_job *jobs;
    size_t n_jobs;
    *out = NULL;
    *n = 0;
    if (!newest(db, in, limit, a, &jobs, &n_jobs, err))
        return false;
    if (n_jobs > 0)
        qsort(jobs, n_jobs, sizeof *jobs, together);
    for (size_t from = 0, to; from < n_jobs; from = to) {
        int64_t tries = 0;
        for (to = from; to < n_jobs &&
                        (to == from || (jobs[from].what != 0 && jobs[to].what == jobs[from].what));
             to++)
            tries += jobs[to].tries;
        size_t first = to - from > JOBS_OF_ONE ? to - JOBS_OF_ONE : from;
        for (size_t i = first; tries >= TRIES_LEAST && i < to; i++)
            if (!add_tries(db, &jobs[i], a, out, n, err))
                return false;
    }
    return true;
}

bool rp_payload_succeeded(struct rp_db *db, int64_t type_id, uint64_t what, int64_t from_us,
                          int64_t to_us, bool *did, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select payload from job where type_id = ?1"
                   " and id >= (select coalesce(max(first_id), 0) from job_hour where hour < ?2)"
                   " and state = 5 and ended_at between ?3 and ?4"
                   " and length(payload) <= " PAYLOAD_MOST " order by id limit ?5");
    rp_bind_i64(s, 1, type_id);
    rp_bind_i64(s, 2, from_us / RP_US_H);
    rp_bind_i64(s, 3, from_us);
    rp_bind_i64(s, 4, to_us);
    rp_bind_i64(s, 5, SUCCESSES_MOST);
    enum rp_step step;
    *did = false;
    while (!*did && (step = rp_step(s, err)) == RP_STEP_ROW)
        *did = what_of(s, 0, type_id) == what;
    if (*did)
        rp_reset(s);
    return *did || step == RP_STEP_DONE;
}
