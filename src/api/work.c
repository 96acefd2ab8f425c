/* Workers that fetch jobs, and runs that others start: exec, its spool, imports. */
#include "api/handlers.h"

#include "analyze/explain.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAIT_MAX_MS = 60000,
    LEASE_MAX_S = 86400,
    REPORTS_MAX = 1000,
    RECORDS_MAX = 1000,
    PACKED_MAX = 4 << 20
};

/* ---- fetch ---- */

struct fetch {
    struct rp_claim claim;
    int64_t wait_ms;
    struct rp_lease *leases;
    size_t n;
};

static bool names(struct rp_json *r, struct rp_strs *out)
{
    struct rp_str v[256];
    size_t n = 0;
    (void)rp_json_array(r);
    while (rp_json_item(r) && n < 256 && rp_json_str(r, &v[n]))
        n++;
    if (r->failed || n == 0)
        return r->failed ? false
                         : rp_json_bad(r, RP_E_BAD_FIELD,
                                       "an empty list would match nothing: leave it out for any");
    out->v = RP_NEW_N(r->arena, struct rp_str, n);
    out->n = n;
    memcpy(out->v, v, n * sizeof *v);
    return true;
}

static bool number(struct rp_json *r, const char *name, int64_t lo, int64_t hi, int64_t *out)
{
    return rp_json_i64(r, out) && ((*out >= lo && *out <= hi) ||
                                   rp_json_bad(r, RP_E_BAD_FIELD, "%s must be from %lld to %lld",
                                               name, (long long)lo, (long long)hi));
}

bool p_fetch(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"worker",  "types",    "queues", "max",
                                         "wait_ms", "lease_ms", NULL};
    struct fetch *f = RP_NEW(&q->arena, struct fetch);
    struct rp_json *r = body_json(q);
    struct rp_claim *c = &f->claim;
    int64_t lease_ms = 0;
    uint64_t seen = 0;
    q->in = f;
    c->max = 1;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_str(r, &c->worker)
               : k == 1 ? names(r, &c->types)
               : k == 2 ? names(r, &c->queues)
               : k == 3 ? number(r, "max", 1, 1000, &c->max)
               : k == 4 ? number(r, "wait_ms", 0, WAIT_MAX_MS, &f->wait_ms)
                        : number(r, "lease_ms", 1000, LEASE_MAX_S * 1000, &lease_ms));
    if (!rp_json_done(r, err))
        return false;
    if (c->worker.n == 0 || c->worker.n > 200)
        return rp_fail(err, RP_E_BAD_FIELD, "a fetch needs the worker's name (up to 200 bytes)");
    c->node = rp_str_of(rp_engine_node(q->api->engine));
    c->lease_us = lease_ms > 0 ? lease_ms * 1000 : rp_engine_config(q->api->engine)->lease_us;
    q->deadline_mono_us = rp_mono(rp_engine_clock(q->api->engine)) + f->wait_ms * 1000;
    return true;
}

static bool fetch_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct request *q = arg;
    struct fetch *f = q->in;
    struct rp_engine_state state;
    if (!request_authenticate(q, db, err))
        return false;
    rp_engine_state(q->api->engine, &state);
    if (state.stopping) /* no new claims once a stop began */
        return true;
    if (!rp_worker_seen(db, f->claim.worker, &f->claim.types, request_now(q), err) ||
        !rp_jobs_claim(db, &f->claim, request_now(q), &q->arena, &f->leases, &f->n, err))
        return false;
    if ((int64_t)f->n == f->claim.max) /* there may be more for the next one that waits */
        rp_db_changed(db, RP_CHANGED_READY);
    return true;
}

static void fetch_done(struct rp_op *op)
{
    struct request *q = op->arg;
    struct fetch *f = q->in;
    if (!op->ok)
        answer_problem(q, &op->err);
    else if (f->n == 0 && rp_mono(rp_engine_clock(q->api->engine)) < q->deadline_mono_us &&
             request_park(q))
        return;
    request_finish(q);
}

bool r_fetch(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    q->op = (struct rp_op){.run = fetch_run, .arg = q, .done = fetch_done};
    return rp_engine_submit(q->api->engine, &q->op, err);
}

