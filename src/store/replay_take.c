/* Items that go straight from a replay to a worker that waits for work.
 *
 * An item that is let out is queued, and a claim takes it from the queue: its job moves twice, and
 * is read and found anew in between. Where a worker is there already, both are one move. That is
 * for the many that are alike: what is out of the ordinary (see below) goes the long way, with
 * rp_replay_release. */
#include "store/replays_internal.h"

/* ---- whether the claim may have items of this replay ---- */

/* All of one type and queue, which nothing keeps from starting and no limit counts. 0: not so. */
static bool read_kind(struct rp_db *db, int64_t id, int64_t *type_id, int64_t *queue_id,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select t.id, q.id from (select min(type_id) one, max(type_id) other from replay_tally"
            "  where replay_id = ?1) y cross join (select min(queue_id) one, max(queue_id) other"
            "  from replay_queue where replay_id = ?1) z join job_type t on t.id = y.one and"
            " t.id = y.other join queue q on q.id = z.one and q.id = z.other where t.command = 0"
            " and t.max_running = 0 and q.max_running = 0 and q.paused_at is null"
            " and not " RP_TYPE_WAITS);
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    *type_id = step == RP_STEP_ROW ? rp_col_i64(s, 0) : 0;
    *queue_id = step == RP_STEP_ROW ? rp_col_i64(s, 1) : 0;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

static bool is_takable(struct rp_db *db, int64_t id, int64_t now_us, struct rp_arena *a,
                       int64_t *type_id, int64_t *queue_id, bool *is, struct rp_err *err)
{
    struct rp_pacing pacing = {.db = db, .arena = a, .now_us = now_us};
    struct rp_paces *paces = NULL;
    *is = false;
    if (!read_kind(db, id, type_id, queue_id, err))
        return false;
    const struct rp_type *t = *type_id != 0 ? rp_type_settings(db, *type_id) : NULL;
    if (t == NULL || t->replay_key == RP_REPLAY_KEY_NEW)
        return true;
    bool ok = rp_paces_of(&pacing, *type_id, &paces, err);
    *is = ok && paces == NULL;
    return ok;
}

bool rp_replay_takable(struct rp_db *db, int64_t id, int64_t now_us, bool *is, struct rp_err *err)
{
    struct rp_arena a = {0};
    int64_t type_id, queue_id;
    bool ok = is_takable(db, id, now_us, &a, &type_id, &queue_id, is, err);
    rp_arena_free(&a);
    return ok;
}

static bool named(const struct rp_strs *names, struct rp_str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (rp_str_eq(names->v[i], name))
            return true;
    return names->n == 0;
}

static bool may_take(struct rp_db *db, int64_t id, const struct rp_claim *c, int64_t now_us,
                     struct rp_arena *a, bool *may, struct rp_err *err)
{
    struct rp_name *type, *queue;
    int64_t type_id, queue_id;
    if (!is_takable(db, id, now_us, a, &type_id, &queue_id, may, err))
        return false;
    if (!*may || c->commands) {
        *may = false;
        return true;
    }
    if (!rp_type_of_id(db, type_id, &type, err) || !rp_queue_of_id(db, queue_id, &queue, err))
        return false;
    *may = named(&c->types, type->name) && named(&c->queues, queue->name);
    return true;
}

/* ---- items ---- */

struct taking {
    struct rp_job_row *row;
    int64_t *seq;
    struct rp_lease *lease;
    size_t n;
};

/* As they were planned, with nothing that has to be minded beside them. */
#define ALIKE                                                                                      \
    "j.state = i.state_before and j.last_n = i.n_before and payload_hash(j.payload) ="             \
    " i.payload_hash and j.key is null and i.key is null and i.sequence is null and j.alone = 0"   \
    " and j.poison = 0 and j.outside = 0"

/* The next ones, up to one that is not so. */
static bool read_alike(struct rp_db *db, int64_t id, int64_t max, struct rp_arena *a,
                       struct taking *t, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select " RP_JOB_ROW ", " RP_LEASED(
                "coalesce(i.payload, j.payload)") ", i.seq, " ALIKE
                                                  " from replay_item i indexed by replay_item_open "
                                                  "cross join job j on j.id = i.job_id"
                                                  " where i.replay_id = ?1 and i.fate in (1, 2) "
                                                  "and i.fate = 1 order by i.seq limit ?2");
    enum { SEQ = RP_JOB_ROW_N + RP_LEASED_N, IS_ALIKE };
    enum rp_step step;
    int64_t bytes = 0;
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, max);
    while ((step = rp_step(s, err)) == RP_STEP_ROW && rp_col_i64(s, IS_ALIKE) != 0 &&
           bytes < RP_CLAIM_BYTES) {
        struct rp_job *job = &t->lease[t->n].job;
        t->row[t->n] = rp_job_row_read(s);
        rp_leased_read(s, RP_JOB_ROW_N, a, job);
        bytes += (int64_t)(job->payload.n + job->labels.n);
        t->seq[t->n++] = rp_col_i64(s, SEQ);
    }
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

