#include "engine/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUEUE_MAX = 20000, READERS = 2 };
/* There are few readers, and others wait; behind the one for long questions only those like it. */
static const int64_t read_us = 10 * RP_US_S, long_read_us = 5 * RP_US_MIN;

/* ---- start ---- */

struct begin {
    struct rp_engine *e;
    const struct rp_config *config;
    int64_t now, last_seen, orphans, held;
    int64_t correction_us; /* 0: the clock went on from the last sign of life */
};

/* A sign of life from far ahead is that of a wrong clock: schedules must not wait for it (rule 11).
 */
static bool right_clock(struct rp_db *db, struct begin *b, struct rp_err *err)
{
    int64_t seen = b->last_seen;
    if (seen <= b->now)
        return true;
    b->last_seen = 0;
    if (seen - b->now <= CLOCK_CORRECTION_US)
        return true;
    b->correction_us = b->now - seen;
    return rp_schedules_clock_set(db, seen, b->now, err);
}

void engine_clock_corrected(struct rp_engine *e, int64_t now_us, int64_t by_us)
{
    rp_log(RP_WARN, "the wall clock was set; schedules start from the new time", "jump_s=%lld",
           (long long)(by_us / RP_US_S));
    (void)pthread_mutex_lock(&e->lock);
    e->correction.n++;
    e->correction.at_us = now_us;
    e->correction.by_us = by_us;
    (void)pthread_mutex_unlock(&e->lock);
}

static bool begin_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct begin *b = arg;
    struct rp_str node = rp_str_of(b->e->node);
    return settings_apply(b->e, db, b->config, b->now, &b->held, err) &&
           rp_leases_orphaned(db, node, b->now, &b->orphans, err) &&
           rp_node_start(db, node, getpid(), b->now, &b->last_seen, err) &&
           rp_leases_spare(db, b->now + b->config->lease_us, err) && right_clock(db, b, err) &&
           rp_schedules_reboot(db, b->now, err) &&
           (b->e->hooks.begin == NULL || b->e->hooks.begin(b->e->hooks.ctx, db, b->now, err));
}

static bool begin(struct rp_engine *e, const struct rp_config *config, struct rp_err *err)
{
    struct begin b = {.e = e, .config = config, .now = rp_wall(e->clock)};
    if (!writer_call(&e->writer, begin_run, &b, err))
        return false;
    atomic_store(&e->config, rp_db_config(rp_store_writer(e->store)));
    e->last_wall_us = b.now;
    e->last_mono_us = rp_mono(e->clock);
    retention_wait(e, e->last_mono_us);
    e->up_since_us = b.now;
    e->down_from_us = b.last_seen;
    if (b.correction_us != 0)
        engine_clock_corrected(e, b.now, b.correction_us);
    if (b.orphans > 0)
        rp_log(RP_WARN, "attempts of the daemon before were lost", "n=%lld", (long long)b.orphans);
    if (b.held > 0)
        rp_log(RP_WARN, "waiting jobs have no type in the configuration and are held", "n=%lld",
               (long long)b.held);
    return true;
}

/* On the writer, after a commit, before those are answered who asked for it. */
static void woken(void *ctx, unsigned bits)
{
    struct rp_engine *e = ctx;
    if ((bits & RP_CHANGED_CONFIG) != 0)
        atomic_store(&e->config, rp_db_config(rp_store_writer(e->store)));
    if ((bits & (RP_CHANGED_COMMANDS | RP_CHANGED_DUE | RP_CHANGED_KILL | RP_CHANGED_REPLAYS |
                 RP_CHANGED_SCHEDULES | RP_CHANGED_CONFIG)) == 0)
        return;
    (void)pthread_mutex_lock(&e->lock);
    e->woken = true;
    (void)pthread_cond_signal(&e->wake);
    (void)pthread_mutex_unlock(&e->lock);
}

static void name_node(struct rp_engine *e, struct rp_str configured)
{
    if (configured.n > 0 && configured.n < sizeof e->node)
        memcpy(e->node, configured.p, configured.n);
    else if (gethostname(e->node, sizeof e->node - 1) != 0)
        (void)snprintf(e->node, sizeof e->node, "node");
}

static void init_locks(struct rp_engine *e)
{
    rp_cond_init(&e->wake);
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_mutex_init(&e->runs.lock, NULL);
}

