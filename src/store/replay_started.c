/* How many items of a replay have started and have no fate yet (replay_test.running): what the halt
 * test counts as successes until they have ended (rule 14). Kept with each move that changes it,
 * because to count them anew is to look at every item. An item has started when its job, with the
 * replay's id, has an attempt after the one that was planned. */
#include "store/replays_internal.h"

bool rp_replay_started_add(struct rp_db *db, int64_t replay_id, int64_t n, struct rp_err *err)
{
    if (n == 0)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "update replay_test set running = running + ?2 where replay_id = ?1");
    rp_bind_i64(s, 1, replay_id);
    rp_bind_i64(s, 2, n);
    return rp_run(s, err);
}

/* Whether the job is an item that is out of the replay of its row, and started. */
static bool started(struct rp_db *db, const struct rp_job_row *j, bool *is, struct rp_err *err)
{
    int64_t yes;
    struct rp_stmt *s =
        rp_sql(db, "select 1 from replay_item indexed by replay_item_job where"
                   " job_id = ?1 and replay_id = ?2 and fate = 2 and n_before < ?3");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->replay_id);
    rp_bind_i64(s, 3, j->last_n);
    if (!rp_get_i64(s, 0, &yes, err))
        return false;
    *is = yes != 0;
    return true;
}

static bool add_if_started(struct rp_db *db, const struct rp_job_row *j, int64_t n,
                           struct rp_err *err)
{
    bool is = false;
    if (j->replay_id == 0)
        return true;
    return started(db, j, &is, err) && (!is || rp_replay_started_add(db, j->replay_id, n, err));
}

bool rp_replay_started_move(struct rp_db *db, const struct rp_job_row *before,
                            const struct rp_job_row *after, struct rp_err *err)
{
    return before->replay_id == after->replay_id ||
           (add_if_started(db, before, -1, err) && add_if_started(db, after, 1, err));
}

bool rp_replay_started_claim(struct rp_db *db, const int64_t *replay_ids, size_t n,
                             struct rp_err *err)
{
    for (size_t i = 0; i < n;) {
        size_t same = i;
        while (same < n && replay_ids[same] == replay_ids[i])
            same++;
        if (replay_ids[i] != 0 &&
            !rp_replay_started_add(db, replay_ids[i], (int64_t)(same - i), err))
            return false;
        i = same;
    }
    return true;
}
