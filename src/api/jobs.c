/* Jobs: enqueue, lists, one job, interventions. */
#include "api/handlers.h"

#include "analyze/analyze.h"

#include <stdlib.h>

/* ---- enqueue ---- */

struct enqueue {
    struct rp_enqueue *in;
    struct rp_enqueued *out;
    size_t n;
    bool array;
};

static bool labels_are_strings(struct rp_json *r, struct rp_str raw)
{
    struct rp_json l;
    struct rp_str key, value;
    int n = 0;
    rp_json_open(&l, raw, r->arena);
    (void)rp_json_object(&l);
    while (rp_json_member(&l, &key) && rp_json_str(&l, &value))
        if (++n > RP_LABELS_MAX)
            return rp_json_bad(r, RP_E_BAD_FIELD, "more than %d labels", RP_LABELS_MAX);
    return rp_json_done(&l, NULL) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "labels must be an object of strings");
}

static const char *const enqueue_fields[] = {"type",         "payload", "queue",   "key",
                                             "labels",       "due_at",  "delay_s", "priority",
                                             "max_attempts", NULL};

static bool within(struct rp_json *r, const char *name, int64_t v, int64_t lo, int64_t hi)
{
    return (v >= lo && v <= hi) || rp_json_bad(r, RP_E_BAD_FIELD, "%s must be from %lld to %lld",
                                               name, (long long)lo, (long long)hi);
}

static bool delay(struct request *q, struct rp_json *r, struct rp_enqueue *in)
{
    double s;
    if (!rp_json_f64(r, &s))
        return false;
    if (s < 0 || s > 366 * 86400.0)
        return rp_json_bad(r, RP_E_BAD_FIELD, "delay_s must be from 0 to a year");
    in->due_us = request_now(q) + (int64_t)(s * 1e6);
    return true;
}

static bool enqueue_field(struct request *q, struct rp_json *r, int field, struct rp_enqueue *in)
{
    switch (field) {
    case 0:
        return rp_json_str(r, &in->type);
    case 1:
        return rp_json_raw(r, &in->payload);
    case 2:
        return rp_json_str(r, &in->queue);
    case 3:
        return rp_json_str(r, &in->key);
    case 4:
        return rp_json_raw(r, &in->labels) && labels_are_strings(r, in->labels);
    case 5:
        return rp_json_time(r, &in->due_us);
    case 6:
        return delay(q, r, in);
    case 7:
        return rp_json_i64(r, &in->priority) && within(r, "priority", in->priority, -1000, 1000);
    default:
        return rp_json_i64(r, &in->max_attempts) &&
               within(r, "max_attempts", in->max_attempts, 1, 1001);
    }
}

static bool enqueue_one(struct request *q, struct rp_json *r, struct rp_enqueue *in)
{
    uint64_t seen = 0;
    *in = (struct rp_enqueue){.priority = INT64_MIN};
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, enqueue_fields, &seen)) >= 0;)
        if (!enqueue_field(q, r, f, in))
            return false;
    return !r->failed && (in->type.n > 0 || rp_json_bad(r, RP_E_BAD_FIELD, "a job needs a type"));
}

static struct enqueue *enqueue_of(const struct rp_op *op)
{
    return ((struct request *)op->arg)->in;
}

/* The jobs of all requests as one batch: all of them, or the writer takes each by itself. */
static bool enqueue_all(struct rp_db *db, struct rp_op *const *ops, size_t n, struct rp_err *err)
{
    struct rp_arena a = {0};
    size_t total = 0, at = 0;
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        total += enqueue_of(ops[i])->n;
    struct rp_enqueue *in = RP_NEW_N(&a, struct rp_enqueue, total);
    struct rp_enqueued *out = RP_NEW_N(&a, struct rp_enqueued, total);
    for (size_t i = 0; ok && i < n; at += enqueue_of(ops[i++])->n) {
        memcpy(in + at, enqueue_of(ops[i])->in, enqueue_of(ops[i])->n * sizeof *in);
        ok = request_authenticate_as(ops[i]->arg, i > 0 ? ops[i - 1]->arg : NULL, db, err);
    }
    ok = ok && rp_jobs_enqueue(db, in, total, request_now(ops[0]->arg), out, err);
    at = 0;
    for (size_t i = 0; ok && i < n; at += enqueue_of(ops[i++])->n)
        memcpy(enqueue_of(ops[i])->out, out + at, enqueue_of(ops[i])->n * sizeof *out);
    rp_arena_free(&a);
    return ok;
}

