#include "store/lanes.h"

#include <stdlib.h>

enum { SLOTS = 64 };

/* ---- by id ---- */

static struct rp_lane_side *side_of(struct rp_lane_sides *s, int64_t id)
{
    size_t i = (size_t)id;
    if (i >= s->n) {
        size_t n = i + i / 2 + 16;
        s->v = rp_xrealloc(s->v, n * sizeof(struct rp_lane_side *));
        memset(s->v + s->n, 0, (n - s->n) * sizeof(struct rp_lane_side *));
        s->n = n;
    }
    if (s->v[i] == NULL) {
        s->v[i] = rp_xcalloc(1, sizeof(struct rp_lane_side));
        s->v[i]->id = id;
    }
    return s->v[i];
}

static struct rp_lane_side *known(const struct rp_lane_sides *s, int64_t id)
{
    return (size_t)id < s->n ? s->v[id] : NULL;
}

struct rp_lane_side *rp_lane_type(struct rp_lanes *m, int64_t id)
{
    return side_of(&m->types, id);
}

struct rp_lane_side *rp_lane_queue(struct rp_lanes *m, int64_t id)
{
    return side_of(&m->queues, id);
}

static struct rp_lane **slot_of(const struct rp_lanes *m, int64_t queue_id, int64_t type_id)
{
    uint64_t h = ((uint64_t)queue_id << 32 ^ (uint64_t)type_id) * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(h >> 32) & (m->cap - 1);
    while (m->slot[i] != NULL &&
           (m->slot[i]->queue->id != queue_id || m->slot[i]->type->id != type_id))
        i = (i + 1) & (m->cap - 1);
    return &m->slot[i];
}

/* Those that are empty make room before there is more of it. Not what this transaction has emptied:
 * it may be rolled back. */
static void grow(struct rp_lanes *m, uint64_t sure)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i]->empty && !m->v[i]->stale && m->v[i]->touched <= sure)
            free(m->v[i]);
        else
            m->v[n++] = m->v[i];
    m->n = n;
    if (n * 4 > m->cap)
        m->cap *= 2;
    m->v = rp_xrealloc(m->v, m->cap / 2 * sizeof(struct rp_lane *));
    free(m->slot);
    m->slot = rp_xcalloc(m->cap, sizeof(struct rp_lane *));
    for (size_t i = 0; i < n; i++)
        *slot_of(m, m->v[i]->queue->id, m->v[i]->type->id) = m->v[i];
}

static struct rp_lane *lane_of(struct rp_db *db, int64_t queue_id, int64_t type_id)
{
    struct rp_lanes *m = db->lanes;
    struct rp_lane **slot = slot_of(m, queue_id, type_id);
    if (*slot != NULL)
        return *slot;
    if ((m->n + 1) * 2 > m->cap) {
        grow(m, db->at_begin.lanes.clock);
        slot = slot_of(m, queue_id, type_id);
    }
    struct rp_lane *l = rp_xcalloc(1, sizeof *l);
    l->queue = side_of(&m->queues, queue_id);
    l->type = side_of(&m->types, type_id);
    l->stale = l->empty = true;
    m->v[m->n++] = *slot = l;
    return l;
}

static struct rp_lanes *lanes_of(struct rp_db *db)
{
    if (db->lanes == NULL) {
        struct rp_lanes *m = db->lanes = rp_xcalloc(1, sizeof *db->lanes);
        m->rules = m->clock = 1;
        m->cap = SLOTS;
        m->slot = rp_xcalloc(SLOTS, sizeof(struct rp_lane *));
        m->v = rp_xcalloc(SLOTS / 2, sizeof(struct rp_lane *));
    }
    return db->lanes;
}

static void sides_free(struct rp_lane_sides *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
}

void rp_lanes_free(struct rp_lanes *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++)
        free(m->v[i]);
    free(m->v);
    free(m->slot);
    sides_free(&m->types);
    sides_free(&m->queues);
    free(m);
}

/* ---- what it is told ---- */

