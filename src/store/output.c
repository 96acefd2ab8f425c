/* What attempts leave behind while they run, and what a type's runs are usually like. */
#include "store/internal.h"

#include <stdlib.h>

bool rp_job_output_partial(struct rp_db *db, int64_t lease, struct rp_str packed,
                           int64_t total_bytes, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "insert into output(job_id, n, packed) select job_id, n, ?2 from lease where id = ?1 "
            "on conflict(job_id, n) do update set packed = excluded.packed");
    rp_bind_i64(s, 1, lease);
    rp_bind_blob(s, 2, packed);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "update lease set output_bytes = ?2 where id = ?1");
    rp_bind_i64(s, 1, lease);
    rp_bind_i64(s, 2, total_bytes);
    return rp_run(s, err);
}

enum { USUAL_RUNS = 20, USUAL_LOOK = 200 };

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *v, size_t n)
{
    if (n == 0)
        return 0;
    qsort(v, n, sizeof *v, ascending);
    return n % 2 != 0 ? v[n / 2] : v[n / 2 - 1] + (v[n / 2] - v[n / 2 - 1]) / 2;
}

/* Of the type's newest USUAL_LOOK jobs with ids up to `until`. */
static bool usual_up_to(struct rp_db *db, int64_t type_id, int64_t until, struct rp_usual *out,
                        struct rp_err *err)
{
    int64_t bytes[USUAL_RUNS], took[USUAL_RUNS];
    size_t n = 0, n_bytes = 0;
    enum rp_step step;
    struct rp_stmt *s = rp_sql(
        db, "select a.duration_us, a.contract_bytes from (select id, last_n from job where type_id "
            "= ?1 and id <= ?4 "
            "order by id desc limit ?2) j join attempt a on a.job_id = j.id and a.n = j.last_n "
            "where a.outcome = 1 order by j.id desc limit ?3");
    rp_bind_i64(s, 1, type_id);
    rp_bind_i64(s, 2, USUAL_LOOK);
    rp_bind_i64(s, 3, USUAL_RUNS);
    rp_bind_i64(s, 4, until);
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        took[n++] = rp_col_i64(s, 0);
        if (!rp_col_null(s, 1))
            bytes[n_bytes++] = rp_col_i64(s, 1);
    }
    *out = (struct rp_usual){(int64_t)n, median(bytes, n_bytes), median(took, n)};
    return step == RP_STEP_DONE;
}

/* Where none of the newest jobs has succeeded, as in an outage, twice as far back each time: what
 * was usual before it is found if that time was as long, and a type that fails all the time costs
 * little more than others. */
bool rp_type_usual(struct rp_db *db, struct rp_str type, struct rp_usual *out, struct rp_err *err)
{
    int64_t id, newest;
    *out = (struct rp_usual){0};
    if (!rp_type_need(db, type, &id, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "select coalesce(max(id), 0) from job where type_id = ?1");
    rp_bind_i64(s, 1, id);
    if (!rp_get_i64(s, 0, &newest, err))
        return false;
    for (int64_t back = 0; out->n == 0 && newest > back; back = back == 0 ? USUAL_LOOK : 2 * back)
        if (!usual_up_to(db, id, newest - back, out, err))
            return false;
    return true;
}
