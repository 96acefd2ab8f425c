/* Retry of one job: of a failed one a replay of one, of any other a plain second run. */
#include "api/replay_ask.h"

bool p_retry(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"reason", "guard", NULL};
    struct replay_in *in = RP_NEW(&q->arena, struct replay_in);
    uint64_t seen = 0;
    q->in = in;
    q->failed = replay_refused;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    struct rp_str reason = RP_NONE;
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0 ? rp_json_str(r, &reason) : rp_replay_ask_guard(r, request_now(q), &in->ask));
    if (reason.p != NULL)
        in->ask.reason = reason;
    return rp_json_done(r, err) && replay_ask_now(&in->ask, err);
}

static bool again(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct replay_in *in = q->in;
    return rp_replay_again(db, in->ask.ids[0], q->actor, in->ask.reason, request_now(q), err) &&
           r_job(q, db, err);
}

static void name_check(struct replay_in *in)
{
    const struct rp_plan *p = &in->making.plan;
    const char *hint;
    if (p->n == 0 && p->n_left_out > 0) {
        in->check = rp_str_of(p->left_out[0].reason);
        in->says = rp_str_of(rp_replay_left_out_words(p->left_out[0].reason, &hint));
    } else if (p->refused != NULL) {
        in->check = p->refused->check;
        in->says = p->refused->says;
    }
}

static bool replay_one(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct replay_in *in = q->in;
    if (rp_replay_retry(db, rp_db_config(db), &in->ask, request_now(q), &q->arena, &in->making,
                        err))
        return r_job(q, db, err);
    if (err->code == RP_E_REFUSED)
        name_check(in);
    return false;
}

/* On a reader: is it one that failed, and if so, its plan. */
static bool plan(struct request *q, struct rp_db *db, bool *failed, struct rp_err *err)
{
    struct replay_in *in = q->in;
    struct rp_job job;
    in->ask.actor = q->actor;
    if (!rp_replay_retry_ask(q->capture[0], &q->arena, &in->ask))
        return rp_fail(err, RP_E_NOT_FOUND, "there is no job %.*s", RP_FMT(q->capture[0]));
    if (!rp_job_get(db, in->ask.ids[0], &q->arena, &job, err))
        return false;
    *failed = job.state == RP_FAILED || job.state == RP_UNKNOWN;
    return !*failed || rp_replay_plan(db, rp_engine_config(q->api->engine), &in->ask,
                                      request_now(q), &q->arena, &in->making.plan, err);
}

static void look(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct rp_err err;
    bool failed = false;
    if (!request_authenticate(q, db, &err) || !plan(q, db, &failed, &err) ||
        !request_write(q, failed ? replay_one : again, &err))
        request_refuse(q, &err);
}

bool r_retry(struct request *q, struct rp_db *db, struct rp_err *err)
{
    int64_t id;
    (void)db;
    return capture_id(q, 0, "", &id, err) && replay_after_checks(q, look, err);
}