void a_fetch(struct request *q)
{
    struct fetch *f = q->in;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_key(&q->w, "leases");
    rp_jw_array(&q->w);
    for (size_t i = 0; i < f->n; i++)
        shape_lease(&q->w, &f->leases[i]);
    rp_jw_array_end(&q->w);
    rp_jw_object_end(&q->w);
}

/* ---- what a report, a finished run and a record have in common ---- */

/* The order is that of report_field's cases. */
#define REPORT_FIELDS                                                                              \
    "token", "outcome", "exit", "error", "result", "output", "started_at", "ended_at",             \
        "duration_us", "ended_by", "cpu_us", "memory_peak", "survivors", "output_bytes",           \
        "output_dropped"
enum { REPORT_FIELDS_N = 15 };

struct incoming {
    struct rp_report report;
    struct rp_failure_facts facts;
    struct rp_str stack, error_type;
    bool has_outcome;
};

static bool token_field(struct rp_json *r, uint64_t *out)
{
    struct rp_str s;
    char text[17] = {0}, *end;
    if (!rp_json_str(r, &s))
        return false;
    if (s.n != 16 || strspn(memcpy(text, s.p, 16), "0123456789abcdef") != 16)
        return rp_json_bad(r, RP_E_BAD_FIELD, "a token is 16 hex digits");
    *out = strtoull(text, &end, 16);
    return true;
}

static bool outcome_field(struct rp_json *r, struct incoming *in)
{
    struct rp_str s;
    in->has_outcome = true;
    if (!rp_json_str(r, &s))
        return false;
    return (rp_outcome_of_name(s, &in->report.outcome) && in->report.outcome != RP_OUT_LOST &&
            in->report.outcome != RP_OUT_SKIPPED) ||
           rp_json_bad(r, RP_E_BAD_FIELD,
                       "outcome must be succeeded, failed, timeout, cancelled or interrupted");
}

static bool signal_field(struct rp_json *r, int64_t *out)
{
    struct rp_str s;
    if (rp_json_peek(r) == RP_JSON_NUMBER)
        return rp_json_i64(r, out);
    if (!rp_json_str(r, &s))
        return false;
    for (int sig = 1; sig < 65; sig++)
        if (rp_str_is(s, rp_signal_name(sig))) {
            *out = sig;
            return true;
        }
    return rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a signal", RP_FMT(s));
}

static bool exit_field(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {"code", "signal", "oom", NULL};
    struct rp_attempt *f = &in->report.facts;
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_i64(r, &f->exit_code)
               : k == 1 ? signal_field(r, &f->signal)
                        : rp_json_bool(r, &in->facts.oom));
    f->has_exit = true;
    if (f->signal != 0)
        f->exit_code = -1;
    in->facts.exit_code = (int)f->exit_code;
    in->facts.signal = (int)f->signal;
    return !r->failed;
}

static bool error_field(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {"message",   "type",        "stack",    "code",
                                         "retryable", "http_status", "sqlstate", NULL};
    bool retryable = true;
    int64_t http = 0;
    struct rp_str code;
    uint64_t seen = 0;
    if (rp_json_peek(r) == RP_JSON_STRING)
        return rp_json_str(r, &in->report.facts.error);
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_str(r, &in->report.facts.error)
               : k == 1 ? rp_json_str(r, &in->error_type)
               : k == 2 ? rp_json_str(r, &in->stack)
               : k == 3 ? rp_json_str(r, &code)
               : k == 4 ? rp_json_bool(r, &retryable)
               : k == 5 ? rp_json_i64(r, &http)
                        : rp_json_str(r, &in->facts.sqlstate));
    in->facts.http_status = (int)http;
    in->report.permanent = !retryable;
    return !r->failed;
}

/* The packed output, base64: kept as it is once it has proved to be one. */
static bool output_field(struct rp_json *r, struct rp_str *out)
{
    struct rp_str s;
    size_t n;
    struct rp_output o = {0};
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    if (s.n > PACKED_MAX)
        return rp_json_bad(r, RP_E_TOO_LARGE, "output is larger than %d bytes", PACKED_MAX);
    unsigned char *p = rp_alloc(r->arena, s.n + 1);
    if (sodium_base642bin(p, s.n + 1, s.p, s.n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) !=
        0)
        return rp_json_bad(r, RP_E_BAD_FIELD, "output is not base64");
    *out = (struct rp_str){(const char *)p, n};
    if (!rp_output_unpack(*out, &o, &err))
        return rp_json_bad(r, RP_E_BAD_FIELD, "output: %s", err.message);
    rp_output_free(&o);
    return true;
}

