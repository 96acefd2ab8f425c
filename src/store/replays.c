/* Replays as records: made, moved from state to state, read. Their run is in replay_run.c. */
#include "store/replays.h"

#include "base/time.h"
#include "store/registry.h"
#include "store/replays_internal.h"
#include "store/rows.h"

const char *rp_replay_state_name(enum rp_replay_state s)
{
    switch (s) {
#define X(sym, no, name)                                                                           \
    case sym:                                                                                      \
        return name;
        RP_REPLAY_STATES(X)
#undef X
    }
    return "none";
}

bool rp_fate_of_name(struct rp_str name, enum rp_fate *out)
{
    for (int f = RP_FATE_WAITING; f <= RP_FATE_UNKNOWN; f++)
        if (rp_str_is(name, rp_fate_name((enum rp_fate)f))) {
            *out = (enum rp_fate)f;
            return true;
        }
    return false;
}

const char *rp_fate_name(enum rp_fate f)
{
    switch (f) {
#define X(sym, no, name)                                                                           \
    case sym:                                                                                      \
        return name;
        RP_FATES(X)
#undef X
    }
    return "none";
}

const char *rp_replay_kind_name(enum rp_replay_kind k)
{
    switch (k) {
#define X(sym, no, name)                                                                           \
    case sym:                                                                                      \
        return name;
        RP_REPLAY_KINDS(X)
#undef X
    }
    return "none";
}

bool rp_replay_over(enum rp_replay_state s)
{
    return s == RP_REPLAY_DONE || s == RP_REPLAY_ABORTED || s == RP_REPLAY_UNDONE;
}

