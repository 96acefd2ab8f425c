/* Two levels (miner.md 12): what is a wrapped error, what a mere value; in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/pairs.h"

#include <stdlib.h>

static struct rp_pair pair(uint32_t outer, uint32_t inner, uint32_t class, const char *text)
{
    return (struct rp_pair){
        .outer = outer, .inner = inner, .class = class, .text = rp_str_of(text)};
}

static void errors_stay_apart_and_values_are_one(void **state)
{
    struct rp_pair v[] = {
        pair(1, 1, 0, "connection refused to <*>"),
        pair(1, 2, 0, "no tenant <*>"),
        pair(1, 3, 0, "order-<*>"),
        pair(1, 4, 0, "'alice'"),
        pair(1, 5, 0, "<*>, <*>"),
        pair(1, 6, 0, "TimeoutError"),
        pair(1, 0, 0, ""),
        pair(2, 0, 0, ""),
        pair(3, 7, 0, "no tenant <*>"),
    };
    static const uint32_t inner[] = {1, 2, 0, 0, 0, 6, 0, 0, 7};
    (void)state;
    rp_pairs_settle(v, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(v[i].inner, inner[i]);
    assert_true(v[0].wraps && v[0].several && v[6].wraps);
    assert_false(v[7].wraps || v[7].several);
    assert_true(v[8].wraps && !v[8].several); /* one error: nothing to tell apart */
}

static void several_counts_errors_of_all_classes(void **state)
{
    struct rp_pair v[] = {pair(1, 1, 3, "disk full"), pair(1, 1, 4, "disk full")};
    (void)state;
    rp_pairs_settle(v, 2);
    assert_true(v[0].several && v[1].several);
}

enum { NAMES = 9 };
static const char *const names[NAMES] = {"alpha", "beta",  "gamma", "delta", "epsilon",
                                         "zeta",  "theta", "iota",  "kappa"};

/* A few single words may be names of errors; many are names of things. By class. */
static void many_single_words_are_names_of_things(void **state)
{
    struct rp_pair v[NAMES + 2];
    (void)state;
    for (size_t n = NAMES - 1; n <= NAMES; n++) {
        for (size_t i = 0; i < n; i++)
            v[i] = pair(1, (uint32_t)i + 1, 0, names[i]);
        v[n] = pair(1, 20, 0, "disk full");
        v[n + 1] = pair(1, 1, 5, names[0]);
        rp_pairs_settle(v, n + 2);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(v[i].inner, n < NAMES ? i + 1 : 0);
        assert_int_equal(v[n].inner, 20);
        assert_int_equal(v[n + 1].inner, 1);
    }
}

static void the_order_of_the_lines_does_not_matter(void **state)
{
    struct rp_pair v[2 * NAMES];
    (void)state;
    srandom(7);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 2 * NAMES; i++)
            v[i] = pair((uint32_t)i % 2, (uint32_t)(i / 2) + 1, 0,
                        i % 2 == 0 ? names[i / 2] : "could not open file");
        for (size_t i = 2 * NAMES; i-- > 1;) {
            size_t k = (size_t)random() % (i + 1);
            struct rp_pair x = v[i];
            v[i] = v[k];
            v[k] = x;
        }
        rp_pairs_settle(v, 2 * NAMES);
        for (size_t i = 0; i < 2 * NAMES; i++) {
            assert_int_equal(v[i].inner == 0, v[i].outer == 0);
            assert_int_equal(v[i].wraps, v[i].outer == 1);
        }
    }
    rp_pairs_settle(v, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_stay_apart_and_values_are_one),
        cmocka_unit_test(several_counts_errors_of_all_classes),
        cmocka_unit_test(many_single_words_are_names_of_things),
        cmocka_unit_test(the_order_of_the_lines_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
