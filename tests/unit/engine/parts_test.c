/* A part of a tick that fails by itself, not because the store cannot be written, leaves the
 * others' work alone, and loses nothing of what it was to write. The tests make it fail by
 * triggers. */
#include "clocks.h"

#include "store/internal.h"

#define REST                                                                                       \
    "shutdown_grace: 1s\n"                                                                         \
    "jobs:\n"                                                                                      \
    "  quick: { run: [sh, -c, \"echo done\"], idempotent: true }\n"                                \
    "  fetched: {}\n"                                                                              \
    "  waits: { run: [sh, -c, 'f=\"$(cat)\"; while [ ! -e \"$f\" ]; do sleep 0.05; done'],"        \
    " idempotent: true, retries: 1 }\n"
static const char conf[] = "lease: 60s\n" REST, long_leases[] = "lease: 1h\n" REST;

static bool run_script(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_script(db, arg, err);
}

static void script(struct world *w, const char *sql)
{
    struct rp_err err;
    must(rp_engine_write(w->engine, run_script, (void *)(uintptr_t)sql, &err), &err);
}

/* `job` cannot end while the trigger is there. */
static void no_end_of(struct world *w, int64_t job)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "create trigger broken before insert on attempt when new.job_id = %lld"
                   " begin select raise(abort, 'broken by the test'); end",
                   (long long)job);
    script(w, sql);
}

static void path_of(struct world *w, char path[100])
{
    (void)snprintf(path, 100, "%s/go", w->dir);
}

static int64_t enqueue_waiting(struct world *w)
{
    char path[100];
    path_of(w, path);
    int64_t id = enqueue(w, "waits", path);
    (void)job_in(w, id, RP_RUNNING);
    return id;
}

