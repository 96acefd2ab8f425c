/* The JSON shapes of plans, replays, and what goes with them. */
#include "api/shapes.h"

static const char *const risks[] = {"none", "safe", "unknown", "partial"}; /* U9 */

static void m_count(struct rp_jw *w, const char *key, int64_t n)
{
    if (n != 0)
        rp_jw_m_i64(w, key, n);
}

static void m_raw(struct rp_jw *w, const char *key, struct rp_str json)
{
    if (json.p != NULL)
        rp_jw_m_raw(w, key, json);
}

static void counts(struct rp_jw *w, const char *key, const struct rp_left_out *v, size_t n)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    for (size_t i = 0; i < n; i++)
        rp_jw_m_i64(w, v[i].reason, v[i].n);
    rp_jw_object_end(w);
}

static void plan_parts(struct rp_jw *w, const struct rp_plan *p)
{
    counts(w, "left_out", p->left_out, p->n_left_out);
    if (p->n_forced > 0)
        counts(w, "forced", p->forced, p->n_forced);
    rp_jw_key(w, "risk");
    rp_jw_object(w);
    for (size_t i = 0; i < 4; i++)
        rp_jw_m_i64(w, risks[i], p->risk[i]);
    rp_jw_object_end(w);
    rp_jw_m_i64(w, "canary", p->canary);
    rp_jw_key(w, "waves");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_waves; i++)
        rp_jw_i64(w, p->waves[i]);
    rp_jw_array_end(w);
}

static void plan_set(struct rp_jw *w, const struct rp_plan *p)
{
    if (p->set_json.p == NULL)
        return;
    rp_jw_m_raw(w, "set", p->set_json);
    rp_jw_key(w, "changed");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_changed; i++) {
        rp_jw_object(w);
        rp_jw_m_id(w, "job", p->changed[i].job_id);
        rp_jw_m_raw(w, "changed", p->changed[i].changed);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

enum { KINDS_SHOWN = 50 };

static void plan_kinds(struct rp_jw *w, const struct rp_plan *p)
{
    rp_jw_key(w, "kinds");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_kinds && i < KINDS_SHOWN; i++) {
        const struct rp_plan_kind *k = &p->kinds[i];
        rp_jw_object(w);
        rp_jw_m_str(w, "type", k->type);
        shape_prefixed_id(w, "pattern", "P", k->pattern_id);
        rp_jw_m_str(w, "class", k->error_class);
        rp_jw_m_i64(w, "matched", k->matched);
        rp_jw_m_i64(w, "to_replay", k->to_replay);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
    if (p->n_kinds > KINDS_SHOWN)
        rp_jw_m_i64(w, "kinds_left", (int64_t)p->n_kinds - KINDS_SHOWN);
}

static void preflight_checks(struct rp_jw *w, const struct rp_plan *p)
{
    static const char *const states[] = {"holds", "fails", "unknown"};
    rp_jw_key(w, "preflight");
    rp_jw_array(w);
    for (size_t i = 0; i < p->n_preflight; i++) {
        rp_jw_object(w);
        rp_jw_m_str(w, "check", p->preflight[i].check);
        rp_jw_m_cstr(w, "state", states[p->preflight[i].state]);
        rp_jw_m_str(w, "says", p->preflight[i].says);
        if (p->preflight[i].overridden)
            rp_jw_m_bool(w, "overridden", true);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

static void halt_rule(struct rp_jw *w, const struct rp_halt_rule *rule)
{
    rp_jw_key(w, "halt");
    rp_jw_object(w);
    rp_jw_m_f64(w, "baseline", rule->baseline);
    rp_jw_m_f64(w, "p0", rule->p0);
    rp_jw_m_f64(w, "alpha", rule->alpha);
    rp_jw_m_f64(w, "decision_rate", rp_halt_decision_rate(rule->p0));
    rp_jw_m_i64(w, "decision_after", rp_halt_decision_after(rule->p0, rule->alpha));
    rp_jw_object_end(w);
}

static void types(struct rp_jw *w, const char *key, const struct rp_replay_count *v, size_t n)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    for (size_t i = 0; i < n; i++) {
        rp_jw_key_str(w, v[i].name);
        rp_jw_i64(w, v[i].n);
    }
    rp_jw_object_end(w);
}

/* What undo will be able to take back of a replay that has run. */
static void plan_undo(struct rp_jw *w, const struct rp_plan *p)
{
    rp_jw_key(w, "undo");
    rp_jw_object(w);
    types(w, "can_compensate", p->can, p->n_can);
    types(w, "cannot_compensate", p->cannot, p->n_cannot);
    rp_jw_object_end(w);
}

static void plan_effects(struct rp_jw *w, const struct rp_plan *p)
{
    rp_jw_key(w, "side_effects");
    rp_jw_object(w);
    for (size_t i = 0; i < p->n_effects; i++) {
        rp_jw_key_str(w, p->effects[i].type);
        rp_jw_str(w, p->effects[i].words);
    }
    rp_jw_object_end(w);
}

void shape_undo(struct rp_jw *w, struct rp_str replay, const struct rp_undo *u,
                const struct rp_plan *compensation)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "replay", replay);
    rp_jw_m_cstr(w, "state", rp_replay_state_name(u->state));
    rp_jw_m_i64(w, "not_run", u->not_run);
    rp_jw_m_i64(w, "ran", u->ran);
    types(w, "can_compensate", u->can, u->n_can);
    types(w, "cannot_compensate", u->cannot, u->n_cannot);
    if (compensation != NULL) {
        rp_jw_key(w, "compensation");
        shape_plan(w, compensation);
    }
    rp_jw_object_end(w);
}

