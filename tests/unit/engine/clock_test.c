/* The wall clock is set while the engine runs: schedules rule 11, and what is a length of time
 * stays one (G10, G16, G24, U13, U18). */
#include "clocks.h"

#define COMMAND(name, script, options)                                                             \
    "  " name ": { run: [sh, -c, \"" script "\"], idempotent: true" options " }\n"

static void G16_a_running_command_keeps_its_lease_when_the_clock_is_set(void **state)
{
    (void)state;
    static const int64_t by[] = {RP_US_H, -RP_US_H};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock("shutdown_grace: 1s\njobs:\n" COMMAND(
            "a", "read -r go; while [ ! -e $go ]; do sleep 0.05; done; echo done", ""));
        char go[100];
        (void)snprintf(go, sizeof go, "%s/go", w->dir);
        int64_t id = enqueue(w, "a", go);
        (void)job_in(w, id, RP_RUNNING);
        set_clock(w, by[i]);
        FILE *f = fopen(go, "w");
        assert_non_null(f);
        (void)fclose(f);
        assert_int_equal(job_in(w, id, RP_SUCCEEDED).last_n, 1);
        world_free(w);
    }
}

static void U13_a_workers_lease_is_as_long_as_before_when_the_clock_is_set(void **state)
{
    (void)state;
    static const int64_t by[] = {RP_US_H, -5 * RP_US_H};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock("jobs: { fetched: {} }\n");
        struct rp_lease l = fetch(w, 6 * RP_US_S);
        int64_t from = mono(NULL);
        set_clock(w, by[i]);
        assert_int_equal(job(w, l.job.id).state, RP_RUNNING); /* not at once … */
        (void)job_in(w, l.job.id, RP_UNKNOWN);                /* … and not in an hour */
        assert_true(mono(NULL) - from > 5 * RP_US_S);
        world_free(w);
    }
}

static void G24_a_retry_comes_after_its_delay_when_the_clock_is_set_back(void **state)
{
    (void)state;
    struct world *w = world_with_clock(
        "jobs:\n" COMMAND("a", "exit 1", ", retries: 1, backoff: { kind: fixed, base: 5s }"));
    int64_t id = enqueue(w, "a", NULL);
    (void)job_in(w, id, RP_RETRYING);
    set_clock(w, -RP_US_H);
    (void)job_in(w, id, RP_FAILED);
    assert_int_equal(job(w, id).last_n, 2);
    world_free(w);
}

/* ---- schedules ---- */

static const char every_second[] =
    "jobs:\n  s: { run: [\"true\"], schedule: \"* * * * * *\", overlap: allow }\n";

static void
R11_one_hour_forward_what_was_jumped_over_is_missed_and_one_run_stands_for_it(void **state)
{
    (void)state;
    struct world *w = world_with_clock(
        "jobs:\n  s: { run: [\"true\"], schedule: \"0 * * * * *\", overlap: allow }\n");
    int64_t before = wall(NULL);
    set_clock(w, RP_US_H);
    int64_t after = wall(NULL);
    for (int i = 0; i < PATIENCE && verdicts(w, before, after, RP_VERDICT_MERGED) < 58; i++)
        pause_ms(10);
    size_t merged = verdicts(w, before, after, RP_VERDICT_MERGED);
    assert_true(merged >= 58 && merged <= 61); /* 60 instants of an hour, one of which runs */
    assert_true(verdicts(w, before, after, RP_VERDICT_FIRED) <= 2);
    assert_true(verdicts(w, before, after, RP_VERDICT_FIRED) >= 1);
    assert_true(schedule(w).next_us > after); /* and it goes on */
    jobs_are_instants(w);
    world_free(w);
}

static void R11_five_hours_forward_are_a_correction_nothing_runs_for_them(void **state)
{
    (void)state;
    struct world *w = world_with_clock(
        "jobs:\n  s: { run: [\"true\"], schedule: \"0 * * * * *\", overlap: allow }\n");
    int64_t before = wall(NULL);
    set_clock(w, 5 * RP_US_H);
    int64_t after = wall(NULL);
    for (int i = 0; i < PATIENCE && verdicts(w, before, after, RP_VERDICT_CLOCK) < 298; i++)
        pause_ms(10);
    size_t skipped = verdicts(w, before, after, RP_VERDICT_CLOCK);
    assert_true(skipped >= 298 && skipped <= 301);
    assert_int_equal(verdicts(w, before, after - RP_US_MIN, RP_VERDICT_FIRED), 0);
    assert_true(schedule(w).next_us > after);
    world_free(w);
}

static void R11_one_hour_back_nothing_that_fired_fires_again(void **state)
{
    (void)state;
    struct world *w = world_with_clock(every_second);
    more_fire(w, 1);
    set_clock(w, -RP_US_H);
    size_t n = fired(w);
    pause_ms(2500);
    assert_int_equal(fired(w), n);
    jobs_are_instants(w);
    set_clock(w, RP_US_H - 2 * RP_US_S);
    more_fire(w, n);
    jobs_are_instants(w);
    world_free(w);
}

static void R11_five_hours_back_schedules_start_from_the_new_time(void **state)
{
    (void)state;
    struct world *w = world_with_clock(every_second);
    more_fire(w, 0);
    set_clock(w, -5 * RP_US_H);
    more_fire(w, fired(w) + 1);
    world_free(w);
}

static void R11_a_daemon_that_starts_after_the_clock_was_put_right_does_not_wait_for_the_wrong_time(
    void **state)
{
    (void)state;
    struct world *w = world_prepare(every_second);
    w->clock = &settable;
    atomic_store(&offset_us, 1000 * RP_US_DAY);
    world_open(w);
    more_fire(w, 0);
    world_close(w);
    atomic_store(&offset_us, 0);
    world_open(w);
    more_fire(w, fired(w) + 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G16_a_running_command_keeps_its_lease_when_the_clock_is_set),
        cmocka_unit_test(U13_a_workers_lease_is_as_long_as_before_when_the_clock_is_set),
        cmocka_unit_test(G24_a_retry_comes_after_its_delay_when_the_clock_is_set_back),
        cmocka_unit_test(
            R11_one_hour_forward_what_was_jumped_over_is_missed_and_one_run_stands_for_it),
        cmocka_unit_test(R11_five_hours_forward_are_a_correction_nothing_runs_for_them),
        cmocka_unit_test(R11_one_hour_back_nothing_that_fired_fires_again),
        cmocka_unit_test(R11_five_hours_back_schedules_start_from_the_new_time),
        cmocka_unit_test(
            R11_a_daemon_that_starts_after_the_clock_was_put_right_does_not_wait_for_the_wrong_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
