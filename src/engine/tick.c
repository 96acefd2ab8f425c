/* The engine thread. Everything it decides in one round is one op of the writer, the tick: reports
 * of commands that ended, what is due, what was lost, what to start. So a round is all or nothing,
 * and costs one commit. */
#include "engine/internal.h"

#include "base/log.h"
#include "store/replays.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

enum { PROMOTE_A_TICK = 1000, EXPIRE_A_TICK = 200, FIRE_A_TICK = 200, CLAIM_A_TICK = 256 };
enum { SUMMED_A_TICK = 4000 };

static const int64_t wake_at_least_us = RP_US_S; /* so that a set clock is noticed */
static const int64_t stall_us = RP_US_MIN;       /* a longer gap between ticks counts as downtime */
static const int64_t probe_every_us =
    2 * RP_US_S; /* the node's sign of life, which also proves that the store takes writes */
static const int64_t partial_every_us = RP_US_S; /* output of running commands (G5) */
static const int64_t stop_late_us = 4 * RP_US_S; /* for a store that does not write (G26) */
static const int64_t hold_every_us =
    10 * RP_US_S; /* looks again for missing commands (U29), and at the files of time zones */
static const int64_t clock_set_us =
    RP_US_S; /* a smaller difference is a clock that is being slewed */

static void sooner(struct tick *t, int64_t us)
{
    if (us < t->next_us)
        t->next_us = us;
}

/* ---- parts of a tick, each on the writer, inside its transaction ---- */

typedef bool part(struct tick *t, struct rp_db *db, struct rp_err *err);

/* Runs a part inside a savepoint, so that its own error leaves the others' work alone. Only a store
 * that cannot be written ends the tick: then nothing of it happened, and it is tried again. */
static bool apart(struct tick *t, struct rp_db *db, const char *name, part *run, struct rp_err *err)
{
    if (!rp_savepoint(db, err))
        return false;
    if (run(t, db, err))
        return rp_savepoint_release(db, err);
    rp_savepoint_rollback(db);
    if (rp_store_broken(err))
        return false;
    rp_log(RP_ERROR, "a part of the tick failed", "part=%s code=%s error=%s", name,
           rp_code_slug(err->code), rp_log_q(rp_str_of(err->message)));
    return true;
}

static bool tick_missing(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    for (size_t i = 0; i < t->n_ended; i++) {
        const struct run *r = t->ended[i].run;
        if (r->command_missing &&
            !rp_type_hold(db, r->type->name, r->report.facts.error, t->now, err))
            return false;
    }
    return true;
}

/* Leases and retries are lengths of time: a clock that is set must neither end nor stretch them.
 * Nor may a gap in which nobody could beat end the leases of workers that live. */
static bool tick_clock(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine *e = t->e;
    int64_t gone = t->mono - e->last_mono_us, jump = t->now - e->last_wall_us - gone;
    int64_t lease_us = atomic_load(&e->config)->lease_us;
    if ((jump > clock_set_us || jump < -clock_set_us) && !rp_jobs_clock_set(db, jump, err))
        return false;
    if (gone > wake_at_least_us + lease_us / 2 && !rp_leases_spare(db, t->now + lease_us, err))
        return false;
    bool corrected = jump > CLOCK_CORRECTION_US || jump < -CLOCK_CORRECTION_US;
    if (corrected && !rp_schedules_clock_set(db, t->now - jump, t->now, err))
        return false;
    t->correction_us = corrected ? jump : 0;
    t->timed = true;
    return true;
}

static bool tick_schedules(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine *e = t->e;
    int64_t down = e->down_from_us, up = e->up_since_us;
    bool gap = t->now - e->last_wall_us > stall_us;
    if (gap) {
        down = e->last_wall_us;
        up = t->now;
    }
    struct rp_fire f = {.now_us = t->now,
                        .down_from_us = down,
                        .up_since_us = up,
                        .clock_set = gap && t->mono - e->last_mono_us <= stall_us,
                        .max = FIRE_A_TICK};
    if (!rp_schedules_fire(db, &f, err))
        return false;
    t->fired = f.fired;
    sooner(t, f.next_us);
    return true;
}

static bool tick_due(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    int64_t next_due, next_lease;
    if (!rp_jobs_promote(db, t->now, PROMOTE_A_TICK, &t->promoted, &next_due, err) ||
        !rp_leases_expire(db, t->now, EXPIRE_A_TICK, &t->expired, &next_lease, err))
        return false;
    sooner(t, next_due);
    sooner(t, next_lease);
    return true;
}

/* Jobs that were held for a dependency come back (U11). */
static bool tick_outages(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    int64_t next;
    bool ok = rp_holds_step(db, t->now, PROMOTE_A_TICK, &t->let_out, &next, err);
    sooner(t, next);
    return ok;
}

