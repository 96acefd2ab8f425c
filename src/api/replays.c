/* Replays: plan (a dry run), start, control. */
#include "api/replay_ask.h"

#include "deps/deps.h"

void replay_refused(struct request *q, const struct rp_err *err)
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
    struct replay_in *in = RP_NEW(&q->arena, struct replay_in);
    q->in = in;
    q->failed = replay_refused;
    if (!replay_ask_read(q, in, err))
        return false;
    return in->select.p != NULL || in->ask.plan_hash.n > 0 ||
           rp_fail(err, RP_E_BAD_FIELD, "select is missing: what to replay");
}

/* ---- plan and start ---- */

static bool answer_replay(struct request *q, struct rp_db *db, int64_t id, int status,
                          struct rp_err *err)
{
    struct rp_replay row;
    if (!rp_replay_get(db, id, &q->arena, &row, err))
        return false;
    answer_begin(q, status);
    shape_replay(&q->w, &row, request_now(q), NULL);
    return true;
}

/* The plan was made on a reader; this records that somebody asked for it. */
static bool plan_record(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct replay_in *in = q->in;
    const struct rp_plan *p = &in->making.plan;
    if (!rp_audit(db, q->actor, "replay.plan", rp_str_fmt(&q->arena, "plan %.*s", RP_FMT(p->hash)),
                  "SAFE", in->record, request_now(q), err))
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

static bool parked(const struct replay_in *in)
{
    return in->ask.park.kind != RP_PARK_NONE || in->ask.park.at_us != 0;
}

static bool park(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct replay_in *in = q->in;
    int64_t id;
    return rp_replay_park(db, rp_db_config(db), &in->ask, in->record, request_now(q), &id, err) &&
           answer_replay(q, db, id, 201, err);
}

static bool start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct replay_in *in = q->in;
    if (parked(in))
        return park(q, db, err);
    if (rp_replay_make(db, rp_db_config(db), &in->ask, request_now(q), &q->arena, &in->making,
                       &q->op.again, err)) {
        q->op.heavy = q->op.again; /* many parts: others go in between */
        return q->op.again || answer_replay(q, db, in->making.id, 201, err);
    }
    if (err->code == RP_E_REFUSED)
        name_check(q);
    return false;
}

static bool outlook(struct request *q, struct rp_db *db, struct rp_plan *plan, struct rp_err *err)
{
    struct rp_plan_outlook *out = RP_NEW(&q->arena, struct rp_plan_outlook);
    plan->outlook = out;
    return rp_replay_outlook(db, plan, &q->arena, out, err);
}

/* Sorts the ids of all items: not on the writer. */
static bool record(struct request *q, struct replay_in *in)
{
    if (in->dry_run || parked(in))
        in->record = replay_ask_record(q, in);
    return true;
}

/* Planning reads much and writes nothing: the reader for long questions does it. */
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
    if (!replay_ask_recall(q, db, in, &err) ||
        (in->dry_run && parked(in) &&
         !rp_replay_park_usable(rp_engine_config(q->api->engine), &in->ask.park, &err)) ||
        !rp_replay_plan(db, rp_engine_config(q->api->engine), &in->ask, request_now(q), &q->arena,
                        &in->making.plan, &err) ||
        (in->dry_run && !outlook(q, db, &in->making.plan, &err)) || !record(q, in) ||
        !request_write(q, in->dry_run ? plan_record : start, &err))
        request_refuse(q, &err);
}

/* What jobs need has just been checked, or did not answer in time (rule 5). */
static void checked(void *ctx)
{
    struct request *q = ctx;
    const struct replay_in *in = q->in;
    struct rp_err err;
    q->read = (struct rp_read){.run = in->look, .arg = q};
    if (!rp_engine_read_long(q->api->engine, &q->read, &err))
        request_refuse(q, &err);
}

static void check_first(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct rp_err err;
    if (!request_authenticate(q, db, &err) || !rp_deps_ask(q->api->deps, RP_NONE, checked, q, &err))
        request_refuse(q, &err);
}

bool replay_after_checks(struct request *q, void (*then)(struct rp_db *db, void *arg),
                         struct rp_err *err)
{
    struct replay_in *in = q->in;
    in->look = then;
    q->read = (struct rp_read){.run = check_first, .arg = q};
    return rp_engine_read(q->api->engine, &q->read, err);
}

