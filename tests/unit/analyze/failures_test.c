/* Failures of runs from outside, by pattern. */
#include "analyze/failures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(struct rp_failures *f, const char *type, enum rp_run_outcome outcome,
                const char *error, int64_t at, uint64_t line)
{
    struct rp_run run = {.type = rp_str_of(type),
                         .id = RP_NONE,
                         .error = rp_str_of(error),
                         .start_us = RP_NO_TIME,
                         .end_us = at,
                         .outcome = outcome,
                         .line = line};
    rp_failures_add(f, &run);
}

static void failures_are_counted_by_pattern_most_first_with_types_times_and_samples(void **state)
{
    (void)state;
    struct rp_failures *f = rp_failures_new();
    add(f, "a", RP_RUN_SUCCEEDED, NULL, 10, 1);
    add(f, "a", RP_RUN_FAILED, "KeyError: 'x'", 20, 2);
    for (uint64_t i = 0; i < 5; i++) {
        char text[80];
        (void)snprintf(text, sizeof text, "connect ECONNREFUSED 10.0.0.%d:5432", (int)i);
        add(f, i < 2 ? "b" : "c", RP_RUN_FAILED, text, 30 + (int64_t)i, 10 + i);
    }
    rp_failures_sort(f);
    assert_int_equal(f->failures, 6);
    assert_int_equal(f->n, 2);
    const struct rp_failure_group *g = &f->groups[0];
    assert_int_equal(g->n, 5);
    assert_string_equal(g->class_name, "connection");
    assert_int_equal(g->first_us, 30);
    assert_int_equal(g->last_us, 34);
    assert_int_equal(g->n_types, 2);
    assert_true(rp_str_is(g->types[0].type, "c") && g->types[0].n == 3 && g->types[1].n == 2);
    assert_int_equal(g->n_samples, 3);
    assert_int_equal(g->samples[0].line, 10);
    assert_string_equal(f->groups[1].class_name, "code_bug");
    rp_failures_free(f);
}

static void no_text_is_a_pattern_of_its_own_and_a_time_limit_a_class_of_its_own(void **state)
{
    (void)state;
    struct rp_failures *f = rp_failures_new();
    add(f, "a", RP_RUN_FAILED, NULL, RP_NO_TIME, 1);
    add(f, "a", RP_RUN_FAILED, "", RP_NO_TIME, 2);
    add(f, "a", RP_RUN_TIMEOUT, NULL, RP_NO_TIME, 3);
    rp_failures_sort(f);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->groups[0].n, 2);
    assert_string_equal(f->groups[0].class_name, "unknown");
    assert_string_equal(f->groups[1].class_name, "timeout");
    assert_true(f->groups[0].first_us == RP_NO_TIME);
    rp_failures_free(f);
}

static void what_differs_by_a_name_only_is_one_pattern(void **state)
{
    (void)state;
    static const char *const users[] = {"alice", "bob",   "carol", "dave", "erin",  "frank",
                                        "grace", "heidi", "ivan",  "judy", "mike",  "nina",
                                        "olga",  "peter", "quinn", "ruth", "steve", "trudy"};
    struct rp_failures *f = rp_failures_new();
    char text[100];
    for (uint64_t i = 0; i < sizeof users / sizeof *users; i++) {
        (void)snprintf(text, sizeof text, "cannot renew session of user %s: card expired",
                       users[i]);
        add(f, i % 2 == 0 ? "a" : "b", RP_RUN_FAILED, text, (int64_t)i, 100 - i);
    }
    rp_failures_sort(f);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->groups[0].n, sizeof users / sizeof *users);
    assert_true(f->groups[0].types[0].n == 9 && f->groups[0].types[1].n == 9);
    assert_int_equal(f->groups[0].samples[0].line, 83); /* the first of the log */
    assert_true(f->groups[0].first_us == 0 && f->groups[0].last_us == 17);
    assert_string_equal(rp_cstr(&f->arena, f->groups[0].template),
                        "cannot renew session of user <*>: card expired");
    rp_failures_free(f);
}

static void of_one_template_most_decide_the_class(void **state)
{
    (void)state;
    struct rp_failures *f = rp_failures_new();
    char text[200];
    for (unsigned i = 0; i < 120; i++) {
        (void)snprintf(text, sizeof text, "LedgerError: account %u: debit %u.00 != credit 7.50%s",
                       i, i, i % 10 == 0 ? "\nsee also: connect ECONNREFUSED 10.0.0.1:5432" : "");
        add(f, "a", RP_RUN_FAILED, text, RP_NO_TIME, 400 + i);
    }
    rp_failures_sort(f);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->groups[0].n, 120);
    assert_string_not_equal(f->groups[0].class_name, "connection");
    assert_true(f->groups[0].samples[0].line == 400 && f->groups[0].samples[1].line == 401 &&
                f->groups[0].samples[2].line == 402);
    rp_failures_free(f);
}

static void numbers_that_mean_something_keep_patterns_of_other_classes_apart(void **state)
{
    (void)state;
    struct rp_failures *f = rp_failures_new();
    for (uint64_t i = 0; i < 9; i++)
        add(f, "a", RP_RUN_FAILED,
            i % 3 == 0 ? "failed with exit status 127" : "failed with exit status 137", RP_NO_TIME,
            i);
    add(f, "a", RP_RUN_TIMEOUT, "failed with exit status 124", RP_NO_TIME, 9);
    add(f, "a", RP_RUN_FAILED, "failed with exit status 1", RP_NO_TIME, 10);
    add(f, "a", RP_RUN_FAILED, "failed with exit status 2", RP_NO_TIME, 11);
    rp_failures_sort(f);
    assert_int_equal(f->n, 4);
    assert_true(rp_str_is(f->groups[0].template, "failed with exit status 137"));
    assert_true(rp_str_is(f->groups[1].template, "failed with exit status 127"));
    assert_string_equal(f->groups[1].class_name, "missing_command");
    assert_true(rp_str_is(f->groups[2].template, "failed with exit status <*>")); /* 1, 2 */
    assert_string_equal(f->groups[2].class_name, "unknown");
    assert_true(rp_str_is(f->groups[3].template, "failed with exit status 124"));
    assert_string_equal(f->groups[3].class_name, "timeout");
    rp_failures_free(f);
}

static void too_many_patterns_are_counted_as_unexplained(void **state)
{
    (void)state;
    struct rp_failures *f = rp_failures_new();
    char text[] = "xxxxxxxx went wrong";
    for (unsigned i = 0; i < RP_GROUPS_MAX + 50; i++) {
        for (size_t k = 0; k < 8; k++)
            text[k] = (char)('a' + ((i >> (2 * k)) & 3)); /* letters: no number to mask */
        add(f, "a", RP_RUN_FAILED, text, RP_NO_TIME, i);
    }
    assert_int_equal(f->n, RP_GROUPS_MAX);
    assert_int_equal(f->unexplained, 50);
    rp_failures_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_counted_by_pattern_most_first_with_types_times_and_samples),
        cmocka_unit_test(no_text_is_a_pattern_of_its_own_and_a_time_limit_a_class_of_its_own),
        cmocka_unit_test(what_differs_by_a_name_only_is_one_pattern),
        cmocka_unit_test(of_one_template_most_decide_the_class),
        cmocka_unit_test(numbers_that_mean_something_keep_patterns_of_other_classes_apart),
        cmocka_unit_test(too_many_patterns_are_counted_as_unexplained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
