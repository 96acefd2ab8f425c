/* Health, readiness, and the status page: the runbook's first two minutes in one answer. */
#include "api/handlers.h"

#include <stdio.h>

enum { MISSED_MAX = 10, REPLAYS_LIVE_MAX = 100 };

/* ---- health ---- */

bool r_healthz(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    answer_text(q, 200, RP_STR("ok"));
    return no_query(q, err);
}

static void m_problem(struct rp_jw *w, const struct rp_err *err)
{
    char type[80];
    (void)snprintf(type, sizeof type, "urn:reprise:problem:%s", rp_code_slug(err->code));
    rp_jw_object(w);
    rp_jw_m_cstr(w, "type", type);
    rp_jw_m_cstr(w, "title", rp_code_title(err->code));
    rp_jw_m_cstr(w, "detail", err->message);
    if (err->hint[0] != '\0')
        rp_jw_m_cstr(w, "hint", err->hint);
    rp_jw_object_end(w);
}

/* Not ready is 503 whatever the reason, so that whoever routes by it understands. */
static void not_ready(struct request *q, const struct rp_err *err)
{
    struct rp_engine_state s;
    rp_engine_state(q->api->engine, &s);
    problem_begin(q, err, 503);
    if (s.write_fails)
        rp_jw_m_time(&q->w, "since", s.write_fails_since_us);
    rp_jw_object_end(&q->w);
}

bool p_readyz(struct request *q, struct rp_err *err)
{
    q->failed = not_ready;
    return no_query(q, err);
}

/* Written and committed like any job (U30); a daemon that stops takes no more work. */
bool r_readyz(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_engine_state s;
    rp_engine_state(q->api->engine, &s);
    if (s.stopping)
        return rp_fail(err, RP_E_STOPPING, "the daemon is stopping");
    return rp_store_probe(db, request_now(q), err);
}

void a_readyz(struct request *q)
{
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_m_bool(&q->w, "ready", true);
    rp_jw_object_end(&q->w);
}

void status_write_failure(struct rp_jw *w, const struct rp_engine_state *s)
{
    rp_jw_object(w);
    rp_jw_m_time(w, "since", s->write_fails_since_us);
    rp_jw_key(w, "problem");
    m_problem(w, &s->write_err);
    rp_jw_object_end(w);
}

/* ---- status ---- */

struct status {
    struct request *q;
    struct rp_db *db;
    struct rp_jw *w;
    int64_t now;
    struct rp_engine_state engine;
    struct rp_queue_row *queues;
    struct rp_schedule_row *schedules;
    struct rp_impact *impact;
    struct rp_dep_row *deps;
    struct rp_replay *replays;
    size_t n_queues, n_schedules, n_impact, n_deps, n_replays;
    int64_t failed, unknown;
};

static bool gather(struct status *s, struct rp_err *err)
{
    struct rp_arena *a = &s->q->arena;
    if (!rp_queues_list(s->db, s->now, a, &s->queues, &s->n_queues, err) ||
        !rp_schedules_list(s->db, s->now, a, &s->schedules, &s->n_schedules, err) ||
        !rp_impact(s->db, 0, a, &s->impact, &s->n_impact, err) ||
        !rp_deps_list(s->db, a, &s->deps, &s->n_deps, err) ||
        !rp_replays_list(s->db, true, REPLAYS_LIVE_MAX, a, &s->replays, &s->n_replays, err))
        return false;
    size_t active = 0; /* dependencies that are no longer configured are history */
    for (size_t i = 0; i < s->n_deps; i++)
        if (s->deps[i].active)
            s->deps[active++] = s->deps[i];
    s->n_deps = active;
    for (size_t i = 0; i < s->n_impact; i++) {
        s->failed += s->impact[i].failed;
        s->unknown += s->impact[i].unknown;
    }
    return true;
}

