/* A plan by what its jobs are and why they failed: type × pattern, matched and to replay (rule 4).
 */
#include "replay/internal.h"

#include <stdlib.h>

static int order(const struct rp_plan_kind *k, int64_t type_id, int64_t pattern_id)
{
    if (k->type_id != type_id)
        return k->type_id < type_id ? -1 : 1;
    return (k->pattern_id > pattern_id) - (k->pattern_id < pattern_id);
}

/* Where it is, or belongs, among those found so far. */
static size_t place_of(const struct rp_plan *plan, const struct rp_candidate_kind *of)
{
    size_t low = 0, high = plan->n_kinds;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (order(&plan->kinds[mid], of->type_id, of->pattern_id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void make_place(struct rp_arena *a, struct rp_plan *plan, size_t at,
                       const struct rp_candidate_kind *of)
{
    size_t n = plan->n_kinds;
    if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, … */
        struct rp_plan_kind *more = RP_NEW_N(a, struct rp_plan_kind, n > 0 ? 2 * n : 1);
        if (n > 0)
            memcpy(more, plan->kinds, n * sizeof *more);
        plan->kinds = more;
    }
    memmove(&plan->kinds[at + 1], &plan->kinds[at], (n - at) * sizeof *plan->kinds);
    plan->kinds[at] = (struct rp_plan_kind){.type = of->type,
                                            .error_class = of->error_class,
                                            .type_id = of->type_id,
                                            .pattern_id = of->pattern_id};
    plan->n_kinds++;
}

struct rp_plan_kind *plan_kind(struct rp_arena *a, struct rp_plan *plan,
                               const struct rp_candidate_kind *of)
{
    size_t at = place_of(plan, of);
    if (at == plan->n_kinds || order(&plan->kinds[at], of->type_id, of->pattern_id) != 0)
        make_place(a, plan, at, of);
    return &plan->kinds[at];
}

static int most_matched_first(const void *x, const void *y)
{
    const struct rp_plan_kind *a = x, *b = y;
    return a->matched != b->matched ? (a->matched < b->matched ? 1 : -1)
                                    : order(a, b->type_id, b->pattern_id);
}

void plan_kinds_done(struct rp_plan *plan)
{
    if (plan->n_kinds > 0)
        qsort(plan->kinds, plan->n_kinds, sizeof *plan->kinds, most_matched_first);
}
