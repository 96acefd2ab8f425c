/* Since when a queue waits: the due time of its oldest queued job.
 *
 * In job_ready, the jobs of a queue, type and priority lie by due time: the first of each such
 * group is its oldest. The groups are found by jumping from one to the next, as a claim does, so
 * the cost is that of the groups, not of the jobs. */
#include "store/internal.h"
#include "store/registry.h"
#include "store/replays.h"

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

/* What waits for a dependency or for its type's settings takes nothing from anybody. */
static bool type_waits(struct rp_db *db, int64_t type_id, bool *waits, struct rp_err *err)
{
    int64_t n;
    struct rp_stmt *s =
        rp_sql(db, "select count(*) from job_type t where t.id = ?1 and " RP_TYPE_WAITS);
    rp_bind_i64(s, 1, type_id);
    if (!rp_get_i64(s, 0, &n, err))
        return false;
    *waits = n > 0;
    return true;
}

/* Which jobs of a queue count. */
struct which {
    bool held;              /* those whose type waits, too */
    int64_t live_before_us; /* only those that no replay has let out, due before then; 0: all */
};

static bool first_of(struct rp_db *db, int64_t queue_id, const struct which *which, int64_t type_id,
                     int64_t priority, int64_t *due_us, struct rp_err *err)
{
    bool waits = false;
    if (!which->held && !type_waits(db, type_id, &waits, err))
        return false;
    if (waits)
        *due_us = 0;
    return waits || which->live_before_us == 0 ||
           oldest_live(db, queue_id, type_id, priority, which->live_before_us, due_us, err);
}

static bool oldest(struct rp_db *db, int64_t queue_id, const struct which *which, int64_t *due_us,
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
        if (!first_of(db, queue_id, which, type_id, priority, &first, err))
            return false;
        if (first != 0 && (*due_us == 0 || first < *due_us))
            *due_us = first;
    }
    return step == RP_STEP_DONE;
}

bool rp_queue_oldest(struct rp_db *db, int64_t queue_id, int64_t *due_us, struct rp_err *err)
{
    return oldest(db, queue_id, &(struct which){.held = true}, due_us, err);
}

static bool name_of(struct rp_db *db, int64_t queue_id, struct rp_str *name, struct rp_err *err)
{
    struct rp_name *e;
    if (!rp_queue_of_id(db, queue_id, &e, err))
        return false;
    *name = e->name;
    return true;
}

bool rp_queue_waits(struct rp_db *db, int64_t queue_id, struct rp_str *name, int64_t *due_us,
                    struct rp_err *err)
{
    return name_of(db, queue_id, name, err) &&
           oldest(db, queue_id, &(struct which){.held = false}, due_us, err);
}

/* ---- beside a replay ---- */

static bool next_queue(struct rp_db *db, int64_t replay_id, int64_t *queue_id, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select min(queue_id) from replay_queue where replay_id = ?1 and queue_id > ?2");
    rp_bind_i64(s, 1, replay_id);
    rp_bind_i64(s, 2, *queue_id);
    return rp_get_i64(s, 0, queue_id, err);
}

bool rp_replay_live_waits(struct rp_db *db, int64_t replay_id, int64_t before_us,
                          struct rp_str *queue, int64_t *due_us, struct rp_err *err)
{
    struct which which = {.live_before_us = before_us};
    int64_t id = 0;
    *due_us = 0;
    while (*due_us == 0) {
        if (!next_queue(db, replay_id, &id, err))
            return false;
        if (id == 0)
            return true;
        if (!oldest(db, id, &which, due_us, err))
            return false;
    }
    return name_of(db, id, queue, err);
}
