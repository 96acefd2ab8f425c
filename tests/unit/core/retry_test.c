/* Delays of retries: bounds by calculation, the distribution of full jitter by counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "core/retry.h"

static const struct rp_retry exponential = {
    .kind = RP_BACKOFF_EXPONENTIAL, .retries = 10, .base_us = RP_US_S, .max_us = RP_US_H};

static void exponential_doubles_to_its_maximum_and_stays_there(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 80; n++) {
        int64_t most = n <= 12 ? RP_US_S << (n - 1) : RP_US_H;
        most = most > RP_US_H ? RP_US_H : most;
        assert_int_equal(rp_retry_delay_us(&exponential, n, 0), 0);
        assert_int_equal(rp_retry_delay_us(&exponential, n, UINT64_MAX), most);
        assert_in_range(rp_retry_delay_us(&exponential, n, UINT64_MAX / 2), most / 2 - 1,
                        most / 2 + 1);
    }
    assert_int_equal(rp_retry_delay_us(&exponential, INT64_MAX, UINT64_MAX), RP_US_H);
}

static void full_jitter_is_uniform(void **state)
{
    (void)state;
    enum { BUCKETS = 16, DRAWS = 160000 };
    int count[BUCKETS] = {0};
    uint64_t random = 7;
    for (int i = 0; i < DRAWS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t d = rp_retry_delay_us(&exponential, 5, random);
        assert_in_range(d, 0, 16 * RP_US_S);
        count[d == 16 * RP_US_S ? BUCKETS - 1 : d / RP_US_S]++;
    }
    double chi2 = 0, mean = DRAWS / BUCKETS;
    for (int i = 0; i < BUCKETS; i++)
        chi2 += (count[i] - mean) * (count[i] - mean) / mean;
    assert_true(chi2 < 37.7); /* 15 degrees of freedom, p = 0.001 */
}

static void fixed_delays_are_the_same_each_time(void **state)
{
    (void)state;
    const struct rp_retry p = {.kind = RP_BACKOFF_FIXED, .base_us = 5 * RP_US_S};
    for (int64_t n = 1; n < 50; n++)
        assert_int_equal(rp_retry_delay_us(&p, n, (uint64_t)n * 77777), 5 * RP_US_S);
}

static void a_list_is_walked_and_its_last_delay_repeated(void **state)
{
    (void)state;
    const struct rp_retry p = {
        .kind = RP_BACKOFF_LIST, .delays_us = (const int64_t[]){10, 20, 30}, .n_delays = 3};
    const int64_t expected[] = {10, 20, 30, 30, 30};
    for (int64_t n = 1; n <= 5; n++)
        assert_int_equal(rp_retry_delay_us(&p, n, 1), expected[n - 1]);
    assert_int_equal(rp_retry_delay_us(&p, INT64_MAX, 1), 30);
    const struct rp_retry none = {.kind = RP_BACKOFF_LIST};
    assert_int_equal(rp_retry_delay_us(&none, 1, 1), 0);
}

static void no_delay_is_negative_or_over_30_days(void **state)
{
    (void)state;
    const int64_t odd[] = {INT64_MIN, -1, 0, 1, 31 * RP_US_DAY, INT64_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int kind = RP_BACKOFF_EXPONENTIAL; kind <= RP_BACKOFF_LIST; kind++) {
            struct rp_retry p = {.kind = (enum rp_backoff)kind,
                                 .base_us = odd[i],
                                 .max_us = odd[i],
                                 .delays_us = &odd[i],
                                 .n_delays = 1};
            for (int64_t n = -1; n < 70; n++) {
                int64_t d = rp_retry_delay_us(&p, n, UINT64_MAX);
                assert_true(d >= 0 && d <= 30 * RP_US_DAY);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_doubles_to_its_maximum_and_stays_there),
        cmocka_unit_test(full_jitter_is_uniform),
        cmocka_unit_test(fixed_delays_are_the_same_each_time),
        cmocka_unit_test(a_list_is_walked_and_its_last_delay_repeated),
        cmocka_unit_test(no_delay_is_negative_or_over_30_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
