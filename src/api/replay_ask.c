/* What a request asks to replay: selection and guards (replay specification 1; U2, U3). */
#include "api/replay_ask.h"

#include "analyze/analyze.h"

enum { JOBS_MAX = 10000, WHERE_MAX = 4, OVERRIDES_MAX = 16, CANARY_MAX = 100000 };

/* ---- the request ---- */

static bool within(struct rp_json *r, const char *name, int64_t lo, int64_t hi, int64_t *out)
{
    return rp_json_i64(r, out) && ((*out >= lo && *out <= hi) ||
                                   rp_json_bad(r, RP_E_BAD_FIELD, "%s must be from %lld to %lld",
                                               name, (long long)lo, (long long)hi));
}

static bool time_field(struct request *q, struct rp_json *r, int64_t *us)
{
    struct rp_str s;
    struct rp_err err;
    if (!rp_json_str(r, &s))
        return false;
    return rp_time_parse_user(s, request_now(q), us, &err) ||
           rp_json_bad(r, RP_E_BAD_FIELD, "%s", err.message);
}

static bool numbered_field(struct rp_json *r, const char *prefix, int64_t *id)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    if (rp_str_starts(s, prefix) && rp_str_i64((struct rp_str){s.p + 1, s.n - 1}, id) && *id > 0)
        return true;
    return rp_json_bad(r, RP_E_BAD_FIELD, "it is named like %s7", prefix);
}

static bool jobs_field(struct rp_json *r, struct rp_replay_ask *ask)
{
    int64_t *ids = RP_NEW_N(r->arena, int64_t, JOBS_MAX);
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_id(r, &ids[ask->n_ids]))
        ask->n_ids++;
    ask->ids = ids;
    return r->failed || ask->n_ids > 0 ||
           rp_json_bad(r, RP_E_BAD_FIELD, "an empty list selects nothing: leave it out");
}

/* A replay's states are set by its guard; a state that it cannot mean must not widen it (U2). */
static bool state_field(struct rp_json *r)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    return rp_str_is(s, "failed") ||
           rp_json_bad(r, RP_E_BAD_FIELD,
                       "only failed jobs are selected; guard.include_unknown takes those of "
                       "unknown outcome along");
}

static bool where_field(struct rp_json *r, struct rp_job_filter *f)
{
    f->where = RP_NEW_N(r->arena, struct rp_env, WHERE_MAX);
    struct rp_str name, value;
    (void)rp_json_object(r);
    while (rp_json_member(r, &name) && rp_json_str(r, &value)) {
        if (f->n_where == WHERE_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d conditions", WHERE_MAX);
        f->where[f->n_where++] = (struct rp_env){name, value};
    }
    return !r->failed;
}

static bool named(struct rp_json *r, struct rp_str *out)
{
    return rp_json_str(r, out) && (out->n > 0 || rp_json_bad(r, RP_E_BAD_FIELD, "it is empty"));
}

static bool class_field(struct rp_json *r, struct rp_str *out)
{
    enum rp_class class;
    return rp_json_str(r, out) &&
           (rp_class_of_name(*out, &class) ||
            rp_json_bad(r, RP_E_BAD_FIELD, "\"%.*s\" is not a failure class", RP_FMT(*out)));
}

static bool select_field(struct request *q, struct rp_json *r, int field, struct rp_replay_ask *ask)
{
    struct rp_job_filter *f = &ask->filter;
    switch (field) {
    case 0:
        return named(r, &f->type);
    case 1:
        return named(r, &f->queue);
    case 2:
        return class_field(r, &f->error_class);
    case 3:
        return numbered_field(r, "P", &f->pattern_id);
    case 4:
        return time_field(q, r, &f->since_us);
    case 5:
        return time_field(q, r, &f->until_us);
    case 6:
        return where_field(r, f);
    case 7:
        return numbered_field(r, "R", &f->replay_id);
    case 8:
        return state_field(r);
    case 9:
        return jobs_field(r, ask);
    default:
        return rp_json_bool(r, &ask->all);
    }
}

/* Kept as it came, for the replay's record. */
static bool selection(struct request *q, struct rp_json *r, struct rp_replay_ask *ask)
{
    static const char *const fields[] = {"type",  "queue",  "class", "pattern", "since", "until",
                                         "where", "replay", "state", "jobs",    "all",   NULL};
    enum { NARROWING = (1 << 8) - 1 }; /* all before `state` */
    uint64_t seen = 0;
    (void)rp_json_peek(r);
    const char *from = r->p;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        if (!select_field(q, r, f, ask))
            return false;
    ask->has_filter = (seen & NARROWING) != 0;
    ask->selection_json = (struct rp_str){from, (size_t)(r->p - from)};
    return !r->failed;
}

static bool override_field(struct rp_json *r, struct rp_strs *out)
{
    *out = (struct rp_strs){RP_NEW_N(r->arena, struct rp_str, OVERRIDES_MAX), 0};
    (void)rp_json_array(r);
    while (rp_json_item(r) && rp_json_str(r, &out->v[out->n])) {
        if (!rp_replay_may_override(out->v[out->n]))
            return rp_json_bad(r, RP_E_BAD_FIELD, "there is no check \"%.*s\" to override",
                               RP_FMT(out->v[out->n]));
        if (++out->n == OVERRIDES_MAX)
            return rp_json_bad(r, RP_E_TOO_LARGE, "more than %d overrides", OVERRIDES_MAX - 1);
    }
    return !r->failed;
}

static bool rate_field(struct rp_json *r, double *out)
{
    return rp_json_f64(r, out) &&
           ((*out > 0 && *out <= 1e6) || rp_json_bad(r, RP_E_BAD_FIELD, "rate is jobs per second"));
}

static bool guard_field(struct rp_json *r, int field, struct rp_replay_ask *ask)
{
    switch (field) {
    case 0:
        return within(r, "canary", 1, CANARY_MAX, &ask->canary);
    case 1:
        return within(r, "wave", 1, CANARY_MAX, &ask->wave_max);
    case 2:
        return rate_field(r, &ask->rate_per_s);
    case 3:
        return rp_json_bool(r, &ask->include_unsafe);
    case 4:
        return rp_json_bool(r, &ask->include_unknown);
    case 5:
        return rp_json_bool(r, &ask->accept_unknown_class);
    case 6:
        return override_field(r, &ask->override);
    case 7:
        return rp_json_str(r, &ask->reason);
    default:
        return rp_json_str(r, &ask->plan_hash);
    }
}

static bool guard(struct rp_json *r, struct rp_replay_ask *ask)
{
    static const char *const fields[] = {
        "canary",         "wave",     "rate",   "include_unsafe", "include_unknown",
        "accept_unknown", "override", "reason", "plan",           NULL};
    uint64_t seen = 0;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        if (!guard_field(r, f, ask))
            return false;
    return !r->failed;
}

/* ---- the whole ---- */

static bool read_part(struct request *q, struct rp_json *r, struct replay_in *in, bool select)
{
    (void)rp_json_peek(r);
    const char *from = r->p;
    bool ok = select ? selection(q, r, &in->ask) : guard(r, &in->ask);
    if (ok)
        *(select ? &in->select : &in->guard) = (struct rp_str){from, (size_t)(r->p - from)};
    return ok;
}

bool replay_ask_read(struct request *q, struct replay_in *in, struct rp_err *err)
{
    static const char *const fields[] = {"select", "guard", "dry_run", NULL};
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    r->max_items = JOBS_MAX;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 2 ? rp_json_bool(r, &in->dry_run) : read_part(q, r, in, f == 0));
    return rp_json_done(r, err);
}

