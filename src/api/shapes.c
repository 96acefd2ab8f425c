#include "api/shapes.h"

#include "base/time.h"

#include <math.h>
#include <stdio.h>

void shape_list_begin(struct rp_jw *w)
{
    rp_jw_object(w);
    rp_jw_key(w, "items");
    rp_jw_array(w);
}

void shape_list_end(struct rp_jw *w, int64_t next_cursor)
{
    rp_jw_array_end(w);
    rp_jw_m_id(w, "next_cursor", next_cursor);
    rp_jw_object_end(w);
}

void shape_prefixed_id(struct rp_jw *w, const char *key, const char *prefix, int64_t id)
{
    char text[32];
    if (id == 0)
        return;
    (void)snprintf(text, sizeof text, "%s%lld", prefix, (long long)id);
    rp_jw_m_cstr(w, key, text);
}

static void m_count(struct rp_jw *w, const char *key, int64_t v) /* only where it says something */
{
    if (v != 0)
        rp_jw_m_i64(w, key, v);
}

static void m_true(struct rp_jw *w, const char *key, bool v)
{
    if (v)
        rp_jw_m_bool(w, key, true);
}

static void m_raw(struct rp_jw *w, const char *key, struct rp_str json)
{
    if (json.n > 0)
        rp_jw_m_raw(w, key, json);
}

static void m_error(struct rp_jw *w, struct rp_str message, struct rp_str class, int64_t pattern)
{
    if (message.p == NULL && class.p == NULL)
        return;
    rp_jw_key(w, "error");
    rp_jw_object(w);
    rp_jw_m_str(w, "message", message);
    rp_jw_m_str(w, "class", class);
    shape_prefixed_id(w, "pattern", "P", pattern);
    rp_jw_object_end(w);
}

/* ---- jobs ---- */

static void m_compensates(struct rp_jw *w, const struct rp_compensates *of)
{
    if (of->job_id == 0)
        return;
    rp_jw_key(w, "compensates");
    rp_jw_object(w);
    rp_jw_m_id(w, "job", of->job_id);
    rp_jw_m_i64(w, "attempt", of->attempt);
    shape_prefixed_id(w, "replay", "R", of->replay_id);
    rp_jw_m_str(w, "key", of->key);
    rp_jw_object_end(w);
}

void shape_job(struct rp_jw *w, const struct rp_job *j)
{
    rp_jw_object(w);
    rp_jw_m_id(w, "id", j->id);
    rp_jw_m_str(w, "type", j->type);
    rp_jw_m_str(w, "queue", j->queue);
    rp_jw_m_cstr(w, "state", rp_state_name(j->state));
    rp_jw_m_i64(w, "priority", j->priority);
    rp_jw_m_str(w, "key", j->key);
    m_raw(w, "payload", j->payload);
    m_raw(w, "labels", j->labels);
    rp_jw_m_i64(w, "attempts", j->attempts);
    rp_jw_m_i64(w, "max_attempts", j->max_attempts);
    m_count(w, "last_n", j->last_n);
    rp_jw_m_time(w, "created_at", j->created_us);
    rp_jw_m_time(w, "due_at", j->due_us);
    rp_jw_m_time(w, "started_at", j->started_us);
    rp_jw_m_time(w, "ended_at", j->ended_us);
    m_error(w, j->error, j->error_class, j->pattern_id);
    rp_jw_m_str(w, "schedule", j->schedule);
    rp_jw_m_time(w, "instant", j->instant_us);
    shape_prefixed_id(w, "replay", "R", j->replay_id);
    rp_jw_m_str(w, "held", j->held);
    rp_jw_m_str(w, "held_by", j->held_by);
    rp_jw_m_time(w, "held_since", j->held_since_us);
    m_true(w, "poison", j->poison);
    m_compensates(w, &j->compensates);
    rp_jw_object_end(w);
}

static void m_exit(struct rp_jw *w, const struct rp_attempt *t)
{
    if (!t->has_exit)
        return;
    rp_jw_key(w, "exit");
    rp_jw_object(w);
    if (t->signal != 0)
        rp_jw_m_cstr(w, "signal", rp_signal_name((int)t->signal));
    else
        rp_jw_m_i64(w, "code", t->exit_code);
    m_count(w, "cpu_us", t->cpu_us);
    m_count(w, "memory_peak", t->memory_peak);
    m_count(w, "memory_limit", t->memory_limit);
    rp_jw_object_end(w);
}

