/* Taking back what a replay's items did: a replay of its own kind, of jobs of the types that
 * `compensate:` makes, planned and guarded like any other (replay specification 21). */
#include "replay/internal.h"

#include <stdlib.h>

/* ---- what can be taken back ---- */

static void count_type(struct rp_replay_count *v, size_t *n, struct rp_str type, int64_t by)
{
    size_t i = 0;
    while (i < *n && !rp_str_eq(v[i].name, type))
        i++;
    if (i == UNDO_TYPES_MAX)
        return;
    if (i == *n)
        v[(*n)++] = (struct rp_replay_count){type, 0};
    v[i].n += by;
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
    if (ran->payload_purged)
        return "payload-purged";
    return ran->again ? "ran-again" : NULL;
}

bool rp_replay_undo_look(struct rp_db *db, const struct rp_config *config, int64_t id, bool alone,
                         struct rp_arena *a, struct rp_undo *out, struct rp_err *err)
{
    struct rp_replay r;
    struct rp_ran *ran;
    size_t n;
    *out = (struct rp_undo){.not_run = 0};
    if (!rp_replay_get(db, id, a, &r, err) || (alone && !rp_replay_not_undone(&r, err)) ||
        !rp_replay_ran(db, id, a, &ran, &n, err))
        return false;
    out->state = r.state;
    out->not_run = r.n[RP_FATE_WAITING] + r.n[RP_FATE_RELEASED];
    out->ran = (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        out->not_run -= ran[i].fate == RP_FATE_RELEASED;
        bool can = why_not(&ran[i], rp_config_type(config, ran[i].type)) == NULL;
        count_type(can ? out->can : out->cannot, can ? &out->n_can : &out->n_cannot, ran[i].type,
                   1);
    }
    return true;
}

void plan_undo(const struct rp_config *config, struct rp_arena *a, struct rp_plan *plan)
{
    size_t n;
    const struct plan_type *types = plan_types(a, plan, &n);
    for (size_t i = 0; i < n; i++) {
        const struct rp_type *t = rp_config_type(config, types[i].name);
        bool can = t != NULL && t->compensate.n > 0;
        count_type(can ? plan->can : plan->cannot, can ? &plan->n_can : &plan->n_cannot,
                   types[i].name, types[i].items);
        if (t != NULL && t->side_effects.n > 0 && plan->n_effects < UNDO_TYPES_MAX)
            plan->effects[plan->n_effects++] =
                (struct rp_plan_effect){types[i].name, t->side_effects};
    }
}

/* ---- planned ---- */

struct taking {
    struct rp_db *db;
    const struct rp_config *config;
    int64_t now_us;
    struct rp_arena *arena;
    struct rp_plan *plan;
    struct kind { /* of compensations met so far, by the type that they are for */
        struct kind *next;
        struct rp_str of;
        struct rp_candidate_kind kind;
        int64_t queue_id;
    } * kinds;
};

/* NULL: err. */
static const struct kind *kind_for(struct taking *t, struct rp_str of, struct rp_err *err)
{
    struct rp_type_row row;
    int64_t queue_id;
    struct kind *k = t->kinds;
    while (k != NULL && !rp_str_eq(k->of, of))
        k = k->next;
    if (k != NULL)
        return k;
    struct rp_str name = rp_type_compensation(t->arena, of);
    const struct rp_type *type = rp_config_type(t->config, name);
    struct rp_str queue = type != NULL && type->queue.n > 0 ? type->queue : RP_STR("default");
    if (!rp_type_get(t->db, name, t->now_us, t->arena, &row, err) ||
        !rp_queue_need(t->db, queue, &queue_id, err))
        return NULL;
    k = RP_NEW(t->arena, struct kind);
    *k = (struct kind){
        t->kinds,
        of,
        {.type_id = row.id, .type = name, .idempotent = type != NULL && type->idempotent},
        queue_id};
    t->kinds = k;
    return k;
}

