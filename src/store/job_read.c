/* One job: as it is, its attempts, its output. */
#include "store/replays_internal.h"
#include "store/rows.h"

static struct rp_str held_words(struct rp_arena *a, const struct rp_job *j,
                                enum rp_hold_phase phase)
{
    char since[RP_STAMP_LEN], until[RP_STAMP_LEN];
    if (phase == RP_HOLD_DOUBTED)
        return rp_str_fmt(a, "by %.*s until it is checked: the failure may be its fault",
                          RP_FMT(j->held_by));
    return rp_str_fmt(a, "by %.*s since %s, at most until %s", RP_FMT(j->held_by),
                      rp_stamp(j->held_since_us, since), rp_stamp(j->due_us, until));
}

bool rp_job_get(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_job *out,
                struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select " RP_JOB_ROW ", t.name, q.name, j.key, j.payload, j.labels, j.priority, "
            "j.error, j.error_class, " RP_PATTERN_NOW(
                "j.pattern_id") ", "
                                "j.instant, c.name, case when j.state not in (1, 2, 4) then null "
                                "when t.configured = 0 then 'type ' || t.name || ' is not "
                                "configured' when t.held is "
                                "not null then t.held "
                                "else coalesce((select 'dependency ' || n.dependency || ' is down' "
                                "from type_need n "
                                "join dependency d "
                                "on d.name = n.dependency where n.type_id = t.id and d.active = 1 "
                                "and d.state = 2 "
                                "order by n.dependency limit 1), "
                                "case when q.paused_at is not null then 'queue ' || q.name || ' is "
                                "paused' end) end, "
                                "h.dependency, h.since, h.phase from job j join job_type t on t.id "
                                "= j.type_id join "
                                "queue q on q.id = j.queue_id "
                                "left join schedule c on c.id = j.schedule_id left join hold h on "
                                "h.job_id = j.id and "
                                "h.phase < 2 where j.id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "job ", id, "reprise jobs");
    struct rp_job_row row = rp_job_row_read(s);
    int c = RP_JOB_ROW_N;
    *out = (struct rp_job){
        .id = id,
        .state = row.state,
        .attempts = row.attempts,
        .max_attempts = row.max_attempts,
        .last_n = row.last_n,
        .created_us = row.created_us,
        .due_us = row.due_us,
        .started_us = row.started_us,
        .ended_us = row.ended_us,
        .replay_id = row.replay_id,
        .poison = row.poison,
        .type = rp_col_str(s, c, a),
        .queue = rp_col_str(s, c + 1, a),
        .key = rp_col_str(s, c + 2, a),
        .payload = rp_col_str(s, c + 3, a),
        .labels = rp_col_str(s, c + 4, a),
        .priority = rp_col_i64(s, c + 5),
        .error = rp_col_str(s, c + 6, a),
        .error_class = rp_col_str(s, c + 7, a),
        .pattern_id = rp_col_i64(s, c + 8),
        .instant_us = rp_col_i64(s, c + 9),
        .schedule = rp_col_str(s, c + 10, a),
        .held = rp_col_str(s, c + 11, a),
        .held_by = rp_col_str(s, c + 12, a),
        .held_since_us = rp_col_i64(s, c + 13),
    };
    if (out->held_by.p != NULL)
        out->held = held_words(a, out, (enum rp_hold_phase)rp_col_i64(s, c + 14));
    rp_reset(s);
    return rp_job_compensates(db, id, a, &out->compensates, err);
}

bool rp_job_payload(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_str *out,
                    struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select payload from job where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "job ", id, "reprise jobs");
    *out = rp_col_null(s, 0) ? RP_NONE : rp_col_str(s, 0, a);
    rp_reset(s);
    return true;
}