void shape_attempt(struct rp_jw *w, const struct rp_attempt *t)
{
    rp_jw_object(w);
    rp_jw_m_i64(w, "n", t->n);
    if (t->outcome != RP_OUT_NONE)
        rp_jw_m_cstr(w, "outcome", rp_outcome_name(t->outcome));
    rp_jw_m_str(w, "node", t->node);
    rp_jw_m_str(w, "worker", t->worker);
    rp_jw_m_time(w, "started_at", t->started_us);
    rp_jw_m_time(w, "ended_at", t->ended_us);
    m_count(w, "duration_us", t->duration_us);
    m_exit(w, t);
    rp_jw_m_str(w, "ended_by", t->ended_by);
    rp_jw_m_str(w, "survivors", t->survivors);
    rp_jw_m_str(w, "contract", t->contract);
    rp_jw_m_str(w, "held", t->held);
    m_error(w, t->error, t->error_class, t->pattern_id);
    rp_jw_m_str(w, "class", t->error_class);
    shape_prefixed_id(w, "pattern", "P", t->pattern_id);
    rp_jw_m_str(w, "rule", t->rule);
    shape_prefixed_id(w, "replay", "R", t->replay_id);
    m_count(w, "wave", t->wave);
    rp_jw_m_str(w, "key", t->key);
    rp_jw_m_i64(w, "output_bytes", t->output_bytes);
    m_count(w, "output_dropped", t->output_dropped);
    rp_jw_object_end(w);
}

void shape_job_attempt(struct rp_jw *w, const struct rp_job_attempt *t)
{
    rp_jw_object(w);
    rp_jw_m_id(w, "job", t->attempt.job_id);
    rp_jw_m_str(w, "type", t->type);
    rp_jw_m_str(w, "queue", t->queue);
    rp_jw_m_cstr(w, "state", rp_state_name(t->state));
    rp_jw_m_str(w, "schedule", t->schedule);
    m_raw(w, "labels", t->labels);
    m_true(w, "newest", t->newest);
    rp_jw_key(w, "attempt");
    shape_attempt(w, &t->attempt);
    if (t->pattern.id != 0) {
        rp_jw_key(w, "pattern");
        rp_jw_object(w);
        shape_prefixed_id(w, "id", "P", t->pattern.id);
        rp_jw_m_str(w, "template", t->pattern.template);
        rp_jw_m_str(w, "name", t->pattern.name);
        rp_jw_m_str(w, "class", t->pattern.class);
        rp_jw_m_str(w, "group", t->pattern.group);
        rp_jw_m_str(w, "action", t->pattern.action);
        rp_jw_object_end(w);
    }
    rp_jw_object_end(w);
}

void shape_lease(struct rp_jw *w, const struct rp_lease *l)
{
    char token[32];
    (void)snprintf(token, sizeof token, "%016llx", (unsigned long long)l->token);
    rp_jw_object(w);
    rp_jw_m_id(w, "lease", l->id);
    rp_jw_m_cstr(w, "token", token);
    rp_jw_m_i64(w, "attempt", l->attempt);
    rp_jw_m_time(w, "deadline", l->deadline_us);
    rp_jw_key(w, "job");
    shape_job(w, &l->job);
    rp_jw_object_end(w);
}

/* ---- queues, schedules, types ---- */

static void m_paused(struct rp_jw *w, int64_t since_us, struct rp_str by)
{
    if (since_us == 0)
        return;
    rp_jw_key(w, "paused");
    rp_jw_object(w);
    rp_jw_m_str(w, "by", by);
    rp_jw_m_time(w, "since", since_us);
    rp_jw_object_end(w);
}

void shape_queue(struct rp_jw *w, const struct rp_queue_row *q)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "name", q->name);
    rp_jw_m_i64(w, "scheduled", q->scheduled);
    rp_jw_m_i64(w, "waiting", q->waiting);
    rp_jw_m_i64(w, "running", q->running);
    rp_jw_m_i64(w, "retrying", q->retrying);
    rp_jw_m_i64(w, "held", q->held);
    rp_jw_m_i64(w, "failed", q->failed);
    rp_jw_m_time(w, "oldest_at", q->oldest_us);
    m_paused(w, q->paused_us, q->paused_by);
    m_count(w, "max_running", q->max_running);
    rp_jw_m_i64(w, "weight", q->weight);
    rp_jw_m_i64(w, "done_5m", q->done_5m);
    rp_jw_m_i64(w, "failed_5m", q->failed_5m);
    rp_jw_object_end(w);
}

void shape_schedule(struct rp_jw *w, const struct rp_schedule_row *s)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "name", s->name);
    rp_jw_m_str(w, "type", s->type);
    rp_jw_m_str(w, "expr", s->expr);
    rp_jw_m_str(w, "zone", s->zone);
    rp_jw_m_bool(w, "active", s->active);
    if (s->next_us != INT64_MAX)
        rp_jw_m_time(w, "next_at", s->next_us);
    rp_jw_m_time(w, "last_at", s->last_us);
    rp_jw_m_id(w, "last_job", s->last_job);
    if (s->last_job != 0)
        rp_jw_m_cstr(w, "last_state", rp_state_name(s->last_state));
    m_paused(w, s->paused_us, s->paused_by);
    rp_jw_m_i64(w, "missed_24h", s->missed_24h);
    rp_jw_object_end(w);
}

