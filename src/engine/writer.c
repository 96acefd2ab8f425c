#include "engine/internal.h"

#include "base/log.h"
#include "store/wal.h"

#include <errno.h>
#include <time.h>

enum { BATCH_OPS = 1024, ALIKE_OPS = 128, CROWD_OPS = 4 };
/* A batch is closed after this long, so that nobody waits more than about twice of it (G19). */
static const int64_t batch_us = 20000;

/* ---- lanes ---- two, so that whoever writes little does not wait behind those who write much */

static void lane_add(struct lane *l, struct rp_op *op)
{
    op->next = NULL;
    *l->tail = op;
    l->tail = &op->next;
}

static struct rp_op *lane_take(struct lane *l)
{
    struct rp_op *op = l->head;
    l->head = op->next;
    if (l->head == NULL)
        l->tail = &l->head;
    op->next = NULL;
    return op;
}

static struct lane *lane_of(struct rp_writer *w, const struct rp_op *op)
{
    return op->heavy ? &w->heavy : &w->light;
}

/* Those who were answered together mostly ask again together: with the first of them alone in a
 * batch, two commits (and syncs) would serve what one can. So after a crowd most of it is waited
 * for, for no longer than a transaction took, which is what the others would wait for it. */
static void await_crowd(struct rp_writer *w)
{
    struct timespec until = rp_deadline(w->took_us < batch_us ? w->took_us : batch_us);
    int rc = 0;
    w->wanted = w->crowd - w->crowd / 4;
    while (w->waiting < w->wanted && w->heavy.head == NULL && !w->closing && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&w->more, &w->lock, &until);
    w->wanted = 1;
}

/* In turns: the light ones have a transaction of their own, whose commit no heavy one delays. */
static struct rp_op *take_batch(struct rp_writer *w)
{
    struct lane batch = {.head = NULL};
    batch.tail = &batch.head;
    (void)pthread_mutex_lock(&w->lock);
    while (w->light.head == NULL && w->heavy.head == NULL && !w->closing)
        (void)pthread_cond_wait(&w->more, &w->lock);
    if (w->crowd >= CROWD_OPS)
        await_crowd(w);
    bool heavy = w->heavy.head != NULL && (w->light.head == NULL || w->heavy_next);
    struct lane *from = heavy ? &w->heavy : &w->light;
    size_t n = 0;
    for (; n < BATCH_OPS && from->head != NULL; n++)
        lane_add(&batch, lane_take(from));
    w->waiting -= n;
    w->crowd = heavy ? 0 : n;
    w->heavy_next = !heavy;
    (void)pthread_mutex_unlock(&w->lock);
    return batch.head;
}

/* What did not fit into this transaction's time goes back to the front. */
static void put_back(struct rp_writer *w, struct rp_op *rest)
{
    struct rp_op *last = rest;
    size_t n = 1;
    for (; last->next != NULL; n++)
        last = last->next;
    (void)pthread_mutex_lock(&w->lock);
    struct lane *l = lane_of(w, rest);
    last->next = l->head;
    if (l->head == NULL)
        l->tail = &last->next;
    l->head = rest;
    w->waiting += n;
    (void)pthread_mutex_unlock(&w->lock);
}

/* What is not done yet waits behind the others. It was let in already, so no limit holds for it. */
static void put_last(struct rp_writer *w, struct rp_op *op)
{
    (void)pthread_mutex_lock(&w->lock);
    lane_add(lane_of(w, op), op);
    w->waiting++;
    (void)pthread_mutex_unlock(&w->lock);
}

/* ---- a batch ---- */

static void run_op(struct rp_db *db, struct rp_op *op)
{
    op->again = false;
    op->ok = rp_savepoint(db, &op->err);
    if (!op->ok)
        return;
    op->ok = op->run(db, op->arg, &op->err) && rp_savepoint_release(db, &op->err);
    if (!op->ok)
        rp_savepoint_rollback(db);
}