void shape_plan(struct rp_jw *w, const struct rp_plan *p)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "plan", p->hash);
    rp_jw_m_i64(w, "matched", p->matched);
    rp_jw_m_i64(w, "to_replay", p->n);
    plan_parts(w, p);
    if (p->n_kinds > 0)
        plan_kinds(w, p);
    preflight_checks(w, p);
    if (p->rate_per_s > 0)
        rp_jw_m_f64(w, "rate", p->rate_per_s);
    rp_jw_m_str(w, "rate_basis", p->rate_basis);
    rp_jw_m_i64(w, "retries", p->retries);
    plan_set(w, p);
    if (p->estimate_mid_s >= 0) {
        rp_jw_key(w, "estimate_s");
        rp_jw_object(w);
        rp_jw_m_i64(w, "low", p->estimate_low_s);
        rp_jw_m_i64(w, "mid", p->estimate_mid_s);
        rp_jw_m_i64(w, "high", p->estimate_high_s);
        rp_jw_object_end(w);
    }
    rp_jw_m_str(w, "estimate_basis", p->estimate_basis);
    halt_rule(w, &p->halt);
    if (p->n_can + p->n_cannot > 0)
        plan_undo(w, p);
    if (p->n_effects > 0)
        plan_effects(w, p);
    if (p->outlook != NULL)
        shape_plan_outlook(w, p->outlook);
    if (p->refused != NULL) {
        rp_jw_key(w, "refused");
        rp_jw_object(w);
        rp_jw_m_str(w, "check", p->refused->check);
        rp_jw_m_str(w, "says", p->refused->says);
        rp_jw_m_str(w, "hint", p->refused->hint);
        rp_jw_object_end(w);
    }
    rp_jw_object_end(w);
}

static void interval(struct rp_jw *w, const char *key, const struct rp_interval *i)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    rp_jw_m_f64(w, "low", i->low);
    rp_jw_m_f64(w, "mid", i->mid);
    rp_jw_m_f64(w, "high", i->high);
    rp_jw_object_end(w);
}

static void rate(struct rp_jw *w, const char *key, int64_t runs, int64_t failed)
{
    rp_jw_key(w, key);
    rp_jw_object(w);
    rp_jw_m_i64(w, "runs", runs);
    rp_jw_m_i64(w, "failed", failed);
    if (runs > 0) {
        struct rp_interval i = rp_proportion((struct rp_proportion){runs, failed});
        interval(w, "rate", &i);
    }
    rp_jw_object_end(w);
}

