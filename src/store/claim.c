/* Who runs next.
 *
 * The ready jobs of one queue and type are a lane: in the index job_ready they lie together,
 * highest priority first, then the longest due. A claim finds the lanes by jumping from one to the
 * next, drops those that may not run (paused queue, held type, used-up limit or rate), merges the
 * others. So its cost is lanes plus jobs taken; neither history nor the number of held jobs counts.
 * What a replay that stopped is to take back lies among the ready ones until it is (replay, rule
 * 15): it is passed over, so many of them. */
#include "base/time.h"
#include "store/internal.h"

#include <stdlib.h>

enum { CLAIM_MAX = 1000, FIRST_LOOK = 8 };
/* Passed over: in one look, once there are any; in a claim. Behind more of them others wait until
 * they are taken back, which wakes those who wait for work. */
enum { LOOK_PAST = 500, PAST_MAX = 2000 };

/* ---- whose turn: stride scheduling over queues (Waldspurger and Weihl, 1995) ---- */

/* A queue's pass rises by 1 / weight with each job taken; the lowest pass is next. */
struct rp_turn {
    int64_t queue_id;
    double pass;
};

/* How far a queue that was idle may lag, in turns: it gets at most so many in a row when it comes
 * back. */
static const double lag_max = 8;

static size_t turn_of(struct rp_db *db, int64_t queue_id)
{
    for (size_t i = 0; i < db->n_turn; i++)
        if (db->turn[i].queue_id == queue_id)
            return i;
    db->turn = rp_xrealloc(db->turn, (db->n_turn + 1) * sizeof *db->turn);
    db->turn[db->n_turn] = (struct rp_turn){queue_id, 0};
    return db->n_turn++;
}

/* ---- lanes ---- */

struct head {
    int64_t priority, due_us, id, schedule_id, bytes;
    bool alone; /* not beside another job of its schedule (overlap) */
};
struct limit { /* of a type or a queue, shared by its lanes */
    struct limit *next;
    int64_t id, left;
};
struct lane {
    struct lane *next;
    int64_t queue_id, type_id;
    double stride;
    size_t turn;
    struct limit *type, *queue;
    struct rp_paces *paces; /* NULL: no rate */
    struct head *head;
    size_t n, at; /* heads looked up, taken */
    int64_t seen; /* looked up in all */
    bool all;     /* there are no more than these */
};
struct claiming {
    struct rp_db *db;
    const struct rp_claim *c;
    struct rp_arena *a;      /* for the claim itself */
    int64_t *types, *queues; /* ids asked for */
    struct lane *lanes;
    struct limit *type_limits, *queue_limits;
    struct rp_pacing pacing;
    struct head *taken;
    size_t n_taken;
    int64_t bytes; /* of their payloads and labels */
    int64_t past;  /* that may not start */
    bool standing; /* a replay stands still or was stopped, and something of it may be out */
};

static bool ids_of(struct claiming *k, struct rp_err *err)
{
    k->types = RP_NEW_N(k->a, int64_t, k->c->types.n);
    k->queues = RP_NEW_N(k->a, int64_t, k->c->queues.n);
    for (size_t i = 0; i < k->c->types.n; i++)
        if (!rp_type_need(k->db, k->c->types.v[i], &k->types[i], err))
            return false;
    for (size_t i = 0; i < k->c->queues.n; i++)
        if (!rp_queue_need(k->db, k->c->queues.v[i], &k->queues[i], err))
            return false;
    return true;
}

static bool asked_for(const int64_t *ids, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return n == 0;
}

/* Of the type, or (type_id 0) of the queue. */
static bool limit_of(struct claiming *k, struct limit **list, int64_t type_id, int64_t queue_id,
                     int64_t max, struct limit **out, struct rp_err *err)
{
    int64_t running = 0, id = type_id != 0 ? type_id : queue_id;
    for (*out = *list; *out != NULL; *out = (*out)->next)
        if ((*out)->id == id)
            return true;
    if (max > 0 && !rp_tally_running(k->db, type_id, queue_id, &running, err))
        return false;
    *out = RP_NEW(k->a, struct limit);
    **out = (struct limit){*list, id, max > 0 ? max - running : INT64_MAX};
    *list = *out;
    return true;
}

