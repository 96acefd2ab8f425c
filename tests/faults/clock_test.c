/* G14 at a running engine whose wall clock is set, and whose machine sleeps (schedules, rules 11
 * and 14). Random lives of the ledger alone are in tests/unit/store/schedules_lives_test.c.
 *
 *   RP_SEED=n           another random life
 *   RP_CLOCK_MOVES=n    makes it longer */
#include "unit/engine/clocks.h"

enum { MOVES = 5 };

#define MINUTELY "jobs:\n  s: { run: [\"true\"], schedule: \"0 * * * * *\", overlap: allow }\n"
#define SECONDLY "jobs:\n  s: { run: [\"true\"], schedule: \"* * * * * *\", overlap: allow }\n"

/* ---- rule 11: the clock is set ---- */

#define CORRECTION (3 * RP_US_H)
#define NEAR       (20 * RP_US_S) /* within it a slow machine does not blur on which side we are */

/* A correction is said: once, and which way. */
static void alert_is(struct world *w, bool expected, int64_t by_us)
{
    struct rp_engine_state s;
    rp_engine_state(w->engine, &s);
    assert_int_equal(s.correction.n, expected);
    if (!expected)
        return;
    assert_int_equal((s.correction.by_us + RP_US_S / 2) / RP_US_S, by_us / RP_US_S);
    assert_true(s.correction.at_us <= wall(NULL) && s.correction.at_us > wall(NULL) - RP_US_MIN);
}

static void R11_up_to_three_hours_forward_are_missed_and_more_are_a_correction(void **state)
{
    (void)state;
    static const struct {
        int64_t by;
        enum rp_verdict verdict;
    } v[] = {{CORRECTION - NEAR, RP_VERDICT_MERGED}, {CORRECTION + NEAR, RP_VERDICT_CLOCK}};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock(MINUTELY);
        int64_t before = wall(NULL);
        set_clock(w, v[i].by);
        int64_t after = wall(NULL);
        assert_true(come(w, "s", before, after, v[i].verdict, 177) >= 177);
        size_t fired = verdicts(w, before, after - RP_US_MIN, RP_VERDICT_FIRED);
        assert_true(fired <= (v[i].verdict == RP_VERDICT_MERGED ? 2 : 1));
        alert_is(w, v[i].verdict == RP_VERDICT_CLOCK, v[i].by);
        jobs_are_instants(w);
        world_free(w);
    }
}

static void
R11_up_to_three_hours_back_nothing_fires_again_and_more_start_from_the_new_time(void **state)
{
    (void)state;
    struct world *w = world_with_clock(SECONDLY);
    more_fire(w, 1);
    set_clock(w, -(CORRECTION - NEAR));
    size_t n = fired(w);
    int64_t until = mono(NULL) + 2500000;
    while (mono(NULL) < until) {
        assert_int_equal(fired(w), n);
        pause_ms(50);
    }
    set_clock(w, -(CORRECTION + NEAR)); /* a correction now: it does not wait six hours */
    more_fire(w, n);
    jobs_are_instants(w);
    world_free(w);
}

/* ---- rule 11: the machine sleeps: both clocks move on, whatever the length ---- */

static void R11_R14_a_sleep_of_any_length_is_missed_time_and_no_correction(void **state)
{
    (void)state;
    static const int64_t hours[] = {2, 5};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_with_clock(MINUTELY);
        int64_t before = wall(NULL), n = 60 * hours[i];
        sleep_for(w, hours[i] * RP_US_H);
        int64_t after = wall(NULL);
        size_t merged = come(w, "s", before, after, RP_VERDICT_MERGED, (size_t)n - 2);
        assert_true(merged >= (size_t)n - 2 && merged <= (size_t)n);
        assert_int_equal(verdicts(w, 0, INT64_MAX, RP_VERDICT_CLOCK), 0);
        size_t fired = verdicts(w, before, after, RP_VERDICT_FIRED);
        assert_true(fired >= 1 && fired <= 2); /* the one for all, and the minute that just began */
        jobs_are_instants(w);
        world_free(w);
    }
}

/* ---- rule 14: what a jump missed ---- */