/* Neighbours of one state, so many as a statement takes. */
static size_t chunk(const struct taking *t, size_t from)
{
    size_t to = from;
    while (to < t->n && to - from < RP_ROWS && t->row[to].state == t->row[from].state)
        to++;
    return to - from;
}

static bool begin_all(struct rp_db *db, const struct rp_replay *r, int64_t wave, int64_t now_us,
                      const struct taking *t, struct rp_err *err)
{
    struct rp_fates fates = {.replay_id = r->id};
    for (size_t i = 0, n; i < t->n; i += n) {
        n = chunk(t, i);
        if (!rp_jobs_replay_begin(db, &t->row[i], n, r->id, 1 + r->retries, now_us, err) ||
            !rp_items_out(db, r->id, wave, &t->seq[i], n, err))
            return false;
        for (size_t k = i; k < i + n; k++)
            if (!rp_fates_count(db, &fates, t->row[k].type_id, RP_FATE_WAITING, RP_FATE_RELEASED,
                                err))
                return false;
    }
    return rp_fates_write(db, &fates, err) &&
           rp_replay_started_add(db, r->id, (int64_t)t->n, err) &&
           rp_replay_note_wave(db, r->id, wave, err);
}

/* Jobs that take something back are told what. */
static bool lease_all(struct rp_db *db, const struct rp_claim *c, int64_t now_us,
                      struct rp_arena *a, const struct taking *t, struct rp_err *err)
{
    struct rp_grant g = {c->node, c->worker, c->commands, now_us, now_us + c->lease_us};
    return rp_replay_taken_back(db, t->row, t->n, a, t->lease, err) &&
           rp_leases_write(db, t->row, t->n, &g, a, t->lease, err);
}

bool rp_replay_take(struct rp_db *db, const struct rp_replay *r, int64_t wave, int64_t max,
                    const struct rp_claim *c, int64_t now_us, struct rp_arena *a,
                    struct rp_lease **out, size_t *n, struct rp_err *err)
{
    bool may;
    *n = 0;
    if (!may_take(db, r->id, c, now_us, a, &may, err))
        return false;
    if (!may)
        return true;
    size_t room = (size_t)(max < c->max ? max : c->max);
    struct taking t = {RP_NEW_N(a, struct rp_job_row, room), RP_NEW_N(a, int64_t, room),
                       RP_NEW_N(a, struct rp_lease, room), 0};
    if (!rp_replay_wave_begin(db, r, wave, now_us, err) ||
        !read_alike(db, r->id, (int64_t)room, a, &t, err))
        return false;
    *n = t.n;
    *out = t.lease;
    return t.n == 0 ||
           (begin_all(db, r, wave, now_us, &t, err) && lease_all(db, c, now_us, a, &t, err));
}
