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

bool rp_worker_seen(struct rp_db *db, struct rp_str worker, const struct rp_strs *types,
                    int64_t now_us, struct rp_err *err)
{
    static struct rp_str any = {"*", 1};
    const struct rp_strs all = {&any, 1};
    const struct rp_strs *of = types != NULL && types->n > 0 ? types : &all;
    struct rp_stmt *s = rp_sql(db, "delete from worker where seen_at < ?1");
    rp_bind_i64(s, 1, now_us - RP_US_DAY);
    if (!rp_run(s, err))
        return false;
    for (size_t i = 0; i < of->n; i++) {
        s = rp_sql(db, "insert into worker(name, type, seen_at) values(?1, ?2, ?3)"
                       " on conflict(name, type) do update set seen_at = excluded.seen_at");
        rp_bind_text(s, 1, worker);
        rp_bind_text(s, 2, of->v[i]);
        rp_bind_i64(s, 3, now_us);
        if (!rp_run(s, err))
            return false;
    }
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
