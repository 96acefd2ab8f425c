#include "store/analysis.h"

#include "base/time.h"
#include "store/internal.h"
#include "store/rows.h"

#include <stdlib.h>

bool rp_type_id(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    *id = 0;
    return name.p == NULL || rp_type_need(db, name, id, err);
}

/* ---- minutes ---- */

/* Read by the hundred thousand, so each row does no more than it must: "between", since for a list
 * of more than two SQLite would look into a table of it at every row; the type only where one is
 * asked for. */
#define MINUTES                                                                                    \
    "select minute, type_id, queue_id, outcome, pattern_id, n from rollup"                         \
    " where minute >= ?1 and minute < ?2 and outcome between 1 and 4 and final = 1"

/* Which patterns are part of which, as pairs in order of the parts: asked once, not at each row. */
struct joined {
    int64_t (*pair)[2];
    size_t n;
};

static bool read_joined(struct rp_db *db, struct rp_arena *a, struct joined *j, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select id, joined from pattern where joined is not null order by id");
    enum rp_step step;
    for (*j = (struct joined){0}; (step = rp_step(s, err)) == RP_STEP_ROW; j->n++) {
        j->pair = rp_rows_grow(a, j->pair, j->n, sizeof *j->pair);
        j->pair[j->n][0] = rp_col_i64(s, 0);
        j->pair[j->n][1] = rp_col_i64(s, 1);
    }
    return step == RP_STEP_DONE;
}

static int by_part(const void *id, const void *pair)
{
    const int64_t *a = id, *b = pair;
    return (*a > *b) - (*a < *b);
}

static int64_t pattern_now(const struct joined *j, int64_t id)
{
    const int64_t *hit = j->n > 0 ? bsearch(&id, j->pair, j->n, sizeof *j->pair, by_part) : NULL;
    return hit != NULL ? hit[1] : id;
}

bool rp_minutes_each(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                     void (*each)(void *ctx, const struct rp_minute *m), void *ctx,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, type_id == 0 ? MINUTES " order by minute"
                                                : MINUTES " and +type_id = ?3 order by minute");
    rp_bind_i64(s, 1, since_us / RP_US_MIN);
    rp_bind_i64(s, 2, (until_us + RP_US_MIN - 1) / RP_US_MIN);
    if (type_id != 0)
        rp_bind_i64(s, 3, type_id);
    struct rp_arena a = {0};
    struct joined joined;
    enum rp_step step = read_joined(db, &a, &joined, err) ? RP_STEP_ROW : RP_STEP_ERROR;
    while (step == RP_STEP_ROW && (step = rp_step(s, err)) == RP_STEP_ROW)
        each(ctx, &(struct rp_minute){.minute = rp_col_i64(s, 0),
                                      .type_id = rp_col_i64(s, 1),
                                      .queue_id = rp_col_i64(s, 2),
                                      .failed = rp_col_i64(s, 3) != RP_OUT_SUCCEEDED,
                                      .pattern_id = pattern_now(&joined, rp_col_i64(s, 4)),
                                      .n = rp_col_i64(s, 5)});
    rp_arena_free(&a);
    return step == RP_STEP_DONE;
}

bool rp_successes_between(struct rp_db *db, int64_t type_id, int64_t from_us, int64_t to_us,
                          int64_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select sum(n) from rollup where minute >= ?1 and minute <= ?2"
                                   " and type_id = ?3 and final = 1 and outcome = 1");
    rp_bind_i64(s, 1, from_us / RP_US_MIN);
    rp_bind_i64(s, 2, to_us / RP_US_MIN);
    rp_bind_i64(s, 3, type_id);
    return rp_get_i64(s, 0, n, err);
}

/* ---- jobs that ended ---- */

#define ENDED                                                                                      \
    "select j.id, j.type_id, j.queue_id, " RP_PATTERN_NOW(                                         \
        "j.pattern_id") ", j.schedule_id, j.ended_at, a.node,"                                     \
                        " a.worker, j.labels from job j left join attempt a on a.job_id = j.id "   \
                        "and a.n = j.last_n"

