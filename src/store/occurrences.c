/* The ledger: what became of each expected instant (U16). */
#include "store/internal.h"
#include "store/rows.h"
#include "store/schedules.h"

enum { LIMIT_MAX = 10000 };

struct ledger {
    struct rp_occurrence *v;
    size_t n, limit;
};

static struct rp_occurrence *add(struct ledger *l, struct rp_arena *a)
{
    l->v = rp_rows_grow(a, l->v, l->n, sizeof *l->v);
    return &l->v[l->n++];
}

/* Verdicts, and runs by hand between them. */
static bool read_past(struct rp_db *db, int64_t id, int64_t from_us, int64_t to_us,
                      struct rp_arena *a, struct ledger *l, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select o.instant, o.verdict, o.job_id, o.decided_at, o.why, o.manual, j.state,"
                   " j.started_at, j.ended_at from ("
                   " select instant, verdict, job_id, decided_at, why, 0 as manual from occurrence"
                   "  where schedule_id = ?1 and instant >= ?2 and instant < ?3"
                   " union all select instant, 1, id, created_at, null, 1 from job"
                   "  where schedule_id = ?1 and manual = 1 and instant >= ?2 and instant < ?3"
                   " order by 1 limit ?4) o left join job j on j.id = o.job_id order by o.instant");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, from_us);
    rp_bind_i64(s, 3, to_us);
    rp_bind_i64(s, 4, (int64_t)l->limit);
    enum rp_step step;
    while ((step = rp_step(s, err)) == RP_STEP_ROW)
        *add(l, a) = (struct rp_occurrence){
            .instant_us = rp_col_i64(s, 0),
            .verdict = (enum rp_verdict)rp_col_i64(s, 1),
            .job_id = rp_col_i64(s, 2),
            .decided_us = rp_col_i64(s, 3),
            .why = rp_col_str(s, 4, a),
            .manual = rp_col_i64(s, 5) != 0,
            .job_state = (enum rp_state)rp_col_i64(s, 6),
            .job_started_us = rp_col_i64(s, 7),
            .job_ended_us = rp_col_i64(s, 8),
        };
    return step == RP_STEP_DONE;
}

/* A schedule as stored: readers have no configuration. */
struct stored {
    struct rp_str name, expr, zone;
    int64_t next_us, anchor_us;
};

static bool read_stored(struct rp_db *db, int64_t id, struct rp_arena *a, struct stored *c,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select name, expr, zone, next_at, anchor_at, active"
                                   " from schedule where id = ?1");
    rp_bind_i64(s, 1, id);
    enum rp_step step = rp_step(s, err);
    if (step != RP_STEP_ROW)
        return step == RP_STEP_DONE && rp_absent_id(err, "schedule ", id, "reprise schedules");
    *c = (struct stored){.name = rp_col_str(s, 0, a),
                         .expr = rp_col_str(s, 1, a),
                         .zone = rp_col_str(s, 2, a),
                         .next_us = rp_col_i64(s, 5) != 0 ? rp_col_i64(s, 3) : INT64_MAX,
                         .anchor_us = rp_col_i64(s, 4)};
    rp_reset(s);
    return true;
}

/* Whether the instant has a verdict; *at: how far into the past, as both lists ascend. */
static bool decided(const struct ledger *past, size_t *at, int64_t instant_us)
{
    while (*at < past->n && past->v[*at].instant_us < instant_us)
        ++*at;
    for (size_t i = *at; i < past->n && past->v[i].instant_us == instant_us; i++)
        if (!past->v[i].manual)
            return true;
    return false;
}

static bool read_expected(const struct stored *c, const struct ledger *past, int64_t from_us,
                          int64_t to_us, struct rp_arena *a, struct ledger *l, struct rp_err *err)
{
    struct rp_cron cron;
    const struct rp_zone *zone;
    size_t at = 0;
    if (past->n >= past->limit) /* whatever comes after the last of them has no place */
        to_us = past->v[past->n - 1].instant_us;
    if (c->next_us >= to_us)
        return true;
    if (!rp_cron_parse(c->expr, c->name, &cron, err) || (zone = rp_zone_load(c->zone, err)) == NULL)
        return false;
    int64_t i = c->next_us;
    if (i < from_us)
        i = rp_cron_next(&cron, zone, from_us - 1, c->anchor_us);
    for (; i < to_us && l->n < l->limit; i = rp_cron_next(&cron, zone, i, c->anchor_us))
        if (!decided(past, &at, i))
            *add(l, a) = (struct rp_occurrence){.instant_us = i};
    return true;
}

/* A clock that was set back leaves verdicts of a future, between which instants are expected. */
static struct ledger merged(const struct ledger *x, const struct ledger *y, struct rp_arena *a)
{
    struct ledger l = {.limit = x->limit};
    for (size_t i = 0, k = 0; l.n < l.limit && (i < x->n || k < y->n);) {
        bool first = k == y->n || (i < x->n && x->v[i].instant_us <= y->v[k].instant_us);
        *add(&l, a) = first ? x->v[i++] : y->v[k++];
    }
    return l;
}

bool rp_occurrences(struct rp_db *db, int64_t schedule_id, int64_t from_us, int64_t to_us,
                    int limit, struct rp_arena *a, struct rp_occurrence **out, size_t *n,
                    struct rp_err *err)
{
    struct ledger l = {.limit = limit > 0 && limit < LIMIT_MAX ? (size_t)limit : LIMIT_MAX};
    struct ledger expected = {.limit = l.limit};
    struct stored c = {0};
    if (!read_stored(db, schedule_id, a, &c, err) ||
        !read_past(db, schedule_id, from_us, to_us, a, &l, err) ||
        !read_expected(&c, &l, from_us, to_us, a, &expected, err))
        return false;
    if (expected.n > 0)
        l = merged(&l, &expected, a);
    *out = l.v;
    *n = l.n;
    return true;
}
