/* G19: what came of a large replay is summed up behind its end, without anybody asking. */
#include "world.h"

#include "store/driver.h"
#include "store/internal.h"

/* Several ticks' worth. */
#define ITEMS "10000"

static bool run_script(struct rp_db *db, void *arg, struct rp_err *err)
{
    return rp_script(db, arg, err);
}

static char a_replay_that_has_ended[] =
    "insert into replay(id, state, selection, actor, plan_hash, canary, wave_max, matched, "
    "left_out,"
    " created_at, ended_at, to_sum) values(1, 5, '{}', 'me', '', 1, 1, 1, 0, 1, 1, 1);"
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < " ITEMS ")"
    " insert into replay_item(replay_id, seq, job_id, type_id, state_before, n_before,"
    " attempts_before, max_attempts_before, due_before, payload_hash, settings_hash, fate)"
    " select 1, i, i, 1, 6, 1, 1, 1, 1, 0, 0, 3 from n";

static int64_t asked(struct world *w, const char *sql)
{
    struct rp_err err;
    int64_t n;
    must(rp_get_i64(rp_sql(w->reader, sql), -1, &n, &err), &err);
    return n;
}

static void a_replay_that_has_ended_is_summed_up_by_itself(void **state)
{
    (void)state;
    struct world *w = world_new("jobs: { fetched: {} }\n");
    struct rp_err err;
    must(rp_engine_write(w->engine, run_script, a_replay_that_has_ended, &err), &err);
    int64_t until = rp_mono(&rp_clock_system) + 120 * RP_US_S;
    while (asked(w, "select to_sum from replay") != 0) {
        assert_true(rp_mono(&rp_clock_system) < until);
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    assert_int_equal(asked(w, "select sum(n) from replay_sum where fate = 3"), atoi(ITEMS));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_that_has_ended_is_summed_up_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
