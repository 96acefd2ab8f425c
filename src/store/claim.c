/* Who runs next.
 *
 * A claim takes the lanes (lanes.h) that may run now: their queue is not paused, their type not
 * held, their limits are not used up. Those of a queue are a heap by the place of the first job
 * that each may have, the queues are one by whose turn it is. Jobs are looked at where a lane comes
 * to the top: so a claim costs a few nanoseconds a lane, and statements for those it takes from.
 * Neither history nor the number of held jobs counts. What a replay that stopped is to take back
 * lies among the ready ones until it is (replay, rule 15): it is passed over, so many of them. */
#include "base/time.h"
#include "store/internal.h"
#include "store/lanes.h"

enum { CLAIM_MAX = 1000, FIRST_LOOK = 8 };
/* Passed over: in one look, once there are any; in a claim. Behind more of them others wait until
 * they are taken back, which wakes those who wait for work. */
enum { LOOK_PAST = 500, PAST_MAX = 2000 };

/* Whose turn it is is stride scheduling over queues (Waldspurger and Weihl, 1995): a queue's pass
 * rises by 1 / weight with each job taken; the lowest pass is next. How far a queue that was idle
 * may lag, in turns: it gets at most so many in a row when it comes back. */
static const double lag_max = 8;

/* ---- lanes ---- */

struct rp_lane_head {
    struct rp_place place;
    int64_t schedule_id, bytes;
    bool alone; /* not beside another job of its schedule (overlap) */
};
struct claiming {
    struct rp_db *db;
    const struct rp_claim *c;
    struct rp_arena *a; /* for the claim itself */
    struct rp_lanes *lanes;
    struct rp_lane_side **queue; /* those with lanes that may run */
    size_t n_queues;
    struct rp_heap *turns; /* … in which they are, and each has lanes */
    struct rp_lane *met;   /* lanes whose turn came */
    struct rp_pacing pacing;
    struct rp_lane_head *taken;
    size_t n_taken;
    int64_t bytes; /* of their payloads and labels */
    int64_t past;  /* that may not start */
    bool standing; /* a replay stands still or was stopped, and something of it may be out */
};

static bool ask_for(struct claiming *k, struct rp_err *err)
{
    const struct rp_strs *types = &k->c->types, *queues = &k->c->queues;
    int64_t id;
    for (size_t i = 0; i < types->n; i++) {
        if (!rp_type_need(k->db, types->v[i], &id, err))
            return false;
        rp_lane_type(k->lanes, id)->asked_by = k->lanes->claims;
    }
    for (size_t i = 0; i < queues->n; i++) {
        if (!rp_queue_need(k->db, queues->v[i], &id, err))
            return false;
        rp_lane_queue(k->lanes, id)->asked_by = k->lanes->claims;
    }
    return true;
}

/* Whether the lane has jobs that its type and queue let start: all but the limits. */
static bool may_run(struct claiming *k, struct rp_lane *l, bool *may, struct rp_err *err)
{
    struct rp_lane_side *q = l->queue, *t = l->type;
    uint64_t claim = k->lanes->claims;
    *may = (!l->empty || l->stale) && (k->c->types.n == 0 || t->asked_by == claim) &&
           (k->c->queues.n == 0 || q->asked_by == claim);
    if (!*may)
        return true;
    if (!rp_lane_type_now(k->db, t, err) || !rp_lane_queue_now(k->db, q, err))
        return false;
    *may = t->open && q->open && t->commands == k->c->commands;
    if (!*may)
        return true;
    bool ok = rp_lane_now(k->db, l, err);
    *may = ok && !l->empty;
    return ok;
}

static int64_t left_of(const struct rp_lane_side *s)
{
    return s->max > 0 ? s->max - s->running : INT64_MAX;
}

/* One of their lanes may run. */
static void begin_sides(struct claiming *k, struct rp_lane_side *q, struct rp_lane_side *t)
{
    uint64_t claim = k->lanes->claims;
    if (t->claim != claim)
        t->left = left_of(t);
    if (q->claim != claim) {
        q->left = left_of(q);
        q->lanes = NULL;
        k->queue[k->n_queues++] = q;
    }
    t->claim = q->claim = claim;
}

