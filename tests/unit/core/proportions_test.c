/* Intervals against the tables of their papers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "core/proportions.h"

static void near(double is, double want)
{
    if (fabs(is - want) > 0.00006)
        fail_msg("%.5f instead of %.4f", is, want);
}

/* Newcombe, Interval estimation for the difference between independent proportions, Statistics in
 * Medicine 17 (1998), table II, method 10: p1 − p2 of a/m and b/n. */
static void the_change_agrees_with_the_paper_s_table(void **state)
{
    static const struct {
        struct rp_proportion one, two;
        double low, high;
    } table[] = {
        {{70, 56}, {80, 48}, 0.0524, 0.3339}, {{10, 9}, {10, 3}, 0.1705, 0.8090},
        {{7, 6}, {7, 2}, 0.0582, 0.8062},     {{56, 5}, {29, 0}, -0.0381, 0.1926},
        {{10, 0}, {20, 0}, -0.1611, 0.2775},  {{10, 0}, {10, 0}, -0.2775, 0.2775},
        {{10, 10}, {20, 0}, 0.6791, 1.0000},  {{10, 10}, {10, 0}, 0.6075, 1.0000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rp_interval c = rp_proportion_change(table[i].two, table[i].one);
        near(c.low, table[i].low);
        near(c.high, table[i].high);
    }
}

static void a_proportion_s_interval_lies_around_it_and_within_bounds(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 200; n += 7)
        for (int64_t failed = 0; failed <= n; failed++) {
            struct rp_interval p = rp_proportion((struct rp_proportion){n, failed});
            assert_true(p.low >= 0 && p.low <= p.mid && p.mid <= p.high && p.high <= 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_change_agrees_with_the_paper_s_table),
        cmocka_unit_test(a_proportion_s_interval_lies_around_it_and_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