static bool start_parts(struct rp_engine *e, const struct rp_engine_options *o, struct rp_err *err)
{
    struct rp_exec_options x = {.clock = o->clock,
                                .cgroup = o->cgroup,
                                .store_id = rp_store_id(o->store),
                                .done = runs_done,
                                .ctx = e};
    int swept = rp_exec_sweep(&x, e->sweep, sizeof e->sweep);
    if (swept > 0)
        rp_log(RP_WARN, "processes of the daemon before were still running and were ended",
               "n=%d names=%s", swept, rp_log_q(rp_str_of(e->sweep)));
    if (!tender_start(&e->tender, o->store, err) ||
        !writer_start(&e->writer, o->store, o->clock, &o->hooks,
                      o->queue_max > 0 ? o->queue_max : QUEUE_MAX, &e->cut, err))
        return false;
    e->reader = rp_store_reader(o->store, err);
    e->exec = e->reader != NULL ? rp_exec_new(&x, err) : NULL;
    return e->exec != NULL &&
           readers_start(&e->readers, o->store, o->readers > 0 ? o->readers : READERS, read_us,
                         &e->cut, err) &&
           readers_start(&e->slow_reader, o->store, 1, read_us, &e->cut, err) &&
           readers_start(&e->whole_reader, o->store, 1, RP_US_DAY, &e->cut, err) &&
           readers_start(&e->long_reader, o->store, 1, long_read_us, &e->cut, err) &&
           begin(e, o->config, err);
}

struct rp_engine *rp_engine_start(const struct rp_engine_options *o, struct rp_err *err)
{
    struct rp_engine *e = rp_xcalloc(1, sizeof *e);
    e->store = o->store;
    e->clock = o->clock;
    e->hooks = o->hooks;
    e->open_files = o->open_files;
    e->partial_round = 1;
    e->started_us = rp_wall(o->clock);
    atomic_store(&e->config, o->config);
    name_node(e, o->config->node);
    init_locks(e);
    if (!start_parts(e, o, err)) {
        /* A start that fails ends the process: its threads and file are the process's to drop. */
        return NULL;
    }
    e->listener = (struct rp_listener){.changed = woken, .ctx = e};
    rp_engine_listen(e, &e->listener);
    if (pthread_create(&e->thread, NULL, engine_thread, e) != 0) {
        (void)rp_fail(err, RP_E_INTERNAL, "no thread for the engine");
        return NULL;
    }
    return e;
}

/* ---- reload ---- */

static bool reload_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct begin *b = arg;
    return settings_apply(b->e, db, b->config, b->now, &b->held, err);
}

bool rp_engine_reload(struct rp_engine *e, const struct rp_config *config, int64_t *held_jobs,
                      struct rp_err *err)
{
    struct begin b = {.e = e, .config = config, .now = rp_wall(e->clock)};
    if (!writer_call(&e->writer, reload_run, &b, err))
        return false;
    *held_jobs = b.held;
    return true;
}

/* ---- stop ---- */

static bool node_stop_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct rp_engine *e = arg;
    return rp_node_stop(db, rp_str_of(e->node), rp_wall(e->clock), err);
}

static void signal_stop(struct rp_engine *e, bool now)
{
    (void)pthread_mutex_lock(&e->lock);
    e->stopping = true;
    e->stop_now = e->stop_now || now;
    e->woken = true;
    (void)pthread_cond_signal(&e->wake);
    (void)pthread_mutex_unlock(&e->lock);
}

void rp_engine_stop_now(struct rp_engine *e)
{
    signal_stop(e, true);
}

void rp_engine_stop(struct rp_engine *e)
{
    struct rp_err err;
    signal_stop(e, false);
    (void)pthread_join(e->thread, NULL);
    if (!writer_call(&e->writer, node_stop_run, e, &err))
        rp_log_err(RP_WARN, "the stop could not be recorded", &err);
    atomic_store(&e->cut, true);
    readers_interrupt(&e->readers);
    readers_interrupt(&e->long_reader);
}

const atomic_bool *rp_engine_cut(const struct rp_engine *e)
{
    return &e->cut;
}