static void enqueue_array(struct request *q, struct rp_json *r, struct enqueue *e)
{
    size_t cap = 16;
    struct rp_enqueue *in = rp_xcalloc(cap, sizeof *in);
    (void)rp_json_array(r);
    while (rp_json_item(r)) {
        if (e->n == cap)
            in = rp_xrealloc(in, (cap *= 2) * sizeof *in);
        if (!enqueue_one(q, r, &in[e->n++]))
            break;
    }
    e->in = RP_NEW_N(&q->arena, struct rp_enqueue, e->n + 1);
    memcpy(e->in, in, e->n * sizeof *in);
    free(in);
}

bool p_enqueue(struct request *q, struct rp_err *err)
{
    struct rp_json r; /* not body_json(): for one job it would be most of the request's memory */
    struct enqueue *e = RP_NEW(&q->arena, struct enqueue);
    rp_json_open(&r, rp_buf_view(&q->body), &q->arena);
    e->array = rp_json_peek(&r) == RP_JSON_ARRAY;
    if (e->array) {
        enqueue_array(q, &r, e);
    } else {
        e->in = RP_NEW(&q->arena, struct rp_enqueue);
        (void)enqueue_one(q, &r, &e->in[e->n++]);
    }
    e->out = RP_NEW_N(&q->arena, struct rp_enqueued, e->n + 1);
    q->in = e;
    q->run_all = enqueue_all;
    if (rp_json_done(&r, err) && e->n == 0)
        return rp_fail(err, RP_E_BAD_FIELD, "the array is empty");
    return !r.failed;
}

bool r_enqueue(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct enqueue *e = q->in;
    return rp_jobs_enqueue(db, e->in, e->n, request_now(q), e->out, err);
}

void a_enqueue(struct request *q)
{
    struct enqueue *e = q->in;
    answer_begin(q, 201);
    if (e->array)
        rp_jw_array(&q->w);
    for (size_t i = 0; i < e->n; i++) {
        rp_jw_object(&q->w);
        rp_jw_m_id(&q->w, "id", e->out[i].id);
        rp_jw_m_cstr(&q->w, "state", rp_state_name(e->out[i].state));
        if (e->out[i].existing)
            rp_jw_m_bool(&q->w, "existing", true);
        rp_jw_object_end(&q->w);
    }
    if (e->array)
        rp_jw_array_end(&q->w);
}

/* ---- lists ---- */

enum { WHERE_MAX = 4 };

#define FILTER                                                                                     \
    "state", "type", "queue", "schedule", "class", "pattern", "replay", "since", "until", "where", \
        "key"

static bool filter_states(struct request *q, struct rp_job_filter *f, struct rp_err *err)
{
    struct rp_str rest = query(q, "state"), part;
    enum rp_state state;
    while (rp_str_split(&rest, ',', &part)) {
        if (!rp_state_of_name(part, &state)) {
            (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a job state", RP_FMT(part));
            return rp_hint(
                err,
                "states: scheduled queued running retrying succeeded failed cancelled unknown");
        }
        f->states |= 1u << state;
    }
    return true;
}

static bool filter_id(struct request *q, const char *name, const char *prefix, int64_t *out,
                      struct rp_err *err)
{
    struct rp_str s = query(q, name), digits = s;
    if (s.p == NULL)
        return true;
    if (rp_str_starts(s, prefix))
        digits = (struct rp_str){s.p + strlen(prefix), s.n - strlen(prefix)};
    if (rp_str_i64(digits, out) && *out > 0)
        return true;
    return rp_fail(err, RP_E_BAD_FIELD, "%s=%.*s is not an id like %s7", name, RP_FMT(s), prefix);
}

struct wheres {
    struct request *q;
    struct rp_job_filter *f;
    bool bad;
};

static void add_where(void *ctx, struct rp_str value)
{
    struct wheres *w = ctx;
    struct rp_str name;
    struct rp_str rest = value;
    if (w->f->n_where == WHERE_MAX || !rp_str_split(&rest, '=', &name) || rest.p == NULL ||
        name.n == 0) {
        w->bad = true;
        return;
    }
    w->f->where[w->f->n_where++] = (struct rp_env){name, rest};
}

/* A class that there is not would find nothing, and look like good news (U2). */
static bool filter_class(struct request *q, struct rp_err *err)
{
    struct rp_str s = query(q, "class");
    enum rp_class class;
    if (s.p == NULL || rp_class_of_name(s, &class))
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a failure class", RP_FMT(s));
    return rp_hint(err,
                   "reprise patterns shows the classes there are; docs/openapi.yaml lists all");
}

static bool job_filter(struct request *q, const char *const *known, struct rp_job_filter *f,
                       struct rp_err *err)
{
    *f = (struct rp_job_filter){.type = query(q, "type"),
                                .queue = query(q, "queue"),
                                .schedule = query(q, "schedule"),
                                .error_class = query(q, "class"),
                                .key = query(q, "key")};
    f->where = RP_NEW_N(&q->arena, struct rp_env, WHERE_MAX);
    struct wheres w = {q, f, false};
    query_each(q, "where", add_where, &w);
    if (w.bad) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "where must be name=value, at most %d of them",
                      WHERE_MAX);
        return rp_hint(err, "for instance where=tenant=acme");
    }
    return query_known(q, known, err) && filter_states(q, f, err) && filter_class(q, err) &&
           filter_id(q, "pattern", "P", &f->pattern_id, err) &&
           filter_id(q, "replay", "R", &f->replay_id, err) &&
           query_time(q, "since", &f->since_us, err) && query_time(q, "until", &f->until_us, err);
}

