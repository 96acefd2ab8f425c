/* How many jobs wait or are unresolved, by state, type and queue: counted with each move, in its
 * transaction, so that a count costs the same with any history (G19) and agrees with the rows
 * (G30). Written here and not by triggers, which take three times as long: SQLite journals each
 * statement that has one. */
#include "base/time.h"
#include "store/internal.h"

static bool counted(enum rp_state s)
{
    return s == RP_SCHEDULED || s == RP_QUEUED || s == RP_RETRYING || s == RP_FAILED ||
           s == RP_UNKNOWN;
}

/* Unresolved jobs are counted by the hour in which they ended. */
static int64_t hour_of(const struct rp_job_row *j)
{
    return j->state == RP_FAILED || j->state == RP_UNKNOWN ? j->ended_us / RP_US_H : 0;
}

static bool add(struct rp_db *db, const struct rp_job_row *j, int64_t n, struct rp_err *err)
{
    if (!counted(j->state))
        return true;
    struct rp_stmt *s = rp_sql(db, "insert into tally(state, type_id, queue_id, hour, n)"
                                   " values(?1, ?2, ?3, ?4, ?5)"
                                   " on conflict do update set n = n + excluded.n");
    rp_bind_i64(s, 1, j->state);
    rp_bind_i64(s, 2, j->type_id);
    rp_bind_i64(s, 3, j->queue_id);
    rp_bind_i64(s, 4, hour_of(j));
    rp_bind_i64(s, 5, n);
    return rp_run(s, err);
}

bool rp_tally_move(struct rp_db *db, const struct rp_job_row *before,
                   const struct rp_job_row *after, struct rp_err *err)
{
    return (before == NULL || add(db, before, -1, err)) &&
           (after == NULL || add(db, after, 1, err));
}

bool rp_tally_sweep(struct rp_db *db, struct rp_err *err)
{
    return rp_run(rp_sql(db, "delete from tally where n = 0"), err);
}