static bool lane_before(const struct rp_heap *a, const struct rp_heap *b)
{
    return rp_place_before(&RP_HEAP_OF(const struct rp_lane, a)->now,
                           &RP_HEAP_OF(const struct rp_lane, b)->now);
}

static void add_lane(struct claiming *k, struct rp_lane *l)
{
    begin_sides(k, l->queue, l->type);
    if (l->queue->left <= 0 || l->type->left <= 0)
        return;
    l->now = l->first;
    l->head = NULL;
    l->n = l->at = 0;
    l->seen = 0;
    l->met = l->all = false;
    l->queue->lanes = rp_heap_add(l->queue->lanes, &l->heap, lane_before);
}

static bool find_lanes(struct claiming *k, struct rp_err *err)
{
    k->queue = RP_NEW_N(k->a, struct rp_lane_side *, k->lanes->queues.n);
    for (size_t i = 0; i < k->lanes->n; i++) {
        bool may;
        if (!may_run(k, k->lanes->v[i], &may, err))
            return false;
        if (may)
            add_lane(k, k->lanes->v[i]);
    }
    return true;
}

static void bound_lag(struct claiming *k)
{
    double most = 0;
    for (size_t i = 0; i < k->n_queues; i++)
        most = k->queue[i]->pass > most ? k->queue[i]->pass : most;
    for (size_t i = 0; i < k->n_queues; i++)
        if (k->queue[i]->pass < most - lag_max)
            k->queue[i]->pass = most - lag_max;
}

/* Priority, then the queue whose turn it is, then who has been due for longer. */
static bool queue_before(const struct rp_heap *a, const struct rp_heap *b)
{
    const struct rp_lane_side *p = RP_HEAP_OF(const struct rp_lane_side, a),
                              *q = RP_HEAP_OF(const struct rp_lane_side, b);
    const struct rp_place *x = &RP_HEAP_OF(const struct rp_lane, p->lanes)->now,
                          *y = &RP_HEAP_OF(const struct rp_lane, q->lanes)->now;
    if (x->priority == y->priority && p->pass != q->pass)
        return p->pass < q->pass;
    return rp_place_before(x, y);
}

static void line_up(struct claiming *k)
{
    bound_lag(k);
    for (size_t i = 0; i < k->n_queues; i++)
        if (k->queue[i]->lanes != NULL)
            k->turns = rp_heap_add(k->turns, &k->queue[i]->heap, queue_before);
}

/* ---- merging ---- */

/* Out in a replay that stands still or has been stopped. */
#define TO_BE_TAKEN_BACK                                                                           \
    "j.replay_id is not null and exists(select 1 from replay p where p.id = j.replay_id and"       \
    "  p.state > 2 and p.state <> 5) and exists(select 1 from replay_item i where"                 \
    "  i.job_id = j.id and i.replay_id = j.replay_id and i.fate = 2)"

#define READY(to_be_taken_back)                                                                    \
    "select priority, due_at, id, schedule_id, alone, coalesce(length(payload), 0) +"              \
    " coalesce(length(labels), 0), " to_be_taken_back " from job j indexed by job_ready where"     \
    " state = 2 and queue_id = ?1 and type_id = ?2 and (alone = 0 or not exists (select 1 from"    \
    "  job r indexed by job_live_schedule where r.schedule_id = j.schedule_id and r.state < 5 and" \
    "  r.state = 3)) order by priority desc, due_at, id limit ?3 offset ?4"

/* Mostly there is none, and no ready job need be asked. */
static bool find_standing(struct claiming *k, struct rp_err *err)
{
    int64_t one;
    struct rp_stmt *s = rp_sql(k->db, "select 1 from replay where ended_at is null and state > 2"
                                      " and state <> 5 limit 1");
    if (!rp_get_i64(s, 0, &one, err))
        return false;
    k->standing = one != 0;
    return true;
}

