#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/poison.h"

static struct rp_failed_try try(int64_t job, int64_t pattern, const char *node, int64_t at)
{
    return (struct rp_failed_try){
        .job_id = job, .pattern_id = pattern, .ended_us = at, .node = rp_str_of(node)};
}

static size_t suspects(const struct rp_failed_try *v, size_t n, struct rp_suspect *first)
{
    struct rp_arena a = {0};
    struct rp_suspect *s;
    size_t found;
    rp_poison_suspects(v, n, &a, &s, &found);
    if (found > 0)
        *first = s[0];
    rp_arena_free(&a);
    return found;
}

static void three_failures_of_one_pattern_on_two_nodes_are_suspect(void **state)
{
    (void)state;
    struct rp_suspect s = {0};
    const struct rp_failed_try v[] = {try(7, 1, "a", 50), try(7, 1, "b", 20), try(7, 1, "a", 90)};
    assert_int_equal(suspects(v, 3, &s), 1);
    assert_int_equal(s.job_id, 7);
    assert_int_equal(s.pattern_id, 1);
    assert_int_equal(s.failures, 3);
    assert_int_equal(s.nodes, 2);
    assert_int_equal(s.from_us, 20);
    assert_int_equal(s.to_us, 90);
}

static void two_failures_one_node_or_another_pattern_are_not(void **state)
{
    (void)state;
    struct rp_suspect s;
    const struct rp_failed_try two[] = {try(7, 1, "a", 1), try(7, 1, "b", 2)},
                               one_node[] = {try(7, 1, "a", 1), try(7, 1, "a", 2),
                                             try(7, 1, "a", 3)},
                               mixed[] = {try(7, 1, "a", 1), try(7, 2, "b", 2), try(7, 1, "a", 3)},
                               no_node[] = {try(7, 1, "", 1), try(7, 1, "", 2), try(7, 1, "", 3)},
                               others[] = {try(1, 1, "a", 1), try(2, 1, "b", 2), try(3, 1, "c", 3)};
    assert_int_equal(suspects(two, 2, &s), 0);
    assert_int_equal(suspects(one_node, 3, &s), 0);
    assert_int_equal(suspects(mixed, 3, &s), 0);
    assert_int_equal(suspects(no_node, 3, &s), 0);
    assert_int_equal(suspects(others, 3, &s), 0);
    assert_int_equal(suspects(two, 0, &s), 0);
}

static void jobs_of_one_payload_count_together(void **state)
{
    (void)state;
    struct rp_suspect s = {0};
    struct rp_failed_try v[] = {try(1, 1, "a", 1), try(2, 1, "b", 2), try(3, 1, "c", 3)};
    for (size_t i = 0; i < 3; i++)
        v[i].what = 99;
    assert_int_equal(suspects(v, 3, &s), 1);
    assert_int_equal(s.jobs, 3);
    assert_int_equal(s.failures, 3);
    v[1].what = 98; /* another payload between */
    assert_int_equal(suspects(v, 3, &s), 0);
}

static void each_pattern_of_each_job_is_added_up_for_itself(void **state)
{
    (void)state;
    struct rp_suspect s;
    const struct rp_failed_try v[] = {try(7, 1, "a", 1), try(7, 2, "a", 2), try(7, 1, "b", 3),
                                      try(7, 2, "b", 4), try(7, 1, "a", 5), try(7, 2, "c", 6),
                                      try(8, 1, "a", 7), try(8, 1, "b", 8), try(8, 1, "c", 9)};
    assert_int_equal(suspects(v, 9, &s), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failures_of_one_pattern_on_two_nodes_are_suspect),
        cmocka_unit_test(two_failures_one_node_or_another_pattern_are_not),
        cmocka_unit_test(jobs_of_one_payload_count_together),
        cmocka_unit_test(each_pattern_of_each_job_is_added_up_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
