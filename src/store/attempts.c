/* Attempts of all jobs, in the order of their jobs: what leaves the store as a whole, for `export`.
 * A page is a range of ids, so that none reads more than its share, however few of the attempts are
 * asked for. */
#include "store/internal.h"
#include "store/rows.h"

enum { PAGE_JOBS = 20000, PAGE_BYTES = 16 << 20 };

#define EXPORTED                                                                                   \
    ", a.job_id, t.name, q.name, j.state, j.last_n, j.labels, c.name, p.id, p.template, p.name,"   \
    " coalesce(p.class_by_person, p.class), p.grp, p.action"                                       \
    " from job j cross join attempt a on a.job_id = j.id join job_type t on t.id = j.type_id"      \
    " join queue q on q.id = j.queue_id left join schedule c on c.id = j.schedule_id"              \
    " left join pattern p on p.id = " RP_PATTERN_NOW(                                              \
        "a.pattern_id") " where j.id > ?1 and j.id <= ?2"                                          \
                        " and (?3 is null or +j.type_id = ?3) and coalesce(a.ended_at, "           \
                        "a.started_at) >= ?4"                                                      \
                        " and coalesce(a.ended_at, a.started_at) < ?5 order by j.id, a.n"

static struct rp_job_attempt row(struct rp_stmt *s, struct rp_arena *a)
{
    int c = RP_ATTEMPT_COLUMNS_N;
    int64_t job = rp_col_i64(s, c), last_n = rp_col_i64(s, c + 4);
    struct rp_attempt attempt = rp_attempt_row(s, job, a);
    return (struct rp_job_attempt){.attempt = attempt,
                                   .type = rp_col_str(s, c + 1, a),
                                   .queue = rp_col_str(s, c + 2, a),
                                   .state = (enum rp_state)rp_col_i64(s, c + 3),
                                   .newest = attempt.n == last_n,
                                   .labels = rp_col_str(s, c + 5, a),
                                   .schedule = rp_col_str(s, c + 6, a),
                                   .pattern = {.id = rp_col_i64(s, c + 7),
                                               .template = rp_col_str(s, c + 8, a),
                                               .name = rp_col_str(s, c + 9, a),
                                               .class = rp_col_str(s, c + 10, a),
                                               .group = rp_col_str(s, c + 11, a),
                                               .action = rp_col_str(s, c + 12, a)}};
}

/* Where the page ends at the latest; *last if no job is behind it. */
static bool page_end(struct rp_db *db, int64_t after_job, int64_t *end, bool *last,
                     struct rp_err *err)
{
    int64_t newest;
    if (!rp_get_i64(rp_sql(db, "select max(id) from job"), 0, &newest, err))
        return false;
    *last = newest - after_job <= PAGE_JOBS;
    *end = *last ? newest : after_job + PAGE_JOBS;
    return true;
}

static void bind_page(struct rp_stmt *s, const struct rp_attempts_filter *f, int64_t type,
                      int64_t end)
{
    rp_bind_i64(s, 1, f->after_job);
    rp_bind_i64(s, 2, end);
    rp_bind_id(s, 3, type);
    rp_bind_i64(s, 4, f->since_us != 0 ? f->since_us : INT64_MIN);
    rp_bind_i64(s, 5, f->until_us != 0 ? f->until_us : INT64_MAX);
}

bool rp_attempts_page(struct rp_db *db, const struct rp_attempts_filter *f, struct rp_arena *a,
                      struct rp_job_attempt **out, size_t *n, int64_t *next, struct rp_err *err)
{
    int64_t type = 0, end;
    bool last;
    *n = 0;
    *out = NULL;
    if ((f->type.p != NULL && !rp_type_need(db, f->type, &type, err)) ||
        !page_end(db, f->after_job, &end, &last, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "select " RP_ATTEMPT_COLUMNS("a.") EXPORTED);
    bind_page(s, f, type, end);
    enum rp_step step;
    size_t bytes = 0;
    *next = last ? 0 : end;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        struct rp_job_attempt one = row(s, a);
        int64_t before = *n > 0 ? (*out)[*n - 1].attempt.job_id : 0;
        if ((*n >= (size_t)f->limit || bytes > PAGE_BYTES) && one.attempt.job_id != before) {
            *next = before; /* a job's attempts stay together */
            rp_reset(s);
            return true;
        }
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[(*n)++] = one;
        bytes += one.attempt.error.n + one.labels.n;
    }
    return step == RP_STEP_DONE;
}
