/* Compensations: jobs that take back what the items of a replay did (rule 21). They are made when
 * their replay is, as cancelled ones that never ran, and are what that replay then runs. */
#include "store/registry.h"
#include "store/replays_internal.h"
#include "store/rows.h"

static struct rp_ran read_ran(struct rp_stmt *s, struct rp_arena *a)
{
    return (struct rp_ran){
        .job_id = rp_col_i64(s, 0),
        .type = rp_col_str(s, 1, a),
        .attempt = rp_col_i64(s, 2),
        .fate = (enum rp_fate)rp_col_i64(s, 3),
        .sequence = rp_col_str(s, 4, a),
        .again = rp_col_i64(s, 5) != 0,
        .compensated = rp_col_i64(s, 6) != 0,
        .payload_purged = rp_col_i64(s, 7) != 0,
    };
}

/* Compensation c took back what it is for, or may still: unless its job k never ran and nothing is
 * left to run it, nor is a replay being made that shall. One that is gone counts as done. */
#define TAKES_BACK                                                                                 \
    "(k.id is null or k.last_n > 0 or k.state <> 7 or exists(select 1 from replay_item o"          \
    "  join replay r on r.id = o.replay_id where o.job_id = k.id and o.fate in (1, 2) and"         \
    "  r.state in (1, 2, 3, 4)) or exists(select 1 from replay r where r.id = c.made_for and"      \
    "  r.state = 1))"
#define COMPENSATED                                                                                \
    "exists(select 1 from compensation c left join job k on k.id = c.job_id where"                 \
    "  c.of_job = x.job_id and c.of_replay = ?1 and " TAKES_BACK ")"

/* `item`: where items are found; of replay ?1. */
#define RAN(item)                                                                                  \
    "select x.job_id, type, made, fate, sequence, last_n > made, " COMPENSATED ", purged from"     \
    " (select i.job_id, t.name type, i.fate, i.sequence, j.last_n, i.n_before,"                    \
    "  i.payload is null and (j.purged > 0 or exists(select 1 from replay where id = ?1"           \
    "  and payload_set is not null)) purged,"                                                      \
    "  (select max(a.n) from attempt a where"                                                      \
    "  a.job_id = i.job_id and a.n > i.n_before and a.replay_id = i.replay_id) made"               \
    "  from replay_item i " item " join job j on j.id = i.job_id join job_type t on"               \
    "  t.id = i.type_id where i.replay_id = ?1"
#define HAS_BEGUN ") x where made is not null or fate = 2 and last_n > n_before"

bool rp_replay_ran(struct rp_db *db, int64_t id, struct rp_arena *a, struct rp_ran **out, size_t *n,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, RAN("") HAS_BEGUN " order by x.job_id desc");
    rp_bind_i64(s, 1, id);
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        (*out)[*n] = read_ran(s, a);
    }
    return step == RP_STEP_DONE;
}

bool rp_replay_ran_job(struct rp_db *db, int64_t id, int64_t job_id, struct rp_arena *a,
                       struct rp_ran *out, bool *there, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, RAN("indexed by replay_item_job") " and i.job_id = ?2" HAS_BEGUN);
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, job_id);
    enum rp_step step = rp_step(s, err);
    *there = step == RP_STEP_ROW;
    if (*there)
        *out = read_ran(s, a);
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

/* ---- made ---- */

/* What the attempt was given: payload, key; the job's labels. */
static bool of_attempt(struct rp_db *db, int64_t job_id, int64_t replay_id, struct rp_arena *a,
                       struct rp_job_new *job, struct rp_str *key, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select coalesce(i.payload, j.payload), j.labels, coalesce(i.key, j.key),"
                   " j.priority from replay_item i join job j on j.id = i.job_id"
                   " where i.job_id = ?1 and i.replay_id = ?2");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, replay_id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "job ", job_id, "reprise jobs");
    job->payload = rp_col_null(s, 0) ? RP_NONE : rp_col_str(s, 0, a);
    job->labels = rp_col_null(s, 1) ? RP_NONE : rp_col_str(s, 1, a);
    *key = rp_col_null(s, 2) ? RP_NONE : rp_col_str(s, 2, a);
    job->priority = rp_col_i64(s, 3);
    rp_reset(s);
    return true;
}

static bool record(struct rp_db *db, int64_t id, const struct rp_compensates *of, int64_t made_for,
                   struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into compensation(job_id, of_job, of_n, of_replay, of_key, made_for)"
                   " values(?1, ?2, ?3, ?4, ?5, ?6)");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, of->job_id);
    rp_bind_i64(s, 3, of->attempt);
    rp_bind_i64(s, 4, of->replay_id);
    rp_bind_text(s, 5, of->key);
    rp_bind_i64(s, 6, made_for);
    return rp_run(s, err);
}

static bool make(struct rp_db *db, const struct rp_type *type, struct rp_compensates *of,
                 int64_t made_for, int64_t now_us, struct rp_arena *a, int64_t *id,
                 struct rp_err *err)
{
    struct rp_job_new in = {.max_attempts = 1, .due_us = now_us + 1, .created_us = now_us};
    struct rp_job_row job;
    struct rp_move never = {.now_us = now_us};
    struct rp_name *name;
    if (!of_attempt(db, of->job_id, of->replay_id, a, &in, &of->key, err) ||
        !rp_type_make(db, type->name, now_us, &name, err) ||
        !rp_queue_make(db, type->queue.n > 0 ? type->queue : RP_STR("default"), &in.queue_id, err))
        return false;
    in.type_id = name->id;
    if (!rp_job_insert(db, &in, now_us, &job, err) ||
        !rp_job_apply(db, &job, RP_EV_CANCEL, &never, err))
        return false;
    *id = job.id;
    return record(db, job.id, of, made_for, err);
}

bool rp_compensation_make(struct rp_db *db, const struct rp_type *type,
                          const struct rp_compensates *of, int64_t made_for, int64_t now_us,
                          int64_t *id, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_compensates it = *of;
    bool ok = make(db, type, &it, made_for, now_us, &a, id, err);
    rp_arena_free(&a);
    return ok;
}

/* ---- read ---- */

bool rp_job_compensates(struct rp_db *db, int64_t id, struct rp_arena *a,
                        struct rp_compensates *out, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select of_job, of_n, of_replay, of_key from compensation where job_id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    *out = (struct rp_compensates){0};
    if (step == RP_STEP_ROW) {
        *out = (struct rp_compensates){rp_col_i64(s, 0), rp_col_i64(s, 1), rp_col_i64(s, 2),
                                       rp_col_null(s, 3) ? RP_NONE : rp_col_str(s, 3, a)};
        rp_reset(s);
    }
    return step != RP_STEP_ERROR;
}

bool rp_compensation_rival(struct rp_db *db, int64_t id, int64_t *rival, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select c.job_id from compensation own join compensation c on c.of_job = own.of_job and"
            "  c.of_replay = own.of_replay and c.job_id <> own.job_id left join job k on"
            "  k.id = c.job_id where own.job_id = ?1 and " TAKES_BACK " limit 1");
    rp_bind_i64(s, 1, id);
    return rp_get_i64(s, 0, rival, err);
}
