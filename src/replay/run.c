/* The run of a replay, moved by the engine's tick: everything it decides is in the store, so it
 * goes on after a kill (rule 16). */
#include "replay/internal.h"

#include "base/log.h"
#include "base/time.h"

#include <math.h>

enum { RELEASE_A_TICK = 1000, RELEASE_A_CALL = 250, SETTLED_A_TICK = 1000 };

/* Nobody is making a replay any more that is not whole after so long: its maker failed. What a
 * daemon left that was killed does not wait so long (rp_replay_begin). */
static const int64_t half_made_us = 10 * RP_US_MIN;

static void again_at(struct step *s, int64_t us)
{
    if (us < *s->next_us)
        *s->next_us = us;
}

static bool halt(struct step *s, struct rp_str why, struct rp_err *err)
{
    again_at(s, s->now_us); /* what waits to be claimed is called back at once */
    return rp_replay_set_state(s->db, s->r.id, RP_REPLAY_HALTED, RP_STR("engine"), why, s->now_us,
                               err);
}

/* When the rate is high, ticks are too far apart for one item each: so much is made up for at once.
 * No more: what was not used before gives no right to a burst (U4). */
static const int64_t burst_us = 20000;

struct pace {
    double gap_us; /* between two items; 0: not limited */
    int64_t from_us, n;
};

/* How many may go out now by the rate. */
static struct pace pace_now(struct step *s)
{
    if (s->r.rate_per_s <= 0)
        return (struct pace){.n = RELEASE_A_TICK};
    struct pace p = {.gap_us = 1e6 / s->r.rate_per_s, .from_us = s->r.free_us};
    if (p.from_us > s->now_us + (int64_t)p.gap_us + burst_us) /* the clock was set back */
        p.from_us = s->now_us;
    if (p.from_us > s->now_us) {
        again_at(s, p.from_us);
        return p;
    }
    if (p.from_us < s->now_us - burst_us)
        p.from_us = s->now_us - (p.gap_us < (double)burst_us ? burst_us : 0);
    p.n = (int64_t)((double)(s->now_us - p.from_us) / p.gap_us) + 1;
    return p;
}

static bool pace_used(struct step *s, const struct pace *p, int64_t released, struct rp_err *err)
{
    if (p->gap_us <= 0 || released == 0)
        return true;
    int64_t free_us = p->from_us + (int64_t)ceil((double)released * p->gap_us);
    again_at(s, free_us);
    return rp_replay_pace(s->db, s->r.id, free_us, err);
}

/* Size of wave `no` (1 is the canary) by doubling up to the maximum. */
static int64_t wave_size(const struct rp_replay *r, int64_t no)
{
    int64_t size = r->canary;
    for (int64_t i = 1; i < no && size != r->wave_max; i++)
        size = at_most(size * 2, r->wave_max);
    return size;
}

/* The wave that items go out in now: the newest until it is full, then the next once the newest has
 * ended enough: the canary wholly, a later wave by nine tenths. Counted from the last resume. */
static int64_t current_wave(struct step *s, int64_t *room)
{
    const struct rp_replay_from *from = &s->r.from;
    if (s->r.canary == 0) { /* all at once */
        *room = s->r.n[RP_FATE_WAITING];
        return from->wave + 1;
    }
    int64_t out = rp_replay_progress(&s->r).out - from->out, planned = 0;
    int64_t newest = s->r.wave > from->wave ? s->r.wave - from->wave : 1;
    for (int64_t no = 1; no <= newest; no++)
        planned += wave_size(&s->r, no);
    *room = planned - out;
    if (*room > 0)
        return from->wave + newest;
    int64_t last = wave_size(&s->r, newest), running = s->r.n[RP_FATE_RELEASED];
    bool ended = newest == 1 ? running == 0 : running * 10 <= last;
    *room = ended ? wave_size(&s->r, newest + 1) : 0;
    return from->wave + newest + 1;
}

