/* Workers: fetch (with long poll), report, beat. */
#include "api/handlers.h"

#include "api/incoming.h"

enum { WAIT_MAX_MS = 60000, LEASE_MAX_MS = 86400000, REPORTS_MAX = 1000 };

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
               : k == 3 ? incoming_number(r, "max", 1, 1000, &c->max)
               : k == 4 ? incoming_number(r, "wait_ms", 0, WAIT_MAX_MS, &f->wait_ms)
                        : incoming_number(r, "lease_ms", 1000, LEASE_MAX_MS, &lease_ms));
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
    request_looks(q);
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

/* ---- report ---- */

struct reports {
    struct rp_report *report;
    struct rp_reported *done;
    size_t n, cap;
};

static bool report_one(struct rp_json *r, struct incoming *in)
{
    static const char *const fields[] = {REPORT_FIELDS, "lease", NULL};
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int k; (k = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(k == REPORT_FIELDS_N ? rp_json_id(r, &in->report.lease) : incoming_field(r, k, in));
    if (r->failed)
        return false;
    return (in->report.lease != 0 && in->has_outcome) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "a report needs lease, token and outcome");
}

static struct rp_report *next_report(struct rp_arena *a, struct reports *p)
{
    if (p->n == p->cap) {
        struct rp_report *old = p->report;
        p->cap = p->cap == 0 ? 8 : p->cap * 2;
        p->report = RP_NEW_N(a, struct rp_report, p->cap);
        if (p->n > 0)
            memcpy(p->report, old, p->n * sizeof *old);
    }
    return &p->report[p->n++];
}

bool p_report(struct request *q, struct rp_err *err)
{
    struct rp_json *r = body_json(q);
    struct reports *p = RP_NEW(&q->arena, struct reports);
    q->in = p;
    r->max_items = REPORTS_MAX;
    size_t unpacked = 0;
    (void)rp_json_array(r);
    while (rp_json_item(r)) {
        struct incoming in = {.unpacked = &unpacked};
        if (!report_one(r, &in))
            break;
        incoming_explain(q->api->o.mining, &q->arena, &in);
        *next_report(&q->arena, p) = in.report;
    }
    p->done = RP_NEW_N(&q->arena, struct rp_reported, p->n + 1);
    return rp_json_done(r, err);
}

/* One bad entry does not fail the others; only a store that cannot be written fails them all. */
bool r_report(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct reports *p = q->in;
    return rp_jobs_report(db, p->report, p->n, request_now(q), &q->arena, p->done, err);
}

void a_report(struct request *q)
{
    struct reports *p = q->in;
    answer_begin(q, 200);
    rp_jw_array(&q->w);
    for (size_t i = 0; i < p->n; i++) {
        rp_jw_object(&q->w);
        rp_jw_m_id(&q->w, "lease", p->report[i].lease);
        if (p->done[i].ok)
            rp_jw_m_cstr(&q->w, "state", rp_state_name(p->done[i].state));
        else {
            rp_jw_key(&q->w, "problem");
            problem_object(q, p->done[i].err);
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
        (void)(k == 0 ? rp_json_id(r, lease) : incoming_token(r, token));
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
                        : incoming_number(r, "extend_ms", 1000, LEASE_MAX_MS, &ms));
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