bool rp_replay_audit(struct rp_db *db, struct rp_str actor, const char *action, int64_t id,
                     struct rp_str reason, struct rp_str before, struct rp_str after,
                     int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    bool ok = rp_audit(db, actor, action, rp_str_fmt(&a, "replay %lld", (long long)id),
                       "REVERSIBLE", rp_detail(&a, reason, before, after), now_us, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- making one ---- */

bool rp_replay_insert(struct rp_db *db, const struct rp_replay *in, int64_t now_us, int64_t *id,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "insert into replay(state, selection, actor, reason, plan_hash, canary, wave_max, rate,"
            " matched, left_out, created_at, retries, payload_set, kind, compensates)"
            " values(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    rp_bind_text(s, 1, in->selection.p != NULL ? in->selection : RP_STR("{}"));
    rp_bind_text(s, 2, in->actor.p != NULL ? in->actor : RP_STR("unknown"));
    rp_bind_text(s, 3, in->reason);
    rp_bind_text(s, 4, in->plan_hash.p != NULL ? in->plan_hash : RP_STR(""));
    rp_bind_i64(s, 5, in->canary);
    rp_bind_i64(s, 6, in->wave_max);
    rp_bind_f64(s, 7, in->rate_per_s);
    rp_bind_i64(s, 8, in->matched);
    rp_bind_i64(s, 9, in->left_out);
    rp_bind_i64(s, 10, now_us);
    rp_bind_i64(s, 11, in->retries);
    rp_bind_text(s, 12, in->payload_set);
    rp_bind_i64(s, 13, in->kind);
    rp_bind_id(s, 14, in->compensates);
    if (!rp_run(s, err))
        return false;
    *id = rp_last_id(db);
    return true;
}

bool rp_replay_add(struct rp_db *db, int64_t id, const struct rp_candidate *items,
                   const struct rp_given *given, size_t n, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_replay r = {.id = 0};
    bool ok = rp_replay_get(db, id, &a, &r, err);
    if (ok && r.state != RP_REPLAY_PLANNED)
        ok = rp_fail(err, RP_E_BAD_STATE, "replay R%lld is %s: its items are settled",
                     (long long)id, rp_replay_state_name(r.state));
    ok = ok && rp_replay_freeze(db, id, r.n[0], items, given, n, err);
    rp_arena_free(&a);
    return ok;
}

bool rp_replay_create(struct rp_db *db, const struct rp_replay *in,
                      const struct rp_candidate *items, size_t n, int64_t now_us, int64_t *id,
                      struct rp_err *err)
{
    if (!rp_replay_insert(db, in, now_us, id, err) ||
        !rp_replay_test_begin(db, *id, &in->rule, err) ||
        !rp_replay_freeze(db, *id, 0, items, NULL, n, err))
        return false;
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    struct rp_arena a = {0};
    bool ok = rp_audit(db, in->actor, "replay.start", rp_str_fmt(&a, "replay %lld", (long long)*id),
                       in->irreversible ? "IRREVERSIBLE" : "REVERSIBLE",
                       rp_detail(&a, in->reason, RP_NONE, in->plan_hash), now_us, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- its record ---- */

static bool record_count(struct rp_stmt *s, int64_t id, const struct rp_replay_count *c,
                         struct rp_err *err)
{
    rp_bind_i64(s, 1, id);
    rp_bind_text(s, 2, c->name);
    rp_bind_i64(s, 3, c->n);
    return rp_run(s, err);
}

/* Each guard that was gone past has its own record, with who and why (rule 10, 24). */
static bool record_forced(struct rp_db *db, int64_t id, const struct rp_replay *in,
                          const struct rp_replay_count *c, int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_str what =
        c->n > 0 ? rp_str_fmt(&a, "%.*s: %lld jobs taken along", RP_FMT(c->name), (long long)c->n)
                 : rp_str_fmt(&a, "%.*s: not heeded", RP_FMT(c->name));
    struct rp_stmt *s =
        rp_sql(db, "insert into replay_forced(replay_id, name, n) values(?1, ?2, ?3)");
    bool ok =
        record_count(s, id, c, err) && rp_replay_audit(db, in->actor, "replay.override", id,
                                                       in->reason, RP_NONE, what, now_us, err);
    rp_arena_free(&a);
    return ok;
}

bool rp_replay_record(struct rp_db *db, int64_t id, const struct rp_replay *in,
                      const struct rp_replay_count *left_out, size_t n_left_out,
                      const struct rp_replay_count *forced, size_t n_forced, int64_t now_us,
                      struct rp_err *err)
{
    for (size_t i = 0; i < n_left_out; i++)
        if (!record_count(rp_sql(db, "insert into replay_left_out(replay_id, name, n)"
                                     " values(?1, ?2, ?3)"),
                          id, &left_out[i], err))
            return false;
    for (size_t i = 0; i < n_forced; i++)
        if (!record_forced(db, id, in, &forced[i], now_us, err))
            return false;
    return true;
}

bool rp_replay_leave_out(struct rp_db *db, int64_t id, struct rp_str reason, struct rp_err *err)
{
    struct rp_replay_count one = {reason, 1};
    if (!record_count(rp_sql(db, "insert into replay_left_out(replay_id, name, n) values(?1, ?2,"
                                 " ?3) on conflict do update set n = n + excluded.n"),
                      id, &one, err))
        return false;
    struct rp_stmt *s = rp_sql(db, "update replay set left_out = left_out + 1 where id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_run(s, err);
}

bool rp_replay_plan_find(struct rp_db *db, struct rp_str hash, int64_t now_us, struct rp_arena *a,
                         struct rp_str *detail, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select detail from audit where action = 'replay.plan' and"
                                   " object = 'plan ' || ?1 and at > ?2 order by id desc limit 1");
    rp_bind_text(s, 1, hash);
    rp_bind_i64(s, 2, now_us - RP_US_H);
    enum rp_step step = rp_step(s, err);
    *detail = step == RP_STEP_ROW ? rp_col_str(s, 0, a) : RP_NONE;
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

/* ---- states ---- */

#define BIT(s) (1u << (s))

/* From which states a replay may go to this one, and what the trail calls it. `undone`: see
 * rp_replay_undo. */
static const struct {
    unsigned from;
    const char *action;
    bool stops; /* what has not started goes back to waiting */
} steps[] = {
    [RP_REPLAY_RUNNING] = {BIT(RP_REPLAY_PLANNED) | BIT(RP_REPLAY_PAUSED) | BIT(RP_REPLAY_HALTED),
                           "replay.run", false},
    [RP_REPLAY_PAUSED] = {BIT(RP_REPLAY_RUNNING), "replay.pause", true},
    [RP_REPLAY_HALTED] = {BIT(RP_REPLAY_RUNNING), "replay.halt", true},
    [RP_REPLAY_DONE] = {BIT(RP_REPLAY_RUNNING), "replay.end", false},
    [RP_REPLAY_ABORTED] = {BIT(RP_REPLAY_PLANNED) | BIT(RP_REPLAY_RUNNING) | BIT(RP_REPLAY_PAUSED) |
                               BIT(RP_REPLAY_HALTED),
                           "replay.abort", true},
    [RP_REPLAY_UNDONE] = {0, "replay.undo", true},
};

static bool step_allowed(const struct rp_replay *r, enum rp_replay_state to, struct rp_err *err)
{
    if ((steps[to].from & BIT(r->state)) == 0)
        return rp_fail(err, RP_E_BAD_STATE, "replay R%lld is %s and cannot become %s",
                       (long long)r->id, rp_replay_state_name(r->state), rp_replay_state_name(to));
    int64_t open = r->n[RP_FATE_WAITING] + r->n[RP_FATE_RELEASED];
    return to != RP_REPLAY_DONE || open == 0 ||
           rp_fail(err, RP_E_BAD_STATE, "replay R%lld is not done: %lld items are open",
                   (long long)r->id, (long long)open);
}

bool rp_replay_write_state(struct rp_db *db, int64_t id, enum rp_replay_state to,
                           struct rp_str says, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "update replay set state = ?2, says = ?3,"
                   " started_at = coalesce(started_at, iif(?2 = 2, ?4, null)), kept_at = 0, "
                   "ended_at = iif(?5 and"
                   " not exists(select 1 from replay_item where replay_id = ?1 and fate in (1, 2)"
                   "  and fate = 2), ?4, null) where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, to);
    rp_bind_text(s, 3, says);
    rp_bind_i64(s, 4, now_us);
    rp_bind_i64(s, 5, rp_replay_over(to));
    rp_db_changed(db, RP_CHANGED_REPLAYS);
    return rp_run(s, err) && rp_replay_sums_anew(db, id, err) &&
           (to != RP_REPLAY_RUNNING || rp_replay_rates_begin(db, id, now_us, err));
}

struct rp_replay_from rp_replay_progress(const struct rp_replay *r)
{
    const int64_t *n = r->n;
    int64_t failed = n[RP_FATE_FAILED_SAME] + n[RP_FATE_FAILED_NEW] + n[RP_FATE_UNKNOWN];
    return (struct rp_replay_from){.wave = r->wave,
                                   .out = n[0] - n[RP_FATE_WAITING] - n[RP_FATE_SKIPPED],
                                   .ended = n[RP_FATE_SUCCEEDED] + failed,
                                   .failed = failed};
}

bool rp_replay_looks_write(struct rp_db *db, const struct rp_replay *r, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay set from_at = ?2, from_done = ?3, kept_at = ?4,"
                                   " kept_done = ?5 where id = ?1");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, r->looks.from_us);
    rp_bind_i64(s, 3, r->looks.from);
    rp_bind_i64(s, 4, r->looks.kept_us);
    rp_bind_i64(s, 5, r->looks.kept);
    return rp_run(s, err);
}

bool rp_replay_pace(struct rp_db *db, int64_t id, int64_t free_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update replay set free_at = ?2 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, free_us);
    return rp_run(s, err);
}

/* What halted goes on with a new canary (rule 15); what was paused goes on where it was. */
static bool begin_anew(struct rp_db *db, const struct rp_replay *r, enum rp_replay_state to,
                       struct rp_err *err)
{
    if (r->state != RP_REPLAY_HALTED || to != RP_REPLAY_RUNNING)
        return true;
    struct rp_replay_from at = rp_replay_progress(r);
    struct rp_stmt *s = rp_sql(db, "update replay set from_wave = ?2, from_out = ?3,"
                                   " from_ended = ?4, from_failed = ?5 where id = ?1");
    rp_bind_i64(s, 1, r->id);
    rp_bind_i64(s, 2, at.wave);
    rp_bind_i64(s, 3, at.out);
    rp_bind_i64(s, 4, at.ended);
    rp_bind_i64(s, 5, at.failed);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "delete from replay_beside where replay_id = ?1");
    rp_bind_i64(s, 1, r->id);
    return rp_run(s, err);
}

bool rp_replay_set_state(struct rp_db *db, int64_t id, enum rp_replay_state to, struct rp_str actor,
                         struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_replay r = {0};
    int64_t recalled;
    bool ok = rp_replay_get(db, id, &a, &r, err) && step_allowed(&r, to, err) &&
              (!steps[to].stops || rp_replay_recall(db, id, now_us, &recalled, err)) &&
              begin_anew(db, &r, to, err) &&
              rp_replay_write_state(db, id, to, reason, now_us, err) &&
              rp_replay_audit(db, actor, steps[to].action, id, reason,
                              rp_str_of(rp_replay_state_name(r.state)),
                              rp_str_of(rp_replay_state_name(to)), now_us, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- reading ---- */

#define REPLAY_COLUMNS                                                                             \
    "id, state, selection, actor, reason, says, plan_hash, canary, wave_max, rate, created_at,"    \
    " started_at, ended_at, matched, left_out, wave, free_at, from_wave, from_out, from_ended,"    \
    " from_failed, t.baseline, t.p0, t.alpha,"                                                     \
    " (select json_group_object(name, n) from replay_left_out where replay_id = id),"              \
    " (select json_group_object(name, n) from replay_forced where replay_id = id having"           \
    "  count(*) > 0), p.kind, p.name, p.at, p.expires_at,"                                         \
    " retries, payload_set, replay.kind, compensates,"                                             \
    " (select max(c.id) from replay c where c.compensates = replay.id and c.compensates is not "   \
    "null), from_at, from_done, kept_at, kept_done"
#define REPLAYS                                                                                    \
    "replay left join replay_test t on t.replay_id = id left join replay_parked p on"              \
    " p.replay_id = id and p.released_at is null"

static void read_replay(struct rp_stmt *s, struct rp_arena *a, struct rp_replay *r)
{
    *r = (struct rp_replay){
        .id = rp_col_i64(s, 0),
        .state = (enum rp_replay_state)rp_col_i64(s, 1),
        .selection = rp_col_str(s, 2, a),
        .actor = rp_col_str(s, 3, a),
        .reason = rp_col_str(s, 4, a),
        .says = rp_col_str(s, 5, a),
        .plan_hash = rp_col_str(s, 6, a),
        .canary = rp_col_i64(s, 7),
        .wave_max = rp_col_i64(s, 8),
        .rate_per_s = rp_col_f64(s, 9),
        .created_us = rp_col_i64(s, 10),
        .started_us = rp_col_i64(s, 11),
        .ended_us = rp_col_i64(s, 12),
        .matched = rp_col_i64(s, 13),
        .left_out = rp_col_i64(s, 14),
        .wave = rp_col_i64(s, 15),
        .free_us = rp_col_i64(s, 16),
        .from = {rp_col_i64(s, 17), rp_col_i64(s, 18), rp_col_i64(s, 19), rp_col_i64(s, 20)},
        .rule = {rp_col_f64(s, 21), rp_col_f64(s, 22), rp_col_f64(s, 23)},
        .left_out_by = rp_col_str(s, 24, a),
        .forced = rp_col_str(s, 25, a),
        .parked = !rp_col_null(s, 26),
        .park = {(enum rp_park_kind)rp_col_i64(s, 26), rp_col_str(s, 27, a), rp_col_i64(s, 28),
                 rp_col_i64(s, 29)},
        .retries = rp_col_i64(s, 30),
        .payload_set = rp_col_str(s, 31, a),
        .kind = (enum rp_replay_kind)rp_col_i64(s, 32),
        .compensates = rp_col_i64(s, 33),
        .compensated_by = rp_col_i64(s, 34),
        .looks = {rp_col_i64(s, 35), rp_col_i64(s, 36), rp_col_i64(s, 37), rp_col_i64(s, 38)},
    };
}

static bool count_fates(struct rp_db *db, struct rp_replay *r, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select fate, sum(n) from replay_tally where replay_id = ?1"
                                   " group by fate");
    rp_bind_i64(s, 1, r->id);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        int64_t fate = rp_col_i64(s, 0);
        if (fate > 0 && fate < (int64_t)(sizeof r->n / sizeof *r->n))
            r->n[0] += r->n[fate] = rp_col_i64(s, 1);
    }
    return step == RP_STEP_DONE;
}

bool rp_replay_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_replay *out,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " REPLAY_COLUMNS " from " REPLAYS " where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "replay R", id, "reprise replay list");
    read_replay(s, a, out);
    rp_reset(s);
    return count_fates(db, out, err);
}

