/* Parked replays: planned and started by the tick once what they wait for holds (U10). */
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

bool rp_replay_park(struct rp_db *db, const struct rp_config *config,
                    const struct rp_replay_ask *ask, struct rp_str request, int64_t now_us,
                    int64_t *id, struct rp_err *err)
{
    struct rp_replay_park park = ask->park;
    struct rp_replay r = {
        .selection = ask->selection_json, .actor = ask->actor, .reason = ask->reason};
    if (park.expires_us == 0)
        park.expires_us = (park.at_us > now_us ? park.at_us : now_us) + expires_us;
    if (park.expires_us <= park.at_us)
        return rp_fail(err, RP_E_BAD_FIELD, "it would expire before its time comes");
    return configured(config, &park, err) &&
           rp_replay_park_create(db, &r, &park, request, now_us, id, err);
}

/* ---- started ---- */

static bool end(struct step *s, struct rp_str why, struct rp_err *err)
{
    return rp_replay_set_state(s->db, s->r.id, RP_REPLAY_ABORTED, RP_STR("engine"), why, s->now_us,
                               err);
}

/* Times in it are as they were when it was asked for. */
static bool read_request(struct step *s, struct rp_str request, struct rp_replay_ask *ask,
                         struct rp_err *err)
{
    struct rp_json r;
    struct rp_str key;
    rp_json_open(&r, request, s->arena);
    r.max_items = RP_REPLAY_JOBS_MAX;
    (void)rp_json_object(&r);
    while (rp_json_member(&r, &key))
        (void)(rp_str_is(key, "select")  ? rp_replay_ask_select(&r, s->r.created_us, ask)
               : rp_str_is(key, "guard") ? rp_replay_ask_guard(&r, s->r.created_us, ask)
                                         : rp_json_skip(&r));
    ask->actor = s->r.actor;
    return rp_json_done(&r, err);
}

static bool run_plan(struct step *s, const struct rp_replay_ask *ask, const struct rp_plan *plan,
                     struct rp_err *err)
{
    struct rp_replay r = replay_of(rp_db_config(s->db), ask, plan);
    return rp_replay_unpark(s->db, s->r.id, &r, s->now_us, err) &&
           record_counts(s->db, s->r.id, &r, plan, s->now_us, err) &&
           add_items(s->db, ask, s->r.id, plan->items, plan->n, err) &&
           rp_replay_set_state(s->db, s->r.id, RP_REPLAY_RUNNING, RP_STR("engine"), ask->reason,
                               s->now_us, err);
}

/* Preflight as ever: what refuses is said, and tried again until it expires. What can never be
 * planned ends it. */
static bool plan_and_run(struct step *s, struct rp_str request, struct rp_err *err)
{
    struct rp_replay_ask ask = {.filter = {0}};
    struct rp_plan plan;
    struct rp_err wrong;
    const struct rp_config *config = rp_db_config(s->db);
    if (!read_request(s, request, &ask, &wrong) ||
        !rp_replay_plan(s->db, config, &ask, s->now_us, s->arena, &plan, &wrong) ||
        !plan_holds(s->db, &plan, &ask, s->now_us, s->arena, &wrong))
        return end(s, rp_str_of(wrong.message), err);
    if (plan.n == 0)
        return end(s,
                   rp_str_fmt(s->arena, "nothing was left to replay: %lld matched, all left out",
                              (long long)plan.matched),
                   err);
    if (plan.refused != NULL)
        return rp_replay_say(s->db, &s->r,
                             rp_str_fmt(s->arena, "waits: %.*s: %.*s", RP_FMT(plan.refused->check),
                                        RP_FMT(plan.refused->says)),
                             err);
    return run_plan(s, &ask, &plan, err);
}

bool park_step(struct step *s, struct rp_err *err)
{
    bool met, due;
    struct rp_str says, request;
    if (s->now_us >= s->r.park.expires_us)
        return end(s, RP_STR("it expired before what it waited for came true"), err);
    if (!rp_replay_park_met(s->db, &s->r, s->now_us, s->arena, &met, &says, err))
        return false;
    if (!met)
        return rp_replay_say(s->db, &s->r, says, err);
    if (!rp_replay_park_try(s->db, s->r.id, s->now_us, s->arena, &due, &request, err))
        return false;
    return !due || plan_and_run(s, request, err);
}
