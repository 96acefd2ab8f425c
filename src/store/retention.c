/* What of a round is next is in the round: the tables one after the other. */
#include "store/retention.h"

#include "base/time.h"
#include "store/internal.h"

enum { ROWS_A_STEP = 100 };
enum table { VERDICTS, MINUTES, CHECKS, SPOOLED };

/* ---- the ledger ---- its rows lie by schedule: each schedule's old ones are a range of its own,
 * and no index by time has to be kept for every instant that fires */

static bool next_schedule(struct rp_db *db, struct rp_retention_round *at, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select schedule_id from occurrence where schedule_id > ?1"
                                   " order by schedule_id limit 1");
    rp_bind_i64(s, 1, at->schedule_id);
    at->instant_us = INT64_MIN;
    return rp_get_i64(s, 0, &at->schedule_id, err);
}

/* The last of the next rows that are old enough; 0: there are none. */
static bool end_of_page(struct rp_db *db, const struct rp_retention_round *at, int64_t before_us,
                        int64_t *last_us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "select max(instant) from (select instant from occurrence where schedule_id = ?1"
                   " and instant > ?2 and instant < ?3 order by instant limit ?4)");
    rp_bind_i64(s, 1, at->schedule_id);
    rp_bind_i64(s, 2, at->instant_us);
    rp_bind_i64(s, 3, before_us);
    rp_bind_i64(s, 4, ROWS_A_STEP);
    return rp_get_i64(s, 0, last_us, err);
}

/* What is not resolved stays, and so does its verdict. */
static bool forget_page(struct rp_db *db, const struct rp_retention_round *at, int64_t last_us,
                        struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(
        db, "delete from occurrence where schedule_id = ?1 and instant > ?2 and instant <= ?3"
            " and not exists(select 1 from job j where j.id = occurrence.job_id"
            "  and (j.state < 5 or j.state in (6, 8)))");
    rp_bind_i64(s, 1, at->schedule_id);
    rp_bind_i64(s, 2, at->instant_us);
    rp_bind_i64(s, 3, last_us);
    return rp_run(s, err);
}

static bool verdicts(struct rp_db *db, struct rp_retention_round *at, int64_t before_us, bool *over,
                     struct rp_err *err)
{
    int64_t last = 0;
    *over = false;
    if (at->schedule_id != 0 && !end_of_page(db, at, before_us, &last, err))
        return false;
    if (last == 0) {
        bool ok = next_schedule(db, at, err);
        *over = at->schedule_id == 0;
        return ok;
    }
    if (!forget_page(db, at, last, err))
        return false;
    at->instant_us = last;
    return true;
}

/* ---- others: the oldest come first ---- */

static bool forget(struct rp_db *db, const char *sql, int64_t before, bool *over,
                   struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, sql);
    rp_bind_i64(s, 1, before);
    rp_bind_i64(s, 2, ROWS_A_STEP);
    if (!rp_run(s, err))
        return false;
    *over = rp_changes(db) < ROWS_A_STEP;
    return true;
}

#define MINUTE "minute, type_id, queue_id, outcome, final, pattern_id"
static const char minutes[] =
    "delete from rollup where (" MINUTE ") in (select " MINUTE " from rollup where minute < ?1"
    " order by minute limit ?2)";
/* By id, which rises with time: a clock that was set leaves few that come later than they might. */
static const char checks[] =
    "delete from dependency_check where id in (select id from (select id, at from dependency_check"
    " order by id limit ?2) where at < ?1)";
static const char spooled[] =
    "delete from spool where id in (select id from spool where at < ?1 order by at limit ?2)";

bool rp_retention_step(struct rp_db *db, const struct rp_retention *keep,
                       struct rp_retention_round *at, int64_t now_us, bool *again,
                       struct rp_err *err)
{
    bool over = true, ok = true;
    switch (at->table) {
    case VERDICTS:
        ok = verdicts(db, at, now_us - keep->verdicts_us, &over, err);
        break;
    case MINUTES:
        ok = forget(db, minutes, (now_us - keep->minutes_us) / RP_US_MIN, &over, err);
        break;
    case CHECKS:
        ok = forget(db, checks, now_us - keep->checks_us, &over, err);
        break;
    case SPOOLED:
        ok = forget(db, spooled, now_us - keep->spooled_us, &over, err);
        break;
    default:
        *at = (struct rp_retention_round){0};
        *again = false;
        return true;
    }
    if (ok && over)
        *at = (struct rp_retention_round){.table = at->table + 1};
    *again = true;
    return ok;
}