static void pattern_outcome(struct rp_jw *w, const struct rp_replay_pattern *p)
{
    rp_jw_object(w);
    shape_prefixed_id(w, "pattern", "P", p->pattern_id);
    rp_jw_m_cstr(w, "fix", rp_fix_name(rp_replay_fix(p)));
    rp_jw_m_i64(w, "items", p->items);
    rp_jw_m_i64(w, "tested", p->succeeded + p->same + p->other + p->unknown);
    rp_jw_m_i64(w, "succeeded", p->succeeded);
    rp_jw_m_i64(w, "came_back", p->same);
    rp_jw_m_i64(w, "failed_new", p->other);
    rp_jw_object_end(w);
}

static void m_outcome(struct rp_jw *w, const struct rp_replay_outcome *o)
{
    rp_jw_key(w, "outcome");
    rp_jw_object(w);
    rp_jw_m_cstr(w, "verdict", rp_replay_verdict_name(o->verdict));
    rate(w, "before", o->rates.runs_before, o->rates.failed_before);
    rate(w, "after", o->rates.runs, o->rates.failed);
    if (o->verdict != RP_REPLAY_NOT_KNOWN)
        interval(w, "change", &o->change);
    rp_jw_key(w, "patterns");
    rp_jw_array(w);
    for (size_t i = 0; i < o->n_patterns; i++)
        pattern_outcome(w, &o->patterns[i]);
    rp_jw_array_end(w);
    rp_jw_key(w, "new_patterns");
    rp_jw_array(w);
    for (size_t i = 0; i < o->n_news; i++) {
        rp_jw_object(w);
        shape_prefixed_id(w, "pattern", "P", o->news[i].pattern_id);
        rp_jw_m_str(w, "template", o->news[i].template);
        rp_jw_m_i64(w, "n", o->news[i].n);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
    rp_jw_m_str(w, "next", o->next);
    rp_jw_object_end(w);
}

void shape_job_replay(struct rp_jw *w, const struct rp_job_replay *r)
{
    rp_jw_object(w);
    shape_prefixed_id(w, "replay", "R", r->replay_id);
    rp_jw_m_cstr(w, "state", rp_replay_state_name(r->state));
    rp_jw_m_cstr(w, "fate", rp_fate_name(r->fate));
    rp_jw_m_str(w, "why", r->why);
    m_count(w, "wave", r->wave);
    rp_jw_m_i64(w, "repairs", r->repairs);
    m_count(w, "attempt", r->attempt);
    rp_jw_m_str(w, "actor", r->actor);
    rp_jw_m_str(w, "reason", r->reason);
    rp_jw_m_str(w, "plan", r->plan_hash);
    rp_jw_m_str(w, "key", r->key);
    m_raw(w, "changed", r->changed);
    rp_jw_m_time(w, "created_at", r->created_us);
    rp_jw_object_end(w);
}

static void m_parked(struct rp_jw *w, const struct rp_replay_park *p)
{
    struct rp_buf when = {0};
    if (p->kind != RP_PARK_NONE)
        rp_buf_fmt(&when, "%s:%.*s", p->kind == RP_PARK_DEPENDENCY ? "dependency" : "deploy",
                   RP_FMT(p->name));
    rp_jw_key(w, "parked");
    rp_jw_object(w);
    if (when.n > 0)
        rp_jw_m_str(w, "when", rp_buf_view(&when));
    rp_jw_m_time(w, "at", p->at_us);
    rp_jw_m_time(w, "expires", p->expires_us);
    rp_jw_object_end(w);
    rp_buf_free(&when);
}

void shape_speed(struct rp_jw *w, const struct rp_replay_speed *v)
{
    if (v->left_s < 0)
        return;
    rp_jw_m_f64(w, "rate", v->per_s);
    rp_jw_m_i64(w, "left_s", v->left_s);
}

static void m_progress(struct rp_jw *w, const struct rp_replay *r, int64_t now_us)
{
    struct rp_replay_speed v = rp_replay_speed(r, now_us);
    rp_jw_key(w, "progress");
    rp_jw_object(w);
    rp_jw_m_i64(w, "ended", v.ended);
    rp_jw_m_i64(w, "failed", v.failed);
    shape_speed(w, &v);
    rp_jw_object_end(w);
}

void shape_replay(struct rp_jw *w, const struct rp_replay *r, int64_t now_us,
                  const struct rp_replay_outcome *outcome)
{
    static const struct {
        enum rp_fate fate;
        const char *key;
    } fates[] = {{RP_FATE_SUCCEEDED, "succeeded"},   {RP_FATE_FAILED_SAME, "failed_same"},
                 {RP_FATE_FAILED_NEW, "failed_new"}, {RP_FATE_SKIPPED, "skipped"},
                 {RP_FATE_UNKNOWN, "unknown"},       {RP_FATE_RELEASED, "running"},
                 {RP_FATE_WAITING, "not_run"}};
    rp_jw_object(w);
    shape_prefixed_id(w, "id", "R", r->id);
    rp_jw_m_cstr(w, "state", rp_replay_state_name(r->state));
    rp_jw_m_cstr(w, "kind", rp_replay_kind_name(r->kind));
    m_raw(w, "selection", r->selection);
    shape_prefixed_id(w, "compensates", "R", r->compensates);
    shape_prefixed_id(w, "compensated_by", "R", r->compensated_by);
    rp_jw_m_str(w, "actor", r->actor);
    rp_jw_m_str(w, "reason", r->reason);
    rp_jw_m_str(w, "says", r->says);
    rp_jw_m_str(w, "plan", r->plan_hash);
    if (r->parked)
        m_parked(w, &r->park);
    rp_jw_m_i64(w, "canary", r->canary);
    rp_jw_m_i64(w, "wave_max", r->wave_max);
    if (r->rate_per_s > 0)
        rp_jw_m_f64(w, "rate", r->rate_per_s);
    rp_jw_m_i64(w, "retries", r->retries);
    m_raw(w, "set", r->payload_set);
    rp_jw_m_time(w, "created_at", r->created_us);
    rp_jw_m_time(w, "started_at", r->started_us);
    rp_jw_m_time(w, "ended_at", r->ended_us);
    rp_jw_m_i64(w, "matched", r->matched);
    rp_jw_m_i64(w, "left_out", r->left_out);
    m_raw(w, "left_out_by", r->left_out_by);
    m_raw(w, "forced", r->forced);
    rp_jw_m_i64(w, "to_replay", r->n[0]);
    rp_jw_m_i64(w, "wave", r->wave);
    rp_jw_key(w, "fates");
    rp_jw_object(w);
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        rp_jw_m_i64(w, fates[i].key, r->n[fates[i].fate]);
    rp_jw_object_end(w);
    m_progress(w, r, now_us);
    halt_rule(w, &r->rule);
    if (outcome != NULL)
        m_outcome(w, outcome);
    rp_jw_object_end(w);
}

void shape_replay_item(struct rp_jw *w, const struct rp_replay_item *i)
{
    rp_jw_object(w);
    rp_jw_m_id(w, "job", i->job_id);
    rp_jw_m_str(w, "type", i->type);
    m_count(w, "wave", i->wave);
    rp_jw_m_cstr(w, "fate", rp_fate_name(i->fate));
    rp_jw_m_str(w, "why", i->why);
    rp_jw_m_cstr(w, "risk", risks[i->risk & 3]);
    rp_jw_m_i64(w, "repairs", i->repairs);
    m_count(w, "attempt", i->attempt);
    rp_jw_m_str(w, "key", i->key);
    m_raw(w, "changed", i->changed);
    shape_prefixed_id(w, "pattern_before", "P", i->pattern_before);
    shape_prefixed_id(w, "pattern_after", "P", i->pattern_after);
    rp_jw_object_end(w);
}

void shape_deploy(struct rp_jw *w, const struct rp_deploy *d)
{
    rp_jw_object(w);
    rp_jw_m_id(w, "id", d->id);
    rp_jw_m_str(w, "type", d->type);
    rp_jw_m_str(w, "version", d->version);
    rp_jw_m_time(w, "at", d->at_us);
    rp_jw_m_str(w, "actor", d->actor);
    rp_jw_m_str(w, "reason", d->reason);
    rp_jw_object_end(w);
}
