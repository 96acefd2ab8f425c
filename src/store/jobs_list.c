/* Lists and counts of jobs.
 *
 * A filter is answered along the path that reads least: an index that holds what is asked for and
 * not much else. Live and failed jobs have their own partial indexes, so those lists do not depend
 * on how much history there is; a window of creation becomes a range of ids (job_hour). What the
 * path does not settle, the common filter does, row by row.
 *
 * A page of failed jobs must not cost more where many failed (U31): where there are many, they are
 * read by id, newest first, until the page is full; where there are few, all of the window are
 * read and sorted. The counts (tally) say which. */
#include "base/time.h"
#include "store/internal.h"

#include <stdlib.h>

/* However large the payloads are, a page of a list stays within bounds (G18). */
enum { PAGE_BYTES = 16 << 20 };
enum { FEW = 5000 }; /* rows that may be read and sorted for a page */
enum { LIST_MAX = 1000, WHERE_MAX = 4, GROUPS_MAX = 1000 };

/* Numbers of the parameters; 13 and on: pairs of name and value. */
enum {
    P_STATES = 1,
    P_TYPE,
    P_QUEUE,
    P_SCHEDULE,
    P_CLASS,
    P_PATTERN,
    P_REPLAY,
    P_SINCE,
    P_UNTIL,
    P_END_SINCE,
    P_END_UNTIL,
    P_KEY,
    P_WHERE,
    P_BELOW = P_WHERE + 2 * WHERE_MAX,
    P_FROM,
    P_LIMIT
};

#define MEMBER(json, name, value)                                                                  \
    "exists (select 1 from json_each(case when json_valid(" json ") then " json                    \
    " else '{}' end) e where e.key = " name                                                        \
    " and case e.type when 'true' then 'true' when 'false' then 'false' else cast(e.atom as "      \
    "text) end = " value ")"
#define WHERE(name, value)                                                                         \
    " and (" name " is null or " MEMBER("j.labels", name, value) " or " MEMBER(                    \
        "cast(j.payload as text)", name, value) ")"
#define COMMON                                                                                     \
    " and (?1 = 0 or (?1 >> j.state) & 1) and (?2 = 0 or j.type_id = ?2) and (?3 = 0 or "          \
    "j.queue_id = ?3)"                                                                             \
    " and (?4 = 0 or j.schedule_id = ?4) and (?5 is null or j.error_class = ?5) and (?6 = 0 or "   \
    "j.pattern_id in " RP_PATTERN_ALL(                                                             \
        "?6") ")"                                                                                  \
              " and (?7 = 0 or j.replay_id = ?7) and j.created_at >= ?8 and j.created_at < ?9"     \
              " and (?10 is null or j.ended_at >= ?10) and (?11 is null or j.ended_at < ?11) and " \
              "(?12 is "                                                                           \
              "null or j.key = ?12)"                                                               \
              " and j.id < ?21 and j.id >= ?22" WHERE("?13", "?14") WHERE("?15", "?16")            \
                  WHERE("?17", "?18") WHERE("?19", "?20")
/* First by the patterns that failures were born with, of which there are few, then by what these
 * are part of. */
#define GROUPS(from)                                                                               \
    "select g.type_id, coalesce(p.joined, p.id), g.error_class, sum(g.n), min(g.first), "          \
    "max(g.last), max(g.sample) from (select j.type_id, j.pattern_id, j.error_class, count(*) n, " \
    "min(j.ended_at) first, max(j.ended_at) last, max(j.id) sample from job j " from               \
    " group by 1, 2, 3) g left join pattern p on p.id = g.pattern_id group by 1, 2, 3 "            \
    "order by 4 desc, 7 desc limit ?23"
/* A failed job always has an end. */
#define ENDED                                                                                      \
    " and j.ended_at >= coalesce(?10, 0) and j.ended_at < coalesce(?11, 9223372036854775807)"