static void runs(struct rp_lanes *m, struct rp_lane_side *s, int64_t n)
{
    if (s == NULL || !s->counted)
        return;
    s->running += n;
    s->touched = ++m->clock;
}

static void runs_more(struct rp_lanes *m, const struct rp_job_row *j, int64_t n)
{
    runs(m, known(&m->types, j->type_id), n);
    runs(m, known(&m->queues, j->queue_id), n);
}

void rp_lanes_moved(struct rp_db *db, const struct rp_job_row *before,
                    const struct rp_job_row *after)
{
    struct rp_lanes *m = db->lanes;
    if (m == NULL || m->found == 0)
        return;
    if (before != NULL && before->state == RP_RUNNING)
        runs_more(m, before, -1);
    if (after != NULL && after->state == RP_RUNNING)
        runs_more(m, after, 1);
    if (before != NULL && before->state == RP_QUEUED) /* it may have been the last */
        lane_of(db, before->queue_id, before->type_id)->stale = true;
    if (after != NULL && after->state == RP_QUEUED)
        lane_of(db, after->queue_id, after->type_id)->stale = true;
}

void rp_lanes_ruled(struct rp_db *db)
{
    if (db->lanes != NULL)
        db->lanes->rules++;
}

void rp_lanes_forget(struct rp_db *db)
{
    if (db->lanes == NULL)
        return;
    db->lanes->rules++;
    db->lanes->found = 0;
}

struct rp_lanes_mark rp_lanes_here(const struct rp_db *db)
{
    const struct rp_lanes *m = db->lanes;
    return m != NULL ? (struct rp_lanes_mark){m->clock, m->rules} : (struct rp_lanes_mark){0, 0};
}

static void sides_back(struct rp_lane_sides *s, uint64_t to)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] != NULL && s->v[i]->touched > to)
            s->v[i]->counted = false;
}

/* What was read or counted since then, of rows that are not there any more. */
void rp_lanes_back(struct rp_db *db, struct rp_lanes_mark to)
{
    struct rp_lanes *m = db->lanes;
    if (m == NULL)
        return;
    if (m->rules != to.rules)
        m->rules++;
    if (m->found > to.clock)
        m->found = 0;
    if (m->clock == to.clock)
        return;
    for (size_t i = 0; i < m->n; i++)
        m->v[i]->stale |= m->v[i]->touched > to.clock;
    sides_back(&m->types, to.clock);
    sides_back(&m->queues, to.clock);
}

/* ---- what is read ---- */

static bool count_running(struct rp_db *db, struct rp_lane_side *s, int64_t type_id,
                          int64_t queue_id, struct rp_err *err)
{
    if (s->max <= 0 || s->counted)
        return true;
    s->touched = ++db->lanes->clock;
    s->counted = rp_tally_running(db, type_id, queue_id, &s->running, err);
    return s->counted;
}

bool rp_lane_type_now(struct rp_db *db, struct rp_lane_side *t, struct rp_err *err)
{
    if (t->ruled == db->lanes->rules)
        return count_running(db, t, t->id, 0, err);
    struct rp_stmt *s = rp_sql(
        db, "select t.max_running, t.command, t.configured = 1 and t.held is null and not exists"
            "(select 1 from type_need n join dependency d on d.name = n.dependency"
            " where n.type_id = t.id and d.active = 1 and d.state = 2) from job_type t"
            " where t.id = ?1");
    rp_bind_i64(s, 1, t->id);
    enum rp_step step = rp_step(s, err);
    t->open = false;
    t->counted = false;
    if (step == RP_STEP_ROW) {
        t->max = rp_col_i64(s, 0);
        t->commands = rp_col_i64(s, 1) != 0;
        t->open = rp_col_i64(s, 2) != 0;
    }
    rp_reset(s);
    t->ruled = step == RP_STEP_ROW ? db->lanes->rules : 0; /* one that is gone may be made again */
    return step != RP_STEP_ERROR && count_running(db, t, t->id, 0, err);
}