/* Reports of this very tick free their slots. A reload may have left fewer than are in use. */
static size_t free_slots(struct tick *t)
{
    struct rp_engine *e = t->e;
    (void)pthread_mutex_lock(&e->runs.lock);
    size_t used = e->runs.n - reports_written(t),
           max = (size_t)atomic_load(&e->config)->max_running;
    (void)pthread_mutex_unlock(&e->runs.lock);
    return used < max ? max - used : 0;
}

static bool tick_claim(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine *e = t->e;
    size_t slots = free_slots(t);
    if (t->stopping || slots == 0)
        return true;
    struct rp_claim c = {
        .node = rp_str_of(e->node),
        .worker = RP_STR("exec"),
        .commands = true,
        .max = slots < CLAIM_A_TICK ? (int64_t)slots : CLAIM_A_TICK,
        .lease_us = atomic_load(&e->config)->lease_us,
    };
    t->config = rp_db_config(db);
    return rp_jobs_claim(db, &c, t->now, &t->arena, &t->leases, &t->n_leases, err);
}

/* Those that a rate holds back are looked at again when it has room. */
static bool tick_rates(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    (void)err;
    sooner(t, rp_paced_next(db, t->now));
    return true;
}

static bool tick_hook(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    int64_t next = INT64_MAX;
    bool ok = t->e->hooks.tick(t->e->hooks.ctx, db, t->now, &next, err);
    sooner(t, next);
    unsigned bits = rp_db_take_changes(db);
    rp_db_changed(db, ok ? bits & ~(unsigned)RP_CHANGED_ITEMS : bits); /* looked at just now */
    return ok;
}

static bool tick_sums(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    bool again;
    if (!rp_replay_sums_step(db, SUMMED_A_TICK, &again, err))
        return false;
    if (again)
        sooner(t, t->now);
    return true;
}

static bool tick_node(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    return rp_node_seen(db, rp_str_of(t->e->node), t->now, err);
}

static bool tick_kill(struct tick *t, struct rp_db *db, struct rp_err *err)
{
    return rp_jobs_to_kill(db, &t->arena, &t->kill, &t->n_kill, err);
}

static bool tick_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct tick *t = arg;
    const struct {
        const char *name;
        part *run;
        bool wanted;
        bool by_clock; /* it would take what is due by a time that was not yet moved */
    } parts[] = {
        {"reports", tick_reports, t->n_ended > 0, false},
        {"missing commands", tick_missing, t->n_ended > 0, false},
        {"clock", tick_clock, true, false},
        {"beat", tick_beat, t->beat, false}, /* before leases are looked at: ours are held */
        {"changes", tick_changes, true, false},
        {"zones", tick_zones, t->zones_seen != t->zones_followed, true},
        {"schedules", tick_schedules, true, true},
        {"due", tick_due, true, true},
        {"outages", tick_outages, true, true},
        {"replays", tick_hook, t->e->hooks.tick != NULL, false},
        {"output", tick_partial, t->partial, false},
        {"sums", tick_sums, true, false},
        {"retention", tick_retention, retention_due(t), true},
        {"commands", tick_holds, t->holds, false},
        {"node", tick_node, t->probe, false},
        {"claim", tick_claim, true, true},
        {"rates", tick_rates, true, false},
        {"kill", tick_kill, true, false},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].wanted && (t->timed || !parts[i].by_clock) &&
            !apart(t, db, parts[i].name, parts[i].run, err))
            return false;
    return true;
}

/* ---- around a tick, on the engine thread ---- */

/* The configuration of the claim, not the newest: a type that was claimed is there. */
static void start_claimed(struct tick *t)
{
    for (size_t i = 0; i < t->n_leases; i++)
        run_start(t->e,
                  run_new(t->e, &t->leases[i], rp_config_type(t->config, t->leases[i].job.type)));
}

static bool due(int64_t *at, int64_t now, int64_t every)
{
    if (now < *at)
        return false;
    *at = now + every;
    return true;
}

static void begin_tick(struct tick *t, struct rp_engine *e, bool stopping)
{
    *t = (struct tick){.e = e,
                       .now = rp_wall(e->clock),
                       .mono = rp_mono(e->clock),
                       .stopping = stopping,
                       .next_us = INT64_MAX};
    t->beat = due(&e->next_beat_us, t->mono, atomic_load(&e->config)->lease_us / 3);
    t->probe = due(&e->next_probe_us, t->mono, probe_every_us);
    t->partial = due(&e->next_partial_us, t->mono, partial_every_us);
    t->holds = due(&e->next_hold_us, t->mono, hold_every_us);
    t->zones_followed = e->zones_followed;
    t->zones_seen = t->holds ? rp_zones_look() : t->zones_followed;
    reports_gather(t);
    upkeep_gather(t);
}