void rp_ended_take(struct rp_stmt *s, bool failed, struct rp_arena *a, struct rp_ended_rows *rows)
{
    rows->v = rp_rows_grow(a, rows->v, rows->n, sizeof *rows->v);
    rows->v[rows->n++] = (struct rp_ended){.job_id = rp_col_i64(s, 0),
                                           .type_id = rp_col_i64(s, 1),
                                           .queue_id = rp_col_i64(s, 2),
                                           .pattern_id = rp_col_i64(s, 3),
                                           .schedule_id = rp_col_i64(s, 4),
                                           .ended_us = rp_col_i64(s, 5),
                                           .node = rp_col_str(s, 6, a),
                                           .worker = rp_col_str(s, 7, a),
                                           .labels = rp_col_str(s, 8, a),
                                           .failed = failed};
}

bool rp_ended_failed(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                     int64_t limit, struct rp_arena *a, struct rp_ended_rows *rows,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, ENDED " where j.state in (6, 8) and j.ended_at >= ?1"
                                         " and j.ended_at < ?2 and (?3 is null or +j.type_id = ?3)"
                                         " order by j.ended_at limit ?4");
    rp_bind_i64(s, 1, since_us);
    rp_bind_i64(s, 2, until_us);
    rp_bind_id(s, 3, type_id);
    rp_bind_i64(s, 4, limit);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        rp_ended_take(s, true, a, rows);
    return step == RP_STEP_DONE;
}

static bool take_one(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_ended_rows *rows,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, ENDED " where j.id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        rp_ended_take(s, true, a, rows);
    return step == RP_STEP_DONE;
}

bool rp_ended_failed_spread(struct rp_db *db, const struct rp_window *in, uint64_t take,
                            uint64_t of, struct rp_arena *a, struct rp_ended_rows *rows,
                            struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select id from job where state in (6, 8) and ended_at >= ?1 and ended_at < ?2"
                   " and (?3 is null or +type_id = ?3) order by ended_at");
    rp_bind_i64(s, 1, in->since_us);
    rp_bind_i64(s, 2, in->until_us);
    rp_bind_id(s, 3, in->type_id);
    enum rp_step step;
    bool ok = true;
    for (uint64_t i = 0; ok && (step = rp_step(s, err)) == RP_STEP_ROW; i++)
        if ((i + 1) * take / of > i * take / of)
            ok = take_one(db, rp_col_i64(s, 0), a, rows, err);
    if (!ok)
        rp_reset(s);
    return ok && step == RP_STEP_DONE;
}

/* The first id of the hour in which the window begins, and the last there is. */
static bool id_range(struct rp_db *db, int64_t since_us, int64_t *from, int64_t *to,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select max(first_id) from job_hour where hour <= ?1");
    rp_bind_i64(s, 1, since_us / RP_US_H);
    return rp_get_i64(s, 1, from, err) &&
           rp_get_i64(rp_sql(db, "select max(id) from job"), 0, to, err);
}

static bool all_succeeded(struct rp_db *db, int64_t from, int64_t since_us, int64_t until_us,
                          int64_t type_id, struct rp_arena *a, struct rp_ended_rows *rows,
                          struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, ENDED " where j.id >= ?1 and j.state = 5 and +j.ended_at >= ?2"
                                         " and +j.ended_at < ?3 and (?4 is null or +j.type_id = ?4)"
                                         " order by j.id");
    rp_bind_i64(s, 1, from);
    rp_bind_i64(s, 2, since_us);
    rp_bind_i64(s, 3, until_us);
    rp_bind_id(s, 4, type_id);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        rp_ended_take(s, false, a, rows);
    return step == RP_STEP_DONE;
}

bool rp_ended_succeeded(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                        int64_t limit, struct rp_arena *a, struct rp_ended_rows *rows, bool *all,
                        struct rp_err *err)
{
    int64_t from, to;
    if (!id_range(db, since_us, &from, &to, err))
        return false;
    *all = to - from < limit;
    if (*all)
        return all_succeeded(db, from, since_us, until_us, type_id, a, rows, err);
    for (int64_t i = 0; i < limit; i++) {
        struct rp_stmt *s = rp_sql(db, ENDED " where j.id = ?1 and j.state = 5");
        rp_bind_i64(s, 1, from + (int64_t)((double)(to - from) * ((double)i / (double)limit)));
        enum rp_step step = rp_step(s, err);
        if (step == RP_STEP_ERROR)
            return false;
        int64_t ended = step == RP_STEP_ROW ? rp_col_i64(s, 5) : INT64_MIN;
        if (ended >= since_us && ended < until_us && (type_id == 0 || rp_col_i64(s, 1) == type_id))
            rp_ended_take(s, false, a, rows);
        rp_reset(s);
    }
    return true;
}