bool r_replay_plan_or_start(struct request *q, struct rp_db *db, struct rp_err *err)
{
    (void)db;
    return replay_after_checks(q, look, err);
}

/* ---- lists ---- */

bool r_replays(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"plan", "limit", NULL};
    int64_t limit;
    struct rp_replay *rows;
    size_t n;
    struct rp_str plan = query(q, "plan");
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 1000, 50, &limit, err) ||
        !(plan.p != NULL ? rp_replays_of_plan(db, plan, (int)limit, &q->arena, &rows, &n, err)
                         : rp_replays_list(db, false, (int)limit, &q->arena, &rows, &n, err)))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_replay(&q->w, &rows[i], request_now(q), NULL);
    shape_list_end(&q->w, 0);
    return true;
}

/* With what came of it, which counts all its items: not for those who watch it run. */
bool r_replay(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_replay row;
    struct rp_replay_outcome outcome;
    if (!no_query(q, err) || !capture_id(q, 0, "R", &id, err) ||
        !rp_replay_get(db, id, &q->arena, &row, err))
        return false;
    bool runs = row.state == RP_REPLAY_RUNNING || row.state == RP_REPLAY_PLANNED;
    if (!runs && !rp_replay_outcome(db, &row, &q->arena, &outcome, err))
        return false;
    answer_begin(q, 200);
    shape_replay(&q->w, &row, request_now(q), runs ? NULL : &outcome);
    return true;
}

/* "failed-same,failed-new" */
static bool fates_asked(struct request *q, unsigned *fates, struct rp_err *err)
{
    struct rp_str rest = query(q, "fate"), part;
    enum rp_fate fate;
    *fates = 0;
    if (rest.p == NULL)
        return true;
    while (rp_str_split(&rest, ',', &part)) {
        if (!rp_fate_of_name(part, &fate)) {
            (void)rp_fail(err, RP_E_BAD_FIELD, "there is no fate \"%.*s\"", RP_FMT(part));
            return rp_hint(err, "not-run, running, succeeded, failed-same, failed-new, skipped or "
                                "unknown; several with commas");
        }
        *fates |= 1u << fate;
    }
    return true;
}

/* Of some fates there may be none among those that were looked at; then it goes on behind them. */
static int64_t next_item(const struct rp_replay *r, int64_t after, unsigned fates,
                         const struct rp_replay_item *last, bool more)
{
    if (more)
        return last->seq;
    return fates != 0 && after + RP_REPLAY_LOOKED < r->n[0] ? after + RP_REPLAY_LOOKED : 0;
}

bool r_replay_items(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"limit", "cursor", "fate", NULL};
    unsigned fates;
    int64_t id, limit, after;
    struct rp_replay replay;
    struct rp_replay_item *rows;
    size_t n;
    if (!query_known(q, known, err) || !query_i64(q, "limit", 1, 999, 100, &limit, err) ||
        !query_i64(q, "cursor", 1, INT64_MAX, 0, &after, err) || !capture_id(q, 0, "R", &id, err) ||
        !fates_asked(q, &fates, err) || !rp_replay_get(db, id, &q->arena, &replay, err) ||
        !rp_replay_items(db, id, after, fates, (int)limit + 1, &q->arena, &rows, &n, err))
        return false;
    bool more = n > (size_t)limit;
    n -= more;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_replay_item(&q->w, &rows[i]);
    shape_list_end(&q->w, next_item(&replay, after, fates, more ? &rows[n - 1] : NULL, more));
    return true;
}

bool r_job_replays(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    struct rp_job job;
    struct rp_job_replay *rows;
    size_t n;
    if (!no_query(q, err) || !capture_id(q, 0, "", &id, err) ||
        !rp_job_get(db, id, &q->arena, &job, err) ||
        !rp_job_replays(db, id, &q->arena, &rows, &n, err))
        return false;
    answer_begin(q, 200);
    shape_list_begin(&q->w);
    for (size_t i = 0; i < n; i++)
        shape_job_replay(&q->w, &rows[i]);
    shape_list_end(&q->w, 0);
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
