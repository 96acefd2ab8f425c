/* The desk of a running daemon: plans of parked replays are made on the engine's reader for long
 * questions, one at a time. What cannot be made now is asked for again by the tick. */
#include "replay/replay.h"

#include "base/log.h"
#include "engine/engine.h"

#include <stdatomic.h>
#include <stdlib.h>

struct desk {
    struct rp_replay_desk public; /* first */
    _Atomic(struct rp_engine *) engine;
    atomic_bool busy;
    /* of the one that is made now */
    struct rp_read read;
    struct rp_arena arena;
    struct rp_replay_parked parked;
    bool again;
};

static int64_t now(const struct desk *d)
{
    return rp_wall(rp_engine_clock(d->engine));
}

/* ---- on the writer ---- */

static bool clear(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct desk *d = arg;
    return rp_replay_park_clear(db, d->parked.id, &d->again, err);
}

static bool make(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct desk *d = arg;
    return rp_replay_parked_make(db, now(d), &d->arena, &d->parked, &d->again, err);
}

/* ---- on the reader ---- */

static bool write_all(struct desk *d, bool (*run)(struct rp_db *, void *, struct rp_err *),
                      struct rp_err *err)
{
    const atomic_bool *cut = rp_engine_cut(d->engine);
    do
        if (!rp_engine_write(d->engine, run, d, err))
            return false;
    while (d->again && !atomic_load(cut));
    return !d->again || rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
}

/* No snapshot is held while it waits for the writer, whose log could not be shortened. */
static bool plan(struct desk *d, struct rp_db *db, struct rp_err *err)
{
    rp_tx_rollback(db);
    if (!write_all(d, clear, err) || !rp_tx_begin(db, err))
        return false;
    bool ok =
        rp_replay_parked_plan(db, rp_engine_config(d->engine), now(d), &d->arena, &d->parked, err);
    rp_tx_rollback(db);
    return ok && write_all(d, make, err);
}

static void run(struct rp_db *db, void *arg)
{
    struct desk *d = arg;
    struct rp_err err;
    if (!plan(d, db, &err))
        rp_log(RP_ERROR, "a parked replay cannot be planned", "replay=%lld code=%s error=%s",
               (long long)d->parked.id, rp_code_slug(err.code), rp_log_q(rp_str_of(err.message)));
    rp_arena_free(&d->arena);
    atomic_store(&d->busy, false);
}

/* ---- the door ---- */

static void wanted(struct rp_replay_desk *desk, int64_t id)
{
    struct desk *d = (struct desk *)desk;
    struct rp_err err;
    if (atomic_load(&d->engine) == NULL || atomic_exchange(&d->busy, true))
        return;
    d->parked = (struct rp_replay_parked){.id = id};
    d->read = (struct rp_read){.run = run, .arg = d};
    if (!rp_engine_read_long(d->engine, &d->read, &err))
        atomic_store(&d->busy, false);
}

struct rp_replay_desk *rp_replay_desk_new(void)
{
    struct desk *d = rp_xcalloc(1, sizeof *d);
    d->public.wanted = wanted;
    return &d->public;
}

void rp_replay_desk_attach(struct rp_replay_desk *desk, struct rp_engine *e)
{
    atomic_store(&((struct desk *)desk)->engine, e);
}

void rp_replay_desk_free(struct rp_replay_desk *desk)
{
    free(desk);
}
