/* How fast the store takes and hands out jobs, durably: rows a second at 1,000 rows a commit,
 * beside a bare insert loop of the same columns without indexes or logic. Prints JSON. usage:
 * store_bench [rows] [folder] */
#include "base/time.h"
#include "store/internal.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 1000 };
static const char payload[] = "{\"invoice\":123456,\"customer\":\"c-4711\",\"amount\":99.5}";

static _Noreturn void die(const struct rp_err *err)
{
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static double rate(int64_t rows, int64_t since_us)
{
    return (double)rows * 1e6 / (double)(rp_mono(&rp_clock_system) - since_us);
}

static void raw(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        (void)fprintf(stderr, "%s\n", sqlite3_errmsg(db));
}

static double bare_insert(const char *dir, int64_t rows)
{
    char path[300];
    sqlite3 *db;
    sqlite3_stmt *s;
    (void)snprintf(path, sizeof path, "%s/bare.db", dir);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        exit(1);
    raw(db, "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = "
            "4000; pragma secure_delete = off;"
            "create table job(id integer primary key, type_id integer, queue_id integer, state "
            "integer, priority integer, "
            "payload blob, max_attempts integer, created_at integer, due_at integer)");
    (void)sqlite3_prepare_v2(db, "insert into job values (null, 1, 1, 2, 0, ?1, 4, ?2, ?2)", -1, &s,
                             NULL);
    int64_t t = rp_mono(&rp_clock_system);
    for (int64_t i = 0; i < rows; i++) {
        if (i % BATCH == 0)
            raw(db, "begin immediate");
        (void)sqlite3_bind_blob(s, 1, payload, sizeof payload - 1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 2, t + i);
        (void)sqlite3_step(s);
        (void)sqlite3_reset(s);
        if (i % BATCH == BATCH - 1)
            raw(db, "commit");
    }
    double r = rate(rows, t);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    return r;
}

static struct rp_db *store_with_a_type(const char *dir, struct rp_store **store,
                                       const struct rp_config *c)
{
    char path[300];
    struct rp_err err;
    (void)snprintf(path, sizeof path, "%s/s.db", dir);
    if (!rp_store_open(path, store, &err))
        die(&err);
    struct rp_db *db = rp_store_writer(*store);
    if (!rp_tx_begin(db, &err) ||
        !rp_script(db, "insert into job_type(name, configured, seen_at) values ('work', 1, 0)",
                   &err))
        die(&err);
    rp_db_set_config(db, c);
    if (!rp_tx_commit(db, &err))
        die(&err);
    return db;
}

static double enqueue_all(struct rp_db *db, int64_t rows)
{
    static struct rp_enqueue in[BATCH];
    static struct rp_enqueued out[BATCH];
    struct rp_err err;
    int64_t t = rp_mono(&rp_clock_system);
    for (size_t i = 0; i < BATCH; i++)
        in[i] = (struct rp_enqueue){
            .type = RP_STR("work"), .payload = rp_str_of(payload), .priority = INT64_MIN};
    for (int64_t done = 0; done < rows; done += BATCH)
        if (!rp_tx_begin(db, &err) ||
            !rp_jobs_enqueue(db, in, BATCH, rp_wall(&rp_clock_system), out, &err) ||
            !rp_tx_commit(db, &err))
            die(&err);
    return rate(rows, t);
}

static struct rp_report report_of(const struct rp_lease *l, enum rp_outcome outcome)
{
    struct rp_report r = {.lease = l->id, .token = l->token, .outcome = outcome, .permanent = true};
    if (outcome == RP_OUT_FAILED) {
        r.facts.error = RP_STR("connect ECONNREFUSED 10.0.0.7:5432");
        r.facts.error_class = RP_STR("connection");
        r.pattern_hash = 7;
    }
    return r;
}

/* One transaction: a claim of 1,000, and the reports of the 1,000 before. */
static double run_all(struct rp_db *db, int64_t rows, enum rp_outcome outcome)
{
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = BATCH, .lease_us = RP_US_MIN};
    struct rp_lease *l;
    struct rp_err err;
    size_t n = 1;
    int64_t done = 0, t = rp_mono(&rp_clock_system);
    while (done < rows && n > 0) {
        struct rp_arena a = {0};
        int64_t now = rp_wall(&rp_clock_system);
        if (!rp_tx_begin(db, &err) || !rp_jobs_claim(db, &c, now, &a, &l, &n, &err) ||
            !rp_tx_commit(db, &err) || !rp_tx_begin(db, &err))
            die(&err);
        struct rp_report *r = RP_NEW_N(&a, struct rp_report, n);
        struct rp_reported *out = RP_NEW_N(&a, struct rp_reported, n);
        for (size_t i = 0; i < n; i++)
            r[i] = report_of(&l[i], outcome);
        if (!rp_jobs_report(db, r, n, now, &a, out, &err))
            die(&err);
        if (!rp_tx_commit(db, &err))
            die(&err);
        done += (int64_t)n;
        rp_arena_free(&a);
    }
    return rate(done, t);
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? atoll(argv[1]) : 200000;
    char dir[200];
    (void)snprintf(dir, sizeof dir, "%.150s/store-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (mkdtemp(dir) == NULL || rows < BATCH)
        return 2;
    struct rp_str queue = RP_STR("default");
    struct rp_type type = {.name = RP_STR("work"), .queue = queue, .retry = {.retries = 3}};
    struct rp_config config = {.types = &(struct rp_type *){&type}, .n_types = 1};
    struct rp_store *store;
    double bare = bare_insert(dir, rows);
    struct rp_db *db = store_with_a_type(dir, &store, &config);
    double enqueue = enqueue_all(db, rows);
    double succeed = run_all(db, rows / 2, RP_OUT_SUCCEEDED),
           fail = run_all(db, rows / 2, RP_OUT_FAILED);
    (void)printf("{\"rows\": %lld, \"rows_a_commit\": %d, \"bare_insert_per_s\": %.0f, "
                 "\"enqueue_per_s\": %.0f, \"enqueue_to_bare\": %.2f, "
                 "\"claim_and_succeed_per_s\": %.0f, \"claim_and_fail_per_s\": %.0f}\n",
                 (long long)rows, BATCH, bare, enqueue, enqueue / bare, succeed, fail);
    rp_store_close(store);
    char cmd[300];
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}