/* Adds the lane unless it may not run now. */
static bool consider(struct claiming *k, int64_t queue_id, int64_t type_id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        k->db, "select q.weight, q.max_running, t.max_running from queue q, job_type t "
               "where q.id = ?1 and t.id = ?2 and q.paused_at is null and t.configured = 1 and "
               "t.held is null "
               "and t.command = ?3 and not exists (select 1 from type_need n join dependency d "
               "on d.name = n.dependency where n.type_id = t.id and d.active = 1 and d.state = 2)");
    rp_bind_i64(s, 1, queue_id);
    rp_bind_i64(s, 2, type_id);
    rp_bind_i64(s, 3, k->c->commands);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE;
    int64_t weight = rp_col_i64(s, 0), queue_max = rp_col_i64(s, 1), type_max = rp_col_i64(s, 2);
    rp_reset(s);
    struct lane *l = RP_NEW(k->a, struct lane);
    *l = (struct lane){.next = k->lanes,
                       .queue_id = queue_id,
                       .type_id = type_id,
                       .stride = 1.0 / (double)(weight > 0 ? weight : 1),
                       .turn = turn_of(k->db, queue_id)};
    k->lanes = l;
    return rp_paces_of(&k->pacing, type_id, &l->paces, err) &&
           limit_of(k, &k->type_limits, type_id, 0, type_max, &l->type, err) &&
           limit_of(k, &k->queue_limits, 0, queue_id, queue_max, &l->queue, err);
}

/* The next pair after (queue, type) in the index, by two seeks: a comparison of pairs would walk
 * through the rest of the lane. */
static enum rp_step next_lane(struct rp_db *db, int64_t *queue_id, int64_t *type_id,
                              struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db,
        "select queue_id, type_id from job indexed by job_ready where state = 2 and queue_id = ?1 "
        "and type_id > ?2 order by type_id limit 1");
    rp_bind_i64(s, 1, *queue_id);
    rp_bind_i64(s, 2, *type_id);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_DONE) {
        s = rp_sql(db, "select queue_id, type_id from job indexed by job_ready where state = 2 and "
                       "queue_id > ?1 "
                       "order by queue_id, type_id limit 1");
        rp_bind_i64(s, 1, *queue_id);
        step = rp_step(s, err);
    }
    if (step == RP_STEP_ROW) {
        *queue_id = rp_col_i64(s, 0);
        *type_id = rp_col_i64(s, 1);
    }
    rp_reset(s);
    return step;
}

static bool find_lanes(struct claiming *k, struct rp_err *err)
{
    int64_t queue_id = 0, type_id = 0;
    enum rp_step step;
    while ((step = next_lane(k->db, &queue_id, &type_id, err)) == RP_STEP_ROW)
        if (asked_for(k->types, k->c->types.n, type_id) &&
            asked_for(k->queues, k->c->queues.n, queue_id) && !consider(k, queue_id, type_id, err))
            return false;
    return step == RP_STEP_DONE;
}

static void bound_lag(struct claiming *k)
{
    double most = 0;
    for (const struct lane *l = k->lanes; l != NULL; l = l->next)
        if (k->db->turn[l->turn].pass > most)
            most = k->db->turn[l->turn].pass;
    for (const struct lane *l = k->lanes; l != NULL; l = l->next)
        if (k->db->turn[l->turn].pass < most - lag_max)
            k->db->turn[l->turn].pass = most - lag_max;
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
static bool look(struct claiming *k, struct lane *l, int64_t want, struct rp_err *err)
{
    struct rp_stmt *s =
        k->standing ? rp_sql(k->db, READY(TO_BE_TAKEN_BACK)) : rp_sql(k->db, READY("0"));
    rp_bind_i64(s, 1, l->queue_id);
    rp_bind_i64(s, 2, l->type_id);
    rp_bind_i64(s, 3, want);
    rp_bind_i64(s, 4, l->seen);
    l->head = RP_NEW_N(k->a, struct head, (size_t)want);
    l->n = l->at = 0;
    enum rp_step step;
    int64_t rows = 0;
    for (; (step = rp_step(s, err)) == RP_STEP_ROW; rows++)
        if (rp_col_i64(s, 6) != 0)
            k->past++;
        else
            l->head[l->n++] =
                (struct head){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2),
                              rp_col_i64(s, 3), rp_col_i64(s, 5), rp_col_i64(s, 4) != 0};
    l->seen += rows;
    l->all = rows < want;
    return step == RP_STEP_DONE;
}

