#include "analyze/poison.h"

#include "replay/internal.h"

bool mark_poison(struct rp_db *db, const struct rp_replay_ask *ask, struct rp_arena *a,
                 struct rp_candidate *found, size_t n, struct rp_err *err)
{
    struct rp_poison *poison;
    size_t n_poison;
    int64_t since = INT64_MAX, until = 0;
    for (size_t i = 0; i < n; i++) {
        since = found[i].ended_us < since ? found[i].ended_us : since;
        until = found[i].ended_us >= until ? found[i].ended_us + 1 : until;
    }
    if (ask->n_ids > 0 || n == 0)
        return true;
    if (!rp_poison_find(db, since, until, 0, a, &poison, &n_poison, err))
        return false;
    for (size_t p = 0; p < n_poison; p++)
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < poison[p].n_jobs && !found[i].poison; k++)
                found[i].poison = found[i].job_id == poison[p].jobs[k];
    return true;
}