/* The ops from `op` on that can be run together; 0: it is one that goes by itself. */
static size_t find_alike(struct rp_op *op, struct rp_op **alike)
{
    size_t n = 0;
    for (struct rp_op *o = op;
         o != NULL && n < ALIKE_OPS && o->run_all != NULL && o->run_all == op->run_all && !o->heavy;
         o = o->next)
        alike[n++] = o;
    return n;
}

/* How many more would have been run with it. */
static size_t alike_after(struct rp_op *op)
{
    struct rp_op *alike[ALIKE_OPS];
    size_t n = find_alike(op, alike);
    return n > 0 ? n - 1 : 0;
}

/* Returns how many have been run: all that are alike, or none. */
static size_t run_alike(struct rp_db *db, struct rp_op *op)
{
    struct rp_op *alike[ALIKE_OPS];
    struct rp_err err;
    size_t n = find_alike(op, alike);
    if (n < 2 || !rp_savepoint(db, &err))
        return 0;
    if (!op->run_all(db, alike, n, &err) || !rp_savepoint_release(db, &err)) {
        rp_savepoint_rollback(db);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        alike[i]->again = false;
        alike[i]->ok = true;
    }
    return n;
}

/* Runs ops until the time of a batch is used up; returns what is left. *n counts those run. */
static struct rp_op *run_ops(struct rp_writer *w, struct rp_db *db, struct rp_op *op, size_t *n)
{
    int64_t until = rp_mono(w->clock) + batch_us;
    struct rp_op *last = op;
    size_t single = 0; /* run these by themselves: one of them failed */
    for (*n = 0; op != NULL && (*n == 0 || rp_mono(w->clock) < until);) {
        size_t ran = single == 0 ? run_alike(db, op) : 0;
        if (ran == 0) {
            single = single > 0 ? single - 1 : alike_after(op);
            run_op(db, op);
            ran = 1;
        }
        *n += ran;
        for (; ran > 0; ran--) {
            last = op;
            op = op->next;
        }
    }
    last->next = NULL;
    return op;
}

/* While writes fail, a commit without changes proves nothing: each transaction then writes a row of
 * its own (U30). */
static bool probed(struct rp_writer *w, struct rp_db *db, struct rp_err *err)
{
    (void)pthread_mutex_lock(&w->lock);
    bool failing = w->fails_since_us != 0;
    (void)pthread_mutex_unlock(&w->lock);
    return !failing || rp_store_probe(db, rp_wall(w->clock), err);
}

static void note_health(struct rp_writer *w, size_t n, const struct rp_err *err)
{
    bool failed = err != NULL, before;
    (void)pthread_mutex_lock(&w->lock);
    before = w->fails_since_us != 0;
    w->commits += !failed;
    w->ops += failed ? 0 : (int64_t)n;
    if (failed && !before)
        w->fails_since_us = rp_wall(w->clock);
    if (failed)
        w->fails_with = *err;
    else
        w->fails_since_us = 0;
    (void)pthread_mutex_unlock(&w->lock);
    if (failed && !before)
        rp_log_err(RP_ERROR, "the store cannot be written", err);
    if (!failed && before)
        rp_log(RP_INFO, "the store can be written again", "ops=%zu", n);
}

static void tell(struct rp_writer *w, unsigned bits)
{
    if (bits == 0)
        return;
    (void)pthread_mutex_lock(&w->listeners_lock);
    for (struct rp_listener *l = w->listeners; l != NULL; l = l->next)
        l->changed(l->ctx, bits);
    (void)pthread_mutex_unlock(&w->listeners_lock);
}

static void finish(struct rp_writer *w, struct rp_op *op, const struct rp_err *failed)
{
    while (op != NULL) {
        struct rp_op *next = op->next; /* done may free the op */
        if (failed != NULL) {
            op->ok = false;
            op->err = *failed;
        }
        if (op->ok && op->again && atomic_load(w->cut))
            op->ok = rp_fail(&op->err, RP_E_STOPPING, "the daemon is stopping");
        if (op->ok && op->again)
            put_last(w, op);
        else
            op->done(op);
        op = next;
    }
}

