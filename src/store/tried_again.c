/* Failures that a replay (or the retry of one job) has run again since: their jobs are no longer
 * what they were, but the items of replays know when and how they had failed. */
#include "store/analysis.h"

#include "store/internal.h"
#include "store/rows.h"

/* Let out by the replay (fates), so that each failure is there once; from failed or unknown. */
#define ITEM                                                                                       \
    "select i.job_id, i.type_id, j.queue_id, " RP_PATTERN_NOW(                                     \
        "i.pattern_before") ", j.schedule_id, i.ended_before, a.node, a.worker, j.labels"          \
                            " from replay_item i join job j on j.id = i.job_id"                    \
                            " left join attempt a on a.job_id = i.job_id and a.n = i.n_before"     \
                            " where i.replay_id = ?1 and i.seq between ?2 and ?3"                  \
                            " and i.fate in (2, 3, 4, 5, 7) and i.state_before in (6, 8)"          \
                            " and i.ended_before >= ?4 and i.ended_before < ?5"                    \
                            " and (?6 is null or i.type_id = ?6) order by i.seq"

struct replayed {
    int64_t id, first, n; /* seq of its first item */
};

/* Those that may hold failures of the window: later than its beginning, of the 20,000 newest (the
 * retry of one job is a replay, too). */
static bool read_replays(struct rp_db *db, int64_t since_us, struct rp_arena *a,
                         struct replayed **out, size_t *n, int64_t *items, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select r.id, (select min(seq) from replay_item i where i.replay_id = r.id),"
            " (select max(seq) from replay_item i where i.replay_id = r.id)"
            " from (select id, created_at, started_at from replay order by id desc limit 20000) r"
            " where r.created_at >= ?1 and r.started_at is not null order by r.id");
    rp_bind_i64(s, 1, since_us);
    enum rp_step step;
    *out = NULL;
    *items = 0;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW;) {
        if (rp_col_null(s, 1))
            continue;
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        struct replayed *r = &(*out)[(*n)++];
        *r = (struct replayed){rp_col_i64(s, 0), rp_col_i64(s, 1),
                               rp_col_i64(s, 2) - rp_col_i64(s, 1) + 1};
        *items += r->n;
    }
    return step == RP_STEP_DONE;
}

static bool read_items(struct rp_db *db, const struct rp_window *in, const struct replayed *r,
                       int64_t from, int64_t to, struct rp_arena *a, struct rp_ended_rows *rows,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, ITEM);
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, from);
    rp_bind_i64(s, 3, to);
    rp_bind_i64(s, 4, in->since_us);
    rp_bind_i64(s, 5, in->until_us);
    rp_bind_id(s, 6, in->type_id);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        rp_ended_take(s, true, a, rows);
    return step == RP_STEP_DONE;
}

bool rp_ended_tried_again(struct rp_db *db, const struct rp_window *in, int64_t limit,
                          struct rp_arena *a, struct rp_ended_rows *rows, int64_t *of,
                          struct rp_err *err)
{
    struct replayed *replays;
    size_t n, before = rows->n;
    int64_t items, asked = 0, passed = 0; /* passed: items of the replays before */
    if (!read_replays(db, in->since_us, a, &replays, &n, &items, err))
        return false;
    bool all = items <= limit;
    for (size_t i = 0; i < n; passed += replays[i++].n) {
        const struct replayed *r = &replays[i];
        if (all && !read_items(db, in, r, r->first, r->first + r->n - 1, a, rows, err))
            return false;
        /* Else `limit` of all items, evenly spread. */
        for (int64_t at; !all && asked < limit; asked++) {
            at = (int64_t)((double)items * (double)asked / (double)limit) - passed;
            if (at >= r->n)
                break;
            if (!read_items(db, in, r, r->first + at, r->first + at, a, rows, err))
                return false;
        }
    }
    *of = (int64_t)(rows->n - before);
    if (!all)
        *of = (int64_t)((double)*of * ((double)items / (double)limit) + .5);
    return true;
}
