/* Two levels in a list: what stands where, and what is only in a sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/pair_sums.h"

#include <stdlib.h>

enum { MOST = 2 };

static void want_ids(const struct rp_pair_sum *v, const int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(v[i].id, ids[i]);
}

/* Message 90 wraps 1, 2, 3 (4 + 3 + 3 failures), 91 wraps 4 (9); 5 (10) and 6 (1) are alone. Where
 * sums are equal the smaller number goes first: 5 before 90. */
static void a_message_stands_at_the_place_of_its_sum(void **state)
{
    (void)state;
    struct rp_pair_sum v[] = {{.id = 6, .n = 1},
                              {.id = 3, .n = 3, .outer = 90},
                              {.id = 4, .n = 9, .outer = 91},
                              {.id = 1, .n = 3, .outer = 90},
                              {.id = 5, .n = 10},
                              {.id = 2, .n = 4, .outer = 90}};
    static const int64_t all[] = {5, 2, 1, 3, 4, 6}, listed[] = {5, 2, 1, 4, 6, 3};
    size_t n = sizeof v / sizeof *v;
    assert_int_equal(rp_pair_sums_order(v, n, n), n);
    want_ids(v, all, n);
    assert_int_equal(v[1].together, 10);
    assert_int_equal(v[3].several, 3);
    assert_int_equal(v[4].together, 9);
    assert_int_equal(v[4].several, 1);
    assert_int_equal(v[0].together, 10);
    assert_int_equal(rp_pair_sums_order(v, n, MOST), n - 1);
    want_ids(v, listed, n);
    assert_int_equal(v[1].together, 10); /* also what is not listed counts */
    assert_int_equal(rp_pair_sums_order(v, 0, MOST), 0);
}

/* Whatever the order they come in, and each keeps its place in the caller's list. */
static void the_order_that_they_come_in_does_not_matter(void **state)
{
    (void)state;
    enum { N = 60 };
    struct rp_pair_sum first[N], v[N];
    srandom(11);
    for (size_t round = 0; round < 20; round++) {
        size_t from[N];
        for (size_t i = 0; i < N; i++)
            from[i] = i;
        for (size_t i = N; round > 0 && i-- > 1;) {
            size_t k = (size_t)random() % (i + 1), x = from[i];
            from[i] = from[k];
            from[k] = x;
        }
        for (size_t i = 0; i < N; i++)
            v[i] = (struct rp_pair_sum){.place = i,
                                        .id = (int64_t)from[i] + 1,
                                        .n = (int64_t)(from[i] * 7 % 10),
                                        .outer = from[i] % 3 == 0 ? 0 : 100 + (int64_t)from[i] % 7};
        size_t listed = rp_pair_sums_order(v, N, MOST);
        for (size_t i = 0; i < N; i++) {
            first[i] = round == 0 ? v[i] : first[i];
            assert_int_equal(v[i].id, first[i].id);
            assert_int_equal(v[i].together, first[i].together);
            assert_int_equal(from[v[i].place] + 1, v[i].id);
            assert_int_equal(v[i].small, i >= listed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_stands_at_the_place_of_its_sum),
        cmocka_unit_test(the_order_that_they_come_in_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
