/* What a plan is made of: failed jobs, and what is known about running them again (rules 1 to 3).
 */
#include "base/json.h"
#include "store/internal.h"
#include "store/replays_internal.h"
#include "store/rows.h"

#include <stdio.h>

/* ---- the question ---- one statement for each index that may lead; all other parts of the filter
 * are open when null. */

/* Conditions of the filter: ?1 states with unknown, ?2 type, ?3 queue, ?4 schedule, ?5 class, ?6
 * pattern, ?7 replay, ?8 since, ?9 until, ?10 key, ?11 id. */
#define CANDIDATES(leading)                                                                        \
    "select j.id, j.type_id, j.pattern_id, j.last_n, j.ended_at, j.state, t.name, j.key,"          \
    " coalesce(p.class_by_person, j.error_class), p.action, p.grp, j.poison,"                      \
    " j.key is not null and exists(select 1 from job l where l.type_id = j.type_id"                \
    "  and l.key = j.key and l.key is not null and l.id > j.id and l.state = 5),"                  \
    " exists(select 1 from replay_item i join replay r on r.id = i.replay_id"                      \
    "  where i.job_id = j.id and i.fate in (1, 2) and r.state in (1, 2, 3, 4)),"                   \
    " t.configured = 0, a.output_bytes > 0, j.labels, j.payload,"                                  \
    " exists(select 1 from deploy d where d.type_id = j.type_id and d.at > j.ended_at),"           \
    " j.purged > 0"                                                                                \
    " from job j join job_type t on t.id = j.type_id left join pattern p on p.id = j.pattern_id"   \
    " left join attempt a on a.job_id = j.id and a.n = j.last_n where " leading                    \
    " and j.state in (6, 8) and (?1 or j.state = 6) and (?2 is null or +j.type_id = ?2)"           \
    " and (?3 is null or +j.queue_id = ?3) and (?4 is null or +j.schedule_id = ?4)"                \
    " and (?5 is null or coalesce(p.class_by_person, j.error_class) = ?5)"                         \
    " and (?6 is null or +j.pattern_id = ?6) and (?7 is null or +j.replay_id = ?7)"                \
    " and +j.ended_at >= ?8 and +j.ended_at < ?9 and (?10 is null or j.key = ?10)"                 \
    " and (?11 is null or +j.id = ?11) order by j.id"

static const char by_id[] = CANDIDATES("j.id = ?11");
static const char by_pattern[] = CANDIDATES("j.pattern_id = ?6");
static const char by_replay[] = CANDIDATES("j.replay_id = ?7");
static const char by_type[] = CANDIDATES("j.type_id = ?2 and j.ended_at >= ?8 and j.ended_at < ?9");
static const char by_time[] = CANDIDATES("j.ended_at >= ?8 and j.ended_at < ?9");

static struct rp_stmt *ask(struct rp_db *db, const struct rp_job_filter *f,
                           const struct rp_filter_ids *ids)
{
    const char *sql = ids->job != 0        ? by_id
                      : f->pattern_id != 0 ? by_pattern
                      : f->replay_id != 0  ? by_replay
                      : ids->type != 0     ? by_type
                                           : by_time;
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_i64(s, 1, ids->job != 0 || (f->states & 1u << RP_UNKNOWN) != 0);
    rp_bind_id(s, 2, ids->type);
    rp_bind_id(s, 3, ids->queue);
    rp_bind_id(s, 4, ids->schedule);
    rp_bind_text(s, 5, f->error_class);
    rp_bind_id(s, 6, f->pattern_id);
    rp_bind_id(s, 7, f->replay_id);
    rp_bind_i64(s, 8, f->since_us);
    rp_bind_i64(s, 9, f->until_us > 0 ? f->until_us : INT64_MAX);
    rp_bind_text(s, 10, f->key);
    rp_bind_id(s, 11, ids->job);
    return s;
}

/* ---- labels ---- */

/* A member of an object, absent: there is none. A string as its content, anything else as its text.
 */
static struct rp_str member(struct rp_str object, struct rp_str name, struct rp_arena *a)
{
    struct rp_json r;
    struct rp_str key, value;
    rp_json_open(&r, object, a);
    if (rp_json_peek(&r) != RP_JSON_OBJECT || !rp_json_object(&r))
        return RP_NONE;
    while (rp_json_member(&r, &key)) {
        bool string = rp_json_peek(&r) == RP_JSON_STRING;
        if (!(string ? rp_json_str(&r, &value) : rp_json_raw(&r, &value)))
            return RP_NONE;
        if (rp_str_eq(key, name))
            return value;
    }
    return RP_NONE;
}

static bool member_is(struct rp_str object, const struct rp_env *want, struct rp_arena *a)
{
    struct rp_str value = member(object, want->name, a);
    return value.p != NULL && rp_str_eq(value, want->value);
}

static struct rp_str sequence_of(struct rp_stmt *s, struct rp_arena *a)
{
    struct rp_arena own = {0};
    struct rp_str value =
        rp_col_null(s, 16) ? RP_NONE : member(rp_col_view(s, 16), RP_STR("sequence"), &own);
    value = value.p != NULL ? rp_str_dup(a, value) : value;
    rp_arena_free(&own);
    return value;
}