static const char select_plan[] =
    "select " REPLAY_COLUMNS " from " REPLAYS " where plan_hash = ?2 order by id desc limit ?1";
static const char select_live[] =
    "select " REPLAY_COLUMNS " from " REPLAYS " where ended_at is null order by id limit ?1";
static const char select_all[] =
    "select " REPLAY_COLUMNS " from " REPLAYS " order by id desc limit ?1";

static bool read_list(struct rp_db *db, struct rp_stmt *s, int limit, struct rp_arena *a,
                      struct rp_replay **out, size_t *n, struct rp_err *err)
{
    rp_bind_i64(s, 1, limit > 0 && limit < 1000 ? limit : 1000);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_replay(s, a, &(*out)[*n]);
    }
    for (size_t i = 0; step == RP_STEP_DONE && i < *n; i++)
        if (!count_fates(db, &(*out)[i], err))
            return false;
    return step == RP_STEP_DONE;
}

bool rp_replays_list(struct rp_db *db, bool live_only, int limit, struct rp_arena *a,
                     struct rp_replay **out, size_t *n, struct rp_err *err)
{
    return read_list(db, rp_sql(db, live_only ? select_live : select_all), limit, a, out, n, err);
}

static bool read_ids(struct rp_stmt *s, int64_t after, int64_t *ids, size_t max, size_t *n,
                     struct rp_err *err)
{
    rp_bind_i64(s, 1, after);
    rp_bind_i64(s, 2, (int64_t)max);
    enum rp_step step;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW;)
        ids[(*n)++] = rp_col_i64(s, 0);
    return step == RP_STEP_DONE;
}

