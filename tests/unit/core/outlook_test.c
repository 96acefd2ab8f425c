/* What a replay can expect: which tries count, and when nothing is known. */
#include "core/outlook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

static struct rp_outlook of(int64_t retries, int64_t retried_well, int64_t replays,
                            int64_t replayed_well)
{
    struct rp_outlook o;
    rp_outlook(&(struct rp_tries){{retries, retried_well}, {replays, replayed_well}}, &o);
    return o;
}

static void replays_count_alone_where_there_are_enough(void **state)
{
    (void)state;
    struct rp_outlook o = of(100, 0, 5, 4);
    assert_int_equal(o.from, RP_OUTLOOK_REPLAYS);
    assert_int_equal(o.of.n, 5);
    assert_int_equal(o.of.succeeded, 4);
    assert_true(fabs(o.succeed.mid - .8) < 1e-12);
}

static void too_few_replays_count_with_the_retries(void **state)
{
    (void)state;
    struct rp_outlook o = of(3, 1, 4, 4);
    assert_int_equal(o.from, RP_OUTLOOK_ALL);
    assert_int_equal(o.of.n, 7);
    assert_int_equal(o.of.succeeded, 5);
}

static void fewer_than_five_tries_tell_nothing(void **state)
{
    (void)state;
    assert_int_equal(of(0, 0, 0, 0).from, RP_OUTLOOK_NOT_KNOWN);
    assert_int_equal(of(2, 2, 2, 2).from, RP_OUTLOOK_NOT_KNOWN);
    assert_null(rp_outlook_from_name(of(2, 2, 2, 2).from));
    assert_string_equal(rp_outlook_from_name(of(3, 3, 2, 2).from), "retries and replays");
}

/* Wilson's interval of 8 of 10, by its formula worked out with 40 digits: .4902, .9433. */
static void the_interval_is_that_of_what_succeeds(void **state)
{
    (void)state;
    struct rp_outlook o = of(0, 0, 10, 8);
    assert_true(fabs(o.succeed.low - .4902) < 5e-5);
    assert_true(fabs(o.succeed.high - .9433) < 5e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_count_alone_where_there_are_enough),
        cmocka_unit_test(too_few_replays_count_with_the_retries),
        cmocka_unit_test(fewer_than_five_tries_tell_nothing),
        cmocka_unit_test(the_interval_is_that_of_what_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
