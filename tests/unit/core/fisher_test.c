/* Fisher's exact test against exact fractions (Python's math.comb). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "core/fisher.h"

static void it_agrees_with_exact_fractions(void **state)
{
    static const struct {
        struct rp_counts a, b;
        double p;
    } known[] = {
        {{5, 10}, {1, 10}, 0.0704334365325077},
        {{20, 100}, {10, 200}, 8.6039473692677e-05},
        {{3, 30}, {100, 1000}, 0.591792893219767},
        {{5, 5}, {0, 5}, 0.00396825396825397},
        {{0, 40}, {3, 10}, 1},
        {{300, 2000}, {5000, 50000}, 4.65442261977758e-12},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double p = rp_fisher_more(known[i].a, known[i].b);
        if (fabs(p - known[i].p) > 1e-8 * known[i].p)
            fail_msg("row %zu: %.15g instead of %.15g", i, p, known[i].p);
    }
}

static void an_empty_group_says_nothing(void **state)
{
    (void)state;
    struct rp_counts none = {0, 0}, some = {10, 10};
    assert_true(rp_fisher_more(none, some) == 1 && rp_fisher_more(some, none) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_exact_fractions),
        cmocka_unit_test(an_empty_group_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
