/* What people see of schedules and do to them. */
#include "store/schedules.h"

#include "base/time.h"
#include "store/registry.h"
#include "store/rows.h"
#include "store/schedules_internal.h"

const char *rp_verdict_name(enum rp_verdict v)
{
    switch (v) {
#define X(sym, no, name)                                                                           \
    case sym:                                                                                      \
        return name;
        RP_VERDICTS(X)
#undef X
    case RP_VERDICT_NONE:
        break;
    }
    return "expected";
}

/* ---- reading ---- */

/* ?1: a day before now, ?2: a name, or null for all. Late and over the limit count as missed. */
static const char select_schedules[] =
    "select c.id, c.type_id, c.name, t.name, c.expr, c.zone, c.active, c.next_at, c.last_at,"
    " c.paused_at, c.paused_by, j.id, j.state,"
    " (select count(*) from occurrence o where o.schedule_id = c.id and o.instant > ?1"
    "  and o.verdict in (4, 6, 7))"
    " from schedule c join job_type t on t.id = c.type_id"
    " left join job j on j.id = (select max(l.id) from job l where l.schedule_id = c.id)"
    " where ?2 is null or c.name = ?2 order by c.name limit 10000";

static void read_schedule(struct rp_stmt *s, struct rp_arena *a, struct rp_schedule_row *c)
{
    *c = (struct rp_schedule_row){
        .id = rp_col_i64(s, 0),
        .type_id = rp_col_i64(s, 1),
        .name = rp_col_str(s, 2, a),
        .type = rp_col_str(s, 3, a),
        .expr = rp_col_str(s, 4, a),
        .zone = rp_col_str(s, 5, a),
        .active = rp_col_i64(s, 6) != 0,
        .next_us = rp_col_i64(s, 7),
        .last_us = rp_col_i64(s, 8),
        .paused_us = rp_col_i64(s, 9),
        .paused_by = rp_col_str(s, 10, a),
        .last_job = rp_col_i64(s, 11),
        .last_state = (enum rp_state)rp_col_i64(s, 12),
        .missed_24h = rp_col_i64(s, 13),
    };
}

static struct rp_stmt *select_of(struct rp_db *db, struct rp_str name, int64_t now_us)
{
    struct rp_stmt *s = rp_sql(db, select_schedules);
    rp_bind_i64(s, 1, now_us - RP_US_DAY);
    rp_bind_text(s, 2, name);
    return s;
}

bool rp_schedules_list(struct rp_db *db, int64_t now_us, struct rp_arena *a,
                       struct rp_schedule_row **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = select_of(db, RP_NONE, now_us);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_schedule(s, a, &(*out)[*n]);
    }
    return step == RP_STEP_DONE;
}

static bool no_schedule(struct rp_str name, struct rp_err *err)
{
    return rp_absent(err, "schedule", name, "reprise schedules");
}

bool rp_schedule_get(struct rp_db *db, struct rp_str name, int64_t now_us, struct rp_arena *a,
                     struct rp_schedule_row *out, struct rp_err *err)
{
    struct rp_stmt *s = select_of(db, name.p != NULL ? name : RP_STR(""), now_us);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && no_schedule(name, err);
    read_schedule(s, a, out);
    rp_reset(s);
    return true;
}

/* ---- the clock was set ---- */

/* Forward: what lies between gets its verdict from the firing, piece by piece. Back: the expected
 * instants start anew; those that a wrong clock had skipped are taken back, what fired stays. */
static bool forward(struct due *d, int64_t from_us, struct rp_err *err)
{
    char from[RP_STAMP_LEN], to[RP_STAMP_LEN];
    d->gap = (struct gap){
        .to_us = d->now_us,
        .at_us = d->now_us,
        .verdict = RP_VERDICT_CLOCK,
        .why = rp_str_fmt(d->arena, "the clock was set from %s to %s", rp_stamp(from_us, from),
                          rp_stamp(d->now_us, to)),
    };
    return rp_due_write(d, err);
}

static bool back(struct due *d, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(d->db, "delete from occurrence where schedule_id = ?1"
                                      " and instant > ?2 and verdict = 8");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, d->now_us);
    if (!rp_run(s, err))
        return false;
    d->gap = (struct gap){0};
    d->anchor_us = d->now_us;
    d->next_us = rp_cron_next(&d->conf->cron, d->conf->tz, d->now_us, d->anchor_us);
    return rp_due_write(d, err);
}

bool rp_schedules_clock_set(struct rp_db *db, int64_t from_us, int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct due *due;
    size_t n;
    bool set_back = now_us < from_us;
    bool ok = rp_due_list(db, set_back ? INT64_MAX : now_us, INT64_MAX, &a, &due, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        due[i].now_us = now_us;
        ok = set_back ? back(&due[i], err) : forward(&due[i], from_us, err);
    }
    rp_arena_free(&a);
    return ok;
}

/* ---- @reboot ---- */

