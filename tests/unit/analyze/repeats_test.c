/* Poison in a stream of runs. */
#include "analyze/repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct rp_str type = {"mail", 4};

static int64_t as_counted(void *ctx, const struct rp_repeat *p)
{
    (void)ctx;
    (void)p;
    return -1;
}

static int64_t four(void *ctx, const struct rp_repeat *p)
{
    (void)ctx;
    (void)p;
    return 4;
}

static void ends(struct rp_repeats *r, const char *id, enum rp_run_outcome outcome,
                 uint32_t pattern, uint64_t succeeded)
{
    struct rp_run run = {.type = type,
                         .id = rp_str_of(id),
                         .start_us = RP_NO_TIME,
                         .end_us = (int64_t)succeeded,
                         .outcome = outcome};
    rp_repeats_add(r, &run, pattern, type, succeeded);
}

static size_t poison(struct rp_repeats *r)
{
    rp_repeats_find(r, as_counted, NULL);
    return r->n;
}

static void three_failures_alike_and_five_successes_of_others_are_poison(void **state)
{
    (void)state;
    struct rp_repeats r;
    rp_repeats_begin(&r);
    ends(&r, "bad", RP_RUN_FAILED, 1, 10);
    ends(&r, "bad", RP_RUN_TIMEOUT, 1, 12);
    ends(&r, "bad", RP_RUN_FAILED, 1, 15);
    assert_int_equal(poison(&r), 1);
    assert_int_equal(r.v[0].failures, 3);
    assert_int_equal(r.v[0].successes, 5);
    assert_true(r.v[0].first_us == 10 && r.v[0].last_us == 15);
    assert_memory_equal(r.v[0].id, "bad", 3);
    rp_repeats_free(&r);
}

static void what_falls_short_of_any_of_it_is_not(void **state)
{
    (void)state;
    struct rp_repeats r;
    rp_repeats_begin(&r);
    for (uint64_t i = 0; i < 2; i++)
        ends(&r, "twice", RP_RUN_FAILED, 1, i * 100);
    for (uint64_t i = 0; i < 3; i++)
        ends(&r, "all-fail", RP_RUN_FAILED, 1, i * 2);
    for (uint64_t i = 0; i < 4; i++)
        ends(&r, "changes", RP_RUN_FAILED, (uint32_t)(i % 2), i * 100);
    for (uint64_t i = 0; i < 4; i++) {
        ends(&r, "mends", RP_RUN_FAILED, 1, i * 100);
        ends(&r, "mends", i == 3 ? RP_RUN_SUCCEEDED : RP_RUN_UNKNOWN, UINT32_MAX, i * 100);
    }
    for (uint64_t i = 0; i < 9; i++)
        ends(&r, "", RP_RUN_FAILED, 1, i * 100);
    assert_int_equal(poison(&r), 0);
    rp_repeats_free(&r);
}

static void who_knows_the_successes_better_is_believed(void **state)
{
    (void)state;
    struct rp_repeats r;
    rp_repeats_begin(&r);
    for (uint64_t i = 0; i < 3; i++)
        ends(&r, "bad", RP_RUN_FAILED, 1, i * 100);
    rp_repeats_find(&r, four, NULL);
    assert_int_equal(r.n, 0);
    rp_repeats_free(&r);
}

static void a_crowd_of_jobs_that_failed_once_does_not_push_it_out(void **state)
{
    (void)state;
    struct rp_repeats r;
    char id[24];
    rp_repeats_begin(&r);
    ends(&r, "bad", RP_RUN_FAILED, 1, 0);
    ends(&r, "bad", RP_RUN_FAILED, 1, 1);
    for (int i = 0; i < 4 * RP_REPEATS_MOST; i++) {
        (void)snprintf(id, sizeof id, "once-%d", i);
        ends(&r, id, RP_RUN_FAILED, 1, 2);
    }
    ends(&r, "bad", RP_RUN_FAILED, 1, 9);
    assert_int_equal(poison(&r), 1);
    rp_repeats_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failures_alike_and_five_successes_of_others_are_poison),
        cmocka_unit_test(what_falls_short_of_any_of_it_is_not),
        cmocka_unit_test(who_knows_the_successes_better_is_believed),
        cmocka_unit_test(a_crowd_of_jobs_that_failed_once_does_not_push_it_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