bool rp_replays_moving(struct rp_db *db, int64_t after, int64_t *ids, size_t max, size_t *n,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select id from replay where ended_at is null and id > ?1 and (state not in (3, 4)"
            " or exists(select 1 from replay_tally t where t.replay_id = id and t.fate = 2"
            "  and t.n > 0)) order by id limit ?2");
    return read_ids(s, after, ids, max, n, err);
}

bool rp_replays_placed(struct rp_db *db, int64_t after, int64_t *ids, size_t max, size_t *n,
                       struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select id from replay where ended_at is null and id > ?1 and state in (1, 2)"
                   " and kind <> 1 and not exists(select 1 from replay_parked p where"
                   "  p.replay_id = id and p.released_at is null) order by id limit ?2");
    return read_ids(s, after, ids, max, n, err);
}

bool rp_replays_of_plan(struct rp_db *db, struct rp_str hash, int limit, struct rp_arena *a,
                        struct rp_replay **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, select_plan);
    rp_bind_text(s, 2, hash);
    return read_list(db, s, limit, a, out, n, err);
}

bool rp_replay_items(struct rp_db *db, int64_t id, int64_t after_seq, unsigned fates, int limit,
                     struct rp_arena *a, struct rp_replay_item **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select i.seq, i.job_id, i.wave, i.fate, t.name, "
                                   "i.why, " RP_PATTERN_NOW("i.pattern_before") ", " RP_PATTERN_NOW(
                                       "i.pattern_after") ", i.n_before, (select max(a.n) from "
                                                          "attempt a where a.job_id ="
                                                          "  i.job_id and a.n > i.n_before and "
                                                          "a.replay_id = i.replay_id), i.risk, "
                                                          "i.key, i.changed"
                                                          " from replay_item i join job_type t"
                                                          " on t.id = i.type_id where i.replay_id "
                                                          "= ?1 and i.seq > ?2 and i.seq <= ?4"
                                                          " and ?5 >> i.fate & 1"
                                                          " order by i.seq limit ?3");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, after_seq);
    rp_bind_i64(s, 3, limit > 0 && limit < 10000 ? limit : 10000);
    rp_bind_i64(s, 4, fates == 0 ? INT64_MAX : after_seq + RP_REPLAY_LOOKED);
    rp_bind_i64(s, 5, fates == 0 ? INT64_MAX : fates);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_replay_item){
            .seq = rp_col_i64(s, 0),
            .job_id = rp_col_i64(s, 1),
            .wave = rp_col_i64(s, 2),
            .fate = (enum rp_fate)rp_col_i64(s, 3),
            .type = rp_col_str(s, 4, a),
            .why = rp_col_str(s, 5, a),
            .pattern_before = rp_col_i64(s, 6),
            .pattern_after = rp_col_i64(s, 7),
            .repairs = rp_col_i64(s, 8),
            .attempt = rp_col_i64(s, 9),
            .risk = (int)rp_col_i64(s, 10),
            .key = rp_col_str(s, 11, a),
            .changed = rp_col_str(s, 12, a),
        };
    }
    return step == RP_STEP_DONE;
}

bool rp_replay_not_undone(const struct rp_replay *r, struct rp_err *err)
{
    return r->state != RP_REPLAY_UNDONE ||
           rp_fail(err, RP_E_BAD_STATE, "replay R%lld is undone already", (long long)r->id);
}
