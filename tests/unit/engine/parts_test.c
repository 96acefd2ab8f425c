/* Parts of a tick that the store cannot write, though it can write others: what they were about is
 * not forgotten, and nobody is ended for it. A trigger in the store refuses them. */
#include "clocks.h"

#include <sqlite3.h>

static void script(struct world *w, const char *sql)
{
    sqlite3 *db = NULL;
    char *says = NULL;
    if (sqlite3_open(w->url + strlen("sqlite://"), &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 30000) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, &says) != SQLITE_OK)
        fail_msg("%s: %s", sql, says != NULL ? says : sqlite3_errmsg(db));
    (void)sqlite3_close(db);
}

#define JOBS                                                                                       \
    "jobs: { j: { run: [sh, -c, 'f=$(tr -d \\\"); while [ ! -e $f ]; do sleep 0.02; done'] } }\n"
static const char jobs[] = "lease: 30s\n" JOBS, long_leases[] = "lease: 1h\n" JOBS;
static const char refuse_beats[] = "create trigger refuse before update of deadline on lease begin "
                                   "select raise(abort, 'not now'); end";

static void end_path(struct world *w, char path[128])
{
    (void)snprintf(path, 128, "%s/end", w->dir);
}

/* A job that runs until end_jobs. */
static int64_t start_job(struct world *w)
{
    char path[128], payload[132];
    end_path(w, path);
    (void)snprintf(payload, sizeof payload, "\"%s\"", path);
    int64_t id = enqueue(w, "j", payload);
    (void)job_in(w, id, RP_RUNNING);
    return id;
}

static void end_jobs(struct world *w)
{
    char path[128];
    end_path(w, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
}

/* ---- the writer is kept busy meanwhile, so that what ends is reported by one tick ---- */

struct gate {
    struct rp_op op;
    atomic_bool open, passed;
};

static bool gate_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct gate *g = arg;
    (void)db, (void)err;
    while (!atomic_load(&g->open))
        pause_ms(1);
    return true;
}

static void gate_done(struct rp_op *op)
{
    atomic_store(&((struct gate *)op->arg)->passed, true);
}

static void has_ended(struct world *w, int64_t lease)
{
    struct rp_output o = {0};
    for (int i = 0; i < 3000 && rp_engine_peek(w->engine, lease, &o); i++, pause_ms(10))
        rp_output_free(&o);
    assert_false(rp_engine_peek(w->engine, lease, &o));
}

static int64_t lease_of(struct world *w, int64_t id)
{
    struct rp_err err;
    int64_t lease;
    must(rp_job_lease(w->reader, id, &lease, &err), &err);
    return lease;
}

static void end_together(struct world *w, const int64_t *id, size_t n)
{
    struct gate g = {.op = {.run = gate_run, .done = gate_done, .arg = &g}};
    struct rp_err err;
    must(rp_engine_submit(w->engine, &g.op, &err), &err);
    end_jobs(w);
    for (size_t i = 0; i < n; i++)
        has_ended(w, lease_of(w, id[i]));
    atomic_store(&g.open, true);
    while (!atomic_load(&g.passed))
        pause_ms(1);
}

/* ---- what they promise ---- */

static void a_report_that_cannot_be_written_takes_no_other_with_it(void **state)
{
    enum { N = 4, BAD = 1 };
    (void)state;
    struct world *w = world_with_clock(jobs);
    int64_t id[N];
    char sql[200];
    for (size_t i = 0; i < N; i++)
        id[i] = start_job(w);
    (void)snprintf(sql, sizeof sql,
                   "create trigger refuse before insert on attempt when new.job_id = %lld begin "
                   "select raise(abort, 'not this one'); end",
                   (long long)id[BAD]);
    script(w, sql);
    end_together(w, id, N);
    for (size_t i = 0; i < N; i++)
        if (i != BAD)
            (void)job_in(w, id[i], RP_SUCCEEDED);
    assert_int_equal(job(w, id[BAD]).state, RP_RUNNING); /* as far as anybody knows */
    script(w, "drop trigger refuse");
    sleep_for(w, 40 * RP_US_S);
    (void)job_in(w, id[BAD], RP_UNKNOWN);
    world_free(w);
}

static void a_beat_that_cannot_be_written_ends_no_running_command(void **state)
{
    (void)state;
    struct world *w = world_with_clock(jobs);
    int64_t id = start_job(w);
    script(w, refuse_beats);
    sleep_for(w, 12 * RP_US_S); /* a beat is due */
    script(w, "drop trigger refuse");
    sleep_for(w, RP_US_S);
    end_jobs(w);
    (void)job_in(w, id, RP_SUCCEEDED);
    assert_int_equal(job(w, id).last_n, 1);
    world_free(w);
}

static int64_t deadline_of(struct world *w, int64_t lease)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_open(w->url + strlen("sqlite://"), &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 30000) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "select deadline from lease where id = ?1", -1, &st, NULL) !=
            SQLITE_OK ||
        sqlite3_bind_int64(st, 1, lease) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s", sqlite3_errmsg(db));
    int64_t at = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return at;
}

static void a_beat_that_could_not_be_written_is_tried_again_soon(void **state)
{
    (void)state;
    struct world *w = world_with_clock(long_leases);
    int64_t id = start_job(w), lease = lease_of(w, id), before = deadline_of(w, lease);
    script(w, refuse_beats);
    sleep_for(w, 21 * RP_US_MIN); /* a beat is due, the next one by plan is 20 minutes later */
    assert_int_equal(deadline_of(w, lease), before);
    script(w, "drop trigger refuse");
    for (int i = 0; i < 3000 && deadline_of(w, lease) == before; i++)
        pause_ms(10);
    assert_true(deadline_of(w, lease) > before);
    end_jobs(w);
    (void)job_in(w, id, RP_SUCCEEDED);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_that_cannot_be_written_takes_no_other_with_it),
        cmocka_unit_test(a_beat_that_cannot_be_written_ends_no_running_command),
        cmocka_unit_test(a_beat_that_could_not_be_written_is_tried_again_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
