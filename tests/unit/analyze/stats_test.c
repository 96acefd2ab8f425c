#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_near(double got, double wanted, double relative, const char *what)
{
    if (fabs(got - wanted) > relative * fmax(1, fabs(wanted)))
        fail_msg("%s: got %.15g, wanted %.15g", what, got, wanted);
}

/* stats_exact.py says how the table was made: whole numbers, exact fractions. */
static void p_values_are_those_of_an_exact_calculation(void **state)
{
    (void)state;
    char line[400];
    FILE *f = fopen(RP_TESTS "/unit/analyze/stats_exact.tsv", "r");
    int n = 0;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    for (; fgets(line, sizeof line, f) != NULL; n++) {
        char *at = line;
        unsigned long long v[4];
        for (int i = 0; i < 4; i++)
            v[i] = strtoull(at, &at, 10);
        double fisher = strtod(at, &at), chi2 = strtod(at, &at);
        struct rp_counts in = {v[0], v[0] + v[1]}, out = {v[2], v[2] + v[3]};
        assert_near(rp_fisher_log_p(in, out), fisher, 1e-9, line);
        assert_near(rp_chi2_log_p(in, out), chi2, 1e-6, line);
    }
    (void)fclose(f);
    assert_true(n > 60);
}

static void a_small_expected_count_is_tested_by_fisher(void **state)
{
    (void)state;
    struct rp_counts in = {4, 29}, out = {43, 6883}, large = {129, 393}, rest = {158, 6519};
    assert_true(rp_counts_log_p(in, out) == rp_fisher_log_p(in, out));
    assert_true(rp_counts_log_p(large, rest) == rp_chi2_log_p(large, rest));
    assert_true(rp_fisher_log_p(in, out) != rp_chi2_log_p(in, out));
}

/* p values of a million rows are below any double: their logarithms are not. */
static void a_tiny_p_value_keeps_its_size(void **state)
{
    (void)state;
    struct rp_counts in = {900000, 1000000}, out = {1000, 9000000};
    double p = rp_chi2_log_p(in, out);
    assert_true(isfinite(p) && p < -1e6);
    struct rp_counts few = {2000, 2000}, many = {0, 5000000};
    double log_choose = lgamma(5002001.0) - lgamma(2001.0) - lgamma(5000001.0);
    assert_near(rp_fisher_log_p(few, many), -log_choose, 1e-9, "one table of its margins");
}

/* The example of Benjamini and Hochberg 1995, section 3.2: at .05 the first four of 15 hold. */
static void q_values_hold_four_of_the_fifteen_of_the_paper(void **state)
{
    (void)state;
    double p[] = {.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344,
                  .0459, .3240, .4262, .5719, .6528, .7590, 1.0};
    int hold = 0;
    for (int i = 0; i < 15; i++)
        p[i] = log(p[i]);
    rp_bh_log_q(p, 15, 15);
    for (int i = 0; i < 15; i++)
        hold += exp(p[i]) <= .05;
    assert_int_equal(hold, 4);
    assert_near(exp(p[0]), .0015, 1e-9, "the first");
    assert_near(exp(p[4]), .0603, 1e-9, "the fifth: 0.0201 * 15 / 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p_values_are_those_of_an_exact_calculation),
        cmocka_unit_test(a_small_expected_count_is_tested_by_fisher),
        cmocka_unit_test(a_tiny_p_value_keeps_its_size),
        cmocka_unit_test(q_values_hold_four_of_the_fifteen_of_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
