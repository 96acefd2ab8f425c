/* What is in a plan, what is left out of it and why, and what a repeat of each item risks (replay
 * specification 3, U9). */
#include "replay/internal.h"

/* Sequences of which an earlier job was left out: open addressing, by hash. */
struct broken {
    uint64_t *slot;
    size_t cap; /* a power of two, more than twice the sequences; 0: there are none */
};

struct view { /* what a rule may look at */
    const struct broken *broken;
    const struct rp_candidate *c;
    const struct rp_type *type; /* NULL: not configured */
    const struct rp_replay_ask *ask;
};

static enum risk risk_of(const struct view *v)
{
    if (v->c->attempt == 0)
        return RISK_NONE;
    if (v->type != NULL && v->type->idempotent)
        return RISK_SAFE;
    return v->c->has_output ? RISK_PARTIAL : RISK_UNKNOWN;
}

static bool outside(const struct view *v)
{
    return v->c->outside;
}

static bool type_gone(const struct view *v)
{
    return v->type == NULL || v->c->kind->type_gone;
}

static bool payload_purged(const struct view *v)
{
    return v->c->payload_purged;
}

static bool in_replay(const struct view *v)
{
    return v->c->in_replay;
}

static bool poison(const struct view *v)
{
    return v->c->poison;
}

static bool superseded(const struct view *v)
{
    return v->c->superseded;
}

static bool outcome_unknown(const struct view *v)
{
    return v->c->state == RP_UNKNOWN;
}

/* Classes that fail the same way each time until somebody fixes and deploys (analysis specification
 * 2). */
static bool fix_first(const struct view *v)
{
    if (v->c->kind->deployed_us > v->c->ended_us)
        return false;
    static const char *const groups[] = {"code", "data", "config", "deploy"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (rp_str_is(v->c->kind->group, groups[i]))
            return true;
    return false;
}

static bool not_idempotent(const struct view *v)
{
    return risk_of(v) >= RISK_UNKNOWN;
}

static size_t slot_of(const struct broken *b, struct rp_str sequence, uint64_t *hash)
{
    *hash = rp_hash64(sequence) | 1; /* 0: free */
    size_t i = (size_t)*hash & (b->cap - 1);
    while (b->slot[i] != 0 && b->slot[i] != *hash)
        i = (i + 1) & (b->cap - 1);
    return i;
}

/* What comes later in a sequence must not overtake what stays behind (U8). */
static bool sequence_broken(const struct view *v)
{
    uint64_t hash;
    return v->c->sequence != NULL && v->broken->cap > 0 &&
           v->broken->slot[slot_of(v->broken, *v->c->sequence, &hash)] != 0;
}

static void break_sequence(const struct broken *b, const struct rp_candidate *c)
{
    uint64_t hash;
    if (c->sequence == NULL || c->superseded) /* its work has been done */
        return;
    size_t i = slot_of(b, *c->sequence, &hash);
    b->slot[i] = hash;
}

/* First that holds and is not forced names the reason. Each can be forced by its name, but for what
 * there is nothing to run with; two have flags of their own. */
static const char not_here[] = "outside";
static const struct {
    const char *reason;
    bool (*holds)(const struct view *);
} rules[] = {
    {not_here, outside},
    {"type-removed", type_gone},
    {"payload-purged", payload_purged},
    {"in-another-replay", in_replay},
    {"poison", poison},
    {"superseded", superseded},
    {"unknown-outcome", outcome_unknown},
    {"fix-first", fix_first},
    {"not-idempotent", not_idempotent},
    {"sequence", sequence_broken},
};

bool rp_replay_may_override(struct rp_str name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rp_str_is(name, rules[i].reason))
            return rules[i].reason != not_here;
    for (size_t i = 0; preflight_checks[i] != NULL; i++)
        if (rp_str_is(name, preflight_checks[i]))
            return true;
    return false;
}

static bool forced(const struct rp_replay_ask *ask, const char *reason)
{
    return (overridden(ask, reason) && reason != not_here) ||
           (ask->include_unsafe && strcmp(reason, "not-idempotent") == 0) ||
           (ask->include_unknown && strcmp(reason, "unknown-outcome") == 0);
}

static void count(struct rp_left_out *v, size_t *n, const char *reason)
{
    size_t i = 0;
    while (i < *n && v[i].reason != reason)
        i++;
    if (i == *n)
        v[(*n)++] = (struct rp_left_out){reason, 0};
    v[i].n++;
}

/* Whether the job goes along. What it was forced past is counted. */
static bool goes_along(const struct view *v, struct rp_plan *plan)
{
    const char *past[sizeof rules / sizeof *rules];
    size_t n = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].holds(v))
            continue;
        if (!forced(v->ask, rules[i].reason)) {
            count(plan->left_out, &plan->n_left_out, rules[i].reason);
            return false;
        }
        past[n++] = rules[i].reason;
    }
    for (size_t i = 0; i < n; i++)
        count(plan->forced, &plan->n_forced, past[i]);
    return true;
}

bool overridden(const struct rp_replay_ask *ask, const char *name)
{
    for (size_t i = 0; i < ask->override.n; i++)
        if (rp_str_is(ask->override.v[i], name))
            return true;
    return false;
}

/* Room for the sequences of all candidates; none, where there are none. */
static struct broken room_for_sequences(const struct rp_candidate *found, size_t n,
                                        struct rp_arena *a)
{
    struct broken b = {.cap = 8};
    size_t sequences = 0;
    for (size_t i = 0; i < n; i++)
        sequences += found[i].sequence != NULL;
    if (sequences == 0)
        return (struct broken){0};
    while (b.cap < 2 * sequences + 1)
        b.cap *= 2;
    b.slot = RP_NEW_N(a, uint64_t, b.cap);
    return b;
}

void select_items(const struct rp_config *config, const struct rp_replay_ask *ask,
                  struct rp_candidate *found, size_t n, struct rp_arena *a, struct rp_plan *plan)
{
    struct broken broken = room_for_sequences(found, n, a);
    struct view v = {.broken = &broken, .ask = ask};
    const struct rp_candidate_kind *kind = NULL;
    struct rp_plan_kind *of = NULL;
    plan->matched = (int64_t)n;
    plan->items = found;
    for (size_t i = 0; i < n; i++) { /* oldest first, as sequences run */
        v.c = &found[i];
        if (of == NULL || v.c->kind != kind) {
            v.type = rp_config_type(config, v.c->kind->type);
            of = plan_kind(a, plan, v.c->kind);
        }
        kind = v.c->kind;
        of->matched++;
        if (!goes_along(&v, plan)) {
            break_sequence(&broken, v.c);
            continue;
        }
        of->to_replay++;
        enum risk risk = risk_of(&v);
        found[plan->n] = *v.c;
        found[plan->n++].risk = (uint8_t)risk;
        plan->risk[risk]++;
    }
    plan_kinds_done(plan);
}

size_t plan_forced(const struct rp_plan *plan, struct rp_replay_count out[FORCED_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_forced; i++)
        out[n++] = (struct rp_replay_count){rp_str_of(plan->forced[i].reason), plan->forced[i].n};
    for (size_t i = 0; i < plan->n_preflight; i++)
        if (plan->preflight[i].overridden && plan->preflight[i].state != RP_CHECK_HOLDS)
            out[n++] = (struct rp_replay_count){plan->preflight[i].check, 0};
    return n;
}
