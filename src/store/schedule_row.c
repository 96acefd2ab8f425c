/* Rows of schedule and occurrence, as the firing reads and writes them. */
#include "store/rows.h"
#include "store/schedules_internal.h"

#define DUE_COLUMNS                                                                                \
    "id, name, next_at, anchor_at, last_at, paused_at, paused_by, paused_why,"                     \
    " gap_to, gap_at, gap_verdict, gap_job, gap_n, gap_why"

static void read_due(struct rp_db *db, struct rp_stmt *s, struct rp_arena *a, struct due *d)
{
    *d = (struct due){
        .db = db,
        .arena = a,
        .id = rp_col_i64(s, 0),
        .name = rp_col_str(s, 1, a),
        .next_us = rp_col_i64(s, 2),
        .anchor_us = rp_col_i64(s, 3),
        .last_us = rp_col_i64(s, 4),
        .paused_us = rp_col_i64(s, 5),
        .paused_by = rp_col_str(s, 6, a),
        .paused_why = rp_col_str(s, 7, a),
        .gap = {.to_us = rp_col_i64(s, 8),
                .at_us = rp_col_i64(s, 9),
                .verdict = (enum rp_verdict)rp_col_i64(s, 10),
                .job = rp_col_i64(s, 11),
                .n = rp_col_i64(s, 12),
                .why = rp_col_str(s, 13, a)},
    };
}

static bool in_force(struct due *d, struct rp_err *err)
{
    const struct rp_config *c = rp_db_config(d->db);
    d->conf = c != NULL ? rp_config_schedule(c, d->name) : NULL;
    return d->conf != NULL ||
           rp_fail(err, RP_E_NOT_FOUND, "schedule %.*s is not in the configuration in force",
                   RP_FMT(d->name));
}

bool rp_due_list(struct rp_db *db, int64_t until_us, int64_t max, struct rp_arena *a,
                 struct due **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " DUE_COLUMNS " from schedule"
                                   " where active = 1 and next_at <= ?1 order by next_at limit ?2");
    rp_bind_i64(s, 1, until_us);
    rp_bind_i64(s, 2, max);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_due(db, s, a, &(*out)[*n]);
        if (!in_force(&(*out)[*n], err))
            return false;
    }
    return step == RP_STEP_DONE;
}

static bool read_named(struct rp_db *db, struct rp_str name, struct rp_arena *a, struct due *out,
                       struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select " DUE_COLUMNS " from schedule where name = ?1 and active = 1");
    rp_bind_text(s, 1, name);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent(err, "schedule", name, "reprise schedules");
    read_due(db, s, a, out);
    rp_reset(s);
    return true;
}

bool rp_due_get(struct rp_db *db, struct rp_str name, struct rp_arena *a, struct due *out,
                struct rp_err *err)
{
    return read_named(db, name, a, out, err) && in_force(out, err);
}

bool rp_due_of(struct rp_db *db, const struct rp_schedule *conf, struct rp_arena *a,
               struct due *out, struct rp_err *err)
{
    if (!read_named(db, conf->name, a, out, err))
        return false;
    out->conf = conf;
    return true;
}

bool rp_due_write(const struct due *d, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(d->db, "update schedule set next_at = ?2, anchor_at = ?3, last_at = ?4, gap_to = ?5,"
                      " gap_at = ?6, gap_verdict = ?7, gap_job = ?8, gap_n = ?9, gap_why = ?10"
                      " where id = ?1");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, d->next_us);
    rp_bind_i64(s, 3, d->anchor_us);
    rp_bind_id(s, 4, d->last_us);
    rp_bind_i64(s, 5, d->gap.to_us);
    rp_bind_id(s, 6, d->gap.at_us);
    rp_bind_id(s, 7, d->gap.verdict);
    rp_bind_id(s, 8, d->gap.job);
    rp_bind_id(s, 9, d->gap.n);
    rp_bind_text(s, 10, d->gap.why);
    rp_db_changed(d->db, RP_CHANGED_SCHEDULES);
    return rp_run(s, err);
}

bool rp_verdict_exists(const struct due *d, int64_t instant_us, bool *out, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(d->db, "select 1 from occurrence where schedule_id = ?1 and instant = ?2");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, instant_us);
    int64_t found;
    bool ok = rp_get_i64(s, 0, &found, err);
    *out = ok && found != 0;
    return ok;
}

bool rp_verdict_write(const struct due *d, int64_t instant_us, const struct decision *v,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        d->db, "insert into occurrence(schedule_id, instant, verdict, job_id, decided_at, why)"
               " values(?1, ?2, ?3, ?4, ?5, ?6)");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, instant_us);
    rp_bind_i64(s, 3, v->verdict);
    rp_bind_id(s, 4, v->job);
    rp_bind_i64(s, 5, d->now_us);
    rp_bind_text(s, 6, v->why);
    return rp_run(s, err);
}