void rp_engine_free(struct rp_engine *e)
{
    rp_engine_unlisten(e, &e->listener);
    readers_stop(&e->readers);
    readers_stop(&e->slow_reader);
    readers_stop(&e->whole_reader);
    readers_stop(&e->long_reader); /* which may wait for the writer */
    writer_stop(&e->writer);
    tender_stop(&e->tender);
    rp_exec_free(e->exec);
    runs_free(&e->runs);
    settings_free(e);
    rp_db_close(e->reader);
    (void)pthread_mutex_destroy(&e->lock);
    (void)pthread_cond_destroy(&e->wake);
    (void)pthread_mutex_destroy(&e->runs.lock);
    free(e);
}

/* ---- doors to the parts ---- */

bool rp_engine_submit(struct rp_engine *e, struct rp_op *op, struct rp_err *err)
{
    return writer_submit(&e->writer, op, err);
}

bool rp_engine_write(struct rp_engine *e, bool (*run)(struct rp_db *, void *, struct rp_err *),
                     void *arg, struct rp_err *err)
{
    return writer_call(&e->writer, run, arg, err);
}

bool rp_engine_write_heavy(struct rp_engine *e,
                           bool (*run)(struct rp_db *, void *, struct rp_err *), void *arg,
                           struct rp_err *err)
{
    return writer_call_heavy(&e->writer, run, arg, err);
}

bool rp_engine_read(struct rp_engine *e, struct rp_read *r, struct rp_err *err)
{
    return readers_submit(&e->readers, r, err);
}

bool rp_engine_read_slow(struct rp_engine *e, struct rp_read *r, struct rp_err *err)
{
    return readers_submit(&e->slow_reader, r, err);
}

bool rp_engine_read_whole(struct rp_engine *e, struct rp_read *r, struct rp_err *err)
{
    return readers_submit(&e->whole_reader, r, err);
}

bool rp_engine_read_long(struct rp_engine *e, struct rp_read *r, struct rp_err *err)
{
    return readers_submit(&e->long_reader, r, err);
}

void rp_engine_listen(struct rp_engine *e, struct rp_listener *l)
{
    (void)pthread_mutex_lock(&e->writer.listeners_lock);
    l->next = e->writer.listeners;
    e->writer.listeners = l;
    (void)pthread_mutex_unlock(&e->writer.listeners_lock);
}

void rp_engine_unlisten(struct rp_engine *e, struct rp_listener *l)
{
    (void)pthread_mutex_lock(&e->writer.listeners_lock);
    struct rp_listener **at = &e->writer.listeners;
    while (*at != NULL && *at != l)
        at = &(*at)->next;
    if (*at != NULL)
        *at = l->next;
    (void)pthread_mutex_unlock(&e->writer.listeners_lock);
}

void rp_engine_state(struct rp_engine *e, struct rp_engine_state *out)
{
    *out = (struct rp_engine_state){.started_us = e->started_us,
                                    .log = rp_wal_log(e->store),
                                    .covers = rp_exec_covers(e->exec)};
    memcpy(out->sweep, e->sweep, sizeof out->sweep);
    (void)pthread_mutex_lock(&e->lock);
    out->last_tick_us = e->last_tick_us;
    out->stopping = e->stopping;
    out->correction = e->correction;
    (void)pthread_mutex_unlock(&e->lock);
    (void)pthread_mutex_lock(&e->runs.lock);
    out->running = (int64_t)e->runs.n;
    (void)pthread_mutex_unlock(&e->runs.lock);
    (void)pthread_mutex_lock(&e->writer.lock);
    out->ops_waiting = (int64_t)e->writer.waiting;
    out->commits = e->writer.commits;
    out->ops = e->writer.ops;
    out->turns = e->writer.turns;
    out->write_fails = e->writer.fails_since_us != 0;
    out->write_fails_since_us = e->writer.fails_since_us;
    out->write_err = e->writer.fails_with;
    (void)pthread_mutex_unlock(&e->writer.lock);
}

bool rp_engine_peek(struct rp_engine *e, int64_t lease, struct rp_output *copy)
{
    return rp_exec_peek(e->exec, (uint64_t)lease, copy);
}

const struct rp_config *rp_engine_config(struct rp_engine *e)
{
    return atomic_load(&e->config);
}

const struct rp_clock *rp_engine_clock(struct rp_engine *e)
{
    return e->clock;
}

const char *rp_engine_node(struct rp_engine *e)
{
    return e->node;
}

struct rp_store *rp_engine_store(struct rp_engine *e)
{
    return e->store;
}
