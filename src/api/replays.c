/* Replays: plan (a dry run), start, control. */
#include "api/handlers.h"

#include "analyze/analyze.h"

/* What prepare read; and of a refused start the check that refused. */
struct replay_in {
    struct rp_replay_ask ask;
    bool dry_run;
    struct rp_str check, says;
    struct rp_replay_making making;
};

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

static bool pattern_field(struct rp_json *r, int64_t *id)
{
    struct rp_str s;
    if (!rp_json_str(r, &s))
        return false;
    if (rp_str_starts(s, "P") && rp_str_i64((struct rp_str){s.p + 1, s.n - 1}, id) && *id > 0)
        return true;
    return rp_json_bad(r, RP_E_BAD_FIELD, "a pattern is named like P7");
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
        return pattern_field(r, &f->pattern_id);
    case 4:
        return time_field(q, r, &f->since_us);
    case 5:
        return time_field(q, r, &f->until_us);
    case 6:
        return where_field(r, f);
    case 7:
        return state_field(r);
    case 8:
        return jobs_field(r, ask);
    default:
        return rp_json_bool(r, &ask->all);
    }
}

/* Kept as it came, for the replay's record. */
static bool selection(struct request *q, struct rp_json *r, struct rp_replay_ask *ask)
{
    static const char *const fields[] = {"type",  "queue", "class", "pattern", "since", "until",
                                         "where", "state", "jobs",  "all",     NULL};
    enum { NARROWING = (1 << 7) - 1 }; /* all before `state` */
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
    out->v = RP_NEW_N(r->arena, struct rp_str, OVERRIDES_MAX);
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

/* A refused start says which check refused, beside the sentence. */
static void refused(struct request *q, const struct rp_err *err)
{
    const struct replay_in *in = q->in;
    problem_begin(q, err, 0);
    if (err->code == RP_E_REFUSED) {
        rp_jw_m_str(&q->w, "check", in->check);
        rp_jw_m_str(&q->w, "says", in->says);
    }
    rp_jw_object_end(&q->w);
}

bool p_replay(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"select", "guard", "dry_run", NULL};
    struct replay_in *in = RP_NEW(&q->arena, struct replay_in);
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    q->in = in;
    q->failed = refused;
    r->max_items = JOBS_MAX;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? selection(q, r, &in->ask)
               : f == 1 ? guard(r, &in->ask)
                        : rp_json_bool(r, &in->dry_run));
    if (!rp_json_done(r, err))
        return false;
    return (seen & 1) != 0 || rp_fail(err, RP_E_BAD_FIELD, "select is missing: what to replay");
}

/* ---- plan and start ---- */

static bool answer_replay(struct request *q, struct rp_db *db, int64_t id, int status,
                          struct rp_err *err)
{
    struct rp_replay row;
    if (!rp_replay_get(db, id, &q->arena, &row, err))
        return false;
    answer_begin(q, status);
    shape_replay(&q->w, &row);
    return true;
}

/* The plan was made on a reader; this records that somebody asked for it. */
static bool plan_record(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct replay_in *in = q->in;
    const struct rp_plan *p = &in->making.plan;
    if (!rp_audit(db, q->actor, "replay.plan", rp_str_fmt(&q->arena, "plan %.*s", RP_FMT(p->hash)),
                  "SAFE", in->ask.selection_json, request_now(q), err))
        return false;
    answer_begin(q, 200);
    shape_plan(&q->w, p);
    return true;
}

/* In the order in which a start looks at them. */
static void name_check(struct request *q)
{
    struct replay_in *in = q->in;
    const struct rp_plan *p = &in->making.plan;
    if (in->ask.plan_hash.n > 0 && !rp_str_eq(in->ask.plan_hash, p->hash)) {
        in->check = RP_STR("plan");
        in->says = rp_str_fmt(&q->arena, "it is %.*s now", RP_FMT(p->hash));
    } else if (p->refused != NULL) {
        in->check = p->refused->check;
        in->says = p->refused->says;
    } else {
        in->check = RP_STR("selection");
        in->says = RP_STR("nothing is left to replay");
    }
}

static bool start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct replay_in *in = q->in;
    if (rp_replay_make(db, rp_db_config(db), &in->ask, request_now(q), &q->arena, &in->making,
                       &q->op.again, err))
        return q->op.again || answer_replay(q, db, in->making.id, 201, err);
    if (err->code == RP_E_REFUSED)
        name_check(q);
    return false;
}

/* Planning reads much and writes nothing: a reader does it. */
static void look(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct replay_in *in = q->in;
    struct rp_err err;
    if (!request_authenticate(q, db, &err)) {
        request_refuse(q, &err);
        return;
    }
    in->ask.actor = q->actor;
    if (!rp_replay_plan(db, rp_engine_config(q->api->engine), &in->ask, request_now(q), &q->arena,
                        &in->making.plan, &err) ||
        !request_write(q, in->dry_run ? plan_record : start, &err))
        request_refuse(q, &err);
}

bool r_replay_plan_or_start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    q->read = (struct rp_read){.run = look, .arg = q};
    return rp_engine_read(q->api->engine, &q->read, err);
}

/* ---- lists ---- */

bool r_replays(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"limit", NULL};
    int64_t limit;
    struct rp_replay *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 1000, 50, &limit, err) ||
        !rp_replays_list(db, false, (int)limit, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_replay(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
    return true;
}

bool r_replay(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    return no_query(q, err) && capture_id(q, 0, "R", &id, err) &&
           answer_replay(q, db, id, 200, err);
}

bool r_replay_items(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"limit", "cursor", NULL};
    int64_t id, limit, after;
    struct rp_replay replay;
    struct rp_replay_item *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 999, 100, &limit, err) ||
        !query_i64(q, "cursor", 1, INT64_MAX, 0, &after, err) || !capture_id(q, 0, "R", &id, err) ||
        !rp_replay_get(db, id, &q->arena, &replay, err) ||
        !rp_replay_items(db, id, after, (int)limit + 1, &q->arena, &rows, &n, err))
        return false;
    bool more = n > (size_t)limit;
    n -= more;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_replay_item(&q->w, &rows[i]);
    shape_list_end(&q->w, more ? rows[n - 1].seq : 0);
    return true;
}

/* ---- control ---- */

static bool move(struct request *q, struct rp_db *db, enum rp_replay_state to, struct rp_err *err)
{
    int64_t id;
    return capture_id(q, 0, "R", &id, err) &&
           rp_replay_set_state(db, id, to, q->actor, reason_of(q), request_now(q), err) &&
           answer_replay(q, db, id, 200, err);
}

bool r_replay_pause(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return move(q, db, RP_REPLAY_PAUSED, err);
}

/* What halted by itself goes on only with a reason (replay specification 15). */
bool r_replay_resume(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_replay row;
    if (!capture_id(q, 0, "R", &id, err) || !rp_replay_get(db, id, &q->arena, &row, err))
        return false;
    if (row.state == RP_REPLAY_HALTED && reason_of(q).n == 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "resuming a halted replay needs a reason");
        return rp_hint(err, "it halted because: %.*s", RP_FMT(row.says));
    }
    return move(q, db, RP_REPLAY_RUNNING, err);
}

bool r_replay_abort(struct request *q, struct rp_db *db, struct rp_err *err)
{
    return move(q, db, RP_REPLAY_ABORTED, err);
}

bool r_replay_undo(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    return capture_id(q, 0, "R", &id, err) &&
           rp_replay_undo(db, id, q->actor, reason_of(q), request_now(q), err) &&
           answer_replay(q, db, id, 200, err);
}
