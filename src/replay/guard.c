/* What a running replay is held to at every tick: when it must halt (rule 14), how much may go out
 * beside live work (rule 13), and what keeps what is out from starting. */
#include "replay/internal.h"

#include "base/time.h"
#include "core/fisher.h"

#include <math.h>

/* Live jobs: how much more often they may fail than before, and how sure that must be. */
static const double live_points = 0.1, live_p = 0.01;

/* ---- halts ---- */

/* One of the processes says so, in its numbers. */
static struct rp_str process_says(struct step *s, const struct rp_replay_test *t)
{
    const struct rp_halt_rule *rule = &s->r.rule;
    const struct rp_halt_process *p =
        rp_halt_says(rule->p0, rule->alpha, t->failed, t->running, t->process, t->n);
    if (p == NULL)
        return RP_NONE;
    double e = fmin(rp_halt_process_log_e(rule->p0, p, t->running), 700);
    int64_t ended = p->failed + p->succeeded, wave = s->r.from.wave + p->k;
    struct rp_str since = RP_STR("");
    if (ended != t->ended)
        since = rp_str_fmt(s->arena, ", %lld of %lld since wave %lld began", (long long)p->failed,
                           (long long)ended, (long long)wave);
    return rp_str_fmt(s->arena,
                      "%lld of %lld replayed jobs failed again%.*s: more than %.3g %% are not "
                      "acceptable (e = %.3g, limit %.3g)",
                      (long long)t->failed, (long long)t->ended, RP_FMT(since), rule->p0 * 100,
                      exp(e), exp(rp_halt_log_limit(rule->alpha, p->k)));
}

/* … or the first outcomes do. */
static struct rp_str first_say(struct step *s, const struct rp_replay_test *t)
{
    const struct rp_halt_rule *rule = &s->r.rule;
    if (!rp_halt_first_says(rule->p0, rule->alpha, t->ended + t->running - t->before,
                            t->failed - t->before))
        return RP_NONE;
    return rp_str_fmt(s->arena,
                      "%lld of %lld replayed jobs failed again: more than %.3g %% are not "
                      "acceptable (limit %lld of the first %d)",
                      (long long)t->failed, (long long)t->ended, rule->p0 * 100,
                      (long long)rp_halt_first_limit(rule->p0, rule->alpha), RP_HALT_FIRST);
}

static struct rp_str test_says(struct step *s, const struct rp_replay_test *t)
{
    struct rp_str says = process_says(s, t);
    return says.p != NULL ? says : first_say(s, t);
}

/* Too much of it fails. Nothing is left to stop when no item waits and none that is out would start
 * once more. */
static bool items_fail(struct step *s, struct rp_str *why, struct rp_err *err)
{
    bool left = s->r.n[RP_FATE_WAITING] > 0;
    if (!rp_replay_test(s->db, &s->r, &s->test, err))
        return false;
    struct rp_str says = test_says(s, &s->test);
    if (says.p == NULL)
        return true;
    if (!left && !rp_replay_may_recall(s->db, s->r.id, &left, err))
        return false;
    if (left)
        *why = says;
    return true;
}

/* Who went past that check knew it when it began. */
static bool went_past(const struct step *s, const char *check)
{
    struct rp_str member = rp_str_fmt(s->arena, "\"%s\":", check);
    return rp_str_find(s->r.forced, member) < s->r.forced.n;
}

static bool dependency_down(struct step *s, struct rp_str *why, struct rp_err *err)
{
    int64_t after_us = went_past(s, "dependencies") ? s->r.started_us : -1;
    return rp_replay_dependency_down(s->db, s->r.id, after_us, s->arena, why, err);
}

static int64_t at_least_0(int64_t v)
{
    return v > 0 ? v : 0;
}

static double share(int64_t failed, int64_t runs)
{
    return runs > 0 ? (double)failed / (double)runs : 0;
}

static bool worse(const struct rp_replay_live *l)
{
    return share(l->failed, l->runs) - share(l->failed_before, l->runs_before) >= live_points &&
           rp_fisher_more(
               (struct rp_counts){(uint64_t)l->failed, (uint64_t)l->runs},
               (struct rp_counts){(uint64_t)l->failed_before, (uint64_t)l->runs_before}) < live_p;
}

static bool live_fails(struct step *s, struct rp_str *why, struct rp_err *err)
{
    struct rp_replay_type *types;
    size_t n;
    if (!rp_replay_open_types(s->db, s->r.id, s->arena, &types, &n, err))
        return false;
    for (size_t i = 0; i < n && why->p == NULL; i++) {
        struct rp_replay_live l;
        if (!rp_replay_live(s->db, &s->r, &types[i], s->now_us, &l, err) ||
            (s->r.retries > 0 && worse(&l) &&
             !rp_replay_live_tries(s->db, &s->r, &types[i], &l, err)))
            return false;
        if (worse(&l))
            *why = rp_str_fmt(s->arena,
                              "live jobs of %.*s fail more often since it runs: %lld of %lld, in "
                              "the hour before %lld of %lld",
                              RP_FMT(types[i].type), (long long)l.failed, (long long)l.runs,
                              (long long)l.failed_before, (long long)l.runs_before);
    }
    return true;
}

