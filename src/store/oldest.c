/* Since when a queue waits: the due time of its oldest queued job.
 *
 * In job_ready, the jobs of a queue, type and priority lie by due time: the first of each such
 * group is its oldest. The groups are found by jumping from one to the next, as a claim does, so
 * the cost is that of the groups, not of the jobs. */
#include "store/internal.h"
#include "store/registry.h"

static struct rp_stmt *next_group(struct rp_db *db, int64_t queue_id, int64_t type_id,
                                  int64_t priority)
{
    struct rp_stmt *s = rp_sql(
        db, "select type_id, priority, due_at from (select * from (select type_id, priority, due_at"
            "  from job indexed by job_ready where state = 2 and queue_id = ?1 and type_id = ?2"
            "  and priority < ?3 order by priority desc, due_at limit 1)"
            " union all select * from (select type_id, priority, due_at from job indexed by"
            "  job_ready where state = 2 and queue_id = ?1 and type_id > ?2"
            "  order by type_id, priority desc, due_at limit 1)) limit 1");
    rp_bind_i64(s, 1, queue_id);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, priority);
    return s;
}

/* Those that replays have let out are in the index like all others: a million of them may have been
 * let out just now, so only what has been due for long is looked at. */
static bool oldest_live(struct rp_db *db, int64_t queue_id, int64_t type_id, int64_t priority,
                        int64_t before_us, int64_t *due_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select due_at from job indexed by job_ready where state = 2 and queue_id = ?1"
        " and type_id = ?2 and priority = ?3 and due_at < ?4 and not exists(select 1 from "
        "replay_item i"
        "  where i.job_id = job.id and i.fate in (1, 2) and i.fate = 2) order by due_at limit 1");
    rp_bind_i64(s, 1, queue_id);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, priority);
    rp_bind_i64(s, 4, before_us);
    return rp_get_i64(s, 0, due_us, err);
}

bool rp_queue_oldest(struct rp_db *db, int64_t queue_id, int64_t live_before_us, int64_t *due_us,
                     struct rp_err *err)
{
    int64_t type_id = 0, priority = INT64_MIN;
    enum rp_step step;
    struct rp_stmt *s;
    *due_us = 0;
    while ((step = rp_step(s = next_group(db, queue_id, type_id, priority), err)) == RP_STEP_ROW) {
        int64_t first = rp_col_i64(s, 2);
        type_id = rp_col_i64(s, 0);
        priority = rp_col_i64(s, 1);
        rp_reset(s);
        if (live_before_us != 0 &&
            !oldest_live(db, queue_id, type_id, priority, live_before_us, &first, err))
            return false;
        if (first != 0 && (*due_us == 0 || first < *due_us))
            *due_us = first;
    }
    return step == RP_STEP_DONE;
}
