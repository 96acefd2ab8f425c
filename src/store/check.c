/* Whether the store is whole, a copy of it, and whether it can be written. */
#include "store/internal.h"
#include "store/opened.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FINDINGS_MAX = 100 };

/* Each row of a query is a finding: one line of text. */
static const char *const checks[] = {
    "select 'file: ' || integrity_check from pragma_integrity_check(100) where integrity_check <> "
    "'ok'",
    "select 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' points to nothing in ' || "
    "parent from pragma_foreign_key_check",
    "select 'job ' || j.id || ' is running without a lease' from job j "
    "left join lease l on l.job_id = j.id "
    "where j.state = 3 and l.id is null",
    "select 'lease ' || l.id || ' holds job ' || l.job_id || ', which is ' || n.name from lease l "
    "join job j on j.id = l.job_id "
    "join state_name n on n.id = j.state where j.state <> 3",
    "select 'lease ' || l.id || ' is for attempt ' || l.n || ' of job ' || j.id || ', whose newest "
    "is ' || j.last_n from lease l "
    "join job j on j.id = l.job_id where l.n <> j.last_n",
    "select 'job ' || j.id || ' is in no known state: ' || j.state from job j where j.state not in "
    "(select id from state_name)",
    "select 'attempt ' || a.n || ' of running job ' || j.id || ' has ended' from lease l join job "
    "j "
    "on j.id = l.job_id join attempt a on a.job_id = j.id and a.n = j.last_n",
    "select 'attempt ' || j.last_n || ' of job ' || j.id || ' is missing' from job j where "
    "j.last_n "
    "> 0 and j.state <> 3 and not exists (select 1 from attempt a where a.job_id = j.id and a.n = "
    "j.last_n)",
    "select 'job ' || j.id || ' is ' || s.name || ' and has ' || case when j.ended_at is null then "
    "'no end' else 'an end' end "
    "from job j join state_name s on s.id = j.state where (j.ended_at is null) = (j.state in (5, "
    "6, 7, 8))",
    "select 'the count of jobs in state ' || state || ' of type ' || type_id || ' in queue ' || "
    "queue_id || ' is off by ' || sum(n) from (select state, type_id, queue_id, hour, n from tally "
    "union all select state, type_id, queue_id, case when state in (6, 8) then coalesce(ended_at, "
    "0) / 3600000000 else 0 end, -1 from job where state in (1, 2, 3, 4, 6, 8)) "
    "group by state, type_id, queue_id, hour having sum(n) <> 0",
    "select 'job ' || j.id || ' counts ' || j.attempts || ' attempts, its record ' || count(a.n) "
    "from job j left join attempt a "
    "on a.job_id = j.id and a.outcome not in (0, 7) and a.held is null group by j.id having "
    "j.attempts < count(a.n)",
    "select 'replay ' || t.replay_id || ' counts ' || t.running || ' items that run; there are ' "
    "|| "
    "count(j.id) from replay_test t left join replay_item i on i.replay_id = t.replay_id and "
    "i.fate "
    "= 2 left join job j on j.id = i.job_id and j.last_n > i.n_before and j.replay_id = "
    "i.replay_id "
    "group by t.replay_id having t.running <> count(j.id)",
    "select 'the count of items of replay ' || replay_id || ' and type ' || type_id || ' with fate "
    "' "
    "|| fate || ' is off by ' || sum(n) from (select replay_id, fate, type_id, n from replay_tally "
    "union all select replay_id, fate, type_id, -1 from replay_item) where replay_id not in ("
    "select replay_id from replay_parked where released_at is null) group by replay_id, fate, "
    "type_id having sum(n) <> 0",
    "select 'the sum of items of replay ' || replay_id || ' with fate ' || fate || ' is off by ' "
    "|| "
    "sum(n) from (select replay_id, pattern_before p, fate, pattern_after q, n from replay_sum "
    "union all select i.replay_id, coalesce(i.pattern_before, 0), i.fate, "
    "coalesce(i.pattern_after, 0), -1 from replay r join replay_item i on i.replay_id = r.id "
    "where r.summed_to > 0 and i.seq <= r.summed_to) group by replay_id, p, fate, q "
    "having sum(n) <> 0",
    "select 'job ' || j.id || ' is ' || s.name || ' and held in phase ' || h.phase from hold h "
    "join job j on j.id = h.job_id join state_name s on s.id = j.state "
    "where (h.phase = 2 and j.state not in (2, 3)) or (h.phase < 2 and j.state <> 4)",
};

static bool run_check(struct rp_db *db, const char *sql, struct rp_buf *findings, int *n,
                      struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, sql);
    enum rp_step step = RP_STEP_DONE;
    while (*n < FINDINGS_MAX && (step = rp_step(s, err)) == RP_STEP_ROW) {
        rp_buf_str(findings, rp_col_view(s, 0));
        rp_buf_c(findings, '\n');
        ++*n;
    }
    rp_reset(s);
    return step != RP_STEP_ERROR;
}

bool rp_store_check(struct rp_db *db, struct rp_buf *findings, struct rp_err *err)
{
    int n = 0;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!rp_tx_renew(db, err) || !run_check(db, checks[i], findings, &n, err))
            return false;
    if (n == 0)
        return true;
    (void)rp_fail(err, RP_E_STORE_CORRUPT, "%s: %d findings%s", db->store->path, n,
                  n >= FINDINGS_MAX ? " and perhaps more" : "");
    return rp_hint(err, "keep the file, and restore a backup");
}

static bool fail_copy(const char *path, int e, struct rp_err *err)
{
    (void)rp_fail(err, RP_E_IO, "%s: %s", path, strerror(e));
    return rp_hint(err, e == ENOSPC || e == EDQUOT
                            ? "free space, or name a file on another disk"
                            : "check the folder and who owns it, or name another file");
}

static bool sync_path(const char *path, struct rp_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int e = errno;
    if (fd >= 0)
        (void)close(fd);
    return ok || fail_copy(path, e, err);
}

/* The copy, and its name in the folder. */
static bool sync_copy(struct rp_arena *a, const char *path, struct rp_err *err)
{
    return sync_path(path, err) && sync_path(rp_folder_of(a, path), err);
}

/* VACUUM INTO takes an empty file, so that its mode and its newness are settled before anything is
 * written. */
bool rp_store_backup(struct rp_db *db, const char *path, struct rp_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return rp_fail(err, RP_E_CONFLICT, "%s exists", path) ||
               rp_hint(err, "name a new file: backups are never overwritten");
    if (fd < 0)
        return fail_copy(path, errno, err);
    (void)close(fd);
    struct rp_stmt *s = rp_sql(db, "vacuum into ?1");
    rp_bind_text(s, 1, rp_str_of(path));
    struct rp_arena a = {0};
    bool ok = rp_run(s, err) && sync_copy(&a, path, err);
    if (!ok) {
        (void)unlink(path);
        (void)unlink(rp_str_fmt(&a, "%s-journal", path).p);
    }
    rp_arena_free(&a);
    return ok;
}

bool rp_store_probe(struct rp_db *db, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s =
        rp_sql(db, "insert into meta(key, value) values ('probe', cast(?1 as text)) "
                   "on conflict(key) do update set value = excluded.value");
    rp_bind_i64(s, 1, now_us);
    return rp_run(s, err);
}
