/* Undo of a replay: what it can and cannot take back, and, if asked, a replay of compensations. */
#include "api/replay_ask.h"

struct undo {
    struct replay_in in; /* first: it is what replay_ask.h works on */
    bool compensate;
    struct rp_undo look;
};

bool p_undo(struct request *q, struct rp_err *err)
{
    static const char *const fields[] = {"reason", "compensate", "dry_run", "guard", NULL};
    struct undo *u = RP_NEW(&q->arena, struct undo);
    struct rp_str reason = RP_NONE;
    uint64_t seen = 0;
    q->in = u;
    q->failed = replay_refused;
    u->in.ask.kind = RP_REPLAY_COMPENSATION;
    if (q->body.n == 0)
        return true;
    struct rp_json *r = body_json(q);
    (void)rp_json_object(r);
    for (int f; (f = rp_json_field(r, fields, &seen)) >= 0;)
        (void)(f == 0   ? rp_json_str(r, &reason)
               : f == 1 ? rp_json_bool(r, &u->compensate)
               : f == 2 ? rp_json_bool(r, &u->in.dry_run)
                        : rp_replay_ask_guard(r, request_now(q), &u->in.ask));
    if (reason.p != NULL)
        u->in.ask.reason = reason;
    return rp_json_done(r, err) && replay_ask_now(&u->in.ask, err) &&
           (u->in.ask.n_set == 0 ||
            rp_fail(err, RP_E_BAD_FIELD, "a compensation gets the payload of what it takes back"));
}

/* ---- what it would do ---- */

static bool show(struct request *q, struct rp_db *db, struct rp_err *err)
{
    const struct undo *u = q->in;
    (void)db;
    (void)err;
    answer_begin(q, 200);
    shape_undo(&q->w, q->capture[0], &u->look, u->compensate ? &u->in.making.plan : NULL);
    return true;
}

/* ---- what it does ---- */

static bool undo_once(struct request *q, struct rp_db *db, int64_t id, struct rp_err *err)
{
    const struct undo *u = q->in;
    struct rp_replay r;
    if (!rp_replay_get(db, id, &q->arena, &r, err))
        return false;
    if (u->compensate && r.state == RP_REPLAY_UNDONE)
        return true; /* what had not run has gone back already */
    return rp_replay_undo(db, id, q->actor, u->in.ask.reason, request_now(q), err);
}

static void name_check(struct undo *u)
{
    const struct rp_plan *p = &u->in.making.plan;
    u->in.check = p->refused != NULL ? p->refused->check : RP_STR("selection");
    u->in.says = p->refused != NULL ? p->refused->says : RP_STR("nothing is left to compensate");
}

static bool undo(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct undo *u = q->in;
    int64_t id = u->in.ask.compensates;
    struct rp_replay row;
    if (u->in.making.id == 0 && !undo_once(q, db, id, err))
        return false;
    if (u->compensate && !rp_replay_compensate(db, rp_db_config(db), &u->in.ask, request_now(q),
                                               &q->arena, &u->in.making, &q->op.again, err)) {
        if (err->code == RP_E_REFUSED)
            name_check(u);
        return false;
    }
    q->op.heavy = q->op.again; /* many parts: others go in between */
    if (q->op.again)
        return true;
    if (!rp_replay_get(db, id, &q->arena, &row, err))
        return false;
    answer_begin(q, 200);
    shape_replay(&q->w, &row, request_now(q), NULL);
    return true;
}

/* ---- looked at on a reader ---- */

static bool plan(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct undo *u = q->in;
    const struct rp_config *config = rp_engine_config(q->api->engine);
    int64_t id = u->in.ask.compensates;
    u->in.ask.actor = q->actor;
    u->in.ask.selection_json = rp_str_fmt(&q->arena, "{\"compensates\":\"R%lld\"}", (long long)id);
    return rp_replay_undo_look(db, config, id, !u->compensate, &q->arena, &u->look, err) &&
           (!u->compensate || rp_replay_compensation(db, config, &u->in.ask, request_now(q),
                                                     &q->arena, &u->in.making.plan, err));
}

static void look(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    const struct undo *u = q->in;
    struct rp_err err;
    if (!request_authenticate(q, db, &err) || !plan(q, db, &err) ||
        !request_write(q, u->in.dry_run ? show : undo, &err))
        request_refuse(q, &err);
}

/* Only what shall run needs its dependencies checked. */
bool r_replay_undo(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct undo *u = q->in;
    (void)db;
    if (!capture_id(q, 0, "R", &u->in.ask.compensates, err))
        return false;
    if (u->compensate)
        return replay_after_checks(q, look, err);
    q->read = (struct rp_read){.run = look, .arg = q};
    return rp_engine_read(q->api->engine, &q->read, err);
}
