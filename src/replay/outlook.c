/* What a plan's items would probably come to, pattern by pattern: from how earlier retries and
 * replays after failures of that pattern went. */
#include "replay/internal.h"

#include <stdlib.h>

static int most_items_first(const void *x, const void *y)
{
    const struct rp_plan_pattern *a = x, *b = y;
    return a->items != b->items ? (a->items < b->items ? 1 : -1)
                                : (a->pattern_id > b->pattern_id) - (a->pattern_id < b->pattern_id);
}

/* Where it is, or belongs, among those found so far, which lie by their ids. */
static size_t place_of(const struct rp_plan_outlook *out, int64_t id)
{
    size_t low = 0, high = out->n_patterns;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (out->patterns[mid].pattern_id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void make_place(struct rp_arena *a, struct rp_plan_outlook *out, size_t at, int64_t id)
{
    size_t n = out->n_patterns;
    if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, … */
        struct rp_plan_pattern *more = RP_NEW_N(a, struct rp_plan_pattern, n > 0 ? 2 * n : 1);
        if (n > 0)
            memcpy(more, out->patterns, n * sizeof *more);
        out->patterns = more;
    }
    memmove(&out->patterns[at + 1], &out->patterns[at], (n - at) * sizeof *out->patterns);
    out->patterns[at] = (struct rp_plan_pattern){.pattern_id = id};
    out->n_patterns++;
}

static void count_patterns(const struct rp_plan *plan, struct rp_arena *a,
                           struct rp_plan_outlook *out)
{
    for (size_t i = 0; i < plan->n_kinds; i++) {
        const struct rp_plan_kind *k = &plan->kinds[i];
        size_t at = place_of(out, k->pattern_id);
        if (k->to_replay == 0)
            continue;
        if (at == out->n_patterns || out->patterns[at].pattern_id != k->pattern_id)
            make_place(a, out, at, k->pattern_id);
        out->patterns[at].items += k->to_replay;
    }
}

static void expect_of(struct rp_plan_outlook *out, const struct rp_plan_pattern *p)
{
    double n = (double)p->items;
    if (p->outlook.from == RP_OUTLOOK_NOT_KNOWN) {
        out->not_known += p->items;
        return;
    }
    out->known += p->items;
    out->low += n * p->outlook.succeed.low;
    out->mid += n * p->outlook.succeed.mid;
    out->high += n * p->outlook.succeed.high;
}

static bool look_up(struct rp_db *db, struct rp_arena *a, struct rp_plan_pattern *p,
                    struct rp_err *err)
{
    struct rp_pattern row = {0};
    if (p->pattern_id != 0 && !rp_pattern_get(db, p->pattern_id, a, &row, err))
        return false;
    rp_outlook(&row.tries, &p->outlook);
    return true;
}

bool rp_replay_outlook(struct rp_db *db, const struct rp_plan *plan, struct rp_arena *a,
                       struct rp_plan_outlook *out, struct rp_err *err)
{
    *out = (struct rp_plan_outlook){0};
    count_patterns(plan, a, out);
    for (size_t i = 0; i < out->n_patterns; i++) {
        if (!look_up(db, a, &out->patterns[i], err))
            return false;
        expect_of(out, &out->patterns[i]);
    }
    if (out->n_patterns > 0)
        qsort(out->patterns, out->n_patterns, sizeof *out->patterns, most_items_first);
    return true;
}
