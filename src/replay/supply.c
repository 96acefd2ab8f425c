/* What may go out of a replay is left for a moment to workers that wait for work: one that asks has
 * it at once, in one move, and nobody has to queue it first (rp_replay_take). What none asks for
 * the tick lets out into the queue, so nothing waits for long, and others see it waiting. */
#include "replay/internal.h"

#include "base/time.h"

/* So long is it left to them: the tick that comes by itself is later. */
static const int64_t offer_us = 2 * RP_US_S / 5;
/* Sooner than the tick comes by itself. */
static const int64_t soon_us = RP_US_S / 4;
/* Fewer than this are quicker had from the queue: each asking is a step of the replay. */
enum { ASK_FOR = 16 };

static int64_t *find(struct rp_replay_desk *desk, int64_t id, int64_t **since_us)
{
    for (size_t i = 0; i < RP_REPLAY_OFFERS; i++)
        if (desk->offer[i].id == id) {
            *since_us = &desk->offer[i].since_us;
            return &desk->offer[i].id;
        }
    return NULL;
}

void withdraw(struct step *s)
{
    int64_t *since, *offer = find(s->desk, s->r.id, &since);
    if (offer != NULL)
        *offer = 0;
}

/* Not what is let out at a rate, which is to be kept; and those at once, as a retry by hand, are to
 * be seen in the queue. */
static bool may_offer(const struct step *s)
{
    return s->desk->supplies && s->asker == NULL && s->r.rate_per_s <= 0 && s->r.canary > 0 &&
           s->r.kind == RP_REPLAY_OF_MANY;
}

/* Notes that it is left to them from now on, if they can have it and there is room to note it. */
static bool offer(struct step *s, bool *left, struct rp_err *err)
{
    int64_t *since, *free = find(s->desk, 0, &since);
    if (free == NULL)
        return true;
    if (!rp_replay_takable(s->db, s->r.id, s->now_us, left, err))
        return false;
    if (*left) {
        *free = s->r.id;
        *since = s->now_us;
    }
    return true;
}

bool left_to_claims(struct step *s, bool *left, struct rp_err *err)
{
    int64_t *since;
    *left = false;
    if (!may_offer(s))
        return true;
    if (find(s->desk, s->r.id, &since) != NULL)
        *left = s->now_us >= *since && s->now_us - *since < offer_us;
    else if (!offer(s, left, err))
        return false;
    if (*left)
        rp_db_changed(s->db, RP_CHANGED_READY);
    return true;
}

bool take_for_asker(struct step *s, int64_t wave, int64_t room, int64_t *taken, struct rp_err *err)
{
    struct asker *k = s->asker;
    int64_t *since;
    *taken = 0;
    if (k == NULL || k->claim->max < ASK_FOR)
        return true;
    if (!rp_replay_take(s->db, &s->r, wave, room, k->claim, s->now_us, k->arena, &k->lease, &k->n,
                        err))
        return false;
    *taken = (int64_t)k->n;
    if (k->n > 0 && find(s->desk, s->r.id, &since) != NULL)
        *since = s->now_us;
    return true;
}

bool rp_replay_supply(void *ctx, struct rp_db *db, const struct rp_claim *c, int64_t now_us,
                      struct rp_arena *a, struct rp_lease **out, size_t *n, bool *more,
                      struct rp_err *err)
{
    struct rp_replay_desk *desk = ctx;
    struct asker k = {.claim = c, .arena = a};
    int64_t next = INT64_MAX;
    unsigned before = rp_db_take_changes(db);
    bool ok = true;
    for (size_t i = 0; ok && !c->commands && i < RP_REPLAY_OFFERS && k.n == 0 && !k.more; i++)
        if (desk->offer[i].id != 0)
            ok = step_one(desk, db, desk->offer[i].id, &k, now_us, &next, err);
    unsigned after = rp_db_take_changes(db);
    if (next - now_us > soon_us) /* nothing that the engine would have to look at now */
        after &= ~(unsigned)RP_CHANGED_REPLAYS;
    rp_db_changed(db, before | after);
    *out = k.lease;
    *n = k.n;
    *more = k.more;
    return ok;
}