/* For a day: a clock that was wrong by hours is a matter for people (schedules, rule 11). */
static void m_correction(struct status *s)
{
    const struct rp_clock_correction *c = &s->engine.correction;
    if (c->n == 0 || s->now - c->at_us > RP_US_DAY)
        return;
    rp_jw_key(s->w, "clock_set");
    rp_jw_object(s->w);
    rp_jw_m_time(s->w, "at", c->at_us);
    rp_jw_m_i64(s->w, "by_s", c->by_us / RP_US_S);
    rp_jw_object_end(s->w);
}

/* Usually it is of no interest. */
static void m_log(struct status *s)
{
    const struct rp_log *log = &s->engine.log;
    if (log->bytes <= RP_LOG_LARGE)
        return;
    rp_jw_key(s->w, "store_log");
    rp_jw_object(s->w);
    rp_jw_m_i64(s->w, "bytes", log->bytes);
    rp_jw_m_i64(s->w, "behind_bytes", log->behind_bytes);
    rp_jw_object_end(s->w);
}

static void m_daemon(struct status *s)
{
    static const char *const covers[] = {"subreaper", "cgroup"};
    struct rp_jw *w = s->w;
    rp_jw_m_cstr(w, "node", rp_engine_node(s->q->api->engine));
    rp_jw_m_cstr(w, "version", RP_VERSION);
    rp_jw_m_time(w, "now", s->now);
    rp_jw_m_time(w, "started_at", s->engine.started_us);
    rp_jw_m_time(w, "last_tick_at", s->engine.last_tick_us);
    rp_jw_m_bool(w, "ready", !s->engine.write_fails && !s->engine.stopping);
    if (s->engine.write_fails) {
        rp_jw_key(w, "write_fails");
        status_write_failure(w, &s->engine);
    }
    rp_jw_m_bool(w, "stopping", s->engine.stopping);
    rp_jw_m_cstr(w, "covers", covers[s->engine.covers]);
    m_correction(s);
    m_log(s);
}

/* The newest missed instants of one schedule; *left: how many more the answer takes. */
static bool missed_of(struct status *s, const struct rp_schedule_row *row, int64_t *left,
                      struct rp_err *err)
{
    struct rp_occurrence *o;
    size_t n;
    if (!rp_occurrences(s->db, row->id, s->now - RP_US_DAY, s->now, 10000, &s->q->arena, &o, &n,
                        err))
        return false;
    for (size_t i = n; i > 0 && *left > 0; i--) {
        if (o[i - 1].verdict != RP_VERDICT_MISSED)
            continue;
        --*left;
        rp_jw_object(s->w);
        rp_jw_m_str(s->w, "name", row->name);
        rp_jw_m_time(s->w, "instant", o[i - 1].instant_us);
        rp_jw_m_str(s->w, "why", o[i - 1].why);
        rp_jw_object_end(s->w);
    }
    return true;
}

static bool m_schedules(struct status *s, struct rp_err *err)
{
    int64_t active = 0, paused = 0, left = MISSED_MAX;
    for (size_t i = 0; i < s->n_schedules; i++) {
        active += s->schedules[i].active;
        paused += s->schedules[i].active && s->schedules[i].paused_us != 0;
    }
    rp_jw_key(s->w, "schedules");
    rp_jw_object(s->w);
    rp_jw_m_i64(s->w, "active", active);
    rp_jw_m_i64(s->w, "paused", paused);
    rp_jw_key(s->w, "missed");
    rp_jw_array(s->w);
    for (size_t i = 0; i < s->n_schedules && left > 0; i++)
        if (s->schedules[i].missed_24h > 0 && !missed_of(s, &s->schedules[i], &left, err))
            return false;
    rp_jw_array_end(s->w);
    rp_jw_object_end(s->w);
    return true;
}