/* What it still has to write would not fit, and live work needs room, too. */
static bool no_room(struct step *s, struct rp_str *why, struct rp_err *err)
{
    int64_t bytes, left = s->r.n[RP_FATE_WAITING];
    if (left == 0 || went_past(s, "store"))
        return true;
    if (!rp_store_room(s->db, &bytes, err))
        return false;
    if (room_enough(bytes, left) != RP_CHECK_HOLDS)
        *why = rp_str_fmt(s->arena, "the store's disk has %lld MB left, too little for %lld jobs",
                          (long long)(bytes >> 20), (long long)left);
    return true;
}

/* What need not be looked at each time. */
static bool now_and_then(struct step *s, struct rp_str *why, struct rp_err *err)
{
    bool due;
    if (!rp_replay_live_due(s->db, s->r.id, s->now_us, &due, err))
        return false;
    return !due || (no_room(s, why, err) && (why->p != NULL || live_fails(s, why, err)));
}

bool must_halt(struct step *s, struct rp_str *why, struct rp_err *err)
{
    static bool (*const rules[])(struct step *, struct rp_str *,
                                 struct rp_err *) = {items_fail, dependency_down, now_and_then};
    *why = RP_NONE;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && why->p == NULL; i++)
        if (!rules[i](s, why, err))
            return false;
    return true;
}

/* ---- live work first ---- */

static bool live_waits(struct step *s, struct rp_str *says, struct rp_err *err)
{
    const struct rp_config *c = rp_db_config(s->db);
    char age[RP_DURATION_LEN];
    struct rp_str queue;
    int64_t due;
    if (c->backlog_age_above_us <= 0)
        return true;
    if (!rp_replay_live_waits(s->db, s->r.id, s->now_us - c->backlog_age_above_us, &queue, &due,
                              err))
        return false;
    if (due > 0)
        *says =
            rp_str_fmt(s->arena, "waits: live jobs of queue %.*s have waited for %s", RP_FMT(queue),
                       rp_duration_format((s->now_us - due) / RP_US_MIN * RP_US_MIN, age));
    return true;
}

bool room_beside_live(struct step *s, int64_t *room, struct rp_str *says, struct rp_err *err)
{
    struct rp_replay_type *types;
    size_t n;
    *says = RP_NONE;
    *room = 0;
    if (!rp_replay_open_types(s->db, s->r.id, s->arena, &types, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct rp_type *type = rp_config_type(rp_db_config(s->db), types[i].type);
        *room += at_least_0(at_most(types[i].waiting, rp_replay_half(type) - types[i].released));
    }
    if (n > 0 && !live_waits(s, says, err))
        return false;
    if (says->p != NULL)
        *room = 0;
    return true;
}

/* ---- what is out and does not start ---- */

bool no_worker(struct rp_db *db, const struct rp_type *type, int64_t now_us, bool *none,
               struct rp_err *err)
{
    int64_t workers = 1;
    bool ok = type == NULL || type->run.n > 0 ||
              rp_workers_of(db, type->name, now_us - 2 * RP_US_MIN, &workers, err);
    *none = ok && workers == 0;
    return ok;
}

static bool workers_gone(struct step *s, struct rp_str *says, struct rp_err *err)
{
    struct rp_replay_type *types;
    size_t n;
    bool none = false;
    if (!rp_replay_open_types(s->db, s->r.id, s->arena, &types, &n, err))
        return false;
    for (size_t i = 0; i < n && !none; i++) {
        if (types[i].released == 0)
            continue;
        if (!no_worker(s->db, rp_config_type(rp_db_config(s->db), types[i].type), s->now_us, &none,
                       err))
            return false;
        if (none)
            *says =
                rp_str_fmt(s->arena, "waits: no worker has asked for %.*s in the last 2 minutes",
                           RP_FMT(types[i].type));
    }
    return true;
}

bool nobody_starts(struct step *s, struct rp_str *says, struct rp_err *err)
{
    struct rp_str kept;
    *says = RP_NONE;
    if (s->test.running >= s->r.n[RP_FATE_RELEASED])
        return true;
    if (!rp_replay_kept_back(s->db, s->r.id, s->arena, &kept, err))
        return false;
    if (kept.p == NULL)
        return workers_gone(s, says, err);
    *says = rp_str_fmt(s->arena, "waits: %.*s", RP_FMT(kept));
    return true;
}
