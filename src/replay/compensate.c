/* Taking back what a replay's items did: a replay of its own kind, of jobs of the types that
 * `compensate:` makes, planned and guarded like any other (replay specification 21). */
#include "replay/internal.h"

#include <stdlib.h>

/* ---- what can be taken back ---- */

static void count_type(struct rp_replay_count *v, size_t *n, struct rp_str type)
{
    size_t i = 0;
    while (i < *n && !rp_str_eq(v[i].name, type))
        i++;
    if (i == UNDO_TYPES_MAX)
        return;
    if (i == *n)
        v[(*n)++] = (struct rp_replay_count){type, 0};
    v[i].n++;
}

static void count_reason(struct rp_plan *plan, const char *reason)
{
    size_t i = 0;
    while (i < plan->n_left_out && strcmp(plan->left_out[i].reason, reason) != 0)
        i++;
    if (i == plan->n_left_out)
        plan->left_out[plan->n_left_out++] = (struct rp_left_out){reason, 0};
    plan->left_out[i].n++;
}

/* NULL: it can be. */
static const char *why_not(const struct rp_ran *ran, const struct rp_type *type)
{
    if (type == NULL || type->compensate.n == 0)
        return "no-compensation";
    if (ran->fate == RP_FATE_RELEASED)
        return "still-running";
    if (ran->compensated)
        return "compensated";
    return ran->again ? "ran-again" : NULL;
}

static void take(const struct rp_config *config, const struct rp_ran *ran, struct rp_arena *a,
                 struct rp_plan *plan)
{
    const struct rp_type *type = rp_config_type(config, ran->type);
    const char *reason = why_not(ran, type);
    plan->matched++;
    if (reason != NULL) {
        count_reason(plan, reason);
        return;
    }
    plan->items[plan->n++] = (struct rp_candidate){
        .job_id = ran->job_id,
        .attempt = ran->attempt,
        .state = RP_CANCELLED,
        .type = rp_type_compensation(a, ran->type),
        .sequence = ran->sequence,
        .risk = RISK_NONE,
    };
    plan->risk[RISK_NONE]++;
}

bool rp_replay_undo_look(struct rp_db *db, const struct rp_config *config, int64_t id,
                         struct rp_arena *a, struct rp_undo *out, struct rp_err *err)
{
    struct rp_replay r;
    struct rp_ran *ran;
    size_t n;
    *out = (struct rp_undo){.not_run = 0};
    if (!rp_replay_get(db, id, a, &r, err) || !rp_replay_ran(db, id, a, &ran, &n, err))
        return false;
    out->state = r.state;
    out->not_run = r.n[RP_FATE_WAITING];
    out->ran = (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        bool can = why_not(&ran[i], rp_config_type(config, ran[i].type)) == NULL;
        count_type(can ? out->can : out->cannot, can ? &out->n_can : &out->n_cannot, ran[i].type);
    }
    return true;
}

void plan_undo(const struct rp_config *config, struct rp_plan *plan)
{
    for (int64_t i = 0; i < plan->n; i++) {
        const struct rp_type *t = rp_config_type(config, plan->items[i].type);
        bool can = t != NULL && t->compensate.n > 0;
        count_type(can ? plan->can : plan->cannot, can ? &plan->n_can : &plan->n_cannot,
                   plan->items[i].type);
    }
}

/* ---- planned ---- */

static bool type_ids(struct rp_db *db, struct rp_plan *plan, int64_t now_us, struct rp_arena *a,
                     struct rp_err *err)
{
    for (int64_t i = 0; i < plan->n; i++) {
        struct rp_type_row row;
        if (i > 0 && rp_str_eq(plan->items[i].type, plan->items[i - 1].type)) {
            plan->items[i].type_id = plan->items[i - 1].type_id;
            continue;
        }
        if (!rp_type_get(db, plan->items[i].type, now_us, a, &row, err))
            return false;
        plan->items[i].type_id = row.id;
    }
    return true;
}

bool rp_replay_compensation(struct rp_db *db, const struct rp_config *config,
                            const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                            struct rp_plan *out, struct rp_err *err)
{
    struct rp_ran *ran;
    struct rp_replay r;
    size_t n;
    if (!ask_usable(ask, err) || !rp_replay_get(db, ask->compensates, a, &r, err) ||
        !rp_replay_ran(db, ask->compensates, a, &ran, &n, err))
        return false;
    *out = (struct rp_plan){.rate_per_s = ask->rate_per_s, .retries = ask->retries};
    out->items = RP_NEW_N(a, struct rp_candidate, n + 1);
    for (size_t i = 0; i < n; i++) /* newest first: the last that was done is taken back first */
        take(config, &ran[i], a, out);
    return type_ids(db, out, now_us, a, err) && plan_rest(db, config, ask, now_us, a, out, err);
}

/* ---- made ---- */

static int newest_first(const void *x, const void *y)
{
    const struct rp_candidate *a = *(struct rp_candidate *const *)x,
                              *b = *(struct rp_candidate *const *)y;
    return (a->job_id < b->job_id) - (a->job_id > b->job_id);
}

/* In the order in which the jobs of a sequence must run, which is that of their ids. */
static bool make_jobs(struct rp_db *db, const struct rp_config *config,
                      const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                      struct rp_plan *plan, struct rp_err *err)
{
    struct rp_candidate **order = RP_NEW_N(a, struct rp_candidate *, (size_t)plan->n + 1);
    for (int64_t i = 0; i < plan->n; i++)
        order[i] = &plan->items[i];
    qsort(order, (size_t)plan->n, sizeof *order, newest_first);
    for (int64_t i = 0; i < plan->n; i++) {
        struct rp_compensates of = {.job_id = order[i]->job_id,
                                    .attempt = order[i]->attempt,
                                    .replay_id = ask->compensates};
        if (!rp_compensation_make(db, rp_config_type(config, order[i]->type), &of, now_us,
                                  &order[i]->job_id, err))
            return false;
        order[i]->attempt = 0;
    }
    return true;
}

bool rp_replay_compensate(struct rp_db *db, const struct rp_config *config,
                          const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                          struct rp_replay_making *m, struct rp_err *err)
{
    bool again = true;
    if (m->plan.n > 0 && m->plan.refused == NULL &&
        !make_jobs(db, config, ask, now_us, a, &m->plan, err))
        return false;
    while (again)
        if (!rp_replay_make(db, config, ask, now_us, a, m, &again, err))
            return false;
    return true;
}
