/* How fast a replay goes, and how long it has left: since a look that is between one and two
 * windows old, so that a stop long ago does not count for ever. The looks are in the store: whoever
 * asks hears the same, also after a kill. */
#include "replay/internal.h"

#include "base/time.h"

static const int64_t window_us = 15 * RP_US_S;

static int64_t ended_of(const struct rp_replay *r)
{
    return r->n[0] - r->n[RP_FATE_WAITING] - r->n[RP_FATE_RELEASED];
}

bool look(struct step *s, struct rp_err *err)
{
    struct rp_replay_looks *l = &s->r.looks;
    int64_t ended = ended_of(&s->r);
    if (l->kept_us != 0 && s->now_us >= l->kept_us && s->now_us - l->kept_us < window_us)
        return true;
    /* It begins, the clock was set back, or nobody looked for long: the daemon was down. */
    if (l->kept_us == 0 || s->now_us < l->kept_us || s->now_us - l->kept_us > 2 * window_us)
        *l = (struct rp_replay_looks){s->now_us, ended, s->now_us, ended};
    else
        *l = (struct rp_replay_looks){l->kept_us, l->kept, s->now_us, ended};
    return rp_replay_looks_write(s->db, &s->r, err);
}

struct rp_replay_speed rp_replay_speed(const struct rp_replay *r, int64_t now_us)
{
    struct rp_replay_speed v = {.ended = ended_of(r),
                                .failed = r->n[RP_FATE_FAILED_SAME] + r->n[RP_FATE_FAILED_NEW],
                                .left_s = -1};
    int64_t took = now_us - r->looks.from_us, since = v.ended - r->looks.from;
    if (r->state != RP_REPLAY_RUNNING || r->looks.kept_us == 0 || took < RP_US_S || since <= 0)
        return v;
    v.per_s = (double)since * RP_US_S / (double)took;
    v.left_s = (int64_t)((double)(r->n[0] - v.ended) / v.per_s + 0.5);
    return v;
}