/* ---- the first one ---- */

bool rp_first_failure(struct rp_db *db, int64_t pattern_id, int64_t from_us, int64_t to_us,
                      int64_t *us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select ended_at from job where state in (6, 8) and ended_at >= ?1"
                   " and ended_at < ?2 and (?3 is null or +pattern_id in " RP_PATTERN_ALL(
                       "?3") ")"
                             " order by ended_at limit 1");
    rp_bind_i64(s, 1, from_us);
    rp_bind_i64(s, 2, to_us);
    rp_bind_id(s, 3, pattern_id);
    return rp_get_i64(s, 0, us, err);
}

bool rp_payload_of(struct rp_db *db, int64_t job_id, struct rp_arena *a, struct rp_str *out,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select payload from job where id = ?1");
    rp_bind_i64(s, 1, job_id);
    enum rp_step step;
    for (*out = RP_NONE; (step = rp_step(s, err)) == RP_STEP_ROW;)
        *out = rp_col_null(s, 0) ? RP_NONE : rp_col_str(s, 0, a);
    return step == RP_STEP_DONE;
}

/* ---- names, events ---- */

bool rp_names(struct rp_db *db, enum rp_named what, struct rp_arena *a, struct rp_id_name **out,
              size_t *n, struct rp_err *err)
{
    static const char *const sql[] = {"select id, name from job_type order by id",
                                      "select id, name from queue order by id",
                                      "select id, name from schedule order by id"};
    struct rp_stmt *s = rp_sql(db, sql[what]);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_id_name){rp_col_i64(s, 0), rp_col_str(s, 1, a)};
    }
    return step == RP_STEP_DONE;
}

bool rp_needs_list(struct rp_db *db, struct rp_arena *a, struct rp_type_need_row **out, size_t *n,
                   struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select type_id, dependency from type_need order by dependency, type_id");
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_type_need_row){rp_col_i64(s, 0), rp_col_str(s, 1, a)};
    }
    return step == RP_STEP_DONE;
}

bool rp_dep_history(struct rp_db *db, int64_t until_us, struct rp_arena *a,
                    struct rp_dep_change **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select dependency, says, at, state from (select * from"
                                   " dependency_check where at < ?1 order by id desc limit 10000)"
                                   " order by id");
    rp_bind_i64(s, 1, until_us);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_dep_change){.dependency = rp_col_str(s, 0, a),
                                            .says = rp_col_str(s, 1, a),
                                            .at_us = rp_col_i64(s, 2),
                                            .down = rp_col_i64(s, 3) == 2};
    }
    return step == RP_STEP_DONE;
}

bool rp_events_between(struct rp_db *db, int64_t from_us, int64_t to_us, struct rp_arena *a,
                       struct rp_audit_event **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select at, actor, action, object from (select * from audit order by id desc"
                   " limit 1000) where at >= ?1 and at <= ?2 and (action like 'config%'"
                   " or action like 'deploy%' or action like 'type.%' or action like 'change%'"
                   " or action like 'queue.%' or action like 'schedule.%') order by at");
    rp_bind_i64(s, 1, from_us);
    rp_bind_i64(s, 2, to_us);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = (struct rp_audit_event){.at_us = rp_col_i64(s, 0),
                                             .actor = rp_col_str(s, 1, a),
                                             .action = rp_col_str(s, 2, a),
                                             .object = rp_col_str(s, 3, a)};
    }
    return step == RP_STEP_DONE;
}

bool rp_patterns_gone(struct rp_db *db, int64_t from_us, int64_t to_us, int64_t limit,
                      struct rp_arena *a, int64_t **out, size_t *n, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select coalesce(joined, id) from pattern where last_at >= ?1 "
                                   "group by 1 having max(last_at) < ?2"
                                   " order by sum(failures) desc, 1 limit ?3");
    rp_bind_i64(s, 1, from_us);
    rp_bind_i64(s, 2, to_us);
    rp_bind_i64(s, 3, limit);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = rp_col_i64(s, 0);
    }
    return step == RP_STEP_DONE;
}
