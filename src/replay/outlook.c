/* What a plan's items would probably come to, pattern by pattern: from how earlier retries and
 * replays after failures of that pattern went. */
#include "replay/internal.h"

#include <stdlib.h>

static int by_id(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static int most_items_first(const void *x, const void *y)
{
    const struct rp_plan_pattern *a = x, *b = y;
    return a->items != b->items ? (a->items < b->items ? 1 : -1)
                                : (a->pattern_id > b->pattern_id) - (a->pattern_id < b->pattern_id);
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
    int64_t *ids = RP_NEW_N(a, int64_t, (size_t)plan->n + 1);
    size_t n = 0;
    *out = (struct rp_plan_outlook){0};
    for (int64_t i = 0; i < plan->n; i++)
        ids[i] = plan->items[i].kind->pattern_id;
    qsort(ids, (size_t)plan->n, sizeof *ids, by_id);
    for (int64_t i = 0; i < plan->n; i++)
        n += i == 0 || ids[i] != ids[i - 1];
    out->patterns = RP_NEW_N(a, struct rp_plan_pattern, n + 1);
    for (int64_t i = 0; i < plan->n; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            out->patterns[out->n_patterns++].pattern_id = ids[i];
        out->patterns[out->n_patterns - 1].items++;
    }
    for (size_t i = 0; i < n; i++) {
        if (!look_up(db, a, &out->patterns[i], err))
            return false;
        expect_of(out, &out->patterns[i]);
    }
    qsort(out->patterns, n, sizeof *out->patterns, most_items_first);
    return true;
}