/* Alone in its transaction an op needs no savepoint: the pages that one copies cost more than a
 * transaction that is rolled back. False: it failed, nothing of it is left, and its asker knows. */
static bool run_alone(struct rp_writer *w, struct rp_db *db, struct rp_op *op)
{
    op->again = false;
    op->ok = op->run(db, op->arg, &op->err);
    if (op->ok)
        return true;
    rp_tx_rollback(db);
    (void)rp_db_take_changes(db);
    if (rp_store_broken(&op->err))
        note_health(w, 1, &op->err);
    op->done(op);
    return false;
}

/* Sooner than the engine looks by itself. */
static const int64_t soon_us = RP_US_S / 4;

/* Jobs of a replay ended in this transaction: what may go out next goes out with it, and waits for
 * no timer. Its error leaves all else alone; the engine's tick tries again. */
static bool replays_follow(struct rp_writer *w, struct rp_db *db, bool *went_on, struct rp_err *err)
{
    unsigned before = rp_db_take_changes(db);
    rp_db_changed(db, before & ~(unsigned)RP_CHANGED_ITEMS);
    if ((before & RP_CHANGED_ITEMS) == 0 || w->hooks.tick == NULL)
        return true;
    int64_t now = rp_wall(w->clock), next = INT64_MAX;
    if (!rp_savepoint(db, err))
        return false;
    bool ok = w->hooks.tick(w->hooks.ctx, db, now, &next, err) && rp_savepoint_release(db, err);
    if (!ok) {
        rp_savepoint_rollback(db);
        rp_db_changed(db, RP_CHANGED_REPLAYS);
        return !rp_store_broken(err);
    }
    *went_on = true;
    unsigned after = rp_db_take_changes(db);
    if (next - now > soon_us) /* nothing for the engine to do */
        after &= ~(unsigned)RP_CHANGED_REPLAYS | before;
    else
        after |= RP_CHANGED_REPLAYS;
    rp_db_changed(db, after & ~(unsigned)RP_CHANGED_ITEMS);
    return true;
}

/* One who waits takes what a replay has just let out: one commit (and sync) a wave instead of two.
 */
static void take_along(struct rp_writer *w, struct rp_db *db, struct rp_op *batch, size_t *n)
{
    struct rp_op *op = NULL, *last = batch;
    unsigned bits = rp_db_take_changes(db);
    rp_db_changed(db, bits);
    (void)pthread_mutex_lock(&w->listeners_lock);
    for (struct rp_listener *l = w->listeners; l != NULL && op == NULL; l = l->next)
        op = l->joins != NULL ? l->joins(l->ctx, bits) : NULL;
    (void)pthread_mutex_unlock(&w->listeners_lock);
    if (op == NULL)
        return;
    run_op(db, op);
    while (last->next != NULL)
        last = last->next;
    last->next = op;
    op->next = NULL;
    ++*n;
}

static void write_batch(struct rp_writer *w, struct rp_op *batch)
{
    struct rp_db *db = rp_store_writer(w->store);
    struct rp_err err;
    size_t n = 1;
    struct rp_op *rest = NULL;
    bool begun = rp_tx_begin(db, &err), alone = batch->next == NULL, went_on = false;
    if (begun && alone && !run_alone(w, db, batch))
        return;
    if (begun && !alone)
        rest = run_ops(w, db, batch, &n);
    bool ok = begun && replays_follow(w, db, &went_on, &err);
    if (ok && went_on && rest == NULL) /* else its time is used up */
        take_along(w, db, batch, &n);
    ok = ok && probed(w, db, &err) && rp_tx_commit(db, &err);
    if (begun && !ok)
        rp_tx_rollback(db);
    unsigned bits = rp_db_take_changes(db);
    if (rest != NULL)
        put_back(w, rest);
    note_health(w, begun ? n : 0, ok ? NULL : &err);
    if (ok)
        tell(w, bits); /* first: who is answered must find what it asked for */
    finish(w, batch, ok ? NULL : &err);
}