static bool take(struct taking *t, struct rp_ran *ran, struct rp_err *err)
{
    const char *reason = why_not(ran, rp_config_type(t->config, ran->type));
    t->plan->matched++;
    if (reason != NULL) {
        count_reason(t->plan, reason);
        return true;
    }
    const struct kind *kind = kind_for(t, ran->type, err);
    if (kind == NULL)
        return false;
    t->plan->items[t->plan->n++] = (struct rp_candidate){
        .kind = &kind->kind,
        .job_id = ran->job_id,
        .attempt = (int32_t)ran->attempt,
        .queue_id = (int32_t)kind->queue_id,
        .state = RP_CANCELLED,
        .sequence = ran->sequence.p != NULL ? &ran->sequence : NULL,
        .risk = RISK_NONE,
    };
    t->plan->risk[RISK_NONE]++;
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
    struct taking t = {db, config, now_us, a, out, NULL};
    for (size_t i = 0; i < n; i++) /* newest first: the last that was done is taken back first */
        if (!take(&t, &ran[i], err))
            return false;
    return plan_rest(db, config, ask, now_us, a, out, err);
}

/* ---- made ---- */

/* Jobs a transaction. */
enum { JOBS_A_PART = 300 };

static int newest_first(const void *x, const void *y)
{
    const struct rp_candidate *a = *(struct rp_candidate *const *)x,
                              *b = *(struct rp_candidate *const *)y;
    return (a->job_id < b->job_id) - (a->job_id > b->job_id);
}

/* In the order in which the jobs of a sequence must run, which is that of their ids. */
static void order_jobs(struct rp_arena *a, struct rp_replay_making *m)
{
    m->jobs = RP_NEW_N(a, struct rp_candidate *, (size_t)m->plan.n + 1);
    for (m->n_jobs = 0; m->n_jobs < m->plan.n; m->n_jobs++)
        m->jobs[m->n_jobs] = &m->plan.items[m->n_jobs];
    qsort(m->jobs, (size_t)m->n_jobs, sizeof(struct rp_candidate *), newest_first);
}

/* Why it is not to be taken back any more, as it was planned. NULL: it is. */
static bool changed_since(struct rp_db *db, const struct rp_config *config, int64_t replay,
                          const struct rp_candidate *item, const char **why, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_ran ran;
    bool there, ok = rp_replay_ran_job(db, replay, item->job_id, &a, &ran, &there, err);
    *why = !ok || !there ? "payload-purged" : why_not(&ran, rp_config_type(config, ran.type));
    if (ok && there && *why == NULL && ran.attempt != item->attempt)
        *why = "ran-again";
    rp_arena_free(&a);
    return ok;
}

/* The item becomes that of its job; without one it is left out. */
static bool make_job(struct rp_db *db, const struct rp_config *config,
                     const struct rp_replay_ask *ask, int64_t replay, int64_t now_us,
                     struct rp_candidate *item, struct rp_err *err)
{
    const char *why;
    struct rp_compensates of = {
        .job_id = item->job_id, .attempt = item->attempt, .replay_id = ask->compensates};
    if (!changed_since(db, config, ask->compensates, item, &why, err))
        return false;
    item->attempt = 0;
    item->job_id = 0;
    return why != NULL ? rp_replay_leave_out(db, replay, rp_str_of(why), err)
                       : rp_compensation_make(db, rp_config_type(config, item->kind->type), &of,
                                              replay, now_us, &item->job_id, err);
}

static void drop_left_out(struct rp_plan *plan)
{
    int64_t n = 0;
    for (int64_t i = 0; i < plan->n; i++)
        if (plan->items[i].job_id != 0)
            plan->items[n++] = plan->items[i];
    plan->n = n;
}

static bool make_jobs(struct rp_db *db, const struct rp_config *config,
                      const struct rp_replay_ask *ask, int64_t now_us, struct rp_replay_making *m,
                      struct rp_err *err)
{
    int64_t part = m->part > 0 ? m->part : JOBS_A_PART;
    for (int64_t i = 0; i < part && m->jobs_made < m->n_jobs; i++, m->jobs_made++)
        if (!make_job(db, config, ask, m->id, now_us, m->jobs[m->jobs_made], err))
            return false;
    if (m->jobs_made == m->n_jobs)
        drop_left_out(&m->plan);
    return true;
}

bool rp_replay_compensate(struct rp_db *db, const struct rp_config *config,
                          const struct rp_replay_ask *ask, int64_t now_us, struct rp_arena *a,
                          struct rp_replay_making *m, bool *again, struct rp_err *err)
{
    if (m->id == 0) {
        order_jobs(a, m);
        if (!make_replay(db, config, ask, now_us, a, m, err))
            return false;
    }
    if (m->jobs_made < m->n_jobs && !make_jobs(db, config, ask, now_us, m, err))
        return false;
    *again = m->jobs_made < m->n_jobs;
    return *again || rp_replay_make(db, config, ask, now_us, a, m, again, err);
}