/* No index leads by these: a page may cost as much as all of history. */
bool p_jobs(struct request *q, struct rp_err *err)
{
    static const char *const unled[] = {"where", "class", "queue"};
    (void)err;
    for (size_t i = 0; i < sizeof unled / sizeof *unled; i++)
        q->slow = q->slow || query(q, unled[i]).p != NULL;
    return true;
}

bool r_jobs(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {FILTER, "limit", "cursor", NULL};
    struct rp_job_filter f;
    struct rp_job *jobs;
    int64_t limit, cursor;
    size_t n;
    bool more;
    if (!job_filter(q, known, &f, err) || !query_i64(q, "limit", 1, 1000, 50, &limit, err) ||
        !query_i64(q, "cursor", 1, INT64_MAX, 0, &cursor, err) ||
        !rp_jobs_list(db, &f, cursor, (int)limit, &q->arena, &jobs, &n, &more, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_job(&q->w, &jobs[i]);
    shape_list_end(&q->w, more ? jobs[n - 1].id : 0);
    return true;
}

bool r_jobs_count(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {FILTER, NULL};
    struct rp_job_filter f;
    int64_t n;
    if (!job_filter(q, known, &f, err) || !rp_jobs_count(db, &f, &n, err))
        return false;
    answer_begin(q, 200);
    rp_jw_object(&q->w);
    rp_jw_m_i64(&q->w, "count", n);
    rp_jw_object_end(&q->w);
    return true;
}

static void failure_group(struct rp_jw *w, const struct rp_failure_group *g)
{
    rp_jw_object(w);
    rp_jw_m_str(w, "type", g->type);
    rp_jw_m_str(w, "class", g->error_class);
    rp_jw_m_str(w, "template", g->template);
    rp_jw_m_str(w, "sample", g->sample);
    shape_prefixed_id(w, "pattern", "P", g->pattern_id);
    rp_jw_m_i64(w, "count", g->n);
    rp_jw_m_time(w, "first", g->first_us);
    rp_jw_m_time(w, "last", g->last_us);
    rp_jw_m_id(w, "sample_job", g->sample_job);
    rp_jw_m_bool(w, "critical", g->critical);
    rp_jw_object_end(w);
}

bool r_jobs_failures(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {FILTER, "limit", NULL};
    struct rp_job_filter f;
    struct rp_failure_group *groups;
    int64_t limit, total = 0;
    size_t n;
    if (!job_filter(q, known, &f, err) || !query_i64(q, "limit", 1, 1000, 100, &limit, err) ||
        !rp_jobs_failures(db, &f, (int)limit, &q->arena, &groups, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++) {
        failure_group(&q->w, &groups[i]);
        total += groups[i].n;
    }
    rp_jw_array_end(&q->w);
    rp_jw_m_i64(&q->w, "total", total);
    rp_jw_object_end(&q->w);
    return true;
}

/* ---- one job ---- */

bool r_job(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_job j;
    if (!no_query(q, err) || !capture_id(q, 0, "", &id, err) ||
        !rp_job_get(db, id, &q->arena, &j, err))
        return false;
    answer_begin(q, 200);
    shape_job(&q->w, &j);
    return true;
}

bool r_attempts(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_job j;
    struct rp_attempt *attempts;
    size_t n;
    if (!no_query(q, err) || !capture_id(q, 0, "", &id, err) ||
        !rp_job_get(db, id, &q->arena, &j, err) ||
        !rp_job_attempts(db, id, &q->arena, &attempts, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_attempt(&q->w, &attempts[i]);
    shape_list_end(&q->w, 0);
    return true;
}

/* Attempts of all jobs, for export. */
bool r_attempts_page(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"type", "since", "until", "limit", "cursor", NULL};
    struct rp_attempts_filter f = {.type = query(q, "type")};
    struct rp_job_attempt *rows;
    int64_t next;
    size_t n;
    if (!query_known(q, known, err) || !query_time(q, "since", &f.since_us, err) ||
        !query_time(q, "until", &f.until_us, err) ||
        !query_i64(q, "limit", 1, 1000, 50, &f.limit, err) ||
        !query_i64(q, "cursor", 1, INT64_MAX, 0, &f.after_job, err) ||
        !rp_attempts_page(db, &f, &q->arena, &rows, &n, &next, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_job_attempt(&q->w, &rows[i]);
    shape_list_end(&q->w, next);
    return true;
}

static void output_answer(struct request *q, const struct rp_output *o, int64_t stream)
{
    struct rp_buf text = {0};
    rp_output_text(o, (int)stream, &text);
    answer_text(q, 200, rp_buf_view(&text));
    answer_header(q, "Content-Security-Policy", RP_STR("sandbox; default-src 'none'")); /* S5 */
    answer_header(q, "Reprise-Output-Dropped",
                  rp_str_fmt(&q->arena, "%llu", (unsigned long long)o->dropped));
    rp_buf_free(&text);
}

bool r_output(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"stream", NULL};
    int64_t id, n = 0, stream, lease;
    struct rp_job j;
    struct rp_str packed;
    struct rp_output o = {0};
    if (!query_known(q, known, err) || !query_i64(q, "stream", 0, 2, 0, &stream, err) ||
        !capture_id(q, 0, "", &id, err) ||
        (!rp_str_is(q->capture[1], "latest") && !capture_id(q, 1, "", &n, err)) ||
        !rp_job_get(db, id, &q->arena, &j, err))
        return false;
    bool runs = (n == 0 || n == j.last_n) && j.state == RP_RUNNING;
    if (!runs || !rp_job_lease(db, id, &lease, NULL) ||
        !rp_engine_peek(q->api->engine, lease, &o)) {
        /* One that runs may not be started yet, or be reported just now. */
        if (!rp_job_output(db, id, runs ? j.last_n : n, &q->arena, &packed, err) ||
            (packed.p != NULL && !rp_output_unpack(packed, &o, err)))
            return false;
    }
    output_answer(q, &o, stream);
    if (runs)
        answer_header(q, "Reprise-Output-Live", RP_STR("1"));
    rp_output_free(&o);
    return true;
}

/* ---- interventions ---- */

bool p_reason(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"reason", NULL};
    struct rp_str *reason = RP_NEW(&q->arena, struct rp_str);
    uint64_t seen = 0;
    q->in = reason;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    (void)rp_json_object(r);
    while (rp_json_field(r, fields, &seen) >= 0)
        (void)rp_json_str(r, reason);
    return rp_json_done(r, err);
}

struct rp_str reason_of(struct request *q)
{
    return q->in != NULL ? *(struct rp_str *)q->in : RP_NONE;
}

bool r_cancel(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    return capture_id(q, 0, "", &id, err) &&
           rp_job_cancel(db, id, q->actor, reason_of(q), request_now(q), err) && r_job(q, db, err);
}

struct resolve {
    struct rp_str reason, outcome;
};

bool p_resolve(struct request *q, struct rp_err *err)
{
    struct resolve *in = RP_NEW(&q->arena, struct resolve);
    static const char *const fields[] = {"reason", "outcome", NULL};
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)rp_json_str(r, f == 0 ? &in->reason : &in->outcome);
    if (!rp_json_done(r, err))
        return false;
    if (!rp_str_is(in->outcome, "succeeded") && !rp_str_is(in->outcome, "failed"))
        return rp_fail(err, RP_E_BAD_FIELD, "outcome must be succeeded or failed");
    if (in->reason.n == 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "settling an unknown outcome needs a reason");
        return rp_hint(err, "say how you know: --reason \"…\"");
    }
    return true;
}

bool r_resolve(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct resolve *in = q->in;
    int64_t id;
    return capture_id(q, 0, "", &id, err) &&
           rp_job_resolve(db, id, rp_str_is(in->outcome, "succeeded"), q->actor, in->reason,
                          request_now(q), err) &&
           r_job(q, db, err);
}
