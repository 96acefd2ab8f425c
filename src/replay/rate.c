/* The rate of a replay for which none was asked: half of what its types handle at their median in
 * their last day of health (rule 13). */
#include "replay/internal.h"

#include <stdio.h>

/* With fewer minutes in which a type ran, a median says nothing about what it can handle. */
enum { MINUTES_LEAST = 60, TYPES_MAX = 100 };

struct part { /* of a plan: one type */
    struct rp_str type;
    int64_t items;
};

struct parts {
    struct part v[TYPES_MAX];
    struct rp_handled handled[TYPES_MAX];
    size_t n;
};

static void add(struct parts *p, int64_t type_id, struct rp_str type)
{
    size_t i = 0;
    while (i < p->n && p->handled[i].type_id != type_id)
        i++;
    if (i == TYPES_MAX)
        return;
    if (i == p->n) {
        p->v[p->n] = (struct part){type, 0};
        p->handled[p->n++] = (struct rp_handled){.type_id = type_id};
    }
    p->v[i].items++;
}

/* Items of all types go out mixed: of the whole rate, each type gets its share of the items. */
static double whole_rate(const struct rp_plan *plan, const struct part *p,
                         const struct rp_handled *h)
{
    return h->median / 60 / 2 * (double)plan->n / (double)p->items;
}

/* The type that bounds the plan most, or SIZE_MAX: none is known well enough. */
static size_t slowest(const struct rp_plan *plan, const struct parts *p)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < p->n; i++)
        if (p->handled[i].minutes >= MINUTES_LEAST &&
            (found == SIZE_MAX || whole_rate(plan, &p->v[i], &p->handled[i]) <
                                      whole_rate(plan, &p->v[found], &p->handled[found])))
            found = i;
    return found;
}

bool plan_rate(struct rp_db *db, const struct rp_config *config, const struct rp_replay_ask *ask,
               int64_t now_us, struct rp_arena *a, struct rp_plan *plan, struct rp_err *err)
{
    struct parts *p = RP_NEW(a, struct parts);
    plan->rate_basis = ask->rate_per_s > 0 ? RP_STR("as asked for") : RP_NONE;
    if (ask->unlimited)
        plan->rate_basis = RP_STR("not limited, as asked for");
    if (ask->rate_per_s > 0 || ask->unlimited || plan->n == 0)
        return true;
    for (int64_t i = 0; i < plan->n; i++)
        add(p, plan->items[i].kind->type_id, plan->items[i].kind->type);
    if (!rp_types_handled(db, now_us, config->failure_rate_above, p->handled, p->n, a, err))
        return false;
    size_t i = slowest(plan, p);
    if (i == SIZE_MAX) {
        plan->rate_basis =
            rp_str_fmt(a,
                       "not limited: no type in it has run in %d minutes of its last day of "
                       "health",
                       MINUTES_LEAST);
        return true;
    }
    plan->rate_per_s = whole_rate(plan, &p->v[i], &p->handled[i]);
    plan->rate_basis = rp_str_fmt(
        a, "half of what %.*s handled in the median minute of its last day of health, %g",
        RP_FMT(p->v[i].type), p->handled[i].median);
    return true;
}
