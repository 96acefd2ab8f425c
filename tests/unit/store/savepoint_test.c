/* What a savepoint that is rolled back takes with it (G30). */
#include "store_help.h"

static void a_rolled_back_savepoint_takes_names_and_configuration_back(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueued out;
    struct rp_config other = {0};
    help_types(f, "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.queue = RP_STR("fresh");
    OK(rp_tx_begin(f->db, err));
    OK(rp_savepoint(f->db, err));
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    rp_db_set_config(f->db, &other);
    rp_savepoint_rollback(f->db);
    assert_ptr_equal(rp_db_config(f->db), &f->config);
    OK(rp_savepoint(f->db, err));
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    OK(rp_savepoint_release(f->db, err));
    OK(rp_tx_commit(f->db, err));
    assert_int_equal(help_int(f, "select count(*) from queue where name = 'fresh'"), 1);
    help_check(f);
}

static void G30_an_outer_rollback_takes_back_what_inner_savepoints_released(void **state)
{
    struct fixture *f = *state;
    struct rp_enqueued out;
    struct rp_config other = {0};
    help_types(f, "work", NULL);
    struct rp_enqueue in = help_job("work");
    in.queue = RP_STR("fresh");
    OK(rp_tx_begin(f->db, err));
    (void)rp_db_take_changes(f->db);
    OK(rp_savepoint(f->db, err));
    for (int i = 0; i < 2; i++) {
        OK(rp_savepoint(f->db, err));
        OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
        OK(rp_savepoint_release(f->db, err));
    }
    OK(rp_savepoint(f->db, err));
    rp_db_set_config(f->db, &other);
    OK(rp_savepoint_release(f->db, err));
    rp_savepoint_rollback(f->db);
    assert_int_equal(rp_db_take_changes(f->db), 0);
    assert_ptr_equal(rp_db_config(f->db), &f->config);
    OK(rp_jobs_enqueue(f->db, &in, 1, f->now, &out, err));
    OK(rp_tx_commit(f->db, err));
    assert_int_equal(help_int(f, "select sum(n) from tally"), 1);
    assert_int_equal(help_int(f, "select count(*) from queue where name = 'fresh'"), 1);
    help_check(f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, help_setup, help_teardown)
    const struct CMUnitTest tests[] = {
        T(a_rolled_back_savepoint_takes_names_and_configuration_back),
        T(G30_an_outer_rollback_takes_back_what_inner_savepoints_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
