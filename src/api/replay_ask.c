/* The parts of a request for a replay, kept as they came, so that the plan of a dry run can be
 * recalled (U3). */
#include "api/replay_ask.h"

static bool read_part(struct request *q, struct rp_json *r, struct replay_in *in, bool select)
{
    (void)rp_json_peek(r);
    const char *from = r->p;
    bool ok = select ? rp_replay_ask_select(r, request_now(q), &in->ask)
                     : rp_replay_ask_guard(r, request_now(q), &in->ask);
    if (ok)
        *(select ? &in->select : &in->guard) = (struct rp_str){from, (size_t)(r->p - from)};
    return ok;
}

bool replay_ask_read(struct request *q, struct replay_in *in, struct rp_err *err)
{
    static const char *const fields[] = {"select", "guard", "dry_run", NULL};
    struct rp_json *r = body_json(q);
    uint64_t seen = 0;
    r->max_items = RP_REPLAY_JOBS_MAX;
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
    r.max_items = RP_REPLAY_JOBS_MAX;
    (void)rp_json_object(&r);
    while (rp_json_member(&r, &key))
        if (rp_str_is(key, "select") || rp_str_is(key, "guard"))
            (void)read_part(q, &r, in, rp_str_is(key, "select"));
        else
            (void)rp_json_skip(&r);
    if (!rp_json_done(&r, err))
        return false;
    rp_json_open(&r, now, &q->arena);
    if (now.p != NULL &&
        (!rp_replay_ask_guard(&r, request_now(q), &in->ask) || !rp_json_done(&r, err)))
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

bool replay_ask_now(const struct rp_replay_ask *ask, struct rp_err *err)
{
    const struct rp_replay_park *park = &ask->park;
    if (park->kind != RP_PARK_NONE || park->at_us != 0 || park->expires_us != 0)
        return rp_fail(err, RP_E_BAD_FIELD, "when, at and expires are for replays of a selection");
    return ask->plan_hash.n == 0 ||
           rp_fail(err, RP_E_BAD_FIELD, "plan is for replays of a selection");
}