static void *writer_thread(void *arg)
{
    struct rp_writer *w = arg;
    struct rp_op *batch;
    while ((batch = take_batch(w)) != NULL) {
        struct turn turn = turn_begin(w);
        write_batch(w, batch);
        w->took_us = rp_mono(w->clock) - turn.from_us;
        rp_wal_finish(rp_store_writer(w->store));
        turn_end(w, &turn);
    }
    return NULL;
}

bool writer_start(struct rp_writer *w, struct rp_store *store, const struct rp_clock *clock,
                  const struct rp_engine_hooks *hooks, size_t max, const atomic_bool *cut,
                  struct rp_err *err)
{
    w->hooks = *hooks;
    w->cut = cut;
    w->store = store;
    w->clock = clock;
    w->max = max;
    w->wanted = 1;
    w->light.tail = &w->light.head;
    w->heavy.tail = &w->heavy.head;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_mutex_init(&w->listeners_lock, NULL);
    rp_cond_init(&w->more);
    if (pthread_create(&w->thread, NULL, writer_thread, w) != 0)
        return rp_fail(err, RP_E_INTERNAL, "no thread for the writer");
    return true;
}

bool writer_submit(struct rp_writer *w, struct rp_op *op, struct rp_err *err)
{
    (void)pthread_mutex_lock(&w->lock);
    bool closing = w->closing, full = w->waiting >= w->max;
    if (!closing && !full) {
        lane_add(lane_of(w, op), op);
        w->waiting++;
        if (w->waiting >= w->wanted || op->heavy)
            (void)pthread_cond_signal(&w->more);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (closing)
        return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
    if (full) {
        (void)rp_fail(err, RP_E_OVERLOAD, "%zu writes are waiting already", w->max);
        return rp_hint(err, "try again in a second");
    }
    return true;
}

struct call {
    struct rp_op op;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static void call_done(struct rp_op *op)
{
    struct call *c = (struct call *)op; /* op is the first member */
    (void)pthread_mutex_lock(&c->lock);
    c->finished = true;
    (void)pthread_cond_signal(&c->cond);
    (void)pthread_mutex_unlock(&c->lock);
}

static bool call_as(struct rp_writer *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                    void *arg, bool heavy, struct rp_err *err)
{
    struct call c = {.op = {.run = run, .arg = arg, .done = call_done, .heavy = heavy}};
    (void)pthread_mutex_init(&c.lock, NULL);
    (void)pthread_cond_init(&c.cond, NULL);
    bool ok = writer_submit(w, &c.op, err);
    if (ok) {
        (void)pthread_mutex_lock(&c.lock);
        while (!c.finished)
            (void)pthread_cond_wait(&c.cond, &c.lock);
        (void)pthread_mutex_unlock(&c.lock);
        ok = c.op.ok;
        if (!ok && err != NULL)
            *err = c.op.err;
    }
    (void)pthread_cond_destroy(&c.cond);
    (void)pthread_mutex_destroy(&c.lock);
    return ok;
}

bool writer_call(struct rp_writer *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                 void *arg, struct rp_err *err)
{
    return call_as(w, run, arg, false, err);
}

bool writer_call_heavy(struct rp_writer *w, bool (*run)(struct rp_db *, void *, struct rp_err *),
                       void *arg, struct rp_err *err)
{
    return call_as(w, run, arg, true, err);
}

void writer_stop(struct rp_writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->closing = true;
    (void)pthread_cond_signal(&w->more);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_mutex_destroy(&w->listeners_lock);
    (void)pthread_cond_destroy(&w->more);
}