struct rp_attempt rp_attempt_row(struct rp_stmt *s, int64_t id, struct rp_arena *a)
{
    return (struct rp_attempt){
        .job_id = id,
        .n = rp_col_i64(s, 0),
        .outcome = (enum rp_outcome)rp_col_i64(s, 1),
        .node = rp_col_str(s, 2, a),
        .worker = rp_col_str(s, 3, a),
        .started_us = rp_col_i64(s, 4),
        .ended_us = rp_col_i64(s, 5),
        .duration_us = rp_col_i64(s, 6),
        .has_exit = !rp_col_null(s, 7),
        .exit_code = rp_col_i64(s, 7),
        .signal = rp_col_i64(s, 8),
        .ended_by = rp_col_str(s, 9, a),
        .cpu_us = rp_col_i64(s, 10),
        .memory_peak = rp_col_i64(s, 11),
        .survivors = rp_col_str(s, 12, a),
        .error = rp_col_str(s, 13, a),
        .error_class = rp_col_str(s, 14, a),
        .rule = rp_col_str(s, 15, a),
        .contract = rp_col_str(s, 16, a),
        .pattern_id = rp_col_i64(s, 17),
        .replay_id = rp_col_i64(s, 18),
        .output_bytes = rp_col_i64(s, 19),
        .output_dropped = rp_col_i64(s, 20),
        .contract_bytes = rp_col_i64(s, 21),
        .held = rp_col_str(s, 22, a),
        .memory_limit = rp_col_i64(s, 23),
    };
}

static bool job_exists(struct rp_db *db, int64_t id, struct rp_err *err)
{
    int64_t there;
    struct rp_stmt *s = rp_sql(db, "select 1 from job where id = ?1");
    rp_bind_i64(s, 1, id);
    return rp_get_i64(s, 0, &there, err) &&
           (there != 0 || rp_absent_id(err, "job ", id, "reprise jobs"));
}

/* The newest ones, oldest of them first. */
bool rp_job_attempts(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_attempt **out,
                     size_t *n, struct rp_err *err)
{
    *n = 0;
    *out = NULL;
    if (!job_exists(db, id, err))
        return false;
    struct rp_stmt *s = rp_sql(
        db, "select t.*, i.wave, i.key from (select " RP_ATTEMPT_COLUMNS(
                "") " from attempt where job_id = ?1 union all select l.n, 0, l.node, l.worker, "
                    "l.started_at, null, null, null, null, null, null, null, null, null, null, "
                    "null, null, null, j.replay_id, l.output_bytes, null, null, null, null from "
                    "lease l join job j on j.id = l.job_id where l.job_id = ?1 order by n desc "
                    "limit ?2) t left join replay_item i on i.job_id = ?1 and i.replay_id = "
                    "t.replay_id order by t.n");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, RP_ATTEMPTS_LISTED);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        struct rp_attempt *attempt = &(*out)[(*n)++];
        *attempt = rp_attempt_row(s, id, a);
        attempt->wave = rp_col_i64(s, RP_ATTEMPT_COLUMNS_N);
        attempt->key = rp_col_str(s, RP_ATTEMPT_COLUMNS_N + 1, a);
    }
    return step == RP_STEP_DONE;
}

bool rp_job_output(struct rp_db *db, int64_t id, int64_t n, struct rp_arena *a,
                   struct rp_str *packed, struct rp_err *err)
{
    *packed = RP_NONE;
    if (!job_exists(db, id, err))
        return false;
    struct rp_stmt *s = rp_sql(
        db, "select o.packed from (select n from attempt where job_id = ?1 union all select n from "
            "lease where job_id = ?1) t left join output o on o.job_id = ?1 and o.n = t.n "
            "where ?2 = 0 or t.n = ?2 order by t.n desc limit 1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, n);
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_DONE && n != 0)
        return rp_fail(err, RP_E_NOT_FOUND, "job %lld has no attempt %lld", (long long)id,
                       (long long)n);
    if (step == RP_STEP_ROW) {
        *packed = rp_col_str(s, 0, a);
        rp_reset(s);
    }
    return step != RP_STEP_ERROR;
}
