/* Which jobs a purge is about: the selection of a replay, over jobs of every state. */
#include "store/purges.h"
#include "store/replays_internal.h"

/* ?1 states as bits (0: all), ?2 type, ?3 queue, ?4 schedule, ?5 class, ?6 pattern, ?7 replay, ?8
 * since, ?9 until, ?10 key, ?11 id. */
#define PURGEABLE(leading)                                                                         \
    "select j.id, j.state, j.last_n, coalesce(j.ended_at, j.created_at),"                          \
    " exists(select 1 from replay_item i join replay r on r.id = i.replay_id"                      \
    "  where i.job_id = j.id and r.ended_at is null), j.purged > 0,"                               \
    " (select count(*) from attempt a where a.job_id = j.id),"                                     \
    " (select count(*) from output o where o.job_id = j.id), j.labels, j.payload,"                 \
    " exists(select 1 from hold h where h.job_id = j.id)"                                          \
    " from job j" RP_PATTERN_OF_JOB " where " leading                                              \
    " and (?1 = 0 or (?1 >> j.state) & 1) and (?2 is null or +j.type_id = ?2)"                     \
    " and (?3 is null or +j.queue_id = ?3) and (?4 is null or +j.schedule_id = ?4)"                \
    " and (?5 is null or coalesce(p.class_by_person, j.error_class) = ?5)"                         \
    " and (?6 is null or p.id = ?6 or " RP_PATTERN_OUTER(                                          \
        "p") " = ?6) and (?7 is null or +j.replay_id = ?7)"                                        \
             " and coalesce(j.ended_at, j.created_at) >= ?8 and coalesce(j.ended_at, "             \
             "j.created_at) < ?9"                                                                  \
             " and (?10 is null or j.key = ?10) and (?11 is null or +j.id = ?11) order by j.id"

static const char by_id[] = PURGEABLE("j.id = ?11");
static const char by_pattern[] = PURGEABLE("j.pattern_id = ?6");
static const char by_patterns[] = PURGEABLE("j.pattern_id in " RP_PATTERN_ALL("?6"));
static const char by_replay[] = PURGEABLE("j.replay_id = ?7");
static const char by_type[] = PURGEABLE("j.type_id = ?2");
static const char by_all[] = PURGEABLE("j.id > 0");

static struct rp_stmt *ask(struct rp_db *db, const struct rp_job_filter *f,
                           const struct rp_filter_ids *ids, int64_t job)
{
    const char *sql = job != 0            ? by_id
                      : ids->patterns     ? by_patterns
                      : ids->pattern != 0 ? by_pattern
                      : f->replay_id != 0 ? by_replay
                      : ids->type != 0    ? by_type
                                          : by_all;
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_i64(s, 1, f->states);
    rp_bind_id(s, 2, ids->type);
    rp_bind_id(s, 3, ids->queue);
    rp_bind_id(s, 4, ids->schedule);
    rp_bind_text(s, 5, f->error_class);
    rp_bind_id(s, 6, ids->pattern);
    rp_bind_id(s, 7, f->replay_id);
    rp_bind_i64(s, 8, f->since_us);
    rp_bind_i64(s, 9, f->until_us > 0 ? f->until_us : INT64_MAX);
    rp_bind_text(s, 10, f->key);
    rp_bind_id(s, 11, job);
    return s;
}

typedef bool take_fn(void *ctx, const struct rp_purge_candidate *c, struct rp_err *err);

static bool each(struct rp_stmt *s, const struct rp_job_filter *f, take_fn *take, void *ctx,
                 struct rp_err *err)
{
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW) {
        struct rp_purge_candidate c = {
            .job_id = rp_col_i64(s, 0),
            .state = (enum rp_state)rp_col_i64(s, 1),
            .last_n = rp_col_i64(s, 2),
            .ended_us = rp_col_i64(s, 3),
            .in_replay = rp_col_i64(s, 4) != 0,
            .freed = rp_col_i64(s, 5) != 0,
            .attempts = rp_col_i64(s, 6),
            .outputs = rp_col_i64(s, 7),
            .held = rp_col_i64(s, 10) != 0,
        };
        if (f->n_where > 0 && !rp_filter_where(f, rp_col_view(s, 8), rp_col_view(s, 9)))
            continue;
        if (!take(ctx, &c, err)) {
            rp_reset(s);
            return false;
        }
    }
    return step == RP_STEP_DONE;
}

static bool there(struct rp_db *db, int64_t id, struct rp_err *err)
{
    struct rp_job_row j;
    return rp_job_load(db, id, &j, err);
}

bool rp_purge_each(struct rp_db *db, const struct rp_job_filter *f, const int64_t *ids,
                   size_t n_ids, take_fn *take, void *ctx, struct rp_err *err)
{
    struct rp_filter_ids lead = {0};
    if (!rp_filter_names(db, f, &lead, err))
        return false;
    for (size_t i = 0; i < n_ids; i++)
        if (!there(db, ids[i], err) || !each(ask(db, f, &lead, ids[i]), f, take, ctx, err))
            return false;
    return n_ids > 0 || each(ask(db, f, &lead, 0), f, take, ctx, err);
}

bool rp_purge_still(struct rp_db *db, int64_t job_id, enum rp_state state, int64_t last_n,
                    bool *still, struct rp_err *err)
{
    int64_t n;
    struct rp_stmt *s =
        rp_sql(db, "select count(*) from job where id = ?1 and state = ?2 and last_n = ?3");
    rp_bind_i64(s, 1, job_id);
    rp_bind_i64(s, 2, state);
    rp_bind_i64(s, 3, last_n);
    if (!rp_get_i64(s, 0, &n, err))
        return false;
    *still = n == 1;
    return true;
}
