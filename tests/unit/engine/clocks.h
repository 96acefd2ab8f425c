/* An engine under clocks of the test's own, for the tests of engine/ and of faults/: the wall clock
 * is set, slewed, and the machine sleeps. */
#ifndef RP_TESTS_ENGINE_CLOCKS_H
#define RP_TESTS_ENGINE_CLOCKS_H

#include "world.h"

#include <stdatomic.h>

#define TEST_HELPER __attribute__((unused)) static

/* How far the wall clock is from the machine's; how long the machine slept, on both clocks; how
 * much faster the wall clock runs than it should, from when on. */
static _Atomic int64_t offset_us, slept_us, fast_ppm, fast_since_us;

static int64_t mono(void *ctx)
{
    (void)ctx;
    return rp_mono(&rp_clock_system) + atomic_load(&slept_us);
}

static int64_t wall(void *ctx)
{
    (void)ctx;
    int64_t slewed = (rp_mono(&rp_clock_system) - atomic_load(&fast_since_us)) *
                     atomic_load(&fast_ppm) / 1000000;
    return rp_wall(&rp_clock_system) + atomic_load(&offset_us) + atomic_load(&slept_us) + slewed;
}

static const struct rp_clock settable = {wall, mono, NULL};

/* The wall clock is right if `start_us` is 0, else it shows that now. */
TEST_HELPER struct world *world_at(const char *yaml, int64_t start_us)
{
    atomic_store(&slept_us, 0);
    atomic_store(&fast_ppm, 0);
    atomic_store(&offset_us, start_us != 0 ? start_us - rp_wall(&rp_clock_system) : 0);
    struct world *w = world_prepare(yaml);
    w->clock = &settable;
    world_open(w);
    return w;
}

TEST_HELPER struct world *world_with_clock(const char *yaml)
{
    return world_at(yaml, 0);
}

/* Until a tick has seen the new time. */
TEST_HELPER void seen(struct world *w)
{
    struct rp_engine_state s;
    int64_t now = wall(NULL);
    for (int i = 0; i < PATIENCE; i++, pause_ms(10)) {
        rp_engine_state(w->engine, &s);
        if (s.last_tick_us >= now && s.last_tick_us < now + 10 * RP_US_MIN)
            return;
    }
    fail_msg("the engine did not see the new time");
}

TEST_HELPER void set_clock(struct world *w, int64_t by_us)
{
    atomic_fetch_add(&offset_us, by_us);
    seen(w);
}

/* The machine sleeps: no thread of it runs, and both clocks have moved on. */
TEST_HELPER void sleep_for(struct world *w, int64_t us)
{
    atomic_fetch_add(&slept_us, us);
    seen(w);
}

TEST_HELPER void slew(int64_t ppm)
{
    atomic_store(&fast_since_us, rp_mono(&rp_clock_system));
    atomic_store(&fast_ppm, ppm);
}

/* ---- a worker ---- */

struct fetch {
    struct world *w;
    int64_t lease_us;
    struct rp_lease *l;
    size_t n;
};

TEST_HELPER bool fetch_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct fetch *f = arg;
    struct rp_claim c = {
        .node = RP_STR("n"), .worker = RP_STR("w"), .max = 1, .lease_us = f->lease_us};
    return rp_jobs_claim(db, &c, wall(NULL), &f->w->arena, &f->l, &f->n, err);
}

/* Enqueues a job of the type `fetched`, and has it. */
TEST_HELPER struct rp_lease fetch(struct world *w, int64_t lease_us)
{
    struct rp_err err;
    struct fetch f = {.w = w, .lease_us = lease_us};
    (void)enqueue(w, "fetched", NULL);
    must(rp_engine_write(w->engine, fetch_run, &f, &err), &err);
    assert_int_equal(f.n, 1);
    return f.l[0];
}

/* ---- the ledger of the schedule `s` ---- */

TEST_HELPER struct rp_schedule_row schedule_of(struct world *w, const char *name)
{
    struct rp_schedule_row row;
    struct rp_err err;
    must(rp_schedule_get(w->reader, rp_str_of(name), wall(NULL), &w->arena, &row, &err), &err);
    return row;
}

TEST_HELPER struct rp_schedule_row schedule(struct world *w)
{
    return schedule_of(w, "s");
}

TEST_HELPER struct rp_occurrence *ledger_of(struct world *w, const char *name, int64_t from_us,
                                            int64_t to_us, size_t *n)
{
    struct rp_occurrence *v;
    struct rp_err err;
    must(rp_occurrences(w->reader, schedule_of(w, name).id, from_us, to_us, 10000, &w->arena, &v, n,
                        &err),
         &err);
    return v;
}

/* Page by page, up to the newest verdict: behind it all is still expected. */
TEST_HELPER size_t verdicts_of(struct world *w, const char *name, int64_t from_us, int64_t to_us,
                               enum rp_verdict verdict)
{
    int64_t last = schedule_of(w, name).last_us;
    size_t n = 10000, hits = 0;
    to_us = to_us <= last ? to_us : last + 1;
    while (n == 10000) {
        struct rp_occurrence *v = ledger_of(w, name, from_us, to_us, &n);
        for (size_t i = 0; i < n; i++)
            hits += v[i].verdict == verdict;
        from_us = n > 0 ? v[n - 1].instant_us + 1 : to_us;
    }
    return hits;
}

TEST_HELPER size_t verdicts(struct world *w, int64_t from_us, int64_t to_us,
                            enum rp_verdict verdict)
{
    return verdicts_of(w, "s", from_us, to_us, verdict);
}

/* Waits until so many instants of [from, to) have the verdict, and says how many have. */
TEST_HELPER size_t come(struct world *w, const char *name, int64_t from_us, int64_t to_us,
                        enum rp_verdict verdict, size_t n)
{
    for (int i = 0; i < PATIENCE && verdicts_of(w, name, from_us, to_us, verdict) < n; i++)
        pause_ms(10);
    return verdicts_of(w, name, from_us, to_us, verdict);
}

TEST_HELPER size_t fired(struct world *w)
{
    struct rp_err err;
    int64_t n;
    must(rp_jobs_count(w->reader, &(struct rp_job_filter){.schedule = RP_STR("s")}, &n, &err),
         &err);
    return (size_t)n;
}

TEST_HELPER void more_fire(struct world *w, size_t than)
{
    for (int i = 0; i < PATIENCE && fired(w) <= than; i++)
        pause_ms(10);
    if (fired(w) <= than)
        fail_msg("nothing fires");
}

/* G14: no two jobs of the schedule have one instant. */
TEST_HELPER void jobs_are_instants(struct world *w)
{
    struct rp_job_filter f = {.schedule = RP_STR("s")};
    struct rp_job *v;
    struct rp_err err;
    size_t n;
    bool more;
    must(rp_jobs_list(w->reader, &f, 0, 1000, &w->arena, &v, &n, &more, &err), &err);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (v[i].instant_us == v[k].instant_us)
                fail_msg("jobs %lld and %lld are of one instant", (long long)v[k].id,
                         (long long)v[i].id);
}

#endif