void shape_occurrence(struct rp_jw *w, const struct rp_occurrence *o)
{
    rp_jw_object(w);
    rp_jw_m_time(w, "instant", o->instant_us);
    rp_jw_m_cstr(w, "verdict", rp_verdict_name(o->verdict));
    rp_jw_m_id(w, "job", o->job_id);
    if (o->job_id != 0)
        rp_jw_m_cstr(w, "job_state", rp_state_name(o->job_state));
    rp_jw_m_time(w, "started_at", o->job_started_us);
    rp_jw_m_time(w, "ended_at", o->job_ended_us);
    if (o->verdict == RP_VERDICT_FIRED && o->job_started_us != 0)
        rp_jw_m_i64(w, "lateness_us", o->job_started_us - o->instant_us);
    rp_jw_m_str(w, "why", o->why);
    m_true(w, "manual", o->manual);
    rp_jw_object_end(w);
}

static void strings(struct rp_jw *w, const char *key, const struct rp_strs *s)
{
    if (s->n == 0)
        return;
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < s->n; i++)
        rp_jw_str(w, s->v[i]);
    rp_jw_array_end(w);
}

static void m_seconds(struct rp_jw *w, const char *key, int64_t us)
{
    if (us > 0)
        rp_jw_m_f64(w, key, (double)us / 1e6);
}

static void settings(struct rp_jw *w, const struct rp_type *t)
{
    static const char *const backoffs[] = {"exponential", "fixed", "list"};
    rp_jw_key(w, "settings");
    rp_jw_object(w);
    strings(w, "run", &t->run);
    rp_jw_m_str(w, "description", t->description);
    rp_jw_m_str(w, "side_effects", t->side_effects);
    rp_jw_m_str(w, "queue", t->queue);
    rp_jw_m_i64(w, "priority", t->priority);
    m_seconds(w, "timeout_s", t->timeout_us);
    m_seconds(w, "grace_s", t->grace_us);
    rp_jw_m_i64(w, "retries", t->retry.retries);
    rp_jw_m_cstr(w, "backoff", backoffs[t->retry.kind]);
    rp_jw_m_bool(w, "idempotent", t->idempotent);
    rp_jw_m_bool(w, "critical", t->critical);
    strings(w, "needs", &t->needs);
    m_count(w, "max_running", t->max_running);
    rp_jw_m_bool(w, "paused", t->paused);
    rp_jw_m_str(w, "user", t->user);
    rp_jw_m_str(w, "cwd", t->cwd);
    rp_jw_object_end(w);
    rp_jw_m_str(w, "source", t->source);
}

void shape_type(struct rp_jw *w, const struct rp_type_row *t, const struct rp_type *set)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "name", t->name);
    rp_jw_m_bool(w, "configured", t->configured);
    rp_jw_m_bool(w, "external", t->external);
    rp_jw_m_bool(w, "critical", t->critical);
    rp_jw_m_str(w, "held", t->held);
    rp_jw_m_i64(w, "waiting", t->waiting);
    rp_jw_m_i64(w, "running", t->running);
    rp_jw_m_i64(w, "retrying", t->retrying);
    rp_jw_m_i64(w, "failed", t->failed);
    rp_jw_m_i64(w, "unknown", t->unknown);
    rp_jw_m_i64(w, "runs_24h", t->runs_24h);
    rp_jw_m_i64(w, "failed_24h", t->failed_24h);
    if (set != NULL)
        settings(w, set);
    rp_jw_object_end(w);
}

/* ---- failures and recovery ---- */

void shape_dependency(struct rp_jw *w, const struct rp_dep_row *d)
{
    static const char *const states[] = {"unknown", "up", "down"};
    rp_jw_object(w);
    rp_jw_m_str(w, "name", d->name);
    rp_jw_m_str(w, "kind", d->kind);
    rp_jw_m_str(w, "target", d->target);
    rp_jw_m_cstr(w, "state", states[d->state]);
    rp_jw_m_time(w, "since", d->since_us);
    rp_jw_m_time(w, "checked_at", d->checked_us);
    if (d->checked_us != 0)
        rp_jw_m_i64(w, "latency_us", d->latency_us);
    rp_jw_m_str(w, "says", d->says);
    m_count(w, "connections_free", d->connections_free);
    rp_jw_m_i64(w, "held", d->held);
    rp_jw_object_end(w);
}

void shape_token(struct rp_jw *w, const struct rp_token *t)
{
    rp_jw_object(w);
    rp_jw_m_id(w, "id", t->id);
    rp_jw_m_str(w, "name", t->name);
    rp_jw_m_cstr(w, "scope", rp_scope_name(t->scope));
    rp_jw_m_time(w, "created_at", t->created_us);
    rp_jw_m_time(w, "expires", t->expires_us);
    rp_jw_m_time(w, "last_used_at", t->last_used_us);
    rp_jw_m_time(w, "revoked_at", t->revoked_us);
    rp_jw_object_end(w);
}
