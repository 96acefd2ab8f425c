/* G14 and G24 where no one sets the clock: the machine sleeps, the clock is slewed, and steps back
 * by a leap second (schedules, rule 11). What is a length of time stays one. */
#include "unit/engine/clocks.h"

#define SECONDLY "jobs:\n  s: { run: [\"true\"], schedule: \"* * * * * *\", overlap: allow }\n"

static void G24_a_sleep_takes_no_lease_and_stretches_no_retry(void **state)
{
    (void)state;
    struct world *w = world_with_clock(
        "lease: 8s\njobs:\n"
        "  fetched: { idempotent: true }\n"
        "  again: { run: [sh, -c, \"exit 1\"], retries: 1, backoff: { kind: fixed, base: 1h } }\n"
        "  long: { run: [sh, -c, \"read -r go; while [ ! -e $go ]; do sleep 0.05; done\"] }\n");
    char go[100];
    (void)snprintf(go, sizeof go, "%s/go", w->dir);
    int64_t fetched = fetch(w, 8 * RP_US_S).job.id, again = enqueue(w, "again", NULL);
    int64_t running = enqueue(w, "long", go);
    (void)job_in(w, again, RP_RETRYING);
    (void)job_in(w, running, RP_RUNNING);
    sleep_for(w, 2 * RP_US_H);
    FILE *f = fopen(go, "w");
    assert_non_null(f);
    (void)fclose(f);
    /* The worker slept too and could not beat: it gets the length of a lease to do so … */
    assert_int_equal(job(w, fetched).state, RP_RUNNING);
    assert_int_equal(job_in(w, running, RP_SUCCEEDED).last_n, 1);
    assert_int_equal(job_in(w, again, RP_FAILED).last_n, 2); /* the hour of the retry is over */
    /* … and no more: this one says nothing. */
    for (int i = 0; i < PATIENCE && attempt(w, fetched, 0).outcome != RP_OUT_LOST; i++)
        pause_ms(10);
    assert_int_equal(attempt(w, fetched, 0).outcome, RP_OUT_LOST);
    world_free(w);
}

/* ---- rule 11: small steps and drift ---- */

/* A leap second is smeared by slewing the clock for hours; here it is slewed much harder, to where
 * 60 ms of it come between two looks. */
static void G24_a_slewed_clock_fires_each_instant_once_and_in_time(void **state)
{
    (void)state;
    static const int64_t ppm[] = {60000, -60000};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock(SECONDLY);
        more_fire(w, 0);
        int64_t from = wall(NULL);
        slew(ppm[i]);
        size_t n = come(w, "s", from, INT64_MAX, RP_VERDICT_FIRED, 3);
        int64_t to = schedule(w).last_us + 1;
        assert_true(n >= 3);
        assert_int_equal(verdicts(w, from, to, RP_VERDICT_FIRED),
                         to / RP_US_S - from / RP_US_S); /* each second of that clock */
        assert_int_equal(verdicts(w, 0, INT64_MAX, RP_VERDICT_CLOCK), 0);
        jobs_are_instants(w);
        world_free(w);
    }
}

/* A clock that is not smeared steps back by the leap second: its second comes twice. */
static void G14_G24_a_second_that_comes_twice_fires_once(void **state)
{
    (void)state;
    struct world *w = world_with_clock(SECONDLY);
    more_fire(w, 1);
    int64_t from = wall(NULL) - 2 * RP_US_S;
    atomic_fetch_add(&offset_us, -RP_US_S);
    more_fire(w, fired(w) + 1);
    size_t n;
    struct rp_occurrence *v = ledger_of(w, "s", from, schedule(w).last_us + 1, &n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(v[i].verdict, RP_VERDICT_FIRED); /* none left out either */
    jobs_are_instants(w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(G24_a_sleep_takes_no_lease_and_stretches_no_retry),
        cmocka_unit_test(G24_a_slewed_clock_fires_each_instant_once_and_in_time),
        cmocka_unit_test(G14_G24_a_second_that_comes_twice_fires_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
