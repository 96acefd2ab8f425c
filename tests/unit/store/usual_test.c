/* What is usual for a type: how long its successes take, how much they print. */
#include "store/registry.h"
#include "store_help.h"

static void run_one(struct fixture *f, enum rp_outcome outcome, int64_t us, int64_t bytes)
{
    enum rp_state s;
    (void)help_enqueue(f, "work");
    struct rp_lease l = help_claim_one(f);
    struct rp_report r = help_outcome(&l, outcome);
    r.facts.duration_us = us;
    r.facts.contract_bytes = bytes;
    help_tx(rp_job_report(f->db, &r, f->now, &s, err));
}

static void what_is_usual_is_the_median_of_recent_successes(void **state)
{
    struct fixture *f = *state;
    struct rp_usual u;
    help_types(f, "work", NULL);
    OK(rp_type_usual(f->db, RP_STR("work"), &u, err));
    assert_int_equal(u.n, 0);
    for (int i = 1; i <= 25; i++)
        run_one(f, RP_OUT_SUCCEEDED, i, i == 25 ? 0 : 100 * i);
    OK(rp_type_usual(f->db, RP_STR("work"), &u, err)); /* of 6 … 25; sizes of 6 … 24 */
    assert_true(u.n == 20 && u.duration_us == 15 && u.contract_bytes == 1500);
    FAILS(RP_E_NOT_FOUND, rp_type_usual(f->db, RP_STR("x"), &u, err));
    for (int i = 0; i < 210; i++) /* an outage does not change what is usual */
        run_one(f, RP_OUT_FAILED, 1000000, 0);
    OK(rp_type_usual(f->db, RP_STR("work"), &u, err));
    assert_true(u.n == 20 && u.duration_us == 15 && u.contract_bytes == 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_usual_is_the_median_of_recent_successes, help_setup,
                                        help_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
