/* When old records go, by the engine's clocks: `retention:`. */
#include "clocks.h"

#include "store/internal.h"

static const char conf[] = "jobs: { a: { schedule: \"0 3 1 1 *\" } }\n"
                           "retention: { verdicts: 30d }\n";

static bool run_script(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_script(db, arg, err);
}

/* A verdict of so many days ago; those that the engine itself gives are not counted. */
static void verdict(struct world *w, int64_t days)
{
    char sql[200];
    struct rp_err err;
    (void)snprintf(sql, sizeof sql,
                   "insert into occurrence(schedule_id, instant, verdict, decided_at) values(1,"
                   " %lld, 1, 1)",
                   (long long)(wall(NULL) - days * RP_US_DAY));
    must(rp_engine_write(w->engine, run_script, sql, &err), &err);
}

static int64_t verdicts_left(struct world *w)
{
    struct rp_err err;
    int64_t n;
    must(rp_get_i64(rp_sql(w->reader, "select count(*) from occurrence where decided_at = 1"), 0,
                    &n, &err),
         &err);
    return n;
}

static void left_become(struct world *w, int64_t n)
{
    for (int i = 0; i < 3000 && verdicts_left(w) != n; i++)
        pause_ms(10);
    assert_int_equal(verdicts_left(w), n);
}

/* Where the machine is slow a round takes a step a second, with a step or two for each table. */
static void the_round_ends(struct world *w)
{
    for (int i = 0; i < 10; i++)
        sleep_for(w, 2 * RP_US_S);
}

static void old_verdicts_go_ten_minutes_after_the_start_and_then_every_hour(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    for (int i = 0; i < 3; i++)
        verdict(w, 31 + i);
    verdict(w, 29);
    sleep_for(w, 5 * RP_US_MIN);
    assert_int_equal(verdicts_left(w), 4);
    sleep_for(w, 6 * RP_US_MIN);
    left_become(w, 1);
    the_round_ends(w);
    verdict(w, 31);
    sleep_for(w, 30 * RP_US_MIN);
    assert_int_equal(verdicts_left(w), 2);
    sleep_for(w, 31 * RP_US_MIN);
    left_become(w, 1);
    world_free(w);
}

/* A clock that is wrong for a while takes nothing: when it is put right, all is still there. */
static void a_clock_that_is_years_ahead_for_a_while_takes_no_verdict(void **state)
{
    (void)state;
    struct world *w = world_with_clock(conf);
    verdict(w, 1);
    verdict(w, 31);
    sleep_for(w, 9 * RP_US_MIN);
    set_clock(w, 3 * 366 * RP_US_DAY);
    sleep_for(w, 9 * RP_US_MIN);
    assert_int_equal(verdicts_left(w), 2);
    set_clock(w, -3 * 366 * RP_US_DAY);
    sleep_for(w, 9 * RP_US_MIN);
    assert_int_equal(verdicts_left(w), 2);
    sleep_for(w, 2 * RP_US_MIN);
    left_become(w, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_verdicts_go_ten_minutes_after_the_start_and_then_every_hour),
        cmocka_unit_test(a_clock_that_is_years_ahead_for_a_while_takes_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