static void go(struct world *w)
{
    char path[100];
    path_of(w, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
}

/* Its report cannot be written: that of all others is, and its own once it can be. */
static void G3_a_report_that_cannot_be_written_waits_and_holds_no_other_up(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    int64_t bad = enqueue_waiting(w), good = enqueue_waiting(w);
    no_end_of(w, bad);
    go(w);
    (void)job_in(w, good, RP_SUCCEEDED);
    for (int i = 0; i < 4; i++) { /* longer than a lease: it is held */
        (void)job_in(w, enqueue(w, "quick", NULL), RP_SUCCEEDED);
        sleep_for(w, 25 * RP_US_S);
    }
    assert_int_equal(job(w, bad).state, RP_RUNNING);
    script(w, "drop trigger broken");
    assert_int_equal(job_in(w, bad, RP_SUCCEEDED).last_n, 1);
    world_free(w);
}

/* While no engine runs. */
static void mend_store(struct world *w)
{
    struct rp_store *s;
    struct rp_err err;
    must(rp_store_open(w->url, &s, &err), &err);
    must(rp_script(rp_store_writer(s), "drop trigger broken", &err), &err);
    rp_store_close(s);
}

static void G26_a_stop_does_not_wait_for_a_report_that_cannot_be_written(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    int64_t bad = enqueue_waiting(w);
    no_end_of(w, bad);
    go(w);
    (void)job_in(w, enqueue(w, "quick", NULL), RP_SUCCEEDED);
    int64_t from = rp_mono(&rp_clock_system);
    world_close(w);
    int64_t took = rp_mono(&rp_clock_system) - from;
    if (took > 60 * RP_US_S) /* for ever, else */
        fail_msg("the stop took %lld ms", (long long)(took / 1000));
    mend_store(w);
    world_open(w); /* it says what it knows: an attempt was lost */
    assert_int_equal(job_in(w, bad, RP_SUCCEEDED).last_n, 2);
    assert_int_equal(attempt(w, bad, 0).outcome, RP_OUT_LOST);
    world_free(w);
}

/* A lost attempt that cannot be written keeps no other lease, and no due job, from its end. */
static void G12_a_lost_attempt_that_cannot_be_ended_keeps_no_other_from_it(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    int64_t id[3];
    for (int i = 0; i < 3; i++)
        id[i] = fetch(w, 20 * RP_US_S).job.id;
    no_end_of(w, id[1]);
    sleep_for(w, 25 * RP_US_S);
    (void)job_in(w, id[0], RP_UNKNOWN);
    (void)job_in(w, id[2], RP_UNKNOWN);
    assert_int_equal(job(w, id[1]).state, RP_RUNNING); /* its lease is the record of it */
    script(w, "drop trigger broken");
    for (int i = 0; i < 4; i++) /* after a longer gap leases would be spared */
        sleep_for(w, 25 * RP_US_S);
    (void)job_in(w, id[1], RP_UNKNOWN);
    world_free(w);
}

static void a_beat_that_cannot_be_written_ends_no_running_command(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    int64_t id = enqueue_waiting(w);
    script(w, "create trigger broken before update on lease begin select raise(abort, 'broken by"
              " the test'); end");
    sleep_for(w, 25 * RP_US_S); /* a beat is due every 20 s */
    script(w, "drop trigger broken");
    go(w);
    assert_int_equal(job_in(w, id, RP_SUCCEEDED).last_n, 1);
    world_free(w);
}

static int64_t deadline(struct world *w)
{
    struct rp_err err;
    int64_t at;
    must(rp_get_i64(rp_sql(w->reader, "select max(deadline) from lease"), 0, &at, &err), &err);
    return at;
}

static void a_beat_that_could_not_be_written_is_tried_again_soon(void **state)
{
    (void)state;
    struct world *w = world_with_clock(long_leases);
    int64_t id = enqueue_waiting(w), before = deadline(w);
    script(w, "create trigger broken before update on lease begin select raise(abort, 'broken by"
              " the test'); end");
    sleep_for(w, 21 * RP_US_MIN); /* a beat is due every 20 min */
    assert_int_equal(deadline(w), before);
    script(w, "drop trigger broken");
    for (int i = 0; i < PATIENCE && deadline(w) == before; i++)
        pause_ms(10);
    assert_true(deadline(w) > before);
    go(w);
    (void)job_in(w, id, RP_SUCCEEDED);
    world_free(w);
}

/* What a set clock moves is moved by the tick that can; until then nothing ends by the new time. */
static void G24_a_set_clock_that_could_not_be_followed_is_followed_by_a_later_tick(void **state)
{
    (void)state;
    static const int64_t by[] = {RP_US_H, -RP_US_H};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock(conf);
        struct rp_lease l = fetch(w, 10 * RP_US_MIN);
        int64_t before = deadline(w);
        script(w, "create trigger broken before update on lease begin select raise(abort, 'broken"
                  " by the test'); end");
        set_clock(w, by[i]);
        assert_int_equal(deadline(w), before);
        assert_int_equal(job(w, l.job.id).state, RP_RUNNING);
        script(w, "drop trigger broken");
        for (int k = 0; k < 3000 && deadline(w) == before; k++)
            pause_ms(10);
        int64_t moved = deadline(w) - before;
        assert_in_range(moved - by[i] + RP_US_S, 0, 2 * RP_US_S);
        assert_int_equal(job(w, l.job.id).state, RP_RUNNING);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G3_a_report_that_cannot_be_written_waits_and_holds_no_other_up),
        cmocka_unit_test(G26_a_stop_does_not_wait_for_a_report_that_cannot_be_written),
        cmocka_unit_test(G12_a_lost_attempt_that_cannot_be_ended_keeps_no_other_from_it),
        cmocka_unit_test(a_beat_that_cannot_be_written_ends_no_running_command),
        cmocka_unit_test(a_beat_that_could_not_be_written_is_tried_again_soon),
        cmocka_unit_test(G24_a_set_clock_that_could_not_be_followed_is_followed_by_a_later_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