/* Until there is one that may start. */
static bool look_on(struct claiming *k, struct lane *l, struct rp_err *err)
{
    int64_t past = k->past;
    int64_t want = l->seen == 0 && k->c->max > FIRST_LOOK ? FIRST_LOOK : k->c->max;
    bool ok = look(k, l, want, err);
    while (ok && l->n == 0 && !l->all && k->past > past && k->past < PAST_MAX)
        ok = look(k, l, LOOK_PAST, err);
    l->all = l->all || l->n == 0;
    return ok;
}

static bool open_lane(struct claiming *k, struct lane *l, bool *open, struct rp_err *err)
{
    *open = l->type->left > 0 && l->queue->left > 0 && rp_paces_open(l->paces);
    if (*open && l->at == l->n && !l->all && !look_on(k, l, err))
        return false;
    *open = *open && l->at < l->n;
    return true;
}

/* Priority, then the queue whose turn it is, then who has been due for longer. */
static bool before(const struct claiming *k, const struct lane *a, const struct lane *b)
{
    const struct head *x = &a->head[a->at], *y = &b->head[b->at];
    double px = k->db->turn[a->turn].pass, py = k->db->turn[b->turn].pass;
    if (x->priority != y->priority)
        return x->priority > y->priority;
    if (a->turn != b->turn && px != py)
        return px < py;
    return x->due_us != y->due_us ? x->due_us < y->due_us : x->id < y->id;
}

static bool best_lane(struct claiming *k, struct lane **best, struct rp_err *err)
{
    *best = NULL;
    for (struct lane *l = k->lanes; l != NULL; l = l->next) {
        bool open;
        if (!open_lane(k, l, &open, err))
            return false;
        if (open && (*best == NULL || before(k, l, *best)))
            *best = l;
    }
    return true;
}

/* Overlap: another job of its schedule may have been taken by this very claim. */
static bool in_the_way(const struct claiming *k, const struct head *h)
{
    for (size_t i = 0; h->alone && i < k->n_taken; i++)
        if (k->taken[i].schedule_id == h->schedule_id)
            return true;
    return false;
}

static bool take_next(struct claiming *k, bool *found, struct rp_err *err)
{
    struct lane *l;
    const struct head *h;
    do {
        if (!best_lane(k, &l, err))
            return false;
        *found = l != NULL;
        if (l == NULL)
            return true;
        h = &l->head[l->at++];
    } while (in_the_way(k, h));
    k->taken[k->n_taken++] = *h;
    k->bytes += h->bytes;
    l->type->left--;
    l->queue->left--;
    rp_paces_take(l->paces);
    k->db->turn[l->turn].pass += l->stride;
    return true;
}

/* What was taken from the rates, and when those come again that had more to give. */
static bool pace(struct claiming *k, struct rp_err *err)
{
    if (!rp_pacing_write(&k->pacing, err))
        return false;
    for (const struct lane *l = k->pacing.all != NULL ? k->lanes : NULL; l != NULL; l = l->next)
        if (!rp_paces_open(l->paces) && !(l->all && l->at == l->n))
            rp_pacing_wait(&k->pacing, l->paces, k->c->commands);
    return true;
}

static bool choose(struct claiming *k, struct rp_err *err)
{
    bool found = true;
    k->taken = RP_NEW_N(k->a, struct head, (size_t)k->c->max);
    if (!ids_of(k, err) || !find_standing(k, err) || !find_lanes(k, err))
        return false;
    bound_lag(k);
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
        ids[i] = k->taken[i].id;
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
