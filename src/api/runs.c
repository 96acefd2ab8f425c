/* Runs that others start (`reprise exec`), and records of runs that are over: its spool, imports.
 */
#include "api/handlers.h"
#include "api/incoming.h"

#include <stdio.h>

enum { LEASE_MAX_MS = 86400000, RECORDS_MAX = 1000 };

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
                        : incoming_number(r, "lease_ms", 1000, LEASE_MAX_MS, &lease_ms));
    if (!rp_json_done(r, err))
        return false;
    if (s->type.n == 0 || s->worker.n == 0 || s->worker.n > RP_NAME_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "a run needs type and worker (up to %d bytes)",
                       RP_NAME_MAX);
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
    size_t unpacked = 0;
    q->in = in;
    in->unpacked = &unpacked;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)incoming_field(r, k, in);
    in->unpacked = NULL;
    if (!rp_json_done(r, err) || !capture_id(q, 0, "", &in->report.lease, err))
        return false;
    if (!in->has_outcome)
        return rp_fail(err, RP_E_BAD_FIELD, "a finished run needs an outcome");
    incoming_explain(q->api->o.mining, &q->arena, in);
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

static bool record_one(struct rp_mining *m, struct rp_json *r, size_t *unpacked,
                       struct rp_run_record *out)
{
    static const char *const fields[] = {
        REPORT_FIELDS, "spool_id",     "type",       "queue", "key",   "labels", "external_id",
        "attempt",     "submitted_at", "unfinished", "job",   "lease", NULL};
    struct incoming in = {.unpacked = unpacked};
    uint64_t seen = 0;
    out->attempt = 1;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;) {
        struct rp_str *const texts[] = {&out->spool_id, &out->type, &out->queue, &out->key};
        int own = k - REPORT_FIELDS_N;
        (void)(own < 0    ? incoming_field(r, k, &in)
               : own < 4  ? rp_json_str(r, texts[own])
               : own == 4 ? rp_json_raw(r, &out->labels)
               : own == 5 ? rp_json_str(r, &out->external_id)
               : own == 6 ? incoming_number(r, "attempt", 1, 100000, &out->attempt)
               : own == 7 ? rp_json_time(r, &out->submitted_us)
               : own == 8 ? rp_json_bool(r, &out->unfinished)
                          : rp_json_id(r, own == 9 ? &out->job_id : &in.report.lease));
    }
    if (r->failed)
        return false;
    if (out->type.n == 0 || (!in.has_outcome && !out->unfinished))
        return rp_json_bad(r, RP_E_BAD_FIELD, "a record needs type, and outcome or unfinished");
    if (!out->unfinished)
        incoming_explain(m, r->arena, &in);
    out->report = in.report;
    return true;
}

bool p_records(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"records", "source", NULL};
    struct records *p = RP_NEW(&q->arena, struct records);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    size_t unpacked = 0;
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
        while (rp_json_item(r) && record_one(q->api->o.mining, r, &unpacked, &p->v[p->n]))
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
