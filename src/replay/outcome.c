/* What came of a replay: did it make things better, is each fix proven, what to do next (rule 20,
 * U6). */
#include "replay/internal.h"

const char *rp_replay_verdict_name(enum rp_verdict_of v)
{
    static const char *const names[] = {"not known", "better", "no change", "worse"};
    return names[v];
}

const char *rp_fix_name(enum rp_fix f)
{
    static const char *const names[] = {"not tested", "proven", "not proven"};
    return names[f];
}

/* An item that failed in a new way may have done so before it came to the old one: by itself it
 * proves nothing. */
enum rp_fix rp_replay_fix(const struct rp_replay_pattern *p)
{
    if (p->same > 0)
        return RP_FIX_NOT_PROVEN;
    if (p->succeeded > 0)
        return RP_FIX_PROVEN;
    return p->other + p->unknown > 0 ? RP_FIX_NOT_PROVEN : RP_FIX_NOT_TESTED;
}

/* Only a change whose whole interval lies on one side is one. */
static void judge(struct rp_replay_outcome *out)
{
    const struct rp_replay_rates *r = &out->rates;
    if (r->runs_before <= 0 || r->runs <= 0)
        return;
    out->change = rp_proportion_change((struct rp_proportion){r->runs_before, r->failed_before},
                                       (struct rp_proportion){r->runs, r->failed});
    out->verdict = out->change.high < 0  ? RP_REPLAY_BETTER
                   : out->change.low > 0 ? RP_REPLAY_WORSE
                                         : RP_REPLAY_NO_CHANGE;
}

static const struct rp_replay_pattern *came_back(const struct rp_replay_outcome *out)
{
    for (size_t i = 0; i < out->n_patterns; i++)
        if (out->patterns[i].same > 0 && out->patterns[i].pattern_id != 0)
            return &out->patterns[i];
    return NULL;
}

/* The one thing to do first. */
static struct rp_str next_step(const struct rp_replay *r, const struct rp_replay_outcome *out,
                               struct rp_arena *a)
{
    const struct rp_replay_pattern *back = came_back(out);
    long long id = (long long)r->id;
    if (r->state == RP_REPLAY_PLANNED || r->state == RP_REPLAY_RUNNING)
        return rp_str_fmt(a, "reprise replay show R%lld --follow", id);
    if (back != NULL)
        return rp_str_fmt(a, "reprise pattern show P%lld", (long long)back->pattern_id);
    if (out->n_news > 0 && out->news[0].pattern_id != 0)
        return rp_str_fmt(a, "reprise pattern show P%lld", (long long)out->news[0].pattern_id);
    if (r->state == RP_REPLAY_PAUSED || r->state == RP_REPLAY_HALTED)
        return rp_str_fmt(a, "reprise replay resume R%lld --reason …", id);
    if (r->n[RP_FATE_UNKNOWN] > 0)
        return rp_str_fmt(a, "reprise jobs --state unknown --replay R%lld", id);
    if (r->state == RP_REPLAY_ABORTED && r->n[RP_FATE_WAITING] > 0)
        return rp_str_fmt(a, "reprise replay undo R%lld", id);
    return RP_NONE;
}

bool rp_replay_outcome(struct rp_db *db, const struct rp_replay *r, struct rp_arena *a,
                       struct rp_replay_outcome *out, struct rp_err *err)
{
    *out = (struct rp_replay_outcome){.verdict = RP_REPLAY_NOT_KNOWN};
    if (!rp_replay_rates(db, r, &out->rates, err) ||
        !rp_replay_patterns(db, r->id, a, &out->patterns, &out->n_patterns, err) ||
        !rp_replay_news(db, r->id, a, &out->news, &out->n_news, err))
        return false;
    judge(out);
    out->next = next_step(r, out, a);
    return true;
}
