#include "store/registry.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

/* ---- reading ---- */

#define COUNT(state) "(select sum(n) from tally where state = " state " and queue_id = q.id)"

static void read_queue(struct rp_stmt *s, struct rp_arena *a, struct rp_queue_row *q)
{
    *q = (struct rp_queue_row){
        .id = rp_col_i64(s, 0),
        .name = rp_col_str(s, 1, a),
        .paused_by = rp_col_str(s, 2, a),
        .paused_us = rp_col_i64(s, 3),
        .max_running = rp_col_i64(s, 4),
        .weight = rp_col_i64(s, 5),
        .scheduled = rp_col_i64(s, 6),
        .waiting = rp_col_i64(s, 7),
        .retrying = rp_col_i64(s, 8),
        .failed = rp_col_i64(s, 9),
        .running = rp_col_i64(s, 10),
        .held = rp_col_i64(s, 11),
        .done_5m = rp_col_i64(s, 12),
        .failed_5m = rp_col_i64(s, 13),
    };
}

/* ?1: the minute before the last 5. cross: from the few leases to their jobs, whatever the planner
 * thinks. */
static const char select_queues[] =
    "with live as materialized (select j.queue_id, count(*) as n from lease l"
    "  cross join job j where j.id = l.job_id group by j.queue_id),"
    " held as materialized (select y.queue_id, sum(y.n) as n from tally y"
    "  join job_type t on t.id = y.type_id where y.state = 2 and " RP_TYPE_WAITS
    "  group by y.queue_id),"
    " recent as materialized (select queue_id, sum(n) as done,"
    "  sum(case when outcome in (2, 3, 4) then n else 0 end) as failed"
    "  from rollup where minute > ?1 and final = 1 group by queue_id)"
    " select q.id, q.name, q.paused_by, q.paused_at, q.max_running, q.weight,"
    " " COUNT("1") ", " COUNT("2") ", " COUNT("4") ", " COUNT(
        "6") ", live.n, held.n,"
             " recent.done, recent.failed from queue q left join live on live.queue_id = q.id"
             " left join held on held.queue_id = q.id left join recent on recent.queue_id = q.id"
             " order by q.name limit 10000";

bool rp_queues_list(struct rp_db *db, int64_t now_us, struct rp_arena *a, struct rp_queue_row **out,
                    size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, select_queues);
    rp_bind_i64(s, 1, now_us / RP_US_MIN - 5);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_queue(s, a, &(*out)[*n]);
    }
    for (size_t i = 0; step == RP_STEP_DONE && i < *n; i++)
        if ((*out)[i].waiting > 0 && !rp_queue_oldest(db, (*out)[i].id, &(*out)[i].oldest_us, err))
            return false;
    return step == RP_STEP_DONE;
}

/* ---- pause ---- */

static bool set_pause(struct rp_db *db, int64_t id, int64_t at_us, struct rp_str by,
                      struct rp_str why, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "update queue set paused_at = ?2, paused_by = ?3, paused_why = ?4 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_id(s, 2, at_us);
    rp_bind_text(s, 3, by);
    rp_bind_text(s, 4, why);
    rp_lanes_ruled(db);
    return rp_run(s, err);
}

/* Pausing what is paused, or resuming what is not, changes nothing and is no intervention. */
bool rp_queue_pause(struct rp_db *db, struct rp_str name, bool pause, struct rp_str actor,
                    struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id, paused_at is not null from queue where name = ?1");
    rp_bind_text(s, 1, name);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent(err, "queue", name, "reprise queues");
    int64_t id = rp_col_i64(s, 0);
    if ((rp_col_i64(s, 1) != 0) == pause)
        return true;
    struct rp_arena a = {0};
    bool ok = set_pause(db, id, pause ? now_us : 0, pause ? actor : RP_NONE,
                        pause ? reason : RP_NONE, err) &&
              rp_audit(db, actor, pause ? "queue.pause" : "queue.resume",
                       rp_str_fmt(&a, "queue %.*s", RP_FMT(name)), "REVERSIBLE",
                       rp_detail(&a, reason, RP_NONE, RP_NONE), now_us, err);
    rp_arena_free(&a);
    if (ok)
        rp_db_changed(db, pause ? RP_CHANGED_JOBS : RP_CHANGED_JOBS | RP_CHANGED_CLAIMS);
    return ok;
}