struct path {
    unsigned states; /* those that it can find; 0: all */
    const char *list, *count, *groups;
};
#define PATH(states, index, cond)                                                                  \
    {                                                                                              \
        states,                                                                                    \
            "select j.id from job j " index " where " cond COMMON " order by j.id desc limit ?23", \
            "select count(*) from job j " index " where " cond COMMON,                             \
            GROUPS(index " where " cond COMMON)                                                    \
    }

enum { BY_STATE = 5, PATHS_MAX = BY_STATE + 1 };
#define BIT(s)  (1u << (s))
#define RUNNING "j.state = 3 and j.id in (select job_id from lease)"
#define FAILED  (BIT(RP_FAILED) | BIT(RP_UNKNOWN))
static const struct path by_replay = PATH(0, "indexed by job_by_replay", "j.replay_id = ?7");
/* With nothing joined to it, the index has them in order. */
static const struct path by_pattern = PATH(0, "indexed by job_pattern", "j.pattern_id = ?6");
static const struct path by_patterns =
    PATH(0, "indexed by job_pattern", "j.pattern_id in " RP_PATTERN_ALL("?6"));
static const struct path by_key =
    PATH(0, "indexed by job_by_key",
         "j.key = ?12 and j.type_id in (select id from job_type where ?2 in (0, id))");
static const struct path by_schedule = PATH(0, "indexed by job_by_schedule", "j.schedule_id = ?4");
static const struct path by_type = PATH(0, "indexed by job_by_type", "j.type_id = ?2");
static const struct path by_id = PATH(0, "not indexed", "j.id >= ?22");
/* Without and with a type asked for. Together they find every state but succeeded. */
static const struct path by_state[2][BY_STATE] = {
    {PATH(BIT(RP_QUEUED), "indexed by job_ready", "j.state = 2"),
     PATH(BIT(RP_RUNNING), "not indexed", RUNNING),
     PATH(BIT(RP_SCHEDULED) | BIT(RP_RETRYING), "indexed by job_due", "j.state in (1, 4)"),
     PATH(FAILED, "indexed by job_failed_at", "j.state in (6, 8)" ENDED),
     PATH(BIT(RP_CANCELLED), "indexed by job_cancelled", "j.state = 7" ENDED)},
    {PATH(BIT(RP_QUEUED), "indexed by job_ready", "j.state = 2"),
     PATH(BIT(RP_RUNNING), "not indexed", RUNNING " and j.type_id = ?2"),
     PATH(BIT(RP_SCHEDULED) | BIT(RP_RETRYING), "indexed by job_due", "j.state in (1, 4)"),
     PATH(FAILED, "indexed by job_failed", "j.state in (6, 8) and j.type_id = ?2" ENDED),
     PATH(BIT(RP_CANCELLED), "indexed by job_cancelled", "j.state = 7" ENDED)},
};

/* For lists of many: those in question lie by id. */
#define UNRESOLVED "j.state in (6, 8) and j.state > 5"
static const struct path newest[2] = {
    PATH(BIT(RP_FAILED), "indexed by job_unresolved", UNRESOLVED " and j.state = 6" ENDED),
    PATH(BIT(RP_UNKNOWN), "indexed by job_unresolved", UNRESOLVED " and j.state = 8" ENDED),
};

/* ---- the filter in numbers ---- */

struct query {
    const struct rp_job_filter *f;
    unsigned states;
    int64_t type, queue, schedule, pattern;
    bool patterns;   /* `pattern` has parts */
    bool by_end;     /* the window is that of the end */
    int64_t from_id; /* lowest id that can match */
};

static bool need_schedule(struct rp_db *db, struct rp_str name, int64_t *id, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select id from schedule where name = ?1");
    rp_bind_text(s, 1, name);
    return rp_get_i64(s, 0, id, err) &&
           (*id != 0 || rp_absent(err, "schedule", name, "reprise schedules"));
}

/* Nothing was created before the lowest id of that hour and the later ones: whatever the clock did,
 * ids only rise. */