static bool m_failures(struct status *s, struct rp_err *err)
{
    const struct rp_config *c = rp_engine_config(s->q->api->engine);
    struct rp_rate rate;
    int64_t since = 0;
    if (!rp_rate_since(s->db, RP_NONE, s->now - c->failure_rate_window_us, &rate, err) ||
        !rp_rate_alert_since(s->db, c->failure_rate_above, c->failure_rate_window_us,
                             c->failure_rate_min_runs, s->now, &since, err))
        return false;
    rp_jw_key(s->w, "failures");
    rp_jw_object(s->w);
    rp_jw_m_i64(s->w, "window_s", c->failure_rate_window_us / RP_US_S);
    rp_jw_m_i64(s->w, "runs", rate.runs);
    rp_jw_m_i64(s->w, "failed", rate.failed);
    if (rate.runs > 0)
        rp_jw_m_f64(s->w, "rate", (double)rate.failed / (double)rate.runs);
    rp_jw_m_f64(s->w, "above", c->failure_rate_above);
    rp_jw_m_bool(s->w, "alert", since != 0);
    rp_jw_m_time(s->w, "since", since);
    rp_jw_object_end(s->w);
    rp_jw_m_i64(s->w, "retried_failures", rate.retried_failures);
    return true;
}

static void m_impact(struct status *s)
{
    rp_jw_key(s->w, "impact");
    rp_jw_array(s->w);
    for (size_t i = 0; i < s->n_impact; i++) {
        rp_jw_object(s->w);
        rp_jw_m_str(s->w, "type", s->impact[i].type);
        rp_jw_m_i64(s->w, "failed", s->impact[i].failed);
        rp_jw_m_i64(s->w, "unknown", s->impact[i].unknown);
        rp_jw_m_bool(s->w, "critical", s->impact[i].critical);
        rp_jw_m_time(s->w, "since", s->impact[i].since_us);
        rp_jw_object_end(s->w);
    }
    rp_jw_array_end(s->w);
    rp_jw_m_i64(s->w, "failed_total", s->failed);
    rp_jw_m_i64(s->w, "unknown_total", s->unknown);
}

static void m_lists(struct status *s)
{
    int64_t running = 0;
    rp_jw_key(s->w, "queues");
    rp_jw_array(s->w);
    for (size_t i = 0; i < s->n_queues; i++) {
        shape_queue(s->w, &s->queues[i]);
        running += s->queues[i].running;
    }
    rp_jw_array_end(s->w);
    m_impact(s);
    rp_jw_key(s->w, "deps");
    rp_jw_array(s->w);
    for (size_t i = 0; i < s->n_deps; i++)
        shape_dependency(s->w, &s->deps[i]);
    rp_jw_array_end(s->w);
    rp_jw_key(s->w, "replays");
    rp_jw_array(s->w);
    for (size_t i = 0; i < s->n_replays; i++)
        shape_replay(s->w, &s->replays[i], s->now, NULL);
    rp_jw_array_end(s->w);
    rp_jw_m_i64(s->w, "running", running);
}

bool r_status(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct status s = {.q = q, .db = db, .w = &q->w, .now = request_now(q)};
    rp_engine_state(q->api->engine, &s.engine);
    if (!no_query(q, err) || !gather(&s, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(s.w);
    m_daemon(&s);
    if (!m_schedules(&s, err) || !m_failures(&s, err))
        return false;
    m_lists(&s);
    struct facts facts = {.engine = &s.engine,
                          .config = rp_engine_config(q->api->engine),
                          .queues = s.queues,
                          .n_queues = s.n_queues,
                          .schedules = s.schedules,
                          .n_schedules = s.n_schedules,
                          .deps = s.deps,
                          .n_deps = s.n_deps,
                          .impact = s.impact,
                          .n_impact = s.n_impact,
                          .replays = s.replays,
                          .n_replays = s.n_replays,
                          .failed = s.failed,
                          .unknown = s.unknown};
    rp_jw_key(s.w, "next");
    next_steps(s.w, &facts);
    rp_jw_object_end(s.w);
    return true;
}