bool rp_lane_queue_now(struct rp_db *db, struct rp_lane_side *q, struct rp_err *err)
{
    if (q->ruled == db->lanes->rules)
        return count_running(db, q, 0, q->id, err);
    struct rp_stmt *s =
        rp_sql(db, "select max_running, weight, paused_at is null from queue where id = ?1");
    rp_bind_i64(s, 1, q->id);
    enum rp_step step = rp_step(s, err);
    q->open = false;
    q->counted = false;
    if (step == RP_STEP_ROW) {
        int64_t weight = rp_col_i64(s, 1);
        q->max = rp_col_i64(s, 0);
        q->stride = 1.0 / (double)(weight > 0 ? weight : 1);
        q->open = rp_col_i64(s, 2) != 0;
    }
    rp_reset(s);
    q->ruled = step == RP_STEP_ROW ? db->lanes->rules : 0;
    return step != RP_STEP_ERROR && count_running(db, q, 0, q->id, err);
}

static void place_read(struct rp_stmt *s, int c, struct rp_place *out)
{
    *out = (struct rp_place){rp_col_i64(s, c), rp_col_i64(s, c + 1), rp_col_i64(s, c + 2)};
}

bool rp_lane_now(struct rp_db *db, struct rp_lane *l, struct rp_err *err)
{
    if (!l->stale)
        return true;
    struct rp_stmt *s =
        rp_sql(db, "select priority, due_at, id from job indexed by job_ready where state = 2 and"
                   " queue_id = ?1 and type_id = ?2 order by priority desc, due_at, id limit 1");
    rp_bind_i64(s, 1, l->queue->id);
    rp_bind_i64(s, 2, l->type->id);
    enum rp_step step = rp_step(s, err);
    l->empty = step != RP_STEP_ROW;
    if (!l->empty)
        place_read(s, 0, &l->first);
    rp_reset(s);
    l->stale = step == RP_STEP_ERROR;
    l->touched = ++db->lanes->clock;
    return step != RP_STEP_ERROR;
}

/* ---- the first look ---- */

struct pair {
    int64_t queue_id, type_id;
    struct rp_place first;
};

/* The next pair after (queue, type) in the index, by two seeks: a comparison of pairs would walk
 * through the rest of the lane. */
static enum rp_step next_lane(struct rp_db *db, struct pair *p, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select queue_id, type_id, priority, due_at, id from job indexed by job_ready where"
            " state = 2 and queue_id = ?1 and type_id > ?2"
            " order by type_id, priority desc, due_at, id limit 1");
    rp_bind_i64(s, 1, p->queue_id);
    rp_bind_i64(s, 2, p->type_id);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_DONE) {
        s = rp_sql(db, "select queue_id, type_id, priority, due_at, id from job indexed by"
                       " job_ready where state = 2 and queue_id > ?1"
                       " order by queue_id, type_id, priority desc, due_at, id limit 1");
        rp_bind_i64(s, 1, p->queue_id);
        step = rp_step(s, err);
    }
    if (step == RP_STEP_ROW) {
        p->queue_id = rp_col_i64(s, 0);
        p->type_id = rp_col_i64(s, 1);
        place_read(s, 2, &p->first);
    }
    rp_reset(s);
    return step;
}

bool rp_lanes_find(struct rp_db *db, struct rp_lanes **out, struct rp_err *err)
{
    struct rp_lanes *m = *out = lanes_of(db);
    struct pair p = {.queue_id = 0};
    enum rp_step step;
    m->claims++;
    if (m->found != 0)
        return true;
    m->clock++;
    for (size_t i = 0; i < m->n; i++) {
        m->v[i]->empty = true;
        m->v[i]->stale = false;
        m->v[i]->touched = m->clock;
    }
    while ((step = next_lane(db, &p, err)) == RP_STEP_ROW) {
        struct rp_lane *l = lane_of(db, p.queue_id, p.type_id);
        l->first = p.first;
        l->stale = l->empty = false;
        l->touched = m->clock;
    }
    m->found = step == RP_STEP_DONE ? m->clock : 0;
    return step == RP_STEP_DONE;
}
