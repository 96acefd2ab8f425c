/* Replays that wait for a dependency, a deploy or a time before they are planned (U10). */
#include "base/time.h"
#include "store/registry.h"
#include "store/replays_internal.h"
#include "store/rows.h"

static const int64_t try_every_us = 10 * RP_US_S;

static bool insert_parked(struct rp_db *db, int64_t id, const struct rp_replay_park *park,
                          struct rp_str request, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into replay_parked(replay_id, kind, name, at, expires_at,"
                   " request) values(?1, ?2, ?3, ?4, ?5, ?6)");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, park->kind);
    rp_bind_text(s, 3, park->name);
    rp_bind_id(s, 4, park->at_us);
    rp_bind_i64(s, 5, park->expires_us);
    rp_bind_text(s, 6, request);
    return rp_run(s, err);
}

bool rp_replay_park_create(struct rp_db *db, const struct rp_replay *in,
                           const struct rp_replay_park *park, struct rp_str request, int64_t now_us,
                           int64_t *id, struct rp_err *err)
{
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    return rp_replay_insert(db, in, now_us, id, err) &&
           rp_replay_test_begin(db, *id, &in->rule, err) &&
           insert_parked(db, *id, park, request, err) &&
           rp_replay_audit(db, in->actor, "replay.park", *id, in->reason, RP_NONE, request, now_us,
                           err);
}

/* ---- what it waits for ---- */

static bool dependency_up(struct rp_db *db, struct rp_str name, bool *met, struct rp_err *err)
{
    int64_t state;
    struct rp_stmt *s = rp_sql(db, "select state from dependency where name = ?1 and active = 1");
    rp_bind_text(s, 1, name);
    if (!rp_get_i64(s, RP_DEP_UNKNOWN, &state, err))
        return false;
    *met = state == RP_DEP_UP;
    return true;
}

static bool deployed(struct rp_db *db, struct rp_str type, int64_t since_us, bool *met,
                     struct rp_err *err)
{
    int64_t n;
    struct rp_stmt *s =
        rp_sql(db, "select count(*) from deploy d join job_type t on t.id = d.type_id"
                   " where t.name = ?1 and d.at > ?2");
    rp_bind_text(s, 1, type);
    rp_bind_i64(s, 2, since_us);
    if (!rp_get_i64(s, 0, &n, err))
        return false;
    *met = n > 0;
    return true;
}

bool rp_replay_park_met(struct rp_db *db, const struct rp_replay *r, int64_t now_us,
                        struct rp_arena *a, bool *met, struct rp_str *says, struct rp_err *err)
{
    char at[RP_STAMP_LEN];
    const struct rp_replay_park *park = &r->park;
    *met = true;
    *says = RP_NONE;
    if (now_us < park->at_us) {
        *met = false;
        *says = rp_str_fmt(a, "waits until %s", rp_stamp(park->at_us, at));
        return true;
    }
    if (park->kind == RP_PARK_DEPENDENCY && !dependency_up(db, park->name, met, err))
        return false;
    if (park->kind == RP_PARK_DEPLOY && !deployed(db, park->name, r->created_us, met, err))
        return false;
    if (!*met)
        *says = rp_str_fmt(a,
                           park->kind == RP_PARK_DEPENDENCY ? "waits for dependency %.*s to be up"
                                                            : "waits for a deploy of %.*s",
                           RP_FMT(park->name));
    return true;
}

bool rp_replay_park_try(struct rp_db *db, int64_t id, int64_t now_us, bool *due, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay_parked set tried_at = ?2 where replay_id = ?1 and"
                                   " released_at is null and not tried_at between ?2 - ?3 and ?2");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, now_us);
    rp_bind_i64(s, 3, try_every_us);
    if (!rp_run(s, err))
        return false;
    *due = rp_changes(db) > 0;
    return true;
}

/* ---- its plan ---- */

enum { CLEAR_A_CALL = 2000 };

bool rp_replay_park_clear(struct rp_db *db, int64_t id, bool *again, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "delete from replay_item where replay_id = ?1 and exists(select 1 from"
                   "  replay_parked where replay_id = ?1 and released_at is null) and seq in"
                   "  (select seq from replay_item where replay_id = ?1 order by seq limit ?2)");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, CLEAR_A_CALL);
    if (!rp_run(s, err))
        return false;
    *again = rp_changes(db) > 0;
    s = rp_sql(db, "delete from replay_tally where replay_id = ?1 and not exists(select 1 from"
                   " replay_item where replay_id = ?1)");
    rp_bind_i64(s, 1, id);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "delete from replay_queue where replay_id = ?1 and not exists(select 1 from"
                   " replay_item where replay_id = ?1)");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err);
}

bool rp_replay_park_request(struct rp_db *db, int64_t id, struct rp_arena *a,
                            struct rp_str *request, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select request from replay_parked where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    *request = step == RP_STEP_ROW ? rp_col_str(s, 0, a) : RP_NONE;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

/* ---- its end ---- */

static bool write_plan(struct rp_db *db, int64_t id, const struct rp_replay *in, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay set plan_hash = ?2, canary = ?3, wave_max = ?4,"
                                   " rate = ?5, matched = ?6, left_out = ?7, retries = ?8,"
                                   " payload_set = ?9 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, in->plan_hash);
    rp_bind_i64(s, 3, in->canary);
    rp_bind_i64(s, 4, in->wave_max);
    rp_bind_f64(s, 5, in->rate_per_s);
    rp_bind_i64(s, 6, in->matched);
    rp_bind_i64(s, 7, in->left_out);
    rp_bind_i64(s, 8, in->retries);
    rp_bind_text(s, 9, in->payload_set);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "delete from replay_test where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err) && rp_replay_test_begin(db, id, &in->rule, err);
}

bool rp_replay_unpark(struct rp_db *db, int64_t id, const struct rp_replay *in, int64_t now_us,
                      struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update replay_parked set released_at = ?2 where replay_id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, now_us);
    return rp_run(s, err) && write_plan(db, id, in, err) &&
           rp_replay_audit(db, in->actor, "replay.start", id, in->reason, RP_STR("parked"),
                           in->plan_hash, now_us, err);
}
