/* Series that share their bins: whatever the order and the period, every series adds up to what a
 * plain list of all that was added says of the same bins. */
#include "analyze/series.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SERIES = 3, MOST = 4000 };

struct added {
    int64_t at;
    uint32_t id, n;
};

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void agree(const struct rp_series *s, const struct added *v, size_t n)
{
    static struct rp_counts is[RP_SERIES_BINS], want[RP_SERIES_BINS];
    for (uint32_t id = 0; id < SERIES; id++) {
        memset(is, 0, sizeof is);
        memset(want, 0, sizeof want);
        for (size_t i = 0; i < n; i++)
            if (v[i].id == id)
                want[floor_div(v[i].at, s->width_us) - s->first].failed += v[i].n;
        rp_series_sum(s, id, true, is);
        for (size_t i = 0; i < RP_SERIES_BINS; i++)
            assert_int_equal(is[i].failed, want[i].failed);
    }
}

static void run(uint64_t seed, int64_t around, int64_t span)
{
    static struct added v[MOST];
    struct rp_series s = {0};
    uint32_t id;
    for (uint32_t i = 0; i < SERIES; i++)
        assert_true(rp_series_new(&s, &id) && id == i);
    for (size_t i = 0; i < MOST; i++) {
        v[i] = (struct added){around + (int64_t)(next(&seed) % (uint64_t)span) - span / 2,
                              (uint32_t)(next(&seed) % SERIES), (uint32_t)(next(&seed) % 3)};
        rp_series_add(&s, v[i].id, v[i].at, v[i].n);
    }
    assert_true(rp_series_length(&s) <= RP_SERIES_BINS);
    agree(&s, v, MOST);
    rp_series_free(&s);
}

static void every_order_and_period_adds_up(void **state)
{
    (void)state;
    run(1, 0, RP_US_H);                               /* around 1970: bins below zero */
    run(2, 1790000000 * RP_US_S, 24 * RP_US_H);       /* a day: minutes */
    run(3, 1790000000 * RP_US_S, 400 * 24 * RP_US_H); /* more than a year: widened often */
    run(4, -1790000000 * RP_US_S, 30 * 24 * RP_US_H);
}

static void a_day_of_runs_keeps_its_minutes(void **state)
{
    (void)state;
    struct rp_series s = {0};
    uint32_t id;
    assert_true(rp_series_new(&s, &id));
    for (int64_t m = 0; m < 24 * 60; m++)
        rp_series_add(&s, id, 1790000000 * RP_US_S + m * RP_US_MIN, 1);
    assert_true(s.width_us == RP_US_MIN);
    assert_int_equal(rp_series_length(&s), 24 * 60);
    rp_series_free(&s);
}

static void between_counts_the_bins_of_both_instants(void **state)
{
    (void)state;
    struct rp_series s = {0};
    uint32_t id;
    assert_true(rp_series_new(&s, &id));
    for (int64_t m = 0; m < 10; m++)
        rp_series_add(&s, id, m * RP_US_MIN + 5, 2);
    assert_int_equal(rp_series_between(&s, id, 3 * RP_US_MIN + 59, 5 * RP_US_MIN), 6);
    assert_int_equal(rp_series_between(&s, id, -RP_US_H, RP_US_H), 20);
    assert_int_equal(rp_series_between(&s, id, RP_US_H, 2 * RP_US_H), 0);
    rp_series_free(&s);
}

static void there_are_never_more_series_than_the_limit(void **state)
{
    (void)state;
    struct rp_series s = {0};
    uint32_t id;
    for (int i = 0; i < RP_SERIES_MOST; i++)
        assert_true(rp_series_new(&s, &id));
    assert_false(rp_series_new(&s, &id));
    rp_series_add(&s, 0, INT64_MAX, 1); /* no time that anybody means */
    assert_int_equal(rp_series_length(&s), 0);
    rp_series_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_and_period_adds_up),
        cmocka_unit_test(a_day_of_runs_keeps_its_minutes),
        cmocka_unit_test(between_counts_the_bins_of_both_instants),
        cmocka_unit_test(there_are_never_more_series_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
