/* Who waits for work takes what a replay has just let out within the transaction in which the jobs
 * before it ended: one commit a wave (take_along, engine/writer.c). */
#include "world.h"

#include "store/driver.h"

#include <stdatomic.h>

enum { JOBS = 30, CANARY = 5 };

struct all {
    struct world *w;
    struct rp_arena arena;
    struct rp_lease *lease; /* of the canary */
    size_t n;
    struct rp_op op; /* of the one that waits */
    bool fails, waits;
    atomic_bool done;
    size_t got;
    int64_t committed; /* leases that others see while it runs */
};

static bool claim(struct rp_db *db, int64_t max, struct rp_arena *a, struct rp_lease **l, size_t *n,
                  struct rp_err *err)
{
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = max, .lease_us = RP_US_H};
    return rp_jobs_claim(db, &c, rp_wall(&rp_clock_system), a, l, n, err);
}

static bool report(struct rp_db *db, struct all *all, enum rp_outcome outcome, struct rp_err *err)
{
    struct rp_report *r = RP_NEW_N(&all->arena, struct rp_report, all->n);
    struct rp_reported *out = RP_NEW_N(&all->arena, struct rp_reported, all->n);
    for (size_t i = 0; i < all->n; i++)
        r[i] = (struct rp_report){.lease = all->lease[i].id,
                                  .token = all->lease[i].token,
                                  .outcome = outcome,
                                  .permanent = true};
    return rp_jobs_report(db, r, all->n, rp_wall(&rp_clock_system), &all->arena, out, err);
}

static bool run_failures(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct all *all = arg;
    struct rp_enqueue in = {.type = RP_STR("fetched"), .priority = INT64_MIN};
    struct rp_enqueued out;
    for (int i = 0; i < JOBS; i++)
        if (!rp_jobs_enqueue(db, &in, 1, rp_wall(&rp_clock_system), &out, err))
            return false;
    return claim(db, JOBS, &all->arena, &all->lease, &all->n, err) &&
           report(db, all, RP_OUT_FAILED, err);
}

static bool run_replay(struct rp_db *db, void *arg, struct rp_err *err)
{
    static struct rp_str past[] = {RP_STR("workers"), RP_STR("class")};
    struct all *all = arg;
    struct rp_replay_ask ask = {.filter = {.type = RP_STR("fetched")},
                                .has_filter = true,
                                .override = {past, 2},
                                .unlimited = true,
                                .canary = CANARY,
                                .reason = RP_STR("fixed"),
                                .actor = RP_STR("ada")};
    int64_t id;
    return rp_replay_start(db, rp_db_config(db), &ask, rp_wall(&rp_clock_system), &all->arena, &id,
                           err);
}

/* Until the engine's tick has let the canary out. */
static bool run_claim(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct all *all = arg;
    return claim(db, JOBS, &all->arena, &all->lease, &all->n, err);
}

static bool run_reports(struct rp_db *db, void *arg, struct rp_err *err)
{
    return report(db, arg, RP_OUT_SUCCEEDED, err);
}

/* ---- the one that waits ---- */

static int64_t leases_that_others_see(struct world *w)
{
    int64_t n = -1;
    struct rp_err err;
    must(rp_get_i64(rp_sql(w->reader, "select count(*) from lease"), 0, &n, &err), &err);
    return n;
}

static bool run_waiter(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct all *all = arg;
    struct rp_lease *l;
    all->committed = leases_that_others_see(all->w);
    if (!claim(db, JOBS, &all->arena, &l, &all->got, err))
        return false;
    return !all->fails || rp_fail(err, RP_E_CONFLICT, "it cannot");
}

static void waiter_done(struct rp_op *op)
{
    struct all *all = op->arg;
    atomic_store(&all->done, true);
}

static struct rp_op *joins(void *ctx, unsigned bits)
{
    struct all *all = ctx;
    if ((bits & RP_CHANGED_READY) == 0 || !all->waits)
        return NULL;
    all->waits = false;
    all->op = (struct rp_op){.run = run_waiter, .arg = all, .done = waiter_done};
    return &all->op;
}

static void changed(void *ctx, unsigned bits)
{
    (void)ctx;
    (void)bits;
}

/* A replay whose canary is running, and one who waits. */
static void prepare(struct all *all)
{
    struct rp_err err;
    *all = (struct all){.w = world_new("jobs: { fetched: { idempotent: true, retries: 0 } }\n"
                                       "replay: { settle: 0s }\n")};
    must(rp_engine_write(all->w->engine, run_failures, all, &err), &err);
    must(rp_engine_write(all->w->engine, run_replay, all, &err), &err);
    all->n = 0;
    for (int i = 0; i < 3000 && all->n == 0; i++) {
        must(rp_engine_write(all->w->engine, run_claim, all, &err), &err);
        pause_ms(all->n == 0 ? 10 : 0);
    }
    assert_int_equal(all->n, CANARY);
    all->waits = true;
}

static int64_t queued(struct world *w)
{
    int64_t n = 0;
    struct rp_err err;
    must(rp_get_i64(rp_sql(w->reader, "select count(*) from job where state = 2"), 0, &n, &err),
         &err);
    return n;
}

/* False: the wave went out in another transaction, as it may where all is slow: a part of a
 * transaction is over after some milliseconds (G19). */
static bool end_canary(struct all *all)
{
    struct rp_listener l = {.changed = changed, .joins = joins, .ctx = all};
    struct rp_err err;
    rp_engine_listen(all->w->engine, &l);
    must(rp_engine_write(all->w->engine, run_reports, all, &err), &err);
    for (int i = 0; i < 3000 && !atomic_load(&all->done) && queued(all->w) == 0; i++)
        pause_ms(10);
    rp_engine_unlisten(all->w->engine, &l);
    return atomic_load(&all->done);
}

static void finish(struct all *all)
{
    world_free(all->w);
    rp_arena_free(&all->arena);
}

static void end_with_one_who_waits(struct all *all, bool fails)
{
    for (int i = 0; i < 20; i++) {
        prepare(all);
        all->fails = fails;
        if (end_canary(all))
            return;
        finish(all);
    }
    fail_msg("who waits was not taken along");
}

static void the_next_wave_is_taken_in_the_transaction_that_ends_the_one_before(void **state)
{
    struct all all;
    (void)state;
    end_with_one_who_waits(&all, false);
    assert_true(all.op.ok);
    assert_int_equal(all.committed, CANARY); /* to others the canary still runs */
    assert_int_equal(all.got, 2 * CANARY);
    assert_int_equal(leases_that_others_see(all.w), 2 * CANARY);
    finish(&all);
}

static void one_that_cannot_take_it_leaves_the_reports_alone(void **state)
{
    struct all all;
    (void)state;
    end_with_one_who_waits(&all, true);
    assert_false(all.op.ok);
    assert_int_equal(all.op.err.code, RP_E_CONFLICT);
    assert_int_equal(leases_that_others_see(all.w), 0);
    assert_int_equal(queued(all.w), 2 * CANARY);
    finish(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_wave_is_taken_in_the_transaction_that_ends_the_one_before),
        cmocka_unit_test(one_that_cannot_take_it_leaves_the_reports_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