/* All of it is committed. Returns how long to sleep. */
static int64_t tick_done(struct tick *t)
{
    struct rp_engine *e = t->e;
    reports_forget(t);
    start_claimed(t);
    upkeep_written(t);
    if (t->timed) { /* else the next tick sees the same jump, and what was due */
        e->last_wall_us = t->now;
        e->last_mono_us = t->mono;
        e->down_from_us = 0;
    }
    e->zones_followed = t->zones_followed;
    if (t->correction_us != 0) {
        engine_clock_corrected(e, t->now, t->correction_us);
        retention_wait(e, t->mono);
    }
    (void)pthread_mutex_lock(&e->lock);
    e->last_tick_us = t->now;
    (void)pthread_mutex_unlock(&e->lock);
    if (t->n_ended == REPORTS_A_TICK || t->n_leases == CLAIM_A_TICK ||
        t->promoted == PROMOTE_A_TICK || t->let_out >= PROMOTE_A_TICK || t->next_us <= t->now ||
        e->next_partial_us <= t->mono)
        return 0;
    return t->next_us - t->now < wake_at_least_us ? t->next_us - t->now : wake_at_least_us;
}

/* Nothing of it happened: what was due still is. */
static int64_t tick_failed(struct rp_engine *e)
{
    e->next_beat_us = e->next_probe_us = e->next_partial_us = e->next_hold_us = 0;
    return wake_at_least_us;
}

/* False if nothing could be written, or not all that was to be reported. A tick that leaves more
 * to do at once is bulk work (jobs that a replay lets out by the million): the next one does not
 * share others' transaction. */
static bool tick(struct rp_engine *e, bool stopping, int64_t *sleep)
{
    struct tick *t = rp_xcalloc(1, sizeof *t);
    struct rp_err err;
    begin_tick(t, e, stopping);
    bool ok = e->more_at_once ? writer_call_heavy(&e->writer, tick_run, t, &err)
                              : writer_call(&e->writer, tick_run, t, &err);
    *sleep = ok ? tick_done(t) : tick_failed(e);
    e->more_at_once = ok && *sleep == 0;
    ok = ok && t->n_left == 0;
    upkeep_forget(t);
    rp_arena_free(&t->arena);
    free(t);
    return ok;
}

static void nap(struct rp_engine *e, int64_t us)
{
    struct timespec until = rp_deadline(us);
    while (!e->woken && pthread_cond_timedwait(&e->wake, &e->lock, &until) != ETIMEDOUT)
        continue;
    e->woken = false;
}

/* Every running command gets TERM with what is left of the stop's time; a second stop leaves
 * nothing of it. */
static void stop_running(struct rp_engine *e, bool at_once)
{
    int64_t most = atomic_load(&e->config)->shutdown_grace_us;
    (void)pthread_mutex_lock(&e->runs.lock);
    for (struct run *r = e->runs.running; r != NULL; r = r->next)
        rp_exec_kill(e->exec, (uint64_t)r->lease.id, RP_END_STOP,
                     at_once                    ? 0
                     : r->type->grace_us < most ? r->type->grace_us
                                                : most);
    (void)pthread_mutex_unlock(&e->runs.lock);
}

static size_t runs_left(struct rp_engine *e, bool *alive)
{
    (void)pthread_mutex_lock(&e->runs.lock);
    size_t n = e->runs.n;
    *alive = e->runs.running != NULL;
    (void)pthread_mutex_unlock(&e->runs.lock);
    return n;
}

struct stop {
    bool begun, at_once;
    int64_t since_us; /* monotonic */
};

static void follow_stop(struct rp_engine *e, struct stop *s)
{
    (void)pthread_mutex_lock(&e->lock);
    bool stopping = e->stopping, now = e->stop_now;
    (void)pthread_mutex_unlock(&e->lock);
    if (stopping && !s->begun) {
        s->since_us = rp_mono(e->clock);
        stop_running(e, false);
    }
    if (now && !s->at_once)
        stop_running(e, true);
    s->begun = stopping;
    s->at_once = now;
}

/* A stop is over when all is reported, or when the store has not taken the reports for so long that
 * they are left to the next start. */
static bool stop_is_over(struct rp_engine *e, const struct stop *s, bool written)
{
    bool alive;
    if (!s->begun || (runs_left(e, &alive) > 0 && (alive || written)))
        return false;
    int64_t patience = s->at_once ? 0 : atomic_load(&e->config)->shutdown_grace_us + stop_late_us;
    return runs_left(e, &alive) == 0 || rp_mono(e->clock) - s->since_us > patience;
}

void *engine_thread(void *engine)
{
    struct rp_engine *e = engine;
    struct stop stop = {0};
    for (;;) {
        int64_t sleep;
        follow_stop(e, &stop);
        bool written = tick(e, stop.begun, &sleep);
        if (stop_is_over(e, &stop, written))
            break;
        (void)pthread_mutex_lock(&e->lock);
        nap(e, sleep);
        (void)pthread_mutex_unlock(&e->lock);
    }
    return NULL;
}