/* In parts, for no longer than others should wait (G19). *room_left: that ended it, or `most`. */
static bool release_some(struct step *s, int64_t wave, int64_t most, int64_t *released,
                         bool *room_left, struct rp_err *err)
{
    int64_t until = rp_mono(&rp_clock_system) + WORK_SLICE_US, part, n;
    *released = 0;
    do {
        part = at_most(most - *released, RELEASE_A_CALL);
        if (!rp_replay_release(s->db, s->r.id, wave, part, s->now_us, &n, err))
            return false;
        *released += n;
        *room_left = n == part;
    } while (*room_left && *released < most && rp_mono(&rp_clock_system) < until);
    return true;
}

/* To the worker that asks if it can have them, else into the queue. */
static bool let_out(struct step *s, int64_t wave, int64_t n, int64_t *released, struct rp_err *err)
{
    bool room_left;
    if (!take_for_asker(s, wave, n, released, err))
        return false;
    if (*released > 0)
        return true;
    withdraw(s);
    if (!release_some(s, wave, n, released, &room_left, err))
        return false;
    if (s->asker != NULL)
        s->asker->more = *released > 0;
    if (!room_left)
        again_at(s, s->now_us + 10000);
    else if (*released < n || n == RELEASE_A_TICK)
        again_at(s, s->now_us);
    return true;
}

/* How many may go out now. *says: why none may, or none of those that are out has started. */
static bool may_go(struct step *s, int64_t room, struct pace *pace, int64_t *n, struct rp_str *says,
                   struct rp_err *err)
{
    int64_t beside;
    *says = RP_NONE;
    *n = 0;
    if (room > 0) {
        if (!room_beside_live(s, &beside, says, err))
            return false;
        *pace = pace_now(s);
        *n = at_most(at_most(at_most(room, beside), pace->n), RELEASE_A_TICK);
    }
    return *n > 0 || says->p != NULL || nobody_starts(s, says, err);
}

static bool release(struct step *s, struct rp_err *err)
{
    int64_t n, room, wave = current_wave(s, &room), released = 0;
    struct rp_str says;
    struct pace pace = {0};
    bool left;
    if (room <= 0)
        withdraw(s);
    if (!may_go(s, room, &pace, &n, &says, err) || !rp_replay_say(s->db, &s->r, says, err))
        return false;
    if (n <= 0)
        return true;
    if (!left_to_claims(s, &left, err))
        return false;
    return left || (let_out(s, wave, n, &released, err) && pace_used(s, &pace, released, err));
}

static bool finish(struct step *s, struct rp_err *err)
{
    int64_t failed = s->r.n[RP_FATE_FAILED_SAME] + s->r.n[RP_FATE_FAILED_NEW];
    struct rp_str says =
        rp_str_fmt(s->arena, "%lld succeeded, %lld failed again, %lld skipped, %lld unknown",
                   (long long)s->r.n[RP_FATE_SUCCEEDED], (long long)failed,
                   (long long)s->r.n[RP_FATE_SKIPPED], (long long)s->r.n[RP_FATE_UNKNOWN]);
    return rp_replay_set_state(s->db, s->r.id, RP_REPLAY_DONE, RP_STR("engine"), says, s->now_us,
                               err);
}

static bool never_whole(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    return rp_replay_set_state(db, id, RP_REPLAY_ABORTED, RP_STR("engine"),
                               RP_STR("it was never made whole"), now_us, err);
}

static bool end_half_made(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    struct rp_arena arena = {0};
    struct rp_replay r;
    bool ok = rp_replay_get(db, id, &arena, &r, err) &&
              (r.state != RP_REPLAY_PLANNED || r.parked || never_whole(db, id, now_us, err));
    rp_arena_free(&arena);
    return ok;
}

bool rp_replay_begin(void *ctx, struct rp_db *db, int64_t now_us, struct rp_err *err)
{
    (void)ctx;
    int64_t ids[LIVE_A_PAGE];
    size_t n = LIVE_A_PAGE;
    bool ok = true;
    for (int64_t after = 0; ok && n == LIVE_A_PAGE;) {
        ok = rp_replays_moving(db, after, ids, LIVE_A_PAGE, &n, err);
        for (size_t i = 0; ok && i < n; i++)
            ok = end_half_made(db, after = ids[i], now_us, err);
    }
    return ok;
}