static bool lowest_id(struct rp_db *db, int64_t since_us, int64_t *id, struct rp_err *err)
{
    *id = 0;
    if (since_us <= 0)
        return true;
    struct rp_stmt *s = rp_sql(db, "select min(first_id) from job_hour where hour >= ?1");
    rp_bind_i64(s, 1, since_us / RP_US_H);
    return rp_get_i64(s, INT64_MAX, id, err);
}

static bool query_of(struct rp_db *db, const struct rp_job_filter *f, struct query *q,
                     struct rp_err *err)
{
    unsigned terminal = FAILED | BIT(RP_SUCCEEDED) | BIT(RP_CANCELLED);
    *q = (struct query){
        .f = f, .states = f->states, .by_end = f->states != 0 && (f->states & ~terminal) == 0};
    if (f->n_where > WHERE_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "where: at most %d conditions", WHERE_MAX);
    return (f->type.p == NULL || rp_type_need(db, f->type, &q->type, err)) &&
           (f->queue.p == NULL || rp_queue_need(db, f->queue, &q->queue, err)) &&
           (f->schedule.p == NULL || need_schedule(db, f->schedule, &q->schedule, err)) &&
           (f->pattern_id == 0 ||
            rp_pattern_need(db, f->pattern_id, &q->pattern, &q->patterns, err)) &&
           lowest_id(db, q->by_end ? 0 : f->since_us, &q->from_id, err);
}

static void bind_window(struct rp_stmt *s, const struct query *q)
{
    rp_bind_i64(s, P_SINCE, q->by_end ? 0 : q->f->since_us);
    rp_bind_i64(s, P_UNTIL, q->by_end || q->f->until_us == 0 ? INT64_MAX : q->f->until_us);
    rp_bind_id(s, P_END_SINCE, q->by_end ? q->f->since_us : 0);
    rp_bind_id(s, P_END_UNTIL, q->by_end ? q->f->until_us : 0);
}

static void bind_query(struct rp_stmt *s, const struct query *q, unsigned states, int64_t below_id)
{
    rp_bind_i64(s, P_STATES, states);
    rp_bind_i64(s, P_TYPE, q->type);
    rp_bind_i64(s, P_QUEUE, q->queue);
    rp_bind_i64(s, P_SCHEDULE, q->schedule);
    rp_bind_text(s, P_CLASS, q->f->error_class);
    rp_bind_i64(s, P_PATTERN, q->pattern);
    rp_bind_i64(s, P_REPLAY, q->f->replay_id);
    bind_window(s, q);
    rp_bind_text(s, P_KEY, q->f->key);
    for (size_t i = 0; i < q->f->n_where; i++) {
        rp_bind_text(s, P_WHERE + 2 * (int)i, q->f->where[i].name);
        rp_bind_text(s, P_WHERE + 2 * (int)i + 1, q->f->where[i].value);
    }
    rp_bind_i64(s, P_BELOW, below_id);
    rp_bind_i64(s, P_FROM, q->from_id);
}

/* ---- paths ---- */

static size_t choose(const struct query *q, const struct path *out[PATHS_MAX])
{
    size_t n = 0;
    const struct path *one = q->f->replay_id != 0                                 ? &by_replay
                             : q->patterns                                        ? &by_patterns
                             : q->pattern != 0                                    ? &by_pattern
                             : q->f->key.p != NULL                                ? &by_key
                             : q->schedule != 0                                   ? &by_schedule
                             : q->states != 0 && !(q->states & BIT(RP_SUCCEEDED)) ? NULL
                             : q->type != 0                                       ? &by_type
                                                                                  : &by_id;
    if (one != NULL)
        out[n++] = one;
    for (size_t i = 0; one == NULL && i < BY_STATE; i++)
        if (by_state[q->type != 0][i].states & q->states)
            out[n++] = &by_state[q->type != 0][i];
    return n;
}

/* Whether so many that ended in the window have failed or are unknown (whichever is asked for: they
 * share the index of the window) that they are not all to be read for a page. Rows of counts that
 * are no less than that are not all read either. */