struct rp_str replay_ask_record(struct request *q, const struct replay_in *in)
{
    struct rp_buf buf = {0};
    struct rp_jw w = {.out = &buf};
    rp_jw_object(&w);
    rp_jw_m_raw(&w, "select", in->select);
    if (in->guard.p != NULL)
        rp_jw_m_raw(&w, "guard", in->guard);
    rp_jw_m_i64(&w, "to_replay", in->making.plan.n);
    rp_jw_m_str(&w, "ids", rp_replay_plan_ids(&in->making.plan, &q->arena));
    rp_jw_object_end(&w);
    struct rp_str out = rp_str_dup(&q->arena, rp_buf_view(&buf));
    rp_buf_free(&buf);
    return out;
}

static bool recall_parts(struct request *q, struct replay_in *in, struct rp_str detail,
                         struct rp_err *err)
{
    struct rp_json r;
    struct rp_str key, now = in->guard, hash = in->ask.plan_hash;
    rp_json_open(&r, detail, &q->arena);
    r.max_items = JOBS_MAX;
    (void)rp_json_object(&r);
    while (rp_json_member(&r, &key))
        if (rp_str_is(key, "select") || rp_str_is(key, "guard"))
            (void)read_part(q, &r, in, rp_str_is(key, "select"));
        else
            (void)rp_json_skip(&r);
    if (!rp_json_done(&r, err))
        return false;
    rp_json_open(&r, now, &q->arena);
    if (now.p != NULL && (!guard(&r, &in->ask) || !rp_json_done(&r, err)))
        return false;
    in->ask.plan_hash = hash;
    return true;
}

bool replay_ask_recall(struct request *q, struct rp_db *db, struct replay_in *in,
                       struct rp_err *err)
{
    struct rp_str detail;
    if (in->select.p != NULL || in->ask.plan_hash.n == 0)
        return true;
    if (!rp_replay_plan_find(db, in->ask.plan_hash, request_now(q), &q->arena, &detail, err))
        return false;
    if (detail.p != NULL)
        return recall_parts(q, in, detail, err);
    in->check = RP_STR("plan");
    in->says = RP_STR("nobody made it in the last hour");
    (void)rp_fail(err, RP_E_REFUSED, "nobody made a plan %.*s in the last hour",
                  RP_FMT(in->ask.plan_hash));
    return rp_hint(err, "make one with --dry-run");
}