static bool report_field(struct rp_json *r, int k, struct incoming *in)
{
    struct rp_attempt *f = &in->report.facts;
    switch (k) {
    case 0:
        return token_field(r, &in->report.token);
    case 1:
        return outcome_field(r, in);
    case 2:
        return exit_field(r, in);
    case 3:
        return error_field(r, in);
    case 4:
        return rp_json_raw(r, &in->report.result);
    case 5:
        return output_field(r, &in->report.output);
    case 6:
        return rp_json_time(r, &f->started_us);
    case 7:
        return rp_json_time(r, &f->ended_us);
    case 9:
        return rp_json_str(r, &f->ended_by);
    case 12:
        return rp_json_str(r, &f->survivors);
    default:
        break;
    }
    int64_t *const numbers[REPORT_FIELDS_N] = {[8] = &f->duration_us,
                                               [10] = &f->cpu_us,
                                               [11] = &f->memory_peak,
                                               [13] = &f->output_bytes,
                                               [14] = &f->output_dropped};
    return number(r, "a count", 0, INT64_MAX / 2, numbers[k]);
}

/* Message, type and stack become the one text that the pattern is made of; then the class. */
static void explain(struct rp_arena *a, struct incoming *in)
{
    struct rp_attempt *f = &in->report.facts;
    if (in->report.outcome == RP_OUT_SUCCEEDED || in->report.outcome == RP_OUT_INTERRUPTED)
        return;
    if (in->error_type.n > 0)
        f->error = rp_str_fmt(a, "%.*s: %.*s", RP_FMT(in->error_type), RP_FMT(f->error));
    if (in->stack.n > 0)
        f->error = rp_str_fmt(a, "%.*s\n%.*s", RP_FMT(f->error), RP_FMT(in->stack));
    in->facts.message = f->error;
    in->facts.timed_out = in->report.outcome == RP_OUT_TIMEOUT;
    rp_explain_failure(a, &in->facts, &in->report);
}

/* ---- report ---- */

struct reports {
    struct incoming *in;
    enum rp_state *state;
    struct rp_err *err;
    bool *ok;
    size_t n;
};

static bool report_one(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {REPORT_FIELDS, "lease", NULL};
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == REPORT_FIELDS_N ? rp_json_id(r, &in->report.lease) : report_field(r, k, in));
    if (r->failed)
        return false;
    return (in->report.lease != 0 && in->has_outcome) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "a report needs lease, token and outcome");
}

bool p_report(struct request *q, struct rp_err *err)
{
    struct rp_json *r = body_json(q);
    struct reports *p = RP_NEW(&q->arena, struct reports);
    struct incoming *in = RP_NEW_N(&q->arena, struct incoming, REPORTS_MAX);
    *p = (struct reports){.in = in};
    q->in = p;
    r->max_items = REPORTS_MAX;
    (void)rp_json_array(r);
    while (rp_json_item(r) && report_one(r, &in[p->n]))
        explain(&q->arena, &in[p->n++]);
    p->state = RP_NEW_N(&q->arena, enum rp_state, p->n + 1);
    p->err = RP_NEW_N(&q->arena, struct rp_err, p->n + 1);
    p->ok = RP_NEW_N(&q->arena, bool, p->n + 1);
    return rp_json_done(r, err);
}

/* One bad entry does not fail the others; only a store that cannot be written fails them all. */
bool r_report(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct reports *p = q->in;
    for (size_t i = 0; i < p->n; i++) {
        if (!rp_savepoint(db, err))
            return false;
        p->ok[i] = rp_job_report(db, &p->in[i].report, request_now(q), &p->state[i], &p->err[i]);
        if (!p->ok[i])
            rp_savepoint_rollback(db);
        else if (!rp_savepoint_release(db, err))
            return false;
        if (!p->ok[i] && rp_code_http(p->err[i].code) >= 500) {
            *err = p->err[i];
            return false;
        }
    }
    return true;
}