static bool are_many(struct rp_db *db, const struct query *q, bool *many, struct rp_err *err)
{
    int64_t since = q->by_end ? q->f->since_us : 0, until = q->by_end ? q->f->until_us : 0;
    struct rp_stmt *s = rp_sql(db, "select n, hour from tally where state in (6, 8) and type_id in"
                                   " (select id from job_type where ?1 in (0, id))");
    rp_bind_i64(s, 1, q->type);
    int64_t n = 0, rows = 0;
    enum rp_step step = RP_STEP_DONE;
    while (n <= FEW && rows <= FEW && (step = rp_step(s, err)) == RP_STEP_ROW) {
        int64_t hour = rp_col_i64(s, 1);
        if (hour >= since / RP_US_H && (until == 0 || hour <= until / RP_US_H))
            n += rp_col_i64(s, 0);
        rows++;
    }
    rp_reset(s);
    *many = n > FEW || rows > FEW;
    return step != RP_STEP_ERROR;
}

/* As for counts, but where many failed. */
static bool choose_for_list(struct rp_db *db, const struct query *q,
                            const struct path *out[PATHS_MAX], size_t *paths, struct rp_err *err)
{
    bool many = false;
    size_t n = 0;
    *paths = choose(q, out);
    for (size_t i = 0; i < *paths; i++)
        if (out[i]->states == FAILED && !are_many(db, q, &many, err))
            return false;
    for (size_t i = 0; many && i < *paths; i++)
        if (out[i]->states != FAILED)
            out[n++] = out[i];
    for (size_t i = 0; many && i < 2; i++)
        if (newest[i].states & q->states)
            out[n++] = &newest[i];
    *paths = many ? n : *paths;
    return true;
}

static unsigned states_on(const struct query *q, const struct path *p)
{
    return p->states != 0 ? q->states & p->states : q->states;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Up to `limit` ids from each path, newest first; `v` has room for PATHS_MAX times as many. */
static bool find_ids(struct rp_db *db, const struct query *q, int64_t below_id, int64_t limit,
                     int64_t *v, size_t *n, struct rp_err *err)
{
    const struct path *path[PATHS_MAX];
    size_t paths;
    enum rp_step step;
    *n = 0;
    if (!choose_for_list(db, q, path, &paths, err))
        return false;
    for (size_t i = 0; i < paths; i++) {
        struct rp_stmt *s = rp_sql(db, path[i]->list);
        bind_query(s, q, states_on(q, path[i]), below_id);
        rp_bind_i64(s, P_LIMIT, limit);
        while ((step = rp_step(s, err)) == RP_STEP_ROW)
            v[(*n)++] = rp_col_i64(s, 0);
        if (step == RP_STEP_ERROR)
            return false;
    }
    if (paths > 1)
        qsort(v, *n, sizeof *v, newest_first);
    return true;
}

bool rp_jobs_list(struct rp_db *db, const struct rp_job_filter *f, int64_t after_id, int limit,
                  struct rp_arena *a, struct rp_job **out, size_t *n, bool *more,
                  struct rp_err *err)
{
    struct query q;
    size_t found;
    *n = 0;
    if (limit < 1 || limit > LIST_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "limit: 1 to %d is wanted", LIST_MAX);
    if (!query_of(db, f, &q, err))
        return false;
    int64_t *ids = RP_NEW_N(a, int64_t, (size_t)(limit + 1) * PATHS_MAX);
    if (!find_ids(db, &q, after_id != 0 ? after_id : INT64_MAX, limit + 1, ids, &found, err))
        return false;
    *out = RP_NEW_N(a, struct rp_job, (size_t)limit);
    for (size_t bytes = 0; *n < found && *n < (size_t)limit && bytes < PAGE_BYTES; ++*n) {
        struct rp_job *j = &(*out)[*n];
        if (!rp_job_get(db, ids[*n], a, j, err))
            return false;
        bytes += j->payload.n + j->labels.n + j->error.n;
    }
    *more = found > *n;
    return true;
}

/* Of jobs by state, type and queue alone: what the counts know. */
static bool is_counted(const struct query *q)
{
    const struct rp_job_filter *f = q->f;
    unsigned counted =
        FAILED | BIT(RP_QUEUED) | BIT(RP_RUNNING) | BIT(RP_SCHEDULED) | BIT(RP_RETRYING);
    return q->states != 0 && (q->states & ~counted) == 0 && q->pattern == 0 && q->schedule == 0 &&
           f->replay_id == 0 && f->since_us == 0 && f->until_us == 0 && f->error_class.p == NULL &&
           f->key.p == NULL && f->n_where == 0;
}

static bool count_of(struct rp_db *db, const struct query *q, int64_t *out, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select sum(n) from tally where (?1 >> state) & 1 and"
                                   " ?2 in (0, type_id) and ?3 in (0, queue_id)");
    rp_bind_i64(s, 1, q->states);
    rp_bind_i64(s, 2, q->type);
    rp_bind_i64(s, 3, q->queue);
    return rp_get_i64(s, 0, out, err);
}

