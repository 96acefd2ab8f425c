/* Parked replays: planned and started once what they wait for holds (U10). The tick finds that out;
 * the plan is made by whoever it asks, in parts: a plan of very many jobs would hold up all else.
 */
#include "replay/internal.h"

#include "base/time.h"

static const int64_t expires_us = 7 * RP_US_DAY;

/* ---- parking ---- */

static bool configured(const struct rp_config *config, const struct rp_replay_park *park,
                       struct rp_err *err)
{
    if (park->kind == RP_PARK_DEPENDENCY && rp_config_dep(config, park->name) == NULL) {
        (void)rp_fail(err, RP_E_NOT_FOUND, "there is no dependency %.*s", RP_FMT(park->name));
        return rp_hint(err, "reprise deps lists them");
    }
    if (park->kind == RP_PARK_DEPLOY && rp_config_type(config, park->name) == NULL) {
        (void)rp_fail(err, RP_E_NOT_FOUND, "there is no job type %.*s", RP_FMT(park->name));
        return rp_hint(err, "reprise types lists them");
    }
    return true;
}

bool rp_replay_park_usable(const struct rp_config *config, const struct rp_replay_park *park,
                           struct rp_err *err)
{
    if (park->expires_us != 0 && park->expires_us <= park->at_us)
        return rp_fail(err, RP_E_BAD_FIELD, "it would expire before its time comes");
    return configured(config, park, err);
}

bool rp_replay_park(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, struct rp_str request, int64_t now_us,
                    int64_t *id, struct rp_err *err)
{
    struct rp_replay_park park = ask->park;
    struct rp_replay r = {
        .selection = ask->selection_json, .actor = ask->actor, .reason = ask->reason};
    if (park.expires_us == 0)
        park.expires_us = (park.at_us > now_us ? park.at_us : now_us) + expires_us;
    return rp_replay_park_usable(config, &park, err) &&
           rp_replay_park_create(db, &r, &park, request, now_us, id, err);
}

/* ---- in the tick ---- */

static bool end(struct rp_db *db, int64_t id, struct rp_str why, int64_t now_us, struct rp_err *err)
{
    return rp_replay_set_state(db, id, RP_REPLAY_ABORTED, RP_STR("engine"), why, now_us, err);
}

bool park_step(struct step *s, struct rp_err *err)
{
    bool met, due;
    struct rp_str says;
    if (s->now_us >= s->r.park.expires_us)
        return end(s->db, s->r.id, RP_STR("it expired before what it waited for came true"),
                   s->now_us, err);
    if (!rp_replay_park_met(s->db, &s->r, s->now_us, s->arena, &met, &says, err))
        return false;
    if (!met)
        return rp_replay_say(s->db, &s->r, says, err);
    if (!rp_replay_park_try(s->db, s->r.id, s->now_us, &due, err))
        return false;
    if (due && s->desk->wanted != NULL)
        s->desk->wanted(s->desk, s->r.id);
    return true;
}

/* ---- its plan ---- */

/* Times in it are as they were when it was asked for. */
static bool read_request(const struct rp_replay *r, struct rp_str request, struct rp_arena *a,
                         struct rp_replay_ask *ask, struct rp_err *err)
{
    struct rp_json j;
    struct rp_str key;
    rp_json_open(&j, request, a);
    j.max_items = RP_REPLAY_JOBS_MAX;
    (void)rp_json_object(&j);
    while (rp_json_member(&j, &key))
        (void)(rp_str_is(key, "select")  ? rp_replay_ask_select(&j, r->created_us, ask)
               : rp_str_is(key, "guard") ? rp_replay_ask_guard(&j, r->created_us, ask)
                                         : rp_json_skip(&j));
    ask->actor = r->actor;
    return rp_json_done(&j, err);
}

bool rp_replay_parked_plan(struct rp_db *db, const struct rp_config *config, int64_t now_us,
                           struct rp_arena *a, struct rp_replay_parked *p, struct rp_err *err)
{
    struct rp_replay r;
    struct rp_str request;
    struct rp_err wrong = {0};
    if (!rp_replay_get(db, p->id, a, &r, err) ||
        !rp_replay_park_request(db, p->id, a, &request, err))
        return false;
    bool ok = read_request(&r, request, a, &p->ask, &wrong) &&
              rp_replay_plan(db, config, &p->ask, now_us, a, &p->plan, &wrong) &&
              plan_holds(db, &p->plan, &p->ask, now_us, a, &wrong);
    if (!ok && rp_code_http(wrong.code) >= 500) { /* no fault of what was asked for */
        *err = wrong;
        return false;
    }
    if (!ok)
        p->ends = rp_str_fmt(a, "%s", wrong.message);
    else if (p->plan.n == 0)
        p->ends = rp_str_fmt(a, "nothing was left to replay: %lld matched, all left out",
                             (long long)p->plan.matched);
    return true;
}

/* Preflight as ever, where the start is written: what refuses is said, and tried again until it
 * expires. What can never be planned ends it. */
static bool may_start(struct rp_db *db, const struct rp_replay *r, int64_t now_us,
                      struct rp_arena *a, struct rp_replay_parked *p, bool *may, struct rp_err *err)
{
    *may = false;
    if (p->ends.p != NULL)
        return end(db, p->id, p->ends, now_us, err);
    if (!preflight_again(db, &p->ask, now_us, a, &p->plan, err))
        return false;
    *may = p->plan.refused == NULL;
    return *may || rp_replay_say(db, r,
                                 rp_str_fmt(a, "waits: %.*s: %.*s", RP_FMT(p->plan.refused->check),
                                            RP_FMT(p->plan.refused->says)),
                                 err);
}

static bool start(struct rp_db *db, int64_t now_us, const struct rp_replay_parked *p,
                  struct rp_err *err)
{
    struct rp_replay r = replay_of(rp_db_config(db), &p->ask, &p->plan);
    return rp_replay_unpark(db, p->id, &r, now_us, err) &&
           record_counts(db, p->id, &r, &p->plan, now_us, err) &&
           rp_replay_set_state(db, p->id, RP_REPLAY_RUNNING, RP_STR("engine"), p->ask.reason,
                               now_us, err);
}

bool rp_replay_parked_make(struct rp_db *db, int64_t now_us, struct rp_arena *a,
                           struct rp_replay_parked *p, bool *again, struct rp_err *err)
{
    struct rp_replay r;
    bool may = true;
    *again = false;
    if (!rp_replay_get(db, p->id, a, &r, err))
        return false;
    if (r.state != RP_REPLAY_PLANNED || !r.parked) /* somebody ended it meanwhile */
        return true;
    if (p->made == 0 && !may_start(db, &r, now_us, a, p, &may, err))
        return false;
    if (!may)
        return true;
    if (!add_part(db, &p->ask, p->id, &p->plan, p->part, &p->made, again, err))
        return false;
    return *again || start(db, now_us, p, err);
}