void a_report(struct request *q)
{
    struct reports *p = q->in;
    answer_begin(q, 200);
    rp_jw_array(&q->w);
    for (size_t i = 0; i < p->n; i++) {
        rp_jw_object(&q->w);
        rp_jw_m_id(&q->w, "lease", p->in[i].report.lease);
        if (p->ok[i])
            rp_jw_m_cstr(&q->w, "state", rp_state_name(p->state[i]));
        else {
            rp_jw_key(&q->w, "problem");
            problem_object(q, &p->err[i]);
        }
        rp_jw_object_end(&q->w);
    }
    rp_jw_array_end(&q->w);
}

/* ---- beat ---- */

struct beats {
    int64_t *leases, until_us;
    uint64_t *tokens;
    bool *ok;
    size_t n;
};

static bool beat_one(struct rp_json *r, int64_t *lease, uint64_t *token)
{
    static const char *const fields[] = {"lease", "token", NULL};
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0 ? rp_json_id(r, lease) : token_field(r, token));
    return !r->failed;
}

static bool beat_leases(struct rp_json *r, struct beats *b)
{
    (void)rp_json_array(r);
    while (rp_json_item(r)) {
        if (b->n == REPORTS_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d leases", REPORTS_MAX);
        if (!beat_one(r, &b->leases[b->n], &b->tokens[b->n]))
            return false;
        b->n++;
    }
    return !r->failed;
}

bool p_beat(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"worker", "leases", "extend_ms", NULL};
    struct beats *b = RP_NEW(&q->arena, struct beats);
    struct rp_json *r = body_json(q);
    struct rp_str worker;
    int64_t ms = rp_engine_config(q->api->engine)->lease_us / 1000;
    uint64_t seen = 0;
    *b = (struct beats){.leases = RP_NEW_N(&q->arena, int64_t, REPORTS_MAX),
                        .tokens = RP_NEW_N(&q->arena, uint64_t, REPORTS_MAX),
                        .ok = RP_NEW_N(&q->arena, bool, REPORTS_MAX)};
    q->in = b;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_str(r, &worker)
               : k == 1 ? beat_leases(r, b)
                        : number(r, "extend_ms", 1000, LEASE_MAX_S * 1000, &ms));
    b->until_us = request_now(q) + ms * 1000;
    return rp_json_done(r, err);
}

bool r_beat(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct beats *b = q->in;
    int64_t *kill;
    size_t n_kill;
    if (!rp_leases_extend(db, b->leases, b->tokens, b->n, b->until_us, b->ok, err) ||
        !rp_jobs_to_kill(db, &q->arena, &kill, &n_kill, err))
        return false;
    answer_begin(q, 200);
    rp_jw_array(&q->w);
    for (size_t i = 0; i < b->n; i++) {
        bool cancel = false;
        for (size_t k = 0; k < n_kill && !cancel; k++)
            cancel = kill[k] == b->leases[i];
        rp_jw_object(&q->w);
        rp_jw_m_id(&q->w, "lease", b->leases[i]);
        rp_jw_m_bool(&q->w, "ok", b->ok[i]);
        if (cancel)
            rp_jw_m_bool(&q->w, "cancel", true);
        rp_jw_object_end(&q->w);
    }
    rp_jw_array_end(&q->w);
    return true;
}

/* ---- runs of others ---- */

bool p_run_start(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"type",   "key",      "lock", "timeout_s",
                                         "worker", "lease_ms", NULL};
    struct rp_run_start *s = RP_NEW(&q->arena, struct rp_run_start);
    struct rp_json *r = body_json(q);
    double timeout = 0;
    int64_t lease_ms = rp_engine_config(q->api->engine)->lease_us / 1000;
    uint64_t seen = 0;
    q->in = s;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == 0   ? rp_json_str(r, &s->type)
               : k == 1 ? rp_json_str(r, &s->key)
               : k == 2 ? rp_json_str(r, &s->lock)
               : k == 3 ? rp_json_f64(r, &timeout)
               : k == 4 ? rp_json_str(r, &s->worker)
                        : number(r, "lease_ms", 1000, LEASE_MAX_S * 1000, &lease_ms));
    if (!rp_json_done(r, err))
        return false;
    if (s->type.n == 0 || s->worker.n == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "a run needs type and worker");
    if (timeout < 0 || timeout > 366 * 86400.0)
        return rp_fail(err, RP_E_BAD_FIELD, "timeout_s must be from 0 to a year");
    s->timeout_us = (int64_t)(timeout * 1e6);
    s->lease_us = lease_ms * 1000;
    s->node = rp_str_of(rp_engine_node(q->api->engine));
    return true;
}

