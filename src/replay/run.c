/* The run of a replay, moved by the engine's tick: everything it decides is in the store, so it
 * goes on after a kill (rule 16). */
#include "replay/internal.h"

#include "base/time.h"

enum { HALT_LEAST = 3, RELEASE_A_TICK = 500 };

bool failures_halt(int64_t settled, int64_t failed)
{
    return failed * 5 > settled && (failed >= HALT_LEAST || failed == settled);
}

struct step {
    struct rp_db *db;
    struct rp_replay r;
    int64_t now_us;
    int64_t *next_us;
    struct rp_arena *arena;
};

static void again_at(struct step *s, int64_t us)
{
    if (us < *s->next_us)
        *s->next_us = us;
}

static bool halt(struct step *s, struct rp_str why, struct rp_err *err)
{
    return rp_replay_set_state(s->db, s->r.id, RP_REPLAY_HALTED, RP_STR("engine"), why, s->now_us,
                               err);
}

/* A dependency that the replay's types need went down: nothing more starts (rule 14). */
static bool needed_down(struct step *s, struct rp_str *says, struct rp_err *err)
{
    *says = RP_NONE;
    return rp_replay_dependency_down(s->db, s->r.id, s->arena, says, err);
}

/* How many may go out now by the rate: what the time since the start allows, less what went. */
static int64_t allowed_by_rate(struct step *s, int64_t gone)
{
    if (s->r.rate_per_s <= 0)
        return RELEASE_A_TICK;
    double allowed = (double)(s->now_us - s->r.started_us) / 1e6 * s->r.rate_per_s + 1;
    int64_t n = (int64_t)allowed - gone;
    if (n <= 0)
        again_at(s, s->r.started_us + (int64_t)((double)gone / s->r.rate_per_s * 1e6) + 1000);
    return n > 0 ? n : 0;
}

/* Size of wave `no` (1 is the canary) by doubling up to the maximum. */
static int64_t wave_size(const struct rp_replay *r, int64_t no)
{
    int64_t size = r->canary;
    for (int64_t i = 1; i < no && size < r->wave_max; i++)
        size = size * 2 < r->wave_max ? size * 2 : r->wave_max;
    return size;
}

/* The wave that items go out in now: the newest until it is full, then the next once the newest has
 * ended enough: the canary wholly, a later wave by nine tenths. */
static int64_t current_wave(struct step *s, int64_t *room)
{
    int64_t out = s->r.n[0] - s->r.n[RP_FATE_WAITING], planned = 0, no = 0;
    int64_t newest = s->r.wave > 0 ? s->r.wave : 1;
    for (no = 1; no <= newest; no++)
        planned += wave_size(&s->r, no);
    *room = planned - out;
    if (*room > 0)
        return newest;
    int64_t last = wave_size(&s->r, newest), running = s->r.n[RP_FATE_RELEASED];
    bool ended = newest == 1 ? running == 0 : running * 10 <= last;
    *room = ended ? wave_size(&s->r, newest + 1) : 0;
    return newest + 1;
}

static bool release(struct step *s, struct rp_err *err)
{
    int64_t room, wave = current_wave(s, &room), released = 0;
    int64_t rate = allowed_by_rate(s, s->r.n[0] - s->r.n[RP_FATE_WAITING]);
    int64_t n = room < rate ? room : rate;
    if (n > RELEASE_A_TICK)
        n = RELEASE_A_TICK;
    if (n <= 0)
        return true;
    if (!rp_replay_release(s->db, s->r.id, wave, n, s->now_us, &released, err))
        return false;
    if (released < n || n == RELEASE_A_TICK || s->r.rate_per_s > 0)
        again_at(s, s->now_us + 10000);
    return true;
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

static bool step(struct step *s, struct rp_err *err)
{
    int64_t settled;
    struct rp_str down;
    if (!rp_replay_settle(s->db, s->r.id, s->now_us, &settled, err) ||
        !rp_replay_get(s->db, s->r.id, s->arena, &s->r, err))
        return false;
    if (s->r.state != RP_REPLAY_RUNNING)
        return true;
    const int64_t *n = s->r.n;
    int64_t failed = n[RP_FATE_FAILED_SAME] + n[RP_FATE_FAILED_NEW] + n[RP_FATE_UNKNOWN];
    int64_t ended = failed + n[RP_FATE_SUCCEEDED];
    if (n[RP_FATE_WAITING] == 0 && n[RP_FATE_RELEASED] == 0)
        return finish(s, err);
    if (n[RP_FATE_WAITING] > 0 && (s->r.wave > 1 || n[RP_FATE_RELEASED] == 0) &&
        failures_halt(ended, failed))
        return halt(s,
                    rp_str_fmt(s->arena, "%lld of %lld replayed jobs failed again",
                               (long long)failed, (long long)ended),
                    err);
    if (!needed_down(s, &down, err))
        return false;
    if (down.p != NULL)
        return halt(s, down, err);
    return release(s, err);
}

bool rp_replay_tick(void *ctx, struct rp_db *db, int64_t now_us, int64_t *next_us,
                    struct rp_err *err)
{
    (void)ctx;
    struct rp_arena arena = {0};
    struct rp_replay *live;
    size_t n;
    bool ok = rp_replays_list(db, true, 100, &arena, &live, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        struct step s = {
            .db = db, .r = live[i], .now_us = now_us, .next_us = next_us, .arena = &arena};
        ok = step(&s, err);
        if (s.r.state == RP_REPLAY_RUNNING)
            again_at(&s, now_us + RP_US_S / 2);
    }
    rp_arena_free(&arena);
    return ok;
}