bool rp_filter_where(const struct rp_job_filter *f, struct rp_str labels, struct rp_str payload)
{
    struct rp_arena a = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < f->n_where; i++)
        ok = member_is(labels, &f->where[i], &a) || member_is(payload, &f->where[i], &a);
    rp_arena_free(&a);
    return ok;
}

/* ---- the answer ---- */

struct found {
    struct rp_candidate *v;
    size_t n, limit;
    struct rp_arena *a;
};

static struct rp_candidate read_candidate(struct rp_stmt *s, struct rp_arena *a)
{
    return (struct rp_candidate){
        .job_id = rp_col_i64(s, 0),
        .type_id = rp_col_i64(s, 1),
        .pattern_id = rp_col_i64(s, 2),
        .attempt = rp_col_i64(s, 3),
        .ended_us = rp_col_i64(s, 4),
        .state = (enum rp_state)rp_col_i64(s, 5),
        .type = rp_col_str(s, 6, a),
        .key = rp_col_str(s, 7, a),
        .error_class = rp_col_str(s, 8, a),
        .action = rp_col_str(s, 9, a),
        .group = rp_col_str(s, 10, a),
        .poison = rp_col_i64(s, 11) != 0,
        .superseded = rp_col_i64(s, 12) != 0,
        .in_replay = rp_col_i64(s, 13) != 0,
        .type_gone = rp_col_i64(s, 14) != 0,
        .started = rp_col_i64(s, 3) > 0,
        .has_output = rp_col_i64(s, 15) != 0,
        .deployed = rp_col_i64(s, 18) != 0,
        .payload_purged = rp_col_i64(s, 19) != 0,
        .sequence = sequence_of(s, a),
    };
}

static bool collect(struct rp_stmt *s, const struct rp_job_filter *f, struct found *out,
                    struct rp_err *err)
{
    enum rp_step step = RP_STEP_DONE;
    while (out->n < out->limit && (step = rp_step(s, err)) == RP_STEP_ROW) {
        if (!rp_filter_where(f, rp_col_view(s, 16), rp_col_view(s, 17)))
            continue;
        out->v = rp_rows_grow(out->a, out->v, out->n, sizeof *out->v);
        out->v[out->n++] = read_candidate(s, out->a);
    }
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

/* What is asked for by id must be there, and have failed: a success is never selected. */
static bool check_id(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_job_row j;
    if (!rp_job_load(db, id, &j, err))
        return false;
    return j.state == RP_FAILED || j.state == RP_UNKNOWN ||
           rp_fail(err, RP_E_BAD_STATE, "job %lld is %s: only failed jobs are replayed",
                   (long long)id, rp_state_name(j.state));
}

/* ---- names ---- */

static bool need_schedule(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from schedule where name = ?1");
    rp_bind_text(s, 1, name);
    return rp_get_i64(s, 0, id, err) &&
           (*id > 0 || rp_absent(err, "schedule", name, "reprise schedules"));
}

static bool need_number(struct rp_stmt *s, const char *what, int64_t number, const char *lists,
                        struct rp_err *err)
{
    int64_t id;
    rp_bind_i64(s, 1, number);
    return rp_get_i64(s, 0, &id, err) && (id > 0 || rp_absent_id(err, what, number, lists));
}

bool rp_filter_names(struct rp_db *db, const struct rp_job_filter *f, struct rp_filter_ids *ids,
                     struct rp_err *err)
{
    return (f->type.p == NULL || rp_type_need(db, f->type, &ids->type, err)) &&
           (f->queue.p == NULL || rp_queue_need(db, f->queue, &ids->queue, err)) &&
           (f->schedule.p == NULL || need_schedule(db, f->schedule, &ids->schedule, err)) &&
           (f->pattern_id == 0 ||
            need_number(rp_sql(db, "select id from pattern where id = ?1"), "pattern P",
                        f->pattern_id, "reprise patterns", err)) &&
           (f->replay_id == 0 || need_number(rp_sql(db, "select id from replay where id = ?1"),
                                             "replay R", f->replay_id, "reprise replay list", err));
}

bool rp_replay_candidates(struct rp_db *db, const struct rp_job_filter *f, const int64_t *ids,
                          size_t n_ids, int64_t limit, struct rp_arena *a,
                          struct rp_candidate **out, size_t *n, struct rp_err *err)
{
    static const struct rp_job_filter open_filter;
    const struct rp_job_filter *by = f != NULL ? f : &open_filter;
    struct found found = {.limit = limit > 0 ? (size_t)limit : 0, .a = a};
    struct rp_filter_ids lead = {0};
    if (!rp_filter_names(db, by, &lead, err))
        return false;
    for (size_t i = 0; i < n_ids; i++) {
        lead.job = ids[i];
        if (!check_id(db, ids[i], err) || !collect(ask(db, by, &lead), by, &found, err))
            return false;
    }
    if (n_ids == 0 && !collect(ask(db, by, &lead), by, &found, err))
        return false;
    *out = found.v;
    *n = found.n;
    return true;
}
