#include "analyze/poison.h"

#include "replay/internal.h"

#include <stdlib.h>

static int by_job(const void *id, const void *candidate)
{
    const int64_t *a = id;
    const struct rp_candidate *b = candidate;
    return (*a > b->job_id) - (*a < b->job_id);
}

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
        for (size_t k = 0; k < poison[p].n_jobs; k++) {
            struct rp_candidate *c = bsearch(&poison[p].jobs[k], found, n, sizeof *found, by_job);
            if (c != NULL)
                c->poison = true;
        }
    return true;
}
