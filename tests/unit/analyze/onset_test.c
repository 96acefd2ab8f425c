#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/onset.h"

#include <math.h>
#include <stdlib.h>

enum { DAY = 1440 };

static uint64_t seed = 88172645463325252u;

static double uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static uint64_t binomial(uint64_t n, double p)
{
    uint64_t k = 0;
    for (uint64_t i = 0; i < n; i++)
        k += uniform() < p;
    return k;
}

static uint64_t poisson(double mean) /* Knuth: for small means */
{
    uint64_t k = 0;
    for (double p = uniform(), least = exp(-mean); p > least; p *= uniform())
        k++;
    return k;
}

/* A day of `runs` a minute; the rate goes from low to high between two minutes. */
static void simulate(struct rp_counts m[DAY], uint64_t runs, double low, double high, int from,
                     int to)
{
    for (int t = 0; t < DAY; t++) {
        double part = t < from ? 0 : t >= to ? 1 : (double)(t - from) / (to - from);
        m[t].runs = runs;
        m[t].failed = binomial(runs, low + (high - low) * part);
    }
}

static void a_step_is_found_within_a_minute_or_two(void **state)
{
    (void)state;
    int covered = 0;
    for (int i = 0; i < 40; i++) {
        struct rp_counts m[DAY];
        struct rp_onset o;
        int at = 100 + i * 31;
        simulate(m, 20, .02, .40, at, at);
        rp_onset_find(m, DAY, false, &o);
        assert_int_equal(o.kind, RP_ONSET_SUDDEN);
        assert_in_range(o.at, at - 3, at + 3);
        assert_true(fabs(o.before - .02) < .02 && fabs(o.after - .40) < .05);
        covered += (int)o.from <= at && at <= (int)o.to;
    }
    assert_in_range(covered, 34, 40); /* a 95 % interval: below 34 of 40 is a chance of 1 in 800 */
}

static void what_never_failed_and_then_always_begins_at_that_minute(void **state)
{
    (void)state;
    struct rp_counts m[DAY];
    struct rp_onset o;
    simulate(m, 4, 0, 1, 900, 900);
    rp_onset_find(m, DAY, false, &o);
    assert_int_equal(o.kind, RP_ONSET_SUDDEN);
    assert_int_equal(o.at, 900);
    assert_int_equal(o.from, 900);
    assert_int_equal(o.to, 900);
    assert_true(o.before == 0 && o.after == 1);
}

/* A pulse that has ended: it began where it began. */
static void a_rise_that_is_over_is_still_found_where_it_began(void **state)
{
    (void)state;
    struct rp_counts m[DAY];
    struct rp_onset o;
    simulate(m, 20, .01, .5, 700, 700);
    for (int t = 760; t < DAY; t++)
        m[t].failed = binomial(20, .01);
    rp_onset_find(m, DAY, false, &o);
    assert_true(o.kind != RP_ONSET_NONE);
    assert_in_range(o.at, 697, 703);
}

/* The threshold is one in a thousand and more for each of T places: of 400 quiet days at most one
 * may say something. */
static void quiet_days_have_no_onset(void **state)
{
    (void)state;
    int said = 0;
    for (int i = 0; i < 400; i++) {
        struct rp_counts m[DAY];
        struct rp_onset o;
        simulate(m, 3, i % 2 == 0 ? .05 : .5, i % 2 == 0 ? .05 : .5, 0, 0);
        rp_onset_find(m, DAY, i % 4 >= 2, &o);
        said += o.kind != RP_ONSET_NONE;
    }
    assert_in_range(said, 0, 1);
}

static void a_fall_is_no_onset(void **state)
{
    (void)state;
    struct rp_counts m[DAY];
    struct rp_onset o;
    simulate(m, 20, .6, .01, 500, 500);
    rp_onset_find(m, DAY, false, &o);
    assert_int_equal(o.kind, RP_ONSET_NONE);
}

static void a_slow_rise_is_called_slow_and_a_step_never(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct rp_counts m[DAY];
        struct rp_onset o;
        int from = 200 + i * 20;
        simulate(m, 20, .02, .5, from, from + 400);
        rp_onset_find(m, DAY, false, &o);
        assert_int_equal(o.kind, RP_ONSET_SLOW);
        assert_in_range(o.at, from - 120, from + 150);
        simulate(m, 20, .02, .5, from, from);
        rp_onset_find(m, DAY, false, &o);
        assert_int_equal(o.kind, RP_ONSET_SUDDEN);
    }
}

static void counts_alone_are_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct rp_counts m[DAY] = {0};
        struct rp_onset o;
        for (int t = 0; t < DAY; t++)
            m[t].failed = poisson(t < 600 + i ? .05 : 2);
        rp_onset_find(m, DAY, true, &o);
        assert_int_equal(o.kind, RP_ONSET_SUDDEN);
        assert_in_range(o.at, 595 + i, 605 + i);
    }
}

/* The ratio by the definition, on a series small enough to do by hand: 2 of 20, then 9 of 10. */
static void the_ratio_is_that_of_the_definition(void **state)
{
    (void)state;
    struct rp_counts m[] = {{1, 10}, {1, 10}, {9, 10}};
    struct rp_onset o;
    double ll = 2 * log(.1) + 18 * log(.9) + 9 * log(.9) + 1 * log(.1),
           null = 11 * log(11. / 30) + 19 * log(19. / 30);
    rp_onset_find(m, 3, false, &o);
    assert_true(fabs(o.llr2 - 2 * (ll - null)) < 1e-9);
    assert_true(o.llr2 > 10.83 + 2 * log(3));
    assert_int_equal(o.at, 2);
    struct rp_counts weak[] = {{1, 10}, {1, 10}, {6, 10}}; /* 2·LLR 9.0: below 13.03 */
    rp_onset_find(weak, 3, false, &o);
    assert_int_equal(o.kind, RP_ONSET_NONE);
    rp_onset_find(weak, 0, false, &o);
    assert_int_equal(o.kind, RP_ONSET_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_found_within_a_minute_or_two),
        cmocka_unit_test(what_never_failed_and_then_always_begins_at_that_minute),
        cmocka_unit_test(a_rise_that_is_over_is_still_found_where_it_began),
        cmocka_unit_test(quiet_days_have_no_onset),
        cmocka_unit_test(a_fall_is_no_onset),
        cmocka_unit_test(a_slow_rise_is_called_slow_and_a_step_never),
        cmocka_unit_test(counts_alone_are_enough),
        cmocka_unit_test(the_ratio_is_that_of_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