/* Looks at the next ready jobs of a lane, few at first, as most lanes give few. */
static bool look(struct claiming *k, struct rp_lane *l, int64_t want, struct rp_err *err)
{
    struct rp_stmt *s =
        k->standing ? rp_sql(k->db, READY(TO_BE_TAKEN_BACK)) : rp_sql(k->db, READY("0"));
    rp_bind_i64(s, 1, l->queue->id);
    rp_bind_i64(s, 2, l->type->id);
    rp_bind_i64(s, 3, want);
    rp_bind_i64(s, 4, l->seen);
    l->head = RP_NEW_N(k->a, struct rp_lane_head, (size_t)want);
    l->n = l->at = 0;
    enum rp_step step;
    int64_t rows = 0;
    for (; (step = rp_step(s, err)) == RP_STEP_ROW; rows++)
        if (rp_col_i64(s, 6) != 0)
            k->past++;
        else
            l->head[l->n++] =
                (struct rp_lane_head){{rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2)},
                                      rp_col_i64(s, 3),
                                      rp_col_i64(s, 5),
                                      rp_col_i64(s, 4) != 0};
    l->seen += rows;
    l->all = rows < want;
    return step == RP_STEP_DONE;
}

/* Until there is one that may start. */
static bool look_on(struct claiming *k, struct rp_lane *l, struct rp_err *err)
{
    int64_t past = k->past;
    int64_t want = l->seen == 0 && k->c->max > FIRST_LOOK ? FIRST_LOOK : k->c->max;
    bool ok = look(k, l, want, err);
    while (ok && l->n == 0 && !l->all && k->past > past && k->past < PAST_MAX)
        ok = look(k, l, LOOK_PAST, err);
    l->all = l->all || l->n == 0;
    return ok;
}

/* For the first time in this claim. Lanes of a type share its rates, which are asked for once. */
static bool meet(struct claiming *k, struct rp_lane *l, struct rp_err *err)
{
    if (l->met)
        return true;
    l->met = true;
    l->next_met = k->met;
    k->met = l;
    if (l->type->paced_in == l->type->claim)
        return true;
    l->type->paced_in = l->type->claim;
    return rp_paces_of(&k->pacing, l->type->id, &l->type->paces, err);
}

/* *open: it has a job to give. */
static bool open_lane(struct claiming *k, struct rp_lane *l, bool *open, struct rp_err *err)
{
    *open = l->type->left > 0 && l->queue->left > 0;
    if (!*open)
        return true;
    if (!meet(k, l, err))
        return false;
    *open = rp_paces_open(l->type->paces);
    if (*open && l->at == l->n && !l->all && !look_on(k, l, err))
        return false;
    *open = *open && l->at < l->n;
    return true;
}

/* The lane that is first in the queue whose turn it is comes later than it did, or not again. */
static void sink(struct claiming *k, struct rp_lane_side *q, bool again)
{
    q->lanes = again ? rp_heap_sink(q->lanes, lane_before) : rp_heap_drop(q->lanes, lane_before);
    k->turns = q->lanes != NULL ? rp_heap_sink(k->turns, queue_before)
                                : rp_heap_drop(k->turns, queue_before);
}

/* The lane with the job that is next; NULL: there is none. A lane is looked at once it is at the
 * top by what is known of it, and is next if it still is by what was found. */
static bool best_lane(struct claiming *k, struct rp_lane **best, struct rp_err *err)
{
    for (*best = NULL; k->turns != NULL;) {
        struct rp_lane_side *q = RP_HEAP_OF(struct rp_lane_side, k->turns);
        struct rp_lane *l = RP_HEAP_OF(struct rp_lane, q->lanes);
        bool known = l->at < l->n, open;
        if (!open_lane(k, l, &open, err))
            return false;
        if (open && known) {
            *best = l;
            return true;
        }
        if (open)
            l->now = l->head[l->at].place;
        sink(k, q, open);
    }
    return true;
}

/* Overlap: another job of its schedule may have been taken by this very claim. */
static bool in_the_way(const struct claiming *k, const struct rp_lane_head *h)
{
    for (size_t i = 0; h->alone && i < k->n_taken; i++)
        if (k->taken[i].schedule_id == h->schedule_id)
            return true;
    return false;
}

static void take(struct claiming *k, struct rp_lane *l, const struct rp_lane_head *h)
{
    k->taken[k->n_taken++] = *h;
    k->bytes += h->bytes;
    l->stale = true;
    l->type->left--;
    l->queue->left--;
    rp_paces_take(l->type->paces);
    l->queue->pass += l->queue->stride;
}

