#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/bins.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

static struct rp_counts sum(const struct rp_bins *b)
{
    struct rp_counts c = {0};
    for (size_t i = 0; i < b->n; i++) {
        c.failed += b->v[i].failed;
        c.runs += b->v[i].runs;
    }
    return c;
}

static void a_day_is_counted_by_minutes(void **state)
{
    (void)state;
    static struct rp_bins b;
    memset(&b, 0, sizeof b);
    for (int m = 0; m < 1440; m++)
        rp_bins_add(&b, (5000 + m) * RP_US_MIN + 30 * RP_US_S,
                    (struct rp_counts){(uint64_t)m % 2, 3});
    assert_int_equal(b.n, 1440);
    assert_true(b.width_us == RP_US_MIN && b.from_us == 5000 * RP_US_MIN);
    for (size_t m = 0; m < b.n; m++)
        assert_true(b.v[m].runs == 3 && b.v[m].failed == m % 2);
}

static int64_t times[5000];

static void add_all(struct rp_bins *b, int step)
{
    memset(b, 0, sizeof *b);
    for (size_t i = 0, at = 0; i < 5000; i++, at = (at + (size_t)step) % 5000)
        rp_bins_add(b, times[at], (struct rp_counts){at % 3 == 0, 1});
}

/* 7, 2999 and 4999 have no factor in common with 5000: each visits all. */
static void any_period_fits_and_the_order_changes_nothing(void **state)
{
    (void)state;
    static struct rp_bins one, other;
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 5; round++) {
        int64_t span = round * round * 400 * RP_US_DAY + RP_US_H;
        for (size_t i = 0; i < 5000; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            times[i] = (int64_t)(seed % (uint64_t)span) - span / 3;
        }
        add_all(&one, 1);
        assert_true(one.n <= RP_BINS && sum(&one).runs == 5000 && sum(&one).failed == 1667);
        assert_true(one.n > RP_BINS / 2 || one.width_us == RP_US_MIN);
        for (int k = 0; k < 3; k++) {
            add_all(&other, (int[]){7, 2999, 4999}[k]);
            assert_true(one.from_us == other.from_us && one.width_us == other.width_us);
            assert_int_equal(one.n, other.n);
            assert_memory_equal(one.v, other.v, one.n * sizeof *one.v);
        }
    }
}

static void times_beyond_reason_are_left_out(void **state)
{
    (void)state;
    static struct rp_bins b;
    memset(&b, 0, sizeof b);
    rp_bins_add(&b, INT64_MAX, (struct rp_counts){1, 1});
    rp_bins_add(&b, INT64_MIN, (struct rp_counts){1, 1});
    assert_int_equal(b.n, 0);
    rp_bins_add(&b, INT64_MAX / 5, (struct rp_counts){1, 1});
    rp_bins_add(&b, -(INT64_MAX / 5), (struct rp_counts){0, 1});
    assert_true(b.n <= RP_BINS && sum(&b).runs == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_counted_by_minutes),
        cmocka_unit_test(any_period_fits_and_the_order_changes_nothing),
        cmocka_unit_test(times_beyond_reason_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