static bool reboot(struct due *d, struct rp_err *err)
{
    struct decision v;
    struct firing f = {.instant_us = d->now_us,
                       .due_us = d->now_us + rp_schedule_jitter(d->conf, d->now_us)};
    bool decided;
    if (!rp_verdict_exists(d, d->now_us, &decided, err) || decided)
        return decided;
    if (d->paused_us != 0)
        v = (struct decision){.verdict = RP_VERDICT_PAUSED,
                              .why = rp_str_fmt(d->arena, "paused by %.*s", RP_FMT(d->paused_by))};
    else if (!rp_overlap_settle(d, &v, err) ||
             (v.verdict == RP_VERDICT_FIRED && !rp_schedule_make_job(d, &f, &v.job, err)))
        return false;
    d->last_us = d->now_us;
    return rp_verdict_write(d, d->now_us, &v, err) && rp_due_write(d, err);
}

static bool reboot_one(struct rp_db *db, const struct rp_schedule *conf, int64_t now_us,
                       struct rp_err *err)
{
    struct rp_arena a = {0};
    struct due due;
    bool ok = rp_due_of(db, conf, &a, &due, err);
    due.now_us = now_us;
    ok = ok && reboot(&due, err);
    rp_arena_free(&a);
    return ok;
}

bool rp_schedules_reboot(struct rp_db *db, int64_t now_us, struct rp_err *err)
{
    const struct rp_config *c = rp_db_config(db);
    for (size_t i = 0; c != NULL && i < c->n_schedules; i++)
        if (c->schedules[i].cron.reboot && !reboot_one(db, &c->schedules[i], now_us, err))
            return false;
    return true;
}

/* ---- by hand ---- */

static bool refuse_overlap(const struct due *d, const struct decision *v, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_REFUSED, "schedule %.*s: %.*s", RP_FMT(d->name), RP_FMT(v->why));
    return rp_hint(err, "wait for it, or ask for a run beside it with --overlap");
}

static bool run_by_hand(struct due *d, bool overlap_anyway, int64_t *job, struct rp_err *err)
{
    struct decision v = {.verdict = RP_VERDICT_FIRED};
    struct firing f = {.instant_us = d->now_us, .manual = true, .beside = overlap_anyway};
    if (!overlap_anyway && !rp_overlap_settle(d, &v, err))
        return false;
    if (v.verdict == RP_VERDICT_OVERLAP)
        return refuse_overlap(d, &v, err);
    *job = v.job;
    return v.verdict == RP_VERDICT_MERGED || rp_schedule_make_job(d, &f, job, err);
}

static bool audit(struct rp_db *db, struct rp_arena *a, struct rp_str actor, const char *action,
                  struct rp_str name, struct rp_str detail, int64_t now_us, struct rp_err *err)
{
    return rp_audit(db, actor, action, rp_str_fmt(a, "schedule %.*s", RP_FMT(name)), "REVERSIBLE",
                    detail, now_us, err);
}

bool rp_schedule_run(struct rp_db *db, struct rp_str name, struct rp_str actor, bool overlap_anyway,
                     int64_t now_us, int64_t *job, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct due d;
    bool ok = rp_due_get(db, name, &a, &d, err);
    d.now_us = now_us;
    ok = ok && run_by_hand(&d, overlap_anyway, job, err) &&
         audit(db, &a, actor, "schedule.run", name,
               rp_str_fmt(&a, "{\"job\":\"%lld\"}", (long long)*job), now_us, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- pause ---- */

static bool write_pause(const struct due *d, int64_t at_us, struct rp_str by, struct rp_str why,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        d->db, "update schedule set paused_at = ?2, paused_by = ?3, paused_why = ?4 where id = ?1");
    rp_bind_i64(s, 1, d->id);
    rp_bind_id(s, 2, at_us);
    rp_bind_text(s, 3, by);
    rp_bind_text(s, 4, why);
    return rp_run(s, err);
}

/* Instants that came while it was paused and have no verdict yet must not fire now. */
static bool resume(struct due *d, int64_t now_us, struct rp_err *err)
{
    char from[RP_STAMP_LEN], to[RP_STAMP_LEN];
    if (d->next_us > now_us || d->next_us < d->paused_us)
        return true;
    d->gap = (struct gap){
        .to_us = now_us,
        .at_us = now_us,
        .verdict = RP_VERDICT_PAUSED,
        .why = rp_str_fmt(d->arena, "paused by %.*s from %s to %s", RP_FMT(d->paused_by),
                          rp_stamp(d->paused_us, from), rp_stamp(now_us, to)),
    };
    return rp_due_write(d, err);
}

/* Pausing what is paused, or resuming what is not, changes nothing and is no intervention. */
static bool set_pause(struct due *d, bool pause, struct rp_str actor, struct rp_str reason,
                      int64_t now_us, struct rp_err *err)
{
    if ((d->paused_us != 0) == pause)
        return true;
    rp_db_changed(d->db, RP_CHANGED_SCHEDULES);
    return (pause || resume(d, now_us, err)) &&
           write_pause(d, pause ? now_us : 0, pause ? actor : RP_NONE, pause ? reason : RP_NONE,
                       err) &&
           audit(d->db, d->arena, actor, pause ? "schedule.pause" : "schedule.resume", d->name,
                 rp_detail(d->arena, reason, RP_NONE, RP_NONE), now_us, err);
}

bool rp_schedule_pause(struct rp_db *db, struct rp_str name, bool pause, struct rp_str actor,
                       struct rp_str reason, int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct due d;
    bool ok = rp_due_get(db, name, &a, &d, err) && set_pause(&d, pause, actor, reason, now_us, err);
    rp_arena_free(&a);
    return ok;
}
