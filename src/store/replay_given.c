/* What a replay gives the attempts of its items instead of the job's own: a fresh key, a changed
 * payload (rules 18, 19). The job's row keeps both as they are, so there is nothing to undo. What a
 * compensation takes back is told to each of its attempts, also to that of a plain retry. */
#include "store/replays_internal.h"

#include <stdio.h>

/* One for all tries of the item, so that the second of them is known as the same work. */
bool rp_replay_give_key(struct rp_db *db, int64_t id, int64_t seq, const struct rp_job_row *j,
                        struct rp_err *err)
{
    const struct rp_type *type = rp_type_settings(db, j->type_id);
    if (type == NULL || type->replay_key != RP_REPLAY_KEY_NEW)
        return true;
    char key[64];
    (void)snprintf(key, sizeof key, "R%lld-%lld-%016llx", (long long)id, (long long)j->id,
                   (unsigned long long)rp_db_random(db));
    struct rp_stmt *s = rp_sql(
        db, "update replay_item set key = coalesce(key, ?3) where replay_id = ?1 and seq = ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, seq);
    rp_bind_text(s, 3, rp_str_of(key));
    return rp_run(s, err);
}

bool rp_replay_given(struct rp_db *db, const struct rp_job_row *j, struct rp_arena *a,
                     struct rp_job *job, int64_t *first, struct rp_err *err)
{
    *first = 0;
    if (!rp_job_compensates(db, j->id, a, &job->compensates, err))
        return false;
    if (j->replay_id == 0)
        return true;
    struct rp_stmt *s = rp_sql(db, "select key, payload, fate = 2 and n_before = ?3 from"
                                   " replay_item where job_id = ?1 and replay_id = ?2");
    rp_bind_i64(s, 1, j->id);
    rp_bind_i64(s, 2, j->replay_id);
    rp_bind_i64(s, 3, j->last_n);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ROW) {
        job->key = rp_col_null(s, 0) ? job->key : rp_col_str(s, 0, a);
        job->payload = rp_col_null(s, 1) ? job->payload : rp_col_str(s, 1, a);
        *first = rp_col_i64(s, 2) != 0 ? j->replay_id : 0;
        rp_reset(s);
    }
    return step != RP_STEP_ERROR;
}