/* Nothing of it starts any more: what is out and has not started comes back, in parts. */
static bool call_back(struct step *s, struct rp_err *err)
{
    int64_t n = 0;
    if (s->r.n[RP_FATE_RELEASED] > 0 && !rp_replay_recall(s->db, s->r.id, s->now_us, &n, err))
        return false;
    if (n > 0) {
        again_at(s, s->now_us);
        rp_db_changed(s->db, RP_CHANGED_CLAIMS); /* others may have waited behind it */
    }
    return true;
}

static bool step(struct step *s, struct rp_err *err)
{
    int64_t settled;
    struct rp_str why = RP_NONE;
    if (!rp_replay_settle(s->db, s->r.id, s->now_us, &settled, err) ||
        !rp_replay_get(s->db, s->r.id, s->arena, &s->r, err))
        return false;
    if (s->r.state != RP_REPLAY_RUNNING)
        withdraw(s);
    if (s->r.state == RP_REPLAY_PLANNED && s->r.parked)
        return park_step(s, err);
    if (s->r.state == RP_REPLAY_PLANNED && s->now_us - s->r.created_us > half_made_us)
        return never_whole(s->db, s->r.id, s->now_us, err);
    if (s->r.state != RP_REPLAY_RUNNING)
        return call_back(s, err);
    const int64_t *n = s->r.n;
    if (n[RP_FATE_WAITING] == 0 && n[RP_FATE_RELEASED] == 0)
        return finish(s, err);
    again_at(s, s->now_us + (settled >= SETTLED_A_TICK ? 0 : RP_US_S / 2));
    if (!look(s, err) || !must_halt(s, &why, err))
        return false;
    return why.p != NULL ? halt(s, why, err) : release(s, err);
}

/* What one replay cannot do stops no other. */
static bool step_apart(struct step *s, struct rp_err *err)
{
    if (!rp_savepoint(s->db, err))
        return false;
    if (step(s, err))
        return rp_savepoint_release(s->db, err);
    rp_savepoint_rollback(s->db);
    withdraw(s);
    if (s->asker != NULL)
        s->asker->n = 0;
    if (rp_store_broken(err))
        return false;
    rp_log(RP_ERROR, "a replay cannot go on", "replay=%lld code=%s error=%s", (long long)s->r.id,
           rp_code_slug(err->code), rp_log_q(rp_str_of(err->message)));
    return true;
}

bool step_one(struct rp_replay_desk *desk, struct rp_db *db, int64_t id, struct asker *asker,
              int64_t now_us, int64_t *next_us, struct rp_err *err)
{
    struct rp_arena arena = {0};
    struct step s = {.desk = desk,
                     .db = db,
                     .r = {.id = id},
                     .now_us = now_us,
                     .next_us = next_us,
                     .arena = &arena,
                     .asker = asker};
    bool ok = step_apart(&s, err);
    rp_arena_free(&arena);
    return ok;
}

/* Single jobs that were retried by hand are replays too, and may be thousands: so many have their
 * turn, then the writer serves others. What stands still costs nothing here. */
bool rp_replay_tick(void *ctx, struct rp_db *db, int64_t now_us, int64_t *next_us,
                    struct rp_err *err)
{
    struct rp_replay_desk *desk = ctx;
    int64_t ids[LIVE_A_PAGE];
    size_t n;
    bool ok = rp_replays_moving(db, desk->stepped, ids, LIVE_A_PAGE, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = step_one(desk, db, ids[i], NULL, now_us, next_us, err);
    if (!ok)
        return false;
    desk->stepped = n == LIVE_A_PAGE ? ids[n - 1] : 0;
    if (desk->stepped != 0)
        *next_us = now_us;
    return true;
}