bool rp_jobs_count(struct rp_db *db, const struct rp_job_filter *f, int64_t *out,
                   struct rp_err *err)
{
    struct query q;
    const struct path *path[PATHS_MAX];
    *out = 0;
    if (!query_of(db, f, &q, err))
        return false;
    if (is_counted(&q))
        return count_of(db, &q, out, err);
    size_t paths = choose(&q, path);
    for (size_t i = 0; i < paths; i++) {
        int64_t some;
        struct rp_stmt *s = rp_sql(db, path[i]->count);
        bind_query(s, &q, states_on(&q, path[i]), INT64_MAX);
        if (!rp_get_i64(s, 0, &some, err))
            return false;
        *out += some;
    }
    return true;
}

/* ---- groups of failures ---- */

static bool describe(struct rp_db *db, struct rp_failure_group *g, struct rp_arena *a,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "select t.name, t.critical, j.error, p.template from job j join "
            "job_type t on t.id = j.type_id "
            "left join pattern p on p.id = " RP_PATTERN_NOW("j.pattern_id") " where j.id = ?1");
    rp_bind_i64(s, 1, g->sample_job);
    if (rp_step(s, err) != RP_STEP_ROW)
        return false;
    g->type = rp_col_str(s, 0, a);
    g->critical = rp_col_i64(s, 1) != 0;
    g->sample = rp_col_str(s, 2, a);
    g->template = rp_col_str(s, 3, a);
    rp_reset(s);
    return true;
}

bool rp_jobs_failures(struct rp_db *db, const struct rp_job_filter *f, int limit,
                      struct rp_arena *a, struct rp_failure_group **out, size_t *n,
                      struct rp_err *err)
{
    struct rp_job_filter failed = *f;
    struct query q;
    const struct path *path[PATHS_MAX];
    *n = 0;
    failed.states = f->states != 0 ? f->states & FAILED : FAILED;
    if (limit < 1 || limit > GROUPS_MAX || failed.states == 0)
        return rp_fail(err, RP_E_BAD_FIELD,
                       "groups: failed or unknown jobs and a limit of 1 to %d are wanted",
                       GROUPS_MAX);
    if (!query_of(db, &failed, &q, err))
        return false;
    (void)choose(&q, path); /* one: failed and unknown are on the same */
    struct rp_stmt *s = rp_sql(db, path[0]->groups);
    bind_query(s, &q, q.states, INT64_MAX);
    rp_bind_i64(s, P_LIMIT, limit);
    *out = RP_NEW_N(a, struct rp_failure_group, (size_t)limit);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        (*out)[(*n)++] = (struct rp_failure_group){.pattern_id = rp_col_i64(s, 1),
                                                   .error_class = rp_col_str(s, 2, a),
                                                   .n = rp_col_i64(s, 3),
                                                   .first_us = rp_col_i64(s, 4),
                                                   .last_us = rp_col_i64(s, 5),
                                                   .sample_job = rp_col_i64(s, 6)};
    for (size_t i = 0; step == RP_STEP_DONE && i < *n; i++)
        if (!describe(db, &(*out)[i], a, err))
            return false;
    return step == RP_STEP_DONE;
}