bool r_run_start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_lease lease;
    int64_t fence = 0;
    char token[32];
    if (!rp_run_start(db, q->in, request_now(q), &q->arena, &lease, &fence, err))
        return false;
    (void)snprintf(token, sizeof token, "%016llx", (unsigned long long)lease.token);
    answer_begin(q, 201);
    rp_jw_object(&q->w);
    rp_jw_m_id(&q->w, "lease", lease.id);
    rp_jw_m_cstr(&q->w, "token", token);
    rp_jw_m_i64(&q->w, "attempt", lease.attempt);
    rp_jw_m_time(&q->w, "deadline", lease.deadline_us);
    if (fence > 0)
        rp_jw_m_i64(&q->w, "fence", fence);
    rp_jw_key(&q->w, "job");
    shape_job(&q->w, &lease.job);
    rp_jw_object_end(&q->w);
    return true;
}

bool p_run_finish(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {REPORT_FIELDS, NULL};
    struct incoming *in = RP_NEW(&q->arena, struct incoming);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)report_field(r, k, in);
    if (!rp_json_done(r, err) || !capture_id(q, 0, "", &in->report.lease, err))
        return false;
    if (!in->has_outcome)
        return rp_fail(err, RP_E_BAD_FIELD, "a finished run needs an outcome");
    explain(&q->arena, in);
    return true;
}

bool r_run_finish(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct incoming *in = q->in;
    enum rp_state state;
    if (!rp_job_report(db, &in->report, request_now(q), &state, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_m_cstr(&q->w, "state", rp_state_name(state));
    rp_jw_object_end(&q->w);
    return true;
}

/* ---- records: the spool of exec, imports ---- */

struct records {
    struct rp_run_record *v;
    size_t n;
    struct rp_str source;
};

static bool record_one(struct rp_json *r, struct rp_run_record *out)
{
    static const char *const fields[] = {
        REPORT_FIELDS, "spool_id",     "type",       "queue", "key",   "labels", "external_id",
        "attempt",     "submitted_at", "unfinished", "job",   "lease", NULL};
    struct incoming in = {0};
    uint64_t seen = 0;
    out->attempt = 1;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;) {
        struct rp_str *const texts[] = {&out->spool_id, &out->type, &out->queue, &out->key};
        int own = k - REPORT_FIELDS_N;
        (void)(own < 0    ? report_field(r, k, &in)
               : own < 4  ? rp_json_str(r, texts[own])
               : own == 4 ? rp_json_raw(r, &out->labels)
               : own == 5 ? rp_json_str(r, &out->external_id)
               : own == 6 ? number(r, "attempt", 1, 100000, &out->attempt)
               : own == 7 ? rp_json_time(r, &out->submitted_us)
               : own == 8 ? rp_json_bool(r, &out->unfinished)
                          : rp_json_id(r, own == 9 ? &out->job_id : &in.report.lease));
    }
    if (r->failed)
        return false;
    if (out->type.n == 0 || (!in.has_outcome && !out->unfinished))
        return rp_json_bad(r, RP_E_BAD_FIELD, "a record needs type, and outcome or unfinished");
    if (!out->unfinished)
        explain(r->arena, &in);
    out->report = in.report;
    return true;
}

bool p_records(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"records", "source", NULL};
    struct records *p = RP_NEW(&q->arena, struct records);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    p->v = RP_NEW_N(&q->arena, struct rp_run_record, RECORDS_MAX);
    p->source = RP_STR("spool");
    q->in = p;
    r->max_items = RECORDS_MAX;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;) {
        if (k == 1) {
            (void)rp_json_str(r, &p->source);
            continue;
        }
        (void)rp_json_array(r);
        while (rp_json_item(r) && record_one(r, &p->v[p->n]))
            p->n++;
    }
    return rp_json_done(r, err);
}

bool r_records(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct records *p = q->in;
    int64_t added = 0;
    if (!rp_runs_record(db, p->v, p->n, p->source, request_now(q), &added, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_m_i64(&q->w, "added", added);
    rp_jw_m_i64(&q->w, "known", (int64_t)p->n - added);
    rp_jw_object_end(&q->w);
    return true;
}