static bool take_next(struct claiming *k, bool *found, struct rp_err *err)
{
    struct rp_lane *l;
    bool taken = false;
    while (!taken) {
        if (!best_lane(k, &l, err))
            return false;
        *found = l != NULL;
        if (l == NULL)
            return true;
        const struct rp_lane_head *h = &l->head[l->at++];
        taken = !in_the_way(k, h);
        if (taken)
            take(k, l, h);
        l->now = l->at < l->n ? l->head[l->at].place : h->place;
        sink(k, l->queue, true);
    }
    return true;
}

/* What was taken from the rates, and when those come again that had more to give. */
static bool pace(struct claiming *k, struct rp_err *err)
{
    if (!rp_pacing_write(&k->pacing, err))
        return false;
    for (const struct rp_lane *l = k->pacing.all != NULL ? k->met : NULL; l != NULL;
         l = l->next_met)
        if (!rp_paces_open(l->type->paces) && !(l->all && l->at == l->n))
            rp_pacing_wait(&k->pacing, l->type->paces, k->c->commands);
    return true;
}

static bool choose(struct claiming *k, struct rp_err *err)
{
    bool found = true;
    k->taken = RP_NEW_N(k->a, struct rp_lane_head, (size_t)k->c->max);
    if (!rp_lanes_find(k->db, &k->lanes, err) || !ask_for(k, err) || !find_standing(k, err) ||
        !find_lanes(k, err))
        return false;
    line_up(k);
    while (found && k->n_taken < (size_t)k->c->max && k->bytes < RP_CLAIM_BYTES)
        if (!take_next(k, &found, err))
            return false;
    if (!pace(k, err))
        return false;
    if (k->bytes >= RP_CLAIM_BYTES) /* there may be more for the next one that waits */
        rp_db_changed(k->db, RP_CHANGED_CLAIMS);
    return true;
}

static bool grant(struct claiming *k, int64_t now_us, struct rp_arena *a, struct rp_lease **out,
                  struct rp_err *err)
{
    const struct rp_claim *c = k->c;
    struct rp_grant g = {c->node, c->worker, c->commands, now_us, now_us + c->lease_us};
    int64_t *ids = RP_NEW_N(k->a, int64_t, k->n_taken);
    for (size_t i = 0; i < k->n_taken; i++)
        ids[i] = k->taken[i].place.id;
    *out = RP_NEW_N(a, struct rp_lease, k->n_taken);
    return rp_leases_grant(k->db, ids, k->n_taken, &g, a, *out, err);
}

static bool claim_ready(struct rp_db *db, const struct rp_claim *c, int64_t now_us,
                        struct rp_arena *a, struct rp_lease **out, size_t *n, struct rp_err *err)
{
    struct rp_arena own = {0};
    struct claiming k = {
        .db = db, .c = c, .a = &own, .pacing = {.db = db, .arena = &own, .now_us = now_us}};
    bool ok = choose(&k, err) && (k.n_taken == 0 || grant(&k, now_us, a, out, err));
    *n = ok ? k.n_taken : 0;
    rp_arena_free(&own);
    return ok;
}

void rp_jobs_supply(struct rp_db *writer, rp_supply_fn *supply, void *ctx)
{
    writer->supply = supply;
    writer->supply_ctx = ctx;
}

bool rp_jobs_claim(struct rp_db *db, const struct rp_claim *c, int64_t now_us, struct rp_arena *a,
                   struct rp_lease **out, size_t *n, struct rp_err *err)
{
    bool more = false;
    *n = 0;
    *out = NULL;
    if (c->max < 1 || c->max > CLAIM_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "max: 1 to %d is wanted", CLAIM_MAX);
    if (!claim_ready(db, c, now_us, a, out, n, err))
        return false;
    if (*n > 0 || db->supply == NULL)
        return true;
    return db->supply(db->supply_ctx, db, c, now_us, a, out, n, &more, err) &&
           (!more || *n > 0 || claim_ready(db, c, now_us, a, out, n, err));
}
