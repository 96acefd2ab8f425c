#include "store/registry.h"

#include "base/time.h"
#include "store/driver.h"

/* The newest sign of life of any node, and whether it was a stop or a sudden end. */
static bool last_sign(struct rp_db *db, int64_t *seen_us, bool *stopped, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select max(seen_at, coalesce(stopped_at, 0)) as sign, stopped_at is not null"
                   " from node order by sign desc limit 1");
    enum rp_step step = rp_step(s, err);
    *seen_us = step == RP_STEP_ROW ? rp_col_i64(s, 0) : 0;
    *stopped = step == RP_STEP_ROW && rp_col_i64(s, 1) != 0;
    return step != RP_STEP_ERROR;
}

static bool add_downtime(struct rp_db *db, int64_t from_us, int64_t to_us, bool stopped,
                         struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into downtime(from_at, to_at, why) values(?1, ?2, ?3)");
    rp_bind_i64(s, 1, from_us);
    rp_bind_i64(s, 2, to_us);
    rp_bind_text(s, 3, stopped ? RP_STR("it was stopped") : RP_STR("it ended without a word"));
    return rp_run(s, err);
}

bool rp_node_start(struct rp_db *db, struct rp_str node, int64_t pid, int64_t now_us,
                   int64_t *last_seen_us, struct rp_err *err)
{
    bool stopped;
    if (!last_sign(db, last_seen_us, &stopped, err) ||
        (*last_seen_us > 0 && *last_seen_us < now_us &&
         !add_downtime(db, *last_seen_us, now_us, stopped, err)))
        return false;
    struct rp_stmt *s =
        rp_sql(db, "insert into node(name, pid, started_at, seen_at) values(?1, ?2, ?3, ?3)"
                   " on conflict(name) do update set pid = excluded.pid,"
                   " started_at = excluded.started_at, seen_at = excluded.seen_at,"
                   " stopped_at = null");
    rp_bind_text(s, 1, node);
    rp_bind_i64(s, 2, pid);
    rp_bind_i64(s, 3, now_us);
    return rp_run(s, err);
}

static bool known(struct rp_db *db, struct rp_str node, struct rp_err *err)
{
    return rp_changes(db) > 0 ||
           rp_fail(err, RP_E_NOT_FOUND, "node %.*s has not started on this store", RP_FMT(node));
}

bool rp_node_seen(struct rp_db *db, struct rp_str node, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update node set seen_at = ?2 where name = ?1");
    rp_bind_text(s, 1, node);
    rp_bind_i64(s, 2, now_us);
    return rp_run(s, err) && known(db, node, err);
}

bool rp_node_stop(struct rp_db *db, struct rp_str node, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update node set seen_at = ?2, stopped_at = ?2 where name = ?1");
    rp_bind_text(s, 1, node);
    rp_bind_i64(s, 2, now_us);
    return rp_run(s, err) && known(db, node, err);
}

/* ---- workers ---- */

/* Every fetch tells, so what is fresh enough is left as it is: a fetch that finds nothing then
 * writes nothing. Who makes up ever new names fills no more than WORKERS_MAX rows. */
enum { WORKERS_MAX = 10000 };
static const int64_t fresh_us = 10 * RP_US_S;

static bool worker_new(struct rp_db *db, struct rp_str worker, struct rp_str type, int64_t now_us,
                       struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "delete from worker where seen_at < ?1");
    rp_bind_i64(s, 1, now_us - RP_US_DAY);
    if (!rp_run(s, err))
        return false;
    s = rp_sql(db, "insert into worker(name, type, seen_at) select ?1, ?2, ?3"
                   " where (select count(*) from worker) < ?4");
    rp_bind_text(s, 1, worker);
    rp_bind_text(s, 2, type);
    rp_bind_i64(s, 3, now_us);
    rp_bind_i64(s, 4, WORKERS_MAX);
    return rp_run(s, err);
}

static bool worker_of(struct rp_db *db, struct rp_str worker, struct rp_str type, int64_t now_us,
                      struct rp_err *err)
{
    int64_t seen;
    struct rp_stmt *s = rp_sql(db, "select seen_at from worker where name = ?1 and type = ?2");
    rp_bind_text(s, 1, worker);
    rp_bind_text(s, 2, type);
    if (!rp_get_i64(s, INT64_MIN, &seen, err))
        return false;
    if (seen == INT64_MIN)
        return worker_new(db, worker, type, now_us, err);
    if (seen > now_us - fresh_us && seen <= now_us)
        return true;
    s = rp_sql(db, "update worker set seen_at = ?3 where name = ?1 and type = ?2");
    rp_bind_text(s, 1, worker);
    rp_bind_text(s, 2, type);
    rp_bind_i64(s, 3, now_us);
    return rp_run(s, err);
}

bool rp_worker_seen(struct rp_db *db, struct rp_str worker, const struct rp_strs *types,
                    int64_t now_us, struct rp_err *err)
{
    static struct rp_str any = {"*", 1};
    const struct rp_strs all = {&any, 1};
    const struct rp_strs *of = types != NULL && types->n > 0 ? types : &all;
    for (size_t i = 0; i < of->n; i++)
        if (!worker_of(db, worker, of->v[i], now_us, err))
            return false;
    return true;
}

bool rp_workers_of(struct rp_db *db, struct rp_str type, int64_t since_us, int64_t *n,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select count(distinct name) from worker"
                                   " where type in (?1, '*') and seen_at >= ?2");
    rp_bind_text(s, 1, type);
    rp_bind_i64(s, 2, since_us);
    return rp_get_i64(s, 0, n, err);
}
