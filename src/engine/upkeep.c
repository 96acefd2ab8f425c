/* The care for running commands: their leases are held, their output so far is kept (G5), those
 * that must end are killed, types without a program are held (U29). What costs time (copies,
 * compression, looking for programs) is done before the transaction, not inside. */
#include "engine/internal.h"

#include "base/log.h"

struct partial {
    struct run *run; /* freed by the engine thread only, so it outlives the tick */
    struct rp_buf packed;
    uint64_t total;
};

/* ---- output so far ---- */

static size_t running_now(struct tick *t, struct run ***out)
{
    struct rp_engine *e = t->e;
    size_t n = 0;
    (void)pthread_mutex_lock(&e->runs.lock);
    *out = RP_NEW_N(&t->arena, struct run *, e->runs.n + 1);
    for (struct run *r = e->runs.running; r != NULL; r = r->next)
        (*out)[n++] = r;
    (void)pthread_mutex_unlock(&e->runs.lock);
    return n;
}

/* So much is copied and compressed in one tick; the others come next, at once. */
enum { COPIED_A_TICK = 16 << 20 };

/* Bytes that were copied. */
static size_t gather_one(struct tick *t, struct run *r)
{
    struct rp_output now = {0};
    struct partial *p = &t->partials[t->n_partials];
    if (rp_exec_written(t->e->exec, (uint64_t)r->lease.id) != r->stored_bytes &&
        rp_exec_peek(t->e->exec, (uint64_t)r->lease.id, &now) &&
        rp_output_pack(&now, &p->packed, NULL)) {
        p->run = r;
        p->total = now.total[0];
        t->n_partials++;
    }
    size_t copied = now.head.n + now.tail.n;
    rp_output_free(&now);
    return copied;
}

/* Those whose turn has not come since the output of all began to be copied. */
static void gather_output(struct tick *t)
{
    struct rp_engine *e = t->e;
    struct run **running;
    size_t n = running_now(t, &running), copied = 0, i = 0;
    t->partials = RP_NEW_N(&t->arena, struct partial, n);
    for (; i < n && copied < COPIED_A_TICK; i++)
        if (running[i]->round != e->partial_round) {
            running[i]->round = e->partial_round;
            copied += gather_one(t, running[i]);
        }
    if (i < n)
        e->next_partial_us = t->mono;
    else
        e->partial_round++;
}

bool tick_partial(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    for (size_t i = 0; i < t->n_partials; i++)
        if (!rp_job_output_partial(db, t->partials[i].run->lease.id,
                                   rp_buf_view(&t->partials[i].packed),
                                   (int64_t)t->partials[i].total, err))
            return false;
    t->partials_written = true;
    return true;
}

/* ---- programs ---- */

static void gather_holds(struct tick *t)
{
    const struct rp_config *c = atomic_load(&t->e->config);
    t->hold_config = c;
    t->hold_why = RP_NEW_N(&t->arena, struct rp_str, c->n_types);
    for (size_t i = 0; i < c->n_types; i++)
        if (c->types[i]->run.n > 0 && !command_found(c->types[i]))
            t->hold_why[i] = rp_str_fmt(&t->arena, "its command is missing: %.*s",
                                        RP_FMT(c->types[i]->run.v[0]));
}

/* A type whose program is missing is held; it goes on by itself once the program is there. */
bool tick_holds(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    const struct rp_config *c = t->hold_config;
    if (c != rp_db_config(db)) /* replaced meanwhile: next time */
        return true;
    for (size_t i = 0; i < c->n_types; i++)
        if (c->types[i]->run.n > 0 &&
            !rp_type_hold(db, c->types[i]->name, t->hold_why[i], t->now, err))
            return false;
    return true;
}

/* ---- leases ---- */

/* A third of their length between beats; one that cannot be written is tried again at once, and
 * says nothing about whose lease is gone. */
bool tick_beat(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine *e = t->e;
    (void)pthread_mutex_lock(&e->runs.lock);
    size_t n = 0, max = e->runs.n;
    t->beat_ids = RP_NEW_N(&t->arena, int64_t, max + 1);
    uint64_t *tokens = RP_NEW_N(&t->arena, uint64_t, max + 1);
    for (struct run *r = e->runs.running; r != NULL; r = r->next, n++)
        t->beat_ids[n] = r->lease.id, tokens[n] = r->lease.token;
    for (struct run *r = e->runs.ended; r != NULL; r = r->next, n++)
        t->beat_ids[n] = r->lease.id, tokens[n] = r->lease.token;
    (void)pthread_mutex_unlock(&e->runs.lock);
    t->beat_ok = RP_NEW_N(&t->arena, bool, n + 1);
    if (n > 0 && !rp_leases_extend(db, t->beat_ids, tokens, n,
                                   t->now + atomic_load(&e->config)->lease_us, t->beat_ok, err)) {
        e->next_beat_us = 0;
        return false;
    }
    t->n_beats = n;
    return true;
}

static void kill_run(struct rp_engine *e, int64_t lease, enum rp_ended_by why, int64_t grace_us)
{
    for (struct run *r = e->runs.running; r != NULL; r = r->next)
        if (r->lease.id == lease && !r->kill_sent) {
            r->kill_sent = true;
            rp_exec_kill(e->exec, (uint64_t)lease, why, grace_us);
            if (why == RP_END_STOP)
                rp_log(RP_WARN, "a running command lost its lease and is ended", "job=%lld",
                       (long long)r->lease.job.id);
        }
}

/* Those that somebody wants ended, and at once those whose lease is gone: another attempt may run
 * already (G10). */
static void kill_marked(struct tick *t)
{
    struct rp_engine *e = t->e;
    (void)pthread_mutex_lock(&e->runs.lock);
    for (size_t i = 0; i < t->n_kill; i++)
        kill_run(e, t->kill[i], RP_END_OPERATOR, -1);
    for (size_t i = 0; i < t->n_beats; i++)
        if (!t->beat_ok[i])
            kill_run(e, t->beat_ids[i], RP_END_STOP, 0);
    (void)pthread_mutex_unlock(&e->runs.lock);
}

/* ---- the three steps ---- */

void upkeep_gather(struct tick *t)
{
    if (t->partial)
        gather_output(t);
    if (t->holds)
        gather_holds(t);
}

void upkeep_written(struct tick *t)
{
    for (size_t i = 0; t->partials_written && i < t->n_partials; i++)
        t->partials[i].run->stored_bytes = t->partials[i].total;
    kill_marked(t);
}

void upkeep_forget(struct tick *t)
{
    for (size_t i = 0; i < t->n_partials; i++)
        rp_buf_free(&t->partials[i].packed);
}