static void R14_each_policy_makes_up_for_a_jump_as_it_says(void **state)
{
    (void)state;
    struct world *w = world_with_clock(
        "jobs:\n"
        "  once: { run: [\"true\"], schedule: \"0 * * * * *\", overlap: allow }\n"
        "  all: { run: [\"true\"], schedule: \"0 * * * * *\", missed: run-all, missed_max: "
        "100, overlap: allow }\n"
        "  skip: { run: [\"true\"], schedule: \"0 * * * * *\", missed: skip, overlap: "
        "allow }\n"
        "  within: { run: [\"true\"], schedule: \"0 * * * * *\", missed: run-all, "
        "start_within: 10m, overlap: allow }\n");
    int64_t before = wall(NULL);
    set_clock(w, 2 * RP_US_H);
    int64_t after = wall(NULL), all = after / RP_US_MIN - before / RP_US_MIN;
    int64_t sure = all - 2; /* the newest ones may have come in time */
    assert_true(come(w, "once", before, after, RP_VERDICT_MERGED, (size_t)sure - 1) >=
                (size_t)sure - 1);
    size_t fired = come(w, "all", before, after, RP_VERDICT_FIRED, 100);
    assert_true(fired >= 100 && fired <= 102);
    size_t limit = come(w, "all", before, after, RP_VERDICT_LIMIT, (size_t)all - 102);
    assert_true(limit >= (size_t)all - 102 && limit <= (size_t)all - 100);
    assert_true(come(w, "skip", before, after, RP_VERDICT_MISSED, (size_t)sure) >= (size_t)sure);
    size_t late = come(w, "within", before, after, RP_VERDICT_LATE, (size_t)all - 12);
    assert_true(late >= (size_t)all - 12 && late <= (size_t)all - 9);
    world_free(w);
}

/* ---- G14: a random life ---- */

static int64_t roll(uint64_t *x, int64_t sides)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(*x >> 33) % sides;
}

static void restart(struct world *w)
{
    world_close(w);
    world_open(w);
}

static void move(struct world *w, uint64_t *x)
{
    static const int64_t by[] = {RP_US_H, -RP_US_H, 5 * RP_US_H, -5 * RP_US_H, 150 * RP_US_MIN};
    switch (roll(x, 4)) {
    case 0:
        restart(w);
        break;
    case 1:
        sleep_for(w, by[roll(x, 2) * 2 > 0 ? 4 : 0]);
        break;
    default:
        set_clock(w, by[roll(x, 5)]);
    }
}

/* However the clocks go, also while nobody looks: an instant has one verdict and one job. */
static void one_job_an_instant(struct world *w, uint64_t seed)
{
    size_t n;
    struct rp_occurrence *v = ledger_of(w, "s", 0, wall(NULL) + 30 * RP_US_DAY, &n);
    for (size_t i = 1; i < n; i++)
        if (v[i].instant_us <= v[i - 1].instant_us)
            fail_msg("the ledger has an instant twice, or out of order: RP_SEED=%llu",
                     (unsigned long long)seed);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (v[i].verdict == RP_VERDICT_FIRED && v[k].verdict == RP_VERDICT_FIRED &&
                v[i].job_id == v[k].job_id)
                fail_msg("two instants have one job: RP_SEED=%llu", (unsigned long long)seed);
    jobs_are_instants(w);
}

static void G14_no_instant_makes_two_jobs_whatever_the_clocks_and_restarts(void **state)
{
    (void)state;
    const char *s = getenv("RP_SEED"), *m = getenv("RP_CLOCK_MOVES");
    uint64_t seed = s != NULL ? strtoull(s, NULL, 10) : 20261126;
    uint64_t x = seed;
    print_message("clock: RP_SEED=%llu\n", (unsigned long long)seed);
    struct world *w = world_with_clock(
        "jobs:\n  s: { run: [\"true\"], schedule: \"*/20 * * * * *\", overlap: allow }\n");
    for (int64_t i = m != NULL ? atoll(m) : MOVES; i > 0; i--) {
        move(w, &x);
        one_job_an_instant(w, seed);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R11_up_to_three_hours_forward_are_missed_and_more_are_a_correction),
        cmocka_unit_test(
            R11_up_to_three_hours_back_nothing_fires_again_and_more_start_from_the_new_time),
        cmocka_unit_test(R11_R14_a_sleep_of_any_length_is_missed_time_and_no_correction),
        cmocka_unit_test(R14_each_policy_makes_up_for_a_jump_as_it_says),
        cmocka_unit_test(G14_no_instant_makes_two_jobs_whatever_the_clocks_and_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
